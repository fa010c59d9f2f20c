"""A territory: its CRS, its extent, its layers and its named places (`territory.toml`, DESIGN 3.1)."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from shapely.geometry.base import BaseGeometry

from twin.domain import Place
from twin.errors import InputError, Problem, Problems, in_line, suggest, told
from twin.grid import Bounds
from twin.layers import LAYER_NAMES, LazyTerrain, Mosaic, open_terrain, read_layer
from twin.layers.layer import Layer, Provenance
from twin.layers.raster import check_heights
from twin.layers.source import LayerSource
from twin.layers.survey import Survey, survey
from twin.messages import key_figure, optional, text
from twin.units import problems_of, unusable

Point = tuple[float, float]

# Layers whose features are places as well, of the layer's name (see `Territory.layer_places`).
PLACE_LAYERS = ("facilities", "districts", "zones")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinePlace(_Record):
    """``{line = [[x, y], …]}``."""

    line: tuple[Point, ...]


class PolygonPlace(_Record):
    """``{polygon = [[x, y], …]}``."""

    polygon: tuple[Point, ...]


class FilePlace(LayerSource):
    """``{source = "lieux.gpkg", layer = …, where = …}``: features of a vector file."""


def _place(value: object) -> object:
    pair = isinstance(value, (list, tuple)) and [type(v) in (int, float) for v in value] == [True, True]
    keys = set(value) if isinstance(value, dict) else set()
    if pair or keys & {"line", "polygon", "source"} or isinstance(value, BaseModel):
        return value
    raise unusable("territory.place", found=value)


AnyPlace = Annotated[Point | LinePlace | PolygonPlace | FilePlace, BeforeValidator(_place)]


class TerritoryRecord(_Record):
    """What a territory.toml says, checked."""

    name: str
    crs: str
    vertical_datum: str = "NGF-IGN69"
    extent: tuple[float, float, float, float] | str | None = None
    layers: dict[str, LayerSource] = {}
    places: dict[str, AnyPlace] = {}

    @model_validator(mode="before")
    @classmethod
    def _places_from_file(cls, raw: Any) -> Any:
        # [places] may itself be a vector file: its `name` column names the places.
        if isinstance(raw, dict) and isinstance(raw.get("places"), str):
            return raw | {"places": {"*": {"source": raw["places"]}}}
        return raw


class Territory:
    """A place whose layers can be read. Open one with `Territory.open`.

    Attributes
    ----------
    file : its territory.toml.
    root : the folder that relative paths start from.
    """

    def __init__(self, record: TerritoryRecord, file: Path) -> None:
        self.record = record
        self.file = file
        self.root = file.parent
        self._layers: dict[str, Layer] = {}
        self._unnamed: list[BaseGeometry] = []
        self.place_files: dict[str, Provenance] = {}
        """Where the places come from that were read from files so far, by key ("places.schools")."""

    @classmethod
    def open(cls, path: str | Path) -> Territory:
        """Read a territory from its folder or its territory.toml.

        Raises
        ------
        InputError
            The file is missing, is no TOML, has keys, layers or a CRS that cannot be used; all at once.
        """
        file = Path(path)
        if file.is_dir():
            file = file / "territory.toml"
        table = read_toml(file, "territory.no_file")
        try:
            record = TerritoryRecord.model_validate(with_environment(table, str(file)))
        except ValidationError as error:
            raise InputError(problems_of(error.errors(), str(file), TerritoryRecord)) from error
        territory = cls(record, file.resolve())
        problems = Problems()
        _check_crs(record.crs, str(file), problems)
        for name in record.layers:
            if name not in LAYER_NAMES:
                hint = suggest(name, LAYER_NAMES)
                problems.tell(file, f"layers.{name}", "territory.unknown_layer", hint, name=name)
        bounds = record.extent
        if isinstance(bounds, tuple) and not (bounds[0] < bounds[2] and bounds[1] < bounds[3]):
            problems.tell(file, "extent", "territory.turned_extent", bounds=list(bounds))
        problems.raise_if_any()
        return territory

    @property
    def name(self) -> str:
        """The name of the place."""
        return self.record.name

    @property
    def crs(self) -> str:
        """The one projected CRS."""
        return self.record.crs

    @property
    def vertical_datum(self) -> str:
        """What heights refer to."""
        return self.record.vertical_datum

    @cached_property
    def extent(self) -> Bounds | None:
        """The crop: x_min, y_min, x_max, y_max, or None for all that the layers have."""
        extent = self.record.extent
        if not isinstance(extent, str):
            return extent
        if extent in self.record.places:
            return self.place(extent).geometry.bounds
        source = LayerSource(source=extent)
        return self._bounds_of(read_layer("extent", source, root=self.root, crs=self.crs, bounds=None))

    @staticmethod
    def _bounds_of(layer: Layer) -> Bounds:
        xmin, ymin, xmax, ymax = layer.data.total_bounds
        return float(xmin), float(ymin), float(xmax), float(ymax)

    def has(self, name: str) -> bool:
        """Whether the catalogue has a layer of that name."""
        return name in self.record.layers

    def layer(self, name: str) -> Layer:
        """A layer, read once, cropped to the extent.

        Raises
        ------
        InputError
            The territory has no such layer, or its file cannot be used.
        """
        if name not in self.record.layers:
            raise InputError(told(self.file, f"layers.{name}", "territory.no_layer", name=name))
        if name not in self._layers:
            self._layers[name] = read_layer(
                name,
                self.record.layers[name],
                root=self.root,
                crs=self.crs,
                bounds=self.extent,
                vertical_datum=self.vertical_datum,
            )
        return self._layers[name]

    def release_rasters(self) -> None:
        """Let go of the layers that hold a value for each of their cells; who asks again reads them again."""
        for name in [n for n, layer in self._layers.items() if not isinstance(layer.data, gpd.GeoDataFrame)]:
            del self._layers[name]

    def lazy_terrain(self) -> LazyTerrain:
        """The terrain without its values, cropped to the extent: however large it is.

        Raises
        ------
        InputError
            The territory has no terrain, or its files cannot be used.
        """
        if not self.has("terrain"):
            self.layer("terrain")  # says that there is none
        return open_terrain(
            self.record.layers["terrain"],
            root=self.root,
            crs=self.crs,
            bounds=self.extent,
            vertical_datum=self.vertical_datum,
        )

    def provenance(self, name: str) -> Provenance:
        """Where a layer comes from; of the terrain without holding it whole."""
        return self.surveyed_terrain[0].provenance if name == "terrain" else self.layer(name).provenance

    def mosaic(self) -> Mosaic:
        """The fine terrain, read by windows (see `twin.layers.fine.fine_blocks`)."""
        return self.lazy_terrain().mosaic

    @cached_property
    def surveyed_terrain(self) -> tuple[LazyTerrain, Survey]:
        """The terrain, of which every cell was looked at once by windows, and what it holds.

        Raises
        ------
        InputError
            There is none, a file is damaged, or its values are no heights.
        """
        terrain = self.lazy_terrain()
        seen = survey(terrain.mosaic)
        file = str(terrain.mosaic.tiles[0].path)
        check_heights(terrain.reading, file, seen.low, seen.high)
        if seen.empty:
            share = key_figure(100 * seen.empty / seen.cells, digits=1)
            terrain.reading.note("nodata_cells", count=seen.empty, share=share)
        return terrain, seen

    @cached_property
    def layer_places(self) -> tuple[str, ...]:
        """Layers that are places too: facilities, districts and zones where no place has that name or reads
        the same layer of the same file, so that nothing is counted twice.
        """
        files = [place for place in self.record.places.values() if isinstance(place, FilePlace)]
        named = {(place.sources, place.layer) for place in files}
        layers = {name: source for name, source in self.record.layers.items() if name in PLACE_LAYERS}
        return tuple(
            name
            for name in PLACE_LAYERS
            if name in layers
            and name not in self._own_places
            and (layers[name].sources, layers[name].layer) not in named
        )

    @cached_property
    def _expanded_places(self) -> dict[str, Point | LinePlace | PolygonPlace | LayerSource | Place]:
        return self._own_places | {name: self.record.layers[name] for name in self.layer_places}

    @cached_property
    def _own_places(self) -> dict[str, Point | LinePlace | PolygonPlace | LayerSource | Place]:
        places: dict[str, Any] = dict(self.record.places)
        everything = places.pop("*", None)
        if everything is not None:
            frame = self._features("places", everything)
            column = next((c for c in ("name", "nom") if c in frame), None)
            if column is None:
                names = ", ".join(frame.columns)
                raise InputError(told(self.file, "places", "territory.unnamed_places", columns=names))
            self._unnamed = list(frame.geometry[frame[column].isna()])
            for name, rows in frame.groupby(column):
                places[str(name)] = Place(str(name), shapely.union_all(rows.geometry.values), rows)
        return places

    def _features(self, name: str, source: LayerSource) -> gpd.GeoDataFrame:
        layer = read_layer(name, source, root=self.root, crs=self.crs, bounds=None)
        if not isinstance(layer.data, gpd.GeoDataFrame):
            raise InputError(
                told(self.file, f"{name}.source", "territory.raster_place", source=source.source)
            )
        self.place_files[name] = layer.provenance
        return layer.data

    @property
    def place_names(self) -> list[str]:
        """Names of all places, those of `layer_places` too."""
        return list(self._expanded_places)

    @property
    def unnamed_places(self) -> list[BaseGeometry]:
        """Rows without a name in the file of all places: no place is made of them."""
        _ = self._expanded_places
        return self._unnamed

    def place(self, name: str) -> Place:
        """A named place, read once.

        Raises
        ------
        InputError
            There is none of that name, or its file cannot be read.
        """
        known = self._expanded_places
        if name not in known:
            hint = suggest(name, known)
            raise InputError(told(self.file, f"places.{name}", "territory.no_place", hint))
        record = known[name]
        if isinstance(record, Place):
            return record
        if isinstance(record, LayerSource):
            if name in self.layer_places:
                frame = self.layer(name).data
                assert isinstance(frame, gpd.GeoDataFrame)
            else:
                frame = self._features(f"places.{name}", record)
            geometry = shapely.union_all(frame.geometry.values)
        else:
            geometry = _geometry(record)
            frame = gpd.GeoDataFrame({"name": [name]}, geometry=[geometry], crs=self.crs)
        place = known[name] = Place(name, geometry, frame)
        return place

    def check(self) -> list[Problem]:
        """Everything that is wrong with the territory, its files and places, found by reading them all."""
        problems: list[Problem] = []
        try:
            _ = self.extent
        except InputError as error:
            problems += error.problems
        for name in self.record.layers:
            try:
                if name == "terrain":
                    _ = self.surveyed_terrain
                else:
                    self.layer(name)
            except InputError as error:
                problems += error.problems
        bounds = self._terrain_bounds()
        try:
            names = self.place_names
        except InputError as error:
            return problems + list(error.problems)
        for name in names:
            if name in self.layer_places:
                continue
            try:
                place = self.place(name)
            except InputError as error:
                problems += error.problems
                continue
            if bounds is not None and not place.geometry.intersects(shapely.box(*bounds)):
                problems.append(outside(str(self.file), f"places.{name}", place.geometry, bounds))
        return problems

    def _terrain_bounds(self) -> Bounds | None:
        if not self.has("terrain"):
            return self.extent
        try:
            return self.mosaic().bounds
        except InputError:
            return None

    def __repr__(self) -> str:
        lines = [f"Territory {self.name!r} ({self.crs}, {self.vertical_datum})"]
        lines += [f"├── {name}: {source.source}" for name, source in self.record.layers.items()]
        lines.append(f"└── places: {', '.join(self.record.places) or '–'}")
        return "\n".join(lines)


def outside(where: str, key: str, geometry: BaseGeometry, bounds: Bounds) -> Problem:
    """The problem of a geometry that lies off the terrain."""
    at = ", ".join(f"{v:.1f}" for v in geometry.centroid.coords[0]) if not geometry.is_empty else "empty"
    west, south, east, north = (f"{v:.1f}" for v in bounds)
    return told(
        where, key, "territory.outside", at=at, west=west, south=south, east=east, north=north
    )  # fmt: skip


def read_toml(file: Path, row: str) -> dict[str, Any]:
    """Read a TOML file; `row` of the message table says what was expected where there is none.

    Raises
    ------
    InputError
        It is missing or is no valid TOML.
    """
    if not file.is_file():
        near = (
            suggest(file.name, [p.name for p in file.parent.glob("*.toml")]) if file.parent.is_dir() else ""
        )
        missing = told(file, "", row, near)
        raise InputError(replace(missing, found=text("error.system.EISDIR")) if file.is_dir() else missing)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(told(file, "", "territory.not_text")) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(no_toml(file, error)) from error


# How tomllib begins what it says of usual mistakes (in English), and which hint mends them.
_TOML_HINTS = {
    "Invalid statement": "key", "Expected '='": "key", "Unescaped": "backslash", "Invalid hex": "backslash",
    "Cannot": "twice", "Invalid value": "value", "Expected newline": "value",
}  # fmt: skip


def no_toml(file: Path, error: tomllib.TOMLDecodeError) -> Problem:
    """The problem of a file that is no TOML: its line, and what mends the usual mistakes."""
    at = re.search(r"at line (\d+)", str(error))
    if at is None:
        return told(file, "", "territory.toml_end")
    line = file.read_text(encoding="utf-8-sig").splitlines()[int(at[1]) - 1].strip()
    kind = next((kind for begin, kind in _TOML_HINTS.items() if str(error).startswith(begin)), "")
    hint = optional(f"territory.toml_{kind}") or ""
    return told(in_line(file, int(at[1])), "", "territory.no_toml", hint, line=line)


def with_environment(value: Any, where: str, key: str = "") -> Any:
    """Fill ``$NAME`` in every text; a variable that is not set is a problem."""
    if isinstance(value, dict):
        return {k: with_environment(v, where, f"{key}.{k}" if key else k) for k, v in value.items()}
    if isinstance(value, list):
        return [with_environment(v, where, key) for v in value]
    if isinstance(value, str) and "$" in value:
        filled = os.path.expandvars(value)
        if "$" in filled:
            raise InputError(told(where, key, "territory.no_variable", value=value))
        return filled
    return value


def _check_crs(crs: str, where: str, problems: Problems) -> None:
    try:
        found = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        problems.tell(where, "crs", "territory.no_crs", crs=crs)
        return
    if not found.is_projected:
        problems.tell(where, "crs", "territory.degrees", crs=crs, name=found.name)
    elif any(axis.unit_name != "metre" for axis in found.axis_info[:2]):
        problems.tell(where, "crs", "territory.other_unit", crs=crs, unit=found.axis_info[0].unit_name)


def _geometry(record: Point | LinePlace | PolygonPlace) -> BaseGeometry:
    if isinstance(record, LinePlace):
        return shapely.LineString(np.asarray(record.line))
    if isinstance(record, PolygonPlace):
        return shapely.Polygon(np.asarray(record.polygon))
    return shapely.Point(record)
