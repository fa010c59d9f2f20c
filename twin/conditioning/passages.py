"""Passages of streams under roads, railways and other embankments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.conditioning.streams import Node, Step, Stream, on_ground, step_of
from twin.grid import Grid

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EMBANKMENT = 0.5  # m above the stream, from which what a stream passes under is one
# Of `construction_lineaire`, `construction_surfacique` and `franchissement`: what carries something over a
# stream, and what holds it back and is never opened.
OVER = ("Pont",)
HELD = ("Barrage", "Ecluse", "Écluse")


def open_culverts(
    grid: Grid,
    ground: Floats,
    streams: list[Stream],
    hydrography: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame | None,
    reach: float,
    structures: gpd.GeoDataFrame | None = None,
) -> Step:
    """Open embankments where a stream passes under them.

    Where a stream meets a road or a bridge, or runs under the ground for a short while, its cells within
    `reach` (and those under the ground) are cut down to the straight line between the lowest ground upstream
    and the lowest downstream, along the streams that follow on. The opening is one cell wide and free: a
    culvert that throttles is a structure of the scenario. Dams and locks are left as they are.

    Parameters
    ----------
    streams : of `streams_on_grid`, with the buried lines that are culverts.
    roads : canonical roads; tunnels (level < 0) are left out. structures : bridges, dams … with `nature`.
    reach : m along the stream, each way.
    """
    flat = ground.ravel().copy()
    over = [np.zeros(0, dtype=object)]
    if roads is not None:
        over.append(np.asarray(roads.geometry.array[roads["level"].to_numpy() >= 0], dtype=object))
    over.append(_of_nature(structures, OVER))
    points = _crossings(on_ground(hydrography), np.concatenate(over))
    held = _held(hydrography, structures)
    if len(held) and len(points):
        near = shapely.STRtree(held).query(
            shapely.points(points), predicate="dwithin", distance=grid.cell
        )  # fmt: skip
        points = np.delete(points, np.unique(near[0]), axis=0)
    i, j = grid.index(points[:, 0], points[:, 1])
    crossed = np.unique((i * grid.nx + j)[grid.inside(i, j)])
    joined = _Joined(streams)
    opened, buried = 0, 0
    for s, stream in enumerate(streams):
        if stream.buried:
            buried += 1
            middle = int(np.argmin(np.abs(stream.along - 0.5 * stream.length)))
            opened += joined.cut(flat, s, middle, reach + 0.5 * stream.length)
            continue
        for k in np.flatnonzero(np.isin(stream.cells, crossed)):
            opened += joined.cut(flat, s, int(k), reach)
    return step_of(
        grid, ground, flat.reshape(grid.shape), "culverts", streams, count=crossed.size, buried=buried,
        opened=opened,
    )  # fmt: skip


def _of_nature(structures: gpd.GeoDataFrame | None, natures: tuple[str, ...]) -> NDArray[np.object_]:
    if structures is None or "nature" not in structures:
        return np.zeros(0, dtype=object)
    chosen = structures["nature"].isin(natures).to_numpy(dtype=bool)
    return np.asarray(structures.geometry.array[chosen], dtype=object)


def _held(hydrography: gpd.GeoDataFrame, structures: gpd.GeoDataFrame | None) -> NDArray[np.object_]:
    """Dams and locks: as structures, and the parts of streams that pass one."""
    out = [shapely.force_2d(_of_nature(structures, HELD))]
    if "franchissement" in hydrography:
        passing = hydrography["franchissement"].isin(HELD).to_numpy(dtype=bool)
        out.append(shapely.force_2d(np.asarray(hydrography.geometry.array[passing], dtype=object)))
    return np.concatenate(out)


def _crossings(hydrography: gpd.GeoDataFrame, over: NDArray[np.object_]) -> Floats:
    """Where streams meet what passes over them, shape (n, 2)."""
    if not len(over) or not len(hydrography):
        return np.zeros((0, 2))
    shapes = shapely.force_2d(np.asarray(hydrography.geometry.array, dtype=object))
    pairs = shapely.STRtree(over).query(shapes, predicate="intersects")
    met = shapely.intersection(shapes[pairs[0]], shapely.force_2d(over[pairs[1]]))
    # Each part by itself: a road may cross a stream several times.
    return shapely.get_coordinates(shapely.centroid(shapely.get_parts(met)))


class _Joined:
    """Streams and which runs into which."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams
        self._from: dict[Node, list[int]] = defaultdict(list)
        self._into: dict[Node, list[int]] = defaultdict(list)
        for k, stream in enumerate(streams):
            self._from[stream.begin].append(k)
            self._into[stream.end].append(k)

    def cut(self, flat: Floats, s: int, k: int, reach: float) -> bool:
        """Cut the ground around the k-th cell of a stream, along those before and after; whether it did."""
        streams = self._streams
        origin = float(streams[s].along[k])
        cells, along = [streams[s].cells], [streams[s].along - origin]
        at = k
        seen, here, begin = {s}, s, -origin
        while -begin < reach:
            before = [n for n in self._into[streams[here].begin] if n not in seen]
            if not before:
                break
            here = max(before, key=lambda n: streams[n].length)
            seen.add(here)
            begin -= streams[here].length
            cells.insert(0, streams[here].cells)
            along.insert(0, begin + streams[here].along)
            at += streams[here].cells.size
        here, end = s, streams[s].length - origin
        while end < reach:
            after = [n for n in self._from[streams[here].end] if n not in seen]
            if not after:
                break
            here = max(after, key=lambda n: streams[n].length)
            seen.add(here)
            cells.append(streams[here].cells)
            along.append(end + streams[here].along)
            end += streams[here].length
        chain, way = np.concatenate(cells), np.concatenate(along)
        # A cell in which one line ends and the next begins is one cell.
        new = np.concatenate([[True], np.diff(chain) != 0])
        group = np.cumsum(new) - 1
        way = np.bincount(group, way) / np.bincount(group)
        return _cut_through(flat, chain[new], way, np.abs(way) <= reach, int(group[at]))


def _cut_through(flat: Floats, cells: Ints, along: Floats, near: NDArray[np.bool_], k: int) -> bool:
    """Cut the cells around the k-th down to the line between the lowest on both sides; whether it did."""
    up, down = np.flatnonzero(near[:k]), k + 1 + np.flatnonzero(near[k + 1 :])
    up, down = up[np.isfinite(flat[cells[up]])], down[np.isfinite(flat[cells[down]])]
    if not up.size or not down.size:
        return False
    a, b = up[np.argmin(flat[cells[up]])], down[np.argmin(flat[cells[down]])]
    # Water that stands upstream passes at its own level: the line never rises downstream.
    high, low = flat[cells[a]], min(flat[cells[b]], flat[cells[a]])
    between = np.arange(a, b + 1)
    line = np.interp(along[between], [along[a], along[b]], [high, low])
    line[-1] = flat[cells[b]]
    over = flat[cells[between]] - line
    if not over.max() > EMBANKMENT:
        return False
    higher = over > 0.0
    np.minimum.at(flat, cells[between[higher]], line[higher])
    return True
