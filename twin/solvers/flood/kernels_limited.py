# mypy: ignore-errors
"""Cells that would lose more than they hold: all that leaves one is scaled by the share that it has (numba).

The rows of faces of two tiles side by side are kept in planes, scaled there, and taken from them when the new
state is computed. The rows are those of `kernels_rows`.
"""

from __future__ import annotations

from numba import njit

from twin.solvers.flood.kernels import (
    EAST_TILE,
    PAD,
    SWEEP_COLS,
    TILE_COLS,
    TILE_ROWS,
    WEST_TILE,
    larger,
    like,
)
from twin.solvers.flood.kernels_rows import FM, NB, OUT0, RH, ROW, XM

# Planes of the limited step: faces in x (4) and below (4) the rows -2 … rows + 1 of a tile, velocities of the
# donors (2), push (2), theta.
PLANE = (TILE_ROWS + 4) * NB
FACES_X, FACES_Y, DONOR_U, DONOR_V, PUSH_X, PUSH_Y, THETA = (k * PLANE for k in (0, 4, 8, 9, 10, 11, 12))
SLOW_SCRATCH = 13 * PLANE


@njit(error_model="numpy")
def overdrawn(above, row, s, ratio, full):
    """Whether a cell of a row, and one cell beside it, would lose more than it holds in this step."""
    zero = like(ratio, 0.0)
    most = like(ratio, -1.0)
    for j in range(OUT0 - 1, OUT0 + SWEEP_COLS + 1):
        out = (max(s[XM + j], zero) - min(s[XM + j - 1], zero)) - min(above[FM + j], zero)
        most = larger(most, ratio * (out + max(row[FM + j], zero)) - full * row[RH + j])
    return most > zero


@njit(error_model="numpy")
def keep_faces(rows, slow, base, faces):
    """Four rows of faces into the planes `faces` of the limited step, row at `base`."""
    for p in range(4):
        for j in range(NB):
            slow[faces + p * PLANE + base + j] = rows[p * ROW + j]


@njit(error_model="numpy")
def take_faces(rows, slow, base, faces):
    """The way back of :func:`keep_faces`."""
    for p in range(4):
        for j in range(NB):
            rows[p * ROW + j] = slow[faces + p * PLANE + base + j]


@njit(inline="always")
def limit_face(slow, faces, m, other, velocity):
    """Scale one face (plane index m) between the cells m and `other` by the theta of its donor."""
    mass = slow[faces + m]
    donor = m if mass > like(mass, 0.0) else other
    theta = slow[THETA + donor]
    lost = (theta - like(mass, 1.0)) * mass * slow[velocity + donor]
    slow[faces + m] = theta * mass
    slow[faces + PLANE + m] += lost
    slow[faces + 2 * PLANE + m] += lost
    slow[faces + 3 * PLANE + m] *= theta


@njit(error_model="numpy")
def limit_outflow(slow, depth, r0, rows, c0, asked, ratio, full):
    """Scale all that leaves a cell that would lose more than it holds by theta; the number of such cells in
    the tiles that are asked for.

    The momentum of a face follows its water: it changes by (theta - 1) mass × velocity of the donor. Where
    theta is 1 the faces are those of the plain step, to the bit.
    """
    zero = like(ratio, 0.0)
    limited = 0
    first = OUT0 + (0 if asked & WEST_TILE else TILE_COLS)
    end = OUT0 + (SWEEP_COLS if asked & EAST_TILE else TILE_COLS)
    for k in range(1, rows + 3):
        for j in range(OUT0 - 1, OUT0 + SWEEP_COLS + 1):
            m = k * NB + j
            out = (max(slow[FACES_X + m], zero) - min(slow[FACES_X + m - 1], zero)) + (
                max(slow[FACES_Y + m], zero) - min(slow[FACES_Y + m - NB], zero)
            )
            has = full * like(ratio, depth[r0 - 2 + k, c0 - PAD + j])
            over = ratio * out > has
            slow[THETA + m] = has / (ratio * out) if over else like(ratio, 1.0)
            if over and 2 <= k < rows + 2 and first <= j < end:
                limited += 1
    for k in range(2, rows + 2):
        for j in range(OUT0 - 1, OUT0 + SWEEP_COLS):
            m = k * NB + j
            limit_face(slow, FACES_X, m, m + 1, DONOR_U)
    for k in range(1, rows + 2):
        for j in range(OUT0, OUT0 + SWEEP_COLS):
            m = k * NB + j
            limit_face(slow, FACES_Y, m, m + NB, DONOR_V)
    return limited
