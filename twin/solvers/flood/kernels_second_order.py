# mypy: ignore-errors
"""The reconstruction and the fluxes of the second-order scheme along a row of cells (numba).

MUSCL-Hancock (van Leer 1984, SIAM J. Sci. Stat. Comput. 5) with one flux evaluation per step: limited slopes
of bed, depth and velocities in each cell; half a step of the equations in primitive form; the fluxes of
`kernels_rows` between the values that both cells then have at their face. The bed at a face is level
less depth (Audusse and Bristeau 2005, J. Comput. Phys. 206), so that depths stay positive and the bed of a
cell is a plane: thin sheets run down steep slopes without steps.

Rest is kept as in first order. Momentum fluxes are deviations from the hydrostatic pressure of the face value
of the cell that receives them, and the pressures on both sides of a cell together with the pressure on its
bed make g h (w_right - w_left), which is zero term by term when the level is.

A cell has slopes only where it, its four neighbours and the face values are wet and no crest touches it. On a
shore (a neighbour is dry) it keeps those in x, or in y, whose two neighbours are wet, without the half step:
a stream or a street of one cell is no staircase of falls. Else it is a cell of the first-order scheme.
Friction is implicit in the half step too: the velocity at a face would otherwise be that of a free fall. The
step is positive by the same limit on the outflow.
"""

from __future__ import annotations

import math

from numba import njit

from twin.solvers.flood.kernels import (
    CHUNKS,
    GRAVITY,
    chunk,
    end_of_run,
    fused,
    inverse_cube_root,
    length_of,
    like,
    same_sign,
    with_sign_of,
)
from twin.solvers.flood.kernels_limited import DONOR_U, DONOR_V
from twin.solvers.flood.kernels_rows import (
    BH,
    BU,
    BV,
    BW,
    EH,
    EU,
    EV,
    EW,
    FL,
    FM,
    FR,
    FT,
    GS,
    GX,
    GY,
    MF,
    MH,
    MU,
    MV,
    NB,
    OUT0,
    PX,
    PY,
    RDX,
    RDY,
    RGF,
    RH,
    RSH,
    RSU,
    RSV,
    RSW,
    RU,
    RV,
    WH,
    WU,
    WV,
    WW,
    XL,
    XM,
    XR,
    XT,
    face_flux,
    laws,
    still,
)


@njit(inline="always")
def half_slope(before, after, most):
    """Half the limited difference across a cell: the central one, at most `most` times the difference to
    either neighbour, 0 at extrema.

    before, after: the cell less the one before, the one behind less the cell. most = 1: monotonised central
    (van Leer 1977, J. Comput. Phys. 23), sharpest of the symmetric limiters without a division. most = 1/2:
    minmod.
    """
    zero = like(before, 0.0)
    middle = like(before, 0.25) * (before + after)
    size = min(most * min(abs(before), abs(after)), abs(middle))
    return with_sign_of(size if same_sign(before, after) else zero, middle)


@njit(inline="always")
def slopes(before, here, after, rise_before, rise_after):
    """Half the limited slopes of depth and level, for three depths in a row and the rises of the level
    between them; whether the velocity has one.

    Where one sheet covers the steps of the bed: those of depth and bed, the level's is their sum (sharpest
    over a curved bed). Else those of level and bed, by minmod, the depth's is their difference: beside a
    shore the level of a lake is flat, though depth and bed change by different steps towards a film on the
    bank; a slope made of the two would push the lake off its shore for as long as the film lasts. And on
    steps higher than the water is deep the beds that neighbours give a face must not cross: a steeper limiter
    would lift the bed of the one to that of the other and lower the level of the other to its own bed, a
    ridge that is not there. A ditch into which films fall from both sides (their beds stand over its water)
    does not share their velocities: as a slope they would squeeze its water up.
    """
    # Levels and beds count from the level of the cell.
    lowest = min(min(-rise_before, rise_after), like(here, 0.0))
    highest = max(max(-rise_before - before, rise_after - after), -here)
    covered = highest < lowest
    most = like(here, 1.0) if covered else like(here, 0.5)
    rise_here = here - before
    rise_next = after - here
    bed = half_slope(rise_before - rise_here, rise_after - rise_next, most)
    # Depth or level, whichever is limited itself
    own = half_slope(rise_here if covered else rise_before, rise_next if covered else rise_after, most)
    shared = min(-rise_before - before, rise_after - after) <= like(here, 0.0)
    return own if covered else own - bed, own + bed if covered else own, shared


@njit(error_model="numpy")
def _slopes_and_half_step(above, row, below, s, ratio, dry, count):
    zero = like(dry, 0.0)
    one = like(dry, 1.0)
    two = like(dry, 2.0)
    g = like(dry, GRAVITY)
    for j in range(count):
        h = row[RH + j]
        u = row[RU + j]
        v = row[RV + j]
        west = row[RH + j - 1]
        east = row[RH + j + 1]
        north = above[RH + j]
        south = below[RH + j]
        xh, xw, shared_x = slopes(west, h, east, row[RDX + j - 1], row[RDX + j])
        yh, yw, shared_y = slopes(north, h, south, above[RDY + j], row[RDY + j])
        xu = half_slope(u - row[RU + j - 1], row[RU + j + 1] - u, one) if shared_x else zero
        xv = half_slope(v - row[RV + j - 1], row[RV + j + 1] - v, one) if shared_x else zero
        yu = half_slope(u - above[RU + j], below[RU + j] - u, one) if shared_y else zero
        yv = half_slope(v - above[RV + j], below[RV + j] - v, one) if shared_y else zero
        # Half a step of h_t + (hu)_x + (hv)_y = 0, u_t + u u_x + v u_y + g w_x = 0.
        gain = -ratio * (fused(u, xh, h * xu) + fused(v, yh, h * yv))
        mid_u = fused(-ratio, fused(g, xw, fused(u, xu, v * yu)), u)
        mid_v = fused(-ratio, fused(g, yw, fused(v, yv, u * xv)), v)
        mid_h = h + gain
        least_x = min(west, east)
        least_y = min(north, south)
        least = min(min(least_x, least_y), h)
        smooth = s[GS + j] > zero
        both = (min(least, mid_h - max(abs(xh), abs(yh))) >= dry) & smooth
        shore = (least < dry) & smooth
        use_x = both | (shore & (min(least_x, h - abs(xh)) >= dry))
        use_y = both | (shore & (min(least_y, h - abs(yh)) >= dry))
        xh = xh if use_x else zero
        xw = xw if use_x else zero
        yh = yh if use_y else zero
        yw = yw if use_y else zero
        gain = gain if both else zero
        mid_h = h + gain
        s[MH + j] = mid_h
        s[MU + j] = mid_u if both else u
        s[MV + j] = mid_v if both else v
        s[MF + j] = row[RGF + j] if both else zero
        s[EU + j] = xu if use_x else zero
        s[EV + j] = xv if use_x else zero
        s[BU + j] = yu if use_y else zero
        s[BV + j] = yv if use_y else zero
        s[EH + j] = mid_h + xh
        s[WH + j] = mid_h - xh
        s[BH + j] = mid_h - yh
        row[RSH + j] = mid_h + yh
        s[EW + j] = gain + xw
        s[WW + j] = gain - xw
        s[BW + j] = gain - yw
        row[RSW + j] = gain + yw
        row[PX + j] = (two * g) * mid_h * xw
        row[PY + j] = (two * g) * mid_h * yw


@njit(error_model="numpy")
def _friction_of_half_step(row, s, dt, dry, law, count):
    one = like(dry, 1.0)
    two = like(dry, 2.0)
    half = like(dry, 0.5)
    manning, chezy, linear = laws(dry, law)
    for j in range(count):
        mid_u = s[MU + j]
        mid_v = s[MV + j]
        root = inverse_cube_root(max(s[MH + j], dry))
        size = math.sqrt(mid_u * mid_u + mid_v * mid_v)
        friction = s[MF + j]
        drag = size * (root * root * root) * fused(root, manning, chezy)
        drag = fused(linear, fused(half * dt, friction, one), drag)
        slowed = two / (one + math.sqrt(fused((two * dt) * friction, drag, one)))
        mid_u = mid_u * slowed
        mid_v = mid_v * slowed
        xu = s[EU + j]
        xv = s[EV + j]
        yu = s[BU + j]
        yv = s[BV + j]
        s[EU + j] = mid_u + xu
        s[WU + j] = mid_u - xu
        s[BU + j] = mid_u - yu
        row[RSU + j] = mid_u + yu
        s[EV + j] = mid_v + xv
        s[WV + j] = mid_v - xv
        s[BV + j] = mid_v - yv
        row[RSV + j] = mid_v + yv


@njit(error_model="numpy")
def reconstruct(above, row, below, s, ratio, dt, dry, law, wet):
    """Values at the faces of the cells of a row at half the step, and the push of their bed; ratio: dt/dx;
    wet: bits of the chunks with a wet cell.

    In two loops: one long chain of operations would leave the processor waiting for roots and quotients.
    """
    k = 0
    while k < CHUNKS:
        end = end_of_run(wet, k)
        count = length_of(row, k, end)
        here, of = chunk(row, k), chunk(s, k)
        if wet >> k & 1:
            _slopes_and_half_step(
                chunk(above, k), here, chunk(below, k), of, ratio, dry, count
            )  # fmt: skip
            _friction_of_half_step(here, of, dt, dry, law, count)
        else:
            _plain_cells(here, of, count)
        k = end


@njit(error_model="numpy")
def _plain_cells(row, s, count):
    # The same without slopes.
    zero = like(s[0], 0.0)
    for j in range(count):
        h = row[RH + j]
        s[EH + j] = h
        s[WH + j] = h
        s[BH + j] = h
        row[RSH + j] = h
    for j in range(count):
        u = row[RU + j]
        v = row[RV + j]
        s[EU + j] = u
        s[WU + j] = u
        s[BU + j] = u
        row[RSU + j] = u
        s[EV + j] = v
        s[WV + j] = v
        s[BV + j] = v
        row[RSV + j] = v
    for j in range(count):
        s[EW + j] = zero
        s[WW + j] = zero
        s[BW + j] = zero
        row[RSW + j] = zero
        row[PX + j] = zero
        row[PY + j] = zero


@njit(error_model="numpy")
def faces_below(above, s, dry, wet):
    """Faces between a row (`above`) and the one below it, under way; wet: bits of the chunks with a wet cell
    in one of them.
    """
    k = 0
    while k < CHUNKS:
        end = end_of_run(wet, k)
        count = length_of(s, k, end)
        if wet >> k & 1:
            _faces_below(chunk(above, k), chunk(s, k), dry, count)
        else:
            still(chunk(above, k), FM, count)
        k = end


@njit(error_model="numpy")
def _faces_below(above, s, dry, count):
    for j in range(count):
        gained = above[RSW + j]
        mass, left, right, across = face_flux(
            above[RSH + j], above[RSV + j], above[RSU + j],
            s[BH + j], s[BV + j], s[BU + j],
            above[RDY + j] + (s[BW + j] - gained),
            s[GY + j] - (gained - (above[RSH + j] - above[RH + j])),
            dry,
        )  # fmt: skip
        above[FM + j] = mass
        above[FL + j] = left
        above[FR + j] = right
        above[FT + j] = across


@njit(error_model="numpy")
def faces_within(row, s, dry, wet):
    """Faces in x within a row; wet: bits of the chunks with a wet cell beside one."""
    k = 0
    while k < CHUNKS:
        end = end_of_run(wet, k)
        count = length_of(row, k, end)
        if wet >> k & 1:
            _faces_within(chunk(row, k), chunk(s, k), dry, count)
        else:
            still(chunk(s, k), XM, count)
        k = end


@njit(error_model="numpy")
def _faces_within(row, s, dry, count):
    for j in range(count):
        gained = s[EW + j]
        mass, left, right, across = face_flux(
            s[EH + j], s[EU + j], s[EV + j],
            s[WH + j + 1], s[WU + j + 1], s[WV + j + 1],
            row[RDX + j] + (s[WW + j + 1] - gained),
            s[GX + j] - (gained - (s[EH + j] - row[RH + j])),
            dry,
        )  # fmt: skip
        s[XM + j] = mass
        s[XL + j] = left
        s[XR + j] = right
        s[XT + j] = across


@njit(error_model="numpy")
def keep_donors(s, slow, base):
    """Velocities of a row at half the step into the planes of the limited step."""
    half = like(s[0], 0.5)
    for j in range(NB):
        slow[DONOR_U + base + j] = half * (s[EU + j] + s[WU + j])
        slow[DONOR_V + base + j] = half * (s[EV + j] + s[WV + j])


@njit(error_model="numpy")
def shut_sides(s, outward, i, first, columns, ny, nx):
    """Stop what would come in through the sides that only let out, west and east of the row i of the grid.

    The slopes along an edge may turn a slow outflow round in the half step. first, columns: of the tile.
    """
    zero = like(s[0], 0.0)
    before = XM + OUT0 - 1
    if first == 0 and outward[i] != 0.0 and s[before] > zero:
        s[before] = zero
        s[before - XM + XT] = zero
    last = XM + OUT0 + columns - 1
    if first + columns == nx and outward[ny + i] != 0.0 and s[last] < zero:
        s[last] = zero
        s[last - XM + XT] = zero


@njit(error_model="numpy")
def shut_ends(above, outward, first, columns, sign):
    """:func:`shut_sides` for the faces above the first row of the grid (sign 1) or below the last one (-1);
    outward: of the cells of that edge.
    """
    zero = like(above[0], 0.0)
    for k in range(columns):
        if outward[first + k] != 0.0 and like(above[0], sign) * above[FM + OUT0 + k] > zero:
            above[FM + OUT0 + k] = zero
            above[FT + OUT0 + k] = zero
