"""Every variable once: name, CF standard name, unit, dimensions, labels.

Writers, readers, exports and pictures follow this table; a new process adds rows here.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.messages import text

FIELD = ("time", "y", "x")
MAP = ("y", "x")
LINK = ("time", "link")


@dataclass(frozen=True)
class Variable:
    """One variable: `cf_name` is empty where CF has no standard name for it."""

    name: str
    cf_name: str
    unit: str
    dims: tuple[str, ...]
    dtype: str = "float32"

    def label(self, lang: str | None = None) -> str:
        """What people call it (message table, ``variable.<name>``)."""
        return text(f"variable.{self.name}", lang)


_TABLE = (
    # on the grid, over time
    Variable("water_depth", "flood_water_thickness", "m", FIELD),
    Variable("velocity_x", "", "m s-1", FIELD),
    Variable("velocity_y", "", "m s-1", FIELD),
    # on the grid, over the whole run
    Variable("max_water_depth", "flood_water_thickness", "m", MAP),
    Variable("max_water_level", "water_surface_height_above_reference_datum", "m", MAP),
    Variable("max_velocity", "", "m s-1", MAP),
    Variable("max_rise_rate", "", "m s-1", MAP),
    Variable("arrival_time", "", "s", MAP),
    Variable("wet_duration", "", "s", MAP),
    Variable("max_hazard_ppri", "", "1", MAP),
    Variable("max_hazard_people", "", "1", MAP),
    Variable("max_hazard_vehicles", "", "1", MAP),
    # on the grid, constant
    Variable("bed_elevation", "surface_altitude", "m", MAP),
    Variable("ground_elevation", "ground_level_altitude", "m", MAP),
    Variable("roughness", "", "s m-1/3", MAP),
    Variable("building_fraction", "", "1", MAP),
    Variable("mapped_water", "", "1", MAP, "int8"),
    Variable("permanent_depth", "flood_water_thickness", "m", MAP),
    # on the links of the road network, over time
    Variable("volume", "", "veh h-1", LINK, "float64"),
    Variable("travel_time", "", "s", LINK, "float64"),
    Variable("saturation", "", "1", LINK, "float64"),
    Variable("link_water_depth", "", "m", LINK),
    Variable("closed", "", "1", LINK, "int8"),
)

VARIABLES: dict[str, Variable] = {variable.name: variable for variable in _TABLE}
