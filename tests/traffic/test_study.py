"""What planners ask of the hour of reference, by the command line too: users of a road, tolls, skims."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import pandas as pd
import pytest

from tests import small
from tests.test_cli import call, edited
from twin import run
from twin.errors import InputError
from twin.solvers.traffic.matrices import read_omx
from twin.solvers.traffic.study import (
    open_scenario,
    segments_of,
    skims_of,
    tolls_of,
    traffic_of,
    users_of,
)

# West (0, 2) – east (2, 2) – south (1, 0) on a grid of 3 × 3 junctions, all streets alike and empty.
NORTH = "Rue 0"  # half of the only short way between west and east


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return small.make(tmp_path / "town")


def test_who_uses_a_street(file: Path) -> None:
    """All trips between west and east use the northern street, nobody else, in both directions alike."""
    scenario = open_scenario(file)
    traffic = traffic_of(scenario)
    users = users_of(scenario, ["rue 0"])
    assert {*zip(users.pairs["from"], users.pairs["to"], strict=True)} == {("Ouest", "Est"), ("Est", "Ouest")}
    assert users.pairs["share"].tolist() == pytest.approx([1.0, 1.0])
    frame = traffic.links_frame().set_index("name")
    street = frame.loc[NORTH, "volume_veh_h"]
    assert users.through == pytest.approx(street.sum())
    assert users.trips == pytest.approx(traffic.reference.trips)
    assert users.links.query("chosen")["name"].unique().tolist() == [NORTH]
    assert set(users.links["name"]) == {"Rue 0", "Rue 1"}
    np.testing.assert_allclose(users.links["share"], 1.0)
    assert users.zones.set_index("name")["begin"].to_dict() == pytest.approx(
        {"Ouest": street.iloc[0], "Est": street.iloc[1]}
    )


def test_a_road_by_its_id_and_by_a_place(file: Path) -> None:
    """What crosses the place counts once, though a trip may cross it on one of several streets."""
    traffic = traffic_of(open_scenario(file))
    rows = segments_of(traffic, ["TRONROUT0000000000000000", "RUE 3"], "here")
    assert traffic.network.segments["name"].iloc[rows].tolist() == ["Rue 0", "Rue 3"]
    crossing = segments_of(traffic, ["west_edge", "across"], "here")
    users = users_of(open_scenario(file), ["across"])
    assert crossing.size > 2
    assert 0.0 < users.through <= users.trips
    assert (users.pairs["share"] <= 1.0 + 1e-12).all()


def test_roads_that_are_not_there_are_said_all_at_once(file: Path) -> None:
    with pytest.raises(InputError, match="Rue 1") as caught:
        users_of(open_scenario(file), ["Rue 111", "nowhere"])
    assert len(caught.value.problems) == 2
    edited(file.parent / "territory.toml", "middle =", "sea = [600000.0, 6800000.0]\nmiddle =")
    with pytest.raises(InputError, match="m away"):
        users_of(open_scenario(file), ["sea"])


def test_lorries_count_as_vehicles_and_weigh_as_cars(file: Path) -> None:
    lorries = (
        '[[events]]\nkind = "demand"\nvehicle = "heavy_goods"\nzones = "zones"\nweight = "inhabitants"\n'
    )
    lorries += 'trips_per_person = 0.1\nmean_time = "2 min"\n'
    cars = users_of(open_scenario(file), [NORTH])
    edited(file, "[boundaries]", lorries + "[boundaries]")
    both = users_of(open_scenario(file), [NORTH])
    assert both.through == pytest.approx(1.2 * cars.through, rel=1e-3)
    weight = both.links["selected_pcu_h"].sum() / cars.links["selected_pcu_h"].sum()
    assert weight == pytest.approx(1.0 + 0.2 * 2.0, rel=1e-3)


def test_tolls_of_an_empty_and_of_a_crowded_town(file: Path) -> None:
    empty = tolls_of(open_scenario(file))
    assert empty.optimum_hours == pytest.approx(empty.hours, rel=1e-6)
    edited(file, 'every = "5 min"', 'every = "5 min"\ndemand_factor = 40.0')
    crowded = tolls_of(open_scenario(file))
    assert crowded.gap <= 1e-10
    assert 0.5 * crowded.hours < crowded.optimum_hours < crowded.hours
    # BPR, power 4: t − t0 = 0.15 t0 r⁴, and the toll is 4 times that.
    frame = traffic_of(open_scenario(file)).links_frame()
    late = frame["length_m"] / frame["free_speed_km_h"] * 3.6
    late *= 0.15 * (crowded.links["optimum_pcu_h"] / frame["capacity_veh_h"]) ** 4
    np.testing.assert_allclose(crowded.links["toll_s"], 4.0 * late, rtol=1e-9)


def test_skims_as_open_matrix_and_as_a_table(file: Path, tmp_path: Path) -> None:
    names, tables = skims_of(open_scenario(file))
    assert names == ("Ouest", "Est", "Sud")
    np.testing.assert_allclose(tables["km"], 0.5 - 0.5 * np.eye(3), rtol=1e-9)  # two streets of 250 m
    assert (tables["minutes"] >= tables["free_minutes"]).all()
    assert call("skim", file, "-o", tmp_path / "times.omx") == 0
    with h5py.File(tmp_path / "times.omx") as omx:
        assert omx.attrs["OMX_VERSION"] == b"0.2"
        np.testing.assert_array_equal(omx["data/minutes"][...], tables["minutes"])
    again = read_omx(tmp_path / "times.omx", names, "here", "km")
    np.testing.assert_array_equal(again.matrix(), tables["km"])
    assert call("skim", file, "-o", tmp_path / "times.csv") == 0
    rows = pd.read_csv(tmp_path / "times.csv").set_index(["from", "to"])
    assert rows.loc[("Ouest", "Sud"), "minutes"] == pytest.approx(tables["minutes"][0, 2], rel=1e-5)
    assert call("skim", file, "-o", tmp_path / "times.xlsx") == 2


def test_the_commands(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "users"
    assert call("select-link", file, "--road", NORTH, "-o", out) == 0
    said = capsys.readouterr().out
    assert "100 %" in said
    assert "Ouest → Est" in said
    assert {f.name for f in out.iterdir()} == {"pairs.csv", "users.gpkg", "users.png"}
    layers = {name: gpd.read_file(out / "users.gpkg", layer=name) for name in ("links", "pairs", "zones")}
    assert {len(layers["pairs"]), len(layers["zones"])} == {2}
    assert pd.read_csv(out / "pairs.csv")["through"].sum() == pytest.approx(layers["pairs"]["through"].sum())
    assert call("select-link", file, "--road", "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err
    assert call("select-link", file, "--road", NORTH, "-o", tmp_path / "users.shp") == 2
    out = tmp_path / "ranking"
    assert call("criticality", file, "--roads", "all", "--most", "3", "-o", out) == 0
    assert {f.name for f in out.iterdir()} == {"criticality.gpkg", "links.gpkg", "criticality.png"}
    assert call("tolls", file, "-o", tmp_path / "tolls.gpkg") == 0
    assert len(gpd.read_file(tmp_path / "tolls.gpkg")) == 24


def test_a_run_says_that_equilibria_miss_their_gap(file: Path, tmp_path: Path) -> None:
    edited(file, 'every = "5 min"', 'every = "5 min"\ndemand_factor = 40.0\nmax_iterations = 1')
    edited(file, '"flood", "traffic"', '"traffic"')
    found = run(open_scenario(file), tmp_path / "out")
    assert found.indicators["gap_missed"]["value"] > 0
    log = (tmp_path / "out" / "log.txt").read_text(encoding="utf-8")
    assert "WARNING" in log
    assert "max_iterations" in log
    assert tolls_of(open_scenario(file)).gap > 1e-10
