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

A cell has slopes only where it, its four neighbours and the face values are wet and no crest touches it; else
it is a cell of the first-order scheme. Friction is implicit in the half step too: the velocity at a face
would otherwise be that of a free fall. The step is positive by the same limit on the outflow.
"""

from __future__ import annotations

import math

from numba import njit

from twin.solvers.flood.kernels import GRAVITY, inverse_cube_root, like, with_sign_of
from twin.solvers.flood.kernels_rows import (
    BH,
    BU,
    BV,
    BW,
    DONOR_U,
    DONOR_V,
    EH,
    EU,
    EV,
    EW,
    FL,
    FM,
    FR,
    FT,
    GF,
    GS,
    GX,
    GY,
    NB,
    OUT0,
    PX,
    PY,
    RDX,
    RDY,
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
    by_phase,
    face_flux,
    laws,
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
    return with_sign_of(size if before * after > zero else zero, middle)


@njit(inline="always")
def most_steep(before, here, after, rise_before, rise_after):
    """`most` of the slopes for three depths in a row and the rises of the level between them: 1 where one
    sheet of water covers the steps of the bed, else 1/2.

    On steps higher than the water is deep the beds that neighbours give a face must not cross: a steeper
    limiter would lift the bed of the one to that of the other and lower the level of the other to its own
    bed, a ridge that is not there.
    """
    # Levels and beds count from the level of the cell.
    lowest = min(min(-rise_before, rise_after), like(here, 0.0))
    highest = max(max(-rise_before - before, rise_after - after), -here)
    return like(here, 1.0) if highest < lowest else like(here, 0.5)


@njit(inline="always")
def slopes(before, after, rise_before, rise_after, most):
    """Half the limited slopes of depth and level, from their differences to the neighbours before and after.

    Where one sheet covers the steps of the bed: those of depth and bed, the level's is their sum (sharpest
    over a curved bed). Else those of level and bed, the depth's is their difference: beside a shore the level
    of a lake is flat, though depth and bed change by different steps towards a film on the bank; a slope made
    of the two would push the lake off its shore for as long as the film lasts.
    """
    bed = half_slope(rise_before - before, rise_after - after, most)
    depth = half_slope(before, after, most)
    level = half_slope(rise_before, rise_after, most)
    covered = most > like(before, 0.5)
    return depth if covered else level - bed, depth + bed if covered else level


def _make_reconstruct(above, row, below):
    @njit(error_model="numpy", fastmath={"contract"})
    def reconstruct(s, ratio, dt, dry, law):
        zero = like(dry, 0.0)
        one = like(dry, 1.0)
        two = like(dry, 2.0)
        half = like(dry, 0.5)
        g = like(dry, GRAVITY)
        manning, chezy, linear = laws(dry, law)
        for j in range(NB):
            h = s[row + RH + j]
            u = s[row + RU + j]
            v = s[row + RV + j]
            west = s[row + RH + j - 1]
            east = s[row + RH + j + 1]
            north = s[above + RH + j]
            south = s[below + RH + j]
            rise_w = s[row + RDX + j - 1]
            rise_e = s[row + RDX + j]
            rise_n = s[above + RDY + j]
            rise_s = s[row + RDY + j]
            most = most_steep(west, h, east, rise_w, rise_e)
            xh, xw = slopes(h - west, east - h, rise_w, rise_e, most)
            most = most_steep(north, h, south, rise_n, rise_s)
            yh, yw = slopes(h - north, south - h, rise_n, rise_s, most)
            xu = half_slope(u - s[row + RU + j - 1], s[row + RU + j + 1] - u, one)
            xv = half_slope(v - s[row + RV + j - 1], s[row + RV + j + 1] - v, one)
            yu = half_slope(u - s[above + RU + j], s[below + RU + j] - u, one)
            yv = half_slope(v - s[above + RV + j], s[below + RV + j] - v, one)
            # Half a step of h_t + (hu)_x + (hv)_y = 0, u_t + u u_x + v u_y + g w_x = -friction.
            gain = -ratio * ((u * xh + h * xu) + (v * yh + h * yv))
            mid_u = u - ratio * ((u * xu + v * yu) + g * xw)
            mid_v = v - ratio * ((u * xv + v * yv) + g * yw)
            mid_h = h + gain
            root = inverse_cube_root(max(mid_h, dry))
            size = math.sqrt(mid_u * mid_u + mid_v * mid_v)
            friction = s[GF + j]
            drag = size * (root * root * root) * (root * manning + chezy)
            drag = (two * dt) * friction * (drag + linear * (one + half * dt * friction))
            slowed = two / (one + math.sqrt(one + drag))
            least = min(min(min(west, east), min(north, south)), h)
            use = (min(least, mid_h - max(abs(xh), abs(yh))) >= dry) & (s[GS + j] > zero)
            xh = xh if use else zero
            xu = xu if use else zero
            xv = xv if use else zero
            xw = xw if use else zero
            yh = yh if use else zero
            yu = yu if use else zero
            yv = yv if use else zero
            yw = yw if use else zero
            gain = gain if use else zero
            mid_h = h + gain
            mid_u = mid_u * slowed if use else u
            mid_v = mid_v * slowed if use else v
            s[EH + j] = mid_h + xh
            s[WH + j] = mid_h - xh
            s[BH + j] = mid_h - yh
            s[row + RSH + j] = mid_h + yh
            s[EU + j] = mid_u + xu
            s[WU + j] = mid_u - xu
            s[BU + j] = mid_u - yu
            s[row + RSU + j] = mid_u + yu
            s[EV + j] = mid_v + xv
            s[WV + j] = mid_v - xv
            s[BV + j] = mid_v - yv
            s[row + RSV + j] = mid_v + yv
            s[EW + j] = gain + xw
            s[WW + j] = gain - xw
            s[BW + j] = gain - yw
            s[row + RSW + j] = gain + yw
            s[PX + j] = (two * g) * mid_h * xw
            s[PY + j] = (two * g) * mid_h * yw

    return reconstruct


def _make_plain(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def plain(s):
        zero = like(s[0], 0.0)
        for j in range(NB):
            h = s[row + RH + j]
            s[EH + j] = h
            s[WH + j] = h
            s[BH + j] = h
            s[row + RSH + j] = h
        for j in range(NB):
            u = s[row + RU + j]
            v = s[row + RV + j]
            s[EU + j] = u
            s[WU + j] = u
            s[BU + j] = u
            s[row + RSU + j] = u
            s[EV + j] = v
            s[WV + j] = v
            s[BV + j] = v
            s[row + RSV + j] = v
        for j in range(NB):
            s[EW + j] = zero
            s[WW + j] = zero
            s[BW + j] = zero
            s[row + RSW + j] = zero
            s[PX + j] = zero
            s[PY + j] = zero

    return plain


def _make_faces_above(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def faces_above(s, dry):
        for j in range(NB):
            gained = s[above + RSW + j]
            mass, left, right, across = face_flux(
                s[above + RSH + j], s[above + RSV + j], s[above + RSU + j],
                s[BH + j], s[BV + j], s[BU + j],
                s[above + RDY + j] + (s[BW + j] - gained),
                s[GY + j] - (gained - (s[above + RSH + j] - s[above + RH + j])),
                dry,
            )  # fmt: skip
            s[FM + j] = mass
            s[FL + j] = left
            s[FR + j] = right
            s[FT + j] = across

    return faces_above


def _make_faces_within(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def faces_within(s, dry):
        for j in range(NB):
            gained = s[EW + j]
            mass, left, right, across = face_flux(
                s[EH + j], s[EU + j], s[EV + j],
                s[WH + j + 1], s[WU + j + 1], s[WV + j + 1],
                s[row + RDX + j] + (s[WW + j + 1] - gained),
                s[GX + j] - (gained - (s[EH + j] - s[row + RH + j])),
                dry,
            )  # fmt: skip
            s[XM + j] = mass
            s[XL + j] = left
            s[XR + j] = right
            s[XT + j] = across

    return faces_within


reconstruct = by_phase(_make_reconstruct)
"""Values at the faces of the cells of a row at half the step, and the push of their bed; ratio: dt/dx."""
plain_cells = by_phase(_make_plain)
"""The same without slopes: a row where nothing is wet."""
faces_above = by_phase(_make_faces_above)
"""Faces between the row above and a row."""
faces_within = by_phase(_make_faces_within)
"""Faces in x within a row."""


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
def shut_ends(s, outward, first, columns, sign):
    """:func:`shut_sides` for the faces above the first row of the grid (sign 1) or below the last one (-1);
    outward: of the cells of that edge.
    """
    zero = like(s[0], 0.0)
    for k in range(columns):
        if outward[first + k] != 0.0 and like(s[0], sign) * s[FM + OUT0 + k] > zero:
            s[FM + OUT0 + k] = zero
            s[FT + OUT0 + k] = zero
