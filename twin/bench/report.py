"""The benchmark as a record (JSON) and as a table; two records side by side."""

from __future__ import annotations

import json
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
from twin.messages import text

FORMAT = 1
COLUMNS = (
    "case", "scheme", "precision", "threads", "cells", "steps", "seconds", "rate", "speed", "bytes",
    "bandwidth", "arithmetic", "mass_error",
)  # fmt: skip


def record(
    figures: list[Figure], limits: list[Limits], peers: list[Peer], compile_seconds: float
) -> dict[str, Any]:
    """Everything measured, with the machine that it was measured on."""
    by_key = {(limit.precision, limit.threads): limit for limit in limits}
    rows = []
    for figure in figures:
        limit = by_key[figure.precision, figure.threads]
        shares = {
            "bandwidth_share": bandwidth_share(figure, limit),
            "arithmetic_share": arithmetic_share(figure, limit),
        }
        rows.append(figure.as_table() | shares)
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
            row["scheme"],
            row["precision"],
            str(row["threads"]),
            f"{row['cells']:,}",
            str(row["steps"]),
            f"{row['seconds']:.2f}",
            f"{row['rate'] / 1e6:.1f}",
            f"{row['speed']:.1f}",
            f"{row['bytes_per_cell']:.0f}",
            f"{row['bandwidth_share']:.0%}",
            f"{row['arithmetic_share']:.0%}",
            f"{row['mass_error']:.0e}",
        ]
        for row in found["figures"]
    ]
    rows += [
        [
            peer["case"], peer["name"], "–", "–", f"{peer['cells']:,}", str(peer["steps"]),
            f"{peer['seconds']:.2f}", f"{peer['rate'] / 1e6:.1f}", "–", "–", "–", "–",
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
    return found


def comparison(before: dict[str, Any], now: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Rates of two records and their ratio, for what both measured."""
    old = {_key(row): row for row in before["figures"]}
    both = [(old[_key(row)], row) for row in now["figures"] if _key(row) in old]
    rows = [
        [
            *(str(part) for part in _key(row)),
            f"{other['rate'] / 1e6:.1f}",
            f"{row['rate'] / 1e6:.1f}",
            f"{row['rate'] / other['rate']:.2f}",
        ]
        for other, row in both
    ]
    names = ("case", "scheme", "precision", "threads", "cells", "rate_before", "rate", "ratio")
    return [text(f"bench.column_{name}") for name in names], rows


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("case", "scheme", "precision", "threads", "cells"))
