"""The command `twin bench`: the flood engine measured on this machine.

Imports are inside the command, so that ``twin --help`` answers at once.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated

import typer

from twin.cli_table import print_table
from twin.messages import number, text


def add_to(app: typer.Typer) -> None:
    """Put the command into the `twin` command."""
    app.command("bench", help=text("bench.help"))(bench)


def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]", help=text("bench.names"))] = None,
    threads: Annotated[list[int] | None, typer.Option("--threads", help=text("bench.threads"))] = None,
    cells: Annotated[int, typer.Option("--cells", min=0, help=text("bench.cells"))] = 0,
    repeat: Annotated[int, typer.Option("--repeat", min=0, help=text("bench.repeat"))] = 0,
    full: Annotated[bool, typer.Option("--full", help=text("bench.full"))] = False,
    json: Annotated[Path | None, typer.Option("--json", help=text("bench.json"))] = None,
    compare: Annotated[Path | None, typer.Option("--compare", help=text("bench.compare"))] = None,
    warm: Annotated[bool, typer.Option("--warm", help=text("bench.warm"))] = False,
) -> None:
    """The benchmark table on this machine."""
    from twin.bench import bench as measure
    from twin.bench import report
    from twin.bench.cases import chosen
    from twin.bench.warming import warm as compile_all

    if warm:
        done = compile_all()
        typer.echo(text("bench.warmed", seconds=number(done.seconds, digits=1), count=done.count))
        return
    before = report.read(compare) if compare is not None else None
    if json is not None:  # what cannot be written is refused before minutes of measuring
        if json.is_dir():
            raise IsADirectoryError(errno.EISDIR, "", str(json))
        json.parent.mkdir(parents=True, exist_ok=True)
    found = measure(
        names or (),
        threads=threads or (),
        cells=cells,
        repeat=repeat,
        full=full,
        told=lambda one, done, runs: typer.echo(
            f"{done}/{runs} {' '.join(map(str, report.key_of(one.as_table())))} {number(one.seconds)} s",
            err=True,
        ),
    )
    where = found["machine"]
    typer.echo(
        text(
            "bench.machine",
            processor=where["processor"],
            cores=where["cores"],
            load=found["load"],
            compile=number(found["compile_seconds"], digits=1),
        )
    )
    for limit in found["limits"]:
        typer.echo(
            text(
                "bench.limit",
                precision=limit["precision"],
                threads=limit["threads"],
                **{
                    key: number(limit[key] / 1e9, digits=1)
                    for key in ("copy", "products", "roots", "divisions")
                },
            )
        )
    print_table(*report.table(found))
    for case in chosen(names or [], full=full):
        typer.echo(f"{case.name}: {case.label}")
    if not names and not full:
        typer.echo(text("bench.short"))
    if json is not None:
        report.write(found, json)
    if before is not None:
        compared = report.comparison(before, found)
        typer.echo("")
        print_table(compared.header, compared.rows)
        for line in report.remarks(compared):
            typer.echo(line)
        if compared.is_worse:
            sys.exit(1)
