"""What comes from outside, what stands in the way, and what goes wrong."""

import numpy as np
import pytest
from pydantic import ValidationError

from tests.flood.basins import advance, parameters, solver
from twin.domain import Domain
from twin.errors import InputError, SolverError
from twin.scenarios.binding import NORMAL_DEPTH, OPEN, InflowForcing, RainForcing, WaterLevelForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

NO_CELLS = np.zeros(0, dtype=np.int64)


def test_inflow_brings_exactly_its_hydrograph() -> None:
    series = TimeSeries(times=(0.0, 100.0, 130.0, 400.0), values=(0.0, 20.0, 3.0, 0.0))
    inflow = InflowForcing(series, 20.0, 350.0, np.array([410, 411]), np.array([0.25, 0.75]))
    flood = FloodSolver.assemble(
        Domain.from_arrays(np.zeros((30, 40)), cell=10.0, roughness=0.03),
        Forcing(np.zeros((30, 40)), inflows=(inflow,)),
        parameters(),
    )
    advance(flood, 0.0, 400.0)
    wanted = series.mean(20.0, 350.0) * 330.0
    books = flood.ledger()
    assert books["inflow_m3"] == pytest.approx(wanted, rel=1e-12)
    assert books["volume_m3"] == pytest.approx(wanted, rel=1e-12)
    # The step already knew the water that was about to come.
    assert flood.summary()["limited_cell_steps"] == 0


def test_a_burst_on_dry_land_is_stepped_in_time() -> None:
    inflow = InflowForcing(TimeSeries.constant(1000.0), 0.0, np.inf, np.array([820]), np.ones(1))
    flood = FloodSolver.assemble(
        Domain.from_arrays(np.zeros((40, 40)), cell=5.0), Forcing(np.zeros((40, 40)), inflows=(inflow,)),
        parameters(),
    )  # fmt: skip
    dt = flood.step(0.0, 60.0)
    depth = 1000.0 * dt / 25.0
    assert dt <= 0.45 * 5.0 / np.sqrt(9.81 * depth) * 1.001
    advance(flood, dt, 5.0)
    assert abs(flood.ledger()["mass_error_m3"]) < 1e-12 * 5000


def test_rain_fills_a_closed_basin_and_counts_windows() -> None:
    bed = np.random.default_rng(1).uniform(0, 0.1, (20, 30))
    rain = RainForcing(TimeSeries(times=(0.0, 600.0), values=(0.0, 1e-4)), 100.0, 500.0)
    more = RainForcing(TimeSeries.constant(1e-5), 0.0, np.inf)
    flood = FloodSolver.assemble(
        Domain.from_arrays(bed, cell=5.0, roughness=0.02), Forcing(np.zeros(bed.shape), rains=(rain, more)),
        parameters(),
    )  # fmt: skip
    advance(flood, 0.0, 600.0)
    wanted = (rain.series.mean(100.0, 500.0) * 400.0 + 1e-5 * 600.0) * bed.size * 25.0
    assert flood.ledger()["rain_m3"] == pytest.approx(wanted, rel=1e-12)
    assert flood.ledger()["volume_m3"] == pytest.approx(wanted, rel=1e-12)


def test_the_sea_comes_in_over_the_edge_and_goes_out_again() -> None:
    bed = np.tile(np.linspace(-2, 2, 40), (20, 1))
    tide = TimeSeries(times=(0.0, 300.0, 600.0, 900.0), values=(0.0, 1.0, 1.0, -1.0))
    level = WaterLevelForcing(tide, 0.0, np.inf, {"west": np.arange(20)}, NO_CELLS)
    flood = FloodSolver.assemble(
        Domain.from_arrays(bed, cell=10.0, roughness=0.03), Forcing(np.maximum(-bed, 0), levels=(level,)),
        parameters(),
    )  # fmt: skip
    advance(flood, 0.0, 600.0)
    surface = bed + flood.depth
    np.testing.assert_allclose(surface[flood.depth > 0.1], 1.0, atol=0.05)
    full = flood.ledger()
    advance(flood, 600.0, 2400.0)
    surface = bed + flood.depth
    np.testing.assert_allclose(surface[:, :5], -1.0, atol=0.02)
    ebbed = flood.ledger()
    assert ebbed["volume_m3"] < full["volume_m3"]
    assert ebbed["outflow_m3"] > 0
    assert abs(ebbed["mass_error_m3"]) < 1e-12 * full["volume_m3"]


def test_a_level_imposed_inside_is_booked_as_exchange() -> None:
    level = WaterLevelForcing(TimeSeries.constant(2.0), 0.0, 50.0, {}, np.array([5 * 20 + 10]))
    flood = FloodSolver.assemble(
        Domain.from_arrays(np.zeros((11, 20)), cell=10.0, roughness=0.03),
        Forcing(np.zeros((11, 20)), levels=(level,)),
        parameters(),
    )  # fmt: skip
    advance(flood, 0.0, 50.0)
    books = flood.ledger()
    assert books["inflow_m3"] == pytest.approx(books["volume_m3"], rel=1e-12)
    assert books["volume_m3"] > 2.0 * 100.0


def test_an_open_side_lets_out_and_never_in() -> None:
    depth = np.zeros((10, 60))
    depth[:, 20:40] = 2.0
    flood = FloodSolver.assemble(
        Domain.from_arrays(np.zeros((10, 60)), cell=5.0, roughness=0.02),
        Forcing(depth, codes=uniform_boundaries(10, 60, east=OPEN)),
        parameters(),
    )
    advance(flood, 0.0, 300.0)
    books = flood.ledger()
    assert books["inflow_m3"] == 0.0
    assert books["outflow_m3"] > 0.4 * books["initial_m3"]


def _behind_a_dike(level: float) -> FloodSolver:
    """Water of that level west of a dike whose crest is at 2 m, on flat land at 0 m; dry in the east."""
    crest = np.full((9, 41), -np.inf)
    crest[:, 20] = 2.0
    depth = np.zeros((9, 40))
    depth[:, :20] = level
    return solver(np.zeros((9, 40)), depth, crest_x=crest, cell=5.0, roughness=0.03)


def test_a_dike_holds_back_what_stays_under_its_crest() -> None:
    flood = _behind_a_dike(1.9)
    advance(flood, 0.0, 300.0)
    assert flood.depth[:, 20:].max() == 0.0
    np.testing.assert_allclose(flood.depth[:, :20], 1.9, atol=1e-12)


def test_a_dike_is_overtopped_above_its_crest_until_the_levels_meet() -> None:
    flood = _behind_a_dike(3.0)
    advance(flood, 0.0, 5.0)
    assert flood.depth[:, 20:].max() > 0.0
    assert flood.depth[:, 19].min() > 2.0
    advance(flood, 5.0, 900.0)
    assert flood.depth[:, :20].mean() == pytest.approx(2.0, abs=0.1)
    assert flood.depth[:, 20:].mean() == pytest.approx(1.0, abs=0.1)
    assert abs(flood.ledger()["mass_error_m3"]) < 1e-12 * flood.ledger()["volume_m3"]


def test_steps_land_exactly_and_share_what_is_left() -> None:
    depth = np.full((5, 5), 1.0)
    depth[2, 2] = 1.5
    flood = solver(np.zeros((5, 5)), depth, cell=1.0)
    t, times = 0.0, [0.0]
    while t < 1.0:
        t = flood.step(t, 1.0)
        times.append(t)
    assert times[-1] == 1.0
    steps = np.diff(times)
    assert steps[-1] == pytest.approx(steps[-2], rel=1e-12)


def test_a_wrong_state_stops_the_run_and_says_where() -> None:
    flood = solver(np.zeros((20, 30)), np.full((20, 30), 1.0), cell=5.0)
    flood.step(0.0, 10.0)
    flood._old[1, 4 + 7, 4 + 12] = 500.0  # a speed that nothing explains
    before = flood.depth.copy()
    with pytest.raises(SolverError, match="energy") as caught:
        flood.step(1.0, 10.0)
    i, j = caught.value.cell
    assert abs(i - 7) <= 1
    assert abs(j - 12) <= 1
    assert caught.value.xy == (flood.grid.x[j], flood.grid.y[i])
    assert caught.value.values["speed"] > caught.value.values["bound"]
    assert caught.value.cause
    np.testing.assert_array_equal(flood.depth, before)


def test_not_a_number_stops_the_run() -> None:
    flood = solver(np.zeros((20, 30)), np.full((20, 30), 1.0), cell=5.0)
    flood._old[0, 4 + 9, 4 + 3] = np.nan
    with pytest.raises(SolverError, match="not a number"):
        flood.step(0.0, 10.0)


def test_books_that_do_not_close_stop_the_run() -> None:
    flood = solver(np.zeros((20, 30)), np.full((20, 30), 1.0))
    flood._old[0, 4 + 9, 4 + 3] += 1e-3
    with pytest.raises(SolverError, match="balance"):
        flood.ledger()


def test_all_unusable_forcing_is_reported_at_once() -> None:
    domain = Domain.from_arrays(np.zeros((4, 5)), cell=1.0)
    bad = Forcing(
        np.full((4, 5), -1.0),
        rains=(RainForcing(TimeSeries.constant(-1.0), 0.0, 1.0),),
        inflows=(InflowForcing(TimeSeries.constant(-2.0), 0.0, 1.0, np.array([0]), np.ones(1)),),
        codes=uniform_boundaries(4, 5, south=NORMAL_DEPTH),
    )
    with pytest.raises(InputError) as caught:
        FloodSolver.assemble(domain, bad)
    assert len(caught.value.problems) == 4


def test_a_scheme_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValidationError, match="first_order"):
        FloodParameters(scheme="third_order")
