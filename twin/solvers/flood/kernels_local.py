# mypy: ignore-errors
"""What passes between tiles whose steps have different lengths (numba); see `local_steps`.

While a tile is in a long step, `new` holds its state at the end of it and `old` what its neighbours see of it
at the present instant. `edge_flux` holds the mass fluxes through the sides of each tile (`kernels_edges`).
"""

from __future__ import annotations

import math

from numba import get_thread_id, njit, prange

from twin.solvers.flood.kernels import (
    COLUMN_SPEED,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    GRAVITY,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    larger,
    stretch,
)
from twin.solvers.flood.kernels_edges import EAST, NORTH, SOUTH, WEST, sides_of
from twin.solvers.flood.kernels_loop import LIMITED, SPEED
from twin.solvers.flood.kernels_step import finish_tile

FRAME = 3  # cells along the sides of a tile that its neighbours read


@njit(cache=True, error_model="numpy")
def book_fluxes(edge_flux, watched, chosen, count, steps, passed, ny, nx):
    """Add what crossed the edges of the grid and the watched faces of the tiles just computed to `passed`.

    passed (edges, edges, watched faces): ∫ flux dt (m²), in the places of `edge_flux`; steps: see
    `kernels_step.step_tiles`.
    """
    tiles_x = -(-nx // TILE_COLS)
    behind = 4 * (ny + nx)
    for n in range(count):
        k = chosen[n]
        a = k // tiles_x
        b = k - a * tiles_x
        dt = steps[k, 0]
        first, last = a * TILE_ROWS, min((a + 1) * TILE_ROWS, ny)
        left, right = b * TILE_COLS, min((b + 1) * TILE_COLS, nx)
        for i in range(first, last):
            if left == 0:
                passed[i] += dt * edge_flux[i]
            if right == nx:
                passed[ny + i] += dt * edge_flux[ny + i]
            for p in range(watched[i * tiles_x + b], watched[i * tiles_x + b + 1]):
                passed[behind + p] += dt * edge_flux[behind + p]
        for j in range(left, right):
            if first == 0:
                passed[2 * ny + j] += dt * edge_flux[2 * ny + j]
            if last == ny:
                passed[2 * ny + nx + j] += dt * edge_flux[2 * ny + nx + j]


@njit(error_model="numpy")
def shift_watched(watched, passed, r, c, axis, amount, ny, nx):
    """Correct what passed the face to the east (axis 0) or south (1) of a cell, if somebody watches it."""
    tiles_x = -(-nx // TILE_COLS)
    i, j = r - PAD, c - PAD
    row = i * tiles_x + j // TILE_COLS
    for p in range(watched[row], watched[row + 1]):
        if watched[ny * tiles_x + 1 + p] == 2 * (j % TILE_COLS) + axis:
            passed[4 * (ny + nx) + p] += amount


@njit(inline="always")
def set_depth(state, r, c, depth, dry):
    """Change the depth of a cell; its velocity stays."""
    had = state[DEPTH, r, c]
    keeps = depth / had if had >= dry and depth >= dry else 0.0
    state[DEPTH, r, c] = depth
    state[DISCHARGE_X, r, c] *= keeps
    state[DISCHARGE_Y, r, c] *= keeps


@njit(cache=True, error_model="numpy")
def settle_sides(
    new, edge_flux, watched, chosen, count, begin, length, tick, passed, ny, nx, dx, dry, full
):  # fmt: skip
    """Replace, in tiles in a longer step, the flux that they foresaw through a side by the flux of the tiles
    just computed there, for the length of their step; how many faces were limited.

    begin, length (tiles,): steps in ticks (0: asleep); tick: its length (s). The water that the correction
    brings has the velocity of the tile that gave it, what it takes has that of its cell. No cell of the
    longer step gives more than what its other faces leave: if one would, the flux of the shorter step is cut
    on both sides. Cutting only takes water from the receiver that it got in this step, so no depth becomes
    negative there either.
    """
    tiles_x = -(-nx // TILE_COLS)
    tiles_y = -(-ny // TILE_ROWS)
    limited = 0
    for n in range(count):
        k = chosen[n]
        a = k // tiles_x
        b = k - a * tiles_x
        r0, c0 = PAD + a * TILE_ROWS, PAD + b * TILE_COLS
        rows = min(TILE_ROWS, ny - a * TILE_ROWS)
        columns = min(TILE_COLS, nx - b * TILE_COLS)
        own = sides_of(watched, k, ny, nx)
        for side in range(4):
            # Place of the first cell on the side and of the one behind it, the way along the side.
            if side == 0:
                a2, b2, mine, its, sign = a, b - 1, WEST, EAST, 1.0
                r, c, dr, dc, faces = r0, c0, 0, -1, rows
            elif side == 1:
                a2, b2, mine, its, sign = a, b + 1, EAST, WEST, -1.0
                r, c, dr, dc, faces = r0, c0 + columns - 1, 0, 1, rows
            elif side == 2:
                a2, b2, mine, its, sign = a - 1, b, NORTH, SOUTH, 1.0
                r, c, dr, dc, faces = r0, c0, -1, 0, columns
            else:
                a2, b2, mine, its, sign = a + 1, b, SOUTH, NORTH, -1.0
                r, c, dr, dc, faces = r0 + rows - 1, c0, 1, 0, columns
            if a2 < 0 or a2 >= tiles_y or b2 < 0 or b2 >= tiles_x:
                continue
            other = a2 * tiles_x + b2
            if length[other] <= length[k]:
                continue
            theirs = sides_of(watched, other, ny, nx)
            end = begin[other] + length[other]
            ratio = length[k] * tick / dx
            later = (end - begin[k] - length[k]) * tick / dx
            for p in range(faces):
                flux = sign * edge_flux[own + mine + p]  # out of the other tile
                foreseen = sign * edge_flux[theirs + its + p]
                if flux == foreseen:
                    continue
                rf, cf = (r + p, c) if dr == 0 else (r, c + p)
                rc, cc = rf + dr, cf + dc
                had = new[DEPTH, rc, cc]
                if flux > 0.0:
                    # What there is to give: nothing foreseen comes through this face, nor round the corner.
                    has = had + (ratio + later) * foreseen
                    if p == 0 or p == faces - 1:
                        if dr == 0:
                            j = cc - PAD - b2 * TILE_COLS
                            round_it = min(-edge_flux[theirs + NORTH + j], 0.0) if p == 0 else 0.0
                            if p == faces - 1:
                                round_it += min(edge_flux[theirs + SOUTH + j], 0.0)
                        else:
                            i = rc - PAD - a2 * TILE_ROWS
                            round_it = min(-edge_flux[theirs + WEST + i], 0.0) if p == 0 else 0.0
                            if p == faces - 1:
                                round_it += min(edge_flux[theirs + EAST + i], 0.0)
                        has += (ratio + later) * round_it
                    if ratio * flux > has:
                        limited += 1
                        less = full * max(has, 0.0) / ratio
                        cut = flux - less
                        set_depth(new, rf, cf, new[DEPTH, rf, cf] - ratio * cut, dry)
                        flux = less
                        edge_flux[own + mine + p] = sign * less
                        if sign < 0.0:
                            shift_watched(watched, passed, rf, cf, abs(dr), ratio * dx * cut, ny, nx)
                more = ratio * (foreseen - flux)
                if more > 0.0 and new[DEPTH, rf, cf] >= dry and had + more >= dry:
                    share = more / new[DEPTH, rf, cf]
                    new[DEPTH, rc, cc] = had + more
                    new[DISCHARGE_X, rc, cc] += share * new[DISCHARGE_X, rf, cf]
                    new[DISCHARGE_Y, rc, cc] += share * new[DISCHARGE_Y, rf, cf]
                else:
                    set_depth(new, rc, cc, had + more, dry)
                if sign > 0.0:
                    shift_watched(watched, passed, rc, cc, abs(dr), ratio * dx * (flux - foreseen), ny, nx)
    return limited


@njit(cache=True, parallel=True, error_model="numpy")
def finish_tiles(
    new, static, record, classes, scratch, looks, done, count, marks, values, steps, ny, nx, dry, energy
):  # fmt: skip
    """Record, values and marks of tiles whose sides were settled after their step; scratch: (threads, .)."""
    tiles_x = -(-nx // TILE_COLS)
    for n in prange(count):
        k = done[n]
        a = k // tiles_x
        b = k - a * tiles_x
        r0, c0 = PAD + a * TILE_ROWS, PAD + b * TILE_COLS
        rows = min(TILE_ROWS, ny - a * TILE_ROWS)
        columns = min(TILE_COLS, nx - b * TILE_COLS)
        thread = get_thread_id()
        s = scratch[thread]
        for j in range(columns):
            s[COLUMN_SPEED + j] = values[k, SPEED]
        for r in range(r0, r0 + rows):
            step = 1 if r == r0 or r == r0 + rows - 1 else max(columns - 1, 1)
            for c in range(c0, c0 + columns, step):
                depth = new[DEPTH, r, c]
                if depth >= dry:
                    speed = max(abs(new[DISCHARGE_X, r, c]), abs(new[DISCHARGE_Y, r, c])) / depth
                    s[COLUMN_SPEED] = max(s[COLUMN_SPEED], speed + math.sqrt(GRAVITY * depth))
        finish_tile(
            new, static, record, classes, s, looks[thread], marks[k], values[k], values[k, LIMITED],
            r0, rows, c0, columns, steps[k, 1], dry, energy,
        )  # fmt: skip


@njit(cache=True, parallel=True, error_model="numpy")
def copy_tiles(source, target, chosen, count, ny, nx):
    """Copy the state of tiles."""
    tiles_x = -(-nx // TILE_COLS)
    for n in prange(count):
        a = chosen[n] // tiles_x
        b = chosen[n] - a * tiles_x
        c = PAD + b * TILE_COLS
        columns = min(TILE_COLS, PAD + nx - c)
        for k in range(3):
            for r in range(PAD + a * TILE_ROWS, PAD + min((a + 1) * TILE_ROWS, ny)):
                there, here = stretch(target, (k, r, c), columns), stretch(source, (k, r, c), columns)
                for j in range(columns):
                    there[j] = here[j]


@njit(inline="always")
def move_part(old, new, r, c, columns, share):
    """Move what neighbours see of some cells of a row."""
    for v in range(3):
        seen, end = stretch(old, (v, r, c), columns), stretch(new, (v, r, c), columns)
        for j in range(columns):
            seen[j] += share * (end[j] - seen[j])
    depth = stretch(old, (DEPTH, r, c), columns)
    for j in range(columns):
        depth[j] = larger(depth[j], 0.0)


@njit(cache=True, parallel=True, error_model="numpy")
def move_frames(old, new, chosen, count, share, ny, nx):
    """Move what neighbours see of tiles in a step towards its end: by a share (tiles,) of what is left."""
    tiles_x = -(-nx // TILE_COLS)
    for n in prange(count):
        k = chosen[n]
        a = k // tiles_x
        b = k - a * tiles_x
        r0, r1 = PAD + a * TILE_ROWS, PAD + min((a + 1) * TILE_ROWS, ny)
        c0, c1 = PAD + b * TILE_COLS, PAD + min((b + 1) * TILE_COLS, nx)
        west = min(FRAME, c1 - c0)
        east = min(FRAME, c1 - c0 - west)
        for r in range(r0, r1):
            if r < r0 + FRAME or r >= r1 - FRAME:
                move_part(old, new, r, c0, c1 - c0, share[k])
            else:
                move_part(old, new, r, c0, west, share[k])
                move_part(old, new, r, c1 - east, east, share[k])
