"""Gauges of Hub'Eau, API hydrométrie v2: what its JSON means, in SI units.

`resultat_obs` is in mm (H) and l/s (Q); times are UTC; the zero of a gauge is in m above the datum that
`code_systeme_alti_site` names (3: IGN69). Source: Hub'Eau, documentation of the API hydrométrie v2; Sandre,
nomenclature of altimetric systems.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from twin.errors import InputError, reason, told

Quantity = Literal["H", "Q"]

PER_SI = {"H": 1000.0, "Q": 1000.0}  # mm in a metre, litres in a cubic metre
COLUMN = {"H": "stage_m", "Q": "discharge_m3_s"}
IGN69 = 3
# Stated limits (m; m³/s): beyond them a value is an error of transmission, no river has it.
PLAUSIBLE = {"H": (-50.0, 50.0), "Q": (-50_000.0, 50_000.0)}


@dataclass(frozen=True)
class Station:
    """A gauge: code, name, longitude and latitude (degrees), its zero (m NGF-IGN69; NaN unknown)."""

    code: str
    name: str
    longitude: float
    latitude: float
    zero: float
    in_service: bool


def stations(rows: Iterable[Mapping[str, Any]]) -> list[Station]:
    """Stations with a place; those without are left out."""
    out = []
    for row in rows:
        lon, lat = _number(row.get("longitude_station")), _number(row.get("latitude_station"))
        if not (np.isfinite(lon) and np.isfinite(lat)) or not row.get("code_station"):
            continue
        zero = _number(row.get("altitude_ref_alti_station"))
        known = row.get("code_systeme_alti_site") in (IGN69, str(IGN69))
        out.append(
            Station(
                str(row["code_station"]),
                str(row.get("libelle_station") or row["code_station"]),
                lon,
                lat,
                zero if known else float("nan"),
                bool(row.get("en_service", True)),
            )
        )
    return out


def series(rows: Iterable[Mapping[str, Any]], quantity: Quantity) -> tuple[pd.Series, int]:
    """Observations as a series (UTC times, ascending, each once; m or m³/s), and how many were unusable.

    Rows without a value, of another quantity or beyond what a river can do are left out. A discharge that
    is told twice, for the site and for the station, counts once.
    """
    chosen = [row for row in rows if row.get("grandeur_hydro") == quantity]
    own = [row for row in chosen if row.get("code_station")]
    chosen = own or chosen
    told = [row.get("date_obs") for row in chosen]
    texts = pd.Series([text if isinstance(text, str) else None for text in told], dtype=object)
    # The service writes ISO 8601; a guessed format would read a bare number as some year, or warn.
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    values = np.array([_number(row.get("resultat_obs")) for row in chosen], dtype=float) / PER_SI[quantity]
    low, high = PLAUSIBLE[quantity]
    good = times.notna().to_numpy() & (values >= low) & (values <= high)
    out = pd.Series(values[good], index=pd.DatetimeIndex(times[good], name="time"), name=COLUMN[quantity])
    out = out.sort_index(kind="stable")
    return out[~out.index.duplicated(keep="last")], int((~good).sum())


def rows_of(content: bytes | str, where: str) -> tuple[list[dict[str, Any]], str | None, int]:
    """Rows of one page, the address of the next (None: the last), and how many the service says there are.

    Raises
    ------
    InputError
        It is no page of Hub'Eau.
    """
    try:
        table = json.loads(content)
    except ValueError as error:
        raise InputError(told(where, "source", "layer.not_hubeau", reason=reason(error))) from error
    data = table.get("data") if isinstance(table, dict) else None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise InputError(told(where, "source", "layer.not_hubeau", reason="data"))
    following, count = table.get("next"), table.get("count", len(data))
    return data, following or None, int(count) if isinstance(count, int) else len(data)


def read_series(path: Path, quantity: Quantity) -> pd.Series:
    """The observations of a saved answer (or a folder of pages) as a series; see `series`.

    Raises
    ------
    InputError
        Not a page of Hub'Eau, or no usable observation of that quantity.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    rows: list[dict[str, Any]] = []
    for file in files:
        rows += rows_of(file.read_bytes(), str(file))[0]
    out, _ = series(rows, quantity)
    if out.empty:
        raise InputError(told(path, "source", "layer.no_observation", quantity=quantity))
    return out


def level(stage: pd.Series, zero: float) -> pd.Series:
    """Water level (m NGF) of a stage (m above the zero of the gauge)."""
    return (stage + zero).rename("level_m")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
