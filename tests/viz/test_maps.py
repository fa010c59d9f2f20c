"""Maps: the sheets are drawn, hold what they should, and say what a run lacks."""

from __future__ import annotations

import io
import json
import re
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import geopandas as gpd
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from shapely import LineString

from tests.page import valley
from tests.synthetic_run import write_run
from twin.errors import InputError, TwinError
from twin.indicators import Indicator
from twin.notebook import KEY_FIGURES, figures_of, when_of
from twin.results import Result
from viz import colours as c
from viz import maps, roads
from viz.sheet_text import value_text


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return write_run(tmp_path_factory.mktemp("maps") / "run")


def words_of(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text))


def share_of(picture: Path, colour: str, tolerance: int = 6) -> float:
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    wanted = np.round(255 * c.rgb(colour)).astype(int)
    return float((np.abs(pixels - wanted).max(axis=-1) <= tolerance).mean())


def test_a_small_flood_is_not_told_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sheet and the card of a run: 0.3 ha and 40 m of road are no zeros, large figures stay."""
    monkeypatch.setenv("TWIN_LANG", "fr")
    small = {"flooded_area": 0.31, "roads_cut_length": 0.042, "buildings_touched": 5.0}
    for key, said in zip(small, ("0,31 ha", "0,042 km", "5 ha"), strict=True):
        unit = "km" if key.endswith("length") else "ha"
        figure = Indicator(key, small[key], unit, "", "", "", "")
        assert value_text(figure, KEY_FIGURES[key], "fr") == said
        run = cast(Result, SimpleNamespace(indicators={key: figure.record()}))
        assert figures_of(run, 1)[0][1] == said
    for value, said in ((0.0, "0 ha"), (12.4, "12 ha"), (1234.4, "1\u202f234 ha"), (9.44, "9,4 ha")):
        assert value_text(Indicator("flooded_area", value, "ha", "", "", "", ""), 0, "fr") == said


def test_the_depth_sheet_has_everything_a_planner_looks_for(run: Result, tmp_path: Path) -> None:
    figure = maps.max_depth(run, tmp_path / "depth.png", lang="fr", dpi=80)
    words = words_of(figure)
    for expected in (
        "Crue d'essai",
        "Indicatif, non réglementaire",
        "0,05 à 0,5 m",
        "plus de 2 m",
        "Eaux permanentes",
        "coupée (0,3 m d'eau ou plus)",
        "hors d'eau",
        "RGEALTI (2024, Licence Ouverte 2.0)",
        "BDTOPO.gpkg (2026-06-15)",
        "EPSG:2154",
        "Surface inondée",
        "École Jules-Ferry",
        "200 m",
        "N",
    ):
        assert expected in words, expected
    assert "crue.csv" not in words
    assert share_of(tmp_path / "depth.png", c.PERMANENT_WATER, 25) > 0.003
    for part in c.DEPTH:
        assert share_of(tmp_path / "depth.png", part.colour, 25) > 0.003
    assert share_of(tmp_path / "depth.png", c.ROAD_CUT[1]) > 0.0005


def test_english_sheet(run: Result) -> None:
    words = words_of(maps.max_depth(run, lang="en", title="Dike raised", sources=["a", "b"]))
    assert "Dike raised" in words
    assert "0.05 to 0.5 m" in words
    assert "Indicative, not regulatory" in words
    assert "Sources: a ; b." in words


def test_arrival_and_hazard_sheets(run: Result, tmp_path: Path) -> None:
    words = words_of(maps.arrival(run, tmp_path / "arrival.png", lang="fr", dpi=60))
    assert "moins de 0,5 h" in words
    assert share_of(tmp_path / "arrival.png", c.ARRIVAL[1].colour, 25) > 0.01
    words = words_of(maps.hazard(run, tmp_path / "hazard.png", lang="fr", dpi=60))
    assert "très fort" in words
    assert share_of(tmp_path / "hazard.png", c.HAZARD[2].colour, 25) > 0.01


def test_hydrographs(run: Result, tmp_path: Path) -> None:
    figure = maps.hydrographs(run, tmp_path / "h.png", lang="fr", dpi=60)
    assert len(figure.axes) == 2
    words = words_of(figure)
    assert "Pont Vieux\nmax. 13,2" in words
    assert "pont\nmax. 300" in words
    figure.canvas.draw()
    assert "T+0 h 00\n06:00" in words_of(figure)


@pytest.mark.parametrize(
    ("datum", "said"), [("NGF-IGN69", "(m NGF-IGN69)"), ("GUAD88", "(m GUAD88)"), ("", "(m)")]
)
def test_levels_are_in_the_datum_of_the_run(tmp_path: Path, datum: str, said: str) -> None:
    """Overseas heights are not NGF, and a run that names no datum says none."""
    run = write_run(tmp_path / "run", frames=3)
    (run.path / "provenance.json").write_text(json.dumps({"status": "complete", "vertical_datum": datum}))
    figure = maps.hydrographs(Result.open(run.path), lang="fr", dpi=40)
    assert figure.axes[0].get_ylabel() == f"cote de l'eau {said}"


def test_a_small_discharge_is_not_told_as_none(tmp_path: Path) -> None:
    """The peak of a stream of 4 l/s was "max. 0", and so were all marks of its axis."""
    run = write_run(tmp_path / "run", frames=3)
    rows = "".join(f"{t},fossé,{q}\n" for t, q in ((0, 0.0), (900, 0.0042), (1800, 0.001)))
    (run.path / "sections.csv").write_text(f"time_s,section,discharge_m3_s\n{rows}")
    figure = maps.hydrographs(Result.open(run.path), lang="fr", dpi=40)
    figure.canvas.draw()
    assert "fossé\nmax. 0,0042" in words_of(figure)
    marks = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert "0,001" in marks
    assert len(set(marks)) == len(marks) > 3


def test_the_frame_of_a_small_extent_tells_its_metres(run: Result) -> None:
    west, south, _, _ = run.grid.bounds
    figure = maps.max_depth(run, lang="fr", dpi=40, extent=(west, south, west + 25, south + 25))
    figure.canvas.draw()
    marks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert marks == ["651", "651,005", "651,01", "651,015", "651,02", "651,025"]


@pytest.mark.parametrize(
    ("minutes", "marks"),
    [
        (90, ["T+0 h 00\n06:00", "T+0 h 15\n06:15", "T+0 h 30\n06:30"]),
        (1440, ["T+0 h 00\n06:00", "T+6 h 00\n12:00", "T+12 h 00\n18:00"]),
        (3, ["T+0 h 00\n06:00", "T+0 min 30\n06:00", "T+0 h 01\n06:01"]),
    ],
)
def test_time_is_marked_in_hours_and_minutes(tmp_path: Path, minutes: int, marks: list[str]) -> None:
    """Quarter hours were rounded to tenths: "T+0,2 h" beside 06:15."""
    run = write_run(tmp_path / "run", frames=3)
    rows = "".join(f"{60 * minutes * k / 4},pont,{k}\n" for k in range(5))
    (run.path / "sections.csv").write_text(f"time_s,section,discharge_m3_s\n{rows}")
    (run.path / "gauges.csv").unlink()
    figure = maps.hydrographs(Result.open(run.path), lang="fr", dpi=80)
    figure.canvas.draw()
    low, high = figure.axes[-1].get_xlim()
    labels = [label for label in figure.axes[-1].get_xticklabels() if low <= label.get_position()[0] <= high]
    told = [label.get_text() for label in labels]
    assert told[: len(marks)] == marks
    boxes = [label.get_window_extent() for label in labels]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_how_long_and_how_far_a_run_went(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", frames=2)
    (run.path / "provenance.json").write_text(json.dumps({"status": "interrupted"}))
    said = when_of(Result.open(run.path), "fr")
    assert said == "Début : 12/10/2026 06:00, durée : 0 h 15, interrompu à T+0 h 15"


def test_a_part_of_the_map(run: Result) -> None:
    west, south, _, _ = run.grid.bounds
    figure = maps.max_depth(run, extent=(west, south, west + 300, south + 300))
    ax = figure.axes[0]
    assert ax.get_xlim() == (west, west + 300)
    assert ax.get_ylim() == (south, south + 300)
    box = ax.get_position()
    width, height = figure.get_size_inches()
    assert box.width * width == pytest.approx(box.height * height)


def test_sheet_shape_follows_the_territory(tmp_path: Path) -> None:
    tall = write_run(tmp_path / "tall", ny=120, nx=60)
    width, height = maps.max_depth(tall).get_size_inches()
    assert height > width
    assert (width, height) == (8.27, pytest.approx(height))


def test_a_run_with_water_alone_still_makes_a_sheet(tmp_path: Path) -> None:
    bare = write_run(tmp_path / "bare")
    for file in ("buildings", "roads", "places"):
        (bare.path / f"features/{file}.gpkg").unlink()
    (bare.path / "provenance.json").write_text(json.dumps({"status": "interrupted"}))
    words = words_of(maps.max_depth(Result.open(bare.path), lang="fr"))
    assert "Routes" not in words
    assert "interrompu à T+1 h 30" in words
    assert "non citées" in words


def test_features_written_before_the_water_came(tmp_path: Path) -> None:
    run = write_run(tmp_path / "early")
    for file in ("buildings", "roads"):
        path = run.path / f"features/{file}.gpkg"
        gpd.read_file(path).drop(columns=["max_water_depth"]).to_file(path)
    words = words_of(maps.max_depth(Result.open(run.path), lang="fr"))
    assert "coupée" not in words


def test_a_column_longer_than_the_sheet_stays_on_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "many")
    places = gpd.read_file(run.path / "features/places.gpkg")
    kinds = ["hospital", "fire_station", "school", "care_home", "town_hall", "police", "treatment_plant"]
    many = places.iloc[[0] * len(kinds)].assign(kind=kinds, name=kinds, label=kinds)
    many.to_file(run.path / "features/places.gpkg")
    figure = maps.max_depth(Result.open(run.path), title="Un titre si long qu'il prend plusieurs lignes " * 4)
    figure.canvas.draw()
    column = figure.axes[1]
    lowest = min(t.get_window_extent().y0 for t in column.texts)
    assert lowest >= 0


def fetched(date: str) -> list[dict[str, object]]:
    """Four inputs, named as `twin fetch` and a run name them."""
    ign = "Licence Ouverte / Open Licence Etalab 2.0"
    rows = (
        ("terrain", [f"RGEALTI_FXX_065{k}_6860_MNT_LAMB93_IGN69.tif" for k in range(3)], "RGE ALTI 1 m", ign),
        ("roads", ["BDTOPO.gpkg"], "BD TOPO", ign),
        ("land_cover", ["CORINE.gpkg"], "CORINE Land Cover 2018", "Copernicus: free, with attribution"),
        ("population", ["FILOSOFI.gpkg"], "Filosofi 2019", ign),
    )
    return [
        {"layer": name, "source": files, "edition": f"{product}, reçue le {date}", "licence": licence}
        for name, files, product, licence in rows
    ]


def foot_stays_on_the_paper(figure: Figure, *sources: dict[str, object]) -> None:
    """Every edition and licence is written, and every line lies on the paper, beside the column."""
    figure.canvas.draw()
    wide, high = figure.bbox.width, figure.bbox.height
    column = figure.axes[1].bbox.x0 if len(figure.axes) > 2 else wide
    small = [
        t for t in figure.findobj(Text) if t.get_fontsize() < 6 and t.get_text() and t.axes != figure.axes[0]
    ]
    boxes = [t.get_window_extent() for t in small]
    assert all(box.x0 >= 0 and box.x1 <= column and box.y0 >= 0 and box.y1 <= high for box in boxes)
    written = " ".join(t.get_text().replace("\n", " ") for t in small)
    for source in sources:
        assert f"({source['edition']}, {source['licence']})" in written


@pytest.mark.parametrize(("ny", "nx"), [(120, 60), (60, 90)])
def test_the_sources_stay_on_the_paper(tmp_path: Path, ny: int, nx: int) -> None:
    """Licences want to be named: the foot is as high as its lines."""
    cited, runs = [], []
    for k, date in enumerate(("2026-10-01", "2026-11-01")):
        run = write_run(tmp_path / date, ny=ny, nx=nx, rise=4.0 - k)
        (run.path / "provenance.json").write_text(json.dumps({"status": "complete", "inputs": fetched(date)}))
        runs.append(Result.open(run.path))
        cited += fetched(date)
    foot_stays_on_the_paper(maps.max_depth(runs[0], lang="fr", dpi=60), *cited[:4])
    both = maps.difference(runs[0], runs[1], lang="fr", dpi=60)
    foot_stays_on_the_paper(both, *cited)
    assert max(both.get_size_inches()) <= 11.69


def test_the_sources_of_a_map_of_traffic_stay_on_the_paper() -> None:
    links = gpd.GeoDataFrame(
        {"volume_veh_h": [100.0], "saturation": [0.2], "name": ["Rue"]},
        geometry=[LineString([(0, 0), (100, 40)])],
        crs="EPSG:2154",
    )
    cited = [*fetched("2026-10-01"), *fetched("2026-11-01")]
    run = SimpleNamespace(links=links, name="Heure de pointe", provenance={"inputs": cited})
    foot_stays_on_the_paper(roads.traffic(cast(Result, run), lang="fr", dpi=60), *cited)


def test_what_a_run_lacks_is_an_error_that_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "lacks")
    import shutil

    for name in ("arrival_time", "max_hazard_ppri", "max_water_depth", "water_depth"):
        shutil.rmtree(run.path / "fields.zarr" / name)
    for file in ("gauges.csv", "sections.csv"):
        (run.path / file).unlink()
    bare = Result.open(run.path)
    for draw, said in (
        (maps.max_depth, "hauteur d'eau"),
        (maps.arrival, "heure d'arrivée"),
        (maps.hazard, "aléa"),
        (maps.hydrographs, "ni repère ni section"),
    ):
        with pytest.raises(TwinError, match=said):
            draw(bare, lang="fr")


def test_a_failed_write_leaves_nothing(run: Result, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="xyz"):
        maps.max_depth(run, tmp_path / "map.xyz", dpi=30)
    assert list(tmp_path.iterdir()) == []


def test_hillshade_by_hand() -> None:
    flat = c.hillshade(np.zeros((4, 4)), 10.0)
    assert np.allclose(flat, flat[0, 0])
    x = np.arange(6) * 10.0
    facing_west = np.broadcast_to(x, (6, 6))  # rises to the east: faces west, toward the lights
    assert c.hillshade(facing_west, 10.0)[2, 2] > flat[0, 0]
    assert c.hillshade(-facing_west, 10.0)[2, 2] < flat[0, 0]
    facing_north = np.broadcast_to(x[:, None], (6, 6))  # rises southward (rows go south): faces north
    assert c.hillshade(facing_north, 10.0)[2, 2] > c.hillshade(-facing_north, 10.0)[2, 2]


def test_class_index_bounds() -> None:
    values = np.array([np.nan, 0.0, 0.05, 0.06, 0.5, 0.51, 1.0, 2.0, 2.01])
    assert c.class_index(values, c.DEPTH).tolist() == [-1, -1, -1, 0, 0, 1, 1, 2, 3]


def test_land_of_nothing_is_white() -> None:
    assert (c.land(np.full((3, 3), np.nan), 5.0) == 1).all()
    hole = np.zeros((5, 5))
    hole[2, 2] = np.nan
    assert (c.land(hole, 5.0)[2, 2] == 1).all()
    assert (c.land(hole, 5.0)[0, 0] < 1).all()


def test_the_sheet_of_a_decision(tmp_path: Path) -> None:
    before = valley.write_run(tmp_path / "before", frames=5, traffic=False)
    after = valley.write_run(
        tmp_path / "after", frames=5, traffic=False, dike=True, name="Digue à 2 M$ ou 3 M$"
    )
    figure = maps.difference(before, after, tmp_path / "d.png", lang="fr", dpi=80)
    words = words_of(figure)
    for expected in (
        "Crue centennale → Digue à 2 M$ ou 3 M$",
        "− plus de 50 cm",
        "+ 5 à 20 cm",
        "inondé, moins de 5 cm d'écart",
        " → ",
        "Indicatif, non réglementaire",
    ):
        assert expected in words.replace("\n", " "), expected
    less, more = before.fields["max_water_depth"].values, after.fields["max_water_depth"].values
    seen = np.maximum(less, more) > 0.05
    both = (less > 0.05) & (before.fields["water_depth"].values[0] > 0.05)
    for part in (c.DEPTH_CHANGE[0], c.DEPTH_CHANGE[4]):  # kept dry, 15 cm more
        change = more - less
        wanted = (seen & ~both & (change > part.low) & (change <= part.high)).mean()
        assert wanted > 0.01
        assert share_of(tmp_path / "d.png", part.colour, 30) > 0.2 * wanted
    other = valley.write_run(tmp_path / "other", frames=5, traffic=False, cell=20.0)
    with pytest.raises(InputError, match=re.escape(str(other.path))):
        maps.difference(before, other)


def test_a_figure_shows_itself_in_a_notebook_and_sets_no_mathematics(tmp_path: Path) -> None:
    odd = valley.write_run(tmp_path / "odd", frames=3, traffic=False, name=r"2 M$ ou \\frac$ {")
    figure = maps.max_depth(odd, dpi=40)  # as mathematics that name is an error
    picture = Image.open(io.BytesIO(figure._repr_png_()))
    assert picture.size[0] == round(100 * figure.get_size_inches()[0])


def test_the_sheet_of_a_decision_says_when_its_runs_do_not_compare(tmp_path: Path) -> None:
    few = {"frames": 5, "traffic": False, "nx": 60, "ny": 45}
    after = valley.write_run(tmp_path / "after", **few, name="Digue", dike=True)  # type: ignore[arg-type]
    warned = "Durées calculées inégales ou calcul incomplet"
    whole = valley.write_run(tmp_path / "whole", **few)  # type: ignore[arg-type]
    words = words_of(maps.difference(whole, after, lang="fr", dpi=50)).replace("\n", " ")
    assert warned not in words
    for name, more, told in (
        ("stopped", {"until": 3.0, "status": "interrupted"}, "interrompu à T+3 h 00"),
        ("short", {"hours": 3.0}, "durée : 3 h 00"),
    ):
        before = valley.write_run(tmp_path / name, **(few | more), name="Avant")  # type: ignore[arg-type]
        words = words_of(maps.difference(before, after, lang="fr", dpi=50)).replace("\n", " ")
        assert "Avant : Début" in words
        assert "Digue : Début" in words
        assert told in words
        assert warned in words
