"""Sums that lose nothing: the water that came and went."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Total:
    """A running sum with the compensation of Neumaier (1974)."""

    value: float = 0.0
    rest: float = 0.0

    def add(self, x: float) -> None:
        """Add a number."""
        new = self.value + x
        if abs(self.value) >= abs(x):
            self.rest += (self.value - new) + x
        else:
            self.rest += (x - new) + self.value
        self.value = new

    def parts(self) -> tuple[float, float]:
        """Sum and compensation, to store or to add to others exactly."""
        return self.value, self.rest


def closing_error(volume: float, gains: list[float], losses: list[float]) -> float:
    """Volume minus all gains plus all losses, one rounding (m³)."""
    return math.fsum([volume, *(-x for x in gains), *losses])
