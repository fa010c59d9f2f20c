"""Everyone can use the page: axe-core finds nothing, the keyboard goes everywhere, small screens hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.opened import Opened

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parents[2] / "viz" / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SEARCH = """() => { const e = document.getElementById('search-for'); e.focus(); e.value = 'rue';
    e.dispatchEvent(new Event('input')); }"""
DIALOG = """(name) => { const d = document.getElementById('dialog'); if (d.open) d.close();
    document.getElementById('open-' + name).click(); }"""
STATES: dict[str, str] = {
    "start": "() => {}",
    "folds": "() => document.querySelectorAll('.group').forEach((g) => { g.open = true; })",
    "difference": "() => twin.app.set({ difference: true })",
    "building": "() => twin.app.set({ difference: false, picked: { x: 0, y: 0, building: 3, road: null } })",
    "road": "() => twin.app.set({ picked: { x: 0, y: 0, building: null, road: 3 } })",
    "profile": "() => twin.app.set({ picked: null, profile: [0, 300, 0, -300] })",
    "search": SEARCH,
    "chapters": "() => document.getElementById('chapters').click()",
    "compare": "() => { document.getElementById('chapters').click(); twin.app.set({ compare: true }); }",
    "story": "() => { twin.app.set({ compare: false }); document.getElementById('open-story').click(); }",
    "english": "() => { twin.app.set({ slide: null }); document.getElementById('language').click(); }",
}


@pytest.fixture(scope="module", params=[(1280, 720), (375, 740)], ids=["laptop", "telephone"])
def flat(request: Any, browser_without_3d: Any, both: Path) -> Iterator[Opened]:
    opened = Opened(browser_without_3d, both, request.param, motion="reduce")
    if opened.page.evaluate("document.getElementById('more').checkVisibility()"):
        opened.click("#more")  # a small screen folds search and menu
    yield opened
    opened.close()


def violations(opened: Opened) -> list[str]:
    found = opened.page.evaluate(
        "(rules) => axe.run(document, { resultTypes: ['violations'], runOnly: rules })", RULES
    )
    return [f"{v['id']}: {n['html'][:120]}" for v in found["violations"] for n in v["nodes"]]


def test_axe_finds_nothing_in_any_state(flat: Opened) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (python hatch_build.py --types does it)")
    flat.page.evaluate(AXE.read_text(encoding="utf-8"))
    for name, act in STATES.items():
        flat.page.evaluate(act)
        flat.drawn()
        assert violations(flat) == [], name
    for name in ("figures", "about", "share", "help"):
        flat.page.evaluate(DIALOG, name)
        assert violations(flat) == [], name
    flat.page.evaluate("document.getElementById('dialog').close()")
    flat.click("#language")
    assert flat.errors == []


def test_axe_finds_nothing_on_the_3d_page(open3d: Opened) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (python hatch_build.py --types does it)")
    open3d.page.evaluate(AXE.read_text(encoding="utf-8"))
    for name in (
        "start",
        "folds",
        "difference",
        "building",
        "profile",
        "chapters",
        "compare",
        "story",
        "english",
    ):
        open3d.page.evaluate(STATES[name])
        open3d.drawn()
        assert violations(open3d) == [], name
    open3d.click("#language")
    named = open3d.page.evaluate(
        "[...document.querySelectorAll('#tools button')].map((b) => b.getAttribute('aria-label'))"
    )
    assert all(named)
    assert len(set(named)) == len(named)
    assert {"Nord en haut", "Tourner à gauche", "Vue inclinée ou de dessus"} <= set(named)


def test_a_finger_moves_the_map_and_asks(browser: Any, both: Path) -> None:
    opened = Opened(browser, both, (390, 844), motion="reduce", touch=True)
    try:
        before = opened.page.evaluate("twin.view().camera()")
        session = opened.context.new_cdp_session(opened.page)
        for kind, y in (("touchStart", 430), ("touchMove", 400), ("touchMove", 350), ("touchEnd", None)):
            points = [] if y is None else [{"x": 150, "y": y}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        opened.wait(f"Math.abs(twin.view().camera().y - {before['y']}) > 10")
        assert opened.page.evaluate("twin.app.choices.picked") is None  # a drag asks nothing
        opened.page.touchscreen.tap(150, 430)
        opened.wait("twin.app.choices.picked !== null")
        # What was asked about comes out from under the card that tells of it.
        opened.wait(
            "(() => { const p = twin.app.choices.picked; const y = twin.view().project(p.x, p.y, 0).y;"
            " return y > document.getElementById('card').getBoundingClientRect().bottom"
            " && y < document.getElementById('time').getBoundingClientRect().top; })()"
        )
        wide = opened.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        for button in opened.page.query_selector_all("#tools button, #time button, #head button"):
            box = button.bounding_box()
            if box:  # WCAG 2.2, 2.5.8: 24 × 24 pixels
                assert box["width"] >= 24, button.get_attribute("id")
                assert box["height"] >= 24, button.get_attribute("id")
    finally:
        opened.close()


def test_axe_sees_a_fault_when_there_is_one(flat: Opened) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (python hatch_build.py --types does it)")
    flat.page.evaluate(AXE.read_text(encoding="utf-8"))
    flat.page.evaluate("document.getElementById('play').replaceChildren()")
    flat.page.evaluate("document.getElementById('play').removeAttribute('aria-label')")
    assert any(v.startswith("button-name") for v in violations(flat))
    flat.page.evaluate("twin.app.tell('language')")
    flat.drawn()


def test_the_keyboard_reaches_everything(flat: Opened) -> None:
    flat.page.evaluate("twin.app.set({ slide: null, profile: null, compare: false, difference: false })")
    flat.page.evaluate("document.activeElement.blur()")
    seen: list[str] = []
    for _ in range(60):
        flat.page.keyboard.press("Tab")
        seen.append(flat.page.evaluate("document.activeElement.id || document.activeElement.className"))
        outline = flat.page.evaluate(
            """() => { const e = document.activeElement; if (e === document.body) return true;
                const s = getComputedStyle(e); const after = getComputedStyle(e, '::after');
                const next = e.nextElementSibling ? getComputedStyle(e.nextElementSibling) : s;
                return [s, next].some((c) => c.outlineStyle !== 'none' && parseFloat(c.outlineWidth) >= 2)
                    || after.borderStyle === 'solid'; }"""
        )
        assert outline, f"no focus to be seen on {seen[-1]}"
    for wanted in ("map", "search-for", "open-figures", "open-share", "profile-tool", "play", "slider"):
        assert wanted in seen, (wanted, seen)


def test_focus_stays_on_what_was_pressed(flat: Opened) -> None:
    for control in ("#scenarios button:nth-child(3)", "#scenarios button:last-child", "#language"):
        words = "document.activeElement.innerText"
        flat.page.evaluate("(s) => document.querySelector(s).focus()", control)
        before = flat.page.evaluate(words)
        changed = "JSON.stringify([twin.app.choices.compare, twin.app.choices.difference, document.title,"
        changed += " document.documentElement.lang])"
        was = flat.page.evaluate(changed)
        for _ in range(2):  # there and back
            flat.page.keyboard.press("Enter")
            flat.wait(f"{changed} !== {was!r}")
            flat.drawn()
            assert flat.page.evaluate("document.activeElement.matches('button')"), control
            was = flat.page.evaluate(changed)
        assert flat.page.evaluate(words) == before


def test_playing_neither_takes_the_focus_nor_floods_screen_readers(flat: Opened) -> None:
    flat.page.evaluate(
        "() => { twin.app.set({ compare: false, difference: false, time: 7200, speed: 0.25, slide: null,"
        " picked: { x: 0, y: 0, building: 3, road: null }, profile: [0, 300, 0, -300] });"
        " new MutationObserver((all) => { window.told = all.length; })"
        ".observe(document.getElementById('card'), { childList: true }); }"
    )
    flat.drawn()
    assert flat.page.get_attribute("#card", "aria-live") == "polite"
    for close in ("#card .card-head button", "#profile .card-head button"):
        flat.page.evaluate("(s) => { window.held = document.querySelector(s); held.focus(); }", close)
        flat.page.evaluate("() => { window.told = 0; twin.app.set({ playing: true }); }")
        flat.wait("window.told > 0")  # the table and the chart follow
        flat.wait(f"twin.app.choices.time > {flat.page.evaluate('twin.app.choices.time')} + 60")
        assert flat.page.evaluate("document.activeElement === window.held"), close
        assert flat.page.get_attribute("#card", "aria-live") == "off"
        flat.page.evaluate("twin.app.set({ playing: false })")
        flat.drawn()
        assert flat.page.get_attribute("#card", "aria-live") == "polite"
        assert flat.page.evaluate("document.activeElement === window.held"), close
    flat.page.evaluate("twin.app.set({ picked: null, profile: null, speed: 1 })")
    flat.drawn()


def test_nothing_lies_over_anything(flat: Opened) -> None:
    flat.page.evaluate("twin.app.set({ showPlaces: true, picked: null, profile: null })")
    flat.drawn()
    boxes = flat.page.evaluate(
        """() => { const all = [...document.querySelectorAll('.label')]
                .filter((e) => e.style.visibility === 'visible');
            for (const id of ['head', 'panel', 'time', 'tools']) all.push(document.getElementById(id));
            return all.map((e) => { const r = e.getBoundingClientRect();
                return [e.id || e.textContent, r.left, r.top, r.right, r.bottom]; }); }"""
    )
    assert len(boxes) >= 5  # a name at least
    for k, (name, *a) in enumerate(boxes):
        assert a[0] >= 0, name
        assert a[2] <= flat.page.viewport_size["width"] + 0.5, name
        for other, *b in boxes[k + 1 :]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, (name, other)


def test_half_of_a_small_laptop_is_map(browser_without_3d: Any, both: Path) -> None:
    opened = Opened(browser_without_3d, both, (1280, 720), motion="reduce")
    try:
        covered = opened.page.evaluate(
            """() => { let taken = 0; for (let x = 5; x < 1280; x += 10) for (let y = 5; y < 720; y += 10)
                if (!document.elementFromPoint(x, y).closest('#map')) taken += 1;
                return taken / (128 * 72); }"""
        )
        print(f"{100 * covered:.0f} % of 1280 × 720 is covered")
        assert covered < 0.36
        panel = opened.page.evaluate(
            "(() => { const p = document.getElementById('panel');"
            " return p.scrollHeight - p.clientHeight; })()"
        )
        assert panel <= 0  # the legend of the water is seen whole
    finally:
        opened.close()
