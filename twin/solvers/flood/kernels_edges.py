# mypy: ignore-errors
"""Boundaries: the ghost cells around the grid, and the water that crosses its edges (numba).

Edge cells are numbered round the grid: west 0 … ny-1, east ny … 2ny-1 (north to south), then north and south
(nx each, west to east). `edge_flux[e]` is the mass flux (m²/s) out of the grid through edge cell e in this
step. With n = 2 (ny + nx) edge cells, `edge_flux[n + e]` says whether water may only leave there, and from 2n
on stand the fluxes of the watched faces, to the east or to the south (m²/s; 0 where a row was not computed).
Behind these, where tiles have steps of their own, stand the fluxes through the sides of each tile (SIDES
numbers: WEST, EAST, NORTH, SOUTH), to the east or to the south, as the tile itself computed them.

`watched`, int64, lists those faces by rows of tiles: `watched[k]` … `watched[k + 1]` are the faces p of row k
= i × tiles_x + b (i the row of the grid, b the column of tiles), and `watched[ny × tiles_x + 1 + p]` is 2 ×
the column within the tile + axis (0: the face to the east of that cell, 1: the one to its south).
"""

from __future__ import annotations

import math

from numba import njit

from twin.solvers.flood.kernels import (
    BED,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FRICTION,
    GRAVITY,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    inverse_cube_root,
    prefetch,
    whole_plane,
)

WALL, OPEN, NORMAL_DEPTH, LEVEL, RATING = 0, 1, 2, 3, 4
# Sides of a tile in its SIDES numbers
WEST, EAST, NORTH, SOUTH = 0, TILE_ROWS, 2 * TILE_ROWS, 2 * TILE_ROWS + TILE_COLS
SIDES = 2 * (TILE_ROWS + TILE_COLS)
AHEAD = 12  # cells of a column whose cache lines are asked for before their turn


@njit(inline="always")
def edge_place(e, ny, nx):
    """Padded row and column of edge cell e, and the step outwards (rows, columns)."""
    if e < ny:
        return PAD + e, PAD, 0, -1
    if e < 2 * ny:
        return PAD + e - ny, PAD + nx - 1, 0, 1
    if e < 2 * ny + nx:
        return PAD, PAD + e - 2 * ny, -1, 0
    return PAD + ny - 1, PAD + e - 2 * ny - nx, 1, 0


@njit(inline="always")
def side_places(side, ny, nx, pitch):
    """Edge cells of a side (0 west, 1 east, 2 north, 3 south) in a padded plane whose rows have `pitch`
    numbers: number and place of the first, steps of the place to the next one, outwards and inwards (0: the
    grid ends there), and the sign of what flows outwards.
    """
    corner = PAD * pitch + PAD
    if side == 0:
        return 0, corner, pitch, -1, 1 if nx > 1 else 0, -1.0
    if side == 1:
        return ny, corner + nx - 1, pitch, 1, -1 if nx > 1 else 0, 1.0
    if side == 2:
        return 2 * ny, corner, 1, -pitch, pitch if ny > 1 else 0, -1.0
    return 2 * ny + nx, corner + (ny - 1) * pitch, 1, pitch, -pitch if ny > 1 else 0, 1.0


@njit(inline="always")
def fill_ghost(h, qn, qt, bed, friction, p, out, sign, kind, value, speed, closed, dry):
    """Fill the ghost cell beyond the edge cell at p, `out` further.

    h, qn, qt, bed, friction: planes of depth, of the discharges across the edge and along it, and of the
    ground; sign: of what flows outwards. kind: WALL mirror image; OPEN zero gradient, outward only (a mirror
    when the flow points inwards), and where the bed falls outwards, at the slope `value`, no slower than
    uniform or critical flow of that depth, whichever is less; NORMAL_DEPTH the depth of the edge cell at the
    speed of Manning for the slope `value`; LEVEL water level `value` above the datum, at `speed` outwards
    (NaN: zero gradient) and zero gradient along the edge; RATING the same, where water may only leave.
    closed: nothing passes (no data in the edge cell).
    """
    depth = 0.0 if closed else h[p]
    across = qn[p]
    along = qt[p]
    outward = sign * across
    if depth < dry and kind != LEVEL:
        across = 0.0
        along = 0.0
    elif kind == WALL or (kind == OPEN and outward < 0.0):
        across = -across
    elif kind == NORMAL_DEPTH or (kind == OPEN and value > 0.0):
        # v = sqrt(slope) h^(2/3) / n with g n² at hand: q = h v
        inverse = inverse_cube_root(depth)
        q = depth * math.sqrt(value * GRAVITY / friction[p]) * (depth * inverse)
        if kind == OPEN:
            q = max(min(q, depth * math.sqrt(GRAVITY * depth)), outward)
        across = sign * q
    elif kind >= LEVEL and not closed:  # and RATING
        level_depth = max(value - bed[p], 0.0)
        inverse = 1.0 / max(depth, dry)
        across = across * inverse * level_depth
        along = along * inverse * level_depth
        depth = level_depth
        if not math.isnan(speed):
            across = sign * speed * depth
    h[p + out] = depth
    qn[p + out] = across
    qt[p + out] = along


@njit(error_model="numpy")
def wake_edges(low, kind, value, closed, forced, ny, nx, dry):
    """Mark the tiles that a level beyond the edge floods in `forced`; low (n,): lowest ground of the edge
    cells (m above the datum).
    """
    tiles_x = -(-nx // TILE_COLS)
    for e in range(kind.size):
        if kind[e] == LEVEL and closed[e] == 0:
            r, c, _, _ = edge_place(e, ny, nx)
            if value[e] - low[e] >= dry:
                forced[(r - PAD) // TILE_ROWS * tiles_x + (c - PAD) // TILE_COLS] = 1


@njit(inline="always")
def is_mirror(kind, outward):
    """Whether what is beyond an edge is the mirror image of what is before it."""
    return kind == WALL or (kind == OPEN and outward < 0.0)


@njit(inline="always")
def fill_far_ghost(h, qn, qt, bed, friction, p, out, inwards, sign, kind, value, dx):
    """Second ghost and beds beyond the edge cell at p, after :func:`fill_ghost`; the second order reads them.

    Behind a mirror lies the mirror image, bed included: the two reconstructions at a wall are then images of
    each other and nothing passes. Beyond a normal-depth edge, and an open one that water leaves by, the bed
    falls on at the slope of the edge (`value`): over a last level step it would be held back; beyond a rating
    curve at the slope of friction (Manning). Beyond the others everything stays as in the first ghost.
    """
    first, second = p + out, p + 2 * out
    mirror = is_mirror(kind, sign * qn[p])
    drop = 0.0
    if kind == NORMAL_DEPTH or (kind == OPEN and not mirror):
        drop = value * dx
    if kind == RATING and h[first] > 0.0:
        # n² |q| q / h^(10/3) with g n² at hand
        across, along = qn[first], qt[first]
        inverse = inverse_cube_root(h[first])
        third = inverse * inverse * inverse
        drag = friction[p] / GRAVITY * math.sqrt(across * across + along * along) * (sign * across)
        drop = max(drag, 0.0) * (third * third * third * inverse) * dx
    bed[first] = bed[p] - drop
    if mirror:
        inner = p + inwards
        h[second] = h[inner]
        qn[second] = -qn[inner]
        qt[second] = qt[inner]
        bed[second] = bed[inner]
    else:
        h[second] = h[first]
        qn[second] = qn[first]
        qt[second] = qt[first]
        bed[second] = bed[first] - drop


@njit(inline="always")
def ask_for_edge(plane, p, out):
    """Bring near the edge cell at p of a plane and its ghosts: two cache lines. A place beyond the plane does
    no harm.
    """
    prefetch(plane, p, 1)
    prefetch(plane, p + 2 * out, 1)


@njit(error_model="numpy")
def fill_side(
    side, first, last, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second
):  # fmt: skip
    """Fill the ghosts beyond the edge cells `first` … `last` - 1, all of one side; second: both ghosts.

    kinds, given, speeds, closed (n,): see :func:`fill_ghost`; outward (n,) says then where water may only
    leave.
    """
    begin, place, step, out, inwards, sign = side_places(side, ny, nx, state.shape[2])
    h = whole_plane(state, DEPTH)
    qn = whole_plane(state, DISCHARGE_X if side < 2 else DISCHARGE_Y)
    qt = whole_plane(state, DISCHARGE_Y if side < 2 else DISCHARGE_X)
    bed, friction = whole_plane(static, BED), whole_plane(static, FRICTION)
    for e in range(first, last):
        p = place + (e - begin) * step
        if side < 2:  # each cell of a column is in another line, and the other thread may have written it
            ask_for_edge(h, p + AHEAD * step, out)
            ask_for_edge(qn, p + AHEAD * step, out)
            ask_for_edge(qt, p + AHEAD * step, out)
            if second:
                ask_for_edge(bed, p + AHEAD * step, out)
        kind = kinds[e]
        fill_ghost(
            h, qn, qt, bed, friction, p, out, sign, kind, given[e], speeds[e], closed[e] != 0, dry
        )  # fmt: skip
        if second:
            outward[e] = 1.0 if (kind != WALL) & (kind != LEVEL) else 0.0
            fill_far_ghost(h, qn, qt, bed, friction, p, out, inwards, sign, kind, given[e], dx)


@njit(cache=True, error_model="numpy")
def fill_ghosts(
    state, static, low, kinds, given, speeds, closed, outward, forced, ny, nx, dx, dry, second
):  # fmt: skip
    """:func:`fill_side` for all edge cells with the corners, and :func:`wake_edges`."""
    fill_side(0, 0, ny, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second)
    fill_side(1, ny, 2 * ny, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second)
    n = 2 * ny + nx
    fill_side(2, 2 * ny, n, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second)
    fill_side(3, n, n + nx, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second)
    if second:
        fill_corners(state, static, kinds, ny, nx)
    wake_edges(low, kinds, given, closed, forced, ny, nx, dry)


@njit(cache=True, error_model="numpy")
def fill_corners(state, static, kind, ny, nx):
    """The ghosts at the four corners, after :func:`fill_side`."""
    for corner in range(4):
        # The edge cells of the corner, in x (west, east) and in y (north, south).
        south = corner // 2
        east = corner % 2
        r = PAD + south * (ny - 1)
        c = PAD + east * (nx - 1)
        dr = 2 * south - 1
        dc = 2 * east - 1
        in_x = kind[east * ny + south * (ny - 1)]
        in_y = kind[2 * ny + south * nx + east * (nx - 1)]
        qx = state[DISCHARGE_X, r, c]
        qy = state[DISCHARGE_Y, r, c]
        sign_x = 1.0
        sign_y = 1.0
        if is_mirror(in_x, dc * qx):
            from_r, from_c, sign_x = r + dr, c, -1.0
        else:
            from_r, from_c = r, c + dc
            if is_mirror(in_y, dr * qy):
                sign_y = -1.0
        state[DEPTH, r + dr, c + dc] = state[DEPTH, from_r, from_c]
        state[DISCHARGE_X, r + dr, c + dc] = sign_x * state[DISCHARGE_X, from_r, from_c]
        state[DISCHARGE_Y, r + dr, c + dc] = sign_y * state[DISCHARGE_Y, from_r, from_c]
        static[BED, r + dr, c + dc] = static[BED, r + dr, c] + (static[BED, r, c + dc] - static[BED, r, c])


@njit(inline="always")
def edges_of_tile(k, side, ny, nx):
    """First and one past the last edge cell that tile k has on a side (0 west, 1 east, 2 north, 3 south)."""
    tiles_x = -(-nx // TILE_COLS)
    a = k // tiles_x
    b = k - a * tiles_x
    i0, i1 = a * TILE_ROWS, min((a + 1) * TILE_ROWS, ny)
    j0, j1 = b * TILE_COLS, min((b + 1) * TILE_COLS, nx)
    if side == 0 and b == 0:
        return i0, i1
    if side == 1 and j1 == nx:
        return ny + i0, ny + i1
    if side == 2 and a == 0:
        return 2 * ny + j0, 2 * ny + j1
    if side == 3 and i1 == ny:
        return 2 * ny + nx + j0, 2 * ny + nx + j1
    return 0, 0


@njit(inline="always")
def sides_of(watched, tile, ny, nx):
    """Where the sides of a tile begin in `edge_flux`."""
    rows = ny * (-(-nx // TILE_COLS)) + 1
    return 4 * (ny + nx) + watched.size - rows + tile * SIDES


@njit(inline="always")
def export_faces(s, east, south, edge_flux, watched, row, c0, ny, nx):
    """Hand out the mass fluxes of the watched faces of a row of a tile, and of those on its sides.

    s: scratch of the scheme, with the fluxes to the east of the cells of the row from `east` on and those to
    the south from `south` on; row, c0: padded row, first padded column of the tile.
    """
    tiles_x = -(-nx // TILE_COLS)
    k = (row - PAD) * tiles_x + (c0 - PAD) // TILE_COLS
    faces = ny * tiles_x + 1
    for p in range(watched[k], watched[k + 1]):
        code = watched[faces + p]
        edge_flux[4 * (ny + nx) + p] = s[(east if code % 2 == 0 else south) + code // 2]
    i = (row - PAD) % TILE_ROWS
    side = sides_of(watched, (row - PAD) // TILE_ROWS * tiles_x + (c0 - PAD) // TILE_COLS, ny, nx)
    if side < edge_flux.size:
        columns = min(TILE_COLS, PAD + nx - c0)
        edge_flux[side + WEST + i] = s[east - 1]
        edge_flux[side + EAST + i] = s[east + columns - 1]
        if i == TILE_ROWS - 1 or row == PAD + ny - 1:
            for j in range(columns):
                edge_flux[side + SOUTH + j] = s[south + j]


@njit(inline="always")
def export_north(s, south, edge_flux, watched, row, c0, ny, nx):
    """Hand out the mass fluxes through the north side of a tile, while they stand in the scratch from `south`
    on: those of the edge of the grid, and the side of the tile.
    """
    tiles_x = -(-nx // TILE_COLS)
    columns = min(TILE_COLS, PAD + nx - c0)
    if row == PAD:
        for j in range(columns):
            edge_flux[2 * ny + c0 - PAD + j] = -s[south + j]
    side = sides_of(watched, (row - PAD) // TILE_ROWS * tiles_x + (c0 - PAD) // TILE_COLS, ny, nx)
    if side < edge_flux.size:
        for j in range(columns):
            edge_flux[side + NORTH + j] = s[south + j]


@njit(cache=True, error_model="numpy")
def sum_edges(edge_flux, scale, totals):
    """Add the water of one step to the totals of each edge cell, compensated (Neumaier); scale: dt dx (s m).

    totals (4, n): inflow and its compensation, outflow and its compensation (m³).
    """
    for e in range(edge_flux.size):
        x = edge_flux[e] * scale
        if x == 0.0:
            continue
        k = 2 if x > 0.0 else 0
        x = abs(x)
        old = totals[k, e]
        new = old + x
        if old >= x:
            totals[k + 1, e] += (old - new) + x
        else:
            totals[k + 1, e] += (x - new) + old
        totals[k, e] = new


@njit(cache=True, error_model="numpy")
def rain_field_on(state, wettable, index, depth, marks, ny, nx):
    """Add depth[index[i, j]] (m) to every cell where it may rain, and wake the tiles that get some.

    index (ny, nx): the cell of the rain field over each cell; depth (p,): what falls there in this step.
    """
    tiles_x = -(-nx // TILE_COLS)
    for i in range(ny):
        for j in range(nx):
            amount = depth[index[i, j]] * wettable[i, j]
            if amount > 0.0:
                state[DEPTH, i + PAD, j + PAD] += amount
                marks[i // TILE_ROWS * tiles_x + j // TILE_COLS, :] = 1
