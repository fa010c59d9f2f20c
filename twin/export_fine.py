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
from twin.errors import InputError, Problems, told
from twin.files import sha256, write_text
from twin.fine_water import FineWater, fine_water
from twin.flood_polygons import Zones, depth_zones
from twin.grid import Grid
from twin.gridding import DomainParameters, fine_beds
from twin.layers.lattice import resample, whole_ratio
from twin.scenarios import Scenario

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

    from twin.results import Result

NAME = "max_water_depth"
LAYERS = ("terrain", "buildings")  # what the fine bed is made of
SAME_GROUND = 0.01  # m: that of the run is kept in single precision
#: Fine cells whose zones become polygons: some 15 bytes each on the way.
MOST_CELLS = 400_000_000


def has_fine_ground(result: Result) -> bool:
    """Whether the cells of a run carried the fine terrain (`params.flood.subgrid`)."""
    return bool(result.scenario_table.get("params", {}).get("flood", {}).get("subgrid", False))


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
        cells = f"{grid.ny * grid.nx:.1e}"
        raise InputError(told(result.path, "", "export.too_fine", cells=cells, most=f"{MOST_CELLS:.0e}"))
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
        The run has no subgrid or no highest levels, or the terrain or the buildings are no longer those that
        it was made with.
    """
    if not has_fine_ground(result):
        raise InputError(told(result.path, "params.flood.subgrid", "export.no_subgrid"))
    if "max_water_level" not in result.fields:
        raise InputError(told(result.path, "max_water_level", "export.no_levels"))
    _refuse_other_ground(result)
    scenario = Scenario.open(result.path / "scenario.toml")
    territory, grid = scenario.territory, result.grid
    parameters = scenario.parameters()["domain"]
    assert isinstance(parameters, DomainParameters)
    buildings = territory.layer("buildings").data if territory.has("buildings") else None
    mosaic = territory.mosaic()
    ratio = whole_ratio(mosaic, grid)
    ground = resample(mosaic, grid, parameters.resampling)
    apart = np.abs(np.nan_to_num(ground) - np.nan_to_num(result.fields["ground_elevation"].values)).max()
    # The files may be the same and read otherwise: another offset, other tiles.
    if ratio is None or apart > SAME_GROUND:
        raise InputError(told(territory.file, "layers.terrain", "export.ground_read", apart=f"{apart:.2f}"))
    level = np.asarray(result.fields["max_water_level"].values, dtype=np.float64)
    blocks = fine_beds(grid, buildings, mosaic, parameters)
    return grid.at_resolution(grid.cell / ratio), fine_water(blocks, grid, level)


def _refuse_other_ground(result: Result) -> None:
    """The files of the fine bed must be those of the run."""
    problems = Problems()
    for record in result.provenance.get("inputs", []):
        if record["layer"] not in LAYERS:
            continue
        for name, was in record["sha256"].items():
            file = Path(name)
            if not file.exists():
                problems.tell(result.path, record["layer"], "export.ground_gone", file=name)
            elif sha256(file) != was:
                problems.tell(result.path, record["layer"], "export.ground_other", file=name)
    problems.raise_if_any()
