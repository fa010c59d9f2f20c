"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import numba
import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent


def missing(reason: str) -> NoReturn:
    """For what is not installed here: the test is skipped; in CI, which installs it (`.ci/run`), it fails."""
    if os.environ.get("TWIN_CI"):
        pytest.fail(reason)
    pytest.skip(reason)


# The suite gives the same answer on the same sources; `make validate` draws new examples every time.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test of the threads has two of them, or says that it was not run."""
    if item.get_closest_marker("threads") and numba.config.NUMBA_NUM_THREADS < 2:  # type: ignore[attr-defined]
        pytest.skip("numba has one thread here")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages in English unless a test says otherwise."""
    monkeypatch.setenv("TWIN_LANG", "en")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("TWIN_REAL_DATA", ROOT.parent / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data: TWIN_REAL_DATA = {folder} is no folder")
    os.environ["TWIN_REAL_DATA"] = str(folder)
    return folder
