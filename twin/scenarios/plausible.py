"""What a planner may have got wrong and only the terrain can tell: levels in another datum or unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.conditioning.crests import OVER, UNDER
from twin.domain import Domain
from twin.errors import Problem, told
from twin.faces import ground_at, staircase
from twin.messages import key_figure, text
from twin.scenarios.binding import Cells, RatingForcing, cells_of, edge_cells, flat_edge
from twin.scenarios.events import InitialWater, WaterLevel
from twin.scenarios.forcing import TimeSeries
from twin.scenarios.measures import Dike, place_geometry

if TYPE_CHECKING:
    from twin.grid import Grid
    from twin.scenarios.scenario import Scenario

# The fields of events and measures that hold an elevation (m).
LEVELS = (
    "level", "crest", "sill", "soffit", "inlet_level", "outlet_level", "open_above", "close_below",
    "open_below", "close_above", "on_level", "off_level", "bottom", "water_level",
)  # fmt: skip


def implausible(domain: Domain, scenario: Scenario, ratings: Sequence[RatingForcing]) -> list[Problem]:
    """Elevations that the terrain of the domain does not know, and levels that wet nothing; ratings: those of
    the scenario, bound to the domain.

    Raises
    ------
    InputError
        A place that cannot be used.
    """
    bed = np.where(domain.field("active"), domain.field("bed_elevation"), np.nan)
    if not np.isfinite(bed).any():
        return []
    low, high = float(np.nanmin(bed)), float(np.nanmax(bed))
    span = {"low": f"{low:g}", "high": f"{high:g}"}
    problems = [
        told(scenario.where, f"{table}[{number}].{name}", "scenario.far_level", level=f"{value:g}", **span)
        for table in ("events", "measures")
        for number, item in enumerate(getattr(scenario, table), start=1)
        for name in LEVELS
        for value in _extremes(getattr(item, name, None))
        if not low - UNDER <= value <= high + OVER
    ]
    far = {problem.key for problem in problems}
    problems += [
        told(
            scenario.where, f"{key}.crest", "scenario.dike_under",
            crest=f"{dike.crest:g}", low=f"{ground.min():.2f}", high=f"{ground.max():.2f}",
        )
        for key, dike, ground in _dikes(domain, scenario)
        if f"{key}.crest" not in far and ground.size and ground.min() >= dike.crest
    ]  # fmt: skip
    grid = domain.require_grid("level")
    if "subgrid_low" in domain.fields:  # water stands in the channels of a cell under its mean bed
        bed = np.where(domain.field("active"), domain.field("subgrid_low"), np.nan)
    for number, event in enumerate(scenario.events, start=1):
        key = f"events[{number}].level"
        if isinstance(event, InitialWater | WaterLevel) and event.level is not None and key not in far:
            highest = max(_extremes(event.level))
            ground = bed.ravel()[_cells(grid, domain, event.at, scenario, f"events[{number}].at")]
            problems += _never_wet(scenario, key, highest, ground)
    stretches = [n for n, s in enumerate(scenario.boundaries.stretches, start=1) if s.table is not None]
    for number, rating in zip(stretches, ratings, strict=True):
        cells = [flat_edge(grid, side, along) for side, along in rating.edges.items()]
        if cells:
            highest, ground = rating.curve.levels[-1], bed.ravel()[np.concatenate(cells)]
            problems += _never_wet(scenario, f"boundaries.stretches[{number}].table", highest, ground)
    return problems


def partly_low(domain: Domain, scenario: Scenario) -> list[str]:
    """Dikes that are lower than the ground on a part of their length."""
    said = []
    for key, dike, ground in _dikes(domain, scenario) if "flood" in scenario.solvers else ():
        share = np.count_nonzero(ground >= dike.crest) / max(ground.size, 1)
        if 0.0 < share < 1.0:
            at, part = f"{scenario.where}: {key}.crest", key_figure(100.0 * share, digits=0)
            said.append(
                text("scenario.dike_partly_under", at=at, crest=key_figure(dike.crest, digits=2), share=part)
            )
    return said


def _dikes(domain: Domain, scenario: Scenario) -> Iterator[tuple[str, Dike, NDArray[np.float64]]]:
    """Each dike of the scenario with its key and the ground that water passes at its faces: the higher of the
    two cells, with subgrid at their lowest; without the buildings on it.
    """
    for number, dike in enumerate(scenario.measures, start=1):
        if not isinstance(dike, Dike):
            continue
        grid, key = domain.require_grid("dike"), f"measures[{number}]"
        name = "subgrid_low" if "subgrid_low" in domain.fields else "ground_elevation"
        bed = np.where(domain.field("active"), domain.field(name), np.nan)
        parts = [np.zeros(0)]
        for line in dike.lines(domain, scenario.where, key):
            xy: NDArray[np.float64] = shapely.get_coordinates(line)
            faces = staircase(grid, xy[:, 0], xy[:, 1])
            parts.append(ground_at(bed, faces.across_x, faces.i, faces.j))
        ground = np.concatenate(parts)
        yield key, dike, ground[np.isfinite(ground)]


def _extremes(value: Any) -> tuple[float, ...]:
    """The number, or the highest value of a series (a low tide may be under all ground)."""
    if isinstance(value, TimeSeries):
        return (max(value.values),)
    return (float(value),) if isinstance(value, float | int) else ()


def _cells(grid: Grid, domain: Domain, at: Any, scenario: Scenario, key: str) -> Cells:
    if at is None:
        return np.arange(grid.size)
    geometry = place_geometry(domain, at, scenario.where, key)
    edges = edge_cells(grid, geometry)
    if edges:
        return np.concatenate([flat_edge(grid, side, along) for side, along in edges.items()])
    return cells_of(grid, geometry)[0]


def _never_wet(scenario: Scenario, key: str, level: float, ground: NDArray[np.float64]) -> list[Problem]:
    ground = ground[np.isfinite(ground)]
    if not ground.size or level > ground.min():
        return []
    low, high = f"{ground.min():g}", f"{ground.max():g}"
    return [told(scenario.where, key, "scenario.never_wet", level=f"{level:g}", low=low, high=high)]
