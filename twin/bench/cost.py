"""Work of one cell-step, counted by hand in the kernels, against what the machine can do.

A share is the time that the arithmetic (or the traffic with the memory) alone would take, without overlap,
over the time that was taken. It says which limit is near, not how good a kernel is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.bench.measure import Figure
from twin.bench.roofline import Limits


@dataclass(frozen=True)
class Work:
    """Of one cell in one step: simple operations (+, −, ×, min, max, select), square roots, divisions, and
    numbers that must cross the memory bus (state read and written, ground read, records read).
    """

    simple: int
    roots: int
    divisions: int
    numbers: int


# state 3 read, 3 written; bed, friction, two crests (and SMOOTH at second order); record of the maxima 2
WORK = {
    "first_order": Work(simple=220, roots=9, divisions=7, numbers=12),
    "second_order": Work(simple=420, roots=10, divisions=8, numbers=13),
    "local_inertial": Work(simple=90, roots=4, divisions=5, numbers=14),
}


def bandwidth_share(figure: Figure, limits: Limits) -> float:
    """Share of the loop that moving the numbers alone would take at the speed of a copy."""
    size = np.dtype(figure.precision).itemsize
    return figure.rate * WORK[figure.scheme].numbers * size / limits.copy


def arithmetic_share(figure: Figure, limits: Limits) -> float:
    """Share of the loop that the arithmetic alone would take at the speed of the probes."""
    work = WORK[figure.scheme]
    seconds = work.simple / limits.products + work.roots / limits.roots + work.divisions / limits.divisions
    return figure.rate * seconds
