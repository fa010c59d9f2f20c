"""Esri ASCII grids as they really come: decimal commas, dx/dy, xllcenter, no NODATA line, trailing blanks.

GDAL is not used here: it reads float32, does not see NODATA in some of these headers and turns dx/dy that
differ in the eighth digit into cells that are not square.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_KEYS = {
    "ncols", "nrows", "xllcorner", "yllcorner", "xllcenter", "yllcenter",
    "cellsize", "dx", "dy", "nodata_value", "nodata",
}  # fmt: skip


class AsciiGridError(ValueError):
    """A header or a body that is not an ASCII grid; says the line."""


@dataclass(frozen=True)
class Header:
    """Header of one ASCII grid.

    Attributes
    ----------
    ncols, nrows : columns and rows; the first row of the body is the northernmost.
    x_west, y_south : outer edges of the corner cell (m), whatever the header gave.
    dx, dy : width and height of a cell (m).
    nodata : None when the header has no such line.
    lines : number of header lines.
    """

    ncols: int
    nrows: int
    x_west: float
    y_south: float
    dx: float
    dy: float
    nodata: float | None
    lines: int


def number(word: str) -> float:
    """A number, decimal comma allowed."""
    return float(word.replace(",", "."))


def read_header(path: Path) -> Header:
    """Read the header of an ASCII grid.

    Raises
    ------
    AsciiGridError
        A key is unknown, missing or has no number.
    """
    found: dict[str, float] = {}
    lines = 0
    with path.open("rb") as file:
        for raw in file:
            words = raw.decode("ascii", "replace").lstrip("\ufffd").split()
            if not words and lines == 0:
                lines += 1
                continue
            if not words or not words[0][0].isalpha() or words[0].lower() in ("nan", "inf"):
                break
            key = words[0].lower()
            if key not in _KEYS:
                raise AsciiGridError(f"line {lines + 1}: {words[0]!r}")
            try:
                found[key.removesuffix("_value")] = number(words[1])
            except (IndexError, ValueError):
                raise AsciiGridError(f"line {lines + 1}: {' '.join(words)!r}") from None
            lines += 1
    dx, dy = found.get("cellsize", found.get("dx")), found.get("cellsize", found.get("dy"))
    missing = [key for key in ("ncols", "nrows") if key not in found]
    missing += [key for key in ("x", "y") if not {f"{key}llcorner", f"{key}llcenter"} & set(found)]
    if dx is None or dy is None:
        missing.append("cellsize")
    if missing or dx is None or dy is None:
        raise AsciiGridError(", ".join({"x": "xllcorner", "y": "yllcorner"}.get(m, m) for m in missing))
    x_west = found["xllcorner"] if "xllcorner" in found else found["xllcenter"] - 0.5 * dx
    y_south = found["yllcorner"] if "yllcorner" in found else found["yllcenter"] - 0.5 * dy
    return Header(
        int(found["ncols"]), int(found["nrows"]), x_west, y_south, dx, dy, found.get("nodata"), lines
    )


def read_values(path: Path, header: Header, rows: slice, columns: slice) -> Floats:
    """A window of the body, float64, nothing replaced; shape (rows, columns).

    Raises
    ------
    AsciiGridError
        Not the number of values that the header announces, or something that is not a number.
    """
    with path.open("rb") as file:
        for _ in range(header.lines):
            next(file)
        start = file.tell()
        window = _by_lines(file, header, rows, columns)
        if window is not None:
            return window
        # Rows broken over several lines (allowed by the format): read it whole.
        file.seek(start)
        values = _numbers(file.read())
    if values is None or values.size != header.ncols * header.nrows:
        count = "?" if values is None else values.size
        raise AsciiGridError(f"{count} / {header.nrows} × {header.ncols}")
    return values.reshape(header.nrows, header.ncols)[rows, columns]


def _by_lines(file: BinaryIO, header: Header, rows: slice, columns: slice) -> Floats | None:
    """The window when each row is one line, else None."""
    out = np.empty((rows.stop - rows.start, columns.stop - columns.start))
    row = 0
    for line in file:
        if not line.strip():
            continue
        if row >= header.nrows:
            return None
        if rows.start <= row < rows.stop:
            values = _numbers(line)
            if values is None or values.size != header.ncols:
                return None
            out[row - rows.start] = values[columns]
        row += 1
        if row == rows.stop and rows.stop < header.nrows:
            return out
    return out if row == header.nrows else None


def _numbers(raw: bytes) -> Floats | None:
    if b"," in raw:
        raw = raw.replace(b",", b".")
    with warnings.catch_warnings():
        # Older NumPy only deprecates what newer NumPy refuses: text after the last number.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(raw.decode("ascii"), dtype=np.float64, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
