"""Valleys at 1 m with streets, ditches and dikes, and the runs on them at 1 m and at 10 m, with the subgrid
tables or the mean of the terrain. `valley_report` tells them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.scenarios.binding import NORMAL_DEPTH, InflowForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver
from twin.subgrid import fine_depth, level_rises, with_subgrid

Floats = NDArray[np.float64]

ROUGHNESS = 0.04
DURATION = 1800.0
CELL = 10
WET = 0.05  # m: a cell is wet
REPEATS = 3  # of the runs at 10 m, the quickest of which is told


@dataclass(frozen=True)
class Cells:
    """A block of cells with the fine bed in each (`twin.subgrid.Block`)."""

    rows: slice
    columns: slice
    elevation: Floats


def blocks(bed: Floats, k: int, rows: int = 20) -> Iterator[Cells]:
    """The fine bed by blocks of `rows` rows of cells."""
    ny, nx = bed.shape[0] // k, bed.shape[1] // k
    for i in range(0, ny, rows):
        m = min(rows, ny - i)
        part = bed[i * k : (i + m) * k].reshape(m, k, nx, k).swapaxes(1, 2)
        yield Cells(slice(i, i + m), slice(0, nx), part)


def terrain(length: int = 1000, width: int = 500) -> Floats:
    """Bed (m) at 1 m, shape (width, length): falls 0.25 % to the east and 1 % to the river in the middle; the
    river, ditches along and across, a town of blocks 0.3 m over its streets with houses, a dike with a gap in
    its crest.
    """
    y, x = np.mgrid[0:width, 0:length] + 0.5
    middle = 0.5 * width + 20.0 * np.sin(2 * np.pi * x / 600.0)
    off = np.abs(y - middle)
    bed = 20.0 - 0.0025 * x + 0.01 * np.maximum(off - 12.0, 0.0)
    # The river: 1.5 m deep, 6 m wide at its bed, banks of 6 m.
    bed -= 1.5 * np.clip((9.0 - off) / 6.0, 0.0, 1.0)
    # The dike on the north bank: crest 1.4 m over the plain, 3 m wide, slopes of 2 m; lower over 40 m.
    from_dike = np.abs(middle - y - 30.0)
    crest = 1.4 - 1.2 * (np.abs(x - 0.45 * length) < 20)
    bed += crest * np.clip((3.5 - from_dike) / 2.0, 0.0, 1.0)
    # A ditch behind the dike and ditches to it, 0.6 m deep, 2 m wide.
    bed -= 0.6 * np.clip(2.0 - np.abs(middle - y - 42.0), 0.0, 1.0)
    behind = middle - y > 42.0
    for at in np.arange(0.06, 1.0, 0.08) * length:
        bed -= 0.6 * np.clip(2.0 - np.abs(x - at), 0.0, 1.0) * behind
    # The town, south of the river: streets of 8 m every 50 m, blocks 0.3 m over them, houses of 12 m.
    town = (y - middle > 40.0) & (x > 0.3 * length) & (x < 0.9 * length)
    along, across = np.mod(x, 50.0), np.mod(y - middle, 50.0)
    street = (along < 8.0) | (across < 8.0)
    bed += np.where(town & ~street, 0.3, 0.0)
    house = (np.mod(along - 12.0, 18.0) < 12.0) & (along > 12.0) & (np.abs(across - 29.0) > 5.0)
    bed += np.where(town & ~street & house & (across > 12.0) & (across < 46.0), 6.0, 0.0)
    noise = np.random.default_rng(5).normal(0.0, 0.02, bed.shape)
    return bed + noise


def second_terrain(length: int = 600, width: int = 400) -> Floats:
    """Another valley, on which nothing was chosen: 0.4 % steep, a tighter bend, streets at 35° to the grid of
    12 and 6 m with long rows of houses, a dike on the south bank that a road runs over, one crooked ditch.
    """
    y, x = np.mgrid[0:width, 0:length] + 0.5
    middle = 0.5 * width + 35.0 * np.sin(2 * np.pi * x / 430.0)
    off = np.abs(y - middle)
    bed = 30.0 - 0.004 * x + 0.006 * np.maximum(off - 10.0, 0.0)
    bed -= 1.2 * np.clip((8.0 - off) / 4.0, 0.0, 1.0)
    # The dike on the south bank, 1.1 m; the road over it is 0.7 m lower, 9 m wide.
    crest = 1.1 - 0.7 * (np.abs(x - 0.6 * length) < 4.5)
    bed += crest * np.clip((4.0 - np.abs(y - middle - 24.0)) / 2.5, 0.0, 1.0)
    # A ditch behind it, 0.8 m deep, that winds by its own rule.
    bed -= 0.8 * np.clip(2.5 - np.abs(y - middle - 60.0 - 18.0 * np.sin(x / 37.0)), 0.0, 1.0)
    # The town on the north bank.
    town = (middle - y > 25.0) & (x > 0.2 * length) & (x < 0.85 * length)
    angle = np.radians(35.0)
    along, across = (np.mod(way, size) for way, size in (
        (x * np.cos(angle) + y * np.sin(angle), 73.0), (y * np.cos(angle) - x * np.sin(angle), 41.0)
    ))  # fmt: skip
    street = (along < 12.0) | (across < 6.0)
    bed += np.where(town & ~street, 0.2, 0.0)
    bed += np.where(town & (along > 16.0) & (along < 69.0) & (np.abs(across - 16.0) < 4.5), 7.0, 0.0)
    noise = np.random.default_rng(77).normal(0.0, 0.03, bed.shape)
    return bed + noise


def third_terrain(length: int = 700, width: int = 400) -> Floats:
    """A third valley, on which nothing was chosen either: 0.3 % steep, the plain 1.5 %, two dikes, of which
    the north one leaks through a notch of 3 m, streets at 62° to the grid of 9 and 7 m, hedges (banks of
    0.5 m) across the plain in the south, a winding ditch, undulations of 0.1 m.
    """
    y, x = np.mgrid[0:width, 0:length] + 0.5
    middle = 0.5 * width - 25.0 * np.sin(2 * np.pi * x / 520.0) + 8.0 * np.sin(2 * np.pi * x / 190.0)
    off = np.abs(y - middle)
    bed = 40.0 - 0.003 * x + 0.015 * np.maximum(off - 14.0, 0.0)
    bed -= 1.4 * np.clip((10.0 - off) / 5.0, 0.0, 1.0)
    # Dikes: 1.0 m on the north bank with a notch of 3 m, 0.8 m on the south one with a low stretch of 60 m.
    for side, top, at, wide, left in ((-1.0, 1.0, 0.35, 1.5, 0.1), (1.0, 0.8, 0.55, 30.0, 0.15)):
        crest = np.where(np.abs(x - at * length) < wide, left, top)
        bed += crest * np.clip((3.0 - np.abs(side * (y - middle) - 26.0)) / 2.0, 0.0, 1.0)
    south = y - middle > 36.0
    angle = np.radians(20.0)
    hedge = np.mod(x * np.cos(angle) + y * np.sin(angle), 83.0)
    bed += 0.5 * np.clip(2.0 - np.abs(hedge - 40.0), 0.0, 1.0) * south
    bed -= 0.7 * np.clip(2.0 - np.abs(y - middle - 70.0 - 12.0 * np.sin(x / 29.0)), 0.0, 1.0)
    town = (middle - y > 34.0) & (x > 0.25 * length) & (x < 0.9 * length)
    angle = np.radians(62.0)
    along = np.mod(x * np.cos(angle) + y * np.sin(angle), 57.0)
    across = np.mod(y * np.cos(angle) - x * np.sin(angle), 44.0)
    street = (along < 9.0) | (across < 7.0)
    bed += np.where(town & ~street, 0.25, 0.0)
    bed += np.where(town & (np.abs(along - 32.0) < 17.0) & (np.abs(across - 20.0) < 5.0), 6.5, 0.0)
    bed += 0.05 * np.sin(x / 17.0 + 0.7) * np.cos(y / 23.0)
    return bed + np.random.default_rng(2026).normal(0.0, 0.03, bed.shape)


def forcing(shape: tuple[int, int], cell: float, peak: float = 110.0) -> Forcing:
    """A flood wave that rises in the first 20 m of the river and leaves at normal depth in the east."""
    ny, nx = shape
    rows = np.arange(round((0.5 * ny * cell - 10.0) / cell), round((0.5 * ny * cell + 10.0) / cell))
    cells = (rows[:, None] * nx + np.arange(round(20.0 / cell))).ravel()
    wave = TimeSeries(times=(0.0, 600.0, 1200.0, 1800.0), values=(5.0, peak, peak, 20.0))
    inflow = InflowForcing(wave, 0.0, np.inf, cells, np.full(cells.size, 1.0 / cells.size))
    codes = uniform_boundaries(ny, nx, east=NORMAL_DEPTH)
    return Forcing(np.zeros(shape), inflows=(inflow,), codes=codes, slopes={"east": np.full(ny, 0.0025)})


class Valley(NamedTuple):
    """A terrain and the peak of its wave (m³/s)."""

    terrain: Callable[[], Floats]
    peak: float


VALLEYS = {
    "first": Valley(terrain, 110.0),
    "second": Valley(second_terrain, 50.0),
    "third": Valley(third_terrain, 70.0),
}
# The 1 m runs that the runs of a scheme at 10 m are compared with: scheme and weight theta. The first is the
# default; of local inertia the second is without the viscosity that theta is, as the subgrid is; second order
# of the first valley only.
REFERENCES = {
    "local_inertial": (("local_inertial", 0.9), ("local_inertial", 1.0)),
    "first_order": (("first_order", 0.9), ("second_order", 0.9)),
}


@dataclass(frozen=True, eq=False)
class Run:
    """A run: highest levels and depths over its own grid (m, NaN and 0 where dry), seconds of its loop (by
    the clock and of the processor), steps, mass error over what came in.
    """

    level: Floats
    depth: Floats
    seconds: float
    processor: float
    steps: int
    mass: float


def run(domain: Domain, force: Forcing, duration: float, **values: object) -> Run:
    """One run."""
    flood = FloodSolver.assemble(domain, force, FloodParameters(**{"max_step": 5.0, **values}))
    t = flood.step(0.0, duration)
    start, used = time.perf_counter(), time.process_time()
    while t < duration:
        t, _, _ = flood.advance(t, duration)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    books, fields = flood.ledger(), flood.run_fields()
    scale = max(books["volume_m3"], books["inflow_m3"])
    return Run(
        fields["max_water_level"], fields["max_water_depth"], seconds, used, flood.steps,
        abs(books["mass_error_m3"]) / scale,
    )  # fmt: skip


def coarse_domain(bed: Floats, k: int, *, tables: bool) -> Domain:
    """The domain of k m cells: means of the bed, with the tables of the fine terrain or without."""
    means = bed.reshape(bed.shape[0] // k, k, bed.shape[1] // k, k).mean(axis=(1, 3))
    domain = Domain.from_arrays(means, cell=float(k), roughness=ROUGHNESS)
    return with_subgrid(domain, blocks(bed, k)) if tables else domain


def over_fine(level: Floats, bed: Floats, k: int) -> Floats:
    """Depth (m) over the fine terrain under the level of coarse cells."""
    rises = level_rises(level)
    return np.concatenate([
        fine_depth(level[part.rows, part.columns], part.elevation, rises[:, part.rows, part.columns])
        for part in blocks(bed, k)
    ])  # fmt: skip


def agreement(
    reference: Floats, depth: Floats, found: Floats, found_depth: Floats
) -> tuple[float, float, float]:
    """RMSE and 95th percentile of the difference of levels (m) where both are wet, and the share of the fine
    cells wet in one that are wet in both.

    Levels and depths over the fine terrain (m). Wet: deeper than 5 cm.
    """
    one, two = depth > WET, found_depth > WET
    both = one & two
    error = np.abs(found - reference)[both]
    return float(np.sqrt((error**2).mean())), float(np.percentile(error, 95)), both.sum() / (one | two).sum()


def reference(name: str, scheme: str, theta: float, folder: Path | None = None) -> Run:
    """The 1 m run of a valley on one thread; kept in a folder, or taken from it."""
    path = None if folder is None else folder / f"{name}_{scheme}_{theta:g}.npz"
    if path is not None and path.is_file():
        kept = np.load(path)
        return Run(kept["level"], kept["depth"], *(float(x) for x in kept["numbers"]))
    bed = VALLEYS[name].terrain()
    domain = Domain.from_arrays(bed, cell=1.0, roughness=ROUGHNESS)
    fine = run(
        domain, forcing(bed.shape, 1.0, VALLEYS[name].peak), DURATION, scheme=scheme, theta=theta, threads=1
    )
    if path is not None:
        numbers = [fine.seconds, fine.processor, fine.steps, fine.mass]
        np.savez(path, level=fine.level, depth=fine.depth, numbers=numbers)
    return fine


@dataclass(frozen=True, eq=False)
class Comparison:
    """The runs of a scheme on a valley: at 1 m by scheme and theta, at 10 m with the subgrid and with means,
    the depths (m) of these over the fine terrain.
    """

    bed: Floats
    fine: dict[tuple[str, float], Run]
    coarse: dict[str, Run]
    depth: dict[str, Floats]

    def agreement(self, name: str, against: tuple[str, float]) -> tuple[float, float, float]:
        """:func:`agreement` of a run at 10 m with one at 1 m."""
        fine, depth = self.fine[against], self.depth[name]
        return agreement(fine.level, fine.depth, self.bed + depth, depth)

    def mean(self, name: str, against: tuple[str, float]) -> float:
        """Mean difference of the levels (m) where both are wet."""
        fine, depth = self.fine[against], self.depth[name]
        both = (fine.depth > WET) & (depth > WET)
        return float((self.bed + depth - fine.level)[both].mean())


def compare(
    name: str, scheme: str, references: tuple[tuple[str, float], ...], folder: Path | None = None
) -> Comparison:
    """A scheme at 10 m on a valley, on one thread, and the 1 m runs."""
    bed, peak = VALLEYS[name].terrain(), VALLEYS[name].peak
    shape = bed.shape[0] // CELL, bed.shape[1] // CELL
    coarse, depth = {}, {}
    for kind, tables in (("subgrid", True), ("mean", False)):
        domain = coarse_domain(bed, CELL, tables=tables)
        force = forcing(shape, float(CELL), peak)
        coarse[kind] = min(
            (run(domain, force, DURATION, scheme=scheme, subgrid=tables, threads=1) for _ in range(REPEATS)),
            key=lambda one: one.processor,
        )
        depth[kind] = over_fine(coarse[kind].level, bed, CELL)
    return Comparison(bed, {one: reference(name, *one, folder) for one in references}, coarse, depth)
