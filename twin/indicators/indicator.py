"""One figure, and what the figures need of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.features import WET_DEPTH
from twin.messages import language, number, text
from twin.water import max_water_depth, permanent_depth, permanent_water

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Mean number of people in a main residence, France 2021: Insee, RP2021, statistiques/2381486.
PEOPLE_PER_DWELLING = 2.16


@dataclass(frozen=True)
class Indicator:
    """One figure: SI or the unit of everyday use, its label in two languages and how it was made."""

    key: str
    value: float
    unit: str
    label_fr: str
    label_en: str
    method: str
    method_en: str
    detail: str = ""

    def label(self, lang: str | None = None) -> str:
        """The label in a language (default: ``TWIN_LANG``)."""
        return self.label_fr if language(lang) == "fr" else self.label_en

    def record(self) -> dict[str, Any]:
        """The row of indicators.json."""
        row = asdict(self)
        del row["key"]
        return row


class Run:
    """What the indicators need of a run, read once."""

    def __init__(self, result: Result) -> None:
        """Nothing is read yet."""
        self.result = result

    @cached_property
    def max_depth(self) -> Floats | None:
        """Largest depth (ny, nx)."""
        return max_water_depth(self.result)

    @cached_property
    def permanent_depth(self) -> Floats | None:
        """Depth at the start of the water that is no flood (ny, nx); None when nothing tells it."""
        return permanent_depth(self.result)

    @cached_property
    def permanent(self) -> Bools:
        """Cells of permanent water (`twin.water.permanent_water`)."""
        return permanent_water(self.result)

    @cached_property
    def flooded(self) -> Bools:
        """Cells that the flood put under water."""
        depth = self.max_depth
        return np.zeros(0, dtype=bool) if depth is None else (depth > WET_DEPTH) & ~self.permanent

    def places(self) -> gpd.GeoDataFrame | None:
        """Named places; None where there are none."""
        found = self.result.places
        return None if found is None or found.empty else found


def make(
    key: str, value: float, unit: str, *, method: str = "method", detail: str = "", **words: object
) -> Indicator:
    """An indicator whose texts are the rows ``indicator.<key>``; `words` fill in the names of the texts
    (functions of the language: what differs between them).
    """

    def row(part: str, lang: str) -> str:
        filled = {
            n: number(v, lang) if isinstance(v, float) else v(lang) if callable(v) else v
            for n, v in words.items()
        }
        return text(f"indicator.{key}.{part}", lang, **filled)

    return Indicator(
        key, value, unit, row("label", "fr"), row("label", "en"), row(method, "fr"), row(method, "en"), detail
    )


def people_in(buildings: gpd.GeoDataFrame) -> tuple[Floats, str]:
    """People in each building, and how they are known: "population" (the layer), "dwellings" (their number
    times a household), or "" (not at all, zeros).
    """
    if "residents" in buildings:
        return np.nan_to_num(buildings["residents"].to_numpy(dtype=np.float64)), "population"
    if "dwellings" in buildings:
        dwellings = np.nan_to_num(buildings["dwellings"].to_numpy(dtype=np.float64))
        if dwellings.any():
            return PEOPLE_PER_DWELLING * dwellings, "dwellings"
    return np.zeros(len(buildings)), ""
