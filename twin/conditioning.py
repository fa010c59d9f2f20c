"""Hydraulic conditioning: what a terrain averaged over cells has lost, put back in steps that can be seen.

Each step is a key of ``[params.domain]``, changes the ground or the crests only where it must, and says what
it found before and left after (`Step.note`, kept in the provenance of its layer).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.faces import faces_on_line
from twin.grid import Grid
from twin.layers.lattice import Source
from twin.messages import text

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Columns with the elevation of a crest (m), best first; else the Z of the line.
CREST_COLUMNS = ("crest", "cote_crete", "alt_crete", "z_crete", "alt", "altitude")
# A step up along a stream that is lower than this is the noise of a terrain (m).
NOISE = 0.1
CHUNK = 256  # vertices of a line whose fine cells are read at once
EMBANKMENT = 0.5  # m above the stream, from which what a road crosses on is one
AGAINST = "Sens inverse"  # BD TOPO: the stream runs against the digitising of its line


@dataclass(frozen=True, eq=False)
class Step:
    """What a step did to the ground.

    Attributes
    ----------
    ground : (ny, nx) after (m).
    note : before and after, in the language of the moment.
    before, after : the figure that the step is to bring down (m of adverse steps, embankments across).
    cut : volume taken away (m³). deepest : largest cut (m).
    """

    ground: Floats
    note: str
    before: float
    after: float
    cut: float
    deepest: float


# --- crests ---


def crests_of_defences(
    grid: Grid, defences: gpd.GeoDataFrame, ground: Floats, where: str, fine: Source | None = None
) -> tuple[Floats, Floats, str]:
    """Dikes and walls as crests on the faces between cells: never averaged into them.

    The crest is that of the first column of `CREST_COLUMNS` with a number, else the line's own Z, else the
    highest of the fine terrain along the line (the cell under it and those around).

    Parameters
    ----------
    defences : lines. ground : (ny, nx) (m). where : the file, for messages. fine : the fine terrain.

    Returns
    -------
    crest_x, crest_y : shapes (ny, nx + 1) and (ny + 1, nx), −inf off the lines (m).
    note : before and after.

    Raises
    ------
    InputError
        No line has a crest.
    """
    crest_x = np.full((grid.ny, grid.nx + 1), -np.inf)
    crest_y = np.full((grid.ny + 1, grid.nx), -np.inf)
    crests = _crest_column(defences)
    used, without, from_terrain = 0, 0, 0
    for shape, crest in zip(np.asarray(defences.geometry.array, dtype=object), crests, strict=True):
        for line in _lines(shape):
            xyz = shapely.get_coordinates(line, include_z=True)
            top = np.full(len(xyz), crest) if np.isfinite(crest) else _filled(xyz)
            if top is None and fine is not None:
                xyz = _highest_along(fine, xyz)
                top = _filled(xyz)
                from_terrain += top is not None
            if top is None:
                without += 1
                continue
            used += 1
            on_x, on_y = faces_on_line(grid, xyz[:, 0], xyz[:, 1], top)
            np.maximum(crest_x, on_x, out=crest_x)
            np.maximum(crest_y, on_y, out=crest_y)
    if not used:
        columns = [str(c) for c in defences.columns if c != defences.geometry.name]
        raise InputError(
            Problem(
                where, "layers.defences", text("conditioning.no_crest.found", columns=", ".join(columns)),
                text("conditioning.no_crest.expected", columns=", ".join(CREST_COLUMNS)),
                text("conditioning.no_crest.hint"),
            )
        )  # fmt: skip
    # The ground that water had to pass at those faces: the higher of the two cells.
    padded = np.pad(ground, 1, constant_values=np.nan)
    over_x = np.fmax(padded[1:-1, :-1], padded[1:-1, 1:])
    over_y = np.fmax(padded[:-1, 1:-1], padded[1:, 1:-1])
    crest = np.concatenate([crest_x.ravel(), crest_y.ravel()])
    over = np.concatenate([over_x.ravel(), over_y.ravel()])
    faces = np.isfinite(crest) & np.isfinite(over)
    raised = crest[faces] > over[faces]
    note = text(
        "conditioning.defences", lines=used, faces=int(faces.sum()), raised=int(raised.sum()),
        before=f"{np.median(over[faces]):.2f}" if faces.any() else "–",
        after=f"{np.median(np.maximum(crest, over)[faces]):.2f}" if faces.any() else "–", without=without,
        terrain=from_terrain,
    )  # fmt: skip
    return crest_x, crest_y, note


def _crest_column(defences: gpd.GeoDataFrame) -> Floats:
    crests = np.full(len(defences), np.nan)
    for name in CREST_COLUMNS:
        if name in defences.columns and np.issubdtype(defences[name].dtype, np.number):
            values = defences[name].to_numpy(dtype=float, na_value=np.nan)
            crests = np.where(np.isfinite(crests), crests, values)
    return crests


def _filled(xyz: Floats) -> Floats | None:
    """The Z of a line, interpolated along it where it is not known; None where none is."""
    known = np.isfinite(xyz[:, 2])
    if not known.any():
        return None
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xyz[:, :2], axis=0).T))])
    heights: Floats = np.interp(along, along[known], xyz[known, 2])
    return heights


def _highest_along(fine: Source, xyz: Floats) -> Floats:
    """A line with a vertex for each fine cell along it, Z the highest of the 3 × 3 fine cells there."""
    points = shapely.get_coordinates(shapely.segmentize(shapely.linestrings(xyz[:, :2]), fine.cell))
    j = np.floor((points[:, 0] - fine.x_west) / fine.cell).astype(np.int64)
    i = np.floor((fine.y_north - points[:, 1]) / fine.cell).astype(np.int64)
    out = np.column_stack([points, np.full(len(points), np.nan)])
    for first in range(0, len(points), CHUNK):
        rows, columns = i[first : first + CHUNK], j[first : first + CHUNK]
        i0, j0 = int(rows.min()) - 1, int(columns.min()) - 1
        window = fine.window(i0, j0, int(rows.max()) + 2 - i0, int(columns.max()) + 2 - j0)
        around = np.stack(
            [window[rows - i0 + di, columns - j0 + dj] for di in (-1, 0, 1) for dj in (-1, 0, 1)]
        )
        out[first : first + CHUNK, 2] = np.fmax.reduce(around)
    return out


def _lines(shape: Any) -> Iterator[Any]:
    """The lines of a geometry; of a polygon, its outlines."""
    if shape is None or shape.is_empty:
        return
    for part in shapely.get_parts(shape):
        if shapely.get_dimensions(part) == 2:
            yield from shapely.get_parts(shapely.boundary(part))
        elif shapely.get_dimensions(part) == 1:
            yield part


# --- streams ---


@dataclass(frozen=True, eq=False)
class Stream:
    """The cells that a stream runs through, downstream (flat, i·nx + j), and the metres along at each."""

    cells: Ints
    along: Floats


def streams_on_grid(grid: Grid, hydrography: gpd.GeoDataFrame) -> list[Stream]:
    """Streams at ground level as chains of cells that share faces, each cell after the one upstream.

    Lines run downstream as they are digitised (BD TOPO) unless `sens_de_l_ecoulement` says the reverse.
    Buried streams (`position_par_rapport_au_sol` < 0) are left out.
    """
    columns = hydrography.columns
    level = np.zeros(len(hydrography))
    if "position_par_rapport_au_sol" in columns:
        values = hydrography["position_par_rapport_au_sol"].astype("str").str.replace(",", ".")
        level = np.array([_number(v) for v in values])
    against = np.zeros(len(hydrography), dtype=bool)
    if "sens_de_l_ecoulement" in columns:
        against = (hydrography["sens_de_l_ecoulement"] == AGAINST).fillna(False).to_numpy(dtype=bool)
    streams = []
    for shape, z, turned in zip(hydrography.geometry, level, against, strict=True):
        if z < 0:
            continue
        for line in _lines(shape):
            xy = shapely.get_coordinates(shapely.reverse(line) if turned else line)
            i, j, length = grid.cells_on_line(xy[:, 0], xy[:, 1])
            cells = i * grid.nx + j
            if cells.size:
                first = np.concatenate([[True], np.diff(cells) != 0])
                along = np.cumsum(length) - 0.5 * length
                streams.append(Stream(cells[first], along[first]))
    return streams


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0  # "Gué ou radier": at ground level


def lowest_along(grid: Grid, ground: Floats, lowest: Floats, streams: list[Stream]) -> Step:
    """Give the cells of streams the lowest fine terrain in them: a mean over banks is no river bed.

    lowest : (ny, nx) lowest fine terrain of each cell (m).
    """
    before = _climb(ground, streams)
    flat = ground.ravel().copy()
    cells = np.unique(np.concatenate([s.cells for s in streams])) if streams else np.zeros(0, np.int64)
    flat[cells] = np.fmin(flat[cells], lowest.ravel()[cells])
    return _step(grid, ground, flat.reshape(grid.shape), "lowest", before, streams, count=len(streams))


def burn_streams(grid: Grid, ground: Floats, streams: list[Stream], depth: float, deepest: float) -> Step:
    """Lower the cells of streams by `depth`, then make every stream descend.

    Along each stream no cell is higher than one upstream of it, across confluences too, but nowhere is the
    ground cut by more than `deepest` (so that one false pit upstream digs no canyon).

    Parameters
    ----------
    ground : (ny, nx) (m), NaN outside. depth : ≥ 0 (m). deepest : largest cut (m), depth included.
    """
    before = _climb(ground, streams)
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
    return _step(grid, ground, flat.reshape(grid.shape), "streams", before, streams, count=len(streams))


def open_culverts(
    grid: Grid,
    ground: Floats,
    streams: list[Stream],
    hydrography: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    reach: float,
) -> Step:
    """Open road embankments where a stream passes under them.

    Where a stream meets a road, its cells within `reach` of the crossing are cut down to the straight line
    between the lowest ground upstream and the lowest downstream. The opening is one cell wide and free:
    a culvert that throttles is a structure of the scenario.

    Parameters
    ----------
    roads : canonical roads; tunnels (level < 0) are left out.
    reach : m along the stream, each way.
    """
    before = _climb(ground, streams)
    flat = ground.ravel().copy()
    over = np.asarray(roads.geometry.array[roads["level"].to_numpy() >= 0], dtype=object)
    owner = np.zeros(0, np.int64)
    if len(over) and len(hydrography):
        shapes = shapely.force_2d(np.asarray(hydrography.geometry.array, dtype=object))
        pairs = shapely.STRtree(over).query(shapes, predicate="intersects")
        at = shapely.get_coordinates(
            shapely.centroid(shapely.intersection(shapes[pairs[0]], shapely.force_2d(over[pairs[1]])))
        )
        i, j = grid.index(at[:, 0], at[:, 1])
        inside = grid.inside(i, j)
        owner = (i * grid.nx + j)[inside]
    crossed = np.unique(owner)
    opened = 0
    for stream in streams:
        for k in np.flatnonzero(np.isin(stream.cells, crossed)):
            near = np.abs(stream.along - stream.along[k]) <= reach
            opened += _cut_through(flat, stream.cells, stream.along, near, int(k))
    return _step(
        grid, ground, flat.reshape(grid.shape), "culverts", before, streams, count=crossed.size, opened=opened
    )


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
    flat[cells[between[higher]]] = line[higher]
    return True


def _climb(ground: Floats, streams: list[Stream]) -> float:
    """Sum of the steps up along the streams, those of mere noise left out (m)."""
    total, flat = 0.0, ground.ravel()
    for stream in streams:
        heights = flat[stream.cells]
        steps = np.diff(heights[np.isfinite(heights)])
        total += float(steps[steps > NOISE].sum())
    return total


def _step(
    grid: Grid, old: Floats, new: Floats, row: str, before: float, streams: list[Stream], **words: Any
) -> Step:
    cut = np.nan_to_num(old - new)
    after = _climb(new, streams)
    volume, deepest = float(cut.sum() * grid.area_m2), float(cut.max(initial=0.0))
    note = text(
        f"conditioning.{row}", before=f"{before:.1f}", after=f"{after:.1f}", cells=int((cut > 0).sum()),
        volume=f"{volume:,.0f}", deepest=f"{deepest:.2f}", **words,
    )  # fmt: skip
    return Step(new, note, before, after, volume, deepest)
