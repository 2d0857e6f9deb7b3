"""Vectors of a few lanes as numba values: load, store, arithmetic, prefetch; and text bytes as bit masks.

The training kernels are written with these operations because the loop vectoriser gives up on rows that might overlap.
They work for float32 and float64 alike, and for memory of float16: numba has no such numbers, so its elements are the
bits of one, uint16. A vector that is loaded from there holds float32, and is rounded when it is stored.

Memory is a flat, contiguous array or its address. Kernels use addresses: numba counts the references to an array
whenever it passes one on. An `offset` counts elements from there, is ≥ 0, and is not checked.

A tile is a tuple of vectors, such as one from each of several rows. Arithmetic on tiles is arithmetic on each of their
vectors; `tiles` has the operations that only tiles have.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import models, register_model

# With numba's own type, every call of an intrinsic would need a typing context as its first argument.
intrinsic: Any = numba_intrinsic


def _lanes():
    """Return how many float32 numbers the widest vector register of the target processor holds."""
    name = getattr(config, "CPU_NAME", None)  # NUMBA_CPU_NAME selects a processor other than this one
    if name:
        return 16 if "avx512" in name else 8
    return 16 if llvm.get_host_cpu_features().get("avx512f") else 8


# A vector is one register of float32 or two of float64. Rows are padded to a multiple of it.
LANES = _lanes()


class Vector(types.Type):
    """The numba type of `LANES` numbers of one float type, held in registers."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype} x {LANES})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, llvm_vector(kind.dtype))


def llvm_vector(dtype):
    """Return LLVM's type of a vector."""
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), LANES)


def number_type(dtype):
    """Return the type of the numbers in vectors from memory of a type: float32 for the bits of float16."""
    return types.float32 if dtype == types.uint16 else dtype


def vector_pointer(builder, memory, offset):
    """Return memory[offset] as the address of a vector, for an address `memory`."""
    kind = ir.VectorType(memory.type.pointee, LANES)
    return builder.bitcast(builder.gep(memory, [offset]), kind.as_pointer())


def load_vector(builder, dtype, memory, offset):
    """Load memory[offset : offset + LANES], which need not be aligned to more than one number."""
    vector = builder.load(vector_pointer(builder, memory, offset), align=dtype.bitwidth // 8)
    if dtype != types.uint16:
        return vector
    return builder.fpext(builder.bitcast(vector, ir.VectorType(ir.HalfType(), LANES)), llvm_vector(types.float32))


def store_vector(builder, dtype, memory, offset, vector):
    """Store a vector as memory[offset : offset + LANES]."""
    if dtype == types.uint16:
        halves = builder.fptrunc(vector, ir.VectorType(ir.HalfType(), LANES))
        vector = builder.bitcast(halves, ir.VectorType(ir.IntType(16), LANES))
    builder.store(vector, vector_pointer(builder, memory, offset), align=dtype.bitwidth // 8)


def shuffle(builder, a, b, lanes):
    """Return the given lanes of a and b, where b's lanes are numbered after a's."""
    mask = ir.VectorType(ir.IntType(32), len(lanes))
    return builder.shuffle_vector(a, b, ir.Constant(mask, lanes))


def broadcast_number(builder, number):
    """Return a vector with an LLVM number in every lane."""
    undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return shuffle(builder, first, undefined, [0] * LANES)


def call_llvm(builder, name, *args):
    """Call an LLVM intrinsic whose arguments and result are vectors of one type."""
    kind = args[0].type
    name = f"llvm.{name}.v{kind.count}f{32 if kind.element == ir.FloatType() else 64}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * len(args)), name)
    return builder.call(function, args)


def _address_of(context, builder, kind, memory, offset):
    """Return the address of memory[offset], where memory is an array or an address."""
    if isinstance(kind, types.Array):
        memory = context.make_array(kind)(context, builder, memory).data
    return builder.gep(memory, [offset])


@intrinsic
def addresses(typingctx, group):
    """Replace each array in a NamedTuple by its address; other fields stay. The arrays must outlive the addresses."""
    kinds = [types.CPointer(kind.dtype) if isinstance(kind, types.Array) else kind for kind in group.types]

    def codegen(context, builder, signature, args):
        fields = cgutils.unpack_tuple(builder, args[0], len(kinds))
        values = [
            context.make_array(kind)(context, builder, field).data if isinstance(kind, types.Array) else field
            for kind, field in zip(group.types, fields, strict=True)
        ]
        return context.make_tuple(builder, signature.return_type, values)

    return types.BaseTuple.from_types(kinds, group.instance_class)(group), codegen


def _constant(kind, value, *kinds):
    """Return the signature and code of an intrinsic whose value is known when it is compiled."""

    def codegen(context, builder, signature, args):
        return context.get_constant(kind, value)

    return kind(*kinds), codegen


@intrinsic
def is_rounded(typingctx, memory):
    """Return whether vectors are rounded when they are stored in the memory, because it holds float16."""
    return _constant(types.boolean, memory.dtype == types.uint16, memory)


@intrinsic
def element_bytes(typingctx, memory):
    """Return how many bytes an element of the memory takes."""
    return _constant(types.intp, memory.dtype.bitwidth // 8, memory)


@intrinsic
def distance(typingctx, start, end):
    """Return how many elements lie between two addresses."""

    def codegen(context, builder, signature, args):
        first, last = (builder.ptrtoint(address, ir.IntType(64)) for address in args)
        size = ir.Constant(ir.IntType(64), start.dtype.bitwidth // 8)
        return builder.sdiv(builder.sub(last, first), size)

    return types.intp(start, end), codegen


@intrinsic
def load(typingctx, memory, offset):
    """Return the vector memory[offset : offset + LANES]."""

    def codegen(context, builder, signature, args):
        return load_vector(builder, memory.dtype, *args)

    return Vector(number_type(memory.dtype))(memory, types.intp), codegen


@intrinsic
def store(typingctx, memory, offset, vector):
    """Store a vector as memory[offset : offset + LANES]."""

    def codegen(context, builder, signature, args):
        store_vector(builder, memory.dtype, *args)

    return types.void(memory, types.intp, vector), codegen


@intrinsic
def load_broadcast(typingctx, memory, offset):
    """Return a vector with memory[offset] in every lane."""

    def codegen(context, builder, signature, args):
        return broadcast_number(builder, builder.load(builder.gep(args[0], [args[1]])))

    return Vector(memory.dtype)(memory, types.intp), codegen


@intrinsic
def number_at(typingctx, memory, offset):
    """Return memory[offset] as a float."""

    def codegen(context, builder, signature, args):
        number = builder.load(_address_of(context, builder, memory, *args))
        if memory.dtype != types.uint16:
            return number
        return builder.fpext(builder.bitcast(number, ir.HalfType()), ir.FloatType())

    return number_type(memory.dtype)(memory, types.intp), codegen


@intrinsic
def broadcast(typingctx, memory, number):
    """Return a vector with a number in every lane, rounded to the type of the numbers in vectors from the memory."""
    dtype = number_type(memory.dtype)

    def codegen(context, builder, signature, args):
        return broadcast_number(builder, context.cast(builder, args[1], number, dtype))

    return Vector(dtype)(memory, number), codegen


def _lane_by_lane(operate, *kinds):
    """Return the signature and code of an operation on vectors, or on tiles of one length and vectors.

    With tiles, `operate` is applied to their first vectors, to their second ones, and so on; a vector among the
    arguments is used for each of them.
    """
    tile = next((kind for kind in kinds if isinstance(kind, types.UniTuple)), None)

    def codegen(context, builder, signature, args):
        if tile is None:
            return operate(builder, *args)
        columns = (
            cgutils.unpack_tuple(builder, arg, tile.count) if isinstance(kind, types.UniTuple) else [arg] * tile.count
            for kind, arg in zip(kinds, args, strict=True)
        )
        return cgutils.pack_array(builder, [operate(builder, *row) for row in zip(*columns, strict=True)])

    return (tile or kinds[0])(*kinds), codegen


@intrinsic
def add(typingctx, a, b):
    """Return a + b."""
    return _lane_by_lane(lambda builder, x, y: builder.fadd(x, y), a, b)


@intrinsic
def subtract(typingctx, a, b):
    """Return a − b."""
    return _lane_by_lane(lambda builder, x, y: builder.fsub(x, y), a, b)


@intrinsic
def multiply(typingctx, a, b):
    """Return a·b."""
    return _lane_by_lane(lambda builder, x, y: builder.fmul(x, y), a, b)


@intrinsic
def divide(typingctx, a, b):
    """Return a ÷ b."""
    return _lane_by_lane(lambda builder, x, y: builder.fdiv(x, y), a, b)


@intrinsic
def multiply_add(typingctx, a, b, c):
    """Return a·b + c, rounded once."""
    return _lane_by_lane(lambda builder, x, y, z: call_llvm(builder, "fma", x, y, z), a, b, c)


@intrinsic
def magnitude(typingctx, vector):
    """Return |vector|."""
    return _lane_by_lane(lambda builder, x: call_llvm(builder, "fabs", x), vector)


def _prefetch(memory, writes):
    """Return the signature and code of an intrinsic that prefetches the cache line of memory[offset]."""

    def codegen(context, builder, signature, args):
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(_address_of(context, builder, memory, *args), byte)
        # The last two arguments ask for the nearest cache, and for data rather than instructions.
        builder.call(function, [address, number(int(writes)), number(3), number(1)])

    return types.void(memory, types.intp), codegen


@intrinsic
def prefetch(typingctx, memory, offset):
    """Prefetch the cache line of memory[offset], which will be read."""
    return _prefetch(memory, writes=False)


@intrinsic
def prefetch_to_write(typingctx, memory, offset):
    """Prefetch the cache line of memory[offset], which will be written."""
    return _prefetch(memory, writes=True)


@intrinsic
def white_space(typingctx, text, offset):
    """Return 64 bits that say which of the bytes text[offset : offset + 64] are ASCII white space, lowest bit first."""

    def codegen(context, builder, signature, args):
        kind = ir.VectorType(ir.IntType(8), 64)
        address = builder.bitcast(_address_of(context, builder, text, *args), kind.as_pointer())
        characters = builder.load(address, align=1)
        blank = builder.icmp_unsigned("==", characters, ir.Constant(kind, [ord(" ")] * 64))
        # \t \n \v \f \r are the bytes 9 to 13: after subtracting 9, those below 5.
        control = builder.sub(characters, ir.Constant(kind, [ord("\t")] * 64))
        control = builder.icmp_unsigned("<", control, ir.Constant(kind, [5] * 64))
        return builder.bitcast(builder.or_(blank, control), ir.IntType(64))

    return types.uint64(text, types.intp), codegen


@intrinsic
def lowest_bit(typingctx, bits):
    """Return the index of the lowest bit that is set in a uint64, which must not be 0."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen
