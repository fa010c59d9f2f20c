"""Classified LiDAR points (LiDAR HD .laz, .copc.laz) → ground heights on a lattice of 1 m.

Ground for hydraulics is what IGN takes for its terrain: ground (2), water (9) and virtual points (66).
Buildings (6) and bridge decks (17) are not in it; they are layers of their own (`read_tops`). Needs laspy:
the extra `lidar`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.fill import fillnodata

from twin.errors import listed
from twin.messages import text

Floats = NDArray[np.float64]

SUFFIXES = (".laz", ".las")
GROUND = (2, 9, 66)
# Layer of a territory → the class of its points.
TOPS = {"roofs": 6, "bridge_decks": 17}
CELL = 1.0  # m; cell centres on round coordinates, as RGE ALTI 1 m
REACH = 50  # cells: no ground was seen under a building; farther than that from any, there is a hole
CHUNK = 2_000_000  # points held at once


class LidarError(Exception):
    """A point file that cannot be used; says why."""


@dataclass(frozen=True)
class Header:
    """Where the points lie, on the lattice: outer edges (m), rows, columns; the CRS, or None."""

    x_west: float
    y_north: float
    ny: int
    nx: int
    crs: CRS | None


def available() -> bool:
    """Whether laspy is installed."""
    try:
        import laspy  # noqa: F401
    except ImportError:
        return False
    return True


def _open(path: Path) -> Any:
    import laspy

    try:
        return laspy.open(path)
    except (laspy.errors.LaspyException, OSError, ValueError, RuntimeError) as error:
        raise LidarError(str(error)) from error


def read_header(path: Path) -> Header:
    """The lattice that a file's points need.

    Raises
    ------
    LidarError
        It is no LAS or LAZ file, or has no points.
    """
    with _open(path) as file:
        header = file.header
        if header.point_count == 0:
            raise LidarError(text("layer.points.none"))
        west, south = (np.floor(header.mins[:2] / CELL + 0.5) - 0.5) * CELL
        east, north = (np.floor(header.maxs[:2] / CELL + 0.5) + 0.5) * CELL
        crs = header.parse_crs()
    return Header(float(west), float(north), round((north - south) / CELL), round((east - west) / CELL), crs)


def read_ground(path: Path, header: Header) -> tuple[Floats, int, float]:
    """Mean height of the ground points of each cell; gaps filled from the ground around them.

    Returns
    -------
    heights : (ny, nx), row 0 in the north (m); NaN farther than `REACH` cells from any ground point.
    points : number of ground points. filled : share of the cells that had none.

    Raises
    ------
    LidarError
        The points cannot be read, or none is ground.
    """
    size = header.ny * header.nx
    total, count = np.zeros(size), np.zeros(size)
    for cell, z in _points(path, header, GROUND):
        total += np.bincount(cell, z, minlength=size)
        count += np.bincount(cell, minlength=size)
    seen = count > 0
    if not seen.any():
        raise LidarError(text("layer.points.no_ground", classes=listed(GROUND)))
    heights = np.where(seen, total / np.maximum(count, 1), np.nan).reshape(header.ny, header.nx)
    mask = seen.reshape(heights.shape)
    # In float32 as GDAL fills; the cells that were seen keep their own value.
    base = float(np.nanmedian(heights))
    shifted = np.where(mask, heights - base, -9999.0).astype(np.float32)
    done = fillnodata(shifted, mask=mask.astype(np.uint8), max_search_distance=REACH).astype(float)
    done = np.where(done <= -9000.0, np.nan, done + base)
    return np.where(mask, heights, done), int(count.sum()), float(1.0 - mask.mean())


def read_tops(path: Path, header: Header, kind: int) -> tuple[Floats, int]:
    """Highest point of one class in each cell, nothing filled: (ny, nx) (m, NaN without one), their number.

    Raises
    ------
    LidarError
        The points cannot be read.
    """
    top = np.full(header.ny * header.nx, -np.inf)
    count = 0
    for cell, z in _points(path, header, (kind,)):
        np.maximum.at(top, cell, z)
        count += z.size
    return np.where(np.isfinite(top), top, np.nan).reshape(header.ny, header.nx), count


def _points(
    path: Path, header: Header, classes: tuple[int, ...]
) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Flat cells and heights (m) of the points of some classes, `CHUNK` of the file at once."""
    import laspy

    with _open(path) as file:
        try:
            for points in file.chunk_iterator(CHUNK):
                wanted = np.isin(np.asarray(points.classification), classes)
                x, y, z = (np.asarray(v, dtype=float)[wanted] for v in (points.x, points.y, points.z))
                j = np.floor((x - header.x_west) / CELL).astype(np.int64)
                i = np.floor((header.y_north - y) / CELL).astype(np.int64)
                # On the last edge of the lattice: the cell that the lattice has.
                yield np.clip(i, 0, header.ny - 1) * header.nx + np.clip(j, 0, header.nx - 1), z
        except (laspy.errors.LaspyException, OSError, ValueError, RuntimeError) as error:
            raise LidarError(str(error)) from error
