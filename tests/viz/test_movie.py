"""Films: frames, codec, and what is said when none can be made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import viz
from tests.conftest import missing
from tests.page.valley import write_run as write_valley
from tests.synthetic_run import write_run
from twin.errors import InputError, TwinError
from twin.results import Result
from viz import colours as c
from viz import rendering


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return write_run(tmp_path_factory.mktemp("film") / "run")


@pytest.fixture
def gl() -> None:
    if rendering.problem():
        missing(f"3D rendering does not work here ({rendering.problem()})")


def share_of(picture: np.ndarray, colour: str, tolerance: int = 12) -> float:
    wanted = np.round(255 * c.rgb(colour)).astype(int)
    return float((np.abs(picture[..., :3].astype(int) - wanted).max(axis=-1) <= tolerance).mean())


def frames_of(path: Path, width: int, height: int) -> np.ndarray:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


@pytest.mark.usefixtures("gl")
def test_a_film_has_its_frames_and_size(run: Result, tmp_path: Path) -> None:
    import imageio_ffmpeg

    shares: list[float] = []
    path = viz.movie(
        run,
        tmp_path / "film.mp4",
        seconds=2.0,
        fps=4,
        window_size=(320, 240),
        cells=60,
        progress=shares.append,
    )
    assert path == tmp_path / "film.mp4"
    assert shares[-1] == 1.0
    assert len(shares) == 8
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert b"h264" in done.stderr
    assert b"yuv420p" in done.stderr
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is all there
    assert b"320x240" in done.stderr
    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, 240, 320, 3)
    assert len(pictures) == 8
    blue = c.DEPTH[2].colour
    assert share_of(pictures[2], blue, 30) > 1.4 * share_of(pictures[0], blue, 30)
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.usefixtures("gl")
def test_what_does_not_move_does_not_flicker(run: Result, tmp_path: Path) -> None:
    path = viz.movie(run, tmp_path / "f.mp4", seconds=2.5, fps=4, window_size=(320, 240), cells=60)
    pictures = frames_of(path, 320, 240).astype(int)
    sky = pictures[:, 2:14, 290:318]  # right of the title
    assert np.abs(np.diff(sky, axis=0)).max() <= 6


@pytest.mark.usefixtures("gl")
def test_one_frame_and_an_interrupted_run_make_a_film(tmp_path: Path) -> None:
    one = write_valley(tmp_path / "one", frames=1, traffic=False, buildings=False, roads=False, holes=True)
    path = viz.movie(one, tmp_path / "one.mp4", seconds=1.0, fps=4, window_size=(320, 240), cells=60)
    assert len(frames_of(path, 320, 240)) == 4
    stopped = write_valley(tmp_path / "stopped", frames=4, status="interrupted", places=False)
    path = viz.movie(stopped, tmp_path / "s.mov", seconds=1.5, fps=4, window_size=(320, 240), cells=60)
    assert len(frames_of(path, 320, 240)) == 6


def test_what_no_film_can_be_is_said_at_once(run: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        viz.movie(run, tmp_path / "crue.gif", window_size=(321, 240), seconds=0.0)
    said = str(error.value)
    for part in ("crue.gif", ".mp4", "321 × 240", "320 × 240", "0, 12"):
        assert part in said, part
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_it_is_said_before_anything_is_drawn(
    run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imageio_ffmpeg

    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", none)
    with pytest.raises(TwinError, match="IMAGEIO_FFMPEG_EXE"):
        viz.movie(run, tmp_path / "crue.mp4")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # imageio's broken pipe
@pytest.mark.usefixtures("gl")
def test_an_ffmpeg_that_fails_leaves_nothing(
    run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false")
    with pytest.raises(TwinError, match="ffmpeg"):
        viz.movie(run, tmp_path / "x.mp4", seconds=1.5, fps=4, window_size=(320, 240), cells=60)
    assert list(tmp_path.iterdir()) == []
