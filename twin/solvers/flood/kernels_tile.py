# mypy: ignore-errors
"""One step of the schemes of first and second order on the tiles of a sweep (numba).

Two tiles side by side are swept row by row; where some cell would lose more than it holds, they are swept
again with their faces kept, these are limited, and the new state follows from them.
"""

from __future__ import annotations

from numba import njit

from twin.solvers.flood import kernels_first_order as first_order
from twin.solvers.flood import kernels_second_order as second_order
from twin.solvers.flood.kernels import DEPTH, FACED, PAD, SWEEP_COLS, WETS, like, stretch
from twin.solvers.flood.kernels_limited import (
    FACES_X,
    FACES_Y,
    PUSH_X,
    PUSH_Y,
    keep_faces,
    limit_outflow,
    overdrawn,
    take_faces,
)
from twin.solvers.flood.kernels_loop import FRESH
from twin.solvers.flood.kernels_rows import (
    FACES,
    FM,
    NB,
    PARTS,
    PX,
    PY,
    XM,
    ask_for_depths,
    ask_for_discharges,
    ask_for_new,
    keep_row,
    load_crests,
    load_crests_below,
    load_row,
    no_faces,
    part,
    start_maxima,
    start_tile,
    update_row,
)

OVERDRAWN = -2  # in place of what a sweep hands on: it must be made again, limited


@njit(error_model="numpy")
def keep_row_faces(row, s, slow, base, second):
    """The faces within a row, and what its cells push and give, into the planes of the limited step."""
    keep_faces(stretch(s, (XM,), FACES), slow, base, FACES_X)
    for j in range(NB):
        slow[PUSH_X + base + j] = row[PX + j]
        slow[PUSH_Y + base + j] = row[PY + j]
    if second:
        second_order.keep_donors(s, slow, base)
    else:
        first_order.keep_donors(row, slow, base)


@njit(error_model="numpy")
def sweep(
    old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, asked, past,
    ny, nx, ratio, dt, dry, full, second, law, limiting, handed,
):  # fmt: skip
    """Compute the faces of two tiles, and their new state; OVERDRAWN where a cell would lose more than it
    holds, else what it hands on.

    limiting: keep the faces in the planes of `slow` and leave the state to :func:`update_limited`; handed:
    what the sweep of the tiles above handed on, with the rows that it left in `s` and `d`, or FRESH. It went
    two rows into these tiles, up to the new state of their first row.
    """
    step = like(dry, ratio)
    outward = edge_flux[2 * (ny + nx) :]
    first = c0 - PAD
    columns = min(SWEEP_COLS, nx - first)
    if handed == FRESH:
        start_tile(s, c0, nx)
        start = r0 - 2
        at = PARTS - 1  # number of the part of the row above
        wet_before, wet_above = 0, 0  # whether the row above the row above is wet, and so on
        wet_row = load_row(part(s, 3), part(s, 0), d, old, static, r0 - 3, c0, dry)
        wet_below = load_row(part(s, 0), part(s, 1), d, old, static, r0 - 2, c0, dry)
    else:
        start = r0 + 2
        at = handed % PARTS
        wet_before, wet_above = (handed >> 2) & WETS, (handed >> 18) & WETS
        wet_row, wet_below = (handed >> 34) & WETS, (handed >> 50) & WETS
    start_maxima(s)
    # Each turn finishes the row r - 2 and computes the faces within the row r - 1, then it reconstructs the
    # row r and computes the faces above it.
    for r in range(start, r0 + rows + 2):
        before = part(s, (at + 3) % PARTS)
        above = part(s, at)
        row = part(s, (at + 1) % PARTS)
        if r0 + 1 < r and not limiting:
            if wet_before | wet_above | wet_row != 0:
                update_row(
                    s, d, before, at, old, new, static, falls, looks, edge_flux, watched, r - 2 - r0, r - 2,
                    c0, asked, past, ny, nx, ratio, dt, dry, law,
                )  # fmt: skip
            else:
                keep_row(s, d, old, new, looks, r - 2 - r0, r - 2, c0, asked, past)
        ask_for_new(new, r - 1, c0, past)
        if crests:
            load_crests_below(s, static, r - 1, c0)
        if r >= r0:
            if wet_row == 0 or r <= PAD or r > PAD + ny:
                no_faces(stretch(s, (XM,), FACES))
            elif second:
                second_order.faces_within(row, s, dry, wet_row >> FACED)
                second_order.shut_sides(s, outward, r - 1 - PAD, first, columns, ny, nx)
            else:
                first_order.faces_within(row, s, dry, wet_row >> FACED)
            if limiting:
                keep_row_faces(row, s, slow, (r - r0 + 1) * NB, second)
        at = (at + 1) % PARTS
        before, above, row, below = above, row, part(s, (at + 1) % PARTS), part(s, (at + 2) % PARTS)
        wet_before, wet_above, wet_row = wet_above, wet_row, wet_below
        wet_below = load_row(row, below, d, old, static, r + 1, c0, dry)
        ask_for_depths(old, static, r + 2, c0)
        if crests:
            load_crests(s, static, r, c0)
        if second:
            second_order.reconstruct(above, row, below, s, step, dt, dry, law, wet_row)
        ask_for_discharges(old, static, r + 2, c0)
        if r > r0 - 2:
            # Faces between dry cells pass no water, and dry cells have no momentum to change.
            if wet_above | wet_row == 0 or r < PAD or r > PAD + ny:
                no_faces(stretch(above, (FM,), FACES))
            elif second:
                second_order.faces_below(above, s, dry, wet_above | wet_row)
                if r == PAD:
                    second_order.shut_ends(above, outward[2 * ny :], first, columns, 1.0)
                elif r == PAD + ny:
                    second_order.shut_ends(above, outward[2 * ny + nx :], first, columns, -1.0)
            else:
                first_order.faces_below(above, row, s, dry, wet_above | wet_row)
            if limiting:
                keep_faces(stretch(above, (FM,), FACES), slow, (r - r0 + 1) * NB, FACES_Y)
            elif r > r0 - 1 and wet_above > 0 and overdrawn(before, above, s, step, full):
                return OVERDRAWN
    return at + (wet_before << 2) + (wet_above << 18) + (wet_row << 34) + (wet_below << 50)


@njit(error_model="numpy")
def update_limited(
    old, new, static, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, asked, past, ny, nx, ratio,
    dt, dry, law,
):  # fmt: skip
    """The new state of the tiles from the faces in `slow`."""
    start_tile(s, c0, nx)
    start_maxima(s)
    above, row = part(s, 0), part(s, 1)
    for k in range(rows):
        base = (k + 2) * NB
        load_row(above, row, d, old, static, r0 + k, c0, dry)
        take_faces(stretch(s, (XM,), FACES), slow, base, FACES_X)
        take_faces(stretch(above, (FM,), FACES), slow, base - NB, FACES_Y)
        take_faces(stretch(row, (FM,), FACES), slow, base, FACES_Y)
        for j in range(NB):
            row[PX + j] = slow[PUSH_X + base + j]
            row[PY + j] = slow[PUSH_Y + base + j]
        update_row(
            s, d, above, 1, old, new, static, falls, looks, edge_flux, watched, k, r0 + k, c0, asked, past,
            ny, nx, ratio, dt, dry, law,
        )  # fmt: skip


@njit(error_model="numpy")
def step_sweep(
    old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, asked, past,
    ny, nx, ratio, dt, dry, full, second, law, handed,
):  # fmt: skip
    """Advance one or two (`asked`) tiles by dt; the number of their cells whose outflow was limited, and what
    the sweep hands on to that of the tiles below (see :func:`sweep`).

    old, new, static: padded arrays (see `kernels`); crests: whether a face of the tiles or their halo may
    have one; falls (ny, tiles in x): highest FALL of each row of a tile; s, d, slow: scratch of
    `kernels_rows`; looks: scratch of `kernels_record`, where the new depths and speeds are left; r0, c0:
    first row and column of the two tiles in the padded arrays; past: whether its new state is written
    past the caches; edge_flux, watched: see `kernels_edges`; ratio: dt/dx in double; full: FULL of
    `kernels`; law: of friction. dt, dry and full have the type of s. A tile reads three cells beyond its
    edges. On return the maxima of the columns are in s.
    """
    hands_on = sweep(
        old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, asked, past,
        ny, nx, ratio, dt, dry, full, second, law, False, handed,
    )  # fmt: skip
    if hands_on != OVERDRAWN:
        return 0, hands_on
    sweep(
        old, new, static, crests, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, asked, past,
        ny, nx, ratio, dt, dry, full, second, law, True, FRESH,
    )  # fmt: skip
    limited = limit_outflow(slow, old[DEPTH], r0, rows, c0, asked, like(dry, ratio), full)
    update_limited(
        old, new, static, falls, s, d, slow, looks, edge_flux, watched, r0, rows, c0, asked, past, ny, nx,
        ratio, dt, dry, law,
    )  # fmt: skip
    return limited, FRESH
