"""The one table of texts that people read, in French and in English; a `.toml` beside this for each subject.

The language is the argument, else the environment variable ``TWIN_LANG`` (``fr`` or ``en``),
else French: the readers are French communities.
"""

from __future__ import annotations

import math
import os
import tomllib
from datetime import datetime
from functools import cache
from importlib import resources

LANGUAGES = ("fr", "en")


@cache
def _rows() -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}

    def walk(file: str, prefix: str, node: dict[str, object]) -> None:
        if set(node) == set(LANGUAGES) and all(isinstance(value, str) for value in node.values()):
            if prefix in rows:
                raise ValueError(f"{file}: {prefix} is in another file too")
            rows[prefix] = {lang: str(node[lang]) for lang in LANGUAGES}
            return
        for name, child in node.items():
            key = f"{prefix}.{name}" if prefix else name
            if not isinstance(child, dict):
                raise ValueError(f"{file}: {key} needs both fr and en, found {child!r}")
            walk(file, key, child)

    for file in sorted(resources.files("twin.messages").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            walk(file.name, "", tomllib.loads(file.read_text(encoding="utf-8")))
    return rows


def language(lang: str | None = None) -> str:
    """The language to speak: the argument, else ``TWIN_LANG``, else French."""
    chosen = (lang or os.environ.get("TWIN_LANG") or "fr").lower()[:2]
    return chosen if chosen in LANGUAGES else "fr"


def text(key: str, lang: str | None = None, **values: object) -> str:
    """The text of a row, its ``{names}`` filled in. An unknown key is an error of ours (KeyError)."""
    return _rows()[key][language(lang)].format(**values) if values else _rows()[key][language(lang)]


def optional(key: str, lang: str | None = None, **values: object) -> str | None:
    """The text of a row that may not be there."""
    return text(key, lang, **values) if key in _rows() else None


def number(value: float, lang: str | None = None, digits: int = 2) -> str:
    """A number as people of that language write it, without idle zeros: ``0,5`` or ``0.5``."""
    written = f"{value:z.{digits}f}"  # z: no "-0"
    return _marked(written.rstrip("0").rstrip(".") if digits else written, lang)


def _marked(written: str, lang: str | None) -> str:
    return written.replace(".", ",") if language(lang) == "fr" else written


def figure(value: float, lang: str | None = None, digits: int | None = None) -> str:
    """A number for people: thousands apart by thin spaces, four digits that count where none are asked for; a
    dash for no number.

    >>> figure(149.415, "fr"), figure(0.3075, "en"), figure(1123960.0, "fr").split("\u202f")
    ('149,4', '0.3075', ['1', '123', '960'])
    """
    if not math.isfinite(value):
        return "–"
    if digits is None:
        digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    whole = number(round(value, digits), lang, digits)
    head, mark, tail = whole.partition("," if "," in whole else ".")
    sign, head = ("-", head[1:]) if head.startswith("-") else ("", head)
    return f"{sign}{int(head):,}".replace(",", "\u202f") + mark + tail


def key_figure(value: float, lang: str | None = None, digits: int | None = None) -> str:
    """A figure with so many decimals, but two digits that count where it is under 10: no small flood is 0 ha.

    >>> key_figure(0.31, "fr", 0), key_figure(0.0042, "en", 1), key_figure(7.0, "en", 0)
    ('0,31', '0.0042', '7')
    """
    if digits is not None and 0.0 < abs(value) < 10.0:
        digits = max(digits, 1 - math.floor(math.log10(abs(value))))
    return figure(value, lang, digits)


def signed(value: float, lang: str | None = None, digits: int | None = None) -> str:
    """A figure of what is added or lies above: ``+0,31``."""
    told = figure(value, lang, digits)
    return f"+{told}" if value > 0 and told != "0" else told


def power(value: float, lang: str | None = None, digits: int = 1) -> str:
    """A number of any size, as errors and gaps are: ``1,2e-13``."""
    return _marked(f"{value:.{digits}e}", lang)


def day_and_time(moment: datetime, lang: str | None = None) -> str:
    """``12/10/2026 06:00`` in French; in English, where that may be in December, ``2026-10-12 06:00``."""
    return f"{moment:%d/%m/%Y %H:%M}" if language(lang) == "fr" else f"{moment:%Y-%m-%d %H:%M}"


def hours_and_minutes(seconds: float) -> str:
    """How long, as people say it; seconds only where they are no whole minutes.

    >>> hours_and_minutes(900.0), hours_and_minutes(37800.0), hours_and_minutes(90.0)
    ('0 h 15', '10 h 30', '1 min 30')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d}" if rest else f"{minutes // 60} h {minutes % 60:02d}"


def table(prefix: str) -> dict[str, dict[str, str]]:
    """All rows under a prefix, per language, without the prefix: ``{"fr": {...}, "en": {...}}``."""
    start = prefix.rstrip(".") + "."
    found = {key.removeprefix(start): row for key, row in _rows().items() if key.startswith(start)}
    return {lang: {key: row[lang] for key, row in found.items()} for lang in LANGUAGES}
