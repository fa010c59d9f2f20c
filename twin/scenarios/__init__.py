"""What happens and what is decided: scenario, events, measures, forcing. Data, no numerics."""

from twin.scenarios.events import (
    EVENTS,
    Demand,
    Event,
    Inflow,
    InitialWater,
    Rainfall,
    RoadClosure,
    WaterLevel,
)
from twin.scenarios.forcing import TimeSeries
from twin.scenarios.measures import MEASURES, Dike, Measure, NewDistrict
from twin.scenarios.scenario import Scenario

__all__ = [
    "EVENTS",
    "MEASURES",
    "Demand",
    "Dike",
    "Event",
    "Inflow",
    "InitialWater",
    "Measure",
    "NewDistrict",
    "Rainfall",
    "RoadClosure",
    "Scenario",
    "TimeSeries",
    "WaterLevel",
]
