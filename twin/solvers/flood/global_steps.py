"""Time steps that are the same for all tiles: one by one, or many in compiled code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

from twin.errors import SolverError
from twin.solvers.flood import kernels_loop as kernels
from twin.solvers.flood import kernels_sources as sources
from twin.solvers.flood import stopping
from twin.solvers.flood.kernels import DEPTH, PAD, TILE_COLS, TILE_ROWS
from twin.solvers.flood.memory import aligned
from twin.solvers.flood.undo import settle

if TYPE_CHECKING:
    from twin.solvers.flood.ledger import Total
    from twin.solvers.flood.solver import FloodSolver

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]

LONGEST = 0.05  # s that a call may take, about: Ctrl-C and the progress bar wait for its end


class GlobalSteps:
    """The loop of a solver around its tiles.

    Where all that acts is plain (`Sources.are_plain`), steps are made in compiled code: what Python does
    round a step, with caches full of the tiles, takes as long as the step itself on a small map. Each step is
    the same, to the bit, as one made alone.
    """

    def __init__(self, solver: FloodSolver) -> None:
        """Everything of the solver but this is there."""
        s, p = solver, solver.parameters
        self._numbers, self._counts = np.zeros(kernels.NUMBERS), np.zeros(kernels.COUNTS, dtype=np.int64)
        self._kinds, self._given = s._edge_codes.copy(), s._edge_slopes.copy()
        self._speeds = np.full(self._kinds.size, np.nan)
        self._plain = s._sources.are_plain
        self._budget = 1
        self._broken: SolverError | None = None
        numbers = self._numbers
        numbers[kernels.DATUM], numbers[kernels.DRY] = s.datum, p.dry_depth
        numbers[kernels.AREA], numbers[kernels.REACH] = s.grid.area_m2, p.cfl * s.grid.cell
        numbers[kernels.MAX_STEP], numbers[kernels.WINDOW] = p.max_step, p.rise_window
        numbers[kernels.MEDIUM], numbers[kernels.FAST] = p.rise_medium, p.rise_fast
        numbers[kernels.RAIN_CELLS] = s._sources.rain_cells
        numbers[kernels.LOWEST] = -np.inf if s._scheme.looks_at_energy else s._bed.min()
        self._counts[kernels.NO_SLEEP] = not p.tiles
        rains = self._plain and bool((s._sources.plain[3] == sources.RAIN).any())
        self._kept = (
            numbers.copy(), s._marks.copy(), s._values.copy(), np.zeros((3, s._sources.plain[8].size)),
            aligned((1, *s._old.shape[1:]) if rains else (0, 0, 0), np.float64, ahead=PAD),
        )  # fmt: skip
        self.packed = (
            numbers, self._counts, s._edge_codes, s._edge_slopes, self._kinds, self._given, s._edge_closed,
            s._edge_totals, s._forced, s._awake, s._touched, s._sources.wettable, s._sources.rain_tiles,
            s._watch.packed, self._kept, self._speeds,
            np.zeros((kernels.SWEEP_PLANES, s._chosen.size), dtype=np.int64), s._edge_low,
        )  # fmt: skip
        """`loop` of the kernels."""

    def use_threads(self, solver: FloodSolver) -> None:
        """What follows runs on the threads of the parameters."""
        if numba.get_num_threads() != solver._threads:
            numba.set_num_threads(solver._threads)

    def edges_at(self, solver: FloodSolver) -> tuple[Codes, Floats, Floats]:
        """Kind, value and speed beyond of each edge cell over a step (see `kernels_edges.fill_ghost`): the
        level above the datum where one is imposed or follows from a rating curve, else the slope. After the
        sources acted.
        """
        s = solver
        self._kinds[:], self._given[:], self._speeds[:] = s._edge_codes, s._edge_slopes, np.nan
        s._sources.edge_values(self._kinds, self._given, self._speeds)
        return self._kinds, self._given, self._speeds

    def advance_tiles(self, solver: FloodSolver, chosen: NDArray[np.int64]) -> None:
        """The kernels on some tiles, by their lengths in `_steps`; ghosts are filled, nothing is booked."""
        solver._chosen[: chosen.size] = chosen
        self._enter(solver, kernels.TILES_ONLY, 0.0, 0.0)
        self._counts[kernels.CHOSEN] = chosen.size
        solver._scheme.advance(solver)

    def step(self, solver: FloodSolver, t: float, t_end: float) -> float:
        """One step; the new time (s).

        Raises
        ------
        SolverError
            See :meth:`FloodSolver.step`.
        """
        s = solver
        self._raise_broken()
        self.use_threads(s)
        dt = s._choose_step(t, t_end)
        s._sources.act(s, t, t + dt)
        self.edges_at(s)
        s._sources.note(s._watch)
        self._enter(s, kernels.ONE_STEP, t, t_end)
        self._numbers[kernels.STEP] = dt
        s._scheme.advance(s)
        self._leave(s)
        if self._counts[kernels.STATUS] == kernels.BROKEN:
            raise stopping.broken(s, float(self._numbers[kernels.NEW_TIME]), dt)
        self._judge(s, t_end)
        return s.time

    def advance(self, solver: FloodSolver, t: float, t_end: float) -> tuple[float, int, float]:
        """Steps for about LONGEST seconds; the new time (s), how many they were, length of the last (s).

        Raises
        ------
        SolverError
            See :meth:`FloodSolver.step`.
        """
        s = solver
        if self._plain:
            self._raise_broken()
            self.use_threads(s)
            start = time.perf_counter()
            self._enter(s, kernels.MANY, t, t_end)
            s._scheme.advance(s)
            self._leave(s)
            if self._counts[kernels.STATUS] == kernels.BROKEN:
                self._take_back(s)
            else:
                self._judge(s, t_end)
            spent = time.perf_counter() - start
            done = int(self._counts[kernels.SPENT])
            if done > 0:
                self._budget = max(1, min(10 * self._budget, int(LONGEST / spent * done)))
            made = int(self._counts[kernels.MADE])
            if made > 0:
                return s.time, made, float(self._numbers[kernels.STEP])
            self._raise_broken()
        new = self.step(s, t, t_end)
        return new, 1, new - t

    def _raise_broken(self) -> None:
        """Tell of a step that could not be made; those before it in the same call were told first."""
        if self._broken is not None:
            found, self._broken = self._broken, None
            raise found

    def _judge(self, s: FloodSolver, t_end: float) -> None:
        """Keep the error of a scheme that looks at no energy while it steps: the next call tells of it, this
        one if it may be the last. Looked at where the run lands, and between where the kernels ask for it.
        """
        lands = s.time >= t_end
        if lands or self._counts[kernels.STATUS] == kernels.BEYOND:
            fastest, lowest, dt = self._numbers[[kernels.FASTEST, kernels.LOWEST, kernels.STEP]].tolist()
            self._numbers[kernels.FASTEST] = 0.0
            self._broken = stopping.false_speed(s, fastest, lowest, dt)
        if lands:
            self._raise_broken()

    def _take_back(self, s: FloodSolver) -> None:
        """Undo the sources of a step that could not be made, and keep the error."""
        now = self._numbers
        self._broken = stopping.broken(s, float(now[kernels.NEW_TIME]), float(now[kernels.STEP]))
        numbers, marks, values, places, depths = self._kept
        if self._counts[kernels.KEPT_MAP]:
            inner = slice(PAD, PAD + s.grid.ny), slice(PAD, PAD + s.grid.nx)
            s._old[DEPTH][inner] = depths[DEPTH][inner]
        rows, columns = s._sources.plain[8:10]
        s._old[:3, rows, columns] = places
        s._marks[:], s._values[:] = marks, values
        s.energy = float(numbers[kernels.ENERGY])
        for k, total in self._totals(s):
            total.value, total.rest = float(numbers[k]), float(numbers[k + 1])
        settle(s)

    @property
    def fastest(self) -> float:
        """The fastest wave (m/s) since speeds were last looked at."""
        return float(self._numbers[kernels.FASTEST])

    def forget(self, fastest: float) -> None:
        """The state is another one now, with its `fastest`."""
        self._broken = None
        self._numbers[kernels.FASTEST] = fastest

    def _enter(self, s: FloodSolver, mode: int, t: float, t_end: float) -> None:
        numbers, counts = self._numbers, self._counts
        numbers[kernels.TIME], numbers[kernels.END], numbers[kernels.ENERGY] = t, t_end, s.energy
        numbers[kernels.WINDOW_START] = s._window_start
        for k, total in self._totals(s):
            numbers[k], numbers[k + 1] = total.value, total.rest
        counts[kernels.MODE], counts[kernels.BUDGET] = mode, self._budget
        counts[kernels.STATUS : kernels.BUDGET] = 0
        counts[kernels.LIMITED_CELLS], counts[kernels.WORKERS], counts[kernels.STEPS] = 0, s._threads, s.steps

    def _leave(self, s: FloodSolver) -> None:
        numbers, counts = self._numbers.tolist(), self._counts.tolist()
        s.energy, s._window_start = numbers[kernels.ENERGY], numbers[kernels.WINDOW_START]
        for k, total in self._totals(s):
            total.value, total.rest = numbers[k], numbers[k + 1]
        made = counts[kernels.MADE]
        if made % 2:
            s._old, s._new = s._new, s._old
        s.steps += made
        s.cell_steps += counts[kernels.TILES_MADE] * TILE_ROWS * TILE_COLS
        s.limited += counts[kernels.LIMITED_CELLS]
        s.time = numbers[kernels.TIME]

    @staticmethod
    def _totals(s: FloodSolver) -> tuple[tuple[int, Total], ...]:
        return (kernels.INFLOW, s.inflow), (kernels.OUTFLOW, s.outflow), (kernels.RAIN, s.rain)
