"""A Zarr store as zarr itself would write it, to the byte, in a fifth of its time.

zarr (3.1) passes every chunk and every attribute to a loop in another thread, which costs 1 to 2 ms each time
however small they are, and the solver waits. To import it takes a tenth of a second before the first step,
too: it is imported by who reads, and for arrays that others compressed.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numcodecs import Blosc, blosc, zstd
from numpy.typing import NDArray

from twin.files import write_all

if TYPE_CHECKING:
    import zarr

Array = NDArray[Any]

_COUNT = "frames"
_MARK = 987_654_321_987_654_321  # stands where the count is written
_SHUFFLES = {"noshuffle": Blosc.NOSHUFFLE, "shuffle": Blosc.SHUFFLE, "bitshuffle": Blosc.BITSHUFFLE}


def create_group(path: Path, attributes: Mapping[str, Any]) -> None:
    """Make a group and its folder."""
    path.mkdir(parents=True, exist_ok=True)
    _describe(path, {"attributes": dict(attributes), "zarr_format": 3, "node_type": "group"})


def create_map(
    path: Path,
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: str,
    names: Sequence[str],
    attributes: Mapping[str, Any],
) -> None:
    """Make an array of fields, whose last axes are those of a map; it holds nothing yet (NaN; 0 of integers).

    Parameters
    ----------
    names : of its axes.
    """
    # As small as zarr's own choice and 1.6 times as fast on fields of a flood: the solver waits meanwhile.
    how = {"typesize": np.dtype(dtype).itemsize, "cname": "lz4", "clevel": 5, "shuffle": "shuffle"}
    compressor = {"name": "blosc", "configuration": {**how, "blocksize": 0}}
    fill = "NaN" if np.dtype(dtype).kind == "f" else 0
    # All chunks of an array in one folder: two folders for each image take longer to make than its file.
    _create_array(path, shape, chunks, dtype, fill, compressor, ".", attributes, names)


def create_index(path: Path, values: Array, attributes: Mapping[str, Any]) -> None:
    """Make an array that tells the places on the axis of its name, values (n,), and fill it; of shape () one
    that has attributes only.
    """
    compressor = {"name": "zstd", "configuration": {"level": 0, "checksum": False}}
    chunks = [max(n, 1) for n in values.shape]
    fill, names = values.dtype.type(0).item(), [path.name] if values.ndim else None
    _create_array(path, values.shape, chunks, values.dtype.name, fill, compressor, "/", attributes, names)
    if values.ndim:
        write_map(path, values)


def _create_array(
    path: Path,
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: str,
    fill: Any,
    compressor: dict[str, Any],
    separator: str,
    attributes: Mapping[str, Any],
    names: Sequence[str] | None,
) -> None:
    order = {"configuration": {"endian": "little"}} if np.dtype(dtype).itemsize > 1 else {}
    path.mkdir(exist_ok=True)
    _describe(
        path,
        {
            "shape": list(shape),
            "data_type": dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunks)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": separator}},
            "fill_value": fill,
            "codecs": [{"name": "bytes"} | order, compressor],
            "attributes": dict(attributes),
            **({} if names is None else {"dimension_names": list(names)}),
            "zarr_format": 3,
            "node_type": "array",
            "storage_transformers": [],
        },
    )


def _describe(path: Path, about: dict[str, Any]) -> None:
    _put(f"{path}/zarr.json", json.dumps(about, indent=2).encode())


def write_map(path: Path, values: Array) -> None:
    """Write an array of the store whole."""
    about = json.loads((path / "zarr.json").read_bytes())
    if list(values.shape) != about["shape"]:
        raise ValueError(f"a map of shape {values.shape} into {path} {about['shape']}")
    compress = _compressor(about)
    if compress is None:
        _zarr_array(path)[...] = values
    else:
        _Chunks(path, about, 0, compress).write((), values)


def _zarr_array(path: Path, mode: Literal["r", "r+"] = "r+") -> zarr.Array[Any]:
    import zarr

    return zarr.open_array(path, mode=mode)


class FrameStore:
    """A Zarr group of arrays whose first axis is time, chunked by instants, written one after the other.

    The attribute `frames` of the group counts those that are complete. It and each chunk appear whole or not
    at all, so that the store can be read at any moment.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = (path / "zarr.json").read_bytes()
        about = json.loads(text)
        self._count = int(about["attributes"][_COUNT])
        about["attributes"][_COUNT] = _MARK
        # As zarr writes it, around the count.
        self._head, self._tail = json.dumps(about, indent=2).encode().split(str(_MARK).encode())
        self._as_read = text != self._text(self._count)  # by another version of zarr
        self._series: dict[str, _Series] = {}

    def write(self, frame: int, fields: Mapping[str, Array]) -> None:
        """Write arrays of the shape of one instant, by name, into place `frame` of the time axis."""
        for name, values in fields.items():
            if name not in self._series:
                self._series[name] = _Series(self.path / name)
            self._series[name].write(frame, values)
        self._set_count(frame + 1)

    def cut(self, time: float) -> None:
        """Count only the frames up to `time` (in the unit of the time axis); the others are written again."""
        times = np.asarray(_zarr_array(self.path / "time", "r")[...], dtype=float)
        self._set_count(min(self._count, int(np.sum(times <= time))))

    def _set_count(self, count: int) -> None:
        """Write the group's metadata with another count. Digits are written in their places, one by one: each
        is there or not, and ext4 takes ten times as long to put a file in the place of another. Between two
        of them fewer frames are told than the larger count: the last digits come first where it grows.
        """
        old, new = str(self._count), str(count)
        path = f"{self.path}/zarr.json"
        if self._as_read or len(old) != len(new):
            _put(path, self._text(count))
        else:
            places = range(len(new)) if count < self._count else range(len(new) - 1, -1, -1)
            for k in places:
                if new[k] != old[k]:
                    write_all(path, 0, new[k].encode(), len(self._head) + k)
        self._count, self._as_read = count, False

    def _text(self, count: int) -> bytes:
        return self._head + str(count).encode() + self._tail


class _Series:
    """One array (time, …) of the store."""

    def __init__(self, path: Path) -> None:
        about = json.loads((path / "zarr.json").read_bytes())
        self._path, self._shape = path, tuple(about["shape"])
        compress = _compressor(about)
        if about["chunk_grid"]["configuration"]["chunk_shape"][0] != 1:
            compress = None
        self._chunks = None if compress is None else _Chunks(path, about, 1, compress)
        self._array = _zarr_array(path) if compress is None else None

    def write(self, frame: int, values: Array) -> None:
        if values.shape != self._shape[1:] or not 0 <= frame < self._shape[0]:
            raise ValueError(f"frame {frame} of shape {values.shape} into {self._path} {self._shape}")
        if self._chunks is not None:
            self._chunks.write((str(frame),), values)
        elif self._array is not None:
            self._array[frame] = values.astype(self._array.dtype)


class _Chunks:
    """The files of what an array holds at one place of its first axes; of all that it holds without such."""

    def __init__(
        self, path: Path, about: dict[str, Any], axes: int, compress: Callable[[Array], bytes]
    ) -> None:
        self._folder, self._compress = str(path), compress
        self._separator = about["chunk_key_encoding"]["configuration"]["separator"]
        self._fill = math.nan if about["fill_value"] == "NaN" else about["fill_value"]
        shape, chunk = about["shape"][axes:], about["chunk_grid"]["configuration"]["chunk_shape"][axes:]
        self._chunk = np.empty(chunk, dtype=np.dtype(about["data_type"]).newbyteorder("<"))
        """What is compressed: a whole chunk, filled up where the map ends in it."""
        self._parts = []
        for place in itertools.product(*(range(-(-n // step)) for n, step in zip(shape, chunk, strict=True))):
            part = tuple(
                slice(k * step, min((k + 1) * step, n))
                for k, step, n in zip(place, chunk, shape, strict=True)
            )
            inside = tuple(slice(0, s.stop - s.start) for s in part)
            self._parts.append((tuple(map(str, place)), part, inside))

    def write(self, first: tuple[str, ...], values: Array) -> None:
        # A map that is one whole chunk of the right type is compressed where it lies.
        is_chunk = (
            values.shape == self._chunk.shape
            and values.dtype == self._chunk.dtype
            and values.flags.c_contiguous
        )
        for place, part, inside in self._parts:
            chunk = values
            if not is_chunk:
                chunk = self._chunk
                if chunk[inside].shape != chunk.shape:
                    chunk.fill(self._fill)
                np.copyto(chunk[inside], values[part], casting="unsafe")
            path = f"{self._folder}/{self._separator.join(('c', *first, *place))}"
            if _is_only(chunk, self._fill):
                Path(path).unlink(missing_ok=True)  # as zarr does: what is not there is the fill value
            else:
                _put(path, self._compress(chunk))


def _compressor(about: dict[str, Any]) -> Callable[[Array], bytes] | None:
    """What compresses the array, without the questions that the classes of numcodecs ask of each; None where
    zarr has to do it (a run folder of others).
    """
    steps = {codec["name"]: codec.get("configuration", {}) for codec in about["codecs"]}
    if (
        list(steps) not in (["bytes", "blosc"], ["bytes", "zstd"])
        or steps["bytes"].get("endian", "little") != "little"
        or about["chunk_key_encoding"]["name"] != "default"
    ):
        return None
    if "zstd" in steps:
        return partial(zstd.compress, **steps["zstd"])
    how = steps["blosc"]
    return partial(
        blosc.compress,
        cname=how["cname"].encode(),
        clevel=how["clevel"],
        shuffle=_SHUFFLES[how["shuffle"]],
        blocksize=how["blocksize"],
        typesize=how["typesize"],
    )


def _is_only(values: Array, fill: Any) -> bool:
    first = values.item(0)  # mostly this one tells
    if fill != fill:
        return first != first and bool(np.isnan(values).all())
    return bool(first == fill and (values == fill).all())


def _put(path: str, content: bytes) -> None:
    """Write a file whole: under a temporary name in its folder, then renamed. `twin.files.replacing` makes a
    folder for the temporary name, which takes longer than writing a small file; so does a new name each time.
    """
    folder = path.rpartition("/")[0]
    temporary, how = f"{folder}/.partial", os.O_CREAT | os.O_TRUNC
    try:
        try:
            write_all(temporary, how, content)
        except FileNotFoundError:
            Path(folder).mkdir(parents=True)
            write_all(temporary, how, content)
    except OSError:
        Path(temporary).unlink(missing_ok=True)  # a full disk gets its room back
        raise
    os.replace(temporary, path)  # noqa: PTH105 - no Path objects here: they take as long as the rename
