"""Work of one cell-step, counted in the kernels, against what the machine can do.

A share is the time that the arithmetic (or the traffic with the memory) alone would take, without overlap,
over the time that was taken. It says which limit is near, not how good a kernel is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.bench.measure import Figure
from twin.bench.roofline import Limits
from twin.solvers.flood import kernels_inertial_tile as inertial
from twin.solvers.flood import kernels_step


@dataclass(frozen=True)
class Work:
    """Of one cell in one step: simple operations (+, −, ×, multiply-add, min, max, compare, select), square
    roots, divisions, and what must cross the memory bus (state read and written, ground and records read):
    bytes that are the same in both precisions, and values of the precision of the run.

    A multiply-add is one operation here and two in the probe (`Limits.products`), as is usual for either: the
    share of the arithmetic is what remained if all were multiply-adds, up to two times too small for those
    that are not.
    """

    simple: int
    roots: int
    divisions: int
    bytes: int
    values: int = 0

    def moved(self, precision: str) -> int:
        """Bytes that cross the bus."""
        return self.bytes + self.values * np.dtype(precision).itemsize


# Counted in the emitted code of the row functions, two faces per cell, without the halo of the tiles, which
# is up to 13 % more; see benchmarks/KERNELS.md. Bytes stand beside the kernels, which choose by them how they
# write.
WORK = {
    "first_order": Work(simple=375, roots=9, divisions=6, bytes=kernels_step.CELL_BYTES),
    "second_order": Work(simple=590, roots=11, divisions=7, bytes=kernels_step.CELL_BYTES),
    "local_inertial": Work(
        simple=190, roots=4, divisions=2, bytes=inertial.CELL_BYTES, values=inertial.FACE_VALUES
    ),
}


def bandwidth_share(figure: Figure, limits: Limits) -> float:
    """Share of the loop that moving the numbers alone would take at the speed of a copy."""
    return figure.rate * WORK[figure.scheme].moved(figure.precision) / limits.copy


def arithmetic_share(figure: Figure, limits: Limits) -> float:
    """Share of the loop that the arithmetic alone would take at the speed of the probes."""
    work = WORK[figure.scheme]
    seconds = work.simple / limits.products + work.roots / limits.roots + work.divisions / limits.divisions
    return figure.rate * seconds
