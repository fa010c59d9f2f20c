"""From the start of the process to the first step, all kernels in the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.performance.common import Found, markdown

PHASES = {
    "interpreter": "Python itself",
    "imports": "imports (`twin.cli`, `twin.run`)",
    "scenario": "scenario read, everything checked: all layers are read",
    "model": "domain on the grid and solver",
    "folder": "run folder",
    "first_step": "first image and first steps (kernels come from the cache)",
}
# In a process of its own, as `twin run` does it; what the process took before its first line counts too.
CODE = """
import json, os, sys, tempfile, time
clock = [time.time()]
with open("/proc/self/stat") as file:
    ticks = int(file.read().rsplit(")", 1)[1].split()[19])
with open("/proc/uptime") as file:
    uptime = float(file.read().split()[0])
before = uptime - ticks / os.sysconf("SC_CLK_TCK")
import twin, twin.cli
twin.cli.ready_to_run()
import rich.console, rich.progress  # the bar of `twin run`
clock.append(time.time())
from pathlib import Path
from twin.layers import samples
from twin.recording import Recorder
from twin.scenarios import Scenario
from twin.simulation import Simulation
scenario = Scenario.open(samples.path("valmont") / "scenarios" / "crue_centennale.toml")
kept = {name: table for name, table in scenario.params.items() if name in ("flood", "domain")}
scenario = scenario.model_copy(
    update={"resolution": float(sys.argv[1]), "solvers": ("flood",), "params": kept, "story": ()}
)
assert not scenario.check()
clock.append(time.time())
simulation = Simulation(scenario)
clock.append(time.time())
with tempfile.TemporaryDirectory() as folder:
    recorder = Recorder.create(Path(folder) / "run", simulation, overwrite=False, setup_seconds=0.0)
    clock.append(time.time())
    next(simulation.steps(recorder.land))
    clock.append(time.time())
    recorder.writer.close()
print(json.dumps([before, *(b - a for a, b in zip(clock, clock[1:]))]))
"""


def start(quick: bool) -> Found:
    """Valmont at 20 m, flood alone: seconds of each phase, medians of some processes after one that warms."""
    resolution = "20"
    # Python keeps the byte code of modules, as numba keeps that of kernels, unless it is told not to.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seen = []
    for _ in range(2 if quick else 8):
        done = subprocess.run(
            [sys.executable, "-c", CODE, resolution],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        seen.append(json.loads(done.stdout))
    warm = sorted(seen[1:], key=sum)
    phases = dict(zip(PHASES, warm[len(warm) // 2], strict=True))
    return {"phases": phases, "least": sum(warm[0]), "processes": len(warm)}


def start_page(found: Found) -> list[str]:
    rows = [[PHASES[name], f"{seconds:.2f}"] for name, seconds in found["phases"].items()]
    rows.append(["**together**", f"**{sum(found['phases'].values()):.2f}**"])
    return [
        "Valmont at 20 m, flood alone, every kernel and all byte code compiled before: a new process as"
        f" `twin run` starts it, to its first step. The median of {found['processes']}; the least was"
        f" {found['least']:.2f} s.", "",
        *markdown(["", "seconds"], rows),
    ]  # fmt: skip
