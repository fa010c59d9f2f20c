"""Writes data/valmont: tiles, GeoPackages, base flow, hydrograph and territory.toml;
the same content each time.

python -m twin.layers.valmont.write data/valmont
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

from twin.layers.valmont import attributes, buildings, cover, streets, tables, terrain, water
from twin.layers.valmont.terrain import CELL, ORIGIN, Array, Land

TILE = "RGEALTI/RGEALTI_FXX_0650_6865_MNT_LAMB93_IGN69.asc"
DATE = "2026-09-21T00:00:00.000Z"  # of the files, instead of the clock's


@contextmanager
def _fixed_date() -> Iterator[None]:
    """GDAL dates a GeoPackage by the clock unless told otherwise."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": DATE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def write_tile(path: Path, values: Array) -> None:
    """An RGE ALTI tile as IGN writes it: cell centres on round coordinates, two decimals, no CRS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    west, north = ORIGIN[0] - CELL / 2, ORIGIN[1] + 5000.0 + CELL / 2
    south = north - CELL * values.shape[0]
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"ncols        {values.shape[1]}\nnrows        {values.shape[0]}\n")
        file.write(f"xllcorner    {west:.12f}\nyllcorner    {south:.12f}\n")
        file.write(f"cellsize     {CELL:.12f}\nNODATA_value  -99999.00\n")
        for row in values:
            file.write(" " + " ".join(f"{v:.2f}" for v in row) + "\n")


def write_layers(path: Path, layers: dict[str, gpd.GeoDataFrame]) -> None:
    """One GeoPackage, geometry column `geometrie`, written whole under another name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.unlink(missing_ok=True)
    with _fixed_date():
        for name, table in layers.items():
            pyogrio.write_dataframe(
                table,
                temporary,
                layer=name,
                driver="GPKG",
                append=temporary.exists(),
                layer_options={"GEOMETRY_NAME": "geometrie", "FID": "fid", "SPATIAL_INDEX": "YES"},
            )
    temporary.replace(path)


def land_cover(rows: list[tuple[str, str, BaseGeometry]]) -> gpd.GeoDataFrame:
    """Layer occupation_du_sol of OCSGE.gpkg, columns as in the product."""
    table = pd.DataFrame(
        [
            {
                "id": f"OCSGE{650000000 + k:015d}",
                "code_cs": code,
                "code_us": use,
                "millesime": "2024",
                "source": "Valmont (inventé)",
                "ossature": 1 if code == "CS1.1.1.2" and use == "US4.1.1" else 0,
                "id_origine": None,
                "code_or": None,
            }
            for k, (code, use, _) in enumerate(rows, start=1)
        ]
    )
    table["ossature"] = table["ossature"].astype("int32")
    shapes = attributes.to_lambert([r[2] for r in rows])
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs="EPSG:2154")).rename_geometry(
        "geometrie"
    )


def _at(x: float, y: float) -> str:
    return f"[{x + ORIGIN[0]:.1f}, {y + ORIGIN[1]:.1f}]"


def _section(land: Land, east: float, left: float, right: float, shift: float = 0.0) -> str:
    """A line from the left bank to the right, square to the river at local X = east, `shift` m downstream.

    It is `left` m and `right` m long on each side of the centreline.
    """
    x, y, angle = land.river.at(east)
    x, y = x + shift * np.cos(angle), y + shift * np.sin(angle)
    across = (-np.sin(angle), np.cos(angle))
    ends = [(x - right * across[0], y - right * across[1]), (x + left * across[0], y + left * across[1])]
    return f"line = [{_at(*ends[1])}, {_at(*ends[0])}]"


def territory(land: Land, public: dict[str, buildings.Building]) -> str:
    """The text of territory.toml."""

    def point(key: str) -> str:
        p = public[key].footprint.representative_point()
        return f"{key} = {_at(p.x, p.y)}"

    gauge = land.river.at(2270.0)
    old, new = land.river.at(terrain.OLD_BRIDGE), land.river.at(terrain.NEW_BRIDGE)
    dike = shapely.LineString(land.dike[:, :2]).simplify(0.5)
    line = ",\n    ".join(_at(x, y) for x, y in dike.coords)
    layers = "\n".join(
        f'[layers.{name}]\nsource = "{source}"\nlayer = "{layer}"'
        for name, source, layer in (
            ("roads", "BDTOPO.gpkg", "troncon_de_route"),
            ("turn_bans", "BDTOPO.gpkg", "non_communication"),
            ("buildings", "BDTOPO.gpkg", "batiment"),
            ("land_cover", "OCSGE.gpkg", "occupation_du_sol"),
            ("hydrography", "BDTOPO.gpkg", "troncon_hydrographique"),
            ("water_surfaces", "BDTOPO.gpkg", "surface_hydrographique"),
            ("structures", "BDTOPO.gpkg", "construction_lineaire"),
            ("facilities", "BDTOPO.gpkg", "zone_d_activite_ou_d_interet"),
            ("districts", "lieux.gpkg", "quartiers"),
        )
    )
    return f"""\
# Valmont: a town that does not exist, in the formats of IGN. See README.md.
# Written by `python -m twin.layers.valmont.write`: change the generator, not this file.
name = "Valmont"
crs = "EPSG:2154"
vertical_datum = "NGF-IGN69"
extent = [650000, 6860000, 654000, 6863000]

[layers.terrain]
source = "RGEALTI/*.asc"
edition = "Valmont 2026-09"
{layers}

[places]
{point("hospital")}
{point("fire_station")}
{point("town_hall")}
{point("retirement_home")}
mill_gauge = {_at(gauge[0], gauge[1])}            # in the river, between the bridges
old_bridge_deck = {_at(old[0], old[1])}       # on the decks: to close a bridge
new_bridge_deck = {_at(new[0], new[1])}
[places.river_in]                                 # across the channel
{_section(land, 12.0, 13.0, 13.0)}
[places.river_out]                                # across the flood plain
{_section(land, 3985.0, 330.0, 290.0)}
[places.old_bridge]                               # the river at each bridge, from the levee to the right bank
{_section(land, terrain.OLD_BRIDGE, 33.0, 60.0, -12.0)}
[places.new_bridge]
{_section(land, terrain.NEW_BRIDGE, 36.0, 92.0, -15.0)}
[places.left_bank]                                # the levee of the left bank
line = [
    {line},
]
[places.schools]
source = "lieux.gpkg"
layer = "ecoles"
[places.facilities]
source = "lieux.gpkg"
layer = "etablissements"
where = "cle NOT IN ('hospital', 'fire_station', 'town_hall', 'retirement_home')"
[places.quarters]
source = "lieux.gpkg"
layer = "quartiers"
"""


def write(directory: Path) -> None:
    """Everything that the generator makes, into a folder (README, explore.py and scenarios stay as they
    are).
    """
    land = terrain.build()
    ways = streets.build(land)
    built, public = buildings.build(land, ways)
    directory.mkdir(parents=True, exist_ok=True)
    write_tile(directory / TILE, land.terrain)
    quarters = tables.quarters(built)
    segments = attributes.roads(land, ways)
    write_layers(
        directory / "BDTOPO.gpkg",
        {
            "troncon_de_route": segments,
            "non_communication": tables.turn_bans(segments),
            "batiment": attributes.buildings(land, built),
            **tables.hydrography(land),
            **tables.works(land, ways),
            "zone_d_activite_ou_d_interet": tables.interest(public, ways),
            "commune": tables.commune(int(quarters["population"].sum())),
        },
    )
    write_layers(directory / "OCSGE.gpkg", {"occupation_du_sol": land_cover(cover.build(land, ways, built))})
    write_layers(directory / "lieux.gpkg", {**tables.facilities(public), "quartiers": quarters})
    (directory / "territory.toml").write_text(territory(land, public), encoding="utf-8", newline="\n")
    scenarios = directory / "scenarios"
    scenarios.mkdir(exist_ok=True)
    rows = "".join(f"{t:.0f},{q:.2f}\n" for t, q in water.hydrograph())
    (scenarios / "crue_centennale.csv").write_text(
        "time_s,discharge_m3_s\n" + rows, encoding="utf-8", newline="\n"
    )
    depth = water.base_depth(land)
    transform = Affine(CELL, 0.0, ORIGIN[0] - CELL / 2, 0.0, -CELL, ORIGIN[1] + 5000.0 + CELL / 2)
    with rasterio.open(
        scenarios / "etiage.tif",
        "w",
        driver="GTiff",
        height=depth.shape[0],
        width=depth.shape[1],
        count=1,
        dtype="float32",
        crs="EPSG:2154",
        transform=transform,
        compress="deflate",
        predictor=3,
        tiled=True,
    ) as file:
        file.write(depth.astype(np.float32), 1)
        file.set_band_description(1, "water_depth")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
