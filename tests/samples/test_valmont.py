"""The sample territory Valmont is what it says: IGN formats, a drained valley, a connected and plausible
town.
"""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from twin.layers import samples
from twin.layers.valmont import columns, tables, water, write
from twin.scenarios import Scenario
from twin.territory import Territory

Array = NDArray[np.float64]
EXTENT = (650000.0, 6860000.0, 654000.0, 6863000.0)
TILE = "RGEALTI/RGEALTI_FXX_0650_6865_MNT_LAMB93_IGN69.asc"


@pytest.fixture(scope="module")
def valmont() -> Path:
    return samples.path("valmont")


@pytest.fixture(scope="module")
def ground(valmont: Path) -> Array:
    return np.loadtxt(valmont / TILE, skiprows=6)


@pytest.fixture(scope="module")
def roads(valmont: Path) -> gpd.GeoDataFrame:
    return pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="troncon_de_route")


@pytest.fixture(scope="module")
def buildings(valmont: Path) -> gpd.GeoDataFrame:
    return pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="batiment")


def at(ground: Array, x: Array, y: Array) -> Array:
    """Ground (m) of the cell under each point."""
    return ground[np.rint((6865000.0 - y) / 5.0).astype(int), np.rint((x - 650000.0) / 5.0).astype(int)]


def centreline(valmont: Path) -> Array:
    """The river from west to east, (n, 2), every metre inside the extent."""
    reaches = pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="troncon_hydrographique")
    river = reaches[reaches["cpx_toponyme_de_cours_d_eau"] == tables.RIVER_NAME]
    line = shapely.line_merge(shapely.union_all(shapely.force_2d(river.geometry.to_numpy())))
    assert line.geom_type == "LineString"
    points = shapely.get_coordinates(shapely.line_interpolate_point(line, np.arange(0.0, line.length, 1.0)))
    if points[0, 0] > points[-1, 0]:
        points = points[::-1]
    return points[(points[:, 0] >= EXTENT[0]) & (points[:, 0] <= EXTENT[2])]


# --- terrain ---
def test_tile_is_written_as_ign_writes_it(valmont: Path) -> None:
    lines = (valmont / TILE).read_text(encoding="ascii").splitlines()
    header = {line.split()[0]: line.split()[1] for line in lines[:6]}
    assert header == {
        "ncols": "1000",
        "nrows": "1000",
        "xllcorner": "649997.500000000000",
        "yllcorner": "6860002.500000000000",
        "cellsize": "5.000000000000",
        "NODATA_value": "-99999.00",
    }
    assert len(lines) == 1006
    assert all(len(value.split(".")[1]) == 2 for value in lines[500].split())
    assert (valmont / TILE).stat().st_size < 8_000_000


def test_relief_is_that_of_a_valley(ground: Array) -> None:
    assert ground.shape == (1000, 1000)
    assert 200.0 < ground.min() < 212.0
    assert 270.0 < ground.max() < 310.0


def test_bed_falls_from_edge_to_edge(valmont: Path, ground: Array) -> None:
    points = centreline(valmont)
    assert points[0, 0] < EXTENT[0] + 5.0
    assert points[-1, 0] > EXTENT[2] - 5.0
    bed = at(ground, points[:, 0], points[:, 1])
    climb = (bed - np.minimum.accumulate(bed)).max()
    assert climb <= 0.011, f"the bed climbs by {climb:.3f} m"  # the second decimal of the tile
    slope = (bed[0] - bed[-1]) / len(bed)
    assert 0.0006 < slope < 0.0016


def test_channel_has_banks_and_the_plain_is_flat(valmont: Path, ground: Array) -> None:
    points = centreline(valmont)[50:-50:10]
    tangent = np.gradient(points, axis=0)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]]) / np.hypot(*tangent.T)[:, None]
    bed = at(ground, *points.T)
    for side in (22.0, -22.0):
        bank = at(ground, *(points + side * normal).T)
        assert np.median(bank - bed) == pytest.approx(2.2, abs=0.4)
        assert (bank - bed).min() > 0.8  # a brook's mouth at least
    x, y = np.meshgrid(np.arange(650950.0, 651400.0, 5.0), np.arange(6861480.0, 6861540.0, 5.0))
    assert np.std(at(ground, x, y) + 0.00125 * x) < 0.35


def test_flood_exceeds_the_channel() -> None:
    assert water.normal_depth(75.0, 0.00105) == pytest.approx(2.05, abs=0.35)  # about brim-full
    assert water.normal_depth(water.PEAK, 0.00105) > 3.5  # the channel alone cannot carry the flood


# --- roads ---
def test_road_columns_are_those_of_the_product(valmont: Path, roads: gpd.GeoDataFrame) -> None:
    info = pyogrio.read_info(valmont / "BDTOPO.gpkg", layer="troncon_de_route")
    assert tuple(info["fields"]) == columns.ROAD_COLUMNS
    assert len(columns.ROAD_COLUMNS) == 62  # 64 with fid and the geometry
    assert info["geometry_name"] == "geometrie"
    assert info["geometry_type"] == "LineString Z"
    assert info["crs"] == "EPSG:2154"
    kinds = dict(zip(info["fields"], info["ogr_types"], strict=True))
    assert kinds["importance"] == kinds["position_par_rapport_au_sol"] == "OFTString"
    assert kinds["vitesse_moyenne_vl"] == kinds["nombre_de_voies"] == "OFTInteger"
    assert kinds["largeur_de_chaussee"] == "OFTReal"
    assert kinds["date_creation"] == "OFTDateTime"
    assert roads["cleabs"].str.fullmatch(r"[A-Z_]{8}\d{16}").all()
    assert roads["cleabs"].is_unique


def test_roads_are_a_town_s(roads: gpd.GeoDataFrame) -> None:
    assert len(roads) > 300
    assert set(roads["nature"]) == {
        "Route à 1 chaussée", "Rond-point", "Route empierrée", "Chemin", "Sentier"
    }  # fmt: skip
    assert set(roads["importance"]) == {"2", "3", "4", "5", "6"}
    assert (roads["sens_de_circulation"] == "Sens direct").sum() > 15
    decks = roads[roads["position_par_rapport_au_sol"] == "1"]
    assert set(decks["nom_collaboratif_gauche"]) == {"VIEUX PONT", "PONT DE LA ROCADE"}
    assert (roads["nature"] == "Sentier").sum() >= 5
    nodes, _ = ends(roads)
    for deck in decks.index:  # a road goes on at both ends of a bridge
        others = roads.index[(nodes == nodes[deck, 0]).any(1)], roads.index[(nodes == nodes[deck, 1]).any(1)]
        for meeting in others:
            assert "Route à 1 chaussée" in set(roads["nature"][meeting.drop(deck)])


def ends(roads: gpd.GeoDataFrame) -> tuple[NDArray[np.int64], int]:
    """Node numbers (n, 2) of the segments by exact equality of their ends, and how many nodes there are."""
    points = np.array([[line.coords[0][:2], line.coords[-1][:2]] for line in roads.geometry]).reshape(-1, 2)
    nodes, number = np.unique(points, axis=0, return_inverse=True)
    return number.reshape(-1, 2), len(nodes)


def test_segments_meet_at_exactly_equal_ends_only(roads: gpd.GeoDataFrame) -> None:
    lines = shapely.force_2d(roads.geometry.to_numpy())
    first, second = shapely.STRtree(lines).query(lines, predicate="intersects")
    for a, b in zip(first, second, strict=True):
        if a < b:
            shared = {lines[a].coords[0], lines[a].coords[-1]} & {lines[b].coords[0], lines[b].coords[-1]}
            met = set(map(tuple, shapely.get_coordinates(shapely.intersection(lines[a], lines[b]))))
            assert met == shared, f"{roads['cleabs'][a]} and {roads['cleabs'][b]} meet at {met - shared}"
    nodes, n = ends(roads)
    loose = np.unique(nodes)
    points = np.array([[line.coords[0][:2], line.coords[-1][:2]] for line in roads.geometry]).reshape(-1, 2)
    place = {int(k): p for k, p in zip(nodes.ravel(), points, strict=True)}
    tree = shapely.STRtree([shapely.Point(place[int(k)]) for k in loose])
    near = tree.query(tree.geometries, predicate="dwithin", distance=1.0)
    assert near.shape[1] == n, "two nodes lie within 1 m of each other"


def test_one_can_drive_from_anywhere_to_anywhere(roads: gpd.GeoDataFrame) -> None:
    drivable = roads[(roads["vitesse_moyenne_vl"] > 1) & (roads["acces_vehicule_leger"] == "Libre")]
    assert len(drivable) > 300
    nodes, n = ends(drivable)
    both = (drivable["sens_de_circulation"] == "Double sens").to_numpy()
    assert (both | (drivable["sens_de_circulation"] == "Sens direct").to_numpy()).all()
    rows = np.concatenate([nodes[:, 0], nodes[both, 1]])
    columns = np.concatenate([nodes[:, 1], nodes[both, 0]])
    graph = coo_matrix((np.ones(rows.size), (rows, columns)), shape=(n, n))
    assert connected_components(graph, directed=True, connection="strong")[0] == 1


def test_only_bridges_cross_the_river(valmont: Path, roads: gpd.GeoDataFrame) -> None:
    surface = pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="surface_hydrographique").geometry[0]
    wet = roads[roads.intersects(surface)]
    assert set(wet["position_par_rapport_au_sol"]) == {"1"}
    assert len(wet) == 2


def test_road_heights_are_the_ground_s(ground: Array, roads: gpd.GeoDataFrame) -> None:
    known = roads[roads["nature"] != "Sentier"]
    assert (
        shapely.get_coordinates(roads[roads["nature"] == "Sentier"].geometry, include_z=True)[:, 2] == -1000.0
    ).all()
    c = shapely.get_coordinates(known[known["position_par_rapport_au_sol"] == "0"].geometry, include_z=True)
    inside = (c[:, 0] > 650000) & (c[:, 0] < 654000) & (c[:, 1] > 6860005) & (c[:, 1] < 6863000)
    c = c[inside]
    assert np.quantile(np.abs(at(ground, c[:, 0], c[:, 1]) - c[:, 2]), 0.95) < 0.8


# --- buildings ---
def test_building_columns_and_counts(valmont: Path, buildings: gpd.GeoDataFrame) -> None:
    info = pyogrio.read_info(valmont / "BDTOPO.gpkg", layer="batiment")
    assert tuple(info["fields"]) == columns.BUILDING_COLUMNS
    assert info["geometry_name"] == "geometrie"
    assert info["geometry_type"] == "MultiPolygon Z"
    assert len(buildings) > 1500
    assert buildings.geometry.is_valid.all()
    assert {"Résidentiel", "Annexe", "Agricole", "Industriel", "Commercial et services", "Religieux"} <= set(
        buildings["usage_1"]
    )
    height = buildings["hauteur"]
    assert 0.02 < height.isna().mean() < 0.10
    assert height.dropna().between(2.0, 25.0).all()


def test_buildings_stand_off_roads_river_and_each_other(
    valmont: Path, roads: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame
) -> None:
    footprints = buildings.geometry.to_numpy()
    width = np.maximum(roads["largeur_de_chaussee"].fillna(1.0).to_numpy() / 2.0, 0.5)
    tree = shapely.STRtree(footprints)
    assert tree.query(shapely.buffer(roads.geometry.to_numpy(), width), predicate="intersects").size == 0
    surface = pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="surface_hydrographique").geometry[0]
    assert buildings.distance(surface).min() > 3.0
    a, b = tree.query(footprints, predicate="intersects")
    overlap = shapely.area(shapely.intersection(footprints[a[a < b]], footprints[b[a < b]]))
    assert overlap.max() < 1.5  # row houses share walls; the lattice of 0.1 m lets them bite a little


def test_density_falls_from_the_core(buildings: gpd.GeoDataFrame) -> None:
    away = buildings.distance(shapely.Point(651815.0, 6861265.0)).to_numpy()
    built = buildings.area.to_numpy()
    share = [
        built[(away >= r) & (away < r + 400.0)].sum() / (np.pi * ((r + 400.0) ** 2 - r**2))
        for r in (0.0, 400.0, 800.0, 1200.0)
    ]
    assert all(inner > outer for inner, outer in itertools.pairwise(share))


# --- other layers ---
def test_other_layers(valmont: Path) -> None:
    layers = dict(pyogrio.list_layers(valmont / "BDTOPO.gpkg"))
    assert set(layers) == {
        "troncon_de_route",
        "non_communication",
        "batiment",
        "troncon_hydrographique",
        "surface_hydrographique",
        "cours_d_eau",
        "construction_lineaire",
        "ligne_orographique",
        "zone_d_activite_ou_d_interet",
        "commune",
    }
    works = pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="construction_lineaire")
    assert {"Vieux Pont", "Pont de la Rocade"} <= set(works["toponyme"].dropna())
    levee = pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="ligne_orographique")
    assert list(levee["nature"]) == ["Levée"]
    assert levee.length[0] > 1000.0
    interest = pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="zone_d_activite_ou_d_interet")
    assert {"Hôpital", "Mairie", "Caserne de pompiers", "Maison de retraite", "Enseignement primaire"} <= set(
        interest["nature"]
    )
    for file in ("BDTOPO.gpkg", "OCSGE.gpkg", "lieux.gpkg"):
        assert (valmont / file).stat().st_size < 3_000_000


def test_land_cover_covers_once(valmont: Path) -> None:
    cover = pyogrio.read_dataframe(valmont / "OCSGE.gpkg")
    assert cover["code_cs"].str.fullmatch(r"CS\d(\.\d)+").all()
    assert cover["code_us"].str.fullmatch(r"US\d(\.\d)*").all()
    shapes = cover.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    whole = shapely.box(649940.0, 6859940.0, 654060.0, 6863060.0)
    assert cover.area.sum() == pytest.approx(whole.area, abs=1.0)
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pair = a < b
    assert shapely.area(shapely.intersection(shapes[a[pair]], shapes[b[pair]])).sum() < 1.0


def test_quarters_hold_everybody(valmont: Path, buildings: gpd.GeoDataFrame) -> None:
    quarters = pyogrio.read_dataframe(valmont / "lieux.gpkg", layer="quartiers")
    assert quarters.area.sum() == pytest.approx(4000.0 * 3000.0, rel=1e-4)
    assert quarters["logements"].sum() == buildings["nombre_de_logements"].sum()
    assert 1.7 < quarters["population"].sum() / quarters["logements"].sum() < 2.5
    commune = pyogrio.read_dataframe(valmont / "BDTOPO.gpkg", layer="commune")
    assert commune["population"][0] == quarters["population"].sum()
    assert len(pyogrio.read_dataframe(valmont / "lieux.gpkg", layer="ecoles")) == 4


# --- territory and scenarios ---
def test_territory_reads_through_the_readers_of_real_data(valmont: Path) -> None:
    territory = Territory.open(valmont)
    assert territory.check() == []
    assert territory.extent == EXTENT
    assert {
        "river_in",
        "river_out",
        "mill_gauge",
        "old_bridge",
        "new_bridge",
        "left_bank",
        "hospital",
        "schools",
        "quarters",
    } <= set(territory.place_names)
    for name in territory.record.layers:
        assert territory.layer(name).data.size > 0
    assert territory.layer("terrain").data.attrs["nodata_cells"] == 0
    assert territory.layer("roads").data["drivable"].sum() > 300


@pytest.mark.parametrize(
    "name",
    ["demo", "crue_centennale", "crue_centennale_digue", "jour_ordinaire", "pont_ferme", "debit_de_base"],
)
def test_scenarios_have_nothing_wrong(valmont: Path, name: str) -> None:
    assert Scenario.open(valmont / "scenarios" / f"{name}.toml").check() == []


def test_places_lie_where_they_say(valmont: Path, ground: Array) -> None:
    places = tomllib.loads((valmont / "territory.toml").read_text(encoding="utf-8"))["places"]
    points = centreline(valmont)
    tree = shapely.LineString(points)
    for name in ("mill_gauge", "old_bridge_deck", "new_bridge_deck"):
        assert tree.distance(shapely.Point(places[name])) < 35.0
    gauge = np.array([places["mill_gauge"]])
    bed = at(ground, *points.T)
    assert at(ground, *gauge.T)[0] < bed[np.argmin(np.abs(points[:, 0] - gauge[0, 0]))] + 0.1
    for name in ("river_in", "river_out", "old_bridge", "new_bridge"):
        line = shapely.LineString(places[name]["line"])
        assert line.crosses(tree)
        assert line.coords[0][1] > line.coords[-1][1]  # from the left bank to the right
    crest = at(ground, *np.array(places["left_bank"]["line"]).T)
    assert (crest < 213.5).mean() > 0.9
    assert np.median(crest) > 211.5


def test_base_flow_is_a_river(valmont: Path, ground: Array) -> None:
    with rasterio.open(valmont / "scenarios" / "etiage.tif") as file:
        assert file.crs.to_epsg() == 2154
        assert file.shape == (1000, 1000)
        assert file.bounds == (649997.5, 6860002.5, 654997.5, 6865002.5)
        depth = file.read(1).astype(float)
    points = centreline(valmont)
    along = at(depth, points[:, 0], points[:, 1])
    assert along.min() > 0.4
    assert along.max() < 1.3
    level = at(ground, points[:, 0], points[:, 1]) + along
    assert (np.diff(level) < 0.03).all()
    assert level[0] > level[-1] + 3.0
    wet = np.argwhere(depth > 0.0)
    away = shapely.distance(
        shapely.points(650000.0 + 5.0 * wet[:, 1], 6865000.0 - 5.0 * wet[:, 0]), shapely.LineString(points)
    )
    assert away[(wet[:, 1] < 800)].max() < 20.0


def test_hydrograph_rises_from_base_flow_to_its_peak() -> None:
    time, discharge = water.hydrograph().T
    assert discharge[0] == water.BASE_FLOW
    assert discharge.max() == pytest.approx(water.PEAK, rel=1e-3)
    assert time[np.argmax(discharge)] == pytest.approx(water.QUIET + water.RISE, abs=300.0)


@pytest.mark.slow
def test_generator_makes_the_same_territory_again(valmont: Path, tmp_path: Path) -> None:
    write.write(tmp_path)
    made = np.loadtxt(tmp_path / TILE, skiprows=6)
    np.testing.assert_allclose(made, np.loadtxt(valmont / TILE, skiprows=6), atol=0.011)
    for file in ("BDTOPO.gpkg", "OCSGE.gpkg", "lieux.gpkg"):
        for layer in dict(pyogrio.list_layers(valmont / file)):
            again = pyogrio.read_dataframe(tmp_path / file, layer=layer)
            kept = pyogrio.read_dataframe(valmont / file, layer=layer)
            pd.testing.assert_frame_equal(
                pd.DataFrame(again.drop(columns="geometry")), pd.DataFrame(kept.drop(columns="geometry"))
            )
            same = shapely.equals_exact(again.geometry.to_numpy(), kept.geometry.to_numpy(), tolerance=0.0)
            assert same.all(), f"{file}, {layer}: {int((~same).sum())} geometries differ"
    for text in ("territory.toml", "scenarios/crue_centennale.csv"):
        assert (tmp_path / text).read_text(encoding="utf-8") == (valmont / text).read_text(encoding="utf-8")
    with (
        rasterio.open(tmp_path / "scenarios/etiage.tif") as a,
        rasterio.open(valmont / "scenarios/etiage.tif") as b,
    ):
        np.testing.assert_allclose(a.read(1), b.read(1), atol=0.002)
