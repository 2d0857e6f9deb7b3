"""The fast engine: the numba kernels behind the reference engine's interface."""

from __future__ import annotations

import numpy as np

from w2v_cli.training import kernels
from w2v_cli.training.sampling import Sample

# The loss is taken at every so manieth window, evenly through the corpus.
LOSS_EVERY = 4


def train_skipgram_ns(
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    loss_every: int = LOSS_EVERY,
) -> tuple[float, int]:
    """Skip-gram with negative sampling over one block, as `reference.train_skipgram_ns` defines it.

    The loss is that of every `loss_every`-th window; the predictions are counted in the same ones.
    """
    loss, predictions = kernels.train_skipgram_ns(
        sample.kept_ids,
        sample.window_starts,
        sample.window_stops,
        sample.negative_ids,
        alphas,
        input_vectors,
        output_vectors,
        loss_every,
    )
    return float(loss), int(predictions)
