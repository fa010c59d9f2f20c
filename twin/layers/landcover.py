"""Land cover or a roughness raster → Manning's n on the model grid.

Tables of n per class stand in `tables/*.csv`, each value with its source; a territory may bring its own.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from pyproj import Transformer

from twin.errors import InputError, told
from twin.files import read_text
from twin.grid import Grid
from twin.layers import crs as crs_tools
from twin.layers import ign
from twin.layers.files import is_vector, resolve
from twin.layers.lattice import LATTICE_TOLERANCE, area_mean
from twin.layers.layer import Layer
from twin.layers.raster import read_raster
from twin.layers.reading import Reading, few
from twin.layers.vector import Features, read_features
from twin.messages import key_figure, number, text

Floats = NDArray[np.float64]

BUILT_IN = ("ocsge", "corine", "oso")
# Columns that hold the class, per table.
CODE_COLUMNS = {
    "ocsge": ("code_cs",),
    "corine": ("code_18", "code_12", "code_06", "code_00", "code_90", "clc_code", "code_clc", "clc18", "clc"),
    "oso": ("classe", "class", "oso"),
}
OSO_CELL = 20.0  # m: OSO comes at 10 m, seldom coarser
CORINE_CELL = 100.0  # m: CORINE's own raster, which counts its classes from 1 in the order of their codes
NO_CORINE = ("48", "49", "50")  # that it has for none
# Manning's n that a surface can have; beyond, the raster is not one of n (Strickler K is > 1).
PLAUSIBLE = (0.0, 1.0)
# Points a side of a grid cell when polygons or another CRS are sampled.
OVERSAMPLE = 5
POLYGON, MULTIPOLYGON = shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON


@dataclass(frozen=True)
class Classes:
    """A land cover table: class → Manning's n (s/m^(1/3))."""

    name: str
    column: str | None
    manning: dict[str, float]
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roughness:
    """Manning's n on a grid, and what was assumed on the way."""

    values: Floats
    notes: tuple[str, ...]


# --- tables ---


def built_in(name: str) -> Classes:
    """One of the tables that come with Twin: "ocsge", "corine", "oso"."""
    content = resources.files("twin.layers").joinpath(f"tables/{name}.csv").read_text(encoding="utf-8")
    return Classes(
        name, None, {row["code"]: float(row["manning"]) for row in csv.DictReader(content.splitlines())}
    )


def read_table(reading: Reading, entry: str) -> Classes | None:
    """A table of the territory's own: a first column named as the layer's column, and `manning`."""
    path = resolve(reading, entry)
    if path is None:
        return None
    if not path.is_file():
        reading.problem(path, "classes", "no_table", known=", ".join(BUILT_IN))
        return None
    content = read_text(path)
    delimiter = ";" if content.split("\n", 1)[0].count(";") else ","
    rows = list(csv.DictReader(content.splitlines(), delimiter=delimiter))
    header = [name.strip() for name in rows[0]] if rows else []
    if len(header) < 2 or "manning" not in header:
        reading.problem(path, "classes", "bad_table", header=few(header) or "–")
        return None
    manning: dict[str, float] = {}
    for line, row in enumerate(rows, start=2):
        value = str(row["manning"] or "").strip().replace(",", ".")
        try:
            n = float(value)
        except ValueError:
            n = float("nan")
        if not PLAUSIBLE[0] < n < PLAUSIBLE[1]:
            reading.problem(path, "classes", "bad_manning", line=line, value=value)
            continue
        manning[normal_code(row[header[0]])] = n
    return Classes(path.name, header[0].lower(), manning, (str(path.resolve()),))


def normal_code(value: object) -> str:
    """A class as the tables write it: "CS2.1.1.1" → "2.1.1.1", 311.0 → "311"."""
    if isinstance(value, int | float | np.integer | np.floating):
        return str(int(value)) if float(value).is_integer() else str(value)
    return re.sub(r"^(CS|US)(?=\d)", "", str(value).strip()).rstrip(".")


# --- reading ---


def read_land_cover(
    reading: Reading,
) -> tuple[xr.DataArray | gpd.GeoDataFrame, tuple[str, ...], str]:
    """Read land cover, polygons or raster; classes become Manning's n by a table.

    Returns
    -------
    data : GeoDataFrame (code, manning, geometry) or DataArray of Manning's n (NaN: class not in the table),
        with attrs["classes"] = name of the table.
    files, crs : see `read_raster`.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    names = reading.source.sources
    if any(is_vector(Path(name)) for name in names) or _folder_of_features(reading):
        return _read_polygons(reading)
    data, files, crs = read_raster(reading, own_crs=True)
    codes = np.unique(data.values[np.isfinite(data.values)])
    classes = _classes_for(reading, [normal_code(code) for code in codes], None, files, data.attrs["cell"])
    reading.problems.raise_if_any()
    assert classes is not None
    manning = np.full(data.shape, np.nan)
    unknown: dict[str, int] = {}
    for code in codes:
        here = data.values == code
        n = classes.manning.get(normal_code(code))
        if n is None:
            unknown[normal_code(code)] = int(here.sum())
        else:
            manning[here] = n
    _note_classes(reading, classes, unknown)
    attrs = data.attrs | {
        "classes": classes.name,
        "units": "s m-1/3",
        "nodata_cells": int(np.isnan(manning).sum()),
    }
    return data.copy(data=manning).assign_attrs(attrs), (*files, *classes.files), crs


def _folder_of_features(reading: Reading) -> bool:
    for name in reading.source.sources:
        path = resolve(reading, name)
        if path is not None and path.is_dir() and any(is_vector(file) for file in path.rglob("*")):
            return True
    return False


def _read_polygons(reading: Reading) -> tuple[gpd.GeoDataFrame, tuple[str, ...], str]:
    features: Features = read_features(reading)
    frame, _ = ign.clean(reading, features.frame)
    where = features.files[0]
    shapes = frame.geometry.to_numpy()
    if len(frame) and not np.isin(shapely.get_dimensions(shapes), (2, -1)).all():
        reading.problem(where, "layer", "not_polygons", kinds=few(sorted(set(frame.geom_type.dropna()))))
    column, classes = _code_column(reading, frame, features.files)
    reading.problems.raise_if_any()
    assert column is not None
    assert classes is not None
    frame = frame[frame[column].notna() & ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    codes = frame[column].map({code: normal_code(code) for code in frame[column].unique()})
    manning = codes.map(classes.manning).astype(float)
    unknown = codes[manning.isna()].value_counts()
    _note_classes(reading, classes, {str(code): int(count) for code, count in unknown.items()})
    data = gpd.GeoDataFrame(
        {"code": codes.astype("str"), "manning": manning},
        geometry=shapely.force_2d(frame.geometry.to_numpy()),
        crs=frame.crs,
        index=frame.index,
    ).reset_index(drop=True)
    data.attrs["classes"] = classes.name
    return data, (*features.files, *classes.files), features.crs


def _code_column(
    reading: Reading, frame: pd.DataFrame, files: tuple[str, ...]
) -> tuple[str | None, Classes | None]:
    """The column of the class and the table it goes with."""
    present = [c for c in frame.columns if c != "geometry"]
    wanted = reading.source.classes
    own = read_table(reading, wanted) if wanted and wanted.lower() not in BUILT_IN else None
    if own is not None:
        if own.column in present:
            return own.column, own
        reading.problem(files[0], "classes", "no_class_column", column=own.column, columns=few(present, 70))
        return None, None
    if wanted and wanted.lower() not in BUILT_IN:
        return None, None
    names = [wanted.lower()] if wanted else list(BUILT_IN)
    for name in names:
        for column in CODE_COLUMNS[name]:
            if column in present:
                codes = [normal_code(code) for code in frame[column].dropna().unique()]
                return column, _classes_for(reading, codes, name, files)
    expected = ", ".join(column for name in names for column in CODE_COLUMNS[name])
    reading.problem(files[0], "classes", "no_class_column", column=expected, columns=few(present, 70))
    return None, None


def _classes_for(
    reading: Reading, codes: list[str], hinted: str | None, files: tuple[str, ...], cell: float = np.nan
) -> Classes | None:
    """The table that codes belong to: the one that is named, else the one that knows them all or most.

    cell : side of the cells of a raster (m): 1 … 23 are classes of OSO and of CORINE's own raster.
    """
    wanted = reading.source.classes
    if wanted and wanted.lower() not in BUILT_IN:
        return read_table(reading, wanted)
    numbered = _numbered(built_in("corine"))
    counted = bool(codes) and {*codes} <= {*numbered.manning, *NO_CORINE}
    name = wanted.lower() if wanted else hinted
    if name is None:
        known = {table: sum(code in built_in(table).manning for code in codes) for table in BUILT_IN}
        best = max(known, key=lambda table: known[table])
        if counted and cell >= CORINE_CELL:
            best = "corine"
        elif codes and (known[best] < len(codes) or cell > OSO_CELL if best == "oso" else known[best] == 0):
            reading.problem(
                files[0], "classes", "unknown_classes", codes=few(codes, 12), known=", ".join(BUILT_IN)
            )
            return None
        name = best
        reading.note("classes_recognised", name=f"{name} (1 … 44)" if counted and name == "corine" else name)
    classes = numbered if counted and name == "corine" else built_in(name)
    if codes and not any(code in classes.manning for code in codes):
        reading.problem(
            files[0], "classes", "unknown_classes", codes=few(codes, 12), known=", ".join(BUILT_IN)
        )
        return None
    return classes


def _numbered(classes: Classes) -> Classes:
    """A table by the place of its classes, from 1, instead of their codes."""
    values = enumerate(classes.manning.values(), start=1)
    return Classes(classes.name, None, {str(place): n for place, n in values})


def _note_classes(reading: Reading, classes: Classes, unknown: dict[str, int]) -> None:
    reading.note("classes", name=classes.name)
    if unknown:
        counts = ", ".join(f"{code} ({count})" for code, count in list(unknown.items())[:12])
        reading.note("classes_without_n", codes=counts)


def read_roughness(reading: Reading) -> tuple[xr.DataArray, tuple[str, ...], str]:
    """Read a raster of Manning's n; zeros and negative values become NaN (counted)."""
    data, files, crs = read_raster(reading, own_crs=True)
    values = data.values
    none = np.isfinite(values) & (values <= 0)
    if none.any():
        reading.note("zero_roughness", count=int(none.sum()))
        values = np.where(none, np.nan, values)
    if np.isfinite(values).any() and np.nanmax(values) >= PLAUSIBLE[1]:
        reading.problem(files[0], "source", "not_manning", high=f"{np.nanmax(values):g}")
        reading.problems.raise_if_any()
    count = int(np.isnan(values).sum())
    if count:
        reading.note("nodata_cells", count=count, share=key_figure(100 * count / values.size, digits=1))
    return (
        data.copy(data=values).assign_attrs(data.attrs | {"nodata_cells": count, "units": "s m-1/3"}),
        files,
        crs,
    )


# --- on the grid ---


def manning_on_grid(layer: Layer, grid: Grid, default: float) -> Floats:
    """Manning's n (s/m^(1/3)) of every grid cell, shape (ny, nx); see `roughness_on_grid`."""
    return roughness_on_grid(layer, grid, default).values


def roughness_on_grid(layer: Layer, grid: Grid, default: float) -> Roughness:
    """Manning's n of every grid cell, always positive.

    Polygons and finer rasters give the area-weighted mean of n; a raster on the grid's lattice is copied;
    one whose lattice is offset, or coarser, is sampled at cell centres (nearest) and that is noted. Cells
    without a value get `default`, counted in the notes.

    Raises
    ------
    InputError
        `default` is not a Manning's n.
    """
    if not PLAUSIBLE[0] < default < PLAUSIBLE[1]:
        raise InputError(told("Domain", "roughness", "layer.bad_manning", "", found=default))
    notes: list[str] = []
    if isinstance(layer.data, xr.DataArray):
        values = _from_raster(layer.data, grid, notes)
    else:
        values = _from_polygons(layer.data, grid, default)
    none = ~np.isfinite(values)
    if none.any():
        notes.append(
            text(
                "layer.note.default_roughness",
                count=int(none.sum()),
                total=grid.size,
                value=number(default, digits=4),
            )
        )
    return Roughness(np.where(none, default, values), tuple(notes))


def _from_raster(data: xr.DataArray, grid: Grid, notes: list[str]) -> Floats:
    cell, _, x_west, _, _, y_north = (float(v) for v in data.attrs["transform"])
    values = np.where(data.values > 0, data.values, np.nan)
    crs, target = crs_tools.parse(data.attrs["crs"]), crs_tools.parse(grid.crs)
    assert crs is not None
    assert target is not None
    if not crs_tools.same(crs, target):
        notes.append(text("layer.note.sampled_crs", source=data.attrs["crs"], target=grid.crs))
        return _sampled(
            values, x_west, y_north, cell, grid, Transformer.from_crs(target, crs, always_xy=True)
        )
    left, top = (grid.x_west - x_west) / cell, (y_north - grid.y_north) / cell
    ratio = grid.cell / cell
    offset = max(abs(left - round(left)), abs(top - round(top))) * cell
    blocks = offset <= LATTICE_TOLERANCE * cell and round(ratio) >= 1
    blocks = blocks and abs(ratio - round(ratio)) * max(grid.shape) <= LATTICE_TOLERANCE
    if blocks or ratio >= 1.5:
        return area_mean(values, x_west, y_north, cell, grid)
    told = {"offset": offset, "cell": cell, "grid": grid.cell}
    notes.append(text("layer.note.sampled_nearest", **{k: number(v, digits=3) for k, v in told.items()}))
    return _sampled(values, x_west, y_north, cell, grid, None)


def _sampled(
    values: Floats, x_west: float, y_north: float, cell: float, grid: Grid, transformer: Transformer | None
) -> Floats:
    """Nearest value at cell centres; the mean over points where the raster of another CRS is finer."""
    points = 1
    if transformer is not None and cell < grid.cell:
        points = min(OVERSAMPLE, int(np.ceil(grid.cell / cell)))
    steps = (np.arange(points) + 0.5) / points - 0.5
    total, count = np.zeros(grid.shape), np.zeros(grid.shape)
    for dy in steps:
        for dx in steps:
            x, y = np.meshgrid(grid.x + dx * grid.cell, grid.y - dy * grid.cell)
            if transformer is not None:
                x, y = transformer.transform(x, y)
            # A hair to the inside: a centre on an edge of the raster belongs to one side, always the same.
            j = np.floor((x - x_west) / cell + 1e-9).astype(np.int64)
            i = np.floor((y_north - y) / cell + 1e-9).astype(np.int64)
            inside = (i >= 0) & (i < values.shape[0]) & (j >= 0) & (j < values.shape[1])
            here = np.full(grid.shape, np.nan)
            here[inside] = values[i[inside], j[inside]]
            valid = np.isfinite(here)
            total[valid] += here[valid]
            count += valid
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = total / count
    return mean


def _from_polygons(frame: gpd.GeoDataFrame, grid: Grid, default: float) -> Floats:
    """Area-weighted mean of n by 5 × 5 points a cell; points outside all polygons count as `default`."""
    from affine import Affine
    from rasterio.features import rasterize

    frame = frame[frame["manning"].notna()]
    if not len(frame):
        return np.full(grid.shape, np.nan)
    levels, index = np.unique(frame["manning"].to_numpy(dtype=float), return_inverse=True)
    polygons = frame.geometry.to_numpy()
    table = np.concatenate([[default], levels])
    out = np.full(grid.shape, np.nan)
    fine = grid.transform @ Affine.scale(1.0 / OVERSAMPLE)
    tree = shapely.STRtree(polygons)
    rows_a_block = max(1, 20_000_000 // (grid.nx * OVERSAMPLE * OVERSAMPLE))
    for top in range(0, grid.ny, rows_a_block):
        rows = min(rows_a_block, grid.ny - top)
        west, _, east, north = grid.bounds
        strip = shapely.box(west, north - (top + rows) * grid.cell, east, north - top * grid.cell)
        here = np.sort(tree.query(strip, predicate="intersects"))
        if not here.size:
            continue
        codes = rasterize(
            _burnt(polygons[here], index[here] + 1),
            out_shape=(rows * OVERSAMPLE, grid.nx * OVERSAMPLE),
            transform=fine @ Affine.translation(0, top * OVERSAMPLE),
            dtype="int32",
        ).reshape(rows, OVERSAMPLE, grid.nx, OVERSAMPLE)
        covered = (codes > 0).any(axis=(1, 3))
        out[top : top + rows] = np.where(covered, table[codes].mean(axis=(1, 3)), np.nan)
    return out


class _Ring(Sequence[tuple[float, float]]):
    """The points of a ring, made one by one: a list of them would be looked through for garbage."""

    def __init__(self, x: list[float], y: list[float]) -> None:
        self._x, self._y = x, y

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, k: Any) -> Any:
        return self._x[k], self._y[k]

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self._x, self._y, strict=True)


def _burnt(shapes: NDArray[np.object_], values: NDArray[np.integer]) -> list[tuple[Any, int]]:
    """Polygons, shape (n,), with their values (n,), as `rasterio.features.rasterize` takes them fastest.

    It would ask each for its coordinates one by one, which takes five times as long as burning them in.
    """
    if not np.isin(shapely.get_type_id(shapes), (POLYGON, MULTIPOLYGON)).all():
        return [(shape, int(value)) for shape, value in zip(shapes, values, strict=True)]
    parts, part_of = shapely.get_parts(shapes, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    ends = np.cumsum(shapely.get_num_coordinates(rings))
    x, y = shapely.get_coordinates(rings).T.tolist()
    polygons: list[list[_Ring]] = [[] for _ in parts]
    for part, begin, end in zip(ring_of.tolist(), [0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        polygons[part].append(_Ring(x[begin:end], y[begin:end]))
    return [
        ({"type": "Polygon", "coordinates": rings_of}, value)
        for rings_of, value in zip(polygons, values[part_of].tolist(), strict=True)
        if rings_of
    ]
