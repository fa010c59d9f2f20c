"""The files of a raster layer, their headers only: where each lies, its cells, what means "no value"."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from twin.grid import Bounds
from twin.layers import ascii_grid, lidar
from twin.layers import crs as crs_tools
from twin.layers.files import Found, starts_ascii_grid
from twin.layers.lattice import LATTICE_TOLERANCE
from twin.layers.reading import Reading

SQUARE_TOLERANCE = 1e-2
# What rasterio raises of a damaged file: tags that are no text and broken CRS are a ValueError.
UNREADABLE = (RasterioError, ValueError, OSError)


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


def open_tile(reading: Reading, file: Found) -> Tile | None:
    """The header of a file, or None with a problem noted."""
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
    except UNREADABLE:
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
    except UNREADABLE as error:
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


def common_crs(reading: Reading, tiles: list[Tile], *, own_crs: bool) -> CRS | None:
    """The one CRS of all tiles (declared or assigned), or None with problems noted."""
    groups: dict[CRS | None, list[Tile]] = {}
    for tile in tiles:
        groups.setdefault(tile.crs, []).append(tile)
    settled: CRS | None = None
    for declared, members in groups.items():
        path, bounds = members[0].path, around(members)
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


def around(tiles: list[Tile]) -> Bounds:
    """The box of all tiles (m)."""
    boxes = np.array([tile.bounds for tile in tiles])
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def check_lattice(reading: Reading, tiles: list[Tile]) -> None:
    """Note a problem when the cells of the tiles do not fall on one lattice."""
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
