"""Model cells that carry the fine terrain: volume and level of each cell, and the sills of each face.

A cell over k × k fine cells keeps its hypsometry as LEVELS heights above its lowest point with the volume
(per area of the cell, m) below each (Volp, van Prooijen and Stelling 2013, Water Resour. Res. 49; van
Ormondt, Leijnse, de Goede, Nederhoff and van Dongeren 2025, Geosci. Model Dev. 18). The heights are those of
the fine cells at shares of the area that grow with the square of their number: a ditch on 5 % of a cell has a
quarter of them.

A face keeps the sill of each of its strips (one for each fine cell along it): the lowest crest that water
meets on its way, inside the two cells, from the deepest point of one through that strip to the deepest point
of the other. So a wall of one fine cell holds water back wherever it stands in a cell, and a ditch leads it
on; flow area and conveyance follow from the sills at any level without a table in between. The height of a
sill over the ground of its strip on both sides says whether it is a weir.

Water shallower than the fall of the ground inside its cell is no pool in the low corner but runs down as a
sheet. For each volume of the first table a cell keeps what the same water conveys when its level falls with
the ground: the mean of h^(5/3) over its fine cells, as the depth of a sheet on a plane that conveys as much.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import NDArray

from twin.road_ground import RoadSurvey

if TYPE_CHECKING:
    from twin.domain import Domain
    from twin.road_ground import RoadGround

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LEVELS = 20
MOST_STRIPS = 20  # on a face; more fine cells than that are taken together

FIELDS = {
    "subgrid_low": ("y", "x"),
    "subgrid_height": ("y", "x", "subgrid_share"),
    "subgrid_volume": ("y", "x", "subgrid_share"),
    "subgrid_sheet": ("y", "x", "subgrid_share"),
    "sill_x": ("y", "x_face", "strip"),
    "sill_y": ("y_face", "x", "strip"),
    "hump_x": ("y", "x_face", "strip"),
    "hump_y": ("y_face", "x", "strip"),
}


class Block(Protocol):
    """A block of cells with the fine terrain in each (see `twin.layers.fine.FineBlock`)."""

    @property
    def rows(self) -> slice:
        """Rows of the grid."""

    @property
    def columns(self) -> slice:
        """Columns of the grid."""

    @property
    def elevation(self) -> Floats:
        """Fine bed (m), shape (rows, columns, k, k), NaN for no value."""


@njit(cache=True)
def _ways(z: Floats, way: Floats) -> None:
    """Way (k, k): the lowest crest between the deepest point of a cell and each of its fine cells."""
    k = z.shape[0]
    way[:] = np.inf
    start = np.argmin(z)
    way[start // k, start % k] = z[start // k, start % k]
    changed = True
    while changed:
        changed = False
        for turn in range(2):
            for a in range(k):
                i = a if turn == 0 else k - 1 - a
                for b in range(k):
                    j = b if turn == 0 else k - 1 - b
                    best = way[i, j]
                    if i > 0:
                        best = min(best, way[i - 1, j])
                    if i < k - 1:
                        best = min(best, way[i + 1, j])
                    if j > 0:
                        best = min(best, way[i, j - 1])
                    if j < k - 1:
                        best = min(best, way[i, j + 1])
                    best = max(best, z[i, j])
                    if best < way[i, j]:
                        way[i, j] = best
                        changed = True


@njit(inline="always")
def _group(level: int, levels: int, size: int) -> int:
    """The number of the fine cells under a height of a table of `levels`, of `size` in their order."""
    share = level / (levels - 1)
    return round(share * share * (size - 1))


@njit(cache=True)
def _fall(z: Floats, middle: float) -> tuple[float, float]:
    """Slopes of the ground of a cell, in height a fine cell: the plane of least squares through its lower
    half (under `middle`), so that neither houses nor the banks of a ditch tilt it.
    """
    k = z.shape[0]
    count, x, y, h = 0.0, 0.0, 0.0, 0.0
    for a in range(k):
        for b in range(k):
            if z[a, b] <= middle:
                count, x, y, h = count + 1.0, x + b, y + a, h + z[a, b]
    x, y, h = x / count, y / count, h / count
    xx, xy, yy, xh, yh = 0.0, 0.0, 0.0, 0.0, 0.0
    for a in range(k):
        for b in range(k):
            if z[a, b] <= middle:
                xx, xy, yy = xx + (b - x) ** 2, xy + (b - x) * (a - y), yy + (a - y) ** 2
                xh, yh = xh + (b - x) * (z[a, b] - h), yh + (a - y) * (z[a, b] - h)
    # A little more of each, for cells in a row.
    xx, yy = xx + 1e-6 * count, yy + 1e-6 * count
    room = xx * yy - xy * xy
    # Rounded, so that mirrored ground has mirrored slopes to the bit.
    return np.float64(np.float32((yy * xh - xy * yh) / room)), np.float64(
        np.float32((xx * yh - xy * xh) / room)
    )


@njit(cache=True)
def _tabulate_sheet(z: Floats, middle: float, volume: Singles, sheet: Singles) -> None:
    """What the volumes of a cell convey as a sheet on its falling ground (see the head of this file)."""
    k, levels = z.shape[0], volume.size
    size = k * k
    east, south = _fall(z, middle)
    level_ground = np.empty(size)
    for a in range(k):
        for b in range(k):
            level_ground[a * k + b] = z[a, b] - (east * (b - 0.5 * (k - 1)) + south * (a - 0.5 * (k - 1)))
    level_ground.sort()
    # In groups as fine at the bottom as the heights of the tables
    ground, count = np.empty(levels), np.empty(levels)
    for n in range(levels):
        first = _group(n, levels, size)
        last = _group(n + 1, levels, size) if n < levels - 1 else size
        count[n] = max(last - first, 0)
        ground[n] = level_ground[first:last].mean() if last > first else level_ground[first]
    wet, below, under = 0, 0.0, 0.0  # groups under water, their cells and their cells × ground
    for n in range(levels):
        held = size * np.float64(volume[n])
        while wet < levels and ground[wet] * below - under <= held:
            below, under = below + count[wet], under + count[wet] * ground[wet]
            wet += 1
        level = (held + under) / max(below, 1.0)
        conveyed = 0.0
        for m in range(wet):
            conveyed += count[m] * max(level - ground[m], 0.0) ** (5.0 / 3.0)
        sheet[n] = (conveyed / size) ** 0.6


@njit(cache=True)
def _tabulate(
    fine: Floats, low: Floats, height: Singles, volume: Singles, sheet: Singles, ways: Floats, base: Floats
) -> None:
    """Tables of a block of cells.

    fine (m, n, k, k); low (m, n); height, volume, sheet (m, n, LEVELS); ways, base (m, n, 4, k): for each
    side (west, east, north, south) the way to each fine cell along it, and the lowest ground of its strip.
    """
    m, n, k = fine.shape[0], fine.shape[1], fine.shape[2]
    z = np.empty((k, k))
    way = np.empty((k, k))
    for i in range(m):
        for j in range(n):
            top = -np.inf
            for a in range(k):
                for b in range(k):
                    z[a, b] = fine[i, j, a, b]
                    if z[a, b] > top:
                        top = z[a, b]
            if top == -np.inf:
                low[i, j] = np.nan
                continue
            for a in range(k):
                for b in range(k):
                    if np.isnan(z[a, b]):
                        z[a, b] = top
            ordered = np.sort(z.ravel())
            bottom = ordered[0]
            low[i, j] = bottom
            below = 0.0
            passed = 0
            for level in range(LEVELS):
                at = _group(level, LEVELS, k * k)
                while passed < at:
                    below += ordered[passed] - bottom
                    passed += 1
                height[i, j, level] = ordered[at] - bottom
                volume[i, j, level] = (at * (ordered[at] - bottom) - below) / (k * k)
            _tabulate_sheet(z, ordered[k * k // 2], volume[i, j], sheet[i, j])
            _ways(z, way)
            for a in range(k):
                ways[i, j, 0, a], ways[i, j, 1, a] = way[a, 0], way[a, k - 1]
                ways[i, j, 2, a], ways[i, j, 3, a] = way[0, a], way[k - 1, a]
                across = np.inf
                along = np.inf
                for b in range(k):
                    across = min(across, z[a, b])
                    along = min(along, z[b, a])
                base[i, j, 0, a] = base[i, j, 1, a] = across
                base[i, j, 2, a] = base[i, j, 3, a] = along


def _grouped(values: Floats) -> Floats:
    """Strips (last axis) taken together where there are more than MOST_STRIPS: their mean."""
    k = values.shape[-1]
    if k <= MOST_STRIPS:
        return values
    starts = np.arange(MOST_STRIPS) * k // MOST_STRIPS
    counts = np.diff(np.append(starts, k))
    grouped: Floats = np.add.reduceat(values, starts, axis=-1) / counts
    return grouped


def _faces(low: Floats, ways: Floats, base: Floats, sides: tuple[int, int]) -> tuple[Singles, Singles]:
    """Sills above the higher of the two lowest points, and heights over the ground, along the second axis.

    low (m, n), ways, base (m, n, 4, strips); sides: of the cell before and after a face. Shape (m, n + 1,
    strips); inf where there is no cell.
    """
    m, n, _, strips = ways.shape
    before, after = sides
    sill = np.full((m, n + 1, strips), -np.inf)
    ground = np.full((m, n + 1, strips), -np.inf)
    reference = np.full((m, n + 1), -np.inf)
    for cells, side in ((slice(1, None), before), (slice(None, -1), after)):
        sill[:, cells] = np.maximum(sill[:, cells], ways[:, :, side])
        ground[:, cells] = np.maximum(ground[:, cells], base[:, :, side])
        reference[:, cells] = np.maximum(reference[:, cells], low)
    with np.errstate(invalid="ignore"):
        above, hump = sill - reference[..., None], sill - ground
    shut = ~np.isfinite(above)
    return (
        np.where(shut, np.inf, above).astype(np.float32),
        np.where(shut, 0.0, np.maximum(hump, 0.0)).astype(np.float32),
    )


def with_subgrid(domain: Domain, blocks: Iterable[Block]) -> Domain:
    """The domain with the tables of its fine terrain as fields (`FIELDS`), and the ground along its roads.

    Parameters
    ----------
    blocks : the fine bed (m) of each cell, buildings included; they cover the grid once. Only one is held at
        a time; the tables take (3 LEVELS + 4 strips) × 4 + 8 bytes a cell, three times that while they are
        made.

    Raises
    ------
    ValueError
        The fine cells are those of the model.
    """
    grid = domain.require_grid("subgrid")
    ny, nx = grid.shape
    low = np.full((ny, nx), np.nan)
    height = np.zeros((ny, nx, LEVELS), dtype=np.float32)
    volume = np.zeros((ny, nx, LEVELS), dtype=np.float32)
    sheet = np.zeros((ny, nx, LEVELS), dtype=np.float32)
    ways = base = np.zeros((0, 0, 4, 0), dtype=np.float64)
    roads = domain.networks.get("roads")
    survey: RoadSurvey | None = None
    for block in blocks:
        fine = np.ascontiguousarray(block.elevation)
        m, n, k, _ = fine.shape
        if k < 2:
            raise ValueError("the fine terrain has the cells of the model")
        if not ways.size:
            ways, base = (np.full((ny, nx, 4, min(k, MOST_STRIPS)), np.nan) for _ in range(2))
            survey = None if roads is None else RoadSurvey(roads, grid, k)
        if survey is not None:
            survey.look(block)
        place = (block.rows, block.columns)
        here = [np.full((m, n, 4, k), np.nan) for _ in range(2)]
        part = np.full((m, n), np.nan)
        _tabulate(fine, part, height[place], volume[place], sheet[place], *here)
        low[place] = part
        ways[place], base[place] = (_grouped(values) for values in here)
    sill_x, hump_x = _faces(low, ways, base, (1, 0))
    turned = (low.T, ways.swapaxes(0, 1), base.swapaxes(0, 1))
    sill_y, hump_y = (np.ascontiguousarray(a.swapaxes(0, 1)) for a in _faces(*turned, (3, 2)))
    tables: dict[str, NDArray[Any]] = {
        "subgrid_low": low, "subgrid_height": height, "subgrid_volume": volume, "subgrid_sheet": sheet,
        "sill_x": sill_x, "sill_y": sill_y, "hump_x": hump_x, "hump_y": hump_y,
    }  # fmt: skip
    fields = domain.fields.assign({name: (FIELDS[name], values) for name, values in tables.items()})
    # The bed that the tables go with: a measure that changes it later is seen.
    fields["subgrid_bed"] = fields["bed_elevation"]
    return replace(domain, fields=fields, road_ground=None if survey is None else survey.ground)


def has_subgrid(fields: xr.Dataset) -> bool:
    """Whether a domain carries the tables."""
    return "subgrid_low" in fields


@njit(inline="always")
def level_above(height: Singles, volume: Singles, depth: float, first: int) -> tuple[float, float, int]:
    """Height (m) of the water over the lowest point of a cell, the share of the cell that it covers, and the
    interval of the table it stands in, from its volume per area of the cell `depth` (m).

    height, volume (LEVELS,); first: interval to begin the search in, best where the water last stood.
    """
    if depth >= volume[LEVELS - 1]:
        return height[LEVELS - 1] + (depth - volume[LEVELS - 1]), 1.0, LEVELS - 2
    while first < LEVELS - 2 and volume[first + 1] <= depth:
        first += 1
    while first > 0 and volume[first] > depth:
        first -= 1
    rise = np.float64(height[first + 1]) - np.float64(height[first])
    more = np.float64(volume[first + 1]) - np.float64(volume[first])
    return height[first] + (depth - volume[first]) * (rise / more), more / max(rise, 1e-12), first


@njit(inline="always")
def sheet_above(sheet: Singles, volume: Singles, depth: float, first: int) -> float:
    """Depth (m) of the sheet on a plane that conveys as much as the water of a cell, `depth` (m) in the mean,
    when its level falls with the ground; first: interval of the table, as :func:`level_above` found it.
    """
    if depth >= volume[LEVELS - 1]:
        return np.float64(sheet[LEVELS - 1]) + (depth - np.float64(volume[LEVELS - 1]))
    more = max(np.float64(volume[first + 1]) - np.float64(volume[first]), 1e-12)
    rise = np.float64(sheet[first + 1]) - np.float64(sheet[first])
    return np.float64(sheet[first]) + (depth - np.float64(volume[first])) * (rise / more)


@njit(cache=True)
def _volumes(height: Singles, volume: Singles, over: Floats, depth: Floats) -> None:
    for i in range(over.shape[0]):
        for j in range(over.shape[1]):
            h, v = height[i, j], volume[i, j]
            x = over[i, j]
            if not x > 0.0:
                depth[i, j] = 0.0
            elif x >= h[LEVELS - 1]:
                depth[i, j] = v[LEVELS - 1] + (x - h[LEVELS - 1])
            else:
                k = 0
                while h[k + 1] <= x:
                    k += 1
                rise = np.float64(h[k + 1]) - np.float64(h[k])
                depth[i, j] = v[k] + (np.float64(v[k + 1]) - np.float64(v[k])) * (x - h[k]) / rise


def depth_at_level(domain: Domain, level: float | Floats) -> Floats:
    """Volume per area of each cell (m) when its water stands at a level (m), shape (ny, nx)."""
    low = domain.field("subgrid_low")
    depth = np.zeros(low.shape)
    over = np.nan_to_num(np.broadcast_to(level, low.shape) - low, nan=-1.0)
    _volumes(domain.field("subgrid_height"), domain.field("subgrid_volume"), over, depth)
    return depth


@njit(cache=True)
def _levels(height: Singles, volume: Singles, depth: Floats, over: Floats) -> None:
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            over[i, j], _, _ = level_above(height[i, j], volume[i, j], depth[i, j], 0)


def levels_of_cells(domain: Domain, i: NDArray[np.int64], j: NDArray[np.int64], depth: Floats) -> Floats:
    """:func:`level_at_depth` for some cells: rows i, columns j, depth and result of shape (n,)."""
    over = np.zeros((1, i.size))
    height, volume = (domain.field(name)[None, i, j] for name in ("subgrid_height", "subgrid_volume"))
    _levels(height, volume, depth[None, :], over)
    level: Floats = domain.field("subgrid_low")[i, j] + over[0]
    return level


def level_at_depth(domain: Domain, depth: Floats) -> Floats:
    """Water level (m) of cells that hold a volume per area (m), shape (ny, nx); where dry, the lowest
    point.
    """
    over = np.zeros(depth.shape)
    _levels(domain.field("subgrid_height"), domain.field("subgrid_volume"), depth, over)
    level: Floats = domain.field("subgrid_low") + over
    return level


@dataclass(frozen=True, eq=False)
class LevelTables:
    """Level and volume of cells apart from a domain: low (ny, nx), height, volume (ny, nx, LEVELS) (m)."""

    low: Floats
    height: Singles
    volume: Singles

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> LevelTables:
        """Of no ground yet."""
        return cls(np.full(shape, np.nan), *(np.zeros((*shape, LEVELS), dtype=np.float32) for _ in range(2)))

    def look(self, block: Block) -> None:
        """Take in the cells of a block."""
        fine, place = np.ascontiguousarray(block.elevation), (block.rows, block.columns)
        m, n, k, _ = fine.shape
        part = np.full((m, n), np.nan)
        rest = np.empty((m, n, LEVELS), dtype=np.float32), *np.empty((2, m, n, 4, k))
        _tabulate(fine, part, self.height[place], self.volume[place], *rest)
        self.low[place] = part

    def level(self, depth: NDArray[np.floating]) -> Floats:
        """Water level (m) of cells that hold a volume per area (m), (ny, nx); NaN where dry or unknown."""
        held, over = np.nan_to_num(depth).astype(np.float64), np.zeros(depth.shape)
        _levels(self.height, self.volume, held, over)
        level: Floats = np.where(held > 0.0, self.low + over, np.nan)
        return level


def depths_on_roads(domain: Domain, ground: RoadGround, depth: NDArray[np.floating]) -> Floats:
    """Water depth (m) at each place of the ground of roads, (k,), from the volumes per area (ny, nx) (m).

    The level of a cell is a plane (:func:`level_rises`); 0 where the cell is dry, the ground is higher or
    nothing is known.
    """
    held = np.asarray(depth, np.float64)
    level = np.where(held > 0.0, level_at_depth(domain, held), np.nan)
    eastward, southward = (rise.ravel()[ground.cell] for rise in level_rises(level))
    here = level.ravel()[ground.cell] + eastward * ground.east + southward * ground.south
    depths: Floats = np.nan_to_num(np.maximum(here - ground.elevation, 0.0))
    return depths


def whole_cells(elevation: Floats) -> Floats:
    """The fine cells of some cells, (n, k, k), one cell a row: those of no value as high as the highest, as
    in the tables. Shape (n, k k).
    """
    z = elevation.reshape(elevation.shape[0], elevation.shape[1] * elevation.shape[2])
    return np.where(np.isnan(z), np.nanmax(z, axis=1, keepdims=True), z)


def level_over_fine(elevation: Floats, depth: Floats) -> Floats:
    """Water level (m) of a block of cells that hold a volume per area `depth` (m, n) (m), from their fine
    cells themselves, elevation (m, n, k, k): :func:`level_at_depth` without its tables. NaN where dry.
    """
    level = np.full(depth.shape, np.nan)
    wet = (depth > 0.0) & np.isfinite(elevation).any(axis=(2, 3))
    z = np.sort(whole_cells(elevation[wet]), axis=1)
    below = np.cumsum(z, axis=1)
    # What the cell holds when its water just reaches each fine cell, times their number
    reached = np.arange(1, z.shape[1] + 1) * z - below
    held = depth[wet] * z.shape[1]
    under = (reached <= held[:, None]).sum(axis=1)
    level[wet] = (held + below[np.arange(under.size), under - 1]) / under
    return level


def level_rises(level: Floats) -> Floats:
    """Rise of the level (m) over each cell to the east and to the south, shape (2, m, n): the smaller of the
    rises to its two neighbours, 0 where they differ in sign (minmod) or one is dry.

    level (m, n), NaN where dry.
    """
    rises: Floats = np.zeros((2, *level.shape))
    for axis, rise in ((1, rises[0]), (0, rises[1])):
        step = np.moveaxis(np.nan_to_num(np.diff(level, axis=axis)), axis, 0)
        before, after = step[:-1], step[1:]
        least = np.sign(after) * np.minimum(np.abs(before), np.abs(after))
        np.moveaxis(rise, axis, 0)[1:-1] = np.where(before * after > 0.0, least, 0.0)
    return rises


def fine_depth(level: Floats, elevation: Floats, rises: Floats | None = None) -> Floats:
    """Depth (m) over the fine terrain of a block of cells: level (m, n) less elevation (m, n, k, k); 0 where
    the level is NaN or the ground higher. Shape (m k, n k), row 0 in the north.

    rises (2, m, n): of the level over each cell (:func:`level_rises` of the whole grid); without, it is flat.
    """
    m, n, k, _ = elevation.shape
    over = level[:, :, None, None] - elevation
    if rises is not None:
        place = (np.arange(k) + 0.5) / k - 0.5
        over = over + rises[0][:, :, None, None] * place + rises[1][:, :, None, None] * place[:, None]
    flat: Floats = np.nan_to_num(np.maximum(over, 0.0)).swapaxes(1, 2).reshape(m * k, n * k)
    return flat
