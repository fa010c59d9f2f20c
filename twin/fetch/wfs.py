"""Features of a WFS 2.0 (OGC 09-025r2), page by page, all of them or none."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from shapely.geometry import shape

from twin.fetch.http import Answer, Apart, Client, Damaged, FetchError, with_query
from twin.grid import Bounds
from twin.messages import figure, text

WHOLE = ("int", "integer", "long", "short", "byte", "nonnegativeinteger", "positiveinteger")
NUMBERS = (*WHOLE, "double", "float", "decimal")
FES = "http://www.opengis.net/fes/2.0"


@dataclass(frozen=True)
class FeatureService:
    """A WFS: its address, objects a request, the JSON format's name there."""

    url: str
    count: int = 5000
    format: str = "application/json"


@dataclass
class Fetched:
    """Features, and what had to be said of them."""

    frame: gpd.GeoDataFrame
    matched: int
    pages: int
    notes: list[str] = field(default_factory=list)


def turned(crs: str) -> bool:
    """Whether a CRS counts north (or latitude) first, as WFS 2 and WMS 1.3 then do in a BBOX.

    >>> turned("EPSG:2154"), turned("EPSG:4326"), turned("EPSG:3035")
    (False, True, True)
    """
    return bool(CRS.from_user_input(crs).axis_info[0].direction == "north")


def bbox_of(bounds: Bounds, crs: str) -> str:
    """Bounds (x_min, y_min, x_max, y_max) in the order of axes of a CRS."""
    x0, y0, x1, y1 = bounds
    values = (y0, x0, y1, x1) if turned(crs) else (x0, y0, x1, y1)
    return ",".join(f"{value:.10g}" if abs(value) < 1000 else f"{value:.3f}" for value in values)


def features(
    client: Client,
    service: FeatureService,
    type_name: str,
    *,
    crs: str,
    bounds: Bounds | None = None,
    equal: tuple[str, str] | None = None,
    key: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Fetched:
    """All features of a type within bounds, or with a property that equals a value.

    The number that the service says there are (`numberMatched`) decides when all is there; a service that
    gives shorter pages than asked for is followed at its pace.

    Parameters
    ----------
    key : property that no two features share; pages are sorted by it where it is given, and features that
        come twice are refused.
    say : told about the progress.

    Raises
    ------
    FetchError
        The service fails, its pages do not add up, or its coordinates are not where they were asked.
    """
    query: dict[str, Any] = {
        "SERVICE": "WFS", "VERSION": "2.0.0", "REQUEST": "GetFeature", "TYPENAMES": type_name, "SRSNAME": crs,
    }  # fmt: skip
    if bounds is not None:
        query["BBOX"] = f"{bbox_of(bounds, crs)},{crs}"
    if equal is not None:
        query["FILTER"] = (
            f'<fes:Filter xmlns:fes="{FES}"><fes:PropertyIsEqualTo>'
            f"<fes:ValueReference>{escape(equal[0])}</fes:ValueReference>"
            f"<fes:Literal>{escape(equal[1])}</fes:Literal></fes:PropertyIsEqualTo></fes:Filter>"
        )

    def pages() -> Fetched:
        return _all_pages(client, service, type_name, query, crs, bounds, key, say)

    return client.together(pages)


def _all_pages(
    client: Client,
    service: FeatureService,
    type_name: str,
    query: dict[str, Any],
    crs: str,
    bounds: Bounds | None,
    key: str,
    say: Callable[[str], None],
) -> Fetched:
    matched = client.get(with_query(service.url, **query, RESULTTYPE="hits"), _matched)
    types = client.get(
        with_query(
            service.url, SERVICE="WFS", VERSION="2.0.0", REQUEST="DescribeFeatureType", TYPENAMES=type_name
        ),
        _types,
    )
    query = query | {"OUTPUTFORMAT": service.format} | ({"SORTBY": key} if key else {})
    rows: list[dict[str, Any]] = []
    pages = 0
    while len(rows) < matched:
        url = with_query(service.url, **query, COUNT=service.count, STARTINDEX=len(rows))
        page = client.get(url, _page)
        pages += 1
        if not page:
            raise Apart(
                text(
                    "fetch.short",
                    type_name=type_name,
                    got=figure(len(rows), digits=0),
                    matched=figure(matched, digits=0),
                )
            )
        rows += page
        say(
            text(
                "fetch.page",
                type_name=type_name,
                so_far=figure(len(rows), digits=0),
                all=figure(matched, digits=0),
            )
        )
    if len(rows) > matched:
        raise Apart(
            text(
                "fetch.more",
                type_name=type_name,
                got=figure(len(rows), digits=0),
                matched=figure(matched, digits=0),
            )
        )
    fetched = _checked(rows, matched, pages, type_name, crs, bounds, key)
    fetched.frame = _typed(fetched.frame, types)
    return fetched


def _matched(answer: Answer) -> int:
    found = re.search(rb'numberMatched\s*=\s*["\'](\d+|unknown)["\']', answer.body)
    if found is None:
        raise _explained(answer)
    if found.group(1) == b"unknown":
        raise FetchError(text("fetch.no_count", url=answer.url))
    return int(found.group(1))


def _page(answer: Answer) -> list[dict[str, Any]]:
    try:
        table = json.loads(answer.body)
    except ValueError:
        raise _explained(answer) from None
    if not isinstance(table, dict) or not isinstance(table.get("features"), list):
        raise _explained(answer)
    stated = table.get("numberReturned")
    if isinstance(stated, int) and stated != len(table["features"]):
        raise Damaged(text("fetch.features", got=len(table["features"]), wanted=stated))
    return list(table["features"])


def _types(answer: Answer) -> dict[str, str]:
    """Property → type (``"integer"``, ``"double"`` …) of an XML schema."""
    try:
        root = ElementTree.fromstring(answer.body)
    except ElementTree.ParseError:
        raise _explained(answer) from None
    if not root.tag.endswith("schema"):
        raise _explained(answer)
    return {
        name: element.get("type", "").rpartition(":")[2].lower()
        for element in root.iter("{http://www.w3.org/2001/XMLSchema}element")
        if (name := element.get("name"))
    }


def _typed(frame: gpd.GeoDataFrame, types: dict[str, str]) -> gpd.GeoDataFrame:
    """Columns of the types that the service describes, where its JSON has texts for numbers; "" is null.

    Raises
    ------
    FetchError
        A value is not of its type.
    """
    for name in frame.columns.drop(frame.geometry.name):
        kind = types.get(str(name), "")
        column = frame[name]
        number = kind in NUMBERS
        if not (number or kind == "boolean") or pd.api.types.is_numeric_dtype(column):
            continue
        texts = column.astype(object).where(column.notna(), None)
        texts = texts.where(texts != "", None)
        if kind == "boolean":
            known = {"true": True, "1": True, "false": False, "0": False, "": None, "none": None}
            values = pd.Series([known.get(str(v).lower(), v) for v in texts], index=frame.index, dtype=object)
            bad = [v for v in values if v is not None and not isinstance(v, bool)]
            converted = values if bad else values.astype("boolean")
        else:
            converted = pd.to_numeric(texts, errors="coerce")
            bad = list(texts[converted.isna() & texts.notna()])
            whole = kind in WHOLE and not converted.isna().any()
            converted = converted.astype("int64") if whole and not bad else converted.astype(float)
        if bad:
            raise Apart(text("fetch.not_of_type", column=name, kind=kind, value=str(bad[0])[:40]))
        frame[name] = converted
    return frame


def _explained(answer: Answer) -> Exception:
    """What a service that answers with an exception report says (no use in asking again), else damage."""
    try:
        root = ElementTree.fromstring(answer.body)
    except ElementTree.ParseError:
        return Damaged(text("fetch.other_kind", got=len(answer.body), kind=answer.kind or "?"))
    said = " ".join(" ".join(root.itertext()).split())
    if "exception" in root.tag.lower():
        return FetchError(text("fetch.exception", url=answer.url, said=said[:300]))
    return Damaged(f"<{root.tag}>")


def _checked(
    rows: list[dict[str, Any]],
    matched: int,
    pages: int,
    type_name: str,
    crs: str,
    bounds: Bounds | None,
    key: str,
) -> Fetched:
    notes: list[str] = []
    shapes = [None if row.get("geometry") is None else shape(row["geometry"]) for row in rows]
    table = pd.DataFrame([row.get("properties") or {} for row in rows])
    frame = gpd.GeoDataFrame(table, geometry=shapes, crs=crs)
    if key and len(frame):
        if key not in frame:
            raise FetchError(text("fetch.no_key", type_name=type_name, column=key))
        twice = int(frame[key].duplicated().sum())
        if twice:
            raise Apart(text("fetch.twice", type_name=type_name, count=twice, column=key))
    if bounds is not None and frame.geometry.notna().any():
        window = shapely.box(*bounds)
        geometry = np.asarray(frame.geometry.array, dtype=object)
        if not shapely.intersects(shapely.envelope(geometry), window).any():
            swapped = shapely.transform(shapely.force_2d(geometry), lambda xy: xy[:, ::-1])
            if not shapely.intersects(shapely.envelope(swapped), window).any():
                raise FetchError(text("fetch.elsewhere", type_name=type_name, crs=crs))
            full = [None if g is None else _turn(g) for g in geometry]
            frame = frame.set_geometry(gpd.GeoSeries(full, index=frame.index, crs=crs))
            notes.append(text("fetch.turned", type_name=type_name, crs=crs))
    return Fetched(frame, matched, pages, notes)


def _turn(geometry: shapely.Geometry) -> shapely.Geometry:
    """The two axes exchanged, Z kept."""
    has_z = bool(shapely.has_z(geometry))
    return shapely.transform(
        geometry, lambda c: np.column_stack([c[:, 1], c[:, 0], *c.T[2:]]), include_z=has_z
    )
