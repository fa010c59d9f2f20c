"""What the figures were when they were last looked at: a figure without a target may not slip unseen.

`held.json` has the figure of the second order of each row; `python -m benchmarks.validation --hold` writes it
anew, after a change that is meant, and the difference stands in the commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from benchmarks.validation.case import HERE, Row

FILE = HERE / "held.json"
MARGIN = 1.3  # of an error; processors and their multiply-adds move figures by far less


def hold(rows: Iterable[Row]) -> None:
    """Keep the figures of these rows, and those kept of other cases."""
    kept = held()
    for row in rows:
        kept.setdefault(row.case, {})[row.norm] = float(f"{row.second:.4g}")
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def held() -> dict[str, dict[str, float]]:
    """Figures by case and norm."""
    if not FILE.exists():
        return {}
    found: dict[str, dict[str, float]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def slipped(row: Row, kept: dict[str, dict[str, float]]) -> list[str]:
    """How a row without a target is worse than it was, in words. A row that need not beat the first order may
    be no error at all (a level, a time): it may not move either way.
    """
    if row.target is not None:
        return []
    was = kept.get(row.case, {}).get(row.norm)
    if was is None:
        return ["not in held.json: python -m benchmarks.validation --hold"]
    room = (MARGIN - 1.0) * abs(was)
    if not row.second <= was + room or (not row.must_win and row.second < was - room):
        return [f"{row.second:.3g}, where it was {was:.3g}"]
    return []
