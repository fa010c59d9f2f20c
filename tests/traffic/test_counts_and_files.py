"""Trip tables from files, production and attraction, a new district, correction by counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import pytest
from shapely.geometry import LineString, Polygon

from tests import small
from tests.traffic import slow_traffic as slow
from tests.traffic.test_traffic_solver import DEMAND, Scenario, domain
from twin.errors import InputError
from twin.scenarios import NewDistrict
from twin.scenarios import Scenario as Record
from twin.solvers.traffic import Trips, assign
from twin.solvers.traffic.counts import Fit, correct
from twin.solvers.traffic.matrices import read_trips_file
from twin.solvers.traffic.solver import TrafficSolver

NAMES = ("west", "east", "farm")
TABLE = np.array([[0.0, 5.0, 1.5], [2.0, 0.0, 0.0], [0.0, 7.0, 3.0]])


def omx(path: Path, labels: list[str] | None, **tables: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, table in tables.items():
            file.create_dataset(f"data/{name}", data=table)
        if labels:
            file.create_dataset("lookup/zones", data=np.array(labels, "S"))
    return path


def test_every_format_gives_the_same_trips(tmp_path: Path) -> None:
    pairs = [(o, d, TABLE[o, d]) for o, d in np.argwhere(TABLE > 0)]
    (tmp_path / "a.csv").write_text(
        "from,to,trips\n" + "".join(f"{NAMES[o]},{NAMES[d]},{q}\n" for o, d, q in pairs)
    )
    turn = [2, 0, 1]
    omx(tmp_path / "a.omx", [NAMES[k] for k in turn], cars=TABLE[np.ix_(turn, turn)], other=TABLE)
    omx(tmp_path / "plain.omx", None, cars=TABLE)
    lines = [LineString([(0, 0), (1, 1)])] * len(pairs)
    gpd.GeoDataFrame(
        {
            "from": [NAMES[o] for o, _, _ in pairs],
            "to": [NAMES[d] for _, d, _ in pairs],
            "trips": [q for *_, q in pairs],
        },
        geometry=lines,
        crs="EPSG:2154",
    ).to_file(tmp_path / "a.gpkg", layer="desire")
    text = "<NUMBER OF ZONES> 3\n<END OF METADATA>\n"
    for o in range(3):
        text += f"Origin {o + 1}\n" + "".join(f"{d + 1} : {TABLE[o, d]};" for d in range(3)) + "\n"
    (tmp_path / "a.tntp").write_text(text)
    for file, table in (
        ("a.csv", None),
        ("a.omx", "cars"),
        ("plain.omx", None),
        ("a.gpkg", "desire"),
        ("a.tntp", None),
    ):
        np.testing.assert_array_equal(read_trips_file(tmp_path / file, NAMES, "trips", table).matrix(), TABLE)


@pytest.mark.parametrize(
    ("file", "table", "words"),
    [
        ("two.omx", None, "cars, other"),
        ("two.omx", "car", "cars"),
        ("named.omx", None, "nowhere"),
        ("none.omx", None, "OMX"),
        ("a.xlsx", None, ".omx"),
        ("short.omx", None, "2 zones without names"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, file: str, table: str | None, words: str) -> None:
    omx(tmp_path / "two.omx", None, cars=TABLE, other=TABLE)
    omx(tmp_path / "named.omx", ["west", "nowhere", "farm"], cars=TABLE)
    omx(tmp_path / "short.omx", None, cars=TABLE[:2, :2])
    with pytest.raises(InputError, match=words):
        read_trips_file(tmp_path / file, NAMES, "trips", table)


@pytest.mark.parametrize(
    ("lookups", "words"),
    [
        ({"zone": ["a", "b"]}, "2 zone names"),
        ({"zone": ["a", "a", "c"]}, "'a' occurs twice"),
        ({"mask": ["1", "0", "1"], "aux": ["1", "2", "3"]}, "several lookups: aux, mask"),
        ({"aux": ["b", "a", "c"], "zone": ["a", "b", "c"]}, "several lookups: aux, zone"),  # which of both?
        ({"zone": ["a", "b", "x"]}, "x"),
        ({"mask": ["1", "0", "1"], "zone": ["c", "a", "b"]}, None),
        ({"aux": ["1", "2", "3"], "zone": ["c", "a", "b"], "zone_2": ["c", "a", "b"]}, None),
    ],
)
def test_the_lookup_that_names_the_zones(
    tmp_path: Path, lookups: dict[str, list[str]], words: str | None
) -> None:
    import h5py

    path = tmp_path / "t.omx"
    with h5py.File(path, "w") as file:
        file["data/t"] = np.arange(9.0).reshape(3, 3)
        for name, labels in lookups.items():
            file[f"lookup/{name}"] = np.array([label.encode() for label in labels])
    if words is not None:
        with pytest.raises(InputError, match=words):
            read_trips_file(path, ("a", "b", "c"), "trips")
        return
    trips = read_trips_file(path, ("a", "b", "c"), "trips")
    table = np.zeros((3, 3))
    table[trips.origin, trips.destination] = trips.trips
    assert table.tolist() == [[4.0, 5.0, 3.0], [7.0, 8.0, 6.0], [1.0, 2.0, 0.0]]


def test_trips_end_where_the_jobs_are() -> None:
    made = domain()
    towns = made.places["towns"]
    jobs = towns.features.assign(jobs=[0.0, 50.0, 50.0])
    made = replace(made, places={**made.places, "towns": replace(towns, features=jobs)})
    work = DEMAND.model_copy(update={"attraction": "jobs"})
    trips = TrafficSolver(made, Scenario((work,)), {}).reference_trips.matrix()
    np.testing.assert_allclose(trips.sum(axis=1), [500.0, 400.0, 10.0])
    np.testing.assert_allclose(trips.sum(axis=0), [0.0, 455.0, 455.0], atol=1e-9)
    with pytest.raises(InputError, match="job"):
        TrafficSolver(made, Scenario((DEMAND.model_copy(update={"attraction": "job"}),)), {})


def test_a_new_district_adds_trips() -> None:
    made = domain()
    field = Polygon([(90, 70), (110, 70), (110, 95), (90, 95)])
    place = replace(made.places["gate"], name="field", geometry=field)
    made = replace(made, places={**made.places, "field": place})
    grown = NewDistrict(at="field", zones="towns", values={"people": 600.0}).apply(made)
    assert len(made.places["towns"].features) == 3
    before, after = (TrafficSolver(d, Scenario((DEMAND,)), {}) for d in (made, grown))
    assert after.reference.trips == pytest.approx(before.reference.trips + 300.0)
    assert after.reference.total_cost > before.reference.total_cost
    with pytest.raises(InputError, match="people"):
        NewDistrict(at="field", zones="towns", values={"peple": 1.0}).apply(made)
    with pytest.raises(InputError, match="no zone has"):
        NewDistrict(at="field", zones="towns", values={"people": 1.0}, name="west").apply(made)


def test_a_new_district_in_a_scenario_file(tmp_path: Path) -> None:
    file = small.make(tmp_path / "small")
    more = '[[measures]]\nkind = "new_district"\nat = "pool"\nzones = "zones"\n'
    more += "[measures.values]\ninhabitants = 100\n"
    file.write_text(file.read_text() + more)
    scenario = Record.open(file)
    assert scenario.measures[0].values == {"inhabitants": 100.0}
    again = tmp_path / "small" / "again.toml"
    again.write_text(scenario.to_toml())
    assert Record.open(again).measures == scenario.measures


def test_fit_by_hand() -> None:
    fit = Fit.of(np.array([100.0, 250.0, 0.0]), np.array([100.0, 200.0, 0.0]))
    assert fit.geh == pytest.approx(np.sqrt(2 * 2500 / 450) / 3)
    assert fit.geh_below_5 == 1.0
    assert fit.r2 == pytest.approx(1 - 2500 / 20000)


def test_counts_bring_a_distorted_table_back() -> None:
    network, truth = slow.random_network(3, nodes=40, zones=8, traps=False)
    counted = np.argsort(-assign(network, truth).volume)[:25]
    counts = assign(network, truth).volume[counted]
    rng = np.random.default_rng(1)
    wrong = Trips(
        truth.zones, truth.origin, truth.destination, truth.trips * rng.uniform(0.5, 1.6, truth.trips.size)
    )
    found = correct(network, wrong, counted, counts, rounds=30)
    assert found.objective[-1] < 0.05 * found.objective[0]
    assert found.after.r2 > found.before.r2
    assert found.after.geh < 0.3 * found.before.geh
    assert (found.trips.trips > 0).all()
    assert found.assignment.gap <= 1e-8
    with pytest.raises(InputError, match="repeated"):
        correct(network, wrong, np.array([1, 1]), np.array([1.0, 2.0]))


def test_counts_are_vehicles_though_lorries_weigh_as_two_cars(tmp_path: Path) -> None:
    """Counts that agree with lorries and cars together change nothing; half of them halve the volumes."""
    lorries = DEMAND.model_copy(update={"vehicle": "heavy_goods", "trips_per_person": 0.1})
    plain = TrafficSolver(domain(), Scenario((DEMAND, lorries)), {})
    frame = plain.links_frame()
    frame["forward"] = plain.network.forward
    frame = frame[frame["volume_veh_h"] > 1.0]
    for share in (1.0, 0.5):
        rows = "".join(
            f"{r.road_id},{share * r.volume_veh_h},{'forward' if r.forward else 'backward'}\n"
            for r in frame.itertuples()
        )
        (tmp_path / "counts.csv").write_text("road_id,veh_h,direction\n" + rows)
        told = Scenario((DEMAND, lorries), {"counts": str(tmp_path / "counts.csv")})
        corrected = TrafficSolver(domain(), told, {})
        correction = corrected.demands.correction
        assert correction is not None
        assert correction.after.rmse < 1e-6
        assert share == 0.5 or correction.before.rmse < 1e-6
        np.testing.assert_allclose(
            corrected.links_frame().loc[frame.index, "volume_veh_h"], share * frame["volume_veh_h"], rtol=1e-6
        )
