"""Rain, inflows and imposed levels over a step: the water that they bring and the speed that it will have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.errors import SolverError
from twin.grid import Grid
from twin.messages import text
from twin.scenarios.binding import InflowForcing
from twin.solvers.flood import edge_levels
from twin.solvers.flood import kernels_edges as edges
from twin.solvers.flood.crests import Crests
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.hydraulics import fall_speed
from twin.solvers.flood.infiltration import Ground, soil_of
from twin.solvers.flood.kernels import (
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FALL,
    FRICTION,
    GRAVITY,
    LAWS,
    PAD,
    TILE_COLS,
    TILE_ROWS,
)
from twin.solvers.flood.ledger import Total
from twin.solvers.flood.overtopping import OvertoppingForcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.structures import Structures
from twin.solvers.flood.undo import Undo
from twin.solvers.flood.watching import Watch, Watched

if TYPE_CHECKING:
    from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Sources:
    """The forcing of a run, ready for steps.

    Rain and inflows act at the start of a step with their exact mean over it; so do levels.
    """

    def __init__(
        self,
        forcing: Forcing,
        grid: Grid,
        bed: Floats,
        datum: float,
        active: NDArray[np.bool_],
        parameters: FloodParameters,
        static: Floats,
    ) -> None:
        """bed: above the datum, shape (ny, nx) (m); active: cells with data, shape (ny, nx)."""
        ny, nx = grid.shape
        self._shape = (ny, nx)
        self._area = grid.area_m2
        self._datum = datum
        self._dry = parameters.dry_depth
        self._bed = bed
        soil = forcing.soil
        if soil is None and parameters.infiltration is not None:
            soil = soil_of(parameters.infiltration, Domain.from_arrays(bed, cell=grid.cell), None)
        usable = active & ~forcing.roofs if forcing.roofs is not None else active
        self._ground = Ground(
            soil, forcing.drains, usable, forcing.initial_depth, self._dry, forcing.earlier_soil
        )
        self.infiltrated, self.drained = Total(), Total()
        self._rains = forcing.rains
        self._wettable = active.astype(np.uint8)
        self._rain_cells = int(active.sum())
        self._tiles_x = -(-nx // TILE_COLS)
        by_rows = np.logical_or.reduceat(active, np.arange(0, ny, TILE_ROWS), axis=0)
        by_tiles = np.logical_or.reduceat(by_rows, np.arange(0, nx, TILE_COLS), axis=1)
        self._rain_tiles = np.flatnonzero(by_tiles)
        self._fields = [
            (f, np.bincount(f.index[active], minlength=f.rates.shape[1]).astype(np.float64))
            for f in forcing.rain_fields
        ]
        self._overtoppings = forcing.overtoppings
        # Of each: m³ so far, greatest discharge per metre so far (m²/s).
        self._overtopped = np.zeros((len(forcing.overtoppings), 2))
        entering: list[InflowForcing | OvertoppingForcing] = [*forcing.inflows, *forcing.overtoppings]
        self._inflows = [(f, f.cells // nx, f.cells % nx) for f in entering]
        self._levels = [(f, f.cells // nx, f.cells % nx) for f in forcing.levels if f.cells.size]
        offset = {"west": 0, "east": ny, "north": 2 * ny, "south": 2 * ny + nx}
        self._edge_levels = [
            edge_levels.EdgeLevel(
                f,
                np.concatenate([offset[side] + cells for side, cells in f.edges.items()]),
                (ny, nx),
                self._dry,
            )
            for f in forcing.levels
            if f.edges
        ]
        self._imposed: list[float | None] = []
        self._ratings = [
            (f, np.concatenate([offset[side] + cells for side, cells in f.edges.items()]))
            for f in forcing.ratings
            if f.edges
        ]
        self._rated: list[tuple[Ints, Floats]] = []
        self._cell = grid.cell
        self._static = static
        self._law = LAWS[parameters.friction]
        self._structures = Structures(forcing.structures, bed, datum, self._area, self._dry)
        self._crests = Crests(static, grid, active, datum, forcing.breaches, self._dry)
        # Subgrid faces have weirs of their own.
        self._crests.weirs = parameters.crests == "weir" and not parameters.subgrid
        if forcing.earlier_works is not None:
            self._structures.go_on(forcing.earlier_works)
            self._crests.go_on(forcing.earlier_works)
        points = [np.ravel_multi_index((i, j), (ny, nx)) for _, i, j in [*self._inflows, *self._levels]]
        points += self._structures.cells()
        self._cells = set(np.concatenate(points).tolist()) if points else set()
        self._undo = Undo(np.concatenate([*points, self._crests.cells, np.zeros(0, dtype=np.int64)]), nx)
        self._keeps_all = parameters.local_time_steps

    def has_cell(self, i: int, j: int) -> bool:
        """Whether an inflow or a level acts in cell (i, j)."""
        return i * self._shape[1] + j in self._cells

    def rain_rate(self, t0: float, t1: float) -> float:
        """Mean rain over [t0, t1] (m/s)."""
        return math.fsum(rain.mean(t0, t1) for rain in self._rains)

    def field_rate(self, t0: float, t1: float) -> float:
        """Highest mean rate of the gridded rain over [t0, t1] (m/s)."""
        if t1 <= t0:
            return 0.0
        return math.fsum(float(field.depth(t0, t1).max()) for field, _ in self._fields) / (t1 - t0)

    def act(self, solver: FloodSolver, t0: float, t1: float) -> None:
        """Put the water of [t0, t1] into the state, book it, and wake the tiles that it touches."""
        self.act_everywhere(solver, t0, t1)
        self.act_at_places(solver, t0, t1)

    def act_everywhere(self, solver: FloodSolver, t0: float, t1: float) -> None:
        """The share of :meth:`act` of rain, soil and drains. What was before any source is kept from here on,
        for :meth:`take_back`.
        """
        state, marks = solver._old, solver._marks
        dt = t1 - t0
        self._undo.begin(solver, self)
        rate = self.rain_rate(t0, t1)
        fallen = [field.depth(t0, t1) for field, _ in self._fields]
        leaves = self._keeps_all or self._ground.acts(t0, t1)
        if leaves or rate > 0.0 or any(depth.any() for depth in fallen):
            self._undo.keep_map(state, self._ground.planes, momentum=leaves)
        self._finite(solver, t0, np.array([rate]))
        if (rained := self._ground.rained) is not None:
            rained[:] = rate * dt
        if rate > 0.0:
            edges.rain_on(state, self._wettable, rate * dt, *self._shape)
            solver.rain.add(rate * dt * self._area * self._rain_cells)
            marks[self._rain_tiles] = 1
        for (field, count), depth in zip(self._fields, fallen, strict=True):
            self._finite(solver, t0, depth)
            if depth.any():
                if rained is not None:
                    rained += depth[field.index]
                edges.rain_field_on(state, self._wettable, field.index, depth, marks, *self._shape)
                solver.rain.add(math.fsum((depth * count).tolist()) * self._area)
        self._leave(solver, t0, t1)

    def act_at_places(self, solver: FloodSolver, t0: float, t1: float) -> None:
        """The share of :meth:`act` of inflows, levels, structures, crests and rating curves, which act in the
        tiles of :meth:`tiles_of_places` only.
        """
        state, dt = solver._old, t1 - t0
        for number, (inflow, i, j) in enumerate(self._inflows):
            volumes = inflow.volumes(t0, t1)
            self._finite(solver, t0, volumes, i, j)
            if volumes.any():
                place = (i + PAD, j + PAD)
                amount, volume = volumes / self._area, math.fsum(volumes.tolist())
                speed = self._inflow_speed(inflow, state[DEPTH][place], volume / dt)
                if not isinstance(inflow, OvertoppingForcing) and inflow.directions is not None:
                    # y grows southwards in the state.
                    np.add.at(state[DISCHARGE_X], place, amount * speed * inflow.directions[:, 0])
                    np.add.at(state[DISCHARGE_Y], place, -amount * speed * inflow.directions[:, 1])
                np.add.at(state[DEPTH], place, amount)
                solver.inflow.add(volume)
                if isinstance(inflow, OvertoppingForcing):
                    booked = self._overtopped[number - len(self._inflows)]
                    booked[0] += volume
                    booked[1] = max(booked[1], float((volumes / inflow.length).max()) / dt)
                self._wake(solver, i, j, speed)
        for level, i, j in self._levels:
            if not level.active(t0):
                continue
            asked = np.maximum(level.series.mean(t0, t1) - self._datum - self._bed[i, j], 0.0)
            self._finite(solver, t0, asked, i, j)
            place = (i + PAD, j + PAD)
            had = state[DEPTH][place]
            # The velocity stays, the depth changes.
            factor = np.where(had >= self._dry, asked / np.maximum(had, self._dry), 0.0)
            factor = np.where(asked >= self._dry, factor, 0.0)
            for k in (DISCHARGE_X, DISCHARGE_Y):
                state[k][place] *= factor
            state[DEPTH][place] = asked
            change = math.fsum((asked - had).tolist()) * self._area
            (solver.inflow if change > 0.0 else solver.outflow).add(abs(change))
            self._wake(solver, i, j)
        if self._structures:
            left, touched = self._structures.act(state, t0, dt)
            if left > 0.0:
                solver.outflow.add(left)
            for cells in touched:
                self._wake(solver, *np.divmod(cells, self._shape[1]))
        self._crests.act(solver, t0, t1)
        self._imposed = [one.act(state, self._static, t0, dt, self._datum) for one in self._edge_levels]
        solver.energy = max(solver.energy, *(one.energy for one in self._edge_levels), -math.inf)
        self._rated = self._rate(solver)

    @staticmethod
    def _finite(
        solver: FloodSolver, t: float, amounts: Floats, i: Ints | None = None, j: Ints | None = None
    ) -> None:
        """Stop before an amount that is not a number gets into the state; i, j: where, shape of `amounts`.

        Raises
        ------
        SolverError
            One is not finite; the state is still that of the last good step.
        """
        if np.isfinite(amounts).all():
            return
        k, cell, xy = int(np.argmin(np.isfinite(amounts))), None, None
        if i is not None and j is not None:
            cell = int(i[k]), int(j[k])
            xy = float(solver.grid.x[cell[1]]), float(solver.grid.y[cell[0]])
        cause = text("flood.cause_input" if cell is None else "flood.cause_source")
        values = {"amount": float(amounts[k])}
        raise SolverError(
            solver.name, text("flood.not_a_number"), time=t, cell=cell, xy=xy, values=values, cause=cause
        )

    def _leave(self, solver: FloodSolver, t0: float, t1: float) -> None:
        """What soil and drains take of the water that is there."""
        taken = self._ground.infiltrate(solver._old, t1 - t0, solver._forced)
        if taken > 0.0:
            self.infiltrated.add(taken * self._area)
        taken = self._ground.drain(solver._old, t0, t1, solver._forced)
        if taken > 0.0:
            self.drained.add(taken * self._area)

    def take_back(self, solver: FloodSolver) -> None:
        """Undo what the sources of the step under way did, to the bit."""
        self._undo.take_back(solver, self, self._ground.planes)

    def works(self) -> tuple[Floats, ...]:
        """Where structures, breaches, crests, overtopping and levels stand. A copy."""
        crests, levels = self._crests, edge_levels.states(self._edge_levels)
        return self._structures.state(), crests.state(), crests.level.copy(), self._overtopped.copy(), levels

    def take_works_back(self, works: tuple[Floats, ...]) -> None:
        """Take back :meth:`works`."""
        self._structures.restore(works[0])
        self._crests.restore(works[1])
        self._crests.level[:], self._overtopped[:] = works[2:4]
        edge_levels.restore(self._edge_levels, works[4])

    def state(self) -> dict[str, NDArray[Any]]:
        """What the sources remember. A copy."""
        totals = [*self.infiltrated.parts(), *self.drained.parts()]
        return (
            self._ground.state()
            | {"losses": np.array(totals)}
            | {"structures": self._structures.state(), "structure_keys": self._structures.keys()}
            | {"breaches": self._crests.state(), "breach_keys": self._crests.keys()}
            | {"overtopping": self._overtopped.copy(), "edge_levels": edge_levels.states(self._edge_levels)}
        )

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take it back."""
        self._ground.restore(state)
        self._structures.restore(state["structures"])
        self._crests.restore(state["breaches"])
        self._overtopped[:] = state["overtopping"]
        edge_levels.restore(self._edge_levels, state["edge_levels"])
        losses = [float(x) for x in state["losses"]]
        self.infiltrated, self.drained = Total(*losses[:2]), Total(*losses[2:])

    def watch(self, watched: Watched | None, grid: Grid, bed: Floats) -> Watch:
        """Sections and gauges, which need to know of crests and structures."""
        return Watch(watched, grid, bed, self._crests, self._structures)

    def look(self, watch: Watch, edge_flux: Floats, dt: float, state: Floats) -> None:
        """Let sections and gauges take in a step."""
        self.note(watch)
        watch.after_step(edge_flux, dt, state, self._dry)

    def note(self, watch: Watch) -> None:
        """Let sections know what crests and structures passed when they acted last."""
        watch.add_passed(self._crests.passed, self._structures.passed)

    def tiles_of_places(self) -> NDArray[np.bool_]:
        """Tiles where something acts at a place, shape (tiles,)."""
        ny, nx = self._shape
        found = np.zeros((-(-ny // TILE_ROWS), self._tiles_x), dtype=bool)
        flat = np.array(sorted(self._cells), dtype=np.int64)
        places = [np.divmod(flat, nx)]
        beside = [*(one.cells for one in self._edge_levels), *(cells for _, cells in self._ratings)]
        places += [self._edge_places(cells) for cells in beside]
        axis, i, j = self._crests.faces()
        places += [(i, j), (i + axis, j + 1 - axis)]
        for rows, columns in places:
            found[rows // TILE_ROWS, columns // TILE_COLS] = True
        return found.ravel()

    def summary(self) -> dict[str, Any]:
        """What is worth telling of a run."""
        told: dict[str, Any] = {"structures": self._structures.summary()} if self._structures else {}
        if self._overtoppings:
            told["wave_overtopping"] = [
                {
                    "defence": one.name,
                    "length_m": float(one.length.sum()),
                    "volume_m3": float(volume),
                    "greatest_l_s_m": 1000.0 * float(greatest),
                }
                for one, (volume, greatest) in zip(self._overtoppings, self._overtopped, strict=True)
            ]
        breaches = self._crests.summary()
        return told | ({"breaches": breaches} if breaches else {})

    def _rate(self, solver: FloodSolver) -> list[tuple[Ints, Floats]]:
        """Unit discharges (m²/s) out of the edge cells of each rating curve, for the water that is there.

        The level of the stretch is the mean of its cells weighted by conveyance, h^(5/3) / n; the discharge
        of the curve is shared out alike.
        """
        found = []
        for rating, cells in self._ratings:
            i, j = self._edge_places(cells)
            depth = solver._old[DEPTH, i + PAD, j + PAD]
            manning = np.sqrt(solver._static[FRICTION, i + PAD, j + PAD] / GRAVITY)
            conveyance = np.where(depth >= self._dry, np.cbrt(depth) ** 5 / np.maximum(manning, 1e-3), 0.0)
            total = math.fsum(conveyance.tolist())
            if total > 0.0:
                level = math.fsum((conveyance * (self._bed[i, j] + depth)).tolist()) / total
                conveyance *= rating.curve.at(level + self._datum) / (total * self._cell)
            found.append((cells, conveyance))
        return found

    @staticmethod
    def _inflow_speed(inflow: InflowForcing | OvertoppingForcing, depth: Floats, discharge: float) -> Floats:
        """Speed (m/s) of the water of an inflow as it enters cells of some depth (m): at most critical."""
        if isinstance(inflow, OvertoppingForcing) or inflow.directions is None:
            return np.zeros(depth.shape)
        unit = discharge / inflow.width
        critical = (unit * unit / GRAVITY) ** (1.0 / 3.0)
        speed: Floats = unit / np.maximum(depth, critical)
        return speed

    def _wake(self, solver: FloodSolver, i: Ints, j: Ints, speed: Floats | float = 0.0) -> None:
        tiles = i // TILE_ROWS * self._tiles_x + j // TILE_COLS
        solver._forced[tiles] = 1
        solver._marks[tiles] = 1
        level = self._bed[i, j] + solver._old[DEPTH][i + PAD, j + PAD] + np.square(speed) / (2.0 * GRAVITY)
        solver.energy = max(solver.energy, float(level.max()))

    def edge_values(self, codes: NDArray[np.int8], slopes: Floats) -> tuple[NDArray[np.int8], Floats]:
        """Kind and value of each edge cell over a step: the level above the datum where one is imposed, the
        unit discharge of a rating curve, else the slope. After `act`.
        """
        if not self._edge_levels and not self._ratings:
            return codes, slopes
        kinds, values = codes.copy(), slopes.copy()
        for cells, discharge in self._rated:
            values[cells] = discharge
        for one, level in zip(self._edge_levels, self._imposed, strict=True):
            if level is not None:
                kinds[one.cells] = edges.LEVEL
                values[one.cells] = level
        return kinds, values

    def fill_levels(self, state: Floats) -> None:
        """Give the water beyond imposed levels its speed, after `kernels_edges.fill_ghosts`."""
        for one in self._edge_levels:
            one.fill(state)

    def speed_after(self, state: Floats, t0: float, t1: float, speed: float) -> float:
        """A bound of the wave speed (m/s) once the water of [t0, t1] is in; `speed` is the highest one
        now.
        """
        highest = speed
        rate = self.rain_rate(t0, t1) + self.field_rate(t0, t1)
        if rate > 0.0:
            highest = speed + math.sqrt(GRAVITY * rate * (t1 - t0))
        for inflow, i, j in self._inflows:
            volumes = inflow.volumes(t0, t1)
            if volumes.any():
                had = state[DEPTH, i + PAD, j + PAD]
                depth = had + volumes / self._area
                own = np.maximum(
                    self._velocity(state, i, j),
                    self._inflow_speed(inflow, had, math.fsum(volumes.tolist()) / (t1 - t0)),
                )
                fall, friction = (self._static[k][i + PAD, j + PAD] for k in (FALL, FRICTION))
                fallen = fall_speed(own, depth, fall, friction, self._cell, self._law)
                highest = max(highest, float((fallen + np.sqrt(GRAVITY * depth)).max()))
        for level, i, j in self._levels:
            if level.active(t0):
                asked = np.maximum(level.series.mean(t0, t1) - self._datum - self._bed[i, j], 0.0)
                highest = max(highest, float((self._velocity(state, i, j) + np.sqrt(GRAVITY * asked)).max()))
        for i, j, more in self._structures.arrivals(state, t0, t1 - t0):
            fastest = np.sqrt(GRAVITY * (state[DEPTH, i + PAD, j + PAD] + more))
            highest = max(highest, float((self._velocity(state, i, j) + fastest).max()))
        for one in self._edge_levels:
            highest = max(highest, one.fastest(state, self._static, t0, t1, self._datum))
        return highest

    def _edge_places(self, cells: Ints) -> tuple[Ints, Ints]:
        ny, nx = self._shape
        i = np.concatenate([np.arange(ny), np.arange(ny), np.zeros(nx, int), np.full(nx, ny - 1)])
        j = np.concatenate([np.zeros(ny, int), np.full(ny, nx - 1), np.arange(nx), np.arange(nx)])
        return i[cells], j[cells]

    def _velocity(self, state: Floats, i: Ints, j: Ints) -> Floats:
        place = (i + PAD, j + PAD)
        depth = np.maximum(state[DEPTH][place], self._dry)
        speed: Floats = (
            np.maximum(np.abs(state[DISCHARGE_X][place]), np.abs(state[DISCHARGE_Y][place])) / depth
        )
        return speed
