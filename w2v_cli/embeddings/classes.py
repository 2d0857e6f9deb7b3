"""Word classes by spherical k-means, which clusters directions (Dhillon & Modha 2001), like word2vec.c's `-classes`.

scikit-learn chooses the initial centers by k-means++ (Arthur & Vassilvitskii 2007).
"""

from __future__ import annotations

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, MissingExtraError

MOST_ROUNDS = 100
_CHUNK_ROWS = 1 << 14  # words whose cosines to all centers are in memory at once


def word_classes(vectors: WordVectors, k: int, seed: int = 1) -> np.ndarray:
    """Assign every word to one of k classes.

        class(w) = argmax_c cos(w, center_c)      center_c = Σ over its words of w / |w|, scaled to length 1

    Parameters
    ----------
    k : how many classes; at most V.
    seed : the random seed for the initial centers.

    Returns
    -------
    int32 (V,), the class of each word. Classes are numbered from 0 in the order of their first words; fewer than k are
    used if a class ends up without words.

    Raises
    ------
    ConfigError
        If k exceeds the number of words.
    MissingExtraError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import kmeans_plusplus
    except ImportError:
        raise MissingExtraError("sorting words into classes", "scikit-learn") from None
    if k > len(vectors):
        raise ConfigError(f"-k {k}: there are {len(vectors):,} words", hint="ask for fewer classes")
    units = vectors.unit_rows
    centers, _ = kmeans_plusplus(units, k, random_state=seed)
    return numbered_by_first_word(cluster(units, centers))


def cluster(units: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Move the centers to the means of their words until no word changes its class; return the class of each word.

    Parameters
    ----------
    units : float32 (V, D), unit vectors.
    centers : float32 (k, D), the initial centers; overwritten with the final ones.
    """
    classes = np.full(len(units), -1, np.int32)
    for _ in range(MOST_ROUNDS):
        previous, classes = classes, nearest_centers(units, centers)
        if np.array_equal(previous, classes):
            break
        _move_centers(centers, units, classes)
    return classes


def nearest_centers(units: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return for each unit vector the number of the center with the largest cosine, int32 (V,)."""
    chunks = (units[first : first + _CHUNK_ROWS] @ centers.T for first in range(0, len(units), _CHUNK_ROWS))
    return np.concatenate([cosines.argmax(axis=1) for cosines in chunks]).astype(np.int32)


def _move_centers(centers: np.ndarray, units: np.ndarray, classes: np.ndarray) -> None:
    """Move each center to the mean direction of its words; a center without words stays where it is."""
    sums = np.zeros(centers.shape, np.float64)
    np.add.at(sums, classes, units)
    lengths = np.linalg.norm(sums, axis=1)
    moved = lengths > 0
    centers[moved] = sums[moved] / lengths[moved, np.newaxis]


def numbered_by_first_word(classes: np.ndarray) -> np.ndarray:
    """Number the classes from 0 in the order in which they first occur."""
    _, firsts, numbers = np.unique(classes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts)).astype(np.int32)[numbers]
