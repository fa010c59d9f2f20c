from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from twin.errors import told
from twin.layers import LayerSource
from twin.layers.layer import FileHashes, Provenance

from .conftest import Read, write_tif
from .features import BUILDINGS, SHORT_BUILDINGS, short


def test_source_is_strict_and_frozen() -> None:
    assert LayerSource(source="a.tif").sources == ("a.tif",)
    assert LayerSource.model_validate({"source": ["a.tif", "b.tif"]}).sources == ("a.tif", "b.tif")
    for wrong in ({}, {"source": ""}, {"source": []}, {"source": "a", "sauce": "b"}, {"source": 3}):
        with pytest.raises(ValidationError):
            LayerSource.model_validate(wrong)
    with pytest.raises(ValidationError):
        LayerSource(source="a.tif").source = "b.tif"


def test_provenance_for_the_record(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "BDTOPO_3-3_TOUSTHEMES_SHP_LAMB93_D030_2023-06-15"
    folder.mkdir()
    short(BUILDINGS, SHORT_BUILDINGS).to_file(folder / "BATIMENT.shp", engine="pyogrio", encoding="utf-8")
    layer = read("buildings", folder.name)
    record = json.loads(json.dumps(layer.provenance.as_dict()))
    assert record["edition"] == "2023-06-15"
    assert "Etalab" in record["licence"]
    assert record["crs"] == "EPSG:2154"
    assert {Path(name).suffix for name in record["sha256"]} == {".shp", ".dbf", ".shx", ".prj", ".cpg"}
    dbf = folder / "BATIMENT.dbf"
    assert record["sha256"][str(dbf)] == hashlib.sha256(dbf.read_bytes()).hexdigest()


def test_what_the_territory_file_says_wins(read: Read, tmp_path: Path) -> None:
    write_tif(tmp_path / "LHD_FXX_0957_6218_MNT_IGN69.tif", np.ones((2, 2)), 0, 100, 5)
    layer = read(
        "terrain", "LHD_FXX_0957_6218_MNT_IGN69.tif", edition="2025", licence="à nous", vertical_datum="NGF"
    )
    assert (layer.provenance.edition, layer.provenance.licence, layer.provenance.vertical_datum) == (
        "2025", "à nous", "NGF",
    )  # fmt: skip


def test_digests_are_computed_only_when_asked_for(tmp_path: Path) -> None:
    hashes = FileHashes((str(tmp_path / "not-there.tif"),))
    assert len(hashes) == 1
    with pytest.raises(FileNotFoundError):
        dict(hashes)
    assert Provenance(source=()).as_dict()["sha256"] == {}


def test_a_layer_prints_itself(read: Read, tmp_path: Path) -> None:
    write_tif(tmp_path / "a.tif", np.array([[1.0, -9999.0]]), 0, 100, 5)
    said = repr(read("terrain", "a.tif"))
    assert "Layer terrain: 1 × 2 cells of 5.0 m" in said
    assert "1 cells without value (50 %)" in said


def test_problem_texts_fill_in() -> None:
    problem = told("a.tif", "layers.terrain.crs", "layer.degrees", crs="EPSG:4326")
    assert "EPSG:4326" in problem.found
    assert problem.hint


def test_a_file_of_several_layers_is_hashed_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bdtopo.gpkg"
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("twin.files.sha256", counted)
    for content, times in ((b"one", 1), (b"other", 2)):
        file.write_bytes(content)
        for _ in range(3):
            assert FileHashes((str(file),))[str(file)] == hashlib.sha256(content).hexdigest()
        assert len(hashed) == times
