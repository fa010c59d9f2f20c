# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator,no-any-return,assignment"
"""Numba kernels of the rasters: text to numbers, tiles into a window, fine cells to coarse ones."""

from __future__ import annotations

import numpy as np
from numba import njit

MEAN, MAX, MIN = 0, 1, 2
# Powers of ten that a double holds exactly.
TENS = 10.0 ** np.arange(23)
# Decimal digits that a double surely holds: mantissa and power are exact, so their quotient is rounded once
# (Clinger 1990, "How to read floating point numbers accurately", the fast path).
DIGITS = 15


@njit(cache=True)
def line_starts(raw, begin, starts):
    """Where the lines with something in them begin, from byte `begin` on; the end of the last one after them.

    Returns their number, or -1 when there are more than `starts` (size n + 1) can hold.
    """
    most = starts.size - 1
    count = 0
    end = begin
    at = begin
    size = raw.size
    while at < size:
        first = at
        blank = True
        while at < size and raw[at] != 10:
            blank = blank and raw[at] <= 32
            at += 1
        at += 1
        if not blank:
            if count == most:
                return -1
            starts[count] = first
            count += 1
            end = min(at, size)
    starts[count] = end
    return count


@njit(cache=True)
def parse_row(raw, begin, end, width, first, last, out):
    """Plain decimal numbers of raw[begin:end]; those of columns first … last − 1 go to `out`.

    Returns whether there are `width` of them, all plain (sign, digits, point or comma, digits; no exponent,
    no more than `DIGITS` significant digits): other rows are for a slower reader.
    """
    column = 0
    at = begin
    while at < end:
        if raw[at] <= 32:
            at += 1
            continue
        negative = False
        if raw[at] == 45 or raw[at] == 43:
            negative = raw[at] == 45
            at += 1
        mantissa = np.int64(0)
        digits = 0
        places = 0
        zeros = 0  # after the point and not yet followed by another digit: they add nothing
        point = False
        some = False
        while at < end and raw[at] > 32:
            c = raw[at]
            if 48 <= c <= 57:
                some = True
                if c == 48 and point:
                    zeros += 1
                else:
                    if point:
                        for _ in range(zeros):
                            mantissa *= 10
                            digits += mantissa > 0
                        places += zeros + 1
                        zeros = 0
                    mantissa = mantissa * 10 + (c - 48)
                    digits += mantissa > 0
                    if digits > DIGITS:
                        return False
            elif (c == 46 or c == 44) and not point:
                point = True
            else:
                return False
            at += 1
        if not some or places > 22 or column >= width:
            return False
        if first <= column < last:
            value = mantissa / TENS[places]
            out[column - first] = -value if negative else value
        column += 1
    return column == width


@njit(cache=True)
def lay(values, none, scale, offset, out, twice):
    """Put a tile into a window: float64, NaN where it says "none", only where the window has no value yet.

    Parameters
    ----------
    values : (m, n), any number type. none : values that mean "no value" (besides NaN and what is huge).
    scale, offset : value = scale · stored + offset. out : (m, n), NaN where nothing is yet.
    twice : (m, n), set where there was a value already.

    Returns
    -------
    largest : the largest difference where there was a value already.
    """
    largest = 0.0
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            v = np.float64(values[i, j])
            bad = not (abs(v) <= 1e30)
            for k in range(none.size):
                bad = bad or v == none[k]
            if bad:
                continue
            v = v * scale + offset
            old = out[i, j]
            if old == old:
                twice[i, j] = True
                largest = max(largest, abs(old - v))
            else:
                out[i, j] = v
    return largest


@njit(cache=True)
def reduce_blocks(fine, k, method, least, out):
    """Blocks of k × k fine cells to one value: mean, max or min of those that have one.

    fine : (m·k, n·k). least : number of cells with a value from which a block has one. out : (m, n).
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            count = 0
            total = 0.0
            high = -np.inf
            low = np.inf
            for r in range(i * k, i * k + k):
                for c in range(j * k, j * k + k):
                    v = fine[r, c]
                    if v == v:
                        count += 1
                        total += v
                        high = max(high, v)
                        low = min(low, v)
            if count < least or count == 0:
                out[i, j] = np.nan
            elif method == MEAN:
                out[i, j] = total / count
            elif method == MAX:
                out[i, j] = high
            else:
                out[i, j] = low


@njit(cache=True)
def reduce_ranges(fine, rows, columns, method, out):
    """The same for cells that are no whole blocks: max or min over the rows rows[i, 0] to rows[i, 1] − 1.

    Cells of `out` that are NaN already (too little under them) stay so.
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if out[i, j] != out[i, j]:
                continue
            high = -np.inf
            low = np.inf
            for r in range(rows[i, 0], rows[i, 1]):
                for c in range(columns[j, 0], columns[j, 1]):
                    v = fine[r, c]
                    if v == v:
                        high = max(high, v)
                        low = min(low, v)
            out[i, j] = high if method == MAX else low


@njit(cache=True)
def join_runs(first, stop, ptr, node, parent):
    """Which runs of cells hang together, by a side or a corner of their cells.

    Runs ptr[i] … ptr[i + 1] − 1 lie in row i, west to east, in columns first … stop − 1; each belongs to a
    node. parent (n,), at first each node its own, becomes the lowest node of the part. Union-find with path
    halving (Tarjan and van Leeuwen 1984, "Worst-case analysis of set union algorithms").
    """
    for i in range(ptr.size - 2):
        a, b = ptr[i], ptr[i + 1]
        while a < ptr[i + 1] and b < ptr[i + 2]:
            if first[a] <= stop[b] and first[b] <= stop[a]:
                one, other = node[a], node[b]
                while parent[one] != one:
                    parent[one] = parent[parent[one]]
                    one = parent[one]
                while parent[other] != other:
                    parent[other] = parent[parent[other]]
                    other = parent[other]
                parent[max(one, other)] = min(one, other)
            # The one that ends first touches none of those that follow.
            if stop[a] < stop[b]:
                a += 1
            else:
                b += 1
    for k in range(parent.size):
        parent[k] = parent[parent[k]]  # parents are lower: theirs are the lowest already
