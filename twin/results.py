"""The run folder (DESIGN 3.3): written by `RunWriter` while a run goes on, read by `Result`."""

from __future__ import annotations

import csv
import json
import logging
import math
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import xarray as xr
import zarr
from numpy.typing import NDArray

from twin.errors import InputError, Problem, TwinError
from twin.files import replacing, write_json, write_text
from twin.grid import Grid
from twin.messages import language, text
from twin.notebook import run_html, thumbnail
from twin.variables import VARIABLES, Variable

if TYPE_CHECKING:
    import geopandas as gpd

Array = NDArray[Any]

GAUGE_COLUMNS = (
    "time_s", "gauge", "water_level_m", "water_depth_m", "velocity_x_m_s", "velocity_y_m_s",
    "min_water_level_m", "max_water_level_m", "max_speed_m_s",  # of all steps since the row before
)  # fmt: skip
# The mean discharge since the row before, the least and greatest of its steps, the volume since the start.
SECTION_COLUMNS = (
    "time_s", "section", "discharge_m3_s", "min_discharge_m3_s", "max_discharge_m3_s", "volume_m3"
)  # fmt: skip
DIAGNOSTIC_COLUMNS = (
    "time_s",
    "dt_s",
    "steps",
    "initial_m3",
    "volume_m3",
    "inflow_m3",
    "outflow_m3",
    "rain_m3",
    "infiltration_m3",
    "drain_m3",
    "structure_m3",
    "mass_error_m3",
    "wet_cells",
    "seconds",
)
TABLES = {"gauges.csv": GAUGE_COLUMNS, "sections.csv": SECTION_COLUMNS, "diagnostics.csv": DIAGNOSTIC_COLUMNS}
COMPLETE, RUNNING, INTERRUPTED, FAILED = "complete", "running", "interrupted", "failed"
_CHUNK = 1024
_NO_RUN = "a run folder, as `twin run` writes it"


class RunWriter:
    """Writes one run folder. Frames and rows are added as the run goes; `cut` takes them back to a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        scenario_toml: str,
        grid: Grid | None,
        times: Sequence[float],
        start: str,
        variables: Iterable[str],
        static: Mapping[str, Array] | None = None,
        overwrite: bool = False,
    ) -> RunWriter:
        """Make the folder with everything that is known before the first step.

        Parameters
        ----------
        scenario_toml : the resolved scenario.
        grid : the model grid; None for a run without fields.
        times : output instants, seconds since the start.
        start : ISO date-time of second 0.
        variables : names of the fields that `record` will be given.
        static : constant fields, shape (ny, nx), by variable name.
        overwrite : replace a folder that is there; it must be a run folder.

        Raises
        ------
        InputError
            The folder exists and `overwrite` is false, or it exists and is no run folder.
        """
        if path.exists() and any(path.iterdir()):
            if not overwrite:
                raise InputError(
                    Problem(str(path), "", "a folder that is not empty", "a new folder", "--overwrite")
                )
            if not (path / "provenance.json").exists():
                raise InputError(Problem(str(path), "", "a folder that is no run", "a run to overwrite"))
        with replacing(path) as folder:
            folder.mkdir()
            write_text(folder / "scenario.toml", scenario_toml)
            for name, columns in TABLES.items():
                write_text(folder / name, ",".join(columns) + "\n")
            write_text(folder / "log.txt", "")
            if grid is not None:
                _create_fields(folder / "fields.zarr", grid, times, start, variables, static or {})
            write_json(folder / "provenance.json", {"status": RUNNING})
        return cls(path)

    # -- fields ---------------------------------------------------------------

    @cached_property
    def _fields(self) -> zarr.Group:
        return zarr.open_group(self.path / "fields.zarr", mode="r+")

    def record(self, frame: int, fields: Mapping[str, Array]) -> None:
        """Write one frame: arrays of shape (ny, nx) by variable name, into place `frame` of the time axis."""
        for name, values in fields.items():
            _array(self._fields, name)[frame] = np.asarray(values, dtype=VARIABLES[name].dtype)
        self._fields.attrs["frames"] = frame + 1

    def record_run_fields(self, fields: Mapping[str, Array]) -> None:
        """Write (again) the fields over the whole run, shape (ny, nx)."""
        for name, values in fields.items():
            variable = VARIABLES[name]
            if name not in self._fields:
                _create_array(self._fields, variable, values.shape, values.shape)
            _array(self._fields, name)[...] = np.asarray(values, dtype=variable.dtype)

    def create_links(
        self, times: Sequence[float], n_links: int, variables: Iterable[str], start: str
    ) -> None:
        """Make traffic/link_series.zarr with a preallocated time axis."""
        with replacing(self.path / "traffic" / "link_series.zarr") as folder:
            group = zarr.create_group(folder)
            group.attrs.update({"Conventions": "CF-1.8", "frames": 0, "start": start})
            _create_time(group, times, start)
            _create_index(group, "link", np.arange(n_links))
            for name in variables:
                _create_array(group, VARIABLES[name], (len(times), n_links), (1, max(n_links, 1)))

    def record_links(self, frame: int, fields: Mapping[str, Array]) -> None:
        """Write one instant of the link series, arrays of shape (links,)."""
        group = zarr.open_group(self.path / "traffic" / "link_series.zarr", mode="r+")
        for name, values in fields.items():
            _array(group, name)[frame] = np.asarray(values, dtype=VARIABLES[name].dtype)
        group.attrs["frames"] = frame + 1

    # -- tables ---------------------------------------------------------------

    def append(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Add rows to one of the CSV tables. Numbers are written so that they read back exactly."""
        with (self.path / table).open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                [[_number(value) for value in row] for row in rows]
            )

    def cut(self, time: float) -> None:
        """Take back what was written after `time` (s): a resumed run writes it again."""
        for name in TABLES:
            # What follows the last line end was left half written by a power cut.
            whole, _, _ = (self.path / name).read_text(encoding="utf-8").rpartition("\n")
            header, *lines = whole.split("\n")
            kept = [header, *(line for line in lines if float(line.split(",", 1)[0]) <= time)]
            write_text(self.path / name, "\n".join(kept) + "\n")
        for store in ("fields.zarr", "traffic/link_series.zarr"):
            if (self.path / store).exists():
                group = zarr.open_group(self.path / store, mode="r+")
                times = np.asarray(_array(group, "time")[...], dtype=float)
                group.attrs["frames"] = min(int(group.attrs["frames"]), int(np.sum(times <= time)))  # type: ignore[arg-type]

    # -- the rest ---------------------------------------------------------------

    def write_table(self, name: str, content: Any) -> None:
        """Write a JSON file of the folder whole."""
        write_json(self.path / name, content)

    def write_features(self, name: str, frame: gpd.GeoDataFrame) -> None:
        """Write a GeoPackage of the folder whole (``features/buildings.gpkg`` …)."""
        with replacing(self.path / name) as temporary:
            frame.to_file(temporary, layer=Path(name).stem, driver="GPKG", engine="pyogrio")

    def logger(self) -> logging.Logger:
        """A logger that writes to log.txt."""
        log = logging.getLogger(f"twin.run.{self.path}")
        log.setLevel(logging.INFO)
        log.propagate = False
        if not log.handlers:
            handler = logging.FileHandler(self.path / "log.txt", encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            log.addHandler(handler)
        return log

    def close(self) -> None:
        """Let go of the log file."""
        log = logging.getLogger(f"twin.run.{self.path}")
        for handler in list(log.handlers):
            handler.close()
            log.removeHandler(handler)


def _number(value: object) -> object:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else repr(float(value))
    return value


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise TypeError(f"{name} is no array of {group.store_path}")
    return found


def _create_array(
    group: zarr.Group, variable: Variable, shape: tuple[int, ...], chunks: tuple[int, ...]
) -> None:
    attributes: dict[str, Any] = {
        "units": variable.unit,
        "long_name": variable.label("en"),
        "label_fr": variable.label("fr"),
    }
    if variable.cf_name:
        attributes["standard_name"] = variable.cf_name
    if "x" in variable.dims:
        attributes["grid_mapping"] = "crs"
    group.create_array(
        variable.name,
        shape=shape,
        chunks=chunks,
        dtype=variable.dtype,
        fill_value=np.nan if variable.dtype.startswith("float") else 0,
        dimension_names=variable.dims,
        attributes=attributes,
    )


def _create_index(group: zarr.Group, name: str, values: Array, **attributes: Any) -> None:
    array = group.create_array(
        name, shape=values.shape, dtype=values.dtype, dimension_names=(name,), attributes=attributes or None
    )
    array[...] = values


def _create_time(group: zarr.Group, times: Sequence[float], start: str) -> None:
    _create_index(
        group,
        "time",
        np.asarray(times, dtype=float),
        units=f"seconds since {start}",
        standard_name="time",
        axis="T",
    )


def _create_fields(
    path: Path,
    grid: Grid,
    times: Sequence[float],
    start: str,
    variables: Iterable[str],
    static: Mapping[str, Array],
) -> None:
    group = zarr.create_group(path)
    group.attrs.update(
        {
            "Conventions": "CF-1.8",
            "crs": grid.crs,
            "cell": grid.cell,
            "x_west": grid.x_west,
            "y_north": grid.y_north,
            "start": start,
            "frames": 0,
        }
    )
    _create_time(group, times, start)
    _create_index(group, "x", grid.x, units="m", standard_name="projection_x_coordinate", axis="X")
    _create_index(group, "y", grid.y, units="m", standard_name="projection_y_coordinate", axis="Y")
    group.create_array("crs", shape=(), dtype="int32", attributes=pyproj.CRS(grid.crs).to_cf())
    tile = (min(grid.ny, _CHUNK), min(grid.nx, _CHUNK))
    for name in variables:
        _create_array(group, VARIABLES[name], (len(times), *grid.shape), (1, *tile))
    for name, values in static.items():
        _create_array(group, VARIABLES[name], grid.shape, tile)
        _array(group, name)[...] = np.asarray(values, dtype=VARIABLES[name].dtype)


class Result:
    """A finished, interrupted or running run, read from its folder. Parts that a run lacks are None."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> Result:
        """Open a run folder.

        Raises
        ------
        InputError
            There is no such folder, or it is no run.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise InputError(Problem(str(folder), "", "no such folder", _NO_RUN))
        missing = [n for n in ("scenario.toml", "provenance.json") if not (folder / n).is_file()]
        if missing:
            raise InputError(Problem(str(folder), "", f"no {' and no '.join(missing)}", _NO_RUN))
        return cls(folder)

    @cached_property
    def scenario_table(self) -> dict[str, Any]:
        """The resolved scenario as a plain table."""
        return tomllib.loads((self.path / "scenario.toml").read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.scenario_table["name"])

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Versions, inputs, threads, status, wall time, energy estimate."""
        return dict(json.loads((self.path / "provenance.json").read_text(encoding="utf-8")))

    @property
    def status(self) -> str:
        """complete, running, interrupted or failed."""
        return str(self.provenance.get("status", RUNNING))

    @cached_property
    def fields(self) -> xr.Dataset:
        """The fields (lazy); time in seconds since the start, only the frames that were written.

        Raises
        ------
        TwinError
            The run has no fields (a territory without terrain).
        """
        store = self.path / "fields.zarr"
        if not store.exists():
            raise TwinError(f"{self.path}: this run has no fields (it has no terrain)")
        return _open_series(store)

    @property
    def has_fields(self) -> bool:
        """Whether the run has fields on a grid."""
        return (self.path / "fields.zarr").exists()

    @property
    def times(self) -> NDArray[np.float64]:
        """Output instants written so far, seconds since the start."""
        return np.asarray(self.fields["time"].values, dtype=float)

    @cached_property
    def grid(self) -> Grid:
        """The model grid."""
        attrs = self.fields.attrs
        return Grid(
            str(attrs["crs"]),
            float(attrs["x_west"]),
            float(attrs["y_north"]),
            float(attrs["cell"]),
            int(self.fields.sizes["y"]),
            int(self.fields.sizes["x"]),
        )

    @cached_property
    def gauges(self) -> pd.DataFrame:
        """gauges.csv."""
        return self._csv("gauges.csv")

    @cached_property
    def sections(self) -> pd.DataFrame:
        """sections.csv."""
        return self._csv("sections.csv")

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """diagnostics.csv."""
        return self._csv("diagnostics.csv")

    @cached_property
    def indicators(self) -> dict[str, dict[str, Any]]:
        """indicators.json; empty when the run did not get so far."""
        return self._json("indicators.json") or {}

    @cached_property
    def buildings(self) -> gpd.GeoDataFrame | None:
        """Footprints with what the water did to them."""
        return self._features("features/buildings.gpkg")

    @cached_property
    def roads(self) -> gpd.GeoDataFrame | None:
        """Every road segment with what the water did to it."""
        return self._features("features/roads.gpkg")

    @cached_property
    def places(self) -> gpd.GeoDataFrame | None:
        """Named places."""
        return self._features("features/places.gpkg")

    @cached_property
    def flood_marks(self) -> gpd.GeoDataFrame | None:
        """Observed flood marks beside the run (`twin.observed.marks_beside`)."""
        return self._features("features/flood_marks.gpkg")

    @cached_property
    def flood_extent(self) -> gpd.GeoDataFrame | None:
        """The observed extent of a flood."""
        return self._features("features/flood_extent.gpkg")

    @cached_property
    def links(self) -> gpd.GeoDataFrame | None:
        """Directed links with capacity and the reference state."""
        return self._features("traffic/links.gpkg")

    @cached_property
    def zones(self) -> gpd.GeoDataFrame | None:
        """Zones of the demand with their people and the trips of the reference state."""
        return self._features("traffic/zones.gpkg")

    @cached_property
    def link_series(self) -> xr.Dataset | None:
        """Volume, travel time, saturation, water depth and closure by time and link."""
        store = self.path / "traffic" / "link_series.zarr"
        return _open_series(store) if store.exists() else None

    @cached_property
    def flood_summary(self) -> dict[str, Any] | None:
        """flood/summary.json."""
        return self._json("flood/summary.json")

    @cached_property
    def traffic_summary(self) -> dict[str, Any] | None:
        """traffic/summary.json."""
        return self._json("traffic/summary.json")

    def _csv(self, name: str) -> pd.DataFrame:
        path = self.path / name
        return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=list(TABLES[name]))

    def _json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def _features(self, name: str) -> gpd.GeoDataFrame | None:
        path = self.path / name
        if not path.exists():
            return None
        import geopandas as gpd

        return gpd.read_file(path, engine="pyogrio")

    def __repr__(self) -> str:
        lines = [f"Result {self.name!r} ({self.status}) in {self.path}"]
        if self.has_fields:
            sizes = self.fields.sizes
            lines.append(f"├── fields: {sizes['y']} × {sizes['x']} cells, {sizes['time']} frames")
        lines += [
            f"├── {row['label_fr']}: {row['value']} {row['unit']}"
            for row in list(self.indicators.values())[:8]
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """What a notebook shows: a small map of the greatest depth, facts and the first figures."""
        lang = language()
        figures = []
        for row in list(self.indicators.values())[:10]:
            value = row.get("value")
            told = f"{value:,.4g}" if isinstance(value, float) else str(value)
            figures.append(
                (str(row.get(f"label_{lang}") or row.get("label_fr")), f"{told} {row['unit']}".strip())
            )
        facts = [text("run.facts_status", status=self.status, path=self.path)]
        picture = None
        if self.has_fields:
            sizes, grid = self.fields.sizes, self.grid
            facts.append(
                text(
                    "run.facts_grid",
                    ny=sizes["y"],
                    nx=sizes["x"],
                    cell=f"{grid.cell:g}",
                    frames=sizes["time"],
                )
            )
            if "bed_elevation" in self.fields:
                most = self.fields["max_water_depth"].values if "max_water_depth" in self.fields else None
                picture = thumbnail(self.fields["bed_elevation"].values, most)
        return run_html(self.name, facts, figures, picture, text("map.indicative"))


def _open_series(store: Path) -> xr.Dataset:
    dataset = xr.open_zarr(store, consolidated=False, decode_times=False, chunks=None)
    written: xr.Dataset = dataset.isel(time=slice(0, int(dataset.attrs["frames"])))
    return written


def remove(path: Path) -> None:
    """Delete a run folder; refuses a folder that is no run.

    Raises
    ------
    InputError
        The folder holds no provenance.json.
    """
    if not (path / "provenance.json").exists():
        raise InputError(Problem(str(path), "", "a folder that is no run", _NO_RUN))
    shutil.rmtree(path)
