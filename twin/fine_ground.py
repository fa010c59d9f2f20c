"""The fine terrain that the cells of a subgrid run carried, read again from the files of its territory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import InputError, Problems, told
from twin.files import sha256
from twin.gridding import DomainParameters, fine_beds
from twin.layers.fine import FineBlock
from twin.layers.lattice import resample, whole_ratio
from twin.messages import key_figure
from twin.scenarios import Scenario

if TYPE_CHECKING:
    from twin.results import Result

LAYERS = ("terrain", "buildings")  # what the fine bed is made of
SAME_GROUND = 0.01  # m: that of the run is kept in single precision


def has_fine_ground(result: Result) -> bool:
    """Whether the cells of a run carried the fine terrain (`params.flood.subgrid`)."""
    return bool(result.scenario_table.get("params", {}).get("flood", {}).get("subgrid", False))


def fine_ground(result: Result) -> tuple[int, Iterator[FineBlock]]:
    """Fine cells along the side of a model cell, and the fine bed of the run block by block.

    Raises
    ------
    InputError
        The run has no subgrid, or the terrain or the buildings are no longer those that it was made with.
    """
    if not has_fine_ground(result):
        raise InputError(told(result.path, "params.flood.subgrid", "export.no_subgrid"))
    _refuse_other_files(result)
    scenario = Scenario.open(result.path / "scenario.toml")
    territory, grid = scenario.territory, result.grid
    parameters = scenario.parameters()["domain"]
    assert isinstance(parameters, DomainParameters)
    buildings = territory.layer("buildings").data if territory.has("buildings") else None
    mosaic = territory.mosaic()
    ratio = whole_ratio(mosaic, grid)
    ground = resample(mosaic, grid, parameters.resampling)
    apart = np.abs(np.nan_to_num(ground) - np.nan_to_num(result.fields["ground_elevation"].values)).max()
    # The files may be the same and read otherwise: another offset, other tiles.
    if ratio is None or apart > SAME_GROUND:
        raise InputError(
            told(territory.file, "layers.terrain", "export.ground_read", apart=key_figure(apart, digits=2))
        )
    return ratio, fine_beds(grid, buildings, mosaic, parameters)


def _refuse_other_files(result: Result) -> None:
    """The files of the fine bed must be those of the run."""
    problems = Problems()
    for record in result.provenance.get("inputs", []):
        if record["layer"] not in LAYERS:
            continue
        for name, was in record["sha256"].items():
            file = Path(name)
            if not file.exists():
                problems.tell(result.path, record["layer"], "export.ground_gone", file=name)
            elif sha256(file) != was:
                problems.tell(result.path, record["layer"], "export.ground_other", file=name)
    problems.raise_if_any()
