"""The readers on real files: what they hold was counted by hand or with GDAL's own tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from scipy.ndimage import map_coordinates

from twin.layers import Layer, LayerSource, native_grid, read_layer, roughness_on_grid
from twin.layers.ign import is_null_height

pytestmark = pytest.mark.real

DIEPPE = "dieppe/clean/dieppe.gpkg"
LA_FLECHE = "la_fleche/72_BDTOPO_2-0_LAMB93_SHP_X062-ED111/Extrait1"


def read(real_data: Path, name: str, source: str, **keys: object) -> Layer:
    bounds = keys.pop("bounds", None)
    entry = LayerSource.model_validate({"source": source, **keys})
    return read_layer(name, entry, root=real_data, crs="EPSG:2154", bounds=bounds)  # type: ignore[arg-type]


def test_dieppe_terrain_as_geotiff_and_as_delivered(real_data: Path) -> None:
    clean = read(real_data, "terrain", "dieppe/clean/mnt_topobathy_20m.tif")
    raw = read(real_data, "terrain", "dieppe/raw/dem_20m.asc")
    assert clean.data.shape == raw.data.shape == (484, 647)
    np.testing.assert_allclose(clean.data.values, raw.data.values, rtol=1e-6)
    assert clean.data.attrs["transform"] == pytest.approx(raw.data.attrs["transform"], abs=1e-9)
    assert (float(raw.data.min()), float(raw.data.max())) == (-14.80503, 121.9995)
    # The origin is not on a round coordinate, and stays where it is.
    assert native_grid(clean, "EPSG:2154").x_west == 559149.58715242


def test_dieppe_roughness(real_data: Path) -> None:
    terrain = read(real_data, "terrain", "dieppe/clean/mnt_topobathy_20m.tif")
    layer = read(real_data, "roughness", "dieppe/clean/manning_20m.tif")
    assert layer.data.attrs["nodata_cells"] == 83017
    rough = roughness_on_grid(layer, native_grid(terrain, "EPSG:2154"), 0.02)
    assert (rough.values == 0.02).sum() == 83017
    assert (np.abs(rough.values - 0.032) < 1e-6).sum() == 101798
    assert len(rough.notes) == 1


@pytest.mark.parametrize("source", ["dieppe/clean/dieppe.gpkg", "dieppe/raw/routes.shp"])
def test_dieppe_roads(real_data: Path, source: str) -> None:
    layer = read(real_data, "roads", source)
    roads = layer.data
    said = "\n".join(layer.provenance.notes)
    assert "1039 segments without NATURE, 1039 of them recovered" in said
    assert len(roads) == 4658
    assert "1 segments cut by a slit of less than 5 m" in said  # the harbour bridge of the D925
    assert roads.geometry.length.sum() == pytest.approx(430935.3, abs=1.0)
    assert (roads["nature"] == "Escalier").sum() == 39 + 10
    assert set(roads["level"]) == {0, 1}
    assert roads["road_id"].is_unique
    # All but Sentier 308, Escalier 49, Piste cyclable 6, Chemin 297.
    whole = roads["road_id"].str.split("/").str[0]
    assert whole[roads["drivable"]].nunique() == 4637 - 660


def test_the_two_deliveries_of_dieppe_are_one(real_data: Path) -> None:
    a = read(real_data, "roads", "dieppe/clean/dieppe.gpkg").data
    b = read(real_data, "roads", "dieppe/raw/routes.shp").data
    for column in ("name", "nature", "importance", "lanes", "direction", "level", "drivable"):
        assert a[column].tolist() == b[column].tolist(), column
    np.testing.assert_array_equal(a["speed"], b["speed"])


def test_dieppe_buildings_and_defences(real_data: Path) -> None:
    buildings = read(real_data, "buildings", "dieppe/clean/dieppe.gpkg").data
    assert len(buildings) == 20559
    assert (buildings["height"] == 5.0).all()
    assert (buildings["use"] == "Résidentiel").sum() == 14241
    for source in ("dieppe/clean/dieppe.gpkg", "dieppe/raw/coastal_defenses.shp"):
        defences = read(real_data, "defences", source)
        assert len(defences.data) == 109
        assert float(defences.data["alt"].max()) == pytest.approx(10.6178765)
        assert "reprojected" not in "\n".join(defences.provenance.notes)
    districts = read(real_data, "districts", "dieppe/clean/dieppe.gpkg", layer="district").data
    assert (
        districts["dist_pop"].sum()
        == 2729 + 9288 + 409 + 465 + 3634 + 2708 + 1099 + 3138 + 1959 + 30086 + 685 + 1896 + 799 + 1542
    )
    water = read(real_data, "hydrography", "dieppe/raw/water.shp")
    assert water.data.crs == "EPSG:2154"
    assert "l'yères" in set(water.data["nom_officiel"].dropna())


def test_la_fleche(real_data: Path) -> None:
    terrain = read(real_data, "terrain", "la_fleche/BDALTI")
    assert terrain.data.shape == (401, 401)
    assert (float(terrain.data.x[0]), float(terrain.data.y[0])) == (465000.0, 6745000.0)
    roads = read(real_data, "roads", LA_FLECHE)
    assert len(roads.data) == 1070
    # The letters were lost before the file came here; the values are found all the same.
    assert (roads.data["nature"] == "Route à 1 chaussée").sum() == 754
    assert not roads.data["nature"].str.contains("\ufffd").any()
    assert "lost their accents" in "\n".join(roads.provenance.notes)
    assert (roads.data["level"] == 1).sum() == 7
    assert roads.data["drivable"].sum() > 800
    buildings = read(real_data, "buildings", LA_FLECHE).data
    assert len(buildings) == 4054
    assert (buildings["height_source"] == "hauteur").sum() == 4054 - 776
    assert buildings["height"].between(2, 20).all()
    assert roads.provenance.crs == "EPSG:2154"


def test_marseille_v3(real_data: Path) -> None:
    layer = read(real_data, "roads", "marseille_10/marseille_10.gpkg")
    roads = layer.data
    assert len(roads) == 2936
    assert roads["importance"].value_counts().to_dict() == {5: 1800, 6: 447, 4: 397, 3: 210, 1: 49, 2: 33}
    assert roads["level"].value_counts().to_dict() == {0: 2862, 1: 52, -1: 22}
    assert roads["direction"].value_counts().to_dict() == {
        "both": 1930,
        "forward": 539,
        "none": 280,
        "backward": 187,
    }
    assert roads["speed"].isna().sum() == 820 + 71
    assert (roads["access"] == "toll").sum() == 39
    assert (~roads["in_service"]).sum() == 1
    assert (roads["lanes"] == 0).sum() == 683
    bans = read(real_data, "turn_bans", "marseille_10/marseille_10.gpkg").data
    assert len(bans) == 3
    assert set(bans["from_road"]) | set(bans["to_road"]) <= set(roads["road_id"])


@pytest.mark.parametrize(
    ("name", "x_west", "y_south", "nodata"),
    [
        ("decimal_comma", 364927.14666668, 6531972.5655556, 0),
        ("gdal_dx_dy", 364927.1465999974, 6531972.565599996, 0),
        ("no_nodata_line", 380617.13060706, 6542069.7749489, 0),
        ("regular", 559149.58715242, 6977567.7601224, 0),
        ("uppercase_trailing_space", 380617.130607056, 6542069.77494885, 0),
    ],
)
def test_real_ascii_headers(real_data: Path, name: str, x_west: float, y_south: float, nodata: int) -> None:
    layer = read(real_data, "terrain", f"ascii_grid_traps/{name}.asc")
    grid = native_grid(layer, "EPSG:2154")
    assert (grid.cell, grid.ny, grid.x_west) == (20.0, 20, x_west)
    assert grid.bounds[1] == pytest.approx(y_south, abs=1e-6)
    assert layer.data.attrs["nodata_cells"] == nodata


def test_lidar_hd_raster_keeps_its_quarter_metre(real_data: Path) -> None:
    layer = read(real_data, "terrain", "lidar_hd/test_data_77055_627760_LA93_IGN69_interp.tif")
    assert layer.data.attrs["transform"][2] == 770549.75
    assert layer.data.attrs["transform"][5] == 6277600.25
    assert layer.data.attrs["nodata_cells"] == 5
    assert layer.provenance.vertical_datum == "NGF-IGN69"


def test_covadis_delivery(real_data: Path) -> None:
    layer = read(
        real_data, "flood_marks", "cnig/TRI_JTEST_TOPO_SIG_DI", layer="N_TRI_JTEST_TOPO_ISO_HT_MOY_S_027"
    )
    assert len(layer.data) == 3
    assert {"id_zone", "ht_min", "ht_max", "scenario"} <= set(layer.data.columns)
    commune = read(real_data, "districts", "cnig/TRI_JTEST_TOPO_SIG_DI/N_TRI_JTEST_TOPO_COMMUNE_S_027.shp")
    assert commune.data["hab_perm"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("terrain", "roads", "layer", "count", "offset", "spread"),
    [
        ("dieppe/clean/mnt_topobathy_20m.tif", DIEPPE, "troncon_de_route", 29980, 0.20, 0.60),
        ("la_fleche/BDALTI/MNT_25M_asc.asc", f"{LA_FLECHE}/ROUTE.shp", None, 8571, 0.60, 0.90),
    ],
)  # fmt: skip
def test_terrain_and_roads_are_registered(
    real_data: Path, terrain: str, roads: str, layer: str | None, count: int, offset: float, spread: float
) -> None:
    """Heights of road vertices against the ground below: half a cell of shift or a Z null would show.

    Median offset and median absolute offset as measured once and for all on these files (GEODATA 9).
    """
    ground = read(real_data, "terrain", terrain)
    grid = native_grid(ground, "EPSG:2154")
    shapes = pyogrio.read_dataframe(real_data / roads, layer=layer).geometry.to_numpy()
    xyz = shapely.get_coordinates(shapes, include_z=True)
    xyz = xyz[~is_null_height(xyz[:, 2])]
    i, j = grid.index(xyz[:, 0], xyz[:, 1])
    inside = grid.inside(i, j)
    error = ground.data.values[i[inside], j[inside]] - xyz[inside, 2]
    assert inside.sum() == pytest.approx(count, abs=0.01 * count)
    assert np.median(error) == pytest.approx(offset, abs=0.06)
    assert np.median(np.abs(error)) == pytest.approx(spread, abs=0.06)
    # And it would see half a cell: residuals of interpolated heights grow whichever way the grid is moved.
    here = misfit(ground, xyz, 0.0, 0.0)
    for dx in (-0.5, 0.5):
        for dy in (-0.5, 0.5):
            assert misfit(ground, xyz, dx, dy) > 1.02 * here


def misfit(ground: Layer, xyz: np.ndarray, dx: float, dy: float) -> float:
    """Root mean square of heights minus ground (m, cut at 5 m, median removed), moved by parts of a cell."""
    grid = native_grid(ground, "EPSG:2154")
    column = (xyz[:, 0] - grid.x_west) / grid.cell - 0.5 + dx
    row = (grid.y_north - xyz[:, 1]) / grid.cell - 0.5 - dy
    kept = (column > 1) & (column < grid.nx - 2) & (row > 1) & (row < grid.ny - 2)
    error = map_coordinates(ground.data.values, [row[kept], column[kept]], order=1) - xyz[kept, 2]
    return float(np.sqrt(np.mean(np.clip(error - np.median(error), -5, 5) ** 2)))
