"""Water at rest: islands, films, cliffs and crests; the sea off Dieppe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.validation.case import FIRST, INERTIAL, SECOND, Family, Row, mass_error
from tests.flood.basins import advance, hills, solver
from twin.solvers.flood.solver import FloodSolver

STEPS = 10_000
SCHEMES = (FIRST, SECOND, INERTIAL)


def _fastest(flood: FloodSolver) -> float:
    h, qx, qy = flood.state()["state"]
    return float((np.hypot(qx, qy)[h > 0] / h[h > 0]).max())


def _row(name: str, runs: list[FloodSolver]) -> Row:
    for flood in runs:
        advance(flood, 0.0, 1e12, steps=STEPS)
    first, second, inertial = (_fastest(flood) for flood in runs)
    mass = max(mass_error(flood) for flood in runs)
    return Row(
        name, f"highest speed after {STEPS} steps (m/s)", first, second, 1e-12, mass=mass, must_win=False,
        inertial=inertial,
    )  # fmt: skip


def lake() -> Family:
    """Rough islands, partly wet cells, crests on one face in ten; and smooth islands with cliffs."""
    rng = np.random.default_rng(4)
    bed = hills(70, 140, 4)
    depth = np.maximum(1.0 - bed, 0)
    shore = np.argsort(np.abs(bed - 1.0).ravel())[:40]
    bed.ravel()[shore] = 1.0 - np.geomspace(1e-9, 1e-3, 40)
    depth.ravel()[shore] = 1.0 - bed.ravel()[shore]
    crests = {
        "crest_x": np.where(rng.random((70, 141)) < 0.1, rng.uniform(-6, 12, (70, 141)), -np.inf),
        "crest_y": np.where(rng.random((71, 140)) < 0.1, rng.uniform(-6, 12, (71, 140)), -np.inf),
    }
    rough = [solver(bed, depth, cell=5.0, max_step=1e9, scheme=s, **crests) for s in SCHEMES]
    y, x = np.mgrid[0:80, 0:120]
    smooth = 3 * np.sin(x / 9) * np.cos(y / 7) + np.where(np.hypot(x - 60, y - 40) < 8, 30.0, 0.0)
    water = np.maximum(1.2 - smooth, 0)
    cliffs = [solver(smooth, water, cell=5.0, max_step=1e9, scheme=s) for s in SCHEMES]
    return Family(
        [_row("Lake at rest, rough islands, films, crests", rough), _row("Lake at rest, cliffs", cliffs)],
        title="Lake at rest",
    )


def dieppe(data: Path) -> Family:
    """The sea at 4 m over 5 × 5 km of the coast of Dieppe, 20 m cells."""
    import rasterio

    with rasterio.open(data / "fr" / "dieppe" / "clean" / "mnt_topobathy_20m.tif") as file:
        bed = file.read(1, masked=True).astype(np.float64).filled(np.nan)
    window = bed[0:256, 200:456]
    depth = np.nan_to_num(np.maximum(4.0 - window, 0))
    assert 0.2 < (depth > 0).mean() < 0.9
    runs = [solver(window, depth, cell=20.0, roughness=0.03, max_step=1e9, scheme=s) for s in SCHEMES]
    return Family([_row("Lake at rest, Dieppe (256² of real terrain)", runs)], title="Dieppe at rest")


def families() -> list[Callable[[], Family | list[Family]]]:
    """The exact cases of this file."""
    return [lake]


def real_families(data: Path) -> list[Callable[[], Family]]:
    """The cases of this file on real terrain."""
    case = partial(dieppe, data)
    case.__name__ = "dieppe"  # type: ignore[attr-defined]
    return [case]
