"""Rough land and deep water together: no stop, no water made or lost."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flood.basins import advance, hills, parameters, solver
from twin.domain import Domain
from twin.errors import SolverError
from twin.scenarios.binding import OPEN, WALL, InflowForcing, RainForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.solver import FloodSolver

LANDS = ["rough", "cliffs", "plane", "gorge", "noise", "towers"]
WATERS = ["dam", "columns", "film", "none", "mix"]


def _land(kind: str, ny: int, nx: int, cell: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:ny, 0:nx].astype(float)
    if kind == "rough":
        return hills(ny, nx, seed, relief=min(float(rng.choice([1, 5, 30])), 10 * cell))
    if kind == "cliffs":
        blocks = rng.uniform(0, min(float(rng.choice([3, 30, 150])), 10 * cell), (ny // 6 + 1, nx // 6 + 1))
        return np.kron(blocks, np.ones((6, 6)))[:ny, :nx]
    if kind == "towers":
        return min(float(rng.choice([3, 30, 500])), 10 * cell) * (rng.random((ny, nx)) < 0.15)
    if kind == "plane":
        return cell * float(rng.choice([0.1, 1.0, 2.0])) * (nx - x) + cell * float(rng.choice([0, 1])) * y
    if kind == "gorge":
        return 0.05 * cell * (nx - x) + cell * float(rng.choice([0.5, 1.5])) * np.abs(
            y - ny / 2 - 3 * np.sin(x / 5)
        )
    return rng.uniform(0, min(float(rng.choice([1, 10, 100])), 10 * cell), (ny, nx))


def _water(kind: str, bed: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed + 1)
    depth = np.zeros_like(bed)
    if kind == "dam":
        behind = bed[:, : bed.shape[1] // 4]
        depth[:, : bed.shape[1] // 4] = np.maximum(
            bed.min() + rng.uniform(0.3, 1.2) * np.ptp(bed) - behind, 0
        )
    if kind in ("columns", "mix"):
        depth += (rng.random(bed.shape) < 0.1) * float(rng.choice([0.1, 1, 8, 50]))
    if kind in ("film", "mix"):
        depth += (rng.random(bed.shape) < 0.7) * 10.0 ** rng.uniform(-6, -0.5, bed.shape)
    return depth


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    land=st.sampled_from(LANDS),
    water=st.sampled_from(WATERS),
    cell=st.sampled_from([0.5, 2.0, 20.0, 50.0]),
    roughness=st.sampled_from([0.003, 0.01, 0.03, 0.1]),
    rain=st.sampled_from([0.0, 5.0, 100.0, 1000.0]),
    discharge=st.sampled_from([0.0, 0.1, 10.0, 500.0]),
    edge=st.sampled_from([WALL, OPEN]),
)
def test_rough_land_of_ten_cells_with_friction_does_not_stop_a_run(
    scheme: str, seed: int, land: str, water: str, cell: float, roughness: float, rain: float,
    discharge: float, edge: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    ny, nx = int(rng.integers(8, 40)), int(rng.integers(8, 60))
    bed = _land(land, ny, nx, cell, seed)
    place = np.array([int(rng.integers(ny * nx))])
    series = TimeSeries.constant(discharge * min(1.0, cell / 5))
    forcing = Forcing(
        _water(water, bed, seed),
        rains=(RainForcing(TimeSeries.constant(rain * 1e-3 / 3600), 0.0, np.inf),),
        inflows=(InflowForcing(series, 0.0, np.inf, place, np.ones(1)),),
        codes=uniform_boundaries(ny, nx, east=edge),
    )
    domain = Domain.from_arrays(bed, cell=cell, roughness=roughness)
    flood = FloodSolver.assemble(domain, forcing, parameters(scheme=scheme))
    advance(flood, 0.0, 1e6, steps=100)
    books = flood.ledger()
    keys = ("volume_m3", "initial_m3", "inflow_m3", "outflow_m3", "rain_m3")
    assert abs(books["mass_error_m3"]) <= 1e-13 * max(books[key] for key in keys)
    assert flood.depth.min() >= 0.0


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
@pytest.mark.parametrize(("high", "roughness"), [(500.0, 0.003), (20.0, 0.0)])
def test_a_column_on_a_tower_leaves_it_no_faster_than_it_falls(
    scheme: str, high: float, roughness: float
) -> None:
    """What stays behind on a tower is not pushed by the fall of what has left, at a corner least of all."""
    bed = np.zeros((9, 9))
    bed[4, 4] = bed[0, 0] = high
    cell = high / 10
    flood = solver(bed, np.where(bed > 0, 0.1 * high, 0.0), cell=cell, roughness=roughness, scheme=scheme)
    advance(flood, 0.0, 1e6, steps=150)
    fastest = float(flood.run_fields()["max_velocity"].max())
    assert fastest < 2.0 * np.sqrt(2 * 9.81 * 1.1 * high)
    assert flood.depth[4, 4] < 0.02 * (0.1 * high)


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_a_pit_beside_films_makes_no_jet(scheme: str) -> None:
    """Water in a pit between films on a low and on a high ledge: its level has no slope, so no push."""
    bed = np.tile([8.5, 5.0, 3.1, 0.5, 8.5, 8.5], (5, 1))
    depth = np.tile([0.01, 0.01, 0.01, 2.5, 0.01, 0.01], (5, 1))
    flood = solver(bed, depth, cell=5.0, roughness=0.03, scheme=scheme)
    advance(flood, 0.0, 60.0)
    assert flood.run_fields()["max_velocity"][:, 3].max() < 1.0


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_a_film_at_a_cliff_falls_no_faster_than_it_can(scheme: str) -> None:
    """30 cm of water without friction on a cliff: the first step sees the fall, not the celerity alone, and
    no more of it than the water goes through in a step; it gets the speed of the whole fall (and the last of
    it, which shares the push of what has left, a quarter more at first order).
    """
    bed = np.tile(np.where(np.arange(40) < 20, 100.0, 0.0), (3, 1))
    flood = solver(bed, np.tile(np.where(np.arange(40) < 20, 0.3, 0.0), (3, 1)), cell=20.0, scheme=scheme)
    # From rest it is across its cell in 2 × 20 m / √(2 g 100 m); its celerity alone would allow 5 s.
    way = 2 * 20.0 / np.sqrt(2 * 9.81 * 100.0)
    assert 0.4 * way < flood._choose_step(0.0, 1e9) < 0.45 * way
    advance(flood, 0.0, 60.0)
    fastest = float(flood.run_fields()["max_velocity"].max())
    assert 0.8 * np.sqrt(2 * 9.81 * 100.0) < fastest < 1.3 * np.sqrt(2 * 9.81 * 100.3)


@pytest.mark.parametrize(
    "scheme",
    [
        "first_order",
        pytest.param(
            "second_order",
            marks=pytest.mark.xfail(
                raises=SolverError, strict=False,  # by how the last bits fall, some machine may come through
                reason="without friction the last centimetres of an emptying cell take the push of all that"
                " left it: 9 of 60 such fields stop, by the bound on speeds",
            ),
        ),
    ],
)  # fmt: skip
def test_towers_three_cells_high_empty_without_friction(scheme: str) -> None:
    rng = np.random.default_rng(3)
    bed = np.where(rng.random((12, 12)) < 0.4, 30.0, 0.0)
    flood = solver(bed, rng.uniform(0.05, 2.0, (12, 12)), cell=10.0, roughness=0.0, scheme=scheme)
    advance(flood, 0.0, 60.0)


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_a_bore_that_collapses_on_a_flat_is_no_false_speed(scheme: str) -> None:
    """A long wave breaks on a beach and runs out on dry land, as in the flume of Park et al. (2013, Coast.
    Eng. 79): its front is faster than a fall from the highest level allows, for the bore brought speed along.
    """
    x = (np.arange(440) + 0.5) * 0.1
    profile = np.interp(x, [0.0, 15.0, 23.0, 30.0, 44.0], [0.0, 0.0, 0.53, 0.76, 1.0])
    bed = np.tile(np.where(x < 38.0, profile, np.maximum(profile, 0.9) + 0.1), (3, 1))
    depth = np.maximum(0.97 - bed, 0.0)
    wave = 0.17 * np.exp(-(((x - 7.0) / 3.0) ** 2))
    depth = depth + np.where(depth > 0.5, wave, 0.0)
    speed = np.where(
        depth > 0.5, 2 * (np.sqrt(9.81 * depth) - np.sqrt(9.81 * np.maximum(0.97 - bed, 0))), 0.0
    )
    flood = solver(bed, depth, cell=0.1, roughness=0.005, velocity_x=speed, scheme=scheme)
    advance(flood, 0.0, 20.0)
    assert flood.run_fields()["max_velocity"].max() < 5.0


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_a_reservoir_of_50_m_runs_out_through_a_dry_gorge(scheme: str) -> None:
    """The kind of Malpasset: 50 m of water, a steep bent gorge, dry bed, 20 m cells, n = 0.033."""
    ny, nx, cell = 60, 120, 20.0
    y, x = np.mgrid[0:ny, 0:nx] * cell
    axis = 600.0 + 200.0 * np.sin(x / 400.0)
    bed = 60.0 - 0.025 * x + np.minimum(np.abs(y - axis) * 1.2, 150.0)
    depth = np.where(x < 700.0, np.maximum(100.0 - bed, 0.0), 0.0)
    flood = solver(
        bed, depth, cell=cell, roughness=0.033, scheme=scheme,
        forcing={"codes": uniform_boundaries(ny, nx, east=OPEN)},
    )  # fmt: skip
    advance(flood, 0.0, 240.0)
    books = flood.ledger()
    assert abs(books["mass_error_m3"]) <= 1e-13 * books["initial_m3"]
    assert books["outflow_m3"] > 0.01 * books["initial_m3"]
    assert flood.limited == 0
