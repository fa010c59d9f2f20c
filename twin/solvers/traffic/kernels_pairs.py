"""Numba kernels that sweep over pairs of alternative segments and keep their lists (see `kernels_pas`)."""

from numba import njit

from twin.solvers.traffic.kernels_shift import equalise, least_flow, segment_costs

PATIENCE = 2  # iterations that a pair may lie idle


@njit(cache=True)
def sweep(
    pairs,
    least,
    start,
    middle,
    stop,
    offset,
    turn,
    member_ptr,
    member_slot,
    links,
    slots,
    pool_flow,
    road,
):
    """Equalise every pair once, in order; the excess cost that went, summed."""
    excess = 0.0
    for p in range(pairs):
        turn[p], gone = equalise(
            start[p], middle[p], stop[p], turn[p], member_ptr[p], member_ptr[p + 1], member_slot, least,
            offset[p], links, slots, pool_flow, road,
        )  # fmt: skip
        excess += gone
    return excess


@njit(cache=True)
def group_members(pairs, members, member_pair, member_row, member_slot, start, stop, slots, member_ptr, out):
    """Members in the order of their pairs: ``member_ptr`` (pairs + 1,), and all arrays of members permuted
    into ``out``: rows, slots' places and the slots themselves.
    """
    new_pair, new_row, new_slot, new_slots = out
    member_ptr[: pairs + 1] = 0
    for m in range(members):
        member_ptr[member_pair[m] + 1] += 1
    for p in range(pairs):
        member_ptr[p + 1] += member_ptr[p]
    place = member_ptr[:pairs].copy()
    for m in range(members):
        p = member_pair[m]
        new_row[place[p]] = member_row[m]
        new_slot[place[p]] = member_slot[m]
        new_pair[place[p]] = p
        place[p] += 1
    used = 0
    for m in range(members):
        p = new_pair[m]
        old = new_slot[m]
        new_slot[m] = used
        for k in range(stop[p] - start[p]):
            new_slots[used] = slots[old + k]
            used += 1


@njit(cache=True)
def drop_idle(
    pairs,
    kind,
    start,
    middle,
    stop,
    offset,
    turn,
    idle,
    member_ptr,
    member_pair,
    member_row,
    member_slot,
    links,
    slots,
    pool_flow,
    road,
):
    """Remove in place the members that have no flow on either segment, and the pairs that have had nothing to
    move from their dearer segment for some iterations; pairs, their links, members and their slots left.
    """
    kept = 0
    used = 0
    members = 0
    filled = 0
    for p in range(pairs):
        begin, mid, end = start[p], middle[p], stop[p]
        cost_a, cost_b = segment_costs(begin, mid, end, links, road)
        dearer_first = cost_a + offset[p] > cost_b
        first_member, last_member = member_ptr[p], member_ptr[p + 1]
        begun, filled_before = members, filled
        active = False
        behind = 0
        for m in range(first_member, last_member):
            move = member_slot[m] - begin
            flow_a = least_flow(begin, mid, move, slots, pool_flow)
            flow_b = least_flow(mid, end, move, slots, pool_flow)
            if flow_a <= 0.0 and flow_b <= 0.0:
                behind += m - first_member < turn[p]
                continue
            active |= (flow_a if dearer_first else flow_b) > 0.0
            member_pair[members] = kept
            member_row[members] = member_row[m]
            old = member_slot[m]
            member_slot[members] = filled
            for k in range(end - begin):
                slots[filled] = slots[old + k]
                filled += 1
            members += 1
        idle[p] = 0 if active else idle[p] + 1
        if idle[p] > PATIENCE or members == begun:
            members, filled = begun, filled_before
            continue
        member_ptr[kept] = begun
        start[kept] = used
        for k in range(begin, end):
            links[used] = links[k]
            used += 1
        middle[kept] = start[kept] + mid - begin
        stop[kept] = used
        kind[kept] = kind[p]
        offset[kept] = offset[p]
        idle[kept] = idle[p]
        turn[kept] = min(turn[p] - behind, members - begun - 1)
        kept += 1
    member_ptr[kept] = members
    return kept, used, members, filled


@njit(cache=True)
def chain(pairs, members, start, links, head, member_row, first_at, next_at, newest, previous):
    """Lists by which a row finds pairs: those that end at a node, newest first, and those it is in."""
    first_at[:] = -1
    newest[:] = -1
    for p in range(pairs):
        node = head[links[start[p]]]
        next_at[p] = first_at[node]
        first_at[node] = p
    for m in range(members):
        previous[m] = newest[member_row[m]]
        newest[member_row[m]] = m
