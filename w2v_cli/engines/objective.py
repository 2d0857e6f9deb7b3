"""What a run trains: how context rows form hidden vectors, and which rows these are scored against."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.gradients.architectures import CBOW, CBOW_SUM, SKIPGRAM, Model
from w2v_cli.gradients.losses import negative_sampling_rows

if TYPE_CHECKING:
    from w2v_cli.corpus.vocabulary import Vocabulary
    from w2v_cli.engines.huffman import Paths
    from w2v_cli.subwords.options import Subwords
    from w2v_cli.subwords.rows import WordRows


class Frozen(NamedTuple):
    """Which rows of the tables are constants, whose step is zero: bool (rows,)."""

    inputs: np.ndarray
    outputs: np.ndarray


class Rates(NamedTuple):
    """What the step of each row of the tables is multiplied by: float32 (rows,), not negative."""

    inputs: np.ndarray
    outputs: np.ndarray


@dataclass(frozen=True)
class Objective:
    """An architecture and a loss.

    Attributes
    ----------
    model, loss : as in `TrainConfig`.
    averages : whether the hidden vector of a window is the mean of its rows; otherwise it is their sum (CBOW).
    scales_step : whether each of the n rows of a mean moves by n times the gradient.
    paths : the Huffman paths of hierarchical softmax; None for the other losses.
    frequent_first : whether the vocabulary is sorted by falling frequency.
    word_rows : the input rows of each word, if words have parts; None if each word has one row of its own.
    frozen : the rows that no step moves; None if all may move.
    rates : the rates of the rows; None if each is 1.
    """

    model: str
    loss: str
    averages: bool
    scales_step: bool
    paths: Paths | None
    frequent_first: bool
    word_rows: WordRows | None = None
    frozen: Frozen | None = None
    rates: Rates | None = None

    @property
    def architecture(self) -> Model:
        """How input rows form hidden vectors, and how gradients return to the rows."""
        return CBOW if self.averages else SKIPGRAM if self.model == "skipgram" else CBOW_SUM

    @property
    def output_name(self) -> str:
        """The name of the output table in the model file."""
        return "output_vectors" if self.paths is None else "node_vectors"

    @property
    def center_predicts(self) -> bool:
        """Whether the center word predicts each of its context words, as in fastText's skip-gram; else they predict it.

        With parts, the rows of one word are gathered for a window instead of those of all its context words. With
        softmax, one product has the scores of all of them.
        """
        return self.model == "skipgram" and (self.word_rows is not None or self.loss == "softmax")

    def input_rows(self, word_ids: np.ndarray) -> np.ndarray:
        """Return the input rows of some words, int (n,): one of each word, or all of its parts."""
        if self.word_rows is None:
            return word_ids
        offsets, rows = self.word_rows
        return np.concatenate([rows[offsets[i] : offsets[i + 1]] for i in word_ids.tolist()] or [rows[:0]])

    def freezing(self, names: Collection[str], known: np.ndarray, inputs: int, outputs: int) -> Objective:
        """Return the same objective with frozen rows.

        Parameters
        ----------
        names : what is frozen, as in `TrainConfig.freeze`. `known` are both rows of known words; of words with parts,
            all rows that these are composed of. The nodes of a tree belong to no word, so they still move.
        known : bool (V,), which words are known.
        inputs, outputs : the numbers of rows of the tables.
        """
        if not names:
            return self
        frozen = Frozen(np.full(inputs, "input" in names), np.full(outputs, "output" in names))
        if "known" in names:
            frozen.inputs[self.input_rows(np.flatnonzero(known))] = True
            if self.paths is None:
                frozen.outputs[known] = True
        return replace(self, frozen=frozen)

    def outputs(self, target_id: int, negative_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the output rows that the prediction of a word is scored against.

        Parameters
        ----------
        target_id : the word to predict.
        negative_ids : int (K,), its noise words.

        Returns
        -------
        The rows, int (m,); their labels, float64 (m,); how often each row counts, float64 (m,).
        """
        if self.paths is None:
            return negative_sampling_rows(target_id, negative_ids)
        node_ids, labels = self.paths.of(target_id)
        return node_ids, labels.astype(np.float64), np.ones(len(node_ids))

    def untrained_loss(self, counts: np.ndarray, negatives: int) -> float:
        """Return the loss of a model that has learnt nothing, so that all its scores are 0; nats per prediction.

            ns: (1 + K)·log 2      hs: log 2 × the mean length of a path      softmax: log V

        Parameters
        ----------
        counts : (V,), how often each word is predicted.
        negatives : K, noise words of a step.
        """
        if self.loss == "softmax":
            return math.log(len(counts))
        if self.paths is None:
            return (1 + negatives) * math.log(2)
        return float(counts @ np.diff(self.paths.starts) / counts.sum()) * math.log(2)

    def row_weight(self, rows: Any) -> Any:
        """Return the weight of each of n context rows in CBOW's hidden vector.

        Parameters
        ----------
        rows : n, or an array of such numbers.
        """
        return 1 / rows if self.averages else np.ones_like(rows, float)

    def input_scale(self, rows: Any) -> Any:
        """Return how many times −alpha × its gradient each input row of a window moves.

        The gradient of a mean of n rows has a factor 1/n. word2vec.c, gensim and fastText leave it out when they update
        the rows. That is a longer step than the gradient's, and it learns better on small corpora
        (help/mathematics.md, section 8). Skip-gram without parts, and CBOW with a sum, have no such factor.

        Parameters
        ----------
        rows : n, the number of rows in the mean, or an array of such numbers.
        """
        return rows if self.scales_step else 1


def make_objective(config: TrainConfig, counts: np.ndarray, word_rows: WordRows | None = None) -> Objective:
    """Return the objective of a run.

    Parameters
    ----------
    config : the run's choices.
    counts : int64 (V,), occurrences of each word.
    word_rows : the input rows of each word, if the run learns parts of words.
    """
    averages = word_rows is not None or (config.model == "cbow" and not config.cbow_sum)
    step = config.cbow_step if word_rows is None else config.subword_step
    return Objective(
        config.model,
        config.loss,
        averages,
        averages and step == "scaled",
        _paths(counts) if config.loss == "hs" else None,
        bool((counts[:-1] >= counts[1:]).all()),
        word_rows,
    )


def objective_of(config: TrainConfig, vocabulary: Vocabulary, subwords: Subwords | None) -> Objective:
    """Return the objective of a run with a vocabulary, which the model that it writes has too.

    Parameters
    ----------
    subwords : how words are cut into parts; None if words alone are learnt.
    """
    rows = None
    if subwords is not None:
        # Imported here because it loads numba, which the reference engine does not need.
        from w2v_cli.subwords.rows import vocabulary_rows

        rows = vocabulary_rows(subwords, vocabulary.words)
    # A model file has no other counts from which its tree could be built again.
    return make_objective(config, vocabulary.counts, rows)


def _paths(counts: np.ndarray) -> Paths:
    # Imported here because it loads numba, which a question to a model of another loss does not need.
    from w2v_cli.engines.huffman import huffman_paths

    return huffman_paths(counts)
