from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, MultiLineString

from twin.errors import InputError
from twin.layers.roads import COLUMNS

from .conftest import Read
from .features import BUILDINGS, ROADS, SHORT, X, Y, frame, line, short, write_gpkg, write_shp

WANTED = pd.DataFrame({
    "road_id": ["TRONROUT01", "TRONROUT02", "TRONROUT03", "TRONROUT04"],
    "name": ["RUE DE L'ÉGLISE", "", "", "ALLÉE PRIVÉE"],
    "nature": ["Route à 1 chaussée", "Bretelle", "Sentier", "Route à 1 chaussée"],
    "importance": [4, 1, 6, 5],
    "lanes": [2, 1, 0, 2],
    "width": [5.5, 3.5, np.nan, 4.0],
    "direction": ["both", "backward", "none", "forward"],
    "speed": [12.5, 25.0, np.nan, np.nan],
    "access": ["free", "toll", "impossible", "restricted"],
    "level": [0, 1, 0, -1],
    "in_service": [True, True, True, False],
    "drivable": [True, True, False, False],
})  # fmt: skip


def check(roads: Any) -> None:
    assert list(roads.columns) == COLUMNS
    for column in WANTED:
        if WANTED[column].dtype.kind == "f":
            np.testing.assert_allclose(roads[column], WANTED[column], rtol=1e-15, err_msg=column)
        else:
            assert roads[column].tolist() == WANTED[column].tolist(), column
    assert roads["importance"].dtype.kind == roads["lanes"].dtype.kind == roads["level"].dtype.kind == "i"
    assert roads["drivable"].dtype == roads["in_service"].dtype == bool
    assert (roads.geom_type == "LineString").all()
    assert not roads.geometry.has_z.any()
    assert roads.crs == "EPSG:2154"


def test_v3_geopackage(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "bd.gpkg", {"troncon_de_route": frame(ROADS), "batiment": frame(BUILDINGS)})
    layer = read("roads", "bd.gpkg")
    check(layer.data)
    assert "names of columns recognised: v3" in layer.provenance.notes


def test_v3_shapefile_in_utf8_without_cpg(read: Read, tmp_path: Path) -> None:
    short(ROADS, SHORT).to_file(tmp_path / "TRONCON_DE_ROUTE.shp", engine="pyogrio", encoding="utf-8")
    (tmp_path / "TRONCON_DE_ROUTE.cpg").unlink()
    layer = read("roads", "TRONCON_DE_ROUTE.shp")
    check(layer.data)
    assert "names of columns recognised: v3_short" in layer.provenance.notes


def v2(**changes: list[Any]) -> gpd.GeoDataFrame:
    columns = {
        "ID": ["TRONROUT1", "TRONROUT2", "TRONROUT3", "TRONROUT4"],
        "PREC_PLANI": [1.5, 1.5, 2.5, 1.5],
        "NATURE": ["Route \ufffd 1 chauss\ufffde", "Quasi-autoroute", "Sentier", "Chemin"],
        "NUMERO": ["D12", "NC", "NC", "NC"],
        "NOM_RUE_G": ["NR", "NR", "NR", "CHE VERT"],
        "IMPORTANCE": ["3", "1", "NC", "5"],
        "FRANCHISST": ["NC", "Pont", "NC", "NC"],
        "LARGEUR": [5.0, 7.0, 0.0, 0.0],
        "NB_VOIES": [2, 2, 0, 0],
        "POS_SOL": [0, 1, 0, 0],
        "SENS": ["Double", "Direct", "NC", "NC"],
        "ETAT": ["NR", "NR", "NR", "NR"],
        "Z_INI": [-99.0, 28.0, 28.0, 28.0],
    } | changes
    return gpd.GeoDataFrame(columns, geometry=[row["geometry"] for row in ROADS], crs=2154)


def test_v2_gets_stated_speeds_and_says_so(read: Read, tmp_path: Path) -> None:
    v2().to_file(tmp_path / "a.gpkg", layer="ROUTE", engine="pyogrio")
    layer = read("roads", "a.gpkg")
    roads, said = layer.data, "\n".join(layer.provenance.notes)
    assert roads["nature"].tolist() == ["Route à 1 chaussée", "Type autoroutier", "Sentier", "Chemin"]
    assert roads["name"].tolist() == ["D12", "", "", "CHE VERT"]
    np.testing.assert_allclose(roads["speed"] * 3.6, [55.0, 100.0, np.nan, np.nan])
    assert roads["importance"].tolist() == [3, 1, 6, 5]
    assert roads["direction"].tolist() == ["both", "forward", "none", "both"]
    assert roads["level"].tolist() == [0, 1, 0, 0]
    assert roads["access"].tolist() == ["free", "free", "impossible", "free"]
    assert roads["drivable"].tolist() == [True, True, False, False]
    assert roads["in_service"].all()
    assert "2 segments get one from the table road_speeds.csv" in said
    assert "1 roads without direction" in said
    assert "1 paths (taken as 6) and 0 roads" in said


def test_rows_without_nature_are_counted_and_recovered_where_another_column_tells(
    read: Read, tmp_path: Path
) -> None:
    data = v2(
        NATURE=[None, None, "Sentier", None],
        IMPORTANCE=[None, None, "NC", None],
        SENS=[None, "Direct", "NC", None],
        TYPOLOGIE=["2 Route à 1 chaussée 2", None, None, "NC Escalier NC"],
    )
    data.to_file(tmp_path / "a.gpkg", layer="ROUTE", engine="pyogrio")
    layer = read("roads", "a.gpkg")
    roads = layer.data
    assert roads["nature"].tolist() == ["Route à 1 chaussée", "", "Sentier", "Escalier"]
    assert roads["importance"].tolist() == [2, 5, 6, 6]
    assert roads["drivable"].tolist() == [True, False, False, False]
    assert "3 segments without NATURE, 2 of them recovered" in "\n".join(layer.provenance.notes)


@pytest.mark.parametrize(
    ("speed", "drivable"), [(0, False), (1, False), (None, False), (2, True), (130, True)]
)
def test_speeds_0_1_and_null_are_not_drivable(
    read: Read, tmp_path: Path, speed: int | None, drivable: bool
) -> None:
    write_gpkg(
        tmp_path / "a.gpkg", {"troncon_de_route": frame([ROADS[0] | {"vitesse_moyenne_vl": speed}, ROADS[1]])}
    )
    roads = read("roads", "a.gpkg").data
    assert roads["drivable"].tolist() == [drivable, True]
    assert np.isfinite(roads["speed"][0]) == drivable


def test_values_that_no_table_knows_are_named(read: Read, tmp_path: Path) -> None:
    row = ROADS[0] | {
        "nature": "Pont suspendu",
        "sens_de_circulation": "Alterné",
        "acces_vehicule_leger": "Lundi",
    }
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame([row, ROADS[1]])})
    layer = read("roads", "a.gpkg")
    said = "\n".join(layer.provenance.notes)
    assert layer.data["nature"][0] == "Pont suspendu"
    assert layer.data["direction"][0] == "both"
    for word in ("Pont suspendu", "Alterné", "Lundi"):
        assert word in said


def test_multi_part_roads_keep_their_direction(read: Read, tmp_path: Path) -> None:
    # Two parts that join head to tail are one road; two that face each other stay two, none turned round.
    chain = MultiLineString([[(X, Y), (X + 10, Y)], [(X + 10, Y), (X + 20, Y)]])
    apart = MultiLineString([[(X, Y + 5), (X + 10, Y + 5)], [(X + 20, Y + 5), (X + 10, Y + 5)]])
    rows = [ROADS[0] | {"geometry": chain}, ROADS[1] | {"geometry": apart}]
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(rows)})
    layer = read("roads", "a.gpkg")
    assert layer.data["road_id"].tolist() == ["TRONROUT01", "TRONROUT02/1", "TRONROUT02/2"]
    assert list(layer.data.geometry[0].coords) == [(X, Y), (X + 10, Y), (X + 20, Y)]
    assert list(layer.data.geometry[2].coords) == [(X + 20, Y + 5), (X + 10, Y + 5)]
    assert "1 segments in several parts, split into 2" in "\n".join(layer.provenance.notes)


def test_a_road_cut_by_a_slit_is_one_road(read: Read, tmp_path: Path) -> None:
    """Dieppe's harbour bridge lacks 3 m where outlines of two communes do not meet. A gap of 20 m stays."""
    slit = MultiLineString([[(X + 13, Y), (X + 30, Y)], [(X, Y), (X + 10, Y)]])
    wide = MultiLineString([[(X, Y + 5), (X + 10, Y + 5)], [(X + 30, Y + 5), (X + 40, Y + 5)]])
    facing = MultiLineString([[(X, Y + 9), (X + 10, Y + 9)], [(X + 20, Y + 9), (X + 13, Y + 9)]])
    rows = [row | {"geometry": line} for row, line in zip(ROADS, (slit, wide, facing), strict=False)]
    rows += [ROADS[0] | {"cleabs": "TRONROUT09", "geometry": facing}]
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(rows)})
    layer = read("roads", "a.gpkg")
    lines = layer.data.set_index("road_id").geometry
    assert list(lines["TRONROUT01"].coords) == [(X, Y), (X + 10, Y), (X + 13, Y), (X + 30, Y)]
    assert {"TRONROUT02/1", "TRONROUT02/2", "TRONROUT09/1", "TRONROUT09/2"} <= set(lines.index)
    assert "1 segments cut by a slit" in "\n".join(layer.provenance.notes)


def test_geometry_that_is_none(read: Read, tmp_path: Path) -> None:
    rows = [ROADS[0], ROADS[1] | {"geometry": None}, ROADS[2] | {"geometry": LineString([(X, Y), (X, Y)])}]
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(rows)})
    layer = read("roads", "a.gpkg")
    assert layer.data["road_id"].tolist() == ["TRONROUT01"]
    assert "2 segments without geometry or of length zero" in "\n".join(layer.provenance.notes)


def test_ends_that_meet_still_meet(read: Read, tmp_path: Path) -> None:
    """Nodes are made by exact equality in XY: reading must not move an end by one bit."""
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(ROADS)})
    before = [row["geometry"].coords for row in ROADS]
    after = [geometry.coords for geometry in read("roads", "a.gpkg").data.geometry]
    assert [[p[:2] for p in c] for c in before] == [list(c) for c in after]


def test_same_id_twice_with_another_shape(read: Read, tmp_path: Path) -> None:
    rows = copy.deepcopy(ROADS[:2])
    rows[1]["cleabs"] = rows[0]["cleabs"]
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(rows)})
    layer = read("roads", "a.gpkg")
    assert layer.data["road_id"].tolist() == ["TRONROUT01", "TRONROUT01#2"]


def test_without_identifiers_the_place_in_the_file_names_them(read: Read, tmp_path: Path) -> None:
    data = frame(ROADS).drop(columns="cleabs")
    data.to_file(tmp_path / "a.gpkg", layer="roads", engine="pyogrio")
    whole = read("roads", "a.gpkg").data
    part = read("roads", "a.gpkg", bounds=(X + 150, Y + 40, X + 200, Y + 60)).data
    assert whole["road_id"].is_unique
    assert part["road_id"].tolist() == whole["road_id"].tolist()[3:]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (frame(BUILDINGS), "Polygon"),
        (gpd.GeoDataFrame({"osm_id": [1]}, geometry=[line((0, 0), (1, 1))], crs=2154), "osm_id"),
    ],
)
def test_layers_that_are_no_roads(read: Read, tmp_path: Path, data: gpd.GeoDataFrame, said: str) -> None:
    data.to_file(tmp_path / "a.gpkg", layer="things", engine="pyogrio")
    with pytest.raises(InputError) as error:
        read("roads", "a.gpkg")
    assert said in error.value.problems[0].found


def test_where_may_use_any_column(read: Read, tmp_path: Path) -> None:
    rows = [row | {"insee_commune_gauche": code} for row, code in zip(ROADS, "1213", strict=True)]
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(rows)})
    roads = read("roads", "a.gpkg", where="insee_commune_gauche = '1'").data
    assert roads["road_id"].tolist() == ["TRONROUT01", "TRONROUT03"]


def test_mixed_encodings_meet_the_same_nature(read: Read, tmp_path: Path) -> None:
    raw = ["Route à 1 chaussée".encode(), "Route à 1 chaussée".encode("cp1252"), b"Sentier", b"Chemin"]
    write_shp(
        tmp_path / "ROUTE.shp",
        {"ID": [b"1", b"2", b"3", b"4"], "PREC_PLANI": [b"1.5"] * 4, "NATURE": raw, "IMPORTANCE": [b"5"] * 4},
        [row["geometry"] for row in ROADS],
    )
    assert read("roads", "ROUTE.shp").data["nature"].tolist()[:2] == ["Route à 1 chaussée"] * 2


def test_an_extract_without_one_speed_gets_the_table(read: Read, tmp_path: Path) -> None:
    rows = [row | {"vitesse_moyenne_vl": None} for row in ROADS]
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(rows)})
    layer = read("roads", "a.gpkg")
    np.testing.assert_allclose(layer.data["speed"] * 3.6, [50.0, 45.0, np.nan, 30.0])
    assert "no speeds in this edition" in "\n".join(layer.provenance.notes)
