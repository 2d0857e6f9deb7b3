"""A hash function whose collisions nobody can prepare, because it depends on a secret that each process draws.

A key of n bytes is cut into blocks of eight bytes, b₁ b₂ …, the last one padded with zeros. Modulo 2⁶⁴:

    h₀ = seed + n        hᵢ = f(hᵢ₋₁)·A + bᵢ·B        f(h) = h ⊕ (h >> 32)        A and B odd

A key has at least two blocks; a short one gets a block of zeros. The highest bits of the last h choose the slot.

Why an attacker who chooses the keys gains nothing: suppose that two keys first differ in block i, by d ≠ 0. Then hᵢ
differs by d·B.

* If i is the last block, this is multiply-shift: the slot is the highest bits of a random odd multiple of d.
* Otherwise f follows. It is one-to-one and brings the highest bits down, so its two values differ by an odd multiple of
  2ʲ with j ≤ 31. A is drawn independently of B and of the state, so after the multiplication by A at least the 32 high
  bits of the difference are uniformly random.

Either way, two keys share one of 2ᵏ slots with probability at most 2 / 2ᵏ. For two states to become equal again, the
blocks that follow would have to differ by A/B times that difference, which means guessing at least 32 secret bits
before the process starts. The same holds for keys of different lengths, which differ from h₀ on.

Simpler formulas fail. With hᵢ = f((hᵢ₋₁ ⊕ bᵢ)·A), a difference of 2⁶³ passes the multiplication unchanged, f turns it
into 2⁶³ + 2³¹, and the next block can cancel that, whatever A is. With Σ bᵢ·Rⁱ, Thue-Morse sequences collide for every
R.

References
----------
Dietzfelbinger et al. 1997, "A reliable randomized algorithm for the closest-pair problem" (multiply-shift).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

_THIRTY_TWO = np.uint64(32)
_SEED, _A, _B = np.frombuffer(os.urandom(24), np.uint64)
# The seed, A and B. All tables of a process share them, so that one table can reuse the hashes of another.
SECRET = (_SEED, _A | np.uint64(1), _B | np.uint64(1))


def mix_block(state: Any, block: Any, secret: Any) -> Any:
    """Return hᵢ from hᵢ₋₁ and the next eight bytes, as uint64 or arrays of it; one-to-one in either argument.

    The function also works when it is compiled.
    """
    return (state ^ (state >> _THIRTY_TWO)) * secret[1] + block * secret[2]


def slot_of_hash(state: Any, slots: Any) -> Any:
    """Return the slot of a hash among `slots` of them, at most 2³²; both are uint64.

    The function also works when it is compiled.
    """
    return ((state >> _THIRTY_TWO) * slots) >> _THIRTY_TWO
