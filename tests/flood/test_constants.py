"""Every constant of the solver that bounds or switches something stands in the table of the validation."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.validation.constants import MEASURED
from tests.conftest import ROOT

FILES = sorted((ROOT / "twin" / "solvers" / "flood").glob("*.py"))
FILES = [file for file in FILES if file.stem != "kernels_record"]  # takes its own from `hazards`

# Neither bound nor switch: the layout of arrays and codes, guards against a division by zero, and
# coefficients of formulae whose source stands beside them.
LAYOUT = {
    "kernels": {
        "PAD", "TILE_ROWS", "TILE_COLS", "SWEEP_COLS", "WEST_TILE", "EAST_TILE", "BOTH_TILES", "DEPTH",
        "DISCHARGE_X", "DISCHARGE_Y", "BED", "FRICTION", "CREST_X", "CREST_Y", "SMOOTH", "FALL", "PLANES",
        "MANNING", "CHEZY", "LINEAR", "COLUMN_SPEED", "COLUMN_DEPTH", "MAXIMA", "TINY", "SMALL",
        "FOUR", "LARGE_STEP",  # how rows are written, no bit of what
        "CHUNK", "CHUNKS", "FACED", "WETS",  # which parts of rows are left out, no bit of the others
    },
    "kernels_inertial": {"HALF", "QUARTER", "ONE", "TWO", "ZERO", "THIRD", "SECOND", "REST", "DEEP"},
    "global_steps": {"LONGEST"},  # seconds of a call: never alters the answer
    "crest_metres": {"LONGEST"},  # of a search; what it leaves out is in test_crest_metres
    "ground": {"HALO"},
    "critical": {"NEAR_CRITICAL"},  # words only
    "stopping": {"PIT"},  # what a stop calls a pit: words only
    "kernels_edges": {
        "WALL", "OPEN", "NORMAL_DEPTH", "LEVEL", "RATING", "WEST", "EAST", "NORTH", "SOUTH", "SIDES",
    },
    "kernels_watch": {"NEW_SECTION", "NEW_GAUGE"},  # extremes of nothing yet
    "kernels_infiltration": {
        "GREEN_AMPT", "HORTON", "CURVE_NUMBER", "TAKEN", "CLOCK", "LOST", "SOIL_PLANES", "LOSS", "FIRST",
        "SECOND", "THIRD", "RULE_NUMBERS", "ENOUGH", "SHORT", "LEAST_SHARE",
    },
    "kernels_local": {"FRAME"},
    "local_steps": {"PAIR"},
    "kernels_subgrid_faces": {
        "ZERO", "HALF", "ONE", "TWO", "FOUR", "QUARTER", "MODULAR_S", "LARGEST_S", "WEIR_S", "FAR", "FAR_S",
        "THIN", "LEAST",
    },
    "kernels_rows": {"NONE", "LINE"},
    "memory": {"LINE"},
}  # fmt: skip
COEFFICIENTS = {
    "hazards": {"PPRI_TABLE"},
    "hydraulics": {"KU", "CONTRACTION", "ORIFICE", "BROAD_CREST"},
    "edge_levels": {"SHARES", "WINDOWS"},
    "kernels": {"GRAVITY"},
    "kernels_crests": {"BROAD_CREST", "DROWNED"},
    "overtopping": {"SHAPE", "OVERFLOW"},
}
# Whole numbers of the other modules of kernels: places in a scratch or in a state.


def _names(file: Path) -> Iterator[str]:
    """The constants that a module assigns."""
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for name in (node for target in targets for node in ast.walk(target)):
                if isinstance(name, ast.Name) and name.id.isupper() and not name.id.startswith("_"):
                    yield name.id


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_constant_is_measured_or_no_limit(file: Path) -> None:
    name, names = file.stem, set(_names(file))
    module = importlib.import_module(f"twin.solvers.flood.{name}")
    known = {*MEASURED.get(name, ()), *LAYOUT.get(name, ()), *COEFFICIENTS.get(name, ())}
    assert known <= names, "named here, but no longer there"
    for constant in names - known:
        value = np.asarray(getattr(module, constant))
        place = name.startswith("kernels_") and np.issubdtype(value.dtype, np.integer)
        assert place or value.dtype == object or value.dtype.kind in "USO", (
            f"{constant} = {value}: measure it"
        )
