"""Pictures of the page by one command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import missing
from tests.page.conftest import CHROMIUM
from twin.errors import TwinError
from twin.results import Result
from viz.shots import take


def command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "viz.shots", *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.mark.browser
@pytest.mark.slow
def test_pictures_are_small_and_show_different_things(
    reference: Result, with_dike: Result, tmp_path: Path
) -> None:
    if not Path(CHROMIUM).exists():
        missing(f"no Chromium at {CHROMIUM}")
    pytest.importorskip("playwright.sync_api")
    from PIL import Image

    names = ("ensemble", "difference")
    # A process of its own: the tests' browser already runs in this one.
    done = command(tmp_path / "new", reference.path, with_dike.path, "--views", *names, "--prefix", "vallee-")
    assert done.returncode == 0, done.stderr
    written = [tmp_path / "new" / f"vallee-{name}.webp" for name in names]
    assert [line.split()[0] for line in done.stdout.splitlines()] == [str(path) for path in written]
    pictures = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in written]
    assert [p.shape for p in pictures] == [(720, 1280, 3)] * 2
    assert all(path.stat().st_size < 250_000 for path in written)
    assert (np.abs(pictures[0] - pictures[1]).max(axis=2) > 40).mean() > 0.05


def test_a_view_that_is_not_known_and_a_missing_browser_are_told(
    reference: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TwinError, match=r"no such view: dessus; there are ensemble"):
        take([reference.path], tmp_path, names=["dessus"])
    monkeypatch.setenv("TWIN_CHROMIUM", str(tmp_path / "nowhere"))
    with pytest.raises(TwinError, match="no Chromium at"):
        take([reference.path], tmp_path)


def test_no_such_run(tmp_path: Path) -> None:
    if not Path(CHROMIUM).exists():
        missing(f"no Chromium at {CHROMIUM}")
    pytest.importorskip("playwright.sync_api")
    done = command(tmp_path / "out", tmp_path / "nothing")
    assert done.returncode == 2
    assert "nothing" in done.stderr
