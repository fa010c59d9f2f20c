"""What each threshold and limit of the solver does to the answer: measured, in a table of its own."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from benchmarks.validation.case import SECOND, Family, mass_error, relative_l1
from tests.flood.analytic import G, RadialBowl, cell_averages, ritter, stoker
from tests.flood.basins import advance, solver
from twin.scenarios.binding import NORMAL_DEPTH, OPEN, RainForcing, WaterLevelForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood import kernels_crests
from twin.solvers.flood.forcing import uniform_boundaries
from twin.solvers.flood.solver import FloodSolver

NOWHERE = np.zeros(0, dtype=np.int64)
HEAD = ["| what | value | Stoker hu | Ritter hu | Thacker radial h | rain on 1:2, runoff | weir | steps |"]


def dam(low: float, **values: object) -> tuple[float, FloodSolver]:
    """Stoker (60 s) or, on a dry bed, Ritter (45 s): error of hu, and the solver."""
    edges = np.linspace(0.0, 2000.0, 201)
    x = 0.5 * (edges[1:] + edges[:-1])
    depth = np.tile(np.where(x < 1000.0, 10.0, low), (3, 1))
    flood = solver(np.zeros((3, 200)), depth, cell=10.0, **{"scheme": SECOND, **values})
    t = 60.0 if low else 45.0
    advance(flood, 0.0, t)
    exact = (lambda x: stoker(x, t, 1000.0, 10.0, low)) if low else (lambda x: ritter(x, t, 1000.0, 10.0))
    return relative_l1(flood.state()["state"][1, 1], cell_averages(exact, edges)[1]), flood


def _bowl(**values: object) -> float:
    bowl, c = RadialBowl(), (np.arange(100) + 0.5) * 0.04
    x, y = np.meshgrid(c, c[::-1])
    depth = bowl.depth(x, y, 0.0)
    flood = solver(bowl.bed(x, y), depth, cell=0.04, scheme=SECOND, **values)
    advance(flood, 0.0, bowl.period)
    return relative_l1(flood.depth, depth)


def _rain(**values: object) -> float:
    x = np.arange(50) * 4.0 + 2.0
    rain, n, slope = 100e-3 / 3600, 0.03, 0.5
    forcing = {
        "rains": (RainForcing(TimeSeries.constant(rain), 0.0, np.inf),),
        "codes": uniform_boundaries(3, 50, east=NORMAL_DEPTH),
    }
    bed = np.tile(slope * (200.0 - x), (3, 1))
    flood = solver(bed, np.zeros((3, 50)), cell=4.0, roughness=n, scheme=SECOND, forcing=forcing, **values)
    t = 0.8 * (200.0 * rain ** (-2 / 3) * n / np.sqrt(slope)) ** 0.6
    advance(flood, 0.0, t)
    ran = flood.ledger()["outflow_m3"] / 12.0
    return abs(ran / (3 / 8 * np.sqrt(slope) / n * rain ** (5 / 3) * t ** (8 / 3)) - 1)


def _weir(**values: object) -> float:
    """Steady flow over a dike of 1 m under a head of 1 m: discharge against 1.70 H^1.5."""
    ny, nx, cell, wide = 3, 60, 5.0, np.arange(3)
    crest = np.full((ny, nx + 1), -np.inf)
    crest[:, 30] = 1.0
    depth = np.full((ny, nx), 2.0)
    depth[:, 30:] = 0.0
    levels = (WaterLevelForcing(TimeSeries.constant(2.0), 0.0, np.inf, {"west": wide}, NOWHERE),)
    forcing = {"levels": levels, "codes": uniform_boundaries(ny, nx, east=OPEN)}
    flood = solver(
        np.zeros((ny, nx)), depth, crest_x=crest, cell=cell, scheme=SECOND, forcing=forcing, **values
    )
    advance(flood, 0.0, 40 * nx * cell / np.sqrt(2 * G))
    h, u = flood.fields["water_depth"][1], flood.fields["velocity_x"][1]
    energy = h[25] + u[25] ** 2 / (2 * G) - 1.0
    return abs(float((u * h)[5:25].mean() / (1.70 * energy**1.5)) - 1)


def _line(what: str, value: object, **values: object) -> tuple[str, float]:
    wet, flood = dam(1.0, **values)
    dry, _ = dam(0.0, **values)
    numbers = [wet, dry, _bowl(**values), _rain(**values), _weir(**values)]
    cells = " | ".join(f"{x:.4f}" for x in numbers)
    return f"| {what} | {value} | {cells} | {flood.steps} |", mass_error(flood)


def _with_constant(module: ModuleType, name: str, value: float) -> str:
    """The weir alone, its kernel run as plain Python so that a constant can differ."""
    kept, kernel = getattr(module, name), module.over_crests
    setattr(module, name, value)
    module.over_crests = kernel.py_func
    try:
        return f"| {name} | {value} | | | | | {_weir():.4f} | |"
    finally:
        setattr(module, name, kept)
        module.over_crests = kernel


def sensitivity() -> Family:
    """One parameter at a time away from its default."""
    lines = [*HEAD, "|---|---|---|---|---|---|---|---|"]
    lines.append(_line("all as they come", "")[0])
    for name, choices in {
        "cfl": (0.1, 0.3, 0.5), "dry_depth": (1e-9, 1e-5, 1e-4, 1e-3), "max_step": (0.1,),
        "rise_window": (300.0,), "crests": ("step",), "precision": ("float32",), "local_time_steps": (True,),
    }.items():  # fmt: skip
        lines += [_line(name, value, **{name: value})[0] for value in choices]
    for name, choices in {"LARGEST_HEAD": (0.5, 3.0, 10.0), "SETTLE": (0.05, 0.25, 0.5)}.items():
        lines += [_with_constant(kernels_crests, name, value) for value in choices]
    lines += [
        "",
        "Relative errors at 200 cells (Stoker 60 s, Ritter 45 s), 100² cells (Thacker, one period), 50 cells"
        " (runoff so far at 0.8 of the time of concentration), and of the discharge of a weir of 1 m under"
        " 1 m; steps of Stoker. `LARGEST_HEAD` (3): head over a crest, in heights of the crest, up to which"
        " it is a weir. `SETTLE` (0.25): share of a difference of levels that passes a crest in a step. The"
        " rate of rise is read over `rise_window` and never alters a step.",
    ]
    return Family([], title="What thresholds and limits do", table=lines)


def families() -> list[Callable[[], Family | list[Family]]]:
    """The cases of this file."""
    return [sensitivity]
