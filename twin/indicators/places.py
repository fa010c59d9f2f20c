"""Facilities among the places of a run: what they are, and the water around them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.features import WET_DEPTH, depth_around
from twin.indicators.indicator import Indicator, Run, make

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result

#: Kinds of facility and the words (without accents, lower case) that name them in places; the first found
#: counts ("EHPAD de l'hôpital").
FACILITY_WORDS: dict[str, tuple[str, ...]] = {
    "care_home": ("maison de retraite", "ehpad", "retirement", "care_home", "care home"),
    "hospital": (
        "hospital", "hopital", "clinique", "clinic", r"chu(?![a-z])", "centre hospitalier",
        "etablissement hospitalier",
    ),
    # Bare "caserne" is barracks, of gendarmes or soldiers too.
    "fire_station": (
        "fire_station", "fire station", "pompier", "caserne.*(?:incendie|secours)", "sdis",
        "centre de secours", "centre d'incendie",
    ),
    "school": ("school", "ecole", "college", "lycee", "enseignement", "maternelle", "creche"),
    "town_hall": ("mairie", "town_hall", "town hall", "hotel de ville"),
    "police": ("gendarmerie", "police", "commissariat"),
    "treatment_plant": ("station d'epuration", "epuration", "treatment_plant", "water_treatment"),
}  # fmt: skip

#: What has such a word in its name and is none, and what only stands or leads there.
NO_FACILITY = (
    "(?:clini|hopita|hospita).*veterina", "veterinary (?:clinic|hospital|school)",
    "(?:auto|moto|bateau)[- ]?ecole", "(?:driving|riding|music|dance|ski|sailing|surf) school",
    "ecoles? (?:municipale |intercommunale |nationale )?(?:de |d'|du )?(?:musique|danse|chant|cirque|theatre"
    "|dessin|peinture|conduite|pilotage|equitation|voile|ski|surf|plongee|natation|tennis|golf|judo|football"
    "|rugby|parachutisme|parapente|chiens?|dressage|cuisine)(?![a-z])",
    "equestre", "equitation", "poney",
    "ancien(?:ne)?s? (?:hopita|clini|ecole|college|lycee|mairie|caserne|gendarmerie|maison de retraite)",
    "^(?:l')?ancien(?:ne)?(?![a-z])", "^(?:former|old)[ _]", "parking", "car park",
    "^muse", "^arret", "^bus stop", "^(?:gare|metro|halte)(?![a-z])", "^station (?:de )?(?:metro|tram|bus)",
    "^(?:place|placette|parvis|esplanade|square|rue|ruelle|avenue|boulevard|quai|chemin|route|impasse|allees?|cours"
    "|passage|pont|rond-point|jardin|parc|stade|gymnase|piscine|salle|chapelle|eglise|pharmacie|cafe|restaurant)"
    "(?![a-z])",
)  # fmt: skip

#: Places of one kind from two sources nearer than this (m) are one facility.
_SAME_FACILITY = 50.0
#: Polygons larger than this (m²) are facilities only by their kind or name, not by their label.
_LARGEST_FACILITY = 1e5


def plain(words: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", words.casefold().replace("’", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def facility_kind(*words: object) -> str | None:
    """The kind of facility (a key of `FACILITY_WORDS`) that natures, names or labels speak of, else None.

    The first that says it counts; one that says that it is none (`NO_FACILITY`) ends the search.

    >>> facility_kind("École primaire Jules-Ferry")
    'school'
    >>> facility_kind("Enseignement primaire", "Ancienne école")
    'school'
    >>> facility_kind("river_in") is None
    True
    """
    for said in (plain(word) for word in words if isinstance(word, str)):
        if _says(NO_FACILITY, said):
            return None
        for kind, known in FACILITY_WORDS.items():
            if _says(known, said):
                return kind
    return None


def _says(words: tuple[str, ...], said: str) -> bool:
    """Whether a text has one of some words; they begin where a word of it does (not "parachutiste")."""
    return any(re.search(rf"(?<![a-z]){word}", said) for word in words)


def facilities(result: Result) -> gpd.GeoDataFrame | None:
    """The facilities among the places of a run.

    Returns
    -------
    GeoDataFrame or None
        The places with `facility` (a key of `FACILITY_WORDS`), `title` (what people call it; empty
        when the place has a name for scenarios only) and `max_water_depth` (m): the deepest water
        around the place, or around the building in which it stands when that is deeper. None when
        the run has no places or no depths.
    """
    return facilities_of(Run(result))


def facilities_among(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The facilities among named places, with `facility` and `title` (see `facilities`)."""
    columns = [name for name in ("nature", "kind", "name", "label") if name in places]
    # A district "Les Écoles" is no school: beyond a size, what a place is called says nothing.
    areas = places.area.to_numpy()
    kinds = [
        facility_kind(*(row[name] for name in columns if name != "label" or area <= _LARGEST_FACILITY))
        for (_, row), area in zip(places.iterrows(), areas, strict=True)
    ]
    found = places[[kind is not None for kind in kinds]].copy()
    found["facility"] = [kind for kind in kinds if kind is not None]
    labels = found["label"] if "label" in found else found["name"]
    own = [
        plain(str(a)) != plain(str(b)).replace("_", " ") for a, b in zip(labels, found["name"], strict=True)
    ]
    found["title"] = [str(label) if given else "" for label, given in zip(labels, own, strict=True)]
    return found[_once(found)]


def _once(found: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """(n,) facilities less those that another source has too, one with a title before one without; two of
    unlike titles are two.
    """
    kept = np.ones(len(found), dtype=bool)
    kind, name = found["facility"].to_numpy(), found["name"].to_numpy()
    title = [plain(one) for one in found["title"]]
    for a, b in found.sindex.query(found.geometry, predicate="dwithin", distance=_SAME_FACILITY).T:
        alike = kind[a] == kind[b] and (not title[a] or not title[b] or title[a] == title[b])
        if a < b and alike and name[a] != name[b] and kept[a] and kept[b]:
            kept[a if title[b] and not title[a] else b] = False
    return kept


def facilities_of(run: Run) -> gpd.GeoDataFrame | None:
    """As `facilities`, of a run already read."""
    places, depth = run.places(), run.max_depth
    if places is None or depth is None:
        return None
    found = facilities_among(places)
    if found.empty:
        return found.assign(max_water_depth=np.zeros(0))
    if "max_water_depth" in found:  # over the fine terrain of a subgrid run
        deepest = found["max_water_depth"].to_numpy(dtype=np.float64, copy=True)
    else:
        shapes = np.asarray(found.geometry.array, dtype=object)
        deepest = depth_around(shapes, run.result.grid, depth, permanent=run.permanent)
    buildings = run.result.buildings
    if buildings is not None and "max_water_depth" in buildings and len(buildings):
        of_place, of_building = buildings.sindex.query(found.geometry, predicate="intersects")
        np.fmax.at(deepest, of_place, buildings["max_water_depth"].to_numpy(dtype=np.float64)[of_building])
    found["max_water_depth"] = deepest
    return found


def facility_figures(run: Run) -> list[Indicator]:
    """Facilities that water reaches."""
    found = facilities_of(run)
    if found is None or found.empty:
        return []

    def figure(key: str, rows: gpd.GeoDataFrame) -> Indicator:
        touched = rows[rows["max_water_depth"] > WET_DEPTH]
        names = ", ".join(str(t) or str(n) for t, n in zip(touched["title"], touched["name"], strict=True))
        return make(key, len(touched), "", detail=names, total=len(rows), wet=WET_DEPTH)

    out = [figure("facilities_touched", found)]
    for kind in FACILITY_WORDS:
        rows = found[found["facility"] == kind]
        if len(rows):
            out.append(figure(f"facilities_touched_{kind}", rows))
    return out
