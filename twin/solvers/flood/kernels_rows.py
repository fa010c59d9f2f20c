# mypy: ignore-errors
"""What the schemes of first and second order share: rows of cells in a scratch, the flux through a face, the
new state of a row (numba).

A tile is swept from north to south. The rows in flight lie in one private buffer `s` at places that the
compiler knows (only so do the loops vectorise), NB numbers each: the tile and PAD cells on each side, so that
no loop leaves a remainder to be done cell by cell. Three rows of cells turn in a ring instead of being
copied; the functions that touch it exist once for each position (`by_phase`).

The type of `s` is the precision: fluxes and reconstruction are computed in it. The state is always double, so
are the differences of levels between neighbours, from which everything is computed (relief and altitude cost
no digits in single precision), and the sums of the mass fluxes (`d`): no precision loses water.

Every momentum flux is a deviation from the hydrostatic pressure of the cell that receives it, so that each
term, and not only their sum, vanishes in a lake at rest: rest is kept to the rounding of the water level.

A tile writes only its own cells; a face between two tiles is computed by both, with the same operations on
the same numbers, hence to the same bit: mass is exact and threads do not matter.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from twin.solvers.flood.hazards import SPEED_DEPTH
from twin.solvers.flood.kernels import (
    BED,
    CHEZY,
    CREST_X,
    CREST_Y,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FALL,
    FRICTION,
    GRAVITY,
    LINEAR,
    MANNING,
    PAD,
    SMALL,
    SMOOTH,
    TILE_COLS,
    TILE_ROWS,
    inverse_cube_root,
    like,
)
from twin.solvers.flood.kernels_edges import export_faces

NB = TILE_COLS + 2 * PAD
OUT0 = PAD  # first cell of the tile in a row
ROW = NB + 8  # with a margin, for the neighbours of the first and last cells; rows begin on a cache line
START = 8

NONE = -1e30  # a level below all levels
SMOOTHEST = 1e-12  # g n² from which friction bounds a fall


def _places(first, count):
    return tuple(START + (first + k) * ROW for k in range(count))


# A row of the ring: depth, velocities, discharges, level to the east and to the south less that of the cell,
# and at second order the values at the south face of each cell (depth, velocities, level gained since).
RH, RU, RV, RQX, RQY, RDX, RDY, RSH, RSU, RSV, RSW = (k * ROW for k in range(11))
RING = _places(0, 33)[::11]
# Faces in x of the last row, j between the cells j and j + 1, and faces below it: mass, momentum for the cell
# before and for the one behind, transverse momentum.
XM, XL, XR, XT, FM, FL, FR, FT = _places(33, 8)
# What enters a row but for the faces below it: momenta, outflow. Push of the bed on a cell (second order).
AX, AY, OUT, PX, PY = _places(41, 5)
# Ground: g n², whether slopes may be taken, crests in x and y over the bed of the cell before them
GF, GS, GX, GY = _places(46, 4)
# New depth, discharges and v² (0 where shallow) of a row, its bed and then v², scratch
NH, NX, NY, NV, NZ, TEMP = _places(50, 6)
# Maxima of the columns of a tile: wave speed, v², level, bed under water; cells without a valid depth
MAX_SPEED, MAX_V2, MAX_LEVEL, MAX_BED, BAD_CELLS = _places(56, 5)
# Values at the other faces of the row under way (second order): east, west, north
EH, EU, EV, EW, WH, WU, WV, WW, BH, BU, BV, BW = _places(61, 12)
SCRATCH = START + 73 * ROW
# Double: levels of the last row loaded, mass that leaves a row but for the faces below it
LEVELS, MASS = START, START + ROW
DOUBLES = START + 2 * ROW
# Planes of the limited step: faces in x (4) and below (4) the rows -2 … rows + 1 of a tile, velocities of the
# donors (2), push (2), theta.
PLANE = (TILE_ROWS + 4) * NB
FACES_X, FACES_Y, DONOR_U, DONOR_V, PUSH_X, PUSH_Y, THETA = (k * PLANE for k in (0, 4, 8, 9, 10, 11, 12))
SLOW_SCRATCH = 13 * PLANE


def by_phase(make):
    """A kernel for a row at any place of the ring: make(above, row, below) makes it for given offsets there,
    and the first argument says which of the three rows is `row`.
    """
    first, second, third = (make(RING[k - 1], RING[k], RING[(k + 1) % 3]) for k in range(3))

    @njit(error_model="numpy")
    def kernel(phase, *arguments):
        if phase == 0:
            return first(*arguments)
        if phase == 1:
            return second(*arguments)
        return third(*arguments)

    return kernel


def _make_load(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def load(s, d, h, qx, qy, z, dry):
        one = like(dry, 1.0)
        for j in range(NB):
            level = z[j] + h[j]
            s[above + RDY + j] = level - d[LEVELS + j]
            d[LEVELS + j] = level
        for j in range(NB):
            s[row + RH + j] = h[j]
            s[row + RQX + j] = qx[j]
            s[row + RQY + j] = qy[j]
            s[row + RDX + j] = d[LEVELS + j + 1] - d[LEVELS + j]
        wet = 0
        for j in range(NB):
            depth = s[row + RH + j]
            wet += 1 if depth >= dry else 0
            inverse = one / max(depth, dry)
            s[row + RU + j] = s[row + RQX + j] * inverse
            s[row + RV + j] = s[row + RQY + j] * inverse
        return wet

    return load


_load = by_phase(_make_load)


@njit(error_model="numpy")
def load_row(s, d, phase, old, static, row, c0, dry):
    """A row of the state into the ring, and its levels less those of the row above; its wet cells."""
    low, high = c0 - PAD, c0 + TILE_COLS + PAD
    return _load(
        phase, s, d, old[DEPTH, row, low:high], old[DISCHARGE_X, row, low:high],
        old[DISCHARGE_Y, row, low:high], static[BED, row, low:high], dry,
    )  # fmt: skip


@njit(error_model="numpy")
def load_ground(s, static, row, c0):
    """Friction (`static[FRICTION]`) of a row."""
    friction = static[FRICTION, row, c0 - PAD : c0 + TILE_COLS + PAD]
    for j in range(NB):
        s[GF + j] = friction[j]


@njit(error_model="numpy")
def load_crests(s, static, row, c0):
    """The crests on the faces in x of a row, and where its cells may have slopes."""
    low, high = c0 - PAD, c0 + TILE_COLS + PAD
    z = static[BED, row, low:high]
    smooth = static[SMOOTH, row, low:high]
    crest_x = static[CREST_X, row, low:high]
    for j in range(NB):
        s[GS + j] = smooth[j]
        s[GX + j] = crest_x[j] - z[j]


@njit(error_model="numpy")
def load_crests_below(s, static, row, c0):
    """The crests on the faces below a row."""
    low, high = c0 - PAD, c0 + TILE_COLS + PAD
    z = static[BED, row, low:high]
    crest_y = static[CREST_Y, row, low:high]
    for j in range(NB):
        s[GY + j] = crest_y[j] - z[j]


@njit(error_model="numpy")
def start_tile(s, c0, nx):
    """A scratch without crests and maxima; closed faces between ghosts."""
    zero = like(s[0], 0.0)
    for j in range(NB):
        s[GS + j] = like(s[0], 1.0)
        s[GX + j] = like(s[0], -np.inf)
        s[GY + j] = like(s[0], -np.inf)
        s[PX + j] = zero
        s[PY + j] = zero
        s[MAX_SPEED + j] = zero
        s[MAX_V2 + j] = zero
        s[MAX_LEVEL + j] = like(s[0], NONE)
        s[MAX_BED + j] = like(s[0], NONE)
        s[BAD_CELLS + j] = zero
    if c0 == PAD:
        for j in range(OUT0):
            s[GY + j] = like(s[0], np.inf)
        for j in range(OUT0 - 1):
            s[GX + j] = like(s[0], np.inf)
    for j in range(PAD + nx - (c0 - PAD), NB):
        s[GX + j] = like(s[0], np.inf)
        s[GY + j] = like(s[0], np.inf)


@njit(error_model="numpy")
def no_faces(s, first):
    """Four rows of faces (from `first` on) through which nothing passes."""
    for j in range(4 * ROW - 8):
        s[first + j] = like(s[0], 0.0)


@njit(inline="always")
def face_flux(hl, ul, vl, hr, ur, vr, rise, crest, dry):
    """Flux through a face between a left and a right cell.

    rise: level on the right less level on the left (m); crest: over the bed on the left (m). Returns mass
    flux (m²/s), normal momentum for the left and for the right cell as deviations from their hydrostatic
    pressures, transverse momentum (m³/s²).
    """
    zero = like(hl, 0.0)
    half_g = like(hl, 0.5 * GRAVITY)
    g = like(hl, GRAVITY)
    step = rise - (hr - hl)  # bed on the right over bed on the left
    face = max(min(max(step, zero), hl + min(rise, zero)), crest)
    al = min(max(hl - face, zero), hl)
    ar = min(max((hl + rise) - face, zero), hr)
    cl = math.sqrt(g * al)
    cr = math.sqrt(g * ar)
    push = half_g * ((ar - al) * (ar + al))  # pressure right minus left
    # Both sides wet: HLL.
    u_mean = (cl * ul + cr * ur) / max(cl + cr, like(hl, SMALL))
    c_mean = math.sqrt(half_g * (al + ar))
    slow = min(min(ul - cl, u_mean - c_mean), zero)
    fast = max(max(ur + cr, u_mean + c_mean), zero)
    share = like(hl, 1.0) / max(fast - slow, like(hl, SMALL))
    ql = al * ul
    qr = ar * ur
    both = slow * fast
    mass = (fast * ql - slow * qr + both * (ar - al)) * share
    left = (fast * (ql * ul) - slow * (qr * ur + push) + both * (qr - ql)) * share
    # One side dry: the exact solution, the sonic point of the rarefaction or the state of the wet side.
    onto_left = al <= zero
    onto_right = ar <= zero
    a = ar if onto_left else al
    u = -ur if onto_left else ul
    c = cr if onto_left else cl
    sonic = max((u + (c + c)) * like(hl, 1.0 / 3.0), zero)
    depth = a if u >= c else like(hl, 1.0 / GRAVITY) * (sonic * sonic)
    speed = u if u >= c else sonic
    out = depth * speed
    # What falls leaves with the speed that it has at the edge, half of the fall below the middle of its cell.
    fall = min(face - step if onto_left else face, zero)
    alone = out * math.sqrt(speed * speed - g * fall) + half_g * ((depth - a) * (depth + a))
    mass = out if onto_right else mass
    left = alone if onto_right else left
    mass = -out if onto_left else mass
    left = alone + push if onto_left else left
    right = left - push
    left = left + half_g * ((hl + al) * min(face, zero))
    right = right + half_g * ((hr + ar) * min(face - step, zero))
    mass = (max(mass, zero) if hl >= dry else zero) + (min(mass, zero) if hr >= dry else zero)
    across = mass * (vl if mass > zero else vr)
    return mass, left, right, across


@njit(error_model="numpy")
def gather_row(s, d):
    """Add up what enters and leaves the cells of a row through all its faces but those below, which are
    still those of the row above.
    """
    zero = like(s[0], 0.0)
    for j in range(NB):
        d[MASS + j] = (np.float64(s[XM + j]) - np.float64(s[XM + j - 1])) - np.float64(s[FM + j])
    for j in range(NB):
        s[AX + j] = ((s[XL + j] - s[XR + j - 1]) + s[PX + j]) - s[FT + j]
        s[AY + j] = ((s[XT + j] - s[XT + j - 1]) + s[PY + j]) - s[FR + j]
        s[OUT + j] = (max(s[XM + j], zero) - min(s[XM + j - 1], zero)) - min(s[FM + j], zero)


def _make_overdrawn(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def overdrawn(s, ratio, full):
        zero = like(ratio, 0.0)
        for j in range(NB):
            over = ratio * (s[OUT + j] + max(s[FM + j], zero)) > full * s[row + RH + j]
            s[TEMP + j] = like(ratio, 1.0) if over else zero
        most = zero
        for j in range(OUT0 - 1, OUT0 + TILE_COLS + 1):
            most = max(most, s[TEMP + j])
        return most > zero

    return overdrawn


overdrawn = by_phase(_make_overdrawn)
"""Whether a cell of a row, tile and one cell beside it, would lose more than it holds in this step."""


def _make_update(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def update_depths(s, d, h, z, friction, h_new, ratio):
        for j in range(TILE_COLS):
            k = OUT0 + j
            depth = h[j] - ratio * (d[MASS + k] + np.float64(s[FM + k]))
            h_new[j] = depth
            s[NH + k] = depth
            s[NZ + k] = z[j]
            s[TEMP + k] = friction[j]

    @njit(error_model="numpy", fastmath={"contract"})
    def update_momenta(s, ratio, dt, dry, law):
        zero = like(dry, 0.0)
        one = like(dry, 1.0)
        manning, chezy, linear = laws(dry, law)
        for j in range(OUT0, OUT0 + TILE_COLS):
            depth = s[NH + j]
            mx = s[row + RQX + j] - ratio * (s[AX + j] + s[FT + j])
            my = s[row + RQY + j] - ratio * (s[AY + j] + s[FL + j])
            # Friction, implicit in closed form: no momentum under the dry depth.
            root = inverse_cube_root(max(depth, dry))
            inverse = root * root * root
            square = mx * mx + my * my
            friction = s[TEMP + j]
            drag = math.sqrt(square) * (inverse * inverse) * (root * manning + chezy)
            drag = (like(dry, 4.0) * dt) * friction * (drag + linear * (one + dt * friction))
            slowed = like(dry, 2.0) / (one + math.sqrt(one + drag))
            slowed = slowed if depth >= dry else zero
            mx = mx * slowed
            my = my * slowed
            s[NX + j] = mx
            s[NY + j] = my
            deep = depth > like(dry, SPEED_DEPTH)
            bed = s[NZ + j]
            v2 = square * ((slowed * inverse) * (slowed * inverse))
            s[NZ + j] = v2
            v2 = v2 if deep else zero
            s[NV + j] = v2
            speed = max(abs(mx), abs(my)) * inverse + math.sqrt(like(dry, GRAVITY) * max(depth, zero))
            s[MAX_SPEED + j] = max(s[MAX_SPEED + j], speed if depth >= dry else zero)
            s[MAX_V2 + j] = max(s[MAX_V2 + j], v2)
            s[MAX_LEVEL + j] = max(s[MAX_LEVEL + j], bed + depth if depth >= dry else like(dry, NONE))
            s[MAX_BED + j] = max(s[MAX_BED + j], bed if deep else like(dry, NONE))
            s[BAD_CELLS + j] += zero if depth >= zero else one

    @njit(error_model="numpy")
    def update(s, d, h, z, friction, h_new, qx_new, qy_new, ratio, dt, dry, law):
        update_depths(s, d, h, z, friction, h_new, ratio)
        update_momenta(s, like(dry, ratio), dt, dry, law)
        for j in range(TILE_COLS):
            qx_new[j] = s[NX + OUT0 + j]
            qy_new[j] = s[NY + OUT0 + j]

    return update


@njit(inline="always")
def laws(like_this, law):
    """1 for the law of friction that holds and 0 for the two others: Manning, Chézy, linear."""
    zero = like(like_this, 0.0)
    one = like(like_this, 1.0)
    return one if law == MANNING else zero, one if law == CHEZY else zero, one if law == LINEAR else zero


@njit(error_model="numpy")
def fall_matters(s, columns, dry, fall):
    """Whether a fall of at most `fall` (2 g × step) could make a cell of the new row the fastest of its
    tile so far.
    """
    zero = like(dry, 0.0)
    depth = fall / like(dry, 2.0 * GRAVITY)
    top = zero
    v2 = like(dry, -1.0)
    for j in range(OUT0, OUT0 + columns):
        top = max(top, s[MAX_SPEED + j])
        shallow = (s[NH + j] >= dry) & (s[NH + j] < depth)
        v2 = max(v2, s[NZ + j] if shallow else like(dry, -1.0))
    # The sum of the speeds in x and y is at most √2 times the speed.
    return v2 >= zero and math.sqrt(v2 + v2 + fall) + math.sqrt(like(dry, 0.5) * fall) > top


@njit(error_model="numpy")
def bound_falls(s, fall, half_dx, dry, law):
    """Raise the highest speeds to what water may reach before it leaves its cell.

    Where it is shallower than the step down to a neighbour (`fall`, 2 g × step) it falls freely, v² + fall,
    but no faster than friction lets it run down that slope, v² = g S h^(4/3) / (g n²). half_dx: 1/(2 dx).
    The speeds in x and y add: the fall pushes all the water of a cell, so what leaves through both of its
    sides must leave enough behind to share that push (else the rest of a column on a corner runs away).
    """
    zero = like(dry, 0.0)
    g = like(dry, GRAVITY)
    manning, chezy, linear = laws(dry, law)
    for j in range(TILE_COLS):
        s[NZ + OUT0 + j] = fall[j]
    for j in range(OUT0, OUT0 + TILE_COLS):
        depth = s[NH + j]
        root = inverse_cube_root(max(depth, dry))
        velocity = (abs(s[NX + j]) + abs(s[NY + j])) * (root * root * root)
        free = velocity * velocity + max(s[NZ + j] - (g + g) * depth, zero)
        pull = (half_dx * s[NZ + j]) / max(s[TEMP + j], like(dry, SMOOTHEST))
        uniform = pull * ((depth * depth) * (root * root) * (manning + chezy * root) + linear * pull)
        speed = math.sqrt(min(free, uniform)) + math.sqrt(g * max(depth, zero))
        s[MAX_SPEED + j] = max(s[MAX_SPEED + j], speed if depth >= dry else zero)


_update = by_phase(_make_update)


@njit(error_model="numpy")
def update_row(
    s, d, phase, old, new, static, falls, edge_flux, watched, row, c0, ny, nx, ratio, dt, dry, law
):
    """New state of a row of a tile (ratio: dt/dx in double); what crosses edges and watched faces goes to
    edge_flux.
    """
    end = c0 + TILE_COLS
    _update(
        phase, s, d, old[DEPTH, row, c0:end], static[BED, row, c0:end], static[FRICTION, row, c0:end],
        new[DEPTH, row, c0:end], new[DISCHARGE_X, row, c0:end], new[DISCHARGE_Y, row, c0:end],
        ratio, dt, dry, law,
    )  # fmt: skip
    columns = min(TILE_COLS, PAD + nx - c0)
    # Only steps higher than the water is deep matter, and few of them set the next step.
    highest = falls[row - PAD]
    if highest > 0.0 and fall_matters(s, columns, dry, like(dry, highest)):
        half_dx = like(dry, 0.5 * ratio / np.float64(dt))
        bound_falls(s, static[FALL, row, c0:end], half_dx, dry, law)
    if c0 == PAD:
        edge_flux[row - PAD] = -s[XM + OUT0 - 1]
    if c0 + columns == PAD + nx:
        edge_flux[ny + row - PAD] = s[XM + OUT0 + columns - 1]
    if row == PAD + ny - 1:
        for j in range(columns):
            edge_flux[2 * ny + nx + c0 - PAD + j] = s[FM + OUT0 + j]
    export_faces(s, XM + OUT0, FM + OUT0, edge_flux, watched, row, c0, ny, nx)


@njit(error_model="numpy")
def keep_row(s, old, new, row, c0):
    """A row of a tile where nothing happens."""
    end = c0 + TILE_COLS
    h = old[DEPTH, row, c0:end]
    h_new = new[DEPTH, row, c0:end]
    zero = like(s[0], 0.0)
    for j in range(TILE_COLS):
        h_new[j] = h[j]
        s[NH + OUT0 + j] = h[j]
    new[DISCHARGE_X, row, c0:end] = 0.0
    new[DISCHARGE_Y, row, c0:end] = 0.0
    for j in range(OUT0, OUT0 + TILE_COLS):
        s[NV + j] = zero
        s[BAD_CELLS + j] += zero if s[NH + j] >= zero else like(s[0], 1.0)


@njit(error_model="numpy")
def keep_faces(s, slow, first, base, faces):
    """Four rows of faces from `first` on into the planes `faces` of the limited step, row at `base`."""
    for p in range(4):
        for j in range(NB):
            slow[faces + p * PLANE + base + j] = s[first + p * ROW + j]


@njit(error_model="numpy")
def take_faces(s, slow, first, base, faces):
    """The way back of :func:`keep_faces`."""
    for p in range(4):
        for j in range(NB):
            s[first + p * ROW + j] = slow[faces + p * PLANE + base + j]


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
def limit_outflow(slow, depth, r0, rows, c0, ratio, full):
    """Scale all that leaves a cell that would lose more than it holds by theta; the number of such cells.

    The momentum of a face follows its water: it changes by (theta - 1) mass × velocity of the donor. Where
    theta is 1 the faces are those of the plain step, to the bit.
    """
    zero = like(ratio, 0.0)
    limited = 0
    for k in range(1, rows + 3):
        for j in range(OUT0 - 1, OUT0 + TILE_COLS + 1):
            m = k * NB + j
            out = (max(slow[FACES_X + m], zero) - min(slow[FACES_X + m - 1], zero)) + (
                max(slow[FACES_Y + m], zero) - min(slow[FACES_Y + m - NB], zero)
            )
            has = full * like(ratio, depth[r0 - 2 + k, c0 - PAD + j])
            over = ratio * out > has
            slow[THETA + m] = has / (ratio * out) if over else like(ratio, 1.0)
            if over and 2 <= k < rows + 2 and OUT0 <= j < OUT0 + TILE_COLS:
                limited += 1
    for k in range(2, rows + 2):
        for j in range(OUT0 - 1, OUT0 + TILE_COLS):
            m = k * NB + j
            limit_face(slow, FACES_X, m, m + 1, DONOR_U)
    for k in range(1, rows + 2):
        for j in range(OUT0, OUT0 + TILE_COLS):
            m = k * NB + j
            limit_face(slow, FACES_Y, m, m + NB, DONOR_V)
    return limited
