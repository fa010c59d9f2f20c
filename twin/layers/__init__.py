"""Files → layers: terrain, roughness, land cover, roads, buildings and the rest, each with its provenance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import xarray as xr
from pyproj import CRS

from twin.errors import InputError, suggest, told
from twin.grid import Bounds
from twin.layers import crs as crs_tools
from twin.layers import ign, lidar
from twin.layers.buildings import read_buildings
from twin.layers.landcover import manning_on_grid, read_land_cover, read_roughness, roughness_on_grid
from twin.layers.lattice import native_grid, resample_mean
from twin.layers.layer import FileHashes, Layer, Provenance
from twin.layers.mosaic import Mosaic
from twin.layers.other import read_other, read_turn_bans
from twin.layers.population import read_population
from twin.layers.raster import datum_of, files_of, open_mosaic, read_raster, read_terrain
from twin.layers.reading import Reading
from twin.layers.roads import read_roads
from twin.layers.source import LayerSource

__all__ = [
    "LAYER_NAMES",
    "Layer",
    "LayerSource",
    "LazyTerrain",
    "Mosaic",
    "Provenance",
    "manning_on_grid",
    "native_grid",
    "open_terrain",
    "read_layer",
    "resample_mean",
    "roughness_on_grid",
]

# data, files, CRS of the files, vertical datum that they tell
Read = tuple[xr.DataArray | gpd.GeoDataFrame, tuple[str, ...], str, str]

# The names that a territory may give to a layer (contract 3.1).
LAYER_NAMES = (
    "terrain", "roughness", "land_cover", "roads", "turn_bans", "buildings", "hydrography", "water_surfaces",
    "structures", "defences", "population", "zones", "districts", "facilities", "flood_marks",
    "flood_extent", "orthophoto", "roofs", "bridge_decks",
)  # fmt: skip

# Files that scenarios and places name, read through the same door: ``places.schools``, …
OTHER_FILES = ("places", "extent", "initial_water")


def read_layer(
    name: str,
    source: LayerSource,
    *,
    root: Path,
    crs: str,
    bounds: Bounds | None = None,
    vertical_datum: str = "",
) -> Layer:
    """Read one layer of a territory.

    Parameters
    ----------
    name : one of `LAYER_NAMES`, or what scenarios and places name (`OTHER_FILES`).
    source : where it is and how to read it.
    root : folder that relative paths start from (that of `territory.toml`).
    crs : projected CRS of the territory.
    bounds : x_min, y_min, x_max, y_max in that CRS: the part that is wanted (raster cells and features
        that meet it); None for all.
    vertical_datum : of the territory: heights that say another are refused, unless the layer's
        `vertical_offset` brings them to it. "": not compared.

    Returns
    -------
    Layer
        Rasters: DataArray (y descending, x), float64, NaN for no value; attrs crs, transform, cell,
        nodata_cells. Features: canonical (roads, buildings, turn_bans, land_cover) or lower-case columns
        with nulls as nulls, in the territory's CRS.

    Raises
    ------
    InputError
        Everything that is wrong with the layer, at once.
    """
    reading = _reading(name, source, root, crs, bounds, vertical_datum)
    if name == "orthophoto":
        raise InputError(told("territory.toml", "layers.orthophoto", "layer.not_read_yet"))
    data, files, file_crs, datum = _READERS.get(name, _other)(reading)
    if name != "terrain":
        reading.check_datum(files[0] if files else root, source.vertical_datum or datum)
        if reading.vertical_offset and isinstance(data, gpd.GeoDataFrame):
            data = ign.raised(data, reading.vertical_offset)
    reading.problems.raise_if_any()
    return Layer(name, data, _provenance(reading, files, file_crs, datum))


@dataclass(frozen=True, eq=False)
class LazyTerrain:
    """The terrain of a territory, of which only headers are read yet.

    Attributes
    ----------
    mosaic : gives its cells by windows. reading : what was noted so far.
    """

    mosaic: Mosaic
    reading: Reading
    _crs: CRS
    name: str = "terrain"

    @property
    def provenance(self) -> Provenance:
        """Files, edition, licence …; what windows have met so far is in its notes."""
        files = files_of(self.mosaic.used)
        self.mosaic.note_seams()
        datum = datum_of(self.reading, files)
        return _provenance(self.reading, files, crs_tools.label_in(self.reading, self._crs), datum)


def open_terrain(
    source: LayerSource, *, root: Path, crs: str, bounds: Bounds | None = None, vertical_datum: str = ""
) -> LazyTerrain:
    """The terrain layer without its values (see `read_layer` for the parameters and errors)."""
    reading = _reading("terrain", source, root, crs, bounds, vertical_datum)
    mosaic, file_crs = open_mosaic(reading)
    datum_of(reading, files_of(list(mosaic.tiles)))
    return LazyTerrain(mosaic, reading, file_crs)


def _reading(
    name: str, source: LayerSource, root: Path, crs: str, bounds: Bounds | None, vertical_datum: str
) -> Reading:
    if name not in LAYER_NAMES and name.partition(".")[0] not in OTHER_FILES:
        raise InputError(
            told("territory.toml", f"layers.{name}", "layer.bad_name", suggest(name, LAYER_NAMES))
        )
    territory_crs = crs_tools.parse(crs)
    if territory_crs is None or not territory_crs.is_projected:
        raise InputError(told("territory.toml", "crs", "layer.bad_territory_crs", crs=crs))
    reading = Reading(name, source, Path(root), territory_crs, crs, bounds, vertical_datum=vertical_datum)
    _check_keys(reading)
    return reading


def _provenance(reading: Reading, files: tuple[str, ...], crs: str, datum: str) -> Provenance:
    source = reading.source
    edition, licence = ign.product(files)
    return Provenance(
        source=files,
        sha256=FileHashes(files),
        edition=source.edition or edition,
        licence=source.licence or licence,
        crs=crs,
        vertical_datum=source.vertical_datum or datum,
        notes=reading.all_notes(),
    )


_RASTERS = ("terrain", "roughness", "initial_water", *lidar.TOPS)
# What would be ignored in silence: keys for features on rasters, and the reverse.
_NOT_FOR: dict[str, Callable[[str], bool]] = {
    "layer": lambda name: name in _RASTERS,
    "where": lambda name: name in _RASTERS,
    "nodata": lambda name: name not in (*_RASTERS, "land_cover"),
    "vertical_offset": lambda name: name in ("roughness", "land_cover", "turn_bans", "population"),
    "classes": lambda name: name != "land_cover",
}


def _check_keys(reading: Reading) -> None:
    for key, ignored in _NOT_FOR.items():
        value = getattr(reading.source, key)
        if value is not None and ignored(reading.name):
            reading.problem("territory.toml", key, "no_such_key", value=value, name=reading.name)
    reading.problems.raise_if_any()


def _terrain(reading: Reading) -> Read:
    return read_terrain(reading)


def _roughness(reading: Reading) -> Read:
    return (*read_roughness(reading), "")


def _raster(reading: Reading) -> Read:
    return (*read_raster(reading), "")


def _land_cover(reading: Reading) -> Read:
    return (*read_land_cover(reading), "")


def _roads(reading: Reading) -> Read:
    frame, features = read_roads(reading)
    return frame, features.files, features.crs, ""


def _buildings(reading: Reading) -> Read:
    frame, features = read_buildings(reading)
    return frame, features.files, features.crs, ""


def _turn_bans(reading: Reading) -> Read:
    frame, features = read_turn_bans(reading)
    return frame, features.files, features.crs, ""


def _population(reading: Reading) -> Read:
    frame, features = read_population(reading)
    return frame, features.files, features.crs, ""


def _other(reading: Reading) -> Read:
    frame, features = read_other(reading)
    return frame, features.files, features.crs, ""


_READERS: dict[str, Callable[[Reading], Read]] = {
    "terrain": _terrain,
    "roughness": _roughness,
    "land_cover": _land_cover,
    "initial_water": _raster,
    "roofs": _raster,
    "bridge_decks": _raster,
    "roads": _roads,
    "buildings": _buildings,
    "turn_bans": _turn_bans,
    "population": _population,
}
