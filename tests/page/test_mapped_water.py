"""Water that the map has, dry in the first frame (a foreshore), is drawn as river and sea, not as flood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from tests.page.opened import Opened, dry_and_wet, metres
from tests.page.valley import write_run
from twin.results import Result
from twin.run_writer import RunWriter

PERMANENT, FLOOD = (0x8F, 0xB0, 0xB4), (0x21, 0x71, 0xB5)


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["browser", "browser_without_3d"])
def test_a_flood_of_the_start_has_the_colours_of_a_flood(kind: str, request: Any, tmp_path: Path) -> None:
    """Water of the first frame that a hot start has from a flood was drawn as river."""
    run = write_run(tmp_path / "run", buildings=False, roads=False, places=False, traffic=False)
    first = run.fields["water_depth"].isel(time=0).values.copy()
    rows = np.argwhere(first[:, 100] > 0.8)[:, 0]
    i = int(rows[rows.size // 2])
    standing = first.copy()
    standing[:, 100:] = 0.0
    RunWriter(run.path).record_run_fields({"permanent_depth": standing})
    page = viz.page(Result.open(run.path), tmp_path / "page.html", lang="fr")
    opened = Opened(request.getfixturevalue(kind), page)
    try:
        opened.page.evaluate(
            "() => { twin.app.set({ time: 0, showFlow: false }); const v = twin.view();"
            " v.home(); v.north(); if (v.mode === '3d') v.tilt(); }"
        )
        opened.page.evaluate("([x, y]) => twin.view().goTo(x, y)", metres(run, (i, 100)))
        opened.wait("!twin.view().flight")
        opened.drawn()
        for j, permanent in ((97, True), (102, False)):
            seen = opened.pixels(*opened.where(*metres(run, (i, j))), size=3).astype(int)[1, 1]
            blue = seen[2] - seen[0]  # 37 of permanent water, 90 and more of a flood
            assert (blue < 60) == permanent, (j, seen)
        assert opened.errors == []
    finally:
        opened.close()


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["browser", "browser_without_3d"])
def test_mapped_water_has_the_colour_of_the_sea(kind: str, request: Any, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", buildings=False, roads=False, places=False, traffic=False)
    _, (i, j) = dry_and_wet(write_run(tmp_path / "other"))
    mapped = np.zeros(run.grid.shape)
    mapped[i - 8 : i + 9, j : j + 9] = 1.0
    RunWriter(run.path).record_run_fields({"mapped_water": mapped})
    page = viz.page(run.path, tmp_path / "page.html", lang="fr")
    opened = Opened(request.getfixturevalue(kind), page)
    try:
        opened.page.evaluate(
            "() => { twin.app.set({ time: 11520, showFlow: false }); const v = twin.view();"
            " v.home(); v.north(); if (v.mode === '3d') v.tilt(); }"
        )
        opened.page.evaluate("([x, y]) => twin.view().goTo(x, y)", metres(run, (i, j)))
        opened.wait("!twin.view().flight")
        opened.drawn()
        for cell, colour in (((i, j + 4), PERMANENT), ((i, j - 4), FLOOD)):
            seen = opened.pixels(*opened.where(*metres(run, cell)), size=3).astype(int)
            assert np.abs(seen - colour).max() <= 4, (cell, seen[1, 1])
        opened.page.evaluate("twin.app.set({ permanentApart: false })")
        opened.drawn()
        seen = opened.pixels(*opened.where(*metres(run, (i, j + 4))), size=3).astype(int)
        assert np.abs(seen - FLOOD).max() <= 4
        assert "ou sur la carte" in opened.page.evaluate("document.getElementById('panel').textContent")
        assert opened.errors == []
    finally:
        opened.close()
