"""Water on the ground, at buildings, on roads and in districts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from twin.features import WET_DEPTH, cells_on_lines, depth_around
from twin.indicators.indicator import PEOPLE_PER_DWELLING, Floats, Indicator, Run, make, people_in
from twin.messages import key_figure
from twin.styles import DEPTH
from twin.traversal import level_of

# Names of the four depth classes of `DEPTH` in the keys of the indicators.
CLASS_KEYS = ("below_0_5", "0_5_to_1", "1_to_2", "above_2")

NOTICEABLE = 0.1  # % of the flooded area under which nothing is said of flow near critical


def by_class(values: Floats, weight: float | Floats = 1.0) -> list[float]:
    """Sum of `weight` over the values of each class of `DEPTH` (above low, up to high)."""
    weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), values.shape)
    return [float(weights[(values > part.low) & (values <= part.high)].sum()) for part in DEPTH]


def water_figures(run: Run) -> list[Indicator]:
    """Area, depth, speed and hazard of the flood."""
    depth = run.max_depth
    if depth is None:
        return []
    hectare = run.result.grid.area_m2 / 1e4
    how = "method" if run.permanent_depth is not None else "method_start_unknown"
    classes, permanent = by_class(depth[run.flooded], hectare), float(run.permanent.sum()) * hectare
    deepest = float(depth[run.flooded].max()) if run.flooded.any() else 0.0
    words: dict[str, Any] = {"wet": WET_DEPTH}
    total = float(run.flooded.sum()) * hectare
    fine = run.result.fine_areas
    if fine is not None:
        how, words["cell"] = how.replace("method", "method_fine"), float(fine["cell_m"])
        classes, permanent = [area / 1e4 for area in fine["flooded_m2"]], fine["permanent_m2"] / 1e4
        total, deepest = sum(classes), fine["max_depth_m"]
    out = [make("flooded_area", total, "ha", method=how, **words)]
    for key, value in zip(CLASS_KEYS, classes, strict=True):
        out.append(make(f"flooded_area_{key}", value, "ha", wet=WET_DEPTH))
    if run.permanent_depth is not None:
        out.append(make("permanent_water_area", permanent, "ha", wet=WET_DEPTH))
    out.append(make("max_depth", deepest, "m"))
    fields = run.result.fields
    if "max_velocity" in fields:
        speed = np.asarray(fields["max_velocity"].values, dtype=np.float64)[run.flooded]
        out.append(make("max_velocity", float(np.nanmax(speed, initial=0.0)), "m/s"))
    if "max_hazard_ppri" in fields:
        strong = np.asarray(fields["max_hazard_ppri"].values, dtype=np.float64) >= 3
        out.append(make("hazard_strong_area", float((strong & run.flooded).sum()) * hectare, "ha"))
    return out


def volume_figures(run: Run) -> list[Indicator]:
    """Water in the domain."""
    table = run.result.diagnostics
    volume = (
        pd.to_numeric(table["volume_m3"], errors="coerce").dropna() if len(table) else pd.Series(dtype=float)
    )
    if volume.empty:
        return []
    initial = float(table["initial_m3"].iloc[0])
    return [
        make("max_volume", float(volume.max()), "m³"),
        make("added_volume", float(volume.max()) - initial, "m³"),
    ]


def critical_figures(run: Run) -> list[Indicator]:
    """Where local inertia without advection saw flow of which it makes false levels; nothing where not."""
    share = 100.0 * (run.result.flood_summary or {}).get("near_critical_share", 0.0)
    return [make("near_critical_share", share, "%")] if share >= NOTICEABLE else []


def overtopping_figures(run: Run) -> list[Indicator]:
    """What waves brought over sea defences."""
    defences = (run.result.flood_summary or {}).get("wave_overtopping", [])
    if not defences:
        return []
    length = sum(row["length_m"] for row in defences)
    most = max(row["greatest_l_s_m"] for row in defences)
    return [
        make("overtopping_volume", sum(row["volume_m3"] for row in defences), "m³", length=float(length)),
        make("overtopping_discharge", most, "l/s/m"),
    ]


def building_figures(run: Run) -> list[Indicator]:
    """Buildings, dwellings and people in water."""
    buildings = run.result.buildings
    if buildings is None or "max_water_depth" not in buildings:
        return []
    depth = buildings["max_water_depth"].to_numpy(dtype=np.float64)
    touched = depth > WET_DEPTH
    unknown = int(np.isnan(depth).sum())
    out = [
        make("buildings_touched", int(touched.sum()), "", total=len(depth), unknown=unknown, wet=WET_DEPTH)
    ]
    for key, value in zip(CLASS_KEYS, by_class(depth), strict=True):
        out.append(make(f"buildings_{key}", round(value), ""))
    arrival = (
        buildings["arrival_time"].to_numpy(dtype=np.float64) if "arrival_time" in buildings else np.zeros(0)
    )
    if touched.any() and np.isfinite(arrival).any():
        out.append(make("first_building_time", float(np.nanmin(arrival)) / 60, "min", wet=WET_DEPTH))
    dwellings = (
        np.nan_to_num(buildings["dwellings"].to_numpy(dtype=np.float64))
        if "dwellings" in buildings
        else np.zeros(1)
    )
    if dwellings.any():
        out.append(make("dwellings_touched", round(dwellings[touched].sum()), ""))
    people, how = people_in(buildings)
    if how:
        count = round(people[touched].sum())
        out.append(make("residents_in_water", count, "", method=f"method_{how}", people=PEOPLE_PER_DWELLING))
    return out


def road_figures(run: Run) -> list[Indicator]:
    """Roads cut."""
    roads = run.result.roads
    if roads is None or "max_water_depth" not in roads:
        return []
    if "drivable" in roads:
        roads = roads[roads["drivable"].astype(bool)]
    closure = run.result.closure_depth
    cut = roads[roads["max_water_depth"] >= closure]
    words: dict[str, Any] = {"closure": closure, "total": len(roads)}
    out = [
        make("roads_cut", len(cut), "", **words),
        make("roads_cut_length", float(cut.length.sum()) / 1000, "km", **words),
    ]
    if "cut_length_m" in roads:
        out.append(make("roads_under_water_length", float(cut["cut_length_m"].sum()) / 1000, "km", **words))
    first = cut["cut_from_s"].dropna()
    if len(first):
        at = first.idxmin()
        name = str(cut.loc[at, "name"]) if "name" in cut and pd.notna(cut.loc[at, "name"]) else ""
        out.append(make("first_road_cut_time", float(first.min()) / 60, "min", detail=name, **words))
    return out


def start_figures(run: Run) -> list[Indicator]:
    """What stands in the water of the start that counts as permanent: it is never told as touched or cut."""
    if run.max_depth is None or run.permanent_depth is None:
        return []
    standing = run.permanent_depth > WET_DEPTH
    if "mapped_water" in run.result.fields:
        standing &= ~(run.result.fields["mapped_water"].values > 0)
    buildings, roads, grid = run.result.buildings, run.result.roads, run.result.grid
    houses = streets = 0
    if buildings is not None and "max_water_depth" in buildings and standing.any():
        unknown = buildings.geometry[buildings["max_water_depth"].isna()]  # no land around them
        houses = int((depth_around(unknown.array, grid, standing) > 0).sum())
    if roads is not None and "max_water_depth" in roads and standing.any():
        lines = roads.geometry[level_of(roads) == 0]
        owner, cell, length = cells_on_lines(np.asarray(lines.array, dtype=object), grid)
        under = np.bincount(owner, length * standing.ravel()[cell], minlength=len(lines))
        streets = int((under > 0.5 * lines.length.to_numpy()).sum())
    if not houses + streets:
        return []
    return [make("start_under_water", houses + streets, "", buildings=houses, roads=streets, wet=WET_DEPTH)]


def district_figures(run: Run) -> list[Indicator]:
    """Polygons among the places (districts, communes) that water reaches, with their hectares.

    Facilities are none; nor are zones of demand where there are districts.
    """
    places = run.result.places
    if run.max_depth is None or places is None:
        return []
    others = ["facilities", "zones"] if (places["name"] == "districts").any() else ["facilities"]
    areas = places.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
    zones = places[areas & ~places["name"].isin(others)]
    if zones.empty:
        return []
    how = "method"
    if "flooded_m2" in zones:  # of a subgrid run
        how = "method_fine"
        flooded = zones["flooded_m2"].to_numpy(dtype=np.float64)
    else:
        grid = run.result.grid
        flooded = np.array([(grid.mask(p) & run.flooded).sum() for p in zones.geometry]) * grid.area_m2
    named = zip(flooded / 1e4, zones["label"].astype(str), strict=True)
    reached = [(hectares, label) for hectares, label in named if hectares > 0]
    reached.sort(reverse=True)
    detail = ", ".join(f"{label} {key_figure(hectares, digits=1)} ha" for hectares, label in reached)
    return [make("districts_touched", len(reached), "", method=how, detail=detail, total=len(zones))]
