"""All validation cases; together they write benchmarks/VALIDATION.md (`make validate`)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.validation.case import RESULTS, Row, run_case
from benchmarks.validation.cases import DATA, Case, exact_cases, real_cases
from benchmarks.validation.held import held, slipped
from benchmarks.validation.page import report
from benchmarks.validation.reasons import REASONS
from tests.conftest import ROOT

pytestmark = pytest.mark.validate

OUT = Path(os.environ.get("TWIN_VALIDATION", ROOT / "benchmarks" / "VALIDATION.md"))
EXACT, REAL = exact_cases(), real_cases(DATA)


@pytest.fixture(scope="module", autouse=True)
def _table() -> Iterator[None]:
    """The table is written when all cases have run on these sources, in this session or before."""
    yield
    names = [case.__name__ for case in EXACT + REAL]
    if all((RESULTS / f"{name}.json").exists() for name in names):
        report(names, OUT)


def _expected(row: Row) -> Row:
    """The row, where a reason is known with what is accepted all the same."""
    reason = REASONS.get((row.case, row.norm))
    return row if reason is None else reason.accepted(row)


def _check(case: Case) -> None:
    kept = held()
    families = run_case(case)
    missed = [
        f"{row.case}, {row.norm}: {failure}"
        for family in families
        for row in family.rows
        for failure in (*_expected(row).failures(), *slipped(row, kept))
    ]
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.__name__)
def test_exact(case) -> None:
    _check(case)


@pytest.mark.real
@pytest.mark.parametrize("case", REAL, ids=lambda case: case.__name__)
def test_real(case, real_data: Path) -> None:
    _check(case)
