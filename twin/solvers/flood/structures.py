"""Structures at work: water taken at one end and given at the other at once, never more than there is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.errors import InputError, Problems, told
from twin.scenarios.binding import cells_of
from twin.scenarios.events import Event
from twin.scenarios.measures import place_geometry
from twin.scenarios.structures import BridgeOpening, Culvert, Gate, Pump, Structure, Weir
from twin.solvers.flood import hydraulics
from twin.solvers.flood.kernels import DEPTH, DISCHARGE_X, DISCHARGE_Y, FULL, PAD

if TYPE_CHECKING:
    from twin.grid import Grid
    from twin.scenarios.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Curve = Callable[[float, float], float]

SETTLE = 0.5  # share of the way to equal levels that a step may go: levels meet without swinging


@dataclass(frozen=True, eq=False)
class StructureForcing:
    """A structure between cells (flat indices); `to` is empty where water leaves the domain."""

    event: Structure
    from_: Ints
    to: Ints
    watch: Ints
    start: float = -math.inf
    end: float = math.inf
    name: str = ""


@dataclass(frozen=True, eq=False)
class EarlierWorks:
    """Where the structures and breaches of an earlier run stood at its end, when this one starts from it.

    Attributes
    ----------
    end : its end (s), the start of this run. structure_keys, breach_keys : (n,) see `event_keys`.
    structures, breaches : (n, 3) as `Structures.state` and `Crests.state` give them.
    """

    end: float
    structure_keys: Keys
    structures: Floats
    breach_keys: Keys
    breaches: Floats


def earlier_works(state: Mapping[str, NDArray[Any]]) -> EarlierWorks | None:
    """Those in what a hot start hands over; None where it has none."""
    names = ("structure_keys", "structures", "breach_keys", "breaches")
    if "earlier_end" not in state or not all(name in state for name in names):
        return None
    return EarlierWorks(float(state["earlier_end"]), *(state[name] for name in names))


def event_keys(events: Iterable[Event]) -> Keys:
    """What tells events apart from one run to the next: all but when it starts and ends, hashed."""
    texts = [event.model_dump_json(exclude={"start", "end"}) for event in events]
    digests = [hashlib.sha256(text.encode()).digest()[:8] for text in texts]
    return np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64)


def structures(domain: Domain, scenario: Scenario) -> list[StructureForcing]:
    """The structures of a scenario on the cells of a domain.

    Raises
    ------
    InputError
        An end has no cell of the domain, or both ends share one; all at once.
    """
    found: list[StructureForcing] = []
    events = [(n, e) for n, e in enumerate(scenario.events, start=1) if isinstance(e, Structure)]
    if not events:
        return found
    grid = domain.require_grid("structure")
    usable = (domain.field("active") & ~domain.field("blocked")).ravel()
    problems = Problems()
    for number, event in events:
        ends: dict[str, Ints] = {}
        for name in ("from_", "to", "watch"):
            at = getattr(event, name, None)
            key = f"events[{number}].{name.rstrip('_')}"
            cells = np.zeros(0, dtype=np.int64)
            if at is not None:
                cells, _ = cells_of(grid, place_geometry(domain, at, scenario.where, key))
                cells = cells[usable[cells]]
                if not cells.size:
                    problems.tell(scenario.where, key, "scenario.no_cell", place=at)
            ends[name] = cells
        if np.intersect1d(ends["from_"], ends["to"]).size:
            problems.tell(scenario.where, f"events[{number}].to", "flood.same_cells")
        name = f"{event.kind} {number}"
        found.append(StructureForcing(event, ends["from_"], ends["to"], ends["watch"], *event.window, name))
    problems.raise_if_any()
    return found


@dataclass
class _End:
    """The cells of an end: rows, columns, bed above the datum (m)."""

    i: Ints
    j: Ints
    bed: Floats
    area: float

    def level(self, state: Floats, dry: float) -> float:
        """The mean level (m above the datum) of its water by volume; its lowest bed when dry."""
        depth = state[DEPTH, self.i + PAD, self.j + PAD]
        if self.i.size == 1:
            return float(self.bed[0] + depth[0])
        wet = depth >= dry
        if not wet.any():
            return float((self.bed + depth).min())
        return float(np.average((self.bed + depth)[wet], weights=depth[wet]))


@dataclass
class _Work:
    """One structure, ready: its curves from `from` to `to` and back (None: one way), and its state."""

    forcing: StructureForcing
    ends: tuple[_End, _End | None]
    watch: _End
    curves: tuple[Curve, Curve | None]
    inverts: tuple[float, float]
    is_pump: bool
    on: bool = False
    volume: float = 0.0
    limited: int = 0
    cells: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Structures:
    """All structures of a run: each step they pass water on, and nothing is ever in transit."""

    def __init__(
        self, found: Iterable[StructureForcing], bed: Floats, datum: float, area: float, dry: float
    ) -> None:
        """bed: above the datum, shape (ny, nx) (m); area of a cell (m²)."""
        self._bed, self._datum, self._area, self._dry = bed, datum, area, dry
        self._works = [self._ready(one) for one in found]
        self.passed: Floats = np.zeros(len(self._works))
        """Water (m³) that each passed in the last step, from `from` to `to` positive."""

    def __bool__(self) -> bool:
        return bool(self._works)

    def cells(self) -> list[Ints]:
        """The cells in which structures act, flat indices."""
        return [c for work in self._works for c in (work.forcing.from_, work.forcing.to)]

    def ways(self, grid: Grid) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """From where to where (x, y) each structure passes water; a way of no length where it leaves."""
        found = []
        for work in self._works:
            ends = [
                (float(grid.x[e.j].mean()), float(grid.y[e.i].mean())) for e in work.ends if e is not None
            ]
            found.append((ends[0], ends[-1]))
        return found

    def _end(self, cells: Ints) -> _End:
        i, j = np.divmod(cells, self._bed.shape[1])
        return _End(i, j, self._bed[i, j], self._area * cells.size)

    def _ready(self, one: StructureForcing) -> _Work:
        event = one.event
        upper, lower = self._end(one.from_), self._end(one.to) if one.to.size else None
        watch = self._end(one.watch) if one.watch.size else upper
        inverts = self._inverts(event, upper, lower)
        there: Curve
        back: Curve | None
        if isinstance(event, Culvert):
            box = event.diameter is None
            barrel = hydraulics.Barrel(event.width or 0.0, (event.height if box else event.diameter) or 0.0)
            inlet = event.inlet or ("box_wingwall_30_75" if box else "concrete_square_headwall")
            z_in, z_out = inverts
            one_barrel = hydraulics.CulvertCurves(barrel, event.length, event.manning, inlet, z_in, z_out)
            reverse = hydraulics.CulvertCurves(barrel, event.length, event.manning, inlet, z_out, z_in)
            barrels = event.barrels
            there = lambda up, down: barrels * one_barrel.discharge(up, down)  # noqa: E731
            back = lambda up, down: barrels * reverse.discharge(up, down)  # noqa: E731
        elif isinstance(event, Weir):
            crest, width, coefficient = inverts[0], event.width, event.coefficient
            there = back = lambda up, down: hydraulics.weir(up, down, crest, width, coefficient)
        elif isinstance(event, Gate | BridgeOpening):
            sill, wide = inverts[0], event.width
            height = event.height if isinstance(event, Gate) else event.soffit - self._datum - sill
            there = back = lambda up, down: hydraulics.opening(up, down, sill, wide, height)
        else:
            assert isinstance(event, Pump)
            rate = event.rate
            there = lambda up, down: rate  # noqa: E731, ARG005
            back = None
        if getattr(event, "one_way", False):
            back = None
        return _Work(one, (upper, lower), watch, (there, back), inverts, isinstance(event, Pump))

    def _inverts(self, event: Structure, upper: _End, lower: _End | None) -> tuple[float, float]:
        """Level (above the datum) under which each end gives nothing."""
        lowest = float(upper.bed.min()), float(lower.bed.min()) if lower is not None else math.nan
        if isinstance(event, Weir):
            return (event.crest - self._datum,) * 2
        if isinstance(event, Gate | BridgeOpening):
            sill = max(lowest) if event.sill is None else event.sill - self._datum
            return sill, sill
        if isinstance(event, Culvert):
            z_in, z_out = event.inlet_level, event.outlet_level
            return (
                lowest[0] if z_in is None else z_in - self._datum,
                lowest[1] if z_out is None else z_out - self._datum,
            )
        return lowest

    def _follow_rule(self, work: _Work, level: float) -> bool:
        """Whether a gate is open or a pump runs, now that the level at its watch is this (m)."""
        event, level = work.forcing.event, level + self._datum
        if isinstance(event, Gate) and event.open_above is not None and event.close_below is not None:
            work.on = level > event.open_above or (work.on and level >= event.close_below)
        elif isinstance(event, Gate) and event.open_below is not None and event.close_above is not None:
            work.on = level < event.open_below or (work.on and level <= event.close_above)
        elif isinstance(event, Pump) and event.on_level is not None and event.off_level is not None:
            work.on = level > event.on_level or (work.on and level >= event.off_level)
        else:
            work.on = True
        return work.on

    def _wish(self, work: _Work, state: Floats, t0: float, dt: float, *, decide: bool) -> tuple[float, int]:
        """Volume (m³) passed in a step, and from which end (0, 1); `decide` lets the rules act."""
        if not work.forcing.start <= t0 < work.forcing.end:
            return 0.0, 0
        on = work.on
        running = self._follow_rule(work, work.watch.level(state, self._dry))
        if not decide:
            work.on = on
        if not running:
            return 0.0, 0
        upper, lower = work.ends
        up = upper.level(state, self._dry)
        if work.is_pump or lower is None:
            wish, donor, down = work.curves[0](up, 0.0) * dt, 0, math.nan
        else:
            down, donor = lower.level(state, self._dry), 0
            if down > up:
                up, down, donor = down, up, 1
            curve = work.curves[donor]
            wish = 0.0 if curve is None else curve(up, down) * dt
            most = SETTLE * (up - down) * upper.area * lower.area / (upper.area + lower.area)
            if wish > most:
                wish = most
                work.limited += int(decide)
        return wish, donor

    def act(self, state: Floats, t0: float, dt: float) -> tuple[float, list[Ints]]:
        """Pass the water of a step; what left the domain (m³), and the cells touched (flat)."""
        left, touched = 0.0, []
        self.passed[:] = 0.0
        for number, work in enumerate(self._works):
            wish, donor = self._wish(work, state, t0, dt, decide=True)
            if wish <= 0.0:
                continue
            giver, taker = work.ends[donor], work.ends[1 - donor]
            assert giver is not None
            place = (giver.i + PAD, giver.j + PAD)
            had = state[DEPTH][place].copy()
            loose = np.clip(giver.bed + had - work.inverts[donor], 0.0, had)
            there = math.fsum(loose.tolist())
            share = wish / self._area / there if there > 0.0 else 0.0
            if share > FULL:
                share = FULL if there > 0.0 else 0.0
                work.limited += 1
            given = loose * share
            if not given.any():
                continue
            now = np.maximum(had - given, 0.0)
            keeps = np.where(now >= self._dry, now / np.maximum(had, self._dry), 0.0)
            state[DEPTH][place] = now
            for k in (DISCHARGE_X, DISCHARGE_Y):
                state[k][place] *= keeps
            total = math.fsum(given.tolist())
            if taker is None:
                left += total * self._area
            else:
                state[DEPTH][taker.i + PAD, taker.j + PAD] += total / taker.i.size
                touched.append(work.forcing.to if donor == 0 else work.forcing.from_)
            touched.append(work.forcing.from_ if donor == 0 else work.forcing.to)
            self.passed[number] = total * self._area * (1.0 if donor == 0 else -1.0)
            work.volume += self.passed[number]
        return left, touched

    def arrivals(self, state: Floats, t0: float, dt: float) -> list[tuple[Ints, Ints, float]]:
        """Rows, columns and depth (m) of what would arrive at each end in a step."""
        found = []
        for work in self._works:
            wish, donor = self._wish(work, state, t0, dt, decide=False)
            taker = work.ends[1 - donor]
            if wish > 0.0 and taker is not None:
                found.append((taker.i, taker.j, wish / taker.area))
        return found

    def state(self) -> Floats:
        """On or off, volume passed (m³) and limited steps of each, shape (n, 3)."""
        rows = [[float(w.on), w.volume, float(w.limited)] for w in self._works]
        return np.array(rows).reshape(-1, 3)

    def keys(self) -> Keys:
        """Of each, for a run that starts from the end of this one."""
        return event_keys(work.forcing.event for work in self._works)

    def go_on(self, earlier: EarlierWorks) -> None:
        """Gates stay open and pumps on where they were in the same event of the earlier run."""
        were_on = dict(zip(earlier.structure_keys.tolist(), earlier.structures[:, 0].tolist(), strict=True))
        for work, key in zip(self._works, self.keys().tolist(), strict=True):
            work.on = bool(were_on.get(key, 0.0))

    def restore(self, state: Floats) -> None:
        """Take it back."""
        for work, (on, volume, limited) in zip(self._works, state.tolist(), strict=True):
            work.on, work.volume, work.limited = bool(on), volume, int(limited)

    def summary(self) -> list[Mapping[str, Any]]:
        """Water passed by each (m³, towards `to` positive), and steps in which it could have passed more."""
        return [
            {"structure": w.forcing.name, "volume_m3": w.volume, "limited_steps": w.limited}
            for w in self._works
        ]


def refuse_unusable(found: Iterable[StructureForcing], bed: Floats, where: str) -> None:
    """Refuse openings that are closed; bed: shape (ny, nx) (m).

    Raises
    ------
    InputError
        A soffit is not above its sill.
    """
    for one in found:
        event = one.event
        if not isinstance(event, BridgeOpening):
            continue
        sill = event.sill
        if sill is None:
            sill = max(float(bed.ravel()[cells].min()) for cells in (one.from_, one.to) if cells.size)
        if event.soffit <= sill:
            heights = {"soffit": f"{event.soffit:g}", "sill": f"{sill:g}"}
            raise InputError(told(where, f"{one.name}.soffit", "flood.soffit", **heights))
