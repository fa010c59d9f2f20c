"""What happens: rain, inflow, levels, closures, demand. Records only; `binding` puts them on a grid."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from twin.errors import InputError
from twin.scenarios.forcing import DischargeSeries, LevelSeries, RainSeries
from twin.units import Metres, MetresPerSecond, Seconds, parse, unusable

Coordinates = tuple[float, float] | tuple[tuple[float, float], ...]
At = str | Coordinates
"""The name of a place, or the coordinates of a point or a line."""


def _quantity_or_file(value: object) -> object:
    if isinstance(value, str):
        try:
            return parse(value, "m")
        except InputError:
            return value  # no quantity: the name of a file
    return value


DepthOrFile = Annotated[float | str, BeforeValidator(_quantity_or_file)]


def _moment(value: object) -> object:
    if isinstance(value, str):
        try:
            return parse(value, "s")
        except InputError as error:
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                raise unusable("scenario.moment", found=value) from error
    if isinstance(value, bool) or not isinstance(value, (int, float, datetime)):
        raise unusable("scenario.moment", found=value)
    return value


Moment = Annotated[float | datetime, BeforeValidator(_moment)]


class Event(BaseModel):
    """Base of events: `start` and `end` are durations since the start of the scenario, or date-times."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    start: Moment | None = None
    end: Moment | None = None

    places_in: ClassVar[tuple[str, ...]] = ()
    """The fields that name a place on the terrain."""
    files_in: ClassVar[tuple[str, ...]] = ()
    """The fields that may name a file."""
    read_by: ClassVar[str] = "flood"
    """The solver that sees it."""

    @property
    def window(self) -> tuple[float, float]:
        """Start and end in seconds since the start of the scenario (bound events only)."""
        start = 0.0 if self.start is None else self.start
        end = float("inf") if self.end is None else self.end
        if isinstance(start, datetime) or isinstance(end, datetime):
            raise TypeError("an event that belongs to no scenario has no window in seconds")
        return start, end


class Rainfall(Event):
    """Rain on the whole domain: `intensity` (or `series`, a file; or `field`), over `duration` from `start`.

    `field` is a NetCDF or GeoTIFF series, nearest cell, in any CRS: its `unit` ("mm/h", or "mm", "0.1 mm",
    "0.01 mm" for the depth of a time step) and `crs` are the file's own unless said. A value holds from its
    time to the next (`label = "end"`: since the one before) unless the file has time bounds; `step` is the
    time between bands, or the length of an only interval. Missing values are refused, or rain
    nothing (`missing`).
    """

    kind: Literal["rainfall"] = "rainfall"
    intensity: RainSeries | None = None
    series: RainSeries | None = None
    field: str | None = None
    duration: Seconds | None = Field(None, gt=0)
    unit: Literal["mm/h", "mm", "0.1 mm", "0.01 mm"] | None = None
    crs: str | None = None
    step: Seconds | None = Field(None, gt=0)
    label: Literal["start", "end"] = "start"
    missing: Literal["error", "zero"] = "error"
    files_in: ClassVar[tuple[str, ...]] = ("field",)

    @model_validator(mode="after")
    def _one_source(self) -> Rainfall:
        if sum(source is not None for source in (self.intensity, self.series, self.field)) != 1:
            raise unusable("event.rain_source")
        if self.field is None and any(k is not None for k in (self.unit, self.crs, self.step)):
            raise unusable("event.rain_keys")
        if self.duration is not None and self.end is not None:
            raise unusable("event.duration_and_end")
        return self

    @property
    def window(self) -> tuple[float, float]:
        """Start and end; the end is `duration` after the start where that is given."""
        start, end = super().window
        return start, end if self.duration is None else start + self.duration


class Inflow(Event):
    """Water that enters at a place (point: its cell; line or polygon: spread over its cells).

    With `momentum` it comes in at its own speed, discharge / (width × depth): inwards from a line along the
    edge, to the left of any other line, or to `direction` (degrees from north, clockwise). Not in local
    inertia, whose water only differences of levels drive.
    """

    kind: Literal["inflow"] = "inflow"
    at: At
    discharge: DischargeSeries
    momentum: bool = False
    direction: float | None = Field(None, ge=0, le=360)
    places_in: ClassVar[tuple[str, ...]] = ("at",)

    @model_validator(mode="after")
    def _own_keys(self) -> Inflow:
        if self.direction is not None and not self.momentum:
            raise unusable("event.direction")
        return self


class WaterLevel(Event):
    """A level imposed on a stretch of the edge (a line along it), or on the cells of a line or polygon.

    Attributes
    ----------
    level : m, a number or a series.
    absorb : time (s) with which the sea beyond an edge follows the flow at the edge. Waves from inside that
        are shorter leave, slower changes meet the level: of a period P the share 1 / √(1 + (4π absorb / P)²)
        of the height comes back. With the default 0.08 of a minute, 0.37 of five, 0.62 of ten, all of a tide,
        whose level at the edge is met to 1 cm in 10 m of water (swing of the speed 1 m/s). 0: all comes back
        (a harbour before it may swing). What the level itself brings enters whole in any case. First and
        second order only. A bay that swings with 20 minutes needs 5 minutes of it: 0.30 comes back instead of
        0.85, and a tide of 12.4 h is met to 5 cm for each m/s of current in 10 m of water. Both cannot be had
        without knowing the current of the tide from elsewhere: what takes no part in the slow flow and never
        feeds a wave has ∫ ln(1 / |R|) dω / ω² of at most π absorb (Fano 1948, MIT RLE report 41), and this
        filter has all of it.
    """

    kind: Literal["water_level"] = "water_level"
    at: At
    level: LevelSeries
    absorb: Seconds = Field(60.0, ge=0)
    places_in: ClassVar[tuple[str, ...]] = ("at",)


class InitialWater(Event):
    """Water at the start: up to `level`, or `depth` (metres, or a raster file); everywhere or at a place."""

    kind: Literal["initial_water"] = "initial_water"
    at: At | None = None
    level: Metres | None = None
    depth: DepthOrFile | None = None
    places_in: ClassVar[tuple[str, ...]] = ("at",)
    files_in: ClassVar[tuple[str, ...]] = ("depth",)

    @model_validator(mode="after")
    def _one_source(self) -> InitialWater:
        if (self.level is None) == (self.depth is None):
            raise unusable("event.level_or_depth")
        if self.start is not None or self.end is not None:
            raise unusable("event.initial_window")
        return self


class StormDrain(Event):
    """Storm drains of a zone: at most `capacity` (a rate over its cells, "30 mm/h") leaves the surface.

    `at` left out is the whole domain. Cells that are under water at the start have no drain.
    """

    kind: Literal["storm_drain"] = "storm_drain"
    at: At | None = None
    capacity: MetresPerSecond = Field(ge=0)
    places_in: ClassVar[tuple[str, ...]] = ("at",)


VehicleKind = Literal["car", "light_goods", "heavy_goods"]


class RoadClosure(Event):
    """Road segments closed from `start` to `end`, then open again: by road id, or those at a place.

    `vehicles`: the classes that may not use them (a ban of heavy goods); left out, nobody may.
    """

    kind: Literal["road_closure"] = "road_closure"
    links: tuple[str, ...] = ()
    at: At | None = None
    vehicles: tuple[VehicleKind, ...] = ()
    places_in: ClassVar[tuple[str, ...]] = ("at",)
    read_by: ClassVar[str] = "traffic"

    @model_validator(mode="after")
    def _some(self) -> RoadClosure:
        if not self.links and self.at is None:
            raise unusable("event.which_roads")
        return self


class Demand(Event):
    """Trips between zones in the hour that is assigned, of one class of `vehicle`.

    Zones. `zones` names a place read from a file, or one of the layers zones and districts (communes, IRIS …)
    where no place reads it; `weight` is the column with its inhabitants, or a number that is the same for
    all; of a polygon that the edge of the data cuts, the share of its area inside counts. `grid`: squares of
    that side that hold buildings instead, with the people of `zones` (spread over the buildings of each), or
    `people` in all; their jobs and places are the floor area of buildings that nobody lives in. A territory
    without buildings spreads `people` along its streets.

    Trips. `trips_per_person` vehicles leave each zone for each inhabitant: an hour (default 0.13), or a day
    where ``[params.traffic] time_of_day = "weekday"`` (default 1.35). They end in proportion to `attraction`
    (a column: jobs, places; squares have one; the weight where nothing is named) and are shared out by
    gravity, exp(−t / mean_time), both ends kept; with `mean_length` the parameter is found such that trips
    have that length on the road. `trips`, a file of trips between the zones (CSV or GeoPackage: from, to,
    trips; OMX; TNTP), replaces all that; `table` names the matrix or layer in it.

    Through traffic. `external` (a share of capacity, 0: none) enters and leaves where roads of importance up
    to `external_importance` are cut by the edge of the data; `through` of it goes to another such place, the
    rest begins or ends in the zones. A vehicle weighs `pce` passenger cars on the road (default 1, 1 and 2).
    """

    kind: Literal["demand"] = "demand"
    zones: str | None = None
    name: str | None = None
    weight: str | float | None = None
    attraction: str | None = None
    grid: Metres | None = Field(None, gt=0)
    people: float | None = Field(None, ge=0)
    vehicle: VehicleKind = "car"
    pce: float | None = Field(None, gt=0)
    trips_per_person: float | None = Field(None, ge=0)
    mean_time: Seconds = Field(480.0, gt=0)
    mean_length: Metres | None = Field(None, gt=0)
    external: float = Field(0.0, ge=0, le=1)
    external_importance: int = Field(3, ge=1, le=6)
    through: float = Field(0.4, ge=0, le=1)
    trips: str | None = None
    table: str | None = None
    files_in: ClassVar[tuple[str, ...]] = ("trips",)
    read_by: ClassVar[str] = "traffic"

    @model_validator(mode="after")
    def _zones(self) -> Demand:
        if self.zones is None and self.grid is None:
            raise unusable("event.zones_or_grid")
        if self.zones is None and self.people is None:
            raise unusable("event.no_people")
        if self.grid is None and self.people is not None:
            raise unusable("event.people")
        if self.grid is not None and self.trips is not None:
            raise unusable("event.grid_trips")
        if self.zones is not None and self.people is not None:
            raise unusable("event.zones_people")
        return self


EVENTS: dict[str, type[Event]] = {
    "rainfall": Rainfall,
    "inflow": Inflow,
    "water_level": WaterLevel,
    "initial_water": InitialWater,
    "storm_drain": StormDrain,
    "road_closure": RoadClosure,
    "demand": Demand,
}
