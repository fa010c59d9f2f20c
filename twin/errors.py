"""What Twin raises: an input that cannot be used, a run that cannot go on.

Every error carries the exit code of the command line (DESIGN 3.4): 1 failed with a message,
2 unusable arguments or file, 130 interrupted.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from twin.messages import optional, text

_IN_THE_ROW: Any = object()


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
            f"    {text('error.found')} {self.found}",
            f"    {text('error.expected')} {self.expected}",
        ]
        if self.hint:
            lines.append(f"    {text('error.hint')} {self.hint}")
        return "\n".join(lines)


def told(
    where: object,
    key: str,
    row: str,
    hint: str | None = None,
    *,
    found: object = _IN_THE_ROW,
    **values: Any,
) -> Problem:
    """A problem in the language of the moment, from ``<row>`` of the message table.

    Parameters
    ----------
    hint : in place of ``<row>.hint``, which may be missing.
    found : what stands in the file, in place of ``<row>.found`` (see `shown`).
    values : fill in the ``{names}`` of ``<row>.found``, ``.expected`` and ``.hint``.
    """
    return Problem(
        str(where),
        key,
        text(f"{row}.found", **values) if found is _IN_THE_ROW else shown(found),
        text(f"{row}.expected", **values),
        (optional(f"{row}.hint", **values) or "") if hint is None else hint,
    )


def shown(value: object) -> str:
    """A value of a file or an argument as a message shows it: a text between quotation marks.

    >>> shown("5 km"), shown(True), shown(0.25), shown([1, 2])
    ('« 5 km »', 'true', '0.25', '[1, 2]')
    """
    if value is None or value == "":
        return text("error.nothing")
    if isinstance(value, str):
        return text("error.quoted", value=value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(names: Iterable[object]) -> str:
    """Names for a message: ``a, b``; a dash where there are none."""
    return ", ".join(str(name) for name in names) or "–"


def in_line(file: object, line: int) -> str:
    """Where something is wrong: a file and its line (from 1)."""
    return text("error.in_line", file=file, line=line)


def reason(error: Exception) -> str:
    """Why the system or a library refused: the usual refusals of the system in the language of the moment."""
    code = error.errno if isinstance(error, OSError) else None
    return optional(f"error.system.{errno.errorcode.get(code or 0, '')}") or str(error)


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
    """A solver left its validity: which one, what, when, where, the values and the likely cause.

    late : found some steps afterwards, so the solver no longer holds its last good state.
    """

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
        late: bool = False,
    ) -> None:
        self.late = late
        self.solver, self.what, self.time, self.cell, self.xy = solver, what, time, cell, xy
        self.values = dict(values or {})
        self.cause = cause
        super().__init__(what)

    def __str__(self) -> str:
        parts = [f"{self.solver}: {self.what}", f"t = {self.time:.6g} s"]
        if self.cell is not None:
            parts.append(f"{text('error.cell')} = ({self.cell[0]}, {self.cell[1]})")
        if self.xy is not None:
            parts.append(f"x, y = {self.xy[0]:.2f}, {self.xy[1]:.2f}")
        parts += [
            f"{optional(f'error.value.{name}') or name} = {value:.9g}" for name, value in self.values.items()
        ]
        message = "; ".join(parts)
        return f"{message}\n    {text('error.cause')} {self.cause}" if self.cause else message


class Interrupted(TwinError):
    """The run was stopped by the user; its checkpoint is written."""

    exit_code = 130


@dataclass
class Problems:
    """Collects every problem of a file before saying anything."""

    items: list[Problem] = field(default_factory=list)

    def tell(
        self,
        where: object,
        key: str,
        row: str,
        hint: str | None = None,
        *,
        found: object = _IN_THE_ROW,
        **values: Any,
    ) -> None:
        """Note one problem by its row of the message table (see `told`)."""
        self.items.append(told(where, key, row, hint, found=found, **values))

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
    """A hint for a name that is not known: the nearest one, or the list of those there are (none: "")."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return text("error.did_you_mean", name=near[0])
    return text("error.there_are", names=listed(names)) if names else ""
