from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from rasterio.transform import Affine

from twin.errors import InputError
from twin.grid import Grid
from twin.layers import native_grid, resample_mean
from twin.layers.lattice import area_mean
from twin.territory import Territory

from .conftest import Read, write_asc, write_tif


def tiles(folder: Path, field: np.ndarray, *, cell: float = 5.0, size: int = 10) -> list[Path]:
    """Cut a field into IGN tiles of `size`²: named by their corner, centres on round numbers."""
    west, north = 650000.0 - cell / 2, 6860000.0 + cell / 2
    paths = []
    for i in range(0, field.shape[0], size):
        for j in range(0, field.shape[1], size):
            name = f"RGEALTI_FXX_{650 + j:04d}_{6860 - i:04d}_MNT_LAMB93_IGN69.asc"
            part = field[i : i + size, j : j + size]
            y_south = north - (i + part.shape[0]) * cell
            paths.append(write_asc(folder / name, part, west + j * cell, y_south, cell))
    return paths


def only(error: pytest.ExceptionInfo[InputError]) -> Any:
    assert len(error.value.problems) == 1, error.value
    return error.value.problems[0]


ONES = np.ones((3, 3))


# --- mosaics ---


@pytest.mark.parametrize("source", ["RGEALTI", "RGEALTI/*.asc", "RGEALTI/**/*.asc", "list"])
def test_tiles_join_on_their_own_lattice(read: Read, tmp_path: Path, field: np.ndarray, source: str) -> None:
    paths = tiles(tmp_path / "RGEALTI", field)
    layer = read("terrain", [f"RGEALTI/{p.name}" for p in paths] if source == "list" else source)
    data = layer.data
    assert isinstance(data, xr.DataArray)
    np.testing.assert_array_equal(data.values, field)
    # Centres on round coordinates, edges half a cell off.
    assert data.x[0] == 650000.0
    assert data.y[0] == 6860000.0
    assert data.y[-1] == 6860000.0 - 19 * 5
    assert data.attrs["transform"] == (5.0, 0.0, 649997.5, 0.0, -5.0, 6860002.5)
    assert data.attrs["nodata_cells"] == 0
    assert len(layer.provenance.source) == 4
    assert layer.provenance.vertical_datum == "NGF-IGN69"
    assert layer.provenance.licence.startswith("Licence Ouverte")
    assert any("EPSG:2154" in note for note in layer.provenance.notes)


def test_tiles_that_share_their_edge_rows(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    # Old BD ALTI: 401 × 401 with both edges; here 11 × 11 of a 21 × 21 field.
    whole = np.pad(field, ((0, 1), (0, 1)), mode="edge")
    for i in (0, 10):
        for j in (0, 10):
            part, y_south = whole[i : i + 11, j : j + 11], 1000.0 - (i + 11) * 25.0
            write_asc(tmp_path / "alti" / f"t{i}{j}.asc", part, j * 25.0, y_south, 25.0, nodata="-9999")
    layer = read("terrain", "alti", crs="EPSG:2154")
    np.testing.assert_array_equal(layer.data.values, whole)
    assert any("41 cells given by two tiles (differing by at most 0)" in n for n in layer.provenance.notes)


def test_where_tiles_disagree_the_note_says_by_how_much(read: Read, tmp_path: Path) -> None:
    write_tif(tmp_path / "a.tif", np.full((4, 4), 10.0), 0, 100, 5)
    write_tif(tmp_path / "b.tif", np.full((4, 4), 10.75), 15, 100, 5)
    layer = read("terrain", ["a.tif", "b.tif"])
    assert layer.data.shape == (4, 7)
    assert layer.data.values[0, 3] == 10.0
    assert any("4 cells given by two tiles (differing by at most 0.75)" in n for n in layer.provenance.notes)


def test_bounds_read_only_the_tiles_they_meet(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    paths = tiles(tmp_path / "RGEALTI", field)
    # A tile that is not wanted may even be cut short.
    paths[3].write_text("\n".join(paths[3].read_text().splitlines()[:8]))
    layer = read("terrain", "RGEALTI", bounds=(650007.5, 6859990.0, 650030.0, 6860010.0))
    assert [Path(p).name for p in layer.provenance.source] == [paths[0].name]
    np.testing.assert_array_equal(layer.data.values, field[0:3, 2:7])
    assert layer.data.attrs["transform"][2] == 650007.5
    with pytest.raises(InputError) as error:
        read("terrain", "RGEALTI")
    assert only(error).where == str(paths[3])
    assert "10 × 10" in only(error).found


def test_a_hole_between_tiles_has_no_value(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    tiles(tmp_path / "RGEALTI", field)[1].unlink()
    layer = read("terrain", "RGEALTI")
    assert np.isnan(layer.data.values[:10, 10:]).all()
    assert layer.data.attrs["nodata_cells"] == 100
    assert any("100 cells of the extent in no tile" in note for note in layer.provenance.notes)


def test_half_a_cell_off_is_an_error_that_names_the_tile(
    read: Read, tmp_path: Path, field: np.ndarray
) -> None:
    write_tif(tmp_path / "t" / "a.tif", field, 650000.0 - 2.5, 6860000.0, 5.0)
    write_tif(tmp_path / "t" / "b.tif", field, 650100.0, 6860000.0, 5.0)
    with pytest.raises(InputError) as error:
        read("terrain", "t")
    problem = only(error)
    assert problem.where.endswith("b.tif")
    assert problem.key == "layers.terrain.source"
    assert "0.5 cell" in problem.found


def test_two_cell_sizes_are_an_error(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_tif(tmp_path / "t" / "a.tif", field, 650000.0, 6860000.0, 5.0)
    write_tif(tmp_path / "t" / "b.tif", field, 650100.0, 6860000.0, 1.0)
    with pytest.raises(InputError) as error:
        read("terrain", "t")
    assert "1.0" in only(error).found
    assert "5.0" in only(error).expected


def test_masks_delivered_beside_the_heights_are_left_out(
    read: Read, tmp_path: Path, field: np.ndarray
) -> None:
    tiles(tmp_path / "RGEALTI" / "RGEALTI_MNT_5M_ASC_LAMB93_IGN69_D044", field)
    write_tif(tmp_path / "RGEALTI" / "RGEALTI_SRC_5M_D044" / "m.tif", np.full((4, 4), 30.0), 0, 0, 5)
    write_tif(tmp_path / "RGEALTI" / "RGEALTI_DST_5M_D044" / "m.tif", np.full((4, 4), 30.0), 0, 0, 5)
    layer = read("terrain", "RGEALTI")
    np.testing.assert_array_equal(layer.data.values, field)
    assert any("2 SRC and DST masks" in note for note in layer.provenance.notes)


@pytest.mark.parametrize("aside", [".tif.ovr", ".tif.msk", ".tif.aux.xml", ".hdr"])
def test_what_lies_beside_a_tile_is_no_tile(
    read: Read, tmp_path: Path, field: np.ndarray, aside: str
) -> None:
    """Pyramids of QGIS are TIFF too, without a place; the header of a .flt begins like an ASCII grid."""
    tile = write_tif(tmp_path / "t/LHD_0650_6860_MNT_LAMB93_IGN69.tif", field, 650000.0, 6860000.0, 5.0)
    beside = tile.with_name(tile.stem + aside)
    if aside == ".hdr":
        beside.write_text("ncols 20\nnrows 20\nxllcorner 0\nyllcorner 0\ncellsize 5\n")
    elif aside == ".tif.aux.xml":
        beside.write_text("<PAMDataset></PAMDataset>\n")
    else:
        write_tif(beside, field[::2, ::2].astype(np.float32), 0.0, 0.0, 2.0, crs=None)
    np.testing.assert_array_equal(read("terrain", "t").data.values, field)


def lidar_hd(folder: Path, *kinds: str) -> None:
    """One square kilometre (of 20 × 20 cells) of LiDAR HD in several models, each full of its own height."""
    for kind in kinds:
        name = f"LHD_FXX_0957_6218_{kind}_O_0M50_LAMB93_IGN69.tif"
        height = {"MNT": 20.0, "MNS": 32.0, "MNH": 12.0}[kind]
        write_tif(folder / name, np.full((20, 20), height), 956999.75, 6218000.25, 0.5)


@pytest.mark.parametrize("source", ["t", "t/*.tif", "t.zip", "packed"])
def test_models_of_surface_and_height_beside_the_terrain_are_left_out(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """MNH comes first by name, and the first tile with a value wins."""
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path / "cache"))
    lidar_hd(tmp_path / "t", "MNH", "MNS", "MNT")
    (tmp_path / "packed").mkdir()
    for place, pattern in (("t.zip", "*"), *((f"packed/{kind}.zip", f"*{kind}*") for kind in ("MNS", "MNT"))):
        with zipfile.ZipFile(tmp_path / place, "w") as archive:
            for file in (tmp_path / "t").glob(pattern):
                archive.write(file, file.name)
    layer = read("terrain", source)
    np.testing.assert_array_equal(layer.data.values, 20.0)
    left = 1 if source == "packed" else 2
    assert any(f"{left} surface or height models (MNS, MNH)" in note for note in layer.provenance.notes)


def test_a_folder_of_surface_models_is_no_terrain(read: Read, tmp_path: Path) -> None:
    lidar_hd(tmp_path / "t", "MNH", "MNS")
    with pytest.raises(InputError) as error:
        read("terrain", "t")
    assert "MNH" in only(error).found
    assert "MNT" in only(error).expected
    # One that is named itself is what its author wants; and roofs are of a surface.
    name = "t/LHD_FXX_0957_6218_MNS_O_0M50_LAMB93_IGN69.tif"
    np.testing.assert_array_equal(read("terrain", name).data.values, 32.0)


def test_lidar_hd_tile_without_extension(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    path = write_tif(
        tmp_path / "LHD_FXX_0957_6218_MNT_O_0M50_LAMB93_IGN69.tif", field, 956999.75, 6218000.25, 0.5
    )
    path.rename(tmp_path / "lidar")
    (tmp_path / "tiles").mkdir()
    (tmp_path / "lidar").rename(tmp_path / "tiles" / "LHD_FXX_0957_6218_MNT_O_0M50_LAMB93_IGN69")
    layer = read("terrain", "tiles")
    np.testing.assert_array_equal(layer.data.values, field)
    assert layer.data.x[0] == 957000.0


def test_a_vrt_and_one_that_resamples(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_tif(tmp_path / "a.tif", field, 650000.0, 6860000.0, 5.0)
    vrt = """<VRTDataset rasterXSize="20" rasterYSize="20"><SRS>EPSG:2154</SRS>
      <GeoTransform>650000, 5, 0, 6860000, 0, -5</GeoTransform>
      <VRTRasterBand dataType="Float64" band="1"><NoDataValue>-9999</NoDataValue><SimpleSource>
      <SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand>
      <SrcRect xOff="0" yOff="0" xSize="20" ySize="20"/><DstRect xOff="{x}" yOff="0" xSize="20" ySize="20"/>
      </SimpleSource></VRTRasterBand></VRTDataset>"""
    (tmp_path / "good.vrt").write_text(vrt.format(x=0))
    (tmp_path / "bad.vrt").write_text(vrt.format(x=0.5))
    np.testing.assert_array_equal(read("terrain", "good.vrt").data.values, field)
    with pytest.raises(InputError) as error:
        read("terrain", "bad.vrt")
    assert "shifts or scales" in only(error).found


# --- values ---


def test_every_spelling_of_no_value(read: Read, tmp_path: Path) -> None:
    values = np.array([[1.0, -99999.0, -9999.0, -3.4e38, np.nan, -32768.0, 1e35, 2.0]], dtype=np.float32)
    write_tif(tmp_path / "a.tif", values, 0, 100, 5, nodata=None, crs="EPSG:2154")
    layer = read("terrain", "a.tif", nodata=-32768)
    np.testing.assert_array_equal(np.isfinite(layer.data.values), [[1, 0, 0, 0, 0, 0, 0, 1]])
    assert layer.data.attrs["nodata_cells"] == 6
    write_tif(tmp_path / "b.tif", np.array([[1.0, -9999.9]], dtype=np.float32), 0, 100, 5, nodata=-9999.9)
    np.testing.assert_array_equal(np.isfinite(read("terrain", "b.tif").data.values), [[True, False]])
    # The key, where the file says nothing: -9999.9 is not a float32.
    write_tif(tmp_path / "c.tif", np.array([[1.0, -9999.9]], dtype=np.float32), 0, 100, 5, nodata=None)
    layer = read("terrain", "c.tif", nodata=-9999.9)
    np.testing.assert_array_equal(np.isfinite(layer.data.values), [[True, False]])


def test_rows_from_south_to_north_are_turned(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_tif(tmp_path / "a.tif", field[::-1].copy(), 0, 0, 5, transform=Affine(5, 0, 650000, 0, 5, 6859900))
    layer = read("terrain", "a.tif")
    np.testing.assert_array_equal(layer.data.values, field)
    assert layer.data.attrs["transform"][5] == 6860000
    part = read("terrain", "a.tif", bounds=(650000, 6859980, 650010, 6860000))
    np.testing.assert_array_equal(part.data.values, field[:4, :2])


def test_integers_and_declared_scale(read: Read, tmp_path: Path) -> None:
    import rasterio

    path = write_tif(tmp_path / "a.tif", np.array([[100, 250]], dtype=np.int16), 0, 100, 5)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.01,), (2.0,)
    np.testing.assert_allclose(read("terrain", "a.tif").data.values, [[3.0, 4.5]], rtol=1e-15)


def test_nearly_square_cells_of_gdal(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.asc").write_text(
        "ncols 2\nnrows 2\nxllcorner 364927.1\nyllcorner 6531972.5\n"
        "dx 20.000000091844495\ndy 19.999999909166238\n1 2\n3 4\n"
    )
    layer = read("terrain", "a.asc")
    assert layer.data.attrs["cell"] == 20.0
    assert any("squares of 20 m" in note for note in layer.provenance.notes)


# --- what is wrong ---


@pytest.mark.parametrize(
    ("make", "found", "key"),
    [
        (lambda p: write_tif(p, np.ones((3, 3)), 1.05, 49.9, 1e-4, crs="EPSG:4326"), "degrees", "crs"),
        (lambda p: write_tif(p, np.ones((3, 3)), 1.05, 49.9, 1e-4, crs=None), "degrees", "crs"),
        (lambda p: write_tif(p, np.ones((3, 3)), 1e6, 5e6, 5.0, crs="EPSG:3946"), "EPSG:3946", "crs"),
        (lambda p: write_tif(p, np.ones((3, 3)), 1e7, 1e7, 5.0, crs=None), "no CRS", "crs"),
        (lambda p: write_tif(p, ONES, 0, 0, 5.0, transform=Affine(5, 1, 0, 1, -5, 0)), "rotated", "source"),
        (lambda p: write_tif(p, ONES, 0, 0, 5.0, transform=Affine(5, 0, 0, 0, -4, 0)), "5.0 × 4.0", "source"),
        (lambda p: write_tif(p, np.full((3, 3), -9999.0), 0, 0, 5.0), "no value", "source"),
        (lambda p: write_tif(p, np.full((3, 3), 32767.0), 0, 0, 5.0), "32767", "source"),
        (lambda p: p.write_bytes(b"II*\0nothing"), "cannot be read", "source"),
        (lambda p: p.write_text("ncols 2\nnrows 2\n1 2\n3 4\n"), "xllcorner", "source"),
    ],
)  # fmt: skip
def test_rasters_that_cannot_be_ground(read: Read, tmp_path: Path, make: Any, found: str, key: str) -> None:
    make(tmp_path / "a.tif")
    with pytest.raises(InputError) as error:
        read("terrain", "a.tif")
    problem = only(error)
    assert found in problem.found
    assert problem.key == f"layers.terrain.{key}"
    assert problem.where == str(tmp_path / "a.tif")
    assert problem.expected


def test_crs_key_against_what_the_file_says(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_tif(tmp_path / "a.tif", field, 650000.0, 6860000.0, 5.0)
    with pytest.raises(InputError) as error:
        read("terrain", "a.tif", crs="EPSG:3946")
    assert "EPSG:2154" in only(error).found
    assert read("terrain", "a.tif", crs="EPSG:2154").data.shape == (20, 20)
    # The compound CRS of Lambert-93 with IGN69 is the same on the ground.
    write_tif(tmp_path / "b.tif", field, 650000.0, 6860000.0, 5.0, crs="EPSG:5698")
    assert read("terrain", "b.tif").data.attrs["crs"] == "EPSG:2154"


def test_outside_the_extent(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_tif(tmp_path / "a.tif", field, 650000.0, 6860000.0, 5.0)
    with pytest.raises(InputError) as error:
        read("terrain", "a.tif", bounds=(700000, 6800000, 701000, 6801000))
    assert "650000.0" in only(error).found
    assert "700000.0" in only(error).expected


def test_mixed_vertical_datums(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_asc(tmp_path / "t" / "A_LAMB93_IGN69.asc", field, 650000.0, 6860000.0, 5.0)
    write_asc(tmp_path / "t" / "B_LAMB93_IGN78C.asc", field, 650100.0, 6860000.0, 5.0)
    with pytest.raises(InputError) as error:
        read("terrain", "t")
    assert only(error).key == "layers.terrain.vertical_datum"
    assert "IGN69, IGN78C" in only(error).found


def test_all_that_is_wrong_at_once(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_tif(tmp_path / "mnt.tif", field, 0, 0, 5)
    with pytest.raises(InputError) as error:
        read("terrain", ["mmt.tif", "tiles/*.asc", "$TWIN_TEST_NOWHERE/a.tif", "mnt.tif"])
    problems = error.value.problems
    assert len(problems) == 3
    assert "mnt.tif" in problems[0].hint
    assert "TWIN_TEST_NOWHERE" in problems[2].found


def test_environment_variables_and_absolute_paths(
    read: Read, tmp_path: Path, field: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tif(tmp_path / "deep" / "a.tif", field, 650000.0, 6860000.0, 5.0)
    monkeypatch.setenv("TWIN_TEST_FOLDER", str(tmp_path / "deep"))
    for source in ("$TWIN_TEST_FOLDER/a.tif", "${TWIN_TEST_FOLDER}/a.tif", str(tmp_path / "deep" / "a.tif")):
        np.testing.assert_array_equal(read("terrain", source).data.values, field)


def test_an_empty_folder_says_what_it_holds(read: Read, tmp_path: Path) -> None:
    (tmp_path / "RGEALTI").mkdir()
    (tmp_path / "RGEALTI" / "RGEALTI_2-0_5M.7z").write_bytes(b"7z")
    with pytest.raises(InputError) as error:
        read("terrain", "RGEALTI")
    assert only(error).where.endswith("RGEALTI_2-0_5M.7z")


def test_unknown_layer_and_territory_in_degrees(read: Read) -> None:
    with pytest.raises(InputError, match="terrain"):
        read("terain", "a.tif")
    with pytest.raises(InputError, match="EPSG:4326"):
        read("terrain", "a.tif", territory="EPSG:4326")


@pytest.mark.parametrize("extent", ["[10.0, 0.0, 0.0, 10.0]", "[0.0, 10.0, 10.0, 10.0]"])
def test_an_extent_from_high_to_low_is_told(tmp_path: Path, extent: str) -> None:
    file = tmp_path / "territory.toml"
    file.write_text(f'name = "Test"\ncrs = "EPSG:2154"\nextent = {extent}\n', encoding="utf-8")
    with pytest.raises(InputError) as error:
        Territory.open(file)
    assert only(error).key == "extent"


# --- onto a grid ---


def test_native_grid_keeps_the_lattice(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    tiles(tmp_path / "RGEALTI", field)
    layer = read("terrain", "RGEALTI")
    grid = native_grid(layer, "EPSG:2154")
    assert grid == Grid("EPSG:2154", 649997.5, 6860002.5, 5.0, 20, 20)
    np.testing.assert_array_equal(resample_mean(layer, grid), field)
    cropped = native_grid(layer, "EPSG:2154", (650000.0, 6859950.0, 650050.0, 6860000.0))
    assert (cropped.x_west, cropped.y_north, cropped.shape) == (649997.5, 6860002.5, (10, 10))
    np.testing.assert_array_equal(resample_mean(layer, cropped), field[:10, :10])


def test_block_mean_is_the_mean_and_ignores_holes() -> None:
    values = np.arange(64.0).reshape(8, 8)
    values[0, 0] = np.nan
    values[4:, 4:] = np.nan
    values[4, 4] = 1.0
    grid = Grid("EPSG:2154", 0.0, 8.0, 2.0, 4, 4)
    out = area_mean(values, 0.0, 8.0, 1.0, grid)
    assert out[0, 0] == (1 + 8 + 9) / 3
    assert out[1, 1] == values[2:4, 2:4].mean()
    assert np.isnan(out[2, 2])  # a quarter has a value: less than half
    assert np.isnan(out[3, 3])


def test_outside_the_layer_is_nan() -> None:
    grid = Grid("EPSG:2154", -2.0, 6.0, 2.0, 4, 4)
    out = area_mean(np.ones((4, 4)), 0.0, 4.0, 1.0, grid)
    np.testing.assert_array_equal(np.isfinite(out), np.pad(np.ones((2, 2), bool), 1))


def test_finer_grid_repeats_cells() -> None:
    values = np.arange(4.0).reshape(2, 2)
    out = area_mean(values, 0.0, 8.0, 4.0, Grid("EPSG:2154", 0.0, 8.0, 1.0, 8, 8))
    np.testing.assert_allclose(out, np.kron(values, np.ones((4, 4))), rtol=1e-15)


@given(
    ratio=st.floats(1.1, 6.0),
    shift=st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 3.0)),
    seed=st.integers(0, 2**32 - 1),
)
def test_area_mean_against_brute_force(ratio: float, shift: tuple[float, float], seed: int) -> None:
    """Every coarse cell is the integral of the piecewise constant field over it."""
    assume(abs(ratio - round(ratio)) > 1e-3)  # closer, it is taken for whole blocks (rounded headers)
    values = np.random.default_rng(seed).normal(100.0, 10.0, (23, 21))
    n = int((20 - max(shift)) / ratio)
    grid = Grid("EPSG:2154", shift[0], 23.0 - shift[1], ratio, n, n)
    out = area_mean(values, 0.0, 23.0, 1.0, grid)
    for i, j in ((0, 0), (n - 1, n - 1), (n // 2, 0)):
        west, north = shift[0] + j * ratio, shift[1] + i * ratio
        total = 0.0
        for r in range(23):
            height = max(0.0, min(r + 1, north + ratio) - max(r, north))
            for c in range(21):
                width = max(0.0, min(c + 1, west + ratio) - max(c, west))
                total += height * width * values[r, c]
        assert out[i, j] == pytest.approx(total / ratio**2, rel=1e-12)


def test_an_extent_that_goes_beyond_the_data_is_noted(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    write_tif(tmp_path / "a.tif", field, 650000.0, 6860000.0, 5.0)
    layer = read("terrain", "a.tif", bounds=(649900, 6859950, 650050, 6859990))
    assert layer.data.shape == (8, 10)
    assert any("goes beyond the data" in note for note in layer.provenance.notes)
    within = read("terrain", "a.tif", bounds=(650000, 6859950, 650050, 6859990))
    assert not within.provenance.notes


def test_a_prj_beside_an_ascii_grid(read: Read, tmp_path: Path, field: np.ndarray) -> None:
    from pyproj import CRS

    write_asc(tmp_path / "a.asc", field, 650000.0, 6860000.0, 5.0)
    (tmp_path / "a.prj").write_text(CRS(3946).to_wkt("WKT1_ESRI"))
    with pytest.raises(InputError) as error:
        read("terrain", "a.asc")
    assert "EPSG:3946" in only(error).found
    (tmp_path / "a.prj").write_text(CRS(2154).to_wkt("WKT1_ESRI"))
    assert not read("terrain", "a.asc").provenance.notes
    (tmp_path / "a.prj").write_text("nothing known")
    with pytest.raises(InputError) as error:
        read("terrain", "a.asc")
    assert only(error).where == str(tmp_path / "a.prj")
    (tmp_path / "a.prj").write_text("  ")
    assert "is assigned" in read("terrain", "a.asc").provenance.notes[0]


def test_a_thousand_tiles_do_not_make_a_thousand_notes(read: Read, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for k in range(20):
        (tmp_path / "t" / f"{k}.asc").write_text(
            f"ncols 1\nnrows 1\nxllcorner {650000 + 20 * k}\nyllcorner 6531980\n"
            "dx 20.000000091844495\ndy 19.999999909166238\n1\n"
        )
    notes = read("terrain", "t").provenance.notes
    assert sum("taken for squares" in note for note in notes) == 5
    assert notes[-1] == "and 15 more remarks of these kinds"


def test_a_raster_on_the_territory_needs_no_crs(read: Read, tmp_path: Path) -> None:
    """A flume or a local grid lies where no CRS is made for: what lies on its territory is its own."""
    write_asc(tmp_path / "water.asc", ONES, 530.0, -2350.0, 25.0)
    grid = (500.0, -2400.0, 800.0, -2200.0)
    layer = read("initial_water", "water.asc", bounds=grid)
    assert layer.provenance.crs == "EPSG:2154"
    with pytest.raises(InputError, match="no CRS"):
        read("initial_water", "water.asc")
    with pytest.raises(InputError, match="no CRS"):
        read("initial_water", "water.asc", bounds=(5000.0, -2400.0, 6000.0, -2200.0))
