"""Codes of the streaks: directions and speeds within what the page says, small, and steady."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from twin.results import Result
from viz.encode import delta_chunks
from viz.flow import DIRECTIONS, KEPT, SPEEDS, STILL, decoded, flow_codes


def off(codes: np.ndarray, greatest: float, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Angles (degrees) between what is decoded and what it should be."""
    east, north = decoded(codes, greatest)
    turned = np.degrees(np.arctan2(north, east) - np.arctan2(v, u))
    return np.asarray(np.abs((turned + 180.0) % 360.0 - 180.0))


def test_directions_and_speeds_come_back() -> None:
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False).reshape(24, 30)
    speed = np.linspace(0.05, 2.0, 720).reshape(24, 30)
    u, v = speed * np.cos(angle), speed * np.sin(angle)
    codes = flow_codes(np.ones_like(u), u, v, 2.0, 1, None)
    assert off(codes, 2.0, u, v).max() <= 180.0 / DIRECTIONS + 1e-9
    east, north = decoded(codes, 2.0)
    bound = np.abs(np.sqrt(np.hypot(east, north) / 2.0) - np.sqrt(speed / 2.0))
    assert bound.max() <= 0.5 / SPEEDS + 1e-9


def test_kept_codes_stay_within_the_stated_bound() -> None:
    rng = np.random.default_rng(4)
    turn = np.cumsum(rng.normal(0, 0.05, (60, 20, 20)), axis=0)
    before, changes = None, 0
    for angle in turn:
        u, v = np.cos(angle), np.sin(angle)
        codes = flow_codes(np.ones_like(u), u, v, 2.0, 1, before)
        assert off(codes, 2.0, u, v).max() <= KEPT * 360.0 / DIRECTIONS + 1e-9
        changes += 0 if before is None else int((codes != before).sum())
        before = codes
    plain = [flow_codes(np.ones_like(a), np.cos(a), np.sin(a), 2.0, 1, None) for a in turn]
    assert changes < 0.6 * sum(int((b != a).sum()) for a, b in pairwise(plain))


def test_blocks_follow_the_deep_water_and_still_or_dry_ones_are_zero() -> None:
    depth = np.zeros((8, 8))
    east, north = np.zeros((8, 8)), np.zeros((8, 8))
    depth[0, 0], north[0, 0] = 2.0, 1.0  # the channel flows north
    depth[1:3, 1:3], east[1:3, 1:3] = 0.01, 1.0  # a film flows east
    depth[4:, 4:], east[4:, 4:] = 1.0, STILL * 0.9
    depth[4, 0] = np.nan
    codes = flow_codes(depth, east, north, 1.0, 4, None)
    assert codes.shape == (2, 2)
    assert codes[0, 0] % DIRECTIONS == DIRECTIONS // 4
    assert codes.ravel()[1:].tolist() == [0, 0, 0]


def test_page_holds_flow_only_when_the_run_kept_velocities(reference: Result, tmp_path: Path) -> None:
    from tests.page.valley import write_run
    from viz.encode import Blobs
    from viz.page_data import collect

    flow = collect([reference], Blobs())["scenarios"][0]["flow"]
    assert (flow["rows"], flow["columns"]) == (38, 50)
    assert flow["greatest"] == pytest.approx(2.0)
    without = write_run(
        tmp_path / "run", velocity=False, frames=2, buildings=False, roads=False, traffic=False
    )
    assert collect([without], Blobs())["scenarios"][0]["flow"] is None


def test_hundred_frames_of_a_million_cells_take_little() -> None:
    """A turning, swelling current: far less steady than a valley."""
    y, x = np.mgrid[:250, :250] / 250.0
    frames, before = [], None
    for k in range(100):
        angle = 2.0 * np.sin(3 * x + k / 40) + np.cos(4 * y - k / 60)
        speed = 0.3 + 1.2 * np.exp(-(((k - 40) / 25) ** 2)) * (0.5 + 0.5 * np.sin(5 * x * y + 1))
        wet = (np.abs(y - 0.5) < 0.1 + 0.3 * np.exp(-(((k - 45) / 30) ** 2))).astype(float)
        before = flow_codes(wet, speed * np.cos(angle), speed * np.sin(angle), 2.0, 1, before)
        frames.append(before.ravel())
    size = sum(len(text) for text in delta_chunks(np.stack(frames), 24))
    print(f"velocities of 10⁶ cells, 100 frames: {size / 1e6:.2f} MB")
    assert size < 1.2e6
