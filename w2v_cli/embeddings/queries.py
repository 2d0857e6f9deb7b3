"""Questions to the vectors: which words lie nearest to a direction. Exact: every word is looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors

_SCORE_BYTES = 1 << 26  # of cosines held at once, whatever the number of queries


class Neighbour(NamedTuple):
    """A word and the cosine of its angle to what was asked for."""

    word: str
    cosine: float


def similar(vectors: WordVectors, words: Sequence[str], k: int = 10) -> list[list[Neighbour]]:
    """For each word the k others with the largest cosine; UnknownWordError names every unknown word."""
    ids = vectors.ids_of(words)
    return nearest(vectors, vectors.matrix[ids], k, excluded=[[word_id] for word_id in ids.tolist()])


def nearest(
    vectors: WordVectors, directions: np.ndarray, k: int, excluded: Sequence[Collection[int]]
) -> list[list[Neighbour]]:
    """The k words with the largest cosine to each direction; words of equal cosine in vocabulary order.

        cos(q, r) = q·r / (|q| |r|)

    All cosines are made in float32 as one matrix product. Those that might belong to the k best are then made
    again in float64, so that neither the ranking nor a tie hangs on a rounding.

    Parameters
    ----------
    directions : float (n, D), of any length; a zero vector has cosine 0 with every word.
    excluded : n collections of ids that are no answer.
    """
    size = len(vectors)
    # The float32 cosine of two D-vectors is off by less than this; twice, for both sides of a comparison.
    margin = 2 * vectors.dim * np.finfo(np.float32).eps
    units = _unit(directions.astype(np.float64))
    batch = max(1, _SCORE_BYTES // (4 * size))
    answers: list[list[Neighbour]] = []
    for first in range(0, len(units), batch):
        cosines = units[first : first + batch].astype(np.float32) @ vectors.matrix.T
        cosines /= vectors.norms
        for unit, row, barred in zip(units[first:], cosines, excluded[first:], strict=False):
            row[list(barred)] = -np.inf
            wanted = min(k, size - len(set(barred)))
            if wanted < 1:
                answers.append([])
                continue
            least = np.partition(row, size - wanted)[size - wanted]
            ids = np.flatnonzero(row >= least - margin)
            # einsum and not @: equal rows must give equal sums, wherever they stand.
            exact = np.einsum("ij,j->i", _unit(vectors.matrix[ids].astype(np.float64)), unit)
            best = np.argsort(-exact, kind="stable")[:wanted]
            answers.append([Neighbour(vectors.words[ids[i]], float(exact[i])) for i in best])
    return answers


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows at length 1; rows of zeros stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.where(norms > 0, norms, 1)[:, np.newaxis]
