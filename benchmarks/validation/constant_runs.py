"""Small flows and formulae that tell what a constant of the solver's modules does: see `constants`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
from numba import njit
from shapely import LineString

from benchmarks.validation import valley
from benchmarks.validation.case import SECOND
from benchmarks.validation.sensitivity import NOWHERE
from tests.flood.analytic import G
from tests.flood.basins import advance, parameters, solver
from twin import subgrid
from twin.domain import Domain
from twin.errors import InputError
from twin.faces import staircase
from twin.scenarios.binding import NORMAL_DEPTH, InflowForcing
from twin.scenarios.breach import Breach
from twin.scenarios.forcing import TimeSeries
from twin.scenarios.structures import Weir
from twin.solvers.flood import (
    hazards,
    hydraulics,
    kernels_infiltration,
    kernels_rows,
    kernels_subgrid_faces,
    local_steps,
    overtopping,
)
from twin.solvers.flood.crests import BreachForcing
from twin.solvers.flood.forcing import uniform_boundaries
from twin.solvers.flood.infiltration import InfiltrationParameters
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.structures import StructureForcing


@contextmanager
def with_constants(module: ModuleType, **values: object) -> Iterator[None]:
    """The module with other constants, for a while."""
    kept = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(module, name, value)


def column(full: float | None = None, **values: object) -> FloodSolver:
    """50 m of water on a tower of 500 m and in its corner, n = 0.003: nothing falls faster."""
    bed = np.zeros((9, 9))
    bed[4, 4] = bed[0, 0] = 500.0
    flood = solver(bed, np.where(bed > 0, 50.0, 0.0), cell=50.0, roughness=0.003, scheme=SECOND, **values)
    if full is not None:
        flood._scheme._full = full
    advance(flood, 0.0, 1e6, steps=150)
    return flood


def share_of_bound(flood: FloodSolver) -> float:
    """Highest speed of a run over √(2g (highest energy − lowest bed)): the bound that stops a run is 2."""
    return float(flood.run_fields()["max_velocity"].max()) / np.sqrt(2 * G * flood.energy)


def pools() -> tuple[float, float]:
    """Two ponds of 300 m² joined by a weir far too wide: difference of levels after 60 s, and largest turn
    of the flow back (m³).
    """
    event = Weir.model_validate(
        {"from": (0.0, 0.0), "to": (0.0, 0.0), "crest": -1.0, "width": 500.0, "coefficient": 1.7}
    )
    bed = np.zeros((3, 7))
    bed[:, 3] = 50.0
    depth = np.where(np.arange(7) < 3, 2.0, 1.0) * (bed == 0)
    ends = np.flatnonzero(bed[:, :3].ravel() == 0)
    west, east = (ends // 3) * 7 + ends % 3, (ends // 3) * 7 + ends % 3 + 4
    work = StructureForcing(event, west, east, NOWHERE, name="weir")
    flood = solver(bed, depth, cell=10.0, scheme=SECOND, forcing={"structures": (work,)})
    t, before, back = 0.0, 0.0, 0.0
    while t < 60.0:
        t = flood.step(t, 60.0)
        now = flood.summary()["structures"][0]["volume_m3"]
        back, before = max(back, before - now), now
    return float(abs(flood.depth[:, :3].mean() - flood.depth[:, 4:].mean())), back


def flat_outlet() -> float:
    """Water left (m³/m) on a level plane of 200 m, 0.5 m deep, that leaves at normal depth for an hour."""
    forcing = {"codes": uniform_boundaries(3, 50, east=NORMAL_DEPTH)}
    flood = solver(
        np.zeros((3, 50)), np.full((3, 50), 0.5), cell=4.0, roughness=0.03, scheme=SECOND, forcing=forcing
    )
    advance(flood, 0.0, 3600.0)
    return float(flood.depth.mean() * 200.0)


def soaked() -> float:
    """Water (m³) that the ground takes in an hour under 3 cm and under 10 cm, halves of a field."""
    soil = InfiltrationParameters(method="horton", capacity_start=5e-6, capacity_end=5e-6, decay=1e-4)
    depth = np.where(np.arange(20) < 10, 0.03, 0.10) * np.ones((3, 1))
    bed = np.where(np.arange(20) < 10, 0.0, -0.07) * np.ones((3, 1))
    flood = solver(bed, depth, cell=10.0, scheme=SECOND, infiltration=soil)
    advance(flood, 0.0, 3600.0)
    return flood.ledger()["infiltration_m3"]


def culvert(up: float, z_in: float = 0.0, **values: object) -> float:
    """Discharge (m³/s) of a pipe of 1 m under a head (m), its curve made with other constants."""
    with with_constants(hydraulics, **values):
        pipe = hydraulics.Barrel(0.0, 1.0)
        curves = hydraulics.CulvertCurves(pipe, 20.0, 0.012, "concrete_square_headwall", z_in, 0.0)
        return curves.discharge(up, 0.2)


def breach_through() -> str:
    """A breach drawn one cell beside a dike askew to the grid: its faces, water through in 5 min."""
    ny, nx, cell = 40, 40, 5.0
    bed = np.zeros((ny, nx))
    domain = Domain.from_arrays(bed, cell=cell, roughness=0.03)
    grid = domain.require_grid("a dike")
    faces = staircase(grid, np.array([60.0, 140.0]), np.array([0.0, 200.0]))
    crest = np.full((ny, nx + 1), -np.inf), np.full((ny + 1, nx), -np.inf)
    for which, across in ((0, faces.across_x), (1, ~faces.across_x)):
        crest[which][faces.i[across], faces.j[across]] = 3.0
    x, y = np.meshgrid(grid.x, grid.y)
    depth = np.where((x - 60.0) * 200.0 < y * 80.0, 2.0, 0.0)
    line = LineString([(86.0, 50.0), (112.0, 115.0)])
    event = Breach(at="dike", width=30.0, duration=60.0)
    found = BreachForcing(event, line, 0.0, NOWHERE, "validation", "events[1]")
    try:
        flood = solver(
            bed, depth, crest_x=crest[0], crest_y=crest[1], cell=cell, roughness=0.03, scheme=SECOND,
            forcing={"breaches": (found,)},
        )  # fmt: skip
    except InputError:
        return "refused: no crest there"
    dry = depth == 0.0
    advance(flood, 0.0, 300.0)
    count = flood._sources._crests._breaches[0].faces.size
    return f"{count} faces, {flood.depth[dry].sum() * cell * cell:.0f} m³"


def outlet_depth_error() -> float:
    """Depth at the foot over the normal depth, of 1 m²/s down a plane of 1:50 with 5 cm of noise."""
    n, slope, cell = 0.03, 0.02, 4.0
    noise = np.random.default_rng(3).normal(0.0, 0.05, 80)
    bed = np.tile(slope * (80 - np.arange(80)) * cell + noise, (3, 1))
    head = np.array([0, 80, 160])
    source = InflowForcing(TimeSeries.constant(3 * cell), 0.0, np.inf, head, np.full(3, 1 / 3))
    force = {"inflows": (source,), "codes": uniform_boundaries(3, 80, east=NORMAL_DEPTH)}
    flood = solver(bed, np.zeros((3, 80)), cell=cell, roughness=n, scheme=SECOND, forcing=force)
    advance(flood, 0.0, 600.0)
    return float((bed + flood.depth)[1, -1] - bed[1, -1]) / (n / math.sqrt(slope)) ** 0.6


class Valley:
    """The valley of the subgrid at 10 m, second order: highest values, and depth and speed every 30 s."""

    def __init__(self, **values: object) -> None:
        bed = valley.terrain()
        domain = valley.coarse_domain(bed, valley.CELL, tables=False)
        wave = valley.forcing((50, 100), float(valley.CELL))
        flood = FloodSolver.assemble(domain, wave, parameters(**{"scheme": SECOND, **values}))
        self.depth, self.speed, self.times = [], [], np.arange(0.0, valley.DURATION + 1, 30.0)
        for before, now in itertools.pairwise(self.times):
            advance(flood, before, now)
            h, qx, qy = flood.state()["state"][:3]
            self.depth.append(h)
            self.speed.append(np.hypot(qx, qy) / np.maximum(h, 1e-6) * (h > 1e-6))
        self.flood, self.fields = flood, flood.run_fields()

    def flooded(self, wet: float) -> str:
        """Flooded area and mean time of arrival for a depth that counts as wet."""
        ever = np.array(self.depth) > wet
        reached = ever.any(axis=0)
        first = self.times[1:][ever.argmax(axis=0)[reached]].mean()
        return f"{reached.sum() / 100:.1f} ha, {first / 60:.1f} min"

    def fast(self, deep: float) -> str:
        """Highest and mean highest speed, in water deeper than `deep` alone."""
        highest = (np.array(self.speed) * (np.array(self.depth) > deep)).max(axis=0)
        return f"{highest.max():.2f} m/s, {highest[highest > 0].mean():.2f} m/s"

    def classes(self) -> str:
        """Hectares in danger to adults, to small cars, and of a strong PPRI class (without the rise)."""
        slow = np.zeros(self.depth[0].shape, dtype=np.uint8)
        pairs = list(zip(self.depth, self.speed, strict=True))
        people = np.max([hazards.people_class(h, v) for h, v in pairs], axis=0)
        cars = np.max([hazards.vehicles_class(h, v) for h, v in pairs], axis=0)
        ppri = np.max([hazards.ppri_class(h, v, slow) for h, v in pairs], axis=0)
        return (
            " / ".join(f"{(a >= b).sum() / 100:.1f}" for a, b in ((people, 2), (cars, 1), (ppri, 3))) + " ha"
        )


def ponding() -> float:
    """Depth (m) that loam takes in an hour under water, in 360 steps of Green and Ampt."""
    taken = 0.0
    for _ in range(360):
        taken += kernels_infiltration.green_ampt.py_func(taken, 1.0, 10.0, 9e-7, 0.025)
    return taken


def fall_speed(smoothest: float) -> float:
    """Highest speed (m/s) that 1 mm of water without friction on a cliff of 100 m is expected to reach."""
    with with_constants(kernels_rows, SMOOTHEST=smoothest):
        bound_falls = njit(error_model="numpy")(kernels_rows.bound_falls.py_func)
        s = np.zeros(kernels_rows.SCRATCH)
        s[kernels_rows.NH : kernels_rows.NH + kernels_rows.NB] = 1e-3
        row, fall = np.zeros(kernels_rows.PART), np.full(kernels_rows.NB, 2 * G * 100.0)
        bound_falls(s, row, fall, kernels_rows.OUT0, 0.5 / 20.0, 1e-6, 0)
        return float(s[kernels_rows.MAX_SPEED + kernels_rows.OUT0])


def drowning(modular: float) -> str:
    """Discharge over a sill of 0.5 m under a head of 0.5 m just under and just over the switch, Δz 1:1000."""
    single = kernels_subgrid_faces.SINGLE
    changed = {"MODULAR_S": single(modular), "_SHARE": kernels_subgrid_faces.drowned_share(modular)}
    with with_constants(kernels_subgrid_faces, **changed):
        weir, strip = (
            njit(error_model="numpy")(function.py_func)
            for function in (kernels_subgrid_faces._weir, kernels_subgrid_faces._strip)
        )
        head, dry, half = single(1.0), single(-kernels_subgrid_faces.FAR), single(0.5)
        under, over = (single(0.5 + 0.5 * (modular + side)) for side in (-1e-5, 1e-5))
        falls = weir(head, under, dry, half, half)
        _, conveyance, _, is_weir = strip(head, over, dry, half, half)
    assert not is_weir
    return f"{falls:.2f} m²/s, then {conveyance / 0.04 * math.sqrt(0.5 * (1 - modular) / 10.0):.2f}"


def table_error(levels: int) -> float:
    """Largest error (m) of the volume under a level in cells of 10 m of the valley, over its depth range."""
    fine = valley.terrain(200, 200)
    block = fine.reshape(20, 10, 20, 10).swapaxes(1, 2).copy()
    with with_constants(subgrid, LEVELS=levels):
        low = np.full((20, 20), np.nan)
        height, volume, sheet = (np.zeros((20, 20, levels), dtype=np.float32) for _ in range(3))
        ways, base = (np.full((20, 20, 4, 10), np.nan) for _ in range(2))
        njit(subgrid._tabulate.py_func)(block, low, height, volume, sheet, ways, base)
    worst = 0.0
    for i, j in itertools.product(range(20), range(20)):
        over = np.linspace(0.0, float(height[i, j, -1]), 40)
        exact = np.maximum(over[:, None] - (block[i, j].ravel() - low[i, j]), 0.0).mean(axis=1)
        worst = max(worst, float(np.abs(np.interp(over, height[i, j], volume[i, j]) - exact).max()))
    return worst


def strip_error(most: int) -> float:
    """Largest error of the conveyance of faces of 40 fine cells under 0.5 m over the lowest of each."""
    bed = valley.terrain(400, 400)
    with with_constants(subgrid, MOST_STRIPS=most):
        sills = bed[:, ::40].T.reshape(10, 10, 1, 40).copy()
        grouped = subgrid._grouped(sills)
    level = sills.min(axis=-1, keepdims=True) + 0.5

    def conveyance(sill):
        return (np.maximum(level - sill, 0.0) ** (5 / 3)).mean(axis=-1)

    return float(np.abs(conveyance(grouped) / conveyance(sills) - 1).max())


def reservoir(*, local: bool, **values: object) -> FloodSolver:
    """15 m of water let go over 3 m into 0.3 m along 5 km, 3 × 1024 cells of 5 m, 200 s."""
    x = np.arange(1024)
    bed = np.tile(0.01 * (1024 - x), (3, 1))
    depth = np.tile(0.3 + 12.0 * (x < 128) + 3.0 * (x < 256), (3, 1))
    with with_constants(local_steps, **values):
        flood = solver(bed, depth, cell=5.0, roughness=0.03, scheme=SECOND, local_time_steps=local)
        advance(flood, 0.0, 200.0)
    return flood


def waves(name: str, value: float) -> str:
    """By what factor the discharge of waves over a defence jumps where the constant switches."""
    one, rise = np.array([1.0]), 1.0 + 1e-9
    with with_constants(overtopping, **{name: value}):
        if name == "GENTLE":
            pair = [overtopping.slope_discharge(1.0, 5.0, one, value * s) for s in (1 / rise, rise)]
        elif name == "ROUGH":
            pair = [
                overtopping.slope_discharge(1.0, 5.0, one, 3.0, roughness=value * s, angle=30.0)
                for s in (1 / rise, rise)
            ]
        elif name == "DEEP":
            pair = [overtopping.wall_discharge(1.0, 5.0, one, value * s) for s in (1 / rise, rise)]
        elif name == "BREAKING":
            toe = math.sqrt(value * G * 25.0 / (2 * math.pi))
            pair = [overtopping.wall_discharge(1.0, 5.0, one, toe * s) for s in (1 / rise, rise)]
        else:
            pair = [overtopping.wall_discharge(1.0, 12.0, value * s * one, 2.0) for s in (1 / rise, rise)]
    return f"× {float(pair[1][0] / pair[0][0]):.3f}"
