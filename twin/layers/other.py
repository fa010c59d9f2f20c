"""Layers that are passed through: facilities, zones, districts, water, defences …; and turn bans."""

from __future__ import annotations

import re

import geopandas as gpd
import pandas as pd

from twin.layers import ign
from twin.layers.reading import Reading, few
from twin.layers.roads import first_text
from twin.layers.vector import Features, read_features


def read_other(reading: Reading) -> tuple[gpd.GeoDataFrame, Features]:
    """Read features as they are: lower-case columns (BD TOPO's short names made long), nulls as nulls.

    Heights (Z) that mean "none" become NaN; geometries without any Z left become 2D.
    """
    features = read_features(reading)
    frame, version = ign.clean(reading, features.frame)
    classes = {ign.class_of(layer) for layer in features.layers}
    name = classes.pop() if len(classes) == 1 else None
    known = name is not None and version in ("v3", "v3_short", "v2")
    frame = ign.of_class(reading, frame, str(name), version) if known else ign.long_names(frame, version)
    shapes, count = ign.null_z(frame.geometry.to_numpy())
    if count:
        reading.note("null_z", count=count)
        frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    missing = frame.geometry.isna() | frame.geometry.is_empty
    if missing.any():
        reading.note("no_shape", count=int(missing.sum()))
        frame = frame[~missing]
    return ign.without_doubles(reading, frame).reset_index(drop=True), features


def read_turn_bans(reading: Reading) -> tuple[gpd.GeoDataFrame, Features]:
    """Read forbidden turns: one row a pair (ban_id, from_road, to_road, geometry); and those that only take
    time, where the layer has a column ``cost_s`` (s; a row without a value is a ban).

    Raises
    ------
    InputError
        The layer has no columns for the two roads, or costs that are negative or no numbers.
    """
    features = read_features(reading)
    frame, version = ign.clean(reading, features.frame)
    columns = {
        key: ign.column_of(frame, "turn_bans", key, version) for key in ("ban_id", "from_road", "to_road")
    }
    cost = _turn_costs(reading, features, frame)
    if not columns["from_road"] or not columns["to_road"]:
        names = few([c for c in frame.columns if c != "geometry"], 70) or "–"
        reading.problem(features.files[0], "layer", "not_turn_bans", columns=names)
        reading.problems.raise_if_any()
    # One ban may forbid several exits: "TRONROUT1/TRONROUT2".
    exits = [re.split(r"[/;,\s]+", value) for value in first_text(frame, columns["to_road"])]
    out = gpd.GeoDataFrame(
        pd.DataFrame(
            {
                "ban_id": first_text(frame, columns["ban_id"]),
                "from_road": first_text(frame, columns["from_road"]),
                "to_road": exits,
                **cost,
            },
            index=frame.index,
        ),
        geometry=frame.geometry,
        crs=frame.crs,
    )
    out = out.explode("to_road")
    complete = (out["from_road"] != "") & (out["to_road"] != "")
    if not complete.all():
        reading.note("half_bans", count=int((~complete).sum()))
    return out[complete].reset_index(drop=True), features


def _turn_costs(reading: Reading, features: Features, frame: gpd.GeoDataFrame) -> dict[str, pd.Series[float]]:
    """The column ``cost_s`` of a layer of turns as numbers, NaN where it says nothing; empty without one."""
    if "cost_s" not in frame.columns:
        return {}
    said = frame["cost_s"].notna() & (frame["cost_s"].astype(str).str.strip() != "")
    cost = pd.to_numeric(frame["cost_s"], errors="coerce")
    bad = said & ~(cost >= 0)
    if bad.any():
        reading.problem(
            features.files[0], "cost_s", "bad_turn_cost", value=frame["cost_s"][bad].iloc[0],
            count=int(bad.sum()),
        )  # fmt: skip
        reading.problems.raise_if_any()
    return {"cost_s": cost}
