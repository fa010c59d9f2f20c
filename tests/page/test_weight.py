"""What the page weighs at the size that is promised: 2 scenarios × 100 frames at 10⁶ cells."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.page.in_memory import RunInMemory, written
from tests.page.opened import Opened
from tests.page.valley import CRS, NORTH, START, WEST, terrain
from twin.grid import Grid

FRAMES, SIDE, CELL = 100, 1000, 5.0
BUDGET = 10e6  # bytes
MEMORY = 300e6  # bytes of JavaScript heap and typed arrays
FIRST_PICTURE = 3000.0  # ms
PACE = 5.0  # images a second while the view moves, at 1280 × 720, drawn by the processor
TURNING = """(seconds) => new Promise((done) => {
    const view = twin.view(); const start = performance.now(); let count = 0;
    const before = view.onDraw;
    view.onDraw = () => { before(); count += 1; };
    const step = () => {
        const passed = (performance.now() - start) / 1000;
        if (passed > seconds) { view.onDraw = before; done(count / passed); return; }
        view.turn(0.7); requestAnimationFrame(step);
    };
    step();
})"""

#: Plays with streaks for some seconds: pictures drawn, and how long each took on the page's thread.
PLAYING = """(seconds) => new Promise((done) => {
    const view = twin.view(); const spans = []; let count = 0;
    const tick = view.tick.bind(view);
    view.tick = (now) => { const from = performance.now(); tick(now); spans.push(performance.now() - from); };
    const before = view.onDraw;
    view.onDraw = () => { before(); count += 1; };
    twin.app.set({ showFlow: true, time: 0, playing: true });
    setTimeout(() => {
        twin.app.set({ playing: false });
        delete view.tick; view.onDraw = before;
        spans.sort((a, b) => a - b);
        done({ count, median: spans[spans.length >> 1], late: spans[Math.floor(0.95 * spans.length)] });
    }, 1000 * seconds);
})"""
FRAME = 1000.0 / 60.0  # ms


def run(
    grid: Grid, name: str, lowered: float, frames: int = FRAMES, *, reach: float = 430.0, plain: bool = False
) -> RunInMemory:
    """A flood that rises and falls, held in memory: a `RunInMemory`.

    In a valley, or over a wide ``plain``; nothing is wet further than ``reach`` (m) from the river.
    """
    rng = np.random.default_rng(8)
    x, y = np.meshgrid(grid.x - grid.x.mean(), grid.y - grid.y.mean())
    axis = 120.0 * np.sin(x / 420.0)
    bed = 57.0 - 0.0012 * x + 0.0006 * np.abs(y - axis) if plain else terrain(grid)
    bed = bed + rng.normal(0.0, 0.04, grid.shape)  # the grain of a real survey
    times = np.linspace(0.0, 8 * 3600.0, frames)
    rise = 3.2 * np.exp(-(((times / 3600.0 - 3.5) / 1.6) ** 2))
    depth = np.zeros((frames, *grid.shape), dtype=np.float16 if plain else np.float32)
    near = np.abs(y - axis) < reach
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
    return RunInMemory(name, fields, grid)


def measured(browser: Any, path: Path) -> dict[str, float]:
    """Opens a page in software rendering at 1280 × 720; first picture and all (ms), memory (bytes), pace."""
    opened = Opened(browser, path, (1280, 720))
    try:
        marks = opened.page.evaluate(
            "Object.fromEntries(performance.getEntriesByType('mark').map((m) => [m.name, m.startTime]))"
        )
        assert opened.page.evaluate("twin.decoder.beside")  # by a worker: the page is free meanwhile
        pace = opened.page.evaluate(TURNING, 4.0)
        session = opened.context.new_cdp_session(opened.page)
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")
        assert opened.errors == []
        opened.page.evaluate(
            "() => { if (twin.app.scenarios.length > 1) twin.app.set({ difference: true }); }"
        )
        opened.drawn()
        found = {
            "picture": marks["picture"],
            "all": marks["all"],
            "memory": heap["usedSize"] + heap.get("backingStorageSize", 0),
            "pace": pace,
        }
    finally:
        opened.close()
    print(
        f"first picture after {found['picture']:.0f} ms, all after {found['all']:.0f} ms,"
        f" {found['memory'] / 1e6:.0f} MB held, {found['pace']:.1f} images/s while turning"
        f" (1280 × 720, software, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
    )
    return found


def check(browser: Any, path: Path, first_picture: float = FIRST_PICTURE) -> None:
    """Within the promises; a machine that is busy with other work gets two more tries."""
    tries = []
    for _ in range(3):
        tries.append(measured(browser, path))
        if tries[-1]["picture"] <= first_picture and tries[-1]["pace"] >= PACE:
            break
    assert max(t["memory"] for t in tries) <= MEMORY
    assert all(t["picture"] < t["all"] for t in tries)
    assert min(t["picture"] for t in tries) <= first_picture
    assert max(t["pace"] for t in tries) >= PACE


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory, both: Path) -> Path:
    grid = Grid(CRS, WEST, NORTH, CELL, SIDE, SIDE)
    runs = [run(grid, "Crue", 0.0), run(grid, "Crue, digue", 0.5)]
    return written(runs, both, tmp_path_factory.mktemp("heavy") / "page.html")


@pytest.mark.slow
def test_two_scenarios_of_a_hundred_frames_stay_in_the_budget(heavy: Path) -> None:
    assert heavy.stat().st_size <= BUDGET


@pytest.mark.slow
@pytest.mark.browser
def test_the_promised_size_opens_in_time_and_moves(browser: Any, heavy: Path) -> None:
    check(browser, heavy)


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_has_its_work_of_a_picture_done_in_half_the_time(browser: Any, heavy: Path) -> None:
    """What the processor does besides the card, playing with streaks at 10⁶ cells: seconds of its own thread,
    so that other work on this machine does not count, and neither does waiting for the card.

    Drawn by the processor, only some pictures come each second and most of them begin a new frame (2 MB made
    and handed over): at 60 a second few do, and a picture costs less than here.
    """
    opened = Opened(browser, heavy, (1280, 720))
    try:
        opened.wait("twin.view().measured > 0")
        session = opened.context.new_cdp_session(opened.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> dict[str, float]:
            return {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}

        before = spent()
        played = opened.page.evaluate(PLAYING, 6.0)
        after = spent()
        assert opened.errors == []
    finally:
        opened.close()
    assert played["count"] >= 5
    each = {
        name: 1000.0 * (after[name] - before[name]) / played["count"]
        for name in ("ScriptDuration", "TaskDuration")
    }
    print(
        f"{played['count']} pictures: {each['ScriptDuration']:.1f} ms of script and"
        f" {each['TaskDuration']:.1f} ms in all of the page's thread each; by the clock"
        f" {played['median']:.1f} ms (median) and {played['late']:.1f} ms (one in twenty),"
        f" load {os.getloadavg()[0]:.1f}"
    )
    assert each["ScriptDuration"] < 0.75 * FRAME
    assert each["TaskDuration"] < 1.5 * FRAME  # software canvases are copied by this thread; a card's are not


#: A machine whose card takes no time: what is left is the page's own work.
NO_CARD = """(() => {
    const gl = WebGL2RenderingContext.prototype;
    for (const name of ["drawElements", "drawArrays", "drawElementsInstanced", "drawArraysInstanced",
        "clear"]) gl[name] = () => undefined;
    const own = gl.getParameter;
    gl.getParameter = function (what) { return what === 0x9246 ? "A card" : own.call(this, what); };
})()"""

#: Pictures at 60 a second of the page's clock, as fast as they can be made: full speed, two runs, streaks.
FULL_SPEED = """async ([pictures, turning]) => {
    const view = twin.view(), { app } = twin;
    app.set({ compare: true, showFlow: true, speed: 4, time: app.from });
    view.pace.measured = 5;
    const step = (4 * (app.to - app.from)) / 24 / 60;
    let now = performance.now(), time = app.from;
    for (let k = 0; k < pictures; k++) {
        now += 1000 / 60;
        time = time + step > app.to ? app.from : time + step;
        app.choices.playing = true;
        app.set({ time });
        await Promise.resolve();
        if (turning) view.turn(0.5);
        view.tick(now);
        document.body.offsetHeight;
        if (k % 40 === 39) await new Promise((done) => setTimeout(done, 20));
    }
    app.set({ playing: false });
}"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("turning", [False, True])
def test_a_laptop_three_times_slower_keeps_sixty_a_second(browser: Any, heavy: Path, turning: bool) -> None:
    """Full speed, two scenarios side by side, streaks, 10⁶ cells: the page's own work of a picture,
    layout included, in seconds of its own thread: a third of 16.7 ms, here."""
    opened = Opened(browser, heavy, (1920, 1080), first=NO_CARD)
    try:
        session = opened.context.new_cdp_session(opened.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))

        tries = []
        for _ in range(3):
            before = spent()
            opened.page.evaluate(FULL_SPEED, [240, turning])
            tries.append(1000.0 * (spent() - before) / 240)
        assert opened.errors == []
    finally:
        opened.close()
    print(f"{', '.join(f'{t:.1f}' for t in tries)} ms a picture, load {os.getloadavg()[0]:.1f}")
    assert min(tries) < FRAME / 3


@pytest.mark.browser
def test_what_a_picture_asks_of_the_card_is_bounded_at_every_level(browser: Any, both: Path) -> None:
    opened = Opened(browser, both, (1280, 720))
    try:
        asked = opened.page.evaluate(
            """async () => {
                const view = twin.view(); const out = [];
                const drawn = () => new Promise((done) => {
                    const before = view.onDraw;
                    view.onDraw = () => { before(); view.onDraw = before; done(); };
                    view.invalidate();
                });
                twin.app.set({ showFlow: true });
                view.pace.finest(); // pinned: the level is ours
                for (const compare of [false, true]) {
                    twin.app.set({ compare });
                    for (let level = 0; level < 7; level++) {
                        view.pace.at = level;
                        await drawn();
                        out.push({ compare, tiles: view.pace.level.tiles, ...view.cost });
                    }
                }
                return out;
            }"""
        )
        houses = opened.page.evaluate("twin.app.territory.buildings.list.length")
        roads = opened.page.evaluate(
            "twin.app.territory.roads.flatMap((r) => r.lines).reduce((n, xy) => n + xy.length, 0)"
        )
        assert opened.errors == []
    finally:
        opened.close()
    assert len({a["tiles"] for a in asked}) == 4
    for a in asked:
        times = 2 if a["compare"] else 1
        # 1152 triangles a tile; houses, ribbons at most every 6 m, streaks, the block's sides.
        assert a["triangles"] <= times * (1152 * (a["tiles"] + 4) + 40 * houses + 40 * roads + 3000 + 4000), a
        assert a["calls"] <= times * 6, a
        assert a["textures"] <= 16, a


@pytest.mark.slow
@pytest.mark.browser
def test_twenty_kilometres_open_like_two(browser: Any, both: Path, tmp_path: Path) -> None:
    """4 million cells of 10 m: full resolution, since most of them stay dry."""
    grid = Grid(CRS, WEST, NORTH, 10.0, 2000, 2000)
    page = written([run(grid, "Crue", 0.0, frames=24)], both, tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    assert '"factor":1' in text
    assert page.stat().st_size <= BUDGET
    check(browser, page)


@pytest.mark.slow
@pytest.mark.browser
def test_a_plain_of_four_million_cells_is_decoded_where_one_looks(
    browser: Any, both: Path, tmp_path: Path
) -> None:
    """A quarter of the cells wet, two runs of a hundred frames: squares come and go, as memory allows.

    A file of 56 MB, five times what is promised: its first picture gets 5 s.
    """
    grid = Grid(CRS, WEST, NORTH, 10.0, 2000, 2000)
    runs = [
        run(grid, "Crue", 0.0, reach=2500.0, plain=True),
        run(grid, "Crue, digue", 0.5, reach=2500.0, plain=True),
    ]
    depth = np.asarray(runs[0].fields["water_depth"].values[60], dtype=float)
    page = written(runs, both, tmp_path / "page.html")
    assert '"factor":1' in page.read_text(encoding="utf-8")
    check(browser, page, 5000.0)
    opened = Opened(browser, page, (1280, 720))
    try:
        held, room = opened.page.evaluate("[twin.loader.held, twin.loader.room]")
        assert 0.5 * room < held <= room
        # Far in time: the squares on the screen are decoded, others are let go, and the depth is the run's.
        opened.page.evaluate("() => { const s = twin.app.shown; twin.app.set({ time: s.meta.times[60] }); }")
        opened.wait("twin.app.shown.decoded(twin.app.choices.time).a === 60")
        row, column = 1000, 1000
        seen = opened.page.evaluate(
            "(c) => twin.app.shown.depthAt(c, twin.app.choices.time)", row * 2000 + column
        )
        assert seen == pytest.approx(depth[row, column], abs=0.015 + 0.002 * depth[row, column])
        assert opened.page.evaluate("twin.loader.held") <= room
        # A hydrograph asks for its square over the whole time.
        opened.page.evaluate("() => twin.app.set({ picked: { x: 5, y: -5, building: null, road: null } })")
        opened.wait(f"twin.app.shown.cellSeries({row * 2000 + column}) !== null")
    finally:
        opened.close()
