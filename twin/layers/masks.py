"""How the heights of RGE ALTI were measured: the source mask that IGN delivers beside them.

`RGEALTI_MNT_…/…_MNT_….asc` has a sister `RGEALTI_SRC_…/…_SRC_….tif` with a code for each cell, whose meaning
stands in `tables/rgealti_sources.csv`, with sources. (The distance mask, DST, is left alone: no text that
could be opened says its unit.)
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.grid import Bounds
from twin.layers.mosaic import Mosaic
from twin.layers.raster import open_mosaic
from twin.layers.reading import Reading
from twin.layers.source import LayerSource

NONE = 255  # no source
CODES = 256
SUFFIXES = (".tif", ".tiff", ".asc")


@dataclass(frozen=True)
class Kind:
    """Codes first … last: the kind of survey, whether it is coarse."""

    first: int
    last: int
    name: str
    poor: bool


@cache
def kinds() -> tuple[Kind, ...]:
    """The table of the codes."""
    content = resources.files("twin.layers").joinpath("tables/rgealti_sources.csv").read_text("utf-8")
    return tuple(
        Kind(int(r["first"]), int(r["last"]), r["kind"], r["poor"] == "yes")
        for r in csv.DictReader(content.splitlines())
    )


@dataclass(frozen=True)
class Sources:
    """Where heights come from.

    Attributes
    ----------
    cells : kind → cells of it ("other": codes that the table has not). poor : share of coarse kinds.
    tiles : outer edges (m) and share of coarse kinds of each tile that has some.
    """

    cells: dict[str, int]
    poor: float
    tiles: tuple[tuple[Bounds, float], ...]


def sister(tile: Path) -> Path | None:
    """The source mask of a tile of heights, or None where it is not there."""
    if "_MNT_" not in tile.name:
        return None
    folder = tile.parent.with_name(tile.parent.name.replace("_MNT_", "_SRC_"))
    for place in (folder, tile.parent):
        for suffix in SUFFIXES:
            path = (place / tile.name.replace("_MNT_", "_SRC_")).with_suffix(suffix)
            if path.is_file():
                return path
    return None


def sources_of(reading: Reading, tiles: Iterable[Path]) -> Sources | None:
    """What the masks of the tiles say, within the wanted part; None where no tile has one.

    Raises
    ------
    InputError
        A mask cannot be read.
    """
    paths = tuple(str(path) for tile in tiles if (path := sister(tile)) is not None)
    if not paths:
        return None
    source = LayerSource(source=paths, crs=reading.source.crs, nodata=NONE)
    own = Reading("terrain", source, reading.root, reading.crs, reading.crs_text, reading.bounds)
    mosaic, _ = open_mosaic(own)
    counts = np.zeros(CODES, dtype=np.int64)
    poor = _poor_codes()
    places = []
    for tile in mosaic.tiles:
        here = _counts(mosaic, tile.bounds)
        counts += here
        share = float(here[poor].sum() / max(1, here.sum()))
        if share > 0:
            places.append((tile.bounds, share))
    total = int(counts.sum())
    if not total:
        return None
    cells: dict[str, int] = {}
    for code in np.flatnonzero(counts):
        name = next((k.name for k in kinds() if k.first <= code <= k.last), "other")
        cells[name] = cells.get(name, 0) + int(counts[code])
    return Sources(cells, float(counts[poor].sum() / total), tuple(places))


def _poor_codes() -> NDArray[Any]:
    out = np.zeros(CODES, dtype=bool)
    for kind in kinds():
        out[kind.first : kind.last + 1] = kind.poor
    return out


def _counts(mosaic: Mosaic, bounds: Bounds) -> NDArray[Any]:
    """Cells of each code within a tile (one window: a tile has a million cells)."""
    i0 = max(0, round((mosaic.y_north - bounds[3]) / mosaic.cell))
    i1 = min(mosaic.ny, round((mosaic.y_north - bounds[1]) / mosaic.cell))
    j0 = max(0, round((bounds[0] - mosaic.x_west) / mosaic.cell))
    j1 = min(mosaic.nx, round((bounds[2] - mosaic.x_west) / mosaic.cell))
    if i0 >= i1 or j0 >= j1:
        return np.zeros(CODES, dtype=np.int64)
    values = mosaic.window(i0, j0, i1 - i0, j1 - j0)
    codes = values[(values >= 0) & (values < CODES)]
    return np.bincount(codes.astype(np.int64), minlength=CODES)
