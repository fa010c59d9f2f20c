"""The road network: nodes, directed links, adjacency, and the cells of the model grid that each road crosses.

Roads are joined where their end points have exactly the same x and y, and nowhere else: roads that only cross
(bridges, or two lines drawn over each other) are not joined. Z plays no part, for it is often null.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from twin.errors import InputError, listed, told
from twin.messages import text
from twin.traversal import cells_on_lines

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.grid import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

COLUMNS = ("road_id", "nature", "importance", "lanes", "direction", "speed", "level", "drivable", "geometry")
NOT_DRIVABLE_SPEED = 1.0 / 3.6 + 1e-9  # m/s: BD TOPO gives 0 or 1 km/h to roads that cars do not use
PART = 0.05  # of the nodes: a smaller part that no road joins to the rest is a scrap at the edge of the layer
OPEN_ACCESS = ("free", "toll")  # restricted: residents and services only, no through traffic


class NoRoadForCars(InputError):
    """A layer of roads of which not one is for cars: right for a flood, nothing for traffic."""


@dataclass(frozen=True, eq=False)
class Network:
    """Directed links between nodes. A road open both ways gives two links; n nodes, m links, s segments.

    Attributes
    ----------
    node_x, node_y : (n,) in the CRS of the roads (m).
    link_from, link_to : (m,) node indices. Parallel links and self loops are kept.
    length : (m,) m. free_speed : (m,) m/s. lanes : (m,) of that direction. capacity : (m,) veh/h, all lanes.
    level : (m,) position above (+) or below (-) the ground. segment : (m,) row of `segments`.
    forward : (m,) whether the link runs along the digitising of its segment.
    out_ptr, out_link, in_ptr, in_link : CSR adjacency; the links that leave node i are
        ``out_link[out_ptr[i]:out_ptr[i + 1]]``.
    segments : canonical roads that are drivable, their index 0 … s-1.
    cell_ptr, cell_index, cell_length : CSR of the cells (flat, i·nx + j) that each segment crosses, in its
        order, and the length inside (m).
    dropped : rows of the layer that are not in the network, by reason.
    turn_from, turn_to : (k,) links: to go on from the first into the second takes `turn_cost` (k,) (s) more;
        inf: nobody may.
    bans : rows of the layer of turn bans, by what became of them.
    """

    node_x: Floats
    node_y: Floats
    link_from: Ints
    link_to: Ints
    length: Floats
    free_speed: Floats
    lanes: NDArray[np.int16]
    capacity: Floats
    level: NDArray[np.int8]
    segment: Ints
    forward: Bools
    out_ptr: Ints
    out_link: Ints
    in_ptr: Ints
    in_link: Ints
    segments: gpd.GeoDataFrame
    cell_ptr: NDArray[np.int64]
    cell_index: NDArray[np.int64]
    cell_length: Floats
    dropped: dict[str, int] = field(default_factory=dict)
    turn_from: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    turn_to: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    turn_cost: Floats = field(default_factory=lambda: np.zeros(0))
    bans: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_roads(cls, roads: gpd.GeoDataFrame, grid: Grid | None = None) -> Network:
        """Network of the drivable rows of a canonical roads layer (see twin.layers).

        Parameters
        ----------
        roads : columns road_id, nature, importance, lanes (both directions together, 0 unknown), direction
            ("both", "forward", "backward", "none"), speed (m/s), access, level, in_service, drivable,
            geometry (LineString).
        grid : for the cells that each segment crosses; None for a territory without terrain.

        Raises
        ------
        InputError
            A column is missing; as `NoRoadForCars`: not one road is drivable.
        """
        missing = [name for name in COLUMNS if name not in roads.columns]
        if missing:
            raise InputError(told("roads", listed(missing), "roads.columns", columns=listed(COLUMNS)))
        if not len(roads):
            raise NoRoadForCars(told("roads", "", "roads.empty"))
        reasons = _reasons_to_drop(roads)
        keep = reasons == ""
        dropped = {str(name): int((reasons == name).sum()) for name in np.unique(reasons[~keep])}
        if not keep.any():
            raise NoRoadForCars(
                told("roads", "drivable", "roads.none", count=len(roads), dropped=_said(dropped))
            )
        segments = roads[keep].reset_index(drop=True)
        lines = np.asarray(segments.geometry.array, dtype=object)
        ends = shapely.get_coordinates(
            np.column_stack([shapely.get_point(lines, 0), shapely.get_point(lines, -1)]).ravel()
        )
        nodes, node_of = np.unique(
            ends + 0.0, axis=0, return_inverse=True
        )  # + 0.0: -0.0 and 0.0 are one place
        node_of = node_of.reshape(-1, 2).astype(np.int32)

        direction = segments["direction"].astype(str).to_numpy()
        along = np.flatnonzero(direction != "backward").astype(np.int32)
        against = np.flatnonzero(np.isin(direction, ("both", "none", "backward"))).astype(np.int32)
        segment = np.concatenate([along, against])
        forward = np.concatenate([np.ones(along.size, bool), np.zeros(against.size, bool)])
        order = np.lexsort((~forward, segment))  # both links of a segment together, the forward one first
        segment, forward = segment[order], forward[order]
        link_from = np.where(forward, node_of[segment, 0], node_of[segment, 1]).astype(np.int32)
        link_to = np.where(forward, node_of[segment, 1], node_of[segment, 0]).astype(np.int32)

        both_ways = np.isin(direction, ("both", "none"))
        lanes, per_lane = _lanes_and_capacity(segments, both_ways)
        out_ptr, out_link = _star(link_from, len(nodes))
        in_ptr, in_link = _star(link_to, len(nodes))
        cell_ptr = np.zeros(len(segments) + 1, np.int64)
        cell_index, cell_length = np.zeros(0, np.int64), np.zeros(0)
        if grid is not None:
            owner, cell_index, cell_length = cells_on_lines(lines, grid)
            np.cumsum(np.bincount(owner, minlength=len(segments)), out=cell_ptr[1:])
        return cls(
            node_x=np.ascontiguousarray(nodes[:, 0]),
            node_y=np.ascontiguousarray(nodes[:, 1]),
            link_from=link_from,
            link_to=link_to,
            length=shapely.length(lines)[segment],
            free_speed=segments["speed"].to_numpy(np.float64)[segment],
            lanes=lanes[segment].astype(np.int16),
            capacity=(lanes * per_lane)[segment],
            level=segments["level"].fillna(0).to_numpy(np.int8)[segment],
            segment=segment.astype(np.int32),
            forward=forward,
            out_ptr=out_ptr,
            out_link=out_link,
            in_ptr=in_ptr,
            in_link=in_link,
            segments=segments,
            cell_ptr=cell_ptr,
            cell_index=cell_index,
            cell_length=cell_length,
            dropped=dropped,
        )

    def with_turn_bans(self, bans: gpd.GeoDataFrame) -> Network:
        """The same network with the turns of a canonical layer of bans (from_road, to_road, geometry and,
        where turns only take time, cost_s: nan for a ban).

        A ban holds where the two roads meet; where they meet twice, at the place nearest to its geometry.
        Bans of roads that are not in the network, that do not meet, or that are driven the other way are
        counted in `bans`. A road cut in parts (``id/1``, ``id/2``) is known by its id too.
        """
        links: dict[str, list[int]] = {}
        for a, road_id in enumerate(self.segments["road_id"].astype(str).to_numpy()[self.segment]):
            for key in {road_id, road_id.split("/")[0]}:
                links.setdefault(key, []).append(a)
        counts = dict.fromkeys(
            ("banned", "made dearer", "unknown road", "roads that do not meet", "against the traffic"), 0
        )
        costs = bans["cost_s"].to_numpy(np.float64) if "cost_s" in bans else np.full(len(bans), np.nan)
        turns: dict[tuple[int, int], float] = {}
        for first, second, cost, at in zip(
            bans["from_road"].astype(str),
            bans["to_road"].astype(str),
            np.where(np.isnan(costs), np.inf, costs).tolist(),
            bans.geometry,
            strict=True,
        ):
            if first not in links or second not in links:
                counts["unknown road"] += 1
                continue
            ends = [
                {int(x) for a in links[road] for x in (self.link_from[a], self.link_to[a])}
                for road in (first, second)
            ]
            nodes = sorted(ends[0] & ends[1])
            if not nodes:
                counts["roads that do not meet"] += 1
                continue
            if at is not None and not at.is_empty:
                nodes.sort(key=lambda i: at.distance(shapely.points(self.node_x[i], self.node_y[i])))
            here = [
                (a, b)
                for a in links[first]
                for b in links[second]
                if self.link_to[a] == nodes[0] == self.link_from[b]
            ]
            done = "banned" if cost == np.inf else "made dearer"
            counts[done if here else "against the traffic"] += 1
            for turn in here:
                turns[turn] = max(cost, turns.get(turn, 0.0))
        pairs = np.asarray(sorted(turns), np.int32).reshape(-1, 2)
        return replace(
            self,
            turn_from=np.ascontiguousarray(pairs[:, 0]),
            turn_to=np.ascontiguousarray(pairs[:, 1]),
            turn_cost=np.array([turns[turn] for turn in sorted(turns)], np.float64),
            bans={reason: n for reason, n in counts.items() if n},
        )

    @property
    def nodes(self) -> int:
        """Number of nodes n."""
        return int(self.node_x.size)

    @property
    def links(self) -> int:
        """Number of directed links m."""
        return int(self.link_from.size)

    @property
    def free_time(self) -> Floats:
        """Travel time of each link when empty (m,) (s)."""
        return self.length / self.free_speed

    @cached_property
    def strong_component(self) -> Ints:
        """(n,) number of the strongly connected component; 0 is the one with most nodes."""
        return self._components("strong")

    @cached_property
    def weak_component(self) -> Ints:
        """(n,) number of the component without regard to directions; 0 is the one with most nodes."""
        return self._components("weak")

    def _components(self, connection: str) -> Ints:
        return components(self.link_from, self.link_to, self.nodes, connection)

    @cached_property
    def anchors(self) -> Bools:
        """(n,) nodes from which people set out (see `anchors_among`)."""
        return anchors_among(self.strong_component, self.weak_component)

    def nearest_node(self, x: ArrayLike, y: ArrayLike, among: Bools | None = None) -> tuple[Ints, Floats]:
        """The nearest node to each point, and how far it is (m).

        Parameters
        ----------
        x, y : (k,) points.
        among : (n,) nodes to choose from; by default `anchors`, so that whoever starts there can come back.
        """
        chosen = np.flatnonzero(self.anchors if among is None else among)
        if chosen.size == 0:
            raise ValueError("no node to choose from")
        from scipy.spatial import cKDTree  # here: 100 ms of importing that a flood alone does not need

        tree = cKDTree(np.column_stack([self.node_x[chosen], self.node_y[chosen]]))
        distance, nearest = tree.query(np.column_stack([np.ravel(x), np.ravel(y)]))
        return chosen[nearest].astype(np.int32), np.asarray(distance, np.float64)

    def links_of_segments(self, segments: ArrayLike) -> NDArray[np.int64]:
        """The directed links of some segments (rows of `segments`)."""
        return np.flatnonzero(np.isin(self.segment, np.asarray(segments)))

    def link_geometry(self) -> NDArray[Any]:
        """(m,) LineStrings drawn in the sense of each link."""
        lines = np.asarray(self.segments.geometry.array, dtype=object)[self.segment]
        lines[~self.forward] = shapely.reverse(lines[~self.forward])
        return lines

    def report(self) -> dict[str, Any]:
        """Counts: segments, links, nodes, components, and what was dropped and why."""
        strong, weak = self.strong_component, self.weak_component
        return {
            "segments": len(self.segments),
            "links": self.links,
            "nodes": self.nodes,
            "length_km": float(shapely.length(self.segments.geometry.array).sum() / 1000.0),
            "self_loops": int((self.link_from == self.link_to).sum()),
            "parallel_links": self.links
            - len(np.unique(np.column_stack([self.link_from, self.link_to]), axis=0)),
            "strong_components": int(strong.max()) + 1,
            "nodes_in_main_strong_component": int((strong == 0).sum()),
            "weak_components": int(weak.max()) + 1,
            "nodes_in_main_weak_component": int((weak == 0).sum()),
            "segments_without_direction_taken_both_ways": int(
                (self.segments["direction"].astype(str) == "none").sum()
            ),
            "dropped": dict(self.dropped),
            "turn_bans": dict(self.bans),
        }

    def __repr__(self) -> str:
        return f"Network: {self.nodes} nodes, {self.links} links of {len(self.segments)} segments"


def components(link_from: Ints, link_to: Ints, nodes: int, connection: str) -> Ints:
    """(n,) number of the "strong" or "weak" component of each node; 0 is the one with most nodes."""
    from scipy.sparse import coo_array  # here: 100 ms of importing that a flood alone does not need
    from scipy.sparse.csgraph import connected_components

    # Values are counts of parallel links, so nothing vanishes or is summed away.
    graph = coo_array((np.ones(link_from.size), (link_from, link_to)), shape=(nodes, nodes)).tocsr()
    count, label = connected_components(graph, directed=True, connection=connection)
    size = np.bincount(label, minlength=count)
    rank = np.empty(count, np.int32)
    rank[np.argsort(-size, kind="stable")] = np.arange(count)
    return np.asarray(rank[label], np.int32)


def anchors_among(strong: Ints, weak: Ints) -> Bools:
    """(n,) nodes from which people set out: those of the main strongly connected component, and of the
    largest one in every other part (weak component) with at least `PART` of the nodes.

    A layer cut out of a larger country may fall into parts that have no road between them; people live in all
    of them. Cul-de-sacs and one-way stubs at the cut are in no such component.
    """
    found = strong == 0
    for part in np.flatnonzero(np.bincount(weak) >= PART * weak.size):
        inside = weak == part
        found |= inside & (strong == strong[inside].min())
    return np.asarray(found, bool)


def _star(end: Ints, nodes: int) -> tuple[Ints, Ints]:
    """CSR of the links by one of their ends, in link order."""
    ptr = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(end, minlength=nodes), out=ptr[1:])
    return ptr, np.argsort(end, kind="stable").astype(np.int32)


def _said(dropped: dict[str, int]) -> str:
    reasons = {name: text(f"roads.dropped.{name.replace(' ', '_')}") for name in dropped}
    return ", ".join(f"{reasons[name]} ({count})" for name, count in dropped.items())


def _reasons_to_drop(roads: gpd.GeoDataFrame) -> NDArray[Any]:
    """(rows,) why a road is not in the network; "" where it is. The first reason counts."""
    shapes = np.asarray(roads.geometry.array, dtype=object)
    reasons = np.full(len(roads), "", dtype=object)

    def drop(rows: NDArray[np.bool_], reason: str) -> None:
        reasons[rows & (reasons == "")] = reason

    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    drop(empty | (shapely.get_type_id(shapes) != int(shapely.GeometryType.LINESTRING)), "no line")
    drop(~(shapely.length(shapes) > 0), "no length")
    if "in_service" in roads.columns:
        drop(~roads["in_service"].fillna(True).to_numpy(bool), "not in service")
    drop(~roads["drivable"].fillna(False).to_numpy(bool), "not drivable")
    speed = roads["speed"].to_numpy(np.float64, na_value=np.nan)
    drop(~(np.isfinite(speed) & (speed > NOT_DRIVABLE_SPEED)), "no speed")
    if "access" in roads.columns:
        access = roads["access"].fillna("free").astype(str).to_numpy()
        drop(access == "impossible", "no access")
        drop(~np.isin(access, OPEN_ACCESS), "restricted access")
    return reasons


@cache
def capacity_table() -> tuple[tuple[str, str, int, float], ...]:
    """Rows (part of the nature, importance, lanes by default, veh/h a lane) of ``road_capacity.csv``; first
    match.
    """
    with resources.files("twin").joinpath("road_capacity.csv").open(encoding="utf-8") as file:
        return tuple(
            (row["nature"], row["importance"], int(row["lanes_default"]), float(row["capacity_veh_h_lane"]))
            for row in csv.DictReader(file)
        )


def _lanes_and_capacity(segments: gpd.GeoDataFrame, both_ways: Bools) -> tuple[Floats, Floats]:
    """Lanes of one direction and capacity of a lane (veh/h), (s,) both.

    `lanes` counts both directions: half of them, rounded down, serve each direction of a two-way road, at
    least one; where a two-way road has a single lane in all, both directions share its capacity.
    """
    nature = segments["nature"].fillna("").astype(str).str.casefold().to_numpy()
    importance = segments["importance"].fillna(0).astype(int).astype(str).to_numpy()
    total = segments["lanes"].fillna(0).to_numpy(np.float64)
    default = np.full(len(segments), math.nan)
    per_lane = np.full(len(segments), math.nan)
    for part, rank, lanes, capacity in capacity_table():
        named = np.ones(len(segments), bool) if part == "*" else np.char.find(nature.astype(str), part) >= 0
        ranked = np.ones(len(segments), bool) if rank == "*" else importance == rank
        rows = named & ranked & np.isnan(per_lane)
        default[rows], per_lane[rows] = lanes, capacity
    lanes_here = np.where(both_ways, np.maximum(np.floor(total / 2.0), 1.0), np.maximum(total, 1.0))
    lanes_here = np.where(total > 0, lanes_here, default)
    per_lane = np.where(both_ways & (total == 1.0), 0.5 * per_lane, per_lane)
    return lanes_here, per_lane
