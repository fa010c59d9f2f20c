"""All demand of a scenario: who sets out when, by class of vehicle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.clock import zone_of
from twin.errors import InputError, told
from twin.scenarios.events import Demand
from twin.solvers.traffic.cordon import Cordon
from twin.solvers.traffic.counts import Correction, correct, read_counts
from twin.solvers.traffic.demand import FAR, PCE, WEEKDAY, Fit, Zones, trips_of
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Ints, Trips, VehicleClass

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.domain import Domain
    from twin.network import Network
    from twin.scenarios.scenario import Scenario
    from twin.solvers.traffic.solver import TrafficParameters


@dataclass(frozen=True, eq=False)
class Source:
    """The zones of one demand event, its trips and how they were made; `first` is the number of its first
    zone among all, `event` its own among the events of the scenario, from 1.
    """

    zones: Zones
    trips: Trips
    fit: Fit | None
    vehicle: str
    pce: float
    first: int
    start: float
    end: float
    event: int


class Demands:
    """The demand events of a scenario on a network; `empty` makes the supply for some zone nodes.

    Raises
    ------
    InputError
        No demand event, or one that cannot be used.
    """

    def __init__(
        self,
        scenario: Scenario,
        domain: Domain,
        network: Network,
        parameters: TrafficParameters,
        empty: Callable[[Ints], AssignmentNetwork],
    ) -> None:
        self.scenario, self.network, self.parameters = scenario, network, parameters
        self.zone = zone_of(domain.crs)
        self.sources = self._read(domain, empty)
        self.correction: Correction | None = None

    @property
    def zone_node(self) -> Ints:
        """(z,) nodes of the zones of all events, one event after the other."""
        return np.concatenate([source.zones.node for source in self.sources])

    @property
    def at_edge(self) -> NDArray[np.bool_]:
        """(z,) whether a zone is a road that the edge of the data cuts (see `Cordon`), not a place."""
        return np.concatenate([source.zones.at_edge for source in self.sources])

    @cached_property
    def place(self) -> Ints:
        """(z,) number of the place that each zone is: events with the same zones share theirs."""
        number: dict[tuple[str, float, float], int] = {}
        zones = [source.zones for source in self.sources]
        places = [place for z in zones for place in zip(z.names, z.x.tolist(), z.y.tolist(), strict=True)]
        return np.array([number.setdefault(place, len(number)) for place in places], np.int32)

    def _read(self, domain: Domain, empty: Callable[[Ints], AssignmentNetwork]) -> list[Source]:
        scenario, found = self.scenario, []
        first = 0
        for number, event in enumerate(scenario.events, start=1):
            if not isinstance(event, Demand):
                continue
            key = f"events[{number}]"
            zones = Zones.of_event(event, domain, self.network, scenario.where, key)
            cordon = None
            if event.external > 0:
                cordon = Cordon.of(self.network, event.external_importance)
                zones = zones.with_cordon(cordon, self.network)
            supply = empty(zones.node)
            trips, fit = trips_of(
                event,
                zones,
                supply,
                np.append(self.network.length, np.zeros(supply.links - self.network.links)),
                scenario.root,
                scenario.where,
                key,
                cordon=cordon,
                roads=self.network,
                daily=self.parameters.time_of_day == "weekday",
            )
            pce = PCE[event.vehicle] if event.pce is None else event.pce
            found.append(Source(zones, trips, fit, event.vehicle, pce, first, *event.window, number))
            first += len(zones.names)
        if not found:
            raise InputError(told(scenario.where, "events", "traffic.no_demand"))
        return found

    def active(self, t: float) -> tuple[int, ...]:
        """Numbers of the events on the road at a time (s)."""
        return tuple(k for k, source in enumerate(self.sources) if source.start <= t < source.end)

    def clock(self, t: float) -> datetime:
        """The local clock at a time (s): of the territory's zone where it is known, else as the start is
        written.
        """
        instant = self.scenario.start.astimezone(UTC) + timedelta(seconds=t)
        return instant.astimezone(self.zone or self.scenario.start.tzinfo)

    def factor(self, t: float) -> float:
        """What all trips are multiplied by at a time (s)."""
        profile = self.parameters.time_of_day
        if profile is None:
            return self.parameters.demand_factor
        if isinstance(profile, str):
            profile = WEEKDAY
        return self.parameters.demand_factor * profile[self.clock(t).hour]

    def _merged(self, demands: list[Source], factor: float, *, cars: bool = False) -> Trips:
        zones = sum(len(source.zones.names) for source in self.sources)
        none = np.zeros(0, np.int64)
        return Trips.from_pairs(
            zones,
            np.concatenate([none, *(d.trips.origin + d.first for d in demands)]),
            np.concatenate([none, *(d.trips.destination + d.first for d in demands)]),
            np.concatenate([np.zeros(0), *(d.trips.trips * (d.pce if cars else 1.0) for d in demands)])
            * factor,
        )

    def trips(self, t: float, *, cars: bool = False) -> Trips:
        """Trips of all classes between the zones of all demands, in vehicles or in passenger cars."""
        return self._merged([self.sources[k] for k in self.active(t)], self.factor(t), cars=cars)

    def weights(self, t: float) -> Floats:
        """(p,) passenger cars that a vehicle of each pair of `trips` weighs: each event has its own zones, so
        a pair has vehicles of one kind.
        """
        return self.trips(t, cars=True).trips / self.trips(t).trips

    def classes(self, t: float) -> tuple[VehicleClass, ...]:
        """The classes on the road at an instant: those alike in vehicle and weight."""
        active = [self.sources[k] for k in self.active(t)]
        kinds = sorted({(d.vehicle, d.pce) for d in active}) or [("car", 1.0)]
        return tuple(
            VehicleClass(
                name,
                self._merged([d for d in active if (d.vehicle, d.pce) == (name, pce)], self.factor(t)),
                pce,
            )
            for name, pce in kinds
        )

    def correct_by_counts(self, supply: AssignmentNetwork, t: float) -> None:
        """Correct what is on the road at an instant by the counts of the parameters, where there are any:
        each pair by its own factor; counts are vehicles, costs follow passenger cars. Nothing on the road
        then: nothing to correct.
        """
        if self.parameters.counts is None:
            return
        path = self.scenario.root / self.parameters.counts
        links, counts = read_counts(path, self.network, "params.traffic.counts")
        before = self.trips(t, cars=True)
        if not before.trips.size:
            return
        gap, pce = max(self.parameters.gap, 1e-8), self.weights(t)
        found = correct(supply, before, links, counts, gap=gap, pce=pce)
        code = before.origin.astype(np.int64) * before.zones + before.destination
        factor = found.trips.trips / before.trips
        for k in self.active(t):
            source = self.sources[k]
            own = source.trips
            pair = (
                (own.origin.astype(np.int64) + source.first) * before.zones + own.destination + source.first
            )
            change = factor[np.searchsorted(code, pair)]
            trips = Trips(own.zones, own.origin, own.destination, own.trips * change)
            self.sources[k] = replace(source, trips=trips)
        self.correction = found

    def zones_frame(self, t: float) -> gpd.GeoDataFrame:
        """The zones of all events as points: event (from 1), name, vehicle, people, attraction, trips that
        begin and end there at an instant (veh/h).
        """
        import geopandas as gpd

        trips = self.trips(t)
        zones = [source.zones for source in self.sources]
        return gpd.GeoDataFrame(
            {
                "name": [name for z in zones for name in z.names],
                "event": [source.event for source in self.sources for _ in source.zones.names],
                "vehicle": [source.vehicle for source in self.sources for _ in source.zones.names],
                "people": np.concatenate([z.weight for z in zones]),
                "attraction": np.concatenate([z.attraction for z in zones]),
                "trips_from": np.bincount(trips.origin, weights=trips.trips, minlength=trips.zones),
                "trips_to": np.bincount(trips.destination, weights=trips.trips, minlength=trips.zones),
            },
            geometry=gpd.points_from_xy(
                np.concatenate([z.x for z in zones]), np.concatenate([z.y for z in zones])
            ),
            crs=self.network.segments.crs,
        )

    def report(self, t: float) -> dict[str, Any]:
        """Counts of zones, the fit of each gravity model, trips by class at an instant. People are told for
        each event: lorries may have the zones of cars, or others for the same people. `hours_east_of_utc`:
        where hours of the day count and the zone of the territory is not known, the clock of the start.
        """
        zones, network = [source.zones for source in self.sources], self.network
        guessed = self.zone is None and self.parameters.time_of_day is not None
        offset = self.clock(0.0).utcoffset() if guessed else None
        return {
            "zones": sum(len(z.names) for z in zones),
            "people": [float(z.weight.sum()) for z in zones],
            "people_outside_the_data": [z.outside for z in zones],
            "squares_more_than_2_km_from_a_junction": [z.far[0] for z in zones],
            "people_more_than_2_km_from_a_junction": [z.far[1] for z in zones],
            "people_without_10_m2_of_floor": [z.crowded for z in zones],
            "people_apart_from_the_main_network": [
                float(z.weight[network.strong_component[z.node] > 0].sum()) for z in zones
            ],
            "farthest_zone_from_its_node_m": float(max(z.distance.max() for z in zones)),
            "zones_more_than_2_km_from_a_road": sum(int((z.distance > FAR).sum()) for z in zones),
            "zones_outside_the_main_component": sum(
                int((network.strong_component[z.node] > 0).sum()) for z in zones
            ),
            "zones_sharing_a_node": sum(len(z.names) - np.unique(z.node).size for z in zones),
            "gravity": [None if source.fit is None else asdict(source.fit) for source in self.sources],
            "hours_east_of_utc": None if offset is None else offset.total_seconds() / 3600.0,
            "classes": {kind.name: {"trips": kind.trips.total, "pce": kind.pce} for kind in self.classes(t)},
        }
