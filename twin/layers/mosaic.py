"""Tiles on one lattice as one raster that is read window by window; nothing but headers is loaded before.

Memory: a window of n cells takes 10·n bytes and the part of one tile in it up to 8 bytes a cell; LiDAR tiles,
whose points are gridded whole, 8 MB for each of the last `LIDAR_KEPT`.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.enums import MaskFlags
from rasterio.windows import Window

from twin.grid import Bounds
from twin.layers import ascii_grid, kernels, lidar
from twin.layers import crs as crs_tools
from twin.layers.lattice import LATTICE_TOLERANCE
from twin.layers.reading import Reading
from twin.layers.tiles import UNREADABLE, Tile, around
from twin.messages import figure, key_figure

Floats = NDArray[np.float64]

# Values that no height, roughness or class has, whatever the header says.
NODATA = (-99999.0, -9999.0)
LIDAR_KEPT = 24


class Mosaic:
    """The tiles of a raster layer, cropped to the wanted part, as one lazy raster (see `window`).

    Attributes
    ----------
    tiles : headers of the files. crs : theirs, as a text that makes it again.
    cell : side of a cell (m). x_west, y_north : outer edges (m). ny, nx : rows (north to south), columns.
    used : the tiles that windows have met so far, in their order.
    """

    def __init__(self, reading: Reading, tiles: list[Tile], crs: CRS) -> None:
        self.tiles = tuple(tiles)
        self.crs = reading.crs_text if crs_tools.same(crs, reading.crs) else _portable(crs)
        self._reading = reading
        first = tiles[0]
        cell = self.cell = first.cell
        # Place of every tile on the lattice of the first: row of its top, column of its left edge.
        top = np.array([round((first.y_north - tile.y_north) / cell) for tile in tiles])
        left = np.array([round((tile.x_west - first.x_west) / cell) for tile in tiles])
        bottom = top + np.array([tile.ny for tile in tiles])
        right = left + np.array([tile.nx for tile in tiles])
        row0, row1, col0, col1 = int(top.min()), int(bottom.max()), int(left.min()), int(right.max())
        wanted = wanted_in(reading, crs)
        if wanted is not None:
            hair = LATTICE_TOLERANCE
            col0 = max(col0, int(np.floor((wanted[0] - first.x_west) / cell + hair)))
            col1 = min(col1, int(np.ceil((wanted[2] - first.x_west) / cell - hair)))
            row0 = max(row0, int(np.floor((first.y_north - wanted[3]) / cell + hair)))
            row1 = min(row1, int(np.ceil((first.y_north - wanted[1]) / cell - hair)))
            if row0 >= row1 or col0 >= col1:
                reading.problem(
                    first.path, "source", "elsewhere",
                    bounds=crs_tools.show(around(tiles)), wanted=crs_tools.show(wanted),
                )  # fmt: skip
                reading.problems.raise_if_any()
            if _reaches_beyond(wanted, around(tiles), cell):
                reading.note("beyond", wanted=crs_tools.show(wanted), bounds=crs_tools.show(around(tiles)))
        self.ny, self.nx = row1 - row0, col1 - col0
        self.x_west, self.y_north = first.x_west + col0 * cell, first.y_north - row0 * cell
        self._top, self._bottom = top - row0, bottom - row0
        self._left, self._right = left - col0, right - col0
        self._met = np.zeros(len(tiles), dtype=bool)
        self._shared, self._largest, self._gaps = 0, 0.0, 0
        self._lidar: OrderedDict[Path, Floats] = OrderedDict()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.ny, self.nx

    @property
    def bounds(self) -> Bounds:
        """Outer edges: x_min, y_min, x_max, y_max (m)."""
        cell = self.cell
        return self.x_west, self.y_north - self.ny * cell, self.x_west + self.nx * cell, self.y_north

    @property
    def used(self) -> list[Tile]:
        """The tiles that windows have met."""
        return [tile for tile, met in zip(self.tiles, self._met, strict=True) if met]

    def window(self, i0: int, j0: int, ny: int, nx: int) -> Floats:
        """Cells of rows i0 … i0 + ny − 1 and columns j0 … j0 + nx − 1, float64; NaN for no value and outside.

        Where tiles share cells, the first that has a value gives it.

        Raises
        ------
        InputError
            A tile cannot be read.
        """
        out = np.full((ny, nx), np.nan)
        r0, r1 = max(0, i0), min(self.ny, i0 + ny)
        c0, c1 = max(0, j0), min(self.nx, j0 + nx)
        if r0 >= r1 or c0 >= c1:
            return out
        meets = (self._top < r1) & (self._bottom > r0) & (self._left < c1) & (self._right > c0)
        covered, twice = (np.zeros((r1 - r0, c1 - c0), dtype=bool) for _ in range(2))
        for k in np.flatnonzero(meets):
            top, left = int(self._top[k]), int(self._left[k])
            a, b = max(r0, top), min(r1, int(self._bottom[k]))
            c, d = max(c0, left), min(c1, int(self._right[k]))
            values = self._values(self.tiles[k], slice(a - top, b - top), slice(c - left, d - left))
            if values is None:
                continue
            self._met[k] = True
            stored, scale, offset = values
            here = out[a - i0 : b - i0, c - j0 : d - j0]
            part = (slice(a - r0, b - r0), slice(c - c0, d - c0))
            # Heights come in the territory's vertical datum.
            shift = offset + self._reading.vertical_offset
            largest = kernels.lay(stored, self._none(self.tiles[k]), scale, shift, here, twice[part])
            self._largest = max(self._largest, largest)
            covered[part] = True
        self._reading.problems.raise_if_any()
        self._shared += int(np.count_nonzero(twice))
        self._gaps += covered.size - int(np.count_nonzero(covered))
        return out

    def note_seams(self) -> None:
        """Say what the windows read so far met between tiles (each window read once): shared cells, gaps."""
        if self._shared:
            self._reading.note("shared_cells", count=self._shared, largest=figure(self._largest))
        if self._gaps:
            self._reading.note("gaps", count=self._gaps)
        self._shared, self._largest, self._gaps = 0, 0.0, 0

    def _none(self, tile: Tile) -> Floats:
        stated = [v for v in (*NODATA, tile.nodata, self._reading.source.nodata) if v is not None]
        # In the precision of the file too: -9999.9 in float32 is not -9999.9 in float64.
        return np.array([*stated, *(float(np.float32(v)) for v in stated)])

    def _values(
        self, tile: Tile, rows: slice, columns: slice
    ) -> tuple[NDArray[np.floating], float, float] | None:
        """A window of a tile as stored (NaN where masked), scale and offset; None with a problem noted."""
        if tile.south_up:
            rows = slice(tile.ny - rows.stop, tile.ny - rows.start)
        values: NDArray[np.floating]
        scale, offset = 1.0, 0.0
        try:
            if tile.lidar is not None:
                values = self._points(tile, tile.lidar)[rows, columns]
            elif tile.ascii is not None:
                values = ascii_grid.read_values(tile.path, tile.ascii, rows, columns)
            else:
                values, scale, offset = _read_gdal(tile.path, rows, columns)
                if (scale, offset) != (1.0, 0.0):
                    self._reading.note("scaled", scale=scale, offset=offset)
        except (ascii_grid.AsciiGridError, lidar.LidarError, *UNREADABLE) as error:
            rows_of = {ascii_grid.AsciiGridError: "bad_values", lidar.LidarError: "bad_points"}
            self._reading.problem(tile.path, "source", rows_of.get(type(error), "unreadable"), reason=error)
            return None
        return (values[::-1] if tile.south_up else values), scale, offset

    def _points(self, tile: Tile, header: lidar.Header) -> Floats:
        if tile.path not in self._lidar:
            kind = lidar.TOPS.get(self._reading.name)
            if kind is not None:
                heights, points = lidar.read_tops(tile.path, header, kind)
                self._reading.note(
                    "lidar_tops", file=tile.path.name, points=figure(points, digits=0), kind=kind
                )
            else:
                heights, points, filled = lidar.read_ground(tile.path, header)
                share = key_figure(100 * filled, digits=1)
                self._reading.note(
                    "lidar",
                    file=tile.path.name,
                    points=figure(points, digits=0),
                    share=share,
                    reach=lidar.REACH,
                )
            self._lidar[tile.path] = heights
            if len(self._lidar) > LIDAR_KEPT:
                self._lidar.popitem(last=False)
        self._lidar.move_to_end(tile.path)
        return self._lidar[tile.path]


def _read_gdal(path: Path, rows: slice, columns: slice) -> tuple[NDArray[np.floating], float, float]:
    window = Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    with rasterio.open(path) as data:
        scale, offset = float(data.scales[0]), float(data.offsets[0])
        plain = set(data.mask_flag_enums[0]) <= {MaskFlags.all_valid, MaskFlags.nodata}
        values = data.read(1, window=window, masked=not plain)
    if values.dtype != np.float32:
        values = values.astype(np.float64)
    if not plain:
        values = values.filled(np.nan)
    return values, scale, offset


def wanted_in(reading: Reading, crs: CRS) -> Bounds | None:
    """The wanted part in the CRS of the raster."""
    if reading.bounds is None or crs_tools.same(crs, reading.crs):
        return reading.bounds
    west, south, east, north = Transformer.from_crs(reading.crs, crs, always_xy=True).transform_bounds(
        *reading.bounds, densify_pts=21
    )
    return float(west), float(south), float(east), float(north)


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
