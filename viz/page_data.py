"""What the offline page shows of results: read through `twin.Result`, made small, ready for JSON.

Depths at buildings and roads follow the rules of `twin.features`, frame by frame, so that the picture
and the figures of the run say the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from twin.errors import InputError, Problem
from twin.features import CLOSURE_DEPTH, WET_DEPTH, cells_on_lines, cells_touched
from twin.grid import Grid
from viz.encode import DepthCurve, delta_chunks, pack, quantised_terrain, varint
from viz.flow import BLOCK, STILL, Codes, flow_codes
from viz.relief import ground_image

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

    from twin.results import Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: The page's own limits: beyond, cells are averaged in blocks and frames are thinned, and the page says so.
MAX_CELLS = 1_300_000
MAX_FRAMES = 120
FRAMES_PER_CHUNK = 6
FLOW_FRAMES_PER_CHUNK = 24
COORDINATE_STEP = 0.1  # m, of footprints and roads
ROOF = 0.5  # m: a bed higher than the ground by more is a building that blocks the flow
TYPICAL_HEIGHT = 6.0  # m, drawn where a building has no height


@dataclass(eq=False)
class Blobs:
    """Packed byte blocks, by number; the page finds them as elements ``blob-<n>``."""

    texts: list[str] = field(default_factory=list)

    def add(self, packed: str) -> int:
        """Keep a packed block, return its number."""
        self.texts.append(packed)
        return len(self.texts) - 1

    def raw(self, data: bytes) -> int:
        """Pack and keep."""
        return self.add(pack(data))


@dataclass(frozen=True)
class View:
    """The lattice that the page shows: the model's, or blocks of ``factor`` × ``factor`` cells of it."""

    grid: Grid
    factor: int

    @classmethod
    def of(cls, grid: Grid) -> View:
        """The finest view within ``MAX_CELLS``."""
        factor = max(1, math.ceil(math.sqrt(grid.ny * grid.nx / MAX_CELLS)))
        ny, nx = grid.ny // factor, grid.nx // factor
        return cls(Grid(grid.crs, grid.x_west, grid.y_north, grid.cell * factor, ny, nx), factor)

    def mean(self, values: NDArray[Any]) -> Floats:
        """Block means, holes left aside; NaN where a block has nothing."""
        if self.factor == 1:
            return np.asarray(values, dtype=float)
        ny, nx, f = self.grid.ny, self.grid.nx, self.factor
        blocks = np.asarray(values, dtype=float)[: ny * f, : nx * f].reshape(ny, f, nx, f)
        known = np.isfinite(blocks)
        count = known.sum(axis=(1, 3))
        total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
        mean: Floats = np.divide(total, count, out=np.full((ny, nx), np.nan), where=count > 0)
        return mean


def check_comparable(results: Sequence[Result]) -> None:
    """Results shown together share one grid.

    Raises
    ------
    InputError
        No result, a result without fields or frames, or grids that differ.
    """
    problems = []
    if not results:
        problems.append(Problem("page", "results", "nothing", "one result or more"))
    for result in results:
        if not result.has_fields:
            problems.append(Problem(str(result.path), "fields.zarr", "no fields", "a run over a terrain"))
        elif "water_depth" not in result.fields or result.fields.sizes["time"] == 0:
            problems.append(
                Problem(
                    str(result.path), "water_depth", "no frame of water depth", "at least one output frame"
                )
            )
    if not problems:
        first = results[0].grid
        problems += [
            Problem(
                str(r.path),
                "grid",
                str(r.grid),
                f"the grid of {results[0].path}: {first}",
                "compare runs of the same territory at the same resolution",
            )
            for r in results[1:]
            if r.grid != first
        ]
    if problems:
        raise InputError(problems)


def collect(results: Sequence[Result], blobs: Blobs) -> dict[str, Any]:
    """Everything the page shows, as a JSON-ready table; bulky parts go to ``blobs``."""
    check_comparable(results)
    first = results[0]
    view = View.of(first.grid)
    grid = view.grid
    greatest = max(_greatest(r) for r in results)
    curve = DepthCurve.up_to(greatest)
    bed = view.mean(_ground(first.fields, first.grid.shape))
    buildings, roads = _usable(first.buildings), _usable(first.roads)
    roughness = view.mean(first.fields["roughness"].values) if "roughness" in first.fields else None
    image, mime = ground_image(
        bed, grid.cell, roughness=roughness, buildings=buildings, west=grid.x_west, north=grid.y_north
    )
    centre = (grid.x_west + 0.5 * grid.nx * grid.cell, grid.y_north - 0.5 * grid.ny * grid.cell)
    return {
        "grid": {
            "nx": grid.nx,
            "ny": grid.ny,
            "cell": grid.cell,
            "crs": grid.crs,
            "x_west": grid.x_west,
            "y_north": grid.y_north,
            "model_cell": first.grid.cell,
            "factor": view.factor,
        },
        "curve": [round(float(v), 5) for v in curve.values],
        "curve_errors": curve.errors,
        "wet_depth": WET_DEPTH,
        "closure_depth": CLOSURE_DEPTH,
        "greatest_depth": greatest,
        "ground": {"blob": blobs.raw(image), "mime": mime},
        "bed": _terrain(bed, blobs),
        "holes": int(np.count_nonzero(~np.isfinite(bed))),
        "buildings": None if buildings is None else _building_table(buildings, centre, blobs),
        "roads": None if roads is None else _road_table(roads, centre, blobs),
        "places": _places(first, centre),
        "story": _story(results, centre),
        "scenarios": [
            _scenario(r, k, view, bed, curve, buildings, roads, centre, blobs)
            | {"difference": _difference(first, r, view, curve, blobs) if k else None}
            for k, r in enumerate(results)
        ],
    }


def _most(result: Result) -> Floats | None:
    """Maximum depth (ny, nx) of a run; NaN on roofs, None when the run did not keep it."""
    if "max_water_depth" not in result.fields:
        return None
    roofs = _roofs(result.fields, result.grid.shape)
    return np.where(roofs, np.nan, result.fields["max_water_depth"].values)


def _difference(
    first: Result, other: Result, view: View, curve: DepthCurve, blobs: Blobs
) -> dict[str, int] | None:
    """Maximum depth of ``other`` less that of ``first``: sizes on the curve, and the signs as bits."""
    before, after = _most(first), _most(other)
    if before is None or after is None:
        return None
    change = view.mean(np.nan_to_num(after)) - view.mean(np.nan_to_num(before))
    codes = curve.encode(np.abs(change))
    return {
        "size": blobs.raw(codes.tobytes()),
        "sign": blobs.raw(np.packbits((change < 0) & (codes > 0)).tobytes()),
    }


def _usable(features: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    if features is None or len(features) == 0:
        return None
    keep = features[~(features.geometry.isna() | features.geometry.is_empty)]
    return None if len(keep) == 0 else keep.reset_index(drop=True)


def _static(fields: xr.Dataset, name: str, shape: tuple[int, int]) -> Floats:
    return np.asarray(fields[name].values, dtype=float) if name in fields else np.zeros(shape)


def _ground(fields: xr.Dataset, shape: tuple[int, int]) -> Floats:
    """The ground: the bed without the roofs that block the flow."""
    return _static(fields, "ground_elevation" if "ground_elevation" in fields else "bed_elevation", shape)


def _roofs(fields: xr.Dataset, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Cells whose bed is a roof: no water of the street is there, whatever rain lies on it."""
    if "ground_elevation" not in fields:
        return np.zeros(shape, dtype=bool)
    return np.asarray(fields["bed_elevation"].values > fields["ground_elevation"].values + ROOF)


def _greatest(result: Result) -> float:
    roofs = _roofs(result.fields, result.grid.shape)
    if "max_water_depth" in result.fields:
        values = np.where(roofs, np.nan, result.fields["max_water_depth"].values)
        if np.isfinite(values).any():
            return float(np.nanmax(values))
    depth = result.fields["water_depth"]
    frames = (np.where(roofs, np.nan, depth.isel(time=k).values) for k in range(depth.sizes["time"]))
    return max((float(np.nanmax(f)) for f in frames if np.isfinite(f).any()), default=0.0)


def _terrain(bed: Floats, blobs: Blobs) -> dict[str, Any]:
    packed, low, step = quantised_terrain(bed)
    return {"blob": blobs.raw(packed), "low": low, "step": step}


def _frames_shown(count: int) -> Ints:
    if count <= MAX_FRAMES:
        return np.arange(count)
    return np.unique(np.rint(np.linspace(0, count - 1, MAX_FRAMES)).astype(np.int64))


def _series(owner: Ints, cell: Ints, n: int, depth: Floats) -> Floats:
    found = np.zeros(n)
    np.maximum.at(found, owner, np.nan_to_num(depth.ravel()[cell]))
    return found


def _scenario(
    result: Result,
    number: int,
    view: View,
    first_bed: Floats,
    curve: DepthCurve,
    buildings: gpd.GeoDataFrame | None,
    roads: gpd.GeoDataFrame | None,
    centre: tuple[float, float],
    blobs: Blobs,
) -> dict[str, Any]:
    fields, model = result.fields, result.grid
    shown = _frames_shown(fields.sizes["time"])
    times = np.asarray(result.times, dtype=float)[shown]
    codes = np.zeros((len(shown), view.grid.ny * view.grid.nx), dtype=np.uint8)
    hectares = np.zeros(len(shown))
    permanent = np.zeros(model.shape, dtype=bool)
    roofs = _roofs(fields, model.shape)
    has_start = bool(times[0] <= 0.0)
    if has_start:
        permanent = np.nan_to_num(fields["water_depth"].isel(time=0).values) > WET_DEPTH
        permanent &= ~roofs
    at_building = at_road = None
    if buildings is not None:
        owner_b, cell_b = cells_touched(np.asarray(buildings.geometry.array, dtype=object), model)
        at_building = np.zeros((len(shown), len(buildings)))
    if roads is not None:
        owner_r, cell_r, _ = cells_on_lines(np.asarray(roads.geometry.array, dtype=object), model)
        level = roads["level"].fillna(0).to_numpy() if "level" in roads else np.zeros(len(roads))
        use = (level[owner_r] <= 0) & ~permanent.ravel()[cell_r]
        owner_r, cell_r = owner_r[use], cell_r[use]
        at_road = np.zeros((len(shown), len(roads)))
    for row, k in enumerate(shown):
        depth = np.where(
            roofs, np.nan, np.asarray(fields["water_depth"].isel(time=int(k)).values, dtype=float)
        )
        codes[row] = curve.encode(view.mean(depth)).ravel()
        flooded = np.where(permanent, 0.0, np.nan_to_num(depth))
        hectares[row] = float((flooded > WET_DEPTH).sum()) * model.cell**2 / 1e4
        if at_building is not None:
            at_building[row] = _series(owner_b, cell_b, len(at_building[row]), maximum_filter(flooded, 3))
        if at_road is not None:
            at_road[row] = _series(owner_r, cell_r, len(at_road[row]), flooded)
    most = _most(result)
    bed = view.mean(_ground(fields, model.shape))
    same_bed = number == 0 or bool(np.array_equal(bed, first_bed, equal_nan=True))
    table = result.scenario_table
    out: dict[str, Any] = {
        "name": result.name,
        "status": result.status,
        "start": str(fields.attrs.get("start", "")),
        "offset_s": _utc_offset(str(fields.attrs.get("start", ""))),
        "times": [float(t) for t in times],
        "frames_computed": int(fields.sizes["time"]),
        "duration": _seconds(table.get("duration")),
        "per_chunk": FRAMES_PER_CHUNK,
        "chunks": [blobs.add(text) for text in delta_chunks(codes, FRAMES_PER_CHUNK)],
        "maximum": None if most is None else blobs.raw(curve.encode(view.mean(most)).tobytes()),
        "bed": None if same_bed else _terrain(bed, blobs),
        "roofs": blobs.raw(np.packbits(view.mean(roofs.astype(float)) > 0.5).tobytes())
        if roofs.any()
        else None,
        "permanent": bool(has_start and permanent.any()),
        "hectares": [round(float(v), 3) for v in hectares],
        "building_depth": None if at_building is None else blobs.raw(_by_column(curve.encode(at_building))),
        "road_depth": None if at_road is None else blobs.raw(_by_column(curve.encode(at_road))),
        "traffic": _traffic(result, roads, times, blobs),
        "flow": _flow(result, view, shown, blobs),
        "traffic_summary": _plain(result.traffic_summary),
        "indicators": _plain(result.indicators),
        "provenance": _plain(result.provenance),
        "lines": _measure_lines(result, table, centre),
        "solvers": [str(s) for s in table.get("solvers", [])],
    }
    return out


def _flow(result: Result, view: View, shown: Ints, blobs: Blobs) -> dict[str, Any] | None:
    """Directions and speeds for the streaks; None when the run kept no velocities or nothing moves."""
    fields = result.fields
    if "velocity_x" not in fields or "velocity_y" not in fields:
        return None
    block = BLOCK * view.factor
    fastest = fields["max_velocity"].values if "max_velocity" in fields else np.zeros(1)
    moving = fastest[np.isfinite(fastest) & (fastest > STILL)]
    # A few cells (weirs, steps) are much faster than all others: they share the fastest class.
    greatest = float(np.quantile(moving, 0.995)) if moving.size else 2.0
    frames: list[Codes] = []
    for k in shown:
        depth, east, north = (
            np.asarray(fields[name].isel(time=int(k)).values, dtype=float)
            for name in ("water_depth", "velocity_x", "velocity_y")
        )
        frames.append(flow_codes(depth, east, north, greatest, block, frames[-1] if frames else None))
    codes = np.stack(frames)
    if not codes.any():
        return None
    _, rows, columns = codes.shape
    flat = codes.reshape(len(frames), -1)
    return {
        "block": BLOCK,
        "rows": rows,
        "columns": columns,
        "greatest": round(greatest, 4),
        "chunks": [blobs.add(text) for text in delta_chunks(flat, FLOW_FRAMES_PER_CHUNK)],
    }


def _by_column(codes: NDArray[np.uint8]) -> bytes:
    """Series one after the other (n, frames): neighbours in time side by side, differences, for gzip."""
    series = np.ascontiguousarray(codes.T)
    delta = series.copy()
    delta[:, 1:] = series[:, 1:] - series[:, :-1]  # modulo 256
    return delta.tobytes()


def _utc_offset(start: str) -> int:
    try:
        offset = datetime.fromisoformat(start).utcoffset()
    except ValueError:
        return 0
    return int(offset.total_seconds()) if offset else 0


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _plain(value: Any) -> Any:
    """JSON-ready copy: numbers finite or None, everything else text."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return None if value is None else str(value)


# -- geometry -------------------------------------------------------------------


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


def _building_table(buildings: gpd.GeoDataFrame, centre: tuple[float, float], blobs: Blobs) -> dict[str, Any]:
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
    return {
        "count": n,
        "rings": blobs.raw(varint(counts)),
        "holes": blobs.raw(varint(hole)),
        "outline": blobs.raw(varint(_polylines(rings, centre))),
        "height": blobs.raw(varint(np.rint(np.where(values > 0, values, TYPICAL_HEIGHT) * 10))),
        "without_height": int(np.count_nonzero(~(values > 0))),
        "natures": natures,
        "nature": blobs.raw(varint(nature)),
        "uses": uses,
        "use": blobs.raw(varint(use)),
        "ids": blobs.raw("\n".join(ids).encode()) if len(ids) == n else None,
        "known": most is not None,
        "step": COORDINATE_STEP,
    }


def _road_table(roads: gpd.GeoDataFrame, centre: tuple[float, float], blobs: Blobs) -> dict[str, Any]:
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


def _traffic(
    result: Result, roads: gpd.GeoDataFrame | None, times: Floats, blobs: Blobs
) -> dict[str, Any] | None:
    """Traffic by road and frame: volume of both directions, greatest saturation, closure."""
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
    closed = gathered("closed", np.maximum) if "closed" in series else np.zeros_like(volume)
    return {
        "greatest_volume": greatest,
        # Square root: small roads keep some precision in one byte.
        "volume": blobs.raw(_by_column(np.rint(np.sqrt(volume / greatest) * 255).astype(np.uint8))),
        "saturation": blobs.raw(_by_column(np.rint(np.clip(saturation, 0, 2.55) * 100).astype(np.uint8))),
        "closed": blobs.raw(_by_column((closed > 0).astype(np.uint8))),
        "times": [float(t) for t in series["time"].values],
    }


def _line_parts(shape: Any, centre: tuple[float, float]) -> list[list[float]]:
    """Lines (and outlines of polygons) as flat lists x, y, x, y … from the centre (m)."""
    out = []
    for part in getattr(shape, "geoms", [shape]):
        curve = part.exterior if isinstance(part, shapely.Polygon) else part
        if isinstance(curve, shapely.LineString):
            xy = np.asarray(curve.coords)[:, :2] - np.asarray(centre)
            out.append([round(float(v), 1) for v in xy.ravel()])
    return out


def _places(result: Result, centre: tuple[float, float]) -> list[dict[str, Any]]:
    """Named places: label, kind and the point where the name stands."""
    places = _usable(result.places)
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
                "shape": shape.geom_type,
            }
        )
    return out


def _story(results: Sequence[Result], centre: tuple[float, float]) -> list[dict[str, Any]]:
    """The guided tour: the ``[[story]]`` of the first scenario that has one, places as points."""
    told = next((r for r in results if r.scenario_table.get("story")), None)
    if told is None:
        return []
    places = _usable(told.places)
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
            | {key: _seconds(slide.get(key)) for key in ("time", "distance", "bearing", "lean")}
        )
    return out


def _measure_lines(
    result: Result, table: dict[str, Any], centre: tuple[float, float]
) -> list[dict[str, Any]]:
    """Lines that measures of the scenario stand on (a dike along a named line)."""
    places = _usable(result.places)
    out = []
    for measure in table.get("measures", []):
        along = measure.get("along")
        shape = None
        if isinstance(along, str) and places is not None and "name" in places:
            found = places[places["name"] == along]
            shape = None if len(found) == 0 else found.geometry.iloc[0]
        elif isinstance(along, list):
            shape = shapely.LineString(along)
        if shape is not None:
            out.append(
                {
                    "kind": str(measure.get("kind", "")),
                    "crest": _seconds(measure.get("crest")),
                    "parts": _line_parts(shape, centre),
                }
            )
    return out
