"""Word classes: spherical k-means, clusters of directions (Dhillon & Modha 2001), as word2vec.c's `-classes` makes.

The first centers are chosen by k-means++ (Arthur & Vassilvitskii 2007), which scikit-learn brings.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, MissingExtraError

MOST_ROUNDS = 100
_BLOCK_ROWS = 1 << 14  # of cosines to all centers held at once


def word_classes(vectors: WordVectors, k: int, seed: int = 1) -> np.ndarray:
    """The class of every word, int32 (V,), 0 … k − 1, numbered in the order of their first words.

        class(w) = argmax_c cos(w, center_c)      center_c = Σ over its words of w / |w|, at length 1

    Parameters
    ----------
    k : classes, at most as many as words.

    Raises
    ------
    ConfigError
        If k is above the number of words.
    MissingExtraError
        If scikit-learn is missing.
    """
    try:
        from sklearn.cluster import kmeans_plusplus
    except ImportError:
        raise MissingExtraError(
            "word classes need the package scikit-learn", hint="pip install 'w2v-cli[classes]'"
        ) from None
    if k > len(vectors):
        raise ConfigError(f"-k {k}: there are {len(vectors):,} words", hint="fewer classes")
    units = vectors.unit_rows
    centers, _ = kmeans_plusplus(units, k, random_state=seed)
    classes = np.full(len(units), -1, np.int32)
    for _ in range(MOST_ROUNDS):
        before, classes = classes, _nearest_centers(units, centers)
        if np.array_equal(before, classes):
            break
        sums = np.zeros(centers.shape, np.float64)
        np.add.at(sums, classes, units)
        lengths = np.linalg.norm(sums, axis=1)
        # A center that no word is nearest to stays where it is.
        kept = lengths > 0
        centers[kept] = sums[kept] / lengths[kept, np.newaxis]
    _, firsts, numbers = np.unique(classes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts)).astype(np.int32)[numbers]


def _nearest_centers(units: np.ndarray, centers: np.ndarray) -> np.ndarray:
    blocks = (units[first : first + _BLOCK_ROWS] @ centers.T for first in range(0, len(units), _BLOCK_ROWS))
    return np.concatenate([block.argmax(axis=1) for block in blocks]).astype(np.int32)
