"""OpenStreetMap extracts (.osm, .osm.pbf) as roads where BD TOPO is absent: ways → columns of BD TOPO v3.

Ways run through junctions: they are cut at every vertex that two share, which in OSM is where they are joined
(bridges share no node with what they cross). Tags: OSM wiki, keys highway, oneway, junction, maxspeed, lanes,
width, layer, bridge, tunnel, access. OSM data are under the ODbL: results that show them carry its
attribution.
"""

from __future__ import annotations

import csv
import itertools
import re
from functools import cache
from importlib import resources

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString

LICENCE = "ODbL 1.0, © OpenStreetMap contributors"
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
COLUMNS = frozenset({"osm_id", "highway", "name", "other_tags"})
MPH = 1.609344  # km in an international mile
# Speeds by the kind of place (OSM wiki, Key:maxspeed, France; code de la route R413-2 and -3).
ZONES = {"fr:urban": 50.0, "fr:rural": 80.0, "fr:motorway": 130.0, "fr:zone30": 30.0, "fr:zone:30": 30.0,
         "walk": 6.0}  # fmt: skip
CLOSED = ("no", "private", "agricultural", "forestry", "delivery", "permit", "military")


def is_osm(frame: pd.DataFrame) -> bool:
    """Whether the columns are those of GDAL's OSM driver."""
    return {"osm_id", "highway", "other_tags"} <= set(frame.columns)


@cache
def highways() -> dict[str, tuple[str, str, float]]:
    """Value of `highway` → nature of BD TOPO, importance, speed (km/h; 0: not for cars)."""
    content = resources.files("twin.layers").joinpath("tables/osm_highway.csv").read_text(encoding="utf-8")
    return {
        row["highway"]: (row["nature"], row["importance"], float(row["speed_km_h"]))
        for row in csv.DictReader(content.splitlines())
    }


def tags(text: object) -> dict[str, str]:
    """The tags that GDAL packs into one text: ``"a"=>"b","c"=>"d"``."""
    if not isinstance(text, str):
        return {}
    return {_plain(key): _plain(value) for key, value in _PAIR.findall(text)}


def _plain(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word)


def limit(value: str | None) -> float:
    """A speed limit in km/h; NaN where it says none that is known."""
    if not value:
        return float("nan")
    word = value.split(";")[0].strip().lower()
    if word in ZONES:
        return ZONES[word]
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?", word)
    if found is None:
        return float("nan")
    return float(found.group(1)) * (MPH if found.group(2) == "mph" else 1.0)


def number(value: str | None) -> float:
    """A number, a unit of metres allowed; NaN where there is none."""
    found = re.match(r"\s*(\d+(?:[.,]\d+)?)\s*(m|$|;)", value or "")
    return float(found.group(1).replace(",", ".")) if found else float("nan")


def as_bdtopo(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """OSM ways as `troncon_de_route`: those that are roads or paths, cut at their junctions."""
    known = highways()
    lines = frame[frame["highway"].isin(list(known))]
    cut = _cut(np.asarray(lines.geometry.array, dtype=object))
    rows = []
    for osm_id, kind, name, packed in zip(
        lines["osm_id"], lines["highway"], lines["name"], lines["other_tags"], strict=True
    ):
        rows.append(_row(str(osm_id), str(kind), name, tags(packed)))
    table = pd.DataFrame(rows, columns=list(_row("", "road", None, {})))
    pieces = [len(parts) for parts in cut]
    out = table.loc[np.repeat(np.arange(len(table)), pieces)].reset_index(drop=True)
    rank = np.concatenate([np.arange(n) for n in pieces]) if pieces else np.zeros(0, int)
    out["cleabs"] = [f"way/{way}/{n}" for way, n in zip(out["cleabs"], rank, strict=True)]
    shapes = [piece for parts in cut for piece in parts]
    return gpd.GeoDataFrame(out, geometry=gpd.GeoSeries(shapes, crs=frame.crs), crs=frame.crs)


def _row(osm_id: str, kind: str, name: object, more: dict[str, str]) -> dict[str, object]:
    nature, importance, usual = highways()[kind]
    roundabout = more.get("junction") in ("roundabout", "circular")
    oneway = more.get("oneway", "yes" if roundabout or kind == "motorway" else "no")
    stated = limit(more.get("maxspeed"))
    # A limit is what is allowed, not what is driven: taken where it is lower, else the usual speed.
    speed = usual if np.isnan(stated) else min(stated, usual)
    access = more.get("motor_vehicle", more.get("vehicle", more.get("access", "yes")))
    raised = more.get("bridge", "no") != "no" or more.get("tunnel", "no") != "no"
    layer = re.fullmatch(r"\s*([+-]?\d+)\s*", more.get("layer", ""))
    level = int(layer.group(1)) if layer and raised else 0
    if raised and level == 0:
        level = -1 if more.get("tunnel", "no") != "no" else 1
    lanes = number(more.get("lanes"))
    return {
        "cleabs": osm_id,
        "nature": "Rond-point" if roundabout else nature,
        "nom_collaboratif_gauche": name if isinstance(name, str) else None,
        "importance": importance,
        "nombre_de_voies": lanes,
        "largeur_de_chaussee": number(more.get("width")),
        "sens_de_circulation": {
            "yes": "Sens direct", "1": "Sens direct", "true": "Sens direct", "-1": "Sens inverse",
            "reverse": "Sens inverse",
        }.get(oneway, "Double sens"),
        "vitesse_moyenne_vl": speed,
        "acces_vehicule_leger": "Restreint aux ayants droit" if access in CLOSED else "Libre",
        "position_par_rapport_au_sol": str(level),
        "etat_de_l_objet": "En service",
    }  # fmt: skip


def _cut(lines: np.ndarray) -> list[list[shapely.Geometry]]:
    """Each line cut at the vertices that it shares with another, or meets twice itself."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    if not len(xy):
        return [[] for _ in lines]
    _, vertex = np.unique(xy, axis=0, return_inverse=True)
    vertex = vertex.ravel()
    uses = np.bincount(vertex)
    out: list[list[shapely.Geometry]] = []
    starts = np.searchsorted(owner, np.arange(len(lines) + 1))
    for k in range(len(lines)):
        a, b = starts[k], starts[k + 1]
        inner = np.flatnonzero(uses[vertex[a + 1 : b - 1]] > 1) + 1 if b - a > 2 else np.zeros(0, int)
        ends = [0, *inner.tolist(), b - a - 1]
        out.append([LineString(xy[a + i : a + j + 1]) for i, j in itertools.pairwise(ends) if j > i])
    return out
