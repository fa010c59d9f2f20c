"""The river's base flow (hot start) and its hundred-year flood."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import brentq

from twin.layers.valmont.terrain import BED_BELOW_BANK, CELL, HALF_BED, HALF_TOP, Array, Land, River

BASE_FLOW: Final = 15.0  # m3/s
PEAK: Final = 260.0  # m3/s
RISE: Final = 2.0 * 3600.0  # s from the first rise to the peak
QUIET: Final = 600.0  # s before the rise
SHAPE: Final = 3.0
# 0.029 of OCS GE water surfaces, and 15 % for the stair-stepped banks of 5 m cells: with it the base flow of
# scenarios/debit_de_base.toml stays where it starts (0.81 m at the mill).
MANNING: Final = 0.029 * 1.15
GRAVITY: Final = 9.80665
_BATTER: Final = (HALF_TOP - HALF_BED) / BED_BELOW_BANK


def hydrograph() -> Array:
    """Rows (time s, discharge m3/s) of the flood, every five minutes for twelve hours: a gamma-shaped
    wave.
    """
    t = np.arange(0.0, 12.0 * 3600.0 + 1.0, 300.0)
    r = np.maximum(t - QUIET, 0.0) / RISE
    return np.column_stack([t, BASE_FLOW + (PEAK - BASE_FLOW) * r**SHAPE * np.exp(SHAPE * (1.0 - r))])


def _section(depth: float) -> tuple[float, float]:
    """Area (m2) and hydraulic radius (m) of the trapezoidal channel."""
    area = (2.0 * HALF_BED + _BATTER * depth) * depth
    return area, area / (2.0 * HALF_BED + 2.0 * depth * float(np.hypot(1.0, _BATTER)))


def _friction(discharge: float, depth: float) -> float:
    area, radius = _section(depth)
    return float((MANNING * discharge / area) ** 2 / radius ** (4.0 / 3.0))


def normal_depth(discharge: float, slope: float) -> float:
    """Depth (m) of uniform flow (Manning) in the channel."""
    return float(brentq(lambda h: _friction(discharge, h) - slope, 1e-3, 30.0, xtol=1e-10))


def base_level(river: River, discharge: float = BASE_FLOW, step: int = 10) -> Array:
    """Water level (m) along the centreline: gradually varied flow, standard step from the downstream end."""
    s, bed = river.s[::step], river.bed[::step]
    slope = (bed[-40] - bed[-1]) / (s[-1] - s[-40])
    level = np.empty_like(s)
    level[-1] = bed[-1] + normal_depth(discharge, slope)

    def head(z: float, bottom: float) -> float:
        return z + (discharge / _section(z - bottom)[0]) ** 2 / (2.0 * GRAVITY)

    for k in range(s.size - 2, -1, -1):
        run = s[k + 1] - s[k]
        below = head(level[k + 1], bed[k + 1]) + 0.5 * run * _friction(discharge, level[k + 1] - bed[k + 1])

        def lack(z: float, k: int = k, run: float = run, below: float = below) -> float:
            return head(z, bed[k]) - 0.5 * run * _friction(discharge, z - bed[k]) - below

        # Subcritical root: above critical depth, where the head grows with the level.
        critical = (discharge / (2.0 * HALF_BED)) ** (2.0 / 3.0) / GRAVITY ** (1.0 / 3.0)
        level[k] = brentq(lack, bed[k] + critical, bed[k] + 6.0, xtol=1e-9)
    return np.interp(river.s, s, level)


def base_depth(land: Land) -> Array:
    """Depth (m) of the base flow on the tile, 0 outside the channel, to the millimetre."""
    level = base_level(land.river)
    surface = np.interp(land.chainage, land.river.s, level)
    depth = np.where(land.river_distance < HALF_TOP + CELL, surface - land.terrain, 0.0)
    return np.asarray(np.round(np.maximum(depth, 0.0), 3), dtype=np.float64)
