"""Files appear whole or not at all: written under a temporary name beside their place, then renamed. Texts
and tables of others are read as they come: UTF-8, UTF-16 or cp1252, commas, semicolons or tabs.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar

from twin.errors import InputError, in_line, listed, shown, told

T = TypeVar("T")
_AS_IT_IS = getattr(os, "O_BINARY", 0)  # Windows writes two bytes for a line end otherwise
SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .ods begin, and .xls
_NUMBER = re.compile(r"[-+]?\d+([.,]\d*)?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Let an error of the system that names no file name this one: a write to a full disk names none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    The suffix is kept (writers choose the format by it). Works for a file and for a folder; an
    old folder is swapped out only once the new one is complete. An error of the system names `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    temporary = room / path.name
    try:
        try:
            with naming(path):
                yield temporary
        except OSError as error:
            if error.filename is not None and Path(error.filename).is_relative_to(temporary):
                error.filename = str(path / Path(error.filename).relative_to(temporary))
            raise
        if temporary.is_dir() and path.exists():
            path.rename(room / "old")
        temporary.replace(path)
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Give the path of a temporary folder; on success it is `folder`, or is moved into it where it is there.

    A folder that is there stays itself: a shell may stand in it.
    """
    there = folder.is_dir()
    beside = folder if there else folder.parent
    beside.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=".filling.", dir=beside))
    try:
        with naming(folder):
            yield room / "new"
        if there:
            for item in (room / "new").iterdir():
                item.rename(folder / item.name)
        else:
            (room / "new").rename(folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text whole."""
    write_bytes(path, content.encode())


def write_all(path: Path | str, flags: int, content: bytes, offset: int = 0) -> None:
    """Open a file as `os.open` does and write bytes to it. Python's own files ask the system six more things,
    which for some bytes takes longer than writing them.
    """
    file = os.open(path, os.O_WRONLY | flags | _AS_IT_IS, 0o666)
    try:
        if offset:
            os.lseek(file, offset, os.SEEK_SET)
        left = memoryview(content)
        while left:  # a full disk takes a part, then refuses the rest
            left = left[os.write(file, left) :]
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(file)


def append_text(path: Path | str, content: str) -> None:
    """Add UTF-8 text to the end of a file."""
    write_all(path, os.O_APPEND, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def until_it_changes(ask: Callable[[Path], T]) -> Callable[[Path], T]:
    """What `ask` finds in a file, asked once until the time of its last change or its size is another, or
    those of SQLite's log beside it. A folder is asked each time.
    """

    @lru_cache(maxsize=1024)
    def found(path: Path, _stamps: tuple[tuple[int, int], ...]) -> T:
        return ask(path)

    @wraps(ask)
    def asked(path: Path) -> T:
        files = [file for file in (path, path.with_name(f"{path.name}-wal")) if file.is_file()]
        if not files:
            return ask(path)
        return found(path, tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files))

    return asked


def sha256(path: Path) -> str:
    """Hex digest of a file; of a folder, over the sorted names and contents of its files."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


@until_it_changes
def digest(path: Path) -> str:
    """`sha256`, once for ten layers that come from one GeoPackage."""
    return sha256(path)


def file_and_part(source: str, root: Path) -> tuple[Path, str]:
    """A file and what is meant of it (``file.nc#variable``, ``file.csv#column``): the part behind the last #.
    A # may stand in the names of folders, and in that of a file that exists.
    """
    name, mark, part = source.rpartition("#")
    if not mark or "/" in part or "\\" in part or (root / source).exists():
        return root / source, ""
    return root / name, part


def read_text(path: Path) -> str:
    """The text of a file in UTF-8 (with a mark or not) or UTF-16 (with its mark), else in cp1252, as a French
    spreadsheet saves it.
    """
    raw = path.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def read_csv(path: Path, key: str) -> list[list[str]]:
    """Rows of a CSV file under one row of names, cells stripped; commas, semicolons or tabs between them, of
    which its first line has most.

    Raises
    ------
    InputError
        It is a spreadsheet or has no row of names; or, the first such row, more cells than names, or
        a comma that may be of thousands.
    """
    if path.read_bytes()[:4] in SPREADSHEETS:
        raise InputError(told(path, key, "table.spreadsheet"))
    content = read_text(path)
    first = content.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    rows = [
        [cell.strip() for cell in row]
        for row in csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    ]
    if not rows:
        return rows
    names = _without_end(rows[0], 0)
    if names and all(_NUMBER.fullmatch(name) for name in names):
        raise InputError(told(in_line(path, 1), key, "table.no_names", line=first.strip()))
    for line, row in enumerate(rows[1:], start=2):
        cells = rows[line - 1] = _without_end(row, len(names))
        if len(cells) > len(names):
            raise InputError(
                told(
                    in_line(path, line), key, "table.more_cells",
                    count=len(cells), wanted=len(names), names=listed(map(shown, names)),
                )
            )  # fmt: skip
        thousands = next((c for c in cells if delimiter == "," and _THOUSANDS.fullmatch(c)), None)
        if thousands is not None:
            raise InputError(told(in_line(path, line), key, "table.thousands", found=thousands))
    return [names, *rows[1:]]


def _without_end(cells: list[str], least: int) -> list[str]:
    """The cells without empty ones at the end, but for the first `least`."""
    end = len(cells)
    while end > least and not cells[end - 1]:
        end -= 1
    return cells[:end]
