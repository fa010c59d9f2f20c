"""INSEE's squares, and other areas with people."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely import LineString, box

from tests import small
from tests.layers.conftest import Read
from twin.errors import InputError
from twin.simulation import run


def squares(**columns: list[object]) -> gpd.GeoDataFrame:
    """Squares of 200 m on INSEE's lattice, in EPSG:3035, near Valmont."""
    n = len(next(iter(columns.values())))
    shapes = [box(3_755_000 + 200 * k, 2_889_000, 3_755_200 + 200 * k, 2_889_200) for k in range(n)]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:3035")


def test_filosofi_squares_are_reprojected_and_counted(read: Read, tmp_path: Path) -> None:
    squares(Idcar_200m=["a", "b", "c"], Ind=[12.5, None, 3.0]).to_file(tmp_path / "carreaux.gpkg")
    layer = read("population", "carreaux.gpkg")
    assert layer.data.crs == "EPSG:2154"
    assert layer.data["ind"].tolist() == [12.5, 0.0, 3.0]
    assert layer.data.area.to_numpy() == pytest.approx(40_000, rel=5e-3)
    assert "3 squares, 16 people (column ind); 1 without a number" in " ".join(layer.provenance.notes)


def test_squares_of_two_deliveries_count_once(read: Read, tmp_path: Path) -> None:
    """Regions share the squares on their edge; a square without a name is never another's double."""
    squares(idcar_200m=["a", "b", None, None], ind=[1.0, 2.0, 4.0, 8.0]).to_file(tmp_path / "1.gpkg")
    squares(idcar_200m=["a", "c", None, None], ind=[1.0, 16.0, 32.0, 64.0]).to_file(tmp_path / "2.gpkg")
    layer = read("population", ["1.gpkg", "2.gpkg"])
    assert layer.data["ind"].tolist() == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    assert "1 features delivered twice" in " ".join(layer.provenance.notes)


@pytest.mark.parametrize("column", ["population", "pop", "Ind_c"])
def test_other_names_of_the_number(read: Read, tmp_path: Path, column: str) -> None:
    squares(**{column: [1, 2]}).to_file(tmp_path / "p.gpkg")
    assert read("population", "p.gpkg").data["ind"].tolist() == [1.0, 2.0]


def test_no_number_and_no_area_are_refused_together(read: Read, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"nom": ["x"]}, geometry=[LineString([(0, 0), (1, 1)])], crs="EPSG:2154")
    frame.to_file(tmp_path / "p.gpkg")
    with pytest.raises(InputError) as error:
        read("population", "p.gpkg")
    assert len(error.value.problems) == 2
    assert "a column ind (INSEE) or population" in str(error.value)


def test_a_run_shares_people_among_its_buildings(tmp_path: Path) -> None:
    scenario = small.make(tmp_path / "town")
    folder = scenario.parent
    # One square over the first three of six equal houses, in INSEE's CRS; one with nobody to house.
    x, y = small.X, small.Y
    frame = gpd.GeoDataFrame(
        {"ind": [60.0, 7.0]},
        geometry=[box(x + 90, y - 180, x + 250, y - 130), box(x + 300, y - 390, x + 400, y - 290)],
        crs="EPSG:2154",
    )
    frame.to_crs("EPSG:3035").to_file(folder / "population.gpkg")
    file = folder / "territory.toml"
    layer = '[layers.population]\nsource = "population.gpkg"\n[places]'
    file.write_text(file.read_text("utf-8").replace("[places]", layer), "utf-8")
    result = run(scenario, tmp_path / "run")
    assert result.buildings is not None
    residents = result.buildings.sort_values("building_id")["residents"].to_numpy()
    np.testing.assert_allclose(residents, [20, 20, 20, 0, 0, 0])
    in_water = result.indicators["residents_in_water"]["value"]
    touched = result.buildings["max_water_depth"].to_numpy() > 0.05
    assert in_water <= 60
    assert (in_water > 0) == bool((touched & (result.buildings["residents"] > 0)).any())
    inputs = json.loads((tmp_path / "run" / "provenance.json").read_text("utf-8"))["inputs"]
    notes = next(i["notes"] for i in inputs if i["layer"] == "population")
    assert "60 people shared among the buildings by volume; 7 in squares without a building" in notes
