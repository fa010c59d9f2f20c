"""What is chosen, what is shown of it and what the figures beside it say are the same thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from tests.page.opened import Opened, check_difference, dry_and_wet, metres
from tests.page.valley import write_run
from twin.results import Result

pytestmark = pytest.mark.browser

SHUT, OPEN = 22, 24  # pieces of a street that no water reaches
PLAIN = "showBuildings: false, showRoads: false, showPlaces: false, showFlow: false, picked: null"
FROM_ABOVE = (
    "() => { const v = twin.view(); v.home(); v.north(); if (v.mode === '3d') v.tilt(); v.goTo(0, 0); }"
)

# The changes of the last run are unpacked, and handed over when `go` is called.
HELD = """
(() => {
    const get = Document.prototype.getElementById;
    const read = Response.prototype.arrayBuffer;
    const gate = new Promise((done) => { window.go = done; });
    let late = [], asked = '';
    Document.prototype.getElementById = function (id) {
        const found = get.call(this, id);
        if (id === 'data' && found) {
            const { difference } = JSON.parse(found.textContent).scenarios.at(-1);
            late = Object.values(difference).map((k) => `blob-${k}`);
        }
        asked = id;
        return found;
    };
    Response.prototype.arrayBuffer = function () {
        const held = late.includes(asked);
        if (held) window.reached = true;
        return read.call(this).then((bytes) => (held ? gate.then(() => bytes) : bytes));
    };
})();
"""


@pytest.fixture(scope="module")
def three(
    reference: Result, with_dike: Result, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    """The third has the same dike and half the frames."""
    folder = tmp_path_factory.mktemp("three")
    third = write_run(folder / "third", name="Crue centennale, muret", dike=True, frames=7)
    return viz.page([reference, with_dike, third], folder / "page.html", lang="fr"), third


@pytest.fixture(scope="module")
def killed_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A run without a maximum of its own; heavy traffic; a road is shut for a while."""
    folder = tmp_path_factory.mktemp("killed")
    run = write_run(folder / "run", status="interrupted", maximum=False, load=4.0, shut=SHUT)
    (run.path / "indicators.json").unlink()  # no figures of the whole run either
    return viz.page(run, folder / "page.html", lang="fr"), run


@pytest.fixture(scope="module", params=["3d", "2d"])
def killed(request: Any, killed_page: tuple[Path, Result]) -> Iterator[Opened]:
    browser = request.getfixturevalue("browser" if request.param == "3d" else "browser_without_3d")
    opened = Opened(browser, killed_page[0])
    opened.page.evaluate(FROM_ABOVE)
    yield opened
    opened.close()


@pytest.mark.parametrize("runs", [2, 3])
def test_changes_that_are_read_late_are_drawn_and_told(
    browser: Any, both: Path, three: tuple[Path, Result], reference: Result, change: np.ndarray, runs: int
) -> None:
    path = both if runs == 2 else three[0]
    link = f"#of=0-{runs - 1}&t=11520&layers=00001000"
    opened = Opened(browser, path, hash_=link, first=HELD, until="first")
    try:
        opened.wait("window.reached === true")
        opened.page.evaluate(FROM_ABOVE)
        opened.wait(
            "!twin.view().pace.open && twin.view().things.buildings.geometry.getAttribute('position')"
        )
        opened.rest()
        row, column = (int(v) for v in np.argwhere(change < -0.6)[100])
        x, y = metres(reference, (row, column))
        if runs == 2:
            opened.page.evaluate(
                "([x, y]) => twin.app.set({ picked: { x, y, building: null, road: null } })", [x, y]
            )
            opened.wait("document.querySelector('#card .change') !== null")
            assert opened.page.inner_text("#card .change").split("\t")[-2:] == ["…", ""]
        opened.page.evaluate("go()")
        opened.wait("document.documentElement.dataset.ready === 'all'")
        if runs == 2:
            told = f"− {abs(change[row, column]):.1f}".replace(".", ",")
            assert told in opened.page.inner_text("#card .change")
        check_difference(opened, reference, change)  # nothing else has asked for a picture
        assert opened.errors == []
    finally:
        opened.close()


def test_the_card_tells_the_change_that_the_map_shows(
    browser_without_3d: Any, three: tuple[Path, Result], reference: Result, change: np.ndarray
) -> None:
    row, column = (int(v) for v in np.argwhere(change < -0.6)[100])
    x, y = metres(reference, (row, column))
    size = f"{abs(change[row, column]):.1f}".replace(".", ",")
    told = "document.querySelector('#card .change')?.innerText.split('\t')[2]"
    opened = Opened(browser_without_3d, three[0], hash_="#of=0-1&t=11520")
    try:
        opened.page.evaluate(
            "([x, y]) => twin.app.set({ picked: { x, y, building: null, road: null } })", [x, y]
        )
        for scenario, other, sign in ((0, 1, "− "), (1, 0, "+ "), (2, 0, "+ "), (1, 2, "0")):
            for way in ("difference", "compare"):
                opened.page.evaluate(
                    "([way, scenario, other]) => twin.app.set({ compare: false, difference: false,"
                    " [way]: true, scenario, other })",
                    [way, scenario, other],
                )
                wanted = "0,00 m" if sign == "0" else sign + size
                opened.wait(f"{told}?.startsWith({wanted!r})")
        opened.page.evaluate("twin.app.set({ compare: false, difference: false })")
        opened.wait("document.querySelector('#card .change') === null")  # of which two of three?
    finally:
        opened.close()


def test_area_in_the_footer_is_that_of_the_picture(scene: Opened, reference: Result) -> None:
    def area() -> str:
        return scene.page.inner_text("#area")

    scene.page.evaluate("twin.app.set({ time: 5000 })")
    scene.wait("document.getElementById('since').textContent === 'T+1 h 23'")
    instant = area()
    assert "surface inondée" in instant
    scene.page.evaluate("twin.app.set({ water: 'maximum' })")
    scene.wait("document.getElementById('clock').textContent === 'Maximum'")
    hectares = reference.indicators["flooded_area"]["value"]
    assert area() == f"surface inondée : {hectares:.0f} ha" != instant
    scene.page.evaluate("twin.app.set({ water: 'now', difference: true })")
    scene.wait("document.getElementById('since').textContent === 'sur toute la durée'")
    assert area() == ""
    scene.page.evaluate("twin.app.set({ difference: false })")
    scene.wait("document.getElementById('since').textContent === 'T+1 h 23'")
    assert area() == instant


def test_a_run_without_its_own_maximum_shows_that_of_its_frames(
    killed: Opened, killed_page: tuple[Path, Result], reference: Result
) -> None:
    assert "max_water_depth" not in killed_page[1].fields
    _, wet = dry_and_wet(reference)  # the same water
    killed.page.evaluate(f"twin.app.set({{ {PLAIN}, water: 'now', time: 0 }})")
    killed.rest()
    at = killed.where(*metres(reference, wet))
    land = killed.pixels(*at, size=3).astype(int)
    assert np.abs(land - (0x21, 0x71, 0xB5)).max() > 40
    killed.page.evaluate("twin.app.set({ water: 'maximum' })")
    killed.drawn()
    assert np.abs(killed.pixels(*at, size=3).astype(int) - (0x21, 0x71, 0xB5)).max() <= 3
    assert killed.page.inner_text("#area") == ""  # no figure of the whole run
    killed.page.evaluate("twin.app.set({ water: 'now' })")
    killed.drawn()
    assert killed.errors == []


def test_controls_say_what_a_link_has_chosen(scene: Opened) -> None:
    scene.page.evaluate("location.hash = '#t=7200&layers=01100110&relief=2.5&buildings=now&water=maximum'")
    scene.wait("twin.app.choices.exaggeration === 2.5")
    scene.drawn()
    keys = ["showBuildings", "showRoads", "showPlaces", "permanentApart", "scale", "showObserved", "showFlow"]
    chosen, checked = scene.page.evaluate(
        "(keys) => [keys.map((key) => twin.app.choices[key]), keys.map((key) =>"
        " document.getElementById(`show-${key}`)?.checked ?? twin.app.choices[key])]",
        keys,
    )
    assert chosen == checked
    assert chosen[:5] == [False, True, True, False, True]
    assert scene.page.input_value("#exaggeration") == "2.5"
    assert (
        scene.page.evaluate("document.querySelector('label[for=exaggeration] output').textContent") == "× 2,5"
    )
    for name, value in (("buildings", "now"), ("water", "maximum")):
        assert scene.page.evaluate(f"document.querySelector('input[name={name}]:checked').value") == value
    scene.page.evaluate("twin.app.set({ scale: false })")
    scene.page.evaluate("history.replaceState(null, '', '#')")
    # Without a change of the legend as a whole too.
    scene.drawn()
    scene.page.evaluate("location.hash = '#t=3600&layers=10000000&relief=3&buildings=reached'")
    scene.wait("twin.app.choices.exaggeration === 3")
    scene.drawn()
    assert scene.page.evaluate("document.getElementById('show-showBuildings').checked")
    assert not scene.page.evaluate("document.getElementById('show-showRoads').checked")
    assert scene.page.input_value("#exaggeration") == "3"
    assert scene.page.evaluate("document.querySelector('input[name=buildings]:checked').value") == "reached"
    scene.page.evaluate("history.replaceState(null, '', '#')")


PURPLE, YELLOW, WHITE = (0xCB, 0xB8, 0xDD), (0xFF, 0xD2, 0x1F), (0xFF, 0xFF, 0xFF)


def around_road(opened: Opened, road: int) -> np.ndarray:
    """Pixels around the middle of a piece of street, from close above."""
    x, y = opened.page.evaluate("(k) => [...twin.app.territory.roads[k].lines[0].slice(8, 10)]", road)
    opened.page.evaluate(
        "([x, y]) => twin.view().setCamera({ x, y, distance: 600, bearing: 0, lean: 1 }, false)", [x, y]
    )
    opened.rest()
    return opened.pixels(*opened.where(x, y), size=25).astype(int)


def share(pixels: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(pixels - colour).max(axis=2) <= 12).mean())


def test_roads_under_maximum_are_those_of_the_whole_run(killed: Opened) -> None:
    killed.page.evaluate(f"twin.app.set({{ {PLAIN}, showRoads: true, water: 'now', time: 0 }})")
    for road in (SHUT, OPEN):
        pixels = around_road(killed, road)
        assert share(pixels, PURPLE) > 0.05, road
        assert share(pixels, YELLOW) == 0, road
    killed.page.evaluate("twin.app.set({ water: 'maximum' })")
    pixels = around_road(killed, OPEN)
    assert share(pixels, PURPLE) == 0  # traffic is of an instant
    assert share(pixels, WHITE) > 0.05
    assert share(around_road(killed, SHUT), YELLOW) > 0.05  # for a while, but shut
    # The card tells of the instant of the slider, as its heading says.
    killed.page.evaluate(f"twin.app.set({{ picked: {{ x: 0, y: 0, building: null, road: {SHUT} }} }})")
    killed.wait("!document.getElementById('card').hidden")
    assert "ouverte" in killed.page.inner_text("#card tbody td")
    killed.page.evaluate("twin.app.set({ picked: null, water: 'now' })")
    killed.page.evaluate(FROM_ABOVE)
    killed.drawn()


def test_curves_under_the_slider_are_those_of_the_runs_compared(
    browser_without_3d: Any, three: tuple[Path, Result]
) -> None:
    opened = Opened(browser_without_3d, three[0], hash_="#of=0|1&t=7200")
    try:
        points = "[...document.querySelectorAll('.graph polyline')].map((line) => line.points.length)"
        assert opened.page.evaluate(points) == [13, 13]
        opened.page.select_option("#which-second", "2")
        opened.wait("twin.app.choices.other === 2")
        assert opened.page.evaluate(points) == [13, 7]
        assert opened.page.evaluate("document.activeElement.id") in ("which-second", "")
        assert opened.errors == []
    finally:
        opened.close()


def test_the_greatest_saturation_that_is_kept_is_told_as_a_bound(killed: Opened) -> None:
    killed.page.evaluate("twin.app.set({ picked: { x: 0, y: 0, building: null, road: 0 }, time: 0 })")
    killed.wait("!document.getElementById('card').hidden")
    french = killed.page.inner_text("#card")
    killed.click("#language")
    killed.wait("document.documentElement.lang === 'en'")
    english = killed.page.inner_text("#card")
    killed.page.evaluate(f"twin.app.set({{ picked: {{ x: 0, y: 0, building: null, road: {OPEN} }} }})")
    killed.wait("document.getElementById('card').innerText.includes('53%')")
    killed.click("#language")
    killed.wait("document.documentElement.lang === 'fr'")
    killed.page.evaluate("twin.app.set({ picked: null })")
    assert "véh/h, ≥ 255 % de la capacité" in french
    assert "veh/h, ≥ 255% of capacity" in english
