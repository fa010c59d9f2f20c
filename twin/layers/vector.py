"""Features from GeoPackages and shapefiles (and what else GDAL reads): layers, CRS, nulls."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS, Transformer
from shapely.geometry import Polygon, box

from twin.errors import InputError, reason, suggest, told
from twin.files import until_it_changes
from twin.grid import Bounds
from twin.layers import crs as crs_tools
from twin.layers import ign, whole
from twin.layers.encodings import decode_texts
from twin.layers.files import Found, find
from twin.layers.reading import Reading, few

# What pyogrio raises of a damaged file; names of columns that are no UTF-8 are a ValueError.
UNREADABLE = (DataSourceError, DataLayerError, ValueError, RuntimeError)


@dataclass(frozen=True)
class Part:
    """One layer of one file."""

    path: Path
    layer: str


@dataclass(frozen=True)
class Features:
    """What was read.

    Attributes
    ----------
    frame : columns named as in the files, geometry in the territory's CRS; the index is the feature's
        number in its file (in the whole, when several files are joined).
    files : those that were read.
    crs : CRS of the files, or the one assigned.
    columns : all columns of the files, read or not.
    layers : names of the layers that were read.
    """

    frame: gpd.GeoDataFrame
    files: tuple[str, ...]
    crs: str
    columns: tuple[str, ...]
    layers: tuple[str, ...] = ()


def read_features(reading: Reading, only: frozenset[str] | None = None) -> Features:
    """Read a vector layer: choose the layers, assign or check the CRS, reproject, keep what meets the bounds.

    Parameters
    ----------
    reading : the layer, its source and what part is wanted.
    only : the columns to read (lower case); a layer of BD TOPO has 60, and texts are slow. None: all.

    Returns
    -------
    Features
        With the columns of the files (cleaned by `ign.clean` later). Geometry may be null, multi, 3D.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    files = find(reading, rasters=False)
    reading.problems.raise_if_any()
    parts = _choose(reading, files)
    reading.problems.raise_if_any()
    frames: list[gpd.GeoDataFrame] = []
    names: list[str] = []
    columns: dict[str, None] = {}
    elsewhere: list[tuple[Part, Bounds]] = []
    for part in parts:
        read = _read_part(reading, part, elsewhere, only, columns)
        if read is None:
            continue
        frame, crs = read
        frames.append(frame)
        names.append(crs)
    if elsewhere and len(elsewhere) == len(parts) and reading.bounds is not None:
        part, bounds = elsewhere[0]
        reading.problem(
            part.path, "source", "elsewhere",
            bounds=crs_tools.show(bounds), wanted=crs_tools.show(reading.bounds),
        )  # fmt: skip
    reading.problems.raise_if_any()
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    frame = filled[0] if len(filled) == 1 else _join(filled)
    files_read = tuple(dict.fromkeys(str(part.path) for part in parts))
    layers = tuple(dict.fromkeys(part.layer for part in parts))
    return Features(frame, files_read, ", ".join(dict.fromkeys(names)), tuple(columns), layers)


def _join(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    # Columns that differ in case only (GeoPackage and shapefile together) are one.
    frames = [
        frame.rename(columns={c: str(c).lower() for c in frame.columns if c != "geometry"})
        for frame in frames
    ]
    joined = pd.concat([frame.dropna(axis="columns", how="all") for frame in frames], ignore_index=True)
    missing = [c for frame in frames for c in frame.columns if c not in joined.columns]
    for column in dict.fromkeys(missing):
        joined[column] = None
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=frames[0].crs)


def read_clipped(path: Path, layer: str | None, crs: str, bounds: Bounds) -> gpd.GeoDataFrame:
    """The features of a file that meet bounds, in their CRS.

    Raises
    ------
    InputError
        The file cannot be read, or says no CRS.
    """
    target = CRS.from_user_input(crs)
    try:
        info = pyogrio.read_info(path, layer=layer)
        declared = crs_tools.parse(info["crs"])
        if declared is None:
            raise InputError(told(path, "crs", "layer.no_crs", crs=crs, bounds=crs_tools.show(bounds)))
        frame = pyogrio.read_dataframe(path, layer=layer, bbox=_bounds_in(bounds, target, declared))
    except UNREADABLE as error:
        raise InputError(told(path, "source", "layer.unreadable", reason=reason(error))) from error
    frame = frame.set_crs(declared, allow_override=True).to_crs(crs)
    return frame[_meets(frame.geometry.to_numpy(), box(*bounds))]


# --- which layer ---


def _choose(reading: Reading, files: list[Found]) -> list[Part]:
    parts: list[Part] = []
    in_folder: list[Part] = []
    for file in files:
        if file.path.suffix.lower() == ".parquet":
            part = [Part(file.path, file.path.stem)]
            (in_folder if file.from_folder else parts).extend(part)
            continue
        missing = whole.cut(file.path)
        if missing:
            reading.problem(file.path, "source", "cut_file", missing=missing)
            continue
        try:
            layers = _layers_in(file.path)
        except UNREADABLE as error:
            if file.from_folder:
                continue  # a .json beside the data that is not features
            reading.problem(file.path, "source", "unreadable", reason=error)
            continue
        if not layers:
            reading.problem(file.path, "source", "no_layers")
        elif file.from_folder:
            in_folder += [Part(file.path, layer) for layer in layers]
        else:
            parts += _choose_among(reading, [Part(file.path, layer) for layer in layers], file.path)
    if in_folder:
        parts += _choose_among(reading, in_folder, in_folder[0].path.parent)
    elif files and not parts and not reading.problems:
        reading.problem(files[0].path.parent, "source", "no_layers")
    return parts


@until_it_changes
def _layers_in(path: Path) -> tuple[str, ...]:
    """Names of the layers of a file, read once: a GeoPackage that ten layers of a territory come from is
    opened twenty times all the same.
    """
    return tuple(str(name) for name, _ in pyogrio.list_layers(path))


def _choose_among(reading: Reading, parts: list[Part], where: Path) -> list[Part]:
    wanted = reading.source.layer
    if wanted is not None:
        exact = [part for part in parts if part.layer == wanted]
        chosen = exact or [part for part in parts if part.layer.lower() == wanted.lower()]
        if chosen:
            return chosen
        reading.problem(
            where, "layer", "no_layer",
            hint=suggest(wanted, [part.layer for part in parts]), layer=wanted,
        )  # fmt: skip
        return []
    if len(parts) == 1:
        return parts
    for group in ign.tables()["layer_names"].get(reading.name, []):
        chosen = [part for part in parts if part.layer.lower() in group]
        if chosen:
            reading.note(
                "layer_chosen", layers=few(dict.fromkeys(part.layer for part in chosen)), file=where.name
            )
            return chosen
    reading.problem(where, "layer", "which_layer", layers=few([part.layer for part in parts], 40))
    return []


# --- reading ---


def _read_part(
    reading: Reading,
    part: Part,
    elsewhere: list[tuple[Part, Bounds]],
    only: frozenset[str] | None,
    columns: dict[str, None],
) -> tuple[gpd.GeoDataFrame, str] | None:
    if part.path.suffix.lower() == ".parquet":
        return _read_parquet(reading, part, elsewhere, only, columns)
    options = {"ENCODING": ""} if _is_shapefile(part.path) else {}
    try:
        info = pyogrio.read_info(
            part.path, layer=part.layer, force_feature_count=True, force_total_bounds=True, **options
        )
        missing = _cut_after(part, info)
    except UNREADABLE as error:
        reading.problem(part.path, "source", "unreadable", reason=error)
        return None
    if missing:
        reading.problem(part.path, "source", "cut_file", missing=missing)
        return None
    if info["geometry_type"] is None:
        reading.problem(part.path, "layer", "no_geometry", layer=part.layer)
        return None
    fields = [str(name) for name in info["fields"]]
    columns.update(dict.fromkeys(fields))
    # A condition may need any column.
    if only is not None and reading.source.where is None:
        fields = [name for name in fields if name.lower() in only]
    whole = info["total_bounds"]
    bounds: Bounds | None = None
    if whole is not None and np.all(np.isfinite(whole)):
        bounds = (float(whole[0]), float(whole[1]), float(whole[2]), float(whole[3]))
    declared = crs_tools.parse(info["crs"])
    if (
        declared is not None
        and declared.is_geographic
        and bounds
        and not crs_tools.looks_like_degrees(bounds)
    ):
        # GeoJSON is in degrees where it says nothing: these are not degrees, so it said nothing.
        reading.note("not_degrees", file=part.path.name, crs=crs_tools.label(declared))
        declared = None
    if bounds is None:
        # Nothing in it: nothing to tell a CRS by, nothing to lose.
        reading.note("empty", file=part.path.name)
        crs: CRS | None = declared or crs_tools.parse(reading.source.crs) or reading.crs
    else:
        crs = crs_tools.settle(reading, part.path, declared, bounds)
    if crs is None:
        return None
    window = _window(reading, crs)
    if window is not None and bounds is not None and not crs_tools.overlap(window, bounds):
        elsewhere.append((part, _bounds_in(bounds, crs, reading.crs)))
        window = (
            None if bounds is None else (bounds[0] - 2.0, bounds[1] - 2.0, bounds[0] - 1.0, bounds[1] - 1.0)
        )
    frame = _read(reading, part, window, options, fields)
    if frame is None:
        return None
    frame = _place(reading, part, frame, crs)
    if frame is None:
        return None
    if reading.bounds is not None and len(frame):
        frame = frame[_meets(frame.geometry.to_numpy(), box(*reading.bounds))]
    return frame, crs_tools.label_in(reading, crs)


def _cut_after(part: Part, info: dict[str, Any]) -> str:
    """Whether a FlatGeobuf, whose header counts its features, ends before the last of them."""
    count = int(info["features"])
    if part.path.suffix.lower() != ".fgb" or count < 1:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said by what is returned
        last = pyogrio.read_dataframe(
            part.path, layer=part.layer, columns=[], skip_features=count - 1, max_features=1
        )
    return "" if len(last) else f"{part.path.name}: < {count}"


def _read_parquet(
    reading: Reading,
    part: Part,
    elsewhere: list[tuple[Part, Bounds]],
    only: frozenset[str] | None,
    columns: dict[str, None],
) -> tuple[gpd.GeoDataFrame, str] | None:
    """The same for GeoParquet, through pyarrow (wheels of GDAL come without that driver)."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        reading.problem(part.path, "source", "no_parquet")
        return None
    try:
        names = [str(name) for name in parquet.read_schema(part.path).names]
        columns.update(dict.fromkeys(names))
        frame = gpd.read_parquet(part.path)
    except (pyarrow.ArrowException, ValueError, TypeError, KeyError, OSError) as error:
        reading.problem(part.path, "source", "unreadable", reason=error)
        return None
    if frame.geometry.name != "geometry":
        frame = frame.rename_geometry("geometry")
    if only is not None and reading.source.where is None:
        frame = frame[[n for n in frame.columns if n == "geometry" or str(n).lower() in only]]
    if reading.source.where is not None:
        filtered = _filter(reading, part.path, frame, reading.source.where)
        if filtered is None:
            return None
        frame = filtered
    frame.index.name = "fid"
    bounds = tuple(float(v) for v in frame.total_bounds) if len(frame) else (np.nan,) * 4
    declared = None if frame.crs is None else crs_tools.horizontal(CRS.from_user_input(frame.crs))
    if not np.all(np.isfinite(bounds)):
        reading.note("empty", file=part.path.name)
        crs: CRS | None = declared or reading.crs
    else:
        crs = crs_tools.settle(reading, part.path, declared, bounds)  # type: ignore[arg-type]
    if crs is None:
        return None
    placed = _place(reading, part, frame, crs)
    if placed is None:
        return None
    if reading.bounds is not None and len(placed):
        met = _meets(placed.geometry.to_numpy(), box(*reading.bounds))
        if not met.any():
            whole = placed.total_bounds
            if not crs_tools.overlap(reading.bounds, tuple(whole)):
                elsewhere.append((part, (whole[0], whole[1], whole[2], whole[3])))
        placed = placed[met]
    return placed, crs_tools.label_in(reading, crs)


def _meets(shapes: NDArray[np.object_], window: Polygon) -> NDArray[np.bool_]:
    """Which geometries touch a box; polygons that cross themselves are repaired for the question only."""
    west, south, east, north = window.bounds
    x0, y0, x1, y1 = shapely.bounds(shapes).T
    # Only what reaches over the edge needs a closer look.
    meets: NDArray[np.bool_] = (x0 >= west) & (y0 >= south) & (x1 <= east) & (y1 <= north)
    unsure = np.flatnonzero(~(meets | (x0 > east) | (y0 > north) | (x1 < west) | (y1 < south)))
    shapely.prepare(window)
    near = shapes[unsure]
    invalid = ~(shapely.is_missing(near) | shapely.is_valid(near))
    near[invalid] = shapely.make_valid(shapely.force_2d(near[invalid]))
    meets[unsure] = shapely.intersects(window, near)
    return meets


def _is_shapefile(path: Path) -> bool:
    return path.suffix.lower() in (".shp", ".dbf")


def _window(reading: Reading, crs: CRS) -> Bounds | None:
    """The wanted part in the CRS of the file."""
    if reading.bounds is None or crs_tools.same(crs, reading.crs):
        return reading.bounds
    return _bounds_in(reading.bounds, reading.crs, crs)


def _bounds_in(bounds: Bounds, source: CRS, target: CRS) -> Bounds:
    if crs_tools.same(source, target):
        return bounds
    west, south, east, north = Transformer.from_crs(source, target, always_xy=True).transform_bounds(
        *bounds, densify_pts=21
    )
    return float(west), float(south), float(east), float(north)


def _read(
    reading: Reading, part: Part, window: Bounds | None, options: dict[str, str], fields: list[str]
) -> gpd.GeoDataFrame | None:
    where = reading.source.where
    # GDAL would compare the condition with undecoded bytes.
    later = where is not None and bool(options) and not where.isascii()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            frame = pyogrio.read_dataframe(
                part.path,
                layer=part.layer,
                columns=fields,
                where=None if later else where,
                bbox=window,
                fid_as_index=True,
                **options,
            )
    except UNREADABLE as error:
        if where is not None and not later:
            columns = few(list(pyogrio.read_info(part.path, layer=part.layer)["fields"]), 70)
            reading.problem(part.path, "where", "bad_where", condition=where, reason=error, columns=columns)
        else:
            reading.problem(part.path, "source", "unreadable", reason=error)
        return None
    for sentence in dict.fromkeys(str(warning.message) for warning in said):
        reading.note("gdal_says", file=part.path.name, sentence=sentence)
    if options:
        frame = decode_texts(reading, part.path, frame)
    if later and where is not None:
        filtered = _filter(reading, part.path, frame, where)
        if filtered is None:
            return None
        frame = filtered
    frame.index.name = "fid"
    if not isinstance(frame, gpd.GeoDataFrame):
        reading.problem(part.path, "layer", "no_geometry", layer=part.layer)
        return None
    return frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame


def _place(reading: Reading, part: Part, frame: gpd.GeoDataFrame, crs: CRS) -> gpd.GeoDataFrame | None:
    """Give the frame the territory's CRS; reproject when its own is another."""
    if crs_tools.same(crs, reading.crs):
        return frame.set_crs(reading.crs_text, allow_override=True)
    frame = frame.set_crs(crs, allow_override=True).to_crs(reading.crs_text)
    if len(frame) and not np.all(np.isfinite(shapely.get_coordinates(frame.geometry.to_numpy()))):
        reading.problem(
            part.path, "crs", "not_projectable", crs=crs_tools.label(crs), territory=reading.crs_text
        )
        return None
    reading.note("reprojected", source=crs_tools.label(crs), target=reading.crs_text)
    return frame


def _filter(reading: Reading, path: Path, frame: gpd.GeoDataFrame, where: str) -> gpd.GeoDataFrame | None:
    """Apply an OGR condition to decoded attributes, through a table in a temporary file."""
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    table["__row"] = np.arange(len(table))
    with tempfile.TemporaryDirectory(prefix="twin-") as folder:
        copy = Path(folder) / "rows.gpkg"
        pyogrio.write_dataframe(table, copy, driver="GPKG", layer="rows")
        try:
            rows = pyogrio.read_dataframe(copy, layer="rows", where=where)["__row"]
        except UNREADABLE as error:
            columns = few(list(table.columns[:-1]), 70)
            reading.problem(path, "where", "bad_where", condition=where, reason=error, columns=columns)
            return None
    return frame.iloc[np.sort(rows.to_numpy())]
