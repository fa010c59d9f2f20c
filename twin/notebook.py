"""A run as a notebook shows it: a small map of the greatest depth, facts and figures, as HTML."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.messages import day_and_time, hours_and_minutes, key_figure, language, number, power, text
from twin.run_writer import COMPLETE
from twin.styles import DEPTH, PERMANENT_WATER
from twin.water import max_water_depth, permanent_water

if TYPE_CHECKING:
    from twin.results import Result

_WIDEST = 300  # pixels of the map's longer side
_ROWS = 10  # figures on the card

#: What is told of a run before anything else (maps, notebooks); with how many decimals: `key_figure`.
KEY_FIGURES = {
    "flooded_area": 0,
    "max_depth": 1,
    "buildings_touched": 0,
    "residents_in_water": 0,
    "facilities_touched": 0,
    "roads_cut": 0,
    "roads_cut_length": 1,
    "first_road_cut_time": 0,
    "trips_stranded": 0,
    "minutes_lost_per_trip": 1,
}


def card(result: Result) -> str:
    """The card of a run as HTML: what, where, when, how well closed, the first figures, what it lacks."""
    facts = [text("run.facts_status", status=text(f"run.status_{result.status}"), path=result.path)]
    when = when_of(result)
    facts += [when] if when else []
    picture = None
    if result.has_fields:
        grid, fields = result.grid, result.fields
        (width, height), cell = (number(n * grid.cell / 1000) for n in (grid.nx, grid.ny)), number(grid.cell)
        facts.append(
            text(
                "run.facts_grid",
                width=width,
                height=height,
                ny=grid.ny,
                nx=grid.nx,
                cell=cell,
                crs=grid.crs,
                frames=fields.sizes["time"],
            )
        )
        if "bed_elevation" in fields:
            bed = fields["bed_elevation"].values
            picture = thumbnail(bed, max_water_depth(result), permanent_water(result))
    facts += _ledger(result)
    lacks = _lacks(result)
    if lacks:
        facts.append(text("run.facts_lacks", what=", ".join(text(f"run.lacks_{part}") for part in lacks)))
    label = text("run.picture", name=result.name)
    return run_html(result.name, facts, figures_of(result, _ROWS), picture, text("map.indicative"), label)


def figures_of(result: Result, count: int) -> list[tuple[str, str]]:
    """The first figures of a run, those of `KEY_FIGURES` before others: label and value with its unit."""
    known, lang = result.indicators, language()
    keys = [key for key in KEY_FIGURES if key in known]
    keys += [key for key in known if key not in KEY_FIGURES]
    rows = []
    for key in keys[:count]:
        row = known[key]
        value = row.get("value")
        told = str(value)
        if isinstance(value, (int, float)):
            told = key_figure(value, lang, KEY_FIGURES.get(key))
        rows.append((str(row.get(f"label_{lang}") or row.get("label_fr")), f"{told} {row['unit']}".strip()))
    return rows


def start_of(result: Result) -> datetime | None:
    """The date-time of second 0."""
    start = result.fields.attrs.get("start") if result.has_fields else None
    return datetime.fromisoformat(str(start)) if start else None


def when_of(result: Result, lang: str | None = None) -> str:
    """Start and duration of a run, and how far it got when it was stopped."""
    start, duration = start_of(result), result.scenario_table.get("duration")
    words = [] if start is None else [text("map.start", lang, start=day_and_time(start, lang))]
    if isinstance(duration, int | float):
        words.append(text("map.duration", lang, time=hours_and_minutes(duration)))
    if result.status != COMPLETE and result.has_fields and result.times.size:
        words.append(text("map.until", lang, time=hours_and_minutes(float(result.times[-1]))))
    return ", ".join(words)


def _ledger(result: Result) -> list[str]:
    """The error of the water balance at the last instant written, and its share of all the water."""
    table = result.diagnostics
    if table.empty or "mass_error_m3" not in table:
        return []
    last = table.iloc[-1]
    water = sum(float(last.get(key, 0.0) or 0.0) for key in ("initial_m3", "inflow_m3", "rain_m3"))
    error = float(last["mass_error_m3"])
    share = f"{abs(error) / water:.0e}" if water > 0 else "–"
    return [text("run.facts_ledger", error=power(error), share=share)]


def _lacks(result: Result) -> list[str]:
    """What people look for and this run has not."""
    there = {
        "depth": result.has_fields and max_water_depth(result) is not None,
        "buildings": result.buildings is not None and not result.buildings.empty,
        "roads": result.roads is not None and not result.roads.empty,
        "traffic": result.links is not None,
        "figures": bool(result.indicators),
    }
    return [part for part, has in there.items() if not has]


def thumbnail(
    bed: NDArray[Any], depth: NDArray[Any] | None, permanent: NDArray[np.bool_] | None = None
) -> bytes:
    """A PNG of the relief and of the water on it, in the classes of `twin.styles`; holes are white.

    Arrays are (ny, nx), m.
    """
    step = max(1, -(-max(bed.shape) // _WIDEST))
    ground = np.asarray(bed[::step, ::step], dtype=float)
    known = np.isfinite(ground)
    filled = np.where(known, ground, np.nanmean(ground) if known.any() else 0.0)
    if min(filled.shape) > 1:
        down, right = np.gradient(filled)
        light = right - down  # from the north-west
        light /= max(float(np.percentile(np.abs(light), 98)), 1e-9)
    else:
        light = np.zeros(filled.shape)
    picture = np.repeat((225.0 - 28.0 * np.clip(light, -1, 1))[..., None], 3, axis=2)
    if depth is not None:
        water = np.nan_to_num(np.asarray(depth[::step, ::step], dtype=float))
        for part in DEPTH:
            picture[(water > part.low) & (water <= part.high)] = _rgb(part.colour)
        if permanent is not None:
            picture[permanent[::step, ::step]] = _rgb(PERMANENT_WATER)
    picture[~known] = 255.0
    from PIL import Image  # here: no run needs it

    out = io.BytesIO()
    Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8), "RGB").save(out, "PNG", optimize=True)
    return out.getvalue()


def _rgb(colour: str) -> list[int]:
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def run_html(
    name: str,
    facts: Sequence[str],
    figures: Sequence[tuple[str, str]],
    picture: bytes | None,
    note: str,
    label: str,
) -> str:
    """The card of a run. All texts are escaped: names come from data."""
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:400">{html.escape(label)}</th>'
        f'<td style="text-align:right"><b>{html.escape(value)}</b></td></tr>'
        for label, value in figures
    )
    image = ""
    if picture is not None:
        data = base64.b64encode(picture).decode("ascii")
        image = (
            f'<img alt="{html.escape(label)}" style="border-radius:4px" src="data:image/png;base64,{data}">'
        )
    lines = "<br>".join(html.escape(fact) for fact in facts)
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:18px;align-items:flex-start">{image}<div>'
        f'<b style="font-size:1.15em">{html.escape(name)}</b><br><span style="opacity:.75">{lines}</span>'
        f'<table style="margin:8px 0 4px;color:inherit;font-size:inherit">{rows}</table>'
        f'<small style="opacity:.75">{html.escape(note)}</small></div></div>'
    )
