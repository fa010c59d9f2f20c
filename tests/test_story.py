"""``[[story]]`` in a scenario: instants become seconds, places are checked, the round trip keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import small
from twin.errors import InputError
from twin.scenarios import Scenario
from twin.scenarios.story import Slide

TOLD = """
[[story]]
text = "Avant la crue."
text_en = "Before the flood."
[[story]]
text = "L'eau arrive."
at = "middle"
time = "5 min"
distance = "400 m"
bearing = 30.0
lean = 55.0
[[story]]
text = "Le plus haut."
at = [650300.0, 6860200.0]
time = 2026-10-12T06:08:00
show = "maximum"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = small.make(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + TOLD, encoding="utf-8")
    return path


def test_slides_are_read_in_si_and_seconds(file: Path) -> None:
    scenario = Scenario.open(file)
    assert scenario.check() == []
    first, second, third = scenario.story
    assert first == Slide(text="Avant la crue.", text_en="Before the flood.")
    assert (second.time, second.distance, second.at) == (300.0, 400.0, "middle")
    assert third.time == 480.0
    assert third.show == "maximum"


def test_the_resolved_scenario_keeps_the_story(file: Path, tmp_path: Path) -> None:
    scenario = Scenario.open(file)
    again = tmp_path / "again.toml"
    again.write_text(scenario.to_toml(), encoding="utf-8")
    assert Scenario.open(again).story == scenario.story


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('at = "middle"\ntime', 'at = "midle"\ntime', ["story[2].at", "midle", "middle"]),
        ('time = "5 min"', 'time = "5 h"', ["story[2].time", "18000", "600"]),
        ("lean = 55.0", "lean = 95.0", ["story[2].lean", "80"]),
        ('show = "maximum"', 'show = "peak"', ["story[3].show", "peak"]),
        ('text = "Avant la crue."', 'text = ""', ["story[1].text"]),
    ],
)
def test_a_wrong_slide_is_named(file: Path, old: str, new: str, said: list[str]) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    try:
        told = str(InputError(Scenario.open(file).check()))
    except InputError as error:
        told = str(error)
    for part in said:
        assert part in told
