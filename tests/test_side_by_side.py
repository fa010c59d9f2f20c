"""Two runs of Valmont side by side, with the old bridge open and closed: links, roads, files, map."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.text import Text
from shapely.geometry import LineString

import twin
from tests.synthetic_run import write_run
from tests.test_indicators import make_run
from twin.cli import main
from twin.errors import InputError
from twin.indicators import Comparison
from twin.indicators.links import link_changes
from twin.layers import samples
from twin.results import Result
from twin.side_by_side import BUILDINGS, LAYER, ROADS, write
from twin.styles import CHANGE
from viz import roads
from viz.roads import traffic

SCENARIO = """name = "{name}"
territory = "{territory}"
resolution = "25 m"
start = 2026-10-12T07:00:00+02:00
duration = "1 h"
solvers = ["traffic"]
[params.traffic]
every = "30 min"
[[events]]
kind = "demand"
zones = "quarters"
weight = "population"
trips_per_person = 0.25
mean_time = "6 min"
"""
CLOSED = """[[events]]
kind = "road_closure"
at = "old_bridge_deck"
start = "30 min"
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Result]:
    folder = tmp_path_factory.mktemp("two")
    found = []
    for name, more in (("ouvert", ""), ("fermé", CLOSED)):
        file = folder / f"{name}.toml"
        file.write_text(
            SCENARIO.format(name=name, territory=samples.path("valmont")) + more, encoding="utf-8"
        )
        found.append(twin.run(file, folder / name))
    return found[0], found[1]


@pytest.fixture(scope="module")
def comparison(runs: tuple[Result, Result]) -> Comparison:
    return twin.compare(*runs)


def test_links_and_indicators_tell_the_same_difference(comparison: Comparison) -> None:
    links = comparison.links
    assert links is not None
    kilometres = links["length_m"].to_numpy() / 1000.0
    for side in (1, 2):  # one hour: a mean over the run times its duration
        expected = comparison.loc["vehicle_km"].iloc[1 + side]
        assert kilometres @ links[f"volume_{side}"] == pytest.approx(expected, rel=1e-6)
    change = kilometres @ links["volume_change"]
    assert change == pytest.approx(comparison.loc["vehicle_km", "difference"], rel=1e-6)
    assert change > 100.0  # the other bridge is a detour
    assert comparison.loc["co2", "difference"] > 0.0


def test_the_closed_bridge_loses_and_the_other_one_gains(comparison: Comparison) -> None:
    links, roads = comparison.links, comparison.roads
    assert links is not None
    assert roads is not None
    shut = links[links["closed_2"] > 0]
    assert set(shut["name"]) == {"VIEUX PONT"}
    np.testing.assert_allclose(shut["closed_2"], 0.5)  # from half past, of an hour
    np.testing.assert_allclose(shut["volume_2"], 0.5 * shut["volume_1"], rtol=1e-6)
    assert (shut["volume_1"] > 100.0).all()
    assert (
        roads.loc["PONT DE LA ROCADE", "vehicle_km_change"] > 0 > roads.loc["VIEUX PONT", "vehicle_km_change"]
    )
    assert roads["vehicle_km_change"].is_monotonic_decreasing
    assert set(links["change_class"]) <= set(CHANGE)


def test_a_run_beside_itself(runs: tuple[Result, Result]) -> None:
    links = twin.compare(runs[0], runs[0]).links
    assert links is not None
    assert runs[0].links is not None
    assert len(links) == len(runs[0].links)
    assert not links["volume_change"].any()
    assert not links["change_class"].any()


def test_saturation_is_in_passenger_cars_as_in_the_series() -> None:
    """Lorries were counted as one car each: 0.2 where links.gpkg and the page say 0.3."""

    def run(saturation: list[float]) -> SimpleNamespace:
        about = {"road_id": ["a"], "name": "", "nature": "", "importance": 1, "level": 0, "length_m": 100.0}
        links = gpd.GeoDataFrame(
            {**about, "capacity_veh_h": [1000.0], "saturation": [9.0]},
            geometry=[LineString([(0, 0), (100, 0)])],
            crs="EPSG:2154",
        )
        values = {"volume": 200.0, "travel_time": 10.0, "closed": 0, "saturation": saturation}
        times = [0.0, 600.0, 1800.0]
        series = {name: (("time", "link"), np.full((1, 3), v).T) for name, v in values.items()}
        return SimpleNamespace(links=links, link_series=xr.Dataset(series, coords={"time": times}))

    links = link_changes(run([0.3, 0.3, 9.0]), run([0.3, 0.6, 9.0]))  # type: ignore[arg-type]
    assert links is not None
    assert links["saturation_1"].tolist() == pytest.approx([0.3])
    assert links["saturation_2"].tolist() == pytest.approx([0.5])  # 10 minutes of 0.3, 20 of 0.6


def test_three_runs(runs: tuple[Result, Result]) -> None:
    table = twin.compare(runs[0], runs[1], runs[0])
    assert list(table.columns) == ["label", "unit", "ouvert (1)", "fermé (2)", "ouvert (3)", "difference"]
    assert not table["difference"].any()
    with pytest.raises(InputError):
        twin.compare(runs[0])


def test_files_for_qgis_and_tables(comparison: Comparison, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    written = write(comparison, folder)
    assert [p.name for p in written] == ["indicators.csv", "roads.csv", "links.csv", "comparison.gpkg"]
    frame = gpd.read_file(folder / "comparison.gpkg", layer=LAYER)
    assert len(frame) == len(pd.read_csv(folder / "links.csv"))
    with sqlite3.connect(folder / "comparison.gpkg") as database:
        (style,) = database.execute("SELECT styleQML FROM layer_styles").fetchone()
    assert 'attr="change_class"' in style
    assert style.count("<category ") == len(CHANGE)
    with pytest.raises(InputError, match=r"\.xlsx"):
        write(comparison, tmp_path / "x.xlsx")


def test_command_writes_tables_and_a_map(
    runs: tuple[Result, Result], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["compare", str(runs[0].path), str(runs[1].path), "-o", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "PONT DE LA ROCADE" in said
    assert (tmp_path / "out" / "traffic_change.png").stat().st_size > 20_000


def test_maps_of_traffic_have_north_reserve_and_sources(
    runs: tuple[Result, Result], comparison: Comparison
) -> None:
    for figure, reserve in (
        (roads.traffic(runs[0], lang="fr", dpi=40), "Indicatif, non réglementaire"),
        (roads.traffic_change(comparison, lang="en", dpi=40), "Indicative, not regulatory"),
    ):
        words = [words.get_text() for words in figure.findobj(Text)]
        assert reserve in words
        assert "N" in words
        assert any("Sources" in line for line in words)


def test_runs_without_traffic_have_figures_only(tmp_path: Path) -> None:
    dry = make_run(tmp_path / "a", depth=[np.zeros((4, 5))] * 3)
    table = twin.compare(dry, make_run(tmp_path / "b", depth=[np.zeros((4, 5))] * 3))
    assert table.links is None
    assert table.roads is None
    assert [p.name for p in write(table, tmp_path / "out")] == ["indicators.csv"]
    with pytest.raises(InputError, match="without traffic, buildings and roads"):
        write(table, tmp_path / "out.gpkg")


def test_two_floods_have_what_changed_and_a_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Help and README promised a GeoPackage and a map; there was a table."""
    before, after = write_run(tmp_path / "a"), write_run(tmp_path / "b", rise=3.0)
    out = tmp_path / "out"
    main(["compare", str(before.path), str(after.path), "-o", str(out)])
    said = capsys.readouterr().out
    assert {p.name for p in out.iterdir()} == {"indicators.csv", "comparison.gpkg", "depth_change.png"}
    for name in ("indicators.csv", "comparison.gpkg", "depth_change.png"):
        assert str(out / name) in said
    assert (out / "depth_change.png").stat().st_size > 20_000
    houses = gpd.read_file(out / "comparison.gpkg", layer=BUILDINGS).set_index("building_id")
    assert before.buildings is not None
    assert after.buildings is not None
    first, last = (
        run.buildings.set_index("building_id")["max_water_depth"].fillna(0.0)  # type: ignore[union-attr]
        for run in (before, after)
    )
    changed = (last - first).abs() > 0.01
    assert changed.any()
    assert sorted(houses.index) == sorted(changed.index[changed])
    np.testing.assert_allclose(houses["depth_change_m"], (last - first)[houses.index])
    assert len(gpd.read_file(out / "comparison.gpkg", layer=ROADS))
    with sqlite3.connect(out / "comparison.gpkg") as database:
        styles = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles"))
    assert set(styles) == {BUILDINGS, ROADS}
    assert all('attr="depth_change_m"' in style for style in styles.values())
    assert write(twin.compare(before, after), tmp_path / "x.gpkg") == [tmp_path / "x.gpkg"]


DISTRICT = """[[measures]]
kind = "new_district"
at = [[653000.0, 6862300.0], [653300.0, 6862300.0], [653300.0, 6862600.0], [653000.0, 6862300.0]]
zones = "quarters"
values = { population = 1200.0 }
name = "Les Hauts"
"""


def test_a_new_district_adds_people_trips_and_emissions(runs: tuple[Result, Result], tmp_path: Path) -> None:
    file = tmp_path / "quartier.toml"
    text = SCENARIO.format(name="quartier", territory=samples.path("valmont"))
    file.write_text(text + DISTRICT, encoding="utf-8")
    after = twin.run(file, tmp_path / "run")
    table = twin.compare(runs[0], after)
    assert after.zones is not None
    new = after.zones[after.zones["name"] == "Les Hauts"].iloc[0]
    assert new["people"] == 1200.0
    assert new["trips_from"] == pytest.approx(0.25 * 1200.0)
    for key in ("co2", "vehicle_km", "traffic_hours", "within_10_min_hospital"):
        assert table.loc[key, "difference"] > 0.0, key
    assert table.loc["within_10_min_hospital", "difference"] == pytest.approx(1200.0)
    assert table.loc["trips_unserved", "difference"] == 0.0


def test_map_of_a_run_names_the_busiest_roads(runs: tuple[Result, Result], tmp_path: Path) -> None:
    figure = traffic(runs[0], tmp_path / "traffic.png", dpi=60)
    assert (tmp_path / "traffic.png").stat().st_size > 10_000
    said = {label.get_text() for label in figure.axes[0].texts}
    links = runs[0].links
    assert links is not None
    busiest = links[links["name"].isin(said)]["volume_veh_h"].max()
    assert busiest == pytest.approx(links[links["name"].notna()]["volume_veh_h"].max(), rel=1e-6)
