"""Polygons of the water of a run and of its depth zones, named as COVADIS does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.features import WET_DEPTH
from twin.grid import Grid
from twin.styles import ISO_HT

if TYPE_CHECKING:
    import geopandas as gpd

Zones = NDArray[np.uint8]


def depth_zones(depth: NDArray[Any]) -> Zones:
    """The zone of each depth (m, any shape): 0 up to `WET_DEPTH` or unknown, k + 1 above `ISO_HT[k]`."""
    zone = np.searchsorted(np.array(ISO_HT[1:]), np.nan_to_num(depth), side="left") + 1
    return np.where(depth > WET_DEPTH, zone, 0).astype(np.uint8)


def flood_polygons(zone: Zones, grid: Grid, name: str) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Polygons of the water and of its depth bounds, along the edges of cells.

    Parameters
    ----------
    zone : zones of the largest depth, (ny, nx) (`depth_zones`).
    grid : its cells: those of the model, or the fine ones of a subgrid run.
    name : of the run.

    Returns
    -------
    inondable_s, iso_ht_s : one row per connected piece; the second divides the first exactly.
    """
    from scipy.ndimage import label

    piece, _ = label(zone, output=np.int32)
    pieces, shapes = _polygons(piece, grid)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    water = _frame(
        grid,
        shapes,
        {
            "id_s_inond": [_piece_id(int(k)) for k in pieces],
            "id_tri": [None] * len(pieces),
            "typ_inond": [None] * len(pieces),
            "typ_inond2": [None] * len(pieces),
            "scenario": [None] * len(pieces),
            "cours_deau": [None] * len(pieces),
            "datentree": [today] * len(pieces),
            "datsortie": [None] * len(pieces),
            "est_ref": [None] * len(pieces),
            "simulation": [name] * len(pieces),
        },
    )
    piece *= len(ISO_HT)  # of a fine grid it is large: not a second one
    piece += zone
    piece -= zone > 0
    keys, shapes = _polygons(piece, grid)
    low = keys % len(ISO_HT)
    upper = np.append(np.array(ISO_HT[1:]), np.nan)
    bounds = _frame(
        grid,
        shapes,
        {
            "id_zone": [f"Z{k + 1:06d}" for k in range(len(keys))],
            "id_s_inond": [_piece_id(int(k)) for k in keys // len(ISO_HT)],
            "ht_min": np.array(ISO_HT)[low],
            "ht_max": upper[low],
            "typ_inond": [None] * len(keys),
            "scenario": [None] * len(keys),
        },
    )
    return water, bounds


def _piece_id(number: int) -> str:
    return f"S{number:06d}"


def _polygons(values: NDArray[np.int32], grid: Grid) -> tuple[NDArray[np.int64], list[Any]]:
    """Polygons of equal values above 0."""
    from rasterio.features import shapes
    from shapely import make_valid
    from shapely.geometry import shape

    found = [(int(v), shape(s)) for s, v in shapes(values, mask=values > 0, transform=grid.transform)]
    # Cells that meet at a corner only may give a ring that touches itself.
    return np.array([v for v, _ in found], dtype=np.int64), [make_valid(s) for _, s in found]


def _frame(grid: Grid, shapes: list[Any], columns: dict[str, Any]) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import pandas as pd

    table = pd.DataFrame(columns)
    # A column of nothing but None must still be text in the file.
    for name in table.columns:
        if table[name].isna().all() and name not in ("ht_min", "ht_max"):
            table[name] = table[name].astype("string")
    return gpd.GeoDataFrame(table, geometry=shapes, crs=grid.crs)
