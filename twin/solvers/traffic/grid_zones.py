"""Zones where nobody drew any: squares that hold buildings (or streets), with people and places in them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.solvers.traffic.problem import Floats

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.network import Network

# Stated: where no building says what it is for, those below this footprint (m²) are lived in, others attract.
LARGEST_HOME = 500.0
STOREY = 3.0
LOCAL = 5  # importance from which a street serves what lies along it
# Stated: of the trips of a zone, this share goes where jobs and places are, the rest where people live.
TO_PLACES = 0.6


def squares(
    side: float,
    network: Network,
    buildings: gpd.GeoDataFrame | None,
    people: float | None,
    areas: gpd.GeoDataFrame | None = None,
    weight: Floats | None = None,
) -> gpd.GeoDataFrame:
    """Squares of `side` (m) on round coordinates as points: where what is in them is.

    Parameters
    ----------
    buildings : canonical buildings; None or empty: the streets of `network` stand for them.
    people : in all squares, shared out by floor area; or `areas` (polygons) with `weight` people (k,), each
        shared out over its buildings (at its inner point where it has none).

    Returns
    -------
    GeoDataFrame
        name (the nearest street with a name, numbered where several squares have the same; elsewhere the
        south-west corner in hundreds of metres), people, attraction (no unit), floor (m², that people live
        on; NaN where streets stand for buildings), geometry (points).
    """
    import geopandas as gpd

    x, y, homes, places = _stock(network, buildings)
    count = np.zeros(x.size)
    if areas is not None and weight is not None:
        shapes = np.asarray(areas.geometry.array, dtype=object)
        point, area = shapely.STRtree(shapes).query(shapely.points(x, y), predicate="within")
        first = np.unique(point, return_index=True)[1]
        point, area = point[first], area[first]
        total = np.bincount(area, weights=homes[point], minlength=len(shapes))
        served = total > 0
        share = np.divide(weight, total, out=np.zeros_like(total), where=served)
        count[point] = homes[point] * share[area]
        left = shapely.point_on_surface(shapes[~served & (weight > 0)])
        x, y = np.append(x, shapely.get_x(left)), np.append(y, shapely.get_y(left))
        count = np.append(count, weight[~served & (weight > 0)])
        places, homes = (np.append(of, np.zeros(left.size)) for of in (places, homes))
    elif people is not None and homes.sum() > 0:
        count = homes * (people / homes.sum())
    attraction = (1.0 - TO_PLACES) * _share(count) + TO_PLACES * _share(places if places.any() else count)
    used = (count > 0) | (attraction > 0)
    corner = np.column_stack([np.floor(x / side), np.floor(y / side)])[used].astype(np.int64)
    cell, row = np.unique(corner, axis=0, return_inverse=True)
    row = row.ravel()
    heft = (_share(count) + attraction)[used]

    def summed(values: Floats) -> Floats:
        return np.bincount(row, weights=values, minlength=len(cell)).astype(np.float64)

    mass = summed(heft)
    centre_x, centre_y = summed(heft * x[used]) / mass, summed(heft * y[used]) / mass
    corners = [f"{i * side / 100:.0f} {j * side / 100:.0f}" for i, j in cell]
    floor = summed(homes[used])
    if buildings is None or not len(buildings):
        floor[:] = np.nan
    return gpd.GeoDataFrame(
        {
            "name": _named(network, centre_x, centre_y, corners, side),
            "people": summed(count[used]),
            "attraction": summed(attraction[used]),
            "floor": floor,
        },
        geometry=shapely.points(centre_x, centre_y),
        crs=network.segments.crs,
    )


def _named(network: Network, x: Floats, y: Floats, corners: list[str], side: float) -> list[str]:
    """A name for each place (n,): of a street within `side` (m), else its corner's; no name twice."""
    segments = network.segments
    street = segments["name"].fillna("").astype(str).to_numpy() if "name" in segments else np.array([], str)
    rows = np.flatnonzero(street != "")
    names = list(corners)
    if rows.size:
        lines = np.asarray(segments.geometry.array, dtype=object)[rows]
        place, line = shapely.STRtree(lines).query_nearest(shapely.points(x, y), side, all_matches=False)
        for k, row in zip(place, rows[line], strict=True):
            names[k] = str(street[row])
    often, times = Counter(names), Counter[str]()
    for k, name in enumerate(names):
        times[name] += 1
        if often[name] > 1:
            names[k] = f"{name} ({times[name]})"
    return names


def _stock(
    network: Network, buildings: gpd.GeoDataFrame | None
) -> tuple[Floats, Floats, NDArray[np.float64], NDArray[np.float64]]:
    """Where something stands: x, y, floor area lived in, floor area that attracts, each (n,)."""
    if buildings is None or not len(buildings):
        lines = np.asarray(network.segments.geometry.array, dtype=object)
        local = network.segments["importance"].fillna(LOCAL).to_numpy(np.float64) >= LOCAL
        middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
        length = np.where(local, shapely.length(lines), 0.0)
        return shapely.get_x(middle), shapely.get_y(middle), length, np.zeros(length.size)
    shapes = np.asarray(buildings.geometry.array, dtype=object)
    inner = shapely.point_on_surface(shapes)
    footprint = shapely.area(shapes)
    height = np.nan_to_num(buildings["height"].to_numpy(np.float64), nan=STOREY)
    floor = footprint * np.maximum(np.floor(height / STOREY), 1.0)
    if "light" in buildings:
        floor = np.where(buildings["light"].fillna(False).to_numpy(bool), 0.0, floor)
    use = buildings["use"].fillna("").astype(str).str.casefold() if "use" in buildings else None
    homes = np.zeros(floor.size, bool)
    if use is not None:
        homes = use.str.startswith(("résid", "resid")).to_numpy(bool)
        known = use.ne("").to_numpy(bool) & ~use.str.startswith("indiff").to_numpy(bool)
    if "dwellings" in buildings:
        homes = homes | (buildings["dwellings"].fillna(0).to_numpy(np.float64) > 0)
    if homes.any() and use is not None:
        homes = homes | (~known & (footprint < LARGEST_HOME))
    else:
        homes = footprint < LARGEST_HOME
    return (
        shapely.get_x(inner),
        shapely.get_y(inner),
        np.where(homes, floor, 0.0),
        np.where(homes, 0.0, floor),
    )


def _share(values: Floats) -> Floats:
    total = values.sum()
    return np.asarray(values / total if total > 0 else values)
