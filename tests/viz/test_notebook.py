"""`viz.show` in a real notebook kernel: a still picture, or a live view where trame is installed."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import missing
from tests.page.valley import write_run
from viz import rendering

pytestmark = pytest.mark.slow


def cells(*sources: str) -> list[Any]:
    """Outputs of every cell."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed (pip install -e .[dev])")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed (pip install -e .[dev])")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed (pip install -e .[dev])")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    nbclient.NotebookClient(book, timeout=900, kernel_name="python3").execute()
    return [cell["outputs"] for cell in book.cells]


@pytest.mark.filterwarnings("ignore")
def test_a_run_is_shown_in_a_notebook(tmp_path: Path) -> None:
    if rendering.problem():
        missing(f"no 3D rendering here: {rendering.problem()}")
    write_run(tmp_path / "run", frames=5, traffic=False)
    opened = f"import viz\nfrom twin.results import Result\nrun = Result.open({str(tmp_path / 'run')!r})\nrun"
    card, still, live, later = cells(
        opened,
        "viz.show(run, 7200.0, backend='static')",
        "from viz import rendering\nview = viz.show(run, 7200.0)\nprint(rendering.has_trame(), type(view))",
        "import asyncio, sys\nawait asyncio.sleep(1.0)\nprint('trame_vtklocal.module.wasm' in sys.modules)",
    )
    assert "Crue centennale" in card[-1]["data"]["text/html"]
    picture = Image.open(io.BytesIO(base64.b64decode(still[-1]["data"]["image/png"]))).convert("RGB")
    pixels = np.asarray(picture).astype(int)
    assert ((pixels[..., 2] - pixels[..., 0]) > 40).mean() > 0.01  # water is seen
    said = "".join(o.get("text", "") for o in live if o["output_type"] == "stream")
    if "True" in said:
        assert "Widget" in said
    # Nothing was fetched, and nothing complained that it could not be.
    assert [o["text"] for o in later] == ["False\n"]


def test_a_place_tells_its_depth(tmp_path: Path) -> None:
    if rendering.problem():
        missing(f"no 3D rendering here: {rendering.problem()}")
    from viz.scene import Scene

    run = write_run(tmp_path / "run", frames=5, traffic=False, buildings=False)
    scene = Scene(run, lang="fr")
    most = run.fields["max_water_depth"].values
    i, j = (int(v) for v in np.unravel_index(np.argmax(most), most.shape))
    scene.set_time(float(run.times[2]))
    now = float(run.fields["water_depth"].isel(time=2).values[i, j])
    grid = run.grid
    told = scene.tell((j + 0.5) * grid.cell, (grid.ny - i - 0.5) * grid.cell)
    for value in (run.fields["bed_elevation"].values[i, j], now, most[i, j]):
        assert f"{value:.2f}".replace(".", ",") in told
    assert scene.tell(-50.0, 10.0) == ""
    scene.plotter.close()
