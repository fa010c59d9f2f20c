"""The grid model: fields on a grid and networks, immutable. What solvers see of a territory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from twin.errors import InputError, suggest, told
from twin.grid import Grid
from twin.messages import optional

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely.geometry.base import BaseGeometry

    from twin.network import Network
    from twin.road_ground import RoadGround

FIELD_DIMS = {
    "bed_elevation": ("y", "x"),
    "ground_elevation": ("y", "x"),
    "roughness": ("y", "x"),
    "building_fraction": ("y", "x"),
    "blocked": ("y", "x"),
    "active": ("y", "x"),
    "crest_x": ("y", "x_face"),
    "crest_y": ("y_face", "x"),
}


@dataclass(frozen=True, eq=False)
class Place:
    """A named point, line or polygon, or a set of features read from a file with their attributes."""

    name: str
    geometry: BaseGeometry
    features: gpd.GeoDataFrame


@dataclass(frozen=True, eq=False)
class Domain:
    """The grid model.

    Attributes
    ----------
    name, crs : of the territory.
    grid : None for a territory without terrain.
    fields : on the grid: bed_elevation (m), ground_elevation (m, the bed without roofs), roughness
        (Manning n, s m^-1/3), building_fraction (0–1), blocked (bool: a building stands on the
        cell and its bed is the roof), active (bool: False where the terrain has no data), shape (ny, nx);
        crest_x, shape (ny, nx + 1), and crest_y, shape
        (ny + 1, nx): elevation of a dike or wall on the face (m), −inf where there is none.
    networks : by name; "roads".
    road_ground : the fine terrain along "roads", of a domain built with subgrid; else None.
    buildings, roads : the canonical layers, or None.
    places : by name.
    provenance : one plain record per layer used.
    """

    name: str
    crs: str
    grid: Grid | None
    fields: xr.Dataset
    networks: Mapping[str, Network] = field(default_factory=lambda: MappingProxyType({}))
    road_ground: RoadGround | None = None
    buildings: gpd.GeoDataFrame | None = None
    roads: gpd.GeoDataFrame | None = None
    places: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))
    provenance: tuple[dict[str, Any], ...] = ()

    @classmethod
    def from_arrays(
        cls,
        bed_elevation: NDArray[np.float64],
        *,
        cell: float,
        roughness: float | NDArray[np.float64] = 0.0,
        crs: str = "EPSG:2154",
        x_west: float = 0.0,
        y_north: float | None = None,
        places: Mapping[str, Place] | None = None,
        name: str = "arrays",
    ) -> Domain:
        """A domain made of plain arrays, for tests, benchmarks and lessons.

        Parameters
        ----------
        bed_elevation : shape (ny, nx), row 0 in the north (m).
        roughness : Manning n, a number or shape (ny, nx).
        """
        ny, nx = bed_elevation.shape
        grid = Grid(crs, x_west, ny * cell if y_north is None else y_north, cell, ny, nx)
        return cls(name, crs, grid, grid_fields(grid, bed_elevation, roughness), places=places or {})

    def field(self, name: str) -> NDArray[Any]:
        """A field as a NumPy array (read-only by agreement: the domain is immutable)."""
        return np.asarray(self.fields[name].values)

    def with_fields(self, **arrays: NDArray[Any]) -> Domain:
        """A copy with some fields replaced."""
        return replace(
            self, fields=self.fields.assign({n: (FIELD_DIMS[n], values) for n, values in arrays.items()})
        )

    def require_grid(self, who: str) -> Grid:
        """The grid.

        Raises
        ------
        InputError
            The territory has no terrain, and `who` (``reader.<who>`` of the message table) needs one.
        """
        if self.grid is None:
            reader = optional(f"reader.{who}") or who
            raise InputError(told(self.name, "layers.terrain", "scenario.no_terrain", reader=reader))
        return self.grid

    def place(self, name: str, where: str, key: str) -> Place:
        """A place by name.

        Raises
        ------
        InputError
            There is none of that name.
        """
        if name not in self.places:
            raise InputError(told(where, key, "scenario.no_place", suggest(name, self.places), found=name))
        return self.places[name]

    def __repr__(self) -> str:
        lines = [f"Domain {self.name!r} ({self.crs})"]
        if self.grid is not None:
            lines.append(f"├── grid: {self.grid.ny} × {self.grid.nx} cells of {self.grid.cell:g} m")
            lines.append(f"├── fields: {', '.join(str(n) for n in self.fields.data_vars)}")
        lines += [f"├── network {name}: {network!r}" for name, network in self.networks.items()]
        if self.buildings is not None:
            lines.append(f"├── buildings: {len(self.buildings)}")
        lines.append(f"└── places: {', '.join(self.places) or '–'}")
        return "\n".join(lines)


def grid_fields(
    grid: Grid,
    bed_elevation: NDArray[np.float64],
    roughness: float | NDArray[np.float64],
    *,
    building_fraction: NDArray[Any] | None = None,
    blocked: NDArray[np.bool_] | None = None,
) -> xr.Dataset:
    """The fields of a domain without any crest; cells with a NaN bed are not active.

    Shapes (ny, nx); see `Domain.fields`. What is the same everywhere takes no memory: one number, seen as an
    array that cannot be written.
    """
    bed = np.ascontiguousarray(bed_elevation, dtype=np.float64)

    def same(value: object, ny: int = grid.ny, nx: int = grid.nx) -> NDArray[Any]:
        return np.broadcast_to(np.asarray(value), (ny, nx))

    values: dict[str, NDArray[Any]] = {
        "bed_elevation": bed,
        "ground_elevation": bed,
        "roughness": roughness.copy() if isinstance(roughness, np.ndarray) else same(float(roughness)),
        "building_fraction": same(np.float32(0.0)) if building_fraction is None else building_fraction,
        "blocked": same(False) if blocked is None else blocked,
        "active": np.isfinite(bed),
        "crest_x": same(-np.inf, nx=grid.nx + 1),
        "crest_y": same(-np.inf, ny=grid.ny + 1),
    }
    coordinates = {
        "x": grid.x,
        "y": grid.y,
        "x_face": grid.x_west + np.arange(grid.nx + 1) * grid.cell,
        "y_face": grid.y_north - np.arange(grid.ny + 1) * grid.cell,
    }
    return xr.Dataset(
        {name: (FIELD_DIMS[name], array) for name, array in values.items()},
        # As an index of pandas, which xarray makes of them anyway: of an array it would ask first whether it
        # is one of pint, and import that for it (60 ms).
        coords={name: (name, pd.Index(array)) for name, array in coordinates.items()},
        attrs={"crs": grid.crs},
    )
