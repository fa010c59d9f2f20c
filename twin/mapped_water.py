"""Water that the map knows: rivers, lakes and the sea of the layer `water_surfaces` are no flood.

A sea starts low and its tide comes in over the foreshore, a river starts at its base flow below its banks:
what a map draws as water is water, whatever its level in the first state (`twin.water.permanent_water`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.footprints import cover
from twin.layers.ign import LEVEL, first_number, fold

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.grid import Grid

Bools = NDArray[np.bool_]
# Words of BD TOPO, without accents.
NOT_ALWAYS = ("intermittent", "temporaire", "ephemere")  # `persistance`, `regime`
BURIED = (  # `nature`
    "conduit buse", "conduit force", "ecoulement karstique", "ecoulement hyporheique",
    "ecoulement phreatique",
)  # fmt: skip
MOUTH = 1000.0  # m: a coast goes on over the mouth of a river or a harbour
EDGE = 100.0  # m: and to the edge of the grid
MOST = 0.5  # share of a cell, and of a side of the coast, that makes the whole of it water


def mapped_water(surfaces: gpd.GeoDataFrame, grid: Grid, wet: Bools) -> Bools:
    """Cells (ny, nx) of mapped water.

    Parameters
    ----------
    surfaces : the layer `water_surfaces` in the CRS of the grid, lower-case columns. Polygons are water
        (unless `persistance` says that they fall dry, or they lie under the ground: rivers covered by a
        town) where they cover half a cell or more. Lines are a
        coast, the mark of the highest tides for instance: they part the grid, and a side is sea
        where most of its cells are under water at the start.
    wet : (ny, nx) cells under water at the start.
    """
    always = np.ones(len(surfaces), dtype=bool)
    for name, none in (("persistance", NOT_ALWAYS), ("regime", NOT_ALWAYS), ("nature", BURIED)):
        if name in surfaces:
            always &= ~surfaces[name].astype(str).map(fold, na_action="ignore").isin(none).to_numpy()
    if LEVEL in surfaces:
        always &= ~(first_number(surfaces, [LEVEL]) < 0)
    shapes: NDArray[Any] = np.asarray(surfaces.geometry.array, dtype=object)[always]
    shapes = shapely.force_2d(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))])
    area = shapely.get_dimensions(shapes) == 2
    found = cover(grid, shapes[area])[0] >= MOST
    coast = shapes[shapely.get_dimensions(shapes) == 1]
    if coast.size == 0:
        return found
    west, south, east, north = grid.bounds
    frame = shapely.box(west, south, east, north)
    lines = _closed(shapely.get_parts(shapely.line_merge(shapely.union_all(coast))), frame)
    parts = shapely.get_parts(shapely.union_all([*lines, frame.exterior]))
    for side in shapely.get_parts(shapely.polygonize(parts)):
        inside = cover(grid, np.array([side], dtype=object))[0] >= MOST
        if inside.any() and wet[inside].mean() > MOST:
            found |= inside
    return found


def _closed(lines: NDArray[Any], frame: Any) -> list[Any]:
    """A coast without gaps, as lines: the ends nearest to each other are joined first, over gaps of the
    digitising as over the mouths of rivers and harbours, up to `MOUTH`; or with the frame, up to `EDGE`.

    A piece is joined with itself (an island) only over a tenth of its length.
    """
    out = list(lines)
    ends = [(k, xy) for k, line in enumerate(lines) if not line.is_closed for xy in _ends(line)]
    ends = [(k, xy) for k, xy in ends if frame.contains(shapely.Point(xy))]
    if not ends:
        return out
    from scipy.spatial import cKDTree  # here: 100 ms of importing that few runs need

    near = cKDTree(np.array([xy for _, xy in ends])).query_pairs(MOUTH)
    gaps = [(float(np.hypot(*(ends[i][1] - ends[j][1]))), i, j) for i, j in near]
    gaps += [(frame.exterior.distance(shapely.Point(xy)), i, -1) for i, (_, xy) in enumerate(ends)]
    piece = list(range(len(lines)))
    length = [float(line.length) for line in lines]
    open_ = set(range(len(ends)))
    for gap, i, j in sorted(gaps):
        if i not in open_ or (gap > EDGE if j < 0 else j not in open_):
            continue
        start = ends[i][1]
        if j < 0:
            side = np.asarray(shapely.shortest_line(shapely.Point(start), frame.exterior).coords[1])
            out.append(
                shapely.LineString([start, side + 1e-9 * (side - np.asarray(frame.centroid.coords[0]))])
            )
            open_.discard(i)
            continue
        one, other = piece[ends[i][0]], piece[ends[j][0]]
        if one == other and gap > 0.1 * length[one]:
            continue
        out.append(shapely.LineString([start, ends[j][1]]))
        open_ -= {i, j}
        length[one] += gap + (length[other] if one != other else 0.0)
        piece = [one if k == other else k for k in piece]
    return out


def _ends(line: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    xy = shapely.get_coordinates(line)
    return xy[0], xy[-1]
