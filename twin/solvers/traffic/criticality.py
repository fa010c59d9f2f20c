"""Which road hurts most if it is lost: every bridge (or loaded road) closed in turn, by warm starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from twin.errors import InputError, told
from twin.files import replacing
from twin.solvers.traffic.assignment import Assignment, assign
from twin.solvers.traffic.problem import AssignmentNetwork, Trips
from twin.solvers.traffic.study import open_scenario, traffic_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.network import Network
    from twin.scenarios.scenario import Scenario
    from twin.solvers.traffic.solver import TrafficSolver

STRANDED_HOUR = 1.0  # h that a trip without a route counts for in the ranking


@dataclass(frozen=True)
class Loss:
    """What closing some links costs in the hour that is assigned.

    hours_lost : vehicle-hours more for trips that keep a route, less what others gain (negative where the
    stranded no longer hinder them, or by Braess's paradox: read it beside `stranded`). stranded : trips that
    lose theirs. at_edge : trips that lose theirs and have an end at the edge of the data, where the way round
    may be; not in `stranded`. volume : vehicles that used the links. hours : hours lost and stranded trips
    together, a trip counted for an hour.
    """

    hours_lost: float
    stranded: float
    at_edge: float
    volume: float
    gap: float
    seconds: float

    @property
    def hours(self) -> float:
        """What roads are ranked by."""
        return self.hours_lost + STRANDED_HOUR * self.stranded


def losses(
    network: AssignmentNetwork,
    trips: Trips,
    groups: Sequence[NDArray[np.integer]],
    *,
    gap: float = 1e-8,
    start: Assignment | None = None,
    edge: NDArray[np.bool_] | None = None,
    vehicles: NDArray[np.float64] | None = None,
    volume: NDArray[np.float64] | None = None,
) -> list[Loss]:
    """Close each group of links (numbers) in turn; costs in seconds. `start`: the open equilibrium, with
    paths; `edge` (z,): zones that stand for what lies beyond the data. Each closure starts from the open
    equilibrium, never from another closure. Where `trips` are passenger cars: `vehicles` (p,) of each pair
    and `volume` (m,) vehicles on the links.
    """
    base = start or assign(network, trips, gap=gap, keep_paths=True)
    outer = np.zeros(trips.trips.size, bool) if edge is None else edge[trips.origin] | edge[trips.destination]
    count = trips.trips if vehicles is None else vehicles
    used = base.volume if volume is None else volume
    found = []
    for group in groups:
        keep = np.ones(network.links, bool)
        keep[group] = False
        closed = assign(network.keep(keep), trips, gap=gap, start=base)
        still = np.isfinite(closed.pair_cost) & np.isfinite(base.pair_cost)
        lost = count[still] @ (closed.pair_cost - base.pair_cost)[still] / 3600.0
        cut = ~np.isfinite(closed.pair_cost) & np.isfinite(base.pair_cost)
        found.append(
            Loss(
                float(lost),
                float(count[cut & ~outer].sum()),
                float(count[cut & outer].sum()),
                float(used[group].max(initial=0.0)),
                closed.gap,
                closed.seconds,
            )
        )
    return found


def bridges(network: Network) -> list[NDArray[np.int64]]:
    """Segments (rows) of each bridge: those above the ground (level > 0) that join end to end."""
    level = network.segments["level"].fillna(0).to_numpy(np.int64)
    up = np.flatnonzero(level > 0)
    links = np.flatnonzero(np.isin(network.segment, up))
    if not links.size:
        return []
    n = network.nodes
    graph = coo_array((np.ones(links.size), (network.link_from[links], network.link_to[links])), shape=(n, n))
    _, label = connected_components(graph.tocsr(), directed=False)
    of_segment = np.full(len(network.segments), -1, np.int64)
    of_segment[network.segment[links]] = label[network.link_from[links]]
    return [np.flatnonzero(of_segment == part) for part in np.unique(of_segment[up])]


def criticality(
    scenario: Scenario,
    *,
    roads: str = "bridges",
    most: int = 50,
    gap: float = 1e-8,
    traffic: TrafficSolver | None = None,
) -> gpd.GeoDataFrame:
    """Rank the bridges (or, with ``roads="all"``, the most loaded roads) of a scenario by what their loss
    costs in its hour of reference, on dry roads that are otherwise open. Lorries weigh as cars where traffic
    is assigned, and count as vehicles here.

    Returns rows sorted by `hours`, dearest first: road_ids, name, nature, volume_veh_h, hours_lost, stranded,
    at_edge, hours, geometry (see `Loss`). `traffic`: that of the scenario,
    where it is there already. At most `most` candidates, those that carry most.

    Raises
    ------
    InputError
        The scenario has no demand or roads, or no bridge.
    """
    traffic = traffic or traffic_of(scenario)
    network, trips = traffic.network, traffic.reference_trips
    if roads == "bridges":
        groups = bridges(network)
        if not groups:
            raise InputError(told(scenario.where, "roads", "traffic.no_bridge"))
    else:
        groups = [np.array([k]) for k in range(len(network.segments))]
    base = assign(traffic.supply, trips, gap=gap, keep_paths=True)
    volume = traffic.reference.class_volume.sum(axis=0)
    links = [network.links_of_segments(group) for group in groups]
    carried = np.array([volume[some].max(initial=0.0) for some in links])
    chosen = [
        int(k) for k in np.argsort(-carried, kind="stable")[:most] if carried[k] > 0 or roads == "bridges"
    ]
    found = losses(
        traffic.supply,
        trips,
        [links[k] for k in chosen],
        gap=gap,
        start=base,
        edge=traffic.demands.at_edge,
        vehicles=trips.trips / traffic.demands.weights(traffic.reference_time),
        volume=volume,
    )
    segments = network.segments
    rows = []
    for k, loss in zip(chosen, found, strict=True):
        here = segments.iloc[groups[k]]
        names = [str(x) for x in here["name"].dropna().unique() if str(x)]
        rows.append(
            {
                "road_ids": " ".join(here["road_id"].astype(str)),
                "name": ", ".join(names),
                "nature": str(here["nature"].iloc[0]),
                "volume_veh_h": loss.volume,
                "hours_lost": loss.hours_lost,
                "stranded": loss.stranded,
                "at_edge": loss.at_edge,
                "hours": loss.hours,
                "gap": loss.gap,
                "geometry": shapely.union_all(here.geometry.to_numpy()),
            }
        )
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=segments.crs)
    return frame.sort_values("hours", ascending=False, kind="stable").reset_index(drop=True)


def run_criticality(
    path: str | Path, *, roads: str = "bridges", most: int = 50, out: str | Path | None = None
) -> gpd.GeoDataFrame:
    """``twin criticality``: of a run folder or a scenario file; written if asked, to a GeoPackage or to a
    folder of it and of the network that it was found on (``links.gpkg``).

    Raises
    ------
    InputError
        No such run or scenario, `roads` is neither "bridges" nor "all", and what `criticality` raises.
    """
    if roads not in ("bridges", "all"):
        raise InputError(
            told("twin criticality", "--roads", "error.one_of", found=roads, names="bridges, all")
        )
    scenario = open_scenario(path)
    traffic = traffic_of(scenario)
    frame = criticality(scenario, roads=roads, most=most, traffic=traffic)
    if out is not None:
        files = {Path(out): ("criticality", frame)}
        if not Path(out).suffix:
            Path(out).mkdir(parents=True, exist_ok=True)
            files = {
                Path(out) / "criticality.gpkg": ("criticality", frame),
                Path(out) / "links.gpkg": ("links", traffic.links_frame()),
            }
        for file, (layer, table) in files.items():
            with replacing(file) as aside:
                table.to_file(aside, layer=layer, driver="GPKG")
    return frame
