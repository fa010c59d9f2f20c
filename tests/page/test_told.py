"""What the page says of houses and roads is what the run says of them, shown instants or not."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import zarr

import viz
from tests.page.opened import Opened
from tests.page.test_page_file import data_of
from tests.page.valley import write_run
from twin.features import CLOSURE_DEPTH, WET_DEPTH
from twin.results import Result
from viz import page_data

DAMAGE = ((0xFE, 0xE0, 0x8B), (0xFD, 0xAE, 0x61), (0xF4, 0x6D, 0x43), (0xA5, 0x00, 0x26))


@pytest.fixture(scope="module")
def thinned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A page of the first and the last of the 13 instants of a run: the flood is between them."""
    folder = tmp_path_factory.mktemp("thinned")
    run = write_run(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_data, "MAX_FRAMES", 2)
        return viz.page(run, folder / "page.html", lang="fr"), run


@pytest.fixture(scope="module")
def flat_thinned(browser_without_3d: Any, thinned: tuple[Path, Result]) -> Iterator[Opened]:
    opened = Opened(browser_without_3d, thinned[0], motion="reduce")
    yield opened
    opened.close()


def blob_of(page: Path, number: int) -> np.ndarray:
    found = re.search(rf'id="blob-{number}">([^<]*)<', page.read_text(encoding="utf-8"))
    assert found
    return np.frombuffer(gzip.decompress(base64.b64decode(found.group(1))), dtype=np.uint8)


# What is written on the picture for paper, each with the colour of the box before it.
WRITTEN = """() => {
    const p = CanvasRenderingContext2D.prototype; const { fillText, fillRect } = p;
    const out = []; let box = '';
    p.fillRect = function (...at) { box = this.fillStyle; fillRect.call(this, ...at); };
    p.fillText = function (text, ...at) { out.push([text, box]); fillText.call(this, text, ...at); };
    dispatchEvent(new Event('beforeprint'));
    Object.assign(p, { fillText, fillRect });
    return out; }"""


def told_at(opened: Opened, thing: str, number: int) -> list[str]:
    """The cells of the card's first row for a building or a road."""
    other = "road" if thing == "building" else "building"
    opened.page.evaluate(
        f"(k) => twin.app.set({{ picked: {{ x: 0, y: 0, {thing}: k, {other}: null }} }})", number
    )
    opened.drawn()
    cells: list[str] = opened.page.evaluate(
        "[...document.querySelectorAll('#card tbody tr:first-child td')].map((e) => e.innerText)"
    )
    return cells


def test_greatest_depths_at_things_are_the_runs_own(thinned: tuple[Path, Result]) -> None:
    page, run = thinned
    data = data_of(page)
    curve, scenario = np.asarray(data["curve"]), data["scenarios"][0]
    assert len(scenario["times"]) == 2
    for thing, features, bound in (
        ("building", run.buildings, WET_DEPTH),
        ("road", run.roads, CLOSURE_DEPTH),
    ):
        assert features is not None
        told = np.nan_to_num(features["max_water_depth"].to_numpy())
        delta = blob_of(page, scenario[f"{thing}_depth"]).reshape(-1, 2)
        of_frames = curve[np.cumsum(delta, axis=1, dtype=np.uint8)].max(axis=1)
        shown = curve[blob_of(page, scenario[f"{thing}_most"])]
        assert (of_frames > bound).sum() < (told > bound).sum()  # the case there is
        assert np.abs(shown - told).max() <= data["curve_errors"][1] + 1e-6


def test_a_run_without_features_of_its_own_has_the_most_of_its_frames(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", frames=4, nx=80, ny=60, traffic=False)
    assert run.buildings is not None
    bare = run.buildings.drop(columns="max_water_depth")
    bare.to_file(run.path / "features" / "buildings.gpkg", layer="buildings", driver="GPKG")
    page = viz.page(run.path, tmp_path / "page.html")
    scenario = data_of(page)["scenarios"][0]
    delta = blob_of(page, scenario["building_depth"]).reshape(-1, 4)
    of_frames = np.cumsum(delta, axis=1, dtype=np.uint8).max(axis=1)
    np.testing.assert_array_equal(blob_of(page, scenario["building_most"]), of_frames)


@pytest.mark.browser
def test_the_maximum_at_houses_and_roads_is_the_whole_runs(
    flat_thinned: Opened, thinned: tuple[Path, Result]
) -> None:
    _, run = thinned
    page = flat_thinned.page
    never = "pas pendant le calcul (6 h 00)"
    for thing, features, bound in (
        ("building", run.buildings, WET_DEPTH),
        ("road", run.roads, CLOSURE_DEPTH),
    ):
        assert features is not None
        told = np.nan_to_num(features["max_water_depth"].to_numpy())
        of_frames = np.array(
            page.evaluate(
                f"twin.app.territory.{thing}s{'.list' if thing == 'building' else ''}"
                f".map((_, k) => Math.max(...twin.app.shown.series(twin.app.shown.{thing}Depth, k)))"
            )
        )
        between = np.flatnonzero((told > bound + 0.03) & (of_frames < bound - 0.02))
        k = int(between[np.argmax(told[between])])
        _, most, when = told_at(flat_thinned, thing, k)
        assert abs(float(most.removesuffix(" m").replace(",", ".")) - told[k]) <= 0.011
        assert when == "entre deux instants montrés"
        assert told_at(flat_thinned, thing, int(np.argmin(told)))[2] == never
        if thing == "building":
            house, deep = k, float(told[k])
    # On the map too: the house has a colour of water over the whole run, and of a dry one at the peak shown.
    page.evaluate(
        "(k) => { const { x, y } = twin.app.territory.buildings.list[k];"
        " twin.app.set({ picked: null, showPlaces: false, buildingMode: 'reached', time: twin.app.to });"
        " twin.view().setCamera({ x, y, distance: 200, bearing: 0, lean: 0 }, false); }",
        house,
    )
    flat_thinned.rest()
    place = page.evaluate(
        "(k) => { const b = twin.app.territory.buildings.list[k]; return [b.x, b.y]; }", house
    )
    at = flat_thinned.where(*place)
    dry = flat_thinned.pixels(*at).astype(int)
    assert np.abs(dry - (0xD9, 0xBF, 0xAB)).max() <= 12
    page.evaluate("twin.app.set({ water: 'maximum' })")
    flat_thinned.drawn()
    colour = DAMAGE[int(np.searchsorted((0.5, 1.0, 2.0), deep, side="right"))]
    assert np.abs(flat_thinned.pixels(*at).astype(int) - colour).max() <= 12
    assert flat_thinned.errors == []
    page.evaluate("twin.app.set({ water: 'now' })")


@pytest.mark.browser
def test_a_road_closed_by_decision_is_told_as_cut(
    browser_without_3d: Any, reference: Result, tmp_path: Path
) -> None:
    """Closed from 09:00 to 10:30: a road that stays dry, and one that the water leaves before."""
    roads = reference.roads
    assert roads is not None
    ground = roads["level"] <= 0
    dry = int(np.flatnonzero(ground & (roads["max_water_depth"] == 0))[0])
    left = ground & (roads["cut_from_s"] > 0) & (roads["cut_to_s"] <= 16_200)
    wet = int(np.flatnonzero(left)[0])
    runs = [write_run(tmp_path / name, name=name, shut=shut) for name, shut in (("sec", dry), ("eau", wet))]
    opened = Opened(browser_without_3d, viz.page(runs, tmp_path / "page.html", lang="fr"))
    try:
        told_at(opened, "road", dry)
        row = "document.querySelector('#card tbody tr:nth-child({0}) td:last-child').innerText"
        assert opened.page.evaluate(row.format(1)) == "09:00 (T+3 h 00) → 10:30 (T+4 h 30)"
        assert opened.page.evaluate(row.format(2)) == "pas pendant le calcul (6 h 00)"
        told_at(opened, "road", wet)
        by_water, both = opened.page.evaluate(row.format(1)), opened.page.evaluate(row.format(2))
        assert by_water.split(" → ")[0] == both.split(" → ")[0]  # the water comes first
        assert by_water.split(" → ")[1] < both.split(" → ")[1] == "10:30 (T+4 h 30)"
        assert "coupée (eau ≥ 0,30 m ou fermée)" in opened.page.evaluate("document.body.textContent")
    finally:
        opened.close()


@pytest.mark.browser
def test_a_road_that_water_closed_is_open_when_the_water_has_left(
    browser_without_3d: Any, reference: Result, tmp_path: Path
) -> None:
    """The traffic holds what water closed until its next instant; the page showed that as a decision. And a
    closing between two instants was not there at all.
    """
    roads = reference.roads
    assert roads is not None
    left = (roads["level"] <= 0) & (roads["cut_from_s"] > 0) & (roads["cut_to_s"] <= 16_200)
    wet = int(np.flatnonzero(left)[0])
    runs = [write_run(tmp_path / name, name=name, shut=wet) for name in ("eau", "toutes")]
    dry = int(np.flatnonzero((roads["level"] <= 0) & (roads["max_water_depth"] == 0))[0])
    decided = [
        {"roads": [roads["road_id"].iloc[dry]], "start_s": 3900.0, "end_s": 4500.0, "vehicles": []},
        {"roads": [roads["road_id"].iloc[wet]], "start_s": 0.0, "end_s": None, "vehicles": ["lorry"]},
    ]
    (runs[0].path / "traffic" / "closures.json").write_text(json.dumps(decided), encoding="utf-8")
    opened = Opened(browser_without_3d, viz.page(runs, tmp_path / "page.html", lang="fr"))
    state = "document.querySelector('#card tbody tr:nth-child({0}) td').innerText.split('\\n')[0]"
    row = "document.querySelector('#card tbody tr:nth-child({0}) td:last-child').innerText"
    try:
        told_at(opened, "road", wet)
        opened.page.evaluate("twin.app.set({ time: 16000 })")
        opened.drawn()
        assert [opened.page.evaluate(state.format(k)) for k in (1, 2)] == ["ralentie", "coupée"]
        by_water, both = opened.page.evaluate(row.format(1)), opened.page.evaluate(row.format(2))
        assert by_water.split(" → ")[1] < both.split(" → ")[1]
        told_at(opened, "road", dry)
        assert opened.page.evaluate(row.format(1)) == "07:05 (T+1 h 05) → 07:15 (T+1 h 15)"
        for time, said in ((3600, "ouverte"), (4200, "coupée"), (4500, "ouverte")):
            opened.page.evaluate(f"twin.app.set({{ time: {time} }})")
            opened.drawn()
            assert opened.page.evaluate(state.format(1)) == said
    finally:
        opened.close()


@pytest.mark.browser
def test_resolutions_below_a_metre_are_told_as_they_are(browser_without_3d: Any, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", cell=0.25, frames=2, nx=60, ny=40, traffic=False, places=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_data, "MAX_SIDE", 30)
        page = viz.page(run, tmp_path / "page.html", lang="fr")
    opened = Opened(browser_without_3d, page)
    try:
        opened.click("#open-about")
        told = opened.page.inner_text("#dialog")
        assert "mailles de 0,25 m" in told
        assert "page dessinée à 0,5 m (calcul à 0,25 m)" in told
        assert "maille de 0,25 m" in " ".join(text for text, _ in opened.page.evaluate(WRITTEN))
    finally:
        opened.close()


@pytest.mark.browser
def test_hours_of_a_long_run_have_their_day(browser_without_3d: Any, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", hours=60.0)
    rows = "".join(
        f"{t},rive_gauche,{q},{q},{q},0.0\n" for t, q in ((0.0, 1.0), (108_000.0, 9.0), (216_000.0, 2.0))
    )
    header = "time_s,section,discharge_m3_s,min_discharge_m3_s,max_discharge_m3_s,volume_m3\n"
    (run.path / "sections.csv").write_text(header + rows, encoding="utf-8")
    assert run.buildings is not None
    deepest = int(run.buildings["max_water_depth"].fillna(0).argmax())
    opened = Opened(browser_without_3d, viz.page(run.path, tmp_path / "page.html", lang="fr"))
    try:
        opened.click("#chapters")
        days = r"(lun\.|mar\.|mer\.) 1[234] oct\., \d\d:\d\d"
        for line in opened.page.evaluate(
            "[...document.querySelectorAll('#chapter-list .when')].map((e) => e.innerText)"
        ):
            assert re.fullmatch(days, line), line
        assert re.match(days, told_at(opened, "building", deepest)[2])
        opened.click("#open-figures")
        assert "mar. 13 oct., 12:00" in opened.page.inner_text("#dialog")
    finally:
        opened.close()


@pytest.mark.browser
def test_paper_explains_every_colour_that_is_drawn(browser_without_3d: Any, both: Path) -> None:
    opened = Opened(browser_without_3d, both, motion="reduce")
    houses = ("bâti, moins de 0,5 m", "bâti, de 0,5 à 1 m", "bâti, de 1 à 2 m", "bâti, plus de 2 m")
    water = ("rivière, mer (en eau au départ, sans crue, ou sur la carte)",)
    traffic = ("trafic > 50 % de la capacité", "trafic > 80 % de la capacité", "saturée (≥ 100 %)")
    try:
        # The dike is the second run's.
        for choices, there, not_there in (
            ("scale: true, scenario: 0, other: 1", (*houses, *water, *traffic), ("digue",)),
            ("scale: false, scenario: 1, other: 0", (*water, *traffic, "digue"), houses),
            ("compare: true, scenario: 0, other: 1", ("digue",), ()),
            ("compare: false, water: 'maximum', showRoads: false", water, (*traffic, "digue")),
            ("showRoads: true", (), traffic),  # of an instant, not of the whole run
            ("water: 'now', difference: true", ("digue",), (*water, *traffic)),
        ):
            opened.page.evaluate(f"twin.app.set({{ {choices} }})")
            opened.drawn()
            written = opened.page.evaluate(WRITTEN)
            # What lies under the map: its title tells the dike's run by name.
            legend = [text for text, _ in written]
            assert [text for text in there if text not in legend] == [], choices
            assert [text for text in not_there if text in legend] == [], choices
        opened.page.evaluate("twin.app.set({ difference: false, scale: true, scenario: 1 })")
        opened.drawn()
        colours = {colour for _, colour in opened.page.evaluate(WRITTEN)}
        assert {"#fee08b", "#a50026", "#8fb0b4", "#cbb8dd", "#9064b5", "#54107f", "#5a3d2b"} <= colours
    finally:
        opened.close()


@pytest.mark.browser
def test_one_is_not_told_as_several(browser_without_3d: Any, tmp_path: Path) -> None:
    story = '[[story]]\ntext = "La vallée."\ntext_en = "The valley."\n'
    run = write_run(tmp_path / "run", frames=2, nx=100, ny=80, traffic=False, holes=True, more=story)
    fields = zarr.open_group(run.path / "fields.zarr")
    bed = np.where(
        np.arange(100 * 80).reshape(80, 100) == 3, np.nan, np.nan_to_num(fields["bed_elevation"][:])
    )
    fields["bed_elevation"][:] = bed  # one hole
    houses = run.path / "features" / "buildings.gpkg"
    frame = gpd.read_file(houses)
    frame.loc[0, "height"] = np.nan
    frame.to_file(houses, layer="buildings", driver="GPKG")
    mark = {"name": ["École"], "status": ["wet"], "observed_m": [60.0], "simulated_m": [60.1]}
    gpd.GeoDataFrame(
        mark | {"difference_m": [0.1]}, geometry=[frame.geometry[0].centroid], crs=frame.crs
    ).to_file(run.path / "features" / "flood_marks.gpkg", driver="GPKG")
    page = viz.page(Result.open(run.path), tmp_path / "page.html", lang="fr")
    words = {
        "fr": ("(1 étape)", "1 réponse", "1 bâtiment sur 300 sans hauteur connue, dessiné",
               "sur 1 maille (", "1 repère sur 1 sous"),
        "en": ("(1 slide)", "1 answer", "1 building of 300 without", "on 1 cell (", "1 mark of 1 under"),
    }  # fmt: skip
    opened = Opened(browser_without_3d, page)
    try:
        for language, wanted in words.items():
            if language == "en":
                opened.click("#language")
            opened.wait(f"document.documentElement.lang === {language!r}")
            opened.drawn()
            told = [opened.page.inner_text("#open-story")]
            opened.page.fill("#search-for", "hop")
            told.append(opened.page.evaluate("document.getElementById('found-status').textContent"))
            for name in ("about", "figures"):
                opened.click(f"#open-{name}")
                told.append(opened.page.inner_text("#dialog"))
                opened.page.evaluate("document.getElementById('dialog').close()")
            assert [part for part in wanted if part not in "\n".join(told)] == [], told
    finally:
        opened.close()
