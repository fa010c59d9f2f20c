"""Rating curves along the edge: one level for the whole stretch, at which the curve takes what flows to it.

A wave that leaves turns the speed u (outwards positive) of an edge cell of depth h into

    u* = u + 2 (√(g h) - √(g h*)),   h* = η - z

where the level is η (the invariant of a simple wave, Stoker 1957, Water Waves, chapter 10). Out of each cell
goes h* u*, at most in critical flow (u* = √(g h*): no level beyond is felt), at least nothing; a flow that is
faster leaves as it comes. The level of the stretch is the one at which the sum of these is the discharge of
the curve. The sum falls with the level and the curve does not, so there is one such level however steep the
curve is: neither a curve that begins with a jump nor a flat one lets it swing.

A curve is of steady flow: a wave that comes is not held to it, so that no water swings before the edge. What
comes back from beyond, u* - 2 √(g h*), follows what the curve makes of the flow with a lag (first order, of
the time `absorb`): of a wave of angular frequency ω comes back 1 / √(1 + (ω absorb)²) of what the curve
throws back. Where the curve lets nothing out there is a wall at once.

In steady flow u* is u: the level of the edge cells is that of the curve. Beyond the edge the bed falls by the
slope of friction (`kernels_edges.fill_far_ghost`); with a level bed there, half a cell of the fall of the
surface stood in between, and the curve was read c S dx / 2 too high in discharge per metre (S the slope, c
the speed of waves).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.scenarios.binding import RatingForcing
from twin.solvers.flood import kernels_edges as edges
from twin.solvers.flood.edge_levels import Beside
from twin.solvers.flood.kernels import BED, DEPTH, GRAVITY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class EdgeRating:
    """One rating curve on a stretch of the edge.

    Attributes
    ----------
    cells : (k,) numbers of its edge cells (see `kernels_edges`).
    back : (k,) u* - 2 √(g h*) of each (m/s), NaN where nothing leaves.
    """

    def __init__(
        self, forcing: RatingForcing, cells: Ints, shape: tuple[int, int], cell: float, dry: float
    ) -> None:
        """cell: its size (m)."""
        self.cells, self._curve, self._cell, self._dry = cells, forcing.curve, cell, dry
        self._beside = Beside(cells, shape)
        self._lag = forcing.absorb
        self.back: Floats = np.full(cells.size, np.nan)
        self._depth: Floats = np.zeros(cells.size)
        self._speed: Floats = np.zeros(cells.size)

    def act(self, state: Floats, static: Floats, dt: float, datum: float) -> None:
        """Find depths and speeds beyond the edge over a step, for the water that is there."""
        depth = state[(DEPTH, *self._beside.place)]
        wave, speed = np.sqrt(GRAVITY * depth), self._beside.speed_out(state, self._dry)
        wet = depth >= self._dry
        free = wet & (speed >= wave)
        brought = np.where(wet, np.maximum(speed + 2.0 * wave, 0.0), 0.0)
        # Depths of critical flow and of water that stands, for what the waves bring.
        least = np.where(free, depth, np.square(brought / 3.0) / GRAVITY)
        most = np.where(free, depth, np.square(brought / 2.0) / GRAVITY)
        bed = static[(BED, *self._beside.place)] + datum
        controlled = wet & ~free & (brought > 0.0)
        if controlled.any():
            level = self._seek(bed, brought, least, most, controlled, float((depth * speed)[free].sum()))
            back = brought - 4.0 * np.sqrt(GRAVITY * np.clip(level - bed, least, most))
            # At the highest of the levels at which water stands nothing leaves.
            controlled &= level < float((bed + most)[controlled].max())
        else:
            back = np.full(depth.size, np.nan)
        if self._lag > 0.0:
            before = np.where(np.isnan(self.back), back, self.back)
            back = before - math.expm1(-dt / self._lag) * (back - before)
        self.back = np.where(controlled, back, np.nan)
        back = np.clip(np.where(controlled, back, -brought), -brought, -brought / 3.0)
        self._depth = np.where(free, depth, np.square((brought - back) / 4.0) / GRAVITY)
        self._speed = np.where(free, speed, np.where(controlled, 0.5 * (brought + back), 0.0))

    def _seek(
        self, bed: Floats, brought: Floats, least: Floats, most: Floats, controlled: NDArray[np.bool_],
        beside: float,
    ) -> float:  # fmt: skip
        """The level (m) at which the stretch passes what the curve says; beside: m²/s that leave anyway."""
        z, r, low, high = (of[controlled] for of in (bed, brought, least, most))

        def excess(level: float) -> tuple[float, float]:
            """Discharge of the stretch less that of the curve (m³/s), and how it grows with the level."""
            h = np.clip(level - z, low, high)
            c = np.sqrt(GRAVITY * h)
            inside = (h > low) & (h < high)
            more, rate = (h * (r - 2.0 * c)).sum() + beside, (r - 3.0 * c)[inside].sum()
            return (
                float(more) * self._cell - self._curve.at(level),
                float(rate) * self._cell - self._curve.slope(level),
            )

        bottom, top = float((z + low).min()), float((z + high).max())
        if excess(bottom)[0] <= 0.0:
            return bottom
        if excess(top)[0] >= 0.0:
            return top
        level, before = 0.5 * (bottom + top), math.inf
        while True:
            more, rate = excess(level)
            bottom, top = (level, top) if more > 0.0 else (bottom, level)
            middle = 0.5 * (bottom + top)
            newton = level - more / rate if rate < 0.0 else math.nan
            # No number lies between the bounds, or none is nearer.
            if more == 0.0 or newton == level or not bottom < middle < top:
                return level
            level = newton if bottom < newton < top and abs(more) < 0.5 * before else middle
            before = abs(more)

    def state(self) -> Floats:
        """`back`."""
        return self.back

    def restore(self, state: Floats) -> None:
        """Take it back."""
        self.back[:] = state

    def put(self, kinds: NDArray[np.int8], values: Floats, speeds: Floats, bed: Floats) -> None:
        """Say what lies beyond its edge cells (see `kernels_edges.fill_ghost`); bed: above the datum."""
        leaves = self._speed > 0.0
        kinds[self.cells] = np.where(leaves, edges.RATING, edges.WALL)
        values[self.cells] = bed[self._beside.place] + self._depth
        speeds[self.cells] = self._speed
