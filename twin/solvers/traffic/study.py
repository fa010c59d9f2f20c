"""What a planner asks of the hour of reference of a scenario: who uses a road, what the system optimum would
be and which tolls bring it about, how far it is between zones.

Roads are dry and open, as in the reference state of a run.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.errors import InputError, Problems, suggest, told
from twin.files import replacing, write_text
from twin.solvers.traffic.analysis import skim, system_optimum
from twin.solvers.traffic.matrices import write_omx
from twin.solvers.traffic.obstacles import REACH, roads_at
from twin.solvers.traffic.paths import select_links
from twin.solvers.traffic.solver import TrafficSolver

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario

LEAST = 1e-6  # trips an hour: fewer are rounding


def traffic_of(scenario: Scenario) -> TrafficSolver:
    """The traffic of a scenario at its start, measures applied.

    Raises
    ------
    InputError
        The scenario has no traffic, roads or demand.
    """
    from twin.gridding import DomainParameters, build_domain

    parameters = scenario.parameters()
    if "traffic" not in parameters:
        raise InputError(told(scenario.where, "solvers", "traffic.no_traffic"))
    domain_parameters = parameters["domain"]
    assert isinstance(domain_parameters, DomainParameters)
    domain = build_domain(scenario.territory, scenario.resolution, domain_parameters)
    for number, measure in enumerate(scenario.measures, start=1):
        domain = measure.apply(domain, scenario.where, f"measures[{number}]")
    return TrafficSolver(domain, scenario, {})


def open_scenario(path: str | Path) -> Scenario:
    """The scenario of a run folder, or of a file. InputError: there is none."""
    from twin.scenarios.scenario import Scenario

    path = Path(path)
    return Scenario.open(path / "scenario.toml" if path.is_dir() else path)


def segments_of(traffic: TrafficSolver, roads: Sequence[str], where: str) -> NDArray[np.int64]:
    """Segments (rows) that are meant by road ids, names of roads (case and accents do not count) or places.

    Raises
    ------
    InputError
        Nothing has that name, or the place is more than 50 m from any road; all at once.
    """
    segments, places = traffic.network.segments, traffic.domain.places
    ids = segments["road_id"].astype(str).to_numpy()
    names = np.array([_plain(x) for x in segments["name"].fillna("")]) if "name" in segments else ids
    shapes = np.asarray(segments.geometry.array, dtype=object)
    problems = Problems()
    found: set[int] = set()
    for road in roads:
        rows = np.flatnonzero((ids == road) | (names == _plain(road))).tolist() if _plain(road) else []
        if not rows and road in places:
            rows, distance = roads_at(places[road].geometry, shapes)
            if distance > REACH:
                away = {"place": road, "distance": f"{distance:.0f}", "most": f"{REACH:.0f}"}
                problems.tell(where, "--road", "traffic.far_place", **away)
        elif not rows:
            known = {str(x) for x in segments["name"].dropna() if str(x)} if "name" in segments else set()
            hint = suggest(road, known | {*places})
            problems.tell(where, "--road", "traffic.no_road", hint, found=road)
        found.update(rows)
    problems.raise_if_any()
    return np.asarray(sorted(found), np.int64)


def _plain(name: object) -> str:
    """A name without case and accents."""
    letters = unicodedata.normalize("NFKD", str(name).casefold())
    return "".join(c for c in letters if not unicodedata.combining(c)).strip()


@dataclass(frozen=True, eq=False)
class Users:
    """Who uses some roads in the hour of reference.

    Attributes
    ----------
    links : links that these trips use anywhere: name, road_id, volume_pcu_h (all traffic, passenger cars),
        selected_pcu_h (of trips through the roads), share, chosen (is one of the roads); geometry.
    pairs : zone pairs by number: from, to, trips (vehicles an hour), through (of these, through the roads),
        share; geometry a straight line.
    zones : name, begin, end (vehicles an hour through the roads that begin and end there); points.
    through, trips : vehicles an hour through the roads, and in all.
    gap : relative gap of the equilibrium.
    """

    links: gpd.GeoDataFrame
    pairs: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    through: float
    trips: float
    gap: float

    def write(self, out: str | Path) -> list[Path]:
        """A GeoPackage of the three tables (``.gpkg``), or a folder of it and of ``pairs.csv``.

        Raises
        ------
        InputError
            Another kind of file.
        """
        out = Path(out)
        if out.suffix not in ("", ".gpkg"):
            raise InputError(told(out, "", "folder.or_gpkg", found=out.suffix))
        written = []
        if not out.suffix:
            out.mkdir(parents=True, exist_ok=True)
            table = pd.DataFrame(self.pairs.drop(columns="geometry"))
            write_text(out / "pairs.csv", table.to_csv(index=False))
            written.append(out / "pairs.csv")
            out = out / "users.gpkg"
        with replacing(out) as aside:
            for name in ("links", "pairs", "zones"):
                getattr(self, name).to_file(aside, layer=name, driver="GPKG", engine="pyogrio")
        return [*written, out]


def users_of(scenario: Scenario, roads: Sequence[str]) -> Users:
    """Who uses some roads (see `segments_of`), any of them and in either direction. Routes of one pair are
    not unique at equilibrium: they are those of proportionality (see `kernels_paths`).

    Raises
    ------
    InputError
        As `traffic_of` and `segments_of`.
    """
    traffic = traffic_of(scenario)
    network = traffic.network
    chosen = network.links_of_segments(segments_of(traffic, roads, scenario.where))
    found = traffic.reference_with_paths()
    assert found.paths is not None
    selected = select_links(found.paths, chosen)
    frame = traffic.links_frame()
    m = network.links
    links = frame[["link", "road_id", "name", "nature", "importance", "geometry"]].assign(
        volume_pcu_h=found.volume[:m],
        selected_pcu_h=selected.volume[:m],
        share=np.divide(selected.volume[:m], found.volume[:m], out=np.zeros(m), where=found.volume[:m] > 0),
        chosen=np.isin(np.arange(m), chosen),
    )
    classes = traffic.demands.classes(traffic.reference_time)
    origin, destination, trips = (
        np.concatenate([getattr(kind.trips, name) for kind in classes])
        for name in ("origin", "destination", "trips")
    )
    table = pd.DataFrame(
        {"o": origin, "d": destination, "trips": trips, "through": trips * selected.pair_share}
    )
    table = table.groupby(["o", "d"], as_index=False).sum()
    table = table[table["through"] > LEAST].sort_values("through", ascending=False, kind="stable")
    zones = traffic.zones_frame()
    names = zones["name"].astype(str).to_numpy()
    ends = np.stack([zones.geometry.x.to_numpy(), zones.geometry.y.to_numpy()], axis=1)
    o, d = table["o"].to_numpy(), table["d"].to_numpy()
    through = table["through"].to_numpy(np.float64)
    pairs = gpd.GeoDataFrame(
        {
            "from": names[o],
            "to": names[d],
            "trips": table["trips"].to_numpy(),
            "through": through,
            "share": through / table["trips"].to_numpy(),
        },
        geometry=shapely.linestrings(np.stack([ends[o], ends[d]], axis=1)),
        crs=zones.crs,
    )
    ended = zones[["name", "geometry"]].assign(
        begin=np.bincount(o, weights=through, minlength=len(zones)),
        end=np.bincount(d, weights=through, minlength=len(zones)),
    )
    return Users(
        links[(links["selected_pcu_h"] > LEAST) | links["chosen"]].reset_index(drop=True),
        pairs.reset_index(drop=True),
        ended[(ended["begin"] > 0) | (ended["end"] > 0)].reset_index(drop=True),
        float(through.sum()),
        float(trips.sum()),
        found.gap,
    )


@dataclass(frozen=True, eq=False)
class Tolls:
    """The system optimum of the hour of reference, in passenger cars.

    ``links``: link, road_id, name, volume_pcu_h (equilibrium), optimum_pcu_h, toll_s (in seconds of travel
    time; charged, drivers choose the optimum by themselves), geometry; ``hours`` and ``optimum_hours``:
    vehicle-hours an hour of both; ``gap``: the larger of their relative gaps.
    """

    links: gpd.GeoDataFrame
    hours: float
    optimum_hours: float
    gap: float


def tolls_of(scenario: Scenario) -> Tolls:
    """System optimum and its marginal-cost tolls. InputError: as `traffic_of`; conical costs."""
    traffic = traffic_of(scenario)
    m, trips = traffic.network.links, traffic.reference_trips
    best = system_optimum(traffic.supply, trips, gap=traffic.parameters.gap)
    found = traffic.reference
    frame = traffic.links_frame()
    links = frame[["link", "road_id", "name", "nature", "geometry"]].assign(
        volume_pcu_h=found.volume[:m], optimum_pcu_h=best.volume[:m], toll_s=best.toll[:m]
    )
    gap = max(found.gap, best.marginal.gap)
    return Tolls(links, float(found.volume @ found.cost) / 3600.0, best.total_cost / 3600.0, gap)


def skims_of(scenario: Scenario) -> tuple[tuple[str, ...], dict[str, NDArray[np.float64]]]:
    """Names of the zones, and tables (z, z) between them at the equilibrium: ``minutes`` of the shortest
    route, ``km`` along it, ``free_minutes`` of the shortest route on empty roads; inf where there is none.

    Raises
    ------
    InputError
        As `traffic_of`.
    """
    traffic = traffic_of(scenario)
    supply = traffic.supply
    length = np.append(traffic.network.length, np.zeros(supply.links - traffic.network.links))
    loaded = skim(supply, traffic.reference.cost, km=length / 1000.0)
    empty = skim(supply, supply.cost_at(np.zeros(supply.links)))
    names = tuple(traffic.zones_frame()["name"].astype(str))
    return names, {
        "minutes": loaded["cost"] / 60.0,
        "km": loaded["km"],
        "free_minutes": empty["cost"] / 60.0,
    }


def write_skims(names: Sequence[str], tables: dict[str, NDArray[np.float64]], out: str | Path) -> Path:
    """Tables between zones as Open Matrix (``.omx``) or a row a pair that has a route (``.csv``).

    Raises
    ------
    InputError
        Another kind of file.
    """
    out = Path(out)
    if out.suffix == ".omx":
        return write_omx(out, names, tables)
    if out.suffix != ".csv":
        raise InputError(told(out, "", "traffic.skim_file", found=out.suffix))
    some = next(iter(tables.values()))
    o, d = np.nonzero(np.isfinite(some))
    labels = np.asarray(names, dtype=object)
    frame = pd.DataFrame({"from": labels[o], "to": labels[d], **{k: t[o, d] for k, t in tables.items()}})
    write_text(out, frame.to_csv(index=False, float_format="%.6g"))
    return out
