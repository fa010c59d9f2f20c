# mypy: ignore-errors
"""Time steps on cells that carry the fine terrain (numba): the passes of `kernels_subgrid` (local inertia)
or `kernels_subgrid_waves` (shallow water, first order) over the bands of the active tiles, so that threads
share a small map too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from twin.solvers.flood.kernels import DEPTH, DISCHARGE_X, PAD, TILE_COLS, TILE_ROWS
from twin.solvers.flood.kernels_edges import OPEN
from twin.solvers.flood.kernels_loop import (
    BAD,
    LIMITED,
    MARKS,
    NEW_TIME,
    NEXT,
    SPEED,
    STEP,
    WORKERS,
    begin,
    finish,
    take_next,
)
from twin.solvers.flood.kernels_loop import LEVEL as HIGHEST_LEVEL
from twin.solvers.flood.kernels_subgrid import (
    BAD_HERE,
    BAND,
    BANDS,
    FLUX_EAST,
    HIGHEST,
    LIMITED_HERE,
    MARKS_HERE,
    MASS_E,
    SPEED2,
    SPEED_S,
    THETA,
    band_discharges,
    band_flow,
    band_limits,
    band_rows,
    band_shares,
    band_update,
    find_levels,
)
from twin.solvers.flood.kernels_subgrid_faces import AREA_E, WEIRS_E, ZERO
from twin.solvers.flood.kernels_subgrid_waves import band_fluxes, band_limit_fluxes, band_states


@njit(cache=True, error_model="numpy")
def find_all_levels(state, beside, tables, interval):
    """:func:`find_levels` of the whole grid."""
    ny, nx = interval.shape
    for i in range(ny):
        find_levels(state, beside, tables, interval, i + PAD, PAD, nx)


@njit(cache=True, error_model="numpy")
def faces_of_cells(state, static, beside, planes, tables, f, ny, nx, dry):
    """Face discharges of a start from the velocities of the cells: mean velocity of the wet cells beside a
    face times its flow area. Edges count as open ones.
    """
    edges = 2 * (ny + nx)
    kinds, values = np.full(edges, OPEN, dtype=np.int8), np.zeros(edges)
    closed = np.zeros(edges, dtype=np.uint8)
    for r in range(PAD, PAD + ny, BAND):
        for c in range(PAD, PAD + nx, TILE_COLS):
            band_flow(
                state, static, beside, planes, tables, f, kinds, values, closed, r, min(BAND, PAD + ny - r),
                c, min(TILE_COLS, PAD + nx - c), ny, nx, dry,
            )  # fmt: skip
    for axis in range(2):
        for r in range(PAD - axis, PAD + ny):
            for c in range(PAD - (1 - axis), PAD + nx):
                speed, wet = 0.0, 0
                for i, j in ((r, c), (r + axis, c + 1 - axis)):
                    if state[DEPTH, i, j] >= dry:
                        speed += state[DISCHARGE_X + axis, i, j] / state[DEPTH, i, j]
                        wet += 1
                area = np.float64(planes[AREA_E + axis, r, c])
                state[FLUX_EAST + axis, r, c] = area * speed / max(wet, 1)


@njit(inline="always")
def band_of(n, chosen, ny, nx):
    """Tile of a band, its number in it, first padded row, rows (0: none), first padded column, columns of
    both; first padded row of the tile, its rows.
    """
    k = chosen[n // BANDS]
    b = n % BANDS
    tiles_x = -(-nx // TILE_COLS)
    down = k // tiles_x
    across = k - down * tiles_x
    tile_rows = min(TILE_ROWS, ny - down * TILE_ROWS)
    tile_row = PAD + down * TILE_ROWS
    rows = min(BAND, tile_rows - b * BAND)
    columns = min(TILE_COLS, nx - across * TILE_COLS)
    return k, b, tile_row + b * BAND, max(rows, 0), PAD + across * TILE_COLS, columns, tile_row, tile_rows


@njit(error_model="numpy")
def still_tiles(beside, planes, awake, ny, nx):
    """Nothing passes the faces of tiles that fell asleep (`awake` 2, see `kernels_loop.choose_tiles`)."""
    tiles_x = -(-nx // TILE_COLS)
    for k in range(awake.size):
        if awake[k] != 2:
            continue
        a = k // tiles_x
        b = k - a * tiles_x
        # The faces on the west and north edges of the grid lie in the ghosts.
        for r in range(PAD + a * TILE_ROWS - (1 if a == 0 else 0), PAD + min((a + 1) * TILE_ROWS, ny)):
            for c in range(PAD + b * TILE_COLS - (1 if b == 0 else 0), PAD + min((b + 1) * TILE_COLS, nx)):
                for plane in range(MASS_E, SPEED_S + 1):
                    beside[plane, r, c] = 0.0
                for plane in range(HIGHEST + 1, beside.shape[0]):
                    beside[plane, r, c] = 0.0
                beside[THETA, r, c] = 1.0
                for plane in range(planes.shape[0]):
                    planes[plane, r, c] = ZERO


@njit(error_model="numpy")
def narrow_weirs(planes, slanted):
    """Make the weirs of crests at an angle to the grid as wide as their crest is long. In tiles that sleep
    they pass nothing.
    """
    places, share = slanted
    for k in range(share.size):
        planes[WEIRS_E + places[0, k], places[1, k], places[2, k]] *= share[k]


@njit(error_model="numpy")
def gather(found, marks, values, chosen, count, ny, nx):
    """Values and marks of the tiles from those of their bands."""
    for n in range(count):
        k = chosen[n]
        speed2, limited, bad = 0.0, 0.0, 0.0
        for m in range(MARKS):
            marks[k, m] = 0
        for b in range(BANDS):
            if band_of(n * BANDS + b, chosen, ny, nx)[3] == 0:
                continue
            speed2 = max(speed2, found[k, b, SPEED2])
            limited += found[k, b, LIMITED_HERE]
            bad += found[k, b, BAD_HERE]
            for m in range(MARKS):
                if found[k, b, MARKS_HERE + m] != 0.0:
                    marks[k, m] = 1
        values[k, SPEED] = math.sqrt(speed2)
        values[k, LIMITED] = limited
        values[k, HIGHEST_LEVEL] = -1e300  # no energy is kept
        values[k, BAD] = bad


@njit(error_model="numpy")
def any_limited(found, chosen, count):
    """Whether a cell may not give all."""
    most = 0.0
    for n in range(count):
        for b in range(BANDS):
            most = max(most, found[chosen[n], b, LIMITED_HERE])
    return most > 0.0


@njit(cache=True, parallel=True, error_model="numpy")
def step_tiles(
    old, new, static, record, classes, chosen, marks, values, beside, planes, tables, interval, found,
    edge_flux, watched, scratch, doubles, looks, ny, nx, steps, dx, dry, law, waves, slanted, loop, plain,
):  # fmt: skip
    """`kernels_step.step_tiles` for this scheme.

    planes: of the faces; tables: heights and volumes, sills and humps of the faces, sills on the edges;
    interval (ny, nx): where in its table each cell was last; found (tiles, BANDS, FOUND); scratch,
    doubles, looks (threads, .); waves: the shallow water equations, and not local inertia; slanted: crests
    at an angle to the grid, see `Crests.slanted`.
    """
    kinds, given, closed, awake, speeds = loop[4], loop[5], loop[6], loop[9], loop[15]
    counts = loop[1]
    count = begin(
        loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, False, law
    )
    while count >= 0:
        dt, t_new = loop[0][STEP], np.float32(loop[0][NEW_TIME])
        ratio = dt / dx
        bands = count * BANDS
        still_tiles(beside, planes, awake, ny, nx)
        for _thread in prange(counts[WORKERS]):
            n = take_next(counts, NEXT)
            while n < bands:
                _, _, r0, rows, c0, columns, _, _ = band_of(n, chosen, ny, nx)
                for r in range(r0, r0 + rows):
                    find_levels(old, beside, tables, interval, r, c0, columns)
                n = take_next(counts, NEXT)
        counts[NEXT] = 0
        for thread in prange(counts[WORKERS]):
            n = take_next(counts, NEXT)
            while n < bands:
                _, _, r0, rows, c0, columns, _, _ = band_of(n, chosen, ny, nx)
                band_flow(
                    old, static, beside, planes, tables, scratch[thread], kinds, given, closed, r0, rows, c0,
                    columns, ny, nx, dry,
                )  # fmt: skip
                n = take_next(counts, NEXT)
        narrow_weirs(planes, slanted)
        counts[NEXT] = 0
        for thread in prange(counts[WORKERS]):
            n = take_next(counts, NEXT)
            while n < bands:
                k, b, r0, rows, c0, columns, _, _ = band_of(n, chosen, ny, nx)
                if waves:
                    band_fluxes(
                        old, static, beside, planes, tables, scratch[thread], doubles[thread], kinds, given,
                        speeds, closed, r0, rows, c0, columns, ny, nx, ratio, dx, dry,
                    )  # fmt: skip
                else:
                    found[k, b, SPEED2] = band_discharges(
                        old, new, static, beside, planes, tables[6], scratch[thread], doubles[thread], kinds,
                        given, r0, rows, c0, columns, ny, nx, ratio, dt, dry,
                    )  # fmt: skip
                n = take_next(counts, NEXT)
        counts[NEXT] = 0
        for _thread in prange(counts[WORKERS]):
            n = take_next(counts, NEXT)
            while n < bands:
                k, b, r0, rows, c0, columns, _, _ = band_of(n, chosen, ny, nx)
                found[k, b, LIMITED_HERE] = band_shares(old, beside, r0, rows, c0, columns, ratio)
                n = take_next(counts, NEXT)
        counts[NEXT] = 0
        if any_limited(found, chosen, count):
            for _thread in prange(counts[WORKERS]):
                n = take_next(counts, NEXT)
                while n < bands:
                    _, _, r0, rows, c0, columns, _, _ = band_of(n, chosen, ny, nx)
                    if rows > 0 and waves:
                        band_limit_fluxes(old, beside, r0, rows, c0, columns, dry)
                    elif rows > 0:
                        band_limits(new, beside, r0, rows, c0, columns)
                    n = take_next(counts, NEXT)
            counts[NEXT] = 0
        for thread in prange(counts[WORKERS]):
            n = take_next(counts, NEXT)
            while n < bands:
                k, b, r0, rows, c0, columns, tile_row, tile_rows = band_of(n, chosen, ny, nx)
                if rows > 0:
                    if waves:
                        found[k, b, SPEED2] = band_states(
                            old, new, static, beside, planes, looks[thread], r0, rows, c0, columns, ratio, dt,
                            dry,
                        )  # fmt: skip
                    else:
                        band_rows(old, new, beside, looks[thread], r0, rows, c0, ratio, dry)
                    band_update(
                        new, beside, tables, interval, edge_flux, watched, looks[thread], found[k, b],
                        record, classes, r0, rows, c0, columns, tile_row, tile_rows, ny, nx, dry, t_new,
                    )  # fmt: skip
                n = take_next(counts, NEXT)
        gather(found, marks, values, chosen, count, ny, nx)
        finish(loop, new, record, classes, values, edge_flux, chosen, count, ny, nx, dx)
        old, new = new, old
        count = begin(
            loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, False, law
        )
