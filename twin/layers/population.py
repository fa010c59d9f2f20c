"""Population: the 200 m squares of INSEE (Filosofi, EPSG:3035) or any areas with a number of people."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from twin.layers import ign
from twin.layers.reading import Reading, few
from twin.layers.vector import Features, read_features
from twin.messages import figure

# INSEE's name (`ind`, `Ind_c` of the 2010 squares), then those of other producers.
COLUMNS = ("ind", "ind_c", "population", "pop", "inhabitants")


def read_population(reading: Reading) -> tuple[gpd.GeoDataFrame, Features]:
    """Read areas with their people: columns of the file, and `ind`: people (float ≥ 0, never null).

    Raises
    ------
    InputError
        The features are not polygons, or no column tells how many people live there.
    """
    features = read_features(reading)
    frame, _ = ign.clean(reading, features.frame)
    columns = [name for name in COLUMNS if name in frame.columns]
    where = features.files[0]
    if not columns:
        names = few([c for c in frame.columns if c != "geometry"], 70) or "–"
        reading.problem(where, "layer", "not_population", columns=names)
    shapes = shapely.force_2d(frame.geometry.to_numpy())
    if len(frame) and not np.isin(shapely.get_dimensions(shapes), (2, -1)).all():
        kinds = few(sorted(set(frame.geometry.geom_type.dropna())))
        reading.problem(where, "layer", "not_polygons", kinds=kinds)
    reading.problems.raise_if_any()
    people = ign.first_number(frame, columns[:1])
    unknown = ~np.isfinite(people) | (people < 0)
    frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    frame["ind"] = np.where(unknown, 0.0, people)
    usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)) & (shapely.area(shapes) > 0)
    frame = ign.without_doubles(reading, frame[usable]).reset_index(drop=True)
    reading.note(
        "population", squares=len(frame), people=figure(frame["ind"].sum(), digits=0), column=columns[0],
        unknown=int(unknown.sum()),
    )  # fmt: skip
    return frame, features
