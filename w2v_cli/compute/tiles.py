"""Tiles: tuples of vectors, unrolled here and nowhere else. Their width is the length of the tuple.

A kernel walks through the columns of several rows at once, a tile at a time: one vector from each row. LLVM dissolves
the tuples, so the vectors stay in registers.

`score_pair` and `exchange` do several things at once because their order saves registers: AVX2 has 16, too few to load
a tile of seven vectors first and use it afterwards (measured: help/design.md, "Tiles").
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from w2v_cli.compute.simd import (
    LANES,
    Vector,
    broadcast_number,
    call_llvm,
    intrinsic,
    load_vector,
    number_type,
    shuffle,
    store_vector,
)

# How many numbers `store_totals` writes: the width of the widest tile, rounded up to a power of two.
TOTALS = 8


def _index(number):
    return ir.Constant(ir.IntType(64), number)


@intrinsic(prefer_literal=True)
def take(typingctx, numbers, start, width):
    """Return the tuple numbers[start : start + width] of an address; the width must be a literal or a constant."""

    def codegen(context, builder, signature, args):
        first = builder.gep(args[0], [context.cast(builder, args[1], start, types.intp)])
        return cgutils.pack_array(
            builder, [builder.load(builder.gep(first, [_index(i)])) for i in range(width.literal_value)]
        )

    return types.UniTuple(numbers.dtype, width.literal_value)(numbers, start, width), codegen


@intrinsic(prefer_literal=True)
def zero_tile(typingctx, memory, width):
    """Return a tile of zeros, of the type of the numbers in vectors from the memory."""
    kind = types.UniTuple(Vector(number_type(memory.dtype)), width.literal_value)

    def codegen(context, builder, signature, args):
        return ir.Constant(context.get_value_type(kind), None)

    return kind(memory, width), codegen


@intrinsic
def load_tile(typingctx, table, rows, column):
    """Return table[row + column : row + column + LANES] of each of a tuple of rows."""

    def codegen(context, builder, signature, args):
        start = builder.gep(args[0], [args[2]])
        rows_ = cgutils.unpack_tuple(builder, args[1], rows.count)
        return cgutils.pack_array(builder, [load_vector(builder, table.dtype, start, row) for row in rows_])

    return types.UniTuple(Vector(number_type(table.dtype)), rows.count)(table, rows, types.intp), codegen


@intrinsic
def store_tile(typingctx, table, rows, column, tile):
    """Store each vector of a tile in its row, as table[row + column : row + column + LANES]."""

    def codegen(context, builder, signature, args):
        start = builder.gep(args[0], [args[2]])
        rows_, vectors = (cgutils.unpack_tuple(builder, args[i], rows.count) for i in (1, 3))
        for row, vector in zip(rows_, vectors, strict=True):
            store_vector(builder, table.dtype, start, row, vector)

    return types.void(table, rows, types.intp, tile), codegen


@intrinsic
def broadcast_tile(typingctx, numbers):
    """Return a tile that has each of a tuple of numbers in every lane of its vector."""

    def codegen(context, builder, signature, args):
        numbers_ = cgutils.unpack_tuple(builder, args[0], numbers.count)
        return cgutils.pack_array(builder, [broadcast_number(builder, number) for number in numbers_])

    return types.UniTuple(Vector(numbers.dtype), numbers.count)(numbers), codegen


@intrinsic
def score_pair(typingctx, table, rows, column, x, y, x_sums, y_sums):
    """Return (x_sums + x·O, y_sums + y·O), with O the tile of the rows at a column, loaded a vector at a time."""
    kind = types.Tuple((x_sums, y_sums))

    def codegen(context, builder, signature, args):
        start = builder.gep(args[0], [args[2]])
        rows_, x_sums_, y_sums_ = (cgutils.unpack_tuple(builder, args[i], rows.count) for i in (1, 5, 6))
        for i, row in enumerate(rows_):
            o = load_vector(builder, table.dtype, start, row)
            x_sums_[i] = call_llvm(builder, "fma", args[3], o, x_sums_[i])
            y_sums_[i] = call_llvm(builder, "fma", args[4], o, y_sums_[i])
        return context.make_tuple(builder, kind, [cgutils.pack_array(builder, sums) for sums in (x_sums_, y_sums_)])

    return kind(table, rows, types.intp, x, y, x_sums, y_sums), codegen


@intrinsic
def exchange(typingctx, errors, cell, x, y, tile, sums):
    """Return (sums + e·x + f·y, Σ e·tile, Σ f·tile): what a pair of inputs and a tile of outputs give each other.

    e and f are the errors of x and y with each vector of the tile, at errors[cell + i] and errors[cell + TOTALS + i].
    """
    kind = types.Tuple((sums, x, y))

    def codegen(context, builder, signature, args):
        memory, first, x_, y_ = args[:4]
        outputs, sums_ = (cgutils.unpack_tuple(builder, args[i], tile.count) for i in (4, 5))
        totals = [None, None]
        for i, output in enumerate(outputs):
            e, f = (
                broadcast_number(builder, builder.load(builder.gep(memory, [builder.add(first, _index(at))])))
                for at in (i, TOTALS + i)
            )
            sums_[i] = call_llvm(builder, "fma", e, x_, call_llvm(builder, "fma", f, y_, sums_[i]))
            totals = [
                builder.fmul(error, output) if total is None else call_llvm(builder, "fma", error, output, total)
                for error, total in zip((e, f), totals, strict=True)
            ]
        return context.make_tuple(builder, kind, [cgutils.pack_array(builder, sums_), *totals])

    return kind(errors, types.intp, x, y, tile, sums), codegen


@intrinsic
def weighted_sum(typingctx, weights, tile):
    """Return Σ weights·tile, as the sum of two halves that need not wait for each other."""

    def codegen(context, builder, signature, args):
        weights_, vectors = (cgutils.unpack_tuple(builder, arg, tile.count) for arg in args)
        half, sums = -(-tile.count // 2), []
        for part in (range(half), range(half, tile.count)):
            total = builder.fmul(weights_[part[0]], vectors[part[0]])
            for i in part[1:]:
                total = call_llvm(builder, "fma", weights_[i], vectors[i], total)
            sums.append(total)
        return builder.fadd(*sums)

    return tile.dtype(weights, tile), codegen


def _totals_pointer(builder, memory, offset):
    """Return the address of memory[offset : offset + TOTALS] as one vector."""
    kind = ir.VectorType(memory.type.pointee, TOTALS)
    return builder.bitcast(builder.gep(memory, [offset]), kind.as_pointer())


def _neighbours(builder, a, b):
    """Return the sums of neighbouring lanes in each four lanes of two vectors: a's, then b's."""
    lanes = a.type.count
    even = [start + i for q in range(0, lanes, 4) for start in (q, lanes + q) for i in (0, 2)]
    return builder.fadd(shuffle(builder, a, b, even), shuffle(builder, a, b, [i + 1 for i in even]))


def _sums_of_eight(builder, vectors):
    """Return the sums of each eight lanes of eight vectors: those of the first eight lanes, then those of the next."""
    while len(vectors) > 2:
        vectors = [_neighbours(builder, vectors[i], vectors[i + 1]) for i in range(0, len(vectors), 2)]
    lanes = vectors[0].type.count
    low = [start + i for q in range(0, lanes, 8) for start in (q, lanes + q) for i in range(4)]
    return builder.fadd(shuffle(builder, *vectors, low), shuffle(builder, *vectors, [i + 4 for i in low]))


def _filled(vectors):
    """Return vectors with zeros behind them, `TOTALS` in all."""
    return vectors + [ir.Constant(vectors[0].type, None)] * (TOTALS - len(vectors))


@intrinsic
def store_totals(typingctx, memory, offset, tile):
    """Store the sum of each vector's lanes, then zeros, as memory[offset : offset + TOTALS]."""

    def codegen(context, builder, signature, args):
        vectors = cgutils.unpack_tuple(builder, args[2], tile.count)
        if LANES == 16:
            low, high = list(range(8)), list(range(8, 16))
            vectors = [builder.fadd(shuffle(builder, v, v, low), shuffle(builder, v, v, high)) for v in vectors]
        sums = _sums_of_eight(builder, _filled(vectors))
        builder.store(sums, _totals_pointer(builder, *args[:2]), align=memory.dtype.bitwidth // 8)

    return types.void(memory, types.intp, tile), codegen


@intrinsic
def store_pair_totals(typingctx, memory, offset, x, y):
    """Store what `store_totals` stores of x, and behind it what it stores of y.

    If a vector has 16 lanes, the sums of x and of y are halves of one vector, so that half as many shuffles do.
    """

    def codegen(context, builder, signature, args):
        align = memory.dtype.bitwidth // 8
        pairs = list(zip(*(cgutils.unpack_tuple(builder, args[i], x.count) for i in (2, 3)), strict=True))
        if LANES == 16:
            own, crossed = [*range(8), *range(24, 32)], [*range(8, 16), *range(16, 24)]
            vectors = [builder.fadd(shuffle(builder, *pair, own), shuffle(builder, *pair, crossed)) for pair in pairs]
            store_vector(builder, memory.dtype, *args[:2], _sums_of_eight(builder, _filled(vectors)))
            return
        for start, vectors in zip((0, TOTALS), zip(*pairs, strict=True), strict=True):
            sums = _sums_of_eight(builder, _filled(list(vectors)))
            builder.store(sums, _totals_pointer(builder, args[0], builder.add(args[1], _index(start))), align=align)

    return types.void(memory, types.intp, x, y), codegen


@intrinsic
def clear_totals(typingctx, memory, offset):
    """Store zeros as memory[offset : offset + TOTALS]."""

    def codegen(context, builder, signature, args):
        address = _totals_pointer(builder, *args)
        builder.store(ir.Constant(address.type.pointee, [0.0] * TOTALS), address, align=memory.dtype.bitwidth // 8)

    return types.void(memory, types.intp), codegen


@intrinsic
def add_totals(typingctx, memory, offset, others, start):
    """Add others[start : start + TOTALS] to memory[offset : offset + TOTALS]."""

    def codegen(context, builder, signature, args):
        size = memory.dtype.bitwidth // 8
        target, other = (_totals_pointer(builder, *args[at : at + 2]) for at in (0, 2))
        total = builder.fadd(builder.load(target, align=size), builder.load(other, align=size))
        builder.store(total, target, align=size)

    return types.void(memory, types.intp, others, types.intp), codegen


@intrinsic
def write_halves(typingctx, memory, offset, numbers, start):
    """Store half of the whole numbers[start : start + TOTALS] as memory[offset : offset + TOTALS]."""

    def codegen(context, builder, signature, args):
        target, source = (_totals_pointer(builder, *args[at : at + 2]) for at in (0, 2))
        kind = target.type.pointee
        halves = builder.fmul(builder.sitofp(builder.load(source, align=1), kind), ir.Constant(kind, [0.5] * TOTALS))
        builder.store(halves, target, align=memory.dtype.bitwidth // 8)

    return types.void(memory, types.intp, numbers, types.intp), codegen
