"""Pictures of runs: the offline page, the 3D scene, maps and movies. Imported when first used.

>>> import viz
>>> sorted(viz.__all__)
['maps', 'movie', 'page', 'scene', 'show']
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz import maps as maps
    from viz.live import show as show
    from viz.movie import movie as movie
    from viz.page import page as page
    from viz.scene import scene as scene

# Name → (module, attribute); an empty attribute is the module itself.
_HOME = {
    "maps": ("viz.maps", ""),
    "movie": ("viz.movie", "movie"),
    "page": ("viz.page", "page"),
    "scene": ("viz.scene", "scene"),
    "show": ("viz.live", "show"),
}

__all__ = ["maps", "movie", "page", "scene", "show"]  # pyright: ignore[reportUnsupportedDunderAll]


class _Package(ModuleType):
    """`viz.page` is the function, whoever imported the module ``viz.page`` before."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Python binds a submodule to its package when it is imported, over the function's name.
        attribute = _HOME.get(name, ("", ""))[1]
        if attribute and isinstance(value, ModuleType):
            value = getattr(value, attribute)
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'viz' has no attribute {name!r}")
    home, attribute = _HOME[name]
    module = import_module(home)
    return getattr(module, attribute) if attribute else module


def __dir__() -> list[str]:
    return __all__


sys.modules[__name__].__class__ = _Package
