"""The numpy engine: the specification that the compiled engine is held to.

Slow on purpose: every window is one call of `gradients`, every step a subtraction of what they return, so it can
be read beside the equations.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.gradients.losses import logistic_loss
from w2v_cli.training.objective import Objective
from w2v_cli.training.sampling import Sample


def train_logistic(
    objective: Objective, sample: Sample, alphas: np.ndarray, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """Negative sampling or hierarchical softmax over one block, `Sample.step_windows` windows at a time.

    The context words' input rows predict the center (word2vec.c): each for itself in skip-gram, by their mean or
    sum in CBOW. What predicts is scored against the same rows: the center and the step's noise, or the nodes of
    the center's path. Each step is −alpha × the exact gradient of its windows' summed loss, alpha the first one's, but
    for the factor of `Objective.input_scale`. Seed: eq. 32 for the loss, 35 and 41 for its gradients, 23 for the sum.

    Parameters
    ----------
    alphas : float64 (N,), the learning rate at each window; a step takes its first one's.
    input_vectors, output_vectors : float (rows, ≥ D), changed in place.

    Returns
    -------
    The summed loss in nats, and the number of predictions it is the sum of.
    """
    model, total, predictions = objective.architecture, 0.0, 0
    for first in range(0, len(sample.kept_ids), sample.step_windows):
        alpha, moves = alphas[first], list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
        for pos in range(first, min(first + sample.step_windows, len(sample.kept_ids))):
            window = sample.kept_ids[sample.window_starts[pos] : sample.window_stops[pos]]
            context_ids = np.delete(window, pos - sample.window_starts[pos])
            if len(context_ids) == 0:
                continue
            negative_ids = sample.negative_ids[first // sample.step_windows]
            output_ids, labels, counts = objective.outputs(sample.kept_ids[pos], negative_ids)
            hidden = model.hidden(input_vectors[context_ids])
            loss, grad_hidden, grad_outputs = logistic_loss(hidden, output_vectors[output_ids], labels, counts)
            grad_inputs = model.grad_rows(grad_hidden, len(context_ids))
            grad_inputs *= objective.input_scale(len(context_ids))
            moves += [(input_vectors, context_ids, grad_inputs), (output_vectors, output_ids, grad_outputs)]
            total += float(loss)
            predictions += len(hidden)
        for table, ids, grads in moves:
            # `-=` on repeated rows would keep one of their gradients only.
            np.subtract.at(table, ids, alpha * grads)
        if not np.isfinite(total):
            break  # diverged
    return total, predictions
