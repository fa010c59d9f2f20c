from __future__ import annotations

import csv
import errno
import io
import math
import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from geopandas.testing import assert_geodataframe_equal

from twin.errors import InputError, TwinError
from twin.files import replacing
from twin.grid import Grid
from twin.results import Result
from twin.run_writer import RunWriter

GRID = Grid("EPSG:2154", 650_000.0, 6_863_000.0, 10.0, 5, 7)


def writer(path: Path) -> RunWriter:
    return RunWriter.create(
        path,
        scenario_toml='name = "x"\n',
        grid=GRID,
        times=[0.0, 60.0, 120.0],
        start="2026-10-12T06:00:00+02:00",
        variables=["water_depth"],
        static={"bed_elevation": np.full(GRID.shape, 3.0)},
    )


def test_only_frames_that_were_written_are_read(tmp_path: Path) -> None:
    run = writer(tmp_path / "run")
    run.record(0, {"water_depth": np.zeros(GRID.shape)})
    run.record(1, {"water_depth": np.ones(GRID.shape)})
    result = Result.open(tmp_path / "run")
    assert result.times.tolist() == [0.0, 60.0]
    assert result.grid == GRID
    run.cut(59.0)
    assert Result.open(tmp_path / "run").times.tolist() == [0.0]


def test_numbers_read_back_exactly_and_half_lines_are_cut(tmp_path: Path) -> None:
    run = writer(tmp_path / "run")
    value = 0.1 + 0.2
    run.append("gauges.csv", [(0.0, "a", value, 1.0, 0.0, 0.0), (60.0, "a", 1 / 3, 1.0, 0.0, 0.0)])
    with (tmp_path / "run" / "gauges.csv").open("a") as file:
        file.write("12")  # the power went out here
    assert Result.open(tmp_path / "run").gauges["water_level_m"].iloc[0] == value
    run.cut(30.0)
    gauges = Result.open(tmp_path / "run").gauges
    assert gauges["time_s"].tolist() == [0.0]


def test_tables_are_written_as_the_module_csv_writes_them(tmp_path: Path) -> None:
    names = ["", "pont", "Pont d'Ourville", 'le "bief"', "aval, gauche", "deux\nlignes", "x\r", " bord ", ";"]
    values = [0.1 + 0.2, -0.0, 1e300, 5e-324, 1e16, 3, -7, True, np.float64(1 / 3), np.float32(0.1)]
    rows = [(*values[k:], name, *values[:k]) for k, name in enumerate(names)]
    run = writer(tmp_path / "run")
    run.append("gauges.csv", rows)
    run.append("gauges.csv", ((t, "a", math.nan, np.float32("nan"), None, math.inf) for t in (0.0, 1.5)))
    expected = io.StringIO()
    as_is = [[float(x) if isinstance(x, np.floating) else x for x in row] for row in rows]
    csv.writer(expected, lineterminator="\n").writerows(
        [*as_is, *([t, "a", "", "", "", "inf"] for t in (0.0, 1.5))]
    )
    text = (tmp_path / "run" / "gauges.csv").read_bytes().decode()
    assert text.partition("\n")[2] == expected.getvalue()


def test_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        Result.open(tmp_path / "none")
    with pytest.raises(InputError, match=r"scenario\.toml"):
        Result.open(tmp_path)


def test_parts_that_a_run_lacks_are_none(tmp_path: Path) -> None:
    run = RunWriter.create(
        tmp_path / "run", scenario_toml='name = "x"\n', grid=None, times=[0.0], start="2026", variables=[]
    )
    result = Result.open(run.path)
    assert (result.buildings, result.roads, result.links, result.link_series) == (None, None, None, None)
    assert not result.has_fields
    with pytest.raises(TwinError, match="no terrain"):
        _ = result.fields


def test_a_refusal_that_names_no_file_or_a_temporary_one_names_ours(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    with pytest.raises(OSError, match="room") as error, replacing(target):
        raise OSError(errno.ENOSPC, "no room")
    assert error.value.filename == str(target)
    with pytest.raises(OSError, match="room") as error, replacing(target):
        raise OSError(errno.ENOSPC, "no room", "/elsewhere")
    assert error.value.filename == "/elsewhere"
    with pytest.raises(OSError, match="room") as error, replacing(target) as temporary:
        raise OSError(errno.ENOSPC, "no room", str(temporary / "inside"))
    assert error.value.filename == str(target / "inside")
    assert not list(tmp_path.iterdir())


def test_features_on_a_full_disk_are_told_as_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    run = writer(tmp_path / "run")
    places = gpd.GeoDataFrame({"name": ["a"]}, geometry=gpd.points_from_xy([1.0], [2.0]), crs=GRID.crs)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="room") as error:
            run.write_features("features/places.gpkg", places)
    assert error.value.filename == str(run.path / "features" / "places.gpkg")
    assert not list((run.path / "features").iterdir())
    run.write_features("features/places.gpkg", places)
    assert_geodataframe_equal(gpd.read_file(run.path / "features" / "places.gpkg"), places)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_log_that_finds_no_room_stops_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = writer(tmp_path / "run")
    (run.path / "log.txt").unlink()
    (run.path / "log.txt").symlink_to("/dev/full")
    run.logger().error("the disk is full")
    run.close()
    assert capfd.readouterr().err == ""
    (run.path / "log.txt").unlink()
    run.logger().error("there is room")
    run.logger().error("%d", "no number")
    run.close()
    assert "there is room" in (run.path / "log.txt").read_text()
    assert "Logging error" in capfd.readouterr().err, "a mistake of ours is told"


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
