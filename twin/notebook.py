"""A run as a notebook shows it: a small map of the greatest depth, facts and figures, as HTML."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_WIDEST = 300  # pixels of the map's longer side
_SHALLOW, _DEEP = np.array([189.0, 215.0, 231.0]), np.array([8.0, 48.0, 107.0])
_SEEN, _FULL = 0.05, 2.0  # m: shallower water is not drawn (as in twin.features), deeper all the same


def thumbnail(bed: NDArray[Any], depth: NDArray[Any] | None) -> bytes:
    """A PNG of the relief, and of the water on it; holes are white. Arrays are (ny, nx), m."""
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
        share = np.clip(water / _FULL, 0.0, 1.0)[..., None]
        picture = np.where((water > _SEEN)[..., None], _SHALLOW + (_DEEP - _SHALLOW) * share, picture)
    picture[~known] = 255.0
    out = io.BytesIO()
    Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8), "RGB").save(out, "PNG", optimize=True)
    return out.getvalue()


def run_html(
    name: str, facts: Sequence[str], figures: Sequence[tuple[str, str]], picture: bytes | None, note: str
) -> str:
    """The card of a run. All texts are escaped: names come from data."""
    rows = "".join(
        f'<tr><th style="text-align:left;font-weight:400">{html.escape(label)}</th>'
        f'<td style="text-align:right"><b>{html.escape(value)}</b></td></tr>'
        for label, value in figures
    )
    image = ""
    if picture is not None:
        data = base64.b64encode(picture).decode("ascii")
        image = f'<img alt="" style="border-radius:4px" src="data:image/png;base64,{data}">'
    lines = "<br>".join(html.escape(fact) for fact in facts)
    return (
        f'<div style="display:flex;gap:18px;align-items:flex-start">{image}<div>'
        f'<b style="font-size:1.15em">{html.escape(name)}</b><br><span style="opacity:.75">{lines}</span>'
        f'<table style="margin:8px 0 4px">{rows}</table>'
        f'<small style="opacity:.75">{html.escape(note)}</small></div></div>'
    )
