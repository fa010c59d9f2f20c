"""Deliveries as they come, IGN's `.7z` and multi-part `.7z.001` …, INSEE's `.zip`: nothing to unpack by hand.

The members that Twin reads are unpacked once into a folder of the cache (`$TWIN_CACHE`, default
``~/.cache/twin``): a 7z archive is one compressed stream, from which no tile can be read alone. An archive in
an archive (INSEE) is unpacked in its turn. 7z needs py7zr: the extra `archives`.
"""

from __future__ import annotations

import bisect
import contextlib
import fnmatch
import hashlib
import io
import itertools
import lzma
import os
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from twin.errors import listed
from twin.files import replacing
from twin.messages import text

_ARCHIVE = re.compile(r"\.(zip|7z(\.\d{3})?)$", re.IGNORECASE)
_FIRST = re.compile(r"\.(zip|7z(\.001)?)$", re.IGNORECASE)
# Members of an archive that are archives themselves.
PACKED = frozenset({".7z", ".zip", *(f".{k:03d}" for k in range(1, 100))})


class ArchiveError(Exception):
    """An archive that cannot be opened; says why."""


class NoArchiver(ArchiveError):
    """py7zr is not installed."""


def is_archive(path: Path) -> bool:
    """Whether a file is an archive or the first part of one."""
    return bool(_FIRST.search(path.name)) and path.is_file()


def is_later_part(path: Path) -> bool:
    """Whether a file is the second or a later part of an archive."""
    return bool(_ARCHIVE.search(path.name)) and not _FIRST.search(path.name)


def parts_of(path: Path) -> list[Path]:
    """All parts of an archive, in order; ``x.7z`` is its only one.

    Raises
    ------
    ArchiveError
        A number is missing between the first and the last.
    """
    if path.suffix.lower() in (".7z", ".zip"):
        return [path]
    stem = path.name[:-4]
    parts = sorted(p for p in path.parent.iterdir() if p.name[:-4] == stem and p.suffix[1:].isdigit())
    numbers = [int(p.suffix[1:]) for p in parts]
    if numbers != list(range(1, len(parts) + 1)):
        raise ArchiveError(text("layer.parts", parts=listed(p.suffix for p in parts)))
    return parts


class NoMember(ArchiveError):
    """No member of that name."""


class _Joined(io.RawIOBase):
    """The parts of an archive as one file to read."""

    def __init__(self, parts: list[Path]) -> None:
        self._files = [part.open("rb") for part in parts]
        self._ends = list(itertools.accumulate(part.stat().st_size for part in parts))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        k = bisect.bisect_right(self._ends, self._at)
        if k == len(self._files):
            return 0
        begin = self._ends[k - 1] if k else 0
        self._files[k].seek(self._at - begin)
        # No farther than this part: a reader asks again.
        content = self._files[k].read(len(buffer))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()


def unpacked(path: Path, suffixes: frozenset[str]) -> Path:
    """The folder with the members of an archive whose suffix (lower case) is among `suffixes` ("" too).

    Raises
    ------
    ArchiveError
        A part is missing, the archive is damaged, encrypted, or names files outside itself. `NoArchiver`: a
        7z without py7zr.
    """
    parts = parts_of(path)
    stated = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in parts]
    wanted = ",".join(sorted(suffixes))
    key = hashlib.sha256(repr((str(path.resolve()), stated, wanted)).encode()).hexdigest()[:16]
    folder = room() / f"{_ARCHIVE.sub('', path.name)}-{key}"
    if folder.is_dir():
        return folder
    unpack = _unpack_zip if path.suffix.lower() == ".zip" else _unpack_7z
    try:
        with replacing(folder) as temporary:
            temporary.mkdir(parents=True)
            unpack(parts, temporary, suffixes | PACKED)
    except OSError as error:
        raise ArchiveError(f"{type(error).__name__}: {error}") from error
    return folder


def member(path: Path, pattern: str, suffixes: frozenset[str]) -> Path:
    """The first member whose name fits a pattern (``*.gpkg``), in archives of the archive too.

    Parameters
    ----------
    suffixes : of all files to unpack: the member's and those that go with it.

    Raises
    ------
    ArchiveError
        There is none; see also `unpacked`.
    """
    files = sorted(file for file in unpacked(path, suffixes).rglob("*") if file.is_file())
    fitting = [file for file in files if fnmatch.fnmatch(file.name.lower(), pattern.lower())]
    if fitting:
        return fitting[0]
    for file in filter(is_archive, files):
        with contextlib.suppress(NoMember):
            return member(file, pattern, suffixes)
    raise NoMember(f"{pattern} ∉ {', '.join(file.name for file in files[:8]) or '–'}")


def room() -> Path:
    """The folder of the cache."""
    return Path(os.environ.get("TWIN_CACHE") or Path.home() / ".cache" / "twin")


def _chosen(names: list[str], suffixes: frozenset[str]) -> list[str]:
    outside = [n for n in names if PurePosixPath(n).is_absolute() or ".." in Path(n).parts]
    if outside:
        raise ArchiveError(outside[0])
    return [n for n in names if PurePosixPath(n).suffix.lower() in suffixes]


def _unpack_zip(parts: list[Path], folder: Path, suffixes: frozenset[str]) -> None:
    damaged = (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        ValueError,
    )
    try:
        with zipfile.ZipFile(parts[0]) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            archive.extractall(folder, _chosen(names, suffixes))
    except damaged as error:
        raise ArchiveError(f"{type(error).__name__}: {error}") from error


def _unpack_7z(parts: list[Path], folder: Path, suffixes: frozenset[str]) -> None:
    try:
        import py7zr
    except ImportError as error:
        raise NoArchiver(str(error)) from error
    damaged = (
        py7zr.exceptions.ArchiveError, py7zr.exceptions.PasswordRequired, lzma.LZMAError, EOFError, OSError,
        ValueError, KeyError, IndexError, TypeError, AssertionError, NotImplementedError,
    )  # fmt: skip
    try:
        with (
            io.BufferedReader(_Joined(parts)) as stream,
            py7zr.SevenZipFile(cast("BinaryIO", stream), mode="r") as archive,
        ):
            names = [info.filename for info in archive.list() if not info.is_directory]
            archive.extract(path=folder, targets=_chosen(names, suffixes))
    except damaged as error:
        raise ArchiveError(f"{type(error).__name__}: {error}") from error
