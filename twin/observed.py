"""A run beside what was observed: flood marks (levels at points) and flooded extents.

The layer `flood_marks` holds points, each with the level or the depth that the water reached; the layer
`flood_extent` (or polygons among the flood marks) what was under water.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from twin.errors import InputError, listed, told
from twin.grid import Grid

if TYPE_CHECKING:
    from twin.territory import Territory

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Columns that hold the level of a mark (m in the datum of the territory) or its depth over the ground, as
# French surveys and others name them, lower case and without accents; the first that is there counts.
LEVELS = (
    "water_level_m", "water_level", "level_m", "level", "cote_eau", "cote_phe", "cote_crue", "cote_ngf",
    "cote_ign69", "cote_m_ngf", "cote_m", "cote", "z_eau", "z_crue", "z_phe", "zphe", "z_ngf", "alti_eau",
    "altitude_eau", "altitude_ngf", "alt_ngf", "alti_ngf", "altitude", "alti", "phe", "niveau_eau",
    "niveau_ngf", "niveau", "hauteur_ngf", "wse", "z",
)  # fmt: skip
DEPTHS = (
    "water_depth_m", "water_depth", "depth_m", "depth", "hauteur_eau", "haut_eau", "h_eau", "hauteur_m",
    "hauteur", "profondeur", "prof_eau", "ht", "h",
)  # fmt: skip
NAMES = ("nom", "name", "label", "libelle", "code", "code_repere", "id_repere", "identifiant", "id", "numero")
NULLS = (0.0, -99.0, -999.0, -1000.0, -9999.0, 9999.0)
"""Numbers that mean "not known" in these files."""

NEAR = 1.5  # cells within which a mark on a wall (a cell with a building) reads the water beside it


def read_observed(territory: Territory) -> tuple[gpd.GeoDataFrame | None, gpd.GeoDataFrame | None]:
    """Marks (columns name, observed_m, observed_depth_m; points) and the observed extent (polygons).

    None where the territory has no such layer.

    Raises
    ------
    InputError
        No column of the marks tells a level or a depth, or an extent has no area.
    """
    marks, polygons = None, []
    if territory.has("flood_marks"):
        frame = territory.layer("flood_marks").data
        assert isinstance(frame, gpd.GeoDataFrame)
        area = shapely.get_dimensions(frame.geometry.to_numpy()) == 2
        polygons.append(frame[area])
        if not area.all() or frame.empty:
            marks = _marks(frame[~area].reset_index(drop=True))
    if territory.has("flood_extent"):
        frame = territory.layer("flood_extent").data
        assert isinstance(frame, gpd.GeoDataFrame)
        if not (shapely.get_dimensions(frame.geometry.to_numpy()) == 2).any():
            kinds = listed(sorted(set(frame.geometry.geom_type)))
            raise InputError(told(territory.file, "layers.flood_extent", "observed.polygons", kinds=kinds))
        polygons.append(frame)
    shapes = [shape for frame in polygons for shape in frame.geometry if shape.area > 0]
    if not shapes:
        return marks, None
    whole = shapely.union_all(shapely.make_valid(np.array(shapes, dtype=object)))
    return marks, gpd.GeoDataFrame({"name": ["flood_extent"]}, geometry=[whole], crs=polygons[-1].crs)


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "_", bare).strip("_")


def _numbers(values: pd.Series) -> Floats:
    if not pd.api.types.is_numeric_dtype(values):
        words = values.astype("str").str.replace(",", ".").str.extract(r"(-?\d+(?:\.\d+)?)")[0]
        values = pd.to_numeric(words, errors="coerce")
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isin(numbers, NULLS), np.nan, numbers)


def _marks(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    columns = {_plain(str(c)): c for c in frame.columns if c != frame.geometry.name}
    level = next((columns[name] for name in LEVELS if name in columns), None)
    depth = next((columns[name] for name in DEPTHS if name in columns), None)
    points = frame.geometry.centroid if len(frame) else frame.geometry
    z = np.full(len(frame), np.nan)
    if level is None and len(frame) and shapely.has_z(frame.geometry.to_numpy()).any():
        z = np.array([shapely.get_coordinates(s, include_z=True)[:, 2].mean() for s in frame.geometry])
        z = np.where(np.isin(z, NULLS), np.nan, z)
    if level is None and depth is None and not np.isfinite(z).any():
        raise InputError(
            told(
                "territory.toml", "layers.flood_marks", "observed.columns", columns=listed(columns.values()),
                levels=listed(LEVELS[7:12]), depths=listed(DEPTHS[4:7]),
            )
        )  # fmt: skip
    name = next((columns[name] for name in NAMES if name in columns), None)
    names = [str(v) for v in (frame[name] if name is not None else range(1, len(frame) + 1))]
    return gpd.GeoDataFrame(
        {
            "name": names,
            "observed_m": _numbers(frame[level]) if level is not None else z,
            "observed_depth_m": _numbers(frame[depth]) if depth is not None else np.nan,
        },
        geometry=points,
        crs=frame.crs,
    )  # fmt: skip


def marks_beside(
    marks: gpd.GeoDataFrame, grid: Grid, max_water_level: Floats, bed: Floats, blocked: Bools
) -> gpd.GeoDataFrame:
    """The marks with what the run says of them.

    Parameters
    ----------
    max_water_level : highest level of the run, shape (ny, nx) (m), NaN where never wet. bed : elevation (m).
    blocked : cells with a building. A mark there (on a wall) reads the nearest open cell within `NEAR` cells.

    Returns
    -------
    GeoDataFrame
        name, observed_m (a depth is put on the ground of the model), simulated_m (NaN where dry),
        difference_m (simulated less observed), status: "wet", "dry", "off_grid" or "unknown" (no level).
    """
    points = shapely.get_coordinates(marks.geometry.to_numpy())
    i, j = (np.asarray(k, dtype=np.int64) for k in grid.index(points[:, 0], points[:, 1]))
    inside = np.asarray(grid.inside(i, j), dtype=bool)
    usable = np.isfinite(bed) & ~blocked
    for k in np.flatnonzero(inside):
        if not usable[i[k], j[k]]:
            i[k], j[k] = _nearest(grid, usable, points[k], int(i[k]), int(j[k]))
    row, column = np.where(inside, i, 0), np.where(inside, j, 0)
    observed = marks["observed_m"].to_numpy(dtype=np.float64)
    on_ground = bed[row, column] + marks["observed_depth_m"].to_numpy(dtype=np.float64)
    observed = np.where(np.isfinite(observed), observed, np.where(inside, on_ground, np.nan))
    simulated = np.where(inside, max_water_level[row, column], np.nan)
    status = np.where(np.isfinite(simulated), "wet", "dry")
    status = np.where(np.isfinite(observed), status, "unknown")
    status = np.where(inside, status, "off_grid")
    return marks[["name"]].assign(
        observed_m=observed, simulated_m=simulated, difference_m=simulated - observed, status=status
    ).set_geometry(marks.geometry)  # fmt: skip


def _nearest(grid: Grid, usable: Bools, point: Floats, i: int, j: int) -> tuple[int, int]:
    """The open cell next to a point within `NEAR` cells; the cell itself where there is none."""
    best, place = NEAR * grid.cell, (i, j)
    for a in range(max(i - 2, 0), min(i + 3, grid.ny)):
        for b in range(max(j - 2, 0), min(j + 3, grid.nx)):
            away = float(np.hypot(grid.x[b] - point[0], grid.y[a] - point[1]))
            if usable[a, b] and away < best:
                best, place = away, (a, b)
    return place


@dataclass(frozen=True)
class MarkScore:
    """Modelled less observed levels at flood marks.

    Attributes
    ----------
    count : marks with a level; of these, `dry` never get wet in the run and do not count below.
    rmse, bias : root mean square and mean of the differences (m); NaN without any wet mark.
    differences : shape (count,) (m), NaN where dry.
    """

    count: int
    dry: int
    rmse: float
    bias: float
    differences: Floats


def score_marks(observed: Floats, simulated: Floats) -> MarkScore:
    """Compare the highest levels of the run with observed ones, shape (n,) (m).

    NaN is a mark without a level, or one that the run leaves dry.
    """
    found: Floats = (simulated - observed)[np.isfinite(observed)]
    wet = found[np.isfinite(found)]
    rmse = float(np.sqrt(np.mean(wet**2))) if wet.size else np.nan
    bias = float(np.mean(wet)) if wet.size else np.nan
    return MarkScore(found.size, found.size - wet.size, rmse, bias, found)


@dataclass(frozen=True)
class ExtentScore:
    """Cells of a modelled and an observed extent: shares of the contingency table.

    Attributes
    ----------
    hit_rate : observed cells that the run floods too. false_alarm_ratio : flooded cells not observed.
    csi : critical success index, hits / (hits + misses + false alarms). NaN where there is nothing to count.
    """

    hits: int
    misses: int
    false_alarms: int
    hit_rate: float
    false_alarm_ratio: float
    csi: float


def score_extent(modelled: Bools, observed: Bools, where: Bools | None = None) -> ExtentScore:
    """Compare flooded cells, shape (ny, nx), where `where` is true (everywhere unless given)."""
    inside = np.ones(modelled.shape, dtype=bool) if where is None else where
    hits = int((modelled & observed & inside).sum())
    misses = int((~modelled & observed & inside).sum())
    alarms = int((modelled & ~observed & inside).sum())

    def share(part: int, whole: int) -> Any:
        return part / whole if whole else np.nan

    return ExtentScore(
        hits, misses, alarms, share(hits, hits + misses), share(alarms, hits + alarms),
        share(hits, hits + misses + alarms),
    )  # fmt: skip
