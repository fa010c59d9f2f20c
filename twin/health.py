"""The health of a territory's data: what a planner should know before trusting a run (`twin check`).

A finding is no error: the layer was read and a run would start. Errors are `InputError`s (`Territory.check`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS

from twin.conditioning.crests import said_crests
from twin.errors import InputError
from twin.files import replacing
from twin.grid import Bounds
from twin.layers import LazyTerrain
from twin.layers.lattice import LATTICE_TOLERANCE
from twin.layers.layer import Provenance
from twin.layers.masks import sources_of
from twin.layers.mosaic import Mosaic
from twin.layers.reading import Reading
from twin.layers.roads import road_lines_with_heights
from twin.layers.survey import Gaps, Survey, at_points, box_of
from twin.messages import figure, key_figure, number, signed, text
from twin.network import Network

if TYPE_CHECKING:
    from twin.territory import Territory

Floats = NDArray[np.float64]
Severity = Literal["warning", "information"]

# Stated limits, from which a figure is a warning and not only an information.
ROAD_MARGIN = 2.0  # m by which a road may leave the range of the terrain cells around it
ROAD_BIAS = 1.0  # m: a median offset larger than that is another datum or another edition, not noise
NULL_HEIGHTS = 0.25  # share of heights that are not known
ZERO_HEIGHTS = 0.01  # share of heights that are 0 where the terrain is not
OFF_TERRAIN = 0.01  # share of buildings without terrain under them
POOR_SOURCES = 0.25  # share of the terrain measured by coarser means than LiDAR
CREST_MARGIN = 0.5  # m by which the ground may be above a crest
LOW_CRESTS = 0.1  # share of crests that are lower than the ground
APART = 0.02  # share of the road network (by length) that is not joined to the main part
RASTERS = ("roughness", "land_cover")  # layers that may be rasters and are laid over the terrain
UNUSED = ("roofs", "bridge_decks")  # layers that no run takes anything from
# What runs can do without, and what they lose.
WISHED = ("terrain", "roads", "buildings", "population", "zones", "hydrography", "facilities")


@dataclass(frozen=True)
class Finding:
    """One thing to know of a layer.

    Attributes
    ----------
    severity : "warning" (look at it before you trust a run) or "information".
    layer : the layer of the territory that it is about ("places" for its places).
    check : what was looked at, a key of the message table (``health.<check>``).
    sentence : the finding, in the language of the moment.
    value : its figure (share, metres, count), NaN where there is none.
    places : where it is, in the CRS of the territory; empty: everywhere.
    values : a figure for each place, or empty.
    """

    severity: Severity
    layer: str
    check: str
    sentence: str
    value: float = float("nan")
    places: tuple[shapely.Geometry, ...] = ()
    values: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"[{text(f'health.{self.severity}')}] {self.layer}: {self.sentence}"


@dataclass
class _Report:
    findings: list[Finding] = field(default_factory=list)

    def add(
        self,
        severity: Severity,
        layer: str,
        check: str,
        *,
        row: str = "",
        value: float = float("nan"),
        places: Sequence[shapely.Geometry] = (),
        values: Sequence[float] | Floats = (),
        **words: Any,
    ) -> None:
        sentence = text(f"health.{row or check}", **words)
        self.findings.append(
            Finding(
                severity, layer, check, sentence, float(value), tuple(places), tuple(float(v) for v in values)
            )
        )


def examine(territory: Territory) -> list[Finding]:
    """Everything there is to know of the data of a territory, warnings first.

    Raises
    ------
    InputError
        A layer cannot be read (see `Territory.check`, which lists all of that).
    """
    report = _Report()
    for name in territory.record.layers:
        _origin(report, territory, name)
        if name in UNUSED:
            report.add("warning", name, "unused")
    for name in WISHED:
        if not territory.has(name):
            report.add("information", name, "missing", row=f"missing_{name}")
    terrain = territory.mosaic() if territory.has("terrain") else None
    if terrain is not None:
        lazy, seen = territory.surveyed_terrain
        _holes(report, seen, terrain)
        _sources(report, lazy)
        for name in RASTERS:
            if territory.has(name):
                _lattice(report, name, territory.layer(name).data, terrain)
    if territory.has("roads"):
        _roads(report, territory, terrain)
    if territory.has("buildings"):
        _buildings(report, territory, terrain)
    _places_without_name(report, territory)
    if territory.has("defences") and terrain is not None:
        _defences(report, territory, terrain)
    if terrain is not None:
        _places_over_the_edge(report, territory, terrain)
    order = {"warning": 0, "information": 1}
    return sorted(report.findings, key=lambda finding: order[finding.severity])


def _percent(share: float, digits: int = 1) -> str:
    """A share in %, however small: three cells of a million are no 0."""
    return key_figure(100 * share, digits=digits)


# --- every layer ---


def _origin(report: _Report, territory: Territory, name: str) -> None:
    """Edition, licence, vertical datum, and how much of the extent the layer covers."""
    data: xr.DataArray | gpd.GeoDataFrame | None = None
    cell: float | None = None
    if name == "terrain":
        lazy, seen = territory.surveyed_terrain
        origin, count, cell = lazy.provenance, seen.cells, lazy.mosaic.cell
    else:
        layer = territory.layer(name)
        origin, data = layer.provenance, layer.data
        count = data.size if isinstance(data, xr.DataArray) else len(data)
        cell = float(data.attrs["cell"]) if isinstance(data, xr.DataArray) else None
    report.add(
        "information", name, "origin", row="origin_features" if cell is None else "origin_cells",
        value=count, count=figure(count, digits=0), cell="" if cell is None else number(cell, digits=3),
        edition=origin.edition or text("health.unknown"), licence=origin.licence or text("health.unknown"),
    )  # fmt: skip
    if not origin.licence:
        report.add("warning", name, "licence", table=name)
    if name == "terrain":
        _datum(report, origin, territory.vertical_datum)
    if isinstance(data, gpd.GeoDataFrame):
        _lost_letters(report, name, data)
    extent = territory.extent
    if count == 0:
        report.add("warning", name, "empty", value=0)
    elif extent is not None and isinstance(data, gpd.GeoDataFrame) and len(data) > 1:
        window = shapely.box(*extent)
        hull = shapely.box(*data.total_bounds)
        share = shapely.area(shapely.intersection(window, hull)) / shapely.area(window)
        if share < 0.5:
            missing = shapely.difference(window, hull)
            report.add(
                "information", name, "coverage", value=share, share=_percent(share, 0), places=[missing]
            )


def _lost_letters(report: _Report, name: str, data: gpd.GeoDataFrame) -> None:
    """Texts whose letters were lost before the file came here (U+FFFD in it): nothing can bring them back."""
    lost = np.zeros(len(data), dtype=bool)
    example = ""
    for column in data.columns.drop(data.geometry.name):
        if pd.api.types.is_string_dtype(data[column]):
            here = data[column].str.contains("\ufffd", regex=False, na=False).to_numpy(dtype=bool)
            example = example or (str(data[column].to_numpy(dtype=object)[here][0]) if here.any() else "")
            lost |= here
    if lost.any():
        report.add(
            "information", name, "lost_letters", value=int(lost.sum()),
            count=figure(int(lost.sum()), digits=0), example=example,
            places=list(shapely.force_2d(data.geometry.to_numpy()[lost])),
        )  # fmt: skip


def _datum(report: _Report, origin: Provenance, datum: str) -> None:
    if not origin.vertical_datum:
        report.add("information", "terrain", "datum", row="datum_assumed", datum=datum)
    elif origin.vertical_datum != datum:
        report.add("warning", "terrain", "datum", datum=origin.vertical_datum, territory=datum)


# --- terrain ---


def _holes(report: _Report, seen: Survey, terrain: Mosaic) -> None:
    report.add(
        "information",
        "terrain",
        "heights",
        value=seen.high,
        low=figure(seen.low, digits=1),
        high=figure(seen.high, digits=1),
    )
    if not seen.empty:
        report.add("information", "terrain", "no_hole", value=0)
        return
    kinds: tuple[tuple[Gaps, Severity, str], ...] = (
        (seen.holes, "warning", "holes"),
        (seen.beyond, "information", "beyond_data"),
    )
    area = terrain.cell * terrain.cell
    for gaps, severity, row in kinds:
        if gaps.count:
            report.add(
                severity, "terrain", row, value=gaps.cells / seen.cells, count=gaps.count,
                share=_percent(gaps.cells / seen.cells, 2),
                area=key_figure(gaps.largest * area / 1e4, digits=2),
                places=[shapely.box(*box_of(terrain, box)) for box in gaps.boxes],
                values=[cells * area for cells in gaps.sizes],
            )  # fmt: skip


def _sources(report: _Report, terrain: LazyTerrain) -> None:
    """How the heights were measured, where IGN's source mask lies beside them."""
    try:
        found = sources_of(terrain.reading, [tile.path for tile in terrain.mosaic.used])
    except InputError as error:
        report.add("information", "terrain", "bad_masks", reason=error.problems[0].found)
        return
    if found is None:
        return
    total = sum(found.cells.values())
    shares = sorted(found.cells.items(), key=lambda pair: -pair[1])
    report.add(
        "warning" if found.poor > POOR_SOURCES else "information", "terrain", "sources", value=found.poor,
        shares=", ".join(f"{text(f'health.source_{name}')} {_percent(n / total, 0)} %" for name, n in shares),
        poor=_percent(found.poor, 0),
        places=[shapely.box(*bounds) for bounds, _ in found.tiles],
        values=[share for _, share in found.tiles],
    )  # fmt: skip


def _lattice(report: _Report, name: str, data: Any, terrain: Mosaic) -> None:
    """Whether the cells of a raster fall on those of the terrain, and cover it."""
    if not isinstance(data, xr.DataArray):
        return
    if not CRS.from_user_input(data.attrs["crs"]).equals(CRS.from_user_input(terrain.crs)):
        report.add("information", name, "other_crs", crs=data.attrs["crs"])
        return
    cell, _, west, _, _, north = data.attrs["transform"]
    base, x_west, y_north = terrain.cell, terrain.x_west, terrain.y_north
    fine, coarse = min(cell, base), max(cell, base)
    shift_x, shift_y = (_beside(offset, fine) for offset in (west - x_west, north - y_north))
    whole = abs(coarse / fine - round(coarse / fine)) <= LATTICE_TOLERANCE
    shifted = max(abs(shift_x), abs(shift_y)) > LATTICE_TOLERANCE * fine
    if shifted or not whole:
        report.add(
            "warning", name, "misaligned", row="misaligned" if whole else "other_cell",
            value=float(np.hypot(shift_x, shift_y)), dx=number(shift_x, digits=3),
            dy=number(shift_y, digits=3), cell=number(cell, digits=3), terrain=number(base, digits=3),
        )  # fmt: skip
    else:
        report.add("information", name, "aligned", value=0)
    ny, nx = data.shape
    window = shapely.box(*terrain.bounds)
    under = shapely.box(west, north - ny * cell, west + nx * cell, north)
    missing = shapely.difference(window, under)
    share = shapely.area(missing) / shapely.area(window)
    if share > LATTICE_TOLERANCE:
        report.add("warning", name, "not_over", value=share, share=_percent(share), places=[missing])
    empty = float(np.isnan(np.asarray(data.values)).mean())
    if empty > 0:
        report.add("information", name, "no_value", value=empty, share=_percent(empty))


def _beside(offset: float, step: float) -> float:
    """What remains of an offset beyond whole steps, −step/2 to step/2."""
    return float(offset - round(offset / step) * step)


# --- roads ---


def _roads(report: _Report, territory: Territory, terrain: Mosaic | None) -> None:
    roads = territory.layer("roads").data
    assert isinstance(roads, gpd.GeoDataFrame)
    source = territory.record.layers["roads"]
    reading = Reading(
        "roads", source, territory.root, CRS.from_user_input(territory.crs), territory.crs, territory.extent
    )
    lines, on_ground = road_lines_with_heights(reading)
    _road_heights(report, lines, on_ground, terrain)
    try:
        network = Network.from_roads(roads, None)
    except InputError:
        report.add("warning", "roads", "no_network", count=len(roads))
        return
    _components(report, network)


def _road_heights(
    report: _Report, lines: NDArray[np.object_], on_ground: NDArray[np.bool_], terrain: Mosaic | None
) -> None:
    xyz, owner = shapely.get_coordinates(lines, include_z=True, return_index=True)
    if not len(xyz):
        return
    known = np.isfinite(xyz[:, 2])
    null = 1.0 - known.mean()
    if not known.any():
        report.add("information", "roads", "no_road_heights", value=1.0)
        return
    severity: Severity = "warning" if null > NULL_HEIGHTS else "information"
    without = np.setdiff1d(np.arange(len(lines)), owner[known])
    report.add(
        severity, "roads", "null_road_heights", value=null, share=_percent(null),
        count=without.size, places=list(shapely.force_2d(lines[without])),
    )  # fmt: skip
    if terrain is None:
        return
    ground = at_points(terrain, xyz[:, 0], xyz[:, 1])
    zero = known & (xyz[:, 2] == 0.0) & ((ground.low > ROAD_MARGIN) | (ground.high < -ROAD_MARGIN))
    if zero.any():
        count, which = int(zero.sum()), np.unique(owner[zero])
        report.add(
            "warning" if count > ZERO_HEIGHTS * known.sum() else "information", "roads", "zero_road_heights",
            value=count, count=count, segments=which.size,
            most=number(np.abs(ground.here[zero]).max(), digits=1),
            places=[shapely.points(x, y) for x, y in xyz[zero, :2]], values=ground.here[zero],
        )  # fmt: skip
    used = known & on_ground[owner] & ~zero
    z, low, high = xyz[used, 2], ground.low[used], ground.high[used]
    seen = np.isfinite(ground.between[used])
    if not seen.any():
        return
    difference = (z - ground.between[used])[seen]
    median = float(np.median(difference))
    spread = float(np.median(np.abs(difference - median)))
    report.add(
        "warning" if abs(median) > ROAD_BIAS else "information", "roads", "road_offset", value=median,
        median=signed(median, digits=2), spread=number(spread), count=figure(int(seen.sum()), digits=0),
        left=int((~on_ground).sum()),
    )  # fmt: skip
    # Out of the range of the cells around, by how much: a slope within the cells is no finding.
    beyond = np.where(z > high, z - high, np.where(z < low, z - low, 0.0))[seen]
    road, start = np.unique(owner[used][seen], return_index=True)
    for sign, row in ((1.0, "road_above"), (-1.0, "road_below")):
        by_road = np.array([np.median(part) for part in np.split(beyond, start[1:])])
        far = sign * by_road > ROAD_MARGIN
        if far.any():
            report.add(
                "warning", "roads", row, value=int(far.sum()), count=int(far.sum()),
                margin=number(ROAD_MARGIN), most=number(np.abs(by_road[far]).max(), digits=1),
                places=list(shapely.force_2d(lines[road[far]])), values=by_road[far],
            )  # fmt: skip


def _components(report: _Report, network: Network) -> None:
    part = network.weak_component[network.link_from]
    _, first = np.unique(network.segment, return_index=True)
    part, length = part[first], network.length[first]
    by_part = np.bincount(part, length)
    if by_part.size == 1:
        report.add("information", "roads", "one_network", value=1)
        return
    main = int(np.argmax(by_part))
    share = 1.0 - by_part[main] / by_part.sum()
    lines = np.asarray(network.segments.geometry.array, dtype=object)
    others = [k for k in np.argsort(-by_part) if k != main]
    report.add(
        "warning" if share > APART else "information", "roads", "disconnected", value=share,
        count=by_part.size - 1, share=_percent(share),
        length=key_figure(by_part[others[0]] / 1000, digits=1),
        places=[shapely.multilinestrings(lines[part == k]) for k in others],
        values=[float(by_part[k]) for k in others],
    )  # fmt: skip


# --- buildings ---


def _buildings(report: _Report, territory: Territory, terrain: Mosaic | None) -> None:
    buildings = territory.layer("buildings").data
    assert isinstance(buildings, gpd.GeoDataFrame)
    if not len(buildings):
        return
    unknown = float((buildings["height_source"] != "hauteur").mean())
    nothing = float((buildings["height_source"] == "defaut").mean())
    report.add(
        "warning" if unknown > NULL_HEIGHTS else "information", "buildings", "null_building_heights",
        value=unknown, share=_percent(unknown), nothing=_percent(nothing),
    )  # fmt: skip
    if terrain is None:
        return
    centres = shapely.point_on_surface(np.asarray(buildings.geometry.array, dtype=object))
    ground = at_points(terrain, shapely.get_x(centres), shapely.get_y(centres)).here
    off = np.isnan(ground)
    if off.any():
        report.add(
            "warning" if off.mean() > OFF_TERRAIN else "information", "buildings", "off_terrain",
            value=int(off.sum()), count=figure(int(off.sum()), digits=0), share=_percent(off.mean()),
            places=list(centres[off]),
        )  # fmt: skip
    else:
        report.add("information", "buildings", "on_terrain", value=0)
    floor = buildings["ground_elevation"].to_numpy(dtype=float)
    both = np.isfinite(floor) & np.isfinite(ground)
    if both.any():
        offset = float(np.median((floor - ground)[both]))
        report.add(
            "warning" if abs(offset) > ROAD_BIAS else "information", "buildings", "building_offset",
            value=offset, median=signed(offset, digits=2), count=figure(int(both.sum()), digits=0),
        )  # fmt: skip


# --- defences ---


def _defences(report: _Report, territory: Territory, terrain: Mosaic) -> None:
    """The crests that dikes and walls say, and which of them are lower than the ground along them."""
    defences = territory.layer("defences").data
    assert isinstance(defences, gpd.GeoDataFrame)
    said = [
        row
        for row in said_crests(defences, lambda x, y: at_points(terrain, x, y).here)
        if np.isfinite(row[2]).any()
    ]
    if not said:
        return
    under = np.array([np.nanmedian(ground - top) > CREST_MARGIN for _, top, ground in said])
    tops = np.concatenate([top for _, top, _ in said])
    report.add(
        "warning" if under.mean() > LOW_CRESTS else "information", "defences", "crests",
        value=under.mean(), count=figure(len(said), digits=0), low=number(float(tops.min())),
        high=number(float(tops.max())), share=_percent(under.mean(), 0),
        margin=number(CREST_MARGIN, digits=1),
        places=[shapely.force_2d(line) for (line, _, _), low in zip(said, under, strict=True) if low],
    )  # fmt: skip


# --- places ---


def _places_without_name(report: _Report, territory: Territory) -> None:
    """Rows of the file of places that have no name: no place is made of them."""
    unnamed = territory.unnamed_places
    if unnamed:
        report.add(
            "warning", "places", "unnamed_places", value=len(unnamed), count=len(unnamed),
            known=len(territory.place_names), places=unnamed,
        )  # fmt: skip


def _places_over_the_edge(report: _Report, territory: Territory, terrain: Mosaic) -> None:
    """Places that are partly outside the terrain (those wholly outside are errors)."""
    window = shapely.box(*terrain.bounds)
    for name in territory.place_names:
        if name in territory.layer_places:  # communes end where they end
            continue
        shape = territory.place(name).geometry
        outside = shapely.difference(shape, window)
        if outside.is_empty or not shape.intersects(window):
            continue
        far = float(shapely.distance(shapely.points(shapely.get_coordinates(outside)), window).max())
        report.add(
            "information", "places", "over_the_edge", value=far,
            name=name, far=key_figure(far, digits=1), places=[outside], values=[far],
        )  # fmt: skip


# --- for QGIS ---


def write_report(findings: Sequence[Finding], territory: Territory, path: Path) -> None:
    """Write findings as a GeoPackage: ``findings`` (all, one row each), ``points``, ``lines``, ``areas``.

    A finding without a place of its own has the extent of the terrain (or of the layers) in ``findings``.
    Columns: severity, layer, check, sentence, value.
    """
    everywhere = shapely.box(*_whole(territory))
    rows: dict[str, list[dict[str, Any]]] = {"findings": [], "points": [], "lines": [], "areas": []}
    for finding in findings:
        record = {
            "severity": finding.severity,
            "severity_label": text(f"health.{finding.severity}"),
            "layer": finding.layer,
            "check": finding.check,
            "sentence": finding.sentence,
        }
        around = shapely.total_bounds(np.asarray(finding.places, dtype=object)) if finding.places else None
        box = everywhere if around is None else shapely.box(*around)
        # A point has no extent: a metre around it can be seen.
        box = box if box.area > 0 else box.buffer(1.0)
        rows["findings"].append(record | {"value": finding.value, "geometry": box})
        values = finding.values or (finding.value,) * len(finding.places)
        for place, value in zip(finding.places, values, strict=True):
            kind = ("points", "lines", "areas")[max(0, int(shapely.get_dimensions(place)))]
            rows[kind].append(record | {"value": value, "geometry": _multi(place)})
    with replacing(path) as temporary:
        for name, records in rows.items():
            if records:
                frame = gpd.GeoDataFrame(records, geometry="geometry", crs=territory.crs)
                frame.to_file(temporary, layer=name, driver="GPKG", engine="pyogrio")


def _multi(shape: shapely.Geometry) -> shapely.Geometry:
    """One type a layer, as GeoPackage wants it."""
    parts = shapely.get_parts(shape)
    dimension = max(0, int(shapely.get_dimensions(shape)))
    parts = parts[shapely.get_dimensions(parts) == dimension]
    makers: tuple[Callable[..., shapely.Geometry], ...] = (
        shapely.multipoints,
        shapely.multilinestrings,
        shapely.multipolygons,
    )
    return makers[dimension](parts)


def _whole(territory: Territory) -> Bounds:
    if territory.extent is not None:
        return territory.extent
    if territory.has("terrain"):
        return territory.mosaic().bounds
    boxes = []
    for name in territory.record.layers:
        data = territory.layer(name).data
        if isinstance(data, gpd.GeoDataFrame) and len(data):
            boxes.append(data.total_bounds)
    if not boxes:
        return 0.0, 0.0, 1.0, 1.0
    low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])
