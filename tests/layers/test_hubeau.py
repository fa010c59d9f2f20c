"""Hub'Eau's JSON: units, times, what is missing or said twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import InputError
from twin.layers import hubeau
from twin.scenarios.forcing import read_series as read_csv


def row(hour: int, value: Any, quantity: str = "H", station: str | None = "S1") -> dict[str, Any]:
    return {
        "code_site": "S", "code_station": station, "grandeur_hydro": quantity,
        "date_obs": f"2026-01-01T{hour:02d}:00:00Z", "resultat_obs": value,
    }  # fmt: skip


def test_millimetres_and_litres_become_si() -> None:
    stage, bad = hubeau.series([row(1, 1250.0), row(0, -80.0)], "H")
    assert stage.tolist() == [-0.08, 1.25]  # below the zero of the gauge is no error
    assert bad == 0
    assert str(stage.index[0]) == "2026-01-01 00:00:00+00:00"
    flow, _ = hubeau.series([row(0, 35400.0, "Q")], "Q")
    assert flow.tolist() == [35.4]
    assert hubeau.level(stage, 100.0).tolist() == [99.92, 101.25]


def test_what_is_missing_wild_or_twice() -> None:
    rows = [
        row(0, None), row(1, 9e9), row(2, 100.0), row(2, 110.0), row(3, "x"),
        {"grandeur_hydro": "H", "code_station": "S1"},
    ]  # fmt: skip
    stage, bad = hubeau.series(rows, "H")
    assert stage.tolist() == [0.11]  # the later of two of one time
    assert bad == 4
    told = [{**row(0, 100.0), "date_obs": text} for text in ("0A", "12/31/2026", 20260101, 1e18, "", "H")]
    assert hubeau.series([*told, row(5, 100.0)], "H")[1] == len(told)  # no date is guessed
    both = [row(0, 1000.0, "Q", None), row(0, 2000.0, "Q")]
    assert hubeau.series(both, "Q")[0].tolist() == [2.0]
    assert hubeau.series(both[:1], "Q")[0].tolist() == [1.0]


def test_the_zero_of_a_gauge_counts_only_in_ngf() -> None:
    made = hubeau.stations(
        [
            {"code_station": "A", "longitude_station": 1.0, "latitude_station": 45.0,
             "altitude_ref_alti_station": 26.5, "code_systeme_alti_site": 3},
            {"code_station": "B", "longitude_station": 1.0, "latitude_station": 45.0,
             "altitude_ref_alti_station": 26.5, "code_systeme_alti_site": 31},
            {"code_station": "C", "longitude_station": None, "latitude_station": 45.0},
        ]
    )  # fmt: skip
    assert [station.code for station in made] == ["A", "B"]
    assert made[0].zero == 26.5
    assert np.isnan(made[1].zero)


def test_saved_pages(tmp_path: Path) -> None:
    for k in range(2):
        page = {"count": 4, "next": None, "data": [row(2 * k, 1000.0 * k), row(2 * k + 1, 500.0)]}
        (tmp_path / f"page{k}.json").write_text(json.dumps(page))
    assert hubeau.read_series(tmp_path, "H").tolist() == [0.0, 0.5, 1.0, 0.5]
    with pytest.raises(InputError):
        hubeau.read_series(tmp_path, "Q")


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode), st.just(b'{"data": [1]}')))
def test_what_is_no_page_is_said(content: bytes) -> None:
    with pytest.raises(InputError):
        hubeau.rows_of(content, "x.json")


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["grandeur_hydro", "date_obs", "resultat_obs", "code_station"]),
            st.one_of(st.none(), st.text(max_size=8), st.floats(), st.integers(), st.just("H")),
        ),
        max_size=5,
    )
)
def test_any_rows_give_a_series(rows: list[dict[str, Any]]) -> None:
    out, bad = hubeau.series(rows, "H")
    assert np.isfinite(out.to_numpy()).all()
    assert bad >= 0
    assert out.index.is_monotonic_increasing


def test_the_csv_of_a_fetch_drives_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(
        "time,discharge_m3_s\n2026-01-01T01:00:00Z,35.4\n2026-01-01T02:00:00Z,36\n"
    )
    start = pd.Timestamp("2026-01-01T00:00:00Z").to_pydatetime()
    made = read_csv("q.csv", "m**3/s", tmp_path, start)
    assert made.times == (3600.0, 7200.0)
    assert made.values == (35.4, 36.0)
