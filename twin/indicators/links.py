"""Traffic of two runs link by link, and by the names of roads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.styles import CHANGE_BOUNDS

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result

Floats = NDArray[np.float64]

_SAME = ("road_id", "name", "nature", "importance", "level", "length_m", "capacity_veh_h")
_KEY = ["road_id", "x_from", "y_from", "x_to", "y_to", "copy"]


def link_means(result: Result) -> gpd.GeoDataFrame | None:
    """Links of a run with their means over it: `volume_veh_h`, `saturation` (passenger-car units over
    capacity), `travel_time_s` (while open), `closed` (share of the time), beside their attributes. Each
    instant of the series holds until the next one; a run of one instant is that instant. None where the run
    has no traffic.
    """
    links, series = result.links, result.link_series
    if links is None or series is None or not series.sizes["time"]:
        return None
    times = series["time"].values.astype(np.float64)
    weight = np.append(np.diff(times), 0.0) if times.size > 1 else np.ones(1)
    closed = series["closed"].values > 0
    open_time = weight @ ~closed
    spent = np.where(closed, 0.0, np.nan_to_num(series["travel_time"].values.astype(np.float64)))
    out = links.copy()
    for name, of_series in (("volume_veh_h", "volume"), ("saturation", "saturation")):
        values = np.nan_to_num(series[of_series].values.astype(np.float64))
        out[name] = weight @ values / weight.sum()
    out["travel_time_s"] = np.divide(
        weight @ spent, open_time, out=np.full(open_time.shape, np.nan), where=open_time > 0
    )
    out["closed"] = weight @ closed / weight.sum()
    return out


def link_changes(first: Result, second: Result) -> gpd.GeoDataFrame | None:
    """Links of two runs side by side, those that either has, drawn in the sense of travel.

    A link is the same in both where its road id and its ends (to 0.1 m) are.

    Returns
    -------
    GeoDataFrame or None
        road_id, name, nature, importance, level, length_m, capacity_veh_h; volume_1, volume_2 (mean veh/h
        over the run), volume_change (a link that a run lacks has no traffic there), minutes_1, minutes_2,
        minutes_change, closed_1, closed_2 (share of the time), saturation_1, saturation_2, change_class
        (-3 to 3, see `twin.styles.CHANGE`); geometry. None where one of them has no traffic.
    """
    import geopandas as gpd

    sides = []
    for result in (first, second):
        links = link_means(result)
        if links is None:
            return None
        sides.append(_keyed(links))
    one, two = sides
    both = pd.concat([one.add_suffix("_1"), two.add_suffix("_2")], axis=1)
    out = {name: both[f"{name}_1"].where(both[f"{name}_1"].notna(), both[f"{name}_2"]) for name in _SAME[1:]}
    geometry = both["geometry_1"].where(both["geometry_1"].notna(), both["geometry_2"])
    volumes = [both[f"volume_veh_h_{k}"].fillna(0.0).to_numpy(np.float64) for k in (1, 2)]
    minutes = [both[f"travel_time_s_{k}"].to_numpy(np.float64) / 60.0 for k in (1, 2)]
    change = volumes[1] - volumes[0]
    table = pd.DataFrame(out).assign(
        volume_1=volumes[0],
        volume_2=volumes[1],
        volume_change=change,
        minutes_1=minutes[0],
        minutes_2=minutes[1],
        minutes_change=minutes[1] - minutes[0],
        closed_1=both["closed_1"].to_numpy(np.float64),
        closed_2=both["closed_2"].to_numpy(np.float64),
        saturation_1=both["saturation_1"].to_numpy(np.float64),
        saturation_2=both["saturation_2"].to_numpy(np.float64),
        change_class=(np.sign(change) * np.digitize(np.abs(change), CHANGE_BOUNDS)).astype(np.int64),
    )
    table.insert(0, "road_id", both.index.get_level_values("road_id"))
    assert first.links is not None
    return gpd.GeoDataFrame(table.reset_index(drop=True), geometry=list(geometry), crs=first.links.crs)


def by_road(links: gpd.GeoDataFrame) -> pd.DataFrame:
    """Roads with a name by what their traffic changed, most gained first, most lost last.

    Returns
    -------
    DataFrame
        Index name; length_km (both directions), vehicle_km_1, vehicle_km_2, vehicle_km_change (an hour),
        volume_change: the change of the link of the road that changed most (veh/h).
    """
    named = links[links["name"].fillna("").astype(str) != ""]
    km = named["length_m"].to_numpy(np.float64) / 1000.0
    table = pd.DataFrame(
        {
            "name": named["name"].to_numpy(),
            "length_km": km,
            "vehicle_km_1": km * named["volume_1"].to_numpy(np.float64),
            "vehicle_km_2": km * named["volume_2"].to_numpy(np.float64),
        }
    )
    sums = table.groupby("name", sort=True).sum()
    sums["vehicle_km_change"] = sums["vehicle_km_2"] - sums["vehicle_km_1"]
    most = named.groupby("name", sort=True)["volume_change"].agg(lambda v: v.iloc[int(np.abs(v).argmax())])
    sums["volume_change"] = most
    return sums.sort_values("vehicle_km_change", ascending=False, kind="stable")


def _keyed(links: gpd.GeoDataFrame) -> pd.DataFrame:
    """The links by what makes them the same in two runs."""
    lines = np.asarray(links.geometry.array, dtype=object)
    ends = [np.round(shapely.get_coordinates(shapely.get_point(lines, place)), 1) + 0.0 for place in (0, -1)]
    table = pd.DataFrame(links.drop(columns="geometry")).assign(
        geometry=lines, x_from=ends[0][:, 0], y_from=ends[0][:, 1], x_to=ends[1][:, 0], y_to=ends[1][:, 1]
    )
    table["copy"] = table.groupby(_KEY[:-1]).cumcount()
    wanted = [*_SAME[1:], "volume_veh_h", "saturation", "travel_time_s", "closed", "geometry"]
    return table.set_index(_KEY)[wanted]
