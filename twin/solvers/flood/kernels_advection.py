# mypy: ignore-errors
"""What the momentum that water carries adds to the discharges of local inertia (numba).

The conservative upwind form of Stelling and Duinmeijer (2003), Int. J. Numer. Meth. Fluids 43, as in the full
equations of SFINCS (Leijnse et al. 2021, Coastal Eng. 163).
"""

from __future__ import annotations

from numba import njit

from twin.solvers.flood.kernels import BED, CREST_X, CREST_Y, DEPTH, TILE_ROWS, stretch, with_halo
from twin.solvers.flood.kernels_inertial import ADDED, EAST, NB, SOUTH

ABOVE = 3  # rows kept above a tile
# Planes of the scratch: velocities on faces before the step
PLANE = (TILE_ROWS + 2 * ABOVE) * NB
OLD_E, OLD_S = 0, PLANE
SLOW_SCRATCH = 2 * PLANE


@njit(inline="always")
def face_depth(hl, zl, hr, zr, crest):
    """Depth over a face (m; negative where nothing reaches it)."""
    right = (zr - zl) + (hr - hl) > 0
    sill = max(max(zl, zr), crest)
    return (hr if right else hl) - (sill - (zr if right else zl))


@njit(inline="always")
def kept_row(slow, plane, row, r0):
    """A row (number in the padded arrays) of a plane of the scratch."""
    start = plane + (row - (r0 - ABOVE)) * NB
    return stretch(slow, (start,), NB)


@njit(error_model="numpy")
def velocities_within(speed, h, z, crest, q, dry):
    """Velocities (m/s) of the faces in x of a row before the step."""
    kind = speed.dtype.type
    zero, one = kind(0), kind(1)
    for j in range(NB - 1):
        depth = kind(face_depth(h[j], z[j], h[j + 1], z[j + 1], crest[j]))
        speed[j] = q[j] * (one / max(depth, dry)) if depth >= dry else zero


@njit(error_model="numpy")
def velocities_below(speed, h, z, h2, z2, crest, q, dry):
    """Velocities (m/s) of the faces below a row before the step."""
    kind = speed.dtype.type
    zero, one = kind(0), kind(1)
    for j in range(NB):
        depth = kind(face_depth(h[j], z[j], h2[j], z2[j], crest[j]))
        speed[j] = q[j] * (one / max(depth, dry)) if depth >= dry else zero


@njit(error_model="numpy")
def old_velocities(old, faces, static, slow, r0, rows, c0, dry):
    """Velocities on the faces around a tile before the step."""
    for row in range(r0 - ABOVE, r0 + rows + 2):
        h, z = with_halo(old, DEPTH, row, c0), with_halo(static, BED, row, c0)
        velocities_within(
            kept_row(slow, OLD_E, row, r0), h, z, with_halo(static, CREST_X, row, c0),
            with_halo(faces, EAST, row, c0), dry,
        )  # fmt: skip
        velocities_below(
            kept_row(slow, OLD_S, row, r0), h, z, with_halo(old, DEPTH, row + 1, c0),
            with_halo(static, BED, row + 1, c0), with_halo(static, CREST_Y, row, c0),
            with_halo(faces, SOUTH, row, c0), dry,
        )  # fmt: skip


@njit(inline="always")
def carried(q, before, after):
    """Momentum that a discharge carries, with the velocity of where it comes from."""
    return q * (before if q > 0 else after)


@njit(error_model="numpy")
def _within(added, qe, u, u_above, u_below, qs_above, qs, ratio):
    scale = added.dtype.type(-0.5) * ratio
    for j in range(1, NB - 1):
        east = carried(qe[j] + qe[j + 1], u[j], u[j + 1])
        west = carried(qe[j - 1] + qe[j], u[j - 1], u[j])
        south = carried(qs[j] + qs[j + 1], u[j], u_below[j])
        north = carried(qs_above[j] + qs_above[j + 1], u_above[j], u[j])
        added[j] = scale * ((east - west) + (south - north))


@njit(error_model="numpy")
def _below(added, qs, qs_above, qs_below, v, v_above, v_below, qe, qe_below, ratio):
    scale = added.dtype.type(-0.5) * ratio
    for j in range(1, NB - 1):
        south = carried(qs[j] + qs_below[j], v[j], v_below[j])
        north = carried(qs_above[j] + qs[j], v_above[j], v[j])
        east = carried(qe[j] + qe_below[j], v[j], v[j + 1])
        west = carried(qe[j - 1] + qe_below[j - 1], v[j - 1], v[j])
        added[j] = scale * ((south - north) + (east - west))


@njit(error_model="numpy")
def advect_within(faces, s, slow, row, r0, c0, ratio):
    """What advection adds to the faces in x of a row, into the scratch."""
    _within(
        stretch(s, (ADDED,), NB), with_halo(faces, EAST, row, c0), kept_row(slow, OLD_E, row, r0),
        kept_row(slow, OLD_E, row - 1, r0), kept_row(slow, OLD_E, row + 1, r0),
        with_halo(faces, SOUTH, row - 1, c0), with_halo(faces, SOUTH, row, c0), ratio,
    )  # fmt: skip


@njit(error_model="numpy")
def advect_below(faces, s, slow, row, r0, c0, ratio):
    """What advection adds to the faces below a row, into the scratch."""
    _below(
        stretch(s, (ADDED,), NB), with_halo(faces, SOUTH, row, c0), with_halo(faces, SOUTH, row - 1, c0),
        with_halo(faces, SOUTH, row + 1, c0), kept_row(slow, OLD_S, row, r0),
        kept_row(slow, OLD_S, row - 1, r0), kept_row(slow, OLD_S, row + 1, r0),
        with_halo(faces, EAST, row, c0), with_halo(faces, EAST, row + 1, c0), ratio,
    )  # fmt: skip
