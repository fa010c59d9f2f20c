"""User equilibrium to machine precision by paired alternative segments.

Bar-Gera 2010 (Transportation Research B 44, TAPAS) in the lighter form of Xie and Xie 2016 (B 93, iTAPAS): a
pair belongs to one origin and there is no proportionality step (link volumes are unique, route flows are
not). Origins go in batches of a fixed size: the trees of a batch grow in parallel, then its pairs are found
and equalised one after the other. So the answer does not depend on the number of threads.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from twin.solvers.traffic.kernels import fill_costs
from twin.solvers.traffic.kernels_pas import add_origins, drop_idle, load_tree, search, sweep
from twin.solvers.traffic.trees import grow

if TYPE_CHECKING:
    from twin.solvers.traffic.problem import AssignmentNetwork, Loading

BATCH = 32  # origins whose trees are grown at the same costs
SWEEPS = 20  # over all pairs after each search, at most
ROUNDING = 1e-15  # relative cost difference below which two segments cost the same
FINE = 1e-4  # of the gap asked for: the same, where the gap is coarser
ENOUGH = 0.02  # a sweep that finds less than this share of what the first one found is the last


class PairedSegments:
    """The flows by origin of an assignment that goes on, and its pairs of alternative segments.

    Attributes
    ----------
    flows : (o, m) link flows of each origin, star order.
    iterations : so far. history : (seconds, gap found) of each. The gap found adds up what each origin saw
        when its tree was grown, costs changing from batch to batch: it is for stopping, it is not the
        verdict.
    """

    def __init__(self, network: AssignmentNetwork, loading: Loading) -> None:
        self._begun = time.perf_counter()
        self.network, self.loading = network, loading
        m, n, origins = network.links, network.nodes, int(loading.origin_node.size)
        self.flows = np.zeros((origins, m))
        self.iterations = 0
        self.history: list[tuple[float, float]] = []
        self._volume, self._cost, self._derivative = np.zeros(m), np.empty(m), np.empty(m)
        self._distance = np.empty((BATCH, n))
        self._entry = np.empty((BATCH, n), np.int32)
        self._batches = [(first, min(first + BATCH, origins)) for first in range(0, origins, BATCH)]
        self._owner = np.empty(1024, np.int32)
        self._start, self._middle, self._stop, self._previous = (np.empty(1024, np.int64) for _ in range(4))
        self._links = np.empty(max(16 * n, 1 << 16), np.int32)
        self._newest = np.full(origins, -1, np.int64)
        self._mark = np.zeros(n, np.int64)
        self._stamp, self._pairs, self._used = 1, 0, 0
        self._load()

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

    def _grow(self, first: int, last: int) -> None:
        """Trees of some origins at the present costs."""
        size = last - first
        origins = self.loading.origin_node[first:last]
        grow(self.network, origins, self._cost, self._distance[:size], self._entry[:size])

    def _load(self) -> None:
        """Every origin on its shortest paths, each batch at the costs that those before it have left."""
        loading, star = self.loading, self.network.star
        fill_costs(self._volume, *star.curves, self._cost, self._derivative)
        for first, last in self._batches:
            self._grow(first, last)
            for o in range(first, last):
                load_tree(
                    loading.origin_node[o],
                    loading.pair_ptr[o],
                    loading.pair_ptr[o + 1],
                    loading.pair_node,
                    loading.pair_trips,
                    self._distance[o - first],
                    self._entry[o - first],
                    star.tail,
                    self.flows[o],
                )
                self._volume += self.flows[o]
            fill_costs(self._volume, *star.curves, self._cost, self._derivative)

    def _iterate(self, gap: float) -> float:
        """Find pairs with the trees of every origin, then sweep over all pairs; the gap found."""
        star, flows = self.network.star, self.flows
        add_origins(flows, self._volume)  # afresh: no rounding piles up
        fill_costs(self._volume, *star.curves, self._cost, self._derivative)
        total = float(self._volume @ self._cost)
        excess = 0.0
        least = max(ROUNDING, FINE * gap)
        for first, last in self._batches:
            self._grow(first, last)
            excess += self._search(first, last, least)
        first_found = 0.0
        for k in range(SWEEPS):
            found = sweep(
                self._pairs,
                least,
                self._owner,
                self._start,
                self._middle,
                self._stop,
                self._links,
                flows,
                self._volume,
                self._cost,
                self._derivative,
                *star.curves,
            )
            if k == 0:
                first_found = found
            elif found <= ENOUGH * first_found:
                break
        self._pairs, self._used = drop_idle(
            self._pairs,
            self._owner,
            self._start,
            self._middle,
            self._stop,
            self._links,
            flows,
            self._cost,
            self._newest,
            self._previous,
        )
        self.iterations += 1
        reached = excess / total if total > 0 else 0.0
        self.history.append((time.perf_counter() - self._begun, reached))
        return reached

    def _search(self, first: int, last: int, least: float) -> float:
        """Find and equalise pairs for a batch whose trees are grown; the excess cost found."""
        star = self.network.star
        tree_cost = self._cost.copy()
        excess, o = 0.0, first
        while o < last:
            o, self._pairs, self._used, self._stamp, found = search(
                o,
                last,
                first,
                self.loading.origin_node,
                self._distance,
                self._entry,
                tree_cost,
                least,
                self._pairs,
                self._used,
                self._owner,
                self._start,
                self._middle,
                self._stop,
                self._links,
                self._newest,
                self._previous,
                self.flows,
                self._volume,
                self._cost,
                self._derivative,
                star.tail,
                star.head,
                star.in_ptr,
                star.in_link,
                self._mark,
                self._stamp,
                *star.curves,
            )
            excess += found
            if o < last:  # the lists are short
                self._grow_lists()
        return excess

    def _grow_lists(self) -> None:
        if self._pairs + 4 >= self._owner.size:
            size = 2 * self._owner.size
            self._owner = np.resize(self._owner, size)
            self._start, self._middle, self._stop, self._previous = (
                np.resize(x, size) for x in (self._start, self._middle, self._stop, self._previous)
            )
        if self._used + 8 * self.network.nodes >= self._links.size:
            self._links = np.resize(self._links, 2 * self._links.size)
