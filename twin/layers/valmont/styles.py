"""How each quarter of Valmont is built, and its public and singular buildings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from twin.layers.valmont.plan import MILL

# Half width (m) of the carriageway and pavement by kind of way; see also attributes.py.
HALF_ROAD: Final = {
    "main": 5.0,
    "ring": 7.5,
    "roundabout": 6.0,
    "street": 4.2,
    "lane": 3.2,
    "track": 2.0,
    "path": 1.2,
}
NARROW: Final = 3.6  # m, in the core


@dataclass(frozen=True)
class Style:
    """How a quarter is built: ranges (m) of frontage, depth, setback, gap to the next; floors; share of L
    shapes.
    """

    frontage: tuple[float, float]
    depth: tuple[float, float]
    setback: tuple[float, float]
    gap: tuple[float, float]
    floors: tuple[int, int]
    attached: float  # share of houses that touch the next one
    bent: float
    year: tuple[int, int]


ROW: Final = Style((6.0, 11.0), (9.5, 13.5), (0.6, 1.2), (3.0, 6.0), (2, 4), 0.88, 0.10, (1650, 1900))
FAUBOURG: Final = Style((7.0, 11.5), (8.5, 11.5), (0.8, 3.0), (3.0, 9.0), (2, 3), 0.60, 0.15, (1830, 1945))
HOUSE: Final = Style((9.5, 14.5), (8.0, 11.0), (5.0, 9.0), (6.0, 11.5), (1, 2), 0.08, 0.40, (1955, 2018))
VILLA: Final = Style((10.0, 15.0), (9.0, 12.0), (7.0, 12.0), (9.0, 17.0), (1, 2), 0.0, 0.45, (1970, 2020))
FLATS: Final = Style((32.0, 58.0), (11.5, 13.5), (9.0, 15.0), (18.0, 30.0), (4, 6), 0.0, 0.12, (1958, 1985))
SHED: Final = Style((32.0, 78.0), (26.0, 48.0), (12.0, 20.0), (14.0, 28.0), (1, 1), 0.0, 0.25, (1975, 2020))
FARM: Final = Style((11.0, 22.0), (8.0, 12.0), (4.0, 10.0), (8.0, 25.0), (1, 2), 0.1, 0.45, (1780, 1930))
STYLES: Final = {
    "vieux_bourg": ROW,
    "bas_du_mail": HOUSE,
    "gare": HOUSE,
    "la_cote": VILLA,
    "saint_nicolas": FAUBOURG,
    "les_pres": HOUSE,
    "les_tilleuls": HOUSE,
    "grands_champs": SHED,
}

# Public and singular buildings: key, name, BD TOPO nature, use, place wanted, boxes (dx, dy, width, depth),
# height (m), floors.
SPECIALS: Final = (
    (
        "church",
        "Église Saint-Étienne",
        "Eglise",
        "Religieux",
        (1782.0, 1306.0),
        ((0, 0, 36, 13), (6, 0, 9, 26), (-20, 0, 8, 8)),
        19.0,
        1,
    ),
    (
        "town_hall",
        "Mairie",
        "Indifférenciée",
        "Commercial et services",
        (1868.0, 1296.0),
        ((0, 0, 24, 14),),
        13.0,
        3,
    ),
    (
        "hospital",
        "Centre hospitalier de Valmont",
        "Indifférenciée",
        "Commercial et services",
        (2150.0, 2215.0),
        ((0, 0, 78, 17), (-25, 27, 16, 38), (22, 25, 16, 34)),
        17.0,
        4,
    ),
    (
        "fire_station",
        "Caserne des sapeurs-pompiers",
        "Indifférenciée",
        "Commercial et services",
        (2390.0, 1235.0),
        ((0, 0, 38, 18), (24, 8, 12, 30)),
        8.0,
        2,
    ),
    (
        "school_ferry",
        "École primaire Jules-Ferry",
        "Indifférenciée",
        "Commercial et services",
        (1555.0, 1190.0),
        ((0, 0, 44, 12), (-16, 16, 11, 24)),
        8.0,
        2,
    ),
    (
        "school_pres",
        "École primaire des Prés",
        "Indifférenciée",
        "Commercial et services",
        (2215.0, 1720.0),
        ((0, 0, 48, 12), (18, 15, 11, 22)),
        5.0,
        1,
    ),
    (
        "school_nicolas",
        "École maternelle Saint-Nicolas",
        "Indifférenciée",
        "Commercial et services",
        (1700.0, 1660.0),
        ((0, 0, 30, 12),),
        5.0,
        1,
    ),
    (
        "college",
        "Collège Pierre-de-Valmont",
        "Indifférenciée",
        "Commercial et services",
        (2370.0, 2190.0),
        ((0, 0, 62, 15), (-23, 24, 15, 34)),
        12.0,
        3,
    ),
    (
        "retirement_home",
        "EHPAD Les Peupliers",
        "Indifférenciée",
        "Résidentiel",
        (2150.0, 1640.0),
        ((0, 0, 46, 14), (-17, 18, 13, 24)),
        8.0,
        2,
    ),
    (
        "gendarmerie",
        "Gendarmerie nationale",
        "Indifférenciée",
        "Commercial et services",
        (2520.0, 1125.0),
        ((0, 0, 26, 13), (18, 12, 11, 18)),
        9.0,
        2,
    ),
    (
        "supermarket",
        "Supermarché des Grands Champs",
        "Industriel, agricole ou commercial",
        "Commercial et services",
        (2800.0, 1990.0),
        ((0, 0, 72, 46),),
        8.0,
        1,
    ),
    (
        "treatment_plant",
        "Station d'épuration",
        "Indifférenciée",
        "Industriel",
        (3130.0, 1600.0),
        ((0, 0, 24, 10), (26, 4, 12, 12)),
        5.0,
        1,
    ),
    (
        "mill",
        "Moulin de Valmont",
        "Moulin à eau",
        "Résidentiel",
        MILL,
        ((0, 0, 20, 11), (14, 4, 9, 14)),
        11.0,
        3,
    ),
    (
        "sports_hall",
        "Gymnase Marie-Curie",
        "Indifférenciée",
        "Sportif",
        (2460.0, 2120.0),
        ((0, 0, 42, 26),),
        9.0,
        1,
    ),
    (
        "town_theatre",
        "Salle des fêtes",
        "Indifférenciée",
        "Commercial et services",
        (1420.0, 1290.0),
        ((0, 0, 30, 18),),
        8.0,
        1,
    ),
)
