"""A raster looked at by strips finds what the whole in memory shows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from twin.layers.lattice import InMemory
from twin.layers.survey import PLACED, at_points, box_of, survey

X, Y, CELL = 650000.5, 6860000.5, 2.0


def raster(values: np.ndarray) -> InMemory:
    return InMemory(np.asarray(values, dtype=float), X, Y, CELL)


@settings(deadline=None)
@given(
    arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 12)), elements=st.booleans()),
    st.integers(1, 40),
    st.integers(1, 20),
)
def test_parts_do_not_depend_on_the_strips(empty: np.ndarray, strip: int, most: int) -> None:
    values = np.arange(empty.size, dtype=float).reshape(empty.shape)
    values[empty] = np.nan
    found = survey(raster(values), strip=strip, most_cells=most)
    label, count = ndimage.label(empty, structure=np.ones((3, 3)))
    edge = set(label[0]) | set(label[-1]) | set(label[:, 0]) | set(label[:, -1])
    boxes: dict[bool, list[tuple[int, ...]]] = {True: [], False: []}
    sizes: dict[bool, list[int]] = {True: [], False: []}
    for k, (rows, columns) in enumerate(ndimage.find_objects(label), start=1):
        sizes[k in edge].append(int((label == k).sum()))
        if sizes[k in edge][-1] >= PLACED:
            boxes[k in edge].append((rows.start, rows.stop, columns.start, columns.stop))
    for gaps, at_edge in ((found.holes, False), (found.beyond, True)):
        assert (gaps.count, gaps.cells) == (len(sizes[at_edge]), sum(sizes[at_edge]))
        assert gaps.largest == max(sizes[at_edge], default=0)
        assert sorted(map(tuple, gaps.boxes)) == sorted(boxes[at_edge])
        assert sorted(gaps.sizes) == sorted(n for n in sizes[at_edge] if n >= PLACED)
    assert found.holes.count + found.beyond.count == count
    assert found.empty == empty.sum()
    if empty.all():
        assert np.isnan(found.low)
    else:
        assert (found.low, found.high) == (np.nanmin(values), np.nanmax(values))


@pytest.mark.parametrize("last", [1, 2, 7])
def test_a_raster_without_a_hole_has_none_whatever_its_windows(last: int) -> None:
    """A last window of one column once took what lay in memory for cells without a value."""
    values = np.ones((600, 200 + last))
    for rubbish in (0, 255):
        kept = [np.full(values.size, rubbish, dtype=np.uint8) for _ in range(20)]
        del kept  # memory that the survey may be given
        found = survey(raster(values), strip=values.size, most_cells=600 * 200)
        assert (found.empty, found.holes.count, found.beyond.count) == (0, 0, 0)


def test_a_box_lies_where_its_cells_are() -> None:
    values = np.ones((20, 30))
    values[3:6, 10:12] = np.nan
    found = survey(raster(values), strip=60)
    assert box_of(raster(values), found.holes.boxes[0]) == (X + 20, Y - 12, X + 24, Y - 6)


def test_points_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(100, 10, (70, 90))
    values[30:34, 40:50] = np.nan
    x, y = X + rng.uniform(-5, 90 * CELL + 5, 4000), Y - rng.uniform(-5, 70 * CELL + 5, 4000)
    found = at_points(raster(values), x, y, block=16)
    row, column = (Y - y) / CELL - 0.5, (x - X) / CELL - 0.5
    between = ndimage.map_coordinates(values, [row, column], order=1, mode="constant", cval=np.nan)
    np.testing.assert_allclose(found.between, between, rtol=1e-12)
    i, j = np.floor(row + 0.5).astype(int), np.floor(column + 0.5).astype(int)
    inside = (i >= 0) & (i < 70) & (j >= 0) & (j < 90)
    assert np.isnan(found.here[~inside]).all()
    np.testing.assert_array_equal(found.here[inside], values[i[inside], j[inside]])
    padded = np.pad(values, 1, constant_values=np.nan)
    for k in np.flatnonzero(inside)[:500]:
        nine = padded[i[k] : i[k] + 3, j[k] : j[k] + 3]
        if np.isfinite(nine).any():
            assert (found.low[k], found.high[k]) == (np.nanmin(nine), np.nanmax(nine))


class Endless:
    """4 GB in float64, made where they are looked at, with a hole across every seam."""

    cell, x_west, y_north, shape = 1.0, 0.0, 0.0, (20_000, 25_000)

    def window(self, i0: int, j0: int, ny: int, nx: int) -> np.ndarray:
        out = np.full((ny, nx), 50.0)
        rows, columns = np.arange(i0, i0 + ny), np.arange(j0, j0 + nx)
        outside = (rows < 0) | (rows >= self.shape[0])
        out[outside] = np.nan
        hole = slice(max(0, 9_000 - j0), max(0, 9_010 - j0))
        out[(rows >= 100) & (rows < 19_900), hole] = np.nan
        out[:, (columns < 0) | (columns >= self.shape[1])] = np.nan
        return out


@pytest.mark.slow
def test_memory_is_that_of_a_strip() -> None:
    """5·10⁸ cells within 250 MB, as stated (7 bytes × 16 million and 32 × 4 million)."""
    tracemalloc.start()
    found = survey(Endless())
    at_points(Endless(), np.linspace(1.0, 24_999.0, 200_000), -np.linspace(1.0, 19_999.0, 200_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.holes.count == 1
    assert found.holes.cells == 10 * 19_800
    assert tuple(found.holes.boxes[0]) == (100, 19_900, 9_000, 9_010)
    assert peak < 7 * 16_000_000 + 32 * 4_000_000
