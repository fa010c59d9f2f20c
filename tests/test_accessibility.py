"""Access to facilities: by hand, against SciPy, from a run; where to put one more, against every choice."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry import LineString, Point

from twin.accessibility import Roads, access, coverage, p_median, worst
from twin.indicators.indicator import Run
from twin.indicators.traffic import ACCESSED, access_figures
from twin.messages import LANGUAGES, text
from twin.solvers.traffic.solver import TrafficSolver


def test_multi_source_times_against_scipy() -> None:
    rng = np.random.default_rng(3)
    n, m = 40, 160
    tail, head = rng.integers(0, n, m).astype(np.int32), rng.integers(0, n, m).astype(np.int32)
    time = rng.uniform(1.0, 9.0, m)
    closed = rng.random(m) < 0.2
    x, y = rng.random(n), rng.random(n)
    lines = shapely.linestrings(np.stack([np.column_stack([x[k], y[k]]) for k in (tail, head)], axis=1))
    roads = Roads(x, y, tail, head, lines)
    dense = np.full((n, n), np.inf)
    np.minimum.at(dense, (tail[~closed], head[~closed]), time[~closed])  # SciPy would add parallel links up
    graph = csr_array(np.where(np.isfinite(dense), dense, 0.0))
    sources = np.array([3, 17, -1], np.int32)
    link_time = np.where(closed, np.nan, time)
    expected = dijkstra(graph, indices=[3, 17], min_only=True)
    np.testing.assert_allclose(roads.times(link_time, sources), expected)
    back = dijkstra(graph.T, indices=[3, 17], min_only=True)
    np.testing.assert_allclose(roads.times(link_time, sources, towards=True), back)
    assert np.isinf(roads.times(link_time, np.array([-1], np.int32))).all()


def run_with_a_ford() -> SimpleNamespace:
    """A road of 600 m at 36 km/h with people at both ends, cut in its middle at the second instant."""
    lines = [LineString([(0, 0), (300, 0)]), LineString([(300, 0), (600, 0)])]
    both = [lines[0], lines[0].reverse(), lines[1], lines[1].reverse()]
    links = gpd.GeoDataFrame(
        {
            "from_node": [0, 1, 1, 2],
            "to_node": [1, 0, 2, 1],
            "length_m": [300.0] * 4,
            "free_speed_km_h": [36.0] * 4,
        },
        geometry=both,
        crs="EPSG:2154",
    )
    series = xr.Dataset(
        {
            "travel_time": (("time", "link"), [[60.0] * 4, [60.0, 60.0, np.nan, np.nan]]),
            "link_water_depth": (("time", "link"), [[0.0] * 4, [0.0, 0.0, 0.5, 0.5]]),
            "closed": (("time", "link"), [[0] * 4, [0, 0, 1, 1]]),
        },
        coords={"time": [0.0, 1800.0]},
    )
    return SimpleNamespace(links=links, link_series=series, closure_depth=0.3)


def test_access_during_a_flood() -> None:
    facilities = gpd.GeoDataFrame(
        {"facility": ["hospital", "fire_station"]}, geometry=[Point(0, 5), Point(0, -5)], crs="EPSG:2154"
    )
    x, y, people = [0.0, 600.0, 300.0, 5000.0], [9.0, 9.0, 9.0, 0.0], [10.0, 20.0, 5.0, 99.0]
    table = access(run_with_a_ford(), facilities, x, y, people).set_index(["facility", "time_s"])
    assert table.loc[("hospital", 0.0), "people"] == 35.0  # the last lives far from any road
    assert table.loc[("hospital", 0.0), "mean_min"] == pytest.approx((20 * 2 + 5 * 1) / 35)
    assert table.loc[("fire_station", 0.0), "mean_min"] == pytest.approx((20 * 1 + 5 * 0.5) / 35)
    assert table.loc[("hospital", 1800.0), "isolated"] == 20.0
    assert table.loc[("hospital", 1800.0), "within_5"] == 15.0
    rows = worst(table.reset_index())
    assert rows["fire_station"]["time_s"] == 1800.0
    assert access(SimpleNamespace(links=None, link_series=None), facilities, x, y, people).empty


def test_who_lives_by_a_street_under_water_is_cut_off() -> None:
    """They set out from the junction at its dry end: 106 of 1,309 such people of the demo were reachable."""
    run = run_with_a_ford()
    facilities = gpd.GeoDataFrame({"facility": ["hospital"]}, geometry=[Point(0, 5)], crs="EPSG:2154")
    x, people = [10.0, 310.0, 300.0], [10.0, 20.0, 5.0]  # the last lives at the junction
    for decided in (False, True):
        if decided:  # closed to traffic, but its people get out
            run.link_series["link_water_depth"][:] = 0.0
        table = access(run, facilities, x, [9.0] * 3, people).set_index("time_s")
        assert table.loc[0.0, "isolated"] == 0.0
        assert table.loc[1800.0, "isolated"] == (0.0 if decided else 20.0)
        assert table.loc[1800.0, "within_5"] == (35.0 if decided else 15.0)


def test_who_is_off_the_network_is_told_and_no_figure_made_of_it() -> None:
    """A hospital beyond every road gave "0 people beyond 20 min, 0 cut off", as if all were well served."""
    run = run_with_a_ford()
    places = gpd.GeoDataFrame(
        {"name": ["hospital", "fire_station"], "label": ["Hôpital Nord", "fire station"]},
        geometry=[Point(0, 5000), Point(0, -5)],
        crs="EPSG:2154",
    )
    zones = gpd.GeoDataFrame(
        {"name": ["a", "b", "c"], "people": [10.0, 20.0, 1234.0]},
        geometry=[Point(0, 9), Point(600, 9), Point(5000, 0)],
        crs="EPSG:2154",
    )
    run.places, run.zones, run.buildings, run.scenario_table = places, zones, None, {}
    figures = {one.key: one for one in access_figures(Run(run))}
    assert {key: one.value for key, one in figures.items()} == {
        "within_10_min_fire_station": 10,
        "beyond_20_min_fire_station": 20,
        "isolated_fire_station": 20,
        "facilities_off_network": 1,
    }
    assert figures["facilities_off_network"].detail == "Hôpital Nord"
    for key in ("within_10_min_fire_station", "beyond_20_min_fire_station", "isolated_fire_station"):
        assert "1\N{NARROW NO-BREAK SPACE}234 habitants n'ont pas de chemin" in figures[key].method
        assert "people have no way even when roads are dry" in figures[key].method_en
    run.zones = zones.iloc[:2]
    assert "n'ont pas de chemin" not in access_figures(Run(run))[0].method


def two_places(run: SimpleNamespace) -> SimpleNamespace:
    run.places = gpd.GeoDataFrame(
        {"name": ["hospital", "fire_station", "field"], "label": ["", "", ""]},
        geometry=[Point(0, 5), Point(0, -5), shapely.box(590, 9, 610, 19)],
        crs="EPSG:2154",
    )
    run.zones, run.buildings, run.scenario_table = None, None, {}
    return run


def test_lorries_with_squares_of_their_own_double_nobody() -> None:
    """The same 30 people in squares of cars, before and after noon, and in wider ones of lorries."""
    run = two_places(run_with_a_ford())
    run.zones = gpd.GeoDataFrame(
        {
            "event": [1, 2, 2, 3, 3],
            "vehicle": ["heavy_goods", "car", "car", "car", "car"],
            "name": ["wide", "a", "b", "a2", "b2"],
            "people": [30.0, 10.0, 20.0, 10.0, 20.0],
        },
        geometry=[Point(1, 9), Point(0, 9), Point(600, 9), Point(2, 9), Point(601, 9)],
        crs="EPSG:2154",
    )
    figures = {one.key: one.value for one in access_figures(Run(run))}
    assert figures["within_10_min_fire_station"] == 10
    assert figures["isolated_fire_station"] == 20
    run.zones = run.zones[run.zones["event"] == 1]  # lorries alone
    figures = {one.key: one.value for one in access_figures(Run(run))}
    assert figures["within_10_min_fire_station"] == 30


@pytest.mark.parametrize("at", [[600.0, 9.0], "field"])
def test_people_of_a_new_district_reach_help_or_not(at: object) -> None:
    """Where buildings say who lives there; squares of the demand have other names than the district."""
    run = two_places(run_with_a_ford())
    homes = [shapely.box(0, 9, 10, 19)]
    run.buildings = gpd.GeoDataFrame({"residents": [4.0]}, geometry=homes, crs="EPSG:2154")
    district = {
        "kind": "new_district",
        "name": "neuf",
        "at": at,
        "zones": "communes",
        "values": {"hab": 800.0},
    }
    demand = {"kind": "demand", "zones": "communes", "weight": "hab"}
    run.scenario_table = {"measures": [district], "events": [demand]}
    run.zones = gpd.GeoDataFrame(
        {"event": [1], "vehicle": ["car"], "name": ["6 0"], "people": [804.0]},
        geometry=[Point(600, 9)],
        crs="EPSG:2154",
    )
    figures = {one.key: one.value for one in access_figures(Run(run))}
    assert figures["within_10_min_fire_station"] == 4
    assert figures["isolated_fire_station"] == 800


@pytest.mark.parametrize(("column", "said"), [("residents", "carroyée"), ("dwellings", "logements")])
def test_access_says_how_the_people_are_known(column: str, said: str) -> None:
    """Those of the population squares were told to be counted by dwellings."""
    run = run_with_a_ford()
    run.places = gpd.GeoDataFrame(
        {"name": ["hospital", "fire_station"], "label": ["", ""]},
        geometry=[Point(0, 5), Point(0, -5)],
        crs="EPSG:2154",
    )
    boxes = [shapely.box(0, 9, 10, 19), shapely.box(600, 9, 610, 19)]
    run.buildings = gpd.GeoDataFrame({column: [4.0, 6.0]}, geometry=boxes, crs="EPSG:2154")
    run.zones, run.scenario_table = None, {}
    figures = {one.key: one for one in access_figures(Run(run))}
    for kind in ("hospital", "fire_station"):
        assert said in figures[f"within_10_min_{kind}"].method


def test_a_place_by_a_long_road_is_on_the_network() -> None:
    """A farm 10 m from a road without junctions, 700 m from either end, was not on the network.

    The way in is the nearer end of the nearest road, not a node of another one that is nearer by air.
    """
    lines = [LineString(ends) for ends in ([(0, 0), (1400, 0)], [(650, 800), (650, 2000)])]
    lines.append(LineString([(1400, 0), (650, 2000)]))
    stub = LineString([(700, 20), (0, 0)])  # one way out of a cul-de-sac: nobody comes back there
    links = gpd.GeoDataFrame(
        {"from_node": [0, 1, 2, 3, 1, 3, 4], "to_node": [1, 0, 3, 2, 3, 1, 0]},
        geometry=[*(one for line in lines for one in (line, line.reverse())), stub],
        crs="EPSG:2154",
    )
    roads = Roads.of(links)
    for place, node in {
        (690, -10): 0,
        (720, -10): 1,
        (701, 21): 0,
        (660, 350): 0,
        (650, 790): 2,
        (600, -500): 0,
        (600, -501): -1,
        (1750, -350): 1,
        (1760, -350): -1,
    }.items():
        assert roads.attach(*place).tolist() == [node], place


def run_in_two_parts() -> SimpleNamespace:
    """Dry and open: a road of three nodes from x = 0 to 600 and one of two from 900 to 1200, with no road in
    between.
    """
    xs = [(0, 300), (300, 600), (900, 1200)]
    lines = [LineString([(a, 0), (b, 0)]) for a, b in xs]
    links = gpd.GeoDataFrame(
        {
            "from_node": [0, 1, 1, 2, 3, 4],
            "to_node": [1, 0, 2, 1, 4, 3],
            "length_m": [300.0] * 6,
            "free_speed_km_h": [36.0] * 6,
        },
        geometry=[one for line in lines for one in (line, line.reverse())],
        crs="EPSG:2154",
    )
    names = {"travel_time": 30.0, "link_water_depth": 0.0, "closed": 0}
    series = xr.Dataset(
        {name: (("time", "link"), np.full((1, 6), value)) for name, value in names.items()},
        coords={"time": [0.0]},
    )
    return SimpleNamespace(links=links, link_series=series, closure_depth=0.3)


def test_nobody_reaches_help_across_a_missing_bridge() -> None:
    """Who lives in the smaller part of a layer cut in two was put on the larger one, 300 m away."""
    run = run_in_two_parts()
    roads = Roads.of(run.links)
    assert roads.attach([590.0, 890.0, 1210.0, 1900.0], [5.0] * 4).tolist() == [2, 3, 4, -1]
    run.places = gpd.GeoDataFrame(
        {"name": ["hospital", "fire_station", "fire_station"], "label": ["", "", ""]},
        geometry=[Point(600, 5), Point(0, 5), Point(1200, 5)],
        crs="EPSG:2154",
    )
    run.zones = gpd.GeoDataFrame(
        {"name": ["a", "b"], "people": [10.0, 2000.0]}, geometry=[Point(0, 9), Point(900, 9)], crs="EPSG:2154"
    )
    run.buildings, run.scenario_table = None, {}
    figures = {one.key: one for one in access_figures(Run(run))}
    assert figures["within_10_min_hospital"].value == 10
    assert figures["within_10_min_fire_station"].value == 2010
    assert figures["isolated_hospital"].value == 0
    cut = figures["isolated_hospital"]
    assert "2\N{NARROW NO-BREAK SPACE}000 habitants n'ont pas de chemin" in cut.method
    assert "à plus de 500 m du réseau" in cut.method
    assert "without any in their part" in cut.method_en
    assert "n'ont pas de chemin" not in figures["isolated_fire_station"].method
    run.zones = run.zones.iloc[1:]
    run.places = run.places.iloc[:1]
    alone = access_figures(Run(run))
    assert [one.key for one in alone] == ["facilities_off_network"]
    assert "more than 500 m from the network, or no resident lives in their part" in alone[0].method_en


@pytest.mark.parametrize("seed", range(3))
def test_sites_against_every_choice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = rng.uniform(1.0, 30.0, (7, 15))
    times[rng.random(times.shape) < 0.1] = np.inf
    times[0] = np.where(np.isinf(times[0]), 40.0, times[0])
    people = rng.uniform(1.0, 50.0, 15)

    def mean(sites: tuple[int, ...]) -> float:
        return float(times[list(sites)].min(axis=0) @ people)

    def covered(sites: tuple[int, ...]) -> float:
        return float(people[times[list(sites)].min(axis=0) <= 10.0].sum())

    choices = [c for c in itertools.combinations(range(7), 3) if 0 in c]
    best = p_median(times, people, 2, existing=[0])
    assert best.proved
    assert best.value == pytest.approx(min(map(mean, choices)))
    assert mean((0, *best.chosen)) == pytest.approx(best.value)
    most = coverage(times, people, 10.0, 2, existing=[0])
    assert most.value == pytest.approx(max(map(covered, choices)))
    assert covered((0, *most.chosen)) == pytest.approx(most.value)
    with pytest.raises(ValueError, match="8 new sites among 7"):
        coverage(times, people, 10.0, 8)


def test_the_series_of_a_run_have_these_names() -> None:
    assert set(run_with_a_ford().link_series) <= set(TrafficSolver.writes)


@pytest.mark.parametrize("kind", ACCESSED)
def test_residents_by_zone_are_reached_the_same_way(kind: str) -> None:
    """Only who is counted differs, not the way: firemen set out at free speed to zones too."""
    for lang in LANGUAGES:
        by_building, by_zone = (
            text(f"indicator.within_10_min_{kind}.{part}", lang).rsplit(";", 1)
            for part in ("method", "method_zones")
        )
        assert by_zone[0] == by_building[0]
        assert by_zone[1] != by_building[1]
