"""Maps and hydrographs on paper: one sheet each, as a flood atlas has them (matplotlib, no display).

Every function returns a `matplotlib.figure.Figure`; with `path` it also writes it (PNG, PDF, SVG by
the suffix). What a run lacks is left out and said; a sheet whose subject is missing raises TwinError.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch, PathPatch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

import twin
from twin.errors import TwinError
from twin.features import CLOSURE_DEPTH, WET_DEPTH
from twin.files import replacing
from twin.indicators import compute, facilities, max_water_depth, permanent_water
from twin.messages import text
from twin.results import COMPLETE, Result
from twin.styles import number
from viz import colours as c

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

_INK = "#22272b"
_FAINT = "#6b7176"
_FONT = ["DejaVu Sans"]
#: More pixels than this on a side are not seen on a printed sheet.
_PIXELS = 2400
#: Width of a road on the sheet (points) by importance 1 … 6.
_ROAD_WIDTH = (2.6, 2.2, 1.8, 1.3, 0.9, 0.6)
_SIGNS = {
    "hospital": "H",
    "fire_station": "P",
    "school": "E",
    "care_home": "R",
    "town_hall": "M",
    "police": "G",
    "treatment_plant": "S",
}


def max_depth(
    result: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    sources: Sequence[str] | None = None,
    extent: tuple[float, float, float, float] | None = None,
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
    dpi : dots per inch of the sheet (A4, landscape or portrait by the shape of the territory).

    Raises
    ------
    TwinError
        The run has no water depth.
    """
    depth = max_water_depth(result)
    if depth is None:
        raise TwinError(f"{result.path}: {text('map.no_depth', lang)}")
    sheet = _Sheet(result, lang, title, sources, extent, dpi, text("map.max_depth", lang))
    sheet.classes(depth, c.DEPTH, blend=True)
    sheet.shoreline(depth)
    sheet.roads()
    sheet.buildings(touched=True)
    sheet.places()
    sheet.legend(
        text("map.legend_depth", lang), [(c.class_label(part, "m", lang), part.colour) for part in c.DEPTH]
    )
    return sheet.finish(path)


def arrival(
    result: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    sources: Sequence[str] | None = None,
    extent: tuple[float, float, float, float] | None = None,
    dpi: int = 160,
) -> Figure:
    """The sheet of the time that is left: hours until the water arrives. Parameters as for `max_depth`.

    Raises
    ------
    TwinError
        The run has no arrival time.
    """
    if not result.has_fields or "arrival_time" not in result.fields:
        raise TwinError(f"{result.path}: {text('map.no_arrival', lang)}")
    hours = np.asarray(result.fields["arrival_time"].values, dtype=np.float64) / 3600
    depth = max_water_depth(result)
    if depth is not None:
        hours = np.where(depth > WET_DEPTH, hours, np.nan)
    sheet = _Sheet(result, lang, title, sources, extent, dpi, text("map.arrival", lang))
    sheet.classes(hours, c.ARRIVAL, blend=True)
    if depth is not None:
        sheet.shoreline(depth)
    sheet.roads()
    sheet.buildings(touched=False)
    sheet.places()
    sheet.legend(
        text("map.legend_arrival", lang),
        [(c.class_label(part, "h", lang), part.colour) for part in c.ARRIVAL],
    )
    return sheet.finish(path)


def hazard(
    result: Result,
    path: str | Path | None = None,
    *,
    lang: str | None = None,
    title: str | None = None,
    sources: Sequence[str] | None = None,
    extent: tuple[float, float, float, float] | None = None,
    dpi: int = 160,
) -> Figure:
    """The sheet of the hazard (PPRI table, codes 1 to 4). Parameters as for `max_depth`.

    Raises
    ------
    TwinError
        The run has no hazard.
    """
    if not result.has_fields or "max_hazard_ppri" not in result.fields:
        raise TwinError(f"{result.path}: {text('map.no_hazard', lang)}")
    codes = np.asarray(result.fields["max_hazard_ppri"].values, dtype=np.float64)
    depth = max_water_depth(result)
    if depth is not None:
        codes = np.where(depth > WET_DEPTH, codes, np.nan)
    sheet = _Sheet(result, lang, title, sources, extent, dpi, text("map.hazard", lang))
    sheet.classes(codes, c.HAZARD, blend=True)
    if depth is not None:
        sheet.shoreline(depth)
    sheet.roads()
    sheet.buildings(touched=False)
    sheet.places()
    sheet.legend(
        text("map.legend_hazard", lang),
        [(c.hazard_label(k + 1, lang), part.colour) for k, part in enumerate(c.HAZARD)],
    )
    return sheet.finish(path)


class _Sheet:
    """One A4 sheet: the map, and a column with title, legend, figures, sources."""

    def __init__(
        self,
        result: Result,
        lang: str | None,
        title: str | None,
        sources: Sequence[str] | None,
        extent: tuple[float, float, float, float] | None,
        dpi: int,
        subject: str,
    ) -> None:
        self.result, self.lang, self.grid = result, lang, result.grid
        self.title, self.subject = title or result.name, subject
        self.sources = list(sources) if sources is not None else _sources(result, lang)
        bounds = extent or self.grid.bounds
        step = max(1, -(-max(self.grid.shape) // _PIXELS))
        self.step = step
        aspect = (bounds[2] - bounds[0]) / (bounds[3] - bounds[1])
        landscape = aspect > 0.8
        self.width, self.height = (11.69, 8.27) if landscape else (8.27, 11.69)
        self.figure = Figure(figsize=(self.width, self.height), dpi=dpi, facecolor="white")
        FigureCanvasAgg(self.figure)
        # The map takes what the column (inches) leaves; the column stands at the right.
        self.margin, self.column = 0.38, 2.45
        room_w = self.width - 2 * self.margin - self.column - 0.25
        room_h = self.height - 2 * self.margin - 0.12
        w = min(room_w, room_h * aspect)
        h = w / aspect
        self.map_box = (self.margin + 0.12, self.height - self.margin - h, w, h)
        left, bottom = self.map_box[0] / self.width, self.map_box[1] / self.height
        self.ax: Axes = self.figure.add_axes((left, bottom, w / self.width, h / self.height))
        self.ax.set_xlim(bounds[0], bounds[2])
        self.ax.set_ylim(bounds[1], bounds[3])
        self.metres_per_point = (bounds[2] - bounds[0]) / (w * 72)
        self.entries: list[tuple[str, list[tuple[str, Any]]]] = []
        self.permanent = permanent_water(result)[::step, ::step]
        self._relief()
        self._frame()

    # -- the map ----------------------------------------------------------------

    @property
    def _image_extent(self) -> tuple[float, float, float, float]:
        x_min, _, _, y_max = self.grid.bounds
        ny, nx = (-(-n // self.step) for n in self.grid.shape)
        side = self.step * self.grid.cell
        return x_min, x_min + nx * side, y_max - ny * side, y_max

    def _relief(self) -> None:
        fields = self.result.fields
        if "bed_elevation" in fields:
            bed = np.asarray(fields["bed_elevation"].values, dtype=np.float64)[:: self.step, :: self.step]
            self.land = c.land(bed, self.grid.cell * self.step)
        else:
            self.land = np.full((*self.permanent.shape, 3), 0.95)
        self.ax.imshow(
            self.land, extent=self._image_extent, interpolation="bilinear", zorder=1, aspect="auto"
        )

    def classes(self, values: Floats, classes: Sequence[c.ColourClass], *, blend: bool) -> None:
        """Paint classes on the relief; `blend` lets the light of the relief through a little."""
        values = values[:: self.step, :: self.step]
        index = c.class_index(values, classes)
        index[self.permanent] = -1
        palette = np.array([c.rgb(part.colour) for part in classes])
        picture = np.zeros((*index.shape, 4))
        picture[..., :3] = palette[index]
        picture[..., 3] = index >= 0
        picture[self.permanent, :3] = c.rgb(c.PERMANENT_WATER)
        picture[self.permanent, 3] = 1.0
        if blend:
            light = self.land.mean(axis=-1, keepdims=True)
            typical = float(np.median(light))
            picture[..., :3] = np.clip(picture[..., :3] * (1.0 + 0.35 * (light - typical)), 0, 1)
        self.ax.imshow(picture, extent=self._image_extent, interpolation="nearest", zorder=2, aspect="auto")
        if self.permanent.any():
            self.entries.append(("", [(text("map.permanent", self.lang), c.PERMANENT_WATER)]))

    def shoreline(self, depth: Floats) -> None:
        """A dark line where the flood ends: shallow water on pale land has hardly any contrast."""
        wet = np.nan_to_num(depth[:: self.step, :: self.step])
        if wet.max(initial=0.0) <= WET_DEPTH or wet.min(initial=0.0) > WET_DEPTH or min(wet.shape) < 2:
            return
        x, y = self.grid.x[:: self.step], self.grid.y[:: self.step]
        self.ax.contour(x, y, wet, levels=[WET_DEPTH], colors=c.SHORELINE, linewidths=0.7, zorder=3)

    def roads(self) -> None:
        """Open roads white with a casing, wider when important; cut ones black and yellow."""
        roads = self.result.roads
        if roads is None or roads.empty:
            return
        if "drivable" in roads:
            roads = roads[roads["drivable"].astype(bool)]
        importance = roads["importance"].to_numpy() if "importance" in roads else np.full(len(roads), 5)
        # A road of 6 m should not be drawn 40 m wide on a large territory.
        scale = float(np.clip(9.0 / self.metres_per_point / 2.0, 0.35, 1.6))
        width = np.array(_ROAD_WIDTH)[np.clip(np.nan_to_num(importance, nan=5).astype(int), 1, 6) - 1] * scale
        lines = _lines(roads)
        cut = roads["max_water_depth"].to_numpy(dtype=float) >= CLOSURE_DEPTH
        order = np.argsort(-np.nan_to_num(importance, nan=5), kind="stable")
        open_ = [k for k in order if not cut[k]]
        for colour, more, z in ((c.ROAD_CASING, 0.7 * scale, 4.0), (c.ROAD_OPEN, 0.0, 4.1)):
            self._draw([lines[k] for k in open_], width[open_] + more, colour, z)
        closed = np.flatnonzero(cut)
        thick = np.maximum(width[closed], 1.1)
        self._draw([lines[k] for k in closed], thick + 0.9, c.ROAD_CUT[0], 4.2)
        self._draw([lines[k] for k in closed], thick, c.ROAD_CUT[1], 4.3, dashed=True)
        entries: list[tuple[str, Any]] = [(text("map.road_open", self.lang), "road_open")]
        if cut.any():
            closure = number(CLOSURE_DEPTH, self.lang)
            entries.append((text("map.road_cut", self.lang, closure=closure), "road_cut"))
        self.entries.append((text("map.legend_roads", self.lang), entries))

    def _draw(
        self, lines: list[Floats], width: NDArray[Any], colour: str, z: float, *, dashed: bool = False
    ) -> None:
        if lines:
            style: Any = (0, (2.2, 1.6)) if dashed else "solid"
            self.ax.add_collection(
                LineCollection(
                    lines, linewidths=width, colors=colour, linestyles=style, zorder=z, capstyle="butt"
                )
            )

    def buildings(self, *, touched: bool) -> None:
        """Footprints; those touched in the colour of their depth when `touched`."""
        buildings = self.result.buildings
        if buildings is None or buildings.empty:
            return
        depth = buildings["max_water_depth"].to_numpy(dtype=float)
        index = c.class_index(depth, c.BUILDING) if touched else np.full(len(buildings), -1)
        edge = float(np.clip(0.9 / self.metres_per_point, 0.05, 0.35))
        shapes = np.asarray(buildings.geometry.array, dtype=object)
        for k in range(-1, len(c.BUILDING)):
            patches = [_patch(shape) for shape in shapes[index == k]]
            if patches:
                fill = c.DRY_BUILDING if k < 0 else c.BUILDING[k].colour
                line = "#8b857a" if k < 0 else "#3a2a20"
                self.ax.add_collection(
                    PatchCollection(
                        patches, facecolor=fill, edgecolor=line, linewidths=edge, zorder=5 + 0.1 * k
                    )
                )
        entries: list[tuple[str, Any]] = [
            (c.class_label(part, "m", self.lang), part.colour) for k, part in enumerate(c.BUILDING) if touched
        ]
        entries.append((text("map.building_dry", self.lang), c.DRY_BUILDING))
        self.entries.append((text("map.legend_buildings", self.lang), entries))

    def places(self) -> None:
        """Hospital, fire station, schools …: a sign each, red when in water."""
        found = facilities(self.result)
        if found is None or found.empty:
            return
        seen: list[str] = []
        any_wet = False
        for kind, depth, shape in zip(
            found["facility"], found["max_water_depth"], found.geometry, strict=True
        ):
            point = shape.representative_point()
            wet = bool(depth > WET_DEPTH)
            any_wet |= wet
            _sign(self.ax, point.x, point.y, _SIGNS[kind], wet=wet)
            if kind not in seen:
                seen.append(kind)
        entries: list[tuple[str, Any]] = [
            (text(f"map.facility.{kind}", self.lang), ("sign", _SIGNS[kind], False)) for kind in seen
        ]
        if any_wet:
            entries.append((text("map.place_touched", self.lang), ("sign", "", True)))
        self.entries.append((text("map.legend_places", self.lang), entries))

    def legend(self, head: str, entries: Sequence[tuple[str, Any]]) -> None:
        """Put the legend of the subject first."""
        loose = [entry for name, group in self.entries if not name for entry in group]
        self.entries = [(head, [*entries, *loose]), *[pair for pair in self.entries if pair[0]]]

    def _frame(self) -> None:
        """Neat line with kilometre ticks, scale bar, north arrow."""
        ax = self.ax
        for side in ax.spines.values():
            side.set_linewidth(0.9)
            side.set_color(_INK)
            side.set_zorder(20)
        west, east = ax.get_xlim()
        south, north = ax.get_ylim()
        step = _round_step((east - west) / 5)
        ax.set_xticks(np.arange(np.ceil(west / step), np.floor(east / step) + 1) * step)
        ax.set_yticks(np.arange(np.ceil(south / step), np.floor(north / step) + 1) * step)
        ax.tick_params(length=3, width=0.6, color=_INK, labelsize=5.5, labelcolor=_FAINT, pad=1.5)
        digits = 0 if step >= 1000 else 1 if step >= 100 else 2
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: number(value / 1000, self.lang, digits))
        for label in ax.get_yticklabels():
            label.set_rotation(90)
            label.set_verticalalignment("center")

        length = _round_step((east - west) / 4)
        pad = 0.02 * (east - west)
        height = 3.2 * self.metres_per_point
        x, y = west + 1.6 * pad, south + 1.9 * pad
        unit, factor = ("km", 1000.0) if length >= 1000 else ("m", 1.0)
        ax.add_patch(
            Rectangle(
                (x - 0.8 * pad, y - 0.9 * pad),
                length + 2.6 * pad,
                height + 2.4 * pad,
                facecolor="white",
                alpha=0.82,
                linewidth=0,
                zorder=18,
            )
        )
        for k in range(4):
            ax.add_patch(
                Rectangle(
                    (x + k * length / 4, y),
                    length / 4,
                    height,
                    facecolor=_INK if k % 2 == 0 else "white",
                    edgecolor=_INK,
                    linewidth=0.6,
                    zorder=19,
                )
            )
        for share in (0.0, 0.5, 1.0):
            label = number(share * length / factor, self.lang) + (f" {unit}" if share == 1.0 else "")
            ax.text(
                x + share * length, y + height + 0.25 * pad, label, fontsize=6.5, ha="center", va="bottom",
                color=_INK, zorder=19,
            )  # fmt: skip
        top = north - 1.2 * pad
        ax.add_patch(
            FancyArrowPatch(
                (east - 1.8 * pad, top - 3.4 * pad),
                (east - 1.8 * pad, top),
                arrowstyle="-|>,head_length=7,head_width=3.4",
                color=_INK,
                linewidth=1.3,
                zorder=19,
                shrinkA=0,
                shrinkB=0,
            )
        )
        halo = [withStroke(linewidth=2.2, foreground="white")]
        ax.text(
            east - 1.8 * pad, top - 3.7 * pad, text("map.north", self.lang), fontsize=9, fontweight="bold",
            ha="center", va="top", color=_INK, zorder=19, path_effects=halo,
        )  # fmt: skip

    # -- the column ---------------------------------------------------------------

    def finish(self, path: str | Path | None) -> Figure:
        """Write the column, then the file."""
        x = (self.width - self.margin - self.column) / self.width
        column = self.figure.add_axes((x, 0.0, self.column / self.width, 1.0))
        column.set_xlim(0, self.column)
        column.set_ylim(0, self.height)
        column.axis("off")
        pen = _Pen(column, self.height - self.margin, self.column)
        pen.write(self.subject.upper(), 7.5, colour="#2171b5", weight="bold")
        pen.write(self.title, 14, weight="bold", gap=0.05)
        pen.write(_when(self.result, self.lang), 7, colour=_FAINT, gap=0.06)
        pen.rule()
        for head, entries in self.entries:
            pen.write(head, 8, weight="bold", gap=0.02)
            for label, key in entries:
                pen.entry(label, key)
            pen.space(0.09)
        figures = _figures(self.result, self.lang)
        if figures:
            pen.rule()
            pen.write(text("map.figures", self.lang), 8, weight="bold", gap=0.02)
            for label, value in figures:
                pen.pair(label, value)
        foot = _Pen(column, self.margin + 1.32, self.column)
        foot.rule()
        foot.write(text("map.indicative", self.lang), 8.5, weight="bold", colour="#a50026", gap=0.03)
        cell = number(self.grid.cell, self.lang)
        made = text("map.computed", self.lang, version=twin.__version__, cell=cell, crs=self.grid.crs)
        foot.write(made, 5.8, colour=_FAINT)
        foot.write(f"{text('map.source', self.lang)} : {' ; '.join(self.sources)}.", 5.8, colour=_FAINT)
        if path is not None:
            save(self.figure, path)
        return self.figure


class _Pen:
    """Writes down a column, inches from its top."""

    def __init__(self, ax: Axes, top: float, width: float) -> None:
        self.ax, self.y, self.width = ax, top, width

    def space(self, inches: float) -> None:
        self.y -= inches

    def rule(self) -> None:
        self.y -= 0.05
        self.ax.plot([0, self.width], [self.y, self.y], color="#c9cdd1", linewidth=0.7)
        self.y -= 0.09

    def write(
        self, words: str, size: float, *, colour: str = _INK, weight: str = "normal", gap: float = 0.0
    ) -> None:
        for line in _wrap(words, size, self.width, weight):
            self.ax.text(0, self.y, line, fontsize=size, color=colour, fontweight=weight, va="top", ha="left")
            self.y -= size * 1.28 / 72
        self.y -= gap

    def entry(self, label: str, key: Any) -> None:
        """One line of the legend: a swatch (colour, road or sign) and its label."""
        h = 0.155
        mid = self.y - h / 2
        if key in ("road_open", "road_cut"):
            outer, inner = (c.ROAD_CASING, c.ROAD_OPEN) if key == "road_open" else c.ROAD_CUT
            self.ax.plot([0.02, 0.32], [mid, mid], color=outer, linewidth=3.4, solid_capstyle="butt")
            dash: Any = "solid" if key == "road_open" else (0, (2.2, 1.6))
            self.ax.plot(
                [0.02, 0.32], [mid, mid], color=inner, linewidth=2.2, linestyle=dash, solid_capstyle="butt"
            )
        elif isinstance(key, tuple):
            _sign(self.ax, 0.17, mid, key[1], wet=key[2], size=6.5)
        else:
            self.ax.add_patch(
                Rectangle((0.02, mid - 0.052), 0.3, 0.104, facecolor=key, edgecolor="#5b6166", linewidth=0.4)
            )
        self.ax.text(0.42, mid, label, fontsize=7, va="center_baseline", color=_INK)
        self.y -= h

    def pair(self, label: str, value: str) -> None:
        """A figure: label left, value right."""
        self.ax.text(
            self.width, self.y, value, fontsize=7, fontweight="bold", va="top", ha="right", color=_INK
        )
        for line in _wrap(label, 7, self.width - 0.75, "normal"):
            self.ax.text(0, self.y, line, fontsize=7, va="top", color=_INK)
            self.y -= 7 * 1.28 / 72
        self.y -= 0.025


def _wrap(words: str, size: float, width: float, weight: str) -> list[str]:
    """Break text into lines of at most `width` inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family=_FONT, weight=weight)
    lines: list[str] = []
    current = ""
    for word in words.split():
        longer = f"{current} {word}".strip()
        if current and TextPath((0, 0), longer, size=size, prop=font).get_extents().width / 72 > width:
            lines.append(current)
            current = word
        else:
            current = longer
    return [*lines, current]


def _sign(ax: Axes, x: float, y: float, letter: str, *, wet: bool, size: float = 7.0) -> None:
    """A round sign with a letter: blue, or red when in water."""
    ax.plot(
        [x], [y], marker="o", markersize=size + 3.2, markerfacecolor="#c1121f" if wet else "#1d3f72",
        markeredgecolor="white", markeredgewidth=1.0, zorder=12, linestyle="none",
    )  # fmt: skip
    ax.annotate(
        letter,
        (x, y),
        fontsize=size,
        fontweight="bold",
        color="white",
        ha="center",
        va="center_baseline",
        zorder=13,
    )


def _lines(frame: gpd.GeoDataFrame) -> list[Floats]:
    """Vertices (n, 2) of every line; those of a multi-line joined by a gap (NaN)."""
    out = []
    for shape in frame.geometry:
        parts = [np.asarray(part.coords)[:, :2] for part in getattr(shape, "geoms", [shape])]
        pieces = [piece for part in parts for piece in (part, np.full((1, 2), np.nan))]
        out.append(np.concatenate(pieces[:-1]) if pieces else np.zeros((0, 2)))
    return out


def _patch(shape: Any) -> PathPatch:
    """A polygon with its holes as a patch."""
    paths = []
    for polygon in getattr(shape, "geoms", [shape]):
        rings = [polygon.exterior, *polygon.interiors]
        paths += [Outline(np.asarray(ring.coords)[:, :2], closed=True) for ring in rings]
    return PathPatch(Outline.make_compound_path(*paths))


def _round_step(value: float) -> float:
    """The largest of 1, 2, 5 × 10ⁿ that is not above a value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(k * power for k in (1, 2, 5) if k * power <= value))


def _sources(result: Result, lang: str | None) -> list[str]:
    """The data that the run names: source and edition of each layer, once."""
    named = result.provenance.get("sources")
    lines = [str(line) for line in named] if isinstance(named, list) else []
    return list(dict.fromkeys(lines)) or [text("map.missing_sources", lang)]


def _when(result: Result, lang: str | None) -> str:
    """Start and duration of the run, and how far it got when it was stopped."""
    words = []
    start = result.fields.attrs.get("start") if result.has_fields else None
    if start:
        moment = datetime.fromisoformat(str(start))
        words.append(text("map.start", lang, start=f"{moment:%d/%m/%Y %H:%M}"))
    duration = result.scenario_table.get("duration")
    if isinstance(duration, int | float):
        words.append(text("map.duration", lang, hours=number(duration / 3600, lang, 1)))
    if result.status != COMPLETE and result.has_fields and result.times.size:
        words.append(text("map.until", lang, hours=number(float(result.times[-1]) / 3600, lang, 1)))
    return ", ".join(words)


def _figures(result: Result, lang: str | None) -> list[tuple[str, str]]:
    """The handful of indicators that belong on a sheet."""
    wanted = {
        "flooded_area": 0,
        "buildings_touched": 0,
        "residents_in_water": 0,
        "facilities_touched": 0,
        "roads_cut": 0,
        "roads_cut_length": 1,
        "first_road_cut_time": 0,
    }
    known = compute(result)
    out = []
    for key, digits in wanted.items():
        if key in known:
            figure = known[key]
            value = f"{figure.value:,.{digits}f}".replace(",", "\u202f")
            value = value.replace(".", ",") if text("map.north", lang) and _french(lang) else value
            label = figure.label(lang)
            out.append((label[0].upper() + label[1:], f"{value} {figure.unit}".strip()))
    return out


def _french(lang: str | None) -> bool:
    from twin.messages import language

    return language(lang) == "fr"


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
    gauges, sections = result.gauges, result.sections
    panels = [
        (frame, key, value, name)
        for frame, key, value, name in (
            (gauges, "gauge", "water_level_m", "level"),
            (sections, "section", "discharge_m3_s", "discharge"),
        )
        if len(frame)
    ]
    if not panels:
        raise TwinError(f"{result.path}: {text('map.no_series', lang)}")
    figure = Figure(figsize=(8.27, 1.5 + 2.9 * len(panels)), dpi=dpi, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title or result.name, fontsize=13, fontweight="bold", x=0.02, ha="left", color=_INK)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    palette = ["#2171b5", "#d7301f", "#238b45", "#6a1b7a", "#d98c00", "#4d4d4d"]
    names = _place_labels(result)
    for ax, (frame, key, value, name) in zip(axes, panels, strict=True):
        for k, (which, rows) in enumerate(frame.groupby(key, sort=False)):
            hours, values = rows["time_s"] / 3600, rows[value]
            style = ("-", "--", ":", "-.")[k // len(palette) % 4]
            label = names.get(str(which), str(which))
            ax.plot(
                hours, values, color=palette[k % len(palette)], linestyle=style, linewidth=1.5, label=label
            )
            if values.notna().any():
                peak = values.idxmax()
                ax.plot(hours[peak], values[peak], "o", color=palette[k % len(palette)], markersize=3.5)
                ax.annotate(
                    number(values[peak], lang, 2 if name == "level" else 0),
                    (hours[peak], values[peak]), xytext=(0, 5), textcoords="offset points", ha="center", fontsize=7,
                    color=palette[k % len(palette)],
                )  # fmt: skip
        ax.set_ylabel(text(f"map.{name}", lang), fontsize=8, color=_INK)
        ax.grid(color="#dfe3e6", linewidth=0.6)
        ax.margins(x=0.0, y=0.15)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=7.5, color=_FAINT, labelcolor=_INK)
        ax.yaxis.set_major_formatter(lambda v, _: number(v, lang))
        ax.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    start = _start(result)
    axes[-1].xaxis.set_major_formatter(lambda v, _: _clock(v, start, lang))
    axes[-1].set_xlabel(text("map.time", lang), fontsize=8, color=_INK)
    figure.text(
        0.99,
        0.995,
        text("map.indicative", lang),
        ha="right",
        va="top",
        fontsize=7.5,
        fontweight="bold",
        color="#a50026",
    )
    if path is not None:
        save(figure, path)
    return figure


def _start(result: Result) -> datetime | None:
    start = result.fields.attrs.get("start") if result.has_fields else None
    return datetime.fromisoformat(str(start)) if start else None


def _clock(hours: float, start: datetime | None, lang: str | None) -> str:
    """``T+1,5 h`` and, below, the time of day."""
    from datetime import timedelta

    label = f"T+{number(hours, lang, 1)} h"
    return label if start is None else f"{label}\n{start + timedelta(hours=hours):%H:%M}"


def _place_labels(result: Result) -> dict[str, str]:
    """What people call the named places."""
    places = result.places
    if places is None or "label" not in places:
        return {}
    return {str(n): str(label) for n, label in zip(places["name"], places["label"], strict=True) if label}


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure (format by the suffix), whole or not at all; returns the path."""
    target = Path(path)
    with replacing(target) as temporary:
        figure.savefig(temporary)
    return target
