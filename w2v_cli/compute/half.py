"""Conversion between float32 and the bits of float16 with the instructions that processors have for it.

numpy's own conversion takes some thirty times as long. Only compiled functions call these helpers, and only where
`CONVERTS` says so. An x86 processor from before 2012 has no such instructions, and the code would crash there.
"""

from __future__ import annotations

import platform

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import config

from w2v_cli.compute.simd import intrinsic


def _converts() -> bool:
    """Return whether the target processor has the instructions; the features of a named processor are not known."""
    if getattr(config, "CPU_NAME", None):
        return False
    return platform.machine() in ("aarch64", "arm64") or bool(llvm.get_host_cpu_features().get("f16c"))


CONVERTS = _converts()


@intrinsic
def to_half(typingctx, number):
    """Return the bits of the float16 that is nearest to a float32, uint16."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(builder.fptrunc(args[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), codegen


@intrinsic
def from_half(typingctx, bits):
    """Return the float32 that is equal to a float16, which is given by its bits."""

    def codegen(context, builder, signature, args):
        return builder.fpext(builder.bitcast(args[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), codegen
