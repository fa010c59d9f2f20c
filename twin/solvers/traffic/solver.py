"""The traffic solver: a static user equilibrium at each coupling time, on the roads that water and people
leave open.

Every assignment starts from nothing, so that it depends on the network and the trips of its instant alone and
not on what was computed before: a resumed run equals the uninterrupted one to the bit. Where nothing differs
from the reference state, its answer is taken, which is the same one.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from twin.clock import Schedule
from twin.errors import InputError, told
from twin.network import Network
from twin.plugins import Array, Parameters, Solver
from twin.scenarios.events import Demand, Event
from twin.solvers.traffic.assignment import Assignment, assign, assign_classes
from twin.solvers.traffic.demands import Demands
from twin.solvers.traffic.emissions import METHOD, QUANTITIES, Emissions, Fleet
from twin.solvers.traffic.obstacles import WET_DEPTH, WetPlaces, closures_of, speed_in_water
from twin.solvers.traffic.problem import AssignmentNetwork, Trips
from twin.solvers.traffic.turns import expand
from twin.units import Metres, Seconds, unusable

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.domain import Domain
    from twin.scenarios.scenario import Scenario

Floats = NDArray[np.float64]

HOUR = 3600.0  # s

# What is kept of each coupling time, in the order of the columns of the state's `records`. Minutes lost are
# those of the trips that keep a route and take longer than in the reference state, minutes gained of those
# that are quicker because others are stranded: apart, so that neither hides the other.
RECORD = (
    "time_s",
    "trips",
    "intrazonal",
    "unserved",
    "stranded",
    "isolated_zones",
    "links_closed",
    "links_slowed",
    "relative_gap",
    "iterations",
    "total_travel_time_h",
    "minutes_lost",
    "minutes_gained",
    "vehicle_km",
    "energy_mj",
    "co2_g",
    "nox_g",
    "pm_exhaust_g",
    "pm10_g",
)

# What adds up over a run: rates an hour, between two assignments the mean of both (see `_over_time`).
SUMMED = (
    "trips",
    "intrazonal",
    "unserved",
    "stranded",
    "minutes_lost",
    "minutes_gained",
    "total_travel_time_h",
    "vehicle_km",
    "energy_mj",
    "co2_g",
    "nox_g",
    "pm_exhaust_g",
    "pm10_g",
)


class TrafficParameters(Parameters):
    """``[params.traffic]``.

    Attributes
    ----------
    every : time between assignments (s); more where closures, demands and hours of `time_of_day` begin. What
        adds up over the run takes the mean of both ends between two.
    gap : relative gap of each assignment. max_iterations : of the solver.
    alpha, beta : of the BPR function, t = t0 (1 + alpha (volume / capacity)^beta).
    conical : the parameter a > 1 of Spiess's conical function, instead of it.
    closure_depth : depth from which a road is closed (m).
    initial_water : "permanent": what is under water at the start is river or sea, not flooded, and is left
        out, here and in all figures, maps and pages of the run (of a hot start: what was under water at the
        start of the earlier run, see `Initial.water`); "flood": it counts.
    fleet : a table of vehicles instead of the French fleet (see `twin.solvers.traffic.emissions`).
    counts : a table of counts (road_id, veh_h, direction) by which the trips of the reference state are
        corrected before anything else.
    demand_factor : multiplies all trips. time_of_day : 24 factors more, one for each hour of the local clock;
        "weekday": the shares of a weekday, where the rates of the demand are those of a day.
    """

    every: Seconds = Field(1800.0, gt=0)
    gap: float = Field(1e-10, gt=0, lt=1)
    max_iterations: int = Field(200, ge=1)
    alpha: float = Field(0.15, ge=0)
    beta: float = Field(4.0, ge=0)
    conical: float | None = Field(None, gt=1)
    closure_depth: Metres = Field(0.30, gt=0)
    initial_water: Literal["permanent", "flood"] = "permanent"
    fleet: str | None = None
    demand_factor: float = Field(1.0, ge=0)
    counts: str | None = None
    time_of_day: Literal["weekday"] | tuple[float, ...] | None = None

    @field_validator("time_of_day")
    @classmethod
    def _a_day(cls, value: str | tuple[float, ...] | None) -> str | tuple[float, ...] | None:
        if isinstance(value, tuple) and (len(value) != 24 or min(value) < 0):
            raise unusable("traffic.time_of_day", found=f"{len(value)} × [{min(value, default=0):g} …]")
        return value


class TrafficSolver(Solver):
    """Traffic on the network "roads" of a domain; see the module."""

    name: ClassVar[str] = "traffic"
    reads: ClassVar[tuple[str, ...]] = ("water_depth",)
    writes: ClassVar[tuple[str, ...]] = ("volume", "travel_time", "saturation", "link_water_depth", "closed")
    Parameters: ClassVar[type[Parameters]] = TrafficParameters

    def __init__(self, domain: Domain, scenario: Scenario, fields: dict[str, Array]) -> None:
        if "roads" not in domain.networks:
            if domain.roads is not None:
                Network.from_roads(domain.roads)  # says why there is none
            raise InputError(told(domain.name, "layers.roads", "traffic.no_roads"))
        parameters = scenario.parameters()["traffic"]
        assert isinstance(parameters, TrafficParameters)
        self.parameters = parameters
        self.domain, self.scenario, self.fields = domain, scenario, fields
        self.events: tuple[Event, ...] = scenario.events
        self.network = domain.networks["roads"]
        self.fleet = (
            Fleet.france() if parameters.fleet is None else Fleet.from_csv(scenario.root / parameters.fleet)
        )
        self.closures = closures_of(scenario, domain, self.network)
        fine = bool(getattr(scenario.parameters().get("flood"), "subgrid", False))
        self.wet_places = WetPlaces.of(domain, fine=fine)
        self._standing = fields.get("permanent_depth")  # of a hot start: not all that it begins with
        self._permanent: NDArray[np.bool_] | None = None
        self._references: dict[tuple[tuple[int, ...], float], Assignment] = {}
        self._records: list[tuple[float, ...]] = []
        self._seconds = 0.0

        self.demands = Demands(
            scenario,
            domain,
            self.network,
            parameters,
            lambda node: self._supply(self.network.free_time, node),
        )
        self.times = self._coupling_times()
        self.supply = self._supply(self.network.free_time)
        self.reference_time = next((t for t in self.times if self.demands.active(t)), 0.0)
        self.demands.correct_by_counts(self.supply, self.reference_time)
        self.reference = self._reference(self.reference_time)

        links = self.network.links
        self.volume, self.travel_time, self.saturation, self.depth = (np.zeros(links) for _ in range(4))
        self.closed = np.zeros(links, np.int8)
        self._write(self.reference, np.ones(links, bool), np.zeros(links))
        fields.update(
            volume=self.volume,
            travel_time=self.travel_time,
            saturation=self.saturation,
            link_water_depth=self.depth,
            closed=self.closed,
        )

    # -- the contract of solvers ---------------------------------------------------

    def next_time(self, t: float) -> float:
        """The next coupling time: multiples of `every`, the end, when closures or demands begin and end, and
        the hours of the local clock where the demand follows them.
        """
        place = bisect.bisect_right(self.times, t)
        return self.times[place] if place < len(self.times) else math.inf

    def step(self, t: float, t_end: float) -> float:
        """Nothing moves between coupling times."""
        return min(t_end, self.next_time(t))

    def synchronise(self, t: float) -> None:
        """Assign, when `t` is a coupling time."""
        if self._permanent is None and "water_depth" in self.fields:
            standing = self.fields["water_depth"] if self._standing is None else self._standing
            start = self.wet_places.depths(standing) > WET_DEPTH
            self._permanent = start if self.parameters.initial_water == "permanent" else np.zeros_like(start)
        place = bisect.bisect_left(self.times, t)
        if place == len(self.times) or self.times[place] != t:
            return
        if self._records and self._records[-1][0] >= t:  # done before the run was stopped here
            return
        depth = self._depth_on_links()
        rows = self._just_before(t, self.times[place - 1], depth) if self._records else []
        now, before, open_links, slowed = self._assigned(t, depth)
        rows.append(self._record(t, now, before, open_links, slowed))
        self._write(now, open_links, depth)
        self._records += rows

    def _just_before(self, t: float, since: float, depth: Floats) -> list[tuple[float, ...]]:
        """A record more of an instant at which closures, demand or its hour jump: with the water of `t` and
        what people have decided `since`, for what adds up until then.
        """
        if self._decided(t) == self._decided(since):
            return []
        if np.array_equal(depth, self.depth):  # the assignment before has it all
            return [(t, *self._records[-1][1:])]
        return [(t, *self._record(since, *self._assigned(since, depth))[1:])]

    def _decided(self, t: float) -> tuple[object, ...]:
        """What people decide of an instant: it changes at coupling times only."""
        shut = tuple(k for k, closure in enumerate(self.closures) if closure.active(t))
        return shut, self.demands.active(t), self.demands.factor(t)

    def _assigned(
        self, t: float, depth: Floats
    ) -> tuple[Assignment, Assignment, NDArray[np.bool_], NDArray[np.bool_]]:
        """Under the water on links and what people decide of an instant: the equilibrium, that of the dry and
        open network, and which links (m,) are open and which are slowed.
        """
        shut = np.isin(self.network.segment, self._closed_segments(t))
        open_links = (depth < self.parameters.closure_depth) & ~shut
        banned = self._banned(t)
        speed = speed_in_water(depth, self.network.free_speed)
        slowed = open_links & (speed < self.network.free_speed)
        before = self._reference(t)
        if open_links.all() and not slowed.any() and not banned:
            now = before
        else:
            supply = self._supply(self.network.length / speed)
            kept = np.append(open_links, np.ones(supply.links - open_links.size, bool))
            now = self._assign(supply.keep(kept), t, {name: links[kept] for name, links in banned.items()})
        return now, before, open_links, slowed

    def state(self) -> dict[str, Array]:
        """Fields of the links, permanent water and the records so far; copies."""
        state: dict[str, Array] = {name: self.fields[name].copy() for name in self.writes}
        state["records"] = np.asarray(self._records, np.float64).reshape(-1, len(RECORD))
        if self._permanent is not None:
            state["permanent"] = self._permanent.copy()
        return state

    def restore(self, state: dict[str, Array]) -> None:
        """Take a state back."""
        for name in self.writes:
            self.fields[name][...] = state[name]
        self._records = [tuple(float(value) for value in row) for row in state["records"]]
        self._permanent = np.asarray(state["permanent"], bool).copy() if "permanent" in state else None

    # -- results -----------------------------------------------------------------

    @property
    def coupling_times(self) -> tuple[float, ...]:
        """The times of all assignments of the run (s)."""
        return tuple(self.times)

    def link_fields(self) -> dict[str, Array]:
        """Copies of what is on the links now, (m,) each, by variable name; travel time NaN on closed
        links.
        """
        return {name: self.fields[name].copy() for name in self.writes}

    def links_frame(self) -> gpd.GeoDataFrame:
        """One row per directed link with the reference state, drawn in the sense of the link."""
        import geopandas as gpd

        network = self.network
        rows = network.segments.iloc[network.segment]
        volume = self.reference.class_volume.sum(axis=0)[: network.links]
        emitted = self._emissions(self.reference, np.ones(network.links, bool), self.reference_time).by_link
        return gpd.GeoDataFrame(
            {
                "link": np.arange(network.links),
                "road_id": rows["road_id"].astype(str).to_numpy(),
                "name": rows["name"].fillna("").astype(str).to_numpy() if "name" in rows else "",
                "nature": rows["nature"].fillna("").astype(str).to_numpy(),
                "importance": rows["importance"].fillna(0).astype(int).to_numpy(),
                "level": network.level,
                "from_node": network.link_from,
                "to_node": network.link_to,
                "length_m": network.length,
                "lanes": network.lanes,
                "free_speed_km_h": 3.6 * network.free_speed,
                "capacity_veh_h": network.capacity,
                "volume_veh_h": volume,
                "travel_time_s": self.reference.cost[: network.links],
                "saturation": self.reference.volume[: network.links] / network.capacity,
                "energy_mj_h": emitted["energy"],
                "co2_kg_h": emitted["co2"] / 1000.0,
                "nox_g_h": emitted["nox"],
                "pm10_g_h": emitted["pm10"],
            },
            geometry=network.link_geometry(),
            crs=network.segments.crs,
        )

    def closures_table(self) -> list[dict[str, Any]]:
        """The closures that people decide, each with its roads, from when until when (s; None: to the end and
        beyond) and for which vehicles (none: all).
        """
        ids = self.network.segments["road_id"].astype(str).to_numpy()
        return [
            {
                "roads": ids[closure.segments].tolist(),
                "start_s": closure.start,
                "end_s": closure.end if closure.end <= self.scenario.duration else None,
                "vehicles": list(closure.vehicles),
            }
            for closure in self.closures
        ]

    def zones_frame(self) -> gpd.GeoDataFrame:
        """The zones with their people and the trips of the reference state, as points."""
        return self.demands.zones_frame(self.reference_time)

    def summary(self) -> dict[str, Any]:
        """What goes to traffic/summary.json. Trips are vehicles an hour; wall times are all under
        `seconds`.
        """
        reference, parameters = self.reference, self.parameters
        records = [dict(zip(RECORD, row, strict=True)) for row in self._records]
        for record in records:
            for name in ("isolated_zones", "links_closed", "links_slowed", "iterations"):
                record[name] = int(record[name])
        over_the_run = {name: self._over_time(RECORD.index(name)) for name in SUMMED}
        emitted = self._emissions(reference, np.ones(self.network.links, bool), self.reference_time)
        return {
            "method": "user equilibrium (paired alternative segments, Bar-Gera 2010, Xie and Xie 2016)",
            "water": "Pregnolato et al. 2017; bridges (level > 0) dry, tunnels as deep as their ends",
            "start": "each assignment from nothing, so that a resumed run is the same to the bit; only "
            "criticality and counts start from the equilibrium before",
            "parameters": parameters.model_dump(mode="json"),
            "network": self.network.report(),
            "demand": self.demands.report(self.reference_time),
            "counts": None if self.demands.correction is None else self.demands.correction.report(),
            "reference": {
                "time_s": self.reference_time,
                "trips": reference.trips,
                "intrazonal": reference.intrazonal,
                "unserved": reference.unserved,
                "relative_gap": reference.gap,
                "average_excess_cost_s": reference.average_excess_cost,
                "objective": reference.objective,
                "node_imbalance": reference.imbalance,
                "iterations": reference.iterations,
                "total_travel_time_h": _vehicle_hours(reference),
                "mean_travel_time_min": 60.0 * _vehicle_hours(reference) / max(_served(reference), 1e-300),
                "vehicle_km": float(
                    reference.class_volume.sum(axis=0)[: self.network.links] @ self.network.length
                )
                / 1000.0,
            },
            "times": records,
            "emissions": {
                "method": METHOD,
                "fleet": self.fleet.source,
                "reference_an_hour": {
                    f"{quantity}_{'mj' if quantity == 'energy' else 'g'}": emitted.total(quantity)
                    for quantity in QUANTITIES
                },
            },
            "hours_lost_over_the_run": over_the_run["minutes_lost"] / 60.0,
            "hours_gained_over_the_run": over_the_run["minutes_gained"] / 60.0,
            "trips_stranded_over_the_run": over_the_run["stranded"],
            "over_the_run": over_the_run,
            "seconds": {"assignments": self._seconds},
        }

    @property
    def reference_trips(self) -> Trips:
        """The trips of the reference state, in passenger cars."""
        return self.demands.trips(self.reference_time, cars=True)

    def reference_with_paths(self) -> Assignment:
        """The reference state once more, with its flows by origin (see `select_links`)."""
        return self._assign(self.supply, self.reference_time, {}, keep_paths=True)

    # -- inside --------------------------------------------------------------------

    def _coupling_times(self) -> list[float]:
        duration = self.scenario.duration
        schedule = Schedule(self.parameters.every, duration)
        times = {schedule.time(k) for k in range(schedule.count)}
        windows: list[tuple[float, ...]] = [(c.start, c.end) for c in self.closures]
        windows += [event.window for event in self.events if isinstance(event, Demand)]
        if self.parameters.time_of_day is not None:
            clock = self.demands.clock(0.0)
            first = HOUR - (clock.minute * 60.0 + clock.second + clock.microsecond / 1e6)
            windows.append(tuple(round(first + HOUR * k, 9) for k in range(math.ceil(duration / HOUR))))
        times |= {t for window in windows for t in window if 0.0 <= t <= duration}
        return sorted(times)

    def _supply(self, time: Floats, zone_node: Array | None = None) -> AssignmentNetwork:
        """The network as cost functions, with free times (m,) (s); where turns are banned or take time,
        junctions are spread out and the turns that are allowed come after the links.
        """
        if zone_node is None:
            zone_node = self.demands.zone_node
        network = self.network
        supply = AssignmentNetwork.create(
            network.nodes,
            network.link_from,
            network.link_to,
            zone_node=zone_node,
            free_time=time,
            capacity=network.capacity,
            b=self.parameters.alpha,
            power=self.parameters.beta,
            conical=self.parameters.conical or 0.0,
            where="roads",
        )
        if not network.turn_from.size:
            return supply
        return expand(supply, network.turn_from, network.turn_to, network.turn_cost)

    def _reference(self, t: float) -> Assignment:
        """The dry, open network under the demand of an instant."""
        key = (self.demands.active(t), self.demands.factor(t))
        if key not in self._references:
            self._references[key] = self._assign(self.supply, t, {})
        return self._references[key]

    def _assign(
        self,
        supply: AssignmentNetwork,
        t: float,
        banned: dict[str, NDArray[np.bool_]],
        *,
        keep_paths: bool = False,
    ) -> Assignment:
        """The equilibrium of an instant; `banned` (m,) links by class."""
        classes = self.demands.classes(t)
        gap, most = self.parameters.gap, self.parameters.max_iterations
        if len(classes) == 1 and classes[0].pce == 1.0 and not banned:
            found = assign(supply, classes[0].trips, gap=gap, max_iterations=most, keep_paths=keep_paths)
        else:
            own = [replace(kind, banned=banned.get(kind.name)) for kind in classes]
            found = assign_classes(supply, own, gap=gap, max_iterations=most, keep_paths=keep_paths)
        self._seconds += found.seconds
        return found

    def _closed_segments(self, t: float) -> NDArray[np.int64]:
        """Segments closed to everybody."""
        shut = [c.segments for c in self.closures if c.active(t) and not c.vehicles]
        return np.concatenate([np.zeros(0, np.int64), *shut])

    def _banned(self, t: float) -> dict[str, NDArray[np.bool_]]:
        """Links (of the supply) that some class may not use at an instant, by class."""
        found: dict[str, NDArray[np.bool_]] = {}
        for closure in self.closures:
            for name in closure.vehicles if closure.active(t) else ():
                links = found.setdefault(name, np.zeros(self.supply.links, bool))
                links[: self.network.links] |= np.isin(self.network.segment, closure.segments)
        return found

    def _depth_on_links(self) -> Floats:
        if "water_depth" not in self.fields or self._permanent is None:
            return np.zeros(self.network.links)
        depths = self.wet_places.depths(self.fields["water_depth"])
        return self.wet_places.deepest(depths, self._permanent)[self.network.segment]

    def _write(self, found: Assignment, open_links: NDArray[np.bool_], depth: Floats) -> None:
        """Fill the fields, in place."""
        count = int(open_links.sum())  # turns come after the links
        self.volume[:], self.saturation[:], self.travel_time[:] = 0.0, 0.0, math.nan
        self.volume[open_links] = found.class_volume.sum(axis=0)[:count]
        self.travel_time[open_links] = found.cost[:count]
        self.saturation[open_links] = found.volume[:count]
        self.saturation /= self.network.capacity
        self.depth[:] = depth
        self.closed[:] = ~open_links

    def _record(
        self,
        t: float,
        now: Assignment,
        before: Assignment,
        open_links: NDArray[np.bool_],
        slowed: NDArray[np.bool_],
    ) -> tuple[float, ...]:
        classes = self.demands.classes(t)
        origin, destination, number = (
            np.concatenate([getattr(kind.trips, name) for kind in classes])
            for name in ("origin", "destination", "trips")
        )
        served = np.isfinite(now.pair_cost) & np.isfinite(before.pair_cost)
        stranded = ~np.isfinite(now.pair_cost) & np.isfinite(before.pair_cost)
        longer = number[served] * (now.pair_cost - before.pair_cost)[served] / 60.0
        node = self.supply.zone_node
        away = node[origin] != node[destination]  # trips within a zone need no road
        place = self.demands.place[origin]
        reaching = away & np.isfinite(now.pair_cost)
        isolated = np.setdiff1d(place[away], place[reaching])
        emitted = self._emissions(now, open_links, t)
        volume = now.class_volume.sum(axis=0)[: int(open_links.sum())]
        return (
            t,
            now.trips,
            now.intrazonal,
            now.unserved,
            float(number[stranded].sum()),
            float(isolated.size),
            float((~open_links).sum()),
            float(slowed.sum()),
            now.gap,
            float(now.iterations),
            _vehicle_hours(now),
            float(longer[longer > 0.0].sum()),
            float(-longer[longer < 0.0].sum()),
            float(volume @ self.network.length[open_links]) / 1000.0,
            *(emitted.total(quantity) for quantity in QUANTITIES),
        )

    def _emissions(self, found: Assignment, open_links: NDArray[np.bool_], t: float) -> Emissions:
        """Emissions of an assignment on all links (m,), none on those that are not in it."""
        links, count = self.network.links, int(open_links.sum())
        time = np.full(links, math.nan)
        time[open_links] = found.cost[:count]
        volumes: dict[str, Floats] = {}
        for kind, volume in zip(self.demands.classes(t), found.class_volume, strict=True):
            of_kind = volumes.setdefault(kind.name, np.zeros(links))
            of_kind[open_links] += volume[:count]
        return Emissions.of(self.fleet, volumes, self.network.length, self.network.length / time)

    def _over_time(self, column: int) -> float:
        """A rate an hour over the run: between two assignments it is the mean of both, for nobody knows when
        between them water came or went. An instant at which something jumps has two records (`_just_before`).
        """
        total = 0.0
        for here, following in zip(self._records, self._records[1:], strict=False):
            total += 0.5 * (here[column] + following[column]) * (following[0] - here[0]) / 3600.0
        return total


def _served(found: Assignment) -> float:
    return found.trips - found.unserved - found.intrazonal


def _vehicle_hours(found: Assignment) -> float:
    return float(found.class_volume.sum(axis=0) @ found.cost) / 3600.0
