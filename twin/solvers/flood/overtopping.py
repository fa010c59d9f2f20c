"""Waves over sea defences: mean discharge per metre by EurOtop (2018), and the cells behind that receive it.

EurOtop (2018), Manual on wave overtopping of sea defences and related structures, second edition, van der
Meer, J.W., Allsop, N.W.H., Bruce, T., De Rouck, J., Kortenhaus, A., Pullen, T., Schüttrumpf, H., Troch, P.
and Zanuttigh, B., www.overtopping-manual.com. All are of the form q / √(g Hm0³) = a exp(-(b Rc / Hm0)^c); the
"design" approach takes a one standard deviation higher and b one lower. Slopes and mounds were compared with
the numbers of Deltares' coastal structures toolbox; those of walls (7.1, 7.5, 7.7 and 7.8, their standard
deviations and the bounds of figure 7.2) with breakwater, the design tool of S. Winkel (TU Delft).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.domain import Domain
from twin.errors import InputError, told
from twin.faces import Staircase, staircase
from twin.scenarios.measures import lines_of, place_geometry
from twin.scenarios.overtopping import WaveOvertopping
from twin.solvers.flood.kernels import GRAVITY

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHAPE = 1.3  # exponent c of slopes and of deep water (equations 5.10 to 5.18, 7.1)
GENTLE = 2.0  # cotangent from which a slope may break the waves; 5.18 is for steeper ones
ROUGH = 0.6  # γf under which a slope counts as rough for oblique waves
BREAKING = 0.23  # h² / (Hm0 Lm-1,0) under which waves break against a wall (7.2)
DEEP = 4.0  # h / Hm0 above which a foreshore has no influence (figure 7.2)
LOW_WALL = 1.35  # Rc / Hm0 under which 7.7 holds, over which 7.8
OVERFLOW = 0.54  # √g × 0.54 |Rc|^1.5 runs over a crest under water (5.20)


def obliquity(angle: float, roughness: float) -> float:
    """γβ of waves at an angle (degrees) to the normal: equation 5.29, on rough slopes (γf < 0.6) 6.9."""
    return 1.0 - (0.0063 if roughness < ROUGH else 0.0033) * min(angle, 80.0)


def slope_discharge(
    height: float,
    period: float,
    freeboard: Floats,
    slope: float,
    *,
    design: bool = False,
    roughness: float = 1.0,
    berm: float = 1.0,
    wall: float = 1.0,
    angle: float = 0.0,
) -> Floats:
    """Mean discharge per metre (m²/s) over a slope: equations 5.10 and 5.11 (design: 5.12 and 5.13), for
    slopes steeper than 1:2 equation 5.18.

    height : Hm0 (m). period : Tm-1,0 (s). freeboard : crest above the still water (m), 0 or more. slope :
    cotangent. roughness, berm, wall : γf, γb, γv (for γ* too). angle : β (degrees).
    """
    scale, relative = math.sqrt(GRAVITY * height**3), freeboard / height
    oblique = obliquity(angle, roughness)
    if slope < GENTLE:
        a = 0.09 - 0.01 * (2.0 - slope) ** 2.1
        b = min(1.5 + 0.42 * (2.0 - slope) ** 1.5, 2.35)
        if design:
            a, b = 1.15 * a, 0.9 * b
        steep: Floats = scale * a * np.exp(-((b * relative / (roughness * oblique)) ** SHAPE))
        return steep
    a, b, most, least = (0.026, 2.5, 0.1035, 1.35) if design else (0.023, 2.7, 0.09, 1.5)
    steepness = 2.0 * math.pi * height / (GRAVITY * period * period)
    breaker = 1.0 / (slope * math.sqrt(steepness))
    broken = (
        a
        * math.sqrt(slope)
        * berm
        * breaker
        * np.exp(-((b * relative / (breaker * berm * roughness * oblique * wall)) ** SHAPE))
    )
    whole = most * np.exp(-((least * relative / (roughness * oblique * wall)) ** SHAPE))
    gentle: Floats = scale * np.minimum(broken, whole)
    return gentle


def mound_discharge(
    height: float, freeboard: Floats, *, design: bool = False, roughness: float = 1.0, angle: float = 0.0
) -> Floats:
    """Mean discharge per metre (m²/s) over a rubble mound: equation 6.5 (design: 6.6), γβ by 6.9."""
    a, b = (0.1035, 1.35) if design else (0.09, 1.5)
    oblique = obliquity(angle, roughness=0.0)
    found: Floats = (
        math.sqrt(GRAVITY * height**3)
        * a
        * np.exp(-((b * freeboard / (height * roughness * oblique)) ** SHAPE))
    )
    return found


def wall_discharge(
    height: float, period: float, freeboard: Floats, depth: float, *, design: bool = False
) -> Floats:
    """Mean discharge per metre (m²/s) over a vertical wall in water of some depth (m) at its toe.

    By the chart of figure 7.2: equation 7.1 where the water is deep, 7.5 where the waves do not break, 7.7
    (low wall) and 7.8 where they break against it.
    """
    if depth <= 0.0:
        return np.zeros_like(freeboard)
    scale, relative = math.sqrt(GRAVITY * height**3), freeboard / height
    found: Floats
    if depth > DEEP * height:
        a, b = (0.054, 2.12) if design else (0.047, 2.35)
        found = a * np.exp(-((b * relative) ** SHAPE))
        return scale * found
    length = GRAVITY * period * period / (2.0 * math.pi)
    if depth * depth > BREAKING * height * length:
        a, b = (0.062, 2.61) if design else (0.05, 2.78)
        found = a * np.exp(-b * relative)
        return scale * found
    # √(Hm0 / (h s)) with the steepness s = Hm0 / L
    breaking = math.sqrt(length / depth)
    a, high = (0.0155, 0.0020) if design else (0.011, 0.0014)
    found = np.where(
        relative < LOW_WALL,
        a * breaking * np.exp(-2.2 * relative),
        high * breaking / np.maximum(relative, LOW_WALL) ** 3,
    )
    return scale * found


def discharge(event: WaveOvertopping, level: float, height: float, period: float, crest: Floats) -> Floats:
    """Mean discharge per metre (m²/s) of a defence, shape of `crest` (m); level, Hm0 (m), Tm-1,0 (s)."""
    freeboard = crest - level
    over: Floats = np.zeros_like(crest)
    if height > 0.0 and period > 0.0:
        above, design = np.maximum(freeboard, 0.0), event.approach == "design"
        if event.defence == "wall":
            assert event.toe is not None
            over = wall_discharge(height, period, above, level - event.toe, design=design)
        elif event.defence == "rubble_mound":
            rough, angle = event.roughness_factor, event.angle
            over = mound_discharge(height, above, design=design, roughness=rough, angle=angle)
        else:
            assert event.slope is not None
            over = slope_discharge(
                height,
                period,
                above,
                event.slope,
                design=design,
                roughness=event.roughness_factor,
                berm=event.berm_factor,
                wall=event.wall_factor,
                angle=event.angle,
            )
    if event.overflow:
        over = over + OVERFLOW * np.sqrt(GRAVITY * np.maximum(-freeboard, 0.0) ** 3)
    return over


@dataclass(frozen=True, eq=False)
class OvertoppingForcing:
    """Overtopping of a defence into the cells behind it.

    Attributes
    ----------
    cells : (k,) flat indices of the receiving cells. crest : (k,) of the defence there (m).
    length : (k,) metres of the defence that they stand for. name : for people.
    """

    event: WaveOvertopping
    start: float
    end: float
    cells: Ints
    crest: Floats
    length: Floats
    name: str

    def volumes(self, t0: float, t1: float) -> Floats:
        """Water (m³) into each cell in [t0, t1] (s), from the means of level and waves over that time."""
        a, b = max(t0, self.start), min(t1, self.end)
        if b <= a:
            return np.zeros(self.cells.size)
        event = self.event
        level, height, period = (
            s.mean(a, b) for s in (event.water_level, event.wave_height, event.wave_period)
        )
        found: Floats = discharge(event, level, height, period, self.crest) * self.length * (b - a)
        return found


def overtoppings(domain: Domain, scenario: Scenario) -> list[OvertoppingForcing]:
    """The wave overtopping of a scenario on the cells of a domain; cells with a building receive nothing.

    Raises
    ------
    InputError
        A line has no cell behind it, no crest stands on it and none is given, or wave heights or periods
        are negative.
    """
    found = []
    for number, event in enumerate(scenario.events, start=1):
        if not isinstance(event, WaveOvertopping):
            continue
        key = f"events[{number}]"
        for name in ("wave_height", "wave_period"):
            lowest = min(getattr(event, name).values)
            if lowest < 0.0:
                raise InputError(told(scenario.where, f"{key}.{name}", "error.zero_or_more", found=lowest))
        found.append(_bound(domain, scenario.where, key, event, f"{event.kind} {number}"))
    return found


def _bound(domain: Domain, where: str, key: str, event: WaveOvertopping, name: str) -> OvertoppingForcing:
    grid = domain.require_grid("overtopping")
    usable = domain.field("active") & ~domain.field("blocked")
    crests = {True: domain.field("crest_x"), False: domain.field("crest_y")}
    cells, crest, length = [], [], []
    lines = lines_of(place_geometry(domain, event.along, where, f"{key}.along"), where, f"{key}.along")
    for line in lines:
        faces = staircase(grid, *shapely.get_coordinates(line).T)
        metres = _metres(faces, float(line.length), grid.cell)
        behind = faces.sign if event.landward == "left" else -faces.sign
        for k in range(faces.i.size):
            i, j = int(faces.i[k]), int(faces.j[k])
            across_x = bool(faces.across_x[k])
            standing = float(crests[across_x][i, j])
            if across_x:
                j -= 0 if behind[k] > 0 else 1  # left is east of the face
            else:
                i -= 1 if behind[k] > 0 else 0  # left is north of it
            if 0 <= i < grid.ny and 0 <= j < grid.nx and usable[i, j]:
                cells.append(i * grid.nx + j)
                crest.append(standing if event.crest is None else event.crest)
                length.append(float(metres[k]))
    if not cells:
        other = "right" if event.landward == "left" else "left"
        raise InputError(told(where, f"{key}.along", "flood.no_land", place=event.along, other=other))
    bare = ~np.isfinite(crest)
    if bare.any():
        faces_bare: dict[str, Any] = {"count": int(bare.sum()), "total": bare.size, "place": event.along}
        raise InputError(told(where, f"{key}.crest", "flood.bare_faces", **faces_bare))
    return _merged(event, name, np.array(cells, dtype=np.int64), np.array(crest), np.array(length))


def _metres(faces: Staircase, whole: float, cell: float) -> Floats:
    """The length of the line that each of its faces stands for (m): half way to the faces before and after.

    Two faces that the line turns at once share theirs; what lies off the grid, where there are none, is not
    counted.
    """
    middles, step, sharing = np.unique(
        0.5 * (faces.start + faces.end), return_inverse=True, return_counts=True
    )
    if not middles.size:
        return np.zeros(0)
    half = 0.5 * np.diff(middles)
    before = np.minimum(np.concatenate([[middles[0]], half]), cell)
    after = np.minimum(np.concatenate([half, [whole - middles[-1]]]), cell)
    metres: Floats = ((before + after) / sharing)[step]
    return metres


def _merged(
    event: WaveOvertopping, name: str, cells: Ints, crest: Floats, length: Floats
) -> OvertoppingForcing:
    """One entry for each cell and crest."""
    pairs = np.column_stack([cells.astype(np.float64), crest])
    unique, place = np.unique(pairs, axis=0, return_inverse=True)
    metres: Any = np.bincount(place.ravel(), weights=length, minlength=len(unique))
    some = metres > 0.0
    flat = unique[some, 0].astype(np.int64)
    return OvertoppingForcing(event, *event.window, flat, unique[some, 1], metres[some], name)
