"""A subgrid run as it looks over the fine terrain that its cells carried: what pictures are drawn from.

The level of a cell at an instant comes from its volume by the tables that the solver used, and is a plane
(`twin.subgrid.level_rises`); the water depth is that level less the terrain. What is known by cells only
(velocities, hazard, times) is that of the cell, where the fine terrain is under water.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from twin.errors import TwinError
from twin.fine_ground import LAYERS, fine_ground, has_fine_ground
from twin.grid import Grid
from twin.layers.fine import FineBlock
from twin.messages import text
from twin.results import Result
from twin.subgrid import LevelTables, fine_depth, level_rises

Floats = NDArray[np.float64]
_LOG = logging.getLogger(__name__)

#: Over the whole run, known by cells: what they hold where the terrain stays dry.
_WHERE_DRY = {
    "max_water_level": np.nan, "max_velocity": 0.0, "max_rise_rate": 0.0, "arrival_time": np.nan,
    "wet_duration": 0.0, "max_hazard_ppri": 0.0, "max_hazard_people": 0.0, "max_hazard_vehicles": 0.0,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ground:
    """The fine terrain as it is shown.

    Attributes
    ----------
    factor : cells shown along the side of a model cell: all fine cells, or means of blocks of them.
    ground, bed : (ny factor, nx factor) (m), without and with the buildings that block.
    tables : level and volume of each model cell, from all its fine cells.
    """

    factor: int
    ground: Floats
    bed: Floats
    tables: LevelTables


class FineResult(Result):
    """A run whose fields are those over its fine terrain; all else is read from its folder as ever."""

    def __init__(self, result: Result, ground: Ground) -> None:
        """The run, and the terrain that it carried."""
        super().__init__(result.path)
        self._cells, self._ground = result, ground

    @property
    def model_grid(self) -> Grid:
        """The grid of the model."""
        return self._cells.grid

    @cached_property
    def fields(self) -> xr.Dataset:
        """The fields over the fine terrain, lazy: a frame is made when it is asked for."""
        coarse, ground = self._cells.fields, self._ground
        grid = self.model_grid.at_resolution(self.model_grid.cell / ground.factor)
        made: dict[Hashable, Any] = {}
        for name, values in coarse.data_vars.items():
            if values.dims[-2:] != ("y", "x"):
                made[name] = values.variable
            elif name == "ground_elevation":
                made[name] = (values.dims, ground.ground, values.attrs)
            elif name == "bed_elevation":
                made[name] = (values.dims, ground.bed, values.attrs)
            else:
                shape = (*values.shape[:-2], *grid.shape)
                lazy = indexing.LazilyIndexedArray(_Lazy(self._reader(str(name)), shape, values.dtype))
                made[name] = (values.dims, lazy, values.attrs)
        at: dict[str, Any] = {"y": ("y", grid.y, coarse["y"].attrs), "x": ("x", grid.x, coarse["x"].attrs)}
        if "time" in coarse.coords:
            at["time"] = coarse["time"].variable
        return xr.Dataset(made, coords=at, attrs=coarse.attrs | {"cell": grid.cell})

    def _reader(self, name: str) -> Callable[[int], NDArray[Any]]:
        """Values (ny, nx) of a variable at a frame (0 for one without time)."""
        values, factor = self._cells.fields[name], self._ground.factor

        def cells(frame: int) -> NDArray[Any]:
            at: NDArray[Any] = (values.isel(time=frame) if "time" in values.dims else values).values
            return at

        def spread(frame: int) -> NDArray[Any]:
            return cells(frame).repeat(factor, axis=0).repeat(factor, axis=1)

        if name in ("water_depth", "permanent_depth"):
            return lambda frame: self._depth(self._ground.tables.level(cells(frame)))
        if name == "max_water_depth" and "max_water_level" in self._cells.fields:
            return lambda _: self._max_depth()
        if name in _WHERE_DRY and "max_water_level" in self._cells.fields:
            return lambda frame: np.where(self._max_depth() > 0.0, spread(frame), _WHERE_DRY[name])
        return spread

    def _max_depth(self) -> Floats:
        return self._depth(np.asarray(self._cells.fields["max_water_level"].values, dtype=np.float64))

    def _depth(self, level: Floats) -> Floats:
        """Depth over the terrain shown (m); on roofs and where there is no ground, NaN."""
        (ny, nx), f = self.model_grid.shape, self._ground.factor
        ground = self._ground.ground
        depth = fine_depth(level, ground.reshape(ny, f, nx, f).swapaxes(1, 2), level_rises(level))
        depth[np.isnan(ground)] = np.nan
        return depth


class _Lazy(BackendArray):
    """An array of maps that are made when they are asked for."""

    def __init__(
        self, read: Callable[[int], NDArray[Any]], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.read, self.shape, self.dtype = read, shape, dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._get)

    def _get(self, key: tuple[Any, ...]) -> NDArray[Any]:
        *time, rows, columns = key
        frames = time[0] if time else 0
        if not isinstance(frames, slice):
            return np.asarray(self.read(int(frames))[rows, columns], dtype=self.dtype)
        out = np.zeros(self.shape, self.dtype)[frames, rows, columns]
        for k, frame in enumerate(range(self.shape[0])[frames]):
            out[k] = self.read(frame)[rows, columns]
        return out


def over_fine_ground(results: Sequence[Result], most_cells: float) -> list[Result]:
    """The runs over their fine terrain, as finely as `most_cells` allows; one grid for all. They are left as
    they are where that is no finer than their cells.

    Runs of the same terrain share it in memory.

    Raises
    ------
    InputError
        A run has no fine terrain, or it is no longer there, or another (`twin.fine_ground.fine_ground`).
    """
    made: list[Result] = []
    known: dict[str, Ground | None] = {}
    for result in results:
        ground_of = _terrain_of(result)
        if ground_of not in known:
            known[ground_of] = _ground(result, most_cells)
        ground = known[ground_of]
        if ground is None:
            return list(results)
        made.append(FineResult(result, ground))
    return made


def _terrain_of(result: Result) -> str:
    """What runs that share their terrain have in common."""
    files = [r["sha256"] for r in result.provenance.get("inputs", []) if r["layer"] in LAYERS]
    table, fields = result.scenario_table, result.fields
    # The same files may have been read otherwise.
    read = fields["ground_elevation"].values.tobytes() if "ground_elevation" in fields else b""
    return repr([
        result.grid, table.get("params", {}).get("domain"), table.get("territory"), files,
        sha256(read).hexdigest(),
    ])  # fmt: skip


def _ground(result: Result, most_cells: float) -> Ground | None:
    ratio, blocks = fine_ground(result)
    grid = result.grid
    # Whole blocks of fine cells
    factor = max(
        f for f in range(1, ratio + 1) if ratio % f == 0 and (f == 1 or grid.size * f * f <= most_cells)
    )
    if factor == 1:
        return None
    ground = np.full((grid.ny * factor, grid.nx * factor), np.nan)
    bed = ground.copy()
    tables = LevelTables.empty(grid.shape)
    for block in blocks:
        tables.look(block)
        rows = slice(block.rows.start * factor, block.rows.stop * factor)
        columns = slice(block.columns.start * factor, block.columns.stop * factor)
        ground[rows, columns], bed[rows, columns] = _shown(block, factor)
    return Ground(factor, ground, bed, tables)


def _shown(block: FineBlock, factor: int) -> tuple[Floats, Floats]:
    """Ground and bed of a block: means of whole blocks of fine cells, a roof where most of them have one."""
    part = block.ratio // factor

    def mean(values: NDArray[Any]) -> Floats:
        m, n = values.shape
        means: Floats = values.reshape(m // part, part, n // part, part).mean(axis=(1, 3))
        return means

    ground = mean(block.flat(block.ground))
    if block.blocked is None:
        return ground, ground
    roofed = mean(block.flat(block.blocked)) > 0.5
    return ground, np.where(roofed, mean(block.flat(block.elevation)), ground)


def for_pictures(results: Sequence[Result], most_cells: float) -> list[Result]:
    """The runs as pictures show them: over their fine terrain, or as they are if one has none. Where the
    terrain cannot be read again, that is logged.
    """
    ready = not results or any(isinstance(r, FineResult) for r in results)
    if ready or not all(r.has_fields and has_fine_ground(r) for r in results):
        return list(results)
    try:
        return over_fine_ground(results, most_cells)
    except TwinError as error:
        _LOG.warning("%s\n%s", text("shown.by_cells"), error)
        return list(results)
