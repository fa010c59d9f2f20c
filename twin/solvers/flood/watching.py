"""What passes sections and happens at gauges, followed at every step rather than looked at now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from twin.domain import Domain
from twin.errors import Problems
from twin.faces import staircase
from twin.grid import Grid
from twin.solvers.flood import kernels_watch as kernels
from twin.solvers.flood.kernels import DISCHARGE_X, DISCHARGE_Y, PAD, TILE_COLS

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario
    from twin.solvers.flood.crests import Crests
    from twin.solvers.flood.structures import Structures

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Watched:
    """The lines (sections) and points (gauges) of a run, by name."""

    sections: Mapping[str, BaseGeometry]
    gauges: Mapping[str, BaseGeometry]

    @classmethod
    def of_scenario(cls, domain: Domain, scenario: Scenario) -> Watched:
        """Those of ``[outputs]``.

        Raises
        ------
        InputError
            A gauge lies off the grid, or a section has no face of it; all at once.
        """
        grid, problems = domain.require_grid("watching"), Problems()
        outputs = scenario.outputs
        gauges = {name: domain.places[name].geometry for name in outputs.gauges}
        sections = {name: domain.places[name].geometry for name in outputs.sections}
        for number, (name, place) in enumerate(gauges.items(), start=1):
            if not grid.inside(*_cell(grid, place)):
                problems.tell(scenario.where, f"outputs.gauges[{number}]", "flood.gauge", place=name)
        for number, (name, place) in enumerate(sections.items(), start=1):
            if not any(stairs.i.size for stairs in _stairs(grid, place)):
                problems.tell(scenario.where, f"outputs.sections[{number}]", "flood.section", place=name)
        problems.raise_if_any()
        return cls(sections, gauges)


def _cell(grid: Grid, place: BaseGeometry) -> tuple[int, int]:
    point = shapely.get_coordinates(place.centroid)[0]
    i, j = grid.index(point[0], point[1])
    return int(i), int(j)


def _lines(place: BaseGeometry) -> list[Any]:
    return [part for part in shapely.get_parts(place) if part.geom_type in ("LineString", "LinearRing")]


def _stairs(grid: Grid, place: BaseGeometry) -> list[Any]:
    return [staircase(grid, *shapely.get_coordinates(line).T) for line in _lines(place)]


def _crossings(place: BaseGeometry, a: tuple[float, float], b: tuple[float, float]) -> int:
    """How often the way from a to b crosses the lines of a place, from right to left less left to right."""
    count = 0
    way = np.subtract(b, a)
    for line in _lines(place):
        xy = shapely.get_coordinates(line)
        for p, q in pairwise(xy):
            along = q - p
            # Sides of the way's ends (left of the segment: positive), and of the segment's ends.
            from_side, to_side = (along[0] * (e[1] - p[1]) - along[1] * (e[0] - p[0]) for e in (a, b))
            p_side, q_side = (way[0] * (e[1] - a[1]) - way[1] * (e[0] - a[0]) for e in (p, q))
            if (from_side < 0.0) != (to_side < 0.0) and (p_side < 0.0) != (q_side < 0.0):
                count += 1 if from_side < 0.0 else -1
    return count


@dataclass(frozen=True)
class _Section:
    """Where the parts of a section stand.

    Attributes
    ----------
    stairs : its faces, by line. flux, sign : (k,) the same in `edge_flux`, 1 where that flux goes to its
        left.
    crest, crest_sign : the same for faces with a crest. structure, structure_sign : for structures.
    """

    stairs: list[Any]
    flux: Ints
    sign: Floats
    crest: Ints
    crest_sign: Floats
    structure: Ints
    structure_sign: Floats


class Watch:
    """Sections and gauges of a run.

    The discharge of a section is that of the scheme: the mass fluxes through the staircase of faces between
    its two sides, in every step, with what runs over crests on them and what structures whose ends lie on
    both sides pass. So its integral is the change of the volume behind it, to rounding. Positive towards the
    left of the line as it is drawn.
    """

    def __init__(
        self, watched: Watched | None, grid: Grid, bed: Floats, crests: Crests, structures: Structures
    ) -> None:
        """bed: elevation (m), shape (ny, nx), NaN where there is none."""
        self._grid, (ny, nx) = grid, grid.shape
        self._edges = 2 * (ny + nx)
        watched = watched or Watched({}, {})
        tiles_x = -(-nx // TILE_COLS)
        stairs = {name: _stairs(grid, place) for name, place in watched.sections.items()}
        inner: set[tuple[int, int, int]] = set()  # (row, column, axis): face to the east or south of a cell
        for parts in stairs.values():
            for part in parts:
                for across_x, i, j in zip(part.across_x, part.i.tolist(), part.j.tolist(), strict=True):
                    if across_x and 0 < j < nx:
                        inner.add((i, j - 1, 0))
                    elif not across_x and 0 < i < ny:
                        inner.add((i - 1, j, 1))
        rows = sorted((i * tiles_x + j // TILE_COLS, 2 * (j % TILE_COLS) + a, (i, j, a)) for i, j, a in inner)
        number = {face: 2 * self._edges + p for p, (_, _, face) in enumerate(rows)}
        pointers = np.searchsorted([row for row, _, _ in rows], np.arange(ny * tiles_x + 1))
        self.faces: Ints = np.concatenate([pointers, [code for _, code, _ in rows]]).astype(np.int64)
        """`watched` of the kernels."""
        self.count = len(rows)
        """How many fluxes follow the edges in `edge_flux`."""
        self._section_names = list(watched.sections)
        self._sections = [
            self._section(watched.sections[name], stairs[name], number, crests, structures)
            for name in self._section_names
        ]
        self._gauge_names = list(watched.gauges)
        cells = np.array([_cell(grid, place) for place in watched.gauges.values()], dtype=int).reshape(-1, 2)
        self._i, self._j = cells[:, 0], cells[:, 1]
        self._gauge_bed = bed[self._i, self._j]
        self.level_of: Callable[[Ints, Ints, Floats], Floats] | None = None
        """Level (m) of cells that hold a volume over their area (m), where it is not bed plus depth."""
        self._reading = 0.0
        self._numbers = np.zeros((len(self._sections), kernels.NUMBERS))
        self._extremes = np.zeros((3, len(cells)))
        self._found = np.zeros((kernels.FOUND, len(cells)))
        first = np.cumsum([0, *(section.flux.size for section in self._sections)])
        none: Ints = np.zeros(0, dtype=np.int64)
        self.packed = (
            first.astype(np.int64),
            np.concatenate([none, *(section.flux for section in self._sections)]),
            np.concatenate([np.zeros(0), *(section.sign for section in self._sections)]),
            self._numbers,
            self._i + PAD,
            self._j + PAD,
            self._extremes,
        )
        """`watch` of the kernels."""

    def _section(
        self,
        place: BaseGeometry,
        stairs: list[Any],
        number: Mapping[tuple[int, int, int], int],
        crests: Crests,
        structures: Structures,
    ) -> _Section:
        ny, nx = self._grid.shape
        flux: list[int] = []
        sign: list[float] = []
        crest: list[int] = []
        crest_sign: list[float] = []
        crest_of = {face: k for k, face in enumerate(zip(*(a.tolist() for a in crests.faces()), strict=True))}
        for part in stairs:
            ends = (part.across_x.tolist(), part.i.tolist(), part.j.tolist(), part.sign.tolist())
            for across_x, i, j, left in zip(*ends, strict=True):
                if across_x:
                    face, toward = (i, j - 1, 0), left  # left: 1 where the left of the line is east
                    edge, outward = (i, -1.0) if j == 0 else (ny + i, 1.0)
                    on_edge = j in (0, nx)
                else:
                    face, toward = (i - 1, j, 1), -left  # 1 where it is north, and fluxes count to the south
                    edge, outward = (2 * ny + j, -1.0) if i == 0 else (2 * ny + nx + j, 1.0)
                    on_edge = i in (0, ny)
                flux.append(edge if on_edge else number[face])
                sign.append(toward * outward if on_edge else toward)
                if (k := crest_of.get((face[2], face[0], face[1]))) is not None:
                    crest.append(k)
                    crest_sign.append(toward)
        passes = [(k, _crossings(place, a, b)) for k, (a, b) in enumerate(structures.ways(self._grid))]
        passes = [(k, times) for k, times in passes if times]
        return _Section(
            stairs,
            np.array(flux, dtype=np.int64),
            np.array(sign),
            np.array(crest, dtype=np.int64),
            np.array(crest_sign),
            np.array([k for k, _ in passes], dtype=np.int64),
            np.array([float(times) for _, times in passes]),
        )

    def add_passed(self, crests: Floats, structures: Floats) -> None:
        """Take in what crests (m of a cell) and structures (m³) passed, as part of the step under way."""
        area = self._grid.area_m2
        for section, numbers in zip(self._sections, self._numbers, strict=True):
            if section.crest.size:
                passed = float(np.dot(crests[section.crest], section.crest_sign)) * area
                numbers[kernels.PASSED] += passed
            if section.structure.size:
                passed = float(np.dot(structures[section.structure], section.structure_sign))
                numbers[kernels.PASSED] += passed

    def forget_step(self) -> None:
        """What crests and structures passed in the step under way did not happen."""
        self._numbers[:, kernels.PASSED] = 0.0

    def after_step(self, edge_flux: Floats, dt: float, state: Floats, dry: float) -> None:
        """Take in a step of dt (s) that led to `state`; edge_flux: see `kernels_edges`."""
        kernels.look(self.packed, edge_flux, dt, self._grid.cell, state, dry)

    def _gauge_levels(self, depths: Floats) -> list[list[float]]:
        """Water levels (m) at the gauges of some depths, shape (., gauges)."""
        if self.level_of is not None:
            return [self.level_of(self._i, self._j, depth).tolist() for depth in depths]
        levels: list[list[float]] = (self._gauge_bed + depths).tolist()
        return levels

    def begin(self, state: Floats, dry: float) -> None:
        """Begin an interval between two readings with a state; `_found` gets what the last one was."""
        kernels.begin_interval(self.packed, state, dry, self._found)

    def read(self, t: float, state: Floats, dry: float) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of gauges.csv and sections.csv at a time (s); the next interval begins there.

        The discharge of a section is the mean since the last reading. At the start there is none yet: the
        first row tells the discharge of the cells beside the section (mean of the two sides of each face).
        """
        # Lists: for a handful of gauges an array takes longer to ask than to add up.
        numbers = self._numbers.tolist()
        self.begin(state, dry)
        depth, _, _, fastest, east, north = self._found.tolist()
        # The level of a cell rises with its depth.
        level, low, high = self._gauge_levels(self._found[:3])
        columns = (self._gauge_names, level, depth, east, north, low, high, fastest)
        gauges = [(t, *row) for row in zip(*columns, strict=True)]
        sections: list[tuple[Any, ...]] = []
        length = t - self._reading
        for name, section, row in zip(self._section_names, self._sections, numbers, strict=True):
            if length > 0.0:
                mean = (row[kernels.SINCE] + row[kernels.SINCE + 1]) / length
                least, most = row[kernels.LOW], row[kernels.HIGH]
            else:
                mean = least = most = self._discharge_beside(section, state)
            total = row[kernels.TOTAL] + row[kernels.TOTAL + 1]
            sections.append((t, name, mean, least, most, total))
        self._reading = t
        return {"gauges.csv": gauges, "sections.csv": sections}

    def _discharge_beside(self, section: _Section, state: Floats) -> float:
        """Discharge (m³/s) to the left of a section from the unit discharges of the cells beside it."""
        ny, nx = self._grid.shape
        total = 0.0
        for part in section.stairs:
            of = part.across_x
            i, j = part.i[of] + PAD, part.j[of]
            before, after = np.maximum(j - 1, 0) + PAD, np.minimum(j, nx - 1) + PAD
            q = 0.5 * (state[DISCHARGE_X, i, before] + state[DISCHARGE_X, i, after])
            total += float(np.sum(q * part.sign[of]))
            i, j = part.i[~of], part.j[~of] + PAD
            before, after = np.maximum(i - 1, 0) + PAD, np.minimum(i, ny - 1) + PAD
            q = 0.5 * (state[DISCHARGE_Y, before, j] + state[DISCHARGE_Y, after, j])
            total -= float(np.sum(q * part.sign[~of]))
        return total * self._grid.cell

    def state(self) -> dict[str, Floats]:
        """What has passed and what was seen since the last reading. A copy."""
        return {
            "watch.sections": self._numbers[:, : kernels.PASSED].copy(),
            "watch.gauges": self._extremes.copy(),
            "watch.reading": np.array([self._reading]),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take it back."""
        self._numbers[:, : kernels.PASSED] = state["watch.sections"]
        self._numbers[:, kernels.PASSED] = 0.0
        self._extremes[:] = state["watch.gauges"]
        self._reading = float(state["watch.reading"][0])
