"""The classes of BD TOPO: one set of names, types and values, whatever the version; on real files."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from tests.layers import features
from tests.layers.conftest import Read
from tests.layers.test_real import DIEPPE, LA_FLECHE
from tests.layers.test_real import read as read_real
from twin.layers import LayerSource, ign, read_layer

VALMONT = Path(__file__).parents[2] / "data" / "valmont"


@pytest.mark.real
def test_streams_of_v2(real_data: Path) -> None:
    streams = read_real(real_data, "hydrography", f"{LA_FLECHE}/TRONCON_COURS_EAU.shp").data
    assert len(streams) == 97
    assert streams["cleabs"].is_unique
    # NR is null; 4 spellings of names, NR among them.
    assert set(streams["cpx_toponyme_de_cours_d_eau"].dropna()) == {
        "le loir", "ruisseau de leuray", "ruisseau du boulay",
    }  # fmt: skip
    assert set(streams["persistance"]) == {"Permanent", "Intermittent"}
    assert set(streams["origine"]) == {"Naturel", "Artificiel"}
    assert set(streams["franchissement"].dropna()) == {"Barrage"}
    assert streams["fictif"].dtype == bool
    assert streams["position_par_rapport_au_sol"].dtype == "int64"
    # 9999 is no precision.
    assert streams["precision_altimetrique"].max() == 1.0
    dieppe = read_real(real_data, "hydrography", DIEPPE).data
    assert "l'arques" in set(dieppe["cpx_toponyme_de_cours_d_eau"].dropna())
    assert set(dieppe["persistance"]) == {"Permanent"}


@pytest.mark.real
def test_water_surfaces_of_v2(real_data: Path) -> None:
    water = read_real(real_data, "water_surfaces", f"{LA_FLECHE}/SURFACE_EAU.shp").data
    assert len(water) == 133
    assert water["altitude_moyenne"].between(20, 100).sum() > 100
    assert water["altitude_moyenne"].max() < 9000
    assert set(water["nature"]) == {"Surface d'eau", "Bassin"}
    assert set(water["persistance"]) == {"Permanent", "Intermittent"}


@pytest.mark.real
def test_communes_of_v2(real_data: Path) -> None:
    communes = read_real(real_data, "districts", DIEPPE, layer="commune").data
    assert communes.set_index("code_insee").loc["76217", "population"] == 30086
    assert communes.set_index("code_insee").loc["76217", "nom_officiel"] == "Dieppe"
    assert communes.set_index("code_insee").loc["76414", "surface_en_ha"] == 10


@pytest.mark.parametrize(
    ("name", "layer", "columns"),
    [
        ("hydrography", "troncon_hydrographique", {"numero_d_ordre": "int", "fosse": "bool"}),
        ("water_surfaces", "surface_hydrographique", {"position_par_rapport_au_sol": "int"}),
        ("hydrography", "cours_d_eau", {"importance": "int", "caractere_permanent": "bool"}),
        ("structures", "construction_lineaire", {"importance": "int"}),
        ("defences", "ligne_orographique", {"importance": "int"}),
        ("facilities", "zone_d_activite_ou_d_interet", {"fictif": "bool"}),
        ("districts", "commune", {"population": "int"}),
    ],
)
def test_every_class_of_v3(name: str, layer: str, columns: dict[str, str]) -> None:
    source = LayerSource(source="BDTOPO.gpkg", layer=layer)
    read = read_layer(name, source, root=VALMONT, crs="EPSG:2154")
    assert len(read.data) > 0
    for column, kind in columns.items():
        assert str(read.data[column].dtype).lower().startswith(kind)
    assert not any("do not know" in note or "not of the type" in note for note in read.provenance.notes)


@pytest.mark.parametrize("form", ["gpkg", "shp"])
def test_transport_facilities(read: Read, tmp_path: Path, form: str) -> None:
    """No real file is here: made with the columns that BD TOPO 3 has, long and short."""
    rows: list[dict[str, object]] = [
        {"cleabs": "EQ_TRANS0001", "nature": "Parking", "nature_detaillee": "Parking relais",
         "toponyme": "parking de la gare", "statut_du_toponyme": "Validé", "importance": "5",
         "fictif": False, "etat_de_l_objet": "En service"},
        {"cleabs": "EQ_TRANS0002", "nature": "Gare voyageurs uniquement", "nature_detaillee": None,
         "toponyme": "Dieppe", "statut_du_toponyme": "Validé", "importance": "3",
         "fictif": True, "etat_de_l_objet": "En projet"},
    ]  # fmt: skip
    for k, row in enumerate(rows):
        x = features.X + 100.0 * k
        row["geometry"] = shapely.box(x, features.Y, x + 50, features.Y + 30)
    frame = features.frame(rows)
    if form == "gpkg":
        features.write_gpkg(tmp_path / "t.gpkg", {"equipement_de_transport": frame, "autre": frame})
        layer = read("facilities", "t.gpkg", layer="equipement_de_transport")
    else:
        short = {
            "cleabs": "ID", "nature": "NATURE", "nature_detaillee": "NAT_DETAIL", "toponyme": "TOPONYME",
            "statut_du_toponyme": "STATUT_TOP", "importance": "IMPORTANCE", "fictif": "FICTIF",
            "etat_de_l_objet": "ETAT",
        }  # fmt: skip
        frame["fictif"] = ["Non", "Oui"]
        frame["date_creation"] = "2020-01-01"
        renamed = frame.rename(columns={**short, "date_creation": "DATE_CREAT"})
        renamed.to_file(tmp_path / "EQUIPEMENT_DE_TRANSPORT.shp", engine="pyogrio", encoding="UTF-8")
        layer = read("facilities", "EQUIPEMENT_DE_TRANSPORT.shp")
    data = layer.data
    assert data["cleabs"].tolist() == ["EQ_TRANS0001", "EQ_TRANS0002"]
    assert data["nature"].tolist() == ["Parking", "Gare voyageurs uniquement"]
    assert data["nature_detaillee"].isna().tolist() == [False, True]
    assert data["importance"].tolist() == [5, 3]
    assert data["fictif"].tolist() == [False, True]
    assert data["etat_de_l_objet"].tolist() == ["En service", "En projet"]
    assert data["statut_du_toponyme"].tolist() == ["Validé", "Validé"]


def test_values_that_no_table_knows_are_kept_and_counted(read: Read, tmp_path: Path) -> None:
    line = features.line((0, 0), (10, 0))
    rows = [
        {"cleabs": "A", "persistance": "permanent", "position_par_rapport_au_sol": "Gué ou radier",
         "fictif": "Oui", "numero_d_ordre": "2", "sens_de_l_ecoulement": "Sens inverse", "geometry": line},
        {"cleabs": "B", "persistance": "Parfois", "position_par_rapport_au_sol": "-1",
         "fictif": "peut-être", "numero_d_ordre": "x", "sens_de_l_ecoulement": None, "geometry": line},
    ]  # fmt: skip
    features.write_gpkg(tmp_path / "h.gpkg", {"troncon_hydrographique": features.frame(rows)})
    layer = read("hydrography", "h.gpkg")
    data, said = layer.data, "\n".join(layer.provenance.notes)
    assert data["persistance"].tolist() == ["Permanent", "Parfois"]
    assert data["position_par_rapport_au_sol"].tolist() == [0, -1]
    assert data["fictif"].isna().tolist() == [False, True]
    assert data["numero_d_ordre"].isna().tolist() == [False, True]
    assert "values that the tables do not know (Parfois)" in said
    assert "fictif: 1 values that are not of the type boolean" in said
    assert "numero_d_ordre: 1 values that are not of the type integer" in said


def test_the_table_says_each_name_once() -> None:
    names = [name for rule in ign.tables()["classes"].values() for name in rule["names"]]
    assert len(names) == len(set(names))
    for rule in ign.tables()["classes"].values():
        news = list(rule.get("renames", {}).values())
        assert len([n for n in news if n != "surface_en_ha"]) == len(
            {n for n in news if n != "surface_en_ha"}
        )
