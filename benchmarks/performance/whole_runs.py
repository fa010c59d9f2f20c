"""Whole runs by the public path: the time that writing takes, the memory at the peak."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.memory import peak
from benchmarks.performance.common import Found, markdown
from twin.layers import samples
from twin.scenarios import Scenario
from twin.simulation import Simulation, run


def output(quick: bool) -> Found:
    """Valmont with images and gauges: the share of the loop that all between the steps takes."""
    shorter = 600.0 if quick else 3600.0
    cases = [(10.0, 300.0)] if quick else [(10.0, 300.0), (10.0, 60.0), (5.0, 300.0), (5.0, 60.0)]
    # One folder for all: while deleted files are still warm, ext4 takes 0.2 ms to make another, not 0.01.
    with tempfile.TemporaryDirectory() as folder:
        return {
            "rows": [
                _written(Path(folder) / str(k), resolution, every, shorter)
                for k, (resolution, every) in enumerate(cases)
            ]
        }


def _written(folder: Path, resolution: float, every: float, duration: float) -> Found:
    scenario = Scenario.open(samples.path("valmont") / "scenarios" / "crue_centennale.toml")
    kept = {name: table for name, table in scenario.params.items() if name in ("flood", "domain")}
    scenario = scenario.model_copy(
        update={"duration": duration, "resolution": resolution, "solvers": ("flood",), "params": kept,
                "story": (), "outputs": scenario.outputs.model_copy(update={"every": every})}
    )  # fmt: skip
    spent = 0.0
    landing = Simulation._synchronise

    def timed(self: Simulation, t: float, land: Callable[[float], None] | None) -> None:
        nonlocal spent
        start = time.perf_counter()
        landing(self, t, land)
        spent += time.perf_counter() - start

    Simulation._synchronise = timed  # type: ignore[method-assign]
    try:
        result = run(scenario, out=folder)
        seconds = float(result.diagnostics["seconds"].iloc[-1])
        cells = int(np.prod(result.grid.shape))
    finally:
        Simulation._synchronise = landing  # type: ignore[method-assign]
    return {"writing": spent, "loop": seconds, "cells": cells, "every": every, "duration": duration}


def output_page(found: Found) -> list[str]:
    rows = [
        [f"{r['cells']:,}", f"{r['every'] / 60:g}", f"{r['duration'] / r['loop']:.0f}", f"{r['writing']:.2f}",
         f"{r['loop']:.1f}", f"{r['writing'] / r['loop']:.1%}"]
        for r in found.get("rows", [found | {"every": 300.0, "duration": 3600.0}])
    ]  # fmt: skip
    return [
        "Valmont, second order, images of all fields, gauges and sections. Counted is all that happens"
        " between the steps: gathering the fields, the books, images and tables. An image costs the same"
        " whatever the flood does meanwhile: its share grows with the simulated time that a second of the"
        " loop makes.",
        "",
        *markdown(
            ["cells", "minutes between images", "simulated s/s", "writing (s)", "loop (s)", "share"], rows
        ),
    ]


def memory(quick: bool) -> Found:
    """Peak memory of whole runs, the largest of 10⁸ cells: a quarter of an hour and 15 GB."""
    dry, wet = (
        (("dry", side, False) for side in (5000, 10000)),
        (("wet", side, True) for side in (2000, 10000)),
    )
    sizes = (("wet", 400, True),) if quick else (*wet, *dry)
    rows = [
        {"case": case, **peak(side, full=True, wet=wet, seconds=1.0 if side > 5000 else 2.0)}
        for case, side, wet in sizes
    ]
    return {"rows": rows}


def memory_page(found: Found) -> list[str]:
    kinds = {"wet": "water and rain on every cell", "dry": "an inflow, most land dry"}
    rows = [
        [f"{r['cells']:,}", kinds[r["case"]], f"{r['peak'] / 1e9:.2f}", f"{r['bytes_per_cell']:.0f}",
         str(r["steps"]), f"{r['seconds']:.0f}"]
        for r in found["rows"]
    ]  # fmt: skip
    return [
        "`python -m benchmarks.memory SIDE --full`: layers (terrain at 1 m, land cover, 400 buildings a km²,"
        " a dike), domain, simulation of second order, run folder with images, maxima, checkpoint and"
        " indicators; the highest resident memory above that of a small run of the same kind.", "",
        *markdown(["cells", "water", "peak (GB)", "bytes per cell", "steps", "whole run (s)"], rows),
    ]  # fmt: skip
