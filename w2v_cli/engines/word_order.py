"""The order in which the windows of a block are trained if each word predicts with its parts: word by word.

The rows of a word are then fetched once for all of its windows in the block (measured: help/design.md, "Parts of
words"). It is the same training with the windows of a block in another order.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, inlined

# The sort looks at this many bits of a number at a time.
DIGIT = 11


@compiled
def word_by_word(kept_ids, words):  # type: ignore[no-untyped-def]
    """Return the positions of a block such that all windows of a word follow each other, in the order of the text.

    The words follow each other in the order of the vocabulary, in a circle that begins with the first word of the
    block. So threads that begin their blocks at the same time do not train the same words at the same time.

    Parameters
    ----------
    kept_ids : int32 (N,), the center of each window · words : V.

    Returns
    -------
    int64 (N,).
    """
    order, sorted_order = np.arange(len(kept_ids)), np.empty(len(kept_ids), np.int64)
    stops = np.empty((1 << DIGIT) + 1, np.int64)
    shift = 0
    # A radix sort, from the lowest digit to the highest. Each pass keeps the order of those that are equal.
    while words >> shift > 0:
        stops[:] = 0
        for pos in order:
            stops[_digit(kept_ids, pos, words, shift) + 1] += 1
        for digit in range(1 << DIGIT):
            stops[digit + 1] += stops[digit]
        for pos in order:
            digit = _digit(kept_ids, pos, words, shift)
            sorted_order[stops[digit]] = pos
            stops[digit] += 1
        order, sorted_order = sorted_order, order
        shift += DIGIT
    return order


@inlined
def _digit(kept_ids, pos, words, shift):  # type: ignore[no-untyped-def]
    """Return a digit of the distance from the first word of the block to that at a position."""
    distance = np.int64(kept_ids[pos]) - kept_ids[0]
    return ((distance if distance >= 0 else distance + words) >> shift) & ((1 << DIGIT) - 1)
