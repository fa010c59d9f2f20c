# mypy: ignore-errors
"""The fluxes of the first-order scheme along a row of cells (numba).

Equations: shallow water with bed slope and Manning friction, finite volumes on square cells, one explicit
step. Bed and fronts: reconstruction of Chen and Noelle (2017), SIAM J. Numer. Anal. 55(2); flux: HLL with the
transverse momentum carried by the mass flux (HLLC of the shallow water equations) and the wave speeds of
Einfeldt with those of Toro at a dry side; friction: Xia and Liang (2018), Adv. Water Resour. 117, implicit in
closed form; positivity: outflow limited as in Bollermann, Noelle and Lukacova (2011), Commun. Comput. Phys.
10.
"""

from __future__ import annotations

from numba import njit

from twin.solvers.flood.kernels import CHUNKS, chunk, end_of_run, length_of
from twin.solvers.flood.kernels_limited import DONOR_U, DONOR_V
from twin.solvers.flood.kernels_rows import (
    FL,
    FM,
    FR,
    FT,
    GX,
    GY,
    NB,
    RDX,
    RDY,
    RH,
    RU,
    RV,
    XL,
    XM,
    XR,
    XT,
    face_flux,
    still,
)


@njit(error_model="numpy")
def _faces_below(above, row, s, dry, count):
    for j in range(count):
        mass, left, right, across = face_flux(
            above[RH + j], above[RV + j], above[RU + j], row[RH + j], row[RV + j], row[RU + j],
            above[RDY + j], s[GY + j], dry,
        )  # fmt: skip
        above[FM + j] = mass
        above[FL + j] = left
        above[FR + j] = right
        above[FT + j] = across


@njit(error_model="numpy")
def faces_below(above, row, s, dry, wet):
    """Faces between a row (`above`) and the one below it; wet: bits of the chunks with a wet cell in one."""
    k = 0
    while k < CHUNKS:
        end = end_of_run(wet, k)
        count = length_of(row, k, end)
        if wet >> k & 1:
            _faces_below(chunk(above, k), chunk(row, k), chunk(s, k), dry, count)
        else:
            still(chunk(above, k), FM, count)
        k = end


@njit(error_model="numpy")
def _faces_within(row, s, dry, count):
    for j in range(count):
        mass, left, right, across = face_flux(
            row[RH + j], row[RU + j], row[RV + j], row[RH + j + 1], row[RU + j + 1], row[RV + j + 1],
            row[RDX + j], s[GX + j], dry,
        )  # fmt: skip
        s[XM + j] = mass
        s[XL + j] = left
        s[XR + j] = right
        s[XT + j] = across


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
def keep_donors(row, slow, base):
    """Velocities of a row into the planes of the limited step."""
    for j in range(NB):
        slow[DONOR_U + base + j] = row[RU + j]
        slow[DONOR_V + base + j] = row[RV + j]
