"""Who reaches help, and how fast: minutes to the nearest facility of a kind, at each instant of a run.

Emergency vehicles set out from their station and are held to drive at the free speed of the road, slowed and
stopped by water as others are; people drive to a hospital or a school in the traffic of the instant. One
multi-source tree gives the nearest facility for everybody. Turn bans play no part here, and the way between
a house and the nearest junction is not counted; but who lives by a street that water closes has no way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from twin.network import anchors_among, components
from twin.solvers.traffic.obstacles import speed_in_water
from twin.solvers.traffic.problem import AssignmentNetwork
from twin.solvers.traffic.trees import grow

if TYPE_CHECKING:
    import geopandas as gpd
    from scipy.optimize import LinearConstraint

    from twin.results import Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

#: Facilities from which help sets out; to the others people drive.
SETS_OUT = ("fire_station", "police")
MINUTES = (5.0, 10.0, 20.0)
FAR = 500.0  # m: a place farther than this from any road is not on the network


@dataclass(frozen=True, eq=False)
class Roads:
    """Directed links between nodes, with places of the nodes (m) and the lines of the links, drawn in the
    sense of travel.
    """

    node_x: Floats
    node_y: Floats
    link_from: Ints
    link_to: Ints
    lines: NDArray[Any]

    @classmethod
    def of(cls, links: gpd.GeoDataFrame) -> Roads:
        """The network of a run's ``traffic/links.gpkg``."""
        tail, head = links["from_node"].to_numpy(np.int32), links["to_node"].to_numpy(np.int32)
        lines = np.asarray(links.geometry.array, dtype=object)
        xy = np.full((int(max(tail.max(), head.max())) + 1, 2), np.nan)
        for nodes, place in ((tail, 0), (head, -1)):
            xy[nodes] = shapely.get_coordinates(shapely.get_point(lines, place))
        return cls(xy[:, 0].copy(), xy[:, 1].copy(), tail, head, lines)

    @cached_property
    def anchors(self) -> NDArray[np.bool_]:
        """(n,) nodes from which people set out, as in the demand (see `twin.network.anchors_among`)."""
        ends = (self.link_from, self.link_to, self.node_x.size)
        return anchors_among(components(*ends, "strong"), components(*ends, "weak"))

    @cached_property
    def _ways_in(self) -> NDArray[np.bool_]:
        """(m, 2) whether the ends of a link are `anchors`."""
        return self.anchors[np.column_stack([self.link_from, self.link_to])]

    def streets(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each point the nearest link that touches the `anchors`, or all that are as near (both
        directions, at a junction): point, sorted, and link, (k,); none beyond `FAR` of all of them.
        """
        links = np.flatnonzero(self._ways_in.any(axis=1))
        xy = np.column_stack([np.ravel(x), np.ravel(y)])
        tree = shapely.STRtree(self.lines[links])
        # Without `max_distance`, which would look at every link within it of each point.
        (point, found), far = tree.query_nearest(shapely.points(xy), return_distance=True)
        order = np.lexsort((links[found], point))
        order = order[far[order] <= FAR]
        return point[order], links[found[order]]

    def attach(self, x: ArrayLike, y: ArrayLike) -> Ints:
        """The way in for each point: of the nearest link that touches the `anchors`, the nearer end that is
        one; -1 beyond `FAR` of all of them.
        """
        ends, way_in = np.column_stack([self.link_from, self.link_to]), self._ways_in
        xy = np.column_stack([np.ravel(x), np.ravel(y)])
        point, link = self.streets(x, y)
        point, first = np.unique(point, return_index=True)
        link = link[first]
        away = np.hypot(self.node_x[ends[link]] - xy[point, :1], self.node_y[ends[link]] - xy[point, 1:])
        nearer = np.where(way_in[link], away, np.inf).argmin(axis=1)
        nodes = np.full(len(xy), -1, np.int32)
        nodes[point] = ends[link, nearer]
        return nodes

    def times(self, link_time: Floats, sources: Ints, *, towards: bool = False) -> Floats:
        """(n,) time from the nearest source (or to it), inf where there is none; `link_time` (m,), NaN or
        inf: closed.
        """
        sources = np.unique(sources[sources >= 0])
        n = self.node_x.size
        if not sources.size:
            return np.full(n, np.inf)
        is_open = np.isfinite(link_time)
        tail, head = (self.link_to, self.link_from) if towards else (self.link_from, self.link_to)
        network = AssignmentNetwork.create(
            n + 1,
            np.append(tail[is_open], np.full(sources.size, n)),
            np.append(head[is_open], sources),
            zone_node=[],
            free_time=np.append(link_time[is_open], np.zeros(sources.size)),
            capacity=1.0,
            b=0.0,
        )
        distance, entry = np.empty((1, n + 1)), np.empty((1, n + 1), np.int32)
        grow(network, np.array([n], np.int32), network.star.base, distance, entry)
        return np.asarray(distance[0, :n])


def access(
    result: Result, facilities: gpd.GeoDataFrame, x: ArrayLike, y: ArrayLike, people: ArrayLike
) -> pd.DataFrame:
    """Access to each kind of facility at each coupling time of a run.

    Parameters
    ----------
    facilities : rows with `facility` (its kind) and geometry. x, y, people : (k,) where how many live.

    Returns
    -------
    One row per kind and time: facility, time_s, people (with a way when all roads are open and dry: on a part
    of the network that has such a facility), within_5, within_10, within_20 (people), isolated (of these
    people: no way now, or the street they live by is closed by water), mean_min (of those who have a way).
    Empty where the run has no traffic.
    """
    links, series = result.links, result.link_series
    columns = ["facility", "time_s", "people", *(f"within_{m:.0f}" for m in MINUTES), "isolated", "mean_min"]
    if links is None or series is None or facilities.empty:
        return pd.DataFrame(columns=columns)
    roads = Roads.of(links)
    count = np.asarray(people, np.float64)
    home, (person, street) = roads.attach(x, y), roads.streets(x, y)
    speed = links["free_speed_km_h"].to_numpy(np.float64) / 3.6
    length = links["length_m"].to_numpy(np.float64)
    rows: list[tuple[object, ...]] = []
    for kind, group in facilities.groupby("facility", sort=True):
        points = group.geometry.representative_point()
        sources = roads.attach(points.x.to_numpy(), points.y.to_numpy())
        out = kind in SETS_OUT
        dry = roads.times(length / speed, sources, towards=not out)[home]
        reachable = (home >= 0) & np.isfinite(dry)
        for k, t in enumerate(series["time"].values):
            now = series.isel(time=k)
            closed = now["closed"].to_numpy() > 0
            link_time = now["travel_time"].to_numpy().astype(np.float64)
            depth = np.nan_to_num(now["link_water_depth"].to_numpy().astype(np.float64))
            if out:
                link_time = length / speed_in_water(depth, speed)
            above = np.zeros(home.size, dtype=bool)
            above[person[depth[street] < result.closure_depth]] = True
            minutes = roads.times(np.where(closed, np.inf, link_time), sources, towards=not out)[home] / 60.0
            served = reachable & above & np.isfinite(minutes)
            weight = count[served]
            mean = float(weight @ minutes[served] / weight.sum()) if weight.sum() > 0 else float("nan")
            rows.append(
                (
                    kind,
                    float(t),
                    float(count[reachable].sum()),
                    *(float(count[served & (minutes <= most)].sum()) for most in MINUTES),
                    float(count[reachable & ~served].sum()),
                    mean,
                )
            )
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True, eq=False)
class Sites:
    """Chosen candidates (numbers), what the choice is worth (see `p_median`, `coverage`), and whether it was
    proved best.
    """

    chosen: NDArray[np.int64]
    value: float
    proved: bool


def p_median(times: Floats, people: Floats, count: int, existing: ArrayLike = ()) -> Sites:
    """The `count` new sites that make the mean time to the nearest site least (Hakimi 1964).

    Parameters
    ----------
    times : (candidates, k) from candidate to place; inf: no way. people : (k,). existing : candidates that
        are there already and stay.

    Value: people × time, summed; places that no candidate reaches are left out. Solved by HiGHS.
    """
    reached = np.isfinite(times).any(axis=0) & (people > 0)
    site, place = np.nonzero(np.isfinite(times[:, reached]))
    cost = times[:, reached][site, place] * people[reached][place]
    sites, places, pairs = times.shape[0], int(reached.sum()), site.size
    # x = [open (sites), served (pairs)]
    from scipy.optimize import LinearConstraint  # here: see `_solve`

    each = csr_array((np.ones(pairs), (place, sites + np.arange(pairs))), shape=(places, sites + pairs))
    within = csr_array(
        (
            np.concatenate([np.ones(pairs), -np.ones(pairs)]),
            (np.tile(np.arange(pairs), 2), np.concatenate([sites + np.arange(pairs), site])),
        ),
        shape=(pairs, sites + pairs),
    )
    constraints = [LinearConstraint(each, 1.0, 1.0), LinearConstraint(within, -np.inf, 0.0)]
    return _solve(np.append(np.zeros(sites), cost), constraints, sites, count, existing, sign=1.0)


def coverage(times: Floats, people: Floats, within: float, count: int, existing: ArrayLike = ()) -> Sites:
    """The `count` new sites from which most people are reached within a time (Church and ReVelle 1974).

    Arguments as for `p_median`; value: people covered.
    """
    from scipy.optimize import LinearConstraint  # here: see `_solve`

    covers = times <= within
    sites, places = times.shape
    # x = [open (sites), covered (places)]; covered ≤ sum of the open sites that cover
    site, place = np.nonzero(covers)
    rows = np.concatenate([np.arange(places), place])
    columns = np.concatenate([sites + np.arange(places), site])
    values = np.concatenate([np.ones(places), -np.ones(site.size)])
    matrix = csr_array((values, (rows, columns)), shape=(places, sites + places))
    constraints = [LinearConstraint(matrix, -np.inf, 0.0)]
    return _solve(np.append(np.zeros(sites), -people), constraints, sites, count, existing, sign=-1.0)


def _solve(
    cost: Floats,
    constraints: list[LinearConstraint],
    sites: int,
    count: int,
    existing: ArrayLike,
    *,
    sign: float,
) -> Sites:
    from scipy.optimize import (  # here: 100 ms of importing that no run needs
        Bounds,
        LinearConstraint,
        milp,
    )

    there = np.unique(np.asarray(existing, np.int64))
    if not 0 < count <= sites - there.size:
        raise ValueError(f"{count} new sites among {sites - there.size} candidates")
    lower = np.zeros(cost.size)
    lower[there] = 1.0
    number = np.zeros((1, cost.size))
    number[0, :sites] = 1.0
    total = LinearConstraint(number, count + there.size, count + there.size)
    whole = np.append(np.ones(sites), np.zeros(cost.size - sites))
    found = milp(cost, constraints=[*constraints, total], bounds=Bounds(lower, 1.0), integrality=whole)
    if found.x is None:
        raise ValueError(f"no choice of sites: {found.message}")
    chosen = np.setdiff1d(np.flatnonzero(found.x[:sites] > 0.5), there)
    return Sites(chosen, float(sign * found.fun), bool(found.status == 0))


def worst(table: pd.DataFrame) -> Mapping[str, pd.Series]:
    """Of each kind, the row of the instant when fewest are within ten minutes (then: most isolated)."""
    if table.empty:
        return {}
    ordered = table.sort_values(["within_10", "isolated"], ascending=[True, False], kind="stable")
    return {str(kind): rows.iloc[0] for kind, rows in ordered.groupby("facility", sort=True)}
