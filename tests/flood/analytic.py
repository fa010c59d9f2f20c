"""Exact solutions of the shallow water equations, as cell averages where that matters.

Sources: Stoker (1957), Water Waves, and Ritter (1892), both as in Delestre et al. 2013 (SWASHES, Int. J.
Numer. Meth. Fluids 72); Thacker (1981), J. Fluid Mech. 107.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import j0

G = 9.81
Floats = NDArray[np.float64]


def ritter(x: Floats, t: float, x0: float, hl: float) -> tuple[Floats, Floats]:
    """Dam break on a dry bed without friction: depth (m) and unit discharge (m²/s)."""
    c = np.sqrt(G * hl)
    xi = (x - x0) / t
    h = np.where(xi < -c, hl, np.where(xi < 2 * c, (2 * c - xi) ** 2 / (9 * G), 0.0))
    u = np.where(xi < -c, 0.0, np.where(xi < 2 * c, 2 * (xi + c) / 3, 0.0))
    return h, h * u


def stoker(x: Floats, t: float, x0: float, hl: float, hr: float) -> tuple[Floats, Floats]:
    """Dam break on a wet bed without friction: depth (m) and unit discharge (m²/s)."""
    cl, cr = np.sqrt(G * hl), np.sqrt(G * hr)

    def mismatch(hm: float) -> float:
        shock = (hm - hr) * np.sqrt(0.5 * G * (hm + hr) / (hm * hr))
        return float(shock - 2 * (cl - np.sqrt(G * hm)))

    hm = brentq(mismatch, hr, hl, xtol=1e-14, rtol=1e-15)
    cm = np.sqrt(G * hm)
    um = 2 * (cl - cm)
    front = hm * um / (hm - hr)
    assert front > cr
    xi = (x - x0) / t
    h = np.where(
        xi < -cl, hl, np.where(xi < um - cm, (2 * cl - xi) ** 2 / (9 * G), np.where(xi < front, hm, hr))
    )
    u = np.where(xi < -cl, 0.0, np.where(xi < um - cm, 2 * (xi + cl) / 3, np.where(xi < front, um, 0.0)))
    return h, h * u


def cell_averages(exact, edges: Floats, points: int = 40) -> tuple[Floats, Floats]:
    """Averages over the cells between `edges` of the two fields of exact(x), by midpoints."""
    inner = (np.arange(points) + 0.5) / points
    x = edges[:-1, None] + np.diff(edges)[:, None] * inner
    h, q = exact(x)
    return h.mean(axis=1), q.mean(axis=1)


class ThackerBowl:
    """Planar surface that turns in a parabolic bowl (period 2π/ω), after Thacker (1981), as in SWASHES
    4.2.2.
    """

    def __init__(self, h0: float = 0.1, a: float = 1.0, eta: float = 0.5, length: float = 4.0) -> None:
        self.h0, self.a, self.eta, self.length = h0, a, eta, length
        self.omega = np.sqrt(2 * G * h0) / a
        self.period = 2 * np.pi / self.omega

    def bed(self, x: Floats, y: Floats) -> Floats:
        """Bed elevation (m)."""
        r2 = (x - self.length / 2) ** 2 + (y - self.length / 2) ** 2
        return -self.h0 * (1 - r2 / self.a**2)

    def depth(self, x: Floats, y: Floats, t: float) -> Floats:
        """Water depth (m)."""
        dx, dy = x - self.length / 2, y - self.length / 2
        c, s = np.cos(self.omega * t), np.sin(self.omega * t)
        level = self.eta * self.h0 / self.a**2 * (2 * dx * c + 2 * dy * s - self.eta)
        return np.maximum(level - self.bed(x, y), 0.0)

    def velocity(self, t: float) -> tuple[float, float]:
        """Velocity of all the water (m/s)."""
        c, s = np.cos(self.omega * t), np.sin(self.omega * t)
        return -self.eta * self.omega * s, self.eta * self.omega * c


def normal_depth(q: float, n: float, slope: float) -> float:
    """Depth (m) of a wide uniform flow of unit discharge q (m²/s) with Manning n on a slope."""
    return float((q * n / np.sqrt(slope)) ** 0.6)


class RadialBowl(ThackerBowl):
    """Round paraboloid of water that swings in a parabolic bowl (period 2π/ω), after Thacker (1981), as in
    SWASHES 4.2.1.
    """

    def __init__(self, h0: float = 0.1, a: float = 1.0, r0: float = 0.8, length: float = 4.0) -> None:
        self.h0, self.a, self.length = h0, a, length
        self.contrast = (a * a - r0 * r0) / (a * a + r0 * r0)
        self.omega = np.sqrt(8 * G * h0) / a
        self.period = 2 * np.pi / self.omega

    def depth(self, x: Floats, y: Floats, t: float) -> Floats:
        """Water depth (m)."""
        r2 = ((x - self.length / 2) ** 2 + (y - self.length / 2) ** 2) / self.a**2
        k = 1 - self.contrast * np.cos(self.omega * t)
        root = np.sqrt(1 - self.contrast**2)
        level = self.h0 * (root / k - 1 - r2 * ((root / k) ** 2 - 1))
        return np.maximum(level - self.bed(x, y), 0.0)

    def velocity(self, t: float) -> tuple[float, float]:
        """At rest, but only at the turning points: every half period."""
        assert abs(np.sin(self.omega * t)) < 1e-9
        return 0.0, 0.0


class CarrierGreenspan:
    """Standing wave on a plane beach, after Carrier and Greenspan (1958), J. Fluid Mech. 4.

    Potential A J0(σ) cos λ. Lengths in units of `length`, heights of slope × length; x grows
    onshore, the still shoreline is at 0.
    A < 1: the wave does not break.
    """

    def __init__(self, amplitude: float, length: float, slope: float) -> None:
        self.amplitude, self.length, self.slope = amplitude, length, slope
        self.height = slope * length
        self.time = np.sqrt(length / (slope * G))

    def at_rest(self, x: Floats, phase: float) -> Floats:
        """Level (m) at the places x (m), onshore NaN, when nothing moves: λ = phase, an odd multiple of
        π/2.
        """
        sign = np.sin(phase)
        sigma = np.linspace(0.0, 20.0, 400_001)
        level = -self.amplitude * j0(sigma) * sign / 4
        place = level - sigma**2 / 16
        # place falls with sigma
        found: Floats = np.interp(x / self.length, place[::-1], level[::-1], right=np.nan)
        return found * self.height

    def half_period(self) -> float:
        """Seconds from one turning point to the next."""
        return float(np.pi / 2 * self.time)
