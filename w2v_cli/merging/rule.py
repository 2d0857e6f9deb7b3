"""The rule by which the deltas of several replicas become one update of a row: norm-sum.

    U = s·Σδ      s = Σ|δ|² ÷ |Σδ|², at least 1/P and at most 1

Replicas that have moved a row in different directions have learnt different things, so their moves are added: s is 1 if
they are at right angles. Replicas that have moved it in the same direction have learnt the same thing, so the mean of
the moves is enough: s is 1/P if they are all alike (measured: help/design.md, "Several replicas").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from w2v_cli.compute.jit import COMPILES, compiled
from w2v_cli.merging.deltas import Deltas


def merge_deltas(parts: Sequence[Deltas]) -> Deltas:
    """Return the update of the rows of a slot.

    Parameters
    ----------
    parts : what the replicas have moved, in the order of their numbers; the order decides how sums are rounded.
    """
    return (_merge_compiled if COMPILES else merge_reference)(parts)


def merge_reference(parts: Sequence[Deltas]) -> Deltas:
    """Merge as `merge_deltas` does, with numpy."""
    rows, dim = parts[0].rows, parts[0].moves.shape[1]
    total, squares, replicas = np.zeros((rows, dim), np.float32), np.zeros(rows), np.zeros(rows, np.int64)
    with np.errstate(all="ignore"):
        for part in parts:
            flags, moves = part.flags(), part.moves.astype(np.float32)
            total[flags] += moves
            squares[flags] += np.square(moves, dtype=np.float64).sum(axis=1)
            replicas[flags] += 1
        touched = replicas > 0
        total, squares = total[touched], squares[touched]
        length = np.square(total, dtype=np.float64).sum(axis=1)
        share = np.divide(squares, length, out=np.ones_like(squares), where=length != 0)
        share = np.clip(share, 1 / replicas[touched], 1)
        return Deltas(len(touched), np.packbits(touched), (total * share[:, None]).astype(np.float16))


def _merge_compiled(parts: Sequence[Deltas]) -> Deltas:
    """Merge with compiled code, which passes over each row once for each replica and once more."""
    flags = [part.flags() for part in parts]
    replicas: np.ndarray = np.asarray(flags).sum(axis=0, dtype=np.int64)
    touched = replicas > 0
    # Where each row of the slot lies among those that any replica has touched.
    place = np.cumsum(touched) - 1
    total = np.zeros((int(touched.sum()), parts[0].moves.shape[1]), np.float32)
    squares = np.zeros(len(total))
    with np.errstate(all="ignore"):
        for part, flag in zip(parts, flags, strict=True):
            _add(place[flag], np.ascontiguousarray(part.moves, np.float32), total, squares)
        _scale(total, squares, replicas[touched])
        return Deltas(len(touched), np.packbits(touched), total.astype(np.float16))


@compiled
def _add(places, moves, total, squares):
    """Add the moves of one replica to the rows at these places, and their squares."""
    for i in range(len(places)):
        row, square = places[i], 0.0
        for k in range(moves.shape[1]):
            move = moves[i, k]
            total[row, k] += move
            square += np.float64(move) * np.float64(move)
        squares[row] += square


@compiled
def _scale(total, squares, replicas):
    """Multiply each sum of moves by its share s."""
    for row in range(len(total)):
        length = 0.0
        for k in range(total.shape[1]):
            length += np.float64(total[row, k]) * np.float64(total[row, k])
        share = squares[row] / length if length != 0.0 else 1.0
        # Rounding may exceed the limits, which hold for exact numbers. NaN stays NaN.
        if share > 1.0:
            share = 1.0
        if share < 1.0 / replicas[row]:
            share = 1.0 / replicas[row]
        for k in range(total.shape[1]):
            total[row, k] = np.float32(total[row, k] * share)
