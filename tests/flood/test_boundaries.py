"""Boundaries on stretches, and inflows that come with their speed."""

from pathlib import Path

import numpy as np
import pytest

from tests import small
from tests.flood.analytic import normal_depth
from tests.flood.basins import advance, solver
from twin.domain import Domain
from twin.errors import InputError
from twin.scenarios import Inflow, Scenario
from twin.scenarios.binding import (
    OPEN,
    RATING,
    InflowForcing,
    RainForcing,
    RatingForcing,
    WaterLevelForcing,
    inflows,
)
from twin.scenarios.forcing import TimeSeries
from twin.scenarios.rating import RatingCurve, read_rating
from twin.simulation import Simulation
from twin.solvers.flood.forcing import uniform_boundaries
from twin.solvers.flood.solver import FloodSolver

CURVE = RatingCurve((0.0, 1.0, 2.0, 3.0), (0.0, 8.0, 30.0, 70.0))


def _river(discharge: float, scheme: str, **more: object) -> FloodSolver:
    """A channel of 12 m × 500 m on a gentle slope, fed in the west, a rating curve in the east."""
    bed = np.tile(0.0005 * (500.0 - np.arange(2.5, 500, 5.0)), (4, 1)) - 0.6
    cells = np.arange(4) * 100
    inflow = InflowForcing(TimeSeries.constant(discharge), 0.0, np.inf, cells, np.full(4, 0.25))
    rating = RatingForcing(CURVE, {"east": np.arange(4)})
    return solver(
        bed, np.full(bed.shape, 1.0), cell=5.0, roughness=0.03, scheme=scheme,
        forcing={
            "inflows": (inflow,), "ratings": (rating,), "codes": uniform_boundaries(4, 100, east=RATING),
        } | more,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
@pytest.mark.parametrize("discharge", [6.0, 25.0])
def test_a_rating_curve_holds_its_level(discharge: float, scheme: str) -> None:
    flood = _river(discharge, scheme)
    advance(flood, 0.0, 7200.0)
    before = flood.ledger()["outflow_m3"]
    advance(flood, 7200.0, 7500.0)
    assert (flood.ledger()["outflow_m3"] - before) / 300.0 == pytest.approx(discharge, rel=2e-3)
    level = flood.bed[0, -1] + flood.datum + flood.depth[0, -1]
    assert CURVE.at(level) == pytest.approx(discharge, rel=0.01)
    assert abs(flood.ledger()["mass_error_m3"]) <= 1e-12 * flood.ledger()["outflow_m3"]


@pytest.mark.parametrize(
    ("slope", "q", "curve", "wanted"),
    [
        (0.002, 0.5, RatingCurve((0.0, 1.0, 2.0), (0.0, 15.0, 45.0)), 1.0),
        (0.001, 0.6, RatingCurve((1.0, 1.01, 3.0), (0.0, 200.0, 600.0)), 1.0009),  # steep at low flow
        (0.001, 0.6, RatingCurve((1.0, 3.0), (30.0, 60.0)), 1.0),  # begins with a jump
    ],
)
def test_a_rating_curve_stands_at_its_level_without_swinging(
    slope: float, q: float, curve: RatingCurve, wanted: float
) -> None:
    """20 m wide, 240 m long; it stood 2 cm high at 0.5 m²/s: c S dx / 2 more was read from the curve."""
    bed = np.tile(slope * 10.0 * np.arange(24)[::-1], (2, 1))
    inflow = InflowForcing(
        TimeSeries.constant(q * 20.0), 0.0, np.inf, np.array([0, 24]), np.full(2, 0.5),
        np.tile((1.0, 0.0), (2, 1)), 20.0,
    )  # fmt: skip
    curve = RatingCurve(curve.levels, tuple(2.0 / 3.0 * x for x in curve.discharges))
    flood = solver(
        bed, np.full(bed.shape, normal_depth(q, 0.03, slope)), roughness=0.03, scheme="second_order",
        forcing={
            "inflows": (inflow,), "ratings": (RatingForcing(curve, {"east": np.arange(2)}, 60.0),),
            "codes": uniform_boundaries(2, 24, east=RATING),
        },
    )  # fmt: skip
    t, levels = advance(flood, 0.0, 3000.0), []
    for _ in range(10):
        t = advance(flood, t, t + 20.0)
        levels.append(flood.bed[0, -1] + flood.datum + flood.depth[0, -1])
    assert np.mean(levels) == pytest.approx(wanted, abs=1e-3)
    assert np.ptp(levels) < 1e-3


def test_under_its_first_level_a_rating_curve_is_a_wall() -> None:
    bed = np.full((5, 20), -2.0)
    rating = RatingForcing(CURVE, {"east": np.arange(5)})
    flood = solver(
        bed, np.full(bed.shape, 1.5), roughness=0.03,
        forcing={"ratings": (rating,), "codes": uniform_boundaries(5, 20, east=RATING)},
    )  # fmt: skip
    advance(flood, 0.0, 600.0)
    assert flood.ledger()["outflow_m3"] == 0.0
    np.testing.assert_allclose(flood.depth, 1.5, rtol=0, atol=1e-12)


def test_a_curve_is_straight_between_and_beyond() -> None:
    assert [CURVE.at(h) for h in (-1.0, 0.0, 0.5, 2.5, 4.0)] == [0.0, 0.0, 4.0, 50.0, 110.0]


def test_a_rating_table_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "rating.csv"
    path.write_text("level_cm;discharge_l_s\n100;0\n250;1500,5\n", encoding="utf-8")
    assert read_rating(path, "table") == RatingCurve((1.0, 2.5), (0.0, 1.5005))
    for content, said in (
        ("level_m,discharge_m3_s\n1,0\n", "two or more"),
        ("level,discharge\n1,0\n2,1\n", "level_m and discharge_m3_s"),
        ("level_m,discharge_m3_s\n1,0\n1,3\n", "levels that rise"),
        ("level_m,discharge_m3_s\n1,0\n2,x\n", "line 3"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=said):
            read_rating(path, "table")


def test_a_stretch_with_a_rating_curve_in_a_scenario(tmp_path: Path) -> None:
    file = small.make(tmp_path)
    (tmp_path / "rating.csv").write_text("level_m,discharge_m3_s\n98,0\n99.5,40\n", encoding="utf-8")
    content = file.read_text(encoding="utf-8").replace(
        'solvers = ["flood", "traffic"]', 'solvers = ["flood"]'
    )
    content = content.replace('[params.traffic]\nevery = "5 min"\n', "")
    stretch = "[[boundaries.stretches]]\nat = [[650600.0, 6860300.0], [650600.0, 6860100.0]]\n"
    good = content.replace(
        'east = "open"\n', 'east = "open"\n' + stretch + 'kind = "rating_curve"\ntable = "rating.csv"\n'
    )
    file.write_text(good, encoding="utf-8")
    scenario = Scenario.open(file)
    assert scenario.check() == []
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "scenario.toml").write_text(scenario.to_toml(), encoding="utf-8")
    scenario = Scenario.open(tmp_path / "away" / "scenario.toml")
    assert scenario == Scenario.open(file)
    simulation = Simulation(scenario)
    for _ in simulation.steps():
        pass
    assert simulation.solvers[0].ledger()["outflow_m3"] > 0
    file.write_text(good.replace('table = "rating.csv"', 'table = "ratin.csv"'), encoding="utf-8")
    assert any("no such file" in p.found for p in Scenario.open(file).check())
    file.write_text(good.replace('table = "rating.csv"\n', ""), encoding="utf-8")
    with pytest.raises(InputError, match="table belongs to rating_curve"):
        Scenario.open(file)


def _jet(directions: np.ndarray | None, scheme: str) -> FloodSolver:
    cells = np.array([20, 21, 22]) * 40 + 20
    inflow = InflowForcing(TimeSeries.constant(12.0), 0.0, np.inf, cells, np.full(3, 1 / 3), directions, 15.0)
    codes = uniform_boundaries(43, 40, east=OPEN, west=OPEN, north=OPEN, south=OPEN)
    return solver(
        np.zeros((43, 40)), np.full((43, 40), 0.5), cell=5.0, scheme=scheme,
        forcing={"inflows": (inflow,), "codes": codes},
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_an_inflow_with_momentum_pushes_the_way_it_is_told(scheme: str) -> None:
    """The momentum that comes in is that of the water: discharge × speed, 12 m³/s at 12 / (15 h) m/s, h the
    depth there, 0.5 m at first.
    """
    directions = np.tile((1.0, 0.0), (3, 1)), np.tile((0.0, 1.0), (3, 1))
    still, east, north = (_jet(where, scheme) for where in (None, *directions))
    came, t = 0.0, 0.0
    while t < 4.0:
        depth, before = east.depth[20:23, 20].mean(), t
        t = east.step(t, 4.0)
        came += 12.0 * 12.0 / (15.0 * depth) * (t - before)
    east.synchronise(t)
    for flood in (still, north):
        advance(flood, 0.0, 4.0)
    push = [(f.fields["water_depth"] * f.fields["velocity_x"]).sum() * 25.0 for f in (still, east, north)]
    up = (north.fields["water_depth"] * north.fields["velocity_y"]).sum() * 25.0
    assert push[0] == pytest.approx(0.0, abs=1e-5)  # the fields are single
    assert push[1] == pytest.approx(came, rel=0.03)
    assert push[1] == pytest.approx(up, rel=0.01)  # across its three cells, or along them
    assert push[2] == pytest.approx(0.0, abs=1e-5)
    assert abs(east.ledger()["mass_error_m3"]) <= 1e-12 * east.ledger()["volume_m3"]


def test_directions_of_lines_and_angles(tmp_path: Path) -> None:
    scenario = Scenario.open(small.make(tmp_path))
    domain = Domain.from_arrays(small.bed(), cell=10.0, x_west=small.X, y_north=small.Y)

    def direction(at: object, **more: object) -> list[float]:
        event = Inflow(at=at, discharge=1.0, momentum=True, **more)
        found = inflows(domain, scenario.model_copy(update={"events": (event,)}))[0]
        assert found.directions is not None
        np.testing.assert_allclose(
            found.directions, np.tile(found.directions[0], (found.cells.size, 1)), atol=1e-12
        )
        return [*np.round(found.directions[0], 12), found.width]

    west = ((650_000.0, 6_860_100.0), (650_000.0, 6_860_300.0))
    inside = ((650_200.0, 6_860_102.0), (650_200.0, 6_860_300.0))  # northwards: its left is the west
    assert direction(west) == [1.0, 0.0, 200.0]
    assert direction(inside) == [-1.0, 0.0, pytest.approx(198.0)]
    assert direction(inside, direction=180.0)[:2] == [0.0, -1.0]
    assert direction((650_205.0, 6_860_205.0), direction=90.0) == [1.0, 0.0, 10.0]
    with pytest.raises(InputError, match="direction of the flow"):
        direction((650_205.0, 6_860_205.0))


def _leaves_by_an_open_edge(
    scheme: str, slope: float, n: float, depth: float, **sources: object
) -> np.ndarray:
    """Depths down the middle of a channel of 60 cells of 10 m, after long enough."""
    bed = np.tile(slope * 10.0 * np.arange(60)[::-1], (3, 1))
    flood = solver(
        bed, np.full(bed.shape, depth), scheme=scheme, roughness=n,
        forcing={"codes": uniform_boundaries(3, 60, east=OPEN), **sources},
    )  # fmt: skip
    advance(flood, 0.0, 4000.0)
    return np.asarray(flood.depth[1])


@pytest.mark.parametrize("scheme", ["second_order", "local_inertial"])
@pytest.mark.parametrize("filled", [0.0, 2.0])
@pytest.mark.parametrize(("slope", "n"), [(0.001, 0.025), (0.002, 0.035), (0.01, 0.03)])
def test_a_river_leaves_by_an_open_edge_at_normal_depth(
    scheme: str, filled: float, slope: float, n: float
) -> None:
    """Whether the channel was dry or stood at twice that depth: a level last step held it back before."""
    q, wanted = 0.5, normal_depth(0.5, n, slope)
    source = InflowForcing(
        TimeSeries.constant(q * 30.0), 0.0, np.inf, np.array([0, 60, 120]), np.full(3, 1 / 3)
    )
    depth = _leaves_by_an_open_edge(scheme, slope, n, filled * wanted, inflows=(source,))
    assert depth[20:] == pytest.approx(wanted, rel=2e-3)


def test_a_sheet_leaves_a_hillside_by_an_open_edge() -> None:
    """100 mm/h on 1:2: the last cells held a third too much."""
    rain = 100e-3 / 3600
    fall = RainForcing(TimeSeries.constant(rain), 0.0, np.inf)
    depth = _leaves_by_an_open_edge("second_order", 0.5, 0.03, 0.0, rains=(fall,))
    wanted = [normal_depth(rain * x, 0.03, 0.5) for x in 5.0 + 10.0 * np.arange(60)]
    assert depth[30:] == pytest.approx(np.array(wanted[30:]), rel=0.01)


SCHEMES = pytest.mark.parametrize("scheme", ["first_order", "second_order", "local_inertial"])


@SCHEMES
@pytest.mark.parametrize("turned", [False, True])
def test_a_river_that_begins_at_an_open_edge_leaves_nothing_there(scheme: str, turned: bool) -> None:
    """It flows away from the edge on which its spring lies: nothing points outwards."""
    bed = np.tile(0.005 * 10.0 * np.arange(60)[::-1], (4, 1))
    bed = bed.T.copy() if turned else bed
    cells = np.arange(4) if turned else np.arange(4) * 60
    inflow = InflowForcing(TimeSeries.constant(20.0), 0.0, np.inf, cells, np.full(4, 0.25))
    side = "north" if turned else "west"
    flood = solver(
        bed, np.zeros(bed.shape), roughness=0.03, scheme=scheme,
        forcing={"inflows": (inflow,), "codes": uniform_boundaries(*bed.shape, **{side: OPEN})},
    )  # fmt: skip
    advance(flood, 0.0, 120.0)
    books = flood.ledger()
    assert books["inflow_m3"] == pytest.approx(2400.0)
    assert books["outflow_m3"] == 0.0


@SCHEMES
@pytest.mark.parametrize("side", ["west", "east", "north", "south"])
def test_a_sea_wall_on_the_edge_keeps_the_tide_out_up_to_its_crest(scheme: str, side: str) -> None:
    flat, at = np.zeros((12, 12)), {"west": np.s_[:, 0], "east": np.s_[:, -1], "north": 0, "south": -1}[side]
    crests = {"crest_x": np.full((12, 13), -np.inf), "crest_y": np.full((13, 12), -np.inf)}
    crests["crest_x" if side in ("west", "east") else "crest_y"][at] = 2.0

    def sea(level: float) -> FloodSolver:
        tide = WaterLevelForcing(
            TimeSeries.constant(level), 0.0, np.inf, {side: np.arange(12)}, np.zeros(0, dtype=np.int64)
        )
        flood = solver(flat, flat, **crests, scheme=scheme, roughness=0.03, forcing={"levels": (tide,)})
        advance(flood, 0.0, 60.0)
        return flood

    assert sea(1.9).depth.max() == 0.0
    assert sea(2.3).depth.max() > 0.05
