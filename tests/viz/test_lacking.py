"""What maps, scene and card say of runs that lack something: they are drawn, and name what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.page.valley import write_run
from tests.viz.test_maps import words_of
from twin.errors import TwinError
from twin.results import Result
from viz import maps, rendering, roads


def opened_as(run: Result, status: str) -> Result:
    path = run.path / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": status}))
    return Result.open(run.path)


def test_water_alone_one_frame_and_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_LANG", "fr")
    run = write_run(
        tmp_path / "bare", frames=1, traffic=False, buildings=False, roads=False, places=False, holes=True
    )
    card = run._repr_html_()
    assert "sans : bâtiments, routes, trafic" in card
    assert "2 × 1,5 km (EPSG:2154)" in card
    assert "Début : 12/10/2026 06:00, durée : 6 h" in card
    assert 'alt="Hauteur d&#x27;eau maximale de « Crue centennale »"' in card
    for draw in (maps.max_depth, maps.arrival):
        words = words_of(draw(run, dpi=40))
        assert "Routes" not in words
        assert "Bâtiments" not in words
    with pytest.raises(TwinError, match="gauges"):
        maps.hydrographs(run)
    with pytest.raises(TwinError, match="rive_gauche"):
        maps.profile(run, "rive_gauche")
    with pytest.raises(TwinError, match="trafic"):
        roads.traffic(run)


def test_an_interrupted_run_says_how_far_it_got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_LANG", "fr")
    import shutil

    run = opened_as(
        write_run(tmp_path / "stopped", frames=5, nx=100, ny=75, cell=20.0, traffic=False), "interrupted"
    )
    (run.path / "indicators.json").unlink()
    shutil.rmtree(run.path / "fields.zarr" / "max_water_depth")  # written at the end only
    run = Result.open(run.path)
    card = run._repr_html_()
    assert "interrompu à T+6 h" in card
    assert "sans : trafic, indicateurs (le calcul n&#x27;est pas allé au bout)" in card
    assert "interrompu à T+6 h" in words_of(maps.max_depth(run, dpi=40)).replace("\n", " ")
    if not rendering.problem():
        from viz.scene import Scene

        drawn = Scene(run, cells=40, window_size=(320, 240))
        drawn.set_time(None)  # the largest of its frames
        assert drawn.depth.max() > 1.0
        drawn.plotter.close()
