"""Writing on a sheet: a column of text, legend lines and figures, and the signs of facilities."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath

from viz import colours as c

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#22272b"
FAINT = "#6b7176"
RED = "#a50026"
_FONT = "DejaVu Sans"  # comes with matplotlib
#: Yellow dashes on black, in widths of the line.
DASHES: Any = (0, (2.2, 1.6))

#: Legend keys that are not a plain colour.
ROAD_OPEN_KEY, ROAD_CUT_KEY, SHORE_KEY = "road_open", "road_cut", "shoreline"


@lru_cache(maxsize=4096)
def text_width(words: str, size: float, weight: str = "normal") -> float:
    """Width of a line of text (points)."""
    if not words:
        return 0.0
    path = TextPath(
        (0, 0), words.replace("$", r"\$"), size=size, prop=FontProperties(family=_FONT, weight=weight)
    )
    return float(path.get_extents().width)


def wrap(words: str, size: float, width: float, weight: str = "normal") -> list[str]:
    """Break text into lines of at most `width` points; a longer word stays whole."""
    lines: list[str] = []
    current = ""
    for word in words.split():
        longer = f"{current} {word}".strip()
        if current and text_width(longer, size, weight) > width:
            lines.append(current)
            current = word
        else:
            current = longer
    return [*lines, current]


def line_height(size: float) -> float:
    """From one line of text to the next (inches)."""
    return size * 1.28 / 72


def sign(ax: Axes, x: float, y: float, letter: str, *, wet: bool, size: float = 7.0) -> None:
    """A round sign with a letter: blue, or red when in water."""
    ax.plot(
        [x],
        [y],
        marker="o",
        markersize=size + 3.2,
        markerfacecolor="#c1121f" if wet else "#1d3f72",
        markeredgecolor="white",
        markeredgewidth=1.0,
        linestyle="none",
        zorder=12,
    )
    ax.annotate(
        letter,
        (x, y),
        fontsize=size,
        fontweight="bold",
        color="white",
        ha="center",
        va="center_baseline",
        annotation_clip=True,
        zorder=13,
    )


class Pen:
    """Writes down a column; `y` is where it is (inches), `width` how far it may go."""

    def __init__(self, ax: Axes, top: float, width: float) -> None:
        self.ax, self.y, self.width = ax, top, width

    def space(self, inches: float) -> None:
        """Go down."""
        self.y -= inches

    def rule(self) -> None:
        """Draw a thin line across."""
        self.y -= 0.05
        self.ax.plot([0, self.width], [self.y, self.y], color="#c9cdd1", linewidth=0.7)
        self.y -= 0.09

    def write(
        self, words: str, size: float, *, colour: str = INK, weight: str = "normal", gap: float = 0.0
    ) -> None:
        """Write a paragraph, then leave a gap (inches)."""
        for line in wrap(words, size, self.width * 72, weight):
            self.ax.text(0, self.y, line, fontsize=size, color=colour, fontweight=weight, va="top", ha="left")
            self.y -= line_height(size)
        self.y -= gap

    def entry(self, label: str, key: Any) -> None:
        """One line of the legend: a swatch (a colour, a road, the shoreline or a sign) and its label."""
        height = 0.155
        middle = self.y - height / 2
        span = [0.02, 0.32]
        if key in (ROAD_OPEN_KEY, ROAD_CUT_KEY):
            outer, inner = (c.ROAD_CASING, c.ROAD_OPEN) if key == ROAD_OPEN_KEY else c.ROAD_CUT
            dashes = "solid" if key == ROAD_OPEN_KEY else DASHES
            self.ax.plot(span, [middle] * 2, color=outer, linewidth=3.4, solid_capstyle="butt")
            self.ax.plot(
                span, [middle] * 2, color=inner, linewidth=2.2, linestyle=dashes, solid_capstyle="butt"
            )
        elif key == SHORE_KEY:
            self.ax.plot(span, [middle] * 2, color=c.SHORELINE, linewidth=0.9)
        elif isinstance(key, tuple):
            sign(self.ax, 0.17, middle, key[0], wet=key[1], size=6.5)
        else:
            self.ax.add_patch(
                Rectangle(
                    (0.02, middle - 0.052), 0.3, 0.104, facecolor=key, edgecolor="#5b6166", linewidth=0.4
                )
            )
        for line in wrap(label, 7, (self.width - 0.42) * 72):
            self.ax.text(0.42, self.y - 0.155 / 2, line, fontsize=7, va="center_baseline", color=INK)
            self.y -= height

    def pair(self, label: str, value: str) -> None:
        """A figure: its label at the left, its value at the right."""
        self.ax.text(
            self.width, self.y, value, fontsize=7, fontweight="bold", va="top", ha="right", color=INK
        )
        room = self.width * 72 - text_width(value, 7, "bold") - 8
        for line in wrap(label, 7, room):
            self.ax.text(0, self.y, line, fontsize=7, va="top", color=INK)
            self.y -= line_height(7)
        self.y -= 0.025
