from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, Point, Polygon, box

from twin.errors import InputError
from twin.layers.vector import _meets

from .conftest import Read
from .features import BUILDINGS, ROADS, X, Y, frame, line, square, write_gpkg, write_shp


def only(error: pytest.ExceptionInfo[InputError]) -> Any:
    assert len(error.value.problems) == 1, error.value
    return error.value.problems[0]


def notes(layer: Any) -> str:
    return "\n".join(layer.provenance.notes)


LINES = [line((0, 0), (10, 0)), line((10, 0), (20, 0)), line((20, 0), (30, 0))]


# --- encodings ---


@pytest.mark.parametrize("cpg", [None, "UTF-8", "ISO-8859-1", "1252", "nonsense"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_bytes_decide_the_encoding(read: Read, tmp_path: Path, encoding: str, cpg: str | None) -> None:
    # v3 is UTF-8 without .cpg, v2 is cp1252, and a .cpg may lie.
    words = ["Résidentiel", "Forêt fermée de feuillus", "Œuvre – l’Île"]
    write_shp(tmp_path / "a.shp", {"TOPONYME": [w.encode(encoding) for w in words]}, LINES, cpg=cpg)
    layer = read("facilities", "a.shp")
    assert list(layer.data["toponyme"]) == words
    assert f"texts read as {encoding}" in notes(layer)


def test_rows_of_two_encodings(read: Read, tmp_path: Path) -> None:
    raw = ["Chaussée".encode(), "Chaussée".encode("cp1252"), b"Pont"]
    write_shp(tmp_path / "a.shp", {"NOM": raw}, LINES)
    layer = read("facilities", "a.shp")
    assert list(layer.data["nom"]) == ["Chaussée", "Chaussée", "Pont"]
    assert "1 texts in UTF-8, 1 in cp1252" in notes(layer)


@pytest.mark.parametrize(
    ("driver", "encoding"), [(0x00, "cp1252"), (0x02, "cp850"), (0x57, "cp1252"), (0x0D, "cp437")]
)
def test_without_a_cpg_the_dbf_says_its_code_page(
    read: Read, tmp_path: Path, driver: int, encoding: str
) -> None:
    words = ["Chaussée", "Gué", "été".encode().decode()]
    raw = [words[0].encode(encoding), words[1].encode(encoding), words[2].encode("utf-8")]
    write_shp(tmp_path / "a.shp", {"NOM": raw}, LINES, driver=driver)
    layer = read("hydrography", "a.shp")
    assert layer.data[layer.data.columns[0]].tolist() == words  # UTF-8 is seen by its bytes all the same


def test_another_code_page_is_taken_from_the_cpg(read: Read, tmp_path: Path) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": ["Chaussée".encode("cp850"), b"a", b"b"]}, LINES, cpg="850")
    assert read("facilities", "a.shp").data["nom"][0] == "Chaussée"


@pytest.mark.parametrize(
    ("text", "width", "read_as"),
    [
        ("été Chaussé", 14, "été Chaussé"),
        ("été Chaussé", 13, "été Chauss"),
        ("Chaussé", 7, "Chauss"),
        ("côté – l’", 9, "côté"),
    ],
)
def test_a_text_cut_in_the_middle_of_a_letter(
    read: Read, tmp_path: Path, text: str, width: int, read_as: str
) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": [text.encode(), b"a", b"b"]}, LINES, width=width)
    assert read("facilities", "a.shp").data["nom"][0] == read_as


def test_a_last_letter_of_cp1252_is_no_cut(read: Read, tmp_path: Path) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": [w.encode("cp1252") for w in ("Chaussé", "été", "Là")]}, LINES)
    assert list(read("facilities", "a.shp").data["nom"]) == ["Chaussé", "été", "Là"]


def test_letters_lost_before_us_are_counted(read: Read, tmp_path: Path) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": ["chauss\ufffde".encode(), b"a", b"b"]}, LINES)
    assert "1 texts lost their accents" in notes(read("facilities", "a.shp"))


# --- CRS ---


def test_missing_prj_gets_the_crs_of_the_territory(read: Read, tmp_path: Path) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": [b"a", b"b", b"c"]}, LINES, prj=None)
    layer = read("facilities", "a.shp", bounds=(X, Y - 5, X + 12, Y + 5))
    assert layer.data.crs == "EPSG:2154"
    assert layer.provenance.crs == "EPSG:2154"
    assert "declares no CRS" in notes(layer)
    assert list(layer.data["nom"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("shape", "bounds"),
    [
        (Point(1.05, 49.9), None),
        (Point(1.05, 49.9), (X, Y, X + 1, Y + 1)),
        (Point(1.7e7, 1.7e7), None),
        (Point(X + 90000, Y), (X, Y, X + 1, Y + 1)),
    ],
    ids=["degrees", "degrees and an extent", "off the map", "away from the extent"],
)
def test_no_crs_and_the_territory_cannot_tell(read: Read, tmp_path: Path, shape: Point, bounds: Any) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": [b"a"]}, [shape], prj=None)
    with pytest.raises(InputError) as error:
        read("facilities", "a.shp", bounds=bounds)
    problem = only(error)
    assert problem.where == str(tmp_path / "a.shp")
    assert problem.key == "layers.facilities.crs"
    assert "no CRS" in problem.found
    assert "crs =" in problem.hint
    # A wrong extent was told as a CRS that lacks.
    assert ("do not touch the extent (" in problem.found) == (shape == Point(X + 90000, Y))


def test_the_key_crs_tells_it(read: Read, tmp_path: Path) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": [b"a"]}, [Point(2.3, 48.85)], prj=None)
    layer = read("facilities", "a.shp", crs="EPSG:4326")
    assert layer.data.geometry[0].x == pytest.approx(648640, abs=20)
    assert "EPSG:4326" in notes(layer)


def test_one_layer_of_another_crs_is_reprojected(read: Read, tmp_path: Path) -> None:
    # One layer in EPSG:3946 (CC46) among Lambert-93: seen in real deliveries.
    here = gpd.GeoDataFrame(
        {"nom": ["a", "b"]}, geometry=[Point(842000, 6519000), Point(800000, 6519000)], crs=2154
    )
    here.to_crs(3946).to_file(tmp_path / "a.gpkg", layer="zone", engine="pyogrio")
    layer = read("zones", "a.gpkg", bounds=(841000, 6518000, 843000, 6520000))
    assert list(layer.data["nom"]) == ["a"]
    assert layer.data.geometry[0].distance(Point(842000, 6519000)) < 1e-3
    assert layer.provenance.crs == "EPSG:3946"
    assert "reprojected from EPSG:3946 to EPSG:2154" in notes(layer)


def test_a_prj_that_says_nothing_known_is_not_taken_for_none(read: Read, tmp_path: Path) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": [b"a", b"b", b"c"]}, LINES)
    (tmp_path / "a.prj").write_text("Lambert quelque chose")
    with pytest.raises(InputError) as error:
        read("facilities", "a.shp")
    assert only(error).where == str(tmp_path / "a.prj")
    assert "Lambert quelque chose" in only(error).found
    assert len(read("facilities", "a.shp", crs="EPSG:2154").data) == 3


def test_old_datums_are_not_all_the_same() -> None:
    from twin.layers import crs

    def made(code: str) -> Any:
        found = crs.parse(code)
        assert found is not None
        return found

    assert crs.same(made("EPSG:2154"), made("EPSG:9794"))  # RGF93 v1 and v2b
    assert crs.same(made("EPSG:2154"), made("EPSG:5698"))  # with IGN69 heights
    assert not crs.same(made("EPSG:2154"), made("EPSG:3946"))
    assert not crs.same(made("EPSG:2154"), made("EPSG:27572"))
    # ED50 and Martinique 1938: both on the International ellipsoid, in UTM.
    utm = "+proj=utm +zone=20 +ellps=intl +towgs84={} +units=m +type=crs"
    assert not crs.same(made("EPSG:2973"), made(utm.format("-87,-98,-121")))


@pytest.mark.parametrize(
    "wkt",
    [
        # Lambert-93 as old software writes it: ESRI's, and one with swapped parallels and no datum name.
        'PROJCS["RGF_1993_Lambert_93",GEOGCS["GCS_RGF_1993",DATUM["D_RGF_1993",SPHEROID["GRS_1980",6378137.0,'
        '298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION['
        '"Lambert_Conformal_Conic"],PARAMETER["False_Easting",700000.0],PARAMETER["False_Northing",6600000.0],'
        'PARAMETER["Central_Meridian",3.0],PARAMETER["Standard_Parallel_1",44.0],PARAMETER["Standard_Parallel_2"'
        ',49.0],PARAMETER["Latitude_Of_Origin",46.5],UNIT["Meter",1.0]]',
        'PROJCS["Lambert_Conformal_Conic",GEOGCS["GCS_GRS 1980",DATUM["D_unknown",SPHEROID["GRS80",6378137,'
        '298.257222101]],PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]],PROJECTION['
        '"Lambert_Conformal_Conic"],PARAMETER["standard_parallel_1",49],PARAMETER["standard_parallel_2",44],'
        'PARAMETER["latitude_of_origin",46.5],PARAMETER["central_meridian",3],PARAMETER["false_easting",700000],'
        'PARAMETER["false_northing",6600000],UNIT["Meter",1]]',
    ],
)
def test_other_spellings_of_lambert_93_move_nothing(read: Read, tmp_path: Path, wkt: str) -> None:
    write_shp(tmp_path / "a.shp", {"NOM": [b"a", b"b", b"c"]}, LINES)
    (tmp_path / "a.prj").write_text(wkt)
    layer = read("facilities", "a.shp")
    np.testing.assert_array_equal(
        shapely.get_coordinates(layer.data.geometry.to_numpy()), shapely.get_coordinates(LINES)
    )
    assert layer.provenance.crs == "EPSG:2154"
    assert "reprojected" not in notes(layer)


def test_data_elsewhere_are_an_error(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(ROADS)})
    with pytest.raises(InputError) as error:
        read("roads", "a.gpkg", bounds=(100000, 6200000, 101000, 6201000))
    assert "650000.0" in only(error).found
    assert "100000.0" in only(error).expected


# --- layers and files ---


def test_the_layer_is_chosen_by_its_name(read: Read, tmp_path: Path) -> None:
    write_gpkg(
        tmp_path / "bd.gpkg",
        {"batiment": frame(BUILDINGS), "troncon_de_route": frame(ROADS), "commune": frame(BUILDINGS[:1])},
    )
    assert len(read("roads", "bd.gpkg").data) == 4
    assert "troncon_de_route" in notes(read("roads", "bd.gpkg"))
    assert len(read("districts", "bd.gpkg").data) == 1
    assert len(read("roads", "bd.gpkg", layer="TRONCON_DE_ROUTE").data) == 4


def test_a_layer_that_is_not_there(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "bd.gpkg", {"batiment": frame(BUILDINGS), "troncon_de_route": frame(ROADS)})
    with pytest.raises(InputError) as error:
        read("roads", "bd.gpkg", layer="tronçon_route")
    problem = only(error)
    assert problem.key == "layers.roads.layer"
    assert "tronçon_route" in problem.found
    assert "troncon_de_route" in problem.hint


def test_several_layers_and_none_named(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "bd.gpkg", {"batiment": frame(BUILDINGS), "troncon_de_route": frame(ROADS)})
    with pytest.raises(InputError) as error:
        read("flood_marks", "bd.gpkg")
    assert "batiment, troncon_de_route" in only(error).found


def test_a_folder_of_shapefiles(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "BDTOPO" / "H_ADMINISTRATIF"
    folder.mkdir(parents=True)
    write_shp(folder / "COMMUNE.SHP", {"NOM": [b"a"]}, [square(0, 0)])
    write_shp(folder / "LIEU_DIT.shp", {"NOM": [b"a", b"b", b"c"]}, LINES)
    assert len(read("districts", "BDTOPO").data) == 1
    assert len(read("zones", "BDTOPO", layer="LIEU_DIT").data) == 3


def test_a_missing_file_names_what_there_is(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "bdtopo.gpkg", {"batiment": frame(BUILDINGS)})
    with pytest.raises(InputError) as error:
        read("buildings", "bd_topo.gpkg")
    assert only(error).where == str(tmp_path / "bd_topo.gpkg")
    assert "bdtopo.gpkg" in only(error).hint


def test_a_file_that_is_none(read: Read, tmp_path: Path) -> None:
    for name, content, said in (
        ("a.gpkg", b"SQLite format 3\0 and nothing more", "33 / 100 B"),
        ("a.geojson", b"{ and nothing more", "cannot be read"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as error:
            read("roads", name)
        assert said in only(error).found


def test_two_files_are_one_layer(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "d031.gpkg", {"troncon_de_route": frame(ROADS[:3])})
    write_gpkg(tmp_path / "d081.gpkg", {"troncon_de_route": frame(ROADS[2:])})
    layer = read("roads", "d0*.gpkg")
    # The third is delivered with both departments.
    assert list(layer.data["road_id"]) == [f"TRONROUT0{n}" for n in (1, 2, 3, 4)]
    assert "1 features delivered twice" in notes(layer)
    assert len(layer.provenance.source) == 2


# --- where, bounds, nulls ---


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_where_on_a_shapefile_compares_letters_not_bytes(read: Read, tmp_path: Path, encoding: str) -> None:
    raw = [w.encode(encoding) for w in ("Forêt", "Haie", "Forêt")]
    write_shp(tmp_path / "a.shp", {"NATURE": raw}, LINES)
    assert list(read("facilities", "a.shp", where="NATURE = 'Forêt'").data["nature"]) == ["Forêt"] * 2
    assert list(read("facilities", "a.shp", where="NATURE = 'Haie'").data["nature"]) == ["Haie"]


@pytest.mark.parametrize("where", ["natur = 'Sentier'", "nature == == 3", "naturé = 'Forêt'"])
def test_a_condition_that_cannot_be_understood(read: Read, tmp_path: Path, where: str) -> None:
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(ROADS)})
    write_shp(tmp_path / "a.shp", {"NATURE": [b"a", b"b", b"c"]}, LINES)
    for source in ("a.gpkg", "a.shp"):
        with pytest.raises(InputError) as error:
            read("facilities", source, where=where)
        assert where in only(error).found
        assert "nature" in only(error).expected.lower()


def test_where_keeps_some_features(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "a.gpkg", {"troncon_de_route": frame(ROADS)})
    assert list(read("roads", "a.gpkg", where="importance IN ('1', '4')").data["road_id"]) == [
        "TRONROUT01",
        "TRONROUT02",
    ]


def test_features_that_meet_the_bounds_are_kept_whole(read: Read, tmp_path: Path) -> None:
    # The bounding box of the diagonal meets the window, the line does not.
    shapes = [
        LineString([(X, Y), (X + 100, Y + 100)]),
        LineString([(X + 60, Y), (X + 90, Y)]),
        Point(X + 80, Y + 10),
    ]
    gpd.GeoDataFrame({"n": [1, 2, 3]}, geometry=shapes, crs=2154).to_file(
        tmp_path / "a.gpkg", engine="pyogrio"
    )
    layer = read("facilities", "a.gpkg", bounds=(X + 70, Y - 10, X + 100, Y + 20))
    assert list(layer.data["n"]) == [2, 3]
    assert layer.data.geometry[0].length == 30


def test_a_polygon_that_crosses_itself_is_still_found(read: Read, tmp_path: Path) -> None:
    bow = Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
    gpd.GeoDataFrame({"n": [1]}, geometry=[bow], crs=2154).to_file(tmp_path / "a.gpkg", engine="pyogrio")
    assert len(read("facilities", "a.gpkg", bounds=(X - 5, Y + 1, X + 1, Y + 9)).data) == 1
    assert len(read("facilities", "a.gpkg", bounds=(X + 4, Y - 5, X + 6, Y + 1)).data) == 0


def test_nulls_of_a_v2_layer(read: Read, tmp_path: Path) -> None:
    data = gpd.GeoDataFrame(
        {
            "ID": ["TRON_EAU1", "TRON_EAU2"], "PREC_PLANI": [1.5, 9999.0], "ARTIF": ["Oui", "Non"],
            "FICTIF": ["Oui", None], "NOM": ["NR", "le loir"], "POS_SOL": [0, 0],
            "REGIME": ["Permanent", "NC"],
            "Z_INI": [-99.0, 27.5], "Z_FIN": [-2e38, 9999.0],
            "DATE": pd.to_datetime(["1899-12-30", "2006-01-02"]),
        },
        geometry=[line((0, 0), (1, 1), z=-99.0), LineString([(X, Y, 27.5), (X + 1, Y, 9999.0)])],
        crs=2154,
    )  # fmt: skip
    data.to_file(tmp_path / "a.gpkg", layer="TRONCON_COURS_EAU", engine="pyogrio")
    layer = read("hydrography", "a.gpkg")
    out = layer.data
    assert out["cleabs"].tolist() == ["TRON_EAU1", "TRON_EAU2"]
    assert out["cpx_toponyme_de_cours_d_eau"].isna().tolist() == [True, False]
    assert out["persistance"].isna().tolist() == [False, True]
    assert out["z_ini"].isna().tolist() == [True, False]
    assert out["z_fin"].isna().all()
    assert out["precision_planimetrique"].isna().tolist() == [False, True]
    assert out["origine"].tolist() == ["Artificiel", "Naturel"]
    assert str(out["fictif"].dtype) == "boolean"
    assert out["date"].isna().tolist() == [True, False]
    assert not out.geometry[0].has_z
    z = shapely.get_coordinates(out.geometry[1], include_z=True)[:, 2]
    assert z[0] == 27.5
    assert np.isnan(z[1])
    assert "3 vertices whose Z" in notes(layer)


def test_other_producers_keep_their_texts(read: Read, tmp_path: Path) -> None:
    data = gpd.GeoDataFrame(
        {"Code": ["NC", "01004"], "dist_pop": ["30086", "1 "], "id": [7, 8]},
        geometry=[Point(X, Y), None],
        crs=2154,
    )
    data.to_file(tmp_path / "a.gpkg", engine="pyogrio")
    layer = read("zones", "a.gpkg")
    assert list(layer.data.columns) == ["code", "dist_pop", "id", "geometry"]
    assert layer.data["code"].tolist() == ["NC"]
    assert layer.data["dist_pop"].tolist() == [30086.0]
    assert "1 features without geometry" in notes(layer)


@pytest.mark.parametrize("name", ["facilities", "districts", "zones"])
def test_features_of_two_deliveries_count_once(read: Read, tmp_path: Path, name: str) -> None:
    """A hospital on the edge of two departments is delivered with both."""
    shapes = [box(X + k, Y, X + k + 1, Y + 1) for k in range(3)]
    for file, some in (("D030", (0, 1)), ("D034", (0, 2))):
        rows = {"cleabs": [f"H{min(k, 1)}" for k in some], "nature": ["Hôpital"] * 2}
        gpd.GeoDataFrame(rows, geometry=[shapes[k] for k in some], crs="EPSG:2154").to_file(
            tmp_path / f"{file}.gpkg", layer="commune"
        )
    layer = read(name, ["D030.gpkg", "D034.gpkg"])
    assert layer.data["cleabs"].tolist() == ["H0", "H1", "H1"]  # the last two: one name, two places
    assert "1 features delivered twice" in " ".join(layer.provenance.notes)


def test_turn_bans_one_row_a_pair(read: Read, tmp_path: Path) -> None:
    data = gpd.GeoDataFrame(
        {
            "cleabs": ["NON_COMM1", "NON_COMM2", "NON_COMM3"],
            "lien_vers_troncon_entree": ["T1", "T2", None],
            "liens_vers_troncon_sortie": ["T5/T6", "T7", "T8"],
        },
        geometry=[Point(X, Y)] * 3,
        crs=2154,
    )
    data.to_file(tmp_path / "a.gpkg", layer="non_communication", engine="pyogrio")
    layer = read("turn_bans", "a.gpkg")
    pairs = list(zip(layer.data["from_road"], layer.data["to_road"], strict=True))
    assert pairs == [("T1", "T5"), ("T1", "T6"), ("T2", "T7")]
    assert "1 bans without one" in notes(layer)
    write_gpkg(tmp_path / "b.gpkg", {"batiment": frame(BUILDINGS)})
    with pytest.raises(InputError, match="lien_vers_troncon_entree"):
        read("turn_bans", "b.gpkg")


def test_turns_that_only_take_time(read: Read, tmp_path: Path) -> None:
    data = gpd.GeoDataFrame(
        {"from_road": ["T1", "T2"], "to_road": ["T5", "T6"], "cost_s": ["12.5", None]},
        geometry=[Point(X, Y)] * 2,
        crs=2154,
    )
    data.to_file(tmp_path / "a.gpkg", engine="pyogrio")
    costs = read("turn_bans", "a.gpkg").data["cost_s"]
    assert costs[0] == 12.5
    assert np.isnan(costs[1])
    data.assign(cost_s=["-3", "soon"]).to_file(tmp_path / "b.gpkg", engine="pyogrio")
    with pytest.raises(InputError, match=r"-3 \(2") as caught:
        read("turn_bans", "b.gpkg")
    assert caught.value.problems[0].key == "layers.turn_bans.cost_s"


def test_empty_layers_are_no_error(read: Read, tmp_path: Path) -> None:
    write_gpkg(
        tmp_path / "a.gpkg", {"troncon_de_route": frame(ROADS).iloc[:0], "zone": frame(BUILDINGS).iloc[:0]}
    )
    assert len(read("zones", "a.gpkg", layer="zone", bounds=box(X, Y, X + 1, Y + 1).bounds).data) == 0
    roads = read("roads", "a.gpkg", layer="troncon_de_route")
    assert len(roads.data) == 0
    assert "drivable" in roads.data.columns


def test_geojson_of_lambert_coordinates_that_says_nothing(read: Read, tmp_path: Path) -> None:
    import json

    feature = {
        "type": "Feature",
        "properties": {"nom": "a"},
        "geometry": {"type": "Point", "coordinates": [X, Y]},
    }
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    layer = read("facilities", "a.geojson")
    assert (layer.data.geometry[0].x, layer.data.geometry[0].y) == (X, Y)
    assert "its coordinates are not degrees" in notes(layer)
    assert "is assigned" in notes(layer)
    assert read("facilities", "a.geojson", crs="EPSG:2154").data.geometry[0].x == X


@pytest.mark.parametrize(
    ("name", "keys", "wrong"),
    [
        ("terrain", {"layer": "mnt", "where": "a = 1", "classes": "oso"}, ["layer", "where", "classes"]),
        ("roads", {"nodata": 0.0}, ["nodata"]),
    ],
)
def test_keys_that_the_layer_would_ignore(
    read: Read, tmp_path: Path, name: str, keys: dict[str, Any], wrong: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        read(name, "a", **keys)
    assert [problem.key for problem in error.value.problems] == [f"layers.{name}.{key}" for key in wrong]


def test_a_place_is_a_layer_with_a_table_of_its_own(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "lieux.gpkg", {"ecole": frame(BUILDINGS), "mairie": frame(BUILDINGS[:1])})
    layer = read("places.schools", "lieux.gpkg", layer="ecole", where="hauteur > 6")
    assert len(layer.data) == 1
    with pytest.raises(InputError) as error:
        read("places.schools", "lieux.gpkg", layer="ecoles")
    assert only(error).key == "places.schools.layer"


def test_what_meets_a_box_is_what_intersects_it() -> None:
    """Inside, outside, over the edge, touching it; crossing themselves, null, empty, with Z."""
    rng = np.random.default_rng(4)
    corners = rng.uniform(-20, 120, (400, 4, 2)) * rng.choice([0.1, 1.0], (400, 1, 1))
    shapes = shapely.polygons(corners)  # half of them cross themselves
    lines = shapely.force_3d(shapely.linestrings(corners), 5.0)
    touching = [shapely.box(100, 100, 110, 110), shapely.Point(0, 50), shapely.Point(100.1, 50)]
    window = shapely.box(0, 0, 100, 100)
    everything = np.array(
        [*shapes, *lines, *touching, None, shapely.Polygon(), shapely.Point()], dtype=object
    )
    repaired = shapely.make_valid(shapely.force_2d(everything))
    np.testing.assert_array_equal(_meets(everything, window), shapely.intersects(window, repaired))
    assert 0 < _meets(everything, window).sum() < everything.size


def test_a_file_that_changed_is_listed_anew(read: Read, tmp_path: Path) -> None:
    write_gpkg(tmp_path / "a.gpkg", {"first": frame(ROADS)})
    assert len(read("roads", "a.gpkg", layer="first").data)
    write_gpkg(tmp_path / "a.gpkg", {"second": frame(ROADS)})
    assert len(read("roads", "a.gpkg", layer="second").data)  # beside the first
    (tmp_path / "a.gpkg").unlink()
    write_gpkg(tmp_path / "a.gpkg", {"second": frame(ROADS)})
    with pytest.raises(InputError, match="second"):
        read("roads", "a.gpkg", layer="first")
