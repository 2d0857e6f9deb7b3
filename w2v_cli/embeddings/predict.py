"""Predict the center of a window: compute the loss that a trained model gives to each word of the vocabulary."""

from __future__ import annotations

import numpy as np

from w2v_cli.engines.objective import Objective
from w2v_cli.gradients.activations import log_sigmoid, log_softmax

_SCORE_BYTES = 1 << 26  # scores held in memory at once


def middle_losses(
    objective: Objective,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    context_ids: np.ndarray,
    context_vectors: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the window's loss per prediction, with each word of the vocabulary as its center.

        ns: −log σ(h·w)      hs: −Σ log σ(±h·n) over the word's path      softmax: −log P(w | h)

    Noise words are left out, because they differ between centers only by chance. The loss is a mean over the hidden
    vectors h that the context words form. Skip-gram's softmax is the exception: its center w predicts the context, so
    the loss is the mean of −log P(c | w) over the context words c.

    Parameters
    ----------
    input_vectors : float (V, D) · output_vectors : float (V, D), or (V − 1, D) for the nodes of a Huffman tree.
    context_ids : int (n,), the words around the center.
    context_vectors : float (n, D), their vectors; None: the rows of `input_vectors`.

    Returns
    -------
    float64 (V,), nats.
    """
    context = (input_vectors[context_ids] if context_vectors is None else context_vectors).astype(np.float64)
    if objective.loss == "softmax" and objective.model == "skipgram":
        return _center_losses(input_vectors, output_vectors, context_ids)
    hidden = objective.architecture.hidden(context)
    scores = hidden @ output_vectors.T.astype(np.float64)
    if objective.loss == "softmax":
        return np.asarray(-log_softmax(scores).mean(axis=0))
    if objective.paths is None:
        return np.asarray(-log_sigmoid(scores).mean(axis=0))
    paths = objective.paths
    # A node with score s leads to its branch 1 with probability σ(s), and to its branch 0 with σ(−s).
    right, left = -log_sigmoid(scores).mean(axis=0), -log_sigmoid(-scores).mean(axis=0)
    branches = np.where(paths.labels == 1, right[paths.node_ids], left[paths.node_ids])
    return np.add.reduceat(branches, paths.starts[:-1])


def _center_losses(input_vectors: np.ndarray, output_vectors: np.ndarray, context_ids: np.ndarray) -> np.ndarray:
    """Compute the mean of −log P(c | w) over the context for every center w: V × V scores, a few rows at a time."""
    losses, rows = [], max(1, _SCORE_BYTES // (8 * len(output_vectors)))
    outputs = output_vectors.astype(np.float64)
    for first in range(0, len(input_vectors), rows):
        scores = input_vectors[first : first + rows].astype(np.float64) @ outputs.T
        losses.append(-log_softmax(scores)[:, context_ids].mean(axis=1))
    return np.concatenate(losses)
