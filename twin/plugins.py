"""What a process is to the loop, and how solvers are found by name.

A solver is one process that advances its own fields. A new one is a module or folder in
``twin/solvers`` with a class derived from `Solver`, named in ``SOLVERS`` below or, from another
distribution, by an entry point of the group ``twin.solvers``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module, metadata
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from twin.errors import InputError, listed, suggest, told

Array = NDArray[Any]

SOLVERS = {
    "flood": "twin.solvers.flood.solver:FloodSolver",
    "traffic": "twin.solvers.traffic.solver:TrafficSolver",
}


class Parameters(BaseModel):
    """Base of every solver's ``[params.<name>]`` table: keys it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Solver(ABC):
    """One process. Exactly one solver writes a variable; the order of coupling follows from that.

    `fields` is the exchange between solvers: a solver puts the arrays that it writes there when it
    is made and never rebinds them; it looks those that it reads up when it steps.
    """

    name: ClassVar[str]
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()
    Parameters: ClassVar[type[Parameters]]

    @abstractmethod
    def __init__(self, domain: Any, scenario: Any, fields: dict[str, Array]) -> None: ...

    def next_time(self, t: float) -> float:  # noqa: ARG002 - others need it
        """The next time after `t` (s) on which everybody must land for this solver; inf if none."""
        return float("inf")

    @abstractmethod
    def step(self, t: float, t_end: float) -> float:
        """Advance by one stable step, never beyond `t_end`; the new time, `t_end` exactly when it lands."""

    def advance(self, t: float, t_end: float) -> tuple[float, int, float]:
        """Advance by one or more of these steps, as long as nobody minds to wait; never beyond `t_end`.

        Returns the new time (s), how many steps they were, the length of the last one (s). A solver that
        makes several in one call makes the same ones as :meth:`step`.
        """
        new = self.step(t, t_end)
        return new, 1, new - t

    def synchronise(self, t: float) -> None:  # noqa: B027 - nothing to do is a right answer
        """Called when every solver has landed on `t` (also at 0), in the order of coupling."""

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """Everything that the future depends on, and the accumulators. A copy."""

    def state_now(self) -> dict[str, Array]:
        """:meth:`state` for who writes it down before the next step: arrays may be those of the solver."""
        return self.state()

    @abstractmethod
    def restore(self, state: dict[str, Array]) -> None:
        """Take a state back; the run goes on as if it had never stopped, to the bit."""

    def ledger(self) -> dict[str, float]:
        """The mass balance (m³) of a solver that moves water; empty for others."""
        return {}

    def readings(self, t: float) -> dict[str, list[tuple[Any, ...]]]:  # noqa: ARG002 - others need it
        """Rows by table of the run folder (gauges.csv, sections.csv) at a reading, at `t`; empty for none.

        They tell what happened since the last reading, at which the next interval begins.
        """
        return {}

    def run_fields(self) -> Mapping[str, Array]:
        """Fields over the whole run so far, shape (ny, nx), each made when asked for."""
        return {}

    def summary(self) -> dict[str, Any]:
        """What goes to ``<name>/summary.json``; empty for none."""
        return {}


class Made(Mapping[str, Array]):
    """Arrays by name, each made by a function whenever it is asked for: who takes them one by one needs
    memory for one.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Array]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Array:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@cache
def _offered() -> dict[str, str]:
    """The solvers of other distributions; looking through all that is installed takes 10 ms."""
    return {point.name: point.value for point in metadata.entry_points(group="twin.solvers")}


def solver_class(name: str) -> type[Solver]:
    """The solver of that name.

    Raises
    ------
    InputError
        There is none.
    """
    known = SOLVERS if name in SOLVERS else _offered() | SOLVERS
    if name not in known:
        raise InputError(told("solvers", name, "scenario.no_solver", suggest(name, known), found=name))
    module, _, attribute = known[name].partition(":")
    found = getattr(import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, Solver)):
        raise TypeError(f"{known[name]} is no Solver")
    return found


def coupling_order(classes: Iterable[type[Solver]]) -> list[type[Solver]]:
    """Solvers in the order of coupling: who writes a variable comes before who reads it.

    Raises
    ------
    InputError
        Two solvers write one variable, or they wait for each other in a circle.
    """
    waiting = list(classes)
    writer: dict[str, type[Solver]] = {}
    for cls in waiting:
        for variable in cls.writes:
            if variable in writer:
                names = listed((writer[variable].name, cls.name))
                raise InputError(told("solvers", variable, "scenario.two_writers", names=names))
            writer[variable] = cls
    ordered: list[type[Solver]] = []
    while waiting:
        ready = [
            cls
            for cls in waiting
            if not any(writer.get(v, cls) in waiting and writer.get(v, cls) is not cls for v in cls.reads)
        ]
        if not ready:
            names = listed(cls.name for cls in waiting)
            raise InputError(told("solvers", "", "scenario.no_order", names=names))
        ordered += ready
        waiting = [cls for cls in waiting if cls not in ready]
    return ordered


def finite_scalar(value: float) -> Array:
    """A number as a 0-d array, for `state`."""
    return np.asarray(value)
