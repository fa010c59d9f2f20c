"""A subgrid run as pictures show it, beside its territory's terrain, its volumes and its exported map."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from matplotlib.text import Text

import viz
from tests.fine_run import LEVEL, lake
from tests.synthetic_run import write_run
from twin.errors import InputError
from twin.export import export
from twin.features import WET_DEPTH
from twin.fine_result import FineResult, for_pictures, over_fine_ground
from twin.results import Result
from twin.run_writer import RunWriter
from twin.water import permanent_water
from viz.encode import Blobs
from viz.page_data import collect
from viz.surface import roofs_of

K = 4  # fine cells of 5 m in cells of 20 m


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return lake(tmp_path_factory.mktemp("fine"), "60 s", "20 s")


@pytest.fixture(scope="module")
def fine(run: Result) -> Result:
    (found,) = over_fine_ground([run], 1e9)
    return found


def spread(values: np.ndarray) -> np.ndarray:
    return np.kron(values, np.ones((K, K)))


def test_terrain_and_grid_are_those_of_the_territory(run: Result, fine: Result) -> None:
    assert (fine.grid.cell, fine.grid.shape) == (5.0, (run.grid.ny * K, run.grid.nx * K))
    assert fine.grid.bounds == run.grid.bounds
    assert fine.model_grid == run.grid == run.model_grid
    (tile,) = (run.path.parent / "valmont" / "RGEALTI").glob("*.asc")
    with rasterio.open(tile) as file:
        top = round((file.transform.f - fine.grid.y_north) / 5)
        left = round((fine.grid.x_west - file.transform.c) / 5)
        ground = file.read(1, masked=True).filled(np.nan)
    ground = ground[top : top + fine.grid.ny, left : left + fine.grid.nx]
    np.testing.assert_allclose(fine.fields["ground_elevation"].values, ground, rtol=0, atol=1e-3)
    roofs = roofs_of(fine.fields)
    assert 0.001 < roofs.mean() < 0.1
    assert fine.buildings is not None
    inside = sum(fine.grid.mask(shape).sum() for shape in fine.buildings.geometry)
    assert roofs.sum() == pytest.approx(inside, rel=0.15)  # half of a cell makes it one of a building


def test_depths_at_an_instant_hold_the_water_of_the_cells(run: Result, fine: Result) -> None:
    roofs = roofs_of(fine.fields)
    for k in range(fine.fields.sizes["time"]):
        held = float(np.nansum(run.fields["water_depth"].isel(time=k).values)) * run.grid.area_m2
        depth = fine.fields["water_depth"].isel(time=k).values
        assert float(np.nansum(np.where(roofs, 0.0, depth))) * fine.grid.area_m2 == pytest.approx(
            held, rel=0.02
        )
    # At the start all stands at one level.
    start = fine.fields["water_depth"].isel(time=0).values
    ground = fine.fields["ground_elevation"].values
    wet = (start > 0.1) & ~roofs
    assert wet.sum() > 10_000
    np.testing.assert_allclose((start + ground)[wet], LEVEL, rtol=0, atol=0.02)
    # Tables of 20 heights: where a cell is full to a known one, to rounding.
    assert np.median(np.abs((start + ground)[wet] - LEVEL)) < 1e-3
    permanent = permanent_water(fine)
    assert (permanent & ~roofs).sum() == pytest.approx(
        ((ground < LEVEL - WET_DEPTH) & ~roofs).sum(), rel=0.05
    )


def test_the_largest_depth_is_that_of_the_exported_map(run: Result, fine: Result, tmp_path: Path) -> None:
    (path,) = export(run, "fine", tmp_path / "depth.tif")
    with rasterio.open(path) as file:
        depth = file.read(1)
    shown = fine.fields["max_water_depth"].values
    dry_roofs = ~roofs_of(fine.fields)
    np.testing.assert_allclose(shown[dry_roofs], depth[dry_roofs], rtol=0, atol=1e-4)
    # What cells know is theirs where there is water, and not told of dry ground.
    for name, fill in (("max_velocity", 0.0), ("arrival_time", np.nan)):
        told = fine.fields[name].values
        np.testing.assert_array_equal(told[shown > 0], spread(run.fields[name].values)[shown > 0])
        np.testing.assert_array_equal(told[~(shown > 0)], fill)
    np.testing.assert_array_equal(
        fine.fields["velocity_x"].isel(time=2).values, spread(run.fields["velocity_x"].isel(time=2).values)
    )


def test_fields_are_read_in_any_part(fine: Result) -> None:
    depth = fine.fields["water_depth"]
    assert depth.dims == ("time", "y", "x")
    whole = np.stack([depth.isel(time=k).values for k in range(depth.sizes["time"])])
    np.testing.assert_array_equal(depth.values, whole)
    np.testing.assert_array_equal(depth[1:3, 100:110, ::7].values, whole[1:3, 100:110, ::7])
    np.testing.assert_array_equal(depth[::-1, 5, [3, 9, 4]].values, whole[::-1, 5, [3, 9, 4]])
    np.testing.assert_array_equal(depth[3:3].values, whole[3:3])
    np.testing.assert_array_equal(fine.fields["max_hazard_ppri"][40:50].values.shape, (10, fine.grid.nx))
    at = fine.fields.sel(x=fine.grid.x[7], y=fine.grid.y[3], method="nearest")["water_depth"].values
    np.testing.assert_array_equal(at, whole[:, 3, 7])


def test_the_terrain_is_shown_as_finely_as_there_is_room(run: Result) -> None:
    two, again = over_fine_ground([run, Result.open(run.path)], run.grid.size * 15)
    assert two.grid.cell == 10.0
    assert isinstance(two, FineResult)
    assert isinstance(again, FineResult)
    assert two._ground is again._ground  # read once
    ground = two.fields["ground_elevation"].values
    (whole,) = over_fine_ground([run], 1e9)
    fine = whole.fields["ground_elevation"].values.reshape(*two.grid.shape[:1], 2, two.grid.nx, 2)
    np.testing.assert_allclose(ground, fine.mean(axis=(1, 3)), rtol=0, atol=1e-9)


def test_a_run_on_other_ground_is_not_drawn_over_this_one(run: Result, tmp_path: Path) -> None:
    """The same files, read otherwise (another vertical offset): runs that share terrain are each compared."""
    other = Result.open(shutil.copytree(run.path, tmp_path / "other"))
    raised = other.fields["ground_elevation"].values + np.float32(0.4)
    RunWriter(other.path).record_run_fields({"ground_elevation": raised})
    other = Result.open(other.path)
    np.testing.assert_array_equal(other.fields["ground_elevation"].values, raised)
    with pytest.raises(InputError, match="vertical_offset"):
        over_fine_ground([run, other], 1e9)


def test_runs_without_it_are_shown_as_they_are(
    run: Result, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = write_run(tmp_path / "plain")
    assert for_pictures([plain], 1e9) == [plain]
    assert for_pictures([run, plain], 1e9) == [run, plain]
    (fine,) = for_pictures([run], 1e9)
    assert for_pictures([fine], 1e9) == [fine]
    assert for_pictures([run], 2 * run.grid.size) == [run]  # no room
    assert not caplog.records
    (tile,) = (run.path.parent / "valmont" / "RGEALTI").glob("*.asc")
    tile.rename(tile.with_suffix(".off"))
    try:
        with caplog.at_level(logging.WARNING):
            assert for_pictures([run], 1e9) == [run]
        assert any("RGEALTI" in r.message for r in caplog.records)
    finally:
        tile.with_suffix(".off").rename(tile)


def test_pictures_show_the_terrain(run: Result, tmp_path: Path) -> None:
    data = collect([Result.open(run.path)], Blobs())
    assert (data["grid"]["cell"], data["grid"]["model_cell"]) == (5.0, 20.0)
    assert (data["grid"]["model_nx"], data["grid"]["model_ny"]) == (run.grid.nx, run.grid.ny)
    (scenario,) = data["scenarios"]
    assert scenario["subgrid"]
    assert scenario["over_fine"]
    figure = viz.maps.max_depth(run, tmp_path / "map.png", lang="fr", dpi=40)
    told = " ".join(" ".join(t.get_text().split()) for t in figure.findobj(Text))
    assert "maille de 20 m" in told
    # The shore on the map is that of the fine ground.
    shapes = [image.get_array().shape[:2] for image in figure.axes[0].get_images()]
    assert (run.grid.ny * K, run.grid.nx * K) in shapes
