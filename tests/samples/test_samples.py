"""Samples are found and copied: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.errors import InputError
from twin.layers import samples


def test_valmont_is_there() -> None:
    assert "valmont" in samples.names()
    assert (samples.path("valmont") / "territory.toml").is_file()


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(InputError) as caught:
        samples.path("valmonk")
    assert "valmont" in str(caught.value)


def test_copy_is_whole_and_writable(tmp_path: Path) -> None:
    target = samples.copy("valmont", tmp_path / "mine")
    original = samples.path("valmont")
    for name in ("territory.toml", "BDTOPO.gpkg", "scenarios/demo.toml", "explore.py", "README.md"):
        assert (target / name).read_bytes() == (original / name).read_bytes()
    (target / "territory.toml").write_text("", encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_copy_leaves_runs_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "data" / "town"
    (source / "runs" / "x").mkdir(parents=True)
    (source / "territory.toml").write_text("name = 'town'", encoding="utf-8")
    monkeypatch.setattr(samples, "_roots", lambda: (tmp_path / "data",))
    assert samples.names() == ["town"]
    assert sorted(p.name for p in samples.copy("town", tmp_path / "copy").iterdir()) == ["territory.toml"]


def test_copy_into_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "data" / "town"
    source.mkdir(parents=True)
    (source / "territory.toml").write_text("name = 'town'", encoding="utf-8")
    monkeypatch.setattr(samples, "_roots", lambda: (tmp_path / "data",))
    (tmp_path / "empty").mkdir()
    assert (samples.copy("town", tmp_path / "empty") / "territory.toml").is_file()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_copy_never_overwrites(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "mine"
    if kind == "file":
        target.write_text("precious", encoding="utf-8")
    else:
        target.mkdir()
        (target / "notes.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        samples.copy("valmont", target)
    assert caught.value.exit_code == 2
    assert (target if kind == "file" else target / "notes.txt").read_text(encoding="utf-8") == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
