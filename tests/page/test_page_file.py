"""The file itself, without a browser: what is in it and what is not."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import viz
from tests.page.valley import write_run
from twin.errors import InputError
from twin.results import Result
from viz.page_data import FRAMES_PER_CHUNK, View
from viz.page_features import measure_lines
from viz.page_observed import section_discharges


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8")
    )
    assert found
    return dict(json.loads(found.group(1)))


def test_policy_allows_exactly_what_is_inside(both: Path) -> None:
    text = both.read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert policy.group(1).startswith("default-src &#x27;none&#x27;")
    assert "unsafe" not in policy.group(1)
    for tag in ("script", "style"):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"sha256-{digest}" in policy.group(1)


def test_nothing_is_loaded_from_elsewhere(both: Path) -> None:
    text = both.read_text(encoding="utf-8")
    assert not re.search(r"<(link|img|iframe|object|embed)\b", text.split("<script", 1)[0])
    assert not re.search(r"""\b(src|href)=["']""", text.split("<script", 1)[0])


def test_licence_of_three_is_kept(both: Path) -> None:
    text = both.read_text(encoding="utf-8")
    assert "The MIT License" in text
    assert "three.js authors" in text


def test_names_never_become_html(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run", name="</script><script>alert(1)</script>", frames=2, nx=60, ny=50, traffic=False
    )
    text = viz.page(run, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in text
    assert "Mairie <b>" not in text
    assert data_of(tmp_path / "page.html")["scenarios"][0]["name"] == "</script><script>alert(1)</script>"


def test_takes_a_path_a_result_or_several(tmp_path: Path) -> None:
    small = write_run(tmp_path / "run", nx=40, ny=30, frames=2, buildings=False, roads=False, traffic=False)
    for given in (small, small.path, str(small.path), [small.path]):
        page = viz.page(given, tmp_path / "new" / "folder" / "page.html")
        assert page == tmp_path / "new" / "folder" / "page.html"
        assert len(data_of(page)["scenarios"]) == 1
    assert [p.name for p in page.parent.iterdir()] == ["page.html"]


def test_different_grids_are_refused(reference: Result, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", nx=40, ny=40, frames=1, traffic=False)
    with pytest.raises(InputError, match="grid"):
        viz.page([reference, other], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one result or more"):
        viz.page([], tmp_path / "page.html")


def greatest_at(page: Path, key: str) -> np.ndarray:
    """The largest depth of the series at each building or road of the first run of a page."""
    data, text = data_of(page), page.read_text(encoding="utf-8")
    scenario = data["scenarios"][0]
    found = re.search(rf'id="blob-{scenario[key]}">([^<]*)<', text)
    assert found
    delta = np.frombuffer(gzip.decompress(base64.b64decode(found.group(1))), dtype=np.uint8)
    codes = np.cumsum(delta.reshape(-1, len(scenario["times"])), axis=1, dtype=np.uint8)
    most: np.ndarray = np.asarray(data["curve"])[codes].max(axis=1)
    return most


def test_known_series_at_a_building_and_a_road(reference: Result, both: Path) -> None:
    for key, features in (("building_depth", reference.buildings), ("road_depth", reference.roads)):
        assert features is not None
        most = greatest_at(both, key)
        told = np.nan_to_num(features["max_water_depth"].to_numpy())
        assert (told > 0.5).sum() > 3
        shallow = told < 1.0
        assert np.abs(most - told)[shallow].max() <= 0.0151
        assert np.abs(most - told).max() <= data_of(both)["curve_errors"][1] + 1e-4


def test_things_of_a_subgrid_run_are_as_wet_as_its_figures_say(tmp_path: Path) -> None:
    """The fine terrain knows more of a building than its cells; plain runs are shown as their cells are."""
    found = {}
    for name in ("plain", "subgrid"):
        run = write_run(tmp_path / name, frames=3, traffic=False)
        if name == "subgrid":
            (run.path / "flood").mkdir(exist_ok=True)
            (run.path / "flood" / "fine.json").write_text("{}")
        for thing, share in (("buildings", 0.5), ("roads", 0.35)):
            path = run.path / "features" / f"{thing}.gpkg"
            frame = gpd.read_file(path)
            frame["max_water_depth"] *= share
            frame.loc[::7, "max_water_depth"] = np.nan
            frame.to_file(path, layer=thing, driver="GPKG")
        page = viz.page(Result.open(run.path), tmp_path / f"{name}.html")
        for key, thing in (("building_depth", "buildings"), ("road_depth", "roads")):
            told = np.nan_to_num(getattr(Result.open(run.path), thing)["max_water_depth"].to_numpy())
            found[name, thing] = greatest_at(page, key), told
    for thing, share in (("buildings", 0.5), ("roads", 0.35)):
        shown, told = found["subgrid", thing]
        of_cells, _ = found["plain", thing]
        shallow = told < 1.0
        assert (shallow & (told > 0.05)).sum() > 2
        np.testing.assert_allclose(shown[shallow], told[shallow], rtol=0, atol=0.0151)
        wet = shallow & (told > 0.05)
        np.testing.assert_allclose(share * of_cells[wet], told[wet], rtol=0, atol=0.0151)


def test_sections_and_dikes_of_several_parts_are_shown_whole() -> None:
    """Lines as QGIS keeps them: as parts, or several features of one name; the solver takes all of them."""
    west, east = shapely.LineString([(0, 0), (10, 0)]), shapely.LineString([(10, 0), (40, 0)])
    far = shapely.LineString([(100, 0), (105, 0)])
    places = gpd.GeoDataFrame(
        {
            "name": ["parts", "features", "features", "gap", "inside"],
            "label": ["Pont", "Quai", "Quai", "Deux bras", "Place"],
        },
        geometry=[
            shapely.MultiLineString([west, east]),
            west,
            east,
            shapely.MultiLineString([east, far]),
            shapely.box(0, 0, 1, 1),
        ],
        crs="EPSG:2154",
    )
    names = ["parts", "features", "gap", "inside", "nowhere"]
    table = pd.DataFrame({"section": names, "time_s": 60.0, "discharge_m3_s": 5.0})
    dikes = [{"kind": "dike", "along": name, "crest": 3.0} for name in names[:3]]
    run: Any = SimpleNamespace(places=places, sections=table, scenario_table={})
    found = section_discharges(run, (0.0, 0.0))
    assert [(s["label"], s["line"]) for s in found] == [
        ("Pont", [0.0, 0.0, 10.0, 0.0, 40.0, 0.0]),
        ("Quai", [0.0, 0.0, 10.0, 0.0, 40.0, 0.0]),
        ("Deux bras", [10.0, 0.0, 40.0, 0.0]),  # the name stands on the longer one
    ]
    drawn = measure_lines(run, {"measures": dikes}, (0.0, 0.0))
    assert [len(line["parts"]) for line in drawn] == [2, 2, 2]


def test_view_of_a_big_grid_is_coarser_and_says_so() -> None:
    from twin.grid import Grid

    whole = Grid("EPSG:2154", 0.0, 0.0, 5.0, 4000, 4000)
    river = View.of(Grid("EPSG:2154", 0.0, 0.0, 1.0, 200, 17_000))  # long: a card draws 8192 texels a side
    assert (river.factor, river.grid.nx) == (3, 5666)
    assert View.of(whole).factor == 2
    assert View.of(whole, samples=0.1 * 4000 * 4000 * 100).factor == 2  # a valley: a tenth is ever wet
    view = View.of(whole, samples=2 * 4000 * 4000 * 100)  # rain everywhere, two runs of a hundred frames
    assert view.factor == 3
    assert view.grid.cell == 15.0
    field = np.full((4000, 4000), np.nan)
    field[:3, :3] = 2.0
    field[:2, :2] = np.nan
    mean = view.mean(field)
    assert mean[0, 0] == 2.0
    assert np.isnan(mean[0, 1])


def test_million_cells_and_fifty_frames_stay_under_six_megabytes(tmp_path: Path) -> None:
    from scipy.ndimage import gaussian_filter

    from viz.encode import Blobs, DepthCurve, Tiles

    rng = np.random.default_rng(5)

    bed = gaussian_filter(rng.standard_normal((1000, 1000)), 30.0) * 90.0
    curve = DepthCurve.up_to(8.0)
    frames = np.stack(
        [
            curve.encode(np.clip(3.0 * np.exp(-(((k - 22) / 12) ** 2)) - bed - 1.0, 0.0, None)).ravel()
            for k in range(50)
        ]
    )
    tiles, blobs = Tiles.of(frames.any(axis=0).reshape(1000, 1000)), Blobs()
    tiles.chunks(frames[:, tiles.cells], FRAMES_PER_CHUNK, blobs)
    size = sum(map(len, blobs.texts))
    print(f"1000 × 1000 × 50: {size / 1e6:.2f} MB")
    assert size < 6e6


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    small = {"frames": 2, "nx": 60, "ny": 40, "traffic": False, "name": "Crue"}
    runs = [write_run(tmp_path / name, **small) for name in ("sans", "digue")]  # type: ignore[arg-type]
    data = data_of(viz.page(runs, tmp_path / "page.html"))
    assert [s["name"] for s in data["scenarios"]] == ["Crue (sans)", "Crue (digue)"]
    members = data_of(viz.page(runs, tmp_path / "all.html", ensemble=True))
    assert members["ensemble"]["members"] == ["Crue (sans)", "Crue (digue)"]
    assert members["scenarios"][0]["name"] in ("Crue (sans)", "Crue (digue)")
    far = write_run(tmp_path / "far" / "sans", **small)  # type: ignore[arg-type]
    data = data_of(viz.page([runs[0], far], tmp_path / "page.html"))
    assert [s["name"] for s in data["scenarios"]] == [f"Crue ({tmp_path.name}/sans)", "Crue (far/sans)"]


def test_layers_are_those_of_the_first_run_that_has_them(tmp_path: Path) -> None:
    bare = write_run(
        tmp_path / "bare", name="Sans", frames=3, buildings=False, roads=False, places=False, traffic=False
    )
    run = write_run(tmp_path / "run", name="Avec", frames=3)
    data = data_of(viz.page([bare, run], tmp_path / "page.html"))
    assert data["buildings"]["count"] == 300
    assert data["roads"]["count"] > 0
    assert "Hôpital" in [place["label"] for place in data["places"]]
    first, second = data["scenarios"]
    # The same water at the same houses, whichever run brought them.
    assert first["building_depth"] is not None
    assert second["building_depth"] is not None


def test_a_run_without_a_flood_is_told_to_need_one(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", frames=2, nx=60, ny=40)
    table = run.path / "scenario.toml"
    table.write_text(table.read_text().replace('["flood", "traffic"]', '["traffic"]'))
    shutil.rmtree(run.path / "fields.zarr")
    with pytest.raises(InputError, match="a run of a flood: the page shows water"):
        viz.page(Result.open(run.path), tmp_path / "page.html")
