"""What a trained model expects: the loss of a window with each word of the vocabulary in its middle."""

from __future__ import annotations

import numpy as np

from w2v_cli.engines.objective import Objective
from w2v_cli.gradients.activations import log_sigmoid, log_softmax

_SCORE_BYTES = 1 << 26  # of scores held at once


def middle_losses(
    objective: Objective, input_vectors: np.ndarray, output_vectors: np.ndarray, context_ids: np.ndarray
) -> np.ndarray:
    """Loss of the window per prediction, for every word as its center.

        ns: −log σ(h·w)      hs: −Σ log σ(±h·n) over the word's path      softmax: −log P(w | h)

    Without noise, which is the same for every word but by chance. The hidden vectors h are those that the context words
    form; with skip-gram's softmax, whose center predicts its context, it is −log P(c | w) for every context word c.

    Parameters
    ----------
    input_vectors : float (V, D) · output_vectors : float (V, D), or (V − 1, D) of nodes.
    context_ids : int (n,)

    Returns
    -------
    float64 (V,), nats.
    """
    context = input_vectors[context_ids].astype(np.float64)
    if objective.loss == "softmax" and objective.model == "skipgram":
        return _center_losses(input_vectors, output_vectors, context_ids)
    hidden = objective.architecture.hidden(context)
    scores = hidden @ output_vectors.T.astype(np.float64)
    if objective.loss == "softmax":
        return np.asarray(-log_softmax(scores).mean(axis=0))
    if objective.paths is None:
        return np.asarray(-log_sigmoid(scores).mean(axis=0))
    paths = objective.paths
    # A node's two branches: σ(s) where the code is 1, σ(−s) where it is 0.
    right, left = -log_sigmoid(scores).mean(axis=0), -log_sigmoid(-scores).mean(axis=0)
    branches = np.where(paths.labels == 1, right[paths.node_ids], left[paths.node_ids])
    return np.add.reduceat(branches, paths.starts[:-1])


def _center_losses(input_vectors: np.ndarray, output_vectors: np.ndarray, context_ids: np.ndarray) -> np.ndarray:
    """Mean −log P(c | w) over the context, for every center w: V × V scores, some rows at a time."""
    losses, rows = [], max(1, _SCORE_BYTES // (8 * len(output_vectors)))
    outputs = output_vectors.astype(np.float64)
    for first in range(0, len(input_vectors), rows):
        scores = input_vectors[first : first + rows].astype(np.float64) @ outputs.T
        losses.append(-log_softmax(scores)[:, context_ids].mean(axis=1))
    return np.concatenate(losses)
