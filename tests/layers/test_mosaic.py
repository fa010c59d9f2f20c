"""Mosaics read by windows: the same values whatever the blocks, exact numbers, memory within its bound."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layers.conftest import write_asc, write_tif
from twin.errors import InputError
from twin.grid import Grid
from twin.layers import LayerSource, kernels
from twin.layers import crs as crs_tools
from twin.layers.fine import fine_blocks
from twin.layers.lattice import InMemory, Method, blocks, resample
from twin.layers.mosaic import Mosaic
from twin.layers.raster import open_mosaic, read_raster
from twin.layers.reading import Reading

CRS = "EPSG:2154"
X, Y = 650000.0, 6860000.0


def reading(folder: Path, source: str, bounds: tuple[float, float, float, float] | None = None) -> Reading:
    territory = crs_tools.parse(CRS)
    assert territory is not None
    return Reading("terrain", LayerSource(source=source), folder, territory, CRS, bounds)


def mosaic(folder: Path, source: str) -> Mosaic:
    return open_mosaic(reading(folder, source))[0]


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """3 × 3 tiles of 20 × 20 cells of 1 m, in both formats, one missing, with holes; returns their folder."""
    values = np.round(np.random.default_rng(7).normal(100.0, 20.0, (60, 60)), 2)
    values[33:36, 5:9] = -99999.0
    for i in range(3):
        for j in range(3):
            if (i, j) == (2, 1):
                continue
            part = values[20 * i : 20 * i + 20, 20 * j : 20 * j + 20]
            write_asc(tmp_path / "asc" / f"{i}{j}.asc", part, X + 20.0 * j, Y + 40 - 20 * i, 1.0)
            write_tif(
                tmp_path / "tif" / f"{i}{j}.tif", part, X + 20.0 * j, Y + 60 - 20 * i, 1.0, nodata=-99999.0
            )
    return tmp_path


def test_windows_are_parts_of_the_whole(tiles: Path) -> None:
    whole = read_raster(reading(tiles, "asc"))[0].values
    assert np.isnan(whole[40:, 20:40]).all()
    assert np.isfinite(whole).sum() == 3600 - 400 - 12
    lazy = mosaic(tiles, "asc")
    for i0, j0, ny, nx in ((0, 0, 60, 60), (15, 18, 10, 5), (59, 59, 1, 1), (-3, 50, 10, 20), (80, 0, 2, 2)):
        expected = np.full((ny, nx), np.nan)
        rows, columns = np.arange(i0, i0 + ny), np.arange(j0, j0 + nx)
        r, c = (rows >= 0) & (rows < 60), (columns >= 0) & (columns < 60)
        expected[np.ix_(r, c)] = whole[np.ix_(rows[r], columns[c])]
        np.testing.assert_array_equal(lazy.window(i0, j0, ny, nx), expected)


@pytest.mark.parametrize("most_cells", [1, 37, 900, 10**7])
@pytest.mark.parametrize("source", ["asc", "tif"])
def test_resampling_does_not_depend_on_the_blocks(tiles: Path, source: str, most_cells: int) -> None:
    whole = InMemory.of(read_raster(reading(tiles, source))[0])
    lazy = mosaic(tiles, source)
    for cell, shift in ((1.0, 0.0), (5.0, 0.0), (3.0, 2.0), (2.7, 0.3)):
        n = int((58 - shift) / cell)
        grid = Grid(CRS, X + shift, Y + 60 - shift, cell, n, n)
        for method in ("mean", "max", "min"):
            once = resample(whole, grid, method)
            np.testing.assert_allclose(
                resample(lazy, grid, method, most_cells=most_cells), once, rtol=1e-14, atol=0
            )


@pytest.mark.parametrize("method", ["max", "min"])
@settings(deadline=None)
@given(
    ratio=st.one_of(st.integers(1, 5).map(float), st.floats(1.1, 6.0)),
    shift=st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 3.0)),
    seed=st.integers(0, 2**32 - 1),
)
def test_highest_and_lowest_against_brute_force(
    method: Method, ratio: float, shift: tuple[float, float], seed: int
) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(100.0, 10.0, (23, 21))
    values[random.random(values.shape) < 0.2] = np.nan
    n = int((20 - max(shift)) / ratio)
    grid = Grid(CRS, shift[0], 23.0 - shift[1], ratio, n, n)
    source = InMemory(values, 0.0, 23.0, 1.0)
    out = resample(source, grid, method)
    mean = resample(source, grid)
    hair = 2e-3  # what a cell meets by less than rounding does not count
    for i, j in ((0, 0), (n - 1, n - 1), (n // 2, 0)):
        west, north = shift[0] + j * ratio, shift[1] + i * ratio
        edges = [(v - round(v)) for v in (west, north, west + ratio, north + ratio)]
        if any(0 < abs(e) <= hair for e in edges):
            continue
        met = [
            values[r, c]
            for r in range(23)
            for c in range(21)
            if min(r + 1, north + ratio) - max(r, north) > hair
            and min(c + 1, west + ratio) - max(c, west) > hair
            and np.isfinite(values[r, c])
        ]
        assert np.isnan(out[i, j]) == np.isnan(mean[i, j])
        if np.isfinite(out[i, j]):
            assert out[i, j] == (max(met) if method == "max" else min(met))


def test_fine_blocks_cover_the_grid_once(tiles: Path) -> None:
    lazy = mosaic(tiles, "asc")
    whole = lazy.window(0, 0, 60, 60)
    grid = Grid(CRS, X + 5.0, Y + 55.0, 5.0, 11, 9)
    seen = np.zeros(grid.shape, dtype=int)
    means = np.full(grid.shape, np.nan)
    for block in fine_blocks(lazy, grid, most_cells=200):
        assert block.elevation.size <= 200
        seen[block.rows, block.columns] += 1
        assert block.ratio == 5
        for i in range(block.elevation.shape[0]):
            for j in range(block.elevation.shape[1]):
                row, column = 5 + 5 * (block.rows.start + i), 5 + 5 * (block.columns.start + j)
                np.testing.assert_array_equal(
                    block.elevation[i, j], np.pad(whole, ((0, 5), (0, 0)), constant_values=np.nan)[
                        row : row + 5, column : column + 5
                    ],
                )  # fmt: skip
                means[block.rows.start + i, block.columns.start + j] = block.elevation[i, j].mean()
    assert (seen == 1).all()
    full = np.isfinite(means)
    np.testing.assert_allclose(means[full], resample(lazy, grid)[full], rtol=1e-13)
    with pytest.raises(ValueError, match="not whole blocks"):
        next(fine_blocks(lazy, Grid(CRS, X + 0.5, Y + 60.0, 5.0, 2, 2)))


@settings(deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    ratio=st.floats(0.2, 9.0),
    most=st.integers(1, 3000),
)
def test_blocks_partition_the_grid(shape: tuple[int, int], ratio: float, most: int) -> None:
    seen = np.zeros(shape, dtype=int)
    for rows, columns in blocks(shape, ratio, most):
        seen[rows, columns] += 1
        cells = (rows.stop - rows.start) * (columns.stop - columns.start)
        assert cells == 1 or cells * max(1.0, ratio * ratio) <= most
    assert (seen == 1).all()


def test_memory_stays_within_the_stated_bound(tmp_path: Path) -> None:
    """4 × 8 bytes for each fine cell of a block, beyond the result: here a tenth of the whole terrain."""
    values = np.random.default_rng(1).normal(100.0, 20.0, (1000, 1000)).astype(np.float32)
    for j in range(8):
        write_tif(tmp_path / "t" / f"{j}.tif", values, X + 1000.0 * j, Y, 1.0)
    lazy = mosaic(tmp_path, "t")
    grid = Grid(CRS, X, Y, 5.0, 200, 1600)
    resample(lazy, grid, most_cells=100_000)  # what is made once (caches of GDAL, compiled kernels)
    tracemalloc.start()
    resample(lazy, grid, most_cells=400_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= grid.size * 8 + 4 * 8 * 400_000
    assert peak < 0.3 * values.nbytes * 2 * 8


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.decimals(-99999, 9000, places=2),
            st.decimals(-10, 10, places=12),
            st.floats(-1e5, 1e5, allow_nan=False).map(repr),
            st.integers(-(10**14), 10**14),
        ).map(str),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([".", ","]),
)
def test_text_to_numbers_is_exact(words: list[str], point: str) -> None:
    """As Python's float, to the bit, or left to the slower reader."""
    raw = np.frombuffer(" ".join(words).replace(".", point).encode(), dtype=np.uint8)
    out = np.empty(len(words))
    if kernels.parse_row(raw, 0, raw.size, len(words), 0, len(words), out):
        assert out.tolist() == [float(word) for word in words]
    else:
        digits = [w.lower().lstrip("-").split("e")[0].replace(".", "").strip("0") for w in words]
        assert any("e" in w.lower() for w in words) or max(map(len, digits)) > kernels.DIGITS - 2


@pytest.mark.parametrize("damage", ["cut in a number", "cut between rows", "a letter", "a row too long"])
def test_a_damaged_tile_is_an_error_wherever_the_window_is(tmp_path: Path, damage: str) -> None:
    path = write_asc(tmp_path / "a.asc", np.full((20, 20), 12.25), X, Y, 1.0)
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    broken = {
        "cut in a number": text[: int(len(text) * 0.7)],
        "cut between rows": "".join(lines[:-4]),
        "a letter": text.replace("12.25", "12.2x", 30),
        "a row too long": "".join([*lines[:10], lines[10].rstrip("\n") + " 1.0\n", *lines[11:]]),
    }
    path.write_text(broken[damage])
    with pytest.raises(InputError) as error:
        mosaic(tmp_path, "a.asc").window(0, 0, 20, 20)
    assert "20 × 20" in str(error.value)
