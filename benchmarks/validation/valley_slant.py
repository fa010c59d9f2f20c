"""A straight river at 27° to the grid, as deep everywhere as Manning's formula says: how deep it is on cells
of 1 m and on cells of 10 m that carry them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmarks.validation.valley import ROUGHNESS, coarse_domain, over_fine
from twin.domain import Domain
from twin.scenarios.binding import NORMAL_DEPTH, InflowForcing
from twin.scenarios.forcing import TimeSeries
from twin.solvers.flood.forcing import Forcing, uniform_boundaries
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver
from twin.subgrid import level_at_depth

Floats = NDArray[np.float64]

SLOPE, DISCHARGE = 0.003, 35.0  # along the river; m³/s
COS, SIN = 2.0 / math.sqrt(5.0), 1.0 / math.sqrt(5.0)  # of the angle
LENGTH, WIDTH, START = 300, 220, 40.0  # m; where it enters in the west
STEADY = 900.0  # s


def section(off: Floats) -> Floats:
    """Bed over the middle (m) at a distance from it: 6 m wide, banks of 1.5 m in 6 m, 1:2 beyond."""
    away = np.abs(off)
    bank: Floats = 1.5 * np.clip((away - 3.0) / 6.0, 0.0, 1.0) + 0.5 * np.maximum(away - 9.0, 0.0)
    return bank


def places() -> tuple[Floats, Floats]:
    """Distance along the river and from its middle (m) of the cells of 1 m."""
    y, x = np.mgrid[0:WIDTH, 0:LENGTH] + 0.5
    return x * COS + (y - START) * SIN, (y - START) * COS - x * SIN


def normal_depth() -> float:
    """Depth (m) over the middle at which Manning's formula over strips of the section carries DISCHARGE."""
    off = np.linspace(-15.0, 15.0, 30001)
    depths = np.linspace(0.0, 2.5, 2501)
    carried = [
        math.sqrt(SLOPE) / ROUGHNESS * 30.0 * float((np.maximum(h - section(off), 0.0) ** (5 / 3)).mean())
        for h in depths
    ]
    return float(np.interp(DISCHARGE, carried, depths))


def found_depth(cell: int, scheme: str, theta: float = 0.9) -> float:
    """Depth (m) over the middle, in the middle of the reach; 10 m with the subgrid, 1 m without."""
    along, off = places()
    ground = 20.0 - SLOPE * along
    bed = ground + section(off)
    ny, nx = WIDTH // cell, LENGTH // cell
    coarse = cell > 1
    domain = (
        coarse_domain(bed, cell, tables=True)
        if coarse
        else Domain.from_arrays(bed, cell=1.0, roughness=ROUGHNESS)
    )
    x, wet = np.arange(LENGTH)[None, :], np.abs(off) < 7.0
    inlet = (wet & (x < 10)).reshape(ny, cell, nx, cell).any(axis=(1, 3))
    cells = np.nonzero(inlet.ravel())[0]
    force = Forcing(
        np.zeros((ny, nx)),
        inflows=(
            InflowForcing(
                TimeSeries.constant(DISCHARGE), 0.0, np.inf, cells, np.full(cells.size, 1.0 / cells.size)
            ),
        ),
        codes=uniform_boundaries(ny, nx, east=NORMAL_DEPTH),
        # What falls along the river falls by the square of the cosine less, as the edge sees it.
        slopes={"east": np.full(ny, SLOPE * COS * COS)},
    )
    flood = FloodSolver.assemble(
        domain, force, FloodParameters(scheme=scheme, subgrid=coarse, theta=theta, threads=1)
    )
    t = 0.0
    while t < STEADY:
        t, _, _ = flood.advance(t, STEADY)
    if coarse:
        level = np.where(flood.depth > 0.02, level_at_depth(domain, flood.depth), np.nan)
        depth = over_fine(level, bed, cell)
    else:
        depth = flood.depth
    reach = (np.abs(off) < 5.0) & (along > 100.0) & (along < 220.0)
    return float((bed + depth - ground)[reach].mean())
