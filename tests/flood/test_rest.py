"""Water at rest stays at rest."""

from pathlib import Path

import numpy as np
import pytest

from tests.flood import basins
from tests.flood.basins import advance, hills, solver


def _crests(bed: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    ny, nx = bed.shape
    rng = np.random.default_rng(seed)
    crest_x = np.where(rng.random((ny, nx + 1)) < 0.1, rng.uniform(-6, 12, (ny, nx + 1)), -np.inf)
    crest_y = np.where(rng.random((ny + 1, nx)) < 0.1, rng.uniform(-6, 12, (ny + 1, nx)), -np.inf)
    return crest_x, crest_y


def _highest_speed(flood) -> float:
    h, qx, qy = flood.state()["state"]
    return float((np.hypot(qx, qy)[h > 0] / h[h > 0]).max())


@pytest.mark.parametrize(("seed", "altitude", "level"), [(0, 0.0, 1.0), (1, 2000.0, 2.5), (2, -35.0, 0.3)])
def test_lake_with_islands_and_crests_stays_at_rest(seed: int, altitude: float, level: float) -> None:
    bed = hills(70, 140, seed) + altitude
    depth = np.maximum(altitude + level - bed, 0)
    # Partly wet cells: films on the shore at the level of the lake, above and below dry_depth.
    shore = np.argsort(np.abs(bed - altitude - level).ravel())[:40]
    bed.ravel()[shore] = altitude + level - np.geomspace(1e-9, 1e-3, 40)
    depth.ravel()[shore] = altitude + level - bed.ravel()[shore]
    crest_x, crest_y = _crests(bed, seed)
    crests = {"crest_x": crest_x + altitude, "crest_y": crest_y + altitude}
    # With theta < 1 the rounding of deep water reaches the films beside it: 1e-9 m/s there.
    theta = {"theta": 1.0} if basins.SCHEME == "local_inertial" else {}
    flood = solver(bed, depth, **crests, cell=5.0, max_step=1e9, **theta)
    start = flood.depth.copy()
    advance(flood, 0.0, 1e9, steps=2000)
    assert flood.steps == 2000
    assert (depth == 0).any()
    # Local inertia divides the rounding of a face by the depth over its sill, less than that of a cell.
    assert _highest_speed(flood) <= (2e-12 if basins.SCHEME == "local_inertial" else 1e-12)
    np.testing.assert_allclose(flood.depth, start, atol=1e-12)
    assert abs(flood.ledger()["mass_error_m3"]) <= 1e-13 * flood.ledger()["volume_m3"]


def test_films_under_the_dry_depth_keep_their_volume_and_never_move() -> None:
    bed = hills(40, 40, 3)
    depth = np.random.default_rng(3).uniform(0, 9.9e-7, bed.shape)
    flood = solver(bed, depth)
    advance(flood, 0.0, 1000.0)
    np.testing.assert_array_equal(flood.depth, depth)
    assert flood.ledger()["wet_cells"] == 0
    assert flood.cell_steps == 0


@pytest.mark.real
@pytest.mark.slow
def test_lake_over_the_bathymetry_of_dieppe_stays_at_rest(real_data: Path) -> None:
    import rasterio

    with rasterio.open(real_data / "fr" / "dieppe" / "clean" / "mnt_topobathy_20m.tif") as file:
        bed = file.read(1, masked=True).astype(np.float64).filled(np.nan)
    depth = np.nan_to_num(np.maximum(4.0 - bed, 0))
    flood = solver(bed, depth, cell=20.0, roughness=0.03, max_step=1e9)
    advance(flood, 0.0, 1e9, steps=2000)
    assert _highest_speed(flood) <= 1e-12
