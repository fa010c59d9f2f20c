"""Energy and emissions of traffic by speed, for a fleet.

Hot exhaust: EMEP/EEA air pollutant emission inventory guidebook 2019, chapter 1.A.3.b.i-iv, tier 3,
Appendix 4 (``emission_factors.csv``: slope 0, load 50 %), mean speed V (km/h) held within each curve's range:

    EF = (alpha V² + beta V + gamma + delta / V) / (epsilon V² + zeta V + eta) (1 - reduction)

CO₂ is that of the fuel burnt (IPCC 2006 Guidelines, volume 2, table 3.2.1: petrol 69.3, diesel 74.1 g/MJ).
Wear of tyres, brakes and road: guidebook 2019, 1.A.3.b.vi-vii, tables of TSP by vehicle, PM10 fractions and
speed corrections. Cold starts, evaporation and slopes are not counted. The mean speed of a link stands for
stop-and-go as on the guidebook's driving cycles.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from twin.errors import Problems, in_line, listed, suggest
from twin.messages import text
from twin.solvers.traffic.problem import Floats
from twin.solvers.traffic.tables import number, read_rows

#: What is computed, with the unit of a factor: energy MJ/km, the rest g/km.
QUANTITIES = ("energy", "co2", "nox", "pm_exhaust", "pm10")
#: Classes of vehicle that a fleet describes.
CLASSES = ("car", "light_goods", "heavy_goods")

METHOD = (
    "EMEP/EEA guidebook 2019, 1.A.3.b.i-iv, tier 3, hot exhaust by mean speed (Appendix 4); CO2 of the fuel: "
    "IPCC 2006; PM10 with tyre, brake and road wear (guidebook 2019, 1.A.3.b.vi-vii); no cold start, no slope"
)
FRANCE = text("traffic.fleet_france", "en")

CO2_OF_FUEL = {"Petrol": 69.3, "Petrol Hybrid": 69.3, "Diesel": 74.1, "Electric": 0.0}  # g/MJ, at the exhaust
ELECTRIC_ENERGY = 0.72  # MJ/km (20 kWh/100 km): assumption
# TSP (g/km) of tyres, brakes and road surface; the kinds of vehicle are those of the guidebook's table.
WEAR = {
    "Passenger Cars": (0.0107, 0.0075, 0.0150),
    "Light Commercial Vehicles": (0.0169, 0.0117, 0.0150),
    "Heavy Duty Trucks": (0.0450, 0.0327, 0.0760),
    "Buses": (0.0450, 0.0327, 0.0760),
}
PM10_OF_WEAR = (0.60, 0.98, 0.50)
# The guidebook gives some factors of particles by driving mode, not by speed; the bounds (km/h): assumption.
MODES = {"urban": (0.0, 60.0), "rural": (60.0, 90.0), "highway": (90.0, math.inf)}

FACTOR_COLUMNS = (
    "vmin_km_h",
    "vmax_km_h",
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "reduction",
)
FLEET_COLUMNS = ("class", "category", "fuel", "segment", "euro", "technology", "share")

Vehicle = tuple[str, str, str, str, str]
"""Category, fuel, segment, Euro standard and technology, as the guidebook writes them."""


@dataclass(frozen=True)
class Curve:
    """One row of the guidebook: coefficients and the speeds (km/h) for which it holds."""

    mode: str
    vmin: float
    vmax: float
    coefficients: tuple[float, ...]

    def at(self, speed: Floats) -> Floats:
        """Factor at mean speeds in km/h, held at the ends of the range."""
        v = np.clip(speed, self.vmin, self.vmax)
        alpha, beta, gamma, delta, epsilon, zeta, eta, reduction = self.coefficients
        return np.asarray(
            (alpha * v * v + beta * v + gamma + delta / v)
            / (epsilon * v * v + zeta * v + eta)
            * (1.0 - reduction)
        )


Curves = dict[Vehicle, dict[str, tuple[Curve, ...]]]


def guidebook() -> Curves:
    """The curves of ``emission_factors.csv`` by vehicle and pollutant (energy, nox, pm).

    The guidebook has no particles of petrol hybrids: theirs are those of the petrol car alike.
    """
    found: Curves = {}
    with resources.files(__package__).joinpath("emission_factors.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            vehicle = (row["category"], row["fuel"], row["segment"], row["euro"], row["technology"])
            vmin, vmax, *coefficients = (float(row[name]) for name in FACTOR_COLUMNS)
            curves = found.setdefault(vehicle, {})
            curve = Curve(row["mode"], vmin, vmax, tuple(coefficients))
            curves[row["pollutant"]] = (*curves.get(row["pollutant"], ()), curve)
    for (category, fuel, *alike), curves in found.items():
        if fuel == "Petrol Hybrid":
            curves.setdefault("pm", found[category, "Petrol", alike[0], alike[1], alike[2]]["pm"])
    return found


@dataclass(frozen=True, eq=False)
class Fleet:
    """Shares of the kilometres of each class by vehicle, and where they come from."""

    shares: Mapping[str, Mapping[Vehicle, float]]
    source: str
    curves: Curves

    @classmethod
    def france(cls) -> Fleet:
        """The fleet that comes with Twin."""
        with resources.as_file(resources.files(__package__).joinpath("fleet_france.csv")) as path:
            return cls.from_csv(path, FRANCE)

    @classmethod
    def from_csv(cls, path: Path, source: str = "", key: str = "params.traffic.fleet") -> Fleet:
        """A fleet from a table: class, category, fuel, segment, euro, technology, share.

        The shares of a class count for their proportions; each vehicle is one of ``emission_factors.csv``, or
        of fuel Electric. A class that the table leaves out keeps the French shares.

        Raises
        ------
        InputError
            Missing columns, unknown classes or vehicles, shares that are no numbers ≥ 0; all at once.
        """
        curves = guidebook()
        problems = Problems()
        shares: dict[str, dict[Vehicle, float]] = {}
        for line, row in read_rows(path, key, FLEET_COLUMNS):
            here = in_line(path, line)
            name = row["class"]
            if name not in CLASSES:
                hint = suggest(name, CLASSES)
                problems.tell(here, "class", "error.one_of", hint, found=name, names=listed(CLASSES))
            vehicle = (row["category"], row["fuel"], row["segment"], row["euro"], row["technology"])
            known = row["category"] in WEAR if row["fuel"] == "Electric" else vehicle in curves
            if not known:
                problems.tell(
                    here, "vehicle", "traffic.no_vehicle", _near(vehicle, curves), found=listed(vehicle)
                )
            share = number(row["share"])
            if math.isnan(share):
                problems.tell(here, "share", "error.zero_or_more", found=row["share"])
            of_class = shares.setdefault(name, {})
            of_class[vehicle] = of_class.get(vehicle, 0.0) + share
        for name, of_class in shares.items():
            if not problems and not sum(of_class.values()) > 0:
                problems.tell(path, "share", "traffic.no_share", name=name)
        problems.raise_if_any()
        missing = [name for name in CLASSES if name not in shares]
        if missing and source != FRANCE:
            france = cls.france()
            shares |= {name: dict(france.shares[name]) for name in missing}
            source = f"{source or path.name}; {', '.join(missing)}: {france.source}"
        whole = {n: {v: s / sum(of.values()) for v, s in of.items()} for n, of in shares.items()}
        return cls(whole, source or path.name, curves)

    def factors(self, name: str, speed: Floats) -> dict[str, Floats]:
        """Factors of a class at mean speeds in km/h (any shape) by `QUANTITIES`: MJ/km and g/km."""
        speed = np.asarray(speed, np.float64)
        out = {quantity: np.zeros_like(speed) for quantity in QUANTITIES}
        for vehicle, share in self.shares[name].items():
            for quantity, factor in self.of_vehicle(vehicle, speed).items():
                out[quantity] += share * factor
        return out

    def of_vehicle(self, vehicle: Vehicle, speed: Floats) -> dict[str, Floats]:
        """Factors of one vehicle at mean speeds in km/h."""
        wear = _wear(vehicle[0], speed)
        if vehicle[1] == "Electric":
            zero = np.zeros_like(speed)
            return {
                "energy": zero + ELECTRIC_ENERGY,
                "co2": zero,
                "nox": zero,
                "pm_exhaust": zero,
                "pm10": wear,
            }
        energy, nox, exhaust = (
            _by_mode(self.curves[vehicle][pollutant], speed) for pollutant in ("energy", "nox", "pm")
        )
        co2 = CO2_OF_FUEL[vehicle[1]] * energy
        return {"energy": energy, "co2": co2, "nox": nox, "pm_exhaust": exhaust, "pm10": exhaust + wear}


@dataclass(frozen=True, eq=False)
class Emissions:
    """Per hour on each link (m,): `energy` in MJ, the others in g; and the sums of the network."""

    by_link: Mapping[str, Floats]

    @classmethod
    def of(cls, fleet: Fleet, volumes: Mapping[str, Floats], length: Floats, speed: Floats) -> Emissions:
        """Emissions of `volumes` (veh/h by class) on links of `length` (m) at mean `speed` (m/s).

        Links that nobody uses emit nothing, whatever their speed (NaN where closed).
        """
        by_link = {quantity: np.zeros_like(length) for quantity in QUANTITIES}
        kmh = 3.6 * speed
        for name, volume in volumes.items():
            used = volume > 0
            factors = fleet.factors(name, kmh[used])
            kilometres = volume[used] * length[used] / 1000.0
            for quantity, factor in factors.items():
                by_link[quantity][used] += kilometres * factor
        return cls(by_link)

    def total(self, quantity: str) -> float:
        """MJ or g an hour on the whole network."""
        return float(self.by_link[quantity].sum())


def _by_mode(curves: Iterable[Curve], speed: Floats) -> Floats:
    """One curve for all speeds, or one for each driving mode."""
    out = np.zeros_like(speed)
    for curve in curves:
        low, high = MODES.get(curve.mode, (0.0, math.inf))
        inside = (speed >= low) & (speed < high)
        out[inside] = curve.at(speed[inside])
    return out


def _wear(category: str, speed: Floats) -> Floats:
    """PM10 of tyres, brakes and road surface (g/km)."""
    tyre = np.interp(speed, [40.0, 90.0], [1.39, 0.902])  # 1.78 - 0.00974 V between them
    brake = np.where(speed < 40.0, 1.67, np.where(speed > 95.0, 0.185, 2.75 - 0.0270 * speed))
    parts = (tyre, brake, np.ones_like(speed))
    return np.asarray(
        sum(tsp * part * s for tsp, part, s in zip(WEAR[category], PM10_OF_WEAR, parts, strict=True))
    )


def _near(vehicle: Vehicle, curves: Curves) -> str:
    return suggest(", ".join(vehicle), [", ".join(known) for known in curves])
