"""A raster of heights from a WMS 1.3 (OGC 06-042) that gives data and not pictures: in blocks of float32."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from twin.fetch.http import Answer, Client, Damaged, FetchError, with_query
from twin.fetch.wfs import _explained, bbox_of
from twin.files import replacing
from twin.grid import Bounds
from twin.messages import text

BIL = "image/x-bil;bits=32"


@dataclass(frozen=True)
class RasterService:
    """A WMS: its address, layer, format (`BIL` or a GeoTIFF's name), pixels a side of one request."""

    url: str
    layer: str
    format: str = BIL
    block: int = 2000


@dataclass(frozen=True)
class Block:
    """A part of a raster: outer edges in the north-west (m), rows and columns."""

    x_west: float
    y_north: float
    ny: int
    nx: int


def blocks(bounds: Bounds, cell: float, side: int) -> Iterator[Block]:
    """The blocks that cover bounds, on the lattice of IGN's grids: cell centres on round coordinates.

    Blocks begin at multiples of their own side, so that the same block has the same address whatever part
    is asked for; those on the border are cut to the cells whose centres lie within.
    """
    # Columns and rows counted from the centre at 0: centre k lies at k·cell.
    j0, j1 = math.ceil(bounds[0] / cell - 1e-9), math.floor(bounds[2] / cell + 1e-9)
    i0, i1 = math.ceil(bounds[1] / cell - 1e-9), math.floor(bounds[3] / cell + 1e-9)
    for i in range(math.floor(i1 / side) * side, i0 - side, -side):
        for j in range(math.floor(j0 / side) * side, j1 + 1, side):
            low, high = max(i, i0), min(i + side - 1, i1)
            left, right = max(j, j0), min(j + side - 1, j1)
            if low <= high and left <= right:
                yield Block((left - 0.5) * cell, (high + 0.5) * cell, high - low + 1, right - left + 1)


def fetch_block(
    client: Client, service: RasterService, block: Block, cell: float, crs: str
) -> NDArray[np.float32]:
    """The values of a block, shape (ny, nx), row 0 in the north.

    Raises
    ------
    FetchError
        The service refuses, or gives no whole raster.
    """
    bounds = (
        block.x_west, block.y_north - block.ny * cell, block.x_west + block.nx * cell, block.y_north,
    )  # fmt: skip
    url = with_query(
        service.url, SERVICE="WMS", VERSION="1.3.0", REQUEST="GetMap", LAYERS=service.layer, STYLES="",
        CRS=crs, BBOX=bbox_of(bounds, crs), WIDTH=block.nx, HEIGHT=block.ny, FORMAT=service.format,
    )  # fmt: skip

    def check(answer: Answer) -> NDArray[np.float32]:
        if service.format == BIL and len(answer.body) == 4 * block.ny * block.nx:
            values = np.frombuffer(answer.body, dtype="<f4").reshape(block.ny, block.nx)
        elif answer.body.lstrip()[:1] == b"<":
            raise _explained(answer)
        elif service.format == BIL:
            raise Damaged(text("fetch.bytes", got=len(answer.body), wanted=4 * block.ny * block.nx))
        else:
            values = _tiff(answer, block)
        if not np.isfinite(values).any():
            raise Damaged(text("fetch.no_value"))
        return values

    return client.get(url, check)


def _tiff(answer: Answer, block: Block) -> NDArray[np.float32]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # placed by what was asked
            with MemoryFile(answer.body) as memory, memory.open() as data:
                values = data.read(1)
    except RasterioError as error:
        raise Damaged(str(error)) from error
    if values.dtype != np.float32:
        raise FetchError(text("fetch.a_picture", url=answer.url, kind=values.dtype))
    if values.shape != (block.ny, block.nx):
        raise Damaged(text("fetch.pixels", got=values.shape, wanted=(block.ny, block.nx)))
    return np.asarray(values, dtype=np.float32)


_TILE = re.compile(r"MNT_-?\d+_-?\d+_\w+\.tif")  # see `write_tile`


def write_tile(
    folder: Path, block: Block, values: NDArray[np.float32], cell: float, crs: str, nodata: float, suffix: str
) -> Path:
    """A block as GeoTIFF, named by its north-west cell and the vertical datum."""
    x, y = block.x_west + 0.5 * cell, block.y_north - 0.5 * cell
    path = folder / f"MNT_{x:.0f}_{y:.0f}_{suffix}.tif"
    with replacing(path) as temporary, rasterio.open(
        temporary, "w", driver="GTiff", height=block.ny, width=block.nx, count=1, dtype="float32", crs=crs,
        transform=from_origin(block.x_west, block.y_north, cell, cell), nodata=nodata,
        compress="deflate", predictor=3, tiled=block.ny >= 256 and block.nx >= 256,
    ) as file:  # fmt: skip
        file.write(values, 1)
    return path


def remove_others(folder: Path, tiles: list[Path]) -> None:
    """Remove the tiles that an earlier fetch of another extent or cell left when it was cut."""
    for path in folder.glob("MNT_*.tif"):
        if _TILE.fullmatch(path.name) and path not in tiles:
            path.unlink()
