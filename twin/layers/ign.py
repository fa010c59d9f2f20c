"""IGN's names, nulls and enumerations: one table (`ign.toml`) for BD TOPO v3 long, v3 short and v2."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.layers.reading import Reading

LEVEL = "position_par_rapport_au_sol"  # of long names: < 0 under the ground, > 0 above it
IDS = ("cleabs", "idcar_200m", "idinspire", "idcar_1km")  # that no two features share, IGN's and INSEE's
LICENCE = "Licence Ouverte / Open Licence Etalab 2.0"
_PRODUCTS = re.compile(
    r"(RGEALTI|BDALTI|BDTOPO|BDT_|LHD_FXX|LIDARHD|OCS_?GE|ADMIN-?EXPRESS|BD-?PARCELLAIRE)", re.IGNORECASE
)
_EDITION = re.compile(r"(?:ED|_)((?:19|20)\d\d-\d\d-\d\d)(?!\d)")
_POPULATION = re.compile(r"(^|_)pop(ul|ulation)?($|_)")


@cache
def tables() -> dict[str, Any]:
    """The content of `ign.toml`."""
    return tomllib.loads(resources.files("twin.layers").joinpath("ign.toml").read_text(encoding="utf-8"))


def product(paths: tuple[str, ...]) -> tuple[str, str]:
    """Edition and licence that IGN's file and folder names tell, else "" and ""."""
    names = [str(Path(path)) for path in paths]
    if not any(_PRODUCTS.search(name) for name in names):
        return "", ""
    editions = sorted({match for name in names for match in _EDITION.findall(name)})
    return ", ".join(editions), LICENCE


# --- text ---


@lru_cache(maxsize=4096)  # columns say the same few words thousands of times
def fold(value: str) -> str:
    """Without accents, case and double spaces: what two spellings of one value have in common."""
    plain = unicodedata.normalize("NFKD", value.replace("œ", "oe").replace("’", "'"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def recognise_value(value: str, known: dict[str, str]) -> str | None:
    """The value of a table (folded key → value) that a spelling means; U+FFFD stands for any one letter."""
    folded = fold(value)
    if folded in known:
        return known[folded]
    if "\ufffd" in folded:
        pattern = re.compile("".join("." if c == "\ufffd" else re.escape(c) for c in folded))
        matches = {known[key] for key in known if pattern.fullmatch(key)}
        if len(matches) == 1:
            return matches.pop()
    return None


def enumeration(
    reading: Reading, column: str, values: pd.Series, table: dict[str, Any]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Values of a text column through a table; returns (meaning or None, unknown).

    A spelling that is not in the table is counted in a note, never passed on silently.
    """
    known = {fold(key): meaning for key, meaning in table.items()}
    texts = values.astype(object).where(values.notna(), None)
    meaning = {text: recognise_value(str(text), known) for text in set(texts) if text is not None}
    result = np.array([None if t is None else meaning[t] for t in texts], dtype=object)
    unknown = np.array([t is not None and meaning[t] is None for t in texts], dtype=bool)
    strange = sorted({str(t) for t, found in meaning.items() if found is None})
    if strange:
        reading.note("unknown_values", column=column, count=int(unknown.sum()), values=", ".join(strange[:6]))
    return result, unknown


# --- frames ---


def version(frame: pd.DataFrame) -> str:
    """Which of IGN's versions the columns (lower case) are of: v3, v3_short, v2 or other."""
    columns = set(frame.columns)
    for rule in tables()["recognise"]:
        if set(rule["columns"]) <= columns:
            return str(rule["version"])
    return "other"


def column_of(frame: pd.DataFrame, layer: str, key: str, version: str) -> list[str]:
    """The columns of a frame that hold a canonical one, best first."""
    names = tables()[layer]["columns"][key]
    candidates = names.get(version, []) or []
    if version == "other":
        candidates = list(dict.fromkeys(name for names_of in names.values() for name in names_of))
    return [name for name in candidates if name in frame.columns]


@cache
def columns_read(layer: str) -> frozenset[str]:
    """All names (lower case) that `roads` or `buildings` may read, and those that tell the version."""
    by_version = [names for versions in tables()[layer]["columns"].values() for names in versions.values()]
    recognising = [rule["columns"] for rule in tables()["recognise"]]
    return frozenset(name for names in (*by_version, *recognising) for name in names)


def first_number(frame: pd.DataFrame, columns: list[str]) -> NDArray[np.float64]:
    """The first number that is not null, NaN where there is none (texts with a decimal comma count)."""
    out = np.full(len(frame), np.nan)
    for column in columns:
        values = frame[column]
        if not pd.api.types.is_numeric_dtype(values):
            values = pd.to_numeric(values.astype("str").str.replace(",", "."), errors="coerce")
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        out = np.where(np.isfinite(out), out, numbers)
    return out


def clean(reading: Reading, frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, str]:
    """Lower-case columns, nulls as nulls (texts, heights, dates), Oui/Non as booleans.

    Returns the frame and the version that its columns are of.
    """
    geometry = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    renames: dict[str, str] = {}
    taken: set[str] = set()
    for name in frame.columns:
        lower = str(name).lower()
        # Two columns that differ in case only: the second keeps a name of its own.
        while lower in taken:
            lower += "_2"
        taken.add(lower)
        renames[name] = lower
    frame = frame.rename(columns=renames)
    if geometry is not None and (geometry, renames[geometry]) != ("geometry", "geometry"):
        frame = frame.set_geometry(renames[geometry])
        if renames[geometry] != "geometry":
            frame = frame.rename_geometry("geometry")
    found = version(frame)
    rules = tables()
    null_texts = set(rules["null_texts"][found])
    heights = set(rules["null_heights"]["columns"])
    for name in frame.columns:
        column = frame[name]
        if name == "geometry":
            continue
        if name in heights and pd.api.types.is_numeric_dtype(column):
            none = is_null_height(column.to_numpy(dtype=float))
            if none.any():
                reading.note("null_heights", column=name, count=int(none.sum()))
                frame[name] = column.astype(float).mask(none)
        elif pd.api.types.is_datetime64_any_dtype(column):
            none = (column.dt.year <= rules["null_dates"]["year"]).to_numpy()
            if none.any():
                frame[name] = column.mask(none)
        elif pd.api.types.is_string_dtype(column) or column.dtype == object:
            cleaned = _clean_text(column, null_texts, name)
            if cleaned is not column:
                frame[name] = cleaned
    return frame, found


def _clean_text(column: pd.Series, null_texts: set[str], name: str) -> pd.Series:
    # Lists, for a column of texts gives them one by one only slowly.
    some = column.notna().to_numpy().tolist()
    values = column.to_numpy(dtype=object).tolist()
    cells = [value if ok else None for value, ok in zip(values, some, strict=True)]
    if not all(value is None or isinstance(value, str) for value in cells):
        return column
    none = null_texts | {""}
    cleaned = {
        value: None if (bare := value.strip()) in none else bare for value in {*cells} if value is not None
    }
    texts = [None if value is None else cleaned[value] for value in cells]
    kinds = {*cleaned.values()} - {None}
    if kinds and kinds <= {"Oui", "Non"}:
        flags = [None if value is None else value == "Oui" for value in texts]
        return pd.Series(flags, index=column.index, dtype="boolean" if None in flags else bool)
    if kinds and _POPULATION.search(name):
        numbers = pd.to_numeric(pd.Series(texts, index=column.index, dtype=object), errors="coerce")
        if numbers.notna().sum() == len(texts) - texts.count(None):
            return numbers.astype(float)
    if texts == cells and column.dtype == "str":
        return column
    return pd.Series(texts, index=column.index, dtype="str")


def is_null_height(z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether heights are one of the values that mean "none"; NaN is none too."""
    rule = tables()["null_heights"]
    result: NDArray[np.bool_] = ~np.isfinite(z) | np.isin(z, rule["values"]) | (z < rule["below"])
    return result


def null_z(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], int]:
    """Geometries with Z that means "none" set to NaN (2D where no Z is left), and how many Z that were."""
    has_z = shapely.has_z(geometries)
    if not has_z.any():
        return geometries, 0
    out = geometries.copy()
    some = geometries[has_z]
    coordinates, owner = shapely.get_coordinates(some, include_z=True, return_index=True)
    none = is_null_height(coordinates[:, 2])
    coordinates[none, 2] = np.nan
    left = np.zeros(len(some), dtype=bool)
    left[owner[~none]] = True
    some = shapely.set_coordinates(some.copy(), coordinates)
    some[~left] = shapely.force_2d(some[~left])
    out[has_z] = some
    return out, int(none.sum())


def without_doubles(reading: Reading, frame: gpd.GeoDataFrame, column: str = "") -> gpd.GeoDataFrame:
    """Without the features delivered twice, by departments that share an edge: of one id and shape.

    column : of the ids; "": the first of `IDS` that is there.
    """
    column = column or next((name for name in IDS if name in frame.columns), "")
    if not column:
        return frame
    twice = (frame[column].notna() & frame[column].duplicated(keep=False)).to_numpy()
    some = frame[twice]
    key = pd.DataFrame({"id": some[column].to_numpy(), "shape": shapely.to_wkb(some.geometry.to_numpy())})
    again = key.duplicated().to_numpy()
    if not again.any():
        return frame
    reading.note("doubles", count=int(again.sum()))
    kept = np.ones(len(frame), dtype=bool)
    kept[twice] = ~again
    return frame[kept]


@cache
def class_of(layer: str) -> str | None:
    """The class of BD TOPO that a layer or shapefile of that name holds, or None."""
    name = layer.lower()
    return next((key for key, rule in tables()["classes"].items() if name in rule["names"]), None)


def of_class(reading: Reading, frame: gpd.GeoDataFrame, name: str, version: str) -> gpd.GeoDataFrame:
    """A layer of a class of BD TOPO with v3's names, types and values, whatever its version (`ign.toml`).

    A value that the tables do not know is kept and counted in a note; what cannot be of its type is null
    and counted.
    """
    rule = tables()["classes"][name]
    renames = {
        old: new
        for old, new in rule.get("renames", {}).items()
        if old in frame.columns and new not in frame.columns
    }
    if version != "v3":
        frame = frame.rename(columns=renames)
    frame = long_names(frame, version)
    for column, known in rule.get("values", {}).items():
        if column in frame.columns:
            numeric = rule.get("types", {}).get(column) == "integer"
            frame[column] = _spelled(reading, column, frame[column], known, numbers=numeric)
    for column, kind in rule.get("types", {}).items():
        if column in frame.columns:
            frame[column] = _of_type(reading, column, frame[column], kind)
    return frame


def _spelled(
    reading: Reading, column: str, values: pd.Series, known: dict[str, str], *, numbers: bool
) -> pd.Series:
    texts = values.astype(object).where(values.notna(), None).map(lambda v: v if v is None else str(v))
    if numbers:  # only what is written in words
        texts = texts.where(pd.to_numeric(texts, errors="coerce").isna(), None)
    found, unknown = enumeration(reading, column, texts, known)
    out = values.astype(object).where(values.notna(), None).to_numpy(dtype=object, copy=True)
    said = np.array([v is not None for v in found], dtype=bool) & ~unknown
    out[said] = found[said]
    return pd.Series(out, index=values.index, dtype=object if numbers else "str")


_FLAGS = {"true": True, "1": True, "oui": True, "false": False, "0": False, "non": False}


def _of_type(reading: Reading, column: str, values: pd.Series, kind: str) -> pd.Series:
    if kind == "boolean":
        if values.dtype == bool:
            return values
        flags = [None if v is None or pd.isna(v) else _FLAGS.get(fold(str(v))) for v in values]
        bad = sum(f is None for f in flags) - int(values.isna().sum())
        out = pd.Series(flags, index=values.index, dtype="boolean" if None in flags else bool)
    else:
        numbers = pd.to_numeric(values.astype(object), errors="coerce").astype(float)
        bad = int(numbers.isna().sum() - values.isna().sum())
        # Of pandas' nullable kind only where there are nulls.
        out = numbers.round().astype("Int64" if numbers.isna().any() else "int64")
    if bad:
        reading.note("not_of_type", column=column, count=bad, kind=kind)
    return out


def raised(frame: gpd.GeoDataFrame, offset: float) -> gpd.GeoDataFrame:
    """A layer with all its elevations `offset` m higher: Z of the geometry and the columns that hold one.

    Texts ("8,50") become numbers, values that mean "none" become NaN; ``attrs["zero"]`` is what 0 has become.
    """
    frame = frame.copy()
    columns = set(tables()["elevations"]["columns"])
    for name in columns & set(frame.columns):
        heights = first_number(frame, [name])
        if np.isfinite(heights).any():  # else words
            frame[name] = np.where(is_null_height(heights), np.nan, heights + offset)
    shapes = np.asarray(frame.geometry.array, dtype=object)
    has_z = shapely.has_z(shapes)
    if has_z.any():
        shapes[has_z] = shapely.transform(
            shapes[has_z], lambda xyz: xyz + np.array([0.0, 0.0, offset]), include_z=True
        )
        frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    frame.attrs["zero"] = offset
    return frame


def long_names(frame: gpd.GeoDataFrame, version: str) -> gpd.GeoDataFrame:
    """The names of v3 for the short and v2 names of a recognised BD TOPO layer."""
    if version not in ("v3_short", "v2"):
        return frame
    names = tables()["long_names"]
    renames = {
        old: new for old in frame.columns if (new := names.get(old)) is not None and new not in frame.columns
    }
    # Two short names may mean one long name (persistanc, regime): the first wins.
    first: dict[str, str] = {}
    for old, new in renames.items():
        first.setdefault(new, old)
    return frame.rename(columns={old: new for new, old in first.items()})
