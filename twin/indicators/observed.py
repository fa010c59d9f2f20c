"""A run beside what was observed."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.features import WET_DEPTH
from twin.indicators.indicator import Indicator, Run, make
from twin.observed import score_extent, score_marks


def observed_figures(run: Run) -> list[Indicator]:
    """Levels at flood marks, and the flooded cells against an observed extent."""
    out = []
    marks = run.result.flood_marks
    if marks is not None and len(marks):
        observed, simulated = (marks[c].to_numpy(dtype=np.float64) for c in ("observed_m", "simulated_m"))
        on_grid = (marks["status"] != "off_grid").to_numpy()
        score = score_marks(observed[on_grid], simulated[on_grid])
        words: dict[str, Any] = {"count": score.count, "dry": score.dry}
        out += [
            make("marks_rmse", score.rmse, "m", **words),
            make("marks_bias", score.bias, "m", **words),
            make("marks_dry", score.dry, "", **words),
        ]
    extent = run.result.flood_extent
    if extent is not None and len(extent) and run.max_depth is not None:
        seen = run.result.grid.mask(extent.geometry.iloc[0])
        found = score_extent(run.flooded, seen, np.isfinite(run.max_depth) & ~run.permanent)
        out += [
            make("extent_hit_rate", found.hit_rate, "", wet=WET_DEPTH),
            make("extent_false_alarm_ratio", found.false_alarm_ratio, "", wet=WET_DEPTH),
            make("extent_csi", found.csi, "", wet=WET_DEPTH),
        ]
    return out
