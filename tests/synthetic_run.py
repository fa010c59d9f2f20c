"""A small run folder made by hand: a valley, a river, a town and a flood that comes and goes.

`write_run` goes through `twin.run_writer.RunWriter`, so what the pictures read is what a run writes.
Its size is a parameter: tests take a few thousand cells, a person who looks takes more.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from shapely.affinity import rotate
from shapely.geometry import LineString, Point, box

from twin.features import WET_DEPTH, building_features, road_features
from twin.grid import Grid
from twin.results import Result
from twin.run_writer import RunWriter

CRS = "EPSG:2154"
START = "2026-10-12T06:00:00+02:00"
SCENARIO = """\
name = "{name}"
territory = "valmont"
start = 2026-10-12T06:00:00+02:00
duration = {duration}
solvers = ["flood"]
"""


def _valley(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bed elevation and distance to the river (m), a river that winds from west to east."""
    x = (grid.x - grid.x[0])[None, :]
    y = (grid.y - grid.y[-1])[:, None]
    width = grid.nx * grid.cell
    centre = 0.45 * grid.ny * grid.cell + 0.12 * width * np.sin(2 * np.pi * x / (0.7 * width))
    away = np.abs(y - centre)
    floor = 12.0 - 2.0 * x / width + 0.0 * y
    channel = -3.5 * np.exp(-((away / 22.0) ** 2))
    plain = 0.004 * away + 1.2 * np.sin(x / 210.0) * np.sin(y / 170.0)
    sides = 38.0 / (1.0 + np.exp(-(away - 0.21 * width) / (0.035 * width)))
    relief = 2.5 * np.sin(x / 130.0 + y / 90.0) * sides / 38.0
    return floor + channel + plain + sides + relief, away


def _town(
    grid: Grid, bed: NDArray[np.float64], away: NDArray[np.float64]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    rng = np.random.default_rng(7)
    west, south, east, north = grid.bounds
    width, height = east - west, north - south
    x0, y0 = west + 0.28 * width, south + 0.25 * height
    block = 80.0
    n = max(2, int(0.42 * width / block))
    m = max(2, int(0.55 * height / block))
    lines, names, levels, importance = [], [], [], []
    for k in range(n + 1):
        for q in range(m):
            lines.append(
                LineString([(x0 + k * block, y0 + q * block), (x0 + k * block, y0 + (q + 1) * block)])
            )
            names.append(f"Rue {k + 1}")
            levels.append(0)
            importance.append(5)
    for q in range(m + 1):
        for k in range(n):
            lines.append(
                LineString([(x0 + k * block, y0 + q * block), (x0 + (k + 1) * block, y0 + q * block)])
            )
            names.append(f"Avenue {q + 1}")
            levels.append(0)
            importance.append(4)
    middle = x0 + n // 2 * block
    lines += [
        LineString([(middle, south + 5), (middle, y0)]),
        LineString([(middle, y0 + m * block), (middle, north - 5)]),
    ]
    names += ["D 12", "D 12"]
    levels += [0, 1]
    importance += [2, 2]
    roads = gpd.GeoDataFrame(
        {
            "road_id": [f"TRONROUT{k:010d}" for k in range(len(lines))],
            "name": names,
            "nature": ["Route à 1 chaussée"] * len(lines),
            "importance": importance,
            "level": levels,
            "drivable": [True] * len(lines),
        },
        geometry=lines,
        crs=CRS,
    )
    shapes, ground, use, tall = [], [], [], []
    for k in range(n):
        for q in range(m):
            for along in (14.0, 40.0, 66.0):
                for side in (15.0, 65.0):
                    if rng.random() < 0.15:
                        continue
                    x, y = x0 + k * block + along + rng.normal(0, 2), y0 + q * block + side
                    i, j = grid.index(x, y)
                    if not grid.inside(i, j) or away[i, j] < 35:
                        continue
                    a, b = rng.uniform(9, 17), rng.uniform(8, 13)
                    shapes.append(rotate(box(x - a / 2, y - b / 2, x + a / 2, y + b / 2), rng.normal(0, 4)))
                    ground.append(bed[i, j])
                    use.append("Résidentiel" if rng.random() < 0.8 else "Commercial et services")
                    tall.append(rng.choice([4.5, 6.0, 7.5, 9.0]))
    buildings = gpd.GeoDataFrame(
        {
            "building_id": [f"BATIMENT{k:010d}" for k in range(len(shapes))],
            "use": use,
            "height": tall,
            "dwellings": [1 if u == "Résidentiel" else 0 for u in use],
            "light": [False] * len(shapes),
            "ground_elevation": ground,
        },
        geometry=shapes,
        crs=CRS,
    )
    return buildings, roads


def write_run(
    path: Path,
    *,
    name: str = "Crue d'essai",
    ny: int = 60,
    nx: int = 90,
    cell: float = 10.0,
    frames: int = 7,
    rise: float = 4.0,
) -> Result:
    """Write a run folder and open it. `rise`: how far (m) the water rises above its first level."""
    grid = Grid(CRS, 651000.0, 6863000.0, cell, ny, nx)
    bed, away = _valley(grid)
    buildings, roads = _town(grid, bed, away)
    times = np.arange(frames) * 900.0
    phase = np.sin(np.pi * np.arange(frames) / max(frames - 1, 1)) ** 2
    valley = 12.0 - 2.0 * (grid.x - grid.x[0])[None, :] / (nx * cell)
    level = valley + (-1.8 + rise * phase)[:, None, None]
    depth = np.maximum(level - bed, 0.0).astype(np.float32)
    wet = depth > 0.05
    max_depth = depth.max(axis=0)
    arrival = np.where(wet.any(axis=0), times[wet.argmax(axis=0)], np.nan)
    speed = 0.25 * np.sqrt(max_depth) * (1 + 1.5 * np.exp(-((away / 60.0) ** 2)))
    column = np.digitize(speed, [0.2, 0.5])
    table = np.array([[1, 2, 3], [2, 2, 3], [3, 3, 4], [4, 4, 4]])
    hazard = np.where(max_depth > 0.05, table[np.digitize(max_depth, [0.5, 1.0, 2.0]), column], 0)

    writer = RunWriter.create(
        path,
        scenario_toml=SCENARIO.format(name=name, duration=float(times[-1])),
        grid=grid,
        times=times.tolist(),
        start=START,
        variables=["water_depth"],
        static={
            "bed_elevation": bed,
            "roughness": np.full(grid.shape, 0.035),
            "building_fraction": np.zeros(grid.shape),
        },
    )
    for k in range(frames):
        writer.record(k, {"water_depth": depth[k]})
    writer.record_run_fields(
        {
            "max_water_depth": max_depth,
            "max_water_level": np.where(max_depth > 0.05, bed + max_depth, np.nan),
            "max_velocity": speed,
            "arrival_time": arrival,
            "max_hazard_ppri": hazard,
        }
    )
    volume = depth.sum(axis=(1, 2), dtype=float) * grid.area_m2
    ledger = [
        [t, 1.0, 10 * k, volume[0], v, v - volume[0], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, int(w.sum()), 0.1 * k]
        for k, (t, v, w) in enumerate(zip(times, volume, wet, strict=True))
    ]
    writer.append("diagnostics.csv", ledger)
    j = nx // 2
    i = int(away[:, j].argmin())  # in the river
    writer.append(
        "gauges.csv",
        [
            [t, gauge, bed[r, c] + depth[k, r, c], depth[k, r, c], 0.3, 0.0]
            for k, t in enumerate(times)
            for gauge, r, c in (("pont_vieux", i, j), ("moulin", i + 5, j - 20))
        ],
    )
    writer.append("sections.csv", [[t, "pont", 40.0 + 260.0 * p] for t, p in zip(times, phase, strict=True)])
    writer.write_features(
        "features/buildings.gpkg",
        building_features(
            buildings, grid, max_depth=max_depth, arrival_time=arrival, permanent=depth[0] > WET_DEPTH
        ),
    )
    writer.write_features(
        "features/roads.gpkg",
        road_features(
            roads,
            grid,
            max_depth=max_depth,
            frames=zip(times.tolist(), depth, strict=True),
            permanent=depth[0] > WET_DEPTH,
        ),
    )
    west, south, east, north = grid.bounds
    cx, cy = 0.5 * (west + east), 0.5 * (south + north)
    first = buildings.geometry.iloc[len(buildings) // 3].representative_point()
    places = gpd.GeoDataFrame(
        {
            "name": ["hospital", "fire_station", "schools", "schools", "pont_vieux", "bridge_section"],
            "label": [
                "Hôpital",
                "Caserne de pompiers",
                "École Jules-Ferry",
                "École des Prés",
                "Pont Vieux",
                "Section",
            ],
            "kind": ["hospital", "fire_station", "school", "school", "gauge", "section"],
        },
        geometry=[
            first,
            Point(east - 40, north - 40),
            Point(float(grid.x[j]), float(grid.y[min(i + 3, ny - 1)])),
            Point(west + 60, north - 60),
            Point(float(grid.x[j]), float(grid.y[i])),
            LineString([(cx, cy - 60), (cx, cy + 60)]),
        ],
        crs=CRS,
    )
    writer.write_features("features/places.gpkg", places)
    writer.write_table(
        "provenance.json",
        {
            "status": "complete",
            "inputs": [
                {
                    "layer": "terrain",
                    "source": ["RGEALTI"],
                    "edition": "2024",
                    "licence": "Licence Ouverte 2.0",
                },
                {"layer": "roads", "source": ["BDTOPO.gpkg"], "edition": "2026-06-15", "licence": ""},
                {"layer": "series", "source": ["crue.csv"]},
            ],
        },
    )
    writer.close()
    return Result.open(path)
