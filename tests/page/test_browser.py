"""The page in a real browser, opened from disk with the network off: picture, time, comparison, texts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.page.opened import Opened, check_difference, dry_and_wet, metres
from twin.results import Result

pytestmark = pytest.mark.browser


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


def test_figures_side_by_side(scene: Opened) -> None:
    scene.click("#open-figures")
    text = scene.page.inner_text("#dialog")
    assert "Surface inondée" in text
    assert "−\u00a045" in text
    assert re.search(r"\d ha\t−\u00a0\d+(,\d)? ha", text)  # with its unit, no finer than the two
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
    assert "dernier calcul de trafic à 09:00" in text  # cut at 09:12
    scene.page.evaluate("twin.app.set({ time: 0 })")
    scene.wait("document.getElementById('card').innerText.includes('véh/h')")
    scene.page.evaluate("twin.app.set({ time: 11520 })")
    buildings = reference.buildings
    assert buildings is not None
    b = int(buildings["max_water_depth"].fillna(0).argmax())
    scene.page.evaluate("(k) => twin.app.set({ picked: { x: 0, y: 0, building: k, road: null } })", b)
    scene.wait("document.getElementById('card').innerText.includes('BATIMENT')")
    assert str(buildings["building_id"].iloc[b]) in scene.page.inner_text("#card")


@pytest.mark.browser
def test_a_picture_costs_what_the_budget_allows(scene: Opened) -> None:
    """Triangles and draw calls of viz/web/README.md, with everything shown and the finest ground."""
    scene.page.evaluate(
        "() => { twin.app.set({ showBuildings: true, showRoads: true }); twin.view().finest(); }"
    )
    scene.drawn()
    cost = scene.page.evaluate("twin.view().cost")
    assert 20_000 < cost["triangles"] <= 1_600_000
    assert cost["calls"] <= 6
    assert cost["textures"] <= 12
