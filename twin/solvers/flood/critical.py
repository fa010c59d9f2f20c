"""Where a scheme without advection saw flow near or above critical, of which it makes false levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.solvers.flood.ground import bands
from twin.solvers.flood.hazards import WET_DEPTH
from twin.solvers.flood.kernels import GRAVITY

NEAR_CRITICAL = 0.9  # Froude number


class NearCritical:
    """The cells that were near or above critical flow at an instant when somebody looked."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.cells = np.zeros(shape, dtype=bool)

    def look(self, depth: NDArray[Any], u: NDArray[Any], v: NDArray[Any], share: NDArray[Any] | None) -> None:
        """Depth (m) and velocities (m/s) now; share of each cell that is under water (None: all), all of the
        shape of the grid.
        """
        for first, last in bands(depth.shape[0]):
            rows = slice(first, last)
            h = depth[rows] if share is None else depth[rows] / np.maximum(share[rows], 1e-6)
            wave = NEAR_CRITICAL**2 * GRAVITY * h
            self.cells[rows] |= (h > WET_DEPTH) & (u[rows] * u[rows] + v[rows] * v[rows] > wave)

    def share(self, deepest: NDArray[Any]) -> float:
        """Of the area that was flooded; deepest: largest depth of each cell (m)."""
        flooded = int(np.count_nonzero((deepest > WET_DEPTH) | self.cells))
        return int(np.count_nonzero(self.cells)) / max(flooded, 1)
