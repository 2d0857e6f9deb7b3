"""A model's table of the rows of words and of their parts, and what it can tell about any word.

What is compiled is imported where it is used: questions about words of the vocabulary need not wait for numba.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v_cli.errors import ConfigError
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords

if TYPE_CHECKING:
    from w2v_cli.subwords.rows import WordRows


class Part(NamedTuple):
    """One row of a word: the part that it stands for, its number, and its share of the word's vector.

    The share is the projection of the row, divided by the number of rows, onto the word's vector, as a fraction of that
    vector's length. The shares of a word add up to 1.
    """

    part: str
    row: int
    share: float


@dataclass(frozen=True)
class SubwordTable:
    """The rows of which vectors are composed.

    Attributes
    ----------
    subwords : which rows make up a word.
    vectors : float32 or float16 (R, D). fasttext: first a row for each word of the vocabulary, then the buckets.
        floret: the buckets. May be mapped from a file.
    vocabulary_size : V, how many words the vocabulary has.
    kept_buckets : the buckets that a pruned table still has, int32, in the order of their rows; None: all of them. A
        part in another bucket has no row.
    """

    subwords: Subwords
    vectors: np.ndarray
    vocabulary_size: int
    kept_buckets: np.ndarray | None = None

    def fault(self) -> str | None:
        """Say why the table does not fit its choices, as the end of a sentence; None if it does."""
        try:
            rows = self.subwords.table_rows(self.vocabulary_size)
        except ConfigError as error:
            return f"cannot number its rows: {error.message}"
        if self.kept_buckets is not None:
            kept = self.kept_buckets
            if len(np.unique(kept)) != len(kept) or not ((kept >= 0) & (kept < self.subwords.buckets)).all():
                return "has a list of kept buckets that are repeated or out of range"
            rows += len(kept) - self.subwords.buckets
        if len(self.vectors) != rows:
            return f"has {len(self.vectors):,} rows for parts of words instead of {rows:,}"
        return None

    def vocabulary_rows(self, words: Words) -> WordRows:
        """Return the rows of the words of the vocabulary."""
        from w2v_cli.subwords.rows import vocabulary_rows

        return self._kept(vocabulary_rows(self.subwords, words))

    def vocabulary_vectors(self, words: Words) -> np.ndarray:
        """Compose the vectors of the words of the vocabulary, float32 (V, D)."""
        from w2v_cli.subwords.compose import compose

        return compose(self.vectors, self.vocabulary_rows(words))

    def unseen_vectors(self, words: Words) -> np.ndarray:
        """Compose vectors of n words that are not in the vocabulary.

        Returns
        -------
        float32 (n, D); zeros for a word without parts, and for one of whose parts none was learnt.
        """
        from w2v_cli.subwords.compose import compose

        return compose(self.vectors, self._unseen_rows(words))

    def row_counts(self, words: Words, known: np.ndarray) -> np.ndarray:
        """Return of how many rows the vector of each of n words is the mean, int64 (n,).

        Parameters
        ----------
        known : bool (n,), which of the words are in the vocabulary.
        """
        own = known if self.subwords.kind == "fasttext" else np.zeros_like(known)
        return np.diff(self._unseen_rows(words).offsets) + own

    def _unseen_rows(self, words: Words) -> WordRows:
        from w2v_cli.subwords.rows import unseen_rows

        return self._kept(unseen_rows(self.subwords, words, self.vocabulary_size))

    def parts(self, word: str, word_id: int | None) -> list[Part]:
        """Return the rows of a word, in the order in which they are added up.

        Parameters
        ----------
        word_id : the id of a word of the vocabulary; None for any other word.
        """
        from w2v_cli.subwords.rows import WordRows, parts_of, unseen_rows

        texts = list(parts_of(self.subwords, word))
        hashes = self.subwords.hashes or 1
        rows = unseen_rows(self.subwords, Words.of([word]), self.vocabulary_size).rows
        # Each row as a word of its own, so that those that a pruned table lacks can be told.
        single = self._kept(WordRows(np.arange(len(rows) + 1), rows))
        present = np.diff(single.offsets) > 0
        named = [text for text in texts for _ in range(hashes)]
        found = [(text, row) for text, row in zip(np.array(named, object)[present], single.rows.tolist(), strict=True)]
        if word_id is not None and self.subwords.kind == "fasttext":
            found.insert(0, (word, word_id))
        vectors = self.vectors[np.array([row for _, row in found], np.int64)].astype(np.float64)
        total = vectors.sum(axis=0)
        length = total @ total
        shares = vectors @ total / length if length > 0 else np.zeros(len(found))
        return [Part(text, row, float(share)) for (text, row), share in zip(found, shares, strict=True)]

    def _kept(self, word_rows: WordRows) -> WordRows:
        """Leave out the rows of buckets that a pruned table lacks, and number the others as they are stored."""
        if self.kept_buckets is None:
            return word_rows
        from w2v_cli.subwords.rows import WordRows

        first = self.subwords.first_bucket(self.vocabulary_size)
        offsets, rows = word_rows
        order = np.argsort(self.kept_buckets)
        buckets = self.kept_buckets[order]
        # Where each bucket is among the kept ones, if it is one of them.
        at = np.searchsorted(buckets, rows - first)
        is_kept = np.append(buckets, -1)[at] == rows - first
        stored = np.where(is_kept, first + np.append(order, 0)[at], rows).astype(np.int32)
        has_row = is_kept | (rows < first)
        before = np.concatenate(([0], np.cumsum(has_row)))
        return WordRows(before[offsets], stored[has_row])
