"""When something goes wrong the run stops, says where and why, and keeps the last good state."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests import small
from tests.flood.basins import advance, solver
from twin import checkpoint
from twin.errors import InputError, SolverError
from twin.results import Result
from twin.scenarios.binding import InflowForcing, WaterLevelForcing
from twin.scenarios.forcing import TimeSeries
from twin.simulation import run
from twin.solvers.flood import stopping
from twin.solvers.flood.kernels import PAD
from twin.solvers.flood.kernels_sources import INFLOW
from twin.solvers.flood.solver import FloodSolver

NOWHERE = np.zeros(0, dtype=np.int64)
HERE = np.array([7 * 30 + 12])


def _spoil(flood: FloodSolver) -> None:
    """From now on the discharge of the inflows is no number."""
    plain = flood._sources.plain
    for first, last in plain[4][plain[3] == INFLOW]:
        plain[1][first:last] = np.nan


def _inflow(value: float = 2.0) -> InflowForcing:
    return InflowForcing(TimeSeries.constant(value), 0.0, np.inf, HERE, np.ones(1))


def test_an_amount_that_is_no_number_never_gets_into_the_state() -> None:
    flood = solver(np.zeros((20, 30)), np.full((20, 30), 1.0), forcing={"inflows": (_inflow(),)})
    t = advance(flood, 0.0, 5.0)
    _spoil(flood)
    before = flood.depth.copy()
    with pytest.raises(SolverError, match="not a number") as caught:
        flood.step(t, 20.0)
    error = caught.value
    assert error.cell == (7, 12)
    assert error.xy == (flood.grid.x[12], flood.grid.y[7])
    assert error.time == t
    assert np.isnan(error.values["amount"])
    assert "inflow" in error.cause
    np.testing.assert_array_equal(flood.depth, before)
    assert abs(flood.ledger()["mass_error_m3"]) <= 1e-12 * flood.ledger()["volume_m3"]


@pytest.mark.parametrize(
    ("place", "cause"),
    [((10, 20), "pit"), ((0, 12), "boundary"), ((7, 12), "inflow"), ((15, 5), "discharge concentrated")],
)
def test_a_speed_that_nothing_explains_says_its_likely_cause(place: tuple[int, int], cause: str) -> None:
    bed = np.zeros((20, 30))
    bed[10, 20] = -8.0
    depth = np.maximum(1.0 - bed, 0.0)
    flood = solver(bed, depth, cell=5.0, forcing={"inflows": (_inflow(),)})
    t = flood.step(0.0, 10.0)
    i, j = place
    flood._old[1, 4 + i, 4 + j] = 5000.0 * flood.depth[i, j]
    before = flood.depth.copy()
    with pytest.raises(SolverError, match="energy") as caught:
        flood.step(t, 10.0)
    error = caught.value
    assert error.cell is not None
    assert abs(error.cell[0] - i) <= 1
    assert abs(error.cell[1] - j) <= 1
    assert error.values["speed"] > error.values["bound"]
    assert {"depth", "depth_before", "bed", "dt"} <= set(error.values)
    if error.cell == place:
        assert cause in error.cause
    assert flood.depth[place] == before[place] or cause == "inflow"


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_series_that_no_solver_can_use_are_refused_before_the_first_step(value: float) -> None:
    with pytest.raises(InputError, match="inflow 1"):
        solver(np.zeros((20, 30)), np.zeros((20, 30)), forcing={"inflows": (_inflow(value=value),)})
    if not np.isfinite(value):
        level = WaterLevelForcing(TimeSeries.constant(value), 0.0, np.inf, {"west": np.arange(3)}, NOWHERE)
        with pytest.raises(InputError, match="water_level 1"):
            solver(np.zeros((20, 30)), np.zeros((20, 30)), forcing={"levels": (level,)})


def test_the_run_folder_keeps_the_last_good_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = FloodSolver.advance

    def advance_until_spoilt(self: FloodSolver, t: float, t_end: float) -> tuple[float, int, float]:
        if t >= 120.0:
            _spoil(self)
        return whole(self, t, t_end)

    monkeypatch.setattr(FloodSolver, "advance", advance_until_spoilt)
    with pytest.raises(SolverError, match="not a number"):
        run(small.make(tmp_path / "s"), tmp_path / "run")
    failed = Result.open(tmp_path / "run")
    assert failed.status == "failed"
    assert "(20, 30)" in failed.provenance["error"] or "cell" in failed.provenance["error"]
    clock, states = checkpoint.load(tmp_path / "run")
    assert clock["time"] == 120.0
    state = states["flood"]["state"]
    assert np.isfinite(state).all()
    assert state[0].sum() > 0.0
    assert json.loads((tmp_path / "run/indicators.json").read_text())


def test_what_is_found_late_replaces_no_good_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local inertia looks at its speeds after its steps: at the end of the last call too."""

    def found(flood: FloodSolver, fastest: float, lowest: float, dt: float) -> SolverError | None:
        assert fastest > 0.0 > lowest - 1e9
        if flood.time < 600.0:
            return None
        values = {"speed": 99.0, "dt": dt}
        return SolverError("flood", "too fast", time=flood.time, cell=(1, 2), values=values, late=True)

    monkeypatch.setattr(stopping, "false_speed", found)
    scenario = small.make(tmp_path / "s")
    words = scenario.read_text(encoding="utf-8") + '[params.flood]\nscheme = "local_inertial"\n'
    scenario.write_text(words, encoding="utf-8")
    with pytest.raises(SolverError, match="too fast"):
        run(scenario, tmp_path / "run")
    assert Result.open(tmp_path / "run").status == "failed"
    assert not (tmp_path / "run" / checkpoint.FILE).exists()


def test_books_that_do_not_close_stop_with_a_place_and_a_cause() -> None:
    depth = np.full((6, 8), 0.5)
    depth[2, 5] = 1.5
    flood = solver(np.zeros((6, 8)), depth, cell=10.0)
    advance(flood, 0.0, 0.01)
    flood._old[0, 2 + PAD, 5 + PAD] += 1e-3  # water that no book knows
    with pytest.raises(SolverError) as stopped:
        flood.ledger()
    error = stopped.value
    assert error.cell == (2, 5)
    assert error.xy == (flood.grid.x[5], flood.grid.y[2])
    assert error.values["mass_error_m3"] == pytest.approx(0.1, rel=1e-6)
    assert error.cause
