"""Run folders and, where Debian's Chromium is there, a browser without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from tests.conftest import missing
from tests.page.opened import Opened
from tests.page.valley import write_run
from twin.results import Result

CHROMIUM = os.environ.get("TWIN_CHROMIUM", "/usr/bin/chromium")
COMMON = ["--no-sandbox", "--disable-dev-shm-usage"]
SOFTWARE = [
    *COMMON,
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
WITHOUT_3D = [*COMMON, "--disable-3d-apis"]


STORY = """
[[story]]
text = "La vallée avant la crue."
text_en = "The valley before the flood."
time = 0.0
[[story]]
text = "L'eau gagne <b>les quais</b>."
at = "mairie"
time = 7200.0
distance = 500.0
bearing = 90.0
lean = 55.0
[[story]]
text = "Ce que la digue change."
show = "difference"
"""


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return write_run(tmp_path_factory.mktemp("runs") / "reference", more=STORY)


@pytest.fixture(scope="session")
def with_dike(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return write_run(tmp_path_factory.mktemp("runs") / "dike", name="Crue centennale, digue", dike=True)


@pytest.fixture(scope="session")
def both(reference: Result, with_dike: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return viz.page([reference, with_dike], tmp_path_factory.mktemp("page") / "digue.html", lang="fr")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        missing(f"no Chromium at {CHROMIUM} (Debian: apt install chromium; or set TWIN_CHROMIUM)")
    module = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install -e .[dev])"
    )
    with module.sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Any) -> Iterator[Any]:
    found = playwright.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE)
    yield found
    found.close()


@pytest.fixture(scope="session")
def browser_without_3d(playwright: Any) -> Iterator[Any]:
    found = playwright.chromium.launch(executable_path=CHROMIUM, args=WITHOUT_3D)
    yield found
    found.close()


@pytest.fixture(scope="module")
def open3d(browser: Any, both: Path) -> Iterator[Opened]:
    opened = Opened(browser, both)
    yield opened
    opened.close()


@pytest.fixture
def scene(open3d: Opened) -> Opened:
    """The shared page, back to its first choices, seen from above."""
    open3d.page.evaluate(
        """() => { twin.app.set({ playing: false, water: 'now', compare: false, scenario: 0, other: 1,
            picked: null,
            showBuildings: false, showRoads: false, showPlaces: false, permanentApart: true, exaggeration: 1,
            showFlow: false, difference: false, slide: null, tool: 'none', profile: null,
            buildingMode: 'reached', time: 11520 });
            const d = document.getElementById('dialog');
            if (d.open) d.close(); }"""
    )
    open3d.page.evaluate("""() => { const v = twin.view(); v.home(); v.north(); v.tilt(); v.goTo(0, 0); }""")
    open3d.rest()
    return open3d


@pytest.fixture(scope="session")
def change(reference: Result, with_dike: Result) -> np.ndarray:
    """What the dike changes at the worst (m)."""
    return np.asarray(
        with_dike.fields["max_water_depth"].values - reference.fields["max_water_depth"].values, dtype=float
    )
