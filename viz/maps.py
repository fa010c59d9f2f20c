"""Maps and hydrographs on paper: one sheet each, as a flood atlas has them (matplotlib, no display).

Every function returns a `matplotlib.figure.Figure`, which a notebook shows; with `path` it also writes it
(PNG, PDF or SVG by the suffix). What a run lacks is left out; a sheet whose very subject is missing raises
TwinError.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

import twin
from twin.errors import InputError, TwinError, told
from twin.features import WET_DEPTH
from twin.fine_result import for_pictures
from twin.messages import day_and_time, hours_and_minutes, key_figure, language, number, table, text
from twin.messages import figure as written
from twin.notebook import start_of
from twin.results import Result
from twin.water import max_water_depth
from viz import colours as c
from viz.drawing import Drawing, save
from viz.pen import FAINT, INK, RED
from viz.sheet import MOST_CELLS, Extent, Sheet
from viz.sheet_text import sources_of
from viz.surface import ground_of, roofs_of

if TYPE_CHECKING:
    import geopandas as gpd

_SERIES = ("#2171b5", "#d7301f", "#238b45", "#6a1b7a", "#d98c00", "#4d4d4d")
_DASHES = ("-", "--", ":", "-.")
_MARKS = 7  # on a time axis, but that of its beginning


def max_depth(
    result: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    sources: Sequence[str] | None = None,
    extent: Extent | None = None,
    dpi: int = 160,
) -> Figure:
    """The sheet of a flood: largest depth on shaded relief, roads cut, buildings and facilities touched.

    Parameters
    ----------
    result : the run.
    path : where to write it; None to keep it in memory.
    lang : ``fr`` or ``en`` (default ``TWIN_LANG``, else French).
    title : default: the name of the run.
    sources : lines to cite; default: those of the run's provenance.
    extent : part of the map to show: x_min, y_min, x_max, y_max (m).
    dpi : dots per inch.

    Raises
    ------
    TwinError
        The run has no water depth.
    """
    (result,) = for_pictures([result], MOST_CELLS)
    depth = max_water_depth(result)
    if depth is None:
        raise TwinError(f"{result.path}: {text('map.no_depth', lang)}")
    sheet = Sheet(
        result,
        text("map.max_depth", lang),
        lang=lang,
        title=title,
        sources=sources,
        extent=extent,
        dpi=dpi,
    )
    labels = [c.class_label(part, "m", lang) for part in c.DEPTH]
    sheet.classes(text("map.legend_depth", lang), depth, c.DEPTH, labels)
    sheet.shoreline(depth)
    sheet.roads()
    sheet.buildings(by_depth=True)
    sheet.places()
    return _written(sheet.finish(), path)


def arrival(
    result: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    sources: Sequence[str] | None = None,
    extent: Extent | None = None,
    dpi: int = 160,
) -> Figure:
    """The sheet of the time that is left: hours until the water arrives. Parameters as for `max_depth`.

    Raises
    ------
    TwinError
        The run has no arrival time.
    """
    (result,) = for_pictures([result], MOST_CELLS)
    seconds = _over_the_run(result, "arrival_time", "map.no_arrival", lang)
    sheet = Sheet(
        result, text("map.arrival", lang), lang=lang, title=title, sources=sources, extent=extent, dpi=dpi
    )
    labels = [c.class_label(part, "h", lang) for part in c.ARRIVAL]
    sheet.classes(text("map.legend_arrival", lang), seconds / 3600, c.ARRIVAL, labels)
    return _written(_with_background(sheet), path)


def hazard(
    result: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    sources: Sequence[str] | None = None,
    extent: Extent | None = None,
    dpi: int = 160,
) -> Figure:
    """The sheet of the hazard (PPRI table, codes 1 to 4). Parameters as for `max_depth`.

    Raises
    ------
    TwinError
        The run has no hazard.
    """
    (result,) = for_pictures([result], MOST_CELLS)
    codes = _over_the_run(result, "max_hazard_ppri", "map.no_hazard", lang)
    sheet = Sheet(
        result, text("map.hazard", lang), lang=lang, title=title, sources=sources, extent=extent, dpi=dpi
    )
    labels = [c.hazard_label(k + 1, lang) for k in range(len(c.HAZARD))]
    sheet.classes(text("map.legend_hazard", lang), codes, c.HAZARD, labels)
    return _written(_with_background(sheet), path)


def difference(
    before: Result,
    after: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    sources: Sequence[str] | None = None,
    extent: Extent | None = None,
    dpi: int = 160,
) -> Figure:
    """The sheet of a decision: where `after` has less or more water than `before`, and the figures of both.

    Parameters
    ----------
    before, after : two runs on the same grid; cells that one of them floods are drawn.
    title : default: both names.

    The other parameters as for `max_depth`.

    Raises
    ------
    TwinError
        A run has no water depth.
    InputError
        Their grids differ.
    """
    before, after = for_pictures([before, after], MOST_CELLS)
    depths = []
    for run in (before, after):
        depth = max_water_depth(run)
        if depth is None:
            raise TwinError(f"{run.path}: {text('map.no_depth', lang)}")
        depths.append(np.where(roofs_of(run.fields), 0.0, np.nan_to_num(depth)))
    if before.grid != after.grid:
        first_grid, other = before.grid, before.path
        raise InputError(
            told(after.path, "grid", "shown.other_grid", found=after.grid, other=other, grid=first_grid)
        )
    first, last = depths
    change = np.where(np.maximum(first, last) > WET_DEPTH, last - first, np.nan)
    cited = [*sources_of(before, lang), *sources_of(after, lang)] if sources is None else sources
    sheet = Sheet(
        after,
        text("map.difference", lang),
        lang=lang,
        title=title or f"{before.name} → {after.name}",
        sources=list(dict.fromkeys(cited)),
        extent=extent,
        dpi=dpi,
        before=before,
    )
    labels = [c.depth_change_label(part, lang) for part in c.DEPTH_CHANGE]
    sheet.classes(text("map.legend_difference", lang), change, c.DEPTH_CHANGE, labels)
    return _written(_with_background(sheet), path)


def _over_the_run(result: Result, name: str, missing: str, lang: str | None) -> NDArray[np.float64]:
    """A field over the run where water stood, NaN elsewhere."""
    if not result.has_fields or name not in result.fields:
        raise TwinError(f"{result.path}: {text(missing, lang)}")
    values = np.asarray(result.fields[name].values, dtype=np.float64)
    depth = max_water_depth(result)
    return values if depth is None else np.where(depth > WET_DEPTH, values, np.nan)


def _with_background(sheet: Sheet) -> Figure:
    depth = max_water_depth(sheet.result)
    if depth is not None:
        sheet.shoreline(depth)
    sheet.buildings(by_depth=False)
    sheet.roads()
    sheet.places()
    return sheet.finish()


def hydrographs(
    result: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    dpi: int = 160,
) -> Figure:
    """Water level at the gauges and discharge through the sections against time.

    Parameters as for `max_depth`.

    Raises
    ------
    TwinError
        The run has neither gauges nor sections.
    """
    metres = f"m {result.provenance.get('vertical_datum') or ''}".strip()
    panels = [
        (frame, key, value, label)
        for frame, key, value, label in (
            (result.gauges, "gauge", "water_level_m", text("map.level", lang, unit=metres)),
            (result.sections, "section", "discharge_m3_s", text("map.discharge", lang)),
        )
        if len(frame)
    ]
    if not panels:
        raise TwinError(f"{result.path}: {text('map.no_series', lang)}")
    height = 1.3 + 2.7 * len(panels)
    figure = Drawing(figsize=(8.27, height), dpi=dpi, facecolor="white")
    name = title or result.name
    figure.text(0.02, 1 - 0.16 / height, name, fontsize=13, fontweight="bold", va="top", color=INK)
    reserve = text("map.indicative", lang)
    figure.text(
        0.98, 1 - 0.2 / height, reserve, fontsize=7.5, fontweight="bold", ha="right", va="top", color=RED
    )
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.1, right=0.8, top=1 - 0.6 / height, bottom=0.7 / height, hspace=0.12)
    names = _place_labels(result, lang)
    for ax, (frame, key, value, label) in zip(axes, panels, strict=True):
        for k, (which, rows) in enumerate(frame.groupby(key, sort=False)):
            digits = 2 if value == "water_level_m" else 0
            _series(ax, k, rows["time_s"], rows[value], names.get(str(which), str(which)), digits, lang)
        ax.set_ylabel(label, fontsize=8, color=INK)
        ax.grid(color="#dfe3e6", linewidth=0.6)
        ax.margins(x=0.0, y=0.15)
        if value == "discharge_m3_s" and frame[value].min() >= 0.0:
            ax.set_ylim(bottom=0.0)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=7.5, color=FAINT, labelcolor=INK)
        _tell_marks(ax.yaxis, lang)
        ax.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    start = start_of(result)
    span = float(np.ptp(axes[-1].get_xlim()))
    axes[-1].xaxis.set_major_locator(MultipleLocator(_time_step(span)))
    axes[-1].xaxis.set_major_formatter(lambda v, _: _clock(v, start))
    begin = "" if start is None else f" ({day_and_time(start, lang)})"
    axes[-1].set_xlabel(text("map.time", lang) + begin, fontsize=8, color=INK)
    if result.has_fields:
        cell = number(result.model_grid.cell, lang)
        made = text("map.computed", lang, version=twin.__version__, cell=cell, crs=result.grid.crs)
        figure.text(0.98, 0.1 / height, made, fontsize=6.5, ha="right", color=FAINT)
    return _written(figure, path)


def profile(
    result: Result,
    line: str | Sequence[tuple[float, float]],
    path: str | Path | None = None,
    *,
    time: float | None = None,
    lang: str | None = None,
    title: str | None = None,
    dpi: int = 160,
) -> Figure:
    """Ground and water along a line: the highest level of the run, and that of an instant when asked.

    Parameters
    ----------
    line : the name of a line among the run's places, or its vertices x, y (m).
    time : seconds since the start; the nearest frame is drawn.
    path, lang, title, dpi : as for `max_depth`.

    Raises
    ------
    TwinError
        No such line, a line off the grid, or a run without water depth.
    """
    (result,) = for_pictures([result], MOST_CELLS)
    deepest = max_water_depth(result)
    if deepest is None:
        raise TwinError(f"{result.path}: {text('map.no_depth', lang)}")
    grid = result.grid
    along, i, j = _cells_along(result, line, lang)
    bed = ground_of(result.fields)[i, j]
    roof = roofs_of(result.fields)[i, j]

    def level(depth: NDArray[np.float64]) -> NDArray[np.float64]:
        water = np.nan_to_num(depth[i, j])
        return np.where((water > WET_DEPTH) & ~roof, bed + water, np.nan)

    figure = Drawing(figsize=(10.0, 4.2), dpi=dpi, facecolor="white")
    ax = figure.add_axes((0.075, 0.16, 0.905, 0.68))
    low, high = float(np.nanmin(bed)), float(np.nanmax(np.fmax(bed, level(deepest))))
    floor = low - 0.08 * max(high - low, 1.0)
    shown = [(level(deepest), "#6baed6" if time is None else None, "--", text("map.profile_most", lang))]
    if time is not None:
        k = int(np.argmin(np.abs(result.times - time)))
        now = level(np.asarray(result.fields["water_depth"].isel(time=k).values, dtype=np.float64))
        instant = hours_and_minutes(float(result.times[k]))
        shown.append((now, "#6baed6", "-", text("map.profile_now", lang, time=instant)))
    for water, fill, dash, label in shown:
        if fill:
            ax.fill_between(along, bed, water, where=np.isfinite(water), color=fill, alpha=0.75, linewidth=0)
        ax.plot(along, water, color="#08306b", linestyle=dash, linewidth=1.4, label=label)
    if roof.any():  # up to the roof, or to the edge of the picture
        top = np.asarray(result.fields["bed_elevation"].values, dtype=np.float64)[i, j]
        top = maximum_filter(np.where(roof, top, -np.inf), 3)  # up to the water beside it
        label = text("map.building", lang)
        wide = np.isfinite(top)
        ax.fill_between(along, bed, top, where=wide, color="#c9c0b8", linewidth=0, label=label)
    ax.fill_between(along, floor, bed, color="#d8cdb9", linewidth=0)
    ax.plot(along, bed, color="#4d4436", linewidth=1.3, label=text("map.profile_ground", lang))
    ax.set(xlim=(0.0, float(along[-1])), ylim=(floor, high + 0.12 * max(high - low, 1.0)))
    ax.set_xlabel(text("map.profile_along", lang), fontsize=8, color=INK)
    ax.set_ylabel(text("map.profile_height", lang), fontsize=8, color=INK)
    ax.grid(color="#dfe3e6", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=7.5, color=FAINT, labelcolor=INK)
    for axis in (ax.xaxis, ax.yaxis):
        _tell_marks(axis, lang)
    ax.legend(fontsize=7.5, frameon=False, loc="upper right", ncols=4)
    box = ax.get_position()
    ratio = (along[-1] / (box.width * 10.0)) / (np.diff(ax.get_ylim())[0] / (box.height * 4.2))
    head = f"{title or result.name} – {text('map.profile', lang)}"
    figure.text(0.012, 0.965, head, fontsize=13, fontweight="bold", va="top", color=INK)
    figure.text(
        0.988,
        0.955,
        text("map.indicative", lang),
        fontsize=7.5,
        fontweight="bold",
        ha="right",
        va="top",
        color=RED,
    )
    two_digits = float(f"{ratio:.2g}")
    stretched = text("map.profile_crossed", lang, x=number(two_digits, lang))
    side = number(result.model_grid.cell, lang)
    cell = text("map.computed", lang, version=twin.__version__, cell=side, crs=grid.crs)
    figure.text(0.988, 0.02, f"{stretched} · {cell}", fontsize=6.5, ha="right", color=FAINT)
    return _written(figure, path)


def _cells_along(
    result: Result, line: str | Sequence[tuple[float, float]], lang: str | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Distances (m) along a line every half cell, and the cells there; the parts off the grid left out."""
    if isinstance(line, str):
        places = result.places
        named = [] if places is None else places.geometry[places["name"] == line].to_numpy()
        parts = [p for p in shapely.get_parts(np.array(named, dtype=object)) if p.geom_type == "LineString"]
        if not parts:
            raise TwinError(f"{result.path}: {_no_line(places, line, lang)}")
        # All features and parts of the place; where they do not join, the longest piece.
        shape = max(shapely.get_parts(shapely.line_merge(shapely.MultiLineString(parts))), key=shapely.length)
    else:
        shape = shapely.LineString(line)
    grid = result.grid
    along = np.arange(0.0, shape.length + 0.25 * grid.cell, 0.5 * grid.cell)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(shape, np.minimum(along, shape.length)))
    i, j = grid.index(xy[:, 0], xy[:, 1])
    inside = np.asarray(grid.inside(i, j))
    if inside.sum() < 2:
        raise TwinError(f"{result.path}: {text('map.profile_short', lang)}")
    return along[inside] - along[inside][0], np.asarray(i)[inside], np.asarray(j)[inside]


def _no_line(places: gpd.GeoDataFrame | None, name: str, lang: str | None) -> str:
    """That no line has this name, and which names lines have."""
    lines = [] if places is None else places["name"][places.geom_type.str.endswith("LineString")]
    known = sorted({str(line) for line in lines})
    return text("map.profile_no_line", lang, name=name, lines=", ".join(known) or "–")


def _series(
    ax: Axes, k: int, times: pd.Series, values: pd.Series, label: str, digits: int, lang: str | None
) -> None:
    """One curve; its peak marked and told in the legend, unless it is flat."""
    colour, style = _SERIES[k % len(_SERIES)], _DASHES[k // len(_SERIES) % len(_DASHES)]
    known = values.dropna()
    if not known.empty and known.max() - known.min() > 1e-6 + 1e-3 * abs(known.max()):
        peak = int(known.to_numpy().argmax())
        value = float(known.iloc[peak])
        ax.plot(float(times[known.index].iloc[peak]), value, "o", color=colour, markersize=3.5)
        label = f"{label}\n{text('map.peak', lang, value=key_figure(value, lang, digits))}"
    ax.plot(times, values, color=colour, linestyle=style, linewidth=1.5, label=label)


def _tell_marks(axis: Axis, lang: str | None) -> None:
    """The marks of an axis with the decimals that tell them apart."""

    def told(value: float, _: float) -> str:
        low, high = axis.get_view_interval()
        return written(value, lang, max(0, 2 - math.floor(math.log10(high - low))))

    axis.set_major_formatter(told)


def _time_step(span: float) -> float:
    """Seconds between the marks of a time axis: a round part of a minute, an hour or a day, or whole days."""
    parts = (1, 2, 5, 10, 15, 30)
    steps = (*parts, *(60 * k for k in parts), *(3600 * k for k in (1, 2, 3, 6, 12)))
    return next((float(s) for s in steps if span <= _MARKS * s), 86400.0 * math.ceil(span / 86400 / _MARKS))


def _clock(seconds: float, start: datetime | None) -> str:
    """``T+1 h 30`` and, below, the time of day where the run says it."""
    label = f"T+{hours_and_minutes(seconds)}"
    return label if start is None else f"{label}\n{start + timedelta(seconds=round(seconds)):%H:%M}"


def _place_labels(result: Result, lang: str | None) -> dict[str, str]:
    """What people call the named places."""
    places = result.places
    if places is None or "label" not in places:
        return {}
    said = table("page.place")[language(lang)]
    told = {}
    for name, label in zip(places["name"].astype(str), places["label"], strict=True):
        # A bare key has no name of its own: the table of words may know one, as on the page.
        bare = str(label) == name.replace("_", " ")
        told[name] = said.get(name, str(label)) if bare else str(label)
    return {name: label for name, label in told.items() if label}


def _written(figure: Figure, path: str | Path | None) -> Figure:
    if path is not None:
        save(figure, path)
    return figure
