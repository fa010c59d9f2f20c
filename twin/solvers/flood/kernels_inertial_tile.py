# mypy: ignore-errors
"""One step of local inertia over the tiles (numba); see `kernels_inertial`.

Two tiles side by side are swept from north to south. What crosses a face depends on what the cell that gives
still has, and that cell may be one row on: a row is finished when the shares of the row below it are known.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from twin.solvers.flood.kernels import (
    BED,
    BOTH_TILES,
    CREST_X,
    CREST_Y,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FRICTION,
    GRAVITY,
    PAD,
    SWEEP_COLS,
    TILE_COLS,
    TILE_ROWS,
    WEST_TILE,
    all_written,
    goes_past,
    in_sweep,
    inverse_cube_root,
    keep_asked,
    like,
    prefetch,
    stretch,
    target,
    with_halo,
    write_row,
)
from twin.solvers.flood.kernels_advection import advect_below, advect_within, face_depth, old_velocities
from twin.solvers.flood.kernels_edges import LEVEL as LEVEL_EDGE
from twin.solvers.flood.kernels_edges import WALL, edge_place, edges_of_tile, export_faces, is_mirror
from twin.solvers.flood.kernels_inertial import (
    BAD_CELLS,
    EAST,
    HALO,
    MAX_DEPTH,
    MAX_SPEED,
    NB,
    OUT0,
    PART,
    PARTS,
    SINGLE,
    SOUTH,
    SPARE_H,
    SPARE_X,
    SPARE_Y,
    THETA,
    UE,
    US,
    E,
    S,
    faces_below,
    faces_within,
    find_theta,
    give_all,
    keep_discharges,
    limit_below,
    limit_within,
    limited_cells,
    load_crests,
    load_row,
    no_faces_below,
    no_faces_within,
    overdrawn,
    part,
    speeds,
    start_maxima,
    start_tile,
    update_depths,
    update_speeds,
)
from twin.solvers.flood.kernels_loop import (
    BAD,
    DRY,
    FRESH,
    LEVEL,
    LIMITED,
    NEW_TIME,
    SPEED,
    STEP,
    TILES,
    WATER,
    WORKERS,
    begin,
    choose_sweeps,
    finish,
    marked,
    next_sweep,
    place_of,
)
from twin.solvers.flood.kernels_record import looks_of_sweep, record_tile
from twin.solvers.flood.kernels_step import mark_tile

LINE = 8  # doubles in a cache line
# What a step of a cell moves: bytes of depths read and written, bed, friction, two records and five classes;
# discharges of faces read and written, in the precision of the run.
CELL_BYTES = 16 + 8 + 4 + 13
FACE_VALUES = 4


@njit(error_model="numpy")
def ask_for_row(old, new, faces, faces_new, static, friction, r, c0, past):
    """As in `kernels_rows`: what the row r is computed from, and where the row r - 3 is written to, if
    that is not past the caches.
    """
    h, z, rough = (
        with_halo(old, DEPTH, r, c0),
        with_halo(static, BED, r, c0),
        stretch(friction, (r, c0 - HALO), NB),
    )
    east, south = with_halo(faces, EAST, r, c0), with_halo(faces, SOUTH, r, c0)
    for j in range(0, NB, LINE):
        prefetch(h, j, 0)
        prefetch(z, j, 0)
    line = 64 // faces.itemsize
    for j in range(0, NB, line):
        prefetch(east, j, 0)
        prefetch(south, j, 0)
    for j in range(0, NB, 2 * LINE):
        prefetch(rough, j, 0)
    h = in_sweep(new, DEPTH, r - 3, c0)
    for j in range(0, SWEEP_COLS, LINE):
        prefetch(h, j, 1)
    if not past:
        east, south = in_sweep(faces_new, EAST, r - 3, c0), in_sweep(faces_new, SOUTH, r - 3, c0)
        for j in range(0, SWEEP_COLS, line):
            prefetch(east, j, 1)
            prefetch(south, j, 1)


@njit(error_model="numpy")
def set_edges(old, edge, row, u, r, c0, ny, nx, dry):
    """Faces of a row on the edge of the grid: what the boundary says (edge: see :func:`edge_faces`)."""
    # The cells beside the tiles see the edge as their own do.
    first, last = max(c0 - 2, PAD), min(c0 + SWEEP_COLS + 2, PAD + nx)
    if PAD <= r < PAD + ny:
        i = r - PAD
        if c0 == PAD:
            over = max(old[DEPTH, r, PAD], old[DEPTH, r, PAD - 1], dry)
            row[E + OUT0 - 1] = -edge[i]
            u[UE + OUT0 - 1] = -edge[i] / over
        if PAD + nx < c0 + SWEEP_COLS + 2:
            over = max(old[DEPTH, r, PAD + nx - 1], old[DEPTH, r, PAD + nx], dry)
            at = OUT0 + PAD + nx - 1 - c0
            row[E + at] = edge[ny + i]
            u[UE + at] = edge[ny + i] / over
    if r == PAD - 1:
        for c in range(first, last):
            over = max(old[DEPTH, PAD, c], old[DEPTH, PAD - 1, c], dry)
            q = -edge[2 * ny + c - PAD]
            row[S + OUT0 + c - c0] = q
            u[US + OUT0 + c - c0] = q / over
    if r == PAD + ny - 1:
        for c in range(first, last):
            over = max(old[DEPTH, PAD + ny - 1, c], old[DEPTH, PAD + ny, c], dry)
            q = edge[2 * ny + nx + c - PAD]
            row[S + OUT0 + c - c0] = q
            u[US + OUT0 + c - c0] = q / over


@njit(error_model="numpy")
def limit_row(above, row, u_above, u, r, r0, c0, asked, nx, ratio, full, over, over_above):
    """Scale the faces of a row, and those above it, where a cell would lose more than it holds."""
    one = like(ratio, 1.0)
    if over:
        find_theta(above, row, ratio, full)
        # What comes in from outside is not limited by the ghosts.
        if c0 == PAD:
            row[THETA + OUT0 - 1] = one
        if PAD + nx < c0 + SWEEP_COLS + 2:
            row[THETA + OUT0 + PAD + nx - c0] = one
        limit_within(row, u)
        if not over_above:
            give_all(above)
    else:
        give_all(row)
    if r >= r0:
        limit_below(above, row, u_above)
    return limited_cells(row, asked) if over else 0


@njit(error_model="numpy")
def step_sweep(
    old, new, faces, faces_new, static, crests, read, friction, s, slow, f, d, looks, edge, edge_flux,
    watched, r0, rows, c0, asked, past, ny, nx, ratio, dt, dry, full, theta, advection, handed,
):  # fmt: skip
    """Advance one or two (`asked`, see `kernels_rows`) tiles by dt; the number of their cells whose outflow
    was limited, and what is handed on to the sweep of the tiles below.

    ratio: dt/dx in double; dt, dry, full and theta have the type of s; handed: what the sweep of the tiles
    above handed on, with the rows that it left in `s`, `f` and `d`, or FRESH. It went up to the faces of the
    first row of these.
    """
    start_maxima(f)
    step = like(dry, ratio)
    g_ratio = like(dry, GRAVITY * ratio)
    if advection:
        old_velocities(old, faces, static, slow, r0, rows, c0, dry)
    found = 0
    if handed == FRESH:
        start_tile(s, c0, nx)
        start = r0 - 2
        at = 0  # number of the part of the row
        wet = load_row(part(s, 3), part(s, 0), d, old, static, r0 - 2, c0, dry)
        over_above = False
        limited = 0
    else:
        start = r0 + 1
        at, wet, over_above = handed % PARTS, (handed >> 2) & 1, (handed >> 3) & 1 != 0
        limited = handed >> 4
    for r in range(start, r0 + rows + 1):
        ask_for_row(old, new, faces, faces_new, static, friction, r + 2, c0, past)
        over_row = (at + 3) % PARTS
        above, row, below = part(s, over_row), part(s, at), part(s, (at + 1) % PARTS)
        u_above, u = speeds(f, over_row), speeds(f, at)
        wet_below = load_row(row, below, d, old, static, r + 1, c0, dry)
        if crests:
            load_crests(s, static, r, c0)
        inside = PAD <= r < PAD + ny
        if wet + wet_below > 0 and PAD - 1 <= r < PAD + ny:
            if advection:
                advect_below(faces, s, slow, r, r0, c0, step)
            faces_below(row, below, u, s, faces, friction, r, c0, g_ratio, dt, dry, theta)
        else:
            no_faces_below(row, u)
        if wet > 0 and r > r0 - 2 and inside:
            if advection:
                advect_within(faces, s, slow, r, r0, c0, step)
            faces_within(row, u, s, faces, friction, r, c0, g_ratio, dt, dry, theta)
        else:
            no_faces_within(row, u)
        set_edges(old, edge, row, u, r, c0, ny, nx, dry)
        over = wet > 0 and r > r0 - 2 and inside and overdrawn(above, row, step, full)
        # The shares are read from the row below as well: known wherever one of the two is limited.
        found = 0
        if over or over_above:
            found = limit_row(above, row, u_above, u, r, r0, c0, asked, nx, step, full, over, over_above)
            limited += found if r0 <= r < r0 + rows else 0
        if r > r0:
            close_row(
                s, f, d, (at + 2) % PARTS, over_row, old, new, faces_new, looks, edge_flux, watched, read,
                r - 1, r0, c0, asked, past, ny, nx, ratio, SINGLE(dry),
            )  # fmt: skip
        wet = wet_below
        over_above = over
        at = (at + 1) % PARTS
    if advection:  # its velocities are those of these tiles
        return limited, FRESH
    return limited, at + (wet << 2) + ((1 if over_above else 0) << 3) + (found << 4)


@njit(error_model="numpy")
def close_row(
    s, f, d, before, at, old, new, faces, looks, edge_flux, watched, read, r, r0, c0, asked, past, ny, nx,
    ratio, dry,
):  # fmt: skip
    """The new state of a row, and what crosses the edges of the grid and the watched faces.

    before, at: numbers of the parts of the row above and of the row; read: whether somebody reads the
    discharges of the cells before the next :func:`settle`.
    """
    above, row, u_above, u = part(s, before), part(s, at), speeds(f, before), speeds(f, at)
    depths, squares = looks_of_sweep(looks, r - r0)
    h_new = target(new, DEPTH, r, c0, asked, d, SPARE_H)
    update_depths(above, row, in_sweep(old, DEPTH, r, c0), h_new, depths, ratio)
    write_row(faces, EAST, r, c0, asked, past, row, E + OUT0)
    write_row(faces, SOUTH, r, c0, asked, past, row, S + OUT0)
    update_speeds(u_above, u, f, depths, squares, dry)
    if read:
        qx_new = target(new, DISCHARGE_X, r, c0, asked, d, SPARE_X)
        qy_new = target(new, DISCHARGE_Y, r, c0, asked, d, SPARE_Y)
        keep_discharges(u_above, u, depths, qx_new, qy_new, dry)
    if asked != BOTH_TILES:
        keep_asked(new, DEPTH, r, c0, asked, d, SPARE_H)
        if read:
            keep_asked(new, DISCHARGE_X, r, c0, asked, d, SPARE_X)
            keep_asked(new, DISCHARGE_Y, r, c0, asked, d, SPARE_Y)
    for tile in range(2):
        if asked & (tile + 1):
            export_row(
                s, before, at, faces, edge_flux, watched, r, c0 + tile * TILE_COLS, OUT0 + tile * TILE_COLS,
                ny, nx,
            )  # fmt: skip


@njit(error_model="numpy")
def export_row(s, before, at, faces, edge_flux, watched, r, c0, first, ny, nx):
    """What crosses the edges of the grid and the watched faces in a row of one tile, whose cells begin at the
    place `first`.
    """
    above, row = part(s, before), part(s, at)
    columns = min(TILE_COLS, PAD + nx - c0)
    if c0 == PAD:
        faces[EAST, r, PAD - 1] = row[E + first - 1]
        edge_flux[r - PAD] = -row[E + first - 1]
    if c0 + columns == PAD + nx:
        edge_flux[ny + r - PAD] = row[E + first + columns - 1]
    if r == PAD:
        for j in range(columns):
            faces[SOUTH, PAD - 1, c0 + j] = above[S + first + j]
            edge_flux[2 * ny + c0 - PAD + j] = -above[S + first + j]
    if r == PAD + ny - 1:
        for j in range(columns):
            edge_flux[2 * ny + nx + c0 - PAD + j] = row[S + first + j]
    export_faces(s, at * PART + E + first, at * PART + S + first, edge_flux, watched, r, c0, ny, nx)


@njit(error_model="numpy")
def edge_faces(state, faces, static, kind, closed, awake, edge, ny, nx, ratio, dt, dry):
    """Unit discharge out of the grid through each edge cell of the tiles that are awake or just fell asleep
    (m²/s), after `kernels_loop.choose_tiles`.
    """
    for k in range(awake.size):
        if awake[k] != 0:
            for side in range(4):
                first, last = edges_of_tile(k, side, ny, nx)
                for e in range(first, last):
                    if kind[e] == WALL or closed[e] != 0:
                        edge[e] = 0.0
                    else:
                        edge[e] = edge_face(e, state, faces, static, kind[e], ny, nx, ratio, dt, dry)


@njit(inline="always")
def edge_face(e, state, faces, static, kind, ny, nx, ratio, dt, dry):
    """Unit discharge out of the grid through an edge cell e that something may pass (m²/s).

    Before a level beyond the edge the equation of the faces, with the ghost one cell away; elsewhere what the
    ghost carries outwards, nothing where it is a mirror image. Nothing passes under a crest on the edge.
    """
    r, c, dr, dc = edge_place(e, ny, nx)
    crest = static[CREST_X, r, c + min(dc, 0)] if dc != 0 else static[CREST_Y, r + min(dr, 0), c]
    above = max(crest - static[BED, r, c], 0.0)
    h = state[DEPTH, r, c]
    beyond = state[DEPTH, r + dr, c + dc]
    passed = 0.0
    if kind == LEVEL_EDGE:
        rise = beyond - h
        depth = max(h, beyond) - above
        if depth >= dry:
            if dc != 0:
                q = np.float64(faces[EAST, r, c + min(dc, 0)]) * dc
            else:
                q = np.float64(faces[SOUTH, r + min(dr, 0), c]) * dr
            root = inverse_cube_root(depth)
            third = root * root * root
            drag = 1.0 + dt * static[FRICTION, r, c] * abs(q) * (third * third * root)
            q = (q - GRAVITY * ratio * depth * rise) / drag
            passed = (max(q, 0.0) if h >= dry else 0.0) + (min(q, 0.0) if beyond >= dry else 0.0)
    elif h - above >= dry and not is_mirror(
        kind, dc * state[DISCHARGE_X, r, c] + dr * state[DISCHARGE_Y, r, c]
    ):
        passed = max(dc * state[DISCHARGE_X, r + dr, c + dc] + dr * state[DISCHARGE_Y, r + dr, c + dc], 0.0)
    return passed


@njit(error_model="numpy")
def take_tile(new, record, classes, f, looks, marks, values, tile, r0, rows, c0, nx, t_new, dry, advection):
    """Record, values and marks of one tile of a sweep (tile 0: west, 1: east) after its step, from the maxima
    of its columns in f.
    """
    columns = min(TILE_COLS, PAD + nx - c0)
    speed = 0.0
    bad = 0
    # The fastest wave of a column is at most that of its deepest cell, on its fastest flow.
    for j in range(tile * TILE_COLS, tile * TILE_COLS + columns):
        flow = np.float64(f[MAX_SPEED + j])
        wave = math.sqrt(GRAVITY * np.float64(f[MAX_DEPTH + j]))
        speed = max(speed, wave + flow if advection else max(wave, flow))
        bad += np.int64(f[BAD_CELLS + j])
    # What is out of bounds never gets into the record.
    if bad == 0:
        record_tile(looks, tile, record, classes, r0, rows, c0, np.float32(t_new))
    values[LIMITED] = 0.0
    values[LEVEL] = -1e300  # no energy is kept
    values[BAD] = bad
    mark_tile(new[DEPTH], marks, r0, rows, c0, columns, dry)
    # Films alone set no step: such a tile may sleep.
    values[SPEED] = speed if marks[WATER] != 0 else 0.0


@njit(cache=True, parallel=True, error_model="numpy")
def step_tiles(
    old, new, faces, faces_new, static, crests, read, friction, record, classes, chosen, marks, values,
    edge_flux, watched, scratch, slow, single, doubles, looks, ny, nx, steps, dx, dry, full, theta, advection,
    law, loop, plain,
):  # fmt: skip
    """`kernels_step.step_tiles` for this scheme.

    faces, faces_new: discharges of the faces before and after the step, whose type is the precision, as of
    scratch, slow, dry, full and theta; crests, read (tiles,): 1 where a crest may stand in or beside a tile,
    and where somebody reads the discharges of the cells between two :func:`settle`; friction:
    static[FRICTION] in single precision.
    """
    edge = edge_flux[2 * (ny + nx) : 4 * (ny + nx)]
    counts, sweeps = loop[1], loop[16]
    count = begin(
        loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, False, law
    )
    while count >= 0:
        dt, t_new = loop[0][STEP], loop[0][NEW_TIME]
        edge_faces(old, faces, static, loop[4], loop[6], loop[9], edge, ny, nx, dt / dx, dt, loop[0][DRY])
        made = choose_sweeps(sweeps, chosen, count, steps, nx)
        past = goes_past(made, CELL_BYTES + FACE_VALUES * faces.itemsize)
        for thread in prange(counts[WORKERS]):
            n, handed = next_sweep(sweeps, counts, made, -1, FRESH, crests)
            while n < made:
                k, asked, r0, rows, c0 = place_of(sweeps[TILES, n], ny, nx)
                one = k if asked & WEST_TILE else k + 1
                f = single[thread]
                limited, hands_on = step_sweep(
                    old, new, faces, faces_new, static, marked(sweeps[TILES, n], crests),
                    marked(sweeps[TILES, n], read), friction, scratch[thread], slow[thread], f,
                    doubles[thread], looks[thread], edge, edge_flux, watched, r0, rows, c0, asked, past, ny,
                    nx, dt / dx, like(dry, dt), dry, full, theta, advection, handed,
                )  # fmt: skip
                for tile in range(2):
                    if asked & (tile + 1):
                        take_tile(
                            new, record, classes, f, looks[thread], marks[k + tile], values[k + tile], tile,
                            r0, rows, c0 + tile * TILE_COLS, nx, t_new, dry, advection,
                        )  # fmt: skip
                values[one, LIMITED] = limited
                n, handed = next_sweep(sweeps, counts, made, n, hands_on, crests)
            all_written()
        still_faces(faces, faces_new, loop[9], ny, nx)
        finish(loop, new, record, classes, values, edge_flux, chosen, count, ny, nx, dx)
        old, new = new, old
        faces, faces_new = faces_new, faces
        count = begin(
            loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, False, law
        )


@njit(cache=True, error_model="numpy")
def still_faces(faces, faces_new, awake, ny, nx):
    """Nothing passes the faces of tiles that fell asleep (`awake` 2, see `kernels_loop.choose_tiles`)."""
    tiles_x = -(-nx // TILE_COLS)
    for k in range(awake.size):
        if awake[k] != 2:
            continue
        a = k // tiles_x
        b = k - a * tiles_x
        # The faces on the west and north edges of the grid lie in the ghosts.
        r0 = PAD + a * TILE_ROWS - (1 if a == 0 else 0)
        c0 = PAD + b * TILE_COLS - (1 if b == 0 else 0)
        r1 = PAD + min((a + 1) * TILE_ROWS, ny)
        c1 = PAD + min((b + 1) * TILE_COLS, nx)
        faces[:, r0:r1, c0:c1] = 0.0
        faces_new[:, r0:r1, c0:c1] = 0.0


@njit(inline="always")
def _velocity(before, faces, static, plane, r, c, dry):
    """Velocity (m/s) on the face east or south (plane) of a cell, from the depth over it before the step."""
    r2, c2 = (r, c + 1) if plane == EAST else (r + 1, c)
    crest = static[CREST_X if plane == EAST else CREST_Y, r, c]
    depth = face_depth(
        before[DEPTH, r, c], static[BED, r, c], before[DEPTH, r2, c2], static[BED, r2, c2], crest
    )
    return np.float64(faces[plane, r, c]) / max(depth, dry)


@njit(cache=True, error_model="numpy")
def settle(state, before, faces, static, read, ny, nx, dry):
    """Unit discharges of the cells of the tiles where nobody reads them at each step, as :func:`close_row`
    leaves them elsewhere.

    state, before: after and before the last step; faces: discharges of the faces after it.
    """
    tiles_x = -(-nx // TILE_COLS)
    for i in range(ny):
        for b in range(tiles_x):
            if read[i // TILE_ROWS * tiles_x + b] != 0:
                continue
            r = PAD + i
            for c in range(PAD + b * TILE_COLS, PAD + min((b + 1) * TILE_COLS, nx)):
                depth = state[DEPTH, r, c] if state[DEPTH, r, c] >= dry else 0.0
                west = _velocity(before, faces, static, EAST, r, c - 1, dry)
                east = _velocity(before, faces, static, EAST, r, c, dry)
                north = _velocity(before, faces, static, SOUTH, r - 1, c, dry)
                south = _velocity(before, faces, static, SOUTH, r, c, dry)
                state[DISCHARGE_X, r, c] = 0.5 * depth * (west + east)
                state[DISCHARGE_Y, r, c] = 0.5 * depth * (north + south)


def faces_of_cells(state: np.ndarray, static: np.ndarray, faces: np.ndarray, dry: float) -> None:
    """Face discharges of a start from the velocities of the cells: mean velocity of the wet cells beside a
    face times the depth over it.
    """
    depth, bed = state[DEPTH], static[BED]
    for flux, cells, crest, axis in (
        (EAST, DISCHARGE_X, static[CREST_X], 1),
        (SOUTH, DISCHARGE_Y, static[CREST_Y], 0),
    ):
        before = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        after = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        wet = depth >= dry
        velocity = np.where(wet, state[cells] / np.maximum(depth, dry), 0.0)
        level = np.where(wet, bed + depth, -np.inf)
        top = np.maximum(np.maximum(bed[before], bed[after]), crest[before])
        over = np.maximum(np.maximum(level[before], level[after]) - top, 0.0)
        count = np.maximum(wet[before].astype(float) + wet[after], 1.0)
        faces[flux][before] = np.where(over >= dry, over, 0.0) * (velocity[before] + velocity[after]) / count
