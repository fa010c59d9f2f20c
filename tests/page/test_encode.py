import gzip
from base64 import b64decode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.features import WET_DEPTH
from viz.encode import DRY, Blobs, DepthCurve, Tiles, delta_chunks, quantised_terrain, undelta_chunk, varint


@pytest.mark.parametrize("greatest", [0.0, 0.4, 1.0, 3.0, 5.1, 5.2, 22.0, 400.0])
def test_error_below_one_metre_never_exceeds_a_centimetre_and_a_half(greatest: float) -> None:
    curve = DepthCurve.up_to(greatest)
    depth = np.linspace(0.0, min(1.0, max(greatest, 0.01)), 40_001)[:-1]
    assert np.abs(curve.decode(curve.encode(depth)) - depth).max() <= 0.0101
    assert curve.errors[0] == pytest.approx(0.01, abs=1e-9)
    deep = np.linspace(0.0, greatest, 10_001)
    assert np.abs(curve.decode(curve.encode(deep)) - deep).max() <= curve.errors[1] + 1e-9
    assert curve.edges[-1] >= greatest
    assert np.all(np.diff(curve.values) > 0)


@pytest.mark.parametrize("greatest", [2.0, 22.0])
def test_class_bounds_are_bin_bounds(greatest: float) -> None:
    curve = DepthCurve.up_to(greatest)
    for bound in (WET_DEPTH, 0.5, 1.0):
        below, above = curve.decode(curve.encode(np.array([np.nextafter(bound, 0), np.nextafter(bound, 9)])))
        assert np.float32(below) < bound < np.float32(above)  # the page's table


def test_dry_and_unknown_are_zero() -> None:
    curve = DepthCurve.up_to(3.0)
    assert curve.encode(np.array([0.0, DRY * 0.99, np.nan, -1.0])).tolist() == [0, 0, 0, 0]
    assert curve.encode(np.array([DRY]))[0] == 1


def test_relative_error_of_deep_water_stays_under_two_percent() -> None:
    curve = DepthCurve.up_to(22.0)
    depth = np.linspace(1.0, 22.0, 50_000)
    assert (np.abs(curve.decode(curve.encode(depth)) - depth) / depth).max() < 0.02


def test_frames_come_back_from_their_differences() -> None:
    codes = np.random.default_rng(1).integers(0, 256, (7, 30), dtype=np.uint8)
    for first, text in zip((0, 3, 6), delta_chunks(codes, 3), strict=True):  # each chunk by itself
        delta = np.frombuffer(gzip.decompress(b64decode(text)), dtype=np.uint8).reshape(-1, 30)
        np.testing.assert_array_equal(undelta_chunk(delta), codes[first : first + 3])


def test_squares_hold_every_wet_cell_once() -> None:
    wet = np.random.default_rng(3).random((70, 45)) < 0.3
    wet[:32, 32:] = False  # a square without water
    tiles = Tiles.of(wet, side=32)
    assert tiles.starts.shape == (3 * 2 + 1,)
    assert np.array_equal(np.sort(tiles.cells), np.flatnonzero(wet))
    for square in range(6):
        row, column = np.divmod(tiles.cells[tiles.starts[square] : tiles.starts[square + 1]], 45)
        assert np.all(row // 32 == square // 2)
        assert np.all(column // 32 == square % 2)
        assert np.all(np.diff(row * 45 + column) > 0)
    blobs = Blobs()
    codes = np.random.default_rng(4).integers(0, 256, (5, len(tiles.cells)), dtype=np.uint8)
    chunks = tiles.chunks(codes, 2, blobs)
    assert [len(c) for c in chunks] == [3, 0, 3, 3, 3, 3]
    last = np.frombuffer(gzip.decompress(b64decode(blobs.texts[chunks[5][2]])), dtype=np.uint8)
    np.testing.assert_array_equal(undelta_chunk(last[None])[0], codes[4, tiles.starts[5] :])


@given(st.lists(st.integers(-(2**31), 2**31), max_size=40))
def test_varint_round_trip(numbers: list[int]) -> None:
    found, value, scale = [], 0, 0
    for byte in varint(np.array(numbers, dtype=np.int64)):
        value |= (byte & 127) << scale
        scale += 7
        if byte < 128:
            found.append((value >> 1) ^ -(value & 1))
            value = scale = 0
    assert found == numbers


def test_terrain_is_kept_to_half_a_centimetre_and_holes_stay() -> None:
    bed = np.random.default_rng(2).uniform(-14.8, 122.0, (9, 11))
    bed[3, 4] = np.nan
    packed, low, step = quantised_terrain(bed)
    low_bytes, high_bytes = (
        np.frombuffer(part, np.uint8).astype(np.uint16) for part in (packed[:99], packed[99:])
    )
    code = np.cumsum((low_bytes + (high_bytes << 8)).reshape(9, 11), axis=1, dtype=np.uint16)
    back = np.where(code == 65535, np.nan, low + code * step)
    np.testing.assert_array_equal(np.isnan(back), np.isnan(bed))
    assert np.nanmax(np.abs(back - bed)) <= 0.5 * step + 1e-12
    assert step == 0.01


def test_terrain_without_a_single_value_is_all_holes() -> None:
    packed, low, step = quantised_terrain(np.full((2, 3), np.nan))
    assert (low, step) == (0.0, 0.01)
    assert len(packed) == 12
