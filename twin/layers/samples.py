"""The sample territories that come with Twin: found in a checkout (data/) or in the installed package."""

from __future__ import annotations

import shutil
from pathlib import Path

from twin.errors import InputError, listed, suggest, told
from twin.files import filling

_PACKAGE = Path(__file__).resolve().parents[1]
_LEFT_OUT = shutil.ignore_patterns("runs", "__pycache__", "*.pyc", "*.gpkg-wal", "*.gpkg-shm", ".*")


def _roots() -> tuple[Path, ...]:
    """Where samples may lie: the checkout beside the package, then the package (the wheel carries a copy)."""
    checkout = _PACKAGE.parent / "data"
    here = (_PACKAGE.parent / "pyproject.toml").is_file()
    return (*((checkout,) if here else ()), _PACKAGE / "_samples")


def _found() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root in _roots():
        for file in sorted(root.glob("*/territory.toml")):
            found.setdefault(file.parent.name, file.parent)
    return found


def names() -> list[str]:
    """Names of the samples, sorted.

    >>> "valmont" in names()
    True
    """
    return sorted(_found())


def path(name: str) -> Path:
    """The folder of a sample; not to be written in (it may be part of the installed package).

    Raises
    ------
    InputError
        No sample has that name.
    """
    found = _found()
    if name not in found:
        raise InputError(
            told(
                "samples",
                "name",
                "error.one_of",
                suggest(name, found),
                found=name,
                names=listed(sorted(found)),
            )
        )
    return found[name]


def copy(name: str, directory: str | Path) -> Path:
    """A copy of a sample to work on: whole or not at all; runs of the original are left behind.

    Returns the folder.

    Raises
    ------
    InputError
        No such sample, or `directory` is a file or a folder with something in it.
    """
    source, target = path(name), Path(directory)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(told(target, "", "folder.not_empty" if target.is_dir() else "folder.a_file"))
    with filling(target) as folder:
        shutil.copytree(source, folder, ignore=_LEFT_OUT)
        for file in (folder, *folder.rglob("*")):
            file.chmod(file.stat().st_mode | 0o200)  # a package may be installed read-only
    return target
