"""What a run writes at the instants on which it lands, and when it ends."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import twin
from twin import checkpoint, features, machine
from twin.features_fine import FineFeatures, fine_features
from twin.files import digest
from twin.fine_water import fine_water
from twin.gridding import DomainParameters, fine_beds
from twin.jit import Compiled
from twin.mapped_water import mapped_water
from twin.messages import figure, text
from twin.observed import marks_beside, read_observed
from twin.results import Result
from twin.run_writer import DIAGNOSTIC_COLUMNS, RUNNING, RunWriter
from twin.water import permanent_depth, permanent_water

if TYPE_CHECKING:
    from twin.domain import Domain
    from twin.plugins import Solver
    from twin.simulation import Simulation

Array = NDArray[Any]
Observed = tuple[gpd.GeoDataFrame | None, gpd.GeoDataFrame | None]
"""Flood marks and flooded extent (`read_observed`)."""

STATIC = ("bed_elevation", "ground_elevation", "roughness", "building_fraction")
PARTS = {"water_depth": ("water_depth",), "velocity": ("velocity_x", "velocity_y")}
HOT_START = "initial"  # the use of the state that a run began from, among its inputs
LINK_VARIABLES = ("volume", "travel_time", "saturation", "link_water_depth", "closed")
WATTS_PER_CORE = (
    10.0  # a laptop or small server core at work, memory and losses included: an order of magnitude
)


class Recorder:
    """Listens to a simulation and writes its run folder. It reads fields and never changes them."""

    def __init__(self, simulation: Simulation, writer: RunWriter, observed: Observed) -> None:
        self.simulation = simulation
        self.writer = writer
        self.setup_seconds = 0.0
        self.compiled = Compiled()
        """What numba compiled for this run."""
        self._notes: dict[str, str] = {}  # layer → what was done with it at the end
        self._before = 0.0
        self._cpu_before = 0.0
        self._begun = time.perf_counter()
        self._cpu_begun = time.process_time()
        self._marks, self._extent = observed
        self._inputs: list[dict[str, Any]] = []
        groups = simulation.scenario.outputs.variables
        self._variables = [name for group in groups for name in PARTS[group] if name in simulation.fields]

    @classmethod
    def create(cls, path: Path, simulation: Simulation, *, overwrite: bool, setup_seconds: float) -> Recorder:
        """Make the run folder of a simulation that has not started."""
        scenario, domain = simulation.scenario, simulation.domain
        start = scenario.start.isoformat()
        times = [simulation.output_times.time(k) for k in range(simulation.output_times.count)]
        names = [n for group in scenario.outputs.variables for n in PARTS[group] if n in simulation.fields]
        observed = read_observed(scenario.territory)  # what is wrong with it is said before the run
        writer = RunWriter.create(
            path,
            scenario_toml=scenario.to_toml(),
            grid=domain.grid,
            times=times,
            start=start,
            variables=names,
            static=_static(simulation),
            overwrite=overwrite,
        )
        recorder = cls(simulation, writer, observed)
        recorder.setup_seconds = setup_seconds
        recorder._inputs = _inputs(simulation)
        traffic = simulation.solver("traffic")
        if traffic is not None:
            writer.write_features("traffic/links.gpkg", traffic.links_frame())  # type: ignore[attr-defined]
            writer.write_features("traffic/zones.gpkg", traffic.zones_frame())  # type: ignore[attr-defined]
            writer.write_table("traffic/closures.json", traffic.closures_table())  # type: ignore[attr-defined]
            writer.create_links(
                recorder.link_times, len(domain.networks["roads"].link_from), LINK_VARIABLES, start
            )
        writer.write_table("provenance.json", recorder.provenance(RUNNING))
        return recorder

    @classmethod
    def reopen(cls, path: Path, simulation: Simulation, clock: dict[str, float]) -> Recorder:
        """Go on writing a run folder from a checkpoint: what lies after it is cut."""
        writer = RunWriter(path)
        writer.cut(clock["time"] if clock["started"] else -1.0)
        recorder = cls(simulation, writer, read_observed(simulation.scenario.territory))
        recorder._inputs = Result.open(path).provenance["inputs"]
        recorder._before = clock["recorder.seconds"]
        recorder._cpu_before = clock["recorder.cpu_seconds"]
        recorder.setup_seconds = clock["recorder.setup_seconds"]
        writer.write_table("provenance.json", recorder.provenance(RUNNING))
        return recorder

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps of the recorder."""
        return {
            "recorder.seconds": self.seconds,
            "recorder.cpu_seconds": self.cpu_seconds,
            "recorder.setup_seconds": self.setup_seconds,
        }

    @property
    def seconds(self) -> float:
        """Real seconds of the loop so far, those before a resume included."""
        return self._before + time.perf_counter() - self._begun

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds so far (all threads)."""
        return self._cpu_before + time.process_time() - self._cpu_begun

    @cached_property
    def link_times(self) -> list[float]:
        """The instants of traffic/link_series.zarr."""
        traffic = self.simulation.solver("traffic")
        times, t = [0.0], 0.0
        while traffic is not None and (t := traffic.next_time(t)) <= self.simulation.scenario.duration:
            times.append(t)
        return times

    # -- while it runs --------------------------------------------------------------

    def land(self, t: float) -> None:
        """Called when every solver has landed on `t` (s)."""
        simulation = self.simulation
        frame = simulation.output_times.index(t)
        if frame is not None:
            if self._variables:
                self.writer.record(frame, {n: simulation.fields[n] for n in self._variables})
            self._diagnostics(t)
        if simulation.gauge_times.index(t) is not None:
            self._read(t)
        traffic = simulation.solver("traffic")
        if traffic is not None:
            times = self.link_times
            if t in times:
                fields = traffic.link_fields()  # type: ignore[attr-defined]
                self.writer.record_links(times.index(t), fields)

    def _diagnostics(self, t: float) -> None:
        for solver in self.simulation.solvers:
            ledger = solver.ledger()
            if ledger:
                row = ledger | {
                    "time_s": t,
                    "dt_s": self.simulation.last_step[solver.name],
                    "steps": self.simulation.steps_made[solver.name],
                    "wet_cells": int(ledger["wet_cells"]),
                    "seconds": round(self.seconds, 3),
                }
                self.writer.append("diagnostics.csv", [[row[name] for name in DIAGNOSTIC_COLUMNS]])

    def _read(self, t: float) -> None:
        for solver in self.simulation.solvers:
            for table, rows in solver.readings(t).items():
                self.writer.append(table, rows)

    # -- when it ends ----------------------------------------------------------------

    def finish(self, status: str) -> None:
        """Write what is known only at the end (of the run, or so far), then the indicators."""
        from twin import indicators  # here: 30 ms of importing that no run waits for before its first step

        while self.simulation.solvers:
            self._write_end(self.simulation.solvers.pop(0))
        self._write_features()
        self.writer.write_table("provenance.json", self.provenance(status))
        result = Result.open(self.writer.path)
        figures = indicators.compute(result)
        self.writer.write_table("indicators.json", indicators.records(figures))
        for told in (figures[key] for key in indicators.CAUTIONS if key in figures):
            value = f"{told.value:.4g} {told.unit}".strip()
            self.writer.logger().warning("%s: %s. %s", told.label_en, value, told.method_en)
        self.writer.logger().info("%s after %.2f s", status, self.seconds)

    def _write_end(self, solver: Solver) -> None:
        """What a solver knows of the whole run. It is let go of afterwards: memory for the rest."""
        run_fields = solver.run_fields()
        if run_fields:
            self.writer.record_run_fields(run_fields)
        summary = solver.summary()
        if summary:
            self.writer.write_table(f"{solver.name}/summary.json", summary)

    def _write_features(self) -> None:
        domain = self.simulation.domain
        result = Result.open(self.writer.path)
        water = domain.grid is not None and result.has_fields and "max_water_depth" in result.fields
        permanent = permanent_water(result) if water else None
        places = _places_frame(domain)
        fine = self._over_fine_ground(result, places) if water else None
        if domain.buildings is not None:
            buildings = self._with_residents(domain.buildings)
            if water and domain.grid is not None:
                buildings = features.building_features(
                    buildings,
                    domain.grid,
                    max_depth=result.fields["max_water_depth"].values,
                    arrival_time=result.fields["arrival_time"].values,
                    blocked=domain.field("blocked"),
                    permanent=permanent,
                    depth=None if fine is None else fine.at_buildings,
                )
            self.writer.write_features("features/buildings.gpkg", buildings)
        if domain.roads is not None:
            roads = domain.roads
            if water and domain.grid is not None:
                depth = result.fields.get("water_depth")
                frames = (
                    ((float(t), np.nan_to_num(depth.isel(time=k).values)) for k, t in enumerate(result.times))
                    if depth is not None
                    else ()
                )
                roads = features.road_features(
                    roads,
                    domain.grid,
                    max_depth=result.fields["max_water_depth"].values,
                    frames=frames,
                    permanent=permanent,
                    closure_depth=result.closure_depth,
                    water=None if fine is None else fine.on_roads,
                )
            self.writer.write_features("features/roads.gpkg", roads)
        if fine is not None:
            self.writer.write_table("flood/fine.json", fine.areas)
            places = places.assign(max_water_depth=fine.at_places, flooded_m2=fine.flooded_places)
        if len(places) > 0:
            self.writer.write_features("features/places.gpkg", places)
        if self._marks is not None and water and domain.grid is not None:
            marks = marks_beside(
                self._marks,
                domain.grid,
                result.fields["max_water_level"].values,
                result.fields["bed_elevation"].values,
                domain.field("blocked"),
            )
            self.writer.write_features("features/flood_marks.gpkg", marks)
        if self._extent is not None and water:
            self.writer.write_features("features/flood_extent.gpkg", self._extent)

    def _over_fine_ground(self, result: Result, places: gpd.GeoDataFrame) -> FineFeatures | None:
        """What the fine terrain under the cells says, if the run carried it (`params.flood.subgrid`)."""
        scenario, domain = self.simulation.scenario, self.simulation.domain
        parameters = scenario.parameters()
        of_domain = parameters["domain"]
        assert isinstance(of_domain, DomainParameters)
        if domain.grid is None or not getattr(parameters.get("flood"), "subgrid", False):
            return None
        blocks = fine_beds(domain.grid, domain.buildings, scenario.territory.mosaic(), of_domain)
        mapped = result.fields["mapped_water"].values > 0 if "mapped_water" in result.fields else None
        water = fine_water(
            blocks, domain.grid, np.asarray(result.fields["max_water_level"].values, dtype=np.float64),
            permanent_depth(result), mapped,
        )  # fmt: skip
        return fine_features(
            water, domain.grid, domain.buildings, domain.roads, places, closure_depth=result.closure_depth
        )

    def _with_residents(self, buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """The buildings with the people of the population layer, where the territory has one."""
        domain, territory = self.simulation.domain, self.simulation.scenario.territory
        if domain.grid is None or not territory.has("population") or not len(buildings):
            return buildings
        population = territory.layer("population").data
        residents, homeless = features.residents_of_buildings(buildings, population, domain.grid)
        self._notes["population"] = text(
            "conditioning.residents",
            people=figure(residents.sum(), digits=0),
            homeless=figure(homeless, digits=0),
        )
        return buildings.assign(residents=residents)

    def provenance(self, status: str) -> dict[str, Any]:
        """Versions, inputs, machine, cost. The energy is an estimate: processor time × a stated power."""
        import numba

        simulation = self.simulation
        watt_hours = self.cpu_seconds * WATTS_PER_CORE / 3600.0
        return {
            "status": status,
            "twin": twin.__version__,
            "commit": _commit(),
            "python": platform.python_version(),
            "packages": machine.versions(),
            "machine": machine.record(),
            "process": machine.process(os.getpid()),
            "threads": numba.get_num_threads(),
            "seed": None,
            "territory": str(simulation.scenario.territory.file),
            "vertical_datum": simulation.scenario.territory.vertical_datum,
            "inputs": [
                record | {"notes": list(dict.fromkeys([*record["notes"], self._notes[record["layer"]]]))}
                if record["layer"] in self._notes
                else record
                for record in self._inputs
            ],
            "simulated_s": simulation.time,
            "steps": simulation.steps_made,
            "setup_seconds": round(self.setup_seconds, 3),
            "wall_seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "compile_seconds": round(self.compiled.seconds, 3),  # within the others
            "energy_wh": round(watt_hours, 4),
            "energy_method": f"cpu_seconds × {WATTS_PER_CORE:g} W per core, estimated",
        }


def _places_frame(domain: Domain) -> gpd.GeoDataFrame:
    rows: list[dict[str, Any]] = []
    for place in domain.places.values():
        features_of = place.features
        columns = {str(c).lower(): c for c in features_of.columns}
        label = _label_column(features_of)
        natures = columns.get("nature")
        for number, geometry in enumerate(features_of.geometry):
            row = features_of.iloc[number]
            text = str(row[label]) if label is not None and pd.notna(row[label]) else place.name
            nature = str(row[natures]) if natures is not None and pd.notna(row[natures]) else ""
            rows.append(
                {
                    "name": place.name,
                    "label": text.replace("_", " ") if text == place.name else text,
                    "kind": place.name if len(features_of) > 1 or not nature else nature,
                    "nature": nature,
                    "geometry": geometry,
                }
            )
    return gpd.GeoDataFrame(
        rows or {"name": [], "label": [], "kind": [], "nature": [], "geometry": []},
        geometry="geometry",
        crs=domain.crs,
    )


# BD TOPO's columns first; those of communes and of IRIS too.
USUAL_LABELS = ("toponyme", "nom", "nom_officiel", "nom_iris", "label", "name")


def _label_column(features_of: gpd.GeoDataFrame) -> str | None:
    """The column that names features: a usual one, else the first text that differs from row to row."""
    columns = {str(c).lower(): c for c in features_of.columns}
    usual = next((columns[c] for c in USUAL_LABELS if c in columns), None)
    if usual is not None:
        return str(usual)
    for column in features_of.columns.drop(features_of.geometry.name):
        values = features_of[column]
        words = values.map(lambda v: isinstance(v, str) and any(c.isalpha() for c in v))
        if len(values) > 1 and values.is_unique and words.all():
            return str(column)
    return None


def _inputs(simulation: Simulation) -> list[dict[str, Any]]:
    """A record for each layer and each use of files, with the digests of all."""
    scenario, territory = simulation.scenario, simulation.scenario.territory
    layers = list(simulation.domain.provenance)
    known = {record["layer"] for record in layers}
    more = ["flood_marks", "flood_extent"]
    soil = getattr(scenario.parameters().get("flood"), "infiltration", None)
    more += ["land_cover"] if getattr(soil, "table", None) else []
    origins = {name: territory.layer(name).provenance for name in more if territory.has(name)}
    layers += [
        {"layer": name} | origin.as_dict()
        for name, origin in (origins | territory.place_files).items()
        if name not in known
    ]
    files = {"territory": [territory.file]} | scenario.files()
    if scenario.initial is not None:
        earlier = scenario.root / scenario.initial.from_run
        state = earlier / checkpoint.FILE
        files[HOT_START] = [state if state.is_file() else earlier / "fields.zarr"]
    return layers + [
        {"layer": use, "source": [str(p) for p in paths], "sha256": {str(p): digest(p) for p in paths}}
        for use, paths in files.items()
    ]


def _commit() -> str | None:
    """The commit of a source checkout; None from an installed package."""
    folder = Path(twin.__file__).parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return None  # no git on this machine
    return done.stdout.strip() or None


def _static(simulation: Simulation) -> dict[str, Array]:
    """The maps that stay the same over a run, (ny, nx)."""
    domain, territory = simulation.domain, simulation.scenario.territory
    if domain.grid is None:
        return {}
    maps = {name: domain.field(name) for name in STATIC}
    if territory.has("water_surfaces") and "water_depth" in simulation.fields:
        wet = np.nan_to_num(simulation.fields["water_depth"]) > features.WET_DEPTH
        maps["mapped_water"] = mapped_water(territory.layer("water_surfaces").data, domain.grid, wet)
    if simulation.permanent_depth is not None:
        maps["permanent_depth"] = simulation.permanent_depth
    elif "water_depth" in simulation.fields and "water_depth" not in simulation.scenario.outputs.variables:
        maps["permanent_depth"] = simulation.fields["water_depth"]  # no frame will tell it
    return maps
