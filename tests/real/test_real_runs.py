"""The real territories, end to end: coarse and short by default, whole under `make validate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.results import Result
from twin.scenarios import Scenario, WaterLevel
from twin.simulation import run

HERE = Path(__file__).parent
pytestmark = pytest.mark.real


def coarse(file: Path, folder: Path, resolution: float, hours: float) -> Scenario:
    """The scenario on larger cells over a shorter time."""
    scenario = Scenario.open(file)
    values = {name: getattr(scenario, name) for name in type(scenario).model_fields}
    values |= {"resolution": resolution, "duration": hours * 3600.0}
    values["outputs"] = scenario.outputs.model_copy(update={"every": hours * 900.0, "gauges_every": 60.0})
    values["params"] = {"traffic": {"every": hours * 1800.0}}
    return Scenario(**values)


def assert_whole(result: Result) -> None:
    """What must hold of any run."""
    assert result.status == "complete"
    last = result.diagnostics.iloc[-1]
    exchanged = max(last["volume_m3"], last["inflow_m3"] + last["outflow_m3"])
    assert abs(last["mass_error_m3"]) <= 1e-12 * exchanged
    assert (np.nan_to_num(result.fields["water_depth"].values) >= 0).all()
    assert result.traffic_summary is not None
    assert result.buildings is not None
    assert result.roads is not None
    assert {"flooded_area", "buildings_touched", "roads_cut", "trips_stranded"} <= set(result.indicators)


def test_dieppe_coarse(real_data: Path, tmp_path: Path) -> None:
    scenario = coarse(HERE / "dieppe" / "submersion.toml", tmp_path, 100.0, 2.0)
    assert scenario.check() == []
    result = run(scenario, tmp_path / "run")
    assert_whole(result)
    # The sea swings, with a period of 21 min, as its edge jumps at the start: about the level of the edge.
    sea = next(event for event in scenario.events if isinstance(event, WaterLevel))
    offshore = result.gauges[result.gauges["gauge"] == "offshore"]
    assert offshore["water_level_m"].iloc[0] == 0.0
    assert offshore["water_level_m"].iloc[-21:].mean() == pytest.approx(
        sea.level.mean(5940.0, 7200.0), abs=0.1
    )


def test_la_fleche_coarse(real_data: Path, tmp_path: Path) -> None:
    scenario = coarse(HERE / "la_fleche" / "crue.toml", tmp_path, 50.0, 2.0)
    assert scenario.check() == []
    result = run(scenario, tmp_path / "run")
    assert_whole(result)
    assert result.diagnostics["inflow_m3"].iloc[-1] == pytest.approx(300.0 * 7200.0, rel=1e-12)


@pytest.mark.slow
def test_dieppe_whole(real_data: Path, tmp_path: Path) -> None:
    result = run(HERE / "dieppe" / "submersion.toml", tmp_path / "run")
    assert_whole(result)
    offshore = result.gauges[result.gauges["gauge"] == "offshore"]
    assert offshore["water_level_m"].max() == pytest.approx(7.24, abs=0.15)
    assert "Dieppe" in result.indicators["districts_touched"]["detail"]


@pytest.mark.slow
def test_la_fleche_whole(real_data: Path, tmp_path: Path) -> None:
    result = run(HERE / "la_fleche" / "crue.toml", tmp_path / "run")
    assert_whole(result)
    assert 500 < result.indicators["flooded_area"]["value"] < 2000
