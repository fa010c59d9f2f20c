"""Demand: zones attached to the network, and trips between them from a table or a gravity model.

Trips are vehicles an hour in the hour that is assigned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from twin.errors import InputError, Problems, in_line, listed, suggest, told
from twin.messages import text
from twin.solvers.traffic.analysis import skim
from twin.solvers.traffic.cordon import Cordon
from twin.solvers.traffic.grid_zones import squares
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Ints, Trips
from twin.solvers.traffic.tables import number, read_rows

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely.geometry.base import BaseGeometry

    from twin.domain import Domain, Place
    from twin.network import Network
    from twin.scenarios.events import Demand

# Vehicles (drivers) that set out for each inhabitant. Enquête Mobilité des personnes 2019 (SDES): 181 million
# trips on a weekday, 62.8 % by car, by about 60.5 million people of six or more; 1.4 a car: assumption.
TRIPS_A_DAY = 1.35
TRIPS_AN_HOUR = 0.13  # the hour of WEEKDAY with most
# Shares of the day by hour of the local clock on a weekday: assumption, two peaks and a bump at noon; counts
# (`params.traffic.counts`) or a profile of one's own (`time_of_day`) take its place.
WEEKDAY = (
    0.004, 0.002, 0.001, 0.001, 0.003, 0.010, 0.030, 0.075, 0.090, 0.055, 0.048, 0.053,
    0.068, 0.063, 0.058, 0.060, 0.083, 0.100, 0.082, 0.050, 0.028, 0.018, 0.012, 0.006,
)  # fmt: skip
PCE = {"car": 1.0, "light_goods": 1.0, "heavy_goods": 2.0}  # HCM 2010: 1.5 on level freeways, more in town
LONGEST = 1e7  # s: a deterrence so weak that distance does not count
BALANCE = 1e-10  # largest relative error of a trip end after Furness balancing
ROUNDS = 1000
FAR = 2000.0  # m: zones that are all farther than this from any road are of another place or CRS
BESIDE = 200.0  # m: stated, how far beyond the outermost junctions people live along the roads
CROWDED = 10.0  # m²: stated, floor of all storeys for each person, which nobody has less of (INSEE 2020: 49)
WEIGHTS = ("population", "inhabitants", "habitants", "pop", "ind", "weight")
NAMES = ("name", "nom", "zone", "id", "code", "insee")


@dataclass(frozen=True, eq=False)
class Zones:
    """Zones of one demand event: names, weights (people), attraction (jobs, places; people where the event
    names none), centroid, node and distance to it (m), all (z,); the last `cordon` of them are those of
    `with_cordon`. People who are in no zone: `outside` the data, and in squares `far` from any junction
    (how many squares, how many people). Of those in squares, `crowded` have less than `CROWDED` of floor.
    """

    names: tuple[str, ...]
    weight: Floats
    attraction: Floats
    x: Floats
    y: Floats
    node: Ints
    distance: Floats
    cordon: int = 0
    outside: float = 0.0
    far: tuple[int, float] = (0, 0.0)
    crowded: float = 0.0

    @classmethod
    def of_event(cls, event: Demand, domain: Domain, network: Network, where: str, key: str) -> Zones:
        """The zones of an event: squares, or the features of a place. InputError as `of_place`."""
        place = None if event.zones is None else domain.place(event.zones, where, f"{key}.zones")
        extent = _extent(domain, network)
        if event.grid is None:
            assert place is not None
            return cls.of_place(place, event, network, where, key, extent)
        problems = Problems()
        weight, areas, outside = None, None, 0.0
        if place is not None and event.people is None:
            weight = _weights(place.features, event, where, key, problems)
            problems.raise_if_any()
            areas, share = _within(place.features, extent)
            outside = float(weight @ (1.0 - share))
            weight = weight * share
        cells = squares(event.grid, network, domain.buildings, event.people, areas, weight)
        x, y = cells.geometry.x.to_numpy(np.float64), cells.geometry.y.to_numpy(np.float64)
        node, distance = network.nearest_node(x, y)
        near = distance <= FAR
        if near.sum() < 2:
            problems.tell(where, f"{key}.grid", "traffic.few_squares", count=int(near.sum()))
        problems.raise_if_any()
        people, attraction = (cells[c].to_numpy(np.float64) for c in ("people", "attraction"))
        names = tuple(cells["name"][near])
        return cls(
            names,
            people[near],
            attraction[near],
            x[near],
            y[near],
            node[near],
            distance[near],
            outside=outside,
            far=(int((~near).sum()), float(people[~near].sum())),
            crowded=float(people[near & (people * CROWDED > cells["floor"].to_numpy(np.float64))].sum()),
        )

    @property
    def at_edge(self) -> NDArray[np.bool_]:
        """(z,) the zones that a cordon added: nobody lives, works or shops there."""
        return np.arange(len(self.names)) >= len(self.names) - self.cordon

    def with_cordon(self, cordon: Cordon, network: Network) -> Zones:
        """These zones, then the nodes of a cordon, where nobody lives."""
        none, node = np.zeros(cordon.node.size), cordon.node
        return replace(
            self,
            names=(*self.names, *cordon.names),
            weight=np.append(self.weight, none),
            attraction=np.append(self.attraction, none),
            x=np.append(self.x, network.node_x[node]),
            y=np.append(self.y, network.node_y[node]),
            node=np.append(self.node, node),
            distance=np.append(self.distance, none),
            cordon=node.size,
        )

    @classmethod
    def of_place(
        cls,
        place: Place,
        event: Demand,
        network: Network,
        where: str,
        key: str,
        extent: BaseGeometry | None = None,
    ) -> Zones:
        """Zones from the features of a place, each at the nearest of the network's `anchors`; of polygons
        that reach beyond `extent` the part within.

        Raises
        ------
        InputError
            Fewer than two zones, no such column, weights that are no numbers ≥ 0, names that occur twice, or
            all zones more than 2 km from any road; all at once.
        """
        features = place.features
        problems = Problems()
        if len(features) < 2:
            problems.tell(where, f"{key}.zones", "traffic.few_zones", count=len(features), place=event.zones)
        names = _names(features, event, where, key, problems)
        weight = _weights(features, event, where, key, problems)
        attraction = weight
        if event.attraction is not None and event.trips is None:
            attraction = _column(features, event.attraction, where, f"{key}.attraction", problems)
            if event.trips_per_person != 0 and weight.sum() > 0 and not attraction.sum() > 0:
                problems.tell(where, f"{key}.attraction", "traffic.no_attraction")
        problems.raise_if_any()
        outside = 0.0
        if extent is not None:
            features, share = _within(features, extent)
            outside = float(weight @ (1.0 - share))
            weight, attraction = weight * share, attraction * share
        centres = features.geometry.representative_point()
        x, y = centres.x.to_numpy(np.float64), centres.y.to_numpy(np.float64)
        node, distance = network.nearest_node(x, y)
        if (distance > FAR).all():
            near = f"{distance.min():.0f}"
            problems.tell(where, f"{key}.zones", "traffic.far_zones", distance=near, most=f"{FAR:.0f}")
        problems.raise_if_any()
        return cls(names, weight, attraction, x, y, node, distance, outside=outside)


def _extent(domain: Domain, network: Network) -> BaseGeometry:
    """How far the data go: the grid, else the box of the roads and what stands along them."""
    x, y = network.node_x, network.node_y
    bounds = x.min() - BESIDE, y.min() - BESIDE, x.max() + BESIDE, y.max() + BESIDE
    extent: BaseGeometry = shapely.box(*(bounds if domain.grid is None else domain.grid.bounds))
    return extent


def _within(features: gpd.GeoDataFrame, extent: BaseGeometry) -> tuple[gpd.GeoDataFrame, Floats]:
    """Features cut at the extent, and the share (k,) of each that is within by area; what has no area, or
    nothing within, stays whole.
    """
    shapes = np.asarray(features.geometry.array, dtype=object)
    area = shapely.area(shapes)
    parts = shapely.intersection(shapely.make_valid(shapes), extent)
    share = np.divide(shapely.area(parts), area, out=np.ones_like(area), where=area > 0)
    cut = (share > 0) & (share < 1.0 - 1e-9)
    return features.set_geometry(np.where(cut, parts, shapes), crs=features.crs), np.minimum(share, 1.0)


@dataclass(frozen=True, eq=False)
class Fit:
    """What a gravity model came to: its parameter (s), the mean time (s) and length (m) of its trips, the
    length that was wanted (m), trips (veh/h) between zones, within zones (or between two at one junction:
    they need no road), at the cordon, and through; cordon nodes.
    """

    parameter: float
    mean_time: float
    mean_length: float
    wanted_length: float | None
    between_zones: float
    within_zones: float
    at_the_cordon: float
    through: float
    cordon: int


def trips_of(
    event: Demand,
    zones: Zones,
    network: AssignmentNetwork,
    length: Floats,
    root: Path,
    where: str,
    key: str,
    *,
    cordon: Cordon | None = None,
    roads: Network | None = None,
    daily: bool = False,
) -> tuple[Trips, Fit | None]:
    """The trips of a demand event between its zones, and how the model fits (None for trips from a file).

    Parameters
    ----------
    zones : those of the event, the nodes of `cordon` last. network : has these zones, empty, times in s.
    length : (m,) of its links (m; 0 on turns). roads : the road network, for the cordon.
    daily : rates of a day, not of an hour.

    Raises
    ------
    InputError
        A file that cannot be used, trip ends that no trips can have, a mean length that is out of reach.
    """
    if event.trips is not None:
        from twin.solvers.traffic.matrices import read_trips_file

        return read_trips_file(root / event.trips, zones.names, f"{key}.trips", event.table), None
    rate = event.trips_per_person
    if rate is None:
        rate = TRIPS_A_DAY if daily else TRIPS_AN_HOUR
    inside = len(zones.names) - (0 if cordon is None else cordon.node.size)
    people, attraction = zones.weight[:inside], zones.attraction[:inside]
    times, lengths = zone_tables(network, length)
    within = (slice(0, inside), slice(0, inside))
    parameter = event.mean_time
    try:
        if event.mean_length is not None:
            parameter = calibrated(
                rate * people, attraction, times[within], lengths[within], event.mean_length
            )
        table = gravity(rate * people, attraction, times[within], parameter)
    except ValueError as error:
        name = "mean_time" if event.mean_length is None else "mean_length"
        raise InputError(told(where, f"{key}.{name}", "traffic.no_table", reason=error)) from error
    whole = np.zeros_like(times)
    whole[within] = table
    if cordon is not None and roads is not None:
        share = event.external / max(WEEKDAY) if daily else event.external
        whole += cordon.trips(roads, share, event.through, times, people, attraction)
    total = max(float(table.sum()), 1e-300)
    used = table > 0
    node = network.zone_node[:inside]
    away = node[:, None] != node[None, :]
    fit = Fit(
        parameter,
        float(table[used] @ times[within][used]) / total,
        float(table[used] @ lengths[within][used]) / total,
        event.mean_length,
        float(table[away].sum()),
        float(table[~away].sum()),
        float(whole[inside:, :].sum() + whole[:inside, inside:].sum()),
        float(whole[inside:, inside:].sum()),
        len(zones.names) - inside,
    )
    return Trips.from_matrix(whole, where), fit


def calibrated(
    origins: Floats, destinations: Floats, times: Floats, lengths: Floats, mean_length: float
) -> float:
    """The parameter (s) of `gravity` with which trips are `mean_length` long on average, to 1e-9 of it.

    The mean length grows with the parameter (Evans 1971, Transportation Research 5); found by Brent's method
    on its logarithm. Trips within a zone count with half the way to the nearest other one.

    Raises
    ------
    ValueError
        No parameter gives that length: the nearest that is possible is named.
    """
    positive = times[np.isfinite(times) & (times > 0)]
    if not positive.size or not origins.sum() > 0:
        raise ValueError(text("traffic.no_length"))

    def mean(parameter: float) -> float:
        table = gravity(origins, destinations, times, parameter)
        used = table > 0
        return float(table[used] @ lengths[used]) / float(table.sum())

    low = high = float(positive.mean())
    shortest = longest = mean(low)
    while shortest > mean_length:  # halve, or multiply, until it is in between
        high, low = low, 0.5 * low
        try:
            shortest = mean(low)
        except ValueError:  # so short that Furness no longer converges
            told_km = {"wanted": f"{mean_length / 1000:.3g}", "bound": f"{shortest / 1000:.3g}"}
            raise ValueError(text("traffic.too_short", **told_km)) from None
    while longest < mean_length:
        if high >= LONGEST:
            told_km = {"wanted": f"{mean_length / 1000:.3g}", "bound": f"{longest / 1000:.3g}"}
            raise ValueError(text("traffic.too_long", **told_km))
        low, high = high, 4.0 * high
        longest = mean(high)
    from scipy.optimize import brentq  # here: 100 ms of importing that few runs need

    found = brentq(
        lambda log: mean(math.exp(log)) / mean_length - 1.0,
        math.log(low),
        math.log(high),
        xtol=1e-12,
        rtol=1e-12,
    )
    return float(math.exp(found))


def gravity(origins: Floats, destinations: Floats, times: Floats, mean_time: float) -> Floats:
    """Doubly constrained gravity model T_ij = a_i O_i b_j D_j exp(-t_ij / mean_time), balanced by Furness.

    Destinations are scaled to the sum of the origins, in each part that roads join by itself. Pairs whose
    time is inf get no trips. `mean_time` is the parameter of the deterrence, in the unit of the times (the
    mean time of the trips comes out of the places too).

    Parameters
    ----------
    origins, destinations : (z,) trips that begin and end in each zone.
    times : (z, z).

    Raises
    ------
    ValueError
        The balancing does not converge: no set of trips has these ends (a zone that nothing reaches).
    """
    deterrence = np.where(
        np.isfinite(times), np.exp(-np.where(np.isfinite(times), times, 0.0) / mean_time), 0.0
    )
    if not origins.sum() > 0:
        return np.zeros_like(deterrence)
    joined = coo_array(np.isfinite(times))
    parts, part = connected_components(joined, directed=False)
    begun, ended = (np.bincount(part, weights=ends, minlength=parts) for ends in (origins, destinations))
    wanted = destinations * np.divide(begun, ended, out=np.zeros(parts), where=ended > 0)[part]
    column, error = np.ones_like(wanted), np.array([math.inf])
    for _ in range(ROUNDS):
        with np.errstate(over="ignore", invalid="ignore"):  # factors run away where nothing balances
            leaving = deterrence @ column
            row = np.divide(origins, leaving, out=np.zeros_like(origins), where=leaving > 0)
            arriving = row @ deterrence
            column = np.divide(wanted, arriving, out=np.zeros_like(wanted), where=arriving > 0)
            table = row[:, None] * deterrence * column[None, :]
        error = np.abs(table.sum(axis=1) - origins) / np.maximum(origins, 1e-300)
        if error[origins > 0].max() <= BALANCE:
            return np.asarray(table)
        if not np.isfinite(error).all():
            break
    raise ValueError(f"Furness balancing left an error of {error[origins > 0].max():.2g}")


def zone_tables(network: AssignmentNetwork, length: Floats) -> tuple[Floats, Floats]:
    """Times and lengths of the fastest routes between zones on the empty network, (z, z) both; within a zone,
    half of those to the nearest other one.
    """
    found = skim(network, network.free_time, length=length)
    times, lengths = found["cost"], found["length"]
    rows = np.arange(network.zones)
    others = np.where(times > 0, times, math.inf)
    nearest = others.argmin(axis=1)
    alone = ~np.isfinite(others[rows, nearest])
    same = network.zone_node[:, None] == network.zone_node[None, :]
    out = []
    for table in (times, lengths):
        inside = np.where(alone, 0.0, 0.5 * table[rows, nearest])
        out.append(np.where(same, inside[:, None], table))
    return out[0], out[1]


def zone_times(network: AssignmentNetwork) -> Floats:
    """The times of `zone_tables`."""
    return zone_tables(network, np.zeros(network.links))[0]


def read_trips_csv(path: Path, names: tuple[str, ...], key: str) -> Trips:
    """Trips from a CSV with the columns from, to, trips (zone names). InputError: all that is wrong with
    it.
    """
    problems = Problems()
    zone = {name: k for k, name in enumerate(names)}
    origin: list[int] = []
    destination: list[int] = []
    trips: list[float] = []
    for line, row in read_rows(path, key, ("from", "to", "trips")):
        here = in_line(path, line)
        for end, numbers in (("from", origin), ("to", destination)):
            if row[end] not in zone:
                problems.tell(here, end, "traffic.no_zone", suggest(row[end], zone), found=row[end])
            numbers.append(zone.get(row[end], -1))
        trips.append(number(row["trips"]))
        if math.isnan(trips[-1]):
            problems.tell(here, "trips", "traffic.trips", found=row["trips"])
    problems.raise_if_any()
    return Trips.from_pairs(len(names), origin, destination, trips, str(path), key)


def _names(
    features: gpd.GeoDataFrame, event: Demand, where: str, key: str, problems: Problems
) -> tuple[str, ...]:
    """Zone names: the column of the event, else one of `NAMES` whose values differ, else 1, 2, …"""
    numbers = tuple(str(k + 1) for k in range(len(features)))
    if event.name is not None:
        if event.name not in features.columns:
            hint = suggest(event.name, features.columns)
            problems.tell(where, f"{key}.name", "traffic.zones_column", hint, found=event.name)
            return numbers
        names = tuple(features[event.name].astype(str))
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            problems.tell(where, f"{key}.name", "traffic.zone_twice", name=twice)
        return names
    for column in NAMES:
        if column in features.columns:
            names = tuple(features[column].astype(str))
            if len(set(names)) == len(names):
                return names
    return numbers


def _weights(features: gpd.GeoDataFrame, event: Demand, where: str, key: str, problems: Problems) -> Floats:
    """People of each zone; not needed where the trips are given."""
    zeros = np.zeros(len(features))
    if isinstance(event.weight, float):  # the same for every zone
        if not (math.isfinite(event.weight) and event.weight >= 0):
            problems.tell(where, f"{key}.weight", "error.zero_or_more", found=event.weight)
        return zeros + event.weight
    columns = [str(c) for c in features.columns if c != "geometry"]
    name = event.weight or next((c for c in WEIGHTS if c in columns), None)
    if name is None or name not in columns:
        if event.trips is None or event.weight is not None:
            hint = suggest(name or "", columns)
            if event.weight is None:
                problems.tell(where, f"{key}.weight", "traffic.no_weight", columns=listed(columns))
            else:
                problems.tell(where, f"{key}.weight", "traffic.zones_column", hint, found=event.weight)
        return zeros
    return _column(features, name, where, f"{key}.weight", problems)


def _column(features: gpd.GeoDataFrame, name: str, where: str, key: str, problems: Problems) -> Floats:
    """A column of the zones with numbers ≥ 0, zeros and a noted problem where it is not."""
    zeros = np.zeros(len(features))
    if name not in features.columns:
        columns = [str(c) for c in features.columns if c != "geometry"]
        problems.tell(where, key, "traffic.zones_column", suggest(name, columns), found=name)
        return zeros
    try:
        weight = features[name].to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        problems.tell(where, key, "traffic.column_no_number", name=name)
        return zeros
    bad = ~(np.isfinite(weight) & (weight >= 0))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        problems.tell(where, key, "traffic.weight", value=weight[first], zone=first + 1, count=int(bad.sum()))
    return np.asarray(weight)
