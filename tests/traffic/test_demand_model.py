"""Demand made from people: calibration, squares, through traffic, classes, counts from a file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, Point, box

from tests.traffic.test_road_network import CRS, roads
from tests.traffic.test_traffic_solver import DEMAND, Scenario, domain, go
from twin.domain import Place
from twin.errors import InputError
from twin.grid import Grid
from twin.layers import samples
from twin.network import Network
from twin.scenarios import Scenario as ScenarioFile
from twin.scenarios.events import Demand, Event, RoadClosure
from twin.solvers.traffic.cordon import Cordon
from twin.solvers.traffic.counts import read_counts
from twin.solvers.traffic.demand import TRIPS_A_DAY, TRIPS_AN_HOUR, WEEKDAY, Zones, calibrated, gravity
from twin.solvers.traffic.grid_zones import squares
from twin.solvers.traffic.solver import TrafficSolver


def made(*events: Event, **params: Any) -> TrafficSolver:
    return TrafficSolver(domain(), Scenario(events, params), {})


def town(rng: np.random.Generator, zones: int = 30) -> tuple[np.ndarray, ...]:
    place = rng.uniform(0, 10_000, (zones, 2))
    lengths = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    lengths[np.diag_indices(zones)] = 0.5 * np.sort(lengths, axis=1)[:, 1]
    speed = rng.uniform(8, 20, (zones, zones))
    return rng.uniform(10, 100, zones), rng.uniform(10, 100, zones), lengths / speed, lengths


@pytest.mark.parametrize("wanted", [2500.0, 4000.0])
def test_calibration_meets_the_mean_length_and_both_margins(wanted: float) -> None:
    origins, destinations, times, lengths = town(np.random.default_rng(3))
    parameter = calibrated(origins, destinations, times, lengths, wanted)
    table = gravity(origins, destinations, times, parameter)
    assert (table * lengths).sum() / table.sum() == pytest.approx(wanted, rel=1e-8)
    np.testing.assert_allclose(table.sum(axis=1), origins, rtol=1e-9)
    np.testing.assert_allclose(
        table.sum(axis=0), destinations * origins.sum() / destinations.sum(), rtol=1e-9
    )


def test_a_length_out_of_reach_names_what_is_possible() -> None:
    with pytest.raises(ValueError, match=r"they can be .* km or more"):
        calibrated(*town(np.random.default_rng(4)), 100.0)
    with pytest.raises(ValueError, match=r"trips of 50 km; they can be \d.* km or less"):
        calibrated(*town(np.random.default_rng(4)), 50_000.0)


def test_rates_of_a_day_and_of_its_busiest_hour_agree() -> None:
    assert sum(WEEKDAY) == pytest.approx(1.0, abs=1e-12)
    assert len(WEEKDAY) == 24
    assert pytest.approx(max(WEEKDAY) * TRIPS_A_DAY, abs=0.01) == TRIPS_AN_HOUR


def blocks() -> gpd.GeoDataFrame:
    """Ten houses in the west, a works in the east."""
    shapes = [box(10 + 20 * k, 0, 20 + 20 * k, 10) for k in range(10)] + [box(900, 0, 960, 50)]
    return gpd.GeoDataFrame(
        {
            "use": ["Résidentiel"] * 10 + ["Industriel"],
            "height": [6.0] * 10 + [9.0],
            "light": [False] * 11,
            "dwellings": [1.0] * 10 + [0.0],
        },
        geometry=shapes,
        crs=CRS,
    )


def test_squares_hold_the_people_and_the_works() -> None:
    network = Network.from_roads(roads(LineString([(0, 5), (1000, 5)])))
    cells = squares(500.0, network, blocks(), 200.0)
    assert cells["people"].sum() == pytest.approx(200.0)
    assert cells["attraction"].sum() == pytest.approx(1.0)
    west, east = cells.iloc[0], cells.iloc[1]
    assert west["people"] == pytest.approx(200.0)
    assert east["attraction"] == pytest.approx(0.6)  # where jobs and places are
    assert east.geometry.distance(Point(930, 25)) < 1e-6
    areas = gpd.GeoDataFrame(geometry=[box(0, -5, 110, 50), box(2000, 0, 2100, 100)], crs=CRS)
    cells = squares(500.0, network, blocks(), None, areas, np.array([50.0, 7.0]))
    assert cells["people"].sum() == pytest.approx(57.0)  # nobody is lost where a polygon has no building
    assert len(cells) == 3


@pytest.mark.parametrize("grid", [None, 100.0])
@pytest.mark.parametrize("terrain", [True, False])
def test_a_commune_that_the_data_cut_has_the_people_of_its_part(grid: float | None, terrain: bool) -> None:
    """20,000 people on 3 km, of which 150 m are in the data (350 m where only roads say how far these go)."""
    communes = gpd.GeoDataFrame(
        {"nom": ["dedans", "voisine", "ailleurs"], "population": [500.0, 20_000.0, 70.0]},
        geometry=[box(0, 0, 150, 100), box(150, 0, 3150, 100), box(9000, 0, 9100, 100)],
        crs=CRS,
    )
    town = domain(
        places={"communes": Place("communes", communes.union_all(), communes)},
        buildings=gpd.GeoDataFrame(
            {"height": [6.0, 6.0]}, geometry=[box(10, 40, 20, 50), box(280, 40, 290, 50)], crs=CRS
        ),
    )
    town = town if terrain else replace(town, grid=None)
    event = Demand(zones="communes", grid=grid, attraction=None if grid else "population")
    zones = Zones.of_event(event, town, town.networks["roads"], "s.toml", "events[1]")
    inside = 20_000.0 * (150.0 if terrain else 345.0) / 3000.0
    assert zones.weight.sum() == pytest.approx(500.0 + inside)
    assert zones.outside == pytest.approx(20_070.0 - inside)
    assert zones.distance.max() < (60.0 if grid else 1e5)
    if grid is None:
        np.testing.assert_allclose(zones.attraction, zones.weight)
        assert zones.weight[2] == 0.0  # kept: a file of trips may name it
        assert 150.0 < zones.x[1] < 500.0  # in its part, not in the middle of it all


def test_people_whose_squares_lack_roads_or_houses_are_counted() -> None:
    """Two houses of 100 m² and two floors hold 40 people at most; a hamlet lies 4 km from any road."""
    shapes = [box(10, 40, 20, 50), box(280, 40, 290, 50), box(4300, 40, 4310, 50)]
    areas = [box(0, 0, 100, 100), box(200, 0, 299, 100), box(4290, 30, 4320, 60)]
    quarters = gpd.GeoDataFrame({"population": [19.0, 21.0, 7.0]}, geometry=areas, crs=CRS)
    town = domain(
        places={"quarters": Place("quarters", quarters.union_all(), quarters)},
        buildings=gpd.GeoDataFrame({"height": [6.0] * 3}, geometry=shapes, crs=CRS),
        grid=Grid(CRS, 0.0, 100.0, 10.0, 10, 440),
    )
    event = Demand(zones="quarters", grid=100.0)
    report = TrafficSolver(town, Scenario((event,)), {}).summary()["demand"]
    assert report["people"] == [pytest.approx(40.0)]
    assert report["squares_more_than_2_km_from_a_junction"] == [1]
    assert report["people_more_than_2_km_from_a_junction"] == [pytest.approx(7.0)]
    assert report["people_without_10_m2_of_floor"] == [pytest.approx(21.0)]
    assert report["people_outside_the_data"] == [0.0]


def test_people_apart_from_the_main_network_are_counted() -> None:
    """Two villages that no road of the data joins: their trips stay at home, so none is without a route."""
    layer = roads(
        *(LineString([(west, 45), (east, 45)]) for west, east in ((10, 100), (100, 200), (250, 290)))
    )
    places = [box(x - 5, 40, x + 5, 50) for x in (15, 195, 255, 285)]
    quarters = gpd.GeoDataFrame(
        {"nom": list("abcd"), "population": [300.0, 200.0, 60.0, 40.0]}, geometry=places, crs=CRS
    )
    split = replace(
        domain(places={"quarters": Place("quarters", quarters.union_all(), quarters)}),
        networks={"roads": Network.from_roads(layer)},
    )
    event = Demand(zones="quarters", attraction="population")
    summary = TrafficSolver(split, Scenario((event,)), {}).summary()
    assert summary["demand"]["people_apart_from_the_main_network"] == [pytest.approx(100.0)]


def test_squares_have_names_that_people_know() -> None:
    layer = roads(LineString([(0, 5), (1000, 5)]))
    layer["name"] = "RUE DU PORT"
    areas = gpd.GeoDataFrame(geometry=[box(0, -5, 110, 50), box(9000, 0, 9100, 100)], crs=CRS)
    cells = squares(500.0, Network.from_roads(layer), blocks(), None, areas, np.array([50.0, 7.0]))
    assert cells["name"].tolist() == ["RUE DU PORT (1)", "RUE DU PORT (2)", "90 0"]


def test_squares_of_streets_where_there_are_no_buildings() -> None:
    layer = roads(
        LineString([(0, 0), (100, 0)]), LineString([(900, 0), (1200, 0)]), LineString([(0, 0), (900, 900)])
    )
    layer["importance"] = [5, 5, 2]
    cells = squares(500.0, Network.from_roads(layer), None, 100.0)
    np.testing.assert_allclose(cells["people"], [25.0, 75.0])


def crossing() -> Network:
    """Two important roads that cross, cut at four ends, and a lane."""
    lines = [LineString([(0, 0), at]) for at in ((-500, 0), (500, 0), (0, 500), (0, -500), (300, 300))]
    layer = roads(*lines)
    layer["importance"] = [2, 2, 3, 3, 6]
    return Network.from_roads(layer)


def test_cordon_is_where_important_roads_are_cut() -> None:
    network = crossing()
    cordon = Cordon.of(network, 3)
    assert sorted(zip(network.node_x[cordon.node], network.node_y[cordon.node], strict=True)) == [
        (-500, 0), (0, -500), (0, 500), (500, 0),
    ]  # fmt: skip
    assert Cordon.of(network, 2).node.size == 2


def test_through_traffic_keeps_what_enters() -> None:
    network = crossing()
    cordon = Cordon.of(network, 3)
    leaving, attraction = np.array([30.0, 10.0]), np.array([1.0, 3.0])
    table = cordon.trips(network, 0.2, 0.4, np.zeros((6, 6)), leaving, attraction)
    assert not table[:2, :2].any()
    assert not np.diagonal(table).any()  # nobody turns round at the edge
    np.testing.assert_allclose(table[2:].sum(axis=1), 0.2 * cordon.capacity_in)
    np.testing.assert_allclose(table[2:, 2:].sum(), 0.4 * table[2:].sum())
    np.testing.assert_allclose(table[:2, 2:].sum(axis=0), 0.2 * 0.6 * cordon.capacity_out)
    np.testing.assert_allclose(table[2:, 1], 3.0 * table[2:, 0])  # attraction
    np.testing.assert_allclose(table[0, 2:], 3.0 * table[1, 2:])  # inhabitants
    times = np.zeros((6, 6))
    times[2, :] = np.inf
    assert not cordon.trips(network, 0.2, 0.4, times, leaving, attraction)[2].any()


def test_lorries_weigh_more_emit_more_and_may_be_banned() -> None:
    lorries = DEMAND.model_copy(update={"vehicle": "heavy_goods", "trips_per_person": 0.02})
    ban = RoadClosure(links=("street",), vehicles=("heavy_goods",), start=1800.0, end=3600.0)
    alone, both = made(DEMAND), made(DEMAND, lorries, ban)
    records = go(both, {})
    summary = json.loads(json.dumps(both.summary(), allow_nan=False))
    assert summary["demand"]["classes"]["heavy_goods"]["pce"] == 2.0
    assert summary["demand"]["classes"]["heavy_goods"]["trips"] == pytest.approx(0.02 * 1820)
    reference = both.reference
    np.testing.assert_allclose(
        reference.volume, reference.class_volume[0] + 2.0 * reference.class_volume[1], rtol=1e-9
    )
    alone_g = alone.summary()["emissions"]["reference_an_hour"]["co2_g"]
    assert summary["emissions"]["reference_an_hour"]["co2_g"] > 1.15 * alone_g  # 4 % more vehicles
    assert records[0.0]["links_closed"] == 0
    assert records[1800.0]["vehicle_km"] > records[0.0]["vehicle_km"]  # lorries take the detour
    assert records[3600.0]["vehicle_km"] == pytest.approx(records[0.0]["vehicle_km"])
    assert records[1800.0]["minutes_lost"] > 0.0
    assert records[1800.0]["stranded"] == 0.0


def test_weekday_profile_uses_daily_rates() -> None:
    demand = Demand(zones="towns", weight="people", mean_time=120.0)
    traffic = made(demand, time_of_day="weekday")  # six o'clock
    assert traffic.reference.trips == pytest.approx(1820 * TRIPS_A_DAY * WEEKDAY[6])
    traffic = made(demand)
    assert traffic.reference.trips == pytest.approx(1820 * TRIPS_AN_HOUR)


@pytest.mark.parametrize(
    ("start", "crs", "hour"),
    [
        ("2026-10-12T06:00:00+02:00", "EPSG:2154", 6),
        ("2026-10-12T04:00:00+00:00", "EPSG:2154", 6),  # the same instant
        ("2026-01-12T05:00:00+00:00", "EPSG:5698", 6),  # winter; Lambert-93 with heights
        ("2026-10-12T04:00:00+00:00", "EPSG:2975", 8),  # La Réunion
        ("2026-10-12T04:00:00+00:00", "EPSG:5490", 0),  # Martinique
        ("2026-10-12T04:00:00+00:00", "EPSG:3857", 4),  # nobody knows: as written
    ],
)
def test_hours_of_the_day_are_those_of_the_territory(start: str, crs: str, hour: int) -> None:
    factors = [float(k + 1) for k in range(24)]
    scenario = Scenario((DEMAND,), {"time_of_day": factors}, start=datetime.fromisoformat(start))
    traffic = TrafficSolver(domain(crs=crs), scenario, {})
    assert traffic.demands.factor(0.0) == hour + 1
    assert traffic.demands.factor(3600.0) == hour + 2
    report = traffic.summary()["demand"]
    assert report["hours_east_of_utc"] == (0.0 if crs == "EPSG:3857" else None)


def test_counts_correct_the_demand_of_a_run(tmp_path: Path) -> None:
    plain = made(DEMAND)
    street = plain.links_frame().query("road_id == 'street'")
    table = tmp_path / "counts.csv"
    table.write_text(f"road_id;veh_h\nstreet;{0.8 * street['volume_veh_h'].sum():.3f}\n", encoding="utf-8")
    found = made(DEMAND, counts=str(table))
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))["counts"]
    assert summary["after"]["geh"] < 0.2 * summary["before"]["geh"]
    volume = found.links_frame().query("road_id == 'street'")["volume_veh_h"].sum()
    assert volume == pytest.approx(0.8 * street["volume_veh_h"].sum(), rel=0.02)


def test_everything_wrong_with_counts_at_once(tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text("road_id,veh_h,direction\nstreat,5,\nstreet,-1,\nstreet,5,up\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_counts(table, made(DEMAND).network, "counts")
    assert [problem.key for problem in caught.value.problems] == ["road_id", "veh_h", "direction"]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"grid": 500.0},
        {"zones": "towns", "people": 5.0},
        {"zones": "towns", "grid": 500.0, "trips": "a.csv"},
        {"zones": "towns", "grid": 500.0, "people": 5.0},
    ],
)
def test_keys_that_do_not_go_together(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"zones|people|squares"):
        Demand(**keys)


def test_tables_of_the_parameters_are_whole_paths(tmp_path: Path) -> None:
    """A run reads its scenario back from its own folder."""
    file = tmp_path / "s.toml"
    file.write_text(
        f'name = "s"\nterritory = "{samples.path("valmont")}"\nresolution = "25 m"\n'
        'start = 2026-10-12T07:00:00+02:00\nduration = "1 h"\nsolvers = ["traffic"]\n'
        '[params.traffic]\nfleet = "fleet.csv"\ncounts = "counts.csv"\n',
        encoding="utf-8",
    )
    traffic = ScenarioFile.open(file).params["traffic"]
    assert traffic == {"fleet": str(tmp_path / "fleet.csv"), "counts": str(tmp_path / "counts.csv")}
