"""The loops of merging, compiled. Each row is read and written once. See `reference` for what they do."""

from __future__ import annotations

from typing import Any

import numpy as np

from w2v_cli.compute.half import from_half, to_half
from w2v_cli.compute.jit import compiled, helper


@compiled
def find_moves(table, base, least, moves):
    """Write the moves of the rows that are touched one after another; return which are, as `reference` does."""
    found, touched = 0, np.zeros(len(moves), np.bool_)
    for i in range(len(moves)):
        far = 0
        for k in range(moves.shape[1]):
            move = table[i, k] - base[i, k]
            # Written even if the row turns out not to be touched: the next one overwrites it.
            moves[found, k] = to_half(move)
            # Written so that NaN counts as a move.
            far += not abs(move) < least
        touched[i] = far > 0
        found += far > 0
    return touched


@compiled
def merge_moves(flags, moves, firsts, update):
    """Write the update of each row that any replica has touched, as `reference` does."""
    places, found = firsts.copy(), 0
    total = np.zeros(moves.shape[1], np.float32)
    for i in range(flags.shape[1]):
        replicas, squares = 0, np.float32(0)
        total[:] = 0
        for p in range(len(places)):
            if flags[p, i]:
                squares += _add_row(total, moves, places[p])
                places[p] += 1
                replicas += 1
        if replicas > 0:
            share = _share(squares, _square(total), replicas)
            for k in range(len(total)):
                update[found, k] = to_half(total[k] * share)
            found += 1


@compiled
def take_moves(table, base, sent_flags, sent, flags, update):
    """Take back what was sent of some rows, and add an update to them and to their base, as `reference` does."""
    own, place = 0, 0
    for i in range(len(flags)):
        if sent_flags[i]:
            for k in range(sent.shape[1]):
                table[i, k] -= from_half(sent[own, k])
            own += 1
        if flags[i]:
            for k in range(update.shape[1]):
                move = from_half(update[place, k])
                table[i, k] += move
                base[i, k] += move
            place += 1


def _in_any_order(function: Any) -> Any:
    """Compile a helper that may add in any order. In the given one, each addition would wait for the last."""
    return helper(function, fastmath={"reassoc"})


@_in_any_order
def _add_row(total, moves, place):
    """Add the moves of a row to a sum; return the sum of their squares."""
    squares = np.float32(0)
    for k in range(len(total)):
        move = from_half(moves[place, k])
        total[k] += move
        squares += move * move
    return squares


@_in_any_order
def _square(total):
    """Return the sum of the squares of a row."""
    length = np.float32(0)
    for k in range(len(total)):
        length += total[k] * total[k]
    return length


@helper
def _share(squares, length, replicas):
    """Return the share s of a sum of moves. Rounding may exceed its limits, which hold for exact numbers."""
    if length == 0:
        return np.float32(1)
    share = squares / length
    # Written so that NaN stays NaN.
    if share > 1:
        share = np.float32(1)
    if share < np.float32(1) / np.float32(replicas):
        share = np.float32(1) / np.float32(replicas)
    return share
