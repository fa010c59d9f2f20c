"""The model grid: square cells in a projected CRS, row 0 in the north."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Bounds = tuple[float, float, float, float]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """A frozen lattice of square cells.

    Attributes
    ----------
    crs : the projected CRS, e.g. ``"EPSG:2154"``.
    x_west, y_north : outer edges of the grid (m), not cell centres.
    cell : side of a cell (m).
    ny, nx : rows (north to south) and columns (west to east).
    """

    crs: str
    x_west: float
    y_north: float
    cell: float
    ny: int
    nx: int

    def __post_init__(self) -> None:
        if self.cell <= 0 or self.ny < 1 or self.nx < 1:
            raise ValueError(
                f"a grid needs a positive cell and shape, found {self.cell}, {self.ny}, {self.nx}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.ny, self.nx

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.ny * self.nx

    @property
    def area_m2(self) -> float:
        """Area of one cell (m²)."""
        return self.cell * self.cell

    @property
    def transform(self) -> Affine:
        """Affine transform of (column, row) to (x, y), as rasterio uses it."""
        return Affine(self.cell, 0.0, self.x_west, 0.0, -self.cell, self.y_north)

    @property
    def bounds(self) -> Bounds:
        """Outer edges: x_min, y_min, x_max, y_max (m)."""
        return (
            self.x_west,
            self.y_north - self.ny * self.cell,
            self.x_west + self.nx * self.cell,
            self.y_north,
        )

    @property
    def x(self) -> Floats:
        """Cell centres, west to east, shape (nx,) (m)."""
        return self.x_west + (np.arange(self.nx, dtype=np.float64) + 0.5) * self.cell

    @property
    def y(self) -> Floats:
        """Cell centres, north to south, shape (ny,) (m)."""
        return self.y_north - (np.arange(self.ny, dtype=np.float64) + 0.5) * self.cell

    def index(self, x: ArrayLike, y: ArrayLike) -> tuple[Ints, Ints]:
        """Row and column of points; may lie outside (see `inside`). On an edge: the cell east or south."""
        j = np.floor((np.asarray(x, dtype=float) - self.x_west) / self.cell).astype(np.int64)
        i = np.floor((self.y_north - np.asarray(y, dtype=float)) / self.cell).astype(np.int64)
        return i, j

    def inside(self, i: ArrayLike, j: ArrayLike) -> NDArray[np.bool_]:
        """Whether rows and columns lie in the grid."""
        rows, columns = np.asarray(i), np.asarray(j)
        return (rows >= 0) & (rows < self.ny) & (columns >= 0) & (columns < self.nx)

    def crop(self, bounds: Bounds) -> Grid:
        """The cells whose centres lie within `bounds`, on the same lattice.

        West and north sides are in, east and south sides are out: neighbours share no cell.

        Raises
        ------
        ValueError
            No cell centre lies within.
        """
        columns = np.flatnonzero((self.x >= bounds[0]) & (self.x < bounds[2]))
        rows = np.flatnonzero((self.y > bounds[1]) & (self.y <= bounds[3]))
        if columns.size == 0 or rows.size == 0:
            raise ValueError(f"no cell of the grid {self.bounds} lies within {bounds}")
        return self.part(int(rows[0]), int(columns[0]), rows.size, columns.size)

    def part(self, row: int, column: int, ny: int, nx: int) -> Grid:
        """`ny` by `nx` cells of the same lattice from a row and a column on; they may lie outside."""
        west, north = self.x_west + column * self.cell, self.y_north - row * self.cell
        return Grid(self.crs, west, north, self.cell, ny, nx)

    def at_resolution(self, cell: float) -> Grid:
        """A grid of another cell size that shares the north-west corner and covers no more than this one.

        Raises
        ------
        ValueError
            Not one cell of that size fits.
        """
        if cell == self.cell:
            return self
        # A hair of tolerance, so that 4000 m / 0.1 m is 40000 cells and not 39999.
        ny = int(np.floor(self.ny * self.cell / cell + 1e-9))
        nx = int(np.floor(self.nx * self.cell / cell + 1e-9))
        return Grid(self.crs, self.x_west, self.y_north, cell, ny, nx)

    def cells_on_line(self, x: ArrayLike, y: ArrayLike) -> tuple[Ints, Ints, Floats]:
        """The cells that a polyline crosses and the length inside each (exact traversal).

        Parameters
        ----------
        x, y : vertices, shape (n,), n ≥ 2 (m).

        Returns
        -------
        i, j, length : one entry a crossing, in the order of the line; parts outside the grid are
            left out; a cell that is crossed twice by different segments appears twice.
        """
        xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        parts: list[tuple[Ints, Ints, Floats]] = []
        for x0, y0, x1, y1 in zip(xs[:-1], ys[:-1], xs[1:], ys[1:], strict=True):
            cuts = [np.array([0.0, 1.0])]
            for origin, start, end, sign in ((self.x_west, x0, x1, 1.0), (self.y_north, y0, y1, -1.0)):
                a, b = sign * (start - origin) / self.cell, sign * (end - origin) / self.cell
                if a != b:
                    lines = np.arange(np.ceil(min(a, b)), np.floor(max(a, b)) + 1)
                    cuts.append((lines - a) / (b - a))
            t = np.unique(np.clip(np.concatenate(cuts), 0.0, 1.0))
            middle = 0.5 * (t[:-1] + t[1:])
            i, j = self.index(x0 + middle * (x1 - x0), y0 + middle * (y1 - y0))
            length = np.diff(t) * np.hypot(x1 - x0, y1 - y0)
            keep = self.inside(i, j) & (length > 0)
            parts.append((i[keep], j[keep], length[keep]))
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        return (
            np.concatenate([p[0] for p in parts]),
            np.concatenate([p[1] for p in parts]),
            np.concatenate([p[2] for p in parts]),
        )

    def mask(self, polygon: BaseGeometry) -> NDArray[np.bool_]:
        """Cells whose centre lies in a polygon, shape (ny, nx)."""
        from rasterio.features import geometry_mask

        inside: NDArray[np.bool_] = geometry_mask(
            [polygon], out_shape=self.shape, transform=self.transform, invert=True
        )
        return inside
