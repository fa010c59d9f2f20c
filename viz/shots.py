"""Pictures of the offline page by one command: ``python -m viz.shots FOLDER RUN [RUN …]``.

Opens the page of one run (or two, to compare) in Debian's Chromium with the network off, plays a list of
views and writes one small WebP each. For README, documentation and a critical look; needs the package
playwright (``pip install -e .[dev]``) and Chromium (``TWIN_CHROMIUM``, default /usr/bin/chromium).
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from twin.errors import TwinError, listed
from twin.messages import text
from viz.page import page

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
QUALITY = 72  # of WebP: a view stays under 150 kB
LIMIT = 240.0  # s: the longest wait for a page to be decoded by a machine without a GPU


@dataclass(frozen=True)
class Shot:
    """A view: its name, what is done to the page before the picture, and whether it needs two runs."""

    name: str
    act: str
    two: bool = False


PEAK = (
    "const s = twin.app.shown.meta; const k = s.hectares.indexOf(Math.max(...s.hectares));"
    "twin.app.set({ time: s.times[k], showFlow: true });"
)
#: Where most buildings are wet at once: a place worth a close look.
CLOSE = (
    "const list = twin.app.territory.buildings?.list ?? [];"
    "const wet = list.map((b, k) => [b, k]).filter(([b, k]) => twin.app.shown.buildingDepth &&"
    " Math.max(...twin.app.shown.series(twin.app.shown.buildingDepth, k)) > 0.3).map(([b]) => b);"
    "const near = (b) => wet.filter((o) => Math.hypot(o.x - b.x, o.y - b.y) < 150).length;"
    "const best = wet.slice(0, 400).reduce((m, b) => { const n = near(b); return n > m[0] ? [n, b] : m; },"
    " [0, null])[1];"
    "const at = best ?? { x: 0, y: 0 };"
)
SHOTS = (
    Shot(
        "ensemble",
        PEAK + "view.home(); const eye = view.camera();"
        " view.setCamera({ ...eye, distance: 1.15 * eye.distance, lean: 66 }, false);",
    ),
    Shot(
        "rues",
        PEAK + CLOSE + "view.setCamera({ x: at.x, y: at.y, distance: 420, bearing: 35, lean: 56 }, false);",
    ),
    Shot(
        "reponse",
        PEAK + CLOSE + "view.setCamera({ x: at.x, y: at.y, distance: 800, bearing: 350, lean: 48 }, false);"
        "const nearest = best ? list.indexOf(best) : null;"
        "twin.app.set({ picked: { x: at.x, y: at.y, building: nearest, road: null } });",
    ),
    Shot(
        "profil",
        PEAK + CLOSE + "view.setCamera({ x: at.x, y: at.y, distance: 1500, bearing: 15, lean: 40 }, false);"
        "twin.app.set({ profile: [at.x - 90, at.y + 420, at.x + 90, at.y - 420] });",
    ),
    Shot("comparer", PEAK + "view.home(); twin.app.set({ compare: true, scenario: 0, other: 1 });", two=True),
    Shot("difference", "view.home(); twin.app.set({ difference: true, scenario: 0, other: 1 });", two=True),
)


def take(
    runs: Sequence[str | Path],
    folder: str | Path,
    *,
    names: Sequence[str] = (),
    size: tuple[int, int] = (1280, 720),
    prefix: str = "",
) -> list[Path]:
    """Write the pictures of one page; views that need two runs are left out with one.

    Parameters
    ----------
    runs : one or two run folders.
    folder : where the pictures go.
    names : which views (default: all that can be made), of ``SHOTS``.

    Raises
    ------
    InputError
        Runs that cannot be shown together.
    TwinError
        No Chromium, no playwright, a view that is not known, or a page that never got ready.
    """
    known = {shot.name: shot for shot in SHOTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TwinError(text("shots.unknown", names=listed(unknown), known=listed(known)))
    wanted = [known[name] for name in names] if names else [s for s in SHOTS if len(runs) > 1 or not s.two]
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    executable = os.environ.get("TWIN_CHROMIUM", CHROMIUM)
    if not Path(executable).exists():
        raise TwinError(text("shots.no_chromium", path=executable))
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise TwinError(text("shots.no_playwright")) from error
    written = []
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        html = page(list(runs), Path(scratch) / "page.html", lang="fr")
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            # Drawn twice as large and made smaller: software rendering does not smooth edges.
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]}, offline=True, device_scale_factor=2
            )
            shown = context.new_page()
            shown.goto(html.as_uri())
            _until(shown, "document.documentElement.dataset.ready === 'all'")
            shown.evaluate("() => twin.view().finest?.()")  # as a graphics card would draw it
            for shot in wanted:
                shown.evaluate(
                    "() => twin.app.set({ picked: null, profile: null, compare: false, difference: false })"
                )
                shown.evaluate(f"() => {{ const view = twin.view(); {shot.act} }}")
                _settle(shown)
                path = target / f"{prefix}{shot.name}.webp"
                picture = Image.open(io.BytesIO(shown.screenshot()))
                small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
                small.save(path, "WEBP", quality=QUALITY, method=6)
                written.append(path)
        finally:
            browser.close()
    return written


def _until(shown: Any, condition: str) -> None:
    end = time.monotonic() + LIMIT
    while not shown.evaluate(condition):
        if time.monotonic() > end:
            raise TwinError(text("shots.not_ready", seconds=f"{LIMIT:.0f}"))
        time.sleep(0.2)


def _settle(shown: Any) -> None:
    """Until the picture is the finest, the eye has arrived and the streaks have spread out."""
    _until(shown, "twin.view().flight === null")
    time.sleep(4.0)
    shown.evaluate(
        "() => new Promise((done) => { const view = twin.view(); const before = view.onDraw;"
        " view.onDraw = () => { before(); view.onDraw = before; done(); }; view.invalidate(); })"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m viz.shots", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("runs", nargs="+", type=Path, help="one run folder, or two to compare")
    parser.add_argument("--views", nargs="*", default=[], choices=[s.name for s in SHOTS])
    parser.add_argument("--prefix", default="", help="put before each name")
    given = parser.parse_args()
    try:
        for path in take(given.runs, given.folder, names=given.views, prefix=given.prefix):
            print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")
    except TwinError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
