"""How fast the flood engine is, and what the speed buys: writes ``benchmarks/PERFORMANCE.md`` and its plots.

    python -m benchmarks.performance [--quick] [SECTION ...]

Sections: table, size, tiles, local, threads, subgrid, output, error; and memory, which is long and runs only
when it is named. Each keeps what it found as JSON in ``benchmarks/performance_plots``, so that a run of one
section keeps the figures of the others, with the commit and the load of the machine at which each was
measured. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.performance import accuracy, speed, whole_runs
from benchmarks.performance.common import HERE, PLOTS, Found
from twin import machine

Page = Callable[[Found], list[str]]
SECTIONS: dict[str, tuple[str, Callable[[bool], Found], Page]] = {
    "table": ("BENCH-A at 500², tiles and local steps off", speed.table, speed.table_page),
    "size": ("Rate against size", speed.size, speed.size_page),
    "tiles": ("Land that stays dry", speed.tiles, speed.tiles_page),
    "local": ("Local time steps", speed.local, speed.local_page),
    "threads": ("Threads", speed.threads, speed.threads_page),
    "subgrid": ("Subgrid against plain", accuracy.subgrid, accuracy.subgrid_page),
    "output": ("Writing while the solver runs", whole_runs.output, whole_runs.output_page),
    "memory": ("Memory of whole runs", whole_runs.memory, whole_runs.memory_page),
    "error": ("Error against wall time", accuracy.error, accuracy.error_page),
}
LONG = ("memory",)


def commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "?"


def _measured_at(found: Found) -> str:
    return f"*Measured {found['date']} at {found['commit']}, load {found['load']}.*"


def write_page() -> Path:
    """PERFORMANCE.md from what the sections found."""
    where = machine.record()
    lines = [
        "# Performance of the flood engine", "",
        "Written by `python -m benchmarks.performance`. Rates count cells × steps over the seconds of the"
        " time loop, with maxima, hazards, crests and the ledger on, without compilation, best of the"
        " repeats. *Bandwidth* and *arithmetic* are the shares of the loop that moving the numbers and"
        " computing alone would take at the limits probed in the same run (`twin/bench/cost.py` says what is"
        " counted). ✗ marks what misses the wanted rate; absolute figures move from machine to machine,"
        " ratios less.", "",
        f"Machine: {where['processor']}, {where['cores']} cores, {where['memory_gib']} GiB,"
        f" {where['system']}.", "",
    ]  # fmt: skip
    for name, (title, _, page) in SECTIONS.items():
        record = PLOTS / f"{name}.json"
        if record.is_file():
            found = json.loads(record.read_text(encoding="utf-8"))
            lines += [f"## {title}", "", _measured_at(found), "", *page(found)]
    lines += (HERE / "KERNELS.md").read_text(encoding="utf-8").splitlines()
    target = HERE / "PERFORMANCE.md"
    target.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return target


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], default=[])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    options = parser.parse_args()
    PLOTS.mkdir(exist_ok=True)
    for name in options.sections or [name for name in SECTIONS if name not in LONG]:
        start = time.perf_counter()
        stamp = {
            "date": datetime.now(UTC).isoformat(timespec="minutes"),
            "commit": commit(),
            "load": machine.load(),
        }
        found = SECTIONS[name][1](options.quick) | stamp
        (PLOTS / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    print(write_page())


if __name__ == "__main__":
    main()
