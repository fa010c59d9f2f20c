"""Domains and solvers that the flood tests share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.domain import Domain
from twin.solvers.flood.forcing import Forcing
from twin.solvers.flood.parameters import FloodParameters
from twin.solvers.flood.solver import FloodSolver

Floats = NDArray[np.float64]

SCHEME = "first_order"  # of the test that runs; see conftest


def parameters(**values: object) -> FloodParameters:
    """Parameters of the flood solver in the scheme under test, on one thread."""
    return FloodParameters(**{"threads": 1, "scheme": SCHEME, **values})


def hills(ny: int, nx: int, seed: int, relief: float = 5.0) -> Floats:
    """Rough terrain (m): smooth waves and noise, with steps between cells."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:ny, 0:nx]
    waves = sum(
        np.sin(2 * np.pi * (rng.uniform(0.5, 3) * x / nx + rng.uniform(0.5, 3) * y / ny) + rng.uniform(0, 6))
        for _ in range(4)
    )
    return relief * (waves / 4 + 0.3 * rng.standard_normal((ny, nx)))


def solver(
    bed: Floats,
    depth: Floats,
    *,
    cell: float = 10.0,
    roughness: float | Floats = 0.0,
    crest_x: Floats | None = None,
    crest_y: Floats | None = None,
    velocity_x: Floats | None = None,
    velocity_y: Floats | None = None,
    forcing: dict[str, object] | None = None,
    **values: object,
) -> FloodSolver:
    """A solver on plain arrays, shape (ny, nx)."""
    domain = Domain.from_arrays(np.asarray(bed, dtype=float), cell=cell, roughness=roughness)
    if crest_x is not None:
        domain = domain.with_fields(crest_x=crest_x)
    if crest_y is not None:
        domain = domain.with_fields(crest_y=crest_y)
    force = Forcing(depth, velocity_x, velocity_y, **(forcing or {}))
    return FloodSolver.assemble(domain, force, parameters(**values))


def advance(flood: FloodSolver, t: float, t_end: float, steps: int | None = None) -> float:
    """Step to t_end, or for a number of steps; the time reached."""
    while t < t_end and steps != 0:
        t = flood.step(t, t_end)
        steps = None if steps is None else steps - 1
    flood.synchronise(t)
    return t
