from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely

from tests import small
from twin import cli
from twin.errors import InputError, Problems
from twin.scenarios import (
    Demand,
    Dike,
    Inflow,
    NewDistrict,
    Rainfall,
    RoadClosure,
    Scenario,
    TimeSeries,
    WaterLevel,
)
from twin.scenarios.binding import edge_cells, inflows, initial_depth, rains, water_levels
from twin.scenarios.breach import Breach
from twin.scenarios.events import Event
from twin.scenarios.forcing import read_series
from twin.scenarios.measures import Measure, place_geometry
from twin.simulation import Simulation, run
from twin.territory import Territory

PARIS = timezone(timedelta(hours=2))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return small.make(tmp_path)


def edited(file: Path, old: str, new: str) -> Path:
    content = file.read_text(encoding="utf-8")
    assert old in content
    file.write_text(content.replace(old, new), encoding="utf-8")
    return file


def problems(file: Path) -> str:
    try:
        found = Scenario.open(file).check()
    except InputError as error:
        return str(error)
    assert found, "nothing was found wrong"
    return str(InputError(found))


def test_the_small_scenario_is_right(file: Path) -> None:
    assert Scenario.open(file).check() == []


def test_round_trip_is_exact(file: Path, tmp_path: Path) -> None:
    scenario = Scenario.open(file)
    again = tmp_path / "again.toml"
    again.write_text(scenario.to_toml(), encoding="utf-8")
    assert Scenario.open(again) == scenario
    assert Scenario.open(again).to_toml() == scenario.to_toml()


def test_files_are_found_again_from_the_run_folder(file: Path, tmp_path: Path) -> None:
    from_run = '[initial]\nfrom_run = "earlier"\n[boundaries]'
    rain = '[[events]]\nkind = "initial_water"\ndepth = "terrain.tif"\n'
    dry = '[[events]]\nkind = "initial_water"\ndepth = "20 cm"\n'
    scenario = Scenario.open(edited(file, "[boundaries]", rain + dry + from_run))
    assert scenario.events[-2].depth == str(file.parent / "terrain.tif")
    assert scenario.events[-1].depth == 0.2
    (tmp_path / "elsewhere").mkdir()
    again = tmp_path / "elsewhere" / "scenario.toml"
    again.write_text(scenario.to_toml(), encoding="utf-8")
    assert Scenario.open(again) == scenario
    assert "from_run" in problems(file)
    assert "no such file" in problems(edited(file, "terrain.tif", "terain.tif"))


def test_python_and_toml_say_the_same(file: Path) -> None:
    territory = Territory.open(file.parent)
    scenario = Scenario(
        name="Small flood",
        territory=territory,
        start="2026-10-12T06:00+02:00",  # type: ignore[arg-type]
        duration="10 min",  # type: ignore[arg-type]
        solvers=("flood", "traffic"),
        params={"traffic": {"every": "5 min"}},
        events=(
            Inflow(at="middle", discharge="hydrograph.csv"),  # type: ignore[arg-type]
            Rainfall(intensity="20 mm/h", duration="4 min"),  # type: ignore[arg-type]
            Demand(zones="zones", weight="inhabitants", trips_per_person=0.5, mean_time="2 min"),  # type: ignore[arg-type]
        ),
        boundaries={"east": "open"},  # type: ignore[arg-type]
        outputs={"every": "2 min", "gauges": ["middle"], "gauges_every": "1 min", "sections": ["across"]},  # type: ignore[arg-type]
    )
    assert scenario == Scenario.open(file)


@pytest.mark.parametrize("key", ["series", "intensity"])
def test_rain_from_a_file_is_read_in_python_too(file: Path, key: str) -> None:
    """The unit sits inside ``RainSeries | None``: it was not found, the file not read, without a word."""
    (file.parent / "rain.csv").write_text("time_h,rain_mm_h\n0,36\n1,72\n", encoding="utf-8")
    scenario = Scenario.open(file)
    [rain] = rains(scenario.with_events(Rainfall(**{key: "rain.csv"})))[1:]
    assert rain.series.times == (0.0, 3600.0)
    assert rain.series.values == pytest.approx((1e-5, 2e-5))
    with pytest.raises(InputError, match=r"nosuch\.csv: events\[4\]\.[a-z]+\n.*no such file"):
        scenario.with_events(Rainfall(**{key: "nosuch.csv"}))


def test_a_series_that_nothing_can_read_is_refused(file: Path) -> None:
    """An event of a plugin whose series says no unit."""

    class Tide(Event):
        kind: str = "tide"
        level: TimeSeries

    scenario = Scenario.open(file)
    with pytest.raises(TypeError, match="a series without a unit"):
        scenario._bound(Tide(level=TimeSeries(source="tide.csv")), "events[1]", Problems())


def test_measures_and_events_derive_a_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = Scenario.open(file)
    dike = scenario.with_measures(Dike(along="bank", crest="102 m"))  # type: ignore[arg-type]
    assert dike.name == "Small flood + dike bank"
    monkeypatch.setenv("TWIN_LANG", "fr")
    assert scenario.with_measures(*dike.measures).name == "Small flood + digue bank"
    assert dike.measures[0].crest == 102.0
    assert scenario.measures == ()
    closed = scenario.with_events(RoadClosure(at="middle"), name="Closed")
    assert closed.name == "Closed"
    assert len(closed.events) == len(scenario.events) + 1


def test_a_dike_is_a_crest_on_faces_and_never_a_raised_cell(file: Path) -> None:
    scenario = Scenario.open(file).with_measures(Dike(along="bank", crest=110.0))
    before = Simulation(Scenario.open(file)).domain
    after = Simulation(scenario).domain
    np.testing.assert_array_equal(after.field("bed_elevation"), before.field("bed_elevation"))
    crest = after.field("crest_x")
    # x = 650405 is the middle of column 40: the staircase takes the face on one side of it, all along.
    assert (np.isfinite(crest).sum(axis=1) >= 1).all()
    assert set(np.nonzero(np.isfinite(crest))[1]) <= {40, 41}
    assert not np.isfinite(before.field("crest_x")).any()


def test_a_dike_lower_than_the_ground_is_told(file: Path) -> None:
    """It had no effect, and a breach in it was told that no dike stands there."""
    scenario = Scenario.open(file).model_copy(update={"solvers": ("flood",), "params": {}})

    def bound(crest: float, *events: Event) -> Simulation:
        dike = Dike(along="bank", crest=crest)  # on ground from 98.97 to 99.92 m
        return Simulation(scenario.with_measures(dike).with_events(*events))

    breach = Breach(at=(650405.0, 6860385.0), width=20.0, duration=60.0)
    assert not any("measures[1]" in caution for caution in bound(103.0, breach).cautions)
    for events in ((), (breach,)):
        with pytest.raises(InputError) as error:
            bound(98.5, *events)
        [problem] = error.value.problems
        assert problem.key == "measures[1].crest"
        assert "98.5 m, where the ground along it is from 98.97 to 99.92 m" in problem.found
    [caution] = [said for said in bound(99.3).cautions if "measures[1].crest" in said]
    assert "65 % of its length" in caution
    with pytest.raises(InputError, match=r"a dike of 99\.3 m, lower than the ground"):
        bound(99.3, breach)


@pytest.mark.parametrize(
    ("measure", "key"),
    [
        (Dike(along="middle", crest=103.0), "measures[2].along"),
        (NewDistrict(at="pool", zones="zones", values={"peple": 1.0}), "measures[2].values"),
        (NewDistrict(at="pool", zones="zoness", values={"inhabitants": 1.0}), "measures[2].zones"),
    ],
    ids=["dike", "column", "zones"],
)
def test_a_measure_that_cannot_be_taken_is_named(file: Path, measure: Measure, key: str) -> None:
    scenario = Scenario.open(file).with_measures(Dike(along="bank", crest=103.0), measure)
    with pytest.raises(InputError) as error:
        Simulation(scenario)
    [problem] = error.value.problems
    assert (problem.where, problem.key) == (scenario.where, key)


def test_a_place_of_no_known_shape_has_one_problem(file: Path) -> None:
    territory = file.parent / "territory.toml"
    edited(territory, "middle = [650305.0, 6860205.0]", 'middle = "650305, 6860205"')
    with pytest.raises(InputError) as error:
        Territory.open(territory)
    [problem] = error.value.problems
    assert problem.key == "places.middle"
    assert problem.found == "'650305, 6860205'"
    for words in ("[x, y]", "line = [[x, y], …]", "polygon = ", "source = "):
        assert words in problem.expected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("école = [1.0, 2.0]", "guillemets"),
        ("l'école = [1.0, 2.0]", "guillemets"),
        ('source = "C:\\données\\mnt.asc"', "C:/données/mnt.asc"),
        ('source = "C:\\users\\mnt.asc"', "C:/données/mnt.asc"),
        ("[layers.terrain]", "déjà"),
        ("duration = 3 h", "guillemets"),
        ("duration = trois", "guillemets"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line_and_how_to_mend_it(
    file: Path, line: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was English in a French frame, and expected UTF-8."""
    monkeypatch.setenv("TWIN_LANG", "fr")
    territory = file.parent / "territory.toml"
    territory.write_text(territory.read_text("utf-8") + f"\n{line}\n", encoding="utf-8")
    number = len(territory.read_text("utf-8").splitlines())
    with pytest.raises(InputError) as error:
        Territory.open(territory)
    [problem] = error.value.problems
    assert f"ligne {number}" in problem.where
    assert f"« {line} »" in problem.found
    assert said in problem.hint
    for word in ("UTF-8", " at ", "Cannot", "Expected", "Invalid"):
        assert word not in str(problem)
    territory.write_text("extent = [1, 2\n", encoding="utf-8")
    with pytest.raises(InputError, match="fin du fichier"):
        Territory.open(territory)


def test_series_are_exact() -> None:
    series = TimeSeries(times=(0.0, 10.0, 30.0), values=(0.0, 10.0, 0.0))
    assert series.at(5.0) == 5.0
    assert series.at(-5.0) == 0.0
    assert series.mean(0.0, 30.0) == pytest.approx(5.0, rel=1e-15)
    assert series.mean(5.0, 15.0) == pytest.approx((5 + 10) / 2 * 0.5 + (10 + 7.5) / 2 * 0.5, rel=1e-15)
    assert series.mean(30.0, 100.0) == 0.0
    steps = np.linspace(-7.0, 41.0, 23)
    parts = sum(series.mean(a, b) * (b - a) for a, b in pairwise(steps))
    assert parts == pytest.approx(series.mean(-7.0, 41.0) * 48.0, rel=1e-14)


def test_windows_cut_the_forcing(file: Path) -> None:
    scenario = Scenario.open(
        edited(file, 'duration = "4 min"', 'start = "1 min"\nend = 2026-10-12T06:03:00+02:00')
    )
    (rain,) = rains(scenario)
    assert (rain.start, rain.end) == (60.0, 180.0)
    assert rain.mean(0.0, 60.0) == 0.0
    assert rain.mean(0.0, 120.0) == pytest.approx(0.5 * 0.02 / 3600)
    assert rain.mean(150.0, 210.0) == pytest.approx(0.5 * 0.02 / 3600)


def test_events_are_put_on_cells(file: Path) -> None:
    scenario = Scenario.open(file)
    level = WaterLevel(at="west_edge", level=101.0)  # type: ignore[arg-type]
    inside = WaterLevel(at="pool", level=101.0)  # type: ignore[arg-type]
    pool = Scenario.open(
        edited(
            file,
            "[boundaries]",
            '[[events]]\nkind = "initial_water"\nat = "pool"\nlevel = "101 m"\n[boundaries]',
        )
    )
    domain = Simulation(scenario).domain
    (inflow,) = inflows(domain, scenario)
    assert inflow.cells.tolist() == [19 * small.NX + 30]
    assert inflow.mean(0.0, 120.0) == pytest.approx(10.0)
    edge, cells = water_levels(domain, scenario.with_events(level, inside))
    assert edge.edges["west"].tolist() == list(range(small.NY))
    assert edge.cells.size == 0
    assert cells.edges == {}
    assert cells.cells.size == 10 * small.NY
    depth = initial_depth(domain, pool)
    bed = domain.field("bed_elevation")
    np.testing.assert_allclose(depth[:, :10], np.maximum(101.0 - bed[:, :10], 0.0))
    assert (depth[:, 10:] == 0).all()
    assert edge_cells(domain.grid, place_geometry(domain, "across", "", "")) == {}


def test_a_short_stretch_of_the_edge_has_the_cell_at_its_middle(file: Path) -> None:
    grid = Simulation(Scenario.open(file)).domain.require_grid("test")
    xmin, ymin, xmax, ymax = grid.bounds
    dx = grid.cell

    def found(*xy: tuple[float, float]) -> dict[str, list[int]]:
        return {side: cells.tolist() for side, cells in edge_cells(grid, shapely.LineString(xy)).items()}

    between = found((xmin + 3.6 * dx, ymax), (xmin + 4.2 * dx, ymax))  # passes no centre
    assert between == {"north": [3]}
    assert found((xmax, ymax - 2.6 * dx), (xmax, ymax - 2.9 * dx)) == {"east": [2]}
    twice = (xmin, ymin + 2 * dx)  # a vertex that comes twice
    assert found((xmin, ymin + 0.6 * dx), twice, twice, (xmin, ymin + 2.9 * dx)) == {
        "west": [grid.ny - 3, grid.ny - 2]
    }
    assert found((xmin - 0.4 * dx, ymin), (xmin, ymin), (xmin, ymin + 2.9 * dx)) == {
        "west": [grid.ny - 3, grid.ny - 2, grid.ny - 1]
    }  # nothing on the south side
    assert found((xmax + 2 * dx, ymax), (xmax + 3 * dx, ymax)) == {}


MISTAKES = [
    ('kind = "inflow"', 'kind = "inflw"', ["events[1].kind", "inflw", "inflow"]),
    ('discharge = "hydrograph.csv"', 'discharge = "hydrograf.csv"', ["hydrograf.csv", "no such file"]),
    ('discharge = "hydrograph.csv"', 'dicharge = "hydrograph.csv"', ["dicharge", "unknown key", "discharge"]),
    ('intensity = "20 mm/h"', 'intensity = "20 mm"', ["events[2].intensity", "20 mm", "m/s"]),
    ('intensity = "20 mm/h"', "intensity = 50", ["180 000 000 mm/h", "without a unit"]),
    ('intensity = "20 mm/h"', 'intensity = "900 mm/h"', ["events[2].intensity", "900 mm/h", "500 mm/h"]),
    ('discharge = "hydrograph.csv"', 'discharge = "2500000 m3/s"', ["events[1].discharge", "100 000 m³/s"]),
    ('intensity = "20 mm/h"', 'intensity = "20 mm/h"\nvolume = 3', ["events[2].volume", "unknown key"]),
    ('at = "middle"', 'at = "midle"', ["events[1].at", "midle", "middle"]),
    ('at = "middle"', "at = [640000.0, 6860205.0]", ["events[1].at", "640000", "outside the terrain"]),
    ('duration = "10 min"', 'duration = "ten minutes"', ["duration", "ten minutes"]),
    ('duration = "10 min"\n', "", ["duration", "required"]),
    ("start = 2026-10-12T06:00:00+02:00", 'start = "2026-10-12T06:00:00"', ["start", "no offset"]),
    ('resolution = "native"', 'resolution = "fine"', ["resolution", "fine", "native"]),
    ('solvers = ["flood", "traffic"]', 'solvers = ["flod"]', ["solvers", "flod", "flood"]),
    ('every = "5 min"', 'evry = "5 min"', ["params.traffic.evry", "unknown key", "every"]),
    ('[params.traffic]', '[params.trafic]', ["params.trafic", "traffic"]),
    ('east = "open"', 'easts = "open"', ["boundaries.easts", "unknown key", "east"]),
    ('east = "open"', 'east = "opened"', ["boundaries.east", "opened", "open"]),
    ('gauges = ["middle"]', 'gauges = ["mittel"]', ["outputs.gauges[1]", "mittel", "middle"]),
    ('territory = "territory.toml"', 'territory = "teritory.toml"', ["teritory.toml", "no such file"]),
    ('name = "Small flood"', 'name = "Small flood"\nnam = 3', ["nam", "unknown key", "name"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=[m[1][:40] for m in MISTAKES])
def test_a_mistake_is_named(file: Path, old: str, new: str, said: list[str]) -> None:
    message = problems(edited(file, old, new))
    for words in said:
        assert words in message


def test_all_problems_of_a_file_come_at_once(file: Path) -> None:
    edited(file, 'kind = "rainfall"', 'kind = "rain"')
    edited(file, 'east = "open"', 'est = "open"')
    edited(file, 'gauges = ["middle"]', 'gauges = ["mittel"]')
    edited(file, 'every = "5 min"', 'evry = "5 min"')
    message = problems(file)
    for words in ("events[2].kind", "boundaries.est", "outputs.gauges[1]", "params.traffic.evry"):
        assert words in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("time_s,discharge_m3_s\n0,1\n60,\n120,3\n", ["line 3", "a hole"]),
        ("time_s,discharge_m3_s\n0,1\n60,nan\n120,3\n", ["line 3", "a hole"]),
        ("time_s,discharge_m3_s\n0,1\n60,2\n30,3\n", ["line 4", "times that increase"]),
        ("time_s,discharge_m3_s\n0,1\nsoon,2\n", ["line 3", "'soon'"]),
        ("time_s,discharge\n0,1\n", ["column 'discharge'", "m3_s"]),
        ("time_s,discharge_m3_s,level_m\n0,1,2\n", ["file#column"]),
        ("time_s\n0\n", ["header"]),
        ("time_s,discharge_m3_s\n", ["no row"]),
        ("time_s,discharge_m3_s\n0,1,5\n60,2,5\n", ["line 2", "3 values", "decimal comma", "semicolons"]),
        ('time_s,discharge_m3_s\n0,"1,200"\n60,"1,300"\n', ["line 2", "'1,200'", "thousands"]),
        ("0;1,5\n3600;2\n", ["line 1", "no header"]),
        ("# station H1\ntime_s;discharge_m3_s\n0;1\n", ["'# station H1'", "line 2"]),
    ],
)
def test_a_bad_series_is_named_with_its_line(file: Path, content: str, said: list[str]) -> None:
    (file.parent / "hydrograph.csv").write_text(content, encoding="utf-8")
    message = problems(file)
    assert "hydrograph.csv" in message
    for words in said:
        assert words in message


@pytest.mark.parametrize(
    ("rain", "said"),
    [
        ("time_min,rain_mm_h\n0,10\n1,60\n", ["events[4].series", "last value, 60 mm/h, holds 9 min more"]),
        ("time_min,rain_mm_h\n2,10\n10,60\n", ["events[4].series", "first value, 10 mm/h, holds for 2 min"]),
        ("time_min,rain_mm_h\n0,10\n1,0\n", []),
        ("time_min,rain_mm_h\n0,10\n10,60\n", []),
    ],
    ids=["end", "start", "dry", "whole"],
)
def test_a_series_shorter_than_the_run_is_told(
    file: Path, capsys: pytest.CaptureFixture[str], rain: str, said: list[str]
) -> None:
    """The rain of its last minute fell for nine more, and nobody was told."""
    (file.parent / "rain.csv").write_text(rain, encoding="utf-8")
    edited(file, "[boundaries]", '[[events]]\nkind = "rainfall"\nseries = "rain.csv"\n[boundaries]')
    cautions = Scenario.open(file).cautions()
    assert len(cautions) == bool(said)
    cli.main(["check", str(file)])
    out, heard = capsys.readouterr()
    assert ("nothing wrong" in out) != bool(said)
    for words in said:
        assert words in cautions[0]
        assert words in heard
    if not said:
        assert heard == ""


UNREAD = [
    (
        '["flood"]',
        '[[events]]\nkind = "road_closure"\nat = "middle"\n',
        ["events[2]: road_closure", "traffic"],
    ),
    ('["flood"]', '[params.traffic]\nevery = "7 min"\n', ["params.traffic", "traffic"]),
    (
        '["traffic"]',
        '[[events]]\nkind = "rainfall"\nintensity = "20 mm/h"\n',
        ["events[2]: rainfall", "flood"],
    ),
    (
        '["traffic"]',
        '[[measures]]\nkind = "dike"\nalong = "bank"\ncrest = 102\n',
        ["measures[1]: dike", "flood"],
    ),
    (
        '["traffic"]',
        '[[measures]]\nkind = "new_district"\nat = "pool"\nzones = "zones"\nvalues = {inhabitants = 800}\n',
        ["measures[1].zones: zones", "no demand"],
    ),
]


@pytest.mark.parametrize(("solvers", "more", "said"), UNREAD, ids=[u[2][0] for u in UNREAD])
def test_what_no_solver_reads_is_told(file: Path, solvers: str, more: str, said: list[str]) -> None:
    """A closed bridge without traffic changed nothing, and nobody was told."""
    head = file.read_text("utf-8").partition("solvers")[0]
    own = '[[events]]\nkind = "inflow"\nat = "middle"\ndischarge = 1\n'
    if "traffic" in solvers:
        own = '[[events]]\nkind = "demand"\ngrid = "100 m"\npeople = 100\n'
    params, events = (more, "") if more.startswith("[params") else ("", more)
    file.write_text(f"{head}solvers = {solvers}\n{params}{own}{events}", encoding="utf-8")
    scenario = Scenario.open(file)
    assert scenario.check() == []
    [caution] = scenario.cautions()
    for words in said:
        assert words in caution


def test_a_run_tells_its_cautions_when_it_starts(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / "rain.csv").write_text("time_min,rain_mm_h\n0,10\n1,60\n", encoding="utf-8")
    scenario = Scenario.open(file).with_events(Rainfall(series="rain.csv"))
    monkeypatch.setattr("twin.simulation._drive", lambda *_: None)
    run(scenario, file.parent / "run")
    [caution] = scenario.cautions()
    assert caplog.messages == [caution]
    assert caution in (file.parent / "run" / "log.txt").read_text("utf-8")


def test_series_with_dates_units_and_semicolons(file: Path) -> None:
    (file.parent / "hydrograph.csv").write_text(
        "heure;discharge_l_s\n2026-10-12T06:00:00+02:00;1500,5\n2026-10-12T04:10:00+00:00;3000\n",
        encoding="utf-8",
    )
    series = Scenario.open(file).events[0].discharge
    assert series.times == (0.0, 600.0)
    assert series.values == pytest.approx((1.5005, 3.0))


@pytest.mark.parametrize("name", ["lot #2/crue.csv", "crue #2.csv", "plain.csv"])
@pytest.mark.parametrize("column", ["", "debit_m3_s"])
def test_a_hash_may_stand_in_the_name_of_a_file(tmp_path: Path, name: str, column: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("time_s;debit_m3_s\n0;1\n10;2\n", encoding="utf-8")
    source = f"{name}#{column}" if column else name
    assert read_series(source, "m**3/s", tmp_path, None).values == (1.0, 2.0)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("temps_s\tdebit_m3_s\n0\t1,5\n600\t2\n", "utf-8"),
        ("temps_s\tdebit_m3_s\r\n0\t1,5\r\n600\t2\r\n", "utf-16"),  # what Excel calls Unicode text
        ("temps_s;debit_m3_s;\n0;1,5;\n600;2;;\n", "utf-8"),
        ('time_s,discharge_m3_s\n0,"1,5"\n600,2\n', "utf-8"),
    ],
    ids=["tabs", "utf-16", "trailing", "quoted"],
)
def test_series_as_spreadsheets_save_them(file: Path, content: str, encoding: str) -> None:
    (file.parent / "hydrograph.csv").write_bytes(content.encode(encoding))
    series = Scenario.open(file).events[0].discharge
    assert (series.times, series.values) == ((0.0, 600.0), (1.5, 2.0))


@pytest.mark.parametrize("name", ["hydrograph.xlsx", "hydrograph.ods#Feuil1", "hydrograph.csv"])
def test_a_spreadsheet_is_to_be_saved_as_csv(file: Path, name: str) -> None:
    """It was told that 'hydrograph.xlsx' is no quantity in m³/s."""
    if name.endswith(".csv"):  # a spreadsheet under another name
        (file.parent / name).write_bytes(b"PK\x03\x04" + bytes(range(256)))
    message = problems(edited(file, "hydrograph.csv", name))
    assert "a spreadsheet" in message
    assert "as CSV" in message
    assert "m**3/s" not in message


@pytest.mark.parametrize(
    ("header", "second"),
    [("temps_h", 3600.0), ("Time (min)", 60.0), ("jours", 86400.0), ("t_d", 86400.0), ("time_s", 1.0)]
    + [(name, 3600.0) for name in ("heure", "Heures", "hour", "hr", "hrs", "temps_heure", "Temps (heures)")]
    + [(name, 60.0) for name in ("minute", "mn", "time [min]", "duree_mn")]
    + [(name, 86400.0) for name in ("jour", "day")]
    + [(name, 1.0) for name in ("time", "temps", "t", "date", "secondes", "temps_sec", "durée")],
)
def test_the_time_column_says_its_unit(file: Path, header: str, second: float) -> None:
    (file.parent / "hydrograph.csv").write_text(f"{header};debit_m3_s\n0;1\n1,5;2\n", encoding="utf-8")
    assert Scenario.open(file).events[0].discharge.times == (0.0, 1.5 * second)


@pytest.mark.parametrize("header", ["t_ms", "time_tz", "mois", "week", "pas"])
def test_a_time_column_in_a_unit_that_is_not_known_is_refused(file: Path, header: str) -> None:
    series = file.parent / "hydrograph.csv"
    series.write_text(f"{header};debit_m3_s\n0;1\n1,5;2\n2;3\n", encoding="utf-8")
    message = problems(file)
    assert f"time '{header}'" in message
    assert message.count("hydrograph.csv") == 1, "once for the column"
    # Dates need no unit.
    day = "2026-10-12T06:{}:00+02:00"
    series.write_text(f"{header};debit_m3_s\n{day.format('00')};1\n{day.format('10')};2\n", encoding="utf-8")
    assert Scenario.open(file).events[0].discharge.times == (0.0, 600.0)


def test_a_lisflood_series_is_read(tmp_path: Path) -> None:
    file = small.make(tmp_path)
    (tmp_path / "sea.bdy").write_text(
        "A comment\nNorth\n2 hours\n1.5\t0\n2.5\t1\nWest\n1 second\n0\t0\n", encoding="latin-1"
    )
    edited(file, 'discharge = "hydrograph.csv"', 'discharge = "sea.bdy#North"')
    series = Scenario.open(file).events[0].discharge
    assert (series.times, series.values) == ((0.0, 3600.0), (1.5, 2.5))
    edited(file, "sea.bdy#North", "sea.bdy#Nort")
    assert "North" in problems(file)


def test_a_start_in_another_offset_is_the_same_instant(file: Path) -> None:
    scenario = Scenario.open(file)
    assert scenario.start == datetime(2026, 10, 12, 6, tzinfo=PARIS)


def test_what_is_wrong_is_said_in_french_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a column without its unit, a CRS in degrees: no English in a French frame."""
    monkeypatch.setenv("TWIN_LANG", "fr")
    file = small.make(tmp_path / "town")
    series = file.parent / "hydrograph.csv"
    series.write_text("temps;d\xe9bit\n0;1\n0;x\n", encoding="cp1252")  # as a spreadsheet saves it
    with pytest.raises(InputError) as error:
        Scenario.open(file)
    said = str(error.value)
    for part in ("colonne « débit »", "finit par son unité", "un trou : « x »", "temps 0 après 0 s"):
        assert part in said
    series.unlink()
    territory = file.parent / "territory.toml"
    with pytest.raises(InputError, match="ce fichier n'existe pas"):
        Scenario.open(file)
    territory.write_text(territory.read_text("utf-8").replace("EPSG:2154", "EPSG:4326"), "utf-8")
    with pytest.raises(InputError, match=r"EPSG:4326 \(WGS 84\), en degrés"):
        Territory.open(territory)
