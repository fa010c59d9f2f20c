"""What the offline page shows beside the fields: flood marks and their error, discharges of sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from viz.page_features import usable

if TYPE_CHECKING:
    from twin.results import Result

MAX_INSTANTS = 300  # of a section's series: a point every two pixels of any chart
LINES = ("LineString", "MultiLineString")


def flood_marks(result: Result, centre: tuple[float, float]) -> list[dict[str, Any]]:
    """Observed marks (`twin.observed.marks_beside`): name, place (m from the centre), levels (m), status."""
    marks = usable(result.flood_marks)
    if marks is None:
        return []
    points = shapely.get_coordinates(marks.geometry.to_numpy())
    out = []
    for (x, y), row in zip(points, marks.itertuples(), strict=True):
        levels = {key: getattr(row, f"{key}_m") for key in ("observed", "simulated", "difference")}
        out.append(
            {"name": str(row.name or ""), "x": round(x - centre[0], 1), "y": round(y - centre[1], 1)}
            | {key: round(float(v), 3) if np.isfinite(v) else None for key, v in levels.items()}
            | {"status": str(row.status)}
        )
    return out


def section_discharges(result: Result, centre: tuple[float, float]) -> list[dict[str, Any]]:
    """Discharge (m³/s) over time (s) through each section that has a line, and the line (m from the centre).

    Parts are joined; of a section whose parts do not join, the line is the longest.
    Long series are thinned to ``MAX_INSTANTS``; the greatest discharge and its instant are of the whole.
    """
    places, table = usable(result.places), result.sections
    if places is None or "name" not in places or table.empty:
        return []
    out = []
    for name, series in table.groupby("section", sort=False):
        found = places[(places["name"] == name) & places.geometry.geom_type.isin(LINES)]
        if found.empty:
            continue
        if len(series) > 1 and series["time_s"].iloc[0] == 0.0 and series["discharge_m3_s"].iloc[0] == 0.0:
            series = series.iloc[1:]  # before the first step nothing has been counted: not a discharge of 0
        time, discharge = series["time_s"].to_numpy(), series["discharge_m3_s"].to_numpy()
        kept = np.unique(np.linspace(0, len(time) - 1, min(len(time), MAX_INSTANTS)).round().astype(int))
        top = int(np.nanargmax(np.abs(discharge))) if np.isfinite(discharge).any() else 0
        label = str(found["label"].iloc[0]) if "label" in found else str(name)
        whole = shapely.get_parts(shapely.line_merge(shapely.union_all(found.geometry.to_numpy())))
        line = shapely.get_coordinates(max(whole, key=shapely.length)) - np.asarray(centre)
        out.append(
            {
                "label": label,
                "key": str(name) if label == str(name).replace("_", " ") else "",
                "line": [round(float(v), 1) for v in line.ravel()],
                "times": [float(t) for t in time[kept]],
                "discharge": [round(float(q), 2) for q in discharge[kept]],
                "greatest": [float(time[top]), round(float(discharge[top]), 2)],
            }
        )
    return out
