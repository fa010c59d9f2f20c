"""Scores against observations, on cases that can be counted by hand."""

import numpy as np
import pytest

from twin.grid import Grid
from twin.observed import score_extent, score_marks


def test_marks_count_where_the_run_is_wet() -> None:
    grid = Grid("EPSG:2154", 0.0, 30.0, 10.0, 3, 4)
    level = np.full((3, 4), 5.0)
    level[2, 3] = np.nan
    x, y = np.array([5.0, 15.0, 35.0, 99.0, 25.0]), np.array([25.0, 15.0, 5.0, 15.0, 15.0])
    score = score_marks(grid, level, x, y, np.array([4.0, 5.5, 1.0, 5.0, np.nan]))
    assert (score.count, score.dry) == (3, 1)
    assert score.bias == pytest.approx(0.25)
    assert score.rmse == pytest.approx(np.sqrt((1.0 + 0.25) / 2))
    assert np.isnan(score_marks(grid, level, x[2:3], y[2:3], np.array([1.0])).rmse)


def test_extents_are_counted() -> None:
    modelled = np.array([[True, True, True, False]])
    observed = np.array([[True, False, True, True]])
    score = score_extent(modelled, observed)
    assert (score.hits, score.misses, score.false_alarms) == (2, 1, 1)
    assert (score.hit_rate, score.false_alarm_ratio, score.csi) == pytest.approx((2 / 3, 1 / 3, 0.5))
    assert np.isnan(score_extent(~modelled & modelled, observed & ~observed).csi)
    assert score_extent(modelled, observed, np.array([[True, False, True, False]])).csi == 1.0
