"""A film of a run (mp4): the 3D scene as time goes by, the water interpolated between frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from twin.errors import TwinError
from twin.files import replacing
from twin.messages import text
from twin.results import Result
from viz.scene import Scene


def movie(
    result: Result,
    path: str | Path | None = None,
    *,
    seconds: float = 12.0,
    fps: int = 12,
    exaggeration: float = 1.0,
    turn: float = 0.0,
    lang: str | None = None,
    cells: int = 500,
    window_size: tuple[int, int] = (1280, 720),
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the film of a run.

    Parameters
    ----------
    result : the run.
    path : default: ``movie.mp4`` in the run folder.
    seconds : length of the film, the whole run in it; the last second shows the maximum.
    fps : pictures a second.
    turn : degrees by which the camera goes round the territory over the film.
    exaggeration, lang, cells : as for `viz.scene.scene`.
    window_size : pixels, multiples of 16 (what the codec works in).
    progress : called with the share that is done.

    Returns
    -------
    Path
        The file, H.264 in mp4.

    Raises
    ------
    TwinError
        The run has no frames, or 3D rendering does not work on this machine.
    """
    import imageio_ffmpeg

    if any(side % 16 for side in window_size):
        raise ValueError(f"window_size needs multiples of 16, found {window_size}")
    target = Path(path) if path is not None else result.path / "movie.mp4"
    scene = Scene(result, exaggeration=exaggeration, lang=lang, cells=cells, window_size=window_size)
    if scene.times.size == 0:
        raise TwinError(f"{result.path}: {text('scene.no_frames', lang)}")
    moving = max(2, round((seconds - 1.0) * fps))
    instants: list[float | None] = [float(t) for t in np.linspace(scene.times[0], scene.times[-1], moving)]
    instants += [None] * fps
    with replacing(target) as temporary:
        film = imageio_ffmpeg.write_frames(
            str(temporary), window_size, fps=fps, codec="libx264", quality=7, macro_block_size=16
        )
        film.send(None)
        try:
            shown: float | None = -1.0
            for k, instant in enumerate(instants):
                if instant != shown:
                    scene.set_time(instant)
                    shown = instant
                if turn:
                    scene.plotter.camera.azimuth = turn * k / len(instants)
                picture = scene.plotter.screenshot(None, return_img=True)
                film.send(np.ascontiguousarray(picture[..., :3]))
                if progress is not None:
                    progress((k + 1) / len(instants))
        finally:
            film.close()
            scene.plotter.close()
    return target
