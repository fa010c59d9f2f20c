"""Tables that the commands print."""

from __future__ import annotations

import typer


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """A table of texts, the first column to the left, the others to the right."""
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(widths[k]) for k, cell in enumerate(row) if k > 0)]
        typer.echo("  ".join(cells).rstrip())
