"""Many steps in one call are the same steps."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from tests.flood.basins import advance, hills, parameters
from twin.domain import Domain
from twin.errors import SolverError
from twin.scenarios.binding import (
    NORMAL_DEPTH,
    OPEN,
    InflowForcing,
    RainForcing,
    WaterLevelForcing,
)
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood import global_steps
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.watching import Watched

SHAPE = (200, 150)


def _flood(inflow: TimeSeries, threads: int = 1, **values: object) -> FloodSolver:
    """All sources that compiled code knows, a gauge and a section, on land that wakes tile by tile."""
    bed = hills(*SHAPE, 12, relief=1.0) + np.linspace(6, 0, 150)
    domain = Domain.from_arrays(bed, cell=5.0, roughness=0.03)
    grid = domain.require_grid("a test")
    ways = np.array([[1.0, 0.0], [0.6, 0.8]])
    forcing = Forcing(
        np.maximum(0.4 - bed, 0.0) * (np.arange(150) > 140),
        rains=(RainForcing(TimeSeries(times=(0.0, 60.0), values=(0.0, 4e-5)), 35.0, 50.0),),
        inflows=(
            InflowForcing(inflow, 2.0, 80.0, np.array([3000, 3150]), np.full(2, 0.5), ways, 12.0),
            InflowForcing(TimeSeries.constant(3.0), 0.0, 60.0, np.array([9000]), np.ones(1)),
        ),
        levels=(WaterLevelForcing(TimeSeries.constant(3.0), 10.0, 70.0, {}, np.array([6100, 6101])),),
        codes=uniform_boundaries(*SHAPE, east=NORMAL_DEPTH, north=OPEN),
    )
    line = shapely.LineString([(grid.x[70], grid.y[0] + 2.5), (grid.x[70], grid.y[-1] - 2.5)])
    watched = Watched({"across": line}, {"gauge": shapely.Point(grid.x[100], grid.y[20])})
    chosen = parameters(threads=threads, **values)
    return FloodSolver.assemble(domain, forcing, chosen, watched=watched)


RISING = TimeSeries(times=(0.0, 30.0, 100.0), values=(0.0, 80.0, 5.0))


def _together(flood: FloodSolver, t: float, t_end: float) -> int:
    calls = 0
    while t < t_end:
        t, _, _ = flood.advance(t, t_end)
        calls += 1
    flood.synchronise(t)
    return calls


def _until_it_stops(flood: FloodSolver, t: float, *, together: bool) -> None:
    while t < 100.0:
        t = flood.advance(t, 100.0)[0] if together else flood.step(t, 100.0)
        assert flood.time == t


@pytest.mark.parametrize("tiles", [True, False])
@pytest.mark.parametrize("scheme", ["first_order", "second_order", "local_inertial"])
def test_many_steps_are_the_steps_one_by_one(scheme: str, tiles: bool) -> None:
    alone, many = (_flood(RISING, scheme=scheme, tiles=tiles) for _ in range(2))
    advance(alone, 0.0, 150.0)
    calls = _together(many, 0.0, 150.0)
    assert calls < 0.5 * alone.steps
    for name, value in alone.state().items():
        np.testing.assert_array_equal(value, many.state()[name], err_msg=name)
    assert alone.readings(150.0) == many.readings(150.0)
    books = alone.ledger()
    assert books == many.ledger()
    assert min(books["inflow_m3"], books["outflow_m3"], books["rain_m3"]) > 0.0
    if tiles and scheme != "local_inertial":
        assert alone.cell_steps < 0.97 * alone.steps * 8 * 64 * 128, "land that slept"


def test_neither_threads_nor_the_length_of_calls_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for threads, longest in ((1, 0.05), (2, 0.05), (1, 0.002), (1, 0.0)):
        monkeypatch.setattr(global_steps, "LONGEST", longest)
        flood = _flood(RISING, threads=threads, scheme="second_order")
        _together(flood, 0.0, 60.0)
        states.append(flood.state())
    for name, value in states[0].items():
        for other in states[1:]:
            np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_a_source_that_is_no_number_stops_where_it_does_step_by_step() -> None:
    broken = TimeSeries(times=(0.0, 40.0, 41.0), values=(10.0, 20.0, 5.0))
    found = []
    for together in (False, True):
        flood = _flood(broken)
        first, last = flood._sources.plain[4][1]
        flood._sources.plain[1][last - 1] = np.nan  # no scenario could say so
        assert last - first == 3
        with pytest.raises(SolverError) as caught:
            _until_it_stops(flood, 0.0, together=together)
        found.append((str(caught.value), flood.time, flood.steps, flood.ledger(), flood.state()))
        assert 39.0 < flood.time <= 41.0
    _same(found)


def test_a_step_that_breaks_is_told_after_those_that_went_well_and_leaves_nothing() -> None:
    found = []
    for together in (False, True):
        flood = _flood(RISING)
        t = advance(flood, 0.0, 30.0)
        # Where the water comes next nothing is a number.
        flood._static[1, 40:60, 84:90] = np.nan
        with pytest.raises(SolverError, match="not a number") as caught:
            _until_it_stops(flood, t, together=together)
        assert 35.0 < flood.time < 100.0, "after some steps, while it rains"
        found.append((str(caught.value), flood.time, flood.steps, flood.ledger(), flood.state()))
    _same(found)


def _same(found: list[tuple[object, ...]]) -> None:
    assert found[0][:-1] == found[1][:-1]
    one, other = (stop[-1] for stop in found)
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    for name, value in one.items():
        # The record has seen the step that failed.
        if name not in ("record", "classes"):
            np.testing.assert_array_equal(value, other[name], err_msg=name)
