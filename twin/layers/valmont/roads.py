"""The roads of Valmont that were always there: departmental roads, bridges, ring road, lanes, tracks, paths.

Local coordinates (see terrain.py).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from shapely.geometry import LineString, Point

from twin.layers.valmont import kernels
from twin.layers.valmont.graph import Way
from twin.layers.valmont.plan import CORE, MARGIN, MILL, Point2
from twin.layers.valmont.terrain import (
    CELL,
    NEW_BRIDGE,
    NEW_BRIDGE_NORTH,
    NEW_BRIDGE_SOUTH,
    OLD_BRIDGE,
    RING_EAST,
    RING_NORTH,
    Array,
    Land,
    across,
)

BEYOND: Final = (
    120.0  # m beyond the extent: roads are routed this far and cut at MARGIN, so that the cut is plain
)
STEP: Final = 5.0  # m between the points of a rounded line


class Router:
    """Cheapest ways over the relief, on the extent at 20 m."""

    def __init__(self, land: Land) -> None:
        self.x0, self.y0, self.cell = -160.0, 3160.0, 20.0
        x, y = np.meshgrid(np.arange(self.x0, 4180.0, self.cell), np.arange(self.y0, -180.0, -self.cell))
        rows = np.clip(np.round((5000.0 - y) / CELL).astype(int), 0, 999)
        columns = np.clip(np.round(x / CELL).astype(int), 0, 999)
        self.z = gaussian_filter(land.terrain, 3.0)[rows, columns]
        self.cost = np.ones_like(self.z)
        self.cost[(land.plain < -10.0)[rows, columns]] = 1.8
        self.cost[(land.river_distance < 45.0)[rows, columns]] = np.inf

    def __call__(self, *points: Point2, slope_weight: float = 500.0, smooth: float = 45.0) -> Array:
        """Line (n, 2) through the points on the relief, rounded over `smooth` m, both ends exact."""
        lines: list[Array] = []
        for a, b in pairwise(points):
            ends = []
            for x, y in (a, b):
                i = int(np.clip(round((self.y0 - y) / self.cell), 0, self.z.shape[0] - 1))
                j = int(np.clip(round((x - self.x0) / self.cell), 0, self.z.shape[1] - 1))
                ends.append(i * self.z.shape[1] + j)
            cost = self.cost.copy()
            cost.ravel()[ends] = 1.0
            way = kernels.cheapest(self.z, cost, self.cell, ends[0], ends[1], slope_weight)[::-1]
            if way.size == 0:
                raise RuntimeError(f"no way from {a} to {b}")
            i, j = np.divmod(way, self.z.shape[1])
            line = np.column_stack([self.x0 + j * self.cell, self.y0 - i * self.cell])
            line[0], line[-1] = a, b
            lines.append(line if not lines else line[1:])
        return curve(np.vstack(lines), smooth)


def curve(points: Array, smooth: float = 25.0) -> Array:
    """The polyline every 5 m with its corners rounded over `smooth` metres; ends kept."""
    points = np.asarray(points, dtype=float)
    s = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    even = np.linspace(0.0, s[-1], max(int(s[-1] / STEP), 2) + 1)
    line = np.column_stack([np.interp(even, s, points[:, k]) for k in range(2)])
    soft = gaussian_filter1d(line, smooth / STEP, axis=0, mode="nearest")
    weight = np.minimum(np.minimum(even, s[-1] - even) / (2.5 * smooth), 1.0)[:, None]
    return np.asarray(weight * soft + (1.0 - weight) * line)


def deck(land: Land, east: float) -> tuple[Array, Array]:
    """The ends (south, north) of the deck of the bridge at local X = east, square to the river.

    The old bridge ends on the quay and on the levee, the new one on the two embankments of the ring road.
    """
    south, north = (28.0, 38.0) if east == OLD_BRIDGE else (NEW_BRIDGE_SOUTH, NEW_BRIDGE_NORTH)
    return np.round(across(land.river, east, -south), 1), np.round(across(land.river, east, north), 1)


def main_roads(land: Land) -> list[Way]:
    """Departmental roads, bridges, ring road, lanes to the hamlets, tracks and paths."""
    route = Router(land)
    south, north = deck(land, OLD_BRIDGE)
    ring_south, ring_north = deck(land, NEW_BRIDGE)
    cross = (1846.0, 1985.0)  # the crossroads of the left bank
    east_ring, north_ring = RING_EAST, RING_NORTH
    ways: list[Way] = []

    def add(line: Array, kind: str, name: str, rank: int, **attributes: object) -> None:
        cut = LineString(np.round(line, 1)).intersection(
            shapely.box(-MARGIN, -MARGIN, 4000.0 + MARGIN, 3000.0 + MARGIN)
        )
        part = max(shapely.get_parts(cut), key=lambda g: g.length)
        ways.append(Way(LineString(np.round(part.coords, 1)), kind, name, rank, attributes=dict(attributes)))

    bed = LineString(np.column_stack([land.river.x, land.river.y])[::10]).buffer(18.0)

    def attached(point: Point2, how_far: float) -> Point2:
        """The nearest point of a road already there, if it is near enough; else the point itself."""
        spot = Point(point)
        if not -BEYOND < spot.x < 4000.0 + BEYOND or not -BEYOND < spot.y < 3000.0 + BEYOND:
            return point
        dry = [w for w in ways if w.level == 0 and w.kind != "path" and w.line.distance(spot) <= how_far]
        for way in sorted(dry, key=lambda w: w.line.distance(spot)):
            foot = way.line.interpolate(way.line.project(spot))
            if not LineString([spot, foot]).intersects(bed):
                return float(foot.x), float(foot.y)
        return point

    add(route((-BEYOND, 1075.0), (1180.0, 1175.0)), "main", "Route de Paris", 2, number="D12")
    add(
        curve(np.array([[1180, 1175], [1420, 1225], [1600, 1262], [1720, 1278], CORE])),
        "main",
        "Rue de Paris",
        2,
        number="D12",
    )
    add(
        curve(np.array([CORE, [1900, 1262], [2010, 1248], [2200, 1215], [2450, 1190], east_ring])),
        "main",
        "Avenue de la Gare",
        2,
        number="D12",
    )
    add(route(east_ring, (4000.0 + BEYOND, 905.0)), "main", "Route de l'Est", 2, number="D12")
    add(
        curve(np.array([CORE, [1822, 1310], [south[0] - 2, south[1] - 22], south]), 12.0),
        "main",
        "Rue du Pont",
        3,
        number="D5",
        narrow=True,
    )
    add(
        curve(
            np.array([north, [north[0] + 2, north[1] + 20], [1838, 1560], [1826, 1700], [1850, 1860], cross]),
            20.0,
        ),
        "main",
        "Rue du Faubourg Saint-Nicolas",
        3,
        number="D5",
    )
    add(route(cross, (1835.0, 2330.0), (1870.0, 3000.0 + BEYOND)), "main", "Route du Nord", 3, number="D5")
    add(
        route((-BEYOND, 1905.0), (1180.0, 1935.0), (1440.0, 1905.0), cross),
        "main",
        "Route de la Rive Gauche",
        3,
        number="D47",
    )
    add(
        curve(np.array([cross, [2050, 2030], [2300, 2062], [2500, 2075], north_ring])),
        "main",
        "Avenue des Tilleuls",
        3,
        number="D47",
    )
    add(
        route(north_ring, (3300.0, 2110.0), (4000.0 + BEYOND, 1895.0)),
        "main",
        "Route de la Rive Gauche",
        3,
        number="D47",
    )
    add(
        curve(np.array([east_ring, ring_south]), 5.0),
        "ring",
        "Rocade",
        1,
        number="D912",
    )
    add(
        curve(np.array([ring_north, north_ring]), 5.0),
        "ring",
        "Rocade",
        1,
        number="D912",
    )
    add(
        route(
            north_ring, (2520.0, 2420.0), attached((1864.0, 2600.0), 80.0), slope_weight=150.0, smooth=90.0
        ),
        "ring",
        "Rocade",
        1,
        number="D912",
    )
    add(
        route(
            east_ring,
            (2420.0, 900.0),
            (1800.0, 735.0),
            (1250.0, 950.0),
            attached((1080.0, 1165.0), 80.0),
            slope_weight=150.0,
            smooth=90.0,
        ),
        "ring",
        "Rocade",
        1,
        number="D912",
    )
    for a, b, name, number, kind, rank in (
        (south, north, "Vieux Pont", "D5", "main", 0),
        (ring_south, ring_north, "Pont de la Rocade", "D912", "ring", 0),
    ):
        narrow = {"narrow": True} if kind == "main" else {}
        ways.append(Way(LineString([a, b]), kind, name, rank, 1, {"number": number, **narrow}))

    def lane(name: str, *points: Point2, kind: str = "lane", rank: int = 6, weight: float = 600.0) -> None:
        ends = [attached(points[0], 150.0), *points[1:-1], attached(points[-1], 150.0)]
        add(route(*ends, slope_weight=weight), kind, name, rank)

    lane("Route des Essarts", (760.0, 1880.0), (560.0, 2480.0), (-BEYOND, 2700.0))
    lane("Chemin de Fontenelle", (1200.0, 1930.0), (1150.0, 2520.0), (1030.0, 3000.0 + BEYOND))
    lane("Route des Essarts", (560.0, 2480.0), (1150.0, 2520.0))
    lane("Route de la Roche", (2540.0, 2410.0), (3130.0, 2560.0), (3400.0, 3000.0 + BEYOND))
    lane("Route de la Roche", (3130.0, 2560.0), (3330.0, 2090.0))
    lane("Route de Bel-Air", (1800.0, 735.0), (1980.0, 430.0), (2150.0, -BEYOND))
    lane("Route de Bel-Air", (1980.0, 430.0), (1300.0, 300.0), (700.0, -BEYOND))
    lane("Route des Aulnes", (880.0, 1100.0), (880.0, 1010.0), (480.0, 500.0), (330.0, -BEYOND))
    lane("Route de Vaugrenier", (3000.0, 1040.0), (3350.0, 560.0), (3500.0, -BEYOND))
    lane("Route de Vaugrenier", (3350.0, 560.0), (4000.0 + BEYOND, 480.0))
    lane("Chemin de la Grange", (3640.0, 1930.0), (3640.0, 1640.0))
    lane("Rue du Moulin", (2240.0, 1212.0), MILL)
    track: dict[str, Any] = {"kind": "track", "rank": 8, "weight": 300.0}
    lane("Chemin des Prés", (300.0, 1900.0), (330.0, 1660.0), (900.0, 1560.0), (1180.0, 1935.0), **track)
    lane("Chemin de la Grange", (3640.0, 1640.0), (3330.0, 1660.0), (3255.0, 1850.0), **track)
    lane("Chemin du Bois", (560.0, 2480.0), (350.0, 2850.0), (520.0, 3000.0 + BEYOND), **track)
    lane("Chemin des Vignes", (1440.0, 1905.0), (1480.0, 2300.0), (1868.0, 2640.0), **track)
    lane("Chemin du Plateau", (3130.0, 2560.0), (2750.0, 2850.0), (2480.0, 3000.0 + BEYOND), **track)
    lane("Chemin du Plateau", (1870.0, 2850.0), (2480.0, 2850.0), (2750.0, 2850.0), **track)
    lane("Chemin de Bel-Air", (1980.0, 430.0), (2500.0, 560.0), (3350.0, 560.0), **track)
    lane("Chemin de la Justice", (1300.0, 300.0), (1250.0, 950.0), **track)
    lane("Chemin des Marais", (300.0, 1060.0), (300.0, 1280.0), (880.0, 1200.0), (880.0, 1100.0), **track)
    lane("Chemin des Îles", (3000.0, 1040.0), (3150.0, 1180.0), (3700.0, 1150.0), (3900.0, 930.0), **track)
    lane("Chemin de la Combe", (480.0, 500.0), (900.0, 650.0), (1250.0, 950.0), **track)
    lane(
        "Sentier de la Roche",
        (3130.0, 2560.0),
        (3480.0, 2480.0),
        (3900.0, 2650.0),
        (4000.0 + BEYOND, 2500.0),
        kind="path",
        rank=9,
    )
    lane(
        "Sentier de la Côte",
        (1800.0, 735.0),
        (1700.0, 600.0),
        (1300.0, 300.0),
        kind="path",
        rank=9,
        weight=100.0,
    )
    for first, last, side, name in (
        (700.0, OLD_BRIDGE - 40.0, -1.0, "Promenade du Mail"),
        (OLD_BRIDGE + 60.0, 2590.0, -1.0, "Chemin de halage"),
        (1560.0, OLD_BRIDGE - 40.0, 1.0, "Chemin de la Levée"),
        (OLD_BRIDGE + 40.0, 2560.0, 1.0, "Chemin de la Levée"),
    ):
        ways.append(
            Way(_along_river(land, first, last, side * (24.0 if side < 0 else 36.0)), "path", name, 9)
        )
    for way in ways[-4:]:  # the paths of the banks come up to the nearest road at both ends
        for x, y in (way.line.coords[0], way.line.coords[-1]):
            foot = attached((x, y), 140.0)
            if foot != (x, y):
                add(np.array([(x, y), foot]), "path", way.name, 9)
    return ways


def _along_river(land: Land, first: float, last: float, offset: float) -> LineString:
    """A line beside the river, from local X = first to last, `offset` m to its left."""
    river = land.river
    a, b = int(np.argmin(np.abs(river.x - first))), int(np.argmin(np.abs(river.x - last)))
    x, y = gaussian_filter1d(river.x, 30.0)[a:b:8], gaussian_filter1d(river.y, 30.0)[a:b:8]
    tangent = np.column_stack([np.gradient(x), np.gradient(y)])
    tangent /= np.hypot(*tangent.T)[:, None]
    return LineString(np.round(np.column_stack([x - offset * tangent[:, 1], y + offset * tangent[:, 0]]), 1))
