# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator,no-any-return"
"""Numba kernels of the Valmont generator: flow routing, erosion, cheapest path."""

from __future__ import annotations

import numpy as np
from numba import njit

DI = np.array([-1, -1, -1, 0, 0, 1, 1, 1])
DJ = np.array([-1, 0, 1, -1, 1, -1, 0, 1])


@njit(cache=True)
def _push(key, item, size, k, v):
    """Insert (k, v) in the binary min-heap (key, item) of `size` entries; returns the new size."""
    n = size
    while n > 0:
        parent = (n - 1) >> 1
        if key[parent] <= k:
            break
        key[n] = key[parent]
        item[n] = item[parent]
        n = parent
    key[n] = k
    item[n] = v
    return size + 1


@njit(cache=True)
def _pop(key, item, size):
    """Remove the least entry of the heap; returns (its value, the new size)."""
    top = item[0]
    size -= 1
    k = key[size]
    v = item[size]
    n = 0
    while True:
        child = 2 * n + 1
        if child >= size:
            break
        if child + 1 < size and key[child + 1] < key[child]:
            child += 1
        if key[child] >= k:
            break
        key[n] = key[child]
        item[n] = item[child]
        n = child
    key[n] = k
    item[n] = v
    return top, size


@njit(cache=True)
def route(z, fixed, order, receiver):
    """Receivers on the depression-free surface of `z`, by priority flood (Barnes et al. 2014).

    z (ny, nx) m; fixed (ny, nx) bool: outlets. Writes order (ny*nx,): cells from the outlets upwards,
    every receiver before its donors; receiver (ny*nx,): flat index downstream, itself for an outlet.
    The receiver is the steepest lower neighbour already flooded, else the cell that flooded this one.
    Returns the number of cells reached. The edges of the array are closed unless they are fixed.
    """
    ny, nx = z.shape
    n = ny * nx
    level = np.empty(n)
    parent = np.full(n, -1)
    rank = np.full(n, -1)
    key = np.empty(n + 1)
    item = np.empty(n + 1, dtype=np.int64)
    size = 0
    for i in range(ny):
        for j in range(nx):
            if fixed[i, j]:
                c = i * nx + j
                level[c] = z[i, j]
                parent[c] = c
                size = _push(key, item, size, z[i, j], c)
    count = 0
    while size > 0:
        c, size = _pop(key, item, size)
        order[count] = c
        rank[c] = count
        count += 1
        i = c // nx
        j = c - i * nx
        if fixed[i, j]:
            receiver[c] = c
        else:
            best = parent[c]
            steepest = 0.0
            for k in range(8):
                a = i + DI[k]
                b = j + DJ[k]
                if 0 <= a < ny and 0 <= b < nx:
                    d = a * nx + b
                    if rank[d] >= 0:
                        run = 1.4142135623730951 if DI[k] != 0 and DJ[k] != 0 else 1.0
                        slope = (level[c] - level[d]) / run
                        if slope > steepest:
                            steepest = slope
                            best = d
            receiver[c] = best
        for k in range(8):
            a = i + DI[k]
            b = j + DJ[k]
            if 0 <= a < ny and 0 <= b < nx:
                d = a * nx + b
                if parent[d] < 0:
                    parent[d] = c
                    level[d] = max(z[a, b], level[c])
                    size = _push(key, item, size, level[d], d)
    return count


@njit(cache=True)
def accumulate(order, receiver, count, cell_area, area):
    """Drainage area (m2) of every cell, from the order and the receivers of `route`."""
    area[:] = cell_area
    for k in range(count - 1, -1, -1):
        c = order[k]
        if receiver[c] != c:
            area[receiver[c]] += area[c]


@njit(cache=True)
def incise(z, order, receiver, count, area, erodibility, exponent, cell):
    """One implicit step of dz/dt = -K A^m S (Braun and Willett 2013, Geomorphology 180), dt in K."""
    nx = z.shape[1]
    flat = z.reshape(-1)
    hard = erodibility.reshape(-1)
    for k in range(count):
        c = order[k]
        r = receiver[c]
        if r == c or flat[c] <= flat[r]:
            continue
        run = cell if abs(c - r) == 1 or abs(c - r) == nx else cell * 1.4142135623730951
        f = hard[c] * area[c] ** exponent / run
        flat[c] = (flat[c] + f * flat[r]) / (1.0 + f)


@njit(cache=True)
def creep(z, fixed, number, work):
    """One explicit step of hillslope diffusion; number = D dt / cell2 (at most 0.25); closed edges."""
    ny, nx = z.shape
    for i in range(ny):
        for j in range(nx):
            work[i, j] = z[i, j]
    for i in range(ny):
        for j in range(nx):
            if fixed[i, j]:
                continue
            c = work[i, j]
            flux = 0.0
            if i > 0:
                flux += work[i - 1, j] - c
            if i < ny - 1:
                flux += work[i + 1, j] - c
            if j > 0:
                flux += work[i, j - 1] - c
            if j < nx - 1:
                flux += work[i, j + 1] - c
            z[i, j] = c + number * flux


@njit(cache=True)
def cheapest(z, cost, cell, start, end, slope_weight):
    """Cheapest way from `start` to `end` (flat indices) for a road that dislikes slopes.

    The cost of a move is length x mean cost x (1 + slope_weight x slope2); 16 directions, so that a road
    need not turn by 45 degrees. Returns the flat indices from end to start (empty: no way).
    """
    ny, nx = z.shape
    n = ny * nx
    moves_i = np.array([-1, -1, -1, 0, 0, 1, 1, 1, -2, -2, -1, -1, 1, 1, 2, 2])
    moves_j = np.array([-1, 0, 1, -1, 1, -1, 0, 1, -1, 1, -2, 2, -2, 2, -1, 1])
    best = np.full(n, np.inf)
    came = np.full(n, -1)
    done = np.zeros(n, dtype=np.bool_)
    key = np.empty(16 * n)
    item = np.empty(16 * n, dtype=np.int64)
    size = _push(key, item, 0, 0.0, start)
    best[start] = 0.0
    while size > 0:
        c, size = _pop(key, item, size)
        if done[c]:
            continue
        done[c] = True
        if c == end:
            break
        i = c // nx
        j = c - i * nx
        for k in range(16):
            a = i + moves_i[k]
            b = j + moves_j[k]
            if a < 0 or a >= ny or b < 0 or b >= nx or not np.isfinite(cost[a, b]):
                continue
            d = a * nx + b
            if done[d]:
                continue
            run = cell * np.sqrt(float(moves_i[k] ** 2 + moves_j[k] ** 2))
            slope = (z[a, b] - z[i, j]) / run
            total = best[c] + run * 0.5 * (cost[a, b] + cost[i, j]) * (1.0 + slope_weight * slope * slope)
            if total < best[d]:
                best[d] = total
                came[d] = c
                size = _push(key, item, size, total, d)
    if came[end] < 0:
        return np.empty(0, dtype=np.int64)
    path = np.empty(n, dtype=np.int64)
    length = 0
    c = end
    while c >= 0:
        path[length] = c
        length += 1
        c = came[c]
    return path[:length].copy()
