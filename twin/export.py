"""What a run becomes in other tools: GeoTIFF, NetCDF, GeoPackage. Everything opens in QGIS by double click.

Files appear whole or not at all (written under a temporary name, then renamed).
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
from numpy.typing import NDArray

import twin
from twin import qml
from twin.cog import NODATA, map_note, write_cog
from twin.errors import InputError, TwinError, listed, suggest, told
from twin.features import WET_DEPTH
from twin.files import replacing, write_text
from twin.flood_polygons import depth_zones, flood_polygons
from twin.messages import text
from twin.variables import FIELD, MAP, VARIABLES
from twin.water import max_water_depth

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result


def export(result: Result, to: str, path: str | Path | None = None, *, by_cells: bool = False) -> list[Path]:
    """Write a run in the format of other tools.

    Parameters
    ----------
    result : the run.
    to : ``geotiff`` (a folder: one Cloud-Optimised GeoTIFF with its QGIS style per field on the
        grid), ``netcdf`` (one CF-1.8 file with everything on the grid), ``gpkg`` (one GeoPackage
        with styles: COVADIS-named flood polygons, roads and buildings with what happened to them),
        ``covadis`` (a folder of shapefiles as the standard Directive inondation exchanges them) or ``fine``
        (a GeoTIFF of the largest depth over the fine terrain of a subgrid run: `twin.export_fine`).
    path : the folder or file; default: in the folder ``export`` of the run. A folder that is there already
        takes the file, or a folder ``covadis``, into it; an earlier delivery of the same run is replaced.
    by_cells : polygons of ``gpkg`` and ``covadis`` along the cells of the model, by the mean depth of each,
        where the run has subgrid too; such a run has them over its fine terrain, which is read again.

    Returns
    -------
    list of Path
        The files written (without the styles beside GeoTIFFs).

    Raises
    ------
    InputError
        The format is not known; the fine terrain of a subgrid run is no longer there or another
        (``fine``, ``gpkg``, ``covadis``).
    TwinError
        The run has nothing on a grid to export.
    """
    formats: dict[str, tuple[Callable[[Result, Path], list[Path]], str]] = {
        "geotiff": (geotiff, "geotiff"),
        "netcdf": (netcdf, f"{result.path.name}.nc"),
        "gpkg": (partial(gpkg, by_cells=by_cells), f"{result.path.name}.gpkg"),
        "covadis": (partial(covadis, by_cells=by_cells), "covadis"),
        "fine": (_fine, f"{result.path.name}_fine.tif"),
    }
    if to not in formats:
        hint = suggest(to, formats)
        raise InputError(told("export", "to", "error.one_of", hint, found=to, names=listed(formats)))
    if not result.has_fields:
        raise TwinError(f"{result.path}: {text('export.no_fields')}")
    write, name = formats[to]
    target = Path(path) if path is not None else result.path / "export" / name
    ours = path is None or (to == "covadis" and _is_delivery(target, result))
    if to != "geotiff" and not ours and target.is_dir():
        target = target / name
    return write(result, target)


def _fine(result: Result, path: Path) -> list[Path]:
    from twin.export_fine import fine  # reads the territory again, as no other format does

    return fine(result, path)


# -- GeoTIFF ------------------------------------------------------------------------


def geotiff(result: Result, folder: Path) -> list[Path]:
    """One Cloud-Optimised GeoTIFF (float32, nodata −9999, unit, name) and its .qml per field on the grid."""
    names = [n for n, v in VARIABLES.items() if v.dims == MAP and n in result.fields]
    written = []
    for name in names:
        values = np.asarray(result.fields[name].values, dtype=np.float32)
        target = folder / f"{name}.tif"
        _cog(result, name, values, target)
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        write_text(target.with_suffix(".qml"), qml.raster(name, low, high))
        written.append(target)
    return written


def _cog(result: Result, name: str, values: NDArray[np.float32], target: Path) -> None:
    filled = np.where(np.isfinite(values), values, np.float32(NODATA))
    write_cog(result, name, result.grid, target, lambda file: file.write(filled, 1))


# -- NetCDF ---------------------------------------------------------------------------


def netcdf(result: Result, path: Path) -> list[Path]:
    """One NetCDF-4 file, CF-1.8: every field on the grid, frame by frame, with its grid mapping."""
    import h5netcdf

    grid, fields = result.grid, result.fields
    names = [n for n, v in VARIABLES.items() if v.dims in (FIELD, MAP) and n in fields]
    start = _start(result).astimezone(UTC)
    with replacing(path) as temporary, h5netcdf.File(temporary, "w") as file:
        file.attrs["Conventions"] = "CF-1.8"
        file.attrs["title"] = result.name
        file.attrs["source"] = f"Twin {twin.__version__}"
        file.attrs["comment"] = map_note(result)
        file.attrs["status"] = result.status
        file.attrs["simulated_s"] = float(result.times[-1]) if result.times.size else 0.0
        file.attrs["history"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} twin export"
        file.dimensions = {"time": int(fields.sizes["time"]), "y": grid.ny, "x": grid.nx}
        _axis(file, "x", grid.x, units="m", standard_name="projection_x_coordinate", axis="X")
        _axis(file, "y", grid.y, units="m", standard_name="projection_y_coordinate", axis="Y")
        since = f"seconds since {start:%Y-%m-%d %H:%M:%S}"
        _axis(file, "time", result.times, units=since, standard_name="time", calendar="standard", axis="T")
        mapping = file.create_variable("crs", (), "i4", data=np.int32(0))
        for key, value in pyproj.CRS(grid.crs).to_cf().items():
            mapping.attrs[key] = value
        mapping.attrs["spatial_ref"] = pyproj.CRS(grid.crs).to_wkt()  # where GDAL looks first
        mapping.attrs["GeoTransform"] = " ".join(repr(float(v)) for v in grid.transform.to_gdal())
        for name in names:
            _field(file, result, name)
    return [path]


def _axis(file: Any, name: str, values: NDArray[Any], **attributes: str) -> None:
    variable = file.create_variable(name, (name,), "f8", data=np.asarray(values, dtype=np.float64))
    for key, value in attributes.items():
        variable.attrs[key] = value


def _field(file: Any, result: Result, name: str) -> None:
    about, values = VARIABLES[name], result.fields[name]
    grid = result.grid
    frames = (1,) if about.dims == FIELD else ()
    variable = file.create_variable(
        name,
        about.dims,
        "f4",
        fillvalue=np.float32(NODATA),
        chunks=(*frames, min(grid.ny, 512), min(grid.nx, 512)),
        compression="gzip",
        compression_opts=4,
        shuffle=True,
    )
    variable.attrs["units"] = about.unit
    variable.attrs["long_name"] = about.label("en")
    variable.attrs["label_fr"] = about.label("fr")
    variable.attrs["grid_mapping"] = "crs"
    if about.cf_name:
        variable.attrs["standard_name"] = about.cf_name
    if about.dims == MAP:
        variable[...] = _filled(values.values)
    else:
        for k in range(values.sizes["time"]):  # a whole run may not fit in memory
            variable[k] = _filled(values.isel(time=k).values)


def _filled(values: NDArray[Any]) -> NDArray[np.float32]:
    narrow = np.asarray(values, dtype=np.float32)
    return np.where(np.isfinite(narrow), narrow, np.float32(NODATA))


# -- GeoPackage -------------------------------------------------------------------------


def gpkg(result: Result, path: Path, *, by_cells: bool = False) -> list[Path]:
    """One GeoPackage: flood polygons named as COVADIS does, roads, buildings; QGIS styles inside.

    `inondable_s` holds the polygons of water (maximum above 0.05 m, permanent water included, as
    the standard has it); `iso_ht_s` divides them by the depth bounds of the standard, without gap or
    overlap. What only a person knows (``typ_inond``, ``scenario``, ``id_tri`` …) is left empty.

    Raises
    ------
    TwinError
        The run has no water depth.
    """
    water, bounds = _flood(result, by_cells=by_cells)
    layers: dict[str, tuple[gpd.GeoDataFrame, str]] = {
        "inondable_s": (water, qml.flooded()),
        "iso_ht_s": (bounds, qml.iso_depth()),
    }
    roads, buildings = result.roads, result.buildings
    if roads is not None and "max_water_depth" in roads:
        layers["troncon_de_route_impact"] = (_roads(result, roads), qml.roads(result.closure_depth))
    if buildings is not None and "max_water_depth" in buildings:
        layers["batiment_impact"] = (_buildings(result, buildings), qml.buildings())
    with replacing(path) as temporary:
        for name, (frame, _) in layers.items():
            kind = "MultiPolygon" if name.endswith("_s") or name == "batiment_impact" else None
            frame.to_file(
                temporary,
                layer=name,
                driver="GPKG",
                engine="pyogrio",
                geometry_type=kind,
                promote_to_multi=kind is not None,
            )
        layer_styles(temporary, {name: style for name, (_, style) in layers.items()}, map_note(result))
    return [path]


def covadis(result: Result, folder: Path, *, by_cells: bool = False) -> list[Path]:
    """INONDABLE and ISO_HT as shapefiles of the standard; what only a person knows is left null.

    The names have the run's for the TRI and 000 for the department: both are to be filled in by who delivers.

    Raises
    ------
    TwinError
        The run has no water depth.
    """
    from twin.layers import covadis as standard

    water, bounds = _flood(result, by_cells=by_cells)
    layers = {"INONDABLE": water, "ISO_HT": bounds}
    return standard.write(layers, folder, territory=_name_of_delivery(result), department="000")


def _name_of_delivery(result: Result) -> str:
    """The run's name as the standard has names: capitals, figures and underscores, 20 at most."""
    plain = unicodedata.normalize("NFKD", result.name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Z0-9]+", "_", plain.upper()).strip("_")[:20] or "RUN"


def _is_delivery(folder: Path, result: Result) -> bool:
    """Whether a folder holds an earlier delivery of the run and nothing else."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    ours = re.compile(rf"N_TRI_{_name_of_delivery(result)}_(INONDABLE|ISO_HT)_S_000\.\w+")
    return bool(names) and all(ours.fullmatch(name) for name in names)


def _flood(result: Result, *, by_cells: bool) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Polygons of the largest depth: over the fine terrain where the run has it."""
    from twin.export_fine import fine_zones
    from twin.fine_ground import has_fine_ground

    depth = max_water_depth(result)
    if depth is None:
        raise TwinError(f"{result.path}: {text('map.no_depth')}")
    if has_fine_ground(result) and not by_cells:
        return flood_polygons(*fine_zones(result), result.name)
    return flood_polygons(depth_zones(depth), result.grid, result.name)


def _roads(result: Result, roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    names = {
        "road_id": "cleabs",
        "name": "nom",
        "nature": "nature",
        "importance": "importance",
        "level": "position_par_rapport_au_sol",
        "max_water_depth": "hauteur_eau_max_m",
        "cut_length_m": "longueur_coupee_m",
        "cut_from_s": "coupe_de_s",
        "cut_to_s": "coupe_a_s",
    }
    out = roads[[n for n in names if n in roads] + ["geometry"]].rename(columns=names)
    out["coupe"] = out["hauteur_eau_max_m"].to_numpy(dtype=float) >= result.closure_depth
    for seconds, moment in (("coupe_de_s", "coupe_de"), ("coupe_a_s", "coupe_a")):
        if seconds in out:
            out[moment] = _moments(result, out[seconds].to_numpy(dtype=float))
    return out


def _buildings(result: Result, buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    names = {
        "building_id": "cleabs",
        "nature": "nature",
        "use": "usage_1",
        "height": "hauteur",
        "floors": "nombre_d_etages",
        "dwellings": "nombre_de_logements",
        "residents": "habitants",
        "ground_elevation": "altitude_minimale_sol",
        "max_water_depth": "hauteur_eau_max_m",
        "arrival_time": "arrivee_s",
    }
    out = buildings[[n for n in names if n in buildings] + ["geometry"]].rename(columns=names)
    out["touche"] = out["hauteur_eau_max_m"].to_numpy(dtype=float) > WET_DEPTH
    if "arrivee_s" in out:
        out["arrivee"] = _moments(result, out["arrivee_s"].to_numpy(dtype=float))
    return out


def _start(result: Result) -> datetime:
    return datetime.fromisoformat(str(result.fields.attrs["start"]))


def _moments(result: Result, seconds: NDArray[np.float64]) -> Any:
    """Date-times of the local clock (ISO 8601 with its offset) as text; missing for NaN."""
    import pandas as pd

    start = _start(result)
    written = [
        (start + timedelta(seconds=float(s))).isoformat(timespec="seconds") if np.isfinite(s) else None
        for s in seconds
    ]
    return pd.array(written, dtype="string")


def layer_styles(path: Path, styles: dict[str, str], note: str) -> None:
    """The table in which QGIS keeps styles inside a GeoPackage; each one the default of its layer. The note
    goes with each layer and its style.
    """
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    database = sqlite3.connect(path)
    try:
        with database:
            database.execute(
                "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
                "f_table_catalog TEXT, f_table_schema TEXT, f_table_name TEXT, f_geometry_column TEXT, "
                "styleName TEXT, styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, "
                "owner TEXT, ui TEXT, update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"
            )
            database.execute(
                "INSERT INTO gpkg_contents "
                "(table_name, data_type, identifier, description, last_change, srs_id) "
                "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
                (now,),
            )
            database.executemany(
                "UPDATE gpkg_contents SET description = ? WHERE table_name = ?", [(note, n) for n in styles]
            )
            columns = dict(database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
            database.executemany(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
                "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, "
                "update_time) "
                "VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '', ?)",
                [(name, columns[name], name, style, note, now) for name, style in styles.items()],
            )
    finally:
        database.close()
