"""What the sections of PERFORMANCE.md share: parameters, clocks, tables and plots."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from twin.bench.measure import schemes
from twin.domain import Domain
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

HERE = Path(__file__).parents[1]
PLOTS = HERE / "performance_plots"
Found = dict[str, Any]


def parameters(scheme: str, **values: object) -> FloodParameters:
    return FloodParameters.model_validate({"scheme": scheme, **values})


def loop(domain: Domain, forcing: Forcing, duration: float, chosen: FloodParameters, repeat: int):
    """Best seconds of the time loop, and the volume at the end."""
    best, volume = math.inf, math.nan
    for _ in range(repeat):
        flood = FloodSolver.assemble(domain, forcing, chosen)
        t = flood.step(0.0, duration)
        start = time.perf_counter()
        while t < duration:
            t, _, _ = flood.advance(t, duration)
        best = min(best, time.perf_counter() - start)
        volume = flood.ledger()["volume_m3"]
    return best, volume


def timed(flood: FloodSolver, duration: float) -> float:
    start, t = time.perf_counter(), 0.0
    while t < duration:
        t, _, _ = flood.advance(t, duration)
    return time.perf_counter() - start


def markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        "|" + "---|" * len(header),
        *(f"| {' | '.join(r)} |" for r in rows),
        "",
    ]


def bars(name: str, values: list[tuple[str, float]], label: str, *, log: bool = False) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.4, 0.5 + 0.3 * len(values)), layout="constrained")
    names, lengths = zip(*reversed(values), strict=True)
    axes.barh(names, lengths, color="C0", log=log)
    axes.set(xlabel=label)
    axes.tick_params(labelsize=7)
    figure.savefig(PLOTS / f"{name}.png", dpi=100)
    pyplot.close(figure)


def plot(
    name: str,
    rows: list[Found],
    x: str,
    y: str,
    x_label: str,
    y_label: str,
    *,
    title: str = "",
    scale: float = 1.0,
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.4, 3.2), layout="constrained")
    colours = {scheme: f"C{k}" for k, scheme in enumerate(schemes())}
    for key in dict.fromkeys((row["scheme"], row["precision"]) for row in rows):
        chosen = [row for row in rows if (row["scheme"], row["precision"]) == key]
        axes.loglog(
            [row[x] for row in chosen], [row[y] * scale for row in chosen],
            "o-" if key[1] == "float64" else "s--", color=colours[key[0]], markersize=3.5,
            label=f"{key[0]}, {key[1]}",
        )  # fmt: skip
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    axes.grid(which="both", linewidth=0.3)
    axes.legend(fontsize=7, frameon=False)
    figure.savefig(PLOTS / f"{name}.png", dpi=100)
    pyplot.close(figure)
