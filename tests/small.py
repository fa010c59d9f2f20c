"""A small territory of three files, made where a test wants it."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin

X, Y, CELL, NY, NX = 650_000.0, 6_860_400.0, 10.0, 40, 60

TERRITORY = """\
name = "Small"
crs = "EPSG:2154"
[layers.terrain]
source = "terrain.tif"
[layers.roads]
source = "bdtopo.gpkg"
layer = "troncon_de_route"
[layers.buildings]
source = "bdtopo.gpkg"
layer = "batiment"
[places]
middle = [650305.0, 6860205.0]
across = { line = [[650305.0, 6860398.0], [650305.0, 6860002.0]] }
west_edge = { line = [[650000.0, 6860000.0], [650000.0, 6860400.0]] }
bank = { line = [[650405.0, 6860400.0], [650405.0, 6860000.0]] }
[places.pool]
polygon = [[650000.0, 6860000.0], [650100.0, 6860000.0], [650100.0, 6860400.0], [650000.0, 6860400.0]]
[places.zones]
source = "zones.gpkg"
"""

SCENARIO = """\
name = "Small flood"
territory = "territory.toml"
resolution = "native"
start = 2026-10-12T06:00:00+02:00
duration = "10 min"
solvers = ["flood", "traffic"]
[params.traffic]
every = "5 min"
[[events]]
kind = "inflow"
at = "middle"
discharge = "hydrograph.csv"
[[events]]
kind = "rainfall"
intensity = "20 mm/h"
duration = "4 min"
[[events]]
kind = "demand"
zones = "zones"
weight = "inhabitants"
trips_per_person = 0.5
mean_time = "2 min"
[boundaries]
east = "open"
[outputs]
every = "2 min"
gauges = ["middle"]
gauges_every = "1 min"
sections = ["across"]
"""


def bed() -> np.ndarray:
    """A tilted, bumpy plain, shape (NY, NX) (m)."""
    j, i = np.meshgrid(np.arange(NX), np.arange(NY))
    return 100.0 - 0.002 * CELL * j + 0.4 * np.sin(i / 5.0) * np.cos(j / 7.0) + 0.02 * np.abs(i - NY / 2)


def make(folder: Path) -> Path:
    """Write the territory and its scenario; returns the scenario file."""
    folder.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        folder / "terrain.tif",
        "w",
        driver="GTiff",
        height=NY,
        width=NX,
        count=1,
        dtype="float64",
        crs="EPSG:2154",
        transform=from_origin(X, Y, CELL, CELL),
        nodata=-9999,
    ) as raster:
        raster.write(bed(), 1)
    _write_bdtopo(folder / "bdtopo.gpkg")
    zones = gpd.GeoDataFrame(
        {"nom": ["Ouest", "Est", "Sud"], "inhabitants": [200, 300, 100]},
        geometry=[
            shapely.Point(X + 60, Y - 100),
            shapely.Point(X + 540, Y - 100),
            shapely.Point(X + 300, Y - 350),
        ],
        crs="EPSG:2154",
    )
    zones.to_file(folder / "zones.gpkg", driver="GPKG")
    (folder / "territory.toml").write_text(TERRITORY, encoding="utf-8")
    (folder / "hydrograph.csv").write_text(
        "time_s,discharge_m3_s\n0,0\n120,20\n360,20\n600,2\n", encoding="utf-8"
    )
    file = folder / "scenario.toml"
    file.write_text(SCENARIO, encoding="utf-8")
    return file


def _write_bdtopo(path: Path) -> None:
    xs, ys = [X + 50, X + 300, X + 550], [Y - 100, Y - 200, Y - 350]
    lines = [
        shapely.LineString([(xs[a], ys[c]), (xs[b], ys[d])])
        for c in range(3)
        for d in range(3)
        for a in range(3)
        for b in range(3)
        if (a, c) < (b, d) and (abs(a - b) + abs(c - d) == 1)
    ]
    n = len(lines)
    roads = gpd.GeoDataFrame(
        {
            "cleabs": [f"TRONROUT{k:016d}" for k in range(n)],
            "nature": "Route à 1 chaussée",
            "nom_collaboratif_gauche": [f"Rue {k}" for k in range(n)],
            "importance": "4",
            "fictif": False,
            "position_par_rapport_au_sol": "0",
            "etat_de_l_objet": "En service",
            "nombre_de_voies": 2,
            "largeur_de_chaussee": 6.0,
            "prive": False,
            "sens_de_circulation": "Double sens",
            "vitesse_moyenne_vl": 50,
            "acces_vehicule_leger": "Libre",
        },
        geometry=lines,
        crs="EPSG:2154",
    )
    roads.to_file(path, layer="troncon_de_route", driver="GPKG")
    corners = [(X + 100 + 60 * k, Y - 160) for k in range(6)]
    buildings = gpd.GeoDataFrame(
        {
            "cleabs": [f"BATIMENT{k:016d}" for k in range(6)],
            "nature": "Indifférenciée",
            "usage_1": "Résidentiel",
            "usage_2": None,
            "construction_legere": False,
            "etat_de_l_objet": "En service",
            "nombre_de_logements": 2,
            "nombre_d_etages": 2,
            "hauteur": 6.5,
            "altitude_minimale_sol": 100.0,
        },
        geometry=[shapely.box(x, y, x + 20, y + 20) for x, y in corners],
        crs="EPSG:2154",
    )
    buildings.to_file(path, layer="batiment", driver="GPKG")
