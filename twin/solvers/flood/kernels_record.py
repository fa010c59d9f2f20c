# mypy: ignore-errors
"""What is kept over the whole run: maxima, arrival, duration and hazard classes, from values of the same
instant.

All thresholds compare h and q = h v without a division where one can be spared: v > a ⇔ q² > a² h².
Class numbers and their sources are in `hazards`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from twin.solvers.flood.hazards import (
    ADULT_DEPTH,
    ADULT_DEPTH_VELOCITY,
    CAR_DEPTH,
    CAR_DEPTH_VELOCITY,
    CHILD_DEPTH,
    CHILD_DEPTH_VELOCITY,
    EXTREME_DEPTH_VELOCITY,
    LARGE_CAR_DEPTH,
    LARGE_CAR_DEPTH_VELOCITY,
    LIMIT_VELOCITY,
    OFF_ROAD_DEPTH,
    OFF_ROAD_DEPTH_VELOCITY,
    PPRI_DEPTHS,
    PPRI_FAST,
    PPRI_MEDIUM,
    SIGNIFICANT_DEPTH_VELOCITY,
    SPEED_DEPTH,
    WET_DEPTH,
)
from twin.solvers.flood.kernels import GRAVITY, PAD, TILE_COLS, TILE_ROWS, TINY

# record[k], padded planes of float64
MAX_DEPTH, MAX_SPEED2, ARRIVAL, WET_TIME, WINDOW_DEPTH, MAX_RISE = 0, 1, 2, 3, 4, 5
RECORDS = 6
# classes[k], padded planes of uint8
PPRI, PEOPLE, VEHICLES, RISE_CLASS = 0, 1, 2, 3
CLASSES = 4

# Scratch: highest level of the wet cells per column, number of cells out of bounds per column
LEVEL, BAD = 0, TILE_COLS
RECORD_SCRATCH = 2 * TILE_COLS

PPRI_DEPTH_1, PPRI_DEPTH_2, PPRI_DEPTH_3 = PPRI_DEPTHS


@njit(cache=True, error_model="numpy")
def record_depths(h, z, max_depth, s, dry):
    """Maximum depth of a row of cells, highest level of its wet cells; the number of cells with h >
    WET_DEPTH.
    """
    count = 0
    for j in range(TILE_COLS):
        depth = h[j]
        max_depth[j] = max(max_depth[j], depth)
        level = z[j] + depth if depth >= dry else -1e300
        s[LEVEL + j] = max(s[LEVEL + j], level)
        count += 1 if depth > SPEED_DEPTH else 0
    return count


@njit(cache=True, error_model="numpy")
def record_speeds(h, qx, qy, z, max_speed2, energy):
    """Maximum of v² where h > SPEED_DEPTH; the number of cells that are faster than `energy` (m) can
    explain.
    """
    bad = 0
    for j in range(TILE_COLS):
        depth = h[j]
        q2 = qx[j] * qx[j] + qy[j] * qy[j]
        v2 = q2 / max(depth * depth, TINY)
        deep = depth > SPEED_DEPTH
        max_speed2[j] = max(max_speed2[j], v2 if deep else 0.0)
        # |v| <= 2 sqrt(2 g (energy - z)); a NaN fails too
        bound = (8.0 * GRAVITY) * max(energy - z[j], 0.0)
        bad += 0 if v2 <= bound else (1 if deep else 0)
    return bad


@njit(cache=True, error_model="numpy")
def record_times(h, arrival, wet_time, t_new, dt):
    """First time above WET_DEPTH (inf: never) and the time spent above it; the number of cells above it."""
    count = 0
    for j in range(TILE_COLS):
        wet = h[j] > WET_DEPTH
        arrival[j] = min(arrival[j], t_new if wet else np.inf)
        wet_time[j] += dt if wet else 0.0
        count += 1 if wet else 0
    return count


@njit(cache=True, error_model="numpy")
def record_hazards(h, qx, qy, ppri, people, vehicles, rise):
    """Highest hazard classes so far of a row of cells; see `hazards` for the tables."""
    for j in range(TILE_COLS):
        depth = h[j]
        wet = 1 if depth > WET_DEPTH else 0
        q2 = qx[j] * qx[j] + qy[j] * qy[j]
        h2 = depth * depth
        swift = 1 if q2 > (LIMIT_VELOCITY * LIMIT_VELOCITY) * h2 else 0

        child = swift | (1 if depth > CHILD_DEPTH else 0) | (1 if q2 > CHILD_DEPTH_VELOCITY**2 else 0)
        adult = swift | (1 if depth > ADULT_DEPTH else 0) | (1 if q2 > ADULT_DEPTH_VELOCITY**2 else 0)
        significant = (
            swift | (1 if depth > ADULT_DEPTH else 0) | (1 if q2 > SIGNIFICANT_DEPTH_VELOCITY**2 else 0)
        )
        extreme = 1 if q2 > EXTREME_DEPTH_VELOCITY**2 else 0
        danger = wet * (child + adult + significant + (significant & extreme))
        people[j] = max(people[j], np.uint8(danger))

        small = swift | (1 if depth > CAR_DEPTH else 0) | (1 if q2 > CAR_DEPTH_VELOCITY**2 else 0)
        large = swift | (1 if depth > LARGE_CAR_DEPTH else 0) | (1 if q2 > LARGE_CAR_DEPTH_VELOCITY**2 else 0)
        off_road = (
            swift | (1 if depth > OFF_ROAD_DEPTH else 0) | (1 if q2 > OFF_ROAD_DEPTH_VELOCITY**2 else 0)
        )
        vehicles[j] = max(vehicles[j], np.uint8(wet * (small + large + off_road)))

        speed_class = (1 if q2 > PPRI_MEDIUM**2 * h2 else 0) + (1 if q2 > PPRI_FAST**2 * h2 else 0)
        dynamics = max(speed_class, np.int64(rise[j]))
        band = (
            (1 if depth > PPRI_DEPTH_1 else 0)
            + (1 if depth > PPRI_DEPTH_2 else 0)
            + (1 if depth > PPRI_DEPTH_3 else 0)
        )
        level = max(band + 1, dynamics + 1)
        level = 4 if (dynamics == 2) & (band >= 2) else level
        ppri[j] = max(ppri[j], np.uint8(wet * level))


@njit(cache=True, error_model="numpy")
def record_tile(new, static_bed, record, classes, s, r0, rows, c0, columns, t_new, dt, dry, energy):
    """Bring the record of one tile up to its new state; returns (highest wet level, cells out of bounds).

    Ghost cells beyond the last column of the grid are recorded too (nobody looks) but never judged.
    """
    for j in range(TILE_COLS):
        s[LEVEL + j] = -1e300
    end = c0 + TILE_COLS
    bad = 0
    for row in range(r0, r0 + rows):
        h = new[0, row, c0:end]
        deep = record_depths(h, static_bed[row, c0:end], record[MAX_DEPTH, row, c0:end], s, dry)
        for j in range(columns):
            # A NaN anywhere reaches the depth within a step; NaN >= 0 is false.
            bad += 0 if h[j] >= 0.0 else 1
        if deep == 0:
            continue
        qx = new[1, row, c0:end]
        qy = new[2, row, c0:end]
        fast = record_speeds(h, qx, qy, static_bed[row, c0:end], record[MAX_SPEED2, row, c0:end], energy)
        if fast > 0:
            bad += too_fast(new, static_bed, row, c0, columns, energy)
        if record_times(h, record[ARRIVAL, row, c0:end], record[WET_TIME, row, c0:end], t_new, dt) > 0:
            record_hazards(
                h, qx, qy, classes[PPRI, row, c0:end], classes[PEOPLE, row, c0:end],
                classes[VEHICLES, row, c0:end], classes[RISE_CLASS, row, c0:end],
            )  # fmt: skip
    highest = -1e300
    for j in range(columns):
        highest = max(highest, s[LEVEL + j])
    return highest, bad


@njit(cache=True, error_model="numpy")
def too_fast(state, bed, row, c0, columns, energy):
    """Number of cells of a row that are faster than 2 sqrt(2 g (energy - low)) where h > SPEED_DEPTH.

    low: the lowest bed of the cell and its four neighbours, because the scheme lets water that falls over a
    step of the bed gain its speed in the upper cell.
    """
    count = 0
    for c in range(c0, c0 + columns):
        depth = state[0, row, c]
        q2 = state[1, row, c] ** 2 + state[2, row, c] ** 2
        low = min(bed[row, c], bed[row - 1, c], bed[row + 1, c], bed[row, c - 1], bed[row, c + 1])
        bound = 8.0 * GRAVITY * max(energy - low, 0.0)
        if depth > SPEED_DEPTH and not (q2 / (depth * depth) <= bound):
            count += 1
    return count


@njit(cache=True, error_model="numpy")
def close_window(depth, record, classes, r0, rows, c0, columns, length, medium, fast):
    """End a window of the rate of rise on one tile: rate = (h - h at its start) / length (m/s), and its
    class.
    """
    for row in range(r0, r0 + rows):
        for c in range(c0, c0 + columns):
            rate = (depth[row, c] - record[WINDOW_DEPTH, row, c]) / length
            record[WINDOW_DEPTH, row, c] = depth[row, c]
            record[MAX_RISE, row, c] = max(record[MAX_RISE, row, c], rate)
            classes[RISE_CLASS, row, c] = (1 if rate > medium else 0) + (1 if rate > fast else 0)


@njit(cache=True, error_model="numpy")
def close_windows(depth, record, classes, touched, ny, nx, length, medium, fast):
    """:func:`close_window` on every tile that was awake in this window or the one before.

    touched[k]: 2 when tile k was awake in this window, 1 when it was in the one before; counted down here.
    """
    tiles_x = -(-nx // TILE_COLS)
    for k in range(touched.size):
        if touched[k] == 0:
            continue
        a = k // tiles_x
        b = k - a * tiles_x
        rows = min(TILE_ROWS, ny - a * TILE_ROWS)
        columns = min(TILE_COLS, nx - b * TILE_COLS)
        close_window(
            depth,
            record,
            classes,
            PAD + a * TILE_ROWS,
            rows,
            PAD + b * TILE_COLS,
            columns,
            length,
            medium,
            fast,
        )
        touched[k] -= 1
