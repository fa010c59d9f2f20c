"""Where compiled kernels are kept, and the time that compiling takes."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).parent
VARIABLE = "NUMBA_CACHE_DIR"


def place_cache(package: Path = PACKAGE) -> Path | None:
    """Choose where numba keeps compiled kernels where it cannot keep them beside their sources.

    That is the user's cache folder, else one of the user in the folder for temporary files, else a new one
    for this process alone. It is named by the sources of all kernels: numba itself would only look at the
    file of the function that it loads. None (and nothing changed) where the sources' folder can be written,
    or where NUMBA_CACHE_DIR says something.
    """
    if os.environ.get(VARIABLE) or _writable(package):
        return None
    name = f"kernels-{_digest(package)}"
    chosen = next((place for base in _bases() if (place := _made(base / name)) is not None), None)
    if chosen is None:
        chosen = Path(tempfile.mkdtemp(prefix="twin-"))
    os.environ[VARIABLE] = str(chosen)
    if "numba" in sys.modules:  # it has read its environment already
        sys.modules["numba"].config.CACHE_DIR = str(chosen)
    return chosen


def _writable(package: Path) -> bool:
    inside = package / "__pycache__"
    return os.access(inside if inside.is_dir() else package, os.W_OK)


def _digest(package: Path) -> str:
    """Of all files with kernels."""
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        if b"njit" in content or path.name == "hazards.py":
            found.update(str(path.relative_to(package)).encode() + b"\0" + content)
    return found.hexdigest()[:16]


def _bases() -> Iterator[Path]:
    """Folders of the user, the one that lasts first."""
    cache = os.environ.get("XDG_CACHE_HOME")
    home = os.environ.get("LOCALAPPDATA") if os.name == "nt" else str(Path("~").expanduser())
    if cache:
        yield Path(cache) / "twin"
    elif home:
        yield Path(home) / ("twin" if os.name == "nt" else ".cache/twin")
    user = os.getuid() if hasattr(os, "getuid") else "cache"
    yield Path(tempfile.gettempdir()) / f"twin-{user}"


def _made(place: Path) -> Path | None:
    """The folder, made if need be; None where it cannot be written or is not the user's alone to write: what
    lies in it is run.
    """
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid"):
            for folder in (place, place.parent):
                status = folder.stat()
                if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    return None
        with tempfile.TemporaryFile(dir=place):
            return place
    except (OSError, RuntimeError):  # RuntimeError: no home is known
        return None


def spare_linear_algebra() -> None:
    """Import what numba knows of arrays, which every kernel needs, without the linear algebra of SciPy.

    Numba imports it there only to see whether there is a BLAS, and there is one: SciPy is a dependency. It
    takes a tenth of what passes before the first step of a small run, and no kernel of ours multiplies
    matrices. One that does (of another distribution's solver) has it imported by numba when it is compiled
    or loaded.
    """
    asked = "scipy.linalg.cython_blas"
    if asked in sys.modules:
        return
    sys.modules[asked] = ModuleType(asked)
    try:
        import_module("numba.np.arraymath")
    except ImportError:  # another numba, which asks at another place
        return
    finally:
        del sys.modules[asked]


@dataclass
class Compiled:
    """Functions that numba compiled, and the seconds that it took; loading from the cache is none of both."""

    count: int = 0
    seconds: float = 0.0


@contextmanager
def compiling() -> Iterator[Compiled]:
    """Count what numba compiles meanwhile."""
    from numba.core import event

    found = Compiled()

    class Clock(event.Listener):
        def __init__(self) -> None:
            self._depth, self._begun = 0, 0.0

        def on_start(self, _event: Any) -> None:
            # A function compiles those that it calls meanwhile: their time is in its own.
            if self._depth == 0:
                self._begun = time.perf_counter()
            self._depth += 1
            found.count += 1

        def on_end(self, _event: Any) -> None:
            self._depth -= 1
            if self._depth == 0:
                found.seconds += time.perf_counter() - self._begun

    with event.install_listener("numba:compile", Clock()):
        yield found
