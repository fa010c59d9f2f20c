"""In CI, which installs the browser, the graphics and the map server, no test is skipped for lack of them."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT, missing


def test_missing_skips_at_home_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWIN_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        missing("no Chromium")
    monkeypatch.setenv("TWIN_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        missing("no Chromium")


def test_a_missing_browser_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_CI", "1")
    monkeypatch.setenv("TWIN_CHROMIUM", "/nowhere/chromium")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "tests/page/test_shots.py::test_no_such_run"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "no Chromium at /nowhere/chromium" in done.stdout
