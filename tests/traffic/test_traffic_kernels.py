"""Kernels against plain Python and NumPy, and the properties that they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from tests.traffic import slow_traffic as slow
from twin.solvers.traffic import AssignmentNetwork, trees
from twin.solvers.traffic.kernels import (
    add_blocks,
    beckmann,
    fill_costs,
    link_cost,
    link_cost_slope,
    load_shortest,
    power_of,
)
from twin.solvers.traffic.kernels_trees import NO_ENTRY, grow_trees
from twin.solvers.traffic.problem import Loading

POWERS = [0.0, 0.5, 1.0, 2.0, 3.3, 4.0, 16.83]


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("ratio", [0.0, 1e-12, 0.3, 1.0, 2.5])
def test_power(power: float, ratio: float) -> None:
    assert power_of(ratio, power) == pytest.approx(float(np.power(ratio, power)), rel=1e-14)


@pytest.mark.parametrize("power", POWERS)
def test_slope_is_the_derivative_of_the_cost(power: float) -> None:
    for volume in (0.4, 70.0, 250.0):
        h = 1e-5 * volume
        ends = [link_cost(v, 0.0, 0.45, 1 / 100.0, power) for v in (volume - h, volume + h)]
        expected = (ends[1] - ends[0]) / (2 * h)
        assert link_cost_slope(volume, 0.45, 1 / 100.0, power) == pytest.approx(expected, rel=1e-6, abs=1e-30)


def test_braess_coefficient_of_a_billion() -> None:
    """b = 1e9 on a free time of 1e-8: t = 10 v (+ 1e-8)."""
    network = AssignmentNetwork.create(
        2, [0], [1], zone_node=[0, 1], free_time=1e-8, capacity=1.0, b=1e9, power=1.0
    )
    assert network.cost_at(np.array([6.0]))[0] == pytest.approx(60.00000001, rel=1e-15)


def test_slope_below_power_one_is_finite_at_zero() -> None:
    assert math.isfinite(link_cost_slope(0.0, 1.0, 0.01, 0.5))


@pytest.mark.parametrize("seed", range(3))
def test_costs_and_objective(seed: int) -> None:
    network, _ = slow.random_network(seed)
    volume = np.random.default_rng(seed).uniform(0.0, 600.0, network.links)
    volume[::7] = 0.0
    np.testing.assert_allclose(network.cost_at(volume), slow.link_costs(network, volume), rtol=1e-13)
    star = network.star
    found = beckmann(volume[star.order], *star.curves)
    terms = []
    for a in range(network.links):
        one = AssignmentNetwork.create(
            2,
            [0],
            [1],
            zone_node=[0],
            free_time=network.free_time[a],
            capacity=network.capacity[a],
            b=network.b[a],
            power=network.power[a],
            fixed=network.fixed[a],
        )

        def cost(v: float, one: AssignmentNetwork = one) -> float:
            return float(slow.link_costs(one, np.array([v]))[0])

        terms.append(quad(cost, 0.0, volume[a], epsabs=0, epsrel=1e-11)[0])
    assert found == pytest.approx(math.fsum(terms), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_trees_against_plain_dijkstra(seed: int) -> None:
    network, _ = slow.random_network(seed)
    through = np.arange(network.nodes) >= 4  # the first four zones may not be driven through
    network = AssignmentNetwork(**{**vars_of(network), "through": through})
    star = network.star
    origins = network.zone_node
    distance = np.empty((origins.size, network.nodes))
    entry = np.empty((origins.size, network.nodes), np.int32)
    grow_trees(origins, star.out_ptr, star.head, star.base, through, distance, entry, 3)
    for row, origin in enumerate(origins):
        expected, _ = slow.dijkstra(network, star.scatter(star.base), int(origin))
        np.testing.assert_allclose(distance[row], expected, rtol=1e-14)
        for node in range(network.nodes):
            if node == origin or math.isinf(expected[node]):
                assert entry[row, node] == -1
                continue
            a = entry[row, node]
            tail = star.tail[a]
            assert star.head[a] == node
            assert distance[row, node] == distance[row, tail] + star.base[a]
            assert through[tail] or tail == origin


def test_node_that_nothing_reaches() -> None:
    network = AssignmentNetwork.create(3, [0], [1], zone_node=[0, 1, 2], free_time=1.0, capacity=1.0)
    star = network.star
    distance, entry = np.empty((1, 3)), np.empty((1, 3), np.int32)
    grow_trees(
        np.array([0], np.int32), star.out_ptr, star.head, star.base, network.through, distance, entry, 1
    )
    assert distance[0].tolist() == [0.0, 1.0, math.inf]
    assert entry[0].tolist() == [-1, 0, -1]


@pytest.mark.parametrize("blocks", [1, 3, 16])
def test_loading_against_walking_every_path(blocks: int) -> None:
    network, trips = slow.random_network(11, traps=False)  # times are continuous: shortest paths are unique
    loading, star = Loading.of(network, trips), network.star
    cost, derivative = np.empty(network.links), np.empty(network.links)
    fill_costs(np.zeros(network.links), *star.curves, cost, derivative)
    block_volume, volume = np.empty((blocks, network.links)), np.empty(network.links)
    pair_cost = np.empty(loading.pair_node.size)
    load_shortest(
        loading.origin_node,
        loading.pair_ptr,
        loading.pair_node,
        loading.pair_trips,
        star.out_ptr,
        star.tail,
        star.head,
        cost,
        network.through,
        block_volume,
        pair_cost,
    )
    add_blocks(block_volume, volume)
    expected, expected_cost = slow.all_or_nothing(network, trips, star.scatter(cost))
    np.testing.assert_allclose(star.scatter(volume), expected, rtol=1e-12)
    np.testing.assert_allclose(pair_cost, expected_cost[loading.pair_index], rtol=1e-14)


def vars_of(network: AssignmentNetwork) -> dict[str, object]:
    return {name: getattr(network, name) for name in AssignmentNetwork.__dataclass_fields__}


@pytest.mark.parametrize("seed", range(5))
def test_mended_trees_are_grown_trees(seed: int) -> None:
    """From nothing, then at other costs (some links closed, some free), distances are those of Dijkstra to
    the bit, and every tree adds up to its distances.
    """
    network, _ = slow.random_network(seed)
    through = np.arange(network.nodes) >= 4
    network = AssignmentNetwork(**{**vars_of(network), "through": through})
    star, n = network.star, network.nodes
    rng = np.random.default_rng(seed)
    origins = np.array([0, 5, 9], np.int32)
    rank = np.full((3, n), NO_ENTRY, np.uint16)
    for _ in range(6):
        cost = star.base * rng.choice([0.0, 0.9, 1.0, 1.3, 40.0], network.links)
        cost[rng.random(network.links) < 0.15] = np.inf
        grown, mended = np.empty((3, n)), np.empty((3, n))
        entry = np.empty((3, n), np.int32)
        trees.grow(network, origins, cost, grown, entry)
        trees.mend(network, origins, cost, rank, mended, entry)
        assert np.array_equal(mended, grown)
        for row, origin in enumerate(origins):
            reached = np.flatnonzero(np.isfinite(mended[row]) & (np.arange(n) != origin))
            a = entry[row, reached]
            assert np.array_equal(mended[row, star.tail[a]] + cost[a], mended[row, reached])
            assert np.array_equal(star.head[a], reached)
            assert np.array_equal(star.in_link[star.in_ptr[reached] + rank[row, reached]], a)
            none = np.setdiff1d(np.arange(n), reached)
            assert (entry[row, none] == -1).all()
            assert (rank[row, none] == NO_ENTRY).all()
