"""What the solver holds per cell."""

import numpy as np
import pytest

from tests.flood.basins import solver

BYTES = 160  # per cell: state 48, ground 48, records 29, exchange 24, masks 3


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
