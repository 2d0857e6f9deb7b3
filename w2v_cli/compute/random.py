"""The random streams: SplitMix64 (Steele et al. 2014), with one stream for every tuple of whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from w2v_cli.compute.jit import helper

MASK = 0xFFFFFFFFFFFFFFFF
LOW = 0xFFFFFFFF
GOLDEN = 0x9E3779B97F4A7C15


def mix_bits(state: Any) -> Any:
    """Return 64 well-mixed bits for 64 bits, or a uint64 array for an array: SplitMix64's output function."""
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


mix = helper(mix_bits)


def stream_key(*parts: int) -> int:
    """Return the start of the random stream that belongs to a tuple of whole numbers."""
    key = 0
    for part in parts:
        key = mix_bits((key + part + GOLDEN) & MASK)
    return key


@helper
def extended_key(key: Any, part: Any) -> Any:
    """Return the start of the random stream of a tuple with one part more than that of `key`; both are uint64."""
    return mix((key + part + np.uint64(GOLDEN)) & np.uint64(MASK))


@helper
def below(limit: Any, bits: Any) -> Any:
    """Return a whole number below the limit, made of 32 random bits.

    It is unsigned, so that numba does not add code for negative indices where it is used as one.
    """
    return (np.uint64(bits) * np.uint64(limit)) >> np.uint64(32)
