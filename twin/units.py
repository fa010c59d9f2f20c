"""Units are read once, here, at the border: text with a unit becomes an SI float.

Pint does the work; this module only keeps one registry and turns its errors into ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from twin.errors import InputError, Problem, suggest
from twin.messages import text

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
    expected = f'a quantity in {unit}, such as "{example}"'
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


def _reader(unit: str) -> BeforeValidator:
    def read(value: object) -> object:
        if not isinstance(value, (str, int, float)):
            return value  # pydantic says what is wrong with its type
        try:
            return parse(value, unit)
        except InputError as error:
            problem = error.problems[0]
            raise PydanticCustomError(
                "quantity", "{found}", {"found": problem.found, "expected": problem.expected}
            ) from error

    return BeforeValidator(read)


# Types for pydantic records: a number is SI, a text is read with its unit.
Metres = Annotated[float, _reader("m")]
Seconds = Annotated[float, _reader("s")]
MetresPerSecond = Annotated[float, _reader("m/s")]
CubicMetresPerSecond = Annotated[float, _reader("m**3/s")]


def problems_of(
    errors: Iterable[ErrorDetails], where: str, model: type[BaseModel] | None = None
) -> list[Problem]:
    """The problems of `ValidationError.errors` as ours, one each."""
    problems = []
    for item in errors:
        loc = list(item["loc"])
        key = _key(loc)
        context = item.get("ctx", {})
        kind, found = item["type"], repr(item["input"])
        if len(found) > 120:
            found = found[:117] + "…"
        hint = ""
        if kind == "extra_forbidden":
            found, expected = text("error.unknown_key", name=str(loc[-1])), text("error.known_key")
            hint = suggest(str(loc[-1]), _keys_at(model, loc[:-1]))
        elif kind == "missing":
            found, expected = text("error.nothing"), text("error.required_key")
        elif kind in ("quantity", "twin"):
            found, expected = str(context["found"]), str(context["expected"])
            hint = str(context.get("hint", ""))
        elif kind in ("literal_error", "enum"):
            expected = str(context["expected"])
            hint = suggest(str(item["input"]), re.findall(r"'([^']+)'", expected))
        elif kind in ("union_tag_invalid", "union_tag_not_found"):
            key = f"{key}.kind" if key else "kind"
            expected = str(context.get("expected_tags", text("error.required_key")))
            tag = str(context.get("tag", ""))
            found = repr(tag) if tag else text("error.nothing")
            hint = suggest(tag, re.findall(r"'([^']+)'", expected))
        else:
            expected = item["msg"]
        problems.append(Problem(where, key, found, expected, hint))
    return problems


def _key(loc: list[Any]) -> str:
    key = ""
    for place, part in enumerate(loc):
        # Pydantic puts the kind of a record after its number: events, 0, inflow, discharge.
        if place > 0 and isinstance(loc[place - 1], int) and place + 1 < len(loc):
            continue
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def _keys_at(model: type[BaseModel] | None, loc: list[Any]) -> list[str]:
    """The keys that a record knows at a place of a validation error; empty when it can't be told."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        elif get_args(current):
            members = [m for m in _flatten(current) if isinstance(m, type) and issubclass(m, BaseModel)]
            tagged = [
                m for m in members if str(part) == str(getattr(m.model_fields.get("kind"), "default", ""))
            ]
            if tagged:
                current = tagged[0]
            elif not isinstance(part, int) and len(members) == 1 and part in members[0].model_fields:
                current = members[0].model_fields[str(part)].annotation
    if get_args(current):
        members = [m for m in _flatten(current) if isinstance(m, type) and issubclass(m, BaseModel)]
        return sorted({name for m in members for name in m.model_fields})
    if isinstance(current, type) and issubclass(current, BaseModel):
        return sorted(current.model_fields)
    return []


def _flatten(annotation: Any) -> list[Any]:
    inner = get_args(annotation)
    return [annotation] if not inner else [member for part in inner for member in _flatten(part)]
