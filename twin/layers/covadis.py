"""Flood maps and protection as France exchanges them: COVADIS Directive inondation and PPR, both ways."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.raw
import shapely

from twin.errors import InputError, Problem, listed, reason, told
from twin.files import replacing
from twin.layers import LayerSource, read_layer
from twin.layers.vector import UNREADABLE
from twin.messages import text

_WIDTH = re.compile(r"text\((\d+)\)")
SHAPES = {"S": "Polygon", "L": "LineString", "P": "Point"}


@cache
def tables() -> dict[str, Any]:
    """The content of `covadis.toml`."""
    return tomllib.loads(resources.files("twin.layers").joinpath("covadis.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Delivered:
    """One layer of a delivery.

    Attributes
    ----------
    name : of the file or layer. kind : its class (``"ISO_HT"`` …). scenario : told by the name, or "".
    frame : columns of the standard in lower case with their types, others after them; nulls are nulls.
    remarks : what does not follow the standard.
    """

    name: str
    kind: str
    scenario: str
    frame: gpd.GeoDataFrame
    remarks: tuple[str, ...] = field(default=())


def kind_of(name: str) -> tuple[str, str] | None:
    """Class and scenario that a layer's name tells, or None: it is none of the standard.

    >>> kind_of("N_TRI_JTEST_TOPO_ISO_HT_MOY_S_027")
    ('ISO_HT', '02Moy')
    """
    plain = name.upper()
    for kind in sorted(tables()["classes"], key=len, reverse=True):
        # N_TRI_<tri>_CLASS…; national layers begin with the class: n_inondable_01_02moy_s.
        found = re.search(rf"(?:^|_){kind}(?:_(.*?))?_?[SLP](?:_\w+)?$", plain)
        if found is None and plain.removeprefix("PPR_") == kind:
            return kind, ""
        if found is not None:
            told = found.group(1) or ""
            known = tables()["enumerations"]["scenario"]
            for value in known:
                if value.upper() in told.split("_"):
                    return kind, value
            for short, value in tables()["scenarios"].items():
                if short in told.split("_"):
                    return kind, value
            return kind, ""
    return None


def read(folder: Path, crs: str = "EPSG:2154") -> list[Delivered]:
    """All layers of the standard in a delivery: a folder of shapefiles, or a GeoPackage.

    Raises
    ------
    InputError
        Nothing of the standard is there, or a file cannot be read.
    """
    if folder.is_dir():
        entries = [(path, path.stem) for path in sorted(folder.rglob("*.shp"))]
    else:
        try:
            entries = [(folder, str(name)) for name, _ in pyogrio.list_layers(folder)]
        except UNREADABLE as error:
            raise InputError(told(folder, "source", "layer.unreadable", reason=reason(error))) from error
    out = []
    for path, layer in entries:
        kind = kind_of(layer)
        if kind is not None:
            out.append(_read_one(path, layer, *kind, crs))
    if not out:
        raise InputError(told(folder, "", "covadis.nothing", names=listed(sorted(tables()["classes"]))))
    return out


def _read_one(path: Path, layer: str, kind: str, scenario: str, crs: str) -> Delivered:
    source = LayerSource(source=str(path), layer=layer if path.suffix.lower() != ".shp" else None)
    frame = read_layer("flood_marks", source, root=path.parent, crs=crs).data
    assert isinstance(frame, gpd.GeoDataFrame)
    rule = tables()["classes"][kind]
    remarks: list[str] = []
    # Where `long_names` has lengthened a name of the standard (nom → nom_officiel), back to the standard's.
    back = {"nom_officiel": "nom"}
    frame = frame.rename(columns={k: v for k, v in back.items() if v in rule["columns"] and k in frame})
    for column, type_name in rule["columns"].items():
        if column not in frame:
            remarks.append(text("covadis.missing", column=column.upper()))
            continue
        frame[column], wrong = _typed(frame[column], type_name)
        if wrong:
            remarks.append(text("covadis.not_of_type", column=column.upper(), count=wrong, kind=type_name))
        known = tables()["enumerations"].get(column)
        if known is not None and not (column == "vitesse" and type_name == "number"):
            strange = sorted({str(v) for v in frame[column].dropna() if v not in known})
            if strange:
                remarks.append(text("covadis.strange", column=column.upper(), values=", ".join(strange[:5])))
    if {"ht_min", "ht_max"} <= set(frame.columns):
        turned = int((frame["ht_max"] <= frame["ht_min"]).sum())
        if turned:
            remarks.append(text("covadis.turned", count=turned))
    key = rule["key"]
    if key in frame and frame[key].duplicated().any():
        remarks.append(text("covadis.twice", column=key.upper(), count=int(frame[key].duplicated().sum())))
    columns = [c for c in rule["columns"] if c in frame]
    others = [c for c in frame.columns if c not in columns and c != "geometry"]
    return Delivered(layer, kind, scenario, frame[[*columns, *others, "geometry"]], tuple(remarks))


def _typed(values: pd.Series, kind: str) -> tuple[pd.Series, int]:
    """Values of a type of the standard, and how many could not be (null then)."""
    given = values.notna()
    out: pd.Series[Any]
    if kind == "number":
        out = pd.to_numeric(values.astype(object).where(given, None), errors="coerce").astype(float)
    elif kind == "date":
        out = pd.to_datetime(values, errors="coerce", utc=False)
    elif kind == "flag":
        words = {"t": "T", "f": "F", "true": "T", "false": "F", "oui": "T", "non": "F", "1": "T", "0": "F"}
        out = pd.Series(
            [words.get(str(v).strip("'\" ").lower()) if ok else None
             for v, ok in zip(values, given, strict=True)],
            index=values.index, dtype="str",
        )  # fmt: skip
        # A flag in quotes is understood, but it is not as the standard has it.
        odd = sum(str(v) not in ("T", "F", "True", "False") for v in values[given])
        return out, max(odd, int((out.isna() & given).sum()))
    else:
        found = _WIDTH.fullmatch(kind)
        assert found is not None
        out = pd.Series(
            [str(v) if ok else None for v, ok in zip(values, given, strict=True)],
            index=values.index,
            dtype="str",
        )
        return out, int(sum(len(v) > int(found.group(1)) for v in out.dropna()))
    return out, int((out.isna() & given).sum())


def write(
    layers: Mapping[str, gpd.GeoDataFrame], folder: Path, *, territory: str, department: str
) -> list[Path]:
    """Write layers as a delivery of shapefiles (UTF-8, with .cpg), with all columns of the standard.

    Parameters
    ----------
    layers : class, or class and scenario (``"ISO_HT_MOY"``) → features with columns of the standard in
        lower case; columns that are missing are written null, others are left out.
    territory, department : the parts of the names: ``N_TRI_<territory>_ISO_HT_MOY_S_<department>.shp``. Of a
        PPR, the territory is the end (eight characters) of its GASPAR identifier:
        ``N_ZONE_REG_PPRN_<territory>_S_<department>.shp``.

    Raises
    ------
    InputError
        A class that the standard has not, a geometry of another kind, a value that it does not know; all at
        once and before anything is written.
    """
    problems: list[Problem] = []
    ready: list[tuple[str, str, gpd.GeoDataFrame]] = []
    for name, frame in layers.items():
        scenario = next((s for s in tables()["scenarios"] if name.endswith(f"_{s}")), "")
        kind = name.removesuffix(f"_{scenario}") if scenario else name
        rule = tables()["classes"].get(kind)
        if rule is None:
            problems.append(told(name, "", "covadis.no_class", names=listed(tables()["classes"])))
            continue
        problems += _wrong(name, frame, rule)
        middle = f"{name}_PPRN_{territory}" if rule.get("standard") == "PPR" else f"TRI_{territory}_{name}"
        file = f"N_{middle}_{rule['shape']}_{department}"
        ready.append((file, kind, _ordered(frame, rule)))
    if problems:
        raise InputError(problems)
    written = []
    with replacing(folder) as temporary:
        temporary.mkdir()
        for file, kind, frame in ready:
            shape = SHAPES[tables()["classes"][kind]["shape"]]
            table = frame.drop(columns=frame.geometry.name)
            pyogrio.raw.write(
                temporary / f"{file}.shp", shapely.to_wkb(np.asarray(frame.geometry.array, dtype=object)),
                [_stored(table[name]) for name in table], list(table.columns),
                field_mask=[table[name].isna().to_numpy() for name in table],
                driver="ESRI Shapefile", encoding="UTF-8", geometry_type=shape,
                crs=None if frame.crs is None else frame.crs.to_wkt("WKT1_GDAL"),
            )  # fmt: skip
            written.append(folder / f"{file}.shp")
    return written


def _stored(values: pd.Series) -> Any:
    """Values as a shapefile keeps them: days, not instants, even where all are null."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.to_numpy(dtype="datetime64[D]")
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=float)
    return values.astype(object).where(values.notna(), None).to_numpy(dtype=object)


def _wrong(name: str, frame: gpd.GeoDataFrame, rule: Mapping[str, Any]) -> list[Problem]:
    problems = []
    kinds = {k.removeprefix("Multi") for k in frame.geometry.geom_type.dropna()}
    if kinds - {SHAPES[rule["shape"]]}:
        shape = SHAPES[rule["shape"]]
        problems.append(told(name, "geometry", "covadis.shape", kinds=listed(sorted(kinds)), shape=shape))
    for column, type_name in rule["columns"].items():
        if column not in frame:
            continue
        _, wrong = _typed(frame[column], type_name)
        if wrong:
            problems.append(told(name, column.upper(), "covadis.values", count=wrong, kind=type_name))
        known = tables()["enumerations"].get(column)
        if known is not None and not (column == "vitesse" and type_name == "number"):
            strange = {str(v) for v in frame[column].dropna() if v not in known}
            if strange:
                found = listed(sorted(strange))
                problems.append(
                    told(name, column.upper(), "error.one_of", "", found=found, names=listed(known))
                )
    key = rule["key"]
    if key in frame and (frame[key].isna().any() or frame[key].duplicated().any()):
        problems.append(told(name, key.upper(), "covadis.key"))
    return problems


def _ordered(frame: gpd.GeoDataFrame, rule: Mapping[str, Any]) -> gpd.GeoDataFrame:
    out: dict[str, Any] = {}
    for column, type_name in rule["columns"].items():
        given = frame[column] if column in frame else pd.Series([None] * len(frame), index=frame.index)
        out[column.upper()] = _typed(given, type_name)[0]
    return gpd.GeoDataFrame(out, geometry=frame.geometry, crs=frame.crs)
