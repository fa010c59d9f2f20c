"""No figure of the validation may slip unseen, with a target or without."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.validation import held as module
from benchmarks.validation.case import Row
from benchmarks.validation.held import held, hold, slipped

ERROR = Row("case", "L1 h", 0.1, 0.05)
LEVEL = Row("case", "level (m)", 9.0, 9.8, must_win=False, value=True)
REST = Row("case", "speed (m/s)", 1e-16, 2e-16, 1e-12, must_win=False)
KEPT = {"case": {"L1 h": [0.1, 0.05], "level (m)": [9.0, 9.8], "speed (m/s)": [1e-16, 2e-16]}}


def test_a_figure_may_not_slip_unseen() -> None:
    assert slipped(ERROR, KEPT) == slipped(LEVEL, KEPT) == slipped(REST, KEPT) == []
    assert slipped(replace(ERROR, second=0.01), KEPT) == []
    assert slipped(replace(ERROR, second=0.07), KEPT)
    assert slipped(replace(ERROR, second=float("nan")), KEPT)
    assert slipped(replace(LEVEL, second=5.0), KEPT)
    assert slipped(replace(LEVEL, second=14.0), KEPT)
    assert slipped(ERROR, {}), "a new figure is to be held"


def test_a_target_is_no_licence_to_slip() -> None:
    """0.003 was asked and 0.0009 reached: three times worse is still in the target, and no longer unseen."""
    assert slipped(replace(ERROR, target=0.2, second=0.07), KEPT)


def test_the_first_order_may_not_slip_either() -> None:
    assert slipped(replace(ERROR, first=0.14), KEPT)
    assert slipped(replace(LEVEL, first=14.0), KEPT)


def test_rounding_is_no_slip() -> None:
    assert slipped(replace(REST, first=3e-13, second=9e-13), KEPT) == []


def test_what_is_held_no_longer_has_norms_that_are_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "FILE", tmp_path / "held.json")
    hold([ERROR, replace(ERROR, case="other")])
    hold([replace(ERROR, norm="L1 hu", first=0.123456)])
    assert held() == {"case": {"L1 hu": [0.1235, 0.05]}, "other": {"L1 h": [0.1, 0.05]}}
