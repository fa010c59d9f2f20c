"""What a validation case gives, and the table and pictures made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
FIRST, SECOND = "first_order", "second_order"


@dataclass(frozen=True)
class Measured:
    """One run: errors by norm, relative mass error, and a curve to draw (x, found, exact)."""

    errors: dict[str, float]
    mass: float
    curve: tuple[Floats, Floats, Floats] | None = None


@dataclass(frozen=True)
class Row:
    """A line of the table. target: what the second order must reach; shortfall: why it does not."""

    case: str
    norm: str
    first: float
    second: float
    target: float | None = None
    published: str = ""
    order: float | None = None
    least_order: float | None = None
    mass: float = 0.0
    shortfall: str = ""
    must_win: bool = True

    def failures(self) -> list[str]:
        """What this row misses, in words."""
        missed = []
        if self.target is not None and not self.second <= self.target:
            missed.append(f"{self.second:.3g} above the target {self.target:.3g}")
        if self.least_order is not None and not (self.order or 0.0) >= self.least_order:
            missed.append(f"order {self.order} under {self.least_order}")
        if self.must_win and not self.second < self.first:
            missed.append(f"second order {self.second:.3g} no better than first {self.first:.3g}")
        if not self.mass <= 1e-12:
            missed.append(f"mass error {self.mass:.1e}")
        return missed


@dataclass
class Family:
    """Rows and curves of one case."""

    rows: list[Row]
    curves: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)
    title: str = ""
    labels: tuple[str, str] = ("x (m)", "h (m)")


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
    shortfalls: dict[str, str] | None = None,
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
                (shortfalls or {}).get(norm, ""),
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


def report(families: list[Family], path: Path) -> None:
    """Write the table and its pictures (folder `validation_plots` beside it)."""
    plots = path.parent / "validation_plots"
    plots.mkdir(exist_ok=True)

    def number(x: float | None) -> str:
        return "" if x is None else f"{x:.3g}"

    lines = [
        "# Validation of the flood solver",
        "",
        "Written by `make validate`. Errors L1 are relative, against averages over the cells. *Target* is"
        " what the project asks of the second order; ✗ marks a figure that misses it, with the reason below"
        " the table. *Order* is observed for the second order between the number of cells given and twice as"
        " many. *Mass* is the larger relative closing error of the books of the two runs.",
        "",
        "| case | norm | first order | second order | target | published | order | mass |",
        "|---|---|---|---|---|---|---|---|",
    ]
    notes = []
    for family in families:
        for row in family.rows:
            mark = " ✗" if row.failures() else ""
            if row.shortfall:
                notes.append(f"- **{row.case}, {row.norm}**: {row.shortfall}")
            lines.append(
                f"| {row.case} | {row.norm} | {number(row.first)} | {number(row.second)}{mark} |"
                f" {number(row.target)} | {row.published} | {number(row.order)} | {row.mass:.0e} |"
            )
    lines += ["", *(["## Not reached, and why", "", *notes, ""] if notes else [])]
    lines += ["## Pictures", ""]
    for family in families:
        if family.curves:
            name = "".join(c if c.isalnum() else "_" for c in family.title.lower()).strip("_") + ".png"
            draw(family, plots / name)
            lines.append(f"![{family.title}](validation_plots/{name})")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
