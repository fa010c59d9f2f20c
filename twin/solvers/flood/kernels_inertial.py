# mypy: ignore-errors
"""One step of the local inertial scheme on one tile (numba).

Shallow water without (or, on demand, with) the advection of momentum, on a staggered grid: depths in cells,
unit discharges on faces (Bates, Horritt and Fewtrell 2010, J. Hydrol. 387), with the discharge of a face
centred on its neighbours by a weight theta (de Almeida, Bates, Freer and Souvignet 2012, Water Resour. Res.
48, W05528):

    m  = theta q + (1 - theta)/2 (q before + q after) - g h dt dw/dx
    q' = m - g n² dt |q'| q' / h^(7/3) = 2 m / (1 + sqrt(1 + 4 g n² dt |m| / h^(7/3)))

with h the depth of the water over the face: highest level of its two cells less the highest of bed and
crest. |m| is the size of the vector, the other component averaged from the four faces around. Friction is
implicit in closed form (Xia and Liang 2018): the quotient of the papers, which takes |q|, swings between two
values where friction rules and knows no friction where the water comes from its neighbours. Advection is the
conservative upwind form of Stelling and Duinmeijer (2003), Int. J. Numer. Meth. Fluids 43, as in the full
equations of SFINCS (Leijnse et al. 2021, Coastal Eng. 163).

Mass: where a cell would lose more than it holds all that leaves it is scaled alike, so no depth is ever cut.

state[FLUX_EAST, r, c] and state[FLUX_SOUTH, r, c] are the unit discharges through the faces east and south of
cell (r, c); the cell discharges of `kernels` are derived (depth times the mean velocity of its two faces) for
records, outputs and sources. Bed differences come before depth differences, so altitude costs no digits.

The kernels take their type from the arrays: float64 or float32 state give the two versions of one source.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import get_thread_id, njit, prange, types
from numba.extending import intrinsic

from twin.solvers.flood.kernels import (
    BED,
    COLUMN_DEPTH,
    COLUMN_SPEED,
    CREST_X,
    CREST_Y,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FRICTION,
    FULL,
    GRAVITY,
    MAXIMA,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    prefetch,
)
from twin.solvers.flood.kernels_edges import LEVEL, WALL, edge_place, export_faces
from twin.solvers.flood.kernels_step import finish_tile

FLUX_EAST, FLUX_SOUTH = 3, 4
PLANES = 5  # of the state

HALO = 4
LINE = 8  # numbers in a cache line
NB = TILE_COLS + 2 * HALO
OUT0 = HALO
ABOVE = 3  # rows kept above a tile
# Planes of the scratch, after the column maxima; row k of a plane is row r0 - ABOVE + k of the arrays.
PLANE = (TILE_ROWS + 2 * ABOVE) * NB
FLUX_E, FLUX_S, SPEED_E, SPEED_S, THETA = (MAXIMA + k * PLANE for k in range(5))
SCRATCH = MAXIMA + 5 * PLANE
# Planes of the second scratch, with advection: velocities on faces before the step, then what advection adds
# to a row of faces.
OLD_E, OLD_S, ADVECTED = 0, PLANE, 2 * PLANE
SLOW_SCRATCH = 2 * PLANE + NB

# Rows of the single-precision scratch: depth over a face, square of its discharge, 2 dt (sum of two g n²);
# share that friction leaves, 1/depth.
OVER, SQUARE, DRAG, SHARE, INVERSE = (k * NB for k in range(5))
SINGLE_SCRATCH = 5 * NB

# Friction and velocities are computed in single precision whatever the state: Manning n is known to 10 %.
ONE, TWO = np.float32(1), np.float32(2)
THIRD, SECOND, REST = np.float32(1 / 3), np.float32(2 / 9), np.float32(14 / 81)
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
    r = ONE - x * (y * y * y)
    return y * (ONE + r * (THIRD + r * (SECOND + r * REST)))


@njit(inline="always")
def face_depth(hl, zl, hr, zr, crest):
    """Depth over a face (m; negative where nothing reaches it), and the level after minus the one before."""
    rise = (zr - zl) + (hr - hl)
    sill = max(max(zl, zr), crest)
    right = rise > 0
    depth = (hr if right else hl) - (sill - (zr if right else zl))
    return depth, rise


@njit(inline="always")
def push_within(flux, single, h, z, friction, crest, qe, above, qs, added, ratio, dt, dry, theta):
    """Unit discharges of the faces in x of a row (face j between cells j and j + 1) before friction.

    h, z, friction, crest: depth, bed, g n² and crest of the row; qe, qs, above: old discharges of its faces
    east, south, and of those south of the row above; added: what advection adds (m²/s); single: what
    :func:`rub` reads.
    """
    kind = flux.dtype.type
    g, least, centre, side = kind(GRAVITY * ratio), kind(dry), kind(theta), kind(0.5 * (1.0 - theta))
    step, zero, quarter = kind(2.0 * dt), kind(0), kind(0.25)
    for j in range(1, NB - 1):
        depth, rise = face_depth(h[j], z[j], h[j + 1], z[j + 1], crest[j])
        safe = max(depth, least)
        across = np.float32(quarter * ((above[j] + above[j + 1]) + (qs[j] + qs[j + 1])))
        q = centre * qe[j] + side * (qe[j - 1] + qe[j + 1]) + added[j] - g * safe * rise
        leaves = max(q, zero) if h[j] >= least else zero
        enters = min(q, zero) if h[j + 1] >= least else zero
        q = leaves + enters if depth >= least else zero
        flux[j] = q
        single[OVER + j] = np.float32(safe)
        single[SQUARE + j] = np.float32(q) * np.float32(q) + across * across
        single[DRAG + j] = np.float32(step * (friction[j] + friction[j + 1]))


@njit(inline="always")
def push_below(
    flux, single, h, z, friction, h2, z2, friction2, crest, qs, before, after, qe, qe2, added, ratio, dt, dry,
    theta,
):  # fmt: skip
    """:func:`push_within` for the faces between a row and the one south of it (h2, z2, friction2, qe2).

    qs, before, after: old discharges of these faces and of those one row north and south.
    """
    kind = flux.dtype.type
    g, least, centre, side = kind(GRAVITY * ratio), kind(dry), kind(theta), kind(0.5 * (1.0 - theta))
    step, zero, quarter = kind(2.0 * dt), kind(0), kind(0.25)
    for j in range(1, NB - 1):
        depth, rise = face_depth(h[j], z[j], h2[j], z2[j], crest[j])
        safe = max(depth, least)
        across = np.float32(quarter * ((qe[j - 1] + qe2[j - 1]) + (qe[j] + qe2[j])))
        q = centre * qs[j] + side * (before[j] + after[j]) + added[j] - g * safe * rise
        leaves = max(q, zero) if h[j] >= least else zero
        enters = min(q, zero) if h2[j] >= least else zero
        q = leaves + enters if depth >= least else zero
        flux[j] = q
        single[OVER + j] = np.float32(safe)
        single[SQUARE + j] = np.float32(q) * np.float32(q) + across * across
        single[DRAG + j] = np.float32(step * (friction[j] + friction2[j]))


@njit(inline="always")
def rub(flux, speed, single):
    """Friction on a row of faces, and their velocities.

    Apart from the loops above because one long chain of operations would leave the processor waiting.
    """
    for j in range(NB):
        root = quick_inverse_cube_root(single[OVER + j])
        inverse = root * root * root
        drag = single[DRAG + j] * math.sqrt(single[SQUARE + j]) * (inverse * inverse * root)
        single[SHARE + j] = TWO / (ONE + math.sqrt(ONE + drag))
        single[INVERSE + j] = inverse
    for j in range(NB):
        q = flux[j] * single[SHARE + j]
        flux[j] = q
        speed[j] = q * single[INVERSE + j]


@njit(cache=True, error_model="numpy")
def velocities_within(speed, h, z, crest, q, dry):
    """Velocities (m/s) of the faces in x of a row before the step."""
    kind = speed.dtype.type
    zero, least, one = kind(0), kind(dry), kind(1)
    for j in range(NB - 1):
        depth, _ = face_depth(h[j], z[j], h[j + 1], z[j + 1], crest[j])
        speed[j] = q[j] * (one / max(depth, least)) if depth >= least else zero


@njit(cache=True, error_model="numpy")
def velocities_below(speed, h, z, h2, z2, crest, q, dry):
    """Velocities (m/s) of the faces below a row before the step."""
    kind = speed.dtype.type
    zero, least, one = kind(0), kind(dry), kind(1)
    for j in range(NB):
        depth, _ = face_depth(h[j], z[j], h2[j], z2[j], crest[j])
        speed[j] = q[j] * (one / max(depth, least)) if depth >= least else zero


@njit(inline="always")
def carried(q, before, after):
    """Momentum that a discharge carries, with the velocity of where it comes from."""
    return q * (before if q > 0 else after)


@njit(cache=True, error_model="numpy")
def advect_within(added, qe, u, u_above, u_below, qs_above, qs, ratio):
    """What advection adds to the discharges of the faces in x of a row; u: velocities of these faces."""
    kind = added.dtype.type
    scale = kind(-0.5 * ratio)
    for j in range(1, NB - 1):
        east = carried(qe[j] + qe[j + 1], u[j], u[j + 1])
        west = carried(qe[j - 1] + qe[j], u[j - 1], u[j])
        south = carried(qs[j] + qs[j + 1], u[j], u_below[j])
        north = carried(qs_above[j] + qs_above[j + 1], u_above[j], u[j])
        added[j] = scale * ((east - west) + (south - north))


@njit(cache=True, error_model="numpy")
def advect_below(added, qs, qs_above, qs_below, v, v_above, v_below, qe, qe_below, ratio):
    """What advection adds to the discharges of the faces below a row; v: velocities of these faces."""
    kind = added.dtype.type
    scale = kind(-0.5 * ratio)
    for j in range(1, NB - 1):
        south = carried(qs[j] + qs_below[j], v[j], v_below[j])
        north = carried(qs_above[j] + qs[j], v_above[j], v[j])
        east = carried(qe[j] + qe_below[j], v[j], v[j + 1])
        west = carried(qe[j - 1] + qe_below[j - 1], v[j - 1], v[j])
        added[j] = scale * ((south - north) + (east - west))


@njit(cache=True, error_model="numpy")
def wet_cells(state, row, c0, dry):
    """Cells of a row of the padded arrays, around a tile, with water."""
    h = state[DEPTH, row, c0 - HALO : c0 - HALO + NB]
    count = 0
    least = h.dtype.type(dry)
    for j in range(NB):
        count += 1 if h[j] >= least else 0
    return count


@njit(inline="always")
def overdrawn(h, east, north, south, ratio):
    """Number of cells of a row that would lose more than they hold; east, north, south: fluxes of its
    faces.
    """
    kind = h.dtype.type
    scale, full, zero = kind(ratio), kind(FULL), kind(0)
    count = 0
    for j in range(2, NB - 1):
        out = (max(east[j], zero) - min(east[j - 1], zero)) + (max(south[j], zero) - min(north[j], zero))
        count += 1 if scale * out > full * h[j] else 0
    return count


@njit(cache=True, error_model="numpy")
def find_theta(theta, h, east, north, south, ratio):
    """Share of its outflow that each cell of a row may give."""
    kind = h.dtype.type
    scale, full, zero, one = kind(ratio), kind(FULL), kind(0), kind(1)
    for j in range(2, NB - 1):
        out = (max(east[j], zero) - min(east[j - 1], zero)) + (max(south[j], zero) - min(north[j], zero))
        over = scale * out > full * h[j]
        theta[j] = (full * h[j]) / (scale * out if over else one) if over else one


@njit(cache=True, error_model="numpy")
def limit_within(flux, speed, theta):
    """Scale the faces in x of a row by the theta of the cell that gives."""
    for j in range(2, NB - 2):
        share = theta[j] if flux[j] > 0 else theta[j + 1]
        flux[j] *= share
        speed[j] *= share


@njit(cache=True, error_model="numpy")
def limit_below(flux, speed, theta, theta2):
    """Scale the faces below a row by the theta of the cell that gives."""
    for j in range(2, NB - 2):
        share = theta[j] if flux[j] > 0 else theta2[j]
        flux[j] *= share
        speed[j] *= share


@njit(inline="always")
def update_row(
    s, h, h_new, qx, qy, qe, qs, east, south, north, u_east, u_south, u_north, ratio, dry
):  # fmt: skip
    """New state of a row of a tile, TILE_COLS cells, and the highest speed and depth of its columns.

    east, u_east begin one face before the first cell.
    """
    kind = h.dtype.type
    scale, least, zero, half = kind(ratio), kind(dry), kind(0), kind(0.5)
    for j in range(TILE_COLS):
        depth = h[j] - scale * ((east[j + 1] - east[j]) + (south[j] - north[j]))
        wet = depth >= least
        u = half * (u_east[j] + u_east[j + 1]) if wet else zero
        v = half * (u_north[j] + u_south[j]) if wet else zero
        h_new[j] = depth
        qe[j] = east[j + 1]
        qs[j] = south[j]
        qx[j] = depth * u
        qy[j] = depth * v
        s[COLUMN_SPEED + j] = max(s[COLUMN_SPEED + j], max(abs(u), abs(v)))
        s[COLUMN_DEPTH + j] = max(s[COLUMN_DEPTH + j], depth)


@njit(cache=True, error_model="numpy")
def fill(values, x):
    """Set a row."""
    for j in range(values.size):
        values[j] = x


@njit(inline="always")
def kept_row(s, plane, row, r0):
    """A row (number in the padded arrays) of a plane of the scratch."""
    start = plane + (row - (r0 - ABOVE)) * NB
    return s[start : start + NB]


@njit(cache=True, error_model="numpy")
def old_velocities(old, static, slow, r0, rows, c0, dry):
    """Velocities on the faces around a tile before the step, for advection."""
    low, high = c0 - HALO, c0 - HALO + NB
    for row in range(r0 - ABOVE, r0 + rows + 2):
        h, z = old[DEPTH, row, low:high], static[BED, row, low:high]
        velocities_within(
            kept_row(slow, OLD_E, row, r0), h, z, static[CREST_X, row, low:high],
            old[FLUX_EAST, row, low:high], dry,
        )  # fmt: skip
        velocities_below(
            kept_row(slow, OLD_S, row, r0), h, z, old[DEPTH, row + 1, low:high],
            static[BED, row + 1, low:high], static[CREST_Y, row, low:high],
            old[FLUX_SOUTH, row, low:high], dry,
        )  # fmt: skip


@njit(cache=True, error_model="numpy")
def row_below(old, static, s, slow, single, row, r0, c0, ratio, dt, dry, theta):
    """:func:`push_below` and :func:`rub` on a row of the padded arrays.

    Views are made here and not handed from function to function, which would count references at every call.
    """
    low, high = c0 - HALO, c0 - HALO + NB
    flux = kept_row(s, FLUX_S, row, r0)
    push_below(
        flux, single, old[DEPTH, row, low:high], static[BED, row, low:high], static[FRICTION, row, low:high],
        old[DEPTH, row + 1, low:high], static[BED, row + 1, low:high], static[FRICTION, row + 1, low:high],
        static[CREST_Y, row, low:high], old[FLUX_SOUTH, row, low:high], old[FLUX_SOUTH, row - 1, low:high],
        old[FLUX_SOUTH, row + 1, low:high], old[FLUX_EAST, row, low:high], old[FLUX_EAST, row + 1, low:high],
        slow[ADVECTED : ADVECTED + NB], ratio, dt, dry, theta,
    )  # fmt: skip
    rub(flux, kept_row(s, SPEED_S, row, r0), single)


@njit(cache=True, error_model="numpy")
def row_within(old, static, s, slow, single, row, r0, c0, ratio, dt, dry, theta):
    """:func:`push_within` and :func:`rub` on a row of the padded arrays."""
    low, high = c0 - HALO, c0 - HALO + NB
    flux = kept_row(s, FLUX_E, row, r0)
    push_within(
        flux, single, old[DEPTH, row, low:high], static[BED, row, low:high], static[FRICTION, row, low:high],
        static[CREST_X, row, low:high], old[FLUX_EAST, row, low:high], old[FLUX_SOUTH, row - 1, low:high],
        old[FLUX_SOUTH, row, low:high], slow[ADVECTED : ADVECTED + NB], ratio, dt, dry, theta,
    )  # fmt: skip
    rub(flux, kept_row(s, SPEED_E, row, r0), single)


@njit(cache=True, error_model="numpy")
def row_advected(old, slow, row, r0, c0, ratio, within):
    """What advection adds to the faces below a row, or to those within it."""
    low, high = c0 - HALO, c0 - HALO + NB
    added = slow[ADVECTED : ADVECTED + NB]
    qe, qs = old[FLUX_EAST, row, low:high], old[FLUX_SOUTH, row, low:high]
    above = old[FLUX_SOUTH, row - 1, low:high]
    if within:
        advect_within(
            added, qe, kept_row(slow, OLD_E, row, r0), kept_row(slow, OLD_E, row - 1, r0),
            kept_row(slow, OLD_E, row + 1, r0), above, qs, ratio,
        )  # fmt: skip
    else:
        advect_below(
            added, qs, above, old[FLUX_SOUTH, row + 1, low:high], kept_row(slow, OLD_S, row, r0),
            kept_row(slow, OLD_S, row - 1, r0), kept_row(slow, OLD_S, row + 1, r0), qe,
            old[FLUX_EAST, row + 1, low:high], ratio,
        )  # fmt: skip


@njit(cache=True, error_model="numpy")
def no_faces(s, plane, speed, row, r0):
    """A row of faces through which nothing passes."""
    flux, velocity = kept_row(s, plane, row, r0), kept_row(s, speed, row, r0)
    for j in range(NB):
        flux[j] = 0.0
        velocity[j] = 0.0


@njit(cache=True, error_model="numpy")
def row_overdrawn(old, s, row, r0, c0, ratio):
    """:func:`overdrawn` on a row of the padded arrays."""
    low, high = c0 - HALO, c0 - HALO + NB
    return overdrawn(
        old[DEPTH, row, low:high], kept_row(s, FLUX_E, row, r0), kept_row(s, FLUX_S, row - 1, r0),
        kept_row(s, FLUX_S, row, r0), ratio,
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def row_updated(old, new, s, row, r0, c0, ratio, dry):
    """:func:`update_row` on a row of the padded arrays."""
    end = c0 + TILE_COLS
    first, last = OUT0, OUT0 + TILE_COLS
    update_row(
        s, old[DEPTH, row, c0:end], new[DEPTH, row, c0:end], new[DISCHARGE_X, row, c0:end],
        new[DISCHARGE_Y, row, c0:end], new[FLUX_EAST, row, c0:end], new[FLUX_SOUTH, row, c0:end],
        kept_row(s, FLUX_E, row, r0)[first - 1 : last], kept_row(s, FLUX_S, row, r0)[first:last],
        kept_row(s, FLUX_S, row - 1, r0)[first:last], kept_row(s, SPEED_E, row, r0)[first - 1 : last],
        kept_row(s, SPEED_S, row, r0)[first:last], kept_row(s, SPEED_S, row - 1, r0)[first:last], ratio, dry,
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def limit_row(old, s, row, r0, c0, nx, ratio, over, over_above):
    """Scale the faces of a row, and those above it, where a cell would lose more than it holds."""
    one = s.dtype.type(1)
    low, high = c0 - HALO, c0 - HALO + NB
    east, shares = kept_row(s, FLUX_E, row, r0), kept_row(s, THETA, row, r0)
    south, north = kept_row(s, FLUX_S, row, r0), kept_row(s, FLUX_S, row - 1, r0)
    if over > 0:
        find_theta(shares, old[DEPTH, row, low:high], east, north, south, ratio)
        # What comes in from outside is not limited by the ghosts.
        if c0 == PAD:
            shares[OUT0 - 1] = one
        if PAD + nx < c0 + TILE_COLS + 2:
            shares[OUT0 + PAD + nx - c0] = one
        limit_within(east, kept_row(s, SPEED_E, row, r0), shares)
    else:
        fill(shares, 1)
    if over + over_above > 0 and row >= r0:
        before = kept_row(s, THETA, row - 1, r0)
        limit_below(north, kept_row(s, SPEED_S, row - 1, r0), before, shares)
    limited = 0
    for j in range(OUT0, OUT0 + TILE_COLS):
        limited += 1 if shares[j] < one else 0
    return limited


@njit(cache=True, error_model="numpy")
def ask_for_row(old, new, static, r, c0):
    """`kernels_rows.ask_for_row` for this scheme: what the row r is computed from, and where the row r - 3 is
    written to.
    """
    low, high = c0 - HALO, c0 - HALO + NB
    h, z, friction = old[DEPTH, r, low:high], static[BED, r, low:high], static[FRICTION, r, low:high]
    qe, qs = old[FLUX_EAST, r, low:high], old[FLUX_SOUTH, r, low:high]
    crest_x, crest_y = static[CREST_X, r, low:high], static[CREST_Y, r, low:high]
    for j in range(0, NB, LINE):
        prefetch(h, j, 0)
        prefetch(z, j, 0)
        prefetch(friction, j, 0)
        prefetch(qe, j, 0)
        prefetch(qs, j, 0)
        prefetch(crest_x, j, 0)
        prefetch(crest_y, j, 0)
    low, high = c0, c0 + TILE_COLS
    h, qe, qs = new[DEPTH, r - 3, low:high], new[FLUX_EAST, r - 3, low:high], new[FLUX_SOUTH, r - 3, low:high]
    qx, qy = new[DISCHARGE_X, r - 3, low:high], new[DISCHARGE_Y, r - 3, low:high]
    for j in range(0, TILE_COLS, LINE):
        prefetch(h, j, 1)
        prefetch(qe, j, 1)
        prefetch(qs, j, 1)
        prefetch(qx, j, 1)
        prefetch(qy, j, 1)


@njit(cache=True, error_model="numpy")
def set_edges(old, edge, s, row, r0, c0, ny, nx, dry):
    """Faces on the edge of the grid: what the boundary says (edge: see :func:`edge_faces`)."""
    at_row = (row - (r0 - ABOVE)) * NB + OUT0
    # The cells beside a tile see the edge as its own do.
    first, last = max(c0 - 2, PAD), min(c0 + TILE_COLS + 2, PAD + nx)
    if PAD <= row < PAD + ny:
        i = row - PAD
        if c0 == PAD:
            over = max(old[DEPTH, row, PAD], old[DEPTH, row, PAD - 1], dry)
            s[FLUX_E + at_row - 1] = -edge[i]
            s[SPEED_E + at_row - 1] = -edge[i] / over
        if PAD + nx < c0 + TILE_COLS + 2:
            over = max(old[DEPTH, row, PAD + nx - 1], old[DEPTH, row, PAD + nx], dry)
            at = at_row + PAD + nx - 1 - c0
            s[FLUX_E + at] = edge[ny + i]
            s[SPEED_E + at] = edge[ny + i] / over
    if row == PAD - 1:
        for c in range(first, last):
            over = max(old[DEPTH, PAD, c], old[DEPTH, PAD - 1, c], dry)
            q = -edge[2 * ny + c - PAD]
            s[FLUX_S + at_row + c - c0] = q
            s[SPEED_S + at_row + c - c0] = q / over
    if row == PAD + ny - 1:
        for c in range(first, last):
            over = max(old[DEPTH, PAD + ny - 1, c], old[DEPTH, PAD + ny, c], dry)
            q = edge[2 * ny + nx + c - PAD]
            s[FLUX_S + at_row + c - c0] = q
            s[SPEED_S + at_row + c - c0] = q / over


@njit(cache=True, error_model="numpy")
def step_tile(
    old, new, static, s, slow, single, edge, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry, theta,
    advection,
):  # fmt: skip
    """Advance one tile by dt; the number of its cells whose outflow was limited.

    A row is done when the shares of the row below are known: what crosses a face depends on what the cell
    that gives still has, and that cell may be one row on.
    """
    for j in range(MAXIMA):
        s[j] = 0
    if advection:
        old_velocities(old, static, slow, r0, rows, c0, dry)
    limited = 0
    over_above = 0
    wet = wet_cells(old, r0 - 2, c0, dry)
    for row in range(r0 - 2, r0 + rows + 1):
        ask_for_row(old, new, static, row + 2, c0)
        wet_below = wet_cells(old, row + 1, c0, dry)
        if wet + wet_below > 0:
            if advection:
                row_advected(old, slow, row, r0, c0, ratio, False)
            row_below(old, static, s, slow, single, row, r0, c0, ratio, dt, dry, theta)
        else:
            no_faces(s, FLUX_S, SPEED_S, row, r0)
        if wet > 0 and row > r0 - 2:
            if advection:
                row_advected(old, slow, row, r0, c0, ratio, True)
            row_within(old, static, s, slow, single, row, r0, c0, ratio, dt, dry, theta)
        else:
            no_faces(s, FLUX_E, SPEED_E, row, r0)
        set_edges(old, edge, s, row, r0, c0, ny, nx, dry)
        wet = wet_below
        if row == r0 - 2:
            continue
        over = row_overdrawn(old, s, row, r0, c0, ratio) if PAD <= row < PAD + ny else 0
        # The shares are read from the row below as well: known wherever one of the two is limited.
        found = limit_row(old, s, row, r0, c0, nx, ratio, over, over_above)
        limited += found if r0 <= row < r0 + rows else 0
        over_above = over
        if row > r0:
            close_row(old, new, s, edge_flux, watched, row - 1, r0, c0, ny, nx, ratio, dry)
    # The fastest wave of a column is at most that of its deepest cell, on its fastest flow.
    for j in range(TILE_COLS):
        flow = s[COLUMN_SPEED + j]
        wave = math.sqrt(GRAVITY * s[COLUMN_DEPTH + j])
        s[COLUMN_SPEED + j] = wave + flow if advection else max(wave, flow)
    return limited


@njit(cache=True, error_model="numpy")
def close_row(old, new, s, edge_flux, watched, row, r0, c0, ny, nx, ratio, dry):
    """The new state of a row of a tile, and what crosses the edges of the grid and the watched faces."""
    row_updated(old, new, s, row, r0, c0, ratio, dry)
    base = (row - (r0 - ABOVE)) * NB + OUT0
    above = base - NB
    columns = min(TILE_COLS, PAD + nx - c0)
    if c0 == PAD:
        new[FLUX_EAST, row, PAD - 1] = s[FLUX_E + base - 1]
        edge_flux[row - PAD] = -s[FLUX_E + base - 1]
    if c0 + columns == PAD + nx:
        edge_flux[ny + row - PAD] = s[FLUX_E + base + columns - 1]
    if row == PAD:
        for j in range(columns):
            new[FLUX_SOUTH, PAD - 1, c0 + j] = s[FLUX_S + above + j]
            edge_flux[2 * ny + c0 - PAD + j] = -s[FLUX_S + above + j]
    if row == PAD + ny - 1:
        for j in range(columns):
            edge_flux[2 * ny + nx + c0 - PAD + j] = s[FLUX_S + base + j]
    export_faces(s, FLUX_E + base, FLUX_S + base, edge_flux, watched, row, c0, ny, nx)


@njit(cache=True, error_model="numpy")
def edge_faces(state, static, kind, closed, edge, ny, nx, ratio, dt, dry):
    """Unit discharge out of the grid through each edge cell (m²/s), after `fill_ghosts`.

    Before a level beyond the edge the equation of the faces, with the ghost one cell away; elsewhere what the
    ghost carries outwards.
    """
    for e in range(kind.size):
        r, c, dr, dc = edge_place(e, ny, nx)
        edge[e] = 0.0
        if kind[e] == WALL or closed[e] != 0:
            continue
        h = state[DEPTH, r, c]
        beyond = state[DEPTH, r + dr, c + dc]
        if kind[e] == LEVEL:
            rise = beyond - h
            depth = max(h, beyond)
            if depth < dry:
                continue
            if dc != 0:
                q = state[FLUX_EAST, r, c + min(dc, 0)] * dc
            else:
                q = state[FLUX_SOUTH, r + min(dr, 0), c] * dr
            drag = 1.0 + dt * static[FRICTION, r, c] * abs(q) / depth ** (7.0 / 3.0)
            q = (q - GRAVITY * ratio * depth * rise) / drag
            edge[e] = (max(q, 0.0) if h >= dry else 0.0) + (min(q, 0.0) if beyond >= dry else 0.0)
        elif h >= dry:
            edge[e] = max(
                dc * state[DISCHARGE_X, r + dr, c + dc] + dr * state[DISCHARGE_Y, r + dr, c + dc], 0.0
            )


@njit(cache=True, parallel=True, error_model="numpy")
def step_tiles(
    old, new, static, record, classes, chosen, count, marks, values, edge, edge_flux, watched, scratch, slow,
    single, record_scratch, ny, nx, dt, dx, t_new, dry, energy, theta, advection,
):  # fmt: skip
    """`kernels_step.step_tiles` for this scheme."""
    tiles_x = -(-nx // TILE_COLS)
    ratio = dt / dx
    for n in prange(count):
        k = chosen[n]
        a = k // tiles_x
        b = k - a * tiles_x
        rows = min(TILE_ROWS, ny - a * TILE_ROWS)
        columns = min(TILE_COLS, nx - b * TILE_COLS)
        r0 = PAD + a * TILE_ROWS
        c0 = PAD + b * TILE_COLS
        thread = get_thread_id()
        limited = step_tile(
            old, new, static, scratch[thread], slow[thread], single[thread], edge, edge_flux, watched, r0,
            rows, c0, ny, nx, ratio, dt, dry, theta, advection,
        )  # fmt: skip
        finish_tile(
            new, static, record, classes, scratch[thread], record_scratch[thread], marks[k], values[k],
            limited, r0, rows, c0, columns, t_new, dry, energy,
        )  # fmt: skip


def faces_of_cells(state: np.ndarray, static: np.ndarray, dry: float) -> None:
    """Face discharges of a start from the velocities of the cells: mean velocity of the wet cells beside a
    face times the depth over it.
    """
    depth, bed = state[DEPTH], static[BED]
    for flux, cells, crest, axis in (
        (FLUX_EAST, DISCHARGE_X, static[CREST_X], 1),
        (FLUX_SOUTH, DISCHARGE_Y, static[CREST_Y], 0),
    ):
        before = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        after = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        wet = depth >= dry
        velocity = np.where(wet, state[cells] / np.maximum(depth, dry), 0.0)
        level = np.where(wet, bed + depth, -np.inf)
        top = np.maximum(np.maximum(bed[before], bed[after]), crest[before])
        over = np.maximum(np.maximum(level[before], level[after]) - top, 0.0)
        count = np.maximum(wet[before].astype(float) + wet[after], 1.0)
        state[flux][before] = np.where(over >= dry, over, 0.0) * (velocity[before] + velocity[after]) / count
