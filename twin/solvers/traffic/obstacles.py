"""What slows or closes a road: water standing on it, and closures that people decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import Problems, suggest
from twin.scenarios.events import Event, RoadClosure
from twin.scenarios.measures import place_geometry
from twin.subgrid import depths_on_roads
from twin.traversal import level_of, on_ground, portals

if TYPE_CHECKING:
    from twin.domain import Domain
    from twin.network import Network
    from twin.road_ground import RoadGround
    from twin.scenarios.scenario import Scenario

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Films thinner than this neither slow nor close a road (m): they are rain running off, not standing water.
WET_DEPTH = 0.05
#: Farthest that the road of a closure may be from its place (m).
REACH = 50.0


def speed_in_water(depth: Floats, free_speed: Floats) -> Floats:
    """Speed of cars in standing water (m/s): Pregnolato et al. 2017 (Transportation Research D 55).

    v = 0.0009 w² - 0.5529 w + 86.9448 km/h for w in mm up to 300, never above the free speed; held constant
    beyond 300 mm (whether the road is closed there is the caller's business). Below `WET_DEPTH`: free.
    """
    w = np.minimum(depth * 1000.0, 300.0)
    in_water = (0.0009 * w * w - 0.5529 * w + 86.9448) / 3.6
    return np.where(depth < WET_DEPTH, free_speed, np.minimum(in_water, free_speed))


@dataclass(frozen=True, eq=False)
class WetPlaces:
    """The places that say how deep the water on each segment is, and what they say.

    A segment is as deep as the deepest place that it crosses: the cells of the model, or, where these carry
    the fine terrain, its cells. A bridge (level > 0) has no places: the model knows the ground below it, not
    the deck. A tunnel (level < 0) has its two ends: water enters by the portals, not by the joints between
    parts that are all under ground. Cells under a building are left out (their bed is the roof).

    Attributes
    ----------
    segment : (k,) row of the network's segments of each place.
    chosen : (k,) which cells of the network, or of `ground`, they are.
    ground : the fine terrain, None where the cells of the model say it.
    """

    domain: Domain
    segments: int
    segment: NDArray[np.int64]
    chosen: NDArray[np.int64]
    ground: RoadGround | None

    @classmethod
    def of(cls, domain: Domain, *, fine: bool = False) -> WetPlaces:
        """The places of every segment of the network "roads"; `fine`: the water depth of a cell is its volume
        over its area, so they are those of the fine terrain (`twin.road_ground`).
        """
        network = domain.networks["roads"]
        ground = domain.road_ground if fine else None
        count = len(network.segments)
        segment = np.repeat(np.arange(count), np.diff(network.cell_ptr)) if ground is None else ground.segment
        segments = network.segments
        layer = segments if domain.roads is None else domain.roads
        lines, level = np.asarray(segments.geometry.array, dtype=object), level_of(segments)
        entered = portals(lines, level, layer.geometry.array, level_of(layer))
        bounds = (0.0, 0.0, 0.0, 0.0) if domain.grid is None else domain.grid.bounds
        use = on_ground(segment, lines, level, entered, bounds)
        if ground is None and "blocked" in domain.fields:
            use &= ~domain.field("blocked").astype(bool).ravel()[network.cell_index]
        return cls(domain, count, segment[use], np.flatnonzero(use), ground)

    def depths(self, water_depth: NDArray[np.floating]) -> Floats:
        """Water depth at each place, (k,) (m), from that of the cells, (ny, nx) (m)."""
        if self.ground is not None:
            return depths_on_roads(self.domain, self.ground, water_depth)[self.chosen]
        cell = self.domain.networks["roads"].cell_index[self.chosen]
        return np.nan_to_num(np.asarray(water_depth, np.float64).ravel()[cell])

    def deepest(self, depths: Floats, left_out: Bools) -> Floats:
        """Depth on each segment (s,) (m) from that at the places; those of `left_out` (k,) do not count."""
        deepest = np.zeros(self.segments)
        np.maximum.at(deepest, self.segment[~left_out], depths[~left_out])
        return deepest


@dataclass(frozen=True, eq=False)
class Closure:
    """Segments (rows of the network's) that are closed from `start` until `end` (s), to `vehicles` or, where
    it is empty, to all.
    """

    segments: NDArray[np.int64]
    start: float
    end: float
    vehicles: tuple[str, ...] = ()

    def active(self, t: float) -> bool:
        """Whether the roads are closed at a time (s)."""
        return self.start <= t < self.end


def roads_at(
    geometry: shapely.Geometry, shapes: NDArray[np.object_], tree: shapely.STRtree | None = None
) -> tuple[list[int], float]:
    """Roads (rows of `shapes`) at a place: at a point the nearest, at a line or polygon every road that it
    crosses, the nearest where it crosses none; and how far the farthest of these is (m).
    """
    tree = shapely.STRtree(shapes) if tree is None else tree
    rows: set[int] = set()
    farthest = 0.0
    for part in shapely.get_parts(geometry):
        hit = [] if part.geom_type == "Point" else tree.query(part, predicate="intersects").tolist()
        if not hit:
            hit = [int(tree.nearest(part))]
            farthest = max(farthest, float(shapely.distance(part, shapes[hit[0]])))
        rows.update(hit)
    return sorted(rows), farthest


def closures_of(scenario: Scenario, domain: Domain, network: Network) -> list[Closure]:
    """The road closures of a scenario on a network.

    `links` are road ids. At a point it is the nearest road that is closed; at a line or polygon every road
    that it crosses, the nearest where it crosses none.

    Raises
    ------
    InputError
        A road id that is not in the network, a place that is not known or more than 50 m from any road; all
        at once.
    """
    problems = Problems()
    known: dict[str, list[int]] = {}
    for row, road_id in enumerate(network.segments["road_id"].astype(str)):
        known.setdefault(road_id, []).append(row)
    others = set() if domain.roads is None else set(domain.roads["road_id"].astype(str)) - known.keys()
    shapes = np.asarray(network.segments.geometry.array, dtype=object)
    tree = shapely.STRtree(shapes)
    found = []
    events: tuple[Event, ...] = scenario.events
    for number, event in enumerate(events, start=1):
        if not isinstance(event, RoadClosure):
            continue
        key = f"events[{number}]"
        rows: set[int] = set()
        for road_id in event.links:
            if road_id in known:
                rows.update(known[road_id])
            elif road_id in others:
                problems.tell(scenario.where, f"{key}.links", "traffic.not_for_cars", road=road_id)
            else:
                hint = suggest(road_id, known)
                problems.tell(scenario.where, f"{key}.links", "traffic.no_road_id", hint, found=road_id)
        if event.at is not None:
            geometry = place_geometry(domain, event.at, scenario.where, f"{key}.at")
            hit, distance = roads_at(geometry, shapes, tree)
            if distance > REACH:
                problems.tell(
                    scenario.where, f"{key}.at", "traffic.far_place", place=event.at,
                    distance=f"{distance:.0f}", most=f"{REACH:.0f}",
                )  # fmt: skip
            rows.update(hit)
        start, end = event.window
        if not end > start:
            problems.tell(
                scenario.where, f"{key}.end", "traffic.end_first", end=f"{end:g}", start=f"{start:g}"
            )
        found.append(Closure(np.asarray(sorted(rows), np.int64), start, end, event.vehicles))
    problems.raise_if_any()
    return found
