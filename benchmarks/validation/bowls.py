"""Shores that move: Thacker's two bowls, and a standing wave on a beach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.validation.case import Family, Measured, compare, mass_error, relative_l1
from tests.flood.analytic import CarrierGreenspan, RadialBowl, ThackerBowl
from tests.flood.analytic_friction import SampsonBowl
from tests.flood.basins import advance, solver


def _bowl(bowl: ThackerBowl, periods: tuple[int, ...]):
    def measure(scheme: str, cells: int) -> Measured:
        cell = bowl.length / cells
        c = (np.arange(cells) + 0.5) * cell
        x, y = np.meshgrid(c, c[::-1])
        depth = bowl.depth(x, y, 0.0)
        u, v = bowl.velocity(0.0)
        flood = solver(
            bowl.bed(x, y),
            depth,
            cell=cell,
            velocity_x=np.full(x.shape, u),
            velocity_y=np.full(x.shape, v),
            scheme=scheme,
            max_step=1e9,
        )
        t, errors = 0.0, {}
        for period in periods:
            t = advance(flood, t, period * bowl.period)
            errors[f"L1 h after {period} period{'s' if period > 1 else ''}"] = relative_l1(flood.depth, depth)
        middle = cells // 2
        # The shoreline east of the centre: where the depth passes 1 % of the greatest.
        limit = 0.01 * bowl.h0
        errors[f"shoreline after {periods[-1]} (share of its radius)"] = abs(
            _shore(c, flood.depth[middle], limit) - _shore(c, depth[middle], limit)
        ) / (_shore(c, depth[middle], limit) - bowl.length / 2)
        curve = (c, flood.depth[middle].copy(), depth[middle])
        return Measured(errors, mass_error(flood), curve)

    return measure


def _shore(c: np.ndarray, depth: np.ndarray, limit: float) -> float:
    last = int(np.flatnonzero(depth > limit).max())
    share = (depth[last] - limit) / (depth[last] - depth[last + 1])
    return float(c[last] + share * (c[1] - c[0]))


def thacker_planar() -> Family:
    """Turning plane of water, 4 × 4 m; the moving shore."""
    one = "L1 h after 1 period"
    return compare(
        "Thacker, planar",
        _bowl(ThackerBowl(), (1, 2, 3)),
        200,
        targets={one: 0.01},
        ties=("shoreline after 3 (share of its radius)",),
    )


def thacker_radial() -> Family:
    """Swinging paraboloid of water, 4 × 4 m."""
    one = "L1 h after 1 period"
    return compare(
        "Thacker, radial",
        _bowl(RadialBowl(), (1, 2, 3)),
        200,
        targets={one: 0.01},
        ties=("shoreline after 3 (share of its radius)",),
    )


def sampson() -> Family:
    """A plane of water that swings in a parabola under linear friction, 10 km, k = 0.001 1/s: two periods."""
    bowl = SampsonBowl()

    def measure(scheme: str, cells: int) -> Measured:
        cell = bowl.length / cells
        edges = np.linspace(0.0, bowl.length, cells + 1)
        x = 0.5 * (edges[1:] + edges[:-1])
        points = edges[:-1, None] + cell * (np.arange(20) + 0.5) / 20
        flood = solver(
            np.tile(bowl.bed(x), (3, 1)), np.tile(bowl.depth(points, 0.0).mean(axis=1), (3, 1)), cell=cell,
            roughness=bowl.k, friction="linear", scheme=scheme, max_step=1e9,
        )  # fmt: skip
        t, errors = 0.0, {}
        for part in (1.0, 2.0):
            t = advance(flood, t, part * bowl.period)
            h = bowl.depth(points, t).mean(axis=1)
            name = "period" if part == 1.0 else "periods"
            errors[f"L1 h after {part:g} {name}"] = relative_l1(flood.depth[1], h)
        # A quarter on, the water moves: its momentum.
        t = advance(flood, t, 2.25 * bowl.period)
        h = bowl.depth(points, t).mean(axis=1)
        q = h * bowl.velocity(t)
        errors["L1 hu after 2¼ periods"] = relative_l1(flood.state()["state"][1, 1], q)
        return Measured(errors, mass_error(flood), (x, bowl.bed(x) + flood.depth[1], bowl.bed(x) + h))

    return compare("Sampson, linear friction", measure, 200, labels=("x (m)", "level (m)"))


def carrier_greenspan() -> Family:
    """From the lowest to the highest run-up of a standing wave, A = 0.6, slope 1:10."""
    wave = CarrierGreenspan(0.6, 10.0, 0.1)

    def measure(scheme: str, cells: int) -> Measured:
        edges = np.linspace(-40.0, 4.0, cells + 1)
        x = 0.5 * (edges[1:] + edges[:-1])
        bed = wave.slope * x
        inner = (np.arange(20) + 0.5) / 20
        points = edges[:-1, None] + np.diff(edges)[:, None] * inner

        def depth(phase: float) -> np.ndarray:
            level = np.nan_to_num(wave.at_rest(points, phase), nan=-np.inf)
            return np.maximum(level - wave.slope * points, 0.0).mean(axis=1)

        flood = solver(
            np.tile(bed, (3, 1)), np.tile(depth(np.pi / 2), (3, 1)), cell=x[1] - x[0], scheme=scheme
        )
        advance(flood, 0.0, wave.half_period())
        want, near = depth(3 * np.pi / 2), x > -14.0
        found = flood.depth[1]
        shore = x[np.flatnonzero(found > 1e-3).max()]
        errors = {
            "L1 h": relative_l1(found[near], want[near]),
            "L1 level (of the wave's height)": float(
                np.abs(found - want)[near].mean() / (wave.amplitude * wave.height / 4)
            ),
            "run-up (share)": abs(shore - wave.amplitude * wave.length / 4)
            / (wave.amplitude * wave.length / 4),
        }
        level = np.where(found > 1e-3, bed + found, np.nan)
        exact = np.where(want > 1e-3, bed + want, np.nan)
        return Measured(errors, mass_error(flood), (x[near], level[near], exact[near]))

    return compare(
        "Carrier–Greenspan, A = 0.6, half a period", measure, 400,
        ties=("run-up (share)",), labels=("x (m)", "level (m)"),
    )  # fmt: skip


def families() -> list[Callable[[], Family | list[Family]]]:
    """The cases of this file."""
    return [thacker_planar, thacker_radial, sampson, carrier_greenspan]
