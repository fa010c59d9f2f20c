"""What can be told of a scenario before it runs: its files, its places, the layers and the run it needs."""

from __future__ import annotations

import glob
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from twin.errors import InputError, Problem, suggest, told
from twin.files import file_and_part
from twin.messages import figure, hours_and_minutes, text
from twin.plugins import SOLVERS
from twin.scenarios.breach import Breach
from twin.scenarios.events import Demand, Event, Inflow, Rainfall
from twin.scenarios.forcing import TimeSeries, series_unit
from twin.scenarios.measures import NewDistrict
from twin.scenarios.rating import read_rating
from twin.territory import outside

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario

# How values of a series are told, by their unit: what one of it is in SI, its name.
SHOWN_IN = {"m": (1.0, "m"), "m/s": (1e-3 / 3600.0, "mm/h"), "m**3/s": (1.0, "m³/s"), "s": (1.0, "s")}
MOST = {"m/s": 500e-3 / 3600.0, "m**3/s": 1e5}  # more rain, and more water in a river, is another unit


def unmet(scenario: Scenario) -> list[Problem]:
    """What the scenario names and its territory, its folder or the disk do not have."""
    problems = [*_missing_files(scenario), *_unknown_places(scenario), *_missing_layers(scenario)]
    problems += _odd_times(scenario)
    initial = scenario.initial
    if initial is not None and not (scenario.root / initial.from_run / "provenance.json").is_file():
        problems.append(told(scenario.where, "initial.from_run", "folder.no_run_there", run=initial.from_run))
    return problems


def _odd_times(scenario: Scenario) -> list[Problem]:
    """Windows that end before they start, events and series beside the run, and water that is negative or
    more than falls and flows anywhere.
    """
    problems: list[Problem] = []
    for number, event in enumerate(scenario.events, start=1):
        start, end = event.window
        if not start < end:
            times = {"start": f"{start:g}", "end": f"{end:g}"}
            problems.append(told(scenario.where, f"events[{number}].end", "scenario.window", **times))
        elif (end <= 0.0 or start >= scenario.duration) and not _of_earlier_run(event, scenario):
            span = {"start": f"{start:g}", "end": "∞" if math.isinf(end) else f"{end:g}"}
            span["duration"] = f"{scenario.duration:g}"
            problems.append(told(scenario.where, f"events[{number}].start", "scenario.event_beside", **span))
        for name in type(event).model_fields:
            series = getattr(event, name)
            if not isinstance(series, TimeSeries) or not series.is_read:
                continue
            key, first, last = f"events[{number}].{name}", series.times[0], series.times[-1]
            if first < last and (last <= 0.0 or first >= scenario.duration):
                span = {"first": f"{first:g}", "last": f"{last:g}", "end": f"{scenario.duration:g}"}
                problems.append(told(scenario.where, key, "scenario.series_beside", **span))
            if isinstance(event, Inflow | Rainfall) and min(series.values) < 0.0:
                problems.append(told(scenario.where, key, "flood.series", found=min(series.values)))
            unit = series_unit(type(event).model_fields[name]) or ""
            if unit in MOST and max(series.values) > MOST[unit]:
                (scale, shown), found = SHOWN_IN[unit], max(series.values)
                said = {
                    "rate": f"{figure(found / scale)} {shown}",
                    "most": f"{figure(MOST[unit] / scale)} {shown}",
                }
                problems.append(told(scenario.where, key, "scenario.far_rate", unit=unit, **said))
    return problems


def held(scenario: Scenario) -> list[str]:
    """Series that do not cover the run: which value holds before and after, and for how long."""
    said: list[str] = []
    for number, event in enumerate(scenario.events, start=1):
        begin, end = max(event.window[0], 0.0), min(event.window[1], scenario.duration)
        for name, field in type(event).model_fields.items():
            series, unit = getattr(event, name), series_unit(field)
            if not isinstance(series, TimeSeries) or len(series.times) < 2 or unit is None:
                continue
            scale, shown = SHOWN_IN[unit]
            for row, value, seconds in (
                ("first_holds", series.values[0], min(series.times[0], end) - begin),
                ("last_holds", series.values[-1], end - max(series.times[-1], begin)),
            ):
                if seconds > 0.0 and (value or unit == "m"):  # a level of 0 m is one
                    words = {"value": f"{figure(value / scale)} {shown}", "time": _how_long(seconds)}
                    at = f"{scenario.where}: events[{number}].{name}"
                    said.append(text(f"scenario.{row}", at=at, **words))
    return said


def unread(scenario: Scenario) -> list[str]:
    """Events, measures and parameters that no solver of the scenario reads, where all of them are ours."""
    if not set(scenario.solvers) <= set(SOLVERS):
        return []
    said: list[str] = []
    for table in ("events", "measures"):
        for number, item in enumerate(getattr(scenario, table), start=1):
            if item.read_by not in scenario.solvers:
                at = f"{scenario.where}: {table}[{number}]: {item.kind}"
                said.append(text("scenario.unread", at=at, solver=item.read_by))
    demands = {event.zones for event in scenario.events if isinstance(event, Demand)}
    for number, measure in enumerate(scenario.measures, start=1):
        if (
            isinstance(measure, NewDistrict)
            and "traffic" in scenario.solvers
            and measure.zones not in demands
        ):
            at = f"{scenario.where}: measures[{number}].zones: {measure.zones}"
            said.append(text("scenario.no_demand", at=at))
    said += [
        text("scenario.unread", at=f"{scenario.where}: params.{name}", solver=name)
        for name in scenario.params
        if name in SOLVERS and name not in scenario.solvers
    ]
    return said


def _how_long(seconds: float) -> str:
    return hours_and_minutes(seconds) if seconds >= 3600.0 else f"{figure(seconds / 60.0)} min"


def _of_earlier_run(event: Event, scenario: Scenario) -> bool:
    """Whether it may have happened already: a hot start grows the breach on that has the same event."""
    return isinstance(event, Breach) and scenario.initial is not None


def _missing_files(scenario: Scenario) -> list[Problem]:
    problems: list[Problem] = []
    for number, stretch in enumerate(scenario.boundaries.stretches, start=1):
        if stretch.table is not None:
            try:
                read_rating(Path(stretch.table), f"boundaries.stretches[{number}].table")
            except InputError as error:
                problems += error.problems
    for number, event in enumerate(scenario.events, start=1):
        for name in event.files_in:
            value = getattr(event, name)
            if isinstance(value, str) and not named(value):
                near = suggest(Path(value).name, [p.name for p in Path(value).parent.glob("*.*")])
                problems.append(
                    told(scenario.where, f"events[{number}].{name}", "scenario.no_file", near, file=value)
                )
    return problems


def _unknown_places(scenario: Scenario) -> list[Problem]:
    problems: list[Problem] = []
    named: list[tuple[str, str]] = []
    for table in ("events", "measures", "story"):
        for number, item in enumerate(getattr(scenario, table), start=1):
            for field in item.places_in:
                at, key = getattr(item, field), f"{table}[{number}].{field.rstrip('_')}"
                if isinstance(at, str):
                    named.append((key, at))
                elif at is not None:
                    problems += _off_the_map(scenario, at, key)
    for number, slide in enumerate(scenario.story, start=1):
        if isinstance(slide.time, float) and not 0.0 <= slide.time <= scenario.duration:
            problems.append(
                told(
                    scenario.where,
                    f"story[{number}].time",
                    "scenario.not_an_instant",
                    time=f"{slide.time:g}",
                    end=f"{scenario.duration:g}",
                )
            )
    named += [(f"outputs.gauges[{k}]", n) for k, n in enumerate(scenario.outputs.gauges, start=1)]
    named += [(f"outputs.sections[{k}]", n) for k, n in enumerate(scenario.outputs.sections, start=1)]
    for number, stretch in enumerate(scenario.boundaries.stretches, start=1):
        if isinstance(stretch.at, str):
            named.append((f"boundaries.stretches[{number}].at", stretch.at))
    try:
        known = scenario.territory.place_names
    except InputError as error:
        return [*problems, *error.problems]
    for key, name in named:
        if name not in known:
            problems.append(told(scenario.where, key, "scenario.no_place", suggest(name, known), found=name))
    return problems


def _off_the_map(scenario: Scenario, at: Any, key: str) -> list[Problem]:
    bounds = scenario.territory._terrain_bounds()
    xy = np.atleast_2d(np.asarray(at, dtype=float))
    geometry = shapely.Point(xy[0]) if len(xy) == 1 else shapely.LineString(xy)
    if bounds is None or geometry.intersects(shapely.box(*bounds)):
        return []
    return [outside(scenario.where, key, geometry, bounds)]


def _missing_layers(scenario: Scenario) -> list[Problem]:
    needs = {"flood": ("terrain",), "traffic": ("roads",)}
    return [
        told(scenario.territory.file, f"layers.{layer}", "scenario.no_layer", solver=solver)
        for solver in scenario.solvers
        for layer in needs.get(solver, ())
        if not scenario.territory.has(layer)
    ]


def named(name: str) -> list[Path]:
    """What a file, a folder or a pattern (``file.nc#variable`` too) names, where it exists."""
    path, _ = file_and_part(name, Path())
    if path.exists():
        return [path]
    return [Path(found) for found in sorted(glob.glob(str(path)))]  # noqa: PTH207 - may be absolute
