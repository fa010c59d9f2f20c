"""The largest depth of a subgrid run over the fine terrain that its cells carry, as a GeoTIFF.

See `twin.fine_water`. By windows, so the size of the map does not matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rasterio.windows import Window

from twin import qml
from twin.cog import NODATA, write_cog
from twin.errors import InputError, Problems, told
from twin.files import sha256, write_text
from twin.fine_water import fine_water
from twin.gridding import DomainParameters, fine_beds
from twin.layers.lattice import resample, whole_ratio
from twin.scenarios import Scenario

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

    from twin.results import Result

NAME = "max_water_depth"
LAYERS = ("terrain", "buildings")  # what the fine bed is made of
SAME_GROUND = 0.01  # m: that of the run is kept in single precision


def fine(result: Result, path: Path) -> list[Path]:
    """Write the largest depth over the fine terrain (float32, nodata −9999 where there is no ground) and its
    .qml.

    Raises
    ------
    InputError
        The run has no subgrid or no highest levels, or the terrain or the buildings are no longer those that
        it was made with.
    """
    flood = result.scenario_table.get("params", {}).get("flood", {})
    if not flood.get("subgrid", False):
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
    deepest = 0.0

    def fill(file: DatasetWriter) -> None:
        nonlocal deepest
        for water in fine_water(fine_beds(grid, buildings, mosaic, parameters), grid, level):
            deepest = max(deepest, float(water.depth.max()))
            known = np.where(water.known, water.depth, NODATA).astype(np.float32)
            top, left = water.block.rows.start * ratio, water.block.columns.start * ratio
            file.write(known, 1, window=Window(left, top, known.shape[1], known.shape[0]))

    write_cog(result, NAME, grid.at_resolution(grid.cell / ratio), path, fill)
    write_text(path.with_suffix(".qml"), qml.raster(NAME, 0.0, deepest))
    return [path]


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
