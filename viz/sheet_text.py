"""What a sheet says in words and figures."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np

from twin.indicators import Indicator
from twin.messages import figure, language, number, text
from twin.results import Result
from twin.run_writer import COMPLETE


def value_text(shown: Indicator, digits: int, lang: str | None) -> str:
    """A value with thin spaces between thousands and its unit."""
    return f"{figure(shown.value, lang, digits)} {shown.unit}".strip()


def round_down(value: float) -> float:
    """The largest of 1, 2, 5 × 10ⁿ that is not above a positive value.

    >>> round_down(740.0), round_down(0.2)
    (500.0, 0.2)
    """
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(k * power for k in (1, 2, 5) if k * power <= value))


def sources_of(result: Result, lang: str | None) -> list[str]:
    """The data that the run names, each file or folder once: name, edition, licence."""
    named = []
    for layer in result.provenance.get("inputs") or []:
        if layer.get("layer") == "series":
            continue
        paths = layer.get("source") or []
        names = sorted({Path(path).name for path in ([paths] if isinstance(paths, str) else paths)})
        # A mosaic of many tiles is cited by its first and their number.
        files = ", ".join(names) if len(names) <= 2 else f"{names[0]} … ({len(names)})"
        details = [str(layer[key]) for key in ("edition", "licence") if layer.get(key)]
        named.append(f"{files} ({', '.join(details)})" if details else files)
    return [name for name in dict.fromkeys(named) if name] or [text("map.missing_sources", lang)]


def start_of(result: Result) -> datetime | None:
    """The date-time of second 0."""
    start = result.fields.attrs.get("start") if result.has_fields else None
    return datetime.fromisoformat(str(start)) if start else None


def day_and_time(moment: datetime, lang: str | None) -> str:
    """``12/10/2026 06:00`` in French; in English, where that may be in December, ``2026-10-12 06:00``."""
    return f"{moment:%d/%m/%Y %H:%M}" if language(lang) == "fr" else f"{moment:%Y-%m-%d %H:%M}"


def when_of(result: Result, lang: str | None) -> str:
    """Start and duration of the run, and how far it got when it was stopped."""
    words = []
    start = start_of(result)
    if start is not None:
        words.append(text("map.start", lang, start=day_and_time(start, lang)))
    duration = result.scenario_table.get("duration")
    if isinstance(duration, int | float):
        words.append(text("map.duration", lang, hours=number(duration / 3600, lang, 1)))
    if result.status != COMPLETE and result.has_fields and result.times.size:
        words.append(text("map.until", lang, hours=number(float(result.times[-1]) / 3600, lang, 1)))
    return ", ".join(words)
