"""The cases of ``twin bench``: a domain, what drives it, how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.errors import InputError, listed, suggest, told
from twin.gridding import DomainParameters, build_domain
from twin.layers import samples
from twin.messages import text
from twin.scenarios import Scenario
from twin.scenarios.binding import OPEN, InflowForcing, RainForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters

HALF_HOUR = 1800.0  # s
LEAST_CELLS = 16  # per side: smaller cases have no valley, no ridge, no column of water

Floats = NDArray[np.float64]
Built = tuple[Domain, Forcing]


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes
    ----------
    name : what the command line calls it. file : the scenario that it is made of, if any.
    build : cells per side (for those that scale) → domain and forcing.
    duration : simulated seconds.
    cells : cells per side by default; 0: the case has a size of its own.
    tiles : whether dry land sleeps; off where the bare kernels are measured.
    long : whether it is left out unless it is asked for.
    own_steps : whether it is also run with local time steps, by the schemes that have them.
    """

    name: str
    build: Callable[[int], Built]
    duration: float
    cells: int = 0
    tiles: bool = True
    long: bool = False
    own_steps: bool = False
    file: str = ""

    @property
    def label(self) -> str:
        """What the case is, for people."""
        return self.file or text(f"bench.case_{self.name}")


def bench_a(cells: int) -> Built:
    """BENCH-A: a column of water spreads over a wavy bed between walls.

    2000 × 2000 m, bed z = 1.5 (1 + sin(2πx/400) sin(2πy/400)), water level 10 m within 400 m of the centre,
    elsewhere at least 1 m, Manning n = 0.03.
    """
    cell = 2000.0 / cells
    x, y = np.meshgrid(*[(np.arange(cells) + 0.5) * cell] * 2)
    bed = 1.5 * (1 + np.sin(2 * np.pi * x / 400) * np.sin(2 * np.pi * y / 400))
    level = np.where(np.hypot(x - 1000, y - 1000) < 400, 10.0, np.maximum(bed, 1.0))
    return Domain.from_arrays(bed, cell=cell, roughness=0.03), Forcing(level - bed)


def dry_margin(cells: int) -> Built:
    """BENCH-A behind a wall of rock, in a map ten times larger whose other land stays dry.

    The added land is to the south, 20 m above the bed.
    """
    domain, forcing = bench_a(cells)
    bed = np.asarray(domain.field("bed_elevation"))
    land = np.full((9 * cells, cells), 20.0)
    depth = np.vstack([forcing.initial_depth, np.zeros_like(land)])
    return Domain.from_arrays(
        np.vstack([bed, land]), cell=domain.require_grid("bench").cell, roughness=0.03
    ), Forcing(depth)


def steep_rain(cells: int) -> Built:
    """Rain of 100 mm/h on ridges of 1:2 with gullies, 5 m cells: thin films everywhere, open below."""
    cell = 5.0
    x, y = np.meshgrid(*[(np.arange(cells) + 0.5) * cell] * 2)
    ridge = 0.5 * np.abs((x % 400.0) - 200.0)
    gully = 2.0 * np.sin(2 * np.pi * y / 60.0) * np.sin(np.pi * (x % 200.0) / 200.0)
    bed = ridge + gully + 0.05 * y[::-1]
    rain = RainForcing(TimeSeries.constant(100e-3 / 3600.0), 0.0, np.inf)
    return Domain.from_arrays(bed, cell=cell, roughness=0.05), Forcing(
        np.zeros((cells, cells)), rains=(rain,), codes={"south": np.full(cells, OPEN, dtype=np.int8)}
    )


def reservoir(cells: int) -> Built:
    """A valley under a full reservoir, in a flood: 10 m cells, twice as long as wide (`cells` long).

    The lake is 60 m deep and a tenth of the length, and holds; below it a river of 60 m³/s and 30 mm/h of
    rain on slopes of 1:20 and a plain.
    """
    ny, nx = cells // 2, cells
    y, x = np.mgrid[0:ny, 0:nx] * 10.0
    across = np.abs(y - 5.0 * ny - 0.4 * ny * np.sin(x / 900.0))
    bed = 0.05 * np.maximum(across - 1.5 * ny, 0.0) + 0.002 * (10.0 * nx - x) - 2.0 * (across < 40.0)
    bed += 0.3 * np.sin(x / 37.0) * np.sin(y / 41.0)
    dam = nx // 10
    top = float(bed[ny // 2, dam]) + 45.0
    lake = (np.arange(nx) < dam) & (np.abs(np.arange(ny) - ny // 2) < ny // 6)[:, None]
    bed = np.where(lake, top - 60.0, np.where(x < 10.0 * (dam + 2), np.maximum(bed, top + 5.0), bed))
    depth = np.where(lake, 60.0, np.where(across < 40.0, 1.0, 0.0))
    depth[:, : dam + 2][~lake[:, : dam + 2]] = 0.0
    river = int(np.argmin(bed[:, dam + 3])) * nx + dam + 3
    return Domain.from_arrays(bed, cell=10.0, roughness=0.035), Forcing(
        depth,
        rains=(RainForcing(TimeSeries.constant(30e-3 / 3600.0), 0.0, np.inf),),
        inflows=(InflowForcing(TimeSeries.constant(60.0), 0.0, np.inf, np.array([river]), np.ones(1)),),
        codes={"east": np.full(ny, OPEN, dtype=np.int8)},
    )


def sample_valley(_cells: int) -> Built:
    """The sample commune at 5 m with its hundred-year hydrograph: most of the valley stays dry."""
    return _built(Scenario.open(samples.path("valmont") / "scenarios" / "crue_centennale.toml"))


def _built(scenario: Scenario) -> Built:
    parameters, flood = (scenario.parameters()[name] for name in ("domain", "flood"))
    assert isinstance(parameters, DomainParameters)
    assert isinstance(flood, FloodParameters)
    domain = build_domain(
        scenario.territory, scenario.resolution, parameters, default_roughness=flood.roughness
    )
    return domain, Forcing.of_scenario(domain, scenario, {})


def of_scenario(file: str) -> Case:
    """The first half hour of a scenario file, with the schemes of the benchmark and their defaults.

    Raises
    ------
    InputError
        The file cannot be used.
    """
    scenario = Scenario.open(Path(file))
    return Case(scenario.name, lambda _: _built(scenario), min(scenario.duration, HALF_HOUR), file=file)


CASES = {
    case.name: case
    for case in (
        Case("bench_a", bench_a, 60.0, cells=500, tiles=False),
        Case("dry_margin", dry_margin, 60.0, cells=250),
        Case("steep_rain", steep_rain, 120.0, cells=400),
        Case("reservoir", reservoir, 300.0, cells=1280, long=True, own_steps=True),
        Case("valmont", sample_valley, HALF_HOUR),
    )
}


def chosen(names: list[str], *, full: bool = False) -> list[Case]:
    """The cases of those names, which may be scenario files (``.toml``); when there is none, all (`full`) or
    all that are not long.

    Raises
    ------
    InputError
        No case has that name, or a file cannot be used.
    """
    unknown = [name for name in names if name not in CASES and not name.endswith(".toml")]
    if unknown:
        raise InputError(
            told("twin bench", "NAME", "error.one_of", suggest(name, CASES), found=name, names=listed(CASES))
            for name in unknown
        )
    found = [CASES[name] if name in CASES else of_scenario(name) for name in names]
    return found or [case for case in CASES.values() if full or not case.long]
