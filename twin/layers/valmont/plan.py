"""The plan of Valmont: its quarters, its hamlets and what is said about a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shapely.geometry import Point, Polygon

CORE: Final = (1815.0, 1265.0)  # the market square, local
MARGIN: Final = 60.0  # m: roads are drawn this far beyond the extent
BEYOND: Final = 120.0  # m: and routed this far, so that the cut is a plain cut

Point2 = tuple[float, float]


@dataclass(frozen=True)
class Quarter:
    """A part of town: outline, distance between streets (m), direction of its grid (degrees; None: the
    relief).
    """

    key: str
    name: str
    outline: tuple[Point2, ...]
    spacing: float
    grid: float | None = None

    @property
    def polygon(self) -> Polygon:
        """Its outline as a polygon."""
        return Polygon(self.outline)


QUARTERS: Final = (
    Quarter(
        "vieux_bourg",
        "Vieux Bourg",
        (
            (1600, 1330),
            (1640, 1180),
            (1760, 1120),
            (1900, 1110),
            (2030, 1190),
            (2060, 1375),
            (1900, 1362),
            (1740, 1368),
        ),
        52.0,
    ),
    Quarter(
        "bas_du_mail",
        "Le Mail",
        (
            (1180, 1300),
            (1180, 1120),
            (1330, 1030),
            (1520, 1010),
            (1760, 1120),
            (1640, 1180),
            (1600, 1330),
            (1400, 1340),
        ),
        88.0,
    ),
    Quarter(
        "gare",
        "La Gare",
        (
            (2060, 1375),
            (2030, 1190),
            (1900, 1110),
            (2080, 1010),
            (2330, 1000),
            (2620, 1060),
            (2630, 1290),
            (2330, 1420),
        ),
        92.0,
        -6.0,
    ),
    Quarter(
        "la_cote",
        "La Côte",
        ((1520, 1010), (1560, 850), (1800, 770), (2060, 800), (2080, 1010), (1900, 1110), (1760, 1120)),
        95.0,
    ),
    Quarter(
        "saint_nicolas",
        "Faubourg Saint-Nicolas",
        ((1560, 1460), (1830, 1455), (2010, 1480), (2010, 1760), (1990, 2010), (1680, 2010), (1570, 1900)),
        70.0,
    ),
    Quarter(
        "les_pres",
        "Les Prés",
        ((2010, 1490), (2250, 1560), (2600, 1560), (2600, 1990), (1990, 2010), (2010, 1760)),
        86.0,
        4.0,
    ),
    Quarter(
        "les_tilleuls",
        "Les Tilleuls",
        (
            (1690, 2010),
            (2600, 1990),
            (2620, 2150),
            (2480, 2330),
            (2200, 2390),
            (1960, 2330),
            (1900, 2500),
            (1760, 2480),
            (1700, 2250),
        ),
        118.0,
        -8.0,
    ),
    Quarter(
        "grands_champs",
        "Zone d'activités des Grands Champs",
        ((2690, 1680), (3130, 1690), (3260, 1780), (3260, 2080), (2690, 2090)),
        165.0,
        2.0,
    ),
)
HAMLETS: Final = {  # name: (place, radius m)
    "Les Essarts": ((560.0, 2480.0), 150.0),
    "Fontenelle": ((1150.0, 2520.0), 120.0),
    "La Roche": ((3130.0, 2560.0), 120.0),
    "Bel-Air": ((1980.0, 430.0), 150.0),
    "Les Aulnes": ((880.0, 1010.0), 130.0),
    "Vaugrenier": ((3350.0, 560.0), 130.0),
    "La Grange aux Prés": ((3640.0, 1640.0), 80.0),
}
MILL: Final = (2290.0, 1445.0)


def in_core(point: Point) -> bool:
    """Whether a point is in the old town."""
    return bool(QUARTERS[0].polygon.contains(point))


def quarter_of(x: float, y: float) -> str:
    """Key of the quarter, or "" outside."""
    for quarter in QUARTERS:
        if quarter.polygon.contains(Point(x, y)):
            return quarter.key
    return ""
