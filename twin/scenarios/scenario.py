"""A scenario: what happens on a territory, what is decided, how it is computed. TOML or Python."""

from __future__ import annotations

import copy
import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import tomli_w
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from twin.errors import InputError, Problem, Problems
from twin.gridding import DomainParameters
from twin.messages import optional
from twin.plugins import Parameters, coupling_order, solver_class
from twin.scenarios.breach import Breach
from twin.scenarios.checks import held, named, unmet, unread
from twin.scenarios.events import EVENTS, Event
from twin.scenarios.forcing import TimeSeries, read_series, series_unit
from twin.scenarios.measures import MEASURES, Measure
from twin.scenarios.overtopping import WaveOvertopping
from twin.scenarios.story import Slide
from twin.scenarios.structures import STRUCTURES
from twin.scenarios.tables import BoundaryTable, Initial, Outputs
from twin.territory import Territory, read_toml, with_environment
from twin.units import Seconds, parse, problems_of, unusable


def _instant(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise unusable("scenario.instant", found=value) from error
    if isinstance(value, datetime) and value.tzinfo is None:
        raise unusable("scenario.no_offset", time=value)
    return value


def _territory(value: object, info: ValidationInfo) -> object:
    if isinstance(value, (str, Path)):
        root: Path = (info.context or {}).get("root", Path())
        try:
            return Territory.open(root / value)
        except InputError as error:
            raise PydanticCustomError("twin", "{problems}", {"problems": list(error.problems)}) from error
    return value


def _resolution(value: object) -> object:
    if value == "native" or not isinstance(value, (str, int, float)):
        return value
    try:
        return parse(value, "m")
    except InputError as error:
        raise unusable("scenario.resolution", found=value) from error


if TYPE_CHECKING:
    _AnyEvent: TypeAlias = Event
    _AnyMeasure: TypeAlias = Measure
else:
    _AnyEvent = Annotated[
        reduce(or_, [*EVENTS.values(), *STRUCTURES.values(), Breach, WaveOvertopping]),
        Field(discriminator="kind"),
    ]
    _AnyMeasure = (
        Annotated[reduce(or_, MEASURES.values()), Field(discriminator="kind")]
        if len(MEASURES) > 1
        else next(iter(MEASURES.values()))
    )


class Scenario(BaseModel):
    """A frozen record (DESIGN 3.2). `Scenario.open` reads a file; in Python, give the fields.

    Attributes
    ----------
    territory : a `Territory`, its folder or its file.
    resolution : cell size (m), or "native".
    start : instant of second 0. duration : s.
    params : one table per solver, and "domain" for the building of the grid model.

    Raises
    ------
    InputError
        From `open` and `make`: everything that is wrong, at once. (Pydantic's own ValidationError when
        the class is called directly with wrong values.)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str = Field(min_length=1)
    territory: Annotated[Territory, BeforeValidator(_territory)]
    resolution: Annotated[float | Literal["native"], BeforeValidator(_resolution)] = "native"
    start: Annotated[datetime, BeforeValidator(_instant)]
    duration: Seconds = Field(gt=0)
    solvers: tuple[str, ...] = Field(("flood",), min_length=1)
    params: dict[str, dict[str, Any]] = {}
    events: tuple[SerializeAsAny[_AnyEvent], ...] = ()
    measures: tuple[SerializeAsAny[_AnyMeasure], ...] = ()
    boundaries: BoundaryTable = BoundaryTable()
    initial: Initial | None = None
    outputs: Outputs = Outputs()
    story: tuple[Slide, ...] = ()
    file: Path | None = Field(None, exclude=True, repr=False)

    # -- reading and writing ----------------------------------------------------

    @classmethod
    def open(cls, path: str | Path) -> Scenario:
        """Read a scenario file. Relative paths in it start from its folder.

        Raises
        ------
        InputError
            Keys, kinds, units, files or places that cannot be used; all that can be told at once.
        """
        file = Path(path)
        table = with_environment(read_toml(file, "scenario.none"), str(file))
        return cls._from_table(table, file.resolve())

    @classmethod
    def _from_table(cls, table: dict[str, Any], file: Path) -> Scenario:
        context: dict[str, Any] = {"root": file.parent}
        try:
            context["start"] = _instant(table.get("start"))
        except PydanticCustomError:
            context["start"] = None  # said below, with the rest
        try:
            return cls.model_validate(table | {"file": file}, context=context)
        except ValidationError as error:
            problems = Problems(_unfolded(error, str(file)))
            # What is left when the wrong keys are taken out may have more to say (places, parameters).
            rest = _without_errors(table, error)
            if rest is not None:
                # Where that can't be told, the problems above are the ones to mend first.
                with suppress(ValidationError, InputError):
                    problems.extend(cls.model_validate(rest | {"file": file}, context=context).check())
            raise InputError(dict.fromkeys(problems)) from error

    def to_toml(self) -> str:
        """The resolved scenario: every default explicit, SI. Reading it back gives an equal scenario."""
        table = self.model_dump(exclude_none=True, exclude={"territory", "params"}, by_alias=True)
        table["territory"] = str(self.territory.file)
        table["params"] = {
            name: parameters.model_dump(exclude_none=True) for name, parameters in self.parameters().items()
        }
        return tomli_w.dumps(_plain(table))

    # -- what follows from the fields ---------------------------------------------

    @property
    def where(self) -> str:
        """What error messages call this scenario."""
        return str(self.file) if self.file is not None else f"Scenario {self.name!r}"

    @property
    def root(self) -> Path:
        """Where relative paths start: the folder of the file, or of the territory."""
        return self.file.parent if self.file is not None else self.territory.root

    @property
    def folder_name(self) -> str:
        """The name as a folder: what no file system likes is taken out."""
        return re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", self.name).strip(" .") or "run"

    def model_post_init(self, _context: Any) -> None:
        """Read series that are still file names, make paths whole, turn windows into seconds."""
        problems = Problems()
        events = tuple(
            self._bound(event, f"events[{number}]", problems)
            for number, event in enumerate(self.events, start=1)
        )
        problems.raise_if_any()
        object.__setattr__(self, "events", events)
        story = tuple(slide.since(self.start) for slide in self.story)
        if story != self.story:
            object.__setattr__(self, "story", story)
        stretches = tuple(
            s if s.table is None else s.model_copy(update={"table": str((self.root / s.table).resolve())})
            for s in self.boundaries.stretches
        )
        if stretches != self.boundaries.stretches:
            whole = self.boundaries.model_copy(update={"stretches": stretches})
            object.__setattr__(self, "boundaries", whole)
        params = copy.deepcopy(self.params)
        for *tables, name in PARAMETER_FILES:
            values = _table(params, tables)
            if isinstance(values.get(name), str):
                values[name] = str((self.root / values[name]).resolve())
        if params != self.params:
            object.__setattr__(self, "params", params)
        if self.initial is not None:
            from_run = (self.root / self.initial.from_run).resolve()
            initial = self.initial.model_copy(update={"from_run": str(from_run)})
            object.__setattr__(self, "initial", initial)

    def _bound(self, event: Event, key: str, problems: Problems) -> Event:
        changes: dict[str, Any] = {}
        for name, field in type(event).model_fields.items():
            value, unit = getattr(event, name), series_unit(field)
            if isinstance(value, TimeSeries) and not value.is_read:
                if unit is None:
                    raise TypeError(f"{type(event).__name__}.{name} is a series without a unit")
                try:
                    changes[name] = read_series(value.source, unit, self.root, self.start, f"{key}.{name}")
                except InputError as error:
                    problems.extend(error.problems)
            elif name in event.files_in and isinstance(value, str):
                # Whole paths: the resolved scenario is read back from the run folder.
                changes[name] = str((self.root / value).resolve())
            elif isinstance(value, datetime):
                if value.tzinfo is None:
                    value = value.replace(tzinfo=self.start.tzinfo)
                changes[name] = (value - self.start).total_seconds()
        return event.model_copy(update=changes) if changes else event

    def files(self) -> dict[str, list[Path]]:
        """The files that it names and that are there, its territory's aside, by what they are for."""
        found: dict[str, list[Path]] = {"series": [], "events": [], "boundaries": [], "parameters": []}
        for event in self.events:
            for name in type(event).model_fields:
                value = getattr(event, name)
                if isinstance(value, TimeSeries) and value.file is not None:
                    found["series"].append(value.file)
                elif isinstance(value, str) and name in event.files_in:
                    found["events"] += named(value)
        found["boundaries"] = [Path(s.table) for s in self.boundaries.stretches if s.table is not None]
        for *tables, name in PARAMETER_FILES:
            file = _table(self.params, tables).get(name)
            found["parameters"] += [Path(file)] if isinstance(file, str) else []
        there = {use: [f for f in dict.fromkeys(files) if f.exists()] for use, files in found.items()}
        return {use: files for use, files in there.items() if files}

    def parameters(self) -> dict[str, Parameters]:
        """The parameters of the domain and of each solver, checked, defaults filled in.

        Raises
        ------
        InputError
            A solver or key that is not known, or a value that cannot be used; all at once.
        """
        problems = Problems()
        classes: dict[str, type[Parameters]] = {"domain": DomainParameters}
        for name in dict.fromkeys((*self.solvers, *self.params)):
            if name == "domain":
                continue
            try:
                classes[name] = solver_class(name).Parameters
            except InputError as error:
                key = "solvers" if name in self.solvers else f"params.{name}"
                problems.extend(replace(p, where=self.where, key=key) for p in error.problems)
        found: dict[str, Parameters] = {}
        for name, parameters in classes.items():
            try:
                found[name] = parameters.model_validate(self.params.get(name, {}))
            except ValidationError as error:
                problems.extend(
                    replace(p, key=f"params.{name}.{p.key}".rstrip("."))
                    for p in problems_of(error.errors(), self.where, parameters)
                )
        problems.raise_if_any()
        return found

    def with_events(self, *events: Event, name: str | None = None) -> Scenario:
        """The same scenario with more events; its name says so unless one is given."""
        return self._with("events", events, name)

    def with_measures(self, *measures: Measure, name: str | None = None) -> Scenario:
        """The same scenario with more measures; its name says so unless one is given."""
        return self._with("measures", measures, name)

    def _with(self, field: str, more: tuple[Event, ...] | tuple[Measure, ...], name: str | None) -> Scenario:
        added = ", ".join(_called(item) for item in more)
        values = {n: getattr(self, n) for n in type(self).model_fields}
        values[field] = (*getattr(self, field), *more)
        values["name"] = name or f"{self.name} + {added}"
        return type(self)(**values)

    def check(self) -> list[Problem]:
        """Everything wrong with the scenario and its territory that can be told without running it."""
        problems: list[Problem] = []
        try:
            self.parameters()
            coupling_order([solver_class(name) for name in self.solvers])
        except InputError as error:
            problems += [replace(p, where=self.where) for p in error.problems]
        problems += [*self.territory.check(), *unmet(self)]
        return list(dict.fromkeys(problems))

    def cautions(self) -> tuple[str, ...]:
        """What a run of it does that may not be meant; it runs."""
        return (*held(self), *unread(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scenario):
            return NotImplemented
        return self.to_toml() == other.to_toml()

    def __hash__(self) -> int:
        return hash(self.to_toml())

    def __repr__(self) -> str:
        lines = [
            f"Scenario {self.name!r}",
            f"├── territory {self.territory.name!r}, resolution {self.resolution}",
        ]
        lines.append(f"├── {self.start.isoformat()}, {self.duration:g} s, solvers {', '.join(self.solvers)}")
        lines += [f"├── event: {event!r}" for event in self.events]
        lines += [f"├── measure: {measure!r}" for measure in self.measures]
        lines.append(f"└── outputs every {self.outputs.every:g} s")
        return "\n".join(lines)

    __str__ = __repr__


def _table(values: Any, path: list[str]) -> dict[str, Any]:
    for part in path:
        values = values.get(part) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def _called(item: Event | Measure) -> str:
    """What people call an event or a measure: its kind in words, and its place when that has a name."""
    kind = optional(f"kind.{item.kind}") or item.kind.replace("_", " ")  # a kind of a plugin has no row
    place = _first_place(item)
    return f"{kind} {place.replace('_', ' ')}" if isinstance(place, str) else kind


def _first_place(item: Event | Measure) -> Any:
    return next((getattr(item, field) for field in item.places_in), None)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def _unfolded(error: ValidationError, where: str) -> list[Problem]:
    """Problems of a validation error; those that come from a file it names keep that file's name."""
    inner: list[Problem] = []
    for item in error.errors():
        inner += item.get("ctx", {}).get("problems", [])
    own = [item for item in error.errors() if "problems" not in item.get("ctx", {})]
    return problems_of(own, where, Scenario) + inner


def _without_errors(table: dict[str, Any], error: ValidationError) -> dict[str, Any] | None:
    """The table without the entries that are wrong; None when what is required would be missing."""
    rest = copy.deepcopy(table)
    doomed: set[tuple[Any, ...]] = set()
    for item in error.errors():
        loc = item["loc"]
        if loc[0] in ("name", "territory", "start", "duration"):
            return None
        # An item of a list goes as a whole; elsewhere only the key does.
        number = next((k for k, part in enumerate(loc) if isinstance(part, int)), None)
        doomed.add(loc[: number + 1] if number is not None else loc)
    for path in sorted(doomed, key=lambda p: [str(x).rjust(9) for x in p], reverse=True):
        node: Any = rest
        for part in path[:-1]:
            node = node[part] if isinstance(node, list) or part in node else {}
        if isinstance(node, list) and isinstance(path[-1], int) and path[-1] < len(node):
            del node[path[-1]]
        elif isinstance(node, dict):
            node.pop(path[-1], None)
    return rest


#: Parameters that name a file, as paths into ``[params]``: made whole, for a run reads them from its folder.
PARAMETER_FILES = (
    ("flood", "infiltration", "table"),
    ("traffic", "fleet"),
    ("traffic", "counts"),
)
