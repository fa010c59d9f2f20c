"""Water at the things people know: buildings, road segments, places.

Pure functions: arrays on a `Grid` and GeoDataFrames in, GeoDataFrames or arrays out; nothing is
read or written. All are vectorised over the geometries.

Rules, the same for every kind of thing
---------------------------------------
* Cells that are blocked (a building stands there) have no depth of their own and are left out.
* Permanent water is left out: cells that are already under more than `WET_DEPTH` at the start of
  the run. A mill beside the river is not flooded because the river is deep, and a street on a
  bridge that the terrain model lacks (IGN removes bridges) is not cut by the river below it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from twin.grid import Grid
from twin.traversal import cells_on_lines as cells_on_lines
from twin.traversal import level_of, on_ground, portals

if TYPE_CHECKING:
    import geopandas as gpd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Water deeper than this counts as water (m); shallower films of rain do not.
WET_DEPTH = 0.05
#: A road is closed to cars from this depth on (m): Pregnolato et al. 2017, Transp. Res. D 55.
CLOSURE_DEPTH = 0.30
#: Points tested at once against polygons: bounds the memory, not the result.
_CHUNK = 2_000_000
#: A polygon with more cells in its box is drawn instead.
_LARGE = 20_000

_BUILDING_COLUMNS = (
    "building_id",
    "nature",
    "use",
    "height",
    "height_source",
    "floors",
    "dwellings",
    "light",
    "residents",
    "ground_elevation",
)
_ROAD_COLUMNS = ("road_id", "name", "nature", "importance", "level", "drivable")


def cells_touched(geometries: ArrayLike, grid: Grid) -> tuple[Ints, Ints]:
    """The cells that points, lines and polygons touch: crossed by a boundary or centred inside.

    Returns
    -------
    owner, cell : (k,) index of the geometry and flat cell; a pair may appear more than once.
    """
    shapes = np.asarray(geometries, dtype=object)
    crossed, crossings, _ = cells_on_lines(shapes, grid)
    owners, cells = [crossed], [crossings]

    parts, part_of = shapely.get_parts(shapes, return_index=True)
    points = shapely.get_dimensions(parts) == 0
    i, j = grid.index(shapely.get_x(parts[points]), shapely.get_y(parts[points]))
    inside = grid.inside(i, j)
    owners.append(part_of[points][inside])
    cells.append((i * grid.nx + j)[inside])

    polygons = np.flatnonzero(shapely.get_dimensions(parts) == 2)
    x_min, y_min, x_max, y_max = shapely.bounds(parts[polygons]).T.reshape(4, -1)
    # Rows and columns whose centres lie within the box of each polygon.
    j0 = np.clip(np.ceil((x_min - grid.x_west) / grid.cell - 0.5), 0, grid.nx).astype(np.int64)
    j1 = np.clip(np.floor((x_max - grid.x_west) / grid.cell - 0.5) + 1, 0, grid.nx).astype(np.int64)
    i0 = np.clip(np.ceil((grid.y_north - y_max) / grid.cell - 0.5), 0, grid.ny).astype(np.int64)
    i1 = np.clip(np.floor((grid.y_north - y_min) / grid.cell - 0.5) + 1, 0, grid.ny).astype(np.int64)
    wide, tall = np.maximum(j1 - j0, 0), np.maximum(i1 - i0, 0)
    large = wide * tall > _LARGE
    for k in np.flatnonzero(large):
        # Line by line: a district of a million cells. Centres on its boundary are there already.
        box = grid.part(int(i0[k]), int(j0[k]), int(tall[k]), int(wide[k]))
        i, j = np.nonzero(box.mask(parts[polygons[k]]))
        owners.append(np.full(i.size, part_of[polygons[k]]))
        cells.append((i + i0[k]) * grid.nx + j + j0[k])
    polygons, i0, j0, tall, wide = (a[~large] for a in (polygons, i0, j0, tall, wide))
    ends = np.cumsum(wide * tall)
    shapely.prepare(parts[polygons])
    first = 0
    while first < polygons.size:
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _CHUNK, side="right")))
        which = np.repeat(np.arange(first, last), (wide * tall)[first:last])
        nth = (
            np.arange(which.size)
            + done
            - np.repeat((ends - wide * tall)[first:last], (wide * tall)[first:last])
        )
        row, column = (
            i0[which] + nth // np.maximum(wide[which], 1),
            j0[which] + nth % np.maximum(wide[which], 1),
        )
        hit = shapely.contains_xy(parts[polygons[which]], grid.x[column], grid.y[row])
        owners.append(part_of[polygons[which[hit]]])
        cells.append((row * grid.nx + column)[hit])
        first = last
    owner, cell = np.concatenate(owners), np.concatenate(cells)
    return owner.astype(np.int64, copy=False), cell.astype(np.int64, copy=False)


def _around(field: Floats, left_out: Bools, *, largest: bool) -> Floats:
    """Largest (or smallest) value of each cell and its eight neighbours, cells left out aside, flat."""
    from scipy.ndimage import maximum_filter, minimum_filter

    empty = -np.inf if largest else np.inf
    values = np.where(left_out | np.isnan(field), empty, field)
    spread = maximum_filter if largest else minimum_filter
    return np.asarray(spread(values, size=3, mode="constant", cval=empty), dtype=np.float64).ravel()


def _left_out(grid: Grid, blocked: NDArray[Any] | None, permanent: NDArray[Any] | None) -> Bools:
    left_out = np.zeros(grid.shape, dtype=bool)
    if blocked is not None:
        left_out |= np.asarray(blocked, dtype=bool)
    if permanent is not None:
        left_out |= np.asarray(permanent, dtype=bool)
    return left_out


def depth_around(
    geometries: ArrayLike,
    grid: Grid,
    depth: NDArray[Any],
    *,
    blocked: NDArray[Any] | None = None,
    permanent: NDArray[Any] | None = None,
) -> Floats:
    """Largest depth over the cells that each geometry touches and their eight neighbours.

    Parameters
    ----------
    geometries : points, lines or polygons, (n,), in the CRS of the grid.
    depth : (ny, nx) (m), usually the maximum over the run; NaN where there is no model.
    blocked : (ny, nx) cells that a building fills; left out.
    permanent : (ny, nx) cells of permanent water (`twin.water.permanent_water`); left out.

    Returns
    -------
    (n,) metres; NaN where no cell is left to look at (outside the grid, or in permanent water only).
    """
    shapes = np.asarray(geometries, dtype=object)
    owner, cell = cells_touched(shapes, grid)
    left_out = _left_out(grid, blocked, permanent)
    return deepest_of_cells(owner, cell, shapes.size, depth, left_out)


def deepest_of_cells(owner: Ints, cell: Ints, n: int, depth: NDArray[Any], left_out: Bools) -> Floats:
    """`depth_around` for cells that are already known (`cells_touched`), for many depths of one scene.

    Parameters
    ----------
    owner, cell : (k,) thing and flat cell. n : number of things.
    depth : (ny, nx) (m).
    left_out : (ny, nx) cells that do not count.

    Returns
    -------
    (n,) metres; NaN where no cell is left.
    """
    around = _around(np.asarray(depth, dtype=np.float64), left_out, largest=True)
    deepest = np.full(n, -np.inf)
    np.maximum.at(deepest, owner, around[cell])
    return np.where(np.isneginf(deepest), np.nan, deepest)


def building_features(
    buildings: gpd.GeoDataFrame,
    grid: Grid,
    *,
    max_depth: NDArray[Any],
    arrival_time: NDArray[Any] | None = None,
    blocked: NDArray[Any] | None = None,
    permanent: NDArray[Any] | None = None,
    depth: Floats | None = None,
) -> gpd.GeoDataFrame:
    """Buildings with the deepest water at their foot and when it came.

    Parameters
    ----------
    buildings : canonical buildings (see twin.layers), in the CRS of the grid.
    max_depth : (ny, nx) largest depth over the run (m).
    arrival_time : (ny, nx) seconds since the start, NaN where water never came.
    blocked, permanent : see `depth_around`.
    depth : (n,) deepest water at each building (m), where more than the cells tell it
        (`twin.features_fine`); then `max_depth` is not looked at. Times stay those of the cells.

    Returns
    -------
    GeoDataFrame
        What `buildings` says of them, with `max_water_depth` (m, NaN: not known, see
        `depth_around`) and `arrival_time` (s; NaN below `WET_DEPTH`, or where no cell was above it).
    """
    out = buildings[[name for name in _BUILDING_COLUMNS if name in buildings.columns] + ["geometry"]].copy()
    shapes = np.asarray(buildings.geometry.array, dtype=object)
    if depth is None:
        depth = depth_around(shapes, grid, max_depth, blocked=blocked, permanent=permanent)
    arrival = np.full(len(out), np.inf)
    if arrival_time is not None:
        left_out = _left_out(grid, blocked, permanent)
        around = _around(np.asarray(arrival_time, dtype=np.float64), left_out, largest=False)
        owner, cell = cells_touched(shapes, grid)
        np.minimum.at(arrival, owner, around[cell])
    out["max_water_depth"] = depth
    out["arrival_time"] = np.where((depth > WET_DEPTH) & np.isfinite(arrival), arrival, np.nan)
    return out


@dataclass(frozen=True, eq=False)
class WaterOnRoads:
    """The largest depths on road segments.

    Attributes
    ----------
    deepest : (n,) metres; 0 where a segment crosses the model and stays dry, NaN outside the grid.
    cut_length : (n,) metres of the segment where the largest depth reaches the closure depth.
    owner, cell, to_cut : (k,) segments that are ever cut, the flat cells where, and the water depth of the
        cell (m) from which they are.
    """

    deepest: Floats
    cut_length: Floats
    owner: Ints
    cell: Ints
    to_cut: Floats


def water_on_roads(
    roads: gpd.GeoDataFrame,
    grid: Grid,
    max_depth: NDArray[Any],
    *,
    permanent: NDArray[Any] | None = None,
    closure_depth: float = CLOSURE_DEPTH,
) -> WaterOnRoads:
    """The largest depth (ny, nx) (m) on the cells that road segments cross; see `road_features`."""
    lines, level = np.asarray(roads.geometry.array, dtype=object), level_of(roads)
    owner, cell, length = cells_on_lines(lines, grid)
    deepest = np.full(len(roads), np.nan)
    deepest[np.unique(owner)] = 0.0  # crosses the model: dry unless the water below says otherwise

    dry = _left_out(grid, None, permanent).ravel()
    use = on_ground(owner, lines, level, portals(lines, level, lines, level), grid.bounds) & ~dry[cell]
    owner, cell, length = owner[use], cell[use], length[use]
    most = np.asarray(max_depth, dtype=np.float64).ravel()[cell]
    np.fmax.at(deepest, owner, most)
    ever = most >= closure_depth
    cut_length = np.bincount(owner, np.where(ever, length, 0.0), minlength=len(roads)).astype(np.float64)
    owner, cell = owner[ever], cell[ever]
    return WaterOnRoads(deepest, cut_length, owner, cell, np.full(cell.size, float(closure_depth)))


def road_features(
    roads: gpd.GeoDataFrame,
    grid: Grid,
    *,
    max_depth: NDArray[Any],
    frames: Iterable[tuple[float, NDArray[Any]]] = (),
    permanent: NDArray[Any] | None = None,
    closure_depth: float = CLOSURE_DEPTH,
    water: WaterOnRoads | None = None,
) -> gpd.GeoDataFrame:
    """Road segments with the deepest water on them and when they are cut.

    A segment is cut when the water on any of its cells reaches `closure_depth`. Bridge decks
    (`level` > 0) are never under water here: the model has the ground below them, not the deck. Tunnels
    (`level` < 0) are as deep as the cells of their portals, as for traffic (`twin.traversal.portals`).

    Parameters
    ----------
    roads : canonical roads (see twin.layers), in the CRS of the grid.
    max_depth : (ny, nx) largest depth over the run (m).
    frames : (time (s), depth (ny, nx)) in the order of time; read once, one at a time.
    permanent : see `depth_around`.
    closure_depth : metres.
    water : what is known of the largest depths better than from the cells (`twin.features_fine`); then
        `max_depth`, `permanent` and `closure_depth` are not looked at.

    Returns
    -------
    GeoDataFrame
        `max_water_depth` (m; NaN outside the grid), `cut_length_m` (metres of the segment where the
        largest depth reaches `closure_depth`), `cut_from_s` (first frame that shows it cut; NaN when
        none does) and `cut_to_s` (first frame that shows it open again for good; NaN when it is
        still cut in the last frame, or never was). Times are no finer than the frames.
    """
    out = roads[[name for name in _ROAD_COLUMNS if name in roads.columns] + ["geometry"]].copy()
    if water is None:
        water = water_on_roads(roads, grid, max_depth, permanent=permanent, closure_depth=closure_depth)
    first, reopened = np.full(len(out), np.nan), np.full(len(out), np.nan)
    # Only segments that are ever cut need looking at in every frame.
    was_cut = np.zeros(len(out), dtype=bool)
    if water.cell.size:
        for time, depth in frames:
            under = np.asarray(depth).ravel()[water.cell] >= water.to_cut
            is_cut = np.bincount(water.owner, under, minlength=len(out)) > 0
            first[is_cut & np.isnan(first)] = time
            reopened[was_cut & ~is_cut] = time
            reopened[is_cut] = np.nan
            was_cut = is_cut
    out["max_water_depth"] = water.deepest
    out["cut_length_m"] = water.cut_length
    out["cut_from_s"] = first
    out["cut_to_s"] = reopened
    return out


def residents_of_buildings(
    buildings: gpd.GeoDataFrame, population: gpd.GeoDataFrame, grid: Grid, *, column: str = "ind"
) -> tuple[Floats, float]:
    """People of population squares (INSEE Filosofi 200 m), shared among the buildings of each square.

    Shared in proportion to volume (footprint × height) among the residential buildings whose
    inner point lies in the square; among all buildings that are not light where none is
    residential. Of a square that reaches beyond the grid only the share inside counts.

    Parameters
    ----------
    buildings : canonical buildings.
    population : squares with the number of people in `column`, in the CRS of the grid.

    Returns
    -------
    residents, homeless : (n,) people of each building; people of squares that have no building.
    """
    squares = np.asarray(population.geometry.array, dtype=object)
    inside = shapely.area(shapely.intersection(squares, shapely.box(*grid.bounds))) / shapely.area(squares)
    people = np.nan_to_num(np.asarray(population[column], dtype=np.float64)) * inside

    shapes = np.asarray(buildings.geometry.array, dtype=object)
    volume = shapely.area(shapes) * np.asarray(buildings["height"], dtype=np.float64)
    use = buildings["use"].astype(str).str.casefold() if "use" in buildings.columns else None
    lived_in = np.zeros(len(buildings), dtype=bool) if use is None else use.str.startswith("résid").to_numpy()
    if "dwellings" in buildings.columns:
        dwellings = np.nan_to_num(np.asarray(buildings["dwellings"], dtype=np.float64))
        lived_in = lived_in | (dwellings > 0)  # what pandas lends is read-only
    solid = np.ones(len(buildings), dtype=bool)
    if "light" in buildings.columns:
        solid &= ~np.asarray(buildings["light"], dtype=bool)

    building, square = shapely.STRtree(squares).query(shapely.point_on_surface(shapes), predicate="within")
    _, once = np.unique(building, return_index=True)  # a point on the edge of two squares: the first
    building, square = building[once], square[once]
    has_homes = np.bincount(square, lived_in[building], minlength=len(squares)) > 0
    weight = volume[building] * np.where(has_homes[square], lived_in[building], solid[building])
    total = np.bincount(square, weight, minlength=len(squares))
    residents = np.zeros(len(buildings))
    share = np.divide(weight, total[square], out=np.zeros_like(weight), where=total[square] > 0)
    residents[building] = share * people[square]
    return residents, float(people[total == 0].sum())
