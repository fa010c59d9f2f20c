"""Compiling everything that a run may need, once: ``twin bench --warm``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from twin import machine
from twin.bench.cases import bench_a
from twin.domain import Domain
from twin.jit import Compiled, compiling
from twin.layers import samples
from twin.layers.fine import fine_blocks
from twin.layers.lattice import InMemory
from twin.scenarios import Scenario
from twin.scenarios.binding import OPEN, InflowForcing, RainForcing, WaterLevelForcing
from twin.scenarios.forcing import TimeSeries
from twin.scenarios.rainfield import RainField
from twin.simulation import run
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.infiltration import DrainForcing
from twin.solvers.flood.kernels import SWEEP_COLS, TILE_ROWS
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver
from twin.subgrid import with_subgrid

CELLS = 8  # along a side
SECONDS = 61.0  # past the first window of the rate of rise
INFILTRATION = {"method": "green_ampt", "conductivity": 1e-6, "suction": 0.1, "deficit": 0.3}


def warm() -> Compiled:
    """Compile (or load) all kernels: every scheme and precision, own time steps, subgrid, soil, crests,
    gridded rain, drains, edges; layers, roads and traffic by a short run of the sample territory.

    Kernels without one another's code are compiled side by side, on as many cores as there are; the seconds
    are those of all processes together.
    """
    parts = [_godunov_and_layers, _inertia_and_subgrid, _godunov_single, _inertia_single]
    cores = machine.record()["cores"] or 1
    with ProcessPoolExecutor(min(cores, len(parts)), get_context("spawn")) as pool:
        done = [part.result() for part in [pool.submit(_counted, part) for part in parts]]
    return Compiled(sum(part.count for part in done), sum(part.seconds for part in done))


def _counted(part: Callable[[], None]) -> Compiled:
    with compiling() as found:
        part()
    return found


def _godunov_and_layers() -> None:
    _godunov("float64")
    _step(*_case(), {"infiltration": INFILTRATION})
    _sample()


def _godunov_single() -> None:
    _godunov("float32")


def _godunov(precision: str) -> None:
    domain, forcing = _case()
    for scheme in ("first_order", "second_order"):
        kind: dict[str, Any] = {"scheme": scheme, "precision": precision}
        _step(domain, forcing, kind)
        _step(*_uneven(), kind | {"local_time_steps": True}, seconds=2.0)


def _inertia_and_subgrid() -> None:
    _inertia("float64")
    domain, forcing = _case()
    fine = np.kron(domain.field("bed_elevation"), np.ones((2, 2)))
    grid = domain.require_grid("a warm-up")
    source = InMemory(fine, grid.x_west, grid.y_north, 0.5 * grid.cell)
    shape = (CELLS, CELLS)
    # It starts from velocities, as a hot start does.
    flows = replace(forcing, initial_depth=np.full(shape, 0.1), velocity_x=np.full(shape, 0.1))
    _step(
        with_subgrid(domain, fine_blocks(source, grid)), flows, {"scheme": "local_inertial", "subgrid": True}
    )


def _inertia_single() -> None:
    _inertia("float32")


def _inertia(precision: str) -> None:
    for advection in (False, True):
        _step(*_case(), {"scheme": "local_inertial", "precision": precision, "advection": advection})


def _case() -> tuple[Domain, Forcing]:
    """A small domain with a wall on it, and water by all ways that have kernels."""
    domain, forcing = bench_a(CELLS)
    crest = np.full((CELLS, CELLS + 1), -np.inf)
    crest[:, CELLS // 2] = domain.field("bed_elevation").max() + 0.2
    shape = (CELLS, CELLS)
    field = RainField(np.array([0.0, SECONDS]), np.full((1, 1), 1e-5), np.zeros(shape, dtype=np.int32))
    first = np.zeros(1, dtype=np.int64)
    nowhere, side = np.zeros(0, dtype=np.int64), np.arange(CELLS)
    return domain.with_fields(crest_x=crest), replace(
        forcing,
        rains=(RainForcing(TimeSeries.constant(1e-5), 0.0, np.inf),),
        rain_fields=(field,),
        drains=(DrainForcing(np.arange(CELLS * CELLS), 1e-6, 0.0, np.inf),),
        inflows=(InflowForcing(TimeSeries.constant(1.0), 0.0, np.inf, first, np.ones(1)),),
        levels=(WaterLevelForcing(TimeSeries.constant(2.0), 0.0, np.inf, {"north": side}, nowhere),),
        codes={"south": np.full(CELLS, OPEN, dtype=np.int8)},
    )


def _uneven() -> tuple[Domain, Forcing]:
    """Tiles of very different depth, which get steps of their own."""
    depth = np.full((TILE_ROWS, 3 * SWEEP_COLS), 0.5)
    depth[:, :SWEEP_COLS] = 80.0
    return Domain.from_arrays(80.0 - depth, cell=10.0, roughness=0.03), Forcing(depth)


def _step(domain: Domain, forcing: Forcing, kind: dict[str, Any], seconds: float = SECONDS) -> None:
    solver = FloodSolver.assemble(domain, forcing, FloodParameters.model_validate(kind | {"threads": 1}))
    t = 0.0
    while t < seconds:
        t = solver.step(t, seconds)
    solver.synchronise(t)
    solver.ledger()
    solver.run_fields()
    solver.readings(t)
    solver.restore(solver.state())


def _sample() -> None:
    """A minute of the sample territory on coarse cells, by the public path."""
    scenario = Scenario.open(samples.path("valmont") / "scenarios" / "demo.toml")
    short = scenario.model_copy(update={"resolution": 50.0, "duration": 60.0, "name": "warm"})
    with tempfile.TemporaryDirectory(prefix="twin-warm-") as folder:
        run(short, Path(folder) / "run")
