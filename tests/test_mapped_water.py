"""Mapped water: rivers and lakes by their polygons, the sea by its coast; no flood in the figures."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, Polygon, box

from tests.test_indicators import flood, make_run
from twin.grid import Grid
from twin.indicators import compute
from twin.mapped_water import mapped_water
from twin.water import permanent_water

GRID = Grid("EPSG:2154", 0.0, 1000.0, 10.0, 100, 100)
X, Y = np.meshgrid(GRID.x, GRID.y)


def surfaces(*shapes: object, **columns: list[str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({**columns, "geometry": list(shapes)}, crs=GRID.crs)


def test_polygons_are_water_unless_they_fall_dry() -> None:
    dry = np.zeros(GRID.shape, dtype=bool)
    lake, basin = box(100, 100, 206, 200), Polygon([(400, 400), (500, 400), (500, 500), (400, 500)])
    found = mapped_water(surfaces(lake, basin, persistance=["Permanent", "Intermittent"]), GRID, dry)
    # 10.6 columns wide: half of a cell counts.
    np.testing.assert_array_equal(found, (X > 100) & (X < 210) & (Y > 100) & (Y < 200))


def test_water_under_the_ground_is_none_on_the_map() -> None:
    """A covered river under a town: its streets can be flooded. A fountain on a slab is water."""
    dry = np.zeros(GRID.shape, dtype=bool)
    shapes = [box(100 * k, 100, 100 * k + 50, 200) for k in range(1, 8)]
    layer = surfaces(
        *shapes,
        position_par_rapport_au_sol=["-1", "0", "1", None, "Gué ou radier", "0", "0"],
        nature=["Ecoulement naturel"] * 4 + [None] + ["Conduit forcé", "ECOULEMENT PHREATIQUE"],
    )
    found = mapped_water(layer, GRID, dry)
    assert [bool(found[85, 10 * k + 2]) for k in range(1, 8)] == [False, True, True, True, True, False, False]
    numbers = surfaces(*shapes[:2], position_par_rapport_au_sol=[-1, 0])
    assert mapped_water(numbers, GRID, dry)[85, [12, 22]].tolist() == [False, True]


@pytest.mark.parametrize("gap", [0.0, 300.0])
def test_a_coast_makes_the_wet_side_sea_with_its_foreshore(gap: float) -> None:
    """Two lines that end 15 m short of the edges, with a harbour mouth between; the north is sea."""
    coast = [LineString([(15, 500), (400, 520)]), LineString([(400 + gap, 520), (985, 540)])]
    wet = Y > 700  # low tide: 160 to 200 m of foreshore lie dry
    wet |= (Y < 100) & (X < 300)  # and a lake inland
    found = mapped_water(surfaces(*coast), GRID, wet)
    line = np.interp(X, [0, 400, 400 + gap + 1e-9, 1000], [500, 520, 520, 540])
    clear = np.abs(Y - line) > 12.0
    np.testing.assert_array_equal(found[clear], (line < Y)[clear])


def test_a_coast_too_far_open_parts_nothing() -> None:
    coast = [LineString([(0, 500), (200, 500)])]  # ends in the middle of the sea
    assert not mapped_water(surfaces(*coast), GRID, Y > 600).any()
    assert not mapped_water(surfaces(), GRID, Y > 600).any()


def test_mapped_water_is_permanent_in_figures(tmp_path: Path) -> None:
    top = np.zeros(flood()[0].shape)
    top[:, 0] = 2.0  # the river, wet from the start
    top[1:, 1:] = 1.5
    start = np.where(np.arange(top.shape[1]) == 0, 1.0, 0.0) * np.ones(top.shape)
    fields = {"max_water_depth": top}
    before = compute(make_run(tmp_path / "r", depth=[start, top, start], run_fields=fields))
    mapped = np.zeros(top.shape)
    mapped[1] = 1.0
    run = make_run(tmp_path / "m", depth=[start, top, start], run_fields={**fields, "mapped_water": mapped})
    after = compute(run)
    row = float(top.shape[1] - 1) * run.grid.area_m2 / 1e4
    assert before["flooded_area"].value - after["flooded_area"].value == pytest.approx(row)
    assert after["permanent_water_area"].value - before["permanent_water_area"].value == pytest.approx(row)
    assert permanent_water(run).sum() == top.shape[0] + top.shape[1] - 1
    assert "estran" in after["permanent_water_area"].method
