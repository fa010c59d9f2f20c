"""COVADIS layers: the real test delivery, and ours read back."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tests.layers.test_real import DIEPPE
from twin.errors import InputError
from twin.layers import covadis


@pytest.mark.real
def test_the_test_delivery(real_data: Path) -> None:
    delivered = covadis.read(real_data / "cnig" / "TRI_JTEST_TOPO_SIG_DI")
    by_name = {layer.name: layer for layer in delivered}
    kinds = {(layer.kind, layer.scenario) for layer in delivered}
    assert {("ISO_HT", "01For"), ("ISO_HT", "02Moy"), ("ISO_HT", "04Fai")} <= kinds
    assert {("INONDABLE", "02Moy"), ("ISO_COTE", ""), ("OUV_PROTEC", ""), ("COTE_VIT_DEB", "")} <= kinds
    heights = by_name["N_TRI_JTEST_TOPO_ISO_HT_FOR_S_027"].frame
    assert set(heights["scenario"]) == {"01For"}
    assert heights["ht_min"].tolist()[0] == 1.0
    assert heights["ht_max"].tolist()[0] == 2.0
    # The missing .cpg: UTF-8 all the same.
    assert by_name["N_TRI_JTEST_TOPO_TRI_S_027"].frame["nom"].tolist() == ["TRI du territoire bien caché"]
    # What does not follow the standard is said: quotes around a flag.
    odd = by_name["N_TRI_JTEST_TOPO_ISO_DEB_S_027"]
    assert odd.frame["est_ref"].tolist()[0] == "F"
    assert any("EST_REF" in remark for remark in odd.remarks)


@pytest.mark.real
def test_ppr_zones(real_data: Path, tmp_path: Path) -> None:
    assert covadis.kind_of("PPR_ZONE_REG") == ("ZONE_REG", "")
    frame = gpd.read_file(real_data / DIEPPE, layer="ppr_zone")
    assert set(covadis.tables()["classes"]["ZONE_REG"]["columns"]) <= set(frame.columns)
    # Written as COVADIS has it and read back: the 19 zones of the PPRI of the Arques.
    (path,) = covadis.write({"ZONE_REG": frame}, tmp_path / "ppr", territory="20010003", department="076")
    assert path.name == "N_ZONE_REG_PPRN_20010003_S_076.shp"
    (again,) = covadis.read(tmp_path / "ppr")
    assert (again.kind, again.remarks) == ("ZONE_REG", ())
    assert len(again.frame) == 19
    for column in covadis.tables()["classes"]["ZONE_REG"]["columns"]:
        assert again.frame[column].tolist() == frame[column].tolist(), column
    moved = shapely.hausdorff_distance(again.frame.geometry.array, frame.geometry.array)
    assert moved.max() == 0.0
    # A GeoPackage of the same, as QGIS saves it.
    frame.to_file(tmp_path / "ppr.gpkg", layer="n_zone_reg_pprn_20010003_s_076", driver="GPKG")
    (saved,) = covadis.read(tmp_path / "ppr.gpkg")
    assert (saved.kind, saved.frame["typereg"].tolist()) == ("ZONE_REG", frame["typereg"].tolist())


@pytest.mark.real
def test_the_test_delivery_written_again(real_data: Path, tmp_path: Path) -> None:
    """Every layer of the real delivery, through our writer and back: the same values and shapes."""
    delivered = covadis.read(real_data / "cnig" / "TRI_JTEST_TOPO_SIG_DI")
    short = {value: key for key, value in covadis.tables()["scenarios"].items()}
    done = 0
    for layer in delivered:
        name = layer.kind + (f"_{short[layer.scenario]}" if layer.scenario else "")
        columns = [c for c in covadis.tables()["classes"][layer.kind]["columns"] if c in layer.frame]
        try:
            covadis.write(
                {name: layer.frame}, tmp_path / layer.name, territory="JTEST_TOPO", department="027"
            )
        except InputError:
            assert layer.remarks, layer.name  # what the standard has not was said at reading
            continue
        (again,) = covadis.read(tmp_path / layer.name)
        assert (again.kind, again.scenario) == (layer.kind, layer.scenario)
        for column in columns:
            pd.testing.assert_series_equal(
                again.frame[column], layer.frame[column], check_dtype=False, check_index=False
            )
        assert again.frame.geometry.geom_equals(layer.frame.geometry).all()
        done += 1
    assert done >= 15


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("N_TRI_DIEP_INONDABLE_01_02MOY_S_076", ("INONDABLE", "02Moy")),
        ("n_inondable_01_02moy_s", ("INONDABLE", "02Moy")),
        ("N_TRI_X_ISO_HT_03_03MCC_S_076", ("ISO_HT", "03Mcc")),
        ("N_TRI_X_COTE_VIT_DEB_P_076", ("COTE_VIT_DEB", "")),
        ("N_TRI_X_ECOUL_S_076", ("ECOUL", "")),
        ("N_ZONE_REG_PPRN_20010003_S_076", ("ZONE_REG", "")),
        ("n_zone_alea_pprn_20120001_s_076", ("ZONE_ALEA", "")),
        ("TRONCON_DE_ROUTE", None),
    ],
)
def test_names(name: str, kind: tuple[str, str] | None) -> None:
    assert covadis.kind_of(name) == kind


def zones(**columns: list[object]) -> gpd.GeoDataFrame:
    shapes = [shapely.box(650000 + 10 * k, 6860000, 650010 + 10 * k, 6860010) for k in range(3)]
    table: dict[str, list[object]] = {
        "id_zone": ["Z1", "Z2", "Z3"], "id_s_inond": ["S1"] * 3, "typ_inond": ["01"] * 3,
        "scenario": ["02Moy"] * 3, "ht_min": [0.0, 0.5, 4.0], "ht_max": [0.5, 1.0, None],
        "cours_deau": ["la Béthune"] * 3, "est_ref": ["T", "F", None],
    }  # fmt: skip
    return gpd.GeoDataFrame(pd.DataFrame(table | columns), geometry=shapes, crs="EPSG:2154")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    wrote = covadis.write({"ISO_HT_MOY": zones()}, tmp_path / "di", territory="DIEP", department="076")
    assert [path.name for path in wrote] == ["N_TRI_DIEP_ISO_HT_MOY_S_076.shp"]
    assert wrote[0].with_suffix(".cpg").read_text() == "UTF-8"
    (layer,) = covadis.read(tmp_path / "di")
    assert (layer.kind, layer.scenario) == ("ISO_HT", "02Moy")
    assert not layer.remarks
    assert list(layer.frame.columns[:-1]) == list(covadis.tables()["classes"]["ISO_HT"]["columns"])
    np.testing.assert_array_equal(layer.frame["ht_min"], [0.0, 0.5, 4.0])
    np.testing.assert_array_equal(layer.frame["ht_max"], [0.5, 1.0, np.nan])
    assert layer.frame["cours_deau"].tolist() == ["la Béthune"] * 3
    assert layer.frame["est_ref"].isna().tolist() == [False, False, True]
    assert layer.frame.geometry.geom_equals(zones().geometry).all()


def test_hazard_zones_of_a_ppr(tmp_path: Path) -> None:
    frame = zones(nivalea_st=["01", "04", "06"], coderisque=["112", "112", "117"])
    covadis.write({"ZONE_ALEA": frame}, tmp_path / "p", territory="20120001", department="076")
    (layer,) = covadis.read(tmp_path / "p")
    assert (layer.name, layer.kind) == ("N_ZONE_ALEA_PPRN_20120001_S_076", "ZONE_ALEA")
    assert layer.frame["nivalea_st"].tolist() == ["01", "04", "06"]
    frame["nivalea_st"] = "99"
    with pytest.raises(InputError, match="NIVALEA_ST"):
        covadis.write({"ZONE_ALEA": frame}, tmp_path / "q", territory="20120001", department="076")


@pytest.mark.parametrize(
    ("name", "columns", "said"),
    [
        ("ISO_HT_MOY", {"scenario": ["crue"] * 3}, "SCENARIO"),
        ("ISO_HT_MOY", {"ht_min": [0.1, 0.5, 4.0]}, "HT_MIN"),
        ("ISO_HT_MOY", {"id_zone": ["Z1", "Z1", "Z3"]}, "ID_ZONE"),
        ("ISO_COTE", {}, "LineString"),
        ("ISO_TRUC", {}, "ISO_HT"),
    ],
)
def test_what_the_standard_has_not_is_refused(
    tmp_path: Path, name: str, columns: dict[str, list[object]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        covadis.write({name: zones(**columns)}, tmp_path / "di", territory="DIEP", department="076")
    assert not (tmp_path / "di").exists()
