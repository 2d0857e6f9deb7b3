"""Rotate the vectors of one model into the space of another, by the words that both know.

Two runs put their words into spaces of their own: the cosines within a model mean something, and those between two
models do not. A rotation changes no cosine within a model, so the one that brings the shared words closest together
makes the two comparable.

References: Schönemann 1966, Psychometrika (the rotation); Hamilton, Leskovec & Jurafsky 2016, ACL (its use for words).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.queries import unit_rows
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, VocabularyError

# Rows are handled so many at a time, since float64 copies of a large matrix would not fit into memory.
_ROWS = 1 << 12


class Shared(NamedTuple):
    """The words that two models have in common, in the order of the first: their ids in each, int64 (n,)."""

    first: np.ndarray
    second: np.ndarray


@dataclass(frozen=True)
class Alignment:
    """The rotation of one model into the space of another.

    Attributes
    ----------
    rotation : float64 (D, D), orthogonal; a row vector x becomes x @ rotation.
    words : how many shared words it was made from.
    before, after : the mean cosine of those words' two vectors without and with the rotation.
    """

    rotation: np.ndarray
    words: int
    before: float
    after: float

    @property
    def remark(self) -> str | None:
        """Say why the rotation should not be trusted; None if there is no reason."""
        if self.words >= len(self.rotation):
            return None
        return (
            f"only {self.words:,} words are shared, fewer than the {len(self.rotation)} dimensions: they do not"
            " determine the rotation"
        )

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """Return the rotated rows of a matrix, float32 (n, D)."""
        rotated = np.empty(matrix.shape, np.float32)
        for start in range(0, len(matrix), _ROWS):
            rotated[start : start + _ROWS] = matrix[start : start + _ROWS].astype(np.float64) @ self.rotation
        return rotated

    def apply_to_tables(self, tables: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the tables of a model with all vectors rotated, those of outputs, nodes and parts of words too.

        Inner products stay as they are, so the model predicts and composes as before.
        """
        return {name: self.apply(table) if table.ndim == 2 else table for name, table in tables.items()}


def shared_words(first: WordVectors, second: WordVectors, *, words: int | None = None, min_count: int = 1) -> Shared:
    """Return the words that two models have in common.

    Parameters
    ----------
    words : only those that are among this many of the most frequent words of both; None: all.
    min_count : only those that occur so often in the texts of both; with 1, the counts need not be known.
    """
    ids = second.ids
    pairs = [(i, ids[word]) for i, word in enumerate(first.words[:words]) if word in ids]
    shared = np.array(pairs, np.int64).reshape(-1, 2)
    if words is not None:
        shared = shared[shared[:, 1] < words]
    for column, vectors in enumerate((first, second)):
        if min_count > 1:
            if vectors.counts is None:
                raise ValueError(f"min_count is {min_count}, and the counts are unknown")
            shared = shared[vectors.counts[shared[:, column]] >= min_count]
    return Shared(shared[:, 0], shared[:, 1])


def align(first: WordVectors, second: WordVectors, shared: Shared | None = None) -> Alignment:
    """Return the rotation that brings the second model's shared words closest to the first's.

    With the unit vectors of the shared words as the rows of A (first) and B (second):

        R = argmin |B R − A|²,  Rᵀ R = 1        UΣVᵀ = BᵀA        R = UVᵀ

    No mean is subtracted: cosines are about the origin. Every word counts alike, because the lengths are taken out; so
    R maximises the mean cosine of the shared words.

    Parameters
    ----------
    shared : the words to use; None: all that both models have.

    Raises
    ------
    ConfigError
        If the vectors have different numbers of dimensions.
    VocabularyError
        If no word is shared.
    ModelFileError
        If one of the vectors holds NaN or infinity.

    Examples
    --------
    >>> one = WordVectors(["east", "north"], np.array([[1, 0], [0, 1]], np.float32))
    >>> turned = WordVectors(["north", "east"], np.array([[2, 0], [0, -3]], np.float32))
    >>> align(one, turned).apply(turned.matrix).tolist()
    [[0.0, 2.0], [3.0, 0.0]]
    """
    require_same_dim(first, second)
    shared = shared_words(first, second) if shared is None else shared
    if not len(shared.first):
        raise VocabularyError("the two models have no word in common", hint="are their texts in one language?")
    moments, before = np.zeros((first.dim, first.dim)), 0.0
    for a, b in _unit_pairs(first, second, shared):
        moments += b.T @ a
        before += float(np.einsum("ij,ij->", a, b))
    left, values, right = np.linalg.svd(moments)
    count = len(shared.first)
    return Alignment(left @ right, count, before / count, float(values.sum()) / count)


def cosines_of_shared(first: WordVectors, second: WordVectors, shared: Shared) -> np.ndarray:
    """Return the cosine of the two vectors of each shared word, float64 (n,)."""
    cosines = [np.einsum("ij,ij->i", a, b) for a, b in _unit_pairs(first, second, shared)]
    return np.clip(np.concatenate([np.empty(0), *cosines]), -1, 1)


def require_same_dim(first: WordVectors, second: WordVectors) -> None:
    """Refuse two models whose vectors have different numbers of dimensions.

    Raises
    ------
    ConfigError
        If they have; the message gives both numbers.
    """
    if first.dim != second.dim:
        raise ConfigError(
            f"the vectors have {first.dim} and {second.dim} dimensions", hint="train both models with one --dim"
        )


def _unit_pairs(first: WordVectors, second: WordVectors, shared: Shared) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the unit vectors of the shared words in both models, some rows at a time, each float64 (n, D)."""
    for start in range(0, len(shared.first), _ROWS):
        rows = slice(start, start + _ROWS)
        yield unit_rows(first, shared.first[rows]), unit_rows(second, shared.second[rows])
