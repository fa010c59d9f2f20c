from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from scipy.spatial import cKDTree
from shapely.geometry import MultiPolygon, Polygon

from twin.errors import InputError
from twin.layers.buildings import COLUMNS, fill_heights

from .conftest import Read
from .features import BUILDINGS, ROADS, SHORT_BUILDINGS, X, Y, frame, short, square, write_gpkg


@pytest.mark.parametrize("kind", ["v3", "v3_short"])
def test_both_spellings_of_v3(read: Read, tmp_path: Path, kind: str) -> None:
    if kind == "v3":
        write_gpkg(tmp_path / "bd.gpkg", {"batiment": frame(BUILDINGS), "troncon_de_route": frame(ROADS)})
        layer = read("buildings", "bd.gpkg")
    else:
        short(BUILDINGS, SHORT_BUILDINGS).to_file(
            tmp_path / "BATIMENT.shp", engine="pyogrio", encoding="utf-8"
        )
        (tmp_path / "BATIMENT.cpg").unlink()
        layer = read("buildings", "BATIMENT.shp")
    out = layer.data
    assert list(out.columns) == COLUMNS
    assert out["building_id"].tolist() == ["BATIMENT01", "BATIMENT02", "BATIMENT03"]
    assert out["use"].tolist() == ["Résidentiel", "Religieux", "Annexe"]
    assert out["height"].tolist() == [6.4, 12.0, pytest.approx(9.2)]
    assert out["height_source"].tolist() == ["hauteur", "etages", "voisins"]
    assert out["floors"].tolist() == [2, 4, 0]
    assert out["dwellings"].tolist() == [3, 0, 0]
    assert out["light"].tolist() == [False, False, True]
    assert out["ground_elevation"].isna().tolist() == [False, True, False]
    assert out["ground_elevation"].tolist()[::2] == [101.5, 102.0]
    assert not out.geometry.has_z.any()
    said = "\n".join(layer.provenance.notes)
    assert f"recognised: {kind}" in said
    assert "1 planned buildings" in said
    assert "1 known, 1 by storeys (3 m each), 1 by neighbours within 100 m, 0 by default (5 m)" in said


def test_v2_groups_and_heights(read: Read, tmp_path: Path) -> None:
    plain = gpd.GeoDataFrame(
        {"ID": ["B1", "B2"], "PREC_PLANI": [2.5, 2.5], "HAUTEUR": [5, 0], "Z_MIN": [34.9, -99.0]},
        geometry=[square(0, 0), square(500, 0)],
        crs=2154,
    )
    industrial = gpd.GeoDataFrame(
        {"ID": ["B3"], "PREC_PLANI": [2.5], "NATURE": ["Silo"], "HAUTEUR": [22], "Z_MIN": [34.9]},
        geometry=[square(1000, 0)],
        crs=2154,
    )
    folder = tmp_path / "E_BATI"
    folder.mkdir()
    plain.to_file(folder / "BATI_INDIFFERENCIE.SHP", engine="pyogrio", driver="ESRI Shapefile")
    industrial.to_file(folder / "BATI_INDUSTRIEL.SHP", engine="pyogrio", driver="ESRI Shapefile")
    layer = read("buildings", "E_BATI")
    out = layer.data.set_index("building_id")
    assert out["height"].to_dict() == {"B1": 5.0, "B2": 5.0, "B3": 22.0}
    assert out["height_source"].to_dict() == {"B1": "hauteur", "B2": "defaut", "B3": "hauteur"}
    assert out["nature"].to_dict() == {"B1": "", "B2": "", "B3": "Silo"}
    # Z_MIN of v2 is the edge of the roof, not the ground.
    assert out["ground_elevation"].isna().all()


def test_a_layer_without_any_height(read: Read, tmp_path: Path) -> None:
    data = gpd.GeoDataFrame(
        {"bld_area": [100.0, 100.0], "bld_type": ["Residential", "Other"], "id": [1, 2]},
        geometry=[square(0, 0), MultiPolygon([square(50, 0), square(70, 0)])],
        crs=2154,
    )
    data.to_file(tmp_path / "a.gpkg", layer="batiment", engine="pyogrio")
    out = read("buildings", "a.gpkg").data
    assert out["height"].tolist() == [5.0, 5.0]
    assert out["use"].tolist() == ["Résidentiel", "Indifférencié"]
    assert out["building_id"].tolist() == ["1", "2"]
    assert out.geom_type.tolist() == ["Polygon", "MultiPolygon"]


def test_broken_footprints_are_repaired_and_counted(read: Read, tmp_path: Path) -> None:
    bow = Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
    rows = [BUILDINGS[0] | {"geometry": bow}, BUILDINGS[1] | {"geometry": None}]
    write_gpkg(tmp_path / "a.gpkg", {"batiment": frame(rows)})
    layer = read("buildings", "a.gpkg")
    assert layer.data["building_id"].tolist() == ["BATIMENT01"]
    assert layer.data.geometry.is_valid.all()
    assert layer.data.geometry.area[0] == pytest.approx(50.0)
    said = "\n".join(layer.provenance.notes)
    assert "1 invalid polygons" in said
    assert "1 buildings without geometry" in said


def test_impossible_heights_are_unknown(read: Read, tmp_path: Path) -> None:
    rows = [BUILDINGS[0] | {"hauteur": -3.0}, BUILDINGS[2] | {"hauteur": 9999.0}]
    write_gpkg(tmp_path / "a.gpkg", {"batiment": frame(rows)})
    layer = read("buildings", "a.gpkg")
    assert layer.data["height_source"].tolist() == ["etages", "voisins"]
    assert "hauteur: 2 impossible values" in "\n".join(layer.provenance.notes)


def test_lines_are_no_buildings(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(ROADS)})
    with pytest.raises(InputError, match="LineString"):
        read("buildings", "a.gpkg")


def test_neighbours_are_the_five_nearest_within_100_m() -> None:
    centres = np.array([[0.0, 0.0]] + [[10.0 * k, 0.0] for k in range(1, 8)] + [[500.0, 0.0]])
    heights = np.array([np.nan, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0, 100.0, np.nan])
    out, source = fill_heights(heights, np.zeros(9, dtype=np.int64), centres)
    assert (out[0], source[0]) == (5.0, "voisins")
    assert (out[8], source[8]) == (5.0, "defaut")
    np.testing.assert_array_equal(out[1:8], heights[1:8])
    # One neighbour alone is enough.
    out, source = fill_heights(np.array([np.nan, 8.0]), np.zeros(2, dtype=np.int64), centres[:2])
    assert (out[0], source[0]) == (8.0, "voisins")


@pytest.mark.parametrize(
    "flags", [["Oui", None, "Non"], [True, None, False], ["true", None, "false"], [1, None, 0]]
)
def test_light_constructions_in_every_spelling(read: Read, tmp_path: Path, flags: list[object]) -> None:
    rows = [row | {"construction_legere": flag} for row, flag in zip(BUILDINGS, flags, strict=False)]
    write_gpkg(tmp_path / "a.gpkg", {"batiment": frame(rows)})
    assert read("buildings", "a.gpkg").data["light"].tolist() == [True, False, False]


def test_neighbours_are_those_that_a_tree_finds() -> None:
    rng = np.random.default_rng(8)
    centres = rng.uniform(0, 3000, (4000, 2))
    heights = np.where(rng.random(4000) < 0.4, np.nan, rng.uniform(3, 20, 4000))
    unknown = np.isnan(heights)
    out, source = fill_heights(heights, np.zeros(4000, dtype=np.int64), centres)
    distance, index = cKDTree(centres[~unknown]).query(centres[unknown], k=5, distance_upper_bound=100.0)
    near = [heights[~unknown][i[d < np.inf]] for d, i in zip(distance, index, strict=True)]
    expected = [np.median(values) if values.size else 5.0 for values in near]
    np.testing.assert_array_equal(out[unknown], expected)
    assert (source[unknown] == ["voisins" if values.size else "defaut" for values in near]).all()
    np.testing.assert_array_equal(out[~unknown], heights[~unknown])
