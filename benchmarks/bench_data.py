"""Territory data at scale: terrain mosaics against gdalwarp, roads and buildings onto a grid.

    python benchmarks/bench_data.py terrain [--tiles 400] [--format tif|asc] [--peer]
    python benchmarks/bench_data.py survey [--tiles 400] [--format tif|asc]
    python benchmarks/bench_data.py features [--roads 100000] [--buildings 200000]
    python benchmarks/bench_data.py report --out benchmarks/DATA.md

`terrain`: tiles of 1000 × 1000 cells of 1 m, mosaicked and averaged to 5 m; seconds and the peak of the
resident memory. `--peer` does the same work with `gdalwarp -r average` on a VRT of the same tiles (Debian's
gdal-bin). `survey`: the pass of `twin check` over every cell of the same tiles. `features`: a BD TOPO of that
size in a GeoPackage → canonical frames → covered cells and the road network on a grid of 10⁷ cells of 5 m.
`report` runs all of them, each in a process of its own, and writes the page. Files are made once under
`--folder`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

TILE = 1000
X, Y = 600_000.0, 6_800_000.0
CRS = "EPSG:2154"


def heights(i: int, j: int) -> np.ndarray:
    """One tile, with the two decimals of RGE ALTI."""
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32)
    x, y = x + TILE * j, y + TILE * i
    z = 150 + 40 * np.sin(x / 900) * np.cos(y / 1300) + 0.5 * np.sin(x / 3.7) * np.sin(y / 2.9)
    return np.round(z, 2)


def make_terrain(folder: Path, tiles: int, kind: str) -> Path:
    """√tiles × √tiles tiles, named as IGN's."""
    import rasterio
    from rasterio.transform import from_origin

    side = round(tiles**0.5)
    out = folder / f"terrain_{side}_{kind}"
    out.mkdir(parents=True, exist_ok=True)
    for i in range(side):
        for j in range(side):
            west, north = X + TILE * j - 0.5, Y - TILE * i + 0.5
            corner = f"{(west + 0.5) / 1000:04.0f}_{(north - 0.5) / 1000:04.0f}"
            path = out / f"RGEALTI_FXX_{corner}_MNT_LAMB93_IGN69.{kind}"
            if path.exists():
                continue
            z = heights(i, j)
            if kind == "asc":
                head = (
                    f"ncols        {TILE}\nnrows        {TILE}\nxllcorner    {west:.12f}\n"
                    f"yllcorner    {north - TILE:.12f}\ncellsize     1.000000000000\n"
                    "NODATA_value  -99999.00\n"
                )
                with path.open("w") as file:
                    file.write(head)
                    for row in z:
                        file.write(" " + " ".join([f"{v:.2f}" for v in row.tolist()]) + "\n")
            else:
                with rasterio.open(
                    path, "w", driver="GTiff", height=TILE, width=TILE, count=1, dtype="float32", crs=CRS,
                    transform=from_origin(west, north, 1.0, 1.0), nodata=-99999.0,
                ) as file:  # fmt: skip
                    file.write(z, 1)
    return out


def terrain(folder: Path, tiles: int, kind: str, peer: bool) -> None:
    """Time ours, and the peer's."""
    source = make_terrain(folder, tiles, kind)
    if peer:
        vrt, out = folder / "peer.vrt", folder / "peer.tif"
        out.unlink(missing_ok=True)
        begun = time.perf_counter()
        names = folder / "names.txt"
        names.write_text("\n".join(str(p) for p in sorted(source.glob(f"*.{kind}"))))
        subprocess.run(
            ["gdalbuildvrt", "-q", "-a_srs", CRS, "-input_file_list", names, "-overwrite", vrt], check=True
        )
        subprocess.run(
            ["gdalwarp", "-q", "-tr", "5", "5", "-r", "average", "-overwrite", "-wm", "500", vrt, out],
            check=True,
        )
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f"gdalwarp {kind}: {time.perf_counter() - begun:.1f} s, {memory:.2f} GB")
        return
    import pyproj

    from twin.grid import Grid
    from twin.layers import LayerSource
    from twin.layers.lattice import resample
    from twin.layers.raster import open_mosaic
    from twin.layers.reading import Reading

    # What is compiled once.
    warm = np.zeros((2, 2), dtype=np.float32)
    from twin.layers import kernels

    kernels.lay(warm, np.zeros(1), 1.0, 0.0, np.zeros((2, 2)), np.zeros((2, 2), dtype=bool))
    begun = time.perf_counter()
    reading = Reading("terrain", LayerSource(source=str(source)), folder, pyproj.CRS(CRS), CRS, None)
    mosaic, _ = open_mosaic(reading)
    opened = time.perf_counter() - begun
    side = round(tiles**0.5) * TILE // 5
    grid = Grid(CRS, mosaic.x_west, mosaic.y_north, 5.0, side, side)
    out = resample(mosaic, grid)
    seconds = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    assert np.isfinite(out).all()
    assert abs(out[0, 0] - heights(0, 0)[:5, :5].mean(dtype=float)) < 1e-6
    print(f"twin {kind}: {seconds:.1f} s ({opened:.1f} s headers), {memory:.2f} GB")


def surveyed(folder: Path, tiles: int, kind: str) -> None:
    """Time the pass of `twin check` over every cell."""
    import pyproj

    from twin.layers import LayerSource
    from twin.layers.raster import open_mosaic
    from twin.layers.reading import Reading
    from twin.layers.survey import survey

    source = make_terrain(folder, tiles, kind)
    begun = time.perf_counter()
    reading = Reading("terrain", LayerSource(source=str(source)), folder, pyproj.CRS(CRS), CRS, None)
    mosaic, _ = open_mosaic(reading)
    found = survey(mosaic)
    seconds = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    assert found.cells == tiles * TILE * TILE
    assert found.empty == 0
    print(f"survey {kind}: {seconds:.1f} s, {memory:.2f} GB")


def report(folder: Path, out: Path) -> None:
    """All of them, each in a process of its own so that its memory is its own; writes the page."""
    make_terrain(folder, 400, "tif")
    make_features(folder, 100_000, 200_000)
    lines = []
    for arguments in (["terrain"], ["terrain", "--peer"], ["survey"], ["features"]):
        command = [sys.executable, "-m", "benchmarks.bench_data", *arguments, "--folder", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        lines.append(done.stdout.strip())
        print(lines[-1])
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    load = ", ".join(f"{v:.1f}" for v in os.getloadavg())
    threads = os.environ.get("NUMBA_NUM_THREADS", "all")
    head = (
        f"# Territory data at scale\n\nWritten by `python -m benchmarks.bench_data report` on {date.today()}"
        f" at {commit}, load {load} on {os.cpu_count()} cores, NUMBA_NUM_THREADS={threads}: seconds of the"
        " wall, peak resident memory.\nWanted: 400 tiles of 1000 × 1000 cells of 1 m to 5 m in no more than"
        " twice the time of `gdalwarp`, under 1 GB; roads and buildings under 60 s.\n\n"
    )
    out.write_text(head + "".join(f"- {line}\n" for line in lines), encoding="utf-8")


def make_features(folder: Path, roads: int, buildings: int) -> Path:
    """A synthetic BD TOPO on 17.6 × 14.2 km: a warped street grid with heights, blocks of houses."""
    import geopandas as gpd
    import pandas as pd
    import pyogrio
    import shapely

    path = folder / f"bdtopo_{roads}_{buildings}.gpkg"
    if path.exists():
        return path
    random = np.random.default_rng(5)
    side = int((roads / 2) ** 0.5) + 1
    gx, gy = np.meshgrid(np.linspace(0, 17_500, side), np.linspace(0, 14_000, side))
    gx = gx + 20 * np.sin(gy / 300) + random.normal(0, 3, gx.shape)
    gy = gy + 20 * np.sin(gx / 400)
    z = 100 + gx / 500
    a = np.concatenate(
        [np.stack([gx, gy, z], -1)[:, :-1].reshape(-1, 3), np.stack([gx, gy, z], -1)[:-1].reshape(-1, 3)]
    )
    b = np.concatenate(
        [np.stack([gx, gy, z], -1)[:, 1:].reshape(-1, 3), np.stack([gx, gy, z], -1)[1:].reshape(-1, 3)]
    )
    a, b = a[:roads], b[:roads]
    t = np.linspace(0, 1, 9)[None, :, None]
    bend = np.stack([np.zeros(9), 2 * np.sin(np.pi * np.linspace(0, 1, 9)), np.zeros(9)], -1)[None]
    xyz = a[:, None] * (1 - t) + b[:, None] * t + bend + np.array([X, Y - 14_100, 0.0])
    n = len(xyz)
    lines = shapely.linestrings(xyz)
    frame = gpd.GeoDataFrame(
        pd.DataFrame(
            {
                "cleabs": [f"TRONROUT{k:016d}" for k in range(n)],
                "nature": np.where(random.random(n) < 0.1, "Sentier", "Route à 1 chaussée"),
                "nom_collaboratif_gauche": [f"RUE N° {k % 5000}" for k in range(n)],
                "importance": random.integers(1, 7, n).astype(str),
                "fictif": False,
                "position_par_rapport_au_sol": np.where(random.random(n) < 0.01, "1", "0"),
                "etat_de_l_objet": "En service",
                "nombre_de_voies": random.integers(1, 4, n),
                "largeur_de_chaussee": random.uniform(3, 12, n).round(1),
                "sens_de_circulation": np.where(random.random(n) < 0.2, "Sens direct", "Double sens"),
                "vitesse_moyenne_vl": random.integers(20, 110, n),
                "acces_vehicule_leger": "Libre",
            }
        ),
        geometry=lines,
        crs=CRS,
    )  # fmt: skip
    pyogrio.write_dataframe(frame, path, layer="troncon_de_route", driver="GPKG")
    m = buildings
    cx, cy = random.uniform(20, 17_480, m), random.uniform(20, 13_980, m)
    w, h = random.uniform(6, 16, m), random.uniform(6, 14, m)
    angle = random.uniform(0, np.pi, m)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [0.3, 1], [0.3, 0.6], [-1, 0.6], [-1, -1]]) / 2
    local = corners[None] * np.stack([w, h], -1)[:, None]
    turn = np.stack(
        [np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], -2
    )
    xy = np.einsum("mij,mkj->mki", turn, local) + np.stack([X + cx, Y - 14_100 + cy], -1)[:, None]
    houses = gpd.GeoDataFrame(
        {
            "cleabs": [f"BATIMENT{k:016d}" for k in range(m)],
            "nature": "Indifférenciée",
            "usage_1": random.choice(["Résidentiel", "Annexe", "Commercial et services"], m),
            "construction_legere": random.random(m) < 0.05,
            "etat_de_l_objet": "En service",
            "nombre_de_logements": random.integers(0, 6, m),
            "nombre_d_etages": random.integers(0, 5, m),
            "hauteur": np.where(random.random(m) < 0.2, np.nan, random.uniform(2.5, 20, m).round(1)),
            "altitude_minimale_sol": 100 + cx / 500,
        },
        geometry=shapely.polygons(xy),
        crs=CRS,
    )
    pyogrio.write_dataframe(houses, path, layer="batiment", driver="GPKG", promote_to_multi=True)
    return path


def features(folder: Path, roads: int, buildings: int) -> None:
    """Read both layers and put them on a grid of 10⁷ cells of 5 m; seconds of each part."""
    import xarray as xr

    from twin.grid import Grid
    from twin.gridding import DomainParameters, put_buildings
    from twin.layers import LayerSource, read_layer
    from twin.network import Network

    path = make_features(folder, roads, buildings)
    grid = Grid(CRS, X, Y, 5.0, 2840, 3525)
    ground = np.broadcast_to(100.0 + grid.x[None] / 1e5, grid.shape).copy()
    parts: dict[str, float] = {}
    last = begun = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        parts[name] = time.perf_counter() - last
        last = time.perf_counter()

    def layer(name: str, of: str):
        return read_layer(name, LayerSource(source=str(path), layer=of), root=folder, crs=CRS).data

    lines = layer("roads", "troncon_de_route")
    lap("read roads")
    houses = layer("buildings", "batiment")
    lap("read buildings")
    fields = put_buildings(grid, ground, 0.035, houses, DomainParameters())
    assert isinstance(fields, xr.Dataset)
    lap("buildings on the grid")
    network = Network.from_roads(lines, grid)
    lap("network and its cells")
    whole = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts.items())
    print(
        f"{len(lines):,} roads, {len(houses):,} buildings, {grid.size:,} cells: {whole:.1f} s ({told}), "
        f"{memory:.2f} GB; {len(network.link_from):,} links"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["terrain", "survey", "features", "report"])
    parser.add_argument("--tiles", type=int, default=400)
    parser.add_argument("--format", choices=["tif", "asc"], default="tif")
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--roads", type=int, default=100_000)
    parser.add_argument("--buildings", type=int, default=200_000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/DATA.md"))
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bench_data"))
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    if chosen.what == "terrain":
        terrain(chosen.folder, chosen.tiles, chosen.format, chosen.peer)
    elif chosen.what == "survey":
        surveyed(chosen.folder, chosen.tiles, chosen.format)
    elif chosen.what == "report":
        report(chosen.folder, chosen.out)
    else:
        features(chosen.folder, chosen.roads, chosen.buildings)


if __name__ == "__main__":
    main()
