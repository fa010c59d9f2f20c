"""What a figure was measured on: the machine and the versions, for provenance and benchmarks."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "scipy", "xarray", "zarr", "rasterio", "geopandas", "pyproj")


def record() -> dict[str, Any]:
    """System, processor, cores that this process may use, and memory (GiB; None where it cannot be told)."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
    }


def process(number: int) -> str | None:
    """A running process as no other ever was or will be: its number, when it began and the boot of its
    machine; None where there is none, or where the system does not tell (it is Linux that does).
    """
    try:
        began = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return f"{number} {began} {boot}"


def versions() -> dict[str, str]:
    """Versions of the packages that decide a figure."""
    return {name: metadata.version(name) for name in PACKAGES}


def load() -> float | None:
    """Processes that wanted to run in the last minute: a benchmark on a busy machine is worth little."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
