"""From a commune or a box to a territory folder: what `twin fetch` does."""

from __future__ import annotations

import math
import re
import shlex
import shutil
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
import tomli_w
from pyproj import Transformer

from twin.errors import InputError, listed, suggest, told
from twin.fetch import hubeau as gauges
from twin.fetch import wfs, wms
from twin.fetch.http import Client, FetchError
from twin.fetch.services import FeatureTable, FileTable, Services, Zone
from twin.files import replacing, sha256, write_json, write_text
from twin.grid import Bounds
from twin.layers import archives, hubeau
from twin.layers.files import BESIDE_VECTORS, VECTOR_SUFFIXES
from twin.layers.vector import read_clipped
from twin.messages import text

QUANTITIES: tuple[hubeau.Quantity, ...] = ("H", "Q")
STORE = ".fetch"  # folder of whole answers while a fetch is under way


@dataclass
class _Made:
    """What has been fetched so far."""

    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, Any] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Say = Callable[[str], None]


def fetch(
    directory: Path,
    *,
    commune: str | None = None,
    bbox: Bounds | None = None,
    services: Services | None = None,
    zone: str | None = None,
    margin: float = 0.0,
    cell: float | None = None,
    only: tuple[str, ...] = (),
    say: Say = lambda _: None,
    client_options: dict[str, Any] | None = None,
) -> Path:
    """Fetch a territory; returns its territory.toml. Run again after a cut, it goes on where it stopped.

    Parameters
    ----------
    directory : the territory folder; new, empty, or one whose fetch was cut.
    commune : INSEE code; or bbox : x_min, y_min, x_max, y_max in the CRS of the zone (m).
    margin : m around the commune. cell : m, of the terrain (default: the services').
    only : layers of the territory to fetch (``"terrain"``, ``"roads"`` …, ``"gauges"``); () for all.

    Raises
    ------
    InputError
        Neither or both of commune and bbox, no such commune, a folder with something else in it.
    FetchError
        A service failed; what came whole is kept for the next try.
    """
    services = services or Services.read()
    _check_arguments(directory, commune, bbox, zone, services)
    zone_name = zone or services.zone_of(commune)
    place = services.zones[zone_name]
    store = directory / STORE
    options = {"per_second": services.wfs.per_second, **(client_options or {})}
    client = Client(store, **options)
    made = _Made()
    name = directory.resolve().name
    outline: shapely.Geometry | None = None
    if commune is not None:
        name, outline = _commune(client, services, commune, place.crs)
        x0, y0, x1, y1 = (float(v) for v in shapely.bounds(outline))
        bbox = (x0 - margin, y0 - margin, x1 + margin, y1 + margin)
    assert bbox is not None
    bounds: Bounds = (
        float(math.floor(bbox[0])), float(math.floor(bbox[1])), float(math.ceil(bbox[2])),
        float(math.ceil(bbox[3])),
    )  # fmt: skip
    say(text("fetch.extent", name=name, bounds=", ".join(f"{v:.0f}" for v in bounds)))

    def wanted(*layers: str) -> bool:
        return not only or any(layer in only for layer in layers)

    if wanted("terrain"):
        client.per_second = options.get("per_second", services.wms.per_second)
        _terrain(client, services, place, bounds, directory, made, say, cell)
    client.per_second = options.get("per_second", services.wfs.per_second)
    chosen = [
        table
        for table in services.features
        if wanted(table.serves or table.layer) and (not table.zones or zone_name in table.zones)
    ]
    _features(client, services, chosen, place.crs, bounds, directory, made, say)
    for table in services.files:
        if wanted(table.serves):
            _file(client, table, zone_name, place.crs, bounds, directory, made, say)
    if wanted("gauges"):
        client.per_second = options.get("per_second", services.hubeau.per_second)
        _gauges(client, services, place.crs, bounds, directory, made, say)
    if outline is not None:
        _outline(outline, name, commune or "", place.crs, directory)
        made.places["commune"] = {"source": "commune.gpkg"}
    for note in made.notes:
        say(note)
    write_json(
        directory / "sources.json",
        {"fetched": _now(), "requests": client.requests, "sources": made.sources, "notes": made.notes},
    )
    file = directory / "territory.toml"
    write_text(file, _toml(name, place, bounds, made))
    shutil.rmtree(store, ignore_errors=True)
    say(text("fetch.done", path=file, quoted=shlex.quote(str(file)), requests=client.requests))
    return file


def _check_arguments(
    directory: Path, commune: str | None, bbox: Bounds | None, zone: str | None, services: Services
) -> None:
    problems = []
    if (commune is None) == (bbox is None):
        problems.append(told("twin fetch", "", "fetch.one_of"))
    if commune is not None and not re.fullmatch(r"(?:\d\d|2[AB])\d{3}", commune.upper()):
        problems.append(told("twin fetch", "--commune", "fetch.insee", found=commune))
    if bbox is not None and not (bbox[0] < bbox[2] and bbox[1] < bbox[3]):
        problems.append(told("twin fetch", "--bbox", "fetch.box", found=listed(bbox)))
    if zone is not None and zone not in services.zones:
        hint = suggest(zone, services.zones)
        problems.append(
            told("twin fetch", "--zone", "error.one_of", hint, found=zone, names=listed(services.zones))
        )
    if directory.exists() and (
        not directory.is_dir() or (any(directory.iterdir()) and not (directory / STORE).is_dir())
    ):
        problems.append(told(directory, "", "fetch.occupied"))
    if problems:
        raise InputError(problems)


def _service(services: Services) -> wfs.FeatureService:
    return wfs.FeatureService(services.wfs.url, services.wfs.count, services.wfs.format)


def _commune(client: Client, services: Services, code: str, crs: str) -> tuple[str, shapely.Geometry]:
    table = services.commune
    found = wfs.features(
        client, _service(services), table.type_name, crs=crs, equal=(table.code, code.upper())
    )
    if not found.matched:
        raise InputError(told("twin fetch", "--commune", "fetch.no_commune", found=code))
    outline = shapely.force_2d(shapely.union_all(np.asarray(found.frame.geometry.array, dtype=object)))
    return str(found.frame[table.name].iloc[0]), outline


def _terrain(
    client: Client,
    services: Services,
    zone: Zone,
    bounds: Bounds,
    directory: Path,
    made: _Made,
    say: Say,
    cell: float | None,
) -> None:
    table = services.terrain
    side = cell or table.cell
    service = wms.RasterService(services.wms.url, table.layer, services.wms.format, services.wms.block)
    blocks = list(wms.blocks(bounds, side, services.wms.block))
    suffix = zone.vertical_datum.removeprefix("NGF-")
    tiles = []
    for k, block in enumerate(blocks):
        say(text("fetch.block", done=k + 1, all=len(blocks), layer=table.layer))
        values = wms.fetch_block(client, service, block, side, zone.crs)
        tiles.append(
            wms.write_tile(directory / "terrain", block, values, side, zone.crs, table.nodata, suffix)
        )
    wms.remove_others(directory / "terrain", tiles)
    edition = text("fetch.edition", product=table.product, date=_now()[:10])
    made.layers["terrain"] = {
        "source": "terrain/*.tif", "vertical_datum": zone.vertical_datum, "edition": edition,
        "licence": table.licence,
    }  # fmt: skip
    for tile in tiles:
        _source(made, directory, tile, services.wms.url, table.layer, edition, table.licence)


def _features(
    client: Client,
    services: Services,
    tables: list[FeatureTable],
    crs: str,
    bounds: Bounds,
    directory: Path,
    made: _Made,
    say: Say,
) -> None:
    by_file: dict[str, list[tuple[FeatureTable, gpd.GeoDataFrame]]] = {}
    for table in tables:
        got = wfs.features(
            client, _service(services), table.type_name, crs=crs, bounds=bounds, key=table.key, say=say
        )  # fmt: skip
        made.notes += got.notes
        if not got.matched:
            made.notes.append(text("fetch.nothing_here", type_name=table.type_name))
            continue
        by_file.setdefault(table.file, []).append((table, got.frame))
    for file, parts in by_file.items():
        path = directory / file
        with replacing(path) as temporary:
            for table, frame in parts:
                _write(frame, temporary, table.layer)
        for table, _ in parts:
            _serves(made, directory, path, table, services.wfs.url, table.type_name)


def _file(
    client: Client,
    table: FileTable,
    zone: str,
    crs: str,
    bounds: Bounds,
    directory: Path,
    made: _Made,
    say: Say,
) -> None:
    if table.members and zone not in table.members:
        made.notes.append(text("fetch.nothing_here", type_name=table.product))
        return
    say(text("fetch.file", source=table.source))
    web = urllib.parse.urlsplit(table.source).scheme in ("http", "https")
    given = client.download(table.source, archives.room() / "fetched") if web else Path(table.source)
    try:
        path = _member(given, table.members.get(zone))
    except archives.NoArchiver:
        made.notes.append(text("fetch.no_archiver", product=table.product, path=given))
        return
    except archives.ArchiveError as error:
        raise FetchError(text("fetch.bad_file", source=table.source, reason=error)) from error
    frame = read_clipped(path, table.source_layer, crs, bounds)
    if frame.empty:
        made.notes.append(text("fetch.nothing_here", type_name=table.source))
        return
    target = directory / table.file
    with replacing(target) as temporary:
        _write(frame, temporary, table.layer)
    _serves(made, directory, target, table, table.source, table.layer)
    made.sources[-1]["source_sha256"] = sha256(given)


def _member(given: Path, pattern: str | None) -> Path:
    if not archives.is_archive(given):
        return given
    suffixes = frozenset(VECTOR_SUFFIXES | BESIDE_VECTORS)
    if pattern is not None:
        return archives.member(given, pattern, suffixes)
    try:
        return archives.member(given, "*.gpkg", suffixes)
    except archives.NoMember:
        return archives.member(given, "*.shp", suffixes)


def _write(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    kinds = {kind.removeprefix("Multi") for kind in frame.geometry.geom_type.dropna()}
    pyogrio.write_dataframe(
        frame, path, layer=layer, driver="GPKG", append=path.exists(),
        **({"promote_to_multi": True} if len(kinds) == 1 else {"geometry_type": "Unknown"}),
    )  # fmt: skip


def _serves(
    made: _Made, directory: Path, path: Path, table: FeatureTable | FileTable, url: str, name: str
) -> None:
    edition = text("fetch.edition", product=table.product, date=_now()[:10])
    if table.serves:
        beside = made.layers.get(table.serves, {}).get("source") == table.file
        made.layers[table.serves] = {
            "source": table.file, "layer": table.layer, "edition": edition, "licence": table.licence,
        }  # fmt: skip
        if beside:  # two layers of one file: the reader knows which go together (`layer_names` of ign.toml)
            del made.layers[table.serves]["layer"]
    _source(made, directory, path, url, name, edition, table.licence)


def _gauges(
    client: Client,
    services: Services,
    crs: str,
    bounds: Bounds,
    directory: Path,
    made: _Made,
    say: Say,
) -> None:
    table = services.hubeau
    service = gauges.GaugeService(table.url, table.size)
    degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform_bounds(*bounds)
    place = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    since = (datetime.now(UTC) - timedelta(days=table.days)).strftime("%Y-%m-%dT00:00:00Z")
    licence = "Licence Ouverte / Open Licence Etalab 2.0"
    found = []
    for station in gauges.stations(client, service, degrees):
        x, y = place.transform(station.longitude, station.latitude)
        if not (bounds[0] <= x <= bounds[2] and bounds[1] <= y <= bounds[3]):
            continue  # the box in degrees is a little larger
        found.append((station, x, y))
        say(text("fetch.gauge", name=station.name))
        for quantity in QUANTITIES:
            rows = gauges.observations(client, service, station.code, quantity, since)
            values, unusable = hubeau.series(rows, quantity)
            if unusable:
                made.notes.append(
                    text("fetch.unusable", name=station.name, count=unusable, quantity=quantity)
                )
            if values.empty:
                continue
            if quantity == "H" and math.isfinite(station.zero):
                values = hubeau.level(values, station.zero)
            path = directory / "gauges" / f"{station.code}_{quantity}.csv"
            times = pd.DatetimeIndex(values.index).strftime("%Y-%m-%dT%H:%M:%SZ")
            lines = [f"time,{values.name}"]
            lines += [f"{time},{value:.3f}" for time, value in zip(times, values, strict=True)]
            write_text(path, "\n".join(lines) + "\n")
            _source(made, directory, path, table.url, station.code, text("fetch.edition", product="Hub'Eau",
                    date=_now()[:10]), licence)  # fmt: skip
    if not found:
        made.notes.append(text("fetch.nothing_here", type_name="Hub'Eau"))
    for station, x, y in found:
        made.places[f"gauge_{station.code}"] = [round(x, 1), round(y, 1)]


def _outline(outline: shapely.Geometry, name: str, code: str, crs: str, directory: Path) -> None:
    frame = gpd.GeoDataFrame({"name": [name], "code_insee": [code]}, geometry=[outline], crs=crs)
    with replacing(directory / "commune.gpkg") as temporary:
        pyogrio.write_dataframe(frame, temporary, layer="commune", driver="GPKG", promote_to_multi=True)


def _source(
    made: _Made, directory: Path, path: Path, url: str, name: str, edition: str, licence: str
) -> None:
    made.sources.append(
        {
            "file": str(path.relative_to(directory)),
            "sha256": sha256(path),
            "url": url,
            "name": name,
            "edition": edition,
            "licence": licence,
        }
    )


def _toml(name: str, zone: Zone, bounds: Bounds, made: _Made) -> str:
    table: dict[str, Any] = {
        "name": name,
        "crs": zone.crs,
        "vertical_datum": zone.vertical_datum,
        "extent": list(bounds),
        "layers": made.layers,
    }
    if made.places:
        table["places"] = made.places
    return f"# {text('fetch.written', date=_now()[:10])}\n{tomli_w.dumps(table)}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


__all__ = ["FetchError", "Services", "fetch"]
