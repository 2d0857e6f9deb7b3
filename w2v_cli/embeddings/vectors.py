"""Words with their vectors, looked up by spelling, and the error for an unknown spelling.

Nothing here knows about files or the command line. The matrix may be a memory map, or its rows may be computed:
looking a word up reads one row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from w2v_cli.embeddings.blend import Blend
from w2v_cli.embeddings.computed import Computed
from w2v_cli.embeddings.matrix import Matrix
from w2v_cli.embeddings.spelling import Spellings
from w2v_cli.errors import ConfigError, UnknownWordError, shown
from w2v_cli.storage.words import MOST_TOKENS, Words
from w2v_cli.subwords.table import SubwordTable

# So many rows are compared at a time.
_COMPARED_ROWS = 1 << 12


def normal_forms(word: str) -> list[str]:
    """Return the spellings of a word under which it may be known: its normal forms NFC and NFD."""
    return [unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)]


class WordVectors(Matrix):
    """V words, most frequent first, each with a vector of D numbers.

    Parameters
    ----------
    words : V distinct words; a word's index is its id and its row.
    matrix : float32 (V, D), or what computes the rows when they are needed.
    counts : int64 (V,), occurrences in the corpus, or None if unknown.
    parts : the rows of parts of words, of which vectors of other words are composed; None: only these V words have
        vectors.
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: np.ndarray | Computed,
        counts: np.ndarray | None = None,
        parts: SubwordTable | None = None,
    ) -> None:
        if matrix.ndim != 2 or len(matrix) != len(words):
            raise ValueError(f"{len(words)} words do not name the rows of a matrix of shape {matrix.shape}")
        super().__init__(matrix)
        self._blend = matrix if isinstance(matrix, Blend) else None
        self.words = Words.of(words)
        self.counts = counts
        self.parts = parts

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.id_of(word) is not None

    def __getitem__(self, word: str) -> np.ndarray:
        """Return the vector of a word, float32 (D,), composed if need be; UnknownWordError if it has none."""
        covering = self.covering([word])
        return covering.rows(covering.ids_of([word]))[0]

    def first(self, count: int) -> WordVectors:
        """Return the `count` most frequent words with their vectors, which are not copied."""
        if count >= len(self):
            return self
        rows = self._rows.first(count) if isinstance(self._rows, Computed) else self._rows[:count]
        counts = None if self.counts is None else self.counts[:count]
        return WordVectors(self.words.take(np.arange(count)), rows, counts)

    @property
    def mix_weight(self) -> float | None:
        """The weight of the output vectors in a mix; None if these vectors are none that is made here."""
        return self._blend.weight if self._blend is not None and self._blend.kind == "mix" else None

    @property
    def edited(self) -> bool:
        """Whether vectors that are a blend are not what they were made of any more."""
        if self._blend is None or not self.handed_out:
            return False
        starts = range(0, len(self), _COMPARED_ROWS)
        pairs = ((self.matrix[at : at + _COMPARED_ROWS], self._blend[at : at + _COMPARED_ROWS]) for at in starts)
        return not all(np.array_equal(one, other) for one, other in pairs)

    def fault(self, empty_words: bool = False) -> str | None:
        """Say why no file can hold these words and counts, as the end of a sentence; None if a file can.

        Readers and writers share this check, so nothing is written that could not be read again.

        Parameters
        ----------
        empty_words : whether a word may be empty, as when it will be escaped.
        """
        words, counts = self.words, self.counts
        if self.dim == 0 or (not len(words) and self.parts is None):
            return "holds no vectors"
        if counts is not None and counts.shape != (len(words),):
            return f"has counts of shape {counts.shape} for {len(words)} words"
        if counts is not None and len(counts) and (counts.min() < 0 or counts.sum(dtype=np.float64) > MOST_TOKENS):
            return "has counts that no text can have"
        empty = np.flatnonzero(np.diff(words.offsets) == 0)
        if len(empty) and not empty_words:
            return f"has a word that is empty, number {empty[0]}"
        undecodable = words.undecodable()
        if undecodable is not None:
            return f"has a word that is not UTF-8, number {undecodable}"
        repeated = words.repeated()
        if repeated is not None:
            return f"has the same word twice: {words[repeated[0]]}, numbers {repeated[0]} and {repeated[1]}"
        return None

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every word; to look up only a few, `id_of` needs no such dict."""
        return {word: word_id for word_id, word in enumerate(self.words)}

    def id_of(self, word: str) -> int | None:
        """Return the id of a word, as it is spelled or else in the normal form NFC or NFD; None if it is unknown.

        An accented letter may be one character or two, which look the same. A user types one of them, and the text may
        have had the other.
        """
        found = self.words.find(word)
        if found is None and not word.isascii():
            forms = map(self.words.find, normal_forms(word))
            found = next((word_id for word_id in forms if word_id is not None), None)
        return found

    def ids_of(self, words: Sequence[str]) -> np.ndarray:
        """Return the ids of n words, int32 (n,).

        Raises
        ------
        UnknownWordError
            If any word is unknown; the error names all of them.
        ConfigError
            If one of them is not a str.
        """
        _require_str(words)
        ids = [self.id_of(word) for word in words]
        unknown = [word for word, word_id in zip(words, ids, strict=True) if word_id is None]
        if unknown:
            raise self.unknown(unknown)
        return np.array(ids, dtype=np.int32)

    def require_parts(self) -> SubwordTable:
        """Return the rows of parts of words.

        Raises
        ------
        ConfigError
            If there are none.
        """
        if self.parts is None:
            raise ConfigError("the model has no vectors for parts of words", hint="train one with --subwords fasttext")
        return self.parts

    def spelling(self, word_id: int) -> str:
        """Return the word with an id."""
        return self.words[word_id]

    def composed(self, words: Iterable[str]) -> list[str]:
        """Return those of the words that are not in the vocabulary but have vectors, because they have learnt parts."""
        return list(self._composed(words))

    def answerable(self, words: Iterable[str]) -> list[str]:
        """Return those of the words that have vectors, in their order: known words and composed ones."""
        listed = list(words)
        composed = self._composed(listed)
        return [word for word in listed if word in composed or word in self]

    def covering(self, words: Sequence[str]) -> WordVectors:
        """Return these vectors with an id for each of some words, whether they are in the vocabulary or not.

        Words that are not get vectors composed of their parts, and ids from V on. They are never answers.

        Raises
        ------
        UnknownWordError
            If words are unknown and none of their parts was learnt; the error names all of them.
        ConfigError
            If one of them is not a str.
        """
        _require_str(words)
        composed = self._composed(words)
        unknown = [word for word in words if word not in composed and word not in self]
        if unknown:
            error = self.unknown(unknown)
            if self.parts is not None:
                error.hint = "the model composes vectors of parts of words, but has learnt no part of such a word"
            raise error
        return _Covering(self, composed) if composed else self

    def _composed(self, words: Iterable[str]) -> dict[str, np.ndarray]:
        """Return the vectors, float32 (D,), of the words that are not in the vocabulary and have learnt parts."""
        if self.parts is None:
            return {}
        unseen = [word for word in dict.fromkeys(words) if word not in self and word]
        if not unseen:
            return {}
        vectors = self.parts.unseen_vectors(Words.of(unseen))
        # Zeros have no direction: every word would be as near to them as every other.
        return {word: vector for word, vector in zip(unseen, vectors, strict=True) if vector.any()}

    def known_ids(self, words: Iterable[str]) -> list[int]:
        """Return the ids of the words that are known."""
        ids = (self.id_of(word) for word in words)
        return [word_id for word_id in ids if word_id is not None]

    def suggestions(self, word: str, most: int = 5) -> list[str]:
        """Return known words with a spelling near `word`, nearest first; at equal distance, most frequent first.

        Case is ignored, so words that differ only in case come before all others. Words shorter than four letters may
        differ by one edit, longer ones by two.
        """
        return [self.words[word_id] for word_id in self._spellings.near(word, most)]

    @cached_property
    def _spellings(self) -> Spellings:
        return Spellings(self.words)

    def unknown(self, words: Sequence[str]) -> UnknownWordError:
        """Return the error that lists unknown words, with near spellings of each as the hint."""
        words = list(dict.fromkeys(words))
        near = {word: self.suggestions(word) for word in words}
        found = [f"{word} → {', '.join(known)}" for word, known in near.items() if known]
        hint = f"near spellings: {'; '.join(found)}" if found else "words rarer than --min-count are not in the model"
        return UnknownWordError(f"not in the vocabulary: {', '.join(words)}", hint)


class _Covering(WordVectors):
    """Vectors with some more words, which have ids but are not in the vocabulary.

    Parameters
    ----------
    base : the vectors of the vocabulary · composed : the vector of each further word, float32 (D,).
    """

    def __init__(self, base: WordVectors, composed: dict[str, np.ndarray]) -> None:
        super().__init__(base.words, base._rows, base.counts, base.parts)
        self._base = base
        self._further = list(composed)
        self._further_ids = {word: len(base) + i for i, word in enumerate(composed)}
        self._further_rows = np.array(list(composed.values()))

    def id_of(self, word: str) -> int | None:
        return self._further_ids[word] if word in self._further_ids else super().id_of(word)

    def rows(self, ids: np.ndarray) -> np.ndarray:
        further = ids >= len(self)
        rows = np.empty((len(ids), self.dim), np.float32)
        rows[~further] = self._rows[ids[~further]]
        rows[further] = self._further_rows[ids[further] - len(self)]
        return rows

    def spelling(self, word_id: int) -> str:
        return self.words[word_id] if word_id < len(self) else self._further[word_id - len(self)]

    def _measured(self, directions: np.ndarray, restrict_vocab: int | None) -> tuple[np.ndarray, np.ndarray]:
        # The norms stay with the vectors of the vocabulary, which outlive this question.
        return self._base._measured(directions, restrict_vocab)


def _require_str(words: Iterable[object]) -> None:
    for word in words:
        if not isinstance(word, str):
            raise ConfigError(f"{shown(word)} is not a word", hint="a word is a str")
