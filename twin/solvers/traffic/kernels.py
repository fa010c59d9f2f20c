"""Numba kernels of static assignment: link costs, shortest-path trees, loading.

Links are in forward-star order: the links that leave node ``i`` are ``out_ptr[i]:out_ptr[i + 1]``, their
tails and heads are ``tail`` and ``head`` (m,). The cost of a link with volume v is

    t(v) = base + slope (v / capacity)^power          (BPR: base = t0 + fixed, slope = t0 b)

with 0^0 = 1; a negative power -a stands for the conical function of Spiess (1990, Transportation Science 24),

    t(v) = base + slope (f(v / capacity) - 1),  f(x) = 2 + sqrt(a² (1 - x)² + c²) - a (1 - x) - c,
    c = (2a - 1) / (2a - 2),  f(0) = 1, f(1) = 2.

Parallel kernels work on a number of blocks of origins that does not depend on the number of
threads; each block sums in the order of its origins and blocks are added in their order, so that the result
is the same to the bit whatever the thread count.
"""

import math

import numpy as np
from numba import njit, prange

from twin.solvers.traffic.kernels_trees import grow_tree


@njit(cache=True)
def power_of(ratio: float, power: float) -> float:
    """ratio^power for ratio >= 0, with 0^0 = 1 and no ``pow`` for the usual powers; conical below 0."""
    if power == 4.0:
        square = ratio * ratio
        return square * square
    if power == 1.0:
        return ratio
    if power == 0.0:
        return 1.0
    if power == 2.0:
        return ratio * ratio
    if power < 0.0:
        c = (-2.0 * power - 1.0) / (-2.0 * power - 2.0)
        u = -power * (1.0 - ratio)
        return 1.0 + math.sqrt(u * u + c * c) - u - c
    if ratio <= 0.0:
        return 0.0
    return float(ratio**power)


@njit(cache=True)
def conical_integral(ratio: float, power: float) -> float:
    """Integral of f - 1 from 0 to `ratio` for the conical function (see the module), a = -power > 1."""
    a = -power
    c = (2.0 * a - 1.0) / (2.0 * a - 2.0)
    u0 = a
    u1 = a * (1.0 - ratio)
    root0 = u0 * math.sqrt(u0 * u0 + c * c) + c * c * math.asinh(u0 / c)
    root1 = u1 * math.sqrt(u1 * u1 + c * c) + c * c * math.asinh(u1 / c)
    return (1.0 - c) * ratio + (root0 - root1) / (2.0 * a) - (u0 * u0 - u1 * u1) / (2.0 * a)


@njit(cache=True)
def link_cost(volume: float, base: float, slope: float, inverse_capacity: float, power: float) -> float:
    """Cost of one link at a volume (see the module's formula)."""
    if slope == 0.0:
        return base
    return base + slope * power_of(volume * inverse_capacity, power)


@njit(cache=True)
def link_cost_slope(volume: float, slope: float, inverse_capacity: float, power: float) -> float:
    """dt/dv of one link; below power 1 the ratio is kept above 1e-9, for the derivative at 0 is infinite
    there.
    """
    if slope == 0.0 or power == 0.0:
        return 0.0
    ratio = volume * inverse_capacity
    if power == 4.0:
        return slope * 4.0 * ratio * ratio * ratio * inverse_capacity
    if power == 1.0:
        return slope * inverse_capacity
    if power < 0.0:
        c = (-2.0 * power - 1.0) / (-2.0 * power - 2.0)
        u = -power * (1.0 - ratio)
        return slope * -power * (1.0 - u / math.sqrt(u * u + c * c)) * inverse_capacity
    if power < 1.0:
        return float(slope * power * max(ratio, 1e-9) ** (power - 1.0) * inverse_capacity)
    return slope * power * power_of(ratio, power - 1.0) * inverse_capacity


@njit(cache=True)
def fill_costs(volume, base, slope, inverse_capacity, power, cost, derivative):
    """Cost and derivative of every link, shapes (m,)."""
    for a in range(volume.size):
        cost[a] = link_cost(volume[a], base[a], slope[a], inverse_capacity[a], power[a])
        derivative[a] = link_cost_slope(volume[a], slope[a], inverse_capacity[a], power[a])


@njit(cache=True)
def beckmann(volume, base, slope, inverse_capacity, power):
    """Beckmann objective, sum over links of the integral of t from 0 to v, with compensated (Neumaier)
    summation.
    """
    total = 0.0
    lost = 0.0
    for a in range(volume.size):
        term = base[a] * volume[a]
        if slope[a] != 0.0:
            ratio = volume[a] * inverse_capacity[a]
            if power[a] < 0.0:
                term += slope[a] * conical_integral(ratio, power[a]) / inverse_capacity[a]
            else:
                term += slope[a] * volume[a] * power_of(ratio, power[a]) / (power[a] + 1.0)
        new = total + term
        if abs(total) >= abs(term):
            lost += (total - new) + term
        else:
            lost += (term - new) + total
        total = new
    return total + lost


@njit(cache=True)
def directional_slope(volume, direction, step, base, slope, inverse_capacity, power):
    """First and second derivative of the Beckmann objective along ``volume + step * direction``."""
    first = 0.0
    second = 0.0
    for a in range(volume.size):
        d = direction[a]
        if d != 0.0:
            v = max(volume[a] + step * d, 0.0)
            first += d * link_cost(v, base[a], slope[a], inverse_capacity[a], power[a])
            second += d * d * link_cost_slope(v, slope[a], inverse_capacity[a], power[a])
    return first, second


@njit(cache=True, parallel=True)
def load_shortest(
    origin_node, pair_ptr, pair_node, pair_trips, out_ptr, tail, head, cost, through, block_volume, pair_cost
):
    """All-or-nothing loading of every origin on its shortest-path tree, by back-propagation along the tree.

    ``pair_ptr`` (o + 1,), ``pair_node`` and ``pair_trips`` (p,) list the destinations of each origin. Writes
    ``block_volume`` (blocks, m), to be added over blocks, and ``pair_cost`` (p,), inf where a pair has no
    route.
    """
    blocks = block_volume.shape[0]
    origins = origin_node.size
    n = out_ptr.size - 1
    for block in prange(blocks):
        distance = np.empty(n)
        entry = np.empty(n, np.int32)
        settled = np.empty(n, np.int32)
        heap_node = np.empty(n, np.int32)
        heap_key = np.empty(n)
        place = np.empty(n, np.int32)
        arriving = np.zeros(n)
        volume = block_volume[block]
        volume[:] = 0.0
        for o in range(block * origins // blocks, (block + 1) * origins // blocks):
            origin = origin_node[o]
            count = grow_tree(
                origin, out_ptr, head, cost, through, distance, entry, settled, heap_node, heap_key, place
            )
            for p in range(pair_ptr[o], pair_ptr[o + 1]):
                node = pair_node[p]
                pair_cost[p] = distance[node]
                if distance[node] < math.inf:
                    arriving[node] += pair_trips[p]
            for k in range(count - 1, 0, -1):
                node = settled[k]
                flow = arriving[node]
                if flow > 0.0:
                    a = entry[node]
                    volume[a] += flow
                    arriving[tail[a]] += flow
                    arriving[node] = 0.0
            arriving[origin] = 0.0


@njit(cache=True)
def add_blocks(block_volume, volume):
    """Sum of ``block_volume`` (blocks, m) over blocks, in their order, into ``volume`` (m,)."""
    for a in range(volume.size):
        volume[a] = 0.0
    for block in range(block_volume.shape[0]):
        for a in range(volume.size):
            volume[a] += block_volume[block, a]


@njit(cache=True)
def conjugate_products(volume, loaded, first, second, step, derivative):
    """The five sums over links that the conjugate directions need (Mitradjieva and Lindberg 2013), H =
    diag(dt/dv).

    With u = step·first + (1 - step)·second - volume and w = first - volume:
    u·H·(loaded - volume), u·H·(second - first), w·H·(loaded - volume), w·H·w, w·H·(loaded - first).
    """
    u_y = 0.0
    u_s = 0.0
    w_y = 0.0
    w_w = 0.0
    w_f = 0.0
    for a in range(volume.size):
        h = derivative[a]
        u = step * first[a] + (1.0 - step) * second[a] - volume[a]
        w = first[a] - volume[a]
        y = loaded[a] - volume[a]
        u_y += u * h * y
        u_s += u * h * (second[a] - first[a])
        w_y += w * h * y
        w_w += w * h * w
        w_f += w * h * (loaded[a] - first[a])
    return u_y, u_s, w_y, w_w, w_f


@njit(cache=True, parallel=True)
def judge_rows(
    first,
    row_ptr,
    pool_link,
    pool_flow,
    origin_node,
    pair_ptr,
    pair_node,
    pair_trips,
    tail,
    head,
    cost,
    distance,
    excess,
    imbalance,
    total,
):
    """Of rows ``first …``, given their distances (rows, n) at `cost`: the sum of flow × reduced cost,
    compensated; the largest violation of flow conservation at a node; and the sum of flow × cost. Trips to
    nodes at distance inf do not count; flow that is no number, or where no path leads, makes the excess inf.
    """
    n = distance.shape[1]
    for row in prange(distance.shape[0]):
        o = first + row
        summed = 0.0
        lost = 0.0
        paid = 0.0
        unreached = False
        balance = np.zeros(n)
        for s in range(row_ptr[o], row_ptr[o + 1]):
            x = pool_flow[s]
            a = pool_link[s]
            if not x < math.inf:
                unreached = True
            elif x != 0.0:
                balance[head[a]] += x
                balance[tail[a]] -= x
                paid += x * cost[a]
                reach = distance[row, tail[a]] + cost[a]
                if not reach < math.inf:  # flow where no path leads, or a cost that is no number
                    unreached = True
                    continue
                term = x * max(reach - distance[row, head[a]], 0.0)
                new = summed + term
                if summed >= term:
                    lost += (summed - new) + term
                else:
                    lost += (term - new) + summed
                summed = new
        for p in range(pair_ptr[o], pair_ptr[o + 1]):
            if distance[row, pair_node[p]] < math.inf:
                balance[origin_node[o]] += pair_trips[p]
                balance[pair_node[p]] -= pair_trips[p]
        excess[o] = math.inf if unreached else summed + lost
        imbalance[o] = np.abs(balance).max()
        total[o] = paid
