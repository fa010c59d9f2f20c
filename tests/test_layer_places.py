"""Facilities, districts and zones of a territory are places of runs, though no place names them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from tests import small
from tests.test_cli import edited
from twin.features import WET_DEPTH
from twin.health import examine
from twin.indicators import compute, facilities
from twin.simulation import run
from twin.territory import Territory
from viz.page_features import places

X, Y = small.X, small.Y

LAYERS = """\
[layers.facilities]
source = "lieux.gpkg"
layer = "zone_d_activite_ou_d_interet"
[layers.districts]
source = "lieux.gpkg"
layer = "commune"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The small territory as a fetch delivers it: polygons of BD TOPO, some far away, no place of them."""
    file = small.make(tmp_path / "town")
    sites = gpd.GeoDataFrame(
        {
            "cleabs": [f"SURFACTI{k:016d}" for k in range(3)],
            "nature": ["Enseignement primaire", "Hôpital", "Mairie"],
            "toponyme": ["École du Milieu", "Hôpital des Prés", "Mairie d'ailleurs"],
        },
        geometry=[
            shapely.box(X + 290, Y - 210, X + 320, Y - 180),  # around the spring of the flood
            shapely.box(X + 30, Y - 60, X + 60, Y - 30),
            shapely.box(X + 9000, Y, X + 9030, Y + 30),
        ],
        crs="EPSG:2154",
    )
    halves = gpd.GeoDataFrame(
        {
            "cleabs": ["COMMUNE_0000000009731001", "COMMUNE_0000000009731002"],
            "nom_officiel": ["Ouest-sur-Eau", "Est-sur-Eau"],
            "population": [200, 300],
        },
        geometry=[
            shapely.box(X - 500, Y - 400, X + 200, Y),
            shapely.box(X + 200, Y - 400, X + 900, Y),
        ],
        crs="EPSG:2154",
    )
    sites.to_file(file.parent / "lieux.gpkg", layer="zone_d_activite_ou_d_interet", driver="GPKG")
    halves.to_file(file.parent / "lieux.gpkg", layer="commune", driver="GPKG")
    edited(file.parent / "territory.toml", "[places]", f"{LAYERS}[places]")
    edited(file.parent / "territory.toml", '[places.zones]\nsource = "zones.gpkg"\n', "")
    edited(
        file.parent / "territory.toml",
        'crs = "EPSG:2154"',
        f'crs = "EPSG:2154"\nextent = [{X}, {Y - 400}, {X + 600}, {Y}]',
    )
    edited(file, 'zones = "zones"\nweight = "inhabitants"', 'zones = "districts"\nweight = "population"')
    return file


def test_layers_are_places_where_no_place_has_them(file: Path) -> None:
    territory = Territory.open(file.parent)
    assert territory.layer_places == ("facilities", "districts")
    assert territory.place_names[-2:] == ["facilities", "districts"]
    assert territory.place("facilities").features["toponyme"].tolist() == [
        "École du Milieu",
        "Hôpital des Prés",
    ]
    assert territory.check() == []
    assert not [f for f in examine(territory) if f.check == "over_the_edge"]  # communes end where they end
    own = '[places.quarters]\nsource = "lieux.gpkg"\nlayer = "commune"\nwhere = "population > 250"\n'
    record = file.parent / "territory.toml"
    record.write_text(
        record.read_text("utf-8") + f"{own}[places.facilities]\npolygon = [[0, 0], [1, 0], [1, 1]]\n"
    )
    assert Territory.open(file.parent).layer_places == ()


def test_a_run_tells_of_facilities_and_districts_that_only_layers_know(file: Path) -> None:
    """They were fetched and read by nothing: no facility at risk, zones = "districts" no such place."""
    result = run(file, file.parent / "run")
    found = facilities(result)
    assert found is not None
    assert dict(zip(found["facility"], found["title"], strict=True)) == {
        "school": "École du Milieu",
        "hospital": "Hôpital des Prés",
    }
    figures = compute(result)
    assert figures["facilities_touched_school"].value == 1
    assert (found["max_water_depth"] > WET_DEPTH).any()
    assert "(3)" in figures["districts_touched"].method  # the communes and `pool`, no school
    assert "Est-sur-Eau" in figures["districts_touched"].detail
    assert {"facilities", "districts"} <= {row["layer"] for row in result.provenance["inputs"]}
    assert result.zones is not None
    # Of each commune 700 m wide the part inside the extent of 600 m counts: 200 and 400 m
    assert sorted(result.zones["people"]) == pytest.approx([200.0 * 2 / 7, 300.0 * 4 / 7])
    shapes = {row["label"]: row["shape"] for row in places(result, (0.0, 0.0))}
    assert shapes["École du Milieu"] == "Point"
    assert shapes["Est-sur-Eau"].endswith("Polygon")
