"""User equilibrium by bi-conjugate Frank-Wolfe (Mitradjieva and Lindberg 2013, Transportation Science 47(2)).

The slow reference: it keeps link volumes only, so that it shares nothing with the solver by alternative
segments but the shortest paths and the cost functions.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from twin.solvers.traffic.kernels import (
    add_blocks,
    conjugate_products,
    directional_slope,
    fill_costs,
    load_shortest,
)
from twin.solvers.traffic.problem import not_finite

if TYPE_CHECKING:
    from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Loading

BLOCKS = 16  # of origins; fixed, so that sums do not depend on the number of threads
STEP_LIMIT = 1.0 - 1e-2  # above it the conjugate directions start afresh


def solve(
    network: AssignmentNetwork, loading: Loading, gap: float, max_iterations: int
) -> tuple[Floats, int, list[tuple[float, float]]]:
    """Link volumes (m,) in star order, iterations, and (seconds, gap) after each iteration."""
    begun = time.perf_counter()
    star = network.star
    m = network.links
    cost, derivative = np.empty(m), np.empty(m)
    loaded, block_volume = np.empty(m), np.empty((BLOCKS, m))
    pair_cost = np.empty(loading.pair_node.size)
    history: list[tuple[float, float]] = []

    def load(at: Floats) -> tuple[float, float]:
        """Costs at a volume, then all-or-nothing into `loaded`: total cost there, and on shortest paths."""
        fill_costs(at, *star.curves, cost, derivative)
        load_shortest(
            loading.origin_node,
            loading.pair_ptr,
            loading.pair_node,
            loading.pair_trips,
            star.out_ptr,
            star.tail,
            star.head,
            cost,
            network.through,
            block_volume,
            pair_cost,
        )
        add_blocks(block_volume, loaded)
        served = np.isfinite(pair_cost)
        return float(at @ cost), float(loading.pair_trips[served] @ pair_cost[served])

    volume = np.zeros(m)
    load(volume)
    volume[:] = loaded
    first, second = loaded.copy(), loaded.copy()  # targets of the last step and of the one before
    step, age, iterations = 0.0, 0, 0
    while True:
        total, shortest = load(volume)
        if not math.isfinite(total):
            raise not_finite(network, volume, cost)
        reached = max(total - shortest, 0.0) / total if total > 0 else 0.0
        history.append((time.perf_counter() - begun, reached))
        if reached <= gap or iterations >= max_iterations:
            return volume, iterations, history
        target = loaded.copy()
        if age > 0:
            u_y, u_s, w_y, w_w, w_f = conjugate_products(volume, loaded, first, second, step, derivative)
            if age == 1:
                share = w_y / w_f if w_f != 0.0 else 0.0
                share = min(max(share, 0.0), STEP_LIMIT)
                target = share * first + (1.0 - share) * loaded
            elif u_s != 0.0 and w_w != 0.0:
                mu = max(-u_y / u_s, 0.0)
                nu = max(-w_y / w_w + mu * step / (1.0 - step), 0.0)
                weight = 1.0 / (1.0 + mu + nu)
                target = weight * (loaded + nu * first + mu * second)
        direction = target - volume
        if age > 0 and float(cost @ direction) >= 0.0:  # not a descent direction: plain Frank-Wolfe
            target, age = loaded.copy(), 0
            direction = target - volume
        step = _line_search(volume, direction, network)
        volume = np.maximum(volume + step * direction, 0.0)
        second, first = first, target
        age = age + 1 if step < STEP_LIMIT else 0
        iterations += 1


def _line_search(volume: Floats, direction: Floats, network: AssignmentNetwork) -> float:
    """Step in [0, 1] that minimises the Beckmann objective along a direction: Newton kept in a bracket."""
    curves = network.star.curves
    low, high = 0.0, 1.0
    slope, _ = directional_slope(volume, direction, 1.0, *curves)
    if slope <= 0.0:
        return 1.0
    step = 0.0
    for _ in range(60):
        slope, bend = directional_slope(volume, direction, step, *curves)
        if slope > 0.0:
            high = step
        else:
            low = step
        step_next = step - slope / bend if bend > 0.0 else -1.0
        if not low < step_next < high:
            step_next = 0.5 * (low + high)
        if abs(step_next - step) <= 1e-15 or high - low <= 1e-15:
            return step_next
        step = step_next
    return step
