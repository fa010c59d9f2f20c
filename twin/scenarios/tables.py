"""The small tables of a scenario file: boundaries, initial state, outputs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.scenarios.events import At
from twin.units import Seconds, unusable

BoundaryKind = Literal["wall", "open", "normal_depth"]
StretchKind = Literal["wall", "open", "normal_depth", "rating_curve"]
OutputVariable = Literal["water_depth", "velocity"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BoundaryStretch(_Record):
    """A stretch of the edge unlike its side; `table` is a rating curve (level_m, discharge_m3_s)."""

    at: At
    kind: StretchKind
    slope: float | None = Field(None, gt=0)
    table: str | None = None

    @model_validator(mode="after")
    def _own_keys(self) -> BoundaryStretch:
        if (self.kind == "rating_curve") != (self.table is not None):
            raise unusable("scenario.table")
        if self.slope is not None and self.kind != "normal_depth":
            raise unusable("scenario.slope")
        return self


class BoundaryTable(_Record):
    """``[boundaries]``: what the sides of the terrain do. `slope` is the bed slope for normal depth.

    An "open" side continues the water level with that of its last cells, as if the ground beyond were flat:
    on a steep slope it holds thin sheets back in its last cells (31 % of the runoff late at 1:2, normal
    depth 2 %), and nothing holds the level of a slow, deep flow there (a river that stands at 0.65 m before
    a normal-depth edge, on 0.2 %, stood at 1.16 m after two hours, and rose). "normal_depth", a rating curve
    or a level is for rivers and for land that falls on beyond the edge. None of them sends water in but a
    level.
    """

    north: BoundaryKind = "wall"
    south: BoundaryKind = "wall"
    west: BoundaryKind = "wall"
    east: BoundaryKind = "wall"
    slope: float | None = Field(None, gt=0)
    stretches: tuple[BoundaryStretch, ...] = ()


class Initial(_Record):
    """``[initial]``: hot start from the last state of another run on the same grid.

    Depth and velocity are those of its checkpoint, exactly. A spin-up to a base flow is such a run: an inflow
    at the base flow until the sections tell a steady discharge (a few times the travel time of the river),
    without rain or infiltration; what it leaves under water is then the bed of the river. Gates and pumps are
    as they were left, and a breach that had begun grows on, where this scenario has the same event (its
    `start` may differ); an event left out or changed is not there, or begins anew.

    Attributes
    ----------
    from_run : its folder.
    soil : "carried": the soil goes on from what it had taken there, and what that run flooded is still
        ground that infiltrates (where that run had infiltration by the same method); "fresh": it starts anew,
        and all that is under water counts as permanent.
    """

    from_run: str
    soil: Literal["carried", "fresh"] = "carried"


class Outputs(_Record):
    """``[outputs]``: what is written, how often. `gauges_every` is `every` unless said."""

    every: Seconds = Field(300.0, gt=0)
    variables: tuple[OutputVariable, ...] = ("water_depth", "velocity")
    gauges: tuple[str, ...] = ()
    gauges_every: Seconds | None = Field(None, gt=0)
    sections: tuple[str, ...] = ()
