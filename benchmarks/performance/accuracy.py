"""What the speed buys: subgrid against plain, error against wall time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from benchmarks.performance.common import HERE, Found, bars, markdown, parameters, plot, timed
from benchmarks.validation import valley
from benchmarks.validation.case import relative_l1
from tests.flood.analytic import RadialBowl, stoker
from twin.bench.measure import pairs, schemes
from twin.domain import Domain
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.solver import FloodSolver


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


def _stoker(scheme: str, precision: str, cells: int) -> tuple[float, float]:
    """Stoker with its dam at 30° to the grid, 30 s: seconds, L1 error of h near the middle."""
    angle, cell = np.radians(30.0), 2000.0 / cells
    c = (np.arange(cells) + 0.5) * cell - 1000.0
    x, y = np.meshgrid(c, c[::-1])
    s = x * np.cos(angle) + y * np.sin(angle)
    sub = (np.arange(8) + 0.5) / 8 * cell - cell / 2
    share = np.mean([(s + a * np.cos(angle) + b * np.sin(angle) < 0) for a in sub for b in sub], axis=0)
    domain = Domain.from_arrays(np.zeros_like(s), cell=cell, roughness=0.0)
    flood = FloodSolver.assemble(domain, Forcing(1.0 + 9.0 * share), parameters(scheme, precision=precision))
    seconds = timed(flood, 30.0)
    exact, _ = stoker(s, 30.0, 0.0, 10.0, 1.0)
    near = np.hypot(x, y) < 450
    return seconds, relative_l1(flood.depth[near], exact[near])


def _bowl(scheme: str, precision: str, cells: int) -> tuple[float, float]:
    """Thacker's radial bowl over one period: seconds, L1 error of h."""
    bowl = RadialBowl()
    cell = bowl.length / cells
    c = (np.arange(cells) + 0.5) * cell
    x, y = np.meshgrid(c, c[::-1])
    depth = bowl.depth(x, y, 0.0)
    domain = Domain.from_arrays(bowl.bed(x, y), cell=cell, roughness=0.0)
    chosen = parameters(scheme, precision=precision, max_step=1e9)
    flood = FloodSolver.assemble(domain, Forcing(depth), chosen)
    seconds = timed(flood, bowl.period)
    return seconds, relative_l1(flood.depth, depth)


def error(quick: bool) -> Found:
    """Error against wall time on two analytic cases and, where the data are, EA test 4."""
    rows = []
    for label, measure in (("Stoker at 30°, h", _stoker), ("Thacker, radial, one period, h", _bowl)):
        for scheme, precision in pairs():
            for cells in (25, 50) if quick else (50, 100, 200, 400):
                seconds, found = measure(scheme, precision, cells)
                rows.append(
                    {"case": label, "scheme": scheme, "precision": precision, "cells": cells,
                     "seconds": seconds, "error": found}
                )  # fmt: skip
    data = Path(os.environ.get("TWIN_REAL_DATA", HERE.parent.parent / "shared" / "data")) / "flood"
    if not data.is_dir():
        return {"rows": rows, "note": "EA test 4 left out: no folder of real data (TWIN_REAL_DATA)."}
    from benchmarks.validation import measured

    fine = measured._spread(data, "second_order", 10.0 if quick else 5.0)[0]
    for scheme in schemes():
        for cell in (12.5,) if quick else (10.0, 12.5):  # its breach is 20 m wide: no coarser
            start = time.perf_counter()
            arrival = measured._spread(data, scheme, cell)[0]
            rows.append(
                {"case": "EA test 4, arrival of the front (s)", "scheme": scheme, "precision": "float64",
                 "cells": cell, "seconds": time.perf_counter() - start,
                 "error": float(np.abs(arrival - fine).mean())}
            )  # fmt: skip
    return {"rows": rows}


def subgrid_page(found: Found) -> list[str]:
    fine = found["rows"][0]["seconds"]
    rows = [
        [r["run"], str(r["steps"]), f"{r['seconds']:.3f}", f"{fine / r['seconds']:.0f}",
         f"{r['rmse']:.3f}" if "rmse" in r else "", f"{r['high']:.3f}" if "high" in r else "",
         f"{r['overlap']:.1%}" if "overlap" in r else ""]
        for r in found["rows"]
    ]  # fmt: skip
    bars("subgrid", [(r["run"], r["seconds"]) for r in found["rows"]], "loop (s)", log=True)
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
        plot(f"error_{k}", chosen, "seconds", "error", "wall time (s)", "error", title=case)
        lines.append(f"![{case}](performance_plots/error_{k}.png)")
    return [*lines, "", *([found["note"], ""] if "note" in found else [])]
