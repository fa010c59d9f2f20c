"""The fine ground along the roads of a subgrid domain.

The water depth of a subgrid cell is its volume over its area (`twin.subgrid`), which is neither the depth in
a street between houses nor that on a bank over a river: `twin.subgrid.depths_on_roads`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.grid import Grid
from twin.traversal import cells_on_lines

if TYPE_CHECKING:
    from twin.network import Network
    from twin.subgrid import Block

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


class RoadSurvey:
    """Looks up the ground of roads while the blocks of the fine terrain pass by once."""

    def __init__(self, network: Network, grid: Grid, ratio: int) -> None:
        """grid: that of the model; ratio: fine cells along the side of one of its cells."""
        fine = Grid(
            grid.crs, grid.x_west, grid.y_north, grid.cell / ratio, grid.ny * ratio, grid.nx * ratio
        )  # fmt: skip
        segment, place, _ = cells_on_lines(np.asarray(network.segments.geometry.array, object), fine)
        self._ratio, self._row, self._column = ratio, place // fine.nx, place % fine.nx
        self.ground = RoadGround(
            segment,
            self._row // ratio * grid.nx + self._column // ratio,
            (self._column % ratio + 0.5) / ratio - 0.5,
            (self._row % ratio + 0.5) / ratio - 0.5,
            np.full(place.size, np.nan),
        )

    def look(self, block: Block) -> None:
        """Keep in `ground` what the roads cross in a block."""
        k, rows, columns = self._ratio, block.rows, block.columns
        here = (self._row >= rows.start * k) & (self._row < rows.stop * k)
        here &= (self._column >= columns.start * k) & (self._column < columns.stop * k)
        i, j = self._row[here] - rows.start * k, self._column[here] - columns.start * k
        self.ground.elevation[here] = block.elevation[i // k, j // k, i % k, j % k]
