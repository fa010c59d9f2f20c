"""Esri ASCII grids as they really come: decimal commas, dx/dy, xllcenter, no NODATA line, trailing blanks.

GDAL is not used here: it reads float32, does not see NODATA in some of these headers and turns dx/dy that
differ in the eighth digit into cells that are not square.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.files import until_it_changes
from twin.layers import kernels
from twin.messages import text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KEYS = {
    "ncols", "nrows", "xllcorner", "yllcorner", "xllcenter", "yllcenter",
    "cellsize", "dx", "dy", "nodata_value", "nodata",
}  # fmt: skip
LONGEST_LINE = 4096  # bytes of a header line
MOST_CELLS_A_SIDE = 10_000_000


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
    body : byte at which the values begin.
    """

    ncols: int
    nrows: int
    x_west: float
    y_south: float
    dx: float
    dy: float
    nodata: float | None
    body: int


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
    line, body = 0, 0
    with path.open("rb") as file:
        # No header line is longer: a file without line ends is not read whole to find that out.
        while raw := file.readline(LONGEST_LINE):
            line += 1
            words = raw.decode("ascii", "replace").lstrip("\ufffd").split()
            if words and (not words[0][0].isalpha() or words[0].lower() in ("nan", "inf")):
                break
            body = file.tell()
            if not words:
                continue
            key = words[0].lower()
            if key not in _KEYS:
                raise AsciiGridError(text("layer.line", line=line, words=words[0][:40]))
            try:
                value = number(words[1])
            except (IndexError, ValueError):
                raise AsciiGridError(text("layer.line", line=line, words=" ".join(words)[:80])) from None
            name = key.removesuffix("_value")
            if found.setdefault(name, value) != value and not np.isnan(value):
                twice = f"{words[0]} = {found[name]:g}, {value:g}"
                raise AsciiGridError(text("layer.line", line=line, words=twice))
    dx, dy = found.get("cellsize", found.get("dx")), found.get("cellsize", found.get("dy"))
    missing = [key for key in ("ncols", "nrows") if key not in found]
    missing += [key for key in ("x", "y") if not {f"{key}llcorner", f"{key}llcenter"} & set(found)]
    if dx is None or dy is None:
        missing.append("cellsize")
    if missing or dx is None or dy is None:
        raise AsciiGridError(", ".join({"x": "xllcorner", "y": "yllcorner"}.get(m, m) for m in missing))
    for key in ("ncols", "nrows"):
        if not (1 <= found[key] <= MOST_CELLS_A_SIDE and found[key] == int(found[key])):
            raise AsciiGridError(f"{key} {found[key]:g}")
    for key, value in found.items():
        if key != "nodata" and not np.isfinite(value):
            raise AsciiGridError(f"{key} {value:g}")
    x_west = found["xllcorner"] if "xllcorner" in found else found["xllcenter"] - 0.5 * dx
    y_south = found["yllcorner"] if "yllcorner" in found else found["yllcenter"] - 0.5 * dy
    return Header(
        int(found["ncols"]), int(found["nrows"]), x_west, y_south, dx, dy, found.get("nodata"), body
    )


@until_it_changes
def _line_index(path: Path) -> Ints | None:
    """Where each row begins in the file, and the end of the last: (nrows + 1,); None when rows are no lines.

    Found once for a file, which is read by windows, to look at its cells and again for the grid.
    """
    header = read_header(path)
    # Mapped, not read: a grid of a whole department has gigabytes of text.
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    starts = np.empty(header.nrows + 1, dtype=np.int64)
    count: int = kernels.line_starts(raw, header.body, starts)
    return starts if count == header.nrows else None


def read_values(path: Path, header: Header, rows: slice, columns: slice) -> Floats:
    """A window of the body, float64, nothing replaced; shape (rows, columns).

    Raises
    ------
    AsciiGridError
        Not the number of values that the header announces, or something that is not a number.
    """
    index = _line_index(path)
    window = None if index is None else _by_lines(path, header, rows, columns, index)
    if window is not None:
        return window
    # Rows broken over several lines (allowed by the format): read it whole.
    with path.open("rb") as file:
        file.seek(header.body)
        values = _numbers(file.read())
    if values is None or values.size != header.ncols * header.nrows:
        count = "?" if values is None else values.size
        raise AsciiGridError(f"{count} / {header.nrows} × {header.ncols}")
    return values.reshape(header.nrows, header.ncols)[rows, columns]


def _by_lines(path: Path, header: Header, rows: slice, columns: slice, index: Ints) -> Floats | None:
    """The window when each row is one line of numbers, else None."""
    starts = index[rows.start : rows.stop + 1] - index[rows.start]
    with path.open("rb") as file:
        file.seek(int(index[rows.start]))
        raw = file.read(int(starts[-1]))
    letters = np.frombuffer(raw, dtype=np.uint8)
    out = np.empty((rows.stop - rows.start, columns.stop - columns.start))
    for k in range(len(out)):
        begin, end = int(starts[k]), int(starts[k + 1])
        if kernels.parse_row(letters, begin, end, header.ncols, columns.start, columns.stop, out[k]):
            continue
        values = _numbers(raw[begin:end])  # exponents, "nan", more digits than fit
        if values is None or values.size != header.ncols:
            return None
        out[k] = values[columns]
    return out


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
