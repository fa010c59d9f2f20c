"""Demand: zones attached to the network, and trips between them from a table or a gravity model.

Trips are vehicles an hour in the hour that is assigned.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import InputError, Problem, Problems, suggest
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Ints, Trips
from twin.solvers.traffic.trees import grow

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.domain import Place
    from twin.network import Network
    from twin.scenarios.events import Demand

BALANCE = 1e-10  # largest relative error of a trip end after Furness balancing
ROUNDS = 1000
FAR = 2000.0  # m: zones that are all farther than this from any road are of another place or CRS
WEIGHTS = ("population", "inhabitants", "habitants", "pop", "ind", "weight")
NAMES = ("name", "nom", "zone", "id", "code", "insee")


@dataclass(frozen=True, eq=False)
class Zones:
    """Zones of one demand event: names, weights (people), attraction (jobs, places; people where the event
    names none), centroid, node and distance to it (m), all (z,).
    """

    names: tuple[str, ...]
    weight: Floats
    attraction: Floats
    x: Floats
    y: Floats
    node: Ints
    distance: Floats

    @classmethod
    def of_place(cls, place: Place, event: Demand, network: Network, where: str, key: str) -> Zones:
        """Zones from the features of a place, each at the nearest of the network's `anchors`.

        Raises
        ------
        InputError
            Fewer than two zones, no such column, weights that are no numbers ≥ 0, names that occur twice, or
            all zones more than 2 km from any road; all at once.
        """
        features = place.features
        problems = Problems()
        if len(features) < 2:
            problems.add(
                where,
                f"{key}.zones",
                f"{len(features)} feature in {event.zones!r}",
                "a place with two zones or more",
            )
        names = _names(features, event, where, key, problems)
        weight = _weights(features, event, where, key, problems)
        attraction = weight
        if event.attraction is not None and event.trips is None:
            attraction = _column(features, event.attraction, where, f"{key}.attraction", problems)
            if event.trips_per_person * weight.sum() > 0 and not attraction.sum() > 0:
                problems.add(where, f"{key}.attraction", "0 in every zone", "a zone that attracts trips")
        problems.raise_if_any()
        centres = features.geometry.representative_point()
        x, y = centres.x.to_numpy(np.float64), centres.y.to_numpy(np.float64)
        node, distance = network.nearest_node(x, y)
        if (distance > FAR).all():
            problems.add(
                where,
                f"{key}.zones",
                f"all zones are {distance.min():.0f} m or more from the nearest road",
                f"zones within {FAR:.0f} m of a road",
            )
        problems.raise_if_any()
        return cls(names, weight, attraction, x, y, node, distance)


def trips_of(
    event: Demand, zones: Zones, network: AssignmentNetwork, root: Path, where: str, key: str
) -> Trips:
    """The trips of a demand event between its zones; `network` has these zones, empty, times in seconds."""
    if event.trips is not None:
        from twin.solvers.traffic.matrices import read_trips_file

        return read_trips_file(root / event.trips, zones.names, f"{key}.trips", event.table)
    ends = event.trips_per_person * zones.weight
    try:
        table = gravity(ends, zones.attraction, zone_times(network), event.mean_time)
    except ValueError as error:
        raise InputError(
            Problem(where, f"{key}.mean_time", f"{event.mean_time:g} s: {error}", "a longer mean time")
        ) from error
    return Trips.from_matrix(table, where)


def gravity(origins: Floats, destinations: Floats, times: Floats, mean_time: float) -> Floats:
    """Doubly constrained gravity model T_ij = a_i O_i b_j D_j exp(-t_ij / mean_time), balanced by Furness.

    Destinations are scaled to the sum of the origins. Pairs whose time is inf get no trips. `mean_time` is
    the parameter of the deterrence, in the unit of the times (the mean time of the trips comes out of the
    places too).

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
    wanted = destinations * (origins.sum() / destinations.sum())
    column = np.ones_like(wanted)
    for _ in range(ROUNDS):
        leaving = deterrence @ column
        row = np.divide(origins, leaving, out=np.zeros_like(origins), where=leaving > 0)
        arriving = row @ deterrence
        column = np.divide(wanted, arriving, out=np.zeros_like(wanted), where=arriving > 0)
        table = row[:, None] * deterrence * column[None, :]
        error = np.abs(table.sum(axis=1) - origins) / np.maximum(origins, 1e-300)
        if error[origins > 0].max() <= BALANCE:
            return np.asarray(table)
    raise ValueError(f"Furness balancing left an error of {error.max():.2g}")


def zone_times(network: AssignmentNetwork) -> Floats:
    """Times between zones on the empty network (z, z); within a zone, half the time to the nearest other
    one.
    """
    nodes, row = np.unique(network.zone_node, return_inverse=True)
    distance = np.empty((nodes.size, network.nodes))
    entry = np.empty((nodes.size, network.nodes), np.int32)
    grow(network, nodes.astype(np.int32), network.star.base, distance, entry)
    times: Floats = distance[row][:, network.zone_node]
    others = np.where(times > 0, times, math.inf)
    inside = 0.5 * others.min(axis=1)
    inside[~np.isfinite(inside)] = 0.0
    same = network.zone_node[:, None] == network.zone_node[None, :]
    return np.where(same, inside[:, None], times)


def read_trips_csv(path: Path, names: tuple[str, ...], key: str) -> Trips:
    """Trips from a CSV with the columns from, to, trips (zone names). InputError: all that is wrong with
    it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), key, str(error), "a CSV file: from,to,trips")) from None
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.DictReader(lines, delimiter=delimiter)
    columns = [str(name).strip().lower() for name in reader.fieldnames or ()]
    problems = Problems()
    for wanted in ("from", "to", "trips"):
        if wanted not in columns:
            problems.add(str(path), key, f"columns {', '.join(columns) or 'none'}", f"a column `{wanted}`")
    problems.raise_if_any()
    reader.fieldnames = columns
    number = {name: k for k, name in enumerate(names)}
    origin: list[int] = []
    destination: list[int] = []
    trips: list[float] = []
    for line, row in enumerate(reader, start=2):
        ends = []
        for end in ("from", "to"):
            name = (row[end] or "").strip()
            if name not in number:
                problems.add(
                    f"{path}, line {line}", end, repr(name), "the name of a zone", suggest(name, number)
                )
            ends.append(number.get(name, -1))
        try:
            value = float((row["trips"] or "").replace(",", "."))
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            problems.add(f"{path}, line {line}", "trips", repr(row["trips"]), "a number of trips, 0 or more")
        origin.append(ends[0])
        destination.append(ends[1])
        trips.append(value)
    problems.raise_if_any()
    return Trips.from_pairs(len(names), origin, destination, trips, str(path), key)


def _names(
    features: gpd.GeoDataFrame, event: Demand, where: str, key: str, problems: Problems
) -> tuple[str, ...]:
    """Zone names: the column of the event, else one of `NAMES` whose values differ, else 1, 2, …"""
    numbers = tuple(str(k + 1) for k in range(len(features)))
    if event.name is not None:
        if event.name not in features.columns:
            problems.add(
                where,
                f"{key}.name",
                repr(event.name),
                "a column of the zones",
                suggest(event.name, features.columns),
            )
            return numbers
        names = tuple(features[event.name].astype(str))
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            problems.add(where, f"{key}.name", f"{twice!r} occurs twice", "a name of its own for each zone")
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
            problems.add(where, f"{key}.weight", str(event.weight), "0 or more")
        return zeros + event.weight
    columns = [str(c) for c in features.columns if c != "geometry"]
    name = event.weight or next((c for c in WEIGHTS if c in columns), None)
    if name is None or name not in columns:
        if event.trips is None or event.weight is not None:
            found = (
                repr(event.weight) if event.weight is not None else f"columns {', '.join(columns) or 'none'}"
            )
            hint = suggest(name, columns) if name else ""
            problems.add(
                where, f"{key}.weight", found, "the column of the zones with their inhabitants", hint
            )
        return zeros
    return _column(features, name, where, f"{key}.weight", problems)


def _column(features: gpd.GeoDataFrame, name: str, where: str, key: str, problems: Problems) -> Floats:
    """A column of the zones with numbers ≥ 0, zeros and a noted problem where it is not."""
    zeros = np.zeros(len(features))
    if name not in features.columns:
        columns = [str(c) for c in features.columns if c != "geometry"]
        problems.add(where, key, repr(name), "a column of the zones", suggest(name, columns))
        return zeros
    try:
        weight = features[name].to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        problems.add(where, key, f"column {name!r} is no number", "numbers, one for each zone")
        return zeros
    bad = ~(np.isfinite(weight) & (weight >= 0))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        problems.add(where, key, f"{weight[first]} in zone {first + 1} ({int(bad.sum())} zones)", "0 or more")
    return np.asarray(weight)
