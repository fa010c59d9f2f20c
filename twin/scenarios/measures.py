"""What people decide: each measure turns a domain into another one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict
from shapely.geometry.base import BaseGeometry

from twin.domain import Domain, Place
from twin.errors import InputError, Problems, suggest, told
from twin.faces import raise_along
from twin.scenarios.events import At
from twin.units import Metres

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Measure(BaseModel):
    """Base of measures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    places_in: ClassVar[tuple[str, ...]] = ()
    read_by: ClassVar[str] = "flood"
    """The solver that sees it."""

    @abstractmethod
    def apply(self, domain: Domain, where: str = "", key: str = "measures") -> Domain:
        """The domain with the measure taken; the given one is left as it is.

        where, key : what messages call the scenario and the measure.
        """


class Dike(Measure):
    """A dike (or wall) along a line, its crest a height on cell faces: never a raised cell.

    Attributes
    ----------
    along : a line place, or coordinates.
    crest : elevation of the crest (m), the same along the line.
    """

    kind: Literal["dike"] = "dike"
    along: At
    crest: Metres
    places_in: ClassVar[tuple[str, ...]] = ("along",)

    def apply(self, domain: Domain, where: str = "", key: str = "measures") -> Domain:
        """Raise `crest_x` and `crest_y` along the line to the crest, where they are lower.

        Raises
        ------
        InputError
            The place is no line, or the domain has no grid.
        """
        grid = domain.require_grid("dike")
        crest_x, crest_y = domain.field("crest_x").copy(), domain.field("crest_y").copy()
        for line in self.lines(domain, where, key):
            xy: NDArray[np.float64] = shapely.get_coordinates(line)
            raise_along(crest_x, crest_y, grid, xy[:, 0], xy[:, 1], np.full(len(xy), self.crest))
        return domain.with_fields(crest_x=crest_x, crest_y=crest_y)

    def lines(self, domain: Domain, where: str, key: str) -> list[BaseGeometry]:
        """The lines that it stands on (see `lines_of`)."""
        at = f"{key}.along"
        return lines_of(place_geometry(domain, self.along, where, at), where, at)


class NewDistrict(Measure):
    """Households and jobs at a place: one more zone for the demand that is made from `zones`.

    Attributes
    ----------
    at : a polygon or point place, or coordinates.
    zones : the place whose features are the zones of the demand.
    values : what the new zone has in the columns of the zones, e.g. population = 800, jobs = 120.
    name : of the new zone.
    """

    kind: Literal["new_district"] = "new_district"
    at: At
    zones: str
    values: dict[str, float]
    name: str = "new district"
    places_in: ClassVar[tuple[str, ...]] = ("at",)
    read_by: ClassVar[str] = "traffic"

    def apply(self, domain: Domain, where: str = "", key: str = "measures") -> Domain:
        """Add a feature to the place `zones`.

        Raises
        ------
        InputError
            No such place or column, negative numbers, a name that another zone has; all at once.
        """
        import geopandas as gpd
        import pandas as pd

        geometry = place_geometry(domain, self.at, where, f"{key}.at")
        place = domain.place(self.zones, where, f"{key}.zones")
        zones = place.features
        problems = Problems()
        for column, value in self.values.items():
            if column not in zones.columns or column == "geometry":
                known = [str(c) for c in zones.columns if c != "geometry"]
                hint = suggest(column, known)
                problems.tell(where, f"{key}.values", "traffic.zones_column", hint, found=column)
            if not value >= 0:
                problems.tell(where, f"{key}.values.{column}", "error.zero_or_more", found=value)
        texts = [c for c in zones.columns if c != "geometry" and not pd.api.types.is_numeric_dtype(zones[c])]
        if any((zones[c].astype(str) == self.name).any() for c in texts):
            problems.tell(where, f"{key}.name", "scenario.name_taken", found=self.name)
        problems.raise_if_any()
        row: dict[str, object] = dict.fromkeys(texts, self.name)
        row |= {str(c): 0 for c in zones.columns if c != "geometry" and c not in texts}
        row |= self.values
        row["geometry"] = geometry
        added = gpd.GeoDataFrame([row], geometry="geometry", crs=zones.crs)
        features = gpd.GeoDataFrame(pd.concat([zones, added], ignore_index=True), crs=zones.crs)
        grown = Place(place.name, shapely.union_all([place.geometry, geometry]), features)
        return replace(domain, places=MappingProxyType({**domain.places, self.zones: grown}))


MEASURES: dict[str, type[Measure]] = {"dike": Dike, "new_district": NewDistrict}


def place_geometry(domain: Domain, at: At, where: str, key: str) -> BaseGeometry:
    """The geometry of a place by name, or of inline coordinates (one point, or a line of them).

    Raises
    ------
    InputError
        No place has that name.
    """
    if isinstance(at, str):
        return domain.place(at, where, key).geometry
    coordinates = np.asarray(at, dtype=float)
    if coordinates.ndim == 1:
        return shapely.Point(coordinates)
    return shapely.LineString(coordinates)


def lines_of(geometry: BaseGeometry, where: str, key: str) -> list[BaseGeometry]:
    """The lines of a geometry; the outline of a polygon.

    Raises
    ------
    InputError
        It has none.
    """
    parts = list(shapely.get_parts(geometry))
    lines = [
        p.exterior if p.geom_type == "Polygon" else p
        for p in parts
        if p.geom_type in ("LineString", "LinearRing", "Polygon")
    ]
    if not lines:
        raise InputError(told(where, key, "scenario.not_a_line", found=geometry.geom_type))
    return lines
