"""Many lines over a grid at once: which cells they cross and how long they are inside each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from twin.grid import Bounds, Grid

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


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


def level_of(roads: gpd.GeoDataFrame) -> Ints:
    """Place of roads above (+) or below (-) the ground, (n,)."""
    if "level" not in roads.columns:
        return np.zeros(len(roads), dtype=np.int64)
    level: Ints = roads["level"].fillna(0).to_numpy(np.int64)
    return level


def portals(lines: ArrayLike, level: ArrayLike, layer: ArrayLike, layer_level: ArrayLike) -> Bools:
    """Whether water can enter roads by the first end of their line and by the last, (n, 2).

    A bridge (level > 0) is entered by none: the model knows the ground below it, not the deck. A tunnel
    (level < 0) is entered by its portals, not where it joins others and all of them are under ground.

    Parameters
    ----------
    lines, level : (n,) roads. layer, layer_level : (m,) all roads of the layer, that they are among.
    """
    lines, layer = np.asarray(lines, dtype=object), np.asarray(layer, dtype=object)
    level, layer_level = np.asarray(level), np.asarray(layer_level)
    open_ = np.repeat((level <= 0)[:, None], 2, axis=1)
    under = np.flatnonzero(level < 0)
    if not under.size:
        return open_
    at, number = np.unique(_ends(lines[under]), return_inverse=True)
    others = _ends(layer)
    place = np.minimum(np.searchsorted(at, others), at.size - 1)
    there = at[place] == others
    joined = np.bincount(place[there], minlength=at.size)
    below = np.bincount(place[there & (layer_level < 0)[:, None]], minlength=at.size)
    inner = (joined > 1) & (below == joined)
    open_[under] = ~inner[number.reshape(-1, 2)]
    return open_


def _ends(lines: NDArray[Any]) -> NDArray[np.complex128]:
    """First and last point of lines as x + iy, (n, 2); NaN of what is none."""
    ends = np.full((lines.size, 2), complex(np.nan, np.nan))
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    if owner.size:
        first = np.append(True, owner[1:] != owner[:-1])
        last = np.append(first[1:], True)
        for column, which in enumerate((first, last)):
            ends[owner[which], column] = xy[which, 0] + 1j * xy[which, 1]
    return ends


def on_ground(owner: Ints, lines: ArrayLike, level: ArrayLike, entered: Bools, bounds: Bounds) -> Bools:
    """Which of the cells that roads cross (`cells_on_lines` of them) have their water on the road, (k,).

    All cells of a road on the ground, of a tunnel those of its `portals` that lie in `bounds` (west, south,
    east, north: of the grid), none of a bridge.

    Parameters
    ----------
    owner : (k,) as `cells_on_lines` gives it. lines, level, entered : (n,), (n,) and (n, 2) roads.
    """
    level = np.asarray(level)
    ends = _ends(np.asarray(lines, dtype=object))
    west, south, east, north = bounds
    inside = (ends.real >= west) & (ends.real <= east) & (ends.imag >= south) & (ends.imag <= north)
    first = np.append(True, owner[1:] != owner[:-1])[: owner.size]
    last = np.append(first[1:], True)[: owner.size]
    by_first, by_last = (entered & inside)[owner].T
    found: Bools = (level[owner] == 0) | ((level[owner] < 0) & (first & by_first | last & by_last))
    return found
