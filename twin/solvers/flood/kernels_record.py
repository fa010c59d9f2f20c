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
PPRI, PEOPLE, VEHICLES, RISE_CLASS, IS_WET = 0, 1, 2, 3, 4
CLASSES = 5

# Scratch: highest level of the wet cells per column, v² of a row
LEVEL, SPEED2 = 0, TILE_COLS
RECORD_SCRATCH = 2 * TILE_COLS

PPRI_DEPTH_1, PPRI_DEPTH_2, PPRI_DEPTH_3 = PPRI_DEPTHS


@njit(cache=True, error_model="numpy")
def look_at_depths(h, is_wet, z, max_depth, s, dry):
    """What a row of cells needs: cells deeper than SPEED_DEPTH, deeper than WET_DEPTH, with a new maximum,
    that crossed WET_DEPTH in this step; the highest level of its wet cells goes to s.
    """
    deep = 0
    wet = 0
    higher = 0
    crossed = 0
    for j in range(TILE_COLS):
        depth = h[j]
        level = z[j] + depth if depth >= dry else -1e300
        s[LEVEL + j] = max(s[LEVEL + j], level)
        now = 1 if depth > WET_DEPTH else 0
        before = np.int64(is_wet[j])
        deep += 1 if depth > SPEED_DEPTH else 0
        wet += now
        higher += 1 if depth > max_depth[j] else 0
        crossed += now ^ before
    return deep, wet, higher, crossed


@njit(cache=True, error_model="numpy")
def keep_maximum(values, maximum):
    """Raise `maximum` to `values` on a row of a tile."""
    for j in range(TILE_COLS):
        maximum[j] = max(maximum[j], values[j])


@njit(cache=True, error_model="numpy")
def look_at_speeds(h, qx, qy, z, max_speed2, s, energy):
    """v² of a row of cells (0 where h <= SPEED_DEPTH) into s; how many are new maxima, and how many are
    faster than their own bed and the highest energy level (m) explain.
    """
    bad = 0
    higher = 0
    for j in range(TILE_COLS):
        depth = h[j]
        q2 = qx[j] * qx[j] + qy[j] * qy[j]
        v2 = q2 / max(depth * depth, TINY)
        deep = depth > SPEED_DEPTH
        # |v| <= 2 sqrt(2 g (energy - z)); a NaN fails too
        bound = (8.0 * GRAVITY) * max(energy - z[j], 0.0)
        bad += 0 if v2 <= bound else (1 if deep else 0)
        v2 = v2 if deep else 0.0
        s[SPEED2 + j] = v2
        higher += 1 if v2 > max_speed2[j] else 0
    return higher, bad


@njit(cache=True, error_model="numpy")
def record_times(h, is_wet, arrival, wet_time, t_new):
    """Cells that crossed WET_DEPTH in this step: the first time they did, and the time spent above it.

    wet_time holds (sum of the times of leaving) - (sum of the times of coming): a cell still above it lacks
    the present time, which the reader adds. So only rows where something crossed are touched.
    """
    for j in range(TILE_COLS):
        now = h[j] > WET_DEPTH
        before = is_wet[j] != 0
        is_wet[j] = np.uint8(1) if now else np.uint8(0)
        arrival[j] = min(arrival[j], t_new if now else np.inf)
        wet_time[j] += (t_new if before else 0.0) - (t_new if now else 0.0)


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
def record_tile(new, static_bed, record, classes, s, r0, rows, c0, columns, t_new, dry, energy):
    """Bring the record of one tile up to its new state; returns (highest wet level, cells out of bounds).

    Ghost cells beyond the last column of the grid are recorded too (nobody looks) but never judged. Rows
    without anything new are read, not written: the memory is the bottleneck.
    """
    for j in range(TILE_COLS):
        s[LEVEL + j] = -1e300
    end = c0 + TILE_COLS
    bad = 0
    for row in range(r0, r0 + rows):
        h = new[0, row, c0:end]
        is_wet = classes[IS_WET, row, c0:end]
        bed = static_bed[row, c0:end]
        deep, wet, higher, crossed = look_at_depths(h, is_wet, bed, record[MAX_DEPTH, row, c0:end], s, dry)
        if higher > 0:
            keep_maximum(h, record[MAX_DEPTH, row, c0:end])
        for j in range(columns):
            # A NaN anywhere reaches the depth within a step; NaN >= 0 is false.
            bad += 0 if h[j] >= 0.0 else 1
        if crossed > 0:
            record_times(h, is_wet, record[ARRIVAL, row, c0:end], record[WET_TIME, row, c0:end], t_new)
        if deep == 0:
            continue
        qx = new[1, row, c0:end]
        qy = new[2, row, c0:end]
        higher, fast = look_at_speeds(h, qx, qy, bed, record[MAX_SPEED2, row, c0:end], s, energy)
        if higher > 0:
            keep_maximum(s[SPEED2 : SPEED2 + TILE_COLS], record[MAX_SPEED2, row, c0:end])
        if fast > 0:
            bad += too_fast(new, static_bed, row, c0, columns, energy)
        if wet > 0:
            record_hazards(
                h,
                qx,
                qy,
                classes[PPRI, row, c0:end],
                classes[PEOPLE, row, c0:end],
                classes[VEHICLES, row, c0:end],
                classes[RISE_CLASS, row, c0:end],
            )
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
