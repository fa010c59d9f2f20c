"""All the cases."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks.validation import (
    bowls,
    channels,
    constants,
    dam_breaks,
    measured,
    published,
    rest,
    sensitivity,
)
from benchmarks.validation.case import ROOT, Family

DATA = Path(os.environ.get("TWIN_REAL_DATA", ROOT.parent / "shared" / "data")).resolve()
Case = Callable[[], Family | list[Family]]


def exact_cases() -> list[Case]:
    """Those that need no data."""
    modules = (rest, dam_breaks, bowls, channels, published, sensitivity, constants)
    return [case for module in modules for case in module.families()]


def real_cases(data: Path) -> list[Case]:
    """Those that need the folder of real data."""
    return [*rest.real_families(data), *measured.families(data)]


def all_cases(data: Path) -> list[Case]:
    """All that can run here, in the order of the table."""
    return [*exact_cases(), *(real_cases(data) if data.exists() else [])]
