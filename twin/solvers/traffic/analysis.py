"""What an equilibrium is compared with, and what is read off it: system optimum, marginal tolls, skims."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from twin.errors import InputError, told
from twin.solvers.traffic.assignment import Assignment, assign
from twin.solvers.traffic.kernels import fill_costs
from twin.solvers.traffic.kernels_paths import sum_along_trees
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Trips
from twin.solvers.traffic.trees import grow

BATCH = 128  # origins of a skim at once: their trees take 12 bytes a node each


@dataclass(frozen=True, eq=False)
class SystemOptimum:
    """The flows with the least total cost. ``volume``, ``cost`` (what drivers feel) and ``toll`` (m,):
    charged, these tolls make the equilibrium of selfish drivers the same flows (Pigou); ``marginal`` is the
    assignment at marginal costs, its gap that of the optimum.
    """

    volume: Floats
    cost: Floats
    toll: Floats
    total_cost: float
    marginal: Assignment


def system_optimum(network: AssignmentNetwork, trips: Trips, *, gap: float = 1e-12) -> SystemOptimum:
    """Least total cost: an equilibrium at marginal costs t(v) + v t'(v), for BPR b (power + 1) instead of b.

    Raises
    ------
    InputError
        Links with conical costs, whose marginal cost is no conical function.
    """
    if (network.conical > 0).any():
        count = int((network.conical > 0).sum())
        raise InputError(told(network.where, "conical", "traffic.conical", count=count))
    marginal = assign(replace(network, b=network.b * (network.power + 1.0)), trips, gap=gap)
    star = network.star
    volume = np.ascontiguousarray(marginal.volume[star.order])
    cost, derivative = np.empty(network.links), np.empty(network.links)
    fill_costs(volume, *star.curves, cost, derivative)
    toll = star.scatter(np.where(volume > 0, volume * derivative, 0.0))
    costs = star.scatter(cost)
    return SystemOptimum(marginal.volume, costs, toll, float(marginal.volume @ costs), marginal)


def skim(network: AssignmentNetwork, cost: Floats, **values: Floats) -> dict[str, Floats]:
    """Tables (z, z) between zones: shortest ``cost``, and what the same routes add up of other values of the
    links (m,), such as lengths. inf where there is no route, 0 within a node.
    """
    star = network.star
    nodes, row = np.unique(network.zone_node, return_inverse=True)
    cost = np.ascontiguousarray(cost[star.order])
    ordered = {
        name: np.ascontiguousarray(np.asarray(of_links, np.float64)[star.order])
        for name, of_links in values.items()
    }
    # By columns in memory: sums over a table depend on it in the last digit.
    out = {name: np.empty((network.zones, network.zones), order="F") for name in ("cost", *values)}
    for first in range(0, nodes.size, BATCH):
        origins = nodes[first : first + BATCH].astype(np.int32)
        distance = np.empty((origins.size, network.nodes))
        entry = np.empty((origins.size, network.nodes), np.int32)
        grow(network, origins, cost, distance, entry)
        zones = np.flatnonzero((row >= first) & (row < first + BATCH))
        out["cost"][zones] = distance[:, network.zone_node][row[zones] - first]
        for name, of_links in ordered.items():
            sum_along_trees(origins, entry, star.tail, of_links, distance)
            out[name][zones] = distance[:, network.zone_node][row[zones] - first]
    return out
