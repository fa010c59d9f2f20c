"""GeoPackage, FlatGeobuf, GeoJSON and shapefile give the same layer through the same door."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from tests import small
from tests.layers.conftest import Read, write_asc, write_tif
from twin.errors import InputError
from twin.network import Network


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


@pytest.mark.parametrize("crs", ["EPSG:2154", "EPSG:4326"])
def test_geoparquet(read: Read, tmp_path: Path, roads: gpd.GeoDataFrame, crs: str) -> None:
    pytest.importorskip("pyarrow")
    roads.to_crs(crs).to_parquet(tmp_path / "troncon_de_route.parquet")
    same = read("roads", "town/bdtopo.gpkg", layer="troncon_de_route").data
    layer = read("roads", "troncon_de_route.parquet").data
    names = [c for c in layer.columns if c != "geometry"]
    pd.testing.assert_frame_equal(layer[names], same[names], check_dtype=False)
    apart = shapely.get_coordinates(layer.geometry) - shapely.get_coordinates(same.geometry)
    assert np.abs(apart).max() < 1e-4
    x, y = small.X, small.Y
    bounds = (x + 540.0, y - 400.0, x + 600.0, y)
    within = read("roads", "troncon_de_route.parquet", bounds=bounds).data
    assert set(within["road_id"]) == set(roads["cleabs"][roads.intersects(shapely.box(*bounds))])
    only = read("roads", "troncon_de_route.parquet", where="importance = '3'").data
    assert len(only) == (roads["importance"] == "3").sum()
    with pytest.raises(InputError, match="found"):
        read("roads", "troncon_de_route.parquet", bounds=(0.0, 0.0, 1.0, 1.0))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_parquet_is_told(read: Read, tmp_path: Path, roads: gpd.GeoDataFrame, share: float) -> None:
    pytest.importorskip("pyarrow")
    roads.to_parquet(tmp_path / "r.parquet")
    content = (tmp_path / "r.parquet").read_bytes()
    (tmp_path / "r.parquet").write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"layers\.roads"):
        read("roads", "r.parquet")


def test_geoparquet_without_pyarrow_says_what_to_do(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "r.parquet").write_bytes(b"PAR1" + bytes(64) + b"PAR1")
    with pytest.raises(InputError, match="ogr2ogr"):
        read("roads", "r.parquet")


# --- deliveries in zip and 7z ---


def packed(folder: Path, archive: str) -> None:
    """All files of a folder in a zip beside it."""
    with zipfile.ZipFile(folder.parent / archive, "w") as target:
        for file in folder.iterdir():
            target.write(file, file.name)


@pytest.mark.parametrize("driver", ["GTiff", "EHdr"])
def test_a_raster_in_a_zip_keeps_the_files_beside_it(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    """Where it lies stands in a world file (.tfw) or a header (.hdr)."""
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path / "cache"))
    values = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    suffix = "tif" if driver == "GTiff" else "bil"
    file = write_tif(tmp_path / f"in/mnt.{suffix}", values, 650000.0, 6860000.0, 5.0, driver=driver)
    if driver == "GTiff":  # as many tools write it: plain TIFF, place and CRS beside
        keys = {"driver": driver, "height": 3, "width": 4, "count": 1, "dtype": "float32", "crs": "EPSG:2154"}
        place = Affine(5.0, 0.0, 650000.0, 0.0, -5.0, 6860000.0)
        with rasterio.open(file, "w", transform=place, profile="BASELINE", tfw="YES", **keys) as data:
            data.write(values, 1)
        assert {p.name for p in file.parent.iterdir()} == {"mnt.tif", "mnt.tfw", "mnt.tif.aux.xml"}
    packed(tmp_path / "in", "mnt.zip")
    plain, layer = (read("terrain", source).data for source in ("in", "mnt.zip"))
    np.testing.assert_array_equal(layer.values, values)
    assert layer.attrs == plain.attrs
    assert layer.attrs["transform"] == (5.0, 0.0, 650000.0, 0.0, -5.0, 6860000.0)


@pytest.mark.parametrize("name", ["r.tab", "r.mif"])
def test_features_in_a_zip_keep_the_files_beside_them(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roads: gpd.GeoDataFrame, name: str
) -> None:  # fmt: skip
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "in").mkdir()
    roads[["cleabs", "nature", "geometry"]].to_file(tmp_path / "in" / name, driver="MapInfo File")
    packed(tmp_path / "in", "r.zip")
    assert len(read("defences", "r.zip").data) == len(roads)


# --- deliveries in 7z ---


def write_7z(folder: Path, name: str, files: dict[str, Path], volume: int | None) -> list[Path]:
    """An archive, in parts of `volume` bytes if asked."""
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(folder / name, "w") as archive:
        for inside, path in files.items():
            archive.write(path, inside)
    if volume is not None:
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        for k in range(0, len(content), volume):
            (folder / f"{name}.{k // volume + 1:03d}").write_bytes(content[k : k + volume])
    return sorted(folder.glob(f"{name}*"))


@pytest.fixture
def delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A department of RGE ALTI as IGN lays it out: two tiles, their masks, a licence."""
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(3)
    head = "RGEALTI_2-0_5M_ASC_LAMB93-IGN69_D999_2023-01-13/RGEALTI"
    inside = f"{head}/1_DONNEES_LIVRAISON_2023-01-00125"
    files = {f"{head}/LISEZ-MOI.pdf": tmp_path / "readme.pdf"}
    (tmp_path / "readme.pdf").write_bytes(b"%PDF")
    for k in range(2):
        name = f"RGEALTI_FXX_065{5 * k}_6865_MNT_LAMB93_IGN69.asc"
        path = write_asc(tmp_path / name, random.normal(100, 5, (40, 40)), 650000.0 + 200 * k, 6860000.0, 5.0)
        files[f"{inside}/RGEALTI_MNT_5M_ASC_LAMB93_IGN69_D999/{name}"] = path
        mask = tmp_path / name.replace("MNT", "SRC").replace(".asc", ".tif")
        write_tif(mask, np.full((40, 40), 160, np.uint8), 650000.0 + 200 * k, 6860200.0, 5.0, nodata=None)
        files[f"{inside}/RGEALTI_SRC_5M_ASC_LAMB93_IGN69_D999/{mask.name}"] = mask
    return files


@pytest.mark.parametrize("volume", [None, 1024])
def test_a_delivery_in_7z(read: Read, tmp_path: Path, delivery: dict[str, Path], volume: int | None) -> None:
    archive = "RGEALTI_2-0_5M_ASC_LAMB93-IGN69_D999_2023-01-13.7z"
    parts = write_7z(tmp_path, archive, delivery, volume)
    assert len(parts) > 2 if volume else len(parts) == 1
    same = read("terrain", [p.name for p in delivery.values() if p.suffix == ".asc"])
    layer = read("terrain", parts[0].name)
    np.testing.assert_array_equal(layer.data.values, same.data.values)
    assert layer.provenance.edition == "2023-01-13"
    assert layer.provenance.vertical_datum == "NGF-IGN69"
    assert any("2 SRC and DST masks left out" in note for note in layer.provenance.notes)
    # The folder of the delivery, and the parts by a glob, are the same; nothing is unpacked again.
    (tmp_path / "download").mkdir()
    for part in parts:
        part.rename(tmp_path / "download" / part.name)
    for source in ("download", "download/*.7z*"):
        np.testing.assert_array_equal(read("terrain", source).data.values, same.data.values)


@pytest.mark.parametrize("damage", ["a part is missing", "the last is cut", "not an archive"])
def test_a_damaged_delivery_is_told(
    read: Read, tmp_path: Path, delivery: dict[str, Path], damage: str
) -> None:
    parts = write_7z(tmp_path, "D999.7z", delivery, 1024)
    if damage == "a part is missing":
        parts[1].unlink()
    elif damage == "the last is cut":
        parts[-1].write_bytes(parts[-1].read_bytes()[:50])
    else:
        parts[0].write_bytes(b"no" * 5000)
    with pytest.raises(InputError, match="all parts of a whole 7z archive"):
        read("terrain", parts[0].name)
    assert not list((tmp_path / "cache").glob("*")) if (tmp_path / "cache").exists() else True


# --- OpenStreetMap ---

OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
  <node id="1" lat="48.8500" lon="2.3400"/><node id="2" lat="48.8500" lon="2.3410"/>
  <node id="3" lat="48.8500" lon="2.3420"/><node id="4" lat="48.8490" lon="2.3410"/>
  <node id="5" lat="48.8510" lon="2.3410"/><node id="6" lat="48.8505" lon="2.3415"/>
  <node id="7" lat="48.8495" lon="2.3415"/>
  <way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/>
    <tag k="highway" v="secondary"/><tag k="name" v="Rue de l'Église"/><tag k="maxspeed" v="30"/>
    <tag k="lanes" v="2"/></way>
  <way id="11"><nd ref="4"/><nd ref="2"/><nd ref="5"/>
    <tag k="highway" v="residential"/><tag k="oneway" v="-1"/><tag k="maxspeed" v="FR:urban"/></way>
  <way id="12"><nd ref="6"/><nd ref="7"/>
    <tag k="highway" v="primary"/><tag k="bridge" v="yes"/><tag k="oneway" v="yes"/></way>
  <way id="13"><nd ref="5"/><nd ref="6"/><tag k="highway" v="steps"/></way>
  <way id="14"><nd ref="3"/><nd ref="7"/>
    <tag k="highway" v="service"/><tag k="access" v="private"/></way>
  <way id="15"><nd ref="1"/><nd ref="4"/><tag k="waterway" v="stream"/></way>
</osm>
"""


def test_openstreetmap_roads(read: Read, tmp_path: Path) -> None:
    (tmp_path / "town.osm").write_text(OSM, encoding="utf-8")
    layer = read("roads", "town.osm")
    roads = layer.data.set_index("road_id")
    # Ways 10 and 11 are cut where they meet; the bridge is not joined to what it crosses.
    assert set(roads.index) == {
        "way/10/0", "way/10/1", "way/11/0", "way/11/1", "way/12/0", "way/13/0", "way/14/0",
    }  # fmt: skip
    assert roads.loc["way/10/0", "name"] == "Rue de l'Église"
    assert roads.loc["way/10/1", "speed"] == pytest.approx(30 / 3.6)  # the limit
    assert roads.loc["way/10/1", "lanes"] == 2
    assert roads.loc["way/11/0", "direction"] == "backward"
    assert roads.loc["way/11/0", "speed"] == pytest.approx(30 / 3.6)  # usual, below the 50 of a town
    assert roads.loc["way/12/0", "level"] == 1
    assert not roads.loc["way/13/0", "drivable"]
    assert roads.loc["way/14/0", "access"] == "restricted"
    assert any("ODbL" in note for note in layer.provenance.notes)
    network = Network.from_roads(layer.data, None)
    # 10 both ways twice, 11 one way twice, 12 one way: seven links.
    assert len(network.link_from) == 7
