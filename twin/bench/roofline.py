# mypy: disable-error-code="untyped-decorator"
"""What the machine can do: bandwidth of a copy, additions and products, square roots and divisions.

Small probes in the manner of the roofline model (Williams, Waterman and Patterson 2009, Commun. ACM 52(4)),
run just before the cases on the same threads, so that a figure can be said as a share of a limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numba
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

BANKS = 64  # chains of products that do not wait for each other
ROUNDS = 20_000
COPY_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Limits:
    """Measured on `threads` threads, best of a few.

    Attributes
    ----------
    copy : bytes read and written per second, out of the caches.
    products : multiply-adds per second, counted as two operations. roots, divisions : per second.
    """

    precision: str
    threads: int
    copy: float
    products: float
    roots: float
    divisions: float

    def as_table(self) -> dict[str, Any]:
        """For the JSON record."""
        return asdict(self)


@njit(cache=True, parallel=True, error_model="numpy")
def _copy(source: NDArray[Any], target: NDArray[Any]) -> None:
    for k in prange(source.shape[0]):
        target[k] = source[k]


@njit(cache=True, parallel=True, error_model="numpy", fastmath={"contract"})
def _products(x: NDArray[Any], rounds: int) -> None:
    for k in prange(x.shape[0]):
        row = x[k]
        a = row[0]
        for _ in range(rounds):
            for j in range(BANKS):
                row[j] = row[j] * a + a


@njit(cache=True, parallel=True, error_model="numpy")
def _roots(x: NDArray[Any], rounds: int) -> None:
    for k in prange(x.shape[0]):
        row = x[k]
        for _ in range(rounds):
            for j in range(BANKS):
                row[j] = math.sqrt(row[j])


@njit(cache=True, parallel=True, error_model="numpy")
def _divisions(x: NDArray[Any], rounds: int) -> None:
    for k in prange(x.shape[0]):
        row = x[k]
        a = row[0]
        for _ in range(rounds):
            for j in range(BANKS):
                row[j] = a / row[j]


def measure(precision: str, threads: int, repeat: int = 3) -> Limits:
    """The limits of the machine for one precision ("float64" or "float32") on so many threads."""
    dtype = np.dtype(precision)
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        rows = 16 * threads
        source = np.ones((rows, COPY_BYTES // dtype.itemsize // rows), dtype=dtype)
        target = np.zeros_like(source)
        copied = 2 * source.nbytes / _best(lambda: _copy(source, target), repeat)

        def rate(kernel: Callable[[NDArray[Any], int], None], operations: int) -> float:
            x = np.full((threads, BANKS), 0.999, dtype=dtype)
            seconds = _best(lambda: kernel(x, ROUNDS), repeat)
            return operations * threads * BANKS * ROUNDS / seconds

        return Limits(precision, threads, copied, rate(_products, 2), rate(_roots, 1), rate(_divisions, 1))
    finally:
        numba.set_num_threads(before)


def _best(call: Callable[[], None], repeat: int) -> float:
    call()  # compiled, pages touched
    best = math.inf
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
