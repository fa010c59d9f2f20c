"""The traffic solver on a small town with a river: water, closures, checkpoints, what is reported."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, Point

from tests.traffic.test_road_network import CRS, roads
from twin.domain import Domain, Place, grid_fields
from twin.errors import InputError
from twin.features import water_on_roads
from twin.features_fine import _OnRoads
from twin.fine_water import FineWater
from twin.grid import Grid
from twin.network import Network
from twin.scenarios.events import Demand, Event, RoadClosure
from twin.solvers.traffic.obstacles import WetPlaces, speed_in_water
from twin.solvers.traffic.solver import TrafficParameters, TrafficSolver

GRID = Grid(CRS, 0.0, 100.0, 10.0, 10, 30)
# West town at x = 5, east town at x = 295; a street at y = 45, a detour at y = 85 whose middle is a bridge,
# and a tunnel at y = 5 that is much slower. A cul-de-sac leads to a farm in the south-east.
LINES = {
    "street": LineString([(5, 45), (295, 45)]),
    "up_west": LineString([(5, 45), (5, 85)]),
    "detour_west": LineString([(5, 85), (105, 85)]),
    "bridge": LineString([(105, 85), (195, 85)]),
    "detour_east": LineString([(195, 85), (295, 85)]),
    "up_east": LineString([(295, 45), (295, 85)]),
    "down_west": LineString([(5, 45), (5, 5)]),
    "tunnel": LineString([(5, 5), (295, 5)]),
    "down_east": LineString([(295, 45), (295, 5)]),
    "farm_road": LineString([(295, 45), (235, 25)]),
}
DRY = np.zeros(GRID.shape)


def water(depth: float, rows: slice, columns: slice) -> np.ndarray:
    out = DRY.copy()
    out[rows, columns] = depth
    return out


STREET_FLOODED = water(0.5, slice(5, 6), slice(14, 16))  # y in 40–50, x in 140–160


@dataclass
class Scenario:
    """What the solver asks of a scenario."""

    events: tuple[Event, ...]
    params: dict[str, Any] = field(default_factory=dict)
    duration: float = 7200.0
    where: str = "scenario.toml"
    root: Path = Path()
    start: datetime = datetime(2026, 10, 12, 6, 0, tzinfo=timezone(timedelta(hours=2)))

    def parameters(self) -> dict[str, TrafficParameters]:
        return {"traffic": TrafficParameters.model_validate(self.params)}


DEMAND = Demand(zones="towns", weight="people", trips_per_person=0.5, mean_time=120.0)


def domain(**changes: Any) -> Domain:
    speed = [20.0 if name not in ("tunnel", "down_west", "down_east") else 4.0 for name in LINES]
    level = [{"bridge": 1, "tunnel": -1}.get(name, 0) for name in LINES]
    layer = roads(*LINES.values(), road_id=list(LINES), speed=speed, level=level)
    towns = gpd.GeoDataFrame(
        {"name": ["west", "east", "farm"], "people": [1000.0, 800.0, 20.0]},
        geometry=[Point(2, 46), Point(298, 46), Point(236, 22)],
        crs=CRS,
    )
    places = {
        "towns": Place("towns", towns.geometry.union_all(), towns),
        "gate": Place("gate", Point(150, 87), gpd.GeoDataFrame(geometry=[Point(150, 87)], crs=CRS)),
        "barrier": Place("barrier", LineString([(50, 30), (50, 99)]), towns),
        "far": Place("far", Point(150, 1000), towns),
    }
    made = Domain(
        "town",
        CRS,
        GRID,
        grid_fields(GRID, np.zeros(GRID.shape), 0.03),
        networks={"roads": Network.from_roads(layer, GRID)},
        roads=layer,
        places=places,
    )
    return replace(made, **changes)


def solver(*events: Event, depth: np.ndarray | None = None, **params: Any) -> TrafficSolver:
    fields = {} if depth is None else {"water_depth": depth.copy()}
    return TrafficSolver(domain(), Scenario((DEMAND, *events), params), fields)


def go(traffic: TrafficSolver, depths: dict[float, np.ndarray] | None = None) -> dict[float, dict[str, Any]]:
    """Run over all coupling times; the record of each."""
    t = 0.0
    while True:
        if depths and t in depths:
            traffic.fields["water_depth"][...] = depths[t]
        traffic.synchronise(t)
        if t >= traffic.scenario.duration:
            break
        t = traffic.step(t, traffic.scenario.duration)
    return {record["time_s"]: record for record in traffic.summary()["times"]}


def closed_roads(traffic: TrafficSolver) -> set[str]:
    network = traffic.network
    rows = network.segment[traffic.fields["closed"] == 1]
    return set(network.segments["road_id"].iloc[rows])


def test_reference_state() -> None:
    traffic = solver()
    assert traffic.reference.gap <= 1e-10
    # 0.5 × 1820 trips; some stay at home.
    assert traffic.reference.trips == pytest.approx(910.0)
    frame = traffic.links_frame().set_index(["road_id", "link"])
    street = frame.loc["street"]
    assert len(street) == 2
    assert (street["free_speed_km_h"] == 72.0).all()
    np.testing.assert_allclose(street["saturation"], street["volume_veh_h"] / street["capacity_veh_h"])
    assert (street["travel_time_s"] >= street["length_m"] / 20.0).all()
    assert frame.loc["tunnel"]["volume_veh_h"].sum() == 0.0
    for (_, link), row in frame.iterrows():
        net = traffic.network
        assert row.geometry.coords[0][0] == net.node_x[net.link_from[link]]


def test_coupling_times_are_landed_on_and_end_the_run() -> None:
    traffic = solver(RoadClosure(links=("street",), start=1000.0, end=2500.0))
    assert traffic.coupling_times == (0.0, 1000.0, 1800.0, 2500.0, 3600.0, 5400.0, 7200.0)
    assert traffic.next_time(0.0) == 1000.0
    assert traffic.step(0.0, 900.0) == 900.0
    assert traffic.step(900.0, 7200.0) == 1000.0
    assert traffic.next_time(7200.0) == float("inf")


def test_a_road_closes_and_opens_again() -> None:
    traffic = solver(RoadClosure(links=("street",), start=1800.0, end=3600.0))
    records = go(traffic)
    assert [records[t]["links_closed"] for t in (0.0, 1800.0, 3600.0, 5400.0)] == [0, 2, 0, 0]
    assert records[1800.0]["minutes_lost"] > 0.0
    assert records[1800.0]["unserved"] == 0.0
    assert records[3600.0]["minutes_lost"] == 0.0
    assert records[3600.0]["total_travel_time_h"] == records[0.0]["total_travel_time_h"]
    # Rerouted, not lost: lost time is that of an hour, and the closure lasts half an hour.
    assert traffic.summary()["hours_lost_over_the_run"] == pytest.approx(
        records[1800.0]["minutes_lost"] / 120.0
    )


def test_two_roads_by_hand(tmp_path: Path) -> None:
    """120 cars an hour from A to B: 2 km at 10 m/s (200 s), or 6 km (600 s) while the short road is closed,
    half an hour of the two. No congestion: every figure is known.
    """
    short, long = LineString([(0, 0), (2000, 0)]), LineString([(0, 0), (0, 2000), (2000, 2000), (2000, 0)])
    layer = roads(short, long, road_id=["short", "long"])
    towns = gpd.GeoDataFrame({"name": ["A", "B"]}, geometry=[Point(0, 0), Point(2000, 0)], crs=CRS)
    grid = Grid(CRS, -100.0, 2100.0, 100.0, 22, 22)
    made = Domain(
        "two roads", CRS, grid, grid_fields(grid, np.zeros(grid.shape), 0.03),
        networks={"roads": Network.from_roads(layer, grid)}, roads=layer,
        places={"towns": Place("towns", towns.geometry.union_all(), towns)},
    )  # fmt: skip
    (tmp_path / "trips.csv").write_text("from,to,trips\nA,B,120\n", encoding="utf-8")
    demand = Demand(zones="towns", name="name", weight=1.0, trips="trips.csv")
    closure = RoadClosure(links=("short",), start=1800.0, end=3600.0)
    scenario = Scenario((demand, closure), {"alpha": 0.0}, root=tmp_path)
    traffic = TrafficSolver(made, scenario, {})
    records, summary = go(traffic), traffic.summary()

    assert summary["reference"]["total_travel_time_h"] == pytest.approx(120 * 200 / 3600)
    assert summary["reference"]["mean_travel_time_min"] == pytest.approx(200 / 60)
    assert summary["reference"]["vehicle_km"] == pytest.approx(240.0)
    # Rates an hour, while the road is open and while it is closed.
    figures = ("minutes_lost", "minutes_gained", "total_travel_time_h", "vehicle_km", "unserved")
    assert [records[0.0][name] for name in figures] == pytest.approx([0, 0, 120 * 200 / 3600, 240, 0])
    assert [records[1800.0][name] for name in figures] == pytest.approx([120 * 400 / 60, 0, 20, 720, 0])
    # Over two hours, half an hour of it closed.
    assert summary["hours_lost_over_the_run"] == pytest.approx(0.5 * 120 * 400 / 3600)
    assert summary["hours_gained_over_the_run"] == 0.0
    over = summary["over_the_run"]
    assert over["total_travel_time_h"] == pytest.approx(1.5 * 120 * 200 / 3600 + 0.5 * 20)
    assert over["vehicle_km"] == pytest.approx(1.5 * 240 + 0.5 * 720)
    assert over["trips"] == pytest.approx(240.0)


def test_between_two_assignments_flows_are_the_mean_of_both() -> None:
    """Water comes somewhere between 0 and 1800 s: nobody knows when, so half of that half hour counts."""
    traffic = solver(depth=DRY)
    records = go(traffic, {1800.0: STREET_FLOODED})
    assert records[1800.0]["minutes_lost"] == records[7200.0]["minutes_lost"] > 0.0
    lost = records[7200.0]["minutes_lost"] / 60.0
    assert traffic.summary()["hours_lost_over_the_run"] == pytest.approx(lost * (0.5 * 0.5 + 1.5))


def test_what_people_decide_changes_at_once() -> None:
    """A closure from 1000 s to the end, the hours of the clock: no ramp before or after."""
    traffic = solver(RoadClosure(links=("street",), start=1000.0, end=7200.0), every=3600.0)
    records = go(traffic)
    lost = records[3600.0]["minutes_lost"] / 60.0
    assert records[7200.0]["minutes_lost"] == 0.0 < lost
    assert traffic.summary()["hours_lost_over_the_run"] == pytest.approx(lost * 6200.0 / 3600.0)

    factors = [0.0] * 6 + [1.0, 2.0, 5.0] + [0.0] * 15  # the run is from 6 to 8
    traffic = solver(depth=DRY, every=3600.0, time_of_day=factors)
    flood = water(0.4, slice(6, 7), slice(25, 27))  # on the only road to the farm
    records = go(traffic, {3600.0: flood})
    at_7 = records[3600.0]["stranded"]
    assert records[7200.0]["stranded"] == pytest.approx(2.5 * at_7)
    over = traffic.summary()["over_the_run"]
    assert over["stranded"] == pytest.approx(0.5 * 0.5 * at_7 + at_7)
    assert over["trips"] == pytest.approx(910.0 * (1.0 + 2.0))


@pytest.mark.parametrize(
    ("at", "roads_hit"),
    [("gate", {"bridge"}), ("barrier", {"street", "detour_west"}), ((150.0, 46.0), {"street"})],
)
def test_closure_at_a_place(at: object, roads_hit: set[str]) -> None:
    traffic = solver(RoadClosure(at=at))
    traffic.synchronise(0.0)
    assert closed_roads(traffic) == roads_hit


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (RoadClosure(links=("streat",)), "street"),
        (RoadClosure(at="far"), "915 m away"),
        (RoadClosure(at="gat"), "gate"),
        (RoadClosure(links=("street",), start=10.0, end=5.0), "after the start"),
    ],
)
def test_closures_that_cannot_be(event: RoadClosure, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        solver(event)
    assert caught.value.problems[0].key.startswith("events[2]")


def test_what_people_close_is_apart_from_what_water_closes() -> None:
    traffic = solver(
        RoadClosure(links=("street",), start=1000.0, end=2500.0),
        RoadClosure(at="gate", vehicles=("car",), start=50.0),
        depth=DRY,
    )
    go(traffic, {1800.0: STREET_FLOODED})
    assert traffic.closures_table() == [
        {"roads": ["street"], "start_s": 1000.0, "end_s": 2500.0, "vehicles": []},
        {"roads": ["bridge"], "start_s": 50.0, "end_s": None, "vehicles": ["car"]},
    ]


def test_water_closes_the_street_and_falls() -> None:
    traffic = solver(depth=DRY)
    records = go(traffic, {1800.0: STREET_FLOODED, 3600.0: DRY})
    assert [records[t]["links_closed"] for t in (0.0, 1800.0, 3600.0)] == [0, 2, 0]
    assert records[1800.0]["minutes_lost"] > 0.0
    assert records[1800.0]["stranded"] == 0.0


def test_water_slows_before_it_closes() -> None:
    traffic = solver(depth=DRY)
    go(traffic, {1800.0: STREET_FLOODED * 0.4, 3600.0: STREET_FLOODED * 0.06})
    traffic = solver(depth=DRY)
    traffic.synchronise(0.0)
    traffic.fields["water_depth"][...] = STREET_FLOODED * 0.4  # 0.20 m: 12.4 km/h
    traffic.synchronise(1800.0)
    street = np.flatnonzero(traffic.network.segment == 0)
    assert not traffic.fields["closed"].any()
    np.testing.assert_allclose(traffic.fields["link_water_depth"][street], 0.2)
    slow_time = 290.0 / ((0.0009 * 200**2 - 0.5529 * 200 + 86.9448) / 3.6)
    assert (traffic.fields["travel_time"][street] >= slow_time * (1 - 1e-12)).all()
    traffic.fields["water_depth"][...] = STREET_FLOODED * 0.06  # 3 cm: a film
    traffic.synchronise(3600.0)
    assert (traffic.fields["volume"] == traffic.reference.volume).all()


def test_speed_in_water() -> None:
    fast, slow = np.full(4, 130 / 3.6), np.full(4, 30 / 3.6)
    depth = np.array([0.0, 0.1, 0.3, 2.0])
    np.testing.assert_allclose(speed_in_water(depth, fast) * 3.6, [130.0, 40.6548, 2.0748, 2.0748])
    np.testing.assert_allclose(speed_in_water(depth, slow) * 3.6, [30.0, 30.0, 2.0748, 2.0748])


def test_bridges_stay_dry_and_tunnels_are_as_deep_as_their_ends() -> None:
    middle = water(3.0, slice(0, 10), slice(11, 19))  # a river of 80 m across everything
    traffic = solver(depth=DRY)
    traffic.synchronise(0.0)
    traffic.fields["water_depth"][...] = middle
    traffic.synchronise(1800.0)
    assert closed_roads(traffic) == {"street"}
    traffic.fields["water_depth"][...] = water(0.4, slice(9, 10), slice(0, 1))  # at the western portal
    traffic.synchronise(3600.0)
    assert closed_roads(traffic) == {"tunnel", "down_west"}


def test_water_over_a_joint_between_parts_of_a_tunnel_stays_above() -> None:
    lines = dict(LINES)
    del lines["tunnel"]
    parts = ("tunnel_west", LineString([(155, 5), (5, 5)])), ("tunnel_east", LineString([(155, 5), (295, 5)]))
    lines |= dict(parts)
    names = list(lines)
    level = [-1 if name.startswith("tunnel") else 0 for name in names]
    layer = roads(*lines.values(), road_id=names, level=level)
    network = Network.from_roads(layer, GRID)
    wet = WetPlaces.of(domain(networks={"roads": network}, roads=layer))

    def depths(columns: slice) -> dict[str, float]:
        found = wet.depths(water(0.4, slice(9, 10), columns))
        deepest = wet.deepest(found, np.zeros(found.shape, bool))
        return dict(zip(network.segments["road_id"], deepest, strict=True))

    at_the_joint = depths(slice(14, 17))
    assert (at_the_joint["tunnel_west"], at_the_joint["tunnel_east"]) == (0.0, 0.0)
    at_a_portal = depths(slice(0, 1))
    assert (at_a_portal["tunnel_west"], at_a_portal["tunnel_east"]) == (0.4, 0.0)
    at_the_other = depths(slice(29, 30))
    assert (at_the_other["tunnel_west"], at_the_other["tunnel_east"]) == (0.0, 0.4)


@pytest.mark.parametrize("fine", [False, True])
def test_files_and_figures_tell_the_depth_that_the_traffic_has(fine: bool) -> None:
    """A tunnel was told as cut by water over it, while the traffic passed through."""
    rng = np.random.default_rng(8)
    ends = [(x, y) for x in range(5, 300, 40) for y in range(5, 100, 30)]
    pairs = [(a, b) for a, b in zip(ends, rng.permutation(ends).tolist(), strict=True) if a != tuple(b)]
    pairs += list(zip(ends, [*ends[4:], (299, 99), (0, 99), (310, 50), (299, 200)], strict=True))
    level = rng.choice([-1, -1, 0, 1], len(pairs))
    layer = roads(*(LineString(pair) for pair in pairs), level=level.tolist())
    network = Network.from_roads(layer, GRID)
    depth = rng.random(GRID.shape) * (rng.random(GRID.shape) < 0.1)
    wet = WetPlaces.of(domain(networks={"roads": network}, roads=layer))
    expected = wet.deepest(wet.depths(depth), np.zeros(wet.segment.size, bool))
    if fine:
        streets = _OnRoads(layer.geometry.array, level, GRID, 0.3)
        for rows in (slice(0, 4), slice(4, 10)):
            for columns in (slice(0, 13), slice(13, 30)):
                part = GRID.part(
                    rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
                )
                bed = np.zeros((*part.shape, 1, 1))
                block = SimpleNamespace(rows=rows, columns=columns, ratio=1, elevation=bed)
                here = depth[rows, columns]
                no = np.zeros(part.shape, bool)
                streets.add(FineWater(block, part, here, here, ~no, no, no))  # type: ignore[arg-type]
        found = streets.found.deepest
    else:
        found = water_on_roads(layer, GRID, depth).deepest
    assert ((level < 0) & (expected > 0)).sum() > 3
    np.testing.assert_array_equal(np.nan_to_num(found), expected)


def test_water_that_was_there_at_the_start() -> None:
    river = water(3.0, slice(0, 10), slice(14, 16))
    traffic = solver(depth=river)
    traffic.synchronise(0.0)
    assert not closed_roads(traffic)
    counted = solver(depth=river, initial_water="flood")
    counted.synchronise(0.0)
    assert closed_roads(counted) == {"street"}


def test_cells_under_buildings_do_not_count() -> None:
    for blocked, depth in ((DRY > 0, 0.5), (STREET_FLOODED > 0, 0.0)):
        wet = WetPlaces.of(domain().with_fields(blocked=blocked))
        depths = wet.depths(STREET_FLOODED)
        assert wet.deepest(depths, np.zeros(depths.shape, bool))[0] == depth


def test_people_cut_off_are_counted() -> None:
    """The farm's only road is flooded."""
    traffic = solver(depth=DRY)
    flood = water(0.4, slice(6, 7), slice(25, 27))
    records = go(traffic, {1800.0: flood, 3600.0: DRY})
    trips = traffic.demands.trips(0.0)
    farm = ((trips.origin == 2) | (trips.destination == 2)) & (trips.origin != trips.destination)
    assert records[1800.0]["unserved"] == pytest.approx(trips.trips[farm].sum())
    assert records[1800.0]["stranded"] == records[1800.0]["unserved"]
    assert records[3600.0]["stranded"] == 0.0
    assert records[1800.0]["isolated_zones"] == 1  # trips within the farm do not make it reachable


def test_a_place_of_two_demands_is_cut_off_once() -> None:
    """The farm has cars and lorries; a ban that leaves it its cars does not cut it off."""
    lorries = DEMAND.model_copy(update={"vehicle": "heavy_goods", "trips_per_person": 0.1})
    traffic = solver(lorries, depth=DRY)
    flood = water(0.4, slice(6, 7), slice(25, 27))
    assert go(traffic, {1800.0: flood})[1800.0]["isolated_zones"] == 1
    ban = RoadClosure(links=("farm_road",), vehicles=("heavy_goods",))
    record = go(solver(lorries, ban))[0.0]
    assert record["stranded"] > 0.0
    assert record["isolated_zones"] == 0


@pytest.mark.parametrize("begins", [3000.0, 3600.0])  # at 3600 s the water changes too
def test_checkpoint_goes_on_to_the_bit(begins: float) -> None:
    closure = RoadClosure(links=("detour_west",), start=begins)
    depths = {1800.0: STREET_FLOODED * 0.4, 3600.0: STREET_FLOODED}
    whole = solver(closure, depth=DRY)
    go(whole, depths)

    first = solver(closure, depth=DRY)
    for t in (0.0, 1800.0, 3000.0):
        if t in depths:
            first.fields["water_depth"][...] = depths[t]
        first.synchronise(t)
    state = first.state()
    again = solver(closure, depth=depths[1800.0])
    again.restore(state)
    for name, values in state.items():
        assert np.array_equal(again.state()[name], values, equal_nan=True), name
    again.synchronise(3000.0)  # already done
    for t in (3600.0, 5400.0, 7200.0):
        if t in depths:
            again.fields["water_depth"][...] = depths[t]
        again.synchronise(t)
    for name, values in whole.state().items():
        assert np.array_equal(again.state()[name], values, equal_nan=True), name
    one, other = whole.summary(), again.summary()
    one.pop("seconds"), other.pop("seconds")
    assert one == other


def test_state_is_a_copy() -> None:
    traffic = solver(depth=DRY)
    traffic.synchronise(0.0)
    state = traffic.state()
    state["volume"][:] = -1.0
    assert (traffic.fields["volume"] >= 0).all()


def test_summary_is_json_and_has_what_people_ask_for() -> None:
    traffic = solver(depth=DRY)
    go(traffic, {1800.0: STREET_FLOODED})
    summary = json.loads(json.dumps(traffic.summary(), allow_nan=False))
    classes, gravity = summary["demand"].pop("classes"), summary["demand"].pop("gravity")
    assert classes == {"car": {"trips": pytest.approx(910.0), "pce": 1.0}}
    within = traffic.reference.intrazonal  # without a way on the roads
    assert gravity[0]["within_zones"] == pytest.approx(within)
    assert gravity[0]["between_zones"] == pytest.approx(910.0 - within)
    assert 0.0 < within < 910.0
    assert summary["over_the_run"]["intrazonal"] == pytest.approx(2.0 * within)
    assert summary["demand"] == {
        "zones": 3,
        "people": [1820.0],
        "people_outside_the_data": [0.0],
        "squares_more_than_2_km_from_a_junction": [0],
        "people_more_than_2_km_from_a_junction": [0.0],
        "people_without_10_m2_of_floor": [0.0],
        "people_apart_from_the_main_network": [0.0],
        "hours_east_of_utc": None,
        "farthest_zone_from_its_node_m": pytest.approx(10.0**0.5),
        "zones_more_than_2_km_from_a_road": 0,
        "zones_outside_the_main_component": 0,
        "zones_sharing_a_node": 0,
    }
    assert all(record["relative_gap"] <= 1e-10 for record in summary["times"])
    assert len(summary["times"]) == 5


def test_closed_links_have_no_flow_and_no_travel_time() -> None:
    traffic = solver(RoadClosure(links=("street",)))
    traffic.synchronise(0.0)
    fields = traffic.link_fields()
    shut = fields["closed"] == 1
    assert shut.sum() == 2
    assert (fields["volume"][shut] == 0.0).all()
    assert np.isnan(fields["travel_time"][shut]).all()
    assert np.isfinite(fields["travel_time"][~shut]).all()


def test_time_of_day_changes_the_demand_and_its_reference() -> None:
    profile = [0.0] * 24
    profile[6], profile[7] = 1.0, 0.25
    traffic = solver(RoadClosure(links=("street",)), time_of_day=profile)
    records = go(traffic)
    assert records[0.0]["trips"] == pytest.approx(910.0)
    assert records[3600.0]["trips"] == pytest.approx(0.25 * 910.0)
    assert records[7200.0]["trips"] == 0.0
    assert records[0.0]["minutes_lost"] > 4 * records[3600.0]["minutes_lost"] > 0.0
    assert records[7200.0]["minutes_lost"] == 0.0


def test_a_profile_changes_on_the_hour_of_the_local_clock() -> None:
    """A run from 06:50:00.5 by steps of an hour: what sets out at seven does so from 07:00."""
    profile = [0.0] * 24
    profile[6], profile[7] = 1.0, 0.25
    demand = Scenario((DEMAND,), {"time_of_day": profile, "every": 3600.0})
    demand.start = demand.start.replace(minute=50, microsecond=500_000)
    traffic = TrafficSolver(domain(), demand, {})
    assert traffic.coupling_times == (0.0, 599.5, 3600.0, 4199.5, 7200.0)
    trips = {t: record["trips"] / 910.0 for t, record in go(traffic).items()}
    assert trips == pytest.approx({0.0: 1.0, 599.5: 0.25, 3600.0: 0.25, 4199.5: 0.0, 7200.0: 0.0})
    first, again = TrafficSolver(domain(), demand, {}), TrafficSolver(domain(), demand, {})
    first.synchronise(0.0)
    first.synchronise(599.5)
    again.restore(first.state())
    for t in (3600.0, 4199.5, 7200.0):
        again.synchronise(t)
    for name, values in traffic.state().items():
        assert np.array_equal(again.state()[name], values, equal_nan=True), name
    plain = TrafficSolver(domain(), Scenario((DEMAND,), {"every": 3600.0}, start=demand.start), {})
    assert plain.coupling_times == (0.0, 3600.0, 7200.0)
    on_the_hour = TrafficSolver(domain(), Scenario((DEMAND,), {"time_of_day": profile, "every": 3600.0}), {})
    assert on_the_hour.coupling_times == (0.0, 3600.0, 7200.0)


def test_counts_of_an_hour_without_trips_correct_nothing(tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text("road_id,veh_h\nstreet,100\n", encoding="utf-8")
    for nothing in ({"demand_factor": 0.0}, {"time_of_day": [0.0] * 24}):
        traffic = solver(counts=str(table), **nothing)
        assert traffic.demands.correction is None
        assert traffic.demands.weights(0.0).size == 0
        assert go(traffic)[0.0]["trips"] == 0.0


def test_two_demands_with_windows_add_up() -> None:
    market = Demand(zones="towns", weight="people", trips_per_person=0.1, start=3600.0, end=5400.0)
    records = go(solver(market))
    assert records[1800.0]["trips"] == pytest.approx(910.0)
    assert records[3600.0]["trips"] == pytest.approx(910.0 + 182.0)
    assert records[5400.0]["trips"] == pytest.approx(910.0)


def test_no_demand_and_no_roads_are_said() -> None:
    with pytest.raises(InputError, match="no demand event"):
        TrafficSolver(domain(), Scenario(()), {})
    with pytest.raises(InputError, match="no roads layer"):
        TrafficSolver(domain(networks={}), Scenario((DEMAND,)), {})


def test_fields_are_filled_in_place() -> None:
    traffic = solver(depth=DRY)
    before = {name: traffic.fields[name] for name in traffic.writes}
    go(traffic, {1800.0: STREET_FLOODED})
    assert all(traffic.fields[name] is array for name, array in before.items())


def test_a_turn_ban_sends_traffic_round() -> None:
    """From the western town nobody may go straight on into the street: they take the detour."""
    made = domain()
    network = made.networks["roads"]
    bans = gpd.GeoDataFrame(
        {"from_road": ["up_west"], "to_road": ["street"]}, geometry=[Point(5, 45)], crs=CRS
    )
    banned = replace(made, networks={"roads": network.with_turn_bans(bans)})
    closure = RoadClosure(links=("detour_east",), start=1800.0, end=3600.0)
    traffic = TrafficSolver(banned, Scenario((DEMAND, closure)), {})
    records = go(traffic)
    assert records[0.0]["unserved"] == 0.0
    assert records[1800.0]["links_closed"] == 2
    assert traffic.reference.volume.size > network.links  # turns come after the links
    assert len(traffic.links_frame()) == network.links
    free = TrafficSolver(made, Scenario((DEMAND,)), {})
    # Zones at the junction itself are not concerned by the ban; nobody used that turn before.
    np.testing.assert_allclose(traffic.volume, free.reference.volume, atol=1e-6)


def test_a_turn_that_takes_time() -> None:
    """From the north-west, the street and the detour to the east are equally long; straight on from the side
    road into the street then takes 40 s, back again nothing.
    """
    made = domain()
    network = made.networks["roads"]
    towns = made.places["towns"].features
    places = {**made.places, "towns": replace(made.places["towns"], features=towns.assign(
        geometry=[Point(5, 85), Point(298, 46), Point(236, 22)]
    ))}  # fmt: skip
    used = {}
    for cost in (0.0, 40.0, np.nan):
        turns = gpd.GeoDataFrame(
            {"from_road": ["up_west"], "to_road": ["street"], "cost_s": [cost]},
            geometry=[Point(5, 45)],
            crs=CRS,
        )
        town = replace(made, networks={"roads": network.with_turn_bans(turns)}, places=places)
        traffic = TrafficSolver(town, Scenario((DEMAND,)), {})
        street = traffic.links_frame().query("road_id == 'street'").sort_values("from_node")
        eastwards = network.node_x[street["from_node"]] < 100.0
        used[cost] = [street["volume_veh_h"][there].sum() for there in (eastwards, ~eastwards)]
        kind = "banned" if np.isnan(cost) else "made dearer"
        assert traffic.summary()["network"]["turn_bans"] == {kind: 1}
    assert min(used[0.0]) > 50.0
    assert used[40.0][0] == pytest.approx(0.0, abs=1e-6)
    assert used[40.0][1] > 50.0
    np.testing.assert_allclose(list(used.values())[1], list(used.values())[2], atol=1e-6)
