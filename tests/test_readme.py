"""Every block of the README is run: what a newcomer types works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def lines_of(block: str) -> list[str]:
    return [line.split("#")[0].strip() for line in block.splitlines() if line.split("#")[0].strip()]


def test_every_kind_of_block_is_known() -> None:
    assert [kind for kind, _ in BLOCKS] == ["sh", "sh", "python"]


def test_make_targets_exist() -> None:
    for line in lines_of(BLOCKS[0][1]):
        done = subprocess.run(
            [*line.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_command_line_block(tmp_path: Path) -> None:
    twin = Path(sys.executable).parent / "twin"
    for line in lines_of(BLOCKS[1][1]):
        command = line.split()
        assert command[0] == "twin"
        done = subprocess.run(
            [str(twin), *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "flood.html").stat().st_size > 500_000


def test_python_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    shutil.copytree(
        ROOT / "data" / "valmont", tmp_path / "data" / "valmont", ignore=shutil.ignore_patterns("runs")
    )
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(BLOCKS[2][1], "README.md", "exec"), names)  # the block itself is what is tested
    assert (tmp_path / "digue.html").exists()
    assert names["before"].status == "complete"  # type: ignore[attr-defined]


def test_pictures_exist() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path
