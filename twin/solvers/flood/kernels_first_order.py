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

from twin.solvers.flood.kernels_rows import (
    DONOR_U,
    DONOR_V,
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
    by_phase,
    face_flux,
)


def _make_faces_above(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def faces_above(s, dry):
        for j in range(NB):
            mass, left, right, across = face_flux(
                s[above + RH + j], s[above + RV + j], s[above + RU + j],
                s[row + RH + j], s[row + RV + j], s[row + RU + j],
                s[above + RDY + j], s[GY + j], dry,
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
            mass, left, right, across = face_flux(
                s[row + RH + j], s[row + RU + j], s[row + RV + j],
                s[row + RH + j + 1], s[row + RU + j + 1], s[row + RV + j + 1],
                s[row + RDX + j], s[GX + j], dry,
            )  # fmt: skip
            s[XM + j] = mass
            s[XL + j] = left
            s[XR + j] = right
            s[XT + j] = across

    return faces_within


def _make_keep_donors(above, row, below):  # noqa: ARG001
    @njit(error_model="numpy")
    def keep_donors(s, slow, base):
        for j in range(NB):
            slow[DONOR_U + base + j] = s[row + RU + j]
            slow[DONOR_V + base + j] = s[row + RV + j]

    return keep_donors


faces_above = by_phase(_make_faces_above)
"""Faces between the row above and a row."""
faces_within = by_phase(_make_faces_within)
"""Faces in x within a row."""
keep_donors = by_phase(_make_keep_donors)
"""Velocities of a row into the planes of the limited step."""
