"""A comparison of runs as files: tables (CSV), and links, buildings and roads that changed (GeoPackage with
QGIS styles).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twin import qml
from twin.cog import map_note
from twin.errors import InputError, told
from twin.export import layer_styles
from twin.files import replacing, write_text
from twin.indicators import Comparison

if TYPE_CHECKING:
    import geopandas as gpd

LAYER, BUILDINGS, ROADS = "troncons_trafic", "batiments_eau", "routes_eau"
LEAST_CHANGE = 0.01  # m of the greatest depth; less is no change


def write(comparison: Comparison, target: str | Path) -> list[Path]:
    """Write a comparison.

    Parameters
    ----------
    comparison : as `twin.compare` gives it.
    target : a GeoPackage (``.gpkg``), or a folder: ``indicators.csv``; where the first and the last run
        have traffic, ``roads.csv`` (named roads, most gained first) and ``links.csv``; ``comparison.gpkg``
        with what both have: links with traffic, buildings and roads whose greatest depth changed.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        A GeoPackage is wanted and nothing is to be put into it; or another kind of file is.
    """
    path = Path(target)
    links, layers = comparison.links, _layers(comparison)
    if path.suffix == ".gpkg":
        if not layers:
            raise InputError(told(path, "", "folder.no_traffic"))
        return [_geopackage(comparison, layers, path)]
    if path.suffix:
        raise InputError(told(path, "", "folder.or_gpkg", found=path.suffix))
    path.mkdir(parents=True, exist_ok=True)
    tables = {"indicators.csv": comparison.to_csv()}
    if links is not None:
        roads = comparison.roads
        assert roads is not None
        tables["roads.csv"] = roads.to_csv()
        tables["links.csv"] = links.drop(columns="geometry").to_csv(index=False)
    for name, content in tables.items():
        write_text(path / name, content)
    written = [path / name for name in tables]
    return [*written, _geopackage(comparison, layers, path / "comparison.gpkg")] if layers else written


def _layers(comparison: Comparison) -> dict[str, tuple[gpd.GeoDataFrame, str]]:
    """What the first and the last run both have: layer → its features and their QGIS style."""
    links, ends = comparison.links, (comparison.results[0], comparison.results[-1])
    layers = {} if links is None else {LAYER: (links, qml.traffic_change())}
    houses = _deeper([run.buildings for run in ends], "building_id")
    roads = _deeper([run.roads for run in ends], "road_id")
    layers |= {} if houses is None else {BUILDINGS: (houses, qml.depth_change("fill"))}
    layers |= {} if roads is None else {ROADS: (roads, qml.depth_change("line"))}
    return layers


def _deeper(frames: list[gpd.GeoDataFrame | None], key: str) -> gpd.GeoDataFrame | None:
    """The features whose greatest depth changed: its two values and the last minus the first (m)."""
    first, last = (
        None if frame is None or "max_water_depth" not in frame else frame.drop_duplicates(key).set_index(key)
        for frame in frames
    )
    if first is None or last is None:
        return None
    both = first.index.intersection(last.index)
    kept = [name for name in ("name", "nature", "use", "geometry") if name in first]
    out = first.loc[both, kept]
    for column, frame in (("depth_1_m", first), ("depth_2_m", last)):
        out.insert(len(out.columns) - 1, column, frame.loc[both, "max_water_depth"].fillna(0.0))
    out.insert(len(out.columns) - 1, "depth_change_m", out["depth_2_m"] - out["depth_1_m"])
    return out[out["depth_change_m"].abs() > LEAST_CHANGE].reset_index()


def _geopackage(comparison: Comparison, layers: dict[str, tuple[gpd.GeoDataFrame, str]], path: Path) -> Path:
    with replacing(path) as temporary:
        for name, (frame, _) in layers.items():
            kind = {"geometry_type": "MultiPolygon", "promote_to_multi": True} if name == BUILDINGS else {}
            frame.to_file(temporary, layer=name, driver="GPKG", engine="pyogrio", **kind)
        styles = {name: style for name, (_, style) in layers.items()}
        layer_styles(temporary, styles, map_note(*comparison.results))
    return path
