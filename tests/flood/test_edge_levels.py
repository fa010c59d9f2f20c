"""Imposed levels along the edge: they bring in what they say, and let out what comes from inside."""

from __future__ import annotations

import numpy as np
import pytest

from tests.flood.basins import advance, solver
from twin.scenarios.binding import InflowForcing, WaterLevelForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.solver import FloodSolver

G, DEPTH, CELL, NX, NY = 9.81, 10.0, 10.0, 240, 3
NO_CELLS = np.zeros(0, dtype=np.int64)
C = np.sqrt(G * DEPTH)


def _channel(
    series: TimeSeries, absorb: float, scheme: str = "second_order", **forcing: object
) -> FloodSolver:
    """Still water 10 m deep, a level in the west, a wall in the east."""
    level = WaterLevelForcing(series, 0.0, np.inf, {"west": np.arange(NY)}, NO_CELLS, absorb)
    depth = forcing.pop("depth", np.full((NY, NX), DEPTH))
    return solver(
        np.zeros((NY, NX)), depth, cell=CELL, forcing={"levels": (level,), **forcing}, scheme=scheme
    )  # fmt: skip


@pytest.mark.parametrize("absorb", [0.0, 60.0])
@pytest.mark.parametrize("width", [100.0, 300.0])
def test_a_wave_from_inside_leaves_as_the_formula_says(absorb: float, width: float) -> None:
    """A small hump runs out to the west; what comes back is the first-order filter of it."""
    x = (np.arange(NX) + 0.5) * CELL
    high = 0.02
    hump = np.tile(DEPTH + high * np.exp(-(((x - 1200.0) / width) ** 2)), (NY, 1))
    u = -(hump - DEPTH) * np.sqrt(G / DEPTH)  # all of it runs west
    level = WaterLevelForcing(
        TimeSeries.constant(DEPTH), 0.0, np.inf, {"west": np.arange(NY)}, NO_CELLS, absorb
    )
    flood = solver(
        np.zeros((NY, NX)), hump, cell=CELL, velocity_x=u, scheme="second_order", forcing={"levels": (level,)}
    )
    arrival = 2400.0 / C  # the image of the hump is back at x = 1200 m
    advance(flood, 0.0, arrival)
    back = flood.fields["water_depth"][1] - DEPTH
    # The reflected signal r(t) of an incoming f(t): R = -1 / (1 + 2 i ω T), so 2 T r' + r = -f.
    fine = np.linspace(-6.0 * width / C, 6.0 * width / C + 20.0, 4001)
    f = high * np.exp(-((fine * C / width) ** 2))
    r = np.zeros_like(f)
    for k in range(1, fine.size):
        step = fine[k] - fine[k - 1]
        r[k] = -f[k] if absorb == 0.0 else (r[k - 1] - step / (2.0 * absorb) * f[k]) / (
            1.0 + step / (2.0 * absorb)
        )  # fmt: skip
    wanted = np.interp((1200.0 - x) / C, fine, r)
    seen = slice(70, 175)
    np.testing.assert_allclose(back[seen], wanted[seen], atol=0.08 * high)
    if absorb > 0.0:
        assert np.abs(back).max() < high * np.sqrt(np.pi) * width / C / (2.0 * absorb) * 1.05


@pytest.mark.parametrize("scheme", ["first_order", "second_order", "local_inertial"])
def test_what_the_level_brings_comes_in_whole_and_goes_out_again(scheme: str) -> None:
    """Two waves of 0.1 m and 60 s: before they come back from the wall they are those of a held level; then
    they leave.
    """
    times = np.arange(0.0, 121.0, 1.0)
    wave = 0.1 * np.sin(2 * np.pi * times / 60.0) * np.sin(np.pi * times / 120.0)
    series = TimeSeries(times=(*times, 1e4), values=(*(DEPTH + wave), DEPTH))
    crests, rests = {}, {}
    for absorb in (0.0, 60.0):
        flood = _channel(series, absorb, scheme)
        advance(flood, 0.0, 150.0)
        crests[absorb] = float(np.ptp(flood.fields["water_depth"][1]))
        advance(flood, 150.0, 800.0)  # to the wall, back, and again
        rests[absorb] = float(np.abs(flood.fields["water_depth"][1] - DEPTH).max())
    assert crests[60.0] == pytest.approx(crests[0.0], rel=0.04)
    assert crests[60.0] == pytest.approx(np.ptp(wave), rel=0.05 if scheme == "second_order" else 0.3)
    assert rests[0.0] > (0.3 if scheme == "second_order" else 0.1) * crests[0.0]
    assert rests[60.0] < 0.15 * rests[0.0]


def test_a_tide_and_a_steady_flow_meet_the_level() -> None:
    """4 m an hour into a closed bay of 2.4 km, and 60 m³/s that leave over the edge."""
    times = np.arange(0.0, 1e4, 20.0)
    tide = 1.0 * (1.0 - np.cos(2 * np.pi * times / 7200.0))
    series = TimeSeries(times=tuple(times), values=tuple(DEPTH + tide))
    flood, held = (_channel(series, absorb) for absorb in (60.0, 0.0))
    for one in (flood, held):
        t, errors = 0.0, []
        for until in np.arange(60.0, 2401.0, 60.0):
            t = advance(one, t, float(until))
            wanted = DEPTH + 1.0 - np.cos(2 * np.pi * until / 7200.0)
            errors.append(one.fields["water_depth"][1, 0] - wanted)
        assert np.abs(errors).max() < 0.025
    slowly = TimeSeries(times=(0.0, 2000.0), values=(0.0, 60.0))
    inflow = InflowForcing(slowly, 0.0, np.inf, np.array([NX + 200]), np.ones(1))
    flood = _channel(TimeSeries.constant(DEPTH), 60.0, inflows=(inflow,))
    advance(flood, 0.0, 6000.0)
    assert flood.fields["water_depth"][1, 0] == pytest.approx(DEPTH, abs=5e-3)
    before = flood.ledger()["outflow_m3"]
    advance(flood, 6000.0, 6100.0)
    assert (flood.ledger()["outflow_m3"] - before) / 100.0 == pytest.approx(60.0, rel=1e-2)


def test_a_sea_at_rest_stays_so_and_a_restart_changes_no_bit() -> None:
    flood = _channel(TimeSeries.constant(DEPTH), 60.0)
    advance(flood, 0.0, 100.0)
    assert np.abs(flood.fields["velocity_x"]).max() == 0.0
    series = TimeSeries(times=(0.0, 50.0, 1e4), values=(DEPTH, DEPTH + 0.5, DEPTH))
    flood, other, whole = (_channel(series, 60.0) for _ in range(3))
    t = advance(flood, 0.0, 40.0)
    other.restore(flood.state())
    advance(other, t, 90.0)
    advance(whole, 0.0, 40.0)
    advance(whole, 40.0, 90.0)
    np.testing.assert_array_equal(other.fields["water_depth"], whole.fields["water_depth"])
