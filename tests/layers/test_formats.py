"""GeoPackage, FlatGeobuf, GeoJSON and shapefile give the same layer through the same door."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tests import small
from tests.layers.conftest import Read
from twin.errors import InputError


@pytest.fixture
def roads(tmp_path: Path) -> gpd.GeoDataFrame:
    """Twelve roads with BD TOPO v3 columns."""
    small.make(tmp_path / "town")
    return gpd.read_file(tmp_path / "town" / "bdtopo.gpkg", layer="troncon_de_route")


# IGN delivers FlatGeobuf and GeoParquet in WGS84; RFC 7946 wants GeoJSON in it.
@pytest.mark.parametrize("crs", ["EPSG:2154", "EPSG:4326"])
@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "geojson", "json"])
def test_one_layer_in_any_format(
    read: Read, tmp_path: Path, roads: gpd.GeoDataFrame, suffix: str, crs: str
) -> None:
    driver = {"gpkg": "GPKG", "fgb": "FlatGeobuf"}.get(suffix, "GeoJSON")
    file = tmp_path / f"troncon_de_route.{suffix}"
    roads.to_crs(crs).to_file(file, driver=driver)
    layer = read("roads", file.name).data.sort_values("road_id").reset_index(drop=True)
    same = read("roads", "town/bdtopo.gpkg", layer="troncon_de_route").data
    assert layer.crs == "EPSG:2154"
    names = [c for c in layer.columns if c != "geometry"]
    pd.testing.assert_frame_equal(layer[names], same[names], check_dtype=False)
    apart = shapely.get_coordinates(layer.geometry) - shapely.get_coordinates(same.geometry)
    # RFC 7946 as GDAL writes it keeps 7 decimals of a degree: a centimetre.
    assert np.abs(apart).max() < (0.02 if crs == "EPSG:4326" else 1e-6)


@pytest.mark.parametrize("suffix", ["fgb", "geojson"])
def test_only_what_meets_the_bounds(read: Read, tmp_path: Path, roads: gpd.GeoDataFrame, suffix: str) -> None:
    file = tmp_path / f"r.{suffix}"
    roads.to_crs("EPSG:4326").to_file(file)
    x, y = small.X, small.Y
    bounds = (x + 540.0, y - 400.0, x + 600.0, y)
    meets = roads.intersects(shapely.box(*bounds))
    assert 0 < meets.sum() < len(roads)
    assert set(read("roads", file.name, bounds=bounds).data["road_id"]) == set(roads["cleabs"][meets])


def test_a_folder_of_flatgeobuf_is_searched_by_name(
    read: Read, tmp_path: Path, roads: gpd.GeoDataFrame
) -> None:
    folder = tmp_path / "BDT"
    folder.mkdir()
    roads.to_file(folder / "troncon_de_route.fgb")
    roads[["cleabs", "geometry"]].to_file(folder / "troncon_de_voie_ferree.fgb")
    assert len(read("roads", "BDT").data) == len(roads)


@pytest.mark.parametrize("suffix", ["fgb", "geojson"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_file_is_told(
    read: Read, tmp_path: Path, roads: gpd.GeoDataFrame, suffix: str, share: float
) -> None:
    file = tmp_path / f"r.{suffix}"
    roads.to_file(file)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"layers\.roads"):
        read("roads", file.name)


def test_geoparquet_says_what_to_do(read: Read, tmp_path: Path) -> None:
    # GDAL of pyogrio's wheels has no Parquet driver (and Twin does not bring pyarrow for it).
    (tmp_path / "r.parquet").write_bytes(b"PAR1" + bytes(64) + b"PAR1")
    with pytest.raises(InputError, match="ogr2ogr"):
        read("roads", "r.parquet")
