"""All validation cases; together they write benchmarks/VALIDATION.md (`make validate`)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.validation import bowls, channels, dam_breaks, measured, rest
from benchmarks.validation.case import Family, report
from tests.conftest import ROOT

pytestmark = pytest.mark.validate

DATA = Path(os.environ.get("TWIN_REAL_DATA", ROOT.parent / "shared" / "data")).resolve()
EXACT = [*rest.families(), *dam_breaks.families(), *bowls.families(), *channels.families()]
REAL = [*rest.real_families(DATA), *measured.families(DATA)]
OUT = Path(os.environ.get("TWIN_VALIDATION", ROOT / "benchmarks" / "VALIDATION.md"))


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, list[Family]]]:
    """What the cases found; written when the last one is done and all have run."""
    found: dict[str, list[Family]] = {}
    yield found
    cases = [case.__name__ for case in EXACT + REAL]
    if set(cases) == set(found):
        report([family for name in cases for family in found[name]], OUT)


def _check(case: Callable[[], Family | list[Family]], table: dict[str, list[Family]]) -> None:
    made = case()
    families = made if isinstance(made, list) else [made]
    table[case.__name__] = families
    missed = [
        f"{row.case}, {row.norm}: {failure}"
        for family in families
        for row in family.rows
        if not row.shortfall
        for failure in row.failures()
    ]
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.__name__)
def test_exact(case, table) -> None:
    _check(case, table)


@pytest.mark.real
@pytest.mark.parametrize("case", REAL, ids=lambda case: case.__name__)
def test_real(case, table, real_data: Path) -> None:
    _check(case, table)
