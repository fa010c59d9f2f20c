"""What draws the page and how fast: told where the sources are, measured on the reader's machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.page.opened import Opened

#: A browser that says what a laptop's does.
LAPTOP = """(() => {
    const own = WebGL2RenderingContext.prototype.getParameter;
    WebGL2RenderingContext.prototype.getParameter = function (what) {
        return what === 0x9246 ? "%s" : own.call(this, what);
    };
})()"""
UHD = "ANGLE (Intel, Intel(R) UHD Graphics 620 (0x00005917) Direct3D11 vs_5_0 ps_5_0, D3D11)"
TEXT = "document.getElementById('drawn').textContent"
#: The line's own looks, each 500 ms after the other, wait; a slow machine does the same.
HOLD = """() => {
    window.held = []; window.later = window.setTimeout;
    window.setTimeout = (call, span) => span === 500 ? held.push(call) : later(call, span);
}"""
RELEASE = "() => { window.setTimeout = later; for (const call of held) call(); }"


def asked(opened: Opened) -> str:
    opened.click("#open-about")
    return str(opened.page.evaluate(TEXT))


@pytest.mark.browser
def test_images_a_second_are_measured_and_told_in_both_languages(browser: Any, both: Path) -> None:
    opened = Opened(browser, both)
    try:
        opened.page.evaluate(HOLD)
        said = asked(opened)
        assert said.startswith("Affichage sur cette machine : ")
        assert "dessin par le processeur, sans carte graphique (SwiftShader" in said
        assert re.search(r"finesse du dessin : [1-7] sur 7\.$", said)
        before = opened.page.evaluate("twin.view().camera()")
        opened.click("#measure")
        opened.wait("!document.getElementById('measure').disabled")
        counted = opened.page.evaluate("twin.view().drawn().images")
        assert counted is not None
        assert 0.2 < counted < 200.0
        said = opened.page.evaluate(TEXT)  # at once, not at its next look
        assert re.search(r"^Affichage sur cette machine : [0-9,]+ images par seconde \(médiane", said), said
        opened.page.evaluate(RELEASE)
        after = opened.page.evaluate("twin.view().camera()")
        assert after == pytest.approx(before, rel=1e-6)  # the reader stands where he stood
        # It follows while the dialog is open: what the picture has become is told without asking again.
        opened.page.evaluate("() => { twin.view().rhythm.count = 0; }")
        opened.wait(f"{TEXT}.includes('pas encore mesurées')")
        opened.page.evaluate("document.getElementById('dialog').close()")
        opened.click("#language")
        said = asked(opened)
        assert said.startswith("Display on this machine: ")
        assert "drawn by the processor, without a graphics card (SwiftShader" in said
        assert opened.errors == []
    finally:
        opened.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "told"),
    [
        (UHD, "; dessin par la carte graphique Intel(R) UHD Graphics 620 ; finesse"),
        ("ANGLE (AMD, AMD Radeon(TM) Vega 8 Graphics (0x15d8) Direct3D11 vs_5_0 ps_5_0, D3D11)",
         "la carte graphique AMD Radeon(TM) Vega 8 Graphics ;"),
        ("ANGLE (Apple, ANGLE Metal Renderer: Apple M1, Unspecified Version)", "graphique Apple M1 ;"),
        ("Intel(R) HD Graphics 400, or similar", "graphique Intel(R) HD Graphics 400, or similar ;"),
        ("WebKit WebGL", "par une carte graphique que le navigateur ne nomme pas"),
    ],
)  # fmt: skip
def test_the_card_is_named_as_the_browser_names_it(browser: Any, both: Path, name: str, told: str) -> None:
    opened = Opened(browser, both, first=LAPTOP % name)
    try:
        assert told in asked(opened)
        assert not opened.page.evaluate("twin.view().drawn().software")
        assert opened.errors == []
    finally:
        opened.close()


@pytest.mark.browser
def test_a_map_without_webgl_says_so(browser_without_3d: Any, both: Path) -> None:
    opened = Opened(browser_without_3d, both)
    try:
        assert "dessin en deux dimensions, sans WebGL." in asked(opened)
        opened.click("#measure")
        opened.wait("!document.getElementById('measure').disabled")
        assert opened.page.evaluate("twin.view().drawn().images") > 0.2
        assert opened.errors == []
    finally:
        opened.close()
