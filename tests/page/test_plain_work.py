"""The picture of the page in plain work: no dearer than the laptops of viz/web/README.md bear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.page.plain_work import plain_work

#: Plain full-screen layers and millions of vertices of the dearest level: what the budget is argued with.
MOST_LAYERS, MOST_MILLIONS = 30.0, 1.5


@pytest.mark.slow
@pytest.mark.browser
def test_a_picture_costs_few_plain_layers_and_vertices(browser: Any, both: Path) -> None:
    tries = []
    for _ in range(3):  # other work on the machine lengthens one of the two, not both alike
        _, levels = plain_work(browser, both)
        tries.append((max(w.layers for w in levels), max(w.millions for w in levels)))
        print("at most {:.1f} layers and {:.2f} M vertices".format(*tries[-1]))
        if tries[-1][0] <= MOST_LAYERS and tries[-1][1] <= MOST_MILLIONS:
            return
    pytest.fail(f"dearer than {MOST_LAYERS} layers and {MOST_MILLIONS} M vertices: {tries}")
