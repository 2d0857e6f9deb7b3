"""Smaller vectors: fewer dimensions, or whole numbers of eight bits; and how much of the neighbourhoods is kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.queries import find_nearest
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError

# The largest whole number that is used; −128 is not, so that x and −x are stored alike.
_MOST = 127
# Rows are handled so many at a time, since float64 copies of a large matrix would not fit into memory.
_ROWS = 1 << 12
# `recall` asks about this many words, spread evenly over the most frequent ones, which are what people ask about.
RECALL_QUERIES, RECALL_AMONG, RECALL_K = 1000, 10_000, 10
# A large matrix gets fewer questions, so that they take seconds and not minutes: numbers that are multiplied.
_MOST_PRODUCTS, _LEAST_QUERIES = 2e11, 100


class Int8(NamedTuple):
    """Vectors as whole numbers with a scale for each row: the vector is numbers · scale, see `computed.Stored`.

    numbers : int8 (V, D), from −127 to 127 · scales : float32 (V,), not negative.
    """

    numbers: np.ndarray
    scales: np.ndarray


def to_int8(matrix: np.ndarray) -> Int8:
    """Round vectors to whole numbers; the largest number of each row becomes ±127.

    No number moves by more than half of its row's scale. Vectors that have been rounded in this way give the same whole
    numbers again.

    Parameters
    ----------
    matrix : float32 (V, D), finite.

    Examples
    --------
    >>> to_int8(np.array([[1, -2, 0.5], [0, 0, 0]], np.float32)).numbers.tolist()
    [[64, -127, 32], [0, 0, 0]]
    """
    numbers, scales = np.empty(matrix.shape, np.int8), np.empty(len(matrix), np.float32)
    for start in range(0, len(matrix), _ROWS):
        rows = matrix[start : start + _ROWS].astype(np.float64)
        scale = (np.abs(rows).max(axis=1) / _MOST).astype(np.float32)
        scales[start : start + _ROWS] = scale
        # The scale of numbers near 1e-45 is rounded to 0; they become zeros.
        divisor = np.where(scale > 0, scale, np.inf).astype(np.float64)
        numbers[start : start + _ROWS] = np.clip(np.rint(rows / divisor[:, np.newaxis]), -_MOST, _MOST)
    return Int8(numbers, scales)


class Axes(NamedTuple):
    """The principal axes of vectors, the most important one first.

    axes : float64 (D, D), one in each column · shares : float64 (D,), the share of the variance along each, sum 1.
    """

    axes: np.ndarray
    shares: np.ndarray

    def count_for(self, share: float) -> int:
        """Return how many axes explain this share of the variance."""
        return min(int(np.searchsorted(np.cumsum(self.shares), share)) + 1, len(self.shares))


def principal_axes(matrix: np.ndarray) -> Axes:
    """Return the principal axes of vectors.

        MᵀM = A Λ Aᵀ        share of axis i: λᵢ / Σ λ

    The mean is not subtracted. Cosines are about the origin, and fewer of them change in this way (measured:
    help/design.md, "Fewer dimensions"). With all D axes, every cosine stays as it is.

    Parameters
    ----------
    matrix : float32 (V, D), finite.
    """
    moments = np.zeros((matrix.shape[1],) * 2)
    for start in range(0, len(matrix), _ROWS):
        rows = matrix[start : start + _ROWS].astype(np.float64)
        moments += rows.T @ rows
    values, axes = np.linalg.eigh(moments)
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1]
    # An axis may point either way; its largest component is made positive.
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))] < 0, -1, 1)
    return Axes(axes, values / (values.sum() or 1))


def reduce_dims(vectors: WordVectors, dims: int) -> tuple[WordVectors, Axes]:
    """Return the coordinates of vectors on their first principal axes, and all axes.

    Raises
    ------
    ConfigError
        If there are fewer dimensions than that.
    """
    if not 1 <= dims <= vectors.dim:
        raise ConfigError(
            f"--dims {dims} is not between 1 and the {vectors.dim} dimensions of the vectors", hint="take fewer"
        )
    found = principal_axes(vectors.matrix)
    reduced = np.empty((len(vectors), dims), np.float32)
    for start in range(0, len(vectors), _ROWS):
        reduced[start : start + _ROWS] = vectors.matrix[start : start + _ROWS].astype(np.float64) @ found.axes[:, :dims]
    return WordVectors(vectors.words, reduced, vectors.counts), found


def recall(before: WordVectors, after: WordVectors) -> float:
    """Return the share of the 10 nearest words that stay among the 10 nearest, 0…1.

    The questions are words spread evenly over the most frequent 10,000; every word may be an answer. The same vectors
    give the same result.

    Parameters
    ----------
    before, after : vectors of the same words in the same order.
    """
    affordable = _MOST_PRODUCTS / (len(before) * before.dim)
    count = int(min(RECALL_QUERIES, max(_LEAST_QUERIES, affordable), len(before)))
    asked = np.unique(np.linspace(0, min(len(before), RECALL_AMONG) - 1, count).astype(np.int64))
    k = min(RECALL_K, len(before) - 1)
    if k < 1:
        return 1.0
    excluded = [[word_id] for word_id in asked.tolist()]
    answers = [
        [set(found.ids.tolist()) for found in find_nearest(vectors, vectors.matrix[asked], k, excluded)]
        for vectors in (before, after)
    ]
    return sum(len(one & other) for one, other in zip(*answers, strict=True)) / (k * len(asked))
