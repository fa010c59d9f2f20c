"""A lake over the sample commune, on cells of 20 m that carry its terrain of 5 m."""

from __future__ import annotations

import shutil
from pathlib import Path

import twin
from tests.conftest import ROOT
from twin.results import Result
from twin.scenarios import InitialWater, Scenario

LEVEL = 212.0


def lake(folder: Path, duration: str, every: str) -> Result:
    """A run in ``folder / "run"`` on a copy of the territory, ``folder / "valmont"``."""
    shutil.copytree(ROOT / "data" / "valmont", folder / "valmont")
    scenario = Scenario(
        name="subgrid",
        territory=folder / "valmont",
        resolution="20 m",
        start="2026-10-12T06:00+02:00",
        duration=duration,
        solvers=["flood"],
        params={"flood": {"scheme": "local_inertial", "subgrid": True, "threads": 1}},
        events=[InitialWater(level=LEVEL)],
        outputs={"every": every, "variables": ["water_depth", "velocity"]},
    )
    return twin.run(scenario, folder / "run")
