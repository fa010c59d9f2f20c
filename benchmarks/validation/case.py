"""What a validation case gives, and the table and pictures made of it."""

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

from benchmarks.validation.reasons import REASONS
from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
FIRST, SECOND = "first_order", "second_order"
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RESULTS = ROOT / "benchmarks" / ".validation"  # not part of the repository


@dataclass(frozen=True)
class Measured:
    """One run: errors by norm, relative mass error, and a curve to draw (x, found, exact)."""

    errors: dict[str, float]
    mass: float
    curve: tuple[Floats, Floats, Floats] | None = None


@dataclass(frozen=True)
class Row:
    """A line of the table. target: what the second order must reach."""

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

    def failures(self) -> list[str]:
        """What this row misses, in words."""
        missed = []
        if self.target is not None and not self.second <= self.target:
            missed.append(f"{self.second:.3g} above the target {self.target:.3g}")
        if self.least_order is not None and not (self.order or 0.0) >= self.least_order:
            missed.append(f"order {self.order:.3g} under {self.least_order}")
        if self.must_win and not self.second < self.first:
            missed.append(f"second order {self.second:.3g} no better than first {self.first:.3g}")
        if not self.mass <= 1e-12:
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
    labels: tuple[str, str] = ("x (m)", "h (m)"),
) -> Family:
    """Both schemes on `cells`, and the second order on twice as many for the observed order."""
    first, second = measure(FIRST, cells), measure(SECOND, cells)
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
                max(first.mass, second.mass),
                norm not in ties,
            )
        )
    family = Family(rows, title=title, labels=labels)
    if second.curve is not None and first.curve is not None:
        x, found, exact = second.curve
        family.curves = {"exact": (x, exact), "first order": first.curve[:2], "second order": (x, found)}
    return family


def draw(family: Family, path: Path) -> None:
    """The curves of a family as a small PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    styles = {"exact": "k-", "first order": "C0--", "second order": "C3-"}
    figure, axes = pyplot.subplots(figsize=(5.2, 2.8), layout="constrained")
    for label, (x, y) in family.curves.items():
        axes.plot(x, y, styles.get(label, "-"), label=label, linewidth=0.9 if label == "exact" else 1.1)
    axes.set(title=family.title, xlabel=family.labels[0], ylabel=family.labels[1])
    axes.legend(fontsize=7, frameon=False)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def key() -> str:
    """A hash of what the figures depend on: the solver, what it is given, the cases, the exact solutions."""
    told = ("reasons.py", "held.py", "__main__.py")  # tell of figures, make none
    files = [file for file in HERE.glob("*.py") if file.name not in told]
    for pattern in (
        "twin/solvers/flood/*.py", "twin/scenarios/*.py", "twin/domain.py", "twin/faces.py", "twin/grid.py",
        "twin/subgrid.py", "tests/flood/analytic*.py", "tests/flood/kinematic.py", "tests/flood/basins.py",
    ):  # fmt: skip
        files += ROOT.glob(pattern)
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def run_case(case: Callable[[], Family | list[Family]], folder: Path = RESULTS) -> list[Family]:
    """The families of a case: read from `folder` when it ran on these sources already, else run and kept."""
    file = folder / f"{case.__name__}.json"
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["key"] == key():
            return [_read(one) for one in kept["families"]]
    began, before = time.perf_counter(), key()
    made = case()
    families = made if isinstance(made, list) else [made]
    values = {
        "key": before,
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


def _read(values: dict[str, Any]) -> Family:
    curves = {name: (np.array(x), np.array(y)) for name, (x, y) in values["curves"].items()}
    rows = [Row(**row) for row in values["rows"]]
    return Family(rows, curves, values["title"], tuple(values["labels"]), values["table"])


HEAD = """# Validation of the flood solver

Written by `make validate`. Errors L1 are relative, against averages over the cells. *Target* is what the
project asks of the second order, *published* what others give or what was measured. *Order* is observed for
the second order between the number of cells given and twice as many. *Mass* is the larger relative closing
error of the books of the two runs. ✗: the figure misses its target, or the second order is not better than
the first; the reason stands below the table.
"""


def report(names: list[str], path: Path, folder: Path = RESULTS) -> None:
    """Write the table of the named cases out of what `run_case` kept, and its pictures beside it."""
    plots = path.parent / "validation_plots"
    plots.mkdir(exist_ok=True)
    kept = [json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in names]
    families = [_read(one) for case in kept for one in case["families"]]
    rows = [row for family in families for row in family.rows]
    missed = [row for row in rows if row.failures()]
    now = key()
    stale = [name for name, case in zip(names, kept, strict=True) if case["key"] != now]
    about = (
        f"{len(rows)} figures of {len(names)} cases, {len(missed)} of them missed; {kept[0]['machine']},"
        f" {min(c['date'] for c in kept)} to {max(c['date'] for c in kept)} UTC,"
        f" {sum(c['seconds'] for c in kept) / 60:.0f} minutes in all; sources {now}."
    )
    if stale:
        about += f" On earlier sources: {', '.join(stale)}."

    def number(x: float | None) -> str:
        return "" if x is None else f"{x:.3g}"

    lines = [
        *(HEAD + "\n" + about + "\n").split("\n"),
        "| case | norm | first order | second order | target | published | order | mass | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.case} | {row.norm} | {number(row.first)} | {number(row.second)} | {number(row.target)} |"
        f" {row.published} | {number(row.order)} | {row.mass:.0e} | {'✗' if row.failures() else '✓'} |"
        for row in rows
    ]
    if missed:
        lines += ["", "## Missed, and why", ""]
        lines += [
            f"- **{row.case}, {row.norm}**: {'; '.join(row.failures())}."
            f" {known.why if (known := REASONS.get((row.case, row.norm))) else 'Not explained.'}"
            for row in missed
        ]
    for family in families:
        if family.table:
            lines += ["", f"## {family.title}", "", *family.table]
    lines += ["", "## Pictures", ""]
    for family in families:
        if family.curves:
            name = "".join(c if c.isalnum() else "_" for c in family.title.lower()).strip("_") + ".png"
            draw(family, plots / name)
            lines.append(f"![{family.title}](validation_plots/{name})")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
