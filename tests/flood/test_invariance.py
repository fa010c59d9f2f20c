"""What may not matter: where the grid lies, when a run is interrupted, and in the end the resolution."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.flood.basins import advance, hills, parameters, solver
from twin.domain import Domain
from twin.errors import SolverError
from twin.grid import Grid
from twin.scenarios.binding import NORMAL_DEPTH, OPEN, InflowForcing, RainForcing, WaterLevelForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.solver import FloodSolver

SCHEMES = ["first_order", "second_order"]


def _with_everything(scheme: str, x_west: float = 0.0, y_north: float = 350.0) -> FloodSolver:
    """Rain, an inflow, a level on an edge, normal depth and an open side on rough land, from a lake."""
    bed = hills(70, 150, 12, relief=2.0) + np.linspace(4, 0, 150)
    domain = Domain.from_arrays(bed, cell=5.0, roughness=0.03, x_west=x_west, y_north=y_north)
    inflow = InflowForcing(TimeSeries.constant(50.0), 0.0, 30.0, np.arange(3000, 3002), np.full(2, 0.5))
    forcing = Forcing(
        np.maximum(1.0 - bed, 0),
        rains=(RainForcing(TimeSeries.constant(2e-5), 5.0, 40.0),),
        inflows=(inflow,),
        levels=(
            WaterLevelForcing(
                TimeSeries(times=(0.0, 60.0), values=(1.0, 4.0)), 0.0, np.inf,
                {"west": np.arange(20)}, np.zeros(0, dtype=np.int64),
            ),
        ),
        codes=uniform_boundaries(70, 150, east=NORMAL_DEPTH, north=OPEN),
    )  # fmt: skip
    return FloodSolver.assemble(domain, forcing, parameters(scheme=scheme))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_restart_among_all_events_changes_no_bit(scheme: str) -> None:
    straight, first, second = (_with_everything(scheme) for _ in range(3))
    for flood in (straight, first):
        t = advance(flood, 0.0, 60.0, steps=120)
    second.restore(first.state())
    for flood in (straight, second):
        advance(flood, t, 60.0)
    for name, value in straight.state().items():
        np.testing.assert_array_equal(value, second.state()[name], err_msg=name)
    assert straight.ledger() == second.ledger()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_coordinates_change_no_bit(scheme: str) -> None:
    here, there = _with_everything(scheme), _with_everything(scheme, x_west=7.0e5, y_north=6.9e6)
    assert isinstance(there.grid, Grid)
    for flood in (here, there):
        advance(flood, 0.0, 30.0)
    np.testing.assert_array_equal(here.state()["state"], there.state()["state"])


@pytest.mark.parametrize("scheme", [*SCHEMES, "local_inertial"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(575, (33, 42), 2.0, 1e-4, 2000.0, (7.0e5, 6.9e6), 1.0)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(5, 70), st.integers(5, 140)),
    level=st.sampled_from([-1.0005, 0.0005, 2.0005]),  # not that of any bed, which is in mm: see below
    rain=st.sampled_from([0.0, 1e-4]),
    higher=st.sampled_from([2000.0, -400.0, 1234.5]),
    corner=st.sampled_from([(7.0e5, 6.9e6), (1.0e7, -3.0e7)]),
    cell=st.sampled_from([1.0, 20.0]),
)
def test_neither_altitude_nor_place_matters(scheme, seed, shape, level, rain, higher, corner, cell) -> None:
    """The same water on the same land 2000 m higher and far away: 1e-9 m and, deeper than 1 mm, 1e-8 m/s;
    1e-6 m/s with local inertia, whose friction is single: one of its roundings changes with the last bit of
    a level (6e-8 of the speed).
    """
    _same_water_elsewhere(scheme, seed, shape, level, rain, higher, corner, cell)


@pytest.mark.xfail(
    reason="a face onto a cell without water has the exact solution, one onto a film that of HLL, which does"
    " not become the other as the film goes to nothing: where a lake stands at the very level of a dry bed, a"
    " rounding of 1e-21 m decides, and the next wave differs by 3e-7 m"
)
def test_a_lake_at_the_very_level_of_a_dry_bed_elsewhere() -> None:
    _same_water_elsewhere("second_order", 458, (43, 121), 2.0, 0.0, 2000.0, (7.0e5, 6.9e6), 1.0)


def _same_water_elsewhere(scheme, seed, shape, level, rain, higher, corner, cell) -> None:
    bed = np.round(hills(*shape, seed, relief=2.0), 3)
    depth = np.maximum(level - bed, 0) * (np.arange(shape[1]) < 0.6 * shape[1])

    def run(bed: np.ndarray, x: float, y: float) -> FloodSolver | None:
        domain = Domain.from_arrays(bed, cell=cell, roughness=0.03, x_west=x, y_north=y)
        forcing = Forcing(
            depth,
            rains=(RainForcing(TimeSeries.constant(rain), 0.0, np.inf),),
            codes=uniform_boundaries(*shape, east=OPEN),
        )
        flood = FloodSolver.assemble(domain, forcing, parameters(scheme=scheme))
        try:
            advance(flood, 0.0, 5.0 * np.sqrt(cell))
        except SolverError as error:
            if scheme != "local_inertial" or "second_order" not in error.cause:
                raise
            return None
        return flood

    here, there = run(bed, 0.0, 0.0), run(bed + higher, *corner)
    assert (here is None) == (there is None)  # local inertia is no longer valid on both
    if here is None or there is None:
        return
    np.testing.assert_allclose(there.depth, here.depth, rtol=0, atol=1e-9)
    deep = here.depth > 1e-3
    velocities = [flood.state()["state"][1:, deep] / flood.depth[deep] for flood in (there, here)]
    np.testing.assert_allclose(*velocities, rtol=0, atol=1e-6 if scheme == "local_inertial" else 1e-8)


@pytest.mark.threads
@pytest.mark.parametrize("scheme", [*SCHEMES, "local_inertial"])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), shape=st.tuples(st.integers(60, 200), st.integers(120, 300)))
def test_the_number_of_threads_changes_no_bit(scheme, seed, shape) -> None:
    bed = hills(*shape, seed, relief=3.0) + np.linspace(0, 8, shape[1])
    depth = np.maximum(3.0 - bed, 0) * (np.arange(shape[1]) < 40)
    runs = [solver(bed, depth, cell=5.0, roughness=0.03, scheme=scheme, threads=n) for n in (1, 2)]
    for flood in runs:
        advance(flood, 0.0, 20.0)
    for name in ("state", "record", "classes", "edge_totals", "numbers"):
        np.testing.assert_array_equal(runs[0].state()[name], runs[1].state()[name], err_msg=name)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_doubling_the_resolution_converges(scheme: str) -> None:
    """A wave over a smooth hill with a dry top: distances to a four times finer run shrink."""

    def run(n: int) -> np.ndarray:
        c = (np.arange(n) + 0.5) * 200.0 / n
        x, y = np.meshgrid(c, c)
        bed = 1.5 * np.exp(-(((x - 130) ** 2 + (y - 90) ** 2) / 30**2))
        depth = np.maximum(1.0 + 0.5 * np.exp(-(((x - 60) ** 2 + (y - 110) ** 2) / 20**2)) - bed, 0.0)
        flood = solver(bed, depth, cell=200.0 / n, roughness=0.02, scheme=scheme)
        advance(flood, 0.0, 20.0)
        k = n // 25
        return flood.depth.reshape(25, k, 25, k).mean(axis=(1, 3))

    fine = run(200)
    errors = [float(np.abs(run(n) - fine).mean()) for n in (25, 50, 100)]
    assert errors[0] > 1.4 * errors[1] > 2.0 * errors[2]
