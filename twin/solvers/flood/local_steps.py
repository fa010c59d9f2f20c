"""Time steps of their own for the tiles of the Godunov schemes: one deep cell no longer sets all steps.

After Berger and Colella (1989), J. Comput. Phys. 82, on one grid instead of several. A large step is cut into
short ones whose lengths are powers of two of the shortest; the tiles that come to the end of theirs go on
together, each by its own length (levels: log2 of it), seeing the others at the same instant: what lies ahead
of it in a longer step is interpolated between the two ends of that. Where a short step has passed the side of
a tile in a longer one, the flux of the short one takes the place of what the longer one had foreseen. So both
sides of a face pass the same water, and the mass is exact to rounding; momentum follows the water.

Two tiles that are swept together (`PAIR`) have the same steps and wake together: alone each would cost as
much as both.

Rain and soil act on a large step as on any other; what acts at places (inflows, levels, structures, crests)
acts on steps of the lowest level, which its tiles have. Nothing depends on the threads, and a tile that
sleeps is one that computes nothing new: the answer is the same to the bit when all are awake.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numpy.typing import NDArray

from twin.solvers.flood import kernels_edges as edges
from twin.solvers.flood import kernels_local as kernels
from twin.solvers.flood import kernels_loop as looping
from twin.solvers.flood import stopping
from twin.solvers.flood.kernels import GRAVITY, MAXIMA, SWEEP_COLS, TILE_COLS, TILE_ROWS

if TYPE_CHECKING:
    from twin.solvers.flood.schemes import Godunov
    from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS = 4  # highest level: 16 of the shortest steps
SPARE = 4  # ticks of the shortest step: a tile where the flow becomes faster may halve it twice
GROWTH = 1.1  # by how much the speed in a tile may grow before its step is halved (CFL 0.45 → 0.495)
PAIR = SWEEP_COLS // TILE_COLS  # tiles side by side whose steps are the same
STABLE = 0.5  # the CFL number that is never passed on purpose
SHARES = (1.0, 0.9, 0.8, 0.7, 0.6)  # of the longest stable step, tried as lowest level


def power_below(x: Floats) -> Ints:
    """Exponent of the highest power of two that is at most x > 0; LEVELS + 1 at most, 0 at least."""
    found: Ints = np.clip(np.frexp(np.minimum(x, 2.0 ** (LEVELS + 1)))[1] - 1, 0, None).astype(np.int64)
    return found


def lowest_around(levels: Ints) -> Ints:
    """Lowest level of each tile and its eight neighbours, shape (tiles in y, tiles in x)."""
    rows = levels.copy()
    np.minimum(rows[1:], levels[:-1], out=rows[1:])
    np.minimum(rows[:-1], levels[1:], out=rows[:-1])
    found = rows.copy()
    np.minimum(found[:, 1:], rows[:, :-1], out=found[:, 1:])
    np.minimum(found[:, :-1], rows[:, 1:], out=found[:, :-1])
    return found


def by_pairs(values: NDArray[Any], tiles: tuple[int, int]) -> NDArray[Any]:
    """Highest of each pair of tiles, shape (tiles in y, pairs), of numbers ≥ 0 of the tiles (in y, in x)."""
    wide = values.reshape(tiles)
    found = wide[:, ::PAIR].copy()
    for k in range(1, PAIR):
        others = wide[:, k::PAIR]
        np.maximum(found[:, : others.shape[1]], others, out=found[:, : others.shape[1]])
    return found


def of_pairs(values: NDArray[Any], tiles: tuple[int, int]) -> NDArray[Any]:
    """The way back: the number of its pair for each tile, shape (tiles,)."""
    return np.repeat(values, PAIR, axis=1)[:, : tiles[1]].ravel()


class LocalSteps:
    """The tiles of a solver, each with its own step."""

    def __init__(self, solver: FloodSolver, scheme: Godunov) -> None:
        s = solver
        self._scheme = scheme
        self._tiles = s._tiles
        count = s._tiles[0] * s._tiles[1]
        self._at_places = by_pairs(s._sources.tiles_of_places() != 0, s._tiles)
        self._begin, self._length = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self._wanted = np.zeros(count, dtype=np.int64)
        self._awake = np.zeros(count, dtype=bool)
        self._late = np.zeros(count, dtype=bool)
        self._passed = np.zeros(4 * sum(s._shape) + s._watch.count)
        self._scratch = np.zeros((int(numba.config.NUMBA_NUM_THREADS), MAXIMA))  # type: ignore[attr-defined]
        s._edge_flux = np.zeros(self._passed.size + count * edges.SIDES)

    # -------------------------------------------------------------- lengths

    def _plan(self, s: FloodSolver, t: float, t_end: float) -> tuple[float, int]:
        """Length of the large step (s) and its level; `_wanted` gets the lengths of all tiles in ticks."""
        remaining = t_end - t
        limit = min(s.parameters.max_step, remaining)
        reach = s.parameters.cfl * s.grid.cell
        rain = s._sources.rain_rate(t, t + limit) + s._sources.field_rate(t, t + limit)
        speed = by_pairs(s._values[:, looping.SPEED], self._tiles) + math.sqrt(GRAVITY * rain * limit)
        fastest = float(speed.max())
        least = min(limit, reach / fastest) if fastest > 0.0 else limit
        predicted = s._sources.speed_after(s._old, t, t + least, fastest)
        if predicted > fastest:
            least = min(least, reach / predicted)
        with np.errstate(divide="ignore"):
            own = np.where(speed > 0.0, reach / speed, np.inf)
        wet = by_pairs(s._marks[:, looping.WATER] != 0, self._tiles)
        shortest = least
        if wet.any():
            costs = []
            for share in SHARES:
                levels = np.minimum(power_below(own[wet] / (share * least)), LEVELS)
                costs.append(float(np.exp2(-levels).sum()) / share)
            shortest = SHARES[int(np.argmin(costs))] * least
        top = int(self._levels(own, wet, shortest, LEVELS)[wet].max(initial=0))
        whole = shortest * 2.0**top
        if whole >= remaining:
            whole = remaining
            top = min(top, max(math.ceil(math.log2(remaining / shortest)), 0))
        else:
            while whole > limit:
                whole, top = 0.5 * whole, top - 1
            whole = remaining / math.ceil(remaining / whole)
        levels = self._levels(own, wet, whole / 2.0**top, top)
        self._wanted[:] = SPARE << of_pairs(levels, self._tiles)
        return whole, top

    def _levels(self, own: Floats, wet: NDArray[np.bool_], shortest: float, top: int) -> Ints:
        """Level of each pair of tiles, at most `top`, from its stable step (s); next to each other they
        differ by at most one, and dry land has the lowest level of the water beside it.
        """
        field = np.minimum(power_below(own / shortest), top)
        field[self._at_places] = 0
        for _ in range(top):
            field = np.minimum(field, lowest_around(field) + 1)
        water = wet | self._at_places
        found: Ints = np.where(water, field, lowest_around(np.where(water, field, top)))
        return found

    def _needed(self, s: FloodSolver) -> NDArray[np.bool_]:
        """Tiles that hold water, have some beside them or are forced; see `kernels_loop.choose_tiles`."""
        if not s.parameters.tiles:
            return np.ones(self._awake.size, dtype=bool)
        marks = s._marks.reshape(*self._tiles, looping.MARKS) != 0
        need = marks[:, :, looping.WATER] | (s._forced.reshape(self._tiles) != 0)
        need[1:] |= marks[:-1, :, looping.WATER_SOUTH]
        need[:-1] |= marks[1:, :, looping.WATER_NORTH]
        need[:, 1:] |= marks[:, :-1, looping.WATER_EAST]
        need[:, :-1] |= marks[:, 1:, looping.WATER_WEST]
        s._forced[:] = 0
        return of_pairs(by_pairs(need, self._tiles), self._tiles)

    def _wake(self, s: FloodSolver, now: int) -> None:
        """Tiles that are reached in this large step join in, as if they had been awake since its beginning:
        nothing has happened in them.
        """
        woken = self._needed(s) & ~self._awake
        if not woken.any():
            return
        self._awake |= woken
        self._length[woken] = self._wanted[woken]
        self._begin[woken] = now - now % self._wanted[woken]
        # One that begins now is computed like the others.
        under_way = np.flatnonzero(woken & (self._begin < now))
        self._length[woken & (self._begin == now)] = 0
        kernels.copy_tiles(s._old, s._new, under_way, under_way.size, *s._shape)
        first = self._passed.size
        for k in under_way:
            s._edge_flux[first + k * edges.SIDES : first + (k + 1) * edges.SIDES] = 0.0
        self._late[under_way] = True

    def _lengths_seen(self) -> Ints:
        """Length of the step of each tile as its neighbours must reckon with it, shape (tiles in y, in x)."""
        seen: Ints = np.where(self._length > 0, self._length, self._wanted).reshape(self._tiles)
        return seen

    # ----------------------------------------------------------------- step

    def step(self, s: FloodSolver, t: float, t_end: float) -> float:
        """One large step; the new time (s), `t_end` exactly when it lands.

        Raises
        ------
        SolverError
            See :meth:`FloodSolver.step`.
        """
        whole, top = self._plan(s, t, t_end)
        t_new = t_end if whole == t_end - t else t + whole
        end, tick = SPARE << top, whole / (SPARE << top)
        s._sources.act_everywhere(s, t, t + whole)
        self._passed[:] = 0.0
        self._awake[:] = False
        self._begin[:] = self._length[:] = 0
        s._loop.use_threads(s)
        now = 0
        while now < end:
            if now % SPARE == 0:
                t0, t1 = t + now * tick, t + (now + SPARE) * tick
                s._sources.act_at_places(s, t0, t1)
                s._sources.note(s._watch)
                kinds, values, speeds = s._loop.edges_at(s)
            edges.fill_ghosts(
                s._old, s._static, s._edge_low, kinds, values, speeds, s._edge_closed,
                s._edge_flux[kinds.size :], s._forced, *s._shape, s.grid.cell, s.parameters.dry_depth,
                self._scheme.second,
            )  # fmt: skip
            self._wake(s, now)
            due = np.flatnonzero(self._awake & (self._begin + self._length == now))
            self._set_out(s, due, now, tick)
            s._steps[due, 0] = self._length[due] * tick
            ends = self._begin + self._length
            s._steps[:, 1] = np.where(ends == end, t_new, t + ends * tick)
            s._edge_flux[: kinds.size] = 0.0
            s._edge_flux[2 * kinds.size : self._passed.size] = 0.0
            self._clear_sides(s, due)
            s._loop.advance_tiles(s, due)
            self._check(s, due, t_new, whole)
            kernels.book_fluxes(
                s._edge_flux, s._watch.faces, due, due.size, s._steps, self._passed, *s._shape
            )
            # A cell in a longer step that had no more to give is limited like any other.
            s.limited += kernels.settle_sides(
                s._new, s._edge_flux, s._watch.faces, due, due.size, self._begin, self._length, tick,
                self._passed, *s._shape, s.grid.cell, s.parameters.dry_depth, float(self._scheme._full),
            )  # fmt: skip
            s.limited += int(s._values[due, looping.LIMITED].sum())
            s.cell_steps += due.size * TILE_ROWS * TILE_COLS
            now = self._close(s, now, t_new, whole)
        np.copyto(s._touched, 2, where=self._awake)
        mean = self._passed / whole
        edges.sum_edges(mean[: 2 * sum(s._shape)], whole * s.grid.cell, s._edge_totals)
        s._watch.after_step(mean, whole, s._old, s.parameters.dry_depth)
        return t_new

    def _clear_sides(self, s: FloodSolver, due: Ints) -> None:
        sides = s._edge_flux[self._passed.size :].reshape(-1, edges.SIDES)
        sides[due] = 0.0

    def _set_out(self, s: FloodSolver, due: Ints, now: int, tick: float) -> None:
        """Lengths of the steps that begin; which tiles are recorded only when their sides are settled."""
        length = self._wanted[due]
        if now > 0:
            cfl = max(s.parameters.cfl, min(GROWTH * s.parameters.cfl, STABLE))
            speed = of_pairs(by_pairs(s._values[:, looping.SPEED], self._tiles), self._tiles)[due]
            speed = np.maximum(speed, 1e-300)
            length = np.minimum(length, 1 << power_below_ticks(cfl * s.grid.cell / (speed * tick)))
        self._begin[due], self._length[due] = now, length
        seen, differs = self._lengths_seen(), np.zeros(self._tiles, dtype=bool)
        below, beside = seen[1:] != seen[:-1], seen[:, 1:] != seen[:, :-1]
        differs[1:] |= below
        differs[:-1] |= below
        differs[:, 1:] |= beside
        differs[:, :-1] |= beside
        self._late[due] = differs.ravel()[due]
        s._steps[due, 2] = ~self._late[due]

    def _close(self, s: FloodSolver, now: int, t_new: float, whole: float) -> int:
        """End the steps that end next; that instant (ticks). What neighbours see of the others moves on."""
        ends = self._begin + self._length
        then = now - now % SPARE + SPARE
        if self._awake.any():
            then = min(then, int(ends[self._awake].min()))
        ending = self._awake & (ends == then)
        late = np.flatnonzero(ending & self._late)
        if late.size:
            kernels.finish_tiles(
                s._new, s._static, s._record, s._classes, self._scratch, self._scheme._record_scratch, late,
                late.size, s._marks, s._values, s._steps, *s._shape,
                self._scheme.real(s.parameters.dry_depth), s.energy,
            )  # fmt: skip
            self._check(s, late, t_new, whole)
        done = np.flatnonzero(ending)
        if done.size:
            s.energy = max(s.energy, float(s._values[done, looping.LEVEL].max()))
        kernels.copy_tiles(s._new, s._old, done, done.size, *s._shape)
        seen = self._lengths_seen()
        under_way = (lowest_around(seen) < seen).ravel() & self._awake & ~ending
        moving = np.flatnonzero(under_way)
        if moving.size:
            share = np.zeros(ends.size)
            share[moving] = (then - now) / (ends[moving] - now)
            kernels.move_frames(s._old, s._new, moving, moving.size, share, *s._shape)
        return then

    def _check(self, s: FloodSolver, tiles: Ints, t_new: float, whole: float) -> None:
        if tiles.size and s._values[tiles, looping.BAD].any():
            fresh = s._new.copy()
            np.copyto(s._new, s._old)
            kernels.copy_tiles(fresh, s._new, tiles, tiles.size, *s._shape)
            raise stopping.broken(s, t_new, whole)


def power_below_ticks(x: Floats) -> Ints:
    """Exponent of the highest power of two that is at most x ticks; 0 at least, one large step at most."""
    most = 2.0 * SPARE * 2**LEVELS
    found: Ints = np.clip(np.frexp(np.minimum(x, most))[1] - 1, 0, None).astype(np.int64)
    return found
