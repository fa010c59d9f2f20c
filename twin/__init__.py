"""Twin: a territorial digital-twin simulation engine.

Terrain, water, roads, buildings and people in one model, from IGN files to a page that opens by
double click. Names are imported when first used, so that ``twin --help`` stays quick.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

from twin.jit import place_cache

__version__ = "0.1.0"

if TYPE_CHECKING:
    from twin.domain import Domain as Domain
    from twin.grid import Grid as Grid
    from twin.gridding import build_domain as build_domain
    from twin.indicators import compare as compare
    from twin.network import Network as Network
    from twin.results import Result as Result
    from twin.scenarios import Scenario as Scenario
    from twin.simulation import Simulation as Simulation
    from twin.simulation import resume as resume
    from twin.simulation import run as run
    from twin.territory import Territory as Territory

_HOME = {
    "Domain": "twin.domain",
    "build_domain": "twin.gridding",
    "Grid": "twin.grid",
    "Network": "twin.network",
    "Result": "twin.results",
    "Scenario": "twin.scenarios",
    "Simulation": "twin.simulation",
    "Territory": "twin.territory",
    "compare": "twin.indicators",
    "resume": "twin.simulation",
    "run": "twin.simulation",
}

__all__ = [*sorted(_HOME), "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


place_cache()  # before the first kernel is imported


def __getattr__(name: str) -> Any:
    if name in _HOME:
        # Importing makes 10⁵ objects that stay: looking among them for garbage takes a tenth of its time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return getattr(import_module(_HOME[name]), name)
        finally:
            if collecting:
                gc.enable()
    raise AttributeError(f"module 'twin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
