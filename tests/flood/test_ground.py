"""The planes of the ground against a slow version that makes them whole, crests on every face."""

from pathlib import Path

import numpy as np
import pytest

from tests.flood.basins import hills
from twin.domain import Domain
from twin.solvers.flood import kernels as layout
from twin.solvers.flood.ground import ground_of
from twin.solvers.flood.kernels import GRAVITY, PAD, TILE_COLS, TILE_ROWS
from twin.solvers.flood.memory import aligned, sparse_zeros

SHAPES = [(5, 7), (64, 128), (65, 20), (66, 130), (150, 300)]


def _slow(domain: Domain, active: np.ndarray, n: np.ndarray, datum: float) -> np.ndarray:
    ny, nx = active.shape
    bed = np.where(active, domain.field("bed_elevation") - datum, 0.0)
    static = np.zeros((layout.PLANES, *layout.padded(ny, nx)))
    static[layout.CREST_X] = static[layout.CREST_Y] = np.inf
    around = (slice(PAD - 1, PAD + ny + 1), slice(PAD - 1, PAD + nx + 1))
    ring = np.pad(bed, 1, mode="edge")
    static[layout.BED][around] = ring
    for corner in [(a, b) for a in (PAD - 1, PAD + ny) for b in (PAD - 1, PAD + nx)]:
        static[layout.BED][corner] = 0.0
    static[layout.FRICTION][around] = np.pad(
        GRAVITY * np.where(active, n, 0.0) * np.where(active, n, 0.0), 1, mode="edge"
    )
    smooth = np.ones((ny, nx))
    for i in range(ny):
        for j in range(nx):
            drop = 0.0
            for axis, a, b in ((0, i, j - 1), (0, i, j), (1, i - 1, j), (1, i, j)):
                # The face behind cell (a, b), between it and the next to the east or south.
                after = (a, b + 1) if axis == 0 else (a + 1, b)
                inside = [(p, q) for p, q in ((a, b), after) if 0 <= p < ny and 0 <= q < nx]
                crest = domain.field("crest_x")[i, b + 1] if axis == 0 else domain.field("crest_y")[a + 1, j]
                smooth[i, j] *= crest - datum <= max(bed[p] for p in inside)
                if not all(active[p] for p in inside):
                    crest = np.inf
                elif len(inside) == 2:
                    other = inside[0] if inside[1] == (i, j) else inside[1]
                    drop = max(drop, bed[i, j] - bed[other])
                plane = layout.CREST_X if axis == 0 else layout.CREST_Y
                static[plane, PAD + a, PAD + b] = crest - datum
            static[layout.FALL, PAD + i, PAD + j] = 2.0 * GRAVITY * drop
    static[layout.SMOOTH][around] = np.pad(smooth, 1, mode="edge")
    return static


def _domain(ny: int, nx: int) -> tuple[Domain, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(nx)
    bed = hills(ny, nx, seed=ny) + 500.0
    bed[: ny // 3, : nx // 4][rng.random((ny // 3, nx // 4)) < 0.1] = np.nan
    n = rng.uniform(0.01, 0.1, bed.shape)
    crest_x, crest_y = np.full((ny, nx + 1), -np.inf), np.full((ny + 1, nx), -np.inf)
    crest_x[-2:, nx // 2] = 503.0
    crest_y[ny // 2, nx // 2 : nx // 2 + 2] = 495.0  # below the ground: none
    crest_y[-1, -1] = 510.0  # on the edge
    domain = Domain.from_arrays(bed, cell=1.0, roughness=n).with_fields(crest_x=crest_x, crest_y=crest_y)
    return domain, np.isfinite(bed), n


@pytest.mark.parametrize(("ny", "nx"), SHAPES)
@pytest.mark.parametrize("everywhere", [False, True])
def test_planes_are_those_of_the_slow_version(ny: int, nx: int, everywhere: bool) -> None:
    domain, active, n = _domain(ny, nx)
    datum = float(np.nanmin(domain.field("bed_elevation")))
    slow = _slow(domain, active, n, datum)
    ground = ground_of(domain, active, n, datum, layout.MANNING, crests_everywhere=everywhere)
    inside = np.s_[PAD - 1 : PAD + ny + 1, PAD - 1 : PAD + nx + 1]
    for plane in (layout.BED, layout.FRICTION, layout.FALL):
        np.testing.assert_array_equal(ground.static[plane], slow[plane])
    fall = slow[layout.FALL, PAD : PAD + ny]
    for b in range(ground.falls.shape[1]):
        columns = slice(PAD + b * TILE_COLS, PAD + (b + 1) * TILE_COLS)
        np.testing.assert_array_equal(ground.falls[:, b], fall[:, columns].max(axis=1))
    crested = np.zeros(slow.shape[1:], dtype=bool)
    tiles_x = ground.falls.shape[1]
    for k in range(ground.crested.size):
        i, j = k // tiles_x * TILE_ROWS, k % tiles_x * TILE_COLS
        halo = np.s_[max(0, i - 3) + PAD : min(ny, i + TILE_ROWS + 3) + PAD]
        wide = np.s_[max(0, j - 3) + PAD : min(nx, j + TILE_COLS + 3) + PAD]
        found = (slow[layout.CREST_X][halo, wide.start - 1 : wide.stop] > -np.inf).any()
        found |= (slow[layout.CREST_Y][halo.start - 1 : halo.stop, wide] > -np.inf).any()
        found |= (slow[layout.SMOOTH][halo, wide] == 0).any()
        assert ground.crested[k] == found
        if found:  # the tiles beside it in x may be swept with it
            across = slice(max(0, j - TILE_COLS), min(tiles_x * TILE_COLS, j + 2 * TILE_COLS) + 2 * PAD)
            crested[i : i + TILE_ROWS + 2 * PAD, across] = True
    for plane in (layout.CREST_X, layout.CREST_Y, layout.SMOOTH):
        where = np.zeros_like(crested) if everywhere else crested
        where[:, : tiles_x * TILE_COLS + 2 * PAD] |= everywhere
        np.testing.assert_array_equal(ground.static[plane][where], slow[plane][where])
        assert not ground.static[plane][~where].any()
    assert np.isfinite(ground.static[layout.BED][inside]).all()


def test_one_crest_for_all_faces_is_none_where_it_is_minus_infinity() -> None:
    bed = hills(70, 140, seed=1)
    plain = Domain.from_arrays(bed, cell=1.0)
    active = np.ones(bed.shape, dtype=bool)
    ground = ground_of(
        plain, active, np.zeros(bed.shape), float(bed.min()), layout.MANNING, crests_everywhere=False
    )
    assert not ground.crested.any()
    wall = plain.with_fields(crest_x=np.broadcast_to(np.float64(1e3), (70, 141)))
    ground = ground_of(
        wall, active, np.zeros(bed.shape), float(bed.min()), layout.MANNING, crests_everywhere=False
    )
    assert ground.crested.all()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is told by Linux")
def test_planes_that_are_never_written_take_no_memory() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096

    planes = sparse_zeros((6, 1000, 4000), slice(2, 5))  # 192 MB
    before = resident()
    planes[3, ::100, 100:200] = 1.0
    assert resident() - before < 1e6
    assert planes[3].sum() == 1000.0
    assert not planes[2].any()


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint8])
@pytest.mark.parametrize("ahead", [0, 4])
def test_arrays_begin_on_a_cache_line(kind: type[np.generic], ahead: int) -> None:
    made = aligned((3, 5, 24), kind, ahead)
    assert (made.ctypes.data + ahead * made.itemsize) % 64 == 0
    assert made.flags.c_contiguous
    assert made.dtype == kind
    assert not made.any()
