"""Vertical datums: never mixed without an offset that the user says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from tests.layers import features
from tests.layers.conftest import Read, write_tif
from twin.errors import InputError
from twin.territory import Territory

NAME = "RGEALTI_FXX_0650_6860_MNT_LAMB93_{}.tif"


def territory(
    folder: Path, datum: str, of_file: str, more: str = "", of_territory: str = "NGF-IGN69"
) -> Territory:
    write_tif(folder / NAME.format(of_file), np.full((8, 8), 10.0), 650000.0, 6860000.0, 5.0)
    stated = f'vertical_datum = "{datum}"\n' if datum else ""
    (folder / "territory.toml").write_text(
        f'name = "T"\ncrs = "EPSG:2154"\nvertical_datum = "{of_territory}"\n'
        f'[layers.terrain]\nsource = "*.tif"\n{stated}{more}\n'
    )
    return Territory.open(folder)


@pytest.mark.parametrize(
    ("datum", "of_file", "of_territory"),
    [
        ("", "IGN78C", "NGF-IGN69"),  # Corsica
        ("", "REUN89", "NGF-IGN69"),
        ("ZH", "x", "NGF-IGN69"),  # chart datum
        ("NGF-IGN69", "IGN69", "GUAD88"),
    ],
)
def test_another_datum_is_refused(tmp_path: Path, datum: str, of_file: str, of_territory: str) -> None:
    place = territory(tmp_path, datum, of_file, of_territory=of_territory)
    for read in (lambda: place.layer("terrain"), place.lazy_terrain):
        with pytest.raises(InputError, match="vertical_offset = …") as error:
            read()
        assert "one vertical datum, or the offset between the two" in str(error.value)


def test_with_an_offset_heights_are_moved(tmp_path: Path) -> None:
    place = territory(tmp_path, "ZH", "x", "vertical_offset = -4.43")
    layer = place.layer("terrain")
    np.testing.assert_allclose(layer.data.values, 10.0 - 4.43)
    assert any("moved by -4.43 m (ZH to NGF-IGN69)" in note for note in layer.provenance.notes)
    np.testing.assert_allclose(place.mosaic().window(0, 0, 8, 8), 10.0 - 4.43)


@pytest.mark.parametrize(
    ("datum", "of_file", "of_territory"),
    [("", "IGN69", "NGF-IGN69"), ("", "IGN78C", "NGF-IGN78"), ("ign69", "IGN69", "IGN69"), ("", "x", "ZH")],
)
def test_names_of_one_datum(tmp_path: Path, datum: str, of_file: str, of_territory: str) -> None:
    place = territory(tmp_path, datum, of_file, of_territory=of_territory)
    np.testing.assert_array_equal(place.layer("terrain").data.values, 10.0)


def test_what_the_territory_file_says_of_a_layer_wins_over_file_names(tmp_path: Path) -> None:
    layer = territory(tmp_path, "NGF-IGN69", "IGN78C").layer("terrain")
    assert layer.provenance.vertical_datum == "NGF-IGN69"


def test_features_move_too(tmp_path: Path) -> None:
    line = shapely.LineString([(650000, 6860000, 7.0), (650010, 6859990, 8.0)])
    rows = features.frame([{"alt": 6.5, "longueur": 12.0, "geometry": line}])
    rows.to_file(tmp_path / "digues.gpkg", layer="digues", driver="GPKG")
    toml = 'name = "T"\ncrs = "EPSG:2154"\n[layers.defences]\nsource = "digues.gpkg"\nvertical_datum = "ZH"\n'
    (tmp_path / "territory.toml").write_text(toml)
    with pytest.raises(InputError, match="vertical_offset"):
        Territory.open(tmp_path).layer("defences")
    (tmp_path / "territory.toml").write_text(toml + "vertical_offset = -4.0\n")
    data = Territory.open(tmp_path).layer("defences").data
    assert data["alt"].tolist() == [2.5]
    assert data["longueur"].tolist() == [12.0]
    assert shapely.get_coordinates(data.geometry.array, include_z=True)[:, 2].tolist() == [3.0, 4.0]


def test_an_offset_where_nothing_has_a_height_is_refused(tmp_path: Path) -> None:
    (tmp_path / "territory.toml").write_text(
        'name = "T"\ncrs = "EPSG:2154"\n[layers.roughness]\nsource = "n.tif"\nvertical_offset = 1.0\n'
    )
    with pytest.raises(InputError, match="vertical_offset"):
        Territory.open(tmp_path).layer("roughness")


def test_texts_move_and_codes_for_unknown_stay_unknown(read: Read, tmp_path: Path) -> None:
    """A crest of "8,50" is 8.1 m after an offset of −0.4, and one of −9999 is none: −9999.4 was a height."""
    line = shapely.LineString([(650000, 6860000), (650010, 6859990)])
    rows = {"crest": ["8,50", "-9999", None], "alt": [8.5, -9999.0, -999.0], "level": ["RDC", "R+1", "-1 m"]}
    features.frame([{**{k: v[n] for k, v in rows.items()}, "geometry": line} for n in range(3)]).to_file(
        tmp_path / "d.gpkg"
    )
    moved = read("defences", "d.gpkg", vertical_offset=-0.4).data
    np.testing.assert_array_equal(moved["crest"].to_numpy(dtype=float), [8.1, np.nan, np.nan])
    np.testing.assert_array_equal(moved["alt"], [8.1, np.nan, np.nan])
    assert moved["level"].tolist() == rows["level"]  # words are no heights
