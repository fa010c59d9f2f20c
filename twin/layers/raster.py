"""Rasters → one array on their own lattice: a file, a VRT, a folder, a glob or a list of tiles.

Nothing is resampled here: tiles whose cells do not fall on one lattice are an error. IGN's grids put
cell centres on round coordinates, so edges are half a cell off; the lattice is kept as it is.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS

from twin.layers import crs as crs_tools
from twin.layers.files import find
from twin.layers.lattice import native_grid, resample_mean
from twin.layers.mosaic import Mosaic
from twin.layers.reading import Reading, few
from twin.layers.tiles import Tile, check_lattice, common_crs, open_tile
from twin.messages import figure, key_figure

__all__ = ["native_grid", "open_mosaic", "read_raster", "read_terrain", "resample_mean"]

Floats = NDArray[np.float64]

MAX_CELLS = 500_000_000  # held in memory at once; larger rasters are read by windows (`open_mosaic`)
# No ground of the Earth is lower or higher (Challenger Deep, Everest).
GROUND = (-11_000.0, 9_000.0)


def open_mosaic(reading: Reading, *, own_crs: bool = False) -> tuple[Mosaic, CRS]:
    """The files of a raster layer as one lazy raster on their own lattice: headers only.

    Parameters
    ----------
    reading : the layer, its source and what part is wanted.
    own_crs : allow a CRS other than the territory's (land cover, roughness: sampled later).

    Returns
    -------
    mosaic, crs : and the CRS of the files, or the one assigned.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    files = find(reading, rasters=True)
    reading.problems.raise_if_any()
    tiles = [tile for file in files if (tile := open_tile(reading, file)) is not None]
    reading.problems.raise_if_any()
    crs = common_crs(reading, tiles, own_crs=own_crs)
    check_lattice(reading, tiles)
    reading.problems.raise_if_any()
    assert crs is not None
    return Mosaic(reading, tiles, crs), crs


def read_raster(reading: Reading, *, own_crs: bool = False) -> tuple[xr.DataArray, tuple[str, ...], str]:
    """Read a raster layer whole, on its own lattice (see `open_mosaic`).

    Returns
    -------
    data : (y, x) float64, y descending, NaN for no value; attrs: crs, transform (a, b, c, d, e, f),
        cell (m), nodata_cells.
    files : those that were read.
    crs : CRS of the files, or the one assigned.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    mosaic, crs = open_mosaic(reading, own_crs=own_crs)
    ny, nx, cell = mosaic.ny, mosaic.nx, mosaic.cell
    if ny * nx > MAX_CELLS:
        reading.problem(
            mosaic.tiles[0].path,
            "source",
            "too_big",
            cells=figure(ny * nx, digits=0),
            most=figure(MAX_CELLS, digits=0),
        )
        reading.problems.raise_if_any()
    values = mosaic.window(0, 0, ny, nx)
    mosaic.note_seams()
    data = xr.DataArray(
        values,
        dims=("y", "x"),
        coords={  # see `twin.domain.grid_fields`
            "y": ("y", pd.Index(mosaic.y_north - (np.arange(ny) + 0.5) * cell)),
            "x": ("x", pd.Index(mosaic.x_west + (np.arange(nx) + 0.5) * cell)),
        },
        name=reading.name,
        attrs={
            "crs": mosaic.crs,
            "transform": (cell, 0.0, mosaic.x_west, 0.0, -cell, mosaic.y_north),
            "cell": cell,
            "nodata_cells": int(np.isnan(values).sum()),
        },
    )
    return data, files_of(mosaic.used), crs_tools.label_in(reading, crs)


def files_of(tiles: list[Tile]) -> tuple[str, ...]:
    """The paths of tiles."""
    return tuple(str(tile.path) for tile in tiles)


# --- terrain ---

_DATUM = re.compile(r"_(IGN69|IGN78C?|REUN89|GUAD88|MART87|NGG77|MAYO53)(?=[_.]|$)", re.IGNORECASE)


def datum_of(reading: Reading, files: tuple[str, ...]) -> str:
    """The vertical datum that file names tell, or ""; several are a problem."""
    datums = {match.group(1).upper() for file in files if (match := _DATUM.search(Path(file).name))}
    if len(datums) > 1:
        reading.problem(files[0], "vertical_datum", "mixed_datums", datums=few(sorted(datums)))
        reading.problems.raise_if_any()
    told = _with_ngf(datums.pop()) if datums else ""
    reading.check_datum(files[0] if files else reading.root, reading.source.vertical_datum or told)
    reading.problems.raise_if_any()
    return told


def _with_ngf(name: str) -> str:
    """IGN69 is said NGF-IGN69 (mainland and Corsica); overseas datums have their own names."""
    return f"NGF-{name}" if name.startswith("IGN") else name


def check_heights(reading: Reading, file: str, low: float, high: float) -> None:
    """Whether values can be heights of the ground; `low` is NaN where there is none at all."""
    if np.isnan(low):
        reading.problem(file, "source", "all_nodata")
    elif low < GROUND[0] or high > GROUND[1]:
        reading.problem(file, "source", "not_heights", low=f"{low:g}", high=f"{high:g}")
    reading.problems.raise_if_any()


def read_terrain(reading: Reading) -> tuple[xr.DataArray, tuple[str, ...], str, str]:
    """Read ground heights; see `read_raster`. Also returns the vertical datum that file names tell, or ""."""
    data, files, crs = read_raster(reading)
    empty = data.attrs["nodata_cells"] == data.size
    low, high = (np.nan, np.nan) if empty else (float(np.nanmin(data.values)), float(np.nanmax(data.values)))
    check_heights(reading, files[0] if files else str(reading.root), low, high)
    datum = datum_of(reading, files)
    if data.attrs["nodata_cells"]:
        share = 100 * data.attrs["nodata_cells"] / data.size
        reading.note("nodata_cells", count=data.attrs["nodata_cells"], share=key_figure(share, digits=1))
    return data, files, crs, datum
