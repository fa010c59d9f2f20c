"""Rain that differs from place to place: radar or model fields, on the cells of a grid."""

from __future__ import annotations

import glob
import math
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from twin.domain import Domain
from twin.errors import InputError, suggest, told
from twin.files import file_and_part
from twin.grid import Grid
from twin.scenarios.events import Rainfall
from twin.scenarios.forcing import TIME_UNITS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Units that files name, as a rate (factor to m/s) or as the depth of a time step (factor to m).
RATES = {
    "mm/h": 1e-3 / 3600.0, "mm h-1": 1e-3 / 3600.0, "mm/hr": 1e-3 / 3600.0, "mm hr-1": 1e-3 / 3600.0,
    "mm h^-1": 1e-3 / 3600.0, "mm/s": 1e-3, "mm s-1": 1e-3, "kg m-2 s-1": 1e-3, "kg/m2/s": 1e-3,
    "kg m**-2 s**-1": 1e-3, "m/s": 1.0, "m s-1": 1.0,
}  # fmt: skip
DEPTHS = {
    "mm": 1e-3, "kg m-2": 1e-3, "kg/m2": 1e-3, "kg m**-2": 1e-3, "m": 1.0, "cm": 1e-2, "0.1 mm": 1e-4,
    "0.01 mm": 1e-5,
}  # fmt: skip
NETCDF = (".nc", ".nc4", ".cdf", ".h5")
_STAMP = re.compile(r"(\d{8})[T_-]?(\d{4})(\d{2})?")  # 20261012T0605, 202610120605, 20261012_060500


@dataclass(frozen=True, eq=False)
class RainField:
    """Rain by cell, constant over each interval.

    Attributes
    ----------
    edges : start of each interval and the end of the last, shape (n + 1,) (s since the scenario's start).
    rates : shape (n, p) (m/s), of the p cells of the file that are used.
    index : which of them is nearest to each grid cell, shape (ny, nx).
    start, end : the window of the event (s); no rain outside.
    """

    edges: Floats
    rates: Floats
    index: NDArray[np.int32]
    start: float = -math.inf
    end: float = math.inf
    source: str = field(default="")

    def depth(self, t0: float, t1: float) -> Floats:
        """The exact depth that falls from t0 to t1 on each cell of the file, shape (p,) (m)."""
        a, b = max(t0, self.start, float(self.edges[0])), min(t1, self.end, float(self.edges[-1]))
        out = np.zeros(self.rates.shape[1])
        if b <= a:
            return out
        first = int(np.searchsorted(self.edges, a, side="right")) - 1
        last = int(np.searchsorted(self.edges, b, side="left"))
        for k in range(first, last):
            share = min(b, float(self.edges[k + 1])) - max(a, float(self.edges[k]))
            out += self.rates[k] * share
        return out


@dataclass(frozen=True)
class _Raw:
    """What a file holds: times (s), edges or None, values (n, rows, columns), where its cells are."""

    values: Floats
    times: Floats
    edges: Floats | None
    crs: CRS | None
    x: Floats
    y: Floats
    unit: str


class _Unusable(Exception):
    """Row ``rain.<row>`` of the message table, for the key of the event that it is about."""

    def __init__(self, row: str, hint: str = "", *, key: str = "field", **values: object) -> None:
        super().__init__(row)
        self.row, self.hint, self.key, self.values = row, hint, key, values


def read_rain_field(
    event: Rainfall, key: str, grid: Grid, root: Path, start: datetime, where: str
) -> RainField:
    """Read the field of a rainfall event and find the nearest of its cells for each cell of a grid.

    `event.field` is a NetCDF (``file.nc#variable`` where it has several), a GeoTIFF with a band per time
    (`event.step` apart, from the start of the event) or several (a folder or a pattern) whose names hold
    the UTC time of each, or its begin and its end (ANTILOPE of Météo-France). Scale and offset of a GeoTIFF
    are applied.

    Raises
    ------
    InputError
        The file cannot be read, says neither unit nor CRS where the event does not either, does not cover
        the grid, or holds missing or negative values there.
    """
    assert event.field is not None
    path, variable = file_and_part(event.field, root)
    try:
        if path.suffix.lower() in NETCDF:
            raw = _read_netcdf(path, variable, start)
        else:
            raw = _read_tiffs(path, event, start)
        return _on_grid(raw, event, grid)
    except _Unusable as error:
        said = told(where, f"{key}.{error.key}", f"rain.{error.row}", error.hint, **error.values)
        raise InputError(replace(said, found=f"{path.name}: {said.found}")) from error


def _read_netcdf(path: Path, variable: str, start: datetime) -> _Raw:
    if not path.is_file():
        raise _Unusable("no_netcdf")
    try:
        with xr.open_dataset(path, decode_timedelta=False) as opened:
            data = opened.load()
    except (OSError, ValueError) as error:
        raise _Unusable("bad_netcdf", reason=error) from error
    names = [str(n) for n, v in data.data_vars.items() if v.ndim == 3 and not str(n).endswith("bnds")]
    if variable and variable not in names:
        raise _Unusable("no_variable", suggest(variable, names), name=variable)
    if len(names) != 1 and not variable:
        raise _Unusable("which_variable", names=", ".join(names) or "–")
    found = data[variable or names[0]]
    time_name, y_name, x_name = (str(d) for d in found.dims)
    for axis in (time_name, y_name, x_name):
        if axis not in data.coords:
            raise _Unusable("no_axis", axis=axis)
    tick = str(data[time_name].attrs.get("units", "")).strip()
    times = _seconds(data[time_name].values, start, tick)
    bounds_name = str(data[time_name].attrs.get("bounds", data[time_name].encoding.get("bounds", "")))
    edges = None
    if bounds_name and bounds_name in data:
        bounds = _seconds(data[bounds_name].values.ravel(), start, tick).reshape(-1, 2)
        if not np.array_equal(bounds[1:, 0], bounds[:-1, 1]):
            raise _Unusable("intervals", name=bounds_name)
        edges = np.append(bounds[:, 0], bounds[-1, 1])
    x, y = (np.asarray(data[n].values, dtype=np.float64) for n in (x_name, y_name))
    return _Raw(
        np.asarray(found.values, dtype=np.float64), times, edges, _netcdf_crs(data, found, x_name), x, y,
        str(found.attrs.get("units", "")).strip(),
    )  # fmt: skip


def _netcdf_crs(data: xr.Dataset, found: xr.DataArray, x_name: str) -> CRS | None:
    mapping = str(found.attrs.get("grid_mapping", found.encoding.get("grid_mapping", "")))
    attrs: dict[str, Any] = dict(data[mapping].attrs) if mapping in data.variables else {}
    try:
        for name in ("crs_wkt", "spatial_ref"):
            if name in attrs:
                return CRS.from_user_input(str(attrs[name]))
        if "grid_mapping_name" in attrs:
            return CRS.from_cf(attrs)
        for holder in (found.attrs, data.attrs):
            if "crs" in holder:
                return CRS.from_user_input(str(holder["crs"]))
    except CRSError as error:
        raise _Unusable("bad_crs", key="crs", reason=error) from error
    degrees = str(data[x_name].attrs.get("units", "")).lower()
    return CRS.from_epsg(4326) if degrees.startswith("degree") or x_name in ("lon", "longitude") else None


def _seconds(values: NDArray[Any], start: datetime, unit: str) -> Floats:
    """Times of a file as seconds since the start: numbers in their unit, dates as UTC."""
    if np.issubdtype(values.dtype, np.datetime64):
        origin = np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "ns")
        return np.asarray((values.astype("datetime64[ns]") - origin) / np.timedelta64(1, "s"), np.float64)
    if unit.lower() not in TIME_UNITS:
        raise _Unusable("no_time_unit", unit=unit)
    return np.asarray(values, dtype=np.float64) * TIME_UNITS[unit.lower()]


def _read_tiffs(path: Path, event: Rainfall, start: datetime) -> _Raw:
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in (".tif", ".tiff"))
    else:
        files = sorted(Path(p) for p in glob.glob(str(path)))  # noqa: PTH207 - the pattern may be absolute
    if not files:
        raise _Unusable("no_file")
    bands, times, lattice = [], [], None
    ends: list[float] = []
    crs, unit = None, ""
    for file in files:
        try:
            with rasterio.open(file) as raster:
                here = (raster.crs, raster.transform, raster.shape)
                if lattice is not None and here != lattice:
                    raise _Unusable("other_lattice", file=file.name)
                if raster.transform.b != 0 or raster.transform.d != 0:
                    raise _Unusable("turned", file=file.name)
                lattice = here
                read = raster.read(masked=True).astype(np.float64).filled(np.nan)
                read = read * np.reshape(raster.scales, (-1, 1, 1)) + np.reshape(raster.offsets, (-1, 1, 1))
                bands.append(read)
                unit = unit or (raster.units[0] or "")
        except (rasterio.errors.RasterioError, ValueError) as error:
            raise _Unusable("bad_tiff", file=file.name, reason=error) from error
        if len(files) > 1:
            stamps = _stamps(file.stem)
            if not stamps or read.shape[0] != 1:
                raise _Unusable("no_stamp", file=file.name)
            times.append((stamps[0] - start).total_seconds())
            ends += [(stamp - start).total_seconds() for stamp in stamps[1:2]]
    assert lattice is not None
    values = np.concatenate(bands)
    if len(files) == 1:
        if event.step is None:
            raise _Unusable("no_times", key="step")
        times = [max(event.window[0], 0.0) + k * event.step for k in range(values.shape[0])]
    crs = None if lattice[0] is None else CRS.from_user_input(lattice[0].to_wkt())
    transform, (rows, columns) = lattice[1], lattice[2]
    order = np.argsort(times)
    edges = None
    if len(ends) == len(times):
        edges = np.append(np.asarray(times)[order], np.asarray(ends)[order][-1])
        if not np.array_equal(edges[1:-1], np.asarray(ends)[order][:-1]):
            raise _Unusable("intervals", name="YYYYMMDDhhmm")
    return _Raw(
        values[order], np.asarray(times)[order], edges, crs,
        transform.c + transform.a * (np.arange(columns) + 0.5),
        transform.f + transform.e * (np.arange(rows) + 0.5), unit.strip(),
    )  # fmt: skip


def _stamps(name: str) -> list[datetime]:
    """The times (UTC) that a name holds; digits that are no date are none."""
    out = []
    for stamp in _STAMP.finditer(name):
        try:
            out.append(datetime.strptime("".join(g or "00" for g in stamp.groups()), "%Y%m%d%H%M%S"))
        except ValueError:
            continue
    return [instant.replace(tzinfo=UTC) for instant in out]


def _edges(raw: _Raw, event: Rainfall) -> Floats:
    """Interval of each value: bounds of the file, else from its time to the next one (or the reverse)."""
    if raw.edges is not None:
        return raw.edges
    if (np.diff(raw.times) <= 0).any():
        raise _Unusable("not_later")
    step = event.step
    if step is None:
        if raw.times.size < 2:
            raise _Unusable("one_time", key="step")
        step = float(raw.times[-1] - raw.times[-2] if event.label == "start" else raw.times[1] - raw.times[0])
    if event.label == "end":
        return np.concatenate([[raw.times[0] - step], raw.times])
    return np.concatenate([raw.times, [raw.times[-1] + step]])


def _on_grid(raw: _Raw, event: Rainfall, grid: Grid) -> RainField:
    edges = _edges(raw, event)
    unit = event.unit or raw.unit
    if unit in RATES:
        factor = np.full(edges.size - 1, RATES[unit])
    elif unit in DEPTHS:
        factor = DEPTHS[unit] / np.diff(edges)
    else:
        raise _Unusable("no_unit", key="unit", unit=unit)
    try:
        crs = CRS.from_user_input(event.crs) if event.crs else raw.crs
    except CRSError as error:
        raise _Unusable("other_crs", key="crs", crs=event.crs) from error
    if crs is None:
        raise _Unusable("no_crs", key="crs")
    x, y = np.meshgrid(grid.x, grid.y)
    target = CRS.from_user_input(grid.crs)
    if crs != target:
        x, y = Transformer.from_crs(target, crs, always_xy=True).transform(x, y)
    i, inside_y = _nearest(raw.y, y)
    j, inside_x = _nearest(raw.x, x)
    covered = inside_x & inside_y
    used, index = np.unique(np.where(covered, i * raw.x.size + j, -1), return_inverse=True)
    outside = int((~covered).sum())
    values = raw.values.reshape(raw.values.shape[0], -1)[:, np.maximum(used, 0)]
    values[:, used < 0] = np.nan
    missing = ~np.isfinite(values)
    if missing.any():
        if event.missing == "error":
            raise _Unusable(
                "missing", 'missing = "zero"', outside=outside, count=int(missing[:, used >= 0].sum())
            )
        values = np.where(missing, 0.0, values)
    if (values < 0).any():
        raise _Unusable("negative", low=f"{values.min():g}")
    return RainField(
        edges, values * factor[:, None], index.reshape(grid.shape).astype(np.int32),
        source=event.field or "",
    )  # fmt: skip


def _nearest(centres: Floats, at: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """Index of the nearest centre along one axis (either direction), and whether it is that cell at all."""
    order = np.argsort(centres)
    ordered = centres[order]
    if ordered.size == 1:
        return np.zeros(at.shape, dtype=np.int64), np.isfinite(at)
    middle = 0.5 * (ordered[1:] + ordered[:-1])
    low, high = ordered[0] - (middle[0] - ordered[0]), ordered[-1] + (ordered[-1] - middle[-1])
    inside: NDArray[np.bool_] = (at >= low) & (at <= high)
    return order[np.searchsorted(middle, at)].astype(np.int64), inside


def rain_fields(domain: Domain, scenario: Any) -> list[RainField]:
    """The gridded rain of a scenario.

    Raises
    ------
    InputError
        See `read_rain_field`; or not a moment of the field is in the run and in the window of its event.
    """
    found = []
    for number, event in enumerate(scenario.events, start=1):
        if isinstance(event, Rainfall) and event.field is not None:
            grid, key = domain.require_grid("rain_field"), f"events[{number}]"
            rain = read_rain_field(event, key, grid, scenario.root, scenario.start, scenario.where)
            start, end = event.window
            begin, over = max(start, 0.0), min(end, scenario.duration)
            first, last = rain.edges[0], rain.edges[-1]
            if not max(first, begin) < min(last, over):
                span = {"first": f"{first:g}", "last": f"{last:g}", "begin": f"{begin:g}", "end": f"{over:g}"}
                raise InputError(told(scenario.where, f"{key}.field", "scenario.field_beside", **span))
            found.append(replace(rain, start=start, end=end))
    return found
