"""System optimum, tolls, skims, criticality."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import small
from tests.test_cli import edited
from tests.traffic import slow_traffic as slow
from tests.traffic.test_equilibrium import braess
from tests.traffic.test_traffic_solver import domain
from twin.errors import InputError
from twin.scenarios import Scenario
from twin.solvers.traffic import AssignmentNetwork, Trips, analysis, assign
from twin.solvers.traffic.analysis import skim, system_optimum
from twin.solvers.traffic.criticality import bridges, criticality, losses, run_criticality


def test_optimum_of_braess_leaves_the_bridge_alone() -> None:
    """Marginal costs 20 v and 50 + 2 v: three on each side, nobody on the bridge; total 498."""
    network, trips = braess(bridge=True)
    best = system_optimum(network, trips)
    np.testing.assert_allclose(best.volume, [3, 3, 3, 0, 3], atol=1e-6)
    assert best.total_cost == pytest.approx(498.0)
    assert assign(network, trips).total_cost == pytest.approx(552.0)


@pytest.mark.parametrize("seed", range(3))
def test_marginal_tolls_bring_drivers_to_the_optimum(seed: int) -> None:
    network, trips = slow.random_network(seed, traps=False)
    best = system_optimum(network, trips)
    tolled = assign(replace(network, fixed=network.fixed + best.toll), trips)
    np.testing.assert_allclose(tolled.volume, best.volume, atol=1e-5 * best.volume.max())
    assert best.total_cost < assign(network, trips).total_cost
    with pytest.raises(InputError, match="conical"):
        system_optimum(replace(network, conical=np.full(network.links, 6.0)), trips)


def test_skims_against_a_slow_search() -> None:
    network, _ = slow.random_network(5, traps=False)
    cost = slow.link_costs(network, np.zeros(network.links))
    length = np.random.default_rng(0).uniform(1.0, 9.0, network.links)
    tables = skim(network, cost, length=length)
    for o in range(network.zones):
        distance, entry = slow.dijkstra(network, cost, int(network.zone_node[o]))
        for d in range(network.zones):
            node, along = int(network.zone_node[d]), 0.0
            assert tables["cost"][o, d] == pytest.approx(distance[node])
            while node != network.zone_node[o]:
                along += length[entry[node]]
                node = int(network.link_from[entry[node]])
            assert tables["length"][o, d] == pytest.approx(along)


def test_skims_hold_the_trees_of_a_batch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """3000 zones on 50 000 nodes took 4 GB. Tables are the same to the bit, however many are in a batch."""
    network, _ = slow.random_network(6, nodes=2000, zones=400, traps=False)
    network = replace(network, zone_node=np.random.default_rng(2).integers(0, 2000, 400).astype(np.int32))
    assert np.unique(network.zone_node).size < network.zones  # some zones share a node
    monkeypatch.setattr(analysis, "BATCH", 1000)
    whole = skim(network, network.free_time, length=network.free_time**2)
    monkeypatch.setattr(analysis, "BATCH", 50)
    tracemalloc.start()
    tables = skim(network, network.free_time, length=network.free_time**2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for name, table in whole.items():
        np.testing.assert_array_equal(tables[name], table)
    assert peak < 9e6  # two tables of 1.3 MB, batches of 2 MB; all trees: 16 MB


def test_losses_of_closed_links_by_hand() -> None:
    """Roads of 600, 900 and 1200 s without congestion for 100 trips; 20 more depend on the last link."""
    network = AssignmentNetwork.create(
        3, [0, 0, 0, 1], [1, 1, 1, 2], zone_node=[0, 1, 2], free_time=[600.0, 900.0, 1200.0, 60.0],
        capacity=1.0, b=0.0,
    )  # fmt: skip
    trips = Trips.from_pairs(3, [0, 0], [1, 2], [100.0, 20.0])
    found = losses(network, trips, [np.array([0]), np.array([0, 1]), np.array([3]), np.array([2])])
    assert [loss.hours_lost for loss in found] == pytest.approx([10.0, 20.0, 0.0, 0.0])
    assert [loss.stranded for loss in found] == [0.0, 0.0, 20.0, 0.0]
    assert [loss.volume for loss in found] == [120.0, 120.0, 20.0, 0.0]
    assert found[2].hours == pytest.approx(20.0)
    edge = np.array([False, False, True])
    apart = losses(network, trips, [np.array([3])], edge=edge)[0]
    assert (apart.stranded, apart.at_edge, apart.hours) == (0.0, 20.0, 0.0)


def test_parts_of_a_bridge_are_one_bridge() -> None:
    network = domain().networks["roads"]
    assert [network.segments["road_id"].iloc[rows].tolist() for rows in bridges(network)] == [["bridge"]]


def test_criticality_of_a_scenario(tmp_path: Path) -> None:
    file = small.make(tmp_path / "small")
    table = criticality(Scenario.open(file), roads="all", most=5)
    assert 0 < len(table) <= 5
    assert (np.diff(table["hours"]) <= 0).all()
    assert (table["gap"] <= 1e-8).all()
    out = tmp_path / "roads.gpkg"
    again = run_criticality(file, roads="all", most=5, out=out)
    assert out.is_file()
    assert again["road_ids"].tolist() == table["road_ids"].tolist()
    with pytest.raises(InputError, match="no bridge"):
        run_criticality(file)
    with pytest.raises(InputError, match="--roads"):
        run_criticality(file, roads="some")


def test_lorries_lost_are_vehicles(tmp_path: Path) -> None:
    """As many lorries as cars on nearly empty roads cost as many hours and trips, not twice as many."""
    file = small.make(tmp_path / "small")
    edited(file, "[params.traffic]", "[params.traffic]\ndemand_factor = 0.01")
    cars = criticality(Scenario.open(file), roads="all", most=3).set_index("road_ids").sort_index()
    edited(file, 'kind = "demand"', 'kind = "demand"\nvehicle = "heavy_goods"')
    lorries = criticality(Scenario.open(file), roads="all", most=3).set_index("road_ids").sort_index()
    assert (cars["volume_veh_h"] > 0).all()
    for column in ("volume_veh_h", "hours_lost", "stranded", "hours"):
        np.testing.assert_allclose(lorries[column], cars[column], rtol=1e-3, atol=1e-9)


def test_lost_trips_of_lorries_are_vehicles_by_hand() -> None:
    """20 passenger cars that depend on a link are ten lorries; 100 others are cars."""
    network = AssignmentNetwork.create(
        3, [0, 0, 1], [1, 1, 2], zone_node=[0, 1, 2], free_time=[600.0, 1200.0, 60.0], capacity=1.0, b=0.0
    )
    trips = Trips.from_pairs(3, [0, 0], [1, 2], [100.0, 20.0])
    vehicles, volume = np.array([100.0, 10.0]), np.array([110.0, 0.0, 10.0])
    found = losses(network, trips, [np.array([0]), np.array([2])], vehicles=vehicles, volume=volume)
    assert found[0].hours_lost == pytest.approx(110.0 / 6.0)
    assert [(loss.stranded, loss.volume) for loss in found] == [(0.0, 110.0), (10.0, 10.0)]
