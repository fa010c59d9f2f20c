"""The run folder (DESIGN 3.3) while a run writes it; `twin.results` reads it."""

from __future__ import annotations

import csv
import io
import logging
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from twin.errors import InputError, told
from twin.files import append_text, naming, replacing, write_bytes, write_json, write_text
from twin.frames import FrameStore, create_group, create_index, create_map, write_map
from twin.grid import Grid
from twin.variables import VARIABLES

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
FIELDS, LINK_SERIES = "fields.zarr", "traffic/link_series.zarr"
COMPLETE, RUNNING, INTERRUPTED, FAILED = "complete", "running", "interrupted", "failed"
_CHUNK = 1024


class RunWriter:
    """Writes one run folder. Frames and rows are added as the run goes; `cut` takes them back to a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = str(path)  # a Path takes as long to join as a row to write
        self._stores: dict[str, FrameStore] = {}

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
                raise InputError(told(path, "", "folder.occupied"))
            if not (path / "provenance.json").exists():
                raise InputError(told(path, "", "folder.not_to_overwrite"))
        with replacing(path) as folder:
            folder.mkdir()
            write_text(folder / "scenario.toml", scenario_toml)
            for name, columns in TABLES.items():
                write_text(folder / name, ",".join(columns) + "\n")
            write_text(folder / "log.txt", "")
            if grid is not None:
                _create_fields(folder / FIELDS, grid, times, start, variables, static or {})
            write_json(folder / "provenance.json", {"status": RUNNING})
        return cls(path)

    # -- fields ---------------------------------------------------------------

    def _store(self, name: str) -> FrameStore:
        if name not in self._stores:
            self._stores[name] = FrameStore(self.path / name)
        return self._stores[name]

    def record(self, frame: int, fields: Mapping[str, Array]) -> None:
        """Write one frame: arrays of shape (ny, nx) by variable name, into place `frame` of the time axis."""
        self._store(FIELDS).write(frame, fields)

    def record_run_fields(self, fields: Mapping[str, Array]) -> None:
        """Write (again) the fields over the whole run, shape (ny, nx)."""
        for name, values in fields.items():
            place = self.path / FIELDS / name
            with naming(place):
                if not (place / "zarr.json").exists():
                    _create_map(place, values.shape, _tile(values.shape))
                write_map(place, values)

    def create_links(
        self, times: Sequence[float], n_links: int, variables: Iterable[str], start: str
    ) -> None:
        """Make traffic/link_series.zarr with a preallocated time axis."""
        with replacing(self.path / LINK_SERIES) as folder:
            create_group(folder, {"Conventions": "CF-1.8", "frames": 0, "start": start})
            _create_time(folder, times, start)
            create_index(folder / "link", np.arange(n_links), {})
            for name in variables:
                _create_map(folder / name, (len(times), n_links), (1, max(n_links, 1)))

    def record_links(self, frame: int, fields: Mapping[str, Array]) -> None:
        """Write one instant of the link series, arrays of shape (links,)."""
        self._store(LINK_SERIES).write(frame, fields)

    # -- tables ---------------------------------------------------------------

    def append(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Add rows to one of the CSV tables. Numbers are written so that they read back exactly."""
        lines = [",".join([_cell(value) for value in row]) + "\n" for row in rows]
        append_text(f"{self._folder}/{table}", "".join(lines))

    def cut(self, time: float) -> None:
        """Take back what was written after `time` (s): a resumed run writes it again."""
        for name in TABLES:
            # What follows the last line end was left half written by a power cut.
            whole, _, _ = (self.path / name).read_text(encoding="utf-8").rpartition("\n")
            header, *lines = whole.split("\n")
            kept = [header, *(line for line in lines if float(line.split(",", 1)[0]) <= time)]
            write_text(self.path / name, "\n".join(kept) + "\n")
        for store in (FIELDS, LINK_SERIES):
            if (self.path / store).exists():
                self._store(store).cut(time)

    # -- the rest ---------------------------------------------------------------

    def write_table(self, name: str, content: Any) -> None:
        """Write a JSON file of the folder whole."""
        write_json(self.path / name, content)

    def write_features(self, name: str, frame: gpd.GeoDataFrame) -> None:
        """Write a GeoPackage of the folder whole (``features/buildings.gpkg`` …)."""
        made = io.BytesIO()  # on a full disk GDAL tells of tables that are not there
        frame.to_file(made, layer=Path(name).stem, driver="GPKG", engine="pyogrio")
        write_bytes(self.path / name, made.getbuffer())

    def logger(self) -> logging.Logger:
        """A logger that writes to log.txt."""
        log = logging.getLogger(f"twin.run.{self.path}")
        log.setLevel(logging.INFO)
        log.propagate = False
        if not log.handlers:
            handler = _LogFile(self.path / "log.txt", encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            log.addHandler(handler)
        return log

    def close(self) -> None:
        """Let go of the log file."""
        log = logging.getLogger(f"twin.run.{self.path}")
        for handler in list(log.handlers):
            handler.close()
            log.removeHandler(handler)


class _LogFile(logging.FileHandler):
    """log.txt. A full disk is told by what the run could not write, not by the line about it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):  # it tries to write the same line again
            super().close()


def _cell(value: object) -> str:
    """A value in a CSV table, as the module csv writes it, in half of its time."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else repr(float(value))
    return "" if value is None else str(value)


@lru_cache(1024)
def _quoted(text: str) -> str:
    """Names of gauges and sections, which come again in every row."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow((text, ""))  # alone, an empty text would be quoted
    return line.getvalue()[:-2]


def _create_map(path: Path, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    variable = VARIABLES[path.name]
    attributes: dict[str, Any] = {
        "units": variable.unit,
        "long_name": variable.label("en"),
        "label_fr": variable.label("fr"),
    }
    if variable.cf_name:
        attributes["standard_name"] = variable.cf_name
    if "x" in variable.dims:
        attributes["grid_mapping"] = "crs"
    create_map(path, shape, chunks, variable.dtype, variable.dims, attributes)


def _create_time(path: Path, times: Sequence[float], start: str) -> None:
    attributes = {"units": f"seconds since {start}", "standard_name": "time", "axis": "T"}
    create_index(path / "time", np.asarray(times, dtype=float), attributes)


def _create_fields(
    path: Path,
    grid: Grid,
    times: Sequence[float],
    start: str,
    variables: Iterable[str],
    static: Mapping[str, Array],
) -> None:
    create_group(
        path,
        {
            "Conventions": "CF-1.8",
            "crs": grid.crs,
            "cell": grid.cell,
            "x_west": grid.x_west,
            "y_north": grid.y_north,
            "start": start,
            "frames": 0,
        },
    )
    _create_time(path, times, start)
    for axis, values in (("x", grid.x), ("y", grid.y)):
        about = {"units": "m", "standard_name": f"projection_{axis}_coordinate", "axis": axis.upper()}
        create_index(path / axis, values, about)
    create_index(path / "crs", np.zeros((), dtype=np.int32), pyproj.CRS(grid.crs).to_cf())
    tile = _tile(grid.shape)
    for name in variables:
        _create_map(path / name, (len(times), *grid.shape), (1, *tile))
    for name, values in static.items():
        _create_map(path / name, grid.shape, tile)
        write_map(path / name, values)


def _tile(shape: tuple[int, ...]) -> tuple[int, int]:
    return min(shape[0], _CHUNK), min(shape[1], _CHUNK)
