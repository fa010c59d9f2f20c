"""How fast the flood engine is, and what the speed buys: writes ``benchmarks/PERFORMANCE.md`` and its plots.

    python -m benchmarks.performance [--quick | --page] [SECTION ...]

Sections: table, size, tiles, local, threads, subgrid, output, start, error; and memory, which is long and
runs only when it is named. Each keeps what it found as JSON in ``benchmarks/performance_plots``, so that a
run of one section keeps the figures of the others, with the sources and the load of the machine at which each
was measured. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.performance import accuracy, speed, start, whole_runs
from benchmarks.performance.common import HERE, PLOTS, Found, page_folder, write_to
from benchmarks.stamp import commit, git
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
    "start": ("From the start to the first step", start.start, start.start_page),
    "memory": ("Memory of whole runs", whole_runs.memory, whole_runs.memory_page),
    "error": ("Error against wall time", accuracy.error, accuracy.error_page),
}
LONG = ("memory",)


ENGINE = ":/twin/solvers/flood"  # what decides the figures, for git


def _measured_at(found: Found, where: dict[str, object]) -> str:
    """When, on which sources and where a section was measured."""
    words = f"Measured {found['date']} at {found['commit']}, load {found['load']}"
    if found.get("machine", where) != where:
        words += f", on another machine ({found['machine']['processor']}, {found['machine']['cores']} cores)"
    since = git("diff", "--shortstat", found["commit"].rstrip("+"), "--", ENGINE)
    if since.returncode != 0:
        words += "; that commit is not in this history"
    elif since.stdout.strip():
        words += f"; the flood engine has changed since:{since.stdout.rstrip()}"
    return f"*{words}.*"


def write_page() -> Path:
    """PERFORMANCE.md from what the sections found."""
    where = machine.record()
    lines = [
        "# Performance of the flood engine", "",
        "Written by `python -m benchmarks.performance`. Rates count cells × steps over the seconds of the"
        " time loop, with maxima, hazards, crests and the ledger on, without compilation, best of the"
        " repeats. *Bandwidth* and *arithmetic* are the shares of the loop that moving the numbers and"
        " computing alone would take at the limits probed in the same run (`twin/bench/cost.py` says what is"
        " counted; a multiply-add is one operation of the kernels and two of the probe, so the share of"
        " computing is up to two times too small for operations that are not multiply-adds). ✗ marks"
        " what misses the wanted rate; absolute figures move from machine to machine, ratios less.", "",
        f"Machine: {where['processor']}, {where['cores']} cores, {where['memory_gib']} GiB,"
        f" {where['system']}.", "",
    ]  # fmt: skip
    for name, (title, _, page) in SECTIONS.items():
        record = page_folder() / PLOTS / f"{name}.json"
        if record.is_file():
            found = json.loads(record.read_text(encoding="utf-8"))
            lines += [f"## {title}", "", _measured_at(found, where), "", *page(found)]
    lines += (HERE / "KERNELS.md").read_text(encoding="utf-8").splitlines()
    target = page_folder() / "PERFORMANCE.md"
    target.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return target


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", default=[], help=", ".join(SECTIONS))
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--quick", action="store_true", help="small sizes, to see that all runs: a page of its own"
    )
    kind.add_argument("--page", action="store_true", help="write page and plots again from what was measured")
    options = parser.parse_args()
    if unknown := [name for name in options.sections if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if options.quick:
        write_to(Path(tempfile.mkdtemp(prefix="performance-")))
    chosen = options.sections or [name for name in SECTIONS if name not in LONG]
    (page_folder() / PLOTS).mkdir(exist_ok=True)
    for name in [] if options.page else chosen:
        start = time.perf_counter()
        stamp = {
            "date": datetime.now(UTC).isoformat(timespec="minutes"),
            "commit": commit(ENGINE),
            "load": machine.load(),
            "machine": machine.record(),
        }
        found = SECTIONS[name][1](options.quick) | stamp
        (page_folder() / PLOTS / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    print(write_page())


if __name__ == "__main__":
    main()
