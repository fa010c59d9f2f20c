"""User equilibrium to machine precision by paired alternative segments.

Bar-Gera 2010 (Transportation Research B 44, TAPAS), with the direct search of segments of Xie and Xie 2016
(B 93, iTAPAS) and without a proportionality step (link volumes are unique, route flows are not). Rows (class
and origin) go in batches of a fixed size: the trees of a batch are mended in parallel, then its dear links
are mended one after the other. So the answer does not depend on the number of threads. Memory goes with the
links that each row really uses, and two bytes for each of its nodes.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.solvers.traffic.kernels_look import look, look_alone
from twin.solvers.traffic.kernels_pairs import chain, drop_idle, group_members, sweep
from twin.solvers.traffic.kernels_pas import search
from twin.solvers.traffic.kernels_pool import add_rows, compact, load_tree, mark_slots, place_slots
from twin.solvers.traffic.kernels_shift import BASE, COST, INVERSE, POWER, SLOPE, VOLUME, fill_road
from twin.solvers.traffic.kernels_trees import NO_ENTRY
from twin.solvers.traffic.problem import not_finite
from twin.solvers.traffic.trees import ALONE, BLOCKS, mend

if TYPE_CHECKING:
    from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Ints, Loading

    Longs = NDArray[np.int64]
    Ranks = NDArray[np.uint16]

BATCH = 32  # rows whose trees are grown at the same costs
COARSE = 0.1  # of the gap found last: used links dearer than the tree by a smaller share wait
BEGIN = 0.3  # the gap that the first iteration expects
SWEEPS = 20  # over all pairs after each search, at most …
MORE_SWEEPS = 100  # … and where the pairs have few links, so that trees cost more than sweeps
FEW = 200_000  # links of all pairs
ROUNDING = 1e-15  # relative cost difference below which two segments cost the same
DUST = 1e-12  # of the trips of a row: flow that rounding may leave where a closure has cut the row off
FINE = 1e-4  # of the gap asked for: the same, where the gap is coarser
SLACK = 1e-3  # of the gap found last: pairs nearer to balance than this wait for a later sweep
ENOUGH, LITTLE = 0.02, 1e-4  # a sweep that finds less than this share of the first one's is the last


@dataclass(frozen=True, eq=False)
class RowFlows:
    """Flows by row on the links that each uses: links ``link[row_ptr[o]:row_ptr[o + 1]]`` (star order)."""

    row_ptr: Longs
    link: Ints
    flow: Floats

    def dense(self, links: int) -> Floats:
        """The same as a table (o, m)."""
        out = np.zeros((self.row_ptr.size - 1, links))
        out[np.repeat(np.arange(len(out)), np.diff(self.row_ptr)), self.link] = self.flow
        return out


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of alternative segments as lists, and the rows that are their members (see `kernels_pas`); places
    of links in star order.
    """

    kind: Ints
    start: Longs
    middle: Longs
    stop: Longs
    links: Ints
    member_pair: Ints
    member_row: Ints


@dataclass(frozen=True, eq=False)
class State:
    """All that an assignment needs to go on: flows by row, pairs, trees (rows, n) as ranks."""

    flows: RowFlows
    pairs: Pairs
    trees: Ranks


class PairedSegments:
    """The flows by row of an assignment that goes on, its pairs of alternative segments and its trees.

    Attributes
    ----------
    trees : (rows, n) the last tree of each row. iterations : so far. history : (seconds, gap found) of each.
        The gap found adds up what each row saw when its tree was grown, costs changing from batch to batch:
        it is for stopping, it is not the verdict.
    """

    def __init__(
        self, network: AssignmentNetwork, loading: Loading, start: tuple[State, Floats] | None = None
    ) -> None:
        """`start`: a state to go on from, and trips (p,) that are not in its flows yet."""
        self._begun = time.perf_counter()
        self.network, self.loading = network, loading
        m, n, rows = network.links, network.nodes, loading.rows
        self.iterations = 0
        self.history: list[tuple[float, float]] = []
        self._road = np.zeros((m, 8))
        for column, values in zip((BASE, SLOPE, INVERSE, POWER), network.star.curves, strict=True):
            self._road[:, column] = values
        self._distance = np.empty((BATCH, n))
        self._entry = np.empty((BATCH, n), np.int32)
        self._batches = loading.batches(BATCH)
        self._plain = not loading.extra.any()
        self._mark, self._scratch = np.zeros(n, np.int64), np.empty(n, np.int32)
        self._where = np.full(m, -1, np.int32)
        self._extra, self._extra_end = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._newest, self._first_at = np.full(rows, -1, np.int64), np.full(n, -1, np.int64)
        self._excess = np.zeros(rows)
        trips = np.add.reduceat(loading.pair_trips, loading.pair_ptr[:-1]) if rows else np.zeros(0)
        self._dust = DUST * trips
        # Pairs, their links, members, their slots, slots of the pool, stamp of `mark`.
        self._sizes = np.zeros(6, np.int64)
        pairs, members, used, filled = 1024, 4096, 1 << 16, 1 << 17
        if start is not None:
            flows, lists, self.trees = start[0].flows, start[0].pairs, start[0].trees
            length = lists.stop - lists.start
            used, filled = used + lists.links.size, filled + int(length[lists.member_pair].sum())
            pairs, members = pairs + lists.kind.size, members + lists.member_row.size
            self._row_ptr, size = flows.row_ptr.copy(), flows.link.size
        else:
            self.trees = np.full((rows, n), NO_ENTRY, np.uint16)
            self._row_ptr, size = np.zeros(rows + 1, np.int64), 0
        self._pool_link = np.empty(size + 8 * n + m, np.int32)
        self._pool_flow = np.empty(self._pool_link.size)
        self._kind, self._offset = np.empty(pairs, np.int32), np.zeros(pairs)
        self._start, self._middle, self._stop, self._turn, self._idle, self._next_at = (
            np.empty(pairs, np.int64) for _ in range(6)
        )
        self._joined, self._joined_stamp = np.empty(pairs, np.int64), np.zeros(pairs, np.int64)
        self._links = np.empty(used + 8 * n, np.int32)
        self._member_pair, self._member_row = np.empty(members, np.int32), np.empty(members, np.int32)
        self._member_slot, self._previous = np.empty(members, np.int64), np.empty(members, np.int64)
        self._slots = np.empty(filled + 16 * n, np.int32)
        self._member_ptr = np.zeros(pairs + 1, np.int64)
        if start is not None:
            self._take(start[0])
            self._load(start[1])
            self._begin = 0.0
        else:
            self._load(loading.pair_trips)
            self._begin = BEGIN

    @property
    def flows(self) -> RowFlows:
        """The present flows by row (views, not copies)."""
        size = self._sizes[4]
        return RowFlows(self._row_ptr, self._pool_link[:size], self._pool_flow[:size])

    @property
    def state(self) -> State:
        """The present state; pairs are copies, the rest are views."""
        count, used, members = self._sizes[:3]
        pairs = Pairs(
            self._kind[:count].copy(), self._start[:count].copy(), self._middle[:count].copy(),
            self._stop[:count].copy(), self._links[:used].copy(), self._member_pair[:members].copy(),
            self._member_row[:members].copy(),
        )  # fmt: skip
        return State(self.flows, pairs, self.trees)

    def advance(self, gap: float, max_iterations: int) -> None:
        """Iterate, at least once, until the gap is probably below `gap`, or iterations reach their most.

        What an iteration finds was there before its own shifts: the gap that it leaves is foretold from the
        rate at which the last two fell.
        """
        while self.iterations < max_iterations:
            found = self._iterate(gap)
            before = self.history[-2][1] if len(self.history) > 1 else 1.0
            if found * min(found / before if before > 0 else 0.0, 1.0) <= 0.8 * gap:
                break

    def settle(self, gap: float) -> None:
        """Sweep over the pairs that are there, without looking for others: the cheap part of a warm start."""
        self._sweeps(max(ROUNDING, FINE * gap))

    # -- inside --------------------------------------------------------------------

    def _take(self, state: State) -> None:
        """Begin with flows, pairs and trees of another assignment."""
        flows, pairs = state.flows, state.pairs
        count, used, members, size = (
            pairs.kind.size, pairs.links.size, pairs.member_row.size, flows.link.size
        )  # fmt: skip
        self._pool_link[:size], self._pool_flow[:size] = flows.link, flows.flow
        self._kind[:count], self._start[:count] = pairs.kind, pairs.start
        self._middle[:count], self._stop[:count] = pairs.middle, pairs.stop
        self._links[:used] = pairs.links
        self._turn[:count] = self._idle[:count] = 0
        self._member_pair[:members], self._member_row[:members] = pairs.member_pair, pairs.member_row
        filled = place_slots(
            members, self._member_pair, self._member_row, self._member_slot, self._start, self._stop,
            self._links, self._slots, self._row_ptr, self._pool_link,
        )  # fmt: skip
        self._sizes[:5] = count, used, members, filled, size
        if not self._plain:
            for p in range(count):
                extra, links = self.loading.extra[self._kind[p]], self._links
                self._offset[p] = (
                    extra[links[self._start[p] : self._middle[p]]].sum()
                    - extra[links[self._middle[p] : self._stop[p]]].sum()
                )

    def _class_cost(self, row: int) -> Floats:
        """Present costs (m,) of the class of a row."""
        cost = self._road[:, COST].copy()
        if not self._plain:
            cost += self.loading.extra[self.loading.row_class[row]]
        return cost

    def _refresh(self) -> None:
        """Volumes as the sum of the flows, and costs."""
        volume = np.empty(self.network.links)
        add_rows(self._sizes[4], self._pool_link, self._pool_flow, volume)
        self._road[:, VOLUME] = volume
        fill_road(self._road)

    def _load(self, trips: Floats) -> None:
        """Trips (p,) on shortest paths, each batch at the costs that those before it have left."""
        loading, star = self.loading, self.network.star
        n = self.network.nodes
        self._refresh()
        waiting = np.add.reduceat(trips, loading.pair_ptr[:-1]) if loading.rows else trips
        for first, last in self._batches:
            rows = np.flatnonzero(waiting[first:last] > 0.0) + first
            if not rows.size:
                continue
            while self._sizes[4] + rows.size * n > self._pool_link.size:
                self._grow_pool()
            trees = self.trees[rows]
            mend(
                self.network, loading.origin_node[rows], self._class_cost(first), trees,
                self._distance[: rows.size], self._entry[: rows.size],
            )  # fmt: skip
            self.trees[rows] = trees
            for k, o in enumerate(rows):
                pairs = slice(loading.pair_ptr[o], loading.pair_ptr[o + 1])
                self._sizes[4] = load_tree(
                    o, loading.origin_node[o], loading.pair_node[pairs], trips[pairs],
                    self._distance[k], self._entry[k], star.tail, self._sizes[4],
                    self._row_ptr, self._extra, self._extra_end, self._pool_link, self._pool_flow,
                    self._where, self._road,
                )  # fmt: skip
            fill_road(self._road)
        self._regroup()
        self._compact()

    def _iterate(self, gap: float) -> float:
        """Find pairs with the trees of every row, then sweep over all pairs; the gap found."""
        star = self.network.star
        self._refresh()  # no rounding piles up
        total = float(self._road[:, VOLUME] @ self._road[:, COST])
        least = max(ROUNDING, FINE * gap)
        chain(
            self._sizes[0], self._sizes[2], self._start, self._links, star.head, self._member_row,
            self._first_at, self._next_at, self._newest, self._previous,
        )  # fmt: skip
        coarse = COARSE * (min(self.history[-1][1], BEGIN) if self.history else self._begin)
        for first, last in self._batches:
            self._search(first, last, max(least, coarse), least)
        self._regroup()
        self._sweeps(least)
        self.iterations += 1
        excess = float(self._excess.sum())
        if not (math.isfinite(excess) and math.isfinite(total)):
            raise not_finite(self.network, self._road[:, VOLUME], self._road[:, COST])
        reached = excess / total if total > 0 else 0.0
        self.history.append((time.perf_counter() - self._begun, reached))
        return reached

    def _sweeps(self, least: float) -> None:
        """Sweep over all pairs until little is found, drop the idle ones, and tidy the pool."""
        pairs = self._sizes[0]
        least = max(least, SLACK * min(self.history[-1][1], BEGIN) if self.history else 0.0)
        few = self._sizes[1] < FEW
        most, enough = (MORE_SWEEPS, LITTLE) if few else (SWEEPS, ENOUGH)
        first_found = 0.0
        for k in range(most):
            found = sweep(
                pairs, least, self._start, self._middle, self._stop, self._offset, self._turn,
                self._member_ptr, self._member_slot, self._links, self._slots, self._pool_flow, self._road,
            )  # fmt: skip
            if k == 0:
                first_found = found
            if found <= enough * first_found and k > 0:
                break
        self._sizes[:4] = drop_idle(
            pairs, self._kind, self._start, self._middle, self._stop, self._offset, self._turn, self._idle,
            self._member_ptr, self._member_pair, self._member_row, self._member_slot, self._links,
            self._slots, self._pool_flow, self._road,
        )  # fmt: skip
        self._compact()

    def _search(self, first: int, last: int, coarse: float, least: float) -> None:
        """Mend the trees of a batch, then find and equalise pairs for its dear links, row by row."""
        network, loading, star = self.network, self.loading, self.network.star
        kind = loading.row_class[first]
        extra_cost, tree_cost = loading.extra[kind], self._class_cost(first)
        candidate = np.empty(self._row_ptr[last] - self._row_ptr[first], np.int64)
        count = np.empty(last - first, np.int64)
        seen = (
            loading.origin_node, self.trees, star.out_ptr, star.tail, star.head, star.in_ptr, star.in_link,
            star.in_rank, tree_cost, network.through, self._row_ptr, self._pool_link, self._pool_flow, coarse,
            self._dust, self._distance, self._entry, candidate, count, self._excess,
        )  # fmt: skip
        if (last - first) * network.links < ALONE:
            look_alone(first, last, seen)
        else:
            look(first, last, min(BLOCKS, last - first), seen)
        o, number = first, 0
        while o < last:
            lists = (
                kind, tree_cost, extra_cost, least, self._sizes, self._kind, self._start, self._middle,
                self._stop, self._offset, self._turn, self._idle, self._links, self._first_at, self._next_at,
                self._member_pair, self._member_row, self._member_slot, self._slots, self._newest,
                self._previous, self._joined, self._joined_stamp, self._row_ptr, self._extra,
                self._extra_end, self._pool_link, self._pool_flow, self._where, self._road, star.tail,
                star.head, star.in_ptr, star.in_link, self._mark, self._scratch,
            )  # fmt: skip
            o, number = search(
                o, number, first, last, candidate, count, loading.origin_node, self._row_ptr, self._distance,
                self._entry, lists,
            )  # fmt: skip
            if o < last:  # the lists are short
                self._grow_lists()

    def _regroup(self) -> None:
        """Members in the order of their pairs."""
        count, _, members = self._sizes[:3]
        out = (
            np.empty(self._member_pair.size, np.int32), np.empty(self._member_row.size, np.int32),
            np.empty(self._member_slot.size, np.int64), np.empty(self._slots.size, np.int32),
        )  # fmt: skip
        group_members(
            count, members, self._member_pair, self._member_row, self._member_slot, self._start, self._stop,
            self._slots, self._member_ptr, out,
        )  # fmt: skip
        self._member_pair, self._member_row, self._member_slot, self._slots = out

    def _compact(self) -> None:
        """A fresh pool with the slots of each row together and idle ones left out, if there are new slots."""
        if not self._extra_end.any():
            return
        filled, size = self._sizes[3], self._sizes[4]
        wanted = np.empty(size, np.bool_)
        count = mark_slots(size, filled, self._slots, self._pool_flow, wanted)
        room = count + count // 8 + 8 * self.network.nodes + self.network.links
        link, flow = np.empty(room, np.int32), np.empty(room)
        moved = np.empty(size, np.int32)
        compact(
            filled, self._slots, self._row_ptr, self._extra, self._extra_end, self._pool_link,
            self._pool_flow, wanted, moved, link, flow,
        )  # fmt: skip
        self._pool_link, self._pool_flow, self._sizes[4] = link, flow, count

    def _grow_pool(self) -> None:
        size = self._pool_link.size + self._pool_link.size // 2 + 8 * self.network.nodes
        self._pool_link, self._pool_flow = _longer(self._pool_link, size), _longer(self._pool_flow, size)

    def _grow_lists(self) -> None:
        """Double the lists that may be too short for the next candidate (see `search`)."""
        n, m = self.network.nodes, self.network.links
        pairs, used, members, filled, size, _ = self._sizes
        if pairs + 8 >= self._kind.size:
            room = 2 * self._kind.size
            for name in (
                "_kind", "_offset", "_start", "_middle", "_stop", "_turn", "_idle", "_next_at", "_joined",
            ):  # fmt: skip
                setattr(self, name, _longer(getattr(self, name), room))
            self._joined_stamp = np.append(self._joined_stamp, np.zeros(room - self._joined_stamp.size, int))
            self._member_ptr = np.zeros(room + 1, np.int64)
        if used + 8 * n >= self._links.size:
            self._links = _longer(self._links, 2 * self._links.size)
        if members + 64 >= self._member_row.size:
            room = 2 * self._member_row.size
            for name in ("_member_pair", "_member_row", "_member_slot", "_previous"):
                setattr(self, name, _longer(getattr(self, name), room))
        if filled + 16 * n >= self._slots.size:
            self._slots = _longer(self._slots, 2 * self._slots.size)
        if size + m >= self._pool_link.size:
            self._grow_pool()


def _longer(values: NDArray[Any], size: int) -> NDArray[Any]:
    out = np.empty(size, values.dtype)
    out[: values.size] = values
    return out
