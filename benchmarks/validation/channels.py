"""Steady flow in channels: bumps without friction, inverse solutions, rain on planes; and a smooth wave."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from benchmarks.validation.case import SECOND, Family, Measured, compare, mass_error, relative_l1
from tests.flood.analytic_channels import (
    InverseChannel,
    bump,
    channel_with_jump,
    flow_over_bump,
    subcritical_channel,
)
from tests.flood.basins import advance, parameters, solver
from twin.domain import Domain
from twin.scenarios.binding import NORMAL_DEPTH, OPEN, WALL, InflowForcing, RainForcing, WaterLevelForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.kernels import PAD
from twin.solvers.flood.solver import FloodSolver

NO_CELLS = np.zeros(0, dtype=np.int64)


def _flume(
    scheme: str,
    bed: np.ndarray,
    depth: np.ndarray,
    cell: float,
    q: float,
    n: float = 0.0,
    level: float | None = None,
    east: int = OPEN,
    rain: tuple[float, np.ndarray] | None = None,
) -> FloodSolver:
    """Three equal rows, fed at the west end, with a level or an open edge in the east."""
    cells = bed.size
    domain = Domain.from_arrays(np.tile(bed, (3, 1)), cell=cell, roughness=n)
    sources = []
    if q > 0:
        head = np.array([0, cells, 2 * cells])
        sources.append(InflowForcing(TimeSeries.constant(3 * q * cell), 0.0, np.inf, head, np.full(3, 1 / 3)))
    if rain is not None:
        rate, where = rain
        places = np.flatnonzero(np.tile(where, 3))
        share = np.full(places.size, 1 / places.size)
        total = rate * places.size * cell * cell
        sources.append(InflowForcing(TimeSeries.constant(total), 0.0, np.inf, places, share))
    levels = ()
    if level is not None:
        levels = (
            WaterLevelForcing(TimeSeries.constant(level), 0.0, np.inf, {"east": np.arange(3)}, NO_CELLS),
        )
    forcing = Forcing(
        np.tile(depth, (3, 1)),
        inflows=tuple(sources),
        levels=levels,
        codes=uniform_boundaries(3, cells, east=east if level is None else WALL),
    )
    return FloodSolver.assemble(domain, forcing, parameters(scheme=scheme))


def _mean_state(flood: FloodSolver, t: float, t_end: float) -> np.ndarray:
    """Mean of depth and discharge of the middle row over all steps from t to t_end, shape (2, cells).

    Every step counts: a jump held by limiters trembles by some tenths of a percent, and samples now and then
    show the tremble (0.06 % of the discharge), not the flow.
    """
    advance(flood, 0.0, t)
    row = (slice(2), 1 + PAD, slice(PAD, PAD + flood.depth.shape[1]))
    total, now = np.zeros((2, flood.depth.shape[1])), t
    while now < t_end:
        before, now = now, flood.step(now, t_end)
        total += (now - before) * flood._old[row]
    return total / (t_end - t)


def _bump(q: float, outlet: float | None, start: float):
    def measure(scheme: str, cells: int) -> Measured:
        cell = 25.0 / cells
        x = (np.arange(cells + cells // 5) + 0.5) * cell - 5.0
        # Beyond a crest that drains freely nothing stands at the start.
        depth = np.where((x < 10) | (outlet is not None), np.maximum(start - bump(x), 0.0), 0.0)
        flood = _flume(scheme, bump(x), depth, cell, q, level=outlet, east=OPEN)
        h, flow = _mean_state(flood, 200.0, 250.0)
        inner = (x > 0) & (x < 24)
        points = (x[inner][:, None] + cell * ((np.arange(10) + 0.5) / 10 - 0.5)).ravel()
        want, jump = flow_over_bump(points, q, outlet)
        exact = want.reshape(-1, 10).mean(axis=1)
        off = np.abs(flow[inner] / q - 1)
        errors = {"L1 h, mean over 50 s": relative_l1(h[inner], exact)}
        if np.isnan(jump):
            errors["discharge, mean over 50 s, greatest error"] = float(off.max())
        else:
            away = np.abs(x[inner] - jump) > 5 * cell
            errors["discharge 5 cells off the jump, mean over 50 s, greatest error"] = float(off[away].max())
        level = h[inner] + bump(x[inner])
        return Measured(errors, mass_error(flood), (x[inner], level, exact + bump(x[inner])))

    return measure


def bumps() -> list[Family]:
    """The three flows over the bump, 200 s, then means over 50 s."""
    labels = ("x (m)", "level (m)")
    even, far = (
        "discharge, mean over 50 s, greatest error",
        "discharge 5 cells off the jump, mean over 50 s, greatest error",
    )
    return [
        compare(
            "Bump, subcritical",
            _bump(4.42, 2.0, 2.0),
            200,
            targets={even: 0.003},
            refine=False,
            labels=labels,
        ),
        compare("Bump, transcritical", _bump(1.53, None, 0.66), 200, refine=False, labels=labels),
        compare(
            "Bump, with a jump",
            _bump(0.18, 0.33, 0.33),
            200,
            targets={far: 0.005},
            refine=False,
            labels=labels,
        ),
    ]


def _inverse(channel: InverseChannel, start: float, duration: float, skip: float = np.nan):
    def measure(scheme: str, cells: int) -> Measured:
        cell = channel.length / cells
        head = round(-start / cell)
        x = (np.arange(cells + head) + 0.5) * cell - head * cell
        exact = channel.depth(x)
        rain = (channel.rain, x > 0) if channel.rain else None
        level = float(channel.bed(np.array(channel.length)) + channel.depth(np.array(channel.length)))
        # The ghost cell has its centre half a cell beyond the end.
        flood = _flume(scheme, channel.bed(x), exact, cell, channel.q, channel.n, level=level, rain=rain)
        h, flow = _mean_state(flood, 0.9 * duration, duration)
        inner = (x > 0) & (x < 0.97 * channel.length)
        away = inner & ~(np.abs(x - skip) <= 5 * cell)
        flow_name = "L1 hu" if np.isnan(skip) else "L1 hu 5 cells off the jump"
        mean = f"mean over {0.1 * duration:g} s"
        errors = {
            f"L1 h, {mean}": relative_l1(h[inner], exact[inner]),
            f"{flow_name}, {mean}": float(np.abs(flow / channel.discharge(x) - 1)[away].mean()),
        }
        bed = channel.bed(x[inner])
        return Measured(errors, mass_error(flood), (x[inner], bed + h[inner], bed + exact[inner]))

    return measure


def macdonald() -> list[Family]:
    """Channels with Manning friction whose depth was chosen and whose bed follows."""
    jump, place = channel_with_jump()
    labels = ("x (m)", "level (m)")
    return [
        compare(
            "MacDonald, subcritical",
            _inverse(subcritical_channel(), -100.0, 1500.0),
            200,
            labels=labels,
            inertial=True,
        ),
        compare(
            "MacDonald, rain of 1 mm/s",
            _inverse(subcritical_channel(0.001), -100.0, 1500.0),
            200,
            labels=labels,
        ),
        compare("MacDonald type, with a jump", _inverse(jump, -20.0, 600.0, place), 200, labels=labels),
    ]


def _rain_on_plane(slope: float):
    rain, n, length = 100e-3 / 3600, 0.03, 200.0

    def measure(scheme: str, cells: int) -> Measured:
        cell = length / cells
        x = (np.arange(cells) + 0.5) * cell
        bed = np.tile(slope * (length - x), (3, 1))
        forcing = Forcing(
            np.zeros(bed.shape),
            rains=(RainForcing(TimeSeries.constant(rain), 0.0, np.inf),),
            codes=uniform_boundaries(3, cells, east=NORMAL_DEPTH),
        )
        domain = Domain.from_arrays(bed, cell=cell, roughness=n)
        flood = FloodSolver.assemble(domain, forcing, parameters(scheme=scheme))
        # Rising limb of the kinematic wave at the foot: q = √S (r t)^(5/3) / n until all the plane gives.
        arrival = (length * rain ** (-2 / 3) * n / np.sqrt(slope)) ** 0.6
        out, times = [0.0], np.linspace(0.0, 1.5 * arrival, 31)
        for before, now in itertools.pairwise(times):
            advance(flood, before, now)
            out.append(flood.ledger()["outflow_m3"])
        flow = np.diff(out) / np.diff(times) / (3 * cell)
        fine = times[:-1, None] + np.diff(times)[:, None] * (np.arange(20) + 0.5) / 20
        want = np.minimum(np.sqrt(slope) / n * (rain * fine) ** (5 / 3), rain * length).mean(axis=1)
        advance(flood, times[-1], times[-1] + 3 * arrival)
        steady = (rain * x * n / np.sqrt(slope)) ** 0.6
        inner = slice(cells // 10, -cells // 20)
        errors = {
            "L1 h, steady": relative_l1(flood.depth[1, inner], steady[inner]),
            "L1 runoff while it rises": relative_l1(flow, want),
        }
        middle = 0.5 * (times[1:] + times[:-1])
        return Measured(errors, mass_error(flood), (middle, flow * 1e3, want * 1e3))

    return measure


def rain_on_planes() -> list[Family]:
    """100 mm/h on 200 m at 1:50 and 1:2, n = 0.03, against the kinematic wave."""
    labels = ("t (s)", "runoff (l/s/m)")
    return [
        compare("Rain on a plane 1:50", _rain_on_plane(0.02), 100, labels=labels),
        compare("Rain on a plane 1:2", _rain_on_plane(0.5), 100, labels=labels),
    ]


def _uniform(slope: float, n: float):
    def measure(scheme: str, cells: int) -> Measured:
        q, cell = 0.5, 600.0 / cells
        x = (np.arange(cells) + 0.5) * cell
        bed = slope * (x[-1] - x)
        flood = _flume(scheme, bed, np.zeros(cells), cell, q, n, east=NORMAL_DEPTH)
        advance(flood, 0.0, 4000.0)
        inner = slice(cells // 3, 2 * cells // 3)
        want = np.full(cells, (q * n / np.sqrt(slope)) ** 0.6)
        error = float(np.abs(flood.depth[1] / want - 1)[inner].max())
        return Measured({"depth, greatest error in the middle third": error}, mass_error(flood))

    return measure


def uniform_flows() -> list[Family]:
    """0.5 m²/s down a slope from dry, at its normal depth (Manning)."""
    return [
        compare(
            f"Uniform flow, 1:{1 / slope:g}, n = {n:g}", _uniform(slope, n), 60, refine=False, inertial=True
        )
        for slope, n in ((0.001, 0.025), (0.01, 0.03))
    ]


def wave_over_a_plane() -> Family:
    """A wave that comes in over a dry plane at 1 m/s, n = 0.03, one hour (Hunter et al. 2005, Adv. Water
    Resour. 28; Bates et al. 2010): h^(7/3) = 7/3 n² u² (u t - x). Its speed is the same everywhere, so that
    nothing is advected and it solves the full equations too.
    """
    n, u, duration = 0.03, 1.0, 3600.0

    def exact(x, t):
        return (7 / 3 * n * n * u * u * np.maximum(u * t - x, 0.0)) ** (3 / 7)

    def measure(scheme: str, cells: int) -> Measured:
        cell = 4300.0 / cells
        edges = np.linspace(0.0, 4300.0, cells + 1)
        times = np.linspace(0.0, duration, 721)
        # The ghost cell has its centre half a cell before the edge.
        series = TimeSeries(times=tuple(times), values=tuple(exact(-0.5 * cell, times)))
        level = WaterLevelForcing(series, 0.0, np.inf, {"west": np.arange(3)}, NO_CELLS)
        domain = Domain.from_arrays(np.zeros((3, cells)), cell=cell, roughness=n)
        forcing = Forcing(np.zeros((3, cells)), levels=(level,), codes=uniform_boundaries(3, cells))
        flood = FloodSolver.assemble(domain, forcing, parameters(scheme=scheme))
        advance(flood, 0.0, duration)
        points = edges[:-1, None] + cell * (np.arange(20) + 0.5) / 20
        want = exact(points, duration).mean(axis=1)
        errors = {"L1 h": relative_l1(flood.depth[1], want)}
        return Measured(errors, mass_error(flood), (0.5 * (edges[1:] + edges[:-1]), flood.depth[1], want))

    return compare("Wave over a dry plane, 1 m/s, 1 h", measure, 86, ties=("L1 h",), inertial=True)


def smooth_wave() -> Family:
    """A smooth wave before it breaks, over a smooth bed, against our own run on 3200 cells: the order."""

    def profile(scheme: str, cells: int):
        edges = np.linspace(0.0, 100.0, cells + 1)
        points = edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(20) + 0.5) / 20
        bed = (0.2 * np.exp(-(((points - 65) / 8) ** 2))).mean(axis=1)
        level = (1.0 + 0.1 * np.exp(-(((points - 45) / 6) ** 2))).mean(axis=1)
        flood = solver(np.tile(bed, (3, 1)), np.tile(level - bed, (3, 1)), cell=100.0 / cells, scheme=scheme)
        advance(flood, 0.0, 6.0)
        return 0.5 * (edges[1:] + edges[:-1]), flood.state()["state"][:2, 1], mass_error(flood)

    reference = profile(SECOND, 3200)[1]

    def measure(scheme: str, cells: int) -> Measured:
        x, (h, q), mass = profile(scheme, cells)
        want_h, want_q = reference.reshape(2, cells, -1).mean(axis=2)
        errors = {"L1 h": relative_l1(h, want_h), "L1 hu": relative_l1(q, want_q)}
        return Measured(errors, mass, (x, h, want_h))

    return compare("Smooth wave over a smooth bed (own 3200 cells)", measure, 200, least_order=1.9)


def families() -> list[Callable[[], Family | list[Family]]]:
    """The cases of this file."""
    return [bumps, macdonald, uniform_flows, wave_over_a_plane, rain_on_planes, smooth_wave]
