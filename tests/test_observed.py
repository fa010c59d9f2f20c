"""Scores against observations, on cases that can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

import twin
from tests import small
from twin.errors import InputError
from twin.grid import Grid
from twin.observed import marks_beside, score_extent, score_marks
from twin.results import Result
from twin.simulation import run

GRID = Grid("EPSG:2154", 0.0, 30.0, 10.0, 3, 4)


def _marks(points: list[tuple[float, float]], **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(p) for p in points], crs="EPSG:2154")


def test_marks_count_where_the_run_is_wet() -> None:
    score = score_marks(np.array([4.0, 5.5, 1.0, np.nan]), np.array([5.0, 5.0, np.nan, 5.0]))
    assert (score.count, score.dry) == (3, 1)
    assert score.bias == pytest.approx(0.25)
    assert score.rmse == pytest.approx(np.sqrt((1.0 + 0.25) / 2))
    assert np.isnan(score_marks(np.array([1.0]), np.array([np.nan])).rmse)


def test_extents_are_counted() -> None:
    modelled = np.array([[True, True, True, False]])
    observed = np.array([[True, False, True, True]])
    score = score_extent(modelled, observed)
    assert (score.hits, score.misses, score.false_alarms) == (2, 1, 1)
    assert (score.hit_rate, score.false_alarm_ratio, score.csi) == pytest.approx((2 / 3, 1 / 3, 0.5))
    assert np.isnan(score_extent(~modelled & modelled, observed & ~observed).csi)
    assert score_extent(modelled, observed, np.array([[True, False, True, False]])).csi == 1.0


def test_a_mark_reads_its_cell_or_the_open_one_beside_a_wall() -> None:
    level = np.array([[5.0, 6.0, 7.0, np.nan]] * 3)
    bed, blocked = np.full((3, 4), 2.0), np.zeros((3, 4), dtype=bool)
    blocked[1, 1] = True
    level[1, 1] = np.nan
    points = [(5.0, 15.0), (19.0, 15.0), (35.0, 15.0), (99.0, 15.0), (5.0, 5.0), (25.0, 5.0)]
    marks = _marks(
        points,
        name=list("abcdef"),
        observed_m=[4.5, 6.5, 6.0, 5.0, np.nan, np.nan],
        observed_depth_m=[np.nan, np.nan, np.nan, np.nan, np.nan, 4.0],
    )
    found = marks_beside(marks, GRID, level, bed, blocked)
    assert found["status"].tolist() == ["wet", "wet", "dry", "off_grid", "unknown", "wet"]
    assert found["simulated_m"].tolist()[:2] == [5.0, 7.0], "the wall's mark reads the cell to its east"
    np.testing.assert_allclose(found["difference_m"], [0.5, 0.5, np.nan, np.nan, np.nan, 1.0])


def _territory(folder: Path, marks: gpd.GeoDataFrame | None, extent: gpd.GeoDataFrame | None) -> Path:
    file = small.make(folder)
    content = (folder / "territory.toml").read_text(encoding="utf-8")
    layers = ""
    if marks is not None:
        marks.to_file(folder / "reperes.gpkg", driver="GPKG")
        layers += '[layers.flood_marks]\nsource = "reperes.gpkg"\n'
    if extent is not None:
        extent.to_file(folder / "emprise.gpkg", driver="GPKG")
        layers += '[layers.flood_extent]\nsource = "emprise.gpkg"\n'
    (folder / "territory.toml").write_text(content.replace("[places]", layers + "[places]"), encoding="utf-8")
    text = file.read_text(encoding="utf-8").replace('["flood", "traffic"]', '["flood"]')
    text = text.replace('[params.traffic]\nevery = "5 min"\n', "")
    file.write_text(text, encoding="utf-8")
    return file


def test_a_run_stands_beside_marks_and_extent(tmp_path: Path) -> None:
    """Marks at gauges of the same run without them, one 20 cm too high and one 10 cm too low, one dry."""
    first = run(_territory(tmp_path / "a", None, None), tmp_path / "a/run")
    level = first.fields["max_water_level"].values
    wet = np.argwhere(first.fields["max_water_depth"].values > 0.2)
    dry = np.argwhere(~np.isfinite(level))[0] if (~np.isfinite(level)).any() else None
    grid = first.grid
    places = [tuple(p) for p in wet[:: max(len(wet) // 3, 1)][:2]]
    points = [(float(grid.x[j]), float(grid.y[i])) for i, j in places]
    cotes = [f"{level[places[0]] - 0.2:.6f}".replace(".", ","), f"{level[places[1]] + 0.1:.6f} m NGF"]
    if dry is not None:
        points.append((float(grid.x[dry[1]]), float(grid.y[dry[0]])))
        cotes.append("101,5")
    points.append((float(grid.x[3]), float(grid.y[3])))
    cotes.append("-9999")
    marks = _marks(points, Nom=[f"R{k}" for k in range(len(points))], **{"Cote (NGF)": cotes})
    flooded = first.fields["max_water_depth"].values > 0.05
    i, j = np.nonzero(flooded)
    half = i.size // 2
    boxes = [
        shapely.box(grid.x[b] - 5, grid.y[a] - 5, grid.x[b] + 5, grid.y[a] + 5)
        for a, b in zip(i[:half], j[:half], strict=True)
    ]
    extent = gpd.GeoDataFrame(geometry=boxes, crs="EPSG:2154")
    result = run(_territory(tmp_path / "b", marks, extent), tmp_path / "b/run")
    figures = {key: row["value"] for key, row in result.indicators.items()}
    assert figures["marks_bias"] == pytest.approx(0.05, abs=1e-5)
    assert figures["marks_rmse"] == pytest.approx(np.sqrt((0.04 + 0.01) / 2), abs=1e-5)
    assert figures["marks_dry"] == (0 if dry is None else 1)
    assert figures["extent_hit_rate"] == 1.0
    assert figures["extent_csi"] == pytest.approx(half / i.size)
    assert figures["extent_false_alarm_ratio"] == pytest.approx(1 - half / i.size)
    table = Result.open(tmp_path / "b/run").flood_marks
    assert table is not None
    assert table["status"].tolist()[-1] == "unknown"
    assert table["name"].tolist()[0] == "R0"
    assert {"observed_m", "simulated_m", "difference_m"} <= set(table.columns)
    assert {"flood_marks", "flood_extent"} <= {item["layer"] for item in result.provenance["inputs"]}
    assert "marks_rmse" in twin.compare(first, result).index


@pytest.mark.parametrize(
    ("columns", "level"),
    [({"cote": [103.0]}, 103.0), ({"Alti_Eau": ["103,25"]}, 103.25), ({"hauteur": [1.5]}, None)],
)
def test_columns_as_they_are_met(tmp_path: Path, columns: dict[str, object], level: float | None) -> None:
    from twin.observed import read_observed
    from twin.territory import Territory

    file = _territory(tmp_path, _marks([(650305.0, 6860205.0)], **columns), None)
    marks, extent = read_observed(Territory.open(file.parent))
    assert extent is None
    assert marks is not None
    if level is None:
        assert marks["observed_depth_m"].tolist() == [1.5]
    else:
        assert marks["observed_m"].tolist() == [level]


def test_marks_without_a_level_and_extents_without_an_area_are_refused_before_the_run(tmp_path: Path) -> None:
    file = _territory(tmp_path / "a", _marks([(650305.0, 6860205.0)], crue=["1999"]), None)
    with pytest.raises(InputError, match="cote"):
        run(file, tmp_path / "a/run")
    assert not (tmp_path / "a/run").exists()
    points = _marks([(650305.0, 6860205.0)], nom=["x"])
    with pytest.raises(InputError, match=r"layers\.flood_extent"):
        run(_territory(tmp_path / "b", None, points), tmp_path / "b/run")
