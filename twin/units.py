"""Units are read once, here, at the border: text with a unit becomes an SI float.

Pint does the work but for the usual units; this module keeps one registry and turns its errors into ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from twin.errors import InputError, Problem, listed, shown, suggest, told
from twin.messages import optional, text

if TYPE_CHECKING:
    import pint

_NUMBER = re.compile(r"^\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")


# What people mostly write, as pint converts it, to the bit (`tests/test_units.py`). Reading its definitions
# takes 0.3 s, a tenth of what passes before the first step of a small run; other units still go to pint.
USUAL: dict[str, dict[str, float]] = {
    "m": {"m": 1.0, "km": 1000.0, "cm": 0.01, "mm": 0.001},
    "s": {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0, "days": 86400.0},
    "m/s": {"m/s": 1.0, "mm/h": 2.7777777777777776e-07, "km/h": 0.2777777777777778},
    "m**3/s": {"m**3/s": 1.0, "l/s": 0.0010000000000000002},
}


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
    place = {"where": where, "key": key, "unit": unit, "example": example}
    if isinstance(value, bool):
        raise InputError(told(row="quantity.other", found=value, **place))
    if isinstance(value, (int, float)):
        number = float(value)
    else:
        match = _NUMBER.match(value)
        if match is None:
            raise InputError(told(row="quantity.other", found=value, **place))
        magnitude = float(match.group(0).strip().replace(",", "."))
        rest = value[match.end() :].strip()
        if not rest:
            if unit not in ("", "dimensionless"):
                raise InputError(told(row="quantity.no_unit", value=value, **place))
            number = magnitude
        else:
            number = _convert(magnitude, rest, unit, value, place)
    if not math.isfinite(number):
        raise InputError(told(row="quantity.not_finite", found=str(value), **place))
    return number


def _convert(magnitude: float, source: str, unit: str, value: str, place: dict[str, str]) -> float:
    # "m3/s" is what people write; pint reads it as a name.
    spelled = re.sub(r"\b(km|cm|mm|m|s)(2|3)\b", r"\1**\2", source.replace("²", "2").replace("³", "3"))
    factor = USUAL.get(unit, {}).get(spelled)
    if factor is not None:
        return magnitude * factor
    import pint

    try:
        return float(registry().Quantity(magnitude, spelled).to(unit).magnitude)
    except pint.DimensionalityError as error:
        other = text("quantity.pure") if str(error.dim1) in ("", "dimensionless") else str(error.dim1)
        raise InputError(told(row="quantity.other_unit", value=value, other=other, **place)) from error
    except (pint.PintError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        raise InputError(told(row="quantity.unknown_unit", value=value, source=source, **place)) from error


def refusal(problem: Problem) -> PydanticCustomError:
    """A problem of a value or a record as pydantic passes it on; `problems_of` makes it ours again."""
    said = {"found": problem.found, "expected": problem.expected, "hint": problem.hint}
    # The template is what Python code that makes the record itself is shown.
    return PydanticCustomError("twin", f"{{found}}; {text('error.expected')} {{expected}}", said)


def unusable(row: str, **values: Any) -> PydanticCustomError:
    """What a validator of a record raises: a row of the message table (see `told`)."""
    return refusal(told("", "", row, **values))


def _reader(unit: str) -> BeforeValidator:
    def read(value: object) -> object:
        if not isinstance(value, (str, int, float)):
            return value  # pydantic says what is wrong with its type
        try:
            return parse(value, unit)
        except InputError as error:
            raise refusal(error.problems[0]) from error

    return BeforeValidator(read)


# Types for pydantic records: a number is SI, a text is read with its unit.
Metres = Annotated[float, _reader("m")]
Seconds = Annotated[float, _reader("s")]
MetresPerSecond = Annotated[float, _reader("m/s")]
CubicMetres = Annotated[float, _reader("m**3")]
CubicMetresPerSecond = Annotated[float, _reader("m**3/s")]
PerSecond = Annotated[float, _reader("1/s")]


# Kinds of pydantic error that say one thing; what they measure against is in their context.
_ALIKE = {
    "finite_number": "float_type", "float_parsing": "float_type", "int_parsing": "int_type",
    "int_from_float": "int_type", "bool_parsing": "bool_type", "model_attributes_type": "dict_type",
    "model_type": "dict_type", "mapping_type": "dict_type", "tuple_type": "list_type",
    "iterable_type": "list_type", "missing_argument": "missing",
}  # fmt: skip


def problems_of(
    errors: Iterable[ErrorDetails], where: str, model: type[BaseModel] | None = None
) -> list[Problem]:
    """The problems of `ValidationError.errors` as ours, one each."""
    return [_problem_of(item, where, model) for item in errors]


def _problem_of(item: ErrorDetails, where: str, model: type[BaseModel] | None) -> Problem:
    loc = list(item["loc"])
    key, context = _key(loc), item.get("ctx", {})
    kind, found = _ALIKE.get(item["type"], item["type"]), _short(item["input"])
    if kind == "twin":
        return Problem(where, key, context["found"], context["expected"], context.get("hint", ""))
    if kind == "extra_forbidden":
        name = str(loc[-1])
        return told(where, key, "error.unknown_key", suggest(name, _keys_at(model, loc[:-1])), name=name)
    if kind == "missing":
        return told(where, key, "error.required_key")
    if kind in ("literal_error", "enum", "union_tag_invalid", "union_tag_not_found"):
        known = re.findall(r"'([^']+)'", str(context.get("expected", context.get("expected_tags", ""))))
        if kind.startswith("union"):
            key, found = f"{key}.kind" if key else "kind", shown(context.get("tag"))
        if not known:
            return told(where, key, "error.required_key")
        given = context.get("tag", "") if kind.startswith("union") else item["input"]
        return told(where, key, "error.one_of", suggest(str(given), known), found=given, names=listed(known))
    expected = optional(f"quantity.{kind}", **context) or item["msg"]
    return Problem(where, key, found, expected)


def _short(value: object) -> str:
    found = shown(value)
    return found if len(found) <= 120 else f"{found[:117]}…"


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
