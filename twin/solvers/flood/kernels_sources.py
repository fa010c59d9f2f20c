# mypy: ignore-errors
"""Uniform rain, inflows and imposed levels, so that many steps need no Python (numba).

`plain` is a tuple of arrays, made by `sources.plain_sources`:

times, values, areas (m,)  all series one after the other: times (s), values (SI), integral from the first
kinds (n,)                 RAIN, INFLOW or LEVEL
series, spans (n, 2)       first and one past the last of its series, and of its places
windows (n, 2)             from when to when it acts (s)
widths (n,)                of the stream of an inflow (m); NaN: it comes without momentum
rows, columns (k,)         padded cell of each place
weights, east, north (k,)  share of an inflow, and where it flows
speeds (k,)                scratch
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from twin.solvers.flood.kernels import (
    BED,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FALL,
    FRICTION,
    GRAVITY,
    LINEAR,
    MANNING,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    TINY,
    all_written,
    copy_past,
    stretch,
)

RAIN, INFLOW, LEVEL = 0, 1, 2


@njit(error_model="numpy")
def _at(times, values, first, last, t):
    """Value at a time of the series first … last - 1: linear, constant beyond its ends."""
    if t <= times[first]:
        return values[first]
    if t >= times[last - 1]:
        return values[last - 1]
    k = _before(times, first, last, t)
    return values[k] + (values[k + 1] - values[k]) / (times[k + 1] - times[k]) * (t - times[k])


@njit(error_model="numpy")
def _before(times, first, last, t):
    """The last of a series that is not later than t."""
    low, high = first, last - 1
    while high - low > 1:
        middle = (low + high) // 2
        if times[middle] <= t:
            low = middle
        else:
            high = middle
    return low


@njit(error_model="numpy")
def _area(times, values, areas, first, last, t):
    """Integral of a series from its first time to t."""
    if t <= times[first]:
        return (t - times[first]) * values[first]
    if t >= times[last - 1]:
        return areas[last - 1] + (t - times[last - 1]) * values[last - 1]
    k = _before(times, first, last, t)
    return areas[k] + 0.5 * (t - times[k]) * (values[k] + _at(times, values, first, last, t))


@njit(error_model="numpy")
def _mean(plain, n, t0, t1):
    """Exact mean of the series of source n over [t0, t1]."""
    times, values, areas, _, series = plain[:5]
    first, last = series[n, 0], series[n, 1]
    if last - first == 1:
        return values[first]
    if t1 <= t0:
        return _at(times, values, first, last, t0)
    area = _area(times, values, areas, first, last, t1) - _area(times, values, areas, first, last, t0)
    return area / (t1 - t0)


@njit(error_model="numpy")
def mean_rate(plain, n, t0, t1):
    """Exact mean over [t0, t1] of a rain or inflow, zero outside its window."""
    windows = plain[6]
    a, b = max(t0, windows[n, 0]), min(t1, windows[n, 1])
    if t1 <= t0:
        return _mean(plain, n, t0, t0) if windows[n, 0] <= t0 < windows[n, 1] else 0.0
    return _mean(plain, n, a, b) * (b - a) / (t1 - t0) if b > a else 0.0


@njit(cache=True, error_model="numpy")
def is_on(plain, n, t):
    """Whether an imposed level acts at a time."""
    windows = plain[6]
    return windows[n, 0] <= t < windows[n, 1]


@njit(cache=True, error_model="numpy")
def rain_rate(plain, t0, t1):
    """Mean uniform rain over [t0, t1] (m/s)."""
    kinds = plain[3]
    rate = 0.0
    for n in range(kinds.size):
        if kinds[n] == RAIN:
            rate += mean_rate(plain, n, t0, t1)
    return rate


@njit(cache=True, error_model="numpy")
def amount(plain, n, t0, t1):
    """What source n asks for over [t0, t1]: a mean rate (m/s, m³/s), a level (m), 0 where it is off."""
    kinds = plain[3]
    if kinds[n] == RAIN or kinds[n] == INFLOW:
        return mean_rate(plain, n, t0, t1)
    return _mean(plain, n, t0, t1) if is_on(plain, n, t0) else 0.0


@njit(cache=True, error_model="numpy")
def first_odd(plain, t0, t1):
    """The first source that asks for what is not finite over [t0, t1], -1 for none."""
    for n in range(plain[3].size):
        if not math.isfinite(amount(plain, n, t0, t1)):
            return n
    return -1


@njit(error_model="numpy")
def _velocity(state, r, c, dry):
    """The larger of the two speeds of a cell (m/s)."""
    return max(abs(state[DISCHARGE_X, r, c]), abs(state[DISCHARGE_Y, r, c])) / max(state[DEPTH, r, c], dry)


@njit(error_model="numpy")
def _fall_speed(speed, depth, fall, friction, cell, law):
    """`hydraulics.fall_speed` of one cell."""
    leaving = math.sqrt(speed * speed + max(fall - 2.0 * GRAVITY * depth, 0.0))
    pull = 0.5 * fall / cell / max(friction, TINY)
    power = pull
    if law == MANNING:
        power = depth ** (4.0 / 3.0)
    elif law != LINEAR:
        power = depth
    return max(speed, min(0.5 * (speed + leaving), math.sqrt(pull * power)))


@njit(error_model="numpy")
def _inflow_speed(depth, discharge, width):
    """Speed (m/s) of the water of an inflow as it enters a cell of some depth (m): at most critical."""
    if not width > 0.0:
        return 0.0
    unit = discharge / width
    return unit / max(depth, (unit * unit / GRAVITY) ** (1.0 / 3.0))


@njit(error_model="numpy")
def _volume(plain, n, volume):
    """What an inflow gives all its cells together (m³)."""
    spans, weights = plain[5], plain[10]
    total = 0.0
    for p in range(spans[n, 0], spans[n, 1]):
        total += volume * weights[p]
    return total


@njit(cache=True, error_model="numpy")
def speed_after(plain, state, static, t0, t1, speed, rate_beside, area, datum, dry, cell, law):
    """A bound of the wave speed (m/s) once the water of [t0, t1] is in; speed: the highest one now;
    rate_beside: of other rain (m/s).
    """
    kinds, spans, widths, rows, columns, weights = plain[3], plain[5], plain[7], plain[8], plain[9], plain[10]
    highest = speed
    rate = rain_rate(plain, t0, t1) + rate_beside
    if rate > 0.0:
        highest = speed + math.sqrt(GRAVITY * rate * (t1 - t0))
    for n in range(kinds.size):
        if kinds[n] == INFLOW:
            volume = mean_rate(plain, n, t0, t1) * (t1 - t0)
            if volume == 0.0:
                continue
            discharge = _volume(plain, n, volume) / (t1 - t0)
            for p in range(spans[n, 0], spans[n, 1]):
                r, c = rows[p], columns[p]
                had = state[DEPTH, r, c]
                depth = had + volume * weights[p] / area
                own = max(_velocity(state, r, c, dry), _inflow_speed(had, discharge, widths[n]))
                fallen = _fall_speed(own, depth, static[FALL, r, c], static[FRICTION, r, c], cell, law)
                highest = max(highest, fallen + math.sqrt(GRAVITY * max(depth, 0.0)))
        elif kinds[n] != RAIN and is_on(plain, n, t0):
            level = _mean(plain, n, t0, t1) - datum
            for p in range(spans[n, 0], spans[n, 1]):
                r, c = rows[p], columns[p]
                asked = max(level - static[BED, r, c], 0.0)
                highest = max(highest, _velocity(state, r, c, dry) + math.sqrt(GRAVITY * asked))
    return highest


@njit(cache=True, parallel=True, error_model="numpy")
def rain_on(state, wettable, amount, kept, ny, nx):
    """Add a depth (m) to every cell where it may rain (wettable (ny, nx) of 0 and 1); kept: what was there,
    in planes like those of the state (none: it is not kept), padding left out.
    """
    for n in prange(ny):
        i = np.int64(n)  # the number of a parallel loop has no sign
        depth, wets = stretch(state, (DEPTH, i + PAD, PAD), nx), stretch(wettable, (i, 0), nx)
        if kept.shape[0] > 0:
            copy_past(stretch(kept, (DEPTH, i + PAD, PAD), nx), depth)
        for j in range(nx):
            depth[j] += amount * wets[j]
        all_written()


@njit(cache=True, parallel=True, error_model="numpy")
def keep_map(state, kept, soil, kept_soil):
    """Copy the first planes of a padded state and of the memory of the soil, as many as `kept` and
    `kept_soil` have.
    """
    planes, rows, columns = kept.shape
    for n in prange(rows + kept_soil.shape[1]):
        r = np.int64(n)
        if r < rows:
            for v in range(planes):
                copy_past(stretch(kept, (v, r, 0), columns), stretch(state, (v, r, 0), columns))
        else:
            i = r - rows
            for v in range(kept_soil.shape[0]):
                nx = kept_soil.shape[2]
                copy_past(stretch(kept_soil, (v, i, 0), nx), stretch(soil, (v, i, 0), nx))
        all_written()


@njit(error_model="numpy")
def keep_places(plain, state, kept):
    """Copy depths and unit discharges at all places; kept (3, k)."""
    rows, columns = plain[8], plain[9]
    for p in range(rows.size):
        for v in range(3):
            kept[v, p] = state[v, rows[p], columns[p]]


@njit(error_model="numpy")
def _wake(static, state, marks, forced, r, c, speed, tiles_x):
    """Wake the tile of a cell; its energy level (m above the datum) with water of some speed (m/s)."""
    k = (r - PAD) // TILE_ROWS * tiles_x + (c - PAD) // TILE_COLS
    forced[k] = 1
    marks[k, :] = 1
    return static[BED, r, c] + state[DEPTH, r, c] + speed * speed / (2.0 * GRAVITY)


@njit(cache=True, error_model="numpy")
def pour(plain, n, state, static, marks, forced, t0, t1, area, nx):
    """Put the water of inflow n in [t0, t1] into the state; its volume (m³) and energy level (m)."""
    spans, widths, rows, columns = plain[5], plain[7], plain[8], plain[9]
    weights, east, north, speeds = plain[10], plain[11], plain[12], plain[13]
    volume = mean_rate(plain, n, t0, t1) * (t1 - t0)
    energy = -math.inf
    if volume == 0.0:
        return 0.0, energy
    total = _volume(plain, n, volume)
    for p in range(spans[n, 0], spans[n, 1]):
        speeds[p] = _inflow_speed(state[DEPTH, rows[p], columns[p]], total / (t1 - t0), widths[n])
    for p in range(spans[n, 0], spans[n, 1]):
        amount = volume * weights[p] / area
        # y grows southwards in the state.
        state[DISCHARGE_X, rows[p], columns[p]] += amount * speeds[p] * east[p]
        state[DISCHARGE_Y, rows[p], columns[p]] -= amount * speeds[p] * north[p]
        state[DEPTH, rows[p], columns[p]] += amount
    for p in range(spans[n, 0], spans[n, 1]):
        level = _wake(static, state, marks, forced, rows[p], columns[p], speeds[p], -(-nx // TILE_COLS))
        energy = max(energy, level)
    return total, energy


@njit(cache=True, error_model="numpy")
def impose(plain, n, state, static, marks, forced, t0, t1, area, datum, dry, nx):
    """Impose level n in its cells; the volume that came (m³, negative: left) and the energy level (m).

    The velocity stays, the depth changes.
    """
    spans, rows, columns = plain[5], plain[8], plain[9]
    level = _mean(plain, n, t0, t1) - datum
    total = 0.0
    rest = 0.0
    energy = -math.inf
    for p in range(spans[n, 0], spans[n, 1]):
        r, c = rows[p], columns[p]
        asked = max(level - static[BED, r, c], 0.0)
        had = state[DEPTH, r, c]
        factor = asked / had if had >= dry and asked >= dry else 0.0
        state[DISCHARGE_X, r, c] *= factor
        state[DISCHARGE_Y, r, c] *= factor
        state[DEPTH, r, c] = asked
        # Compensated (Neumaier).
        x = asked - had
        new = total + x
        rest += (total - new) + x if abs(total) >= abs(x) else (x - new) + total
        total = new
        energy = max(energy, _wake(static, state, marks, forced, r, c, 0.0, -(-nx // TILE_COLS)))
    return (total + rest) * area, energy
