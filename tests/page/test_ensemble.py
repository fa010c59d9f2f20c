"""What runs say together, whatever their number: the same figures, in the memory of a few fields."""

from __future__ import annotations

import gzip
import tracemalloc
from base64 import b64decode
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from twin.features import WET_DEPTH
from twin.results import Result
from viz import page_ensemble
from viz.encode import Blobs, DepthCurve
from viz.page_data import collect
from viz.page_ensemble import ensemble_table

SHAPE = (60, 90)


def members(count: int) -> tuple[list[Result], Callable[[Result], NDArray[np.float64]]]:
    """Runs that flood more and more, with holes and bare ground, and how deep each is: made anew at each
    reading.
    """

    def depth(run: Result) -> NDArray[np.float64]:
        rng = np.random.default_rng(int(run.name))
        found = np.maximum(rng.normal(-0.5, 1.0, SHAPE) + np.linspace(-2.0, 2.0, SHAPE[1]), 0.0)
        found[rng.random(SHAPE) < 0.02] = np.nan
        return found

    of_all = {"indicators": {}, "status": "complete", "times": [0.0, 60.0]}
    return [cast(Result, SimpleNamespace(name=str(k), **of_all)) for k in range(count)], depth


@pytest.mark.parametrize("count", [2, 5, 8])
def test_least_middle_and_greatest_are_those_of_all_runs_at_once(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, depth = members(count)
    stack = np.stack([np.nan_to_num(depth(r)) for r in runs])
    curve, blobs = DepthCurve.up_to(float(stack.max())), Blobs()
    monkeypatch.setattr(page_ensemble, "_ROOM", 1000 * count, raising=False)  # several parts
    table = ensemble_table(runs, depth, curve, blobs)
    wanted = {"least": stack.min(axis=0), "middle": np.median(stack, axis=0), "greatest": stack.max(axis=0)}
    coded: dict[str, Any] = {key: curve.encode(field) for key, field in wanted.items()}
    for key, codes in (coded | {"count": (stack > WET_DEPTH).sum(axis=0)}).items():
        found = np.frombuffer(gzip.decompress(b64decode(blobs.texts[table[key]])), np.uint8).reshape(SHAPE)
        np.testing.assert_array_equal(found, codes)


def test_memory_does_not_grow_with_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, depth = members(100)
    monkeypatch.setattr(page_ensemble, "_ROOM", 10 * SHAPE[0] * SHAPE[1], raising=False)
    tracemalloc.start()
    ensemble_table(runs, depth, DepthCurve.up_to(5.0), Blobs())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 8 * SHAPE[0] * SHAPE[1]


def test_runs_of_an_ensemble_are_not_kept_in_memory(reference: Result, with_dike: Result) -> None:
    runs = [Result.open(r.path) for r in (reference, with_dike, with_dike)]
    collect(runs, Blobs(), ensemble=True)
    kept = [
        sum(name in run.fields and run.fields[name].variable._in_memory for name in FIELDS) for run in runs
    ]
    assert sorted(kept)[:2] == [0, 0]  # but of the one that is played


FIELDS = ("max_water_depth", "bed_elevation", "ground_elevation")
