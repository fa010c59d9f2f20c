"""Whether 3D rendering works here, tried in a child process: without GL libraries VTK crashes."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from twin.errors import TwinError
from twin.messages import text

#: Debian and Ubuntu packages that give software rendering without a display.
PACKAGES = "libegl1 libgl1-mesa-dri"

_TRIAL = """
import pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=(32, 32))
plotter.disable_anti_aliasing()
plotter.add_mesh(pyvista.Sphere(), color="red")
picture = plotter.screenshot(None, return_img=True)
plotter.close()
assert picture.max() > picture.min(), "the picture is empty"
"""


def has_display() -> bool:
    """Whether a window can be opened."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY"))


def in_notebook() -> bool:
    """Whether the code runs in a cell of a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and "ZMQ" in type(shell).__name__


def has_trame() -> bool:
    """Whether PyVista can show a live scene in a notebook."""
    return all(find_spec(name) is not None for name in ("trame", "trame_vtk", "trame_pyvista"))


def _environment() -> dict[str, str]:
    """Without a display, ask VTK for EGL at once instead of trying X first."""
    environment = dict(os.environ)
    if not has_display():
        environment.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    return environment


@cache
def problem() -> str:
    """Why rendering does not work on this machine, in a word or two; empty when it does."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRIAL],
            capture_output=True,
            text=True,
            timeout=120,
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timeout (120 s)"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"signal {-done.returncode}"
    last = [line for line in done.stderr.splitlines() if line.strip()]
    return last[-1].strip() if last else f"exit {done.returncode}"


def pyvista() -> ModuleType:
    """PyVista, once a trial picture has come out.

    Raises
    ------
    TwinError
        Rendering does not work here; the message names the packages that mend it.
    """
    why = problem()
    if why:
        raise TwinError(text("scene.no_rendering", why=why, packages=PACKAGES))
    os.environ.update(_environment())
    import pyvista as pv

    return pv
