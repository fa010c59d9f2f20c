"""Figures of the validation that have no target may not slip unseen."""

from dataclasses import replace

from benchmarks.validation.case import Row
from benchmarks.validation.held import slipped


def test_a_figure_may_not_slip_unseen() -> None:
    error = Row("case", "L1 h", 0.1, 0.05)
    level = Row("case", "level (m)", 9.0, 9.8, must_win=False)
    kept = {"case": {"L1 h": 0.05, "level (m)": 9.8}}
    assert slipped(error, kept) == slipped(level, kept) == []
    assert slipped(replace(error, second=0.01), kept) == []
    assert slipped(replace(error, second=0.07), kept)
    assert slipped(replace(error, second=float("nan")), kept)
    assert slipped(replace(level, second=5.0), kept)
    assert slipped(replace(level, second=14.0), kept)
    assert slipped(error, {}), "a new figure is to be held"
    assert slipped(replace(error, second=1.0, target=0.06), kept) == [], "it has its target"
