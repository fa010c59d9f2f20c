"""A scene to move in: a time slider, a click that tells the depth; in a window or below a notebook's cell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twin.messages import text
from twin.results import Result
from viz import rendering
from viz.scene import Scene

_STILL = 5  # pixels: who moves the mouse by more between press and release turns the scene
_MOVED = ("terrain", "water", "buildings")  # what a click can hit


def show(
    result: Result,
    time: float | None = None,
    *,
    exaggeration: float = 1.0,
    lang: str | None = None,
    backend: str | None = None,
) -> Any:
    """Look at a run: a time slider, and a click tells the depth at a place.

    In a notebook the scene stands below the cell: live with trame (extra ``notebook``), a still picture
    without. Elsewhere a window opens; without a display the scene is drawn once off screen, and said so.

    Parameters and errors as for `viz.scene.scene`; ``backend`` is PyVista's ``jupyter_backend``, chosen when
    None: ``server`` or ``static``.

    Returns
    -------
    pyvista.Plotter
        ``.screenshot("x.png")`` works on it; in a notebook, what the notebook displays.
    """
    notebook = rendering.in_notebook()
    chosen = backend or ("server" if rendering.has_trame() else "static")
    live = chosen != "static" if notebook else rendering.has_display()
    drawn = Scene(
        result, exaggeration=exaggeration, lang=lang, off_screen=notebook or not live, menu=notebook and live
    )
    drawn.set_time(time)
    if live:
        follow(drawn, time)
    plotter: Any = drawn.plotter
    if notebook:
        options = {"jupyter_kwargs": {"collapse_menu": True}} if live else {}
        with _no_download():
            return plotter.show(jupyter_backend=chosen, auto_close=False, return_viewer=True, **options)
    if not live:
        print(text("scene.no_display", lang), file=sys.stderr)
    plotter.show(auto_close=False)
    return plotter


def follow(drawn: Scene, time: float | None) -> None:
    """Let people move a scene: the slider sets its time, a click (not a drag) tells the depth there."""
    plotter: Any = drawn.plotter
    if drawn.times.size > 1:
        first, last = (float(t) / 3600 for t in drawn.times[[0, -1]])
        slider = plotter.add_slider_widget(
            lambda value: drawn.set_time(value * 3600),
            (first, last),
            value=last if time is None else time / 3600,
            pointa=(0.27, 0.13),
            pointb=(0.68, 0.13),
            style="modern",
        )
        # The clock in the corner says more than hours with decimals.
        slider.GetRepresentation().ShowSliderLabelOff()
        drawn.set_time(time)
    plotter.iren.add_observer("LeftButtonPressEvent", lambda *_: _pressed(drawn))
    plotter.iren.add_observer("LeftButtonReleaseEvent", lambda *_: _released(drawn))


def _pressed(drawn: Scene) -> None:
    drawn.pressed = drawn.plotter.iren.interactor.GetEventPosition()


def _released(drawn: Scene) -> None:
    """Tell the place under the mouse when it has hardly moved since it was pressed."""
    x, y = drawn.plotter.iren.interactor.GetEventPosition()
    at, drawn.pressed = drawn.pressed, None
    if at is None or max(abs(x - at[0]), abs(y - at[1])) > _STILL:
        return
    from vtkmodules.vtkRenderingCore import vtkCellPicker

    picker = vtkCellPicker()
    picker.SetTolerance(0.0)
    picker.PickFromListOn()
    for name in _MOVED:
        if name in drawn.plotter.actors:
            picker.AddPickList(drawn.plotter.actors[name])
    if picker.Pick(float(x), float(y), 0.0, drawn.plotter.renderer):
        east, north, _ = picker.GetPickPosition()
        drawn.tell(east, north)
        drawn.plotter.render()


@contextmanager
def _no_download() -> Iterator[None]:
    """While a live view is started, trame's WebAssembly renderer is hidden.

    `trame_pyvista.jupyter.launch_server` initialises it when it can be imported, which fetches an archive
    from gitlab.kitware.com; the view rendered on this side needs none of it, and nothing of ours calls out.
    """
    name = "trame.widgets.vtklocal"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # importing it raises ImportError
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
