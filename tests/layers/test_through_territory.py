"""Land cover and rain, from the files as they come to what a run does with them, by the two TOML files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from rasterio.transform import from_origin

from tests import small
from twin.gridding import build_domain
from twin.layers import landcover
from twin.scenarios import Scenario
from twin.simulation import run
from twin.territory import Territory

X, Y, CELL, NY, NX = small.X, small.Y, small.CELL, small.NY, small.NX
WEST = shapely.box(X, Y - NY * CELL, X + 300, Y)
EAST = shapely.box(X + 300, Y - NY * CELL, X + NX * CELL, Y)


def halves(**columns: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[WEST, EAST], crs="EPSG:2154")


def raster(path: Path, values: np.ndarray, cell: float, **keys: Any) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, crs="EPSG:2154", transform=from_origin(X, Y, cell, cell), **keys,
    ) as file:  # fmt: skip
        file.write(values, 1)


def oso(folder: Path) -> None:
    codes = np.full((NY, NX), 16, dtype=np.uint8)  # broad-leaved forest
    codes[:, NX // 2 :] = 23  # water
    raster(folder / "OCS_2023.tif", codes, CELL, nodata=0)


def corine_raster(folder: Path) -> None:
    codes = np.full((4, 6), 311, dtype=np.int16)
    codes[:, 3:] = 511
    raster(folder / "clc.tif", codes, 100.0)


def own_table(folder: Path) -> None:
    halves(genre=["bois", "eau"]).to_file(folder / "cover.shp", encoding="UTF-8")
    (folder / "n.csv").write_text("genre;manning\nbois;0,2\neau;0,025\n", encoding="cp1252")


COVERS: dict[str, tuple[Any, str, tuple[float, float]]] = {
    "OCS GE": (
        lambda f: halves(code_cs=["CS2.1.1.1", "CS1.2.2"], code_us=["US1.2", "US6.3"]).to_file(
            f / "OCS_GE.gpkg", layer="occupation_du_sol"
        ),
        'source = "OCS_GE.gpkg"', (0.111, 0.029),
    ),
    "CORINE": (
        lambda f: halves(code_18=["311", "511"]).to_file(f / "CLC18.gpkg", layer="clc18_fr"),
        'source = "CLC18.gpkg"', (0.15, 0.025),
    ),
    "CORINE raster": (corine_raster, 'source = "clc.tif"', (0.15, 0.025)),
    "OSO": (oso, 'source = "OCS_2023.tif"\nclasses = "oso"', (0.0, 0.0)),
    "own table": (own_table, 'source = "cover.shp"\nclasses = "n.csv"', (0.2, 0.025)),
}  # fmt: skip


@pytest.mark.parametrize("cover", list(COVERS))
def test_land_cover_becomes_the_roughness_of_the_grid(tmp_path: Path, cover: str) -> None:
    folder = small.make(tmp_path / "town").parent
    write, lines, expected = COVERS[cover]
    write(folder)
    if cover == "OSO":
        table = landcover.built_in("oso").manning
        expected = table["16"], table["23"]
    file = folder / "territory.toml"
    text = f"[layers.land_cover]\n{lines}\n[places]"
    file.write_text(file.read_text("utf-8").replace("[places]", text, 1), "utf-8")
    territory = Territory.open(folder)
    assert territory.check() == []
    n = build_domain(territory).field("roughness")
    np.testing.assert_allclose(n[:, : NX // 2], expected[0])
    np.testing.assert_allclose(n[:, NX // 2 :], expected[1])


def antilope(folder: Path) -> tuple[str, float]:
    """Météo-France's ANTILOPE: a GeoTIFF an hour, tenths of mm, 65535 for none, begin and end in the name."""
    (folder / "rain").mkdir()
    for hour, tenths in ((4, 120), (5, 36)):  # 12 mm from 6 to 7 local time, then 3.6
        name = f"antilope_j1_000100_20261012{hour:02d}00_20261012{hour + 1:02d}00.tif"
        raster(folder / "rain" / name, np.full((4, 6), tenths, np.uint16), 100.0, nodata=65535)
    return 'field = "rain"\nunit = "0.1 mm"', 12.0 / 6.0


def scaled(folder: Path) -> tuple[str, float]:
    """The same hours with the scale in the file."""
    (folder / "rain").mkdir()
    for hour in (4, 5):
        path = folder / "rain" / f"lame_20261012{hour:02d}00.tif"
        raster(path, np.full((4, 6), 120, np.uint16), 100.0, nodata=65535)
        with rasterio.open(path, "r+") as file:
            file.scales, file.units = (0.1,), ("mm",)
    return 'field = "rain/*.tif"', 2.0


def bands(folder: Path) -> tuple[str, float]:
    """One GeoTIFF, a band every five minutes."""
    with rasterio.open(
        folder / "rain.tif", "w", driver="GTiff", height=4, width=6, count=2, dtype="float32",
        crs="EPSG:2154", transform=from_origin(X, Y, 100.0, 100.0),
    ) as file:  # fmt: skip
        file.write(np.stack([np.full((4, 6), v, np.float32) for v in (24.0, 0.0)]))
    return 'field = "rain.tif"\nunit = "mm/h"\nstep = "5 min"', 2.0


def netcdf(folder: Path) -> tuple[str, float]:
    """CF NetCDF in Lambert-93 with the bounds of its times."""
    x, y = X + 50 + 100.0 * np.arange(6), Y - 50 - 100.0 * np.arange(4)
    times = np.array(["2026-10-12T04:05", "2026-10-12T04:10"], dtype="datetime64[ns]")
    depth = np.stack([np.full((4, 6), v) for v in (1.5, 0.5)])
    data = xr.Dataset(
        {"rain": (("time", "y", "x"), depth, {"units": "mm", "crs": "EPSG:2154"})},
        coords={"time": times, "y": y, "x": x},
    )
    ends = np.stack([times - np.timedelta64(300, "s"), times], axis=1)
    data["time_bnds"] = (("time", "nv"), ends)
    data["time"].attrs["bounds"] = "time_bnds"
    data["time"].encoding["units"] = "seconds since 2026-10-12"
    data.to_netcdf(folder / "radar.nc", engine="h5netcdf")
    return 'field = "radar.nc"', 2.0


@pytest.mark.parametrize("write", [antilope, scaled, bands, netcdf])
def test_rain_fields_fall_on_a_run(tmp_path: Path, write: Any) -> None:
    """Ten minutes of a scenario: the depth that the file says, in the books of the run."""
    folder = small.make(tmp_path / "town").parent
    lines, millimetres = write(folder)
    (folder / "rain.toml").write_text(
        'name = "Rain"\nterritory = "territory.toml"\nresolution = "20 m"\n'
        'start = 2026-10-12T06:00:00+02:00\nduration = "10 min"\nsolvers = ["flood"]\n'
        f'[[events]]\nkind = "rainfall"\n{lines}\n[outputs]\nevery = "10 min"\n',
        encoding="utf-8",
    )
    assert Scenario.open(folder / "rain.toml").check() == []
    result = run(Scenario.open(folder / "rain.toml"), tmp_path / "out")
    with (result.path / "diagnostics.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    area = NY * CELL * NX * CELL
    assert float(last["rain_m3"]) == pytest.approx(millimetres / 1000.0 * area, rel=1e-9)
    assert abs(float(last["mass_error_m3"])) < 1e-9
    assert json.loads((result.path / "provenance.json").read_text("utf-8"))["inputs"]
