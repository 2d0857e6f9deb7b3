"""A hash whose collisions nobody can prepare, because it depends on a secret that each process draws.

A key of n bytes is cut into blocks of eight, b₁ b₂ …, the last one filled up with zeros. Modulo 2⁶⁴:

    h₀ = seed + n        hᵢ = f(hᵢ₋₁)·A + bᵢ·B        f(h) = h ⊕ (h >> 32)        A and B odd

A key has at least two blocks, if need be one of zeros, and its slot is given by the highest bits of the last h.

Two given keys rarely collide, whoever has chosen them. If they first differ in block i, their states then differ by d·B
with a known d ≠ 0. If it is the last block, that is multiply-shift: the highest bits of a random odd multiple of d. If
not, f comes next, which is one-to-one and brings the highest bits down: its two values differ by an odd multiple of 2ʲ
with j ≤ 31. A is drawn independently of B and of the state, so times A at least the 32 high bits of the difference are
uniformly random. Either way two keys share one of 2ᵏ slots with a probability of at most 2 / 2ᵏ. For two states to meet
again, the blocks that follow would have to differ by A/B times that difference: at least 32 secret bits, to be guessed
before the process starts. The same holds for keys of different lengths, which differ from h₀ on.

Simpler formulas do not have this. With hᵢ = f((hᵢ₋₁ ⊕ bᵢ)·A), the difference 2⁶³ passes the multiplication unchanged,
f makes 2⁶³ + 2³¹ of it, and the next block can cancel that, whatever A is. With Σ bᵢ·Rⁱ, Thue-Morse sequences collide
for every R.

References: Dietzfelbinger et al. 1997, "A reliable randomized algorithm for the closest-pair problem" (multiply-shift)
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

_THIRTY_TWO = np.uint64(32)
_SEED, _A, _B = np.frombuffer(os.urandom(24), np.uint64)
# seed, A and B; all tables of a process share them, so that one can take over another's hashes.
SECRET = (_SEED, _A | np.uint64(1), _B | np.uint64(1))


def mix_block(state: Any, block: Any, secret: Any) -> Any:
    """hᵢ from hᵢ₋₁ and eight more bytes, both uint64 or arrays of it; one-to-one in either. It may also be compiled."""
    return (state ^ (state >> _THIRTY_TWO)) * secret[1] + block * secret[2]


def slot_of_hash(state: Any, slots: Any) -> Any:
    """The slot that a hash belongs in, among at most 2³² of them, both uint64. It may also be compiled."""
    return ((state >> _THIRTY_TWO) * slots) >> _THIRTY_TWO
