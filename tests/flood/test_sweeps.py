"""Two tiles side by side are swept at once, or one of them alone: which of both changes no bit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.flood.basins import advance, hills, parameters
from twin.bench.cost import WORK
from twin.domain import Domain
from twin.scenarios.binding import OPEN, InflowForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.kernels import (
    BOTH_TILES,
    CREST_X,
    CREST_Y,
    EAST_TILE,
    SMOOTH,
    TILE_COLS,
    TILE_ROWS,
    WEST_TILE,
    goes_past,
)
from twin.solvers.flood.kernels_loop import (
    BELOW,
    COUNTS,
    FRESH,
    SWEEP_PLANES,
    TAKEN,
    TILES,
    choose_sweeps,
    next_sweep,
)
from twin.solvers.flood.solver import FloodSolver

NY, NX = TILE_ROWS + 30, 5 * TILE_COLS - 20  # an odd number of tiles, the last of them cut


def _sweeps(
    chosen: list[int], tiles_x: int, lengths: dict[int, float] | None = None
) -> list[tuple[int, int]]:
    steps = np.ones((40, 3))
    steps[:, 1:] = np.arange(80).reshape(40, 2)  # what follows the length may differ
    for tile, length in (lengths or {}).items():
        steps[tile, 0] = length
    found = np.zeros((SWEEP_PLANES, 40), dtype=np.int64)
    made = choose_sweeps(found, np.array(chosen, dtype=np.int64), len(chosen), steps, tiles_x * TILE_COLS - 7)
    return [(int(sweep) // 4, int(sweep) % 4) for sweep in found[TILES, :made]]


def test_neighbours_are_swept_together() -> None:
    assert _sweeps([0, 1, 2, 3, 4], 5) == [(0, BOTH_TILES), (2, BOTH_TILES), (4, WEST_TILE)]
    assert _sweeps([1, 2, 4], 5) == [(1, BOTH_TILES), (4, WEST_TILE)]
    assert _sweeps([1, 3], 5) == [(0, EAST_TILE), (2, EAST_TILE)]
    assert _sweeps([4, 5], 5) == [(4, WEST_TILE), (5, WEST_TILE)]  # of two rows of tiles
    assert _sweeps([0, 1], 5, {1: 0.5}) == [(0, WEST_TILE), (0, EAST_TILE)]
    assert _sweeps([], 5) == []
    assert _sweeps([0, 1, 2], 1) == [(0, WEST_TILE), (1, WEST_TILE), (2, WEST_TILE)]


def _flood(first: int, crested: bool, **values: object) -> FloodSolver:
    """Ponds and films from a column on, a river among them; west of it the land is dry for the time being."""
    rng = np.random.default_rng(3)
    bed = hills(NY, NX, seed=4) + 0.002 * np.arange(NX)
    depth = np.where(rng.random((NY, NX)) < 0.4, rng.uniform(0.0, 1e-3, (NY, NX)), 0.0)  # films
    depth[:, :: 3 * TILE_COLS // 2] += 0.4
    depth[NY // 2, :] += np.where(rng.random(NX) < 0.5, 0.3, 0.0)
    depth[:, :first] = 0.0
    domain = Domain.from_arrays(bed, cell=2.0, roughness=0.03)
    if crested:
        crest = np.full((NY, NX + 1), -np.inf)
        crest[10:40, 2 * TILE_COLS + 30] = bed.max()
        domain = domain.with_fields(crest_x=crest)
    river = InflowForcing(
        TimeSeries.constant(3.0), 0.0, np.inf, np.array([40 * NX + 3 * TILE_COLS]), np.ones(1)
    )
    return FloodSolver.assemble(domain, Forcing(depth, inflows=(river,)), parameters(**values))


def _ponds(seed: int) -> tuple[Domain, Forcing]:
    """Ponds, films, rivers, a wall and open edges, or not."""
    rng = np.random.default_rng(seed)
    ny, nx = int(rng.integers(20, 200)), int(rng.integers(60, 700))
    bed = hills(ny, nx, seed=seed % 97, relief=float(rng.uniform(0.5, 8)))
    bed += rng.uniform(-0.01, 0.01) * np.arange(nx)
    depth = np.zeros((ny, nx))
    for _ in range(int(rng.integers(1, 6))):
        i, j, r = int(rng.integers(ny)), int(rng.integers(nx)), int(rng.integers(2, 60))
        depth[max(0, i - r) : i + r, max(0, j - r) : j + r] += rng.choice([5e-4, 0.3, 2.0]) * (
            rng.random() + 0.1
        )
    if rng.random() < 0.6:
        i, j, r = int(rng.integers(ny)), int(rng.integers(nx)), int(rng.integers(10, 120))
        part = depth[max(0, i - r) : i + r, max(0, j - r) : j + r]
        part += np.where(rng.random(part.shape) < 0.5, rng.uniform(0, 1e-3, part.shape), 0)
    domain = Domain.from_arrays(bed, cell=2.0, roughness=0.03)
    if rng.random() < 0.4:
        crest, j = np.full((ny, nx + 1), -np.inf), int(rng.integers(5, nx - 5))
        crest[: ny // 2, j] = bed[: ny // 2, j] + rng.uniform(0, 1)
        domain = domain.with_fields(crest_x=crest)
    rivers = []
    for _ in range(int(rng.integers(0, 3))):
        discharge = TimeSeries.constant(float(rng.uniform(0.1, 20)))
        rivers.append(InflowForcing(discharge, 0.0, np.inf, np.array([rng.integers(ny * nx)]), np.ones(1)))
    codes = uniform_boundaries(ny, nx, east=OPEN, south=OPEN) if rng.random() < 0.5 else {}
    return domain, Forcing(depth, inflows=tuple(rivers), codes=codes)


@pytest.mark.parametrize(("scheme", "seed"), [("first_order", 1619), ("second_order", 2497)])
def test_own_steps_are_the_same_whichever_tiles_sleep(scheme: str, seed: int) -> None:
    """Two of 14 in 1500 fields that differed where the dry tile of a pair kept the length of its step."""
    on, off = (
        FloodSolver.assemble(*_ponds(seed), parameters(scheme=scheme, local_time_steps=True, tiles=tiles))
        for tiles in (True, False)
    )
    for _ in range(6):
        on.step(on.time, 1e3)
        off.step(off.time, 1e3)
    assert on.cell_steps < off.cell_steps
    one, two = on.state(), off.state()
    for name in ("state", "record", "classes", "edge_totals"):
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("scheme", ["first_order", "second_order", "local_inertial"])
@pytest.mark.parametrize("crested", [False, True])
def test_which_tiles_are_swept_together_changes_no_bit(scheme: str, precision: str, crested: bool) -> None:
    """With the first tile asleep the pairs are others than with all awake."""
    on, off = (
        _flood(TILE_COLS + 20, crested, scheme=scheme, precision=precision, tiles=tiles)
        for tiles in (True, False)
    )
    for _ in range(60):
        on.step(on.time, 100.0)
        off.step(off.time, 100.0)
    assert on.time == off.time
    assert on.cell_steps < off.cell_steps
    one, two = on.state(), off.state()
    for name in ("state", "record", "classes", "edge_totals"):
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def _far(**values: object) -> FloodSolver:
    """A pond in the first rows of so much land that, with all of it awake, no cache keeps a step."""
    ny, nx = 11 * TILE_ROWS + 9, 5 * TILE_COLS - 20
    depth = np.zeros((ny, nx))
    depth[5 : TILE_ROWS // 2, 10 : 3 * TILE_COLS] = 1.5
    domain = Domain.from_arrays(hills(ny, nx, seed=4, relief=3.0), cell=2.0, roughness=0.03)
    return FloodSolver.assemble(domain, Forcing(depth), parameters(**values))


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("scheme", ["first_order", "second_order", "local_inertial"])
def test_to_write_past_the_caches_changes_no_bit(scheme: str, precision: str) -> None:
    """Asleep the dry tiles leave a few sweeps, which the caches keep; awake they do not."""
    on, off = (_far(scheme=scheme, precision=precision, tiles=tiles) for tiles in (True, False))
    for _ in range(12):
        on.step(on.time, 100.0)
        off.step(off.time, 100.0)
    bytes_a_cell = WORK[scheme].moved(precision)
    assert not goes_past(int(on.cell_steps / 12 / (TILE_ROWS * TILE_COLS)), bytes_a_cell)
    assert goes_past(12 * 3, bytes_a_cell)
    one, two = on.state(), off.state()
    for name in ("state", "record", "classes", "edge_totals"):
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.mark.threads
@pytest.mark.parametrize("scheme", ["second_order", "local_inertial"])
def test_what_one_thread_wrote_past_the_caches_is_what_the_other_reads(scheme: str) -> None:
    one, two = (_far(scheme=scheme, precision="float32", tiles=False, threads=n) for n in (1, 2))
    for flood in (one, two):
        advance(flood, 0.0, 15.0)
    assert one.time == two.time
    np.testing.assert_array_equal(one.state()["state"], two.state()["state"])


def test_a_sweep_goes_on_into_the_one_below() -> None:
    steps = np.ones((12, 3))
    steps[10, 0] = 0.5
    found = np.zeros((SWEEP_PLANES, 12), dtype=np.int64)
    found[TAKEN] = 1  # of the step before
    # Rows of three tiles: a pair and one alone; the same; the two last apart; a pair that one row skips.
    chosen = np.array([0, 1, 2, 3, 4, 5, 7, 8, 9, 10])
    made = choose_sweeps(found, chosen, chosen.size, steps, 3 * TILE_COLS)
    names = [(int(sweep) // 4, int(sweep) % 4) for sweep in found[TILES, :made]]
    assert names == [
        (0, BOTH_TILES), (2, WEST_TILE), (3, BOTH_TILES), (5, WEST_TILE), (7, BOTH_TILES), (9, WEST_TILE),
        (9, EAST_TILE),
    ]  # fmt: skip
    assert found[BELOW, :made].tolist() == [2, 3, -1, -1, -1, -1, -1]
    assert not found[TAKEN, :made].any()
    # Of other lengths the one is not taken up by the other.
    steps[2, 0] = 0.25
    assert choose_sweeps(found, chosen, chosen.size, steps, 3 * TILE_COLS) == made
    assert found[BELOW, :made].tolist() == [2, -1, -1, -1, -1, -1, -1]


def test_each_sweep_is_made_once() -> None:
    steps, marks = np.ones((12, 3)), np.zeros(12, dtype=np.int64)
    sweeps, counts = np.zeros((SWEEP_PLANES, 12), dtype=np.int64), np.zeros(COUNTS, dtype=np.int64)
    made = choose_sweeps(sweeps, np.arange(12), 12, steps, 3 * TILE_COLS)
    one = next_sweep(sweeps, counts, made, -1, FRESH, marks)
    two = next_sweep(sweeps, counts, made, -1, FRESH, marks)
    assert (one, two) == ((0, FRESH), (1, FRESH))
    one = next_sweep(sweeps, counts, made, one[0], 5, marks)
    assert one == (2, 5)
    assert next_sweep(sweeps, counts, made, two[0], FRESH, marks) == (3, FRESH)  # it was limited
    marks[6] = 1  # a crest below
    assert next_sweep(sweeps, counts, made, one[0], 5, marks) == (4, FRESH)
    left = [next_sweep(sweeps, counts, made, -1, FRESH, marks)[0] for _ in range(4)]
    assert left[:3] == [5, 6, 7]
    assert left[3] >= made == 8


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(
    ("scheme", "values"),
    [
        ("first_order", {}),
        ("second_order", {}),
        ("local_inertial", {}),
        ("local_inertial", {"advection": True}),
    ],
)
def test_to_go_on_changes_no_bit(scheme: str, precision: str, values: dict[str, bool]) -> None:
    """Every second row of tiles is said to have crests, which stop a sweep, though there are none. The first
    step is three times too long for columns of water beside the second row, whose sweeps are made again (not
    with advection, which bears no such step).
    """
    ny, nx = 5 * TILE_ROWS - 11, 3 * TILE_COLS - 20
    rng = np.random.default_rng(5)
    bed = hills(ny, nx, seed=4, relief=1.0)
    depth = np.where(rng.random((ny, nx)) < 0.4, rng.uniform(0.0, 2e-3, (ny, nx)), 0.0)
    depth[:, 40:60] += 0.3
    depth[TILE_ROWS - 18 : TILE_ROWS + 18, 70:] = 0.0
    depth[TILE_ROWS - 8 : TILE_ROWS + 8 : 4, 80:140:7] = 1.0
    domain = Domain.from_arrays(bed, cell=2.0, roughness=0.03)
    on, off = (
        FloodSolver.assemble(domain, Forcing(depth), parameters(scheme=scheme, precision=precision, **values))
        for _ in range(2)
    )
    for row in range(1, 5, 2):
        off._crested[3 * row : 3 * row + 3] = 1
    if scheme != "local_inertial":  # which has them everywhere; the others only where a tile is said to
        off._static[[CREST_X, CREST_Y]], off._static[SMOOTH] = -np.inf, 1.0
    dt = (1.0 if values else 3.0) * on._choose_step(0.0, 100.0)
    for flood in (on, off):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(flood, "_choose_step", lambda *_: dt)
            flood.step(0.0, 100.0)
        for _ in range(40):
            flood.step(flood.time, 100.0)
    assert on.limited == off.limited
    assert on.limited > 0 or values
    one, two = on.state(), off.state()
    for name in ("state", "record", "classes", "edge_totals", "values"):
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("scheme", ["first_order", "second_order", "local_inertial"])
def test_where_the_parts_of_a_row_end_changes_no_bit(scheme: str, precision: str) -> None:
    """A hollow with ponds, films and dry ground among plateaus, at other columns: other parts of its rows are
    without water.
    """
    rng = np.random.default_rng(8)
    n = 70
    depth = np.where(rng.random((n, n)) < 0.2, rng.uniform(0.0, 2e-3, (n, n)), 0.0)
    depth[20:30, :10] = 0.8
    depth[:, 33] = 0.3
    depth[50, 60:] = 0.2
    found = []
    for first in (1, 4, 21, 28, 31, 36, 60, 90, 127):
        bed, water = np.full((n + 20, 220), 9.0), np.zeros((n + 20, 220))
        inside = np.s_[10 : 10 + n, first : first + n]
        bed[inside], water[inside] = hills(n, n, seed=2, relief=2.0), depth
        flood = FloodSolver.assemble(
            Domain.from_arrays(bed, cell=2.0, roughness=0.03),
            Forcing(water),
            parameters(scheme=scheme, precision=precision),
        )
        for _ in range(40):
            flood.step(flood.time, 100.0)
        state = flood.state()
        found.append(
            [flood.time, state["state"][(slice(None), *inside)], state["record"][(slice(None), *inside)]]
        )
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
