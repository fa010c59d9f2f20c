"""The shallow water equations on cells that carry the fine terrain: against the plain scheme, exact solutions
in channels narrower than a cell, and the fine run.
"""

import numpy as np
import pytest

from benchmarks.validation import valley
from tests.flood.analytic import ritter, stoker
from tests.flood.basins import advance
from tests.flood.test_subgrid import K, _domain, _flood
from twin.domain import Domain
from twin.scenarios.binding import NORMAL_DEPTH, InflowForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver
from twin.subgrid import depth_at_level, level_at_depth

WALL = 30.0  # m


def _plain(domain: Domain, forcing: Forcing, **values: object) -> FloodSolver:
    return FloodSolver.assemble(
        domain, forcing, FloodParameters(**{"threads": 1, "scheme": "first_order", **values})
    )


@pytest.mark.parametrize("behind", [1.0, 0.0])
def test_on_a_flat_bed_it_is_the_plain_scheme(behind: float) -> None:
    """A square of water that falls apart in both directions; sections are single: 1e-5 m of 4."""
    domain = _domain(np.zeros((30 * K, 30 * K)), roughness=0.0)
    depth = np.full((30, 30), behind)
    depth[10:20, 8:18] = 4.0
    one = _flood(domain, Forcing(depth), scheme="first_order", max_step=0.2)
    other = _plain(domain, Forcing(depth), max_step=0.2)
    for flood in (one, other):
        advance(flood, 0.0, 12.0)
    assert one.steps == other.steps
    np.testing.assert_allclose(one.depth, other.depth, rtol=0, atol=1e-5)
    np.testing.assert_allclose(one.state()["state"], other.state()["state"], rtol=0, atol=1e-4)


def _channel(cells: int, width: int) -> np.ndarray:
    """A channel of some fine cells between walls, in a row of coarse ones."""
    bed = np.full((K, cells * K), WALL)
    bed[3 : 3 + width] = 0.0
    return bed


@pytest.mark.parametrize("low", [1.0, 0.0])
def test_a_dam_break_in_a_channel_narrower_than_a_cell(low: float) -> None:
    """Stoker and Ritter: the plain scheme in a channel as wide as its cells makes the same error, under
    1 %; its thin front (mm) moves by the rounding of the sections, which are single.
    """
    cells, width, dam, t = 400, 3, 2000.0, 60.0
    x = (np.arange(cells) + 0.5) * K
    level = np.where(x < dam, 10.0, low)[None, :]
    domain = _domain(_channel(cells, width), roughness=0.0)
    flood = _flood(domain, Forcing(depth_at_level(domain, level)), scheme="first_order", max_step=0.15)
    flat = _plain(
        Domain.from_arrays(np.zeros((1, cells)), cell=float(K), roughness=0.0), Forcing(level), max_step=0.15
    )
    for run in (flood, flat):
        advance(run, 0.0, t)
    found = level_at_depth(domain, flood.depth)[0]
    exact, _ = stoker(x, t, dam, 10.0, low) if low > 0.0 else ritter(x, t, dam, 10.0)
    error = np.abs(found - exact).sum() / exact.sum()
    assert error < 0.01
    np.testing.assert_allclose(found, flat.depth[0], rtol=0, atol=1e-5 if low > 0.0 else 5e-5)


@pytest.mark.parametrize(("slope", "off"), [(0.001, 0.002), (0.01, 0.025)])
def test_normal_flow_in_a_v_is_that_of_manning(slope: float, off: float) -> None:
    """A V of 1:1.25 in cells of 10 m: its level carries the discharge with the conveyance of its strips;
    where a cell falls by 10 cm, to 2.5 %. Supercritical at 1 %, steady there too.
    """
    cells, discharge, n = 60, 12.0, 0.03
    across = np.abs(np.arange(K) - 4.5)[:, None] / 1.25
    along = slope * (cells * K - np.arange(cells * K) - 0.5)[None, :]
    domain = _domain(across + along, roughness=n)
    inflow = InflowForcing(TimeSeries.constant(discharge), 0.0, np.inf, np.array([0]), np.ones(1))
    force = Forcing(
        np.zeros((1, cells)), inflows=(inflow,), codes=uniform_boundaries(1, cells, east=NORMAL_DEPTH),
        slopes={"east": np.full(1, slope)},
    )  # fmt: skip
    flood = _flood(domain, force, scheme="first_order")
    advance(flood, 0.0, 3000.0)
    depths = np.linspace(0.0, 3.0, 3001)
    carried = [np.sqrt(slope) / n * (np.maximum(h - (across - 0.4), 0.0) ** (5 / 3)).sum() for h in depths]
    normal = np.interp(discharge, carried, depths)
    x = (np.arange(cells) + 0.5) * K
    bottom = 0.4 + slope * (cells * K - x)
    found = (level_at_depth(domain, flood.depth)[0] - bottom)[20:50]
    np.testing.assert_allclose(found, normal, rtol=off)


def test_a_flood_on_a_steep_rough_slope_stays_bounded() -> None:
    """1:5 with pits and bumps of 1 m, dam break: mass exact, no speed beyond what the fall explains."""
    rng = np.random.default_rng(4)
    bed = 0.2 * np.arange(40 * K)[None, ::-1] + rng.uniform(0.0, 1.0, (12 * K, 40 * K))
    domain = _domain(bed, roughness=0.03)
    depth = np.zeros((12, 40))
    depth[:, :5] = 4.0
    flood = _flood(domain, Forcing(depth), scheme="first_order")
    advance(flood, 0.0, 60.0)
    books = flood.ledger()
    assert abs(books["mass_error_m3"]) < 1e-12 * depth.sum() * K**2
    assert flood.depth.min() >= 0.0
    h, qx, qy = flood.state()["state"]
    fastest = (np.hypot(qx, qy)[h > 0.01] / h[h > 0.01]).max()
    assert 1.0 < fastest < np.sqrt(2 * 9.81 * (np.ptp(bed) + 8.0))


def test_ten_metres_agree_with_the_second_order_at_one() -> None:
    """A piece of the valley of the benchmark, as `test_ten_metres_agree_with_one_where_averages_do_not`."""
    bed = valley.terrain(300, 200)
    fine = valley.run(
        Domain.from_arrays(bed, cell=1.0, roughness=valley.ROUGHNESS),
        valley.forcing(bed.shape, 1.0, peak=40.0), 600.0, scheme="second_order",
    )  # fmt: skip
    part, found = np.s_[:, 30:], {}
    for tables in (True, False):
        coarse = valley.run(
            valley.coarse_domain(bed, K, tables=tables), valley.forcing((20, 30), 10.0, peak=40.0), 600.0,
            scheme="first_order", subgrid=tables,
        )  # fmt: skip
        depth = valley.over_fine(coarse.level, bed, K)
        found[tables] = valley.agreement(fine.level[part], fine.depth[part], (bed + depth)[part], depth[part])
        assert coarse.mass < 1e-12
    rmse, high, overlap = found[True]
    assert rmse < 0.03
    assert high < 0.05
    assert overlap > 0.85
    assert found[False][0] > 2 * rmse
