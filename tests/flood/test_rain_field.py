"""Gridded rain: what the file says falls, where it says, to the last digit."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import rasterio
import xarray as xr
from pyproj import Transformer
from rasterio.transform import from_origin

from tests import small
from tests.flood.basins import advance
from twin.domain import Domain
from twin.errors import InputError
from twin.grid import Grid
from twin.scenarios import Scenario
from twin.scenarios.events import Rainfall
from twin.scenarios.rainfield import RainField, rain_fields, read_rain_field
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

START = datetime(2026, 10, 12, 6, tzinfo=timezone(timedelta(hours=2)))
GRID = Grid("EPSG:2154", 650_000.0, 6_860_400.0, 50.0, 8, 12)


def _read(path: Path, **keys: object) -> RainField:
    event = Rainfall(field=str(path), **keys)
    return read_rain_field(event, "events[1]", GRID, path.parent, START, "scenario.toml")


def _netcdf(path: Path, *, units: str = "mm/h", bounds: bool = False, hole: bool = False) -> np.ndarray:
    """Three quarters of an hour on a lattice in degrees, finer than nothing: 0.002° × 0.0015°."""
    x, y = Transformer.from_crs(2154, 4326, always_xy=True).transform(650_300, 6_860_200)
    lon, lat = x + 0.002 * np.arange(-6, 7), y + 0.0015 * np.arange(-6, 7)
    values = np.random.default_rng(3).uniform(0, 60, (3, 13, 13))
    if hole:
        values[1, 6, 6] = np.nan
    times = np.array(["2026-10-12T04:00", "2026-10-12T04:15", "2026-10-12T04:30"], dtype="datetime64[ns]")
    data = xr.Dataset(
        {"rain": (("time", "lat", "lon"), values, {"units": units})},
        coords={"time": times, "lat": lat, "lon": lon},
    )
    if bounds:
        edges = np.stack([times - np.timedelta64(300, "s"), times + np.timedelta64(600, "s")], axis=1)
        data["time_bnds"] = (("time", "nv"), edges)
        data["time"].attrs["bounds"] = "time_bnds"
        data["time"].encoding["units"] = "seconds since 2026-10-12"
    data.to_netcdf(path, engine="h5netcdf")
    return values


def test_nearest_cell_of_a_field_in_degrees(tmp_path: Path) -> None:
    values = _netcdf(tmp_path / "radar.nc")
    rain = _read(tmp_path / "radar.nc")
    assert rain.edges.tolist() == [0.0, 900.0, 1800.0, 2700.0]
    x, y = Transformer.from_crs(2154, 4326, always_xy=True).transform(*np.meshgrid(GRID.x, GRID.y))
    with xr.open_dataset(tmp_path / "radar.nc") as data:
        lon, lat = data["lon"].values, data["lat"].values
    i, j = (np.abs(c[:, None, None] - v).argmin(axis=0) for c, v in ((lat, y), (lon, x)))
    for k in range(3):
        np.testing.assert_allclose(rain.rates[k][rain.index], values[k, i, j] / 3.6e6, rtol=1e-14)
    # Any interval, exactly: half of the first value and a third of the second.
    wanted = (450.0 * values[0, i, j] + 300.0 * values[1, i, j]) / 3.6e6
    np.testing.assert_allclose(rain.depth(450.0, 1200.0)[rain.index], wanted, rtol=1e-12)
    assert not rain.depth(2700.0, 9999.0).any()


def test_depth_of_a_step_and_time_bounds(tmp_path: Path) -> None:
    values = _netcdf(tmp_path / "radar.nc", units="mm", bounds=True)
    rain = _read(tmp_path / "radar.nc")
    assert rain.edges.tolist() == [-300.0, 600.0, 1500.0, 2400.0]
    total = rain.depth(-300.0, 2400.0)
    assert set(np.round(total, 12)) <= set(np.round(values.sum(axis=0).ravel() / 1000, 12))
    later = _read(tmp_path / "radar.nc", label="end")
    assert later.edges.tolist() == rain.edges.tolist()  # what the file says wins


@pytest.mark.parametrize(
    ("units", "second"), [("minutes", 60.0), ("min", 60.0), ("hours", 3600.0), ("h", 3600.0), ("s", 1.0)]
)
def test_times_without_a_date_are_in_their_unit(tmp_path: Path, units: str, second: float) -> None:
    """They were read as seconds, whatever the file said."""
    path = _plain_times(tmp_path, {"units": units})
    assert _read(path).edges.tolist() == [0.0, 5 * second, 10 * second, 15 * second]
    bounded = _plain_times(tmp_path, {"units": units, "bounds": "time_bnds"})
    assert _read(bounded).edges.tolist() == [-second, 4 * second, 9 * second, 14 * second]


@pytest.mark.parametrize("attributes", [{}, {"units": "ms"}, {"units": "steps"}])
def test_times_in_no_unit_that_is_known_are_refused(tmp_path: Path, attributes: dict[str, str]) -> None:
    with pytest.raises(InputError, match="times in"):
        _read(_plain_times(tmp_path, attributes))


def _plain_times(folder: Path, attributes: dict[str, str], first: float = 0.0) -> Path:
    values = np.ones((3, 3, 3))
    x, y = 649_900.0 + 300 * np.arange(3), 6_860_500.0 - 300 * np.arange(3)
    times = first + np.array([0.0, 5.0, 10.0])
    data = xr.Dataset(
        {"rain": (("time", "y", "x"), values, {"units": "mm/h", "crs": "EPSG:2154"})},
        coords={"time": ("time", times, attributes), "y": y, "x": x},
    )
    if "bounds" in attributes:
        data["time_bnds"] = (("time", "nv"), np.stack([times - 1.0, times + 4.0], axis=1))
    data.to_netcdf(folder / "rain.nc", engine="h5netcdf")
    return folder / "rain.nc"


@pytest.mark.parametrize(
    ("first", "keys"), [(20.0, {}), (-30.0, {}), (0.0, {"end": 0}), (1.0, {"end": "1 min"})]
)
def test_a_field_beside_its_run_or_its_event_is_refused(
    tmp_path: Path, first: float, keys: dict[str, object]
) -> None:
    """It rained nothing, and nothing said so."""
    path = _plain_times(tmp_path, {"units": "min"}, first)
    scenario = Scenario.open(small.make(tmp_path)).with_events(Rainfall(field=str(path), **keys))
    domain = cast(Domain, SimpleNamespace(require_grid=lambda _row: GRID))
    with pytest.raises(InputError, match=rf"rain from {60 * first:g} to {60 * first + 900:g} s"):
        rain_fields(domain, scenario)
    _plain_times(tmp_path, {"units": "min"}, -10.0)  # its last third falls in the first minutes
    later = scenario.model_copy(update={"events": (Rainfall(field=str(path), end=60.0),)})
    assert rain_fields(domain, later)[0].depth(0.0, 600.0).sum() > 0.0


def _tiff(path: Path, values: np.ndarray) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[1], width=values.shape[2], count=values.shape[0],
        dtype="float32", crs="EPSG:2154", nodata=-1, transform=from_origin(649_900, 6_860_500, 300, 300),
    ) as raster:  # fmt: skip
        raster.write(values.astype(np.float32))
    return path


def test_bands_or_files_of_geotiff(tmp_path: Path) -> None:
    values = np.arange(18, dtype=float).reshape(2, 3, 3)
    bands = _read(_tiff(tmp_path / "bands.tif", values), unit="mm", step=300.0)
    (tmp_path / "series").mkdir()
    for k, minute in enumerate(("0400", "0405")):
        _tiff(tmp_path / "series" / f"RR_20261012{minute}.tif", values[k : k + 1])
    files = _read(tmp_path / "series", unit="mm")
    assert bands.edges.tolist() == files.edges.tolist() == [0.0, 300.0, 600.0]
    np.testing.assert_array_equal(bands.rates, files.rates)
    np.testing.assert_allclose(bands.depth(0, 300)[bands.index][0, 0], 0.0)
    np.testing.assert_allclose(bands.depth(300, 600)[bands.index][-1, -1], 14.0 / 1000)
    ended = _read(tmp_path / "series", unit="mm", label="end")
    assert ended.edges.tolist() == [-300.0, 0.0, 300.0]


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    _netcdf(tmp_path / "hole.nc", hole=True)
    with pytest.raises(InputError, match="1 missing values"):
        _read(tmp_path / "hole.nc")
    assert np.isfinite(_read(tmp_path / "hole.nc", missing="zero").rates).all()
    _netcdf(tmp_path / "odd.nc", units="furlong")
    with pytest.raises(InputError, match="furlong"):
        _read(tmp_path / "odd.nc")
    small = _tiff(tmp_path / "small.tif", np.ones((1, 1, 1)))
    with pytest.raises(InputError, match="step"):
        _read(small, unit="mm")
    with pytest.raises(InputError, match="cells of the terrain outside"):
        _read(_tiff(tmp_path / "few.tif", np.ones((1, 2, 2))), unit="mm", step=60.0)
    with pytest.raises(InputError, match="no such file"):
        _read(tmp_path / "none.nc")


def test_what_falls_is_what_is_booked() -> None:
    rng = np.random.default_rng(5)
    bed = rng.uniform(0, 0.3, (150, 300))
    bed[rng.random(bed.shape) < 0.1] = np.nan
    index = rng.integers(0, 7, bed.shape).astype(np.int32)
    rates = rng.uniform(0, 5e-5, (4, 7))
    rates[:, 3] = 0.0
    rain = RainField(np.array([0.0, 50.0, 110.0, 200.0, 300.0]), rates, index, 20.0, 280.0)
    flood = FloodSolver.assemble(
        Domain.from_arrays(bed, cell=5.0, roughness=0.03),
        Forcing(np.zeros(bed.shape), rain_fields=(rain,)),
        FloodParameters(threads=1),
    )
    advance(flood, 0.0, 300.0)
    per_cell = (rates * np.array([30.0, 60.0, 90.0, 80.0])[:, None]).sum(axis=0)
    wanted = per_cell[index][np.isfinite(bed)].sum() * 25.0
    books = flood.ledger()
    assert books["rain_m3"] == pytest.approx(wanted, rel=1e-12)
    assert abs(books["mass_error_m3"]) <= 1e-12 * wanted
    assert flood.depth.min() >= 0.0
