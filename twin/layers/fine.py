"""The fine terrain under each model cell, block by block: for subgrid tables, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.grid import Grid
from twin.layers.lattice import InMemory, Source, blocks, whole_ratio

# Fine cells held at once (32 MB in float64; about three times that at the peak).
MOST_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class FineBlock:
    """A block of model cells with the fine elevations in each.

    Attributes
    ----------
    rows, columns : slices of the model grid.
    ratio : k, fine cells along the side of a model cell.
    elevation : (m, n, k, k) (m), NaN for no value; row 0 of each cell is its north. A view: not to be
        written in.
    blocked : (m, n, k, k) fine cells that a building fills; None where no building was put on them.
    without_buildings : elevation before they were.
    """

    rows: slice
    columns: slice
    ratio: int
    elevation: NDArray[np.float64]
    blocked: NDArray[np.bool_] | None = None
    without_buildings: NDArray[np.float64] | None = None

    @property
    def ground(self) -> NDArray[np.float64]:
        """Elevation (m, n, k, k) without the buildings that were put on it."""
        return self.elevation if self.without_buildings is None else self.without_buildings

    def part_of(self, grid: Grid) -> Grid:
        """The fine cells of the block as a grid of their own; grid: that of the model."""
        ny, nx = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        cells = grid.part(self.rows.start, self.columns.start, ny, nx)
        return cells.at_resolution(grid.cell / self.ratio)

    def flat(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the fine cells, (m, n, k, k), as a map, (m k, n k)."""
        m, n, k, _ = values.shape
        return values.swapaxes(1, 2).reshape(m * k, n * k)


def fine_blocks(
    source: Source | xr.DataArray, grid: Grid, *, most_cells: int = MOST_CELLS
) -> Iterator[FineBlock]:
    """The fine cells of every model cell; blocks cover the grid once, from north to south.

    Parameters
    ----------
    source : a lazy `Mosaic` (`Territory.mosaic`), or a terrain layer's data.
    grid : the model grid; its cells are whole blocks of source cells.
    most_cells : fine cells in a block (one model cell may have more).

    Raises
    ------
    ValueError
        The cells of the grid are not whole blocks of source cells.
    """
    if isinstance(source, xr.DataArray):
        yield from fine_blocks(InMemory.of(source), grid, most_cells=most_cells)
        return
    k = whole_ratio(source, grid)
    if k is None:
        raise ValueError(
            f"cells of {grid.cell} m from ({grid.x_west}, {grid.y_north}) are not whole blocks of the"
            f" terrain's, {source.cell} m from ({source.x_west}, {source.y_north})"
        )
    top = round((source.y_north - grid.y_north) / source.cell)
    left = round((grid.x_west - source.x_west) / source.cell)
    for rows, columns in blocks(grid.shape, k, most_cells):
        m, n = rows.stop - rows.start, columns.stop - columns.start
        fine = source.window(top + rows.start * k, left + columns.start * k, m * k, n * k)
        elevation = fine.reshape(m, k, n, k).swapaxes(1, 2)
        elevation.flags.writeable = False
        yield FineBlock(rows, columns, k, elevation)
