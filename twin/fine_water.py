"""The water of a subgrid run over the fine terrain that its cells carry, block by block.

A cell of a subgrid run has a level, and its water depth is its volume over its area: less than the depth in
a street where half of the cell are houses, more than that on a bank over a ditch. Where in the cell the water
stands, the fine terrain says, which is read again by windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.features import WET_DEPTH
from twin.grid import Grid
from twin.layers.fine import FineBlock
from twin.subgrid import fine_depth, level_over_fine, level_rises

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FineWater:
    """The largest depth over the fine cells of a block.

    Attributes
    ----------
    block : its place in the model grid, its bed.
    grid : the fine cells.
    level : highest level of each model cell of the block (m), NaN where dry.
    depth : (ny, nx) (m), 0 where the ground, or a building that blocks, is higher than the level.
    known, blocked, permanent : (ny, nx) fine cells with ground; those that a building fills; those of
        permanent water.
    """

    block: FineBlock
    grid: Grid
    level: Floats
    depth: Floats
    known: Bools
    blocked: Bools
    permanent: Bools


def fine_water(
    blocks: Iterable[FineBlock],
    grid: Grid,
    level: Floats,
    start: Floats | None = None,
    mapped: Bools | None = None,
) -> Iterator[FineWater]:
    """The largest depth of each block.

    The highest level of each cell is a plane (`twin.subgrid.level_rises`). A cell has one level: low ground
    behind a wall in a wet cell is wet too.

    Parameters
    ----------
    blocks : the fine bed of the run (`twin.gridding.fine_beds`).
    grid : the model grid.
    level : (ny, nx) highest level of each cell (m), NaN where dry.
    start : (ny, nx) volume per area at the start (m); what stands deeper than `WET_DEPTH` then is permanent
        water. Its level slopes within a cell as the highest does.
    mapped : (ny, nx) cells that the map of the territory has as water: permanent too.
    """
    rises = level_rises(level)
    for block in blocks:
        place = (block.rows, block.columns)
        depth = fine_depth(level[place], block.elevation, rises[:, *place])
        permanent = np.zeros(depth.shape, dtype=bool)
        if start is not None:
            # A river that does not rise slopes in its cells as it does at its highest.
            level_then = level_over_fine(block.elevation, np.nan_to_num(start[place]))
            permanent |= fine_depth(level_then, block.elevation, rises[:, *place]) > WET_DEPTH
        if mapped is not None:
            permanent |= _spread(mapped[place], block.ratio)
        yield FineWater(
            block,
            block.part_of(grid),
            level[place],
            depth,
            np.isfinite(block.flat(block.elevation)),
            np.zeros(depth.shape, dtype=bool) if block.blocked is None else block.flat(block.blocked),
            permanent,
        )


def _spread(values: NDArray[Any], ratio: int) -> NDArray[Any]:
    """Values of cells on the fine cells of each."""
    return np.repeat(np.repeat(values, ratio, axis=0), ratio, axis=1)
