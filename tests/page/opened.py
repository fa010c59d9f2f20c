"""A page in a browser, and the places on it: what the browser tests share."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from twin.results import Result

SIZE = (960, 640)


class Opened:
    """A page, what it asked for and what it complained about."""

    def __init__(
        self,
        browser: Any,
        path: Path,
        size: tuple[int, int] = SIZE,
        *,
        motion: str = "no-preference",
        touch: bool = False,
        hash_: str = "",
        first: str = "",
        until: str = "all",
    ) -> None:
        """``first``: a script that runs before the page's own; ``until``: what is waited for."""
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            offline=True,
            reduced_motion=motion,
            has_touch=touch,
        )
        self.page = self.context.new_page()
        if first:
            self.page.add_init_script(first)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.goto(path.as_uri() + hash_)
        self.wait(f"document.documentElement.dataset.ready === {until!r}")
        self.ready_ms = self.page.evaluate("performance.getEntriesByName('interface')[0].startTime")

    def wait(self, condition: str, limit: float = 90.0) -> None:
        """Polled from here: the page's policy forbids evaluating strings inside it."""
        end = time.monotonic() + limit
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"never true: {condition}; {self.errors}"
            time.sleep(0.05)

    def drawn(self) -> None:
        """Wait until the picture of the present choices is on the screen."""
        self.page.evaluate(
            """() => new Promise((done) => {
                const view = twin.view(); const before = view.onDraw; let left = 2;
                view.onDraw = () => {
                    before();
                    if (--left > 0) { view.invalidate(); return; }
                    view.onDraw = before;
                    done();
                };
                view.invalidate();
            })"""
        )
        self.wait("!twin.view().pending")  # the card has finished it too

    def rest(self) -> None:
        """Wait until the eye has stopped: flights are over and the last move has faded out."""
        end, before = time.monotonic() + 90.0, np.full((2, 2), np.inf)
        while True:
            self.drawn()
            here = np.array([self.where(x, y) for x, y in ((0.0, 0.0), (300.0, 300.0))])
            if (here == before).all() and not self.page.evaluate("twin.view().flight"):
                return
            assert time.monotonic() < end, f"the eye never stops: {here}"
            before = here

    def changes(self, before: np.ndarray, x: int, y: int, *, more_than: int) -> None:
        """Wait until so many pixels of a square around (x, y) are not what they were (by 30 of 255)."""
        end = time.monotonic() + 90.0
        while True:
            now = self.pixels(x, y, len(before)).astype(int)
            if (np.abs(now - before).max(axis=2) > 30).sum() > more_than:
                return
            assert time.monotonic() < end, f"the picture stands still; {self.errors}"
            time.sleep(0.1)

    def pixels(self, x: int, y: int, size: int = 5) -> np.ndarray:
        """RGB of a small square of the screen (size, size, 3), when it has all its pixels: a slow machine
        draws fewer while the picture moves.
        """
        from PIL import Image

        self.wait("twin.app.choices.playing || (twin.view().ratio ?? 1) === 1")  # the map has no other
        self.wait("!twin.view().pending")
        clip = {"x": x - size // 2, "y": y - size // 2, "width": size, "height": size}
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB"))

    def click(self, selector: str) -> None:
        """Press a control that is on the screen, however slowly the machine draws."""
        self.wait(f"document.querySelector({selector!r})?.checkVisibility() === true")
        self.page.evaluate("(s) => { const e = document.querySelector(s); e.focus(); e.click(); }", selector)

    def where(self, x: float, y: float) -> tuple[int, int]:
        """Place on the screen of a point in metres from the centre."""
        at = self.page.evaluate("([x, y]) => twin.view().project(x, y, 0)", [x, y])
        return round(at["x"]), round(at["y"])

    def close(self) -> None:
        self.context.close()


def dry_and_wet(result: Result) -> tuple[tuple[int, int], tuple[int, int]]:
    """A cell far from the water, and one under about 1.5 m of flood, dry at the start, away from houses."""
    most = result.fields["max_water_depth"].values
    inside = (most > 1.3) & (most < 1.6) & (result.fields["water_depth"].isel(time=0).values == 0)
    inside[:, :80] = inside[:, 120:] = False
    wet = np.argwhere(inside)
    assert result.buildings is not None
    houses = shapely.union_all(result.buildings.geometry.to_numpy())
    away = shapely.distance(houses, shapely.points(result.grid.x[wet[:, 1]], result.grid.y[wet[:, 0]]))
    row, column = wet[np.argmax(away)]
    return (20, 100), (int(row), int(column))


def metres(result: Result, cell: tuple[int, int]) -> tuple[float, float]:
    grid = result.grid
    return (cell[1] + 0.5 - grid.nx / 2) * grid.cell, (grid.ny / 2 - cell[0] - 0.5) * grid.cell


CHANGES = ("#1fa694", "#4cbaab", "#7bcdbf", "#ccd3d8", "#b35400", "#7f3300", "#4d1500")


def check_difference(opened: Opened, reference: Result, change: np.ndarray) -> None:
    """The colours on the screen are those of the legend, for what is saved and what is worsened."""
    from scipy.ndimage import uniform_filter

    flat = np.abs(uniform_filter(change, 5) - change) < 0.004  # well inside a patch
    wet = reference.fields["max_water_depth"].values > 0.3
    column = np.zeros_like(wet)
    column[:, 80:120] = True
    for step, inside in (
        (0, change < -0.6),
        (3, np.abs(change) < 0.005),
        (4, (change > 0.1) & (change < 0.19)),
    ):
        cells = np.argwhere(inside & flat & wet & column)
        i, j = (int(v) for v in cells[len(cells) // 2])
        colour = [int(CHANGES[step][k : k + 2], 16) for k in (1, 3, 5)]
        seen = opened.pixels(*opened.where(*metres(reference, (i, j))), size=3).astype(int)
        assert np.abs(seen - colour).max() <= 4, (step, seen[1, 1], colour)
