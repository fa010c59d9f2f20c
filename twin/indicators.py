"""Figures for planners and élus, computed from a run folder.

Every figure says how it was made (`method`). What a run does not hold gives no figure: nothing is
guessed. Permanent water (cells already under water at the start) never counts as flooded.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin.accessibility import access, worst
from twin.errors import InputError, Problem
from twin.features import CLOSURE_DEPTH, WET_DEPTH, depth_around
from twin.messages import language, text
from twin.styles import DEPTH, number
from twin.water import initial_water_depth, max_water_depth, permanent_water

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Mean number of people in a main residence, France 2021: Insee, RP2021, statistiques/2381486.
PEOPLE_PER_DWELLING = 2.16

#: Kinds of facility and the words (without accents, lower case) that name them in places.
FACILITY_WORDS: dict[str, tuple[str, ...]] = {
    "hospital": ("hospital", "hopital", "clinique", "clinic", r"chu(?![a-z])", "centre hospitalier"),
    "fire_station": ("fire_station", "fire station", "pompier", "caserne", "sdis", "centre de secours"),
    "school": ("school", "ecole", "college", "lycee", "enseignement", "maternelle", "creche"),
    "care_home": ("maison de retraite", "ehpad", "retirement", "care_home", "care home"),
    "town_hall": ("mairie", "town_hall", "town hall", "hotel de ville"),
    "police": ("gendarmerie", "police", "commissariat"),
    "treatment_plant": ("station d'epuration", "epuration", "treatment_plant", "water_treatment"),
}

#: Polygons larger than this (m²) are facilities only by their kind or name, not by their label.
_LARGEST_FACILITY = 1e5

# Names of the four depth classes of `DEPTH` in the keys of the indicators.
_CLASS_KEYS = ("below_0_5", "0_5_to_1", "1_to_2", "above_2")


@dataclass(frozen=True)
class Indicator:
    """One figure: SI or the unit of everyday use, its label in two languages and how it was made."""

    key: str
    value: float
    unit: str
    label_fr: str
    label_en: str
    method: str
    method_en: str
    detail: str = ""

    def label(self, lang: str | None = None) -> str:
        """The label in a language (default: ``TWIN_LANG``)."""
        return self.label_fr if language(lang) == "fr" else self.label_en

    def record(self) -> dict[str, Any]:
        """The row of indicators.json."""
        row = asdict(self)
        del row["key"]
        return row


@dataclass(frozen=True)
class DamageCurve:
    """Damage against depth, linear between its points, held constant beyond them.

    Attributes
    ----------
    depth : metres above the ground, ascending.
    damage : share lost (0 to 1), or €/m² when `euros` is true.
    source : where it comes from; shown with the figure.
    """

    depth: tuple[float, ...]
    damage: tuple[float, ...]
    source: str
    euros: bool = False

    def at(self, depth: Floats) -> Floats:
        """Damage at depths; 0 where the depth is unknown (NaN) or not above zero."""
        known = np.nan_to_num(depth)
        return np.where(known > 0, np.interp(known, self.depth, self.damage), 0.0)

    @classmethod
    def from_csv(
        cls, path: str | Path, *, kind: str, component: str, duration: str, source: str = ""
    ) -> DamageCurve:
        """Read one curve from a table ``type;composante;duree;hauteur_cm;eur_m2``.

        The columns of the national multi-criteria analysis method (AMC, CGDD/Cerema/INRAE 2018);
        the user brings the figures.

        Raises
        ------
        InputError
            The file lacks a column, or has no rows for that kind, component and duration.
        """
        file = Path(path)
        if not file.is_file():
            raise InputError(Problem(str(file), "", "no such file", "a damage table (CSV)"))
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter=";")
            needed = ("type", "composante", "duree", "hauteur_cm", "eur_m2")
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                found = ";".join(reader.fieldnames or ())
                raise InputError(Problem(str(file), ", ".join(missing), found, ";".join(needed)))
            rows = [
                r for r in reader if (r["type"], r["composante"], r["duree"]) == (kind, component, duration)
            ]
        if not rows:
            wanted = f"{kind};{component};{duration}"
            raise InputError(Problem(str(file), "type;composante;duree", "no such row", wanted))
        try:
            points = sorted(
                (float(r["hauteur_cm"].replace(",", ".")) / 100, float(r["eur_m2"].replace(",", ".")))
                for r in rows
            )
        except ValueError as error:
            raise InputError(Problem(str(file), "hauteur_cm, eur_m2", str(error), "numbers")) from error
        return cls(tuple(p[0] for p in points), tuple(p[1] for p in points), source or str(file), euros=True)


#: Fallback, for want of French figures: residential buildings in Europe, share of the value lost.
#: Huizinga, de Moel, Szewczyk 2017, Global flood depth-damage functions, JRC105688, doi 10.2760/16510.
JRC_2017_RESIDENTIAL_EUROPE = DamageCurve(
    depth=(0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0),
    damage=(0.0, 0.25, 0.40, 0.50, 0.60, 0.75, 0.85, 0.95, 1.00),
    source="JRC 2017, Europe, résidentiel (repli / fallback)",
)


class _Run:
    """What the indicators need of a run, read once."""

    def __init__(self, result: Result) -> None:
        self.result = result

    @cached_property
    def max_depth(self) -> Floats | None:
        """Largest depth (ny, nx)."""
        return max_water_depth(self.result)

    @cached_property
    def initial_depth(self) -> Floats | None:
        """Depth at the start (ny, nx); None when no frame shows it."""
        return initial_water_depth(self.result)

    @cached_property
    def permanent(self) -> Bools:
        """Cells already under water at the start."""
        return permanent_water(self.result)

    @cached_property
    def flooded(self) -> Bools:
        """Cells that the flood put under water."""
        depth = self.max_depth
        return np.zeros(0, dtype=bool) if depth is None else (depth > WET_DEPTH) & ~self.permanent

    def places(self) -> gpd.GeoDataFrame | None:
        found = self.result.places
        return None if found is None or found.empty else found


def _make(
    key: str, value: float, unit: str, *, method: str = "method", detail: str = "", **words: object
) -> Indicator:
    """An indicator whose texts are the rows ``indicator.<key>``; `words` fill in the names of the texts."""

    def row(part: str, lang: str) -> str:
        filled = {n: number(v, lang) if isinstance(v, float) else v for n, v in words.items()}
        return text(f"indicator.{key}.{part}", lang, **filled)

    return Indicator(
        key, value, unit, row("label", "fr"), row("label", "en"), row(method, "fr"), row(method, "en"), detail
    )


def _by_class(values: Floats, weight: float | Floats = 1.0) -> list[float]:
    """Sum of `weight` over the values of each class of `DEPTH` (above low, up to high)."""
    weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), values.shape)
    return [float(weights[(values > part.low) & (values <= part.high)].sum()) for part in DEPTH]


def _water(run: _Run) -> list[Indicator]:
    depth = run.max_depth
    if depth is None:
        return []
    hectare = run.result.grid.area_m2 / 1e4
    how = "method" if run.initial_depth is not None else "method_start_unknown"
    out = [_make("flooded_area", float(run.flooded.sum()) * hectare, "ha", method=how, wet=WET_DEPTH)]
    for key, value in zip(_CLASS_KEYS, _by_class(depth[run.flooded]), strict=True):
        out.append(_make(f"flooded_area_{key}", value * hectare, "ha", wet=WET_DEPTH))
    if run.initial_depth is not None:
        out.append(_make("permanent_water_area", float(run.permanent.sum()) * hectare, "ha", wet=WET_DEPTH))
    out.append(_make("max_depth", float(depth[run.flooded].max()) if run.flooded.any() else 0.0, "m"))
    fields = run.result.fields
    if "max_velocity" in fields:
        speed = np.asarray(fields["max_velocity"].values, dtype=np.float64)[run.flooded]
        out.append(_make("max_velocity", float(np.nanmax(speed, initial=0.0)), "m/s"))
    if "max_hazard_ppri" in fields:
        strong = np.asarray(fields["max_hazard_ppri"].values, dtype=np.float64) >= 3
        out.append(_make("hazard_strong_area", float((strong & run.flooded).sum()) * hectare, "ha"))
    return out


def _volume(run: _Run) -> list[Indicator]:
    table = run.result.diagnostics
    volume = (
        pd.to_numeric(table["volume_m3"], errors="coerce").dropna() if len(table) else pd.Series(dtype=float)
    )
    if volume.empty:
        return []
    initial = float(table["initial_m3"].iloc[0])
    return [
        _make("max_volume", float(volume.max()), "m³"),
        _make("added_volume", float(volume.max()) - initial, "m³"),
    ]


def _buildings(run: _Run) -> list[Indicator]:
    buildings = run.result.buildings
    if buildings is None or "max_water_depth" not in buildings:
        return []
    depth = buildings["max_water_depth"].to_numpy(dtype=np.float64)
    touched = depth > WET_DEPTH
    unknown = int(np.isnan(depth).sum())
    out = [
        _make("buildings_touched", int(touched.sum()), "", total=len(depth), unknown=unknown, wet=WET_DEPTH)
    ]
    for key, value in zip(_CLASS_KEYS, _by_class(depth), strict=True):
        out.append(_make(f"buildings_{key}", round(value), ""))
    arrival = (
        buildings["arrival_time"].to_numpy(dtype=np.float64) if "arrival_time" in buildings else np.zeros(0)
    )
    if touched.any() and np.isfinite(arrival).any():
        out.append(_make("first_building_time", float(np.nanmin(arrival)) / 60, "min", wet=WET_DEPTH))
    dwellings = (
        np.nan_to_num(buildings["dwellings"].to_numpy(dtype=np.float64))
        if "dwellings" in buildings
        else np.zeros(1)
    )
    if dwellings.any():
        out.append(_make("dwellings_touched", round(dwellings[touched].sum()), ""))
    if "residents" in buildings:
        people = np.nan_to_num(buildings["residents"].to_numpy(dtype=np.float64))
        out.append(_make("residents_in_water", round(people[touched].sum()), "", method="method_population"))
    elif dwellings.any():
        people_in = round(dwellings[touched].sum() * PEOPLE_PER_DWELLING)
        out.append(
            _make("residents_in_water", people_in, "", method="method_dwellings", people=PEOPLE_PER_DWELLING)
        )
    return out


def _roads(run: _Run) -> list[Indicator]:
    roads = run.result.roads
    if roads is None or "max_water_depth" not in roads:
        return []
    if "drivable" in roads:
        roads = roads[roads["drivable"].astype(bool)]
    cut = roads[roads["max_water_depth"] >= CLOSURE_DEPTH]
    words: dict[str, Any] = {"closure": CLOSURE_DEPTH, "total": len(roads)}
    out = [
        _make("roads_cut", len(cut), "", **words),
        _make("roads_cut_length", float(cut.length.sum()) / 1000, "km", **words),
    ]
    if "cut_length_m" in roads:
        out.append(_make("roads_under_water_length", float(cut["cut_length_m"].sum()) / 1000, "km", **words))
    first = cut["cut_from_s"].dropna()
    if len(first):
        at = first.idxmin()
        name = str(cut.loc[at, "name"]) if "name" in cut and pd.notna(cut.loc[at, "name"]) else ""
        out.append(_make("first_road_cut_time", float(first.min()) / 60, "min", detail=name, **words))
    return out


def _plain(words: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", words.casefold().replace("’", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def facility_kind(*words: object) -> str | None:
    """The kind of facility (a key of `FACILITY_WORDS`) that names or labels speak of, else None.

    >>> facility_kind("École primaire Jules-Ferry")
    'school'
    >>> facility_kind("river_in") is None
    True
    """
    plain = " ".join(_plain(word) for word in words if isinstance(word, str))
    for kind, known in FACILITY_WORDS.items():
        # Words begin where a word begins: "chu" is not in "parachutiste".
        if any(re.search(rf"(?<![a-z]){word}", plain) for word in known):
            return kind
    return None


def facilities(result: Result) -> gpd.GeoDataFrame | None:
    """The facilities among the places of a run.

    Returns
    -------
    GeoDataFrame or None
        The places with `facility` (a key of `FACILITY_WORDS`), `title` (what people call it; empty
        when the place has a name for scenarios only) and `max_water_depth` (m): the deepest water
        around the place, or around the building in which it stands when that is deeper. None when
        the run has no places or no depths.
    """
    return _facilities(_Run(result))


def _facilities(run: _Run) -> gpd.GeoDataFrame | None:
    places, depth = run.places(), run.max_depth
    if places is None or depth is None:
        return None
    columns = [name for name in ("kind", "name", "label") if name in places]
    # A district "Les Écoles" is no school: beyond a size, what a place is called says nothing.
    areas = places.area.to_numpy()
    kinds = [
        facility_kind(*(row[name] for name in columns if name != "label" or area <= _LARGEST_FACILITY))
        for (_, row), area in zip(places.iterrows(), areas, strict=True)
    ]
    found = places[[kind is not None for kind in kinds]].copy()
    found["facility"] = [kind for kind in kinds if kind is not None]
    if found.empty:
        return found.assign(title="", max_water_depth=np.zeros(0))
    labels = found["label"] if "label" in found else found["name"]
    own = [
        _plain(str(a)) != _plain(str(b)).replace("_", " ") for a, b in zip(labels, found["name"], strict=True)
    ]
    found["title"] = [str(label) if given else "" for label, given in zip(labels, own, strict=True)]
    shapes = np.asarray(found.geometry.array, dtype=object)
    deepest = depth_around(shapes, run.result.grid, depth, initial_depth=run.initial_depth)
    buildings = run.result.buildings
    if buildings is not None and "max_water_depth" in buildings and len(buildings):
        of_place, of_building = buildings.sindex.query(found.geometry, predicate="intersects")
        np.fmax.at(deepest, of_place, buildings["max_water_depth"].to_numpy(dtype=np.float64)[of_building])
    found["max_water_depth"] = deepest
    return found


def _facility_figures(run: _Run) -> list[Indicator]:
    found = _facilities(run)
    if found is None or found.empty:
        return []

    def figure(key: str, rows: gpd.GeoDataFrame) -> Indicator:
        touched = rows[rows["max_water_depth"] > WET_DEPTH]
        names = ", ".join(str(t) or str(n) for t, n in zip(touched["title"], touched["name"], strict=True))
        return _make(key, len(touched), "", detail=names, total=len(rows), wet=WET_DEPTH)

    out = [figure("facilities_touched", found)]
    for kind in FACILITY_WORDS:
        rows = found[found["facility"] == kind]
        if len(rows):
            out.append(figure(f"facilities_touched_{kind}", rows))
    return out


def _districts(run: _Run) -> list[Indicator]:
    """Polygons among the places (districts, communes) that water reaches, with their hectares."""
    places = run.result.places
    if run.max_depth is None or places is None:
        return []
    zones = places[places.geometry.geom_type.isin(["Polygon", "MultiPolygon"])]
    if zones.empty:
        return []
    grid = run.result.grid
    reached = []
    for label, polygon in zip(zones["label"], zones.geometry, strict=True):
        hectares = float((grid.mask(polygon) & run.flooded).sum()) * grid.area_m2 / 1e4
        if hectares > 0:
            reached.append((hectares, str(label)))
    detail = ", ".join(f"{label} {hectares:.1f} ha" for hectares, label in sorted(reached, reverse=True))
    return [_make("districts_touched", len(reached), "", detail=detail, total=len(zones))]


def _traffic(run: _Run) -> list[Indicator]:
    summary = run.result.traffic_summary
    if not summary or not summary.get("times"):
        return []
    # Per trip that still has a route; of each instant the whole network, so long trips weigh as others.
    per_trip = []
    for row in summary["times"]:
        driving = float(row["trips"]) - float(row["intrazonal"]) - float(row["unserved"])
        per_trip.append((float(row["minutes_lost"]) / driving if driving > 0 else 0.0, float(row["time_s"])))
    worst, when = max(per_trip)
    return [
        _make("minutes_lost_per_trip", worst, "min", hours=when / 3600),
        _make("hours_lost", float(summary["hours_lost_over_the_run"]), "veh·h"),
        _make("trips_stranded", float(summary["trips_stranded_over_the_run"]), "veh"),
        _make("trips_unserved", float(summary["reference"]["unserved"]), "veh/h"),
    ]


def _access(run: _Run) -> list[Indicator]:
    buildings, found = run.result.buildings, _facilities(run)
    if buildings is None or found is None or found.empty:
        return []
    if "residents" in buildings:
        people = np.nan_to_num(buildings["residents"].to_numpy(dtype=np.float64))
    elif "dwellings" in buildings:
        people = PEOPLE_PER_DWELLING * np.nan_to_num(buildings["dwellings"].to_numpy(dtype=np.float64))
    else:
        return []
    wanted = found[found["facility"].isin(["hospital", "fire_station", "school"])]
    homes = buildings.geometry.representative_point()
    table = access(run.result, wanted, homes.x.to_numpy(), homes.y.to_numpy(), people)
    out = []
    for kind, row in worst(table).items():
        hours = float(row["time_s"]) / 3600
        out.append(_make(f"within_10_min_{kind}", round(row["within_10"]), "", hours=hours))
        most = table[table["facility"] == kind]["isolated"].max()
        out.append(_make(f"isolated_{kind}", round(most), ""))
    return out


def _damage(run: _Run, curve: DamageCurve) -> list[Indicator]:
    buildings = run.result.buildings
    if buildings is None or "max_water_depth" not in buildings:
        return []
    solid = buildings
    if "light" in buildings:
        solid = buildings[~buildings["light"].astype(bool)]
    lost = curve.at(solid["max_water_depth"].to_numpy(dtype=np.float64)) * solid.area.to_numpy()
    if curve.euros:
        return [_make("damage", float(lost.sum()), "€", source=curve.source)]
    return [_make("damage_area", float(lost.sum()), "m²", source=curve.source)]


def compute(result: Result, *, damage: DamageCurve | None = None) -> dict[str, Indicator]:
    """All figures that a run can give, by key, in the order in which they are shown.

    Parameters
    ----------
    result : the run.
    damage : a damage curve; without one there is no damage figure. A curve of shares
        (`JRC_2017_RESIDENTIAL_EUROPE`) gives square metres lost, one in € gives €.
    """
    run = _Run(result)
    groups: list[Callable[[_Run], list[Indicator]]] = [
        _water,
        _volume,
        _buildings,
        _facility_figures,
        _districts,
        _roads,
        _traffic,
        _access,
    ]
    if damage is not None:
        groups.append(lambda of: _damage(of, damage))
    figures = [figure for group in groups for figure in group(run)]
    return {figure.key: figure for figure in figures if np.isfinite(figure.value)}


def records(figures: Mapping[str, Indicator]) -> dict[str, dict[str, Any]]:
    """The content of indicators.json."""
    return {key: figure.record() for key, figure in figures.items()}


class Comparison(pd.DataFrame):
    """A table that prints whole, so that ``print(twin.compare(before, after))`` shows every column."""

    @property
    def _constructor(self) -> type[Comparison]:
        return Comparison

    def __repr__(self) -> str:
        return self.to_string(index=False, na_rep="–", float_format=lambda value: f"{value:,.6g}")

    __str__ = __repr__


def compare(a: Result, b: Result, lang: str | None = None) -> Comparison:
    """The figures of two runs side by side.

    Returns
    -------
    Comparison
        A table (pandas) with a row per figure that either run has, index its key; columns label, unit,
        one column per run named after it, and ``difference`` (second minus first; NaN when one lacks it).
    """
    first, second = (dict(r.indicators) or records(compute(r)) for r in (a, b))
    names = [a.name, b.name] if a.name != b.name else [f"{a.name} (1)", f"{b.name} (2)"]
    keys = [*first, *(key for key in second if key not in first)]
    spoken = f"label_{language(lang)}"
    rows = []
    for key in keys:
        row = first.get(key) or second[key]
        values = [float(of[key]["value"]) if key in of else np.nan for of in (first, second)]
        rows.append([row[spoken], row["unit"], *values, values[1] - values[0]])
    return Comparison(rows, index=pd.Index(keys, name="key"), columns=["label", "unit", *names, "difference"])
