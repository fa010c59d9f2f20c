"""From the lattice of a raster to a model grid, by blocks: the same lattice, whole blocks, or exact areas."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.grid import Bounds, Grid
from twin.layers import kernels
from twin.layers.layer import Layer

if TYPE_CHECKING:
    from scipy import sparse

Floats = NDArray[np.float64]
Method = Literal["mean", "max", "min"]

# Share of a cell by which rasters may miss a common lattice (rounded headers).
LATTICE_TOLERANCE = 1e-3
# A coarse cell of which less than this share has a value has none.
MIN_COVERAGE = 0.5
# Fine cells of a block while resampling (32 MB in float64).
MOST_CELLS = 4_000_000


def native_grid(layer: Layer, crs: str, extent: Bounds | None = None) -> Grid:
    """The lattice of a raster layer as a grid, cropped to the cells whose centre lies in `extent`."""
    data = layer.data
    assert isinstance(data, xr.DataArray)
    return grid_of(InMemory.of(data), crs, extent)


def grid_of(source: Source, crs: str, extent: Bounds | None = None) -> Grid:
    """The lattice of a raster as a grid, cropped to the cells whose centre lies in `extent`."""
    ny, nx = source.shape
    grid = Grid(crs, source.x_west, source.y_north, source.cell, ny, nx)
    return grid if extent is None else grid.crop(extent)


def resample_mean(layer: Layer, grid: Grid) -> Floats:
    """Area mean of a raster layer on a grid of the same CRS, shape (ny, nx); see `resample`."""
    assert isinstance(layer.data, xr.DataArray)
    return resample(InMemory.of(layer.data), grid)


def area_mean(values: Floats, x_west: float, y_north: float, cell: float, grid: Grid) -> Floats:
    """Area mean of an array on a lattice (see `resample`), shape (grid.ny, grid.nx)."""
    return resample(InMemory(values, x_west, y_north, cell), grid)


class Source(Protocol):
    """A raster on a lattice that gives windows of itself (`InMemory`, `twin.layers.mosaic.Mosaic`)."""

    @property
    def cell(self) -> float:
        """Side of a cell (m)."""

    @property
    def x_west(self) -> float:
        """Outer edge in the west (m)."""

    @property
    def y_north(self) -> float:
        """Outer edge in the north (m)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    def window(self, i0: int, j0: int, ny: int, nx: int) -> Floats:
        """Cells from row i0 and column j0 on, shape (ny, nx); NaN for no value and outside."""


@dataclass(frozen=True, eq=False)
class InMemory:
    """An array on a lattice as a `Source`: values (ny, nx), outer edges and side of its cells (m)."""

    values: Floats
    x_west: float
    y_north: float
    cell: float

    @classmethod
    def of(cls, data: xr.DataArray) -> InMemory:
        """The data of a raster layer."""
        cell, _, x_west, _, _, y_north = data.attrs["transform"]
        return cls(np.asarray(data.values, dtype=float), float(x_west), float(y_north), float(cell))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    def window(self, i0: int, j0: int, ny: int, nx: int) -> Floats:
        """Cells from row i0 and column j0 on, shape (ny, nx); NaN outside."""
        r0, r1 = max(0, i0), min(self.values.shape[0], i0 + ny)
        c0, c1 = max(0, j0), min(self.values.shape[1], j0 + nx)
        if (r0, c0, r1, c1) == (i0, j0, i0 + ny, j0 + nx):
            return self.values[r0:r1, c0:c1]
        out = np.full((ny, nx), np.nan)
        if r0 < r1 and c0 < c1:
            out[r0 - i0 : r1 - i0, c0 - j0 : c1 - j0] = self.values[r0:r1, c0:c1]
        return out


def resample(source: Source, grid: Grid, method: Method = "mean", *, most_cells: int = MOST_CELLS) -> Floats:
    """A raster on a grid of the same CRS, by blocks: area mean, or highest or lowest cell; (ny, nx).

    Copied exactly where the lattices are the same; otherwise over all cells that a grid cell meets (the mean
    weighted by the exact area of each). Cells without a value do not count; a grid cell of which less than
    half has a value (or lies outside the source) is NaN.

    Parameters
    ----------
    most_cells : fine cells of a block. Memory beyond the result: at most 4 × 8 bytes for each, unless one
        grid cell alone has more.
    """
    out = np.empty(grid.shape)
    k = whole_ratio(source, grid)
    ratio = grid.cell / source.cell
    left, top = (grid.x_west - source.x_west) / source.cell, (source.y_north - grid.y_north) / source.cell
    code = {"mean": kernels.MEAN, "max": kernels.MAX, "min": kernels.MIN}[method]
    for rows, columns in blocks(grid.shape, ratio, most_cells):
        here = out[rows, columns]
        if k is not None:
            i0, j0 = round(top) + rows.start * k, round(left) + columns.start * k
            fine = source.window(i0, j0, here.shape[0] * k, here.shape[1] * k)
            if k == 1:
                here[...] = fine
            else:
                kernels.reduce_blocks(fine, k, code, int(np.ceil(MIN_COVERAGE * k * k - 1e-9)), here)
            continue
        i0, j0 = math.floor(top + rows.start * ratio), math.floor(left + columns.start * ratio)
        i1, j1 = math.ceil(top + rows.stop * ratio), math.ceil(left + columns.stop * ratio)
        fine = source.window(i0, j0, i1 - i0, j1 - j0)
        down = _overlap(top + rows.start * ratio - i0, ratio, here.shape[0], fine.shape[0])
        across = _overlap(left + columns.start * ratio - j0, ratio, here.shape[1], fine.shape[1])
        valid = np.isfinite(fine)
        count = down @ valid.astype(float) @ across.T
        total = down @ np.where(valid, fine, 0.0) @ across.T
        with np.errstate(invalid="ignore", divide="ignore"):
            here[...] = np.where(count >= (MIN_COVERAGE - 1e-9) * ratio * ratio, total / count, np.nan)
        if method != "mean":
            kernels.reduce_ranges(fine, _ranges(down), _ranges(across), code, here)
    return out


def whole_ratio(source: Source, grid: Grid) -> int | None:
    """How many source cells make the side of a grid cell, where grid cells are whole blocks; else None."""
    ratio = grid.cell / source.cell
    left, top = (grid.x_west - source.x_west) / source.cell, (source.y_north - grid.y_north) / source.cell
    whole = all(abs(v - round(v)) <= LATTICE_TOLERANCE for v in (left, top)) and (
        abs(ratio - round(ratio)) * max(grid.shape) <= LATTICE_TOLERANCE and round(ratio) >= 1
    )
    return round(ratio) if whole else None


def blocks(shape: tuple[int, int], ratio: float, most_cells: int) -> Iterator[tuple[slice, slice]]:
    """Blocks of a grid that hold at most `most_cells` cells `ratio` times as fine: strips if they fit."""
    ny, nx = shape
    per_cell = max(1.0, ratio * ratio)
    width = min(nx, max(1, int(most_cells / per_cell)))
    height = max(1, int(most_cells / (per_cell * width)))
    for i in range(0, ny, height):
        for j in range(0, nx, width):
            yield slice(i, min(ny, i + height)), slice(j, min(nx, j + width))


def _ranges(overlap: sparse.csr_array) -> NDArray[np.int64]:
    """First and last + 1 fine cell that each coarse one meets by more than rounding, shape (n, 2)."""
    out = np.zeros((overlap.shape[0], 2), dtype=np.int64)
    for i in range(overlap.shape[0]):
        part = slice(overlap.indptr[i], overlap.indptr[i + 1])
        met = overlap.indices[part][overlap.data[part] > LATTICE_TOLERANCE]
        if met.size:
            out[i] = met.min(), met.max() + 1
    return out


def _overlap(start: float, ratio: float, n: int, m: int) -> sparse.csr_array:
    """Length that interval i, start + ratio·[i, i+1], shares with fine cell j, shape (n, m)."""
    from scipy import sparse  # here: 100 ms of importing that grids of whole blocks do not need

    edges = start + ratio * np.arange(n + 1)
    rows, columns, lengths = [], [], []
    for i in range(n):
        first, last = max(0, int(np.floor(edges[i]))), min(m, int(np.ceil(edges[i + 1])))
        for j in range(first, last):
            length = min(edges[i + 1], j + 1) - max(edges[i], j)
            if length > 0:
                rows.append(i)
                columns.append(j)
                lengths.append(length)
    return sparse.csr_array((lengths, (rows, columns)), shape=(n, m))
