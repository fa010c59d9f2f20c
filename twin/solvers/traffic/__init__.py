"""Road traffic: static user equilibrium on a road network, with roads slowed or closed by water."""

from pathlib import Path

from twin.solvers.stale import forget_stale_kernels

forget_stale_kernels(Path(__file__).parent)

from twin.solvers.traffic.assignment import Assignment, assign, assign_classes  # noqa: E402
from twin.solvers.traffic.paths import select_links  # noqa: E402
from twin.solvers.traffic.problem import AssignmentNetwork, Trips, VehicleClass  # noqa: E402

__all__ = [
    "Assignment",
    "AssignmentNetwork",
    "Trips",
    "VehicleClass",
    "assign",
    "assign_classes",
    "select_links",
]
