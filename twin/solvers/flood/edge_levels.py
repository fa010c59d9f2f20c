"""Levels imposed along the edge: the sea beyond it, which also lets the waves out that come from inside.

Beyond the edge the water stands at the imposed level η and moves with a speed of its own (outwards positive)

    U = ū - 2 (√(g h) - √(g h̄)),   h = η - z, h̄ = η̄ - z.

ū follows the speed u of the edge cell with a lag (first order, of the time T = `absorb`), η̄ is the mean of η
around the instant with the weights exp(-|t| / T) / 2T. The Riemann problem between the two sides gives the
flow. The second part is the speed of a simple wave that runs inwards over water at η̄ (Stoker 1957, Water
Waves, chapter 10), so that what is imposed comes in however fast it changes, while a wave from inside meets a
sea that does not swing with it. For small waves of angular frequency ω:

- the reflection coefficient is -1 / (1 + 2 i ω T);
- a level from outside enters an endless basin with (1 + 2 w²) / √((1 + w²) (1 + 4 w²)) of its height, w =
  ω T: all of it but for 7 % at most, about w = 1;
- the edge stands √(h/g) (u - ū) above η: by nothing in steady flow, by √(h/g) ω T of the swing of u in a
  tide.

The condition is that of Flather (1976, Mém. Soc. R. Sci. Liège 6(10), 141-164), u - U = √(g/h) (ζ - η), which
the Riemann problem is for small waves. With T = 0 the level is held whatever comes, and waves are thrown back
whole. Local inertia, which no speed beyond the edge drives, has beyond it the level that the condition gives,
ζ = η + √(h/g) (u - U), what is in brackets no faster than critical; on subgrid cells h is the depth in the
mean of the width under water.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twin.scenarios.binding import WaterLevelForcing
from twin.solvers.flood.kernels import BED, DEPTH, DISCHARGE_X, DISCHARGE_Y, GRAVITY, PAD

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# exp(-|t|) / 2 as a sum of means over -x to x: quadrature of Gauss and Laguerre with the weight x exp(-x)
WINDOWS = (0.61703085327827, 2.11296595857852, 4.61083315101753, 8.39906697120484, 14.2601030659208)
SHARES = (0.348014540023349, 0.502280674132493, 0.140915919494473, 0.0087198930261, 6.89733235856403e-05)


class Beside:
    """The cells inside some edge cells.

    Attributes
    ----------
    place : padded rows and columns, (k,) each.
    """

    def __init__(self, cells: Ints, shape: tuple[int, int]) -> None:
        """cells: (k,) numbers of edge cells (see `kernels_edges`)."""
        ny, nx = shape
        side = np.searchsorted([ny, 2 * ny, 2 * ny + nx], cells, side="right")
        along = cells - np.array([0, ny, 2 * ny, 2 * ny + nx])[side]
        row = np.choose(side, [along, along, np.zeros_like(along), np.full_like(along, ny - 1)]) + PAD
        column = np.choose(side, [np.zeros_like(along), np.full_like(along, nx - 1), along, along]) + PAD
        out_r, out_c = np.array([0, 0, -1, 1])[side], np.array([-1, 1, 0, 0])[side]
        self.place = (row, column)
        self._plane = np.where(out_c != 0, DISCHARGE_X, DISCHARGE_Y)
        self._sign = (out_c + out_r).astype(np.float64)

    def speed_out(self, state: Floats, dry: float) -> Floats:
        """Speed (m/s) out of the cells, 0 in dry ones."""
        depth = state[(DEPTH, *self.place)]
        q: Floats = self._sign * state[(self._plane, *self.place)]
        found: Floats = np.where(depth >= dry, q / np.maximum(depth, dry), 0.0)
        return found


class EdgeLevel:
    """One level on a stretch of the edge.

    Attributes
    ----------
    forcing : its record. cells : (k,) numbers of its edge cells (see `kernels_edges`).
    mean : (k,) slow speed out of the edge cells (m/s), NaN while the level is not imposed.
    energy : highest energy level beyond the edge (m above the datum).
    place : padded rows and columns of the cells inside.
    """

    def __init__(
        self,
        forcing: WaterLevelForcing,
        cells: Ints,
        shape: tuple[int, int],
        dry: float,
        *,
        inertial: bool = False,
    ) -> None:
        self.forcing, self.cells, self._dry, self._inertial = forcing, cells, dry, inertial
        self._beside = Beside(cells, shape)
        self.mean: Floats = np.full(cells.size, np.nan)
        self.energy = -math.inf
        self._speed: Floats = np.zeros(cells.size)
        self._over: Floats = np.zeros(cells.size)
        self.place = self._beside.place

    def _slow(self, t: float) -> float:
        """Mean level (m) around a time (s)."""
        series, lag = self.forcing.series, self.forcing.absorb
        means = [
            share * series.mean(t - x * lag, t + x * lag) for x, share in zip(WINDOWS, SHARES, strict=True)
        ]
        return math.fsum(means) / math.fsum(SHARES)

    def _beyond(self, level: float, slow: float, bed: Floats) -> Floats:
        """Speed of the water beyond the edge (m/s, outwards): at most critical, a level controls no more."""
        now = np.sqrt(GRAVITY * np.maximum(level - bed, 0.0))
        before = np.sqrt(GRAVITY * np.maximum(slow - bed, 0.0))
        found: Floats = np.clip(self.mean - 2.0 * (now - before), -now, now)
        return found

    def act(self, state: Floats, bed: Floats, t0: float, dt: float, datum: float) -> float | None:
        """Let the slow parts follow over a step; the level (m above the datum), None while not imposed. bed:
        of the cells inside (m above the datum).
        """
        if not self.forcing.active(t0):
            self.mean[:], self.energy = np.nan, -math.inf
            return None
        level, lag = self.forcing.series.mean(t0, t0 + dt) - datum, self.forcing.absorb
        self.energy = level
        if lag <= 0.0:
            return level
        speed = self._beside.speed_out(state, self._dry)
        if np.isnan(self.mean).any():
            self.mean[:] = speed
        self.mean -= math.expm1(-dt / lag) * (speed - self.mean)
        self._speed = self._beyond(level, self._slow(t0 + 0.5 * dt) - datum, bed)
        self.energy += float(np.square(self._speed).max()) / (2.0 * GRAVITY)
        if self._inertial:
            deep = np.maximum(level - bed, 0.0)
            wave = np.sqrt(GRAVITY * deep)
            self._over = np.sqrt(deep / GRAVITY) * np.clip(speed - self._speed, -wave, wave)
            self.energy += max(float(self._over.max()), 0.0)
        return level

    def put_beyond(self, values: Floats, speeds: Floats) -> None:
        """Give the water beyond its edge cells its speed (m/s, outwards; see `kernels_edges.fill_ghost`), and
        what it stands over the level.
        """
        if not np.isnan(self.mean).any():
            speeds[self.cells] = self._speed
            values[self.cells] += self._over

    def fastest(self, state: Floats, static: Floats, t0: float, t1: float, datum: float) -> float:
        """A bound of the wave speed (m/s) at the edge in a step."""
        if not self.forcing.active(t0):
            return 0.0
        level, bed = self.forcing.series.mean(t0, t1) - datum, static[(BED, *self._beside.place)]
        wave = np.sqrt(GRAVITY * np.maximum(level - bed, 0.0))
        depth = np.maximum(state[(DEPTH, *self._beside.place)], self._dry)
        own = np.maximum(
            np.abs(state[(DISCHARGE_X, *self._beside.place)]),
            np.abs(state[(DISCHARGE_Y, *self._beside.place)]),
        )
        speed = own / depth
        if self.forcing.absorb > 0.0 and not np.isnan(self.mean).any():
            slow = self._slow(0.5 * (t0 + t1)) - datum
            speed = np.maximum(speed, np.abs(self._beyond(level, slow, bed)))
        return float((speed + wave).max())

    def state(self) -> Floats:
        """Slow speeds, shape (k,)."""
        return self.mean

    def restore(self, state: Floats) -> None:
        """Take them back."""
        self.mean[:] = state


class Remembers(Protocol):
    """What keeps numbers of its edge cells from step to step."""

    cells: Ints

    def state(self) -> Floats:
        """Shape (k,)."""

    def restore(self, state: Floats) -> None:
        """Take it back."""


def states(levels: Sequence[Remembers]) -> Floats:
    """What all levels remember, one after the other. A copy."""
    return np.concatenate([np.zeros(0), *(level.state() for level in levels)])


def restore(levels: Sequence[Remembers], state: Floats) -> None:
    """Take it back."""
    first = 0
    for level in levels:
        last = first + level.cells.size
        level.restore(state[first:last])
        first = last
