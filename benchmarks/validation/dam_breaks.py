"""Dam breaks on a flat bed: Stoker, Ritter, with friction, and turned against the grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.validation.case import FIRST, SECOND, Family, Measured, Row, compare, mass_error, relative_l1
from tests.flood.analytic import G, cell_averages, ritter, stoker
from tests.flood.analytic_friction import dressler, ritter_on_slope
from tests.flood.basins import advance, solver

Floats = NDArray[np.float64]
ANUGA = "ANUGA gate"


def _channel(exact: Callable, length: float, x0: float, hl: float, hr: float, t: float):
    def measure(scheme: str, cells: int) -> Measured:
        edges = np.linspace(0, length, cells + 1)
        x = 0.5 * (edges[1:] + edges[:-1])
        flood = solver(
            np.zeros((3, cells)),
            np.tile(np.where(x < x0, hl, hr), (3, 1)),
            cell=length / cells,
            scheme=scheme,
        )
        advance(flood, 0.0, t)
        h, q = cell_averages(lambda x: exact(x, t), edges)
        found_h, found_q, _ = flood.state()["state"]
        errors = {"L1 h": relative_l1(found_h[1], h), "L1 hu": relative_l1(found_q[1], q)}
        return Measured(errors, mass_error(flood), (x, found_h[1], h))

    return measure


def stoker_and_ritter() -> list[Family]:
    """The four cases whose figures the project asks for."""
    return [
        compare(
            "Stoker 10 m / 1 m, 2 km, 60 s",
            _channel(lambda x, t: stoker(x, t, 1000.0, 10.0, 1.0), 2000.0, 1000.0, 10.0, 1.0, 60.0),
            200,
            targets={"L1 h": 0.003, "L1 hu": 0.007},
            published={"L1 h": f"< 1 % ({ANUGA})", "L1 hu": f"< 1–2 % ({ANUGA})"},
            least_order=0.9,
            inertial=True,
        ),
        compare(
            "Stoker, SWASHES 5 mm / 1 mm, 10 m, 6 s",
            _channel(lambda x, t: stoker(x, t, 5.0, 0.005, 0.001), 10.0, 5.0, 0.005, 0.001, 6.0),
            200,
            targets={"L1 h": 0.0025, "L1 hu": 0.013},
            least_order=0.9,
        ),
        compare(
            "Ritter 10 m, 2 km, 45 s",
            _channel(lambda x, t: ritter(x, t, 1000.0, 10.0), 2000.0, 1000.0, 10.0, 0.0, 45.0),
            200,
            targets={"L1 h": 0.006, "L1 hu": 0.022},
            published={"L1 h": f"< 10–15 % ({ANUGA})", "L1 hu": f"< 25 % ({ANUGA})"},
            least_order=0.9,
        ),
        compare(
            "Ritter, SWASHES 5 mm, 10 m, 6 s",
            _channel(lambda x, t: ritter(x, t, 5.0, 0.005), 10.0, 5.0, 0.005, 0.0, 6.0),
            200,
            targets={"L1 hu": 0.032},
            least_order=0.9,
        ),
    ]


def with_friction() -> Family:
    """Dam break on a dry bed with Manning friction, against our own run on 16 times as many cells."""

    def profile(scheme: str, cells: int):
        x = (np.arange(cells) + 0.5) * 2000.0 / cells
        flood = solver(
            np.zeros((3, cells)),
            np.tile(np.where(x < 1000, 10.0, 0.0), (3, 1)),
            cell=2000.0 / cells,
            roughness=0.03,
            scheme=scheme,
        )
        advance(flood, 0.0, 45.0)
        return x, flood.state()["state"][:2, 1], mass_error(flood)

    fine = profile(SECOND, 6400)[1]

    def measure(scheme: str, cells: int) -> Measured:
        x, (h, q), mass = profile(scheme, cells)
        want_h, want_q = fine.reshape(2, cells, -1).mean(axis=2)
        return Measured(
            {"L1 h": relative_l1(h, want_h), "L1 hu": relative_l1(q, want_q)}, mass, (x, h, want_h)
        )

    return compare("Dam break, dry, n = 0.03 (own 6400 cells)", measure, 200, least_order=0.9)


def with_chezy() -> Family:
    """Dressler's dam break, 6 m, C = 40, 40 s, up to where his tip begins; his series stops at g²/C²."""
    t, x0, hl, chezy = 40.0, 1000.0, 6.0, 40.0

    def measure(scheme: str, cells: int) -> Measured:
        edges = np.linspace(0.0, 2000.0, cells + 1)
        x = 0.5 * (edges[1:] + edges[:-1])
        flood = solver(
            np.zeros((3, cells)), np.tile(np.where(x < x0, hl, 0.0), (3, 1)), cell=2000.0 / cells,
            roughness=G / chezy**2, friction="chezy", scheme=scheme,
        )  # fmt: skip
        advance(flood, 0.0, t)
        points = edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(20) + 0.5) / 20
        depth, speed, tip = dressler(points, t, x0, hl, chezy)
        body = edges[1:] < tip
        h, q = depth.mean(axis=1), (depth * speed).mean(axis=1)
        found_h, found_q = flood.state()["state"][:2, 1]
        wet = np.flatnonzero(found_h > 0.01)[-1]
        ahead = body.sum() + (wet - body.sum()) // 2  # in the middle of the tip
        errors = {
            "L1 h before the tip": relative_l1(found_h[body], h[body]),
            "L1 hu before the tip": relative_l1(found_q[body], q[body]),
            "speed in the middle of the tip (share)": float(
                abs(found_q[ahead] / found_h[ahead] / np.nanmax(speed) - 1)
            ),
        }
        return Measured(errors, mass_error(flood), (x, found_h, h))

    return compare(
        "Dressler, 6 m, C = 40, 40 s", measure, 200,
        ties=("L1 h before the tip", "L1 hu before the tip", "speed in the middle of the tip (share)"),
    )  # fmt: skip


def on_slope() -> Family:
    """A sheet of 10 m let go on a dry slope of 1:10, 15 s, below what its upper end has reached."""
    t, x0, hl, slope = 15.0, 1000.0, 10.0, 0.1

    def measure(scheme: str, cells: int) -> Measured:
        edges = np.linspace(0.0, 2000.0, cells + 1)
        x = 0.5 * (edges[1:] + edges[:-1])
        flood = solver(
            np.tile(slope * (2000.0 - x), (3, 1)), np.tile(np.where(x < x0, hl, 0.0), (3, 1)),
            cell=2000.0 / cells, scheme=scheme,
        )  # fmt: skip
        advance(flood, 0.0, t)
        h, q = cell_averages(lambda x: ritter_on_slope(x, t, x0, hl, slope), edges)
        found_h, found_q = flood.state()["state"][:2, 1]
        clear = x > 400.0  # of the hole that opens at the upper wall
        errors = {
            "L1 h": relative_l1(found_h[clear], h[clear]),
            "L1 hu": relative_l1(found_q[clear], q[clear]),
        }
        return Measured(errors, mass_error(flood), (x[clear], found_h[clear], h[clear]))

    return compare("Dam break on a slope of 1:10", measure, 200, least_order=0.9)


def turned() -> Family:
    """Stoker with its dam at 30° to the grid; errors over a disc that no wall has reached."""
    return _turned("Stoker", 30.0, 1.0, lambda s, t: stoker(s, t, 0.0, 10.0, 1.0))


def turned_ritter() -> Family:
    """Ritter with its dam at 30° to the grid, 2 × 2 km, 25 s; errors over a disc that no wall has reached."""
    return _turned("Ritter", 25.0, 0.0, lambda s, t: ritter(s, t, 0.0, 10.0))


def _turned(
    name: str, t: float, below: float, exact: Callable[[Floats, float], tuple[Floats, Floats]]
) -> Family:
    """A dam of 10 m at 30° to the grid before water of depth ``below`` (m), after t (s)."""
    angle = np.radians(30.0)

    def measure(scheme: str, cells: int) -> Measured:
        cell = 2000.0 / cells
        c = (np.arange(cells) + 0.5) * cell - 1000.0
        x, y = np.meshgrid(c, c[::-1])
        s = x * np.cos(angle) + y * np.sin(angle)
        # Share of the cell behind the dam, by 8 × 8 points.
        sub = (np.arange(8) + 0.5) / 8 * cell - cell / 2
        share = np.mean([(s + a * np.cos(angle) + b * np.sin(angle) < 0) for a in sub for b in sub], axis=0)
        flood = solver(np.zeros_like(s), below + (10.0 - below) * share, cell=cell, scheme=scheme)
        advance(flood, 0.0, t)
        h, q = exact(s, t)
        found, qx, qy = flood.state()["state"]
        along = qx * np.cos(angle) - qy * np.sin(angle)
        across = qx * np.sin(angle) + qy * np.cos(angle)
        near = np.hypot(x, y) < 450
        errors = {
            "L1 h": relative_l1(found[near], h[near]),
            "L1 hu": relative_l1(along[near], q[near]),
            "L1 of the flow across": float(np.abs(across[near]).sum() / np.abs(q[near]).sum()),
        }
        order = np.argsort(s[near])[:: max(1, near.sum() // 400)]
        return Measured(errors, mass_error(flood), (s[near][order], found[near][order], h[near][order]))

    return compare(f"{name}, dam at 30° to the grid", measure, 200, least_order=0.8)


def round_dam() -> Family:
    """A round dam: depth along the axis against depth along the diagonal (isotropy)."""

    def anisotropy(scheme: str) -> tuple[float, float]:
        cells, cell = 200, 1.0
        c = (np.arange(cells) + 0.5) * cell - 100.0
        x, y = np.meshgrid(c, c[::-1])
        sub = (np.arange(8) + 0.5) / 8 - 0.5
        share = np.mean([np.hypot(x + a, y + b) < 40 for a in sub for b in sub], axis=0)
        flood = solver(np.zeros_like(x), 1.0 + 9.0 * share, cell=cell, scheme=scheme)
        advance(flood, 0.0, 4.0)
        from scipy.interpolate import RegularGridInterpolator

        depth = RegularGridInterpolator((c, c), flood.depth[::-1].copy())
        r = np.linspace(2, 95, 373)
        axis = depth(np.column_stack([np.zeros_like(r), r]))
        diagonal = depth(np.column_stack([r, r]) / np.sqrt(2))
        return float(np.abs(axis - diagonal).sum() / axis.sum()), mass_error(flood)

    first, second = anisotropy("first_order"), anisotropy(SECOND)
    row = Row(
        "Round dam 10 m / 1 m, 4 s", "L1 axis − diagonal, 200² cells", first[0], second[0], 0.01,
        mass=max(first[1], second[1]), must_win=False,
    )  # fmt: skip
    return Family([row], title="Round dam")


def dike_at_an_angle() -> Family:
    """The first instant over a straight dike, along the grid and at an angle to it: discharge beside that of
    a weir of its length, 1.70 E^1.5.
    """
    n, cell, height, head = 400, 5.0, 3.0, 0.3  # so many cells that the ends of the dike do not tell
    i, j = np.mgrid[0:n, 0:n]
    sides = {0: 2 * j < n, 27: 2 * i + 4 * j < 3 * n, 45: i + j < n}  # before the dike, by its angle (°)
    rows = []
    for angle, before in sides.items():
        crest_x, crest_y = np.full((n, n + 1), -np.inf), np.full((n + 1, n), -np.inf)
        crest_x[:, 1:-1][before[:, 1:] != before[:, :-1]] = height
        crest_y[1:-1][before[1:] != before[:-1]] = height
        depth = np.where(before, height + head, 0.0)
        metres = n * cell * {0: 1.0, 27: np.sqrt(1.25), 45: np.sqrt(2.0)}[angle]
        off, masses = [], []
        for scheme in (FIRST, SECOND):
            flood = solver(
                np.zeros((n, n)), depth, crest_x=crest_x, crest_y=crest_y, cell=cell, scheme=scheme
            )  # fmt: skip
            flood.step(0.0, 1e-3)
            passed = flood.depth[~before].sum() * cell**2 / 1e-3
            off.append(float(abs(passed / (1.70 * head**1.5 * metres) - 1.0)))
            masses.append(mass_error(flood))
        rows.append(
            Row(
                f"Dike at {angle}° to the grid", "discharge, error (share)", *off, 0.03, mass=max(masses),
                must_win=False,
            )
        )  # fmt: skip
    return Family(rows, title="Dike at an angle")


def families() -> list[Callable[[], Family | list[Family]]]:
    """The cases of this file."""
    return [
        stoker_and_ritter,
        with_friction,
        with_chezy,
        on_slope,
        turned,
        turned_ritter,
        round_dam,
        dike_at_an_angle,
    ]
