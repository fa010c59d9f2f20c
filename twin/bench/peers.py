"""Another code beside ours, on the same machine in the same minute, where it is installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass

# ANUGA prints much and keeps a global state: it runs in a process of its own. A square is four triangles.
_ANUGA = """
import json, sys, time
import numpy as np
import anuga
squares, duration = int(sys.argv[1]), float(sys.argv[2])
domain = anuga.rectangular_cross_domain(squares, squares, len1=2000.0, len2=2000.0)
domain.set_store(False)
bed = lambda x, y: 1.5 * (1 + np.sin(2 * np.pi * x / 400) * np.sin(2 * np.pi * y / 400))
inside = lambda x, y: np.hypot(x - 1000, y - 1000) < 400
domain.set_quantity("elevation", bed, location="centroids")
domain.set_quantity("stage", lambda x, y: np.where(inside(x, y), 10.0, np.maximum(bed(x, y), 1.0)),
                    location="centroids")
domain.set_quantity("friction", 0.03)
wall = anuga.Reflective_boundary(domain)
domain.set_boundary({side: wall for side in ("left", "right", "top", "bottom")})
before = domain.get_water_volume()
steps, start = 0, time.perf_counter()
for _ in domain.evolve(yieldstep=duration / 4, finaltime=duration):
    steps += domain.number_of_steps
seconds = time.perf_counter() - start
print("RESULT " + json.dumps({
    "seconds": seconds, "steps": steps, "triangles": int(domain.number_of_triangles),
    "mass_error": float(abs(domain.get_water_volume() - before) / before),
    "version": getattr(anuga, "__version__", "?"), "algorithm": domain.get_flow_algorithm()}))
"""


@dataclass(frozen=True)
class Peer:
    """What a peer needed for a case: its name and version, cells, steps, seconds of its loop, mass error."""

    name: str
    case: str
    cells: int
    steps: int
    seconds: float
    rate: float
    mass_error: float


def anuga(cells: int, duration: float, timeout: float = 600.0) -> Peer | None:
    """BENCH-A with ANUGA on about cells² triangles; None where ANUGA is not installed.

    Raises
    ------
    RuntimeError
        ANUGA is installed and failed; with what it said.
    """
    if importlib.util.find_spec("anuga") is None:
        return None
    squares = max(2, cells // 2)
    done = subprocess.run(
        [sys.executable, "-c", _ANUGA, str(squares), str(duration)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode != 0 or not lines:
        raise RuntimeError(f"anuga: exit {done.returncode}: {done.stderr.strip()[-400:]}")
    found = json.loads(lines[-1].removeprefix("RESULT "))
    return Peer(
        name=f"ANUGA {found['version']} {found['algorithm']}",
        case="bench_a",
        cells=found["triangles"],
        steps=found["steps"],
        seconds=found["seconds"],
        rate=found["triangles"] * found["steps"] / found["seconds"],
        mass_error=found["mass_error"],
    )
