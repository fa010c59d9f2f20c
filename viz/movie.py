"""A film of a run (mp4): the 3D scene as time goes by, the water interpolated between frames."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from twin.errors import InputError, TwinError, told
from twin.files import replacing
from twin.messages import text
from twin.results import Result
from viz.scene import Scene

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")  # containers that take H.264
_BLOCK = 16  # pixels: what the codec works in


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
    result : the run; one that was stopped is shown as far as it got.
    path : ``.mp4`` (or ``.m4v``, ``.mov``, ``.mkv``); default: ``movie.mp4`` in the run folder.
    seconds : length of the film, the whole run in it; the last second shows the maximum.
    fps : pictures a second.
    turn : degrees by which the camera goes round the territory over the film.
    exaggeration, lang, cells : as for `viz.scene.scene`.
    window_size : pixels, multiples of 16 (what the codec works in).
    progress : called with the share that is done.

    Returns
    -------
    Path
        The file: H.264, yuv420p, its index first, so that browsers and office software play it at once.

    Raises
    ------
    InputError
        A suffix, a length or a size that no film can have.
    TwinError
        The run has no frames, 3D rendering does not work on this machine, or there is no ffmpeg.
    """
    target = Path(path) if path is not None else result.path / "movie.mp4"
    _checked(target, seconds, fps, window_size)
    encoder = _encoder(lang)
    scene = Scene(result, exaggeration=exaggeration, lang=lang, cells=cells, window_size=window_size)
    if scene.times.size == 0:
        scene.plotter.close()
        raise TwinError(f"{result.path}: {text('scene.no_frames', lang)}")
    if turn:
        scene.plotter.camera.zoom(0.85)  # room for the corners that come round
    instants: list[float | None] = []
    if scene.times.size > 1:
        moving = max(2, round((seconds - 1.0) * fps))
        instants += [float(t) for t in np.linspace(scene.times[0], scene.times[-1], moving)]
    instants += [None] * max(1, fps if instants else round(seconds * fps))
    try:
        with replacing(target) as temporary, _film(encoder, temporary, window_size, fps, lang) as film:
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
        scene.plotter.close()
    return target


def _checked(target: Path, seconds: float, fps: int, window_size: tuple[int, int]) -> None:
    problems = []
    if target.suffix.lower() not in SUFFIXES:
        problems.append(told("movie", "path", "movie.suffix", found=target.name, names=", ".join(SUFFIXES)))
    if not (seconds > 0 and fps >= 1):
        problems.append(told("movie", "seconds, fps", "movie.length", found=f"{seconds:g}, {fps}"))
    if any(side < _BLOCK or side % _BLOCK for side in window_size):
        near = " × ".join(str(max(_BLOCK, side // _BLOCK * _BLOCK)) for side in window_size)
        found = " × ".join(str(side) for side in window_size)
        problems.append(told("movie", "window_size", "movie.size", found=found, near=near))
    if problems:
        raise InputError(problems)


def _encoder(lang: str | None) -> Any:
    """imageio-ffmpeg, once it has found its ffmpeg."""
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise TwinError(text("movie.no_ffmpeg", lang, why=str(error).split("\n")[0])) from error
    return imageio_ffmpeg


@contextmanager
def _film(
    encoder: Any, path: Path, size: tuple[int, int], fps: int, lang: str | None
) -> Generator[Generator[None, Any, None]]:
    """The generator that takes the pictures; what ffmpeg complains of becomes our message."""
    film = encoder.write_frames(
        str(path),
        size,
        fps=fps,
        codec="libx264",
        quality=7,
        macro_block_size=_BLOCK,
        pix_fmt_out="yuv420p",
        output_params=["-movflags", "+faststart"],
    )
    try:
        film.send(None)
        yield film
    except OSError as error:
        raise TwinError(text("movie.failed", lang, why=str(error).strip().split("\n")[-1])) from error
    finally:
        film.close()
    if not path.exists() or path.stat().st_size == 0:
        raise TwinError(text("movie.failed", lang, why=path.name))
