"""Numba kernels of shortest-path trees: one of them, many of them, and one mended where costs have changed.

A tree is kept as ``rank`` (n,): the place of the link that enters a node among the links that enter it
(`ForwardStar.in_link`), `NO_ENTRY` where none does. Two bytes a node are enough, so that the trees of every
origin can be kept.
"""

import math

import numpy as np
from numba import njit, prange

NO_ENTRY = 65535


@njit(cache=True)
def sift_down(size, heap_node, heap_key, place):
    """Fill the hole at the root of the 4-ary heap with its last element, that of number `size`."""
    last = heap_node[size]
    key = heap_key[size]
    hole = 0
    while True:
        child = 4 * hole + 1
        if child >= size:
            break
        smallest = heap_key[child]
        for k in range(child + 1, min(child + 4, size)):
            if heap_key[k] < smallest:
                smallest = heap_key[k]
                child = k
        if smallest >= key:
            break
        moved = heap_node[child]
        heap_node[hole] = moved
        heap_key[hole] = smallest
        place[moved] = hole
        hole = child
    heap_node[hole] = last
    heap_key[hole] = key
    place[last] = hole


@njit(cache=True)
def sift_up(hole, node, key, heap_node, heap_key, place):
    """Put a node into the heap, from `hole` upwards."""
    while hole > 0:
        parent = (hole - 1) >> 2
        if heap_key[parent] <= key:
            break
        moved = heap_node[parent]
        heap_node[hole] = moved
        heap_key[hole] = heap_key[parent]
        place[moved] = hole
        hole = parent
    heap_node[hole] = node
    heap_key[hole] = key
    place[node] = hole


@njit(cache=True)
def _offer(node, reached, size, out_ptr, head, cost, distance, entry, heap_node, heap_key, place):
    """Take the links out of a node where they are shorter; the new size of the heap."""
    for a in range(out_ptr[node], out_ptr[node + 1]):
        target = head[a]
        key = reached + cost[a]
        if key < distance[target]:
            hole = place[target]
            if hole < 0:
                hole = size
                size += 1
            distance[target] = key
            entry[target] = a
            sift_up(hole, target, key, heap_node, heap_key, place)
    return size


@njit(cache=True)
def settle_heap(
    size, origin, out_ptr, head, cost, through, distance, entry, settled, heap_node, heap_key, place
):
    """Dijkstra from the nodes in the heap; how many nodes were settled, listed in ``settled``."""
    count = 0
    while size > 0:
        node = heap_node[0]
        reached = heap_key[0]
        place[node] = -1
        settled[count] = node
        count += 1
        size -= 1
        if size > 0:
            sift_down(size, heap_node, heap_key, place)
        if node != origin and not through[node]:
            continue
        size = _offer(node, reached, size, out_ptr, head, cost, distance, entry, heap_node, heap_key, place)
    return count


@njit(cache=True)
def grow_tree(origin, out_ptr, head, cost, through, distance, entry, settled, heap_node, heap_key, place):
    """Shortest-path tree from a node: Dijkstra with an indexed 4-ary heap; returns the number of nodes
    reached.

    Nodes with ``through`` False are reached but not passed (except the origin). ``distance`` (n,) is inf and
    ``entry`` (n,) -1 where no path leads; ``settled`` lists the reached nodes, a node after its predecessor
    (also over links of cost 0). Costs must be >= 0; a link of cost inf is never used.
    """
    for i in range(distance.size):
        distance[i] = math.inf
        entry[i] = -1
        place[i] = -1
    distance[origin] = 0.0
    heap_node[0] = origin
    heap_key[0] = 0.0
    place[origin] = 0
    return settle_heap(
        1, origin, out_ptr, head, cost, through, distance, entry, settled, heap_node, heap_key, place
    )


@njit(cache=True)
def mend_tree(
    origin,
    out_ptr,
    tail,
    head,
    in_ptr,
    in_link,
    in_rank,
    cost,
    through,
    rank,
    distance,
    entry,
    settled,
    heap_node,
    heap_key,
    place,
):
    """`grow_tree` from a tree that was shortest at other costs, in ``rank`` (n,), which becomes the new one.

    The old tree is measured at the new costs; Dijkstra then begins at the nodes to which a link offers less.
    A node leaves the heap once, for all labels are upper bounds; at the end no link offers less anywhere
    (Bellman's conditions, in the same floating point as `grow_tree`), whatever tree it began with. Any
    `rank` without a cycle will do: all `NO_ENTRY` grows the tree from nothing.
    """
    n = distance.size
    for i in range(n):
        distance[i] = -1.0
        place[i] = -1
        entry[i] = -1
    distance[origin] = 0.0
    for i in range(n):
        node = i
        depth = 0
        while distance[node] < 0.0:
            settled[depth] = node
            depth += 1
            if rank[node] == NO_ENTRY:
                break
            a = in_link[in_ptr[node] + rank[node]]
            entry[node] = a
            node = tail[a]
        if depth == 0:
            continue
        reached = distance[node]
        if reached < 0.0:  # cut off from the origin
            reached = math.inf
            distance[node] = math.inf
            depth -= 1
        while depth > 0:
            depth -= 1
            node = settled[depth]
            reached += cost[entry[node]]
            distance[node] = reached
    size = 0
    for node in range(n):
        reached = distance[node]
        if reached == math.inf:
            entry[node] = -1
            continue
        if place[node] >= 0 or (node != origin and not through[node]):
            continue
        size = _offer(node, reached, size, out_ptr, head, cost, distance, entry, heap_node, heap_key, place)
    settle_heap(
        size, origin, out_ptr, head, cost, through, distance, entry, settled, heap_node, heap_key, place
    )
    for i in range(n):
        rank[i] = in_rank[entry[i]] if entry[i] >= 0 else NO_ENTRY


@njit(cache=True, parallel=True)
def grow_trees(origin_node, out_ptr, head, cost, through, distance, entry, blocks):
    """Shortest-path trees of several origins: ``distance`` and ``entry`` (o, n), parallel over blocks of
    origins.
    """
    origins = origin_node.size
    n = out_ptr.size - 1
    for block in prange(blocks):
        settled = np.empty(n, np.int32)
        heap_node = np.empty(n, np.int32)
        heap_key = np.empty(n)
        place = np.empty(n, np.int32)
        for o in range(block * origins // blocks, (block + 1) * origins // blocks):
            grow_tree(
                origin_node[o], out_ptr, head, cost, through, distance[o], entry[o], settled, heap_node,
                heap_key, place,
            )  # fmt: skip


@njit(cache=True)
def _mend_block(first, last, origin_node, star, cost, through, rank, distance, entry):
    """`mend_tree` of origins ``first … last - 1``; ``star``: out_ptr to in_rank of a `ForwardStar`."""
    out_ptr, tail, head, in_ptr, in_link, in_rank = star
    n = out_ptr.size - 1
    settled = np.empty(n, np.int32)
    heap_node = np.empty(n, np.int32)
    heap_key = np.empty(n)
    place = np.empty(n, np.int32)
    for o in range(first, last):
        mend_tree(
            origin_node[o], out_ptr, tail, head, in_ptr, in_link, in_rank, cost, through, rank[o],
            distance[o], entry[o], settled, heap_node, heap_key, place,
        )  # fmt: skip


@njit(cache=True, parallel=True)
def mend_trees(origin_node, star, cost, through, rank, distance, entry, blocks):
    """Trees of several origins from those in ``rank`` (o, n): ``distance`` and ``entry`` (o, n), parallel
    over blocks of origins.
    """
    origins = origin_node.size
    for block in prange(blocks):
        _mend_block(
            block * origins // blocks, (block + 1) * origins // blocks, origin_node, star, cost, through,
            rank, distance, entry,
        )  # fmt: skip


@njit(cache=True)
def mend_trees_alone(origin_node, star, cost, through, rank, distance, entry):
    """`mend_trees` on one thread, for networks so small that waking the others takes longer."""
    _mend_block(0, origin_node.size, origin_node, star, cost, through, rank, distance, entry)


@njit(cache=True)
def grow_trees_alone(origin_node, out_ptr, head, cost, through, distance, entry):
    """`grow_trees` on one thread."""
    n = out_ptr.size - 1
    settled = np.empty(n, np.int32)
    heap_node = np.empty(n, np.int32)
    heap_key = np.empty(n)
    place = np.empty(n, np.int32)
    for o in range(origin_node.size):
        grow_tree(
            origin_node[o], out_ptr, head, cost, through, distance[o], entry[o], settled, heap_node, heap_key,
            place,
        )  # fmt: skip


@njit(cache=True)
def carry_trees(rank, row, old_in_ptr, old_in_link, place, in_rank, out):
    """Trees for a changed network: ``out`` (rows, n) from ``rank`` (old rows, n); ``row`` (rows,) is the old
    row of each, -1 without one, ``place`` (m old,) the new place of each link, -1 where it is gone.
    """
    for o in range(row.size):
        old = row[o]
        if old < 0:
            out[o, :] = NO_ENTRY
            continue
        for node in range(out.shape[1]):
            out[o, node] = NO_ENTRY
            if rank[old, node] != NO_ENTRY:
                a = place[old_in_link[old_in_ptr[node] + rank[old, node]]]
                if a >= 0:
                    out[o, node] = in_rank[a]
