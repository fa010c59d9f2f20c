"""Numba kernels of the flows by row, kept only on the links that a row (a class and an origin) uses.

They are slots of a pool, ``pool_link`` and ``pool_flow``; those of row o are ``row_ptr[o]:row_ptr[o + 1]``
and, between two compactions, ``extra[o]:extra_end[o]``. ``where`` (m,) is the slot of each link while a row
is at work, else -1.
"""

import math

import numpy as np
from numba import njit

from twin.solvers.traffic.kernels_shift import VOLUME


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
    road,
):
    """Put trips of one row on its tree, from the leaves inwards: added to its flows and to the volumes in
    `road` (see `kernels_shift`). Pairs
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
            road[a, VOLUME] += arriving[node]
            arriving[parent] += arriving[node]
        children[parent] -= 1
        if children[parent] == 0 and parent != origin:
            waiting[count] = parent
            count += 1
    leave(o, row_ptr, extra, extra_end, pool_link, where)
    return size


@njit(cache=True)
def mark_slots(size, used, slots, pool_flow, wanted):
    """Which slots have flow or belong to a member of a pair: ``wanted`` (size,); how many."""
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


@njit(cache=True)
def place_slots(members, member_pair, member_row, member_slot, start, stop, links, slots, row_ptr, pool_link):
    """Slots in the pool of the links of every member's pair, by bisection in its row."""
    used = 0
    for m in range(members):
        p = member_pair[m]
        o = member_row[m]
        member_slot[m] = used
        for k in range(start[p], stop[p]):
            low = row_ptr[o]
            high = row_ptr[o + 1]
            while low < high:
                middle = (low + high) >> 1
                if pool_link[middle] < links[k]:
                    low = middle + 1
                else:
                    high = middle
            slots[used] = low
            used += 1
    return used
