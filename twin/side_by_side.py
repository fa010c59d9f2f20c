"""A comparison of runs as files: tables (CSV) and the links that changed (GeoPackage with its QGIS style)."""

from __future__ import annotations

from pathlib import Path

from twin import qml
from twin.cog import map_note
from twin.errors import InputError, told
from twin.export import layer_styles
from twin.files import replacing, write_text
from twin.indicators import Comparison

LAYER = "troncons_trafic"


def write(comparison: Comparison, target: str | Path) -> list[Path]:
    """Write a comparison.

    Parameters
    ----------
    comparison : as `twin.compare` gives it.
    target : a GeoPackage (``.gpkg``: the links alone), or a folder: ``indicators.csv`` and, where first and
        the last run have traffic, ``roads.csv`` (named roads, most gained first), ``links.csv`` and
        ``comparison.gpkg``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        A GeoPackage is wanted and one of the runs has no traffic; or another kind of file is.
    """
    path = Path(target)
    links = comparison.links
    if path.suffix == ".gpkg":
        if links is None:
            raise InputError(told(path, "", "folder.no_traffic"))
        return [_geopackage(comparison, path)]
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
    return written if links is None else [*written, _geopackage(comparison, path / "comparison.gpkg")]


def _geopackage(comparison: Comparison, path: Path) -> Path:
    links = comparison.links
    assert links is not None
    with replacing(path) as temporary:
        links.to_file(temporary, layer=LAYER, driver="GPKG", engine="pyogrio")
        layer_styles(temporary, {LAYER: qml.traffic_change()}, map_note(*comparison.results))
    return path
