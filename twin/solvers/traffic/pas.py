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

from twin.solvers.traffic.kernels import fill_costs, grow_trees
from twin.solvers.traffic.kernels_pas import add_origins, drop_idle, load_tree, search, sweep

if TYPE_CHECKING:
    from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Loading

BATCH = 32  # origins whose trees are grown at the same costs
BLOCKS = 8  # of origins of a batch, or of links
SWEEPS = 20  # over all pairs after each search, at most
ENOUGH = 0.02  # a sweep that finds less than this share of what the first one found is the last


def solve(
    network: AssignmentNetwork, loading: Loading, gap: float, max_iterations: int
) -> tuple[Floats, int, list[tuple[float, float]]]:
    """Link flows by origin (o, m) in star order, iterations, and (seconds, gap found) for each iteration.

    The gap found adds up what each origin saw when its tree was grown, costs changing from batch to batch; it
    is the measure for stopping, not the verdict.
    """
    begun = time.perf_counter()
    star = network.star
    m, n = network.links, network.nodes
    origins = int(loading.origin_node.size)
    flows = np.zeros((origins, m))
    volume = np.zeros(m)
    cost, derivative = np.empty(m), np.empty(m)
    distance = np.empty((BATCH, n))
    entry = np.empty((BATCH, n), np.int32)
    batches = [(first, min(first + BATCH, origins)) for first in range(0, origins, BATCH)]

    def grow(first: int, last: int) -> None:
        size = last - first
        grow_trees(
            loading.origin_node[first:last],
            star.out_ptr,
            star.head,
            cost,
            network.through,
            distance[:size],
            entry[:size],
            min(BLOCKS, size),
        )

    fill_costs(volume, *star.curves, cost, derivative)
    for first, last in batches:
        grow(first, last)
        for o in range(first, last):
            load_tree(
                loading.origin_node[o],
                loading.pair_ptr[o],
                loading.pair_ptr[o + 1],
                loading.pair_node,
                loading.pair_trips,
                distance[o - first],
                entry[o - first],
                star.tail,
                flows[o],
            )
            volume += flows[o]
        fill_costs(volume, *star.curves, cost, derivative)

    owner = np.empty(1024, np.int32)
    start, middle, stop, previous = (np.empty(1024, np.int64) for _ in range(4))
    links = np.empty(max(16 * n, 1 << 16), np.int32)
    newest = np.full(origins, -1, np.int64)
    mark = np.zeros(n, np.int64)
    stamp, pairs, used = 1, 0, 0
    history: list[tuple[float, float]] = []
    iterations = 0
    while iterations < max_iterations:
        add_origins(flows, volume, BLOCKS)
        fill_costs(volume, *star.curves, cost, derivative)
        total = float(volume @ cost)
        excess = 0.0
        least = 0.1 * gap * total / max(origins * m, 1)
        for first, last in batches:
            grow(first, last)
            tree_cost = cost.copy()
            o = first
            while o < last:
                reached, pairs, used, stamp, found = search(
                    o, last, first, loading.origin_node, distance, entry, tree_cost, least, pairs, used,
                    owner, start, middle, stop, links, newest, previous, flows, volume, cost, derivative,
                    star.tail, star.head, star.in_ptr, star.in_link, mark, stamp, *star.curves,
                )  # fmt: skip
                excess += found
                if reached < last:
                    if pairs + 4 >= owner.size:
                        owner = np.resize(owner, 2 * owner.size)
                        start, middle, stop, previous = (
                            np.resize(x, 2 * x.size) for x in (start, middle, stop, previous)
                        )
                    if used + 8 * n >= links.size:
                        links = np.resize(links, 2 * links.size)
                o = reached
        reached_gap = excess / total if total > 0 else 0.0
        history.append((time.perf_counter() - begun, reached_gap))
        if reached_gap <= 0.5 * gap:
            break
        first_found = 0.0
        for k in range(SWEEPS):
            found = sweep(
                pairs, owner, start, middle, stop, links, flows, volume, cost, derivative, *star.curves
            )
            if k == 0:
                first_found = found
            elif found <= ENOUGH * first_found:
                break
        pairs, used = drop_idle(pairs, owner, start, middle, stop, links, flows, cost, newest, previous)
        iterations += 1
    return flows, iterations, history
