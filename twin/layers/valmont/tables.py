"""The other BD TOPO v3 layers of Valmont (water, works, places of interest, commune) and lieux.gpkg."""

from __future__ import annotations

import itertools
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, box
from shapely.geometry.base import BaseGeometry

from twin.layers.valmont import buildings as town
from twin.layers.valmont.attributes import (
    CONFIRMED,
    CREATED,
    INSEE,
    POSTCODE,
    frame,
    key,
    road_width,
    with_height,
)
from twin.layers.valmont.buildings import Building
from twin.layers.valmont.columns import (
    BAN_COLUMNS,
    COMMUNE_COLUMNS,
    INTEREST_COLUMNS,
    REACH_COLUMNS,
    STREAM_COLUMNS,
    SURFACE_COLUMNS,
    WORK_COLUMNS,
)
from twin.layers.valmont.graph import Way
from twin.layers.valmont.plan import HAMLETS, MARGIN, QUARTERS
from twin.layers.valmont.terrain import HALF_TOP, Array, Land

RIVER_NAME: Final = "la Valserine du Mont"
_STATE: Final = {"etat_de_l_objet": "En service", "date_de_confirmation": CONFIRMED}
# key: (categorie, nature, nature_detaillee, kind for people, capacity: pupils, beds, staff …)
INTEREST: Final[dict[str, tuple[str, str, str | None, str, int]]] = {
    "church": ("Religieux", "Culte chrétien", "Eglise", "Église", 400),
    "town_hall": ("Administratif ou militaire", "Mairie", None, "Mairie", 45),
    "hospital": ("Santé", "Hôpital", "Centre hospitalier", "Hôpital", 180),
    "fire_station": ("Administratif ou militaire", "Caserne de pompiers", None, "Caserne de pompiers", 60),
    "school_ferry": ("Science et enseignement", "Enseignement primaire", "Ecole élémentaire", "École", 240),
    "school_pres": ("Science et enseignement", "Enseignement primaire", "Ecole élémentaire", "École", 190),
    "school_nicolas": ("Science et enseignement", "Enseignement primaire", "Ecole maternelle", "École", 95),
    "college": ("Science et enseignement", "Collège", None, "Collège", 480),
    "retirement_home": ("Santé", "Maison de retraite", "EHPAD", "EHPAD", 70),
    "gendarmerie": ("Administratif ou militaire", "Gendarmerie", None, "Gendarmerie", 22),
    "supermarket": ("Industriel et commercial", "Marché", "Supermarché", "Commerce", 85),
    "treatment_plant": ("Gestion des eaux", "Station d'épuration", None, "Station d'épuration", 4),
    "mill": ("Culture et loisirs", "Vestige archéologique", "Moulin", "Patrimoine", 3),
    "sports_hall": ("Sport", "Gymnase", None, "Gymnase", 300),
    "town_theatre": ("Culture et loisirs", "Salle de spectacle ou conférence", None, "Salle des fêtes", 250),
}
SCHOOLS: Final = ("school_ferry", "school_pres", "school_nicolas", "college")
JOBS: Final = {
    "vieux_bourg": 620,
    "bas_du_mail": 130,
    "gare": 260,
    "la_cote": 25,
    "saint_nicolas": 190,
    "les_pres": 70,
    "les_tilleuls": 540,
    "grands_champs": 880,
}


def _river_line(land: Land) -> Array:
    """Centreline (n, 3) with the bed, from edge to edge of the extent (and a little beyond), every 10 m."""
    r = land.river
    keep = np.flatnonzero((r.x >= -MARGIN) & (r.x <= 4000.0 + MARGIN))
    k = np.append(keep[::10], keep[-1]) if (keep.size - 1) % 10 else keep[::10]
    return np.asarray(np.round(np.column_stack([r.x[k], r.y[k], r.bed[k]]), 2), dtype=np.float64)


def hydrography(land: Land) -> dict[str, gpd.GeoDataFrame]:
    """Layers troncon_hydrographique, surface_hydrographique and cours_d_eau."""
    river = _river_line(land)
    lines = {RIVER_NAME: np.round(river, 1)} | {n: np.round(b[::3], 1) for n, b in land.brooks.items()}
    mouths = []
    for brook in list(lines.values())[1:]:
        k = int(np.argmin(np.hypot(*(lines[RIVER_NAME][:, :2] - brook[-1, :2]).T)))
        brook[-1] = lines[RIVER_NAME][k]  # the brook ends on a vertex of the river, where the river is cut
        mouths.append(k)
    cuts = [0, *sorted(mouths), len(river) - 1]
    reaches: list[tuple[str, Array]] = [
        (RIVER_NAME, lines[RIVER_NAME][a : b + 1]) for a, b in itertools.pairwise(cuts)
    ]
    reaches += [(name, line) for name, line in lines.items() if name != RIVER_NAME]
    extent = box(-MARGIN, -MARGIN, 4000.0 + MARGIN, 3000.0 + MARGIN)
    rows: list[dict[str, Any]] = []
    shapes: list[BaseGeometry] = []
    for name, line in reaches:
        inside = LineString(line).intersection(extent)
        part = max(shapely.get_parts(inside), key=lambda g: g.length)
        main = name == RIVER_NAME
        rows.append(
            {
                "cleabs": key("TRON_EAU", len(rows) + 1),
                "code_hydrographique": None,
                "code_du_pays": "FR",
                "nature": "Ecoulement naturel",
                "fictif": main,
                "position_par_rapport_au_sol": "0",
                **_STATE,
                "precision_planimetrique": 2.5,
                "precision_altimetrique": 1.0,
                "mode_d_obtention_des_coordonnees": "BDTopo",
                "mode_d_obtention_de_l_altitude": "BDAlti",
                "statut": "Validé",
                "persistance": "Permanent",
                "fosse": False,
                "navigabilite": False,
                "salinite": False,
                "numero_d_ordre": "2" if main else "1",
                "origine": "Naturel",
                "sens_de_l_ecoulement": "Sens direct",
                "reseau_principal_coulant": True,
                "trace_connu": True,
                "classe_de_largeur": "Entre 15 m et 50 m" if main else "Entre 0 m et 5 m",
                "cpx_toponyme_de_cours_d_eau": name,
                "liens_vers_cours_d_eau": key("COURDEAU", list(lines).index(name) + 1),
            }
        )
        shapes.append(part)
    troncons = frame(REACH_COLUMNS, rows, shapes)
    for column in ("fictif", "fosse", "navigabilite", "salinite", "reseau_principal_coulant", "trace_connu"):
        troncons[column] = troncons[column].astype(bool)
    flat = LineString(river[:, :2]).buffer(HALF_TOP, cap_style="flat").simplify(0.2)
    surface = shapely.force_3d(_polygons(flat), z=-1000.0)
    water = frame(
        SURFACE_COLUMNS,
        [
            {
                "cleabs": key("SURF_EAU", 1),
                "code_du_pays": "FR",
                "nature": "Ecoulement naturel",
                "position_par_rapport_au_sol": "0",
                **_STATE,
                "precision_planimetrique": 2.5,
                "precision_altimetrique": 9999.0,
                "statut": "Validé",
                "persistance": "Permanent",
                "salinite": False,
                "origine": "Naturel",
                "liens_vers_cours_d_eau": key("COURDEAU", 1),
                "cpx_toponyme_de_cours_d_eau": RIVER_NAME,
            }
        ],
        [surface],
    )
    water["salinite"] = water["salinite"].astype(bool)
    rows = [
        {
            "cleabs": key("COURDEAU", k + 1),
            "toponyme": name,
            "statut_du_toponyme": "Collecté",
            "importance": "3" if k == 0 else "5",
            "date_de_confirmation": CONFIRMED,
            "statut": "Validé",
            "influence_de_la_maree": False,
            "caractere_permanent": True,
        }
        for k, name in enumerate(lines)
    ]
    parts = [
        MultiLineString(
            [LineString(s.coords) for s, (n, _) in zip(shapes, reaches, strict=True) if n == name]
        )
        for name in lines
    ]
    streams = frame(STREAM_COLUMNS, rows, parts)
    for column in ("influence_de_la_maree", "caractere_permanent"):
        streams[column] = streams[column].astype(bool)
    return {"troncon_hydrographique": troncons, "surface_hydrographique": water, "cours_d_eau": streams}


def works(land: Land, ways: list[Way]) -> dict[str, gpd.GeoDataFrame]:
    """Layers construction_lineaire (bridges, quay walls) and ligne_orographique (the levee)."""
    rows: list[dict[str, Any]] = []
    shapes: list[BaseGeometry] = []

    def add(nature: str, name: str | None, line: LineString) -> None:
        rows.append(
            {
                "cleabs": key("CONSLINE", len(rows) + 1),
                "nature": nature,
                "toponyme": name,
                "importance": "4",
                **_STATE,
                "statut_du_toponyme": "Collecté" if name else None,
                "methode_d_acquisition_planimetrique": "Photogrammétrie",
                "precision_planimetrique": 1.5,
                "methode_d_acquisition_altimetrique": "Photogrammétrie",
                "precision_altimetrique": 1.0,
            }
        )
        shapes.append(line)

    for way in ways:
        if way.level > 0:
            add("Pont", way.name, with_height(land, way))
    for brook in land.brooks.values():
        line = LineString(brook[:, :2])
        for way in ways:
            if way.kind != "path" and way.level == 0 and way.line.crosses(line):
                for point in shapely.get_parts(way.line.intersection(line)):
                    s = way.line.project(point)
                    c = np.array([way.line.interpolate(max(s + d, 0.0)).coords[0][:2] for d in (-4.0, 4.0)])
                    z = float(land.sample(c[:, 0], c[:, 1]).max()) + 0.4
                    if shapely.length(LineString(c)) > 1.0:
                        add("Pont", None, LineString(np.column_stack([np.round(c, 1), [round(z, 1)] * 2])))
    structures = frame(WORK_COLUMNS, rows, shapes)
    dike = np.round(land.dike[::5], 1)
    rows = []
    rows.append(
        {
            "cleabs": key("LIGNOROG", 1),
            "nature": "Levée",
            "toponyme": "Levée du Faubourg",
            "statut_du_toponyme": "Collecté",
            "importance": "5",
            **_STATE,
            "precision_planimetrique": 1.5,
            "precision_altimetrique": 0.5,
        }
    )
    levee = frame(WORK_COLUMNS, rows, [LineString(dike)])
    return {"construction_lineaire": structures, "ligne_orographique": levee}


def interest(public: dict[str, Building], ways: list[Way]) -> gpd.GeoDataFrame:
    """Layer zone_d_activite_ou_d_interet: grounds of the public buildings, and the business zone."""
    roads = shapely.union_all([w.line.buffer(0.5 * road_width(w) + 1.0) for w in ways if w.kind != "path"])
    rows: list[dict[str, Any]] = []
    shapes: list[BaseGeometry] = []
    for name, building in public.items():
        category, nature, detail, _, _ = INTEREST[name]
        ground = building.footprint.convex_hull.buffer(10.0, join_style="mitre").difference(roads)
        ground = max(shapely.get_parts(ground), key=lambda g: g.intersection(building.footprint).area)
        rows.append(
            {
                "cleabs": key("SURFACTI", len(rows) + 1),
                "categorie": category,
                "nature": nature,
                "nature_detaillee": detail,
                "toponyme": building.name,
                "statut_du_toponyme": "Collecté",
                "importance": "4",
                "fictif": False,
                **_STATE,
                "methode_d_acquisition_planimetrique": "Vectorisation du plan cadastral",
                "precision_planimetrique": 2.5,
            }
        )
        shapes.append(MultiPolygon([shapely.set_precision(ground, 0.1)]))
    zone = QUARTERS[-1]
    rows.append(
        {
            **rows[0],
            "cleabs": key("SURFACTI", len(rows) + 1),
            "categorie": "Industriel et commercial",
            "nature": "Zone industrielle",
            "nature_detaillee": None,
            "toponyme": zone.name,
        }
    )
    shapes.append(MultiPolygon([zone.polygon]))
    table = frame(INTEREST_COLUMNS, rows, shapes)
    table["fictif"] = table["fictif"].astype(bool)
    return table


def _polygons(geometry: BaseGeometry) -> MultiPolygon:
    """The polygons of an overlay, without the lines and points of shared edges."""
    return MultiPolygon([p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon"])


def quarters(built: list[Building]) -> gpd.GeoDataFrame:
    """Polygons that share out the extent, with the inhabitants, dwellings and jobs within each."""
    whole = box(0.0, 0.0, 4000.0, 3000.0)
    zones: list[tuple[str, str, Any, int]] = [(q.key, q.name, q.polygon, JOBS[q.key]) for q in QUARTERS]
    taken = shapely.union_all([z[2] for z in zones])
    for name, (place, radius) in HAMLETS.items():
        zones.append(
            (
                name.lower().replace(" ", "_").replace("-", "_"),
                name,
                Point(place).buffer(1.8 * radius, quad_segs=8).difference(taken),
                8,
            )
        )
    taken = shapely.union_all([z[2] for z in zones])
    middle = 1430.0
    zones.append(
        ("ecarts_rive_droite", "Écarts de la rive droite", box(0, 0, 4000, middle).difference(taken), 25)
    )
    zones.append(
        ("ecarts_rive_gauche", "Écarts de la rive gauche", box(0, middle, 4000, 3000).difference(taken), 25)
    )
    left = whole
    shapes = []
    for _, _, shape, _ in zones:  # a partition: what two outlines share goes to the first
        shapes.append(_polygons(left.intersection(shape)))
        left = left.difference(shape)
    centres = [b.footprint.centroid for b in built]
    owner = np.array([int(np.argmin(shapely.distance(shapes, centre))) for centre in centres])
    people = town.inhabitants(built)
    dwellings = np.array([b.dwellings for b in built])
    rows = [
        {
            "code": f"{k + 1:02d}",
            "cle": name,
            "nom": label,
            "population": int(people[owner == k].sum()),
            "logements": int(dwellings[owner == k].sum()),
            "emplois": jobs,
        }
        for k, (name, label, _, jobs) in enumerate(zones)
    ]
    table = frame(("code", "cle", "nom", "population", "logements", "emplois"), rows, shapes)
    for column in ("population", "logements", "emplois"):
        table[column] = table[column].astype("int32")
    return table


def commune(population: int) -> gpd.GeoDataFrame:
    """Layer commune: the extent."""
    row = {
        "cleabs": key("COMMUNE_", 1),
        "code_insee": INSEE,
        "code_insee_de_l_arrondissement": "952",
        "code_insee_de_la_collectivite_terr": "95D",
        "code_insee_du_departement": "95",
        "code_insee_de_la_region": "11",
        "population": population,
        "surface_en_ha": 1200,
        "date_de_confirmation": CONFIRMED,
        "code_postal": POSTCODE,
        "nom_officiel": "Valmont",
        "chef_lieu_d_arrondissement": False,
        "chef_lieu_de_collectivite_terr": False,
        "chef_lieu_de_departement": False,
        "chef_lieu_de_region": False,
        "capitale_d_etat": False,
        "organisme_recenseur": "INSEE",
    }
    table = frame(COMMUNE_COLUMNS, [row], [MultiPolygon([box(0.0, 0.0, 4000.0, 3000.0)])])
    for column in COMMUNE_COLUMNS:
        if column.startswith("chef_lieu_d") or column == "capitale_d_etat":
            table[column] = table[column].astype(bool)
    return table


def turn_bans(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Layer non_communication: from the faubourg's main street no turn into its first side street."""
    main = "RUE DU FAUBOURG SAINT-NICOLAS"
    ends: dict[tuple[float, float], list[tuple[str, str]]] = {}
    for identifier, name, line in zip(
        roads["cleabs"], roads["nom_collaboratif_gauche"], roads.geometry, strict=True
    ):
        for k in (0, -1):
            ends.setdefault(line.coords[k][:2], []).append((identifier, str(name)))
    for point in sorted(ends, key=lambda p: p[1]):
        coming = sorted(c for c, name in ends[point] if name == main)
        going = sorted(c for c, name in ends[point] if name != main and name.startswith("RUE"))
        if len(coming) == 2 and going:
            row = {
                "cleabs": key("NON_COMM", 1),
                "lien_vers_troncon_entree": coming[0],
                "liens_vers_troncon_sortie": going[0],
            }
            table = pd.DataFrame([row], columns=list(BAN_COLUMNS))
            table["date_creation"] = pd.Series([CREATED]).astype("datetime64[ms]")
            return gpd.GeoDataFrame(
                table, geometry=gpd.GeoSeries([Point(point)], crs="EPSG:2154")
            ).rename_geometry("geometrie")
    raise RuntimeError(f"{main} has no side street")


def facilities(public: dict[str, Building]) -> dict[str, gpd.GeoDataFrame]:
    """Layers ecoles and etablissements of lieux.gpkg: one point for each, with its kind and capacity."""
    tables = {}
    for layer, keys in (
        ("ecoles", SCHOOLS),
        ("etablissements", tuple(k for k in public if k not in SCHOOLS)),
    ):
        rows = [
            {"cle": k, "nom": public[k].name, "nature": INTEREST[k][3], "capacite": INTEREST[k][4]}
            for k in keys
        ]
        tables[layer] = frame(
            ("cle", "nom", "nature", "capacite"),
            rows,
            [public[k].footprint.representative_point() for k in keys],
        )
        tables[layer]["capacite"] = tables[layer]["capacite"].astype("int32")
    return tables
