"""Waves that come over a sea defence."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from twin.scenarios.events import At, Event
from twin.scenarios.forcing import LevelSeries, PeriodSeries
from twin.units import Metres, unusable


class WaveOvertopping(Event):
    """Water that waves bring over a sea defence, as a mean discharge per metre (EurOtop 2018).

    It comes into the cells on the landward side of the line. The sea itself need not be in the domain. Where
    the water level is above the crest, that flow is not in here unless `overflow`: a defence with the sea in
    the domain passes it as a weir.

    Attributes
    ----------
    along : the defence, a line. landward : the side that the water comes to, seen along the line as drawn.
    water_level : still water level at the toe (m). wave_height : Hm0 at the toe (m).
    wave_period : Tm-1,0 (s); about the peak period / 1.1 where only that is known.
    crest : elevation of the crest (m); left out, that of the crests which stand on the line.
    defence : "slope" (a smooth or rough dike, with `slope`), "rubble_mound" or "wall" (vertical, with `toe`).
    slope : of the seaward face, metres along for one up (cotangent).
    toe : elevation of the ground at the foot of a wall (m).
    roughness_factor, berm_factor, wall_factor : influence factors γf, γb and γv (EurOtop 5.4 and 6.2; 1: a
        smooth slope of grass, asphalt or concrete without a berm or a wall on it).
    angle : between the waves and the normal of the defence (degrees); not for walls.
    approach : "mean" (the mean value approach, for prediction) or "design" (one standard deviation above).
    """

    kind: Literal["wave_overtopping"] = "wave_overtopping"
    along: At
    landward: Literal["left", "right"] = "left"
    water_level: LevelSeries
    wave_height: LevelSeries
    wave_period: PeriodSeries
    crest: Metres | None = None
    defence: Literal["slope", "rubble_mound", "wall"] = "slope"
    slope: float | None = Field(None, ge=0, le=10)
    toe: Metres | None = None
    roughness_factor: float = Field(1.0, gt=0, le=1)
    berm_factor: float = Field(1.0, ge=0.6, le=1)
    wall_factor: float = Field(1.0, gt=0, le=1)
    angle: float = Field(0.0, ge=0, le=90)
    approach: Literal["mean", "design"] = "mean"
    overflow: bool = False
    places_in: ClassVar[tuple[str, ...]] = ("along",)

    @model_validator(mode="after")
    def _own_keys(self) -> WaveOvertopping:
        if (self.defence == "slope") != (self.slope is not None):
            raise unusable("waves.slope")
        if (self.defence == "wall") != (self.toe is not None):
            raise unusable("waves.toe")
        factors = (self.roughness_factor, self.berm_factor, self.wall_factor)
        if self.defence == "wall" and (self.angle or factors != (1.0, 1.0, 1.0)):
            raise unusable("waves.slope_only")
        if self.defence == "rubble_mound" and factors[1:] != (1.0, 1.0):
            raise unusable("waves.berm_and_wall")
        return self
