"""Numba kernels of the assignment by paired alternative segments (Bar-Gera 2010; Xie and Xie 2016).

A pair of alternative segments (PAS) is two link-disjoint paths from one node to another, both usable by the
trips of one origin. ``flows`` (o, m) are the link flows by origin. Pair p belongs to origin ``owner[p]``; its
first segment is ``links[start[p]:middle[p]]``, its second ``links[middle[p]:stop[p]]``, both listed from
their common end backwards.
"""

import math

import numpy as np
from numba import njit

from twin.solvers.traffic.kernels import link_cost, link_cost_slope

BALANCED = 1  # the segments now cost the same
EMPTIED = 2  # nothing is left to move from the dearer segment
STILL = 0  # nothing moved

COSTS_OF_SHIFT = 6  # evaluations of one shift, at most


@njit(cache=True)
def shift(
    step, high, high_end, low, low_end, links, flow, volume, cost, derivative, base, slope, inverse, power
):
    """Move flow from the links at places [high, high_end) to those at [low, low_end); the new cost
    difference.
    """
    difference = 0.0
    for k in range(high, high_end):
        a = links[k]
        flow[a] -= step
        volume[a] -= step
        v = max(volume[a], 0.0)
        cost[a] = link_cost(v, base[a], slope[a], inverse[a], power[a])
        derivative[a] = link_cost_slope(v, slope[a], inverse[a], power[a])
        difference += cost[a]
    for k in range(low, low_end):
        a = links[k]
        flow[a] += step
        volume[a] += step
        v = max(volume[a], 0.0)
        cost[a] = link_cost(v, base[a], slope[a], inverse[a], power[a])
        derivative[a] = link_cost_slope(v, slope[a], inverse[a], power[a])
        difference -= cost[a]
    return difference


@njit(cache=True)
def equalise(first, middle, last, least, links, flow, volume, cost, derivative, base, slope, inverse, power):
    """Move the flow of one origin between the segments [first, middle) and [middle, last) until they cost the
    same.

    Newton's step, limited by the flow on the dearer segment; when it overshoots (the cost curves bend),
    regula falsi inside the bracket. Returns what happened, the cost difference and the movable
    flow found before.
    """
    cost_a = 0.0
    cost_b = 0.0
    bend = 0.0
    for k in range(first, middle):
        cost_a += cost[links[k]]
    for k in range(middle, last):
        cost_b += cost[links[k]]
    if abs(cost_a - cost_b) <= least * (cost_a + cost_b):
        return STILL, 0.0, 0.0
    if cost_a > cost_b:
        high, high_end, low, low_end = first, middle, middle, last
        difference = cost_a - cost_b
    else:
        high, high_end, low, low_end = middle, last, first, middle
        difference = cost_b - cost_a
    limit = math.inf
    for k in range(high, high_end):
        limit = min(limit, flow[links[k]])
    if limit <= 0.0:
        return STILL, 0.0, 0.0
    for k in range(first, last):
        bend += derivative[links[k]]
    step = limit
    if bend > 0.0 and difference < limit * bend:
        step = difference / bend
    left = shift(
        step, high, high_end, low, low_end, links, flow, volume, cost, derivative, base, slope, inverse, power
    )
    if left >= -0.1 * difference:
        return (EMPTIED if step == limit else BALANCED), difference, limit
    below, below_left, above, above_left = 0.0, difference, step, left
    for _ in range(COSTS_OF_SHIFT):
        trial = below + (above - below) * below_left / (below_left - above_left)
        if not below < trial < above:
            break
        left = shift(
            trial - step,
            high,
            high_end,
            low,
            low_end,
            links,
            flow,
            volume,
            cost,
            derivative,
            base,
            slope,
            inverse,
            power,
        )
        step = trial
        if abs(left) <= 0.1 * difference:
            break
        if left > 0.0:
            below, below_left = trial, left
            above_left *= 0.5
        else:
            above, above_left = trial, left
            below_left *= 0.5
    return BALANCED, difference, limit


@njit(cache=True)
def sweep(
    pairs,
    least,
    owner,
    start,
    middle,
    stop,
    links,
    flows,
    volume,
    cost,
    derivative,
    base,
    slope,
    inverse,
    power,
):
    """Equalise every pair once, in order; the excess cost found, summed."""
    excess = 0.0
    for p in range(pairs):
        _, difference, limit = equalise(
            start[p],
            middle[p],
            stop[p],
            least,
            links,
            flows[owner[p]],
            volume,
            cost,
            derivative,
            base,
            slope,
            inverse,
            power,
        )
        excess += difference * limit
    return excess


@njit(cache=True)
def drop_idle(pairs, owner, start, middle, stop, links, flows, cost, newest, previous):
    """Remove in place the pairs that have nothing to move from their dearer segment; pairs left and links
    used.
    """
    kept = 0
    used = 0
    newest[:] = -1
    for p in range(pairs):
        cost_a = 0.0
        cost_b = 0.0
        flow = flows[owner[p]]
        least_a = math.inf
        least_b = math.inf
        for k in range(start[p], middle[p]):
            cost_a += cost[links[k]]
            least_a = min(least_a, flow[links[k]])
        for k in range(middle[p], stop[p]):
            cost_b += cost[links[k]]
            least_b = min(least_b, flow[links[k]])
        dearer = least_a if cost_a > cost_b else least_b
        if dearer <= 0.0:
            continue
        begin, mid, end = start[p], middle[p], stop[p]
        start[kept] = used
        for k in range(begin, end):
            links[used] = links[k]
            used += 1
        middle[kept] = start[kept] + mid - begin
        stop[kept] = used
        owner[kept] = owner[p]
        previous[kept] = newest[owner[p]]
        newest[owner[p]] = kept
        kept += 1
    return kept, used


@njit(cache=True)
def find_alternative(
    a,
    origin,
    entry,
    flow,
    tail,
    head,
    in_ptr,
    in_link,
    mark,
    stamp,
    links,
    used,
    volume,
    cost,
    derivative,
    base,
    slope,
    inverse,
    power,
):
    """The two segments that end at the head of link `a`: along the tree, and back along the largest flows.

    Written into ``links[used:]`` (tree segment first); returns middle and stop, or (-1, -1) where the flow of
    the origin cannot be followed back. Cycles of flow that are met are taken out, then the search begins
    again (stop = -2: the flow of `a` itself may have changed).
    """
    node = head[a]
    mark[node] = stamp
    while node != origin:
        node = tail[entry[node]]
        mark[node] = stamp
    place = used
    links[place] = a
    place += 1
    node = tail[a]
    seen = stamp + 1
    while mark[node] != stamp:
        if mark[node] == seen:  # a cycle: links back to `node` from the end of the list
            least = math.inf
            k = place - 1
            while True:
                least = min(least, flow[links[k]])
                if head[links[k]] == node:
                    break
                k -= 1
            for c in range(k, place):
                b = links[c]
                flow[b] -= least
                volume[b] -= least
                v = max(volume[b], 0.0)
                cost[b] = link_cost(v, base[b], slope[b], inverse[b], power[b])
                derivative[b] = link_cost_slope(v, slope[b], inverse[b], power[b])
            return -1, -2
        mark[node] = seen
        best = -1
        most = 0.0
        for k in range(in_ptr[node], in_ptr[node + 1]):
            if flow[in_link[k]] > most:
                most = flow[in_link[k]]
                best = in_link[k]
        if best < 0:
            return -1, -1
        links[place] = best
        place += 1
        node = tail[best]
    middle = place
    end = node
    node = head[a]
    while node != end:
        b = entry[node]
        links[place] = b
        place += 1
        node = tail[b]
    return middle, place


@njit(cache=True)
def search(
    first_origin,
    origins,
    batch,
    origin_node,
    distance,
    entry,
    tree_cost,
    least,
    pairs,
    used,
    owner,
    start,
    middle,
    stop,
    links,
    newest,
    previous,
    flows,
    volume,
    cost,
    derivative,
    tail,
    head,
    in_ptr,
    in_link,
    mark,
    stamp,
    base,
    slope,
    inverse,
    power,
):
    """For origins ``first_origin … origins - 1``: equalise every used link that is dearer than the tree.

    `distance`, `entry` (batch, n) are trees at ``tree_cost``, row 0 that of origin ``batch``. Stops before an
    origin for which the lists might be too short. Returns that origin, pairs, links used, stamp and the
    excess cost found.
    """
    m = tail.size
    n = mark.size
    excess = 0.0
    for o in range(first_origin, origins):
        flow = flows[o]
        row = o - batch
        for a in range(m):
            if flow[a] <= 0.0 or entry[row, head[a]] == a:
                continue
            reach = distance[row, tail[a]] + tree_cost[a]
            reduced = reach - distance[row, head[a]]
            if reduced <= least * reach:
                continue
            excess += flow[a] * reduced
            if pairs + 4 >= owner.size or used + 8 * n >= links.size:
                return o, pairs, used, stamp, excess
            rival = entry[row, head[a]]
            settled = False
            p = newest[o]
            while p >= 0:
                x = links[start[p]]
                y = links[middle[p]]
                if (x == a and y == rival) or (y == a and x == rival):
                    status, difference, _ = equalise(
                        start[p],
                        middle[p],
                        stop[p],
                        least,
                        links,
                        flow,
                        volume,
                        cost,
                        derivative,
                        base,
                        slope,
                        inverse,
                        power,
                    )
                    if status == BALANCED and difference >= 0.5 * reduced:
                        settled = True
                        break
                p = previous[p]
            tries = 0
            while not settled and tries < 3 and flow[a] > 0.0:
                tries += 1
                stamp += 2
                mid, end = find_alternative(
                    a,
                    origin_node[o],
                    entry[row],
                    flow,
                    tail,
                    head,
                    in_ptr,
                    in_link,
                    mark,
                    stamp,
                    links,
                    used,
                    volume,
                    cost,
                    derivative,
                    base,
                    slope,
                    inverse,
                    power,
                )
                if end == -1:
                    break
                if end == -2:
                    continue
                status, _, _ = equalise(
                    used, mid, end, least, links, flow, volume, cost, derivative, base, slope, inverse, power
                )
                settled = status != EMPTIED
                if status == BALANCED:
                    owner[pairs] = o
                    start[pairs] = used
                    middle[pairs] = mid
                    stop[pairs] = end
                    previous[pairs] = newest[o]
                    newest[o] = pairs
                    pairs += 1
                    used = end
    return origins, pairs, used, stamp, excess


@njit(cache=True)
def load_tree(origin, pair_first, pair_last, pair_node, pair_trips, distance, entry, tail, flow):
    """Put the trips of one origin on its tree, from the leaves inwards: ``flow`` (m,) is overwritten."""
    n = entry.size
    arriving = np.zeros(n)
    children = np.zeros(n, np.int32)
    waiting = np.empty(n, np.int32)
    flow[:] = 0.0
    for p in range(pair_first, pair_last):
        if distance[pair_node[p]] < math.inf:
            arriving[pair_node[p]] += pair_trips[p]
    for node in range(n):
        if entry[node] >= 0:
            children[tail[entry[node]]] += 1
    count = 0
    for node in range(n):
        if entry[node] >= 0 and children[node] == 0:
            waiting[count] = node
            count += 1
    while count > 0:
        count -= 1
        node = waiting[count]
        a = entry[node]
        flow[a] = arriving[node]
        parent = tail[a]
        arriving[parent] += arriving[node]
        children[parent] -= 1
        if children[parent] == 0 and parent != origin:
            waiting[count] = parent
            count += 1


@njit(cache=True)
def add_origins(flows, volume):
    """Volumes (m,) as the sum of the flows of all origins (o, m), in their order."""
    for a in range(volume.size):
        volume[a] = 0.0
    for o in range(flows.shape[0]):
        for a in range(volume.size):
            volume[a] += flows[o, a]
