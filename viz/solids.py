"""Shapes of the 3D scene as plain arrays: surfaces, extruded footprints, draped lines. No VTK here.

Coordinates are metres from a local origin (y is about 6.9e6 m in Lambert-93: float32 keeps half a
metre there).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def quads_of(keep: Bools) -> Ints:
    """Corners (m, 4) of the squares between lattice points (ny, nx) that `keep` (ny−1, nx−1) selects."""
    ny, nx = keep.shape[0] + 1, keep.shape[1] + 1
    number = np.arange(ny * nx).reshape(ny, nx)
    corners = np.stack([number[1:, :-1], number[1:, 1:], number[:-1, 1:], number[:-1, :-1]], axis=-1)
    return np.asarray(corners[keep])


def all_corners(points: Bools) -> Bools:
    """Squares whose four corners are all true, (ny−1, nx−1)."""
    return points[:-1, :-1] & points[1:, :-1] & points[:-1, 1:] & points[1:, 1:]


def any_corner(points: Bools) -> Bools:
    """Squares with at least one true corner, (ny−1, nx−1)."""
    return points[:-1, :-1] | points[1:, :-1] | points[:-1, 1:] | points[1:, 1:]


def spread(level: Floats, wet: Bools) -> Floats:
    """The water level carried one point beyond the water (mean of the wet neighbours), NaN farther out.

    So the drawn surface runs on into the bank, and the shoreline is where it meets the ground.
    """
    ny, nx = level.shape
    total, count = np.zeros((ny + 2, nx + 2)), np.zeros((ny + 2, nx + 2))
    values = np.where(wet, level, 0.0)
    for di in (0, 1, 2):
        for dj in (0, 1, 2):
            total[di : di + ny, dj : dj + nx] += values
            count[di : di + ny, dj : dj + nx] += wet
    around = np.full((ny, nx), np.nan)
    np.divide(total[1:-1, 1:-1], count[1:-1, 1:-1], out=around, where=count[1:-1, 1:-1] > 0)
    return np.where(wet, level, around)


def extruded(footprints: NDArray[Any], base: Floats, top: Floats) -> tuple[Floats, Ints, Ints]:
    """Walls and flat roofs of footprints (holes stay open).

    Parameters
    ----------
    footprints : polygons or multipolygons (n,), already relative to the local origin.
    base, top : elevations (n,) (m).

    Returns
    -------
    points, triangles, owner : (p, 3), (t, 3) and the footprint of each triangle (t,).
    """
    parts, part_of = shapely.get_parts(footprints, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring_of = shapely.get_coordinates(rings, return_index=True)
    joined = ring_of[:-1] == ring_of[1:]
    a, b = xy[:-1][joined], xy[1:][joined]
    wall_of = part_of[ring_part[ring_of[:-1][joined]]]
    low, high = base[wall_of], top[wall_of]
    wall = np.stack(
        [
            np.column_stack([a, low]),
            np.column_stack([b, low]),
            np.column_stack([b, high]),
            np.column_stack([a, high]),
        ],
        axis=1,
    )
    first = 4 * np.arange(len(wall))[:, None]
    walls = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])])

    pieces, piece_of = shapely.get_parts(shapely.constrained_delaunay_triangles(parts), return_index=True)
    corners = shapely.get_coordinates(pieces).reshape(-1, 4, 2)[:, :3]
    roof_of = part_of[piece_of]
    heights = np.repeat(top[roof_of], 3)
    roof = np.column_stack([corners.reshape(-1, 2), heights])
    roofs = 4 * len(wall) + np.arange(len(roof)).reshape(-1, 3)
    return (
        np.concatenate([wall.reshape(-1, 3), roof]),
        np.concatenate([walls, roofs]),
        np.concatenate([wall_of, wall_of, roof_of]),
    )


def densified(lines: NDArray[Any], step: float) -> tuple[Floats, Ints, Floats]:
    """Vertices of lines with one at least every `step` metres.

    Returns
    -------
    xy, line, share : (p, 2), the line of each vertex (p,), and how far along that line it is (0 to 1).
    """
    dense = shapely.segmentize(lines, step)
    xy, line = shapely.get_coordinates(dense, return_index=True)
    ahead = np.hypot(*np.diff(xy, axis=0).T) if len(xy) > 1 else np.zeros(0)
    ahead[line[1:] != line[:-1]] = 0.0
    along = np.concatenate([[0.0], np.cumsum(ahead)])[: len(xy)]
    first = np.searchsorted(line, np.arange(len(lines)), side="left")
    last = np.searchsorted(line, np.arange(len(lines)), side="right") - 1
    length = np.maximum(along[last] - along[first], 1e-9)
    return xy, line.astype(np.int64), (along - along[first[line]]) / length[line]
