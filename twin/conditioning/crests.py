"""Dikes and walls as crests on the faces between cells: never averaged into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import InputError, listed, told
from twin.faces import cell_values, ground_at, raise_along
from twin.grid import Grid
from twin.layers.ign import first_number, is_null_height
from twin.layers.lattice import Source
from twin.messages import number, text

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Said = list[tuple[shapely.Geometry, Floats, Floats]]

# Columns with the elevation of a crest (m), best first; else the Z of the line.
CREST_COLUMNS = ("crest", "cote_crete", "alt_crete", "z_crete", "alt", "altitude")
ZERO_GROUND = 0.5  # m: a crest of exactly 0 m on ground higher than this is one that nobody knows
OVER, UNDER = 200.0, 20.0  # m over the highest and under the lowest ground: no level or crest is beyond
CHUNK = 256  # vertices of a line whose fine cells are read at once


def crests_of_defences(
    grid: Grid, defences: gpd.GeoDataFrame, ground: Floats, where: str, fine: Source | None = None
) -> tuple[Floats, Floats, str]:
    """Dikes and walls as crests on the faces between cells: never averaged into them.

    The crest is that of the first column of `CREST_COLUMNS` with a number (texts count, codes for "unknown"
    do not, nor does 0 on ground above `ZERO_GROUND`), else the line's own Z (unless all are 0), else the
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
        No line has a crest, or one is far from all ground.
    """
    crest_x = np.full((grid.ny, grid.nx + 1), -np.inf)
    crest_y = np.full((grid.ny + 1, grid.nx), -np.inf)
    crests = _crest_column(defences)
    zero = defences.attrs.get("zero", 0.0)  # see `twin.layers.ign.raised`
    used, without, from_terrain = 0, 0, 0
    tops = [np.zeros(0)]
    for shape, crest in zip(np.asarray(defences.geometry.array, dtype=object), crests, strict=True):
        for line in _lines(shape):
            xyz = shapely.get_coordinates(line, include_z=True)
            top = _said(xyz, crest, cell_values(ground, *grid.index(xyz[:, 0], xyz[:, 1])), zero)
            tops += [] if top is None else [top]
            if top is None and fine is not None:
                xyz = _highest_along(fine, xyz)
                top = _filled(xyz)
                from_terrain += top is not None
            if top is None:
                without += 1
                continue
            used += 1
            raise_along(crest_x, crest_y, grid, xyz[:, 0], xyz[:, 1], top)
    if not used:
        columns = [str(c) for c in defences.columns if c != defences.geometry.name]
        raise InputError(
            told(
                where, "layers.defences", "conditioning.no_crest", columns=listed(columns),
                known=listed(CREST_COLUMNS),
            )
        )  # fmt: skip
    said = np.concatenate(tops)
    known = ground[np.isfinite(ground)]
    low, high = (float(known.min()), float(known.max())) if known.size else (-np.inf, np.inf)
    far = said[(said < low - UNDER) | (said > high + OVER)]
    if far.size:
        span = {"low": f"{low:g}", "high": f"{high:g}"}
        raise InputError(told(where, "layers.defences", "scenario.far_level", level=f"{far[0]:g}", **span))
    # The ground that water had to pass at those faces: the higher of the two cells.
    parts = []
    for plane, across_x in ((crest_x, True), (crest_y, False)):
        i, j = np.nonzero(np.isfinite(plane))
        over = ground_at(ground, np.full(i.size, across_x), i, j)
        parts.append(np.stack([plane[i, j], over])[:, np.isfinite(over)])
    crest, over = np.concatenate(parts, axis=1)
    note = text(
        "conditioning.defences", lines=used, faces=crest.size, raised=int((crest > over).sum()),
        before=number(float(np.median(over))) if over.size else "–",
        after=number(float(np.median(np.maximum(crest, over)))) if over.size else "–", without=without,
        terrain=from_terrain,
    )  # fmt: skip
    return crest_x, crest_y, note


def said_crests(defences: gpd.GeoDataFrame, ground_at_points: Callable[[Floats, Floats], Floats]) -> Said:
    """What a layer of defences itself says of its crests, as `crests_of_defences` takes it: for each line
    that says one the line, its crest and the ground at its vertices (m).
    """
    zero = defences.attrs.get("zero", 0.0)
    rows = [
        (line, shapely.get_coordinates(line, include_z=True), crest)
        for shape, crest in zip(
            np.asarray(defences.geometry.array, dtype=object), _crest_column(defences), strict=True
        )
        for line in _lines(shape)
    ]
    if not rows:
        return []
    points = np.concatenate([xyz for _, xyz, _ in rows])
    under = np.split(
        ground_at_points(points[:, 0], points[:, 1]), np.cumsum([len(xyz) for _, xyz, _ in rows])[:-1]
    )
    tops = [_said(xyz, crest, below, zero) for (_, xyz, crest), below in zip(rows, under, strict=True)]
    return [
        (line, top, below)
        for (line, _, _), top, below in zip(rows, tops, under, strict=True)
        if top is not None
    ]


def _said(xyz: Floats, crest: float, under: Floats, zero: float) -> Floats | None:
    """The crest that a line says at its vertices (m), None: none. Its Z that nobody knows becomes NaN.

    crest : that of its columns. under : the ground at its vertices. zero : see `twin.layers.ign.raised`.
    """
    low = under <= zero + ZERO_GROUND
    none = xyz[:, 2] == zero
    xyz[none & (none.all() | ~low), 2] = np.nan
    # A dike may end on higher ground: most vertices tell.
    most_low = 2 * np.count_nonzero(low) >= np.count_nonzero(np.isfinite(under))
    said = np.isfinite(crest) and (crest != zero or most_low)
    return np.full(len(xyz), crest) if said else _filled(xyz)


def _crest_column(defences: gpd.GeoDataFrame) -> Floats:
    crests = np.full(len(defences), np.nan)
    for name in CREST_COLUMNS:
        if name in defences.columns:
            values = first_number(defences, [name])
            crests = np.where(np.isfinite(crests) | is_null_height(values), crests, values)
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
