"""The numerical schemes as the flood solver sees them: what they keep, and one step of their kernels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.errors import Problems
from twin.messages import text
from twin.solvers.flood import kernels_advection as advection
from twin.solvers.flood import kernels_edges as edges
from twin.solvers.flood import kernels_inertial as inertial
from twin.solvers.flood import kernels_inertial_tile as inertial_tile
from twin.solvers.flood import kernels_limited as limited
from twin.solvers.flood import kernels_record as recording
from twin.solvers.flood import kernels_rows as rows
from twin.solvers.flood import kernels_step as stepping
from twin.solvers.flood import kernels_subgrid as subgrid
from twin.solvers.flood import kernels_subgrid_faces as faces
from twin.solvers.flood import kernels_subgrid_step as subgrid_step
from twin.solvers.flood import kernels_subgrid_waves as waves
from twin.solvers.flood.kernels import (
    BED,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FRICTION,
    FULL,
    FULL_SINGLE,
    LAWS,
    PAD,
    TILE_COLS,
    TILE_ROWS,
    padded,
)
from twin.solvers.flood.memory import aligned
from twin.subgrid import has_subgrid

if TYPE_CHECKING:
    from twin.domain import Domain
    from twin.solvers.flood.forcing import Forcing
    from twin.solvers.flood.parameters import FloodParameters
    from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Makers = dict[str, Callable[[], NDArray[Any]]]
Real = type[np.float32] | type[np.float64]


class Scheme(ABC):
    """One scheme: its planes of state after depth and cell discharges, its scratch, its step."""

    planes: ClassVar[int] = 3
    looks_at_energy: ClassVar[bool] = True
    """Whether its kernels stop at a speed that no energy explains; else `stopping.false_speed` looks."""
    advects: bool = True
    """Whether momentum is carried along: without, levels near critical flow are false."""

    def __init__(self, threads: int, scratch: int, slow: int, real: Real = np.float64) -> None:
        self.real = real
        """Type of its arithmetic."""
        self._scratch = aligned((threads, scratch), real)
        self._slow = np.zeros((threads, slow), dtype=real)
        self._record_scratch = np.zeros((threads, recording.RECORD_SCRATCH), dtype=np.float32)

    def lowest(self, static: Floats) -> Floats:
        """The lowest ground of each cell (m above the datum), padded."""
        found: Floats = static[BED]
        return found

    inertial: bool = False
    """Whether only differences of levels drive the water, so that no speed beyond an edge does."""

    @property
    def wet_share(self) -> Floats | None:
        """Share of each cell that is under water, padded; None: of a wet cell, all."""
        return None

    def bed_of_section(self, static: Floats, place: tuple[Ints, Ints]) -> Floats:
        """Bed (m above the datum) of some cells (padded rows, columns) at which water is as deep as in the
        mean of its own width.
        """
        found: Floats = static[BED][place]
        return found

    def begin(self, state: Floats, static: Floats, dry: float) -> None:  # noqa: B027 - nothing of its own
        """Fill the planes that are its own from depth and cell discharges, at the start."""

    @abstractmethod
    def advance(self, solver: FloodSolver) -> None:
        """Run the kernels of its steps as `kernels_loop` of the solver says."""

    def settle(self, solver: FloodSolver) -> None:  # noqa: B027 - nothing is ever left open
        """Bring the cell discharges of the state up to its last step, where they are only kept on demand."""

    def run_fields(self, makers: Makers, solver: FloodSolver) -> Makers:
        """What makes the fields over the run, where this scheme knows them better than the record."""
        del solver
        return makers

    def state(self, state: Floats) -> dict[str, NDArray[Any]]:
        """What its own planes hold, ghosts on the faces of the edges included: views."""
        return {"faces": state[3:, PAD - 1 : 1 - PAD, PAD - 1 : 1 - PAD]} if self.planes > 3 else {}

    def restore(self, target: Floats, state: dict[str, NDArray[Any]]) -> None:
        """Take it back."""
        if self.planes > 3:
            target[3:, PAD - 1 : 1 - PAD, PAD - 1 : 1 - PAD] = state["faces"]


class Godunov(Scheme):
    """Finite volumes of first or second order; fluxes in single or double precision, the state in double."""

    def __init__(self, threads: int, *, second: bool, single: bool, law: int) -> None:
        super().__init__(threads, rows.SCRATCH, limited.SLOW_SCRATCH, np.float32 if single else np.float64)
        self._doubles = aligned((threads, rows.DOUBLES), np.float64)
        self.second, self._law = second, law
        self._full = self.real(FULL_SINGLE if single else FULL)

    def advance(self, solver: FloodSolver) -> None:
        """Run the kernels."""
        s = solver
        stepping.step_tiles(
            s._old, s._new, s._static, s._crested, s._falls, s._record, s._classes, s._chosen, s._marks,
            s._values, s._edge_flux, s._watch.faces, self._scratch, self._doubles, self._slow,
            self._record_scratch, *s._shape, s._steps, s.grid.cell, self.real(s.parameters.dry_depth),
            self._full, self.second, self._law, s._loop.packed, s._sources.plain,
        )  # fmt: skip


class LocalInertial(Scheme):
    """Local inertia on the staggered grid: face discharges are advanced, cell discharges derived.

    Depths are double, discharges of the faces in the precision of the arithmetic.
    """

    inertial = True

    looks_at_energy = False

    def __init__(self, threads: int, parameters: FloodParameters) -> None:
        single = parameters.precision == "float32"
        super().__init__(
            threads, inertial.SCRATCH, advection.SLOW_SCRATCH if parameters.advection else 1,
            np.float32 if single else np.float64,
        )  # fmt: skip
        self._single = aligned((threads, inertial.SINGLE_SCRATCH), np.float32)
        self._doubles = aligned((threads, inertial.DOUBLES), np.float64)
        self._theta, self._advection = self.real(parameters.theta), parameters.advection
        self.advects = parameters.advection
        self._full = self.real(FULL_SINGLE if single else FULL)

    def begin(self, state: Floats, static: Floats, dry: float) -> None:
        """Face discharges from velocities."""
        self._friction = aligned(static[FRICTION].shape, np.float32)
        self._friction[:] = static[FRICTION]
        # Of the two buffers of the solver, the one whose faces are the first of the two
        self._home = state
        self._faces = tuple(aligned((2, *state.shape[1:]), self.real) for _ in range(2))
        self._read: NDArray[np.uint8] | None = None
        # Steps that were done when the cell discharges were right (-1: as begun), and at the last try
        self._settled, self._tried = -1, -1
        inertial_tile.faces_of_cells(state, static, self._faces[0], dry)

    def faces(self, state: Floats) -> NDArray[Any]:
        """Unit discharges (m²/s) of the faces east and south of the cells of one of the two buffers."""
        return self._faces[0 if state is self._home else 1]

    def advance(self, solver: FloodSolver) -> None:
        """Run the kernels."""
        s = solver
        if self._read is None:
            self._read = self._tiles_read(solver)
        self._settled = s.steps if self._settled < 0 else self._settled
        self._tried = s.steps
        inertial_tile.step_tiles(
            s._old, s._new, self.faces(s._old), self.faces(s._new), s._static, s._crested, self._read,
            self._friction, s._record, s._classes, s._chosen, s._marks, s._values, s._edge_flux,
            s._watch.faces, self._scratch, self._slow, self._single, self._doubles, self._record_scratch,
            *s._shape, s._steps, s.grid.cell, self.real(s.parameters.dry_depth), self._full, self._theta,
            self._advection, s._law, s._loop.packed, s._sources.plain,
        )  # fmt: skip

    @staticmethod
    def _tiles_read(solver: FloodSolver) -> NDArray[np.uint8]:
        """1 for each tile where something between two outputs reads the discharges of cells: sources, gauges,
        the ghosts of open edges, and weirs, which read the cells one further from the dike than those beside.
        """
        s = solver
        ny, nx = s._shape
        read: NDArray[np.uint8] = s._sources.tiles_of_places().astype(np.uint8).reshape(s._tiles)
        axis, i, j = s._sources.crest_faces
        for away in (-1, 2):
            rows = np.clip(i + away * axis, 0, ny - 1)
            columns = np.clip(j + away * (1 - axis), 0, nx - 1)
            read[rows // TILE_ROWS, columns // TILE_COLS] = 1
        read[s._watch._i // TILE_ROWS, s._watch._j // TILE_COLS] = 1
        along_y, along_x = np.arange(ny) // TILE_ROWS, np.arange(nx) // TILE_COLS
        sides = (read[:, 0], read[:, -1], read[0], read[-1])
        codes = np.split(s._edge_codes, np.cumsum([ny, ny, nx]))
        for side, code, along in zip(sides, codes, (along_y, along_y, along_x, along_x), strict=True):
            side[along[code != edges.WALL]] = 1
        return read.ravel()

    def settle(self, solver: FloodSolver) -> None:
        """Cell discharges where they were not read."""
        s = solver
        if self._settled < 0 or self._settled == s.steps or self._read is None:
            return
        # A step that failed has overwritten the depths before the last good one: those after it are near.
        before = s._old if self._tried == s.steps else s._new
        inertial_tile.settle(
            s._old, before, self.faces(s._old), s._static, self._read, *s._shape, s.parameters.dry_depth
        )
        self._settled = s.steps

    def state(self, state: Floats) -> dict[str, NDArray[Any]]:
        """Discharges of the faces, those on the edges included. A copy."""
        return {"faces": self.faces(state)[:, PAD - 1 : 1 - PAD, PAD - 1 : 1 - PAD].copy()}

    def restore(self, target: Floats, state: dict[str, NDArray[Any]]) -> None:
        """Take it back."""
        faces = self.faces(target)
        faces[:] = 0.0
        faces[:, PAD - 1 : 1 - PAD, PAD - 1 : 1 - PAD] = state["faces"]
        self._settled = -1


class Subgrid(Scheme):
    """Local inertia on cells that carry the fine terrain."""

    advects = False
    inertial = True
    planes = subgrid.STATE_PLANES
    _beside_planes: ClassVar[int] = subgrid.PLANES
    _scratches: ClassVar[tuple[int, int]] = faces.FACE_SCRATCH, faces.FACE_DOUBLES
    _waves: ClassVar[bool] = False

    def __init__(self, threads: int, parameters: FloodParameters, domain: Domain, datum: float) -> None:
        super().__init__(threads, 1, 1)
        low = np.nan_to_num(domain.field("subgrid_low") - datum)
        ny, nx = low.shape
        tiles = -(-ny // TILE_ROWS) * -(-nx // TILE_COLS)
        shape = padded(ny, nx)
        self._inside = (slice(PAD, PAD + ny), slice(PAD, PAD + nx))
        curves = domain.field("subgrid_height"), domain.field("subgrid_volume")
        self._tables = (*curves, *_faces(domain, shape[1]), domain.field("subgrid_sheet"))
        self._interval = np.zeros((ny, nx), dtype=np.uint8)
        self._beside = np.zeros((self._beside_planes, *shape))
        self._beside[subgrid.LOWEST][self._inside] = low
        self._beside[subgrid.HIGHEST] = -np.inf
        self._beside[subgrid.THETA] = 1.0
        self._planes = np.zeros((faces.FACE_PLANES, *shape), dtype=np.float32)
        self._found = np.zeros((tiles, subgrid.BANDS, subgrid.FOUND))
        scratch, doubles = self._scratches
        self._faces_scratch = aligned((threads, scratch), np.float32)
        self._faces_doubles = aligned((threads, doubles), np.float64)
        self._dry = parameters.dry_depth

    def lowest(self, static: Floats) -> Floats:
        """That of the fine terrain."""
        del static
        found: Floats = self._beside[subgrid.LOWEST]
        return found

    @property
    def wet_share(self) -> Floats | None:
        """Of the fine terrain."""
        found: Floats = self._beside[subgrid.WET_SHARE]
        return found

    def bed_of_section(self, static: Floats, place: tuple[Ints, Ints]) -> Floats:
        """Of the part of the fine terrain that is under water; where none is, its lowest point."""
        del static
        level, depth, share, low = (
            self._beside[plane][place]
            for plane in (subgrid.SURFACE, subgrid.KNOWN, subgrid.WET_SHARE, subgrid.LOWEST)
        )
        found: Floats = np.where(depth >= self._dry, level - depth / np.maximum(share, 1e-6), low)
        return found

    def begin(self, state: Floats, static: Floats, dry: float) -> None:
        """Levels of all cells, and the discharges of the faces from the velocities of the cells."""
        self._survey(state)
        if self.planes > 3 and state[DISCHARGE_X : DISCHARGE_Y + 1].any():
            subgrid_step.faces_of_cells(
                state, static, self._beside, self._planes, self._tables, self._faces_scratch[0],
                *self._interval.shape, dry,
            )  # fmt: skip
            self._planes[:] = 0.0
        wet = state[DEPTH] >= dry
        self._beside[subgrid.HIGHEST][wet] = self._beside[subgrid.SURFACE][wet]

    def _survey(self, state: Floats) -> None:
        self._beside[subgrid.KNOWN] = -1.0
        subgrid_step.find_all_levels(state, self._beside, self._tables, self._interval)

    def advance(self, solver: FloodSolver) -> None:
        """Run the kernels."""
        s = solver
        subgrid_step.step_tiles(
            s._old, s._new, s._static, s._record, s._classes, s._chosen, s._marks, s._values, self._beside,
            self._planes, self._tables, self._interval, self._found, s._edge_flux, s._watch.faces,
            self._faces_scratch, self._faces_doubles, self._record_scratch, *s._shape, s._steps, s.grid.cell,
            self._dry, s._law, self._waves, s._sources.slanted, s._loop.packed, s._sources.plain,
        )  # fmt: skip

    def run_fields(self, makers: Makers, solver: FloodSolver) -> Makers:
        """The highest levels: over fine terrain they do not follow from the depths, which are means."""

        def level() -> NDArray[Any]:
            highest = self._beside[subgrid.HIGHEST][solver._inside]
            return np.where(np.isfinite(highest), highest + solver.datum, np.nan)

        return makers | {"max_water_level": level}

    def state(self, state: Floats) -> dict[str, NDArray[Any]]:
        """Face discharges, where there are any, and highest levels: views."""
        return super().state(state) | {"highest": self._beside[subgrid.HIGHEST]}

    def restore(self, target: Floats, state: dict[str, NDArray[Any]]) -> None:
        """Take them back; levels follow from the volumes."""
        super().restore(target, state)
        self._beside[subgrid.MASS_E : subgrid.SPEED_S + 1] = 0.0
        self._beside[subgrid.PLANES :] = 0.0
        self._planes[:] = 0.0
        self._beside[subgrid.THETA] = 1.0
        self._beside[subgrid.HIGHEST] = state["highest"]
        self._survey(target)


class SubgridWaves(Subgrid):
    """The shallow water equations, first order in space, on cells that carry the fine terrain."""

    advects = True
    inertial = False
    planes = 3
    _beside_planes = waves.WAVE_PLANES
    _scratches = waves.WAVE_SCRATCH, waves.WAVE_DOUBLES
    _waves = True


def _faces(domain: Domain, width: int) -> tuple[NDArray[np.float32], ...]:
    """Sills and humps of the faces with the strips before the columns, as the kernels read them: those east
    of the cells (ny, strips, width) and those north of them (ny + 1, strips, width), in padded columns; and
    the sills on the edges of the grid (2 ny + 2 nx, strips), over the lowest points of their cells.
    """
    found = []
    sills = domain.field("sill_x"), domain.field("sill_y")
    ny, nx = sills[1].shape[0] - 1, sills[0].shape[1] - 1
    for values, fill in ((sills, faces.FAR), ((domain.field("hump_x"), domain.field("hump_y")), 0.0)):
        for field in values:
            part = np.minimum(np.moveaxis(field, 2, 1), faces.FAR)
            laid = np.full((*part.shape[:2], width), fill, dtype=np.float32)
            if field is values[0]:
                laid[:, :, PAD : PAD + nx - 1] = part[:, :, 1:nx]
            else:
                laid[1:ny, :, PAD : PAD + nx] = part[1:ny]
            found.append(laid)
    edges_of = (sills[0][:, 0], sills[0][:, nx], sills[1][0], sills[1][ny])
    return (*found, np.minimum(np.concatenate(edges_of), faces.FAR).astype(np.float32))


def scheme_of(
    parameters: FloodParameters, threads: int, domain: Domain, forcing: Forcing, datum: float
) -> Scheme:
    """The scheme that the parameters ask for; threads: private scratch to hold; datum (m): of the levels.

    Raises
    ------
    InputError
        Subgrid is asked for and the domain has no tables, or something acts that knows cells by their bed.
    """
    if parameters.subgrid:
        _refuse(domain, forcing)
        kind = Subgrid if parameters.scheme == "local_inertial" else SubgridWaves
        return kind(threads, parameters, domain, datum)
    if parameters.scheme == "local_inertial":
        return LocalInertial(threads, parameters)
    second, single = parameters.scheme == "second_order", parameters.precision == "float32"
    return Godunov(threads, second=second, single=single, law=LAWS[parameters.friction])


def _refuse(domain: Domain, forcing: Forcing) -> None:
    problems = Problems()
    if not has_subgrid(domain.fields):
        problems.tell(forcing.where, "params.flood.subgrid", "flood.subgrid_domain")
    elif not np.array_equal(domain.field("bed_elevation"), domain.field("subgrid_bed"), equal_nan=True):
        problems.tell(forcing.where, "params.flood.subgrid", "flood.subgrid_measure")
    for what, found in (
        ("structures", forcing.structures), ("breaches", forcing.breaches),
        ("ratings", forcing.ratings), ("levels", [f for f in forcing.levels if f.cells.size]),
    ):  # fmt: skip
        if found:
            problems.tell(
                forcing.where, "params.flood.subgrid", "flood.subgrid_no", what=text(f"flood.subgrid.{what}")
            )
    problems.raise_if_any()
