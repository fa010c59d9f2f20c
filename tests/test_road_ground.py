"""Water of a subgrid run along roads: what closes them to traffic is what their figures tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import LineString

import twin
from tests.traffic.test_road_network import roads
from twin.domain import Domain, grid_fields
from twin.grid import Grid
from twin.layers import samples
from twin.layers.fine import FineBlock
from twin.network import Network
from twin.scenarios import Scenario
from twin.solvers.traffic.obstacles import WetPlaces
from twin.subgrid import depth_at_level, fine_depth, level_rises, with_subgrid
from twin.traversal import cells_on_lines

K = 5
GRID = Grid("EPSG:2154", 650_000.0, 6_860_120.0, 10.0, 12, 15)
FINE = Grid(GRID.crs, GRID.x_west, GRID.y_north, GRID.cell / K, GRID.ny * K, GRID.nx * K)
FLAT = np.zeros(GRID.shape)


def built(bed: np.ndarray, *lines: LineString, rows: int = 12, level: list[int] | None = None) -> Domain:
    """A domain that carries the fine bed (of `FINE`), its blocks so many rows high, with roads."""
    fine = bed.reshape(GRID.ny, K, GRID.nx, K).swapaxes(1, 2)
    network = Network.from_roads(roads(*lines, level=level or [0] * len(lines)), GRID)
    fields = grid_fields(GRID, np.ma.masked_invalid(fine).mean(axis=(2, 3)).filled(np.nan), 0.03)
    domain = Domain("town", GRID.crs, GRID, fields, networks={"roads": network})
    parts = [slice(i, min(i + rows, GRID.ny)) for i in range(0, GRID.ny, rows)]
    halves = (slice(0, 7), slice(7, GRID.nx))
    blocks = [FineBlock(part, half, K, fine[part, half]) for part in parts for half in halves]
    return with_subgrid(domain, blocks)


def deepest(domain: Domain, depth: np.ndarray, start: np.ndarray = FLAT) -> np.ndarray:
    """Water depth on each segment (m), but for what stood there at the start."""
    wet = WetPlaces.of(domain, fine=True)
    return wet.deepest(wet.depths(depth), wet.depths(start) > 0.05)


@pytest.mark.parametrize("rows", [12, 1])
def test_depths_are_those_of_one_fine_map(rows: int) -> None:
    rng = np.random.default_rng(8)
    bed = 100.0 + 0.01 * np.arange(FINE.nx) + rng.uniform(0.0, 0.8, FINE.shape)
    bed[:7, :7] = np.nan
    west, south, east, north = GRID.bounds
    ends = rng.uniform((west - 20, south - 20), (east + 20, north + 20), (30, 2, 2))
    lines = [LineString(pair) for pair in ends]
    domain = built(bed, *lines, rows=rows)
    level = np.full(GRID.shape, np.nan)
    level[:, :10] = 100.9 + 0.002 * np.arange(10) + rng.uniform(0.0, 0.05, (GRID.ny, 10))
    held = depth_at_level(domain, level)
    fine = fine_depth(level, bed.reshape(GRID.ny, K, GRID.nx, K).swapaxes(1, 2), level_rises(level))

    wanted = np.zeros(len(lines))
    owner, cell, _ = cells_on_lines(np.asarray(lines, object), FINE)
    np.maximum.at(wanted, owner, fine.ravel()[cell])
    assert (wanted > 0.3).sum() > 10
    assert (wanted == 0.0).any()
    # Volumes of a table of 20 levels, in single precision.
    np.testing.assert_allclose(deepest(domain, held), wanted, rtol=0, atol=1e-4)


def test_a_street_below_its_banks_is_as_deep_as_its_own_water() -> None:
    """2 m of street in cells of 10 m, 1 m below its banks: 0.6 m of water are 0.12 m of the cell."""
    bed = np.full(FINE.shape, 101.0)
    bed[:, 12] = 100.0
    along = [
        LineString([(FINE.x[j], GRID.bounds[1] + 1.0), (FINE.x[j], GRID.bounds[3] - 1.0)]) for j in (12, 14)
    ]
    domain = built(bed, *along)
    depth = FLAT.copy()
    depth[:, 2] = 0.12
    np.testing.assert_allclose(deepest(domain, depth), [0.6, 0.0], atol=1e-6)
    cells = WetPlaces.of(domain)
    np.testing.assert_allclose(cells.deepest(cells.depths(depth), np.zeros(cells.segment.size, bool)), 0.12)


def test_a_road_on_the_bank_of_a_river_in_its_cell_is_no_river() -> None:
    bed = np.full(FINE.shape, 101.0)
    bed[:, 12] = 98.0
    bank = LineString([(FINE.x[14], GRID.bounds[1] + 1.0), (FINE.x[14], GRID.bounds[3] - 1.0)])
    across = LineString([(FINE.x[10], FINE.y[30]), (FINE.x[14], FINE.y[30])])
    domain = built(bed, bank, across)
    river, flood = FLAT.copy(), FLAT.copy()
    river[:, 2], flood[:, 2] = 0.4, 1.0  # levels of 100.0 and 101.4 m
    np.testing.assert_allclose(deepest(domain, river, river), 0.0)
    np.testing.assert_allclose(deepest(domain, flood, river), 0.4, atol=1e-6)
    cells = WetPlaces.of(domain)
    assert (cells.deepest(cells.depths(flood), cells.depths(river) > 0.05) == 0.0).all()


def test_bridges_and_the_middle_of_tunnels_have_no_places() -> None:
    bed = np.full(FINE.shape, 100.0)
    y = FINE.y[[7, 22, 37]]
    lines = [LineString([(GRID.x[1], b), (GRID.x[13], b)]) for b in y]
    domain = built(bed, *lines, level=[1, -1, 0])
    middle, portal = FLAT.copy(), FLAT.copy()
    middle[:, 5:9], portal[4, 1] = 0.5, 0.2
    np.testing.assert_allclose(deepest(domain, middle), [0.0, 0.0, 0.5])
    np.testing.assert_allclose(deepest(domain, portal), [0.0, 0.2, 0.0])


def test_valmont_closes_the_roads_that_are_cut(tmp_path: Path) -> None:
    folder = samples.path("valmont") / "scenarios"
    scenario = Scenario.open(folder / "demo.toml")
    params = {"flood": {"scheme": "local_inertial", "subgrid": True}, "traffic": {"every": "30 min"}}
    result = twin.run(
        scenario.model_copy(
            update={"resolution": 25.0, "duration": 12600.0, "params": scenario.params | params}
        ),
        tmp_path / "run",
    )
    assert result.links is not None
    assert result.link_series is not None
    assert result.roads is not None
    closed = (result.link_series["closed"].values > 0).any(axis=0)
    shut = set(result.links["road_id"][closed])
    driven = set(result.links["road_id"])
    cut = set(result.roads["road_id"][result.roads["max_water_depth"] >= 0.3]) & driven
    assert len(cut) > 40
    # Closed is told every half hour; the river was looked at with its own slope at the start.
    assert shut <= cut
    assert len(shut) >= 0.95 * len(cut)
