"""Arrays laid in memory as the kernels read them: on cache lines, in large or in small pages."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LINE = 64  # bytes of a cache line, and of the widest vector


def aligned(shape: tuple[int, ...], kind: type[np.generic], ahead: int = 0) -> NDArray[Any]:
    """Zeros whose number `ahead` begins a cache line. NumPy begins anywhere in one: then each vector of 64
    bytes lies across two lines.
    """
    each = np.dtype(kind).itemsize
    size = int(np.prod(shape)) * each
    memory = np.zeros(size + LINE, dtype=np.uint8)
    first = -(memory.ctypes.data + ahead * each) % LINE
    return memory[first : first + size].view(kind).reshape(shape)


def sparse_zeros(shape: tuple[int, ...], seldom: slice) -> Floats:
    """Zeros of which the planes `seldom` (of the first axis) take memory only where they are written, page by
    page of 4 KiB; the others as NumPy would have them, in large pages.
    """
    size = 8 * int(np.prod(shape))
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(shape)
    pages = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        plane, page = size // shape[0], mmap.PAGESIZE
        # Only whole pages: the first and last of the planes are shared with their neighbours.
        first, last = -(-seldom.start * plane // page) * page, seldom.stop * plane // page * page
        if first < last:
            for advice, start, stop in (
                (mmap.MADV_HUGEPAGE, 0, first),
                (mmap.MADV_NOHUGEPAGE, first, last),
                (mmap.MADV_HUGEPAGE, last, size),
            ):
                if start < stop:
                    try:
                        pages.madvise(advice, start, stop - start)
                    except OSError:  # a kernel without large pages: nothing to advise
                        break
    return np.frombuffer(pages, dtype=np.float64, count=size // 8).reshape(shape)
