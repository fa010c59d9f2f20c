"""The build hook: what it asks for, when it rebuilds, and that this checkout's bundle is the sources'."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    pytest.importorskip("hatchling", reason="hatchling is not installed (pip install -e .[dev])")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hatch_build"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(hook: ModuleType, tmp_path: Path) -> Path:
    for path in [*hook.source_files(ROOT), *(ROOT / "viz" / "_bundle").iterdir()]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


def test_bundle_of_this_checkout_is_up_to_date(hook: ModuleType) -> None:
    assert not hook.is_stale(ROOT), "viz/web has changed since the bundle was made: python hatch_build.py"


def test_node_is_asked_for_only_when_something_is_to_be_bundled(hook: ModuleType, checkout: Path) -> None:
    builder = hook.PageBundleHook(str(checkout), {}, None, None, str(checkout), "wheel")
    assert builder.dependencies() == []
    source = checkout / "viz" / "web" / "src" / "main.ts"
    source.write_text(source.read_text(encoding="utf-8") + "// changed\n", encoding="utf-8")
    assert hook.is_stale(checkout)
    assert builder.dependencies() == [hook.NODE_REQUIREMENT]


def test_missing_product_is_stale(hook: ModuleType, checkout: Path) -> None:
    assert not hook.is_stale(checkout)
    (checkout / "viz" / "_bundle" / "viewer.css").unlink()
    assert hook.is_stale(checkout)


def test_fresh_bundle_is_shipped_without_building(
    hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "build_bundle", lambda _root: pytest.fail("nothing to build"))
    data: dict[str, Any] = {"artifacts": [], "force_include": {}}
    hook.PageBundleHook(str(checkout), {}, None, None, str(checkout), "wheel").initialize("standard", data)
    assert data["artifacts"] == ["/viz/_bundle/*"]


def test_failed_step_says_what_and_why(hook: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"esbuild failed \(exit 3\)[\s\S]*the reason[\s\S]*npm reads"):
        hook._call(
            "esbuild",
            [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"],
            tmp_path,
            Path(sys.executable),
        )
