"""What a sheet says in words and figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twin.indicators import Indicator
from twin.messages import key_figure, text
from twin.results import Result


def value_text(shown: Indicator, digits: int, lang: str | None) -> str:
    """A value with thin spaces between thousands and its unit (see `twin.messages.key_figure`)."""
    return f"{key_figure(shown.value, lang, digits)} {shown.unit}".strip()


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
        if "edition" not in layer:  # files of the scenario, no data of the territory
            continue
        paths = layer.get("source") or []
        names = sorted({Path(path).name for path in ([paths] if isinstance(paths, str) else paths)})
        # A mosaic of many tiles is cited by its first and their number.
        files = ", ".join(names) if len(names) <= 2 else f"{names[0]} … ({len(names)})"
        details = [str(layer[key]) for key in ("edition", "licence") if layer.get(key)]
        named.append(f"{files} ({', '.join(details)})" if details else files)
    return [name for name in dict.fromkeys(named) if name] or [text("map.missing_sources", lang)]
