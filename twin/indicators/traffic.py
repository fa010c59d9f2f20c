"""Traffic: time, trips, emissions; access to facilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twin.accessibility import FAR, access, worst
from twin.indicators.indicator import Floats, Indicator, Run, make, people_in
from twin.indicators.places import facilities_among
from twin.messages import figure, text

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
        out.append(make("traffic_hours", float(total["total_travel_time_h"]), "veh·h"))
        out.append(make("vehicle_km", float(total["vehicle_km"]), "veh·km"))
    if "parameters" in summary:
        wanted = float(summary["parameters"]["gap"])
        gaps = [float(row["relative_gap"]) for row in (*summary["times"], summary["reference"])]
        missed = [gap for gap in gaps if gap > wanted]
        if missed:
            told = {"worst": f"{max(missed):.0e}", "wanted": f"{wanted:.0e}"}
            out.append(make("gap_missed", len(missed), "", **told))
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

    return [
        make("co2", float(total["co2_g"]) / 1e6, "t", fleet=fleet),
        make("nox", float(total["nox_g"]) / 1e3, "kg", fleet=fleet),
        make("pm10", float(total["pm10_g"]) / 1e3, "kg", fleet=fleet),
        make("traffic_energy", float(total["energy_mj"]) / 1e3, "GJ", fleet=fleet),
    ]


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
        out += [_without(one, away) for one in figures] if away > 0 else figures
    if nowhere:
        lost = wanted[wanted["facility"].isin(nowhere)]
        titles = zip(lost["title"], lost["name"], strict=True)
        names = ", ".join(str(title) or str(name) for title, name in titles)
        out.append(make("facilities_off_network", len(lost), "", detail=names, far=FAR))
    return out


def _without(one: Indicator, away: int) -> Indicator:
    """A figure of access that says how many residents have no way even when roads are dry, and so are not in
    it.
    """
    said = {
        lang: text("indicator.off_network", lang, people=figure(away, lang), far=figure(FAR, lang))
        for lang in ("fr", "en")
    }
    return replace(one, method=f"{one.method} {said['fr']}", method_en=f"{one.method_en} {said['en']}")


def _homes(run: Run) -> tuple[Floats, Floats, Floats, str]:
    """Where how many people live: x, y, people, and the text that says how it is known.

    Buildings where they say it, and the districts that the scenario adds; else the zones of the demand.
    """
    result = run.result
    zones, buildings = result.zones, result.buildings
    if zones is not None:
        zones = zones[(zones["people"] > 0) & ~zones.duplicated(["name", "geometry"])]
    if buildings is not None:
        people, how = people_in(buildings)
        if how:
            homes = buildings.geometry.representative_point()
            x, y = homes.x.to_numpy(), homes.y.to_numpy()
            measures = result.scenario_table.get("measures", ())
            new = [m["name"] for m in measures if m["kind"] == "new_district"]
            if zones is not None and new:
                added = zones[zones["name"].isin(new)]
                x, y = np.append(x, added.geometry.x), np.append(y, added.geometry.y)
                people = np.append(people, added["people"])
            return x, y, people, "method" if how == "dwellings" else "method_population"
    if zones is None:
        return np.zeros(0), np.zeros(0), np.zeros(0), "method"
    return (
        zones.geometry.x.to_numpy(),
        zones.geometry.y.to_numpy(),
        zones["people"].to_numpy(np.float64),
        "method_zones",
    )
