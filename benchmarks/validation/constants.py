"""What the constants of the solver's modules that bound or switch something do: each away from its value.

`MEASURED` names them all; `tests/flood/test_constants.py` sees to it that no other module constant of the
solver is a bound or a switch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
from numba import njit
from shapely import LineString

from benchmarks.validation import valley
from benchmarks.validation.case import SECOND, Family, mass_error
from benchmarks.validation.sensitivity import NOWHERE, dam
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
    crests,
    forcing,
    hazards,
    hydraulics,
    infiltration,
    kernels_infiltration,
    kernels_rows,
    kernels_subgrid,
    local_steps,
    overtopping,
    structures,
)
from twin.solvers.flood.crests import BreachForcing
from twin.solvers.flood.forcing import uniform_boundaries
from twin.solvers.flood.infiltration import InfiltrationParameters
from twin.solvers.flood.kernels import FULL, FULL_SINGLE
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.structures import StructureForcing

MEASURED = {
    "crests": ("NEAR",),
    "forcing": ("LEAST_SLOPE", "SLOPE_CELLS"),
    "hazards": (
        "WET_DEPTH", "SPEED_DEPTH", "LIMIT_VELOCITY", "CHILD_DEPTH", "CHILD_DEPTH_VELOCITY", "ADULT_DEPTH",
        "ADULT_DEPTH_VELOCITY", "SIGNIFICANT_DEPTH_VELOCITY", "EXTREME_DEPTH_VELOCITY", "CAR_DEPTH",
        "CAR_DEPTH_VELOCITY", "LARGE_CAR_DEPTH", "LARGE_CAR_DEPTH_VELOCITY", "OFF_ROAD_DEPTH",
        "OFF_ROAD_DEPTH_VELOCITY", "PPRI_DEPTHS", "PPRI_MEDIUM", "PPRI_FAST",
    ),
    "hydraulics": ("POINTS", "HEAD_MOST", "UNSUBMERGED", "SUBMERGED"),
    "infiltration": ("PERMANENT_DEPTH",),
    "kernels": ("FULL", "FULL_SINGLE"),
    "kernels_crests": ("LARGEST_HEAD", "SETTLE"),  # in the table of the parameters
    "kernels_infiltration": ("ENOUGH",),
    "kernels_rows": ("SMOOTHEST",),
    "kernels_subgrid": ("MODULAR",),
    "local_steps": ("LEVELS", "SPARE", "GROWTH", "STABLE", "SHARES"),
    "overtopping": ("GENTLE", "ROUGH", "BREAKING", "DEEP", "LOW_WALL"),
    "schemes": ("NO_BOUND",),
    "solver": ("MASS_GATE",),
    "structures": ("SETTLE",),
}  # fmt: skip


@contextmanager
def _constants(module: ModuleType, **values: object) -> Iterator[None]:
    """The module with other constants, for a while."""
    kept = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(module, name, value)


def _column(full: float | None = None, **values: object) -> FloodSolver:
    """50 m of water on a tower of 500 m and in its corner, n = 0.003: nothing falls faster."""
    bed = np.zeros((9, 9))
    bed[4, 4] = bed[0, 0] = 500.0
    flood = solver(bed, np.where(bed > 0, 50.0, 0.0), cell=50.0, roughness=0.003, scheme=SECOND, **values)
    if full is not None:
        flood._scheme._full = full
    advance(flood, 0.0, 1e6, steps=150)
    return flood


def _share_of_bound(flood: FloodSolver) -> float:
    """Highest speed of a run over √(2g (highest energy − lowest bed)): the bound that stops a run is 2."""
    return float(flood.run_fields()["max_velocity"].max()) / np.sqrt(2 * G * flood.energy)


def _pools() -> tuple[float, float]:
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


def _flat_outlet() -> float:
    """Water left (m³/m) on a level plane of 200 m, 0.5 m deep, that leaves at normal depth for an hour."""
    forcing = {"codes": uniform_boundaries(3, 50, east=NORMAL_DEPTH)}
    flood = solver(
        np.zeros((3, 50)), np.full((3, 50), 0.5), cell=4.0, roughness=0.03, scheme=SECOND, forcing=forcing
    )
    advance(flood, 0.0, 3600.0)
    return float(flood.depth.mean() * 200.0)


def _soaked() -> float:
    """Water (m³) that the ground takes in an hour under 3 cm and under 10 cm, halves of a field."""
    soil = InfiltrationParameters(method="horton", capacity_start=5e-6, capacity_end=5e-6, decay=1e-4)
    depth = np.where(np.arange(20) < 10, 0.03, 0.10) * np.ones((3, 1))
    bed = np.where(np.arange(20) < 10, 0.0, -0.07) * np.ones((3, 1))
    flood = solver(bed, depth, cell=10.0, scheme=SECOND, infiltration=soil)
    advance(flood, 0.0, 3600.0)
    return flood.ledger()["infiltration_m3"]


def _culvert(up: float, z_in: float = 0.0, **values: object) -> float:
    """Discharge (m³/s) of a pipe of 1 m under a head (m), its curve made with other constants."""
    with _constants(hydraulics, **values):
        pipe = hydraulics.Barrel(0.0, 1.0)
        curves = hydraulics.CulvertCurves(pipe, 20.0, 0.012, "concrete_square_headwall", z_in, 0.0)
        return curves.discharge(up, 0.2)


def _breach() -> str:
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


def _normal_depth() -> float:
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


class _Valley:
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


def _ponding() -> float:
    """Depth (m) that loam takes in an hour under water, in 360 steps of Green and Ampt."""
    taken = 0.0
    for _ in range(360):
        taken += kernels_infiltration.green_ampt.py_func(taken, 1.0, 10.0, 9e-7, 0.025)
    return taken


def _fall(smoothest: float) -> float:
    """Highest speed (m/s) that 1 mm of water without friction on a cliff of 100 m is expected to reach."""
    with _constants(kernels_rows, SMOOTHEST=smoothest):
        bound_falls = njit(error_model="numpy")(kernels_rows.bound_falls.py_func)
        s = np.zeros(kernels_rows.SCRATCH)
        s[kernels_rows.NH : kernels_rows.NH + kernels_rows.NB] = 1e-3
        bound_falls(s, np.full(kernels_rows.NB, 2 * G * 100.0), 0.5 / 20.0, 1e-6, 0)
        return float(s[kernels_rows.MAX_SPEED + kernels_rows.OUT0])


def _drowning(modular: float) -> str:
    """Discharge over a sill of 0.5 m under a head of 0.5 m just under and just over the switch, Δz 1:1000."""
    with _constants(kernels_subgrid, MODULAR=modular):
        flow_over = njit(error_model="numpy")(kernels_subgrid.flow_over.py_func)
        sill, hump = np.array([0.5]), np.array([0.5])
        found = [
            flow_over(1.0, 0.5 + 0.5 * (modular + side), 0.0, -np.inf, sill, hump) for side in (-1e-6, 1e-6)
        ]
    weir, (area, conveyance, _, _) = found[0][2], found[1]
    assert area > 0.0
    return f"{weir:.2f} m²/s, then {conveyance / 0.04 * math.sqrt(0.5 * (1 - modular) / 10.0):.2f}"


def _tables(levels: int) -> float:
    """Largest error (m) of the volume under a level in cells of 10 m of the valley, over its depth range."""
    fine = valley.terrain(200, 200)
    block = fine.reshape(20, 10, 20, 10).swapaxes(1, 2).copy()
    with _constants(subgrid, LEVELS=levels):
        low = np.full((20, 20), np.nan)
        height, volume = (np.zeros((20, 20, levels), dtype=np.float32) for _ in range(2))
        ways, base = (np.full((20, 20, 4, 10), np.nan) for _ in range(2))
        njit(subgrid._tabulate.py_func)(block, low, height, volume, ways, base)
    worst = 0.0
    for i, j in itertools.product(range(20), range(20)):
        over = np.linspace(0.0, float(height[i, j, -1]), 40)
        exact = np.maximum(over[:, None] - (block[i, j].ravel() - low[i, j]), 0.0).mean(axis=1)
        worst = max(worst, float(np.abs(np.interp(over, height[i, j], volume[i, j]) - exact).max()))
    return worst


def _strips(most: int) -> float:
    """Largest error of the conveyance of faces of 40 fine cells under 0.5 m over the lowest of each."""
    bed = valley.terrain(400, 400)
    with _constants(subgrid, MOST_STRIPS=most):
        sills = bed[:, ::40].T.reshape(10, 10, 1, 40).copy()
        grouped = subgrid._grouped(sills)
    level = sills.min(axis=-1, keepdims=True) + 0.5

    def conveyance(sill):
        return (np.maximum(level - sill, 0.0) ** (5 / 3)).mean(axis=-1)

    return float(np.abs(conveyance(grouped) / conveyance(sills) - 1).max())


def _reservoir(*, local: bool, **values: object) -> FloodSolver:
    """15 m of water let go over 3 m into 0.3 m along 5 km, 3 × 1024 cells of 5 m, 200 s."""
    x = np.arange(1024)
    bed = np.tile(0.01 * (1024 - x), (3, 1))
    depth = np.tile(0.3 + 12.0 * (x < 128) + 3.0 * (x < 256), (3, 1))
    with _constants(local_steps, **values):
        flood = solver(bed, depth, cell=5.0, roughness=0.03, scheme=SECOND, local_time_steps=local)
        advance(flood, 0.0, 200.0)
    return flood


def _waves(name: str, value: float) -> str:
    """By what factor the discharge of waves over a defence jumps where the constant switches."""
    one, rise = np.array([1.0]), 1.0 + 1e-9
    with _constants(overtopping, **{name: value}):
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


Line = tuple[str, str, object, str, str]


def _limits() -> Iterator[Line]:
    """Of the solver and its schemes."""
    for full in (FULL, 0.9, 0.5):
        flood = _column(full)
        value = "1 − 1e-14" if full == FULL else full
        found = f"{flood.limited} limited, {_share_of_bound(flood):.3f}"
        yield "FULL", "kernels", value, "cells limited and speed over √(2gE), column on a tower", found
    for full in (1.0 - 1e-7, FULL_SINGLE, 0.5):
        flood = _column(np.float32(full), precision="float32")
        value = "1 − 1e-7" if full > FULL_SINGLE else "1 − 5e-6" if full == FULL_SINGLE else full
        found = f"{flood.limited} limited, lowest depth {flood.depth.min():.1e} m"
        yield "FULL_SINGLE", "kernels", value, "the same in single precision", found
    for low, what in ((1.0, "Stoker"), (0.0, "Ritter")):
        found = f"{_share_of_bound(dam(low)[1]):.3f}"
        yield "bound of speed", "solver", "2√(2gE), stops", f"speed over √(2gE), {what}", found
    for cfl in (0.45, 0.2):
        found = f"{_share_of_bound(_column(cfl=cfl)):.3f}"
        yield "bound of speed", "solver", f"2√(2gE), cfl {cfl}", "the same, column on a tower", found
    found = f"{_share_of_bound(dam(1.0, scheme='local_inertial')[1]):.3f}"
    yield "NO_BOUND", "schemes", "1e30 m: none", "speed over √(2gE), Stoker with local inertia", found
    found = f"{max(mass_error(dam(low)[1]) for low in (1.0, 0.0)):.0e}"
    yield "MASS_GATE", "solver", "1e-9, stops", "largest relative closing error, dam breaks", found
    for smoothest in (1e-14, 1e-12, 1e-3):
        found = f"{_fall(smoothest):.1f} m/s"
        what = "speed foreseen of 1 mm of water without friction on a cliff of 100 m"
        yield "SMOOTHEST", "kernels_rows", smoothest, what, found


def _places() -> Iterator[Line]:
    """Of edges, crests, structures, soil."""
    for settle in (0.25, 0.5, 1.0):
        with _constants(structures, SETTLE=settle):
            left, back = _pools()
        found = f"{left:.1e} m, {back:.1e} m³"
        yield "SETTLE", "structures", settle, "two ponds: levels apart after 60 s, flow back", found
    for near in (0.4, 1.5, 4.0):
        with _constants(crests, NEAR=near):
            yield (
                "NEAR",
                "crests",
                f"{near} cells",
                "breach drawn beside a dike askew: faces, water in 5 min",
                _breach(),
            )
    for slope in (1e-5, 1e-4, 1e-3):
        with _constants(forcing, LEAST_SLOPE=slope):
            found = f"{_flat_outlet():.1f} m²"
        yield "LEAST_SLOPE", "forcing", slope, "left of 100 m² on a level plane after 1 h", found
    for cells in (1, 3, 10):
        with _constants(forcing, SLOPE_CELLS=cells):
            found = f"{_normal_depth():.3f}"
        yield (
            "SLOPE_CELLS",
            "forcing",
            cells,
            "depth at the foot of a rough plane, of the normal depth",
            found,
        )
    for depth in (0.01, 0.05, 0.2):
        with _constants(infiltration, PERMANENT_DEPTH=depth):
            found = f"{_soaked():.1f} m³"
        yield "PERMANENT_DEPTH", "infiltration", f"{depth} m", "soaked under 3 and 10 cm of water", found
    with _constants(kernels_infiltration, ENOUGH=1e-16):
        exact = _ponding()
    for enough in (1e-13, 1e-6, 1e-2):
        with _constants(kernels_infiltration, ENOUGH=enough):
            found = f"{_ponding() / exact - 1:.1e}"
        yield "ENOUGH", "kernels_infiltration", enough, "error of what loam takes in an hour", found
    exact = _culvert(2.37, POINTS=60_000)
    for points, most in ((100, 40.0), (600, 40.0), (600, 400.0)):
        found = f"{_culvert(2.37, POINTS=points, HEAD_MOST=most) / exact - 1:.1e}"
        yield (
            "POINTS, HEAD_MOST",
            "hydraulics",
            f"{points}, {most:g}",
            "error of a culvert's discharge",
            found,
        )
    for low, high in ((3.5, 4.0), (3.0, 4.5), (3.75, 3.75 + 1e-9)):
        found = f"{_culvert(1.7, 0.5, UNSUBMERGED=low, SUBMERGED=high) / _culvert(1.7, 0.5) - 1:+.4f}"
        what = "change of a culvert's discharge between its two laws (HDS-5)"
        yield "UNSUBMERGED, SUBMERGED", "hydraulics", f"{low:g}, {high:g}", what, found
    for name, choices in {
        "GENTLE": (1.5, 1.8, 2.0), "ROUGH": (0.5, 0.6, 0.7), "BREAKING": (0.15, 0.23, 0.35),
        "DEEP": (3.0, 4.0, 5.0), "LOW_WALL": (1.2, 1.35, 1.5),
    }.items():  # fmt: skip
        for choice in choices:
            what = "jump of the discharge of waves where it switches"
            yield name, "overtopping", choice, what, _waves(name, choice)


def _records() -> Iterator[Line]:
    """Of what is recorded: one run, read with other limits."""
    run = _Valley()
    for wet in (0.01, 0.05, 0.1):
        yield "WET_DEPTH", "hazards", f"{wet} m", "valley: flooded area, mean arrival", run.flooded(wet)
    for deep in (0.001, 0.01, 0.1):
        found = run.fast(deep)
        yield (
            "SPEED_DEPTH",
            "hazards",
            f"{deep} m",
            "valley: highest speed, mean of the cells' highest",
            found,
        )
    names = MEASURED["hazards"][2:]
    for share in (0.8, 1.0, 1.2):
        values = {name: np.multiply(getattr(hazards, name), share) for name in names}
        with _constants(hazards, **values):
            what = "valley: danger to adults, to small cars, PPRI strong"
            yield "limits of the classes", "hazards", f"× {share}", what, run.classes()
    for window in (60.0, 150.0, 300.0):
        rise = run.fields if window == 60.0 else _Valley(rise_window=window).fields
        found = f"{3600 * np.nanmax(rise['max_rise_rate']):.1f} m/h"
        yield "rise_window", "parameters", f"{window:g} s", "valley: highest rate of rise", found
    for medium, fast in ((0.5, 1.5), (1.0, 3.0), (2.0, 6.0)):
        limits = {"rise_medium": medium / 3600.0, "rise_fast": fast / 3600.0}
        fields = run.fields if medium == 1.0 else _Valley(**limits).fields
        found = f"{(fields['max_hazard_ppri'] >= 3).sum() / 100:.1f} ha"
        yield (
            "rise_medium, rise_fast",
            "parameters",
            f"{medium:g}, {fast:g} m/h",
            "valley: PPRI strong",
            found,
        )
    plain = _Valley(scheme="local_inertial")
    for what, values in (
        ("theta 0.8", {"theta": 0.8}),
        ("theta 1", {"theta": 1.0}),
        ("advection", {"advection": True}),
    ):
        other = _Valley(scheme="local_inertial", **values)
        apart = np.abs(other.fields["max_water_depth"] - plain.fields["max_water_depth"])
        found = f"{1000 * apart.mean():.1f} mm, {1000 * apart.max():.0f} mm"
        yield (
            what,
            "parameters",
            "theta 0.9",
            "valley, local inertia: highest depths apart, mean and most",
            found,
        )


def _finer() -> Iterator[Line]:
    """Of local time steps and of the subgrid."""
    whole = _reservoir(local=False)
    for name, choices in {
        "LEVELS": (0, 1, 2, 4, 6), "SPARE": (1, 4, 16), "GROWTH": (1.0, 1.1, 1.5), "STABLE": (0.45, 0.5, 0.6),
        "SHARES": ((1.0,), (1.0, 0.9, 0.8, 0.7, 0.6)),
    }.items():  # fmt: skip
        for choice in choices:
            flood = _reservoir(local=True, **{name: choice})
            apart = 1000 * np.sqrt(((flood.depth - whole.depth) ** 2).mean())
            found = f"{flood.cell_steps / whole.cell_steps:.3f}, {apart:.2f} mm, {mass_error(flood):.0e}"
            what = "reservoir: work and RMSE of depth against equal steps, mass"
            value = f"{choice[0]:g} to {choice[-1]:g}" if isinstance(choice, tuple) else choice
            yield name, "local_steps", value, what, found
    for modular in (0.5, 2 / 3, 0.8):
        what = "sill: discharge of the weir, then of the channel (n 0.04, 10 m), at the switch"
        yield "MODULAR", "kernels_subgrid", f"{modular:.2f}", what, _drowning(modular)
    for levels in (5, 20, 40):
        yield (
            "LEVELS",
            "subgrid",
            levels,
            "valley: largest error of a cell's volume",
            f"{1000 * _tables(levels):.1f} mm",
        )
    for most in (5, 10, 20, 40):
        found = f"{100 * _strips(most):.1f} %"
        yield "MOST_STRIPS", "subgrid", most, "faces of 40 fine cells: largest error of conveyance", found


def constants() -> Family:
    """The constants of the modules that bound or switch something, each away from its value."""
    lines = ["| constant | where | value | what was measured | |", "|---|---|---|---|---|"]
    for part in (_limits, _places, _records, _finer):
        lines += [
            f"| `{name}` | {where} | {value} | {what} | {found} |"
            for name, where, value, what, found in part()
        ]
    lines += [
        "",
        "The middle or the first row of each is the value in use. `FULL`, `FULL_SINGLE`: share of its water"
        " that a cell may give in a step; `limited_cell_steps` in the summary of a run says how often it"
        " acted. `SMOOTHEST`: g n² from which friction bounds the speed of a fall, hence the step. `SETTLE`:"
        " share of the way to equal levels that a structure may go in a step. `NEAR`: how far from the line"
        " of a breach a crest may stand. `SLOPE_CELLS`: cells over which an edge reads its slope."
        " `WET_DEPTH`, `SPEED_DEPTH` and the limits of the classes (published, see `hazards`) act on what is"
        " recorded and never on the flow; the valley is that of SUBGRID.md at 10 m. `GENTLE`, `ROUGH`,"
        " `BREAKING`, `DEEP`, `LOW_WALL`: where one formula of EurOtop (2018) gives way to another; they jump"
        " there by themselves. `MODULAR`: tailwater over head from which a sill of the subgrid is a channel."
        " `LEVELS`, `MOST_STRIPS` (`subgrid`): size of its tables.",
    ]
    return Family([], title="Constants that bound or switch something", table=lines)


def families() -> list[Callable[[], Family | list[Family]]]:
    """The cases of this file."""
    return [constants]
