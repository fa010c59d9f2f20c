"""Gravity between zones, zones from places, trips from tables."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, Point, box

from tests.traffic.test_road_network import CRS, roads
from twin.domain import Place
from twin.errors import InputError
from twin.network import Network
from twin.scenarios.events import Demand
from twin.solvers.traffic import AssignmentNetwork
from twin.solvers.traffic.cordon import Cordon
from twin.solvers.traffic.demand import Zones, gravity, read_trips_csv, zone_times


def test_gravity_keeps_both_trip_ends_and_decays_with_time() -> None:
    rng = np.random.default_rng(0)
    origins, destinations = rng.uniform(10, 100, 12), rng.uniform(10, 100, 12)
    times = rng.uniform(60, 3600, (12, 12))
    table = gravity(origins, destinations, times, 600.0)
    np.testing.assert_allclose(table.sum(axis=1), origins, rtol=1e-9)
    np.testing.assert_allclose(
        table.sum(axis=0), destinations * origins.sum() / destinations.sum(), rtol=1e-9
    )
    # The form T = a_i b_j exp(-t / 600): cross ratios depend on the times alone.
    ratio = table[2, 3] * table[7, 5] / (table[2, 5] * table[7, 3])
    expected = math.exp(-(times[2, 3] + times[7, 5] - times[2, 5] - times[7, 3]) / 600.0)
    assert ratio == pytest.approx(expected, rel=1e-9)


def test_mean_time_of_trips_grows_with_the_parameter() -> None:
    times = np.abs(np.subtract.outer(np.arange(10.0), np.arange(10.0))) * 120.0 + 30.0
    means = [
        float((table * times).sum() / table.sum())
        for table in (gravity(np.ones(10), np.ones(10), times, mean) for mean in (60.0, 300.0, 3000.0))
    ]
    assert means == sorted(means)
    assert means[0] < 120.0


def test_gravity_between_parts_that_no_road_joins() -> None:
    times = np.array([[1.0, 2.0, math.inf], [2.0, 1.0, math.inf], [math.inf, math.inf, 1.0]])
    table = gravity(np.array([10.0, 20.0, 5.0]), np.array([10.0, 20.0, 5.0]), times, 2.0)
    np.testing.assert_allclose(table.sum(axis=1), [10.0, 20.0, 5.0])
    assert table[0, 2] == table[2, 1] == 0.0


def test_parts_that_no_road_joins_balance_by_themselves() -> None:
    times = np.array([[1.0, 2.0, math.inf], [2.0, 1.0, math.inf], [math.inf, math.inf, 1.0]])
    table = gravity(np.array([10.0, 20.0, 5.0]), np.array([1.0, 2.0, 9.0]), times, 2.0)
    np.testing.assert_allclose(table.sum(axis=0), [10.0, 20.0, 5.0])


def test_gravity_with_empty_zones() -> None:
    table = gravity(np.array([10.0, 0.0]), np.array([10.0, 0.0]), np.ones((2, 2)), 1.0)
    np.testing.assert_allclose(table, [[10.0, 0.0], [0.0, 0.0]])
    assert gravity(np.zeros(2), np.zeros(2), np.ones((2, 2)), 1.0).sum() == 0.0


def test_ends_that_no_trips_can_have() -> None:
    with pytest.raises(ValueError, match="balancing"):
        gravity(
            np.array([10.0, 5.0]), np.array([10.0, 5.0]), np.array([[math.inf, 1.0], [1.0, math.inf]]), 1.0
        )


def test_times_within_a_zone_are_half_those_to_the_next() -> None:
    network = AssignmentNetwork.create(
        3,
        [0, 1, 1, 2],
        [1, 0, 2, 1],
        zone_node=[0, 1, 2, 2],
        free_time=[10.0, 20.0, 30.0, 40.0],
        capacity=1.0,
    )
    np.testing.assert_allclose(
        zone_times(network),
        [
            [5.0, 10.0, 40.0, 40.0],
            [20.0, 10.0, 30.0, 30.0],
            [60.0, 40.0, 20.0, 20.0],
            [60.0, 40.0, 20.0, 20.0],
        ],
    )


NETWORK = Network.from_roads(roads(LineString([(0, 0), (100, 0)]), LineString([(100, 0), (200, 0)])))


def zones_of(features: gpd.GeoDataFrame, **event: object) -> Zones:
    demand = Demand(zones="quartiers", **event)
    place = Place("quartiers", features.geometry.union_all(), features)
    return Zones.of_place(place, demand, NETWORK, "scenario.toml", "events[1]")


def frame(**columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[Point(3, 4), box(90, -10, 110, 10)], crs=CRS)


def test_zones_are_attached_to_the_nearest_node() -> None:
    zones = zones_of(frame(nom=["A", "B"], population=[100, 250]))
    assert zones.names == ("A", "B")
    assert zones.weight.tolist() == [100.0, 250.0]
    assert NETWORK.node_x[zones.node].tolist() == [0.0, 100.0]
    assert zones.distance.tolist() == pytest.approx([5.0, 0.0])


def test_only_nodes_of_a_cordon_are_at_the_edge() -> None:
    """Not the zones of a trips file, of which nobody says how many live there."""
    zones = zones_of(frame(nom=["A", "B"]), trips="trips.csv")
    assert zones.weight.tolist() == [0.0, 0.0]
    assert zones.at_edge.tolist() == [False, False]
    network = Network.from_roads(roads(LineString([(0, 0), (200, 0)]), importance=[1]))
    cordon = Cordon.of(network, 3)
    edge = [False, False] + cordon.node.size * [True]
    assert zones.with_cordon(cordon, network).at_edge.tolist() == edge
    assert any(edge)


def test_one_weight_for_all() -> None:
    assert zones_of(frame(nom=["A", "B"]), weight=2.0).weight.tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("columns", "event", "key", "words"),
    [
        ({"nom": ["A", "B"]}, {}, "events[1].weight", "columns nom"),
        ({"nom": ["A", "B"], "pop": [1, 2]}, {"weight": "popu"}, "events[1].weight", "pop"),
        ({"pop": [1, -2]}, {}, "events[1].weight", "-2"),
        ({"pop": [1, None]}, {}, "events[1].weight", "nan"),
        ({"pop": ["many", "few"]}, {}, "events[1].weight", "no number"),
        ({"pop": [1, 2]}, {"weight": -3.0}, "events[1].weight", "-3"),
        ({"pop": [1, 2], "nom": ["A", "A"]}, {"name": "nom"}, "events[1].name", "twice"),
        ({"pop": [1, 2]}, {"name": "nom"}, "events[1].name", "nom"),
    ],
)
def test_zones_that_cannot_be_used(
    columns: dict[str, object], event: dict[str, object], key: str, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        zones_of(frame(**columns), **event)
    assert [problem.key for problem in caught.value.problems] == [key]


def test_one_zone_is_not_enough_and_a_far_place_is_another_place() -> None:
    with pytest.raises(InputError, match="two zones"):
        zones_of(frame(pop=[1, 2]).iloc[:1])
    far = frame(pop=[1, 2])
    far.geometry = far.geometry.translate(1e6, 0)
    with pytest.raises(InputError, match="from the nearest road"):
        zones_of(far)


def test_trips_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_text("From;To;Trips\nA;B;12,5\nB;A;3\nA;B;1\n", encoding="utf-8")
    trips = read_trips_csv(path, ("A", "B"), "events[1].trips")
    np.testing.assert_allclose(trips.matrix(), [[0.0, 13.5], [3.0, 0.0]])


def test_everything_wrong_with_a_table_is_said(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_text("from,to,trips\nA,Bourgg,1\nA,Bourg,-4\nA,Bourg,x\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_trips_csv(path, ("A", "Bourg"), "events[1].trips")
    assert [problem.where.rsplit(", ", 1)[1] for problem in caught.value.problems] == [
        "line 2",
        "line 3",
        "line 4",
    ]
    assert "Bourg" in caught.value.problems[0].hint
    path.write_text("from,trips\nA,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="`to`"):
        read_trips_csv(path, ("A",), "events[1].trips")
    with pytest.raises(InputError, match="from,to,trips"):
        read_trips_csv(tmp_path / "absent.csv", ("A",), "events[1].trips")
