"""Static user equilibrium: every used route of a zone pair costs the same, no other costs less (Wardrop).

`assign` chooses the solver, then judges its answer by a pass of its own (`judge`, `judge_volumes`): relative
gap, average excess cost, Beckmann objective, worst node imbalance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.solvers.traffic import bfw, pas
from twin.solvers.traffic.kernels import beckmann, fill_costs, judge_rows
from twin.solvers.traffic.kernels_pool import add_rows
from twin.solvers.traffic.pas import RowFlows
from twin.solvers.traffic.paths import Paths, carry_over
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Loading, Trips, VehicleClass, not_finite
from twin.solvers.traffic.trees import ALONE, grow, mend

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
    class_volume : (c, m) vehicles of each class.
    paths : flows by origin, where `keep_paths` asked for them.
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
    class_volume: Floats
    paths: Paths | None


def assign(
    network: AssignmentNetwork,
    trips: Trips,
    *,
    gap: float = 1e-12,
    max_iterations: int | None = None,
    method: Method = "pas",
    start: Assignment | None = None,
    keep_paths: bool = False,
) -> Assignment:
    """Static user equilibrium to a relative gap.

    Trips within one node are reported as intrazonal and left out; pairs without a route are counted as
    unserved and never given an artificial link. Iterations stop at `gap` or at `max_iterations` (default 200
    for the solver by alternative segments, 10000 for bi-conjugate Frank-Wolfe): look at the result's `gap`.

    Parameters
    ----------
    start : an assignment kept with `keep_paths`, on the same nodes, to go on from: a warm start after links
        were left out (`AssignmentNetwork.keep`), costs or trips changed. Link volumes of the answer differ
        from those of a cold start within the gap.
    keep_paths : keep the flows by origin, for `start` and `select_links`.

    Raises
    ------
    InputError
        Network and trips do not have the same number of zones.
    TwinError
        A flow or a cost stopped being a finite number.
    ValueError
        `start` has no paths or other nodes, or is given to the Frank-Wolfe method.
    """
    begun = time.perf_counter()
    if method == "bfw":
        if start is not None or keep_paths:
            raise ValueError("the Frank-Wolfe method keeps no paths")
        loading = Loading.of(network, trips)
        volume, iterations, history = bfw.solve(network, loading, gap, max_iterations or 10_000)
        verdict = judge_volumes(network, loading, volume)
        return _result(network, loading, verdict, iterations, history, begun, method, None)
    loading = _same_trips(network, trips, start) or Loading.of(network, trips)
    return _equilibrium(network, loading, trips, gap, max_iterations, start, keep_paths, begun)


def load_kernels(method: Method = "pas") -> None:
    """Have the kernels compiled, or read from numba's cache, before an assignment is timed."""
    nodes, parallel = pas.BATCH + 1, ALONE // pas.BATCH**2 + 1  # so that the parallel ones are among them
    ring = np.repeat(np.arange(nodes), parallel)
    network = AssignmentNetwork.create(
        nodes, ring, (ring + 1) % nodes, zone_node=np.arange(nodes), free_time=1.0, capacity=1.0
    )
    trips = Trips.from_pairs(nodes, np.arange(nodes), (np.arange(nodes) + 1) % nodes, np.ones(nodes))
    assign(network, trips, gap=1e-2, max_iterations=3, method=method)


def assign_classes(
    network: AssignmentNetwork,
    classes: Sequence[VehicleClass],
    *,
    gap: float = 1e-12,
    max_iterations: int | None = None,
    start: Assignment | None = None,
    keep_paths: bool = False,
) -> Assignment:
    """User equilibrium of several classes (cars, light and heavy goods) with one common congested cost.

    A vehicle of a class weighs `pce` passenger cars on the road and pays the common cost plus its own fixed
    terms; so the Beckmann objective exists (in passenger cars) and equilibrium link volumes of all classes
    together are unique. `volume`, `total_cost`, `average_excess_cost` and `objective` count passenger cars,
    `trips`, `unserved`, `intrazonal` and `class_volume` vehicles. `pair_cost` has the pairs of all classes,
    one after the other. The other arguments are those of `assign`.
    """
    begun = time.perf_counter()
    loading = Loading.of_classes(network, classes)
    return _equilibrium(network, loading, None, gap, max_iterations, start, keep_paths, begun)


def _equilibrium(
    network: AssignmentNetwork,
    loading: Loading,
    trips: Trips | None,
    gap: float,
    max_iterations: int | None,
    start: Assignment | None,
    keep_paths: bool,
    begun: float,
) -> Assignment:
    most = max_iterations or 200
    if start is None:
        solver = pas.PairedSegments(network, loading)
    else:
        if start.paths is None:
            raise ValueError("the assignment to start from was made without keep_paths")
        solver = pas.PairedSegments(network, loading, carry_over(start.paths, network, loading))
        solver.settle(gap)
    while True:
        solver.advance(gap, most)
        verdict = judge(network, loading, solver.flows, solver.trees)
        if verdict.excess <= gap * verdict.total_cost or solver.iterations >= most:
            break
    paths = None
    if keep_paths:
        served = np.isfinite(verdict.pair_cost)
        paths = Paths(network, loading, trips, solver.state, served)
    return _result(network, loading, verdict, solver.iterations, solver.history, begun, "pas", paths)


def _same_trips(network: AssignmentNetwork, trips: Trips, start: Assignment | None) -> Loading | None:
    """The loading of the assignment to start from, where nothing in it can have changed."""
    if start is None or start.paths is None or start.paths.trips is not trips:
        return None
    old = start.paths.network
    if not np.array_equal(old.zone_node, network.zone_node):
        return None
    return replace(start.paths.loading, extra=np.zeros((1, network.links)))


def _result(
    network: AssignmentNetwork,
    loading: Loading,
    verdict: Verdict,
    iterations: int,
    history: Sequence[tuple[float, float]],
    begun: float,
    method: str,
    paths: Paths | None,
) -> Assignment:
    pair_cost = np.zeros(loading.pairs)
    pair_cost[loading.pair_index] = verdict.pair_cost
    served = np.isfinite(verdict.pair_cost)
    served_cars = float(loading.pair_trips[served].sum())
    return Assignment(
        volume=network.star.scatter(verdict.volume),
        cost=network.star.scatter(verdict.cost),
        gap=verdict.excess / verdict.total_cost if verdict.total_cost > 0 else 0.0,
        average_excess_cost=verdict.excess / served_cars if served_cars > 0 else 0.0,
        objective=verdict.objective,
        total_cost=verdict.total_cost,
        imbalance=verdict.imbalance,
        iterations=iterations,
        seconds=time.perf_counter() - begun,
        trips=loading.trips,
        unserved=float((loading.pair_trips / loading.pair_pce)[~served].sum()),
        intrazonal=loading.intrazonal,
        pair_cost=pair_cost,
        history=tuple(history),
        method=method,
        class_volume=np.array([network.star.scatter(row) for row in verdict.class_volume]),
        paths=paths,
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
    class_volume: Floats


def judge(
    network: AssignmentNetwork, loading: Loading, flows: RowFlows, trees: NDArray[np.uint16] | None = None
) -> Verdict:
    """Judge link flows by row: fresh volumes, costs and trees; excess as sum of flow × reduced cost. Reduced
    costs are differences of costs to one origin, never of totals, so that gaps far below 1e-13 still show.

    `trees` (o, n) only save time: the search begins there (`mend_tree`) and ends, as from nothing, when no
    link offers less anywhere. They are changed.
    """
    star, classes = network.star, loading.pce.size
    by_class = np.empty((classes, network.links))
    for kind in range(classes):
        first, last = np.searchsorted(loading.row_class, [kind, kind + 1])
        slots = slice(int(flows.row_ptr[first]), int(flows.row_ptr[last]))
        add_rows(slots.stop - slots.start, flows.link[slots], flows.flow[slots], by_class[kind])
    volume = by_class[0].copy()
    for row in by_class[1:]:
        volume += row
    cost = _costs(network, volume)
    pair_cost = np.empty(loading.pair_node.size)
    excess, imbalance, paid = (np.zeros(loading.rows) for _ in range(3))
    for rows, pairs, own_cost, distance in _trees(network, loading, cost, trees):
        pair_cost[pairs] = _pair_costs(loading, rows, pairs, distance)
        judge_rows(
            rows.start, flows.row_ptr, flows.link, flows.flow, loading.origin_node, loading.pair_ptr,
            loading.pair_node, loading.pair_trips, star.tail, star.head, own_cost, distance, excess,
            imbalance, paid,
        )  # fmt: skip
    found = math.fsum(excess)
    if not (math.isfinite(found) and np.isfinite(cost).all()):
        raise not_finite(network, volume, cost)
    fixed = [
        math.fsum(own[own > 0.0] * extra[own > 0.0])
        for own, extra in zip(by_class, loading.extra, strict=True)
    ]
    return Verdict(
        volume=volume,
        cost=cost,
        excess=found,
        total_cost=math.fsum(paid),
        objective=float(beckmann(volume, *star.curves)) + math.fsum(fixed),
        imbalance=float(imbalance.max(initial=0.0)),
        pair_cost=pair_cost,
        class_volume=by_class / loading.pce[:, None],
    )


def judge_volumes(network: AssignmentNetwork, loading: Loading, volume: Floats) -> Verdict:
    """Judge link volumes alone (m,): excess = total cost - cost of all trips on shortest paths, exactly
    summed.
    """
    cost = _costs(network, volume)
    if not (np.isfinite(volume).all() and np.isfinite(cost).all()):
        raise not_finite(network, volume, cost)
    pair_cost = np.empty(loading.pair_node.size)
    for rows, pairs, _, distance in _trees(network, loading, cost):
        pair_cost[pairs] = _pair_costs(loading, rows, pairs, distance)
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
        class_volume=volume[None],
    )


def _costs(network: AssignmentNetwork, volume: Floats) -> Floats:
    cost, derivative = np.empty(network.links), np.empty(network.links)
    fill_costs(volume, *network.star.curves, cost, derivative)
    return cost


def _trees(
    network: AssignmentNetwork, loading: Loading, cost: Floats, trees: NDArray[np.uint16] | None = None
) -> Iterator[tuple[slice, slice, Floats, Floats]]:
    """Rows, their pairs, their costs and their distances (rows, n), some rows at a time to bound the
    memory.
    """
    for first, last in loading.batches(TOGETHER):
        rows = slice(first, last)
        node = loading.origin_node[rows]
        own_cost = cost + loading.extra[loading.row_class[first]]
        distance = np.empty((node.size, network.nodes))
        entry = np.empty((node.size, network.nodes), np.int32)
        if trees is None:
            grow(network, node, own_cost, distance, entry)
        else:
            mend(network, node, own_cost, trees[rows], distance, entry)
        yield rows, slice(int(loading.pair_ptr[first]), int(loading.pair_ptr[last])), own_cost, distance


def _pair_costs(loading: Loading, rows: slice, pairs: slice, distance: Floats) -> Floats:
    """Distance of each pair from the rows of its origins."""
    row = np.repeat(np.arange(distance.shape[0]), np.diff(loading.pair_ptr[rows.start : rows.stop + 1]))
    found: Floats = distance[row, loading.pair_node[pairs]]
    return found
