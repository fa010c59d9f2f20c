"""What is written on a scene: name, instant, legend, scale, north, sources and the reserve."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

import twin
from twin.messages import day_and_time, hours_and_minutes, number, text
from twin.notebook import start_of
from viz import colours as c
from viz.pen import FAINT, INK, RED
from viz.sheet_text import round_down, sources_of

if TYPE_CHECKING:
    from viz.scene import Scene

_LEFT, _ROW = 12, 20  # pixels
_MENU = 44  # pixels that a notebook's button takes


def write(scene: Scene) -> None:
    """Everything that stands still."""
    _title(scene)
    top = _foot(scene)
    _legend(scene, top)
    _scale(scene)
    _north(scene)


def instant(scene: Scene, time: float | None) -> None:
    """The clock of the run at `time` (s since the start), or that the greatest depths are shown."""
    if time is None:
        words = text("scene.at_most", scene.lang)
    else:
        minutes = round(time / 60)
        words = f"T+{hours_and_minutes(60 * minutes)}"
        start = start_of(scene.result)
        if start is not None:
            words = f"{day_and_time(start + timedelta(minutes=minutes), scene.lang)}  ·  {words}"
    _corner(scene, words, 0, 52, 10, "instant")


def _title(scene: Scene) -> None:
    _corner(scene, scene.result.name, 0, 28, 12, "title")


def _corner(scene: Scene, words: str, right: int, below: int, size: int, name: str) -> None:
    """Text hung from the upper left corner of the window, whatever becomes of its size."""
    width, height = scene.plotter.window_size
    right += _MENU if scene.menu else 0
    at = ((_LEFT + right) / width, 1.0 - (below + 4) / height)
    scene.plotter.add_text(
        _plain(words), position=at, viewport=True, font_size=size, color=INK, name=name, render=False
    )


def _plain(words: str) -> str:
    """Names come from data: a pair of ``$`` would be set as mathematics."""
    return words.replace("$", r"\$") if words.count("$") > 1 else words


def _foot(scene: Scene) -> int:
    """The reserve, how it was made and the sources (licences want them named); how high that is (pixels)."""
    reserve = text("map.indicative", scene.lang)
    if scene.scale != 1.0:
        reserve += f" – {text('scene.exaggeration', scene.lang, factor=number(scene.scale, scene.lang))}"
    made = text(
        "map.computed",
        scene.lang,
        version=twin.__version__,
        cell=number(scene.result.model_grid.cell, scene.lang),
        crs=scene.grid.crs,
    )
    cited = text("map.source", scene.lang, sources=" ; ".join(sources_of(scene.result, scene.lang)))
    width = scene.plotter.window_size[0]
    lines = textwrap.wrap(f"{made}. {cited}", max(40, int((width - 2 * _LEFT) / 6.5)))
    height = 12 * len(lines)
    _rectangle(scene, 0, 0, width, height + 24, "#ffffff", 0.7)
    for k, line in enumerate(reversed(lines)):
        scene.plotter.add_text(_plain(line), position=(_LEFT, 4 + 12 * k), font_size=6, color=FAINT)
    scene.plotter.add_text(reserve, position=(_LEFT, 5 + height), font_size=8, color=RED)
    return height + 24


def _legend(scene: Scene, bottom: int) -> None:
    rows: list[tuple[str, Sequence[str]]] = [
        (c.class_label(part, "m", scene.lang), [part.colour]) for part in c.DEPTH
    ]
    if scene.permanent.any():
        rows.append((text("map.permanent", scene.lang), [c.PERMANENT_WATER]))
    if scene.has_roads:
        rows.append((text("scene.road_cut", scene.lang), [c.ROAD_CUT[1]]))
    if scene.has_buildings:
        rows.append((text("scene.building_touched", scene.lang), [part.colour for part in c.BUILDING]))
    bottom += 12
    _rectangle(scene, 8, bottom - 6, 236, _ROW * (len(rows) + 1) + 12, "#ffffff", 0.8)
    head = text("scene.depth", scene.lang)
    scene.plotter.add_text(
        head, position=(16, bottom + _ROW * len(rows)), font_size=8, color=INK, font="arial"
    )
    for k, (label, colours) in enumerate(reversed(rows)):
        y, wide = bottom + _ROW * k, 28 / len(colours)
        for q, colour in enumerate(colours):
            _rectangle(scene, 16 + q * wide, y + 3, wide, 13, colour, 1.0)
        scene.plotter.add_text(label, position=(52, y), font_size=8, color=INK)


def _scale(scene: Scene) -> None:
    """A bar of a round length on the ground before the southern edge: what is farther looks smaller."""
    west, south, east, north = scene.grid.bounds
    length = round_down((east - west) / 5)
    edge = scene.ground[-max(2, scene.ground.shape[0] // 20) :]
    z = scene.scale * float(np.nanmin(edge if np.isfinite(edge).any() else scene.ground))
    high = 0.016 * max(east - west, north - south)
    x, y = 0.86 * (east - west) - length, -2.0 * high
    for k in range(4):
        _flat(
            scene,
            [(x + (k + d) * length / 4, y + e * high, z) for d, e in ((0, 0), (1, 0), (1, 1), (0, 1))],
            INK if k % 2 == 0 else "#ffffff",
            f"scale{k}",
        )
    unit, factor = ("km", 1000.0) if length >= 1000 else ("m", 1.0)
    ends = np.array([(x, y + 0.5 * high, z), (x + length, y + 0.5 * high, z)])
    _labels(scene, ends, ["0", f"{number(length / factor, scene.lang)} {unit}"], 12, "scale")


def _north(scene: Scene) -> None:
    """An arrow on the ground, east of the terrain: it turns with it."""
    west, south, east, north = scene.grid.bounds
    side = max(east - west, north - south)
    x, y, z = (
        (east - west) + 0.05 * side,
        0.78 * (north - south),
        scene.scale * float(np.nanmin(scene.ground)),
    )
    half, long = 0.014 * side, 0.1 * side
    _flat(scene, [(x - half, y, z), (x, y + long, z), (x, y + 0.25 * long, z)], INK, "north_west")
    _flat(scene, [(x + half, y, z), (x, y + 0.25 * long, z), (x, y + long, z)], "#8a9096", "north_east")
    _labels(scene, np.array([(x, y + 1.3 * long, z)]), [text("map.north", scene.lang)], 15, "north")


def _flat(scene: Scene, corners: Sequence[tuple[float, float, float]], colour: str, name: str) -> None:
    mesh = scene.pv.PolyData(np.array(corners, dtype=np.float32), faces=[len(corners), *range(len(corners))])
    scene.plotter.add_mesh(
        mesh, color=colour, lighting=False, name=name, render=False, reset_camera=False, pickable=False
    )


def _labels(scene: Scene, points: Any, words: list[str], size: int, name: str) -> None:
    scene.plotter.add_point_labels(
        points,
        words,
        font_size=size,
        text_color=INK,
        shape=None,
        show_points=False,
        always_visible=True,
        justification_horizontal="center",
        justification_vertical="center" if name == "north" else "top",
        name=name,
        reset_camera=False,
        render=False,
        pickable=False,
    )


def _rectangle(
    scene: Scene, x: float, y: float, width: float, height: float, colour: str, opacity: float
) -> None:
    """A filled rectangle on the window (pixels from its lower left corner)."""
    from vtkmodules.vtkRenderingCore import vtkActor2D, vtkPolyDataMapper2D

    corners = [(x, y, 0), (x + width, y, 0), (x + width, y + height, 0), (x, y + height, 0)]
    mapper = vtkPolyDataMapper2D()
    mapper.SetInputData(scene.pv.PolyData(np.array(corners, dtype=np.float32), faces=[4, 0, 1, 2, 3]))
    actor = vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*c.rgb(colour))
    actor.GetProperty().SetOpacity(opacity)
    scene.plotter.add_actor(actor, reset_camera=False, render=False)
