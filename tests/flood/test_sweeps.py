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
from twin.solvers.flood.kernels import BOTH_TILES, EAST_TILE, TILE_COLS, TILE_ROWS, WEST_TILE, goes_past
from twin.solvers.flood.kernels_loop import choose_sweeps
from twin.solvers.flood.solver import FloodSolver

NY, NX = TILE_ROWS + 30, 5 * TILE_COLS - 20  # an odd number of tiles, the last of them cut


def _sweeps(
    chosen: list[int], tiles_x: int, lengths: dict[int, float] | None = None
) -> list[tuple[int, int]]:
    steps = np.ones((40, 3))
    steps[:, 1:] = np.arange(80).reshape(40, 2)  # what follows the length may differ
    for tile, length in (lengths or {}).items():
        steps[tile, 0] = length
    found = np.zeros(40, dtype=np.int64)
    made = choose_sweeps(found, np.array(chosen, dtype=np.int64), len(chosen), steps, tiles_x * TILE_COLS - 7)
    return [(int(sweep) // 4, int(sweep) % 4) for sweep in found[:made]]


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
    bytes_a_cell = WORK[scheme].bytes
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
