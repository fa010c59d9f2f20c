"""What the page weighs at the size that is promised: 2 scenarios × 100 frames at 10⁶ cells."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.page.opened import Opened
from tests.page.valley import CRS, NORTH, START, WEST, terrain
from twin.grid import Grid
from viz.encode import Blobs
from viz.page import assemble
from viz.page_data import collect

FRAMES, SIDE, CELL = 100, 1000, 5.0
BUDGET = 10e6  # bytes
MEMORY = 300e6  # bytes of JavaScript heap and typed arrays


def run(grid: Grid, name: str, lowered: float) -> Any:
    """A flood that rises and falls in a valley, held in memory: what `collect` reads of a `Result`."""
    rng = np.random.default_rng(8)
    bed = terrain(grid) + rng.normal(0.0, 0.04, grid.shape)  # the grain of a real survey
    x, y = np.meshgrid(grid.x - grid.x.mean(), grid.y - grid.y.mean())
    axis = 120.0 * np.sin(x / 420.0)
    times = np.linspace(0.0, 8 * 3600.0, FRAMES)
    rise = 3.2 * np.exp(-(((times / 3600.0 - 3.5) / 1.6) ** 2))
    depth = np.zeros((FRAMES, *grid.shape), dtype=np.float32)
    near = np.abs(y - axis) < 430
    for k, r in enumerate(rise):
        # The wave travels: the level falls along the valley and arrives later downstream.
        wave = 1.0 - 0.06 * np.sin(x / 700.0 - k / 9.0)
        level = 60.0 - 0.0012 * x - 1.4 + (r - lowered * min(1.0, r)) * wave
        depth[k] = np.where(near, np.clip(level - bed, 0.0, None), 0.0)
    slope = 120.0 / 420.0 * np.cos(x / 420.0)
    speed = np.exp(-(((y - axis) / 160.0) ** 2)) + 0.1
    steady = [v.astype(np.float32) for v in (speed / np.hypot(1, slope), speed * slope / np.hypot(1, slope))]
    dims = ("time", "y", "x")
    fields = xr.Dataset(
        {
            "water_depth": (dims, depth),
            "velocity_x": (dims, np.broadcast_to(steady[0], depth.shape)),
            "velocity_y": (dims, np.broadcast_to(steady[1], depth.shape)),
            "max_water_depth": (("y", "x"), depth.max(axis=0)),
            "bed_elevation": (("y", "x"), bed),
            "roughness": (("y", "x"), np.where(near, 0.035, 0.12)),
        },
        coords={"time": times},
        attrs={"start": START},
    )
    return SimpleNamespace(
        fields=fields, grid=grid, times=times, name=name, path=Path(name), status="complete", has_fields=True,
        buildings=None, roads=None, places=None, links=None, link_series=None, traffic_summary=None,
        indicators={}, provenance={}, scenario_table={"duration": 28800.0, "solvers": ["flood"]},
    )  # fmt: skip


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory, both: Path) -> Path:
    grid = Grid(CRS, WEST, NORTH, CELL, SIDE, SIDE)
    blobs = Blobs()
    data = collect([run(grid, "Crue", 0.0), run(grid, "Crue, digue", 0.5)], blobs)
    found = both.read_text(encoding="utf-8")
    start = found.index('id="data">') + len('id="data">')
    head = json.loads(found[start : found.index("</script>", start)])
    data |= {key: head[key] for key in ("lang", "languages", "texts", "version", "made", "title")}
    path = tmp_path_factory.mktemp("heavy") / "page.html"
    path.write_text(assemble(data, blobs), encoding="utf-8")
    parts = {
        "frames": sum(len(blobs.texts[k]) for s in data["scenarios"] for k in s["chunks"]),
        "flow": sum(len(blobs.texts[k]) for s in data["scenarios"] for k in s["flow"]["chunks"]),
        "ground": len(blobs.texts[data["ground"]["blob"]]),
        "terrain": len(blobs.texts[data["bed"]["blob"]]),
        "all": path.stat().st_size,
    }
    print("; ".join(f"{name} {size / 1e6:.2f} MB" for name, size in parts.items()))
    return path


@pytest.mark.slow
def test_two_scenarios_of_a_hundred_frames_stay_in_the_budget(heavy: Path) -> None:
    assert heavy.stat().st_size <= BUDGET


@pytest.mark.slow
@pytest.mark.browser
def test_memory_and_first_picture_of_the_promised_size(browser: Any, heavy: Path) -> None:
    start = time.monotonic()
    opened = Opened(browser, heavy, (1280, 720))
    try:
        decoded = time.monotonic() - start
        session = opened.context.new_cdp_session(opened.page)
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")
        held = heap["usedSize"] + heap.get("backingStorageSize", 0)
        print(
            f"interface after {opened.ready_ms:.0f} ms, all after {decoded:.1f} s (software rendering);"
            f" {held / 1e6:.0f} MB held"
        )
        assert opened.errors == []
        assert held <= MEMORY
        opened.page.evaluate("twin.app.set({ difference: true })")
        opened.drawn()
    finally:
        opened.close()
