"""Maps of traffic on the road network alone, for runs with or without terrain (matplotlib, no display)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import twin
from twin.errors import TwinError
from twin.messages import number, text
from twin.results import Result
from twin.styles import CHANGE, change_label
from viz.drawing import Drawing, save
from viz.pen import FAINT, INK, RED, line_height, wrap
from viz.sheet_text import sources_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from twin.indicators import Comparison
    from twin.solvers.traffic.study import Users

PAPER = "#ffffff"
#: Volume over capacity: up to each bound, its colour.
SATURATION = ((0.5, "#7fbf7b"), (0.8, "#fee08b"), (1.0, "#f46d43"), (np.inf, "#a50026"))
#: Trips through a road, from few to many.
USERS = ("#c6c2dd", "#9e9ac8", "#756bb1", "#54278f")
_OFFSET = 0.0035  # of the width of the map: directions are drawn side by side, on the right
_NAMED = 12
_WIDE = 11.0  # inches: the sheet
_CITED = 5.8  # points: the sources


def traffic(
    result: Result, path: str | Path | None = None, *, lang: str | None = None, dpi: int = 160
) -> Figure:
    """The reference hour of a run: width by volume, colour by saturation; the busiest roads are named.

    Raises
    ------
    TwinError
        The run has no traffic.
    """
    links = result.links
    if links is None:
        raise TwinError(f"{result.path}: {text('map.no_traffic', lang)}")
    volume = links["volume_veh_h"].to_numpy(np.float64)
    share = np.digitize(links["saturation"].to_numpy(np.float64), [bound for bound, _ in SATURATION[:-1]])
    colours = [SATURATION[k][1] for k in share]
    bounds = [0.0, *(bound for bound, _ in SATURATION)]
    legend = [
        (
            colour,
            f"< {number(high, lang)}" if high < np.inf else f"> {number(low, lang)}",
            3.0,
        )
        for low, (high, colour) in zip(bounds, SATURATION, strict=False)
    ]
    figure = _drawn(
        links,
        width=0.25 + 3.5 * np.sqrt(volume / max(float(volume.max(initial=0.0)), 1.0)),
        colours=colours,
        order=volume,
        title=result.name,
        subject=text("map.traffic", lang),
        legend=(text("map.legend_saturation", lang), legend),
        names=_largest(links, volume),
        dpi=dpi,
        lang=lang,
        results=[result],
    )
    if path is not None:
        save(figure, path)
    return figure


def traffic_change(
    comparison: Comparison, path: str | Path | None = None, *, lang: str | None = None, dpi: int = 160
) -> Figure:
    """What the traffic of the last run has more or less than that of the first, and the roads it closes.

    Raises
    ------
    TwinError
        One of them has no traffic.
    """
    links = comparison.links
    if links is None:
        raise TwinError(text("map.no_traffic", lang))
    change = links["volume_change"].to_numpy(np.float64)
    classes = links["change_class"].to_numpy(np.int64)
    newly = links["closed_2"].fillna(0.0).to_numpy() > links["closed_1"].fillna(0.0).to_numpy()
    legend = [(CHANGE[k], change_label(k, lang), 0.6 + 1.2 * abs(k)) for k in sorted(CHANGE, reverse=True)]
    if newly.any():
        legend.append((INK, text("map.closed", lang), 3.0))
    figure = _drawn(
        links,
        width=np.where(newly, 3.0, 0.4 + 0.9 * np.abs(classes)),
        colours=[INK if shut else CHANGE[int(k)] for k, shut in zip(classes, newly, strict=True)],
        order=np.where(newly, np.inf, np.abs(change)),
        title=f"{comparison.results[0].name} → {comparison.results[-1].name}",
        subject=text("map.traffic_change", lang),
        legend=(text("map.legend_change", lang), legend),
        names=_largest(links, np.abs(change) * (classes != 0)),
        dpi=dpi,
        lang=lang,
        results=comparison.results,
    )
    if path is not None:
        save(figure, path)
    return figure


def users(
    found: Users, path: str | Path | None = None, *, title: str = "", lang: str | None = None, dpi: int = 160
) -> Figure:
    """Where the trips that use some roads come from and go to: width by their number, zones by how many begin
    or end there (`twin.solvers.traffic.study.users_of`).
    """
    links = found.links
    volume = links["selected_pcu_h"].to_numpy(np.float64)
    chosen = links["chosen"].to_numpy(bool)
    most = max(float(volume.max(initial=0.0)), 1.0)
    bounds = [round_down(most * share) for share in (0.05, 0.25, 0.6)]
    step = np.digitize(volume, bounds)
    labels = [f"< {number(bounds[0], lang)}", *(f"> {number(bound, lang)}" for bound in bounds)]
    widths = (0.6, 1.2, 2.2, 3.6)
    legend = [*zip(USERS, labels, widths, strict=True), (INK, text("map.users_chosen", lang), 4.0)]
    figure = _drawn(
        links,
        width=np.where(chosen, 4.5, np.asarray(widths)[step]),
        colours=[INK if own else USERS[k] for own, k in zip(chosen, step, strict=True)],
        order=np.where(chosen, np.inf, volume),
        title=title,
        subject=text("map.users", lang),
        legend=(text("map.legend_users", lang), legend),
        names=_largest(links, volume),
        dpi=dpi,
        lang=lang,
    )
    axes, zones = figure.axes[0], found.zones
    ends = (zones["begin"] + zones["end"]).to_numpy(np.float64)
    axes.scatter(
        zones.geometry.x, zones.geometry.y, s=90.0 * ends / max(float(ends.max(initial=0.0)), 1.0),
        color=USERS[-1], alpha=0.35, linewidths=0, zorder=3,
    )  # fmt: skip
    if path is not None:
        save(figure, path)
    return figure


def criticality(
    ranked: gpd.GeoDataFrame,
    links: gpd.GeoDataFrame,
    path: str | Path | None = None,
    *,
    title: str = "",
    lang: str | None = None,
    dpi: int = 160,
) -> Figure:
    """What losing a road costs (`twin.solvers.traffic.criticality`), on the network of the reference state:
    grey, wide by volume; roads by the hours that their loss costs, the dearest numbered by rank.
    """
    volume = links["volume_veh_h"].to_numpy(np.float64)
    hours = ranked["hours"].to_numpy(np.float64)
    most = max(float(hours.max(initial=0.0)), 1.0)
    bounds = [round_down(most * share) for share in (0.05, 0.25, 0.6)]
    step = np.digitize(hours, bounds)
    labels = [f"< {number(bounds[0], lang)}", *(f"> {number(bound, lang)}" for bound in bounds)]
    colours = ("#8c8c8c", *(colour for _, colour in SATURATION[1:]))
    figure = _drawn(
        links,
        width=0.2 + 1.6 * np.sqrt(volume / max(float(volume.max(initial=0.0)), 1.0)),
        colours=["#c8c8c8"] * len(links),
        order=volume,
        title=title,
        subject=text("map.criticality", lang),
        legend=(text("map.legend_criticality", lang), list(zip(colours, labels, (3.0,) * 4, strict=True))),
        names=[],
        dpi=dpi,
        lang=lang,
    )
    axes = figure.axes[0]
    shown: list[tuple[float, float]] = []
    x0, _, x1, _ = links.total_bounds
    for rank in range(len(ranked)):
        row = ranked.iloc[rank]
        for part in shapely.get_parts(row.geometry):
            axes.plot(*shapely.get_coordinates(part).T, color=colours[step[rank]], lw=4.5, zorder=4)
        at = row.geometry.representative_point()
        near = any(np.hypot(at.x - x, at.y - y) < 0.02 * (x1 - x0) for x, y in shown)
        if len(shown) < _NAMED and not near and hours[rank] > 0.0:
            shown.append((at.x, at.y))
            axes.annotate(
                f"{rank + 1} {row['name']}".strip(),
                (at.x, at.y),
                xytext=(6, 6),
                textcoords="offset points",
                fontsize=7,
                color=INK,
                zorder=5,
                bbox={"boxstyle": "round,pad=0.15", "fc": PAPER, "ec": "none", "alpha": 0.8},
            )
    if path is not None:
        save(figure, path)
    return figure


def round_down(value: float) -> float:
    """The next number of one digit that is not larger."""
    step = 10.0 ** np.floor(np.log10(max(value, 1e-9)))
    return float(np.floor(value / step) * step)


def _drawn(
    links: gpd.GeoDataFrame,
    *,
    width: NDArray[np.float64],
    colours: list[str],
    order: NDArray[np.float64],
    title: str,
    subject: str,
    legend: tuple[str, list[tuple[str, str, float]]],
    names: list[tuple[float, float, str]],
    dpi: int,
    lang: str | None,
    results: Sequence[Result] = (),
) -> Figure:
    """One sheet: links in the order of `order`, the least first; the sources of `results` at its foot."""
    x0, y0, x1, y1 = links.total_bounds
    least = 0.3 * max(x1 - x0, y1 - y0)  # one straight street is no sheet
    wider, higher = max(least - (x1 - x0), 0.0) / 2, max(least - (y1 - y0), 0.0) / 2
    x0, y0, x1, y1 = x0 - wider, y0 - higher, x1 + wider, y1 + higher
    cited = _cited(lang, results)
    foot = max(0.5, 0.38 + len(cited) * line_height(_CITED))
    high = float(np.clip(11.0 * (y1 - y0) / (x1 - x0), 5.0, 13.0))
    height = foot + high + 0.9  # the foot, the map, the title
    figure = Drawing(figsize=(_WIDE, height), dpi=dpi, facecolor=PAPER)
    axes = figure.add_axes((0.02, foot / height, 0.96, high / height - 0.01))
    axes.set(xlim=(x0, x1), ylim=(y0, y1), aspect="equal")
    axes.set_facecolor(PAPER)
    axes.axis("off")
    lines = shapely.offset_curve(np.asarray(links.geometry.array, dtype=object), -_OFFSET * (x1 - x0) / 2)
    rank = np.argsort(order, kind="stable")
    strokes, chosen = [], []
    for k in rank:
        for part in shapely.get_parts(lines[k]):
            if not shapely.is_empty(part):
                strokes.append(shapely.get_coordinates(part))
                chosen.append(k)
    axes.add_collection(
        LineCollection(
            strokes,
            colors=[colours[k] for k in chosen],
            linewidths=width[chosen],
            capstyle="round",
        )
    )
    for x, y, name in names:
        axes.annotate(
            name,
            (x, y),
            fontsize=6.5,
            color=INK,
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.15", "fc": PAPER, "ec": "none", "alpha": 0.75},
        )
    figure.text(0.02, 1 - 0.3 / height, title, fontsize=14, color=INK, weight="bold", va="center")
    figure.text(0.02, 1 - 0.62 / height, subject, fontsize=9.5, color=FAINT, va="center")
    handles = [Line2D([], [], color=colour, lw=w, label=label) for colour, label, w in legend[1]]
    axes.legend(handles=handles, title=legend[0], loc="lower right", fontsize=7.5, title_fontsize=8)
    _scale(axes, x0, y0, x1 - x0)
    _north(axes, lang)
    # What the sheet may be used for, and the sources.
    reserve = text("map.indicative", lang)
    figure.text(0.02, (foot - 0.2) / height, reserve, fontsize=8.5, weight="bold", color=RED)
    for k, line in enumerate(cited):
        at = (foot - 0.28 - k * line_height(_CITED)) / height
        figure.text(0.02, at, line, fontsize=_CITED, color=FAINT, va="top")
    return figure


def _north(axes: Axes, lang: str | None) -> None:
    """An arrow in the upper right corner: maps stand upright."""
    axes.annotate(
        text("map.north", lang),
        xy=(0.985, 1.0),
        xycoords="axes fraction",
        xytext=(0.0, -40.0),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        weight="bold",
        color=INK,
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.3},
    )


def _cited(lang: str | None, results: Sequence[Result]) -> list[str]:
    """Lines that name the sources, as their licences want."""
    sources = list(dict.fromkeys(s for result in results for s in sources_of(result, lang)))
    if not sources:
        return []
    cited = f"Twin {twin.__version__}. {text('map.source', lang, sources=' ; '.join(sources))}"
    return wrap(cited, _CITED, 0.93 * _WIDE * 72)  # hinting widens small type where dots are few


def _scale(axes: object, x0: float, y0: float, span: float) -> None:
    """A bar of a round length near a sixth of the width."""
    step = 10.0 ** np.floor(np.log10(span / 6.0))
    length = max(m * step for m in (1.0, 2.0, 5.0) if m * step <= span / 6.0)
    x, y = x0 + 0.02 * span, y0 + 0.02 * span
    axes.plot([x, x + length], [y, y], color=INK, lw=2.0)  # type: ignore[attr-defined]
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.annotate(label, (x + length / 2, y + 0.008 * span), fontsize=7.5, ha="center", color=INK)  # type: ignore[attr-defined]


def _largest(links: gpd.GeoDataFrame, weight: NDArray[np.float64]) -> list[tuple[float, float, str]]:
    """Where to write the names of the roads with the largest weights: one place each, not too close."""
    x0, y0, x1, y1 = links.total_bounds
    apart = 0.05 * max(x1 - x0, y1 - y0)
    names = links["name"].fillna("").astype(str).to_numpy()
    table = pd.DataFrame({"name": names, "weight": weight}).query("name != '' and weight > 0")
    rows = table.groupby("name")["weight"].idxmax()
    found: list[tuple[float, float, str]] = []
    for k in rows.iloc[np.argsort(-weight[rows.to_numpy()], kind="stable")]:
        point = shapely.line_interpolate_point(links.geometry.iloc[k], 0.5, normalized=True)
        if all(np.hypot(point.x - x, point.y - y) > apart for x, y, _ in found):
            found.append((float(point.x), float(point.y), str(names[k])))
        if len(found) == _NAMED:
            break
    return found
