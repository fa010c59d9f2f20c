"""What a validation case gives, and where it is kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
FIRST, SECOND, INERTIAL = "first_order", "second_order", "local_inertial"
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ROUNDING = 1e-12  # of the water, or m/s of what should rest: under it a figure says nothing
RESULTS = ROOT / "benchmarks" / ".validation"  # not part of the repository


@dataclass(frozen=True)
class Measured:
    """One run: errors by norm, relative mass error, and a curve to draw (x, found, exact)."""

    errors: dict[str, float]
    mass: float
    curve: tuple[Floats, Floats, Floats] | None = None


@dataclass(frozen=True)
class Row:
    """A line of the table. target: what the second order must reach; value: no error, neither less nor more
    is better; inertial: the figure of local inertia, where it is shown.
    """

    case: str
    norm: str
    first: float
    second: float
    target: float | None = None
    published: str = ""
    order: float | None = None
    least_order: float | None = None
    mass: float = 0.0
    must_win: bool = True
    value: bool = False
    inertial: float | None = None

    def asked(self) -> str:
        """What the second order is asked for; empty: nothing, the figure is only reported."""
        asked = [] if self.target is None else [f"≤ {self.target:.3g}"]
        asked += [] if self.least_order is None else [f"order ≥ {self.least_order:g}"]
        return ", ".join(asked + (["< first"] if self.must_win else []))

    def figures(self) -> list[float]:
        """Those of the schemes, in the order of the table."""
        return [self.first, self.second] + ([] if self.inertial is None else [self.inertial])

    def worse(self) -> bool:
        """Whether the error of the second order is above that of the first, by more than what rounding and
        sampling move.
        """
        return not self.value and self.second > max(1.01 * self.first, ROUNDING)

    def mark(self) -> str:
        """✗ missed, ✓ what is asked is met, · nothing is asked; and whether the first order does better."""
        mark = "✗" if self.failures() else "✓" if self.asked() else "·"
        return f"{mark} worse than first order" if self.worse() else mark

    def failures(self) -> list[str]:
        """What this row misses, in words."""
        missed = []
        if self.target is not None and not self.second <= self.target:
            missed.append(f"{self.second:.3g} above the target {self.target:.3g}")
        if self.least_order is not None and not (self.order or 0.0) >= self.least_order:
            missed.append(f"order {self.order:.3g} under {self.least_order}")
        if self.must_win and not self.second < self.first:
            missed.append(f"second order {self.second:.3g} no better than first {self.first:.3g}")
        if not self.mass <= ROUNDING:
            missed.append(f"mass error {self.mass:.1e}")
        return missed


@dataclass
class Family:
    """Rows and curves of one case; table: lines of Markdown of its own."""

    rows: list[Row]
    curves: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)
    title: str = ""
    labels: tuple[str, str] = ("x (m)", "h (m)")
    table: list[str] = field(default_factory=list)


def mass_error(flood: FloodSolver) -> float:
    """Closing error of the books over the largest of volume and water exchanged."""
    books = flood.ledger()
    keys = ("volume_m3", "initial_m3", "inflow_m3", "outflow_m3", "rain_m3")
    return abs(books["mass_error_m3"]) / max(books[key] for key in keys)


def relative_l1(found: Floats, exact: Floats) -> float:
    """Sum of the absolute differences over the sum of the exact values."""
    return float(np.abs(found - exact).sum() / np.abs(exact).sum())


def compare(
    title: str,
    measure: Callable[[str, int], Measured],
    cells: int,
    *,
    targets: dict[str, float] | None = None,
    published: dict[str, str] | None = None,
    least_order: float | None = None,
    refine: bool = True,
    ties: tuple[str, ...] = (),
    inertial: bool = False,
    labels: tuple[str, str] = ("x (m)", "h (m)"),
) -> Family:
    """Both schemes on `cells`, and the second order on twice as many for the observed order; `inertial`:
    local inertia too.
    """
    first, second = measure(FIRST, cells), measure(SECOND, cells)
    third = measure(INERTIAL, cells) if inertial else None
    fine = measure(SECOND, 2 * cells) if refine else None
    rows = []
    for norm, value in second.errors.items():
        order = None
        if fine is not None and value > 0 and fine.errors[norm] > 0:
            order = float(np.log2(value / fine.errors[norm]))
        rows.append(
            Row(
                title,
                f"{norm}, {cells} cells",
                first.errors[norm],
                value,
                (targets or {}).get(norm),
                (published or {}).get(norm, ""),
                order,
                least_order,
                max(one.mass for one in (first, second, third) if one is not None),
                norm not in ties,
                inertial=None if third is None else third.errors[norm],
            )
        )
    family = Family(rows, title=title, labels=labels)
    if second.curve is not None and first.curve is not None:
        x, found, exact = second.curve
        family.curves = {"exact": (x, exact), "first order": first.curve[:2], "second order": (x, found)}
    return family


def sources() -> dict[str, str]:
    """What the figures depend on, file by file with its hash: the solver, what it is given, the cases, the
    exact solutions.
    """
    told = ("page.py", "reasons.py", "held.py", "__main__.py")  # tell of figures, make none
    files = [file for file in HERE.glob("*.py") if file.name not in told]
    for pattern in (
        "twin/solvers/flood/*.py", "twin/scenarios/*.py", "twin/domain.py", "twin/faces.py", "twin/grid.py",
        "twin/subgrid.py", "tests/flood/analytic*.py", "tests/flood/kinematic.py", "tests/flood/basins.py",
    ):  # fmt: skip
        files += ROOT.glob(pattern)
    return {
        file.relative_to(ROOT).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        for file in sorted(files)
    }


def run_case(case: Callable[[], Family | list[Family]], folder: Path = RESULTS) -> list[Family]:
    """The families of a case: read from `folder` when it ran on these sources already, else run and kept."""
    file = folder / f"{case.__name__}.json"
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept.get("sources") == sources():
            return [read(one) for one in kept["families"]]
    began, before = time.perf_counter(), sources()
    made = case()
    families = made if isinstance(made, list) else [made]
    values = {
        "sources": before,
        "seconds": time.perf_counter() - began,
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "families": [_written(family) for family in families],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    file.write_text(json.dumps(values), encoding="utf-8")
    return families


def _written(family: Family) -> dict[str, Any]:
    curves = {
        name: [np.asarray(c, dtype=float).tolist() for c in pair] for name, pair in family.curves.items()
    }
    return {
        "rows": [vars(row) for row in family.rows], "curves": curves,
        "title": family.title, "labels": family.labels, "table": family.table,
    }  # fmt: skip


def read(values: dict[str, Any]) -> Family:
    curves = {name: (np.array(x), np.array(y)) for name, (x, y) in values["curves"].items()}
    rows = [Row(**row) for row in values["rows"]]
    return Family(rows, curves, values["title"], tuple(values["labels"]), values["table"])
