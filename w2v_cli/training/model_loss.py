"""The held-out loss of a model that was trained before, from what its file holds."""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.held_out import HeldOut
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.engines.choose import blocks_at_once, make_measure, resolve_engine
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.parameters import aligned_zeros, padded, parameter_bytes
from w2v_cli.engines.sampling import sampler_of
from w2v_cli.training.held_out_loss import HeldOutLoss, HeldOutSample
from w2v_cli.training.memory import Tables, require_memory


def model_loss(
    config: TrainConfig,
    vocabulary: Vocabulary,
    objective: Objective,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    held_out: HeldOut,
    threads: int,
) -> HeldOutLoss | None:
    """Measure the loss of a model as `w2v train --validate` does; None if there is nothing to predict.

    Parameters
    ----------
    config : the options that the model was trained with · objective : of `objective_of`.
    input_vectors, output_vectors : float32 (rows, D), the model's tables; with parts of words, the rows of all parts.
    held_out : the text as ids of the vocabulary.
    threads : how many threads measure.

    Raises
    ------
    TrainingError
        If copies of the tables do not fit into memory.
    """
    sample = HeldOutSample(held_out, sampler_of(config, vocabulary.counts))
    if not sample.predicts:
        return None
    rows, dim = len(input_vectors) + len(output_vectors), input_vectors.shape[1]
    require_memory(Tables(f"copies of {rows:,} vectors × {dim} dimensions", parameter_bytes(rows, dim)))
    engine = config.engine if config.engine == "reference" else resolve_engine("auto")
    at_once = blocks_at_once(engine, config.loss, threads)
    with one_blas_thread():
        measure = make_measure(engine, objective, threads)
        return sample.measure(measure, _padded(input_vectors), _padded(output_vectors), at_once)


def _padded(table: np.ndarray) -> np.ndarray:
    """Return a copy of a table as the engines need it: of padded width, aligned, and not mapped from a file."""
    copy = aligned_zeros((len(table), padded(table.shape[1])))
    copy[:, : table.shape[1]] = table
    return copy
