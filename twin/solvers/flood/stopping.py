"""Why a run stops: the cell, its place, the time, the values and the likely cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.errors import SolverError
from twin.messages import text
from twin.solvers.flood import hazards
from twin.solvers.flood import kernels_record as recording
from twin.solvers.flood.kernels import DEPTH, GRAVITY
from twin.solvers.flood.kernels_loop import is_beyond

if TYPE_CHECKING:
    from twin.solvers.flood.solver import FloodSolver

PIT = 5.0  # m below all its neighbours: a cell that is called a pit


def broken(solver: FloodSolver, t: float, dt: float) -> SolverError:
    """Where a step of dt (s) to t went wrong. Its result stands in the new buffer, the last good state in the
    old one.
    """
    s = solver
    depth, qx, qy = (s._new[k][s._inside] for k in range(3))
    with np.errstate(all="ignore"):
        speed = np.hypot(qx, qy) / np.where(depth > hazards.SPEED_DEPTH, depth, np.inf)
        bound = _bound(s)
        lost = ~(np.isfinite(depth) & np.isfinite(qx) & np.isfinite(qy)) | (depth < 0.0)
        excess = np.where(lost, np.inf, speed - bound)
    i, j = divmod(int(np.argmax(excess)), s._shape[1])
    what, cause = "flood.too_fast", "flood.cause_speed"
    if lost[i, j]:
        what, cause = "flood.not_a_number", "flood.cause_input"
    if i in (0, s._shape[0] - 1) or j in (0, s._shape[1] - 1):
        cause = "flood.cause_boundary"
    elif s._sources.has_cell(i, j):
        cause = "flood.cause_source"
    elif _is_pit(s, i, j):
        cause = "flood.cause_pit"
    values = {
        "depth": float(depth[i, j]),
        "depth_before": float(s._old[DEPTH][s._inside][i, j]),
        "speed": float(speed[i, j]),
        "bound": float(bound[i, j]),
        "bed": float(s._bed[i, j] + s.datum),
        "dt": dt,
    }
    return _error(s, what, cause, t, (i, j), values)


def false_speed(solver: FloodSolver, fastest: float, lowest: float, dt: float) -> SolverError | None:
    """What a scheme that looks at no energy while it steps (local inertia) made faster than 2 √(2 g (energy
    - low)) since the start, where h > SPEED_DEPTH: told at the worst cell. The energy is that of
    `kernels_record.too_fast`, of the highest depth and speed of each cell; fastest: wave since the last look
    (m/s); lowest: bed of the domain (m above the datum); dt (s): the last step.
    """
    s = solver
    # Only a speed that no cell of the domain could have is worth a look at all of them.
    if not is_beyond(fastest, s.energy, lowest):
        return None
    depth, square = (s._record[k][s._inside] for k in (recording.MAX_DEPTH, recording.MAX_SPEED2))
    head = np.minimum(square / (2.0 * GRAVITY), 2.0 * depth)
    level = np.where(depth >= s.parameters.dry_depth, s._bed + depth + head, -np.inf)
    s.energy = max(s.energy, float(level.max()))
    if not is_beyond(fastest, s.energy, lowest):
        return None
    bound = _bound(s)
    i, j = divmod(int(np.argmax(square - np.square(bound))), s._shape[1])
    if not square[i, j] > bound[i, j] ** 2:
        return None
    values = {
        "depth": float(s._old[DEPTH][s._inside][i, j]),
        "speed": float(np.sqrt(square[i, j])),
        "bound": float(bound[i, j]),
        "bed": float(s._bed[i, j] + s.datum),
        "dt": dt,
    }
    return _error(s, "flood.too_fast", "flood.cause_inertial", s.time, (i, j), values, late=True)


def _bound(solver: FloodSolver) -> NDArray[np.float64]:
    """2 √(2 g (energy - low)) (m/s), low: the lowest bed of a cell and its four neighbours."""
    ring = np.pad(solver._bed, 1, mode="edge")
    around = [solver._bed, ring[2:, 1:-1], ring[:-2, 1:-1], ring[1:-1, 2:], ring[1:-1, :-2]]
    low = np.minimum.reduce(around)
    bound: NDArray[np.float64] = 2.0 * np.sqrt(2.0 * GRAVITY * np.maximum(solver.energy - low, 0.0))
    return bound


def unbalanced(solver: FloodSolver, volume: float, error: float) -> SolverError:
    """The books do not close (volume, closing error in m³); told at the deepest cell."""
    depth = solver._old[DEPTH][solver._inside]
    i, j = divmod(int(np.argmax(depth)), solver._shape[1])
    values = {"volume_m3": volume, "mass_error_m3": error, "depth": float(depth[i, j])}
    return _error(solver, "flood.mass_error", "flood.cause_mass", solver.time, (i, j), values, late=True)


def _error(
    solver: FloodSolver,
    what: str,
    cause: str,
    t: float,
    cell: tuple[int, int],
    values: dict[str, float],
    *,
    late: bool = False,
) -> SolverError:
    place = (float(solver.grid.x[cell[1]]), float(solver.grid.y[cell[0]]))
    return SolverError(
        solver.name, text(what), time=t, cell=cell, xy=place, values=values, cause=text(cause), late=late
    )


def _is_pit(solver: FloodSolver, i: int, j: int) -> bool:
    """Whether an inner cell lies more than PIT below all its neighbours."""
    around = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
    return bool(min(solver._bed[place] for place in around) - solver._bed[i, j] > PIT)
