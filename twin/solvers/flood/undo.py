"""What the sources change before a step, kept until the step has gone well: one that fails brings nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.solvers.flood import kernels_sources as kernels
from twin.solvers.flood.kernels import DEPTH, DISCHARGE_Y, PAD
from twin.solvers.flood.ledger import Total
from twin.solvers.flood.memory import aligned

if TYPE_CHECKING:
    from twin.solvers.flood.solver import FloodSolver
    from twin.solvers.flood.sources import Sources

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Undo:
    """The state as it was before the sources of a step.

    A step reads one buffer and writes the other, so a failed one leaves its input as it was but for what the
    sources did to it. Kept at every step: the books, what is known of each tile, and the cells in which
    something acts at a place. Depths of the whole map are kept only in steps in which it rains on it, unit
    discharges and the memory of the soil too where soil or drains take water; with local time steps, which
    carry tiles on one by one, the whole state.
    """

    def __init__(self, places: Ints, columns: int) -> None:
        """places: flat indices of the cells (of a grid so many columns wide) in which something acts."""
        i, j = np.divmod(np.unique(places), columns)
        self._i, self._j = i + PAD, j + PAD
        self._cells: Floats = np.zeros((DISCHARGE_Y + 1, i.size))
        self._flat: Ints | None = None
        self._map: Floats = np.zeros((0, 0, 0))
        self._planes = 0
        self._soil: Floats = np.zeros((0, 0, 0))
        self._soil_planes = 0
        self._step = -1

    def begin(self, solver: FloodSolver, sources: Sources) -> None:
        """Keep what every step may change."""
        s = solver
        self._planes, self._soil_planes, self._step = 0, 0, s.steps
        totals = (s.inflow, s.outflow, s.rain, sources.infiltrated, sources.drained)
        self._totals = [total.parts() for total in totals]
        self._numbers = (s.energy, s.cell_steps, s.limited)
        self._tiles = (s._marks.copy(), s._values.copy(), s._touched.copy())
        self._works = sources.works()
        if self._i.size:
            state = s._old
            if self._flat is None:
                self._flat = np.ravel_multi_index((self._i, self._j), state.shape[1:])
            for k in range(DISCHARGE_Y + 1):
                np.take(state[k].ravel(), self._flat, out=self._cells[k], mode="clip")

    def keep_map(self, state: Floats, soil: Floats, *, momentum: bool) -> None:
        """Keep depths of the whole map, or unit discharges and the memory of the soil too (`momentum`)."""
        self._planes = DISCHARGE_Y + 1 if momentum else DEPTH + 1
        self._soil_planes = len(soil) if momentum else 0
        if len(self._map) < self._planes:
            self._map = aligned((self._planes, *state.shape[1:]), np.float64)
        if len(self._soil) < self._soil_planes:
            self._soil = aligned(soil.shape, np.float64)
        kernels.keep_map(state, self._map[: self._planes], soil, self._soil[: self._soil_planes])

    def take_back(self, solver: FloodSolver, sources: Sources, soil: Floats) -> None:
        """Bring everything back to where it was, if the sources of this step have begun to act."""
        s = solver
        if self._step != s.steps:
            return
        self._step = -1
        if self._planes:
            s._old[: self._planes] = self._map[: self._planes]
        if self._soil_planes:
            soil[:] = self._soil
        s._old[: DISCHARGE_Y + 1, self._i, self._j] = self._cells
        totals = (Total(*parts) for parts in self._totals)
        s.inflow, s.outflow, s.rain, sources.infiltrated, sources.drained = totals
        s.energy, s.cell_steps, s.limited = self._numbers
        s._marks[:], s._values[:], s._touched[:] = self._tiles
        sources.take_works_back(self._works)
        s._watch.forget_step()
        settle(s)


def settle(solver: FloodSolver) -> None:
    """After a state was brought back, as after a restart: both buffers hold it, and what sleeps passes
    through falling asleep.
    """
    s = solver
    s._new[:] = s._old
    s._scheme.settle(s)
    own = s._scheme.state(s._old)
    s._scheme.restore(s._old, own)
    s._new[:] = s._old
    s._awake[:] = 1
    s._forced[:] = 0
