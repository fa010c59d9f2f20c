"""One map sheet: relief, water, roads, buildings, facilities, frame, and the column beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

import twin
from twin.features import WET_DEPTH
from twin.indicators import compute, facilities
from twin.messages import key_figure, number, text
from twin.notebook import KEY_FIGURES, when_of
from twin.results import Result
from twin.run_writer import COMPLETE
from twin.water import permanent_water
from viz import colours as c
from viz.drawing import Drawing
from viz.names import facility_names
from viz.pen import (
    DASHES,
    FAINT,
    INK,
    RED,
    ROAD_CUT_KEY,
    ROAD_OPEN_KEY,
    SHORE_KEY,
    Pen,
    line_height,
    sign,
    text_width,
    wrap,
)
from viz.sheet_text import round_down, sources_of, value_text

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
Extent = tuple[float, float, float, float]

#: More pixels than this on a side are not seen on a printed sheet.
_PIXELS = 2400
MOST_CELLS = _PIXELS**2
#: Width of a road on the sheet (points) by importance 1 … 6, at a readable scale.
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
#: Names of facilities are written when there are no more than this.
_NAMED = 15
_MARGIN, _COLUMN, _FOOT = 0.38, 2.45, 0.62  # inches; the foot grows with its lines
_RESERVE, _CITED = 8.5, 5.8  # points: the text of the foot


class Sheet:
    """A sheet being drawn; `finish` gives the figure.

    A4 wide (or, for a territory taller than wide, A4 portrait), as high as the map needs.
    """

    def __init__(
        self,
        result: Result,
        subject: str,
        *,
        lang: str | None,
        title: str | None,
        sources: Sequence[str] | None,
        extent: Extent | None,
        dpi: int,
        before: Result | None = None,
    ) -> None:
        """`before`: a run whose figures stand beside those of `result`."""
        self.before = before
        self.result, self.lang, self.grid = result, lang, result.grid
        self.title, self.subject = title or result.name, subject
        self.sources = list(sources) if sources is not None else sources_of(result, lang)
        bounds = extent or self.grid.bounds
        self.step = max(1, -(-max(self.grid.shape) // _PIXELS))
        aspect = (bounds[2] - bounds[0]) / (bounds[3] - bounds[1])
        self.width, tallest = (11.69, 8.27) if aspect > 0.8 else (8.27, 11.69)
        # The column stands at the right; the map takes what it leaves.
        left = _MARGIN + 0.12
        self.room = self.width - left - _MARGIN - _COLUMN - 0.25
        self.cited = self._cited()
        lines = len(wrap(self.cited, _CITED, self.room * 72))
        self.foot = max(_FOOT, line_height(_RESERVE) + lines * line_height(_CITED) + 0.14)
        below = 0.3 + self.foot
        # However many sources, the map keeps a third of the paper.
        w = min(self.room, max(tallest - _MARGIN - below, tallest / 3) * aspect)
        h = w / aspect
        self.height = max(h + _MARGIN + below, 7.1)
        self.figure = Drawing(figsize=(self.width, self.height), dpi=dpi, facecolor="white")
        box = (
            left / self.width,
            (self.height - _MARGIN - h) / self.height,
            w / self.width,
            h / self.height,
        )
        self.ax: Axes = self.figure.add_axes(box)
        self.ax.set_xlim(bounds[0], bounds[2])
        self.ax.set_ylim(bounds[1], bounds[3])
        self.map_left = left
        self.point = (bounds[2] - bounds[0]) / (w * 72)  # metres of ground in a point of paper
        self.legends: list[tuple[str, list[tuple[str, Any]]]] = []
        self.permanent = permanent_water(result)[:: self.step, :: self.step]
        self._relief()
        self._frame()
        self._scale_bar()
        self._north()

    # -- the map ----------------------------------------------------------------

    def _image(self, picture: Floats, zorder: float, interpolation: str) -> None:
        x_min, _, _, y_max = self.grid.bounds
        ny, nx = picture.shape[:2]
        side = self.step * self.grid.cell
        extent = (x_min, x_min + nx * side, y_max - ny * side, y_max)
        # aspect "auto" leaves the axes as they are: their box already has the shape of the ground.
        limits = self.ax.get_xlim(), self.ax.get_ylim()
        self.ax.imshow(picture, extent=extent, interpolation=interpolation, zorder=zorder, aspect="auto")
        self.ax.set_xlim(limits[0])
        self.ax.set_ylim(limits[1])

    def _relief(self) -> None:
        fields = self.result.fields
        self.land: Floats = np.full((*self.permanent.shape, 3), 0.95)
        if "bed_elevation" in fields:
            bed = np.asarray(fields["bed_elevation"].values, dtype=np.float64)
            self.land = c.land(bed[:: self.step, :: self.step], self.grid.cell * self.step)
        self._image(self.land, 1, "bilinear")

    def classes(
        self, head: str, values: Floats, classes: Sequence[c.ColourClass], labels: Sequence[str]
    ) -> None:
        """Paint classes of a field on the relief, whose light shows through a little, and legend them."""
        index = c.class_index(values[:: self.step, :: self.step], classes)
        index[self.permanent] = -1
        picture = np.zeros((*index.shape, 4))
        picture[..., :3] = np.array([c.rgb(part.colour) for part in classes])[index]
        picture[..., 3] = index >= 0
        picture[self.permanent, :3] = c.rgb(c.PERMANENT_WATER)
        picture[self.permanent, 3] = 1.0
        light = self.land.mean(axis=-1, keepdims=True)
        picture[..., :3] *= 1.0 + 0.35 * (light - float(np.median(light)))
        self._image(np.clip(picture, 0, 1), 2, "nearest")
        entries: list[tuple[str, Any]] = [
            (label, part.colour) for label, part in zip(labels, classes, strict=True)
        ]
        if self.permanent.any():
            entries.append((text("map.permanent", self.lang), c.PERMANENT_WATER))
        self.legends.append((head, entries))

    def shoreline(self, depth: Floats) -> None:
        """A dark line where the flood ends: shallow water on pale land has hardly any contrast."""
        wet = np.nan_to_num(depth[:: self.step, :: self.step])
        if min(wet.shape) < 2 or not wet.min() <= WET_DEPTH < wet.max():
            return
        x, y = self.grid.x[:: self.step], self.grid.y[:: self.step]
        self.ax.contour(x, y, wet, levels=[WET_DEPTH], colors=c.SHORELINE, linewidths=0.7, zorder=3)
        self.legends[0][1].append((text("map.shoreline", self.lang), SHORE_KEY))

    def roads(self) -> None:
        """Open roads white with a casing, wider when important; cut ones black and yellow."""
        roads = self.result.roads
        if roads is None or roads.empty:
            return
        if "drivable" in roads:
            roads = roads[roads["drivable"].astype(bool)]
        importance = (
            roads["importance"].to_numpy(dtype=float) if "importance" in roads else np.full(len(roads), 5.0)
        )
        rank = np.clip(np.nan_to_num(importance, nan=5.0), 1, 6).astype(int)
        # On a large territory a street of full width would cover its houses.
        scale = float(np.clip(4.5 / self.point, 0.5, 1.6))
        width = np.array(_ROAD_WIDTH)[rank - 1] * scale
        lines = _lines(roads)
        cut = _depths(roads) >= self.result.closure_depth
        by_rank = np.argsort(-rank, kind="stable")
        open_, closed = by_rank[~cut[by_rank]], by_rank[cut[by_rank]]
        self._strokes(lines, open_, width + 0.7 * scale, c.ROAD_CASING, 4.0)
        self._strokes(lines, open_, width, c.ROAD_OPEN, 4.1)
        thick = np.maximum(width, 1.0)
        self._strokes(lines, closed, thick + 0.8, c.ROAD_CUT[0], 4.2)
        self._strokes(lines, closed, thick, c.ROAD_CUT[1], 4.3, DASHES)
        entries: list[tuple[str, Any]] = [(text("map.road_open", self.lang), ROAD_OPEN_KEY)]
        if closed.size:
            closure = number(self.result.closure_depth, self.lang)
            entries.append((text("map.road_cut", self.lang, closure=closure), ROAD_CUT_KEY))
        self.legends.append((text("map.legend_roads", self.lang), entries))

    def _strokes(
        self,
        lines: list[Floats],
        which: NDArray[Any],
        width: Floats,
        colour: str,
        zorder: float,
        style: Any = "solid",
    ) -> None:
        if which.size:
            self.ax.add_collection(
                LineCollection(
                    [lines[k] for k in which],
                    linewidths=width[which],
                    colors=colour,
                    linestyles=style,
                    capstyle="butt",
                    zorder=zorder,
                ),
                autolim=False,
            )

    def buildings(self, *, by_depth: bool) -> None:
        """Footprints, those touched in the colour of their depth when `by_depth`."""
        buildings = self.result.buildings
        if buildings is None or buildings.empty:
            return
        index = c.class_index(_depths(buildings), c.BUILDING) if by_depth else np.full(len(buildings), -1)
        edge = float(np.clip(0.9 / self.point, 0.05, 0.35))
        shapes = np.asarray(buildings.geometry.array, dtype=object)
        for k in range(-1, len(c.BUILDING)):
            patches = [_patch(shape) for shape in shapes[index == k]]
            if patches:
                fill, line = (c.DRY_BUILDING, "#8b857a") if k < 0 else (c.BUILDING[k].colour, "#3a2a20")
                self.ax.add_collection(
                    PatchCollection(
                        patches, facecolor=fill, edgecolor=line, linewidths=edge, zorder=5 + 0.1 * k
                    ),
                    autolim=False,
                )
        if not by_depth:
            self.legends[0][1].append((text("map.building", self.lang), c.DRY_BUILDING))
            return
        entries: list[tuple[str, Any]] = [
            (c.class_label(part, "m", self.lang), part.colour) for part in c.BUILDING
        ]
        entries.append((text("map.building_dry", self.lang), c.DRY_BUILDING))
        self.legends.append((text("map.legend_buildings", self.lang), entries))

    def places(self) -> None:
        """Hospital, fire station, schools …: a sign each, red when in water, named where there is room."""
        found = facilities(self.result)
        if found is None or found.empty:
            return
        points = [shape.representative_point() for shape in found.geometry]
        wet = found["max_water_depth"].to_numpy(dtype=float) > WET_DEPTH
        for kind, point, is_wet in zip(found["facility"], points, wet, strict=True):
            sign(self.ax, point.x, point.y, _SIGNS[kind], wet=bool(is_wet))
        if len(found) <= _NAMED:
            self._names([(p.x, p.y) for p in points], facility_names(found, self.lang))
        entries: list[tuple[str, Any]] = [
            (text(f"map.facility.{kind}", self.lang), (_SIGNS[kind], False))
            for kind in dict.fromkeys(found["facility"])
        ]
        if wet.any():
            entries.append((text("map.place_touched", self.lang), ("", True)))
        self.legends.append((text("map.legend_places", self.lang), entries))

    def _names(self, points: list[tuple[float, float]], names: list[str]) -> None:
        """Write names beside their signs, where they cover no other sign or name and stay on the map."""
        west, east = self.ax.get_xlim()
        south, north = self.ax.get_ylim()
        size, off = 6.0, 6.5 * self.point
        taken = [(x - off, y - off, x + off, y + off) for x, y in points]
        for (x, y), name in zip(points, names, strict=True):
            w, h = text_width(name, size, "bold") * self.point, size * self.point
            spots = (
                (off, -h / 2, "left"),
                (-off - w, -h / 2, "right"),
                (-w / 2, off, "center"),
                (-w / 2, -off - h, "center"),
            )
            for dx, dy, ha in spots:
                box = (x + dx, y + dy, x + dx + w, y + dy + h)
                on_map = box[0] > west and box[2] < east and box[1] > south and box[3] < north
                if on_map and not any(_overlap(box, other) for other in taken):
                    at = {"left": box[0], "right": box[2], "center": x}[ha]
                    self.ax.text(
                        at,
                        box[1] + h / 2,
                        name,
                        fontsize=size,
                        fontweight="bold",
                        color=INK,
                        ha=ha,
                        va="center_baseline",
                        zorder=14,
                        path_effects=[withStroke(linewidth=1.8, foreground="white")],
                    )
                    taken.append(box)
                    break

    # -- frame, scale, north -------------------------------------------------------

    def _frame(self) -> None:
        """A neat line with ticks in kilometres of the projection."""
        ax = self.ax
        for side in ax.spines.values():
            side.set(linewidth=0.9, color=INK, zorder=20)
        (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
        step = round_down((east - west) / 5)
        ax.set_xticks(np.arange(np.ceil(west / step), np.floor(east / step) + 1) * step)
        ax.set_yticks(np.arange(np.ceil(south / step), np.floor(north / step) + 1) * step)
        ax.set_xlim(west, east)
        ax.set_ylim(south, north)
        ax.tick_params(length=3, width=0.6, color=INK, labelsize=5.5, labelcolor=FAINT, pad=1.5)
        digits = max(0, 3 - int(np.floor(np.log10(step))))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: number(value / 1000, self.lang, digits))
        for label in ax.get_yticklabels():
            label.set(rotation=90, verticalalignment="center")

    def _scale_bar(self) -> None:
        (west, east), (south, _) = self.ax.get_xlim(), self.ax.get_ylim()
        length = round_down((east - west) / 4)
        pt = self.point
        x, y, height = west + 14 * pt, south + 12 * pt, 3.2 * pt
        unit, factor = ("km", 1000.0) if length >= 1000 else ("m", 1.0)
        self.ax.add_patch(
            Rectangle(
                (x - 8 * pt, y - 6 * pt),
                length + 24 * pt,
                height + 19 * pt,
                facecolor="white",
                alpha=0.82,
                linewidth=0,
                zorder=18,
            )
        )
        for k in range(4):
            fill = INK if k % 2 == 0 else "white"
            at = (x + k * length / 4, y)
            self.ax.add_patch(
                Rectangle(at, length / 4, height, facecolor=fill, edgecolor=INK, linewidth=0.6, zorder=19)
            )
        for share in (0.0, 0.5, 1.0):
            label = number(share * length / factor, self.lang) + (f" {unit}" if share == 1.0 else "")
            self.ax.text(
                x + share * length,
                y + height + 2 * pt,
                label,
                fontsize=6.5,
                ha="center",
                va="bottom",
                color=INK,
                zorder=19,
            )

    def _north(self) -> None:
        x, y = self.ax.get_xlim()[1] - 16 * self.point, self.ax.get_ylim()[1] - 12 * self.point
        self.ax.add_patch(
            FancyArrowPatch(
                (x, y - 34 * self.point),
                (x, y),
                arrowstyle="-|>,head_length=7,head_width=3.4",
                color=INK,
                linewidth=1.3,
                shrinkA=0,
                shrinkB=0,
                zorder=19,
            )
        )
        self.ax.text(
            x,
            y - 36 * self.point,
            text("map.north", self.lang),
            fontsize=9,
            fontweight="bold",
            ha="center",
            va="top",
            color=INK,
            zorder=19,
            path_effects=[withStroke(linewidth=2.2, foreground="white")],
        )

    # -- the column ---------------------------------------------------------------

    def finish(self) -> Figure:
        """Write the column: title, legend, figures, sources."""
        left = (self.width - _MARGIN - _COLUMN) / self.width
        column = self.figure.add_axes((left, 0.0, _COLUMN / self.width, 1.0))
        column.set(xlim=(0, _COLUMN), ylim=(0, self.height))
        column.axis("off")
        pen = Pen(column, self.height - _MARGIN, _COLUMN)
        pen.write(self.subject.upper(), 7.5, colour="#2171b5", weight="bold", gap=0.03)
        pen.write(self.title, 14, weight="bold", gap=0.05)
        if self.before is None:
            pen.write(when_of(self.result, self.lang), 7, colour=FAINT, gap=0.06)
        else:
            for run in (self.before, self.result):
                pen.write(f"{run.name} : {when_of(run, self.lang)}", 7, colour=FAINT, gap=0.03)
            if _unequal(self.before, self.result):
                pen.write(text("map.unequal", self.lang), 7.5, weight="bold", colour=RED, gap=0.06)
        pen.rule()
        for head, entries in self.legends:
            pen.write(head, 8, weight="bold", gap=0.02)
            for label, key in entries:
                pen.entry(label, key)
            pen.space(0.09)
        figures = compute(self.result)
        earlier = {} if self.before is None else compute(self.before)
        shown = [(key, figures[key], digits) for key, digits in KEY_FIGURES.items() if key in figures]
        if shown:
            pen.rule()
            pen.write(text("map.figures", self.lang), 8, weight="bold", gap=0.02)
            for key, figure, digits in shown:
                label, value = figure.label(self.lang), value_text(figure, digits, self.lang)
                if key in earlier:
                    value = f"{key_figure(earlier[key].value, self.lang, digits)} → {value}"
                pen.pair(label[0].upper() + label[1:], value)
        if pen.y < 0.2:
            # Longer than the sheet: its lines move closer together.
            column.set_ylim(pen.y - 0.2, self.height)
        self._foot()
        return self.figure

    def _foot(self) -> None:
        """Below the map: what the sheet may be used for, how it was made and from what."""
        strip = self.figure.add_axes(
            (self.map_left / self.width, 0.0, self.room / self.width, self.foot / self.height)
        )
        strip.set(xlim=(0, self.room), ylim=(0, self.foot))
        strip.axis("off")
        foot = Pen(strip, self.foot - 0.02, self.room)
        foot.write(text("map.indicative", self.lang), _RESERVE, weight="bold", colour=RED, gap=0.02)
        foot.write(self.cited, _CITED, colour=FAINT)

    def _cited(self) -> str:
        """How it was made and the sources, which their licences want named."""
        cell = number(self.result.model_grid.cell, self.lang)
        made = text("map.computed", self.lang, version=twin.__version__, cell=cell, crs=self.grid.crs)
        return f"{made}. {text('map.source', self.lang, sources=' ; '.join(self.sources))}"


def _overlap(a: Extent, b: Extent) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _unequal(before: Result, after: Result) -> bool:
    """Whether the maxima of two runs are not over the same time: one is incomplete, or shorter."""
    stopped = any(run.status != COMPLETE for run in (before, after))
    return stopped or abs(float(before.times[-1]) - float(after.times[-1])) > 1.0


def _depths(frame: gpd.GeoDataFrame) -> Floats:
    """Deepest water on features; NaN for all in a run that was stopped before it wrote them."""
    if "max_water_depth" not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(frame["max_water_depth"], dtype=np.float64)


def _lines(frame: gpd.GeoDataFrame) -> list[Floats]:
    """Vertices (n, 2) of every line; the parts of a multi-line apart (a row of NaN between)."""
    out = []
    for shape in frame.geometry:
        parts = [np.asarray(part.coords)[:, :2] for part in getattr(shape, "geoms", [shape])]
        pieces = [piece for part in parts for piece in (part, np.full((1, 2), np.nan))]
        out.append(np.concatenate(pieces[:-1]) if pieces else np.zeros((0, 2)))
    return out


def _patch(shape: Any) -> PathPatch:
    """A polygon with its holes."""
    rings = [
        ring
        for polygon in getattr(shape, "geoms", [shape])
        for ring in (polygon.exterior, *polygon.interiors)
    ]
    return PathPatch(
        Outline.make_compound_path(*[Outline(np.asarray(r.coords)[:, :2], closed=True) for r in rings])
    )
