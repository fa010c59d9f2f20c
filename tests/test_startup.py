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
next(Simulation(scenario).steps())
"""
    others = {
        "pint", "PIL", "rich", "matplotlib", "scipy.ndimage", "scipy.sparse", "scipy.spatial",
        "twin.indicators", "twin.solvers.traffic.solver",
    }  # fmt: skip
    assert not others & imported(code)


def test_what_a_run_has_imported_is_not_looked_through_for_garbage() -> None:
    code = (
        "import gc; from twin.cli import ready_to_run; ready_to_run()\n"
        "print(gc.get_freeze_count() > 10**5, gc.isenabled())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


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
