"""Streams on the grid: chains of cells, how well they descend, a bed that is made to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.grid import Grid
from twin.layers.ign import LEVEL, first_number
from twin.messages import figure, number, text

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Node = tuple[float, float]

# A step up along a stream that is lower than this is the noise of a terrain (m).
NOISE = 0.1
AGAINST = "Sens inverse"  # BD TOPO: the stream runs against the digitising of its line
UNDER = ("Tunnel", "Souterrain")  # `franchissement` of v2: the stream passes under the ground


@dataclass(frozen=True, eq=False)
class Step:
    """What a step did to the ground.

    Attributes
    ----------
    ground : (ny, nx) after (m).
    note : before and after, in the language of the moment.
    before, after : the figure that the step is to bring down (m of adverse steps, embankments across).
    descent_before, descent_after : the longest way down along the streams (m), see `longest_descent`.
    cut : volume taken away (m³). deepest : largest cut (m).
    """

    ground: Floats
    note: str
    before: float
    after: float
    cut: float
    deepest: float
    descent_before: float = 0.0
    descent_after: float = 0.0


@dataclass(frozen=True, eq=False)
class Stream:
    """The cells that a stream runs through, downstream (flat, i·nx + j), and the metres along at each.

    Attributes
    ----------
    length : of the line (m). begin, end : its ends (x, y, to the centimetre), where lines are joined.
    buried : it runs under the ground.
    """

    cells: Ints
    along: Floats
    length: float = 0.0
    begin: Node = (0.0, 0.0)
    end: Node = (0.0, 0.0)
    buried: bool = False


def lines_of(shape: Any) -> Iterator[Any]:
    """The lines of a geometry."""
    if shape is None or shape.is_empty:
        return
    for part in shapely.get_parts(shape):
        if shapely.get_dimensions(part) == 1:
            yield part


def on_ground(hydrography: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The lines on the ground or under it: a canal on a bridge has no bed there."""
    if LEVEL not in hydrography:
        return hydrography
    return hydrography[~(first_number(hydrography, [LEVEL]) > 0)]


def streams_on_grid(
    grid: Grid, ground: Floats, hydrography: gpd.GeoDataFrame, *, buried: float = 0.0
) -> list[Stream]:
    """Streams as chains of cells that share faces, each cell after the one upstream.

    Lines run downstream as they are digitised (BD TOPO) unless `sens_de_l_ecoulement` says the reverse.

    Parameters
    ----------
    ground : (ny, nx) (m): where a line passes a corner, the lower of the two cells beside it is part of it.
    buried : lines under the ground (`position_par_rapport_au_sol` < 0) are left out where they are longer
        than this (m): else they are a culvert. Lines above it (canals on bridges) are left out, always.
    """
    hydrography = on_ground(hydrography)
    columns = hydrography.columns
    under = np.zeros(len(hydrography), dtype=bool)
    if LEVEL in columns:
        under = first_number(hydrography, [LEVEL]) < 0
    if "franchissement" in columns:
        under |= hydrography["franchissement"].isin(UNDER).to_numpy(dtype=bool)
    against = np.zeros(len(hydrography), dtype=bool)
    if "sens_de_l_ecoulement" in columns:
        against = (hydrography["sens_de_l_ecoulement"] == AGAINST).fillna(False).to_numpy(dtype=bool)
    streams = []
    for shape, below, turned in zip(hydrography.geometry, under, against, strict=True):
        for line in lines_of(shape):
            whole = float(shapely.length(line))
            if below and whole > buried:
                continue
            xy = shapely.get_coordinates(shapely.reverse(line) if turned else line)
            i, j, length = grid.cells_on_line(xy[:, 0], xy[:, 1])
            cells = i * grid.nx + j
            if cells.size:
                first = np.concatenate([[True], np.diff(cells) != 0])
                along = np.cumsum(length) - 0.5 * length
                chain, way = _around_corners(cells[first], along[first], ground)
                streams.append(Stream(chain, way, whole, _node(xy[0]), _node(xy[-1]), bool(below)))
    return streams


def _around_corners(cells: Ints, along: Floats, ground: Floats) -> tuple[Ints, Floats]:
    """A chain whose cells share faces: the lower cell beside each corner that it steps over."""
    nx = ground.shape[1]
    i, j = np.divmod(cells, nx)
    k = np.flatnonzero((np.abs(np.diff(i)) == 1) & (np.abs(np.diff(j)) == 1))
    beside = np.stack([i[k] * nx + j[k + 1], i[k + 1] * nx + j[k]])
    heights = ground.ravel()[beside]
    second = (heights[1] < heights[0]) | np.isnan(heights[0])
    lower = np.where(second, beside[1], beside[0])
    return np.insert(cells, k + 1, lower), np.insert(along, k + 1, 0.5 * (along[k] + along[k + 1]))


def _node(point: Floats) -> Node:
    return round(float(point[0]), 2), round(float(point[1]), 2)


def climb(ground: Floats, streams: Sequence[Stream]) -> float:
    """Sum of the steps up along the streams, those of mere noise left out (m)."""
    total, flat = 0.0, ground.ravel()
    for stream in streams:
        heights = flat[stream.cells]
        steps = np.diff(heights[np.isfinite(heights)])
        total += float(steps[steps > NOISE].sum())
    return total


def longest_descent(ground: Floats, streams: Sequence[Stream]) -> float:
    """The longest way (m) that water follows the streams without a step up of more than noise.

    Lines that share an end are followed on, downstream; in a ring of lines the way begins anew.
    """
    flat, best = ground.ravel(), 0.0
    arriving: dict[Node, list[tuple[float, float]]] = defaultdict(list)  # way so far, height at its end
    for k in downstream(streams):
        stream = streams[k]
        heights = flat[stream.cells]
        known = np.isfinite(heights)
        if not known.any():
            continue
        heights, along = heights[known], stream.along[known]
        way = max((far for far, high in arriving[stream.begin] if heights[0] <= high + NOISE), default=0.0)
        breaks = along[1:][np.diff(heights) > NOISE]
        ends = np.concatenate([[-way], breaks, [max(stream.length, float(along[-1]))]])
        ways = np.diff(ends)
        best = max(best, float(ways.max()))
        arriving[stream.end].append((float(ways[-1]), float(heights[-1])))
    return best


def downstream(streams: Sequence[Stream]) -> list[int]:
    """Streams in an order in which each comes after those that run into it (Kahn 1962), rings last."""
    leaving: dict[Node, list[int]] = defaultdict(list)
    waiting: dict[Node, int] = defaultdict(int)
    for k, stream in enumerate(streams):
        leaving[stream.begin].append(k)
        waiting[stream.end] += 1
    ready = [node for node in leaving if waiting[node] == 0]
    order: list[int] = []
    while ready:
        for k in leaving[ready.pop()]:
            order.append(k)
            waiting[streams[k].end] -= 1
            if waiting[streams[k].end] == 0 and streams[k].end in leaving:
                ready.append(streams[k].end)
    placed = set(order)
    return order + [k for k in range(len(streams)) if k not in placed]


def lowest_along(grid: Grid, ground: Floats, lowest: Floats, streams: list[Stream]) -> Step:
    """Give the cells of streams the lowest fine terrain in them: a mean over banks is no river bed.

    lowest : (ny, nx) lowest fine terrain of each cell (m).
    """
    flat = ground.ravel().copy()
    cells = np.unique(np.concatenate([s.cells for s in streams])) if streams else np.zeros(0, np.int64)
    flat[cells] = np.fmin(flat[cells], lowest.ravel()[cells])
    return step_of(grid, ground, flat.reshape(grid.shape), "lowest", streams, count=len(streams))


def burn_streams(grid: Grid, ground: Floats, streams: list[Stream], depth: float, deepest: float) -> Step:
    """Lower the cells of streams by `depth`, then make every stream descend.

    Along each stream no cell is higher than one upstream of it, across confluences too, but nowhere is the
    ground cut by more than `deepest` (so that one false pit upstream digs no canyon).

    Parameters
    ----------
    ground : (ny, nx) (m), NaN outside. depth : ≥ 0 (m). deepest : largest cut (m), depth included.
    """
    flat = ground.ravel().copy()
    cells = np.unique(np.concatenate([s.cells for s in streams])) if streams else np.zeros(0, np.int64)
    floor = ground.ravel() - deepest
    flat[cells] = np.maximum(flat[cells] - depth, floor[cells])
    moved = True
    while moved:  # each pass carries a confluence one stream further; heights only fall, so it ends
        moved = False
        for stream in streams:
            inside = stream.cells[np.isfinite(flat[stream.cells])]
            lowered = np.maximum(np.minimum.accumulate(flat[inside]), floor[inside])
            if (lowered < flat[inside]).any():
                # A cell that is met twice keeps its lowest.
                np.minimum.at(flat, inside, lowered)
                moved = True
    return step_of(grid, ground, flat.reshape(grid.shape), "streams", streams, count=len(streams))


def step_of(grid: Grid, old: Floats, new: Floats, row: str, streams: Sequence[Stream], **words: Any) -> Step:
    """The report of a step: row ``conditioning.<row>`` of the message table."""
    before, after = climb(old, streams), climb(new, streams)
    was, now = longest_descent(old, streams), longest_descent(new, streams)
    cut = np.nan_to_num(old - new)
    volume, deepest = float(cut.sum() * grid.area_m2), float(cut.max(initial=0.0))
    note = text(
        f"conditioning.{row}", before=number(before, digits=1), after=number(after, digits=1),
        cells=int((cut > 0).sum()), volume=figure(volume, digits=0), deepest=number(deepest),
        was=number(was / 1000), now=number(now / 1000), **words,
    )  # fmt: skip
    return Step(new, note, before, after, volume, deepest, was, now)
