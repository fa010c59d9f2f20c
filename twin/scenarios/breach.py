"""A dike that gives way."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from twin.scenarios.events import At, Event
from twin.units import CubicMetres, Metres, Seconds, unusable


class Breach(Event):
    """A breach in a dike: begins at `start`, or at a level or an overtopping after it, grows and stays (also
    in a run that starts from the end of this one and has the same event).

    Attributes
    ----------
    at : a line along the dike (the breach begins in its middle and stays on it), or a point on it.
    level : the water level (m) at which it begins, beside the dike or at `watch`.
    overtopping : the depth of water over the crest (m) at which it begins.
    bottom : elevation of the breach when it is over (m); the ground beside unless said.
    method : "given" (`width`, `duration`), "froehlich_1995", "froehlich_2008" (J. Hydraul. Eng. 134(12)) or
        "von_thun_gillette_1990", all three with the `volume` of water behind (m³).
    erodible : of Von Thun and Gillette: a dike that erodes easily.
    """

    kind: Literal["breach"] = "breach"
    at: At
    watch: At | None = None
    level: Metres | None = None
    overtopping: Metres | None = Field(None, ge=0)
    bottom: Metres | None = None
    method: Literal["given", "froehlich_1995", "froehlich_2008", "von_thun_gillette_1990"] = "given"
    width: Metres | None = Field(None, gt=0)
    duration: Seconds | None = Field(None, gt=0)
    volume: CubicMetres | None = Field(None, gt=0)
    erodible: bool = False
    places_in: ClassVar[tuple[str, ...]] = ("at", "watch")

    @model_validator(mode="after")
    def _whole(self) -> Breach:
        if self.level is not None and self.overtopping is not None:
            raise unusable("breach.level_or_overtopping")
        if self.watch is not None and self.level is None:
            raise unusable("breach.watch")
        if self.end is not None:
            raise unusable("breach.end")
        if self.method == "given" and (
            self.width is None or self.duration is None or self.volume is not None
        ):
            raise unusable("breach.given")
        if self.method != "given" and (self.volume is None or self.width or self.duration):
            raise unusable("breach.by_method", method=self.method)
        return self

    @property
    def reach(self) -> float:
        """How far (m) from its middle a breach at a point can ever come."""
        return 0.5 * self.width if self.width is not None else 500.0
