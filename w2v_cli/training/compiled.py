"""The fast engine: the numba kernels behind the reference engine's interface."""

from __future__ import annotations

import numpy as np

from w2v_cli.training import kernels
from w2v_cli.training.huffman import Paths
from w2v_cli.training.objective import Objective
from w2v_cli.training.sampling import Sample

# The loss is taken at every so manieth window, evenly through the corpus. The number has no factor in common with
# WINDOWS_PER_NOISE: else it would always be the first window that meets its noise, whose loss is higher.
LOSS_EVERY = 5
NO_PATHS = Paths(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int8))


def train_logistic(
    objective: Objective,
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    loss_every: int = LOSS_EVERY,
) -> tuple[float, int]:
    """Negative sampling or hierarchical softmax over one block, as `reference.train_logistic` defines it.

    The loss is that of every `loss_every`-th window; the predictions are counted in the same ones.
    """
    paths = objective.paths or NO_PATHS
    loss, predictions = kernels.train_logistic(
        sample.kept_ids,
        sample.window_starts,
        sample.window_stops,
        sample.negative_ids,
        paths.starts,
        paths.node_ids,
        paths.labels,
        objective.model == "cbow",
        objective.averages,
        objective.scales_step,
        alphas,
        input_vectors,
        output_vectors,
        loss_every,
    )
    return float(loss), int(predictions)
