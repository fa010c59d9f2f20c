"""Without WebGL, and with runs that lack something: the page opens and says what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from tests.page.opened import SIZE, Opened, check_difference, dry_and_wet, metres
from tests.page.valley import write_run
from twin.results import Result

pytestmark = pytest.mark.browser


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
            {"traffic": False, "more": '[params.flood]\nscheme = "local_inertial"\nsubgrid = true\n'},
            ["mode rapide (inertie locale)", "calcul à sous-mailles", "étalé sur toute sa surface"],
        ),
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
    if "subgrid" in options.get("more", ""):
        (run.path / "flood").mkdir(exist_ok=True)
        (run.path / "flood" / "fine.json").write_text("{}")
    opened = Opened(browser_without_3d, viz.page(run, tmp_path / "page.html", lang="fr"))
    try:
        caution = opened.page.inner_text("#caution")
        assert caution == ("Calcul interrompu à T+6 h 00." if "status" in options else "")
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
        opened.page.evaluate("() => { const v = twin.view(); v.north(); v.tilt(); v.goTo(-850, 640); }")
        opened.rest()
        at = opened.where(-900.0, 680.0)
        assert 0 < at[0] < SIZE[0]
        assert 0 < at[1] < SIZE[1]
        assert opened.page.evaluate("([x, y]) => twin.view().pick(x, y)", list(at)) is None
        assert (
            opened.page.evaluate("([x, y]) => twin.view().pick(x, y)", [at[0] + 300, at[1] + 200]) is not None
        )
        assert opened.errors == []
    finally:
        opened.close()
