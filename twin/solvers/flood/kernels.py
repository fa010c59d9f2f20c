# mypy: ignore-errors
"""Layout and small building blocks shared by the flood kernels (numba; numbers and arrays only).

Layout. Every array on cells is padded by ``PAD`` cells on each side and its columns are completed to whole
sweeps of ``SWEEP_COLS``: see :func:`padded`. Cell (i, j) of the grid is element (i + PAD, j + PAD). Faces:
``static[CREST_X, r, c]`` is the crest on the face between (r, c) and (r, c + 1), ``static[CREST_Y, r, c]`` on
the face between (r, c) and (r + 1, c); -inf where there is none, +inf where nothing may ever pass. Inside the
kernels y grows with the row (southwards); the solver turns the sign for the outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

GRAVITY = 9.81  # m/s²
PAD = 4  # ghost cells on each side of the arrays (first order reads 2, second order 3)
TILE_ROWS = TILE_COLS = 64  # cells of a tile, which is awake or asleep
# Columns that the kernels of a row take at once, two tiles: shorter rows are slower (benchmarks/KERNELS.md).
# A sweep goes over two tiles side by side; where only one of them is asked for, the other is thrown away.
SWEEP_COLS = 2 * TILE_COLS
WEST_TILE, EAST_TILE, BOTH_TILES = 1, 2, 3
# A row of a sweep is computed by chunks of whole vectors; those without water are left out. The first has the
# halo too: so short a loop as the rest of a row would be does not vectorise.
CHUNK = 32
CHUNKS = SWEEP_COLS // CHUNK
FACED = 8  # see `wet_chunks`
WETS = (1 << FACED + CHUNKS) - 1

# state[k]: conserved variables; volumes are depth × cell area, momenta are unit discharges (m²/s)
DEPTH, DISCHARGE_X, DISCHARGE_Y = 0, 1, 2
# static[k]: bed above the datum (m), g n² (SI), crests above the datum (m), 1 where the second-order scheme
# may reconstruct a cell (0 beside a crest), and 2 g × the highest step down to a neighbour (m²/s²)
BED, FRICTION, CREST_X, CREST_Y, SMOOTH, FALL = 0, 1, 2, 3, 4, 5
PLANES = 6

# Laws of friction, d(hv)/dt = …, and what static[FRICTION] holds for them: Manning
# -g n² |v| v / h^(1/3), g n²; Chézy -c |v| v with c = g / C²; linear -k h v, k (1/s)
MANNING, CHEZY, LINEAR = 0, 1, 2
LAWS = {"manning": MANNING, "chezy": CHEZY, "linear": LINEAR}

# The scratch of a step begins with the highest wave speed and depth of each column of the tile.
COLUMN_SPEED, COLUMN_DEPTH, MAXIMA = 0, TILE_COLS, 2 * TILE_COLS

TINY = 1e-300
SMALL = 1e-37  # the same for both precisions, where the inverse must be finite
FULL = 1.0 - 1e-14  # share of its water that a cell may give in a step: the rest absorbs the rounding
FULL_SINGLE = 1.0 - 5e-6  # the same where fluxes are in single precision

# Bits of the seed of x^(-1/3): 4/3 of the exponent bias, less what makes the relative error least.
_SEED_64, _SEED_32 = 0x553EF0A3D70A3C00, 0x54A21D2A
# Series of (1 - r)^(-1/3) from r on
_SERIES = (1.0 / 3.0, 2.0 / 9.0, 14.0 / 81.0, 35.0 / 243.0, 91.0 / 729.0, 728.0 / 6561.0)


@intrinsic
def like(typingctx: Any, x: Any, value: Any) -> Any:  # noqa: ARG001
    """`value` in the floating type of x: a literal alone would make the arithmetic double."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[1], signature.args[1], signature.args[0])

    return x(x, types.float64), codegen


@intrinsic
def with_sign_of(typingctx: Any, size: Any, x: Any) -> Any:  # noqa: ARG001
    """A size ≥ 0 with the sign of x, without a comparison."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        kind = args[0].type
        copy = builder.module.declare_intrinsic("llvm.copysign", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(copy, args)

    return size(size, x), codegen


@intrinsic
def same_sign(typingctx: Any, x: Any, y: Any) -> Any:  # noqa: ARG001
    """Whether two numbers of one type have the same sign bit, without the units that multiply and compare."""
    bits = ir.IntType(64 if x == types.float64 else 32)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        one, other = (builder.bitcast(arg, bits) for arg in args)
        return builder.icmp_signed(">=", builder.xor(one, other), bits(0))

    return types.boolean(x, x), codegen


@intrinsic
def fused(typingctx: Any, x: Any, y: Any, z: Any) -> Any:  # noqa: ARG001
    """The sum x y + z, rounded once; numbers of one type.

    Said where it is meant: a compiler that may contract (`fastmath`) chooses otherwise in the process that
    compiles than in those that load what it kept, and a run that is taken up again would differ in its last
    bits. Without the instruction (x86 before 2013) it is a slow call.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.fma(*args)

    return x(x, x, x), codegen


@intrinsic
def larger(typingctx: Any, x: Any, y: Any) -> Any:  # noqa: ARG001
    """The larger of two numbers of one type, neither of them nan: only so does the maximum of a row
    vectorise.

    Where one is nan the result is one of the two.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        flags = ("nnan", "nsz")
        return builder.select(builder.fcmp_ordered(">", *args, flags=flags), *args, flags=flags)

    return x(x, x), codegen


@intrinsic
def stretch(typingctx: Any, array: Any, place: Any, count: Any) -> Any:  # noqa: ARG001
    """`count` numbers of an array in their order from `place` on: one index for each of its dimensions, none
    of them negative. Nothing is checked.

    The view does not keep the array alive, which must outlive it; a slice does, by counting its users, and
    looks at the signs and the order of its ends.
    """
    if not isinstance(array, types.Array) or array.layout != "C" or len(place) != array.ndim:
        return None
    view = types.Array(array.dtype, 1, "C", readonly=not array.mutable)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = context.make_array(signature.args[0])(context, builder, args[0])
        first, *rest = cgutils.unpack_tuple(builder, args[1])
        for size, index in zip(cgutils.unpack_tuple(builder, whole.shape)[1:], rest, strict=True):
            first = builder.add(builder.mul(first, size), index)
        size = context.get_constant(types.intp, context.get_abi_sizeof(whole.data.type.pointee))
        made = context.make_array(view)(context, builder)
        populate_array(made, builder.gep(whole.data, [first]), [args[2]], [size], size, None)
        return made._getvalue()

    return view(array, types.UniTuple(types.int64, array.ndim), types.int64), codegen


def padded(ny: int, nx: int) -> tuple[int, int]:
    """Shape of an array on ny × nx cells."""
    return ny + 2 * PAD, -(-nx // SWEEP_COLS) * SWEEP_COLS + 2 * PAD


@njit(inline="always")
def in_tile(planes, k, r, c0):
    """Row r of a tile that begins at the column c0, in plane k of a padded array."""
    return stretch(planes, (k, r, c0), TILE_COLS)


@njit(inline="always")
def in_sweep(planes, k, r, c0):
    """Row r of a sweep that begins at the column c0."""
    return stretch(planes, (k, r, c0), SWEEP_COLS)


@njit(inline="always")
def with_halo(planes, k, r, c0):
    """The same with the PAD cells on each side."""
    return stretch(planes, (k, r, c0 - PAD), SWEEP_COLS + 2 * PAD)


@njit(inline="always")
def target(planes, k, r, c0, asked, spare, place):
    """Where a sweep writes its row r of plane k: there, if both of its tiles are asked for, else to a spare
    row, of which :func:`keep_asked` takes half.
    """
    if asked == BOTH_TILES:
        return in_sweep(planes, k, r, c0)
    return stretch(spare, (place,), SWEEP_COLS)


@njit(error_model="numpy")
def keep_asked(planes, k, r, c0, asked, spare, place):
    """Bring the half of a spare row that was asked for to its place."""
    first = 0 if asked == WEST_TILE else TILE_COLS
    row, half = in_tile(planes, k, r, c0 + first), stretch(spare, (place + first,), TILE_COLS)
    for j in range(TILE_COLS):
        row[j] = half[j]


@njit(inline="always")
def start_of(row, k):
    """Place of the chunk k in a row: the first has a vector more than the others, 8 doubles or 16 singles."""
    return 64 // row.itemsize + k * CHUNK if k > 0 else 0


@njit(inline="always")
def length_of(row, k, end):
    """How many numbers the chunks from k to before `end` have. In single precision the last one ends in the
    margin of the row.
    """
    return start_of(row, end) - start_of(row, k)


@njit(inline="always")
def end_of_run(wet, k):
    """Behind the last of the chunks from k on that are all wet, or all not (bits of `wet`)."""
    end = k + 1
    while end < CHUNKS and wet >> end & 1 == wet >> k & 1:
        end += 1
    return end


@njit(inline="always")
def chunk(row, k):
    """A scratch, or a part of it, from the chunk k on: the places of its rows are then those of the chunk."""
    return stretch(row, (start_of(row, k),), row.size - start_of(row, k))


@njit(error_model="numpy")
def wet_chunks(row, depths, dry):
    """Which chunks of a row (`depths`: its place in the scratch `row`) have a cell of at least `dry`: bit k
    of chunk k; shifted by FACED, which of them have such a cell or one behind their last.
    """
    wet = 0
    behind = 0
    for k in range(CHUNKS):
        depth = chunk(row, k)
        # Mostly the first one tells; a maximum of so few would not vectorise.
        for j in range(length_of(row, k, k + 1)):
            if depth[depths + j] >= dry:
                wet |= 1 << k
                break
        behind |= (1 if depth[depths + length_of(row, k, k + 1)] >= dry else 0) << k
    return wet | ((wet | behind) << FACED)


@njit(inline="always")
def whole_plane(planes, k):
    """Plane k of a padded array, row after row."""
    return stretch(planes, (k, 0, 0), planes.shape[1] * planes.shape[2])


@intrinsic
def prefetch(typingctx: Any, row: Any, index: Any, write: Any) -> Any:  # noqa: ARG001
    """Ask for the cache line of row[index], which is read (write: 0) or written (1) soon; a place beyond the
    row does no harm. What is read comes into the second cache: the rows in flight leave no room in the first.
    """
    if not isinstance(write, types.IntegerLiteral):
        return None
    how = write.literal_value

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, word, word, word])
        asked = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(asked, [place, word(how), word(3 if how else 2), word(1)])
        return context.get_dummy_value()

    return types.none(row, types.int64, write), codegen


FOUR = 4  # numbers that are written past the caches at once
LARGE_STEP = 10 << 20  # bytes of a step that no cache keeps until the next (benchmarks/KERNELS.md)


@intrinsic
def _begins_four(typingctx: Any, row: Any) -> Any:  # noqa: ARG001
    """Whether a row begins where four of its numbers may be written past the caches."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        word = ir.IntType(64)
        mask = word(FOUR * signature.args[0].dtype.bitwidth // 8 - 1)
        return builder.icmp_unsigned("==", builder.and_(builder.ptrtoint(array.data, word), mask), word(0))

    return types.boolean(row), codegen


@intrinsic
def _write_four(typingctx: Any, row: Any, source: Any, at: Any, j: Any) -> Any:  # noqa: ARG001
    """row[j : j + 4] = source[at + j : at + j + 4], past the caches."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = [context.get_data_type(kind.dtype) for kind in signature.args[:2]]
        to, of = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:2], args[:2], strict=True)
        )
        vectors = [ir.VectorType(kind, FOUR) for kind in kinds]
        sizes = [kind.dtype.bitwidth // 8 for kind in signature.args[:2]]
        place = builder.gep(of, [builder.add(args[2], args[3])])
        four = builder.load(builder.bitcast(place, vectors[1].as_pointer()), align=sizes[1])
        if kinds[0] != kinds[1]:
            four = builder.fpext(four, vectors[0])
        there = builder.bitcast(builder.gep(to, [args[3]]), vectors[0].as_pointer())
        written = builder.store(four, there, align=FOUR * sizes[0])
        written.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    if row.dtype.bitwidth < source.dtype.bitwidth or row.layout != "C" or source.layout != "C":
        return None
    return types.none(row, source, types.int64, types.int64), codegen


@njit(inline="always")
def write_row(planes, k, r, c0, asked, past, source, first):
    """Write the row r of the tiles that are asked for in a sweep, from the place `first` of `source`; past
    the caches if `past` says so (see :func:`goes_past`) and its memory allows. Other threads see it after
    :func:`all_written`.
    """
    row = in_sweep(planes, k, r, c0)
    if past and _begins_four(row):
        start = 0 if asked & WEST_TILE else TILE_COLS
        end = SWEEP_COLS if asked & EAST_TILE else TILE_COLS
        for j in range(start, end, FOUR):
            _write_four(row, source, first, j)
    elif asked == BOTH_TILES:
        whole = stretch(source, (first,), SWEEP_COLS)
        for j in range(SWEEP_COLS):
            row[j] = whole[j]
    else:
        keep_asked(planes, k, r, c0, asked, source, first)


@njit(inline="always")
def copy_past(row, source):
    """Copy a row to another one of as many numbers, which is not read soon: past the caches, if its memory
    allows. Other threads see it after :func:`all_written`.
    """
    first = 0
    if _begins_four(row):
        first = row.size - row.size % FOUR
        for j in range(0, first, FOUR):
            _write_four(row, source, 0, j)
    for j in range(first, row.size):
        row[j] = source[j]


@njit(inline="always")
def goes_past(sweeps, cell):
    """Whether the new state of so many sweeps, whose step goes over `cell` bytes a cell, is written past the
    caches: it is read in the next step only, when they hold other rows, and to bring a row near in order to
    write it takes as long as to read it.
    """
    return sweeps * (TILE_ROWS * SWEEP_COLS) * cell > LARGE_STEP


@intrinsic
def all_written(typingctx: Any) -> Any:  # noqa: ARG001
    """Wait until what was written past the caches is where other threads see it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), codegen


@intrinsic
def _seed(typingctx: Any, x: Any) -> Any:  # noqa: ARG001
    """x^(-1/3) to 4 %: a third of the bits of x by shifts (1/4 + 1/16 + …), taken from a constant."""
    bits, seed, shifts = (64, _SEED_64, (4, 8, 16)) if x == types.float64 else (32, _SEED_32, (4, 8))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        integer = ir.IntType(bits)
        whole = builder.bitcast(args[0], integer)
        third = builder.add(builder.lshr(whole, integer(2)), builder.lshr(whole, integer(4)))
        for shift in shifts:
            third = builder.add(third, builder.lshr(third, integer(shift)))
        return builder.bitcast(builder.sub(integer(seed), third), args[0].type)

    return x(x), codegen


@njit(inline="always")
def inverse_cube_root(x: float) -> float:
    """x^(-1/3) for normal x > 0, to 2e-8 relative (1e-7 in single precision), without pow.

    One step from the seed y: with r = 1 - x y³, multiply y by the series of (1 - r)^(-1/3) up to r⁶. It
    serves the friction and the wave speed alone, where a Manning coefficient is known to a tenth at best.
    """
    y = _seed(x)
    r = fused(-x, y * y * y, like(x, 1.0))
    p = like(x, _SERIES[5])
    p = fused(p, r, like(x, _SERIES[4]))
    p = fused(p, r, like(x, _SERIES[3]))
    p = fused(p, r, like(x, _SERIES[2]))
    p = fused(p, r, like(x, _SERIES[1]))
    p = fused(p, r, like(x, _SERIES[0]))
    return fused(y, r * p, y)


@njit(cache=True, error_model="numpy")
def inverse_cube_roots(x: np.ndarray, out: np.ndarray) -> None:
    """:func:`inverse_cube_root` of an array (for tests)."""
    for k in range(x.size):
        out[k] = inverse_cube_root(x[k])


@njit(error_model="numpy")
def add_all(values, total, lost):
    """A sum and what rounding took from it, with the numbers of a 1-D array added in their order (Neumaier
    1974).
    """
    for k in range(values.size):
        x = values[k]
        new = total + x
        if abs(total) >= abs(x):
            lost += (total - new) + x
        else:
            lost += (x - new) + total
        total = new
    return total, lost


@njit(cache=True, error_model="numpy")
def compensated_sum(values: np.ndarray) -> float:
    """Sum of a 1-D array by :func:`add_all`, error of one rounding."""
    total, lost = add_all(values, 0.0, 0.0)
    return total + lost


@njit(error_model="numpy")
def look_at_depths(depth, dry):
    """How many of some depths are not 0, and how many at least `dry`."""
    some = 0
    wet = 0
    for j in range(depth.size):
        some += 1 if depth[j] != 0.0 else 0
        wet += 1 if depth[j] >= dry else 0
    return some, wet


@njit(cache=True, parallel=True, error_model="numpy")
def volume_and_wet(depth: np.ndarray, ny: int, nx: int, dry: float) -> tuple[float, int]:
    """Sum of the depths (m) of the grid cells of a padded array, as :func:`compensated_sum` of each row and
    then over the rows, and how many cells are at least `dry` deep.

    Each addition waits for the one before, and a 0 changes neither the sum nor its compensation: stretches
    without water, most of many maps, are only looked at.
    """
    rows = np.empty(ny)
    wet = np.empty(ny, dtype=np.int64)
    for n in prange(ny):
        i = np.int64(n) + PAD  # the number of a parallel loop has no sign
        total = 0.0
        lost = 0.0
        wet[n] = 0
        for first in range(0, nx, TILE_COLS):
            part = stretch(depth, (i, first + PAD), min(TILE_COLS, nx - first))
            some, deep = look_at_depths(part, dry)
            wet[n] += deep
            if some > 0:
                total, lost = add_all(part, total, lost)
        rows[n] = total + lost
    return compensated_sum(rows), wet.sum()
