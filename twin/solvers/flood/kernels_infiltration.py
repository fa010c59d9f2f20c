# mypy: ignore-errors
"""Water that leaves the surface: into the soil, and into storm drains (numba).

Each rule asks every cell what its soil can take in a step; the cell gives at most the water it has. Velocity
stays, depth falls; under `dry` the velocity is 0.
"""

from __future__ import annotations

import math

import numpy as np
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
# rule[k] of each class of soil: initial loss (m), then the three numbers of the method
LOSS, FIRST, SECOND, THIRD = 0, 1, 2, 3
RULE_NUMBERS = 4
ENOUGH = 1e-7  # relative change of Newton's last step: what is left is half its square
LEAST_SHARE = 1e-6  # of a cell under water, that may be divided by
SHORT = 0.01  # below it, the series of logarithm and exponential are exact to the rounding


def changing(method: int, rule: np.ndarray) -> int:
    """How many of the first SOIL_PLANES change in a step."""
    if (rule[LOSS] > 0.0).any():
        return LOST + 1
    return TAKEN + 1 if method == GREEN_AMPT else CLOCK + 1


@njit(inline="always")
def held(x, taken, pull):
    """What x (m) more asks of K dt: x - S ln(1 + x / (F + S)), F (`taken`) being in it, S: `pull`.

    In a step x is small: with the series of the logarithm nothing cancels.
    """
    base = taken + pull
    y = x / base
    if y > SHORT:
        return x - pull * math.log1p(y)
    s = 1.0 / 7.0 - y * (1.0 / 8.0 - y * (1.0 / 9.0))
    s = 1.0 / 4.0 - y * (1.0 / 5.0 - y * (1.0 / 6.0 - y * s))
    return taken * y + pull * y * y * (0.5 - y * (1.0 / 3.0 - y * s))


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
    # A bound that needs no division, for most cells of a gentle rain: the series of `held` up to its square.
    if supply * (taken * base + 0.5 * pull * supply) <= amount * base * base:
        return supply
    if held(supply, taken, pull) <= amount:
        return supply
    # The root with the first terms of the series only, F x / (F + S) + S x² / 2 (F + S)². It is the less by
    # the third: the function is convex, the first of Newton's steps goes beyond, the others come down.
    x = 2.0 * amount * base / (taken + math.sqrt(taken * taken + 2.0 * pull * amount))
    for _ in range(50):
        change = (held(x, taken, pull) - amount) * (base + x) / (taken + x)
        x -= change
        if abs(change) <= ENOUGH * x:
            break
    return min(max(x, 0.0), supply)


@njit(inline="always")
def faded(x):
    """1 - exp(-x), x ≥ 0."""
    if x > SHORT:
        return -math.expm1(-x)
    s = 1.0 / 24.0 - x * (1.0 / 120.0 - x * (1.0 / 720.0 - x * (1.0 / 5040.0)))
    return x * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * s)))


@njit(cache=True, error_model="numpy")
def horton(clock, supply, dt, first, last, decay):
    """Depth (m) that soil takes in dt (s), and its new time on Horton's (1941) curve (s),
    f = last + (first - last) exp(-decay t).

    The time stands still where nothing comes and lags where less comes than the soil could take: it is the
    time at which the curve has taken as much (the integrated form; SWMM Reference Manual I, 2016, 4.3).
    """
    if first <= 0.0 or supply <= 0.0:
        return 0.0, clock
    above = (first - last) * math.exp(-decay * clock)  # of the rate now over the last one
    could = last * dt + above / decay * faded(decay * dt)
    if supply >= could:
        return could, clock + dt
    # From the root with the curve's first two terms.
    time = supply / (last + above)
    time += 0.5 * above * decay * time * time / (last + above)
    for _ in range(100):
        gone = faded(decay * time)
        change = (supply - last * time - above / decay * gone) / (last + above * (1.0 - gone))
        time += change
        if abs(change) <= ENOUGH * time:
            break
    return supply, clock + min(time, dt)


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
    qx, qy = state[DISCHARGE_X, r, c], state[DISCHARGE_Y, r, c]
    if qx != 0.0 or qy != 0.0:  # most cells of a gentle rain stand still: nothing to write
        share = left / had if left >= dry else 0.0
        state[DISCHARGE_X, r, c] = qx * share
        state[DISCHARGE_Y, r, c] = qy * share
    return amount


@njit(inline="always")
def _asks(method, taken, clock, supply, dt, first, second, third):
    """Depth (m) that soil takes in dt (s) out of `supply` (m), and its new time on Horton's curve (s)."""
    if method == GREEN_AMPT:
        return green_ampt(taken, supply, dt, first, second * third), clock
    return horton(clock, supply, dt, first, second, third)


@njit(cache=True, parallel=True, error_model="numpy")
def infiltrate(
    method, state, soil, rule, classes, takes, alike, rained, share, dt, dry, forced, sums, ny, nx
):  # fmt: skip
    """Initial loss and infiltration of one step; the depth taken by all cells together (m).

    soil (SOIL_PLANES, ny, nx): brought up to date; rule (RULE_NUMBERS, n): of each class of soil; classes
    (ny, nx): that of each cell; takes (ny, nx) of bool; rain of this step, already in the state: `alike` (m)
    on every cell, and rained (ny, nx) or (0, 0) (m); share: of each cell that was under water before, padded,
    or (0, 0): all of a wet one; sums (ny,): scratch. Tiles that lose water are marked in `forced`.

    Where only a share of a cell is under water, the soil there has its water to take, that beside it the rain
    of the step alone.
    """
    tiles_x = -(-nx // TILE_COLS)
    gridded = rained.size > 0
    parted = share.size > 0
    for i in prange(ny):
        total = 0.0
        rest = 0.0
        for j in range(nx):
            if not takes[i, j]:
                continue
            r = i + PAD
            c = j + PAD
            k = np.uint32(classes[i, j])  # never negative: no end to count from
            taken = 0.0
            rain = alike + (rained[i, j] if gridded else 0.0)
            if rule[LOSS, k] > 0.0 and rain > 0.0:
                room = rule[LOSS, k] - soil[LOST, i, j]
                if room > 0.0:
                    lost = take(state, r, c, min(room, rain), dry)
                    soil[LOST, i, j] += lost
                    taken += lost
                    rain -= lost
            supply = state[DEPTH, r, c]
            asked = 0.0
            if method != CURVE_NUMBER:
                a, b, last = rule[FIRST, k], rule[SECOND, k], rule[THIRD, k]
                before, clock = soil[TAKEN, i, j], soil[CLOCK, i, j]
                wet = max(share[r, c], LEAST_SHARE) if parted else 1.0
                if wet < 1.0:
                    standing = max(supply - rain, 0.0) / wet
                    asked, then = _asks(method, before, clock, rain + standing, dt, a, b, last)
                    beside, other = _asks(method, before, clock, rain, dt, a, b, last)
                    asked = wet * asked + (1.0 - wet) * beside
                    then = wet * then + (1.0 - wet) * other
                else:
                    asked, then = _asks(method, before, clock, supply, dt, a, b, last)
                if method == HORTON:
                    soil[CLOCK, i, j] = then
            elif rain > 0.0:
                before = soil[CLOCK, i, j]
                soil[CLOCK, i, j] = before + rain
                asked = curve_number_total(before + rain, rule[FIRST, k], rule[SECOND, k])
                asked -= curve_number_total(before, rule[FIRST, k], rule[SECOND, k])
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
