"""Dikes at work: what runs over them, and how they give way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from twin.domain import Domain
from twin.errors import InputError, told
from twin.scenarios.binding import cells_of
from twin.scenarios.breach import Breach
from twin.scenarios.measures import place_geometry
from twin.solvers.flood import kernels_crests as kernels
from twin.solvers.flood.crest_metres import share_of_faces
from twin.solvers.flood.kernels import BED, CREST_X, CREST_Y, DEPTH, GRAVITY, PAD
from twin.solvers.flood.structures import EarlierWorks, Keys, event_keys

if TYPE_CHECKING:
    from twin.grid import Grid
    from twin.scenarios.scenario import Scenario
    from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEAR = 1.5  # cells from a line within which the crests of a staircase belong to it


@dataclass(frozen=True, eq=False)
class BreachForcing:
    """A breach on a grid: its place, from when it may start (s), the cells of its gauge (flat), its name; the
    heights of a dike there that is under the ground (see `_under_ground`).
    """

    event: Breach
    geometry: BaseGeometry
    start: float
    watch: Ints
    where: str
    key: str
    under: tuple[float, float] | None = None


def breaches(domain: Domain, scenario: Scenario) -> list[BreachForcing]:
    """The breaches of a scenario.

    Raises
    ------
    InputError
        A place is not known.
    """
    found = []
    for number, event in enumerate(scenario.events, start=1):
        if isinstance(event, Breach):
            grid, key = domain.require_grid("breach"), f"events[{number}]"
            geometry = place_geometry(domain, event.at, scenario.where, f"{key}.at")
            watch = np.zeros(0, dtype=np.int64)
            if event.watch is not None:
                watch, _ = cells_of(grid, place_geometry(domain, event.watch, scenario.where, f"{key}.watch"))
            under = _under_ground(domain, geometry)
            found.append(BreachForcing(event, geometry, event.window[0], watch, scenario.where, key, under))
    return found


def _middles(grid: Grid, axis: Ints, i: Ints, j: Ints) -> Any:
    """Points in the middle of faces (axis 0: east of the cell, 1: south of it)."""
    x = grid.x[j] + np.where(axis == 0, 0.5 * grid.cell, 0.0)
    y = grid.y[i] - np.where(axis == 1, 0.5 * grid.cell, 0.0)
    return shapely.points(x, y)


def _under_ground(domain: Domain, geometry: BaseGeometry) -> tuple[float, float] | None:
    """Highest crest and ground (m) of a dike at some place that is nowhere higher than the ground; None where
    there is another one, or none.
    """
    grid, bed = domain.require_grid("breach"), domain.field("bed_elevation")
    crest, ground = [], []
    for axis, inside in ((0, domain.field("crest_x")[:, 1:-1]), (1, domain.field("crest_y")[1:-1])):
        i, j = np.nonzero(np.isfinite(inside))
        middles = _middles(grid, np.full(i.size, axis), i, j)
        near = shapely.distance(middles, geometry) <= NEAR * grid.cell
        i, j = i[near], j[near]
        crest.append(inside[i, j])
        ground.append(np.fmax(bed[i, j], bed[i + axis, j + 1 - axis]))
    crests, grounds = np.concatenate(crest), np.concatenate(ground)
    if not crests.size or (crests > grounds).any():
        return None
    return float(crests.max()), float(grounds.max())


def final_width(event: Breach, head: float, height: float) -> float:
    """Mean width (m) of the breach when it is over; head of the water and height of the breach (m).

    Froehlich (2008), J. Hydraul. Eng. 134(12), 1708-1721: B = 0.27 ko V^0.32 h^0.04, ko 1.3 where water runs
    over the dam and 1.0 else. Froehlich (1995), ASCE Water Resources Engineering, San Antonio, 887-891: B =
    0.1803 ko V^0.32 h^0.19, ko 1.4 or 1.0. Von Thun and Gillette (1990), as in Wahl (1998), USBR DSO-98-004:
    B = 2.5 hw + Cb, Cb by the volume of the reservoir. All are regressions on failures of embankment dams;
    they are those of the HEC-RAS Hydraulic Reference Manual, chapter 14 (seen as public codes and notes quote
    it, not in the manual itself).
    """
    if event.method == "froehlich_2008":
        assert event.volume is not None
        overtopped = 1.3 if event.overtopping is not None else 1.0
        return float(0.27 * overtopped * event.volume**0.32 * height**0.04)
    if event.method == "froehlich_1995":
        assert event.volume is not None
        overtopped = 1.4 if event.overtopping is not None else 1.0
        return float(0.1803 * overtopped * event.volume**0.32 * height**0.19)
    if event.method == "von_thun_gillette_1990":
        assert event.volume is not None
        steps = ((1.23e6, 6.1), (6.17e6, 18.3), (1.23e7, 42.7), (math.inf, 54.9))
        return 2.5 * head + next(c for most, c in steps if event.volume < most)
    assert event.width is not None
    return event.width


def formation_time(event: Breach, width: float, head: float, height: float) -> float:
    """Time (s) in which the breach forms.

    Froehlich (2008): t = 63.2 √(V / (g h²)). Froehlich (1995): t = 0.00254 V^0.53 h^-0.90 hours. Von Thun and
    Gillette (1990), from the width of the breach (same sources): t = B / (4 hw) hours, and B / (4 hw + 61)
    where the dam erodes easily; their other pair, 0.02 hw + 0.25 and 0.015 hw hours, knows the depth alone.
    Both of Froehlich's are also those that Yassin et al. (2025) test (their tool EEDBCTool).
    """
    if event.method == "froehlich_1995":
        assert event.volume is not None
        return float(3600.0 * 0.00254 * event.volume**0.53 * height**-0.90)
    if event.method == "froehlich_2008":
        assert event.volume is not None
        return 63.2 * math.sqrt(event.volume / (GRAVITY * height * height))
    if event.method == "von_thun_gillette_1990":
        return 3600.0 * width / (4.0 * head + (61.0 if event.erodible else 0.0))
    assert event.duration is not None
    return event.duration


@dataclass
class _Breach:
    """A breach at work: its faces from the middle outwards, and what was settled when it began."""

    forcing: BreachForcing
    faces: Ints
    distance: Floats
    began: float = math.nan
    width: float = 0.0
    time: float = 1.0


class Crests:
    """The crests inside the grid, which breaches lower; the solver's planes follow."""

    def __init__(
        self,
        static: Floats,
        grid: Grid,
        active: NDArray[np.bool_],
        datum: float,
        found: Iterable[BreachForcing],
        dry: float,
    ) -> None:
        """static: planes of the solver; active: cells with data, shape (ny, nx).

        Raises
        ------
        InputError
            No crest stands where a breach is to be.
        """
        ny, nx = grid.shape
        self._grid, self._datum, self._dry = grid, datum, dry
        self._static_bed: Floats = static[BED]
        box = (slice(PAD, PAD + ny), slice(PAD, PAD + nx))
        bed = static[BED][box]
        parts = []
        for axis, plane, both, top in (
            (0, CREST_X, active[:, :-1] & active[:, 1:], np.maximum(bed[:, :-1], bed[:, 1:])),
            (1, CREST_Y, active[:-1] & active[1:], np.maximum(bed[:-1], bed[1:])),
        ):
            crest = static[plane][box][: both.shape[0], : both.shape[1]]
            i, j = np.nonzero(both & np.isfinite(crest) & (crest > top))
            parts.append((np.full(i.size, axis), i, j, crest[i, j], top[i, j]))
        joined: list[Any] = [np.concatenate([part[k] for part in parts]) for k in range(5)]
        self._axis, self._i, self._j = (values.astype(np.int64) for values in joined[:3])
        self._built, self._ground = (values.astype(np.float64) for values in joined[3:])
        self.level: Floats = self._built.copy()
        self._share = share_of_faces(self._axis, self._i, self._j)
        self._wish = np.zeros(self.level.size)
        self._shut = np.zeros(self.level.size, dtype=np.uint8)
        self.weirs = True
        ends = np.stack([self._i * nx + self._j, (self._i + self._axis) * nx + self._j + 1 - self._axis])
        self.cells: Ints
        self.cells, places = np.unique(ends, return_inverse=True)
        """The cells beside crests, flat indices."""
        self._giver = places.reshape(2, -1).astype(np.int64)
        self._out = np.zeros(self.cells.size)
        self._breaches = [self._placed(one) for one in found]

    def _placed(self, one: BreachForcing) -> _Breach:
        cell = self._grid.cell
        points = _middles(self._grid, self._axis, self._i, self._j)
        near = np.flatnonzero(shapely.distance(points, one.geometry) <= NEAR * cell)
        if not near.size:
            if one.under is not None:
                crest, ground = (f"{height:.5g}" for height in one.under)
                where, key = one.where, f"{one.key}.at"
                raise InputError(told(where, key, "flood.crest_under", crest=crest, ground=ground))
            raise InputError(told(one.where, f"{one.key}.at", "flood.no_crest", place=one.event.at))
        if one.geometry.length > 0:
            along: Any = shapely.line_locate_point(_line(one.geometry), points[near])
            order = np.argsort(along, kind="stable")
            faces = near[order]
            middles = np.cumsum(self._share[faces]) - 0.5 * self._share[faces]
            distance = np.abs(middles - middles[(faces.size - 1) // 2]) * cell
        else:
            # A point: along the dike on which it lies, as far as the breach will ever reach.
            away: Any = shapely.distance(points, one.geometry)
            within = np.flatnonzero(away <= max(one.event.reach, NEAR * cell) + cell)
            faces, distance = self._along_dike(within, int(np.argmin(away)))
        return _Breach(one, faces, distance)

    def _along_dike(self, faces: Ints, first: int) -> tuple[Ints, Floats]:
        """Those of some faces to which the crest leads from the first, from corner to corner of cells, and
        how far away along it they are (m).
        """
        ends: dict[tuple[int, int], list[int]] = {}
        corners = {
            f: ((i + axis, j + 1 - axis), (i + 1, j + 1))
            for f, axis, i, j in zip(
                *(a.tolist() for a in (faces, self._axis[faces], self._i[faces], self._j[faces])), strict=True
            )
        }
        for f, both in corners.items():
            for corner in both:
                ends.setdefault(corner, []).append(f)
        away = {first: 0.0}
        front = [first]
        for f in front:
            for beside in (near for corner in corners[f] for near in ends[corner]):
                if beside not in away:
                    away[beside] = away[f] + 0.5 * self._grid.cell * float(
                        self._share[f] + self._share[beside]
                    )
                    front.append(beside)
        return np.array(front, dtype=np.int64), np.array([away[f] for f in front])

    def faces(self) -> tuple[Ints, Ints, Ints]:
        """Axis (0: to the east of its cell, 1: to the south), row and column of the face of each crest."""
        return self._axis, self._i, self._j

    @property
    def slanted(self) -> tuple[Ints, NDArray[np.float32]]:
        """Faces of crests at an angle to the grid, shape (3, k): axis, padded row and column; the length of
        crest that each stands for, in faces, shape (k,).
        """
        some = np.flatnonzero(self._share < 1.0)
        places = np.stack([self._axis[some], self._i[some] + PAD, self._j[some] + PAD])
        return places, self._share[some].astype(np.float32)

    @property
    def act_in_steps(self) -> bool:
        """Whether :meth:`act` has something to do."""
        return bool(self._breaches) or (self.weirs and self.level.size > 0)

    @property
    def passed(self) -> Floats:
        """Depth (m) that went over each crest as a weir in the last step, to the east or south positive."""
        return self._wish

    def _levels_beside(self, state: Floats, faces: Ints) -> Floats:
        """Highest water level on either side of faces, shape (k,) (m above the datum); −inf where dry."""
        found = np.full(faces.size, -np.inf)
        for side in (0, 1):
            i = self._i[faces] + side * self._axis[faces]
            j = self._j[faces] + side * (1 - self._axis[faces])
            depth = state[DEPTH, i + PAD, j + PAD]
            found = np.maximum(found, np.where(depth >= self._dry, self._bed(i, j) + depth, -np.inf))
        return found

    def _bed(self, i: Ints, j: Ints) -> Floats:
        bed: Floats = self._static_bed[i + PAD, j + PAD]
        return bed

    def _begins(self, breach: _Breach, state: Floats, t: float) -> bool:
        event = breach.forcing.event
        if t < breach.forcing.start:
            return False
        beside = self._levels_beside(state, breach.faces)
        if event.overtopping is not None:
            return bool((beside - self.level[breach.faces]).max() >= event.overtopping)
        if event.level is not None:
            level = float(beside.max())
            if breach.forcing.watch.size:
                i, j = np.divmod(breach.forcing.watch, self._grid.nx)
                depth = state[DEPTH, i + PAD, j + PAD]
                level = float(np.where(depth >= self._dry, self._bed(i, j) + depth, -np.inf).max())
            return level + self._datum >= event.level
        return True

    def _bottom(self, breach: _Breach) -> Floats:
        bottom = breach.forcing.event.bottom
        ground: Floats = self._ground[breach.faces]
        if bottom is None:
            return ground
        lowest: Floats = np.maximum(ground, bottom - self._datum)
        return lowest

    def _settle(self, breach: _Breach, state: Floats, t: float) -> None:
        """Width and time of a breach that begins, by the water and the dike in its middle."""
        middle = int(np.argmin(breach.distance))
        bottom = float(self._bottom(breach)[middle])
        height = max(float(self._built[breach.faces[middle]]) - bottom, 0.01)
        beside = float(self._levels_beside(state, breach.faces).max())
        head = max(beside - bottom, 0.01) if math.isfinite(beside) else height
        breach.began = t
        breach.width = final_width(breach.forcing.event, head, height)
        breach.time = max(formation_time(breach.forcing.event, breach.width, head, height), 1e-3)

    def _lower(self, t: float) -> None:
        """The crests at a time (s): each breach grows in width and depth alike, straight in time."""
        cell = self._grid.cell
        self.level[:] = self._built
        for breach in self._breaches:
            if math.isnan(breach.began):
                continue
            grown = min((t - breach.began) / breach.time, 1.0)
            width = grown * breach.width
            metres = cell * self._share[breach.faces]
            part = np.clip((0.5 * width + 0.5 * metres - breach.distance) / metres, 0.0, 1.0)
            middle = breach.distance == 0.0
            part[middle] = np.minimum(width / metres[middle], 1.0)
            built = self._built[breach.faces]
            drop = grown * np.maximum(built - self._bottom(breach), 0.0)
            # Of a face in part within the breach the crest falls so that a weir passes that part.
            lowered = built - part ** (2.0 / 3.0) * drop
            self.level[breach.faces] = np.minimum(self.level[breach.faces], lowered)

    def act(self, solver: FloodSolver, t0: float, t1: float) -> None:
        """Breaches of this instant, then the water of a step over all crests."""
        if not self.level.size:
            return
        state, static = solver._old, solver._static
        for breach in self._breaches:
            if math.isnan(breach.began) and self._begins(breach, state, t0):
                self._settle(breach, state, t0)
        if self._breaches:
            self._lower(t1)
        if not self.weirs:
            for axis, plane in ((0, CREST_X), (1, CREST_Y)):
                of = self._axis == axis
                static[plane, self._i[of] + PAD, self._j[of] + PAD] = self.level[of]
            return
        kernels.over_crests(
            state, static, self._axis, self._i + PAD, self._j + PAD, self.level, self._share,
            self._wish, self._shut, self._giver, self._out, solver._marks, solver._forced, t1 - t0,
            self._grid.cell, *self._grid.shape, self._dry,
        )  # fmt: skip

    def state(self) -> Floats:
        """When each breach began (s, NaN: not yet), its final width (m) and time (s), shape (n, 3)."""
        return np.array([[b.began, b.width, b.time] for b in self._breaches]).reshape(-1, 3)

    def keys(self) -> Keys:
        """Of each breach, for a run that starts from the end of this one."""
        return event_keys(breach.forcing.event for breach in self._breaches)

    def go_on(self, earlier: EarlierWorks) -> None:
        """Breaches that began in the same event of the earlier run grow on (`began` is then negative)."""
        rows = dict(zip(earlier.breach_keys.tolist(), earlier.breaches.tolist(), strict=True))
        for breach, key in zip(self._breaches, self.keys().tolist(), strict=True):
            if key in rows:
                began, breach.width, breach.time = rows[key]
                breach.began = began - earlier.end
        if self._breaches:
            self._lower(0.0)

    def restore(self, state: Floats) -> None:
        """Take it back; the crests follow at the next step."""
        for breach, (began, width, time) in zip(self._breaches, state.tolist(), strict=True):
            breach.began, breach.width, breach.time = began, width, time

    def summary(self) -> list[dict[str, Any]]:
        """When each breach began, and what it becomes; None for those that did not begin."""
        return [
            {
                "breach": b.forcing.key,
                "began_s": None if math.isnan(b.began) else b.began,
                "width_m": None if math.isnan(b.began) else b.width,
                "formation_s": None if math.isnan(b.began) else b.time,
            }
            for b in self._breaches
        ]


def _line(geometry: BaseGeometry) -> Any:
    parts: list[Any] = [p.exterior if p.geom_type == "Polygon" else p for p in shapely.get_parts(geometry)]
    return max(parts, key=lambda p: float(p.length))
