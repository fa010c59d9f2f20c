"""A run that was stopped, or is shorter than another, promises nothing beyond its last instant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from tests.page.opened import Opened
from tests.page.test_told import WRITTEN, told_at
from tests.page.valley import write_run
from twin.features import WET_DEPTH
from twin.results import Result

pytestmark = pytest.mark.browser
BEYOND = "non calculé après T+1 h 30"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    folder = tmp_path_factory.mktemp("stopped")
    return [
        write_run(folder / "whole", name="Crue entière"),
        write_run(folder / "part", name="Crue arrêtée", until=1.5, status="interrupted"),
    ]


@pytest.fixture(scope="module")
def both_runs(browser_without_3d: Any, runs: list[Result], tmp_path_factory: Any) -> Iterator[Opened]:
    page = viz.page(runs, tmp_path_factory.mktemp("page") / "page.html", lang="fr")
    opened = Opened(browser_without_3d, page, motion="reduce")
    yield opened
    assert opened.errors == []
    opened.close()


def paper(opened: Opened) -> tuple[str, str]:
    """What the picture for paper is called, and what is written on it."""
    written = " ".join(text for text, _ in opened.page.evaluate(WRITTEN))
    return opened.page.get_attribute("#paper", "alt"), written


def test_beyond_its_last_instant_nothing_is_told_of_a_run(both_runs: Opened) -> None:
    page = both_runs.page
    page.evaluate("twin.app.set({ scenario: 1, other: 0, time: 4 * 3600, picked: null })")
    both_runs.drawn()
    assert page.evaluate("document.getElementById('clock').textContent") == BEYOND
    assert page.inner_text("#area") == ""
    alt, written = paper(both_runs)
    assert BEYOND in alt
    assert BEYOND in written
    assert "10:00" not in written
    page.evaluate("twin.app.set({ scenario: 0, other: 1, compare: true })")
    both_runs.drawn()
    assert page.inner_text("#side-left") == "Crue entière"
    assert page.inner_text("#side-right") == f"Crue arrêtée ({BEYOND})"
    assert f"Crue arrêtée ({BEYOND})" in paper(both_runs)[0]
    assert page.inner_text("#area").startswith("Crue entière : surface inondée")
    page.evaluate("twin.app.set({ profile: [0, 300, 0, -300] })")
    both_runs.drawn()
    told = page.inner_text("#profile")
    assert "Crue arrêtée : jusqu'à — d'eau à l'instant" in told
    assert "Crue entière : jusqu'à —" not in told
    page.evaluate("twin.app.set({ profile: null, time: 3600 })")
    both_runs.drawn()
    assert page.inner_text("#side-right") == "Crue arrêtée"
    page.evaluate("twin.app.set({ compare: false })")


def test_never_is_for_what_was_computed(both_runs: Opened, runs: list[Result]) -> None:
    houses = runs[0].buildings
    assert houses is not None
    dry = int(np.argmin(np.nan_to_num(houses["max_water_depth"].to_numpy())))
    page = both_runs.page
    page.evaluate("twin.app.set({ scenario: 0, other: 1, time: 4 * 3600 })")
    assert told_at(both_runs, "building", dry)[2] == "pas pendant le calcul (6 h 00)"
    second = "[...document.querySelectorAll('#card tbody tr:nth-child(2) td')].map((e) => e.innerText)"
    assert page.evaluate(second) == ["—", "0,00 m", "pas avant T+1 h 30"]
    page.evaluate("twin.app.set({ picked: null, scenario: 1, other: 0, water: 'maximum' })")
    both_runs.drawn()
    assert page.inner_text("#since") == "jusqu'à T+1 h 30"
    page.evaluate("twin.app.set({ water: 'now' })")
    both_runs.click("#open-figures")
    assert "Crue arrêtée : calcul interrompu à T+1 h 30" in page.inner_text("#dialog")
    page.evaluate("document.getElementById('dialog').close()")


def test_houses_by_the_most_so_far_are_told_so_on_paper(both_runs: Opened) -> None:
    told = "bâti : eau la plus haute jusqu'à cet instant"
    for mode, there in (("reached", True), ("now", False)):
        both_runs.page.evaluate(
            f"twin.app.set({{ scenario: 0, other: 1, time: 3600, water: 'now', buildingMode: {mode!r} }})"
        )
        both_runs.drawn()
        assert (told in paper(both_runs)[1]) == there
    both_runs.page.evaluate("twin.app.set({ water: 'maximum', buildingMode: 'reached' })")
    both_runs.drawn()
    assert told not in paper(both_runs)[1]
    both_runs.page.evaluate("twin.app.set({ water: 'now' })")


def test_methods_are_in_the_language_of_the_page(both_runs: Opened) -> None:
    for language, there, not_there in (
        ("en", "more than 5 cm at the foot", "plus de 5 cm au pied"),
        ("fr", "plus de 5 cm au pied", "more than 5 cm at the foot"),
    ):
        both_runs.click("#language")
        both_runs.wait(f"document.documentElement.lang === {language!r}")
        both_runs.click("#open-figures")
        told = both_runs.page.inner_text("#dialog")
        both_runs.page.evaluate("document.getElementById('dialog').close()")
        assert there in told
        assert not_there not in told


def test_the_clock_says_which_time_it_keeps(both_runs: Opened) -> None:
    assert both_runs.page.inner_text("#zone") == "UTC+2"


def test_the_greatest_extent_of_a_stopped_run_is_that_before_its_end(
    browser_without_3d: Any, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", name="Crue", frames=25, until=4.0, status="interrupted")
    opened = Opened(browser_without_3d, viz.page(run, tmp_path / "page.html", lang="fr"))
    try:
        told = opened.page.evaluate("document.getElementById('chapter-list').textContent")
        assert "Étendue la plus grande avant l'arrêt du calcul" in told
    finally:
        opened.close()


@pytest.fixture(scope="module")
def asked(browser_without_3d: Any, runs: list[Result], tmp_path_factory: Any) -> Iterator[Opened]:
    """Houses fill cells here; a day nursery stands in the middle of the deepest one."""
    import geopandas as gpd
    import pandas as pd

    houses = runs[0].buildings
    assert houses is not None
    grid = runs[0].grid
    roofs = np.any([grid.mask(shape) for shape in houses.geometry], axis=0)
    most = runs[0].fields["max_water_depth"].values
    deep = int(np.argmax([most[grid.mask(s)].max(initial=0.0) for s in houses.geometry]))
    bare = np.argwhere((most > WET_DEPTH) & ~roofs)[0]  # a roof without a footprint
    roofs[tuple(bare)] = True
    folder = tmp_path_factory.mktemp("asked")
    run = write_run(folder / "run", name="Crue", roofs=roofs)
    path = run.path / "features" / "places.gpkg"
    places = gpd.read_file(path)
    nursery = gpd.GeoDataFrame(
        {"name": ["creche"], "label": ["Crèche des Lilas"], "kind": ["point"]},
        geometry=[houses.geometry[deep].representative_point()],
        crs=places.crs,
    )
    pd.concat([places, nursery]).to_file(path, layer="places", driver="GPKG")
    path = run.path / "features" / "buildings.gpkg"
    frame = gpd.read_file(path)
    frame["height_source"] = "hauteur"
    frame.loc[deep, "height_source"] = "voisins"
    frame.to_file(path, layer="buildings", driver="GPKG")
    page = viz.page(Result.open(run.path), folder / "page.html", lang="fr")
    opened = Opened(browser_without_3d, page, motion="reduce")
    opened.bare = (  # type: ignore[attr-defined]
        (bare[1] + 0.5 - grid.nx / 2) * grid.cell,
        (grid.ny / 2 - bare[0] - 0.5) * grid.cell,
    )
    yield opened
    assert opened.errors == []
    opened.close()


def first_row(opened: Opened) -> list[str]:
    cells: list[str] = opened.page.evaluate(
        "[...document.querySelectorAll('#card tbody tr:first-child td')].map((e) => e.innerText)"
    )
    return cells


def test_a_building_looked_for_by_name_has_its_own_water(asked: Opened) -> None:
    asked.page.fill("#search-for", "crèche")
    asked.page.press("#search-for", "Enter")
    asked.wait("twin.app.choices.picked !== null")
    asked.drawn()
    assert asked.page.inner_text("#card h2") == "Crèche des Lilas"
    _, most, when = first_row(asked)
    assert float(most.removesuffix(" m").replace(",", ".")) > WET_DEPTH
    assert "T+" in when
    assert "supposée" in asked.page.inner_text("#card .facts")
    asked.click("#open-about")
    assert "1 bâtiment sur 300 de hauteur supposée" in asked.page.inner_text("#dialog")
    asked.page.evaluate("document.getElementById('dialog').close()")


def test_a_roof_is_not_told_as_dry_ground(asked: Opened) -> None:
    x, y = asked.bare  # type: ignore[attr-defined]
    asked.page.evaluate("([x, y]) => twin.app.set({ picked: { x, y, building: null, road: null } })", [x, y])
    asked.drawn()
    assert first_row(asked) == ["—", "—", "sur un bâtiment"]


def test_houses_answer_a_click_when_they_are_not_drawn(asked: Opened) -> None:
    found = asked.page.evaluate(
        """() => { twin.app.set({ showBuildings: false, picked: null });
            const { x, y } = twin.app.territory.buildings.list[7]; const at = twin.view().project(x, y, 0);
            const box = document.getElementById('map').getBoundingClientRect();
            const picked = twin.view().pick(box.left + at.x, box.top + at.y);
            twin.app.set({ showBuildings: true });
            return picked.building; }"""
    )
    assert found == 7


def test_a_road_that_is_cut_has_no_traffic_and_its_bridge_is_as_the_chapter_says(asked: Opened) -> None:
    chapter = asked.page.evaluate(
        """() => { const found = [...document.querySelectorAll('#chapter-list li')]
            .find((li) => li.textContent.includes('Pont hors d')); found.querySelector('button').click();
            return found.querySelector('.when').textContent; }"""
    )
    asked.drawn()
    now, _, when = first_row(asked)
    assert now.startswith("hors d'usage")
    assert when.startswith(chapter)
    assert "aucun" in asked.page.inner_text("#card")
    cut = asked.page.evaluate(
        """() => { const { app } = twin; const s = app.shown; const t = 11520; app.set({ time: t });
            return app.territory.roads.findIndex((r, k) => r.level === 0 && r.drivable
                && s.thingDepth(s.roadDepth, k, t, false) > 0.4); }"""
    )
    now = told_at(asked, "road", cut)[0]
    assert now.startswith("coupée")
    assert "aucun, coupée (dernier calcul de trafic à" in asked.page.inner_text("#card")
    assert "au plus profond du tronçon" in asked.page.inner_text("#card thead")


@pytest.mark.parametrize("wide", [320, 390])
def test_telephones_keep_the_reserve_and_the_clock(
    browser_without_3d: Any, runs: list[Result], tmp_path: Path, wide: int
) -> None:
    page = viz.page(runs[0], tmp_path / "page.html", lang="fr")
    opened = Opened(browser_without_3d, page, (wide, 700), motion="reduce", touch=True)
    try:
        assert opened.page.inner_text("#reserve") == "Indicatif, non réglementaire."
        box = """(id) => { const range = document.createRange();
            range.selectNodeContents(document.getElementById(id));
            const all = [...range.getClientRects()].filter((r) => r.width > 0);
            const right = Math.max(...all.map((r) => r.right));
            return { lines: new Set(all.map((r) => r.top)).size, right }; }"""
        reserve, clock = (opened.page.evaluate(box, name) for name in ("reserve", "clock"))
        assert reserve["lines"] == 1
        assert clock["right"] <= wide - 14
    finally:
        opened.close()
