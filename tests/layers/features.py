"""Roads and buildings as BD TOPO v3 writes them, in GeoPackage and in shapefile."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

X, Y = 650000.0, 6860000.0


def line(*points: tuple[float, float], z: float = -1000.0) -> LineString:
    return LineString([(X + x, Y + y, z) for x, y in points])


def square(x: float, y: float, side: float = 10.0) -> Polygon:
    return Polygon(
        [(X + x, Y + y), (X + x + side, Y + y), (X + x + side, Y + y + side), (X + x, Y + y + side)]
    )


ROADS: list[dict[str, Any]] = [
    {
        "cleabs": "TRONROUT01", "nature": "Route à 1 chaussée", "nom_collaboratif_gauche": "RUE DE L'ÉGLISE",
        "importance": "4", "fictif": False,
        "position_par_rapport_au_sol": "0", "etat_de_l_objet": "En service",
        "nombre_de_voies": 2, "largeur_de_chaussee": 5.5, "sens_de_circulation": "Double sens",
        "vitesse_moyenne_vl": 45, "acces_vehicule_leger": "Libre", "geometry": line((0, 0), (100, 0)),
    },
    {
        "cleabs": "TRONROUT02", "nature": "Bretelle", "nom_collaboratif_gauche": None,
        "importance": "1", "fictif": False,
        "position_par_rapport_au_sol": "1", "etat_de_l_objet": "En service",
        "nombre_de_voies": 1, "largeur_de_chaussee": 3.5, "sens_de_circulation": "Sens inverse",
        "vitesse_moyenne_vl": 90, "acces_vehicule_leger": "A péage", "geometry": line((100, 0), (100, 50)),
    },
    {
        "cleabs": "TRONROUT03", "nature": "Sentier", "nom_collaboratif_gauche": "",
        "importance": "6", "fictif": False,
        "position_par_rapport_au_sol": "Gué ou radier",
        "etat_de_l_objet": "En service", "nombre_de_voies": None, "largeur_de_chaussee": None,
        "sens_de_circulation": "Sans objet", "vitesse_moyenne_vl": 0,
        "acces_vehicule_leger": "Physiquement impossible", "geometry": line((100, 0), (150, -50)),
    },
    {
        "cleabs": "TRONROUT04", "nature": "Route à 1 chaussée", "nom_collaboratif_gauche": "ALLÉE PRIVÉE",
        "importance": "5", "fictif": False,
        "position_par_rapport_au_sol": "-1", "etat_de_l_objet": "En projet",
        "nombre_de_voies": 2, "largeur_de_chaussee": 4.0, "sens_de_circulation": "Sens direct",
        "vitesse_moyenne_vl": 1, "acces_vehicule_leger": "Restreint aux ayants droit",
        "geometry": line((100, 50), (200, 50)),
    },
]  # fmt: skip

SHORT = {
    "cleabs": "ID", "nature": "NATURE", "nom_collaboratif_gauche": "NOM_1_G", "importance": "IMPORTANCE",
    "fictif": "FICTIF", "position_par_rapport_au_sol": "POS_SOL", "etat_de_l_objet": "ETAT",
    "nombre_de_voies": "NB_VOIES", "largeur_de_chaussee": "LARGEUR", "sens_de_circulation": "SENS",
    "vitesse_moyenne_vl": "VIT_MOY_VL", "acces_vehicule_leger": "ACCES_VL",
}  # fmt: skip

BUILDINGS: list[dict[str, Any]] = [
    {
        "cleabs": "BATIMENT01", "nature": "Indifférenciée", "usage_1": "Résidentiel",
        "construction_legere": False,
        "etat_de_l_objet": "En service", "nombre_de_logements": 3, "nombre_d_etages": 2, "hauteur": 6.4,
        "altitude_minimale_sol": 101.5, "geometry": square(0, 0),
    },
    {
        "cleabs": "BATIMENT02", "nature": "Eglise", "usage_1": "Religieux", "construction_legere": False,
        "etat_de_l_objet": "En service", "nombre_de_logements": None, "nombre_d_etages": 4, "hauteur": 0.0,
        "altitude_minimale_sol": -1000.0, "geometry": square(20, 0),
    },
    {
        "cleabs": "BATIMENT03", "nature": "Indifférenciée", "usage_1": "Annexe", "construction_legere": True,
        "etat_de_l_objet": "En service", "nombre_de_logements": 0, "nombre_d_etages": None, "hauteur": None,
        "altitude_minimale_sol": 102.0, "geometry": square(40, 0),
    },
    {
        "cleabs": "BATIMENT04", "nature": "Indifférenciée", "usage_1": "Annexe", "construction_legere": False,
        "etat_de_l_objet": "En projet", "nombre_de_logements": 0, "nombre_d_etages": None, "hauteur": 5.0,
        "altitude_minimale_sol": 102.0, "geometry": square(60, 0),
    },
]  # fmt: skip

SHORT_BUILDINGS = {
    "cleabs": "ID", "nature": "NATURE", "usage_1": "USAGE1", "construction_legere": "LEGER",
    "etat_de_l_objet": "ETAT", "nombre_de_logements": "NB_LOGTS", "nombre_d_etages": "NB_ETAGES",
    "hauteur": "HAUTEUR", "altitude_minimale_sol": "Z_MIN_SOL",
}  # fmt: skip


def frame(rows: list[dict[str, Any]], crs: str | None = "EPSG:2154") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)


def short(rows: list[dict[str, Any]], names: dict[str, str]) -> gpd.GeoDataFrame:
    """As the shapefiles of v3: short names, Oui/Non."""
    out = frame(rows).rename(columns=names)
    for name in ("FICTIF", "LEGER"):
        if name in out:
            out[name] = out[name].map({True: "Oui", False: "Non"})
    out["DATE_CREAT"] = "2006-11-22 12:22:15"
    return out


def write_gpkg(path: Path, layers: dict[str, gpd.GeoDataFrame]) -> Path:
    for name, data in layers.items():
        data.rename_geometry("geometrie").to_file(path, layer=name, driver="GPKG", engine="pyogrio")
    return path


def write_shp(
    path: Path,
    columns: dict[str, list[bytes]],
    geometries: list[BaseGeometry],
    *,
    prj: str | None = "EPSG:2154",
    cpg: str | None = None,
    width: int = 80,
    driver: int = 0,
) -> Path:
    """A shapefile whose texts are the bytes given (drivers would choose one encoding for us).

    driver : byte 29 of the .dbf, its code page.
    """
    rows = {"ROW": range(len(geometries))}
    gpd.GeoDataFrame(rows, geometry=geometries, crs=prj or "EPSG:2154").to_file(path, engine="pyogrio")
    for suffix in (".cpg", ".dbf") if prj else (".cpg", ".dbf", ".prj"):
        path.with_suffix(suffix).unlink(missing_ok=True)
    path.with_suffix(".dbf").write_bytes(_dbf(columns, width, driver))
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    return path


def _dbf(columns: dict[str, list[bytes]], width: int, driver: int) -> bytes:
    rows = len(next(iter(columns.values())))
    header_size, record_size = 32 + 32 * len(columns) + 1, 1 + width * len(columns)
    out = struct.pack("<BBBBIHH17xB2x", 3, 126, 11, 21, rows, header_size, record_size, driver)
    for name in columns:
        out += struct.pack("<11sc4xBB14x", name.encode("ascii"), b"C", width, 0)
    out += b"\r"
    for row in range(rows):
        out += b" " + b"".join(values[row][:width].ljust(width) for values in columns.values())
    return out + b"\x1a"
