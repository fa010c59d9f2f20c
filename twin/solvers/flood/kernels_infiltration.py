# mypy: ignore-errors
"""Water that leaves the surface: into the soil, and into storm drains (numba).

Each rule asks every cell what its soil can take in a step; the cell gives at most the water it has. Velocity
stays, depth falls; under `dry` the velocity is 0.
"""

from __future__ import annotations

import math

from numba import njit, prange

from twin.solvers.flood.kernels import (
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    compensated_sum,
)

GREEN_AMPT, HORTON, CURVE_NUMBER = 0, 1, 2
# soil[k]: water taken since the start (m); time on Horton's curve (s), or rain since the start (m); initial
# loss that is already filled (m)
TAKEN, CLOCK, LOST = 0, 1, 2
SOIL_PLANES = 3
# rule[k]: initial loss (m), then the three numbers of the method
LOSS, FIRST, SECOND, THIRD = 0, 1, 2, 3
RULE_PLANES = 4
ENOUGH = 1e-13  # relative change at which Newton's steps end


@njit(cache=True, error_model="numpy")
def green_ampt(taken, supply, dt, conductivity, pull):
    """Depth (m) that soil takes in dt (s) out of `supply` (m), having taken `taken` (m).

    Green and Ampt (1911), ponded: x - S ln(1 + x / (F + S)) = K dt with S = suction × deficit (`pull`); as
    long as the supply is less than that, all of it goes (Mein and Larson 1973, WRR 9(2)).
    """
    if conductivity <= 0.0 or supply <= 0.0:
        return 0.0
    amount = conductivity * dt
    if pull <= 0.0:
        return min(supply, amount)
    base = taken + pull
    if supply - pull * math.log1p(supply / base) <= amount:
        return supply
    # From the right of the root, where the convex function is positive, Newton's steps only come down to it.
    x = min(supply, amount + math.sqrt(2.0 * pull * amount))
    if taken > 0.0:
        x = min(x, amount * (1.0 + pull / taken))
    for _ in range(50):
        change = (x - pull * math.log1p(x / base) - amount) * (base + x) / (taken + x)
        x -= change
        if abs(change) <= ENOUGH * x:
            break
    return min(max(x, 0.0), supply)


@njit(inline="always")
def horton_total(time, first, last, decay):
    """Water taken on Horton's (1941) curve f = last + (first - last) exp(-decay t) after a time (s) (m)."""
    return last * time - (first - last) / decay * math.expm1(-decay * time)


@njit(cache=True, error_model="numpy")
def horton(clock, supply, dt, first, last, decay):
    """Depth (m) that soil takes in dt (s), and its new time on Horton's curve (s).

    The time stands still where nothing comes and lags where less comes than the soil could take: it is the
    time at which the curve has taken as much (the integrated form; SWMM Reference Manual I, 2016, 4.3).
    """
    if first <= 0.0 or supply <= 0.0:
        return 0.0, clock
    before = horton_total(clock, first, last, decay)
    could = horton_total(clock + dt, first, last, decay) - before
    if supply >= could:
        return could, clock + dt
    # The curve is concave and rises: Newton's steps from the left of the root stay left of it.
    target = before + supply
    time = clock
    for _ in range(100):
        rate = last + (first - last) * math.exp(-decay * time)
        change = (target - horton_total(time, first, last, decay)) / rate
        time += change
        if change <= ENOUGH * (time + dt):
            break
    return supply, min(time, clock + dt)


@njit(inline="always")
def curve_number_total(rain, retention, abstraction):
    """Water that the curve-number method keeps of `rain` since the start (m): all up to the abstraction, then
    Ia + S (P - Ia) / (P - Ia + S) (USDA National Engineering Handbook 630, chapter 10).
    """
    over = rain - abstraction
    if over <= 0.0:
        return rain
    return abstraction + retention * over / (over + retention) if retention > 0.0 else abstraction


@njit(inline="always")
def take(state, r, c, amount, dry):
    """Take a depth (m) out of a cell, never more than it has; what was taken."""
    had = state[DEPTH, r, c]
    left = had - amount
    if left <= 0.0:
        left = 0.0
        amount = had
    state[DEPTH, r, c] = left
    share = left / had if left >= dry else 0.0
    state[DISCHARGE_X, r, c] *= share
    state[DISCHARGE_Y, r, c] *= share
    return amount


@njit(cache=True, parallel=True, error_model="numpy")
def infiltrate(method, state, soil, rule, takes, rained, dt, dry, forced, sums, ny, nx):
    """Initial loss and infiltration of one step; the depth taken by all cells together (m).

    soil (SOIL_PLANES, ny, nx): brought up to date; rule (RULE_PLANES, ny, nx); takes (ny, nx) of bool; rained
    (ny, nx): rain of this step (m), already in the state; sums (ny,): scratch. Tiles that lose water are
    marked in `forced`.
    """
    tiles_x = -(-nx // TILE_COLS)
    for i in prange(ny):
        total = 0.0
        rest = 0.0
        for j in range(nx):
            if not takes[i, j]:
                continue
            r = i + PAD
            c = j + PAD
            taken = 0.0
            rain = rained[i, j]
            room = rule[LOSS, i, j] - soil[LOST, i, j]
            if room > 0.0 and rain > 0.0:
                lost = take(state, r, c, min(room, rain), dry)
                soil[LOST, i, j] += lost
                taken += lost
                rain -= lost
            supply = state[DEPTH, r, c]
            asked = 0.0
            if method == GREEN_AMPT:
                asked = green_ampt(
                    soil[TAKEN, i, j], supply, dt, rule[FIRST, i, j], rule[SECOND, i, j] * rule[THIRD, i, j]
                )
            elif method == HORTON:
                asked, soil[CLOCK, i, j] = horton(
                    soil[CLOCK, i, j], supply, dt, rule[FIRST, i, j], rule[SECOND, i, j], rule[THIRD, i, j]
                )
            elif rain > 0.0:
                before = soil[CLOCK, i, j]
                soil[CLOCK, i, j] = before + rain
                asked = curve_number_total(before + rain, rule[FIRST, i, j], rule[SECOND, i, j])
                asked -= curve_number_total(before, rule[FIRST, i, j], rule[SECOND, i, j])
            if asked > 0.0:
                asked = take(state, r, c, asked, dry)
                soil[TAKEN, i, j] += asked
                taken += asked
            if taken > 0.0:
                forced[i // TILE_ROWS * tiles_x + j // TILE_COLS] = 1
                new = total + taken
                rest += (total - new) + taken if total >= taken else (taken - new) + total
                total = new
        sums[i] = total + rest
    return compensated_sum(sums)


@njit(cache=True, error_model="numpy")
def drain(state, rows, columns, amount, dry, forced, sums, nx):
    """Take up to `amount` (m) out of each of some cells; the depth taken by all together (m).

    rows, columns (k,); sums (k,): scratch.
    """
    tiles_x = -(-nx // TILE_COLS)
    for k in range(rows.size):
        i = rows[k]
        j = columns[k]
        sums[k] = 0.0
        if state[DEPTH, i + PAD, j + PAD] > 0.0:
            sums[k] = take(state, i + PAD, j + PAD, amount, dry)
            forced[i // TILE_ROWS * tiles_x + j // TILE_COLS] = 1
    return compensated_sum(sums)
