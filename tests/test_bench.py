"""`twin bench`: its record, its table, its comparison, and that its figures are those of the run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from twin.bench import bench, cases, cost, measure, peers, report, roofline
from twin.bench.measure import Plan, best_of, bytes_held, pairs, schemes
from twin.cli import main
from twin.errors import InputError

TOLD: list[tuple[int, ...]] = []  # which of how many runs


@pytest.fixture(autouse=True)
def small_probes(monkeypatch):
    monkeypatch.setattr(roofline, "COPY_BYTES", 2**20)
    monkeypatch.setattr(roofline, "ROUNDS", 50)


@pytest.fixture(scope="module")
def small():
    return bench(
        ["bench_a"],
        threads=[1],
        cells=16,
        repeat=1,
        with_peers=False,
        told=lambda _, *count: TOLD.append(count),
    )


def test_record_has_a_figure_for_every_scheme_and_precision(small):
    found = {(row["scheme"], row["precision"]) for row in small["figures"]}
    assert found == set(pairs()) >= {(scheme, "float64") for scheme in schemes()}
    assert small["machine"]["cores"] >= 1
    for row in small["figures"]:
        assert row["cells"] == 256
        assert row["rate"] == pytest.approx(256 * (row["steps"] - 1) / row["seconds"], rel=1e-9)
        assert row["mass_error"] < (1e-12 if row["precision"] == "float64" else 1e-6)
        assert row["bandwidth_share"] > 0
        assert row["arithmetic_share"] > 0


def test_each_run_is_told_as_it_ends(small):
    assert [(k + 1, len(small["figures"])) for k in range(len(small["figures"]))] == TOLD


def test_every_scheme_has_its_work_counted():
    assert set(cost.WORK) >= set(schemes())


def test_bytes_follow_the_precision_where_the_state_does():
    """Faces of local inertia are of the precision of the run; the state of the others is double in both."""
    moved = {(scheme, kind): cost.WORK[scheme].moved(kind) for scheme, kind in pairs()}
    assert moved["local_inertial", "float64"] == 73
    assert moved["local_inertial", "float32"] == 57
    assert moved["second_order", "float64"] == moved["second_order", "float32"] == 77


def test_the_copy_of_a_run_is_the_best_of_its_probes():
    """A copy is as fast in either precision: a bad minute of one probe is no limit."""
    probes = [
        roofline.Limits("float64", 1, 5e9, 1.0, 1.0, 1.0),
        roofline.Limits("float32", 1, 9e9, 1.0, 1.0, 1.0),
        roofline.Limits("float64", 2, 7e9, 1.0, 1.0, 1.0),
    ]
    found = report.record([], probes, [], 0.0)
    assert [limit["copy"] for limit in found["limits"]] == [9e9, 9e9, 7e9]


@pytest.mark.parametrize("name", ["dry_margin", "steep_rain"])
def test_cases_that_scale_run(name):
    plan = Plan("first_order", "float64", 1)
    (figure,) = best_of(cases.CASES[name], [plan], cells=16, repeat=1)
    assert figure.steps > 3
    assert figure.mass_error < 1e-12


def test_plans_are_run_in_turn_and_the_best_of_each_counts(monkeypatch):
    plans = [Plan("first_order", "float64", n) for n in (1, 2)]
    seconds = iter([5.0, 9.0, 4.0, 3.0, 6.0, 7.0])  # three rounds of two plans
    turns = []

    def one(case, plan, *_):
        turns.append(plan)
        return SimpleNamespace(seconds=next(seconds))

    monkeypatch.setattr(measure, "_run", one)
    told = []
    found = list(best_of(cases.CASES["bench_a"], plans, cells=16, repeat=3, told=told.append))
    assert turns == plans * 3
    assert [figure.seconds for figure in told] == [5.0, 9.0, 4.0, 3.0, 6.0, 7.0]
    assert [figure.seconds for figure in found] == [4.0, 3.0]


def test_dry_margin_is_bench_a_and_nine_times_its_land():
    domain, forcing = cases.dry_margin(16)
    inner, inner_forcing = cases.bench_a(16)
    assert domain.require_grid("t").shape == (160, 16)
    np.testing.assert_array_equal(domain.field("bed_elevation")[:16], inner.field("bed_elevation"))
    np.testing.assert_array_equal(forcing.initial_depth[:16], inner_forcing.initial_depth)
    assert forcing.initial_depth[16:].max() == 0.0


def test_the_sample_commune_is_built():
    domain, forcing = cases.sample_valley(0)
    assert domain.require_grid("t").cell == 5.0
    assert len(forcing.inflows) == 1


def test_a_record_survives_the_file_and_compares(small, tmp_path):
    path = tmp_path / "now.json"
    report.write(small, path)
    again = report.read(path)
    assert again == json.loads(json.dumps(small))
    faster = json.loads(json.dumps(again))
    for row in faster["figures"]:
        row["rate"] *= 2
    compared = report.comparison(again, faster)
    assert len(compared.header) == len(compared.rows[0])
    assert {row[-1] for row in compared.rows} == {"2"}
    assert len(compared.rows) == len(small["figures"])
    assert not compared.is_worse
    assert not compared.slower
    back = report.comparison(faster, again)
    assert back.is_worse
    assert len(back.slower) == len(small["figures"])


def test_a_comparison_tells_another_machine_and_what_only_one_record_has(small):
    elsewhere = json.loads(json.dumps(small))
    elsewhere["machine"]["cores"] += 62
    for row in elsewhere["figures"]:
        row["rate"] *= 2
    lost = elsewhere["figures"].pop(0)
    elsewhere["figures"][0] |= {"local_time_steps": True}
    compared = report.comparison(elsewhere, small)
    assert compared.slower
    assert not compared.is_worse, "another machine"
    told = "\n".join(report.remarks(compared))
    assert f"cores {elsewhere['machine']['cores']} → {small['machine']['cores']}" in told
    assert len(compared.only_now) == 2
    assert lost["scheme"] in compared.only_now[0]
    assert "own steps" in compared.only_before[0]


def test_what_is_no_record_is_refused(tmp_path):
    path = tmp_path / "other.json"
    broken = f'{{"format": {report.FORMAT}, "machine": {{}}, "figures": [{{"case": "bench_a"}}]}}'
    for content in ("{", "[]", '{"format": 0}', f'{{"format": {report.FORMAT}}}', broken):
        path.write_text(content)
        with pytest.raises(InputError, match=r"other\.json"):
            report.read(path)
    with pytest.raises(InputError):
        report.read(tmp_path / "absent.json")


def test_unknown_case_is_refused_with_a_suggestion():
    with pytest.raises(InputError, match="bench_a"):
        cases.chosen(["bench_b"])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"threads": [0]}, "--threads"), ({"threads": [1, 4096]}, "4096"), ({"cells": 2}, "--cells")],
)
def test_what_cannot_be_measured_is_refused_at_once(arguments, word):
    with pytest.raises(InputError, match=word):
        bench(["bench_a"], with_peers=False, **arguments)


def test_a_record_that_cannot_be_written_is_refused_before_measuring(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("twin.bench.best_of", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "bench_a", "--json", str(tmp_path)])
    assert stopped.value.code == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_scenario_file_is_a_case():
    case = cases.chosen([str(cases.samples.path("valmont") / "scenarios" / "demo.toml")])[0]
    assert case.label.endswith("demo.toml")
    assert 0.0 < case.duration <= cases.HALF_HOUR
    domain, forcing = case.build(0)
    assert domain.require_grid("t").shape == forcing.initial_depth.shape
    with pytest.raises(InputError, match="absent"):
        cases.chosen(["absent.toml"])


def test_own_steps_are_measured_beside_one_step_for_all(monkeypatch):
    case = cases.CASES["reservoir"]
    assert case.own_steps
    plans = [Plan("first_order", "float64", 1, on) for on in (False, True)]
    one, own = best_of(case, plans, repeat=1, duration=2.0)
    assert own.cell_steps < 0.5 * one.cell_steps
    assert own.mass_error < 1e-12
    assert report.key_of(own.as_table()) != report.key_of(one.as_table())


def test_command_prints_the_table_and_compares(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("TWIN_LANG", "en")
    monkeypatch.setattr(peers, "anuga", lambda *_: None)
    arguments = ["bench", "bench_a", "--cells", "16", "--repeat", "1", "--threads", "1"]
    path = tmp_path / "new" / "a.json"
    main([*arguments, "--json", str(path)])
    faster = json.loads(path.read_text(encoding="utf-8"))
    for row in faster["figures"]:
        row["rate"] *= 1e3
    path.write_text(json.dumps(faster), encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--compare", str(path)])
    assert stopped.value.code == 1
    shown = capsys.readouterr().out
    assert re.search(r"bench_a\s+second_order\s+float64\s+1\s+256", shown)
    assert "ratio" in shown
    assert "slower by more than 10%" in shown
    assert "bench_a: a column of water" in shown


def test_buffers_are_counted_once():
    class Holder:
        pass

    Holder.__module__ = "twin.solvers.test"
    holder, inner = Holder(), Holder()
    block = np.zeros((4, 10))
    holder.a, holder.b, holder.inner = block, block[1:], inner
    inner.c = [np.zeros(5), block[0]]
    assert bytes_held(holder) == block.nbytes + 40


def test_probes_are_positive():
    limits = roofline.measure("float32", 1, repeat=1)
    assert min(limits.copy, limits.products, limits.roots, limits.divisions) > 0


@pytest.mark.slow
def test_after_a_warm_up_a_run_compiles_nothing(tmp_path):
    """In a fresh cache: `twin bench --warm`, then runs of all kinds on other grids, in another process."""
    program = """
import sys
import twin
from twin.layers import samples
from twin.scenarios import Scenario
folder = samples.path("valmont") / "scenarios"
kinds = [
    {}, {"precision": "float32"}, {"scheme": "first_order"}, {"local_time_steps": True},
    {"local_time_steps": True, "precision": "float32"}, {"scheme": "local_inertial"},
    {"scheme": "local_inertial", "precision": "float32"}, {"scheme": "local_inertial", "subgrid": True},
    {"scheme": "first_order", "subgrid": True},
    {"infiltration": {"method": "horton", "capacity_start": 1e-5, "capacity_end": 1e-6, "decay": 1e-3}},
]
for number, kind in enumerate(kinds):
    for name in ("demo.toml", "crue_centennale_digue.toml")[: 1 if number else 2]:
        scenario = Scenario.open(folder / name)
        short = scenario.model_copy(
            update={"resolution": 25.0, "duration": 65.0, "params": scenario.params | {"flood": kind}}
        )
        result = twin.run(short, f"{sys.argv[1]}/{number}-{name}")
        assert result.provenance["compile_seconds"] == 0, (kind, name)
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    warmed = subprocess.run(
        [sys.executable, "-m", "twin", "bench", "--warm"], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert int(re.search(r"\d+", warmed.stdout).group()) > 100
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=True)


def test_without_names_the_long_case_waits():
    short = [case.name for case in cases.chosen([])]
    assert "reservoir" not in short
    assert len(short) >= 4
    assert [case.name for case in cases.chosen([], full=True)] == list(cases.CASES)
