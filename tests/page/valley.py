"""A made-up valley as a real run folder: what the page's tests open.

Not a simulation: the water level is prescribed along the river, so that every test knows the depth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from scipy.ndimage import gaussian_filter

from twin.features import WET_DEPTH, building_features, road_features
from twin.grid import Grid
from twin.results import Result
from twin.run_writer import RunWriter

START = "2026-10-12T06:00:00+02:00"
CRS = "EPSG:2154"
WEST, NORTH = 652_000.0, 6_862_500.0


def terrain(grid: Grid) -> np.ndarray:
    """A valley from west to east with hills, a terrace for the town and a river bed 3 m deep."""
    x, y = np.meshgrid(grid.x - grid.x.mean(), grid.y - grid.y.mean())
    axis = 120.0 * np.sin(x / 420.0)
    away = np.abs(y - axis)
    rough = gaussian_filter(np.random.default_rng(3).standard_normal(grid.shape), 9.0) * 60.0
    bed = (
        60.0 - 0.0012 * x + 0.011 * np.clip(away - 40, 0, None) + 26.0 / (1 + np.exp(-(away - 430.0) / 70.0))
    )
    bed += rough * np.clip((away - 200) / 300, 0.03, 1.0)
    return np.asarray(bed - 3.2 * np.exp(-((away / 26.0) ** 4)))


def write_run(
    path: Path,
    *,
    name: str = "Crue centennale",
    dike: bool = False,
    frames: int = 13,
    hours: float = 6.0,
    nx: int = 200,
    ny: int = 150,
    cell: float = 10.0,
    buildings: bool = True,
    roads: bool = True,
    places: bool = True,
    traffic: bool = True,
    holes: bool = False,
    velocity: bool = True,
    status: str = "complete",
    more: str = "",
    maximum: bool = True,
    load: float = 1.0,
    shut: int | None = None,
    until: float | None = None,
    roofs: np.ndarray | None = None,
) -> Result:
    """Write the folder; ``dike`` keeps the flood 0.9 m lower north of the river, 0.15 m higher south of it.

    Water flows along the river at 1 m/s. ``more`` is put at the end of scenario.toml. ``maximum``: whether
    the run kept its own; ``load`` multiplies traffic; ``shut``: a road closed to it at the third instant.
    ``until``: hours after which the run was stopped; ``roofs``: cells (ny, nx) that a building fills.
    """
    grid = Grid(CRS, WEST, NORTH, cell, ny, nx)
    bed = terrain(grid)
    x, y = np.meshgrid(grid.x - grid.x.mean(), grid.y - grid.y.mean())
    axis = 120.0 * np.sin(x / 420.0)
    times = np.linspace(0.0, hours * 3600.0, frames)
    rise = 3.4 * np.exp(-(((6.0 * times / (3600.0 * hours) - 3.2) / 1.5) ** 2))
    rise = rise - rise[0] if frames > 1 else rise
    if until is not None:
        times, rise = times[times <= 3600.0 * until], rise[times <= 3600.0 * until]
    lowered = np.where(y > axis + 30, 0.9, np.where(y < axis - 60, -0.15, 0.0)) if dike else np.zeros(x.shape)
    depths = []
    for r in rise:
        level = 60.0 - 0.0012 * x - 1.4 + np.clip(r - lowered * min(1.0, r), 0, None)
        depth = np.clip(level - bed, 0.0, None)
        depth[np.abs(y - axis) > 430] = 0.0
        depths.append(depth.astype(np.float32))
    if holes:
        bed[:20, :30] = np.nan
        for depth in depths:
            depth[:20, :30] = np.nan
    series = np.stack(depths)
    most = series.max(axis=0)
    measures = "" if not dike else '[[measures]]\nkind = "dike"\nalong = "rive_gauche"\ncrest = 61.5\n'
    writer = RunWriter.create(
        path,
        scenario_toml=f'name = "{name}"\nduration = {3600.0 * hours}\n'
        f'solvers = ["flood", "traffic"]\n{measures}' + more,
        grid=grid,
        times=list(times),
        start=START,
        variables=["water_depth", *(("velocity_x", "velocity_y") if velocity else ())],
        static={
            "bed_elevation": bed if roofs is None else np.where(roofs, bed + 8.0, bed),
            **({} if roofs is None else {"ground_elevation": bed}),
            "roughness": np.where(np.abs(y - axis) > 520, 0.15, 0.035),
            "building_fraction": np.zeros(grid.shape),
        },
    )
    for k, depth in enumerate(series):
        found = {"water_depth": depth}
        if velocity:
            slope = 120.0 / 420.0 * np.cos(x / 420.0)
            found["velocity_x"] = np.where(depth > 0.0, 1.0 / np.hypot(1.0, slope), 0.0)
            found["velocity_y"] = np.where(depth > 0.0, slope / np.hypot(1.0, slope), 0.0)
        writer.record(k, found)
    wet = series > 0.05
    arrival = np.where(wet.any(axis=0), times[wet.argmax(axis=0)], np.nan)
    if maximum:
        writer.record_run_fields({"max_water_depth": most, "arrival_time": arrival})
    town = _buildings(grid, axis, np.random.default_rng(11)) if buildings else None
    streets = _roads(grid) if roads else None
    if town is not None:
        writer.write_features(
            "features/buildings.gpkg",
            building_features(
                town, grid, max_depth=most, arrival_time=arrival, permanent=series[0] > WET_DEPTH
            ),
        )
    if streets is not None:
        writer.write_features(
            "features/roads.gpkg",
            road_features(
                streets,
                grid,
                max_depth=most,
                frames=zip(times, series, strict=True),
                permanent=series[0] > WET_DEPTH,
            ),
        )
    if places:
        writer.write_features("features/places.gpkg", _places(grid))
    if traffic and streets is not None:
        _traffic(writer, streets, times, load, shut)
    flooded = ((most > 0.05) & ~(series[0] > 0.05)).sum() * cell**2 / 1e4
    writer.write_table(
        "indicators.json",
        {
            "flooded_area": {
                "value": float(flooded),
                "unit": "ha",
                "label_fr": "Surface inondée",
                "label_en": "Flooded area",
                "method": "mailles de plus de 5 cm d'eau, hors eau de départ",
            },
            "buildings": {
                "value": 12 if dike else 57,
                "unit": "",
                "label_fr": "Bâtiments touchés",
                "label_en": "Buildings touched",
                "method": "plus de 5 cm au pied",
                "method_en": "more than 5 cm at the foot",
            },
        },
    )
    writer.write_table(
        "provenance.json",
        {
            "status": status,
            "versions": {"territorial-twin": "0.1.0", "numpy": np.__version__},
            "commit": "0123456789abcdef",
            "layers": {
                "terrain": {
                    "source": ["RGEALTI_0652_6863.asc"],
                    "edition": "2024",
                    "licence": "Etalab 2.0",
                    "crs": CRS,
                    "vertical_datum": "NGF-IGN69",
                }
            },
        },
    )
    writer.close()
    return Result.open(path)


def _buildings(grid: Grid, axis: np.ndarray, rng: np.random.Generator) -> gpd.GeoDataFrame:
    middle_x, middle_y = grid.x.mean(), grid.y.mean()
    shapes, heights = [], []
    while len(shapes) < 300:
        dx, side = rng.normal(0, 300), rng.choice([-1, 1])
        away = abs(rng.normal(0, 130)) + 55
        x, y = middle_x + dx, middle_y + 120 * np.sin(dx / 420) + side * away
        long, wide = rng.uniform(9, 26), rng.uniform(7, 14)
        angle = 0.3 * np.cos(dx / 420) + rng.normal(0, 0.12)
        box = shapely.affinity.rotate(
            shapely.box(x - long / 2, y - wide / 2, x + long / 2, y + wide / 2), angle, use_radians=True
        )
        if long > 22:
            box = box.union(shapely.affinity.translate(shapely.affinity.scale(box, 0.4, 1.6), 4, 6))
        if any(box.distance(other) < 3 for other in shapes):
            continue
        shapes.append(box)
        heights.append(rng.uniform(3, 12))
    n = len(shapes)
    return gpd.GeoDataFrame(
        {
            "building_id": [f"BATIMENT{k:06d}" for k in range(n)],
            "nature": "Indifférenciée",
            "use": ["Résidentiel", "Commercial et services"][0:1] * n,
            "height": heights,
            "floors": 2,
            "dwellings": 1,
            "light": False,
            "ground_elevation": np.nan,
        },
        geometry=shapes,
        crs=CRS,
    )


def _roads(grid: Grid) -> gpd.GeoDataFrame:
    xm, ym = grid.x.mean(), grid.y.mean()
    rows: list[dict[str, Any]] = []

    def add(points: list[tuple[float, float]], **more: Any) -> None:
        rows.append(
            {
                "road_id": f"TRONROUT{len(rows):06d}",
                "name": "",
                "nature": "Route à 1 chaussée",
                "importance": 5,
                "level": 0,
                "drivable": True,
                "geometry": shapely.LineString([(xm + px, ym + py) for px, py in points]),
            }
            | more
        )

    def bend(px: float) -> float:
        return float(120 * np.sin(px / 420))

    for offset, importance, name in (
        (180, 3, "Rue de la République"),
        (-170, 4, "Quai des Tanneurs"),
        (320, 4, "Route de Rouen"),
        (-300, 5, "Rue du Moulin"),
    ):
        for x0 in range(-900, 900, 200):
            add([(px, bend(px) + offset) for px in range(x0, x0 + 201, 25)], importance=importance, name=name)
    for px in range(-800, 900, 200):
        add([(px, bend(px) + 180), (px, bend(px) + 320)])
        add([(px, bend(px) - 170), (px, bend(px) - 300)])
    for px in (-200, 400):
        add([(px, bend(px) - 170), (px, bend(px) - 60)], importance=3, name="Rue du Pont")
        add([(px, bend(px) - 60), (px, bend(px) + 60)], importance=3, name="Rue du Pont", level=1)
        add([(px, bend(px) + 60), (px, bend(px) + 180)], importance=3, name="Rue du Pont")
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)


def _places(grid: Grid) -> gpd.GeoDataFrame:
    xm, ym = float(grid.x.mean()), float(grid.y.mean())
    rows = [
        ("hopital", "Hôpital", "point", shapely.Point(xm + 250, ym + 260)),
        ("mairie", "Mairie <b>&", "point", shapely.Point(xm - 60, ym + 150)),
        ("ecole", "École Jules-Ferry", "point", shapely.Point(xm - 420, ym + 140)),
        (
            "rive_gauche",
            "Digue rive gauche",
            "line",
            shapely.LineString([(xm + px, ym + 120 * np.sin(px / 420) + 48) for px in range(-600, 601, 20)]),
        ),
    ]
    return gpd.GeoDataFrame(
        {"name": [r[0] for r in rows], "label": [r[1] for r in rows], "kind": [r[2] for r in rows]},
        geometry=[r[3] for r in rows],
        crs=CRS,
    )


def _traffic(
    writer: RunWriter, roads: gpd.GeoDataFrame, times: np.ndarray, load: float, shut: int | None
) -> None:
    links = gpd.GeoDataFrame(
        {"road_id": list(roads["road_id"]) * 2, "capacity": 900.0}, geometry=list(roads.geometry) * 2, crs=CRS
    )
    writer.write_features("traffic/links.gpkg", links)
    n = len(links)
    coupling = times[:: max(1, len(times) // 4)]
    writer.create_links(list(coupling), n, ["volume", "saturation", "closed"], START)
    base = np.where(np.tile(roads["importance"] == 3, 2), 700.0, 120.0)
    for k in range(len(coupling)):
        volume = load * base * (1 + 0.2 * k)
        closed = np.zeros(n)
        if shut is not None and k == 2:
            closed[shut] = 1.0
        writer.record_links(k, {"volume": volume, "saturation": volume / 900.0, "closed": closed})
    if shut is not None:
        road = links["road_id"].iloc[shut]
        decided = {"roads": [road], "start_s": coupling[2], "end_s": coupling[3], "vehicles": []}
        writer.write_table("traffic/closures.json", [decided])
    writer.write_table("traffic/summary.json", {"relative_gap": [1e-5] * len(coupling)})
