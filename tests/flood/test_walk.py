"""What a planner writes in files, against figures worked out by hand: a flat field of 600 m × 300 m at 100 m,
a dike across its middle.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from twin.results import Result
from twin.simulation import run

X, Y = 650_000.0, 6_860_300.0
TERRITORY = f"""name = "Field"
crs = "EPSG:2154"
[layers.terrain]
source = "terrain.tif"
[places]
mid = {{ line = [[{X + 300}, {Y}], [{X + 300}, {Y - 300}]] }}
[places.left]
polygon = [[{X}, {Y - 300}], [{X + 300}, {Y - 300}], [{X + 300}, {Y}], [{X}, {Y}]]
[places.right]
polygon = [[{X + 300}, {Y - 300}], [{X + 600}, {Y - 300}], [{X + 600}, {Y}], [{X + 300}, {Y}]]
"""
HEAD = """name = "walk"
territory = "territory.toml"
start = 2026-01-01T00:00:00Z
solvers = ["flood"]
"""
ENDS = f"from = [{X + 285}, {Y - 155}]\nto = [{X + 315}, {Y - 155}]\n"


def _event(kind: str, text: str) -> str:
    return f'[[events]]\nkind = "{kind}"\n{text}\n'


def _pool(place: str, level: float) -> str:
    return _event("initial_water", f'at = "{place}"\nlevel = {level}')


def _dike(crest: float) -> str:
    return f'[[measures]]\nkind = "dike"\nalong = "mid"\ncrest = {crest}\n'


def _run(folder: Path, duration: str, body: str) -> Result:
    with rasterio.open(
        folder / "terrain.tif", "w", driver="GTiff", height=30, width=60, count=1, dtype="float64",
        crs="EPSG:2154", transform=from_origin(X, Y, 10.0, 10.0),
    ) as raster:  # fmt: skip
        raster.write(np.full((30, 60), 100.0), 1)
    (folder / "territory.toml").write_text(TERRITORY, encoding="utf-8")
    file = folder / "scenario.toml"
    outputs = '[outputs]\nevery = "1 min"\n'
    file.write_text(f'{HEAD}duration = "{duration}"\n{body}{outputs}', encoding="utf-8")
    return run(file, folder / "run")


def _summary(result: Result) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = json.loads((result.path / "flood/summary.json").read_text())
    return found


def test_gridded_rain_and_hydrographs_bring_their_water(tmp_path: Path) -> None:
    """Two fields of 10 min over four quarters; a triangle of 6 m³/s in 15 min, 1 m³/s throughout, and 2 m³/s
    until 2 min, then up to 4 m³/s at 12 min.
    """
    values = np.array([[[36.0, 72.0], [0.0, 18.0]], [[12.0, 0.0], [60.0, 6.0]]])  # mm/h
    times = np.array(["2026-01-01T00:00", "2026-01-01T00:10"], dtype="datetime64[ns]")
    places = {"time": times, "x": [X + 150, X + 450], "y": [Y - 75, Y - 225]}
    field = xr.Dataset({"rain": (("time", "y", "x"), values, {"units": "mm/h"})}, coords=places)
    field.to_netcdf(tmp_path / "radar.nc", engine="h5netcdf")
    hydrographs = {
        "a": "time_s,discharge_m3_s\n0,0\n300,6\n900,0\n",
        "b": "time_s;discharge_l_s\n0;1000\n600;1000,0\n",
        "c": "time,discharge_m3_s\n2026-01-01T00:02:00Z,2\n2026-01-01T00:12:00Z,4\n",
    }
    body = _event("rainfall", 'field = "radar.nc"\ncrs = "EPSG:2154"')
    for k, (name, table) in enumerate(hydrographs.items()):
        (tmp_path / f"{name}.csv").write_text(table, encoding="utf-8")
        body += _event("inflow", f'at = [{X + 105 + 100 * k}, {Y - 105}]\ndischarge = "{name}.csv"')
    books = _run(tmp_path, "15 min", body).diagnostics.iloc[-1]
    quarters = values[0].sum() / 4.0 / 6.0 + values[1].sum() / 4.0 / 12.0  # mm
    assert books["rain_m3"] == pytest.approx(quarters * 180.0, rel=1e-12)
    assert books["inflow_m3"] == pytest.approx(2700.0 + 900.0 + (240.0 + 1800.0 + 720.0), rel=1e-12)


@pytest.mark.parametrize(("tail", "length", "manning"), [(100.2, 30.0, 0.012), (102.0, 60.0, 0.024)])
def test_a_culvert_is_controlled_by_its_inlet_or_its_outlet(
    tmp_path: Path, tail: float, length: float, manning: float
) -> None:
    """A pipe of 1 m from 100.5 to 100.2 m under 2.5 m: HDS-5 (2012), equation A.2 and the energy of a full
    barrel; the first case is held by the inlet (2.94 m³/s), the second by the outlet (1.44 m³/s).
    """
    area, slope = math.pi / 4.0, 0.3 / length
    by_inlet = area / 1.811 * math.sqrt((2.5 - 0.67 + 0.5 * slope) / 0.0398)
    head = 103.0 - max(tail, 100.2 + 0.95)  # (critical depth + D) / 2 where the outlet is free
    losses = 1.0 + 0.5 + 19.62 * manning**2 * length / 0.25 ** (4.0 / 3.0)
    by_outlet = area * math.sqrt(19.62 * head / losses)
    assert (by_inlet < by_outlet) == (tail < 101.0)
    pipe = f"diameter = 1\nlength = {length}\nmanning = {manning}\ninlet_level = 100.5\noutlet_level = 100.2"
    body = _pool("left", 103.0) + _pool("right", tail) + _event("culvert", ENDS + pipe) + _dike(110.0)
    passed = _summary(_run(tmp_path, "1 min", body))["structures"][0]["volume_m3"] / 60.0
    assert passed == pytest.approx(min(by_inlet, by_outlet), rel=0.01)


def test_a_gate_opens_by_the_clock(tmp_path: Path) -> None:
    """2 m × 0.5 m under 2 m for two minutes, 0.8 A √(2 g ΔH)."""
    gate = ENDS + 'width = 2\nheight = 0.5\nsill = 100\nstart = "1 min"\nend = "3 min"'
    body = _pool("left", 104.0) + _pool("right", 102.0) + _event("gate", gate) + _dike(110.0)
    passed = _summary(_run(tmp_path, "4 min", body))["structures"][0]["volume_m3"]
    assert passed == pytest.approx(0.8 * math.sqrt(19.62 * 2.0) * 120.0, rel=0.01)


@pytest.mark.parametrize("rule", ["level = 103.2", "overtopping = 0.05"])
def test_a_breach_begins_when_its_pool_is_full(tmp_path: Path, rule: str) -> None:
    """90 m³/s into 9 ha: 103.2 m after 200 s; 5 cm over the crest of 103.3 m when the 300 m of broad crest
    have let their part go (1.70 H^1.5).
    """
    wanted, over = (200.0, 0.0) if rule.startswith("level") else (300.0, 0.0)
    while rule.startswith("over") and over < 0.05:
        over += 0.1 * (90.0 - 1.70 * 300.0 * over**1.5) / 90_000.0
        wanted += 0.1
    breach = f'at = "mid"\nwidth = 20\nduration = "2 min"\n{rule}'
    body = _pool("left", 103.0) + _event("inflow", 'at = "left"\ndischarge = 90')
    found = _summary(_run(tmp_path, "7 min", body + _event("breach", breach) + _dike(103.3)))["breaches"][0]
    assert found["began_s"] == pytest.approx(wanted, rel=0.01)
