"""Vectors of a few lanes as numba values: load, store, multiply-add, sums, prefetch; bytes as bit masks.

The training kernels are written with these rather than left to the loop vectoriser, which gives up on rows that might
overlap. They hold for float32 and float64 alike. They work on flat, contiguous memory: an array, or its address, which
other than an array is counted by nobody when it goes from function to function. `offset` counts elements, is ≥ 0 and
is not checked.
"""

from __future__ import annotations

import math
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import models, register_model

# As numba types it, an intrinsic would be called with its typing context.
intrinsic: Any = numba_intrinsic


def _lanes() -> int:
    """float32 numbers in the widest vector register of the processor that is compiled for."""
    name = getattr(config, "CPU_NAME", None)  # NUMBA_CPU_NAME names a processor other than this one
    if name:
        return 16 if "avx512" in name else 8
    return 16 if llvm.get_host_cpu_features().get("avx512f") else 8


# A vector is one register of float32 (two of float64); rows are padded to a multiple of it.
LANES = _lanes()
# Numbers that `store_totals` writes: seven sums, and a zero that rounds them up to a power of two.
TOTALS = 8


class Vector(types.Type):
    """`LANES` numbers of one float type, held in registers."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype} x {LANES})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Vector) -> None:
        super().__init__(dmm, fe_type, _llvm_vector(fe_type.dtype))


def _llvm_vector(dtype: types.Float) -> ir.VectorType:
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), LANES)


def _place(context: Any, builder: Any, kind: Any, memory: Any, offset: Any) -> Any:
    """The address of memory[offset]."""
    if isinstance(kind, types.Array):
        memory = context.make_array(kind)(context, builder, memory).data
    return builder.gep(memory, [offset])


@intrinsic
def address(typingctx: Any, array: Any) -> Any:
    """Where a contiguous array begins; it must outlive its use."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(array)(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


def _shuffle(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    """The named lanes of a and b, b's counted on from a's."""
    mask = ir.VectorType(ir.IntType(32), len(lanes))
    return builder.shuffle_vector(a, b, ir.Constant(mask, lanes))


@intrinsic
def shifted(typingctx: Any, memory: Any, offset: Any) -> Any:
    """The address `offset` elements further on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return memory(memory, types.intp), codegen


@intrinsic
def distance(typingctx: Any, start: Any, end: Any) -> Any:
    """How many elements lie from one address to another."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, last = (builder.ptrtoint(place, ir.IntType(64)) for place in args)
        size = ir.Constant(ir.IntType(64), start.dtype.bitwidth // 8)
        return builder.sdiv(builder.sub(last, first), size)

    return types.intp(start, end), codegen


@intrinsic
def white_space(typingctx: Any, array: Any, offset: Any) -> Any:
    """64 bits: which of the bytes array[offset : offset + 64] are ASCII white space; the lowest bit is the first."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(8), 64)
        typed = builder.bitcast(_place(context, builder, signature.args[0], *args), kind.as_pointer())
        text = builder.load(typed, align=1)
        blank = builder.icmp_unsigned("==", text, ir.Constant(kind, [ord(" ")] * 64))
        # \t \n \v \f \r are 9 to 13: less 9, under 5.
        control = builder.sub(text, ir.Constant(kind, [ord("\t")] * 64))
        control = builder.icmp_unsigned("<", control, ir.Constant(kind, [5] * 64))
        return builder.bitcast(builder.or_(blank, control), ir.IntType(64))

    return types.uint64(array, types.intp), codegen


@intrinsic
def lowest_bit(typingctx: Any, bits: Any) -> Any:
    """The place of the lowest bit that is set in 64 bits, one of which is."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


@intrinsic
def load(typingctx: Any, array: Any, offset: Any) -> Any:
    """The vector array[offset : offset + LANES]."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args)
        typed = builder.bitcast(place, _llvm_vector(array.dtype).as_pointer())
        return builder.load(typed, align=array.dtype.bitwidth // 8)

    return Vector(array.dtype)(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, offset: Any, vector: Any) -> Any:
    """array[offset : offset + LANES] = vector."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args[:2])
        builder.store(args[2], builder.bitcast(place, args[2].type.as_pointer()), align=array.dtype.bitwidth // 8)

    return types.void(array, types.intp, vector), codegen


@intrinsic
def spread(typingctx: Any, array: Any, offset: Any) -> Any:
    """A vector with array[offset] in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(_place(context, builder, signature.args[0], *args))
        undefined = ir.Constant(_llvm_vector(array.dtype), ir.Undefined)
        first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        return _shuffle(builder, first, undefined, [0] * LANES)

    return Vector(array.dtype)(array, types.intp), codegen


@intrinsic(prefer_literal=True)
def constant(typingctx: Any, array: Any, value: Any) -> Any:
    """A vector of the array's dtype with a literal whole number in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(_llvm_vector(array.dtype), [float(value.literal_value)] * LANES)

    return Vector(array.dtype)(array, value), codegen


def _elementwise(instruction: str) -> Any:
    """An intrinsic of two vectors that is one instruction of LLVM's."""

    @intrinsic
    def operate(typingctx: Any, a: Any, b: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, instruction)(*args)

        return a(a, a), codegen

    return operate


add = _elementwise("fadd")
subtract = _elementwise("fsub")
multiply = _elementwise("fmul")
divide = _elementwise("fdiv")


def _call(builder: Any, name: str, *args: Any) -> Any:
    """An LLVM intrinsic that takes and returns vectors of one kind."""
    kind = args[0].type
    name = f"llvm.{name}.v{kind.count}f{32 if kind.element == ir.FloatType() else 64}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * len(args)), name)
    return builder.call(function, args)


def _every(kind: Any, value: float) -> Any:
    """A constant vector, rounded to float32."""
    return ir.Constant(kind, [float(np.float32(value))] * LANES)


def _polynomial(builder: Any, x: Any, coefficients: list[float]) -> Any:
    """Σ coefficients[i]·xⁱ by Horner's rule."""
    result = _every(x.type, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result = _call(builder, "fma", result, x, _every(x.type, coefficient))
    return result


@intrinsic
def multiply_add(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "fma", *args)

    return a(a, a, a), codegen


@intrinsic
def magnitude(typingctx: Any, vector: Any) -> Any:
    """|vector|, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "fabs", args[0])

    return vector(vector), codegen


@intrinsic
def exp(typingctx: Any, vector: Any) -> Any:
    """eˣ, lane by lane: in float64 the library's; in float32 within two units of the last place.

    eˣ = 2ᵏ·2ᶠ with k whole and |f| ≤ ½; x is held to ±87, where float32 still has normal numbers. A NaN stays one.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        if vector.dtype != types.float32:
            return _call(builder, "exp", args[0])

        def bits(value: int) -> Any:
            return ir.Constant(ir.VectorType(ir.IntType(32), LANES), [value] * LANES)

        x = args[0]
        for limit, beyond in ((87.0, ">"), (-87.0, "<")):
            outside = builder.fcmp_ordered(beyond, x, _every(kind, limit))
            x = builder.select(outside, _every(kind, limit), x)
        # Added to x·log2 e it leaves no room for a fraction: the sum is rounded, and its low bits are k.
        rounder = _every(kind, 1.5 * 2**23)
        t = builder.fmul(x, _every(kind, 1 / math.log(2)))
        shifted = builder.fadd(t, rounder)
        f = builder.fsub(t, builder.fsub(shifted, rounder))
        # 2ᶠ = Σ (f·ln 2)ⁱ ÷ i!; the first term left out is 5e-9, a twelfth of the last place of float32.
        power = _polynomial(builder, f, [math.log(2) ** i / math.factorial(i) for i in range(8)])
        exponent = builder.shl(builder.add(builder.bitcast(shifted, bits(0).type), bits(127)), bits(23))
        return builder.fmul(power, builder.bitcast(exponent, kind))

    return vector(vector), codegen


@intrinsic
def log1p(typingctx: Any, vector: Any) -> Any:
    """log(1 + e), lane by lane, for 0 ≤ e ≤ 1: in float64 with the library's log, in float32 by a series.

    log(1 + e) = 2·artanh(u) = 2·(u + u³/3 + u⁵/5 + …) with u = e ÷ (2 + e) ≤ ⅓.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, e = args[0].type, args[0]
        if vector.dtype != types.float32:
            # What 1 + e rounds to differs from 1 by d, not e; where d is 0, log(1 + e) is e (Kahan).
            sum_ = builder.fadd(e, _every(kind, 1.0))
            d = builder.fsub(sum_, _every(kind, 1.0))
            none = builder.fcmp_ordered("==", d, _every(kind, 0.0))
            d = builder.select(none, _every(kind, 1.0), d)
            logarithm = builder.fmul(_call(builder, "log", sum_), builder.fdiv(e, d))
            return builder.select(none, e, logarithm)
        u = builder.fdiv(e, builder.fadd(e, _every(kind, 2.0)))
        # The first term left out, 2·u^15 ÷ 15 at u = ⅓, is 9e-9.
        series = _polynomial(builder, builder.fmul(u, u), [2 / i for i in range(1, 14, 2)])
        return builder.fmul(u, series)

    return vector(vector), codegen


def _totals(builder: Any, memory: Any, offset: Any) -> Any:
    """Where memory[offset : offset + TOTALS] is, as one vector."""
    kind = ir.VectorType(memory.type.pointee, TOTALS)
    return builder.bitcast(builder.gep(memory, [offset]), kind.as_pointer())


@intrinsic
def store_totals(
    typingctx: Any, memory: Any, offset: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any
) -> Any:
    """memory[offset : offset + TOTALS] = Σa, Σb, Σc, Σd, Σe, Σf, Σg, 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = args[2:]
        if LANES == 16:
            low, high = list(range(8)), list(range(8, 16))
            vectors = [builder.fadd(_shuffle(builder, v, v, low), _shuffle(builder, v, v, high)) for v in vectors]

        def neighbours(x: Any, y: Any) -> Any:
            """Sums of neighbouring lanes within each half: x's, then y's."""
            even = _shuffle(builder, x, y, [0, 2, 8, 10, 4, 6, 12, 14])
            return builder.fadd(even, _shuffle(builder, x, y, [1, 3, 9, 11, 5, 7, 13, 15]))

        vectors = [*vectors, ir.Constant(vectors[0].type, [0.0] * 8)]
        ab, cd, ef, g0 = (neighbours(vectors[i], vectors[i + 1]) for i in (0, 2, 4, 6))
        abcd, efg0 = neighbours(ab, cd), neighbours(ef, g0)
        halves = [0, 1, 2, 3, 8, 9, 10, 11]
        sums = builder.fadd(
            _shuffle(builder, abcd, efg0, halves), _shuffle(builder, abcd, efg0, [lane + 4 for lane in halves])
        )
        builder.store(sums, _totals(builder, *args[:2]), align=memory.dtype.bitwidth // 8)

    return types.void(memory, types.intp, a, a, a, a, a, a, a), codegen


@intrinsic
def clear_totals(typingctx: Any, memory: Any, offset: Any) -> Any:
    """memory[offset : offset + TOTALS] = 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _totals(builder, *args)
        builder.store(ir.Constant(place.type.pointee, [0.0] * TOTALS), place, align=memory.dtype.bitwidth // 8)

    return types.void(memory, types.intp), codegen


@intrinsic
def add_totals(typingctx: Any, memory: Any, offset: Any, others: Any, place: Any) -> Any:
    """memory[offset : offset + TOTALS] += others[place : place + TOTALS]."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size = memory.dtype.bitwidth // 8
        target, other = (_totals(builder, *args[start : start + 2]) for start in (0, 2))
        total = builder.fadd(builder.load(target, align=size), builder.load(other, align=size))
        builder.store(total, target, align=size)

    return types.void(memory, types.intp, others, types.intp), codegen


def _call_for(array: Any, writes: bool) -> Any:
    """Signature and code of a call for the cache line of array[offset], to be kept near."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        signature_type = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, signature_type, "llvm.prefetch.p0")
        place = builder.bitcast(_place(context, builder, signature.args[0], *args), byte)
        builder.call(function, [place, number(int(writes)), number(3), number(1)])  # to write?, keep near, data

    return types.void(array, types.intp), codegen


@intrinsic
def prefetch(typingctx: Any, array: Any, offset: Any) -> Any:
    """Ask for the cache line of array[offset] to be brought near, to be read."""
    return _call_for(array, writes=False)


@intrinsic
def prefetch_to_write(typingctx: Any, array: Any, offset: Any) -> Any:
    """Ask for the cache line of array[offset] to be brought near, to be written."""
    return _call_for(array, writes=True)
