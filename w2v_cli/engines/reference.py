"""The numpy engine: the specification that the compiled engine is held to.

Slow on purpose: every window is one call of `gradients`, every step a subtraction of what they return, so it can
be read beside the equations.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample
from w2v_cli.gradients.losses import logistic_loss


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
    total, predictions = 0.0, 0
    for first in range(0, len(sample.kept_ids), sample.step_windows):
        alpha, moves = alphas[first], list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
        for pos in range(first, min(first + sample.step_windows, len(sample.kept_ids))):
            window = _Window(objective, sample, pos)
            if len(window.context_ids) == 0:
                continue
            loss, grad_inputs, grad_outputs = window.loss(objective, input_vectors, output_vectors)
            grad_inputs *= objective.input_scale(len(window.context_ids))
            moves.append((input_vectors, window.context_ids, grad_inputs))
            moves.append((output_vectors, window.output_ids, grad_outputs))
            total += loss
            predictions += window.predictions
        for table, ids, grads in moves:
            # `-=` on repeated rows would keep one of their gradients only.
            np.subtract.at(table, ids, alpha * grads)
        if not np.isfinite(total):
            break  # diverged
    return total, predictions


def measure_logistic(
    objective: Objective, sample: Sample, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """The summed loss of a block's windows in nats, and the number of predictions; the tables stay as they are."""
    windows = (_Window(objective, sample, pos) for pos in range(len(sample.kept_ids)))
    some = [window for window in windows if len(window.context_ids)]
    losses = (window.loss(objective, input_vectors, output_vectors)[0] for window in some)
    return float(sum(losses)), sum(window.predictions for window in some)


class _Window:
    """One window of a block: the context words, and what their prediction is scored against."""

    def __init__(self, objective: Objective, sample: Sample, pos: int) -> None:
        window = sample.kept_ids[sample.window_starts[pos] : sample.window_stops[pos]]
        self.context_ids = np.delete(window, pos - sample.window_starts[pos])
        negative_ids = sample.negative_ids[pos // sample.step_windows]
        self.output_ids, self.labels, self.counts = objective.outputs(int(sample.kept_ids[pos]), negative_ids)
        # In skip-gram each context word predicts for itself, in CBOW all of them together.
        self.predictions = len(self.context_ids) if objective.model == "skipgram" else 1

    def loss(
        self, objective: Objective, input_vectors: np.ndarray, output_vectors: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """The loss in nats, its gradient for each context row (n, D), and for each output row (m, D)."""
        model = objective.architecture
        hidden = model.hidden(input_vectors[self.context_ids])
        rows = output_vectors[self.output_ids]
        loss, grad_hidden, grad_outputs = logistic_loss(hidden, rows, self.labels, self.counts)
        return float(loss), model.grad_rows(grad_hidden, len(self.context_ids)), grad_outputs
