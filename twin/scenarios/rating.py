"""Rating curves: the discharge that leaves for a water level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twin.errors import InputError, Problems, in_line, listed, told
from twin.files import read_csv

LEVELS = {"level_m": 1.0, "level_cm": 0.01, "level_mm": 0.001}
DISCHARGES = {"discharge_m3_s": 1.0, "discharge_l_s": 1e-3}


@dataclass(frozen=True)
class RatingCurve:
    """Levels (m, increasing) and discharges (m³/s, not falling); straight between and beyond the last row.

    Under the first level nothing leaves.
    """

    levels: tuple[float, ...]
    discharges: tuple[float, ...]

    def at(self, level: float) -> float:
        """The discharge (m³/s) at a level (m)."""
        h, q = self.levels, self.discharges
        if level <= h[0]:
            return q[0] if level == h[0] else 0.0
        if level > h[-1]:
            return q[-1] + (level - h[-1]) * (q[-1] - q[-2]) / (h[-1] - h[-2])
        return float(np.interp(level, h, q))

    def slope(self, level: float) -> float:
        """How the discharge grows with the level there (m²/s)."""
        h, q = self.levels, self.discharges
        if level <= h[0]:
            return 0.0
        k = min(int(np.searchsorted(h, level)), len(h) - 1)
        return (q[k] - q[k - 1]) / (h[k] - h[k - 1])


def read_rating(path: Path, key: str) -> RatingCurve:
    """Read a CSV with a level (``level_m``) and a discharge (``discharge_m3_s``), two rows or more.

    Raises
    ------
    InputError
        The file is missing, has other columns, a hole, levels that do not rise or discharges that fall.
    """
    if not path.is_file():
        raise InputError(told(path, key, "rating.no_file"))
    rows = read_csv(path, key)
    header = [cell.lower() for cell in rows[0]] if rows else []
    level = next((name for name in header if name in LEVELS), None)
    discharge = next((name for name in header if name in DISCHARGES), None)
    if level is None or discharge is None:
        raise InputError(told(path, key, "rating.columns", columns=listed(header)))
    problems = Problems()
    pairs: list[tuple[float, float]] = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        try:
            h = float(row[header.index(level)].replace(",", ".")) * LEVELS[level]
            q = float(row[header.index(discharge)].replace(",", ".")) * DISCHARGES[discharge]
        except (ValueError, IndexError):
            h = q = math.nan
        if not (math.isfinite(h) and math.isfinite(q)):
            problems.tell(in_line(path, line), key, "rating.row", found=row)
            continue
        if q < 0 or (pairs and (h <= pairs[-1][0] or q < pairs[-1][1])):
            problems.tell(in_line(path, line), key, "rating.order", level=f"{h:g}", discharge=f"{q:g}")
        pairs.append((h, q))
    if len(pairs) < 2 and not problems:
        problems.tell(path, key, "rating.few", count=len(pairs))
    problems.raise_if_any()
    return RatingCurve(tuple(h for h, _ in pairs), tuple(q for _, q in pairs))
