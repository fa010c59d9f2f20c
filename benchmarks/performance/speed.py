"""Rates: BENCH-A, sizes, dry land, local time steps, threads."""

from __future__ import annotations

import math
import time

import numba
import numpy as np
from scipy.ndimage import map_coordinates

from benchmarks.performance.common import Found, bars, loop, markdown, parameters, plot, scheme_name
from twin.bench import bench
from twin.bench.cases import CASES, bench_a
from twin.bench.measure import pairs, schemes
from twin.domain import Domain
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.solver import FloodSolver

# What issue 4 asks for on two threads, in 10⁶ cell-steps/s, and what PEERS.md measured (a machine alike).
WANTED = {
    ("second_order", "float64"): 65, ("second_order", "float32"): 150,
    ("first_order", "float64"): 110, ("first_order", "float32"): 220,
    ("local_inertial", "float64"): 150, ("local_inertial", "float32"): 350,
}  # fmt: skip
SPREAD = 10.0  # s of BENCH-A from which all sizes begin
PEERS = (
    ("SFINCS, local inertia + advection, f32", 35.0),
    ("LISFLOOD-FP 8.1 ACC, local inertia", 26.0),
    ("LISFLOOD-FP 8.1 FV1, first order", 26.0),
    ("Basilisk Saint-Venant, second order (1 thread)", 5.0),
    ("ANUGA DE0, second order (no gain from threads)", 3.6),
)


def table(quick: bool) -> Found:
    """BENCH-A at 500², every scheme, precision and number of threads; ANUGA beside where installed."""
    return bench(["bench_a"], cells=100 if quick else 500, repeat=1 if quick else 5)


def size(quick: bool) -> Found:
    """Rate against cells, 10⁴ to 10⁷: some steps of BENCH-A from the same moving water."""
    coarse = 100 if quick else 500
    start = FloodSolver.assemble(*bench_a(coarse), parameters("second_order"))
    t = 0.0
    while t < SPREAD:
        t, _, _ = start.advance(t, SPREAD)
    start.synchronise(t)
    steps, rows = 20, []
    for cells in (100, 200) if quick else (100, 200, 400, 800, 1600, 3162):
        domain, _ = bench_a(cells)
        forcing = _spread_to(start, domain, cells)
        for scheme, precision in pairs():
            flood = FloodSolver.assemble(
                domain, forcing, parameters(scheme, precision=precision, cfl=0.45, tiles=False)
            )
            t = flood.step(0.0, 60.0)
            best = math.inf
            for _ in range(1 if quick else 3):
                before, clock = flood.steps, time.perf_counter()
                while flood.steps < before + steps:
                    t, _, _ = flood.advance(t, 1e9)
                best = min(best, (time.perf_counter() - clock) / (flood.steps - before))
            rows.append(
                {"scheme": scheme, "precision": precision, "cells": cells**2, "rate": cells**2 / best}
            )
    return {"rows": rows, "start_s": SPREAD}


def _spread_to(flood: FloodSolver, domain: Domain, cells: int) -> Forcing:
    """Level and velocities of a flood, put on a grid of so many cells a side between its own."""
    at = (np.arange(cells) + 0.5) * flood.grid.nx / cells - 0.5
    places = np.meshgrid(at, at, indexing="ij")
    level, east, north = (
        map_coordinates(np.asarray(values, dtype=np.float64), places, order=1, mode="nearest")
        for values in (flood.bed + flood.datum + flood.depth, flood.fields["velocity_x"],
                       flood.fields["velocity_y"])
    )  # fmt: skip
    return Forcing(np.maximum(level - domain.field("bed_elevation"), 0.0), east, north)


def tiles(quick: bool) -> Found:
    """BENCH-A alone, and in a map ten times larger whose other land stays dry, tiles on and off."""
    cells, rows = (48 if quick else 250), []
    for scheme in schemes():
        for label, name, on in (
            ("alone, tiles on", "bench_a", True),
            ("ten times the land, tiles on", "dry_margin", True),
            ("ten times the land, tiles off", "dry_margin", False),
        ):
            domain, forcing = CASES[name].build(cells)
            seconds, _ = loop(domain, forcing, 60.0, parameters(scheme, tiles=on), 1 if quick else 3)
            rows.append({"scheme": scheme, "case": label, "seconds": seconds})
    return {"rows": rows}


def local(quick: bool) -> Found:
    """A valley in flood under a deep reservoir: one step for all, and local time steps."""
    cells, duration, rows = (256, 5.0, []) if quick else (1280, 60.0, [])
    for scheme in ("first_order", "second_order"):
        domain, forcing = CASES["reservoir"].build(cells)
        depths = []
        for on in (False, True):
            chosen = parameters(scheme, local_time_steps=on)
            seconds, flood = loop(domain, forcing, duration, chosen, 1 if quick else 2)
            depths.append(flood.depth.copy())
            books = flood.ledger()
            rows.append(
                {"scheme": scheme, "local": on, "seconds": seconds, "cell_steps": flood.cell_steps,
                 "mass_error": abs(books["mass_error_m3"]) / books["volume_m3"]}
            )  # fmt: skip
        wet = depths[0] > 0.05
        off = (depths[1] - depths[0])[wet]
        rows[-1]["rmse"] = float(np.sqrt((off * off).mean()))
        rows[-1]["high"] = float(np.percentile(np.abs(off), 95))
    return {"rows": rows, "cells": cells * (cells // 2)}


def threads(quick: bool) -> Found:
    """The same valley with rain, an inflow, tiles and records on one thread and on all."""
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    cells, duration, rounds = (256, 3.0, 1) if quick else (1280, 15.0, 3)
    domain, forcing = CASES["reservoir"].build(cells)
    best: dict[tuple[str, str, int], float] = {}
    for _ in range(rounds):  # in turn: a bad minute of the machine falls on all
        for scheme, precision in pairs():
            for count in sorted({1, most}):
                chosen = parameters(scheme, precision=precision, threads=count)
                seconds, _ = loop(domain, forcing, duration, chosen, 1)
                key = scheme, precision, count
                best[key] = min(seconds, best.get(key, math.inf))
    rows = [
        {"scheme": scheme, "precision": precision, "threads": count, "seconds": seconds}
        for (scheme, precision, count), seconds in best.items()
    ]
    return {"rows": rows}


def table_page(found: Found) -> list[str]:
    by_key = {
        (row["scheme"], row["precision"], row["threads"]): row["rate"] / 1e6 for row in found["figures"]
    }
    most = max(row["threads"] for row in found["figures"])
    rows = []
    for row in found["figures"]:
        key = row["scheme"], row["precision"]
        one = by_key.get((*key, 1), math.nan)
        rate = row["rate"] / 1e6
        wanted = WANTED.get(key) if row["threads"] == most else None
        mark = "" if wanted is None or rate >= wanted else " ✗"
        rows.append(
            [row["scheme"], row["precision"], str(row["threads"]), str(row["steps"]), f"{row['seconds']:.2f}",
             f"{rate:.1f}{mark}", "" if wanted is None else str(wanted), f"{rate / one:.2f}",
             f"{row['bytes_per_cell']:.0f}", f"{row['bandwidth_share']:.0%}",
             f"{row['arithmetic_share']:.0%}", f"{row['mass_error']:.0e}"]
        )  # fmt: skip
    lines = markdown(
        ["scheme", "precision", "threads", "steps", "loop (s)", "10⁶ cell-steps/s", "wanted", "× one thread",
         "bytes/cell", "bandwidth", "arithmetic", "mass error"], rows
    )  # fmt: skip
    for limit in found["limits"]:
        lines.append(
            f"- limits, {limit['precision']}, {limit['threads']} thread(s): copy"
            f" {limit['copy'] / 1e9:.1f} GB/s, {limit['products'] / 1e9:.1f} Gflop/s, square roots"
            f" {limit['roots'] / 1e9:.1f} G/s, divisions {limit['divisions'] / 1e9:.1f} G/s"
        )
    lines += [
        "",
        f"Compiling kernels before the runs: {found['compile_seconds']:.1f} s (not counted).",
        "",
    ]
    beside = [
        [p["name"], f"{p['rate'] / 1e6:.1f}", f"{p['seconds']:.1f} s on {p['cells']:,} triangles"]
        for p in found["peers"]
    ]
    beside += [
        [name, f"{rate:.1f}", "PEERS.md, 2 threads, another machine of this size"] for name, rate in PEERS
    ]
    return lines + markdown(["peer", "10⁶ cell-steps/s", "measured"], beside)


def size_page(found: Found) -> list[str]:
    plot("size", found["rows"], "cells", "rate", "cells of the grid", "rate (10⁶ cell-steps/s)",
         "BENCH-A: rate against size, all threads", scale=1e-6)  # fmt: skip
    words = "Some 20 steps of BENCH-A with tiles off, all threads, the best of three times."
    if "start_s" in found:
        words += f" Every size begins with the water of 500² at {found['start_s']:.0f} s, in motion alike."
    return [
        words, "",
        "![rate against cells](performance_plots/size.png)", "",
    ]  # fmt: skip


def tiles_page(found: Found) -> list[str]:
    alone = {r["scheme"]: r["seconds"] for r in found["rows"] if r["case"].startswith("alone")}
    rows = [
        [r["scheme"], r["case"], f"{r['seconds']:.2f}", f"{r['seconds'] / alone[r['scheme']]:.2f}"]
        for r in found["rows"]
    ]
    bars("tiles", "BENCH-A of 250² in ten times the land, which stays dry", "time loop (s)", [
        (f"{scheme_name(r['scheme'])}: {r['case']}", r["seconds"], r["scheme"], r["case"].endswith("off"))
        for r in found["rows"]
    ])  # fmt: skip
    return [
        *markdown(["scheme", "map", "loop (s)", "× alone"], rows),
        "![tiles on and off](performance_plots/tiles.png)", "",
    ]  # fmt: skip


def local_page(found: Found) -> list[str]:
    rows = []
    for plain, own in zip(found["rows"][::2], found["rows"][1::2], strict=True):
        rows.append(
            [plain["scheme"], f"{plain['seconds']:.2f}", f"{own['seconds']:.2f}",
             f"{plain['seconds'] / own['seconds']:.2f}", f"{plain['cell_steps'] / own['cell_steps']:.2f}",
             f"{1000 * own['rmse']:.1f}", f"{1000 * own['high']:.1f}", f"{own['mass_error']:.0e}"]
        )  # fmt: skip
    bars("local", "A valley in flood under a deep lake, one step for all or own steps", "time loop (s)", [
        (f"{scheme_name(r['scheme'])}: {'own steps' if r['local'] else 'one step for all'}", r["seconds"],
         r["scheme"], r["local"])
        for r in found["rows"]
    ])  # fmt: skip
    return [
        f"A valley of {found['cells']:,} cells in flood under a lake 60 m deep (`twin bench reservoir`),"
        " depths compared where they exceed 5 cm. The deep lake is a small part of the wet tiles here, which"
        " is what own steps are for: a reservoir in half of the wet tiles took 1.58 times fewer cell-steps"
        " and as much time, a dam break of 16 tiles 1.10 times fewer.", "",
        *markdown(
            ["scheme", "one step (s)", "own steps (s)", "× faster", "× fewer cell-steps", "RMSE (mm)",
             "95 % under (mm)", "mass error"], rows
        ),
        "![local time steps](performance_plots/local.png)", "",
    ]  # fmt: skip


def threads_page(found: Found) -> list[str]:
    rows = []
    for key in dict.fromkeys((r["scheme"], r["precision"]) for r in found["rows"]):
        seconds = {r["threads"]: r["seconds"] for r in found["rows"] if (r["scheme"], r["precision"]) == key}
        most = max(seconds)
        rows.append([*key, f"{seconds[1]:.2f}", f"{seconds[most]:.2f}", f"{seconds[1] / seconds[most]:.2f}"])
    bars("threads", "The valley under the lake, one thread and all", "time loop (s)", [
        (f"{scheme_name(r['scheme'], r['precision'])}: {r['threads']} thread{'s' * (r['threads'] > 1)}",
         r["seconds"], r["scheme"], r["threads"] > 1)
        for r in found["rows"]
    ])  # fmt: skip
    return [
        "The same valley on one thread and on all, with rain, an inflow, tiles and records: what is not in"
        " the tile kernels counts too.", "",
        *markdown(["scheme", "precision", "1 thread (s)", "all (s)", "× one thread"], rows),
        "![threads](performance_plots/threads.png)", "",
    ]  # fmt: skip
