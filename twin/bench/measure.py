"""Runs a case with a scheme and says what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, get_args

import numpy as np

from twin.bench.cases import Case
from twin.domain import Domain
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

WARM_CELLS = 8
WARM_SECONDS = 61.0  # past the first window of the rate of rise


@dataclass(frozen=True)
class Figure:
    """One case with one scheme, precision and number of threads; the best of the repeats.

    Attributes
    ----------
    steps, cells : time steps and cells of the grid. cell_steps : cells computed, over all steps.
    seconds : of the time loop, without set-up and compilation. rate : cell-steps per second.
    speed : simulated seconds per second of the loop.
    bytes_per_cell : of everything that the solver holds.
    mass_error : relative.
    local_time_steps : whether tiles had steps of their own.
    """

    case: str
    scheme: str
    precision: str
    threads: int
    cells: int
    steps: int
    cell_steps: int
    seconds: float
    rate: float
    speed: float
    bytes_per_cell: float
    mass_error: float
    local_time_steps: bool = False

    def as_table(self) -> dict[str, Any]:
        """For the JSON record."""
        return asdict(self)


def schemes() -> tuple[str, ...]:
    """The schemes that the flood solver has."""
    return get_args(FloodParameters.model_fields["scheme"].annotation)


def precisions() -> tuple[str, ...]:
    """The precisions that the flood solver has."""
    return get_args(FloodParameters.model_fields["precision"].annotation)


def pairs() -> list[tuple[str, str]]:
    """Schemes with the precisions that each has."""
    return [(scheme, precision) for scheme in schemes() for precision in precisions()]


class Plan(NamedTuple):
    """How a case is run."""

    scheme: str
    precision: str
    threads: int
    local_time_steps: bool = False


def best_of(
    case: Case,
    plans: Sequence[Plan],
    *,
    cells: int = 0,
    repeat: int = 3,
    duration: float = 0.0,
    told: Callable[[Figure], None] | None = None,
) -> Iterator[Figure]:
    """The best of `repeat` runs of each plan, in the last round.

    Parameters
    ----------
    duration : in s; 0: that of the case. told : called with each run as it ends.

    In rounds of all plans: where others share the machine, a bad minute makes one run of each slow, not every
    run of one.

    Raises
    ------
    SolverError
        A run stopped: a benchmark of a broken run is none.
    """
    domain, forcing = case.build(cells or case.cells)
    best: dict[Plan, Figure] = {}
    for left in reversed(range(max(1, repeat))):
        for plan in plans:
            figure = _run(case, plan, domain, forcing, duration or case.duration)
            if plan not in best or figure.seconds < best[plan].seconds:
                best[plan] = figure
            if told is not None:
                told(figure)
            if left == 0:
                yield best[plan]


def _run(case: Case, plan: Plan, domain: Domain, forcing: Forcing, duration: float) -> Figure:
    """One run; its first step is not counted (it may compile)."""
    parameters = FloodParameters.model_validate({**plan._asdict(), "tiles": case.tiles})
    solver = FloodSolver.assemble(domain, forcing, parameters)
    t = solver.step(0.0, duration)
    skipped_steps, skipped_cells, skipped_time = solver.steps, solver.cell_steps, t
    start = time.perf_counter()
    while t < duration:
        t, _, _ = solver.advance(t, duration)
    seconds = time.perf_counter() - start
    books = solver.ledger()
    size = int(np.prod(domain.require_grid("bench").shape))
    return Figure(
        case=case.name,
        **plan._asdict(),
        cells=size,
        steps=solver.steps,
        cell_steps=solver.cell_steps,
        seconds=seconds,
        rate=_rate(case, solver, size, skipped_steps, skipped_cells) / seconds,
        speed=(duration - skipped_time) / seconds,
        bytes_per_cell=bytes_held(solver) / size,
        mass_error=abs(books["mass_error_m3"]) / max(books["volume_m3"], books["initial_m3"]),
    )


def _rate(case: Case, solver: FloodSolver, size: int, steps: int, cell_steps: int) -> int:
    """Cell-steps counted: those of the grid where every cell is computed, else those of the awake tiles."""
    return solver.cell_steps - cell_steps if case.tiles else size * (solver.steps - steps)


def warm(threads: int) -> None:
    """Compile (or load) every kernel that the cases need."""
    from twin.bench.cases import bench_a

    domain, forcing = bench_a(WARM_CELLS)
    for scheme, precision in pairs():
        parameters = FloodParameters.model_validate(
            {"scheme": scheme, "precision": precision, "threads": threads}
        )
        solver = FloodSolver.assemble(domain, forcing, parameters)
        t = 0.0
        while t < WARM_SECONDS:
            t, _, _ = solver.advance(t, WARM_SECONDS)
        solver.ledger()
        solver.run_fields()


def bytes_held(owner: object) -> int:
    """Bytes of the arrays that an object and what it is made of hold, each buffer once."""
    seen: dict[int, int] = {}
    done: set[int] = set()
    left: list[object] = [owner]
    while left:
        thing = left.pop()
        if id(thing) in done:
            continue
        done.add(id(thing))
        if isinstance(thing, np.ndarray):
            while isinstance(thing.base, np.ndarray):
                thing = thing.base
            seen[id(thing)] = thing.nbytes
        elif isinstance(thing, dict):
            left += thing.values()
        elif isinstance(thing, list | tuple):
            left += thing
        elif type(thing).__module__.startswith("twin.solvers"):
            left += vars(thing).values() if hasattr(thing, "__dict__") else ()
    return sum(seen.values())
