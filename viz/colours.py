"""Colours for drawing: the classes of `twin.styles` as arrays and matplotlib colour maps.

The page draws with the same table (twin.styles); nothing here defines a colour of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.styles import (
    ARRIVAL,
    BUILDING,
    DEPTH,
    DEPTH_CHANGE,
    DRY_BUILDING,
    HAZARD,
    PERMANENT_WATER,
    ROAD_CASING,
    ROAD_CUT,
    ROAD_OPEN,
    SHORELINE,
    ColourClass,
    class_label,
    depth_change_label,
    hazard_label,
)

if TYPE_CHECKING:
    from matplotlib.colors import ListedColormap

__all__ = [
    "ARRIVAL",
    "BUILDING",
    "DEPTH",
    "DEPTH_CHANGE",
    "DRY_BUILDING",
    "HAZARD",
    "PERMANENT_WATER",
    "ROAD_CASING",
    "ROAD_CUT",
    "ROAD_OPEN",
    "SHORELINE",
    "ColourClass",
    "class_index",
    "class_label",
    "colormap",
    "depth_change_label",
    "hazard_label",
    "hillshade",
    "land",
    "rgb",
]


def rgb(colour: str) -> NDArray[np.float64]:
    """``"#bdd7e7"`` as three numbers from 0 to 1."""
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255.0


def class_index(values: NDArray[Any], classes: Sequence[ColourClass]) -> NDArray[np.int64]:
    """Which class each value is in (above low, up to high); −1 for none (also NaN)."""
    index = np.full(np.shape(values), -1, dtype=np.int64)
    for k, part in enumerate(classes):
        index[(values > part.low) & (values <= part.high)] = k
    return index


def colormap(classes: Sequence[ColourClass]) -> ListedColormap:
    """A matplotlib colour map for `class_index` values 0 … n−1."""
    from matplotlib.colors import ListedColormap

    return ListedColormap([part.colour for part in classes])


def hillshade(elevation: NDArray[Any], cell: float, exaggeration: float = 1.0) -> NDArray[np.float64]:
    """Light on the terrain (0 dark to 1 bright), lit from the north-west and, softer, from three more sides.

    Cosine of the angle between the surface normal and the light (Lambert); the mean of four lights
    keeps slopes readable that one light leaves in the dark.

    Parameters
    ----------
    elevation : (ny, nx) metres, row 0 north; NaN gives NaN.
    cell : metres.
    exaggeration : of the heights.
    """
    down, right = np.gradient(np.asarray(elevation, dtype=np.float64) * exaggeration, cell)
    # Normal of z(x, y) with x to the east and y to the north: (−dz/dx, −dz/dy, 1); rows go south.
    length = np.sqrt(right**2 + down**2 + 1.0)
    shade = np.zeros(length.shape)
    for azimuth, height, weight in (
        (315.0, 45.0, 0.55),
        (270.0, 50.0, 0.15),
        (360.0, 50.0, 0.15),
        (225.0, 60.0, 0.15),
    ):
        a, h = np.radians(azimuth), np.radians(height)
        east, north, up = np.sin(a) * np.cos(h), np.cos(a) * np.cos(h), np.sin(h)
        shade += weight * np.clip((-right * east + down * north + up) / length, 0.0, 1.0)
    return shade


# Paper of the land, low to high: pale, so that roads, buildings and water stand out.
_LAND = np.array([rgb("#eef0e4"), rgb("#f3eddc"), rgb("#e9dcc3"), rgb("#d9c8ad")])


def land(elevation: NDArray[Any], cell: float) -> NDArray[np.float64]:
    """Shaded relief as RGB (ny, nx, 3), 0 to 1; white where there is no terrain."""
    height = np.asarray(elevation, dtype=np.float64)
    known = np.isfinite(height)
    if not known.any():
        return np.ones((*height.shape, 3))
    low, high = np.percentile(height[known], [2, 98])
    share = np.clip((height - low) / max(high - low, 1e-9), 0.0, 1.0)
    stops = np.linspace(0, 1, len(_LAND))
    tint = np.stack([np.interp(np.nan_to_num(share), stops, _LAND[:, k]) for k in range(3)], axis=-1)
    # Flat country needs stronger light than mountains: exaggerate until slopes can be seen.
    slopes = np.hypot(*np.gradient(np.where(known, height, low), cell))
    steep = max(float(np.percentile(slopes[known], 95)), 1e-3)
    shade = hillshade(np.where(known, height, low), cell, float(np.clip(0.45 / steep, 1.0, 6.0)))
    flat = hillshade(np.zeros((3, 3)), cell)[1, 1]
    light = 1.0 + np.where(shade > flat, 0.35, 0.75) * (shade - flat)
    picture = np.clip(tint * light[..., None], 0.0, 1.0)
    picture[~known] = 1.0
    return np.asarray(picture)
