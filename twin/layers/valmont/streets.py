"""The streets of Valmont, grown along a direction field between the old roads, and the network as a whole.

Local coordinates (see terrain.py). Method: streamlines of a tensor field, after Chen, Esch, Wonka, Müller,
Zhang (2008), Interactive procedural street modeling, ACM TOG 27(3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.spatial import cKDTree
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from twin.layers.valmont import graph
from twin.layers.valmont.graph import Way
from twin.layers.valmont.plan import CORE, QUARTERS, Point2
from twin.layers.valmont.roads import STEP, main_roads
from twin.layers.valmont.terrain import (
    CELL,
    NEW_BRIDGE,
    RING_EAST,
    RING_NORTH,
    Array,
    Land,
    noise,
    smoothstep,
)


class Field:
    """Directions of streets (as cos and sin of twice the angle) and the distance between them, on the 5 m
    tile.
    """

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
        """The streamline through a seed, both ways, until the town, the room or the river ends; None if
        too short.
        """
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
                x, y = float(line[k, 0]), float(line[k, 1])
                queue.append((x, y, 1 - family))
                a = self.field.angle(x, y, family) + np.pi / 2.0
                step = (1.02 * gap * float(np.cos(a)), 1.02 * gap * float(np.sin(a)))
                queue += [(x + step[0], y + step[1], family), (x - step[0], y - step[1], family)]
        return self.lines


def reach(line: Array, others: BaseGeometry, how_far: float, barred: BaseGeometry) -> Array:
    """The street with its loose ends led on to the next street ahead, if there is one within `how_far`
    metres.
    """
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
    joined = [w.line for w in old if w.kind not in ("path", "ring")]
    ring = [w.line for w in old if w.kind == "ring" and w.level == 0]  # only the business zone opens on it
    streets = []
    for k, line in enumerate(grown):
        others = shapely.MultiLineString(
            joined
            + (ring if line[:, 0].max() > NEW_BRIDGE else [])
            + [LineString(g) for m, g in enumerate(grown) if m != k]
        )
        gap = field.distance(*line[len(line) // 2])
        street = LineString(np.round(reach(line, others, 1.1 * gap, barred), 1)).simplify(0.35)
        streets.append(Way(LineString(street.coords), "street", f"street {k}", 5))
    ways = _roundabouts(old) + streets
    return _clean(ways)


def _roundabouts(ways: list[Way]) -> list[Way]:
    """Rings of 17 m at the junctions of the ring road with the departmental roads; the arms end on them."""
    for centre in (RING_EAST, RING_NORTH):
        disk = Point(centre).buffer(17.0, quad_segs=6)
        result: list[Way] = []
        for way in ways:
            parts = shapely.get_parts(way.line.difference(disk))
            result.extend(replace(way, line=part) for part in parts if part.length > 1.0)
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
    for radius in (9.0, 14.0, 9.0, 6.0, 4.0, 2.0):
        ways = graph.node(ways)
        ways = graph.merge_close_nodes(ways, radius)
        ways = graph.drop_twins(ways, 14.0)
        ways = graph.prune(ways, lambda w: shortest[w.kind], at_edge)
        ways = graph.join(ways)
    for _ in range(2):
        ways = graph.merge_close_nodes(graph.node(ways), 1.5)
        ways = graph.prune(ways, lambda w: 0.5 * shortest[w.kind], at_edge)
        ways = graph.join(ways)
    roads = graph.largest_component([w for w in ways if w.kind != "path"])
    keep = {id(w) for w in graph.largest_component(ways)}
    roads_kept = {id(w) for w in roads}
    return [w for w in ways if id(w) in roads_kept or (w.kind == "path" and id(w) in keep)]
