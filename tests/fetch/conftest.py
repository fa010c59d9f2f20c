"""MapServer (Debian) as CGI on loopback, serving Valmont, with faults on demand; and pages of Hub'Eau."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyogrio
import pytest

from tests.conftest import missing

VALMONT = Path(__file__).parents[2] / "data" / "valmont"
SERVED = {
    "BDTOPO.gpkg": [
        "troncon_de_route", "non_communication", "batiment", "troncon_hydrographique",
        "surface_hydrographique",
        "construction_lineaire", "ligne_orographique", "zone_d_activite_ou_d_interet", "commune",
    ],
    "OCSGE.gpkg": ["occupation_du_sol"],
}  # fmt: skip
MOST = 150
KINDS = {"Point": "POINT", "LineString": "LINE", "Polygon": "POLYGON"}
MAP = """
MAP
  NAME "valmont"
  EXTENT 649000 6859000 655000 6864000
  SIZE 500 500
  MAXSIZE 4096
  UNITS METERS
  PROJECTION "init=epsg:2154" END
  WEB METADATA
    "ows_title" "Valmont"
    "ows_enable_request" "*"
    "ows_srs" "EPSG:2154 EPSG:4326 EPSG:3035"
    "ows_onlineresource" "http://127.0.0.1/"
    "wfs_getfeature_formatlist" "geojson"
  END END
  OUTPUTFORMAT
    NAME "geojson" DRIVER "OGR/GEOJSON" MIMETYPE "application/json"
    FORMATOPTION "STORAGE=memory" FORMATOPTION "FORM=SIMPLE" FORMATOPTION "LCO:COORDINATE_PRECISION=9"
  END
  OUTPUTFORMAT
    NAME "bil" DRIVER "GDAL/EHdr" MIMETYPE "image/x-bil;bits=32" IMAGEMODE FLOAT32
    FORMATOPTION "NULLVALUE=-99999"
  END
  OUTPUTFORMAT
    NAME "tiff" DRIVER "GDAL/GTiff" MIMETYPE "image/geotiff" IMAGEMODE FLOAT32
    FORMATOPTION "NULLVALUE=-99999"
  END
  OUTPUTFORMAT
    NAME "picture" DRIVER "GDAL/GTiff" MIMETYPE "image/tiff" IMAGEMODE BYTE
  END
  LAYER
    NAME "relief" TYPE RASTER STATUS ON DATA "{terrain}"
    PROJECTION "init=epsg:2154" END
    METADATA "ows_title" "relief" "wms_enable_request" "*" END
  END
{layers}
END
"""
LAYER = """  LAYER
    NAME "{layer}" TYPE {kind} STATUS ON
    CONNECTIONTYPE OGR CONNECTION "{file}" DATA "{layer}"
    PROJECTION "init=epsg:2154" END
    METADATA
      "ows_title" "{layer}" "gml_include_items" "all" "gml_types" "auto" "wfs_enable_request" "*"
      "wfs_use_default_extent_for_getfeature" "false" "ows_geomtype" "{shape}"
    END
  END
"""

# What goes wrong: given the path and the answer (status, headers, body), another answer; None: cut the line.
Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[[str, Answer], Answer | None]


@dataclass
class Server:
    """The address of the services, what was asked, and what is to go wrong (one entry a matching request)."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    hubeau: Callable[[str, dict[str, list[str]]], Answer] | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    def wrong(self, where: str, fault: Fault, times: int = 1) -> None:
        """From now on, the next `times` requests with `where` in their address go wrong."""
        self.faults += [(where, fault)] * times

    def services(self, folder: Path, **tables: dict[str, Any]) -> Path:
        """A services.toml that names this server."""
        import tomli_w

        features = [
            {
                "type_name": layer, "file": file, "layer": layer, "serves": serves, "product": "Valmont",
                "licence": "CC0", "key": key,
            }
            for layer, file, serves, key in (
                ("commune", "BDTOPO.gpkg", "districts", "cleabs"),
                ("troncon_de_route", "BDTOPO.gpkg", "roads", "cleabs"),
                ("non_communication", "BDTOPO.gpkg", "turn_bans", "cleabs"),
                ("batiment", "BDTOPO.gpkg", "buildings", "cleabs"),
                ("troncon_hydrographique", "BDTOPO.gpkg", "hydrography", "cleabs"),
                ("construction_lineaire", "BDTOPO.gpkg", "structures", "cleabs"),
                ("occupation_du_sol", "OCSGE.gpkg", "land_cover", "id"),
            )
        ]  # fmt: skip
        table: dict[str, Any] = {
            "wfs": {"url": f"{self.url}/wfs", "count": 200, "per_second": 1e6},
            "wms": {"url": f"{self.url}/wms", "block": 300, "per_second": 1e6},
            "hubeau": {"url": f"{self.url}/hubeau", "size": 3, "per_second": 1e6},
            "commune": {"type_name": "commune"},
            "terrain": {"layer": "relief", "cell": 5.0},
            "features": features,
            "files": [],  # INSEE is not here
        }
        for name, content in tables.items():
            table[name] = table[name] | content if isinstance(content, dict) else content
        path = folder / "services.toml"
        path.write_text(tomli_w.dumps(table), encoding="utf-8")
        return path


def _capped(query: str) -> str:
    """At most `MOST` features a request, as the Géoplateforme has its 5000."""
    return re.sub(r"COUNT=(\d+)", lambda found: f"COUNT={min(MOST, int(found[1]))}", query)


def _handler(server: Server, environment: dict[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            server.asked.append(self.path)
            answer: Answer | None = self._answer()
            for k, (where, fault) in enumerate(server.faults):
                if where in self.path:
                    del server.faults[k]
                    answer = fault(self.path, answer)  # type: ignore[arg-type]
                    break
            self.close_connection = True
            if answer is None:
                self.connection.close()
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body)), "Connection": "close"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the client had enough: what a time-out is
                self.wfile.write(body)

        def _answer(self) -> Answer:
            parts = urlsplit(self.path)
            if parts.path.startswith("/hubeau"):
                assert server.hubeau is not None
                return server.hubeau(parts.path, parse_qs(parts.query))
            if parts.path.startswith("/files/"):
                return self._file(server.files[parts.path.removeprefix("/files/")])
            done = subprocess.run(
                ["mapserv"],
                env=environment | {"REQUEST_METHOD": "GET", "QUERY_STRING": _capped(parts.query)},
                capture_output=True,
                check=False,
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            headers = dict(
                line.split(": ", 1) for line in head.decode("latin-1").splitlines() if ": " in line
            )
            status = int(headers.pop("Status", "200").split()[0])
            return status, headers, body

        def _file(self, content: bytes) -> Answer:
            """A file, or what follows a byte of it (RFC 9110, 14.2)."""
            headers = {"ETag": f'"{len(content)}"'}
            begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if begin is None or self.headers.get("If-Range") != headers["ETag"]:
                return 200, headers, content
            first = int(begin[1])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            return 206, headers, content[first:]

    return Handler


@pytest.fixture(scope="session")
def mapserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MapServer with Valmont; 150 features a request at most, whatever is asked."""
    if shutil.which("mapserv") is None:
        missing("mapserv is not installed (apt-get install mapserver-bin)")
    folder = tmp_path_factory.mktemp("mapserver")
    layers = []
    for file, names in SERVED.items():
        for name in names:
            kind = pyogrio.read_info(VALMONT / file, layer=name)["geometry_type"]
            flat = kind.split()[0].removeprefix("Multi")
            shape = kind.split()[0] + ("25D" if kind.endswith("Z") else "")
            layers.append(LAYER.format(layer=name, kind=KINDS[flat], file=VALMONT / file, shape=shape))
    terrain = next((VALMONT / "RGEALTI").glob("*.asc"))
    (folder / "valmont.map").write_text(MAP.format(terrain=terrain, layers="".join(layers)))
    (folder / "mapserver.conf").write_text("CONFIG\n  ENV\n  END\nEND\n")
    environment = os.environ | {
        "MS_MAPFILE": str(folder / "valmont.map"), "MAPSERVER_CONFIG_FILE": str(folder / "mapserver.conf"),
    }  # fmt: skip
    server = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server, environment)) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        http.shutdown()
        thread.join()


@pytest.fixture
def server(mapserver: Server) -> Server:
    """The server, with nothing asked and nothing wrong yet."""
    mapserver.asked.clear()
    mapserver.faults.clear()
    mapserver.files.clear()
    mapserver.hubeau = Gauges(mapserver.url)
    return mapserver


# --- what goes wrong ---


def too_fast(_: str, answer: Answer) -> Answer:
    """429 with a Retry-After of 5 s, as the Géoplateforme."""
    return 429, {"Retry-After": "5", "Content-Type": "text/plain"}, b"Too Many Requests"


def silent(_: str, answer: Answer) -> Answer:
    """Nothing for longer than the client waits."""
    time.sleep(5.0)
    return answer


def cut_short(_: str, answer: Answer) -> Answer:
    """Half of the bytes that the header announces."""
    status, headers, body = answer
    return status, headers | {"Content-Length": str(len(body))}, body[: len(body) // 2]


def half_a_page(_: str, answer: Answer) -> Answer:
    """Half of the bytes, and a header that agrees (a proxy that gave up)."""
    status, headers, body = answer
    return status, headers, body[: len(body) // 2]


def no_line(_: str, answer: Answer) -> None:
    """The connection is closed without a word."""


def out_of_order(_: str, answer: Answer) -> Answer:
    """The server is out of order."""
    return 503, {}, b"Service Unavailable"


def axes_exchanged(_: str, answer: Answer) -> Answer:
    """GeoJSON whose coordinates are y, x."""
    status, headers, body = answer
    table = json.loads(body)

    def turn(node: Any) -> Any:
        if isinstance(node, list) and node and isinstance(node[0], (int, float)):
            return [node[1], node[0], *node[2:]]
        return [turn(child) for child in node]

    for feature in table["features"]:
        feature["geometry"]["coordinates"] = turn(feature["geometry"]["coordinates"])
    return status, headers, json.dumps(table).encode()


# --- Hub'Eau ---


@dataclass
class Gauges:
    """Pages in the shape of Hub'Eau's API hydrométrie v2: HTTP 206 while there are more, cursor in `next`."""

    base: str = ""

    def __call__(self, path: str, query: dict[str, list[str]]) -> Answer:
        size = int(query["size"][0])
        if path.endswith("/referentiel/stations"):
            rows: list[dict[str, Any]] = [
                {
                    "code_site": "H9999991", "code_station": "H999999101",
                    "libelle_station": "L'Aube à Valmont [Vieux Pont]", "longitude_station": 2.3429,
                    "latitude_station": 48.8506, "altitude_ref_alti_station": 205.5,
                    "code_systeme_alti_site": 3, "en_service": True,
                },
                {
                    "code_site": "H9999992", "code_station": "H999999201", "libelle_station": "fermée",
                    "longitude_station": 2.343, "latitude_station": 48.85, "altitude_ref_alti_station": None,
                    "code_systeme_alti_site": 31, "en_service": False,
                },
            ]  # fmt: skip
        else:
            quantity = query["grandeur_hydro"][0]
            rows = [
                {
                    "code_site": "H9999991", "code_station": "H999999101", "grandeur_hydro": quantity,
                    "date_obs": f"2026-11-20T{hour:02d}:00:00Z",
                    "resultat_obs": {"H": 1200.0, "Q": 35400.0}[quantity] + 10.0 * hour,
                    "code_qualification_obs": 16, "libelle_qualification_obs": "Non qualifiée",
                }
                for hour in range(8)
            ]  # fmt: skip
            rows[3]["resultat_obs"] = None
        first = int(query.get("cursor", ["0"])[0])
        page = rows[first : first + size]
        more = first + size < len(rows)
        asked = "&".join(f"{k}={v[0]}" for k, v in query.items() if k != "cursor")
        following = f"{self.base}{path}?{asked}&cursor={first + size}" if more else None
        table = {"count": len(rows), "first": None, "prev": None, "next": following, "data": page}
        status = 206 if more else 200
        return status, {"Content-Type": "application/json"}, json.dumps(table).encode()
