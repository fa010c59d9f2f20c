"""The buildings of Valmont: row houses in the core, houses in gardens, blocks, sheds, and the public ones.

Local coordinates (see terrain.py). Footprints stand along the streets, off the roads, the river and the dike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.prepared import prep

from twin.layers.valmont.graph import Way
from twin.layers.valmont.plan import CORE, HAMLETS, Point2, in_core, quarter_of
from twin.layers.valmont.styles import (
    FARM,
    FAUBOURG,
    FLATS,
    HALF_ROAD,
    HOUSE,
    NARROW,
    ROW,
    SHED,
    SPECIALS,
    STYLES,
    VILLA,
    Style,
)
from twin.layers.valmont.terrain import HALF_TOP, NEW_BRIDGE, SEED, Land


@dataclass(frozen=True, eq=False)
class Building:
    """One footprint and what stands on it; height in m; dwellings; key of its quarter ("" outside)."""

    footprint: Polygon
    nature: str
    use: str
    height: float
    floors: int
    dwellings: int
    quarter: str
    light: bool = False
    name: str = ""
    year: int = 1970


class Site:
    """Where one may build: off roads, water, dike, steep ground and what is already built."""

    def __init__(self, land: Land, ways: list[Way]) -> None:
        self.land = land
        corridors = []
        for way in ways:
            half = (
                NARROW
                if way.attributes.get("narrow") or (in_core(way.line.centroid) and way.kind == "street")
                else HALF_ROAD[way.kind]
            )
            corridors.append(way.line.buffer(half + 0.3))
        self.roads = shapely.STRtree(corridors)
        obstacles = [LineString(land.dike[:, :2]).buffer(12.0)]
        obstacles += [LineString(b[:, :2]).buffer(9.0) for b in land.brooks.values()]
        obstacles.append(box(NEW_BRIDGE - 24.0, 1180.0, NEW_BRIDGE + 32.0, 2010.0))
        self.obstacles = shapely.STRtree(obstacles)
        river = LineString(np.column_stack([land.river.x, land.river.y])[::5])
        self.water = prep(river.buffer(HALF_TOP + 6.0))
        self.extent = prep(box(6.0, 6.0, 3994.0, 2994.0))
        self.bins: dict[tuple[int, int], list[Polygon]] = defaultdict(list)

    def _bins(self, shape: Polygon) -> list[tuple[int, int]]:
        a, b, c, d = shape.bounds
        return [
            (i, j)
            for i in range(int(a // 50), int(c // 50) + 1)
            for j in range(int(b // 50), int(d // 50) + 1)
        ]

    def free(self, shape: Polygon, clearance: float = 0.0, slope: float = 0.22) -> bool:
        """Whether the footprint may stand here; `clearance` (m) from other buildings."""
        if not self.extent.contains(shape) or self.water.intersects(shape):
            return False
        if (
            self.roads.query(shape, predicate="intersects").size
            or self.obstacles.query(shape, predicate="intersects").size
        ):
            return False
        corners = np.asarray(shape.exterior.coords)
        z = self.land.sample(corners[:, 0], corners[:, 1])
        if np.ptp(z) > slope * np.hypot(*np.ptp(corners, axis=0)):
            return False
        tested = shape.buffer(clearance) if clearance else shape.buffer(-0.05)
        return not any(tested.intersects(other) for key in self._bins(tested) for other in self.bins[key])

    def take(self, shape: Polygon) -> None:
        """Note a footprint as built."""
        for key in self._bins(shape):
            self.bins[key].append(shape)


def _one(shape: BaseGeometry) -> Polygon:
    """The shape, or its hull when it is not one polygon."""
    if isinstance(shape, Polygon):
        return shape
    hull = shape.convex_hull
    if not isinstance(hull, Polygon):
        raise TypeError(f"no footprint can be made of a {shape.geom_type}")
    return hull


def _shape(random: np.random.Generator, frontage: float, depth: float, bent: bool) -> Polygon:
    """A footprint with its street side on y = 0 from x = 0 to `frontage`, body towards +y."""
    body = box(0.0, 0.0, frontage, depth)
    if bent:
        wing = frontage * (0.35 + 0.2 * random.random())
        back = depth * (0.3 + 0.35 * random.random())
        x = 0.0 if random.random() < 0.5 else frontage - wing
        return _one(body.union(box(x, depth - 0.1, x + wing, depth + back)))
    return body


def _between(random: np.random.Generator, bounds: tuple[float, float]) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * float(random.random())


def _attributes(random: np.random.Generator, style: Style, area: float) -> dict[str, Any]:
    """Nature, use, floors, height, dwellings and year for a footprint of a style."""
    low, high = style.floors
    floors = low + int(random.random() * (high - low + 1))
    year = int(_between(random, (float(style.year[0]), float(style.year[1]))))
    if style is SHED:
        use = "Industriel" if random.random() < 0.45 else "Commercial et services"
        return {
            "nature": "Industriel, agricole ou commercial",
            "use": use,
            "floors": 1,
            "height": round(6.0 + 5.0 * float(random.random()), 1),
            "dwellings": 0,
            "year": year,
        }
    height = round(2.85 * floors + 1.6 + 1.2 * float(random.random()), 1)
    use, dwellings = "Résidentiel", 1
    if style is FLATS:
        dwellings = max(int(area * floors / 85.0), 4)
    elif style is ROW:
        dwellings = 1 + int(random.random() < 0.45) + int(random.random() < 0.25) * (floors - 1)
        if random.random() < 0.16:
            use = "Commercial et services"
            dwellings = max(dwellings - 1, 0)
    elif style is FAUBOURG:
        dwellings = 1 + int(random.random() < 0.25)
    elif style is FARM and random.random() < 0.45:
        return {
            "nature": "Industriel, agricole ou commercial",
            "use": "Agricole",
            "floors": 1,
            "height": round(5.0 + 3.0 * float(random.random()), 1),
            "dwellings": 0,
            "year": year,
        }
    return {
        "nature": "Indifférenciée",
        "use": use,
        "floors": floors,
        "height": height,
        "dwellings": dwellings,
        "year": year,
    }


def _plan(boxes: tuple[tuple[float, ...], ...]) -> Polygon:
    """One footprint about (0, 0) from boxes (dx, dy, width, depth)."""
    shape = shapely.union_all([box(dx - w / 2, dy - d / 2, dx + w / 2, dy + d / 2) for dx, dy, w, d in boxes])
    shape = shape.buffer(3.0, join_style="mitre").buffer(-3.0, join_style="mitre")
    return _one(shape)


def _settle(
    site: Site, plan: Polygon, place: Point2, streets: shapely.STRtree, *, upright: bool
) -> Polygon | None:
    """The plan at the nearest free place within 360 m, square to the nearest street (or to the east)."""
    for ring in range(60):
        for k in range(max(6 * ring, 1)):
            a = 2.0 * np.pi * k / max(6 * ring, 1)
            x, y = place[0] + 6.0 * ring * np.cos(a), place[1] + 6.0 * ring * np.sin(a)
            line = streets.geometries[int(streets.nearest(Point(x, y)))]
            s = line.project(Point(x, y))
            p, q = line.interpolate(max(s - 6.0, 0.0)), line.interpolate(s + 6.0)
            angle = 0.0 if upright else float(np.degrees(np.arctan2(q.y - p.y, q.x - p.x)))
            shape = affinity.translate(affinity.rotate(plan, angle, origin=(0, 0)), x, y)
            if site.free(shape, 4.0):
                return snapped(shape)
    return None


def snapped(shape: Polygon) -> Polygon:
    """The footprint on the decimetre lattice of the product."""
    return Polygon(shapely.set_precision(shape, 0.1).exterior) if shape.area > 1.0 else shape


def specials(site: Site, ways: list[Way]) -> dict[str, Building]:
    """The public buildings, each near the place wanted."""
    streets = shapely.STRtree([w.line for w in ways if w.kind in ("main", "street", "lane")])
    result = {}
    for key, name, nature, use, place, boxes, height, floors in SPECIALS:
        shape = _settle(site, _plan(boxes), place, streets, upright=key == "church")
        if shape is None:
            raise RuntimeError(f"no place for {name}")
        site.take(shape)
        dwellings = 70 if key == "retirement_home" else 1 if key == "mill" else 0
        result[key] = Building(
            shape,
            nature,
            use,
            height,
            floors,
            dwellings,
            quarter_of(shape.centroid.x, shape.centroid.y),
            name=name,
            year=1890,
        )
    return result


StyleAt = Callable[[Point], tuple[Style | None, float]]


def _line_up(
    site: Site, way: Way, style_at: StyleAt, random: np.random.Generator, result: list[Building]
) -> None:
    """Buildings along both sides of a way."""
    line = way.line
    half = (
        NARROW
        if way.attributes.get("narrow") or (way.kind == "street" and in_core(line.centroid))
        else HALF_ROAD[way.kind]
    )
    for side in (1.0, -1.0):
        s = float(random.random()) * 6.0 + half
        while s < line.length - 6.0:
            point = line.interpolate(s)
            style, chance = style_at(point)
            if style is None:
                s += 12.0
                continue
            if random.random() > chance:
                s += style.frontage[0] + style.gap[1]
                continue
            frontage, depth = _between(random, style.frontage), _between(random, style.depth)
            setback = _between(random, style.setback)
            if s + frontage > line.length + 2.0:
                break
            a, b = line.interpolate(s), line.interpolate(min(s + frontage, line.length))
            angle = np.arctan2(b.y - a.y, b.x - a.x)
            shape = _shape(random, frontage, depth, bool(random.random() < style.bent))
            placed = None
            for extra in (0.0, 0.5, 1.5, 3.5):  # inside of a bend a little further back
                offset = half + 0.4 + setback + extra
                m = np.array([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)])
                if side > 0:
                    matrix = [
                        m[0],
                        m[2],
                        m[1],
                        m[3],
                        a.x - offset * np.sin(angle),
                        a.y + offset * np.cos(angle),
                    ]
                else:
                    matrix = [
                        m[0],
                        -m[2],
                        m[1],
                        -m[3],
                        a.x + offset * np.sin(angle),
                        a.y - offset * np.cos(angle),
                    ]
                candidate = shapely.set_precision(affinity.affine_transform(shape, matrix), 0.1)
                if candidate.geom_type == "Polygon" and site.free(
                    candidate, 0.0 if style.attached > 0.3 else 2.5
                ):
                    placed = candidate
                    break
            if placed is None:
                s += 5.0
                continue
            site.take(placed)
            quarter = quarter_of(placed.centroid.x, placed.centroid.y)
            result.append(Building(placed, quarter=quarter, **_attributes(random, style, placed.area)))
            if style in (HOUSE, VILLA, FAUBOURG, FARM) and random.random() < 0.34:
                _annex(site, placed, angle, side, random, result, quarter)
            s += frontage + (0.1 if random.random() < style.attached else _between(random, style.gap))


def _annex(
    site: Site,
    house: Polygon,
    angle: float,
    side: float,
    random: np.random.Generator,
    result: list[Building],
    quarter: str,
) -> None:
    """A garage or garden shed behind a house."""
    back = angle + side * np.pi / 2.0
    c = house.centroid
    reach = 13.0 + 6.0 * random.random()
    shift = 8.0 * (random.random() - 0.5)
    shape = affinity.rotate(
        box(-1.8 - 1.5 * random.random(), -2.5, 1.8, 2.7), np.degrees(angle), origin=(0, 0)
    )
    shape = affinity.translate(
        shape,
        c.x + reach * np.cos(back) + shift * np.cos(angle),
        c.y + reach * np.sin(back) + shift * np.sin(angle),
    )
    shape = shapely.set_precision(shape, 0.1)
    if site.free(shape, 1.0):
        site.take(shape)
        result.append(
            Building(
                shape,
                "Indifférenciée",
                "Annexe",
                round(2.4 + random.random(), 1),
                1,
                0,
                quarter,
                bool(random.random() < 0.4),
                year=1990,
            )
        )


def build(land: Land, ways: list[Way]) -> tuple[list[Building], dict[str, Building]]:
    """All buildings (the singular ones included), and the singular ones by key."""
    random = np.random.Generator(np.random.PCG64([SEED, 40]))
    site = Site(land, ways)
    public = specials(site, ways)
    # Keep the market square and a yard in front of the public buildings open.
    for key in ("church", "hospital", "college", "school_pres", "school_ferry", "supermarket"):
        site.take(public[key].footprint.buffer(9.0))
    site.take(Point(CORE).buffer(20.0))
    result = list(public.values())

    def style_at(point: Point) -> tuple[Style | None, float]:
        key = quarter_of(point.x, point.y)
        if key == "les_tilleuls":
            return (FLATS, 0.85) if point.y > 2110.0 and 1990.0 < point.x < 2480.0 else (HOUSE, 0.9)
        if key == "gare" and point.x < 2140.0:
            return FAUBOURG, 0.92
        if key == "bas_du_mail" and point.x > 1500.0:
            return FAUBOURG, 0.9
        if key:
            return STYLES[key], 0.93
        for place, radius in HAMLETS.values():
            away = np.hypot(point.x - place[0], point.y - place[1])
            if away < 1.7 * radius:
                return FARM, 0.85 if away < radius else 0.45
        away = np.hypot(point.x - CORE[0], point.y - CORE[1])
        return HOUSE, float(np.exp(-(((away - 350.0) / 520.0) ** 2))) if away > 350.0 else 0.9

    order = {"main": 0, "street": 1, "lane": 2}
    front = [w for w in ways if w.kind in order and w.level == 0]
    core_first = sorted(front, key=lambda w: (order[w.kind], round(w.line.centroid.distance(Point(CORE)), 1)))
    for way in core_first:
        _line_up(site, way, style_at, random, result)
    _farms(site, random, result)
    return result, public


def _farms(site: Site, random: np.random.Generator, result: list[Building]) -> None:
    """Barns and sheds of the farms in the hamlets."""
    for place, radius in HAMLETS.values():
        made = 0
        for _ in range(80):
            a, r = 2.0 * np.pi * random.random(), radius * (0.2 + 0.8 * random.random())
            w, d = 16.0 + 22.0 * random.random(), 11.0 + 8.0 * random.random()
            shape = affinity.rotate(box(-w / 2, -d / 2, w / 2, d / 2), 180.0 * random.random(), origin=(0, 0))
            shape = shapely.set_precision(
                affinity.translate(shape, place[0] + r * np.cos(a), place[1] + r * np.sin(a)), 0.1
            )
            if site.free(shape, 5.0, 0.15):
                site.take(shape)
                result.append(
                    Building(
                        shape,
                        "Industriel, agricole ou commercial",
                        "Agricole",
                        round(6.0 + 3.0 * random.random(), 1),
                        1,
                        0,
                        "",
                        year=1985,
                    )
                )
                made += 1
                if made == 4:
                    break


def inhabitants(buildings: list[Building]) -> NDArray[np.int64]:
    """Inhabitants of each building: dwellings times the size of the households there."""
    size = {"vieux_bourg": 1.7, "saint_nicolas": 1.9, "les_tilleuls": 2.2, "les_pres": 2.5, "la_cote": 2.4}
    return np.array(
        [
            round(b.dwellings * (1.0 if b.name.startswith("EHPAD") else size.get(b.quarter, 2.3)))
            for b in buildings
        ],
        dtype=np.int64,
    )
