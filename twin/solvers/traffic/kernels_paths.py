"""Numba kernels on the flows of one row (class and origin): topological order, shares of routes through
links, changes of demand.

Flows of one origin without cycles say which part of the flow through a node came and goes on over each link.
Route flows are not unique at equilibrium; here they are those of proportionality: at every node the flow that
came by any link leaves by the out-links in the same proportions (Bar-Gera 2010, Transportation Research B
44). Then the past of a trip says nothing about its future, and two passes give every share.
"""

import math

import numpy as np
from numba import njit

from twin.solvers.traffic.kernels_pool import gather, leave


@njit(cache=True)
def order_row(
    o, row_ptr, pool_link, pool_flow, where, tail, head, out_ptr, in_ptr, in_link, degree, mark, order
):
    """Nodes that the flows of a row reach, each after all those that its flow comes from, into ``order``; how
    many. Cycles of flow are taken out of ``pool_flow``. The row must be gathered in `where`.

    ``degree`` (n,) and ``mark`` (n,) are scratch, ``mark`` all 0 before and after.
    """
    while True:
        links = 0
        for s in range(row_ptr[o], row_ptr[o + 1]):
            degree[tail[pool_link[s]]] = 0
            degree[head[pool_link[s]]] = 0
        for s in range(row_ptr[o], row_ptr[o + 1]):
            if pool_flow[s] > 0.0:
                degree[head[pool_link[s]]] += 1
                links += 1
        count = 0
        for s in range(row_ptr[o], row_ptr[o + 1]):
            node = tail[pool_link[s]]
            if pool_flow[s] > 0.0 and degree[node] == 0:
                degree[node] = -1
                order[count] = node
                count += 1
        done = 0
        place = 0
        while place < count:
            node = order[place]
            place += 1
            for a in range(out_ptr[node], out_ptr[node + 1]):
                s = where[a]
                if s >= 0 and pool_flow[s] > 0.0:
                    done += 1
                    degree[head[a]] -= 1
                    if degree[head[a]] == 0:
                        degree[head[a]] = -1
                        order[count] = head[a]
                        count += 1
        if done == links:
            return count
        node = -1
        for s in range(row_ptr[o], row_ptr[o + 1]):
            if pool_flow[s] > 0.0 and degree[head[pool_link[s]]] > 0:
                node = head[pool_link[s]]
                break
        while mark[node] == 0:  # back along flows of nodes that are not in order yet: it must come round
            mark[node] = 1
            node, _ = _back(node, where, pool_flow, tail, in_ptr, in_link, degree)
        end = node
        least = math.inf
        cycle = 0
        while cycle == 0 or node != end:
            node, a = _back(node, where, pool_flow, tail, in_ptr, in_link, degree)
            least = min(least, pool_flow[where[a]])
            order[cycle] = a
            cycle += 1
        for k in range(cycle):
            pool_flow[where[order[k]]] -= least
        for s in range(row_ptr[o], row_ptr[o + 1]):
            mark[tail[pool_link[s]]] = 0
            mark[head[pool_link[s]]] = 0


@njit(cache=True)
def _back(node, where, pool_flow, tail, in_ptr, in_link, degree):
    """The first node not yet in order from which flow comes to `node`, and its link."""
    for k in range(in_ptr[node], in_ptr[node + 1]):
        a = in_link[k]
        if where[a] >= 0 and pool_flow[where[a]] > 0.0 and degree[tail[a]] > 0:
            return tail[a], a
    return -1, -1


@njit(cache=True)
def share_through(
    count,
    order,
    chosen,
    where,
    pool_flow,
    tail,
    head,
    out_ptr,
    in_ptr,
    in_link,
    demand,
    before,
    after,
):
    """Shares of the flow at each node of ``order[:count]`` that has passed a chosen link, and that will.

    ``chosen`` (m,) bool, ``demand`` (n,) trips that end at a node; writes ``before`` and ``after`` (n,).
    """
    for k in range(count):
        node = order[k]
        inflow = 0.0
        marked = 0.0
        for j in range(in_ptr[node], in_ptr[node + 1]):
            a = in_link[j]
            if where[a] >= 0 and pool_flow[where[a]] > 0.0:
                x = pool_flow[where[a]]
                inflow += x
                marked += x if chosen[a] else x * before[tail[a]]
        before[node] = marked / inflow if inflow > 0.0 else 0.0
    for k in range(count - 1, -1, -1):
        node = order[k]
        outflow = demand[node]
        marked = 0.0
        for a in range(out_ptr[node], out_ptr[node + 1]):
            if where[a] >= 0 and pool_flow[where[a]] > 0.0:
                x = pool_flow[where[a]]
                outflow += x
                marked += x if chosen[a] else x * after[head[a]]
        after[node] = marked / outflow if outflow > 0.0 else 0.0


@njit(cache=True)
def share_of_link(a, chosen, tail, head, before, after):
    """Share of the flow of one link that passes a chosen link, before, there or after."""
    if chosen[a]:
        return 1.0
    return before[tail[a]] + (1.0 - before[tail[a]]) * after[head[a]]


@njit(cache=True)
def select(
    chosen,
    pair_ptr,
    pair_node,
    pair_trips,
    row_ptr,
    pool_link,
    pool_flow,
    tail,
    head,
    out_ptr,
    in_ptr,
    in_link,
    volume,
    pair_share,
):
    """Route flows through chosen links: adds their flow on every link to ``volume`` (m,), writes the share
    of each pair (p,) that takes one. Cycles of flow are taken out of ``pool_flow``.
    """
    n = out_ptr.size - 1
    rows = row_ptr.size - 1
    where = np.full(tail.size, -1, np.int64)
    degree, mark = np.zeros(n, np.int32), np.zeros(n, np.int32)
    order = np.empty(max(n, tail.size), np.int32)
    before, after, demand = np.zeros(n), np.zeros(n), np.zeros(n)
    nothing = np.zeros(rows, np.int64)
    for o in range(rows):
        concerned = False
        for s in range(row_ptr[o], row_ptr[o + 1]):
            concerned |= chosen[pool_link[s]] and pool_flow[s] > 0.0
        if not concerned:
            continue
        gather(o, row_ptr, nothing, nothing, pool_link, where)
        count = order_row(
            o, row_ptr, pool_link, pool_flow, where, tail, head, out_ptr, in_ptr, in_link, degree, mark, order
        )
        for p in range(pair_ptr[o], pair_ptr[o + 1]):
            demand[pair_node[p]] += pair_trips[p]
        share_through(
            count,
            order,
            chosen,
            where,
            pool_flow,
            tail,
            head,
            out_ptr,
            in_ptr,
            in_link,
            demand,
            before,
            after,
        )
        for s in range(row_ptr[o], row_ptr[o + 1]):
            if pool_flow[s] > 0.0:
                a = pool_link[s]
                volume[a] += pool_flow[s] * share_of_link(a, chosen, tail, head, before, after)
        for p in range(pair_ptr[o], pair_ptr[o + 1]):
            pair_share[p] = before[pair_node[p]]
            demand[pair_node[p]] = 0.0
        for k in range(count):
            before[order[k]] = 0.0
            after[order[k]] = 0.0
        leave(o, row_ptr, nothing, nothing, pool_link, where)


@njit(cache=True)
def repair(
    gone,
    row_class,
    change,
    pair_ptr,
    pair_node,
    pair_trips,
    row_ptr,
    pool_link,
    pool_flow,
    tail,
    head,
    out_ptr,
    in_ptr,
    in_link,
    missing,
):
    """Make flows fit what has changed: trips of pair p become ``pair_trips[p] + change[p]``, links that are
    ``gone`` (c, m) for the class of a row, ``row_class`` (o,), get no flow. Both in proportion to the routes
    that were there; trips that lose their route, and new ones to where no flow went, are left for the caller
    in ``missing`` (p,).
    """
    n = out_ptr.size - 1
    rows = row_ptr.size - 1
    where = np.full(tail.size, -1, np.int64)
    degree, mark = np.zeros(n, np.int32), np.zeros(n, np.int32)
    order = np.empty(max(n, tail.size), np.int32)
    before, after, demand, through = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    nothing = np.zeros(rows, np.int64)
    for o in range(rows):
        shut = gone[row_class[o]]
        closed = False
        for s in range(row_ptr[o], row_ptr[o + 1]):
            closed |= shut[pool_link[s]] and pool_flow[s] > 0.0
        changed = False
        for p in range(pair_ptr[o], pair_ptr[o + 1]):
            changed |= change[p] != 0.0
        if not (closed or changed):
            continue
        gather(o, row_ptr, nothing, nothing, pool_link, where)
        count = order_row(
            o, row_ptr, pool_link, pool_flow, where, tail, head, out_ptr, in_ptr, in_link, degree, mark, order
        )
        if changed:
            for p in range(pair_ptr[o], pair_ptr[o + 1]):
                through[pair_node[p]] += change[p]
            for k in range(count - 1, -1, -1):
                node = order[k]
                inflow = 0.0
                for j in range(in_ptr[node], in_ptr[node + 1]):
                    s = where[in_link[j]]
                    if s >= 0 and pool_flow[s] > 0.0:
                        inflow += pool_flow[s]
                if inflow > 0.0:
                    factor = 1.0 + through[node] / inflow
                    for j in range(in_ptr[node], in_ptr[node + 1]):
                        a = in_link[j]
                        s = where[a]
                        if s >= 0 and pool_flow[s] > 0.0:
                            through[tail[a]] += pool_flow[s] * (factor - 1.0)
                            pool_flow[s] = max(pool_flow[s] * factor, 0.0)
                    through[node] = 0.0
                    demand[node] = 1.0  # reached by flow
            for p in range(pair_ptr[o], pair_ptr[o + 1]):
                if demand[pair_node[p]] == 0.0 and change[p] > 0.0:
                    missing[p] += change[p]
            for k in range(count):
                demand[order[k]] = 0.0
                through[order[k]] = 0.0
            for p in range(pair_ptr[o], pair_ptr[o + 1]):
                through[pair_node[p]] = 0.0
        if closed:
            for p in range(pair_ptr[o], pair_ptr[o + 1]):
                demand[pair_node[p]] += pair_trips[p] + change[p] - missing[p]
            share_through(
                count,
                order,
                shut,
                where,
                pool_flow,
                tail,
                head,
                out_ptr,
                in_ptr,
                in_link,
                demand,
                before,
                after,
            )
            for s in range(row_ptr[o], row_ptr[o + 1]):
                a = pool_link[s]
                if shut[a]:
                    pool_flow[s] = 0.0
                elif pool_flow[s] > 0.0:
                    pool_flow[s] *= 1.0 - share_of_link(a, shut, tail, head, before, after)
            for p in range(pair_ptr[o], pair_ptr[o + 1]):
                node = pair_node[p]
                missing[p] += (pair_trips[p] + change[p] - missing[p]) * before[node]
                demand[node] = 0.0
            for k in range(count):
                before[order[k]] = 0.0
                after[order[k]] = 0.0
        leave(o, row_ptr, nothing, nothing, pool_link, where)


@njit(cache=True)
def sum_along_trees(origin_node, entry, tail, value, along):
    """Sum of the values of links (m,) along the trees ``entry`` (o, n), into ``along`` (o, n); inf off the
    tree.
    """
    n = entry.shape[1]
    stack = np.empty(n, np.int32)
    for o in range(origin_node.size):
        row = along[o]
        row[:] = -1.0
        row[origin_node[o]] = 0.0
        for node in range(n):
            if entry[o, node] < 0:
                if node != origin_node[o]:
                    row[node] = math.inf
                continue
            depth = 0
            at = node
            while row[at] < 0.0:
                stack[depth] = at
                depth += 1
                at = tail[entry[o, at]]
            reached = row[at]
            while depth > 0:
                depth -= 1
                at = stack[depth]
                reached += value[entry[o, at]]
                row[at] = reached
