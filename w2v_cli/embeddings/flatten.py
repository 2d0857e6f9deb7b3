"""Take out of vectors what all of them have in common: their mean, and their first principal components.

Such directions say little about a word, mostly how frequent it is, but they raise the cosine of any two words.

Reference: Mu & Viswanath 2018, ICLR ("All-but-the-Top").
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.compression import principal_axes
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError

_ROWS = 1 << 12


class Flattening(NamedTuple):
    """What is taken out of all vectors.

    center : whether their mean is · components : how many of their first principal components, without the mean.
    """

    center: bool = False
    components: int = 0


AS_THEY_ARE = Flattening()


def flattened(vectors: WordVectors, flattening: Flattening) -> WordVectors:
    """Return vectors without what all of them have in common.

        v̄ = mean of v        x = v − v̄        x − Σ (x·uᵢ) uᵢ        u: the first principal axes of all x

    Every word counts alike. To take components out means to take the mean out first: it is most of what the first
    component would be otherwise.

    Raises
    ------
    ConfigError
        If all dimensions would be taken out.

    Examples
    --------
    >>> vectors = WordVectors(["up", "down", "left"], np.array([[5, 1], [5, -1], [2, 0]], np.float32))
    >>> flattened(vectors, Flattening(center=True)).matrix.tolist()
    [[1.0, 1.0], [1.0, -1.0], [-2.0, 0.0]]
    >>> flattened(vectors, Flattening(components=1)).matrix.round(6).tolist()
    [[0.0, 1.0], [0.0, -1.0], [0.0, 0.0]]
    """
    if flattening.components >= vectors.dim:
        raise ConfigError(
            f"--remove-top {flattening.components} would leave nothing of {vectors.dim} dimensions", hint="take fewer"
        )
    mean = vectors.matrix.mean(axis=0, dtype=np.float64)
    centered = np.empty(vectors.matrix.shape, np.float32)
    for start in range(0, len(vectors), _ROWS):
        centered[start : start + _ROWS] = vectors.matrix[start : start + _ROWS] - mean
    if flattening.components:
        top = principal_axes(centered).axes[:, : flattening.components]
        for start in range(0, len(vectors), _ROWS):
            rows = centered[start : start + _ROWS].astype(np.float64)
            centered[start : start + _ROWS] = rows - rows @ top @ top.T
    return WordVectors(vectors.words, centered, vectors.counts)
