"""Cases that others describe in print, made from their descriptions: a V-shaped catchment, a wave round an
island, a dam that gives way in part.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.validation.case import FIRST, SECOND, Family, Measured, Row, compare, mass_error, relative_l1
from tests.flood.basins import advance, parameters, solver
from tests.flood.kinematic import VCatchment
from twin.domain import Domain
from twin.scenarios.binding import NORMAL_DEPTH, RainForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.solver import FloodSolver

# ------------------------------------------------------------ V-shaped catchment


def _catchment(case: VCatchment, scheme: str, cells: int) -> Measured:
    cell = 1620.0 / cells
    rows = round(case.channel_length / cell)
    off = np.abs((np.arange(cells) + 0.5) * cell - 810.0)
    channel = off < 0.5 * case.channel_width
    down = (np.arange(rows) + 0.5)[:, None] * cell
    along = case.channel_slope * (case.channel_length - down)
    # The planes fall to the channel alone; its bed is 1 m under their foot at its head and 21 m at its end.
    foot = case.channel_slope * case.channel_length + 1.0
    bed = np.where(channel, along, foot + case.plane_slope * (off - 0.5 * case.channel_width))
    roughness = np.where(channel, case.channel_n, case.plane_n) * np.ones_like(bed)
    codes = uniform_boundaries(rows, cells)
    codes["south"] = np.where(channel, NORMAL_DEPTH, codes["south"]).astype(np.int8)
    forcing = Forcing(
        np.zeros(bed.shape),
        rains=(RainForcing(TimeSeries.constant(case.rain), 0.0, case.duration),),
        codes=codes,
        slopes={"south": np.full(cells, case.channel_slope)},
    )
    domain = Domain.from_arrays(bed, cell=cell, roughness=roughness)
    flood = FloodSolver.assemble(domain, forcing, parameters(scheme=scheme))
    times, out = np.linspace(0.0, 2.0 * case.duration, 91), [0.0]
    for before, now in itertools.pairwise(times):
        advance(flood, before, now)
        out.append(flood.ledger()["outflow_m3"])
    flow, want = np.diff(out) / np.diff(times), case.hydrograph(times)
    peak = case.rain * 1620.0 * case.channel_length
    errors = {
        "L1 of the hydrograph, 3 h": relative_l1(flow, want),
        "peak less rain × area (share)": abs(float(flow.max()) / peak - 1.0),
        "water run off after 3 h (share)": abs(float(np.sum(flow) / np.sum(want)) - 1.0),
    }
    return Measured(errors, mass_error(flood), (0.5 * (times[1:] + times[:-1]) / 60.0, flow, want))


def v_catchment() -> Family:
    """Storm of 90 minutes on two planes that drain into a channel, against the kinematic wave.

    Di Giammarco, Todini and Lamberti (1996), J. Hydrol. 175: planes of 800 × 1000 m at 5 %, n = 0.015, a
    channel of 20 m at 2 %, n = 0.15, rain of 10.8 mm/h. All codes come to rain × area, 4.86 m³/s.
    """
    return compare(
        "V-shaped catchment, 10.8 mm/h for 90 min", partial(_catchment, VCatchment()), 81,
        published={"peak less rain × area (share)": "4.86 m³/s: kinematic and diffusive codes, 0"},
        refine=False, labels=("t (min)", "discharge (m³/s)"),
        ties=("peak less rain × area (share)", "water run off after 3 h (share)"),
    )  # fmt: skip


# ------------------------------------------------------------- conical island

# Target height of the wave (m), its real height over the depth, run-up over the target height every 22.5°
# from the front to the lee as measured by Briggs et al. (1995), Pure Appl. Geophys. 144, and by the
# shallow-water model of Liu et al. (1995), J. Fluid Mech. 302: both as tabulated by Ma et al. (2019), Eng.
# Appl. Comput. Fluid Mech. 13.
ISLAND = {
    "A": (
        0.016, 0.045, (2.6, 2.58, 2.52, 2.15, 1.98, 1.59, 1.53, 1.25, 2.0),
        (2.7, 2.39, 2.52, 2.15, 1.81, 1.59, 1.53, 1.08, 2.1),
    ),
    "C": (
        0.064, 0.181, (2.85, 2.75, 2.58, 2.25, 1.78, 1.2, 0.81, 0.65, 1.84),
        (2.24, 2.1, 1.7, 1.75, 1.45, 0.9, 0.95, 0.9, 1.5),
    ),
}  # fmt: skip


def _run_up(scheme: str, height: float, cell: float) -> tuple[np.ndarray, float]:
    """Highest level on the island every 22.5° from the front (m), and the mass error; height: over depth."""
    deep, centre, gravity = 0.32, 12.96, 9.81
    x, y = np.arange(-5.0, 19.0, cell) + 0.5 * cell, np.arange(0.0, 13.8, cell) + 0.5 * cell
    x, y = np.meshgrid(x, y)  # the half of the basin in front of the axis: a wall is its image
    away = np.hypot(x - centre, y)
    bed = -deep + np.clip(0.25 * (3.6 - away), 0.0, 0.625)
    wave = height * deep / np.cosh(np.sqrt(0.75 * height) * (x - centre + 15.075) / deep) ** 2
    depth = np.maximum(wave * (away > 3.6) - bed, 0.0)
    speed = np.sqrt(gravity / deep) * wave * (depth > 0)
    flood = solver(bed, depth, velocity_x=speed, cell=cell, roughness=0.01, scheme=scheme)
    advance(flood, 0.0, 16.0)
    fields = flood.run_fields()
    reached = np.where(fields["max_water_depth"] > 1e-3, fields["max_water_level"], -np.inf)
    angle = np.degrees(np.arctan2(y, centre - x))
    near = [np.abs(angle - a) < 4.0 for a in np.arange(9) * 22.5]
    return np.array([reached[one & (away < 3.0)].max() for one in near]), mass_error(flood)


def island() -> list[Family]:
    """A solitary wave round a conical island: run-up on all sides, against the measured one."""
    found = []
    for name, (target, height, measured, liu) in ISLAND.items():
        rows, runs = [], [_run_up(scheme, height, 0.05) for scheme in (FIRST, SECOND)]
        marks = {"front": slice(0, 1), "all sides": slice(None), "lee": slice(8, 9)}
        for where, part in marks.items():
            theirs = np.abs(np.array(liu) - measured)[part].mean()
            off = [float(np.abs(up / target - measured)[part].mean()) for up, _ in runs]
            rows.append(
                Row(
                    f"Conical island, wave {name} ({100 * height:g} % of the depth), 5 cm",
                    f"run-up over wave height, error, {where}", off[0], off[1],
                    published=f"measured {np.mean(measured[part]):.2f}; Liu et al. off by {theirs:.2f}",
                    mass=max(mass for _, mass in runs), must_win=False,
                )
            )  # fmt: skip
        angles = np.arange(9) * 22.5
        curves = {
            "exact": (angles, np.array(measured)),
            "first order": (angles, runs[0][0] / target),
            "second order": (angles, runs[1][0] / target),
        }
        title = f"Conical island, wave {name} (exact: measured)"
        found.append(Family(rows, curves, title, ("angle from the front (°)", "run-up / wave height")))
    return found


# ---------------------------------------------------------- dam broken in part


def _basin(scheme: str, cells: int) -> tuple[np.ndarray, FloodSolver]:
    cell = 200.0 / cells
    c = (np.arange(cells) + 0.5) * cell
    depth = np.tile(np.where(c < 100.0, 10.0, 5.0), (cells, 1))
    crest = np.full((cells, cells + 1), -np.inf)
    crest[:, cells // 2] = np.where((c > 30.0) & (c < 105.0), -np.inf, np.inf)
    flood = solver(np.zeros((cells, cells)), depth, cell=cell, crest_x=crest, scheme=scheme)
    advance(flood, 0.0, 7.2)
    return flood.state()["state"], flood


def broken_in_part() -> Family:
    """A dam of 10 m over 5 m, 75 m of 200 m of it gone, 7.2 s: against our own run on 320² cells.

    Fennema and Chaudhry (1990), J. Hydraul. Eng. 116(8); on 40² cells as there.
    """
    fine = _basin(SECOND, 320)[0]

    def measure(scheme: str, cells: int) -> Measured:
        found, flood = _basin(scheme, cells)
        k = 320 // cells
        h, qx, qy = fine.reshape(3, cells, k, cells, k).mean(axis=(2, 4))
        errors = {
            "L1 h": relative_l1(found[0], h),
            "L1 of the discharge": float(
                np.hypot(found[1] - qx, found[2] - qy).sum() / np.hypot(qx, qy).sum()
            ),
        }
        row = round(67.5 / 200.0 * cells)
        x = (np.arange(cells) + 0.5) * 200.0 / cells
        return Measured(errors, mass_error(flood), (x, found[0][row], h[row]))

    return compare("Dam broken in part (own 320²)", measure, 40, least_order=0.8)


def families() -> list[Callable[[], Family | list[Family]]]:
    """The cases of this file."""
    return [v_catchment, island, broken_in_part]
