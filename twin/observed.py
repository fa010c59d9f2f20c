"""A run beside what was observed: flood marks (levels at points) and flooded extents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.grid import Grid

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class MarkScore:
    """Modelled less observed levels at flood marks.

    Attributes
    ----------
    count : marks on the grid with a level; of these, `dry` never get wet in the run and do not count below.
    rmse, bias : root mean square and mean of the differences (m); NaN without any wet mark.
    differences : shape (count,) (m), NaN where dry.
    """

    count: int
    dry: int
    rmse: float
    bias: float
    differences: Floats


def score_marks(grid: Grid, max_water_level: Floats, x: Floats, y: Floats, observed: Floats) -> MarkScore:
    """Compare the highest level of the run with observed ones.

    Parameters
    ----------
    max_water_level : shape (ny, nx) (m), NaN where never wet.
    x, y, observed : marks, shape (n,) (m, in the CRS and datum of the grid); NaN levels do not count.
    """
    i, j = grid.index(x, y)
    use = np.asarray(grid.inside(i, j)) & np.isfinite(observed)
    found: Floats = max_water_level[np.asarray(i)[use], np.asarray(j)[use]] - observed[use]
    wet = found[np.isfinite(found)]
    rmse = float(np.sqrt(np.mean(wet**2))) if wet.size else np.nan
    bias = float(np.mean(wet)) if wet.size else np.nan
    return MarkScore(found.size, found.size - wet.size, rmse, bias, found)


@dataclass(frozen=True)
class ExtentScore:
    """Cells of a modelled and an observed extent: shares of the contingency table.

    Attributes
    ----------
    hit_rate : observed cells that the run floods too. false_alarm_ratio : flooded cells not observed.
    csi : critical success index, hits / (hits + misses + false alarms). NaN where there is nothing to count.
    """

    hits: int
    misses: int
    false_alarms: int
    hit_rate: float
    false_alarm_ratio: float
    csi: float


def score_extent(modelled: Bools, observed: Bools, where: Bools | None = None) -> ExtentScore:
    """Compare flooded cells, shape (ny, nx), where `where` is true (everywhere unless given)."""
    inside = np.ones(modelled.shape, dtype=bool) if where is None else where
    hits = int((modelled & observed & inside).sum())
    misses = int((~modelled & observed & inside).sum())
    alarms = int((modelled & ~observed & inside).sum())

    def share(part: int, whole: int) -> Any:
        return part / whole if whole else np.nan

    return ExtentScore(
        hits, misses, alarms, share(hits, hits + misses), share(alarms, hits + alarms),
        share(hits, hits + misses + alarms),
    )  # fmt: skip
