"""The run folder (DESIGN 3.3) as it is read; `twin.run_writer` writes it."""

from __future__ import annotations

import json
import shutil
import tomllib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from twin import notebook
from twin.errors import InputError, TwinError, listed, told
from twin.features import CLOSURE_DEPTH
from twin.grid import Grid
from twin.messages import text
from twin.run_writer import COMPLETE, RUNNING, TABLES

if TYPE_CHECKING:
    import geopandas as gpd


class Result:
    """A finished, interrupted or running run, read from its folder. Parts that a run lacks are None."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> Result:
        """Open a run folder.

        Raises
        ------
        InputError
            There is no such folder, or it is no run.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise InputError(told(folder, "", "folder.none"))
        missing = [n for n in ("scenario.toml", "provenance.json") if not (folder / n).is_file()]
        if missing:
            raise InputError(told(folder, "", "folder.no_run", missing=listed(missing)))
        return cls(folder)

    @cached_property
    def scenario_table(self) -> dict[str, Any]:
        """The resolved scenario as a plain table."""
        return tomllib.loads((self.path / "scenario.toml").read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.scenario_table["name"])

    @property
    def closure_depth(self) -> float:
        """Depth of water from which the run has roads closed (m)."""
        traffic = self.scenario_table.get("params", {}).get("traffic", {})
        return float(traffic.get("closure_depth", CLOSURE_DEPTH))

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Versions, inputs, threads, status, wall time, energy estimate."""
        return dict(json.loads((self.path / "provenance.json").read_text(encoding="utf-8")))

    @property
    def status(self) -> str:
        """complete, running, interrupted or failed."""
        return str(self.provenance.get("status", RUNNING))

    def unfinished(self, name: str = "", lang: str | None = None) -> str:
        """What is to be said with figures of a run that did not end (`name`: in place of its own); "" if it
        did.
        """
        if self.status == COMPLETE:
            return ""
        status = text(f"run.status_{self.status}", lang)
        return text("compare.not_whole", lang, name=name or self.name, status=status)

    @cached_property
    def fields(self) -> xr.Dataset:
        """The fields (lazy); time in seconds since the start, only the frames that were written.

        Raises
        ------
        TwinError
            The run has no fields (a territory without terrain).
        """
        store = self.path / "fields.zarr"
        if not store.exists():
            raise TwinError(f"{self.path}: {text('folder.no_fields')}")
        return _open_series(store)

    @property
    def has_fields(self) -> bool:
        """Whether the run has fields on a grid."""
        return (self.path / "fields.zarr").exists()

    @property
    def times(self) -> NDArray[np.float64]:
        """Output instants written so far, seconds since the start."""
        return np.asarray(self.fields["time"].values, dtype=float)

    @cached_property
    def grid(self) -> Grid:
        """The model grid."""
        attrs = self.fields.attrs
        return Grid(
            str(attrs["crs"]),
            float(attrs["x_west"]),
            float(attrs["y_north"]),
            float(attrs["cell"]),
            int(self.fields.sizes["y"]),
            int(self.fields.sizes["x"]),
        )

    @property
    def model_grid(self) -> Grid:
        """The grid that the run was made on, whatever the fields are shown on (`twin.fine_result`)."""
        return self.grid

    @cached_property
    def gauges(self) -> pd.DataFrame:
        """gauges.csv."""
        return self._csv("gauges.csv")

    @cached_property
    def sections(self) -> pd.DataFrame:
        """sections.csv."""
        return self._csv("sections.csv")

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """diagnostics.csv."""
        return self._csv("diagnostics.csv")

    @cached_property
    def indicators(self) -> dict[str, dict[str, Any]]:
        """indicators.json; empty when the run did not get so far."""
        return self._json("indicators.json") or {}

    @cached_property
    def buildings(self) -> gpd.GeoDataFrame | None:
        """Footprints with what the water did to them."""
        return self._features("features/buildings.gpkg")

    @cached_property
    def roads(self) -> gpd.GeoDataFrame | None:
        """Every road segment with what the water did to it."""
        return self._features("features/roads.gpkg")

    @cached_property
    def places(self) -> gpd.GeoDataFrame | None:
        """Named places."""
        return self._features("features/places.gpkg")

    @cached_property
    def flood_marks(self) -> gpd.GeoDataFrame | None:
        """Observed flood marks beside the run (`twin.observed.marks_beside`)."""
        return self._features("features/flood_marks.gpkg")

    @cached_property
    def flood_extent(self) -> gpd.GeoDataFrame | None:
        """The observed extent of a flood."""
        return self._features("features/flood_extent.gpkg")

    @cached_property
    def links(self) -> gpd.GeoDataFrame | None:
        """Directed links with capacity and the reference state."""
        return self._features("traffic/links.gpkg")

    @cached_property
    def zones(self) -> gpd.GeoDataFrame | None:
        """Zones of the demand with their people and the trips of the reference state."""
        return self._features("traffic/zones.gpkg")

    @cached_property
    def link_series(self) -> xr.Dataset | None:
        """Volume, travel time, saturation, water depth and closure by time and link."""
        store = self.path / "traffic" / "link_series.zarr"
        return _open_series(store) if store.exists() else None

    @cached_property
    def flood_summary(self) -> dict[str, Any] | None:
        """flood/summary.json."""
        return self._json("flood/summary.json")

    @cached_property
    def fine_areas(self) -> dict[str, Any] | None:
        """flood/fine.json: areas under water over the fine terrain of a subgrid run
        (`twin.features_fine`).
        """
        return self._json("flood/fine.json")

    @cached_property
    def closures(self) -> list[dict[str, Any]]:
        """traffic/closures.json: the roads that people close, apart from those that water closes."""
        path = self.path / "traffic" / "closures.json"
        return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []

    @cached_property
    def traffic_summary(self) -> dict[str, Any] | None:
        """traffic/summary.json."""
        return self._json("traffic/summary.json")

    def _csv(self, name: str) -> pd.DataFrame:
        path = self.path / name
        return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=list(TABLES[name]))

    def _json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def _features(self, name: str) -> gpd.GeoDataFrame | None:
        path = self.path / name
        if not path.exists():
            return None
        import geopandas as gpd

        return gpd.read_file(path, engine="pyogrio")

    def __repr__(self) -> str:
        lines = [f"Result {self.name!r} ({self.status}) in {self.path}"]
        if self.has_fields:
            sizes = self.fields.sizes
            lines.append(f"├── fields: {sizes['y']} × {sizes['x']} cells, {sizes['time']} frames")
        lines += [f"├── {label}: {value}" for label, value in notebook.figures_of(self, 8)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """What a notebook shows: a small map of the greatest depth, facts and the first figures."""
        return notebook.card(self)


def _open_series(store: Path) -> xr.Dataset:
    dataset = xr.open_zarr(store, consolidated=False, decode_times=False, chunks=None)
    written: xr.Dataset = dataset.isel(time=slice(0, int(dataset.attrs["frames"])))
    return written


def remove(path: Path) -> None:
    """Delete a run folder; refuses a folder that is no run.

    Raises
    ------
    InputError
        The folder holds no provenance.json.
    """
    if not (path / "provenance.json").exists():
        raise InputError(told(path, "", "folder.no_run", missing="provenance.json"))
    shutil.rmtree(path)
