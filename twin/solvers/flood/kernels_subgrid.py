# mypy: ignore-errors
"""One step of local inertia on cells that carry the fine terrain (numba); see `twin.subgrid`.

state[DEPTH] is the volume of a cell over its area, so sources and books are those of every scheme. Of a face
the water meets the sills of its strips: with h = level less sill, the flow area (per width) is A = mean(h),
the conveyance K = mean(h^(5/3)) / n over the strips, and

    m  = q - g A dt dw/dx,   q' = m - g dt A |q'| q' / K²   (implicit in closed form)

Where a sill stands out of its strip by more than a third of the water over it, the strip is a broad-crested
weir, drowned as Villemonte (1947) says, and no channel, until the tailwater reaches the critical depth on it.
Mass as in `kernels_inertial`: all that leaves a cell is scaled alike where it would lose more than it holds.

The step is passes over the tiles; each writes only what its own tile owns (the faces east and south of its
cells, and those on the edges of the grid).
"""

from __future__ import annotations

import math

import numpy as np
from numba import get_thread_id, njit, prange

from twin.solvers.flood.kernels import (
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
    PAD,
    TILE_COLS,
    TILE_ROWS,
    inverse_cube_root,
)
from twin.solvers.flood.kernels_crests import BROAD_CREST, DROWNED, LARGEST_HEAD, SETTLE
from twin.solvers.flood.kernels_edges import LEVEL, NORMAL_DEPTH, OPEN, edge_place
from twin.solvers.flood.kernels_loop import NEW_TIME, STEP, begin, finish
from twin.solvers.flood.kernels_step import finish_tile
from twin.subgrid import level_above

MODULAR = 2.0 / 3.0  # tailwater over head (critical depth) above which no crest rules, but friction
# Planes beside the state: level above the datum (m), share of the cell under water; water through the faces
# east and south, weirs included (m²/s), velocities there; share of its outflow that a cell may give; highest
# level over the run
SURFACE, WET_SHARE, MASS_E, MASS_S, SPEED_E, SPEED_S, THETA, HIGHEST = 0, 1, 2, 3, 4, 5, 6, 7
PLANES = 8
# Planes of the state behind those of every scheme: unit discharges of the faces east and south of each cell
FLUX_EAST, FLUX_SOUTH = 3, 4
STATE_PLANES = 5


@njit(inline="always")
def flow_over(top, low, reference, crest, sill, hump):
    """Area and conveyance without n (per width), flow of the weirs (m²/s), highest head (m) of a face.

    top, low: the higher and the lower level (m); reference: elevation from which `sill` counts (m); crest: of
    a dike (m); sill, hump (strips,).
    """
    area = 0.0
    conveyance = 0.0
    weirs = 0.0
    head = 0.0
    for k in range(sill.size):
        own = reference + sill[k]
        raised = max(own, crest)
        over = top - raised
        if over <= 0.0:
            continue
        head = max(head, over)
        out = hump[k] + (raised - own)
        drowned = max(low - raised, 0.0)
        if over < LARGEST_HEAD * out and drowned < MODULAR * over:
            weirs += BROAD_CREST * over * math.sqrt(over) * (1.0 - (drowned / over) ** 1.5) ** DROWNED
        else:
            root = inverse_cube_root(max(over, 1e-9))
            area += over
            conveyance += over * (over * root)  # h^(5/3) = h² h^(-1/3)
    share = 1.0 / sill.size
    return area * share, conveyance * share, weirs * share, head


@njit(inline="always")
def rub(m, across, area, conveyance, friction, dt):
    """Unit discharge after friction; friction: g n²."""
    if conveyance <= 0.0:
        return 0.0
    drag = 4.0 * dt * friction * area * math.sqrt(m * m + across * across) / (conveyance * conveyance)
    return 2.0 * m / (1.0 + math.sqrt(1.0 + drag))


@njit(inline="always")
def face(state, static, beside, low, r, c, r2, c2, old, across, crest, sill, hump, ratio, dt, dry):
    """Momentum and water (m²/s) through the face between two cells, velocity, highest head."""
    first = beside[SURFACE, r, c]
    second = beside[SURFACE, r2, c2]
    h1 = state[DEPTH, r, c]
    h2 = state[DEPTH, r2, c2]
    if h1 < dry and h2 < dry:
        return 0.0, 0.0, 0.0, 0.0
    reference = max(low[r - PAD, c - PAD], low[r2 - PAD, c2 - PAD])
    area, conveyance, weirs, head = flow_over(
        max(first, second), min(first, second), reference, crest, sill, hump
    )
    if head <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    friction = 0.5 * (static[FRICTION, r, c] + static[FRICTION, r2, c2])
    q = rub(old - GRAVITY * ratio * area * (second - first), across, area, conveyance, friction, dt)
    if (q > 0.0 and h1 < dry) or (q < 0.0 and h2 < dry):
        q = 0.0
    # Over a weir the levels meet without swinging.
    most = SETTLE * abs(first - second) * min(beside[WET_SHARE, r, c], beside[WET_SHARE, r2, c2]) / ratio
    weirs = min(weirs, most)
    donor = h1 if first > second else h2
    if donor < dry:
        weirs = 0.0
    water = q + (weirs if first > second else -weirs)
    return q, water, q / max(area, dry), head


@njit(inline="always")
def edge_face(state, static, beside, low, e, ny, nx, kind, value, old, sill, hump, ratio, dt, dry):
    """Water out of the grid through an edge cell (m²/s), and its velocity."""
    r, c, dr, dc = edge_place(e, ny, nx)
    depth = state[DEPTH, r, c]
    surface = beside[SURFACE, r, c]
    beyond = value if kind == LEVEL else surface
    if depth < dry and kind != LEVEL:
        return 0.0, 0.0
    area, conveyance, _, _ = flow_over(
        max(surface, beyond), min(surface, beyond), low[r - PAD, c - PAD], -np.inf, sill, hump * 0.0
    )
    if conveyance <= 0.0:
        return 0.0, 0.0
    friction = static[FRICTION, r, c]
    q = 0.0
    if kind == LEVEL:
        q = rub(old - GRAVITY * ratio * area * (beyond - surface), 0.0, area, conveyance, friction, dt)
        if q > 0.0 and depth < dry:
            q = 0.0
    elif kind == NORMAL_DEPTH:
        q = conveyance * math.sqrt(value * GRAVITY / friction)
    elif kind == OPEN:
        if dc != 0:
            q = dc * state[FLUX_EAST, r, c - 1 if dc > 0 else c]
        else:
            q = dr * state[FLUX_SOUTH, r - 1 if dr > 0 else r, c]
        q = max(q, 0.0)
    return q, q / max(area, dry)


@njit(cache=True, error_model="numpy")
def find_levels(state, beside, low, height, volume, r0, r1, c0, c1):
    """Levels and wet shares of the cells of a rectangle (padded rows and columns)."""
    for r in range(r0, r1):
        for c in range(c0, c1):
            i = r - PAD
            j = c - PAD
            over, share = level_above(height[i, j], volume[i, j], state[DEPTH, r, c])
            beside[SURFACE, r, c] = low[i, j] + over
            beside[WET_SHARE, r, c] = share


@njit(cache=True, error_model="numpy")
def tile_fluxes(
    old, new, static, beside, tables, kinds, values, closed, awake, s, k, a, b, r0, rows, c0, columns, ny, nx,
    ratio, dt, dry,
):  # fmt: skip
    """First pass: momentum and water through the faces that a tile owns, and its highest wave speed."""
    low, _, _, sill_x, sill_y, hump_x, hump_y = tables
    tiles_x = -(-nx // TILE_COLS)
    s[:] = 0.0
    # A sleeping neighbour passes nothing: what it did when it was last awake is forgotten here.
    if b > 0 and awake[k - 1] != 1:
        beside[MASS_E, r0 : r0 + rows, c0 - 1] = 0.0
        beside[SPEED_E, r0 : r0 + rows, c0 - 1] = 0.0
    if a > 0 and awake[k - tiles_x] != 1:
        beside[MASS_S, r0 - 1, c0 : c0 + columns] = 0.0
        beside[SPEED_S, r0 - 1, c0 : c0 + columns] = 0.0
    for r in range(r0, r0 + rows):
        i = r - PAD
        for c in range(c0, c0 + columns):
            j = c - PAD
            head = 0.0
            if j < nx - 1:
                across = 0.25 * (
                    old[FLUX_SOUTH, r, c] + old[FLUX_SOUTH, r, c + 1]
                    + old[FLUX_SOUTH, r - 1, c] + old[FLUX_SOUTH, r - 1, c + 1]
                )  # fmt: skip
                q, water, speed, over = face(
                    old, static, beside, low, r, c, r, c + 1, old[FLUX_EAST, r, c], across,
                    static[CREST_X, r, c], sill_x[i, j + 1], hump_x[i, j + 1], ratio, dt, dry,
                )  # fmt: skip
                new[FLUX_EAST, r, c] = q
                beside[MASS_E, r, c] = water
                beside[SPEED_E, r, c] = speed
                head = max(head, over)
                s[COLUMN_SPEED + c - c0] = max(s[COLUMN_SPEED + c - c0], abs(speed))
            if i < ny - 1:
                across = 0.25 * (
                    old[FLUX_EAST, r, c] + old[FLUX_EAST, r + 1, c]
                    + old[FLUX_EAST, r, c - 1] + old[FLUX_EAST, r + 1, c - 1]
                )  # fmt: skip
                q, water, speed, over = face(
                    old, static, beside, low, r, c, r + 1, c, old[FLUX_SOUTH, r, c], across,
                    static[CREST_Y, r, c], sill_y[i + 1, j], hump_y[i + 1, j], ratio, dt, dry,
                )  # fmt: skip
                new[FLUX_SOUTH, r, c] = q
                beside[MASS_S, r, c] = water
                beside[SPEED_S, r, c] = speed
                head = max(head, over)
                s[COLUMN_SPEED + c - c0] = max(s[COLUMN_SPEED + c - c0], abs(speed))
            s[COLUMN_SPEED + c - c0] = max(s[COLUMN_SPEED + c - c0], math.sqrt(GRAVITY * head))
            # Faces on the edges of the grid: to the west and east, then to the north and south.
            if j == 0:
                q, speed = 0.0, 0.0
                if closed[i] == 0:
                    q, speed = edge_face(
                        old, static, beside, low, i, ny, nx, kinds[i], values[i],
                        -old[FLUX_EAST, r, c - 1], sill_x[i, 0], hump_x[i, 0], ratio, dt, dry,
                    )  # fmt: skip
                new[FLUX_EAST, r, c - 1] = -q
                beside[MASS_E, r, c - 1] = -q
                beside[SPEED_E, r, c - 1] = -speed
            if j == nx - 1:
                e = ny + i
                q, speed = 0.0, 0.0
                if closed[e] == 0:
                    q, speed = edge_face(
                        old, static, beside, low, e, ny, nx, kinds[e], values[e], old[FLUX_EAST, r, c],
                        sill_x[i, nx], hump_x[i, nx], ratio, dt, dry,
                    )  # fmt: skip
                new[FLUX_EAST, r, c] = q
                beside[MASS_E, r, c] = q
                beside[SPEED_E, r, c] = speed
            if i == 0:
                e = 2 * ny + j
                q, speed = 0.0, 0.0
                if closed[e] == 0:
                    q, speed = edge_face(
                        old, static, beside, low, e, ny, nx, kinds[e], values[e], -old[FLUX_SOUTH, r - 1, c],
                        sill_y[0, j], hump_y[0, j], ratio, dt, dry,
                    )  # fmt: skip
                new[FLUX_SOUTH, r - 1, c] = -q
                beside[MASS_S, r - 1, c] = -q
                beside[SPEED_S, r - 1, c] = -speed
            if i == ny - 1:
                e = 2 * ny + nx + j
                q, speed = 0.0, 0.0
                if closed[e] == 0:
                    q, speed = edge_face(
                        old, static, beside, low, e, ny, nx, kinds[e], values[e], old[FLUX_SOUTH, r, c],
                        sill_y[ny, j], hump_y[ny, j], ratio, dt, dry,
                    )  # fmt: skip
                new[FLUX_SOUTH, r, c] = q
                beside[MASS_S, r, c] = q
                beside[SPEED_S, r, c] = speed


@njit(cache=True, error_model="numpy")
def tile_shares(old, beside, r0, rows, c0, columns, ratio):
    """Second pass: the share of its outflow that each cell may give; how many are limited."""
    limited = 0
    for r in range(r0, r0 + rows):
        for c in range(c0, c0 + columns):
            out = (max(beside[MASS_E, r, c], 0.0) - min(beside[MASS_E, r, c - 1], 0.0)) + (
                max(beside[MASS_S, r, c], 0.0) - min(beside[MASS_S, r - 1, c], 0.0)
            )
            has = FULL * old[DEPTH, r, c]
            over = ratio * out > has
            beside[THETA, r, c] = has / (ratio * out) if over else 1.0
            limited += 1 if over else 0
    return limited


@njit(inline="always")
def limit(new, beside, flux, mass, speed, r, c, r2, c2, ny, nx):
    """Scale a face by the share of the cell that gives; what comes from beyond the grid is not limited."""
    water = beside[mass, r, c]
    if water > 0.0:
        inside = r >= PAD and c >= PAD
        share = beside[THETA, r, c] if inside else 1.0
    else:
        inside = r2 < PAD + ny and c2 < PAD + nx
        share = beside[THETA, r2, c2] if inside else 1.0
    if share < 1.0:
        new[flux, r, c] *= share
        beside[mass, r, c] *= share
        beside[speed, r, c] *= share


@njit(cache=True, error_model="numpy")
def tile_limits(new, beside, r0, rows, c0, columns, ny, nx):
    """Third pass: the faces that a tile owns, scaled."""
    for r in range(r0, r0 + rows):
        if c0 == PAD:
            limit(new, beside, FLUX_EAST, MASS_E, SPEED_E, r, c0 - 1, r, c0, ny, nx)
        for c in range(c0, c0 + columns):
            limit(new, beside, FLUX_EAST, MASS_E, SPEED_E, r, c, r, c + 1, ny, nx)
            limit(new, beside, FLUX_SOUTH, MASS_S, SPEED_S, r, c, r + 1, c, ny, nx)
    if r0 == PAD:
        for c in range(c0, c0 + columns):
            limit(new, beside, FLUX_SOUTH, MASS_S, SPEED_S, r0 - 1, c, r0, c, ny, nx)


@njit(cache=True, error_model="numpy")
def tile_update(
    old, new, beside, low, height, volume, edge_flux, watched, s, r0, rows, c0, columns, ny, nx, ratio, dry
):
    """Fourth pass: new volumes, levels and velocities, and what crosses the edges and the watched faces."""
    tiles_x = -(-nx // TILE_COLS)
    faces = ny * tiles_x + 1
    for r in range(r0, r0 + rows):
        i = r - PAD
        for c in range(c0, c0 + columns):
            east, west = beside[MASS_E, r, c], beside[MASS_E, r, c - 1]
            south, north = beside[MASS_S, r, c], beside[MASS_S, r - 1, c]
            depth = old[DEPTH, r, c] - ratio * ((east - west) + (south - north))
            new[DEPTH, r, c] = depth
            wet = depth >= dry
            u = 0.5 * (beside[SPEED_E, r, c - 1] + beside[SPEED_E, r, c])
            v = 0.5 * (beside[SPEED_S, r - 1, c] + beside[SPEED_S, r, c])
            new[DISCHARGE_X, r, c] = depth * u if wet else 0.0
            new[DISCHARGE_Y, r, c] = depth * v if wet else 0.0
            s[COLUMN_DEPTH + c - c0] = max(s[COLUMN_DEPTH + c - c0], depth)
            if c == PAD:
                edge_flux[i] = -west
            if c == PAD + nx - 1:
                edge_flux[ny + i] = east
            if r == PAD:
                edge_flux[2 * ny + c - PAD] = -north
            if r == PAD + ny - 1:
                edge_flux[2 * ny + nx + c - PAD] = south
        k = i * tiles_x + (c0 - PAD) // TILE_COLS
        for p in range(watched[k], watched[k + 1]):
            code = watched[faces + p]
            edge_flux[4 * (ny + nx) + p] = beside[MASS_E if code % 2 == 0 else MASS_S, r, c0 + code // 2]
    find_levels(new, beside, low, height, volume, r0, r0 + rows, c0, c0 + columns)
    for r in range(r0, r0 + rows):
        for c in range(c0, c0 + columns):
            if new[DEPTH, r, c] >= dry:
                beside[HIGHEST, r, c] = max(beside[HIGHEST, r, c], beside[SURFACE, r, c])


@njit(inline="always")
def place_of(k, ny, nx):
    """Row and column of a tile, its first padded row, rows, first padded column, columns."""
    tiles_x = -(-nx // TILE_COLS)
    a = k // tiles_x
    b = k - a * tiles_x
    rows = min(TILE_ROWS, ny - a * TILE_ROWS)
    columns = min(TILE_COLS, nx - b * TILE_COLS)
    return a, b, PAD + a * TILE_ROWS, rows, PAD + b * TILE_COLS, columns


@njit(cache=True, parallel=True, error_model="numpy")
def step_tiles(
    old, new, static, record, classes, chosen, marks, values, beside, tables, edge_flux, watched, scratch,
    limited, record_scratch, ny, nx, steps, dx, dry, bound, law, loop, plain,
):  # fmt: skip
    """`kernels_step.step_tiles` for this scheme; scratch (tiles, .): column maxima; limited (tiles,)."""
    low, height, volume = tables[0], tables[1], tables[2]
    kinds, given, closed, awake = loop[4], loop[5], loop[6], loop[9]
    count = begin(
        loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, False, law
    )
    while count >= 0:
        dt, t_new = loop[0][STEP], loop[0][NEW_TIME]
        ratio = dt / dx
        for n in prange(count):
            a, b, r0, rows, c0, columns = place_of(chosen[n], ny, nx)
            find_levels(old, beside, low, height, volume, r0, r0 + rows, c0, c0 + columns)
        for n in prange(count):
            k = chosen[n]
            a, b, r0, rows, c0, columns = place_of(k, ny, nx)
            tile_fluxes(
                old, new, static, beside, tables, kinds, given, closed, awake, scratch[k], k, a, b, r0, rows,
                c0, columns, ny, nx, ratio, dt, dry,
            )  # fmt: skip
        for n in prange(count):
            k = chosen[n]
            a, b, r0, rows, c0, columns = place_of(k, ny, nx)
            limited[k] = tile_shares(old, beside, r0, rows, c0, columns, ratio)
        for n in prange(count):
            a, b, r0, rows, c0, columns = place_of(chosen[n], ny, nx)
            tile_limits(new, beside, r0, rows, c0, columns, ny, nx)
        for n in prange(count):
            k = chosen[n]
            a, b, r0, rows, c0, columns = place_of(k, ny, nx)
            tile_update(
                old, new, beside, low, height, volume, edge_flux, watched, scratch[k], r0, rows, c0, columns,
                ny, nx, ratio, dry,
            )  # fmt: skip
            finish_tile(
                new, static, record, classes, scratch[k], record_scratch[get_thread_id()], marks[k],
                values[k], limited[k], r0, rows, c0, columns, t_new, dry, bound,
            )  # fmt: skip
        finish(loop, new, record, classes, values, edge_flux, chosen, count, ny, nx, dx)
        old, new = new, old
        count = begin(
            loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, False, law
        )
