"""Units are read once, here, at the border: text with a unit becomes an SI float.

Pint does the work; this module only keeps one registry and turns its errors into ours.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING

from twin.errors import InputError, Problem

if TYPE_CHECKING:
    import pint

_NUMBER = re.compile(r"^\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")


@cache
def registry() -> pint.UnitRegistry[float]:
    """The one registry (pint's default definitions, plus vehicles as a count)."""
    import pint

    units: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=False)
    units.define("vehicle = [vehicle] = veh")
    return units


def parse(value: str | float | int, unit: str, *, where: str = "", key: str = "") -> float:
    """Read a quantity into `unit`.

    A number is taken as already in `unit`. A text is a number and a unit ("50 mm/h", "5 m",
    "1,5 h"); a decimal comma is accepted.

    Raises
    ------
    InputError
        The text is no quantity, has no unit, has another dimension, or is not finite.
    """
    example = {"s": "6 h", "m": "5 m", "m/s": "50 mm/h", "m**3/s": "250 m3/s"}.get(unit, f"1 {unit}")
    expected = f"a quantity in {unit}, such as \"{example}\""
    if isinstance(value, bool):
        raise InputError(Problem(where, key, repr(value), expected))
    if isinstance(value, (int, float)):
        number = float(value)
    else:
        match = _NUMBER.match(value)
        if match is None:
            raise InputError(Problem(where, key, repr(value), expected))
        magnitude = float(match.group(0).strip().replace(",", "."))
        rest = value[match.end() :].strip()
        if not rest:
            if unit not in ("", "dimensionless"):
                raise InputError(Problem(where, key, f"{value!r} (no unit)", expected))
            number = magnitude
        else:
            number = _convert(magnitude, rest, unit, value, Problem(where, key, repr(value), expected))
    if not math.isfinite(number):
        raise InputError(Problem(where, key, repr(value), f"a finite quantity in {unit}"))
    return number


def _convert(magnitude: float, source: str, unit: str, value: str, problem: Problem) -> float:
    import pint

    # "m3/s" is what people write; pint reads it as a name.
    spelled = re.sub(r"\b(km|cm|mm|m|s)(2|3)\b", r"\1**\2", source.replace("²", "2").replace("³", "3"))
    try:
        return float(registry().Quantity(magnitude, spelled).to(unit).magnitude)
    except pint.DimensionalityError as error:
        found = f"{value!r}, which is {error.dim1 or 'a pure number'}"
        raise InputError(Problem(problem.where, problem.key, found, problem.expected)) from error
    except (pint.PintError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        found = f"{value!r} (unit {source!r} is not known)"
        raise InputError(Problem(problem.where, problem.key, found, problem.expected)) from error
