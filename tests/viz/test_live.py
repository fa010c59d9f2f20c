"""A scene to move in: slider, click and drag through VTK's own events, off screen."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import numpy as np
import pytest

from tests.conftest import missing
from tests.synthetic_run import write_run
from twin.results import Result
from viz import live, rendering
from viz.scene import Scene


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    if rendering.problem():
        missing(f"3D rendering does not work here ({rendering.problem()})")
    return write_run(tmp_path_factory.mktemp("live") / "run")


@pytest.fixture
def drawn(run: Result) -> Iterator[Scene]:
    scene = Scene(run, lang="en", cells=60, window_size=(640, 480))
    scene.set_time(900.0)
    live.follow(scene, 900.0)
    scene.plotter.show(auto_close=False)
    yield scene
    scene.plotter.close()


def press_and_release(scene: Scene, at: tuple[int, int], to: tuple[int, int] | None = None) -> None:
    mouse = scene.plotter.iren.interactor
    mouse.SetEventPosition(*at)
    mouse.InvokeEvent("LeftButtonPressEvent")
    mouse.SetEventPosition(*(to or at))
    mouse.InvokeEvent("LeftButtonReleaseEvent")


def pixel_of(scene: Scene, point: tuple[float, float, float]) -> tuple[int, int]:
    renderer = scene.plotter.renderer
    renderer.SetWorldPoint(*point, 1.0)
    renderer.WorldToDisplay()
    x, y, _ = renderer.GetDisplayPoint()
    return round(x), round(y)


def test_the_slider_moves_the_water(drawn: Scene, run: Result) -> None:
    (slider,) = drawn.plotter.widgets.slider_widgets
    before = drawn.plotter.screenshot(None, return_img=True).copy()
    slider.GetRepresentation().SetValue(float(run.times[3]) / 3600)
    slider.InvokeEvent("EndInteractionEvent")
    np.testing.assert_allclose(drawn.depth, run.fields["water_depth"].values[3], atol=1e-6)
    after = drawn.plotter.screenshot(None, return_img=True)
    assert (before != after).any(axis=-1).mean() > 0.01


def test_a_click_tells_the_depth_there_and_a_drag_does_not(drawn: Scene, run: Result) -> None:
    grid = run.grid
    depth = drawn.depth_at(900.0)
    # Wet, and no roof or bank between the eye and it: the middle of the widest water.
    wet = np.argwhere((depth > 0.5) & (depth < 1.5) & ~drawn.permanent)
    told: list[tuple[float, float]] = []
    drawn.tell = lambda x, y: told.append((x, y)) or ""  # type: ignore[method-assign]
    hits = 0
    for i, j in wet[:: max(1, len(wet) // 20)]:
        x, y = float(grid.x[j] - grid.bounds[0]), float(grid.y[i] - grid.bounds[1])
        at = pixel_of(drawn, (x, y, float(drawn.bed[i, j] + depth[i, j])))
        press_and_release(drawn, at, (at[0] + 40, at[1]))
        assert told == []
        press_and_release(drawn, at)
        hits += bool(told) and np.hypot(told[0][0] - x, told[0][1] - y) < 2 * grid.cell
        told.clear()
    assert hits >= 12  # the others stand behind a house
    press_and_release(drawn, (3, 475))  # the sky
    assert told == []


def test_a_told_place_follows_the_slider(drawn: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn.tell(100.0, 200.0)
    again: list[tuple[float, float]] = []
    monkeypatch.setattr(drawn, "tell", lambda x, y: again.append((x, y)))
    drawn.set_time(1800.0)
    assert again == [(100.0, 200.0)]


def test_one_frame_has_no_slider(run: Result) -> None:
    scene = Scene(run, cells=30, window_size=(320, 240))
    scene.times = scene.times[:1]
    live.follow(scene, None)
    assert not scene.plotter.widgets.slider_widgets
    scene.plotter.close()


def test_without_a_display_the_reader_is_told_how_to_see(
    run: Result, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    plotter = live.show(run, 900.0, lang="fr")
    assert "Pas d'écran ici" in capsys.readouterr().err
    assert not plotter.widgets.slider_widgets
    plotter.close()


def test_a_live_view_fetches_nothing() -> None:
    pytest.importorskip("trame_vtklocal", reason="trame is not installed (extra `notebook`)")
    with live._no_download(), pytest.raises(ImportError):
        importlib.import_module("trame.widgets.vtklocal")
