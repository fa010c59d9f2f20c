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
)

WALL, OPEN, NORMAL_DEPTH, LEVEL, RATING = 0, 1, 2, 3, 4
# Sides of a tile in its SIDES numbers
WEST, EAST, NORTH, SOUTH = 0, TILE_ROWS, 2 * TILE_ROWS, 2 * TILE_ROWS + TILE_COLS
SIDES = 2 * (TILE_ROWS + TILE_COLS)


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
def fill_ghost(e, state, static, kind, value, speed, closed, ny, nx, dry):
    """Fill the ghost cell beyond edge cell e.

    kind (n,): WALL mirror image; OPEN zero gradient, outward only (a mirror when the flow points inwards),
    and where the bed falls outwards, at the slope `value`, no slower than uniform or critical flow of that
    depth, whichever is less; NORMAL_DEPTH the depth of the edge cell at the speed of Manning for the slope
    `value`; LEVEL water level `value` above the datum, at `speed` outwards (NaN: zero gradient) and zero
    gradient along the edge; RATING the same, where water may only leave. closed (n,): nothing passes (no
    data in the edge cell).
    """
    r, c, dr, dc = edge_place(e, ny, nx)
    depth = state[DEPTH, r, c]
    qx = state[DISCHARGE_X, r, c]
    qy = state[DISCHARGE_Y, r, c]
    if closed[e] != 0:
        depth = 0.0
    k = kind[e]
    outward = dc * qx + dr * qy
    if depth < dry and k != LEVEL:
        qx = 0.0
        qy = 0.0
    elif k == WALL or (k == OPEN and outward < 0.0):
        qx = -qx if dc != 0 else qx
        qy = -qy if dr != 0 else qy
    elif k == NORMAL_DEPTH or (k == OPEN and value[e] > 0.0):
        # v = sqrt(slope) h^(2/3) / n with g n² at hand: q = h v
        inverse = inverse_cube_root(depth)
        q = depth * math.sqrt(value[e] * GRAVITY / static[FRICTION, r, c]) * (depth * inverse)
        if k == OPEN:
            q = max(min(q, depth * math.sqrt(GRAVITY * depth)), outward)
        qx = dc * q if dc != 0 else qx
        qy = dr * q if dr != 0 else qy
    elif k in (LEVEL, RATING) and closed[e] == 0:
        level_depth = max(value[e] - static[BED, r, c], 0.0)
        inverse = 1.0 / max(depth, dry)
        qx = qx * inverse * level_depth
        qy = qy * inverse * level_depth
        depth = level_depth
        if not math.isnan(speed[e]):
            qx = dc * speed[e] * depth if dc != 0 else qx
            qy = dr * speed[e] * depth if dr != 0 else qy
    state[DEPTH, r + dr, c + dc] = depth
    state[DISCHARGE_X, r + dr, c + dc] = qx
    state[DISCHARGE_Y, r + dr, c + dc] = qy


@njit(error_model="numpy")
def wake_edges(static, kind, value, closed, forced, ny, nx, dry):
    """Mark the tiles that a level beyond the edge floods in `forced`."""
    tiles_x = -(-nx // TILE_COLS)
    for e in range(kind.size):
        if kind[e] == LEVEL and closed[e] == 0:
            r, c, _, _ = edge_place(e, ny, nx)
            if value[e] - static[BED, r, c] >= dry:
                forced[(r - PAD) // TILE_ROWS * tiles_x + (c - PAD) // TILE_COLS] = 1


@njit(cache=True, error_model="numpy")
def fill_ghosts(state, static, kind, value, speed, closed, forced, ny, nx, dry):
    """:func:`fill_ghost` for all edge cells, and :func:`wake_edges`."""
    for e in range(kind.size):
        fill_ghost(e, state, static, kind, value, speed, closed, ny, nx, dry)
    wake_edges(static, kind, value, closed, forced, ny, nx, dry)


@njit(inline="always")
def is_mirror(kind, outward):
    """Whether what is beyond an edge is the mirror image of what is before it."""
    return kind == WALL or (kind == OPEN and outward < 0.0)


@njit(inline="always")
def fill_far_ghost(e, state, static, kind, value, outward, ny, nx, dx):
    """Second ghost and beds beyond edge cell e, after :func:`fill_ghost`; the second order reads them.

    Behind a mirror lies the mirror image, bed included: the two reconstructions at a wall are then images of
    each other and nothing passes. Beyond a normal-depth edge, and an open one that water leaves by, the bed
    falls on at the slope of the edge (`value`): over a last level step it would be held back; beyond a rating
    curve at the slope of friction (Manning). Beyond the others everything stays as in the first ghost.
    outward (n,) says where water may only leave.
    """
    r, c, dr, dc = edge_place(e, ny, nx)
    r1, c1, r2, c2 = r + dr, c + dc, r + 2 * dr, c + 2 * dc
    outward[e] = 1.0 if kind[e] == OPEN or kind[e] == NORMAL_DEPTH or kind[e] == RATING else 0.0
    mirror = is_mirror(kind[e], dc * state[DISCHARGE_X, r, c] + dr * state[DISCHARGE_Y, r, c])
    falls = kind[e] == NORMAL_DEPTH or (kind[e] == OPEN and not mirror)
    drop = value[e] * dx if falls else 0.0
    if kind[e] == RATING and state[DEPTH, r1, c1] > 0.0:
        # n² |q| q / h^(10/3) with g n² at hand
        qx, qy = state[DISCHARGE_X, r1, c1], state[DISCHARGE_Y, r1, c1]
        inverse = inverse_cube_root(state[DEPTH, r1, c1])
        third = inverse * inverse * inverse
        drag = static[FRICTION, r, c] / GRAVITY * math.sqrt(qx * qx + qy * qy) * (dc * qx + dr * qy)
        drop = max(drag, 0.0) * (third * third * third * inverse) * dx
    static[BED, r1, c1] = static[BED, r, c] - drop
    if mirror:
        inner_r = min(max(r - dr, PAD), PAD + ny - 1)
        inner_c = min(max(c - dc, PAD), PAD + nx - 1)
        sign_x = -1.0 if dc != 0 else 1.0
        sign_y = -1.0 if dr != 0 else 1.0
        state[DEPTH, r2, c2] = state[DEPTH, inner_r, inner_c]
        state[DISCHARGE_X, r2, c2] = sign_x * state[DISCHARGE_X, inner_r, inner_c]
        state[DISCHARGE_Y, r2, c2] = sign_y * state[DISCHARGE_Y, inner_r, inner_c]
        static[BED, r2, c2] = static[BED, inner_r, inner_c]
    else:
        for k in range(3):
            state[k, r2, c2] = state[k, r1, c1]
        static[BED, r2, c2] = static[BED, r1, c1] - drop


@njit(cache=True, error_model="numpy")
def fill_corners(state, static, kind, ny, nx):
    """The ghosts at the four corners, after :func:`fill_far_ghost`."""
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


@njit(cache=True, error_model="numpy")
def fill_far_ghosts(state, static, kind, value, outward, ny, nx, dx):
    """:func:`fill_far_ghost` for all edge cells, and :func:`fill_corners`."""
    for e in range(kind.size):
        fill_far_ghost(e, state, static, kind, value, outward, ny, nx, dx)
    fill_corners(state, static, kind, ny, nx)


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
