"""Exact solutions: errors near what is measured, orders as theory has them (first order with fronts: below
one).
"""

import numpy as np
import pytest

from tests.flood.analytic import ThackerBowl, cell_averages, normal_depth, ritter, stoker
from tests.flood.basins import advance, parameters, solver
from twin.domain import Domain
from twin.scenarios.binding import NORMAL_DEPTH, InflowForcing, RainForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.solver import FloodSolver


def _dam_break(
    exact, cells: int, length: float, x0: float, hl: float, hr: float, t: float
) -> tuple[float, float]:
    """Relative L1 errors of h and q in a channel, rows identical."""
    edges = np.linspace(0, length, cells + 1)
    depth = np.where(0.5 * (edges[1:] + edges[:-1]) < x0, hl, hr)
    flood = solver(np.zeros((3, cells)), np.tile(depth, (3, 1)), cell=length / cells)
    advance(flood, 0.0, t)
    h, q = cell_averages(lambda x: exact(x, t), edges)
    found_h, found_q, across = flood.state()["state"]
    assert np.abs(across).max() == 0
    assert (found_h == found_h[0]).all()
    return np.abs(found_h[1] - h).sum() / h.sum(), np.abs(found_q[1] - q).sum() / np.abs(q).sum()


def test_stoker() -> None:
    def exact(x, t):
        return stoker(x, t, 1000.0, 10.0, 1.0)

    errors = np.array([_dam_break(exact, n, 2000.0, 1000.0, 10.0, 1.0, 60.0) for n in (200, 400, 800)])
    assert errors[0, 0] < 0.014
    assert errors[0, 1] < 0.038
    order = np.log2(errors[0] / errors[2]) / 2
    assert (order > 0.7).all(), order


def test_ritter() -> None:
    def exact(x, t):
        return ritter(x, t, 1000.0, 10.0)

    errors = np.array([_dam_break(exact, n, 2000.0, 1000.0, 10.0, 0.0, 45.0) for n in (200, 400, 800)])
    assert errors[0, 0] < 0.016
    assert errors[0, 1] < 0.056
    order = np.log2(errors[0] / errors[2]) / 2
    assert (order > 0.65).all(), order


def _thacker(cells: int) -> tuple[float, float]:
    bowl = ThackerBowl()
    cell = bowl.length / cells
    c = (np.arange(cells) + 0.5) * cell
    x, y = np.meshgrid(c, c[::-1])
    depth = bowl.depth(x, y, 0.0)
    u, v = bowl.velocity(0.0)
    flood = solver(
        bowl.bed(x, y), depth, cell=cell, velocity_x=np.full(x.shape, u), velocity_y=np.full(x.shape, v)
    )
    advance(flood, 0.0, bowl.period)
    error = np.abs(flood.depth - depth).sum() / depth.sum()
    return float(error), flood.ledger()["mass_error_m3"] / flood.ledger()["volume_m3"]


def test_thacker_after_one_period() -> None:
    (coarse, mass), (fine, _) = _thacker(50), _thacker(100)
    assert abs(mass) < 1e-13
    assert fine < 0.25
    assert np.log2(coarse / fine) > 0.5


def _uniform_flow(slope: float, n: float, q: float, cell: float) -> float:
    """Relative error of the depth of a uniform flow down a slope, from dry; checks its discharge and
    books.
    """
    cells = int(600 / cell)
    x = (np.arange(cells) + 0.5) * cell
    bed = np.tile(slope * (x[-1] - x), (3, 1)) + 100.0
    domain = Domain.from_arrays(bed, cell=cell, roughness=n)
    inflow = InflowForcing(
        TimeSeries.constant(q * cell * 3), 0.0, np.inf, np.array([0, cells, 2 * cells]), np.full(3, 1 / 3)
    )
    sides = uniform_boundaries(3, cells, east=NORMAL_DEPTH)
    forcing = Forcing(np.zeros(bed.shape), inflows=(inflow,), codes=sides)
    flood = FloodSolver.assemble(domain, forcing, parameters())
    advance(flood, 0.0, 4000.0)
    before = flood.ledger()["outflow_m3"]
    advance(flood, 4000.0, 4060.0)
    books = flood.ledger()
    inner = slice(cells // 3, 2 * cells // 3)
    assert (books["outflow_m3"] - before) / 60.0 == pytest.approx(q * 3 * cell, rel=1e-4)
    assert abs(books["mass_error_m3"]) < 1e-12 * books["inflow_m3"]
    return float(np.abs(flood.depth[1, inner] / normal_depth(q, n, slope) - 1).max())


@pytest.mark.parametrize(
    ("slope", "n", "error"), [(0.01, 0.03, 0.04), (0.05, 0.05, 0.16), (0.001, 0.025, 0.02)]
)
def test_a_slope_flows_at_normal_depth(slope: float, n: float, error: float) -> None:
    # First order sees the bed as steps. Where a step is lower than the water the error halves with the cell;
    # where it is higher (0.05) the flow is a cascade and the error is what it is.
    coarse, fine = _uniform_flow(slope, n, 0.5, 10.0), _uniform_flow(slope, n, 0.5, 5.0)
    assert max(coarse, fine) < error
    # Second order is at the floor of the two ends of the channel.
    assert slope == 0.05 or fine < max(0.6 * coarse, 1e-3)


@pytest.mark.parametrize(("slope", "error"), [(0.02, 0.2), (0.5, 0.03)])
def test_rain_on_a_plane_runs_off_as_it_falls(slope: float, error: float) -> None:
    """Steady state of rain on a plane: q(x) = r x, and h by Manning (kinematic wave)."""
    cells, cell, rain, n = 100, 2.0, 100e-3 / 3600, 0.03
    x = (np.arange(cells) + 0.5) * cell
    bed = np.tile(slope * (x[-1] - x), (3, 1))
    domain = Domain.from_arrays(bed, cell=cell, roughness=n)
    forcing = Forcing(
        np.zeros(bed.shape),
        rains=(RainForcing(TimeSeries.constant(rain), 0.0, np.inf),),
        codes=uniform_boundaries(3, cells, east=NORMAL_DEPTH),
    )
    flood = FloodSolver.assemble(domain, forcing, parameters())
    advance(flood, 0.0, 900.0)
    before = flood.ledger()
    advance(flood, 900.0, 960.0)
    after = flood.ledger()
    runoff = (after["outflow_m3"] - before["outflow_m3"]) / 60.0
    assert runoff == pytest.approx(rain * bed.size * cell**2, rel=1e-3)
    assert abs(after["mass_error_m3"]) < 1e-12 * after["rain_m3"]
    inner = slice(20, -3)
    discharge = rain * (x[inner] + cell / 2)
    wanted = (discharge * n / np.sqrt(slope)) ** 0.6
    np.testing.assert_allclose(flood.depth[1, inner], wanted, rtol=error)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_narrow_stream_between_dry_banks_flows_as_manning_says(columns: int) -> None:
    """Steps of the bed of 0.4 m under 0.14 m of slow water: a stream, no staircase of falls."""
    cell, slope, n, rows = 20.0, 0.02, 0.15, 40
    bed = np.tile((slope * cell * (rows - 1 - np.arange(rows)))[:, None], (1, columns + 2))
    bed[:, [0, -1]] = 30.0
    q = np.sqrt(slope) / n * 0.14 ** (5 / 3)
    head = np.arange(1, columns + 1)
    source = InflowForcing(
        TimeSeries.constant(q * columns * cell), 0.0, np.inf, head, np.full(columns, 1 / columns)
    )
    codes = uniform_boundaries(rows, columns + 2)
    codes["south"][1:-1] = NORMAL_DEPTH
    slopes = {"south": np.full(columns + 2, slope)}
    flood = solver(
        bed, np.zeros(bed.shape), cell=cell, roughness=n, scheme="second_order",
        forcing={"inflows": (source,), "codes": codes, "slopes": slopes},
    )  # fmt: skip
    advance(flood, 0.0, 14400.0)
    assert flood.depth[5:, 1:-1] == pytest.approx(0.14, rel=0.01)
