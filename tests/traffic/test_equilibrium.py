"""User equilibrium: cases by hand, both solvers against a slow one, properties, traps."""

from __future__ import annotations

import math
from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traffic import slow_traffic as slow
from twin.errors import InputError
from twin.solvers.traffic import Assignment, AssignmentNetwork, Trips, assign
from twin.solvers.traffic.assignment import judge
from twin.solvers.traffic.pas import PairedSegments
from twin.solvers.traffic.problem import Loading

METHODS = pytest.mark.parametrize("method", ["pas", "bfw"])


def braess(*, bridge: bool) -> tuple[AssignmentNetwork, Trips]:
    """10 v, 50 + v, 50 + v, 10 + v, 10 v: with the bridge all six trips lose nine each."""
    links = [(0, 2), (0, 3), (2, 1), (2, 3), (3, 1)]
    network = AssignmentNetwork.create(
        4,
        [tail for tail, _ in links],
        [head for _, head in links],
        zone_node=[0, 1],
        free_time=[1e-8, 50, 50, 10, 1e-8],
        capacity=1.0,
        b=[1e9, 0.02, 0.02, 0.1, 1e9],
        power=1.0,
    )
    if not bridge:
        network = network.keep(np.array([True, True, True, False, True]))
    return network, Trips.from_pairs(2, [0], [1], [6.0])


@METHODS
def test_braess(method: str) -> None:
    network, trips = braess(bridge=True)
    found = assign(network, trips, gap=1e-14, method=method)
    np.testing.assert_allclose(found.volume, [4, 2, 2, 2, 4], atol=1e-6)
    assert found.total_cost == pytest.approx(552.0, rel=1e-7)
    assert found.objective == pytest.approx(386.0, rel=1e-8)
    assert found.pair_cost[0] == pytest.approx(92.0, rel=1e-7)


@METHODS
def test_closing_the_bridge_of_braess_helps(method: str) -> None:
    found = assign(*braess(bridge=False), gap=1e-14, method=method)
    np.testing.assert_allclose(found.volume, [3, 3, 3, 3], atol=1e-6)
    assert found.total_cost == pytest.approx(498.0, rel=1e-7)


@METHODS
def test_parallel_links_share_the_flow(method: str) -> None:
    """1 + v and 2 + v / 2, five trips: v1 = 7/3, cost 10/3 on both."""
    network = AssignmentNetwork.create(
        2, [0, 0], [1, 1], zone_node=[0, 1], free_time=[1, 2], capacity=1.0, b=[1.0, 0.25], power=1.0
    )
    found = assign(network, Trips.from_pairs(2, [0], [1], [5.0]), gap=1e-15, method=method)
    np.testing.assert_allclose(found.volume, [7 / 3, 8 / 3], rtol=1e-12)
    np.testing.assert_allclose(found.cost, [10 / 3, 10 / 3], rtol=1e-12)


def excess(network: AssignmentNetwork, trips: Trips, found: Assignment) -> float:
    return slow.relative_gap(network, trips, found.volume)


@pytest.mark.parametrize("seed", range(4))
def test_reported_gap_is_that_of_a_slow_pass(seed: int) -> None:
    network, trips = slow.random_network(seed)
    for iterations in (1, 2, 4):
        found = assign(network, trips, gap=1e-15, max_iterations=iterations)
        expected = excess(network, trips, found)
        assert found.gap == pytest.approx(expected, rel=1e-6, abs=1e-14)
        coarse = assign(network, trips, gap=1e-15, max_iterations=iterations, method="bfw")
        assert coarse.gap == pytest.approx(excess(network, trips, coarse), rel=1e-6, abs=1e-14)


@pytest.mark.parametrize("seed", range(12))
def test_to_machine_precision_on_random_networks_with_traps(seed: int) -> None:
    network, trips = slow.random_network(seed, nodes=20 + 5 * seed, zones=6 + seed)
    found = assign(network, trips, gap=1e-13)
    assert found.gap <= 1e-13
    assert abs(excess(network, trips, found)) <= 1e-12
    assert found.imbalance <= 1e-9 * trips.total


@pytest.mark.parametrize("seed", range(3))
def test_against_textbook_frank_wolfe(seed: int) -> None:
    network, trips = slow.random_network(seed + 50, traps=False)
    reference = slow.frank_wolfe(network, trips, 300)
    fine = assign(network, trips, gap=1e-12)
    middle = assign(network, trips, gap=1e-7, method="bfw")
    scale = fine.volume.max()
    assert np.abs(fine.volume - reference).max() <= 0.02 * scale
    assert np.abs(fine.volume - middle.volume).max() <= 2e-3 * scale
    slow_objective = slow.beckmann(network, reference)
    assert fine.objective <= slow_objective
    assert fine.objective <= middle.objective * (1 + 1e-14)
    # Convexity: the objective is within gap × total cost of its least value.
    assert (
        slow_objective - fine.objective
        <= slow.relative_gap(network, trips, reference) * fine.total_cost * 1.1
    )


@given(
    seed=st.integers(0, 10_000), nodes=st.integers(4, 24), zones=st.integers(2, 4), crowd=st.floats(0.05, 5.0)
)
@settings(max_examples=15, deadline=None, database=None, derandomize=True)
def test_textbook_frank_wolfe_comes_no_lower(seed: int, nodes: int, zones: int, crowd: float) -> None:
    """SciPy's Frank-Wolfe (its own trees, costs and line search) stays above our objective, and by convexity
    by no more than its own excess cost; where both are near the least, link volumes agree.
    """
    network, trips = slow.random_network(seed, nodes, zones, traps=False)
    trips = trips.times(crowd)
    found = assign(network, trips, gap=1e-12)
    assert found.gap <= 1e-12
    assert abs(slow.relative_gap(network, trips, found.volume)) <= 1e-11
    reference = slow.frank_wolfe(network, trips, 60)
    gap = max(slow.relative_gap(network, trips, reference), 0.0)
    least, other = (slow.beckmann(network, volume) for volume in (found.volume, reference))
    assert found.objective == pytest.approx(least, rel=1e-12)
    rounding = 1e-12 * least
    assert (
        -rounding <= other - least <= gap * float(reference @ slow.link_costs(network, reference)) + rounding
    )
    if gap < 1e-5:
        np.testing.assert_allclose(found.volume, reference, atol=0.05 * found.volume.max())


@given(seed=st.integers(0, 10_000), traps=st.booleans())
@settings(max_examples=10, deadline=None, database=None, derandomize=True)
def test_invariant_to_the_numbering_of_nodes_links_and_zones(seed: int, traps: bool) -> None:
    """Costs and objective are unique whatever the numbering, volumes where costs depend on them."""
    network, trips = slow.random_network(seed, traps=traps)
    rng = np.random.default_rng(seed)
    node, link, zone = (rng.permutation(k) for k in (network.nodes, network.links, network.zones))
    shuffled = AssignmentNetwork.create(
        network.nodes,
        node[network.link_from][link],
        node[network.link_to][link],
        zone_node=node[network.zone_node][zone],
        free_time=network.free_time[link],
        capacity=network.capacity[link],
        b=network.b[link],
        power=network.power[link],
        fixed=network.fixed[link],
    )
    table = trips.matrix()[np.ix_(zone, zone)]
    one = assign(network, trips, gap=1e-13)
    other = assign(shuffled, Trips.from_matrix(table), gap=1e-13)
    assert max(one.gap, other.gap) <= 1e-13
    assert other.objective == pytest.approx(one.objective, rel=1e-12)
    np.testing.assert_allclose(other.cost, one.cost[link], rtol=1e-5)
    unique = ((network.free_time * network.b * network.power > 0) & (network.power >= 1.0))[link]
    scale = one.volume.max()
    np.testing.assert_allclose(other.volume[unique], one.volume[link][unique], atol=1e-4 * scale)


@pytest.mark.threads
@given(seed=st.integers(0, 10_000), method=st.sampled_from(["pas", "bfw"]), warm=st.booleans())
@settings(max_examples=6, deadline=None, database=None, derandomize=True)
def test_same_to_the_bit_whatever_the_threads(seed: int, method: str, warm: bool) -> None:
    network, trips = slow.random_network(seed, nodes=250, zones=50)  # enough for the parallel kernels
    threads = numba.get_num_threads()
    closed = network.keep(np.arange(network.links) != seed % network.links)
    found = []
    try:
        for count in (1, 2):
            numba.set_num_threads(count)
            keep = warm and method == "pas"
            first = assign(network, trips, gap=1e-6, max_iterations=40, method=method, keep_paths=keep)
            again = assign(closed, trips, gap=1e-8, max_iterations=40, start=first) if keep else first
            found.append((first, again))
    finally:
        numba.set_num_threads(threads)
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one.volume, other.volume)
        assert np.array_equal(one.pair_cost, other.pair_cost)
        assert one.gap == other.gap


def test_flows_by_origin_are_conserved_and_not_negative() -> None:
    network, trips = slow.random_network(8)
    loading = Loading.of(network, trips)
    solver = PairedSegments(network, loading)
    solver.advance(1e-12, 100)
    flows = solver.flows.dense(network.links)
    assert (flows >= 0).all()
    verdict = judge(network, loading, solver.flows)
    assert verdict.imbalance <= 1e-10 * trips.total
    star = network.star
    for o, origin in enumerate(loading.origin_node):
        pairs = slice(loading.pair_ptr[o], loading.pair_ptr[o + 1])
        balance = np.zeros(network.nodes)
        np.add.at(balance, star.head, flows[o])
        np.subtract.at(balance, star.tail, flows[o])
        expected = np.zeros(network.nodes)
        np.add.at(expected, loading.pair_node[pairs], loading.pair_trips[pairs])
        expected[origin] -= loading.pair_trips[pairs].sum()
        np.testing.assert_allclose(balance, expected, atol=1e-10 * trips.total)


@METHODS
def test_pairs_without_a_route_are_unserved_and_get_no_link(method: str) -> None:
    """Zones 1 and 2 are joined both ways, zone 3 only receives, zone 4 is an island."""
    network = AssignmentNetwork.create(
        4, [0, 1, 1], [1, 0, 2], zone_node=[0, 1, 2, 3], free_time=1.0, capacity=10.0
    )
    trips = Trips.from_matrix([[5, 1, 2, 4], [1, 0, 3, 0], [7, 0, 0, 0], [0, 8, 0, 0]])
    found = assign(network, trips, method=method)
    assert found.intrazonal == 5.0
    assert found.unserved == 4.0 + 7.0 + 8.0
    np.testing.assert_allclose(found.volume, [3.0, 1.0, 5.0])
    matrix = dict(zip(zip(trips.origin, trips.destination, strict=True), found.pair_cost, strict=True))
    assert math.isinf(matrix[0, 3])
    assert math.isinf(matrix[2, 0])
    assert matrix[0, 0] == 0.0
    assert found.trips == trips.total


@METHODS
def test_zones_are_not_driven_through(method: str) -> None:
    """The way 0 → 1 → 2 through zone 1 is shorter, but forbidden."""
    arguments = {
        "nodes": 4,
        "link_from": [0, 1, 0, 3],
        "link_to": [1, 2, 3, 2],
        "zone_node": [0, 1, 2],
        "free_time": [1.0, 1.0, 5.0, 5.0],
        "capacity": 100.0,
    }
    trips = Trips.from_pairs(3, [0, 0], [2, 1], [10.0, 4.0])
    closed = assign(
        AssignmentNetwork.create(**arguments, through=[False, False, False, True]), trips, method=method
    )
    np.testing.assert_allclose(closed.volume, [4, 0, 10, 10])
    free = assign(AssignmentNetwork.create(**arguments), trips, method=method)
    np.testing.assert_allclose(free.volume, [14, 10, 0, 0])


def test_cycles_of_zero_cost_do_no_harm() -> None:
    """A ring of free links beside a congested road."""
    network = AssignmentNetwork.create(
        5,
        [0, 2, 3, 4, 0, 2, 2],
        [2, 3, 4, 2, 1, 1, 1],
        zone_node=[0, 1],
        free_time=[1.0, 0.0, 0.0, 0.0, 3.0, 1.0, 2.0],
        capacity=[10.0, 1.0, 1.0, 1.0, 10.0, 10.0, 10.0],
        power=4.0,
    )
    trips = Trips.from_pairs(2, [0], [1], [60.0])
    found = assign(network, trips, gap=1e-13)
    assert found.gap <= 1e-13
    assert abs(slow.relative_gap(network, trips, found.volume)) < 1e-12


@METHODS
def test_no_trips_at_all(method: str) -> None:
    network, _ = slow.random_network(1)
    nobody = Trips.from_pairs(network.zones, [2], [2], [3.0])
    found = assign(network, nobody, method=method)
    assert found.volume.max() == 0.0
    assert (found.gap, found.intrazonal, found.unserved) == (0.0, 3.0, 0.0)


def test_zones_that_share_a_node() -> None:
    network, trips = slow.random_network(4, zones=6)
    doubled = replace(network, zone_node=np.append(network.zone_node, network.zone_node[0]))
    table = np.zeros((7, 7))
    table[:6, :6] = trips.matrix()
    table[6] = table[0]
    table[0] = 0.0
    table[6, 0] = 9.0
    moved = assign(doubled, Trips.from_matrix(table), gap=1e-13)
    alone = assign(network, trips, gap=1e-13)
    np.testing.assert_allclose(moved.volume, alone.volume, atol=1e-6 * alone.volume.max())
    assert moved.intrazonal == pytest.approx(9.0 + np.trace(trips.matrix()) - trips.matrix()[0, 0])


def test_pairs_that_occur_twice_are_added() -> None:
    trips = Trips.from_pairs(2, [0, 0], [1, 1], [1.0, 2.5])
    assert trips.trips.tolist() == [3.5]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"capacity": [0.0, 1.0]}, "capacity"),
        ({"capacity": [math.nan, 1.0]}, "capacity"),
        ({"free_time": [-1.0, 1.0]}, "free_time"),
        ({"b": math.inf}, "b"),
        ({"link_to": [1, 7]}, "link_to"),
        ({"zone_node": [0, -1]}, "zone_node"),
    ],
)
def test_what_means_nothing_is_refused(change: dict[str, object], key: str) -> None:
    arguments: dict[str, object] = {
        "nodes": 2,
        "link_from": [0, 1],
        "link_to": [1, 0],
        "zone_node": [0, 1],
        "free_time": 1.0,
        "capacity": 5.0,
    }
    with pytest.raises(InputError) as caught:
        AssignmentNetwork.create(**{**arguments, **change})
    assert [problem.key for problem in caught.value.problems] == [key]


def test_capacity_zero_is_fine_where_no_cost_depends_on_it() -> None:
    network = AssignmentNetwork.create(
        2, [0], [1], zone_node=[0, 1], free_time=2.0, capacity=0.0, b=0.0, power=0.0
    )
    found = assign(network, Trips.from_pairs(2, [0], [1], [3.0]))
    assert found.total_cost == 6.0


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_negative_trips_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="zone 1 to zone 2"):
        Trips.from_pairs(2, [0], [1], [value])


def test_other_number_of_zones_is_refused() -> None:
    network, _ = slow.random_network(1)
    with pytest.raises(InputError, match="zones"):
        assign(network, Trips.from_pairs(3, [0], [1], [1.0]))
