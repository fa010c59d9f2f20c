# mypy: ignore-errors
"""What is kept over the whole run: maxima, arrival, duration and hazard classes, from values of the same
instant.

All in single precision, like what is written of it. Thresholds compare squares: h v > a ⇔ v² h² > a².
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
from twin.solvers.flood.kernels import (
    GRAVITY,
    PAD,
    SWEEP_COLS,
    TILE_COLS,
    TILE_ROWS,
    TINY,
    in_tile,
    larger,
    prefetch,
    stretch,
)

# record[k], padded planes of float32
MAX_DEPTH, MAX_SPEED2, ARRIVAL, WET_TIME, WINDOW_DEPTH, MAX_RISE = 0, 1, 2, 3, 4, 5
RECORDS = 6
# classes[k], padded planes of uint8
PPRI, PEOPLE, VEHICLES, RISE_CLASS, IS_WET = 0, 1, 2, 3, 4
CLASSES = 5

# Scratch, float32: depths of two tiles side by side, row by row, then v² (0 where h <= SPEED_DEPTH).
LOOKS = TILE_ROWS * SWEEP_COLS
RECORD_SCRATCH = 2 * LOOKS

SINGLE = np.float32
WET, SWIFT2 = SINGLE(WET_DEPTH), SINGLE(LIMIT_VELOCITY**2)
CHILD, CHILD_Q2 = SINGLE(CHILD_DEPTH), SINGLE(CHILD_DEPTH_VELOCITY**2)
ADULT, ADULT_Q2 = SINGLE(ADULT_DEPTH), SINGLE(ADULT_DEPTH_VELOCITY**2)
SIGNIFICANT_Q2, EXTREME_Q2 = SINGLE(SIGNIFICANT_DEPTH_VELOCITY**2), SINGLE(EXTREME_DEPTH_VELOCITY**2)
SMALL_CAR, SMALL_CAR_Q2 = SINGLE(CAR_DEPTH), SINGLE(CAR_DEPTH_VELOCITY**2)
LARGE_CAR, LARGE_CAR_Q2 = SINGLE(LARGE_CAR_DEPTH), SINGLE(LARGE_CAR_DEPTH_VELOCITY**2)
OFF_ROAD, OFF_ROAD_Q2 = SINGLE(OFF_ROAD_DEPTH), SINGLE(OFF_ROAD_DEPTH_VELOCITY**2)
MEDIUM2, FAST2 = SINGLE(PPRI_MEDIUM**2), SINGLE(PPRI_FAST**2)
BAND_1, BAND_2, BAND_3 = (SINGLE(depth) for depth in PPRI_DEPTHS)
ONE, TWO, NEVER = np.int32(1), np.int32(2), SINGLE(np.inf)
NOUGHT, UNIT = SINGLE(0), SINGLE(1)


@njit(inline="always")
def looks_of_sweep(looks, k):
    """Where the depths and v² of the row k of two tiles stand in the scratch (single precision)."""
    first = k * SWEEP_COLS
    return stretch(looks, (first,), SWEEP_COLS), stretch(looks, (LOOKS + first,), SWEEP_COLS)


@njit(inline="always")
def looks_of_row(looks, tile, k):
    """The same of the west (0) or the east (1) tile."""
    first = k * SWEEP_COLS + tile * TILE_COLS
    return stretch(looks, (first,), TILE_COLS), stretch(looks, (LOOKS + first,), TILE_COLS)


@njit(error_model="numpy")
def look_at_row(h, v2, is_wet, max_depth, max_speed2):
    """What a row of cells needs: whether some cell has a new highest depth, a new highest speed, or crossed
    WET_DEPTH in this step; the highest depth and v² of the row.

    All in single precision: a sum of integers would be one of long integers, of half as many at a time.
    """
    higher, faster, crossed = NOUGHT, NOUGHT, NOUGHT
    deepest, fastest = NOUGHT, NOUGHT
    for j in range(TILE_COLS):
        depth, speed2 = h[j], v2[j]
        higher = larger(higher, depth - max_depth[j])
        faster = larger(faster, speed2 - max_speed2[j])
        crossed = larger(crossed, UNIT if (depth > WET) != (is_wet[j] != 0) else NOUGHT)
        deepest = larger(deepest, depth)
        fastest = larger(fastest, speed2)
    return higher > NOUGHT, faster > NOUGHT, crossed > NOUGHT, deepest, fastest


@njit(error_model="numpy")
def keep_maximum(values, maximum):
    """Raise `maximum` to `values` on a row of a tile."""
    for j in range(TILE_COLS):
        maximum[j] = max(maximum[j], values[j])


@njit(error_model="numpy")
def record_times(h, is_wet, arrival, wet_time, t_new):
    """Cells that crossed WET_DEPTH in this step: the first time they did, and the time spent above it.

    wet_time holds (sum of the times of leaving) - (sum of the times of coming): a cell still above it lacks
    the present time, which the reader adds. So only rows where something crossed are touched.
    """
    for j in range(TILE_COLS):
        now = h[j] > WET
        before = is_wet[j] != 0
        is_wet[j] = np.uint8(1) if now else np.uint8(0)
        arrival[j] = min(arrival[j], t_new if now else NEVER)
        wet_time[j] += (t_new if before else SINGLE(0.0)) - (t_new if now else SINGLE(0.0))


@njit(inline="always")
def _one(condition):
    return ONE if condition else ONE - ONE


@njit(inline="always")
def classes_of(depth, speed2, rise):
    """Hazard classes (PPRI, people, vehicles) of one cell; see `hazards` for the tables.

    The conditions of people and vehicles are nested: a class is the number of those that hold. No class falls
    where depth, v² or the class of the rise grow.
    """
    q2 = speed2 * (depth * depth)
    swift = _one(speed2 > SWIFT2)
    wet = _one(depth > WET)

    child = swift | _one(depth > CHILD) | _one(q2 > CHILD_Q2)
    adult = swift | _one(depth > ADULT) | _one(q2 > ADULT_Q2)
    significant = swift | _one(depth > ADULT) | _one(q2 > SIGNIFICANT_Q2)
    people = np.uint8(wet * (child + adult + significant + _one(q2 > EXTREME_Q2)))

    small = swift | _one(depth > SMALL_CAR) | _one(q2 > SMALL_CAR_Q2)
    large = swift | _one(depth > LARGE_CAR) | _one(q2 > LARGE_CAR_Q2)
    off_road = swift | _one(depth > OFF_ROAD) | _one(q2 > OFF_ROAD_Q2)
    vehicles = np.uint8(wet * (small + large + off_road))

    dynamics = max(_one(speed2 > MEDIUM2) + _one(speed2 > FAST2), np.int32(rise))
    band = _one(depth > BAND_1) + _one(depth > BAND_2) + _one(depth > BAND_3)
    level = max(band, dynamics) + ONE + (_one(dynamics == TWO) & _one(band == TWO))
    return np.uint8(wet * level), people, vehicles


@njit(error_model="numpy")
def may_worsen(deepest, fastest, is_wet, ppri, people, vehicles, rise):
    """Whether a cell of a row under water has a lower class than the row's deepest and fastest water together
    would give: elsewhere no class can grow. is_wet: of this step.
    """
    risen = NOUGHT
    for j in range(TILE_COLS):
        risen = larger(risen, SINGLE(rise[j]))
    most = classes_of(deepest, fastest, np.int32(risen))
    below = NOUGHT
    for j in range(TILE_COLS):
        lower = (ppri[j] < most[0]) | (people[j] < most[1]) | (vehicles[j] < most[2])
        below = larger(below, UNIT if lower & (is_wet[j] != 0) else NOUGHT)
    return below > NOUGHT


@njit(error_model="numpy")
def record_hazards(h, v2, ppri, people, vehicles, rise):
    """Highest hazard classes so far of a row of cells."""
    for j in range(TILE_COLS):
        level, person, vehicle = classes_of(h[j], v2[j], rise[j])
        people[j] = max(people[j], person)
        vehicles[j] = max(vehicles[j], vehicle)
        ppri[j] = max(ppri[j], level)


@njit(error_model="numpy")
def _ask_for_row(record, classes, r, c0):
    """Bring the record of a row near; see `kernels_rows.ask_for_depths`."""
    depth, speed2 = in_tile(record, MAX_DEPTH, r, c0), in_tile(record, MAX_SPEED2, r, c0)
    wet, ppri = in_tile(classes, IS_WET, r, c0), in_tile(classes, PPRI, r, c0)
    people, vehicles = in_tile(classes, PEOPLE, r, c0), in_tile(classes, VEHICLES, r, c0)
    rise = in_tile(classes, RISE_CLASS, r, c0)
    for j in range(0, TILE_COLS + 16, 16):
        prefetch(depth, j, 0)
        prefetch(speed2, j, 0)
    for j in range(0, TILE_COLS + 64, 64):
        prefetch(wet, j, 0)
        prefetch(ppri, j, 1)
        prefetch(people, j, 1)
        prefetch(vehicles, j, 1)
        prefetch(rise, j, 0)


@njit(error_model="numpy")
def record_tile(looks, tile, record, classes, r0, rows, c0, t_new):
    """Bring the record of one tile up to its depths and speeds in `looks` (tile: see :func:`looks_of_row`);
    t_new (s) in single precision.

    Ghost cells beyond the last column of the grid are recorded too (nobody looks). Rows without anything new
    are read, not written.
    """
    for row in range(r0, r0 + rows):
        _ask_for_row(record, classes, row + 4, c0)
        h, v2 = looks_of_row(looks, tile, row - r0)
        is_wet = in_tile(classes, IS_WET, row, c0)
        max_depth = in_tile(record, MAX_DEPTH, row, c0)
        max_speed2 = in_tile(record, MAX_SPEED2, row, c0)
        higher, faster, crossed, deepest, fastest = look_at_row(h, v2, is_wet, max_depth, max_speed2)
        if higher:
            keep_maximum(h, max_depth)
        if faster:
            keep_maximum(v2, max_speed2)
        if crossed:
            record_times(
                h, is_wet, in_tile(record, ARRIVAL, row, c0), in_tile(record, WET_TIME, row, c0), t_new
            )
        if deepest > WET:
            ppri, people = in_tile(classes, PPRI, row, c0), in_tile(classes, PEOPLE, row, c0)
            vehicles, rise = in_tile(classes, VEHICLES, row, c0), in_tile(classes, RISE_CLASS, row, c0)
            if may_worsen(deepest, fastest, is_wet, ppri, people, vehicles, rise):
                record_hazards(h, v2, ppri, people, vehicles, rise)


@njit(inline="always")
def _highest_and_wrong(h, squares, z, columns, dry):
    highest = -1e300
    fastest = SINGLE(0.0)
    wrong = 0
    for j in range(columns):
        head = (z[j] + h[j]) + min(np.float64(squares[j]) * (0.5 / GRAVITY), h[j] + h[j])
        highest = larger(highest, head if h[j] >= dry else -1e300)
        fastest = larger(fastest, squares[j])
        wrong += 0 if h[j] >= 0.0 else 1
    return highest, fastest, wrong


@njit(error_model="numpy")
def look_at_state(state, bed, looks, r0, rows, c0, columns, dry):
    """Depths and v² of a tile into `looks` from its state, where the west tile has them; its highest energy
    level, its highest v² and its cells without a valid depth. For schemes that do not leave them while they
    compute.
    """
    highest = -1e300
    fastest = SINGLE(0.0)
    bad = 0
    for row in range(r0, r0 + rows):
        depths, squares = looks_of_row(looks, 0, row - r0)
        h = in_tile(state, 0, row, c0)
        qx = in_tile(state, 1, row, c0)
        qy = in_tile(state, 2, row, c0)
        for j in range(TILE_COLS):
            v2 = (qx[j] * qx[j] + qy[j] * qy[j]) / max(h[j] * h[j], TINY)
            depths[j] = h[j]
            squares[j] = v2 if h[j] > SPEED_DEPTH else 0.0
        z = bed[row, c0 : c0 + TILE_COLS]
        if columns == TILE_COLS:  # nearly always: the length of the loop is known
            level, swift, wrong = _highest_and_wrong(h, squares, z, TILE_COLS, dry)
        else:
            level, swift, wrong = _highest_and_wrong(h, squares, z, columns, dry)
        highest = larger(highest, level)
        fastest = larger(fastest, swift)
        bad += wrong
    return highest, np.float64(fastest), bad


@njit(error_model="numpy")
def too_fast(state, bed, r0, rows, c0, columns, energy):
    """Number of cells of a tile that are faster than 2 sqrt(2 g (energy - low)) where h > SPEED_DEPTH.

    energy: highest energy level so far (m above the datum): level and velocity head, of which at most 2 h
    counts, that of a flow at Froude 2. Behind the front of a dam break no such flow has more than the lake
    had, while a bore has brought along what its front runs on with; and no cell that is wrong gains more than
    its own depth allows. low: the lowest bed of the cell and its four
    neighbours, because the scheme lets water that falls over a step of the bed gain its speed in the upper
    cell.
    """
    count = 0
    for row in range(r0, r0 + rows):
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
