"""The loop: binds a scenario to a domain, couples its solvers, records a run, resumes one."""

from __future__ import annotations

import logging
import math
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin import checkpoint, machine
from twin.clock import Schedule
from twin.domain import Domain
from twin.errors import InputError, Interrupted, Problems, SolverError, TwinError, told
from twin.features import WET_DEPTH
from twin.files import digest
from twin.gridding import DomainParameters, build_domain
from twin.jit import compiling
from twin.messages import number, text
from twin.plugins import Solver, coupling_order, solver_class
from twin.recording import HOT_START, Recorder
from twin.results import Result
from twin.run_writer import COMPLETE, FAILED, INTERRUPTED, RUNNING
from twin.scenarios import Scenario
from twin.scenarios.binding import initial_depth
from twin.scenarios.events import InitialWater
from twin.scenarios.plausible import partly_low
from twin.water import permanent_depth

Array = NDArray[Any]
LOG = logging.getLogger("twin")

# What a hot start hands over beside depth and velocity: the soil, and what structures and breaches are at.
CARRIED = (
    "soil", "soil_method", "structures", "structure_keys", "breaches", "breach_keys",
)  # fmt: skip
LEAST_DEPTH = 1e-9  # m; thinner water of another run starts at rest
BED_TOLERANCE = 0.001  # m; beds under the water of another run that differ by less are the same


@dataclass(frozen=True)
class Step:
    """What a solver did: whose step, from when to when (s), whether everybody landed on `end`; how many steps
    it was.
    """

    solver: str
    start: float
    end: float
    landed: bool
    count: int = 1


@dataclass(frozen=True)
class Progress:
    """How far a run is: simulated and real seconds, the real seconds left, the relative mass error."""

    time: float
    duration: float
    elapsed: float
    left: float
    mass_error: float


class Simulation:
    """A scenario bound to a domain. ``for step in Simulation(scenario).steps(): …``

    Attributes
    ----------
    time : the last time (s) on which every solver landed.
    fields : the exchange: arrays by variable name, as the solvers that write them hold them.
    cautions : what of it may not be meant.
    steps_made, last_step : steps of each solver so far, and the length of its last one (s).
    permanent_depth : depth at the start of the water that is no flood (ny, nx) (m); None: all of it.
    """

    def __init__(self, scenario: Scenario, domain: Domain | None = None, *, hot_start: bool = True) -> None:
        """Build the domain (unless one is given), take the measures, make the solvers.

        Without `hot_start` the run that the scenario starts from is not read: `restore` follows.

        Raises
        ------
        InputError
            Something of the scenario or the territory cannot be used.
        """
        self.scenario = scenario
        parameters = scenario.parameters()
        domain_parameters = parameters["domain"]
        assert isinstance(domain_parameters, DomainParameters)
        if domain is None:
            default = float(getattr(parameters.get("flood"), "roughness", 0.035))
            domain = build_domain(
                scenario.territory, scenario.resolution, domain_parameters, default_roughness=default,
                subgrid=bool(getattr(parameters.get("flood"), "subgrid", False)),
            )  # fmt: skip
        for k, measure in enumerate(scenario.measures, start=1):
            domain = measure.apply(domain, scenario.where, f"measures[{k}]")
        self.domain = domain
        self.cautions = (*scenario.cautions(), *partly_low(domain, scenario))
        self.fields: dict[str, Array] = {}
        if scenario.initial is not None and hot_start:
            self.fields |= _hot_start(scenario, domain)
            if scenario.initial.water == "carried" and not (self.fields["permanent_depth"] > WET_DEPTH).any():
                path = scenario.root / scenario.initial.from_run
                self.cautions += (text("folder.began_dry", path=path),)
        if domain.grid is not None and getattr(parameters.get("traffic"), "initial_water", "") == "flood":
            self.fields["permanent_depth"] = np.zeros(domain.grid.shape)
        classes = coupling_order([solver_class(name) for name in scenario.solvers])
        self.solvers: list[Solver] = [cls(domain, scenario, self.fields) for cls in classes]
        for name in (*CARRIED, "earlier_end"):
            self.fields.pop(name, None)
        self.permanent_depth = self.fields.pop("permanent_depth", None)
        self.time = 0.0
        self._solver_times = {solver.name: 0.0 for solver in self.solvers}
        self._started = False
        self.steps_made = {solver.name: 0 for solver in self.solvers}
        self.last_step = {solver.name: math.nan for solver in self.solvers}
        outputs = scenario.outputs
        self.output_times = Schedule(outputs.every, scenario.duration)
        self.gauge_times = Schedule(outputs.gauges_every or outputs.every, scenario.duration)

    def solver(self, name: str) -> Solver | None:
        """The solver of that name, if the scenario uses it."""
        return next((solver for solver in self.solvers if solver.name == name), None)

    def _next_landing(self) -> float:
        times = [self.output_times.next_after(self.time), self.gauge_times.next_after(self.time)]
        times += [solver.next_time(self.time) for solver in self.solvers]
        return min(*times, self.scenario.duration)

    def steps(self, land: Callable[[float], None] | None = None, *, together: bool = False) -> Iterator[Step]:
        """Advance to the end, yielding after each step of a solver; `together`: after as many steps as take
        some hundredths of a second, which is faster.

        Every solver sub-cycles with its own steps to the next landing (an output, a gauge reading, an
        instant a solver asked for); then all synchronise, in the order of coupling, and `land` is called
        with the time. What happens between the yields never changes a time step.
        """
        duration = self.scenario.duration
        if not self._started:
            self._started = True
            self._synchronise(0.0, land)
        while self.time < duration:
            target = self._next_landing()
            for solver in self.solvers:
                while (t := self._solver_times[solver.name]) < target:
                    if together:
                        new, count, last_step = solver.advance(t, target)
                    else:
                        new = solver.step(t, target)
                        count, last_step = 1, new - t
                    if not t < new <= target:
                        raise TwinError(
                            text("solver.bad_step", solver=solver.name, t=t, new=new, target=target)
                        )
                    self._solver_times[solver.name] = new
                    self.steps_made[solver.name] += count
                    self.last_step[solver.name] = last_step
                    last = new == target and solver is self.solvers[-1]
                    if last:
                        self._synchronise(target, land)
                    yield Step(solver.name, t, new, last, count)

    def _synchronise(self, t: float, land: Callable[[float], None] | None) -> None:
        for solver in self.solvers:
            solver.synchronise(t)
        self.time = t
        if land is not None:
            land(t)

    def state(self) -> tuple[dict[str, float], dict[str, dict[str, Array]]]:
        """The clock and the state of every solver: all that the future depends on. A copy."""
        return self._clock(), {solver.name: solver.state() for solver in self.solvers}

    def state_now(self) -> tuple[dict[str, float], dict[str, dict[str, Array]]]:
        """:meth:`state` for who writes it down before the next step."""
        return self._clock(), {solver.name: solver.state_now() for solver in self.solvers}

    def _clock(self) -> dict[str, float]:
        clock = {"time": self.time, "started": float(self._started)}
        clock |= {f"time.{name}": t for name, t in self._solver_times.items()}
        clock |= {f"steps.{name}": float(n) for name, n in self.steps_made.items()}
        clock |= {f"last_step.{name}": dt for name, dt in self.last_step.items()}
        return clock

    def release_inputs(self) -> None:
        """Let go of rasters and fields of the domain that nothing reads once the solvers are made."""
        self.scenario.territory.release_rasters()
        if self.domain.grid is not None:
            self.domain = replace(self.domain, fields=self.domain.fields[["blocked"]])

    def release(self) -> None:
        """Let go of the solvers and their arrays: nothing can be stepped any more."""
        self.solvers, self.fields = [], {}

    def restore(self, clock: dict[str, float], states: dict[str, dict[str, Array]]) -> None:
        """Take back a state from `state`, made by the same scenario."""
        self.time = clock["time"]
        self._started = bool(clock["started"])
        for solver in self.solvers:
            self._solver_times[solver.name] = clock[f"time.{solver.name}"]
            self.steps_made[solver.name] = int(clock[f"steps.{solver.name}"])
            self.last_step[solver.name] = clock[f"last_step.{solver.name}"]
            solver.restore(states.get(solver.name, {}))

    def __repr__(self) -> str:
        names = ", ".join(solver.name for solver in self.solvers)
        return (
            f"Simulation of {self.scenario.name!r} at {self.time:g} of {self.scenario.duration:g} s ({names})"
        )


def _hot_start(scenario: Scenario, domain: Domain) -> dict[str, Array]:
    """Depth and velocity (what the soil took, how far breaches are) at the end of another run on the same
    grid.

    From its checkpoint where there is one, to the bit; else from its last frame. Refused where its depths
    would be other levels here: with other cells (subgrid), or on another bed under its water.
    """
    assert scenario.initial is not None
    grid = domain.require_grid("hot_start")
    path = scenario.root / scenario.initial.from_run
    other = Result.open(path)
    if other.status != COMPLETE:
        said = {"status": text(f"run.status_{other.status}"), "quoted": shlex.quote(str(path))}
        raise InputError(told(scenario.where, "initial.from_run", "folder.not_complete", path=path, **said))
    if not other.has_fields or other.grid != grid:
        raise InputError(
            told(
                scenario.where,
                "initial.from_run",
                "folder.other_grid",
                path=path,
                grid=grid,
                other=other.grid if other.has_fields else text("folder.no_fields"),
            )
        )
    found = _last_state(other)
    if "flood" in scenario.solvers and "water_depth" in found:
        _same_ground(scenario, domain, other, found["water_depth"])
    permanent = found.get("water_depth") if scenario.initial.water == "permanent" else _permanent(other)
    if permanent is None:
        raise InputError(told(scenario.where, "initial.water", "folder.no_permanent", path=path))
    if any(isinstance(event, InitialWater) for event in scenario.events):
        permanent = np.fmax(permanent, initial_depth(domain, scenario))
    return found | {"permanent_depth": permanent}


def _permanent(run: Result) -> Array | None:
    """Depth (ny, nx) (m) of the water that was no flood when a run began; None when the run does not say."""
    if "initial" in run.scenario_table and "permanent_depth" not in run.fields:
        return None  # an older version: what that run itself began with may be a flood
    depth = permanent_depth(run)
    return None if depth is None else np.nan_to_num(depth)


def _last_state(run: Result) -> dict[str, Array]:
    if (run.path / checkpoint.FILE).is_file():
        flood = checkpoint.load(run.path)[1].get("flood", {})
        if "state" in flood:
            depth, qx, qy = flood["state"][:3]
            wet = depth >= LEAST_DEPTH
            safe = np.where(wet, depth, 1.0)
            # In the state y grows southwards.
            u, v = np.where(wet, qx / safe, 0.0), np.where(wet, -qy / safe, 0.0)
            found = {"water_depth": depth.copy(), "velocity_x": u, "velocity_y": v}
            found["earlier_end"] = np.array(float(flood["numbers"][-1]))  # the time of that state
            return found | {name: flood[name] for name in CARRIED if name in flood}
    last = run.fields.isel(time=-1)
    names = [n for n in ("water_depth", "velocity_x", "velocity_y") if n in last]
    return {name: np.nan_to_num(last[name].values.astype(np.float64)) for name in names}


def _same_ground(scenario: Scenario, domain: Domain, other: Result, depth: Array) -> None:
    """Refuse a hot start whose depths would be other levels than they were."""
    where, key = scenario.where, "initial.from_run"
    subgrid = bool(getattr(scenario.parameters()["flood"], "subgrid", False))
    if subgrid != bool(other.scenario_table["params"].get("flood", {}).get("subgrid", False)):
        said = [str(value).lower() for value in (subgrid, not subgrid)]
        row = "folder.other_subgrid"
        raise InputError(told(where, key, row, path=other.path, ours=said[0], other=said[1]))
    if "bed_elevation" not in other.fields:
        return
    ours = domain.field("bed_elevation").astype(np.float32)  # as run folders hold it
    change = np.abs(ours - other.fields["bed_elevation"].values)
    moved = (depth > WET_DEPTH) & ~(change <= BED_TOLERANCE)
    if moved.any():
        most = f"{np.nanmax(change, where=moved, initial=0.0):.2g}"
        raise InputError(told(where, key, "folder.other_bed", path=other.path, count=moved.sum(), most=most))


def run(
    scenario: Scenario | str | Path,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
    checkpoint_every: float = 600.0,
) -> Result:
    """Run a scenario into a run folder and read it.

    Parameters
    ----------
    out : the run folder; ``runs/<name>`` beside the scenario's file (or in the working folder) if None.
    overwrite : replace a run that is there.
    progress : called now and then.
    checkpoint_every : real seconds between checkpoints.

    Raises
    ------
    InputError
        The scenario cannot be used, or the folder exists; nothing is written then.
    Interrupted
        Ctrl-C; the checkpoint is written and `resume` goes on.
    SolverError
        A solver left its validity; the last good state is kept.
    """
    if not isinstance(scenario, Scenario):
        scenario = Scenario.open(scenario)
    problems = scenario.check()
    if problems:
        raise InputError(problems)
    path = Path(out) if out is not None else _default_folder(scenario)
    if path.exists() and any(path.iterdir()) and not overwrite:
        raise InputError(told(path, "", "folder.occupied"))
    started = time.perf_counter()
    with compiling() as compiled:
        simulation = Simulation(scenario)
        recorder = Recorder.create(
            path, simulation, overwrite=overwrite, setup_seconds=time.perf_counter() - started
        )
        recorder.compiled = compiled
        for caution in simulation.cautions:
            recorder.writer.logger().warning(caution)
            LOG.warning(caution)  # Python shows it where nobody has set up another way
        simulation.release_inputs()
        return _drive(simulation, recorder, progress, checkpoint_every)


def resume(
    path: str | Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    checkpoint_every: float = 600.0,
) -> Result:
    """Go on with an interrupted run from its checkpoint; what was written after it is cut.

    Raises
    ------
    InputError
        The folder is no run, has no checkpoint, the run is complete or going on, or a file that it read has
        changed.
    """
    result = Result.open(path)
    if result.status == COMPLETE:
        raise InputError(told(path, "status", "folder.complete"))
    writer = result.provenance.get("process") if result.status == RUNNING else None
    number = int(writer.partition(" ")[0]) if writer else os.getpid()
    if number != os.getpid() and machine.process(number) == writer:
        raise InputError(told(path, "status", "folder.going_on", process=number))
    _refuse_other_inputs(result)
    clock, states = checkpoint.load(result.path)
    scenario = Scenario.open(result.path / "scenario.toml")
    with compiling() as compiled:
        simulation = Simulation(scenario, hot_start=False)
        simulation.restore(clock, states)
        recorder = Recorder.reopen(result.path, simulation, clock)
        recorder.compiled = compiled
        simulation.release_inputs()
        return _drive(simulation, recorder, progress, checkpoint_every)


def _refuse_other_inputs(result: Result) -> None:
    """The second half of a run is computed on what the first half was."""
    problems = Problems()
    for record in result.provenance.get("inputs", []):
        # The checkpoint holds what came of the run that this one began from.
        for name, was in record["sha256"].items() if record["layer"] != HOT_START else ():
            file = Path(name)
            if not file.exists():
                problems.tell(result.path, record["layer"], "folder.input_gone", file=name)
            elif digest(file) != was:
                problems.tell(result.path, record["layer"], "folder.input_other", file=name)
    problems.raise_if_any()


def _default_folder(scenario: Scenario) -> Path:
    base = scenario.file.parent if scenario.file is not None else Path()
    return base / "runs" / scenario.folder_name


class _Stop:
    """Set by Ctrl-C (or SIGTERM); the second time, the process leaves at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, _number: int, _frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _drive(
    simulation: Simulation,
    recorder: Recorder,
    progress: Callable[[Progress], None] | None,
    checkpoint_every: float,
) -> Result:
    log = recorder.writer.logger()
    log.info("%s, process %d", simulation, os.getpid())
    begun = time.perf_counter()
    saved = told = begun
    first_time = simulation.time

    def save() -> None:
        relative_mass_error(simulation)  # raises before a state that is wrong takes the place of a good one
        clock, states = simulation.state_now()
        checkpoint.save(recorder.writer.path, clock | recorder.state(), states)

    try:
        with _stoppable() as stop:
            for step in simulation.steps(recorder.land, together=True):
                now = time.perf_counter()
                if stop.asked:
                    save()
                    recorder.finish(INTERRUPTED)
                    raise Interrupted(
                        text(
                            "run.interrupted",
                            time=number(step.end, digits=1),
                            path=shlex.quote(str(recorder.writer.path)),
                        )
                    )
                if now - saved > checkpoint_every:
                    save()
                    saved = time.perf_counter()
                if progress is not None and (now - told > 0.2 or step.landed):
                    told = now
                    progress(_progress(simulation, step.end, first_time, now - begun))
            save()
        recorder.finish(COMPLETE)
    except Interrupted:
        raise
    except BaseException as error:
        log.error("%s: %s", type(error).__name__, error)
        if isinstance(error, SolverError):
            # The solver still holds its last good state: keep it, and all that is known so far. Where that
            # is past, or the books do not close (no one knows since when), the last checkpoint stays.
            if not error.late and _books_close(simulation):
                save()
            recorder.finish(FAILED)
        with suppress(OSError):  # a full disk takes no note of it either: its first error is the one to tell
            recorder.writer.write_table(
                "provenance.json", recorder.provenance(FAILED) | {"error": str(error) or type(error).__name__}
            )
        raise
    finally:
        recorder.writer.close()
    return Result.open(recorder.writer.path)


def _progress(simulation: Simulation, t: float, first: float, elapsed: float) -> Progress:
    duration = simulation.scenario.duration
    share = (t - first) / (duration - first) if duration > first else 1.0
    left = elapsed * (1.0 - share) / share if share > 0 else math.inf
    return Progress(t, duration, elapsed, left, relative_mass_error(simulation))


def _books_close(simulation: Simulation) -> bool:
    try:
        relative_mass_error(simulation)
    except SolverError:
        return False
    return True


def relative_mass_error(simulation: Simulation) -> float:
    """Mass error over the larger of the volume and the water exchanged; NaN when nothing keeps a ledger."""
    for solver in simulation.solvers:
        ledger = solver.ledger()
        if ledger:
            exchanged = sum(
                abs(ledger.get(f"{name}_m3", 0.0))
                for name in ("inflow", "outflow", "rain", "infiltration", "drain", "structure")
            )
            scale = max(abs(ledger["volume_m3"]), abs(ledger["initial_m3"]), exchanged)
            return abs(ledger["mass_error_m3"]) / scale if scale > 0 else 0.0
    return math.nan
