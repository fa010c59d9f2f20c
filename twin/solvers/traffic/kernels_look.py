"""Numba kernels that look for the used links that are dearer than the tree of their row."""

import math

import numpy as np
from numba import njit, prange

from twin.solvers.traffic.kernels_trees import mend_tree


@njit(cache=True)
def _look_block(first, from_row, to_row, seen):
    """`look` for rows ``from_row … to_row - 1``.

    Flow up to ``dust`` (o,) on links that a closure has cut off from the origin is rounding, and dropped;
    more than that makes the excess inf.
    """
    (
        origin_node, rank, out_ptr, tail, head, in_ptr, in_link, in_rank, cost, through, row_ptr,
        pool_link, pool_flow, least, dust, distance, entry, candidate, count, excess,
    ) = seen  # fmt: skip
    n = out_ptr.size - 1
    settled = np.empty(n, np.int32)
    heap_node = np.empty(n, np.int32)
    heap_key = np.empty(n)
    place = np.empty(n, np.int32)
    key = np.empty(tail.size)
    for o in range(from_row, to_row):
        row = o - first
        mend_tree(
            origin_node[o], out_ptr, tail, head, in_ptr, in_link, in_rank, cost, through, rank[o],
            distance[row], entry[row], settled, heap_node, heap_key, place,
        )  # fmt: skip
        found = 0
        summed = 0.0
        begin = row_ptr[o] - row_ptr[first]
        for s in range(row_ptr[o], row_ptr[o + 1]):
            if pool_flow[s] > 0.0:
                a = pool_link[s]
                reach = distance[row, tail[a]] + cost[a]
                if reach == math.inf:
                    if pool_flow[s] <= dust[o]:
                        pool_flow[s] = 0.0
                    else:
                        summed = math.inf
                    continue
                reduced = reach - distance[row, head[a]]
                if reduced > 0.0:
                    summed += pool_flow[s] * reduced
                if reduced > least * reach:
                    candidate[begin + found] = s
                    key[found] = distance[row, head[a]]
                    found += 1
        ahead = np.argsort(key[:found], kind="mergesort")  # upstream first: segments stay short
        chosen = candidate[begin : begin + found].copy()
        for k in range(found):
            candidate[begin + k] = chosen[ahead[k]]
        count[row] = found
        excess[o] = summed


@njit(cache=True, parallel=True)
def look(first, last, blocks, seen):
    """Trees of rows ``first … last - 1`` mended at `cost`, parallel over blocks of rows; the slots of used
    links that are dearer than the tree by more than ``least``, ``candidate[row_ptr[o] - row_ptr[first]:]``,
    ``count`` of them for each row; and their flow × reduced cost summed, ``excess``. These are in ``seen``,
    in the order of `_look_block`.
    """
    rows = last - first
    for block in prange(blocks):
        _look_block(first, first + block * rows // blocks, first + (block + 1) * rows // blocks, seen)


@njit(cache=True)
def look_alone(first, last, seen):
    """`look` on one thread."""
    _look_block(first, first, last, seen)
