"""precision = "float32": fluxes in single precision, depths and books in double."""

import numpy as np
import pytest

from tests.flood.basins import advance, hills, solver
from twin.domain import Domain
from twin.scenarios.binding import RainForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

SCHEMES = ("first_order", "second_order", "local_inertial")


def _wave(scheme: str, precision: str, altitude: float = 0.0, tiles: bool = True) -> FloodSolver:
    bed = hills(80, 150, 7, relief=2.0) + np.linspace(0.0, 5.0, 150) + altitude
    depth = np.maximum(3.0 + altitude - bed, 0.0)
    depth[:, 40:] = 0.0
    return solver(bed, depth, cell=5.0, roughness=0.03, scheme=scheme, precision=precision, tiles=tiles)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_single_precision_follows_double_and_loses_no_water(scheme: str) -> None:
    single, double = (_wave(scheme, precision) for precision in ("float32", "float64"))
    for flood in (single, double):
        advance(flood, 0.0, 60.0)
        books = flood.ledger()
        assert abs(books["mass_error_m3"]) <= 1e-12 * books["volume_m3"]
        assert flood.depth.min() >= 0.0
    differ = np.abs(single.depth - double.depth)
    assert 0.0 < differ.max() < 5e-3
    assert float(np.sqrt((differ**2).mean())) < 1e-4


@pytest.mark.parametrize("scheme", ["second_order", "local_inertial"])
def test_altitude_costs_nothing_in_single_precision(scheme: str) -> None:
    low, high = (_wave(scheme, "float32", altitude) for altitude in (0.0, 2000.0))
    for flood in (low, high):
        advance(flood, 0.0, 30.0)
    # The bed itself is rounded to 2e-13 m at 2000 m; what is left is the rounding of single fluxes.
    np.testing.assert_allclose(low.depth, high.depth, rtol=0, atol=2e-3)
    assert float(np.sqrt(((low.depth - high.depth) ** 2).mean())) < 5e-5


@pytest.mark.parametrize("scheme", ["second_order", "local_inertial"])
def test_a_deep_lake_rests_in_single_precision(scheme: str) -> None:
    bed = hills(70, 140, 3, relief=20.0) + 1500.0
    depth = np.maximum(1520.0 - bed, 0.0)
    flood = solver(bed, depth, cell=5.0, scheme=scheme, precision="float32")
    advance(flood, 0.0, 60.0)
    h, qx, qy = flood.state()["state"]
    assert float(np.hypot(qx, qy).max()) < 1e-3
    np.testing.assert_allclose(h, depth, atol=1e-4)


@pytest.mark.parametrize("scheme", ["second_order", "local_inertial"])
def test_rain_on_deep_water_is_not_lost_in_single_precision(scheme: str) -> None:
    bed, depth = np.zeros((20, 20)), np.full((20, 20), 50.0)
    rain = RainForcing(TimeSeries.constant(0.1 / 3600.0), 0.0, 3600.0)
    flood = FloodSolver.assemble(
        Domain.from_arrays(bed, cell=10.0, roughness=0.03),
        Forcing(depth, rains=(rain,)),
        FloodParameters(scheme=scheme, precision="float32"),
    )
    advance(flood, 0.0, 3600.0)
    np.testing.assert_allclose(flood.depth - 50.0, 0.1, rtol=1e-6)


@pytest.mark.parametrize("scheme", ["second_order", "local_inertial"])
def test_sleeping_tiles_change_no_bit_in_single_precision(scheme: str) -> None:
    on, off = (_wave(scheme, "float32", tiles=tiles) for tiles in (True, False))
    for flood in (on, off):
        advance(flood, 0.0, 40.0)
    for name in ("state", "faces") if scheme == "local_inertial" else ("state",):
        np.testing.assert_array_equal(on.state()[name], off.state()[name])


def test_relief_costs_nothing_in_single_precision() -> None:
    """The same wave at the foot and at the top of a step of 2000 m within a tile."""
    shape, step = (40, 120), 60
    bed, depth = np.zeros(shape), np.ones(shape)
    bed[:, step:] = 2000.0
    depth[:, : step // 2] = depth[:, step : step + step // 2] = 3.0
    wall = np.full((shape[0], shape[1] + 1), -np.inf)
    wall[:, step] = np.inf
    flood = solver(
        bed, depth, cell=5.0, roughness=0.03, crest_x=wall, scheme="local_inertial", precision="float32"
    )
    advance(flood, 0.0, 30.0)
    assert 1.5 < flood.depth[:, step // 2].min() < 2.5
    np.testing.assert_allclose(flood.depth[:, :step], flood.depth[:, step:], rtol=0, atol=1e-5)
