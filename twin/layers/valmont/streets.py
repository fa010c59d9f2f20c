"""The streets of Valmont: old roads that follow the relief, then streets grown along a direction field.

Local coordinates (see terrain.py). Method of the grown streets: streamlines of a tensor field, after
Chen, Esch, Wonka, Müller, Zhang (2008), Interactive procedural street modeling, ACM TOG 27(3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.spatial import cKDTree
from shapely.geometry import LineString, Point, Polygon

from twin.layers.valmont import graph, kernels
from twin.layers.valmont.graph import Way
from twin.layers.valmont.terrain import CELL, NEW_BRIDGE, OLD_BRIDGE, Array, Land, noise, smoothstep

CORE: Final = (1815.0, 1265.0)  # the market square, local
MARGIN: Final = 60.0  # m: roads are drawn this far beyond the extent
BEYOND: Final = 120.0  # m: and routed this far, so that the cut is a plain cut
STEP: Final = 5.0

Point2 = tuple[float, float]


@dataclass(frozen=True)
class Quarter:
    """A part of town: outline, distance between streets (m), direction of its grid (degrees; None: the relief)."""

    key: str
    name: str
    outline: tuple[Point2, ...]
    spacing: float
    grid: float | None = None

    @property
    def polygon(self) -> Polygon:
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


# --- roads that were always there ---------------------------------------------------------------------------
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
        lines = []
        for a, b in zip(points[:-1], points[1:], strict=True):
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
    return weight * soft + (1.0 - weight) * line


def deck(land: Land, east: float) -> tuple[Array, Array]:
    """The two ends (south, north) of the deck of the bridge at local X = east, square to the river."""
    x, y, angle = land.river.at(east)
    across = np.array([-np.sin(angle), np.cos(angle)])
    return np.round(np.array([x, y]) - 23.0 * across, 1), np.round(np.array([x, y]) + 23.0 * across, 1)


def main_roads(land: Land) -> list[Way]:
    """Departmental roads, bridges, ring road, lanes to the hamlets, tracks and paths."""
    route = Router(land)
    south, north = deck(land, OLD_BRIDGE)
    ring_south, ring_north = deck(land, NEW_BRIDGE)
    cross = (1846.0, 1985.0)  # the crossroads of the left bank
    east_ring, north_ring = (2668.0, 1165.0), (2650.0, 2085.0)
    ways: list[Way] = []

    def add(line: Array, kind: str, name: str, rank: int, **attributes: object) -> None:
        cut = LineString(np.round(line, 1)).intersection(
            shapely.box(-MARGIN, -MARGIN, 4000.0 + MARGIN, 3000.0 + MARGIN)
        )
        part = max(shapely.get_parts(cut), key=lambda g: g.length)
        ways.append(Way(LineString(np.round(part.coords, 1)), kind, name, rank, attributes=dict(attributes)))

    def attached(point: Point2, how_far: float) -> Point2:
        """The nearest point of a road already there, if it is near enough; else the point itself."""
        spot = Point(point)
        if not -BEYOND < spot.x < 4000.0 + BEYOND or not -BEYOND < spot.y < 3000.0 + BEYOND:
            return point
        near = min(
            (w for w in ways if w.level == 0 and w.kind != "path"), key=lambda w: w.line.distance(spot)
        )
        if near.line.distance(spot) > how_far:
            return point
        foot = near.line.interpolate(near.line.project(spot))
        return float(foot.x), float(foot.y)

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
        curve(np.array([east_ring, [2664, 1300], [ring_south[0] + 4, ring_south[1] - 40], ring_south]), 15.0),
        "ring",
        "Rocade",
        1,
        number="D912",
    )
    add(
        curve(np.array([ring_north, [ring_north[0], ring_north[1] + 40], [2651, 1900], north_ring]), 15.0),
        "ring",
        "Rocade",
        1,
        number="D912",
    )
    add(
        route(north_ring, (2520.0, 2420.0), (1864.0, 2600.0), slope_weight=150.0, smooth=90.0),
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
            (1080.0, 1165.0),
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
    track = {"kind": "track", "rank": 8, "weight": 300.0}
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


# --- direction field ------------------------------------------------------------------------------------------
class Field:
    """Directions of streets (as cos and sin of twice the angle) and the distance between them, on the 5 m tile."""

    def __init__(self, land: Land) -> None:
        smooth = gaussian_filter(land.terrain, 14.0)
        gy, gx = np.gradient(smooth, -CELL, CELL)
        slope = np.hypot(gx, gy)
        x, y = np.meshgrid(CELL * np.arange(1000), 5000.0 - CELL * np.arange(1000))
        contour = np.arctan2(gx, -gy)
        flow_angle = np.arctan2(np.gradient(land.river.y), np.gradient(land.river.x))
        along = gaussian_filter1d(flow_angle, 60.0)[
            np.clip(land.chainage.astype(int), 0, land.river.x.size - 1)
        ]
        radius = np.hypot(x - CORE[0], y - CORE[1])
        ring = np.arctan2(y - CORE[1], x - CORE[0]) + np.pi / 2 + 0.25 * np.sin(x / 60.0) * np.cos(y / 70.0)
        cos, sin = np.full(x.shape, 1e-3), np.zeros(x.shape)
        for angle, weight in (
            (contour, np.minimum(slope / 0.03, 3.0) * (land.plain > 0.0)),
            (along, 1.6 * np.exp(-land.river_distance / 110.0)),
            (contour + 1.2 * noise(x.shape, 45.0, 21), 0.25),
            (ring, 1.4 * np.exp(-((radius / 170.0) ** 2))),
        ):
            cos += weight * np.cos(2.0 * angle)
            sin += weight * np.sin(2.0 * angle)
        self.spacing = np.full(x.shape, np.nan)
        for quarter in QUARTERS:
            inside = shapely.contains_xy(quarter.polygon, x, y)
            self.spacing[inside] = quarter.spacing
            if quarter.grid is not None:
                weight = 2.0 * smoothstep(gaussian_filter(inside.astype(float), 6.0), 0.2, 0.8)
                cos += weight * np.cos(2.0 * np.radians(quarter.grid))
                sin += weight * np.sin(2.0 * np.radians(quarter.grid))
        self.cos, self.sin = gaussian_filter(cos, 5.0), gaussian_filter(sin, 5.0)
        self.barred = (land.river_distance < 42.0) | (slope > 0.24)
        dike = cKDTree(land.dike[:, :2]).query(np.column_stack([x.ravel(), y.ravel()]))[0].reshape(x.shape)
        self.barred |= dike < 22.0

    def _cell(self, x: float, y: float) -> tuple[int, int]:
        return min(max(round((5000.0 - y) / CELL), 0), 999), min(max(round(x / CELL), 0), 999)

    def angle(self, x: float, y: float, family: int) -> float:
        """Direction (radians) of the streets of a family: 0 along the field, 1 across it."""
        c = self._cell(x, y)
        return 0.5 * float(np.arctan2(self.sin[c], self.cos[c])) + family * np.pi / 2.0

    def distance(self, x: float, y: float) -> float:
        """Distance (m) wanted between streets here; NaN where no street may grow."""
        c = self._cell(x, y)
        return float("nan") if self.barred[c] else float(self.spacing[c])


class Growth:
    """Streamlines of the field, kept apart within each family."""

    def __init__(self, field: Field, existing: list[Way]) -> None:
        self.field = field
        self.lines: list[Array] = []
        self.points: tuple[list[Point2], list[Point2]] = ([], [])
        self.trees: list[cKDTree | None] = [None, None]
        for way in existing:
            if way.kind in ("path", "track"):
                continue
            line = way.line.segmentize(8.0)
            self._record(np.asarray(line.coords))
        self._plant()

    def _record(self, line: Array) -> None:
        middle = 0.5 * (line[1:] + line[:-1])
        heading = np.arctan2(*np.diff(line, axis=0).T[::-1])
        for (x, y), a in zip(middle, heading, strict=True):
            turn = abs((a - self.field.angle(x, y, 0) + np.pi / 2.0) % np.pi - np.pi / 2.0)
            self.points[0 if turn < np.pi / 4.0 else 1].append((float(x), float(y)))

    def _plant(self) -> None:
        self.trees = [cKDTree(np.array(p)) if p else None for p in self.points]

    def near(self, x: float, y: float, family: int) -> float:
        """Distance (m) to the nearest street of the family."""
        tree = self.trees[family]
        return float("inf") if tree is None else float(tree.query((x, y))[0])

    def trace(self, x: float, y: float, family: int) -> Array | None:
        """The streamline through a seed, both ways, until the town, the room or the river ends; None if too short."""
        sides = []
        for sense in (0.0, np.pi):
            px, py, heading = x, y, self.field.angle(x, y, family) + sense
            side = [(px, py)]
            for _ in range(220):
                for _ in range(2):  # midpoint rule: the direction half a step ahead
                    a = self.field.angle(
                        px + 0.5 * STEP * np.cos(heading), py + 0.5 * STEP * np.sin(heading), family
                    )
                    heading += (a - heading + np.pi / 2.0) % np.pi - np.pi / 2.0
                px, py = px + STEP * np.cos(heading), py + STEP * np.sin(heading)
                gap = self.field.distance(px, py)
                if not gap > 0.0 or self.near(px, py, family) < 0.62 * gap:
                    break
                if len(side) > 30 and np.hypot(px - x, py - y) < 0.5 * gap:
                    break  # coming back round
                side.append((px, py))
            sides.append(side)
        line = np.array(sides[1][::-1] + sides[0][1:])
        gap = self.field.distance(x, y)
        return line if STEP * (len(line) - 1) > 0.9 * gap else None

    def grow(self, seeds: list[Point2]) -> list[Array]:
        """Streets from the seeds, then from the streets themselves, until there is no room left."""
        queue = [(x, y, f) for x, y in seeds for f in (0, 1)]
        while queue:
            x, y, family = queue.pop(0)
            gap = self.field.distance(x, y)
            if not gap > 0.0 or self.near(x, y, family) < gap:
                continue
            line = self.trace(x, y, family)
            if line is None:
                continue
            self.lines.append(line)
            self.points[family].extend(map(tuple, line))
            self._plant()
            every = max(int(0.35 * gap / STEP), 1)
            for k in range(0, len(line), every):
                queue.append((*line[k], 1 - family))
                a = self.field.angle(*line[k], family) + np.pi / 2.0
                for side in (1.02, -1.02):
                    queue.append(
                        (line[k, 0] + side * gap * np.cos(a), line[k, 1] + side * gap * np.sin(a), family)
                    )
        return self.lines


def reach(line: Array, others: shapely.Geometry, how_far: float, barred: shapely.Geometry) -> Array:
    """The street with its loose ends led on to the next street ahead, if there is one within `how_far` metres."""
    for _ in range(2):
        line = line[::-1]
        ahead = line[-1] - line[max(len(line) - 4, 0)]
        ahead = ahead / max(np.hypot(*ahead), 1e-9)
        ray = LineString([line[-1], line[-1] + how_far * ahead])
        hit = ray.intersection(others)
        if hit.is_empty:
            continue
        along = min(ray.project(Point(p)) for p in shapely.get_coordinates(hit))
        tip = line[-1] + (along + 2.0) * ahead
        if not LineString([line[-1], tip]).intersects(barred):
            line = np.vstack([line, tip])
    return line


def build(land: Land) -> list[Way]:
    """The whole network: ways cut at every junction, ends equal to the decimetre, one component."""
    old = main_roads(land)
    field = Field(land)
    growth = Growth(field, old)
    seeds = [
        (float(x), float(y))
        for way in old
        if way.kind in ("main", "ring") and way.level == 0
        for x, y in np.asarray(way.line.segmentize(25.0).coords)[::3]
    ]
    seeds += [(float(q.polygon.centroid.x), float(q.polygon.centroid.y)) for q in QUARTERS]
    grown = growth.grow(seeds)
    water = LineString(np.column_stack([land.river.x, land.river.y])[::10]).buffer(34.0)
    barred = water.union(LineString(land.dike[::5, :2]).buffer(14.0))
    drivable = [w.line for w in old if w.kind != "path"]
    streets = []
    for k, line in enumerate(grown):
        others = shapely.MultiLineString(drivable + [LineString(g) for m, g in enumerate(grown) if m != k])
        gap = field.distance(*line[len(line) // 2])
        street = LineString(np.round(reach(line, others, 1.1 * gap, barred), 1)).simplify(0.35)
        streets.append(Way(street, "street", f"street {k}", 5))
    ways = _roundabouts(old) + streets
    return _clean(ways)


def _roundabouts(ways: list[Way]) -> list[Way]:
    """Rings of 17 m at the junctions of the ring road with the departmental roads; the arms end on them."""
    for centre in ((2668.0, 1165.0), (2650.0, 2085.0)):
        disk = Point(centre).buffer(17.0, quad_segs=6)
        result = []
        for way in ways:
            for part in shapely.get_parts(way.line.difference(disk)):
                if part.length > 1.0:
                    result.append(replace(way, line=part))
        circle = LineString(np.round(shapely.get_coordinates(disk.exterior.reverse()), 1))
        if not shapely.is_ccw(circle):
            circle = circle.reverse()
        result.append(Way(circle, "roundabout", "", 1))
        ways = result
    return ways


def _clean(ways: list[Way]) -> list[Way]:
    def at_edge(end: Point2) -> bool:
        return not (-20.0 < end[0] < 4020.0 and -20.0 < end[1] < 3020.0)

    shortest = {
        "street": 38.0,
        "lane": 30.0,
        "track": 60.0,
        "path": 40.0,
        "main": 25.0,
        "ring": 60.0,
        "roundabout": 0.0,
    }
    for radius in (9.0, 14.0, 9.0, 6.0):
        ways = graph.node(ways)
        ways = graph.merge_close_nodes(ways, radius)
        ways = graph.drop_twins(ways, 14.0)
        ways = graph.prune(ways, lambda w: shortest[w.kind], at_edge)
        ways = graph.join(ways)
    for _ in range(2):
        ways = [w for w in graph.node(ways) if w.line.length > 0.5]
        ways = graph.prune(ways, lambda w: 0.5 * shortest[w.kind], at_edge)
        ways = graph.join(ways)
    roads = graph.largest_component([w for w in ways if w.kind != "path"])
    keep = {id(w) for w in graph.largest_component(ways)}
    roads_kept = {id(w) for w in roads}
    return [w for w in ways if id(w) in roads_kept or (w.kind == "path" and id(w) in keep)]
