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
def test_ppr_zones(real_data: Path) -> None:
    assert covadis.kind_of("PPR_ZONE_REG") == ("ZONE_REG", "")
    frame = gpd.read_file(real_data / DIEPPE, layer="ppr_zone")
    assert set(covadis.tables()["classes"]["ZONE_REG"]["columns"]) <= set(frame.columns)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("N_TRI_DIEP_INONDABLE_01_02MOY_S_076", ("INONDABLE", "02Moy")),
        ("n_inondable_01_02moy_s", ("INONDABLE", "02Moy")),
        ("N_TRI_X_ISO_HT_03_03MCC_S_076", ("ISO_HT", "03Mcc")),
        ("N_TRI_X_COTE_VIT_DEB_P_076", ("COTE_VIT_DEB", "")),
        ("N_TRI_X_ECOUL_S_076", ("ECOUL", "")),
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
