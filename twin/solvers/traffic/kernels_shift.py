"""Numba kernels that move flow between the two segments of a pair until they cost the same.

The links of the network are rows of one table, ``road`` (m, 8), so that what a shift needs of a link lies
together in memory: volume, cost, dt/dv and the four parameters of the cost function (see `kernels`).
"""

import math

from numba import njit

from twin.solvers.traffic.kernels import link_cost, link_cost_slope

VOLUME = 0
COST = 1
DERIVATIVE = 2
BASE = 3
SLOPE = 4
INVERSE = 5  # of the capacity
POWER = 6

STILL = 0  # nothing moved
BALANCED = 1  # the segments now cost the same
EMPTIED = 2  # nothing is left to move from the dearer segment

COSTS_OF_SHIFT = 6  # evaluations of one shift, at most
OVERSHOT = -0.1  # of the difference before: a shift that ends below is corrected


@njit(cache=True)
def price(road, a, volume):
    """Cost of a link at a volume."""
    return link_cost(volume, road[a, BASE], road[a, SLOPE], road[a, INVERSE], road[a, POWER])


@njit(cache=True)
def add_volume(road, a, step):
    """Change the volume of a link, and its cost and derivative with it."""
    road[a, VOLUME] += step
    slope = road[a, SLOPE]
    if slope == 0.0:
        return
    volume = max(road[a, VOLUME], 0.0)
    inverse = road[a, INVERSE]
    power = road[a, POWER]
    if power == 4.0:
        ratio = volume * inverse
        square = ratio * ratio
        road[a, COST] = road[a, BASE] + slope * (square * square)
        road[a, DERIVATIVE] = slope * 4.0 * (square * ratio) * inverse
    elif power > 1.0 and volume > 0.0:  # one power for both
        congestion = slope * (volume * inverse) ** power
        road[a, COST] = road[a, BASE] + congestion
        road[a, DERIVATIVE] = power * congestion / volume
    else:
        road[a, COST] = link_cost(volume, road[a, BASE], slope, inverse, power)
        road[a, DERIVATIVE] = link_cost_slope(volume, slope, inverse, power)


@njit(cache=True)
def fill_road(road):
    """Costs and derivatives of all links at their volumes."""
    for a in range(road.shape[0]):
        road[a, COST] = road[a, BASE]
        road[a, DERIVATIVE] = 0.0
        add_volume(road, a, 0.0)


@njit(cache=True)
def segment_costs(first, middle, last, links, road):
    """Costs of the two segments."""
    cost_a = 0.0
    cost_b = 0.0
    for k in range(first, middle):
        cost_a += road[links[k], COST]
    for k in range(middle, last):
        cost_b += road[links[k], COST]
    return cost_a, cost_b


@njit(cache=True)
def least_flow(first, last, move, slots, pool_flow):
    """Flow of one member that can leave the links at places [first, last); ``move`` leads to its slots."""
    least = math.inf
    for k in range(first, last):
        least = min(least, pool_flow[slots[move + k]])
    return least


@njit(cache=True)
def shift_flow(step, high, high_end, low, low_end, move, slots, pool_flow):
    """Move flow of one member from the links at places [high, high_end) to those at [low, low_end)."""
    for k in range(high, high_end):
        pool_flow[slots[move + k]] -= step
    for k in range(low, low_end):
        pool_flow[slots[move + k]] += step


@njit(cache=True)
def shift_volume(step, high, high_end, low, low_end, offset, links, road):
    """The same for the volumes of all rows together, and the costs with them; by how much the first segment
    is dearer then.
    """
    difference = offset
    for k in range(high, high_end):
        add_volume(road, links[k], -step)
        difference += road[links[k], COST]
    for k in range(low, low_end):
        add_volume(road, links[k], step)
        difference -= road[links[k], COST]
    return difference


@njit(cache=True)
def newton_step(difference, cap, first, last, links, road):
    """Newton's step to equal costs, at most `cap`."""
    bend = 0.0
    for k in range(first, last):
        bend += road[links[k], DERIVATIVE]
    if bend > 0.0 and difference < cap * bend:
        return difference / bend
    return cap


@njit(cache=True)
def too_much(step, difference, left, high, high_end, low, low_end, offset, links, road):
    """How much of a `step` that overshot, from `difference` to ``left`` < 0, is to go back: regula falsi
    (Illinois), the step being in the volumes of ``road``.
    """
    below, below_left, above, above_left = 0.0, difference, step, left
    best = step
    for _ in range(COSTS_OF_SHIFT):
        trial = below + (above - below) * below_left / (below_left - above_left)
        if not below < trial < above:
            break
        back = step - trial
        left = offset
        for k in range(high, high_end):
            left += price(road, links[k], max(road[links[k], VOLUME] + back, 0.0))
        for k in range(low, low_end):
            left -= price(road, links[k], max(road[links[k], VOLUME] - back, 0.0))
        best = trial
        if abs(left) <= -OVERSHOT * difference:
            break
        if left > 0.0:
            below, below_left = trial, left
            above_left *= 0.5
        else:
            above, above_left = trial, left
            below_left *= 0.5
    return step - best


@njit(cache=True)
def equalise_member(first, middle, last, move, least, offset, links, slots, pool_flow, road):
    """Move the flow of one member until the segments [first, middle) and [middle, last) cost the same, as far
    as it goes. Returns what happened and the cost difference before.
    """
    cost_a, cost_b = segment_costs(first, middle, last, links, road)
    difference = cost_a + offset - cost_b
    if abs(difference) <= least * (cost_a + cost_b + abs(offset)):
        return STILL, 0.0
    high, high_end, low, low_end, more = first, middle, middle, last, offset
    if difference < 0.0:
        high, high_end, low, low_end, more = middle, last, first, middle, -offset
        difference = -difference
    limit = least_flow(high, high_end, move, slots, pool_flow)
    if limit <= 0.0:
        return STILL, 0.0
    step = newton_step(difference, limit, first, last, links, road)
    left = shift_volume(step, high, high_end, low, low_end, more, links, road)
    if left < OVERSHOT * difference:
        back = too_much(step, difference, left, high, high_end, low, low_end, more, links, road)
        shift_volume(-back, high, high_end, low, low_end, more, links, road)
        step -= back
    shift_flow(step, high, high_end, low, low_end, move, slots, pool_flow)
    return (EMPTIED if step == limit else BALANCED), difference


@njit(cache=True)
def ask_members(
    step, turn, ahead, count, first_member, first, high, high_end, low, low_end, member_slot, slots, pool_flow
):
    """Move flow of members, from number `turn` on in the sense `ahead`, until `step` has moved or all were
    asked; the new turn and what has moved.
    """
    moved = 0.0
    for _ in range(count):
        move = member_slot[first_member + turn] - first
        limit = least_flow(high, high_end, move, slots, pool_flow)
        if limit > 0.0:
            rest = step - moved
            part = min(limit, rest)
            shift_flow(part, high, high_end, low, low_end, move, slots, pool_flow)
            moved += part
            if limit >= rest:
                break
        turn += ahead
        if turn == count:
            turn = 0
        elif turn < 0:
            turn = count - 1
    return turn, moved


@njit(cache=True)
def equalise(
    first, middle, last, turn, first_member, last_member, member_slot, least, offset, links, slots, pool_flow,
    road,
):  # fmt: skip
    """Move flow of the members of a pair until its segments cost the same.

    Members are asked in turn, upwards from number ``turn`` when flow leaves the first segment, downwards when
    it leaves the second: those that have given all are behind, so that few are asked. Returns the new turn
    and the excess cost that went.
    """
    cost_a, cost_b = segment_costs(first, middle, last, links, road)
    difference = cost_a + offset - cost_b
    if abs(difference) <= least * (cost_a + cost_b + abs(offset)):
        return turn, 0.0
    high, high_end, low, low_end, more, ahead = first, middle, middle, last, offset, 1
    if difference < 0.0:
        high, high_end, low, low_end, more, ahead = middle, last, first, middle, -offset, -1
        difference = -difference
    cap = math.inf
    for k in range(high, high_end):
        cap = min(cap, road[links[k], VOLUME])
    count = last_member - first_member
    if cap <= 0.0 or count == 0:
        return turn, 0.0
    step = newton_step(difference, cap, first, last, links, road)
    turn, moved = ask_members(
        step, turn, ahead, count, first_member, first, high, high_end, low, low_end, member_slot, slots,
        pool_flow,
    )  # fmt: skip
    if moved > 0.0:
        left = shift_volume(moved, high, high_end, low, low_end, more, links, road)
        if left < OVERSHOT * difference:
            back = too_much(moved, difference, left, high, high_end, low, low_end, more, links, road)
            turn, back = ask_members(
                back, turn, -ahead, count, first_member, first, low, low_end, high, high_end, member_slot,
                slots, pool_flow,
            )  # fmt: skip
            shift_volume(-back, high, high_end, low, low_end, more, links, road)
            moved -= back
    return turn, difference * moved
