"""What the offline page shows of results: read through `twin.Result`, made small, ready for JSON.

Depths at buildings and roads follow the rules of `twin.features`, frame by frame, so that the picture
and the figures of the run say the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from twin.errors import InputError, told
from twin.features import WET_DEPTH, cells_on_lines, cells_touched
from twin.fine_result import FineResult, for_pictures
from twin.grid import Grid
from twin.traversal import level_of, on_ground, portals
from twin.water import permanent_depth, permanent_water
from viz.encode import DRY, TILE, Blobs, DepthCurve, Tiles, by_column, delta_chunks, quantised_terrain
from viz.flow import BLOCK, STILL, Codes, flow_codes
from viz.names import told_apart
from viz.page_ensemble import MOST_RUNS, central, ensemble_table
from viz.page_features import (
    building_table,
    closures,
    measure_lines,
    places,
    road_table,
    seconds,
    story,
    traffic,
    usable,
)
from viz.page_observed import flood_marks, section_discharges
from viz.relief import encoded, ground_pixels, photo_image
from viz.surface import ground_of, once, roofs_of

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: The page's own limits: beyond, cells are averaged in blocks and frames are thinned, and the page says so.
MAX_CELLS = 4_200_000
MAX_SIDE = 8192  # cells: of textures on plain graphics cards; WebP ends at 16,383
MAX_FRAMES = 120
MAX_SAMPLES = 400e6  # depths of the cells that are ever wet, over all frames and runs: tens of MB in the file
FRAMES_PER_CHUNK = 12
FLOW_FRAMES_PER_CHUNK = 24


@dataclass(frozen=True)
class View:
    """The lattice that the page shows: the model's, or blocks of ``factor`` × ``factor`` cells of it."""

    grid: Grid
    factor: int

    @classmethod
    def of(cls, grid: Grid, samples: float = 0.0) -> View:
        """The finest view within ``MAX_CELLS`` and ``MAX_SIDE``, and ``MAX_SAMPLES`` when cells hold
        ``samples`` in all.
        """
        most = max(grid.ny * grid.nx / MAX_CELLS, samples / MAX_SAMPLES, 1.0)
        factor = max(math.ceil(math.sqrt(most)), math.ceil(max(grid.ny, grid.nx) / MAX_SIDE))
        ny, nx = max(1, grid.ny // factor), max(1, grid.nx // factor)
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
        problems.append(told("page", "results", "shown.no_result"))
    for result in results:
        floods = result.has_fields and "water_depth" in result.fields
        if not floods and "flood" not in result.scenario_table.get("solvers", ["flood"]):
            problems.append(told(result.path, "solvers", "shown.no_flood"))
        elif not result.has_fields:
            problems.append(told(result.path, "fields.zarr", "shown.no_fields"))
        elif not floods or result.fields.sizes["time"] == 0:
            problems.append(told(result.path, "water_depth", "shown.no_frame"))
    if not problems:
        first = results[0].grid
        problems += [
            told(r.path, "grid", "shown.other_grid", found=r.grid, other=results[0].path, grid=first)
            for r in results[1:]
            if r.grid != first
        ]
    if problems:
        raise InputError(problems)


def collect(
    results: Sequence[Result], blobs: Blobs, *, ensemble: bool = False, orthophoto: Path | None = None
) -> dict[str, Any]:
    """Everything the page shows, as a JSON-ready table; bulky parts go to ``blobs``."""
    check_comparable(results)
    members = results = for_pictures(results, _room(results, ensemble=ensemble))
    if ensemble:
        check_ensemble(members)
        results = [members[central([float((_deepest(r) > WET_DEPTH).sum()) for r in members])]]
    first = results[0]
    view = View.of(first.grid, sum(_samples(r) for r in results))
    grid = view.grid
    greatest = max(_greatest(r) for r in members)
    curve = DepthCurve.up_to(greatest)
    bed = view.mean(ground_of(first.fields))
    # Of the first run that has them: another one may have been made without.
    several = [*results, *members] if ensemble else list(results)
    buildings = next((b for r in several if (b := usable(r.buildings)) is not None), None)
    roads = next((found for r in several if (found := usable(r.roads)) is not None), None)
    roughness = view.mean(first.fields["roughness"].values) if "roughness" in first.fields else None
    pixels = ground_pixels(
        bed, grid.cell, roughness=roughness, buildings=buildings, west=grid.x_west, north=grid.y_north
    )
    image, mime = encoded(pixels)
    photo = None if orthophoto is None else photo_image(orthophoto, grid)
    centre = (grid.x_west + 0.5 * grid.nx * grid.cell, grid.y_north - 0.5 * grid.ny * grid.cell)
    scenarios: list[dict[str, Any]] = []
    opens_at = None
    names = told_apart(members if ensemble else results)
    if ensemble:
        names = [names[members.index(first)]]
    for name, r in zip(names, results, strict=True):
        made = {"name": name} | _scenario(r, view, bed, curve, buildings, roads, centre, opens_at, blobs)
        made["difference"] = _difference(first, r, view, curve, blobs) if scenarios else None
        scenarios.append(made)
        opens_at = scenarios[0]["times"][scenarios[0]["opening"]["frames"][-1]]
    return {
        "grid": {
            "nx": grid.nx,
            "ny": grid.ny,
            "cell": grid.cell,
            "crs": grid.crs,
            "x_west": grid.x_west,
            "y_north": grid.y_north,
            "model_cell": first.model_grid.cell,
            "model_nx": first.model_grid.nx,
            "model_ny": first.model_grid.ny,
            "factor": view.factor,
        },
        "curve": [round(float(v), 5) for v in curve.values],
        "curve_errors": curve.errors,
        "wet_depth": WET_DEPTH,
        "greatest_depth": greatest,
        "ground": {"blob": blobs.raw(image), "mime": mime},
        "photo": None if photo is None else {"blob": blobs.raw(photo), "mime": "image/webp"},
        "ensemble": ensemble_table(members, lambda r: view.mean(_deepest(r)), curve, blobs)
        if ensemble
        else None,
        "bed": _terrain(bed, blobs),
        "holes": int(np.count_nonzero(~np.isfinite(bed))),
        "buildings": None if buildings is None else building_table(buildings, centre, blobs),
        "roads": None if roads is None else road_table(roads, centre, blobs),
        "places": next((found for r in several if (found := places(r, centre))), []),
        "story": story(results, centre),
        "scenarios": scenarios,
    }


def _room(results: Sequence[Result], *, ensemble: bool) -> float:
    """Cells that the page may show of runs over their fine terrain."""
    samples = sum(_samples(r) for r in (results[:1] if ensemble else results))
    return min(MAX_CELLS, results[0].grid.size * MAX_SAMPLES / max(samples, 1))


def check_ensemble(results: Sequence[Result]) -> None:
    """An ensemble is two runs or more, each with its maximum depth.

    Raises
    ------
    InputError
        One run only, more than the page counts, or a run without its maximum.
    """
    problems = [
        told(r.path, "max_water_depth", "shown.no_maximum")
        for r in results
        if "max_water_depth" not in r.fields
    ]
    if not 2 <= len(results) <= MOST_RUNS:
        problems.append(told("page", "ensemble", "shown.ensemble", count=len(results), most=MOST_RUNS))
    if problems:
        raise InputError(problems)


def _deepest(result: Result) -> Floats:
    """Maximum depth (ny, nx) of a run that kept it."""
    most = _most(result)
    assert most is not None  # check_ensemble has looked
    return most


def _samples(result: Result) -> int:
    """Depths that the page would hold of a run at the model's resolution."""
    most = _most(result)
    wet = result.grid.ny * result.grid.nx if most is None else int(np.count_nonzero(most >= DRY))
    return wet * min(result.fields.sizes["time"], MAX_FRAMES)


def _most(result: Result) -> Floats | None:
    """Maximum depth (ny, nx) of a run; NaN on roofs, None when the run did not keep it."""
    if "max_water_depth" not in result.fields:
        return None
    roofs = roofs_of(result.fields)
    return np.where(roofs, np.nan, once(result.fields["max_water_depth"]))


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


def _greatest(result: Result) -> float:
    most = _most(result)
    if most is not None and np.isfinite(most).any():
        return float(np.nanmax(most))
    roofs, depth = roofs_of(result.fields), result.fields["water_depth"]
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


def _as_over_fine(series: Floats, things: gpd.GeoDataFrame | None) -> Floats:
    """Depths of cells over time at things, (frames, n), so that the largest is what the fine terrain of a
    subgrid run, all of it, says of each, 0 where it knows nothing; over time in proportion.
    """
    if things is None or "max_water_depth" not in things or len(things) != series.shape[1]:
        return series
    most, top = (
        np.nan_to_num(things["max_water_depth"].to_numpy(dtype=float)),
        series.max(axis=0, initial=0.0),
    )
    share: Floats = np.where(top > 0.0, most, 0.0) / np.where(top > 0.0, top, 1.0)
    return series * share


def _most_at(series: Floats, things: gpd.GeoDataFrame | None) -> Floats:
    """Greatest depth (n,) at things: the run's own, which knows what came between the frames shown."""
    most: Floats = series.max(axis=0, initial=0.0)
    if things is None or "max_water_depth" not in things or len(things) != most.size:
        return most
    own: Floats = things["max_water_depth"].to_numpy(dtype=float)
    return np.fmax(most, own)


def _scenario(
    result: Result,
    view: View,
    first_bed: Floats,
    curve: DepthCurve,
    buildings: gpd.GeoDataFrame | None,
    roads: gpd.GeoDataFrame | None,
    centre: tuple[float, float],
    opens_at: float | None,
    blobs: Blobs,
) -> dict[str, Any]:
    fields, model = result.fields, result.grid
    shown = _frames_shown(fields.sizes["time"])
    times = np.asarray(result.times, dtype=float)[shown]
    codes = np.zeros((len(shown), view.grid.ny * view.grid.nx), dtype=np.uint8)
    hectares = np.zeros(len(shown))
    permanent = np.zeros(model.shape, dtype=bool)
    roofs = roofs_of(fields)
    has_start = bool(times[0] <= 0.0)
    if has_start:
        permanent = permanent_water(result) & ~roofs
    subgrid = result.fine_areas is not None
    over_fine = isinstance(result, FineResult)
    # Where the fine terrain could not be read again: on a bank it tells what was wet at the start; cells only
    # know how much water that was.
    left_out, standing = permanent, np.zeros(model.shape)
    start = permanent_depth(result)
    by_cells = subgrid and not over_fine
    if by_cells and start is not None:
        standing = np.nan_to_num(start)
        left_out = fields["mapped_water"].values > 0 if "mapped_water" in fields else np.zeros_like(permanent)
    at_building = at_road = None
    if buildings is not None:
        owner_b, cell_b = cells_touched(np.asarray(buildings.geometry.array, dtype=object), model)
        at_building = np.zeros((len(shown), len(buildings)))
    if roads is not None:
        lines, level = np.asarray(roads.geometry.array, dtype=object), level_of(roads)
        owner_r, cell_r, _ = cells_on_lines(lines, model)
        use = on_ground(owner_r, lines, level, portals(lines, level, lines, level), model.bounds)
        use &= ~left_out.ravel()[cell_r]
        owner_r, cell_r = owner_r[use], cell_r[use]
        at_road = np.zeros((len(shown), len(roads)))
    for row, k in enumerate(shown):
        depth = np.where(
            roofs, np.nan, np.asarray(fields["water_depth"].isel(time=int(k)).values, dtype=float)
        )
        codes[row] = curve.encode(view.mean(depth)).ravel()
        flooded = np.where(permanent, 0.0, np.nan_to_num(depth))
        hectares[row] = float((flooded > WET_DEPTH).sum()) * model.cell**2 / 1e4
        if by_cells:
            flooded = np.where(left_out, 0.0, np.maximum(np.nan_to_num(depth) - standing, 0.0))
        if at_building is not None:
            at_building[row] = _series(owner_b, cell_b, len(at_building[row]), maximum_filter(flooded, 3))
        if at_road is not None:
            at_road[row] = _series(owner_r, cell_r, len(at_road[row]), flooded)
    own_buildings, own_roads = usable(result.buildings), usable(result.roads)
    if subgrid:
        at_building = None if at_building is None else _as_over_fine(at_building, own_buildings)
        at_road = None if at_road is None else _as_over_fine(at_road, own_roads)
    most_b = None if at_building is None else _most_at(at_building, own_buildings)
    most_r = None if at_road is None else _most_at(at_road, own_roads)
    most = _most(result)
    maximum = None if most is None else curve.encode(view.mean(most)).ravel()
    # Only cells that are ever wet are kept: a valley in a wide territory costs what the valley costs.
    wet = np.asarray(codes.any(axis=0) if maximum is None else codes.any(axis=0) | (maximum > 0))
    wet[0] |= not wet.any()
    tiles = Tiles.of(wet.reshape(view.grid.shape))
    codes = codes[:, tiles.cells]
    # The instant that the page opens on, read before all other frames: the widest flood of the first run.
    opening = int(np.argmax(hectares) if opens_at is None else np.argmin(np.abs(times - opens_at)))
    early = sorted({0, opening})
    bed = view.mean(ground_of(fields))
    same_bed = bool(np.array_equal(bed, first_bed, equal_nan=True))
    table = result.scenario_table
    out: dict[str, Any] = {
        "status": result.status,
        "start": str(fields.attrs.get("start", "")),
        "offset_s": _utc_offset(str(fields.attrs.get("start", ""))),
        "times": [float(t) for t in times],
        "frames_computed": int(fields.sizes["time"]),
        "closure_depth": result.closure_depth,
        "subgrid": subgrid,
        "over_fine": over_fine,
        "fast_mode": table.get("params", {}).get("flood", {}).get("scheme") == "local_inertial",
        "duration": seconds(table.get("duration")),
        "per_chunk": FRAMES_PER_CHUNK,
        "tile": TILE,
        "chunks": tiles.chunks(codes, FRAMES_PER_CHUNK, blobs),
        "wet": blobs.raw(np.packbits(wet).tobytes()),
        "opening": {"frames": early, "blob": blobs.raw(codes[early].tobytes())},
        "maximum": None if maximum is None else blobs.raw(maximum[tiles.cells].tobytes()),
        "frames_maximum": blobs.raw(codes.max(axis=0).tobytes()) if maximum is None else None,
        "bed": None if same_bed else _terrain(bed, blobs),
        "roofs": blobs.raw(np.packbits(view.mean(roofs.astype(float)) > 0.5).tobytes())
        if roofs.any()
        else None,
        "permanent": bool(has_start and permanent.any()),
        "mapped_water": blobs.raw(np.packbits(view.mean(permanent.astype(float)) > 0.5).tobytes())
        if has_start and "mapped_water" in fields
        else None,
        "permanent_depth": blobs.raw(curve.encode(view.mean(start)).ravel()[tiles.cells].tobytes())
        if start is not None and "permanent_depth" in fields
        else None,
        "hectares": [round(float(v), 3) for v in hectares],
        "building_depth": None if at_building is None else blobs.raw(by_column(curve.encode(at_building))),
        "road_depth": None if at_road is None else blobs.raw(by_column(curve.encode(at_road))),
        "building_most": None if most_b is None else blobs.raw(curve.encode(most_b).tobytes()),
        "road_most": None if most_r is None else blobs.raw(curve.encode(most_r).tobytes()),
        "traffic": traffic(result, roads, times, blobs),
        "closures": closures(result, roads),
        "flow": _flow(result, view, shown, blobs),
        "traffic_summary": _plain(result.traffic_summary),
        "indicators": _plain(result.indicators),
        "provenance": _plain(result.provenance),
        "lines": measure_lines(result, table, centre),
        "marks": flood_marks(result, centre),
        "sections": section_discharges(result, centre),
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
        "per_chunk": FLOW_FRAMES_PER_CHUNK,
        "chunks": [blobs.add(text) for text in delta_chunks(flat, FLOW_FRAMES_PER_CHUNK)],
    }


def _utc_offset(start: str) -> int:
    try:
        offset = datetime.fromisoformat(start).utcoffset()
    except ValueError:
        return 0
    return int(offset.total_seconds()) if offset else 0


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
