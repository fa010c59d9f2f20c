"""Turn bans and turn costs: by hand, on random networks against a slow search, and from a layer."""

from __future__ import annotations

import heapq
import math

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point

from tests.traffic import slow_traffic as slow
from tests.traffic.test_road_network import CRS, line, roads
from twin.errors import InputError
from twin.network import Network
from twin.solvers.traffic import AssignmentNetwork, Trips, VehicleClass, assign, assign_classes
from twin.solvers.traffic.turns import expand


def cross() -> AssignmentNetwork:
    """0 → 1 → 2 in 2 min, and 0 → 1 → 3 → 2 in 6: 1 is a junction; zones at 0, 2 and 1."""
    return AssignmentNetwork.create(
        4,
        [0, 1, 1, 3],
        [1, 2, 3, 2],
        zone_node=[0, 2, 1],
        free_time=[1.0, 1.0, 2.0, 3.0],
        capacity=100.0,
        b=0.0,
    )


def test_a_banned_turn_by_hand() -> None:
    trips = Trips.from_matrix([[0, 5, 2], [0, 0, 0], [0, 3, 0]])
    free = assign(cross(), trips)
    np.testing.assert_allclose(free.volume, [7, 8, 0, 0])
    banned = expand(cross(), [0], [1])
    found = assign(banned, trips)
    # The zone at the junction still leaves by the banned link: the ban is on the turn.
    np.testing.assert_allclose(found.volume[:4], [7, 3, 5, 5])
    assert dict(zip(zip(trips.origin, trips.destination, strict=True), found.pair_cost, strict=True)) == {
        (0, 1): 6.0,
        (0, 2): 1.0,
        (2, 1): 1.0,
    }
    dear = assign(expand(cross(), [0], [1], 3.5), trips)
    np.testing.assert_allclose(dear.volume[:4], [7, 8, 0, 0])
    assert dear.pair_cost[0] == 5.5
    dearer = assign(expand(cross(), [0], [1], 4.5), trips)
    np.testing.assert_allclose(dearer.volume[:4], [7, 3, 5, 5])


def turn_distance(network: AssignmentNetwork, price: dict[tuple[int, int], float], origin: int) -> np.ndarray:
    """Shortest costs to every node with turn costs: a search over links, apart from the expansion."""
    best = np.full(network.nodes, math.inf)
    best[origin] = 0.0
    reach: dict[int, float] = {}
    queue = [
        (network.fixed[a] + network.free_time[a], a) for a in np.flatnonzero(network.link_from == origin)
    ]
    heapq.heapify(queue)
    while queue:
        d, a = heapq.heappop(queue)
        if a in reach:
            continue
        reach[a] = d
        node = network.link_to[a]
        best[node] = min(best[node], d)
        for b in np.flatnonzero(network.link_from == node):
            turn = price.get((int(a), int(b)), 0.0)
            if turn < math.inf and b not in reach:
                heapq.heappush(queue, (d + turn + network.fixed[b] + network.free_time[b], b))
    return best


@pytest.mark.parametrize("seed", range(5))
def test_random_bans_against_a_search_over_links(seed: int) -> None:
    network, trips = slow.random_network(seed, nodes=25, zones=8, traps=False)
    network = AssignmentNetwork.create(
        network.nodes, network.link_from, network.link_to, zone_node=network.zone_node,
        free_time=network.free_time, capacity=1.0, b=0.0,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    turns = [
        (a, int(b))
        for a in rng.choice(network.links, 60, replace=False)
        for b in np.flatnonzero(network.link_from == network.link_to[a])[:2]
    ]
    cost = rng.choice([math.inf, 2.0, 0.5], len(turns))
    first, second = np.array(turns).T
    expanded = expand(network, first, second, cost)
    found = assign(expanded, trips)
    price = {(int(a), int(b)): float(c) for (a, b), c in zip(turns, cost, strict=True)}
    expected = [
        turn_distance(network, price, int(network.zone_node[o]))[network.zone_node[d]] if o != d else 0.0
        for o, d in zip(trips.origin, trips.destination, strict=True)
    ]
    np.testing.assert_allclose(found.pair_cost, expected, rtol=1e-12)


def test_turns_that_cannot_be() -> None:
    with pytest.raises(InputError, match="begins where it ends") as caught:
        expand(cross(), [0, 1], [1, 3], [-1.0, 2.0])
    assert [problem.key for problem in caught.value.problems] == ["turns.cost", "turns"]


def bans(*rows: tuple[str, str, Point | None]) -> gpd.GeoDataFrame:
    first, second, at = zip(*rows, strict=True)
    return gpd.GeoDataFrame({"from_road": first, "to_road": second}, geometry=list(at), crs=CRS)


def test_bans_from_a_layer() -> None:
    """West R0, east R1 and north R2 of a junction; R3 is a loop that meets R0 at both of its ends."""
    layer = roads(
        line((0, 0), (10, 0)),
        line((10, 0), (20, 0)),
        line((10, 10), (10, 0)),
        line((0, 0), (5, 9), (10, 0)),
        road_id=["A", "B/1", "C", "D"],
        direction=["both", "both", "forward", "both"],
    )
    network = Network.from_roads(layer).with_turn_bans(
        bans(
            ("A", "B", None),
            ("A", "C", Point(10, 0)),  # C is one way towards the junction
            ("D", "A", Point(1, 0)),
            ("A", "X", Point(10, 0)),
            ("C", "C", Point(10, 10)),
        )
    )
    ids = network.segments["road_id"].to_numpy()[network.segment]
    turns = [
        (ids[a], ids[b], float(network.node_x[network.link_to[a]]))
        for a, b in zip(network.turn_from, network.turn_to, strict=True)
    ]
    assert turns == [("A", "B/1", 10.0), ("D", "A", 0.0)]
    assert network.report()["turn_bans"] == {"banned": 2, "against the traffic": 2, "unknown road": 1}


def test_two_classes_and_a_banned_turn_by_hand() -> None:
    """0 → 1 → 2 costs 11 + v, 0 → 3 → 2 costs 17, 0 → 1 → 3 → 2 would cost 12 but the turn is banned. Two
    lorries of 2 cars may not use 3 → 2: they take 4 of the 6 at which 0 → 1 → 2 costs 17, cars the other 2.
    """
    network = AssignmentNetwork.create(
        4, [0, 1, 1, 3, 0], [1, 2, 3, 2, 3], zone_node=[0, 2], free_time=[1.0, 10.0, 1.0, 10.0, 7.0],
        capacity=1.0, b=[0.0, 0.1, 0.0, 0.0, 0.0], power=1.0,
    )  # fmt: skip
    expanded = expand(network, [0], [2])
    no_lorries = np.arange(expanded.links) == 3
    cars, lorries = (Trips.from_pairs(2, [0], [1], [q]) for q in (8.0, 2.0))
    found = assign_classes(
        expanded, [VehicleClass("cars", cars), VehicleClass("lorries", lorries, pce=2.0, banned=no_lorries)]
    )
    np.testing.assert_allclose(found.class_volume[:, :5], [[2, 2, 0, 6, 6], [2, 2, 0, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(found.pair_cost, [17.0, 17.0], rtol=1e-12)
    assert found.total_cost == pytest.approx(17.0 * 12.0)
    free = assign_classes(
        network,
        [VehicleClass("cars", cars), VehicleClass("lorries", lorries, pce=2.0, banned=no_lorries[:5])],
    )
    # With the turn, cars go round by 12 until 0 → 1 → 2 costs as much: v = 1, less than the lorries need.
    np.testing.assert_allclose(free.class_volume, [[8, 0, 8, 8, 0], [2, 2, 0, 0, 0]], atol=1e-9)
