"""Rasters → one array on their own lattice: a file, a VRT, a folder, a glob or a list of tiles.

Nothing is resampled here: tiles whose cells do not fall on one lattice are an error. IGN's grids put
cell centres on round coordinates, so edges are half a cell off; the lattice is kept as it is.
"""

from __future__ import annotations

import re
import warnings
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from twin.grid import Bounds
from twin.layers import ascii_grid, lidar
from twin.layers import crs as crs_tools
from twin.layers.files import Found, find, starts_ascii_grid
from twin.layers.lattice import LATTICE_TOLERANCE, native_grid, resample_mean
from twin.layers.reading import Reading, few

__all__ = ["native_grid", "read_raster", "read_terrain", "resample_mean"]

Floats = NDArray[np.float64]

# Values that no height, roughness or class has, whatever the header says.
NODATA = (-99999.0, -9999.0)
HUGE = 1e30
SQUARE_TOLERANCE = 1e-2
MAX_CELLS = 500_000_000
# No ground of the Earth is lower or higher (Challenger Deep, Everest).
GROUND = (-11_000.0, 9_000.0)


@dataclass(frozen=True)
class Tile:
    """One file of a mosaic, its header only."""

    path: Path
    x_west: float
    y_north: float
    cell: float
    ny: int
    nx: int
    nodata: float | None
    crs: CRS | None
    ascii: ascii_grid.Header | None
    south_up: bool
    bands: int
    lidar: lidar.Header | None = None

    @property
    def bounds(self) -> Bounds:
        """Outer edges (m)."""
        return (
            self.x_west,
            self.y_north - self.ny * self.cell,
            self.x_west + self.nx * self.cell,
            self.y_north,
        )


def read_raster(reading: Reading, *, own_crs: bool = False) -> tuple[xr.DataArray, tuple[str, ...], str]:
    """Read a raster layer on its own lattice.

    Parameters
    ----------
    reading : the layer, its source and what part is wanted.
    own_crs : allow a CRS other than the territory's (land cover, roughness: sampled later).

    Returns
    -------
    data : (y, x) float64, y descending, NaN for no value; attrs: crs, transform (a, b, c, d, e, f),
        cell (m), nodata_cells.
    files : those that were read.
    crs : CRS of the files, or the one assigned.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    files = find(reading, rasters=True)
    reading.problems.raise_if_any()
    tiles = [tile for file in files if (tile := _open(reading, file)) is not None]
    reading.problems.raise_if_any()
    crs = _common_crs(reading, tiles, own_crs=own_crs)
    _check_lattice(reading, tiles)
    reading.problems.raise_if_any()
    assert crs is not None
    data, used = _mosaic(reading, tiles, crs)
    return data, tuple(str(tile.path) for tile in used), crs_tools.label_in(reading, crs)


# --- headers ---


def _open(reading: Reading, file: Found) -> Tile | None:
    path = file.path
    try:
        with path.open("rb") as stream:
            head = stream.read(256)
    except OSError as error:
        reading.problem(path, "source", "unreadable", reason=error)
        return None
    if path.suffix.lower() in lidar.SUFFIXES:
        return _open_lidar(reading, path)
    tile = _open_ascii(reading, path) if starts_ascii_grid(head) else _open_gdal(reading, path)
    if tile is None:
        return None
    if tile.bands > 1:
        reading.note("first_band", file=path.name, bands=tile.bands)
    return tile


def _open_lidar(reading: Reading, path: Path) -> Tile | None:
    if not lidar.available():
        reading.problem(path, "source", "no_laspy")
        return None
    try:
        head = lidar.read_header(path)
    except lidar.LidarError as error:
        reading.problem(path, "source", "bad_points", reason=error)
        return None
    crs = None if head.crs is None else crs_tools.parse(head.crs.to_wkt())
    return Tile(
        path, head.x_west, head.y_north, lidar.CELL, head.ny, head.nx, None, crs, None, False, 1, head
    )


def _open_ascii(reading: Reading, path: Path) -> Tile | None:
    try:
        header = ascii_grid.read_header(path)
    except ascii_grid.AsciiGridError as error:
        reading.problem(path, "source", "bad_header", reason=error)
        return None
    cell = _square(reading, path, header.dx, header.dy, max(header.ncols, header.nrows))
    if cell is None:
        return None
    y_north = header.y_south + header.nrows * cell
    declared = _crs_beside(path) if crs_tools.written_prj(path) else None
    return Tile(
        path,
        header.x_west,
        y_north,
        cell,
        header.nrows,
        header.ncols,
        header.nodata,
        declared,
        header,
        False,
        1,
    )


def _crs_beside(path: Path) -> CRS | None:
    """What the .prj of an ASCII grid says (GDAL also knows Esri's old keyword style)."""
    try:
        with rasterio.open(path) as data:
            return crs_tools.parse(data.crs.to_wkt()) if data.crs else None
    except RasterioError:
        prj = crs_tools.written_prj(path)
        return None if prj is None else crs_tools.parse(prj.read_text("latin-1"))


def _open_gdal(reading: Reading, path: Path) -> Tile | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said below, as a problem
            with rasterio.open(path) as data:
                a, b, c, d, e, f = tuple(data.transform)[:6]
                shape, nodata, bands = data.shape, data.nodata, data.count
                declared = crs_tools.parse(data.crs.to_wkt()) if data.crs else None
                placed = not data.transform.is_identity
    except RasterioError as error:
        reading.problem(path, "source", "unreadable", reason=error)
        return None
    if not placed:
        reading.problem(path, "source", "not_placed")
        return None
    if b != 0 or d != 0:
        reading.problem(path, "source", "rotated")
        return None
    if path.suffix.lower() == ".vrt" and _vrt_resamples(path):
        reading.problem(path, "source", "vrt_resamples")
        return None
    cell = _square(reading, path, a, abs(e), max(shape))
    if cell is None:
        return None
    y_north = f if e < 0 else f + shape[0] * cell
    return Tile(path, c, y_north, cell, shape[0], shape[1], nodata, declared, None, e > 0, bands)


def _square(reading: Reading, path: Path, dx: float, dy: float, most: int) -> float | None:
    """The side of square cells; dx and dy that differ by less than a hundredth of a cell over all are one."""
    if dx <= 0 or dy <= 0 or abs(dx - dy) * most > SQUARE_TOLERANCE * min(dx, dy):
        reading.problem(path, "source", "not_square", dx=dx, dy=dy)
        return None
    if dx == dy:
        return dx
    mean = 0.5 * (dx + dy)
    rounded = round(mean, 6)
    cell = rounded if abs(rounded - mean) * most <= SQUARE_TOLERANCE * mean else mean
    reading.note("nearly_square", file=path.name, dx=dx, dy=dy, cell=cell)
    return cell


def _vrt_resamples(path: Path) -> bool:
    """Whether a VRT scales or shifts its tiles by part of a cell."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError:
        return False  # GDAL has read it; another kind of VRT
    for band in root.iter("VRTRasterBand"):
        for source in band:
            src, dst = source.find("SrcRect"), source.find("DstRect")
            if src is None or dst is None:
                continue
            for size in ("xSize", "ySize"):
                if abs(float(src.get(size, 0)) - float(dst.get(size, 0))) > LATTICE_TOLERANCE:
                    return True
            for rect in (src, dst):
                for offset in (float(rect.get("xOff", 0)), float(rect.get("yOff", 0))):
                    if abs(offset - round(offset)) > LATTICE_TOLERANCE:
                        return True
    return False


def _common_crs(reading: Reading, tiles: list[Tile], *, own_crs: bool) -> CRS | None:
    """The one CRS of all tiles (declared or assigned), or None with problems noted."""
    groups: dict[CRS | None, list[Tile]] = {}
    for tile in tiles:
        groups.setdefault(tile.crs, []).append(tile)
    settled: CRS | None = None
    for declared, members in groups.items():
        path, bounds = members[0].path, _around(members)
        if declared is None and reading.source.crs is None and crs_tools.looks_like_degrees(bounds):
            reading.problem(path, "crs", "degrees", crs=f"? {crs_tools.show(bounds)}")
            continue
        crs = crs_tools.settle(reading, path, declared, bounds)
        if crs is None:
            continue
        if crs.is_geographic and not own_crs:
            reading.problem(path, "crs", "degrees", crs=crs_tools.label(crs))
        elif not own_crs and not crs_tools.same(crs, reading.crs):
            reading.problem(path, "crs", "other_crs", crs=crs_tools.label(crs), territory=reading.crs_text)
        elif settled is not None and not crs_tools.same(crs, settled):
            reading.problem(
                path, "crs", "mixed_crs", crs=crs_tools.label(crs), other=crs_tools.label(settled)
            )
        settled = settled or crs
    return settled


def _around(tiles: list[Tile]) -> Bounds:
    boxes = np.array([tile.bounds for tile in tiles])
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def _check_lattice(reading: Reading, tiles: list[Tile]) -> None:
    first = tiles[0]
    others = [
        tile for tile in tiles if abs(tile.cell - first.cell) * max(tile.nx, tile.ny) > 1e-2 * first.cell
    ]
    if others:
        reading.problem(
            others[0].path, "source", "other_cell",
            cell=others[0].cell, first=first.cell, file=first.path.name, count=len(others),
        )  # fmt: skip
        return
    off = []
    for tile in tiles:
        dx = (tile.x_west - first.x_west) / first.cell
        dy = (tile.y_north - first.y_north) / first.cell
        shift = max(abs(dx - round(dx)), abs(dy - round(dy)))
        if shift > LATTICE_TOLERANCE:
            off.append((tile, shift))
    if off:
        tile, shift = off[0]
        reading.problem(
            tile.path, "source", "off_lattice", shift=round(shift, 4), file=first.path.name, count=len(off)
        )


# --- values ---


def _mosaic(reading: Reading, tiles: list[Tile], crs: CRS) -> tuple[xr.DataArray, list[Tile]]:
    first = tiles[0]
    cell = first.cell
    # Place of every tile on the lattice of the first: row of its top, column of its left edge.
    top = np.array([round((first.y_north - tile.y_north) / cell) for tile in tiles])
    left = np.array([round((tile.x_west - first.x_west) / cell) for tile in tiles])
    bottom = top + np.array([tile.ny for tile in tiles])
    right = left + np.array([tile.nx for tile in tiles])
    row0, row1, col0, col1 = int(top.min()), int(bottom.max()), int(left.min()), int(right.max())
    wanted = _wanted(reading, crs)
    if wanted is not None:
        hair = LATTICE_TOLERANCE
        col0 = max(col0, int(np.floor((wanted[0] - first.x_west) / cell + hair)))
        col1 = min(col1, int(np.ceil((wanted[2] - first.x_west) / cell - hair)))
        row0 = max(row0, int(np.floor((first.y_north - wanted[3]) / cell + hair)))
        row1 = min(row1, int(np.ceil((first.y_north - wanted[1]) / cell - hair)))
        if row0 >= row1 or col0 >= col1:
            reading.problem(
                first.path, "source", "elsewhere",
                bounds=crs_tools.show(_around(tiles)), wanted=crs_tools.show(wanted),
            )  # fmt: skip
            reading.problems.raise_if_any()
    ny, nx = row1 - row0, col1 - col0
    if ny * nx > MAX_CELLS:
        reading.problem(first.path, "source", "too_big", cells=f"{ny * nx:,}", most=f"{MAX_CELLS:,}")
        reading.problems.raise_if_any()
    out = np.full((ny, nx), np.nan)
    covered = np.zeros((ny, nx), dtype=bool)
    used: list[Tile] = []
    shared, largest = np.zeros((ny, nx), dtype=bool), 0.0
    for k, tile in enumerate(tiles):
        r0, r1 = max(row0, int(top[k])), min(row1, int(bottom[k]))
        c0, c1 = max(col0, int(left[k])), min(col1, int(right[k]))
        if r0 >= r1 or c0 >= c1:
            continue
        values = _values(
            reading,
            tile,
            slice(r0 - int(top[k]), r1 - int(top[k])),
            slice(c0 - int(left[k]), c1 - int(left[k])),
        )
        if values is None:
            continue
        used.append(tile)
        here = (slice(r0 - row0, r1 - row0), slice(c0 - col0, c1 - col0))
        both = np.isfinite(out[here]) & np.isfinite(values)
        if both.any():
            difference = np.abs(out[here][both] - values[both])
            shared[here] |= both
            largest = max(largest, float(difference.max()))
        out[here] = np.where(np.isfinite(out[here]), out[here], values)
        covered[here] = True
    reading.problems.raise_if_any()
    if shared.any():
        reading.note("shared_cells", count=int(shared.sum()), largest=f"{largest:.3g}")
    if not covered.all():
        reading.note("gaps", count=int((~covered).sum()))
    if wanted is not None and _reaches_beyond(wanted, _around(tiles), cell):
        reading.note("beyond", wanted=crs_tools.show(wanted), bounds=crs_tools.show(_around(tiles)))
    x_west, y_north = first.x_west + col0 * cell, first.y_north - row0 * cell
    data = xr.DataArray(
        out,
        dims=("y", "x"),
        coords={
            "y": y_north - (np.arange(ny) + 0.5) * cell,
            "x": x_west + (np.arange(nx) + 0.5) * cell,
        },
        name=reading.name,
        attrs={
            "crs": reading.crs_text if crs_tools.same(crs, reading.crs) else _portable(crs),
            "transform": (cell, 0.0, x_west, 0.0, -cell, y_north),
            "cell": cell,
            "nodata_cells": int(np.isnan(out).sum()),
        },
    )
    return data, used


def _reaches_beyond(wanted: Bounds, bounds: Bounds, cell: float) -> bool:
    """Whether the wanted part goes more than a cell beyond what there is."""
    return (
        wanted[0] < bounds[0] - cell
        or wanted[1] < bounds[1] - cell
        or wanted[2] > bounds[2] + cell
        or wanted[3] > bounds[3] + cell
    )


def _portable(crs: CRS) -> str:
    """A text that makes the CRS again: a code, else the whole WKT."""
    code = crs.to_authority(min_confidence=90)
    return f"{code[0]}:{code[1]}" if code else str(crs.to_wkt())


def _wanted(reading: Reading, crs: CRS) -> Bounds | None:
    """The wanted part in the CRS of the raster."""
    if reading.bounds is None or crs_tools.same(crs, reading.crs):
        return reading.bounds
    west, south, east, north = Transformer.from_crs(reading.crs, crs, always_xy=True).transform_bounds(
        *reading.bounds, densify_pts=21
    )
    return float(west), float(south), float(east), float(north)


def _values(reading: Reading, tile: Tile, rows: slice, columns: slice) -> Floats | None:
    """A window of a tile, float64, NaN for no value; None with a problem noted."""
    if tile.south_up:
        rows = slice(tile.ny - rows.stop, tile.ny - rows.start)
    try:
        if tile.lidar is not None:
            heights, points, filled = lidar.read_ground(tile.path, tile.lidar)
            share = f"{100 * filled:.1f}"
            reading.note("lidar", file=tile.path.name, points=f"{points:,}", share=share, reach=lidar.REACH)
            values = heights[rows, columns]
        elif tile.ascii is not None:
            values = ascii_grid.read_values(tile.path, tile.ascii, rows, columns)
        else:
            window = Window(
                columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
            )  # fmt: skip
            with rasterio.open(tile.path) as data:
                masked = data.read(1, window=window, masked=True)
                scale, offset = data.scales[0], data.offsets[0]
            values = masked.astype(np.float64).filled(np.nan)
            values = missing_as_nan(values, tile.nodata)
            if (scale, offset) != (1.0, 0.0):
                reading.note("scaled", scale=scale, offset=offset)
                values = values * scale + offset
    except ascii_grid.AsciiGridError as error:
        reading.problem(tile.path, "source", "bad_values", reason=error)
        return None
    except lidar.LidarError as error:
        reading.problem(tile.path, "source", "bad_points", reason=error)
        return None
    except RasterioError as error:
        reading.problem(tile.path, "source", "unreadable", reason=error)
        return None
    if tile.south_up:
        values = values[::-1]
    return missing_as_nan(values, tile.nodata, reading.source.nodata)


def missing_as_nan(values: Floats, *nodata: float | None) -> Floats:
    """Values with NaN where they mean "none": the header's, the usual ones, and whatever is huge."""
    none = ~np.isfinite(values) | (np.abs(values) > HUGE)
    for value in (*NODATA, *nodata):
        if value is not None:
            # Compared in the precision of the file: -9999.9 in float32 is not -9999.9 in float64.
            none |= (values == value) | (values == float(np.float32(value)))
    return np.where(none, np.nan, values)


# --- terrain ---

_DATUM = re.compile(r"_(IGN69|IGN78C?|REUN89|GUAD88|MART87|NGG77|MAYO53)(?=[_.]|$)", re.IGNORECASE)


def read_terrain(reading: Reading) -> tuple[xr.DataArray, tuple[str, ...], str, str]:
    """Read ground heights; see `read_raster`. Also returns the vertical datum that file names tell, or ""."""
    data, files, crs = read_raster(reading)
    if data.attrs["nodata_cells"] == data.size:
        reading.problem(files[0] if files else reading.root, "source", "all_nodata")
        reading.problems.raise_if_any()
    low, high = float(np.nanmin(data.values)), float(np.nanmax(data.values))
    if low < GROUND[0] or high > GROUND[1]:
        reading.problem(files[0], "source", "not_heights", low=f"{low:g}", high=f"{high:g}")
    datums = {match.group(1).upper() for file in files if (match := _DATUM.search(Path(file).name))}
    if len(datums) > 1:
        reading.problem(files[0], "vertical_datum", "mixed_datums", datums=few(sorted(datums)))
    reading.problems.raise_if_any()
    if data.attrs["nodata_cells"]:
        share = 100 * data.attrs["nodata_cells"] / data.size
        reading.note("nodata_cells", count=data.attrs["nodata_cells"], share=f"{share:.1f}")
    return data, files, crs, f"NGF-{datums.pop()}" if datums else ""
