"""What the speed buys: subgrid against plain, error against wall time."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import numba
import numpy as np

from benchmarks.performance.common import HERE, Found, bars, markdown, parameters, plot, scheme_name
from benchmarks.validation import valley
from benchmarks.validation.case import relative_l1
from tests.flood.analytic import RadialBowl, stoker
from twin.bench.measure import pairs, schemes, warm
from twin.domain import Domain
from twin.errors import SolverError
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

Timed = tuple[float, FloodSolver]


def subgrid(quick: bool) -> Found:
    """A piece of the valley of SUBGRID.md at 1 m, at 10 m with the subgrid and at 10 m with means."""
    bed = valley.terrain(*((150, 100) if quick else (300, 200)))
    duration, rows = 60.0 if quick else 600.0, []
    fine = valley.run(
        Domain.from_arrays(bed, cell=1.0, roughness=valley.ROUGHNESS),
        valley.forcing(bed.shape, 1.0, peak=40.0), duration, scheme="local_inertial",
    )  # fmt: skip
    rows.append({"run": "1 m", "seconds": fine.seconds, "steps": fine.steps})
    k = valley.CELL
    for label, tables in (("10 m, subgrid", True), ("10 m, mean terrain", False)):
        run = valley.run(
            valley.coarse_domain(bed, k, tables=tables),
            valley.forcing((bed.shape[0] // k, bed.shape[1] // k), float(k), peak=40.0),
            duration, scheme="local_inertial", subgrid=tables,
        )  # fmt: skip
        depth = valley.over_fine(run.level, bed, k)
        rmse, high, overlap = valley.agreement(fine.level, fine.depth, bed + depth, depth)
        rows.append(
            {"run": label, "seconds": run.seconds, "steps": run.steps, "rmse": rmse, "high": high,
             "overlap": overlap}
        )  # fmt: skip
    return {"rows": rows}


REPEAT = 3  # runs of which the best time counts
# What the error of a case is, and at which sizes it was run.
ERRORS = {
    "Stoker at 30°, h": ("relative L1 error of h (–)", "50², 100², 200², 400² cells"),
    "Thacker, radial, one period, h": ("relative L1 error of h (–)", "50², 100², 200², 400² cells"),
    "EA test 4, arrival of the front (s)": (
        "mean error of the arrival (s)", "12.5 and 10 m against 5 m of second order, set-up included"
    ),
    "Monai valley, levels measured at three gauges": (
        "RMSE of the level (m)", "cells of 5.6, 2.8 and 1.4 cm, set-up included"
    ),
}  # fmt: skip


def _best(domain: Domain, forcing: Forcing, duration: float, chosen: FloodParameters, repeat: int) -> Timed:
    """Least seconds of all steps (each time from the start), and the solver at the end."""
    best = math.inf
    for _ in range(repeat):
        flood = FloodSolver.assemble(domain, forcing, chosen)
        start, t = time.perf_counter(), 0.0
        while t < duration:
            t, _, _ = flood.advance(t, duration)
        best = min(best, time.perf_counter() - start)
    return best, flood


def _stoker(scheme: str, precision: str, cells: int, repeat: int) -> tuple[float, float]:
    """Stoker with its dam at 30° to the grid, 30 s: seconds, L1 error of h near the middle."""
    angle, cell = np.radians(30.0), 2000.0 / cells
    c = (np.arange(cells) + 0.5) * cell - 1000.0
    x, y = np.meshgrid(c, c[::-1])
    s = x * np.cos(angle) + y * np.sin(angle)
    sub = (np.arange(8) + 0.5) / 8 * cell - cell / 2
    share = np.mean([(s + a * np.cos(angle) + b * np.sin(angle) < 0) for a in sub for b in sub], axis=0)
    domain = Domain.from_arrays(np.zeros_like(s), cell=cell, roughness=0.0)
    chosen = parameters(scheme, precision=precision)
    seconds, flood = _best(domain, Forcing(1.0 + 9.0 * share), 30.0, chosen, repeat)
    exact, _ = stoker(s, 30.0, 0.0, 10.0, 1.0)
    near = np.hypot(x, y) < 450
    return seconds, relative_l1(flood.depth[near], exact[near])


def _bowl(scheme: str, precision: str, cells: int, repeat: int) -> tuple[float, float]:
    """Thacker's radial bowl over one period: seconds, L1 error of h."""
    bowl = RadialBowl()
    cell = bowl.length / cells
    c = (np.arange(cells) + 0.5) * cell
    x, y = np.meshgrid(c, c[::-1])
    depth = bowl.depth(x, y, 0.0)
    domain = Domain.from_arrays(bowl.bed(x, y), cell=cell, roughness=0.0)
    chosen = parameters(scheme, precision=precision, max_step=1e9)
    seconds, flood = _best(domain, Forcing(depth), bowl.period, chosen, repeat)
    return seconds, relative_l1(flood.depth, depth)


def error(quick: bool) -> Found:
    """Error against wall time on two analytic cases and, where the data are, EA test 4 and the Monai tank."""
    warm(int(numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    rows = []
    stoker_case, bowl_case, spread_case, tank_case = ERRORS
    repeat = 1 if quick else REPEAT
    stopped: list[str] = []
    for label, measure in ((stoker_case, _stoker), (bowl_case, _bowl)):
        for scheme, precision in pairs():
            for cells in (25, 50) if quick else (50, 100, 200, 400):
                try:
                    seconds, found = measure(scheme, precision, cells, repeat)
                except SolverError:  # told on the page: no figure of a run that stops
                    stopped.append(f"{label}: {scheme_name(scheme, precision)} on {cells}² cells")
                    continue
                rows.append(
                    {"case": label, "scheme": scheme, "precision": precision, "cells": cells,
                     "seconds": seconds, "error": found}
                )  # fmt: skip
    data = Path(os.environ.get("TWIN_REAL_DATA", HERE.parent.parent / "shared" / "data")) / "flood"
    if not data.is_dir():
        return {
            "rows": rows,
            "repeat": repeat,
            "stopped": stopped,
            "note": "EA test 4 and Monai left out: no folder of real data.",
        }
    from benchmarks.validation import measured

    fine = measured._spread(data, "second_order", 10.0 if quick else 5.0)[0]
    for scheme in schemes():
        for cell in (12.5,) if quick else (10.0, 12.5):  # its breach is 20 m wide: no coarser
            start = time.perf_counter()
            arrival = measured._spread(data, scheme, cell)[0]
            rows.append(
                {"case": spread_case, "scheme": scheme, "precision": "float64", "cells": cell,
                 "seconds": time.perf_counter() - start,
                 "error": float(np.abs(arrival - fine).mean())}
            )  # fmt: skip
        for coarser in (4,) if quick else (4, 2, 1):
            start = time.perf_counter()
            tank = measured.monai_tank(data, scheme, coarser)
            rows.append(
                {"case": tank_case, "scheme": scheme, "precision": "float64", "cells": coarser,
                 "seconds": time.perf_counter() - start,
                 "error": float(np.sqrt(np.mean((tank.found - tank.wanted) ** 2)))}
            )  # fmt: skip
    return {"rows": rows, "repeat": repeat, "stopped": stopped}


def subgrid_page(found: Found) -> list[str]:
    fine = found["rows"][0]["seconds"]
    rows = [
        [r["run"], str(r["steps"]), f"{r['seconds']:.3f}", f"{fine / r['seconds']:.0f}",
         f"{r['rmse']:.3f}" if "rmse" in r else "", f"{r['high']:.3f}" if "high" in r else "",
         f"{r['overlap']:.1%}" if "overlap" in r else ""]
        for r in found["rows"]
    ]  # fmt: skip
    bars("subgrid", "A piece of the valley, local inertia", "time loop (s)", [
        (f"{r['run']}, RMSE {100 * r['rmse']:.1f} cm" if "rmse" in r else r["run"], r["seconds"],
         "local_inertial", "rmse" in r)
        for r in found["rows"]
    ])  # fmt: skip
    return [
        "A piece of 300 × 200 m of the valley of [SUBGRID.md](SUBGRID.md), which has the whole.", "",
        *markdown(
            ["run", "steps", "loop (s)", "× faster", "RMSE (m)", "95 % under (m)", "overlap"], rows
        ),
        "![subgrid](performance_plots/subgrid.png)", "",
    ]  # fmt: skip


def error_page(found: Found) -> list[str]:
    lines = []
    for k, case in enumerate(dict.fromkeys(row["case"] for row in found["rows"])):
        chosen = [row for row in found["rows"] if row["case"] == case]
        y_label, sizes = ERRORS[case]
        plot(f"error_{k}", chosen, "seconds", "error", "wall time (s)", y_label, f"{case}\n{sizes}")
        lines.append(f"![{case}](performance_plots/error_{k}.png)")
    times = f"Best of {found['repeat']} runs" if "repeat" in found else "One run each"
    lines += [
        "", f"{times} on all threads, the last two cases of one. Local inertia leaves out the advection of"
        " momentum, which bounds its error whatever the cells: it is not made for dam breaks.", "",
    ]  # fmt: skip
    if found.get("stopped"):
        lines += [f"Stopped at speeds that no energy explains: {'; '.join(found['stopped'])}.", ""]
    return [*lines, *([found["note"], ""] if "note" in found else [])]
