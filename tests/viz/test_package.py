"""`import viz` is quick and its names are what the contract says, in whatever order modules load."""

from __future__ import annotations

import subprocess
import sys


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_is_lazy() -> None:
    code = (
        "import sys, viz; print([m for m in ('pyvista', 'vtk', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_functions_win_over_modules_of_the_same_name() -> None:
    code = (
        "import viz, viz.page, viz.scene, viz.movie\n"
        "print(*(callable(f) for f in (viz.page, viz.scene, viz.movie, viz.show)), viz.maps.__name__)"
    )
    assert run_python(code) == "True True True True viz.maps"


def test_maps_need_no_display_and_no_pyplot() -> None:
    code = "import sys, viz; viz.maps; print('matplotlib.pyplot' in sys.modules, 'pyvista' in sys.modules)"
    assert run_python(code) == "False False"
