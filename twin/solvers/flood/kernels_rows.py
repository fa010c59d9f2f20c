# mypy: ignore-errors
"""What the schemes of first and second order share: rows of cells in a scratch, the flux through a face, the
new state of a row (numba).

Two tiles side by side are swept from north to south. The rows in flight lie in one private buffer `s`, NB
numbers each: the tiles and PAD cells on each side. Each cell row has a part of the buffer, four of which turn
in a ring instead of being copied; what is at a place that the compiler knows in a part or behind the parts
vectorises.

The type of `s` is the precision: fluxes and reconstruction are computed in it. The state is always double, so
are the differences of levels between neighbours (`d`), from which everything is computed (relief and altitude
cost no digits in single precision), and the sums of the mass fluxes: no precision loses water.

Every momentum flux is a deviation from the hydrostatic pressure of the cell that receives it, so that each
term, and not only their sum, vanishes in a lake at rest: rest is kept to the rounding of the water level.

A sweep writes only the cells of the tiles that it is asked for (`asked`, bits WEST_TILE and EAST_TILE); a
face between two tiles is computed by both, with the same operations on the same numbers, hence to the same
bit: mass is exact, and neither threads nor which tiles are swept together matter.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from twin.solvers.flood.hazards import SPEED_DEPTH
from twin.solvers.flood.kernels import (
    BED,
    BOTH_TILES,
    CHEZY,
    CHUNKS,
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
    SWEEP_COLS,
    TILE_COLS,
    chunk,
    end_of_run,
    fused,
    in_sweep,
    in_tile,
    inverse_cube_root,
    keep_asked,
    larger,
    length_of,
    like,
    prefetch,
    stretch,
    target,
    wet_chunks,
    with_halo,
    write_row,
)
from twin.solvers.flood.kernels_edges import export_faces, export_north
from twin.solvers.flood.kernels_record import looks_of_sweep

NB = SWEEP_COLS + 2 * PAD
OUT0 = PAD  # first cell of the sweep in a row
ROW = NB + 8  # with a margin, for the neighbours of the first and last cells; rows begin on a cache line
START = 16
LINE = 8  # doubles in a cache line

NONE = -1e30  # a level below all levels
SMOOTHEST = 1e-12  # g n² from which friction bounds a fall


def _places(first, count):
    return tuple(START + (first + k) * ROW for k in range(count))


# A row in flight (places in its part of the scratch, see `part`): depth, velocities, discharges, level to the
# east and to the south less that of the cell, friction, bed; at second order the values at the south face of
# each cell (depth, velocities, level gained since) and the push of the bed; faces below: mass, momentum
# for the cell before and for the one behind, transverse momentum.
RH, RU, RV, RQX, RQY, RDX, RDY, RGF, RZ, RSH, RSU, RSV, RSW, PX, PY, FM, FL, FR, FT = _places(0, 19)
PART = START + 19 * ROW
PARTS = 4  # rows in flight: the one to finish and the one above it, the one under way, the one below it
# Faces in x of the row under way, j between the cells j and j + 1, like those below.
XM, XL, XR, XT = (PARTS * PART + k for k in _places(0, 4))
FACES = 4 * ROW  # numbers of a row of faces, in x or below
# Crests in x and y over the bed of the cell before them; whether slopes may be taken
GX, GY, GS = (PARTS * PART + k for k in _places(4, 3))
# New depth, discharges and v² (0 where shallow) of a row, v², scratch
NH, NX, NY, NV, NZ, TEMP = (PARTS * PART + k for k in _places(7, 6))
# Maxima of the columns: wave speed, v², energy level (see `kernels_record.too_fast`), bed under
# water; cells without a valid depth
MAX_SPEED, MAX_V2, MAX_LEVEL, MAX_BED, BAD_CELLS = (PARTS * PART + k for k in _places(13, 5))
# Values at the other faces of the row under way (second order): east, west, north; middle of the cells
EH, EU, EV, EW, WH, WU, WV, WW, BH, BU, BV, BW = (PARTS * PART + k for k in _places(18, 12))
MH, MU, MV, MF = (PARTS * PART + k for k in _places(30, 4))
SCRATCH = PARTS * PART + START + 34 * ROW
# Double: levels of the last row loaded; a spare row of new depths
LEVELS, SPARE = _places(0, 2)
DOUBLES = START + 2 * ROW


@njit(inline="always")
def part(s, k):
    """The scratch of a row in flight, 0 ≤ k < PARTS."""
    return stretch(s, (k * PART,), PART)


@njit(error_model="numpy")
def load_row(above, row, d, old, static, r, c0, dry):
    """A row of the state, its levels less those of the row above; its `wet_chunks`."""
    h, z = with_halo(old, DEPTH, r, c0), with_halo(static, BED, r, c0)
    qx, qy = with_halo(old, DISCHARGE_X, r, c0), with_halo(old, DISCHARGE_Y, r, c0)
    friction = with_halo(static, FRICTION, r, c0)
    for j in range(NB):
        level = z[j] + h[j]
        above[RDY + j] = level - d[LEVELS + j]
        d[LEVELS + j] = level
        row[RH + j] = h[j]
        row[RZ + j] = z[j]
    for j in range(NB):
        row[RQX + j] = qx[j]
        row[RQY + j] = qy[j]
        row[RGF + j] = friction[j]
        row[RDX + j] = d[LEVELS + j + 1] - d[LEVELS + j]
    return _velocities(row, dry)


@njit(error_model="numpy")
def ask_for_depths(old, static, r, c0):
    """Bring near what the row r is loaded from: rows of different arrays are too far apart for the hardware
    to see that they follow. It is asked for in three parts, as more than a processor can wait for hold up
    what comes after them.
    """
    h, z = with_halo(old, DEPTH, r, c0), with_halo(static, BED, r, c0)
    for j in range(0, NB, LINE):
        prefetch(h, j, 0)
        prefetch(z, j, 0)


@njit(error_model="numpy")
def ask_for_discharges(old, static, r, c0):
    """The same."""
    qx, qy = with_halo(old, DISCHARGE_X, r, c0), with_halo(old, DISCHARGE_Y, r, c0)
    friction = with_halo(static, FRICTION, r, c0)
    for j in range(0, NB, LINE):
        prefetch(qx, j, 0)
        prefetch(qy, j, 0)
        prefetch(friction, j, 0)


@njit(error_model="numpy")
def ask_for_new(new, r, c0, past):
    """Bring near where the new state of a row is written, if it is not written past the caches."""
    h = in_sweep(new, DEPTH, r, c0)
    for j in range(0, SWEEP_COLS, LINE):
        prefetch(h, j, 1)
    if not past:
        qx, qy = in_sweep(new, DISCHARGE_X, r, c0), in_sweep(new, DISCHARGE_Y, r, c0)
        for j in range(0, SWEEP_COLS, LINE):
            prefetch(qx, j, 1)
            prefetch(qy, j, 1)


@njit(error_model="numpy")
def _velocities(row, dry):
    one = like(dry, 1.0)
    wet = wet_chunks(row, RH, dry)
    k = 0
    while k < CHUNKS:
        end = end_of_run(wet, k)
        count = length_of(row, k, end)
        here = chunk(row, k)
        if wet >> k & 1:
            for j in range(count):
                inverse = one / max(here[RH + j], dry)
                here[RU + j] = here[RQX + j] * inverse
                here[RV + j] = here[RQY + j] * inverse
        else:
            inverse = one / dry
            for j in range(count):
                here[RU + j] = here[RQX + j] * inverse
                here[RV + j] = here[RQY + j] * inverse
        k = end
    return wet


@njit(error_model="numpy")
def load_crests(s, static, row, c0):
    """The crests on the faces in x of a row, and where its cells may have slopes."""
    z = with_halo(static, BED, row, c0)
    smooth = with_halo(static, SMOOTH, row, c0)
    crest_x = with_halo(static, CREST_X, row, c0)
    for j in range(NB):
        s[GS + j] = smooth[j]
        s[GX + j] = crest_x[j] - z[j]


@njit(error_model="numpy")
def load_crests_below(s, static, row, c0):
    """The crests on the faces below a row."""
    z = with_halo(static, BED, row, c0)
    crest_y = with_halo(static, CREST_Y, row, c0)
    for j in range(NB):
        s[GY + j] = crest_y[j] - z[j]


@njit(error_model="numpy")
def start_tile(s, c0, nx):
    """A scratch without crests; closed faces between ghosts."""
    zero = like(s[0], 0.0)
    for j in range(NB):
        s[GS + j] = like(s[0], 1.0)
        s[GX + j] = like(s[0], -np.inf)
        s[GY + j] = like(s[0], -np.inf)
    for k in range(PARTS):
        row = part(s, k)
        for j in range(NB):
            row[PX + j] = zero
            row[PY + j] = zero
    if c0 == PAD:
        for j in range(OUT0):
            s[GY + j] = like(s[0], np.inf)
        for j in range(OUT0 - 1):
            s[GX + j] = like(s[0], np.inf)
    for j in range(PAD + nx - (c0 - PAD), NB):
        s[GX + j] = like(s[0], np.inf)
        s[GY + j] = like(s[0], np.inf)


@njit(error_model="numpy")
def start_maxima(s):
    """A scratch without maxima."""
    zero = like(s[0], 0.0)
    none = like(s[0], NONE)
    for j in range(NB):
        s[MAX_SPEED + j] = zero
        s[MAX_V2 + j] = zero
        s[MAX_LEVEL + j] = none
        s[MAX_BED + j] = none
        s[BAD_CELLS + j] = zero


@njit(error_model="numpy")
def no_faces(faces):
    """Four rows of faces through which nothing passes."""
    for j in range(4 * ROW - 8):
        faces[j] = like(faces[0], 0.0)


@njit(inline="always")
def still(row, faces, count):
    """Nothing passes some faces of a row (`faces`: FM or XM, after which the others stand)."""
    for j in range(count):
        row[faces + j] = like(row[0], 0.0)
        row[faces + ROW + j] = like(row[0], 0.0)
        row[faces + 2 * ROW + j] = like(row[0], 0.0)
        row[faces + 3 * ROW + j] = like(row[0], 0.0)


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
    # One side dry: the exact solution, the sonic point of the rarefaction or the state of the wet side. What
    # falls leaves with the speed that it has at the edge, half of the fall below the middle of its cell.
    onto_left = al <= zero
    onto_right = ar <= zero
    a = ar if onto_left else al
    u = -ur if onto_left else ul
    c = cr if onto_left else cl
    sonic = max((u + (c + c)) * like(hl, 1.0 / 3.0), zero)
    depth = a if u >= c else like(hl, 1.0 / GRAVITY) * (sonic * sonic)
    speed = u if u >= c else sonic
    out = depth * speed
    fall = min(face - step if onto_left else face, zero)
    # One root serves both cases: the speed at the edge, the celerity of the mean depth.
    root = math.sqrt(fused(-g, fall, speed * speed) if onto_left | onto_right else half_g * (al + ar))
    alone = fused(out, root, half_g * ((depth - a) * (depth + a)))
    # Both sides wet: HLL. The mass is rounded term by term: at a wall, between mirror images, it is nothing.
    u_mean = (cl * ul + cr * ur) / max(cl + cr, like(hl, SMALL))
    slow = min(min(ul - cl, u_mean - root), zero)
    fast = max(max(ur + cr, u_mean + root), zero)
    share = like(hl, 1.0) / max(fast - slow, like(hl, SMALL))
    ql = al * ul
    qr = ar * ur
    both = slow * fast
    mass = (fast * ql - slow * qr + both * (ar - al)) * share
    left = fused(both, qr - ql, fused(fast, ql * ul, -slow * fused(qr, ur, push))) * share
    mass = out if onto_right else mass
    left = alone if onto_right else left
    mass = -out if onto_left else mass
    left = alone + push if onto_left else left
    right = left - push
    left = fused(half_g * (hl + al), min(face, zero), left)
    right = fused(half_g * (hr + ar), min(face - step, zero), right)
    gives = hl >= dry
    gives_back = hr >= dry
    mass = (max(mass, zero) if gives else zero) + (min(mass, zero) if gives_back else zero)
    across = mass * (vl if mass > zero else vr)
    # Films do not push each other, whether or not a cell of their row is wet, so that it may be left out.
    left = left if gives | gives_back else zero
    right = right if gives | gives_back else zero
    return mass, left, right, across


@njit(error_model="numpy")
def _update_depths(above, row, s, h, h_new, ratio):
    for j in range(SWEEP_COLS):
        k = OUT0 + j
        inside = (np.float64(s[XM + k]) - np.float64(s[XM + k - 1])) - np.float64(above[FM + k])
        depth = h[j] - ratio * (inside + np.float64(row[FM + k]))
        h_new[j] = depth
        s[NH + k] = depth


@njit(error_model="numpy")
def _update_momenta(above, row, s, ratio, dt, dry, law):
    zero = like(dry, 0.0)
    one = like(dry, 1.0)
    manning, chezy, linear = laws(dry, law)
    for j in range(OUT0, OUT0 + SWEEP_COLS):
        depth = s[NH + j]
        mx = ((s[XL + j] - s[XR + j - 1]) + row[PX + j]) - above[FT + j]
        my = ((s[XT + j] - s[XT + j - 1]) + row[PY + j]) - above[FR + j]
        mx = fused(-ratio, mx + row[FT + j], row[RQX + j])
        my = fused(-ratio, my + row[FL + j], row[RQY + j])
        # Friction, implicit in closed form: no momentum under the dry depth.
        root = inverse_cube_root(max(depth, dry))
        inverse = root * root * root
        square = mx * mx + my * my
        friction = row[RGF + j]
        drag = math.sqrt(square) * (inverse * inverse) * fused(root, manning, chezy)
        drag = fused(linear, fused(dt, friction, one), drag)
        slowed = like(dry, 2.0) / (one + math.sqrt(fused((like(dry, 4.0) * dt) * friction, drag, one)))
        wet = depth >= dry
        slowed = slowed if wet else zero
        mx = mx * slowed
        my = my * slowed
        s[NX + j] = mx
        s[NY + j] = my
        deep = depth > like(dry, SPEED_DEPTH)
        bed = row[RZ + j]
        v2 = square * ((slowed * inverse) * (slowed * inverse))
        s[NZ + j] = v2
        v2 = v2 if deep else zero
        s[NV + j] = v2
        speed = fused(max(abs(mx), abs(my)), inverse, math.sqrt(like(dry, GRAVITY) * max(depth, zero)))
        s[MAX_SPEED + j] = max(s[MAX_SPEED + j], speed if wet else zero)
        s[MAX_V2 + j] = max(s[MAX_V2 + j], v2)
        head = (bed + depth) + min(v2 * like(dry, 0.5 / GRAVITY), depth + depth)
        s[MAX_LEVEL + j] = max(s[MAX_LEVEL + j], head if wet else like(dry, NONE))
        s[MAX_BED + j] = max(s[MAX_BED + j], bed if deep else like(dry, NONE))
        s[BAD_CELLS + j] += zero if depth >= zero else one


@njit(inline="always")
def laws(like_this, law):
    """1 for the law of friction that holds and 0 for the two others: Manning, Chézy, linear."""
    zero = like(like_this, 0.0)
    one = like(like_this, 1.0)
    return one if law == MANNING else zero, one if law == CHEZY else zero, one if law == LINEAR else zero


@njit(inline="always")
def _of_tile(s, row, first):
    return stretch(s, (row + first,), TILE_COLS)


@njit(inline="always")
def _fall_matters(s, first, columns, dry, fall):
    none = like(dry, -1.0)
    depth = fall / like(dry, 2.0 * GRAVITY)
    top = like(dry, 0.0)
    v2 = none
    # Views from the tile on: a loop whose first index is not known looks at the sign of each.
    speeds, squares, depths = _of_tile(s, MAX_SPEED, first), _of_tile(s, NZ, first), _of_tile(s, NH, first)
    for j in range(columns):
        top = larger(top, speeds[j])
        here = squares[j] if depths[j] >= dry else none
        v2 = larger(v2, here if depths[j] < depth else none)
    # The sum of the speeds in x and y is at most √2 times the speed.
    twice = max(v2 + v2, like(dry, 0.0))
    crossing = like(dry, 0.5) * (math.sqrt(twice) + math.sqrt(twice + fall))
    return v2 >= like(dry, 0.0) and crossing + math.sqrt(like(dry, 0.5) * fall) > top


@njit(error_model="numpy")
def fall_matters(s, first, columns, dry, fall):
    """Whether a fall of at most `fall` (2 g × step) could make a cell of the new row the fastest of its
    tile so far; first: place of the tile in the row.
    """
    if columns == TILE_COLS:  # nearly always: the length of the loop is known
        return _fall_matters(s, first, TILE_COLS, dry, fall)
    return _fall_matters(s, first, columns, dry, fall)


@njit(error_model="numpy")
def bound_falls(s, row, fall, first, half_dx, dry, law):
    """Raise the highest speeds of a tile to that at which water crosses its cell while it falls.

    Where it is shallower than the step down to a neighbour (`fall`, 2 g × step) it falls freely and leaves
    with √(v² + fall): on its way it is as fast as the mean of the two, its pull being the same all along, but
    no faster than friction lets it run down that slope, v² = g S h^(4/3) / (g n²). half_dx: 1/(2 dx).
    The speeds in x and y add: the fall pushes all the water of a cell, so what leaves through both of its
    sides must leave enough behind to share that push (else the rest of a column on a corner runs away).
    """
    zero = like(dry, 0.0)
    g = like(dry, GRAVITY)
    manning, chezy, linear = laws(dry, law)
    tile, friction = stretch(s, (first,), s.size - first), stretch(row, (RGF + first,), TILE_COLS)
    for j in range(TILE_COLS):
        tile[NZ + j] = fall[j]
        tile[TEMP + j] = friction[j]
    for j in range(TILE_COLS):
        depth = tile[NH + j]
        root = inverse_cube_root(max(depth, dry))
        velocity = (abs(tile[NX + j]) + abs(tile[NY + j])) * (root * root * root)
        leaving = math.sqrt(velocity * velocity + max(tile[NZ + j] - (g + g) * depth, zero))
        pull = (half_dx * tile[NZ + j]) / max(tile[TEMP + j], like(dry, SMOOTHEST))
        uniform = pull * ((depth * depth) * (root * root) * (manning + chezy * root) + linear * pull)
        crossing = min(like(dry, 0.5) * (velocity + leaving), math.sqrt(uniform))
        speed = crossing + math.sqrt(g * max(depth, zero))
        tile[MAX_SPEED + j] = max(tile[MAX_SPEED + j], speed if depth >= dry else zero)


@njit(error_model="numpy")
def update_row(
    s, d, above, at, old, new, static, falls, looks, edge_flux, watched, k, r, c0, asked, past, ny, nx, ratio,
    dt, dry, law,
):  # fmt: skip
    """New state of the row r of the padded arrays, the row k of its tiles (ratio: dt/dx in double), and its
    depths and v² into `looks`; what crosses edges and watched faces goes to edge_flux.

    above: part of the row above, which is the one before `at`, that of the row.
    """
    row = part(s, at)
    h_new = target(new, DEPTH, r, c0, asked, d, SPARE)
    _update_depths(above, row, s, in_sweep(old, DEPTH, r, c0), h_new, ratio)
    _update_momenta(above, row, s, like(dry, ratio), dt, dry, law)
    depths, squares = looks_of_sweep(looks, k)
    write_row(new, DISCHARGE_X, r, c0, asked, past, s, NX + OUT0)
    write_row(new, DISCHARGE_Y, r, c0, asked, past, s, NY + OUT0)
    for j in range(SWEEP_COLS):
        depths[j] = s[NH + OUT0 + j]
        squares[j] = s[NV + OUT0 + j]
    if asked != BOTH_TILES:
        keep_asked(new, DEPTH, r, c0, asked, d, SPARE)
    for tile in range(2):
        if asked & (tile + 1):
            c = c0 + tile * TILE_COLS
            columns = min(TILE_COLS, PAD + nx - c)
            first = OUT0 + tile * TILE_COLS
            # Only steps higher than the water is deep matter, and few of them set the next step.
            highest = falls[r - PAD, (c - PAD) // TILE_COLS]
            if highest > 0.0 and fall_matters(s, first, columns, dry, like(dry, highest)):
                half_dx = like(dry, 0.5 * ratio / np.float64(dt))
                bound_falls(s, row, in_tile(static, FALL, r, c), first, half_dx, dry, law)
            export_row(s, at, edge_flux, watched, k, r, c, columns, first, ny, nx)


@njit(error_model="numpy")
def export_row(s, at, edge_flux, watched, k, r, c0, columns, first, ny, nx):
    """What crosses edges and watched faces in a row of one tile, whose cells begin at the place `first`."""
    if c0 == PAD:
        edge_flux[r - PAD] = -s[XM + first - 1]
    if c0 + columns == PAD + nx:
        edge_flux[ny + r - PAD] = s[XM + first + columns - 1]
    below = at * PART + FM + first
    if k == 0:
        export_north(s, (at + PARTS - 1) % PARTS * PART + FM + first, edge_flux, watched, r, c0, ny, nx)
    if r == PAD + ny - 1:
        for j in range(columns):
            edge_flux[2 * ny + nx + c0 - PAD + j] = s[below + j]
    export_faces(s, XM + first, below, edge_flux, watched, r, c0, ny, nx)


@njit(error_model="numpy")
def keep_row(s, d, old, new, looks, k, r, c0, asked, past):
    """A row where nothing happens."""
    h = in_sweep(old, DEPTH, r, c0)
    h_new = target(new, DEPTH, r, c0, asked, d, SPARE)
    depths, squares = looks_of_sweep(looks, k)
    zero = like(s[0], 0.0)
    for j in range(SWEEP_COLS):
        h_new[j] = h[j]
        s[NX + j] = zero
        depths[j] = h[j]
        squares[j] = np.float32(0.0)
        s[TEMP + j] = h[j]
    write_row(new, DISCHARGE_X, r, c0, asked, past, s, NX)
    write_row(new, DISCHARGE_Y, r, c0, asked, past, s, NX)
    for j in range(SWEEP_COLS):
        s[BAD_CELLS + OUT0 + j] += zero if s[TEMP + j] >= zero else like(s[0], 1.0)
    if asked != BOTH_TILES:
        keep_asked(new, DEPTH, r, c0, asked, d, SPARE)
