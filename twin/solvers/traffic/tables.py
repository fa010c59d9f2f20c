"""Tables (CSV) that people bring: comma or semicolon, decimal comma or point, with or without BOM."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from twin.errors import InputError, Problems, listed, reason, told
from twin.files import read_text


def read_rows(
    path: Path, key: str, wanted: tuple[str, ...], others: tuple[str, ...] = ()
) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with the number of their line: the columns `wanted`, and `others` (empty where
    the file has none). Names of columns are compared in lower case; cells are stripped.

    Raises
    ------
    InputError
        The file cannot be read, or lacks columns that are wanted; all at once.
    """
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise InputError(
            told(path, key, "traffic.not_csv", reason=reason(error), columns=",".join(wanted))
        ) from None
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.DictReader(lines, delimiter=delimiter)
    columns = [str(name).strip().lower() for name in reader.fieldnames or ()]
    problems = Problems()
    for name in wanted:
        if name not in columns:
            problems.tell(path, key, "traffic.no_column", columns=listed(columns), wanted=name)
    problems.raise_if_any()
    reader.fieldnames = columns
    return [
        (line, {name: (row.get(name) or "").strip() for name in (*wanted, *others)})
        for line, row in enumerate(reader, start=2)
    ]


def number(cell: str) -> float:
    """A number, with a decimal comma or point; NaN for anything else, also for infinity and below 0."""
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and value >= 0 else math.nan
