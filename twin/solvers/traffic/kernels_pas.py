"""Numba kernels of the assignment by paired alternative segments (Bar-Gera 2010; Xie and Xie 2016).

A pair of alternative segments (PAS) is two link-disjoint paths from one node to another. Pair p is of class
``kind[p]``; its first segment is ``links[start[p]:middle[p]]``, its second ``links[middle[p]:stop[p]]``, both
listed from their common end backwards. ``offset[p]`` is what the class pays more on the first than on the
second (fixed terms). Its members are the rows (class and origin, see `kernels_pool`) that found it of use:
member m is row ``member_row[m]`` in pair ``member_pair[m]``, and ``slots[member_slot[m]:]`` are the places in
the pool of the pair's links for that row. What one member finds serves all: a shift moves the flows of as
many members as it needs.
"""

import math

from numba import njit

from twin.solvers.traffic.kernels_pool import gather, leave, slot_of
from twin.solvers.traffic.kernels_shift import (
    BALANCED,
    EMPTIED,
    STILL,
    add_volume,
    equalise_member,
    segment_costs,
)

WORTH = 0.5  # a pair serves a link if it saves this share of the link's reduced cost …
ENOUGH_FLOW = 0.25  # … for this share of the link's flow (Bar-Gera 2010, μ and ν)


@njit(cache=True)
def _drain(first, last, links, where, pool_flow, road):
    """Take the flow of a row out of a cycle, the links at places [first, last)."""
    least = math.inf
    for k in range(first, last):
        least = min(least, pool_flow[where[links[k]]])
    for k in range(first, last):
        a = links[k]
        pool_flow[where[a]] -= least
        add_volume(road, a, -least)


@njit(cache=True)
def find_alternative(
    a,
    origin,
    distance,
    entry,
    tail,
    head,
    in_ptr,
    in_link,
    mark,
    stamp,
    links,
    used,
    scratch,
    where,
    pool_flow,
    road,
):
    """The two segments that end at the head of link `a`: back along the largest flows, and along the tree.

    The two walks take turns, the one that is farther from the origin steps, until one meets the other's
    trace. Written into ``links[used:]`` (the flows' segment first); returns middle and stop, or (-1, -1)
    where the flow of the row cannot be followed back. Cycles of flow that are met are taken out, then the
    search begins again (stop = -2: the flow of `a` itself may have changed).
    """
    seen = stamp + 1
    branch = head[a]  # where the walk along the tree is
    mark[branch] = stamp
    steps = 0  # on the tree, listed in `scratch`
    place = used
    links[place] = a
    place += 1
    node = tail[a]  # where the walk along the flows is
    while mark[node] != stamp:
        if branch != origin and distance[branch] >= distance[node]:
            b = entry[branch]
            scratch[steps] = b
            steps += 1
            branch = tail[b]
            if mark[branch] == seen:  # on the trace of the flows: cut there
                while tail[links[place - 1]] != branch:
                    place -= 1
                node = branch
                break
            mark[branch] = stamp
            continue
        if mark[node] == seen:  # a cycle: links back to `node` from the end of the list
            k = place - 1
            while head[links[k]] != node:
                k -= 1
            _drain(k, place, links, where, pool_flow, road)
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
    if node == head[a]:  # a cycle through `a`
        _drain(used, place, links, where, pool_flow, road)
        return -1, -2
    middle = place
    for k in range(steps):
        if head[scratch[k]] == node:
            break
        links[place] = scratch[k]
        place += 1
    return middle, place


@njit(cache=True)
def search_row(o, number, count, candidate, origin, distance, entry, lists):
    """For one row, with its tree at ``tree_cost``: equalise every used link that is dearer than the tree,
    those in ``candidate[number:count]``, by a pair that is there or by a new one.

    ``extra_cost`` (m,) are the fixed terms of the class, in ``tree_cost`` too. ``sizes``: pairs, their links,
    members, their slots, the size of the pool, and the stamp of `mark`; changed in place. Stops where the
    lists might be too short; returns the number of the candidate to go on from. ``lists`` is all that does
    not change with the row, in the order below.
    """
    (
        kind_here, tree_cost, extra_cost, least, sizes, kind, start, middle, stop, offset, turn,
        idle, links, first_at, next_at, member_pair, member_row, member_slot, slots, newest,
        previous, joined, joined_stamp, row_ptr, extra, extra_end, pool_link, pool_flow, where,
        road, tail, head, in_ptr, in_link, mark, scratch,
    ) = lists  # fmt: skip
    n = mark.size
    pairs, used, members, filled, size, stamp = sizes
    stamp += 2
    here = stamp
    gather(o, row_ptr, extra, extra_end, pool_link, where)
    m = newest[o]
    while m >= 0:
        joined[member_pair[m]] = m
        joined_stamp[member_pair[m]] = here
        m = previous[m]
    while number < count:
        if (
            pairs + 8 >= start.size
            or used + 8 * n >= links.size
            or members + 64 >= member_row.size
            or filled + 16 * n >= slots.size
            or size + tail.size >= pool_link.size
        ):
            break
        s = candidate[number]
        number += 1
        if pool_flow[s] <= 0.0:
            continue
        a = pool_link[s]
        reduced = distance[tail[a]] + tree_cost[a] - distance[head[a]]
        rival = entry[head[a]]
        settled = False
        p = first_at[head[a]]
        asked = 0
        while p >= 0 and asked < 32:
            asked += 1
            x = links[start[p]]
            y = links[middle[p]]
            if not ((x == a and y == rival) or (y == a and x == rival)) or kind[p] != kind_here:
                p = next_at[p]
                continue
            member = joined[p] if joined_stamp[p] == here else -1
            if member < 0:
                high, high_end = (start[p], middle[p]) if x == a else (middle[p], stop[p])
                cost_a, cost_b = segment_costs(start[p], middle[p], stop[p], links, road)
                gain = cost_a + offset[p] - cost_b
                worth = (gain if x == a else -gain) >= WORTH * reduced
                least_there = ENOUGH_FLOW * pool_flow[s]
                k = high
                while worth and k < high_end:
                    there = where[links[k]]
                    worth = there >= 0 and pool_flow[there] >= least_there
                    k += 1
                if worth and members + 64 < member_row.size and filled + 8 * n < slots.size:
                    member = members
                    members += 1
                    member_pair[member] = p
                    member_row[member] = o
                    member_slot[member] = filled
                    previous[member] = newest[o]
                    newest[o] = member
                    joined[p] = member
                    joined_stamp[p] = here
                    for k in range(start[p], stop[p]):
                        slots[filled], size = slot_of(
                            links[k], o, size, extra, extra_end, pool_link, pool_flow, where
                        )
                        filled += 1
            if member >= 0:
                status, difference = equalise_member(
                    start[p], middle[p], stop[p], member_slot[member] - start[p], least, offset[p],
                    links, slots, pool_flow, road,
                )  # fmt: skip
                if (status == BALANCED and difference >= 0.5 * reduced) or pool_flow[s] <= 0.0:
                    settled = True
                    break
            p = next_at[p]
        tries = 0
        while not settled and tries < 3 and pool_flow[s] > 0.0:
            tries += 1
            stamp += 2
            mid, end = find_alternative(
                a, origin, distance, entry, tail, head, in_ptr, in_link, mark, stamp, links, used, scratch,
                where, pool_flow, road,
            )  # fmt: skip
            if end == -1:
                break
            if end == -2:
                continue
            more = 0.0
            for k in range(used, end):
                b = links[k]
                slots[filled + k - used], size = slot_of(
                    b, o, size, extra, extra_end, pool_link, pool_flow, where
                )
                more += extra_cost[b] if k < mid else -extra_cost[b]
            status, _ = equalise_member(
                used, mid, end, filled - used, least, more,
                links, slots, pool_flow, road,
            )  # fmt: skip
            settled = status != EMPTIED
            if status != STILL:
                start[pairs] = used
                middle[pairs] = mid
                stop[pairs] = end
                offset[pairs] = more
                kind[pairs] = kind_here
                turn[pairs] = 0
                idle[pairs] = 0
                next_at[pairs] = first_at[head[a]]
                first_at[head[a]] = pairs
                member_pair[members] = pairs
                member_row[members] = o
                member_slot[members] = filled
                previous[members] = newest[o]
                newest[o] = members
                joined[pairs] = members
                joined_stamp[pairs] = here
                filled += end - used
                used = end
                members += 1
                pairs += 1
    leave(o, row_ptr, extra, extra_end, pool_link, where)
    sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5] = pairs, used, members, filled, size, stamp
    return number


@njit(cache=True)
def search(o, number, first, last, candidate, count, origin_node, row_ptr, distance, entry, lists):
    """`search_row` for rows ``o … last - 1`` of a batch that begins at row ``first``, from candidate `number`
    of row o on. Returns the row and the candidate to go on from, (last, 0) at the end.
    """
    while o < last:
        row = o - first
        begin = row_ptr[o] - row_ptr[first]
        if number < count[row]:
            number = search_row(
                o, number, count[row], candidate[begin : begin + count[row]], origin_node[o], distance[row],
                entry[row], lists,
            )  # fmt: skip
            if number < count[row]:
                return o, number
        o += 1
        number = 0
    return last, 0
