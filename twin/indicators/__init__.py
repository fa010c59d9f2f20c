"""Figures for planners and élus, computed from a run folder.

Every figure says how it was made (`method`). What a run does not hold gives no figure: nothing is
guessed. Permanent water (cells already under water at the start) never counts as flooded.
"""

from __future__ import annotations

from twin.indicators.comparison import Comparison as Comparison
from twin.indicators.comparison import compare as compare
from twin.indicators.damage import JRC_2017_RESIDENTIAL_EUROPE as JRC_2017_RESIDENTIAL_EUROPE
from twin.indicators.damage import DamageCurve as DamageCurve
from twin.indicators.figures import CAUTIONS as CAUTIONS
from twin.indicators.figures import compute as compute
from twin.indicators.figures import records as records
from twin.indicators.indicator import PEOPLE_PER_DWELLING as PEOPLE_PER_DWELLING
from twin.indicators.indicator import Indicator as Indicator
from twin.indicators.places import FACILITY_WORDS as FACILITY_WORDS
from twin.indicators.places import facilities as facilities
from twin.indicators.places import facility_kind as facility_kind
