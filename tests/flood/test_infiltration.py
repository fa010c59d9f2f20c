"""What the soil and the drains take: against closed forms and tables; never more than there is."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.optimize import brentq

from tests import small
from tests.flood.basins import advance, hills, solver
from twin.errors import InputError
from twin.scenarios import Scenario
from twin.scenarios.binding import RainForcing
from twin.scenarios.forcing import TimeSeries
from twin.simulation import Simulation
from twin.solvers.flood import kernels_infiltration as kernels
from twin.solvers.flood.infiltration import DrainForcing, InfiltrationParameters
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

HOUR = 3600.0


def _rain(*rates: tuple[float, float]) -> RainForcing:
    """Rain of constant rates (mm/h) up to times (h), nothing after."""
    times, values, t = [], [], 0.0
    for rate, end in (*rates, (0.0, 1e3)):
        times += [t * HOUR + 1e-6, end * HOUR]
        values += [rate / 3.6e6] * 2
        t = end
    return RainForcing(TimeSeries(times=tuple(times), values=tuple(values)), 0.0, np.inf)


def _taken(rain: RainForcing, hours: float, dt: float = 10.0, **rule: object) -> float:
    """Depth (mm) that infiltrates on a flat closed plain of 3 × 3 cells."""
    flood = solver(
        np.zeros((3, 3)), np.zeros((3, 3)), forcing={"rains": (rain,)}, roughness=0.05, max_step=dt,
        infiltration=InfiltrationParameters(**rule),
    )  # fmt: skip
    advance(flood, 0.0, hours * HOUR)
    books = flood.ledger()
    assert abs(books["mass_error_m3"]) <= 1e-12 * max(books["rain_m3"], 1e-3)
    assert books["volume_m3"] == pytest.approx(books["rain_m3"] - books["infiltration_m3"], abs=1e-9)
    return books["infiltration_m3"] / 900.0 * 1e3


def _mein_larson(rate: float, hours: float, conductivity: float, suction: float, deficit: float) -> float:
    """Depth (mm) taken of a steady rain (mm/h): all to ponding, then Green and Ampt."""
    pull = suction * deficit
    ponded = conductivity * pull / (rate - conductivity)
    if rate * hours <= ponded:
        return rate * hours
    rest = conductivity * (hours - ponded / rate)
    return brentq(
        lambda f: f - ponded - pull * np.log((f + pull) / (ponded + pull)) - rest, ponded, 1e4, xtol=1e-12
    )


# Rawls, Brakensiek and Miller (1983), J. Hydraul. Eng. 109(1): mm/h, mm, effective porosity
SANDY_LOAM, SILT_LOAM = (10.9, 110.1, 0.412), (6.5, 166.8, 0.486)


@pytest.mark.parametrize("soil", [SANDY_LOAM, SILT_LOAM])
@pytest.mark.parametrize("rate", [20.0, 60.0])
@pytest.mark.parametrize("hours", [0.2, 1.5])
def test_green_ampt_is_that_of_mein_and_larson(soil, rate: float, hours: float) -> None:
    conductivity, suction, porosity = soil
    found = _taken(
        _rain((rate, hours)), hours, method="green_ampt", conductivity=f"{conductivity} mm/h",
        suction=f"{suction} mm", deficit=0.5 * porosity,
    )  # fmt: skip
    wanted = _mein_larson(rate, hours, conductivity, suction, 0.5 * porosity)
    assert found == pytest.approx(wanted, rel=2e-3)


def test_green_ampt_does_not_care_about_the_step() -> None:
    """Ponded from the start: the implicit step is exact, however long."""
    conductivity, pull = 1e-5, 0.05
    for count in (1, 7, 1000):
        taken = 0.0
        for _ in range(count):
            taken += kernels.green_ampt(taken, 1.0, 3600.0 / count, conductivity, pull)
        exact = brentq(lambda f: f - pull * np.log1p(f / pull) - conductivity * 3600.0, 1e-6, 1.0, xtol=1e-15)
        assert taken == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("taken", [0.0, 1e-6, 0.02])
@pytest.mark.parametrize("x", [1e-12, 1e-7, 1e-4, 6.9e-4, 7.1e-4, 0.3])
def test_what_is_held_is_exact_on_both_sides_of_its_series(taken: float, x: float) -> None:
    pull = 0.07
    wanted = np.longdouble(x) - np.longdouble(pull) * np.log1p(np.longdouble(x) / np.longdouble(taken + pull))
    # Where most cancels, the extended precision of the reference is worth less.
    lost = float(np.finfo(np.longdouble).eps) * x / float(wanted)
    assert kernels.held(x, taken, pull) == pytest.approx(float(wanted), rel=1e-13 + 4.0 * lost)


@pytest.mark.parametrize("count", [1, 100, 20_000])
def test_horton_does_not_care_about_the_step(count: int) -> None:
    """With less water than the soil could take, and with more: what is taken and the time on the curve."""
    first, last, decay, duration = 2e-5, 4e-6, 1.1e-3, 3600.0

    def total(t: float) -> float:
        return last * t + (first - last) / decay * -np.expm1(-decay * t)

    scarce = 0.4 * total(duration)
    for water, wanted in (
        (scarce, brentq(lambda t: total(t) - scarce, 0.0, duration, xtol=1e-12)),
        (1.0, duration),
    ):
        clock, taken = 0.0, 0.0
        for _ in range(count):
            supply = water if water == 1.0 else scarce / count
            amount, clock = kernels.horton(clock, supply, duration / count, first, last, decay)
            taken += amount
        assert clock == pytest.approx(wanted, rel=1e-9)
        assert taken == pytest.approx(min(scarce, water) if water == scarce else total(duration), rel=1e-9)


def test_horton_ponded_and_starved() -> None:
    first, last, decay = 75.0, 15.0, 4.0  # mm/h, mm/h, 1/h
    rule = {"method": "horton", "capacity_start": "75 mm/h", "capacity_end": "15 mm/h", "decay": "4 1/h"}

    def total(t: float) -> float:
        return last * t + (first - last) / decay * (1.0 - np.exp(-decay * t))

    assert _taken(_rain((200.0, 1.0)), 1.0, **rule) == pytest.approx(total(1.0), rel=1e-3)
    # 30 mm/h is less than the soil takes until it has taken 30 tp, later than the time of the curve.
    at_once = brentq(lambda t: last + (first - last) * np.exp(-decay * t) - 30.0, 0.0, 5.0)
    begins = total(at_once) / 30.0
    assert begins > at_once
    wanted = 30.0 * begins + total(at_once + 2.0 - begins) - total(at_once)
    assert _taken(_rain((30.0, 2.0)), 2.0, **rule) == pytest.approx(wanted, rel=2e-3)
    # In a dry spell the clock stands still.
    assert _taken(_rain((10.0, 1.0), (0.0, 2.0), (10.0, 3.0)), 3.0, **rule) == pytest.approx(20.0, rel=1e-9)


@pytest.mark.parametrize(("number", "rain", "runoff"), [(80, 5.0, 2.89), (70, 4.0, 1.33), (95, 3.0, 2.45)])
def test_curve_number_gives_the_tabulated_runoff(number: int, rain: float, runoff: float) -> None:
    """USDA TR-55 (1986), table 2-1: runoff depth (inches) for a curve number and a rain."""
    found = _taken(_rain((25.4 * rain / 2.0, 2.0)), 2.0, dt=5.0, method="curve_number", curve_number=number)
    assert rain - found / 25.4 == pytest.approx(runoff, abs=0.006)


def test_initial_losses_come_first() -> None:
    rule = {
        "method": "horton",
        "capacity_start": 0.0,
        "capacity_end": 0.0,
        "decay": 1.0,
        "initial_loss": "3 mm",
    }
    assert _taken(_rain((2.0, 1.0)), 1.0, **rule) == pytest.approx(2.0, rel=1e-9)
    assert _taken(_rain((20.0, 1.0)), 1.0, **rule) == pytest.approx(3.0, rel=1e-9)


def test_a_river_bed_is_full_unless_said() -> None:
    bed = np.where(np.arange(40) < 10, -1.0, 0.0) * np.ones((5, 1))
    for under_water, wanted in ((False, 0.0), (True, 50 * 100.0 * 1e-5 * 600)):
        rule = InfiltrationParameters(
            method="green_ampt", conductivity=1e-5, suction=0.0, deficit=0.3, under_water=under_water
        )
        flood = solver(bed, np.maximum(-0.2 - bed, 0.0), infiltration=rule)
        advance(flood, 0.0, 600.0)
        assert flood.ledger()["infiltration_m3"] == pytest.approx(wanted, rel=1e-9)


def test_drains_take_their_capacity_where_there_is_water() -> None:
    drains = DrainForcing(np.arange(30), 30.0 / 3.6e6, 600.0, 4200.0)
    flood = solver(
        np.zeros((10, 10)), np.zeros((10, 10)), roughness=0.05,
        forcing={"rains": (_rain((300.0, 2.0)),), "drains": (drains,)},
    )  # fmt: skip
    advance(flood, 0.0, 2 * HOUR)
    # 30 mm/h on 30 cells of 10 m for the hour that they are open, under ten times as much rain.
    assert flood.ledger()["drain_m3"] == pytest.approx(90.0, rel=1e-9)


def test_drains_take_their_capacity_and_no_more_than_there_is() -> None:
    cells = np.arange(30)
    drains = DrainForcing(cells, 30.0 / 3.6e6, 600.0, 4200.0)
    flood = solver(
        np.zeros((10, 10)), np.zeros((10, 10)), roughness=0.05,
        forcing={"rains": (_rain((20.0, 1.0)),), "drains": (drains,)},
    )  # fmt: skip
    advance(flood, 0.0, 2 * HOUR)
    books = flood.ledger()
    # 30 mm/h on 3000 m² could take 90 m³ in its hour; 20 mm/h on 10,000 m² bring 200.
    assert 60.0 < books["drain_m3"] <= 90.0 * (1 + 1e-12)
    assert abs(books["mass_error_m3"]) <= 1e-12 * books["rain_m3"]
    assert flood.depth.min() >= 0.0


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    method=st.sampled_from(["green_ampt", "horton", "curve_number"]),
    rate=st.sampled_from([0.0, 5.0, 300.0]),
    drain=st.sampled_from([0.0, 50.0, 5000.0]),
)
def test_mass_positivity_and_restart_with_any_soil(seed: int, method: str, rate: float, drain: float) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(3, 80)), int(rng.integers(3, 150)))
    rules = {
        "green_ampt": {"conductivity": 3e-5, "suction": 0.1, "deficit": 0.3},
        "horton": {"capacity_start": 1e-4, "capacity_end": 1e-6, "decay": 1e-2},
        "curve_number": {"curve_number": 60.0},
    }
    rule = InfiltrationParameters(
        method=method, initial_loss=0.002, under_water=bool(seed % 2), **rules[method]
    )
    bed = hills(*shape, seed, relief=2.0)
    drains = DrainForcing(rng.permutation(bed.size)[: bed.size // 2], drain / 3.6e6, 3.0, 50.0)

    def make() -> FloodSolver:
        return solver(
            bed, np.maximum(-bed, 0.0), roughness=0.03, infiltration=rule,
            forcing={"rains": (_rain((rate, 0.01)),), "drains": (drains,)},
        )  # fmt: skip

    straight, first, second = make(), make(), make()
    advance(straight, 0.0, 20.0)
    advance(straight, 20.0, 40.0)
    advance(first, 0.0, 20.0)
    second.restore(first.state())
    advance(second, 20.0, 40.0)
    for name, value in straight.state().items():
        np.testing.assert_array_equal(value, second.state()[name], err_msg=name)
    books = straight.ledger()
    assert books == second.ledger()
    exchanged = [books[f"{name}_m3"] for name in ("volume", "initial", "rain", "infiltration", "drain")]
    assert abs(books["mass_error_m3"]) <= 1e-12 * max(*exchanged, 1e-30)
    assert straight.depth.min() >= 0.0


def test_what_a_method_needs_is_said() -> None:
    with pytest.raises(ValidationError, match="green_ampt needs conductivity, suction, deficit"):
        InfiltrationParameters(method="green_ampt", conductivity=1e-6)
    with pytest.raises(ValidationError, match="curve_number: not of the method horton"):
        InfiltrationParameters(method="horton", curve_number=80)


def _by_land_cover(folder: Path, table: str) -> Scenario:
    file = small.make(folder)
    west, north, east, south = small.X, small.Y, small.X + 600, small.Y - 400
    halves = [shapely.box(west, south, west + 300, north), shapely.box(west + 300, south, east, north)]
    frame = gpd.GeoDataFrame({"code_cs": ["CS1.1.1.1", "CS2.2.1"]}, geometry=halves, crs="EPSG:2154")
    frame.to_file(folder / "ocsge.gpkg", driver="GPKG")
    with (folder / "territory.toml").open("a", encoding="utf-8") as toml:
        toml.write('[layers.land_cover]\nsource = "ocsge.gpkg"\n')
    (folder / "soil.csv").write_text(table, encoding="utf-8")
    content = file.read_text(encoding="utf-8").replace(
        'solvers = ["flood", "traffic"]', 'solvers = ["flood"]'
    )
    content = content.replace(
        '[params.traffic]\nevery = "5 min"',
        '[params.flood.infiltration]\nmethod = "green_ampt"\ntable = "soil.csv"',
    )
    file.write_text(
        content + '[[events]]\nkind = "storm_drain"\nat = "pool"\ncapacity = "2 mm/h"\n', encoding="utf-8"
    )
    return Scenario.open(file)


HEADER = "code,conductivity_mm_h,suction_mm,deficit,initial_loss_mm\n"


def test_soil_by_land_cover_and_drains_of_a_zone(tmp_path: Path) -> None:
    scenario = _by_land_cover(tmp_path, HEADER + "1.1.1.1,0,0,0,1\n2.2.1,15,100,0.3,2\n")
    assert scenario.check() == []
    (tmp_path / "elsewhere").mkdir()
    again = tmp_path / "elsewhere" / "scenario.toml"
    again.write_text(scenario.to_toml(), encoding="utf-8")
    assert Scenario.open(again) == scenario
    simulation = Simulation(Scenario.open(again))
    for _ in simulation.steps():
        pass
    books = simulation.solvers[0].ledger()
    assert 0 < books["drain_m3"] < books["rain_m3"]
    assert 0 < books["infiltration_m3"] < books["rain_m3"] + books["inflow_m3"]
    ground = simulation.solvers[0]._sources._ground
    usable = ground._takes[:, :30]
    assert ground.planes[kernels.TAKEN][:, :30].max() == 0.0  # paved: only the initial loss
    assert ground.planes[kernels.LOST][:, :30][usable].max() == pytest.approx(0.001)
    assert ground.planes[kernels.TAKEN][:, 30:].max() > 0.0


def test_a_class_without_numbers_is_named(tmp_path: Path) -> None:
    scenario = _by_land_cover(tmp_path, HEADER + "2.2.1,15,100,0.3,2\n")
    with pytest.raises(InputError, match=r"no conductivity for 1\.1\.1\.1"):
        Simulation(scenario)
    (tmp_path / "soil.csv").write_text("code,conductivity_mm_h,deficitt\n2.2.1,x,1\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Simulation(scenario)
    assert len(caught.value.problems) == 4


def test_infiltration_is_a_parameter_table() -> None:
    found = FloodParameters(infiltration={"method": "curve_number", "curve_number": 75})
    assert found.infiltration == InfiltrationParameters(method="curve_number", curve_number=75)
