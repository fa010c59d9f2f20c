"""The depth from which a scenario closes roads is that of all that tells of cut roads."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest

import viz
from tests import small
from tests.page.test_page_file import data_of
from twin import export
from twin.results import Result
from twin.simulation import run
from viz.sheet import Sheet

DEEP = 0.6


@pytest.fixture(
    scope="module", params=["", 'scheme = "local_inertial"\nsubgrid = true\n'], ids=["cells", "subgrid"]
)
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    file = small.make(tmp_path_factory.mktemp("small"))
    text = file.read_text(encoding="utf-8")
    text = text.replace("[params.traffic]", '[params.traffic]\nclosure_depth = "60 cm"')
    if request.param:
        text = text.replace("[params.traffic]", f"[params.flood]\n{request.param}[params.traffic]")
        text = text.replace('resolution = "native"', 'resolution = "20 m"')
    file.write_text(text, encoding="utf-8")
    return run(file, file.parent / "run")


def test_cut_is_cut_as_the_scenario_has_it(result: Result, tmp_path: Path) -> None:
    """With 0.6 m the traffic closed nothing, and figures, files and pictures told roads cut from 0.3 m."""
    roads = result.roads
    assert roads is not None
    deepest = roads["max_water_depth"].to_numpy()
    assert ((deepest >= 0.3) & (deepest < DEEP)).any()  # the case there is
    cut = deepest >= DEEP
    assert ((roads["cut_length_m"].to_numpy() > 0) == cut).all()
    assert not roads["cut_from_s"][~cut].notna().any()
    figures = json.loads((result.path / "indicators.json").read_text(encoding="utf-8"))
    assert figures["roads_cut"]["value"] == cut.sum()
    assert "0,6 m" in figures["roads_cut"]["method"]
    assert "0.6 m" in figures["roads_cut"]["method_en"]
    exported = tmp_path / "run.gpkg"
    export.gpkg(result, exported, by_cells=True)
    told = gpd.read_file(exported, layer="troncon_de_route_impact")
    assert (told["coupe"].to_numpy() == cut).all()
    styles = gpd.read_file(exported, layer="layer_styles")
    assert "0.6 m" in "".join(styles["styleQML"]).replace(",", ".")
    page = data_of(viz.page(result, tmp_path / "page.html"))
    assert [scenario["closure_depth"] for scenario in page["scenarios"]] == [DEEP]
    sheet = Sheet(result, "", lang="fr", title=None, sources=None, extent=None, dpi=80)
    sheet.roads()
    said = [label for _, entries in sheet.legends for label, _ in entries]
    assert any("0,6 m" in label for label in said) == cut.any()
    assert not any("0,3 m" in label for label in said)
