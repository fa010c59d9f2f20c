"""The hundred-year flood of Valmont (4 × 3 km, terrain of 5 m, 1200 buildings): what cells of 10 m that carry
the terrain say of it, beside cells of 5 m.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import twin
from benchmarks.validation.valley import WET
from twin.fine_water import fine_water
from twin.gridding import DomainParameters, fine_beds
from twin.results import Result
from twin.scenarios import Scenario

Floats = NDArray[np.float64]

SCENARIO = Path(__file__).parents[2] / "data" / "valmont" / "scenarios" / "crue_centennale.toml"
TERRAIN = 5.0  # m, cells of the terrain
FIGURES = ("flooded_area", "buildings_touched", "roads_cut")


@dataclass(frozen=True)
class Way:
    """A way to compute the flood: its name, cells (m), `params.flood`, and the run at 5 m that it is to be
    like.
    """

    name: str
    cell: float
    flood: dict[str, Any]
    own: str = ""


SECOND, FIRST = "5 m, second order", "5 m, first order"
INERTIAL, SHARP = "5 m, local inertial, θ = 0.9", "5 m, local inertial, θ = 1"
WAYS = (
    Way(SECOND, 5.0, {"scheme": "second_order"}),
    Way(FIRST, 5.0, {"scheme": "first_order"}),
    Way(INERTIAL, 5.0, {"scheme": "local_inertial"}),
    Way(SHARP, 5.0, {"scheme": "local_inertial", "theta": 1.0}),
    Way("5 m, local inertial, advection", 5.0, {"scheme": "local_inertial", "advection": True}),
    Way("10 m, subgrid, first order", 10.0, {"scheme": "first_order", "subgrid": True}, FIRST),
    Way("10 m, subgrid, local inertial", 10.0, {"scheme": "local_inertial", "subgrid": True}, SHARP),
    Way("10 m, mean terrain, first order", 10.0, {"scheme": "first_order"}, FIRST),
    Way("10 m, mean terrain, local inertial", 10.0, {"scheme": "local_inertial"}, INERTIAL),
)


def computed(way: Way, folder: Path) -> Result:
    """The run of a way, the flood alone."""
    whole = Scenario.open(SCENARIO)
    alone = Scenario(
        name=way.name,
        territory=whole.territory,
        resolution=way.cell,
        start=whole.start,
        duration=whole.duration,
        solvers=["flood"],
        params={"flood": way.flood},
        events=[event for event in whole.events if event.kind != "demand"],
        boundaries=whole.boundaries,
        outputs={"every": "30 min"},
    )
    return twin.run(alone, folder / way.name.replace(" ", "_"))


def depth_on_terrain(result: Result, way: Way, bed: Floats) -> Floats:
    """The highest level of a run over the cells of the terrain (m), 0 where the bed (ny, nx) of 5 m is
    higher.
    """
    level = np.asarray(result.fields["max_water_level"].values, dtype=np.float64)
    k = round(way.cell / TERRAIN)
    if not way.flood.get("subgrid"):
        over = np.kron(level, np.ones((k, k))) - bed
        return np.maximum(np.nan_to_num(over), 0.0)
    scenario = Scenario.open(result.path / "scenario.toml")
    parameters = scenario.parameters()["domain"]
    assert isinstance(parameters, DomainParameters)
    territory, grid = scenario.territory, result.grid
    depth = np.zeros((grid.ny * k, grid.nx * k))
    for water in fine_water(
        fine_beds(grid, territory.layer("buildings").data, territory.mosaic(), parameters), grid, level
    ):
        top, left = water.block.rows.start * k, water.block.columns.start * k
        depth[top : top + water.grid.ny, left : left + water.grid.nx] = water.depth
    return depth


def agreement(depth: Floats, other: Floats, ground: NDArray[np.bool_]) -> str:
    """RMSE, mean and 95 % of the differences of two maps of depths where both are wet."""
    both = (depth > WET) & (other > WET) & ground
    apart = (depth - other)[both]
    high = np.percentile(np.abs(apart), 95)
    return f"{np.sqrt((apart**2).mean()):.3f} | {apart.mean():+.3f} | {high:.3f}"


def report() -> str:
    """What each way says, in Markdown."""
    lines = [
        "| run | seconds | against | RMSE (m) | mean (m) | 95 % are under (m) | flooded (ha) |"
        " buildings in water | roads cut |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    depths: dict[str, Floats] = {}
    with tempfile.TemporaryDirectory() as name:
        for way in WAYS:
            result = computed(way, Path(name))
            if way.name == SECOND:
                ground = result.fields["building_fraction"].values < 0.5
                bed = np.asarray(result.fields["bed_elevation"].values, dtype=np.float64)
            depths[way.name] = depth = depth_on_terrain(result, way, bed)
            figures = " | ".join(f"{result.indicators[key]['value']:.0f}" for key in FIGURES)
            own = f"| {way.name} | {float(result.diagnostics['seconds'].iloc[-1]):.0f} |"
            if way.name == SECOND:
                lines.append(f"{own} | | | | {figures} |")
                continue
            for against in (SECOND, way.own) if way.own else (SECOND,):
                found = agreement(depth, depths[against], ground)
                lines.append(f"{own} {against} | {found} | {figures} |")
                own, figures = "| | |", "| |"
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
