"""Numba's cached code against edited sources, one remedy for all solvers."""

from __future__ import annotations

import math
import os
from pathlib import Path


def forget_stale_kernels(folder: Path, *others: str) -> None:
    """Delete numba's cached code of a solver's folder when a kernel file is newer than some of it.

    Numba looks only at the file of the function that it loads; code inlined from another kernel file would
    stay old. `others` are files with kernels whose names do not begin with ``kernels``.
    """
    if not os.access(folder / "__pycache__", os.W_OK):
        return
    sources = [*folder.glob("kernels*.py"), *(folder / name for name in others)]
    newest = max(source.stat().st_mtime for source in sources)
    cached = list((folder / "__pycache__").glob("kernels*.nbi"))
    if any(_made(index) < newest for index in cached):
        for index in cached:
            index.unlink(missing_ok=True)


def _made(index: Path) -> float:
    try:
        return index.stat().st_mtime
    except FileNotFoundError:  # another process deletes them at this moment
        return -math.inf
