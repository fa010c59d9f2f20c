"""Hydraulic conditioning: what a terrain averaged over cells has lost, put back in steps that can be seen.

Each step is a key of ``[params.domain]``, changes the ground or the crests only where it must, and says what
it found before and left after (`Step.note`, kept in the provenance of its layer).
"""

from twin.conditioning.crests import CREST_COLUMNS, crests_of_defences
from twin.conditioning.passages import open_culverts
from twin.conditioning.streams import (
    Step,
    Stream,
    burn_streams,
    longest_descent,
    lowest_along,
    streams_on_grid,
)

__all__ = [
    "CREST_COLUMNS",
    "Step",
    "Stream",
    "burn_streams",
    "crests_of_defences",
    "longest_descent",
    "lowest_along",
    "open_culverts",
    "streams_on_grid",
]
