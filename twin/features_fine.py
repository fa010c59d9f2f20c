"""Water of a subgrid run at buildings, roads and places, over the fine terrain (see `twin.features`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from twin.features import (
    CLOSURE_DEPTH,
    WET_DEPTH,
    WaterOnRoads,
    cells_on_lines,
    cells_touched,
    deepest_of_cells,
)
from twin.grid import Grid
from twin.styles import DEPTH
from twin.subgrid import whole_cells
from twin.traversal import level_of, on_ground, portals

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.fine_water import FineWater

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FineFeatures:
    """What the fine terrain says of the things of a run.

    Attributes
    ----------
    at_buildings, at_places : (n,) deepest water around each (m); NaN where none can be known. None without
        buildings.
    flooded_places : (n,) area under water in each place that is a polygon (m²); NaN of points and lines.
    on_roads : None without roads.
    areas : what flood/fine.json holds: side of the fine cells (m), area under water by class of
        `twin.styles.DEPTH` and area of permanent water (m²), largest depth (m).
    """

    at_buildings: Floats | None
    at_places: Floats
    flooded_places: Floats
    on_roads: WaterOnRoads | None
    areas: dict[str, Any]


def fine_features(
    water: Iterable[FineWater],
    grid: Grid,
    buildings: gpd.GeoDataFrame | None,
    roads: gpd.GeoDataFrame | None,
    places: gpd.GeoDataFrame,
    *,
    closure_depth: float = CLOSURE_DEPTH,
) -> FineFeatures:
    """Look at the water of a run block by block.

    Parameters
    ----------
    water : `twin.fine_water.fine_water`.
    grid : the model grid.
    buildings, roads, places : in the CRS of the grid; the first two canonical (see twin.layers).
    closure_depth : of roads (m).
    """
    houses = None if buildings is None else _Around(buildings.geometry.array, grid)
    stops = _Around(places.geometry.array, grid)
    streets = None if roads is None else _OnRoads(roads.geometry.array, level_of(roads), grid, closure_depth)
    areas, districts = _Areas(), _Districts(places.geometry.array)
    for block in water:
        for part in (houses, stops, streets, areas, districts):
            if part is not None:
                part.add(block)
    return FineFeatures(
        None if houses is None else houses.deepest,
        stops.deepest,
        districts.flooded,
        None if streets is None else streets.found,
        areas.summary,
    )


class _Around:
    """Largest depth over the fine cells that things touch and those beside them (`features.depth_around`)."""

    def __init__(self, geometries: ArrayLike, grid: Grid) -> None:
        """Points, lines or polygons, (n,), in the CRS of the model grid."""
        self._grid = grid
        self._shapes: NDArray[Any] = np.asarray(geometries, dtype=object)
        self._bounds = shapely.bounds(self._shapes).reshape(-1, 4)
        self.deepest: Floats = np.full(self._shapes.size, np.nan)
        """(n,) metres so far; NaN where no cell was found to look at."""

    def add(self, water: FineWater) -> None:
        """Look at a block."""
        # What touches a cell of the model just outside of the block has its neighbours in the block.
        wider = water.grid.part(-1, -1, water.grid.ny + 2, water.grid.nx + 2)
        near = _within(self._bounds, wider)
        owner, cell = cells_touched(self._shapes[near], wider)
        i, j = self._grid.index(wider.x[cell % wider.nx], wider.y[cell // wider.nx])
        use = self._grid.inside(i, j)
        left_out = np.pad(~water.known | water.blocked | water.permanent, 1, constant_values=True)
        found = deepest_of_cells(owner[use], cell[use], near.size, np.pad(water.depth, 1), left_out)
        self.deepest[near] = np.fmax(self.deepest[near], found)


class _OnRoads:
    """`features.WaterOnRoads` over the fine cells that roads cross."""

    def __init__(self, lines: ArrayLike, level: Ints, grid: Grid, closure_depth: float) -> None:
        """Segments (n,) in the CRS of the model grid and their levels; closed from a depth (m)."""
        self._lines: NDArray[Any] = np.asarray(lines, dtype=object)
        self._bounds = shapely.bounds(self._lines).reshape(-1, 4)
        self._level, self._grid, self._closure_depth = level, grid, closure_depth
        self._portals = portals(self._lines, level, self._lines, level)
        self._deepest = np.full(self._lines.size, np.nan)
        self._cut_length = np.zeros(self._lines.size)
        self._cut: list[tuple[Ints, Ints, Floats]] = []

    def add(self, water: FineWater) -> None:
        """Look at a block."""
        near = _within(self._bounds, water.grid)
        owner, cell, length = cells_on_lines(self._lines[near], water.grid)
        use = on_ground(owner, self._lines[near], self._level[near], self._portals[near], water.grid.bounds)
        owner = near[owner]
        crossed = np.unique(owner)
        self._deepest[crossed] = np.fmax(self._deepest[crossed], 0.0)
        use &= (water.known & ~water.permanent).ravel()[cell]
        owner, cell, length = owner[use], cell[use], length[use]
        most = water.depth.ravel()[cell]
        np.fmax.at(self._deepest, owner, most)
        cut = most >= self._closure_depth
        np.add.at(self._cut_length, owner[cut], length[cut])
        self._keep_cut(water, owner[cut], cell[cut], most[cut])

    def _keep_cut(self, water: FineWater, owner: Ints, cell: Ints, most: Floats) -> None:
        """What each model cell holds when the deepest place of a road in it is cut."""
        block, k = water.block, water.block.ratio
        i, j = cell // water.grid.nx // k, cell % water.grid.nx // k
        model = (i + block.rows.start) * self._grid.nx + j + block.columns.start
        order = np.lexsort((-most, model, owner))
        owner, model = owner[order], model[order]
        first = np.ones(owner.size, dtype=bool)
        first[1:] = (np.diff(owner) != 0) | (np.diff(model) != 0)
        deepest = order[first]
        i, j = i[deepest], j[deepest]
        # The level of the cell, which falls by as much there.
        level = water.level[i, j] - (most[deepest] - self._closure_depth)
        held = np.maximum(level[:, None] - whole_cells(block.elevation[i, j]), 0.0).mean(axis=1)
        self._cut.append((owner[first], model[first], held))

    @property
    def found(self) -> WaterOnRoads:
        """What the blocks said."""
        owner, cell, to_cut = zip(*self._cut, strict=True)
        return WaterOnRoads(
            self._deepest, self._cut_length, np.concatenate(owner), np.concatenate(cell),
            np.concatenate(to_cut),
        )  # fmt: skip


class _Areas:
    """Areas under water, by depth class."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._classes = np.zeros(len(DEPTH))
        self._permanent, self._deepest, self._cell = 0.0, 0.0, 0.0

    def add(self, water: FineWater) -> None:
        """Look at a block."""
        self._cell = water.grid.cell
        area = water.grid.area_m2
        self._permanent += float((water.permanent & water.known).sum()) * area
        wet = water.depth[_flooded(water)]
        self._classes += [float(((wet > part.low) & (wet <= part.high)).sum()) * area for part in DEPTH]
        self._deepest = max(self._deepest, float(wet.max(initial=0.0)))

    @property
    def summary(self) -> dict[str, Any]:
        """See `FineFeatures.areas`."""
        return {
            "cell_m": self._cell,
            "flooded_m2": list(self._classes),
            "permanent_m2": self._permanent,
            "max_depth_m": self._deepest,
        }


class _Districts:
    """Area under water in polygons."""

    def __init__(self, geometries: ArrayLike) -> None:
        """Geometries (n,) in the CRS of the model grid."""
        self._shapes: NDArray[Any] = np.asarray(geometries, dtype=object)
        self._bounds = shapely.bounds(self._shapes).reshape(-1, 4)
        self._area = shapely.get_dimensions(self._shapes) == 2
        self.flooded: Floats = np.where(self._area, 0.0, np.nan)
        """(n,) m² so far; NaN of what is no polygon."""

    def add(self, water: FineWater) -> None:
        """Look at a block."""
        wet = _flooded(water)
        if not wet.any():
            return
        near = _within(self._bounds, water.grid)
        for k in near[self._area[near]]:
            self.flooded[k] += float((wet & water.grid.mask(self._shapes[k])).sum()) * water.grid.area_m2


def _flooded(water: FineWater) -> Bools:
    """Land that the flood put under water."""
    return water.known & ~water.blocked & ~water.permanent & (water.depth > WET_DEPTH)


def _within(bounds: Floats, grid: Grid) -> Ints:
    """Things whose boxes meet a grid."""
    west, south, east, north = grid.bounds
    return np.flatnonzero(
        (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
    )
