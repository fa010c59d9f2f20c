"""What the figures were when they were last looked at: no figure may slip unseen, with a target or without.

`held.json` has the figures of each row, scheme by scheme; `python -m benchmarks.validation --hold` writes it
anew, after a change that is meant, and the difference stands in the commit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from benchmarks.validation.case import HERE, ROUNDING, Row

FILE = HERE / "held.json"
MARGIN = 1.3  # of an error; processors and their multiply-adds move figures by far less

Held = dict[str, dict[str, list[float]]]  # figures by case and norm


def hold(rows: Iterable[Row]) -> None:
    """Keep the figures of these rows, all that is kept of their cases, and those kept of other cases."""
    new: Held = {}
    for row in rows:
        new.setdefault(row.case, {})[row.norm] = [float(f"{figure:.4g}") for figure in row.figures()]
    kept = json.dumps(held() | new, indent=1, ensure_ascii=False, sort_keys=True)
    # A row of the table is a line.
    FILE.write_text(
        re.sub(r"\[\s+([^]]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", kept) + "\n", "utf-8"
    )


def held() -> Held:
    """What `held.json` has."""
    if not FILE.exists():
        return {}
    found: Held = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def slipped(row: Row, kept: Held) -> list[str]:
    """How a row is worse than it was, in words. A value that is no error (a level, a time) may not move
    either way; what is under rounding may.
    """
    before = kept.get(row.case, {}).get(row.norm, [])
    if len(before) != len(row.figures()):
        return ["not in held.json: python -m benchmarks.validation --hold"]
    found = []
    for now, was in zip(row.figures(), before, strict=True):
        room = max((MARGIN - 1.0) * abs(was), ROUNDING)
        if not now <= was + room or (row.value and now < was - room):
            found.append(f"{now:.3g}, where it was {was:.3g}")
    return found
