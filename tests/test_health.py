"""The health report: faults put into a small territory are found where they are, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from tests import small
from twin import cli
from twin.health import Finding, _holes, _Report, examine, write_report
from twin.layers.survey import Gaps, Survey
from twin.territory import Territory

X, Y, CELL = small.X, small.Y, small.CELL


def write_raster(path: Path, values: np.ndarray, x_west: float = X, cell: float = CELL) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype="float64",
        crs="EPSG:2154", transform=from_origin(x_west, Y, cell, cell), nodata=-9999,
    ) as raster:  # fmt: skip
        raster.write(values, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWIN_LANG", "en")
    return small.make(tmp_path / "town").parent


def found(folder: Path) -> dict[str, Finding]:
    findings = examine(Territory.open(folder))
    assert [f.severity for f in findings] == sorted((f.severity for f in findings), reverse=True)
    return {f"{f.layer}.{f.check}": f for f in findings}


def add_layer(folder: Path, text: str) -> None:
    file = folder / "territory.toml"
    file.write_text(file.read_text("utf-8").replace("[places]", f"{text}\n[places]"), "utf-8")


def change_roads(folder: Path, change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> None:
    file = folder / "bdtopo.gpkg"
    roads, buildings = (gpd.read_file(file, layer=name) for name in ("troncon_de_route", "batiment"))
    file.unlink()
    change(roads).to_file(file, layer="troncon_de_route", driver="GPKG")
    buildings.to_file(file, layer="batiment", driver="GPKG")


def with_z(geometry: gpd.GeoSeries, height: Callable[[int], float]) -> list[shapely.LineString]:
    return [shapely.force_3d(line, z=height(k)) for k, line in enumerate(geometry)]


def test_crests_of_defences_are_told_with_the_ground_under_them(folder: Path) -> None:
    lines = [shapely.LineString([(X + 100 * k, Y - 100), (X + 100 * k, Y - 300)]) for k in range(1, 5)]
    layer = gpd.GeoDataFrame({"alt": [103.0, 101.5, 98.0, None]}, geometry=lines, crs="EPSG:2154")
    layer.to_file(folder / "dikes.gpkg")
    add_layer(folder, '[layers.defences]\nsource = "dikes.gpkg"')
    finding = found(folder)["defences.crests"]
    assert finding.severity == "warning"
    assert finding.value == pytest.approx(1 / 3)
    assert finding.places == (lines[2],)
    assert "3 crests from 98 to 103 m" in finding.sentence
    assert "33 %" in finding.sentence


def test_a_sound_territory_has_no_fault(folder: Path) -> None:
    report = found(folder)
    # A raster made here: nobody said its licence. (bdtopo.gpkg has the name of a product of IGN.)
    assert {k for k, f in report.items() if f.severity == "warning"} == {"terrain.licence"}
    for name in ("terrain.no_hole", "roads.one_network", "buildings.on_terrain", "population.missing"):
        assert name in report
    assert "2\u202f400 cells of 10 m" in report["terrain.origin"].sentence


def test_layers_that_no_run_uses_are_told(folder: Path) -> None:
    assert not any(key.endswith(".unused") for key in found(folder))
    add_layer(
        folder, '[layers.bridge_decks]\nsource = "terrain.tif"\n[layers.roofs]\nsource = "terrain.tif"\n'
    )
    report = found(folder)
    for name in ("bridge_decks", "roofs"):
        assert report[f"{name}.unused"].severity == "warning"
        assert "no run uses this layer" in report[f"{name}.unused"].sentence


def test_holes_are_told_from_the_edge(folder: Path) -> None:
    values = small.bed()
    values[20:23, 30:34] = -9999
    values[:5, :5] = -9999
    write_raster(folder / "terrain.tif", values)
    report = found(folder)
    hole, edge = report["terrain.holes"], report["terrain.beyond_data"]
    assert hole.severity == "warning"
    assert hole.value == pytest.approx(12 / 2400)
    assert hole.places[0].equals(shapely.box(X + 300, Y - 230, X + 340, Y - 200))
    assert hole.values == (1200.0,)
    assert edge.severity == "information"
    assert edge.value == pytest.approx(25 / 2400)


@pytest.mark.parametrize("source", ["RGEALTI", "RGEALTI/*/*_MNT_*/*.tif"])
def test_how_heights_were_measured(folder: Path, source: str) -> None:
    """The source mask as IGN lays it beside the heights: LiDAR on a half, a quarter by radar, some none."""
    tree = folder / "RGEALTI" / "1_DONNEES"
    names = {kind: f"RGEALTI_{kind}_10M_ASC_LAMB93_IGN69_D999" for kind in ("MNT", "SRC", "DST")}
    codes = np.full((small.NY, small.NX), 52, dtype=float)  # LiDAR of land
    codes[:, small.NX // 2 :] = 110  # correlation
    codes[: small.NY // 2, small.NX // 2 :] = 161  # radar
    codes[:, -6:] = 255
    for kind, values in (("MNT", small.bed()), ("SRC", codes), ("DST", codes)):
        (tree / names[kind]).mkdir(parents=True)
        write_raster(tree / names[kind] / f"RGEALTI_FXX_0650_6860_{kind}_LAMB93_IGN69.tif", values)
    file = folder / "territory.toml"
    file.write_text(file.read_text("utf-8").replace('"terrain.tif"', f'"{source}"'), "utf-8")
    found_here = found(folder)["terrain.sources"]
    cells = small.NY * (small.NX - 6)
    poor = small.NY * (small.NX // 2 - 6) / cells
    assert found_here.value == pytest.approx(poor)
    assert found_here.severity == "warning"
    assert f"LiDAR {100 * (1 - poor):.0f} %" in found_here.sentence
    assert f"radar or interpolation {50 * poor:.0f} %" in found_here.sentence
    assert found_here.values == (pytest.approx(poor),)
    assert found_here.places[0].equals(shapely.box(X, Y - small.NY * CELL, X + small.NX * CELL, Y))


@pytest.mark.parametrize(
    ("shift", "cell", "faulty"), [(7.0, 10.0, True), (20.0, 10.0, False), (0.0, 5.0, False)]
)
def test_grids_that_do_not_match(folder: Path, shift: float, cell: float, faulty: bool) -> None:
    shape = (int(small.NY * CELL / cell), int(small.NX * CELL / cell))
    write_raster(folder / "n.tif", np.full(shape, 0.03), X + shift, cell)
    add_layer(folder, '[layers.roughness]\nsource = "n.tif"')
    report = found(folder)
    assert ("roughness.misaligned" in report) == faulty
    assert ("roughness.aligned" in report) != faulty
    if faulty:  # seven metres east is three west of the next cell
        assert "-3 m (east) and 0 m (north)" in report["roughness.misaligned"].sentence
    if shift:
        assert report["roughness.not_over"].value == pytest.approx(shift / (small.NX * CELL))


def test_roads_against_the_terrain(folder: Path) -> None:
    def change(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        ground = 99.5
        # 0: no height; 1: ten metres up, undeclared; 2: ten metres up, a declared bridge; 3: below
        heights = {0: -1000.0, 1: ground + 10, 2: ground + 10, 3: ground - 10}
        roads.geometry = with_z(roads.geometry, lambda k: heights.get(k, ground))
        roads.loc[2, "position_par_rapport_au_sol"] = "1"
        return roads

    change_roads(folder, change)
    report = found(folder)
    assert report["roads.road_above"].value == 1
    lines = gpd.read_file(folder / "bdtopo.gpkg", layer="troncon_de_route").geometry
    assert report["roads.road_above"].places[0].equals(shapely.force_2d(lines[1]))
    assert report["roads.road_below"].places[0].equals(shapely.force_2d(lines[3]))
    assert 8 < report["roads.road_above"].values[0] < 11
    assert -11 < report["roads.road_below"].values[0] < -8
    assert report["roads.null_road_heights"].value == pytest.approx(1 / len(lines))
    assert report["roads.null_road_heights"].places[0].equals(shapely.force_2d(lines[0]))
    assert abs(report["roads.road_offset"].value) < 1.0
    assert report["roads.road_offset"].severity == "information"


def test_heights_of_zero_and_lost_letters(folder: Path) -> None:
    """A vertex at 0 m on ground at 100 m has no height: it is said, and left out of the comparison."""

    def change(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        lines = with_z(roads.geometry, lambda _: 99.5)
        xyz = shapely.get_coordinates(lines[0], include_z=True)
        xyz[:, 2] = -1000.0
        xyz[-1, 2] = 0.0
        lines[0] = shapely.linestrings(xyz)
        roads.geometry = lines
        roads["nom_collaboratif_gauche"] = "rue de la Mairie"
        roads.loc[1, "nom_collaboratif_gauche"] = "voie de la libert\ufffd"
        return roads

    change_roads(folder, change)
    report = found(folder)
    zero = report["roads.zero_road_heights"]
    assert zero.value == 1
    lines = gpd.read_file(folder / "bdtopo.gpkg", layer="troncon_de_route").geometry
    assert zero.places[0].equals(shapely.force_2d(shapely.get_point(lines[0], -1)))
    assert "roads.road_below" not in report
    lost = report["roads.lost_letters"]
    assert lost.value == 1
    assert "“voie de la libert\ufffd”" in lost.sentence


def test_a_datum_of_another_kind_shows_in_the_median(folder: Path) -> None:
    def change(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        roads.geometry = with_z(roads.geometry, lambda _: 101.2)
        return roads

    change_roads(folder, change)
    offset = found(folder)["roads.road_offset"]
    assert offset.severity == "warning"
    assert 1.0 < offset.value < 3.0


def test_disconnected_roads(folder: Path) -> None:
    def change(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        alone = roads.iloc[[0]].copy()
        alone["cleabs"] = "TRONROUT_ALONE"
        alone.geometry = [shapely.LineString([(X + 20, Y - 380), (X + 320, Y - 380)])]
        return gpd.GeoDataFrame(pd.concat([roads, alone], ignore_index=True), crs=roads.crs)

    change_roads(folder, change)
    apart = found(folder)["roads.disconnected"]
    assert apart.severity == "warning"
    assert apart.values == (300.0,)
    assert shapely.get_parts(apart.places[0])[0].equals(
        shapely.LineString([(X + 20, Y - 380), (X + 320, Y - 380)])
    )


def test_buildings_off_the_terrain_and_places_over_the_edge(folder: Path) -> None:
    write_raster(folder / "terrain.tif", small.bed()[:, :34])  # cuts the last buildings off
    file = folder / "territory.toml"
    file.write_text(
        file.read_text("utf-8")
        .replace("bank = { line = [[650405.0", "bank = { line = [[650335.0")
        .replace("[650405.0, 6860000.0]", "[650335.0, 6859992.8]"),
        "utf-8",
    )
    report = found(folder)
    off = report["buildings.off_terrain"]
    assert off.severity == "warning"
    assert off.value == 2
    assert all(point.x > X + 340 for point in off.places)
    edges = [f for f in examine(Territory.open(folder)) if f.check == "over_the_edge"]
    assert any("“bank” reaches 7.2 m beyond" in f.sentence for f in edges)


def test_places_without_a_name_are_told(folder: Path) -> None:
    names = ["mairie", None, "école", None]
    shapes = gpd.points_from_xy(X + 50.0 + np.arange(4), [Y - 50.0] * 4)
    gpd.GeoDataFrame({"nom": names}, geometry=shapes, crs="EPSG:2154").to_file(folder / "lieux.gpkg")
    file = folder / "territory.toml"
    head = file.read_text("utf-8").partition("[places]")[0]
    file.write_text(f'places = "lieux.gpkg"\n{head}', "utf-8")
    told = found(folder)["places.unnamed_places"]
    assert "2 place(s) without a name" in told.sentence
    assert [point.x - X for point in told.places] == [51.0, 53.0]


@pytest.mark.parametrize(("lang", "other"), [("fr", r"\d\.\d"), ("en", r"\d,\d")])
def test_figures_are_written_as_their_reader_writes_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, lang: str, other: str
) -> None:
    """French sentences read "altitudes de 98.4 à 100.5 m"."""
    monkeypatch.setenv("TWIN_LANG", lang)
    values = small.bed()
    values[20, 30] = -9999
    values[:, 34:] = -9999  # no terrain under the last buildings
    write_raster(folder / "terrain.tif", values)
    write_raster(folder / "n.tif", np.full((small.NY, small.NX), 0.05), X + 2.5)
    add_layer(folder, '[layers.roughness]\nsource = "n.tif"')
    change_roads(folder, lambda roads: roads.set_geometry(with_z(roads.geometry, lambda k: 90.25 + 10 * k)))
    told = [f.sentence for f in found(folder).values() if f.check != "origin"]  # licences have numbers
    assert len(told) > 10
    assert [sentence for sentence in told if re.search(other, sentence)] == []
    for said in ("2.5 m (", "0.042 %"):
        assert (said if lang == "en" else said.replace(".", ",")) in "\n".join(told)


def test_a_small_share_is_not_told_as_none(folder: Path) -> None:
    seen = Survey(cells=10**7, low=0.0, high=1.0, holes=Gaps(count=1, cells=3, largest=3), beyond=Gaps())
    report = _Report()
    _holes(report, seen, Territory.open(folder).mosaic())
    assert "0.00003 % of the cells, the largest of 0.03 ha" in report.findings[-1].sentence


def test_the_report_opens_as_layers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = small.bed()
    values[20:23, 30:34] = -9999
    write_raster(folder / "terrain.tif", values)
    gpkg = folder / "out" / "health.gpkg"
    cli.app(["check", str(folder), "--report", str(gpkg)], standalone_mode=False)
    said = capsys.readouterr().out
    assert "[warning] terrain: 1 hole(s) inside the terrain" in said
    assert str(gpkg) in said
    names = {str(name) for name, _ in pyogrio.list_layers(gpkg)}
    assert {"findings", "areas"} <= names
    everything = gpd.read_file(gpkg, layer="findings")
    territory = Territory.open(folder)
    assert len(everything) == len(examine(territory))
    assert everything.crs == "EPSG:2154"
    assert set(everything["severity"]) == {"warning", "information"}
    hole = gpd.read_file(gpkg, layer="areas").query("check == 'holes'")
    assert hole["value"].tolist() == [1200.0]
    write_report(examine(territory), territory, gpkg)  # again: it is replaced, not added to
    assert len(gpd.read_file(gpkg, layer="findings")) == len(everything)


@pytest.mark.real
def test_dieppe_and_la_fleche(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures found by hand on the raw files (../shared/GEODATA.md § 9 for the two offsets)."""
    monkeypatch.setenv("TWIN_LANG", "en")
    real = Path(__file__).parent / "real"
    dieppe = found(real / "dieppe")
    assert dieppe["roads.road_offset"].value == pytest.approx(-0.20, abs=0.05)
    assert dieppe["buildings.null_building_heights"].value == 1.0
    assert "roughness.aligned" in dieppe
    # One road on the cliff: four vertices at 9999 and the last at 0, in a cell of 46.1 m (43.9 around).
    zero = dieppe["roads.zero_road_heights"]
    assert (zero.value, zero.values[0]) == (1, pytest.approx(46.12, abs=0.01))
    assert zero.places[0].distance(shapely.Point(570424.07, 6986522.18)) < 0.01
    assert max(abs(v) for v in dieppe["roads.road_below"].values) < 21
    west = [f for f in examine(Territory.open(real / "dieppe")) if "west_1" in f.sentence]
    assert west[0].value == pytest.approx(6987255 - 6987247.7601224)  # the 7 m of the western stretch
    loir = found(real / "la_fleche")
    assert loir["roads.road_offset"].value == pytest.approx(-0.60, abs=0.05)
    assert loir["buildings.on_terrain"].value == 0
    # EF BF BD in the .dbf itself (read with the bytes alone): no decoding brings the letters back.
    route = real_data / "fr/la_fleche/72_BDTOPO_2-0_LAMB93_SHP_X062-ED111/Extrait1/ROUTE.dbf"
    assert route.read_bytes().count(b"\xef\xbf\xbd") == 1945
    assert loir["roads.lost_letters"].value > 0
