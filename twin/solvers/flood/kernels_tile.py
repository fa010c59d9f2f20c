# mypy: ignore-errors
"""One step of the schemes of first and second order on one tile (numba).

The tile is swept row by row; where some cell would lose more than it holds, it is swept again with its faces
kept, these are limited, and the new state follows from them.
"""

from __future__ import annotations

from numba import njit

from twin.solvers.flood import kernels_first_order as first_order
from twin.solvers.flood import kernels_second_order as second_order
from twin.solvers.flood.kernels import DEPTH, PAD, TILE_COLS, like
from twin.solvers.flood.kernels_edges import export_north
from twin.solvers.flood.kernels_record import keep_for_record
from twin.solvers.flood.kernels_rows import (
    FACES_X,
    FACES_Y,
    FM,
    NB,
    NH,
    NV,
    OUT0,
    PUSH_X,
    PUSH_Y,
    PX,
    PY,
    XM,
    gather_row,
    keep_faces,
    keep_row,
    limit_outflow,
    load_crests,
    load_crests_below,
    load_ground,
    load_row,
    no_faces,
    overdrawn,
    start_tile,
    take_faces,
    update_row,
)


@njit(error_model="numpy")
def sweep(
    old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, ny, nx, ratio,
    dt, dry, full, second, law, limiting,
):  # fmt: skip
    """Compute the faces of a tile, and its new state; whether a cell would lose more than it holds.

    limiting: keep the faces in the planes of `slow` and leave the state to :func:`update_limited`.
    """
    start_tile(s, c0, nx)
    step = like(dry, ratio)
    outward = edge_flux[2 * (ny + nx) :]
    first = c0 - PAD
    columns = min(TILE_COLS, nx - first)
    over = False
    phase = 1
    wet_above = 0
    wet_row = load_row(s, d, 0, old, static, r0 - 3, c0, dry)
    wet_below = load_row(s, d, 1, old, static, r0 - 2, c0, dry)
    # Each turn reconstructs a row and computes the faces above and within it, then finishes the row above it.
    for row in range(r0 - 2, r0 + rows + 2):
        wet_before = wet_above  # wet cells of the row above the row above
        wet_above = wet_row
        wet_row = wet_below
        last = (phase + 2) % 3
        wet_below = load_row(s, d, (phase + 1) % 3, old, static, row + 1, c0, dry)
        if second:
            load_ground(s, static, row, c0)
        if crests:
            load_crests(s, static, row, c0)
        if second:
            if wet_row > 0:
                second_order.reconstruct(phase, s, step, dt, dry, law)
            else:
                second_order.plain_cells(phase, s)
        if row > r0 - 2:
            # Faces between dry cells pass no water, and dry cells have no momentum to change.
            if wet_above + wet_row == 0 or row < PAD or row > PAD + ny:
                no_faces(s, FM)
            elif second:
                second_order.faces_above(phase, s, dry)
                if row == PAD:
                    second_order.shut_ends(s, outward[2 * ny :], first, columns, 1.0)
                elif row == PAD + ny:
                    second_order.shut_ends(s, outward[2 * ny + nx :], first, columns, -1.0)
            else:
                first_order.faces_above(phase, s, dry)
            if limiting:
                keep_faces(s, slow, FM, (row - r0 + 1) * NB, FACES_Y)
            elif row > r0 - 1:
                if wet_above > 0 and overdrawn(last, s, step, full):
                    over = True
                    break
                if r0 < row <= r0 + rows:
                    if wet_before + wet_above + wet_row > 0:
                        update_row(
                            s, d, last, old, new, static, falls, edge_flux, watched, row - 1, c0, ny, nx,
                            ratio, dt, dry, law,
                        )  # fmt: skip
                    else:
                        keep_row(s, old, new, row - 1, c0)
                    keep_for_record(s[NH + OUT0 :], s[NV + OUT0 :], looks, row - 1 - r0)
        if crests:
            load_crests_below(s, static, row, c0)
        if r0 - 1 <= row <= r0 + rows:
            if wet_row == 0 or row < PAD or row >= PAD + ny:
                no_faces(s, XM)
            elif second:
                second_order.faces_within(phase, s, dry)
                second_order.shut_sides(s, outward, row - PAD, first, columns, ny, nx)
            else:
                first_order.faces_within(phase, s, dry)
            if limiting:
                base = (row - r0 + 2) * NB
                keep_faces(s, slow, XM, base, FACES_X)
                for j in range(NB):
                    slow[PUSH_X + base + j] = s[PX + j]
                    slow[PUSH_Y + base + j] = s[PY + j]
                if second:
                    second_order.keep_donors(s, slow, base)
                else:
                    first_order.keep_donors(phase, s, slow, base)
            elif wet_above + wet_row + wet_below > 0:
                gather_row(s, d)
                if row == r0:
                    export_north(s, FM + OUT0, edge_flux, watched, row, c0, ny, nx)
        phase = (phase + 1) % 3
    return over


@njit(error_model="numpy")
def update_limited(
    old, new, static, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry, law
):
    """The new state of a tile from the faces in `slow`."""
    start_tile(s, c0, nx)
    for k in range(2, rows + 2):
        row = r0 - 2 + k
        base = k * NB
        load_row(s, d, 0, old, static, row, c0, dry)
        take_faces(s, slow, XM, base, FACES_X)
        take_faces(s, slow, FM, base - NB, FACES_Y)
        for j in range(NB):
            s[PX + j] = slow[PUSH_X + base + j]
            s[PY + j] = slow[PUSH_Y + base + j]
        gather_row(s, d)
        if row == r0:
            export_north(s, FM + OUT0, edge_flux, watched, row, c0, ny, nx)
        take_faces(s, slow, FM, base, FACES_Y)
        update_row(s, d, 0, old, new, static, falls, edge_flux, watched, row, c0, ny, nx, ratio, dt, dry, law)
        keep_for_record(s[NH + OUT0 :], s[NV + OUT0 :], looks, row - r0)


@njit(error_model="numpy")
def step_tile(
    old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, ny, nx, ratio,
    dt, dry, full, second, law,
):  # fmt: skip
    """Advance one tile by dt; the number of its cells whose outflow was limited (0: none).

    old, new, static: padded arrays (see `kernels`); crests: whether a face of the tile or its halo may have
    one; falls (ny,): highest FALL of each row of the tile; s, d, slow: scratch of `kernels_rows`; looks:
    scratch of `kernels_record`, where the new depths and speeds are left; r0, c0: first row and column of the
    tile in the padded arrays; edge_flux, watched: see `kernels_edges`; ratio: dt/dx in double; full: FULL of
    `kernels`; law: of friction. dt, dry and full have the type of s. A tile reads three cells beyond its
    edges. On
    return the maxima of the columns are in s.
    """
    if not sweep(
        old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, ny, nx, ratio,
        dt, dry, full, second, law, False,
    ):  # fmt: skip
        return 0
    sweep(
        old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, ny, nx, ratio,
        dt, dry, full, second, law, True,
    )  # fmt: skip
    limited = limit_outflow(slow, old[DEPTH], r0, rows, c0, like(dry, ratio), full)
    update_limited(
        old, new, static, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, ny, nx, ratio, dt, dry,
        law,
    )  # fmt: skip
    return limited
