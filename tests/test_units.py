from __future__ import annotations

import pytest

from twin.clock import Schedule
from twin.errors import InputError
from twin.units import USUAL, parse, registry


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("50 mm/h", "m/s", 0.05 / 3600),
        ("250 m3/s", "m**3/s", 250.0),
        ("250 m³/s", "m**3/s", 250.0),
        ("1,5 h", "s", 5400.0),
        ("5 min", "s", 300.0),
        ("213.5 m", "m", 213.5),
        ("20 cm", "m", 0.2),
        (3, "m", 3.0),
        (2.5, "s", 2.5),
    ],
)
def test_quantities(value: str | float, unit: str, expected: float) -> None:
    assert parse(value, unit) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("5", "no unit"),
        ("5 kg", "mass"),
        ("five m", "five m"),
        ("5 foo", "not known"),
        (True, "true"),
        ("1e999 m", "1e999"),
    ],
)
def test_what_is_no_length_says_so(value: str | bool, found: str) -> None:
    with pytest.raises(InputError) as error:
        parse(value, "m", where="scenario.toml", key="resolution")
    message = str(error.value)
    assert message.startswith("scenario.toml: resolution")
    assert found in message
    assert "expected" in message


def test_schedule_lands_on_the_end() -> None:
    schedule = Schedule(300.0, 1000.0)
    assert [schedule.time(k) for k in range(schedule.count)] == [0.0, 300.0, 600.0, 900.0, 1000.0]
    assert schedule.next_after(900.0) == 1000.0
    assert schedule.next_after(1000.0) == float("inf")
    assert schedule.index(600.0) == 2
    assert schedule.index(601.0) is None
    assert Schedule(0.1, 1.0).count == 11
    assert Schedule(0.1, 1.0).next_after(0.25) == Schedule(0.3, 1.0).next_after(0.0) == 0.3


@pytest.mark.parametrize(("unit", "name"), [(unit, name) for unit, names in USUAL.items() for name in names])
def test_the_usual_units_are_those_of_pint_to_the_bit(unit: str, name: str) -> None:
    for value in (1.0, 0.1, 1 / 3, 50.0, 213.5, 1e-7, 123456.789, -2.7, *(k * 0.37 for k in range(200))):
        assert parse(f"{value!r} {name}", unit) == float(registry().Quantity(value, name).to(unit).magnitude)
