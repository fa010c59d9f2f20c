"""The benchmark as a record (JSON) and as a table; two records side by side."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import twin
from twin import machine
from twin.bench.cost import arithmetic_share, bandwidth_share
from twin.bench.measure import Figure
from twin.bench.peers import Peer
from twin.bench.roofline import Limits
from twin.errors import InputError, reason, told
from twin.files import write_json
from twin.messages import figure, number, text

FORMAT = 1
SLOWER = 0.9  # of the rate before: less is told as a loss; runs on a quiet machine differ by some 5 %
MACHINE = ("processor", "cores", "memory_gib")  # other values: another machine
COLUMNS = (
    "case", "scheme", "precision", "threads", "cells", "steps", "seconds", "rate", "speed", "bytes",
    "bandwidth", "arithmetic", "mass_error",
)  # fmt: skip


def record(
    figures: list[Figure], limits: list[Limits], peers: list[Peer], compile_seconds: float
) -> dict[str, Any]:
    """Everything measured, with the machine that it was measured on."""
    # A copy moves bytes, whatever they are: what one probe reached, the others could.
    limits = [
        replace(limit, copy=max(other.copy for other in limits if other.threads == limit.threads))
        for limit in limits
    ]
    by_key = {(limit.precision, limit.threads): limit for limit in limits}
    rows = []
    for one in figures:
        limit = by_key[one.precision, one.threads]
        shares = {
            "bandwidth_share": bandwidth_share(one, limit),
            "arithmetic_share": arithmetic_share(one, limit),
        }
        rows.append(one.as_table() | shares)
    return {
        "format": FORMAT,
        "twin": twin.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.record(),
        "load": machine.load(),
        "packages": machine.versions(),
        "compile_seconds": compile_seconds,
        "limits": [limit.as_table() for limit in limits],
        "figures": rows,
        "peers": [vars(peer) for peer in peers],
    }


def table(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a record for people; a peer stands below with a dash where it has no figure."""
    rows = [
        [
            row["case"],
            _scheme(row),
            row["precision"],
            str(row["threads"]),
            figure(row["cells"], digits=0),
            str(row["steps"]),
            number(row["seconds"]),
            number(row["rate"] / 1e6, digits=1),
            number(row["speed"], digits=1),
            f"{row['bytes_per_cell']:.0f}",
            f"{row['bandwidth_share']:.0%}",
            f"{row['arithmetic_share']:.0%}",
            f"{row['mass_error']:.0e}",
        ]
        for row in found["figures"]
    ]
    rows += [
        [
            peer["case"], peer["name"], "–", "–", figure(peer["cells"], digits=0), str(peer["steps"]),
            number(peer["seconds"]), number(peer["rate"] / 1e6, digits=1), "–", "–", "–", "–",
            f"{peer['mass_error']:.0e}",
        ]
        for peer in found["peers"]
    ]  # fmt: skip
    return [text(f"bench.column_{name}") for name in COLUMNS], rows


def write(found: dict[str, Any], path: Path) -> None:
    """The record as JSON."""
    write_json(path, found)


def read(path: Path) -> dict[str, Any]:
    """A record that `write` wrote.

    Raises
    ------
    InputError
        There is no such file, or it is no record of this format.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(told(path, "", "bench.no_record", reason=reason(error))) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        given = found.get("format") if isinstance(found, dict) else None
        raise InputError(told(path, "format", "bench.other_format", found=given, format=FORMAT))
    try:
        comparison(found, found)
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise InputError(told(path, "", "bench.no_record", reason=repr(error))) from error
    return found


@dataclass(frozen=True)
class Comparison:
    """Two records side by side.

    Attributes
    ----------
    header, rows : rates and their ratio, for what both measured.
    other_machine : what differs, as people read it; then a ratio says nothing about the code.
    slower : figures whose rate fell under SLOWER of what it was. only_before, only_now : figures of one
        record only.
    """

    header: list[str]
    rows: list[list[str]]
    other_machine: list[str]
    slower: list[str]
    only_before: list[str]
    only_now: list[str]

    @property
    def is_worse(self) -> bool:
        """Whether the same machine has become slower."""
        return bool(self.slower) and not self.other_machine


def comparison(before: dict[str, Any], now: dict[str, Any]) -> Comparison:
    """What changed from one record to another."""
    old, new = ({key_of(row): row for row in found["figures"]} for found in (before, now))
    both = [key for key in new if key in old]
    ratio = {key: new[key]["rate"] / old[key]["rate"] for key in both}
    rows = [
        [
            *(str(part) for part in key),
            number(old[key]["rate"] / 1e6, digits=1),
            number(new[key]["rate"] / 1e6, digits=1),
            number(ratio[key]) + (" ✗" if ratio[key] < SLOWER else ""),
        ]
        for key in both
    ]
    names = ("case", "scheme", "precision", "threads", "cells", "rate_before", "rate", "ratio")
    there, here = before["machine"], now["machine"]
    return Comparison(
        [text(f"bench.column_{name}") for name in names],
        rows,
        [
            f"{text(f'bench.machine_{name}')} {there.get(name)} → {here.get(name)}"
            for name in MACHINE
            if there.get(name) != here.get(name)
        ],
        [" ".join(map(str, key)) for key in both if ratio[key] < SLOWER],
        [" ".join(map(str, key)) for key in old if key not in new],
        [" ".join(map(str, key)) for key in new if key not in old],
    )


def remarks(compared: Comparison) -> list[str]:
    """What people should know beside the table of a comparison."""
    loss = f"{1.0 - SLOWER:.0%}"
    return [
        *(text("bench.other_machine", what=what) for what in compared.other_machine),
        *(text("bench.only_before", what=what) for what in compared.only_before),
        *(text("bench.only_now", what=what) for what in compared.only_now),
        *(text("bench.slower", what=what, loss=loss) for what in compared.slower),
        *([] if compared.slower or not compared.rows else [text("bench.not_slower", loss=loss)]),
    ]


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    """What the figures of two records are matched by: case, scheme, precision, threads, cells."""
    return (row["case"], _scheme(row), *(row[name] for name in ("precision", "threads", "cells")))


def _scheme(row: dict[str, Any]) -> str:
    """The scheme of a figure as people read it."""
    own = row.get("local_time_steps", False)
    return text("bench.own_steps", scheme=row["scheme"]) if own else str(row["scheme"])
