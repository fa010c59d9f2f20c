from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.layers import kernels
from twin.layers.ascii_grid import AsciiGridError, read_header, read_values

BODY = "1.5 2.5 3.5\n4.5 5.5 6.5\n"
WANTED = np.array([[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]])

HEADERS = {
    "regular": "ncols 3\nnrows 2\nxllcorner 100.0\nyllcorner 200.0\ncellsize 5\nNODATA_value -99999.00\n",
    "upper case, trailing blanks": (
        "NCOLS 3 \nnrows   2 \t\nXLLCORNER 100.0 \nYLLCORNER 200.0 \nCELLSIZE 5 \nNODATA_value -99999 \n"
    ),
    "centres": "ncols 3\nnrows 2\nxllcenter 102.5\nyllcenter 202.5\ncellsize 5\nnodata_value -99999\n",
    "decimal commas": (
        "ncols 3\nnrows 2\nxllcorner 100,000\nyllcorner 200,0\ncellsize 5,00\nNODATA_value -99999,00\n"
    ),
    "dx dy": "ncols 3\nnrows 2\nxllcorner 100\nyllcorner 200\ndx 5\ndy 5\nNODATA_value -99999\n",
    "Windows lines": (
        "ncols 3\r\nnrows 2\r\nxllcorner 100\r\nyllcorner 200\r\ncellsize 5\r\nNODATA_value -99999\r\n"
    ),
    "other order": "nrows 2\nncols 3\ncellsize 5\nyllcorner 200\nxllcorner 100\nNODATA_value -99999\n",
    "byte order mark": "\ufeffncols 3\nnrows 2\nxllcorner 100\nyllcorner 200\ncellsize 5\nNODATA -99999\n",
}


@pytest.mark.parametrize("name", HEADERS)
def test_header_variants_mean_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.asc"
    path.write_bytes((HEADERS[name] + BODY).encode("utf-8"))
    header = read_header(path)
    assert (header.ncols, header.nrows, header.x_west, header.y_south) == (3, 2, 100.0, 200.0)
    assert (header.dx, header.dy, header.nodata) == (5.0, 5.0, -99999.0)
    np.testing.assert_array_equal(read_values(path, header, slice(0, 2), slice(0, 3)), WANTED)


def test_no_nodata_line(tmp_path: Path) -> None:
    path = tmp_path / "a.asc"
    path.write_text("ncols 3\nnrows 2\nxllcorner 100\nyllcorner 200\ncellsize 5\n" + BODY)
    header = read_header(path)
    assert header.nodata is None
    np.testing.assert_array_equal(read_values(path, header, slice(0, 2), slice(0, 3)), WANTED)


@pytest.mark.parametrize(
    "body",
    [
        "1,5 2,5 3,5\n4,5 5,5 6,5\n",
        " 1.5 2.5 3.5 \n 4.5 5.5 6.5 ",
        "1.5 2.5\n3.5 4.5\n5.5 6.5\n",
        "1.5 2.5 3.5 4.5 5.5 6.5\n",
        "1.5e0 2.5E+00 3.5\n\n4.5 5.5 6.5\n",
    ],
    ids=[
        "decimal commas",
        "blanks, no last line end",
        "rows over lines",
        "one line",
        "exponents, empty line",
    ],
)
def test_bodies(tmp_path: Path, body: str) -> None:
    path = tmp_path / "a.asc"
    path.write_text(HEADERS["regular"] + body)
    header = read_header(path)
    np.testing.assert_array_equal(read_values(path, header, slice(0, 2), slice(0, 3)), WANTED)
    np.testing.assert_array_equal(read_values(path, header, slice(0, 1), slice(1, 3)), WANTED[:1, 1:])
    np.testing.assert_array_equal(read_values(path, header, slice(1, 2), slice(0, 2)), WANTED[1:, :2])


def test_rows_are_looked_for_once_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen, starts = tmp_path / "a.asc", [], kernels.line_starts
    monkeypatch.setattr(kernels, "line_starts", lambda *given: seen.append(path) or starts(*given))
    for body, looks in ((BODY, 1), ("1.5 2.5\n3.5 4.5\n5.5 6.5\n", 2)):  # rows that are no lines: once too
        path.write_text(HEADERS["regular"] + body)
        for row in range(2):
            values = read_values(path, read_header(path), slice(row, row + 1), slice(0, 3))
            np.testing.assert_array_equal(values, WANTED[row : row + 1])
        assert len(seen) == looks


def test_heights_keep_all_their_digits(tmp_path: Path) -> None:
    # float32 (GDAL's choice) would give 1234.5677.
    path = tmp_path / "a.asc"
    path.write_text(HEADERS["regular"] + "1234.5678 0 0\n0 0 0\n")
    assert read_values(path, read_header(path), slice(0, 2), slice(0, 3))[0, 0] == 1234.5678


@pytest.mark.parametrize("body", ["1 2 3\n4 5\n", "1 2 3\n4 5 6\n7 8 9\n", "1 2 3\n4 x 6\n", ""])
def test_a_body_that_is_not_what_the_header_says(tmp_path: Path, body: str) -> None:
    path = tmp_path / "a.asc"
    path.write_text(HEADERS["regular"] + body)
    with pytest.raises(AsciiGridError, match="2 × 3"):
        read_values(path, read_header(path), slice(0, 2), slice(0, 3))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("ncols 3\nnrows 2\nxllcorner 1\nyllcorner 2\n", "cellsize"),
        ("ncols 3\nxllcorner 1\nyllcorner 2\ncellsize 1\n", "nrows"),
        ("ncols 3\nnrows 2\nyllcorner 2\ncellsize 1\n", "xllcorner"),
        ("ncols 3\nnrows two\nxllcorner 1\nyllcorner 2\ncellsize 1\n", "line 2"),
        ("ncols 3\nnrows 2\nwidth 5\nxllcorner 1\nyllcorner 2\ncellsize 1\n", "line 3: 'width'"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path: Path, header: str, said: str) -> None:
    path = tmp_path / "a.asc"
    path.write_text(header + BODY)
    with pytest.raises(AsciiGridError, match=said):
        read_header(path)
