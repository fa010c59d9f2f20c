"""Traps of real French data (DESIGN 5, data README): where each is tested on the real file, and those left.

| trap | test |
|---|---|
| cell centres on round coordinates; both edges in the tile | test_real: la_fleche, …_are_registered |
| no CRS in .asc; headers in five dialects | test_real: real_ascii_headers |
| half-pixel origin of LiDAR HD | test_real: lidar_hd_raster_keeps_its_quarter_metre |
| Z = 9999, 1039 roads without NATURE | test_real: dieppe_roads; here: null_heights |
| Z = 0 at the end of a road of which all other Z are null | tests/test_health: dieppe_and_la_fleche |
| Z = −99, HAUTEUR 0, NC and NR | test_real: la_fleche; test_classes: streams_of_v2 |
| letters lost in the file itself (EF BF BD) | tests/test_health: dieppe_and_la_fleche |
| Z = −1000; importance as text; speeds 0, 1, null; turn bans | test_real: marseille_v3; here: null_heights |
| UTF-8 without .cpg | here: utf_8_without_a_cpg; test_covadis: the_test_delivery |
| COVADIS: quotes around flags, most layers without .cpg | test_covadis: the_test_delivery, …_written_again |
| PPR zones with rings that cross themselves | test_covadis: ppr_zones |
| UTF-8 and cp1252 in one .dbf | not in these files: test_vector, test_fuzz: mixed_encodings |
| missing .prj | here: no_prj |
| roughness with cells of 0; grid 7 m off | here: roughness_as_delivered; synthetic: test_landcover |
| west stretch 7 m outside the grid | tests/test_health: real data |
| radar in degrees, irregular times, −1 missing, pickled dates | here: radar_rain |
| EPSG:3946 among 2154, null date 1899 | not in these: test_vector |
| EPSG:3035 squares, in a 7z in a zip | not in these: test_population, tests/fetch |
| sea levels: nine equal series; + variants start at 0 and jump in 300 s | here: sea_levels |
| embankments dam a stream; culverts, buried parts, dams | tests/test_conditioning: streams_of_dieppe_pass |
| OCS GE, CORINE and OSO need an n each | test_landcover, test_through_territory |
| bridges and buildings off the terrain (classes 17, 6) | test_lidar: classes_of_the_real_tile |
| Hub'Eau units and cursor, WFS axis order and paging | test_hubeau, tests/fetch |
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
import xarray as xr
from pyproj import CRS, Transformer

from tests.layers.test_real import DIEPPE, LA_FLECHE, read
from twin.errors import InputError
from twin.grid import Grid
from twin.layers import LayerSource
from twin.layers.reading import Reading
from twin.layers.roads import road_lines_with_heights
from twin.scenarios import Rainfall
from twin.scenarios.forcing import read_series
from twin.scenarios.rainfield import read_rain_field

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("source", "layer", "vertices", "null", "without"),
    [
        (DIEPPE, "troncon_de_route", 31425, 1437, 258),
        (f"{LA_FLECHE}/ROUTE.shp", None, 8916, 57, 8),
        ("marseille_10/marseille_10.gpkg", None, 21721, 1415, 87),
    ],
)
def test_null_heights_of_roads(
    real_data: Path, source: str, layer: str | None, vertices: int, null: int, without: int
) -> None:
    """9999, −99 and −1000, counted in the files with shapely alone."""
    territory = CRS("EPSG:2154")
    reading = Reading(
        "roads", LayerSource(source=source, layer=layer), real_data, territory, "EPSG:2154", None
    )
    lines, _ = road_lines_with_heights(reading)
    z = shapely.get_coordinates(lines, include_z=True)[:, 2]
    assert (len(z), int(np.isnan(z).sum())) == (vertices, null)
    none = [np.isnan(shapely.get_coordinates(line, include_z=True)[:, 2]).all() for line in lines]
    assert sum(none) == without
    assert np.nanmax(z) < 1000
    assert np.nanmin(z) > -20


def test_utf_8_without_a_cpg(real_data: Path) -> None:
    """4399 é in UTF-8 and not one in cp1252: the bytes say it, not the missing .cpg."""
    content = (real_data / "dieppe/raw/routes.dbf").read_bytes()
    assert content.count("é".encode()) == 4399
    assert not list((real_data / "dieppe/raw").glob("routes.cpg"))
    layer = read(real_data, "structures", "dieppe/raw/routes.shp")  # every column
    assert any("texts read as utf-8" in note for note in layer.provenance.notes)
    texts = " ".join(str(v) for c in layer.data.columns.drop("geometry") for v in set(layer.data[c].dropna()))
    assert "Route à 1 chaussée" in texts
    assert "Ã" not in texts
    assert "\ufffd" not in texts


def test_no_prj_is_said(real_data: Path) -> None:
    assert not (real_data / "dieppe/raw/water.prj").exists()
    layer = read(real_data, "hydrography", "dieppe/raw/water.shp")
    assert any("declares no CRS" in note for note in layer.provenance.notes)


def test_roughness_as_delivered(real_data: Path) -> None:
    """Zeros are no roughness; the grid is that of the terrain."""
    layer = read(real_data, "roughness", "dieppe/raw/rugosity_20m.asc")
    terrain = read(real_data, "terrain", "dieppe/raw/dem_20m.asc")
    assert layer.data.attrs["transform"] == terrain.data.attrs["transform"]
    assert layer.data.attrs["nodata_cells"] == 83017
    assert float(layer.data.min()) > 0.01


def test_sea_levels(real_data: Path) -> None:
    """Nine stretches with one and the same series; those of the + variants begin at 0 and jump in 300 s."""
    folder = real_data / "dieppe/sea_level"
    names = [f"North_Caen{k}" for k in range(1, 6)] + [f"West_Caen{k}" for k in range(1, 5)]
    for file, jumps in (("caen2019.bdy", False), ("caen2019+125cm.bdy", True)):
        read_one = [read_series(f"{file}#{name}", "m", folder, None) for name in names]
        assert len({series.values for series in read_one}) == 1
        assert read_one[0].times[1] - read_one[0].times[0] == 300.0
        first, second = read_one[0].values[:2]
        assert (first == 0.0 and abs(second - first) > 1.0) == jumps


def test_radar_rain(real_data: Path, tmp_path: Path) -> None:
    """Météo-France's radar: 1/100 mm in 5 minutes on 0.01°, written once as NetCDF without its pickles."""
    places = np.load(real_data / "radar_rain" / "radar_coords_SE.npz")
    file = real_data / "radar_rain" / "rainfall_SE_2016_08.3.npz"
    with np.load(file, allow_pickle=True) as raw:
        data, dates = raw["data"], raw["dates"]
    times = np.array([np.datetime64(d, "s") for d in dates])
    latitude, longitude = places["lats"][:, 0], places["lons"][0]
    i, j = 260, 390  # around Cavaillon
    depth = np.where(data == -1, np.nan, data / 100.0)
    first = int(np.argmax(np.nan_to_num(depth[:, i, j])))
    first = max(1, min(first, len(times) - 3))
    part = slice(first - 1, first + 3)
    step = np.diff(times[part].astype("int64"))
    field = xr.DataArray(
        depth[part, i - 20 : i + 20, j - 20 : j + 20].astype("float32"),
        dims=("time", "lat", "lon"),
        coords={
            "time": times[part].astype("datetime64[ns]"), "lat": latitude[i - 20 : i + 20],
            "lon": longitude[j - 20 : j + 20],
        },
        name="rain", attrs={"units": "mm"},
    )  # fmt: skip
    field.to_netcdf(tmp_path / "radar.nc", engine="h5netcdf")
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True).transform(longitude[j], latitude[i])
    grid = Grid("EPSG:2154", round(x) - 50.0, round(y) + 50.0, 25.0, 4, 4)
    start = datetime.fromtimestamp(int(times[first - 1].astype("int64")), UTC)
    event = Rainfall(field="radar.nc", crs="EPSG:4326")
    missing = bool(np.isnan(depth[part, i, j]).any())
    if missing:
        with pytest.raises(InputError, match="missing"):
            read_rain_field(event, "events[0]", grid, tmp_path, start, "scenario.toml")
        return
    rain = read_rain_field(event, "events[0]", grid, tmp_path, start, "scenario.toml")
    fell = rain.depth(float(rain.edges[0]), float(rain.edges[-1]))[rain.index]
    expected = 1e-3 * np.nansum(depth[part, i, j])
    np.testing.assert_allclose(fell, expected, rtol=1e-5, atol=1e-12)
    assert (step > 0).all()
    # The archive itself, with its pickles, is refused.
    with pytest.raises(InputError):
        read_rain_field(
            Rainfall(field=str(file), crs="EPSG:4326"), "events[0]", grid, tmp_path, start, "scenario.toml"
        )
