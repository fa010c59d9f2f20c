"""All figures of a run, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from twin.indicators import observed, places, traffic, water
from twin.indicators.damage import DamageCurve, damage_figures
from twin.indicators.indicator import Indicator, Run
from twin.results import Result

#: Figures that say what is amiss with others: a run writes them to its log too.
CAUTIONS = (
    "gap_missed",
    "people_outside_the_data",
    "people_more_than_2_km_from_a_junction",
    "people_without_10_m2_of_floor",
    "people_apart_from_the_main_network",
    "hours_east_of_utc",
    "start_under_water",
    "near_critical_share",
)


def compute(result: Result, *, damage: DamageCurve | None = None) -> dict[str, Indicator]:
    """All figures that a run can give, by key, in the order in which they are shown.

    Parameters
    ----------
    result : the run.
    damage : a damage curve; without one there is no damage figure. A curve of shares
        (`JRC_2017_RESIDENTIAL_EUROPE`) gives square metres lost, one in € gives €.
    """
    run = Run(result)
    groups: list[Callable[[Run], list[Indicator]]] = [
        water.water_figures,
        water.volume_figures,
        water.overtopping_figures,
        water.critical_figures,
        water.building_figures,
        places.facility_figures,
        water.district_figures,
        water.road_figures,
        water.start_figures,
        traffic.traffic_figures,
        traffic.emission_figures,
        traffic.access_figures,
        observed.observed_figures,
    ]
    if damage is not None:
        groups.append(lambda of: damage_figures(of, damage))
    figures = [figure for group in groups for figure in group(run)]
    return {figure.key: figure for figure in figures if np.isfinite(figure.value)}


def records(figures: Mapping[str, Indicator]) -> dict[str, dict[str, Any]]:
    """The content of indicators.json."""
    return {key: figure.record() for key, figure in figures.items()}
