"""What several runs of one question say together: how often each place is flooded, and how deep.

Every run counts the same. The page plays one of them over time, the one whose flooded area is nearest
the median; of the others it holds the greatest depths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.features import WET_DEPTH
from viz.encode import Blobs, DepthCurve
from viz.names import told_apart

if TYPE_CHECKING:
    from twin.results import Result

Floats = NDArray[np.float64]
#: At most this many runs: a byte counts them.
MOST_RUNS = 255
#: Depths held at once for their median (0.5 GB): more are read again, part after part.
_ROOM = 64_000_000
_TEXTS = ("unit", "label_fr", "label_en", "method", "method_en")


def central(areas: Sequence[float]) -> int:
    """Which run is nearest the median of the flooded areas."""
    return int(np.argmin(np.abs(np.asarray(areas) - np.median(areas))))


def ensemble_table(
    results: Sequence[Result], depths: Callable[[Result], Floats], curve: DepthCurve, blobs: Blobs
) -> dict[str, Any]:
    """How many runs flood each cell, and the least, middle and greatest of their maximum depths.

    Parameters
    ----------
    depths : gives the maximum depth (ny, nx) of a run on the page's lattice; NaN counts as dry.
    """
    least = np.nan_to_num(depths(results[0]))
    greatest = least.copy()
    flooded, some = np.zeros(least.shape, dtype=np.uint8), np.zeros(least.shape, dtype=np.uint8)
    for result in results:
        depth = np.nan_to_num(depths(result))
        flooded += depth > WET_DEPTH
        some += depth > 0.0
        np.minimum(least, depth, out=least)
        np.maximum(greatest, depth, out=greatest)
    middle = np.zeros_like(least)
    # Where most runs have no water at all, the middle one has none.
    often = np.flatnonzero(2 * some.astype(np.int64) >= len(results))
    ranks = ((len(results) - 1) // 2, len(results) // 2)
    for cells in np.array_split(often, max(1, -(-often.size * len(results) // _ROOM))):
        stack = np.empty((len(results), cells.size))
        for row, result in zip(stack, results, strict=True):
            row[:] = np.nan_to_num(depths(result).flat[cells])
        stack.partition(ranks, axis=0)
        middle.flat[cells] = 0.5 * (stack[ranks[0]] + stack[ranks[1]])

    def codes(field: Floats) -> int:
        return blobs.raw(curve.encode(field).tobytes())

    return {
        "members": told_apart(results),
        # A run that stopped early counts too: the page says which.
        "ends": [{"status": r.status, "time": float(r.times[-1])} for r in results],
        "count": blobs.raw(flooded.tobytes()),
        "least": codes(least),
        "middle": codes(middle),
        "greatest": codes(greatest),
        "indicators": _indicators(results),
    }


def _indicators(results: Sequence[Result]) -> dict[str, Any]:
    """Least, middle and greatest value of every figure that is a number in all runs."""
    tables = [r.indicators for r in results]
    out = {}
    for key, row in tables[0].items():
        values = [t.get(key, {}).get("value") for t in tables]
        if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
            continue
        numbers = np.asarray(values, dtype=float)
        if not np.isfinite(numbers).all():
            continue
        out[key] = {name: str(row.get(name, "")) for name in _TEXTS} | {
            "least": float(numbers.min()),
            "middle": float(np.median(numbers)),
            "greatest": float(numbers.max()),
        }
    return out
