"""Sort the words of a map into a few groups by their directions, and name each group by frequent words of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.embeddings.classes import cluster, nearest_centers, numbered_by_first_word
from w2v_cli.embeddings.vectors import WordVectors

# As many as there are colours that people with any kind of colour vision can tell apart.
MOST_GROUPS = 9
# The centers are found among this many of the most frequent words; the others join the nearest.
_CLUSTERED = 20_000
_WORDS_IN_NAME = 3
_LONGEST_NAME = 60


class Groups(NamedTuple):
    """The group of each word, uint8 (V,), and the name of each group. Groups are numbered by their first words."""

    of_words: np.ndarray
    names: list[str]


def group_words(vectors: WordVectors, seed: int) -> Groups:
    """Sort words into at most `MOST_GROUPS` groups by spherical k-means.

    Parameters
    ----------
    seed : the random seed for the initial centers.
    """
    units = vectors.unit_rows
    # More threads would add in another order.
    with one_blas_thread():
        some = units[:_CLUSTERED]
        centers = _initial_centers(some, min(MOST_GROUPS, len(some)), seed)
        cluster(some, centers)
        nearest = nearest_centers(units, centers)
        cosines = np.einsum("ij,ij->i", units, centers[nearest])
    numbers = numbered_by_first_word(nearest)
    members = [np.flatnonzero(numbers == group) for group in range(numbers.max() + 1)]
    return Groups(numbers.astype(np.uint8), [_name(vectors, ids, cosines[ids]) for ids in members])


def _name(vectors: WordVectors, ids: np.ndarray, cosines: np.ndarray) -> str:
    """Return the most frequent words of a group that are typical of it: in the quarter nearest to its center.

    The most frequent words of all are words such as "the", which lie in some group but say nothing about it.
    """
    needed = min(_WORDS_IN_NAME, len(ids))
    least = np.sort(cosines)[-max(needed, len(ids) // 4)]
    typical = ids[cosines >= least][:needed]
    return ", ".join(vectors.words[int(word_id)][: _LONGEST_NAME // _WORDS_IN_NAME] for word_id in typical)


def _initial_centers(units: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Choose k rows far from each other: each with a probability that grows with its distance from those before it.

    This is k-means++ (Arthur & Vassilvitskii 2007), without the package that word classes need. Fewer rows are chosen
    if there are not k different ones.
    """
    random = np.random.default_rng(seed)
    chosen = [int(random.integers(len(units)))]
    distances = np.full(len(units), np.inf)
    while len(chosen) < k:
        distances = np.minimum(distances, np.maximum(1 - units @ units[chosen[-1]], 0).astype(np.float64))
        distances[distances < 1e-6] = 0  # the same direction, but for rounding
        total = np.cumsum(distances)
        if total[-1] == 0:
            break
        chosen.append(int(np.searchsorted(total, random.random() * total[-1], side="right")))
    return units[chosen].copy()
