# mypy: ignore-errors
"""Layout and small building blocks shared by the flood kernels (numba; numbers and arrays only).

Layout. Every array on cells is padded by ``PAD`` cells on each side and its columns are completed to whole
tiles of ``TILE_COLS``: shape (ny + 2 PAD, ntx TILE_COLS + 2 PAD). Cell (i, j) of the grid is element (i +
PAD, j + PAD). Faces: ``static[CREST_X, r, c]`` is the crest on the face between (r, c) and (r, c + 1),
``static[CREST_Y, r, c]`` on the face between (r, c) and (r + 1, c); -inf where there is none, +inf where
nothing may ever pass. Inside the kernels y grows with the row (southwards); the solver turns the sign for the
outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

GRAVITY = 9.81  # m/s²
PAD = 4  # ghost cells on each side of the arrays (first order reads 2, second order 3)
TILE_ROWS = 64
TILE_COLS = 128

# state[k]: conserved variables; volumes are depth × cell area, momenta are unit discharges (m²/s)
DEPTH, DISCHARGE_X, DISCHARGE_Y = 0, 1, 2
# static[k]: bed above the datum (m), g n² (SI), crests above the datum (m), 1 where the second-order scheme
# may reconstruct a cell (0 beside a crest), and 2 g × the highest step down to a neighbour (m²/s²)
BED, FRICTION, CREST_X, CREST_Y, SMOOTH, FALL = 0, 1, 2, 3, 4, 5
PLANES = 6

# Laws of friction, d(hv)/dt = …, and what static[FRICTION] holds for them: Manning
# -g n² |v| v / h^(1/3), g n²; Chézy -c |v| v with c = g / C²; linear -k h v, k (1/s)
MANNING, CHEZY, LINEAR = 0, 1, 2
LAWS = {"manning": MANNING, "chezy": CHEZY, "linear": LINEAR}

# The scratch of a step begins with the highest wave speed and depth of each column of the tile.
COLUMN_SPEED, COLUMN_DEPTH, MAXIMA = 0, TILE_COLS, 2 * TILE_COLS

TINY = 1e-300
FULL = 1.0 - 1e-14  # share of its water that a cell may give in a step: the rest absorbs the rounding

# Bits of the seed of x^(-1/3): 4/3 of the exponent bias, less what makes the relative error least.
_SEED = 0x553EF0A3D70A3C00


@intrinsic
def _bits(typingctx: Any, x: Any) -> Any:  # noqa: ARG001
    """The 64 bits of a float as an integer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def _float(typingctx: Any, i: Any) -> Any:  # noqa: ARG001
    """The float that has these 64 bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@njit(inline="always")
def inverse_cube_root(x: float) -> float:
    """x^(-1/3) for normal x > 0 to 4e-16 relative, without pow: seed from the exponent bits, two quartic
    steps.

    The seed divides the bits by three with shifts (1/4 + 1/16 + ...), which vectorises; its relative error is
    below 4 %. With r = 1 - x y³ a step multiplies y by the series of (1 - r)^(-1/3) up to r³ and leaves
    (35/243) r⁴.
    """
    b = _bits(x)
    third = (b >> 2) + (b >> 4)
    third = third + (third >> 4)
    third = third + (third >> 8)
    third = third + (third >> 16)
    y = _float(_SEED - third)
    r = 1.0 - x * (y * y * y)
    y = y * (1.0 + r * (1.0 / 3.0 + r * (2.0 / 9.0 + r * (14.0 / 81.0))))
    r = 1.0 - x * (y * y * y)
    return y * (1.0 + r * (1.0 / 3.0 + r * (2.0 / 9.0 + r * (14.0 / 81.0))))


@njit(cache=True, error_model="numpy")
def inverse_cube_roots(x: np.ndarray, out: np.ndarray) -> None:
    """:func:`inverse_cube_root` of an array (for tests)."""
    for k in range(x.size):
        out[k] = inverse_cube_root(x[k])


@njit(cache=True, error_model="numpy")
def compensated_sum(values: np.ndarray) -> float:
    """Sum of a 1-D array in its order with the compensation of Neumaier (1974), error of one rounding."""
    total = 0.0
    lost = 0.0
    for k in range(values.size):
        x = values[k]
        new = total + x
        if abs(total) >= abs(x):
            lost += (total - new) + x
        else:
            lost += (x - new) + total
        total = new
    return total + lost


@njit(cache=True, error_model="numpy")
def volume(depth: np.ndarray, ny: int, nx: int) -> float:
    """Sum of the depths (m) of the grid cells of a padded array, compensated by rows and over the rows."""
    rows = np.empty(ny)
    for i in range(ny):
        rows[i] = compensated_sum(depth[i + PAD, PAD : PAD + nx])
    return compensated_sum(rows)
