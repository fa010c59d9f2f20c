# mypy: ignore-errors
"""Time steps over the active tiles (numba)."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from twin.solvers.flood.kernels import (
    BED,
    COLUMN_SPEED,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    GRAVITY,
    PAD,
    TILE_COLS,
    WEST_TILE,
    all_written,
    goes_past,
    like,
)
from twin.solvers.flood.kernels_loop import (
    BAD,
    ENERGY,
    FRESH,
    LEVEL,
    LIMITED,
    SPEED,
    TILES,
    WATER,
    WATER_EAST,
    WATER_NORTH,
    WATER_SOUTH,
    WATER_WEST,
    WORKERS,
    begin,
    choose_sweeps,
    finish,
    marked,
    next_sweep,
    place_of,
)
from twin.solvers.flood.kernels_record import look_at_state, record_tile, too_fast
from twin.solvers.flood.kernels_rows import BAD_CELLS, MAX_BED, MAX_LEVEL, MAX_SPEED, MAX_V2, OUT0
from twin.solvers.flood.kernels_tile import step_sweep

# Bytes that a step of a cell moves: state read and written, bed and friction, two records and five classes.
CELL_BYTES = 3 * 16 + 2 * 8 + 13


@njit(cache=True, error_model="numpy")
def mark_tile(depth, marks, r0, rows, c0, columns, dry):
    """Say where a tile has water (h >= dry, in the precision of dry): anywhere, and in the cells along each
    of its sides.
    """
    marks[:] = 0
    for row in range(r0, r0 + rows):
        for c in range(c0, c0 + columns):
            if like(dry, depth[row, c]) >= dry:
                marks[WATER] = 1
                break
        if marks[WATER] != 0:
            break
    if marks[WATER] == 0:
        return
    for c in range(c0, c0 + columns):
        if like(dry, depth[r0, c]) >= dry:
            marks[WATER_NORTH] = 1
            break
    for c in range(c0, c0 + columns):
        if like(dry, depth[r0 + rows - 1, c]) >= dry:
            marks[WATER_SOUTH] = 1
            break
    for row in range(r0, r0 + rows):
        if like(dry, depth[row, c0]) >= dry:
            marks[WATER_WEST] = 1
            break
    for row in range(r0, r0 + rows):
        if like(dry, depth[row, c0 + columns - 1]) >= dry:
            marks[WATER_EAST] = 1
            break


@njit(cache=True, error_model="numpy")
def finish_tile(
    new, static, record, classes, s, looks, marks, values, limited, r0, rows, c0, columns, t_new, dry, energy,
):  # fmt: skip
    """Record, values and marks of a tile after its step; s begins with the maxima of its columns."""
    speed = 0.0
    for j in range(columns):
        speed = max(speed, s[COLUMN_SPEED + j])
    level, fastest, bad = look_at_state(new, static[BED], looks, r0, rows, c0, columns, dry)
    # The bed under water is lower than the highest level.
    if fastest > 8.0 * GRAVITY * (energy - level):
        bad += too_fast(new, static[BED], r0, rows, c0, columns, energy)
    if bad == 0:
        record_tile(looks, 0, record, classes, r0, rows, c0, np.float32(t_new))
    values[SPEED] = speed
    values[LIMITED] = limited
    values[LEVEL] = level
    values[BAD] = bad
    mark_tile(new[DEPTH], marks, r0, rows, c0, columns, dry)


@njit(error_model="numpy")
def take_tile(
    new, static, record, classes, s, looks, marks, values, step, tile, r0, rows, c0, nx, dry, energy
):  # fmt: skip
    """Record, values and marks of one tile of a sweep (tile 0: west, 1: east) after its step, from the maxima
    of its columns in s.
    """
    columns = min(TILE_COLS, PAD + nx - c0)
    speed = 0.0
    v2 = 0.0
    level = -1e300
    bed = -1e300
    bad = 0
    first = OUT0 + tile * TILE_COLS
    for j in range(first, first + columns):
        speed = max(speed, np.float64(s[MAX_SPEED + j]))
        v2 = max(v2, np.float64(s[MAX_V2 + j]))
        level = max(level, np.float64(s[MAX_LEVEL + j]))
        bed = max(bed, np.float64(s[MAX_BED + j]))
        bad += np.int64(s[BAD_CELLS + j])
    # No cell is too fast where the fastest could be in the highest.
    if v2 > 8.0 * GRAVITY * (energy - bed):
        bad += too_fast(new, static[BED], r0, rows, c0, columns, energy)
    # What is out of bounds never gets into the record.
    if step[2] != 0.0 and bad == 0:
        record_tile(looks, tile, record, classes, r0, rows, c0, np.float32(step[1]))
    values[SPEED] = speed
    values[LIMITED] = 0.0
    values[LEVEL] = level
    values[BAD] = bad
    mark_tile(new[DEPTH], marks, r0, rows, c0, columns, dry)


@njit(cache=True, parallel=True, error_model="numpy")
def step_tiles(
    old, new, static, crests, falls, record, classes, chosen, marks, values, edge_flux, watched, scratch,
    doubles, slow, looks, ny, nx, steps, dx, dry, full, second, law, loop, plain,
):  # fmt: skip
    """Make the steps that `loop` asks for (see `kernels_loop`), or advance the tiles that are `chosen`;
    records, marks and values of the tiles are brought up to date.

    With an odd number of steps the last state is in `new`.
    steps (tiles, 3): length of the step of each tile (s), time at its end (s), and 0 where the record waits.
    crests (tiles,): 1 where a crest may stand in or beside a tile; falls (ny, tiles in x): highest FALL of
    each row of a tile; law: of friction (see `kernels`); scratch, doubles, slow, looks: (threads, .)
    private buffers of `kernels_rows` and `kernels_record`, the type of scratch, of dry and of full is the
    precision; edge_flux, watched: see `kernels_edges`; second: whether the scheme is of second order; plain:
    see `kernels_sources`.
    Each tile writes only its own part of every array: neither the number of threads nor their order changes a
    bit.
    """
    counts, sweeps = loop[1], loop[16]
    count = begin(
        loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, second, law
    )
    while count >= 0:
        energy = loop[0][ENERGY]
        made = choose_sweeps(sweeps, chosen, count, steps, nx)
        past = goes_past(made, CELL_BYTES)
        for thread in prange(counts[WORKERS]):
            n, handed = next_sweep(sweeps, counts, made, -1, FRESH, crests)
            while n < made:
                k, asked, r0, rows, c0 = place_of(sweeps[TILES, n], ny, nx)
                one = k if asked & WEST_TILE else k + 1
                dt = steps[one, 0]
                s = scratch[thread]
                limited, hands_on = step_sweep(
                    old, new, static, marked(sweeps[TILES, n], crests), falls, s, doubles[thread],
                    slow[thread], looks[thread], edge_flux, watched, r0, rows, c0, asked, past, ny, nx,
                    dt / dx, like(dry, dt), dry, full, second, law, handed,
                )  # fmt: skip
                for tile in range(2):
                    if asked & (tile + 1):
                        take_tile(
                            new, static, record, classes, s, looks[thread], marks[k + tile],
                            values[k + tile], steps[k + tile], tile, r0, rows, c0 + tile * TILE_COLS, nx, dry,
                            energy,
                        )  # fmt: skip
                values[one, LIMITED] = limited
                n, handed = next_sweep(sweeps, counts, made, n, hands_on, crests)
            all_written()
        finish(loop, new, record, classes, values, edge_flux, chosen, count, ny, nx, dx)
        old, new = new, old
        count = begin(
            loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, second, law
        )


@njit(cache=True, parallel=True, error_model="numpy")
def gather_velocities(state, depth, velocity_x, velocity_y, ny, nx, dry):
    """Depth (m) and velocities (m/s, y to the north) on the grid, shape (ny, nx), from a padded state."""
    for i in prange(ny):
        for j in range(nx):
            h = state[DEPTH, i + PAD, j + PAD]
            inverse = 1.0 / max(h, dry)
            depth[i, j] = h
            velocity_x[i, j] = state[DISCHARGE_X, i + PAD, j + PAD] * inverse
            velocity_y[i, j] = 0.0 - state[DISCHARGE_Y, i + PAD, j + PAD] * inverse
