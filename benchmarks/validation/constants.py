"""What the constants of the solver's modules that bound or switch something do: each away from its value.

`MEASURED` names them all; `tests/flood/test_constants.py` sees to it that no other module constant of the
solver is a bound or a switch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.validation import constant_runs as runs
from benchmarks.validation.case import Family, mass_error
from benchmarks.validation.sensitivity import dam
from twin.solvers.flood import (
    crests,
    forcing,
    hazards,
    infiltration,
    kernels_infiltration,
    structures,
)
from twin.solvers.flood.kernels import FULL, FULL_SINGLE

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
    "kernels_subgrid_faces": ("MODULAR",),
    "local_steps": ("LEVELS", "SPARE", "GROWTH", "STABLE", "SHARES"),
    "overtopping": ("GENTLE", "ROUGH", "BREAKING", "DEEP", "LOW_WALL"),
    "solver": ("MASS_GATE",),
    "structures": ("SETTLE",),
}  # fmt: skip


Line = tuple[str, str, object, str, str]


def _limits() -> Iterator[Line]:
    """Of the solver and its schemes."""
    for full in (FULL, 0.9, 0.5):
        flood = runs.column(full)
        value = "1 − 1e-14" if full == FULL else full
        found = f"{flood.limited} limited, {runs.share_of_bound(flood):.3f}"
        yield "FULL", "kernels", value, "cells limited and speed over √(2gE), column on a tower", found
    for full in (1.0 - 1e-7, FULL_SINGLE, 0.5):
        flood = runs.column(np.float32(full), precision="float32")
        value = "1 − 1e-7" if full > FULL_SINGLE else "1 − 5e-6" if full == FULL_SINGLE else full
        found = f"{flood.limited} limited, lowest depth {flood.depth.min():.1e} m"
        yield "FULL_SINGLE", "kernels", value, "the same in single precision", found
    for low, what in ((1.0, "Stoker"), (0.0, "Ritter")):
        found = f"{runs.share_of_bound(dam(low)[1]):.3f}"
        yield "bound of speed", "solver", "2√(2gE), stops", f"speed over √(2gE), {what}", found
    for cfl in (0.45, 0.2):
        found = f"{runs.share_of_bound(runs.column(cfl=cfl)):.3f}"
        yield "bound of speed", "solver", f"2√(2gE), cfl {cfl}", "the same, column on a tower", found
    found = f"{runs.share_of_bound(dam(1.0, scheme='local_inertial')[1]):.3f}"
    yield (
        "bound of speed",
        "stopping",
        "2√(2gE), stops",
        "speed over √(2gE), Stoker with local inertia",
        found,
    )
    found = f"{max(mass_error(dam(low)[1]) for low in (1.0, 0.0)):.0e}"
    yield "MASS_GATE", "solver", "1e-9, stops", "largest relative closing error, dam breaks", found
    for smoothest in (1e-14, 1e-12, 1e-3):
        found = f"{runs.fall_speed(smoothest):.1f} m/s"
        what = "speed foreseen of 1 mm of water without friction on a cliff of 100 m"
        yield "SMOOTHEST", "kernels_rows", smoothest, what, found


def _places() -> Iterator[Line]:
    """Of edges, crests, structures, soil."""
    for settle in (0.25, 0.5, 1.0):
        with runs.with_constants(structures, SETTLE=settle):
            left, back = runs.pools()
        found = f"{left:.1e} m, {back:.1e} m³"
        yield "SETTLE", "structures", settle, "two ponds: levels apart after 60 s, flow back", found
    for near in (0.4, 1.5, 4.0):
        with runs.with_constants(crests, NEAR=near):
            yield (
                "NEAR",
                "crests",
                f"{near} cells",
                "breach drawn beside a dike askew: faces, water in 5 min",
                runs.breach_through(),
            )
    for slope in (1e-5, 1e-4, 1e-3):
        with runs.with_constants(forcing, LEAST_SLOPE=slope):
            found = f"{runs.flat_outlet():.1f} m²"
        yield "LEAST_SLOPE", "forcing", slope, "left of 100 m² on a level plane after 1 h", found
    for cells in (1, 3, 10):
        with runs.with_constants(forcing, SLOPE_CELLS=cells):
            found = f"{runs.outlet_depth_error():.3f}"
        yield (
            "SLOPE_CELLS",
            "forcing",
            cells,
            "depth at the foot of a rough plane, of the normal depth",
            found,
        )
    for depth in (0.01, 0.05, 0.2):
        with runs.with_constants(infiltration, PERMANENT_DEPTH=depth):
            found = f"{runs.soaked():.1f} m³"
        yield "PERMANENT_DEPTH", "infiltration", f"{depth} m", "soaked under 3 and 10 cm of water", found
    with runs.with_constants(kernels_infiltration, ENOUGH=1e-16):
        exact = runs.ponding()
    for enough in (1e-13, 1e-6, 1e-2):
        with runs.with_constants(kernels_infiltration, ENOUGH=enough):
            found = f"{runs.ponding() / exact - 1:.1e}"
        yield "ENOUGH", "kernels_infiltration", enough, "error of what loam takes in an hour", found
    exact = runs.culvert(2.37, POINTS=60_000)
    for points, most in ((100, 40.0), (600, 40.0), (600, 400.0)):
        found = f"{runs.culvert(2.37, POINTS=points, HEAD_MOST=most) / exact - 1:.1e}"
        yield (
            "POINTS, HEAD_MOST",
            "hydraulics",
            f"{points}, {most:g}",
            "error of a culvert's discharge",
            found,
        )
    for low, high in ((3.5, 4.0), (3.0, 4.5), (3.75, 3.75 + 1e-9)):
        found = f"{runs.culvert(1.7, 0.5, UNSUBMERGED=low, SUBMERGED=high) / runs.culvert(1.7, 0.5) - 1:+.4f}"
        what = "change of a culvert's discharge between its two laws (HDS-5)"
        yield "UNSUBMERGED, SUBMERGED", "hydraulics", f"{low:g}, {high:g}", what, found
    for name, choices in {
        "GENTLE": (1.5, 1.8, 2.0), "ROUGH": (0.5, 0.6, 0.7), "BREAKING": (0.15, 0.23, 0.35),
        "DEEP": (3.0, 4.0, 5.0), "LOW_WALL": (1.2, 1.35, 1.5),
    }.items():  # fmt: skip
        for choice in choices:
            what = "jump of the discharge of waves where it switches"
            yield name, "overtopping", choice, what, runs.waves(name, choice)


def _records() -> Iterator[Line]:
    """Of what is recorded: one run, read with other limits."""
    run = runs.Valley()
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
        with runs.with_constants(hazards, **values):
            what = "valley: danger to adults, to small cars, PPRI strong"
            yield "limits of the classes", "hazards", f"× {share}", what, run.classes()
    for window in (60.0, 150.0, 300.0):
        rise = run.fields if window == 60.0 else runs.Valley(rise_window=window).fields
        found = f"{3600 * np.nanmax(rise['max_rise_rate']):.1f} m/h"
        yield "rise_window", "parameters", f"{window:g} s", "valley: highest rate of rise", found
    for medium, fast in ((0.5, 1.5), (1.0, 3.0), (2.0, 6.0)):
        limits = {"rise_medium": medium / 3600.0, "rise_fast": fast / 3600.0}
        fields = run.fields if medium == 1.0 else runs.Valley(**limits).fields
        found = f"{(fields['max_hazard_ppri'] >= 3).sum() / 100:.1f} ha"
        yield (
            "rise_medium, rise_fast",
            "parameters",
            f"{medium:g}, {fast:g} m/h",
            "valley: PPRI strong",
            found,
        )
    plain = runs.Valley(scheme="local_inertial")
    for what, values in (
        ("theta 0.8", {"theta": 0.8}),
        ("theta 1", {"theta": 1.0}),
        ("advection", {"advection": True}),
    ):
        other = runs.Valley(scheme="local_inertial", **values)
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
    whole = runs.reservoir(local=False)
    for name, choices in {
        "LEVELS": (0, 1, 2, 4, 6), "SPARE": (1, 4, 16), "GROWTH": (1.0, 1.1, 1.5), "STABLE": (0.45, 0.5, 0.6),
        "SHARES": ((1.0,), (1.0, 0.9, 0.8, 0.7, 0.6)),
    }.items():  # fmt: skip
        for choice in choices:
            flood = runs.reservoir(local=True, **{name: choice})
            apart = 1000 * np.sqrt(((flood.depth - whole.depth) ** 2).mean())
            found = f"{flood.cell_steps / whole.cell_steps:.3f}, {apart:.2f} mm, {mass_error(flood):.0e}"
            what = "reservoir: work and RMSE of depth against equal steps, mass"
            value = f"{choice[0]:g} to {choice[-1]:g}" if isinstance(choice, tuple) else choice
            yield name, "local_steps", value, what, found
    for modular in (0.5, 2 / 3, 0.8):
        what = "sill: discharge of the weir, then of the channel (n 0.04, 10 m), at the switch"
        yield "MODULAR", "kernels_subgrid_faces", f"{modular:.2f}", what, runs.drowning(modular)
    for levels in (5, 20, 40):
        yield (
            "LEVELS",
            "subgrid",
            levels,
            "valley: largest error of a cell's volume",
            f"{1000 * runs.table_error(levels):.1f} mm",
        )
    for most in (5, 10, 20, 40):
        found = f"{100 * runs.strip_error(most):.1f} %"
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
