"""Road traffic: static user equilibrium on a road network, with roads slowed or closed by water."""

from twin.solvers.traffic.assignment import Assignment, assign
from twin.solvers.traffic.problem import AssignmentNetwork, Trips

__all__ = ["Assignment", "AssignmentNetwork", "Trips", "assign"]
