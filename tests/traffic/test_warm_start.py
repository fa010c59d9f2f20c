"""Warm starts, flows by origin, routes through links, classes and conical costs, against slow references."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.traffic import slow_traffic as slow
from twin.errors import TwinError
from twin.messages import text
from twin.solvers.traffic import Assignment, AssignmentNetwork, Trips, VehicleClass, assign, assign_classes
from twin.solvers.traffic.assignment import judge
from twin.solvers.traffic.kernels import conical_integral, link_cost, link_cost_slope
from twin.solvers.traffic.kernels_trees import NO_ENTRY
from twin.solvers.traffic.pas import PairedSegments, Pairs, RowFlows, State
from twin.solvers.traffic.paths import carry_over, select_links
from twin.solvers.traffic.problem import Loading
from twin.solvers.traffic.trees import grow
from twin.solvers.traffic.turns import expand


def same(warm: Assignment, cold: Assignment, network: AssignmentNetwork, trips: Trips) -> None:
    """Two equilibria of one problem; flows of the warm one conserved."""
    assert warm.gap <= 1e-11
    assert warm.objective == pytest.approx(cold.objective, rel=1e-9)
    assert warm.imbalance <= 1e-9 * max(trips.total, 1.0)
    assert warm.unserved == pytest.approx(cold.unserved)
    np.testing.assert_array_equal(np.isinf(warm.pair_cost), np.isinf(cold.pair_cost))
    assert abs(slow.relative_gap(network, trips, warm.volume)) <= 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_closing_and_opening_again(seed: int) -> None:
    network, trips = slow.random_network(seed, nodes=40, zones=12)
    before = assign(network, trips, gap=1e-11, keep_paths=True)
    keep = np.ones(network.links, bool)
    keep[np.argsort(-before.volume)[[0, 5 + seed]]] = False
    closed = network.keep(keep)
    warm = assign(closed, trips, gap=1e-11, start=before, keep_paths=True)
    same(warm, assign(closed, trips, gap=1e-11), closed, trips)
    again = assign(network, trips, gap=1e-11, start=warm)
    same(again, before, network, trips)


@pytest.mark.parametrize("seed", range(4))
def test_other_costs_and_other_demand(seed: int) -> None:
    network, trips = slow.random_network(seed + 20, nodes=40, zones=12)
    before = assign(network, trips, gap=1e-11, keep_paths=True)
    wider = replace(network, capacity=network.capacity * np.where(np.arange(network.links) % 3, 1.0, 2.5))
    same(assign(wider, trips, gap=1e-11, start=before), assign(wider, trips, gap=1e-11), wider, trips)

    rng = np.random.default_rng(seed)
    table = trips.matrix() * rng.uniform(0.0, 2.0, (12, 12)) * (rng.random((12, 12)) < 0.7)
    table[3] = 0.0  # an origin that is no more
    table[:, 5] += 20.0  # pairs that were not there
    other = Trips.from_matrix(table)
    same(assign(network, other, gap=1e-11, start=before), assign(network, other, gap=1e-11), network, other)
    both = wider.keep(np.arange(network.links) != int(np.argmax(before.volume)))
    same(assign(both, other, gap=1e-11, start=before), assign(both, other, gap=1e-11), both, other)


def test_trips_without_a_route_wait_for_one() -> None:
    """0 ⇄ 1 only by one link each way; closed, then open again."""
    network = AssignmentNetwork.create(2, [0, 1], [1, 0], zone_node=[0, 1], free_time=1.0, capacity=5.0)
    trips = Trips.from_pairs(2, [0, 1], [1, 0], [4.0, 2.0])
    before = assign(network, trips, keep_paths=True)
    closed = assign(network.keep(np.array([False, True])), trips, start=before, keep_paths=True)
    assert closed.unserved == 4.0
    np.testing.assert_allclose(closed.volume, [2.0])
    again = assign(network, trips, start=closed)
    assert again.unserved == 0.0
    np.testing.assert_allclose(again.volume, [4.0, 2.0])


def test_a_start_is_never_changed_and_must_have_paths() -> None:
    network, trips = slow.random_network(2)
    before = assign(network, trips, gap=1e-11, keep_paths=True)
    assert before.paths is not None
    state = before.paths.state
    kept = (state.flows.flow, state.flows.row_ptr, state.pairs.links, state.trees)
    copies = [values.copy() for values in kept]
    closed = network.keep(np.arange(network.links) != int(np.argmax(before.volume)))
    one, two = (assign(closed, trips, gap=1e-11, start=before) for _ in range(2))
    assert np.array_equal(one.volume, two.volume)
    for now, then in zip(kept, copies, strict=True):
        assert np.array_equal(now, then)
    with pytest.raises(ValueError, match="keep_paths"):
        assign(network, trips, start=one)


def test_memory_goes_with_the_links_used() -> None:
    network, trips = slow.random_network(1, nodes=200, zones=20, traps=False)
    found = assign(network, trips, keep_paths=True)
    assert found.paths is not None
    assert found.paths.flows.flow.size < 0.5 * network.links * found.paths.loading.rows


def routes(
    network: AssignmentNetwork, found: Assignment, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Flow of trips that take a chosen link, by walking every proportional route: slow, recursive."""
    assert found.paths is not None
    loading, flows = found.paths.loading, found.paths.flows.dense(network.links)
    volume, share = np.zeros(network.links), np.zeros(loading.pairs)
    for o in range(loading.rows):
        flow = network.star.scatter(flows[o])
        inflow = np.bincount(network.link_to, weights=flow, minlength=network.nodes)

        def walk(node: int, part: float, path: list[int], o: int = o, flow=flow, inflow=inflow) -> float:
            if node == loading.origin_node[o]:
                if not any(chosen[a] for a in path):
                    return 0.0
                volume[path] += part
                return part
            taken = 0.0
            for a in np.flatnonzero((network.link_to == node) & (flow > 1e-12)):
                taken += walk(int(network.link_from[a]), part * flow[a] / inflow[node], [*path, a])
            return taken

        for p in range(loading.pair_ptr[o], loading.pair_ptr[o + 1]):
            trips = loading.pair_trips[p]
            share[loading.pair_index[p]] = walk(int(loading.pair_node[p]), trips, []) / trips
    return volume, share


@pytest.mark.parametrize("seed", range(3))
def test_routes_through_links_are_those_of_proportionality(seed: int) -> None:
    network, trips = slow.random_network(seed + 30, nodes=15, zones=6, traps=False)
    found = assign(network, trips, keep_paths=True)
    chosen = np.zeros(network.links, bool)
    chosen[np.argsort(-found.volume)[[0, 3]]] = True
    assert found.paths is not None
    selected = select_links(found.paths, chosen)
    volume, share = routes(network, found, chosen)
    np.testing.assert_allclose(selected.volume, volume, atol=1e-6)
    np.testing.assert_allclose(selected.pair_share, share, atol=1e-9)
    np.testing.assert_allclose(selected.volume[chosen], found.volume[chosen], rtol=1e-9)


def test_two_classes_by_hand() -> None:
    """Short road 10 + v, long road 15 empty cost without congestion; lorries (2 cars) are banned from the
    short one, or pay 6 there.
    """
    network = AssignmentNetwork.create(
        2, [0, 0], [1, 1], zone_node=[0, 1], free_time=[10.0, 15.0], capacity=1.0, b=[0.1, 0.0], power=1.0
    )
    cars, lorries = (Trips.from_pairs(2, [0], [1], [q]) for q in (8.0, 2.0))
    banned = np.array([True, False])
    found = assign_classes(
        network, [VehicleClass("cars", cars), VehicleClass("lorries", lorries, pce=2.0, banned=banned)]
    )
    np.testing.assert_allclose(found.class_volume, [[5.0, 3.0], [0.0, 2.0]], atol=1e-9)
    np.testing.assert_allclose(found.volume, [5.0, 7.0], atol=1e-9)
    assert found.gap <= 1e-12
    assert found.total_cost == pytest.approx(15.0 * 12.0)
    # A fixed term instead: lorries (2 × 2 = 4) and cars (8) both fit on 10 + v <= 15 only for 5 cars in all.
    paying = assign_classes(
        network,
        [VehicleClass("cars", cars), VehicleClass("lorries", lorries, pce=2.0, fixed=np.array([6.0, 0.0]))],
    )
    np.testing.assert_allclose(paying.class_volume, [[5.0, 3.0], [0.0, 2.0]], atol=1e-9)
    paid = assign_classes(
        network,
        [VehicleClass("cars", cars, fixed=np.array([6.0, 0.0])), VehicleClass("lorries", lorries, pce=2.0)],
    )
    # Lorries first: 4 of the 5 that the short road takes at 15; cars would pay 10 + 4 + 6.
    np.testing.assert_allclose(paid.class_volume, [[0.0, 8.0], [2.0, 0.0]], atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_classes_on_random_networks(seed: int) -> None:
    """A class split in two equal ones changes nothing; the objective is least (a fixed term moves some)."""
    network, trips = slow.random_network(seed + 60, nodes=30, zones=8)
    alone = assign(network, trips, gap=1e-12)
    half = [VehicleClass("a", trips.times(0.5)), VehicleClass("b", trips.times(0.25), pce=2.0)]
    both = assign_classes(network, half, gap=1e-12)
    assert both.objective == pytest.approx(alone.objective, rel=1e-10)
    assert both.gap <= 1e-12
    np.testing.assert_allclose(both.class_volume[0] + 2 * both.class_volume[1], both.volume, atol=1e-7)
    rng = np.random.default_rng(seed)
    fixed = rng.uniform(0.0, 5.0, network.links)
    banned = rng.random(network.links) < 0.1
    banned[: network.nodes] = False
    kinds = [
        VehicleClass("a", trips.times(0.5)),
        VehicleClass("b", trips.times(0.25), pce=2.0, fixed=fixed, banned=banned),
    ]
    apart = assign_classes(network, kinds, gap=1e-12, keep_paths=True)
    assert apart.gap <= 1e-12
    assert (apart.class_volume[1][banned] == 0.0).all()
    # Used routes of the second class are shortest at its own cost.
    costs = slow.link_costs(network, apart.volume) + fixed
    costs[banned] = np.inf
    _, pair_cost = slow.all_or_nothing(network, trips, costs)
    np.testing.assert_allclose(apart.pair_cost[trips.trips.size :], pair_cost, rtol=1e-9)
    volume = apart.class_volume[1]
    assert volume[~banned] @ costs[~banned] == pytest.approx(0.25 * trips.trips @ pair_cost, rel=1e-8)
    keep = np.arange(network.links) != int(np.argmax(apart.volume))
    closed = network.keep(keep)
    moved = [kinds[0], replace(kinds[1], fixed=fixed[keep], banned=banned[keep])]
    warm = assign_classes(closed, moved, gap=1e-11, start=apart)
    assert warm.objective == pytest.approx(assign_classes(closed, moved, gap=1e-11).objective, rel=1e-9)


def test_conical_costs() -> None:
    """Spiess 1990: f(0) = 1, f(1) = 2, slope as the difference, integral as the sum; and an equilibrium."""
    a = 6.0
    assert link_cost(0.0, 3.0, 3.0, 0.01, -a) == pytest.approx(3.0)
    assert link_cost(100.0, 3.0, 3.0, 0.01, -a) == pytest.approx(6.0)
    v = np.linspace(0.0, 250.0, 100_001)
    costs = np.array([link_cost(x, 0.0, 1.0, 0.01, -a) for x in v])
    integral = np.trapezoid(costs, v)
    assert conical_integral(2.5, -a) * 100.0 == pytest.approx(integral, rel=1e-8)
    for x in (10.0, 100.0, 220.0):
        h = 1e-4
        slope = (link_cost(x + h, 0.0, 1.0, 0.01, -a) - link_cost(x - h, 0.0, 1.0, 0.01, -a)) / (2 * h)
        assert link_cost_slope(x, 1.0, 0.01, -a) == pytest.approx(slope, rel=1e-6)
    network, trips = slow.random_network(7, traps=False)
    conical = replace(network, conical=np.where(np.arange(network.links) % 2, 6.0, 0.0))
    found = assign(conical, trips, gap=1e-12)
    coarse = assign(conical, trips, gap=1e-6, method="bfw")
    assert found.gap <= 1e-12
    assert found.objective <= coarse.objective
    assert found.objective == pytest.approx(coarse.objective, rel=1e-5)


@pytest.mark.parametrize(("seed", "link"), [(0, 156), (3, 7), (9, 183), (11, 10)])
def test_rounding_behind_a_closed_link(seed: int, link: int) -> None:
    """Many turns banned, three times the trips: behind the closed link are nodes that nothing reaches any
    more and where rounding left some flow (1e-15), which was nan in the gap for ever.
    """
    streets, trips = slow.random_network(seed, nodes=40, zones=12, traps=False)
    first, second = np.nonzero(streets.link_to[:, None] == streets.link_from[None, :])
    banned = np.random.default_rng(seed).random(first.size) < 0.5
    network, trips = expand(streets, first[banned], second[banned]), trips.times(3.0)
    before = assign(network, trips, gap=1e-10, keep_paths=True)
    assert before.paths is not None
    closed = network.keep(np.arange(network.links) != link)
    state, _ = carry_over(before.paths, closed, Loading.of(closed, trips))
    flows, origins = state.flows, before.paths.loading.origin_node
    distance = np.empty((origins.size, closed.nodes))
    grow(closed, origins, closed.star.base.copy(), distance, np.empty(distance.shape, np.int32))
    row = np.repeat(np.arange(origins.size), np.diff(flows.row_ptr))
    behind = flows.flow[np.isinf(distance[row, closed.star.tail[flows.link]])]
    assert 0.0 < behind.max() < 1e-12
    warm = assign(closed, trips, gap=1e-11, start=before)
    same(warm, assign(closed, trips, gap=1e-11), closed, trips)


def test_a_class_that_is_banned_later() -> None:
    """Lorries on both roads; then banned from the first: their flow there goes, as from a closed road."""
    network = AssignmentNetwork.create(
        2, [0, 0], [1, 1], zone_node=[0, 1], free_time=[10.0, 12.0], capacity=1.0, b=0.1, power=1.0
    )
    trips = Trips.from_pairs(2, [0], [1], [6.0])
    cars, lorries = VehicleClass("cars", trips), VehicleClass("lorries", trips, pce=2.0)
    before = assign_classes(network, [cars, lorries], keep_paths=True)
    kinds = [cars, replace(lorries, banned=np.array([True, False]))]
    warm = assign_classes(network, kinds, start=before)
    assert warm.class_volume[1].tolist() == [0.0, 6.0]
    np.testing.assert_allclose(warm.volume, assign_classes(network, kinds).volume, rtol=1e-12)


def test_what_is_no_number_stops_the_assignment() -> None:
    network = AssignmentNetwork.create(
        2, [0], [1], zone_node=[0, 1], free_time=1.0, capacity=1e-200, b=1.0, power=4.0
    )
    trips = Trips.from_pairs(2, [0], [1], [10.0])
    for method in ("pas", "bfw"):
        with pytest.raises(TwinError, match="inf"):
            assign(network, trips, method=method)


def test_flow_where_no_path_leads_stops_the_assignment() -> None:
    """Not rounding but half of the trips, on a link that their origin does not reach."""
    network = AssignmentNetwork.create(3, [0, 2], [1, 1], zone_node=[0, 1], free_time=1.0, capacity=5.0)
    trips = Trips.from_pairs(2, [0], [1], [4.0])
    loading = Loading.of(network, trips)
    flows = RowFlows(np.array([0, 2]), np.array([0, 1], np.int32), np.array([2.0, 2.0]))
    with pytest.raises(TwinError, match=re.escape(text("traffic.flow_without_path", where=network.where))):
        judge(network, loading, flows)
    none = np.empty(0, np.int32)
    pairs = Pairs(none, none.astype(int), none.astype(int), none.astype(int), none, none, none)
    state = State(flows, pairs, np.full((1, 3), NO_ENTRY, np.uint16))
    with pytest.raises(TwinError):
        PairedSegments(network, loading, (state, np.zeros(1))).advance(1e-12, 10)
