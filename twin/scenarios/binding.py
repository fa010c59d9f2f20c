"""Events put on a grid: the NumPy-ready records that solvers take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from twin.domain import Domain
from twin.errors import InputError, told
from twin.grid import Grid
from twin.layers import read_layer
from twin.layers.lattice import resample_mean
from twin.layers.source import LayerSource
from twin.scenarios.events import Inflow, InitialWater, Rainfall, WaterLevel
from twin.scenarios.forcing import TimeSeries
from twin.scenarios.measures import place_geometry
from twin.scenarios.rating import RatingCurve, read_rating
from twin.subgrid import depth_at_level, has_subgrid

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario

SIDES = ("north", "south", "west", "east")
WALL, OPEN, NORMAL_DEPTH, RATING = 0, 1, 2, 4
BOUNDARY_CODES = {"wall": WALL, "open": OPEN, "normal_depth": NORMAL_DEPTH, "rating_curve": RATING}

Cells = NDArray[np.int64]


@dataclass(frozen=True)
class _Windowed:
    series: TimeSeries
    start: float
    end: float

    def mean(self, t0: float, t1: float) -> float:
        """Exact mean over [t0, t1] (s), zero outside the window."""
        a, b = max(t0, self.start), min(t1, self.end)
        if t1 <= t0:
            return self.series.at(t0) if self.start <= t0 < self.end else 0.0
        return self.series.mean(a, b) * (b - a) / (t1 - t0) if b > a else 0.0


@dataclass(frozen=True)
class RainForcing(_Windowed):
    """Uniform rain (m/s)."""


@dataclass(frozen=True)
class InflowForcing(_Windowed):
    """Discharge (m³/s) into cells: flat indices (k,) and weights (k,) that sum to 1.

    directions : where the water flows as it comes in, unit vectors (east, north), shape (k, 2); None: it
        comes without momentum. width : of the stream (m), from which its speed follows.
    """

    cells: Cells
    weights: NDArray[np.float64]
    directions: NDArray[np.float64] | None = None
    width: float = math.nan

    def volumes(self, t0: float, t1: float) -> NDArray[np.float64]:
        """Water (m³) into each cell in [t0, t1] (s)."""
        return self.mean(t0, t1) * (t1 - t0) * self.weights


@dataclass(frozen=True)
class WaterLevelForcing:
    """A level (m) imposed from `start` to `end`: on edge cells by side (row or column numbers), or on cells.

    `edges` maps a side to indices along it (columns for north and south, rows for west and east);
    `cells` are flat indices inside the domain. One of both is empty. absorb : see `WaterLevel` (s).
    """

    series: TimeSeries
    start: float
    end: float
    edges: dict[str, Cells]
    cells: Cells
    absorb: float = 0.0

    def active(self, t: float) -> bool:
        """Whether the level is imposed at a time (s)."""
        return self.start <= t < self.end


@dataclass(frozen=True)
class RatingForcing:
    """A rating curve on a stretch of the edge: indices along sides, as in `WaterLevelForcing`.

    absorb : see `BoundaryStretch` (s).
    """

    curve: RatingCurve
    edges: dict[str, Cells]
    absorb: float = 0.0


@dataclass(frozen=True)
class Boundaries:
    """Per side: code (WALL, OPEN, NORMAL_DEPTH, RATING) and slope (NaN: the local bed slope), along the side.

    ratings : the curves of the stretches that have one.
    """

    codes: dict[str, NDArray[np.int8]]
    slopes: dict[str, NDArray[np.float64]]
    ratings: tuple[RatingForcing, ...] = ()


def rains(scenario: Scenario) -> list[RainForcing]:
    """The uniform rain of a scenario."""
    found = []
    for event in scenario.events:
        if isinstance(event, Rainfall) and event.field is None:
            series = event.intensity or event.series
            assert series is not None
            # The time of a rain series counts from the start of the scenario, not of the event.
            found.append(RainForcing(series, *event.window))
    return found


def inflows(domain: Domain, scenario: Scenario) -> list[InflowForcing]:
    """The inflows of a scenario, on cells; blocked and inactive cells get none.

    Raises
    ------
    InputError
        A place is not known or has no cell of the domain.
    """
    grid = domain.require_grid("inflow")
    usable = (domain.field("active") & ~domain.field("blocked")).ravel()
    found = []
    for number, event in enumerate(scenario.events, start=1):
        if not isinstance(event, Inflow):
            continue
        key = f"events[{number}].at"
        geometry = place_geometry(domain, event.at, scenario.where, key)
        cells, length, directions = _inflow_cells(grid, geometry, event)
        keep = usable[cells]
        if not keep.any():
            raise InputError(told(scenario.where, key, "scenario.no_cell", place=event.at))
        cells, length, directions = cells[keep], length[keep], directions[keep]
        weights = length / length.sum()
        if not event.momentum:
            found.append(InflowForcing(event.discharge, *event.window, cells, weights))
            continue
        if np.isnan(directions).any():
            raise InputError(
                told(scenario.where, f"events[{number}].direction", "scenario.no_direction", place=event.at)
            )
        linear = geometry.length > 0 and not geometry.geom_type.endswith("Polygon")
        width = float(length.sum()) if linear else math.sqrt(cells.size) * grid.cell
        found.append(InflowForcing(event.discharge, *event.window, cells, weights, directions, width))
    return found


def _inflow_cells(
    grid: Grid, geometry: BaseGeometry, event: Inflow
) -> tuple[Cells, NDArray[np.float64], NDArray[np.float64]]:
    """Cells, weights and directions (k, 2) of an inflow; NaN where the place tells no direction.

    On a line along the edge the water goes inwards, on any other line to its left (as discharges of
    sections count), unless the event says `direction`.
    """
    edges = edge_cells(grid, geometry)
    if edges and event.momentum:
        inward = {"north": (0.0, -1.0), "south": (0.0, 1.0), "west": (1.0, 0.0), "east": (-1.0, 0.0)}
        parts = [(flat_edge(grid, side, cells), inward[side]) for side, cells in edges.items()]
        cells = np.concatenate([part for part, _ in parts])
        directions = np.concatenate([np.tile(normal, (part.size, 1)) for part, normal in parts])
        length = np.full(cells.size, grid.cell)
    else:
        cells, length = cells_of(grid, geometry)
        directions = np.full((cells.size, 2), np.nan)
        lines = [p for p in shapely.get_parts(geometry) if p.geom_type in ("LineString", "LinearRing")]
        if lines and event.momentum:
            total = np.zeros((grid.size, 2))
            for a, b in (pair for line in lines for pair in pairwise(shapely.get_coordinates(line))):
                i, j, within = grid.cells_on_line([a[0], b[0]], [a[1], b[1]])
                normal = np.array([a[1] - b[1], b[0] - a[0]]) / np.hypot(*(b - a))
                np.add.at(total, i * grid.nx + j, within[:, None] * normal)
            size = np.hypot(total[cells, 0], total[cells, 1])
            directions = total[cells] / np.maximum(size, 1e-300)[:, None]
    if event.direction is not None:
        angle = math.radians(event.direction)
        directions = np.tile((math.sin(angle), math.cos(angle)), (cells.size, 1))
    return cells, length, directions


def flat_edge(grid: Grid, side: str, cells: Cells) -> Cells:
    """Flat indices of the cells along a side."""
    i, j = {
        "north": (np.zeros_like(cells), cells),
        "south": (np.full_like(cells, grid.ny - 1), cells),
        "west": (cells, np.zeros_like(cells)),
        "east": (cells, np.full_like(cells, grid.nx - 1)),
    }[side]
    return np.asarray(i * grid.nx + j, dtype=np.int64)


def water_levels(domain: Domain, scenario: Scenario) -> list[WaterLevelForcing]:
    """The imposed levels of a scenario, on edge stretches or cells.

    A line that runs along the edge (every point within one and a half cells of it, or outside) is a
    stretch of the edge; any other line or polygon imposes the level on its cells.
    """
    grid = domain.require_grid("water_level")
    active = domain.field("active")
    found = []
    for number, event in enumerate(scenario.events, start=1):
        if not isinstance(event, WaterLevel):
            continue
        key = f"events[{number}].at"
        geometry = place_geometry(domain, event.at, scenario.where, key)
        edges = edge_cells(grid, geometry)
        cells = np.zeros(0, dtype=np.int64)
        if not edges:
            cells, _ = cells_of(grid, geometry)
            cells = cells[active.ravel()[cells]]
            if cells.size == 0:
                raise InputError(told(scenario.where, key, "scenario.no_stretch", place=event.at))
        found.append(WaterLevelForcing(event.level, *event.window, edges, cells, event.absorb))
    return found


def boundaries(domain: Domain, scenario: Scenario) -> Boundaries:
    """The boundary of every edge cell: sides first, then the stretches, in their order."""
    grid = domain.require_grid("boundary")
    count = {"north": grid.nx, "south": grid.nx, "west": grid.ny, "east": grid.ny}
    table = scenario.boundaries
    codes = {s: np.full(count[s], BOUNDARY_CODES[getattr(table, s)], dtype=np.int8) for s in SIDES}
    slopes = {s: np.full(count[s], np.nan if table.slope is None else table.slope) for s in SIDES}
    owner = {s: np.zeros(count[s], dtype=np.int64) for s in SIDES}  # number of the stretch, 0: none
    for number, stretch in enumerate(table.stretches, start=1):
        key = f"boundaries.stretches[{number}].at"
        geometry = place_geometry(domain, stretch.at, scenario.where, key)
        edges = edge_cells(grid, geometry)
        if not edges:
            raise InputError(told(scenario.where, key, "scenario.not_at_edge", place=stretch.at))
        for side, cells in edges.items():
            codes[side][cells] = BOUNDARY_CODES[stretch.kind]
            owner[side][cells] = number
            if stretch.slope is not None:
                slopes[side][cells] = stretch.slope
    ratings = []
    for number, stretch in enumerate(table.stretches, start=1):
        if stretch.table is not None:
            curve = read_rating(Path(stretch.table), f"boundaries.stretches[{number}].table")
            mine = {side: np.flatnonzero(owner[side] == number) for side in SIDES}
            along = {side: cells for side, cells in mine.items() if cells.size}
            ratings.append(RatingForcing(curve, along, stretch.absorb or 0.0))
    return Boundaries(codes, slopes, tuple(ratings))


def initial_depth(domain: Domain, scenario: Scenario) -> NDArray[np.float64]:
    """Water depth at the start, shape (ny, nx) (m): the most that any `initial_water` event asks for."""
    grid = domain.require_grid("initial_water")
    bed = domain.field("bed_elevation")
    dry = ~domain.field("active") | domain.field("blocked")
    depth = np.zeros(grid.shape)
    for number, event in enumerate(scenario.events, start=1):
        if not isinstance(event, InitialWater):
            continue
        where = np.ones(grid.shape, dtype=bool)
        if event.at is not None:
            geometry = place_geometry(domain, event.at, scenario.where, f"events[{number}].at")
            where = (
                grid.mask(geometry) if geometry.geom_type.endswith("Polygon") else np.zeros(grid.shape, bool)
            )
            cells, _ = cells_of(grid, geometry)
            where.ravel()[cells] = True
        if event.level is not None:
            over_fine = has_subgrid(domain.fields)
            asked = depth_at_level(domain, event.level) if over_fine else np.maximum(event.level - bed, 0.0)
        else:
            asked = _depth(event.depth, grid, scenario, f"events[{number}].depth")
        depth = np.where(where & ~dry, np.fmax(depth, asked), depth)
    return depth


def _depth(depth: float | str | None, grid: Grid, scenario: Scenario, key: str) -> NDArray[np.float64]:
    if isinstance(depth, float):
        return np.full(grid.shape, depth)
    assert depth is not None
    layer = read_layer(
        "initial_water", LayerSource(source=depth), root=Path(scenario.root), crs=grid.crs, bounds=grid.bounds
    )
    values = np.nan_to_num(resample_mean(layer, grid))
    if (values < 0).any():
        raise InputError(
            told(scenario.where, key, "scenario.negative_depth", depth=f"{values.min():g}", file=depth)
        )
    return values


def cells_of(grid: Grid, geometry: BaseGeometry) -> tuple[Cells, NDArray[np.float64]]:
    """Cells under a point, line or polygon: flat indices without repeats, and a weight (length, or 1)."""
    weights: dict[int, float] = {}
    for part in shapely.get_parts(geometry):
        xy: NDArray[np.float64] = shapely.get_coordinates(part)
        if part.geom_type == "Point":
            i, j = grid.index(xy[:, 0], xy[:, 1])
            keep = grid.inside(i, j)
            length: NDArray[Any] = np.ones(int(keep.sum()))
            i, j = i[keep], j[keep]
        elif part.geom_type == "Polygon":
            i, j = np.nonzero(grid.mask(part))
            length = np.ones(i.size)
        else:
            i, j, length = grid.cells_on_line(xy[:, 0], xy[:, 1])
        for cell, value in zip((i * grid.nx + j).tolist(), length.tolist(), strict=True):
            weights[cell] = weights.get(cell, 0.0) + value
    order = sorted(weights)
    return np.asarray(order, dtype=np.int64), np.asarray([weights[c] for c in order])


def edge_cells(grid: Grid, geometry: BaseGeometry) -> dict[str, Cells]:
    """The stretch of each side that a line along the edge covers; empty when it does not run along it.

    A line runs along a side when all its points lie within one and a half cells of that side, or
    outside of it; data that start a few metres off the grid are met like this. A stretch has the cells whose
    centres it passes; one that is too short to pass any has the cell at its middle.
    """
    if any(part.geom_type not in ("LineString", "LinearRing") for part in shapely.get_parts(geometry)):
        return {}
    xmin, ymin, xmax, ymax = grid.bounds
    near = 1.5 * grid.cell
    found: dict[str, list[Cells]] = {}
    spans: dict[str, list[float]] = {}
    for part in shapely.get_parts(geometry):
        xy: NDArray[np.float64] = shapely.get_coordinates(part)
        for (x0, y0), (x1, y1) in pairwise(xy):
            if x0 == x1 and y0 == y1:
                continue
            low, high = min(x0, x1), max(x0, x1)
            bottom, top = min(y0, y1), max(y0, y1)
            if bottom >= ymax - near and high > low:
                side, a, b, centres = "north", low, high, grid.x
            elif top <= ymin + near and high > low:
                side, a, b, centres = "south", low, high, grid.x
            elif high <= xmin + near and top > bottom:
                side, a, b, centres = "west", bottom, top, grid.y
            elif low >= xmax - near and top > bottom:
                side, a, b, centres = "east", bottom, top, grid.y
            else:
                return {}
            found.setdefault(side, []).append(np.flatnonzero((centres >= a) & (centres < b)))
            spans.setdefault(side, []).extend((a, b))
    passed = {side: np.unique(np.concatenate(cells)) for side, cells in found.items()}
    if any(cells.size for cells in passed.values()):
        return {side: cells for side, cells in passed.items() if cells.size}
    for side, ends in spans.items():
        middle = 0.5 * (min(ends) + max(ends))
        across = (middle - xmin) if side in ("north", "south") else (ymax - middle)
        number = math.floor(across / grid.cell)
        if 0 <= number < (grid.nx if side in ("north", "south") else grid.ny):
            return {side: np.array([number], dtype=np.int64)}
    return {}
