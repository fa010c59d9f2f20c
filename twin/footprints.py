"""Footprints on a grid: the share of each cell that polygons cover, and the highest of what they carry."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from twin.grid import Grid
from twin.kernels_footprints import mark

Floats = NDArray[np.float64]


def cover(
    grid: Grid, polygons: ArrayLike, values: ArrayLike | None = None, *, samples: int = 5
) -> tuple[Floats, Floats]:
    """Share of each cell under polygons, by `samples`² points a cell, and the highest value among them.

    What several polygons cover counts once. Memory: 16 bytes a cell, whatever the number of points.

    Parameters
    ----------
    polygons : (n,) polygons or multi-polygons; None and empty ones cover nothing.
    values : (n,) what each carries (a height, m); default 0.
    samples : at most 8.

    Returns
    -------
    share, highest : (ny, nx); highest is −inf where nothing covers a point.
    """
    if not 1 <= samples <= 8:
        raise ValueError(f"1 to 8 sample points along a cell, found {samples}")
    shapes: NDArray[Any] = np.asarray(polygons, dtype=object)
    carried = np.zeros(len(shapes)) if values is None else np.asarray(values, dtype=float)
    parts, owner = shapely.get_parts(shapes, return_index=True)
    flat = shapely.get_dimensions(parts) == 2
    parts, owner = parts[flat], owner[flat]
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    xy, vertex_of = shapely.get_coordinates(rings, return_index=True)
    bits, highest = np.zeros(grid.shape, dtype=np.uint64), np.full(grid.shape, -np.inf)
    if len(parts):
        xy[:, 0] = (xy[:, 0] - grid.x_west) / grid.cell
        xy[:, 1] = (grid.y_north - xy[:, 1]) / grid.cell
        mark(
            xy,
            _starts(vertex_of, len(rings)),
            _starts(ring_of, len(parts)),
            carried[owner],
            samples,
            bits,
            highest,
        )
    return np.bitwise_count(bits) / float(samples * samples), highest


def _starts(owner: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Where the entries of each owner begin, shape (count + 1,)."""
    return np.searchsorted(owner, np.arange(count + 1)).astype(np.int64)
