"""Save and restore the state of a run, to the bit. It knows only prognostic state and the clock."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, told
from twin.files import replacing

FILE = "checkpoint/state.npz"
VERSION = 6  # one more whenever what a solver keeps changes
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError)


def save(run: Path, clock: Mapping[str, float], states: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
    """Write the checkpoint of a run folder whole; the one before stays until it is on the disk, so that a
    machine that is cut off has one of the two.

    Parameters
    ----------
    clock : numbers of the loop, by name.
    states : arrays of each solver, by solver and name.
    """
    arrays: dict[str, NDArray[Any]] = {f"clock/{name}": np.asarray(value) for name, value in clock.items()}
    arrays["version"] = np.asarray(VERSION)
    for solver, state in states.items():
        arrays |= {f"solver/{solver}/{name}": values for name, values in state.items()}
    with replacing(run / FILE) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())


def load(run: Path) -> tuple[dict[str, float], dict[str, dict[str, NDArray[Any]]]]:
    """Read the checkpoint of a run folder: the clock and the states.

    Raises
    ------
    InputError
        There is none, it is damaged, or it was written by another version.
    """
    path = run / FILE
    if not path.is_file():
        raise InputError(told(path, "", "folder.no_checkpoint"))
    try:
        return _read(path)
    except _DAMAGED as error:
        raise InputError(told(path, "", "folder.damaged_checkpoint")) from error


def _read(path: Path) -> tuple[dict[str, float], dict[str, dict[str, NDArray[Any]]]]:
    clock: dict[str, float] = {}
    states: dict[str, dict[str, NDArray[Any]]] = {}
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        version = int(arrays["version"])
        if version != VERSION:
            raise InputError(told(path, "version", "folder.other_version", found=version, wanted=VERSION))
        for key in arrays.files:
            if key.startswith("clock/"):
                clock[key.removeprefix("clock/")] = float(arrays[key])
            elif key.startswith("solver/"):
                _, solver, name = key.split("/", 2)
                states.setdefault(solver, {})[name] = arrays[key]
    return clock, states
