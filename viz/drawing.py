"""A figure that a notebook shows, whose words are never mathematics."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from twin.files import replacing

_ON_SCREEN = 100  # dots per inch below a notebook's cell


class Drawing(Figure):
    """A matplotlib figure without pyplot: it draws itself below a notebook's cell."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        FigureCanvasAgg(self)

    def draw(self, renderer: Any) -> None:
        """Names come from data: a pair of ``$`` in one would be set as mathematics, or fail as such."""
        for words in self.findobj(Text):
            words.set_parse_math(False)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        """What IPython shows where no pyplot has told it how to draw figures."""
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=_ON_SCREEN)
        return out.getvalue()


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure (format by the suffix), whole or not at all; returns the path."""
    target = Path(path)
    with replacing(target) as temporary:
        figure.savefig(temporary)
    return target
