"""Water that the map knows: rivers, lakes and the sea of the layer `water_surfaces` are no flood.

A sea starts low and its tide comes in over the foreshore, a river starts at its base flow below its banks:
what a map draws as water is water, whatever its level in the first state (`twin.water.permanent_water`).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.footprints import cover

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.grid import Grid

Bools = NDArray[np.bool_]
NOT_ALWAYS = ("intermittent", "temporaire", "ephemere", "éphémère")  # `persistance`, `regime` of BD TOPO
MOUTH = 1000.0  # m
MOST = 0.5  # share of a cell, and of a side of the coast, that makes the whole of it water


def mapped_water(surfaces: gpd.GeoDataFrame, grid: Grid, wet: Bools) -> Bools:
    """Cells (ny, nx) of mapped water.

    Parameters
    ----------
    surfaces : the layer `water_surfaces` in the CRS of the grid, lower-case columns. Polygons are water
        (unless `persistance` says that they fall dry) where they cover half a cell or more. Lines are a
        coast, the mark of the highest tides for instance: they part the grid, and a side is sea
        where most of its cells are under water at the start.
    wet : (ny, nx) cells under water at the start.
    """
    always = np.ones(len(surfaces), dtype=bool)
    for name in ("persistance", "regime"):
        if name in surfaces:
            always &= ~surfaces[name].astype(str).str.casefold().isin(NOT_ALWAYS).to_numpy()
    shapes: NDArray[Any] = np.asarray(surfaces.geometry.array, dtype=object)[always]
    shapes = shapely.force_2d(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))])
    area = shapely.get_dimensions(shapes) == 2
    found = cover(grid, shapes[area])[0] >= MOST
    coast = shapes[shapely.get_dimensions(shapes) == 1]
    if coast.size == 0:
        return found
    west, south, east, north = grid.bounds
    frame = shapely.box(west, south, east, north)
    lines = _closed(shapely.get_parts(shapely.line_merge(shapely.union_all(coast))), frame, 2 * grid.cell)
    parts = shapely.get_parts(shapely.union_all([*lines, frame.exterior]))
    for side in shapely.get_parts(shapely.polygonize(parts)):
        inside = cover(grid, np.array([side], dtype=object))[0] >= MOST
        if inside.any() and wet[inside].mean() > MOST:
            found |= inside
    return found


def _closed(lines: NDArray[Any], frame: Any, reach: float) -> list[Any]:
    """A coast without gaps: ends within `reach` (m) of the frame are led to it, those that face each other
    over the mouth of a river or a harbour, up to `MOUTH`, are joined, the nearest first.
    """
    out = list(lines)
    ends = np.array([xy for line in lines if not line.is_closed for xy in (line.coords[0], line.coords[-1])])
    ends = ends.reshape(-1, 2)
    points: NDArray[Any] = np.asarray(shapely.points(ends), dtype=object)
    beside = shapely.distance(points, frame.exterior) <= reach
    for point in points[beside]:
        near = np.asarray(shapely.shortest_line(point, frame.exterior).coords[1])
        away = near - np.asarray(frame.centroid.coords[0])
        out.append(shapely.LineString([point.coords[0], near + 1e-9 * away]))
    left = [tuple(xy) for xy in ends[~beside & shapely.within(points, frame)]]
    pairs = sorted((float(np.hypot(a[0] - b[0], a[1] - b[1])), a, b) for a, b in combinations(left, 2))
    joined: set[tuple[float, float]] = set()
    for distance, a, b in pairs:
        if distance <= MOUTH and not {a, b} & joined:
            joined |= {a, b}
            out.append(shapely.LineString([a, b]))
    return out
