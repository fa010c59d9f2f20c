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
from twin.scenarios.structures import Weir
from twin.solvers.flood import forcing, hydraulics, infiltration, kernels_crests, structures
from twin.solvers.flood.forcing import uniform_boundaries
from twin.solvers.flood.infiltration import InfiltrationParameters
from twin.solvers.flood.kernels import FULL
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.structures import StructureForcing

NOWHERE = np.zeros(0, dtype=np.int64)
HEAD = ["| what | value | Stoker hu | Ritter hu | Thacker radial h | rain on 1:2, runoff | weir | steps |"]


def _dam(low: float, **values: object) -> tuple[float, FloodSolver]:
    edges = np.linspace(0.0, 2000.0, 201)
    x = 0.5 * (edges[1:] + edges[:-1])
    depth = np.tile(np.where(x < 1000.0, 10.0, low), (3, 1))
    flood = solver(np.zeros((3, 200)), depth, cell=10.0, scheme=SECOND, **values)
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
    wet, flood = _dam(1.0, **values)
    dry, _ = _dam(0.0, **values)
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
        "rise_window": (300.0,), "crests": ("step",),
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


def _column(full: float | None = None, **values: object) -> FloodSolver:
    """50 m of water on a tower of 500 m and in its corner, n = 0.003: nothing falls faster."""
    bed = np.zeros((9, 9))
    bed[4, 4] = bed[0, 0] = 500.0
    flood = solver(bed, np.where(bed > 0, 50.0, 0.0), cell=50.0, roughness=0.003, scheme=SECOND, **values)
    if full is not None:
        flood._scheme._full = full
    advance(flood, 0.0, 1e6, steps=150)
    return flood


def _share_of_bound(flood: FloodSolver) -> float:
    """Highest speed of a run over √(2g (highest energy − lowest bed)): the bound that stops a run is 2."""
    return float(flood.run_fields()["max_velocity"].max()) / np.sqrt(2 * G * flood.energy)


def _pools() -> tuple[float, float]:
    """Two ponds of 300 m² joined by a weir far too wide: difference of levels after 60 s, and largest turn
    of the flow back (m³).
    """
    event = Weir.model_validate(
        {"from": (0.0, 0.0), "to": (0.0, 0.0), "crest": -1.0, "width": 500.0, "coefficient": 1.7}
    )
    bed = np.zeros((3, 7))
    bed[:, 3] = 50.0
    depth = np.where(np.arange(7) < 3, 2.0, 1.0) * (bed == 0)
    ends = np.flatnonzero(bed[:, :3].ravel() == 0)
    west, east = (ends // 3) * 7 + ends % 3, (ends // 3) * 7 + ends % 3 + 4
    work = StructureForcing(event, west, east, NOWHERE, name="weir")
    flood = solver(bed, depth, cell=10.0, scheme=SECOND, forcing={"structures": (work,)})
    t, before, back = 0.0, 0.0, 0.0
    while t < 60.0:
        t = flood.step(t, 60.0)
        now = flood.summary()["structures"][0]["volume_m3"]
        back, before = max(back, before - now), now
    return float(abs(flood.depth[:, :3].mean() - flood.depth[:, 4:].mean())), back


def _flat_outlet() -> float:
    """Water left (m³/m) on a level plane of 200 m, 0.5 m deep, that leaves at normal depth for an hour."""
    forcing = {"codes": uniform_boundaries(3, 50, east=NORMAL_DEPTH)}
    flood = solver(
        np.zeros((3, 50)), np.full((3, 50), 0.5), cell=4.0, roughness=0.03, scheme=SECOND, forcing=forcing
    )
    advance(flood, 0.0, 3600.0)
    return float(flood.depth.mean() * 200.0)


def _soaked() -> float:
    """Water (m³) that the ground takes in an hour under 3 cm and under 10 cm, halves of a field."""
    soil = InfiltrationParameters(method="horton", capacity_start=5e-6, capacity_end=5e-6, decay=1e-4)
    depth = np.where(np.arange(20) < 10, 0.03, 0.10) * np.ones((3, 1))
    bed = np.where(np.arange(20) < 10, 0.0, -0.07) * np.ones((3, 1))
    flood = solver(bed, depth, cell=10.0, scheme=SECOND, infiltration=soil)
    advance(flood, 0.0, 3600.0)
    return flood.ledger()["infiltration_m3"]


def _culvert(points: int, most: float) -> float:
    """Discharge (m³/s) of a pipe of 1 m under 2.37 m, its curve read from so many points."""
    kept = hydraulics.POINTS, hydraulics.HEAD_MOST
    hydraulics.POINTS, hydraulics.HEAD_MOST = points, most
    try:
        pipe = hydraulics.Barrel(0.0, 1.0)
        curves = hydraulics.CulvertCurves(pipe, 20.0, 0.012, "concrete_square_headwall", 0.0, 0.0)
        return curves.discharge(2.37, 0.2)
    finally:
        hydraulics.POINTS, hydraulics.HEAD_MOST = kept


def constants() -> Family:
    """The constants of the modules that bound or switch something, each away from its value."""
    lines = ["| constant | where | value | what was measured | |", "|---|---|---|---|---|"]

    def line(name: str, where: str, value: object, what: str, found: str) -> None:
        lines.append(f"| `{name}` | {where} | {value} | {what} | {found} |")

    def with_value(module: ModuleType, name: str, value: float, run: Callable[[], object]) -> object:
        kept = getattr(module, name)
        setattr(module, name, value)
        try:
            return run()
        finally:
            setattr(module, name, kept)

    for full in (FULL, 0.9, 0.5):
        flood = _column(full)
        value = "1 − 1e-14" if full == FULL else full
        found = f"{flood.limited} limited, {_share_of_bound(flood):.3f}"
        line("FULL", "kernels", value, "cells limited and speed over √(2gE), column on a tower", found)
    for low, what in ((1.0, "Stoker"), (0.0, "Ritter")):
        found = f"{_share_of_bound(_dam(low)[1]):.3f}"
        line("bound of speed", "solver", "2√(2gE), stops", f"speed over √(2gE), {what}", found)
    for cfl in (0.45, 0.2):
        found = f"{_share_of_bound(_column(cfl=cfl)):.3f}"
        line("bound of speed", "solver", f"2√(2gE), cfl {cfl}", "the same, column on a tower", found)
    found = f"{max(mass_error(_dam(low)[1]) for low in (1.0, 0.0)):.0e}"
    line("MASS_GATE", "solver", "1e-9, stops", "largest relative closing error, dam breaks", found)
    for settle in (0.25, 0.5, 1.0):
        left, back = with_value(structures, "SETTLE", settle, _pools)
        found = f"{left:.1e} m, {back:.1e} m³"
        line("SETTLE", "structures", settle, "two ponds: levels apart after 60 s, flow back", found)
    for slope in (1e-5, 1e-4, 1e-3):
        found = f"{with_value(forcing, 'LEAST_SLOPE', slope, _flat_outlet):.1f} m²"
        line("LEAST_SLOPE", "forcing", slope, "left of 100 m² on a level plane after 1 h", found)
    for depth in (0.01, 0.05, 0.2):
        found = f"{with_value(infiltration, 'PERMANENT_DEPTH', depth, _soaked):.1f} m³"
        line("PERMANENT_DEPTH", "infiltration", f"{depth} m", "soaked under 3 and 10 cm of water", found)
    exact = _culvert(60_000, hydraulics.HEAD_MOST)
    for points, most in ((100, 40.0), (600, 40.0), (600, 400.0)):
        found = f"{_culvert(points, most) / exact - 1:.1e}"
        line(
            "POINTS, HEAD_MOST", "hydraulics", f"{points}, {most:g}", "error of a culvert's discharge", found
        )
    lines += [
        "",
        "`FULL`: share of its water that a cell may give in a step; `limited_cell_steps` in the summary of a"
        " run says how often it acted. `SETTLE`: share of the way to equal levels that a structure may go in"
        " a step. The depths `WET_DEPTH` (5 cm) and `SPEED_DEPTH` (1 cm) of `hazards` decide what counts as"
        " flooded or as fast in the records and never alter the flow; so do the limits of the hazard classes."
        " `NEAR` (1.5 cells, `crests`) says which crests a breach finds. Those of local time steps stand in"
        " `local_steps`, those of the subgrid in `kernels_subgrid`.",
    ]
    return Family([], title="Constants that bound or switch something", table=lines)


def families() -> list[Callable[[], Family | list[Family]]]:
    """The cases of this file."""
    return [sensitivity, constants]
