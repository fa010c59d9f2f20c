"""The checkpoint of a run: to the bit, and never one that is damaged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from twin import checkpoint
from twin.errors import InputError

CLOCK = {"time": 12.5, "started": 1.0}
STATES: dict[str, dict[str, NDArray[Any]]] = {
    "flood": {"state": np.linspace(0.0, 1.0, 300).reshape(3, 10, 10)},
    "traffic": {"n": np.arange(4)},
}


def test_a_checkpoint_comes_back_to_the_bit(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, CLOCK, STATES)
    clock, states = checkpoint.load(tmp_path)
    assert clock == CLOCK
    assert {name: sorted(arrays) for name, arrays in states.items()} == {"flood": ["state"], "traffic": ["n"]}
    np.testing.assert_array_equal(states["flood"]["state"], STATES["flood"]["state"])
    np.testing.assert_array_equal(states["traffic"]["n"], STATES["traffic"]["n"])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_checkpoint_that_was_cut_is_told(tmp_path: Path, share: float) -> None:
    checkpoint.save(tmp_path, CLOCK, STATES)
    file = tmp_path / checkpoint.FILE
    os.truncate(file, int(share * file.stat().st_size))
    with pytest.raises(InputError, match="damaged or cut"):
        checkpoint.load(tmp_path)


def test_a_wrong_bit_is_told(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, CLOCK, STATES)
    file = tmp_path / checkpoint.FILE
    content = bytearray(file.read_bytes())
    at = content.index(STATES["flood"]["state"].tobytes()[800:816])
    content[at] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged or cut"):
        checkpoint.load(tmp_path)


def test_what_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint"):
        checkpoint.load(tmp_path)
    (tmp_path / checkpoint.FILE).parent.mkdir()
    for content in (b"no archive at all", b"\x93NUMPY"):
        (tmp_path / checkpoint.FILE).write_bytes(content)
        with pytest.raises(InputError, match="damaged or cut"):
            checkpoint.load(tmp_path)
    np.savez(tmp_path / checkpoint.FILE, other=np.zeros(3))
    with pytest.raises(InputError, match="damaged or cut"):
        checkpoint.load(tmp_path)


def test_one_of_another_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "VERSION", checkpoint.VERSION - 1)
        checkpoint.save(tmp_path, CLOCK, STATES)
    with pytest.raises(InputError, match=f"version {checkpoint.VERSION} of the checkpoint"):
        checkpoint.load(tmp_path)


def test_it_is_on_the_disk_before_it_takes_the_place_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def to_disk(file: int) -> None:
        done.append("disk")
        fsync(file)

    def rename(path: Path, target: Path) -> Path:
        done.append("renamed")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", to_disk)
    monkeypatch.setattr(Path, "replace", rename)
    checkpoint.save(tmp_path, CLOCK, STATES)
    assert done == ["disk", "renamed"]
