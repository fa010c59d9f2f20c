# mypy: ignore-errors
"""Water over dikes and walls: crests on faces as broad-crested weirs (numba).

The fluxes of the scheme over a crest miss the formula of a weir by far (measured: +25 to +59 % free, −12 to
−68 % drowned), so a crest that stands out of the flow is shut for the scheme, and the weir passes the water
between the two cells: Q = 1.70 b H^1.5, drowned as Villemonte (1947) says. A crest lower than a third of the
water over it is no weir: the scheme sees it as a step. A weir is as wide as the metres of crest that its face
stands for (`crest_metres`), not as the face.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from twin.solvers.flood.kernels import (
    BED,
    CREST_X,
    CREST_Y,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FULL,
    GRAVITY,
    PAD,
    TILE_COLS,
    TILE_ROWS,
)

BROAD_CREST = 1.70  # m^0.5/s: (2/3)^1.5 √g
DROWNED = 0.385  # exponent of Villemonte
LARGEST_HEAD = 3.0  # head over a crest, in heights of the crest over the ground, up to which it is a weir
SETTLE = 0.25  # share of the difference of levels that a cell gives in a step: levels meet without swinging


@njit(inline="always")
def energy_behind(state, static, r, c, axis, plane, side, ny, nx, dry):
    """Energy level (m above the datum) in the cell behind the one at a crest; no bound (1e300) where that is
    dry, off the grid or behind another crest. side: 0 where the face to it is the one after it, else 1.
    """
    if r < PAD or r >= PAD + ny or c < PAD or c >= PAD + nx:
        return 1e300
    depth = state[DEPTH, r, c]
    between = static[plane, r, c] if side == 0 else static[plane, r - axis, c - 1 + axis]
    if depth < dry or between > static[BED, r, c] + depth:
        return 1e300
    velocity = state[DISCHARGE_X if axis == 0 else DISCHARGE_Y, r, c] / depth
    return static[BED, r, c] + depth + velocity * velocity / (2.0 * GRAVITY)


@njit(inline="always")
def level_beyond(state, static, level, r, c, axis, plane, side, ny, nx, dry):
    """Water level (m above the datum) in the cell beyond the one that a weir falls into; no bound (-1e300)
    where that is dry, off the grid, or higher (or behind a crest that is) than the water that received.

    level: of the receiving cell (m above the datum); other arguments as of `energy_behind`.
    """
    if r < PAD or r >= PAD + ny or c < PAD or c >= PAD + nx:
        return -1e300
    depth = state[DEPTH, r, c]
    between = static[plane, r, c] if side == 0 else static[plane, r - axis, c - 1 + axis]
    if depth < dry or max(between, static[BED, r, c]) >= level:
        return -1e300
    return static[BED, r, c] + depth


@njit(cache=True, error_model="numpy")
def over_crests(
    state, static, axis, row, column, level, share, wish, shut, giver, out, marks, forced, dt, dx, ny, nx, dry
):  # fmt: skip
    """Pass the water of a step over the crests; how many were weirs.

    axis (k,): 0 for a face in x, 1 in y; row, column (k,): padded place of the cell before it; level (k,):
    crest above the datum (m); share (k,): length of crest that the face stands for, in faces; wish, shut
    (k,), out (n, zeros, left so): scratch; giver (2, k): numbers of the cells on both sides of each crest
    among the n beside crests.
    The crests of `static` are set: shut where the weir works, `level` elsewhere.
    """
    tiles_x = -(-nx // TILE_COLS)
    count = 0
    for f in range(level.size):
        static[CREST_X if axis[f] == 0 else CREST_Y, row[f], column[f]] = level[f]
    for f in range(level.size):
        r = row[f]
        c = column[f]
        r2 = r + axis[f]
        c2 = c + 1 - axis[f]
        plane = CREST_X if axis[f] == 0 else CREST_Y
        crest = level[f]
        wish[f] = 0.0
        shut[f] = 0
        h1 = state[DEPTH, r, c]
        h2 = state[DEPTH, r2, c2]
        w1 = static[BED, r, c] + h1
        w2 = static[BED, r2, c2] + h2
        height = crest - max(static[BED, r, c], static[BED, r2, c2])
        head = max(w1 if h1 >= dry else -1e300, w2 if h2 >= dry else -1e300) - crest
        if head <= 0.0 or head > LARGEST_HEAD * height:
            continue
        shut[f] = 1
        count += 1
        # The flow stops at the shut face and stands above its energy line: that is read one cell behind. In
        # the cell that receives it, it draws the water down: the tailwater stands one cell beyond.
        if w1 > w2:
            behind = energy_behind(
                state, static, r - axis[f], c - 1 + axis[f], axis[f], plane, 0, ny, nx, dry
            )
            beyond = level_beyond(
                state, static, w2, r2 + axis[f], c2 + 1 - axis[f], axis[f], plane, 1, ny, nx, dry
            )
            head = min(head, max(behind - crest, 0.0))
            down = max(w2, beyond) - crest
        else:
            behind = energy_behind(
                state, static, r2 + axis[f], c2 + 1 - axis[f], axis[f], plane, 1, ny, nx, dry
            )
            beyond = level_beyond(
                state, static, w1, r - axis[f], c - 1 + axis[f], axis[f], plane, 0, ny, nx, dry
            )
            head = min(head, max(behind - crest, 0.0))
            down = max(w1, beyond) - crest
        discharge = BROAD_CREST * head * math.sqrt(head)
        if down > 0.0:
            discharge *= (1.0 - min(down / max(head, 1e-12), 1.0) ** 1.5) ** DROWNED
        amount = min(discharge * share[f] * dt / dx, SETTLE * abs(w1 - w2))
        wish[f] = amount if w1 > w2 else -amount
        out[giver[0, f] if w1 > w2 else giver[1, f]] += amount
    # What each giver has left after all its weirs; then the water goes, with its speed.
    for f in range(level.size):
        if wish[f] == 0.0:
            continue
        r = row[f]
        c = column[f]
        r2 = r + axis[f]
        c2 = c + 1 - axis[f]
        if wish[f] > 0.0:
            asked = out[giver[0, f]]
            has = state[DEPTH, r, c]
        else:
            asked = out[giver[1, f]]
            has = state[DEPTH, r2, c2]
        if asked > FULL * has:
            wish[f] *= FULL * has / asked
    for f in range(level.size):
        amount = abs(wish[f])
        if amount == 0.0:
            continue
        r = row[f]
        c = column[f]
        r2 = r + axis[f]
        c2 = c + 1 - axis[f]
        momentum = DISCHARGE_X if axis[f] == 0 else DISCHARGE_Y
        sign = 1.0
        if wish[f] < 0.0:
            r, r2 = r2, r
            c, c2 = c2, c
            sign = -1.0
        head = static[BED, r, c] + state[DEPTH, r, c] - level[f]
        down = static[BED, r2, c2] + state[DEPTH, r2, c2] - level[f]
        had = state[DEPTH, r, c]
        now = max(had - amount, 0.0)
        keeps = now / had if now >= dry else 0.0
        state[DEPTH, r, c] = now
        state[DISCHARGE_X, r, c] *= keeps
        state[DISCHARGE_Y, r, c] *= keeps
        # Critical speed on the crest, or that of the water where it is deeper. At an angle to the grid the
        # faces in x and those in y each bring their part: together that speed, square to the crest.
        over = max(2.0 / 3.0 * head, down)
        speed = min(amount * dx / (share[f] * dt * over), math.sqrt(GRAVITY * over)) if over > 0.0 else 0.0
        speed /= share[f]
        state[DEPTH, r2, c2] += amount
        state[momentum, r2, c2] += sign * speed * amount
        for i, j in ((r - PAD, c - PAD), (r2 - PAD, c2 - PAD)):
            tile = i // TILE_ROWS * tiles_x + j // TILE_COLS
            forced[tile] = 1
            marks[tile, :] = 1
    for f in range(level.size):
        r = row[f]
        c = column[f]
        out[giver[0, f]] = 0.0
        out[giver[1, f]] = 0.0
        if shut[f] != 0:
            static[CREST_X if axis[f] == 0 else CREST_Y, r, c] = np.inf
    return count
