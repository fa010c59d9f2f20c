"""What the offline page shows besides fields: buildings, roads, traffic, places, the tour, measures.

Geometry is in steps of ``COORDINATE_STEP`` from the centre of the grid, as small integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from viz.encode import Blobs, by_column, varint

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COORDINATE_STEP = 0.1  # m, of footprints and roads
TYPICAL_HEIGHT = 6.0  # m, drawn where a building has no height


def usable(features: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """Rows that have a geometry, numbered anew; None when there is none."""
    if features is None or len(features) == 0:
        return None
    keep = features[~(features.geometry.isna() | features.geometry.is_empty)]
    return None if len(keep) == 0 else keep.reset_index(drop=True)


def seconds(value: Any) -> float | None:
    """A number of a resolved scenario, else None."""
    return float(value) if isinstance(value, (int, float)) else None


def _steps(xy: Floats, centre: tuple[float, float]) -> Ints:
    steps: Ints = np.rint((xy[:, :2] - np.asarray(centre)) / COORDINATE_STEP).astype(np.int64)
    return steps


def _polylines(lines: Sequence[Floats], centre: tuple[float, float]) -> Ints:
    """Count, first point, then differences, for each line, as one flat sequence of integers."""
    parts: list[Ints] = []
    for xy in lines:
        steps = _steps(xy, centre)
        delta = np.diff(steps, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
        parts.append(np.concatenate([[len(steps)], delta.ravel()]))
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _coded(column: Any, n: int) -> tuple[list[str], Ints]:
    """Texts of a column once each, and the number of each row's."""
    if column is None:
        return [""], np.zeros(n, dtype=np.int64)
    texts = [("" if value is None or value != value else str(value)) for value in column]
    seen = {name: k for k, name in enumerate(dict.fromkeys(texts))}
    return list(seen), np.array([seen[t] for t in texts], dtype=np.int64)


def _column(frame: gpd.GeoDataFrame, *names: str) -> Any:
    return next((frame[name] for name in names if name in frame), None)


def _numbers(column: Any, n: int, scale: float, missing: float = -1.0) -> Ints:
    values = np.full(n, np.nan) if column is None else np.asarray(column, dtype=float)
    return np.rint(np.where(np.isfinite(values), values * scale, missing)).astype(np.int64)


def building_table(buildings: gpd.GeoDataFrame, centre: tuple[float, float], blobs: Blobs) -> dict[str, Any]:
    """Footprints, heights, uses; the order is that of the series at buildings."""
    rings, counts = [], np.zeros(len(buildings), dtype=np.int64)
    for k, shape in enumerate(buildings.geometry):
        for part in getattr(shape, "geoms", [shape]):
            if not isinstance(part, shapely.Polygon):
                continue
            for ring in (part.exterior, *part.interiors):
                rings.append(np.asarray(ring.coords)[:-1, :2])
                counts[k] += 1
    # A ring is an outer one or a hole; holes follow their outer ring.
    hole = np.concatenate(
        [
            [
                h > 0
                for part in getattr(s, "geoms", [s])
                if isinstance(part, shapely.Polygon)
                for h in range(1 + len(part.interiors))
            ]
            for s in buildings.geometry
        ]
    ).astype(np.int64)
    n = len(buildings)
    height = _column(buildings, "height")
    natures, nature = _coded(_column(buildings, "nature"), n)
    uses, use = _coded(_column(buildings, "use"), n)
    ids, _ = _coded(_column(buildings, "building_id"), n)
    values = np.full(n, np.nan) if height is None else np.asarray(height, dtype=float)
    most = _column(buildings, "max_water_depth")
    source = _column(buildings, "height_source")
    # Heights from floors, neighbours or a usual value; an old run does not say.
    assumed = None if source is None else np.asarray((source != "hauteur") & (values > 0))
    return {
        "count": n,
        "rings": blobs.raw(varint(counts)),
        "holes": blobs.raw(varint(hole)),
        "outline": blobs.raw(varint(_polylines(rings, centre))),
        "height": blobs.raw(varint(np.rint(np.where(values > 0, values, TYPICAL_HEIGHT) * 10))),
        "without_height": int(np.count_nonzero(~(values > 0))),
        "assumed": None if assumed is None else blobs.raw(np.packbits(assumed).tobytes()),
        "assumed_count": 0 if assumed is None else int(assumed.sum()),
        "natures": natures,
        "nature": blobs.raw(varint(nature)),
        "uses": uses,
        "use": blobs.raw(varint(use)),
        "ids": blobs.raw("\n".join(ids).encode()) if len(ids) == n else None,
        "known": most is not None,
        "step": COORDINATE_STEP,
    }


def road_table(roads: gpd.GeoDataFrame, centre: tuple[float, float], blobs: Blobs) -> dict[str, Any]:
    """Lines, names, importance, level; the order is that of the series at roads."""
    lines, counts = [], np.zeros(len(roads), dtype=np.int64)
    for k, shape in enumerate(roads.geometry):
        for part in getattr(shape, "geoms", [shape]):
            if isinstance(part, shapely.LineString) and len(part.coords) > 1:
                lines.append(np.asarray(part.coords)[:, :2])
                counts[k] += 1
    n = len(roads)
    names, name = _coded(_column(roads, "name"), n)
    natures, nature = _coded(_column(roads, "nature"), n)
    ids, _ = _coded(_column(roads, "road_id"), n)
    drivable = _column(roads, "drivable")
    return {
        "count": n,
        "parts": blobs.raw(varint(counts)),
        "outline": blobs.raw(varint(_polylines(lines, centre))),
        "names": names,
        "name": blobs.raw(varint(name)),
        "natures": natures,
        "nature": blobs.raw(varint(nature)),
        "importance": blobs.raw(varint(_numbers(_column(roads, "importance"), n, 1.0, 5.0))),
        "level": blobs.raw(varint(_numbers(_column(roads, "level"), n, 1.0, 0.0))),
        "drivable": blobs.raw(
            varint(
                np.ones(n, dtype=np.int64)
                if drivable is None
                else np.asarray(drivable, dtype=bool).astype(np.int64)
            )
        ),
        "ids": blobs.raw("\n".join(ids).encode()) if len(ids) == n else None,
        "step": COORDINATE_STEP,
    }


def traffic(
    result: Result, roads: gpd.GeoDataFrame | None, times: Floats, blobs: Blobs
) -> dict[str, Any] | None:
    """Traffic by road and frame: volume of both directions, greatest saturation."""
    links, series = result.links, result.link_series
    if roads is None or links is None or series is None or "road_id" not in links or "road_id" not in roads:
        return None
    if series.sizes["time"] == 0 or "volume" not in series:
        return None
    place = {str(road): k for k, road in enumerate(roads["road_id"])}
    road = np.array([place.get(str(r), -1) for r in links["road_id"]], dtype=np.int64)
    on = np.flatnonzero(road >= 0)
    if on.size == 0:
        return None
    at = np.clip(np.searchsorted(series["time"].values, times, side="right") - 1, 0, series.sizes["time"] - 1)
    n = len(roads)

    def gathered(name: str, ufunc: np.ufunc) -> Floats:
        values = np.nan_to_num(np.asarray(series[name].values, dtype=float), posinf=0.0)
        out = np.zeros((values.shape[0], n))
        for row in range(values.shape[0]):
            ufunc.at(out[row], road[on], values[row, on])
        return out[at]

    volume = gathered("volume", np.add)
    greatest = float(volume.max())
    if greatest <= 0:
        return None
    saturation = gathered("saturation", np.maximum) if "saturation" in series else np.zeros_like(volume)
    return {
        "greatest_volume": greatest,
        # Square root: small roads keep some precision in one byte.
        "volume": blobs.raw(by_column(np.rint(np.sqrt(volume / greatest) * 255).astype(np.uint8))),
        # From 255 % on the card says "≥": MOST_SATURATED in viz/web/src/card.ts.
        "saturation": blobs.raw(by_column(np.rint(np.clip(saturation, 0, 2.55) * 100).astype(np.uint8))),
        "times": [float(t) for t in series["time"].values],
    }


def closures(result: Result, roads: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    """Roads (rows) that people close to all vehicles, from when until when (s; None: beyond the end)."""
    if roads is None or "road_id" not in roads:
        return []
    place = {str(road): k for k, road in enumerate(roads["road_id"])}
    return [
        {
            "roads": [place[road] for road in closure["roads"] if road in place],
            "start": closure["start_s"],
            "end": closure["end_s"],
        }
        for closure in result.closures
        if not closure["vehicles"]
    ]


def _line_parts(shape: Any, centre: tuple[float, float]) -> list[list[float]]:
    """Lines (and outlines of polygons) as flat lists x, y, x, y … from the centre (m)."""
    out = []
    for part in getattr(shape, "geoms", [shape]):
        curve = part.exterior if isinstance(part, shapely.Polygon) else part
        if isinstance(curve, shapely.LineString):
            xy = np.asarray(curve.coords)[:, :2] - np.asarray(centre)
            out.append([round(float(v), 1) for v in xy.ravel()])
    return out


def places(result: Result, centre: tuple[float, float]) -> list[dict[str, Any]]:
    """Named places: label, kind and the point where the name stands."""
    places = usable(result.places)
    if places is None:
        return []
    labels = _column(places, "label", "name")
    kinds = _column(places, "kind")
    gauges = set(result.scenario_table.get("outputs", {}).get("gauges", []))
    out = []
    for k, shape in enumerate(places.geometry):
        text = labels.iloc[k] if labels is not None else None
        if text is None or text != text or not str(text).strip():
            continue
        # A key of territory.toml, not a name that people use: lines and gauges are the model's own business.
        key = str(places["name"].iloc[k]) if "name" in places else ""
        bare = str(text) == key.replace("_", " ")
        alike = "name" in places and int((places["name"] == key).sum()) > 1
        if bare and (shape.geom_type.endswith("LineString") or key in gauges or alike):
            continue
        point = (
            shape.interpolate(0.5, normalized=True)
            if shape.geom_type == "LineString"
            else shape.representative_point()
        )
        out.append(
            {
                "label": str(text),
                "kind": "" if kinds is None else str(kinds.iloc[k] or ""),
                "key": key if bare else "",
                "x": round(point.x - centre[0], 1),
                "y": round(point.y - centre[1], 1),
                "shape": "Point" if key == "facilities" else shape.geom_type,  # a site is no quarter
            }
        )
    return out


def story(results: Sequence[Result], centre: tuple[float, float]) -> list[dict[str, Any]]:
    """The guided tour: the ``[[story]]`` of the first scenario that has one, places as points."""
    told = next((r for r in results if r.scenario_table.get("story")), None)
    if told is None:
        return []
    places = usable(told.places)
    out = []
    for slide in told.scenario_table["story"]:
        at = slide.get("at")
        point = None
        if isinstance(at, str) and places is not None and "name" in places:
            found = places[places["name"] == at]
            point = None if len(found) == 0 else shapely.union_all(found.geometry.to_numpy()).centroid
        elif isinstance(at, list):
            point = shapely.Point(np.atleast_2d(np.asarray(at, dtype=float)).mean(axis=0))
        out.append(
            {
                "text": str(slide.get("text", "")),
                "text_en": slide.get("text_en"),
                "x": None if point is None else round(point.x - centre[0], 1),
                "y": None if point is None else round(point.y - centre[1], 1),
                "show": str(slide.get("show", "now")),
            }
            | {key: seconds(slide.get(key)) for key in ("time", "distance", "bearing", "lean")}
        )
    return out


def measure_lines(result: Result, table: dict[str, Any], centre: tuple[float, float]) -> list[dict[str, Any]]:
    """Lines that measures of the scenario stand on (a dike along a named line)."""
    places = usable(result.places)
    out = []
    for measure in table.get("measures", []):
        along = measure.get("along")
        shape: shapely.Geometry | None = None
        if isinstance(along, str) and places is not None and "name" in places:
            found = places[places["name"] == along]
            shapes = shapely.get_parts(found.geometry.to_numpy())
            shape = None if len(found) == 0 else shapely.GeometryCollection(list(shapes))
        elif isinstance(along, list):
            shape = shapely.LineString(along)
        if shape is not None:
            out.append(
                {
                    "kind": str(measure.get("kind", "")),
                    "crest": seconds(measure.get("crest")),
                    "parts": _line_parts(shape, centre),
                }
            )
    return out
