"""Exact steady flows in channels: over a bump without friction, and inverse solutions with Manning friction.

Sources: Goutal and Maurel (1997), workshop on dam-break wave simulation, as in SWASHES 3.1 (Delestre et al.
2013, Int. J. Numer. Meth. Fluids 72); MacDonald, Baines, Nichols, Samuels (1997), J. Hydraul. Eng. 123: the
depth is chosen and the bed follows; profile of the subcritical case and of the one with rain as in SWASHES
3.2 and 3.3, that of the jump is ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_simpson
from scipy.optimize import brentq

G = 9.81
Floats = NDArray[np.float64]


def bump(x: Floats) -> Floats:
    """Bed (m) of the channel of 25 m with a parabolic bump from 8 to 12 m."""
    return np.where(np.abs(x - 10.0) < 2.0, 0.2 - 0.05 * (x - 10.0) ** 2, 0.0)


def _depth_at(energy: float, q: float, fast: bool) -> float:
    """Depth (m) of specific energy `energy` (m): the supercritical or the subcritical one."""
    critical = (q * q / G) ** (1 / 3)

    def excess(h: float) -> float:
        return h + q * q / (2 * G * h * h) - energy

    if excess(critical) >= 0:
        return float(critical)
    return float(brentq(excess, 1e-6, critical) if fast else brentq(excess, critical, energy + 1.0))


def flow_over_bump(x: Floats, q: float, outlet: float | None) -> tuple[Floats, float]:
    """Depth (m) at x and the place of the jump (m, NaN without one).

    outlet: depth at the east end; None: supercritical beyond the crest.
    """
    critical = (q * q / G) ** (1 / 3)
    crest = 1.5 * critical + 0.2  # energy of a flow that is critical on the crest
    if outlet is not None:
        energy = outlet + q * q / (2 * G * outlet * outlet)
        if energy > crest:
            return np.array([_depth_at(energy - b, q, fast=False) for b in bump(x)]), np.nan
    fast = np.array([_depth_at(crest - b, q, fast=True) for b in bump(x)])
    slow = np.array([_depth_at(crest - b, q, fast=False) for b in bump(x)])
    h = np.where(x < 10.0, slow, fast)
    if outlet is None:
        return h, np.nan

    def mismatch(place: float) -> float:
        b = float(bump(np.array(place)))
        before, after = _depth_at(crest - b, q, fast=True), _depth_at(energy - b, q, fast=False)
        return before * after * (before + after) - 2 * q * q / G

    jump = float(brentq(mismatch, 10.0 + 1e-6, 12.0 - 1e-6))
    behind = np.array([_depth_at(energy - b, q, fast=False) for b in bump(x)])
    return np.where(x > jump, behind, h), jump


class InverseChannel:
    """A channel whose bed is such that a chosen depth is its steady flow.

    depth, slope: h(x) and h'(x) (m, -), vectorised; q at x = 0 (m²/s); rain (m/s).
    """

    def __init__(
        self,
        depth: Callable[[Floats], Floats],
        slope: Callable[[Floats], Floats],
        q: float,
        n: float,
        start: float,
        length: float,
        rain: float = 0.0,
    ) -> None:
        self.depth, self.q, self.n, self.length, self.rain = depth, q, n, length, rain
        x = np.linspace(start, length, 200_001)
        h, flow = depth(x), self.discharge(x)
        falls = (
            (flow**2 / (G * h**3) - 1) * slope(x)
            - 2 * flow * np.where(x > 0, rain, 0.0) / (G * h**2)
            - n**2 * flow**2 / h ** (10 / 3)
        )
        z = cumulative_simpson(falls, x=x, initial=0)
        self._x, self._z = x, z - z[-1]

    def discharge(self, x: Floats) -> Floats:
        """Unit discharge (m²/s)."""
        return self.q + self.rain * np.maximum(x, 0.0)

    def bed(self, x: Floats) -> Floats:
        """Bed (m)."""
        found: Floats = np.interp(x, self._x, self._z)
        return found


def subcritical_channel(rain: float = 0.0) -> InverseChannel:
    """SWASHES 3.2.1 (q = 2 m²/s) and, with rain, 3.3.1 (q = 1 m²/s at the head): 1000 m, n = 0.033."""
    scale, length = (4 / G) ** (1 / 3), 1000.0

    def depth(x: Floats) -> Floats:
        return scale * (1 + 0.5 * np.exp(-16 * (x / length - 0.5) ** 2))

    def slope(x: Floats) -> Floats:
        return scale * 0.5 * np.exp(-16 * (x / length - 0.5) ** 2) * (-32 / length * (x / length - 0.5))

    return InverseChannel(depth, slope, 1.0 if rain else 2.0, 0.033, -100.0, length, rain)


def channel_with_jump() -> tuple[InverseChannel, float]:
    """Through the critical depth to a jump at 60 m of 100 m, q = 2 m²/s, n = 0.0328; and the jump's place."""
    q, place, length = 2.0, 60.0, 100.0
    critical = (q * q / G) ** (1 / 3)
    before = critical * (1.3 - 0.6)
    after = before / 2 * (np.sqrt(1 + 8 * (critical / before) ** 3) - 1)

    def depth(x: Floats) -> Floats:
        right = after * (1 + 0.25 * (1 - np.exp(-(x - place) / 25.0)))
        return np.where(x < place, critical * (1.3 - 0.6 * x / place), right)

    def slope(x: Floats) -> Floats:
        right = after * 0.25 * np.exp(-(x - place) / 25.0) / 25.0
        return np.where(x < place, -critical * 0.6 / place, right)

    return InverseChannel(depth, slope, q, 0.0328, -20.0, length), place
