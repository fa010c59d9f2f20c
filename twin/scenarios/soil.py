"""What the soil takes: the numbers of an infiltration rule on the cells of a grid, by land cover or alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from twin.domain import Domain
from twin.errors import InputError, Problems, in_line, listed, suggest, told
from twin.files import read_csv
from twin.grid import Grid
from twin.layers import crs as crs_tools
from twin.layers.landcover import normal_code
from twin.layers.raster import read_raster
from twin.layers.reading import Reading
from twin.messages import text

if TYPE_CHECKING:
    from twin.territory import Territory

Floats = NDArray[np.float64]

# Columns of a table, by the key that they stand for: name in the file → (key, factor to SI).
COLUMNS: dict[str, tuple[str, float]] = {
    "initial_loss_mm": ("initial_loss", 1e-3),
    "conductivity_mm_h": ("conductivity", 1e-3 / 3600.0),
    "suction_mm": ("suction", 1e-3),
    "deficit": ("deficit", 1.0),
    "capacity_start_mm_h": ("capacity_start", 1e-3 / 3600.0),
    "capacity_end_mm_h": ("capacity_end", 1e-3 / 3600.0),
    "decay_1_h": ("decay", 1.0 / 3600.0),
    "curve_number": ("curve_number", 1.0),
}


def read_table(path: Path, key: str, wanted: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """A table of soil numbers (SI) by class of land cover: a first column with the class, then `COLUMNS`.

    Raises
    ------
    InputError
        The file is missing, lacks a column that is wanted, or a value is no number or negative; all at once.
    """
    if not path.is_file():
        raise InputError(told(path, key, "soil.no_file"))
    rows = read_csv(path, key)
    problems = Problems()
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    for name in header[1:]:
        if name not in COLUMNS:
            problems.tell(path, key, "soil.column", suggest(name, COLUMNS), name=name)
    present = {COLUMNS[name][0] for name in header[1:] if name in COLUMNS}
    for needed in wanted:
        if needed not in present:
            column = next(name for name, (k, _) in COLUMNS.items() if k == needed)
            problems.tell(path, key, "soil.no_column", columns=listed(header), wanted=column)
    found: dict[str, dict[str, float]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        values = found.setdefault(normal_code(row[0]), {})
        for name, cell in zip(header[1:], row[1:], strict=False):
            if name not in COLUMNS:
                continue
            try:
                value = float(cell.strip().replace(",", "."))
            except ValueError:
                value = -1.0
            if not 0.0 <= value < np.inf:
                problems.tell(in_line(path, line), key, "soil.value", name=name, value=cell.strip())
            values[COLUMNS[name][0]] = value * COLUMNS[name][1]
        if len(row) != len(header):
            problems.tell(in_line(path, line), key, "soil.cells", count=len(row), wanted=len(header))
    if not found:
        problems.tell(path, key, "soil.empty")
    problems.raise_if_any()
    return found


def land_cover_classes(
    territory: Territory, domain: Domain, where: str, key: str
) -> tuple[list[str], NDArray[np.int32]]:
    """The class of land cover at the centre of each cell: the classes, and their number, shape (ny, nx).

    Cells without a class have −1.

    Raises
    ------
    InputError
        The territory has no land cover.
    """
    grid = domain.require_grid("infiltration")
    if not territory.has("land_cover"):
        raise InputError(told(where, key, "soil.no_land_cover"))
    data = territory.layer("land_cover").data
    if isinstance(data, gpd.GeoDataFrame):
        return _polygon_classes(data, grid)
    crs = crs_tools.parse(territory.crs)
    assert crs is not None
    source = territory.record.layers["land_cover"]
    reading = Reading("land_cover", source, territory.root, crs, territory.crs, territory.extent)
    raster, _, file_crs = read_raster(reading, own_crs=True)
    x, y = np.meshgrid(grid.x, grid.y)
    if CRS.from_user_input(file_crs) != CRS.from_user_input(grid.crs):
        x, y = Transformer.from_crs(grid.crs, file_crs, always_xy=True).transform(x, y)
    cell, _, x_west, _, _, y_north = (float(v) for v in raster.attrs["transform"])
    i = np.floor((y_north - y) / cell + 1e-9).astype(np.int64)
    j = np.floor((x - x_west) / cell + 1e-9).astype(np.int64)
    inside = (i >= 0) & (i < raster.shape[0]) & (j >= 0) & (j < raster.shape[1])
    values = np.full(grid.shape, np.nan)
    values[inside] = raster.values[i[inside], j[inside]]
    codes = np.unique(values[np.isfinite(values)])
    index = np.where(np.isfinite(values), np.searchsorted(codes, values), -1).astype(np.int32)
    return [normal_code(code) for code in codes], index


def _polygon_classes(frame: gpd.GeoDataFrame, grid: Grid) -> tuple[list[str], NDArray[np.int32]]:
    from rasterio.features import rasterize

    codes, numbers = np.unique(frame["code"].to_numpy(dtype=str), return_inverse=True)
    if not len(frame):
        return [], np.full(grid.shape, -1, dtype=np.int32)
    shapes = list(zip(frame.geometry.to_numpy(), (int(k) for k in numbers), strict=True))
    index = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, fill=-1, dtype="int32")
    return codes.tolist(), np.asarray(index, dtype=np.int32)


def numbers_of_classes(
    names: tuple[str, ...],
    alike: dict[str, float | None],
    table: dict[str, dict[str, float]],
    classes: tuple[list[str], NDArray[np.int32]],
    where: str,
    key: str,
) -> tuple[dict[str, Floats], NDArray[np.int32]]:
    """Each of the numbers `names` by class, and the class of each cell: what is said of it, else what is said
    for all; the last class is land without one. NaN of classes that no cell has.

    Raises
    ------
    InputError
        A class (or land without one) has no row, and nothing is said for all.
    """
    codes, index = classes
    problems = Problems()
    numbers = {}
    used = np.unique(index)
    for name in names:
        rest = alike[name]
        values = np.array([table.get(code, {}).get(name, np.nan if rest is None else rest) for code in codes])
        values = np.append(values, np.nan if rest is None else rest)  # of −1, the last
        lacking = [codes[k] if k >= 0 else text("soil.no_class") for k in used if np.isnan(values[k])]
        if lacking:
            problems.tell(where, key, "soil.lacking", name=name, classes=listed(lacking[:12]))
        numbers[name] = values
    problems.raise_if_any()
    return numbers, np.where(index < 0, len(codes), index).astype(np.int32)
