"""Water of a subgrid run at things, over the fine terrain: as the same rules say of one fine map."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr
from shapely.geometry import LineString, Point, box

from twin.features import depth_around, road_features, water_on_roads
from twin.features_fine import FineFeatures, fine_features
from twin.fine_water import fine_water
from twin.grid import Grid
from twin.layers.fine import fine_blocks
from twin.subgrid import fine_depth, level_over_fine, level_rises

K = 5
GRID = Grid("EPSG:2154", 650_000.0, 6_860_120.0, 10.0, 12, 15)
FINE = Grid(GRID.crs, GRID.x_west, GRID.y_north, GRID.cell / K, GRID.ny * K, GRID.nx * K)
NO_THINGS = gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=GRID.crs)


def terrain(bed: np.ndarray) -> xr.DataArray:
    """Fine ground as a layer's data."""
    return xr.DataArray(bed, dims=("y", "x"), attrs={"transform": tuple(FINE.transform)[:6]})


def by_cell(fine: np.ndarray) -> np.ndarray:
    return fine.reshape(GRID.ny, K, GRID.nx, K).swapaxes(1, 2)


def frame(*shapes: object, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"geometry": list(shapes), **columns}, geometry="geometry", crs=GRID.crs)


def look(
    bed: np.ndarray, level: np.ndarray, *, most_cells: int = 10**6, **more: object
) -> tuple[FineFeatures, int]:
    """What is found, and in how many blocks."""
    things = {name: more.pop(name, None) for name in ("buildings", "roads")}
    places = more.pop("places", NO_THINGS)
    blocks = list(fine_blocks(terrain(bed), GRID, most_cells=most_cells))
    water = fine_water(blocks, GRID, level, **more)  # type: ignore[arg-type]
    return fine_features(water, GRID, things["buildings"], things["roads"], places), len(blocks)  # type: ignore[arg-type]


@pytest.fixture
def flood() -> tuple[np.ndarray, np.ndarray]:
    """Rough ground on a slope, and the levels of a flood in its lower part."""
    rng = np.random.default_rng(3)
    bed = 100.0 + 0.01 * np.arange(FINE.nx) + rng.uniform(0.0, 0.8, FINE.shape)
    level = np.full(GRID.shape, np.nan)
    level[:, :10] = 100.9 + 0.002 * np.arange(10) + rng.uniform(0.0, 0.05, (GRID.ny, 10))
    return bed, level


def things() -> dict[str, gpd.GeoDataFrame]:
    """Houses, streets and places all over the map, and beyond its edge."""
    rng = np.random.default_rng(4)
    west, south, east, north = GRID.bounds
    x, y = rng.uniform(west - 5, east + 5, 60), rng.uniform(south - 5, north + 5, 60)
    size = rng.uniform(1.0, 25.0, 60)
    ends = rng.uniform((west, south), (east, north), (40, 2, 2))
    lines = [LineString(pair) for pair in ends]
    return {
        "buildings": frame(*(box(a, b, a + s, b + s / 2) for a, b, s in zip(x, y, size, strict=True))),
        "roads": frame(*lines, level=(np.arange(40) % 5 == 0).astype(int)),
        "places": frame(*(Point(a, b) for a, b in zip(x, y, strict=True)), lines[0]),
    }


@pytest.mark.parametrize("most_cells", [10**6, 500])
def test_things_are_as_on_one_map_of_fine_cells(
    flood: tuple[np.ndarray, np.ndarray], most_cells: int
) -> None:
    bed, level = flood
    mapped = np.zeros(GRID.shape, dtype=bool)
    mapped[4:6, 3:5] = True
    rng = np.random.default_rng(5)
    start = np.where(np.isfinite(level) & (rng.random(GRID.shape) < 0.3), 0.15, 0.0)
    known = things()
    found, blocks = look(bed, level, most_cells=most_cells, start=start, mapped=mapped, **known)
    assert blocks == 1 if most_cells == 10**6 else blocks > 5
    depth = fine_depth(level, by_cell(bed), level_rises(level))
    at_start = fine_depth(level_over_fine(by_cell(bed), start), by_cell(bed), level_rises(level))
    permanent = (at_start > 0.05) | np.kron(mapped, np.ones((K, K))).astype(bool)
    assert 0.02 < permanent.mean() < 0.3

    houses = depth_around(known["buildings"].geometry.array, FINE, depth, permanent=permanent)
    np.testing.assert_array_equal(found.at_buildings, houses)
    assert (houses > 0.3).sum() > 20
    assert np.isnan(houses).any()
    stops = depth_around(known["places"].geometry.array, FINE, depth, permanent=permanent)
    np.testing.assert_array_equal(found.at_places, stops)

    roads = water_on_roads(known["roads"], FINE, depth, permanent=permanent)
    assert found.on_roads is not None
    np.testing.assert_array_equal(found.on_roads.deepest, roads.deepest)
    np.testing.assert_allclose(found.on_roads.cut_length, roads.cut_length, rtol=1e-12)
    assert set(found.on_roads.owner) == set(roads.owner)
    wet = (depth > 0.05) & ~permanent
    assert sum(found.areas["flooded_m2"]) == wet.sum() * FINE.area_m2
    assert found.areas["permanent_m2"] == permanent.sum() * FINE.area_m2
    assert found.areas["max_depth_m"] == depth[wet].max()


def test_a_street_between_banks_is_cut_when_its_own_water_is_deep() -> None:
    """A street of 2 m, 1 m below its banks, all through the cells of a column: 0.2 of each cell."""
    bed = np.full(FINE.shape, 101.0)
    bed[:, 12] = 100.0
    street = LineString([(FINE.x[12], GRID.bounds[1] + 1.0), (FINE.x[12], GRID.bounds[3] - 1.0)])
    bank = LineString([(FINE.x[14], GRID.bounds[1] + 1.0), (FINE.x[14], GRID.bounds[3] - 1.0)])
    level = np.full(GRID.shape, np.nan)
    level[:, 2] = 100.6
    house = box(FINE.x[13] - 0.9, GRID.y_north - 60.0, FINE.x[13] + 0.9, GRID.y_north - 50.0)
    found, _ = look(bed, level, roads=frame(street, bank), buildings=frame(house))
    assert found.on_roads is not None
    assert found.at_buildings is not None
    np.testing.assert_allclose(found.on_roads.deepest, [0.6, 0.0], atol=1e-9)
    np.testing.assert_allclose(found.on_roads.cut_length, [street.length, 0.0])
    # The cells hold 0.12 m: as a depth of their own that would close no road and wet the bank.
    np.testing.assert_allclose(found.at_buildings, [0.6], atol=1e-9)
    assert found.on_roads.cell.tolist() == [i * GRID.nx + 2 for i in range(GRID.ny)]
    np.testing.assert_allclose(found.on_roads.to_cut, 0.2 * 0.3)
    assert sum(found.areas["flooded_m2"]) == GRID.ny * 10.0 * 2.0


def test_a_bank_above_the_water_of_the_start_is_not_permanent_water() -> None:
    """A run that goes on from another one may never reach the level that was permanent there."""
    bed = np.full(FINE.shape, 101.0)
    bed[:, 12] = 100.0
    start, level = np.zeros(GRID.shape), np.full(GRID.shape, np.nan)
    start[:, 2], level[:, 2] = 0.12, 100.4  # up to 100.6 m, in a channel of a fifth of the cell
    found, _ = look(bed, level, start=start)
    assert found.areas["permanent_m2"] == GRID.ny * 10.0 * 2.0


def test_the_level_of_fine_cells_holds_their_water() -> None:
    rng = np.random.default_rng(6)
    fine = 200.0 + rng.gamma(1.0, 1.0, (6, 7, K, K))
    fine[0, 0] = np.nan
    fine[1, 1, 2, :3] = np.nan  # as the highest of the others, as in the tables
    depth = rng.gamma(1.0, 0.5, (6, 7)) * (rng.random((6, 7)) < 0.8)
    level = level_over_fine(fine, depth)
    assert (np.isnan(level) == ((depth == 0.0) | np.isnan(fine).all(axis=(2, 3)))).all()
    z = np.where(np.isnan(fine), np.nanmax(fine[1, 1]), fine)
    held = np.maximum(level[:, :, None, None] - z, 0.0).mean(axis=(2, 3))
    wet = np.isfinite(level)
    np.testing.assert_allclose(held[wet], depth[wet], rtol=0, atol=1e-12)


def test_a_flood_that_cuts_nothing_and_a_map_without_roads(flood: tuple[np.ndarray, np.ndarray]) -> None:
    bed, level = flood
    roads = things()["roads"]
    for most_cells in (10**6, 500):
        dry, _ = look(bed, np.full(GRID.shape, np.nan), most_cells=most_cells, roads=roads)
        assert dry.on_roads is not None
        assert (dry.on_roads.deepest == 0.0).all()
        assert dry.on_roads.owner.size == dry.on_roads.to_cut.size == 0
        assert sum(dry.areas["flooded_m2"]) == dry.areas["max_depth_m"] == 0.0
    # Water in the north only: most blocks have no road that is cut.
    level = np.where(np.arange(GRID.ny)[:, None] < 3, level, np.nan)
    north, blocks = look(bed, level, most_cells=500, roads=roads)
    assert blocks > 5
    assert north.on_roads is not None
    assert north.on_roads.owner.size > 0
    none, _ = look(bed, level, roads=roads.iloc[:0])
    assert none.on_roads is not None
    assert none.on_roads.deepest.size == none.on_roads.owner.size == 0


def test_water_that_slopes_within_its_cells() -> None:
    """A V of 2 % slope: a river that does not rise floods nothing, and roads are cut when it is highest."""
    across = np.abs(FINE.y - FINE.y.mean())[:, None]
    bed = 100.0 - 0.02 * (FINE.x - GRID.x_west)[None, :] + 0.1 * across
    level = np.broadcast_to(100.45 - 0.02 * (GRID.x - GRID.x_west)[None, :], GRID.shape).copy()
    wet = np.nanmin(by_cell(bed), axis=(2, 3)) < level
    level[~wet] = np.nan
    held = np.maximum(level[:, :, None, None] - by_cell(bed), 0.0).mean(axis=(2, 3))
    held = np.nan_to_num(held)
    calm, _ = look(bed, level, start=held)
    assert sum(calm.areas["flooded_m2"]) == 0.0
    assert calm.areas["permanent_m2"] > 1000.0

    middle = FINE.y.mean()
    # On the upper side of their cells, where the water is higher than in the middle
    places = GRID.x_west + 10.0 * np.arange(1, 14) + 1.0
    streets = [LineString([(x, middle - 8.0), (x, middle + 8.0)]) for x in places]
    roads = frame(*streets, level=np.zeros(13, dtype=int))
    flood, _ = look(bed, level, roads=roads)
    assert flood.on_roads is not None
    table = road_features(roads, GRID, max_depth=held, frames=[(60.0, held)], water=flood.on_roads)
    np.testing.assert_allclose(table["max_water_depth"], 0.35, atol=1e-9)  # 0.27 under a level without slope
    assert (table["cut_from_s"] == 60.0).all()
    less = [(60.0, 0.6 * held), (120.0, 0.9 * held)]  # some 0.77 and 0.95 of the depth
    table = road_features(roads, GRID, max_depth=held, frames=less, water=flood.on_roads)
    assert (table["cut_from_s"] == 120.0).all()
