"""Static user equilibrium: every used route of a zone pair costs the same, no other costs less (Wardrop).

`assign` chooses the solver, then judges its answer by a pass of its own (`judge`, `judge_volumes`): relative
gap, average excess cost, Beckmann objective, worst node imbalance.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from twin.solvers.traffic import bfw, pas
from twin.solvers.traffic.kernels import beckmann, fill_costs, grow_trees
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Loading, Trips

Method = Literal["pas", "bfw"]


@dataclass(frozen=True, eq=False)
class Assignment:
    """An equilibrium and how good it is. Arrays of links are in the network's order, of pairs in the trips'
    order.

    Attributes
    ----------
    volume, cost : (m,) trips on each link and its (generalised) cost.
    gap : relative gap, sum of (reduced cost × volume) / total cost.
    average_excess_cost : the same sum over the trips served.
    objective : Beckmann objective; total_cost : sum of volume × cost.
    imbalance : largest |inflow + trips begun - outflow - trips ended| over nodes.
    unserved, intrazonal : trips without a route; trips that stay at their node. Neither is on the network.
    pair_cost : (p,) shortest cost of each pair of the trips; inf without a route, 0 for an intrazonal one.
    history : (seconds, gap as the solver sees it) after each iteration.
    """

    volume: Floats
    cost: Floats
    gap: float
    average_excess_cost: float
    objective: float
    total_cost: float
    imbalance: float
    iterations: int
    seconds: float
    trips: float
    unserved: float
    intrazonal: float
    pair_cost: Floats
    history: tuple[tuple[float, float], ...]
    method: str


def assign(
    network: AssignmentNetwork,
    trips: Trips,
    *,
    gap: float = 1e-12,
    max_iterations: int | None = None,
    method: Method = "pas",
) -> Assignment:
    """Static user equilibrium to a relative gap.

    Trips within one node are reported as intrazonal and left out; pairs without a route are counted as
    unserved and never given an artificial link. Iterations stop at `gap` or at `max_iterations` (default 200
    for the solver by alternative segments, 10000 for bi-conjugate Frank-Wolfe): look at the result's `gap`.

    Raises
    ------
    InputError
        Network and trips do not have the same number of zones.
    """
    begun = time.perf_counter()
    loading = Loading.of(network, trips)
    if method == "bfw":
        volume, iterations, history = bfw.solve(network, loading, gap, max_iterations or 10_000)
        verdict = judge_volumes(network, loading, volume)
    else:
        flows, iterations, history = pas.solve(network, loading, gap, max_iterations or 200)
        verdict = judge(network, loading, flows)
    seconds = time.perf_counter() - begun
    pair_cost = np.zeros(trips.trips.size)
    pair_cost[loading.pair_index] = verdict.pair_cost
    served = np.isfinite(verdict.pair_cost)
    served_trips = float(loading.pair_trips[served].sum())
    return Assignment(
        volume=network.star.scatter(verdict.volume),
        cost=network.star.scatter(verdict.cost),
        gap=verdict.excess / verdict.total_cost if verdict.total_cost > 0 else 0.0,
        average_excess_cost=verdict.excess / served_trips if served_trips > 0 else 0.0,
        objective=verdict.objective,
        total_cost=verdict.total_cost,
        imbalance=verdict.imbalance,
        iterations=iterations,
        seconds=seconds,
        trips=trips.total,
        unserved=float(loading.pair_trips[~served].sum()),
        intrazonal=loading.intrazonal,
        pair_cost=pair_cost,
        history=tuple(history),
        method=method,
    )


@dataclass(frozen=True, eq=False)
class Verdict:
    """What an independent pass finds about flows (arrays in star order)."""

    volume: Floats
    cost: Floats
    excess: float
    total_cost: float
    objective: float
    imbalance: float
    pair_cost: Floats


def judge(network: AssignmentNetwork, loading: Loading, flows: Floats) -> Verdict:
    """Judge link flows by origin, shape (o, m): fresh volumes, costs and trees; excess as sum of flow ×
    reduced cost.

    Reduced costs are differences of costs to one origin, never of totals, so that gaps far below 1e-13 still
    show.
    """
    volume = np.zeros(network.links)
    for row in flows:
        volume += row
    cost, distance, pair_cost = _trees(network, loading, volume)
    star = network.star
    parts = []
    for o in range(loading.origin_node.size):
        used = np.flatnonzero(flows[o] > 0)
        reduced = distance[o, star.tail[used]] + cost[used] - distance[o, star.head[used]]
        parts.append(math.fsum(flows[o, used] * np.maximum(reduced, 0.0)))
    worst = 0.0
    for o in range(loading.origin_node.size):
        worst = max(worst, _imbalance(network, loading, flows[o], slice(o, o + 1), pair_cost))
    return Verdict(
        volume=volume,
        cost=cost,
        excess=math.fsum(parts),
        total_cost=math.fsum(volume * cost),
        objective=float(beckmann(volume, *star.curves)),
        imbalance=worst,
        pair_cost=pair_cost,
    )


def judge_volumes(network: AssignmentNetwork, loading: Loading, volume: Floats) -> Verdict:
    """Judge link volumes alone (m,): excess = total cost - cost of all trips on shortest paths, exactly
    summed.
    """
    cost, _, pair_cost = _trees(network, loading, volume)
    served = np.isfinite(pair_cost)
    terms = np.concatenate([volume * cost, -loading.pair_trips[served] * pair_cost[served]])
    return Verdict(
        volume=volume,
        cost=cost,
        excess=max(math.fsum(terms), 0.0),
        total_cost=math.fsum(volume * cost),
        objective=float(beckmann(volume, *network.star.curves)),
        imbalance=_imbalance(network, loading, volume, slice(0, loading.origin_node.size), pair_cost),
        pair_cost=pair_cost,
    )


def _trees(network: AssignmentNetwork, loading: Loading, volume: Floats) -> tuple[Floats, Floats, Floats]:
    """Costs at a volume, distances (o, n) and the cost of each pair (p,)."""
    star = network.star
    cost, derivative = np.empty(network.links), np.empty(network.links)
    fill_costs(volume, *star.curves, cost, derivative)
    origins = loading.origin_node.size
    distance = np.empty((origins, network.nodes))
    entry = np.empty((origins, network.nodes), np.int32)
    grow_trees(
        loading.origin_node, star.out_ptr, star.head, cost, network.through, distance, entry, bfw.BLOCKS
    )
    row = np.repeat(np.arange(origins), np.diff(loading.pair_ptr))
    return cost, distance, distance[row, loading.pair_node]


def _imbalance(
    network: AssignmentNetwork, loading: Loading, flow: Floats, origins: slice, pair_cost: Floats
) -> float:
    """Largest violation of flow conservation at a node by the flow (m,) of some origins."""
    star = network.star
    first, last = loading.pair_ptr[origins.start], loading.pair_ptr[origins.stop]
    pairs = np.arange(first, last)[np.isfinite(pair_cost[first:last])]
    owner = np.searchsorted(loading.pair_ptr, pairs, side="right") - 1
    n = network.nodes
    balance = np.bincount(star.head, weights=flow, minlength=n) - np.bincount(
        star.tail, weights=flow, minlength=n
    )
    balance += np.bincount(loading.origin_node[owner], weights=loading.pair_trips[pairs], minlength=n)
    balance -= np.bincount(loading.pair_node[pairs], weights=loading.pair_trips[pairs], minlength=n)
    return float(np.abs(balance).max(initial=0.0))
