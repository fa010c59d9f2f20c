"""Water over dikes by the formula of a weir, and dikes that give way."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests import small
from tests.flood.basins import advance, hills, solver
from twin.errors import InputError
from twin.scenarios import Scenario
from twin.scenarios.binding import OPEN, WaterLevelForcing
from twin.scenarios.breach import Breach
from twin.scenarios.forcing import TimeSeries
from twin.simulation import Simulation
from twin.solvers.flood.crests import BreachForcing, final_width, formation_time
from twin.solvers.flood.forcing import uniform_boundaries
from twin.solvers.flood.kernels import PAD
from twin.solvers.flood.solver import FloodSolver

G = 9.81
NOWHERE = np.zeros(0, dtype=np.int64)


def _over(
    head: float, height: float, scheme: str, tail: float | None, *, turned: bool
) -> tuple[float, float, float]:
    """Steady flow over a dike in a channel: discharge (m²/s), energy head before, head behind (m)."""
    n, ny, cell = 60, 3, 5.0
    crest = np.full((ny, n + 1), -np.inf)
    crest[:, 30] = height
    depth = np.full((ny, n), height + head)
    depth[:, 30:] = 0.0 if tail is None else height + tail
    sides = ("north", "south") if turned else ("west", "east")
    levels = [
        WaterLevelForcing(TimeSeries.constant(height + head), 0, np.inf, {sides[0]: np.arange(ny)}, NOWHERE)
    ]
    if tail is not None:
        held = TimeSeries.constant(height + tail)
        levels.append(WaterLevelForcing(held, 0, np.inf, {sides[1]: np.arange(ny)}, NOWHERE))
    shape = (n, ny) if turned else (ny, n)
    forcing: dict[str, object] = {
        "levels": tuple(levels),
        "codes": uniform_boundaries(*shape, **{sides[1]: OPEN}),
    }
    crests = {"crest_y": crest.T.copy()} if turned else {"crest_x": crest}
    depth = depth.T.copy() if turned else depth
    flood = solver(np.zeros(shape), depth, **crests, cell=cell, scheme=scheme, forcing=forcing)
    advance(flood, 0.0, 40 * n * cell / np.sqrt(G * (height + head)))
    books = flood.ledger()
    assert abs(books["mass_error_m3"]) <= 1e-12 * max(books["volume_m3"], books["inflow_m3"])
    h = flood.fields["water_depth"][:, 1] if turned else flood.fields["water_depth"][1]
    u = -flood.fields["velocity_y"][:, 1] if turned else flood.fields["velocity_x"][1]
    return float((u * h)[5:25].mean()), float(h[25] + u[25] ** 2 / 2 / G - height), float(h[36] - height)


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
@pytest.mark.parametrize(("head", "height"), [(0.1, 3.0), (1.0, 3.0), (1.0, 1.0)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_dike_passes_what_a_weir_does(scheme: str, head: float, height: float, turned: bool) -> None:
    q, energy, _ = _over(head, height, scheme, None, turned=turned)
    assert q == pytest.approx(1.70 * energy**1.5, rel=0.01)


def _beside(before: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Crests of that height on the faces round the cells of a mask."""
    ny, nx = before.shape
    crest_x, crest_y = np.full((ny, nx + 1), -np.inf), np.full((ny + 1, nx), -np.inf)
    crest_x[:, 1:-1][before[:, 1:] != before[:, :-1]] = height
    crest_y[1:-1][before[1:] != before[:-1]] = height
    return crest_x, crest_y


@pytest.mark.parametrize("angle", [0, 27, 45, 63])
def test_a_dike_passes_as_much_whichever_way_it_runs(angle: int) -> None:
    """The first instant over a straight dike, along the grid or at an angle to it: the discharge of a weir of
    its length, and the speed that it brings, square to the dike.
    """
    n, cell, height, head = 80, 5.0, 3.0, 0.3
    i, j = np.mgrid[0:n, 0:n]
    before = {0: 2 * j < n, 27: 2 * i + 4 * j < 3 * n, 45: i + j < n, 63: 4 * i + 2 * j < 3 * n}[angle]
    crest_x, crest_y = _beside(before, height)
    flood = solver(
        np.zeros((n, n)), np.where(before, height + head, 0.5), crest_x=crest_x, crest_y=crest_y, cell=cell
    )
    flood.step(0.0, 1e-3)
    metres = n * cell * {0: 1.0, 45: np.sqrt(2.0)}.get(angle, np.sqrt(1.25))
    passed = (flood.depth[~before] - 0.5).sum() * cell**2 / 1e-3
    assert passed == pytest.approx(1.70 * head**1.5 * metres, rel=0.02)
    pushed = flood._old[1:3, PAD : PAD + n, PAD : PAD + n][:, ~before].sum(axis=1) * cell**2 / 1e-3
    speed = np.sqrt(G * 2.0 / 3.0 * head)
    assert np.hypot(*pushed) == pytest.approx(speed * passed, rel=0.02)
    square = {0: (1.0, 0.0), 27: (2.0, 1.0), 45: (1.0, 1.0), 63: (1.0, 2.0)}[angle]
    assert np.arctan2(pushed[1], pushed[0]) == pytest.approx(np.arctan2(square[1], square[0]), abs=0.02)


@pytest.mark.parametrize("scheme", ["first_order", "second_order", "local_inertial"])
@pytest.mark.parametrize("tail", [None, 0.35])
def test_a_dike_at_an_angle_passes_in_a_steady_flow_what_one_along_the_grid_does(
    scheme: str, tail: float | None
) -> None:
    """Water held at a level on two sides of a square, a dike across its corner, the other two sides open or
    held lower: discharge a metre of dike.
    """
    n, cell, height, head = 40, 5.0, 3.0, 0.5
    i, j = np.mgrid[0:n, 0:n]
    passed = {}
    for slant in (0, 1):
        before = (i + j < n) if slant else (i < n // 2)
        behind = 0.0 if tail is None else height + tail
        crest_x, crest_y = _beside(before, height)
        flat = np.arange(n * n).reshape(n, n)
        upper, lower = (["north", "west"], ["south", "east"]) if slant else (["north"], ["south"])
        frame = {"north": flat[0], "south": flat[-1], "west": flat[:, 0], "east": flat[:, -1]}
        numbers = np.arange(n)
        found = [
            WaterLevelForcing(
                TimeSeries.constant(height + head), 0, np.inf,
                {s: numbers[before.ravel()[frame[s]]] for s in upper}, NOWHERE,
            )
        ]  # fmt: skip
        if tail is not None:
            found.append(
                WaterLevelForcing(
                    TimeSeries.constant(behind), 0, np.inf,
                    {s: numbers[~before.ravel()[frame[s]]] for s in lower}, NOWHERE,
                )
            )  # fmt: skip
        forcing: dict[str, object] = {"levels": tuple(found)}
        if tail is None:
            forcing["codes"] = uniform_boundaries(n, n, **dict.fromkeys(lower, OPEN))
        flood = solver(
            np.zeros((n, n)), np.where(before, height + head, behind), crest_x=crest_x, crest_y=crest_y,
            cell=cell, scheme=scheme, forcing=forcing, roughness=0.03,
        )  # fmt: skip
        advance(flood, 0.0, 300.0)
        flood.step(300.0, 1e-3)
        over = flood._sources._crests.passed
        metres = n * cell * (np.sqrt(2.0) if slant else 1.0)
        passed[slant] = np.abs(over).sum() * cell**2 / 1e-3 / metres
    assert passed[1] == pytest.approx(passed[0], rel=0.03)


@pytest.mark.parametrize(("tail", "within"), [(0.15, 0.01), (0.3, 0.02), (0.4, 0.01), (0.45, 0.01)])
@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_drowned_dike_follows_villemonte(tail: float, within: float, scheme: str, turned: bool) -> None:
    """With the tailwater measured where it stands again, six cells behind the dike."""
    q, energy, down = _over(0.5, 2.0, scheme, tail, turned=turned)
    assert q == pytest.approx(1.70 * energy**1.5 * (1 - (down / energy) ** 1.5) ** 0.385, rel=within)


def _dike(water: float = 1.5, **event: object) -> FloodSolver:
    """Water of that level west of a dike of 2 m across 40 cells of 5 m; its middle at y = 100."""
    crest = np.full((40, 31), -np.inf)
    crest[:, 15] = 2.0
    depth = np.zeros((40, 30))
    depth[:, :15] = water
    line = shapely.LineString([(75.0, 200.0), (75.0, 0.0)])
    found = BreachForcing(
        Breach(at="dike", **event), line, float(event.get("start", 0.0)), NOWHERE, "test", "events[1]"
    )
    return solver(
        np.zeros((40, 30)), depth, crest_x=crest, cell=5.0, roughness=0.03, forcing={"breaches": (found,)}
    )


GIVEN = {"method": "given", "width": 30.0, "duration": 120.0}


def test_a_breach_grows_in_width_and_depth() -> None:
    flood = _dike(start=50.0, **GIVEN)
    advance(flood, 0.0, 50.0)
    assert flood.depth[:, 15:].max() == 0.0
    crests = flood._sources._crests
    advance(flood, 50.0, 110.0)  # half way: 15 m wide, 1 m down
    assert np.count_nonzero(crests.level < 2.0) == 3
    assert crests.level.min() == pytest.approx(1.0, abs=0.02)
    advance(flood, 110.0, 300.0)
    assert np.count_nonzero(crests.level == 0.0) == 5  # and half of a face on each side
    lowered = np.flatnonzero(crests.level < 2.0)
    assert lowered.size == 7
    assert abs(lowered.mean() - 19.0) <= 0.5
    told = flood.summary()["breaches"][0]
    assert told["began_s"] == pytest.approx(50.0, abs=1e-9)
    assert flood.depth[:, 15:].mean() > 0.3
    assert abs(flood.ledger()["mass_error_m3"]) <= 1e-12 * flood.ledger()["initial_m3"]


@pytest.mark.parametrize("drawn", ["line", "point"])
def test_a_breach_in_a_dike_at_an_angle_has_its_metres(drawn: str) -> None:
    """30 m of a dike at 45° are the sides of 4.2 cells on each axis, not of three."""
    n, cell, width = 40, 5.0, 30.0
    i, j = np.mgrid[0:n, 0:n]
    before = i + j < n
    crest_x, crest_y = _beside(before, 2.0)
    ends = ((0.0, 0.0), (n * cell, n * cell))  # the dike runs from the south-west to the north-east
    at = shapely.LineString(ends) if drawn == "line" else shapely.Point(n * cell / 2, n * cell / 2)
    event = Breach(at="dike", start=1.0, method="given", width=width, duration=10.0)
    found = BreachForcing(event, at, 1.0, NOWHERE, "test", "events[1]")
    flood = solver(
        np.zeros((n, n)), np.where(before, 1.5, 0.0), crest_x=crest_x, crest_y=crest_y, cell=cell,
        roughness=0.03, forcing={"breaches": (found,)},
    )  # fmt: skip
    advance(flood, 0.0, 20.0)
    crests = flood._sources._crests
    open_share = (1.0 - crests.level / 2.0) ** 1.5  # of each face, as a weir counts it
    assert open_share.sum() * cell * np.sqrt(0.5) == pytest.approx(width, rel=0.05)


@pytest.mark.parametrize(("trigger", "begins"), [({"level": 1.4}, True), ({"level": 1.6}, False),
                                                 ({"overtopping": 0.05}, False)])  # fmt: skip
def test_a_breach_waits_for_its_water(trigger: dict[str, float], begins: bool) -> None:
    flood = _dike(**trigger, **GIVEN)
    advance(flood, 0.0, 60.0)
    assert (flood.depth[:, 15:].max() > 0.0) == begins
    assert (flood.summary()["breaches"][0]["began_s"] is not None) == begins


def test_a_breach_at_a_point_follows_its_own_dike() -> None:
    """Another dike 15 m behind keeps its crest, and the breach is as wide as it is told."""
    crest = np.full((40, 31), -np.inf)
    crest[:, [15, 18]] = 2.0
    crest_y = np.full((41, 30), -np.inf)
    crest_y[20, 18:] = 2.0  # a third one, from the second dike
    depth = np.zeros((40, 30))
    depth[:, :15] = 1.5
    event = Breach(at="dike", method="given", width=80.0, duration=10.0)
    found = BreachForcing(event, shapely.Point(74.0, 101.0), 0.0, NOWHERE, "test", "events[1]")
    flood = solver(
        np.zeros((40, 30)), depth, crest_x=crest, crest_y=crest_y, cell=5.0, roughness=0.03,
        forcing={"breaches": (found,)},
    )  # fmt: skip
    advance(flood, 0.0, 30.0)
    axis, i, j = flood._sources._crests.faces()
    lowered = flood._sources._crests.level < 2.0
    assert not axis[lowered].any()
    assert set(j[lowered]) == {14}
    assert np.count_nonzero(flood._sources._crests.level == 0.0) == 15  # and half of a face on each side
    assert np.ptp(i[lowered]) == 16


def test_overtopping_opens_it() -> None:
    flood = _dike(water=2.2, overtopping=0.1, **GIVEN)
    advance(flood, 0.0, 60.0)
    assert flood.summary()["breaches"][0]["began_s"] == 0.0


def test_published_widths_and_times() -> None:
    """Froehlich (2008): B = 0.27 ko V^0.32 h^0.04, t = 63.2 √(V / g h²); Von Thun and Gillette (1990)."""
    piped = Breach(at="d", method="froehlich_2008", volume=1e6)
    over = Breach(at="d", method="froehlich_2008", volume="1e6 m3", overtopping=0.1)
    assert final_width(piped, 9.0, 10.0) == pytest.approx(24.63, rel=1e-3)
    assert final_width(over, 9.0, 10.0) == pytest.approx(1.3 * 24.63, rel=1e-3)
    assert formation_time(piped, 0.0, 9.0, 10.0) == pytest.approx(63.2 * np.sqrt(1e6 / 981.0))
    earlier = Breach(at="d", method="froehlich_1995", volume=1e6)
    # By hand: 0.1803 × 1e6^0.32 × 10^0.19 = 0.1803 × 83.18 × 1.549; 0.00254 × 1e6^0.53 × 10^-0.9 h.
    assert final_width(earlier, 9.0, 10.0) == pytest.approx(23.23, rel=1e-3)
    assert formation_time(earlier, 23.0, 9.0, 10.0) == pytest.approx(3600 * 0.4840, rel=1e-3)
    over = Breach(at="d", method="froehlich_1995", volume=1e6, overtopping=0.1)
    assert final_width(over, 9.0, 10.0) == pytest.approx(1.4 * 23.23, rel=1e-3)
    gillette = Breach(at="d", method="von_thun_gillette_1990", volume=5e6)
    assert final_width(gillette, 9.0, 10.0) == pytest.approx(2.5 * 9.0 + 18.3)
    assert formation_time(gillette, 40.8, 9.0, 10.0) == pytest.approx(3600 * 40.8 / 36.0)
    soft = gillette.model_copy(update={"erodible": True})
    assert formation_time(soft, 40.8, 9.0, 10.0) == pytest.approx(3600 * 40.8 / 97.0)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), level=st.sampled_from([0.5, 3.0, 8.0]), cell=st.sampled_from([1.0, 20.0]))
def test_mass_positivity_and_restart_over_any_crests(seed: int, level: float, cell: float) -> None:
    rng = np.random.default_rng(seed)
    ny, nx = int(rng.integers(6, 70)), int(rng.integers(6, 140))
    bed = hills(ny, nx, seed, relief=2.0)
    crest_x = np.where(rng.random((ny, nx + 1)) < 0.3, rng.uniform(-1, 5, (ny, nx + 1)), -np.inf)
    crest_y = np.where(rng.random((ny + 1, nx)) < 0.3, rng.uniform(-1, 5, (ny + 1, nx)), -np.inf)
    crest_x[:, nx // 2] = 6.0
    line = shapely.LineString([(nx // 2 * cell, 0.0), (nx // 2 * cell, ny * cell)])
    event = Breach(at="dike", method="given", width=4 * cell, duration=10.0)
    depth = np.maximum(level - bed, 0.0)
    depth[:, nx // 2 :] = 0.0

    def make() -> FloodSolver:
        found = BreachForcing(event, line, 4.0, NOWHERE, "test", "events[1]")
        return solver(
            bed, depth, crest_x=crest_x, crest_y=crest_y, cell=cell, roughness=0.03,
            forcing={"breaches": (found,)},
        )  # fmt: skip

    straight, first, second = make(), make(), make()
    for flood in (straight, first):
        t = advance(flood, 0.0, 8.0, 60)
    second.restore(first.state())
    for flood in (straight, second):
        advance(flood, t, 16.0, 60)
    for name, value in straight.state().items():
        np.testing.assert_array_equal(value, second.state()[name], err_msg=name)
    books = straight.ledger()
    assert abs(books["mass_error_m3"]) <= 1e-12 * books["initial_m3"]
    assert straight.depth.min() >= 0.0


DIKE = '[[measures]]\nkind = "dike"\nalong = "bank"\ncrest = "101 m"\n'
EVENT = '[[events]]\nkind = "breach"\nat = "bank"\nstart = "2 min"\nwidth = "30 m"\nduration = "1 min"\n'


def _scenario(folder: Path, more: str) -> Scenario:
    file = small.make(folder)
    content = file.read_text(encoding="utf-8").replace('["flood", "traffic"]', '["flood"]')
    file.write_text(content.replace('[params.traffic]\nevery = "5 min"\n', "") + more, encoding="utf-8")
    return Scenario.open(file)


def test_a_breach_in_a_scenario(tmp_path: Path) -> None:
    scenario = _scenario(tmp_path, EVENT + DIKE)
    assert scenario.check() == []
    simulation = Simulation(scenario)
    for _ in simulation.steps():
        pass
    told = simulation.solvers[0].summary()["breaches"]
    assert told[0]["began_s"] >= 120.0
    again = tmp_path / "again.toml"
    again.write_text(scenario.to_toml(), encoding="utf-8")
    assert Scenario.open(again) == scenario


def test_a_breach_without_a_dike_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no crest there"):
        Simulation(_scenario(tmp_path, EVENT))
    with pytest.raises(ValidationError, match="needs volume"):
        Breach(at="dike", method="froehlich_2008")
    with pytest.raises(ValidationError, match="width and duration"):
        Breach(at="dike")


@pytest.mark.parametrize("scheme", ["first_order", "second_order"])
def test_lone_columns_beside_crests(scheme: str) -> None:
    """Columns of 8 m beside dry cells: no false stop, and no need to limit what they give."""
    rng = np.random.default_rng(177)
    bed = hills(24, 30, 177, relief=2.0)
    depth = np.maximum(8.0 - bed, 0) * (rng.random(bed.shape) < 0.7)
    crest_x = np.where(rng.random((24, 31)) < 0.3, rng.uniform(0, 9, (24, 31)), -np.inf)
    flood = solver(bed, depth, crest_x=crest_x, cell=1.0, roughness=0.03, scheme=scheme)
    advance(flood, 0.0, 60.0)
    assert flood.limited == 0
    assert abs(flood.ledger()["mass_error_m3"]) <= 1e-13 * flood.ledger()["initial_m3"]
