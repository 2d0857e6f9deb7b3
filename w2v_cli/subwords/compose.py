"""The vector of a word as the mean of its rows, bit for bit as fastText computes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from w2v_cli.compute.jit import COMPILES, compiled, helper
from w2v_cli.config import available_cores
from w2v_cli.subwords.rows import WordRows

# This many words are given to a thread at a time.
_WORDS_AT_ONCE = 1 << 12


def compose(table: np.ndarray, word_rows: WordRows) -> np.ndarray:
    """Return the mean of each word's rows: their float32 sum in their order, times float32(1/n). fastText: vector.cc.

    Parameters
    ----------
    table : float32 or float16 (R, D); may be mapped from a file, of which only the needed rows are read.

    Returns
    -------
    float32 (n, D); zeros for a word without rows.

    Raises
    ------
    IndexError
        If the table lacks a row.
    """
    offsets, rows = word_rows
    # Compiled code would read whatever memory lies there.
    if len(rows) and rows.max() >= len(table):
        raise IndexError(f"row {rows.max()} of a table of {len(table)} rows of parts of words")
    vectors = np.zeros((len(offsets) - 1, table.shape[1]), np.float32)

    def work(first: int) -> None:
        part = slice(first, first + _WORDS_AT_ONCE)
        ends = offsets[first : part.stop + 1]
        if table.dtype == np.float32:
            _add_rows(table, ends, rows, vectors[part])
        else:
            needed, renumbered = np.unique(rows[ends[0] : ends[-1]], return_inverse=True)
            _add_rows(table[needed].astype(np.float32), ends - ends[0], renumbered.astype(np.int32), vectors[part])

    firsts = range(0, len(vectors), _WORDS_AT_ONCE)
    if len(firsts) > 1:
        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(work, firsts))
    else:
        list(map(work, firsts))
    return vectors


@helper
def _add_row(table, row, vectors, word):
    """Add a row to a word's vector, number by number: slices count references, for which threads would contend."""
    for column in range(table.shape[1]):
        vectors[word, column] += table[row, column]


def _add_slice(table, row, vectors, word):
    """Add a row to a word's vector as numpy does it, which is faster if nothing is compiled."""
    vectors[word] += table[row]


_add = _add_row if COMPILES else _add_slice


@compiled
def _add_rows(table, offsets, rows, vectors):
    """Write the mean of each word's rows into its vector, which is zero before."""
    for word in range(len(vectors)):
        count = offsets[word + 1] - offsets[word]
        for at in range(offsets[word], offsets[word + 1]):
            _add(table, rows[at], vectors, word)
        if count > 0:
            vectors[word] *= np.float32(1 / count)
