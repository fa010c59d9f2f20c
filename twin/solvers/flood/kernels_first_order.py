# mypy: ignore-errors
"""One step of the first-order scheme on one tile (numba).

Equations: shallow water with bed slope and Manning friction, finite volumes on square cells, one explicit
step. Bed and fronts: reconstruction of Chen and Noelle (2017), SIAM J. Numer. Anal. 55(2); flux: HLL with the
transverse momentum carried by the mass flux (HLLC of the shallow water equations) and the wave speeds of
Einfeldt with those of Toro at a dry side; friction: Xia and Liang (2018), Adv. Water Resour. 117, implicit in
closed form; positivity: outflow limited as in Bollermann, Noelle and Lukacova (2011), Commun. Comput. Phys.
10.

Every momentum flux is a deviation from the hydrostatic pressure of the cell that receives it, so that each
term, and not only their sum, vanishes in a lake at rest: rest is kept to the rounding of the water level.

A tile reads two cells beyond its edges and writes only its own; a face between two tiles is computed by both,
with the same operations on the same numbers, hence to the same bit: mass is exact and threads do not matter.
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
    TILE_COLS,
    TILE_ROWS,
    TINY,
    inverse_cube_root,
)
from twin.solvers.flood.kernels import COLUMN_DEPTH as CD
from twin.solvers.flood.kernels import COLUMN_SPEED as CS
from twin.solvers.flood.kernels_edges import export_faces

HALO = 2
NB = TILE_COLS + 2 * HALO  # buffer row: the tile and two cells on each side
OUT0 = HALO  # first cell of the tile in a buffer row

# Rows of the scratch buffer, each NB long, after the column maxima. Row above (A) and row itself (B): depth,
# velocities, level, bed.
ROWS = MAXIMA
AH, AU, AV, AW, AZ = ROWS + 0 * NB, ROWS + 1 * NB, ROWS + 2 * NB, ROWS + 3 * NB, ROWS + 4 * NB
BH, BU, BV, BW, BZ = ROWS + 5 * NB, ROWS + 6 * NB, ROWS + 7 * NB, ROWS + 8 * NB, ROWS + 9 * NB
# Faces of row A in x, j between cells j and j + 1: mass, momentum for the left and for the right cell,
# transverse.
XM, XL, XR, XT = ROWS + 10 * NB, ROWS + 11 * NB, ROWS + 12 * NB, ROWS + 13 * NB
# Faces above (T) and below (S) row A.
TM, TR, TT = ROWS + 14 * NB, ROWS + 15 * NB, ROWS + 16 * NB
SM, SL, SR, ST = ROWS + 17 * NB, ROWS + 18 * NB, ROWS + 19 * NB, ROWS + 20 * NB
# Row A of the tile alone, from its first cell: discharges, g n², step down, then the new state.
QX, QY, QF, QD = ROWS + 21 * NB, ROWS + 22 * NB, ROWS + 23 * NB, ROWS + 24 * NB
NH, NX, NY = ROWS + 25 * NB, ROWS + 26 * NB, ROWS + 27 * NB
SCRATCH = ROWS + 28 * NB
# Planes of the limited step: faces in x (4) of the rows -1 … rows of a tile, faces above the rows -1 … rows +
# 1 (4), velocities of the donors (2), theta.
PLANE = (TILE_ROWS + 4) * NB
FACES_X, FACES_Y, DONOR_U, DONOR_V, THETA = 0, 4 * PLANE, 8 * PLANE, 9 * PLANE, 10 * PLANE
SLOW_SCRATCH = 11 * PLANE


@njit(inline="always")
def face_flux(hl, ul, vl, wl, zl, hr, ur, vr, wr, zr, crest, dry):
    """Flux through a face between a left and a right cell.

    Returns mass flux (m²/s), normal momentum for the left and for the right cell as deviations from their
    hydrostatic pressures, transverse momentum (m³/s²).
    """
    face = max(min(max(zl, zr), min(wl, wr)), crest)
    al = min(max(wl - face, 0.0), hl)
    ar = min(max(wr - face, 0.0), hr)
    cl = math.sqrt(GRAVITY * al)
    cr = math.sqrt(GRAVITY * ar)
    step = 0.5 * GRAVITY * ((ar - al) * (ar + al))  # pressure right minus left
    # Both sides wet: HLL.
    u_mean = (cl * ul + cr * ur) / max(cl + cr, TINY)
    c_mean = math.sqrt(0.5 * GRAVITY * (al + ar))
    slow = min(min(ul - cl, u_mean - c_mean), 0.0)
    fast = max(max(ur + cr, u_mean + c_mean), 0.0)
    share = 1.0 / max(fast - slow, TINY)
    ql = al * ul
    qr = ar * ur
    mass = (fast * ql - slow * qr + slow * fast * (ar - al)) * share
    left = (fast * (ql * ul) - slow * (qr * ur + step) + slow * fast * (qr - ql)) * share
    # One side dry: the exact solution, the sonic point of the rarefaction or the state of the wet side.
    onto_left = al <= 0.0
    onto_right = ar <= 0.0
    a = ar if onto_left else al
    u = -ur if onto_left else ul
    c = cr if onto_left else cl
    sonic = max((u + 2.0 * c) * (1.0 / 3.0), 0.0)
    depth = a if u >= c else (1.0 / GRAVITY) * (sonic * sonic)
    speed = u if u >= c else sonic
    out = depth * speed
    push = out * speed + 0.5 * GRAVITY * ((depth - a) * (depth + a))
    mass = out if onto_right else mass
    left = push if onto_right else left
    mass = -out if onto_left else mass
    left = push + step if onto_left else left
    right = left - step
    left = left + 0.5 * GRAVITY * ((hl + al) * min(face - zl, 0.0))
    right = right + 0.5 * GRAVITY * ((hr + ar) * min(face - zr, 0.0))
    mass = (max(mass, 0.0) if hl >= dry else 0.0) + (min(mass, 0.0) if hr >= dry else 0.0)
    across = mass * (vl if mass > 0.0 else vr)
    return mass, left, right, across


@njit(inline="always")
def slow_down(depth, mx, my, friction, fall, dt, half_dx, dry, manning, linear):
    """Discharges after a step of friction, implicit in closed form (0 under the dry depth), and the speed
    that bounds the next step.

    That is the wave speed with the velocity that the water may have before it leaves the cell: where it is
    shallower than the step down to a neighbour (`fall`, 2 g × step) it falls freely, v² + fall, but no faster
    than friction lets it run down that slope, v² = g S h^(4/3) / (g n²). half_dx: 1/(2 dx); manning: 1.0 for
    that law, else 0.0; linear: whether it is that one.
    """
    wet = 1.0 if depth >= dry else 0.0
    root = inverse_cube_root(max(depth, dry))
    root2 = root * root
    inverse = root2 * root  # 1/depth
    size = math.sqrt(mx * mx + my * my)
    other = 1.0 - manning
    drag = (4.0 * dt) * friction * size * (inverse * inverse * (root * manning + other))
    # 2 / (1 + √(1 + drag)) is then 1 / (1 + friction dt).
    drag = (4.0 * dt) * friction * (1.0 + dt * friction) if linear else drag
    slowed = wet * (2.0 / (1.0 + math.sqrt(1.0 + drag)))
    mx = mx * slowed
    my = my * slowed
    velocity = max(abs(mx), abs(my)) * inverse
    free = velocity * velocity + max(fall - (2.0 * GRAVITY) * depth, 0.0)
    pull = (half_dx * fall) / max(friction, TINY)
    uniform = pull * (depth * depth) * (root2 * (manning + other * root))
    uniform = pull * pull if linear else uniform
    fallen = math.sqrt(min(free, uniform))
    speed = wet * (max(velocity, fallen) + math.sqrt(GRAVITY * depth))
    return mx, my, speed


@njit(cache=True, error_model="numpy")
def load_row(s, h, qx, qy, z, dry):
    """Depth, velocities, level and bed of a row of cells into the rows B of the buffer; its wet cells."""
    wet = 0
    for j in range(NB):
        depth = h[j]
        wet += 1 if depth >= dry else 0
        safe = max(depth, dry)
        inverse = 1.0 / safe
        s[BH + j] = depth
        s[BU + j] = qx[j] * inverse
        s[BV + j] = qy[j] * inverse
        s[BW + j] = z[j] + depth
        s[BZ + j] = z[j]
    return wet


@njit(cache=True, error_model="numpy")
def load_padded_row(s, old, static, row, low, dry):
    """:func:`load_row` for a row of the padded arrays, from column `low` on."""
    high = low + NB
    return load_row(
        s,
        old[DEPTH, row, low:high],
        old[DISCHARGE_X, row, low:high],
        old[DISCHARGE_Y, row, low:high],
        static[BED, row, low:high],
        dry,
    )


@njit(cache=True, error_model="numpy")
def shift_rows(s):
    """Row B becomes row A, the faces below A become those above it."""
    for j in range(5 * NB):
        s[AH + j] = s[BH + j]
    for j in range(NB):
        s[TM + j] = s[SM + j]
        s[TR + j] = s[SR + j]
        s[TT + j] = s[ST + j]


@njit(cache=True, error_model="numpy")
def faces_below(s, crest, dry):
    """Faces between row A and row B."""
    for j in range(NB):
        mass, left, right, across = face_flux(
            s[AH + j], s[AV + j], s[AU + j], s[AW + j], s[AZ + j],
            s[BH + j], s[BV + j], s[BU + j], s[BW + j], s[BZ + j],
            crest[j], dry,
        )  # fmt: skip
        s[SM + j] = mass
        s[SL + j] = left
        s[SR + j] = right
        s[ST + j] = across


@njit(cache=True, error_model="numpy")
def faces_within(s, crest, dry):
    """Faces in x within row A."""
    for j in range(NB - 1):
        mass, left, right, across = face_flux(
            s[AH + j], s[AU + j], s[AV + j], s[AW + j], s[AZ + j],
            s[AH + j + 1], s[AU + j + 1], s[AV + j + 1], s[AW + j + 1], s[AZ + j + 1],
            crest[j], dry,
        )  # fmt: skip
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
def keep_row(old, new, row, c0):
    """A row of a tile where nothing happens."""
    end = c0 + TILE_COLS
    new[DEPTH, row, c0:end] = old[DEPTH, row, c0:end]
    new[DISCHARGE_X, row, c0:end] = 0.0
    new[DISCHARGE_Y, row, c0:end] = 0.0


@njit(cache=True, error_model="numpy")
def overdrawn(s, ratio):
    """Number of cells of row A, tile and one cell beside it, that would lose more than they hold in this
    step.
    """
    count = 0
    for j in range(1, NB - 1):
        out = (max(s[XM + j], 0.0) - min(s[XM + j - 1], 0.0)) + (max(s[SM + j], 0.0) - min(s[TM + j], 0.0))
        count += 1 if ratio * out > FULL * s[AH + j] else 0
    return count


@njit(cache=True, error_model="numpy")
def update_row(s, ratio, dt, dry, law):
    """New state of the row A of a tile, TILE_COLS cells, and the running maxima of its columns; ratio: dt/dx.

    Everything lies in one buffer at offsets known to the compiler: only so does the loop vectorise.
    """
    for j in range(TILE_COLS):
        k = OUT0 + j
        s[NH + j] = s[AH + k] - ratio * ((s[XM + k] - s[XM + k - 1]) + (s[SM + k] - s[TM + k]))
        s[NX + j] = s[QX + j] - ratio * ((s[XL + k] - s[XR + k - 1]) + (s[ST + k] - s[TT + k]))
        s[NY + j] = s[QY + j] - ratio * ((s[XT + k] - s[XT + k - 1]) + (s[SL + k] - s[TR + k]))
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
def step_tile(old, new, static, s, slow, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry, law):
    """Advance one tile by dt; the number of its cells whose outflow was limited (0: none).

    old, new, static: padded arrays (see `kernels`); s, slow: scratch of SCRATCH and SLOW_SCRATCH numbers; r0,
    c0: first row and column of the tile in the padded arrays; edge_flux, watched: see `kernels_edges`; ratio:
    dt/dx.
    On return rows CS and CD of s hold the column maxima.
    """
    for j in range(MAXIMA):
        s[j] = 0.0
    low, high = c0 - HALO, c0 - HALO + NB
    wet_above = 0
    wet_row = 0
    wet_below = load_padded_row(s, old, static, r0 - 2, low, dry)
    limited = 0
    for below in range(r0 - 1, r0 + rows + 2):
        row = below - 1
        shift_rows(s)
        wet_above, wet_row = wet_row, wet_below
        wet_below = load_padded_row(s, old, static, below, low, dry)
        # Faces between dry cells pass no water, and dry cells have no momentum to change.
        if wet_row + wet_below > 0:
            faces_below(s, static[CREST_Y, row, low:high], dry)
        else:
            no_faces(s, SM)
        if row < r0 - 1:
            continue
        if wet_row > 0:
            faces_within(s, static[CREST_X, row, low:high], dry)
            limited += overdrawn(s, ratio)
        else:
            no_faces(s, XM)
        if r0 <= row < r0 + rows:
            if wet_above + wet_row + wet_below > 0:
                update_tile_row(old, new, static, s, edge_flux, watched, row, c0, ny, nx, ratio, dt, dry, law)
            else:
                keep_row(old, new, row, c0)
    if limited == 0:
        return 0
    return step_tile_limited(
        old, new, static, s, slow, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry, law
    )


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
    update_row(s, ratio, dt, dry, law)
    store_update(s, new[DEPTH, row, c0:end], new[DISCHARGE_X, row, c0:end], new[DISCHARGE_Y, row, c0:end])
    columns = min(TILE_COLS, PAD + nx - c0)
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
    for j in range(MAXIMA):
        s[j] = 0.0
    low, high = c0 - HALO, c0 - HALO + NB
    load_padded_row(s, old, static, r0 - 2, low, dry)
    for below in range(r0 - 1, r0 + rows + 2):
        row = below - 1
        shift_rows(s)
        load_padded_row(s, old, static, below, low, dry)
        faces_below(s, static[CREST_Y, row, low:high], dry)
        faces_within(s, static[CREST_X, row, low:high], dry)
        # Plane row k: velocities of the cells and faces in x of row r0 - 2 + k, faces above row r0 - 1 + k.
        base = (row - r0 + 2) * NB
        for p in range(4):
            for j in range(NB):
                slow[FACES_X + p * PLANE + base + j] = s[XM + p * NB + j]
                slow[FACES_Y + p * PLANE + base + j] = s[SM + p * NB + j]
        for j in range(NB):
            slow[DONOR_U + base + j] = s[AU + j]
            slow[DONOR_V + base + j] = s[AV + j]
    limited = 0
    for k in range(1, rows + 3):
        for j in range(1, NB - 1):
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
        for j in range(1, NB - 2):
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
            s[AH + j] = old[DEPTH, r0 - 2 + k, low + j]
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
