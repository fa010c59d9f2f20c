"""Cloud-Optimised GeoTIFFs of the variables of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import twin
from twin.files import replacing
from twin.messages import text
from twin.variables import VARIABLES

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

    from twin.grid import Grid
    from twin.results import Result

NODATA = -9999.0


def map_note(*results: Result) -> str:
    """What every map that leaves says: it is indicative; and which of the runs did not end."""
    unfinished = [said for run in results if (said := run.unfinished(lang="fr"))]
    return " ".join([text("map.indicative", "fr"), *unfinished])


def write_cog(
    result: Result, name: str, grid: Grid, target: Path, fill: Callable[[DatasetWriter], None]
) -> None:
    """Write one variable of a run on a grid as a Cloud-Optimised GeoTIFF; `fill` writes its values."""
    import rasterio
    from rasterio.shutil import copy

    variable = VARIABLES[name]
    with replacing(target) as temporary:
        # The COG driver only copies: a plain file first, in the same room, thrown away with it.
        plain = temporary.with_name("plain.tif")
        with rasterio.open(
            plain,
            "w",
            driver="GTiff",
            width=grid.nx,
            height=grid.ny,
            count=1,
            dtype="float32",
            crs=grid.crs,
            transform=grid.transform,
            nodata=NODATA,
            BIGTIFF="IF_SAFER",
        ) as file:
            fill(file)
            file.set_band_description(1, name)
            file.units = (variable.unit,)
            file.update_tags(
                TIFFTAG_SOFTWARE=f"Twin {twin.__version__}",
                TIFFTAG_IMAGEDESCRIPTION=f"{result.name}: {variable.label('fr')} ({variable.unit})",
                status=result.status,
                simulated_s=f"{result.times[-1]:g}" if result.times.size else "0",
            )
            file.update_tags(
                1,
                long_name=variable.label("en"),
                nom=variable.label("fr"),
                scenario=result.name,
                note=map_note(result),
            )
        copy(
            plain,
            temporary,
            driver="COG",
            COMPRESS="DEFLATE",
            PREDICTOR="YES",
            BIGTIFF="IF_SAFER",
            # Classes and dry edges must not be smeared in the overviews.
            OVERVIEW_RESAMPLING="NEAREST",
        )
