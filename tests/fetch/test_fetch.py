"""`twin fetch` against a real OGC server, with what goes wrong on the way."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from tests.fetch.conftest import (
    VALMONT,
    Fault,
    Server,
    axes_exchanged,
    cut_short,
    half_a_page,
    no_line,
    out_of_order,
    silent,
    too_fast,
)
from twin.cli import main
from twin.errors import InputError
from twin.fetch import FetchError, Services, fetch
from twin.fetch.http import Client
from twin.fetch.hubeau import _all
from twin.fetch.wfs import FeatureService, Fetched, features
from twin.fetch.wms import Block
from twin.files import sha256
from twin.territory import Territory

BOX = (651000.0, 6861000.0, 652000.0, 6862000.0)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_LANG", "en")


def client(folder: Path, **keys: Any) -> tuple[Client, list[float]]:
    """A client that does not really wait; and what it would have waited."""
    slept: list[float] = []
    options: dict[str, Any] = {"per_second": 1e9, "sleep": slept.append, "timeout": 20.0} | keys
    return Client(folder / "store", **options), slept


def roads(server: Server, folder: Path, count: int = 50, **keys: Any) -> Any:
    return features(
        client(folder, **keys)[0], FeatureService(f"{server.url}/wfs", count), "troncon_de_route",
        crs="EPSG:2154", bounds=BOX, key="cleabs",
    )  # fmt: skip


def expected_roads() -> Any:
    return pyogrio.read_dataframe(VALMONT / "BDTOPO.gpkg", layer="troncon_de_route", bbox=BOX)


def test_all_pages_of_a_type(server: Server, tmp_path: Path) -> None:
    got = roads(server, tmp_path)
    true = expected_roads().set_index("cleabs")
    frame = got.frame.set_index("cleabs")
    assert got.matched == len(true) > 100
    assert got.pages == -(-len(true) // 50)
    assert set(frame.index) == set(true.index)
    frame = frame.loc[true.index]
    assert frame["nature"].tolist() == true["nature"].tolist()
    # Numbers are numbers and nulls are nulls, though this server writes texts and "".
    np.testing.assert_array_equal(
        frame["vitesse_moyenne_vl"].to_numpy(float), true["vitesse_moyenne_vl"].to_numpy(float)
    )
    np.testing.assert_array_equal(
        frame["largeur_de_chaussee"].to_numpy(float), true["largeur_de_chaussee"].to_numpy(float)
    )
    assert frame.geometry.geom_equals_exact(true.geometry, 1e-6).all()
    assert frame.geometry.has_z.all()


def test_a_server_that_gives_shorter_pages_is_followed(server: Server, tmp_path: Path) -> None:
    """5000 asked for; this MapServer gives 150 at most."""
    got = roads(server, tmp_path, count=5000)
    assert len(got.frame) == len(expected_roads())
    assert got.pages == -(-len(got.frame) // 150)


@pytest.mark.parametrize("fault", [too_fast, silent, cut_short, half_a_page, no_line, out_of_order])
def test_what_passes_is_waited_for(server: Server, tmp_path: Path, fault: Fault) -> None:
    server.wrong("STARTINDEX=50", fault, times=1 if fault is silent else 2)
    options = {"timeout": 4.0} if fault is silent else {}
    ours, slept = client(tmp_path, **options)
    got = features(
        ours, FeatureService(f"{server.url}/wfs", 50), "troncon_de_route", crs="EPSG:2154", bounds=BOX,
        key="cleabs",
    )  # fmt: skip
    assert not server.faults
    assert set(got.frame["cleabs"]) == set(expected_roads()["cleabs"])
    if fault is too_fast:
        # Never earlier than the service said: the pause and what is added to it.
        assert ours.waited == 10.0
        assert sum(slept) >= 10.0


def test_a_service_that_stays_away_is_given_up_and_the_rest_is_resumed(
    server: Server, tmp_path: Path
) -> None:
    server.wrong("STARTINDEX=100", out_of_order, times=3)
    with pytest.raises(FetchError, match="given up after 3 attempts"):
        roads(server, tmp_path, attempts=3)
    before = len(server.asked)
    got = roads(server, tmp_path)
    assert len(got.frame) == len(expected_roads())
    # What was whole is not asked for again.
    again = server.asked[before:]
    assert len(again) == got.pages - 2
    assert not any("hits" in path or "STARTINDEX=0" in path or "STARTINDEX=50" in path for path in again)


def test_a_kept_page_that_was_damaged_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    roads(server, tmp_path)
    before = len(server.asked)
    largest = max((tmp_path / "store").glob("*.answer"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-100])
    assert len(roads(server, tmp_path).frame) == len(expected_roads())
    assert len(server.asked) == before + 1


def test_axes_exchanged_by_the_server_are_put_right(server: Server, tmp_path: Path) -> None:
    server.wrong("STARTINDEX", axes_exchanged, times=100)
    got = roads(server, tmp_path)
    true = expected_roads().set_index("cleabs")
    moved = got.frame.set_index("cleabs").loc[true.index]
    assert moved.geometry.geom_equals_exact(true.geometry, 1e-6).all()
    assert "exchanged the axes" in got.notes[0]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035"])
def test_the_order_of_axes_of_the_crs_is_kept(server: Server, tmp_path: Path, crs: str) -> None:
    """Latitude (or north) comes first in the box that is asked for; x first in what comes back."""
    # One page: MapServer counts otherwise than it pages where it reprojects.
    small = (651300.0, 6861200.0, 651600.0, 6861500.0)
    true = pyogrio.read_dataframe(VALMONT / "BDTOPO.gpkg", layer="troncon_de_route", bbox=small).to_crs(crs)
    window = tuple(true.total_bounds)
    got = features(
        client(tmp_path)[0], FeatureService(f"{server.url}/wfs", 500), "troncon_de_route", crs=crs,
        bounds=window, key="cleabs",  # type: ignore[arg-type]
    )  # fmt: skip
    asked = next(path for path in server.asked if "BBOX" in path)
    first = float(re.search(r"BBOX=([-\d.]+)", asked)[1])  # type: ignore[index]
    assert first == pytest.approx(window[1], rel=1e-6)
    assert not got.notes
    assert set(true["cleabs"]) <= set(got.frame["cleabs"])


def fewer(_: str, answer: Any) -> Any:
    status, headers, body = answer
    table = json.loads(body)
    table["features"] = []
    return status, headers, json.dumps(table).encode()


def twice(_: str, answer: Any) -> Any:
    status, headers, body = answer
    table = json.loads(body)
    table["features"][1] = table["features"][0]
    return status, headers, json.dumps(table).encode()


def elsewhere(_: str, answer: Any) -> Any:
    status, headers, body = answer
    return status, headers, re.sub(rb"\[ (65\d{4}|686\d{4})", b"[ 100", body)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (fewer, "received of"),
        (twice, "received twice"),
        (elsewhere, "not within the box"),
        (lambda *_: (404, {}, b"no such path"), "HTTP 404. no such path"),
        (lambda *_: (200, {}, b"<ExceptionReport><Text>broken</Text></ExceptionReport>"), "broken"),
    ],
)
def test_what_does_not_add_up_is_refused(server: Server, tmp_path: Path, fault: Fault, said: str) -> None:
    server.wrong("STARTINDEX", fault, times=100)
    with pytest.raises(FetchError, match=said):
        roads(server, tmp_path)


@pytest.mark.parametrize("kind", ["wfs", "hubeau"])
@pytest.mark.parametrize("lasting", [False, True])
def test_a_service_updated_between_two_pages_is_asked_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, lasting: bool
) -> None:
    """What was kept is of two editions: it blocked every further try for a day."""
    asked: list[str] = []
    rows = [3]

    def opened(_: Client, url: str, __: object) -> Any:
        asked.append(url)
        start = re.search(r"(?:STARTINDEX|cursor)=(\d+)", url)
        first = int(start[1]) if start else 0
        here = [{"properties": {"cleabs": f"a{k}"}, "geometry": None} for k in range(first, rows[0])][:2]
        table: dict[str, Any] = {"features": here, "count": rows[0], "data": here}
        table["next"] = f"{url}&cursor=2" if first == 0 and rows[0] > 2 else None
        body = json.dumps(table)
        if "hits" in url or "Describe" in url:
            body = f'<x numberMatched="{rows[0]}"/>' if "hits" in url else "<schema/>"
        elif first == 0:
            rows[0] = 2  # updated: the third feature is gone
        elif lasting:
            rows[0] = 3
        response = io.BytesIO(body.encode())
        response.headers, response.status = {}, 200  # type: ignore[attr-defined]
        return response

    def rows_got() -> int:
        ours = client(tmp_path)[0]
        if kind == "hubeau":
            return len(_all(ours, "http://x/hubeau?size=2"))
        service = FeatureService("http://x/wfs", 2)
        return len(features(ours, service, "T", crs="EPSG:2154", key="cleabs").frame)

    monkeypatch.setattr(Client, "_open", opened)
    if lasting:
        for times in (2, 1):  # anew and once more; of what was kept, and anew
            asked.clear()
            with pytest.raises(FetchError, match="received of"):
                rows_got()
            assert sum("STARTINDEX=0" in url or url.endswith("size=2") for url in asked) == times
    else:
        assert rows_got() == 2
        asked.clear()
        assert rows_got() == 2
        assert not asked  # kept, of one edition


def test_a_territory_that_check_accepts(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services = server.services(tmp_path)
    folder = tmp_path / "valmont"
    main(
        ["fetch", "--bbox", "651000,6861000,652000,6862000", str(folder), "--services", str(services),
         "--zone", "FXX"]
    )  # fmt: skip
    main(["check", str(folder)])
    said = capsys.readouterr().out
    assert "Valmont, received on" in said
    territory = Territory.open(folder)
    assert territory.check() == []
    # The terrain is that of the files, on its own lattice, to float32.
    terrain = territory.layer("terrain")
    assert terrain.data.shape == (201, 201)  # centres on round coordinates, both edges
    ours = Territory.open(VALMONT).mosaic()
    i0 = round((ours.y_north - terrain.data.attrs["transform"][5]) / 5.0)
    j0 = round((terrain.data.attrs["transform"][2] - ours.x_west) / 5.0)
    np.testing.assert_array_equal(
        terrain.data.values, ours.window(i0, j0, 201, 201).astype(np.float32).astype(float)
    )
    assert len(territory.layer("buildings").data) > 100
    assert territory.layer("land_cover").provenance.licence == "CC0"
    # Gauges: mm and l/s to SI, NGF by the zero of the gauge, what has no value left out.
    levels = (folder / "gauges" / "H999999101_H.csv").read_text().splitlines()
    flows = (folder / "gauges" / "H999999101_Q.csv").read_text().splitlines()
    assert levels[:2] == ["time,level_m", "2026-11-20T00:00:00Z,206.700"]
    assert flows[:2] == ["time,discharge_m3_s", "2026-11-20T00:00:00Z,35.400"]
    assert len(levels) == len(flows) == 1 + 7
    assert "gauge_H999999101" in territory.place_names
    # What it comes from.
    sources = json.loads((folder / "sources.json").read_text())["sources"]
    for row in sources:
        assert row["sha256"] == sha256(folder / row["file"])
        assert row["licence"]
        assert row["edition"]
    assert {row["file"] for row in sources} >= {"BDTOPO.gpkg", "OCSGE.gpkg"}
    assert not (folder / ".fetch").exists()


def test_a_commune(server: Server, tmp_path: Path) -> None:
    services = Services.read(
        server.services(tmp_path, terrain={"layer": "relief", "cell": 25.0}, features=[])
    )
    file = fetch(
        tmp_path / "town", commune="95999", services=services, only=("terrain",),
        client_options={"sleep": lambda _: None, "per_second": 1e9},
    )  # fmt: skip
    territory = Territory.open(file)
    true = pyogrio.read_dataframe(VALMONT / "BDTOPO.gpkg", layer="commune")
    outline = territory.place("commune").geometry
    assert outline.symmetric_difference(true.union_all()).area < 1.0
    assert territory.name == true["nom_officiel"].iloc[0]
    assert territory.extent is not None
    np.testing.assert_allclose(territory.extent, true.total_bounds, atol=1.0)
    with pytest.raises(InputError, match="a commune that the service knows"):
        fetch(tmp_path / "nowhere", commune="99999", services=services, client_options={"per_second": 1e9})


def test_a_fetch_that_is_cut_goes_on(server: Server, tmp_path: Path) -> None:
    services = Services.read(server.services(tmp_path))
    options: dict[str, Any] = {"sleep": lambda _: None, "per_second": 1e9, "attempts": 2}
    server.wrong("batiment", no_line, times=2)
    folder = tmp_path / "valmont"
    with pytest.raises(FetchError):
        fetch(folder, bbox=BOX, services=services, client_options=options)
    assert not (folder / "territory.toml").exists()
    before = server.asked[:]
    fetch(folder, bbox=BOX, services=services, client_options=options)
    again = server.asked[len(before) :]
    assert not any("GetMap" in path or "troncon_de_route" in path for path in again)
    assert Territory.open(folder).check() == []
    with pytest.raises(InputError, match="a folder with something else in it"):
        fetch(folder, bbox=BOX, services=services)


def test_a_fetch_cut_and_run_again_with_another_cell_has_one_terrain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles of the first try stayed beside those of the second: two cell sizes, an unusable territory."""
    left = [2]  # tiles before the cut

    def block_of(_: Client, __: object, block: Block, cell: float, crs: str) -> np.ndarray:
        (tmp_path / "t" / ".fetch").mkdir(exist_ok=True)  # as a client with answers leaves it
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return np.full((block.ny, block.nx), 5.0, np.float32)

    monkeypatch.setattr("twin.fetch.wms.fetch_block", block_of)
    arguments: dict[str, Any] = {"bbox": BOX, "only": ("terrain",), "services": Services.read()}
    arguments["services"] = arguments["services"].model_copy(
        update={"wms": arguments["services"].wms.model_copy(update={"block": 400})}
    )
    (tmp_path / "t").mkdir()
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path / "t", **arguments)
    left[0] = -1
    own = tmp_path / "t/terrain/bathymetry.tif"
    own.write_bytes(b"not ours")
    file = fetch(tmp_path / "t", cell=5.0, **arguments)
    assert own.read_bytes() == b"not ours"
    own.unlink()
    assert Territory.open(file).mosaic().shape == (201, 201)


def test_dams_drawn_as_surfaces_are_structures_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """IGN draws dams as lines or as surfaces: both go to one file and are one layer."""
    x, y = BOX[:2]
    drawn = {
        "BDTOPO_V3:construction_lineaire": ("Pont", shapely.LineString([(x, y, 1.0), (x + 50, y, 1.0)])),
        "BDTOPO_V3:construction_surfacique": ("Barrage", shapely.box(x, y, x + 50, y + 10)),
    }

    def answered(_: Client, __: FeatureService, name: str, **keys: Any) -> Fetched:
        nature, shape = drawn[name]
        rows = {"cleabs": [f"X{len(name)}"], "nature": [nature], "geometry": [shape]}
        return Fetched(gpd.GeoDataFrame(rows, crs=keys["crs"]), 1, 1)

    monkeypatch.setattr("twin.fetch.wfs.features", answered)
    file = fetch(tmp_path / "t", bbox=BOX, services=Services.read(), only=("structures",))
    layer = Territory.open(file).layer("structures").data
    assert sorted(layer["nature"]) == ["Barrage", "Pont"]
    # Where there are surfaces only, they are the layer; and a line alone is named as before.
    for name in list(drawn):
        monkeypatch.setattr(
            "twin.fetch.wfs.features",
            lambda *a, name=name, **k: answered(*a, **k) if a[2] == name else Fetched(a[0], 0, 0),
        )
        file = fetch(tmp_path / name[-9:], bbox=BOX, services=Services.read(), only=("structures",))
        assert Territory.open(file).layer("structures").data["nature"].tolist() == [drawn[name][0]]


def squares() -> gpd.GeoDataFrame:
    """Squares of 200 m on INSEE's lattice around Valmont, half of them lived in."""
    x0, y0, x1, y1 = (
        gpd.GeoSeries([shapely.box(*BOX).buffer(600)], crs="EPSG:2154").to_crs("EPSG:3035")[0].bounds
    )
    rng = np.random.default_rng(7)
    rows = [
        {
            "idcar_200m": f"CRS3035RES200mN{y}E{x}", "i_est_200": "0",
            "ind": round(float(rng.uniform(1, 300)), 1), "lcog_geo": "95999",
            "geometry": shapely.box(x, y, x + 200, y + 200),
        }
        for x in range(int(x0 // 200) * 200, int(x1), 200)
        for y in range(int(y0 // 200) * 200, int(y1), 200)
        if rng.random() < 0.5
    ]  # fmt: skip
    return gpd.GeoDataFrame(rows, crs="EPSG:3035")


@pytest.fixture
def deliveries(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """INSEE's squares as they come (a GeoPackage in a 7z in a zip) and OCS GE in a 7z, at the server."""
    py7zr = pytest.importorskip("py7zr")
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path / "cache"))
    room = tmp_path / "delivery"
    room.mkdir()
    squares().to_file(room / "squares.gpkg", layer="carreaux_200m_met", driver="GPKG")
    for archive, file, member in (
        ("squares.7z", room / "squares.gpkg", "carreaux_200m_met.gpkg"),
        ("OCSGE.7z", VALMONT / "OCSGE.gpkg", "OCS-GE/1_DONNEES/OCS_GE_D999.gpkg"),
    ):
        with py7zr.SevenZipFile(room / archive, "w") as packed:
            packed.write(file, member)
    with zipfile.ZipFile(room / "squares.zip", "w") as outer:
        outer.write(room / "squares.7z", "squares.7z")
    server.files |= {name: (room / name).read_bytes() for name in ("squares.zip", "OCSGE.7z")}
    return server


def files_of(server: Server) -> list[dict[str, Any]]:
    common = {"product": "P", "licence": "L"}
    return [
        {"source": f"{server.url}/files/squares.zip", "file": "FILOSOFI.gpkg", "layer": "carreaux_200m",
         "serves": "population", "members": {"FXX": "carreaux_200m_met.gpkg"}, **common},
        {"source": f"{server.url}/files/OCSGE.7z", "file": "OCSGE.gpkg", "layer": "occupation_du_sol",
         "serves": "land_cover", **common},
    ]  # fmt: skip


def test_population_and_land_cover_come_as_files(deliveries: Server, tmp_path: Path) -> None:
    """Downloaded once, unpacked, clipped; after a cut from the byte where it stopped."""
    table = deliveries.services(tmp_path, features=[], files=files_of(deliveries))
    options: dict[str, Any] = {"sleep": lambda _: None, "per_second": 1e9}
    arguments: dict[str, Any] = {
        "services": Services.read(table), "only": ("population", "land_cover"), "client_options": options,
    }  # fmt: skip
    asked: list[str] = []

    def cut(path: str, answer: Any) -> Any:
        asked.append(path)
        return cut_short(path, answer)

    deliveries.wrong("squares.zip", cut, times=2)
    file = fetch(tmp_path / "t", bbox=BOX, **arguments)
    assert len(asked) == 2
    territory = Territory.open(file)
    assert territory.check() == []
    people = territory.layer("population").data
    true = squares().to_crs("EPSG:2154")
    true = true[true.intersects(shapely.box(*BOX))]
    assert len(people) == len(true) > 10
    assert people["ind"].sum() == pytest.approx(true["ind"].sum())
    cover = territory.layer("land_cover").data
    assert cover["manning"].notna().all()
    sources = {row["file"]: row for row in json.loads((file.parent / "sources.json").read_text())["sources"]}
    # The whole file, byte for byte, though it came in three pieces.
    whole = hashlib.sha256(deliveries.files["squares.zip"]).hexdigest()
    assert sources["FILOSOFI.gpkg"]["source_sha256"] == whole
    before = len(deliveries.asked)
    fetch(tmp_path / "again", bbox=BOX, **arguments)
    assert not any("/files/" in path for path in deliveries.asked[before:])
    # Where INSEE has no squares, that is said.
    far = fetch(tmp_path / "far", bbox=BOX, zone="MYT", **arguments)
    assert any("nothing" in note for note in json.loads((far.parent / "sources.json").read_text())["notes"])


def test_a_file_that_changed_meanwhile_is_begun_anew(deliveries: Server, tmp_path: Path) -> None:
    ours, _ = client(tmp_path, attempts=1)
    url = f"{deliveries.url}/files/squares.zip"
    deliveries.wrong("squares.zip", cut_short)
    with pytest.raises(FetchError):
        ours.download(url, tmp_path / "d")
    deliveries.files["squares.zip"] += b"another edition"
    assert ours.download(url, tmp_path / "d").read_bytes() == deliveries.files["squares.zip"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"<html>moved</html>", "not the archive"), (b"PK\x05\x06" + bytes(18), "carreaux_200m_met")],
)
def test_what_is_no_delivery_is_refused(
    deliveries: Server, tmp_path: Path, content: bytes, said: str
) -> None:
    deliveries.files["squares.zip"] = content
    table = deliveries.services(tmp_path, features=[], files=files_of(deliveries))
    with pytest.raises(FetchError, match=said):
        fetch(
            tmp_path / "t", bbox=BOX, services=Services.read(table), only=("population",),
            client_options={"per_second": 1e9},
        )  # fmt: skip


def test_what_a_commune_gets_by_default() -> None:
    """Every layer that the issue names has a source of its own, in each zone."""
    services = Services.read()
    for zone in services.zones:
        served = [t.serves for t in services.features if not t.zones or zone in t.zones]
        assert served.count("land_cover") == 1, zone
        assert {"roads", "turn_bans", "buildings", "hydrography", "structures", "facilities"} <= set(served)
    kept = {table.type_name.partition(":")[2] for table in services.features}
    assert kept >= {
        "troncon_de_route", "non_communication", "batiment", "troncon_hydrographique",
        "surface_hydrographique", "cours_d_eau", "construction_lineaire", "construction_surfacique",
        "ligne_orographique", "zone_d_activite_ou_d_interet", "equipement_de_transport", "commune",
    }  # fmt: skip
    (squares,) = [table for table in services.files if table.serves == "population"]
    assert set(squares.members) == {"FXX", "COR", "MTQ", "REU"}


@pytest.mark.real
def test_every_name_is_in_the_list_of_the_services(real_data: Path) -> None:
    """IGN's own list (2026-02-06) has each type and layer that is asked for, as published."""
    table = real_data / "fr/services/geopf_services_2026-02-06.csv"
    rows = [line.split(";") for line in table.read_text("latin-1").splitlines()]
    published = {(row[0], row[4]) for row in rows if len(row) > 7 and row[7] == "Publie"}
    services = Services.read()
    for feature in services.features:
        assert ("WFS", feature.type_name) in published, feature.type_name
    assert ("WMS Raster", services.terrain.layer) in published
    assert ("WFS", services.commune.type_name) in published


@pytest.mark.parametrize("form", ["image/geotiff", "image/x-bil;bits=32"])
def test_heights_in_both_formats(server: Server, tmp_path: Path, form: str) -> None:
    services = Services.read(server.services(tmp_path, wms={"format": form, "block": 64}, features=[]))
    file = fetch(
        tmp_path / "t", bbox=(651000.0, 6861000.0, 651500.0, 6861500.0), services=services,
        only=("terrain",), client_options={"per_second": 1e9},
    )  # fmt: skip
    assert len(list((file.parent / "terrain").glob("*.tif"))) >= 4
    data = Territory.open(file).layer("terrain").data
    assert data.shape == (101, 101)
    assert data.attrs["nodata_cells"] == 0
    assert (float(data.x[0]), float(data.y[0])) == (651000.0, 6861500.0)


def test_a_picture_is_no_terrain(server: Server, tmp_path: Path) -> None:
    services = Services.read(server.services(tmp_path, wms={"format": "image/tiff"}, features=[]))
    with pytest.raises(FetchError, match="a picture"):
        fetch(
            tmp_path / "t", bbox=BOX, services=services, only=("terrain",), client_options={"per_second": 1e9}
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "one of the two"),
        ({"commune": "76217", "bbox": BOX}, "one of the two"),
        ({"commune": "Dieppe"}, "INSEE code of five"),
        ({"bbox": (1.0, 0.0, 0.0, 1.0)}, "xmin < xmax"),
        ({"bbox": BOX, "zone": "ATLANTIS"}, "FXX"),
    ],
)
def test_arguments_that_mean_nothing(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fetch(tmp_path / "t", **arguments)


def test_services_are_data(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[wfs]\nurl = "http://localhost/wfs"\n')
    services = Services.read(file)
    assert services.wfs.url == "http://localhost/wfs"
    assert services.wfs.count == 5000
    assert services.zone_of("2A004") == "COR"
    assert services.zone_of("97411") == "REU"
    assert services.zone_of("76217") == "FXX"
    file.write_text("[wfs]\nurll = 1\n")
    with pytest.raises(InputError, match="urll"):
        Services.read(file)
