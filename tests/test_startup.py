"""What starting costs: modules that a command has no use for are not imported, and garbage is looked for as
before.
"""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest


def imported(code: str) -> set[str]:
    """The modules that a new process has imported after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split("\n"))


def test_help_and_arguments_need_no_arrays() -> None:
    heavy = {"numpy", "pandas", "xarray", "zarr", "numba", "scipy", "geopandas", "shapely"}
    assert not heavy & imported("import twin.cli")


def test_a_run_imports_nothing_that_few_runs_need() -> None:
    code = 'import twin\ntwin.run\nfrom twin.units import parse\nassert parse("50 mm/h", "m/s") > 0'
    few = {"scipy.optimize", "scipy.spatial", "scipy.ndimage", "pint", "matplotlib", "pyvista", "viz"}
    assert not few & imported(code)


def test_a_flood_reaches_its_first_step_without_what_other_runs_need() -> None:
    """What it costs to read, check and grid the sample territory: modules of tens of milliseconds each."""
    code = """
from twin.cli import ready_to_run
ready_to_run()
from twin.layers import samples
from twin.scenarios import Scenario
from twin.simulation import Simulation
scenario = Scenario.open(samples.path("valmont") / "scenarios" / "crue_centennale.toml")
kept = {name: table for name, table in scenario.params.items() if name in ("flood", "domain")}
update = {"resolution": 50.0, "solvers": ("flood",), "params": kept, "story": ()}
scenario = scenario.model_copy(update=update)
assert not scenario.check()
import tempfile
from pathlib import Path
from twin.recording import Recorder
simulation = Simulation(scenario)
with tempfile.TemporaryDirectory() as folder:
    recorder = Recorder.create(Path(folder) / "run", simulation, overwrite=False, setup_seconds=0.0)
    next(simulation.steps(recorder.land))
    recorder.writer.close()
"""
    others = {
        "pint", "zarr", "PIL", "rich", "matplotlib", "scipy.linalg", "scipy.ndimage", "scipy.sparse",
        "scipy.spatial", "numpy.f2py", "twin.indicators", "twin.solvers.traffic.solver",
    }  # fmt: skip
    assert not others & imported(code)


def said(code: str) -> list[str]:
    """The words that a new process prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_a_kernel_of_others_has_its_linear_algebra_all_the_same() -> None:
    """One of a solver of another distribution may multiply matrices in a process of `twin run`."""
    code = """
import sys
from twin.cli import ready_to_run
ready_to_run()
import numpy as np
from numba import njit

@njit
def product(a, b):
    return np.dot(a, b)

print("scipy.linalg" in sys.modules, product(np.eye(2) * 3.0, np.ones((2, 2))).sum())
from scipy.linalg import cython_blas, solve
print(cython_blas.__spec__ is not None, solve(np.eye(2), np.ones(2)).sum())
"""
    assert said(code) == ["False", "12.0", "True", "2.0"]


@pytest.mark.parametrize("name", ["scipy.linalg.cython_blas", "numba.np.arraymath"])
def test_linear_algebra_is_spared_where_it_can_be(name: str) -> None:
    """It stays where it is imported already, and a numba that asks for it elsewhere is no failure."""
    code = f"""
import sys
from importlib import import_module
from twin.jit import spare_linear_algebra
if "scipy" in {name!r}:
    import scipy.linalg.cython_blas
else:
    sys.modules[{name!r}] = None
before = sys.modules[{name!r}]
spare_linear_algebra()
print(sys.modules[{name!r}] is before, "scipy.linalg.cython_blas" in sys.modules)
"""
    assert said(code) == ["True", str("scipy" in name)]


def test_what_a_run_has_imported_is_not_looked_through_for_garbage() -> None:
    code = """
import gc
from twin.cli import ready_to_run
looks = []
gc.callbacks.append(lambda phase, info: looks.append(phase))
ready_to_run()
print(gc.get_freeze_count() > 10**5, gc.isenabled(), len(looks))
"""
    assert said(code) == ["True", "True", "0"]


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_looked_for_as_before(collecting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = gc.isenabled()
    seen = []

    def importing(name: str) -> object:
        seen.append(gc.isenabled())
        if name == "twin.grid":
            raise ImportError(name)
        return sys.modules["twin.simulation"]

    import twin.simulation

    monkeypatch.setattr(twin, "import_module", importing)
    try:
        (gc.enable if collecting else gc.disable)()
        assert twin.__getattr__("run") is sys.modules["twin.simulation"].run
        with pytest.raises(ImportError):
            twin.__getattr__("Grid")
        assert gc.isenabled() is collecting
        assert seen == [False, False]
    finally:
        (gc.enable if before else gc.disable)()
