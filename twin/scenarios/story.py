"""A guided tour in a scenario: a few slides, each a place, an instant and a sentence, that the page plays."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from twin.scenarios.events import At
from twin.units import Metres, Seconds


class Slide(BaseModel):
    """One ``[[story]]`` table. Whatever is not said stays as the slide before left it.

    Attributes
    ----------
    text : the sentence; `text_en` for readers in English (`text` when it is not given).
    at : a place of the territory, or coordinates of a point; the whole territory when not given.
    time : seconds since the start, a text with a unit ("2 h"), or an instant.
    distance : m between the eye and the place.
    bearing : degrees clockwise from north that the eye looks towards.
    lean : degrees from straight down (0: a map; 60: a landscape).
    show : water at the instant, the maximum of the run, or, on a page of two scenarios, both sides of a
        line or the map of differences.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    places_in: ClassVar[tuple[str, ...]] = ("at",)

    text: str = Field(min_length=1)
    text_en: str | None = None
    at: At | None = None
    time: Seconds | datetime | None = None
    distance: Metres | None = Field(None, gt=0)
    bearing: float | None = None
    lean: float | None = Field(None, ge=0, le=80)
    show: Literal["now", "maximum", "compare", "difference"] = "now"

    def since(self, start: datetime) -> Slide:
        """The same slide, its instant in seconds since ``start`` (whose offset it has when it has none)."""
        if not isinstance(self.time, datetime):
            return self
        instant = self.time if self.time.tzinfo is not None else self.time.replace(tzinfo=start.tzinfo)
        return self.model_copy(update={"time": (instant - start).total_seconds()})
