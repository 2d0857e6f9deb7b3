"""What a run begins with unless it goes on from a model: its objective, and parameters that are drawn at random."""

from __future__ import annotations

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.engines.objective import Objective, objective_of
from w2v_cli.engines.parameters import Parameters, initial_parameters, initial_subword_parameters
from w2v_cli.engines.softmax import work_bytes
from w2v_cli.subwords.options import Subwords
from w2v_cli.training.memory import require_memory, rows_of, tables_of


def fresh_parameters(
    config: TrainConfig, vocabulary: Vocabulary, subwords: Subwords | None
) -> tuple[Objective, Parameters]:
    """Return the objective of a run with a vocabulary, and its parameters before the first step.

    Parameters
    ----------
    subwords : how words are cut into parts; None if words alone are learnt.

    Raises
    ------
    TrainingError
        If the parameters do not fit into memory.
    """
    words = len(vocabulary)
    objective = objective_of(config, vocabulary, subwords)
    inputs, outputs = rows_of(config, words)
    tables = tables_of(config, words)
    require_memory(tables._replace(size=tables.size + softmax_bytes(config, words)))
    drawn = config.dim, config.seed, outputs, objective.output_name, np.dtype(config.table)
    if objective.word_rows is None:
        return objective, initial_parameters(words, *drawn)
    return objective, initial_subword_parameters(inputs, objective.word_rows.rows, *drawn)


def softmax_bytes(config: TrainConfig, words: int) -> int:
    """Return the memory that the products of a full softmax take; 0 for another loss."""
    return work_bytes(words, config.dim) if config.loss == "softmax" else 0
