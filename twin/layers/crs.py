"""Coordinate reference systems: are two the same, can coordinates be of this one, which to assign."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from twin.grid import Bounds
from twin.layers.reading import Reading

GRS80 = 298.257222  # inverse flattening
# Parameters that place a projected CRS on the ground; names and axis order do not.
_PLACING = ("proj", "lat_0", "lon_0", "k", "k_0", "x_0", "y_0", "zone", "south", "lat_ts", "units")


@lru_cache(maxsize=256)
def parse(value: str | None) -> CRS | None:
    """A CRS, reduced to its horizontal part, or None when it cannot be understood."""
    if not value:
        return None
    try:
        return horizontal(CRS.from_user_input(value))
    except CRSError:
        return None


def horizontal(crs: CRS) -> CRS:
    """The horizontal part of a compound or 3D CRS (EPSG:5698 → EPSG:2154)."""
    if crs.is_compound:
        return horizontal(crs.sub_crs_list[0])
    return crs.to_2d()


def same(a: CRS, b: CRS) -> bool:
    """Whether coordinates of one can be taken as coordinates of the other, whatever the file calls them.

    Old shapefiles describe Lambert-93 with swapped parallels, another name or no datum name.
    """
    if a.equals(b, ignore_axis_order=True):
        return True
    code = a.to_authority(min_confidence=90)
    if code is not None and code == b.to_authority(min_confidence=90):
        return True
    if not (a.is_projected and b.is_projected):
        return False
    # Today's datums (GRS 80) agree to less than a metre whatever their names; on older ellipsoids several
    # datums lie hundreds of metres apart.
    if (a.ellipsoid is None or round(a.ellipsoid.inverse_flattening, 6) != GRS80) and a.datum != b.datum:
        return False
    return _placing(a) == _placing(b)


def _placing(crs: CRS) -> tuple[object, ...]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # to_dict warns that PROJ strings lose the name
        terms = crs.to_dict()
    ellipsoid = crs.ellipsoid
    shape = (ellipsoid.semi_major_metre, round(ellipsoid.inverse_flattening, 6)) if ellipsoid else ()
    parallels = sorted(float(terms[name]) for name in ("lat_1", "lat_2") if name in terms)
    return (*(terms.get(name) for name in _PLACING), *parallels, *shape)


def label(crs: CRS) -> str:
    """A short name: EPSG's code if it has one, another authority's, else its own name."""
    code = crs.to_authority("EPSG", min_confidence=90) or crs.to_authority(min_confidence=90)
    return f"{code[0]}:{code[1]}" if code else crs.name


def label_in(reading: Reading, crs: CRS) -> str:
    """The territory's own word for a CRS that is the same as its own, else `label`."""
    return reading.crs_text if same(crs, reading.crs) else label(crs)


def looks_like_degrees(bounds: Bounds) -> bool:
    """Whether coordinates can hardly be anything but longitudes and latitudes."""
    return -180 <= bounds[0] <= bounds[2] <= 180 and -90 <= bounds[1] <= bounds[3] <= 90


def possible(crs: CRS, bounds: Bounds) -> bool:
    """Whether coordinates lie where the CRS is made for (with a margin of 10 % of its extent)."""
    if crs.is_projected and looks_like_degrees(bounds):
        return False
    area = crs.area_of_use
    if area is None:
        return True
    to_crs = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    west, south, east, north = to_crs.transform_bounds(area.west, area.south, area.east, area.north)
    if not np.all(np.isfinite([west, south, east, north])):
        return True
    dx, dy = 0.1 * (east - west), 0.1 * (north - south)
    return overlap(bounds, (west - dx, south - dy, east + dx, north + dy))


def overlap(a: Bounds, b: Bounds) -> bool:
    """Whether two boxes share anything."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def show(bounds: Bounds) -> str:
    """A box for a message, with no more digits than help."""
    digits = 5 if looks_like_degrees(bounds) else 1
    return "(" + ", ".join(f"{value:.{digits}f}" for value in bounds) + ")"


def written_prj(path: Path) -> Path | None:
    """The .prj beside a file, when there is one and it is not empty."""
    for prj in path.parent.glob(f"{path.stem}.[pP][rR][jJ]"):
        if prj.read_bytes().strip():
            return prj
    return None


def _belongs(crs: CRS, bounds: Bounds, territory: Bounds | None) -> bool:
    """Whether a file without a CRS can be in that of the territory: it lies on the territory, where that is
    known (a flume has coordinates of its own), else where the CRS is made for.
    """
    if territory is None:
        return possible(crs, bounds)
    return overlap(bounds, territory) and looks_like_degrees(bounds) <= looks_like_degrees(territory)


def settle(reading: Reading, path: Path, declared: CRS | None, bounds: Bounds) -> CRS | None:
    """The CRS of a file: the one it declares, else the one that is assigned to it (noted).

    Returns None when there is a problem (noted in `reading`): the file and the territory file
    contradict each other, or the file has none and the territory's cannot be its own.
    """
    stated = None
    if reading.source.crs is not None:
        stated = parse(reading.source.crs)
        if stated is None:
            reading.problem("territory.toml", "crs", "bad_crs", crs=reading.source.crs)
            return None
    if declared is not None:
        if stated is not None and not same(stated, declared):
            reading.problem(path, "crs", "crs_conflict", declared=label(declared), stated=reading.source.crs)
            return None
        return declared
    if stated is not None:
        reading.note("crs_stated", crs=reading.source.crs, file=path.name)
        return stated
    prj = written_prj(path)
    if prj is not None:
        reading.problem(prj, "crs", "bad_prj", text=prj.read_text("latin-1").strip()[:60])
        return None
    assigned = reading.crs
    if not _belongs(assigned, bounds, reading.bounds):
        if reading.bounds is not None and possible(assigned, bounds) and possible(assigned, reading.bounds):
            beside = {"crs": reading.crs_text, "bounds": show(bounds), "extent": show(reading.bounds)}
            reading.problem(path, "crs", "off_extent", **beside)
        else:
            reading.problem(path, "crs", "no_crs", crs=reading.crs_text, bounds=show(bounds))
        return None
    reading.note("crs_assigned", crs=reading.crs_text)
    return assigned
