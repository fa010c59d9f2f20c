"""Roads of BD TOPO (v3 long, v3 short, v2) → one canonical frame."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiLineString

from twin.layers import ign, osm
from twin.layers.reading import Reading, few
from twin.layers.vector import Features, read_features

COLUMNS = [
    "road_id", "name", "nature", "importance", "lanes", "width", "direction", "speed", "access", "level",
    "in_service", "drivable", "geometry",
]  # fmt: skip
# BD TOPO writes 0 or 1 km/h for what cars cannot use.
NOT_DRIVABLE_KM_H = 1.0
# What a v2 road crosses or goes under ("Pont", "Tunnel", "Gué ou radier"); null on the ground.
CROSSING_COLUMNS = frozenset({"franchisst", "franchissement"})
# Importance of a segment that has none: paths are the least important, other roads serve their neighbours.
PATH_IMPORTANCE, ROAD_IMPORTANCE = 6, 5
SLIT = 5.0  # m: parts of one road that lie nearer, end to begin, are one
_TYPOLOGY = re.compile(r"^\s*([1-6]|NC)\s+(.+?)\s+\1\s*$")


def read_roads(reading: Reading) -> tuple[gpd.GeoDataFrame, Features]:
    """Read a road layer and make it canonical (see `canonical_roads`)."""
    features = read_features(reading, ign.columns_read("roads") | osm.COLUMNS)
    if osm.is_osm(features.frame):
        reading.note("osm", ways=len(features.frame), licence=osm.LICENCE)
        features = replace(features, frame=osm.as_bdtopo(features.frame))
    frame, version = ign.clean(reading, features.frame)
    return canonical_roads(reading, frame, version, features), features


def canonical_roads(
    reading: Reading, frame: gpd.GeoDataFrame, version: str, features: Features
) -> gpd.GeoDataFrame:
    """Roads as the network needs them; one row a LineString (2D), in digitising order.

    Columns: road_id, name, nature (v3 spelling, "" unknown), importance 1..6, lanes (0 unknown), width
    (m, NaN unknown), direction (both, forward, backward, none), speed (m/s, NaN: cars cannot use it),
    access (free, toll, restricted, impossible), level (position par rapport au sol), in_service,
    drivable (a car of the public may use it), geometry.

    Raises
    ------
    InputError
        The features are not lines, or have none of the columns that say what road it is.
    """
    where = features.files[0]
    table = ign.tables()["roads"]
    columns = {key: ign.column_of(frame, "roads", key, version) for key in table["columns"]}
    if not columns["nature"] and not columns["speed"]:
        reading.problem(where, "layer", "not_roads", columns=few(features.columns, 70) or "–")
    if len(frame) and not np.isin(shapely.get_dimensions(frame.geometry.to_numpy()), (1, -1)).all():
        kinds = few(sorted(set(frame.geometry.geom_type.dropna())))
        reading.problem(where, "layer", "not_lines", kinds=kinds)
    reading.problems.raise_if_any()
    reading.note("version", version=version)
    out = pd.DataFrame(index=frame.index)
    out["road_id"] = _ids(reading, frame, columns["road_id"])
    out["name"] = first_text(frame, columns["name"])
    nature, typology_importance = _nature(reading, frame, columns)
    out["nature"] = nature
    out["importance"] = _importance(reading, frame, columns["importance"], nature, typology_importance)
    out["lanes"] = np.nan_to_num(ign.first_number(frame, columns["lanes"]), nan=0.0).astype(np.int64)
    width = ign.first_number(frame, columns["width"])
    out["width"] = np.where(width > 0, width, np.nan)
    path = np.isin(nature, table["nature"]["not_for_cars"])
    for name, note, assumed in (
        ("direction", "no_direction", ("none", "both")),
        ("access", "no_access", ("impossible", "free")),
    ):
        out[name] = _named(reading, frame, columns[name], path, name, note, assumed)
    out["level"] = _level(reading, frame, columns["level"])
    out["in_service"] = _in_service(frame, columns["state"])
    out["speed"] = _speed(reading, frame, columns["speed"], nature, out["importance"].to_numpy())
    out["drivable"] = (
        out["in_service"]
        & ~path
        & out["speed"].notna()
        & (out["direction"] != "none")
        & out["access"].isin(["free", "toll"])
    )
    roads = gpd.GeoDataFrame(out, geometry=frame.geometry, crs=frame.crs)
    roads = _lines(reading, roads)
    return roads[COLUMNS].reset_index(drop=True)


def road_lines_with_heights(reading: Reading) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """The road lines of the file with their Z, for the comparison with the terrain.

    Returns
    -------
    lines, on_ground : (n,) lines whose Z is NaN where it means "none"; (n,) whether the road lies on the
        ground: level 0, and no bridge or tunnel (`franchissement` of v2).
    """
    features = read_features(reading, ign.columns_read("roads") | CROSSING_COLUMNS)
    frame, version = ign.clean(reading, features.frame)
    level = _level(reading, frame, ign.column_of(frame, "roads", "level", version))
    on_ground = level == 0
    for column in CROSSING_COLUMNS & set(frame.columns):
        on_ground &= frame[column].isna().to_numpy()
    lines, _ = ign.null_z(frame.geometry.to_numpy())
    usable = ~(shapely.is_missing(lines) | shapely.is_empty(lines))
    return lines[usable], on_ground[usable]


# --- attributes ---


def first_text(frame: pd.DataFrame, columns: list[str]) -> NDArray[np.object_]:
    """The first text that is not null, "" where there is none."""
    out = np.full(len(frame), "", dtype=object)
    for column in columns:
        values = frame[column]
        fill = (out == "") & values.notna().to_numpy()
        out[fill] = values.to_numpy(dtype=object)[fill].astype(str)
    return out


def _ids(reading: Reading, frame: gpd.GeoDataFrame, columns: list[str]) -> NDArray[np.object_]:
    ids = first_text(frame, columns)
    missing = ids == ""
    if missing.any():
        reading.note("no_ids", count=int(missing.sum()))
        # The row number in the file: stable whatever part of it is read.
        ids[missing] = np.array([f"fid{fid}" for fid in frame.index], dtype=object)[missing]
    return ids


def _nature(
    reading: Reading, frame: gpd.GeoDataFrame, columns: dict[str, list[str]]
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    table = ign.tables()["roads"]["nature"]
    known = {value: value for value in table["values"]} | table["synonyms"]
    nature = np.full(len(frame), "", dtype=object)
    importance = np.full(len(frame), np.nan)
    for column in columns["nature"][:1]:
        found, unknown = ign.enumeration(reading, column, frame[column], known)
        nature = np.where(found == None, "", found)  # noqa: E711  (element-wise on objects)
        # A nature that no table knows stays as it is written.
        nature[unknown] = frame[column].to_numpy(dtype=object)[unknown]
    empty = nature == ""
    if not empty.any():
        return nature, importance
    count, repaired = int(empty.sum()), 0
    for column in columns["typology"][:1]:
        folded = {ign.fold(key): value for key, value in known.items()}
        for k in np.flatnonzero(empty & frame[column].notna().to_numpy()):
            match = _TYPOLOGY.match(str(frame[column].iloc[k]))
            value = ign.recognise_value(match.group(2), folded) if match else None
            if match and value:
                nature[k] = value
                repaired += 1
                if match.group(1) != "NC":
                    importance[k] = float(match.group(1))
    reading.note("null_nature", count=count, repaired=repaired)
    return nature, importance


def _importance(
    reading: Reading,
    frame: gpd.GeoDataFrame,
    columns: list[str],
    nature: NDArray[np.object_],
    typology: NDArray[np.float64],
) -> NDArray[np.int64]:
    values = ign.first_number(frame, columns)
    values = np.where(np.isfinite(values), values, typology)
    known = np.isfinite(values) & (values >= 1) & (values <= 6)
    path = np.isin(nature, ign.tables()["roads"]["nature"]["not_for_cars"])
    if (~known).any():
        reading.note(
            "no_importance",
            paths=int((~known & path).sum()), roads=int((~known & ~path).sum()),
            path_value=PATH_IMPORTANCE, road_value=ROAD_IMPORTANCE,
        )  # fmt: skip
    assumed = np.where(path, PATH_IMPORTANCE, ROAD_IMPORTANCE)
    return np.where(known, np.nan_to_num(values), assumed).astype(np.int64)


def _named(
    reading: Reading,
    frame: gpd.GeoDataFrame,
    columns: list[str],
    path: NDArray[np.bool_],
    table: str,
    note: str,
    assumed: tuple[str, str],
) -> NDArray[np.object_]:
    """Values of an IGN enumeration; where there are none, those ``assumed`` of a path and of a road."""
    out = np.full(len(frame), None, dtype=object)
    if columns:
        out, _ = ign.enumeration(reading, columns[0], frame[columns[0]], ign.tables()["roads"][table])
    missing = out == None  # noqa: E711  (element-wise on objects)
    out[missing & path], out[missing & ~path] = assumed
    if (missing & ~path).any():
        reading.note(note, count=int((missing & ~path).sum()))
    return out


def _level(reading: Reading, frame: gpd.GeoDataFrame, columns: list[str]) -> NDArray[np.int64]:
    if not columns:
        reading.note("no_level")
        return np.zeros(len(frame), dtype=np.int64)
    numbers = ign.first_number(frame, columns[:1])
    texts = frame[columns[0]].astype("str").where(~np.isfinite(numbers) & frame[columns[0]].notna())
    words, _ = ign.enumeration(reading, columns[0], texts, ign.tables()["roads"]["level"])
    named = np.array([0 if word is None else int(word) for word in words], dtype=np.int64)
    return np.where(np.isfinite(numbers), np.nan_to_num(numbers), named).astype(np.int64)


def _in_service(frame: gpd.GeoDataFrame, columns: list[str]) -> NDArray[np.bool_]:
    if not columns:
        return np.ones(len(frame), dtype=bool)
    out_of_service = {ign.fold(value) for value in ign.tables()["roads"]["state"]["not_in_service"]}
    states = first_text(frame, columns[:1])
    return np.array([ign.fold(state) not in out_of_service for state in states], dtype=bool)


@cache
def speed_table() -> dict[tuple[str, str], float]:
    """(nature, importance or "*") → km/h, for editions without speeds (`tables/road_speeds.csv`)."""
    content = resources.files("twin.layers").joinpath("tables/road_speeds.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(content.splitlines())
    return {(row["nature"], row["importance"]): float(row["speed_km_h"]) for row in rows}


def _speed(
    reading: Reading,
    frame: gpd.GeoDataFrame,
    columns: list[str],
    nature: NDArray[np.object_],
    importance: NDArray[Any],
) -> NDArray[np.float64]:
    """Speed (m/s) of a light vehicle; NaN where cars cannot drive."""
    if columns:
        km_h = ign.first_number(frame, columns)
        # An extract without one speed has lost the column; it is not a land without cars.
        if np.isfinite(km_h).any() or not len(km_h):
            return np.where(km_h > NOT_DRIVABLE_KM_H, km_h / 3.6, np.nan)
    table = speed_table()
    km_h = np.full(len(frame), np.nan)
    for k, (kind, rank) in enumerate(zip(nature, importance, strict=True)):
        km_h[k] = table.get((kind, str(rank)), table.get((kind, "*"), np.nan))
    reading.note("default_speeds", count=int(np.isfinite(km_h).sum()), none=int(np.isnan(km_h).sum()))
    return km_h / 3.6


# --- geometry ---


def _lines(reading: Reading, roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One LineString (2D) a row: no empties, no doubles, multi-part roads joined or split."""
    geometry = shapely.force_2d(roads.geometry.to_numpy())
    # Directed: a join must never turn a part round (one-way streets).
    multi = shapely.get_type_id(geometry) == shapely.GeometryType.MULTILINESTRING
    geometry[multi] = shapely.line_merge(geometry[multi], directed=True)
    slit = [_without_slits(line) if many else None for line, many in zip(geometry, multi, strict=True)]
    for k, line in enumerate(slit):
        if line is not None:
            geometry[k] = line
    if any(line is not None for line in slit):
        reading.note("slits", count=sum(line is not None for line in slit), gap=SLIT)
    roads = roads.set_geometry(gpd.GeoSeries(geometry, index=roads.index, crs=roads.crs))
    usable = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry) | (shapely.length(geometry) == 0))
    if not usable.all():
        reading.note("no_line", count=int((~usable).sum()))
        roads = roads[usable]
    parts = shapely.get_num_geometries(roads.geometry.to_numpy())
    if (parts > 1).any():
        reading.note("multi_parts", count=int((parts > 1).sum()), parts=int(parts[parts > 1].sum()))
        several = np.repeat(parts > 1, parts)
        rank = np.concatenate([np.arange(1, n + 1) for n in parts])
        roads = roads.explode(index_parts=False)
        ids = roads["road_id"].to_numpy(dtype=object)
        roads["road_id"] = [
            f"{i}/{n}" if split else i for i, n, split in zip(ids, rank, several, strict=True)
        ]
        keep = shapely.length(roads.geometry.to_numpy()) > 0
        roads = roads[keep]
    else:
        roads = roads.explode(index_parts=False)
    return unique_ids(reading, roads, "road_id")


def _without_slits(line: MultiLineString | LineString) -> MultiLineString | LineString | None:
    """The parts of a road joined where one begins within `SLIT` of the end of another; None where none does.

    A layer cut along the communes may lose a strip of some metres where their outlines do not quite meet, in
    the middle of a bridge for instance.
    """
    parts = [list(part.coords) for part in shapely.get_parts(line)]
    count = len(parts)
    while len(parts) > 1:
        gaps = {
            (a, b): math.dist(parts[a][-1], parts[b][0])
            for a in range(len(parts))
            for b in range(len(parts))
            if a != b
        }
        a, b = min(gaps, key=lambda pair: gaps[pair])
        if gaps[a, b] > SLIT:
            break
        joined = parts[a] + parts[b]
        parts = [part for k, part in enumerate(parts) if k not in (a, b)]
        parts.insert(min(a, b), joined)
    if len(parts) == count:
        return None
    return LineString(parts[0]) if len(parts) == 1 else MultiLineString(parts)


def unique_ids(reading: Reading, frame: gpd.GeoDataFrame, column: str) -> gpd.GeoDataFrame:
    """Drop features delivered twice (departments share their edge), rename other doubles of an id."""
    frame = ign.without_doubles(reading, frame, column)
    if frame[column].is_unique:
        return frame
    number = frame.groupby(column).cumcount().to_numpy()
    reading.note("same_id", count=int((number > 0).sum()))
    ids = frame[column].to_numpy(dtype=object)
    return frame.assign(**{column: [f"{i}#{n + 1}" if n else i for i, n in zip(ids, number, strict=True)]})
