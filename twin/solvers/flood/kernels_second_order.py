# mypy: ignore-errors
"""One step of the second-order scheme on one tile (numba).

MUSCL-Hancock (van Leer 1984, SIAM J. Sci. Stat. Comput. 5) with one flux evaluation per step: limited slopes
of level, depth and velocities in each cell; half a step of the equations in primitive form; the fluxes of
`kernels_first_order` between the values that both cells then have at their face. The bed at a face is level
less depth (Audusse and Bristeau 2005, J. Comput. Phys. 206), so that depths stay positive and the bed of a
cell is a plane: thin sheets run down steep slopes without steps.

Rest is kept as in first order. Momentum fluxes are deviations from the hydrostatic pressure of the face value
of the cell that receives them, and the pressures on both sides of a cell together with the pressure on its
bed make g h (w_right - w_left), which is zero term by term when the level is.

A cell has slopes only where it, its four neighbours and the face values are wet and no crest touches it; else
it is a cell of the first-order scheme. Friction is implicit in the half step too: the velocity at a face
would otherwise be that of a free fall. The step is positive by the same limit on the outflow.

A tile reads three cells beyond its edges and writes only its own; see `kernels_first_order` on what tiles
share.
"""

from __future__ import annotations

import math

from numba import njit

from twin.solvers.flood.kernels import (
    BED,
    CREST_X,
    CREST_Y,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FALL,
    FRICTION,
    FULL,
    GRAVITY,
    LINEAR,
    MANNING,
    MAXIMA,
    PAD,
    SMOOTH,
    TILE_COLS,
    TILE_ROWS,
    inverse_cube_root,
)
from twin.solvers.flood.kernels import COLUMN_DEPTH as CD
from twin.solvers.flood.kernels import COLUMN_SPEED as CS
from twin.solvers.flood.kernels_edges import export_faces
from twin.solvers.flood.kernels_first_order import face_flux, keep_row, slow_down

HALO = 3
NB = TILE_COLS + 2 * HALO
OUT0 = HALO

# Rows of the scratch buffer, each NB long, after the column maxima. The state of three rows of cells (above,
# the row itself, below): depth, velocities, level, bed; of the row itself also friction and SMOOTH.
ROWS = MAXIMA
STATE = 5 * NB
RA, RB, RC = ROWS, ROWS + STATE, ROWS + 2 * STATE
RH, RU, RV, RW, RZ = 0, NB, 2 * NB, 3 * NB, 4 * NB
RF, RS = ROWS + 15 * NB, ROWS + 16 * NB
# A row of reconstructed cells: depth, velocities and level at half the step, half their slopes in x and y,
# bed, depth at the start of the step. A: finished but for the faces below it; B: the row under it.
CELLS = 14 * NB
CA, CB = ROWS + 17 * NB, ROWS + 17 * NB + CELLS
PH, PU, PV, PW = 0, NB, 2 * NB, 3 * NB
XH, XU, XV, XW = 4 * NB, 5 * NB, 6 * NB, 7 * NB
YH, YU, YV, YW = 8 * NB, 9 * NB, 10 * NB, 11 * NB
PZ, H0 = 12 * NB, 13 * NB
# Faces of row A in x, j between cells j and j + 1: mass, momentum for the left and for the right cell,
# transverse; faces below (S) and above (T) row A.
FACES = CB + CELLS
XM, XL, XR, XT = FACES, FACES + NB, FACES + 2 * NB, FACES + 3 * NB
SM, SL, SR, ST = FACES + 4 * NB, FACES + 5 * NB, FACES + 6 * NB, FACES + 7 * NB
TM, TR, TT = FACES + 8 * NB, FACES + 9 * NB, FACES + 10 * NB
# Row A of the tile alone, from its first cell: discharges, g n², step down, then the new state.
QX, QY, QF, QD = FACES + 11 * NB, FACES + 12 * NB, FACES + 13 * NB, FACES + 14 * NB
NH, NX, NY = FACES + 15 * NB, FACES + 16 * NB, FACES + 17 * NB
SCRATCH = FACES + 18 * NB
# Planes of the limited step: faces in x (4) and below (4) the rows -2 … rows of a tile, velocities of the
# donors (2), depth and half slopes of the level of the cells (3), theta.
PLANE = (TILE_ROWS + 4) * NB
FACES_X, FACES_Y, DONOR_U, DONOR_V = 0, 4 * PLANE, 8 * PLANE, 9 * PLANE
MID_H, LEVEL_X, LEVEL_Y, THETA = 10 * PLANE, 11 * PLANE, 12 * PLANE, 13 * PLANE
SLOW_SCRATCH = 14 * PLANE


@njit(inline="always")
def half_slope(before, here, after, most):
    """Half the limited difference across a cell: the central one, at most `most` times the difference to
    either neighbour, 0 at extrema.

    most = 1: monotonised central (van Leer 1977, J. Comput. Phys. 23), sharpest of the symmetric limiters
    without a division. most = 1/2: minmod.
    """
    a = here - before
    b = after - here
    middle = 0.25 * (a + b)
    size = min(most * min(abs(a), abs(b)), abs(middle))
    size = size if a * b > 0.0 else 0.0
    return size if middle > 0.0 else -size


@njit(inline="always")
def most_steep(z1, z2, z3, w1, w2, w3):
    """`most` of depth and bed for three cells in a row: 1 where one sheet of water covers their steps, else
    1/2.

    On steps higher than the water is deep the beds that neighbours give a face must not cross: a steeper
    limiter would lift the bed of the one to that of the other and lower the level of the other to its own
    bed, a ridge that is not there.
    """
    return 1.0 if max(max(z1, z2), z3) < min(min(w1, w2), w3) else 0.5


@njit(cache=True, error_model="numpy")
def load_state(s, h, qx, qy, z, dry):
    """Depth, velocities, level and bed of a row of cells into the rows RC; its wet cells."""
    wet = 0
    for j in range(NB):
        depth = h[j]
        wet += 1 if depth >= dry else 0
        inverse = 1.0 / max(depth, dry)
        s[RC + RH + j] = depth
        s[RC + RU + j] = qx[j] * inverse
        s[RC + RV + j] = qy[j] * inverse
        s[RC + RW + j] = z[j] + depth
        s[RC + RZ + j] = z[j]
    return wet


@njit(cache=True, error_model="numpy")
def load_padded_state(s, old, static, row, low, dry):
    """:func:`load_state` for a row of the padded arrays, from column `low` on."""
    high = low + NB
    return load_state(
        s,
        old[DEPTH, row, low:high],
        old[DISCHARGE_X, row, low:high],
        old[DISCHARGE_Y, row, low:high],
        static[BED, row, low:high],
        dry,
    )


@njit(cache=True, error_model="numpy")
def shift_state(s):
    """The rows of the state move up: RB becomes RA, RC becomes RB."""
    for j in range(2 * STATE):
        s[RA + j] = s[RB + j]


@njit(cache=True, error_model="numpy")
def load_ground(s, friction, smooth):
    """Friction and SMOOTH of the row RB."""
    for j in range(NB):
        s[RF + j] = friction[j]
        s[RS + j] = smooth[j]


@njit(cache=True, error_model="numpy")
def shift_cells(s):
    """Row B becomes row A, the faces below A become those above it."""
    for j in range(CELLS):
        s[CA + j] = s[CB + j]
    for j in range(NB):
        s[TM + j] = s[SM + j]
        s[TR + j] = s[SR + j]
        s[TT + j] = s[ST + j]


@njit(cache=True, error_model="numpy")
def plain_cells(s):
    """Cells of row B without slopes: a row where nothing is wet."""
    for j in range(NB):
        s[CB + PH + j] = s[RB + RH + j]
        s[CB + PU + j] = s[RB + RU + j]
        s[CB + PV + j] = s[RB + RV + j]
        s[CB + PW + j] = s[RB + RW + j]
        s[CB + PZ + j] = s[RB + RZ + j]
        s[CB + H0 + j] = s[RB + RH + j]
    for j in range(8 * NB):
        s[CB + XH + j] = 0.0


@njit(cache=True, error_model="numpy")
def reconstruct(s, ratio, dt, dry, law):
    """Slopes of the cells of row RB and their state at half the step, into the rows CB; ratio: dt/dx."""
    manning = 1.0 if law == MANNING else 0.0
    for j in range(1, NB - 1):
        h = s[RB + RH + j]
        u = s[RB + RU + j]
        v = s[RB + RV + j]
        w = s[RB + RW + j]
        least = min(min(min(s[RB + RH + j - 1], s[RB + RH + j + 1]), min(s[RA + RH + j], s[RC + RH + j])), h)
        keep = s[RS + j] if least >= dry else 0.0
        z = s[RB + RZ + j]
        zw, ze = s[RB + RZ + j - 1], s[RB + RZ + j + 1]
        zn, zs = s[RA + RZ + j], s[RC + RZ + j]
        kx = most_steep(zw, z, ze, s[RB + RW + j - 1], w, s[RB + RW + j + 1])
        ky = most_steep(zn, z, zs, s[RA + RW + j], w, s[RC + RW + j])
        xh = keep * half_slope(s[RB + RH + j - 1], h, s[RB + RH + j + 1], kx)
        xu = keep * half_slope(s[RB + RU + j - 1], u, s[RB + RU + j + 1], 1.0)
        xv = keep * half_slope(s[RB + RV + j - 1], v, s[RB + RV + j + 1], 1.0)
        xw = xh + keep * half_slope(zw, z, ze, kx)
        yh = keep * half_slope(s[RA + RH + j], h, s[RC + RH + j], ky)
        yu = keep * half_slope(s[RA + RU + j], u, s[RC + RU + j], 1.0)
        yv = keep * half_slope(s[RA + RV + j], v, s[RC + RV + j], 1.0)
        yw = yh + keep * half_slope(zn, z, zs, ky)
        # Half a step of h_t + (hu)_x + (hv)_y = 0, u_t + u u_x + v u_y + g w_x = -friction.
        gain = -ratio * ((u * xh + h * xu) + (v * yh + h * yv))
        mid_u = u - ratio * ((u * xu + v * yu) + GRAVITY * xw)
        mid_v = v - ratio * ((u * xv + v * yv) + GRAVITY * yw)
        mid_h = h + gain
        root = inverse_cube_root(max(mid_h, dry))
        root2 = root * root
        size = math.sqrt(mid_u * mid_u + mid_v * mid_v)
        drag = (2.0 * dt) * s[RF + j] * size * (root2 * root * (root * manning + (1.0 - manning)))
        drag = dt * s[RF + j] * (2.0 + dt * s[RF + j]) if law == LINEAR else drag
        slowed = 2.0 / (1.0 + math.sqrt(1.0 + drag))
        use = keep if mid_h - max(abs(xh), abs(yh)) >= dry else 0.0
        s[CB + XH + j] = use * xh
        s[CB + XU + j] = use * xu
        s[CB + XV + j] = use * xv
        s[CB + XW + j] = use * xw
        s[CB + YH + j] = use * yh
        s[CB + YU + j] = use * yu
        s[CB + YV + j] = use * yv
        s[CB + YW + j] = use * yw
        s[CB + PH + j] = h + use * gain
        s[CB + PW + j] = w + use * gain
        s[CB + PU + j] = mid_u * slowed if use > 0.0 else u
        s[CB + PV + j] = mid_v * slowed if use > 0.0 else v
        s[CB + PZ + j] = s[RB + RZ + j]
        s[CB + H0 + j] = h


@njit(cache=True, error_model="numpy")
def faces_below(s, crest, dry):
    """Faces between row A and row B."""
    for j in range(1, NB - 1):
        mass, left, right, across = face_flux(
            s[CA + PH + j] + s[CA + YH + j],
            s[CA + PV + j] + s[CA + YV + j],
            s[CA + PU + j] + s[CA + YU + j],
            s[CA + PW + j] + s[CA + YW + j],
            s[CA + PZ + j] + (s[CA + YW + j] - s[CA + YH + j]),
            s[CB + PH + j] - s[CB + YH + j],
            s[CB + PV + j] - s[CB + YV + j],
            s[CB + PU + j] - s[CB + YU + j],
            s[CB + PW + j] - s[CB + YW + j],
            s[CB + PZ + j] - (s[CB + YW + j] - s[CB + YH + j]),
            crest[j],
            dry,
        )
        s[SM + j] = mass
        s[SL + j] = left
        s[SR + j] = right
        s[ST + j] = across


@njit(cache=True, error_model="numpy")
def faces_within(s, crest, dry):
    """Faces in x within row A."""
    for j in range(1, NB - 2):
        k = j + 1
        mass, left, right, across = face_flux(
            s[CA + PH + j] + s[CA + XH + j],
            s[CA + PU + j] + s[CA + XU + j],
            s[CA + PV + j] + s[CA + XV + j],
            s[CA + PW + j] + s[CA + XW + j],
            s[CA + PZ + j] + (s[CA + XW + j] - s[CA + XH + j]),
            s[CA + PH + k] - s[CA + XH + k],
            s[CA + PU + k] - s[CA + XU + k],
            s[CA + PV + k] - s[CA + XV + k],
            s[CA + PW + k] - s[CA + XW + k],
            s[CA + PZ + k] - (s[CA + XW + k] - s[CA + XH + k]),
            crest[j],
            dry,
        )
        s[XM + j] = mass
        s[XL + j] = left
        s[XR + j] = right
        s[XT + j] = across


@njit(cache=True, error_model="numpy")
def no_faces(s, first):
    """Four rows of faces (from offset `first` on) through which nothing passes."""
    for j in range(4 * NB):
        s[first + j] = 0.0


@njit(cache=True, error_model="numpy")
def overdrawn(s, ratio):
    """Number of cells of row A, tile and one cell beside it, that would lose more than they hold in this
    step.
    """
    count = 0
    for j in range(OUT0 - 1, OUT0 + TILE_COLS + 1):
        out = (max(s[XM + j], 0.0) - min(s[XM + j - 1], 0.0)) + (max(s[SM + j], 0.0) - min(s[TM + j], 0.0))
        count += 1 if ratio * out > FULL * s[CA + H0 + j] else 0
    return count


@njit(cache=True, error_model="numpy")
def update_row(s, ratio, dt, dry, law):
    """New state of the row A of a tile, TILE_COLS cells, and the running maxima of its columns; ratio:
    dt/dx.
    """
    for j in range(TILE_COLS):
        k = OUT0 + j
        push_x = (2.0 * GRAVITY) * s[CA + PH + k] * s[CA + XW + k]
        push_y = (2.0 * GRAVITY) * s[CA + PH + k] * s[CA + YW + k]
        s[NH + j] = s[CA + H0 + k] - ratio * ((s[XM + k] - s[XM + k - 1]) + (s[SM + k] - s[TM + k]))
        s[NX + j] = s[QX + j] - ratio * (((s[XL + k] - s[XR + k - 1]) + push_x) + (s[ST + k] - s[TT + k]))
        s[NY + j] = s[QY + j] - ratio * ((s[XT + k] - s[XT + k - 1]) + ((s[SL + k] - s[TR + k]) + push_y))
    half_dx = 0.5 * ratio / dt
    manning = 1.0 if law == MANNING else 0.0
    for j in range(TILE_COLS):
        mx, my, speed = slow_down(
            s[NH + j], s[NX + j], s[NY + j], s[QF + j], s[QD + j], dt, half_dx, dry, manning, law == LINEAR
        )
        s[NX + j] = mx
        s[NY + j] = my
        s[CS + j] = max(s[CS + j], speed)
        s[CD + j] = max(s[CD + j], s[NH + j])


@njit(cache=True, error_model="numpy")
def load_update(s, qx, qy, friction, fall):
    """Discharges, g n² and step down of the row A of a tile into the buffer."""
    for j in range(TILE_COLS):
        s[QX + j] = qx[j]
        s[QY + j] = qy[j]
        s[QF + j] = friction[j]
        s[QD + j] = fall[j]


@njit(cache=True, error_model="numpy")
def store_update(s, h, qx, qy):
    """The new row A out of the buffer."""
    for j in range(TILE_COLS):
        h[j] = s[NH + j]
        qx[j] = s[NX + j]
        qy[j] = s[NY + j]


@njit(cache=True, error_model="numpy")
def start_tile(s, old, static, r0, low, dry):
    """Empty maxima, and the two rows of the state above the first row to reconstruct; their wet cells."""
    for j in range(MAXIMA):
        s[j] = 0.0
    wet_row = load_padded_state(s, old, static, r0 - 3, low, dry)
    shift_state(s)
    wet_below = load_padded_state(s, old, static, r0 - 2, low, dry)
    return wet_row, wet_below


@njit(cache=True, error_model="numpy")
def step_tile(old, new, static, s, slow, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry, law):
    """Advance one tile by dt; the number of its cells whose outflow was limited (0: none).

    Arguments as in the first-order scheme; the second half of edge_flux says which edges only let out (see
    `fill_far_ghosts`). On return the maxima of the columns of the tile are in s.
    """
    low, high = c0 - HALO, c0 - HALO + NB
    wet_above = 0
    wet_row, wet_below = start_tile(s, old, static, r0, low, dry)
    wet_a = 0  # wet cells of the row above row A
    limited = 0
    for below in range(r0 - 2, r0 + rows + 2):
        # `below` is reconstructed, then the row above it is finished.
        shift_state(s)
        shift_cells(s)
        wet_a, wet_above, wet_row = wet_above, wet_row, wet_below
        wet_below = load_padded_state(s, old, static, below + 1, low, dry)
        load_ground(s, static[FRICTION, below, low:high], static[SMOOTH, below, low:high])
        if wet_row > 0:
            reconstruct(s, ratio, dt, dry, law)
        else:
            plain_cells(s)
        if below == r0 - 2:
            continue
        row = below - 1
        # Faces between dry cells pass no water, and dry cells have no momentum to change.
        if wet_above + wet_row > 0:
            faces_below(s, static[CREST_Y, row, low:high], dry)
        else:
            no_faces(s, SM)
        if row < r0 - 1:
            continue
        if wet_above > 0:
            faces_within(s, static[CREST_X, row, low:high], dry)
            limited += overdrawn(s, ratio)
        else:
            no_faces(s, XM)
        if r0 <= row < r0 + rows:
            if wet_a + wet_above + wet_row > 0:
                update_tile_row(old, new, static, s, edge_flux, watched, row, c0, ny, nx, ratio, dt, dry, law)
            else:
                keep_row(old, new, row, c0)
    if limited == 0:
        return 0
    return step_tile_limited(
        old, new, static, s, slow, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry, law
    )


@njit(inline="always")
def shut_edges(s, outward, i, j, columns, ny, nx):
    """Stop what would come in through the edges that only let out, around the cells (i, j …) of row A.

    The slopes along an edge may turn a slow outflow round in the half step.
    """
    if j == 0 and outward[i] != 0.0 and s[XM + OUT0 - 1] > 0.0:
        s[XM + OUT0 - 1] = 0.0
        s[XT + OUT0 - 1] = 0.0
    if j + columns == nx and outward[ny + i] != 0.0 and s[XM + OUT0 + columns - 1] < 0.0:
        s[XM + OUT0 + columns - 1] = 0.0
        s[XT + OUT0 + columns - 1] = 0.0
    if i == 0:
        for k in range(columns):
            if outward[2 * ny + j + k] != 0.0 and s[TM + OUT0 + k] > 0.0:
                s[TM + OUT0 + k] = 0.0
                s[TT + OUT0 + k] = 0.0
    if i == ny - 1:
        for k in range(columns):
            if outward[2 * ny + nx + j + k] != 0.0 and s[SM + OUT0 + k] < 0.0:
                s[SM + OUT0 + k] = 0.0
                s[ST + OUT0 + k] = 0.0


@njit(cache=True, error_model="numpy")
def update_tile_row(old, new, static, s, edge_flux, watched, row, c0, ny, nx, ratio, dt, dry, law):
    """:func:`update_row` for a row of the padded arrays; what crosses the edges of the grid goes to
    edge_flux.
    """
    end = c0 + TILE_COLS
    load_update(
        s, old[DISCHARGE_X, row, c0:end], old[DISCHARGE_Y, row, c0:end], static[FRICTION, row, c0:end],
        static[FALL, row, c0:end],
    )  # fmt: skip
    columns = min(TILE_COLS, PAD + nx - c0)
    shut_edges(s, edge_flux[2 * (ny + nx) :], row - PAD, c0 - PAD, columns, ny, nx)
    update_row(s, ratio, dt, dry, law)
    store_update(s, new[DEPTH, row, c0:end], new[DISCHARGE_X, row, c0:end], new[DISCHARGE_Y, row, c0:end])
    if c0 == PAD:
        edge_flux[row - PAD] = -s[XM + OUT0 - 1]
    if c0 + columns == PAD + nx:
        edge_flux[ny + row - PAD] = s[XM + OUT0 + columns - 1]
    if row == PAD:
        for j in range(columns):
            edge_flux[2 * ny + c0 - PAD + j] = -s[TM + OUT0 + j]
    if row == PAD + ny - 1:
        for j in range(columns):
            edge_flux[2 * ny + nx + c0 - PAD + j] = s[SM + OUT0 + j]
    export_faces(s, XM + OUT0, SM + OUT0, edge_flux, watched, row, c0, ny, nx)


@njit(cache=True, error_model="numpy")
def step_tile_limited(
    old, new, static, s, slow, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry, law
):
    """The same step where some cell would lose more than it holds: all that leaves such a cell is scaled by
    theta.

    The momentum of a face follows its water: it changes by (theta - 1) mass × velocity of the donor. Where
    theta is 1 the faces are those of the plain step, to the bit. Returns the number of limited cells of the
    tile.
    """
    low, high = c0 - HALO, c0 - HALO + NB
    start_tile(s, old, static, r0, low, dry)
    for below in range(r0 - 2, r0 + rows + 2):
        shift_state(s)
        shift_cells(s)
        load_padded_state(s, old, static, below + 1, low, dry)
        load_ground(s, static[FRICTION, below, low:high], static[SMOOTH, below, low:high])
        reconstruct(s, ratio, dt, dry, law)
        if below == r0 - 2:
            continue
        row = below - 1
        faces_below(s, static[CREST_Y, row, low:high], dry)
        faces_within(s, static[CREST_X, row, low:high], dry)
        # Plane row k: cells, faces in x and faces below of row r0 - 2 + k.
        base = (row - r0 + 2) * NB
        for p in range(4):
            for j in range(NB):
                slow[FACES_X + p * PLANE + base + j] = s[XM + p * NB + j]
                slow[FACES_Y + p * PLANE + base + j] = s[SM + p * NB + j]
        for j in range(NB):
            slow[DONOR_U + base + j] = s[CA + PU + j]
            slow[DONOR_V + base + j] = s[CA + PV + j]
            slow[MID_H + base + j] = s[CA + PH + j]
            slow[LEVEL_X + base + j] = s[CA + XW + j]
            slow[LEVEL_Y + base + j] = s[CA + YW + j]
    limited = 0
    for k in range(1, rows + 3):
        for j in range(OUT0 - 1, OUT0 + TILE_COLS + 1):
            m = k * NB + j
            out = (max(slow[FACES_X + m], 0.0) - min(slow[FACES_X + m - 1], 0.0)) + (
                max(slow[FACES_Y + m], 0.0) - min(slow[FACES_Y + m - NB], 0.0)
            )
            depth = old[DEPTH, r0 - 2 + k, low + j]
            over = ratio * out > FULL * depth
            slow[THETA + m] = (FULL * depth) / (ratio * out) if over else 1.0
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
    for k in range(2, rows + 2):
        base = k * NB
        for p in range(4):
            for j in range(NB):
                s[XM + p * NB + j] = slow[FACES_X + p * PLANE + base + j]
                s[SM + p * NB + j] = slow[FACES_Y + p * PLANE + base + j]
        for j in range(NB):
            s[CA + H0 + j] = old[DEPTH, r0 - 2 + k, low + j]
            s[CA + PH + j] = slow[MID_H + base + j]
            s[CA + XW + j] = slow[LEVEL_X + base + j]
            s[CA + YW + j] = slow[LEVEL_Y + base + j]
            s[TM + j] = slow[FACES_Y + base - NB + j]
            s[TR + j] = slow[FACES_Y + 2 * PLANE + base - NB + j]
            s[TT + j] = slow[FACES_Y + 3 * PLANE + base - NB + j]
        update_tile_row(old, new, static, s, edge_flux, watched, r0 - 2 + k, c0, ny, nx, ratio, dt, dry, law)
    return limited


@njit(inline="always")
def limit_face(slow, faces, m, other, velocity):
    """Scale one face (plane index m) between the cells m and `other` by the theta of its donor."""
    mass = slow[faces + m]
    donor = m if mass > 0.0 else other
    theta = slow[THETA + donor]
    lost = (theta - 1.0) * mass * slow[velocity + donor]
    slow[faces + m] = theta * mass
    slow[faces + PLANE + m] += lost
    slow[faces + 2 * PLANE + m] += lost
    slow[faces + 3 * PLANE + m] *= theta
