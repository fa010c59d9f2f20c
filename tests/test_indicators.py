"""Figures for people: values by hand on a run of a few cells, then what a run without some part gives."""

from __future__ import annotations

import doctest
import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from shapely.geometry import LineString, Point, box

from tests.synthetic_run import write_run
from twin import cli
from twin.domain import Domain, Place
from twin.errors import InputError
from twin.grid import Grid
from twin.indicators import (
    JRC_2017_RESIDENTIAL_EUROPE,
    DamageCurve,
    compare,
    compute,
    facilities,
    facility_kind,
    places,
    records,
)
from twin.indicators.traffic import emission_figures
from twin.messages import table
from twin.recording import _places_frame
from twin.results import Result
from twin.run_writer import RunWriter
from twin.solvers.traffic.emissions import FRANCE
from twin.styles import BUILDING, DEPTH

CRS = "EPSG:2154"
GRID = Grid(CRS, 650000.0, 6860040.0, 100.0, 4, 5)  # a cell is one hectare
X0, Y0 = 650000.0, 6859640.0


def make_run(
    path: Path,
    *,
    name: str = "essai",
    depth: list[np.ndarray] | None = None,
    run_fields: dict[str, np.ndarray] | None = None,
    features: dict[str, gpd.GeoDataFrame] | None = None,
    summary: dict[str, Any] | None = None,
) -> Result:
    writer = RunWriter.create(
        path,
        scenario_toml=f'name = "{name}"\nduration = 600.0\n',
        grid=GRID if depth is not None else None,
        times=[0.0, 300.0, 600.0],
        start="2026-10-12T06:00:00+02:00",
        variables=["water_depth"],
        static={},
    )
    for k, frame in enumerate(depth or []):
        writer.record(k, {"water_depth": frame})
    if run_fields:
        writer.record_run_fields(run_fields)
    for file, frame in (features or {}).items():
        writer.write_features(f"features/{file}.gpkg", frame)
    if summary is not None:
        writer.write_table("traffic/summary.json", summary)
    writer.close()
    return Result.open(path)


def flood() -> list[np.ndarray]:
    start, top = np.zeros(GRID.shape), np.zeros(GRID.shape)
    start[:, 0] = 1.0  # the river: 4 cells
    top[:, 0] = 5.0
    top[0, 1:] = [0.049, 0.051, 0.5, 0.51]
    top[1, 1:] = [1.0, 2.0, 2.1, 0.0]
    return [start, top, start]


def features() -> dict[str, gpd.GeoDataFrame]:
    def at(x: float, y: float) -> Point:
        return Point(X0 + x, Y0 + y)

    houses = gpd.GeoDataFrame(
        {
            "building_id": list("abcde"),
            "dwellings": [1, 3, 10, 2, 0],
            "light": [False, False, False, False, True],
            "max_water_depth": [0.04, 0.4, 2.5, np.nan, 1.0],
            "arrival_time": [np.nan, 240.0, 120.0, np.nan, 600.0],
        },
        geometry=[box(X0 + 20 * k, Y0, X0 + 20 * k + 10, Y0 + 10) for k in range(5)],
        crs=CRS,
    )
    roads = gpd.GeoDataFrame(
        {
            "road_id": list("pqrs"),
            "name": ["Quai", "Grande Rue", "Sentier", "D 12"],
            "drivable": [True, True, False, True],
            "max_water_depth": [0.30, 0.9, 0.9, 0.29],
            "cut_length_m": [100.0, 40.0, 50.0, 0.0],
            "cut_from_s": [600.0, 300.0, 300.0, np.nan],
            "cut_to_s": [np.nan] * 4,
        },
        geometry=[LineString([at(0, 50 * k), at(200, 50 * k)]) for k in range(4)],
        crs=CRS,
    )
    places = gpd.GeoDataFrame(
        {
            "name": ["hopital", "ecoles", "ecoles", "quartier", "mill_gauge"],
            "label": ["Hôpital de la Reine", "École du Pont", "École du Haut", "Les Écoles", "moulin"],
            "kind": ["hopital", "ecoles", "ecoles", "districts", "mill_gauge"],
        },
        geometry=[
            at(45, 5),  # in house c, 2.5 m, though the cells around are dry
            at(350, 350),
            at(450, 50),
            box(X0, Y0, X0 + 500, Y0 + 400),
            at(250, 350),
        ],
        crs=CRS,
    )
    return {"buildings": houses, "roads": roads, "places": places}


SUMMARY: dict[str, Any] = {
    "reference": {"unserved": 3.0},
    "times": [
        {"time_s": 0.0, "trips": 110.0, "intrazonal": 10.0, "unserved": 0.0, "minutes_lost": 0.0},
        {"time_s": 1800.0, "trips": 110.0, "intrazonal": 10.0, "unserved": 20.0, "minutes_lost": 400.0},
        {"time_s": 3600.0, "trips": 110.0, "intrazonal": 10.0, "unserved": 100.0, "minutes_lost": 0.0},
    ],
    "hours_lost_over_the_run": 6.5,
    "hours_gained_over_the_run": 1.5,
    "trips_stranded_over_the_run": 12.0,
}


def test_water_by_hand(tmp_path: Path) -> None:
    top = flood()[1]
    hazard = np.zeros(GRID.shape)
    hazard[1, 1:4] = [3.0, 4.0, 2.0]
    hazard[0, 0] = 4.0  # in the river: not counted
    run = make_run(
        tmp_path / "r",
        depth=flood(),
        run_fields={"max_water_depth": top, "max_velocity": 0.1 * top, "max_hazard_ppri": hazard},
    )
    figures = compute(run)
    expected = {
        "flooded_area": 6.0,
        "flooded_area_below_0_5": 2.0,
        "flooded_area_0_5_to_1": 2.0,
        "flooded_area_1_to_2": 1.0,
        "flooded_area_above_2": 1.0,
        "permanent_water_area": 4.0,
        "max_depth": pytest.approx(2.1),
        "max_velocity": pytest.approx(0.21),
        "hazard_strong_area": 2.0,
    }
    assert {key: figures[key].value for key in expected} == expected
    assert set(figures) == set(expected)
    assert "0,05 m" in figures["flooded_area"].method
    assert "eaux permanentes" in figures["flooded_area"].method
    assert "0.05 m" in figures["flooded_area"].method_en


def test_an_interrupted_run_is_read_from_its_frames(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", depth=flood()[:2])
    assert compute(run)["flooded_area"].value == 6.0
    assert compute(run)["max_depth"].value == pytest.approx(2.1)


def test_without_the_initial_state_the_river_is_counted_and_said_to_be(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", depth=[], run_fields={"max_water_depth": flood()[1]})
    figure = compute(run)["flooded_area"]
    assert figure.value == 10.0
    assert "état initial" in figure.method
    assert "permanent_water_area" not in compute(run)


def test_buildings_roads_and_facilities_by_hand(tmp_path: Path) -> None:
    run = make_run(
        tmp_path / "r", depth=flood(), run_fields={"max_water_depth": flood()[1]}, features=features()
    )
    figures = compute(run)
    expected = {
        "buildings_touched": 3,
        "buildings_below_0_5": 1,
        "buildings_0_5_to_1": 1,
        "buildings_1_to_2": 0,
        "buildings_above_2": 1,
        "first_building_time": 2.0,
        "dwellings_touched": 13,
        "residents_in_water": 28,  # 13 × 2.16 = 28.08
        "facilities_touched": 2,
        "facilities_touched_hospital": 1,
        "facilities_touched_school": 1,
        "roads_cut": 2,
        "roads_cut_length": pytest.approx(0.4),
        "roads_under_water_length": pytest.approx(0.14),
        "first_road_cut_time": 5.0,
    }
    assert {key: figures[key].value for key in expected} == expected
    assert figures["facilities_touched"].detail == "Hôpital de la Reine, École du Pont"
    assert figures["first_road_cut_time"].detail == "Grande Rue"
    assert "1 non évalués" in figures["buildings_touched"].method
    assert "facilities_touched_fire_station" not in figures
    found = facilities(run)
    assert found is not None
    assert sorted(found["title"]) == ["Hôpital de la Reine", "École du Haut", "École du Pont"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("Caserne de gendarmerie", "caserne"), "police"),
        (("Caserne",), None),  # a nature of BD TOPO: barracks
        (("Caserne militaire du 3e régiment",), None),
        (("Caserne de pompiers",), "fire_station"),
        (("caserne des sapeurs-pompiers",), "fire_station"),
        (("Caserne du centre d'incendie et de secours",), "fire_station"),
        (("Centre d’incendie et de secours",), "fire_station"),
        (("SDIS 59",), "fire_station"),
    ],
)
def test_barracks_are_those_of_firemen_only_where_it_is_said(
    words: tuple[str, ...], kind: str | None
) -> None:
    assert facility_kind(*words) == kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        *(((label,), None) for label in (
            "Clinique vétérinaire du Pont", "Centre hospitalier vétérinaire", "Ancien hôpital",
            "L'ancienne clinique", "Parking de l'Hôpital", "hospital_parking", "Auto-école Dupont",
            "Ancienne école", "Musée de l'ancienne école", "École de musique", "École municipale de danse",
            "Centre équestre École d'équitation", "Musée des Sapeurs-Pompiers", "Place de la Mairie",
            "Rue du Lycée", "Gymnase du Collège", "Pont de l'Hôpital", "Old school", "Driving school",
        )),
        (("EHPAD de l'hôpital",), "care_home"),
        (("Hôpital des Anciens combattants",), "hospital"),
        (("Placide-Mairie",), "town_hall"),
        (("École Parc-Monceau",), "school"),
        (("École des Musiciens",), "school"),
        (("Hôtel de police",), "police"),
        (("Station d'épuration",), "treatment_plant"),
        (("Etablissement hospitalier", "Les Tilleuls"), "hospital"),
        (("Hôpital", "Ancien hôpital général"), "hospital"),  # its nature, which BD TOPO keeps
        (("Parking", "parking", "Hôpital Nord"), None),
        (("Patrimoine", "facilities", "Ancienne école"), None),
        (("Mairie", "facilities", "École et mairie"), "town_hall"),
        ((float("nan"), "facilities", "Mairie"), "town_hall"),
    ],
)  # fmt: skip
def test_what_is_called_like_a_facility_and_is_none(words: tuple[str, ...], kind: str | None) -> None:
    assert facility_kind(*words) == kind


def test_a_facility_of_two_sources_counts_once() -> None:
    """The point of a scenario and the site in a layer are one hospital; two schools of a layer are two."""
    frame = gpd.GeoDataFrame(
        {
            "name": ["hospital", "facilities", "hospital_south", "facilities", "facilities"],
            "label": ["hospital", "Hôpital de la Reine", "hospital south", "École du Pont", "École du Haut"],
            "nature": ["", "Hôpital", "", "Enseignement primaire", "Enseignement primaire"],
        },
        geometry=[
            Point(X0, Y0), box(X0 + 30, Y0, X0 + 90, Y0 + 40), Point(X0 + 200, Y0), Point(X0, Y0),
            Point(X0 + 20, Y0),
        ],
        crs=CRS,
    )  # fmt: skip
    found = places.facilities_among(frame)
    assert list(found["label"]) == ["Hôpital de la Reine", "hospital south", "École du Pont", "École du Haut"]


def test_a_place_named_for_scenarios_only_has_no_title(tmp_path: Path) -> None:
    place = gpd.GeoDataFrame(
        {"name": ["retirement_home"], "label": ["retirement home"], "kind": ["retirement_home"]},
        geometry=[Point(X0 + 350, Y0 + 350)],
        crs=CRS,
    )
    run = make_run(tmp_path / "r", depth=flood(), features={"places": place})
    found = facilities(run)
    assert found is not None
    assert list(found["facility"]) == ["care_home"]
    assert list(found["title"]) == [""]
    assert compute(run)["facilities_touched_care_home"].detail == "retirement_home"


def test_people_of_the_population_layer_win_over_dwellings(tmp_path: Path) -> None:
    parts = features()
    parts["buildings"]["residents"] = [9.0, 5.4, 20.2, 7.0, np.nan]
    figure = compute(make_run(tmp_path / "r", features=parts))["residents_in_water"]
    assert figure.value == 26
    assert "carroyée" in figure.method


def test_features_of_one_place_keep_their_natures_and_nulls_are_no_names() -> None:
    """What BD TOPO says of each zone counts, whatever the name of the place that holds them all."""
    zones = gpd.GeoDataFrame(
        {
            "toponyme": ["Les Tilleuls", None, "Le Moulin"],
            "nature": ["Maison de retraite", "Enseignement primaire", None],
        },
        geometry=[Point(X0 + x, Y0) for x in (0, 50, 90)],
        crs=CRS,
    )
    one = gpd.GeoDataFrame({"nom": [np.nan], "nature": [None]}, geometry=[Point(X0, Y0)], crs=CRS)
    held = {
        "interest": Place("interest", zones.union_all(), zones),
        "old_mill": Place("old_mill", one.union_all(), one),
    }
    frame = _places_frame(Domain("town", CRS, None, xr.Dataset(), places=held))
    assert list(frame["label"]) == ["Les Tilleuls", "interest", "Le Moulin", "old mill"]
    assert list(frame["kind"]) == ["interest", "interest", "interest", "old_mill"]
    assert list(places.facilities_among(frame)["facility"]) == ["care_home", "school"]


def test_traffic_by_hand(tmp_path: Path) -> None:
    figures = compute(make_run(tmp_path / "r", summary=SUMMARY))
    assert {key: f.value for key, f in figures.items()} == {
        "minutes_lost_per_trip": 5.0,  # 400 min over 110 − 10 − 20 trips
        "hours_lost": 6.5,
        "hours_gained": 1.5,
        "trips_stranded": 12.0,
        "trips_unserved": 3.0,
    }
    assert "T+0,5 h" in figures["minutes_lost_per_trip"].method


def test_a_place_of_the_scenario_and_its_feature_are_one_facility() -> None:
    """A hospital named for the scenario beside that of the layer; two schools of the layer stay two."""
    found = places.facilities_among(
        gpd.GeoDataFrame(
            {
                "name": [
                    "hospital",
                    "hospital_north",
                    "facilities",
                    "facilities",
                    "facilities",
                    "fire_station",
                ],
                "label": ["hospital", "hospital north", "Hôpital Gabriel", "école", "école", "fire station"],
            },
            geometry=[
                Point(0, 0),
                Point(900, 0),
                box(20, 0, 60, 30),
                Point(300, 0),
                Point(310, 0),
                Point(30, 10),
            ],
            crs=CRS,
        )
    )
    assert found["name"].tolist() == [
        "hospital_north",
        "facilities",
        "facilities",
        "facilities",
        "fire_station",
    ]
    assert found["title"].tolist()[1] == "Hôpital Gabriel"
    plain = gpd.GeoDataFrame(
        {"name": ["hospital", "hospitals"], "label": ["hospital", "hospitals"]},
        geometry=[Point(0, 0)] * 2,
        crs=CRS,
    )
    assert len(places.facilities_among(plain)) == 1  # one of both, not none


def test_trips_without_a_way_are_told_with_kilometres_and_grams(tmp_path: Path) -> None:
    total = {"trips": 200.0, "total_travel_time_h": 9.0, "vehicle_km": 300.0, "energy_mj": 1.0}
    total |= dict.fromkeys(("co2_g", "nox_g", "pm10_g"), 1.0)
    summary = SUMMARY | {"over_the_run": total | {"intrazonal": 31.0}, "emissions": {"fleet": "tous"}}
    figures = compute(make_run(tmp_path / "a", summary=summary))
    for key in ("traffic_hours", "vehicle_km", "co2", "nox", "pm10", "traffic_energy"):
        assert "15,5 % des trajets restent dans leur zone" in figures[key].method, key
        assert "15.5 % of the trips stay within their zone" in figures[key].method_en, key
    summary["over_the_run"]["intrazonal"] = 0.0
    assert "leur zone" not in compute(make_run(tmp_path / "b", summary=summary))["co2"].method


def test_assignments_that_miss_their_gap_are_counted(tmp_path: Path) -> None:
    gaps = (1e-11, 3e-4, 1e-10)
    times = [row | {"relative_gap": gap} for row, gap in zip(SUMMARY["times"], gaps, strict=True)]
    missed = SUMMARY | {
        "times": times,
        "parameters": {"gap": 1e-10},
        "reference": SUMMARY["reference"] | {"relative_gap": 2e-5},
    }
    figure = compute(make_run(tmp_path / "r", summary=missed))["gap_missed"]
    assert figure.value == 2  # an instant and the reference state
    assert "3e-04" in figure.method
    assert "1e-10" in figure.method_en


def test_people_that_the_demand_lacks_are_told(tmp_path: Path) -> None:
    """By cars and by lorries, which are asked of the same people: those of the event with most."""
    demand: dict[str, Any] = {
        "people_outside_the_data": [19_000.4, 0.0],
        "squares_more_than_2_km_from_a_junction": [3, 2],
        "people_more_than_2_km_from_a_junction": [7237.0, 5000.0],
        "people_without_10_m2_of_floor": [0.0, 0.0],
    }
    demand["hours_east_of_utc"] = 0.0
    figures = compute(make_run(tmp_path / "r", summary=SUMMARY | {"demand": demand}))
    assert figures["hours_east_of_utc"].value == 0.0  # told, though it is nothing
    assert figures["people_outside_the_data"].value == 19_000
    far = figures["people_more_than_2_km_from_a_junction"]
    assert far.value == 7237
    assert "(3)" in far.method
    assert "(3)" in far.method_en
    assert "people_without_10_m2_of_floor" not in figures


def test_flow_near_critical_is_told_where_it_is_false(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r")
    assert "near_critical_share" not in compute(run)  # a scheme that advects tells nothing
    for share, told in ((0.0, None), (0.0005, None), (0.25, 25.0)):
        (run.path / "flood").mkdir(exist_ok=True)
        (run.path / "flood" / "summary.json").write_text(json.dumps({"near_critical_share": share}))
        figure = compute(Result.open(run.path)).get("near_critical_share")
        assert (None if figure is None else figure.value) == told


def test_the_french_fleet_is_told_in_both_languages() -> None:
    total = {"co2_g": 1.0, "nox_g": 1.0, "pm10_g": 1.0, "energy_mj": 1.0, "trips": 1.0}
    for source in (FRANCE, f"mine.csv; heavy_goods: {FRANCE}"):
        summary = {"over_the_run": total, "emissions": {"fleet": source}}
        run = SimpleNamespace(result=SimpleNamespace(traffic_summary=summary))
        for figure in emission_figures(run):  # type: ignore[arg-type]
            assert "parc français en circulation" in figure.method
            assert "French fleet" not in figure.method
            assert source in figure.method_en


def test_damage_only_with_a_curve(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", features=features())
    assert not {"damage", "damage_area"} & set(compute(run))
    figure = compute(run, damage=JRC_2017_RESIDENTIAL_EUROPE)["damage_area"]
    # 0.04 m: 2 %, 0.4 m: 20 %, 2.5 m: 67.5 % of 100 m² each; the light building is left out
    assert figure.value == pytest.approx(2.0 + 20.0 + 67.5)
    assert "JRC 2017" in figure.method
    assert figure.unit == "m²"

    curve = tmp_path / "amc.csv"
    curve.write_text(
        "type;composante;duree;hauteur_cm;eur_m2\n"
        "individuel;bati;<=48h;0;0\nindividuel;bati;<=48h;100;200,5\nindividuel;bati;>48h;100;900\n",
        encoding="utf-8",
    )
    amc = DamageCurve.from_csv(curve, kind="individuel", component="bati", duration="<=48h")
    figure = compute(run, damage=amc)["damage"]
    assert (figure.unit, figure.value) == ("€", pytest.approx(100 * 200.5 * (0.04 + 0.4 + 1.0)))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("type;composante;hauteur_cm;eur_m2\n", "duree"),
        ("type;composante;duree;hauteur_cm;eur_m2\nx;y;z;0;0\n", "individuel;bati"),
        ("type;composante;duree;hauteur_cm;eur_m2\nindividuel;bati;c;zéro;0\n", "zéro"),
    ],
)
def test_a_bad_damage_table_says_what_is_wrong(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / "curve.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as error:
        DamageCurve.from_csv(file, kind="individuel", component="bati", duration="c")
    assert found in str(error.value)
    assert str(file) in str(error.value)


def test_an_empty_run_gives_no_figures(tmp_path: Path) -> None:
    assert compute(make_run(tmp_path / "r")) == {}


def test_a_dry_run_gives_zeros(tmp_path: Path) -> None:
    dry = [np.zeros(GRID.shape)] * 3
    figures = compute(make_run(tmp_path / "r", depth=dry, run_fields={"max_water_depth": dry[0]}))
    assert {f.value for f in figures.values()} == {0.0}


def test_records_are_json_and_every_figure_has_its_texts(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r")
    rows = records(compute(run))
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    for row in rows.values():
        assert {"value", "unit", "label_fr", "label_en", "method"} <= set(row)
        assert "{" not in row["method"] + row["method_en"]
        assert row["label_fr"] != row["label_en"]
    texts = table("indicator")["fr"]
    assert all(f"{key}.label" in texts for key in rows)


def test_compare_side_by_side(tmp_path: Path) -> None:
    today = write_run(tmp_path / "a", name="Aujourd'hui", rise=4.0)
    dike = write_run(tmp_path / "b", name="Digue", rise=2.5)
    frame = compare(today, dike, lang="en")
    assert list(frame.columns) == ["label", "unit", "Aujourd'hui", "Digue", "difference"]
    row = frame.loc["flooded_area"]
    assert row["label"] == "area flooded"
    assert row["difference"] == row["Digue"] - row["Aujourd'hui"] < 0
    same = compare(today, today)
    assert list(same.columns[2:4]) == ["Aujourd'hui (1)", "Aujourd'hui (2)"]
    assert (same["difference"] == 0).all()


def test_compare_says_where_runs_are_not_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that was stopped after an hour beside a whole one of four: their figures are not of one thing."""
    whole = write_run(tmp_path / "a", name="Aujourd'hui")
    assert compare(whole, whole).cautions == ()
    assert repr(compare(whole, whole)).count("\n") == len(compare(whole, whole))
    stopped = write_run(tmp_path / "b", name="Digue").path
    table = (stopped / "scenario.toml").read_text(encoding="utf-8")
    for old, new in (("duration = ", "resolution = 20.0\nduration = 3"), ('"valmont"', '"elsewhere"')):
        assert old in table
        table = table.replace(old, new)
    (stopped / "scenario.toml").write_text(table, encoding="utf-8")
    told = json.loads((stopped / "provenance.json").read_text(encoding="utf-8")) | {"status": "interrupted"}
    (stopped / "provenance.json").write_text(json.dumps(told), encoding="utf-8")
    for lang, said in (
        ("en", ["Digue: interrupted", "durations: Aujourd'hui", "territories", "resolutions"]),
        ("fr", ["Digue : interrompu,", "durées différentes : Aujourd'hui", "territoires", "résolutions"]),
    ):
        monkeypatch.setenv("TWIN_LANG", lang)
        table = compare(whole, Result.open(stopped))
        assert len(table.cautions) == 4
        for words, caution in zip(said, table.cautions, strict=True):
            assert words in caution
            assert caution in repr(table)
    cli.main(["compare", str(whole.path), str(stopped)])
    said_by_command = capsys.readouterr()
    for caution in table.cautions:
        assert caution in said_by_command.err
        assert caution not in said_by_command.out


def test_compare_says_where_traffic_is_not_assigned_alike(tmp_path: Path) -> None:
    runs = []
    for name, every, start in (
        ("a", 3600, "06:00:00+02:00"),
        ("b", 300, "04:00:00Z"),
        ("c", 300, "17:00:00Z"),
    ):
        met = {"relative_gap": 0.0}
        summary = SUMMARY | {
            "times": [row | met for row in SUMMARY["times"]],
            "reference": SUMMARY["reference"] | met,
            "parameters": {"every": float(every), "gap": 1e-9},
        }
        file = make_run(tmp_path / name, name=name, summary=summary).path / "scenario.toml"
        file.write_text(file.read_text() + f"start = 2026-10-12T{start}\n", encoding="utf-8")
        runs.append(Result.open(file.parent))
    assert compare(runs[1], make_run(tmp_path / "d", name="d")).cautions[2:] == ()  # no traffic there
    # After two cautions that no run has ended. Those are of one instant, though one is written in UTC.
    (often,) = compare(*runs[:2], lang="en").cautions[2:]
    assert often.startswith("Note traffic assigned more or less often (every): a 1 h 00, b 0 h 05.")
    (hour,) = compare(*runs[1:], lang="fr").cautions[2:]
    assert "heures de début différentes : b 04:00+0000, c 17:00+0000" in hour


def test_compare_where_one_run_lacks_a_figure(tmp_path: Path) -> None:
    with_traffic = make_run(tmp_path / "a", name="a", summary=SUMMARY)
    frame = compare(with_traffic, make_run(tmp_path / "b", name="b"))
    assert pd.isna(frame.loc["hours_lost", "b"])
    assert pd.isna(frame.loc["hours_lost", "difference"])


def test_classes_leave_no_gap() -> None:
    for classes in (DEPTH, BUILDING):
        assert all(a.high == b.low for a, b in pairwise(classes))
        assert classes[-1].high == np.inf


def test_examples_of_the_docstrings() -> None:
    assert doctest.testmod(places).failed == 0
