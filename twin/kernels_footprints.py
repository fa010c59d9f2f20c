# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator,no-any-return"
"""Numba kernel: polygons onto sample points of a grid."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def mark(xy, ring_start, polygon_start, values, samples, bits, highest):
    """Mark the sample points inside polygons (even-odd rule); keep the highest value that each cell meets.

    Parameters
    ----------
    xy : (n, 2) vertices in cells from the grid's north-west corner (x east, y south); rings are closed.
    ring_start : (rings + 1,) first vertex of each ring. polygon_start : (polygons + 1,) first ring of each.
    values : (polygons,). samples : sample points along the side of a cell, at most 8.
    bits : (ny, nx) uint64, bit r·samples + c for the point of row r and column c; added to.
    highest : (ny, nx), raised to the value of each polygon with a point in the cell.
    """
    ny, nx = bits.shape
    longest = 0
    for p in range(polygon_start.size - 1):
        longest = max(longest, ring_start[polygon_start[p + 1]] - ring_start[polygon_start[p]])
    crossings = np.empty(longest + 1)
    for p in range(polygon_start.size - 1):
        first, last = ring_start[polygon_start[p]], ring_start[polygon_start[p + 1]]
        low, high = np.inf, -np.inf
        for k in range(first, last):
            low = min(low, xy[k, 1])
            high = max(high, xy[k, 1])
        if not (low < ny and high > 0):
            continue
        # Rows of sample points, (row + 0.5) / samples south of the corner.
        top = max(0, int(np.ceil(low * samples - 0.5)))
        bottom = min(ny * samples - 1, int(np.ceil(high * samples - 0.5)) - 1)
        for row in range(top, bottom + 1):
            y = (row + 0.5) / samples
            count = 0
            for ring in range(polygon_start[p], polygon_start[p + 1]):
                for k in range(ring_start[ring], ring_start[ring + 1] - 1):
                    y0, y1 = xy[k, 1], xy[k + 1, 1]
                    if (y0 <= y) != (y1 <= y):
                        crossings[count] = xy[k, 0] + (y - y0) / (y1 - y0) * (xy[k + 1, 0] - xy[k, 0])
                        count += 1
            inside = np.sort(crossings[:count])
            i, r = row // samples, row % samples
            for k in range(0, count - 1, 2):
                left = max(0, int(np.ceil(inside[k] * samples - 0.5)))
                right = min(nx * samples, int(np.ceil(inside[k + 1] * samples - 0.5)))
                for column in range(left, right):
                    j, c = column // samples, column % samples
                    bits[i, j] |= np.uint64(1) << np.uint64(r * samples + c)
                    highest[i, j] = max(highest[i, j], values[p])
