"""From a heap of lines to a road graph: noded, cleaned, cut at every junction, ends exactly equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry import LineString, Point

SNAP = 0.1  # m: BD TOPO gives coordinates to the decimetre


@dataclass(frozen=True, eq=False)
class Way:
    """A line with what it is: kind ("main", "street", "lane", "track", "path" …), name, and further
    attributes.
    """

    line: LineString
    kind: str
    name: str = ""
    rank: int = 5  # 1 is first: decides whose attributes a shared stretch takes
    level: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def fixed(self) -> bool:
        """Ends that may not move: bridge decks and roundabouts."""
        return self.level != 0 or self.kind == "roundabout"


def node(ways: Iterable[Way]) -> list[Way]:
    """Cut all ways where they meet, on a decimetre lattice; a stretch drawn twice goes to the lowest rank."""
    ways = list(ways)
    merged = shapely.unary_union([w.line for w in ways], grid_size=SNAP)
    pieces = [p for p in shapely.get_parts(merged) if p.length > 0.0]
    tree = shapely.STRtree([w.line for w in ways])
    result = []
    for piece in pieces:
        middle = piece.interpolate(0.5, normalized=True)
        near = tree.query(middle.buffer(3.0 * SNAP), predicate="intersects")
        if near.size == 0:
            near = np.atleast_1d(tree.nearest(middle))
        source = ways[min(near, key=lambda k: (ways[k].rank, ways[k].line.distance(middle), k))]
        forward = source.line.project(Point(piece.coords[0])) <= source.line.project(Point(piece.coords[-1]))
        if source.kind == "roundabout":
            first = source.line.project(piece.interpolate(0.3, normalized=True))
            forward = first <= source.line.project(piece.interpolate(0.7, normalized=True))
        result.append(replace(source, line=piece if forward else piece.reverse()))
    return result


def _ends(way: Way) -> tuple[tuple[float, float], tuple[float, float]]:
    a, b = way.line.coords[0], way.line.coords[-1]
    return (round(a[0], 1), round(a[1], 1)), (round(b[0], 1), round(b[1], 1))


def merge_close_nodes(ways: list[Way], radius: float) -> list[Way]:
    """Junctions closer than `radius` become one; a way shorter than that vanishes in it."""
    rank: dict[tuple[float, float], int] = {}
    fixed: set[tuple[float, float]] = set()
    for way in ways:
        for end in _ends(way):
            rank[end] = min(rank.get(end, 99), way.rank)
            if way.fixed:
                fixed.add(end)
    nodes = sorted(rank)
    parent = list(range(len(nodes)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    crumbs = {
        frozenset(_ends(w)) for w in ways if w.fixed and w.line.length < radius
    }  # cut off a deck by a graze
    held = {k for k, point in enumerate(nodes) if point in fixed}
    for a, b in sorted(cKDTree(np.array(nodes)).query_pairs(radius)):
        ra, rb = root(a), root(b)
        if ra == rb:
            continue
        both = ra in held and rb in held
        if both and frozenset((nodes[a], nodes[b])) not in crumbs:
            continue
        parent[rb] = ra
        if rb in held:
            held.add(ra)
    groups: dict[int, list[int]] = defaultdict(list)
    for k in range(len(nodes)):
        groups[root(k)].append(k)
    place = {}
    for members in groups.values():
        best = min(members, key=lambda k: (nodes[k] not in fixed, rank[nodes[k]], k))
        leaders = (
            [k for k in members if rank[nodes[k]] == rank[nodes[best]]]
            if nodes[best] not in fixed
            else [best]
        )
        centre = np.mean([nodes[k] for k in leaders], axis=0)
        for k in members:
            place[nodes[k]] = (round(float(centre[0]), 1), round(float(centre[1]), 1))
    result = []
    for way in ways:
        a, b = _ends(way)
        start, end = place[a], place[b]
        if start == end and way.line.length < 6.0 * radius:
            continue
        inner = [c[:2] for c in way.line.coords[1:-1]]
        keep = (
            [
                c
                for c in inner
                if np.hypot(c[0] - start[0], c[1] - start[1]) > 0.8 * radius
                and np.hypot(c[0] - end[0], c[1] - end[1]) > 0.8 * radius
            ]
            if (a, b) != (start, end)
            else inner
        )
        result.append(replace(way, line=LineString([start, *keep, end])))
    return result


def drop_twins(ways: list[Way], radius: float) -> list[Way]:
    """Of two ways with the same ends and nearly the same course, the one of lower rank stays."""
    groups: dict[frozenset[tuple[float, float]], list[Way]] = defaultdict(list)
    for way in ways:
        groups[frozenset(_ends(way))].append(way)
    result = []
    for group in groups.values():
        kept: list[Way] = []
        for way in sorted(group, key=lambda w: (w.rank, w.line.length)):
            if all(way.line.hausdorff_distance(other.line) > radius for other in kept):
                kept.append(way)
        result.extend(kept)
    return result


def degrees(ways: Iterable[Way]) -> dict[tuple[float, float], int]:
    """How many way ends meet at each node."""
    count: dict[tuple[float, float], int] = defaultdict(int)
    for way in ways:
        for end in _ends(way):
            count[end] += 1
    return count


def prune(
    ways: list[Way], shortest: Callable[[Way], float], keep_end: Callable[[tuple[float, float]], bool]
) -> list[Way]:
    """Dead ends shorter than `shortest(way)` go, again and again; ends for which `keep_end` holds are no
    dead ends.
    """
    while True:
        count = degrees(ways)
        kept = [
            w
            for w in ways
            if w.fixed or w.line.length >= shortest(w) or all(count[e] > 1 or keep_end(e) for e in _ends(w))
        ]
        if len(kept) == len(ways):
            return ways
        ways = kept


def join(ways: list[Way]) -> list[Way]:
    """Ways that meet alone at a node and are the same road become one."""
    at: dict[tuple[float, float], list[int]] = defaultdict(list)
    live: dict[int, Way] = dict(enumerate(ways))
    for k, way in live.items():
        for end in _ends(way):
            at[end].append(k)
    for point in sorted(at):
        meeting = at[point]
        if len(meeting) != 2 or meeting[0] == meeting[1]:
            continue
        a, b = live[meeting[0]], live[meeting[1]]
        if (a.kind, a.name, a.level, a.attributes) != (
            b.kind,
            b.name,
            b.level,
            b.attributes,
        ) or a.kind == "roundabout":
            continue
        first = list(a.line.coords) if _ends(a)[1] == point else list(a.line.coords)[::-1]
        second = list(b.line.coords) if _ends(b)[0] == point else list(b.line.coords)[::-1]
        if first[0] == second[-1]:
            continue  # would close a loop
        flipped = _ends(a)[1] != point
        line = LineString(first + second[1:])
        joined = replace(a, line=line.reverse() if flipped else line, rank=min(a.rank, b.rank))
        old = meeting[1]
        live[meeting[0]] = joined
        del live[old]
        for end in _ends(b):
            at[end] = [meeting[0] if k == old else k for k in at[end]]
        at[point] = []
    return [live[k] for k in sorted(live)]


def largest_component(ways: list[Way]) -> list[Way]:
    """The ways of the connected component with the greatest length."""
    component: dict[tuple[float, float], tuple[float, float]] = {}

    def root(p: tuple[float, float]) -> tuple[float, float]:
        component.setdefault(p, p)
        while component[p] != p:
            component[p] = component[component[p]]
            p = component[p]
        return p

    for way in ways:
        a, b = _ends(way)
        component[root(b)] = root(a)
    length: dict[tuple[float, float], float] = defaultdict(float)
    for way in ways:
        length[root(_ends(way)[0])] += way.line.length
    best = max(length, key=lambda p: (length[p], p))
    return [w for w in ways if root(_ends(w)[0]) == best]
