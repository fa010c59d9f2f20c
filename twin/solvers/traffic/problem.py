"""What an assignment is made of: a network with cost functions, and trips between zones. Units are the
caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Problems, TwinError
from twin.messages import text

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AssignmentNetwork:
    """Directed links with cost t(v) = fixed + free_time (1 + b (v / capacity)^power), and where the zones
    are. Where ``conical`` is not 0, it is the parameter a > 1 of Spiess's conical function instead, t(v) =
    fixed + free_time f(v / capacity); b and power are then not used. ``link_id`` (m,) names a link through
    changes of the network (`keep`).

    Parallel links, self loops and links of cost 0 are allowed. ``through[i]`` False: a path may begin or end
    at node i but not pass it (TNTP's first through node). ``zone_node`` (z,) is the node of each zone;
    several zones may share one. Arrays of links have shape (m,). Raises InputError (all problems at once) for
    values that mean nothing.
    """

    nodes: int
    zone_node: Ints
    through: Bools
    link_from: Ints
    link_to: Ints
    free_time: Floats
    capacity: Floats
    b: Floats
    power: Floats
    fixed: Floats
    conical: Floats
    link_id: NDArray[np.int64]
    where: str = "Network"

    @classmethod
    def create(
        cls,
        nodes: int,
        link_from: ArrayLike,
        link_to: ArrayLike,
        *,
        zone_node: ArrayLike,
        free_time: ArrayLike,
        capacity: ArrayLike,
        b: ArrayLike = 0.15,
        power: ArrayLike = 4.0,
        fixed: ArrayLike = 0.0,
        conical: ArrayLike = 0.0,
        through: ArrayLike = True,
        where: str = "Network",
    ) -> AssignmentNetwork:
        """Network from anything array-like; scalars are spread over the links (or nodes)."""
        tails = np.ascontiguousarray(link_from, np.int32)

        def spread(values: ArrayLike) -> Floats:
            return np.ascontiguousarray(np.broadcast_to(np.asarray(values, np.float64), tails.shape))

        return cls(
            nodes=int(nodes),
            zone_node=np.ascontiguousarray(zone_node, np.int32),
            through=np.ascontiguousarray(np.broadcast_to(np.asarray(through, np.bool_), (int(nodes),))),
            link_from=tails,
            link_to=np.ascontiguousarray(link_to, np.int32),
            free_time=spread(free_time),
            capacity=spread(capacity),
            b=spread(b),
            power=spread(power),
            fixed=spread(fixed),
            conical=spread(conical),
            link_id=np.arange(tails.size),
            where=where,
        )

    def __post_init__(self) -> None:
        problems = Problems()

        def check(key: str, bad: NDArray[np.bool_], values: NDArray[np.generic], row: str) -> None:
            if bad.any():
                first = int(np.flatnonzero(bad)[0])
                at = {"value": values[first], "line": first + 1, "count": int(bad.sum()), "most": self.nodes}
                problems.tell(self.where, key, f"traffic.network.{row}", **at)

        for key in ("link_from", "link_to", "zone_node"):
            values = getattr(self, key)
            check(key, (values < 0) | (values >= self.nodes), values, "node")
        for key in ("free_time", "b", "power", "fixed"):
            values = getattr(self, key)
            check(key, ~(np.isfinite(values) & (values >= 0)), values, "number")
        check(
            "conical",
            ~(np.isfinite(self.conical) & ((self.conical == 0) | (self.conical > 1))),
            self.conical,
            "conical",
        )
        conical = self.conical > 0
        needed = (conical | (self.b > 0) & (self.power > 0)) & (self.free_time > 0)
        check(
            "capacity",
            needed & ~(np.isfinite(self.capacity) & (self.capacity > 0)),
            self.capacity,
            "capacity",
        )
        problems.raise_if_any()

    @property
    def links(self) -> int:
        """Number of directed links m."""
        return int(self.link_from.size)

    @property
    def zones(self) -> int:
        """Number of zones z."""
        return int(self.zone_node.size)

    @cached_property
    def star(self) -> ForwardStar:
        """The network in forward-star order, as the kernels want it (kept)."""
        return ForwardStar.of(self)

    def cost_at(self, volume: Floats) -> Floats:
        """Cost of every link at the given volumes (m,), in the order of the links."""
        from twin.solvers.traffic.kernels import fill_costs

        star = self.star
        cost, derivative = np.empty(self.links), np.empty(self.links)
        fill_costs(np.ascontiguousarray(volume[star.order]), *star.curves, cost, derivative)
        return star.scatter(cost)

    def keep(self, links: Bools) -> AssignmentNetwork:
        """The same nodes and zones with only the links of the mask (m,): how a closed link is left out."""
        per_link = (
            "link_from", "link_to", "free_time", "capacity", "b", "power", "fixed", "conical", "link_id"
        )  # fmt: skip
        return replace(self, **{name: getattr(self, name)[links] for name in per_link})


def not_finite(network: AssignmentNetwork, volume: Floats, cost: Floats) -> TwinError:
    """What an assignment raises that met a volume or a cost (m,) (star order) that is no finite number, or
    flow where no path leads.
    """
    bad = np.flatnonzero(~(np.isfinite(volume) & np.isfinite(cost)))
    if not bad.size:
        return TwinError(text("traffic.flow_without_path", where=network.where))
    star, k = network.star, int(bad[0])
    values: dict[str, Any] = {
        "link": int(network.link_id[star.order[k]]),
        "tail": int(star.tail[k]),
        "head": int(star.head[k]),
        "volume": float(volume[k]),
        "cost": float(cost[k]),
    }
    return TwinError(text("traffic.not_finite", where=network.where, count=bad.size, **values))


@dataclass(frozen=True, eq=False)
class ForwardStar:
    """Links sorted by tail (stable): ``order[k]`` is the link at place k; backward star ``in_ptr``,
    ``in_link``, in which link k is the one of number ``in_rank[k]`` that enters its head.
    """

    order: NDArray[np.int64]
    out_ptr: Ints
    tail: Ints
    head: Ints
    in_ptr: Ints
    in_link: Ints
    in_rank: NDArray[np.uint16]
    base: Floats
    slope: Floats
    inverse_capacity: Floats
    power: Floats

    @classmethod
    def of(cls, network: AssignmentNetwork) -> ForwardStar:
        """Sorted copy of a network's links."""
        order = np.argsort(network.link_from, kind="stable")
        tail, head = network.link_from[order], network.link_to[order]
        out_ptr = np.zeros(network.nodes + 1, np.int32)
        np.cumsum(np.bincount(tail, minlength=network.nodes), out=out_ptr[1:])
        in_ptr = np.zeros(network.nodes + 1, np.int32)
        np.cumsum(np.bincount(head, minlength=network.nodes), out=in_ptr[1:])
        conical = network.conical > 0
        slope = (network.free_time * np.where(conical, 1.0, network.b))[order]
        with np.errstate(divide="ignore"):
            inverse = np.where(slope > 0, 1.0 / network.capacity[order], 0.0)
        in_link = np.argsort(head, kind="stable").astype(np.int32)
        in_rank = np.empty(head.size, np.uint16)
        in_rank[in_link] = np.arange(head.size) - in_ptr[head[in_link]]
        return cls(
            order=order,
            out_ptr=out_ptr,
            tail=tail,
            head=head,
            in_ptr=in_ptr,
            in_link=in_link,
            in_rank=in_rank,
            base=(network.free_time + network.fixed)[order],
            slope=slope,
            inverse_capacity=np.where(np.isfinite(inverse), inverse, 0.0),
            power=np.where(conical, -network.conical, network.power)[order],
        )

    @property
    def curves(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The four arrays of the cost functions, in the order in which the kernels take them."""
        return self.base, self.slope, self.inverse_capacity, self.power

    def scatter(self, values: Floats) -> Floats:
        """Values at places of the star → values in the order of the links, (m,) both."""
        out = np.empty_like(values)
        out[self.order] = values
        return out


@dataclass(frozen=True, eq=False)
class Trips:
    """Trips between zones, as pairs sorted by origin then destination; only pairs with trips > 0. Shapes
    (p,).
    """

    zones: int
    origin: Ints
    destination: Ints
    trips: Floats

    @classmethod
    def from_pairs(
        cls,
        zones: int,
        origin: ArrayLike,
        destination: ArrayLike,
        trips: ArrayLike,
        where: str = "Trips",
        key: str = "trips",
    ) -> Trips:
        """Trips from a list of pairs (added where a pair occurs twice). InputError: negative trips, unknown
        zones.
        """
        o, d = np.asarray(origin, np.int64), np.asarray(destination, np.int64)
        q = np.asarray(trips, np.float64)
        problems = Problems()
        for name, values in (("origin", o), ("destination", d)):
            bad = (values < 0) | (values >= zones)
            if bad.any():
                first = int(np.flatnonzero(bad)[0])
                problems.tell(
                    where, f"{key}.{name}", "traffic.zone_number", zone=values[first] + 1, most=zones
                )
        bad = ~(np.isfinite(q) & (q >= 0))
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            pair = {"trips": q[first], "origin": o[first] + 1, "destination": d[first] + 1}
            problems.tell(where, key, "traffic.pair", count=int(bad.sum()), **pair)
        problems.raise_if_any()
        code, place = np.unique(o * zones + d, return_inverse=True)
        total = np.bincount(place, weights=q, minlength=code.size)
        kept = total > 0
        code = code[kept]
        summed = np.asarray(total[kept], np.float64)
        return cls(zones, (code // zones).astype(np.int32), (code % zones).astype(np.int32), summed)

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, where: str = "Trips") -> Trips:
        """Trips from a square matrix, row = origin zone, column = destination zone."""
        table = np.asarray(matrix, np.float64)
        if table.ndim != 2 or table.shape[0] != table.shape[1]:
            problems = Problems()
            problems.tell(where, "trips", "traffic.not_square", shape=table.shape)
            problems.raise_if_any()
        origin, destination = np.nonzero(table)
        return cls.from_pairs(table.shape[0], origin, destination, table[origin, destination], where)

    @property
    def total(self) -> float:
        """All trips, intrazonal ones too."""
        return float(self.trips.sum())

    def times(self, factor: float) -> Trips:
        """The same pairs, every number multiplied."""
        return Trips(self.zones, self.origin, self.destination, self.trips * factor)

    def matrix(self) -> Floats:
        """Dense (z, z) table."""
        out = np.zeros((self.zones, self.zones))
        out[self.origin, self.destination] = self.trips
        return out


@dataclass(frozen=True, eq=False)
class VehicleClass:
    """Traffic of one kind: its trips (vehicles an hour), passenger-car equivalents of a vehicle, what a
    vehicle pays besides the common congested cost (fixed, (m,) or a number), links it may not use (m,).
    """

    name: str
    trips: Trips
    pce: float = 1.0
    fixed: Floats | float = 0.0
    banned: Bools | None = None


@dataclass(frozen=True, eq=False)
class Loading:
    """Trips prepared for one network: pairs between different nodes, grouped by class and origin node.

    A row is a class and an origin: ``row_class`` and ``origin_node`` (o,); the pairs of row k are
    ``pair_ptr[k]:pair_ptr[k + 1]`` in ``pair_node``, ``pair_trips`` (passenger cars) and ``pair_index``
    (place in the trips of all classes, one after the other). ``pce`` (c,), ``extra`` (c, m) what a class pays
    besides (star order; inf: banned). ``intrazonal``: vehicles whose two ends are at one node (not loaded);
    ``pairs``: of all classes.
    """

    origin_node: Ints
    row_class: Ints
    pair_ptr: NDArray[np.int64]
    pair_node: Ints
    pair_trips: Floats
    pair_index: NDArray[np.int64]
    intrazonal: float
    trips: float
    pairs: int
    pce: Floats
    extra: Floats

    @classmethod
    def of(cls, network: AssignmentNetwork, trips: Trips) -> Loading:
        """Group the trips of one class. InputError when the two do not have the same zones."""
        return cls.of_classes(network, (VehicleClass("", trips),))

    @classmethod
    def of_classes(cls, network: AssignmentNetwork, classes: Sequence[VehicleClass]) -> Loading:
        """Group the trips of several classes. InputError: other zones, equivalents or fixed terms that mean
        nothing.
        """
        problems = Problems()
        starts, ends, cars, owners, index = [], [], [], [], []
        pairs, intrazonal, vehicles = 0, 0.0, 0.0
        extra = np.zeros((len(classes), network.links))
        for number, kind in enumerate(classes):
            trips, key = kind.trips, kind.name or "trips"
            fixed = np.asarray(kind.fixed, np.float64)
            if trips.zones != network.zones:
                key = f"{kind.name}.zones" if kind.name else "zones"
                problems.tell(
                    network.where, key, "traffic.zones_of_trips", count=network.zones, wanted=trips.zones
                )
                continue
            if not (np.isfinite(kind.pce) and kind.pce > 0):
                problems.tell(network.where, f"{key}.pce", "traffic.above_zero", found=kind.pce)
            if not (np.isfinite(fixed) & (fixed >= 0)).all():
                problems.tell(network.where, f"{key}.fixed", "traffic.not_numbers")
            extra[number] = np.broadcast_to(fixed, (network.links,))[network.star.order]
            if kind.banned is not None:
                extra[number][np.asarray(kind.banned, bool)[network.star.order]] = np.inf
            start, end = network.zone_node[trips.origin], network.zone_node[trips.destination]
            moving = np.flatnonzero(start != end)
            starts.append(start[moving])
            ends.append(end[moving])
            cars.append(trips.trips[moving] * kind.pce)
            owners.append(np.full(moving.size, number, np.int32))
            index.append(moving + pairs)
            pairs += trips.trips.size
            intrazonal += float(trips.trips[start == end].sum())
            vehicles += trips.total
        problems.raise_if_any()
        from_node, to_node = np.concatenate(starts), np.concatenate(ends)
        owner = np.concatenate(owners)
        order = np.lexsort((to_node, from_node, owner))
        code = owner[order].astype(np.int64) * network.nodes + from_node[order]
        row, first = np.unique(code, return_index=True)
        return cls(
            origin_node=(row % network.nodes).astype(np.int32),
            row_class=(row // network.nodes).astype(np.int32),
            pair_ptr=np.append(first, order.size).astype(np.int64),
            pair_node=np.ascontiguousarray(to_node[order]),
            pair_trips=np.ascontiguousarray(np.concatenate(cars)[order]),
            pair_index=np.concatenate(index)[order],
            intrazonal=intrazonal,
            trips=vehicles,
            pairs=pairs,
            pce=np.array([kind.pce for kind in classes]),
            extra=extra,
        )

    @property
    def rows(self) -> int:
        """Number of rows o."""
        return int(self.origin_node.size)

    @property
    def pair_pce(self) -> Floats:
        """Passenger cars of one vehicle, by pair (p,)."""
        of_rows = self.pce[self.row_class]
        return np.asarray(np.repeat(of_rows, np.diff(self.pair_ptr)))

    def batches(self, size: int) -> list[tuple[int, int]]:
        """Rows in runs of at most `size`, no run across two classes."""
        ends = [*(np.flatnonzero(np.diff(self.row_class)) + 1).tolist(), self.rows]
        out, first = [], 0
        for end in ends:
            out += [(k, min(k + size, end)) for k in range(first, end, size)]
            first = end
        return out
