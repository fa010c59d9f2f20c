"""Many lines over a grid at once: which cells they cross and how long they are inside each."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from twin.grid import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _segments(geometries: NDArray[Any]) -> tuple[Ints, Floats, Floats]:
    """Straight pieces of lines and of polygon rings: owner (k,), start (k, 2), end (k, 2)."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    polygonal = shapely.get_dimensions(parts) == 2
    rings, ring_of = shapely.get_rings(parts[polygonal], return_index=True)
    linear = shapely.get_dimensions(parts) == 1
    lines = np.concatenate([parts[linear], rings])
    owners = np.concatenate([owner[linear], owner[polygonal][ring_of]]).astype(np.int64)
    xy, line_of = shapely.get_coordinates(lines, return_index=True)
    joined = line_of[:-1] == line_of[1:]
    return owners[line_of[:-1][joined]], xy[:-1][joined], xy[1:][joined]


def _crossings(start: Floats, end: Floats) -> tuple[Ints, Floats]:
    """Where segments cross the integer lines of one axis: segment (k,), parameter t in (0, 1) (k,)."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    first = np.floor(low).astype(np.int64) + 1
    count = np.maximum(np.ceil(high).astype(np.int64) - first, 0)
    segment = np.repeat(np.arange(start.size), count)
    nth = np.arange(segment.size) - np.repeat(np.cumsum(count) - count, count)
    line = first[segment] + nth
    return segment, (line - start[segment]) / (end - start)[segment]


def cells_on_lines(geometries: ArrayLike, grid: Grid) -> tuple[Ints, Ints, Floats]:
    """The cells that many lines (or polygon boundaries) cross, and the length inside each.

    The exact traversal of `Grid.cells_on_line` for all lines at once.

    Parameters
    ----------
    geometries : lines, multilines, polygons or multipolygons, (n,); others cross nothing.
    grid : the model grid.

    Returns
    -------
    owner, cell, length : (k,) index of the geometry, flat cell ``i * nx + j``, metres; sorted by
        owner, in the order of the line; what lies outside the grid is left out.
    """
    owner, start, end = _segments(np.asarray(geometries, dtype=object))
    if owner.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    u0, u1 = ((p[:, 0] - grid.x_west) / grid.cell for p in (start, end))
    v0, v1 = ((grid.y_north - p[:, 1]) / grid.cell for p in (start, end))
    in_u, in_v = _crossings(u0, u1), _crossings(v0, v1)
    segment = np.concatenate([np.arange(owner.size), in_u[0], in_v[0]])
    t = np.concatenate([np.zeros(owner.size), in_u[1], in_v[1]])
    # By geometry first: lines of one owner need not be neighbours in `_segments`.
    order = np.lexsort((t, segment, owner[segment]))
    segment, t = segment[order], t[order]
    t_next = np.append(t[1:], 1.0)
    t_next[np.append(segment[1:] != segment[:-1], True)] = 1.0
    middle = 0.5 * (t + t_next)
    i = np.floor(v0[segment] + middle * (v1 - v0)[segment]).astype(np.int64)
    j = np.floor(u0[segment] + middle * (u1 - u0)[segment]).astype(np.int64)
    length = (t_next - t) * np.hypot(*(end - start).T)[segment]
    keep = grid.inside(i, j) & (length > 0)
    return owner[segment[keep]], i[keep] * grid.nx + j[keep], length[keep]
