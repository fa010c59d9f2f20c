"""What drives a run over time: series read from a number, a text with a unit, a table or a file."""

from __future__ import annotations

import math
import re
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from twin.errors import InputError, Problems, in_line, listed, suggest, told
from twin.files import file_and_part, read_csv
from twin.units import parse, refusal, unusable

# The unit in a column's name, by the quantity expected: factor to SI.
COLUMN_UNITS: dict[str, dict[str, float]] = {
    "m": {"m": 1.0, "cm": 0.01, "mm": 0.001},
    "m/s": {"m_s": 1.0, "mm_h": 1e-3 / 3600.0, "mm_s": 1e-3},
    "m**3/s": {"m3_s": 1.0, "l_s": 1e-3},
    "s": {"s": 1.0},
}
# The word that ends the name of the time column ("temps_h", "time (min)", "heure"): factor to seconds.
TIME_UNITS: dict[str, float] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "seconde", "secondes"), 1.0),
    **dict.fromkeys(("min", "mins", "mn", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "heure", "heures"), 3600.0),
    **dict.fromkeys(("d", "j", "day", "days", "jour", "jours"), 86400.0),
}
# Names of it that say no unit: seconds.
TIME_WORDS = dict.fromkeys(("t", "time", "temps", "date", "datetime", "duration", "duree", "durée"), 1.0)
_SPREADSHEET = re.compile(r"\.(xlsx?|xlsm|ods)(#.*)?$", re.IGNORECASE)
_FILE = re.compile(r"\.(csv|txt|bdy)(#.*)?$", re.IGNORECASE)


class TimeSeries(BaseModel):
    """Values at times, linear between, held constant before the first and after the last.

    Attributes
    ----------
    times : seconds since the start of the scenario, increasing.
    values : SI.
    source : the file that it came from (``file#column``, whole once it is read), "" for none. A series with
        a source and no times is not read yet.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    source: str = ""

    @property
    def is_read(self) -> bool:
        """Whether the values are there."""
        return bool(self.times)

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        t, v = np.asarray(self.times, dtype=float), np.asarray(self.values, dtype=float)
        area = np.concatenate([[0.0], np.cumsum(0.5 * np.diff(t) * (v[1:] + v[:-1]))])
        return t, v, area

    def parts(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Times (s), values, and the integral from the first time to each."""
        return self._arrays

    def at(self, t: float) -> float:
        """The value at a time (s)."""
        times, values, _ = self._arrays
        return float(np.interp(t, times, values))

    def mean(self, t0: float, t1: float) -> float:
        """The exact mean over [t0, t1] (s); the value when t0 = t1."""
        if t1 <= t0:
            return self.at(t0)
        if len(self.times) == 1:
            return self.values[0]
        return (self._area(t1) - self._area(t0)) / (t1 - t0)

    def _area(self, t: float) -> float:
        times, values, area = self._arrays
        if t <= times[0]:
            return float((t - times[0]) * values[0])
        if t >= times[-1]:
            return float(area[-1] + (t - times[-1]) * values[-1])
        k = int(np.searchsorted(times, t, side="right")) - 1
        return float(area[k] + 0.5 * (t - times[k]) * (values[k] + np.interp(t, times, values)))

    @property
    def file(self) -> Path | None:
        """The file of `source`."""
        return Path(_FILE.sub(r".\1", self.source)) if self.source else None

    def __repr__(self) -> str:
        if len(self.times) == 1:
            return f"{self.values[0]:g}"
        if not self.times:
            return f"TimeSeries({self.source!r}, not read yet)"
        span = f"{self.times[0]:g}–{self.times[-1]:g} s, {min(self.values):g}–{max(self.values):g}"
        return f"TimeSeries({self.source!r}, {len(self.times)} values, {span})"

    __str__ = __repr__

    @classmethod
    def constant(cls, value: float) -> TimeSeries:
        """A value that never changes."""
        return cls(times=(0.0,), values=(value,))


def read_series(source: str, unit: str, root: Path, start: datetime | None, key: str = "") -> TimeSeries:
    """Read a series from a CSV file or a LISFLOOD-FP .bdy file.

    A CSV has a header; the first column is the time: ISO date-times, or numbers in the unit at the end of its
    name (one of `TIME_UNITS`: ``time_h``, ``temps (min)``), seconds for a plain ``time``. The others are
    values with the unit at the end of the name (``discharge_m3_s``, ``level_m``; ``value`` is SI).
    Several value columns, or the series of a .bdy, are chosen by ``file#name``.

    Raises
    ------
    InputError
        The file is missing, has a hole, a time that does not increase, no known unit; all at once.
    """
    path, column = file_and_part(source, root)
    if not path.is_file():
        near = (
            suggest(path.name, [p.name for p in path.parent.glob(f"*{path.suffix}")])
            if path.parent.is_dir()
            else ""
        )
        raise InputError(told(path, key, "series.no_file", near, unit=unit))
    if path.suffix.lower() == ".bdy":
        times, values = _read_bdy(path, column, key)
    else:
        times, values = _read_csv(path, column, unit, start, key)
    whole = f"{path.resolve()}#{column}" if column else str(path.resolve())
    return TimeSeries(times=tuple(times), values=tuple(values), source=whole)


def _read_csv(
    path: Path, column: str, unit: str, start: datetime | None, key: str
) -> tuple[list[float], list[float]]:
    rows = read_csv(path, key)
    problems = Problems()
    header = rows[0] if rows else []
    if len(header) < 2:
        raise InputError(told(path, key, "series.header", header=listed(header)))
    if not column and len(header) > 2:
        problems.tell(path, key, "series.which_column", columns=", ".join(header[1:]))
        problems.raise_if_any()
    if column and column not in header[1:]:
        hint = suggest(column, header[1:])
        raise InputError(told(path, key, "series.no_column", hint, column=column))
    place = header.index(column, 1) if column else 1
    factor = _factor(header[place], unit)
    if factor is None:
        known = ", ".join(f"…_{name}" for name in COLUMN_UNITS[unit])
        problems.tell(path, key, "series.no_unit", column=header[place], known=known)
    tick = (TIME_UNITS | TIME_WORDS).get(re.split(r"[\W_]+", header[0].lower().rstrip(")] "))[-1])
    times: list[float] = []
    values: list[float] = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        where = in_line(path, line)
        raw_time, raw_value = row[0], row[place] if place < len(row) else ""
        if tick is None and _float(raw_time) is not None:
            problems.tell(path, key, "series.no_time", time=header[0])
            break
        time = _time(raw_time, start, tick)
        if time is None:
            problems.tell(where, key, "series.no_time", time=raw_time)
            continue
        if times and time <= times[-1]:
            problems.tell(where, key, "series.not_later", time=raw_time, last=f"{times[-1]:g}")
        value = _float(raw_value)
        if value is None:
            problems.tell(where, key, "series.hole", value=raw_value, column=header[place])
            continue
        times.append(time)
        values.append(value * (factor or 1.0))
    if not times and not problems:
        problems.tell(path, key, "series.empty")
    problems.raise_if_any()
    return times, values


def _factor(column: str, unit: str) -> float | None:
    if column.lower() in ("value", "valeur"):
        return 1.0
    # Longest first: "rain_mm_h" ends with "h" too.
    for suffix in sorted(COLUMN_UNITS[unit], key=len, reverse=True):
        if column.lower() == suffix or column.lower().endswith(f"_{suffix}"):
            return COLUMN_UNITS[unit][suffix]
    return None


def _float(raw: str) -> float | None:
    try:
        value = float(raw.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _time(raw: str, start: datetime | None, tick: float | None) -> float | None:
    number = _float(raw)
    if number is not None and tick is not None:
        return number * tick
    try:
        instant = datetime.fromisoformat(raw)
    except ValueError:
        return None
    if start is None:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=start.tzinfo)
    return (instant - start).total_seconds()


def _read_bdy(path: Path, name: str, key: str) -> tuple[list[float], list[float]]:
    """LISFLOOD-FP: a comment line, then blocks "name", "count unit", rows "value time"."""
    lines = path.read_text(encoding="latin-1").splitlines()
    units = {"second": 1.0, "seconds": 1.0, "hour": 3600.0, "hours": 3600.0, "day": 86400.0, "days": 86400.0}
    blocks: dict[str, tuple[list[float], list[float]]] = {}
    k = 1
    while k < len(lines):
        if not lines[k].strip():
            k += 1
            continue
        block = lines[k].strip()
        count, unit = [*lines[k + 1].split(), "", ""][:2] if k + 1 < len(lines) else ("", "")
        if not count.isdigit() or unit.lower() not in units or k + 2 + int(count) > len(lines):
            raise InputError(
                told(in_line(path, k + 2), key, "series.bdy_count", found=f"{count} {unit}".strip())
            )
        times, values = [], []
        for line in range(k + 2, k + 2 + int(count)):
            numbers = [_float(cell) for cell in lines[line].split()]
            if len(numbers) < 2 or numbers[0] is None or numbers[1] is None:
                raise InputError(told(in_line(path, line + 1), key, "series.bdy_row", line=lines[line]))
            values.append(numbers[0])
            times.append(numbers[1] * units[unit.lower()])
        blocks[block] = (times, values)
        k += 2 + int(count)
    if not name and len(blocks) == 1:
        return next(iter(blocks.values()))
    if name not in blocks:
        raise InputError(told(path, key, "series.bdy_name", suggest(name, blocks), name=name))
    return blocks[name]


def _series(unit: str) -> BeforeValidator:
    def read(value: object, info: ValidationInfo) -> object:
        context: dict[str, Any] = info.context or {}
        try:
            if isinstance(value, bool):
                return value
            if isinstance(value, (int, float)):
                return TimeSeries.constant(parse(value, unit))
            if isinstance(value, str) and _SPREADSHEET.search(value):
                raise unusable("table.spreadsheet")
            if isinstance(value, str) and _FILE.search(value):
                if "root" in context:
                    return read_series(
                        value, unit, context["root"], context.get("start"), str(info.field_name)
                    )
                return TimeSeries(source=value)
            if isinstance(value, str):
                return TimeSeries.constant(parse(value, unit))
        except InputError as error:
            first = error.problems[0]
            # What a file says names the file; what the text itself says belongs to the key.
            if not first.where:
                raise refusal(first) from error
            problems = list(error.problems)
            raise PydanticCustomError("twin", "{problems}", {"problems": problems}) from error
        return value

    return BeforeValidator(read)


def series_unit(field: FieldInfo) -> str | None:
    """The unit of a series field of an event, from its annotation; None for other fields."""
    inner = (getattr(part, "__metadata__", ()) for part in get_args(field.annotation))  # RainSeries | None
    marks = chain(field.metadata, *inner)
    return next((mark.unit for mark in marks if isinstance(mark, _Unit)), None)


class _Unit:
    """Marks a series field with the unit of its values."""

    def __init__(self, unit: str) -> None:
        self.unit = unit


LevelSeries = Annotated[TimeSeries, _series("m"), _Unit("m")]
RainSeries = Annotated[TimeSeries, _series("m/s"), _Unit("m/s")]
DischargeSeries = Annotated[TimeSeries, _series("m**3/s"), _Unit("m**3/s")]
PeriodSeries = Annotated[TimeSeries, _series("s"), _Unit("s")]
