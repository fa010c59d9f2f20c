"""User equilibrium to machine precision by paired alternative segments.

Bar-Gera 2010 (Transportation Research B 44, TAPAS) in the lighter form of Xie and Xie 2016 (B 93, iTAPAS): a
pair belongs to one row (class and origin) and there is no proportionality step (link volumes are unique,
route flows are not). Rows go in batches of a fixed size: the trees of a batch grow in parallel, then its
pairs are found and equalised one after the other. So the answer does not depend on the number of threads.
Memory goes with the links that each row really uses.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.solvers.traffic.kernels import fill_costs
from twin.solvers.traffic.kernels_pas import (
    add_rows,
    compact,
    drop_idle,
    load_tree,
    mark_slots,
    search,
    sweep,
)
from twin.solvers.traffic.trees import grow

if TYPE_CHECKING:
    from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Ints, Loading

    Longs = NDArray[np.int64]

BATCH = 32  # rows whose trees are grown at the same costs
SWEEPS = 20  # over all pairs after each search, at most
ROUNDING = 1e-15  # relative cost difference below which two segments cost the same
FINE = 1e-4  # of the gap asked for: the same, where the gap is coarser
ENOUGH = 0.02  # a sweep that finds less than this share of what the first one found is the last


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
    """Pairs of alternative segments as lists (see `kernels_pas`); places of links in star order."""

    owner: Ints
    start: Longs
    middle: Longs
    stop: Longs
    links: Ints


class PairedSegments:
    """The flows by row of an assignment that goes on, and its pairs of alternative segments.

    Attributes
    ----------
    iterations : so far. history : (seconds, gap found) of each. The gap found adds up what each row saw
        when its tree was grown, costs changing from batch to batch: it is for stopping, it is not the
        verdict.
    """

    def __init__(
        self,
        network: AssignmentNetwork,
        loading: Loading,
        start: tuple[RowFlows, Pairs, Floats] | None = None,
    ) -> None:
        """`start`: flows and pairs to go on from, and trips (p,) that are not in the flows yet."""
        self._begun = time.perf_counter()
        self.network, self.loading = network, loading
        m, n, rows = network.links, network.nodes, loading.rows
        self.iterations = 0
        self.history: list[tuple[float, float]] = []
        self._volume, self._cost, self._derivative = np.zeros(m), np.empty(m), np.empty(m)
        self._distance = np.empty((BATCH, n))
        self._entry = np.empty((BATCH, n), np.int32)
        self._batches = loading.batches(BATCH)
        self._plain = not loading.extra.any()
        self._mark = np.zeros(n, np.int64)
        self._where = np.full(m, -1, np.int64)
        self._extra, self._extra_end = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._newest = np.full(rows, -1, np.int64)
        self._stamp = 1
        flows, pairs, missing = start if start is not None else (None, None, loading.pair_trips)
        self._row_ptr = np.zeros(rows + 1, np.int64) if flows is None else flows.row_ptr.copy()
        self._size = 0 if flows is None else int(flows.link.size)
        room = self._size + 8 * n + 1024
        self._pool_link, self._pool_flow = np.empty(room, np.int32), np.empty(room)
        self._pairs = 0 if pairs is None else int(pairs.owner.size)
        self._used = 0 if pairs is None else int(pairs.links.size)
        self._owner = np.empty(self._pairs + 1024, np.int32)
        self._offset = np.zeros(self._pairs + 1024)
        self._start, self._middle, self._stop, self._previous = (
            np.empty(self._pairs + 1024, np.int64) for _ in range(4)
        )
        self._links = np.empty(max(self._used + 16 * n, 1 << 16), np.int32)
        self._slots = np.empty(self._links.size, np.int64)
        if flows is not None and pairs is not None:
            self._take(flows, pairs)
        self._load(missing)

    @property
    def flows(self) -> RowFlows:
        """The present flows by row (views, not copies)."""
        return RowFlows(self._row_ptr, self._pool_link[: self._size], self._pool_flow[: self._size])

    @property
    def pairs(self) -> Pairs:
        """The present pairs (copies)."""
        count = self._pairs
        start, middle, stop = (values[:count].copy() for values in (self._start, self._middle, self._stop))
        return Pairs(self._owner[:count].copy(), start, middle, stop, self._links[: self._used].copy())

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
        least = max(ROUNDING, FINE * gap)
        self._sweeps(least)

    # -- inside --------------------------------------------------------------------

    def _take(self, flows: RowFlows, pairs: Pairs) -> None:
        """Begin with flows and pairs of another assignment."""
        from twin.solvers.traffic.kernels_paths import place_slots

        count, used = self._pairs, self._used
        self._pool_link[: self._size], self._pool_flow[: self._size] = flows.link, flows.flow
        self._owner[:count], self._start[:count] = pairs.owner, pairs.start
        self._middle[:count], self._stop[:count] = pairs.middle, pairs.stop
        self._links[:used] = pairs.links
        last = np.full(self.loading.rows, -1, np.int64)
        order = np.argsort(pairs.owner, kind="stable")
        owner = pairs.owner[order]
        first_of_owner = np.append(True, owner[1:] != owner[:-1]) if count else np.zeros(0, bool)
        before = np.append(-1, order[:-1]) if count else order
        self._previous[order] = np.where(first_of_owner, -1, before)
        last[owner] = order  # the last of each owner wins
        self._newest[:] = last
        place_slots(
            self._newest, self._previous, self._start, self._stop, self._links, self._slots,
            self._row_ptr, self._pool_link, self._where,
        )  # fmt: skip
        if not self._plain:
            kind = self.loading.row_class[self._owner[:count]]
            for p in range(count):
                extra, links = self.loading.extra[kind[p]], self._links
                self._offset[p] = (
                    extra[links[self._start[p] : self._middle[p]]].sum()
                    - extra[links[self._middle[p] : self._stop[p]]].sum()
                )

    def _grow(self, rows: Longs) -> Floats:
        """Trees of some rows (of one class) at the present costs; those costs."""
        cost = self._cost.copy()
        if not self._plain:
            cost += self.loading.extra[self.loading.row_class[rows[0]]]
        origins = self.loading.origin_node[rows]
        grow(self.network, origins, cost, self._distance[: rows.size], self._entry[: rows.size])
        return cost

    def _load(self, trips: Floats) -> None:
        """Trips (p,) on shortest paths, each batch at the costs that those before it have left."""
        loading, star = self.loading, self.network.star
        n = self.network.nodes
        add_rows(self._size, self._pool_link, self._pool_flow, self._volume)
        fill_costs(self._volume, *star.curves, self._cost, self._derivative)
        waiting = np.add.reduceat(trips, loading.pair_ptr[:-1]) if loading.rows else trips
        for first, last in self._batches:
            rows = np.flatnonzero(waiting[first:last] > 0.0) + first
            if not rows.size:
                continue
            self._grow(rows)
            while self._size + rows.size * n > self._pool_link.size:
                self._grow_pool()
            for k, o in enumerate(rows):
                pairs = slice(loading.pair_ptr[o], loading.pair_ptr[o + 1])
                self._size = load_tree(
                    o, loading.origin_node[o], loading.pair_node[pairs], trips[pairs],
                    self._distance[k], self._entry[k], star.tail, self._size,
                    self._row_ptr, self._extra, self._extra_end, self._pool_link, self._pool_flow,
                    self._where, self._volume,
                )  # fmt: skip
            fill_costs(self._volume, *star.curves, self._cost, self._derivative)
        self._compact()

    def _iterate(self, gap: float) -> float:
        """Find pairs with the trees of every row, then sweep over all pairs; the gap found."""
        star = self.network.star
        add_rows(self._size, self._pool_link, self._pool_flow, self._volume)  # afresh: no rounding piles up
        fill_costs(self._volume, *star.curves, self._cost, self._derivative)
        total = float(self._volume @ self._cost)
        excess = 0.0
        least = max(ROUNDING, FINE * gap)
        for first, last in self._batches:
            excess += self._search(first, last, self._grow(np.arange(first, last)), least)
        self._sweeps(least)
        self.iterations += 1
        reached = excess / total if total > 0 else 0.0
        self.history.append((time.perf_counter() - self._begun, reached))
        return reached

    def _sweeps(self, least: float) -> None:
        """Sweep over all pairs until little is found, drop the idle ones, and tidy the pool."""
        curves = self.network.star.curves
        first_found = 0.0
        for k in range(SWEEPS):
            found = sweep(
                self._pairs, least, self._start, self._middle, self._stop, self._offset, self._links,
                self._slots, self._pool_flow, self._volume, self._cost, self._derivative, *curves,
            )  # fmt: skip
            if k == 0:
                first_found = found
            if found <= ENOUGH * first_found and k > 0:
                break
        self._pairs, self._used = drop_idle(
            self._pairs, self._owner, self._start, self._middle, self._stop, self._offset, self._links,
            self._slots, self._pool_flow, self._cost, self._newest, self._previous,
        )  # fmt: skip
        self._compact()

    def _search(self, first: int, last: int, tree_cost: Floats, least: float) -> float:
        """Find and equalise pairs for a batch whose trees are grown; the excess cost found."""
        star = self.network.star
        extra_cost = self.loading.extra[self.loading.row_class[first]]
        excess, o = 0.0, first
        while o < last:
            o, self._pairs, self._used, self._size, self._stamp, found = search(
                o, last, first, self.loading.origin_node, self._distance, self._entry, tree_cost, extra_cost,
                least, self._pairs, self._used, self._size, self._owner, self._start, self._middle,
                self._stop, self._offset, self._links, self._slots, self._newest, self._previous,
                self._row_ptr, self._extra, self._extra_end, self._pool_link, self._pool_flow, self._where,
                self._volume, self._cost, self._derivative, star.tail, star.head, star.in_ptr, star.in_link,
                self._mark, self._stamp, *star.curves,
            )  # fmt: skip
            excess += found
            if o < last:  # the lists are short
                self._grow_lists()
        return excess

    def _compact(self) -> None:
        """A fresh pool with the slots of each row together and idle ones left out."""
        wanted = np.empty(self._size, np.bool_)
        count = mark_slots(self._size, self._used, self._slots, self._pool_flow, wanted)
        room = count + count // 8 + 8 * self.network.nodes
        link, flow = np.empty(room, np.int32), np.empty(room)
        moved = np.empty(self._size, np.int64)
        compact(
            self._used, self._slots, self._row_ptr, self._extra, self._extra_end,
            self._pool_link, self._pool_flow, wanted, moved, link, flow,
        )  # fmt: skip
        self._pool_link, self._pool_flow, self._size = link, flow, count

    def _grow_pool(self) -> None:
        size = self._pool_link.size + self._pool_link.size // 2 + 8 * self.network.nodes
        self._pool_link, self._pool_flow = _longer(self._pool_link, size), _longer(self._pool_flow, size)

    def _grow_lists(self) -> None:
        n = self.network.nodes
        if self._pairs + 4 >= self._owner.size:
            size = 2 * self._owner.size
            self._owner, self._offset = _longer(self._owner, size), _longer(self._offset, size)
            self._start, self._middle, self._stop, self._previous = (
                _longer(x, size) for x in (self._start, self._middle, self._stop, self._previous)
            )
        if self._used + 8 * n >= self._links.size:
            size = 2 * self._links.size
            self._links, self._slots = _longer(self._links, size), _longer(self._slots, size)
        if self._size + 4 * n >= self._pool_link.size:
            self._grow_pool()


def _longer(values: NDArray[Any], size: int) -> NDArray[Any]:
    out = np.empty(size, values.dtype)
    out[: values.size] = values
    return out
