"""The page in a real browser, opened from disk with the network off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from tests.page.valley import write_run
from twin.results import Result

pytestmark = pytest.mark.browser
SIZE = (960, 640)
Open = Callable[..., Any]


class Opened:
    """A page, what it asked for and what it complained about."""

    def __init__(
        self,
        browser: Any,
        path: Path,
        size: tuple[int, int] = SIZE,
        *,
        motion: str = "no-preference",
        hash_: str = "",
    ) -> None:
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, offline=True, reduced_motion=motion
        )
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.goto(path.as_uri() + hash_)
        self.wait("document.documentElement.dataset.ready === 'all'")
        self.ready_ms = self.page.evaluate("performance.getEntriesByName('interface')[0].startTime")

    def wait(self, condition: str, limit: float = 90.0) -> None:
        """Polled from here: the page's policy forbids evaluating strings inside it."""
        end = time.monotonic() + limit
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"never true: {condition}; {self.errors}"
            time.sleep(0.05)

    def drawn(self) -> None:
        """Wait until the picture of the present choices is on the screen."""
        self.page.evaluate(
            """() => new Promise((done) => {
                const view = twin.view(); const before = view.onDraw; let left = 2;
                view.onDraw = () => {
                    before();
                    if (--left > 0) { view.invalidate(); return; }
                    view.onDraw = before;
                    done();
                };
                view.invalidate();
            })"""
        )

    def pixels(self, x: int, y: int, size: int = 5) -> np.ndarray:
        """RGB of a small square of the screen (size, size, 3)."""
        import io

        from PIL import Image

        clip = {"x": x - size // 2, "y": y - size // 2, "width": size, "height": size}
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB"))

    def click(self, selector: str) -> None:
        """Press a control that is on the screen, however slowly the machine draws."""
        self.wait(f"document.querySelector({selector!r})?.checkVisibility() === true")
        self.page.evaluate("(s) => { const e = document.querySelector(s); e.focus(); e.click(); }", selector)

    def where(self, x: float, y: float) -> tuple[int, int]:
        """Place on the screen of a point in metres from the centre."""
        at = self.page.evaluate("([x, y]) => twin.view().project(x, y, 0)", [x, y])
        return round(at["x"]), round(at["y"])

    def close(self) -> None:
        self.context.close()


@pytest.fixture(scope="module")
def open3d(browser: Any, both: Path) -> Iterator[Opened]:
    opened = Opened(browser, both)
    yield opened
    opened.close()


@pytest.fixture
def scene(open3d: Opened) -> Opened:
    """The shared page, back to its first choices, seen from above."""
    open3d.page.evaluate(
        """() => { twin.app.set({ playing: false, water: 'now', compare: false, scenario: 0, other: 1,
            picked: null,
            showBuildings: false, showRoads: false, showPlaces: false, permanentApart: true, exaggeration: 1,
            showFlow: false, difference: false, slide: null, tool: 'none', profile: null,
            buildingMode: 'reached', time: 11520 });
            const d = document.getElementById('dialog');
            if (d.open) d.close(); }"""
    )
    open3d.page.evaluate("""() => { const v = twin.view(); v.home(); v.north(); v.tilt(); v.goTo(0, 0); }""")
    time.sleep(1.0)
    open3d.drawn()
    return open3d


def dry_and_wet(result: Result) -> tuple[tuple[int, int], tuple[int, int]]:
    """A cell far from the water, and one under about 1.5 m of flood and dry at the start."""
    most = result.fields["max_water_depth"].values
    first = result.fields["water_depth"].isel(time=0).values
    j = slice(90, 110)
    wet = np.argwhere((most[:, j] > 1.3) & (most[:, j] < 1.6) & (first[:, j] == 0))
    return (20, 100), (int(wet[0][0]), int(wet[0][1]) + 90)


def metres(result: Result, cell: tuple[int, int]) -> tuple[float, float]:
    grid = result.grid
    return (cell[1] + 0.5 - grid.nx / 2) * grid.cell, (grid.ny / 2 - cell[0] - 0.5) * grid.cell


def test_opens_without_a_request_or_an_error(open3d: Opened, both: Path) -> None:
    outside = [url for url in open3d.requests if not url.startswith(("file:", "blob:", "data:"))]
    assert outside == []
    assert open3d.errors == []
    assert open3d.page.evaluate("document.body.dataset.view") == "3d"
    print(
        f"{both.stat().st_size / 1e6:.2f} MB, interface after {open3d.ready_ms:.0f} ms (software rendering)"
    )


def test_depth_at_a_click_is_the_results(scene: Opened, reference: Result, with_dike: Result) -> None:
    _, cell = dry_and_wet(reference)
    x, y = metres(reference, cell)
    at = scene.where(x, y)
    scene.page.mouse.click(*at)
    scene.wait("twin.app.choices.picked !== null")
    picked = scene.page.evaluate("twin.app.choices.picked")
    assert abs(picked["x"] - x) < 6
    assert abs(picked["y"] - y) < 6
    i = int((reference.grid.ny * 10 / 2 - picked["y"]) // 10)
    j = int((picked["x"] + reference.grid.nx * 10 / 2) // 10)
    for k, result in enumerate((reference, with_dike)):
        depth = result.fields["water_depth"].values[:, i, j]
        now = np.interp(11520.0, result.times, depth)
        shown = scene.page.evaluate(
            "([k, c]) => twin.app.scenarios[k].depthAt(c, twin.app.choices.time)", [k, i * 200 + j]
        )
        assert abs(shown - now) <= 0.015
    card = scene.page.inner_text("#card")
    assert f"{shown:.2f}".replace(".", ",") in card
    ground = reference.fields["bed_elevation"].values[i, j]
    assert f"{ground:.2f}".replace(".", ",")[:-1] in card


def test_colour_on_the_screen_is_the_legends(scene: Opened, reference: Result) -> None:
    dry, wet = dry_and_wet(reference)
    assert (
        np.abs(scene.pixels(*scene.where(*metres(reference, wet))).astype(int) - (0x21, 0x71, 0xB5)).max()
        <= 3
    )
    land = scene.pixels(*scene.where(*metres(reference, dry)))
    assert (land[..., 1] > land[..., 2]).all()  # land is greener than it is blue
    i = np.argmax(reference.fields["water_depth"].isel(time=0).values[:, 100])
    river = scene.pixels(*scene.where(*metres(reference, (int(i), 100))))
    assert np.abs(river.astype(int) - (0x8F, 0xB0, 0xB4)).max() <= 3


def test_slider_changes_the_picture(scene: Opened, reference: Result) -> None:
    _, wet = dry_and_wet(reference)
    at = scene.where(*metres(reference, wet))
    peak = scene.pixels(*at)
    scene.page.focus("#slider")
    scene.page.keyboard.press("Home")
    scene.wait("twin.app.choices.time === 0")
    scene.drawn()
    assert np.abs(scene.pixels(*at).astype(int) - peak).max() > 40
    assert "06:00" in scene.page.inner_text("#clock")
    scene.page.keyboard.press("PageUp")
    scene.wait("twin.app.choices.time === 1800")
    assert "30 min" in scene.page.inner_text("#since")


def test_play_moves_time(scene: Opened) -> None:
    scene.page.evaluate("twin.app.set({ time: 0 })")
    scene.click("#play")
    scene.wait("twin.app.choices.time > 0")
    scene.click("#play")
    scene.wait("twin.app.choices.playing === false")


def test_compare_shows_both(scene: Opened, reference: Result, with_dike: Result) -> None:
    gain = reference.fields["max_water_depth"].values - with_dike.fields["max_water_depth"].values
    i, j = np.argwhere((gain > 0.7) & (with_dike.fields["max_water_depth"].values == 0))[200]
    at = scene.where(*metres(reference, (int(i), int(j))))
    scene.click("#scenarios button:nth-child(3)")
    scene.page.evaluate("twin.app.set({ split: 0.97 })")
    scene.drawn()
    left = scene.pixels(*at)
    scene.page.focus("#split")
    scene.page.keyboard.press("Home")
    scene.wait("twin.app.choices.split < 0.1")
    scene.drawn()
    right = scene.pixels(*at)
    assert (left[..., 2].astype(int) - left[..., 0] > 20).all()  # water
    assert (right[..., 2] < right[..., 1]).all()  # land


@pytest.fixture(scope="module")
def change(reference: Result, with_dike: Result) -> np.ndarray:
    """What the dike changes at the worst (m)."""
    return np.asarray(
        with_dike.fields["max_water_depth"].values - reference.fields["max_water_depth"].values, dtype=float
    )


CHANGES = ("#00594f", "#35a195", "#a5dcd3", "#ccd3d8", "#ffd092", "#ee8a1d", "#993800")


def check_difference(opened: Opened, reference: Result, change: np.ndarray) -> None:
    """The colours on the screen are those of the legend, for what is saved and what is worsened."""
    from scipy.ndimage import uniform_filter

    flat = np.abs(uniform_filter(change, 5) - change) < 0.004  # well inside a patch
    wet = reference.fields["max_water_depth"].values > 0.3
    column = np.zeros_like(wet)
    column[:, 80:120] = True
    for step, inside in (
        (0, change < -0.6),
        (3, np.abs(change) < 0.005),
        (4, (change > 0.1) & (change < 0.19)),
    ):
        cells = np.argwhere(inside & flat & wet & column)
        i, j = (int(v) for v in cells[len(cells) // 2])
        colour = [int(CHANGES[step][k : k + 2], 16) for k in (1, 3, 5)]
        seen = opened.pixels(*opened.where(*metres(reference, (i, j))), size=3).astype(int)
        assert np.abs(seen - colour).max() <= 4, (step, seen[1, 1], colour)


def test_difference_map_shows_what_is_saved_and_what_is_worsened(
    scene: Opened, reference: Result, change: np.ndarray
) -> None:
    scene.click("#scenarios button:last-child")
    scene.wait("twin.app.choices.difference === true")
    scene.drawn()
    check_difference(scene, reference, change)
    panel = scene.page.inner_text("#panel")
    for part in ("Différence de hauteur maximale", "Moins d'eau", "Plus d'eau", "− de 20 à 50 cm", "digue"):
        assert part in panel
    # Values, not only colours: within the encoding everywhere.
    shown = np.array(scene.page.evaluate("Array.from(twin.app.scenarios[1].change)")).reshape(change.shape)
    assert np.abs(shown - change).max() <= 0.0101
    # A click tells it in figures; roads that the dike frees are told apart.
    cells = np.argwhere(change < -0.6)
    i, j = cells[len(cells) // 2]
    x, y = metres(reference, (int(i), int(j)))
    scene.page.evaluate("([x, y]) => twin.app.set({ picked: { x, y, building: null, road: null } })", [x, y])
    scene.wait("!document.getElementById('card').hidden")
    told = scene.page.inner_text("#card .change")
    assert f"− {abs(shown[i, j]):.2f}".replace(".", ",") in told
    # The slider goes back to water at an instant.
    scene.page.focus("#slider")
    scene.page.keyboard.press("ArrowRight")
    scene.wait("twin.app.choices.difference === false")
    assert "eau" in scene.page.inner_text("#panel h3")


def test_key_instants_are_the_results_and_can_be_jumped_to(scene: Opened, reference: Result) -> None:
    roads, times = reference.roads, reference.times
    assert roads is not None
    depth = reference.fields["water_depth"].values
    first = depth[0] > 0.05
    area = [((frame > 0.05) & ~first).sum() for frame in depth]
    scene.click("#chapters")
    told = scene.page.evaluate(
        "[...document.querySelectorAll('#chapter-list li')].map((e) => e.innerText.replace(/\\s+/g, ' '))"
    )
    clocks = [line.split(" ")[0] for line in told]
    assert clocks == sorted(clocks)
    peak = times[int(np.argmax(area))]
    assert f"{6 + int(peak // 3600):02d}:{int(peak % 3600 // 60):02d} Étendue la plus grande" in told
    assert any("Premier bâtiment touché" in line for line in told)
    assert any("Décrue" in line for line in told)
    # The run says between which frames a road is cut: the chapter lies there.
    cut = roads[roads["cut_from_s"].notna() & (roads["importance"] <= 4) & (roads["name"] != "")]
    assert len(cut) > 0
    for name, after in cut.groupby("name")["cut_from_s"].min().items():
        line = next(part for part in told if f"Route coupée : {name}" in part)
        hours, minutes = (int(v) for v in line.split(" ")[0].split(":"))
        at = (hours - 6) * 3600 + minutes * 60
        assert after - (times[1] - times[0]) - 60 <= at <= after + 60
    # A bridge has no water of its own: it goes out of use when the ways to one of its ends are cut.
    assert any("Pont hors d'usage (accès coupé) : Rue du Pont" in line for line in told)
    scene.page.keyboard.press("Escape")
    scene.page.evaluate("twin.app.set({ time: 0 })")
    scene.page.focus("#map")
    scene.page.keyboard.press("PageDown")
    scene.wait("twin.app.choices.time > 0")
    assert scene.page.evaluate("twin.app.choices.picked.building !== null")
    assert "Premier bâtiment touché" in scene.page.inner_text("#area")
    scene.page.keyboard.press("PageDown")
    second = scene.page.evaluate("twin.app.choices.time")
    scene.page.keyboard.press("PageDown")
    scene.page.keyboard.press("PageUp")
    scene.wait(f"Math.abs(twin.app.choices.time - {second}) < 1")
    scene.click("#chapters")
    scene.wait("document.querySelector('#chapter-list').checkVisibility()")
    scene.page.evaluate(
        "[...document.querySelectorAll('#chapter-list button')]"
        ".find((b) => b.innerText.includes('Étendue')).click()"
    )
    scene.wait(f"twin.app.choices.time === {peak}")
    assert scene.page.evaluate("document.activeElement.id") == "chapters"


def test_profile_is_the_results_and_follows_the_slider(
    scene: Opened, reference: Result, with_dike: Result
) -> None:
    scene.click("#profile-tool")
    assert "premier point" in scene.page.inner_text("#profile")
    scene.page.mouse.click(*scene.where(0.0, 230.0))
    scene.wait("twin.app.choices.profile !== null")
    assert "second point" in scene.page.inner_text("#profile")
    scene.page.mouse.click(*scene.where(0.0, -230.0))
    scene.wait("twin.app.choices.profile.length === 4")
    assert scene.page.evaluate("twin.app.choices.picked === null && twin.app.choices.tool === 'none'")
    scene.page.evaluate("twin.app.set({ profile: [5, 200, 5, -200] })")  # down a column of cells
    scene.wait("document.querySelector('#profile .ground-line') !== null")
    j = reference.grid.nx // 2
    rows = slice(reference.grid.ny // 2 - 20, reference.grid.ny // 2 + 20)
    bed = reference.fields["bed_elevation"].values[rows, j]
    most = reference.fields["max_water_depth"].values[rows, j]
    found = scene.page.evaluate("twin.section(twin.app, twin.app.shown, [5, 200, 5, -200])")
    ground = np.array([np.nan if v is None else v for v in found["ground"]])
    assert ground.min() == pytest.approx(bed.min(), abs=0.006)
    at = np.clip((np.array(found["distance"]) / 10).astype(int), 0, 39)
    inner = np.arange(len(at)) % 2 == 1  # not on the edge between two cells
    np.testing.assert_allclose(ground[inner], bed[at][inner], atol=0.006)
    level = np.array([np.nan if v is None else v for v in found["most"]], dtype=float)
    expected = np.where(most > 0.05, bed + most, np.nan)[at]
    both = inner & (most[at] > 0.06)
    assert np.abs(level - expected)[both].max() <= 0.05
    assert np.isnan(level[inner & (most[at] < 0.04)]).all()
    assert scene.page.evaluate("document.querySelectorAll('#profile .crest').length") == 0
    before = scene.page.evaluate("document.querySelector('#profile .water-now').getAttribute('d')")
    scene.page.evaluate("twin.app.set({ time: 3600, scenario: 1, other: 0 })")
    scene.wait("document.querySelectorAll('#profile .crest').length === 1")
    assert scene.page.evaluate("document.querySelector('#profile .water-now').getAttribute('d')") != before
    assert "Crête à 61,50 m" in scene.page.inner_text("#profile")
    # The keyboard draws one too.
    scene.page.focus("#map")
    scene.page.keyboard.press("p")
    scene.wait("twin.app.choices.profile === null")
    scene.page.keyboard.press("p")
    scene.page.keyboard.press("Enter")
    scene.page.keyboard.press("ArrowUp")
    scene.drawn()
    scene.page.keyboard.press("Enter")
    scene.wait("twin.app.choices.profile?.length === 4")


def test_search_finds_places_and_streets_whatever_the_accents(scene: Opened) -> None:
    for asked, told in (
        ("hop", "Hôpital"),
        ("ecole jules", "École Jules-Ferry"),
        ("republique", "Rue de la République"),
        ("MOULIN", "Rue du Moulin"),
    ):
        scene.page.fill("#search-for", asked)
        assert scene.page.inner_text("#found li:first-child span") == told
    scene.page.fill("#search-for", "rue")
    assert scene.page.evaluate("document.querySelectorAll('#found li').length") == 3
    scene.page.keyboard.press("ArrowDown")
    assert scene.page.get_attribute("#search-for", "aria-activedescendant") == "found-1"
    scene.page.keyboard.press("Enter")
    scene.wait("twin.app.choices.picked !== null")
    assert "Rue du Moulin" in scene.page.inner_text("#card")
    assert scene.page.evaluate("document.getElementById('found').hidden")
    x, y = scene.page.evaluate("[twin.app.choices.picked.x, twin.app.choices.picked.y]")
    time.sleep(1.0)
    scene.drawn()
    at = scene.where(x, y)
    assert abs(at[0] - SIZE[0] / 2) < 4
    assert abs(at[1] - SIZE[1] / 2) < 4
    scene.page.fill("#search-for", "<b>nowhere")
    assert "Aucun lieu" in scene.page.inner_text("#found-status")
    scene.page.fill("#search-for", "")


def test_figures_side_by_side(scene: Opened) -> None:
    scene.click("#open-figures")
    text = scene.page.inner_text("#dialog")
    assert "Surface inondée" in text
    assert "− 45" in text
    scene.page.keyboard.press("Escape")
    assert not scene.page.evaluate("document.getElementById('dialog').open")


def test_sources_and_limits_are_told(scene: Opened) -> None:
    scene.click("#open-about")
    text = scene.page.inner_text("#dialog")
    for part in (
        "réglementaire",
        "± 1,0 cm",
        "10 m",
        "RGEALTI_0652_6863.asc",
        "Etalab 2.0",
        "0123456789ab",
        "three.js",
    ):
        assert part in text
    scene.page.keyboard.press("Escape")


def test_keyboard_asks_about_the_centre_and_moves(scene: Opened) -> None:
    scene.page.focus("#map")
    scene.page.keyboard.press("Enter")
    scene.wait("twin.app.choices.picked !== null")
    before = scene.page.evaluate("twin.view().metresPerPixel()")
    scene.page.keyboard.press("+")
    scene.wait(f"twin.view().metresPerPixel() < {before}")
    scene.page.keyboard.press("Escape")
    scene.wait("twin.app.choices.picked === null")


def test_english(scene: Opened) -> None:
    scene.click("#language")
    assert "Water depth" in scene.page.inner_text("#panel")
    assert scene.page.evaluate("document.documentElement.lang") == "en"
    scene.click("#language")
    assert "Hauteur d'eau" in scene.page.inner_text("#panel")


def test_names_are_text(scene: Opened) -> None:
    assert scene.page.evaluate(
        "[...document.querySelectorAll('.label')].some((e) => e.textContent === 'Mairie <b>&')"
    )
    assert scene.page.evaluate("document.querySelectorAll('#labels b').length") == 0


def test_building_and_road_tell_their_story(scene: Opened, reference: Result) -> None:
    roads = reference.roads
    assert roads is not None
    k = int(np.flatnonzero(roads["cut_from_s"].notna())[0])
    scene.page.evaluate("(k) => twin.app.set({ picked: { x: 0, y: 0, building: null, road: k } })", k)
    scene.wait("!document.getElementById('card').hidden")
    text = scene.page.inner_text("#card")
    assert str(roads["name"].iloc[k] or roads["nature"].iloc[k]) in text
    assert "coupée" in text
    assert "véh/h" in text
    buildings = reference.buildings
    assert buildings is not None
    b = int(buildings["max_water_depth"].fillna(0).argmax())
    scene.page.evaluate("(k) => twin.app.set({ picked: { x: 0, y: 0, building: k, road: null } })", b)
    scene.wait("document.getElementById('card').innerText.includes('BATIMENT')")
    assert str(buildings["building_id"].iloc[b]) in scene.page.inner_text("#card")


def test_streaks_drift_with_the_water(scene: Opened) -> None:
    # Software rendering: off until the reader asks. They move the way the water does, in the water.
    assert not scene.page.evaluate("twin.app.choices.showFlow")
    drifted = scene.page.evaluate(
        """() => {
            const view = twin.view(); const app = twin.app;
            app.set({ time: 11520, showFlow: true });
            const { flow } = view.streaks[0];
            flow.scatter();
            for (let k = 0; k < 5; k++) flow.step(0.1, 0, 0, 600, 2);
            const lit = () => [...flow.x.keys()].filter((k) => flow.light[k] > 0);
            const before = lit().map((k) => [k, flow.x[k], flow.y[k]]);
            flow.step(0.1, 0, 0, 600, 2);
            return before.filter(([k]) => flow.light[k] > 0).map(([k, x, y]) => [
                x, flow.x[k] - x, flow.y[k] - y,
                app.shown.depthAt(app.territory.lattice.cellAt(x, y), 11520)]);
        }"""
    )
    found = np.array(drifted)
    # The first step of a streak in its second life is a jump: those are few.
    steps = found[np.hypot(found[:, 1], found[:, 2]) < 6.0]
    assert len(steps) > 300
    assert (steps[:, 1] > 0).mean() > 0.99  # to the east
    slope = 120.0 / 420.0 * np.cos(steps[:, 0] / 420.0)
    turned = np.abs(np.degrees(np.arctan2(steps[:, 2], steps[:, 1]) - np.arctan(slope)))
    assert np.median(turned) < 6.0
    assert np.quantile(turned, 0.99) < 16.0
    assert (steps[:, 3] > 0.05).all()
    pace = np.hypot(steps[:, 1], steps[:, 2]).mean() / 0.2  # 0.1 s at 2 m a pixel
    assert 10.0 < pace < 22.0
    before = scene.pixels(480, 320, 200)
    scene.wait("twin.view().flowed > 0")
    time.sleep(1.0)
    assert (np.abs(scene.pixels(480, 320, 200).astype(int) - before).max(axis=2) > 30).sum() > 40
    scene.page.evaluate("twin.app.set({ showFlow: false })")
    scene.drawn()
    still = scene.pixels(480, 320, 200)
    time.sleep(0.5)
    assert (scene.pixels(480, 320, 200) == still).all()


def test_streaks_keep_still_for_readers_who_asked_for_less_motion(
    browser_without_3d: Any, both: Path
) -> None:
    for motion, on in (("reduce", False), ("no-preference", True)):
        opened = Opened(browser_without_3d, both, motion=motion)
        try:
            assert opened.page.evaluate("twin.app.choices.showFlow") is on
            assert opened.page.evaluate("document.getElementById('show-showFlow').checked") is on
            opened.page.evaluate("twin.app.set({ time: 11520 })")
            time.sleep(0.3)
            drawn = opened.page.evaluate(
                """() => { const s = document.getElementById('streaks');
                    const { data } = s.getContext('2d').getImageData(0, 0, s.width, s.height);
                    return !s.hidden && data.some((v) => v > 0); }"""
            )
            assert drawn is on
            assert opened.errors == []
        finally:
            opened.close()


def test_link_brings_the_view_back(scene: Opened, browser_without_3d: Any, both: Path) -> None:
    view = {"x": 120.0, "y": -80.0, "distance": 700.0, "bearing": 40.0, "lean": 50.0}
    scene.page.evaluate(
        """(camera) => { twin.app.set({ scenario: 1, other: 0, time: 7200, water: 'now', buildingMode: 'now',
            showBuildings: true, permanentApart: false, exaggeration: 2, profile: [0, 100, 0, -100] });
            twin.view().setCamera(camera, false); }""",
        view,
    )
    scene.drawn()
    scene.click("#open-share")
    link = scene.page.input_value("#share-link")
    assert link.startswith(both.as_uri() + "#at=")
    scene.click("#share-copy")
    scene.wait("document.querySelector('#dialog [role=status]').textContent !== ''")
    opened = Opened(browser_without_3d, both, hash_="#" + link.split("#")[1])
    try:
        kept = opened.page.evaluate(
            "(({ scenario, other, time, buildingMode, showBuildings, showRoads, permanentApart, compare }) =>"
            " [scenario, other, time, buildingMode, showBuildings, showRoads, permanentApart, compare])"
            "(twin.app.choices)"
        )
        assert kept == [1, 0, 7200, "now", True, False, False, False]
        assert opened.page.evaluate("twin.app.choices.profile") == pytest.approx([0, 100, 0, -100], abs=0.6)
        camera = opened.page.evaluate("twin.view().camera()")
        assert (camera["x"], camera["y"]) == pytest.approx((120.0, -80.0), abs=0.6)
        assert camera["distance"] == pytest.approx(700.0, abs=1.0)
        # What makes no sense is passed over, and names in it stay text.
        opened.page.evaluate("location.hash = '#at=1,2,x&t=1e99&of=7-9&water=<b>&split=99&lang=zz'")
        opened.wait("twin.app.choices.time === twin.app.to")
        assert opened.page.evaluate("[twin.app.choices.scenario, twin.app.choices.water]") == [1, "now"]
        opened.page.evaluate("location.hash = '#of=0-1&t=0&lang=en'")
        opened.wait("twin.app.choices.difference === true")
        assert opened.page.evaluate("document.documentElement.lang") == "en"
        assert opened.errors == []
    finally:
        opened.close()
    scene.page.evaluate("document.getElementById('dialog').close()")
    scene.page.evaluate("twin.app.set({ scenario: 0, exaggeration: 1 }); twin.view().home()")
    scene.page.evaluate("(h) => { location.hash = h; }", "#" + link.split("#")[1])
    scene.wait("twin.app.choices.scenario === 1")
    scene.drawn()
    found = scene.page.evaluate("twin.view().camera()")
    assert [found[k] for k in view] == pytest.approx(list(view.values()), abs=1.0)
    scene.page.evaluate("history.replaceState(null, '', '#')")


def test_picture_and_paper_carry_what_explains_them(scene: Opened, reference: Result, tmp_path: Path) -> None:
    from PIL import Image

    _, wet = dry_and_wet(reference)
    at = scene.where(*metres(reference, wet))
    scene.click("#open-share")
    with scene.page.expect_download() as download:
        scene.click("#share-png")
    assert download.value.suggested_filename == "Crue_centennale_lun_12_oct_09_12_T_3_h_12.png"
    download.value.save_as(tmp_path / "view.png")
    picture = np.asarray(Image.open(tmp_path / "view.png").convert("RGB")).astype(int)
    assert picture.shape[1] == SIZE[0]
    assert SIZE[1] + 100 < picture.shape[0] < SIZE[1] + 260
    assert np.abs(picture[at[1], at[0]] - (0x21, 0x71, 0xB5)).max() <= 3
    legend = picture[SIZE[1] + 40 : SIZE[1] + 70].reshape(-1, 3)
    for colour in ((0xBD, 0xD7, 0xE7), (0x08, 0x30, 0x6B), (0xA5, 0x00, 0x26)):
        assert (np.abs(legend - colour).max(axis=1) <= 2).sum() > 150
    assert (picture[SIZE[1] + 75 :] < 90).all(axis=2).sum() > 800  # reserve, sources, date
    scene.page.evaluate("document.getElementById('dialog').close()")
    scene.page.emulate_media(media="print")
    scene.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert scene.page.evaluate("document.getElementById('paper').checkVisibility()")
    assert not scene.page.evaluate("document.getElementById('app').checkVisibility()")
    assert "Crue centennale" in scene.page.get_attribute("#paper", "alt")
    scene.page.emulate_media(media="screen")
    pdf = scene.page.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") == 1
    assert len(pdf) > 50_000  # the picture is on it
    scene.drawn()


def test_guided_tour_can_be_followed_and_left(scene: Opened) -> None:
    scene.click("#open-story")
    scene.wait("twin.app.choices.slide === 0")
    assert "La vallée avant la crue." in scene.page.inner_text("#story")
    assert scene.page.evaluate("twin.app.choices.time") == 0
    scene.wait("document.activeElement.id === 'story-next'")
    scene.page.keyboard.press("ArrowRight")
    scene.wait("twin.app.choices.slide === 1")
    assert "L'eau gagne <b>les quais</b>." in scene.page.inner_text("#story")
    assert scene.page.evaluate("twin.app.choices.time") == 7200
    camera = scene.page.evaluate("twin.view().camera()")
    wanted = {"x": -60.0, "y": 150.0, "distance": 500.0, "bearing": 90.0, "lean": 55.0}
    assert [camera[k] for k in wanted] == pytest.approx(list(wanted.values()), abs=6.0)
    scene.wait("twin.view().flight === null")
    scene.drawn()
    assert scene.page.evaluate("twin.view().bearing()") == pytest.approx(90.0, abs=0.5)
    scene.click("#story-next")
    scene.wait("twin.app.choices.difference === true")
    scene.click("#story-back")
    scene.wait("twin.app.choices.difference === false")
    scene.page.keyboard.press("Escape")
    scene.wait("twin.app.choices.slide === null")
    assert scene.page.evaluate("document.activeElement.id") == "map"
    assert not scene.page.evaluate("document.body.classList.contains('touring')")


def test_map_without_webgl(
    browser_without_3d: Any, both: Path, reference: Result, change: np.ndarray
) -> None:
    opened = Opened(browser_without_3d, both)
    try:
        assert opened.page.evaluate("document.body.dataset.view") == "2d"
        assert opened.errors == []
        opened.page.evaluate(
            "twin.app.set({ time: 11520, showFlow: false,"
            " showBuildings: false, showRoads: false, showPlaces: false })"
        )
        opened.drawn()
        dry, wet = dry_and_wet(reference)
        at = opened.where(*metres(reference, wet))
        assert np.abs(opened.pixels(*at, size=3).astype(int) - (0x21, 0x71, 0xB5)).max() <= 3
        land = opened.pixels(*opened.where(*metres(reference, dry)), size=3)
        assert (land[..., 1] > land[..., 2]).all()
        opened.page.evaluate("twin.app.set({ difference: true })")
        opened.drawn()
        check_difference(opened, reference, change)
        opened.page.evaluate("twin.app.set({ difference: false })")
        opened.drawn()
        opened.page.mouse.click(*at)
        opened.wait("twin.app.choices.picked !== null")
        assert "Point interrogé" in opened.page.inner_text("#card")
        opened.page.evaluate("twin.app.set({ time: 0 })")
        opened.drawn()
        assert np.abs(opened.pixels(*at, size=3).astype(int) - (0x21, 0x71, 0xB5)).max() > 40
        opened.click("#open-help")
        assert "WebGL" in opened.page.inner_text("#dialog")
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"buildings": False, "roads": False, "places": False, "traffic": False},
            ["pas de bâtiments", "pas de routes", "pas de lieux", "pas de trafic"],
        ),
        ({"frames": 1, "traffic": False}, ["un seul instant"]),
        (
            {"status": "interrupted", "holes": True, "traffic": False},
            ["interrompu à T+6 h 00", "terrain inconnu sur 600 mailles"],
        ),
    ],
)
def test_says_what_is_missing(
    browser_without_3d: Any, tmp_path: Path, options: dict[str, Any], told: list[str]
) -> None:
    run = write_run(tmp_path / "run", **options)
    opened = Opened(browser_without_3d, viz.page(run, tmp_path / "page.html", lang="fr"))
    try:
        opened.click("#open-about")
        text = opened.page.inner_text("#dialog")
        for part in told:
            assert part in text
        assert opened.errors == []
    finally:
        opened.close()


def test_holes_are_left_open_in_3d(browser: Any, tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run", holes=True, frames=1, buildings=False, roads=False, places=False, traffic=False
    )
    opened = Opened(browser, viz.page(run, tmp_path / "page.html", lang="fr"))
    try:
        opened.page.evaluate("() => { const v = twin.view(); v.north(); v.tilt(); v.goTo(...[-500, 450]); }")
        time.sleep(1.0)
        opened.drawn()
        at = opened.where(-900.0, 680.0)
        if 0 < at[0] < SIZE[0] and 0 < at[1] < SIZE[1]:
            assert opened.page.evaluate("([x, y]) => twin.view().pick(x, y)", list(at)) is None
        assert opened.errors == []
    finally:
        opened.close()
