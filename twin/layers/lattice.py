"""From the lattice of a raster layer to a model grid: the same lattice, whole blocks, or exact area means."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from twin.grid import Bounds, Grid
from twin.layers.layer import Layer

Floats = NDArray[np.float64]

# Share of a cell by which rasters may miss a common lattice (rounded headers).
LATTICE_TOLERANCE = 1e-3
# A coarse cell of which less than this share has a value has none.
MIN_COVERAGE = 0.5


def native_grid(layer: Layer, crs: str, extent: Bounds | None = None) -> Grid:
    """The lattice of a raster layer as a grid, cropped to the cells whose centre lies in `extent`."""
    data = layer.data
    assert isinstance(data, xr.DataArray)
    cell, _, x_west, _, _, y_north = data.attrs["transform"]
    grid = Grid(crs, float(x_west), float(y_north), float(cell), int(data.shape[0]), int(data.shape[1]))
    return grid if extent is None else grid.crop(extent)


def resample_mean(layer: Layer, grid: Grid) -> Floats:
    """Area mean of a raster layer on a grid of the same CRS, shape (ny, nx).

    Copied exactly where the lattices are the same, block means where grid cells are whole blocks of
    layer cells, else the exact area-weighted mean. Cells without a value do not count; a grid cell of
    which less than half has a value (or lies outside the layer) is NaN.
    """
    data = layer.data
    assert isinstance(data, xr.DataArray)
    cell, _, x_west, _, _, y_north = data.attrs["transform"]
    return area_mean(np.asarray(data.values, dtype=float), float(x_west), float(y_north), float(cell), grid)


def area_mean(values: Floats, x_west: float, y_north: float, cell: float, grid: Grid) -> Floats:
    """Area mean of an array on a lattice (see `resample_mean`), shape (grid.ny, grid.nx)."""
    ratio = grid.cell / cell
    left, top = (grid.x_west - x_west) / cell, (y_north - grid.y_north) / cell
    whole = all(abs(v - round(v)) <= LATTICE_TOLERANCE for v in (left, top)) and (
        abs(ratio - round(ratio)) * max(grid.shape) <= LATTICE_TOLERANCE and round(ratio) >= 1
    )
    if whole:
        k, i0, j0 = round(ratio), round(top), round(left)
        window = _window(values, i0, j0, grid.ny * k, grid.nx * k)
        if k == 1:
            return window
        blocks = window.reshape(grid.ny, k, grid.nx, k)
        valid = np.isfinite(blocks)
        count = valid.sum(axis=(1, 3))
        total = np.where(valid, blocks, 0.0).sum(axis=(1, 3))
        share = count / (k * k)
    else:
        rows = _overlap(top, ratio, grid.ny, values.shape[0])
        columns = _overlap(left, ratio, grid.nx, values.shape[1])
        valid = np.isfinite(values)
        count = rows @ valid.astype(float) @ columns.T
        total = rows @ np.where(valid, values, 0.0) @ columns.T
        share = count / (ratio * ratio)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
    result: Floats = np.where(share >= MIN_COVERAGE - 1e-9, mean, np.nan)
    return result


def _window(values: Floats, i0: int, j0: int, ny: int, nx: int) -> Floats:
    """A window of an array; NaN where it lies outside."""
    out = np.full((ny, nx), np.nan)
    r0, r1 = max(0, i0), min(values.shape[0], i0 + ny)
    c0, c1 = max(0, j0), min(values.shape[1], j0 + nx)
    if r0 < r1 and c0 < c1:
        out[r0 - i0 : r1 - i0, c0 - j0 : c1 - j0] = values[r0:r1, c0:c1]
    return out


def _overlap(start: float, ratio: float, n: int, m: int) -> sparse.csr_array:
    """Length that interval i, start + ratio·[i, i+1], shares with fine cell j, shape (n, m)."""
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
