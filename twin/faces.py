"""Lines on a grid as the faces between its cells: dikes, walls, sections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.grid import Grid


@dataclass(frozen=True, eq=False)
class Staircase:
    """The faces that separate the two sides of a polyline, in its order, without a gap.

    Attributes
    ----------
    across_x : (n,) True for a face between west and east neighbours (an entry of shape (ny, nx + 1)),
        False for one between north and south (shape (ny + 1, nx)).
    i, j : (n,) place of the face in those shapes.
    sign : (n,) 1 where the left of the line, as it is walked, is towards the east (or the north), else −1.
    start, end : (n,) metres along the line between which the face stands for it.
    """

    across_x: NDArray[np.bool_]
    i: NDArray[np.int64]
    j: NDArray[np.int64]
    sign: NDArray[np.float64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]


def staircase(grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64]) -> Staircase:
    """The faces along a polyline: the corners of the grid nearest to it, joined along faces.

    A walk along faces has no gap, so water that goes only through faces can't pass the line unseen.

    Parameters
    ----------
    x, y : vertices of the line, shape (n,) (m). Faces outside the grid are left out.
    """
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    rows: list[tuple[bool, int, int, float, float, float]] = []
    # Points every quarter of a cell, vertices included, each snapped to the nearest corner.
    count = int(along[-1] / grid.cell * 4) + 2 if along[-1] > 0 else 1
    steps = np.unique(np.concatenate([along, np.linspace(0, along[-1], count)]))
    column = (np.interp(steps, along, x) - grid.x_west) / grid.cell
    row = (grid.y_north - np.interp(steps, along, y)) / grid.cell
    corner_j, corner_i = np.rint(column).astype(int), np.rint(row).astype(int)
    for k in range(1, steps.size):
        i0, j0, i1, j1 = corner_i[k - 1], corner_j[k - 1], corner_i[k], corner_j[k]
        # A diagonal move goes along the two faces on the side that the line passes nearer to.
        bend_i, bend_j = i0, j1
        if i0 != i1 and j0 != j1:
            middle_i, middle_j = 0.5 * (row[k - 1] + row[k]), 0.5 * (column[k - 1] + column[k])
            if np.hypot(middle_i - i1, middle_j - j0) < np.hypot(middle_i - i0, middle_j - j1):
                bend_i, bend_j = i1, j0
        for (a, b), (c, d) in (((i0, j0), (bend_i, bend_j)), ((bend_i, bend_j), (i1, j1))):
            # Walked south, the left is east; walked east, the left is north.
            south, east = (1.0 if c > a else -1.0), (1.0 if d > b else -1.0)
            span = (float(steps[k - 1]), float(steps[k]))
            if 0 <= b <= grid.nx:
                rows += [(True, i, b, south, *span) for i in range(min(a, c), max(a, c)) if 0 <= i < grid.ny]
            if 0 <= a <= grid.ny:
                rows += [(False, a, j, east, *span) for j in range(min(b, d), max(b, d)) if 0 <= j < grid.nx]
    across_x, i_face, j_face, sign, start, end = zip(*rows, strict=True) if rows else ((),) * 6
    return Staircase(
        np.asarray(across_x, dtype=bool),
        np.asarray(i_face, dtype=np.int64),
        np.asarray(j_face, dtype=np.int64),
        np.asarray(sign, dtype=np.float64),
        np.asarray(start, dtype=np.float64),
        np.asarray(end, dtype=np.float64),
    )


def raise_along(
    crest_x: NDArray[np.float64],
    crest_y: NDArray[np.float64],
    grid: Grid,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    elevation: NDArray[np.float64],
) -> None:
    """Raise the crests on the faces that separate the two sides of a polyline (see `staircase`).

    Parameters
    ----------
    crest_x, crest_y : shapes (ny, nx + 1) and (ny + 1, nx) (m); raised in place, where they are lower.
    x, y, elevation : vertices of the line and the crest there, shape (n,) (m).
    """
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    faces = staircase(grid, x, y)
    top = np.maximum(np.interp(faces.start, along, elevation), np.interp(faces.end, along, elevation))
    for crest, chosen in ((crest_x, faces.across_x), (crest_y, ~faces.across_x)):
        np.maximum.at(crest, (faces.i[chosen], faces.j[chosen]), top[chosen])


def ground_at(
    ground: NDArray[np.float64], across_x: NDArray[np.bool_], i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The ground that water has to pass at faces: the higher of the two cells (NaN: neither has one).

    Parameters
    ----------
    ground : shape (ny, nx), NaN where there is none (m). across_x, i, j : as in `Staircase`.
    """
    return np.fmax(cell_values(ground, i - ~across_x, j - across_x), cell_values(ground, i, j))


def cell_values(
    ground: NDArray[np.float64], i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The ground of cells, NaN outside the grid."""
    ny, nx = ground.shape
    inside = (i >= 0) & (i < ny) & (j >= 0) & (j < nx)
    return np.where(inside, ground[np.clip(i, 0, ny - 1), np.clip(j, 0, nx - 1)], np.nan)
