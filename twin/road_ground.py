"""The fine ground along the roads of a subgrid domain, and how deep the water of its cells stands on it.

The water depth of a subgrid cell is its volume over its area (`twin.subgrid`), which is neither the depth in
a street between houses nor that on a bank over a river.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.grid import Grid
from twin.subgrid import Block, level_at_depth, level_rises
from twin.traversal import cells_on_lines

if TYPE_CHECKING:
    from twin.domain import Domain
    from twin.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RoadGround:
    """The fine cells that the segments of a network cross.

    Attributes
    ----------
    segment : (k,) row of the network's segments; sorted, and in the order of each.
    cell : (k,) model cell, flat.
    east, south : (k,) place in the model cell: shares of its side, from its centre.
    elevation : (k,) fine bed (m), roofs included; NaN where the terrain has no value.
    """

    segment: Ints
    cell: Ints
    east: Floats
    south: Floats
    elevation: Floats

    def depths(self, domain: Domain, water_depth: NDArray[np.floating]) -> Floats:
        """Water depth (m) at each place, (k,), from the volumes per area of the cells, (ny, nx) (m).

        The level of a cell is a plane (`twin.subgrid.level_rises`); 0 where the cell is dry, the ground is
        higher or nothing is known.
        """
        held = np.asarray(water_depth, np.float64)
        level = np.where(held > 0.0, level_at_depth(domain, held), np.nan)
        eastward, southward = (rise.ravel()[self.cell] for rise in level_rises(level))
        here = level.ravel()[self.cell] + eastward * self.east + southward * self.south
        depths: Floats = np.nan_to_num(np.maximum(here - self.elevation, 0.0))
        return depths


@dataclass(eq=False)
class RoadSurvey:
    """Looks up the ground of roads while the blocks of the fine terrain pass by once.

    Attributes
    ----------
    network, grid : the roads and the model grid.
    ratio : fine cells along the side of a model cell.
    """

    network: Network
    grid: Grid
    ratio: int
    ground: RoadGround = field(init=False)
    _row: Ints = field(init=False)
    _column: Ints = field(init=False)

    def __post_init__(self) -> None:
        grid, k = self.grid, self.ratio
        fine = Grid(grid.crs, grid.x_west, grid.y_north, grid.cell / k, grid.ny * k, grid.nx * k)
        segment, place, _ = cells_on_lines(np.asarray(self.network.segments.geometry.array, object), fine)
        self._row, self._column = place // fine.nx, place % fine.nx
        self.ground = RoadGround(
            segment,
            self._row // k * grid.nx + self._column // k,
            (self._column % k + 0.5) / k - 0.5,
            (self._row % k + 0.5) / k - 0.5,
            np.full(place.size, np.nan),
        )

    def passing(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks; what the roads cross in each is kept in `ground`."""
        k = self.ratio
        for block in blocks:
            rows, columns = block.rows, block.columns
            here = (self._row >= rows.start * k) & (self._row < rows.stop * k)
            here &= (self._column >= columns.start * k) & (self._column < columns.stop * k)
            i, j = self._row[here] - rows.start * k, self._column[here] - columns.start * k
            self.ground.elevation[here] = block.elevation[i // k, j // k, i % k, j % k]
            yield block
