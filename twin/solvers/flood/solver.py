"""The flood solver: it sequences the kernels and keeps the books."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numba
import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.errors import InputError, SolverError, told
from twin.plugins import Made, Solver
from twin.solvers.flood import hazards, stopping
from twin.solvers.flood import kernels as layout
from twin.solvers.flood import kernels_edges as edges
from twin.solvers.flood import kernels_loop as looping
from twin.solvers.flood import kernels_record as recording
from twin.solvers.flood import kernels_step as stepping
from twin.solvers.flood.critical import NearCritical
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.global_steps import GlobalSteps
from twin.solvers.flood.ground import bands, ground_of
from twin.solvers.flood.hydraulics import fall_speed
from twin.solvers.flood.kernels import DEPTH, DISCHARGE_X, DISCHARGE_Y, GRAVITY, PAD, TILE_COLS, TILE_ROWS
from twin.solvers.flood.ledger import Total, closing_error
from twin.solvers.flood.local_steps import LocalSteps
from twin.solvers.flood.memory import aligned
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.schemes import Godunov, scheme_of
from twin.solvers.flood.sources import Sources
from twin.solvers.flood.watching import Watched
from twin.subgrid import levels_of_cells

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario

Floats = NDArray[np.float64]

MASS_GATE = 1e-9  # of max(volume, water exchanged): a larger mass error stops the run


class FloodSolver(Solver):
    """Depth and velocity of water on the grid of a domain.

    fields["water_depth"], ["velocity_x"] (east), ["velocity_y"] (north), shape (ny, nx), hold the state of
    the last synchronisation; velocities are 0 where the depth is under `dry_depth`.
    """

    name: ClassVar[str] = "flood"
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("water_depth", "velocity_x", "velocity_y")
    Parameters: ClassVar[type[FloodParameters]] = FloodParameters

    def __init__(self, domain: Domain, scenario: Scenario, fields: dict[str, NDArray[Any]]) -> None:
        """Bind to a domain and a scenario; the initial state is put into `fields`.

        Raises
        ------
        InputError
            Something of the scenario does not fit the domain.
        """
        parameters = scenario.parameters()["flood"]
        assert isinstance(parameters, FloodParameters)
        forcing = Forcing.of_scenario(domain, scenario, fields)
        self._build(domain, parameters, forcing, fields, Watched.of_scenario(domain, scenario))

    @classmethod
    def assemble(
        cls,
        domain: Domain,
        forcing: Forcing,
        parameters: FloodParameters | None = None,
        fields: dict[str, NDArray[Any]] | None = None,
        watched: Watched | None = None,
    ) -> FloodSolver:
        """A solver without a scenario, for tests, benchmarks and lessons.

        Raises
        ------
        InputError
            The forcing does not fit the domain.
        """
        solver = cls.__new__(cls)
        fields = {} if fields is None else fields
        solver._build(domain, parameters or FloodParameters(), forcing, fields, watched)
        return solver

    def _build(
        self,
        domain: Domain,
        parameters: FloodParameters,
        forcing: Forcing,
        fields: dict[str, NDArray[Any]],
        watched: Watched | None,
    ) -> None:
        self.grid = domain.require_grid("flood")
        self.parameters = parameters
        ny, nx = self.grid.shape
        self._shape = (ny, nx)
        self._tiles = (-(-ny // TILE_ROWS), -(-nx // TILE_COLS))
        count = self._tiles[0] * self._tiles[1]
        bed = np.asarray(domain.field("bed_elevation"), dtype=np.float64)
        active = np.asarray(domain.field("active"), dtype=bool) & np.isfinite(bed)
        roughness = np.asarray(domain.field("roughness"))
        forcing.check(active, roughness, bed)
        self.datum = float(bed.min(where=active, initial=np.inf)) if active.any() else 0.0
        """Elevation (m) that the solver counts from, so that altitude costs no digits."""
        self._active = active
        self._law = layout.LAWS[parameters.friction]
        self._inside = (slice(PAD, PAD + ny), slice(PAD, PAD + nx))
        # Local inertia and the subgrid look at the crests of every face.
        everywhere = parameters.subgrid or parameters.scheme == "local_inertial"
        ground = ground_of(domain, active, roughness, self.datum, self._law, crests_everywhere=everywhere)
        self._static, self._crested, self._falls = ground.static, ground.crested, ground.falls
        self._bed: Floats = self._static[layout.BED][self._inside]
        padded = self._static.shape[1:]
        threads = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
        self._threads = min(parameters.threads or threads, threads)
        self._scheme = scheme_of(parameters, threads, domain, forcing, self.datum)
        self._old = aligned((self._scheme.planes, *padded), np.float64)
        self._set_initial(forcing)
        self._critical = None if self._scheme.advects else NearCritical(self._shape)
        self._new = aligned(self._old.shape, np.float64)
        self._begun = False
        self._record = aligned((recording.RECORDS, *padded), np.float32, PAD)
        self._classes = aligned((recording.CLASSES, *padded), np.uint8, PAD)
        self._marks = np.zeros((count, looping.MARKS), dtype=np.uint8)
        self._values = np.zeros((count, looping.VALUES))
        self._forced = np.zeros(count, dtype=np.uint8)
        self._awake = np.full(count, 2, dtype=np.uint8)  # asleep, with ghosts that are not filled yet
        self._touched = np.zeros(count, dtype=np.uint8)
        self._chosen = np.zeros(count, dtype=np.int64)
        self._steps = np.zeros((count, 3))
        n_edges = 2 * (ny + nx)
        self._edge_totals = np.zeros((4, n_edges))
        closed = np.concatenate([~active[:, 0], ~active[:, -1], ~active[0], ~active[-1]])
        self._edge_closed = closed.astype(np.uint8)
        low = self._scheme.lowest(self._static)[self._inside]
        self._edge_low = np.concatenate([low[:, 0], low[:, -1], low[0], low[-1]])
        self._edge_codes = forcing.edge_codes(ny, nx)
        by_manning = np.isin(self._edge_codes, (edges.NORMAL_DEPTH, edges.RATING))
        if self._law != layout.MANNING and by_manning.any():
            raise InputError(
                told("", "params.flood.friction", "flood.normal_depth_friction", friction=parameters.friction)
            )
        known = bed if np.array_equal(active, np.isfinite(bed)) else np.where(active, bed, np.nan)
        self._edge_slopes = forcing.edge_slopes(known, self.grid.cell, parameters.friction == "manning")
        self._sources = Sources(forcing, self.grid, self._bed, self.datum, active, parameters, self._static,
                                self._scheme)  # fmt: skip
        self._watch = self._sources.watch(watched, self.grid, known)
        if parameters.subgrid:
            self._watch.level_of = partial(levels_of_cells, domain)
        self._watch.begin(self._old, parameters.dry_depth)
        # Flux out of each edge cell, whether water may only leave there (second order), and watched faces.
        self._edge_flux = np.zeros(2 * n_edges + self._watch.count)
        self._local = None
        if parameters.local_time_steps:
            assert isinstance(self._scheme, Godunov)
            self._local = LocalSteps(self, self._scheme)
        self.inflow, self.outflow, self.rain = Total(), Total(), Total()
        self.initial_volume = self._volume_and_wet()[0]
        self.steps, self.cell_steps, self.limited = 0, 0, 0
        self._window_start, self.time = 0.0, 0.0
        self._loop = GlobalSteps(self)
        self._survey()
        self.fields = fields
        for name in self.writes:
            fields[name] = np.zeros(self._shape, dtype=np.float32)
        self._gather()

    # ------------------------------------------------------------------ start

    def _set_initial(self, forcing: Forcing) -> None:
        for first, last in bands(self._shape[0]):
            rows = slice(first, last)
            depth = np.where(self._active[rows], forcing.initial_depth[rows], 0.0)
            if not depth.any():
                continue
            inside = (slice(PAD + first, PAD + last), self._inside[1])
            wet = depth >= self.parameters.dry_depth
            self._old[DEPTH][inside] = depth
            for k, velocity, sign in (
                (DISCHARGE_X, forcing.velocity_x, 1.0),
                (DISCHARGE_Y, forcing.velocity_y, -1.0),
            ):
                if velocity is not None:
                    self._old[k][inside] = np.where(wet, sign * depth * velocity[rows], 0.0)
        self._scheme.begin(self._old, self._static, self.parameters.dry_depth)

    def _survey(self) -> None:
        """Marks and values of all tiles, and the highest energy level, from the state."""
        ny, nx = self._shape
        dry = self._scheme.real(self.parameters.dry_depth)
        self.energy = 0.0
        highest = -np.inf
        for a in range(self._tiles[0]):
            # One row of tiles at a time, so that the scratch stays small.
            i, rows = a * TILE_ROWS, min(TILE_ROWS, ny - a * TILE_ROWS)
            band = (slice(PAD + i, PAD + i + rows), slice(PAD, PAD + nx))
            depth, qx, qy = (self._old[k][band] for k in (DEPTH, DISCHARGE_X, DISCHARGE_Y))
            wet = depth >= dry
            safe = np.maximum(depth, dry)
            u, v = (np.where(wet, q / safe, 0.0) for q in (qx, qy))
            bed, fall, friction = (self._static[k][band] for k in (layout.BED, layout.FALL, layout.FRICTION))
            fallen = fall_speed(np.abs(u) + np.abs(v), depth, fall, friction, self.grid.cell, self._law)
            speed = np.where(wet, fallen + np.sqrt(GRAVITY * depth), 0.0)
            if wet.any():
                energy = bed + depth + (u * u + v * v) / (2.0 * GRAVITY)
                highest = max(highest, float(energy[wet].max()))
            for b in range(self._tiles[1]):
                k, j = a * self._tiles[1] + b, b * TILE_COLS
                columns = min(TILE_COLS, nx - j)
                stepping.mark_tile(self._old[DEPTH], self._marks[k], i + PAD, rows, j + PAD, columns, dry)
                self._values[k, looping.SPEED] = speed[:, j : j + columns].max()
                self._values[k, looping.LEVEL] = -1e300
        self.energy = highest if math.isfinite(highest) else 0.0

    def _start_record(self) -> None:
        """The record of the initial state."""
        for first in range(0, self._old.shape[1], TILE_ROWS):
            rows = slice(first, first + TILE_ROWS)
            depth, qx, qy = (self._old[k, rows] for k in (DEPTH, DISCHARGE_X, DISCHARGE_Y))
            record, classes = self._record[:, rows], self._classes[:, rows]
            if not depth.any():  # what is 0 already stays untouched: it may never take memory
                record[recording.ARRIVAL] = np.inf
                continue
            wet = depth > hazards.WET_DEPTH
            square = (qx * qx + qy * qy) / np.maximum(depth * depth, layout.TINY)
            speed = np.sqrt(square)
            record[recording.MAX_DEPTH] = depth
            record[recording.MAX_SPEED2] = np.where(depth > hazards.SPEED_DEPTH, square, 0.0)
            record[recording.ARRIVAL] = np.where(wet, 0.0, np.inf)
            record[recording.WINDOW_DEPTH] = depth
            # Time above the depth: minus the times of coming, plus those of leaving; both 0 so far.
            classes[recording.IS_WET] = wet
            classes[recording.PEOPLE] = hazards.people_class(depth, speed)
            classes[recording.VEHICLES] = hazards.vehicles_class(depth, speed)
            classes[recording.PPRI] = hazards.ppri_class(depth, speed, classes[recording.RISE_CLASS])

    # ------------------------------------------------------------------- step

    def step(self, t: float, t_end: float) -> float:
        """Advance by one stable step; the new time (s), `t_end` exactly when it lands.

        With local time steps: by one large step, at whose end all tiles are at the same instant.

        Raises
        ------
        SolverError
            A value that is not a number, or a speed that no energy in the domain explains. The state, the
            books and all that the sources remember are then what they were before the step, to the bit. The
            record over the run has seen the failed step, but for the tiles that failed.
        """
        self._begin()
        try:
            if self._local is None:
                return self._loop.step(self, t, t_end)
            t_new = self._local.step(self, t, t_end)
        except SolverError:
            self._sources.take_back(self)
            raise
        self.steps += 1
        self.time = t_new
        if t_new - self._window_start >= self.parameters.rise_window:
            self._close_window(t_new)
        return t_new

    def advance(self, t: float, t_end: float) -> tuple[float, int, float]:
        """Steps for some hundredths of a second; see :meth:`Solver.advance` and :meth:`step`."""
        self._begin()
        if self._local is not None:
            return super().advance(t, t_end)
        try:
            return self._loop.advance(self, t, t_end)
        except SolverError:
            self._sources.take_back(self)
            raise

    def _begin(self) -> None:
        """Fill the other buffer and the record, as late as this: what the solver was made of may be gone by
        now.
        """
        if self._begun:
            return
        self._start_record()
        for first in range(0, self._old.shape[1], TILE_ROWS):
            rows = slice(first, first + TILE_ROWS)
            for old, new in zip(self._old, self._new, strict=True):
                if old[rows].any():
                    new[rows] = old[rows]
        self._begun = True

    def _choose_step(self, t: float, t_end: float) -> float:
        """The length of the next step (s): CFL of the state and of what the sources will add, landing on
        t_end.
        """
        remaining = t_end - t
        dt = min(self.parameters.max_step, remaining)
        reach = self.parameters.cfl * self.grid.cell
        speed = float(self._values[:, looping.SPEED].max())
        if speed > 0.0:
            dt = min(dt, reach / speed)
        # What the sources add grows with dt, so the speed predicted for the longer step bounds the shorter
        # one.
        predicted = self._sources.speed_after(self._old, t, t + dt, speed)
        if predicted > speed:
            dt = min(dt, reach / predicted)
        return float(looping.fit_step(dt, remaining))

    def _close_window(self, t: float) -> None:
        ny, nx = self._shape
        recording.close_windows(
            self._old[DEPTH], self._record, self._classes, self._touched, ny, nx,
            t - self._window_start, self.parameters.rise_medium, self.parameters.rise_fast,
        )  # fmt: skip
        self._window_start = t

    # ------------------------------------------------------------- what is read

    def synchronise(self, t: float) -> None:  # noqa: ARG002 - the loop tells everybody the time
        """Bring the arrays of the exchange up to the state."""
        self._gather()
        if self._critical is not None:
            share = self._scheme.wet_share
            share = None if share is None else share[self._inside]
            depth, u, v = (self.fields[name] for name in self.writes)
            self._critical.look(depth, u, v, share)

    def _gather(self) -> None:
        ny, nx = self._shape
        self._scheme.settle(self)
        depth, velocity_x, velocity_y = (self.fields[name] for name in self.writes)
        stepping.gather_velocities(
            self._old, depth, velocity_x, velocity_y, ny, nx, self.parameters.dry_depth
        )

    @property
    def bed(self) -> Floats:
        """Bed elevation above the datum, shape (ny, nx) (m)."""
        return self._bed

    @property
    def depth(self) -> Floats:
        """Water depth now, shape (ny, nx) (m): a view that the next step invalidates."""
        inside: Floats = self._old[DEPTH][self._inside]
        return inside

    def _volume_and_wet(self) -> tuple[float, int]:
        """The water (m³), and the cells deeper than `dry_depth`."""
        metres, wet = layout.volume_and_wet(self._old[DEPTH], *self._shape, self.parameters.dry_depth)
        return float(metres) * self.grid.area_m2, int(wet)

    def ledger(self) -> dict[str, float]:
        """The mass balance so far (m³), and the cells deeper than `dry_depth`.

        inflow_m3 and outflow_m3 hold what crossed the edges, came with inflows and was exchanged by imposed
        levels.

        Raises
        ------
        SolverError
            The books do not close.
        """
        volume, wet = self._volume_and_wet()
        # Nothing crossed most of the edge: exact sums do without its zeros.
        gained, lost = (t[t != 0.0].tolist() for t in (self._edge_totals[:2], self._edge_totals[2:]))
        gained += self.inflow.parts()
        lost += self.outflow.parts()
        rain = self.rain.parts()
        soil, drains = self._sources.infiltrated.parts(), self._sources.drained.parts()
        error = closing_error(volume, [self.initial_volume, *gained, *rain], [*lost, *soil, *drains])
        inflow, outflow = math.fsum(gained), math.fsum(lost)
        infiltration, drained = math.fsum(soil), math.fsum(drains)
        scale = max(volume, self.initial_volume, inflow, outflow, math.fsum(rain), infiltration, drained)
        if not abs(error) <= MASS_GATE * scale:
            raise stopping.unbalanced(self, volume, error)
        return {
            "volume_m3": volume,
            "initial_m3": self.initial_volume,
            "inflow_m3": inflow,
            "outflow_m3": outflow,
            "rain_m3": math.fsum(rain),
            "infiltration_m3": infiltration,
            "drain_m3": drained,
            "structure_m3": 0.0,  # structures pass water on at once: none is ever in transit
            "mass_error_m3": error,
            "wet_cells": float(wet),
        }

    def readings(self, t: float) -> dict[str, list[tuple[Any, ...]]]:
        """Rows of gauges.csv and sections.csv: the state now, and what happened since the last reading."""
        self._scheme.settle(self)
        return self._watch.read(t, self._old, self.parameters.dry_depth)

    def run_fields(self) -> Mapping[str, NDArray[Any]]:
        """Fields over the run so far, shape (ny, nx), each made when it is asked for; see `hazards` for the
        classes, NaN where nothing arrived.
        """
        self._begin()

        def recorded(k: int) -> NDArray[Any]:
            values: NDArray[Any] = self._record[k][self._inside].copy()
            return values

        def level() -> NDArray[Any]:
            deepest = self._record[recording.MAX_DEPTH][self._inside]
            found = np.full(self._shape, np.nan, dtype=np.float32)
            for first, last in bands(self._shape[0]):
                band = slice(first, last)
                highest = self._bed[band] + deepest[band] + self.datum
                np.copyto(found[band], highest, where=deepest[band] >= dry, casting="same_kind")
            return found

        def speed() -> NDArray[Any]:
            square = recorded(recording.MAX_SPEED2)
            np.sqrt(square, out=square)
            return square

        def arrival() -> NDArray[Any]:
            time = recorded(recording.ARRIVAL)
            np.copyto(time, np.nan, where=np.isinf(time))
            return time

        def wet_duration() -> NDArray[Any]:
            spent = recorded(recording.WET_TIME)
            np.add(spent, np.float32(self.time), out=spent, where=self._hazard(recording.IS_WET) != 0)
            return spent

        dry = self.parameters.dry_depth
        makers: dict[str, Callable[[], NDArray[Any]]] = {
            "max_water_depth": partial(recorded, recording.MAX_DEPTH),
            "max_water_level": level,
            "max_velocity": speed,
            "max_rise_rate": partial(recorded, recording.MAX_RISE),
            "arrival_time": arrival,
            "wet_duration": wet_duration,
            "max_hazard_ppri": partial(self._hazard, recording.PPRI),
            "max_hazard_people": partial(self._hazard, recording.PEOPLE),
            "max_hazard_vehicles": partial(self._hazard, recording.VEHICLES),
        }
        return Made(self._scheme.run_fields(makers, self))

    def _hazard(self, k: int) -> NDArray[np.uint8]:
        classes: NDArray[np.uint8] = self._classes[k][self._inside].copy()
        return classes

    def summary(self) -> dict[str, Any]:
        """Effort, and how often the outflow of a cell was limited to keep its depth positive."""
        told: dict[str, Any] = {
            "scheme": self.parameters.scheme,
            "steps": self.steps,
            "cell_steps": self.cell_steps,
            "limited_cell_steps": self.limited,
            "threads": self._threads,
        }
        if self._critical is not None:
            deepest = self._record[recording.MAX_DEPTH][self._inside]
            told["near_critical_share"] = self._critical.share(deepest)
        return told | self._sources.summary()

    # -------------------------------------------------------------- checkpoint

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that the future depends on, and the records. A copy."""
        return {name: values.copy() for name, values in self.state_now().items()}

    def state_now(self) -> dict[str, NDArray[Any]]:
        """:meth:`state`, its large arrays as views that the next step invalidates."""
        self._begin()
        self._scheme.settle(self)
        totals = [*self.inflow.parts(), *self.outflow.parts(), *self.rain.parts()]
        seen = {} if self._critical is None else {"near_critical": self._critical.cells}
        return {
            **seen,
            "state": self._old[(slice(3), *self._inside)],
            "record": self._record[(slice(None), *self._inside)],
            "classes": self._classes[(slice(None), *self._inside)],
            "marks": self._marks,
            "values": self._values,
            "touched": self._touched,
            "edge_totals": self._edge_totals,
            "numbers": np.array(
                [*totals, self.initial_volume, self.energy, self._window_start, self._loop.fastest, self.time]
            ),
            "counters": np.array([self.steps, self.cell_steps, self.limited], dtype=np.int64),
            **self._scheme.state(self._old),
            **self._watch.state(),
            **self._sources.state(),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take a state back; the run goes on as if it had never stopped, to the bit."""
        self._begun = True
        for target in (self._old, self._new):
            target[:] = 0.0
            target[(slice(3), *self._inside)] = state["state"]
            self._scheme.restore(target, state)
        self._record[(slice(None), *self._inside)] = state["record"]
        self._classes[(slice(None), *self._inside)] = state["classes"]
        self._marks[:], self._values[:], self._touched[:] = state["marks"], state["values"], state["touched"]
        self._edge_totals[:] = state["edge_totals"]
        self._awake[:] = 1  # what sleeps now passes through falling asleep
        self._forced[:] = 0
        numbers = [float(x) for x in state["numbers"]]
        self.inflow, self.outflow, self.rain = (
            Total(*numbers[0:2]),
            Total(*numbers[2:4]),
            Total(*numbers[4:6]),
        )
        self.initial_volume, self.energy, self._window_start, fastest, self.time = numbers[6:11]
        self.steps, self.cell_steps, self.limited = (int(x) for x in state["counters"])
        self._watch.restore(state)
        self._sources.restore(state)
        self._loop.forget(fastest)
        if self._critical is not None:
            self._critical.cells[:] = state["near_critical"]
        self._gather()
