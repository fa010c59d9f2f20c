"""The metres of crest that the faces of a staircase stand for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from twin.faces import staircase
from twin.grid import Grid
from twin.solvers.flood.crest_metres import share_of_faces

CELL, N = 5.0, 400
Ints = NDArray[np.int64]


def _faces(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Ints, Ints, Ints]:
    """Axis, row and column of the faces of a line, each once, in no order of the line."""
    found = staircase(Grid("EPSG:2154", 0.0, N * CELL, CELL, N, N), x, y)
    axis = (~found.across_x).astype(np.int64)
    faces = np.unique(np.stack([axis, found.i - axis, found.j - (1 - axis)]), axis=1)
    return faces[0], faces[1], faces[2]


def _metres(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return float(share_of_faces(*_faces(x, y)).sum() * CELL)


@pytest.mark.parametrize("degrees", [0, 3, 10, 20, 27, 35, 45, 60, 75, 88, 90])
def test_a_straight_dike_is_as_long_as_it_is_drawn(degrees: int) -> None:
    rng = np.random.default_rng(degrees)
    turn, length = np.radians(degrees), 800.0
    for x, y in 700.0 + rng.uniform(0.0, CELL, (20, 2)):
        found = _metres(np.array([x, x + length * np.cos(turn)]), np.array([y, y + length * np.sin(turn)]))
        assert found == pytest.approx(length, abs=1.5 * CELL)  # its ends are corners of the grid


def test_round_and_winding_dikes_and_corners() -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 4000)
    for radius, within in ((50.0, 0.02), (100.0, 0.01), (300.0, 0.005)):
        ring = _metres(1000.0 + radius * np.cos(turn), 1000.0 + radius * np.sin(turn))
        assert ring == pytest.approx(2.0 * np.pi * radius, rel=within)
    x = np.linspace(100.0, 1800.0, 3000)
    y = 1000.0 + 60.0 * np.sin(x / 70.0) + 15.0 * np.sin(x / 13.0)
    assert _metres(x, y) == pytest.approx(float(np.hypot(np.diff(x), np.diff(y)).sum()), rel=0.01)
    corner = _metres(np.array([200.0, 800.0, 800.0]), np.array([200.0, 200.0, 900.0]))
    assert corner == pytest.approx(1300.0, abs=2.0 * CELL)


def test_dikes_that_meet_keep_their_lengths() -> None:
    """Three straight dikes from one corner: a branch ends a piece."""
    middle, length = 1000.0, 500.0
    sets = []
    for degrees in (10, 130, 250):
        turn = np.radians(degrees)
        sets.append(
            np.stack(
                _faces(
                    np.array([middle, middle + length * np.cos(turn)]),
                    np.array([middle, middle + length * np.sin(turn)]),
                )
            )
        )
    joined = np.unique(np.concatenate(sets, axis=1), axis=1)
    found = float(share_of_faces(joined[0], joined[1], joined[2]).sum() * CELL)
    assert found == pytest.approx(3.0 * length, abs=6.0 * CELL)


def test_along_the_grid_a_face_is_a_face() -> None:
    """To the bit, a ring of walls with long sides but for its corners, and no crest at all."""
    axis, i, j = np.zeros(150, np.int64), np.arange(150), np.full(150, 7)
    np.testing.assert_array_equal(share_of_faces(axis, i, j), 1.0)
    assert share_of_faces(axis[:0], i[:0], j[:0]).size == 0
    side = np.arange(40)
    near, far = np.full(40, -1), np.full(40, 39)
    sides = ((0, side, near), (0, side, far), (1, near, side), (1, far, side))
    square = np.concatenate([np.stack([np.full(40, a), *ij]) for a, *ij in sides], axis=1)
    found = share_of_faces(square[0], square[1], square[2])
    assert found.sum() == pytest.approx(160.0, abs=4.5)
    assert found.min() >= 0.95
