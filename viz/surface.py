"""The ground of a run, apart from the roofs that its bed may carry."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

ROOF = 0.5  # m: a bed higher than the ground by more is a building that blocks the flow


def once(field: xr.DataArray) -> NDArray[Any]:
    """Values (ny, nx) of a field of a run, read but not kept: xarray keeps what it is asked for whole, and
    an ensemble has hundreds of runs.
    """
    values: NDArray[Any] = field.isel(y=slice(None)).values
    return values


def ground_of(fields: xr.Dataset) -> NDArray[np.float64]:
    """The ground (ny, nx) m: the bed without the roofs that block the flow."""
    name = "ground_elevation" if "ground_elevation" in fields else "bed_elevation"
    if name not in fields:
        return np.zeros((fields.sizes["y"], fields.sizes["x"]))
    return np.asarray(fields[name].values, dtype=float)


def roofs_of(fields: xr.Dataset) -> NDArray[np.bool_]:
    """Cells (ny, nx) whose bed is a roof: no water of the street is there, whatever rain lies on it."""
    if "ground_elevation" not in fields:
        return np.zeros((fields.sizes["y"], fields.sizes["x"]), dtype=bool)
    return np.asarray(once(fields["bed_elevation"]) > once(fields["ground_elevation"]) + ROOF)
