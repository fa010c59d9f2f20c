"""Several runs as an ensemble, many scenarios, continuous colours, an orthophoto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio

import viz
from tests.page.opened import Opened, metres
from tests.page.test_told import WRITTEN
from tests.page.valley import write_run
from twin.errors import InputError
from twin.features import WET_DEPTH
from twin.results import Result

CHANCES = ("#e9def3", "#c6afe0", "#9d7bc8", "#6c41a2", "#3a1269")
LONG = "Crue centennale, digue rive gauche relevée et bassin de la Prairie"


@pytest.fixture(scope="module")
def members(reference: Result, with_dike: Result, tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    third = write_run(tmp_path_factory.mktemp("runs") / "third", name=LONG, dike=True, status="interrupted")
    return [reference, with_dike, third]


@pytest.fixture(scope="module")
def photo(reference: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red picture of the middle of the valley, in another CRS."""
    from rasterio.transform import from_bounds
    from rasterio.warp import transform_bounds

    path = tmp_path_factory.mktemp("photo") / "ortho.tif"
    x0, y0, x1, y1 = reference.grid.bounds
    box = transform_bounds(reference.grid.crs, "EPSG:3857", x0 + 300, y0 + 200, x1 - 300, y1 - 200)
    with rasterio.open(
        path, "w", driver="GTiff", width=400, height=300, count=3, dtype="uint8", crs="EPSG:3857",
        transform=from_bounds(*box, 400, 300),
    ) as out:  # fmt: skip
        out.write(np.stack([np.full((300, 400), v, np.uint8) for v in (200, 30, 40)]))
    return path


def test_an_ensemble_needs_two_runs_with_their_maxima(reference: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 to 255 runs"):
        viz.page([reference], tmp_path / "page.html", ensemble=True)


def test_a_photo_elsewhere_or_unreadable_is_told(reference: Result, tmp_path: Path) -> None:
    (tmp_path / "ortho.tif").write_text("no image")
    with pytest.raises(InputError, match="an image that GDAL reads"):
        viz.page(reference, tmp_path / "page.html", orthophoto=tmp_path / "ortho.tif")
    with rasterio.open(
        tmp_path / "far.tif", "w", driver="GTiff", width=9, height=9, count=3, dtype="uint8", crs="EPSG:2154",
        transform=rasterio.transform.from_origin(100_000.0, 6_200_000.0, 5.0, 5.0),
    ) as out:  # fmt: skip
        out.write(np.full((3, 9, 9), 9, np.uint8))
    with pytest.raises(InputError, match="no pixel over the grid"):
        viz.page(reference, tmp_path / "page.html", orthophoto=tmp_path / "far.tif")


@pytest.fixture(scope="module", params=["3d", "2d"])
def ensemble(request: Any, members: list[Result], photo: Path, tmp_path_factory: Any) -> Iterator[Opened]:
    path = viz.page(
        members, tmp_path_factory.mktemp("page") / "page.html", lang="fr", ensemble=True, orthophoto=photo
    )
    browser = request.getfixturevalue("browser" if request.param == "3d" else "browser_without_3d")
    opened = Opened(browser, path, motion="reduce")
    opened.page.evaluate(
        "() => { twin.app.set({ showBuildings: false, showRoads: false, showPlaces: false });"
        " const v = twin.view(); v.home(); v.north(); if (v.mode === '3d') v.tilt(); v.goTo(0, 0); }"
    )
    yield opened
    opened.close()


@pytest.mark.browser
def test_one_run_of_an_ensemble_says_that_it_is_one(ensemble: Opened) -> None:
    ensemble.page.evaluate("twin.app.set({ water: 'now', time: 11520 })")
    told = ensemble.page.inner_text("#caution")
    assert "le calcul le plus proche de la médiane des 3" in told
    ensemble.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    paper = ensemble.page.get_attribute("#paper", "alt")
    assert "(calcul le plus proche de la médiane de 3)" in paper
    assert "lundi 12 octobre 2026 à 09:12 (T+3 h 12)" in paper
    ensemble.page.evaluate("twin.app.set({ water: 'chance' })")
    # The third run was stopped, and counts like the others.
    ensemble.wait("!document.getElementById('caution').textContent.includes('médiane')")
    told = ensemble.page.inner_text("#caution")
    assert told.startswith("1 calcul sur 3 ne va pas aussi loin que les autres")
    assert f"({LONG}, T+6 h 00)" in told
    ensemble.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    written = " ".join(told for told, _ in ensemble.page.evaluate(WRITTEN))
    assert "1 calcul sur 3 ne va pas" in written
    assert "Part des calculs qui inondent" in ensemble.page.get_attribute("#paper", "alt")
    ensemble.page.evaluate("twin.app.set({ water: 'now' })")
    ensemble.drawn()


@pytest.mark.browser
def test_share_of_runs_is_drawn_and_told(ensemble: Opened, members: list[Result]) -> None:
    most = np.stack([m.fields["max_water_depth"].values for m in members])
    share = (most > WET_DEPTH).mean(axis=0)
    assert ensemble.page.evaluate("document.getElementById('title').textContent") == "Ensemble de 3 calculs"
    ensemble.click("input[value=chance]")
    ensemble.wait("twin.app.chance")
    assert ensemble.page.evaluate("document.activeElement.value") == "chance"  # focus stays
    ensemble.drawn()
    shown = np.array(ensemble.page.evaluate("Array.from(twin.app.ensemble.count)")).reshape(share.shape)
    np.testing.assert_array_equal(shown, (most > WET_DEPTH).sum(axis=0))
    from scipy.ndimage import uniform_filter

    for value, step in ((1 / 3, 2), (1.0, 4)):
        inside = (np.abs(uniform_filter(share, 5) - value) < 1e-9) & (most.max(axis=0) > 0)
        inside &= members[0].fields["water_depth"].isel(time=0).values == 0
        inside[:, :85] = inside[:, 115:] = False
        cells = np.argwhere(inside)
        i, j = (int(v) for v in cells[len(cells) // 2])
        colour = [int(CHANCES[step][k : k + 2], 16) for k in (1, 3, 5)]
        seen = ensemble.pixels(*ensemble.where(*metres(members[0], (i, j))), size=3).astype(int)
        assert np.abs(seen - colour).max() <= 4, (value, seen[1, 1])
    x, y = metres(members[0], (i, j))
    ensemble.page.evaluate(
        "([x, y]) => twin.app.set({ picked: { x, y, building: null, road: null } })", [x, y]
    )
    ensemble.wait("document.getElementById('chance') !== null")
    told = ensemble.page.inner_text("#chance")
    assert "3 sur 3" in told
    for depth in (most[:, i, j].min(), np.median(most[:, i, j]), most[:, i, j].max()):
        words = [f"{depth + d:.2f}".replace(".", ",") for d in (-0.02, -0.01, 0.0, 0.01, 0.02)]
        assert any(word in told for word in words), (words, told)
    ensemble.click("#open-figures")
    figures = ensemble.page.inner_text("#dialog")
    assert "médiane" in figures
    assert "57" in figures
    assert "12" in figures
    ensemble.page.keyboard.press("Escape")
    ensemble.click("#open-about")
    assert "le plus proche de la médiane des 3" in ensemble.page.inner_text("#dialog")
    ensemble.page.keyboard.press("Escape")
    assert ensemble.errors == []


@pytest.mark.browser
def test_photo_is_draped_when_asked(ensemble: Opened) -> None:
    ensemble.page.evaluate("twin.app.set({ water: 'now', picked: null, showPhoto: true })")
    ensemble.drawn()
    at = ensemble.where(0.0, 480.0)
    seen = ensemble.pixels(*at, size=3).astype(int)
    assert (np.abs(seen - (200, 30, 40)).max(axis=2) <= 12).all(), seen
    ensemble.page.evaluate("twin.app.set({ showPhoto: false })")
    ensemble.drawn()
    land = ensemble.pixels(*at, size=3).astype(int)
    assert (land[..., 1] > land[..., 0] - 30).all()


@pytest.mark.browser
def test_colours_can_be_continuous_and_the_legend_follows(ensemble: Opened, members: list[Result]) -> None:
    ensemble.page.evaluate("twin.app.set({ water: 'maximum', scale: true, picked: null })")
    ensemble.drawn()
    name = ensemble.page.evaluate("twin.app.shown.meta.name")
    shown = next(m for m in members if m.name == name)
    most = np.asarray(shown.fields["max_water_depth"].values, dtype=float)
    slope = np.hypot(*np.gradient(most))
    slope[(most < 0.9) | (most > 1.4) | (shown.fields["water_depth"].isel(time=0).values > 0)] = np.inf
    slope[:, :80] = slope[:, 120:] = np.inf
    i, j = (int(v) for v in np.unravel_index(np.argmin(slope), slope.shape))
    # Between the second colour, at 0.75 m, and the third, at 1.5 m.
    low, high = (np.array([int(c[k : k + 2], 16) for k in (1, 3, 5)]) for c in ("#6baed6", "#2171b5"))
    wanted = low + (high - low) * (most[i, j] - 0.75) / 0.75
    seen = ensemble.pixels(*ensemble.where(*metres(shown, (i, j))), size=1).astype(int)[0, 0]
    assert np.abs(seen - wanted).max() <= 8, (seen, wanted)
    assert ensemble.page.evaluate("document.querySelector('.scale-bar').checkVisibility()")
    ensemble.page.evaluate("twin.app.set({ scale: false, water: 'now' })")
    ensemble.wait("document.querySelector('.scale-bar') === null")


@pytest.mark.browser
def test_three_scenarios_with_long_names(
    browser_without_3d: Any, members: list[Result], tmp_path: Path
) -> None:
    opened = Opened(browser_without_3d, viz.page(members, tmp_path / "page.html", lang="fr"), (1280, 720))
    try:
        assert opened.page.evaluate("document.querySelectorAll('#which-first option').length") == 3
        opened.page.select_option("#which-first", label=LONG)
        opened.wait("twin.app.choices.scenario === 2")
        assert opened.page.evaluate("document.activeElement.id") in ("which-first", "")
        opened.click("#scenarios button:nth-child(3)")
        opened.wait("twin.app.choices.difference === true")
        opened.page.select_option("#which-second", "1")
        opened.wait("twin.app.choices.other === 1")
        change = opened.page.evaluate(
            "twin.app.scenarios[1].change.map((v, c) => Math.abs(v - twin.app.scenarios[2].change[c]))"
            ".reduce((a, b) => Math.max(a, b))"
        )
        assert change == 0  # the two dikes are the same dike
        # A run that stopped early is no fair comparison, and the page says so where the map is read.
        assert "s'arrête à T+6 h 00" in opened.page.inner_text("#panel")
        clipped = opened.page.evaluate(
            "[...document.querySelectorAll('#scenarios button')].filter((b) => b.scrollWidth > b.clientWidth)"
            ".map((b) => b.textContent)"
        )
        assert clipped == []
        opened.click("#scenarios button:nth-child(2)")
        opened.wait("twin.app.choices.compare === true")
        assert opened.page.inner_text("#side-left") == LONG
        assert opened.errors == []
    finally:
        opened.close()


@pytest.mark.browser
def test_marks_and_discharges_stand_beside_the_run(browser_without_3d: Any, tmp_path: Path) -> None:
    """A flood mark says how far the run is from it, a section what passes through it at the instant shown."""
    import geopandas as gpd
    import shapely

    run = write_run(tmp_path / "run", frames=5, buildings=False, roads=False)
    grid = run.grid
    xm, ym = float(grid.x.mean()), float(grid.y.mean())
    levels = {"observed_m": [60.0, 61.0, 58.0], "simulated_m": [60.12, 60.9, np.nan]}
    marks = gpd.GeoDataFrame(
        {"name": ["Pilier <b>", "École", "Lavoir"], "status": ["wet", "wet", "dry"]}
        | levels
        | {"difference_m": np.subtract(levels["simulated_m"], levels["observed_m"])},
        geometry=[shapely.Point(xm + dx, ym + 60) for dx in (-300, 0, 300)],
        crs=grid.crs,
    )
    marks.to_file(run.path / "features" / "flood_marks.gpkg", driver="GPKG")
    places = gpd.read_file(run.path / "features" / "places.gpkg")
    gate = places.iloc[[0]].assign(name="gate", label="Porte", kind="gate")
    gate = gate.set_geometry([shapely.LineString([(xm + 100, ym - 80), (xm + 100, ym + 80)])], crs=grid.crs)
    gpd.GeoDataFrame(pd.concat([places, gate])).to_file(run.path / "features" / "places.gpkg", driver="GPKG")
    rows = "".join(f"{t},gate,{q},{q},{q},0.0\n" for t, q in ((0.0, 10.0), (7200.0, 110.0), (14400.0, 40.0)))
    header = "time_s,section,discharge_m3_s,min_discharge_m3_s,max_discharge_m3_s,volume_m3\n"
    (run.path / "sections.csv").write_text(header + rows, encoding="utf-8")
    opened = Opened(
        browser_without_3d, viz.page(run.path, tmp_path / "page.html", lang="fr"), motion="reduce"
    )
    try:
        opened.page.evaluate("() => { twin.app.set({ time: 3600 }); twin.view().goTo(0, 0); }")
        opened.drawn()
        texts = "[...document.querySelectorAll('.label.{0}')].map((e) => e.textContent)"
        assert opened.page.evaluate(texts.format("mark")) == ["▾ + 12 cm", "▾ − 10 cm", "▾ resté au sec"]
        opened.wait(f"{texts.format('section')}[0] === 'Porte · 60 m³/s'")
        opened.click("#open-figures")
        told = opened.page.inner_text("#dialog")
        assert "Pilier <b>" in told
        assert "écart quadratique moyen 11 cm" in told
        assert "110 m³/s" in told
        opened.page.evaluate("document.getElementById('dialog').close()")
        opened.page.evaluate("twin.app.set({ showObserved: false })")
        opened.drawn()
        seen = "[...document.querySelectorAll('.label.mark')].some((e) => e.style.visibility === 'visible')"
        assert not opened.page.evaluate(seen)
        assert opened.errors == []
    finally:
        opened.close()


HOSTILE = '<img src=x onerror="window.hit=1"></script><script>window.hit=1</script>\'"&{}'


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["browser", "browser_without_3d"])
def test_names_from_data_never_become_html(request: Any, kind: str, tmp_path: Path) -> None:
    """Names of the scenario, places, roads, buildings, layers and figures: shown, never run."""
    import json

    import geopandas as gpd

    run = write_run(tmp_path / "run", frames=3, more=f"[[story]]\ntext = {json.dumps(HOSTILE)}\n")
    scenario = run.path / "scenario.toml"
    told = scenario.read_text(encoding="utf-8").replace('"Crue centennale"', json.dumps(HOSTILE), 1)
    scenario.write_text(told, encoding="utf-8")
    for file, columns in (
        ("buildings", ("use", "nature", "building_id")),
        ("roads", ("name", "nature", "road_id")),
        ("places", ("label",)),
    ):
        path = run.path / "features" / f"{file}.gpkg"
        frame = gpd.read_file(path)
        for column in columns:
            frame[column] = HOSTILE
        frame.to_file(path, driver="GPKG")
    for name in ("indicators.json", "provenance.json"):
        table = json.loads((run.path / name).read_text(encoding="utf-8"))
        for row in (table.get("layers") or table).values():
            if isinstance(row, dict):
                row |= dict.fromkeys(("label_fr", "label_en", "unit", "method", "edition", "source"), HOSTILE)
        (run.path / name).write_text(json.dumps(table), encoding="utf-8")
    page = viz.page(run.path, tmp_path / "page.html", lang="fr")
    assert page.read_text(encoding="utf-8").count("</script>") == page.read_text(encoding="utf-8").count(
        "<script"
    )
    opened = Opened(request.getfixturevalue(kind), page, motion="reduce")
    try:
        for act in (
            "twin.app.set({ picked: { x: 0, y: 0, building: 3, road: null } })",
            "twin.app.set({ picked: { x: 0, y: 0, building: null, road: 3 } })",
            "document.getElementById('open-figures').click()",
            "document.getElementById('dialog').close()",
            "document.getElementById('open-about').click()",
            "document.getElementById('dialog').close()",
            "document.getElementById('open-story').click()",
        ):
            opened.page.evaluate(f"() => {{ {act} }}")
            opened.drawn()
        opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert opened.page.evaluate("window.hit === undefined")
        assert opened.page.evaluate("document.querySelectorAll('img[src=x], #app script').length") == 0
        assert HOSTILE in opened.page.evaluate("document.getElementById('story-text').textContent")
        assert HOSTILE in opened.page.evaluate("document.title")
        assert opened.errors == []
        assert [u for u in opened.requests if not u.startswith(("file:", "blob:", "data:"))] == []
        # The policy itself: neither an inline script nor a request gets through.
        opened.page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.hit = 2';"
            " document.body.append(s); }"
        )
        assert opened.page.evaluate("window.hit === undefined")
        refused = opened.page.evaluate("fetch('data:text/plain,x').then(() => false, () => true)")
        assert refused
    finally:
        opened.close()
