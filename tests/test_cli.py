"""The command line as a user meets it: exit codes, one message for each thing wrong, nothing half written."""

from __future__ import annotations

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from tests import small
from twin import cli

TWIN = Path(sys.executable).parent / "twin"
PATIENCE = 900.0  # s


def call(*arguments: str | Path) -> int:
    """The exit code of `twin …`, in this process."""
    try:
        cli.main([str(a) for a in arguments])
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return small.make(tmp_path / "town")


def edited(file: Path, old: str, new: str) -> None:
    content = file.read_text(encoding="utf-8")
    assert old in content
    file.write_text(content.replace(old, new), encoding="utf-8")


def _terrain_in_degrees(file: Path) -> None:
    with rasterio.open(
        file.parent / "terrain.tif", "w", driver="GTiff", height=9, width=9, count=1, dtype="float32",
        crs="EPSG:4326", transform=from_origin(2.3, 48.8, 0.001, 0.001),
    ) as raster:  # fmt: skip
        raster.write(np.ones((9, 9), "float32"), 1)


def _zones_without_crs(file: Path) -> None:
    zones = gpd.read_file(file.parent / "zones.gpkg")
    zones.geometry = zones.geometry.translate(-650_000.0, -6_860_000.0)  # no longer looks like the territory
    (file.parent / "zones.gpkg").unlink()
    zones[["nom", "geometry"]].to_file(file.parent / "zones.shp")
    (file.parent / "zones.prj").unlink()
    edited(file.parent / "territory.toml", "zones.gpkg", "zones.shp")


def _place_outside(file: Path) -> None:
    edited(file.parent / "territory.toml", "middle = [650305.0", "middle = [600305.0")


BAD = [
    (lambda f: (f.parent / "terrain.tif").unlink(), ["layers.terrain", "terrain.tif"]),
    (lambda f: (f.parent / "hydrograph.csv").unlink(), ["hydrograph.csv", "no such file"]),
    (_terrain_in_degrees, ["layers.terrain", "4326"]),
    (_zones_without_crs, ["places.zones"]),
    (_place_outside, ["places.middle", "600305", "outside the terrain"]),
    (lambda f: edited(f, "discharge =", "discharg ="), ["discharg", "unknown key", "discharge"]),
    (
        lambda f: (f.parent / "hydrograph.csv").write_text("time_s,discharge_m3_s\n0,1\n60,\n"),
        ["hydrograph.csv, line 3", "a hole"],
    ),
]


@pytest.mark.parametrize(
    ("spoil", "said"), BAD, ids=["layer", "series", "degrees", "no-crs", "outside", "typo", "hole"]
)
def test_bad_input(file: Path, capsys: pytest.CaptureFixture[str], spoil: object, said: list[str]) -> None:
    spoil(file)  # type: ignore[operator]
    assert call("run", file, "-o", file.parent / "run") == 2
    message = capsys.readouterr().err
    for words in (*said, "found", "expected"):
        assert words in message
    assert not (file.parent / "run").exists()
    assert call("check", file) == 2


def test_a_run_from_end_to_end(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = file.parent / "run"
    assert call("check", file) == 0
    assert call("run", file, "-o", run) == 0
    assert "area flooded" in capsys.readouterr().out
    assert call("run", file, "-o", run) == 2, "a run is not overwritten unasked"
    assert call("run", file, "-o", run, "--overwrite") == 0
    assert call("compare", run, run) == 0
    assert call("show", run, "-o", file.parent / "page.html") == 0
    assert (file.parent / "page.html").stat().st_size > 500_000
    assert call("export", run, "--to", "geotiff") == 0
    assert call("export", run, "--to", "shapefile") == 2
    assert call("resume", run) == 2, "it is complete"


def test_errors_speak_french_by_default(file: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [TWIN, "run", tmp_path / "none.toml"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert "trouvé" in done.stderr


def test_unusable_arguments_are_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run") == 2
    assert call("no-such-command") == 2
    assert call("--version") == 0
    assert capsys.readouterr().out.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], ["scenario", "obligatoire", "run --help"]),
        (["runn"], ["« runn »", "« run »"]),
        (["run", "--overwrit", "x"], ["--overwrit", "option inconnue"]),
        (["compare", "--most", "x", "a", "b"], ["--most", "« x »", "un nombre entier"]),
        (["bench", "--repeat", "-1"], ["--repeat", "supérieur ou égal à 0"]),
    ],
    ids=["missing", "command", "option", "word", "limit"],
)
def test_wrong_arguments_are_told_in_french(
    arguments: list[str], said: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_LANG", "fr")
    assert call(*arguments) == 2
    message = capsys.readouterr().err
    for words in (*said, "trouvé :", "attendu :"):
        assert words in message


def test_help_pages_are_french_to_the_last_word() -> None:
    def page(*arguments: str) -> str:
        environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "200"}
        command = [sys.executable, "-m", "twin", *arguments, "--help"]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    whole = page()
    commands = re.findall(r"^  ([a-z-]+)  ", whole[whole.index("Commandes :") :], flags=re.M)
    assert {"run", "check", "skim"} <= set(commands)
    for said in (whole, *(page(command) for command in ("compare", "skim", "assign"))):
        assert "Utilisation :" in said
        for english in ("Usage", "Options:", "Arguments:", "Commands", "Show this", "required", "default:"):
            assert english not in said


def test_a_place_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_LANG", "fr")
    (tmp_path / "file").write_text("mine")
    assert call("new", tmp_path / "file" / "territory") == 2
    assert "existe déjà" in capsys.readouterr().err
    assert call("check", tmp_path) == 2, "a folder without a territory"
    assert call("run", tmp_path) == 2
    assert "c'est un dossier" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_is_told_with_how_to_go_on(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, run = os.write, file.parent / "run"

    def full(file: int, content: bytes) -> int:
        if not (run / "traffic" / "link_series.zarr").exists():  # the stores are made before
            return write(file, content)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("TWIN_LANG", "fr")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert call("run", file, "-o", run) == 1
    said = capsys.readouterr().err
    assert "le disque est plein" in said
    assert "twin resume" in said
    assert str(run) in said
    assert '"failed"' in (run / "provenance.json").read_text()


def test_ctrl_c_stops_with_130_and_resume_goes_on(file: Path) -> None:
    edited(file, 'duration = "10 min"', 'duration = "4 h"')
    run = file.parent / "my run"  # the command to copy must hold
    said, table = file.parent / "said.txt", run / "diagnostics.csv"
    with said.open("w") as heard:
        process = subprocess.Popen([TWIN, "run", file, "-o", run], stdout=heard, stderr=heard)
    try:
        # A slow machine that has yet to compile the kernels takes minutes; a dead child is not waited for.
        deadline = time.monotonic() + PATIENCE
        while not (table.exists() and len(table.read_text().splitlines()) > 2):
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    finally:
        process.kill()
    message = said.read_text()
    assert process.returncode == 130, message
    assert f"twin resume '{run}'" in message
    assert (run / "checkpoint" / "state.npz").exists()
    assert call("resume", run) == 0


@pytest.mark.parametrize("command", [("new",), ("sample", "valmont")])
def test_the_folder_one_stands_in_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """`twin sample valmont .` was a traceback, and `twin new .` refused."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    before = here.stat().st_ino
    assert call(*command, ".") == 0
    assert here.stat().st_ino == before, "a shell stands in it"
    assert {"territory.toml", "scenarios"} <= {item.name for item in Path().iterdir()}
    assert [item.name for item in tmp_path.iterdir()] == ["here"]
    assert not [item for item in here.iterdir() if item.name.startswith(".")]
    assert call(*command, ".") == 2, "it is no longer empty"


@pytest.mark.parametrize(
    ("arguments", "overwrite"), [((), True), (("-o", "mine"), False), (("-o", "mine", "--overwrite"), True)]
)
def test_the_demo_overwrites_only_its_own_folder_unasked(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], overwrite: bool
) -> None:
    asked: dict[str, object] = {}

    def run(_scenario: Path, out: Path, **keys: object) -> None:
        asked.update(keys, out=out)
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", run)
    assert call("demo", *arguments) == 130
    assert asked == {"overwrite": overwrite, "out": Path("mine" if arguments else "runs/demo-valmont")}


def test_the_report_of_a_scenario_is_that_of_its_territory(file: Path) -> None:
    """Nothing was written, and nothing said."""
    report = file.parent / "places.gpkg"
    assert call("check", file, "--report", report) == 0
    assert report.is_file()


@pytest.mark.parametrize("more", [("-o", "page.html"), ("--ensemble",), ("other",)])
def test_a_window_shows_one_run_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    """The rest was ignored."""
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
        for table in ("scenario.toml", "provenance.json"):
            (tmp_path / name / table).write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shown: list[object] = []
    monkeypatch.setattr("viz.show", shown.append)
    assert call("show", "run", "--window", *more) == 2
    assert "--window" in capsys.readouterr().err
    assert call("show", "run", "--window") == 0
    assert len(shown) == 1


def test_the_command_to_copy_holds_where_a_folder_has_a_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("new", tmp_path / "La Flèche") == 0
    command = capsys.readouterr().out.partition("then: ")[2]
    assert shlex.split(command) == ["twin", "check", str(tmp_path / "La Flèche")]


def test_new_and_sample(tmp_path: Path) -> None:
    assert call("new", tmp_path / "mine") == 0
    assert call("check", tmp_path / "mine") == 2, "its layers are not there yet"
    assert call("new", tmp_path / "mine") == 2
    assert call("sample", "valmont", tmp_path / "valmont") == 0
    assert call("check", tmp_path / "valmont") == 0
    assert call("sample", "atlantis", tmp_path / "x") == 2
