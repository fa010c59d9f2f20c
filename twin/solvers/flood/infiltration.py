"""Infiltration and storm drains: what leaves the surface, by rules that hydrologists know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.domain import Domain
from twin.errors import listed
from twin.scenarios.soil import land_cover_classes, numbers_of_classes, read_table
from twin.solvers.flood import kernels_infiltration as kernels
from twin.solvers.flood.kernels import PAD
from twin.units import Metres, MetresPerSecond, PerSecond, unusable

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PERMANENT_DEPTH = 0.05  # m of water at the start from which the ground counts as a bed that is already full

NEEDS: dict[str, tuple[str, ...]] = {
    "green_ampt": ("conductivity", "suction", "deficit"),
    "horton": ("capacity_start", "capacity_end", "decay"),
    "curve_number": ("curve_number",),
}
METHODS = {"green_ampt": kernels.GREEN_AMPT, "horton": kernels.HORTON, "curve_number": kernels.CURVE_NUMBER}


class InfiltrationParameters(BaseModel):
    """``[params.flood.infiltration]``.

    Attributes
    ----------
    method : "green_ampt" (Green and Ampt 1911, Mein and Larson 1973), "horton" (1941, integrated form) or
        "curve_number" (USDA NEH 630 chapter 10; TR-55, 1986, equations 2-1 to 2-4; takes rain only, never
        what runs on from elsewhere).
    initial_loss : depth of rain (m) that wets leaves and hollows before anything else.
    conductivity (m/s), suction (m), deficit (–) : of Green and Ampt: saturated hydraulic conductivity,
        suction at the wetting front, porosity less the water that is there.
    capacity_start, capacity_end (m/s), decay (1/s) : of Horton.
    curve_number : 0 < CN ≤ 100; retention S = 25.4 mm (1000/CN − 10), initial abstraction
        `abstraction_ratio` × S.
    table : CSV by class of land cover (`twin.scenarios.soil`); the keys above are for what it does not say.
    under_water : whether ground that is under more than 5 cm at the start (beds of rivers, lakes) takes
        water too. By default it is full.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["green_ampt", "horton", "curve_number"]
    initial_loss: Metres = Field(default=0.0, ge=0)
    conductivity: MetresPerSecond | None = Field(default=None, ge=0)
    suction: Metres | None = Field(default=None, ge=0)
    deficit: float | None = Field(default=None, ge=0, lt=1)
    capacity_start: MetresPerSecond | None = Field(default=None, ge=0)
    capacity_end: MetresPerSecond | None = Field(default=None, ge=0)
    decay: PerSecond | None = Field(default=None, gt=0)
    curve_number: float | None = Field(default=None, gt=0, le=100)
    abstraction_ratio: float = Field(default=0.2, ge=0, le=1)
    table: str | None = None
    under_water: bool = False

    @model_validator(mode="after")
    def _enough(self) -> InfiltrationParameters:
        given = {name for names in NEEDS.values() for name in names if getattr(self, name) is not None}
        foreign = given - set(NEEDS[self.method])
        if foreign:
            raise unusable("flood.soil_foreign", keys=listed(sorted(foreign)), method=self.method)
        lacking = set(NEEDS[self.method]) - given
        if lacking and self.table is None:
            needs = listed(NEEDS[self.method])
            raise unusable(
                "flood.soil_lacking", keys=listed(sorted(lacking)), method=self.method, needs=needs
            )
        start, end = self.capacity_start, self.capacity_end
        if start is not None and end is not None and end > start:
            raise unusable("flood.soil_capacity", start=start, end=end)
        return self


@dataclass(frozen=True, eq=False)
class Soil:
    """An infiltration rule on a grid.

    Attributes
    ----------
    method : code of `kernels_infiltration`.
    rule : numbers of each class of soil, shape (RULE_NUMBERS, classes), see there.
    classes : that of each cell, shape (ny, nx).
    under_water : see `InfiltrationParameters`.
    """

    method: int
    rule: Floats
    classes: NDArray[np.int32]
    under_water: bool = False


@dataclass(frozen=True, eq=False)
class DrainForcing:
    """Storm drains: at most `capacity` (m/s) out of each cell (flat indices), from start to end (s)."""

    cells: NDArray[np.int64]
    capacity: float
    start: float
    end: float

    def depth(self, t0: float, t1: float) -> float:
        """What the drains can take in [t0, t1] (m)."""
        return self.capacity * max(min(t1, self.end) - max(t0, self.start), 0.0)


def soil_of(parameters: InfiltrationParameters, domain: Domain, scenario: Scenario | None) -> Soil:
    """The rule of the parameters on the grid of a domain; roofs (blocked cells) take nothing.

    Raises
    ------
    InputError
        The table or the land cover cannot be used, or a class has no numbers.
    """
    names = ("initial_loss", *NEEDS[parameters.method])
    shape = domain.require_grid("infiltration").shape
    alike: dict[str, float | None] = {name: getattr(parameters, name) for name in names}
    table: dict[str, dict[str, float]] = {}
    classes: tuple[list[str], NDArray[np.int32]] = ([], np.full(shape, -1, dtype=np.int32))
    where, key = "Parameters", "params.flood.infiltration.table"
    if parameters.table is not None:
        wanted = tuple(name for name in NEEDS[parameters.method] if alike[name] is None)
        root = Path() if scenario is None else scenario.root
        table = read_table(root / parameters.table, key, wanted)
        if scenario is not None:
            where = scenario.where
            classes = land_cover_classes(scenario.territory, domain, where, key)
    numbers, index = numbers_of_classes(names, alike, table, classes, where, key)
    return Soil(METHODS[parameters.method], _rule(parameters, numbers), index, parameters.under_water)


def _rule(parameters: InfiltrationParameters, fields: Mapping[str, Floats]) -> Floats:
    rule = np.zeros((kernels.RULE_NUMBERS, fields["initial_loss"].size))
    rule[kernels.LOSS] = fields["initial_loss"]
    if parameters.method == "curve_number":
        # A curve number of 0 (in a table) means a soil without end: nothing runs off.
        number = np.maximum(fields["curve_number"], 1e-6)
        rule[kernels.FIRST] = np.maximum(0.0254 * (1000.0 / number - 10.0), 0.0)
        rule[kernels.SECOND] = parameters.abstraction_ratio * rule[kernels.FIRST]
    else:
        for k, name in enumerate(NEEDS[parameters.method], start=kernels.FIRST):
            rule[k] = fields[name]
        if parameters.method == "horton":
            rule[kernels.SECOND] = np.minimum(rule[kernels.SECOND], rule[kernels.FIRST])
            rule[kernels.THIRD] = np.maximum(rule[kernels.THIRD], 1e-12)
    return rule


@dataclass(frozen=True, eq=False)
class EarlierSoil:
    """What the soil of an earlier run had taken when this one starts from it.

    Attributes
    ----------
    method : code of its rule. planes : (SOIL_PLANES, ny, nx).
    """

    method: int
    planes: Floats


def earlier_soil(state: Mapping[str, NDArray[Any]]) -> EarlierSoil | None:
    """The soil in the checkpoint of the flood solver; None where that run had none."""
    method = int(state["soil_method"])
    return None if method < 0 else EarlierSoil(method, state["soil"])


class Ground:
    """The soil and the drains of a run: their state, and their work at each step."""

    def __init__(
        self,
        soil: Soil | None,
        drains: tuple[DrainForcing, ...],
        usable: Bools,
        depth: Floats,
        dry: float,
        earlier: EarlierSoil | None = None,
        *,
        gridded_rain: bool = False,
        wet_share: Floats | None = None,
    ) -> None:
        """usable: cells that may lose water (data, no roof), shape (ny, nx); depth: of permanent water (m),
        over the whole cell; gridded_rain: whether some rain is not the same on every cell; wet_share: of each
        cell under water, now and at each step, padded (None: all of a wet one).
        """
        ny, nx = usable.shape
        self._share = np.zeros((0, 0)) if wet_share is None else wet_share
        if wet_share is not None:
            depth = depth / np.maximum(wet_share[PAD : PAD + ny, PAD : PAD + nx], kernels.LEAST_SHARE)
        self._soil, self._dry, self._shape = soil, dry, (ny, nx)
        ground = usable & (depth <= PERMANENT_DEPTH)
        self._ground = ground
        self._takes = usable if soil is not None and soil.under_water else ground
        self._all_drains, self._drains = drains, self._over_ground(drains)
        self._sums = np.zeros(max(ny, *(d.cells.size for d in drains), 1))
        self.planes = np.zeros((kernels.SOIL_PLANES, ny, nx) if soil is not None else (0, ny, nx))
        if soil is not None and earlier is not None:
            self.planes[:] = earlier.planes
        self.changing = self.planes[: 0 if soil is None else kernels.changing(soil.method, soil.rule)]
        """The planes that change in a step."""
        self.rained = np.zeros((ny, nx) if soil is not None and gridded_rain else (0, 0))
        """Gridded rain of the step (m), for whom the soil asks; shape (0, 0): there is none."""

    @property
    def is_there(self) -> bool:
        """Whether there is any soil or drain."""
        return self._soil is not None or bool(self._drains)

    def acts(self, t0: float, t1: float) -> bool:
        """Whether soil or drains may take water in [t0, t1]."""
        return self._soil is not None or any(drains.depth(t0, t1) > 0.0 for drains, _, _ in self._drains)

    def infiltrate(self, state: Floats, dt: float, rain: float, forced: NDArray[np.uint8]) -> float:
        """Water into the soil in a step (m × cells); rain: of the step on every cell (m)."""
        if self._soil is None:
            return 0.0
        return float(
            kernels.infiltrate(
                self._soil.method, state, self.planes, self._soil.rule, self._soil.classes, self._takes,
                rain, self.rained, self._share, dt, self._dry, forced, self._sums[: self._shape[0]],
                *self._shape,
            )
        )  # fmt: skip

    def drain(self, state: Floats, t0: float, t1: float, forced: NDArray[np.uint8]) -> float:
        """Water into the drains in a step (m × cells)."""
        total = 0.0
        for drains, i, j in self._drains:
            amount = drains.depth(t0, t1)
            if amount > 0.0:
                sums = self._sums[: i.size]
                total += float(kernels.drain(state, i, j, amount, self._dry, forced, sums, self._shape[1]))
        return total

    def state(self) -> dict[str, NDArray[Any]]:
        """What the soil remembers."""
        return {
            "soil": self.planes.copy(),
            "soil_method": np.array(-1 if self._soil is None else self._soil.method),
            "soil_ground": self._ground.astype(np.uint8),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take it back."""
        self.planes[:] = state["soil"]
        self._ground[:] = state["soil_ground"]  # `_takes` is the same array, or all that is usable
        self._drains = self._over_ground(self._all_drains)

    def _over_ground(self, drains: tuple[DrainForcing, ...]) -> list[tuple[DrainForcing, Ints, Ints]]:
        ground, nx = self._ground.ravel(), self._shape[1]
        return [(d, cells // nx, cells % nx) for d in drains if (cells := d.cells[ground[d.cells]]).size]
