"""Exact and asymptotic solutions with a friction of their own, and a dam break on a slope.

Sources: Dressler (1952), J. Res. Nat. Bur. Stand. 49, as in SWASHES 4.1.3, and Sampson, Easton, Singh (2006),
ANZIAM J. 47, as in SWASHES 4.2.3 (Delestre et al. 2013, Int. J. Numer. Meth. Fluids 72); the slope: Ritter in
the frame that falls with the water (Shen and Meyer 1963, J. Fluid Mech. 16).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.flood.analytic import G, ritter

Floats = NDArray[np.float64]


def dressler(x: Floats, t: float, x0: float, hl: float, chezy: float) -> tuple[Floats, Floats, float]:
    """Dam break on a dry bed with Chézy friction to the first order in g/C²: depth (m), velocity (m/s), and
    where the tip begins (m), beyond which only the velocity is known, constant.
    """
    c, drag = np.sqrt(G * hl), (G / chezy) ** 2

    def body(s: Floats) -> tuple[Floats, Floats]:
        left = 2 - s / (t * c)
        a1 = 6 / (5 * left) - 2 / 3 + 4 * np.sqrt(3) / 135 * left**1.5
        a2 = 12 / left - 8 / 3 + 8 * np.sqrt(3) / 189 * left**1.5 - 108 / (7 * left**2)
        depth = (2 / 3 * c - s / (3 * t) + drag * a1 * t) ** 2 / G
        return depth, 2 / 3 * c + 2 * s / (3 * t) + drag * a2 * t

    fan = np.linspace(-c * t, 1.999 * c * t, 200_001)
    speeds = body(fan)[1]
    tip = int(np.argmax(speeds))
    s = x - x0
    inside = np.clip(s, -c * t, fan[tip])
    h, u = body(inside)
    h = np.where(s < -c * t, hl, np.where(s < fan[tip], h, np.nan))
    u = np.where(s < -c * t, 0.0, np.where(s < fan[tip], u, np.where(s < 2 * c * t, speeds[tip], 0.0)))
    return h, u, float(x0 + fan[tip])


class SampsonBowl:
    """Plane of water that swings in a parabola and dies away under linear friction k h v, k < √(8 g h0)/a."""

    def __init__(
        self, h0: float = 10.0, a: float = 3000.0, k: float = 0.001, start: float = 5.0, length: float = 1e4
    ) -> None:
        self.h0, self.a, self.k, self.start, self.length = h0, a, k, start, length
        self.omega = 0.5 * np.sqrt(8 * G * h0 / a**2 - k**2)
        self.period = 2 * np.pi / self.omega

    def bed(self, x: Floats) -> Floats:
        """Bed elevation (m)."""
        return self.h0 * ((x - self.length / 2) / self.a) ** 2

    def velocity(self, t: float) -> float:
        """Velocity of all the water (m/s)."""
        return float(self.start * np.exp(-self.k * t / 2) * np.sin(self.omega * t))

    def level(self, x: Floats, t: float) -> Floats:
        """Level of the water (m), a plane; its slope is that of u_t + k u + g w_x = 0."""
        w, k, b = self.omega, self.k, self.start
        fade = np.exp(-k * t / 2)
        rise = (self.a * b * fade / G) ** 2 / (8 * self.h0) * (
            -w * k * np.sin(2 * w * t) + (k**2 / 4 - w**2) * np.cos(2 * w * t)
        ) - (b * fade) ** 2 / (4 * G)
        slope = -fade * b / G * (w * np.cos(w * t) + k / 2 * np.sin(w * t))
        return self.h0 + rise + slope * (x - self.length / 2)

    def depth(self, x: Floats, t: float) -> Floats:
        """Water depth (m)."""
        return np.maximum(self.level(x, t) - self.bed(x), 0.0)


def ritter_on_slope(x: Floats, t: float, x0: float, hl: float, slope: float) -> tuple[Floats, Floats]:
    """Dam break of a sheet of equal depth on a dry slope that falls with x, without friction: depth (m), unit
    discharge (m²/s).
    """
    h, q = ritter(x - 0.5 * G * slope * t * t, t, x0, hl)
    return h, q + h * G * slope * t
