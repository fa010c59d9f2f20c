from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr

import twin
from tests import small
from twin import machine
from twin.errors import InputError, Interrupted, SolverError
from twin.features import WET_DEPTH
from twin.files import sha256
from twin.plugins import Parameters, Solver, coupling_order
from twin.recording import _inputs
from twin.results import Result
from twin.run_writer import DIAGNOSTIC_COLUMNS, GAUGE_COLUMNS, SECTION_COLUMNS
from twin.scenarios import Scenario
from twin.simulation import Progress, Simulation, resume, run
from twin.solvers.flood.solver import FloodSolver
from twin.water import permanent_water

FIELDS = {
    "water_depth", "velocity_x", "velocity_y", "max_water_depth", "max_water_level", "max_velocity",
    "max_rise_rate",
    "arrival_time", "wet_duration", "max_hazard_ppri", "max_hazard_people", "max_hazard_vehicles",
}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def whole(file: Path) -> Result:
    return run(file, file.parent / "whole")


def test_every_contract_file_is_there(whole: Result) -> None:
    names = {str(p.relative_to(whole.path)) for p in whole.path.rglob("*")}
    assert {
        "scenario.toml", "fields.zarr", "gauges.csv", "sections.csv", "traffic/links.gpkg",
        "traffic/link_series.zarr", "traffic/closures.json", "traffic/summary.json",
        "diagnostics.csv", "indicators.json",
        "provenance.json", "log.txt", "checkpoint/state.npz",
    } <= names  # fmt: skip
    assert set(whole.fields.data_vars) >= FIELDS
    assert whole.fields["water_depth"].dims == ("time", "y", "x")
    assert whole.fields["max_water_depth"].dims == ("y", "x")
    assert tuple(whole.gauges.columns) == GAUGE_COLUMNS
    assert tuple(whole.sections.columns) == SECTION_COLUMNS
    assert tuple(whole.diagnostics.columns) == DIAGNOSTIC_COLUMNS
    assert whole.status == "complete"
    assert not list(whole.path.parent.glob(".whole*")), "no temporary folder is left"


def test_outputs_land_exactly_on_their_times(whole: Result) -> None:
    np.testing.assert_array_equal(whole.times, [0, 120, 240, 360, 480, 600])
    assert sorted(set(whole.gauges["time_s"])) == [60.0 * k for k in range(11)]
    assert whole.diagnostics["time_s"].tolist() == [0, 120, 240, 360, 480, 600]
    assert whole.link_series is not None
    np.testing.assert_array_equal(whole.link_series["time"], [0, 300, 600])


def test_the_ledger_closes(whole: Result) -> None:
    last = whole.diagnostics.iloc[-1]
    gained = last["initial_m3"] + last["inflow_m3"] + last["rain_m3"] - last["outflow_m3"]
    assert last["volume_m3"] == pytest.approx(gained, rel=1e-12)
    assert abs(last["mass_error_m3"]) <= 1e-12 * last["inflow_m3"]
    # The hydrograph is integrated exactly: 20·120/2 + 20·240 + (20 + 2)/2·240 m³.
    assert last["inflow_m3"] == pytest.approx(1200 + 4800 + 2640, rel=1e-13)
    depth = whole.fields["water_depth"].isel(time=-1).values
    assert float(depth.sum(dtype=float)) * 100.0 == pytest.approx(last["volume_m3"], rel=1e-5)
    assert (whole.diagnostics["dt_s"].iloc[1:] > 0).all()


def test_maxima_bound_every_frame(whole: Result) -> None:
    assert (
        whole.fields["max_water_depth"].values >= whole.fields["water_depth"].max("time").values - 1e-6
    ).all()


def test_the_resolved_scenario_reads_back(whole: Result, file: Path) -> None:
    assert Scenario.open(whole.path / "scenario.toml") == Scenario.open(file)


def test_fields_are_cf(whole: Result) -> None:
    fields = xr.open_zarr(whole.path / "fields.zarr", consolidated=False, chunks=None)
    assert str(fields["time"].values[0]) == "2026-10-12T04:00:00.000000000"  # UTC
    assert fields["water_depth"].attrs["standard_name"] == "flood_water_thickness"
    assert fields["water_depth"].attrs["grid_mapping"] == "crs"
    assert "crs_wkt" in fields["crs"].attrs
    assert fields["y"].values[0] > fields["y"].values[-1]


def test_provenance_says_what_the_run_cost_and_read(whole: Result) -> None:
    record = json.loads((whole.path / "provenance.json").read_text(encoding="utf-8"))
    for key in (
        "twin",
        "packages",
        "threads",
        "seed",
        "wall_seconds",
        "cpu_seconds",
        "energy_wh",
        "energy_method",
    ):
        assert key in record
    layers = {item["layer"]: item for item in record["inputs"]}
    assert {"terrain", "roads", "buildings", "series"} <= set(layers)
    for item in layers.values():
        for digest in item["sha256"].values():
            assert len(digest) == 64


def test_every_file_that_is_read_is_an_input(tmp_path: Path) -> None:
    """Also from the run folder, where a resumed run reads its scenario: the hydrograph was lost there."""
    file = small.make(tmp_path / "town")
    town = file.parent
    (town / "rating.csv").write_text("level_m,discharge_m3_s\n99,0\n103,500\n", encoding="utf-8")
    shutil.copy(town / "terrain.tif", town / "depth.tif")
    more = (
        '[[boundaries.stretches]]\nat = "west_edge"\nkind = "rating_curve"\ntable = "rating.csv"\n'
        '[[events]]\nkind = "initial_water"\nat = "pool"\ndepth = "depth.tif"\n'
    )
    text = file.read_text(encoding="utf-8").replace('["flood", "traffic"]', '["flood"]')
    file.write_text(text + more, encoding="utf-8")
    (town / "run").mkdir()
    again = town / "run" / "scenario.toml"
    again.write_text(Scenario.open(file).to_toml(), encoding="utf-8")
    for source in (file, again):
        found = {
            record["layer"]: sorted(Path(name).name for name in record["source"])
            for record in _inputs(Simulation(Scenario.open(source)))
        }
        assert found["series"] == ["hydrograph.csv"]
        assert found["boundaries"] == ["rating.csv"]
        assert found["events"] == ["depth.tif"]
        assert found["places.zones"] == ["zones.gpkg"]
        assert found["territory"] == ["territory.toml"]
    [series] = [r for r in _inputs(Simulation(Scenario.open(again))) if r["layer"] == "series"]
    assert series["sha256"] == {str(town / "hydrograph.csv"): sha256(town / "hydrograph.csv")}


def equal(a: Result, b: Result) -> None:
    """Two runs are the same to the bit, the seconds they took aside."""
    xr.testing.assert_identical(a.fields.load(), b.fields.load())
    assert a.link_series is not None
    assert b.link_series is not None
    xr.testing.assert_identical(a.link_series.load(), b.link_series.load())
    for name in ("gauges.csv", "sections.csv"):
        assert (a.path / name).read_bytes() == (b.path / name).read_bytes()
    pd.testing.assert_frame_equal(
        a.diagnostics.drop(columns="seconds"), b.diagnostics.drop(columns="seconds"), check_exact=True
    )
    assert a.indicators == b.indicators


@pytest.mark.parametrize("stop", [130.0, 300.0, 301.0])
def test_a_resumed_run_equals_the_uninterrupted_one(
    whole: Result, file: Path, tmp_path: Path, stop: float
) -> None:
    def ctrl_c(progress: Progress) -> None:
        if progress.time >= stop and not sent:
            sent.append(progress.time)
            signal.raise_signal(signal.SIGINT)

    sent: list[float] = []
    # Progress is told at landings and every 0.2 s: a checkpoint at each step makes every step one.
    with pytest.raises(Interrupted, match="twin resume") as error:
        run(file, tmp_path / "cut", progress=ctrl_c, checkpoint_every=1e9)
    assert error.value.exit_code == 130
    cut = Result.open(tmp_path / "cut")
    assert cut.status == "interrupted"
    assert cut.times[-1] <= sent[0]
    assert cut.indicators, "what is known so far is written"
    equal(resume(tmp_path / "cut"), whole)


def test_a_run_is_not_resumed_on_other_inputs(tmp_path: Path) -> None:
    """Its second half would be that of another flood."""
    sent: list[float] = []

    def ctrl_c(progress: Progress) -> None:
        if progress.time >= 130.0 and not sent:
            sent.append(progress.time)
            signal.raise_signal(signal.SIGINT)

    file = small.make(tmp_path / "town")
    with pytest.raises(Interrupted):
        run(file, tmp_path / "cut", progress=ctrl_c)
    series, terrain = file.parent / "hydrograph.csv", file.parent / "terrain.tif"
    before = series.read_bytes()
    series.write_text("time_s,discharge_m3_s\n0,0\n600,900\n", encoding="utf-8")
    terrain.rename(tmp_path / "terrain.tif")
    with pytest.raises(InputError, match=r"hydrograph\.csv has changed") as error:
        resume(tmp_path / "cut")
    assert f"{terrain} is no longer there" in str(error.value)
    assert Result.open(tmp_path / "cut").status == "interrupted"
    series.write_bytes(before)
    (tmp_path / "terrain.tif").rename(terrain)
    assert resume(tmp_path / "cut").status == "complete"


def test_a_run_that_is_going_on_is_not_resumed(whole: Result, tmp_path: Path) -> None:
    """Two processes would write one folder."""
    going = shutil.copytree(whole.path, tmp_path / "going")
    file = going / "provenance.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["process"] == machine.process(os.getpid())
    if record["process"] is None:
        pytest.skip("only Linux tells of processes")
    other = machine.process(os.getppid())
    file.write_text(json.dumps(record | {"status": "running", "process": other}), encoding="utf-8")
    with pytest.raises(InputError, match=f"process {os.getppid()}"):
        resume(going)
    # Another process has had its number since.
    file.write_text(json.dumps(record | {"status": "running", "process": f"{other}x"}), encoding="utf-8")
    assert resume(going).status == "complete"


def test_checkpoints_never_change_a_step_and_outputs_beyond_one_are_cut(
    whole: Result, file: Path, tmp_path: Path
) -> None:
    class Pulled(BaseException):
        """The plug is pulled: nothing of ours gets to tidy up."""

    def pull(progress: Progress) -> None:
        if progress.time >= 450.0:
            raise Pulled

    with pytest.raises(Pulled):
        run(file, tmp_path / "cut", progress=pull, checkpoint_every=0.0)
    assert Result.open(tmp_path / "cut").status == "failed"
    equal(resume(tmp_path / "cut"), whole)


@pytest.mark.parametrize("room", [27, 35, 39, 41])  # a table, the roads, the map, the count
def test_a_full_disk_leaves_whole_images_and_a_run_that_goes_on(
    whole: Result, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """`room` writes of images and tables, then a half one, and no file can be made any more."""
    write, make_folder, left = os.write, tempfile.mkdtemp, iter(range(room))
    links = tmp_path / "full" / "traffic" / "link_series.zarr"
    full: list[bool] = []

    def half(file: int, content: bytes) -> int:
        if not links.exists() or next(left, None) is not None:  # the stores are made before
            return write(file, content)
        full.append(True)
        write(file, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def folder(**how: Any) -> str:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(how["dir"]))
        return make_folder(**how)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        patched.setattr(tempfile, "mkdtemp", folder)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as error:
            run(file, tmp_path / "full", checkpoint_every=0.0)
    assert len(full) == 1, "the first refusal is told, not that of the note about it"
    assert Path(error.value.filename).is_relative_to(tmp_path / "full" / "")
    stopped = Result.open(tmp_path / "full")
    assert stopped.status == "running", "nothing could be noted any more"
    assert len(stopped.times) > 1
    seen = stopped.fields.load()
    xr.testing.assert_equal(seen, whole.fields[list(seen.variables)].isel(time=slice(len(seen.time))))
    assert not list(stopped.path.rglob(".partial"))
    equal(resume(stopped.path), whole)


def test_a_solver_that_stops_leaves_its_last_good_state(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_step = FloodSolver.advance

    def step(self: FloodSolver, t: float, t_end: float) -> tuple[float, int, float]:
        if t >= 240.0:
            raise SolverError("flood", "too fast", time=t, cell=(3, 4), values={"speed": 99.0}, cause="a pit")
        return whole_step(self, t, t_end)

    monkeypatch.setattr(FloodSolver, "advance", step)
    with pytest.raises(SolverError, match=r"cell \(row, column\) = \(3, 4\)"):
        run(file, tmp_path / "run")
    failed = Result.open(tmp_path / "run")
    assert failed.status == "failed"
    assert "a pit" in failed.provenance["error"]
    assert failed.times.tolist() == [0.0, 120.0, 240.0]
    assert failed.indicators["flooded_area"]["value"] > 0
    assert (failed.path / "checkpoint" / "state.npz").exists()


def test_a_complete_run_is_not_resumed(whole: Result) -> None:
    with pytest.raises(InputError, match="complete"):
        resume(whole.path)


def test_a_run_is_not_overwritten_unasked(whole: Result, file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not empty"):
        run(file, whole.path)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="no run"):
        run(file, mine, overwrite=True)
    assert (mine / "letter.txt").exists()


def test_bad_input_leaves_no_folder(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    scenario = small.make(folder)
    scenario.write_text(
        scenario.read_text(encoding="utf-8").replace('at = "middle"', 'at = "nowhere"'), encoding="utf-8"
    )
    with pytest.raises(InputError, match="nowhere"):
        run(scenario, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_flood_needs_no_road_for_cars_and_traffic_says_that_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_LANG", "en")
    file = small.make(tmp_path / "town")
    data = file.parent / "bdtopo.gpkg"
    paths, buildings = (gpd.read_file(data, layer=name) for name in ("troncon_de_route", "batiment"))
    data.unlink()
    paths.assign(nature="Sentier", acces_vehicule_leger="Physiquement impossible").to_file(
        data, layer="troncon_de_route"
    )
    buildings.to_file(data, layer="batiment")
    with pytest.raises(InputError, match=r"not one of \d+ roads is drivable"):
        Simulation(Scenario.open(file)).step_until(60.0)
    head, _, demand = file.read_text("utf-8").rpartition("[[events]]")
    written = head + demand[demand.index("[boundaries]") :]
    for old, new in (
        ('"flood", "traffic"', '"flood"'),
        ("10 min", "1 min"),
        ("[params.traffic]\nevery", "#"),
    ):
        written = written.replace(old, new)
    file.write_text(written, "utf-8")
    result = run(file, tmp_path / "run")
    assert result.status == "complete"
    said = {record["layer"]: record.get("notes") for record in result.provenance["inputs"]}
    assert any("roads is drivable" in note for note in said["roads"])


def test_the_loop_is_in_the_users_hands(file: Path) -> None:
    simulation = Simulation(Scenario.open(file))
    seen = [step for step in simulation.steps() if step.solver == "flood"]
    assert seen[0].start == 0.0
    assert seen[-1].end == 600.0
    assert all(a.end == b.start for a, b in pairwise(seen))
    assert simulation.fields["water_depth"].max() > 0


def test_a_hot_start_begins_where_the_other_run_ended(whole: Result, file: Path, tmp_path: Path) -> None:
    text = file.read_text(encoding="utf-8")
    again = file.parent / "hot.toml"
    again.write_text(
        text.replace("[outputs]", f'[initial]\nfrom_run = "{whole.path}"\n[outputs]'), encoding="utf-8"
    )
    hot = Simulation(Scenario.open(again))
    np.testing.assert_array_equal(
        hot.fields["water_depth"].astype("float32"), whole.fields["water_depth"].isel(time=-1).values
    )


def _hot(file: Path, earlier: Result, more: str = "") -> Path:
    """A minute of the small scenario that goes on from a run."""
    text = file.read_text(encoding="utf-8").replace('duration = "10 min"', 'duration = "1 min"')
    for event in ("rainfall", "inflow"):
        text = text.replace(f'[[events]]\nkind = "{event}"', f'[[events]]\nstart = "59 s"\nkind = "{event}"')
    text = text.replace('duration = "4 min"', 'duration = "1 s"').replace('every = "2 min"', 'every = "30 s"')
    again = file.parent / f"{len(list(file.parent.iterdir()))}.toml"
    initial = f'[initial]\nfrom_run = "{earlier.path}"\n{more}[outputs]'
    again.write_text(text.replace("[outputs]", initial), encoding="utf-8")
    return again


def test_a_flood_goes_on_over_a_hot_start(whole: Result, file: Path, tmp_path: Path) -> None:
    """What the earlier run flooded was "permanent water" in the next: 0 ha, no building, all streets open."""
    left = np.nan_to_num(whole.fields["water_depth"].isel(time=-1).values) > WET_DEPTH
    second = run(_hot(file, whole), tmp_path / "second")
    third = run(_hot(file, second), tmp_path / "third")
    assert whole.link_series is not None
    closed = whole.link_series["closed"].isel(time=-1).values
    assert closed.any()
    for result in (second, third):
        assert not permanent_water(result).any()
        area = float(left.sum()) * result.grid.area_m2 / 1e4
        assert result.indicators["flooded_area"]["value"] >= 0.9 * area
        assert result.indicators["buildings_touched"]["value"] > 0
        assert result.indicators["roads_cut"]["value"] > 0
        assert result.link_series is not None
        assert result.link_series["closed"].isel(time=0).values.sum() >= 0.9 * closed.sum()
    spun_up = run(_hot(file, whole, 'water = "permanent"\n'), tmp_path / "spun_up")
    assert (permanent_water(spun_up) == left).all()
    assert spun_up.indicators["start_under_water"]["value"] > 0
    assert "start_under_water" not in second.indicators
    assert any(
        'water = "permanent"' in told for told in Simulation(Scenario.open(_hot(file, whole))).cautions
    )
    after = Simulation(Scenario.open(_hot(file, spun_up)))
    assert not any("permanent" in told for told in after.cautions)
    assert after.permanent_depth is not None
    assert ((after.permanent_depth > WET_DEPTH) == left).all()


def test_a_hot_start_from_a_run_that_does_not_know_its_permanent_water(
    whole: Result, file: Path, tmp_path: Path
) -> None:
    old = run(_hot(file, whole), tmp_path / "old")
    shutil.rmtree(old.path / "fields.zarr" / "permanent_depth")
    old = Result.open(old.path)
    with pytest.raises(InputError, match="permanent") as caught:
        Simulation(Scenario.open(_hot(file, old)))
    assert caught.value.problems[0].key == "initial.water"
    Simulation(Scenario.open(_hot(file, old, 'water = "permanent"\n')))


def test_initial_water_that_is_a_flood_counts(file: Path, tmp_path: Path) -> None:
    """It did for traffic alone; and nobody was told what stood in water that was taken as permanent."""
    water = '[[events]]\nkind = "initial_water"\nlevel = "100.3 m"\n[boundaries]'
    text = file.read_text(encoding="utf-8").replace('duration = "10 min"', 'duration = "1 min"')
    text = text.replace('duration = "4 min"', 'duration = "1 min"').replace("[boundaries]", water)
    found = {}
    for kind in ("permanent", "flood"):
        again = file.parent / f"initial_{kind}.toml"
        told = f'[params.traffic]\ninitial_water = "{kind}"'
        again.write_text(text.replace("[params.traffic]", told), encoding="utf-8")
        found[kind] = run(again, tmp_path / kind)
    assert permanent_water(found["permanent"]).any()
    assert not permanent_water(found["flood"]).any()
    areas = [found[kind].indicators["flooded_area"]["value"] for kind in ("permanent", "flood")]
    assert areas[1] > areas[0] + 1.0
    told = found["permanent"].indicators["start_under_water"]
    assert told["value"] > 0
    assert "initial_water" in told["method"]
    assert "initial_water" in told["method_en"]
    assert "start_under_water" not in found["flood"].indicators
    log = (found["permanent"].path / "log.txt").read_text(encoding="utf-8")
    assert told["method_en"] in log


def test_a_hot_start_needs_the_same_bed_under_its_water(whole: Result, tmp_path: Path) -> None:
    """Its depths on another bed are other levels; on dry land the ground may have changed."""
    depth = np.nan_to_num(whole.fields["water_depth"].isel(time=-1).values)
    for name, flat in (("dry", depth.argmin()), ("wet", depth.argmax())):
        cell = np.unravel_index(flat, depth.shape)
        hot = small.make(tmp_path / name)
        with rasterio.open(hot.parent / "terrain.tif", "r+") as raster:
            values = raster.read(1)
            values[cell] += 0.5
            raster.write(values, 1)
        text = hot.read_text(encoding="utf-8")
        hot.write_text(text.replace("[outputs]", f'[initial]\nfrom_run = "{whole.path}"\n[outputs]'), "utf-8")
        if name == "dry":
            assert Simulation(Scenario.open(hot)).fields["water_depth"].max() > 0.1
        else:
            with pytest.raises(InputError, match=r": 1 cells under water .* up to 0\.5 m"):
                Simulation(Scenario.open(hot))


def test_a_hot_start_needs_cells_of_the_same_kind(whole: Result, file: Path, tmp_path: Path) -> None:
    """Depths of cells that carry the fine terrain are volumes over channels, not over a flat bed."""
    fine = shutil.copytree(whole.path, tmp_path / "fine")
    table = (fine / "scenario.toml").read_text(encoding="utf-8")
    assert "subgrid = false" in table
    (fine / "scenario.toml").write_text(table.replace("subgrid = false", "subgrid = true"), encoding="utf-8")
    again = file.parent / "hot_fine.toml"
    text = file.read_text(encoding="utf-8")
    again.write_text(text.replace("[outputs]", f'[initial]\nfrom_run = "{fine}"\n[outputs]'), "utf-8")
    with pytest.raises(InputError, match="subgrid = true"):
        Simulation(Scenario.open(again))


def test_a_hot_start_needs_a_run_that_came_to_its_end(whole: Result, file: Path, tmp_path: Path) -> None:
    cut = shutil.copytree(whole.path, tmp_path / "cut")
    told = json.loads((cut / "provenance.json").read_text(encoding="utf-8"))
    (cut / "provenance.json").write_text(json.dumps(told | {"status": "interrupted"}), encoding="utf-8")
    again = file.parent / "hot_cut.toml"
    text = file.read_text(encoding="utf-8")
    again.write_text(text.replace("[outputs]", f'[initial]\nfrom_run = "{cut}"\n[outputs]'), encoding="utf-8")
    with pytest.raises(InputError, match="resume"):
        Simulation(Scenario.open(again))


def test_compare_puts_two_runs_side_by_side(whole: Result, file: Path) -> None:
    drier = file.parent / "drier.toml"
    drier.write_text(file.read_text(encoding="utf-8").replace('"Small flood"', '"Drier"'), encoding="utf-8")
    (file.parent / "small.csv").write_text("time_s,discharge_m3_s\n0,1\n", encoding="utf-8")
    drier.write_text(
        drier.read_text(encoding="utf-8").replace("hydrograph.csv", "small.csv"), encoding="utf-8"
    )
    table = twin.compare(run(drier, file.parent / "drier"), whole)
    row = table.loc["flooded_area"]
    assert row["Small flood"] > row["Drier"]
    assert row["difference"] == pytest.approx(row["Small flood"] - row["Drier"])


class _Rain(Solver):
    name = "rain"
    writes = ("rain",)
    Parameters = Parameters

    def __init__(self, domain: object, scenario: object, fields: dict[str, np.ndarray]) -> None: ...
    def step(self, t: float, t_end: float) -> float:
        return t_end

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def restore(self, state: dict[str, np.ndarray]) -> None: ...


class _River(_Rain):
    name = "river"
    reads = ("rain",)
    writes = ("river",)


class _Road(_Rain):
    name = "road"
    reads = ("river", "road")
    writes = ("road",)


def test_who_writes_comes_before_who_reads() -> None:
    assert coupling_order([_Road, _River, _Rain]) == [_Rain, _River, _Road]


def test_two_writers_of_one_variable_are_refused() -> None:
    class Other(_Rain):
        name = "other"

    with pytest.raises(InputError, match="written by several: rain, other"):
        coupling_order([_Rain, Other])


def test_solvers_that_wait_for_each_other_are_refused() -> None:
    class Circle(_Rain):
        reads = ("road",)

    with pytest.raises(InputError, match="wait for each other"):
        coupling_order([Circle, _River, _Road])
