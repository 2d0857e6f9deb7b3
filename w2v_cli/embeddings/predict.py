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
    context_rows: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the window's loss per prediction, with each word of the vocabulary as its center.

        ns: −log σ(h·w)      hs: −Σ log σ(±h·n) over the word's path      softmax: −log P(w | h)

    Noise words are left out, because they differ between centers only by chance. The loss is a mean over the hidden
    vectors h that the context words form. In skip-gram with softmax or with parts of words, it is the center that
    predicts: the loss is the mean of that of the context words, with the center's vector as h.

    Parameters
    ----------
    input_vectors : float (V, D) · output_vectors : float (V, D), or (V − 1, D) for the nodes of a Huffman tree.
    context_ids : int (n,), the words around the center.
    context_vectors : float (n, D), their vectors; None: the rows of `input_vectors`.
    context_rows : int (n,), of how many rows each of these is the mean, which is its weight in CBOW's mean; None: one.

    Returns
    -------
    float64 (V,), nats.
    """
    if objective.center_predicts:
        return _center_losses(objective, input_vectors, output_vectors, context_ids)
    context = (input_vectors[context_ids] if context_vectors is None else context_vectors).astype(np.float64)
    if context_rows is not None:
        hidden = (context_rows @ context / max(1, context_rows.sum()))[np.newaxis]
    else:
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


def _center_losses(
    objective: Objective, input_vectors: np.ndarray, output_vectors: np.ndarray, context_ids: np.ndarray
) -> np.ndarray:
    """Compute the mean loss of the context words for every center, a few centers at a time.

    Softmax takes V × V scores, and the other losses those of the context words or of the nodes on their paths.
    """
    rows, labels = context_ids, np.ones(len(context_ids))
    if objective.loss == "softmax":
        rows = np.arange(len(output_vectors))
    elif objective.paths is not None:
        rows, labels = (np.concatenate(parts) for parts in zip(*map(objective.paths.of, context_ids), strict=True))
    outputs, signs = output_vectors[rows].astype(np.float64), np.where(labels == 1, 1, -1)
    losses, at_once = [], max(1, _SCORE_BYTES // (8 * len(outputs)))
    for first in range(0, len(input_vectors), at_once):
        scores = input_vectors[first : first + at_once].astype(np.float64) @ outputs.T
        if objective.loss == "softmax":
            losses.append(-log_softmax(scores)[:, context_ids].sum(axis=1))
        else:
            losses.append(-log_sigmoid(scores * signs).sum(axis=1))
    return np.concatenate(losses) / len(context_ids)
