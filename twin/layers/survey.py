"""A raster looked at by strips and never held whole: its range, its holes and their places, points of it.

Memory: `STRIP` cells of the lattice in a strip (4 bytes each: mask, ends of runs), of which `MOST_CELLS` are
read at once (32 bytes each at most), the runs of cells without a value of a strip (100 bytes each), and the
parts that reach its last row. Parts of fewer than `PLACED` cells are counted, not placed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twin.grid import Bounds
from twin.layers import kernels
from twin.layers.lattice import MOST_CELLS, Source

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRIP = 16_000_000
PLACED = 4
BLOCK = 1024  # side (cells) of the windows that points are read from


@dataclass
class Gaps:
    """Connected parts without a value (cells that touch by a side or a corner).

    Attributes
    ----------
    count : of parts. cells : in all of them. largest : cells of the largest.
    boxes : (n, 4) first and last + 1 row, first and last + 1 column of those of at least `PLACED` cells.
    sizes : (n,) their cells.
    """

    count: int = 0
    cells: int = 0
    largest: int = 0
    boxes: list[Ints] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, boxes: Ints, sizes: Ints) -> None:
        """Take in finished parts."""
        if sizes.size:
            self.count += sizes.size
            self.cells += int(sizes.sum())
            self.largest = max(self.largest, int(sizes.max()))
            placed = sizes >= PLACED
            self.boxes += list(boxes[placed])
            self.sizes += sizes[placed].tolist()


@dataclass(frozen=True, eq=False)
class Survey:
    """What a raster holds: lowest and highest value (NaN where there is none), and its gaps.

    Attributes
    ----------
    cells : of the raster. holes : gaps inside it. beyond : those that reach its edge.
    """

    cells: int
    low: float
    high: float
    holes: Gaps
    beyond: Gaps

    @property
    def empty(self) -> int:
        """Cells without a value."""
        return self.holes.cells + self.beyond.cells


def survey(source: Source, *, strip: int = STRIP, most_cells: int = MOST_CELLS) -> Survey:
    """Look at every cell of a raster once, from north to south.

    Parameters
    ----------
    strip : cells of a strip, all columns of some rows. most_cells : of the windows it is read by.
    """
    ny, nx = source.shape
    height = min(ny, max(1, strip // nx))
    width = max(1, most_cells // height)
    low, high = np.inf, -np.inf
    parts = _Parts(ny, nx)
    for top in range(0, ny, height):
        rows = min(height, ny - top)
        empty = np.empty((rows, nx), dtype=bool)
        for left in range(0, nx, width):
            columns = min(width, nx - left)
            values = source.window(top, left, rows, columns)
            # Not `out=`: NumPy 2.4 leaves cells of a single column that is no array of its own as they were.
            empty[:, left : left + columns] = np.isnan(values)
            low = min(low, float(np.fmin.reduce(values, axis=None, initial=np.inf)))
            high = max(high, float(np.fmax.reduce(values, axis=None, initial=-np.inf)))
        parts.take(top, empty)
    parts.close()
    none = low > high
    return Survey(ny * nx, np.nan if none else low, np.nan if none else high, parts.holes, parts.beyond)


class _Parts:
    """Connected parts, strip by strip: those that reach the last row seen are open, the others finished.

    Made of runs of cells side by side in a row, which are joined where they touch runs of the next row.
    """

    def __init__(self, ny: int, nx: int) -> None:
        self.holes, self.beyond = Gaps(), Gaps()
        self._ny, self._nx = ny, nx
        none = np.zeros(0, dtype=np.int64)
        # The runs of the last row: first column, last + 1, number of their part.
        self._first, self._stop, self._part = none, none, none
        self._boxes = np.zeros((0, 4), dtype=np.int64)
        self._sizes = none

    def take(self, top: int, empty: NDArray[np.bool_]) -> None:
        row, first, stop = _runs(empty)
        if not row.size:
            self.close()
            self._first = self._stop = self._part = row
            return
        n = self._sizes.size
        # Nodes: the open parts, then the runs of this strip. The runs of the last row seen are row 0.
        columns = np.concatenate([self._first, first]), np.concatenate([self._stop, stop])
        node = np.concatenate([self._part, np.arange(n, n + row.size)])
        ends = np.searchsorted(row, np.arange(len(empty) + 1)) + self._part.size
        parent = np.arange(n + row.size)
        kernels.join_runs(*columns, np.concatenate([[0], ends]), node, parent)
        roots, group = np.unique(parent, return_inverse=True)
        boxes = np.concatenate([self._boxes, np.column_stack([top + row, top + row + 1, first, stop])])
        sizes = np.concatenate([self._sizes, stop - first])
        self._sizes = np.bincount(group, sizes, roots.size).astype(np.int64)
        self._boxes = np.tile(np.array([self._ny, 0, self._nx, 0], dtype=np.int64), (roots.size, 1))
        for column, over in ((0, np.minimum), (1, np.maximum), (2, np.minimum), (3, np.maximum)):
            over.at(self._boxes[:, column], group, boxes[:, column])
        last = row == len(empty) - 1
        reaching = group[n:][last]
        still = np.zeros(roots.size, dtype=bool)
        still[reaching] = True
        self._first, self._stop, self._part = first[last], stop[last], (np.cumsum(still) - 1)[reaching]
        self._finish(~still)

    def close(self) -> None:
        self._finish(np.ones(self._sizes.size, dtype=bool))

    def _finish(self, done: NDArray[np.bool_]) -> None:
        boxes, sizes = self._boxes[done], self._sizes[done]
        # A part that touches the edge has it in its box.
        edge = (boxes[:, 0] == 0) | (boxes[:, 1] == self._ny) | (boxes[:, 2] == 0) | (boxes[:, 3] == self._nx)
        self.holes.add(boxes[~edge], sizes[~edge])
        self.beyond.add(boxes[edge], sizes[edge])
        self._boxes, self._sizes = self._boxes[~done], self._sizes[~done]


def _runs(empty: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Row, first column and last + 1 of each run of true cells side by side, by rows, west to east."""
    begins, ends = empty.copy(), empty.copy()
    begins[:, 1:] &= ~empty[:, :-1]
    ends[:, :-1] &= ~empty[:, 1:]
    row, first = np.nonzero(begins)
    return row, first, np.nonzero(ends)[1] + 1


def box_of(source: Source, box: Ints) -> Bounds:
    """A box of rows and columns (`Gaps.boxes`) on the ground: x_min, y_min, x_max, y_max (m)."""
    r0, r1, c0, c1 = (int(v) for v in box)
    x, y, cell = source.x_west, source.y_north, source.cell
    return x + c0 * cell, y - r1 * cell, x + c1 * cell, y - r0 * cell


@dataclass(frozen=True, eq=False)
class Around:
    """A raster at n points (NaN where it has no value or is not).

    Attributes
    ----------
    here : value of the cell. between : bilinear between the centres of the four nearest.
    low, high : lowest and highest of the 3 × 3 cells around.
    """

    here: Floats
    between: Floats
    low: Floats
    high: Floats


def at_points(source: Source, x: Floats, y: Floats, *, block: int = BLOCK) -> Around:
    """A raster at points, shape (n,) each, read by the windows of `block` × `block` cells that have some."""
    out = Around(*(np.full(x.size, np.nan) for _ in range(4)))
    ny, nx = source.shape
    row, column = (source.y_north - y) / source.cell - 0.5, (x - source.x_west) / source.cell - 0.5
    i, j = np.floor(row + 0.5).astype(np.int64), np.floor(column + 0.5).astype(np.int64)
    inside = np.flatnonzero((i >= 0) & (i < ny) & (j >= 0) & (j < nx))
    across = -(-nx // block)
    key = i[inside] // block * across + j[inside] // block
    order = np.argsort(key, kind="stable")
    numbers, starts = np.unique(key[order], return_index=True)
    for number, chosen in zip(numbers, np.split(inside[order], starts[1:]), strict=True):
        i0, j0 = int(number) // across * block, int(number) % across * block
        ii, jj = i[chosen] - i0 + 1, j[chosen] - j0 + 1
        # One more cell on each side; no more rows and columns than the points need.
        r0, c0, r1, c1 = int(ii.min()), int(jj.min()), int(ii.max()), int(jj.max())
        window = source.window(i0 + r0 - 2, j0 + c0 - 2, r1 - r0 + 3, c1 - c0 + 3)
        ii, jj = ii - r0 + 1, jj - c0 + 1
        around = np.stack([window[ii + di, jj + dj] for di in (-1, 0, 1) for dj in (-1, 0, 1)])
        out.here[chosen] = around[4]
        out.low[chosen], out.high[chosen] = np.fmin.reduce(around), np.fmax.reduce(around)
        v, u = row[chosen] - (i[chosen] - 1), column[chosen] - (j[chosen] - 1)  # from the first of the three
        k, m = (v >= 1.0).astype(np.int64), (u >= 1.0).astype(np.int64)
        v, u = v - k, u - m
        four = [around[3 * (k + dk) + m + dm, np.arange(chosen.size)] for dk in (0, 1) for dm in (0, 1)]
        out.between[chosen] = (1 - v) * ((1 - u) * four[0] + u * four[1]) + v * (
            (1 - u) * four[2] + u * four[3]
        )
    return out
