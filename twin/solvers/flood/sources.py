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
from twin.scenarios.binding import InflowForcing, RainForcing, WaterLevelForcing
from twin.solvers.flood import edge_levels
from twin.solvers.flood import kernels_edges as edges
from twin.solvers.flood import kernels_sources as kernels
from twin.solvers.flood.crests import Crests
from twin.solvers.flood.edge_ratings import EdgeRating
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.hydraulics import fall_speed
from twin.solvers.flood.infiltration import Ground, soil_of
from twin.solvers.flood.kernels import (
    BED,
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
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.structures import Structures
from twin.solvers.flood.undo import Undo
from twin.solvers.flood.watching import Watch, Watched

if TYPE_CHECKING:
    from twin.solvers.flood.schemes import Scheme
    from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NOTHING: Floats = np.zeros((0, 0, 0))


def _spans(sizes: list[int]) -> Ints:
    """First and one past the last of each of some parts that follow each other, shape (n, 2)."""
    ends = np.cumsum([0, *sizes]).astype(np.int64)
    return np.stack([ends[:-1], ends[1:]], axis=1)


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
        scheme: Scheme,
    ) -> None:
        """bed: above the datum, shape (ny, nx) (m); active: cells with data, shape (ny, nx); scheme: of the
        run, at its start.
        """
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
            soil,
            forcing.drains,
            usable,
            forcing.initial_depth if forcing.permanent_depth is None else forcing.permanent_depth,
            self._dry,
            forcing.earlier_soil,
            gridded_rain=bool(forcing.rain_fields),
            wet_share=scheme.wet_share,
        )
        self.infiltrated, self.drained = Total(), Total()
        self.wettable = active.astype(np.uint8)
        self.rain_cells = int(active.sum())
        self._tiles_x = -(-nx // TILE_COLS)
        by_rows = np.logical_or.reduceat(active, np.arange(0, ny, TILE_ROWS), axis=0)
        by_tiles = np.logical_or.reduceat(by_rows, np.arange(0, nx, TILE_COLS), axis=1)
        self.rain_tiles = np.flatnonzero(by_tiles)
        self._fields = [
            (f, np.bincount(f.index[active], minlength=f.rates.shape[1]).astype(np.float64))
            for f in forcing.rain_fields
        ]
        self._overtoppings = [(f, f.cells // nx, f.cells % nx) for f in forcing.overtoppings]
        # Of each: m³ so far, greatest discharge per metre so far (m²/s).
        self._overtopped = np.zeros((len(forcing.overtoppings), 2))
        self._edge_offset = {"west": 0, "east": ny, "north": 2 * ny, "south": 2 * ny + nx}
        self.plain = self._plain_sources(forcing)
        """`plain` of `kernels_sources`."""
        self._edge_levels = [
            edge_levels.EdgeLevel(
                f,
                np.concatenate([self._edge_offset[side] + cells for side, cells in f.edges.items()]),
                (ny, nx),
                self._dry,
                inertial=scheme.inertial,
            )
            for f in forcing.levels
            if f.edges
        ]
        self._imposed: list[float | None] = []
        self._ratings = [
            EdgeRating(
                f,
                np.concatenate([self._edge_offset[side] + cells for side, cells in f.edges.items()]),
                (ny, nx),
                grid.cell,
                self._dry,
            )
            for f in forcing.ratings
            if f.edges
        ]
        self._remembering: list[edge_levels.Remembers] = [*self._edge_levels, *self._ratings]
        self._cell = grid.cell
        self._static = static
        self._law = LAWS[parameters.friction]
        self._structures = Structures(forcing.structures, bed, datum, self._area, self._dry)
        self._crests = Crests(static, grid, active, datum, forcing.breaches, self._dry)
        # Subgrid faces have weirs of their own.
        self._crests.weirs = parameters.crests == "weir" and not parameters.subgrid
        self.slanted = self._crests.slanted
        """Faces of crests at an angle to the grid, see `Crests.slanted`."""
        if forcing.earlier_works is not None:
            self._structures.go_on(forcing.earlier_works)
            self._crests.go_on(forcing.earlier_works)
        points = [f.cells for f in forcing.inflows]
        points += [level.cells for level in forcing.levels]
        points += [f.cells for f in forcing.overtoppings]
        points += self._structures.cells()
        self._cells = set(np.concatenate(points).tolist()) if points else set()
        self._undo = Undo(np.concatenate([*points, self._crests.cells, np.zeros(0, dtype=np.int64)]), nx)
        self._keeps_all = parameters.local_time_steps

    def _plain_sources(self, forcing: Forcing) -> tuple[NDArray[Any], ...]:
        nx = self._shape[1]
        none: Ints = np.zeros(0, dtype=np.int64)
        # Kind, forcing, cells (flat).
        found: list[tuple[int, RainForcing | InflowForcing | WaterLevelForcing, Ints]] = []
        found += [(kernels.RAIN, f, none) for f in forcing.rains]
        found += [(kernels.INFLOW, f, f.cells) for f in forcing.inflows]
        found += [(kernels.LEVEL, level, level.cells) for level in forcing.levels if level.cells.size]
        series = [f.series.parts() for _, f, _ in found]
        cells = np.concatenate([none, *(cells for _, _, cells in found)]).astype(np.int64)
        ones = [np.ones((cells.size, 3)) * [1.0, 0.0, 0.0] for _, _, cells in found]
        for (_, f, _), one in zip(found, ones, strict=True):
            if isinstance(f, InflowForcing):
                one[:, 0] = f.weights
                if f.directions is not None:
                    one[:, 1:] = f.directions
        shares = np.concatenate([np.zeros((0, 3)), *ones])
        given = [isinstance(f, InflowForcing) and f.directions is not None for _, f, _ in found]
        return (
            *(np.concatenate([np.zeros(0), *(parts[k] for parts in series)]) for k in range(3)),
            np.array([kind for kind, _, _ in found], dtype=np.int64),
            _spans([parts[0].size for parts in series]),
            _spans([cells.size for _, _, cells in found]),
            np.array([[f.start, f.end] for _, f, _ in found]).reshape(-1, 2),
            np.array([getattr(f, "width", np.nan) if own else np.nan
                      for (_, f, _), own in zip(found, given, strict=True)]),
            cells // nx + PAD,
            cells % nx + PAD,
            *(np.ascontiguousarray(shares[:, k]) for k in range(3)),
            np.zeros(cells.size),
        )  # fmt: skip

    @property
    def are_plain(self) -> bool:
        """Whether all that acts is in :attr:`plain`: no soil, structure, weir, gridded rain and the like."""
        return not (
            self._fields
            or self._edge_levels or self._overtoppings or self._ratings or self._structures
            or self._ground.is_there or self._crests.act_in_steps
        )  # fmt: skip

    def has_cell(self, i: int, j: int) -> bool:
        """Whether an inflow or a level acts in cell (i, j)."""
        return i * self._shape[1] + j in self._cells

    def rain_rate(self, t0: float, t1: float) -> float:
        """Mean rain over [t0, t1] (m/s)."""
        return float(kernels.rain_rate(self.plain, t0, t1))

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
            self._undo.keep_map(state, self._ground.changing, momentum=leaves)
        if kernels.first_odd(self.plain, t0, t1) >= 0:
            self._stop_odd(solver, t0, t1)
        rained = self._ground.rained
        rained.fill(0.0)
        if rate > 0.0:
            kernels.rain_on(state, self.wettable, rate * dt, _NOTHING, *self._shape)
            solver.rain.add(rate * dt * self._area * self.rain_cells)
            marks[self.rain_tiles] = 1
        for (field, count), depth in zip(self._fields, fallen, strict=True):
            self._finite(solver, t0, depth)
            if depth.any():
                if rained.size:
                    rained += depth[field.index]
                edges.rain_field_on(state, self.wettable, field.index, depth, marks, *self._shape)
                solver.rain.add(math.fsum((depth * count).tolist()) * self._area)
        self._leave(solver, t0, t1, rate * dt)

    def act_at_places(self, solver: FloodSolver, t0: float, t1: float) -> None:
        """The share of :meth:`act` of inflows, levels, structures, crests and rating curves, which act in the
        tiles of :meth:`tiles_of_places` only.
        """
        state, static, dt = solver._old, solver._static, t1 - t0
        nx = self._shape[1]
        if kernels.first_odd(self.plain, t0, t1) >= 0:
            self._stop_odd(solver, t0, t1)
        kinds = self.plain[3]
        for n in np.flatnonzero(kinds == kernels.INFLOW):
            volume, energy = kernels.pour(
                self.plain, n, state, static, solver._marks, solver._forced, t0, t1, self._area, nx
            )
            if volume != 0.0:
                solver.inflow.add(volume)
                solver.energy = max(solver.energy, energy)
        for (inflow, i, j), booked in zip(self._overtoppings, self._overtopped, strict=True):
            volumes = inflow.volumes(t0, t1)
            self._finite(solver, t0, volumes, i, j)
            if volumes.any():
                np.add.at(state[DEPTH], (i + PAD, j + PAD), volumes / self._area)
                volume = math.fsum(volumes.tolist())
                solver.inflow.add(volume)
                booked[0] += volume
                booked[1] = max(booked[1], float((volumes / inflow.length).max()) / dt)
                self._wake(solver, i, j)
        for n in np.flatnonzero(kinds == kernels.LEVEL):
            if kernels.is_on(self.plain, n, t0):
                change, energy = kernels.impose(
                    self.plain, n, state, static, solver._marks, solver._forced, t0, t1, self._area,
                    self._datum, self._dry, nx,
                )  # fmt: skip
                (solver.inflow if change > 0.0 else solver.outflow).add(abs(change))
                solver.energy = max(solver.energy, energy)
        if self._structures:
            left, touched = self._structures.act(state, t0, dt)
            if left > 0.0:
                solver.outflow.add(left)
            for cells in touched:
                self._wake(solver, *np.divmod(cells, self._shape[1]))
        self._crests.act(solver, t0, t1)
        self._imposed = [
            one.act(state, solver._scheme.bed_of_section(static, one.place), t0, dt, self._datum)
            for one in self._edge_levels
        ]
        solver.energy = max(solver.energy, *(one.energy for one in self._edge_levels), -math.inf)
        for rating in self._ratings:
            rating.act(state, static, dt, self._datum)

    def _stop_odd(self, solver: FloodSolver, t0: float, t1: float) -> None:
        """Stop for the first plain source that is not a number."""
        n = int(kernels.first_odd(self.plain, t0, t1))
        first, last = self.plain[5][n]
        amounts = np.full(last - first, kernels.amount(self.plain, n, t0, t1))
        i, j = (self.plain[k][first:last] - PAD for k in (8, 9))
        if first == last:
            self._finite(solver, t0, np.array([np.nan]))
        self._finite(solver, t0, amounts * self.plain[10][first:last], i, j)

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

    def _leave(self, solver: FloodSolver, t0: float, t1: float, rain: float) -> None:
        """What soil and drains take of the water that is there; rain: of the step on every cell (m)."""
        taken = self._ground.infiltrate(solver._old, t1 - t0, rain, solver._forced)
        if taken > 0.0:
            self.infiltrated.add(taken * self._area)
        taken = self._ground.drain(solver._old, t0, t1, solver._forced)
        if taken > 0.0:
            self.drained.add(taken * self._area)

    def take_back(self, solver: FloodSolver) -> None:
        """Undo what the sources of the step under way did, to the bit."""
        self._undo.take_back(solver, self, self._ground.changing)

    def works(self) -> tuple[Floats, ...]:
        """Where structures, breaches, crests, overtopping and levels stand. A copy."""
        crests, levels = self._crests, edge_levels.states(self._remembering)
        return self._structures.state(), crests.state(), crests.level.copy(), self._overtopped.copy(), levels

    def take_works_back(self, works: tuple[Floats, ...]) -> None:
        """Take back :meth:`works`."""
        self._structures.restore(works[0])
        self._crests.restore(works[1])
        self._crests.level[:], self._overtopped[:] = works[2:4]
        edge_levels.restore(self._remembering, works[4])

    def state(self) -> dict[str, NDArray[Any]]:
        """What the sources remember. A copy."""
        totals = [*self.infiltrated.parts(), *self.drained.parts()]
        return (
            self._ground.state()
            | {"losses": np.array(totals)}
            | {"structures": self._structures.state(), "structure_keys": self._structures.keys()}
            | {"breaches": self._crests.state(), "breach_keys": self._crests.keys()}
            | {"overtopping": self._overtopped.copy(), "edge_levels": edge_levels.states(self._remembering)}
        )

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take it back."""
        self._ground.restore(state)
        self._structures.restore(state["structures"])
        self._crests.restore(state["breaches"])
        self._overtopped[:] = state["overtopping"]
        edge_levels.restore(self._remembering, state["edge_levels"])
        losses = [float(x) for x in state["losses"]]
        self.infiltrated, self.drained = Total(*losses[:2]), Total(*losses[2:])

    def watch(self, watched: Watched | None, grid: Grid, bed: Floats) -> Watch:
        """Sections and gauges, which need to know of crests and structures."""
        return Watch(watched, grid, bed, self._crests, self._structures)

    def note(self, watch: Watch) -> None:
        """Let sections know what crests and structures passed when they acted last."""
        watch.add_passed(self._crests.passed, self._structures.passed)

    @property
    def crest_faces(self) -> tuple[Ints, Ints, Ints]:
        """See :meth:`Crests.faces`."""
        return self._crests.faces()

    def tiles_of_places(self) -> NDArray[np.bool_]:
        """Tiles where something acts at a place, shape (tiles,)."""
        ny, nx = self._shape
        found = np.zeros((-(-ny // TILE_ROWS), self._tiles_x), dtype=bool)
        flat = np.array(sorted(self._cells), dtype=np.int64)
        places = [np.divmod(flat, nx)]
        beside = [*(one.cells for one in self._edge_levels), *(one.cells for one in self._ratings)]
        places += [self._edge_places(cells) for cells in beside]
        axis, i, j = self.crest_faces
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
                for (one, _, _), (volume, greatest) in zip(self._overtoppings, self._overtopped, strict=True)
            ]
        breaches = self._crests.summary()
        return told | ({"breaches": breaches} if breaches else {})

    def _wake(self, solver: FloodSolver, i: Ints, j: Ints) -> None:
        tiles = i // TILE_ROWS * self._tiles_x + j // TILE_COLS
        solver._forced[tiles] = 1
        solver._marks[tiles] = 1
        level = self._bed[i, j] + solver._old[DEPTH][i + PAD, j + PAD]
        solver.energy = max(solver.energy, float(level.max()))

    def edge_values(self, kinds: NDArray[np.int8], values: Floats, speeds: Floats) -> None:
        """Put levels (and the speeds that they give the water beyond them) and rating curves of a step into
        the kinds, values and speeds of the edge cells. After `act`.
        """
        for rating in self._ratings:
            rating.put(kinds, values, speeds, self._static[BED])
        for one, level in zip(self._edge_levels, self._imposed, strict=True):
            if level is not None:
                kinds[one.cells] = edges.LEVEL
                values[one.cells] = level
                one.put_beyond(values, speeds)

    def speed_after(self, state: Floats, t0: float, t1: float, speed: float) -> float:
        """A bound of the wave speed (m/s) once the water of [t0, t1] is in; `speed` is the highest one
        now.
        """
        highest = float(
            kernels.speed_after(
                self.plain, state, self._static, t0, t1, speed, self.field_rate(t0, t1), self._area,
                self._datum, self._dry, self._cell, self._law,
            )
        )  # fmt: skip
        for inflow, i, j in self._overtoppings:
            volumes = inflow.volumes(t0, t1)
            if volumes.any():
                depth = state[DEPTH, i + PAD, j + PAD] + volumes / self._area
                fall, friction = (self._static[k][i + PAD, j + PAD] for k in (FALL, FRICTION))
                own = self._velocity(state, i, j)
                fallen = fall_speed(own, depth, fall, friction, self._cell, self._law)
                highest = max(highest, float((fallen + np.sqrt(GRAVITY * depth)).max()))
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
