"""The rule by which the deltas of several replicas become one update of a row: norm-sum.

    U = s·Σδ      s = Σ|δ|² ÷ |Σδ|², at least 1/P and at most 1

Replicas that have moved a row in different directions have learnt different things, so their moves are added: s is 1 if
they are at right angles. Replicas that have moved it in the same direction have learnt the same thing, so the mean of
the moves is enough: s is 1/P if they are all alike (measured: help/design.md, "Several replicas").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from w2v_cli.merging.deltas import Deltas
from w2v_cli.merging.loops import LOOPS


def merge_deltas(parts: Sequence[Deltas]) -> Deltas:
    """Return the update of the rows of a slot.

    Parameters
    ----------
    parts : what the replicas have moved, in the order of their numbers; the order decides how sums are rounded.
    """
    flags: np.ndarray = np.array([part.flags() for part in parts])
    touched = np.asarray(flags.any(axis=0))
    moves: np.ndarray = np.concatenate([part.moves for part in parts])
    firsts = np.cumsum([0, *(len(part.moves) for part in parts[:-1])])
    update = np.empty((int(touched.sum()), moves.shape[1]), np.float16)
    LOOPS.merge_moves(flags, moves.view(np.uint16), firsts, update.view(np.uint16))
    return Deltas(len(touched), np.packbits(touched), update)
