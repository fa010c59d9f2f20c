"""Tables between zones: trips from CSV, OMX, TNTP, GeoPackage; Open Matrix to write. Zones go by names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from twin.errors import InputError, Problems, listed, reason, shown, suggest, told
from twin.files import replacing
from twin.solvers.traffic.demand import read_trips_csv
from twin.solvers.traffic.problem import Trips
from twin.solvers.traffic.tntp import read_trips as read_tntp

READERS = (".csv", ".omx", ".tntp", ".gpkg")


def read_trips_file(path: Path, names: tuple[str, ...], key: str, table: str | None = None) -> Trips:
    """Trips between named zones from a file, by its suffix.

    CSV: columns from, to, trips. OMX: the matrix `table` (the only one, if left out), rows and columns named
    by its lookup (of several, the one with the names of the zones), or in the order of the zones where it has
    none. TNTP: zone k of the file is the k-th zone.
    GeoPackage: the layer `table` with the columns from, to, trips (desire lines).

    Raises
    ------
    InputError
        Another suffix, a file that cannot be read, zones that are not known; all at once for one file.
    """
    suffix = path.suffix.lower()
    if suffix == ".omx":
        return read_omx(path, names, key, table)
    if suffix == ".gpkg":
        return read_geopackage(path, names, key, table)
    if suffix == ".tntp":
        trips = read_tntp(path)
        if trips.zones != len(names):
            raise InputError(told(path, key, "traffic.zones", count=trips.zones, wanted=len(names)))
        return trips
    if suffix == ".csv":
        return read_trips_csv(path, names, key)
    raise InputError(told(path, key, "traffic.matrix_file", found=suffix, names=listed(READERS)))


def read_omx(path: Path, names: tuple[str, ...], key: str, table: str | None = None) -> Trips:
    """Trips from an Open Matrix file (HDF5; ``/data/<table>``, zone names in ``/lookup``)."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(told(path, key, "traffic.not_omx", reason=reason(error))) from None
    with file:
        data = file.get("data")
        tables = [] if data is None else [k for k, v in data.items() if isinstance(v, h5py.Dataset)]
        if table is None and len(tables) == 1:
            table = tables[0]
        if table not in tables:
            hint = suggest(table, tables) if table else ""
            given = listed(tables) if table is None else shown(table)
            raise InputError(told(path, key, "traffic.which_matrix", hint, given=given))
        matrix = np.asarray(data[table][...], np.float64)
        lookups = {
            name: [v.decode("utf-8").strip() if isinstance(v, bytes) else str(v) for v in raw[...].tolist()]
            for name, raw in file.get("lookup", {}).items()
            if isinstance(raw, h5py.Dataset)
        }
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(told(path, key, "traffic.not_square", shape=matrix.shape))
    origin, destination = np.nonzero(matrix)
    ends = np.union1d(origin, destination)
    if not lookups and len(matrix) != len(names):
        raise InputError(told(path, key, "traffic.nameless_zones", count=len(matrix), wanted=len(names)))
    labels = _labels(path, key, lookups, ends, len(matrix), names) if lookups else names
    number = _numbers(path, key, [labels[k] for k in ends], names)
    of = np.full(len(labels), -1, np.int64)
    of[ends] = number
    return Trips.from_pairs(
        len(names), of[origin], of[destination], matrix[origin, destination], str(path), key
    )


def _labels(
    path: Path, key: str, lookups: dict[str, list[str]], ends: np.ndarray, size: int, names: Sequence[str]
) -> Sequence[str]:
    """The lookup that names the zones with trips, `ends`; an only one whether it does or not.

    Raises
    ------
    InputError
        None does, or two that do not agree; labels that are fewer than the rows, or come twice.
    """
    known = set(names)
    usable, problems = {}, Problems()
    for name, labels in lookups.items():
        where = f"{path}: lookup/{name}"
        if len(labels) != size:
            problems.tell(where, key, "traffic.labels", count=len(labels), wanted=size)
        elif len(set(labels)) < size:
            twice = next(label for label in labels if labels.count(label) > 1)
            problems.tell(where, key, "traffic.zone_twice", name=twice)
        else:
            usable[name] = labels
    if len(lookups) == 1:
        problems.raise_if_any()
        return next(iter(usable.values()))
    fitting = [labels for labels in usable.values() if known.issuperset(labels[k] for k in ends)]
    if len({tuple(labels[k] for k in ends) for labels in fitting}) != 1:
        problems.tell(path, key, "traffic.which_lookup", given=listed(lookups))
        problems.raise_if_any()
    return fitting[0]


def write_omx(path: Path, names: Sequence[str], tables: dict[str, np.ndarray]) -> Path:
    """Write tables (z, z) as an Open Matrix file, version 0.2 (github.com/osPlanning/omx), zones named by the
    lookup ``zone``.
    """
    import h5py

    zones = len(names)
    with replacing(path) as aside, h5py.File(aside, "w") as file:
        file.attrs["OMX_VERSION"] = np.bytes_("0.2")
        file.attrs["SHAPE"] = np.array([zones, zones], np.int32)
        for name, table in tables.items():
            file.create_dataset(f"data/{name}", data=table, compression="gzip", compression_opts=1)
        file.create_dataset("lookup/zone", data=np.array([name.encode() for name in names]))
    return path


def read_geopackage(path: Path, names: tuple[str, ...], key: str, layer: str | None = None) -> Trips:
    """Trips from a GeoPackage layer with the columns from, to and trips; its geometry is not looked at."""
    import pyogrio

    try:
        frame = pyogrio.read_dataframe(path, layer=layer, read_geometry=False)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(told(path, key, "traffic.not_gpkg", reason=error)) from None
    frame.columns = [str(c).lower() for c in frame.columns]
    problems = Problems()
    for wanted in ("from", "to", "trips"):
        if wanted not in frame.columns:
            problems.tell(path, key, "traffic.no_column", columns=listed(frame.columns), wanted=wanted)
    problems.raise_if_any()
    ends = _numbers(path, key, [*frame["from"].astype(str), *frame["to"].astype(str)], names)
    values = frame["trips"].to_numpy(np.float64, na_value=np.nan)
    return Trips.from_pairs(len(names), ends[: len(frame)], ends[len(frame) :], values, str(path), key)


def _numbers(path: Path, key: str, labels: Sequence[str], names: tuple[str, ...]) -> np.ndarray:
    known = {name: k for k, name in enumerate(names)}
    problems = Problems()
    for label in dict.fromkeys(label for label in labels if label not in known):
        problems.tell(path, key, "traffic.no_zone", suggest(label, known), found=label)
    problems.raise_if_any()
    return np.array([known[label] for label in labels], np.int64)
