"""How a run cuts words into parts, and the lengths that suit the words of a text, for `--ngrams auto`.

That counts of n-grams can choose the lengths is the idea of Novotný et al. 2021, RANLP ("One Size Does Not Fit All").
The rule here is another one (measured: help/design.md, "Lengths of parts").
"""

from __future__ import annotations

import numpy as np

from w2v_cli.choices import MAX_NGRAM, MIN_NGRAM
from w2v_cli.config import TrainConfig
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import MOST_ROWS, Subwords

# How many of the most frequent words are looked at.
FREQUENT_WORDS = 10_000
# Found in a larger share of the words, an n-gram says little about any; found fewer times, it relates no two words.
LARGEST_SHARE, LEAST_TIMES = 0.01, 2


def subwords_of(config: TrainConfig, words: Words | None = None) -> Subwords | None:
    """Return how a run cuts words into parts, or None if it learns words alone.

    Parameters
    ----------
    words : the vocabulary, which decides on the lengths of the parts with `--ngrams auto`; None if it is not known yet.
        Then the lengths are the default ones, and the other choices are checked.

    Raises
    ------
    ConfigError
        If the lengths of the parts contradict each other.
    """
    if config.subwords is None:
        return None
    lengths = config.min_ngram, config.max_ngram
    if config.ngrams is not None and words is not None:
        lengths = choose_lengths(words, config.subwords)
    return Subwords(config.subwords, *lengths, config.buckets, config.hashes)


def choose_lengths(words: Words, kind: str) -> tuple[int, int]:
    """Return (min_ngram, max_ngram): the lengths, within 1 to 6, whose n-grams the frequent words share.

    The shortest is the first whose n-grams are each found in at most 1 % of the words on average, but at most 3. The
    longest is the last whose n-grams are each found twice on average.

    Parameters
    ----------
    words : the vocabulary, most frequent first.
    kind : fasttext, or floret, which has no n-grams of a single character.
    """
    frequent = words.take(np.arange(min(len(words), FREQUENT_WORDS)))
    shortest = 1 if kind == "fasttext" else 2
    while shortest < MIN_NGRAM and _times_found(frequent, shortest) > LARGEST_SHARE * len(frequent):
        shortest += 1
    longest = shortest
    while longest < MAX_NGRAM and _times_found(frequent, longest + 1) >= LEAST_TIMES:
        longest += 1
    return shortest, longest


def _times_found(words: Words, length: int) -> float:
    """Return how often an n-gram of that length is found in the words on average; 0 if they have none."""
    # Imported here because it loads numba, which is not needed to check a configuration.
    from w2v_cli.subwords.rows import unseen_rows

    # So many buckets that hardly two n-grams share one.
    rows = unseen_rows(Subwords("fasttext", length, length, MOST_ROWS), words, 0).rows
    return len(rows) / max(1, len(np.unique(rows)))
