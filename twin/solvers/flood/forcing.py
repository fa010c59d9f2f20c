"""What drives a flood: the forcing of a scenario, or one made by hand for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.errors import InputError, Problems, told
from twin.scenarios.binding import (
    NORMAL_DEPTH,
    OPEN,
    SIDES,
    WALL,
    Boundaries,
    InflowForcing,
    RainForcing,
    RatingForcing,
    WaterLevelForcing,
    boundaries,
    cells_of,
    inflows,
    initial_depth,
    rains,
    water_levels,
)
from twin.scenarios.events import Inflow, StormDrain
from twin.scenarios.measures import place_geometry
from twin.scenarios.plausible import implausible
from twin.scenarios.rainfield import RainField, rain_fields
from twin.solvers.flood.crests import BreachForcing, breaches
from twin.solvers.flood.infiltration import METHODS, DrainForcing, EarlierSoil, Soil, earlier_soil, soil_of
from twin.solvers.flood.overtopping import OvertoppingForcing, overtoppings
from twin.solvers.flood.structures import (
    EarlierWorks,
    StructureForcing,
    earlier_works,
    refuse_unusable,
    structures,
)

if TYPE_CHECKING:
    from twin.scenarios.scenario import Scenario

Floats = NDArray[np.float64]
Found = TypeVar("Found")

LEAST_SLOPE = 1e-4  # a normal-depth boundary without a slope of its own falls at least this much outwards
SLOPE_CELLS = 3  # the local bed slope is taken over this many cells


@dataclass(frozen=True, eq=False)
class Forcing:
    """Everything from outside.

    Attributes
    ----------
    initial_depth : shape (ny, nx) (m).
    velocity_x, velocity_y : at the start, shape (ny, nx) (m/s; east, north), or None for rest.
    rains, inflows, levels, ratings : records of `twin.scenarios.binding`.
    rain_fields : gridded rain.
    permanent_depth : of the water at the start that is a bed, shape (ny, nx) (m); None: all of it.
    soil, drains : what leaves the surface. earlier_soil : what the soil took before a hot start.
    structures : what passes water on. breaches : of dikes. earlier_works : where those of the run stood
        from which this one starts.
    overtoppings : waves over sea defences.
    codes, slopes : boundary of each edge cell by side, and its slope outwards (NaN: of the bed there).
    roofs : cells on which a building stands, shape (ny, nx); None: nowhere. They have neither soil nor drain.
    where : what messages call the source.
    """

    initial_depth: Floats
    velocity_x: Floats | None = None
    velocity_y: Floats | None = None
    rains: tuple[RainForcing, ...] = ()
    rain_fields: tuple[RainField, ...] = ()
    soil: Soil | None = None
    permanent_depth: Floats | None = None
    earlier_soil: EarlierSoil | None = None
    drains: tuple[DrainForcing, ...] = ()
    structures: tuple[StructureForcing, ...] = ()
    breaches: tuple[BreachForcing, ...] = ()
    earlier_works: EarlierWorks | None = None
    inflows: tuple[InflowForcing, ...] = ()
    overtoppings: tuple[OvertoppingForcing, ...] = ()
    levels: tuple[WaterLevelForcing, ...] = ()
    ratings: tuple[RatingForcing, ...] = ()
    codes: Mapping[str, NDArray[np.int8]] = field(default_factory=dict)
    slopes: Mapping[str, Floats] = field(default_factory=dict)
    roofs: NDArray[np.bool_] | None = None
    where: str = "Forcing"

    @classmethod
    def of_scenario(cls, domain: Domain, scenario: Scenario, fields: Mapping[str, NDArray[Any]]) -> Forcing:
        """The forcing of a scenario; depth and velocity already in the exchange (a hot start) come first.

        Raises
        ------
        InputError
            Events, boundaries or levels that do not fit the domain; all at once.
        """
        problems = Problems()

        def bound(bind: Callable[[Domain, Scenario], Iterable[Found]]) -> tuple[Found, ...]:
            try:
                return tuple(bind(domain, scenario))
            except InputError as error:
                problems.extend(error.problems)
                return ()

        sides: tuple[Boundaries, ...] = bound(lambda d, s: [boundaries(d, s)])
        parameters = scenario.parameters()["flood"]
        if getattr(parameters, "scheme", None) == "local_inertial":
            for number, event in enumerate(scenario.events, start=1):
                if isinstance(event, Inflow) and event.momentum:
                    problems.tell(scenario.where, f"events[{number}].momentum", "flood.inertial_momentum")
        infiltration = getattr(parameters, "infiltration", None)
        soils: tuple[Soil, ...] = ()
        if infiltration is not None:
            soils = bound(lambda d, s: [soil_of(infiltration, d, s)])
        soil = soils[0] if soils else None
        earlier = None
        if "soil_method" in fields and scenario.initial is not None and scenario.initial.soil == "carried":
            earlier = earlier_soil(fields)
        if soil is not None and earlier is not None and soil.method != earlier.method:
            names = {code: name for name, code in METHODS.items()}
            problems.tell(
                scenario.where,
                "params.flood.infiltration.method",
                "flood.other_method",
                method=names[soil.method],
                earlier=names[earlier.method],
            )
        fields_of_rain, sinks = bound(rain_fields), bound(drains)
        works, breaks = bound(structures), bound(breaches)
        streams, waves, sea = bound(inflows), bound(overtoppings), bound(water_levels)
        depth = bound(lambda d, s: [initial_depth(d, s)])
        if not problems:
            problems.extend(implausible(domain, scenario, sides[0].ratings))
        problems.raise_if_any()
        start = np.maximum(depth[0], fields["water_depth"]) if "water_depth" in fields else depth[0]
        return cls(
            initial_depth=start,
            velocity_x=fields.get("velocity_x"),
            velocity_y=fields.get("velocity_y"),
            rains=tuple(rains(scenario)),
            permanent_depth=fields.get("permanent_depth"),
            soil=soil,
            earlier_soil=earlier,
            earlier_works=earlier_works(fields),
            ratings=sides[0].ratings,
            codes=sides[0].codes,
            slopes=sides[0].slopes,
            roofs=np.asarray(domain.field("blocked"), dtype=bool),
            where=scenario.where,
            rain_fields=fields_of_rain,
            drains=sinks,
            structures=works,
            breaches=breaks,
            inflows=streams,
            overtoppings=waves,
            levels=sea,
        )

    def edge_codes(self, ny: int, nx: int) -> NDArray[np.int8]:
        """Boundary codes in the order of the edge cells (west, east, north, south)."""
        count = {"west": ny, "east": ny, "north": nx, "south": nx}
        default = {side: np.full(n, WALL, dtype=np.int8) for side, n in count.items()}
        return np.concatenate(
            [self.codes.get(side, default[side]) for side in ("west", "east", "north", "south")]
        )

    def edge_slopes(self, bed: Floats, cell: float, uniform: bool = True) -> Floats:
        """Slopes (positive falls outwards) in the order of the edge cells, those of the bed where none is
        given; at an open edge never negative, and 0 where the friction knows no uniform flow.

        bed: shape (ny, nx) (m); uniform: whether the law of friction gives the speed of uniform flow.
        """
        inner = min(SLOPE_CELLS, bed.shape[0] - 1), min(SLOPE_CELLS, bed.shape[1] - 1)
        local = {
            "west": (bed[:, inner[1]] - bed[:, 0]) / (max(inner[1], 1) * cell),
            "east": (bed[:, -1 - inner[1]] - bed[:, -1]) / (max(inner[1], 1) * cell),
            "north": (bed[inner[0]] - bed[0]) / (max(inner[0], 1) * cell),
            "south": (bed[-1 - inner[0]] - bed[-1]) / (max(inner[0], 1) * cell),
        }
        parts = []
        for side in ("west", "east", "north", "south"):
            given = np.asarray(self.slopes.get(side, np.full(local[side].shape, np.nan)), dtype=np.float64)
            of_bed = np.nan_to_num(local[side])
            slope = np.where(np.isnan(given), np.maximum(of_bed, LEAST_SLOPE), given)
            free = np.asarray(self.codes.get(side, np.full(of_bed.shape, WALL))) == OPEN
            parts.append(np.where(free, np.maximum(of_bed, 0.0) if uniform else 0.0, slope))
        return np.concatenate(parts)

    def check(self, active: NDArray[np.bool_], roughness: Floats, bed: Floats) -> None:
        """Refuse what no solver can use.

        active: cells with data, shape (ny, nx); roughness: Manning n, bed: elevation (m), the same shape.

        Raises
        ------
        InputError
            Depth or roughness negative or not finite, rain or discharge negative, normal depth without
            roughness; all at once.
        """
        refuse_unusable(self.structures, bed, self.where)
        problems = Problems()
        shape = active.shape
        for name, values in (("initial_water", self.initial_depth), ("roughness", roughness)):
            if values.shape != shape:
                problems.tell(self.where, name, "flood.shape", shape=values.shape, wanted=shape)
            elif not ((np.isfinite(values) & (values >= 0)) | ~active).all():
                problems.tell(self.where, name, "flood.negative")
        for kind, records in (("rainfall", self.rains), ("inflow", self.inflows)):
            for number, record in enumerate(records, start=1):
                wrong = [value for value in record.series.values if not 0.0 <= value < np.inf]
                if wrong:
                    problems.tell(self.where, f"{kind} {number}", "flood.series", found=wrong[0])
        for number, level in enumerate(self.levels, start=1):
            if not np.isfinite(level.series.values).all():
                problems.tell(self.where, f"water_level {number}", "flood.level")
        codes = self.edge_codes(*shape)
        edge_active = np.concatenate([active[:, 0], active[:, -1], active[0], active[-1]])
        edge_roughness = np.concatenate([roughness[:, 0], roughness[:, -1], roughness[0], roughness[-1]])
        if ((codes == NORMAL_DEPTH) & edge_active & ~(edge_roughness > 0)).any():
            problems.tell(self.where, "boundaries", "flood.no_roughness")
        problems.raise_if_any()


def uniform_boundaries(ny: int, nx: int, **sides: int) -> dict[str, NDArray[np.int8]]:
    """Boundary codes by side, one code for each whole side; those not named are walls."""
    count = {"north": nx, "south": nx, "west": ny, "east": ny}
    return {side: np.full(count[side], sides.get(side, WALL), dtype=np.int8) for side in SIDES}


def drains(domain: Domain, scenario: Scenario) -> list[DrainForcing]:
    """The storm drains of a scenario, on the cells with ground.

    Raises
    ------
    InputError
        A place is not known or has no cell of the domain.
    """
    grid = domain.require_grid("storm_drain")
    usable = (domain.field("active") & ~domain.field("blocked")).ravel()
    found = []
    for number, event in enumerate(scenario.events, start=1):
        if not isinstance(event, StormDrain):
            continue
        cells = np.arange(grid.size)
        if event.at is not None:
            key = f"events[{number}].at"
            cells, _ = cells_of(grid, place_geometry(domain, event.at, scenario.where, key))
        cells = cells[usable[cells]]
        if not cells.size:
            raise InputError(told(scenario.where, f"events[{number}].at", "scenario.no_cell", place=event.at))
        found.append(DrainForcing(cells, event.capacity, *event.window))
    return found
