"""3D: shapes by hand; the scene looked at through its pixels where rendering works."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Polygon, box

from tests.conftest import missing
from tests.synthetic_run import write_run
from twin.errors import TwinError
from twin.features import CLOSURE_DEPTH
from twin.results import Result
from viz import colours as c
from viz import rendering, solids


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return write_run(tmp_path_factory.mktemp("scene") / "run")


@pytest.fixture
def gl() -> None:
    why = rendering.problem()
    if why:
        missing(f"3D rendering does not work here ({why}): apt install {rendering.PACKAGES}")


def share_of(picture: np.ndarray, colour: str, tolerance: int = 12) -> float:
    wanted = np.round(255 * c.rgb(colour)).astype(int)
    return float((np.abs(picture[..., :3].astype(int) - wanted).max(axis=-1) <= tolerance).mean())


# -- shapes -------------------------------------------------------------------------------


def area_and_volume(points: np.ndarray, triangles: np.ndarray) -> tuple[float, float]:
    a, b, d = (points[triangles[:, k]] for k in range(3))
    cross = np.cross(b - a, d - a)
    return float(np.linalg.norm(cross, axis=1).sum() / 2), float(np.abs(cross[:, 2]).sum() / 2)


def test_an_extruded_house_has_its_walls_and_roof() -> None:
    yard = Polygon([(0, 0), (20, 0), (20, 10), (0, 10)], [[(5, 2), (15, 2), (15, 8), (5, 8)]])
    bent = Polygon([(30, 0), (50, 0), (50, 5), (35, 5), (35, 20), (30, 20)])  # concave
    points, triangles, owner = solids.extruded(
        np.array([yard, bent], dtype=object), np.array([1.0, 0.0]), np.array([7.0, 4.0])
    )
    for k, (shape, height) in enumerate(((yard, 6.0), (bent, 4.0))):
        mine = triangles[owner == k]
        surface, flat = area_and_volume(points, mine)
        assert flat == pytest.approx(shape.area)  # the roof alone lies flat, and leaves the yard open
        assert surface == pytest.approx(shape.area + height * shape.length)
    assert points[triangles[owner == 0]][..., 2].min() == 1.0
    assert points[triangles[owner == 1]][..., 2].max() == 4.0


def test_multipolygons_keep_their_owner() -> None:
    two = shapely.union_all([box(0, 0, 1, 1), box(5, 5, 7, 7)])
    _, triangles, owner = solids.extruded(
        np.array([box(9, 9, 10, 10), two], dtype=object), np.zeros(2), np.array([1.0, 2.0])
    )
    assert (owner == 0).sum() == 8 + 2
    assert (owner == 1).sum() == 16 + 4
    assert len(triangles) == len(owner)


def test_water_runs_on_into_the_bank_and_no_farther() -> None:
    wet = np.zeros((5, 5), dtype=bool)
    wet[2, 2], wet[2, 3] = True, True
    level = np.where(wet, 10.0, 0.0)
    level[2, 3] = 12.0
    out = solids.spread(level, wet)
    assert out[2, 2] == 10.0
    assert out[2, 1] == 10.0
    assert out[1, 2] == 11.0  # both are neighbours
    assert out[2, 4] == 12.0
    assert np.isnan(out[0]).all()
    assert np.isnan(out[:, 0]).all()


def test_quads_are_the_squares_asked_for() -> None:
    keep = np.array([[True, False], [False, False]])
    assert sorted(solids.quads_of(keep)[0].tolist()) == [0, 1, 3, 4]
    corners = np.zeros((3, 3), dtype=bool)
    corners[0, 0] = True
    assert solids.any_corner(corners).tolist() == [[True, False], [False, False]]
    assert not solids.all_corners(corners).any()
    assert solids.all_corners(~corners).tolist() == [[False, True], [True, True]]


def test_densified_lines_know_how_far_along_they_are() -> None:
    lines = np.array([LineString([(0, 0), (10, 0)]), LineString([(0, 5), (0, 6)])], dtype=object)
    xy, line, share = solids.densified(lines, 4.0)
    assert line.tolist() == [0, 0, 0, 0, 1, 1]
    assert share.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 0, 1])
    assert xy[1].tolist() == pytest.approx([10 / 3, 0])


# -- the trial picture -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (SimpleNamespace(returncode=-11, stderr=""), "signal 11"),
        (SimpleNamespace(returncode=1, stderr="Traceback\nImportError: libGL.so.1\n"), "libGL.so.1"),
        (SimpleNamespace(returncode=3, stderr=""), "exit 3"),
    ],
)
def test_a_crash_of_the_trial_becomes_a_message_with_the_packages(
    run: Result, monkeypatch: pytest.MonkeyPatch, done: Any, said: str
) -> None:
    from viz.scene import scene

    rendering.problem.cache_clear()
    monkeypatch.setattr(rendering.subprocess, "run", lambda *_, **__: done)
    try:
        with pytest.raises(TwinError) as error:
            scene(run)
    finally:
        rendering.problem.cache_clear()
    assert said in str(error.value)
    assert "libegl1 libgl1-mesa-dri" in str(error.value)


def test_a_trial_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("python", 120)

    rendering.problem.cache_clear()
    monkeypatch.setattr(rendering.subprocess, "run", hang)
    try:
        assert "timeout" in rendering.problem()
    finally:
        rendering.problem.cache_clear()


def test_without_terrain_there_is_no_scene(tmp_path: Path) -> None:
    import shutil

    from viz.scene import scene

    bare = write_run(tmp_path / "r")
    shutil.rmtree(bare.path / "fields.zarr" / "bed_elevation")
    with pytest.raises(TwinError, match="terrain"):
        scene(Result.open(bare.path))


# -- the scene -----------------------------------------------------------------------------


@pytest.mark.usefixtures("gl")
def test_the_scene_shows_water_cut_roads_and_touched_buildings(run: Result) -> None:
    import viz

    plotter = viz.scene(run, lang="fr", window_size=(640, 480))
    picture = plotter.screenshot(None, return_img=True)
    for part in c.DEPTH:
        assert share_of(picture, part.colour) > 0.002, part
    assert share_of(picture, c.ROAD_CUT[1]) > 0.001
    points = np.asarray(plotter.actors["terrain"].mapper.dataset.points)
    assert np.abs(points[:, :2]).max() <= 900  # local metres, not 6.9e6
    assert np.isclose(points[:, 2].max(), np.nanmax(run.fields["bed_elevation"].values), atol=1e-3)
    plotter.close()


@pytest.mark.usefixtures("gl")
def test_show_without_a_display_draws_once(
    run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import viz

    monkeypatch.delenv("DISPLAY", raising=False)
    plotter = viz.show(run, 2700.0)
    plotter.screenshot(tmp_path / "scene.png")
    assert share_of(plotter.screenshot(None, return_img=True), c.DEPTH[2].colour) > 0.001
    assert (tmp_path / "scene.png").stat().st_size > 10_000
    plotter.close()


@pytest.mark.usefixtures("gl")
def test_time_moves_water_roads_and_buildings(run: Result) -> None:
    from viz.scene import Scene

    drawn = Scene(run, window_size=(640, 480), cells=60)
    frames = run.fields["water_depth"].values
    np.testing.assert_allclose(drawn.depth_at(450.0), 0.5 * (frames[0] + frames[1]), atol=1e-6)
    np.testing.assert_allclose(drawn.depth_at(1e9), frames[-1], atol=1e-6)
    drawn.set_time(0.0)
    first = drawn.plotter.screenshot(None, return_img=True)
    assert "cut" not in drawn.plotter.actors
    drawn.set_time(2700.0)
    second = drawn.plotter.screenshot(None, return_img=True)
    roads = run.roads
    assert roads is not None
    assert (roads["max_water_depth"] >= CLOSURE_DEPTH).any()
    assert "cut" in drawn.plotter.actors
    blue = c.DEPTH[2].colour
    assert share_of(second, blue) > 3 * share_of(first, blue)
    drawn.set_time(0.0)
    assert "cut" not in drawn.plotter.actors
    drawn.plotter.close()


@pytest.mark.usefixtures("gl")
def test_a_dry_instant_and_a_run_without_features(tmp_path: Path) -> None:
    from viz.scene import Scene

    dry = write_run(tmp_path / "dry", rise=0.0)
    for file in ("buildings", "roads", "places"):
        (dry.path / f"features/{file}.gpkg").unlink()
    drawn = Scene(Result.open(dry.path), window_size=(320, 240))
    drawn._pour(np.zeros(dry.grid.shape))
    assert "water" not in drawn.plotter.actors
    assert drawn.plotter.screenshot(None, return_img=True).std() > 0
    drawn.plotter.close()


@pytest.mark.usefixtures("gl")
def test_scale_north_clock_and_sources_are_on_the_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from viz import scene_words
    from viz.scene import Scene

    labels: dict[str, Any] = {}
    monkeypatch.setattr(
        scene_words, "_labels", lambda _, at, words, __, name: labels.update({name: (at, words)})
    )
    run = write_run(tmp_path / "run")
    toml = run.path / "scenario.toml"
    toml.write_text(toml.read_text().replace("Crue d'essai", "2 M$ ou 3 M$ <b>"), encoding="utf-8")
    drawn = Scene(Result.open(run.path), lang="en", window_size=(640, 480), cells=30, exaggeration=3.0)
    drawn.set_time(2700.0)
    actors = drawn.plotter.actors
    ends = np.array([actors[f"scale{k}"].bounds[:2] for k in range(4)])
    length = ends.max() - ends.min()
    assert length in (100.0, 200.0, 500.0)
    at, said = labels["scale"]
    assert said == ["0", f"{length:g} m"]
    assert np.linalg.norm(at[1] - at[0]) == length
    assert labels["north"][1] == ["N"]
    west, east = actors["north_west"].bounds, actors["north_east"].bounds
    assert west[0] >= run.grid.nx * run.grid.cell  # beside the ground
    assert west[3] == east[3]  # both halves end in the tip
    words = "\n".join(a.GetInput() for a in actors.values() if hasattr(a, "GetInput") and a.GetInput())
    for expected in (
        "2026-10-12 06:45  ·  T+0 h 45",
        r"2 M\$ ou 3 M\$ <b>",
        "Indicative, not regulatory – relief × 3",
        "BDTOPO.gpkg (2026-06-15)",
        "Water depth",
    ):
        assert expected in words, (expected, words)
    drawn.plotter.close()
