"""Classified points → ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.layers.conftest import Read
from twin.errors import InputError
from twin.layers import lidar

laspy = pytest.importorskip("laspy", reason="laspy is not installed: the extra `lidar`")


def write_points(path: Path, x: np.ndarray, y: np.ndarray, z: np.ndarray, classes: np.ndarray) -> None:
    cloud = laspy.LasData(laspy.LasHeader(version="1.4", point_format=6))
    cloud.header.scales, cloud.header.offsets = [0.001] * 3, [650_000.0, 6_860_000.0, 0.0]
    cloud.x, cloud.y, cloud.z, cloud.classification = x, y, z, classes
    cloud.write(path)


def plain(path: Path) -> None:
    """A plane z = 100 + 0.1·column over 20 × 20 m, four points a cell, a house and a bridge over it."""
    a, b = np.meshgrid(np.arange(0.25, 20, 0.5), np.arange(0.25, 20, 0.5))
    x, y = 650_000.0 - 0.5 + a.ravel(), 6_860_000.0 - 0.5 + b.ravel()
    z = 100 + 0.1 * np.floor(a.ravel())
    classes = np.full(x.size, 2)
    classes[(np.floor(a) == 3).ravel()] = 9
    classes[(np.floor(a) == 4).ravel()] = 66
    house = ((a > 8) & (a < 12) & (b > 8) & (b < 12)).ravel()
    classes[house], z[house] = 6, 120.0
    deck = (a > 18).ravel()  # over the ground: more points at the same place
    x, y, z = (np.concatenate([v, v[deck]]) for v in (x, y, np.where(house, 120.0, z)))
    z[-int(deck.sum()) :] = 110.0
    write_points(path, x, y, z, np.concatenate([classes, np.full(int(deck.sum()), 17)]))


def test_ground_water_and_virtual_points_only(read: Read, tmp_path: Path) -> None:
    plain(tmp_path / "LHD_FXX_0650_6860_PTS_LAMB93_IGN69.laz")
    layer = read("terrain", "LHD_FXX_0650_6860_PTS_LAMB93_IGN69.laz")
    data = layer.data
    assert data.shape == (20, 20)
    np.testing.assert_array_equal(data["x"].values, 650_000.0 + np.arange(20))  # centres are round
    expected = np.broadcast_to(100 + 0.1 * np.arange(20), (20, 20))
    under = np.zeros((20, 20), dtype=bool)
    under[8:12, 8:12] = True
    np.testing.assert_allclose(data.values[~under], expected[~under], atol=1e-9)
    np.testing.assert_allclose(data.values[under], expected[under], atol=0.25)  # filled from around
    assert layer.provenance.vertical_datum == "NGF-IGN69"
    assert "4 % of the cells without a point" in " ".join(layer.provenance.notes)


def test_buildings_and_decks_are_layers_of_their_own(read: Read, tmp_path: Path) -> None:
    plain(tmp_path / "p.laz")
    roofs = read("roofs", "p.laz").data.values
    house = np.zeros((20, 20), dtype=bool)
    house[8:12, 8:12] = True
    np.testing.assert_array_equal(np.where(house, 120.0, np.nan), roofs)
    decks = read("bridge_decks", "p.laz")
    np.testing.assert_array_equal(decks.data.values[:, 18:], 110.0)
    assert np.isnan(decks.data.values[:, :18]).all()
    assert "160 points of class 17" in " ".join(decks.provenance.notes)


@pytest.mark.real
def test_classes_of_the_real_tile(read: Read, real_data: Path) -> None:
    """Counted with laspy on its own: heights of each class, cell by cell."""
    path = real_data / "lidar_hd" / "test_data_77055_627755_LA93_IGN69.laz"
    cloud = laspy.read(path)
    kinds = np.asarray(cloud.classification)
    for name, kind in lidar.TOPS.items():
        layer = read(name, str(path)).data
        z = np.asarray(cloud.z)[kinds == kind]
        assert np.isfinite(layer.values).any() == (z.size > 0)
        if z.size:
            assert float(layer.max()) == pytest.approx(z.max())
            assert np.isfinite(layer.values).sum() <= z.size


def test_bad_point_files(read: Read, tmp_path: Path) -> None:
    (tmp_path / "none.laz").write_bytes(b"LASF" + bytes(20))
    with pytest.raises(InputError, match="points that cannot be used"):
        read("terrain", "none.laz")
    plain(tmp_path / "p.laz")
    content = (tmp_path / "p.laz").read_bytes()
    (tmp_path / "p.laz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="points that cannot be used"):
        read("terrain", "p.laz")
    one = np.array([1.0])
    write_points(tmp_path / "trees.laz", 650_000 + one, 6_860_000 + one, one, np.array([5]))
    with pytest.raises(InputError, match="no point of the classes 2, 9, 66"):
        read("terrain", "trees.laz")


def test_without_laspy_the_extra_is_named(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(tmp_path / "p.laz")
    monkeypatch.setattr(lidar, "available", lambda: False)
    with pytest.raises(InputError, match=r"territorial-twin\[lidar\]"):
        read("terrain", "p.laz")


@pytest.mark.real
def test_lidar_hd_of_montpellier(read: Read, real_data: Path) -> None:
    """Meets the raster that IGN interpolated (0.5 m) of the neighbour in the north along their seam."""
    layer = read("terrain", str(real_data / "lidar_hd" / "test_data_77055_627755_LA93_IGN69.laz"))
    assert layer.data.shape == (51, 51)
    assert layer.data.attrs["nodata_cells"] == 0
    with rasterio.open(real_data / "lidar_hd" / "test_data_77055_627760_LA93_IGN69_interp.tif") as raster:
        north, bounds = raster.read(1).astype(float), raster.bounds
    assert float(layer.data["y"][0]) == 6_277_550.0
    # Each 1 m cell of our first row against the 2 × 2 half metres of its last rows over it.
    right = ((layer.data["x"].values - bounds.left) // 0.5).astype(int)[1:-1]
    seam = np.array([north[-2:, k - 1 : k + 1].mean() for k in right])
    difference = layer.data.values[0, 1:-1] - seam
    assert abs(np.median(difference)) < 0.05
    assert np.abs(difference).max() < 0.5
