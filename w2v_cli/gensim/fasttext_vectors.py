"""`FastTextKeyedVectors` with gensim's names: keys whose vectors are composed of those of their parts."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from w2v_cli.formats.contents import SUBWORD_VECTORS, SUBWORDS
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.gensim.keyedvectors import KeyedVectors
from w2v_cli.gensim.rows import Key
from w2v_cli.gensim.saved_rows import has_parts, load_rows
from w2v_cli.gensim.spelling import as_word, as_words
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import unseen_rows, vocabulary_rows
from w2v_cli.subwords.table import SubwordTable

Self = TypeVar("Self", bound="FastTextKeyedVectors")


class FastTextKeyedVectors(KeyedVectors):
    """Keys with the vectors of their parts, of which any other key is composed too.

    Parameters
    ----------
    vector_size : D.
    min_n, max_n : the lengths of the parts in characters, with the marks < and > around the key.
    bucket : how many rows all parts share; 0 for keys without parts.
    count, dtype : as in `KeyedVectors`.

    Attributes
    ----------
    vectors : (V, D), the composed vectors of the keys; `adjust_vectors` composes them again.
    vectors_vocab : (V, D), the rows of the keys themselves.
    vectors_ngrams : (bucket, D), the rows of parts; None until there are any.
    """

    def __init__(
        self, vector_size: int, min_n: int, max_n: int, bucket: int, count: int = 0, dtype: Any = np.float32
    ) -> None:
        super().__init__(vector_size, count, dtype)
        self.min_n, self.max_n = min_n, max_n
        self.bucket = bucket if max_n >= min_n else 0
        self.compatible_hash = True
        self.vectors_vocab = np.zeros((count, vector_size), dtype)
        self.vectors_ngrams: np.ndarray | None = None
        self._table = self.vectors_vocab
        # Fields of gensim's trainer.
        self.vectors_lockf = self.vectors_vocab_lockf = self.vectors_ngrams_lockf = np.ones(1, np.float32)

    @property
    def subwords(self) -> Subwords | None:
        """How keys are cut into parts; None if they are not."""
        return Subwords("fasttext", max(1, self.min_n), self.max_n, self.bucket) if self.bucket else None

    def table(self) -> np.ndarray:
        """Return the rows of keys and of parts as one table, (V + bucket, D)."""
        own, parts = self.vectors_vocab, self.vectors_ngrams
        if parts is None:
            return own
        # Both are parts of one array unless somebody has put another one in their place.
        whole = self._table
        views = whole[: len(own)], whole[len(own) :]
        same = [a.ctypes.data == b.ctypes.data and a.shape == b.shape for a, b in zip((own, parts), views, strict=True)]
        return whole if all(same) else np.concatenate((own, parts))

    @property
    def parts(self) -> SubwordTable | None:
        """The rows of keys and of parts as the library composes vectors of them; None if keys are not cut."""
        return None if self.subwords is None else SubwordTable(self.subwords, self.table(), len(self.vectors_vocab))

    def take_table(self, table: np.ndarray, keys: int) -> None:
        """Take over the rows of so many keys and of the parts, and compose the vectors."""
        self._table = np.ascontiguousarray(table)
        self.vectors_vocab, self.vectors_ngrams = self._table[:keys], self._table[keys:]
        self.adjust_vectors()

    def adjust_vectors(self) -> None:
        """Compose the vectors of the keys anew: each is the mean of its own row and those of its parts."""
        if self.subwords is None:
            self.vectors = self.vectors_vocab
        else:
            # Imported here because it loads numba.
            from w2v_cli.subwords.compose import compose

            self.vectors = compose(self.table(), vocabulary_rows(self.subwords, self._words()))
        self.norms = None

    @property
    def buckets_word(self) -> list[np.ndarray]:
        """The rows of `vectors_ngrams` that each key has."""
        if self.subwords is None:
            return [np.zeros(0, np.uint32)] * len(self)
        offsets, rows = unseen_rows(self.subwords, self._words(), 0)
        return np.split(rows.astype(np.uint32), offsets[1:-1])

    def _words(self) -> Words:
        return Words.of(as_words(self.index_to_key))

    def __contains__(self, key: Key) -> bool:
        """Return whether there is a vector for a key: with parts, there is one for every key."""
        return bool(self.bucket) or key in self.key_to_index

    def get_vector(self, word: Key, norm: bool = False) -> np.ndarray:
        """Return the vector of a key, (D,), composed of its parts if it has no row; with `norm`, of length 1.

        A key that is too short to have parts has zeros.

        Raises
        ------
        KeyError
            If there are no parts, and the key is unknown.
        """
        subwords = self.subwords
        if word in self.key_to_index or not isinstance(word, str) or subwords is None:
            return super().get_vector(word, norm)
        if self.vectors_ngrams is None:
            return np.zeros(self.vector_size, np.float32)
        from w2v_cli.subwords.compose import compose

        vector = compose(np.asarray(self.vectors_ngrams), unseen_rows(subwords, Words.of([as_word(word)]), 0))[0]
        length = np.linalg.norm(vector)
        return vector / length if norm and length else vector

    def get_sentence_vector(self, sentence: Any) -> np.ndarray:
        """Return the mean of the normalized vectors of some keys, (D,)."""
        return self.get_mean_vector(sentence)

    def resize_vectors(self, seed: int = 0) -> None:
        """Make the rows as many as the keys and parts; new ones are random and short."""
        size, numbers = self.vector_size, np.random.default_rng(seed)
        table = ((numbers.random((len(self.index_to_key) + self.bucket, size), np.float32) * 2) - 1) / size
        kept = min(len(self.vectors_vocab), len(self.index_to_key))
        table[:kept] = self.vectors_vocab[:kept]
        if self.vectors_ngrams is not None:
            table[len(self.index_to_key) :] = self.vectors_ngrams
        self.take_table(table, len(self.index_to_key))
        self.allocate_vecattrs()

    def _also_saved(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        if self.subwords is None or self.vectors_ngrams is None:
            return {}, {}
        return {SUBWORD_VECTORS: self.table()}, {SUBWORDS: self.subwords.as_json()}

    @classmethod
    def _from_file(cls: type[Self], file: ModelFile, mmap: str | None) -> Self:
        """Return what an open file holds, with its parts of words.

        Raises
        ------
        NotImplementedError
            If its parts are floret's, or pruned.
        """
        parts = file.vectors.parts
        made = cls(0, **lengths_of(parts, file.name))
        load_rows(made, file, mmap)
        if parts is None:
            made.vectors_vocab = made.vectors
        else:
            made.take_table(np.array(parts.vectors, np.float32), len(made))
        return made


def lengths_of(parts: SubwordTable | None, name: str) -> dict[str, int]:
    """Return min_n, max_n and bucket of the parts of words in a file.

    Raises
    ------
    NotImplementedError
        If gensim's names do not have such parts, because they are floret's or pruned.
    """
    if parts is None:
        return {"min_n": 1, "max_n": 0, "bucket": 0}
    if not has_parts(parts):
        kind = "pruned" if parts.subwords.kind == "fasttext" else "floret's"
        raise NotImplementedError(
            f"the parts of words in {name} are {kind}: w2v.load reads them, gensim's names do not"
        )
    subwords = parts.subwords
    return {"min_n": subwords.min_ngram, "max_n": subwords.max_ngram, "bucket": subwords.buckets}


def ngram_rows(vectors: FastTextKeyedVectors) -> int:
    """Return how many rows of parts the keys have together."""
    if vectors.subwords is None:
        return 0
    return len(unseen_rows(vectors.subwords, Words.of(as_words(vectors.index_to_key)), 0).rows)
