"""Buildings of BD TOPO (v3 long, v3 short, v2) → one canonical frame with a height for each."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.layers import ign
from twin.layers.reading import Reading, few
from twin.layers.roads import first_text, unique_ids
from twin.layers.vector import Features, read_features

COLUMNS = [
    "building_id", "nature", "use", "height", "height_source", "floors", "dwellings", "light",
    "ground_elevation", "geometry",
]  # fmt: skip
# Stated: a storey of 3 m, a building of 5 m where nothing tells, and neighbours within 100 m.
STOREY_M = 3.0
DEFAULT_HEIGHT_M = 5.0
NEIGHBOURS = 5
NEIGHBOURHOOD_M = 100.0
AT_ONCE = 20_000  # buildings whose neighbours are looked for at once: some 10⁶ pairs in a town


def read_buildings(reading: Reading) -> tuple[gpd.GeoDataFrame, Features]:
    """Read a building layer and make it canonical (see `canonical_buildings`)."""
    features = read_features(reading, ign.columns_read("buildings"))
    frame, version = ign.clean(reading, features.frame)
    where = features.files[0] if features.files else ""
    return canonical_buildings(reading, frame, version, where), features


def canonical_buildings(
    reading: Reading, frame: gpd.GeoDataFrame, version: str, where: str
) -> gpd.GeoDataFrame:
    """Buildings with a footprint and a height.

    Columns: building_id, nature, use, height (m, always filled), height_source ("hauteur", "etages",
    "voisins", "defaut"), floors and dwellings (0 unknown), light (bool), ground_elevation (m, NaN
    unknown), geometry (Polygon or MultiPolygon, 2D, valid).

    Raises
    ------
    InputError
        The features are not polygons.
    """
    shapes = frame.geometry.to_numpy()
    if len(frame) and not np.isin(shapely.get_dimensions(shapes), (2, -1)).all():
        kinds = few(sorted(set(frame.geometry.geom_type.dropna())))
        reading.problem(where, "layer", "not_polygons", kinds=kinds)
        reading.problems.raise_if_any()
    reading.note("version", version=version)
    columns = {
        key: ign.column_of(frame, "buildings", key, version) for key in ign.tables()["buildings"]["columns"]
    }
    frame = _standing(reading, frame, columns["state"])
    frame = frame.set_geometry(_footprints(reading, frame))
    usable = ~(shapely.is_missing(frame.geometry.to_numpy()) | shapely.is_empty(frame.geometry.to_numpy()))
    if not usable.all():
        reading.note("no_polygon", count=int((~usable).sum()))
        frame = frame[usable]
    out = pd.DataFrame(index=frame.index)
    ids = first_text(frame, columns["building_id"])
    missing = ids == ""
    if missing.any():
        reading.note("no_ids", count=int(missing.sum()))
        ids[missing] = np.array([f"fid{fid}" for fid in frame.index], dtype=object)[missing]
    out["building_id"] = ids
    out["nature"] = first_text(frame, columns["nature"])
    uses = ign.tables()["buildings"]["use"]
    out["use"] = [uses.get(use, use) for use in first_text(frame, columns["use"])]
    floors = _within(reading, frame, columns["floors"], ign.tables()["buildings"]["limits"]["floors"])
    out["floors"] = np.nan_to_num(floors, nan=0.0).astype(np.int64)
    out["dwellings"] = np.nan_to_num(ign.first_number(frame, columns["dwellings"]), nan=0.0).astype(np.int64)
    out["light"] = _flags(frame, columns["light"])
    out["ground_elevation"] = ign.first_number(frame, columns["ground_elevation"])
    buildings = gpd.GeoDataFrame(out, geometry=frame.geometry, crs=frame.crs)
    heights = _within(reading, frame, columns["height"], ign.tables()["buildings"]["limits"]["height"])
    buildings["height"], buildings["height_source"] = fill_heights(
        heights,
        out["floors"].to_numpy(),
        shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy())),
    )
    counts = buildings["height_source"].value_counts()
    reading.note(
        "heights",
        known=int(counts.get("hauteur", 0)), floors=int(counts.get("etages", 0)),
        neighbours=int(counts.get("voisins", 0)), default=int(counts.get("defaut", 0)),
        storey=STOREY_M, height=DEFAULT_HEIGHT_M, radius=NEIGHBOURHOOD_M,
    )  # fmt: skip
    return unique_ids(reading, buildings, "building_id")[COLUMNS].reset_index(drop=True)


def fill_heights(
    height: NDArray[np.float64], floors: NDArray[np.int64], centres: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Heights with the unknown ones filled: storeys × 3 m, else the neighbours' median, else 5 m.

    Parameters
    ----------
    height : (n,) m, NaN or ≤ 0 unknown.
    floors : (n,) 0 unknown.
    centres : (n, 2) m.

    Returns
    -------
    filled, source : (n,) m; (n,) "hauteur", "etages", "voisins" (median of the up to five nearest of known
        height within 100 m) or "defaut".
    """
    out = np.where(height > 0, height, np.nan)
    source = np.full(len(out), "defaut", dtype=object)
    source[np.isfinite(out)] = "hauteur"
    by_floors = np.isnan(out) & (floors > 0)
    out[by_floors] = floors[by_floors] * STOREY_M
    source[by_floors] = "etages"
    unknown, known = np.flatnonzero(np.isnan(out)), np.flatnonzero(np.isfinite(out))
    if unknown.size and known.size:
        medians = _medians_nearby(centres[unknown], centres[known], out[known])
        some = np.isfinite(medians)
        out[unknown[some]] = medians[some]
        source[unknown[some]] = "voisins"
    out[np.isnan(out)] = DEFAULT_HEIGHT_M
    return out, source


def _medians_nearby(
    at: NDArray[np.float64], centres: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The median of the values at the up to `NEIGHBOURS` nearest centres within `NEIGHBOURHOOD_M`.

    at : (n, 2) m, where to look. centres, values : (m, 2) m, (m,). Returns (n,), NaN where none is so near;
    of centres as far as each other, those that come first are nearer.
    """
    # No cKDTree: to import it takes longer than all this.
    tree = shapely.STRtree(np.asarray(shapely.points(centres), dtype=object))
    out = np.full(len(at), np.nan)
    for begin in range(0, len(at), AT_ONCE):
        here = at[begin : begin + AT_ONCE]
        boxes = shapely.box(*(here - NEIGHBOURHOOD_M).T, *(here + NEIGHBOURHOOD_M).T)
        owner, index = tree.query(boxes)
        away = centres[index] - here[owner]
        distance = away[:, 0] ** 2 + away[:, 1] ** 2
        order = np.lexsort((index, distance, owner))
        order = order[distance[order] < NEIGHBOURHOOD_M**2]
        owner = owner[order]
        rank = np.arange(owner.size) - np.searchsorted(owner, owner)
        nearest = np.full((len(here), NEIGHBOURS), np.nan)
        first = rank < NEIGHBOURS
        nearest[owner[first], rank[first]] = values[index[order[first]]]
        some = np.isfinite(nearest[:, 0])
        out[begin : begin + AT_ONCE][some] = np.nanmedian(nearest[some], axis=1)
    return out


def _within(reading: Reading, frame: pd.DataFrame, columns: list[str], limit: float) -> NDArray[np.float64]:
    values = ign.first_number(frame, columns)
    wild = (values < 0) | (values > limit)
    if wild.any():
        reading.note("wild_values", column=columns[0], count=int(wild.sum()), limit=limit)
    return np.where(wild, np.nan, values)


def _flags(frame: pd.DataFrame, columns: list[str]) -> NDArray[np.bool_]:
    yes = {"true", "1", "1.0", "oui"}
    return np.array([ign.fold(word) in yes for word in first_text(frame, columns[:1])], dtype=bool)


def _standing(reading: Reading, frame: gpd.GeoDataFrame, columns: list[str]) -> gpd.GeoDataFrame:
    if not columns:
        return frame
    not_built = {ign.fold(value) for value in ign.tables()["buildings"]["state"]["not_built"]}
    standing = np.array(
        [ign.fold(state) not in not_built for state in first_text(frame, columns[:1])], dtype=bool
    )
    if not standing.all():
        reading.note("not_built", count=int((~standing).sum()))
    return frame[standing]


def _footprints(reading: Reading, frame: gpd.GeoDataFrame) -> gpd.GeoSeries:
    shapes = shapely.force_2d(frame.geometry.to_numpy())
    invalid = ~(shapely.is_missing(shapes) | shapely.is_valid(shapes))
    if invalid.any():
        reading.note("invalid_polygons", count=int(invalid.sum()))
        shapes[invalid] = [polygons_of(shape) for shape in shapely.make_valid(shapes[invalid])]
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    shapes[mixed] = [polygons_of(shape) for shape in shapes[mixed]]
    multi = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOLYGON
    single = multi & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    return gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs)


def polygons_of(shape: shapely.Geometry) -> shapely.Geometry:
    """The part of a geometry that has an area (a repaired polygon may leave lines and points)."""
    parts = [
        part for part in shapely.get_parts(shape, return_index=False) if shapely.get_dimensions(part) == 2
    ]
    flat = [polygon for part in parts for polygon in shapely.get_parts(part)]
    return flat[0] if len(flat) == 1 else shapely.MultiPolygon(flat)
