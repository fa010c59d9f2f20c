# mypy: ignore-errors
"""One step of local inertia on cells that carry the fine terrain (numba); see `twin.subgrid`.

state[DEPTH] is the volume of a cell over its area, so sources and books are those of every scheme. What the
faces let through is in `kernels_subgrid_faces`. Mass as in `kernels_inertial`: all that leaves a cell is
scaled alike where it would lose more than it holds.

The step is passes over bands of BAND rows of a tile (`kernels_subgrid_step` makes them); each writes only
what its own band owns (its cells, the faces east and south of them, and those on the edges of the grid).
Chunks of a row without water are left out.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from twin.solvers.flood.kernels import (
    CREST_X,
    CREST_Y,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FRICTION,
    FULL,
    GRAVITY,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    inverse_cube_root,
    larger,
)
from twin.solvers.flood.kernels_edges import LEVEL, NORMAL_DEPTH, OPEN, WALL, edge_place
from twin.solvers.flood.kernels_loop import (
    MARKS,
    WATER,
    WATER_EAST,
    WATER_NORTH,
    WATER_SOUTH,
    WATER_WEST,
)
from twin.solvers.flood.kernels_record import SPEED_DEPTH, looks_of_row, record_tile
from twin.solvers.flood.kernels_subgrid_faces import (
    AREA_E,
    AREA_S,
    CHUNK,
    CONVEYANCE_E,
    CONVEYANCE_S,
    FILM_E,
    FILM_S,
    HEAD_E,
    HEAD_S,
    WEIRS_E,
    WEIRS_S,
    ZERO,
    fastest,
    find_discharges,
    find_flow,
    left_by_friction,
    no_flow,
    run_as_sheet,
    strip_flow,
)
from twin.subgrid import level_above, sheet_above

BAND = 4  # rows
BANDS = TILE_ROWS // BAND  # in a tile
# Planes beside the state: level above the datum (m), the depth that it goes with, share of the cell under
# water, what it conveys as a sheet (m^(5/3)), lowest point; water through the faces east and south, weirs
# included (m²/s), velocities there; share of its outflow that a cell may give; highest level over the run
SURFACE, KNOWN, WET_SHARE, SHEET, LOWEST, MASS_E, MASS_S, SPEED_E, SPEED_S, THETA, HIGHEST = range(11)
PLANES = 11
# Planes of the state behind those of every scheme: unit discharges of the faces east and south of each cell
FLUX_EAST, FLUX_SOUTH = 3, 4
STATE_PLANES = 5
# What a band found: highest speed squared, cells limited and out of bounds, marks as of a tile
SPEED2, LIMITED_HERE, BAD_HERE, MARKS_HERE = 0, 1, 2, 3
FOUND = MARKS_HERE + MARKS

SINGLE = np.float32


@njit(error_model="numpy")
def find_levels(state, beside, tables, interval, r, c0, columns):
    """Levels and wet shares of the cells of a row whose depth is not that of their level."""
    low, height, volume = beside[LOWEST], tables[0], tables[1]
    for c in range(c0, c0 + columns):
        depth = state[DEPTH, r, c]
        if depth != beside[KNOWN, r, c]:
            i, j = r - PAD, c - PAD
            over, share, first = level_above(height[i, j], volume[i, j], depth, np.int64(interval[i, j]))
            interval[i, j] = first
            beside[SURFACE, r, c] = low[r, c] + over
            beside[WET_SHARE, r, c] = share
            sheet = sheet_above(tables[7][i, j], volume[i, j], depth, first)
            beside[SHEET, r, c] = sheet * sheet * inverse_cube_root(max(sheet, 1e-30))
            beside[KNOWN, r, c] = depth


@njit(inline="always")
def _wet(depth, r, first, count, dry):
    """Whether a cell of a part of a row is wet."""
    h = depth[r, first : first + count]
    deepest = 0.0
    for j in range(count):
        deepest = larger(deepest, h[j])
    return deepest >= dry


@njit(inline="always")
def face_of_edge(e, ny, nx):
    """Whether an edge face looks south or north (1) or east or west (0); where it stands in the planes, and
    the sign of a flow outwards.
    """
    if e < ny:
        return 0, PAD + e, PAD - 1, -1.0
    if e < 2 * ny:
        return 0, PAD + e - ny, PAD + nx - 1, 1.0
    if e < 2 * ny + nx:
        return 1, PAD - 1, PAD + e - 2 * ny, -1.0
    return 1, PAD + ny - 1, PAD + e - 2 * ny - nx, 1.0


@njit(error_model="numpy")
def edge_flow(e, state, beside, planes, sills, kinds, values, closed, ny, nx, dry):
    """Flow area and conveyance of an edge face."""
    axis, r, c, _ = face_of_edge(e, ny, nx)
    area, conveyance = ZERO, ZERO
    if closed[e] == 0 and kinds[e] != WALL:
        i, j, _, _ = edge_place(e, ny, nx)
        surface = beside[SURFACE, i, j]
        beyond = values[e] if kinds[e] == LEVEL else surface
        if state[DEPTH, i, j] >= dry or kinds[e] == LEVEL:
            low = beside[LOWEST, i, j]
            area, conveyance = strip_flow(
                sills[e], SINGLE(max(surface, beyond) - low), SINGLE(min(surface, beyond) - low)
            )
    planes[AREA_E + axis, r, c] = area
    planes[CONVEYANCE_E + axis, r, c] = conveyance


@njit(error_model="numpy")
def open_discharge(sill, speed, over, slope, friction):
    """Water (m²/s) out of an open edge, and its flow area: at the speed (m/s) of the face inside, between
    uniform flow at the slope of the bed outwards and critical flow; nothing where it runs away from the edge.

    sill: of the edge face; over: level at the edge over the lowest point of its cell (m).
    """
    top = SINGLE(over)
    wet = 0
    for k in range(sill.size):
        wet += 1 if sill[k] < top else 0
    if wet == 0 or speed < 0.0:
        return 0.0, 0.0
    single, conveyance = strip_flow(sill, top, top)
    area = np.float64(single)
    critical = area * math.sqrt(GRAVITY * area * (sill.size / wet))
    uniform = np.float64(conveyance) * math.sqrt(slope * GRAVITY / friction) if slope > 0.0 else 0.0
    return min(max(speed * area, min(uniform, critical)), max(uniform, critical)), area


@njit(error_model="numpy")
def edge_discharge(e, old, new, static, beside, planes, sills, kinds, values, ny, nx, ratio, dt, dry):
    """Water through an edge face and its velocity."""
    axis, fr, fc, sign = face_of_edge(e, ny, nx)
    r, c, dr, dc = edge_place(e, ny, nx)
    area, conveyance = planes[AREA_E + axis, fr, fc], planes[CONVEYANCE_E + axis, fr, fc]
    q, passes = 0.0, np.float64(area)
    if conveyance > ZERO:
        depth, kind = old[DEPTH, r, c], kinds[e]
        friction = static[FRICTION, r, c]
        if kind == LEVEL:
            rise = values[e] - beside[SURFACE, r, c]
            m = sign * old[FLUX_EAST + axis, fr, fc] - GRAVITY * ratio * np.float64(area) * rise
            drag = SINGLE(4.0 * dt * friction)
            q = m * np.float64(left_by_friction(SINGLE(m), ZERO, area, conveyance, drag))
            if q > 0.0 and depth < dry:
                q = 0.0
        elif kind == NORMAL_DEPTH:
            q = np.float64(conveyance) * math.sqrt(values[e] * GRAVITY / friction)
        elif kind == OPEN:
            i, j = fr - dr, fc - dc
            room = np.float64(planes[AREA_E + axis, i, j])
            speed = sign * old[FLUX_EAST + axis, i, j] / room if room > dry else 0.0
            # The level falls with the bed from the middle of the cell to its edge, no deeper than the water.
            over = beside[SURFACE, r, c] - beside[LOWEST, r, c] - 0.5 * max(values[e], 0.0) * (dt / ratio)
            over = max(over, depth / max(beside[WET_SHARE, r, c], 1e-6))
            q, passes = open_discharge(sills[e], speed, over, values[e], friction)
    new[FLUX_EAST + axis, fr, fc] = sign * q
    beside[MASS_E + axis, fr, fc] = sign * q
    beside[SPEED_E + axis, fr, fc] = sign * q / max(passes, dry)


@njit(inline="always")
def band_edges(n, r0, rows, c0, columns, ny, nx):
    """The first edge face and the number of them on side n (west, east, north, south) of a band."""
    if n == 0:
        return r0 - PAD, rows if c0 == PAD else 0
    if n == 1:
        return ny + r0 - PAD, rows if c0 + columns == PAD + nx else 0
    if n == 2:
        return 2 * ny + c0 - PAD, columns if r0 == PAD else 0
    return 2 * ny + nx + c0 - PAD, columns if r0 + rows == PAD + ny else 0


@njit(error_model="numpy")
def band_flow(
    state, static, beside, planes, tables, f, kinds, values, closed, r0, rows, c0, columns, ny, nx, dry
):
    """Flow areas and conveyances of the faces that a band owns."""
    sill_x, sill_y, hump_x, hump_y, sills = tables[2], tables[3], tables[4], tables[5], tables[6]
    depth, level, low, sheet = state[DEPTH], beside[SURFACE], beside[LOWEST], beside[SHEET]
    for r in range(r0, r0 + rows):
        i = r - PAD
        for c in range(c0, c0 + columns, CHUNK):
            end = c + CHUNK
            here = _wet(depth, r, c, CHUNK, dry)
            h, w, z = depth[r, c:end], level[r, c:end], low[r, c:end]
            area, conveyance = planes[AREA_E, r, c:end], planes[CONVEYANCE_E, r, c:end]
            weirs, head, film = planes[WEIRS_E, r, c:end], planes[HEAD_E, r, c:end], planes[FILM_E, r, c:end]
            if here or depth[r, end] >= dry:
                find_flow(
                    f, sill_x, hump_x, i, c, w, level[r, c + 1 : end + 1], h,
                    depth[r, c + 1 : end + 1], z, low[r, c + 1 : end + 1], static[CREST_X, r, c:end], dry,
                    area, conveyance, weirs, head,
                )  # fmt: skip
                run_as_sheet(
                    f, w, level[r, c + 1 : end + 1], h, depth[r, c + 1 : end + 1], sheet[r, c:end],
                    sheet[r, c + 1 : end + 1], area, conveyance, head, film,
                )  # fmt: skip
            else:
                no_flow(area, conveyance, weirs, head, film)
            area, conveyance = planes[AREA_S, r, c:end], planes[CONVEYANCE_S, r, c:end]
            weirs, head, film = planes[WEIRS_S, r, c:end], planes[HEAD_S, r, c:end], planes[FILM_S, r, c:end]
            if i < ny - 1 and (here or _wet(depth, r + 1, c, CHUNK, dry)):
                find_flow(
                    f, sill_y, hump_y, i + 1, c, w, level[r + 1, c:end], h,
                    depth[r + 1, c:end], z, low[r + 1, c:end], static[CREST_Y, r, c:end], dry,
                    area, conveyance, weirs, head,
                )  # fmt: skip
                run_as_sheet(
                    f, w, level[r + 1, c:end], h, depth[r + 1, c:end], sheet[r, c:end], sheet[r + 1, c:end],
                    area, conveyance, head, film,
                )  # fmt: skip
            else:
                no_flow(area, conveyance, weirs, head, film)
    for side in range(4):
        first, count = band_edges(side, r0, rows, c0, columns, ny, nx)
        for e in range(first, first + count):
            edge_flow(e, state, beside, planes, sills, kinds, values, closed, ny, nx, dry)


@njit(error_model="numpy")
def nothing_passes(a, b, c):
    """What a chunk of faces passes, three rows of it: nothing."""
    for j in range(CHUNK):
        a[j] = 0.0
        b[j] = 0.0
        c[j] = 0.0


@njit(error_model="numpy")
def band_discharges(
    old, new, static, beside, planes, sills, f, d, kinds, values, r0, rows, c0, columns, ny, nx, ratio, dt,
    dry,
):  # fmt: skip
    """Momentum and water through the faces that a band owns; its highest wave or flow speed squared."""
    depth, level, wet, friction = old[DEPTH], beside[SURFACE], beside[WET_SHARE], static[FRICTION]
    east, south, area_e, area_s = old[FLUX_EAST], old[FLUX_SOUTH], planes[AREA_E], planes[AREA_S]
    carry_e, carry_s = planes[CONVEYANCE_E], planes[CONVEYANCE_S]
    most = ZERO
    for r in range(r0, r0 + rows):
        for c in range(c0, c0 + columns, CHUNK):
            end = c + CHUNK
            here = _wet(depth, r, c, CHUNK, dry)
            h, w, share, rough = depth[r, c:end], level[r, c:end], wet[r, c:end], friction[r, c:end]
            speed_e, speed_s = beside[SPEED_E, r, c:end], beside[SPEED_S, r, c:end]
            new_e, mass_e = new[FLUX_EAST, r, c:end], beside[MASS_E, r, c:end]
            new_s, mass_s = new[FLUX_SOUTH, r, c:end], beside[MASS_S, r, c:end]
            if here or depth[r, end] >= dry:
                find_discharges(
                    f, d, east[r, c:end], new_e, mass_e, speed_e, w, level[r, c + 1 : end + 1],
                    h, depth[r, c + 1 : end + 1], share, wet[r, c + 1 : end + 1],
                    area_e[r, c:end], carry_e[r, c:end], planes[WEIRS_E, r, c:end],
                    rough, friction[r, c + 1 : end + 1],
                    south[r - 1, c:end], south[r - 1, c + 1 : end + 1], south[r, c:end],
                    south[r, c + 1 : end + 1],
                    carry_s[r - 1, c:end], carry_s[r - 1, c + 1 : end + 1], carry_s[r, c:end],
                    carry_s[r, c + 1 : end + 1], ratio, dt, dry,
                )  # fmt: skip
            else:
                nothing_passes(new_e, mass_e, speed_e)
            if r - PAD < ny - 1 and (here or _wet(depth, r + 1, c, CHUNK, dry)):
                find_discharges(
                    f, d, south[r, c:end], new_s, mass_s, speed_s, w, level[r + 1, c:end],
                    h, depth[r + 1, c:end], share, wet[r + 1, c:end],
                    area_s[r, c:end], carry_s[r, c:end], planes[WEIRS_S, r, c:end],
                    rough, friction[r + 1, c:end],
                    east[r, c - 1 : end - 1], east[r + 1, c - 1 : end - 1], east[r, c:end],
                    east[r + 1, c:end],
                    carry_e[r, c - 1 : end - 1], carry_e[r + 1, c - 1 : end - 1], carry_e[r, c:end],
                    carry_e[r + 1, c:end], ratio, dt, dry,
                )  # fmt: skip
            else:
                nothing_passes(new_s, mass_s, speed_s)
            if here:
                most = max(most, fastest(
                    speed_e, speed_s, planes[HEAD_E, r, c - 1 : end - 1], planes[HEAD_E, r, c:end],
                    planes[HEAD_S, r - 1, c:end], planes[HEAD_S, r, c:end], area_e[r, c - 1 : end - 1],
                    area_e[r, c:end], area_s[r - 1, c:end], area_s[r, c:end], share,
                ))  # fmt: skip
    for side in range(4):
        first, count = band_edges(side, r0, rows, c0, columns, ny, nx)
        for e in range(first, first + count):
            edge_discharge(e, old, new, static, beside, planes, sills, kinds, values, ny, nx, ratio, dt, dry)
    return most


@njit(error_model="numpy")
def band_shares(old, beside, r0, rows, c0, columns, ratio):
    """The share of its outflow that each cell of a band may give; how many are limited."""
    limited = 0
    for r in range(r0, r0 + rows):
        end = c0 + TILE_COLS
        h, theta = old[DEPTH, r, c0:end], beside[THETA, r, c0:end]
        east, west = beside[MASS_E, r, c0:end], beside[MASS_E, r, c0 - 1 : end - 1]
        south, north = beside[MASS_S, r, c0:end], beside[MASS_S, r - 1, c0:end]
        for j in range(columns):
            out = ratio * (
                (max(east[j], 0.0) - min(west[j], 0.0)) + (max(south[j], 0.0) - min(north[j], 0.0))
            )
            has = FULL * h[j]
            over = out > has
            theta[j] = has / (out if over else 1.0) if over else 1.0
            limited += 1 if over else 0
    return limited


@njit(error_model="numpy")
def _limit(flux, mass, speed, theta, theta_beyond, count):
    """Scale faces by the share of the cell that gives."""
    for j in range(count):
        share = theta[j] if mass[j] > 0.0 else theta_beyond[j]
        flux[j] *= share
        mass[j] *= share
        speed[j] *= share


@njit(error_model="numpy")
def band_limits(new, beside, r0, rows, c0, columns):
    """The faces that a band owns, scaled; the shares of ghosts are 1: what comes from beyond the grid is not
    limited.
    """
    theta = beside[THETA]
    end = c0 + columns
    first = c0 - 1 if c0 == PAD else c0
    for r in range(r0 - 1 if r0 == PAD else r0, r0 + rows):
        if r >= PAD:
            _limit(
                new[FLUX_EAST, r, first:end], beside[MASS_E, r, first:end], beside[SPEED_E, r, first:end],
                theta[r, first:end], theta[r, first + 1 : end + 1], end - first,
            )  # fmt: skip
        _limit(
            new[FLUX_SOUTH, r, c0:end], beside[MASS_S, r, c0:end], beside[SPEED_S, r, c0:end],
            theta[r, c0:end], theta[r + 1, c0:end], columns,
        )  # fmt: skip


@njit(error_model="numpy")
def update_row(old, new, beside, depths, squares, r, c0, ratio, dry):
    """New depths and discharges of a row of a tile; depths and v² for the record. In loops of few arrays, see
    `kernels_subgrid_faces.find_discharges`.
    """
    end = c0 + TILE_COLS
    h, h_new = old[DEPTH, r, c0:end], new[DEPTH, r, c0:end]
    qx, qy = new[DISCHARGE_X, r, c0:end], new[DISCHARGE_Y, r, c0:end]
    east, west = beside[MASS_E, r, c0:end], beside[MASS_E, r, c0 - 1 : end - 1]
    south, north = beside[MASS_S, r, c0:end], beside[MASS_S, r - 1, c0:end]
    fast_e, fast_w = beside[SPEED_E, r, c0:end], beside[SPEED_E, r, c0 - 1 : end - 1]
    fast_s, fast_n = beside[SPEED_S, r, c0:end], beside[SPEED_S, r - 1, c0:end]
    for j in range(TILE_COLS):
        h_new[j] = h[j] - ratio * ((east[j] - west[j]) + (south[j] - north[j]))
    for j in range(TILE_COLS):
        qx[j] = 0.5 * (fast_w[j] + fast_e[j])
    for j in range(TILE_COLS):
        qy[j] = 0.5 * (fast_n[j] + fast_s[j])
    for j in range(TILE_COLS):
        v2 = qx[j] * qx[j] + qy[j] * qy[j]
        depths[j] = h_new[j]
        squares[j] = v2 if (h_new[j] > SPEED_DEPTH) & (h_new[j] >= dry) else 0.0
    for j in range(TILE_COLS):
        moves = h_new[j] if h_new[j] >= dry else 0.0
        qx[j] *= moves
        qy[j] *= moves


@njit(error_model="numpy")
def keep_highest(h, level, highest, count, dry):
    """Highest levels of a row."""
    for j in range(count):
        highest[j] = max(highest[j], level[j] if h[j] >= dry else -np.inf)


@njit(error_model="numpy")
def band_rows(old, new, beside, looks, r0, rows, c0, ratio, dry):
    """:func:`update_row` for a band."""
    for r in range(r0, r0 + rows):
        depths, squares = looks_of_row(looks, 0, r - r0)
        update_row(old, new, beside, depths, squares, r, c0, ratio, dry)


@njit(error_model="numpy")
def band_update(
    new, beside, tables, interval, edge_flux, watched, looks, found, record, classes, r0, rows, c0,
    columns, tile_row, tile_rows, ny, nx, dry, t_new,
):  # fmt: skip
    """Levels of a band after its new state, what crosses the edges and the watched faces, its record and
    marks; tile_row, tile_rows: first padded row of its tile and its rows.
    """
    tiles_x = -(-nx // TILE_COLS)
    faces = ny * tiles_x + 1
    bad = 0
    for m in range(MARKS):
        found[MARKS_HERE + m] = 0.0
    for r in range(r0, r0 + rows):
        i = r - PAD
        h = new[DEPTH, r, c0 : c0 + columns]
        deepest = 0.0
        for j in range(columns):
            bad += 0 if h[j] >= 0.0 else 1
            deepest = larger(deepest, h[j])
        if deepest >= dry:
            found[MARKS_HERE + WATER] = 1.0
            if r == tile_row:
                found[MARKS_HERE + WATER_NORTH] = 1.0
            if r == tile_row + tile_rows - 1:
                found[MARKS_HERE + WATER_SOUTH] = 1.0
        if h[0] >= dry:
            found[MARKS_HERE + WATER_WEST] = 1.0
        if h[columns - 1] >= dry:
            found[MARKS_HERE + WATER_EAST] = 1.0
        if c0 == PAD:
            edge_flux[i] = -beside[MASS_E, r, PAD - 1]
        if c0 + columns == PAD + nx:
            edge_flux[ny + i] = beside[MASS_E, r, PAD + nx - 1]
        k = i * tiles_x + (c0 - PAD) // TILE_COLS
        for p in range(watched[k], watched[k + 1]):
            code = watched[faces + p]
            edge_flux[4 * (ny + nx) + p] = beside[MASS_E if code % 2 == 0 else MASS_S, r, c0 + code // 2]
        find_levels(new, beside, tables, interval, r, c0, columns)
        end = c0 + columns
        keep_highest(h, beside[SURFACE, r, c0:end], beside[HIGHEST, r, c0:end], columns, dry)
    for j in range(columns):
        e = 2 * ny + c0 - PAD + j
        if r0 == PAD:
            edge_flux[e] = -beside[MASS_S, PAD - 1, c0 + j]
        if r0 + rows == PAD + ny:
            edge_flux[e + nx] = beside[MASS_S, PAD + ny - 1, c0 + j]
    found[BAD_HERE] = bad
    # What is out of bounds never gets into the record.
    if bad == 0:
        record_tile(looks, 0, record, classes, r0, rows, c0, t_new)
