"""The numpy engine: the specification that the compiled engine is held to, one window at a time.

Slow on purpose: every step is one call of `gradients` and one subtraction, so it can be read beside the
equations.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.gradients.losses import logistic_loss, negative_sampling_rows
from w2v_cli.training.sampling import Sample


def train_skipgram_ns(
    sample: Sample, alphas: np.ndarray, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """Skip-gram with negative sampling over one block: each window's step is −alpha × its exact gradient.

    Every context word's input row predicts the center (word2vec.c); all of them share the window's noise.
    Seed: eq. 32 for the loss, 35 and 41 for its gradients, summed over the window (eq. 23).

    Parameters
    ----------
    alphas : float64 (N,), the learning rate of each window.
    input_vectors, output_vectors : float (V, ≥ D), changed in place.

    Returns
    -------
    The summed loss in nats, and the number of predictions (context words) it is the sum of.
    """
    total, predictions = 0.0, 0
    for pos, target_id in enumerate(sample.kept_ids):
        window = sample.kept_ids[sample.window_starts[pos] : sample.window_stops[pos]]
        context_ids = np.delete(window, pos - sample.window_starts[pos])
        if len(context_ids) == 0:
            continue
        output_ids, labels, counts = negative_sampling_rows(target_id, sample.negative_ids[pos])
        loss, grad_inputs, grad_outputs = logistic_loss(
            input_vectors[context_ids], output_vectors[output_ids], labels, counts
        )
        # `-=` on repeated rows would keep one of their gradients only.
        np.subtract.at(input_vectors, context_ids, alphas[pos] * grad_inputs)
        np.subtract.at(output_vectors, output_ids, alphas[pos] * grad_outputs)
        total += float(loss)
        predictions += len(context_ids)
    return total, predictions
