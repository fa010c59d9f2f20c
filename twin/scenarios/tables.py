"""The small tables of a scenario file: boundaries, initial state, outputs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.scenarios.events import At
from twin.units import Seconds, unusable

BoundaryKind = Literal["wall", "open", "normal_depth"]
StretchKind = Literal["wall", "open", "normal_depth", "rating_curve"]
OutputVariable = Literal["water_depth", "velocity"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BoundaryStretch(_Record):
    """A stretch of the edge unlike its side; `table` is a rating curve (level_m, discharge_m3_s).

    Attributes
    ----------
    absorb : time (s) with which a rating curve follows the flow before it. It holds for flows that change
        slowly; of a wave of period P comes back 1 / √(1 + (2π absorb / P)²) of what the curve throws back.
        0: all of it (a reach before it may swing). A minute unless said.
    """

    at: At
    kind: StretchKind
    slope: float | None = Field(None, gt=0)
    table: str | None = None
    absorb: Seconds | None = Field(None, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _absorb(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("kind") == "rating_curve":
            return {"absorb": 60.0} | values
        return values

    @model_validator(mode="after")
    def _own_keys(self) -> BoundaryStretch:
        if (self.kind == "rating_curve") != (self.table is not None):
            raise unusable("scenario.table")
        if self.slope is not None and self.kind != "normal_depth":
            raise unusable("scenario.slope")
        if self.absorb is not None and self.kind != "rating_curve":
            raise unusable("scenario.absorb")
        return self


class BoundaryTable(_Record):
    """``[boundaries]``: what the sides of the terrain do. `slope` is the bed slope for normal depth.

    An "open" side lets water leave as if the land went on as it does before the edge: at least as fast as
    uniform flow of that depth on the slope of the last cells, at most critical, and as fast as it comes where
    that is faster. Where the bed does not fall outwards nothing holds the level of a slow, deep flow: a
    level, a rating curve, or "normal_depth" with a slope, says more there. None of them sends water in but a
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
    without rain or infiltration; with `water = "permanent"` what it leaves under water is the bed of the
    river. Gates and pumps are as they were left, and a breach that had begun grows on, where this scenario
    has the same event (its `start` may differ); an event left out or changed is not there, or begins anew.

    Attributes
    ----------
    from_run : its folder.
    water : "carried": what that run flooded is a flood here too, and only what was permanent water there
        (river, sea: under water when it began) still is; "permanent": all that it left under water is, as a
        spin-up of a river from a dry bed wants it.
    soil : "carried": the soil goes on from what it had taken there (where that run had infiltration by the
        same method); "fresh": it starts anew. Ground under a flood infiltrates, a bed does not.
    """

    from_run: str
    water: Literal["carried", "permanent"] = "carried"
    soil: Literal["carried", "fresh"] = "carried"


class Outputs(_Record):
    """``[outputs]``: what is written, how often. `gauges_every` is `every` unless said."""

    every: Seconds = Field(300.0, gt=0)
    variables: tuple[OutputVariable, ...] = ("water_depth", "velocity")
    gauges: tuple[str, ...] = ()
    gauges_every: Seconds | None = Field(None, gt=0)
    sections: tuple[str, ...] = ()
