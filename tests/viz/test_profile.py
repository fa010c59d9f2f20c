"""The longitudinal profile, and the run as a notebook shows it."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.ops
from PIL import Image

from tests.page.valley import write_run
from twin.errors import TwinError
from twin.results import Result
from viz import maps


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    path = tmp_path_factory.mktemp("runs") / "run"
    return write_run(path, name="Crue <b>&", frames=7, traffic=False, holes=True)


def test_profile_along_a_line_is_the_results(run: Result, tmp_path: Path) -> None:
    grid = run.grid
    x = float(grid.x[100])
    figure = maps.profile(
        run, [(x, float(grid.y[40])), (x, float(grid.y[110]))], tmp_path / "p.png", time=3 * 3600.0
    )
    assert (tmp_path / "p.png").stat().st_size > 10_000
    ax = figure.axes[0]
    curves = {line.get_label(): line for line in ax.get_lines()}
    assert set(curves) == {"water at most", "water at T+3 h 00", "ground"}
    along, ground = (np.asarray(part) for part in curves["ground"].get_data())
    rows = np.clip(((grid.y_north - (grid.y[40] - along)) // grid.cell).astype(int), 0, grid.ny - 1)
    bed = run.fields["bed_elevation"].values[rows, 100]
    np.testing.assert_allclose(ground, bed, atol=1e-4)
    most = run.fields["max_water_depth"].values[rows, 100]
    drawn = np.asarray(curves["water at most"].get_data()[1])
    np.testing.assert_allclose(drawn[most > 0.05], (bed + most)[most > 0.05], atol=1e-4)
    assert np.isnan(drawn[most <= 0.05]).all()


def test_profile_by_the_name_of_a_place_and_its_errors(run: Result) -> None:
    figure = maps.profile(run, "rive_gauche", lang="fr")
    assert any("Profil en long" in words.get_text() for words in figure.texts)
    assert any("non réglementaire" in words.get_text() for words in figure.texts)
    with pytest.raises(TwinError, match=r"nowhere.*lines: .*rive_gauche"):
        maps.profile(run, "nowhere")
    with pytest.raises(TwinError, match="does not cross"):
        maps.profile(run, [(0.0, 0.0), (100.0, 0.0)])


def test_profile_along_a_place_of_two_features_is_whole(run: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    places = run.places
    assert places is not None
    bank = places[places["name"] == "rive_gauche"]
    line = bank.geometry.iloc[0]
    parts = [shapely.ops.substring(line, *ends, normalized=True) for ends in ((0.0, 0.4), (0.4, 1.0))]
    two = bank.iloc[[0, 0]].set_geometry(gpd.GeoSeries(parts, index=bank.index[[0, 0]], crs=places.crs))

    def length() -> float:
        return float(np.max(maps.profile(run, "rive_gauche").axes[0].get_lines()[0].get_xdata()))

    whole = length()
    monkeypatch.setattr(Result, "places", property(lambda _: two))
    assert length() == pytest.approx(whole, rel=1e-6)


def test_notebook_card_has_a_map_and_never_the_html_of_a_name(run: Result) -> None:
    card = run._repr_html_()
    assert "Crue &lt;b&gt;&amp;" in card
    assert "<b>&" not in card
    assert "150 × 200 cells of 10 m" in card
    assert "Flooded area" in card
    data = re.search(r"base64,([^\"]+)", card)
    assert data
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data.group(1)))).convert("RGB")).astype(int)
    assert picture.shape == (150, 200, 3)
    assert (picture[5, 5] == 255).all()  # a hole of the terrain
    wet = run.fields["max_water_depth"].values > 0.5
    assert (picture[wet][:, 2] - picture[wet][:, 0]).min() > 20  # blue
    dry = np.nan_to_num(run.fields["max_water_depth"].values) < 0.04
    assert (picture[dry][:, 2] == picture[dry][:, 0]).all()  # grey
