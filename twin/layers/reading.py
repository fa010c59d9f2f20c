"""What every reader of a layer shares: its orders, what it noted, what it found wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyproj import CRS

from twin.errors import Problems
from twin.grid import Bounds
from twin.layers.source import LayerSource
from twin.messages import number, signed, text

# Notes of one kind that are written out.
MOST_ALIKE = 5


@dataclass
class Reading:
    """One layer being read.

    Attributes
    ----------
    name : the contract name of the layer (``"terrain"``, ``"roads"`` …).
    source : the table of the territory file.
    root : folder that relative paths start from.
    crs : CRS of the territory (2D).
    crs_text : the same, as the territory wrote it.
    bounds : part that is wanted (territory CRS), or None for all.
    notes : sentences for the provenance (see `all_notes`).
    said : kind of note → all its sentences.
    problems : everything wrong so far.
    vertical_datum : of the territory, "" when nothing is to be compared with it.
    """

    name: str
    source: LayerSource
    root: Path
    crs: CRS
    crs_text: str
    bounds: Bounds | None
    notes: list[str] = field(default_factory=list)
    said: dict[str, set[str]] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    vertical_datum: str = ""

    def note(self, row: str, **values: Any) -> None:
        """Say once what was assumed or repaired (row ``layer.note.<row>`` of the message table; numbers are
        written as people write them).
        """
        told = {k: number(v, digits=9) if isinstance(v, float) else v for k, v in values.items()}
        sentence = text(f"layer.note.{row}", **told)
        said = self.said.setdefault(row, set())
        if sentence not in said and len(said) < MOST_ALIKE:
            self.notes.append(sentence)
        said.add(sentence)

    @property
    def vertical_offset(self) -> float:
        """Metres to add to the heights of the layer; 0 where the territory file says nothing."""
        return self.source.vertical_offset or 0.0

    def check_datum(self, where: object, datum: str) -> None:
        """Refuse heights of another vertical datum than the territory's, unless an offset is said."""
        offset = self.source.vertical_offset
        if offset is not None:
            moved = signed(offset, digits=3)
            self.note("vertical_offset", offset=moved, datum=datum or "?", territory=self.vertical_datum)
        elif datum and self.vertical_datum and same_datum(datum, self.vertical_datum) is False:
            self.problem(where, "vertical_offset", "other_datum", datum=datum, territory=self.vertical_datum)

    def all_notes(self) -> tuple[str, ...]:
        """The notes, with a count of those that were only more of the same (a thousand tiles)."""
        more = sum(max(0, len(said) - MOST_ALIKE) for said in self.said.values())
        return (*self.notes, *((text("layer.note.more", count=more),) if more else ()))

    def problem(self, where: object, key: str, row: str, hint: str | None = None, **values: Any) -> None:
        """Note what is wrong (rows ``layer.<row>.found/expected/hint`` of the message table)."""
        self.problems.tell(where, f"{self.table}.{key}", f"layer.{row}", hint, **values)

    @property
    def table(self) -> str:
        """The table of the file that names the layer: ``layers.roads``, but ``places.schools`` as it is."""
        return self.name if "." in self.name else f"layers.{self.name}"


def same_datum(a: str, b: str) -> bool:
    """Whether two names mean one vertical datum: case, ``NGF`` and IGN's "complementary" C do not count.

    >>> same_datum("NGF-IGN69", "IGN69"), same_datum("IGN78C", "NGF-IGN78"), same_datum("ZH", "NGF-IGN69")
    (True, True, False)
    """
    return _datum(a) == _datum(b)


def _datum(name: str) -> str:
    plain = re.sub(r"[^A-Z0-9]", "", name.upper()).removeprefix("NGF") or name.upper()
    return "IGN78" if plain == "IGN78C" else plain


def few(items: Iterable[object], most: int = 8) -> str:
    """A short list for a message."""
    names = [str(item) for item in items]
    return ", ".join(names[:most]) + (f" … ({len(names)})" if len(names) > most else "")
