"""Frames of a Zarr store as zarr itself would write them, to the byte, in a fifth of its time.

zarr (3.1) passes every chunk and every attribute to a loop in another thread, which costs 1 to 2 ms each time
however small they are, and the solver waits. zarr still makes the arrays and reads them.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numcodecs import Blosc, blosc
from numpy.typing import NDArray

from twin.files import write_all

Array = NDArray[Any]

_COUNT = "frames"
_MARK = 987_654_321_987_654_321  # stands where the count is written
_SHUFFLES = {"noshuffle": Blosc.NOSHUFFLE, "shuffle": Blosc.SHUFFLE, "bitshuffle": Blosc.BITSHUFFLE}


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
        times = np.asarray(zarr.open_array(self.path / "time", mode="r")[...], dtype=float)
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
        self._folder = str(path)
        about = json.loads((path / "zarr.json").read_bytes())
        self._compress = _compressor(about)
        self._separator = about["chunk_key_encoding"]["configuration"]["separator"]
        self._array = zarr.open_array(path, mode="r+") if self._compress is None else None
        self._fill = math.nan if about["fill_value"] == "NaN" else about["fill_value"]
        self._shape = tuple(about["shape"])
        shape, chunk = self._shape[1:], about["chunk_grid"]["configuration"]["chunk_shape"][1:]
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

    def write(self, frame: int, values: Array) -> None:
        if values.shape != self._shape[1:] or not 0 <= frame < self._shape[0]:
            raise ValueError(f"frame {frame} of shape {values.shape} into {self._folder} {self._shape}")
        if self._compress is None:
            assert self._array is not None
            self._array[frame] = values.astype(self._chunk.dtype)
            return
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
            path = f"{self._folder}/{self._separator.join(('c', str(frame), *place))}"
            if _is_only(chunk, self._fill):
                Path(path).unlink(missing_ok=True)  # as zarr does: what is not there is the fill value
            else:
                _put(path, self._compress(chunk))


def _compressor(about: dict[str, Any]) -> Callable[[Array], bytes] | None:
    """What compresses the array, without the questions that `numcodecs.Blosc` asks of each; None where zarr
    has to do it (a run folder of another version).
    """
    steps = {codec["name"]: codec.get("configuration", {}) for codec in about["codecs"]}
    if (
        list(steps) != ["bytes", "blosc"]
        or steps["bytes"].get("endian", "little") != "little"
        or about["chunk_grid"]["configuration"]["chunk_shape"][0] != 1
        or about["chunk_key_encoding"]["name"] != "default"
    ):
        return None
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
