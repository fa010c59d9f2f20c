"""Emissions by speed: the guidebook's own values, other people's curves, sums, fleets from tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from twin.errors import InputError
from twin.solvers.traffic.emissions import CLASSES, CO2_OF_FUEL, QUANTITIES, Emissions, Fleet, guidebook

HEADER = "class,category,fuel,segment,euro,technology,share\n"
Key = tuple[str, str, str, str, str]
PETROL: Key = ("Passenger Cars", "Petrol", "Medium", "Euro 4", "PFI")
DIESEL: Key = ("Passenger Cars", "Diesel", "Medium", "Euro 4", "DPF")
LORRY: Key = ("Heavy Duty Trucks", "Diesel", "Articulated 34 - 40 t", "Euro V", "SCR")


@pytest.fixture(scope="module")
def france() -> Fleet:
    return Fleet.france()


# The guidebook's workbook says, beside the coefficients, what they give at one speed (4 decimals).
@pytest.mark.parametrize(
    ("vehicle", "pollutant", "speed", "expected"),
    [
        (("Light Commercial Vehicles", "Diesel", "N1-III", "Euro 5", "DPF"), "nox", 120.0, 2.6897),
        (("Heavy Duty Trucks", "Diesel", LORRY[2], "Euro VI", "DPF+SCR"), "nox", 85.0, 0.1027),
        (("Heavy Duty Trucks", "Diesel", "Rigid 14 - 20 t", "Euro V", "SCR"), "pm", 85.0, 0.0280),
        (PETROL, "nox", 120.0, 0.0190),
        (DIESEL, "nox", 120.0, 0.8258),
        (("Passenger Cars", "Diesel", "Small", "Euro 5", "DPF"), "pm", 120.0, 0.0014),
    ],
)
def test_curves_give_what_the_workbook_says(
    vehicle: Key, pollutant: str, speed: float, expected: float
) -> None:
    (curve,) = guidebook()[vehicle][pollutant]
    assert curve.at(np.array([speed]))[0] == pytest.approx(expected, abs=5.1e-5)


def test_every_curve_is_positive_and_has_no_pole_within_its_speeds() -> None:
    for vehicle, curves in guidebook().items():
        assert set(curves) == {"energy", "nox", "pm"}, vehicle
        for of_pollutant in curves.values():
            for curve in of_pollutant:
                factor = curve.at(np.linspace(curve.vmin, curve.vmax, 500))
                assert np.isfinite(factor).all(), vehicle
                assert (factor >= 0).all(), vehicle
                assert np.abs(np.diff(factor)).max() <= 0.4 * factor.max() + 1e-12, vehicle
                assert curve.at(np.array([1.0])) == curve.at(np.array([curve.vmin]))
                assert curve.at(np.array([250.0])) == curve.at(np.array([curve.vmax]))


# Medium cars of the guidebook against HBEFA 3 as fitted for SUMO at *constant* speed. Between 40 and 110 km/h
# they agree; slower, a constant speed in a low gear at full friction (HBEFA fit) burns more than a driving
# cycle of that mean speed does in the guidebook, and the guidebook holds its curve below 5 or 10 km/h. SUMO's
# NOx of petrol cars rises with power, the guidebook's falls with speed.
@pytest.mark.parametrize(
    ("vehicle", "other", "co2", "nox"),
    [
        (PETROL, "HBEFA3/PC_G_EU4", 0.12, 0.75),
        (DIESEL, "HBEFA3/PC_D_EU4", 0.08, 0.07),
        (LORRY, "HBEFA3/HDV_D_EU5", 0.19, 0.70),
        (
            ("Passenger Cars", "Diesel", "Medium", "Euro 6 2020+", "DPF"),
            "HBEFA4/PC_diesel_Euro-6d",
            0.18,
            None,
        ),
    ],
)
def test_against_curves_of_others(
    traffic_data: Path, france: Fleet, vehicle: Key, other: str, co2: float, nox: float | None
) -> None:
    with (traffic_data / "emissions" / "sumo_constant_speed.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["class"] == other]
    speed = np.array([float(row["speed_kmh"]) for row in rows])
    within = (speed >= 40.0) & (speed <= 110.0)
    assert within.sum() == 8
    ours = france.of_vehicle(vehicle, speed)
    theirs = {name: np.array([float(row[f"{name}_g_per_km"]) for row in rows]) for name in ("co2", "nox")}
    np.testing.assert_allclose(ours["co2"][within], theirs["co2"][within], rtol=co2)
    assert (ours["co2"][speed <= 20.0] < theirs["co2"][speed <= 20.0]).all()
    if nox is not None:
        np.testing.assert_allclose(ours["nox"][within], theirs["nox"][within], rtol=nox)


def test_french_fleet_in_town_and_on_the_road(france: Fleet) -> None:
    assert set(france.shares) == set(CLASSES)
    for shares in france.shares.values():
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    diesel = sum(share for vehicle, share in france.shares["car"].items() if vehicle[1] == "Diesel")
    assert diesel == pytest.approx(
        0.636, abs=0.001
    )  # SDES: 70.6 % of 2019 less 12.5 %, against 28.5 % + 20 %
    car = france.factors("car", np.array([20.0, 50.0, 70.0, 130.0]))
    assert car["co2"][0] > car["co2"][1] > car["co2"][2] < car["co2"][3]  # U-shaped
    assert 120.0 < car["co2"][2] < 160.0
    lorry = france.factors("heavy_goods", np.array([80.0]))
    assert 550.0 < lorry["co2"][0] < 850.0


def test_co2_is_that_of_the_fuel_burnt(france: Fleet) -> None:
    speed = np.array([13.0, 57.0, 99.0])
    for vehicle in (PETROL, DIESEL, LORRY):
        found = france.of_vehicle(vehicle, speed)
        np.testing.assert_allclose(found["co2"], CO2_OF_FUEL[vehicle[1]] * found["energy"], rtol=1e-14)
        assert (found["pm10"] > found["pm_exhaust"]).all()


def test_sums_over_links_by_hand(france: Fleet) -> None:
    length = np.array([1000.0, 500.0, 2000.0])
    volume = np.array([100.0, 0.0, 10.0])
    speed = np.array([50.0, np.nan, 90.0]) / 3.6  # nobody on the second link, which is closed
    found = Emissions.of(france, {"car": volume}, length, speed)
    factor = france.factors("car", np.array([50.0, 90.0]))
    for quantity in QUANTITIES:
        by_hand = np.array([100.0 * factor[quantity][0], 0.0, 20.0 * factor[quantity][1]])
        np.testing.assert_allclose(found.by_link[quantity], by_hand, rtol=1e-13)
        assert found.total(quantity) == pytest.approx(by_hand.sum())
    twice = Emissions.of(france, {"car": 2.0 * volume, "heavy_goods": np.zeros(3)}, length, speed)
    assert twice.total("co2") == pytest.approx(2.0 * found.total("co2"))


def test_a_fleet_of_ones_own(tmp_path: Path, france: Fleet) -> None:
    table = tmp_path / "fleet.csv"
    table.write_text(
        HEADER + f"car,{','.join(PETROL)},30\ncar,Passenger Cars,Electric,,,,10\n", encoding="utf-8"
    )
    fleet = Fleet.from_csv(table)
    speed = np.array([60.0])
    assert fleet.factors("car", speed)["co2"] == pytest.approx(0.75 * france.of_vehicle(PETROL, speed)["co2"])
    np.testing.assert_allclose(  # what the table does not say stays
        fleet.factors("heavy_goods", speed)["nox"], france.factors("heavy_goods", speed)["nox"], rtol=1e-12
    )
    assert "heavy_goods" in fleet.source


def test_everything_wrong_with_a_fleet_at_once(tmp_path: Path) -> None:
    table = tmp_path / "fleet.csv"
    table.write_text(
        HEADER + f"cars,{','.join(PETROL)},1\ncar,Passenger Cars,Petrol,Medium,Euro 9,PFI,1\n"
        f"car,{','.join(DIESEL)},-1\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        Fleet.from_csv(table)
    assert [problem.key for problem in caught.value.problems] == ["class", "vehicle", "share"]
    assert "Euro" in caught.value.problems[1].hint
    table.write_text("class,share\ncar,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="category"):
        Fleet.from_csv(table)
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        Fleet.from_csv(tmp_path / "nowhere.csv")
