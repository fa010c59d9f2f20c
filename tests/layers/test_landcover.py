from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry import box

from twin.errors import InputError
from twin.grid import Grid
from twin.layers import manning_on_grid, roughness_on_grid
from twin.layers.landcover import BUILT_IN, _burnt, built_in

from .conftest import Read, write_asc, write_tif
from .features import X, Y

GRID = Grid("EPSG:2154", X, Y + 40.0, 10.0, 4, 4)


def cover(path: Path, column: str, codes: list[Any], crs: str = "EPSG:2154") -> None:
    """Polygons that cut the 40 × 40 m of the grid into vertical strips of equal width."""
    width = 40.0 / len(codes)
    shapes = [box(X + k * width, Y, X + (k + 1) * width, Y + 40) for k in range(len(codes))]
    frame = gpd.GeoDataFrame({column: codes}, geometry=shapes, crs="EPSG:2154").to_crs(crs)
    frame.to_file(path, engine="pyogrio")


@pytest.mark.parametrize("name", BUILT_IN)
def test_tables_are_whole_and_say_their_source(name: str) -> None:
    content = resources.files("twin.layers").joinpath(f"tables/{name}.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(content.splitlines()))
    assert len({row["code"] for row in rows}) == len(rows) == {"ocsge": 14, "corine": 44, "oso": 23}[name]
    for row in rows:
        assert None not in row
        assert 0.01 < float(row["manning"]) < 0.2, row
        assert row["label"]
        assert row["source"]


def test_corine_values_of_the_french_flood_model() -> None:
    manning = built_in("corine").manning
    groups = {
        0.12: (111, 112, 121, 122, 123), 0.04: (131, 231, 243), 0.03: (142,), 0.032: (211,), 0.06: (242,),
        0.15: (311,), 0.055: (411, 421), 0.025: (423, 511, 512, 522), 0.02: (523,),
    }  # fmt: skip
    for value, codes in groups.items():
        assert {manning[str(code)] for code in codes} == {value}


def test_ocs_ge_polygons(read: Read, tmp_path: Path) -> None:
    # The real attribute reads "CS2.1.1.1".
    cover(tmp_path / "ocsge.gpkg", "code_cs", ["CS1.2.2", "CS2.1.1.1", "CS2.2.1", "CS1.1.1.2"])
    layer = read("land_cover", "ocsge.gpkg")
    assert layer.data["code"].tolist() == ["1.2.2", "2.1.1.1", "2.2.1", "1.1.1.2"]
    n = manning_on_grid(layer, GRID, 0.035)
    np.testing.assert_allclose(n, np.tile([0.029, 0.111, 0.044, 0.018], (4, 1)), rtol=1e-12)
    assert "Manning n by the table ocsge" in layer.provenance.notes


def test_cells_with_several_classes_have_their_mean(read: Read, tmp_path: Path) -> None:
    cover(tmp_path / "a.gpkg", "CODE_18", ["511", "211", "311", "311", "112"])
    layer = read("land_cover", "a.gpkg")
    n = manning_on_grid(layer, GRID, 0.035)
    # Strips of 8 m on cells of 10 m: 8 + 2, 6 + 4, 4 + 6, 2 + 8.
    wanted = [0.8 * 0.025 + 0.2 * 0.032, 0.6 * 0.032 + 0.4 * 0.15, 0.15, 0.2 * 0.15 + 0.8 * 0.12]
    np.testing.assert_allclose(n, np.tile(wanted, (4, 1)), rtol=1e-12)


def test_what_no_polygon_covers_has_the_default(read: Read, tmp_path: Path) -> None:
    cover(tmp_path / "a.gpkg", "code_18", [311, 999])
    layer = read("land_cover", "a.gpkg")
    assert any("999 (1)" in note for note in layer.provenance.notes)
    wide = Grid("EPSG:2154", X - 4.0, Y + 40.0, 10.0, 4, 6)
    rough = roughness_on_grid(layer, wide, 0.03)
    edges = [0.4 * 0.03 + 0.6 * 0.15, 0.15, 0.4 * 0.15 + 0.6 * 0.03]
    np.testing.assert_allclose(rough.values, np.tile([*edges, 0.03, 0.03, 0.03], (4, 1)))
    assert any("12 cells of 24 without roughness" in note for note in rough.notes)


def test_a_table_of_the_territory(read: Read, tmp_path: Path) -> None:
    cover(tmp_path / "a.gpkg", "unit_code", [1, 2, 5, 4])
    (tmp_path / "n.csv").write_text(
        "unit_code;libelle;manning\n1;champ;0,04\n2;bâti;0,12\n5;forêt;0,15\n", "utf-8"
    )
    layer = read("land_cover", "a.gpkg", classes="n.csv")
    np.testing.assert_allclose(manning_on_grid(layer, GRID, 0.03)[0], [0.04, 0.12, 0.15, 0.03])
    assert str(tmp_path / "n.csv") in layer.provenance.source
    write_tif(tmp_path / "a.tif", np.array([[1, 2], [5, 4]], dtype=np.int16), X, Y + 40, 20)
    raster = read("land_cover", "a.tif", classes="n.csv")
    np.testing.assert_allclose(manning_on_grid(raster, GRID, 0.03)[::2, ::2], [[0.04, 0.12], [0.15, 0.03]])
    (tmp_path / "bad.csv").write_text("unit_code,manning\n1,25\n2,zero\n5,0.1\n", "utf-8")
    with pytest.raises(InputError) as error:
        read("land_cover", "a.gpkg", classes="bad.csv")
    assert [problem.found for problem in error.value.problems] == ['line 2: "25"', 'line 3: "zero"']
    (tmp_path / "other.csv").write_text("code_cs,manning\n1,0.1\n", "utf-8")
    with pytest.raises(InputError, match="unit_code"):
        read("land_cover", "a.gpkg", classes="other.csv")
    for name, said in (("none.csv", "no file"), ("head.csv", "header")):
        (tmp_path / "head.csv").write_text("a,b\n1,2\n")
        with pytest.raises(InputError, match=said):
            read("land_cover", "a.gpkg", classes=name)


def test_no_column_of_classes(read: Read, tmp_path: Path) -> None:
    cover(tmp_path / "a.gpkg", "unit_code", [1, 2])
    with pytest.raises(InputError) as error:
        read("land_cover", "a.gpkg")
    assert "unit_code" in error.value.problems[0].found
    assert "code_cs" in error.value.problems[0].expected


def test_corine_raster_is_recognised(read: Read, tmp_path: Path) -> None:
    codes = np.repeat(np.array([[111, 211, 512, 311]], dtype=np.int16), 4, axis=0)
    write_tif(tmp_path / "clc.tif", codes, X, Y + 40, 10)
    layer = read("land_cover", "clc.tif")
    assert any("recognised: corine" in note for note in layer.provenance.notes)
    np.testing.assert_allclose(
        manning_on_grid(layer, GRID, 0.03), np.tile([0.12, 0.032, 0.025, 0.15], (4, 1))
    )


def test_oso_raster_and_one_that_is_neither(read: Read, tmp_path: Path) -> None:
    codes = np.repeat(np.array([[1, 6, 16, 23]], dtype=np.uint8), 4, axis=0)
    write_tif(tmp_path / "oso.tif", codes, X, Y + 40, 10, nodata=0)
    layer = read("land_cover", "oso.tif")
    assert any("recognised: oso" in note for note in layer.provenance.notes)
    np.testing.assert_allclose(manning_on_grid(layer, GRID, 0.03)[0], [0.12, 0.032, 0.15, 0.025])
    # 1 … 44 is the numbering of CORINE's own raster: 30 is no class of OSO, so nothing is guessed.
    write_tif(tmp_path / "grid.tif", codes + np.uint8(10), X, Y + 40, 10, nodata=0)
    with pytest.raises(InputError) as error:
        read("land_cover", "grid.tif")
    assert "11, 16, 26, 33" in error.value.problems[0].found
    assert read("land_cover", "grid.tif", classes="oso").data.attrs["classes"] == "oso"


def test_corine_raster_in_its_own_numbering(read: Read, tmp_path: Path) -> None:
    """Rasters of Copernicus count the 44 classes from 1: 2 is 112, 12 is 211, 23 is 311, but water of OSO."""
    codes = np.array([[2, 12], [18, 23]], dtype=np.int16)
    write_tif(tmp_path / "clc.tif", codes, X, Y + 200, 100, nodata=-128)
    layer = read("land_cover", "clc.tif")
    np.testing.assert_allclose(layer.data.values, [[0.12, 0.032], [0.04, 0.15]])
    assert any("recognised: corine (1 … 44)" in note for note in layer.provenance.notes)
    every = np.array([*range(1, 45), 48], dtype=np.int16).reshape(5, 9)  # 48 is "no data" of CORINE
    write_tif(tmp_path / "every.tif", every, X, Y + 600, 100)
    found = read("land_cover", "every.tif").data.values.ravel()
    manning = built_in("corine").manning
    np.testing.assert_array_equal(found, [*(manning[code] for code in sorted(manning)), np.nan])
    # Of 25 m it can be either; named, it is the one.
    write_tif(tmp_path / "25.tif", codes, X, Y + 50, 25)
    with pytest.raises(InputError, match="2, 12, 18, 23"):
        read("land_cover", "25.tif")
    assert read("land_cover", "25.tif", classes="oso").data.values[1, 1] == 0.025
    assert read("land_cover", "25.tif", classes="corine").data.values[1, 1] == 0.15


# --- roughness rasters ---


def test_same_lattice_is_copied_and_holes_get_the_default(read: Read, tmp_path: Path) -> None:
    n = np.array([[0.03, 0.0, 0.05, -9999.0]] * 4, dtype=np.float64)
    write_asc(tmp_path / "n.asc", n, X, Y, 10.0, nodata="-9999", fmt="%.4f")
    layer = read("roughness", "n.asc")
    assert any("4 cells of zero or negative roughness" in note for note in layer.provenance.notes)
    assert layer.data.attrs["nodata_cells"] == 8
    rough = roughness_on_grid(layer, GRID, 0.04)
    np.testing.assert_array_equal(rough.values, [[0.03, 0.04, 0.05, 0.04]] * 4)
    assert rough.notes == ("8 cells of 16 without roughness: n = 0.04 by default",)


def test_a_lattice_seven_metres_off_is_sampled_and_noted(read: Read, tmp_path: Path) -> None:
    n = np.linspace(0.02, 0.09, 36).reshape(6, 6)
    write_tif(tmp_path / "n.tif", n, X - 10 + 3.0, Y + 50, 10.0)
    rough = roughness_on_grid(read("roughness", "n.tif"), GRID, 0.04)
    # The centre of a cell lies 2 m into the next cell of the raster.
    np.testing.assert_array_equal(rough.values, n[1:5, 1:5])
    assert any("shifted by 3 m" in note for note in rough.notes)


def test_a_finer_raster_is_averaged(read: Read, tmp_path: Path) -> None:
    n = np.tile([[0.02, 0.04]], (8, 4))
    write_tif(tmp_path / "n.tif", n, X, Y + 40, 5.0)
    rough = roughness_on_grid(read("roughness", "n.tif"), GRID, 0.04)
    np.testing.assert_allclose(rough.values, 0.03)
    assert rough.notes == ()


def test_a_raster_of_another_crs_is_sampled(read: Read, tmp_path: Path) -> None:
    # CORINE comes in EPSG:3035.
    from pyproj import Transformer

    x, y = Transformer.from_crs(2154, 3035, always_xy=True).transform(X + 20, Y + 20)
    codes = np.full((40, 40), 211, dtype=np.int16)
    codes[:, 20:] = 311
    write_tif(tmp_path / "clc.tif", codes, round(x) - 100.0, round(y) + 100.0, 5.0, crs="EPSG:3035")
    layer = read("land_cover", "clc.tif", bounds=GRID.bounds)
    assert layer.data.attrs["crs"] == "EPSG:3035"
    rough = roughness_on_grid(layer, GRID, 0.03)
    assert rough.values[1, 0] == pytest.approx(0.032)
    assert rough.values[1, 3] == pytest.approx(0.15)
    assert any("EPSG:3035" in note for note in rough.notes)


def test_strickler_is_not_manning(read: Read, tmp_path: Path) -> None:
    write_tif(tmp_path / "k.tif", np.full((4, 4), 25.0), X, Y + 40, 10)
    with pytest.raises(InputError) as error:
        read("roughness", "k.tif")
    assert "25" in error.value.problems[0].found
    assert "1 / K" in error.value.problems[0].hint


@pytest.mark.parametrize("default", [0.0, -0.03, 25.0, float("nan")])
def test_a_default_that_is_no_roughness(read: Read, tmp_path: Path, default: float) -> None:
    write_tif(tmp_path / "n.tif", np.full((4, 4), 0.03), X, Y + 40, 10)
    with pytest.raises(InputError):
        manning_on_grid(read("roughness", "n.tif"), GRID, default)


@pytest.mark.parametrize("kind", ["polygons", "raster"])
def test_n_is_positive_everywhere(read: Read, tmp_path: Path, kind: str) -> None:
    if kind == "polygons":
        cover(tmp_path / "a.gpkg", "code_cs", ["CS1.2.2", "CS9.9", "CS2.2.1"])
        layer = read("land_cover", "a.gpkg")
    else:
        write_tif(tmp_path / "n.tif", np.array([[0.0, 0.03], [-9999.0, 0.05]]), X + 11, Y + 33, 10)
        layer = read("roughness", "n.tif")
    for grid in (
        GRID,
        Grid("EPSG:2154", X - 500, Y + 500, 25.0, 40, 40),
        Grid("EPSG:2154", X + 1, Y + 38, 1.0, 7, 9),
    ):
        n = manning_on_grid(layer, grid, 0.035)
        assert n.shape == grid.shape
        assert (n > 0).all()
        assert n.max() <= 0.05


def test_outlines_burn_in_as_their_polygons_do() -> None:
    """Holes, several parts, and what is not only polygons: cell by cell what rasterio makes of the shapes."""
    rng = np.random.default_rng(3)
    centres = shapely.points(rng.uniform(0, 100, (60, 2)))
    blobs = shapely.buffer(centres, rng.uniform(2, 25, 60))
    rings = shapely.difference(blobs, shapely.buffer(centres, 1.5))
    shapes = np.array([*rings[:30], *shapely.union(rings[30:45], blobs[45:])], dtype=object)
    assert {"Polygon", "MultiPolygon"} == {shape.geom_type for shape in shapes}
    for some in (shapes, np.append(shapes, shapely.GeometryCollection([blobs[0], centres[1]]))):
        values = np.arange(some.size) + 1
        expected, found = (
            rasterize(pairs, out_shape=(200, 200), transform=Affine(0.5, 0, 0, 0, -0.5, 100), dtype="int32")
            for pairs in (list(zip(some, values.tolist(), strict=True)), _burnt(some, values))
        )
        np.testing.assert_array_equal(found, expected)
        assert np.unique(found).size > 20
