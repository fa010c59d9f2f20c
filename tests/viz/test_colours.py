"""One table of colours: the page's source says the same as twin.styles."""

from __future__ import annotations

import re
from pathlib import Path

from twin.styles import BUILDING, DEPTH, DEPTH_CHANGE, PERMANENT_WATER, ROAD_CASING, ROAD_OPEN, SHORELINE

SOURCE = (Path(__file__).parents[2] / "viz" / "web" / "src" / "colours.ts").read_text(encoding="utf-8")


def constant(name: str) -> list[str]:
    found = re.search(rf"export const {name} = (.*?)(?: as const)?;", SOURCE)
    assert found is not None, name
    return re.findall(r"#[0-9a-f]{6}|\d+(?:\.\d+)?", found.group(1))


def test_the_page_draws_with_our_colours() -> None:
    assert constant("DEPTH_COLOURS") == [part.colour for part in DEPTH]
    assert constant("DAMAGE_COLOURS") == [part.colour for part in BUILDING]
    assert [float(bound) for bound in constant("DEPTH_BOUNDS")] == [part.high for part in DEPTH[:-1]]
    assert constant("PERMANENT") == [PERMANENT_WATER]
    assert constant("SHORE") == [SHORELINE]
    assert constant("ROAD_OPEN") == [ROAD_OPEN]
    assert constant("ROAD_EDGE") == [ROAD_CASING]
    assert constant("CHANGE_COLOURS") == [part.colour for part in DEPTH_CHANGE]
    assert [float(bound) for bound in constant("CHANGE_BOUNDS")] == [part.low for part in DEPTH_CHANGE[4:]]
