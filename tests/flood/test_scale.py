"""What the solver holds per cell, and a whole run at its peak."""

import sys

import numpy as np
import pytest

from benchmarks.memory import peak
from tests.flood.basins import solver

BYTES = 160  # per cell: state 48, ground 24 (and 24 beside crests), records 29, exchange 12, masks 4


def _arrays(thing: object, depth: int = 2) -> dict[int, int]:
    """Size in bytes of every array that an object of the flood solver owns, by its identity."""
    found = {}
    for value in vars(thing).values():
        if isinstance(value, np.ndarray) and value.base is None:
            found[id(value)] = value.nbytes
        elif isinstance(value, dict):
            found |= {id(v): v.nbytes for v in value.values() if isinstance(v, np.ndarray)}
        elif depth and type(value).__module__.startswith("twin.solvers.flood"):
            found |= _arrays(value, depth - 1)
    return found


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_bytes_per_cell(scheme: str) -> None:
    bed = np.zeros((1024, 1024))
    flood = solver(bed, bed + 1.0, scheme=scheme)
    scratch = sum(_arrays(flood._scheme).values())
    assert (sum(_arrays(flood).values()) - scratch) / bed.size < BYTES


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory of a process is told by Linux")
@pytest.mark.parametrize("precision", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_a_whole_run_stays_under_160_bytes_per_cell(precision: str) -> None:
    """So 10⁸ cells need less than 16 GB. Land cover, buildings, a dike, rain on every cell, images, maxima,
    checkpoint, indicators: every stage of the public path counts.
    """
    found = peak(1400, full=True, wet=True, precision=precision, threads=1)
    assert found["steps"] > 10
    assert found["bytes_per_cell"] < BYTES
