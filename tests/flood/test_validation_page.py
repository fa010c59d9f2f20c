"""What a mark on VALIDATION.md says, without running a case."""

import json
from pathlib import Path

import pytest

from benchmarks.validation.case import Family, Row, run_case, sources
from benchmarks.validation.page import report


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        (Row("c", "L1", 0.1, 0.05, 0.06), "✓"),
        (Row("c", "L1", 0.1, 0.07, 0.06), "✗"),
        (Row("c", "L1", 0.1, 0.05, order=0.8, least_order=0.9), "✗"),
        (Row("c", "L1", 0.1, 0.05), "✓"),
        (Row("c", "L1", 0.05, 0.1), "✗ worse than first order"),
        (Row("c", "L1", 0.1, 0.05, must_win=False), "·"),
        (Row("c", "L1", 0.05, 0.1, must_win=False), "· worse than first order"),
        (Row("c", "L1", 0.05, 0.1, 0.2, must_win=False), "✓ worse than first order"),
        (Row("c", "L1", 0.0100, 0.01005, must_win=False), "·"),
        (Row("c", "at rest", 1e-16, 3e-13, 1e-12, must_win=False), "✓"),
        (Row("c", "level (m)", 9.0, 9.8, must_win=False, value=True), "·"),
        (Row("c", "L1", 0.1, 0.05, must_win=False, mass=1e-9), "✗"),
    ],
)
def test_a_tick_says_that_something_was_asked_and_met(row: Row, mark: str) -> None:
    assert row.mark() == mark


def test_the_page_counts_asked_met_and_reported(tmp_path: Path) -> None:
    rows = [
        Row("bowl", "L1 h", 0.1, 0.05, 0.06, order=1.2, least_order=0.9),
        Row("bowl", "L1 hu", 0.1, 0.2),
        Row("bowl", "lag (s)", 0.1, 0.3, must_win=False),
    ]
    values = {
        "sources": sources() | {"twin/gone.py": "0"}, "seconds": 1.0, "date": "2026-01-01T00:00",
        "machine": "here",
        "families": [{"rows": [vars(row) for row in rows], "curves": {}, "title": "t", "labels": ["x", "y"],
                      "table": []}],
    }  # fmt: skip
    (tmp_path / "bowl.json").write_text(json.dumps(values), encoding="utf-8")
    report(["bowl"], tmp_path / "PAGE.md", tmp_path)
    page = (tmp_path / "PAGE.md").read_text(encoding="utf-8")
    assert "3 figures of 1 cases: of 2 something is asked, 1 met and 1 missed; 1 only reported" in page
    assert "2 worse than first order" in page
    assert "| ≤ 0.06, order ≥ 0.9, < first |" in page
    assert "Run on other sources than these: bowl (twin/gone.py)." in page
    del values["sources"]  # as results were kept before
    (tmp_path / "bowl.json").write_text(json.dumps(values), encoding="utf-8")
    report(["bowl"], tmp_path / "PAGE.md", tmp_path)
    page = (tmp_path / "PAGE.md").read_text(encoding="utf-8")
    assert f"Run on other sources than these: bowl ({len(sources())} files)." in page


def test_results_kept_on_other_sources_are_run_again(tmp_path: Path) -> None:
    runs = []

    def case() -> Family:
        runs.append(1)
        return Family([])

    (tmp_path / "case.json").write_text('{"key": "of a former format"}', encoding="utf-8")
    for _ in range(2):
        run_case(case, tmp_path)
    assert len(runs) == 1
