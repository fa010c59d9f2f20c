"""Traffic: time, trips, emissions; access to facilities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from twin.accessibility import FAR, access, worst
from twin.indicators.indicator import Floats, Indicator, Run, make, people_in
from twin.indicators.places import facilities_among
from twin.messages import figure, text
from twin.solvers.traffic.demand import WEIGHTS

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from twin.results import Result

#: Facilities whose access is told.
ACCESSED = ("hospital", "fire_station", "school")


def traffic_figures(run: Run) -> list[Indicator]:
    """Time and trips, over the run and at worst."""
    summary = run.result.traffic_summary
    if not summary or not summary.get("times"):
        return []
    # Per trip that still has a route; of each instant the whole network, so long trips weigh as others.
    per_trip = []
    for row in summary["times"]:
        driving = float(row["trips"]) - float(row["intrazonal"]) - float(row["unserved"])
        per_trip.append((float(row["minutes_lost"]) / driving if driving > 0 else 0.0, float(row["time_s"])))
    most, when = max(per_trip)
    out = [
        make("minutes_lost_per_trip", most, "min", hours=when / 3600),
        make("hours_lost", float(summary["hours_lost_over_the_run"]), "veh·h"),
        make("hours_gained", float(summary.get("hours_gained_over_the_run", 0.0)), "veh·h"),
        make("trips_stranded", float(summary["trips_stranded_over_the_run"]), "veh"),
        make("trips_unserved", float(summary["reference"]["unserved"]), "veh/h"),
    ]
    total = summary.get("over_the_run")
    if total:
        hours = make("traffic_hours", float(total["total_travel_time_h"]), "veh·h")
        out += _on_roads([hours, make("vehicle_km", float(total["vehicle_km"]), "veh·km")], total)
    if "parameters" in summary:
        wanted = float(summary["parameters"]["gap"])
        gaps = [float(row["relative_gap"]) for row in (*summary["times"], summary["reference"])]
        missed = [gap for gap in gaps if gap > wanted]
        if missed:
            told = {"worst": f"{max(missed):.0e}", "wanted": f"{wanted:.0e}"}
            out.append(make("gap_missed", len(missed), "", **told))
    return out + _lacking(summary.get("demand", {}))


def _lacking(demand: dict[str, Any]) -> list[Indicator]:
    """People whose trips the demand lacks, or has at a wrong place or hour; of the event with most, for
    lorries are asked of the same people as cars.
    """
    squares = max(demand.get("squares_more_than_2_km_from_a_junction", [0]))
    told: dict[str, dict[str, Any]] = {
        "people_outside_the_data": {},
        "people_more_than_2_km_from_a_junction": {"squares": squares},
        "people_without_10_m2_of_floor": {},
        "people_apart_from_the_main_network": {},
    }
    found = {key: round(max(demand.get(key, [0.0]))) for key in told}
    out = [make(key, found[key], "", **words) for key, words in told.items() if found[key] > 0]
    if (hours := demand.get("hours_east_of_utc")) is not None:
        out.append(make("hours_east_of_utc", float(hours), "h"))
    return out


def emission_figures(run: Run) -> list[Indicator]:
    """What the traffic of the run burns and emits."""
    summary = run.result.traffic_summary
    if not summary or "emissions" not in summary:
        return []
    total, source = summary["over_the_run"], str(summary["emissions"]["fleet"])
    french = "traffic.fleet_france"  # the summary has it in English

    def fleet(lang: str) -> str:
        return source.replace(text(french, "en"), text(french, lang))

    figures = [
        make("co2", float(total["co2_g"]) / 1e6, "t", fleet=fleet),
        make("nox", float(total["nox_g"]) / 1e3, "kg", fleet=fleet),
        make("pm10", float(total["pm10_g"]) / 1e3, "kg", fleet=fleet),
        make("traffic_energy", float(total["energy_mj"]) / 1e3, "GJ", fleet=fleet),
    ]
    return _on_roads(figures, total)


def _on_roads(figures: list[Indicator], total: dict[str, Any]) -> list[Indicator]:
    """Figures of what drives on roads, which say how many trips do not: those within a zone."""
    share = round(100.0 * total.get("intrazonal", 0.0) / max(total["trips"], 1e-300), 1)
    if not share > 0:
        return figures
    return [_saying(one, "within_zones", share=share) for one in figures]


def access_figures(run: Run) -> list[Indicator]:
    """People within minutes of help and school, and people cut off, at the worst instant of the run.

    A kind that nobody reaches even when roads are dry and open (no facility of it is in a part of the network
    where people live) has no such figures: `facilities_off_network` counts and names them.
    """
    places = run.places()
    if places is None:
        return []
    found = facilities_among(places)
    wanted = found[found["facility"].isin(ACCESSED)]
    x, y, people, method = _homes(run)
    if not people.any() or wanted.empty:
        return []
    table = access(run.result, wanted, x, y, people)
    out, nowhere = [], []
    for kind, row in worst(table).items():
        of_kind = table[table["facility"] == kind]
        if not row["people"] > 0:
            nowhere.append(kind)
            continue
        hours = float(row["time_s"]) / 3600
        beyond = (of_kind["people"] - of_kind["within_20"]).max()
        figures = [
            make(f"within_10_min_{kind}", round(row["within_10"]), "", method=method, hours=hours),
            make(f"beyond_20_min_{kind}", round(beyond), ""),
            make(f"isolated_{kind}", round(of_kind["isolated"].max()), ""),
        ]
        away = round(float(people.sum()) - float(row["people"]))
        out += [_saying(one, "off_network", people=away, far=FAR) for one in figures] if away > 0 else figures
    if nowhere:
        lost = wanted[wanted["facility"].isin(nowhere)]
        titles = zip(lost["title"], lost["name"], strict=True)
        names = ", ".join(str(title) or str(name) for title, name in titles)
        out.append(make("facilities_off_network", len(lost), "", detail=names, far=FAR))
    return out


def _saying(one: Indicator, row: str, **words: float) -> Indicator:
    """A figure whose method has a sentence more, ``indicator.<row>``: what is not in it."""
    said = {
        lang: text(f"indicator.{row}", lang, **{n: figure(v, lang) for n, v in words.items()})
        for lang in ("fr", "en")
    }
    return replace(one, method=f"{one.method} {said['fr']}", method_en=f"{one.method_en} {said['en']}")


def _homes(run: Run) -> tuple[Floats, Floats, Floats, str]:
    """Where how many people live: x, y, people, and the text that says how it is known.

    Buildings where they say it, and the districts that the scenario adds; else the zones of one demand, the
    first of cars: others ask the same people for their trips again.
    """
    result = run.result
    zones, buildings = result.zones, result.buildings
    if buildings is not None:
        people, how = people_in(buildings)
        if how:
            homes = buildings.geometry.representative_point()
            new, more = _new_districts(result)
            x, y = np.append(homes.x, new[:, 0]), np.append(homes.y, new[:, 1])
            return x, y, np.append(people, more), "method" if how == "dwellings" else "method_population"
    if zones is None:
        return np.zeros(0), np.zeros(0), np.zeros(0), "method"
    zones = zones[zones["people"] > 0]
    if "event" in zones and len(zones):
        cars = zones[zones["vehicle"] == "car"]
        zones = zones[zones["event"] == (cars if len(cars) else zones)["event"].min()]
    return (
        zones.geometry.x.to_numpy(),
        zones.geometry.y.to_numpy(),
        zones["people"].to_numpy(np.float64),
        "method_zones",
    )


def _new_districts(result: Result) -> tuple[Floats, Floats]:
    """A point (n, 2) in each district that the scenario adds, and its people: the column that a demand takes
    from its zones, else the first that it would look for.
    """
    table, places = result.scenario_table, result.places
    points, people = [], []
    for measure in table.get("measures", ()):
        if measure["kind"] != "new_district":
            continue
        at = measure["at"]
        shape: BaseGeometry
        if isinstance(at, str):
            assert places is not None  # the measure has found it among them
            shape = places.geometry[places["name"] == at].union_all()
        else:
            shape = shapely.Point(at) if np.ndim(at) == 1 else shapely.LineString(at)
        asked = [
            event["weight"]
            for event in table.get("events", ())
            if event.get("zones") == measure["zones"] and isinstance(event.get("weight"), str)
        ]
        values = measure["values"]
        points.append(shape.representative_point().coords[0])
        people.append(next((float(values[name]) for name in (*asked, *WEIGHTS) if name in values), 0.0))
    return np.reshape(points, (-1, 2)), np.array(people, np.float64)
