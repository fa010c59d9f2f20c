"""From the layers of a territory to the grid model that solvers see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from twin.conditioning import (
    burn_streams,
    crests_of_defences,
    lowest_along,
    open_culverts,
    streams_on_grid,
)
from twin.domain import Domain, Place, grid_fields
from twin.errors import InputError, told
from twin.footprints import cover
from twin.grid import Grid
from twin.layers import LazyTerrain
from twin.layers.fine import FineBlock, fine_blocks
from twin.layers.landcover import roughness_on_grid
from twin.layers.lattice import Method, grid_of, resample, whole_ratio
from twin.layers.layer import Layer
from twin.layers.mosaic import Mosaic
from twin.layers.raster import check_heights
from twin.network import Network, NoRoadForCars
from twin.plugins import Parameters
from twin.subgrid import with_subgrid
from twin.territory import Territory
from twin.units import Metres

if TYPE_CHECKING:
    import geopandas as gpd

MIN_ROOF = 3.0  # m above the ground: a roof that no flood of interest runs over


class DomainParameters(Parameters):
    """``[params.domain]``: how layers become the grid model.

    Attributes
    ----------
    buildings : "block" (default): a cell that buildings cover by `building_share` or more gets its roof
        as bed, so that water goes around it and rain runs off it; "roughness": the covered share of a
        cell has the Manning n `building_roughness`; "ignore".
    building_share : share of a cell from which it is blocked; one half is stated, not published.
    building_roughness : n inside footprints. 0.3 is of the order that practice gives to footprints
        left open to the flow (Syme 2008, Flooding in urban areas); stated, to be calibrated.
    resampling : what a cell takes of the fine terrain in it: "mean" (default), "max" or "min".
    defences : "crest" (default): lines of the layer `defences` are crests on the faces between cells, at
        their stated height, else at the highest of the fine terrain along them; "ignore".
    river_cells : "lowest": cells along the lines of `hydrography` take the lowest fine terrain in them;
        "same" (default): as all others.
    river_bed : "descend": the ground along the lines of `hydrography` is lowered by `river_depth` and made to
        descend, nowhere by more than `river_deepest`; "ignore" (default).
    culverts : "open": where a stream of `hydrography` meets a road or a bridge of `structures`, or runs under
        the ground for no more than twice `culvert_reach`, the embankment is cut down to the stream within
        `culvert_reach` of the crossing, but no dam or lock; "ignore" (default).
    """

    resampling: Method = "mean"
    buildings: Literal["block", "roughness", "ignore"] = "block"
    building_share: float = Field(0.5, gt=0, le=1)
    building_roughness: float = Field(0.3, gt=0)
    defences: Literal["crest", "ignore"] = "crest"
    river_cells: Literal["same", "lowest"] = "same"
    river_bed: Literal["ignore", "descend"] = "ignore"
    river_depth: Metres = Field(0.0, ge=0)
    river_deepest: Metres = Field(5.0, gt=0)
    culverts: Literal["ignore", "open"] = "ignore"
    culvert_reach: Metres = Field(50.0, gt=0)


def build_domain(
    territory: Territory,
    resolution: float | Literal["native"] = "native",
    parameters: DomainParameters | None = None,
    *,
    default_roughness: float = 0.035,
    subgrid: bool = False,
) -> Domain:
    """Build the grid model of a territory.

    The grid keeps the lattice of the terrain at "native"; another resolution (m) shares its
    north-west corner and takes the mean of the terrain over each cell (or what `resampling` says), read by
    windows: the fine terrain is never in memory as a whole. Roughness comes from the
    roughness layer, else from the land cover, else it is `default_roughness` (Manning n). With `subgrid` the
    cells carry the terrain finer than they are (`twin.subgrid`), buildings on it cell by fine cell.

    Raises
    ------
    InputError
        A layer cannot be used, or the resolution does not suit the terrain.
    """
    parameters = parameters or DomainParameters()
    layers: list[Layer | LazyTerrain] = []
    notes: dict[str, tuple[str, ...]] = {}

    def take(name: str) -> Layer | None:
        if not territory.has(name):
            return None
        layer = territory.layer(name)
        layers.append(layer)
        return layer

    buildings, roads = take("buildings"), take("roads")
    footprints = None if buildings is None else buildings.data
    terrain = territory.lazy_terrain() if territory.has("terrain") else None
    grid: Grid | None = None
    fields = xr.Dataset()
    if terrain is not None:
        grid = _model_grid(territory, terrain, resolution)
        layers.append(terrain)
        ground = resample(terrain.mosaic, grid, parameters.resampling)
        _refuse_empty(territory, ground)
        check_heights(terrain.reading, terrain.provenance.source[0], np.nanmin(ground), np.nanmax(ground))
        surface = take("roughness") or take("land_cover")
        roughness: float | NDArray[np.float64] = default_roughness
        if surface is not None:
            on_grid = roughness_on_grid(surface, grid, default_roughness)
            roughness, notes[surface.name] = on_grid.values, on_grid.notes
        streams = take("hydrography") if _conditions_streams(parameters) else None
        if streams is not None:
            structures = take("structures") if parameters.culverts == "open" else None
            ground, notes[streams.name] = _with_streams(
                grid, ground, terrain, streams, roads, structures, parameters
            )
        fields = put_buildings(grid, ground, roughness, footprints, parameters)
        defences = take("defences") if parameters.defences == "crest" else None
        if defences is not None and len(defences.data):
            crest_x, crest_y, note = crests_of_defences(
                grid, defences.data, ground, defences.provenance.source[0], terrain.mosaic
            )
            fields = fields.assign(crest_x=(("y", "x_face"), crest_x), crest_y=(("y_face", "x"), crest_y))
            notes[defences.name] = (note,)
        take("water_surfaces")  # what the map has as water is no flood (twin.mapped_water)
        if footprints is not None:
            take("population")  # shared among the buildings when the run ends (twin.features)
    networks = {}
    if roads is not None:
        try:
            network = Network.from_roads(roads.data, grid)
        except NoRoadForCars as error:  # a flood needs none, and a solver of traffic says so
            notes[roads.name] = tuple(problem.found for problem in error.problems)
        else:
            bans = take("turn_bans")
            networks = {"roads": network if bans is None else network.with_turn_bans(bans.data)}
    for name in territory.layer_places:
        take(name)
    domain = Domain(
        name=territory.name,
        crs=territory.crs,
        grid=grid,
        fields=fields,
        networks=MappingProxyType(networks),
        buildings=footprints,
        roads=None if roads is None else roads.data,
        places=MappingProxyType(_places(territory)),
        provenance=tuple(_record(layer, notes.get(layer.name, ())) for layer in layers),
    )
    if not subgrid:
        return domain
    if grid is None or terrain is None:
        raise InputError(told(territory.name, "params.flood.subgrid", "grid.subgrid_no_terrain"))
    where = str(territory.file)
    if _conditions_streams(parameters):
        raise InputError(told(where, "params.flood.subgrid", "grid.subgrid_streams"))
    fine = whole_ratio(terrain.mosaic, grid)
    if fine is None or fine < 2:
        raise InputError(
            told(
                where, "params.flood.subgrid", "grid.subgrid_cells", cell=f"{grid.cell:g}",
                fine=f"{terrain.mosaic.cell:g}",
            )
        )  # fmt: skip
    return with_subgrid(domain, fine_beds(grid, footprints, terrain.mosaic, parameters))


def fine_beds(
    grid: Grid, buildings: gpd.GeoDataFrame | None, source: Mosaic, parameters: DomainParameters
) -> Iterator[FineBlock]:
    """The fine bed under each cell of a grid, block by block: the terrain with the buildings that block."""
    for block in fine_blocks(source, grid):
        if buildings is None or parameters.buildings != "block":
            yield block
            continue
        m, n, k, _ = block.elevation.shape
        part = block.part_of(grid)
        put = put_buildings(part, block.flat(block.elevation), 0.0, buildings, parameters)
        bed, blocked = (
            put[name].to_numpy().reshape(m, k, n, k).swapaxes(1, 2) for name in ("bed_elevation", "blocked")
        )
        yield replace(block, elevation=bed, blocked=blocked, without_buildings=block.elevation)


def _conditions_streams(parameters: DomainParameters) -> bool:
    return (
        parameters.river_bed == "descend"
        or parameters.culverts == "open"
        or parameters.river_cells == "lowest"
    )


def _with_streams(
    grid: Grid,
    ground: NDArray[np.float64],
    terrain: LazyTerrain,
    layer: Layer,
    roads: Layer | None,
    structures: Layer | None,
    parameters: DomainParameters,
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The ground with streams that run, and what was done to it."""
    opens = parameters.culverts == "open"
    longest = 2.0 * parameters.culvert_reach if opens else 0.0
    streams = streams_on_grid(grid, ground, layer.data, buried=longest)
    notes: list[str] = []
    if parameters.river_cells == "lowest":
        step = lowest_along(grid, ground, resample(terrain.mosaic, grid, "min"), streams)
        ground = step.ground
        notes.append(step.note)
    # Embankments first: a bed that is made to descend would hide them.
    if opens:
        step = open_culverts(
            grid, ground, streams, layer.data, None if roads is None else roads.data,
            parameters.culvert_reach, None if structures is None else structures.data,
        )  # fmt: skip
        ground = step.ground
        notes.append(step.note)
    if parameters.river_bed == "descend":
        step = burn_streams(grid, ground, streams, parameters.river_depth, parameters.river_deepest)
        ground = step.ground
        notes.append(step.note)
    return ground, tuple(notes)


def _model_grid(territory: Territory, terrain: LazyTerrain, resolution: float | Literal["native"]) -> Grid:
    native = grid_of(terrain.mosaic, territory.crs, territory.extent)
    if resolution == "native":
        return native
    try:
        return native.at_resolution(float(resolution))
    except ValueError as error:
        raise InputError(
            told(
                territory.file,
                "resolution",
                "grid.too_coarse",
                resolution=resolution,
                width=f"{native.nx * native.cell:g}",
                height=f"{native.ny * native.cell:g}",
            )
        ) from error


def _refuse_empty(territory: Territory, ground: NDArray[np.float64]) -> None:
    if not np.isfinite(ground).any():
        raise InputError(told(territory.file, "layers.terrain", "grid.no_elevation"))


def put_buildings(
    grid: Grid,
    ground: NDArray[np.float64],
    roughness: float | NDArray[np.float64],
    footprints: gpd.GeoDataFrame | None,
    parameters: DomainParameters,
) -> xr.Dataset:
    """The ground with buildings on it: bed, roughness, covered share, blocked cells."""
    bed, n = ground, roughness
    fraction = blocked = None
    if footprints is not None and len(footprints) > 0:
        fraction, roof = cover(grid, footprints.geometry.array, footprints["height"])
        if parameters.buildings == "roughness":
            n = (1.0 - fraction) * n + fraction * parameters.building_roughness
        elif parameters.buildings == "block":
            blocked = (fraction >= parameters.building_share) & np.isfinite(ground)
            bed = ground.copy()
            bed[blocked] += np.maximum(roof[blocked], MIN_ROOF)
        del roof
        fraction = fraction.astype(np.float32)
    fields = grid_fields(grid, bed, n, building_fraction=fraction, blocked=blocked)
    return fields.assign(ground_elevation=(("y", "x"), ground))


def _places(territory: Territory) -> dict[str, Place]:
    return {name: territory.place(name) for name in territory.place_names}


def _record(layer: Layer | LazyTerrain, more_notes: tuple[str, ...]) -> dict[str, Any]:
    origin = layer.provenance
    return {
        "layer": layer.name,
        "source": list(origin.source),
        "sha256": dict(origin.sha256),
        "edition": origin.edition,
        "licence": origin.licence,
        "crs": origin.crs,
        "vertical_datum": origin.vertical_datum,
        "notes": [*origin.notes, *more_notes],
    }
