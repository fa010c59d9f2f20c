"""Exports, re-opened with the tools that others use: rasterio, xarray, geopandas, sqlite, an XML parser."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr

from tests.synthetic_run import write_run
from twin import qml
from twin.cli import main
from twin.errors import InputError, TwinError
from twin.export import export
from twin.flood_polygons import depth_zones, flood_polygons
from twin.layers import covadis
from twin.results import Result
from twin.styles import BUILDING, DEPTH, ISO_HT, ISO_HT_COLOURS
from twin.variables import VARIABLES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return write_run(tmp_path_factory.mktemp("export") / "run", ny=70, nx=90)


@pytest.fixture(scope="module")
def package(run: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gpkg") / "crue.gpkg"
    assert export(run, "gpkg", path) == [path]
    return path


# -- GeoTIFF ------------------------------------------------------------------------------


def test_geotiff_is_cloud_optimised_and_equal_to_the_field(run: Result, tmp_path: Path) -> None:
    written = export(run, "geotiff", tmp_path / "tif")
    assert {p.stem for p in written} >= {
        "max_water_depth",
        "arrival_time",
        "max_hazard_ppri",
        "bed_elevation",
    }
    for path in written:
        values = run.fields[path.stem].values
        with rasterio.open(path) as file:
            assert file.dtypes == ("float32",)
            assert file.nodata == -9999
            assert file.crs.to_epsg() == 2154
            assert file.transform == run.grid.transform
            assert file.descriptions == (path.stem,)
            assert file.units == (VARIABLES[path.stem].unit,)
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert file.tags()["TIFFTAG_IMAGEDESCRIPTION"].startswith("Crue d'essai: ")
            read = file.read(1)
        np.testing.assert_array_equal(np.where(read == -9999, np.nan, read), values.astype(np.float32))
    arrival = rasterio.open(tmp_path / "tif" / "arrival_time.tif")
    assert (arrival.read(1) == -9999).any()  # where water never came
    arrival.close()
    beside = {p.name for p in (tmp_path / "tif").iterdir()}
    assert beside == {f"{p.stem}{suffix}" for p in written for suffix in (".tif", ".qml")}


def test_large_geotiffs_have_overviews(tmp_path: Path) -> None:
    big = write_run(tmp_path / "big", ny=600, nx=700, cell=2.0, frames=2)
    (path,) = [p for p in export(big, "geotiff", tmp_path / "tif") if p.stem == "max_hazard_ppri"]
    with rasterio.open(path) as file:
        assert file.overviews(1)
        assert file.block_shapes == [(512, 512)]
        coarse = file.read(1, out_shape=(file.height // 2, file.width // 2))
        assert set(np.unique(coarse)) <= {0, 1, 2, 3, 4}  # nearest: no class between classes


def test_qml_labels_of_small_values_tell_them_apart() -> None:
    root = ET.fromstring(qml.raster("max_rise_rate", 0.0, 0.006, "fr").split("\n", 1)[1])
    labels = [item.get("label") for item in root.iter("item")]
    assert labels == ["0", "0,0015", "0,003", "0,0045", "0,006"]


def test_qml_of_rasters_has_our_colours() -> None:
    root = ET.fromstring(qml.raster("max_water_depth", 0.0, 4.0, "fr").split("\n", 1)[1])
    shader = root.find("pipe/rasterrenderer/rastershader/colorrampshader")
    assert shader is not None
    assert shader.get("colorRampType") == "DISCRETE"
    items = [(i.get("value"), i.get("color"), i.get("alpha"), i.get("label")) for i in shader]
    assert items[0] == ("0.05", "#ffffff", "0", "")
    assert items[1] == ("0.5", DEPTH[0].colour, "255", "0,05 à 0,5 m")
    assert items[-1] == ("inf", DEPTH[-1].colour, "255", "plus de 2 m")
    hours = ET.fromstring(qml.raster("arrival_time", 0, 9, "en").split("\n", 1)[1])
    assert [i.get("value") for i in hours.iter("item")] == ["1800.0", "3600.0", "7200.0", "14400.0", "inf"]
    speed = ET.fromstring(qml.raster("max_velocity", 0.0, 2.0, "en").split("\n", 1)[1])
    assert [i.get("value") for i in speed.iter("item")] == ["0.0", "0.5", "1.0", "1.5", "2.0"]
    flat = ET.fromstring(qml.raster("max_velocity", 1.0, 1.0).split("\n", 1)[1])
    assert [float(i.get("value", "nan")) for i in flat.iter("item")] == [1.0, 1.25, 1.5, 1.75, 2.0]


def test_land_without_anything_stays_clear_and_codes_have_words() -> None:
    def root(name: str) -> ET.Element:
        return ET.fromstring(qml.raster(name, 0.0, 3.0, "fr").split("\n", 1)[1])

    for name in ("max_velocity", "max_rise_rate", "wet_duration", "building_fraction"):
        (entry,) = root(name).iter("pixelListEntry")
        assert entry.attrib == {"min": "0", "max": "0", "percentTransparent": "100"}
    assert not list(root("bed_elevation").iter("pixelListEntry"))
    for name, said in (
        ("max_hazard_people", ["", "dangereux pour les enfants", "et pour les adultes"]),
        ("max_hazard_vehicles", ["", "petites voitures instables", "et grandes voitures"]),
        ("mapped_water", ["", "Eaux permanentes"]),
    ):
        items = list(root(name).iter("item"))
        assert items[0].get("value") == "0.5"
        assert items[0].get("alpha") == "0"
        assert [i.get("label") for i in items][: len(said)] == said


def test_a_category_of_numbers_is_a_number_as_qt_writes_it() -> None:
    root = ET.fromstring(qml.iso_depth("fr").split("\n", 1)[1])
    categories = [(c.get("type"), c.get("value")) for c in root.iter("category")]
    assert categories == [("double", v) for v in ("0", "0.5", "1", "1.5", "2", "3", "4")]


# -- NetCDF ---------------------------------------------------------------------------------


def test_netcdf_is_cf_and_equal_to_the_fields(run: Result, tmp_path: Path) -> None:
    path = tmp_path / "run.nc"
    assert export(run, "netcdf", path) == [path]
    with xr.open_dataset(path, engine="h5netcdf") as data:
        assert data.attrs["Conventions"] == "CF-1.8"
        assert data["water_depth"].dims == ("time", "y", "x")
        assert data["time"].values[0] == np.datetime64("2026-10-12T04:00:00")  # 06:00 at +02:00
        assert data["time"].values[1] - data["time"].values[0] == np.timedelta64(900, "s")
        assert (np.diff(data["y"]) < 0).all()
        for name in ("water_depth", "max_water_depth", "arrival_time", "bed_elevation"):
            np.testing.assert_array_equal(data[name].values, run.fields[name].values.astype(np.float32))
            assert data[name].attrs["units"] == VARIABLES[name].unit
        assert data["water_depth"].attrs["standard_name"] == "flood_water_thickness"
        assert data["water_depth"].attrs["grid_mapping"] == "crs"
        assert data["crs"].attrs["grid_mapping_name"] == "lambert_conformal_conic"
        assert "RGF93" in data["crs"].attrs["crs_wkt"]
        assert data["time"].encoding["units"] == "seconds since 2026-10-12 04:00:00"


def test_netcdf_of_an_interrupted_run_has_the_frames_there_are(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r")
    meta = run.path / "fields.zarr" / "zarr.json"
    table = json.loads(meta.read_text())
    table["attributes"]["frames"] = 3
    meta.write_text(json.dumps(table))
    shutil.rmtree(run.path / "fields.zarr" / "max_water_depth")
    (path,) = export(Result.open(run.path), "netcdf")
    assert path == run.path / "export" / "r.nc"
    with xr.open_dataset(path, engine="h5netcdf") as data:
        assert data.sizes["time"] == 3
        assert "max_water_depth" not in data


def test_exports_of_a_run_that_did_not_end_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They looked like those of a whole run."""
    run = write_run(tmp_path / "r")
    file = run.path / "provenance.json"
    for status, said in (("complete", ""), ("interrupted", "interrompu")):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"status": status}))
        result = Result.open(run.path)
        last = f"{result.times[-1]:g}"
        for to, name in (("geotiff", "tif"), ("netcdf", "r.nc"), ("gpkg", "r.gpkg")):
            main(["export", str(run.path), "--to", to, "-o", str(tmp_path / status / name)])
            heard = capsys.readouterr().err
            assert ("interrupted" in heard) == bool(said)
        with rasterio.open(tmp_path / status / "tif" / "max_water_depth.tif") as raster:
            assert (raster.tags()["status"], raster.tags()["simulated_s"]) == (status, last)
            assert ("interrompu" in raster.tags(1)["note"]) == bool(said)
        with xr.open_dataset(tmp_path / status / "r.nc", engine="h5netcdf") as data:
            assert (data.attrs["status"], data.attrs["simulated_s"]) == (status, result.times[-1])
        with sqlite3.connect(tmp_path / status / "r.gpkg") as database:
            noted = database.execute("SELECT description FROM gpkg_contents").fetchall()
            noted += database.execute("SELECT description FROM layer_styles").fetchall()
        assert any("interrompu" in (note or "") for (note,) in noted) == bool(said)


# -- GeoPackage --------------------------------------------------------------------------------


def test_flood_polygons_by_hand(run: Result) -> None:
    depth = np.zeros(run.grid.shape)
    depth[2, 2:6] = [0.2, 0.5, 0.51, 4.5]
    depth[3, 2] = 0.05  # not above
    depth[10, 10] = 2.5
    depth[11, 11] = 2.5  # touches only at a corner: a piece of its own
    depth[20, 20] = np.nan
    water, bounds = flood_polygons(depth_zones(depth), run.grid, run.name)
    area = run.grid.area_m2
    assert sorted(water.area / area) == [1, 1, 4]
    assert water.crs == run.grid.crs
    first = water.loc[(water.area / area) == 4, "id_s_inond"].item()
    mine = bounds[bounds["id_s_inond"] == first].sort_values("ht_min")
    assert list(mine["ht_min"]) == [0.0, 0.5, 4.0]
    assert list(mine["ht_max"][:2]) == [0.5, 1.0]
    assert np.isnan(mine["ht_max"].iloc[2])
    assert list(mine.area / area) == [2, 1, 1]
    assert bounds["id_zone"].is_unique


def test_depth_bounds_divide_the_flood_without_gap_or_overlap(package: Path, run: Result) -> None:
    water, bounds = gpd.read_file(package, layer="inondable_s"), gpd.read_file(package, layer="iso_ht_s")
    assert water.geometry.is_valid.all()
    assert bounds.geometry.is_valid.all()
    wet = np.nan_to_num(run.fields["max_water_depth"].values) > 0.05
    assert water.area.sum() == pytest.approx(wet.sum() * run.grid.area_m2)
    assert bounds.area.sum() == pytest.approx(water.area.sum())
    assert (
        shapely.union_all(bounds.geometry).symmetric_difference(shapely.union_all(water.geometry)).area < 1e-6
    )
    assert set(bounds["id_s_inond"]) == set(water["id_s_inond"])
    assert set(bounds["ht_min"]) <= set(ISO_HT)
    assert (water.geom_type == "MultiPolygon").all()


def test_roads_and_buildings_say_what_happened(package: Path, run: Result) -> None:
    roads = gpd.read_file(package, layer="troncon_de_route_impact")
    ours = run.roads
    assert ours is not None
    assert list(roads["cleabs"]) == list(ours["road_id"])
    assert roads["coupe"].sum() == (ours["max_water_depth"] >= 0.3).sum() > 0
    cut = roads[roads["coupe_de_s"].notna()].iloc[0]
    start = pd.Timestamp("2026-10-12T06:00:00+02:00")
    assert pd.Timestamp(cut["coupe_de"]) == start + pd.Timedelta(seconds=cut["coupe_de_s"])
    assert roads.loc[~roads["coupe"], "coupe_de"].isna().all()
    buildings = gpd.read_file(package, layer="batiment_impact")
    theirs = run.buildings
    assert theirs is not None
    assert buildings["touche"].sum() == (theirs["max_water_depth"] > 0.05).sum() > 0
    assert buildings.crs.to_epsg() == 2154


def test_styles_lie_in_the_geopackage_as_qgis_keeps_them(package: Path) -> None:
    with sqlite3.connect(package) as database:
        rows = database.execute(
            "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles"
        ).fetchall()
        columns = dict(database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        kinds = dict(database.execute("SELECT table_name, data_type FROM gpkg_contents"))
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    layers = {"inondable_s", "iso_ht_s", "troncon_de_route_impact", "batiment_impact"}
    assert {row[0] for row in rows} == layers
    assert kinds["layer_styles"] == "attributes"
    for name, column, style, default in rows:
        assert column == columns[name]
        assert default == 1
        root = ET.fromstring(style.split("\n", 1)[1])
        renderer = root.find("renderer-v2")
        assert renderer is not None
        symbols = {s.get("name") for s in renderer.findall("symbols/symbol")}
        used = {e.get("symbol") for e in [*renderer.iter("category"), *renderer.iter("range")]}
        assert used <= symbols
        assert symbols
        attribute = renderer.get("attr")
        if attribute:
            assert attribute in gpd.read_file(package, layer=name, rows=1).columns


def test_styles_of_vectors_have_our_colours() -> None:
    def colours(style: str, option: str) -> list[str]:
        root = ET.fromstring(style.split("\n", 1)[1])
        return [str(o.get("value")) for o in root.iter("Option") if o.get("name") == option]

    def rgba(colour: str) -> str:
        return ",".join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5)) + ",255"

    assert colours(qml.iso_depth(), "color") == [rgba(colour) for colour in ISO_HT_COLOURS]
    assert colours(qml.buildings(), "color")[1:] == [rgba(part.colour) for part in BUILDING]
    assert "#" not in "".join(colours(qml.roads(0.3), "line_color"))


def test_a_geopackage_without_features_has_the_water_alone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r")
    shutil.rmtree(run.path / "features")
    (path,) = export(Result.open(run.path), "gpkg", tmp_path)  # into a folder
    assert path == tmp_path / "r.gpkg"
    assert set(gpd.list_layers(path)["name"]) == {"inondable_s", "iso_ht_s", "layer_styles"}


def test_a_dry_run_gives_empty_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "r")
    water, bounds = flood_polygons(depth_zones(np.zeros(run.grid.shape)), run.grid, run.name)
    assert len(water) == len(bounds) == 0
    assert "ht_min" in bounds
    assert water.crs == run.grid.crs
    monkeypatch.setattr("twin.export.max_water_depth", lambda _: np.zeros(run.grid.shape))
    (path,) = export(run, "gpkg")
    assert len(gpd.read_file(path, layer="iso_ht_s")) == 0


# -- what cannot be done --------------------------------------------------------------------------


def test_an_unknown_format_gets_a_suggestion(run: Result) -> None:
    with pytest.raises(InputError) as error:
        export(run, "geotif")
    assert "geotiff" in str(error.value)
    assert error.value.exit_code == 2


def test_a_run_without_fields_cannot_be_exported(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r")
    shutil.rmtree(run.path / "fields.zarr")
    with pytest.raises(TwinError, match="nothing on a grid"):
        export(Result.open(run.path), "gpkg")


def test_a_failed_export_leaves_the_old_file(
    run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.nc"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("twin.export._field", fail)
    with pytest.raises(OSError, match="disk full"):
        export(run, "netcdf", path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# -- COVADIS --------------------------------------------------------------------------------


def test_covadis_delivery_is_read_back(run: Result, package: Path, tmp_path: Path) -> None:
    """The shapefiles hold the polygons of the GeoPackage, and nothing against the standard."""
    written = export(run, "covadis", tmp_path / "di")
    assert [path.stem.rsplit("_", 2)[1:] for path in written] == [["S", "000"]] * 2
    delivered = {layer.kind: layer for layer in covadis.read(tmp_path / "di", crs=run.grid.crs)}
    assert set(delivered) == {"INONDABLE", "ISO_HT"}
    for kind, table in (("INONDABLE", "inondable_s"), ("ISO_HT", "iso_ht_s")):
        same = gpd.read_file(package, layer=table)
        assert not delivered[kind].remarks
        assert len(delivered[kind].frame) == len(same)
        assert delivered[kind].frame.geometry.area.sum() == pytest.approx(same.geometry.area.sum(), rel=1e-9)
    heights = delivered["ISO_HT"].frame
    assert set(heights["ht_min"]) <= set(ISO_HT)
    assert (heights["ht_max"].isna() == (heights["ht_min"] == ISO_HT[-1])).all()
    # Into a folder that holds something else: beside it, not in its place.
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    export(run, "covadis", tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"
    assert (tmp_path / "mine" / "covadis").is_dir()


def test_a_second_covadis_delivery_takes_the_place_of_the_first(run: Result, tmp_path: Path) -> None:
    first = export(run, "covadis")
    first[0].unlink()
    assert export(run, "covadis") == first
    assert first[0].parent == run.path / "export" / "covadis"
    assert not any(path.is_dir() for path in first[0].parent.iterdir())
    # The same in a folder of one's own, but never over the delivery of another run.
    mine = export(run, "covadis", tmp_path / "di")
    assert export(run, "covadis", tmp_path / "di") == mine
    other = mine[0].rename(mine[0].with_name("N_TRI_OTHER_INONDABLE_S_000.shp"))
    assert export(run, "covadis", tmp_path / "di")[0].parent == tmp_path / "di" / "covadis"
    assert other.is_file()
