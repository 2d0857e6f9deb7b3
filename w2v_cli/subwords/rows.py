"""A word as a list of rows of a table: its own row and those of its parts. The lists of many words are CSR arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from w2v_cli.storage.words import Words
from w2v_cli.subwords.hash_kernels import BEGIN, CONTINUES, END, HIGH_BITS, fasttext_rows, floret_rows
from w2v_cli.subwords.options import Subwords

# fastText's word for the end of a line, which has no parts.
END_OF_LINE = "</s>"


class WordRows(NamedTuple):
    """The rows of n words; those of word i are `rows[offsets[i] : offsets[i + 1]]`. A row may be there several times.

    offsets : int64 (n + 1,) · rows : int32.
    """

    offsets: np.ndarray
    rows: np.ndarray


def vocabulary_rows(subwords: Subwords, words: Words) -> WordRows:
    """Return the rows of the words of a vocabulary, each in the order in which fastText and floret add them up.

    fasttext: the index of the word, then V + hash mod buckets of each n-gram. floret: hash mod buckets of `<word>`,
    then of each n-gram, `hashes` rows each.

    Parameters
    ----------
    words : all V words, most frequent first; a word's index is its own row.

    Raises
    ------
    ConfigError
        If the table has more rows than int32 can number.
    """
    return _word_rows(subwords, words, len(words), has_own_row=subwords.kind == "fasttext")


def unseen_rows(subwords: Subwords, words: Words, vocabulary_size: int) -> WordRows:
    """Return the rows of words that are not in the vocabulary: those of their parts alone.

    A word may have none: fastText's end of line, and a word shorter than every n-gram.

    Parameters
    ----------
    vocabulary_size : V, how many words the vocabulary has.

    Raises
    ------
    ConfigError
        If the table has more rows than int32 can number.
    """
    return _word_rows(subwords, words, vocabulary_size, has_own_row=False)


def _word_rows(subwords: Subwords, words: Words, vocabulary_size: int, has_own_row: bool) -> WordRows:
    subwords.table_rows(vocabulary_size)
    has_parts = ~_are(words, END_OF_LINE)
    sizes = _ngram_counts(subwords, words)
    if subwords.kind == "floret":
        sizes = (1 + sizes) * subwords.hashes
    offsets = np.concatenate(([0], np.cumsum(has_own_row + sizes * has_parts)))
    rows = np.empty(offsets[-1], np.int32)
    if has_own_row:
        rows[offsets[:-1]] = np.arange(len(words))
    starts = np.where(has_parts, offsets[:-1] + has_own_row, -1)
    lengths = (subwords.min_ngram, subwords.max_ngram)
    text = np.ascontiguousarray(words.text)
    with np.errstate(over="ignore"):  # hashes are computed modulo 2⁶⁴, which numpy reports if nothing is compiled
        if subwords.kind == "fasttext":
            first = subwords.first_bucket(vocabulary_size)
            fasttext_rows(text, words.offsets, lengths, subwords.buckets, first, starts, rows)
        else:
            floret_rows(text, words.offsets, lengths, subwords.buckets, subwords.hashes, starts, rows)
    return WordRows(offsets, rows)


def _are(words: Words, word: str) -> np.ndarray:
    """Return which of the words are that word, bool (n,)."""
    wanted = word.encode()
    same = np.diff(words.offsets) == len(wanted)
    for word_id in np.flatnonzero(same).tolist():
        same[word_id] = words.bytes_of(word_id) == wanted
    return same


def _ngram_counts(subwords: Subwords, words: Words) -> np.ndarray:
    """Return how many n-grams each word has, int64 (n,): Σ (L − n + 1) for all lengths n, with L characters in <word>.

    The lone marks, which are single characters, do not count.
    """
    begins = np.concatenate(([0], np.cumsum((words.text & HIGH_BITS) != CONTINUES)))
    characters = np.diff(begins[words.offsets]) + 2
    longest = np.minimum(subwords.max_ngram, characters)
    lengths = np.maximum(longest - subwords.min_ngram + 1, 0)
    counts = lengths * (characters + 1) - lengths * (subwords.min_ngram + longest) // 2
    return counts - 2 if subwords.min_ngram == 1 else counts


def parts_of(subwords: Subwords, word: str) -> Iterator[str]:
    """Yield the parts of a word that have rows, in the order of the rows, without the word itself.

    Examples
    --------
    >>> list(parts_of(Subwords("fasttext", 3, 4), "cat"))
    ['<ca', '<cat', 'cat', 'cat>', 'at>']
    >>> list(parts_of(Subwords("floret", 4, 4), "cat"))
    ['<cat>', '<cat', 'cat>']
    """
    if word == END_OF_LINE:
        return
    marked = f"{chr(BEGIN)}{word}{chr(END)}"
    if subwords.kind == "floret":
        yield marked
    for start in range(len(marked)):
        for stop in range(start + subwords.min_ngram, min(start + subwords.max_ngram, len(marked)) + 1):
            if stop - start > 1 or 0 < start < len(marked) - 1:
                yield marked[start:stop]
