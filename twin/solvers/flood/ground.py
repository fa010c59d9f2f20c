"""The ground as the kernels read it: padded planes of bed, friction and crests, made one row of tiles after
the other.

Memory: the planes of crests are written only in tiles that a crest touches and those east and west of them.
Elsewhere their pages are never touched, so that the system never gives them (`memory.sparse_zeros`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.solvers.flood import kernels as layout
from twin.solvers.flood.kernels import GRAVITY, PAD, TILE_COLS, TILE_ROWS
from twin.solvers.flood.memory import sparse_zeros

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HALO = PAD - 1  # cells beyond a tile whose crests its step may read


@dataclass(frozen=True, eq=False)
class Ground:
    """What does not change while a flood runs, but for breaches.

    Attributes
    ----------
    static : planes of `kernels`, padded. Crests and SMOOTH hold only where `crested` and in the tiles east
        and west of those (or everywhere, if asked for).
    crested : (tiles,) 1 where a crest or a closed face stands in a tile or its halo.
    falls : (ny, tiles in x) highest FALL of each row of each tile (m²/s²).
    """

    static: Floats
    crested: NDArray[np.uint8]
    falls: Floats


def bands(ny: int) -> Iterator[tuple[int, int]]:
    """First row and row after the last of each row of tiles."""
    for first in range(0, ny, TILE_ROWS):
        yield first, min(ny, first + TILE_ROWS)


def ground_of(
    domain: Domain, active: Bools, roughness: Floats, datum: float, law: int, *, crests_everywhere: bool
) -> Ground:
    """The planes of a domain.

    active (ny, nx): cells with data; roughness (ny, nx): coefficient of the law of friction; datum (m) that
    levels count from; crests_everywhere: for schemes that look at every face.
    """
    bed = domain.field("bed_elevation")
    crest_x, crest_y = domain.field("crest_x"), domain.field("crest_y")
    ny, nx = bed.shape
    tiles_x = -(-nx // TILE_COLS)
    static = sparse_zeros((layout.PLANES, *layout.padded(ny, nx)), slice(layout.CREST_X, layout.SMOOTH + 1))
    crested = np.zeros((-(-ny // TILE_ROWS), tiles_x), dtype=np.uint8)
    falls = np.zeros((ny, tiles_x))
    for first, last in bands(ny):
        here = active[first:last]
        rows = slice(PAD + first, PAD + last)
        static[layout.BED, rows, PAD : PAD + nx] = np.where(
            here, np.asarray(bed[first:last], dtype=np.float64) - datum, 0.0
        )
        n = np.where(here, roughness[first:last], 0.0).astype(np.float64)
        friction = GRAVITY * n * n if law == layout.MANNING else n
        static[layout.FRICTION, rows, PAD - 1 : PAD + nx + 1] = np.pad(
            friction, ((0, 0), (1, 1)), mode="edge"
        )
    _mirror(static[layout.FRICTION], ny, nx, corners=True)
    _mirror(static[layout.BED], ny, nx, corners=False)
    plain = _none_anywhere(crest_x) and _none_anywhere(crest_y)
    for row, (first, last) in enumerate(bands(ny)):
        fall = _falls(static[layout.BED], active, first, last)
        static[layout.FALL, PAD + first : PAD + last, PAD : PAD + nx] = fall
        np.maximum.reduceat(fall, np.arange(0, nx, TILE_COLS), axis=1, out=falls[first:last])
        begin, end = max(0, first - PAD), min(ny, last + PAD)
        if plain and not crests_everywhere and active[begin:end].all():
            continue
        band = _Crests(static[layout.BED], active, crest_x, crest_y, datum, begin, end)
        crested[row] = band.touched(max(0, first - HALO), min(ny, last + HALO))
        written = np.ones(tiles_x, dtype=bool) if crests_everywhere else crested[row] != 0
        # Those beside them too, with which they may be swept.
        around = np.pad(written, 1)
        band.write(static, first, last, written | around[:-2] | around[2:])
    return Ground(static, crested.ravel(), falls)


def _none_anywhere(crest: Floats) -> bool:
    """Whether a plane of crests is one −inf spread over all faces."""
    return crest.size == 0 or (not any(crest.strides) and crest.flat[0] == -np.inf)


def _mirror(plane: Floats, ny: int, nx: int, *, corners: bool) -> None:
    """Give the first ghosts the value of the edge cell beside them."""
    plane[PAD : PAD + ny, PAD - 1] = plane[PAD : PAD + ny, PAD]
    plane[PAD : PAD + ny, PAD + nx] = plane[PAD : PAD + ny, PAD + nx - 1]
    columns = slice(PAD - 1, PAD + nx + 1) if corners else slice(PAD, PAD + nx)
    plane[PAD - 1, columns], plane[PAD + ny, columns] = plane[PAD, columns], plane[PAD + ny - 1, columns]


def _falls(bed: Floats, active: Bools, first: int, last: int) -> Floats:
    """2 g × the highest step down to a neighbour with data, of rows first … last − 1, shape (., nx)."""
    ny, nx = active.shape
    begin, end = max(0, first - 1), min(ny, last + 1)
    z, has = bed[PAD + begin : PAD + end, PAD : PAD + nx], active[begin:end]
    drop = np.zeros(z.shape)
    for axis in (0, 1):
        low, high = (slice(None, -1), slice(1, None)) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
        step = np.where(has[low] & has[high], z[high] - z[low], 0.0)
        np.maximum(drop[high], step, out=drop[high])
        np.maximum(drop[low], -step, out=drop[low])
    fall: Floats = 2.0 * GRAVITY * drop[first - begin : last - begin]
    return fall


class _Crests:
    """Crests and closed faces of some rows of cells."""

    def __init__(
        self, bed: Floats, active: Bools, crest_x: Floats, crest_y: Floats, datum: float, begin: int, end: int
    ) -> None:
        """bed: padded (m above the datum); begin, end: first row and row after the last."""
        ny, nx = active.shape
        self._begin, self._end, self._shape = begin, end, (ny, nx)
        rows = slice(begin, end)
        x = np.asarray(crest_x[rows], dtype=np.float64) - datum
        y = np.asarray(crest_y[begin : end + 1], dtype=np.float64) - datum
        # The rows above and below, and the first ghosts, which repeat the edge.
        ring = bed[PAD + begin - 1 : PAD + end + 1, PAD - 1 : PAD + nx + 1]
        free_x = x <= np.maximum(ring[1:-1, 1:], ring[1:-1, :-1])
        free_y = y <= np.maximum(ring[1:, 1:-1], ring[:-1, 1:-1])
        self.smooth = free_x[:, 1:] & free_x[:, :-1] & free_y[1:] & free_y[:-1]
        has = active[rows]
        shut_x, shut_y = np.zeros(x.shape, dtype=bool), np.zeros(y.shape, dtype=bool)
        shut_x[:, 1:] |= ~has
        shut_x[:, :-1] |= ~has
        shut_y[1:] |= ~has
        shut_y[:-1] |= ~has
        if begin > 0:
            shut_y[0] |= ~active[begin - 1]
        if end < ny:
            shut_y[-1] |= ~active[end]
        self.x, self.y = np.where(shut_x, np.inf, x), np.where(shut_y, np.inf, y)

    def touched(self, begin: int, end: int) -> NDArray[np.uint8]:
        """1 for each tile of a row that has a crest in it or its halo; begin, end: rows that count."""
        nx = self._shape[1]
        rows = slice(begin - self._begin, end - self._begin)
        x: Bools = np.logical_or.reduce(self.x[rows] > -np.inf, axis=0)
        y: Bools = np.logical_or.reduce(self.y[rows.start : rows.stop + 1] > -np.inf, axis=0)
        y |= ~np.logical_and.reduce(self.smooth[rows], axis=0)
        found = np.zeros(-(-nx // TILE_COLS), dtype=np.uint8)
        for b in range(found.size):
            low, high = max(0, b * TILE_COLS - HALO), min(nx, (b + 1) * TILE_COLS + HALO)
            found[b] = x[low : high + 1].any() or y[low:high].any()
        return found

    def write(self, static: Floats, first: int, last: int, tiles: Bools) -> None:
        """Fill the planes in and PAD cells around some tiles of the row of tiles first … last − 1."""
        (ny, nx), begin, end = self._shape, self._begin, self._end
        if not tiles.any():
            return
        height, width = last - first + 2 * PAD, static.shape[2]
        x, y, smooth = (
            np.full((height, width), np.inf),
            np.full((height, width), np.inf),
            np.zeros((height, width)),
        )
        top = PAD + begin - first  # row of the first cell here
        rows = slice(top, top + end - begin)
        x[rows, PAD - 1 : PAD + nx] = self.x
        above = max(top - 1, 0)
        y[above : rows.stop, PAD : PAD + nx] = self.y[above - (top - 1) :]
        # The ghost below the last row, unless it lies below the planes of this row of tiles.
        below = end == ny and rows.stop < height
        around = np.pad(self.smooth, ((begin == 0, below), (1, 1)), mode="edge")
        smooth[rows.start - (begin == 0) : rows.stop + below, PAD - 1 : PAD + nx + 1] = around
        for b in np.flatnonzero(tiles):
            columns = slice(b * TILE_COLS, (b + 1) * TILE_COLS + 2 * PAD)
            for plane, values in ((layout.CREST_X, x), (layout.CREST_Y, y), (layout.SMOOTH, smooth)):
                static[plane, first : last + 2 * PAD, columns] = values[:, columns]
