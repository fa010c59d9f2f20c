"""Sections count the water that passes, in every step; gauges see what happens between two readings."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flood.basins import advance, hills, parameters
from twin.domain import Domain
from twin.scenarios.binding import OPEN
from twin.scenarios.structures import Culvert
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.structures import StructureForcing
from twin.solvers.flood.watching import Watched

CELL = 5.0


def _flood(
    bed: np.ndarray,
    depth: np.ndarray,
    sections: dict[str, object],
    gauges: dict[str, object] | None = None,
    crest_x: np.ndarray | None = None,
    sides: dict[str, int] | None = None,
    **forcing: object,
) -> FloodSolver:
    domain = Domain.from_arrays(bed, cell=CELL, roughness=0.03)
    if crest_x is not None:
        domain = domain.with_fields(crest_x=crest_x)
    force = Forcing(depth, codes=uniform_boundaries(*bed.shape, **(sides or {})), **forcing)  # type: ignore[arg-type]
    return FloodSolver.assemble(domain, force, parameters(), watched=Watched(sections, gauges or {}))


def _line(flood: FloodSolver, *cells: tuple[float, float]) -> shapely.LineString:
    """A line through corners of the grid, given as (row, column)."""
    grid = flood.grid if isinstance(flood, FloodSolver) else flood
    return shapely.LineString([(grid.x_west + CELL * j, grid.y_north - CELL * i) for i, j in cells])


def _grid(shape: tuple[int, int]) -> object:
    return Domain.from_arrays(np.zeros(shape), cell=CELL).require_grid("a test")


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), ny=st.integers(5, 70), nx=st.integers(8, 150), walled=st.booleans())
def test_the_discharge_of_a_section_is_the_change_of_volume_behind_it(
    seed: int, ny: int, nx: int, walled: bool
) -> None:
    """Across rough terrain, over a wall and through a culvert under it, with an open edge on one side."""
    rng = np.random.default_rng(seed)
    bed = hills(ny, nx, seed, relief=1.0)
    depth = np.maximum(rng.uniform(-0.5, 1.5) - bed, 0.0)
    depth[:, : nx // 2] *= 2.0
    middle = nx // 2
    # A staircase from the north edge to the south edge.
    bend = int(rng.integers(1, ny))
    shift = int(rng.integers(0, max(nx - middle - 1, 1)))
    corners = [(0.0, middle), (bend, middle), (bend, middle + shift), (ny, middle + shift)]
    line = _line(_grid((ny, nx)), *corners)  # type: ignore[arg-type]
    crest_x = None
    if walled:
        crest_x = np.full((ny, nx + 1), -np.inf)
        crest_x[:bend, middle] = bed.max() * 0.5
    west = np.zeros((ny, nx), dtype=bool)
    west[:bend, :middle] = True
    west[bend:, : middle + shift] = True
    culvert = Culvert(**{"from": (0.0, 0.0), "to": (1.0, 1.0)}, diameter=1.0, length=20.0)
    ends = [np.array([0]), np.array([nx - 1])]
    structure = StructureForcing(culvert, *ends, np.zeros(0, dtype=np.int64))
    flood = _flood(bed, depth, {"line": line}, crest_x=crest_x, sides={"east": OPEN}, structures=(structure,))
    area = CELL * CELL
    before = flood.depth[west].sum() * area
    rows = flood.readings(0.0)["sections.csv"]
    t, passed = 0.0, 0.0
    for k in range(1, 4):
        t = advance(flood, t, 4.0 * k)
        reading = flood.readings(t)["sections.csv"][0]
        passed += reading[2] * 4.0
        assert reading[3] <= reading[2] + 1e-12 <= reading[4] + 2e-12
    gained = flood.depth[west].sum() * area - before
    # Walked south, the left is east: what passes leaves the west.
    scale = max(before, flood.initial_volume)
    assert abs(reading[5] + gained) <= 1e-12 * scale
    assert passed == pytest.approx(reading[5], abs=1e-12 * scale)
    assert rows[0][5] == 0.0


def test_a_section_along_the_edge_counts_what_leaves() -> None:
    bed = np.tile(np.linspace(2.0, 0.0, 40), (30, 1))
    line = _line(_grid(bed.shape), (0, 40), (30, 40))  # type: ignore[arg-type]
    flood = _flood(bed, np.full(bed.shape, 0.5), {"edge": line}, sides={"east": OPEN})
    advance(flood, 0.0, 20.0)
    told = flood.readings(20.0)["sections.csv"][0]
    assert told[5] > 1.0
    assert told[5] == pytest.approx(flood.ledger()["outflow_m3"], rel=1e-13)


def test_the_first_reading_tells_the_flow_of_the_start() -> None:
    bed, speed = np.zeros((20, 30)), 0.7
    domain = Domain.from_arrays(bed, cell=CELL, roughness=0.0)
    line = _line(domain.require_grid("a test"), (0, 12), (20, 12))  # type: ignore[arg-type]
    force = Forcing(np.full(bed.shape, 2.0), velocity_x=np.full(bed.shape, speed))
    flood = FloodSolver.assemble(domain, force, parameters(), watched=Watched({"s": line}, {}))
    assert flood.readings(0.0)["sections.csv"][0][2] == pytest.approx(2.0 * speed * 20 * CELL)


def test_gauges_keep_the_extremes_between_readings_and_a_restart_loses_none() -> None:
    bed = np.zeros((10, 60))
    depth = np.full(bed.shape, 0.2)
    depth[:, :10] = 1.0
    grid = _grid(bed.shape)
    point = shapely.Point(grid.x[30], grid.y[5])  # type: ignore[attr-defined]
    line = _line(grid, (0, 30), (10, 30))  # type: ignore[arg-type]

    def make() -> FloodSolver:
        return _flood(bed, depth, {"line": line}, {"gauge": point})

    flood, other = make(), make()
    flood.readings(0.0)
    t, levels, speeds = 0.0, [], []
    while t < 200.0:
        t = flood.step(t, 200.0)
        flood.synchronise(t)
        levels.append(flood.depth[5, 30])
        speeds.append(np.hypot(flood.fields["velocity_x"][5, 30], flood.fields["velocity_y"][5, 30]))
        if len(levels) == 20:
            other.restore(flood.state())
            half = t
    row = flood.readings(200.0)["gauges.csv"][0]
    assert row[6:8] == (min(*levels, 0.2), max(levels))
    assert row[7] > row[2], "the crest passed between the readings"
    assert row[8] == pytest.approx(max(speeds), rel=1e-15)
    advance(other, half, 200.0)
    assert other.readings(200.0)["gauges.csv"][0] == row
    assert flood.readings(200.0)["gauges.csv"][0][6:9] == (row[2], row[2], pytest.approx(speeds[-1]))
