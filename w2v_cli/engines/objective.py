"""What a run trains: how the context rows form hidden vectors, and what these are scored against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.engines.huffman import Paths, huffman_paths
from w2v_cli.gradients.architectures import CBOW, CBOW_SUM, SKIPGRAM, Model
from w2v_cli.gradients.losses import negative_sampling_rows


@dataclass(frozen=True)
class Objective:
    """An architecture and a loss.

    Attributes
    ----------
    model, loss : as in `TrainConfig`.
    averages : CBOW's hidden vector is the mean of its context rows, not their sum.
    scales_step : CBOW's step on each of its n context rows is n × as long as its gradient says.
    paths : of hierarchical softmax, else None.
    frequent_first : no word is less frequent than one that comes later in the vocabulary.
    """

    model: str
    loss: str
    averages: bool
    scales_step: bool
    paths: Paths | None
    frequent_first: bool

    @property
    def architecture(self) -> Model:
        """How rows form hidden vectors, and gradients go back to them."""
        return SKIPGRAM if self.model == "skipgram" else CBOW if self.averages else CBOW_SUM

    @property
    def output_name(self) -> str:
        """What the rows of the output table are, in the model file."""
        return "output_vectors" if self.paths is None else "node_vectors"

    def outputs(self, target_id: int, negative_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows that the prediction of a word is scored against, their labels, and how often each counts."""
        if self.paths is None:
            return negative_sampling_rows(target_id, negative_ids)
        node_ids, labels = self.paths.of(target_id)
        return node_ids, labels.astype(np.float64), np.ones(len(node_ids))

    def untrained_loss(self, counts: np.ndarray, negatives: int) -> float:
        """The loss of a model whose scores are all 0, nats per prediction: that of having learnt nothing.

            ns: (1 + K)·log 2      hs: log 2 × the mean length of a path      softmax: log V

        Parameters
        ----------
        counts : (V,), how often each word is predicted · negatives : K.
        """
        if self.loss == "softmax":
            return math.log(len(counts))
        if self.paths is None:
            return (1 + negatives) * math.log(2)
        return float(counts @ np.diff(self.paths.starts) / counts.sum()) * math.log(2)

    def row_weight(self, rows: Any) -> Any:
        """What each of a CBOW window's n context rows weighs in the hidden vector; for arrays of n too."""
        return 1 / rows if self.averages else np.ones_like(rows, float)

    def input_scale(self, rows: Any) -> Any:
        """How many times −alpha × its gradient each of a window's input rows moves.

        word2vec.c, gensim and fastText leave the 1/n of the mean out on the way back: a longer step that learns
        better on small corpora, and not the gradient. Skip-gram and sums have no 1/n to leave out.
        """
        return rows if self.scales_step else 1


def make_objective(config: TrainConfig, counts: np.ndarray) -> Objective:
    """The objective of a run.

    Parameters
    ----------
    counts : int64 (V,).
    """
    averages = config.model == "cbow" and not config.cbow_sum
    return Objective(
        config.model,
        config.loss,
        averages,
        averages and config.cbow_step == "scaled",
        huffman_paths(counts) if config.loss == "hs" else None,
        bool((counts[:-1] >= counts[1:]).all()),
    )
