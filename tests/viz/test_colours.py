"""One table of colours: the page's source says the same as twin.styles."""

from __future__ import annotations

import re
from itertools import pairwise
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


def lightness(colour: str) -> float:
    """L* of CIE Lab: what black and white leaves of a colour."""
    share = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in share)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return float(116 * light ** (1 / 3) - 16)


def test_less_and_more_water_are_told_apart_in_black_and_white() -> None:
    less, same, more = (
        [lightness(part.colour) for part in DEPTH_CHANGE[k]] for k in (slice(3), slice(3, 4), slice(4, 7))
    )
    assert min(less) > max(more) + 12  # whatever their size
    seen = [*same, *reversed(less), *more]
    assert all(b < a - 5 for a, b in pairwise(seen)), seen
