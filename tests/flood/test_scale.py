"""What a whole run needs of memory."""

import sys

import pytest

from benchmarks.memory import peak

# Per cell, at the peak. While it steps: state 48, ground 24 (and 24 beside crests), records 29, exchange 12,
# masks 4, depths before the rain 8.
BYTES = 160


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory of a process is told by Linux")
@pytest.mark.parametrize("precision", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_a_whole_run_stays_under_160_bytes_per_cell(precision: str) -> None:
    """So 10⁸ cells need less than 16 GB. Land cover, buildings, a dike, rain on every cell, images, maxima,
    checkpoint, indicators: every stage of the public path counts.
    """
    found = peak(1400, full=True, wet=True, precision=precision, threads=1)
    assert found["steps"] > 10
    assert found["bytes_per_cell"] < BYTES
