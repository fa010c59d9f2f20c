"""Peak memory of a whole run: ``python -m benchmarks.memory SIDE`` (cells along a side).

A territory is written to disk (terrain, and with `--full` land cover, buildings and a dike), then run by
the public path: layers, domain, simulation, run folder with images, maxima, indicators, checkpoint. Reported
is the highest resident memory above that of the process after a small run of the same kind (interpreter,
libraries and compiled kernels), per cell.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin
from rasterio.windows import Window

STRIP = 256
WEST, SOUTH, CELL = 650_000.0, 6_860_000.0, 1.0


def heights(side: int, first: int, rows: int) -> np.ndarray:
    """Rows of a valley that falls to the east, with waves of half a metre; shape (rows, side) (m)."""
    y, x = np.mgrid[first : first + rows, 0:side] * CELL
    middle = 0.5 * side * CELL
    bed = 100.0 + 0.02 * np.abs(y - middle) + 0.001 * (side * CELL - x)
    bed += 0.5 * np.sin(x / 37.0) * np.sin(y / 41.0) - 2.0 * (np.abs(y - middle) < 20.0)
    return np.asarray(bed, dtype=np.float32)


def write_territory(
    folder: Path,
    side: int,
    *,
    full: bool,
    wet: bool,
    seconds: float,
    precision: str = "float64",
) -> Path:
    """A territory of side × side cells of 1 m and its scenario, whose file is returned.

    full: with land cover, buildings and a dike; wet: water on every cell at the start and rain, else an
    inflow only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    where = from_origin(WEST, SOUTH + side * CELL, CELL, CELL)
    raster = {
        "driver": "GTiff", "width": side, "height": side, "count": 1, "crs": "EPSG:2154", "transform": where,
        "tiled": True, "compress": "deflate",
    }  # fmt: skip
    with rasterio.open(folder / "terrain.tif", "w", dtype="float32", **raster) as file:
        for first in range(0, side, STRIP):
            rows = min(STRIP, side - first)
            file.write(heights(side, first, rows), 1, window=Window(0, first, side, rows))
    layers = ["[layers.terrain]", 'source = "terrain.tif"']
    middle = SOUTH + 0.5 * side * CELL
    if full:
        with rasterio.open(folder / "cover.tif", "w", dtype="uint8", **raster) as file:
            for first in range(0, side, STRIP):
                rows = min(STRIP, side - first)
                i, j = np.mgrid[first : first + rows, 0:side] // 50
                codes = np.array([1, 5, 11, 17], dtype=np.uint8)[(i + 2 * j) % 4]
                file.write(codes, 1, window=Window(0, first, side, rows))
        rng = np.random.default_rng(1)
        count = side * side // 2500
        x, y = (rng.uniform(20, side * CELL - 20, count) for _ in range(2))
        boxes = shapely.box(WEST + x, SOUTH + y, WEST + x + 10.0, SOUTH + y + 12.0)
        frame = gpd.GeoDataFrame(
            {"hauteur": rng.uniform(3, 12, count), "nature": "Indifférenciée", "usage_1": "Résidentiel"},
            geometry=boxes, crs="EPSG:2154",
        )  # fmt: skip
        frame.to_file(folder / "bdtopo.gpkg", layer="batiment", driver="GPKG", engine="pyogrio")
        dike = shapely.LineString([(WEST + 10, middle + 45), (WEST + side * CELL - 10, middle + 50)])
        gpd.GeoDataFrame({"crest": [103.0]}, geometry=[dike], crs="EPSG:2154").to_file(
            folder / "defences.gpkg", driver="GPKG", engine="pyogrio"
        )
        layers += [
            '[layers.land_cover]', 'source = "cover.tif"', 'classes = "oso"',
            '[layers.buildings]', 'source = "bdtopo.gpkg"', 'layer = "batiment"',
            '[layers.defences]', 'source = "defences.gpkg"',
        ]  # fmt: skip
    layers += ["[places]", f"head = [{WEST + 40}, {middle}]", f"gauge = [{WEST + 80}, {middle}]"]
    (folder / "territory.toml").write_text(
        '\n'.join(['name = "Memory"', 'crs = "EPSG:2154"', 'vertical_datum = "NGF-IGN69"', *layers]) + '\n',
        encoding="utf-8",
    )  # fmt: skip
    water = []
    if wet:
        water = ["[[events]]", 'kind = "initial_water"', 'depth = "0.1 m"']
        water += ["[[events]]", 'kind = "rainfall"', 'intensity = "80 mm/h"']
    (folder / "scenario.toml").write_text(
        '\n'.join([
            'name = "Memory"', 'territory = "."', 'resolution = "native"',
            'start = 2026-01-01T00:00:00+00:00',
            f'duration = "{seconds:g} s"', 'solvers = ["flood"]',
            '[params.flood]', f'precision = "{precision}"', *water,
            '[[events]]', 'kind = "inflow"', 'at = "head"', 'discharge = "20 m3/s"',
            '[boundaries]', 'east = "open"',
            '[outputs]', f'every = "{seconds / 2:g} s"', 'variables = ["water_depth", "velocity"]',
            'gauges = ["gauge"]',
        ]) + '\n',
        encoding="utf-8",
    )  # fmt: skip
    return folder / "scenario.toml"


def status(name: str) -> int:
    """A line of /proc/self/status in bytes (VmRSS, VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


class Stages(threading.Thread):
    """Samples the resident memory and says where in the program it was highest."""

    def __init__(self, main: int) -> None:
        super().__init__(daemon=True)
        self._main, self.done = main, False
        self.peaks: dict[str, int] = {}

    def run(self) -> None:
        while not self.done:
            frame, names = sys._current_frames().get(self._main), []
            now = status("VmRSS")
            while frame is not None:
                file = frame.f_code.co_filename
                if "/twin/" in file:
                    names.append(f"{Path(file).stem}.{frame.f_code.co_name}:{frame.f_lineno}")
                frame = frame.f_back
            key = " > ".join(names[::-1][1:4])
            self.peaks[key] = max(self.peaks.get(key, 0), now)
            time.sleep(0.01)


def measure(scenario: Path, small: Path, out: Path, *, stages: bool) -> dict[str, Any]:
    """Run the small scenario, then the other one; bytes above the first (Linux only)."""
    import twin

    twin.run(small, out / "run_small")
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    watch = Stages(threading.main_thread().ident or 0)
    if stages:
        watch.start()
    start = time.perf_counter()
    result = twin.run(scenario, out / "run")
    seconds = time.perf_counter() - start
    watch.done = True
    cells = result.grid.size
    found: dict[str, Any] = {
        "cells": cells, "before": before, "peak": status("VmHWM") - before,
        "bytes_per_cell": (status("VmHWM") - before) / cells, "seconds": seconds,
        "steps": result.provenance["steps"]["flood"],
        "loop_seconds": result.provenance["wall_seconds"],
        "mass_error_m3": float(result.diagnostics["mass_error_m3"].iloc[-1]),
    }  # fmt: skip
    if stages:
        found["stages"] = {k: round((v - before) / cells, 1) for k, v in watch.peaks.items()}
    return found


def peak(
    side: int,
    *,
    full: bool,
    wet: bool,
    seconds: float = 2.0,
    precision: str = "float64",
    threads: int = 0,
    stages: bool = False,
) -> dict[str, Any]:
    """What :func:`measure` finds of side × side cells, in a process of its own.

    That process gives every array of a megabyte back to the system when it is freed. Large arrays always are;
    so what few cells need tells what many cells need.
    """
    base = Path(tempfile.mkdtemp(prefix="twin-memory-"))
    flags = [f"--{name}" for name, on in (("full", full), ("wet", wet), ("stages", stages)) if on]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000"}
    if threads:
        environment["NUMBA_NUM_THREADS"] = str(threads)
    try:
        for name, cells, length in (("small", 200, 2.0), ("large", side, seconds)):
            write_territory(base / name, cells, full=full, wet=wet, seconds=length, precision=precision)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", str(side), "--child", str(base), *flags],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return dict(json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        raise RuntimeError(error.stderr) from error
    finally:
        shutil.rmtree(base)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", type=int)
    parser.add_argument("--full", action="store_true", help="with land cover, buildings and a dike")
    parser.add_argument("--wet", action="store_true", help="water everywhere, else an inflow only")
    parser.add_argument("--seconds", type=float, default=2.0, help="simulated")
    parser.add_argument("--precision", default="float64")
    parser.add_argument("--stages", action="store_true", help="where in the program")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        base = options.child
        small, large = base / "small" / "scenario.toml", base / "large" / "scenario.toml"
        print(json.dumps(measure(large, small, base, stages=options.stages)))
        return
    found = peak(
        options.side,
        full=options.full,
        wet=options.wet,
        seconds=options.seconds,
        precision=options.precision,
        stages=options.stages,
    )
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
