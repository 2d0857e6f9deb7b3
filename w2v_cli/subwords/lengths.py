"""The lengths of n-grams that suit the words of a text, for `--ngrams auto`.

That counts of n-grams can choose the lengths is the idea of Novotný et al. 2021, RANLP ("One Size Does Not Fit All").
The rule here is another one (measured: help/design.md, "Lengths of parts").
"""

from __future__ import annotations

import numpy as np

from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import MOST_ROWS, Subwords
from w2v_cli.subwords.rows import unseen_rows

# How many of the most frequent words are looked at, and how many of them must share an n-gram on average.
FREQUENT_WORDS, SHARED_BY = 10_000, 4
LONGEST = 6


def choose_lengths(words: Words, kind: str) -> tuple[int, int]:
    """Return (min_ngram, max_ngram) for a vocabulary.

    The longest n-grams are the longest that the frequent words share: one is found in them `SHARED_BY` times on
    average. The shortest are single characters, or pairs with floret, which has no single ones.

    Parameters
    ----------
    words : the vocabulary, most frequent first.
    kind : fasttext or floret.
    """
    shortest = 1 if kind == "fasttext" else 2
    frequent = words.take(np.arange(min(len(words), FREQUENT_WORDS)))
    longest = 2
    while longest < LONGEST and _times_found(frequent, longest + 1) >= SHARED_BY:
        longest += 1
    return shortest, longest


def _times_found(words: Words, length: int) -> float:
    """Return how often an n-gram of that length is found in the words on average; 0 if they have none."""
    # So many buckets that hardly two n-grams share one.
    rows = unseen_rows(Subwords("fasttext", length, length, MOST_ROWS), words, 0).rows
    return len(rows) / max(1, len(np.unique(rows)))
