"""Static user equilibrium: every used route of a zone pair costs the same, no other costs less (Wardrop).

`assign` chooses the solver, then judges its answer by a pass of its own (`judge`, `judge_volumes`): relative
gap, average excess cost, Beckmann objective, worst node imbalance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from twin.solvers.traffic import bfw, pas
from twin.solvers.traffic.kernels import beckmann, fill_costs, judge_origins
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Loading, Trips
from twin.solvers.traffic.trees import grow

Method = Literal["pas", "bfw"]
TOGETHER = 128  # origins whose distances are kept at once


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
        solver = pas.PairedSegments(network, loading)
        most = max_iterations or 200
        while True:
            solver.advance(gap, most)
            verdict = judge(network, loading, solver.flows)
            if verdict.excess <= gap * verdict.total_cost or solver.iterations >= most:
                break
        iterations, history = solver.iterations, solver.history
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
    reduced cost. Reduced costs are differences of costs to one origin, never of totals, so that gaps far
    below 1e-13 still show.
    """
    volume = np.zeros(network.links)
    for row in flows:
        volume += row
    star = network.star
    cost = _costs(network, volume)
    pair_cost = np.empty(loading.pair_node.size)
    excess, imbalance = (np.zeros(loading.origin_node.size) for _ in range(2))
    for origins, pairs, distance in _trees(network, loading, cost):
        pair_cost[pairs] = _pair_costs(loading, origins, pairs, distance)
        judge_origins(
            flows[origins],
            loading.origin_node[origins],
            loading.pair_ptr[origins.start : origins.stop + 1],
            loading.pair_node,
            loading.pair_trips,
            star.tail,
            star.head,
            cost,
            distance,
            excess[origins],
            imbalance[origins],
        )
    return Verdict(
        volume=volume,
        cost=cost,
        excess=math.fsum(excess),
        total_cost=math.fsum(volume * cost),
        objective=float(beckmann(volume, *star.curves)),
        imbalance=float(imbalance.max(initial=0.0)),
        pair_cost=pair_cost,
    )


def judge_volumes(network: AssignmentNetwork, loading: Loading, volume: Floats) -> Verdict:
    """Judge link volumes alone (m,): excess = total cost - cost of all trips on shortest paths, exactly
    summed.
    """
    cost = _costs(network, volume)
    pair_cost = np.empty(loading.pair_node.size)
    for origins, pairs, distance in _trees(network, loading, cost):
        pair_cost[pairs] = _pair_costs(loading, origins, pairs, distance)
    served = np.isfinite(pair_cost)
    terms = np.concatenate([volume * cost, -loading.pair_trips[served] * pair_cost[served]])
    star, n = network.star, network.nodes
    owner = np.repeat(loading.origin_node, np.diff(loading.pair_ptr))
    balance = np.bincount(star.head, weights=volume, minlength=n)
    balance -= np.bincount(star.tail, weights=volume, minlength=n)
    balance += np.bincount(owner[served], weights=loading.pair_trips[served], minlength=n)
    balance -= np.bincount(loading.pair_node[served], weights=loading.pair_trips[served], minlength=n)
    return Verdict(
        volume=volume,
        cost=cost,
        excess=max(math.fsum(terms), 0.0),
        total_cost=math.fsum(volume * cost),
        objective=float(beckmann(volume, *star.curves)),
        imbalance=float(np.abs(balance).max(initial=0.0)),
        pair_cost=pair_cost,
    )


def _costs(network: AssignmentNetwork, volume: Floats) -> Floats:
    cost, derivative = np.empty(network.links), np.empty(network.links)
    fill_costs(volume, *network.star.curves, cost, derivative)
    return cost


def _trees(
    network: AssignmentNetwork, loading: Loading, cost: Floats
) -> Iterator[tuple[slice, slice, Floats]]:
    """Origins, their pairs and their distances (origins, n), some origins at a time to bound the memory."""
    for first in range(0, loading.origin_node.size, TOGETHER):
        origins = slice(first, min(first + TOGETHER, loading.origin_node.size))
        node = loading.origin_node[origins]
        distance = np.empty((node.size, network.nodes))
        entry = np.empty((node.size, network.nodes), np.int32)
        grow(network, node, cost, distance, entry)
        yield origins, slice(int(loading.pair_ptr[first]), int(loading.pair_ptr[origins.stop])), distance


def _pair_costs(loading: Loading, origins: slice, pairs: slice, distance: Floats) -> Floats:
    """Distance of each pair from the rows of its origins."""
    row = np.repeat(np.arange(distance.shape[0]), np.diff(loading.pair_ptr[origins.start : origins.stop + 1]))
    found: Floats = distance[row, loading.pair_node[pairs]]
    return found
