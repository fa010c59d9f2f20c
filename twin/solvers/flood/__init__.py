"""Shallow-water floods on square cells."""

from __future__ import annotations

import os
from pathlib import Path


def _forget_stale_kernels(folder: Path) -> None:
    """Delete numba's cached code when any kernel file is newer than some of it.

    Numba looks only at the file of the function that it loads; code inlined from another kernel file would
    stay old.
    """
    cached = [*(folder / "__pycache__").glob("kernels*.nbi")]
    if not cached or not os.access(folder / "__pycache__", os.W_OK):
        return
    newest = max(source.stat().st_mtime for source in [*folder.glob("kernels*.py"), folder / "hazards.py"])
    if newest > min(index.stat().st_mtime for index in cached):
        for index in cached:
            index.unlink(missing_ok=True)


_forget_stale_kernels(Path(__file__).parent)
