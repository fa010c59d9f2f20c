"""What the sections of PERFORMANCE.md share: parameters, clocks, tables and plots."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from twin.domain import Domain
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

HERE = Path(__file__).parents[1]
PLOTS = "performance_plots"
Found = dict[str, Any]
# Okabe and Ito (2008): told apart by people who are colour-blind; the markers say the same again.
COLOURS = {"first_order": "#0072B2", "second_order": "#D55E00", "local_inertial": "#009E73"}
MARKERS = {"first_order": "o", "second_order": "s", "local_inertial": "^"}
_page: list[Path] = [HERE]


def page_folder() -> Path:
    """Where the page and its plots go."""
    return _page[0]


def write_to(folder: Path) -> None:
    """Put the page and its plots elsewhere."""
    _page[0] = folder


def parameters(scheme: str, **values: object) -> FloodParameters:
    return FloodParameters.model_validate({"scheme": scheme, **values})


def loop(
    domain: Domain, forcing: Forcing, duration: float, chosen: FloodParameters, repeat: int
) -> tuple[float, FloodSolver]:
    """Best seconds of the time loop after its first step, and the solver at the end."""
    best = math.inf
    for _ in range(repeat):
        flood = FloodSolver.assemble(domain, forcing, chosen)
        t = flood.step(0.0, duration)
        start = time.perf_counter()
        while t < duration:
            t, _, _ = flood.advance(t, duration)
        best = min(best, time.perf_counter() - start)
    return best, flood


def markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        "|" + "---|" * len(header),
        *(f"| {' | '.join(r)} |" for r in rows),
        "",
    ]


def scheme_name(scheme: str, precision: str = "") -> str:
    """For people: ``second order, f32``."""
    words = scheme.replace("_", " ")
    return f"{words}, {precision.replace('float', 'f')}" if precision else words


def bars(name: str, title: str, label: str, rows: list[tuple[str, float, str, bool]]) -> None:
    """Horizontal bars with their values; rows: text, length, scheme (its colour), whether it is the paler one
    (hatched).
    """
    figure, axes = _canvas(0.7 + 0.26 * len(rows))
    for k, (_, length, scheme, pale) in enumerate(rows):
        bar = axes.barh(
            k, length, color=COLOURS[scheme], alpha=0.45 if pale else 1.0, hatch="///" if pale else None,
            edgecolor="black", linewidth=0.4,
        )  # fmt: skip
        axes.bar_label(bar, labels=[f"{length:.3g}"], padding=3, fontsize=8)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel=label, xlim=(0.0, 1.12 * max(row[1] for row in rows)))
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, name)


def plot(
    name: str, rows: list[Found], x: str, y: str, x_label: str, y_label: str, title: str, scale: float = 1.0
) -> None:
    """A line of y × scale over x for each scheme and precision, both axes logarithmic."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = _canvas(3.4)
    for key in dict.fromkeys((row["scheme"], row["precision"]) for row in rows):
        chosen = [row for row in rows if (row["scheme"], row["precision"]) == key]
        double = key[1] == "float64"
        axes.loglog(
            [row[x] for row in chosen], [row[y] * scale for row in chosen],
            linestyle="-" if double else "--", marker=MARKERS[key[0]], color=COLOURS[key[0]], markersize=5,
            markerfacecolor=COLOURS[key[0]] if double else "white", label=scheme_name(*key),
        )  # fmt: skip
    for axis, values in (
        (axes.xaxis, [row[x] for row in rows]),
        (axes.yaxis, [row[y] * scale for row in rows]),
    ):
        # One decade or two: 1, 2, 5; more: the powers of ten.
        near = max(values) < 100.0 * min(values)
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if near else (1.0,)))
        axis.set_minor_formatter(NullFormatter())
        if near:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_title(title, fontsize=10)
    axes.grid(which="both", linewidth=0.3)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    _save(figure, name)


def _canvas(height: float) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7.0, height), layout="constrained")


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot

    place = page_folder() / PLOTS
    place.mkdir(exist_ok=True)
    figure.savefig(place / f"{name}.png", dpi=110)
    pyplot.close(figure)
