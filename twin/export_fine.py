"""The largest depth of a subgrid run over the fine terrain that its cells carry: a GeoTIFF, depth zones.

See `twin.fine_water`. By windows, so the size of the map does not matter to the GeoTIFF; zones are held, one
byte for each fine cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rasterio.windows import Window

from twin import qml
from twin.cog import NODATA, write_cog
from twin.errors import InputError, told
from twin.files import write_text
from twin.fine_ground import fine_ground, has_fine_ground
from twin.fine_water import FineWater, fine_water
from twin.flood_polygons import Zones, depth_zones
from twin.grid import Grid
from twin.messages import figure

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

    from twin.results import Result

NAME = "max_water_depth"
#: Fine cells whose zones become polygons: some 15 bytes each on the way.
MOST_CELLS = 400_000_000


def fine(result: Result, path: Path) -> list[Path]:
    """Write the largest depth over the fine terrain (float32, nodata −9999 where there is no ground) and its
    .qml.

    Raises
    ------
    InputError
        See `_max_water`.
    """
    grid, blocks = _max_water(result)
    deepest = 0.0

    def fill(file: DatasetWriter) -> None:
        nonlocal deepest
        for water in blocks:
            deepest = max(deepest, float(water.depth.max()))
            known = np.where(water.known, water.depth, NODATA).astype(np.float32)
            top, left = _corner(water)
            file.write(known, 1, window=Window(left, top, known.shape[1], known.shape[0]))

    write_cog(result, NAME, grid, path, fill)
    write_text(path.with_suffix(".qml"), qml.raster(NAME, 0.0, deepest))
    return [path]


def fine_zones(result: Result) -> tuple[Zones, Grid]:
    """Zones of the largest depth over the fine terrain (`twin.flood_polygons.depth_zones`), and its grid.

    Raises
    ------
    InputError
        There are too many fine cells, or see `_max_water`.
    """
    grid, blocks = _max_water(result)
    if grid.ny * grid.nx > MOST_CELLS:
        cells = figure(grid.ny * grid.nx, digits=0)
        raise InputError(
            told(result.path, "", "export.too_fine", cells=cells, most=figure(MOST_CELLS, digits=0))
        )
    zone = np.zeros(grid.shape, dtype=np.uint8)
    for water in blocks:
        (top, left), (ny, nx) = _corner(water), water.depth.shape
        zone[top : top + ny, left : left + nx] = depth_zones(np.where(water.known, water.depth, 0.0))
    return zone, grid


def _corner(water: FineWater) -> tuple[int, int]:
    """First row and column of a block among the fine cells."""
    block = water.block
    return block.rows.start * block.ratio, block.columns.start * block.ratio


def _max_water(result: Result) -> tuple[Grid, Iterator[FineWater]]:
    """The fine grid and the water on it.

    Raises
    ------
    InputError
        The run has no highest levels, or see `twin.fine_ground.fine_ground`.
    """
    if "max_water_level" not in result.fields and has_fine_ground(result):
        raise InputError(told(result.path, "max_water_level", "export.no_levels"))
    ratio, blocks = fine_ground(result)
    level = np.asarray(result.fields["max_water_level"].values, dtype=np.float64)
    grid = result.grid
    return grid.at_resolution(grid.cell / ratio), fine_water(blocks, grid, level)
