"""Tiles with steps of their own: exact mass, rest, the same bits whatever sleeps, runs or restarts."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pydantic import ValidationError

from tests.flood.basins import advance, hills, parameters
from twin.domain import Domain
from twin.scenarios.binding import OPEN, InflowForcing, RainForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood import kernels_edges, kernels_local
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.kernels import FULL, PAD, SWEEP_COLS, TILE_COLS, TILE_ROWS
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.watching import Watched

CELL = 5.0
NY, NX = 130, 520  # 3 × 9 tiles


def _valley(*, crested: bool = False, local: bool = True, **values: object) -> FloodSolver:
    """A reservoir 30 m deep that pours into a rough valley with pools, some land dry; rain, a river into the
    reservoir and one below it, an open end; a section in every tenth of it.
    """
    y, x = np.mgrid[0:NY, 0:NX]
    bed = 0.03 * np.abs(y - 70) - 0.004 * x + 0.1 * hills(NY, NX, 5, relief=1.0)
    bed[:, 100:102] += 6.0
    bed[:, :100] -= 30.0
    level = np.where(x < 100, 3.0, np.where((x > 250) & (x < 330), -0.4, -9.0))
    depth = np.maximum(level - bed, 0.0)
    domain = Domain.from_arrays(bed, cell=CELL, roughness=0.03)
    if crested:
        crest = np.full((NY, NX + 1), -np.inf)
        crest[:, 200] = bed[:, 200] + 0.4
        domain = domain.with_fields(crest_x=crest)
    rivers = [(30.0, 70 * NX + 50), (20.0, 70 * NX + 128)]
    force = Forcing(
        depth,
        rains=(RainForcing(TimeSeries.constant(5e-6), 0.0, 40.0),),
        inflows=tuple(
            InflowForcing(TimeSeries.constant(q), 0.0, np.inf, np.array([cell]), np.ones(1))
            for q, cell in rivers
        ),
        codes=uniform_boundaries(NY, NX, east=OPEN),
    )
    grid = domain.require_grid("a test")
    lines = {
        f"at {j}": shapely.LineString([(grid.x_west + CELL * j, grid.y_north - CELL * i) for i in (0, NY)])
        for j in range(70, NX, 70)
    }
    lines["side"] = shapely.LineString(
        [(grid.x_west + CELL * SWEEP_COLS, grid.y_north - CELL * i) for i in (0, NY)]
    )
    return FloodSolver.assemble(
        domain, force, parameters(local_time_steps=local, **values), watched=Watched(lines, {})
    )


def _same_bits(a: FloodSolver, b: FloodSolver) -> None:
    one, two = a.state(), b.state()
    for name in ("state", "record", "classes", "edge_totals", "numbers", "watch.sections"):
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
@pytest.mark.parametrize("crested", [False, True])
def test_mass_is_exact_and_sections_tell_what_passed(scheme: str, crested: bool) -> None:
    flood = _valley(scheme=scheme, crested=crested)
    plain = _valley(scheme=scheme, crested=crested, local=False)
    before = flood.depth.copy()
    for one in (flood, plain):
        one.readings(0.0)
        advance(one, 0.0, 15.0)
    assert flood.cell_steps < 0.7 * plain.cell_steps
    books = flood.ledger()
    assert abs(books["mass_error_m3"]) < 1e-12 * books["volume_m3"]
    assert flood.depth.min() >= 0.0
    # Behind each section: what is there less what fell and came is what passed.
    rained = 5e-6 * 15.0
    for _, name, _, _, _, passed in flood.readings(15.0)["sections.csv"]:
        j = SWEEP_COLS if name == "side" else int(name.split()[1])
        came = 30.0 * 15.0 * (j > 50) + 20.0 * 15.0 * (j > 128)
        gained = float((flood.depth - before - rained)[:, :j].sum()) * CELL**2 - came
        assert -gained == pytest.approx(passed, rel=1e-9, abs=1e-6), name  # east is left


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_the_answer_is_that_of_one_step_for_all(scheme: str) -> None:
    local, plain = _valley(scheme=scheme), _valley(scheme=scheme, local=False)
    half = _valley(scheme=scheme, local=False, cfl=0.225)
    for one in (local, plain, half):
        advance(one, 0.0, 15.0)
    wet = plain.depth > 0.05
    own = np.sqrt(np.mean((local.depth - plain.depth)[wet] ** 2))
    of_the_step = np.sqrt(np.mean((half.depth - plain.depth)[wet] ** 2))
    assert own < 2.0 * of_the_step + 1e-4
    assert local.run_fields()["max_water_depth"].max() == pytest.approx(
        plain.run_fields()["max_water_depth"].max(), rel=0.01
    )


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_a_lake_stays_at_rest_across_levels(scheme: str) -> None:
    """Deep basins beside shallow ones, cliffs, islands: nothing moves, though steps differ."""
    rng = np.random.default_rng(2)
    bed = rng.uniform(-1.0, 0.5, (NY, NX))
    bed[:, : NX // 3] -= 80.0 * rng.uniform(0.5, 1.0, (NY, NX // 3))
    depth = np.maximum(-bed, 0.0)
    domain = Domain.from_arrays(bed, cell=CELL, roughness=0.0)
    flood = FloodSolver.assemble(domain, Forcing(depth), parameters(scheme=scheme, local_time_steps=True))
    advance(flood, 0.0, 5.0)
    assert flood._local is not None
    assert len(set(flood._local._wanted.tolist())) > 2
    speed = np.hypot(flood.fields["velocity_x"], flood.fields["velocity_y"])
    assert np.abs(flood.depth - depth).max() < 1e-12
    assert speed.max() < 1e-12


def test_sleeping_tiles_change_no_bit() -> None:
    on, off = _valley(scheme="second_order"), _valley(scheme="second_order", tiles=False)
    for flood in (on, off):
        advance(flood, 0.0, 12.0)
    _same_bits(on, off)


@pytest.mark.threads
def test_threads_change_no_bit() -> None:
    one, two = _valley(scheme="second_order", threads=1), _valley(scheme="second_order", threads=2)
    for flood in (one, two):
        advance(flood, 0.0, 8.0)
    _same_bits(one, two)


def test_restart_changes_no_bit() -> None:
    straight, first, second = (_valley(scheme="second_order", crested=True) for _ in range(3))
    advance(straight, 0.0, 5.0)
    advance(straight, 5.0, 10.0)
    advance(first, 0.0, 5.0)
    second.restore(first.state())
    advance(second, 5.0, 10.0)
    _same_bits(straight, second)
    assert straight.steps == second.steps


def test_a_tile_in_a_long_step_never_gives_more_than_it_has() -> None:
    """The short step wants 0.9 m in all from a cell that its other faces left 0.5 m."""
    ny, nx = TILE_ROWS, 2 * TILE_COLS
    new = np.zeros((3, ny + 2 * PAD, nx + 2 * PAD))
    row, west, east = PAD + 10, PAD + TILE_COLS - 1, PAD + TILE_COLS
    begin, length = np.array([0, 0]), np.array([8, 4])
    watched = np.zeros(2 * ny + 1, dtype=np.int64)
    own = kernels_edges.sides_of(watched, 1, ny, nx)
    its = kernels_edges.sides_of(watched, 0, ny, nx)
    flux = np.zeros(kernels_edges.sides_of(watched, 2, ny, nx))
    # The long step (1 s) foresaw 0.2 m²/s to the east; new depth 0.3 m, so 0.5 m without it.
    flux[its + kernels_edges.EAST + 10] = 0.2
    new[0, row, west], new[1, row, west] = 0.3, 0.3
    new[0, row, east] = 1.0
    passed = np.zeros(4 * (ny + nx))
    limited = 0
    for start in (0, 4):
        begin[1] = start
        flux[own + kernels_edges.WEST + 10] = 0.9
        new[0, row, east] += 0.5 * 0.9
        limited += kernels_local.settle_sides(
            new, flux, watched, np.array([1]), 1, begin, length, 0.125, passed, ny, nx, 1.0, 1e-6, FULL
        )
        assert new[0].sum() == pytest.approx(1.5 - 0.2 * (0.5 if start == 0 else 0.0), abs=1e-15)
    assert limited == 1
    assert 0.0 <= new[0, row, west] < 1e-13
    assert new[0, row, east] == pytest.approx(1.5, abs=1e-12)


def test_local_inertia_has_no_local_steps() -> None:
    with pytest.raises(ValidationError, match="local_time_steps"):
        FloodParameters(scheme="local_inertial", local_time_steps=True)
