"""What a reader does with the page: key instants, profile, search, streaks, link, paper, guided tour."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.page.opened import SIZE, Opened, dry_and_wet, metres
from twin.results import Result

pytestmark = pytest.mark.browser


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
    scene.rest()
    at = scene.where(x, y)
    assert abs(at[0] - SIZE[0] / 2) < 4
    assert abs(at[1] - SIZE[1] / 2) < 4
    scene.page.fill("#search-for", "<b>nowhere")
    assert "Aucun lieu" in scene.page.inner_text("#found-status")
    scene.page.fill("#search-for", "")


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
    scene.drawn()
    scene.changes(scene.pixels(480, 320, 200), 480, 320, more_than=40)
    flowed = scene.page.evaluate("twin.view().flowed")
    scene.wait(f"twin.view().flowed > {flowed}")
    scene.page.evaluate("twin.app.set({ showFlow: false })")
    flowed = scene.page.evaluate("twin.view().flowed")
    for _ in range(4):
        scene.drawn()  # pictures are made, streaks move no more
    assert scene.page.evaluate("twin.view().flowed") == flowed


def test_streaks_keep_still_for_readers_who_asked_for_less_motion(
    browser_without_3d: Any, both: Path
) -> None:
    for motion, on in (("reduce", False), ("no-preference", True)):
        opened = Opened(browser_without_3d, both, motion=motion)
        try:
            assert opened.page.evaluate("twin.app.choices.showFlow") is on
            assert opened.page.evaluate("document.getElementById('show-showFlow').checked") is on
            opened.page.evaluate("twin.app.set({ time: 11520 })")
            drawn = """(() => { const s = document.getElementById('streaks');
                const { data } = s.getContext('2d').getImageData(0, 0, s.width, s.height);
                return !s.hidden && data.some((v) => v > 0); })()"""
            if on:
                opened.wait(drawn)
            else:
                opened.drawn()
                time.sleep(0.3)  # ten times what a picture of streaks is given
                assert not opened.page.evaluate(drawn)
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
    scene.page.evaluate("dispatchEvent(new Event('beforeprint'))")  # comes before the paper's layout
    scene.page.emulate_media(media="print")
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
