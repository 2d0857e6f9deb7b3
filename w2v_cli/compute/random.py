"""The random stream, SplitMix64 (Steele et al. 2014): one for every tuple of whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from w2v_cli.compute.jit import compiled

MASK = 0xFFFFFFFFFFFFFFFF
LOW = 0xFFFFFFFF
GOLDEN = 0x9E3779B97F4A7C15


def mix_bits(state: Any) -> Any:
    """SplitMix64's output function: 64 bits (or a uint64 array of them) in, as many well-mixed bits out."""
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


mix = compiled(mix_bits)


def stream_key(*parts: int) -> int:
    """The start of the random stream that belongs to some whole numbers."""
    key = 0
    for part in parts:
        key = mix_bits((key + part + GOLDEN) & MASK)
    return key


@compiled
def below(limit: Any, bits: Any) -> Any:
    """A whole number under the limit from 32 random bits: unsigned, so that numba never counts from the end with it."""
    return (np.uint64(bits) * np.uint64(limit)) >> np.uint64(32)
