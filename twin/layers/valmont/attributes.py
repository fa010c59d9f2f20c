"""BD TOPO v3 attribute tables of Valmont: the full column lists of the product, with plausible values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from twin.layers.valmont.buildings import Building
from twin.layers.valmont.columns import BUILDING_COLUMNS, ROAD_COLUMNS
from twin.layers.valmont.graph import Way
from twin.layers.valmont.plan import in_core, quarter_of
from twin.layers.valmont.terrain import ORIGIN, SEED, Land, valley_floor

INSEE: Final = "95999"  # invented: no commune has it
POSTCODE: Final = "95999"
CREATED: Final = pd.Timestamp("2019-03-18 10:12:04.112")
MODIFIED: Final = pd.Timestamp("2026-06-02 08:30:11.000")
CONFIRMED: Final = pd.Timestamp("2026-05-11")

# kind: (nature, importance, lanes, width m, km/h in town, km/h outside, access)
ROAD_KINDS: Final[dict[str, tuple[str, str, int | None, float | None, int, int, str]]] = {
    "ring": ("Route à 1 chaussée", "2", 2, 7.0, 65, 70, "Libre"),
    "roundabout": ("Rond-point", "2", 1, 6.0, 30, 30, "Libre"),
    "main": ("Route à 1 chaussée", "3", 2, 6.5, 38, 72, "Libre"),
    "street": ("Route à 1 chaussée", "5", 2, 5.0, 28, 30, "Libre"),
    "lane": ("Route à 1 chaussée", "5", 1, 4.0, 30, 45, "Libre"),
    "track": ("Chemin", "6", None, None, 1, 1, "Restreint aux ayants droit"),
    "path": ("Sentier", "6", None, None, 0, 0, "Physiquement impossible"),
}
_NAMES: Final = [
    "Victor-Hugo",
    "Gambetta",
    "Pasteur",
    "Jean-Jaurès",
    "du Maréchal-Foch",
    "de la République",
    "Carnot",
    "Voltaire",
    "Jean-Moulin",
    "Pierre-Curie",
    "Émile-Zola",
    "des Acacias",
    "des Tilleuls",
    "des Marronniers",
    "des Érables",
    "des Bouleaux",
    "des Lilas",
    "des Glycines",
    "des Rosiers",
    "des Jonquilles",
    "des Bleuets",
    "des Saules",
    "des Peupliers",
    "des Aulnes",
    "du Pré-Long",
    "du Clos",
    "des Jardins",
    "du Verger",
    "de la Prairie",
    "des Libellules",
    "du Héron",
    "du Martin-Pêcheur",
    "des Vignes",
    "de la Côte",
    "du Belvédère",
    "de Bellevue",
    "des Carrières",
    "du Moulin-à-Vent",
    "de la Croix-Blanche",
    "du Calvaire",
    "des Sources",
    "du Lavoir",
    "de la Fontaine",
    "du Stade",
    "des Sports",
    "des Écoles",
    "de la Gare",
    "de l'Abattoir",
    "des Cordiers",
    "du Port",
    "du Gué",
    "de l'Écluse",
    "du Bac",
    "de l'Abreuvoir",
    "de Verdun",
    "du 8-Mai-1945",
    "du 11-Novembre",
    "de la Libération",
    "du Général-Leclerc",
    "Jules-Ferry",
    "Louise-Michel",
    "Marie-Curie",
    "George-Sand",
    "Colette",
    "Claude-Debussy",
    "Maurice-Ravel",
    "Hector-Berlioz",
    "Paul-Cézanne",
    "Claude-Monet",
    "Camille-Pissarro",
    "Jean-Mermoz",
    "Antoine-de-Saint-Exupéry",
    "Pierre-Mendès-France",
    "Salvador-Allende",
    "Youri-Gagarine",
    "de Bourgogne",
    "de Champagne",
    "de Picardie",
    "d'Artois",
    "de Touraine",
    "du Berry",
    "du Maine",
    "des Mésanges",
    "des Hirondelles",
    "des Alouettes",
    "des Pinsons",
    "du Rossignol",
    "de la Garenne",
    "du Bois",
    "de la Forêt",
    "du Coteau",
    "de la Butte",
    "des Champs",
    "du Four",
    "des Remparts",
    "du Château",
    "des Moines",
    "du Prieuré",
    "Neuve",
    "Basse",
    "Haute",
    "des Ursulines",
    "du Chapitre",
]
_CORE_NAMES: Final = [
    "des Tanneurs",
    "des Drapiers",
    "du Puits",
    "de l'Église",
    "Saint-Étienne",
    "des Bouchers",
    "du Grenier-à-Sel",
    "des Lombards",
    "du Minage",
    "de la Boucherie",
    "des Orfèvres",
    "du Cygne",
    "de l'Écu",
    "de la Poterne",
    "des Cordeliers",
    "du Beffroi",
    "des Halles",
    "du Petit-Pont",
    "des Teinturiers",
    "du Quai",
    "de la Tour",
]
_BUSINESS_NAMES: Final = [
    "de l'Industrie",
    "des Artisans",
    "Gustave-Eiffel",
    "Nicéphore-Niépce",
    "des Entrepreneurs",
    "Denis-Papin",
]


def road_width(way: Way) -> float:
    """Width (m) of the carriageway of a way, paths and tracks included."""
    if way.kind in ("track", "path"):
        return 3.0 if way.kind == "track" else 1.5
    if way.kind == "street" and in_core(way.line.centroid):
        return 4.0
    return 5.5 if way.attributes.get("narrow") else float(ROAD_KINDS[way.kind][3] or 4.0)


def key(prefix: str, number: int) -> str:
    """A cleabs: eight letters and sixteen digits, as in the product."""
    if len(prefix) != 8:
        raise ValueError(f"a cleabs starts with eight letters, not {prefix!r}")
    return f"{prefix}{650000000 + number:016d}"


def frame(
    columns: tuple[str, ...], rows: list[dict[str, Any]], geometry: Sequence[BaseGeometry]
) -> gpd.GeoDataFrame:
    """A table with exactly the columns, in Lambert-93 (the geometries come in local coordinates)."""
    table = pd.DataFrame(rows, columns=list(columns))
    for column in columns:
        if column in ("date_creation", "date_modification"):
            stamp = CREATED if column == "date_creation" else MODIFIED
            table[column] = pd.Series(stamp, index=table.index).astype("datetime64[ms]")
        elif column in ("date_d_apparition", "date_de_confirmation"):
            table[column] = pd.to_datetime(table[column]).astype("datetime64[ms]")
    moved = to_lambert(geometry)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(moved, crs="EPSG:2154")).rename_geometry(
        "geometrie"
    )


def to_lambert(geometry: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """The geometries (all 2D or all 3D) moved from local coordinates to Lambert-93, to the decimetre."""

    def moved(c: NDArray[np.float64]) -> NDArray[np.float64]:
        out = c.copy()
        out[:, 0] = np.round(c[:, 0] + ORIGIN[0], 1)
        out[:, 1] = np.round(c[:, 1] + ORIGIN[1], 1)
        return out

    return [shapely.transform(g, moved, include_z=bool(g.has_z)) for g in geometry]


def with_height(land: Land, way: Way) -> shapely.LineString:
    """The way with Z: of the ground; of the deck on a bridge; -1000 (the product's null) on paths."""
    c = np.asarray(way.line.coords)[:, :2]
    z = land.sample(c[:, 0], c[:, 1])
    if way.level > 0:
        z = np.full(len(c), float(np.max(np.append(z, valley_floor(c[:, 0]) + 1.9))))
    if way.kind == "path":
        z = np.full(len(c), -1000.0)
    return shapely.LineString(np.column_stack([c, np.round(z, 1)]))


def one_ways(ways: list[Way]) -> set[int]:
    """Indices of the core's one-way streets, chosen so that every place still reaches every other."""
    nodes: dict[tuple[float, float], int] = {}
    ends = []
    drivable = [k for k, w in enumerate(ways) if ROAD_KINDS[w.kind][4] > 1]
    for k in drivable:
        c = ways[k].line.coords
        ends.append(
            tuple(nodes.setdefault((round(p[0], 1), round(p[1], 1)), len(nodes)) for p in (c[0], c[-1]))
        )

    def strong(single: set[int]) -> int:
        rows, columns = [], []
        for k, (a, b) in zip(drivable, ends, strict=True):
            rows.append(a)
            columns.append(b)
            if k not in single:
                rows.append(b)
                columns.append(a)
        graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(nodes), len(nodes)))
        return int(connected_components(graph, directed=True, connection="strong")[0])

    single = {k for k in drivable if ways[k].kind == "roundabout"}
    parts = strong(single)
    for k in drivable:
        if (
            ways[k].kind == "street"
            and in_core(ways[k].line.centroid)
            and k % 3 != 0
            and strong(single | {k}) == parts
        ):
            single.add(k)
    return single


def street_names(ways: list[Way]) -> dict[str, str]:
    """Name of each grown street, by the name its line carries in the graph."""
    random = np.random.Generator(np.random.PCG64([SEED, 50]))
    pools = {"core": list(_CORE_NAMES), "work": list(_BUSINESS_NAMES), "": list(_NAMES)}
    spare = [
        f"{kind} {name}" for kind in ("Impasse", "Allée", "Square", "Chemin", "Passage") for name in _NAMES
    ]
    result: dict[str, str] = {}
    first = {w.name: w for w in sorted(ways, key=lambda w: -w.line.length) if w.kind == "street"}
    for name in sorted(first, key=lambda n: int(n.split()[1])):
        where = quarter_of(first[name].line.centroid.x, first[name].line.centroid.y)
        pool = (
            pools["core" if where == "vieux_bourg" else "work" if where == "grands_champs" else ""]
            or pools[""]
        )
        result[name] = (
            f"Rue {pool.pop(int(random.random() * len(pool)))}"
            if pool
            else spare.pop(int(random.random() * len(spare)))
        )
    return result


def roads(land: Land, ways: list[Way]) -> gpd.GeoDataFrame:
    """Layer troncon_de_route."""
    single, names = one_ways(ways), street_names(ways)
    rows, lines = [], []
    identifiers: dict[str, str] = {}
    for k, way in enumerate(ways):
        nature, importance, lanes, width, fast_in, fast_out, access = ROAD_KINDS[way.kind]
        middle = way.line.interpolate(0.5, normalized=True)
        town = bool(quarter_of(middle.x, middle.y)) or way.level > 0
        core = in_core(middle)
        number = way.attributes.get("number")
        name = names.get(way.name, way.name)
        identifier = identifiers.setdefault(name, f"{INSEE}{len(identifiers) + 1:04d}") if name else None
        if way.kind == "main" and number != "D12":
            importance = "4"
        if way.name.startswith("Chemin de la Grange"):
            nature, access, lanes, width, fast_in, fast_out = "Route empierrée", "Libre", 1, 3.0, 15, 20
        if core and way.kind == "street":
            lanes, width, fast_in = (1, 3.5, 18) if k in single else (2, 4.0, 18)
        if way.attributes.get("narrow"):
            width, fast_in = 5.5, 25
        drivable = access == "Libre"
        written = name.upper() if name else None
        rows.append(
            {
                "cleabs": key("TRONROUT", k + 1),
                "nature": nature,
                "nom_collaboratif_gauche": written,
                "nom_collaboratif_droite": written,
                "importance": importance,
                "fictif": False,
                "position_par_rapport_au_sol": str(way.level),
                "etat_de_l_objet": "En service",
                "date_d_apparition": CREATED.normalize() if way.kind == "ring" else None,
                "date_de_confirmation": CONFIRMED,
                "precision_planimetrique": 1.5 if drivable else 5.0,
                "precision_altimetrique": 1.0 if way.kind != "path" else 9999.0,
                "nombre_de_voies": lanes,
                "largeur_de_chaussee": width,
                "itineraire_vert": way.kind == "path",
                "prive": False,
                "sens_de_circulation": "Sans objet"
                if way.kind == "path"
                else "Sens direct"
                if k in single
                else "Double sens",
                "bande_cyclable": None,
                "reserve_aux_bus": None,
                "urbain": town,
                "vitesse_moyenne_vl": fast_in if town else fast_out,
                "acces_vehicule_leger": access,
                "acces_pieton": "Libre" if way.kind != "ring" else None,
                "nature_de_la_restriction": None,
                "matieres_dangereuses_interdites": False,
                "restriction_de_poids_total": 12.0 if name == "Vieux Pont" else None,
                "insee_commune_gauche": INSEE,
                "insee_commune_droite": INSEE,
                "type_d_adressage_du_troncon": "Classique" if town else None,
                "code_postal_gauche": POSTCODE,
                "code_postal_droit": POSTCODE,
                "identifiant_voie_1_gauche": identifier,
                "identifiant_voie_1_droite": identifier,
                "cpx_numero": number,
                "cpx_classement_administratif": "Départementale" if number else None,
                "cpx_gestionnaire": "Département" if number else None,
            }
        )
        lines.append(with_height(land, way))
    table = frame(ROAD_COLUMNS, rows, lines)
    for column in ("nombre_de_voies", "vitesse_moyenne_vl"):
        table[column] = table[column].astype("Int32")
    for column in ("fictif", "itineraire_vert", "prive", "urbain", "matieres_dangereuses_interdites"):
        table[column] = table[column].astype(bool)
    for column in table.columns:
        if column.startswith("restriction_") or column.startswith("largeur"):
            table[column] = table[column].astype(float)
    return table


def buildings(land: Land, built: list[Building]) -> gpd.GeoDataFrame:
    """Layer batiment; about one height in twenty is missing, as in the product."""
    random = np.random.Generator(np.random.PCG64([SEED, 51]))
    rows, shapes = [], []
    for k, b in enumerate(built):
        corners = np.asarray(b.footprint.exterior.coords)
        ground = land.sample(corners[:, 0], corners[:, 1])
        low, high = round(float(ground.min()), 1), round(float(ground.max()), 1)
        height = None if random.random() < 0.05 and not b.name else b.height
        flat = b.use in ("Industriel", "Commercial et services", "Annexe") or b.floors > 3
        eaves = b.height if flat else round(0.7 * b.height, 1)
        unknown = random.random() < 0.15 and not b.name
        second = (
            "Commercial et services"
            if b.use == "Résidentiel" and b.quarter == "vieux_bourg" and random.random() < 0.2
            else None
        )
        rows.append(
            {
                "cleabs": key("BATIMENT", k + 1),
                "nature": b.nature,
                "usage_1": b.use,
                "usage_2": second,
                "construction_legere": b.light,
                "etat_de_l_objet": "En service",
                "date_d_apparition": pd.Timestamp(year=b.year, month=1, day=1),
                "date_de_confirmation": CONFIRMED,
                "sources": "Cadastre",
                "methode_d_acquisition_planimetrique": "Vectorisation du plan cadastral",
                "precision_planimetrique": 3.0,
                "methode_d_acquisition_altimetrique": None if height is None else "Interpolation bâti BDTopo",
                "precision_altimetrique": None if height is None else 2.5,
                "nombre_de_logements": None if unknown and b.dwellings == 0 else b.dwellings,
                "nombre_d_etages": None if unknown else b.floors,
                "materiaux_des_murs": None
                if b.light
                else "10"
                if b.year < 1945
                else "50"
                if b.use == "Résidentiel"
                else "40",
                "materiaux_de_la_toiture": None if b.light else "30" if flat else "10",
                "hauteur": height,
                "altitude_minimale_sol": low,
                "altitude_maximale_sol": high,
                "altitude_minimale_toit": None if height is None else round(low + eaves, 1),
                "altitude_maximale_toit": None if height is None else round(low + b.height, 1),
                "origine_du_batiment": "Cadastre",
                "appariement_fichiers_fonciers": "C 0.0" if unknown else "A 1.0",
            }
        )
        shapes.append(shapely.force_3d(shapely.MultiPolygon([b.footprint]), z=low))
    table = frame(BUILDING_COLUMNS, rows, shapes)
    for column in ("nombre_de_logements", "nombre_d_etages"):
        table[column] = table[column].astype("Int32")
    table["construction_legere"] = table["construction_legere"].astype(bool)
    for column in (
        "hauteur",
        "precision_planimetrique",
        "precision_altimetrique",
        "altitude_minimale_toit",
        "altitude_maximale_toit",
    ):
        table[column] = table[column].astype(float)
    return table
