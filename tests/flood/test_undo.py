"""A step that fails brings nothing: neither water nor books nor what sources remember."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from tests import small
from tests.flood.basins import advance, hills, solver
from twin import checkpoint
from twin.errors import SolverError
from twin.results import Result
from twin.scenarios.binding import InflowForcing, RainForcing, WaterLevelForcing
from twin.scenarios.breach import Breach
from twin.scenarios.forcing import TimeSeries
from twin.scenarios.rainfield import RainField
from twin.scenarios.structures import Culvert, Gate, Pump
from twin.simulation import resume, run
from twin.solvers.flood.crests import BreachForcing
from twin.solvers.flood.infiltration import DrainForcing, InfiltrationParameters
from twin.solvers.flood.kernels_sources import INFLOW
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.structures import StructureForcing

NOWHERE = np.zeros(0, dtype=np.int64)
NY, NX, CELL = 20, 30, 10.0
ENDS = {"from": (0.0, 0.0), "to": (1.0, 1.0)}  # the cells are given below; these places are not looked at
FAILS_AT = 12.0  # s


def _fail(flood: FloodSolver, what: str) -> Callable[[], None]:
    """From now on an inflow is no number ("amount"), a million times as fast as its own energy says ("speed")
    or flows nowhere ("way"); returns what mends it.
    """
    plain = flood._sources.plain
    values, ways = plain[1], plain[11:13]
    before = [array.copy() for array in (values, *ways)]
    if what == "amount":
        values[plain[4][np.flatnonzero(plain[3] == INFLOW)[-1], 0]] = np.nan
    for way in ways:
        way *= {"amount": 1.0, "speed": 1e6, "way": np.nan}[what]

    def mend() -> None:
        for array, values in zip((plain[1], *plain[11:13]), before, strict=True):
            array[:] = values

    return mend


def _steady(value: float) -> tuple[TimeSeries, float, float]:
    return TimeSeries.constant(value), 0.0, np.inf


def _flood(*, soil: bool, **values: object) -> FloodSolver:
    """Everything that can bring or take water, the inflow last."""
    bed = hills(NY, NX, 3, relief=1.0)
    crest_x = np.full((NY, NX + 1), -np.inf)
    crest_x[:, 15] = 3.0
    depth = np.maximum(np.where(np.arange(NX) < 15, 3.02, 0.6) - bed, 0.0)
    index = (np.arange(NY * NX).reshape(NY, NX) % 4).astype(np.int32)
    rain = RainField(np.array([0.0, 9.0, 1e4]), np.array([[1, 2, 3, 4], [4, 0, 2, 1]]) * 1e-4, index)
    breach = Breach(at="dike", method="given", width=40.0, duration=60.0, overtopping=0.0)
    works = (
        StructureForcing(Culvert(**ENDS, diameter=1.0, length=20.0), np.array([35]), np.array([55]), NOWHERE),
        StructureForcing(
            Gate(**ENDS, width=3.0, height=1.0, open_above=2.5, close_below=2.0),
            np.array([95]), np.array([115]), NOWHERE,
        ),
        StructureForcing(Pump(**{"from": (0.0, 0.0)}, rate=0.3), np.array([300]), NOWHERE, NOWHERE),
    )  # fmt: skip
    inflow = InflowForcing(
        *_steady(2.0), np.array([7 * NX + 20, 8 * NX + 20]), np.array([0.5, 0.5]),
        np.array([[1.0, 0.0], [0.6, 0.8]]), 20.0,
    )  # fmt: skip
    forcing: dict[str, object] = {
        "rains": (RainForcing(*_steady(2e-4)),),
        "rain_fields": (rain,),
        "levels": (
            WaterLevelForcing(*_steady(1.3), {}, np.array([17 * NX + 25, 17 * NX + 26])),
            WaterLevelForcing(*_steady(1.0), {"east": np.arange(4)}, NOWHERE),
        ),
        "inflows": (InflowForcing(*_steady(1.0), np.array([40]), np.ones(1)), inflow),
    }
    if values.get("scheme") != "local_inertial":
        line = shapely.LineString([(150.0, 0.0), (150.0, 200.0)])
        forcing["breaches"] = (BreachForcing(breach, line, 0.0, NOWHERE, "test", "events[1]"),)
    forcing["structures"] = works
    if soil:
        forcing["drains"] = (DrainForcing(np.arange(100, 160), 1e-5, 0.0, np.inf),)
        values["infiltration"] = InfiltrationParameters(
            method="green_ampt", conductivity="20 mm/h", suction="100 mm", deficit=0.3, initial_loss="1 mm",
            under_water=True,
        )  # fmt: skip
    return solver(bed, depth, cell=CELL, roughness=0.03, crest_x=crest_x, forcing=forcing, **values)


def _same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


AMOUNT, SPEED, NUMBER = ("amount", "not a number"), ("speed", "energy"), ("way", "not a number")
FIRST, SECOND = {"scheme": "first_order"}, {"scheme": "second_order", "max_step": 0.7}
LOCAL = {"scheme": "second_order", "local_time_steps": True}
INERTIAL = {"scheme": "local_inertial"}  # keeps no energy, and never reads the discharges of cells


@pytest.mark.parametrize(
    ("kind", "what", "values"),
    [(*how, values) for values in (FIRST, SECOND, LOCAL) for how in (AMOUNT, SPEED, NUMBER)]
    + [(*AMOUNT, INERTIAL)],
)
@pytest.mark.parametrize("soil", [True, False])
@pytest.mark.parametrize("call", [FloodSolver.step, FloodSolver.advance])  # by hand, and as runs do
def test_a_failed_step_leaves_the_state_before_its_sources_to_the_bit(
    kind: str, what: str, values: dict[str, object], soil: bool, call: Callable[..., object]
) -> None:
    flood = _flood(soil=soil, **values)
    t = advance(flood, 0.0, FAILS_AT)
    before = flood.state()
    assert before["structures"][1, 0] == 1.0
    if "breaches" in before and before["breaches"].size:
        assert np.isfinite(before["breaches"]).all()
    assert flood.ledger()["rain_m3"] > 0.0
    mend = _fail(flood, kind)
    for _ in range(2):  # stopped once more, nothing piles up
        with pytest.raises(SolverError, match=what):
            call(flood, t, 60.0)
        _same(flood.state(), before)
    books = flood.ledger()
    assert abs(books["mass_error_m3"]) <= 1e-13 * books["volume_m3"]
    # Mended, it goes on like a run that never failed: in place, and from what a checkpoint would hold.
    mend()
    other, whole = _flood(soil=soil, **values), _flood(soil=soil, **values)
    other.restore(before)
    advance(whole, 0.0, FAILS_AT)
    for one in (flood, other, whole):
        advance(one, t, 40.0)
    _same(flood.state(), whole.state())
    _same(other.state(), whole.state())


def test_a_resumed_run_brings_the_water_of_the_failed_step_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(small.make(tmp_path / "s"), tmp_path / "whole")
    act = FloodSolver.advance

    def fails(self: FloodSolver, t: float, t_end: float) -> tuple[float, int, float]:
        if t >= 150.0:
            self._static[1, 20, 20] = np.nan  # friction: the step reads it after the sources have acted
        return act(self, t, t_end)

    with monkeypatch.context() as broken:
        broken.setattr(FloodSolver, "advance", fails)
        with pytest.raises(SolverError, match="not a number"):
            run(tmp_path / "s/scenario.toml", tmp_path / "run")
    again = resume(tmp_path / "run")
    assert again.status == "complete"
    for name in ("inflow_m3", "rain_m3", "volume_m3"):
        assert again.diagnostics[name].iloc[-1] == whole.diagnostics[name].iloc[-1]
    np.testing.assert_array_equal(again.fields["water_depth"].values, whole.fields["water_depth"].values)


def test_books_that_do_not_close_never_take_the_place_of_a_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = FloodSolver.advance

    def leaks(self: FloodSolver, t: float, t_end: float) -> tuple[float, int, float]:
        new = act(self, t, t_end)
        if t >= 300.0:
            self._old[0, 10, 10] += 1.0
        return new

    monkeypatch.setattr(FloodSolver, "advance", leaks)
    with pytest.raises(SolverError, match="balance"):
        run(small.make(tmp_path / "s"), tmp_path / "run", checkpoint_every=0.0)
    assert Result.open(tmp_path / "run").status == "failed"
    clock, _ = checkpoint.load(tmp_path / "run")
    assert 250.0 < clock["time.flood"] <= 302.0
    monkeypatch.undo()
    assert resume(tmp_path / "run").status == "complete"
