"""Land cover of Valmont in OCS GE classes: one partition of the extent, no gap and no overlap."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy.ndimage import gaussian_filter
from shapely.affinity import translate
from shapely.geometry import LineString, Polygon, box, shape
from shapely.geometry.base import BaseGeometry

from twin.layers.valmont.attributes import road_width
from twin.layers.valmont.buildings import Building
from twin.layers.valmont.graph import Way
from twin.layers.valmont.plan import MARGIN, QUARTERS
from twin.layers.valmont.terrain import CELL, HALF_TOP, Land, noise

GRID: Final = 0.1  # m, the lattice of all corners
COVERED: Final = box(-MARGIN, -MARGIN, 4000.0 + MARGIN, 3000.0 + MARGIN)


def _areas(mask: NDArray[np.bool_], smallest: float) -> BaseGeometry:
    """Polygons of a mask on the tile, corners cut, patches and holes under `smallest` m2 dropped."""
    transform = Affine(CELL, 0.0, -CELL / 2, 0.0, -CELL, 5000.0 + CELL / 2)
    soft = gaussian_filter(mask.astype(float), 2.0) > 0.5
    parts: list[BaseGeometry] = []
    for geometry, value in shapes(soft.astype(np.uint8), mask=soft, transform=transform):
        polygon = shape(geometry)
        if isinstance(polygon, Polygon) and value and polygon.area >= smallest:
            holes = [h for h in polygon.interiors if Polygon(h).area >= smallest]
            parts.append(Polygon(polygon.exterior, holes).simplify(6.0))
    # The tile ends north of the edge that is to be covered: carry its southern edge on.
    strip = box(-500.0, 0.0, 5500.0, 70.0)
    parts += [translate(p.intersection(strip), 0.0, -65.0) for p in parts if p.intersects(strip)]
    return shapely.union_all(parts).buffer(0.0)


def _polygonal(geometry: BaseGeometry) -> BaseGeometry:
    """Only the polygons of an overlay (shared edges come out as lines)."""
    return shapely.MultiPolygon(
        [p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon" and p.area > 0.0]
    )


def build(land: Land, ways: list[Way], buildings: list[Building]) -> list[tuple[str, str, BaseGeometry]]:
    """Rows (code_cs, code_us, polygon) in local coordinates that tile the covered box exactly."""
    gy, gx = np.gradient(gaussian_filter(land.terrain, 3.0), CELL)
    slope = np.hypot(gx, gy)
    patch = noise(land.terrain.shape, 26.0, 60)
    fine = noise(land.terrain.shape, 9.0, 61)
    upland = land.plain > 20.0
    x = CELL * np.arange(1000)[None, :] + 0.0 * slope
    y = 5000.0 - CELL * np.arange(1000)[:, None] + 0.0 * slope
    town = shapely.union_all([q.polygon for q in QUARTERS]).buffer(40.0)
    rural = ~shapely.contains_xy(town, x, y)
    forest = upland & rural & ((slope > 0.17 - 0.03 * patch) | (patch > 1.25))
    conifer = forest & (noise(land.terrain.shape, 18.0, 62) > 1.0)
    mixed = forest & ~conifer & (noise(land.terrain.shape, 18.0, 63) > 1.1)
    scrub = upland & rural & ~forest & (slope > 0.13 - 0.02 * patch) & (fine > 0.2)
    vines = upland & rural & ~forest & ~scrub & (gy < -0.06) & (y > 1900.0) & (x < 1700.0) & (x > 350.0)
    poplars = (
        ~upland
        & rural
        & (land.river_distance > HALF_TOP)
        & (((land.river_distance < 24.0) & (fine > -0.2)) | ((patch > 1.1) & (land.plain < -30.0)))
    )
    bare = rural & upland & ~forest & (slope > 0.10) & (fine > 2.1)
    river = LineString(np.column_stack([land.river.x, land.river.y])[::10]).buffer(HALF_TOP, quad_segs=3)
    water = shapely.union_all(
        [river, *(LineString(b[::3, :2]).buffer(1.5, quad_segs=1) for b in land.brooks.values())]
    )
    roads = shapely.union_all(
        [
            w.line.simplify(0.4).buffer(
                0.5 * road_width(w) + (1.2 if w.kind in ("street", "main") else 0.8),
                quad_segs=2,
            )
            for w in ways
            if w.kind != "path" and w.level == 0
        ]
    )
    built: dict[str, list[BaseGeometry]] = {"home": [], "work": [], "public": [], "farm": []}
    for b in buildings:
        what = (
            "work"
            if b.use in ("Industriel",) or b.quarter == "grands_champs"
            else "farm"
            if b.use == "Agricole"
            else "public"
            if b.name or b.use == "Commercial et services"
            else "home"
        )
        built[what].append(b.footprint.buffer(4.0 if b.quarter == "vieux_bourg" else 2.5, join_style="mitre"))
    yards = shapely.union_all(
        [
            b.footprint.buffer(16.0, join_style="mitre")
            for b in buildings
            if b.quarter == "grands_champs" or (b.name and b.nature != "Eglise")
        ]
    )
    gardens = (
        shapely.union_all(
            [b.footprint.convex_hull.buffer(19.0, quad_segs=2) for b in buildings if b.use == "Résidentiel"]
        )
        .buffer(8.0, quad_segs=2)
        .buffer(-8.0, quad_segs=2)
        .simplify(1.0)
    )
    rows = [
        (code, use, geometry)
        for code, use, geometry in (
            ("CS1.2.2", "US4.1.4", water),
            ("CS1.1.1.1", "US5", shapely.union_all(built["home"])),
            ("CS1.1.1.1", "US3", shapely.union_all(built["public"])),
            ("CS1.1.1.1", "US2", shapely.union_all(built["work"])),
            ("CS1.1.1.1", "US1.1", shapely.union_all(built["farm"])),
            ("CS1.1.1.2", "US4.1.1", roads),
            ("CS1.1.1.2", "US3", yards),
            ("CS1.1.2.1", "US5", QUARTERS[0].polygon),
            ("CS2.2.1", "US5", gardens),
            ("CS2.1.1.2", "US1.2", _areas(conifer, 4000.0)),
            ("CS2.1.1.3", "US1.2", _areas(mixed, 4000.0)),
            ("CS2.1.1.1", "US1.2", _areas(forest | poplars, 900.0)),
            ("CS1.2.1", "US1.3", _areas(bare, 1500.0)),
            ("CS2.1.2", "US6.3", _areas(scrub, 900.0)),
            ("CS2.1.3", "US1.1", _areas(vines, 3000.0)),
            ("CS2.2.1", "US6.3", _areas((~upland) & (land.river_distance < 60.0), 500.0)),
        )
    ]
    left: BaseGeometry = COVERED
    parts = []
    for code, use, geometry in [*rows, ("CS2.2.1", "US1.1", COVERED)]:
        parts.append((code, use, _polygonal(shapely.intersection(left, geometry, grid_size=GRID))))
        left = _polygonal(shapely.difference(left, geometry, grid_size=GRID))
    # The borders of all parts, and lines every 500 m (as the roads cut the real product), noded at once: the
    # faces between them share every vertex, so they neither overlap nor leave a gap.
    cuts = [LineString([(-500.0, 500.0 * j), (4500.0, 500.0 * j)]) for j in range(0, 7)]
    cuts += [LineString([(500.0 * i, -500.0), (500.0 * i, 3500.0)]) for i in range(0, 9)]
    borders = [p.boundary for _, _, p in parts] + [c.intersection(COVERED) for c in cuts] + [COVERED.boundary]
    faces = list(
        shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all(borders, grid_size=GRID))))
    )
    inside = shapely.point_on_surface(faces)
    face, part = shapely.STRtree([p for _, _, p in parts]).query(inside, predicate="dwithin", distance=0.0)
    owner = np.full(len(faces), len(parts) - 1)
    np.minimum.at(owner, face, part)
    order = sorted(range(len(faces)), key=lambda k: (owner[k], faces[k].bounds))
    return [(parts[owner[k]][0], parts[owner[k]][1], faces[k]) for k in order]
