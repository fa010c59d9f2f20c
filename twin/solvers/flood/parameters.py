"""``[params.flood]``: what a user may set, with defaults that need no setting."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from twin.plugins import Parameters
from twin.solvers.flood.infiltration import InfiltrationParameters
from twin.units import Metres, MetresPerSecond, Seconds, unusable


class FloodParameters(Parameters):
    """Parameters of the flood solver.

    Attributes
    ----------
    scheme : the numerical scheme; "local_inertial" is the fast one for slow floods (not for dam breaks).
    theta : of local_inertial: weight of a face in its own discharge, the rest being its neighbours' along the
        flow (de Almeida et al. 2012); 1 damps nothing. The default of 0.9 is a viscosity: at 1 m it makes a
        river at an angle to the grid 7 % too deep, 1 makes it 2 % (`benchmarks/SUBGRID.md`).
    advection : whether local_inertial carries momentum.
    subgrid : whether the cells of local_inertial or first_order carry the terrain finer than they are
        (volumes and sills; `twin.subgrid`). The water depth of a cell is then its volume over its area;
        without advection, own time steps, and laws other than Manning's. First order has the whole of the
        shallow water equations: for fast floods and dam breaks (`kernels_subgrid_waves`).
    roughness : Manning n (s m^-1/3) where no layer says otherwise; the builder of the domain applies it.
    friction : "manning"; or, for comparison with exact solutions and on walls, inflows and open edges only,
        "chezy": c |v| v with c = g / C² in place of n, and "linear": k h v with k (1/s) in place of n.
    cfl : largest share of a cell that the fastest wave crosses in a step, per direction.
    dry_depth : m; a cell with less gives no water and has no velocity, but keeps its counted volume.
        1e-6 m is under a second of 5 mm/h of rain, and 1 m³ on 1 km².
    max_step : longest step (s), where nothing or little moves.
    tiles : whether dry land sleeps. False computes every cell; the answer is the same to the bit.
    local_time_steps : whether tiles have steps of their own, as long as their own water allows (first and
        second order; `local_steps`). The answer is another one, as with another CFL number, the mass as
        exact.
    threads : 0: all that numba has. The answer is the same to the bit.
    precision : of fluxes and reconstruction, and of the face discharges of local_inertial. Depths and books
        are double in either: single precision loses no water, and levels count from neighbour to neighbour.
    rise_window : s; the rate of rise is a difference over windows of this length, which never alter the
    steps. rise_medium, rise_fast : rates of rise (m/s) from which the dynamics of the PPRI table is medium or
    fast. The
        order gives no figure; 1 and 3 m/h are ours.
    infiltration : what the soil takes; None: nothing.
    crests : "weir": what runs over a crest that stands out of the flow follows the law of a broad-crested
        weir; "step": the fluxes of the scheme over the crest, 25 to 59 % too much when free and 12 to 68 %
        too little when drowned (measured), for comparison.
    """

    scheme: Literal["first_order", "second_order", "local_inertial"] = "second_order"
    theta: float = Field(default=0.9, ge=0.5, le=1)
    advection: bool = False
    subgrid: bool = False
    roughness: float = Field(default=0.035, ge=0, lt=1)
    friction: Literal["manning", "chezy", "linear"] = "manning"
    cfl: float = Field(default=0.45, gt=0, le=0.5)
    dry_depth: Metres = Field(default=1e-6, ge=1e-9, le=1e-3)
    max_step: Seconds = Field(default=10.0, gt=0)
    tiles: bool = True
    local_time_steps: bool = False
    threads: int = Field(default=0, ge=0)
    precision: Literal["float64", "float32"] = "float64"
    rise_window: Seconds = Field(default=60.0, ge=60, le=300)
    rise_medium: MetresPerSecond = Field(default=1.0 / 3600.0, gt=0)
    rise_fast: MetresPerSecond = Field(default=3.0 / 3600.0, gt=0)
    infiltration: InfiltrationParameters | None = None
    crests: Literal["weir", "step"] = "weir"

    @model_validator(mode="after")
    def _what_subgrid_knows(self) -> Self:
        if self.subgrid and self.precision != "float64":
            raise unusable("flood.subgrid_precision", precision=self.precision)
        if self.subgrid and (self.scheme == "second_order" or self.advection):
            raise unusable("flood.subgrid_scheme")
        if self.subgrid and (self.friction != "manning" or self.local_time_steps):
            raise unusable("flood.subgrid_plain")
        return self

    @model_validator(mode="after")
    def _what_the_scheme_reads(self) -> Self:
        plain_inertia = self.scheme == "local_inertial" and not self.subgrid
        if self.theta != type(self).model_fields["theta"].default and not plain_inertia:
            raise unusable("flood.theta_scheme", theta=self.theta)
        if self.advection and self.scheme != "local_inertial":
            raise unusable("flood.advection_scheme", scheme=self.scheme)
        if self.crests == "step" and self.subgrid:
            raise unusable("flood.subgrid_crests")
        return self

    @model_validator(mode="after")
    def _one_law_for_local_inertia(self) -> Self:
        if self.scheme == "local_inertial" and self.friction != "manning":
            raise unusable("flood.inertial_friction", friction=self.friction)
        return self

    @model_validator(mode="after")
    def _one_step_for_local_inertia(self) -> Self:
        if self.scheme == "local_inertial" and self.local_time_steps:
            raise unusable("flood.inertial_steps")
        return self
