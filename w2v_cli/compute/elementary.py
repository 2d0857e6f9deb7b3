"""Elementary functions of vectors: eˣ and log(1 + x), lane by lane."""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types

from w2v_cli.compute.simd import LANES, call_llvm, intrinsic


def _constant(kind, value):
    """Return a vector with one value in every lane, rounded to float32."""
    return ir.Constant(kind, [float(np.float32(value))] * LANES)


def _polynomial(builder, x, coefficients):
    """Return Σ coefficients[i]·xⁱ by Horner's rule."""
    result = _constant(x.type, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result = call_llvm(builder, "fma", result, x, _constant(x.type, coefficient))
    return result


@intrinsic
def exp(typingctx, vector):
    """Return eˣ: in float64 by the library's function, in float32 within two units in the last place.

    eˣ = 2ᵏ·2ᶠ with k whole and |f| ≤ ½. In float32, x is limited to ±87, where eˣ is still a normal number. A NaN
    stays a NaN.
    """

    def codegen(context, builder, signature, args):
        kind = args[0].type
        if vector.dtype != types.float32:
            return call_llvm(builder, "exp", args[0])

        def bits(value):
            return ir.Constant(ir.VectorType(ir.IntType(32), LANES), [value] * LANES)

        x = args[0]
        for limit, beyond in ((87.0, ">"), (-87.0, "<")):
            outside = builder.fcmp_ordered(beyond, x, _constant(kind, limit))
            x = builder.select(outside, _constant(kind, limit), x)
        # A float32 of this size has no bits for a fraction: the sum rounds x·log₂ e to k, which is in its low bits.
        rounder = _constant(kind, 1.5 * 2**23)
        t = builder.fmul(x, _constant(kind, 1 / math.log(2)))
        shifted = builder.fadd(t, rounder)
        f = builder.fsub(t, builder.fsub(shifted, rounder))
        # 2ᶠ = Σ (f·ln 2)ⁱ ÷ i!; the first omitted term is 5e-9, a twelfth of a unit in the last place.
        power = _polynomial(builder, f, [math.log(2) ** i / math.factorial(i) for i in range(8)])
        exponent = builder.shl(builder.add(builder.bitcast(shifted, bits(0).type), bits(127)), bits(23))
        return builder.fmul(power, builder.bitcast(exponent, kind))

    return vector(vector), codegen


@intrinsic
def log1p(typingctx, vector):
    """Return log(1 + x) for 0 ≤ x ≤ 1: in float64 by the library's log, in float32 by a series.

    log(1 + x) = 2·artanh(u) = 2·(u + u³/3 + u⁵/5 + …) with u = x ÷ (2 + x) ≤ ⅓
    """

    def codegen(context, builder, signature, args):
        kind, x = args[0].type, args[0]
        if vector.dtype != types.float32:
            # Kahan: 1 + x is rounded to a number that differs from 1 by d, not by x; if d is 0, log(1 + x) is x.
            rounded = builder.fadd(x, _constant(kind, 1.0))
            d = builder.fsub(rounded, _constant(kind, 1.0))
            is_zero = builder.fcmp_ordered("==", d, _constant(kind, 0.0))
            d = builder.select(is_zero, _constant(kind, 1.0), d)
            logarithm = builder.fmul(call_llvm(builder, "log", rounded), builder.fdiv(x, d))
            return builder.select(is_zero, x, logarithm)
        u = builder.fdiv(x, builder.fadd(x, _constant(kind, 2.0)))
        # The first omitted term, 2·u¹⁵ ÷ 15 at u = ⅓, is 9e-9.
        series = _polynomial(builder, builder.fmul(u, u), [2 / i for i in range(1, 14, 2)])
        return builder.fmul(u, series)

    return vector(vector), codegen
