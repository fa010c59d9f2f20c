"""The numerical schemes as the flood solver sees them: what they keep, and one step of their kernels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.solvers.flood import kernels_edges as edges
from twin.solvers.flood import kernels_first_order as first_order
from twin.solvers.flood import kernels_inertial as inertial
from twin.solvers.flood import kernels_record as recording
from twin.solvers.flood import kernels_second_order as second_order
from twin.solvers.flood import kernels_step as stepping
from twin.solvers.flood.kernels import LAWS, PAD

if TYPE_CHECKING:
    from twin.solvers.flood.parameters import FloodParameters
    from twin.solvers.flood.solver import FloodSolver

NO_BOUND = 1e30  # m: local inertia keeps no energy, so only what is not a number stops a run

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


class Scheme(ABC):
    """One scheme: its planes of state after depth and cell discharges, its scratch, its step."""

    planes: ClassVar[int] = 3

    def __init__(self, threads: int, scratch: int, slow: int) -> None:
        self._scratch = np.zeros((threads, scratch))
        self._slow = np.zeros((threads, slow))
        self._record_scratch = np.zeros((threads, recording.RECORD_SCRATCH))

    def begin(self, state: Floats, static: Floats, dry: float) -> None:  # noqa: B027 - nothing of its own
        """Fill the planes that are its own from depth and cell discharges, at the start."""

    @abstractmethod
    def advance(
        self, solver: FloodSolver, count: int, kinds: Codes, values: Floats, dt: float, t_new: float
    ) -> None:
        """One step (s) of the chosen tiles; kinds and values of the edge cells, whose first ghosts are
        filled.
        """

    def state(self, state: Floats) -> dict[str, NDArray[Any]]:
        """What its own planes hold, ghosts on the faces of the edges included. A copy."""
        return {"faces": state[3:, PAD - 1 : 1 - PAD, PAD - 1 : 1 - PAD].copy()} if self.planes > 3 else {}

    def restore(self, target: Floats, state: dict[str, NDArray[Any]]) -> None:
        """Take it back."""
        if self.planes > 3:
            target[3:, PAD - 1 : 1 - PAD, PAD - 1 : 1 - PAD] = state["faces"]


class Godunov(Scheme):
    """Finite volumes of first or second order."""

    def __init__(self, threads: int, *, second: bool, law: int) -> None:
        kernels = second_order if second else first_order
        super().__init__(threads, kernels.SCRATCH, kernels.SLOW_SCRATCH)
        self._second, self._law = second, law

    def advance(
        self, solver: FloodSolver, count: int, kinds: Codes, values: Floats, dt: float, t_new: float
    ) -> None:
        """One step of the kernels."""
        s = solver
        if self._second:
            outward = s._edge_flux[kinds.size :]
            edges.fill_far_ghosts(s._old, s._static, kinds, values, outward, *s._shape, s.grid.cell)
        stepping.step_tiles(
            s._old, s._new, s._static, s._record, s._classes, s._chosen, count, s._marks, s._values,
            s._edge_flux, s._watch.faces, self._scratch, self._slow, self._record_scratch, *s._shape, dt,
            s.grid.cell, t_new, s.parameters.dry_depth, s.energy, self._second, self._law,
        )  # fmt: skip


class LocalInertial(Scheme):
    """Local inertia on the staggered grid: face discharges are advanced, cell discharges derived."""

    planes = inertial.PLANES

    def __init__(self, threads: int, parameters: FloodParameters) -> None:
        super().__init__(threads, inertial.SCRATCH, inertial.SLOW_SCRATCH)
        self._single = np.zeros((threads, inertial.SINGLE_SCRATCH), dtype=np.float32)
        # Faces that are never reached are rubbed too.
        self._single[:, inertial.OVER : inertial.OVER + inertial.NB] = 1.0
        self._theta, self._advection = parameters.theta, parameters.advection

    def begin(self, state: Floats, static: Floats, dry: float) -> None:
        """Face discharges from velocities."""
        inertial.faces_of_cells(state, static, dry)

    def advance(
        self,
        solver: FloodSolver,
        count: int,
        kinds: Codes,
        values: Floats,  # noqa: ARG002 - in the ghosts already
        dt: float,
        t_new: float,
    ) -> None:
        """One step of the kernels, after the faces on the edges."""
        s, dry, cell = solver, solver.parameters.dry_depth, solver.grid.cell
        edge = s._edge_flux[kinds.size : 2 * kinds.size]
        inertial.edge_faces(s._old, s._static, kinds, s._edge_closed, edge, *s._shape, dt / cell, dt, dry)
        inertial.step_tiles(
            s._old, s._new, s._static, s._record, s._classes, s._chosen, count, s._marks, s._values, edge,
            s._edge_flux, s._watch.faces, self._scratch, self._slow, self._single, self._record_scratch,
            *s._shape, dt, cell, t_new, dry, NO_BOUND, self._theta, self._advection,
        )  # fmt: skip


def scheme_of(parameters: FloodParameters, threads: int) -> Scheme:
    """The scheme that the parameters ask for; threads: private scratch to hold."""
    if parameters.scheme == "local_inertial":
        return LocalInertial(threads, parameters)
    second = parameters.scheme == "second_order"
    return Godunov(threads, second=second, law=LAWS[parameters.friction])
