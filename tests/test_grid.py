from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from twin.faces import raise_along, staircase
from twin.grid import Grid

GRID = Grid("EPSG:2154", 650_000.0, 6_860_100.0, 10.0, 8, 12)


def test_centres_edges_and_index_agree() -> None:
    assert GRID.bounds == (650_000.0, 6_860_020.0, 650_120.0, 6_860_100.0)
    i, j = GRID.index(GRID.x[None, :], GRID.y[:, None])
    np.testing.assert_array_equal(j, np.broadcast_to(np.arange(12), (1, 12)))
    np.testing.assert_array_equal(i[:, 0], np.arange(8))
    x, y = GRID.transform @ (0.5, 0.5)
    assert (x, y) == (GRID.x[0], GRID.y[0])


def test_another_resolution_shares_the_north_west_corner() -> None:
    coarse = GRID.at_resolution(30.0)
    assert (coarse.x_west, coarse.y_north, coarse.shape) == (650_000.0, 6_860_100.0, (2, 4))
    with pytest.raises(ValueError, match="positive cell and shape"):
        GRID.at_resolution(1000.0)


def test_crop_stays_on_the_lattice() -> None:
    small = GRID.crop((650_015.0, 6_860_040.0, 650_061.0, 6_860_081.0))
    assert small.x[0] == 650_015.0
    assert small.y[0] == 6_860_075.0
    assert small.shape == (4, 5)


point = st.tuples(st.floats(-30, 150), st.floats(-30, 110))


@given(st.lists(point, min_size=2, max_size=6))
def test_cells_on_line_measures_what_shapely_measures(points: list[tuple[float, float]]) -> None:
    x = np.array([650_000.0 + p[0] for p in points])
    y = np.array([6_860_020.0 + p[1] for p in points])
    i, j, length = GRID.cells_on_line(x, y)
    inside = shapely.LineString(np.c_[x, y]).intersection(shapely.box(*GRID.bounds)).length
    # A line along an outer edge belongs to no cell on the far sides.
    on_edge = 10.0 * 20 * (len(points) - 1)
    assert length.sum() == pytest.approx(inside, abs=1e-6) or inside <= on_edge
    for a, b, cells in zip(i, j, length, strict=True):
        box = shapely.box(GRID.x[b] - 5, GRID.y[a] - 5, GRID.x[b] + 5, GRID.y[a] + 5)
        assert shapely.LineString(np.c_[x, y]).distance(box) < 1e-6
        assert cells > 0


def _leaks(grid: Grid, crest_x: np.ndarray, crest_y: np.ndarray) -> np.ndarray:
    """Cells that water from the north-west cell reaches through faces without a crest."""
    reached = np.zeros(grid.shape, dtype=bool)
    queue = [(0, 0)]
    reached[0, 0] = True
    while queue:
        i, j = queue.pop()
        for a, b, face in (
            (i, j + 1, crest_x[i, j + 1]),
            (i, j - 1, crest_x[i, j]),
            (i + 1, j, crest_y[i + 1, j]),
            (i - 1, j, crest_y[i, j]),
        ):
            if 0 <= a < grid.ny and 0 <= b < grid.nx and not reached[a, b] and not np.isfinite(face):
                reached[a, b] = True
                queue.append((a, b))
    return reached


@given(st.floats(650_003.0, 650_117.0), st.floats(650_003.0, 650_117.0), st.floats(650_003.0, 650_117.0))
def test_a_dike_across_the_grid_has_no_gap(top: float, middle: float, bottom: float) -> None:
    x = np.array([top, middle, bottom])
    y = np.array([6_860_110.0, 6_860_063.0, 6_860_010.0])
    crest_x, crest_y = np.full((GRID.ny, GRID.nx + 1), -np.inf), np.full((GRID.ny + 1, GRID.nx), -np.inf)
    raise_along(crest_x, crest_y, GRID, x, y, np.full(3, 5.0))
    reached = _leaks(GRID, crest_x, crest_y)
    if reached[:, -1].any():  # the corner itself may lie east of a dike that starts at the west edge
        assert min(top, middle, bottom) < 650_005.0 or max(top, middle, bottom) > 650_115.0
    else:
        assert np.isfinite(crest_x).any()


@given(st.floats(5.0, 115.0), st.floats(5.0, 75.0), st.floats(5.0, 115.0), st.floats(5.0, 75.0))
def test_a_section_sees_all_of_a_uniform_flow(x0: float, y0: float, x1: float, y1: float) -> None:
    x, y = np.array([x0, x1]) + 650_000.0, np.array([y0, y1]) + 6_860_020.0
    faces = staircase(GRID, x, y)
    u, v = 1.3, -0.4
    through = 10.0 * np.sum(np.where(faces.across_x, u, v) * faces.sign)
    # Towards the left of the line: n ds = (-dy, dx), between the corners nearest to its ends.
    dx, dy = np.rint((x - 650_000.0) / 10.0), np.rint((6_860_100.0 - y) / 10.0)
    expected = 10.0 * (u * (dy[1] - dy[0]) + v * (dx[1] - dx[0]))
    assert through == pytest.approx(expected, abs=1e-9)
