# mypy: ignore-errors
"""What happens before and after the tiles of a step, so that many steps run without Python (numba).

A step of the whole grid is: :func:`begin` (length of the step, plain sources, edges, which tiles), the tiles
in parallel, :func:`finish` (books, sections, gauges, record of the rise). The schemes call them round their
tiles. `loop` is a tuple of arrays, made by `global_steps.GlobalSteps`:

numbers, counts            see below
codes, slopes              kind and slope of each edge cell where nothing else is imposed
kinds, given               kind and value of each edge cell now
closed, edge_totals        see `kernels_edges.fill_ghost` and `sum_edges`
forced, awake, touched     (tiles,) see :func:`choose_tiles` and `kernels_record.close_windows`
wettable                   (ny, nx) 1 where it may rain
rain_tiles                 tiles with such a cell
watch                      see `kernels_watch.look`
kept                       what was before the sources of a step of MANY: numbers, marks, values, depths and
                           discharges at places, depths of the map where it rained (KEPT_MAP)
speeds                     of the water beyond each edge cell, outwards (m/s), NaN: see `fill_ghost`
sweeps                     (SWEEP_PLANES, tiles) see :func:`choose_sweeps`
low                        lowest ground of each edge cell, see `kernels_edges.wake_edges`
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic

from twin.solvers.flood import kernels_sources as sources
from twin.solvers.flood.kernels import (
    BOTH_TILES,
    DEPTH,
    EAST_TILE,
    GRAVITY,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    WEST_TILE,
)
from twin.solvers.flood.kernels_edges import (
    edges_of_tile,
    fill_corners,
    fill_side,
    sum_edges,
    wake_edges,
)
from twin.solvers.flood.kernels_record import close_windows
from twin.solvers.flood.kernels_watch import add, look

# tile_marks[k]: what the other tiles need to know of tile k; bits of water in it and along its sides
WATER, WATER_NORTH, WATER_SOUTH, WATER_WEST, WATER_EAST = 0, 1, 2, 3, 4
MARKS = 5
# tile_values[k]: highest wave speed (m/s), highest energy level (m), cells out of bounds, limited cells
SPEED, LEVEL, BAD, LIMITED = 0, 1, 2, 3
VALUES = 4

# numbers: now, where to land (s), highest energy level, datum, dry_depth (m), area of a cell (m²), CFL × cell
# size (m), longest step (s); start of the window of the rate of rise, its length (s), its classes (m/s); the
# step under way and the time at its end (s); cells where it may rain; lowest bed above the datum (m; -inf
# where no speed is looked at after its step); totals with their compensation (m³); highest wave speed since
# the last look (m/s)
TIME, END, ENERGY, DATUM, DRY, AREA, REACH, MAX_STEP = 0, 1, 2, 3, 4, 5, 6, 7
WINDOW_START, WINDOW, MEDIUM, FAST, STEP, NEW_TIME, RAIN_CELLS, LOWEST = 8, 9, 10, 11, 12, 13, 14, 15
INFLOW, OUTFLOW, RAIN, FASTEST = 16, 18, 20, 22
NUMBERS = 23
# counts: what to do and how it ended; turns of the loop, steps made, tiles in them, what was spent (tiles and
# steps) of how much; tiles of this step, cells limited, whether tiles never sleep, whether depths were kept;
# threads, and the tile that comes next; steps of the whole run
MODE, STATUS, TURN, MADE, TILES_MADE, SPENT, BUDGET = 0, 1, 2, 3, 4, 5, 6
CHOSEN, LIMITED_CELLS, NO_SLEEP, KEPT_MAP, WORKERS, NEXT, STEPS = 7, 8, 9, 10, 11, 12, 13
COUNTS = 14
# MODE: the tiles that Python chose, without books; a step whose length and sources are settled; steps until
# END or until the budget is spent
TILES_ONLY, ONE_STEP, MANY = 0, 1, 2
# STATUS: a cell out of bounds, whose step is not made; a source that is no number, nothing done; a speed to
# look at, whose step is made
GOOD, BROKEN, ODD, BEYOND = 0, 1, 2, 3
# sweeps[k]: which tiles, the sweep below it, whether a thread has taken it
TILES, BELOW, TAKEN = 0, 1, 2
SWEEP_PLANES = 3
FRESH = -1  # instead of what a sweep hands on to the one below it
FEW = 4  # tiles beside which one thread fills the ghosts sooner than all
LOOK = 32  # steps between two looks, counted over the run: how it is cut into calls changes nothing


@intrinsic
def take_next(typingctx: Any, counts: Any, k: Any) -> Any:  # noqa: ARG001
    """counts[k], which becomes one more, at once for all threads: each takes the next tile as it gets free,
    so that none waits for one whose tiles are wetter.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(counts, types.int64), codegen


@njit(cache=True, error_model="numpy")
def is_beyond(fastest, energy, lowest):
    """Whether no cell of a domain could be so fast (m/s): more than 2 √(2 g (energy - lowest bed))."""
    return fastest * fastest > 8.0 * GRAVITY * (energy - lowest)


@njit(cache=True, error_model="numpy")
def fit_step(dt, remaining):
    """The step (s) of at most dt that lands: all that remains, or two equal steps rather than a long and a
    tiny one.
    """
    if dt >= remaining:
        return remaining
    return 0.5 * remaining if 2.0 * dt > remaining else dt


@njit(error_model="numpy")
def choose_step(loop, plain, state, static, values, dx, law):
    """The length of the next step (s): `FloodSolver._choose_step` for plain sources."""
    numbers = loop[0]
    t = numbers[TIME]
    remaining = numbers[END] - t
    dt = min(numbers[MAX_STEP], remaining)
    speed = 0.0
    for k in range(values.shape[0]):
        speed = max(speed, values[k, SPEED])
    if speed > 0.0:
        dt = min(dt, numbers[REACH] / speed)
    predicted = sources.speed_after(
        plain, state, static, t, t + dt, speed, 0.0, numbers[AREA], numbers[DATUM], numbers[DRY], dx, law
    )
    if predicted > speed:
        dt = min(dt, numbers[REACH] / predicted)
    return fit_step(dt, remaining)


@njit(error_model="numpy")
def act(loop, plain, state, static, marks, t0, t1, ny, nx):
    """Put the water of the plain sources into the state, book it and wake the tiles that it touches."""
    numbers, counts, forced = loop[0], loop[1], loop[8]
    area, datum, dry = numbers[AREA], numbers[DATUM], numbers[DRY]
    rate = sources.rain_rate(plain, t0, t1)
    if rate > 0.0:
        wettable, rain_tiles = loop[11], loop[12]
        counts[KEPT_MAP] = 1
        amount = rate * (t1 - t0)
        sources.rain_on(state, wettable, amount, loop[14][4], ny, nx)
        add(numbers, RAIN, amount * area * numbers[RAIN_CELLS])
        for n in range(rain_tiles.size):
            marks[rain_tiles[n], :] = 1
    of = plain[3]
    if of.size == 0:
        return
    for n in range(of.size):
        if of[n] == sources.INFLOW:
            volume, energy = sources.pour(plain, n, state, static, marks, forced, t0, t1, area, nx)
            if volume != 0.0:
                add(numbers, INFLOW, volume)
                numbers[ENERGY] = max(numbers[ENERGY], energy)
    for n in range(of.size):
        if of[n] == sources.LEVEL and sources.is_on(plain, n, t0):
            change, energy = sources.impose(
                plain, n, state, static, marks, forced, t0, t1, area, datum, dry, nx
            )
            add(numbers, INFLOW if change > 0.0 else OUTFLOW, abs(change))
            numbers[ENERGY] = max(numbers[ENERGY], energy)


@njit(error_model="numpy")
def copy_box(old, new, r0, r1, c0, c1):
    """Copy the state of a box of cells (a slice brings the making of its error texts: 5 s of compilation)."""
    for v in range(3):
        for r in range(r0, r1):
            for c in range(c0, c1):
                new[v, r, c] = old[v, r, c]


@njit(error_model="numpy")
def clear_fluxes(new, r0, r1, c0, c1):
    """Set what passed the faces of a box of cells (planes from 3 on) to 0."""
    for v in range(3, new.shape[0]):
        for r in range(r0, r1):
            for c in range(c0, c1):
                new[v, r, c] = 0.0


@njit(error_model="numpy")
def choose_tiles(loop, old, new, marks, chosen, ny, nx):
    """List the tiles that this step must compute, and from the end of `chosen` backwards those that fell
    asleep; returns how many they are.

    A tile is awake when it holds water, when a neighbour holds water along their common side, or when a
    source acts in it (`forced`, cleared here). Any other tile has no flux at all and keeps its state to the
    bit. When a tile falls asleep its state is copied once, so that both buffers hold it, and its ghosts are
    filled in both; what passed its faces (planes from 3 on) is 0 from the next step on in both, which takes
    two steps (`awake` 1, 2, 0).
    """
    numbers, counts = loop[0], loop[1]
    kinds, given, closed, forced, awake = loop[4], loop[5], loop[6], loop[8], loop[9]
    everything = counts[NO_SLEEP] != 0
    tiles_x = -(-nx // TILE_COLS)
    tiles_y = -(-ny // TILE_ROWS)
    wake_edges(loop[17], kinds, given, closed, forced, ny, nx, numbers[DRY])
    count = 0
    asleep = 0
    for k in range(tiles_y * tiles_x):
        a = k // tiles_x
        b = k - a * tiles_x
        need = everything or forced[k] != 0 or marks[k, WATER] != 0
        need = need or (a > 0 and marks[k - tiles_x, WATER_SOUTH] != 0)
        need = need or (a < tiles_y - 1 and marks[k + tiles_x, WATER_NORTH] != 0)
        need = need or (b > 0 and marks[k - 1, WATER_EAST] != 0)
        need = need or (b < tiles_x - 1 and marks[k + 1, WATER_WEST] != 0)
        forced[k] = 0
        if need:
            chosen[count] = k
            count += 1
        elif awake[k] != 0:
            asleep += 1
            chosen[chosen.size - asleep] = k
            r0 = PAD + a * TILE_ROWS
            c0 = PAD + b * TILE_COLS
            r1 = min(r0 + TILE_ROWS, PAD + ny)
            c1 = min(c0 + TILE_COLS, PAD + nx)
            if awake[k] == 1:
                copy_box(old, new, r0, r1, c0, c1)
            # The faces on the west and north edges of the grid lie in the ghosts.
            r0 -= 1 if a == 0 else 0
            c0 -= 1 if b == 0 else 0
            clear_fluxes(new, r0, r1, c0, c1)
        awake[k] = 1 if need else (2 if awake[k] == 1 else 0)
    return count, asleep


@njit(error_model="numpy")
def nth_tile(n, chosen, count):
    """The nth of the tiles of :func:`choose_tiles`: `count` that are awake, then those that fell asleep."""
    m = np.int64(n)  # the number of a parallel loop has no sign
    return chosen[m] if m < count else chosen[chosen.size - 1 - (m - count)]


@njit(error_model="numpy")
def choose_sweeps(sweeps, chosen, count, steps, nx):
    """Put the first `count` tiles of `chosen`, in rising order, together to sweeps of two that lie side by
    side and have steps of one length, where there are such; how many sweeps there are.

    A sweep is 4 × the tile that it begins at + the bits of those that are asked for. One tile alone is swept
    with its neighbour in the grid's own pairs, so that no sweep reaches beyond the arrays. BELOW: the sweep
    of the same columns and length one row of tiles on (-1: none), into which a thread may go on.
    """
    tiles_x = -(-nx // TILE_COLS)
    made = 0
    n = 0
    while n < count:
        k = chosen[n]
        b = k % tiles_x
        n += 1
        if n < count and b < tiles_x - 1 and chosen[n] == k + 1 and steps[k, 0] == steps[k + 1, 0]:
            sweeps[TILES, made] = 4 * k + BOTH_TILES
            n += 1
        else:
            sweeps[TILES, made] = 4 * (k - b % 2) + (EAST_TILE if b % 2 else WEST_TILE)
        made += 1
    other = 0
    for n in range(made):
        below = sweeps[TILES, n] + 4 * tiles_x
        while other < made and sweeps[TILES, other] < below:  # they rise
            other += 1
        one, two = first_tile(sweeps[TILES, n]), first_tile(below)
        found = other < made and sweeps[TILES, other] == below and steps[one, 0] == steps[two, 0]
        sweeps[BELOW, n] = other if found else -1
        sweeps[TAKEN, n] = 0
    return made


@njit(inline="always")
def first_tile(sweep):
    """The first of the tiles of a sweep that are asked for."""
    return sweep // 4 + (0 if sweep % 4 & WEST_TILE else 1)


@njit(inline="always")
def place_of(sweep, ny, nx):
    """First tile of a sweep, bits of its tiles that are asked for, first padded row, rows, first padded
    column.
    """
    first = sweep // 4
    tiles_x = -(-nx // TILE_COLS)
    a = first // tiles_x
    b = first - a * tiles_x
    return first, sweep % 4, PAD + a * TILE_ROWS, min(TILE_ROWS, ny - a * TILE_ROWS), PAD + b * TILE_COLS


@njit(inline="always")
def marked(sweep, tiles):
    """Whether one of the tiles of a sweep that are asked for has a mark in `tiles`, as for a crest."""
    one = first_tile(sweep)
    return tiles[one] + tiles[one + 1 if sweep % 4 == BOTH_TILES else one] != 0


@njit(error_model="numpy")
def next_sweep(sweeps, counts, made, last, hands_on, crests):
    """The sweep that a thread makes after `last` (-1: none) and what is handed on to it; `made`: none is
    left.

    It goes on into the one below where `last` hands something on, no other thread has taken that one, and
    both or none have `crests`: the rows around the tiles' common side are then loaded and reconstructed once.
    """
    taken = sweeps[TAKEN]
    below = sweeps[BELOW, last] if hands_on != FRESH else -1
    if below >= 0 and marked(sweeps[TILES, last], crests) == marked(sweeps[TILES, below], crests):
        free = take_next(taken, below) == 0
        if free:
            return below, hands_on
    n = take_next(counts, NEXT)
    while n < made and take_next(taken, n) != 0:
        n = take_next(counts, NEXT)
    return n, FRESH


@njit(error_model="numpy")
def fill_ghosts_of(k, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second):
    """Fill the ghosts beside tile k, which are beside no other."""
    for side in range(4):
        first, last = edges_of_tile(k, side, ny, nx)
        if first < last:
            fill_side(
                side, first, last, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry,
                second,
            )  # fmt: skip


@njit(cache=True, parallel=True, error_model="numpy")
def fill_ghosts_around(
    state, static, kinds, given, speeds, closed, outward, chosen, count, asleep, ny, nx, dx, dry, second,
):  # fmt: skip
    """Fill the ghosts beside the tiles of :func:`choose_tiles`, `count` of them awake; second: whether the
    scheme reads second ghosts.

    On all threads: most ghosts lie in cache lines that the thread of their tile has just written, and one
    thread alone waits for each of them.
    """
    if count + asleep <= FEW:
        for n in range(count + asleep):
            k = nth_tile(n, chosen, count)
            fill_ghosts_of(k, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second)
    else:
        for n in prange(count + asleep):
            k = nth_tile(n, chosen, count)
            fill_ghosts_of(k, state, static, kinds, given, speeds, closed, outward, ny, nx, dx, dry, second)
    if second:
        fill_corners(state, static, kinds, ny, nx)


@njit(cache=True, error_model="numpy")
def begin(
    loop, plain, old, new, static, marks, values, edge_flux, chosen, steps, ny, nx, dx, second, law,
):  # fmt: skip
    """Begin a step as MODE says; how many of `chosen` it computes, -1 when there is no step to make.

    steps (tiles, 3): see `kernels_step.step_tiles`; second: see :func:`fill_ghosts_around`; law: of friction.
    """
    numbers, counts, kinds = loop[0], loop[1], loop[4]
    turn = counts[TURN]
    counts[TURN] += 1
    counts[NEXT] = 0
    if counts[MODE] == TILES_ONLY:
        return counts[CHOSEN] if turn == 0 else -1
    if counts[STATUS] != GOOD or not numbers[TIME] < numbers[END]:
        return -1
    t, t_end = numbers[TIME], numbers[END]
    if counts[MODE] == ONE_STEP:
        if turn > 0:
            return -1
        dt = numbers[STEP]
    else:
        if counts[SPENT] >= counts[BUDGET]:
            return -1
        dt = choose_step(loop, plain, old, static, values, dx, law)
        if sources.first_odd(plain, t, t + dt) >= 0:
            counts[STATUS] = ODD
            return -1
        kept = loop[14]
        for n in range(numbers.size):
            kept[0][n] = numbers[n]
        for k in range(marks.shape[0]):
            for m in range(MARKS):
                kept[1][k, m] = marks[k, m]
            for m in range(VALUES):
                kept[2][k, m] = values[k, m]
        sources.keep_places(plain, old, kept[3])
        counts[KEPT_MAP] = 0
        act(loop, plain, old, static, marks, t, t + dt, ny, nx)
    t_new = t_end if dt == t_end - t else t + dt
    numbers[STEP], numbers[NEW_TIME] = dt, t_new
    count, asleep = choose_tiles(loop, old, new, marks, chosen, ny, nx)
    fill_ghosts_around(
        old, static, kinds, loop[5], loop[15], loop[6], edge_flux[kinds.size :], chosen, count, asleep, ny,
        nx, dx, numbers[DRY], second,
    )  # fmt: skip
    for e in range(kinds.size):
        edge_flux[e] = 0.0
    for e in range(2 * kinds.size, edge_flux.size):
        edge_flux[e] = 0.0
    for n in range(count):
        k = chosen[n]
        steps[k, 0], steps[k, 1], steps[k, 2] = dt, t_new, 1.0
    counts[CHOSEN] = count
    return count


@njit(cache=True, error_model="numpy")
def finish(loop, new, record, classes, values, edge_flux, chosen, count, ny, nx, dx):
    """Book a step that led to `new`; STATUS says whether it is broken, and nothing is booked then."""
    numbers, counts, kinds = loop[0], loop[1], loop[4]
    if counts[MODE] == TILES_ONLY:
        return
    touched = loop[10]
    bad = 0.0
    level = -math.inf
    limited = 0.0
    fastest = numbers[FASTEST]
    for n in range(count):
        k = chosen[n]
        fastest = max(fastest, values[k, SPEED])
        bad += values[k, BAD]
        level = max(level, values[k, LEVEL])
        limited += values[k, LIMITED]
    if bad > 0.0:
        counts[STATUS] = BROKEN
        return
    for n in range(count):
        touched[chosen[n]] = 2
    dt = numbers[STEP]
    sum_edges(edge_flux[: kinds.size], dt * dx, loop[7])
    look(loop[13], edge_flux, dt, dx, new, numbers[DRY])
    numbers[ENERGY] = max(numbers[ENERGY], level)
    t = numbers[NEW_TIME]
    numbers[TIME] = t
    counts[MADE] += 1
    counts[STEPS] += 1
    numbers[FASTEST] = fastest
    if counts[STEPS] % LOOK == 0 and is_beyond(fastest, numbers[ENERGY], numbers[LOWEST]):
        counts[STATUS] = BEYOND
    counts[TILES_MADE] += count
    counts[SPENT] += count + 1
    counts[LIMITED_CELLS] += int(limited)
    if t - numbers[WINDOW_START] >= numbers[WINDOW]:
        close_windows(
            new[DEPTH], record, classes, loop[10], ny, nx, t - numbers[WINDOW_START], numbers[MEDIUM],
            numbers[FAST],
        )  # fmt: skip
        numbers[WINDOW_START] = t
