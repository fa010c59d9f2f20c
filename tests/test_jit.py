"""Compiled kernels are kept where they can be, and loaded by the next process."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numba import njit
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher

import twin
from twin import jit

ROOT = Path(__file__).parent.parent
PROGRAM = """
import numpy as np
import twin
from twin.solvers.flood.kernels import inverse_cube_roots
out = np.zeros(3)
inverse_cube_roots(np.array([1.0, 8.0, 27.0]), out)
hits = sum(inverse_cube_roots.stats.cache_hits.values())
print(inverse_cube_roots.stats.cache_path, hits, abs(out - [1, 1 / 2, 1 / 3]).max() < 1e-6)
"""


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A copy of the package that the user of `_run` cannot write."""
    shutil.copytree(ROOT / "twin", tmp_path / "site" / "twin", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [*(tmp_path / "site").rglob("*/"), tmp_path / "site"]:
        folder.chmod(0o555)
    yield tmp_path / "site"
    for folder in [tmp_path / "site", *(tmp_path / "site").rglob("*/")]:
        folder.chmod(0o755)


def _run(site: Path, environment: dict[str, str]) -> tuple[Path, int]:
    command = [sys.executable, "-c", PROGRAM]
    if os.geteuid() == 0:  # to whom rights mean nothing, but without capabilities
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and there is no setpriv")
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    told = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", check=False, env=told | environment
    )
    assert done.returncode == 0, done.stderr
    path, hits, right = done.stdout.split()
    assert right == "True"
    return Path(path), int(hits)


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
@pytest.mark.parametrize("home", [True, False])
def test_read_only_package_keeps_its_kernels_elsewhere(read_only: Path, tmp_path: Path, home: bool) -> None:
    place = tmp_path / ("home" if home else "tmp")
    place.mkdir()
    environment = {"HOME": str(place) if home else "/proc/nowhere", "TMPDIR": str(place)}
    first, hits = _run(read_only, environment)
    assert hits == 0
    assert first.is_relative_to(place / (".cache/twin" if home else f"twin-{os.geteuid()}"))
    assert _run(read_only, environment) == (first, 1)


def test_a_folder_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("rights of POSIX")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert jit._made(shared / "kernels") is None
    assert jit._made(tmp_path / "own" / "kernels") is not None


def test_a_package_that_can_be_written_and_the_user_s_word_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(jit.VARIABLE, raising=False)
    assert jit.place_cache(tmp_path) is None
    monkeypatch.setenv(jit.VARIABLE, "/somewhere")
    assert jit.place_cache(Path("/proc")) is None
    assert os.environ[jit.VARIABLE] == "/somewhere"


def test_the_name_follows_the_sources(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("@njit\ndef f(): return 1\n")
    (tmp_path / "other.py").write_text("a = 1\n")
    before = jit._digest(tmp_path)
    (tmp_path / "other.py").write_text("a = 2\n")
    assert jit._digest(tmp_path) == before
    (tmp_path / "kernels.py").write_text("@njit\ndef f(): return 2\n")
    assert jit._digest(tmp_path) != before


def test_compiling_is_counted_once_and_loading_is_not() -> None:
    import numpy as np

    @njit
    def inner(x):
        return x + 1

    @njit
    def outer(x):
        return inner(x) * 2

    with jit.compiling() as found:
        outer(np.float64(1.0))
    assert found.count == 2
    assert 0 < found.seconds < 60
    with jit.compiling() as again:
        outer(np.float64(2.0))
    assert (again.count, again.seconds) == (0, 0.0)


def kernels_in_python(source: str, names: dict[str, Any]) -> Iterator[tuple[int, Dispatcher]]:
    """Line and kernel, wherever the code of a module that numba does not compile speaks of one."""

    def of(node: ast.AST) -> Any:
        if isinstance(node, ast.Attribute):
            owner = of(node.value)
            return getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
        return names.get(node.id) if isinstance(node, ast.Name) else None

    def walk(node: ast.AST) -> Iterator[tuple[int, Dispatcher]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef) and isinstance(names.get(child.name), Dispatcher):
                continue  # what a kernel calls is in its own compiled code
            if isinstance(found := of(child), Dispatcher):
                yield child.lineno, found  # type: ignore[attr-defined]
            yield from walk(child)

    tree = ast.parse(source)
    for node in ast.walk(tree):  # modules imported in a function
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("twin"):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                if (found := getattr(module, alias.name, None)) is not None:
                    names = {alias.asname or alias.name: found} | names
    return walk(tree)


def test_every_kernel_that_python_calls_is_kept() -> None:
    """One without `cache=True` is compiled anew by every process."""
    names = [found.name for found in pkgutil.walk_packages(twin.__path__, "twin.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    calls, lost = 0, []
    for module in modules:
        for line, kernel in kernels_in_python(inspect.getsource(module), vars(module)):
            calls += 1
            if isinstance(kernel._cache, NullCache):
                lost.append(f"{module.__name__}:{line} {kernel.__name__}")
    assert not lost
    assert calls > 80


def test_a_kernel_that_is_not_kept_is_found_in_python_alone() -> None:
    source = """
def python(x):
    from twin.kernels_footprints import mark
    return lost(x) + mark(x)

def kernel(x):
    return lost(x)
"""

    @njit
    def lost(x):
        return x

    @njit
    def kernel(x):
        return lost(x)

    found = list(kernels_in_python(source, {"lost": lost, "kernel": kernel}))
    assert [(line, type(of._cache) is NullCache) for line, of in found] == [(4, True), (4, False)]
