"""The largest depth of a subgrid run over its fine terrain, beside that terrain and its volumes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

import twin
from tests.conftest import ROOT
from tests.fine_run import LEVEL, lake
from tests.synthetic_run import write_run
from twin.errors import InputError
from twin.export import export
from twin.features import depth_around, water_on_roads
from twin.messages import key_figure
from twin.results import Result
from twin.scenarios import Inflow, Scenario
from twin.styles import ISO_HT


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return lake(tmp_path_factory.mktemp("fine"), "10 s", "10 s")


def terrain(run: Result, cell: float, shape: tuple[int, int]) -> np.ndarray:
    """The ground under the grid of a run, as its file has it."""
    (tile,) = (run.path.parent / "valmont" / "RGEALTI").glob("*.asc")
    with rasterio.open(tile) as file:
        assert file.transform.a == cell
        top = round((file.transform.f - run.grid.transform.f) / cell)
        left = round((run.grid.transform.c - file.transform.c) / cell)
        ground = file.read(1, masked=True).filled(np.nan).astype(np.float64)
    return ground[top : top + shape[0], left : left + shape[1]]


def test_depths_are_the_levels_less_the_fine_ground(run: Result, tmp_path: Path) -> None:
    (path,) = export(run, "fine", tmp_path / "depth.tif")
    assert path.with_suffix(".qml").is_file()
    with rasterio.open(path) as file:
        cell = file.transform.a
        assert (file.transform.c, file.transform.f) == (run.grid.transform.c, run.grid.transform.f)
        assert (file.crs.to_epsg(), file.units, file.nodata) == (2154, ("m",), -9999)
        assert file.overviews(1)
        depth = file.read(1)
    k = round(run.grid.cell / cell)
    assert depth.shape == (run.grid.ny * k, run.grid.nx * k)
    ground = terrain(run, cell, depth.shape)
    # Far from its shores the water stands still for these seconds.
    level = run.fields["max_water_level"].values
    flat = np.abs(np.nan_to_num(level) - LEVEL) < 1e-6
    flat = np.repeat(np.repeat(flat, k, axis=0), k, axis=1)
    blocked = np.repeat(np.repeat(run.fields["building_fraction"].values > 0, k, axis=0), k, axis=1)
    still = flat & ~blocked
    assert still.sum() > 2000
    assert (ground[still] > LEVEL).any()  # islands within cells
    np.testing.assert_allclose(depth[still], np.maximum(LEVEL - ground[still], 0.0), rtol=0, atol=2e-3)
    assert (depth[np.repeat(np.repeat(np.isnan(level), k, axis=0), k, axis=1)] == 0).all()
    # The same water as that of the cells, houses included: they hold none.
    mean = depth.reshape(run.grid.ny, k, run.grid.nx, k).mean(axis=(1, 3))
    known = run.fields["max_water_depth"].values
    assert mean.sum() == pytest.approx(np.nansum(known), rel=0.02)


def test_indicators_are_those_of_the_fine_terrain(tmp_path: Path) -> None:
    """A flood of some minutes: areas, buildings and roads as on the exported map of its depths."""
    run = twin.run(
        Scenario(
            name="crue", territory=ROOT / "data" / "valmont", resolution="20 m",
            start="2026-10-12T06:00+02:00", duration="40 min", solvers=["flood"],
            params={"flood": {"scheme": "local_inertial", "subgrid": True, "threads": 1}},
            events=[Inflow(at="river_in", discharge="400 m3/s")], outputs={"every": "10 min"},
        ),
        tmp_path / "run",
    )  # fmt: skip
    (path,) = export(run, "fine", tmp_path / "depth.tif")
    with rasterio.open(path) as file:
        depth = file.read(1).astype(np.float64)
        cell = file.transform.a
    k = round(run.grid.cell / cell)
    fine = run.grid.at_resolution(cell)
    permanent = np.kron(run.fields["mapped_water"].values > 0, np.ones((k, k))).astype(bool)
    wet = (depth > 0.05) & ~permanent
    figures = json.loads((run.path / "indicators.json").read_text(encoding="utf-8"))
    assert figures["flooded_area"]["value"] == pytest.approx(wet.sum() * cell**2 / 1e4, rel=2e-3)
    assert figures["flooded_area"]["value"] > 5
    assert f"{cell:g} m" in figures["flooded_area"]["method"]
    assert figures["max_depth"]["value"] == pytest.approx(depth[wet].max(), abs=1e-3)
    by_cells = run.fields["max_water_depth"].values
    assert depth[wet].max() > np.nanmax(by_cells[~(run.fields["mapped_water"].values > 0)]) + 0.05

    roads = run.roads
    lines = water_on_roads(roads, fine, depth, permanent=permanent)
    np.testing.assert_allclose(roads["max_water_depth"], lines.deepest, rtol=0, atol=1e-3)
    cut = roads["max_water_depth"].to_numpy() >= 0.3
    assert cut.sum() > 2
    assert roads["cut_from_s"].notna()[cut].mean() > 0.9
    districts = run.places[run.places.geom_type.isin(["Polygon", "MultiPolygon"])]
    assert len(districts) > 2
    for _, place in districts.iterrows():
        inside = wet & fine.mask(place.geometry)
        # Fine cells under a building are dry on the map, so nothing is counted there.
        assert place["flooded_m2"] == pytest.approx(inside.sum() * cell**2, abs=2e-3 * wet.sum() * cell**2)
    assert run.places.loc[run.places.geom_type == "Point", "flooded_m2"].isna().all()
    told = figures["districts_touched"]
    assert told["value"] == (districts["flooded_m2"] > 0).sum() > 0
    assert f"{key_figure(districts['flooded_m2'].max() / 1e4, digits=1)} ha" in told["detail"]
    houses = run.buildings
    found = depth_around(houses.geometry.array, fine, depth, permanent=permanent)
    known = houses["max_water_depth"].to_numpy()
    # The map says nothing of buildings: where they stand it is dry, and unknown in the table.
    np.testing.assert_allclose(known[known > 0], found[known > 0], rtol=0, atol=1e-3)
    assert (known > 0.05).sum() > 10
    assert len(run.places) == len(run.places["max_water_depth"])


def test_flood_polygons_are_those_of_the_fine_map(run: Result, tmp_path: Path) -> None:
    """GeoPackage and shapefiles: the water and its zones along fine cells; along model cells on demand."""
    (path,) = export(run, "fine", tmp_path / "depth.tif")
    with rasterio.open(path) as file:
        depth, cell = file.read(1).astype(np.float64), file.transform.a
    (package,) = export(run, "gpkg", tmp_path / "run.gpkg")
    water, zones = gpd.read_file(package, layer="inondable_s"), gpd.read_file(package, layer="iso_ht_s")
    assert water.area.sum() == pytest.approx((depth > 0.05).sum() * cell**2, rel=1e-9)
    by_zone = zones.dissolve("ht_min").area
    bounds = [*ISO_HT, np.inf]
    for low, high in pairwise(bounds):
        cells = ((depth > max(low, 0.05)) & (depth <= high)).sum()
        assert by_zone.get(low, 0.0) == pytest.approx(cells * cell**2, abs=2 * cell**2)  # 32 bits on the map
    inside = [gpd.GeoSeries(zones.geometry[zones["id_s_inond"] == k]).area.sum() for k in water["id_s_inond"]]
    np.testing.assert_allclose(inside, water.area, rtol=1e-9)
    assert zones.is_valid.all()
    assert water.is_valid.all()
    written = export(run, "covadis", tmp_path / "di")
    assert sum(gpd.read_file(file).area.sum() for file in written) == pytest.approx(2 * water.area.sum())
    (plain,) = export(run, "gpkg", tmp_path / "cells.gpkg", by_cells=True)
    area = gpd.read_file(plain, layer="inondable_s").area.sum()
    wet = np.nan_to_num(run.fields["max_water_depth"].values.astype(np.float64)) > 0.05
    assert area == pytest.approx(wet.sum() * run.grid.area_m2)
    assert area > 1.05 * water.area.sum()  # whole cells, where the water fills a part of them


def test_too_many_fine_cells_are_told(run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.export_fine.MOST_CELLS", 1000)
    with pytest.raises(InputError, match="--by-cells"):
        export(run, "covadis", tmp_path / "di")
    assert not (tmp_path / "di").exists()


def test_other_runs_and_other_ground_are_refused(run: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params\.flood\.subgrid"):
        export(write_run(tmp_path / "plain"), "fine", tmp_path / "depth.tif")
    (tile,) = (run.path.parent / "valmont" / "RGEALTI").glob("*.asc")
    was = tile.read_bytes()
    try:
        tile.write_bytes(was + b"\n")
        with pytest.raises(InputError, match="terrain"):
            export(Result.open(run.path), "fine", tmp_path / "depth.tif")
        with pytest.raises(InputError, match="--by-cells"):
            export(Result.open(run.path), "gpkg", tmp_path / "run.gpkg")
        assert not (tmp_path / "run.gpkg").exists()
        assert export(Result.open(run.path), "gpkg", tmp_path / "run.gpkg", by_cells=True)
        tile.unlink()
        with pytest.raises(InputError, match=r"\.asc"):
            export(Result.open(run.path), "fine", tmp_path / "depth.tif")
    finally:
        tile.write_bytes(was)
    about = run.path.parent / "valmont" / "territory.toml"
    was = about.read_bytes()
    try:
        about.write_bytes(was.replace(b"[layers.terrain]", b"[layers.terrain]\nvertical_offset = 0.4"))
        with pytest.raises(InputError, match=r"vertical_offset"):
            export(Result.open(run.path), "fine", tmp_path / "depth.tif")
    finally:
        about.write_bytes(was)
    assert not (tmp_path / "depth.tif").exists()
