"""Which way the water goes, one byte a block of cells: what the streaks of the offline page follow.

A code holds 32 directions (5 bits) and 7 classes of speed on a square-root scale (3 bits, 0: still), for
blocks of 4 × 4 cells of the lattice that the page draws. A code is kept from frame to frame while it is
off by less than 0.9 of a bin: steady currents then compress to almost nothing. For the eye, not for
reading values: directions are within 10.2°, and the page says so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 4  # cells of the lattice a side
DIRECTIONS, SPEEDS = 32, 7
STILL = 0.02  # m/s: slower is drawn without a streak
KEPT = 0.9  # of a bin: how far a code may be off before it changes

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]


def _blocks(values: Floats, block: int) -> Floats:
    """Sums over blocks; the last ones may be cut off by the edge."""
    ny, nx = values.shape
    padded = np.pad(values, ((0, -ny % block), (0, -nx % block)))
    sums: Floats = padded.reshape(padded.shape[0] // block, block, padded.shape[1] // block, block).sum(
        axis=(1, 3)
    )
    return sums


def flow_codes(
    depth: Floats, east: Floats, north: Floats, greatest: float, block: int, before: Codes | None
) -> Codes:
    """Codes (ny/block, nx/block) of one frame.

    Parameters
    ----------
    depth, east, north : (ny, nx), m and m/s; NaN counts as dry.
    greatest : speed (m/s) that the fastest class reaches.
    before : codes of the frame before, kept where they still hold.
    """
    wet = np.nan_to_num(depth)
    volume = np.maximum(_blocks(wet, block), 1e-9)
    u = _blocks(np.nan_to_num(east) * wet, block) / volume
    v = _blocks(np.nan_to_num(north) * wet, block) / volume
    speed = np.hypot(u, v)
    place = SPEEDS * np.sqrt(np.clip(speed / max(greatest, STILL), 0.0, 1.0))
    moving = speed >= STILL
    turn = np.arctan2(v, u) * (DIRECTIONS / (2 * np.pi)) % DIRECTIONS
    direction = np.rint(turn).astype(np.int64) % DIRECTIONS
    classes = np.clip(np.ceil(place), 1, SPEEDS).astype(np.int64)
    codes = np.where(moving, classes * DIRECTIONS + direction, 0).astype(np.uint8)
    if before is None:
        return codes
    was = before.astype(np.int64)
    half = DIRECTIONS / 2
    turned = np.abs((turn - was % DIRECTIONS + half) % DIRECTIONS - half)
    faster = np.abs(place - (was // DIRECTIONS - 0.5))
    holds = moving & (was > 0) & (turned < KEPT) & (faster < KEPT)
    return np.where(holds, before, codes)


def decoded(codes: Codes, greatest: float) -> tuple[Floats, Floats]:
    """East and north velocities (m/s) that the page reads from codes."""
    code = codes.astype(np.int64)
    level = code // DIRECTIONS
    speed = np.where(level > 0, ((level - 0.5) / SPEEDS) ** 2, 0.0) * greatest
    angle = (code % DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    return speed * np.cos(angle), speed * np.sin(angle)
