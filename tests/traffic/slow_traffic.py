"""Slow references in plain Python and NumPy, written apart from the kernels."""

from __future__ import annotations

import heapq
import math

import numpy as np

from twin.solvers.traffic import AssignmentNetwork, Trips


def link_costs(network: AssignmentNetwork, volume: np.ndarray) -> np.ndarray:
    """fixed + t0 (1 + b (v/c)^p), straight from the definition."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(network.b > 0, volume / network.capacity, 0.0)
    congestion = np.where(network.b > 0, network.b * np.power(ratio, network.power), 0.0)
    return network.fixed + network.free_time * (1.0 + congestion)


def dijkstra(network: AssignmentNetwork, cost: np.ndarray, origin: int) -> tuple[np.ndarray, list[int]]:
    """Distances, and the link by which each node is entered (-1)."""
    out: list[list[int]] = [[] for _ in range(network.nodes)]
    for a, tail in enumerate(network.link_from):
        out[tail].append(a)
    distance = np.full(network.nodes, math.inf)
    entry = [-1] * network.nodes
    distance[origin] = 0.0
    queue = [(0.0, origin)]
    done = set()
    while queue:
        d, node = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        if node != origin and not network.through[node]:
            continue
        for a in out[node]:
            head = int(network.link_to[a])
            if d + cost[a] < distance[head]:
                distance[head] = d + cost[a]
                entry[head] = a
                heapq.heappush(queue, (distance[head], head))
    return distance, entry


def all_or_nothing(
    network: AssignmentNetwork, trips: Trips, cost: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Link volumes with every trip on a shortest path, and the cost of each pair (p,)."""
    volume = np.zeros(network.links)
    pair_cost = np.zeros(trips.trips.size)
    for zone in np.unique(trips.origin):
        origin = int(network.zone_node[zone])
        distance, entry = dijkstra(network, cost, origin)
        for p in np.flatnonzero(trips.origin == zone):
            node = int(network.zone_node[trips.destination[p]])
            pair_cost[p] = distance[node]
            if math.isinf(distance[node]):
                continue
            while node != origin:
                a = entry[node]
                volume[a] += trips.trips[p]
                node = int(network.link_from[a])
    return volume, pair_cost


def relative_gap(network: AssignmentNetwork, trips: Trips, volume: np.ndarray) -> float:
    """(total cost - all trips at shortest cost) / total cost."""
    cost = link_costs(network, volume)
    _, pair_cost = all_or_nothing(network, trips, cost)
    served = np.isfinite(pair_cost)
    total = math.fsum(volume * cost)
    return (total - math.fsum(trips.trips[served] * pair_cost[served])) / total


def beckmann(network: AssignmentNetwork, volume: np.ndarray) -> float:
    """Sum over links of the integral of the cost from 0 to the volume, exactly summed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(network.b > 0, volume / network.capacity, 0.0)
    congestion = network.b * np.power(ratio, network.power) / (network.power + 1.0)
    terms = (network.fixed + network.free_time * (1.0 + np.where(network.b > 0, congestion, 0.0))) * volume
    return math.fsum(terms)


def frank_wolfe(network: AssignmentNetwork, trips: Trips, iterations: int) -> np.ndarray:
    """Textbook Frank-Wolfe with a line search by SciPy."""
    from scipy.optimize import brentq

    volume, _ = all_or_nothing(network, trips, link_costs(network, np.zeros(network.links)))
    for _ in range(iterations):
        target, _ = all_or_nothing(network, trips, link_costs(network, volume))
        direction = target - volume

        def slope(step: float, volume: np.ndarray = volume, direction: np.ndarray = direction) -> float:
            return float(link_costs(network, volume + step * direction) @ direction)

        if slope(0.0) >= 0.0:
            break
        step = 1.0 if slope(1.0) <= 0.0 else brentq(slope, 0.0, 1.0, xtol=1e-14)
        volume = volume + step * direction
    return volume


def random_network(
    seed: int, nodes: int = 30, zones: int = 8, *, traps: bool = True
) -> tuple[AssignmentNetwork, Trips]:
    """A strongly connected random network; with traps: parallel links, self loops, costs and powers of 0."""
    rng = np.random.default_rng(seed)
    ring = np.arange(nodes)
    tails = np.concatenate([ring, rng.integers(0, nodes, 4 * nodes)])
    heads = np.concatenate([(ring + 1) % nodes, rng.integers(0, nodes, 4 * nodes)])
    m = tails.size
    time = rng.uniform(1.0, 10.0, m)
    power = np.full(m, 4.0)
    b = np.full(m, 0.15)
    if not traps:
        keep = tails != heads
        tails, heads, time, power, b = tails[keep], heads[keep], time[keep], power[keep], b[keep]
        m = tails.size
    else:
        power = rng.choice([0.0, 0.5, 1.0, 2.0, 3.3, 4.0, 7.0], m)
        time[rng.random(m) < 0.05] = 0.0
        b[rng.random(m) < 0.1] = 0.0
        tails, heads = np.append(tails, tails[:10]), np.append(heads, heads[:10])  # parallel links
        time, power, b = np.append(time, time[:10]), np.append(power, power[:10]), np.append(b, b[:10])
    network = AssignmentNetwork.create(
        nodes,
        tails,
        heads,
        zone_node=np.arange(zones),
        free_time=time,
        capacity=rng.uniform(50.0, 400.0, tails.size),
        b=b,
        power=power,
        fixed=rng.choice([0.0, 0.5], tails.size) if traps else 0.0,
    )
    table = rng.uniform(10.0, 100.0, (zones, zones)) * (rng.random((zones, zones)) < 0.8)
    return network, Trips.from_matrix(table)
