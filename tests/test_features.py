"""Water at buildings and roads: values by hand on small grids, traversal against the slow one."""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from twin.features import (
    WET_DEPTH,
    building_features,
    cells_on_lines,
    cells_touched,
    depth_around,
    residents_of_buildings,
    road_features,
)
from twin.grid import Grid

CRS = "EPSG:2154"
# 6 × 8 cells of 10 m far from the origin, as in Lambert-93: rounding must not bite.
GRID = Grid(CRS, 650000.0, 6860060.0, 10.0, 6, 8)
X0, Y0 = 650000.0, 6860000.0


def at(x: float, y: float) -> tuple[float, float]:
    """Metres from the south-west corner of GRID."""
    return X0 + x, Y0 + y


def house(x: float, y: float, w: float, h: float) -> Polygon:
    return box(X0 + x, Y0 + y, X0 + x + w, Y0 + y + h)


def buildings(*shapes: object, **columns: object) -> gpd.GeoDataFrame:
    ids = [f"B{k}" for k in range(len(shapes))]
    return gpd.GeoDataFrame({"building_id": ids, **columns}, geometry=list(shapes), crs=CRS)


def roads(*lines: LineString, level: list[int] | None = None) -> gpd.GeoDataFrame:
    n = len(lines)
    return gpd.GeoDataFrame(
        {
            "road_id": [f"R{k}" for k in range(n)],
            "name": ["rue"] * n,
            "nature": ["Route à 1 chaussée"] * n,
            "importance": [5] * n,
            "level": level or [0] * n,
        },
        geometry=list(lines),
        crs=CRS,
    )


def test_traversal_equals_the_slow_one() -> None:
    rng = np.random.default_rng(3)
    lines = [
        LineString(np.column_stack([X0 + rng.uniform(-20, 100, 5), Y0 + rng.uniform(-20, 80, 5)]))
        for _ in range(60)
    ]
    owner, cell, length = cells_on_lines(lines, GRID)
    for k, line in enumerate(lines):
        i, j, slow = GRID.cells_on_line(*line.xy)
        assert np.array_equal(cell[owner == k], i * GRID.nx + j)
        np.testing.assert_allclose(length[owner == k], slow, atol=1e-8)
        inside = line.intersection(box(*GRID.bounds)).length
        assert length[owner == k].sum() == pytest.approx(inside, abs=1e-6)


def test_traversal_along_a_cell_edge_and_of_a_point_like_line() -> None:
    owner, cell, length = cells_on_lines(
        [LineString([at(10, 20), at(30, 20)]), LineString([at(5, 5), at(5, 5)])], GRID
    )
    assert owner.tolist() == [0, 0]
    assert length.tolist() == [10.0, 10.0]
    assert (cell // GRID.nx).tolist() == [4, 4]  # an edge belongs to the cell south of it (Grid.index)


def test_cells_touched_is_what_shapely_says() -> None:
    shapes = [
        house(12, 12, 23, 31),
        MultiPolygon([house(1, 1, 3, 3), house(55, 41, 12, 8)]),
        Polygon([at(40, 5), at(78, 5), at(59, 55)], [[at(55, 15), at(63, 15), at(59, 25)]]),
        Point(at(33, 44)),
    ]
    owner, cell = cells_touched(shapes, GRID)
    squares = [
        box(GRID.x[j] - 5, GRID.y[i] - 5, GRID.x[j] + 5, GRID.y[i] + 5)
        for i in range(GRID.ny)
        for j in range(GRID.nx)
    ]
    for k, shape in enumerate(shapes):
        expected = {
            c for c, square in enumerate(squares) if shape.intersects(square) and not shape.touches(square)
        }
        assert set(cell[owner == k].tolist()) == expected


def test_large_polygons_touch_the_same_cells_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn line by line or looked at centre by centre: across the edge of the grid, with holes and parts."""
    rng = np.random.default_rng(11)
    shapes = [Point(at(*rng.uniform(0, 60, 2))).buffer(rng.uniform(3, 30), quad_segs=3) for _ in range(40)]
    shapes += [shape.difference(house(20, 20, 30, 15)) for shape in shapes[:10]]
    shapes += [
        house(-40, 10, 30, 30),
        house(5, 5, 20, 20),
        MultiPolygon([house(1, 1, 30, 9), house(50, 30, 60, 25)]),
    ]
    shapes = [shape for shape in shapes if not shape.is_empty]

    def touched() -> list[set[int]]:
        owner, cell = cells_touched(shapes, GRID)
        return [set(cell[owner == k].tolist()) for k in range(len(shapes))]

    by_centres = touched()
    monkeypatch.setattr("twin.features._LARGE", 0)
    assert touched() == by_centres
    assert not by_centres[-3]
    assert max(map(len, by_centres)) > 20


def test_depth_at_a_building_is_the_deepest_of_its_cells_and_neighbours() -> None:
    depth = np.zeros(GRID.shape)
    depth[2, 5] = 0.8  # two cells east of the house's only cell (row 2, column 3): no neighbour
    depth[1, 4] = 0.3  # diagonal neighbour
    depth[2, 3] = 9.0  # under the house itself, blocked
    blocked = np.zeros(GRID.shape, dtype=bool)
    blocked[2, 3] = True
    small = buildings(house(31, 31, 8, 8))
    arrival = np.full(GRID.shape, np.nan)
    arrival[1, 4], arrival[2, 5], arrival[2, 3] = 1200.0, 60.0, 0.0
    out = building_features(small, GRID, max_depth=depth, arrival_time=arrival, blocked=blocked)
    assert out["max_water_depth"].tolist() == [0.3]
    assert out["arrival_time"].tolist() == [1200.0]
    out = building_features(small.assign(height_source="voisins"), GRID, max_depth=depth)
    assert out["height_source"].tolist() == ["voisins"]  # a guess stays one
    assert out["max_water_depth"].tolist() == [9.0]
    assert np.isnan(out["arrival_time"][0])


def test_permanent_water_does_not_flood_the_mill() -> None:
    depth = np.full(GRID.shape, 0.0)
    depth[:, 4] = 3.0  # the river
    depth[2, 2] = 0.4  # real flooding west of the mill
    start = np.zeros(GRID.shape)
    start[:, 4] = 2.0
    mill = [house(31, 31, 8, 8)]  # column 3, beside the river
    assert depth_around(mill, GRID, depth, permanent=start > WET_DEPTH).tolist() == [0.4]
    barge = [Point(at(45, 35))]
    start[:, 3:6] = 2.0
    assert np.isnan(depth_around(barge, GRID, depth, permanent=start > WET_DEPTH)).all()


def test_outside_the_grid_and_nodata_are_unknown_not_dry() -> None:
    depth = np.full(GRID.shape, np.nan)
    depth[0, 0] = 0.2
    out = depth_around([house(500, 500, 5, 5), house(61, 1, 5, 5), house(1, 51, 5, 5)], GRID, depth)
    assert np.isnan(out[:2]).all()
    assert out[2] == 0.2


def test_arrival_is_nan_where_only_a_film_of_rain_came() -> None:
    out = building_features(
        buildings(house(31, 31, 8, 8)),
        GRID,
        max_depth=np.full(GRID.shape, 0.04),
        arrival_time=np.full(GRID.shape, 10.0),
    )
    assert out["max_water_depth"].tolist() == [0.04]
    assert np.isnan(out["arrival_time"][0])


def test_road_cut_interval_and_length() -> None:
    west_east = LineString([at(0, 35), at(80, 35)])  # row 2, all columns
    dry = LineString([at(0, 5), at(80, 5)])
    frames = []
    for t, (a, b) in enumerate([(0.0, 0.0), (0.30, 0.0), (0.5, 0.29), (0.1, 0.7), (0.1, 0.299), (0.0, 0.0)]):
        depth = np.zeros(GRID.shape)
        depth[2, 3], depth[2, 6] = a, b
        frames.append((t * 300.0, depth))
    most = np.max([f for _, f in frames], axis=0)
    out = road_features(roads(west_east, dry), GRID, max_depth=most, frames=iter(frames))
    assert out["max_water_depth"].tolist() == [0.7, 0.0]
    assert out["cut_length_m"].tolist() == pytest.approx([20.0, 0.0])
    assert out["cut_from_s"][0] == 300.0
    assert out["cut_to_s"][0] == 1200.0
    assert np.isnan(out[["cut_from_s", "cut_to_s"]].to_numpy()[1]).all()


def test_road_cut_twice_reopens_at_the_second_time_and_may_stay_cut() -> None:
    line = LineString([at(0, 35), at(80, 35)])
    wet, empty = np.full(GRID.shape, 1.0), np.zeros(GRID.shape)
    frames = [(0.0, wet), (60.0, empty), (120.0, wet), (180.0, empty)]
    out = road_features(roads(line), GRID, max_depth=wet, frames=frames)
    assert (out["cut_from_s"][0], out["cut_to_s"][0]) == (0.0, 180.0)
    out = road_features(roads(line), GRID, max_depth=wet, frames=frames[:3])
    assert out["cut_from_s"][0] == 0.0
    assert np.isnan(out["cut_to_s"][0])


def test_bridge_decks_and_roads_over_the_river_stay_dry() -> None:
    line = LineString([at(0, 35), at(80, 35)])
    depth = np.zeros(GRID.shape)
    depth[:, 4] = 4.0
    start = np.zeros(GRID.shape)
    start[:, 4] = 1.5
    frames = [(0.0, depth)]
    out = road_features(roads(line, line, level=[0, 1]), GRID, max_depth=depth, frames=frames)
    assert out["max_water_depth"].tolist() == [4.0, 0.0]
    assert out["cut_from_s"].isna().tolist() == [False, True]
    out = road_features(roads(line), GRID, max_depth=depth, frames=frames, permanent=start > WET_DEPTH)
    assert out["max_water_depth"].tolist() == [0.0]
    outside = road_features(roads(LineString([(0, 0), (50, 50)])), GRID, max_depth=depth, frames=frames)
    assert np.isnan(outside["max_water_depth"][0])


def test_people_of_a_square_go_to_its_homes_by_volume() -> None:
    squares = gpd.GeoDataFrame(
        {"ind": [30.0, 8.0, 5.0]},
        geometry=[house(0, 0, 40, 40), house(40, 0, 80, 40), house(0, 40, 40, 20)],
        crs=CRS,
    )
    homes = buildings(
        house(5, 5, 10, 10),
        house(20, 5, 10, 10),
        house(5, 25, 10, 10),
        house(50, 10, 10, 10),
        use=["Résidentiel", "Résidentiel", "Annexe", "Industriel"],
        height=[5.0, 10.0, 50.0, 6.0],
        light=[False, False, False, False],
    )
    residents, homeless = residents_of_buildings(homes, squares, GRID)
    # the second square is half outside the grid: 4 people, in the only (solid) building there
    assert residents.tolist() == pytest.approx([10.0, 20.0, 0.0, 4.0])
    assert homeless == pytest.approx(5.0)


@pytest.mark.slow
def test_a_town_takes_seconds() -> None:
    grid = Grid(CRS, X0, Y0 + 5000, 5.0, 1000, 1000)
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 4980, (20000, 2))
    town = buildings(*[house(x, y, 12, 9) for x, y in corner], height=np.full(20000, 6.0))
    ends = rng.uniform(0, 5000, (5000, 2))
    streets = roads(*[LineString([at(x, y), at(x + 90, y + 40)]) for x, y in ends])
    depth = rng.random(grid.shape).astype(np.float32)
    begin = time.process_time()  # whatever else the machine does
    building_features(town, grid, max_depth=depth, arrival_time=depth)
    road_features(streets, grid, max_depth=depth, frames=((60.0 * k, depth) for k in range(200)))
    assert time.process_time() - begin < 20
