"""What Twin raises: an input that cannot be used, a run that cannot go on.

Every error carries the exit code of the command line (DESIGN 3.4): 1 failed with a message,
2 unusable arguments or file, 130 interrupted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from twin.messages import text


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input: where, what was found, what was expected, how to mend it."""

    where: str
    key: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.key}" if self.key else self.where
        lines = [
            head,
            f"    {text('error.found')}: {self.found}",
            f"    {text('error.expected')}: {self.expected}",
        ]
        if self.hint:
            lines.append(f"    {text('error.hint')}: {self.hint}")
        return "\n".join(lines)


def told(where: object, key: str, row: str, hint: str = "", **values: Any) -> Problem:
    """A problem in the language of the moment: ``<row>.found`` and ``<row>.expected`` of the messages."""
    return Problem(str(where), key, text(f"{row}.found", **values), text(f"{row}.expected", **values), hint)


class TwinError(Exception):
    """Base of every error that Twin raises on purpose."""

    exit_code = 1


class InputError(TwinError):
    """One or more files, keys or arguments that cannot be used; all of them, at once."""

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class SolverError(TwinError):
    """A solver left its validity: which one, what, when, where, the values and the likely cause."""

    def __init__(
        self,
        solver: str,
        what: str,
        *,
        time: float,
        cell: tuple[int, int] | None = None,
        xy: tuple[float, float] | None = None,
        values: Mapping[str, float] | None = None,
        cause: str = "",
    ) -> None:
        self.solver, self.what, self.time, self.cell, self.xy = solver, what, time, cell, xy
        self.values = dict(values or {})
        self.cause = cause
        super().__init__(what)

    def __str__(self) -> str:
        parts = [f"{self.solver}: {self.what}", f"t = {self.time:.6g} s"]
        if self.cell is not None:
            parts.append(f"cell (row, column) = ({self.cell[0]}, {self.cell[1]})")
        if self.xy is not None:
            parts.append(f"x, y = {self.xy[0]:.2f}, {self.xy[1]:.2f}")
        parts += [f"{name} = {value:.9g}" for name, value in self.values.items()]
        message = "; ".join(parts)
        return f"{message}\n    {text('error.cause')}: {self.cause}" if self.cause else message


class Interrupted(TwinError):
    """The run was stopped by the user; its checkpoint is written."""

    exit_code = 130


@dataclass
class Problems:
    """Collects every problem of a file before saying anything."""

    items: list[Problem] = field(default_factory=list)

    def add(self, where: str, key: str, found: str, expected: str, hint: str = "") -> None:
        """Note one problem (see `Problem`)."""
        self.items.append(Problem(where, key, found, expected, hint))

    def tell(self, where: object, key: str, row: str, hint: str = "", **values: Any) -> None:
        """Note one problem by its row of the message table (see `told`)."""
        self.items.append(told(where, key, row, hint, **values))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over the problems of another check."""
        self.items.extend(problems)

    def raise_if_any(self) -> None:
        """Raise one `InputError` with all that was noted, if anything was."""
        if self.items:
            raise InputError(self.items)

    def __bool__(self) -> bool:
        return bool(self.items)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.items)


def suggest(word: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the nearest one, or the list of those there are."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return text("error.did_you_mean", name=near[0])
    return text("error.there_are", names=", ".join(names) or "–")
