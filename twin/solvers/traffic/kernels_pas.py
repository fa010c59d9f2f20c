"""Numba kernels of the assignment by paired alternative segments (Bar-Gera 2010; Xie and Xie 2016).

A row is the traffic of one class from one origin. Its flows are kept only on the links that it uses: slots of
a pool, ``pool_link`` and ``pool_flow``; those of row o are ``row_ptr[o]:row_ptr[o + 1]`` and, between two
compactions, ``extra[o]:extra_end[o]``. ``where`` (m,) is the slot of each link while a row is at work, else
-1.

A pair of alternative segments (PAS) is two link-disjoint paths from one node to another, both usable by the
trips of one row. Pair p belongs to row ``owner[p]``; its first segment is ``links[start[p]:middle[p]]``, its
second ``links[middle[p]:stop[p]]``, both listed from their common end backwards; ``slots`` are their places
in the pool. ``offset[p]`` is what the class pays more on the first than on the second (fixed terms).
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
    step,
    high,
    high_end,
    low,
    low_end,
    offset,
    links,
    slots,
    pool_flow,
    volume,
    cost,
    derivative,
    base,
    slope,
    inverse,
    power,
):
    """Move flow from the links at places [high, high_end) to those at [low, low_end); the new cost
    difference, `offset` in it.
    """
    difference = offset
    for k in range(high, high_end):
        a = links[k]
        pool_flow[slots[k]] -= step
        volume[a] -= step
        v = max(volume[a], 0.0)
        cost[a] = link_cost(v, base[a], slope[a], inverse[a], power[a])
        derivative[a] = link_cost_slope(v, slope[a], inverse[a], power[a])
        difference += cost[a]
    for k in range(low, low_end):
        a = links[k]
        pool_flow[slots[k]] += step
        volume[a] += step
        v = max(volume[a], 0.0)
        cost[a] = link_cost(v, base[a], slope[a], inverse[a], power[a])
        derivative[a] = link_cost_slope(v, slope[a], inverse[a], power[a])
        difference -= cost[a]
    return difference


@njit(cache=True)
def equalise(
    first,
    middle,
    last,
    least,
    offset,
    links,
    slots,
    pool_flow,
    volume,
    cost,
    derivative,
    base,
    slope,
    inverse,
    power,
):
    """Move the flow of one row between the segments [first, middle) and [middle, last) until they cost the
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
    gain = cost_a + offset - cost_b
    if abs(gain) <= least * (cost_a + cost_b + abs(offset)):
        return STILL, 0.0, 0.0
    if gain > 0.0:
        high, high_end, low, low_end = first, middle, middle, last
        difference, more = gain, offset
    else:
        high, high_end, low, low_end = middle, last, first, middle
        difference, more = -gain, -offset
    limit = math.inf
    for k in range(high, high_end):
        limit = min(limit, pool_flow[slots[k]])
    if limit <= 0.0:
        return STILL, 0.0, 0.0
    for k in range(first, last):
        bend += derivative[links[k]]
    step = limit
    if bend > 0.0 and difference < limit * bend:
        step = difference / bend
    left = shift(
        step, high, high_end, low, low_end, more,
        links, slots, pool_flow, volume, cost, derivative, base, slope, inverse, power,
    )  # fmt: skip
    if left >= -0.1 * difference:
        return (EMPTIED if step == limit else BALANCED), difference, limit
    below, below_left, above, above_left = 0.0, difference, step, left
    for _ in range(COSTS_OF_SHIFT):
        trial = below + (above - below) * below_left / (below_left - above_left)
        if not below < trial < above:
            break
        left = shift(
            trial - step, high, high_end, low, low_end, more,
            links, slots, pool_flow, volume, cost, derivative, base, slope, inverse, power,
        )  # fmt: skip
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
    start,
    middle,
    stop,
    offset,
    links,
    slots,
    pool_flow,
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
            start[p], middle[p], stop[p], least, offset[p],
            links, slots, pool_flow, volume, cost, derivative, base, slope, inverse, power,
        )  # fmt: skip
        excess += difference * limit
    return excess


@njit(cache=True)
def drop_idle(pairs, owner, start, middle, stop, offset, links, slots, pool_flow, cost, newest, previous):
    """Remove in place the pairs that have nothing to move from their dearer segment; pairs left and links
    used.
    """
    kept = 0
    used = 0
    newest[:] = -1
    for p in range(pairs):
        cost_a = offset[p]
        cost_b = 0.0
        least_a = math.inf
        least_b = math.inf
        for k in range(start[p], middle[p]):
            cost_a += cost[links[k]]
            least_a = min(least_a, pool_flow[slots[k]])
        for k in range(middle[p], stop[p]):
            cost_b += cost[links[k]]
            least_b = min(least_b, pool_flow[slots[k]])
        dearer = least_a if cost_a > cost_b else least_b
        if dearer <= 0.0:
            continue
        begin, mid, end = start[p], middle[p], stop[p]
        start[kept] = used
        for k in range(begin, end):
            links[used] = links[k]
            slots[used] = slots[k]
            used += 1
        middle[kept] = start[kept] + mid - begin
        stop[kept] = used
        owner[kept] = owner[p]
        offset[kept] = offset[p]
        previous[kept] = newest[owner[p]]
        newest[owner[p]] = kept
        kept += 1
    return kept, used


@njit(cache=True)
def gather(o, row_ptr, extra, extra_end, pool_link, where):
    """Say in `where` in which slot each link of a row is."""
    for s in range(row_ptr[o], row_ptr[o + 1]):
        where[pool_link[s]] = s
    for s in range(extra[o], extra_end[o]):
        where[pool_link[s]] = s


@njit(cache=True)
def leave(o, row_ptr, extra, extra_end, pool_link, where):
    """Undo `gather`."""
    for s in range(row_ptr[o], row_ptr[o + 1]):
        where[pool_link[s]] = -1
    for s in range(extra[o], extra_end[o]):
        where[pool_link[s]] = -1


@njit(cache=True)
def slot_of(a, o, size, extra, extra_end, pool_link, pool_flow, where):
    """The slot of a link for the row at work, a new one at the end of the pool if it has none; and the size
    of the pool then.
    """
    if where[a] < 0:
        if extra_end[o] == extra[o]:
            extra[o] = size
        pool_link[size] = a
        pool_flow[size] = 0.0
        where[a] = size
        size += 1
        extra_end[o] = size
    return where[a], size


@njit(cache=True)
def find_alternative(
    a,
    origin,
    entry,
    tail,
    head,
    in_ptr,
    in_link,
    mark,
    stamp,
    links,
    used,
    where,
    pool_flow,
    volume,
    cost,
    derivative,
    base,
    slope,
    inverse,
    power,
):
    """The two segments that end at the head of link `a`: back along the largest flows, and along the tree.

    Written into ``links[used:]`` (the flows' segment first); returns middle and stop, or (-1, -1) where the
    flow of the row cannot be followed back. Cycles of flow that are met are taken out, then the search begins
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
                least = min(least, pool_flow[where[links[k]]])
                if head[links[k]] == node:
                    break
                k -= 1
            for c in range(k, place):
                b = links[c]
                pool_flow[where[b]] -= least
                volume[b] -= least
                v = max(volume[b], 0.0)
                cost[b] = link_cost(v, base[b], slope[b], inverse[b], power[b])
                derivative[b] = link_cost_slope(v, slope[b], inverse[b], power[b])
            return -1, -2
        mark[node] = seen
        best = -1
        most = 0.0
        for k in range(in_ptr[node], in_ptr[node + 1]):
            s = where[in_link[k]]
            if s >= 0 and pool_flow[s] > most:
                most = pool_flow[s]
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
    first_row,
    last_row,
    batch,
    origin_node,
    distance,
    entry,
    tree_cost,
    extra_cost,
    least,
    pairs,
    used,
    size,
    owner,
    start,
    middle,
    stop,
    offset,
    links,
    slots,
    newest,
    previous,
    row_ptr,
    extra,
    extra_end,
    pool_link,
    pool_flow,
    where,
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
    """For rows ``first_row … last_row - 1``: equalise every used link that is dearer than the tree.

    `distance`, `entry` (batch, n) are trees at ``tree_cost``, row 0 that of row ``batch``; ``extra_cost``
    (m,) are the fixed terms of the class, in ``tree_cost`` too. Stops at a row for which the lists might be
    too short. Returns that row, pairs, links used, size of the pool, stamp and the excess cost found.
    """
    n = mark.size
    excess = 0.0
    for o in range(first_row, last_row):
        row = o - batch
        gather(o, row_ptr, extra, extra_end, pool_link, where)
        own = row_ptr[o + 1] - row_ptr[o]
        count = own + extra_end[o] - extra[o]
        for number in range(count):
            s = row_ptr[o] + number if number < own else extra[o] + number - own
            a = pool_link[s]
            if pool_flow[s] <= 0.0 or entry[row, head[a]] == a:
                continue
            reach = distance[row, tail[a]] + tree_cost[a]
            reduced = reach - distance[row, head[a]]
            if reduced <= least * reach:
                continue
            excess += pool_flow[s] * reduced
            if pairs + 4 >= owner.size or used + 8 * n >= links.size or size + 4 * n >= pool_link.size:
                leave(o, row_ptr, extra, extra_end, pool_link, where)
                return o, pairs, used, size, stamp, excess
            rival = entry[row, head[a]]
            settled = False
            p = newest[o]
            while p >= 0:
                x = links[start[p]]
                y = links[middle[p]]
                if (x == a and y == rival) or (y == a and x == rival):
                    status, difference, _ = equalise(
                        start[p], middle[p], stop[p], least, offset[p],
                        links, slots, pool_flow, volume, cost, derivative, base, slope, inverse, power,
                    )  # fmt: skip
                    if status == BALANCED and difference >= 0.5 * reduced:
                        settled = True
                        break
                p = previous[p]
            tries = 0
            while not settled and tries < 3 and pool_flow[s] > 0.0:
                tries += 1
                stamp += 2
                mid, end = find_alternative(
                    a, origin_node[o], entry[row], tail, head, in_ptr, in_link, mark, stamp, links, used,
                    where, pool_flow, volume, cost, derivative, base, slope, inverse, power,
                )  # fmt: skip
                if end == -1:
                    break
                if end == -2:
                    continue
                more = 0.0
                for k in range(used, end):
                    b = links[k]
                    slots[k], size = slot_of(b, o, size, extra, extra_end, pool_link, pool_flow, where)
                    more += extra_cost[b] if k < mid else -extra_cost[b]
                status, _, _ = equalise(
                    used, mid, end, least, more,
                    links, slots, pool_flow, volume, cost, derivative, base, slope, inverse, power,
                )  # fmt: skip
                settled = status != EMPTIED
                if status == BALANCED:
                    owner[pairs] = o
                    start[pairs] = used
                    middle[pairs] = mid
                    stop[pairs] = end
                    offset[pairs] = more
                    previous[pairs] = newest[o]
                    newest[o] = pairs
                    pairs += 1
                    used = end
        leave(o, row_ptr, extra, extra_end, pool_link, where)
    return last_row, pairs, used, size, stamp, excess


@njit(cache=True)
def load_tree(
    o,
    origin,
    pair_node,
    pair_trips,
    distance,
    entry,
    tail,
    size,
    row_ptr,
    extra,
    extra_end,
    pool_link,
    pool_flow,
    where,
    volume,
):
    """Put trips of one row on its tree, from the leaves inwards: added to its flows and to `volume`. Pairs
    (p,) without a route are left out. Returns the size of the pool.
    """
    n = entry.size
    arriving = np.zeros(n)
    children = np.zeros(n, np.int32)
    waiting = np.empty(n, np.int32)
    for p in range(pair_node.size):
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
    gather(o, row_ptr, extra, extra_end, pool_link, where)
    while count > 0:
        count -= 1
        node = waiting[count]
        a = entry[node]
        parent = tail[a]
        if arriving[node] > 0.0:
            s, size = slot_of(a, o, size, extra, extra_end, pool_link, pool_flow, where)
            pool_flow[s] += arriving[node]
            volume[a] += arriving[node]
            arriving[parent] += arriving[node]
        children[parent] -= 1
        if children[parent] == 0 and parent != origin:
            waiting[count] = parent
            count += 1
    leave(o, row_ptr, extra, extra_end, pool_link, where)
    return size


@njit(cache=True)
def mark_slots(size, used, slots, pool_flow, wanted):
    """Which slots have flow or are in a pair: ``wanted`` (size,); how many."""
    count = 0
    for s in range(size):
        wanted[s] = pool_flow[s] > 0.0
    for k in range(used):
        wanted[slots[k]] = True
    for s in range(size):
        count += wanted[s]
    return count


@njit(cache=True)
def compact(used, slots, row_ptr, extra, extra_end, pool_link, pool_flow, wanted, moved, new_link, new_flow):
    """Copy the wanted slots to a new pool, those of a row together in the order of links, and make `slots`
    point there. ``moved`` (size of the old pool,) is scratch.
    """
    count = 0
    begin = row_ptr[0]
    for o in range(extra.size):
        end = row_ptr[o + 1]
        row_ptr[o] = count
        late = extra[o] + np.argsort(pool_link[extra[o] : extra_end[o]])
        place = 0
        for s in range(begin, end):
            while place < late.size and pool_link[late[place]] < pool_link[s]:
                count = _move(late[place], count, pool_link, pool_flow, wanted, moved, new_link, new_flow)
                place += 1
            count = _move(s, count, pool_link, pool_flow, wanted, moved, new_link, new_flow)
        for k in range(place, late.size):
            count = _move(late[k], count, pool_link, pool_flow, wanted, moved, new_link, new_flow)
        begin = end
        extra[o] = 0
        extra_end[o] = 0
    row_ptr[extra.size] = count
    for k in range(used):
        slots[k] = moved[slots[k]]


@njit(cache=True)
def _move(s, count, pool_link, pool_flow, wanted, moved, new_link, new_flow):
    """Copy one slot to the end of the new pool, if it is wanted."""
    if wanted[s]:
        new_link[count] = pool_link[s]
        new_flow[count] = pool_flow[s]
        moved[s] = count
        return count + 1
    return count


@njit(cache=True)
def add_rows(size, pool_link, pool_flow, volume):
    """Volumes (m,) as the sum of the flows of all rows, in their order."""
    for a in range(volume.size):
        volume[a] = 0.0
    for s in range(size):
        volume[pool_link[s]] += pool_flow[s]
