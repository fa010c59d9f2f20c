"""Where water ends: crests one cell wide, drowned crests, quays beside deep harbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.page.in_memory import RunInMemory, written
from tests.page.opened import Opened
from tests.page.valley import CRS, NORTH, START, WEST
from twin.grid import Grid

CLASSES = ((0xBD, 0xD7, 0xE7), (0x6B, 0xAE, 0xD6), (0x21, 0x71, 0xB5))
GRID = Grid(CRS, WEST, NORTH, 10.0, 40, 40)
CREST = [(k, k) for k in range(10, 31)]  # cells of a levee that touch at their corners
BOTH = pytest.mark.parametrize("kind", ["browser", "browser_without_3d"])


def still_water(bed: np.ndarray, level: float, start: np.ndarray) -> RunInMemory:
    """Two frames: depths ``start`` (m), then water up to ``level`` (m)."""
    depth = np.stack([start, np.clip(level - bed, 0.0, None)]).astype(np.float32)
    fields = xr.Dataset(
        {
            "water_depth": (("time", "y", "x"), depth),
            "max_water_depth": (("y", "x"), depth.max(axis=0)),
            "bed_elevation": (("y", "x"), bed),
        },
        coords={"time": [0.0, 3600.0]},
        attrs={"start": START},
    )
    return RunInMemory("Eau calme", fields, GRID)


def levee(level: float, foot: float = 50.0) -> RunInMemory:
    """Its crest at 54 m."""
    bed = np.full(GRID.shape, foot)
    for cell in CREST:
        bed[cell] = 54.0
    return still_water(bed, level, np.zeros(GRID.shape))


def shown(browser: Any, run: RunInMemory, both: Path, path: Path) -> Opened:
    opened = Opened(browser, written([run], both, path))
    opened.page.evaluate("() => twin.app.set({ time: 3600, showFlow: false, showPlaces: false })")
    return opened


def look(opened: Opened, row: float, column: float, distance: float, bearing: float, lean: float) -> None:
    """From a place in cells from the north-west corner (0.5: the middle of the first)."""
    x, y = place(row, column)
    opened.page.evaluate(
        "([x, y, distance, bearing, lean]) =>"
        " twin.view().setCamera({ x, y, distance, bearing, lean }, false)",
        [x, y, distance, bearing, lean],
    )
    opened.rest()


def place(row: float, column: float) -> tuple[float, float]:
    return (column - GRID.nx / 2) * GRID.cell, (GRID.ny / 2 - row) * GRID.cell


def far_from(seen: np.ndarray, colour: tuple[int, int, int]) -> float:
    """How far the middle of a square of the screen is from a colour, at most over its parts."""
    middle = seen[len(seen) // 2, len(seen) // 2].astype(int)
    return float(np.abs(middle - colour).max())


def is_land(seen: np.ndarray) -> bool:
    red, _, blue = (int(v) for v in seen[len(seen) // 2, len(seen) // 2])
    return red > blue  # the ground of nothing but height is warm, every water is blue


@pytest.mark.browser
@BOTH
def test_a_levee_one_cell_wide_is_not_torn(kind: str, request: Any, both: Path, tmp_path: Path) -> None:
    """Water 3 m deep on both sides of a crest that goes from corner to corner, 1 m above it."""
    opened = shown(request.getfixturevalue(kind), levee(53.0), both, tmp_path / "page.html")
    try:
        look(opened, 20.5, 20.5, 260.0, 0.0, 0.0)
        for k in range(16, 25):
            for corner in (k, k + 0.5):  # where cells touch, and in their middle
                assert is_land(opened.pixels(*opened.where(*place(corner, corner)))), corner
            beside = opened.pixels(*opened.where(*place(k + 0.5, k + 2.5)))
            assert not is_land(beside)
        if kind == "browser":
            # From the side, 15 cm below the line of the crest: ground, no gap with the water behind it.
            look(opened, 20.5, 20.5, 260.0, 45.0, 75.0)
            for corner in np.arange(18.0, 23.1, 0.5):
                at = opened.page.evaluate(
                    "([x, y]) => twin.view().project(x, y, 53.85 - twin.view().surface(x, y))",
                    place(corner, corner),
                )
                assert is_land(opened.pixels(round(at["x"]), round(at["y"]))), corner
        assert opened.errors == []
    finally:
        opened.close()


@pytest.mark.browser
def test_a_drowned_crest_has_no_shoreline(browser: Any, both: Path, tmp_path: Path) -> None:
    """8 cm of water over it, seen from the side: deep, shallow, deep, and no dark line as beside land."""
    opened = shown(browser, levee(54.08, 53.0), both, tmp_path / "page.html")
    try:
        look(opened, 20.5, 20.5, 400.0, 45.0, 78.0)
        # As where drawing is slowest: with the fewest pixels, while it moves, the crest cannot be told.
        opened.page.evaluate(
            "() => { const v = twin.view(); v.pace.at = 0; v.moving = performance.now(); v.invalidate(); }"
        )
        opened.drawn()
        x, y = opened.where(*place(20.5, 20.5))
        seen = opened.pixels(x, y, 120).astype(int)
        assert (np.abs(seen - CLASSES[0]).max(axis=2) <= 12).any()  # the crest is in the picture
        assert seen.sum(axis=2).min() >= sum(CLASSES[2]) - 6  # nothing darker than the deepest water there
        assert opened.errors == []
    finally:
        opened.close()


@pytest.mark.browser
@BOTH
def test_a_quay_keeps_its_own_depth_up_to_the_harbour(
    kind: str, request: Any, both: Path, tmp_path: Path
) -> None:
    """0.7 m on the quay, 10.7 m in the harbour: no dark fringe of what lies between."""
    bed = np.full(GRID.shape, 50.0)
    bed[:, 20:] = 40.0
    run = still_water(bed, 50.7, np.where(bed < 45.0, 5.0, 0.0))
    opened = shown(request.getfixturevalue(kind), run, both, tmp_path / "page.html")
    try:
        look(opened, 20.5, 20.0, 130.0, 0.0, 0.0)
        for column in (18.5, 19.0, 19.5, 19.6, 19.7, 19.8):
            assert far_from(opened.pixels(*opened.where(*place(20.5, column))), CLASSES[1]) <= 4, column
        opened.page.evaluate("() => twin.app.set({ permanentApart: false })")
        opened.drawn()  # asked for as one water, the depth between is what lies between
        assert far_from(opened.pixels(*opened.where(*place(20.5, 19.8))), CLASSES[1]) > 40
        assert opened.errors == []
    finally:
        opened.close()
