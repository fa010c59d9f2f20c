# mypy: ignore-errors
"""The local inertial scheme along a row: the faces of its cells, what they may give, their new state (numba).

Shallow water without (or, on demand, with) the advection of momentum, on a staggered grid: depths in cells,
unit discharges on faces (Bates, Horritt and Fewtrell 2010, J. Hydrol. 387), with the discharge of a face
centred on its neighbours by a weight theta (de Almeida, Bates, Freer and Souvignet 2012, Water Resour. Res.
48, W05528):

    m  = theta q + (1 - theta)/2 (q before + q after) - g h dt dw/dx
    q' = m - g n² dt |q'| q' / h^(7/3) = 2 m / (1 + sqrt(1 + 4 g n² dt |m| / h^(7/3)))

with h the depth of the water over the face: highest level of its two cells less the highest of bed and
crest. |m| is the size of the vector, the other component averaged from the four faces around. Friction is
implicit in closed form (Xia and Liang 2018): the quotient of the papers, which takes |q|, swings between two
values where friction rules and knows no friction where the water comes from its neighbours. Advection (see
`kernels_advection`) is the conservative upwind form of Stelling and Duinmeijer (2003).

Mass: where a cell would lose more than it holds all that leaves it is scaled alike, so no depth is ever cut.

The rows in flight lie in a ring of PARTS parts of the scratch `s`, whose type is the precision: discharges
are kept and computed in it. Depths are double in either, as are the rises of the level from cell to cell and
the sums of the fluxes: altitude costs no digits, a lake rests, and no precision loses water. Friction,
velocities and maxima are single in either (`f`): Manning n is known to 10 %. Loops run over whole vectors.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from twin.solvers.flood.hazards import SPEED_DEPTH
from twin.solvers.flood.kernels import (
    BED,
    CREST_X,
    CREST_Y,
    DEPTH,
    EAST_TILE,
    PAD,
    SWEEP_COLS,
    TILE_COLS,
    WEST_TILE,
    fused,
    larger,
    like,
    stretch,
    with_halo,
)

EAST, SOUTH = 0, 1  # faces[EAST, r, c], faces[SOUTH, r, c]: unit discharge east and south of cell (r, c)

HALO = 4
NB = SWEEP_COLS + 2 * HALO
OUT0 = HALO
ROW = NB + 8  # with a margin; rows begin on a cache line
START = 16
PARTS = 4  # rows in flight: two above the row under way, that row, the one below it


def _places(first, count):
    return tuple(START + (first + k) * ROW for k in range(count))


# A row in flight: depth, rise of the level to the east and to the south, discharges of the faces east and
# south, share of its outflow that a cell may give
H, RISE_E, RISE_S, E, S, THETA = _places(0, 6)
PART = START + 6 * ROW
# Crests in x and y over the bed of the cell before them; what advection adds to a row of faces
GX, GY, ADDED = (PARTS * PART + k for k in _places(0, 3))
SCRATCH = PARTS * PART + START + 3 * ROW
# Single: velocities on the faces of a row in flight; maxima of the columns, and their cells without a valid
# depth
UE, US = _places(0, 2)
SPEEDS = START + 2 * ROW
MAX_SPEED, MAX_DEPTH, BAD_CELLS = (PARTS * SPEEDS + k for k in _places(0, 3))
SINGLE_SCRATCH = PARTS * SPEEDS + START + 3 * ROW
# Double: levels of the last row loaded; spare rows of the new state
LEVELS, SPARE_H, SPARE_X, SPARE_Y = _places(0, 4)
DOUBLES = START + 4 * ROW

SINGLE = np.float32
HALF, QUARTER, ONE, TWO, ZERO = SINGLE(0.5), SINGLE(0.25), SINGLE(1), SINGLE(2), SINGLE(0)
THIRD, SECOND, REST = SINGLE(1 / 3), SINGLE(2 / 9), SINGLE(14 / 81)
DEEP = SINGLE(SPEED_DEPTH)
# Bits of the seed of x^(-1/3): 4/3 of the exponent bias, less what makes the error after the step least.
_SEED = np.int32(0x54A1FAAA)


@intrinsic
def _bits(typingctx, x):  # noqa: ARG001
    """The 32 bits of a float32 as an integer."""

    def codegen(context, builder, signature, args):  # noqa: ARG001
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), codegen


@intrinsic
def _float(typingctx, i):  # noqa: ARG001
    """The float32 that has these 32 bits."""

    def codegen(context, builder, signature, args):  # noqa: ARG001
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


@njit(inline="always")
def quick_inverse_cube_root(x):
    """x^(-1/3) of a float32 to 1.7e-5: `kernels.inverse_cube_root` with one step instead of two."""
    b = _bits(x)
    third = np.int32(b >> np.int32(2)) + np.int32(b >> np.int32(4))
    third = np.int32(third + (third >> np.int32(4)))
    third = np.int32(third + (third >> np.int32(8)))
    y = _float(np.int32(_SEED - third))
    r = fused(-x, y * y * y, ONE)
    return y * fused(r, fused(r, fused(r, REST, SECOND), THIRD), ONE)


@njit(inline="always")
def part(s, k):
    """The scratch of a row in flight, 0 ≤ k < PARTS."""
    return stretch(s, (k * PART,), PART)


@njit(inline="always")
def speeds(f, k):
    """The velocities of a row in flight."""
    return stretch(f, (k * SPEEDS,), SPEEDS)


@njit(error_model="numpy")
def start_maxima(f):
    """A scratch without maxima."""
    for j in range(ROW):
        f[MAX_SPEED + j] = ZERO
        f[MAX_DEPTH + j] = ZERO
        f[BAD_CELLS + j] = ZERO


@njit(error_model="numpy")
def start_tile(s, c0, nx):
    """A scratch without crests; closed faces between ghosts."""
    none, wall = like(s[0], -np.inf), like(s[0], np.inf)
    for j in range(ROW):
        s[GX + j] = none
        s[GY + j] = none
        s[ADDED + j] = like(s[0], 0.0)
    if c0 == PAD:
        for j in range(OUT0):
            s[GY + j] = wall
        for j in range(OUT0 - 1):
            s[GX + j] = wall
    for j in range(PAD + nx - (c0 - HALO), ROW):
        s[GX + j] = wall
        s[GY + j] = wall


@njit(error_model="numpy")
def load_row(above, row, d, old, static, r, c0, dry):
    """Depths of a row and the rises of its levels, also from the row above; whether some cell is wet (1 or
    0).
    """
    h, z = with_halo(old, DEPTH, r, c0), with_halo(static, BED, r, c0)
    for j in range(NB):
        level = z[j] + h[j]
        above[RISE_S + j] = level - d[LEVELS + j]
        d[LEVELS + j] = level
        row[H + j] = h[j]
    for j in range(NB):
        row[RISE_E + j] = d[LEVELS + j + 1] - d[LEVELS + j]
    deepest = like(dry, 0.0)
    for j in range(NB):
        deepest = larger(deepest, row[H + j])
    return 1 if deepest >= dry else 0


@njit(error_model="numpy")
def load_crests(s, static, r, c0):
    """The crests on the faces of a row."""
    z, crest_x, crest_y = (
        with_halo(static, BED, r, c0),
        with_halo(static, CREST_X, r, c0),
        with_halo(static, CREST_Y, r, c0),
    )
    for j in range(NB):
        s[GX + j] = crest_x[j] - z[j]
        s[GY + j] = crest_y[j] - z[j]


@njit(inline="always")
def push(hl, hr, rise, crest, weighted, g_ratio, dry):
    """Unit discharge of a face before friction, and the depth over it, at least dry.

    rise: level on the right less level on the left (m); crest: over the bed on the left (m); weighted: what
    the old discharges and advection make of it (m²/s).
    """
    zero = like(hl, 0.0)
    step = rise - (hr - hl)  # bed on the right over bed on the left
    sill = max(max(step, zero), crest)
    depth = max(hl - sill, hr + (step - sill))
    safe = max(depth, dry)
    q = fused(-(g_ratio * safe), rise, weighted)
    donor = hl if q > zero else hr
    return q if min(donor, depth) >= dry else zero, safe


@njit(inline="always")
def rub(q, depth, across, friction, length):
    """Share of a unit discharge that friction leaves, and 1 / depth; all single. friction: sum of two g n²;
    length: 2 dt.
    """
    root = quick_inverse_cube_root(depth)
    inverse = root * root * root
    drag = length * friction * math.sqrt(q * q + across * across)
    return TWO / (ONE + math.sqrt(fused(drag, inverse * inverse * root, ONE))), inverse


@njit(error_model="numpy")
def faces_within(row, u, s, faces, friction, r, c0, g_ratio, dt, dry, theta):
    """The faces in x of a row, each between the cells j and j + 1, and their velocities u."""
    first = c0 - HALO + 1
    q, before, after = (
        with_halo(faces, EAST, r, c0 + 1), with_halo(faces, EAST, r, c0), with_halo(faces, EAST, r, c0 + 2)
    )  # fmt: skip
    north, north_east = with_halo(faces, SOUTH, r - 1, c0 + 1), with_halo(faces, SOUTH, r - 1, c0 + 2)
    south, south_east = with_halo(faces, SOUTH, r, c0 + 1), with_halo(faces, SOUTH, r, c0 + 2)
    own, next_one = stretch(friction, (r, first), NB), stretch(friction, (r, first + 1), NB)
    centre, side = theta, like(theta, 0.5) * (like(theta, 1.0) - theta)
    length = TWO * SINGLE(dt)
    for j in range(NB):
        weighted = fused(centre, q[j], side * (before[j] + after[j])) + s[ADDED + 1 + j]
        m, depth = push(
            row[H + 1 + j], row[H + 2 + j], row[RISE_E + 1 + j], s[GX + 1 + j], weighted, g_ratio, dry
        )
        across = QUARTER * SINGLE((north[j] + north_east[j]) + (south[j] + south_east[j]))
        share, inverse = rub(SINGLE(m), SINGLE(depth), across, own[j] + next_one[j], length)
        row[E + 1 + j] = m * share
        u[UE + 1 + j] = (SINGLE(m) * share) * inverse


@njit(error_model="numpy")
def faces_below(row, below, u, s, faces, friction, r, c0, g_ratio, dt, dry, theta):
    """The faces between a row and the one below it, and their velocities u."""
    first = c0 - HALO + 1
    q, before, after = (
        with_halo(faces, SOUTH, r, c0 + 1),
        with_halo(faces, SOUTH, r - 1, c0 + 1),
        with_halo(faces, SOUTH, r + 1, c0 + 1),
    )
    west, east = with_halo(faces, EAST, r, c0), with_halo(faces, EAST, r, c0 + 1)
    south_west, south_east = with_halo(faces, EAST, r + 1, c0), with_halo(faces, EAST, r + 1, c0 + 1)
    own, next_one = stretch(friction, (r, first), NB), stretch(friction, (r + 1, first), NB)
    centre, side = theta, like(theta, 0.5) * (like(theta, 1.0) - theta)
    length = TWO * SINGLE(dt)
    for j in range(NB):
        weighted = fused(centre, q[j], side * (before[j] + after[j])) + s[ADDED + 1 + j]
        m, depth = push(
            row[H + 1 + j], below[H + 1 + j], row[RISE_S + 1 + j], s[GY + 1 + j], weighted, g_ratio, dry
        )
        across = QUARTER * SINGLE((west[j] + south_west[j]) + (east[j] + south_east[j]))
        share, inverse = rub(SINGLE(m), SINGLE(depth), across, own[j] + next_one[j], length)
        row[S + 1 + j] = m * share
        u[US + 1 + j] = (SINGLE(m) * share) * inverse


@njit(error_model="numpy")
def no_faces_within(row, u):
    """A row whose faces in x pass nothing."""
    for j in range(ROW):
        row[E + j] = like(row[0], 0.0)
        u[UE + j] = ZERO


@njit(error_model="numpy")
def no_faces_below(row, u):
    """A row whose faces to the south pass nothing."""
    for j in range(ROW):
        row[S + j] = like(row[0], 0.0)
        u[US + j] = ZERO


@njit(inline="always")
def _outflow(above, row, j):
    zero = like(row[0], 0.0)
    return (max(row[E + j], zero) - min(row[E + j - 1], zero)) + (
        max(row[S + j], zero) - min(above[S + j], zero)
    )


@njit(error_model="numpy")
def overdrawn(above, row, ratio, full):
    """Whether a cell of a row, and one cell beside it, would lose more than it holds in this step."""
    zero = like(ratio, 0.0)
    most = like(ratio, -1.0)
    for j in range(OUT0, OUT0 + SWEEP_COLS):
        most = larger(most, ratio * _outflow(above, row, j) - full * row[H + j])
    for j in (OUT0 - 1, OUT0 + SWEEP_COLS):
        most = larger(most, ratio * _outflow(above, row, j) - full * row[H + j])
    return most > zero


@njit(error_model="numpy")
def find_theta(above, row, ratio, full):
    """Share of its outflow that each cell of a row may give."""
    one = like(ratio, 1.0)
    for j in range(OUT0 - 1, OUT0 + SWEEP_COLS + 1):
        out = ratio * _outflow(above, row, j)
        has = full * row[H + j]
        over = out > has
        row[THETA + j] = has / (out if over else one) if over else one


@njit(error_model="numpy")
def give_all(row):
    """A row whose outflow nothing limits."""
    for j in range(ROW):
        row[THETA + j] = like(row[0], 1.0)


@njit(error_model="numpy")
def limit_within(row, u):
    """Scale the faces in x of a row by the theta of the cell that gives."""
    for j in range(OUT0 - 1, OUT0 + SWEEP_COLS):
        share = row[THETA + j] if row[E + j] > like(row[0], 0.0) else row[THETA + j + 1]
        row[E + j] *= share
        u[UE + j] *= SINGLE(share)


@njit(error_model="numpy")
def limit_below(above, row, u):
    """Scale the faces below the row `above` by the theta of the cell that gives."""
    for j in range(OUT0, OUT0 + SWEEP_COLS):
        share = above[THETA + j] if above[S + j] > like(row[0], 0.0) else row[THETA + j]
        above[S + j] *= share
        u[US + j] *= SINGLE(share)


@njit(error_model="numpy")
def limited_cells(row, asked):
    """Cells of a row of the tiles that are asked for that may not give all."""
    count = 0
    first = OUT0 + (0 if asked & WEST_TILE else TILE_COLS)
    for j in range(first, OUT0 + (SWEEP_COLS if asked & EAST_TILE else TILE_COLS)):
        count += 1 if row[THETA + j] < like(row[0], 1.0) else 0
    return count


@njit(error_model="numpy")
def update_depths(above, row, h, h_new, depths, ratio):
    """New depths of a row (ratio: dt/dx in double), in single precision in `depths` too."""
    for j in range(SWEEP_COLS):
        k = OUT0 + j
        through_x = np.float64(row[E + k]) - np.float64(row[E + k - 1])
        through_y = np.float64(row[S + k]) - np.float64(above[S + k])
        depth = h[j] - ratio * (through_x + through_y)
        h_new[j] = depth
        depths[j] = depth


@njit(error_model="numpy")
def update_speeds(u_above, u, f, depths, squares, dry):
    """v² (0 where shallow) of a row, its highest speeds and depths, and its cells without a valid depth. The
    velocity of a cell is the mean of those of its faces.
    """
    for j in range(SWEEP_COLS):
        k = OUT0 + j
        depth = depths[j]
        vx = HALF * (u[UE + k - 1] + u[UE + k])
        vy = HALF * (u_above[US + k] + u[US + k])
        squares[j] = vx * vx + vy * vy if depth > DEEP else ZERO
        f[MAX_SPEED + j] = max(f[MAX_SPEED + j], max(abs(vx), abs(vy)) if depth >= dry else ZERO)
        f[MAX_DEPTH + j] = max(f[MAX_DEPTH + j], depth)
        f[BAD_CELLS + j] += ZERO if depth >= ZERO else ONE


@njit(error_model="numpy")
def keep_discharges(u_above, u, depths, qx, qy, dry):
    """Unit discharges of the cells of a row: depth times velocity."""
    for j in range(SWEEP_COLS):
        k = OUT0 + j
        depth = HALF * depths[j] if depths[j] >= dry else ZERO
        qx[j] = depth * (u[UE + k - 1] + u[UE + k])
        qy[j] = depth * (u_above[US + k] + u[US + k])
