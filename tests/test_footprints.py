"""Footprints on a grid, against shapely's own containment and areas."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.footprints import cover
from twin.grid import Grid

GRID = Grid("EPSG:2154", 650_000.0, 6_860_100.0, 5.0, 20, 24)


def polygon(seed: int) -> shapely.Geometry:
    """Any polygon: a ragged ring, often crossing itself, sometimes with a hole, sometimes beyond the grid."""
    random = np.random.default_rng(seed)
    middle = random.uniform([649_990.0, 6_859_990.0], [650_130.0, 6_860_110.0])
    angle = np.sort(random.uniform(0, 2 * np.pi, 9))
    radius = random.uniform(2.0, 40.0, 9)[:, None]
    shape = shapely.make_valid(
        shapely.Polygon(middle + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    )
    return shape.difference(shapely.box(*(middle - 3.3), *(middle + 4.1))) if seed % 2 else shape


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=4), st.integers(1, 8))
def test_points_inside_are_those_that_shapely_finds(seeds: list[int], samples: int) -> None:
    shapes = [polygon(seed) for seed in seeds]
    values = np.arange(len(shapes), dtype=float)
    share, highest = cover(GRID, shapes, values, samples=samples)
    step = GRID.cell / samples
    x = GRID.x_west + (np.arange(GRID.nx * samples) + 0.5) * step
    y = GRID.y_north - (np.arange(GRID.ny * samples) + 0.5) * step
    inside = np.stack([shapely.contains_xy(shape, *np.meshgrid(x, y)) for shape in shapes])
    blocks = inside.reshape(len(shapes), GRID.ny, samples, GRID.nx, samples)
    np.testing.assert_allclose(share, blocks.any(axis=0).mean(axis=(1, 3)), atol=1e-12)
    met = blocks.any(axis=(2, 4))
    expected = np.where(met, values[:, None, None], -np.inf).max(axis=0)
    np.testing.assert_array_equal(highest, expected)


def test_coverage_of_a_building_is_its_area() -> None:
    house = shapely.box(650_012.0, 6_860_044.0, 650_034.0, 6_860_066.0)
    share, highest = cover(GRID, [house], [7.0])
    assert share.sum() * GRID.area_m2 == pytest.approx(house.area, rel=0.05)
    assert share.max() == 1.0
    assert set(highest[share > 0]) == {7.0}


def test_what_covers_nothing() -> None:
    nothing = [None, shapely.Polygon(), shapely.Point(650_010.0, 6_860_050.0)]
    for shapes in (nothing, []):
        share, highest = cover(GRID, shapes)
        assert share.sum() == 0.0
        assert np.isneginf(highest).all()
    with pytest.raises(ValueError, match="1 to 8"):
        cover(GRID, [], samples=9)
