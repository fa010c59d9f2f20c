"""The water of a run as maps: deepest, at the start, permanent. Read from the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.features import WET_DEPTH

if TYPE_CHECKING:
    from twin.results import Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def max_water_depth(result: Result) -> Floats | None:
    """Largest depth of a run, (ny, nx) (m); None when it has no depths.

    Of a run that was stopped before it wrote its maximum, the largest of its frames.
    """
    if not result.has_fields:
        return None
    fields = result.fields
    if "max_water_depth" in fields:
        return np.asarray(fields["max_water_depth"].values, dtype=np.float64)
    if "water_depth" not in fields or fields.sizes["time"] == 0:
        return None
    deepest = np.full(result.grid.shape, np.nan)
    for k in range(fields.sizes["time"]):
        deepest = np.fmax(deepest, fields["water_depth"].isel(time=k).values)
    return deepest


def initial_water_depth(result: Result) -> Floats | None:
    """Depth at the start, (ny, nx) (m); None when no frame shows it."""
    if not result.has_fields:
        return None
    fields = result.fields
    if "water_depth" not in fields or fields.sizes["time"] == 0 or float(fields["time"][0]) != 0.0:
        return None
    return np.asarray(fields["water_depth"].isel(time=0).values, dtype=np.float64)


def permanent_depth(result: Result) -> Floats | None:
    """Depth at the start of the water that is no flood, (ny, nx) (m); None when nothing tells it.

    All that stands there at the start, unless the run says otherwise: a run that goes on from another one has
    the water that was permanent in that, and one whose initial water is a flood has none.
    """
    if result.has_fields and "permanent_depth" in result.fields:
        return np.asarray(result.fields["permanent_depth"].values, dtype=np.float64)
    return initial_water_depth(result)


def permanent_water(result: Result) -> Bools:
    """Cells (ny, nx) under more than `WET_DEPTH` of permanent water at the start (`permanent_depth`), and
    those that the map of the territory has as water (`twin.mapped_water`: the foreshore of a sea that starts
    low); none when neither is known.
    """
    start = permanent_depth(result)
    found = np.zeros(result.grid.shape, dtype=bool) if start is None else start > WET_DEPTH
    if result.has_fields and "mapped_water" in result.fields:
        found |= result.fields["mapped_water"].values > 0
    return found
