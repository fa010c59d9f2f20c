"""What a planner writes: every kind of event, alone and all together, and what is said of mistakes."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests import small
from twin import cli
from twin.errors import InputError, Interrupted
from twin.results import Result
from twin.scenarios import Scenario
from twin.simulation import Progress, Simulation, relative_mass_error, resume, run

DIKE = '[[measures]]\nkind = "dike"\nalong = "bank"\ncrest = "103 m"\n'

EVENTS = {
    "rainfall": 'intensity = "60 mm/h"\nduration = "1 min"',
    "rainfall series": 'series = "rain.csv"',
    "inflow": 'at = "middle"\ndischarge = "hydrograph.csv"',
    "inflow momentum": 'at = "west_edge"\ndischarge = "15 m3/s"\nmomentum = true',
    "water_level": 'at = "west_edge"\nlevel = "101.5 m"\nend = "50 s"',
    "initial_water": 'at = "pool"\nlevel = "101 m"',
    "storm_drain": 'capacity = "30 mm/h"',
    "culvert": 'from = "middle"\nto = [650455.0, 6860205.0]\nwidth = 2\nheight = "1.5 m"\nlength = "30 m"',
    "weir": 'from = "middle"\nto = [650335.0, 6860205.0]\ncrest = "99.6 m"\nwidth = "8 m"',
    "bridge_opening": 'from = "middle"\nto = [650345.0, 6860235.0]\nwidth = "6 m"\nsoffit = "102 m"',
    "gate": 'from = "middle"\nto = [650325.0, 6860175.0]\nwidth = 3\nheight = 1\n'
    'open_above = "99.7 m"\nclose_below = "99.5 m"',
    "pump": 'from = "middle"\nrate = "0.5 m3/s"\non_level = "99.8 m"\noff_level = "99.6 m"',
    "breach": 'at = "bank"\nlevel = "99.2 m"\nmethod = "froehlich_2008"\nvolume = "50000 m3"\n'
    'bottom = "99 m"',
    "breach overtopped": 'at = [650405.0, 6860100.0]\novertopping = "1 cm"\nwidth = "20 m"\n'
    'duration = "1 min"',
    "wave_overtopping": 'along = "bank"\nlandward = "right"\nwater_level = "102.5 m"\nwave_height = "1.5 m"\n'
    'wave_period = "6 s"\ncrest = "104 m"\nslope = 3',
}


def _file(folder: Path, *names: str, duration: str = "2 min", extra: str = "", **replaced: str) -> Path:
    """A scenario of the small territory with some events of `EVENTS` (or texts given by name)."""
    file = small.make(folder)
    (folder / "rain.csv").write_text("time_s,rain_mm_h\n0,0\n60,80\n120,0\n", encoding="utf-8")
    (folder / "february.csv").write_text(
        "time,discharge_m3_s\n2027-02-01T00:00:00Z,1\n2027-02-02T00:00:00Z,2\n", encoding="utf-8"
    )
    content = file.read_text(encoding="utf-8")
    head = content.partition("[[events]]")[0].replace('["flood", "traffic"]', '["flood"]')
    head = head.replace('[params.traffic]\nevery = "5 min"\n', "").replace("10 min", duration)
    events = "".join(
        f'[[events]]\nkind = "{name.split()[0]}"\n{replaced.get(name.replace(" ", "_")) or EVENTS[name]}\n'
        for name in names
    )
    tail = '[outputs]\nevery = "1 min"\ngauges = ["middle"]\ngauges_every = "30 s"\nsections = ["across"]\n'
    file.write_text(head + events + DIKE + extra + tail, encoding="utf-8")
    return file


def _bind(file: Path) -> Simulation:
    scenario = Scenario.open(file)
    if problems := scenario.check():
        raise InputError(problems)
    return Simulation(scenario)


@pytest.mark.parametrize("name", EVENTS)
def test_every_kind_of_event_runs_from_its_file(tmp_path: Path, name: str) -> None:
    """Structures need water to pass: the inflow at their upper end comes with them."""
    wet = name.split()[0] in ("culvert", "weir", "bridge_opening", "gate", "pump", "breach")
    names = ("inflow", name) if wet and not name.startswith("inflow") else (name,)
    file = _file(tmp_path / "s", *names)
    assert Scenario.open(file).check() == []
    result = run(file, tmp_path / "run")
    assert result.status == "complete"
    books = result.diagnostics.iloc[-1]
    exchanged = books[["initial_m3", "inflow_m3", "rain_m3", "outflow_m3"]].max()
    assert abs(books["mass_error_m3"]) <= 1e-12 * max(exchanged, books["volume_m3"])
    if name not in ("storm_drain",):
        assert exchanged > 0.0
    again = Scenario.open(tmp_path / "run/scenario.toml")
    assert again.events == Scenario.open(file).events


INFILTRATION = """[params.flood.infiltration]
method = "green_ampt"
conductivity = "20 mm/h"
suction = "110 mm"
deficit = 0.3
initial_loss = "1 mm"
"""
STRETCHES = """[boundaries]
east = "open"
[[boundaries.stretches]]
at = [[650600.0, 6860400.0], [650600.0, 6860300.0]]
kind = "normal_depth"
slope = 0.002
[[boundaries.stretches]]
at = [[650600.0, 6860300.0], [650600.0, 6860200.0]]
kind = "rating_curve"
table = "rating.csv"
[[boundaries.stretches]]
at = [[650600.0, 6860200.0], [650600.0, 6860150.0]]
kind = "normal_depth"
slope = 0.004
[[boundaries.stretches]]
at = [[650600.0, 6860100.0], [650600.0, 6860050.0]]
kind = "rating_curve"
table = "rating.csv"
[[boundaries.stretches]]
at = [[650100.0, 6860000.0], [650300.0, 6860000.0]]
kind = "open"
"""


def _everything(folder: Path, **more: str) -> Path:
    file = _file(folder, *EVENTS, extra=STRETCHES + INFILTRATION, **more)
    (folder / "rating.csv").write_text("level_m,discharge_m3_s\n98,0\n99,2\n100,20\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_everything_at_once_closes_and_restarts_to_the_bit(tmp_path: Path, scheme: str) -> None:
    file = _everything(tmp_path)
    text = file.read_text(encoding="utf-8").replace(
        "[params.flood.infiltration]", f'[params.flood]\nscheme = "{scheme}"\n[params.flood.infiltration]'
    )
    file.write_text(text, encoding="utf-8")
    straight, first, second = (_bind(file) for _ in range(3))
    for _ in straight.steps():
        pass
    stopped = None
    for step in first.steps():
        if step.end >= 70.0:
            stopped = first.state()
            break
    assert stopped is not None
    second.restore(*stopped)
    for _ in second.steps():
        pass
    for name, values in straight.solvers[0].state().items():
        np.testing.assert_array_equal(values, second.solvers[0].state()[name], err_msg=name)
    assert relative_mass_error(straight) <= 1e-13
    books = straight.solvers[0].ledger()
    for name in ("inflow", "outflow", "rain", "infiltration", "drain"):
        assert books[f"{name}_m3"] > 0.0, name
    told = straight.solvers[0].summary()
    passed = {row["structure"]: row["volume_m3"] for row in told["structures"]}
    assert all(volume != 0.0 for volume in passed.values()), passed
    assert told["breaches"][0]["began_s"] is not None


@pytest.mark.parametrize(
    ("name", "text", "key", "hint"),
    [
        ("rainfall", 'intensity = "60 mm/h"\nseries = "rain.csv"', "events[1]", "exactly one"),
        ("rainfall", 'intensity = "-3 mm/h"', "events[1].intensity", "0 or more"),
        ("rainfall", 'intensty = "60 mm/h"', "intensty", "intensity"),
        ("inflow", 'at = "midle"\ndischarge = "1 m3/s"', "events[1].at", "middle"),
        ("inflow", 'at = "middle"\ndischarge = "1 m"', "events[1].discharge", "m**3/s"),
        ("inflow", 'at = "middle"\ndischarge = "hydrogaph.csv"', "discharge", "hydrograph.csv"),
        ("inflow", 'at = "middle"\ndischarge = "1 m3/s"\nmomentum = true', "direction", "degrees from north"),
        ("inflow", 'at = [650305.0, 6870205.0]\ndischarge = "1 m3/s"', "events[1].at", ""),
        ("water_level", 'at = "west_edge"\nlevel = "3 km/h"', "events[1].level", "m"),
        ("initial_water", 'at = "pool"\nlevel = 1\ndepth = 1', "events[1]", "exactly one"),
        ("storm_drain", 'at = "pool"\ncapacity = "-1 mm/h"', "capacity", ""),
        ("culvert", 'from = "middle"\nto = "pool"\nlength = 3', "events[1]", "diameter, or width"),
        ("weir", 'from = "middle"\nto = "pool"\ncrest = 100\nwidth = 0', "width", ""),
        ("bridge_opening", 'from = "middle"\nto = "pool"\nwidth = 3\nsill=99\nsoffit=98', "soffit", "sill"),
        ("gate", 'from = "middle"\nto = "pool"\nwidth = 3\nheight = 1\nopen_above = 9', "events[1]", "close"),
        ("pump", 'from = "middle"\nrate = "1 m3/s"\non_level = 9\noff_level = 10', "events[1]", "off_level"),
        ("breach", 'at = "bank"\nmethod = "froehlich_2008"', "events[1]", "volume"),
        ("breach", 'at = "bank"\nmethod = "froelich_2008"\nvolume = 3', "method", "froehlich_2008"),
        ("breach", 'at = "across"\nwidth = 3\nduration = 60', "events[1].at", "dike"),
        ("breach", 'at = "bank"\nwidth = 3\nduration = 60\nstart = "3 m"', "start", "s"),
        ("wave_overtopping", EVENTS["wave_overtopping"].replace('"6 s"', '"0.1 kg"'), "wave_period", "s"),
        ("inflow", 'at = "middle"\ndischarge = 1\nstart = "5 min"\nend = 60', "events[1].end", "after"),
        ("inflow", 'at = "middle"\ndischarge = "february.csv"', "events[1].discharge", "covers the run"),
        ("inflow", 'at = "middle"\ndischarge = 1\nstart = "10 h"', "events[1].start", "36000 to ∞ s"),
        ("inflow", 'at = "middle"\ndischarge = 1\nend = 2026-10-12T05:00:00+02:00', "events[1].end", "after"),
        ("rainfall", 'intensity = 1e-6\nstart = "2026-10-12T03:00"\nduration = "1 h"', "start", "-10800 to"),
        ("road_closure", 'at = "across"\nstart = "2026-11-12T07:00"', "events[1].start", "0 to 120 s"),
        ("initial_water", 'at = "pool"\nlevel = 101\nstart = "1 min"', "events[1]", "no start and no end"),
        ("water_level", 'at = "west_edge"\nlevel = "90 m"', "events[1].level", "over the bed"),
        ("water_level", 'at = "west_edge"\nlevel = 10150', "events[1].level", "unit and the zero"),
        ("initial_water", 'at = "pool"\nlevel = "4.2 m"', "events[1].level", "datum of the terrain"),
        ("weir", 'from = "middle"\nto = "pool"\ncrest = 3\nwidth = 2', "events[1].crest", "datum"),
        ("culvert", 'from = "middle"\nto = "pool"\ndiameter = 800\nlength = 30', "diameter", "50"),
        ("breach", 'at = "bank"\nlevel = 9.9\nwidth = 3\nduration = 60', "events[1].level", "datum"),
    ],
)  # fmt: skip
def test_each_mistake_has_one_clear_problem(
    tmp_path: Path, name: str, text: str, key: str, hint: str
) -> None:
    file = _file(tmp_path, name, **{name: text})
    with pytest.raises(InputError) as error:
        _bind(file)
    assert len(error.value.problems) == 1, error.value
    said = str(error.value)
    assert key in said
    assert hint in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("breach", 'at = "across"\nwidth = 3\nduration = 60'),
        ("wave_overtopping", EVENTS["wave_overtopping"].replace('"bank"', '"middle"')),
        ("culvert", EVENTS["culvert"].replace("[650455.0, 6860205.0]", '"middle"')),
        ("water_level", 'at = "west_edge"\nlevel = "90 m"'),
    ],
)
def test_twin_check_finds_what_only_the_grid_tells(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["check", str(_file(tmp_path, name, **{name: text}))])
    assert left.value.code == 2


def test_all_that_only_the_grid_tells_is_said_at_once(tmp_path: Path) -> None:
    file = _file(
        tmp_path, "inflow", "culvert", "water_level",
        inflow='at = "middle"\ndischarge = "1 m3/s"\nmomentum = true',
        culvert=EVENTS["culvert"].replace("[650455.0, 6860205.0]", '"middle"'),
        water_level='at = "middle"\nlevel = "101 m"',
    )  # fmt: skip
    with pytest.raises(InputError) as error:
        _bind(file)
    assert {p.key for p in error.value.problems} == {"events[1].direction", "events[2].to"}


def test_a_rating_curve_in_another_datum_is_refused(tmp_path: Path) -> None:
    file = _everything(tmp_path)
    (tmp_path / "rating.csv").write_text("level_m,discharge_m3_s\n8,0\n9,2\n10,20\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        _bind(file)
    keys = [p.key for p in error.value.problems]
    assert keys == ["boundaries.stretches[2].table", "boundaries.stretches[4].table"]


def test_a_volume_or_decay_in_a_wrong_unit_is_told_with_its_place(tmp_path: Path) -> None:
    """Neither file nor event was named, and nothing else that was wrong."""
    breach = 'at = "bank"\nmethod = "froehlich_2008"\nvolume = "5 mm"'
    file = _file(tmp_path, "inflow", "breach", breach=breach, inflow='at = "midle"\ndischarge = 1')
    with pytest.raises(InputError) as error:
        _bind(file)
    assert {(p.where, p.key) for p in error.value.problems} == {
        (str(file), "events[1].at"), (str(file), "events[2].volume"),
    }  # fmt: skip
    soil = '[params.flood.infiltration]\nmethod = "horton"\ncapacity_start = 1e-5\n'
    soil += 'capacity_end = 1e-6\ndecay = "4 h"\n'
    file = _file(tmp_path, "inflow", inflow='at = "midle"\ndischarge = 1', extra=soil)
    with pytest.raises(InputError) as error:
        _bind(file)
    assert {p.key for p in error.value.problems} == {"events[1].at", "params.flood.infiltration.decay"}


def test_an_unknown_kind_is_answered_with_the_nearest(tmp_path: Path) -> None:
    file = _file(tmp_path, "pump")
    file.write_text(file.read_text(encoding="utf-8").replace('"pump"', '"pmup"'), encoding="utf-8")
    with pytest.raises(InputError, match="pump"):
        Scenario.open(file)


def _rain(folder: Path, minutes: int, start: str = "", method: str = "") -> Path:
    return _file(
        folder, "rainfall", duration=f"{minutes} min", rainfall='intensity = "120 mm/h"',
        extra=start + (method or INFILTRATION),
    )  # fmt: skip


def test_a_hot_start_carries_what_the_soil_took(tmp_path: Path) -> None:
    """Twenty minutes of rain in one run, and in two of which the second goes on where the first ended."""
    whole = run(_rain(tmp_path / "w", 20), tmp_path / "whole")
    first = run(_rain(tmp_path / "a", 10), tmp_path / "first")
    hot = f'[initial]\nfrom_run = "{tmp_path / "first"}"\n'
    second = run(_rain(tmp_path / "b", 10, hot), tmp_path / "second")
    fresh = run(_rain(tmp_path / "c", 10, hot + 'soil = "fresh"\n'), tmp_path / "fresh")
    taken = [float(r.diagnostics["infiltration_m3"].iloc[-1]) for r in (whole, first, second, fresh)]
    assert taken[1] + taken[2] == pytest.approx(taken[0], rel=2e-3)
    assert taken[3] > 1.05 * taken[2], "a fresh soil takes more"
    end = float(first.diagnostics["volume_m3"].iloc[-1])
    assert float(second.diagnostics["initial_m3"].iloc[0]) == pytest.approx(end, rel=1e-14)
    depths = [r.fields["water_depth"].isel(time=-1).values for r in (whole, second)]
    np.testing.assert_allclose(depths[1], depths[0], atol=2e-3)
    horton = INFILTRATION.partition("method")[0] + (
        'method = "horton"\ncapacity_start = "50 mm/h"\ncapacity_end = "5 mm/h"\ndecay = "4 1/h"\n'
    )
    with pytest.raises(InputError, match="fresh"):
        _bind(_rain(tmp_path / "d", 10, hot, horton))


def test_flooded_ground_takes_water_after_a_hot_start(tmp_path: Path) -> None:
    """The earlier run had no soil: what it flooded was a river bed here, which takes nothing."""
    first = run(_file(tmp_path / "a", "inflow", duration="3 min"), tmp_path / "first")
    taken = {}
    for water in ("carried", "permanent"):
        hot = f'[initial]\nfrom_run = "{first.path}"\nwater = "{water}"\n'
        made = _file(tmp_path / water, "inflow", duration="1 min", extra=hot + INFILTRATION)
        taken[water] = float(run(made, tmp_path / f"{water}_run").diagnostics["infiltration_m3"].iloc[-1])
    assert taken["carried"] > 1.2 * taken["permanent"]


def test_a_resumed_hot_start_needs_its_earlier_run_no_more(tmp_path: Path) -> None:
    """All that came of it is in the checkpoint, also which ground its water covered: that takes nothing."""

    def file(name: str, hot: str = "") -> Path:
        names = {"rainfall": 'intensity = "120 mm/h"', "storm_drain": 'capacity = "30 mm/h"'}
        events = ("inflow", *names)
        return _file(tmp_path / name, *events, duration="3 min", extra=hot + INFILTRATION, **names)

    first = run(file("first"), tmp_path / "first_run")
    hot = file("second", f'[initial]\nfrom_run = "{first.path}"\nsoil = "fresh"\n')
    whole = run(hot, tmp_path / "whole")

    sent: list[float] = []

    def ctrl_c(progress: Progress) -> None:
        if progress.time >= 90.0 and not sent:
            sent.append(progress.time)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        run(hot, tmp_path / "cut", progress=ctrl_c)
    shutil.rmtree(first.path)
    resumed = resume(tmp_path / "cut")
    assert whole.fields["water_depth"].isel(time=0).max() > 0.1, "such depth is a bed, no ground"
    xr.testing.assert_identical(resumed.fields.load(), whole.fields.load())
    for column in ("infiltration_m3", "drain_m3"):
        assert resumed.diagnostics[column].iloc[-1] == whole.diagnostics[column].iloc[-1] > 0.0
    said = [{record["layer"] for record in result.provenance["inputs"]} for result in (whole, resumed)]
    assert said[0] == said[1] >= {"initial", "series"}


def test_a_breach_of_the_earlier_run_may_be_after_this_one(tmp_path: Path) -> None:
    """The same event in both runs carries it on; in a run by itself it would never happen."""
    late = 'at = "bank"\nstart = "1 h"\nwidth = "30 m"\nduration = "6 min"'
    alone = Scenario.open(_file(tmp_path / "a", "breach", breach=late)).check()
    assert [problem.key for problem in alone] == ["events[1].start"]
    hot = _file(tmp_path / "b", "breach", breach=late, extra='[initial]\nfrom_run = "none"\n')
    assert [problem.key for problem in Scenario.open(hot).check()] == ["initial.from_run"]


def test_a_hot_start_carries_breaches_and_gates(tmp_path: Path) -> None:
    """A breach grows over the seam between two runs, and a gate stays open between its two levels."""
    slow = 'at = [650405.0, 6860100.0]\nstart = "1 min"\nwidth = "30 m"\nduration = "6 min"\nbottom = "99 m"'
    names = {"inflow": 'at = "middle"\ndischarge = "15 m3/s"', "breach": slow}

    def made(name: str, minutes: int, extra: str = "") -> Result:
        file = _file(
            tmp_path / name, "inflow", "breach", "gate", duration=f"{minutes} min", extra=extra, **names
        )
        return run(file, tmp_path / f"{name}_run")

    whole, first = made("whole", 6), made("first", 3)
    hot = f'[initial]\nfrom_run = "{first.path}"\n'
    second = made("second", 3, hot)
    told = [json.loads((r.path / "flood/summary.json").read_text())["breaches"][0] for r in (whole, second)]
    assert told[1]["began_s"] == pytest.approx(told[0]["began_s"] - 180.0, abs=1e-9)
    depths = [r.fields["water_depth"].isel(time=-1).values for r in (whole, second)]
    np.testing.assert_allclose(depths[1], depths[0], atol=2e-3)
    names["breach"] = slow.replace("30 m", "31 m")
    other = made("other", 3, hot)
    began = json.loads((other.path / "flood/summary.json").read_text())["breaches"][0]["began_s"]
    assert began == pytest.approx(60.0, abs=10.0), "another breach begins anew"


def test_a_spin_up_leaves_a_base_flow(tmp_path: Path) -> None:
    """The event that begins from it starts with the discharge of the spin-up, not with a dry river."""
    steady = 'at = "middle"\ndischarge = "4 m3/s"'
    ends = '[boundaries]\neast = "open"\nsouth = "open"\nnorth = "open"\n'
    run(_file(tmp_path / "a", "inflow", duration="15 min", inflow=steady, extra=ends), tmp_path / "spin_up")
    hot = ends + f'[initial]\nfrom_run = "{tmp_path / "spin_up"}"\n'
    event = run(
        _file(tmp_path / "b", "inflow", duration="2 min", inflow=steady, extra=hot), tmp_path / "event"
    )
    spun = Result.open(tmp_path / "spin_up")
    last, first = spun.gauges.iloc[-1], event.gauges.iloc[0]
    assert first["water_level_m"] == pytest.approx(last["water_level_m"], abs=1e-9)
    assert first["water_depth_m"] > 0.1
    assert event.gauges["water_level_m"].diff().abs().max() < 0.02


def test_local_inertia_refuses_the_momentum_of_inflows(tmp_path) -> None:
    """Only differences of levels drive its water: the key had no effect, and nothing was said."""
    file = _file(tmp_path, "inflow momentum", "rainfall", "inflow momentum")
    scenario = Scenario.open(file)
    for scheme in ("local_inertial", "second_order"):
        asked = scenario.model_copy(update={"params": {"flood": {"scheme": scheme}}})
        if scheme == "second_order":
            Simulation(asked)
            continue
        with pytest.raises(InputError) as refused:
            Simulation(asked)
        keys = [problem.key for problem in refused.value.problems]
        assert keys == ["events[1].momentum", "events[3].momentum"]
