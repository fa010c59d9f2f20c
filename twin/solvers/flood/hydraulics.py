"""Discharge through structures for the levels on both sides. Formulas only; SI; levels above one datum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.scenarios.structures import INLETS
from twin.solvers.flood.kernels import GRAVITY, LINEAR, MANNING, TINY

Floats = NDArray[np.float64]

POINTS = 600  # of the curves that a culvert is read from
HEAD_MOST = 40.0  # highest headwater of these curves, in heights of the barrel
UNSUBMERGED, SUBMERGED = 3.5, 4.0  # bounds of Ku Q / (A √D) in HDS-5 A.2; straight between
KU = 1.811  # its unit factor in SI
CONTRACTION = 0.61  # of a jet under a sharp edge
ORIFICE = 0.8  # of an opening that is drowned on both sides (HEC-RAS Hydraulic Reference Manual, chapter 8)
BROAD_CREST = 1.70  # m^0.5/s: (2/3)^1.5 √g


def fall_speed(speed: Floats, depth: Floats, fall: Floats, friction: Floats, cell: float, law: int) -> Floats:
    """Speed (m/s) at which water of `speed` (m/s) and `depth` (m) crosses its cell while it falls, as
    `kernels_rows.bound_falls` says; fall: 2 g × the step down to a neighbour (m²/s²); friction, law: see
    `kernels`.
    """
    leaving = np.sqrt(speed * speed + np.maximum(fall - 2.0 * GRAVITY * depth, 0.0))
    pull = 0.5 * fall / cell / np.maximum(friction, TINY)
    uniform = pull * (pull if law == LINEAR else depth ** (4.0 / 3.0 if law == MANNING else 1.0))
    crossing: Floats = np.maximum(speed, np.minimum(0.5 * (speed + leaving), np.sqrt(uniform)))
    return crossing


def drowned(down: float, up: float) -> float:
    """Villemonte (1947, Eng. News-Record 139): share of the free discharge, heads over the crest (m)."""
    if down <= 0.0:
        return 1.0
    return math.pow(1.0 - math.pow(min(down / up, 1.0), 1.5), 0.385)


def weir(up: float, down: float, crest: float, width: float, coefficient: float) -> float:
    """Discharge (m³/s) over a weir for levels with up ≥ down (m)."""
    head = up - crest
    if head <= 0.0:
        return 0.0
    return coefficient * width * head * math.sqrt(head) * drowned(down - crest, head)


def opening(up: float, down: float, sill: float, width: float, height: float) -> float:
    """Discharge (m³/s) under an edge `height` above the sill, for levels with up ≥ down (m).

    The least of a weir (the edge is out of the water), a free jet (energy, contraction 0.61) and a drowned
    orifice.
    """
    head = up - sill
    if head <= 0.0 or height <= 0.0:
        return 0.0
    area = width * height
    free = area * CONTRACTION * math.sqrt(2.0 * GRAVITY * head / (1.0 + CONTRACTION * height / head))
    under = area * ORIFICE * math.sqrt(2.0 * GRAVITY * max(up - max(down, sill), 0.0))
    return min(weir(up, down, sill, width, BROAD_CREST), free, under)


@dataclass(frozen=True)
class Barrel:
    """The section of a culvert: `width` and `height` of a box; a pipe has width 0, its bore as `height`."""

    width: float
    height: float

    def section(self, depth: Floats) -> tuple[Floats, Floats, Floats]:
        """Area (m²), top width (m) and wetted perimeter (m) at depths (m), the roof included when full."""
        y = np.clip(depth, 0.0, self.height)
        full = depth >= self.height
        if self.width > 0.0:
            perimeter = np.where(full, 2.0 * (self.width + self.height), self.width + 2.0 * y)
            return self.width * y, np.full(y.shape, self.width), perimeter
        angle = 2.0 * np.arccos(1.0 - 2.0 * y / self.height)
        area = self.height**2 / 8.0 * (angle - np.sin(angle))
        return area, self.height * np.sin(0.5 * angle), 0.5 * self.height * angle


class CulvertCurves:
    """What a culvert passes from one end to the other: the least of inlet and outlet control (FHWA HDS-5).

    Inlet control: A.1 or A.2 unsubmerged, A.3 submerged, straight between. Outlet control: full flow,
    headwater = max(tailwater, (dc + D)/2 above the outlet) + (1 + Ke + 2g n² L/R^(4/3)) V²/2g (chapter 3);
    for a barrel that is not full, the losses of the section that is wet, and critical depth at the outlet.
    """

    def __init__(
        self, barrel: Barrel, length: float, manning: float, inlet: str, z_in: float, z_out: float
    ) -> None:
        """z_in, z_out: inverts of the end where water goes in and of the other (m)."""
        _, form, k, m, c, y0, ks, self._loss = INLETS[inlet]
        self._barrel, self._z_in, self._z_out = barrel, z_in, z_out
        self._friction = 2.0 * GRAVITY * manning**2 * length
        size = barrel.height
        area, _, perimeter = (float(v[0]) for v in barrel.section(np.array([size])))
        slope = max((z_in - z_out) / length, 0.0)
        strength = np.linspace(0.0, 1.0, POINTS) ** 2 * math.sqrt(max((HEAD_MOST - y0) / c, 1.0))
        q = strength * area * math.sqrt(size) / KU
        self._q = q
        # Critical depth, read from the discharge that is critical at each depth.
        depth = np.linspace(0.0, size * 0.9999, 2000)
        a, top, _ = barrel.section(depth)
        with np.errstate(invalid="ignore", divide="ignore"):
            critical = np.where(top > 0.0, np.sqrt(GRAVITY * a**3 / top), 0.0)
        critical = np.maximum.accumulate(np.nan_to_num(critical))
        dc = np.where(q >= critical[-1], size, np.interp(q, critical, depth))
        a_c, _, p_c = barrel.section(dc)
        with np.errstate(invalid="ignore", divide="ignore"):
            energy = np.where(q > 0.0, dc + (q / a_c) ** 2 / (2.0 * GRAVITY), 0.0)
            head_c = np.where(q > 0.0, (q / a_c) ** 2 / (2.0 * GRAVITY), 0.0)
            drag_c = np.where(q > 0.0, self._friction / (a_c / p_c) ** (4.0 / 3.0), 0.0)
        self._inlet = np.maximum.accumulate(
            size * _inlet_head(strength, energy / size, form, k, m, c, y0, ks * slope)
        )
        full = (
            (q / area) ** 2
            / (2.0 * GRAVITY)
            * (1.0 + self._loss + self._friction / (area / perimeter) ** (4 / 3))
        )
        free = dc + head_c * (1.0 + self._loss + drag_c)
        self._outlet = z_out + np.maximum.accumulate(np.minimum(0.5 * (dc + size) + full, free))

    def discharge(self, up: float, down: float) -> float:
        """Discharge (m³/s) of one barrel for levels with up ≥ down (m)."""
        head = up - self._z_in
        if head <= 0.0 or up <= self._z_out:
            return 0.0
        q = min(float(np.interp(head, self._inlet, self._q)), float(np.interp(up, self._outlet, self._q)))
        if down > self._z_out:
            area, _, perimeter = (float(v[0]) for v in self._barrel.section(np.array([head])))
            losses = 1.0 + self._loss + self._friction / (area / perimeter) ** (4.0 / 3.0)
            q = min(q, area * math.sqrt(2.0 * GRAVITY * (up - down) / losses))
        return q


def _inlet_head(
    strength: Floats, energy: Floats, form: int, k: float, m: float, c: float, y: float, slope: float
) -> Floats:
    """Headwater over the height of the barrel under inlet control (HDS-5 A.1, A.2, A.3)."""
    low = energy + k * strength**m + slope if form == 1 else k * strength**m
    high = c * strength**2 + y + slope
    at_low = np.interp(UNSUBMERGED, strength, low)
    at_high = c * SUBMERGED**2 + y + slope
    between = at_low + (at_high - at_low) * (strength - UNSUBMERGED) / (SUBMERGED - UNSUBMERGED)
    head = np.where(strength <= UNSUBMERGED, low, np.where(strength >= SUBMERGED, high, between))
    head[0] = 0.0
    found: Floats = np.maximum(head, 0.0)
    return found
