"""A valley of 1 × 0.5 km at 1 m with streets, ditches and a dike: the subgrid at 10 m against the 1 m run.

The same flood of 30 minutes three times with local inertia: at 1 m, at 10 m with the subgrid tables, and at
10 m with the mean of the terrain; and the same with the shallow water equations, second order at 1 m and
first at 10 m.

    python -m benchmarks.validation.valley [--reference FILE.npz] [--waves FILE.npz]

writes ``benchmarks/SUBGRID.md`` and its picture; the 1 m runs are kept in FILE, or taken from it where it
exists. Two other valleys, on which nothing was chosen, are told beside it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.scenarios.binding import NORMAL_DEPTH, InflowForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver
from twin.subgrid import fine_depth, with_subgrid

Floats = NDArray[np.float64]

ROUGHNESS = 0.04
DURATION = 1800.0
CELL = 10
WET = 0.05  # m: a cell is wet
SECOND_PEAK, THIRD_PEAK = 50.0, 70.0  # m³/s, of the waves in the second and third valley
# Where the levels differ (maps of 22 November 2026)
WHERE = """Where the levels differ. Everywhere: 20 × 20 m around the inflow, which is 4 coarse or 400 fine
cells (15 cm, 1 % of the wet). Second valley: the river and its plain stand 2 cm lower than at 1 m, 4 cm on a
reach of 100 m above the steepest part of the bend, with the plain beside it in the backwater; 2.8 cm RMSE are
1.8 without this mean. Third valley: between the dikes 1.7 cm lower, under 0.5 % of the cells off by more than
5 cm; behind the north dike, whose notch of 3 m passes more at 10 m, pools of 10 to 15 cm stand 10 cm too
high; behind the south dike the plain is 4 cm lower, where water squeezes past the ends of hedges: a sill is
the lowest way inside its cells, so all strips behind a hedge conduct as if none had to go round it.

What was mended (second valley, RMSE / 95 % / overlap): depth over a sill from the mean of the two levels
instead of the higher, 4.2 / 7.2 cm / 91.7 % to 3.1 / 5.6 / 93.8 (the first valley 2.9 / 4.7 / 97.0 to 2.4 /
4.3 / 97.4): on a bed that falls with the water the higher level is half a cell of slope too high, 2 cm on
0.4 %. Velocity along the face from the flow areas around instead of mean discharges: 2.9 / 5.2 / 94.1 (2.2 /
3.4 / 97.9); from their conveyances, which is what the strips assume: 3.0 / 5.3 / 93.9 (2.1 / 3.0 / 98.2),
kept for its theory."""
# The same of the shallow water equations on the first valley
WAVES_WHERE = """Over 5 cm (8 % of the cells wet in both): the strip 50 to 100 m north of the middle between
x = 200 and 400 m, 6 to 7 cm low; the plain 50 to 100 m south of it between x = 550 and 700 m, 4 to 5 cm high;
a third of the cells beside the inflow. Along the river the levels are 1 to 3 cm high. Cells under 0.2 m are
off by 4.0 cm RMSE, those over 0.5 m by 2.9. The mean is 1.1 cm high.

Which scheme to ask for with subgrid: `local_inertial` for slow floods, cheaper; `first_order` where the water
is fast (dam breaks, breaches, rivers near or over the critical speed). In a V at 1 % slope (Froude 1.8)
local inertia swings by a third of its depth; the shallow water equations stand still, 2.3 % under Manning's
depth (0.1 % at a slope of 0.1 %). A dam break in a channel of 3 m through cells of 10 m is that of the plain
first order in cells as wide as the channel, to 3e-7 m, 0.7 % from Stoker in 400 cells
(`tests/flood/test_subgrid_waves.py`). What is diffused is the difference of levels from the friction slope.

Second order with subgrid is refused: slopes of level, area and velocity in a cell whose strips are partly dry
have no agreed form. The second-order scheme of Bitsch et al. (2026, arXiv 2601.01895) reconstructs velocities
on triangles and visits all fine cells in each step, which tables cannot."""
REPORT = Path(__file__).parents[1] / "SUBGRID.md"
PICTURE = Path(__file__).parents[1] / "validation_plots" / "subgrid_valley.png"


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


@dataclass(frozen=True, eq=False)
class Run:
    """A run: highest levels and depths over its own grid (m, NaN and 0 where dry), seconds of its loop,
    steps."""

    level: Floats
    depth: Floats
    seconds: float
    steps: int
    mass: float


def run(domain: Domain, force: Forcing, duration: float, **values: object) -> Run:
    """One run."""
    flood = FloodSolver.assemble(domain, force, FloodParameters(**{"max_step": 5.0, **values}))
    t = flood.step(0.0, duration)
    start = time.perf_counter()
    while t < duration:
        t, _, _ = flood.advance(t, duration)
    seconds = time.perf_counter() - start
    books, fields = flood.ledger(), flood.run_fields()
    scale = max(books["volume_m3"], books["inflow_m3"])
    return Run(
        fields["max_water_level"], fields["max_water_depth"], seconds, flood.steps,
        abs(books["mass_error_m3"]) / scale,
    )  # fmt: skip


def coarse_domain(bed: Floats, k: int, *, tables: bool) -> Domain:
    """The domain of k m cells: means of the bed, with the tables of the fine terrain or without."""
    means = bed.reshape(bed.shape[0] // k, k, bed.shape[1] // k, k).mean(axis=(1, 3))
    domain = Domain.from_arrays(means, cell=float(k), roughness=ROUGHNESS)
    return with_subgrid(domain, blocks(bed, k)) if tables else domain


def over_fine(level: Floats, bed: Floats, k: int) -> Floats:
    """Depth (m) over the fine terrain under the level of coarse cells."""
    return np.concatenate(
        [fine_depth(level[part.rows, part.columns], part.elevation) for part in blocks(bed, k)]
    )


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


@dataclass(frozen=True, eq=False)
class Comparison:
    """The three runs of the valley, and their agreement with the first: (RMSE, 95th percentile, overlap)."""

    bed: Floats
    fine: Run
    coarse: dict[str, Run]
    depth: dict[str, Floats]
    found: dict[str, tuple[float, float, float]]

    @property
    def gain(self) -> float:
        """How many times faster the subgrid is than the 1 m run, loops alone."""
        return self.fine.seconds / self.coarse["subgrid"].seconds

    def mean(self, name: str) -> float:
        """Mean difference of the levels (m) where both are wet."""
        both = (self.fine.depth > WET) & (self.depth[name] > WET)
        return float((self.bed + self.depth[name] - self.fine.level)[both].mean())


def reference(
    bed: Floats, path: Path | None = None, peak: float = 110.0, scheme: str = "local_inertial"
) -> Run:
    """The 1 m run; kept in a file, or taken from it."""
    if path is not None and path.is_file():
        kept = np.load(path)
        return Run(kept["level"], kept["depth"], *(float(x) for x in kept["numbers"]))
    domain = Domain.from_arrays(bed, cell=1.0, roughness=ROUGHNESS)
    fine = run(domain, forcing(bed.shape, 1.0, peak), DURATION, scheme=scheme)
    if path is not None:
        np.savez(path, level=fine.level, depth=fine.depth, numbers=[fine.seconds, fine.steps, fine.mass])
    return fine


def compare(
    path: Path | None = None, bed: Floats | None = None, peak: float = 110.0, *, waves: bool = False
) -> Comparison:
    """All of it, on the valley unless another bed is given; peak: of the wave (m³/s); waves: with the shallow
    water equations, and with local inertia on the subgrid beside them.
    """
    bed = terrain() if bed is None else bed
    fine = reference(bed, path, peak, "second_order" if waves else "local_inertial")
    shape = bed.shape[0] // CELL, bed.shape[1] // CELL
    coarse, depth, found = {}, {}, {}
    for name in ("subgrid", "inertial") if waves else ("subgrid", "mean"):
        tables = name != "mean"
        scheme = "first_order" if waves and name == "subgrid" else "local_inertial"
        domain = coarse_domain(bed, CELL, tables=tables)
        force = forcing(shape, float(CELL), peak)
        coarse[name] = min(
            (run(domain, force, DURATION, scheme=scheme, subgrid=tables) for _ in range(5)),
            key=lambda one: one.seconds,
        )
        depth[name] = over_fine(coarse[name].level, bed, CELL)
        found[name] = agreement(fine.level, fine.depth, bed + depth[name], depth[name])
    return Comparison(bed, fine, coarse, depth, found)


def draw(compared: Comparison, path: Path) -> None:
    """Bed, the 1 m run, and what the two coarse runs differ by."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 1, figsize=(8, 15), layout="constrained")
    wet = compared.fine.depth > WET
    level = np.where(wet, compared.fine.level, np.nan)
    maps = [
        ("Bed (m)", compared.bed, "terrain", (16.0, 24.0)),
        ("1 m: highest depth (m)", np.where(wet, compared.fine.depth, np.nan), "Blues", (0.0, 1.5)),
    ]
    for name, title in (("subgrid", "10 m subgrid"), ("mean", "10 m, mean terrain")):
        depth = compared.depth[name]
        difference = np.where(depth > WET, compared.bed + depth, np.nan) - level
        maps.append((f"{title} less 1 m: highest level (m)", difference, "RdBu", (-0.2, 0.2)))
    for panel, (title, values, colours, limits) in zip(axes, maps, strict=True):
        drawn = panel.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1])
        panel.set_title(title, fontsize=9)
        figure.colorbar(drawn, ax=panel, shrink=0.7)
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def report(compared: Comparison) -> str:
    """The table in Markdown."""
    lines = [
        "# Subgrid",
        "",
        "Written by `python -m benchmarks.validation.valley`. A valley of 1 × 0.5 km at 1 m (river, dike with"
        " a low stretch, ditches, a town of streets and houses), a flood wave of 30 minutes, local inertia."
        f" Levels are compared on the 1 m terrain where both runs are wet (over {WET:g} m); overlap is the"
        " share of the cells wet in one of the two that are wet in both. Seconds are of the loop alone.",
        "",
        "| run | cells | steps | seconds | RMSE (m) | 95 % are under (m) | overlap | mass error |",
        "|---|---|---|---|---|---|---|---|",
        f"| 1 m | {compared.bed.size} | {compared.fine.steps:.0f} | {compared.fine.seconds:.1f} | | | |"
        f" {'not kept' if np.isnan(compared.fine.mass) else f'{compared.fine.mass:.0e}'} |",
    ]
    for name, title in (("subgrid", "10 m, subgrid"), ("mean", "10 m, mean terrain")):
        one, (rmse, high, overlap) = compared.coarse[name], compared.found[name]
        lines.append(
            f"| {title} | {compared.bed.size // CELL**2} | {one.steps} | {one.seconds:.2f} | {rmse:.3f} |"
            f" {high:.3f} | {overlap:.1%} | {one.mass:.0e} |"
        )
    if np.isnan(compared.fine.mass):
        lines += ["", "The 1 m run is an earlier one, on a busier machine: its seconds tell no gain.", ""]
    else:
        load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.0f} when this was written"
        lines += ["", f"The subgrid is {compared.gain:.0f} times faster than the 1 m run ({load}).", ""]
    return "\n".join([*lines, f"![Maps](validation_plots/{PICTURE.name})", ""])


def waves_report(compared: Comparison) -> str:
    """The same for the shallow water equations."""
    fine = compared.fine
    lines = [
        "## Shallow water equations",
        "",
        'The first valley with `scheme = "first_order"` and subgrid (`kernels_subgrid_waves`) against 1 m'
        ' with `scheme = "second_order"`, and local inertia beside it against the same run.',
        "",
        "| run | steps | × fewer cell-steps | seconds | RMSE (m) | 95 % are under (m) | mean (m) | overlap |"
        " mass error |",
        "|---|---|---|---|---|---|---|---|---|",
        f"| 1 m, second order | {fine.steps:.0f} | | | | | | | {fine.mass:.0e} |",
    ]
    titles = {
        "subgrid": "10 m, subgrid, first order",
        "inertial": "10 m, subgrid, local inertia",
    }
    for name, title in titles.items():
        one, (rmse, high, overlap) = compared.coarse[name], compared.found[name]
        fewer = CELL**2 * fine.steps / one.steps
        lines.append(
            f"| {title} | {one.steps} | {fewer:.0f} | {one.seconds:.2f} | {rmse:.3f} | {high:.3f} |"
            f" {compared.mean(name):+.3f} | {overlap:.1%} | {one.mass:.0e} |"
        )
    return "\n".join([*lines, "", WAVES_WHERE, ""])


def others_report(valleys: dict[str, Comparison]) -> str:
    """The same for the other valleys."""
    lines = [
        "## Two other valleys",
        "",
        "The rule of the weirs was chosen on the valley above, on these nothing was. The second: 0.6 × 0.4"
        " km, a tighter bend, streets at 35° to the grid, a road over the dike (`second_terrain`). The third:"
        " 0.7 × 0.4 km, two bends in one, streets at 62°, hedges, and a dike with a notch of 3 m"
        " (`third_terrain`). Each has its own seed.",
        "",
        "| valley | run | steps | × fewer cell-steps | RMSE (m) | 95 % are under (m) | mean (m) | overlap |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for valley, compared in valleys.items():
        fine, ratio = compared.fine, compared.bed.size * compared.fine.steps
        lines.append(f"| {valley} | 1 m | {fine.steps:.0f} | | | | | |")
        for name, title in (("subgrid", "10 m, subgrid"), ("mean", "10 m, mean terrain")):
            one, (rmse, high, overlap) = compared.coarse[name], compared.found[name]
            fewer = ratio / (compared.bed.size // CELL**2 * one.steps)
            lines.append(
                f"| | {title} | {one.steps} | {fewer:.0f} | {rmse:.3f} | {high:.3f} |"
                f" {compared.mean(name):+.3f} | {overlap:.1%} |"
            )
    return "\n".join([*lines, "", WHERE, ""])


PARTS = ("first", "waves", "others")


def _parts() -> list[str]:
    """The parts of the report as it stands; one that it lacks is empty."""
    rest = REPORT.read_text(encoding="utf-8")
    rest, title, others = rest.partition("## Two other valleys")
    first, heading, waves = rest.partition("## Shallow water equations")
    return [first, heading + waves, title + others]


def main() -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--waves", type=Path, help="the same for the shallow water equations")
    parser.add_argument("--second", type=Path, help="the same for the second valley")
    parser.add_argument("--third", type=Path, help="the same for the third valley")
    parser.add_argument(
        "--only", choices=["first", "waves", "others"], help="replace that part of the report"
    )
    options = parser.parse_args()
    parts = dict(zip(PARTS, _parts(), strict=True)) if options.only else {}
    if options.only in (None, "first"):
        compared = compare(options.reference)
        draw(compared, PICTURE)
        parts["first"] = report(compared)
    if options.only in (None, "waves"):
        parts["waves"] = waves_report(compare(options.waves, waves=True))
    if options.only in (None, "others"):
        parts["others"] = others_report({
            "second": compare(options.second, second_terrain(), SECOND_PEAK),
            "third": compare(options.third, third_terrain(), THIRD_PEAK),
        })  # fmt: skip
    REPORT.write_text("\n\n".join(parts[name].strip() for name in PARTS) + "\n", encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
