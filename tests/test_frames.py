"""Stores written by `twin.frames` beside zarr's own writing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, GzipCodec

from twin.files import append_text
from twin.frames import FrameStore
from twin.grid import Grid
from twin.results import Result
from twin.run_writer import RunWriter

TIMES = [0.0, 60.0, 120.0]
START = "2026-10-12T06:00:00+02:00"
# Those of a run.
BLOSC = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")
ONE_FOLDER = {"name": "default", "separator": "."}


def store(
    path: Path, shape: tuple[int, ...], dtype: str, compressors: Any, names: Any = None, *,
    times: list[float] = TIMES,
) -> Path:  # fmt: skip
    group = zarr.create_group(path)
    group.attrs.update({"Conventions": "CF-1.8", "start": "é", "cell": 0.1, "frames": 0})
    time = group.create_array("time", shape=(len(times),), dtype="float64", dimension_names=("time",))
    time[...] = np.array(times)
    group.create_array(
        "values", shape=(len(times), *shape), chunks=(1, *(min(n, 16) for n in shape)), dtype=dtype,
        compressors=compressors, fill_value=np.nan if dtype.startswith("float") else 0,
        dimension_names=("time", *"yx"[: len(shape)]), chunk_key_encoding=names,
    )  # fmt: skip
    return path


def files(path: Path) -> dict[str, bytes]:
    """Contents, without the second that gzip puts into the head of a file (RFC 1952, 2.3: MTIME)."""
    found = {}
    for file in path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            gzip = content.startswith(b"\x1f\x8b\x08")
            found[str(file.relative_to(path))] = content[:4] + bytes(4) + content[8:] if gzip else content
    return found


def frames_of(shape: tuple[int, ...], dtype: str) -> list[NDArray[Any]]:
    """A map with a gradient, one with nothing in most chunks, one of fill values only."""
    rng = np.random.default_rng(3)
    full = (np.add.reduce(np.indices(shape)) % 200 + rng.random(shape)).astype(np.float64)
    fill = np.nan if dtype.startswith("float") else 0.0
    part = np.full(shape, fill)
    part[tuple(n // 2 for n in shape)] = -0.0 if dtype.startswith("float") else 3.0
    return [full, part, np.full(shape, fill)]


CASES = [
    *((shape, dtype, BLOSC)
      for shape in [(12, 16), (37, 50), (20,), (1,)] for dtype in ["float32", "float64", "uint8", "int32"]),
    ((37, 50), "float32", BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")),
    ((37, 50), "float32", BloscCodec(cname="lz4hc", clevel=9, shuffle="noshuffle", blocksize=256)),
    # zarr's own choice: runs of earlier versions can be resumed.
    ((37, 50), "float32", "auto"),
    ((37, 50), "float32", GzipCodec()),  # left to zarr
]  # fmt: skip


@pytest.mark.parametrize("names", [ONE_FOLDER, None], ids=["one folder", "folders"])
@pytest.mark.parametrize(("shape", "dtype", "compressors"), CASES)
def test_the_files_are_those_of_zarr_to_the_byte(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, compressors: Any, names: Any
) -> None:
    ours, theirs = (store(tmp_path / name, shape, dtype, compressors, names) for name in ("ours", "theirs"))
    writing, group = FrameStore(ours), zarr.open_group(theirs, mode="r+")
    array = group["values"]
    assert isinstance(array, zarr.Array)
    frames = frames_of(shape, dtype)
    # In order, then again in another one: chunks are replaced, or go where only fill values are left.
    for order in [(0, 1, 2), (1, 2, 0)]:
        for place, k in enumerate(order):
            writing.write(place, {"values": frames[k]})
            array[place] = frames[k].astype(dtype)
            group.attrs["frames"] = place + 1
        assert files(ours) == files(theirs)


def test_the_count_is_written_as_zarr_writes_it(tmp_path: Path) -> None:
    times = [float(t) for t in range(120)]
    ours, theirs = (store(tmp_path / n, (1,), "uint8", None, times=times) for n in ("ours", "theirs"))
    writing, group = FrameStore(ours), zarr.open_group(theirs, mode="r+")
    for count in (1, 2, 9, 10, 11, 19, 20, 99, 100, 101):  # a digit changes, two do, one more comes
        writing.write(count - 1, {})
        group.attrs["frames"] = count
        assert (ours / "zarr.json").read_bytes() == (theirs / "zarr.json").read_bytes()
    for time, count in ((99.0, 100), (98.9, 99), (500.0, 99), (7.5, 8), (-1.0, 0)):
        writing.cut(time)
        group.attrs["frames"] = count
        assert (ours / "zarr.json").read_bytes() == (theirs / "zarr.json").read_bytes()
    FrameStore(ours).write(0, {})  # by who opens it anew
    assert zarr.open_group(ours, mode="r").attrs["frames"] == 1


def test_metadata_laid_out_otherwise_is_written_anew(tmp_path: Path) -> None:
    path = store(tmp_path / "s", (1,), "uint8", None)
    about = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
    (path / "zarr.json").write_text(json.dumps(about), encoding="utf-8")
    writing = FrameStore(path)
    for count in (1, 2):
        writing.write(count - 1, {})
        about["attributes"]["frames"] = count
        assert json.loads((path / "zarr.json").read_text(encoding="utf-8")) == about


def test_a_map_of_another_shape_or_a_frame_past_the_end_is_refused(tmp_path: Path) -> None:
    writing = FrameStore(store(tmp_path / "s", (5, 6), "float32", BLOSC))
    with pytest.raises(ValueError, match="frame 3"):
        writing.write(3, {"values": np.ones((5, 6))})
    with pytest.raises(ValueError, match=r"shape \(6, 6\)"):
        writing.write(0, {"values": np.ones((6, 6))})
    assert zarr.open_group(tmp_path / "s", mode="r").attrs["frames"] == 0


def write_all_of(writing: FrameStore, frames: list[NDArray[Any]]) -> None:
    for k, values in enumerate(frames):
        writing.write(k, {"values": values})


def test_killed_at_any_moment_the_store_tells_whole_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies in each of the writes and before each of the renames of three frames."""
    frames = [np.full((20, 33), float(k + 1)) for k in range(3)]
    write, rename = os.write, os.replace
    each = 6 * 2 + 1  # six chunks are written and renamed, a digit of the count is written

    class Killed(BaseException):
        pass

    for last in [0, 1, 2, 11, 12, each, each + 1, 2 * each - 1, 2 * each, 3 * each - 2]:
        path = store(tmp_path / str(last), (20, 33), "float32", BLOSC)
        left = iter(range(last))

        def half(file: int, content: bytes, left: Any = left) -> int:
            if next(left, None) is None:
                write(file, content[: len(content) // 2])
                raise Killed
            return write(file, content)

        def stop(source: str, target: str, left: Any = left) -> None:
            if next(left, None) is None:
                raise Killed
            rename(source, target)

        writing = FrameStore(path)
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", half)
            patched.setattr(os, "replace", stop)
            with pytest.raises(Killed):
                write_all_of(writing, frames)
        found = xr.open_zarr(path, consolidated=False, chunks=None, decode_times=False)
        count = int(found.attrs["frames"])
        assert count == last // each
        for k in range(3):  # of the others some chunks are there, whole
            seen = found["values"][k].values
            assert ((seen == frames[k]) | np.isnan(seen)).all()
            assert k >= count or not np.isnan(seen).any()
        again = FrameStore(path)
        for k in range(count, 3):
            again.write(k, {"values": frames[k]})
        whole = xr.open_zarr(path, consolidated=False, chunks=None, decode_times=False)
        np.testing.assert_array_equal(whole["values"], np.stack(frames))
        assert not list(path.rglob("*.partial"))


@pytest.mark.parametrize(("old", "new", "told"), [(19, 20, 10), (99, 100, 99), (199, 200, 190), (20, 19, 10)])
def test_killed_between_two_digits_the_count_tells_none_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: int, new: int, told: int
) -> None:
    path = store(tmp_path / "s", (1,), "uint8", None, times=[float(t) for t in range(300)])
    FrameStore(path).write(old - 1, {})
    writing, write, left = FrameStore(path), os.write, iter([True])

    def once(file: int, content: bytes) -> int:
        if next(left, None) is None or len(content) > 1:
            raise KeyboardInterrupt
        return write(file, content)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", once)
        with pytest.raises(KeyboardInterrupt):
            writing.write(new - 1, {}) if new > old else writing.cut(new - 1.0)
    assert zarr.open_group(path, mode="r").attrs["frames"] == told
    again = FrameStore(path)
    again.cut(told - 1.0)
    again.write(new - 1, {})
    assert zarr.open_group(path, mode="r").attrs["frames"] == new


def test_a_disk_that_takes_a_part_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:3]))
    (tmp_path / "a").write_text("12")
    append_text(tmp_path / "a", "3456789é")
    monkeypatch.undo()
    assert (tmp_path / "a").read_text(encoding="utf-8") == "123456789é"


def test_a_run_folder_of_several_chunks_and_links_reads_back(tmp_path: Path) -> None:
    grid = Grid("EPSG:2154", 650_000.0, 6_863_000.0, 1.0, 1030, 1100)
    run = RunWriter.create(
        tmp_path / "run", scenario_toml='name = "x"\n', grid=grid, times=TIMES,
        start=START, variables=["water_depth"],
    )  # fmt: skip
    depth = np.random.default_rng(1).random(grid.shape)
    run.record(0, {"water_depth": depth})
    run.create_links(TIMES, 4, ["volume", "closed"], START)
    volume = np.array([1.0, np.nan, 2.5, 0.0])
    run.record_links(0, {"volume": volume, "closed": np.array([True, False, False, True])})
    result = Result.open(run.path)
    np.testing.assert_array_equal(result.fields["water_depth"][0], depth.astype(np.float32))
    series = result.link_series
    assert series is not None
    assert series.sizes["time"] == 1
    np.testing.assert_array_equal(series["volume"][0], volume.astype(series["volume"].dtype))
    assert series["closed"][0].values.tolist() == [1, 0, 0, 1]


def made_by_zarr(path: Path, like: Path) -> Path:
    """What zarr finds in a store, made again by zarr."""
    source, group = zarr.open_group(like, mode="r"), zarr.create_group(path)
    group.attrs.update(dict(source.attrs))
    for name, array in source.arrays():
        about = array.metadata
        group.create_array(
            name, shape=array.shape, chunks=array.chunks, dtype=array.dtype, fill_value=array.fill_value,
            compressors=array.compressors, chunk_key_encoding=about.chunk_key_encoding,
            dimension_names=about.dimension_names, attributes=dict(array.attrs),
        )[...] = array[...]  # fmt: skip
    return path


def test_the_stores_of_a_run_are_made_as_zarr_makes_them(tmp_path: Path) -> None:
    grid = Grid("EPSG:2154", 650_000.0, 6_863_000.0, 1.0, 1030, 40)
    ground = np.add.outer(np.arange(1030.0), np.arange(40.0))
    ground[:3, :3] = np.nan
    water = (ground > 500).astype(np.int8)
    static = {"ground_elevation": ground, "mapped_water": water, "roughness": np.full(grid.shape, np.nan)}
    run = RunWriter.create(
        tmp_path / "run", scenario_toml='name = "x"\n', grid=grid, times=TIMES, start=START,
        variables=["water_depth"], static=static,
    )  # fmt: skip
    highest = np.full(grid.shape, 2.5)
    for _ in range(2):  # written again at the end of a run that goes on
        run.record_run_fields({"max_water_depth": highest})
    run.create_links(TIMES, 4, ["volume", "closed"], START)
    with pytest.raises(ValueError, match=r"\(40, 1030\)"):
        run.record_run_fields({"max_water_depth": highest.T})
    for name in ("fields.zarr", "traffic/link_series.zarr"):
        theirs = made_by_zarr(tmp_path / "theirs" / name, run.path / name)
        assert files(run.path / name) == files(theirs)
    found = xr.open_zarr(run.path / "fields.zarr", consolidated=False, chunks=None, decode_times=False)
    assert found.sizes == {"time": 3, "y": 1030, "x": 40}
    for name, values in (*static.items(), ("max_water_depth", highest)):
        np.testing.assert_array_equal(found[name].values, values.astype(found[name].dtype))
    np.testing.assert_array_equal(found["x"], grid.x)
    np.testing.assert_array_equal(found["y"], grid.y)
    assert found["time"].values.tolist() == TIMES
    assert found["crs"].attrs["grid_mapping_name"] == "lambert_conformal_conic"
    assert np.isnan(found["water_depth"]).all()


def test_a_run_without_links_or_with_one_instant_reads_back(tmp_path: Path) -> None:
    """An axis of no place, and one whose only place is zarr's own filling: no file."""
    run = RunWriter(tmp_path / "run")
    run.create_links([0.0], 0, ["volume"], START)
    path = tmp_path / "run" / "traffic" / "link_series.zarr"
    assert files(path) == files(made_by_zarr(tmp_path / "theirs", path))
    found = xr.open_zarr(path, consolidated=False, chunks=None, decode_times=False)
    assert found.sizes == {"time": 1, "link": 0}
    assert found["time"].values.tolist() == [0.0]


def test_fields_over_the_run_go_into_what_others_made(tmp_path: Path) -> None:
    """A run folder whose arrays another version compressed otherwise."""
    run = RunWriter(tmp_path / "run")
    path = store(tmp_path / "run" / "fields.zarr", (5, 6), "float32", GzipCodec())
    group = zarr.open_group(path, mode="r+")
    group.create_array("max_water_depth", shape=(5, 6), dtype="float32", compressors=GzipCodec())
    run.record_run_fields({"max_water_depth": np.full((5, 6), 1.5)})
    array = zarr.open_array(path / "max_water_depth", mode="r")
    assert isinstance(array.compressors[0], GzipCodec)
    assert (np.asarray(array[...]) == 1.5).all()
