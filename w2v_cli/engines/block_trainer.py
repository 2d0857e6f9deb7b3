"""Train blocks of a text: draw the windows of a block, take the steps, and see whether the vectors have grown too much.

`compiled.CompiledBlocks` does the same for several blocks in one call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.engines.choose import Step
from w2v_cli.engines.learning_rate import LearningRate
from w2v_cli.engines.parameters import LARGEST_NUMBER, PROBED_ROWS, Parameters
from w2v_cli.engines.sampling import Sampler


class BlockTrainer(Protocol):
    """Trains blocks of a text; any number of threads may call `train` at the same time.

    Attributes
    ----------
    most : how many blocks it is worth while to train in one call.
    """

    most: int

    def train(self, epoch: int, numbers: np.ndarray, spans: np.ndarray, trained: np.ndarray) -> tuple[int, bool]:
        """Train blocks of one epoch.

        Parameters
        ----------
        numbers : int64 (B,), the numbers of the blocks in the text.
        spans : int64 (B, 2), where each block begins and ends in the text, in tokens.
        trained : int64 (B,), how many tokens of the run come before each block.

        Returns
        -------
        The index of the first of these blocks after which a vector had grown without bound, or −1; and whether any
        window had a context word.
        """


class SteppedBlocks:
    """A `BlockTrainer` that calls a step for each block.

    Parameters
    ----------
    step : what trains a block, from `make_step`.
    corpus : the text as ids.
    sampler : what the windows are drawn from.
    parameters : the tables, changed in place.
    rate : the learning rate of each token.
    input_rows : returns the input rows of words, see `Objective`.
    """

    most = 1

    def __init__(
        self,
        step: Step,
        corpus: EncodedCorpus,
        sampler: Sampler,
        parameters: Parameters,
        rate: LearningRate,
        input_rows: Callable[[np.ndarray], np.ndarray] = lambda word_ids: word_ids,
    ) -> None:
        self.step, self._input_rows = step, input_rows
        self._corpus, self._sampler, self._rate = corpus, sampler, rate
        self._tables = parameters.input_vectors, parameters.output_vectors

    def train(self, epoch: int, numbers: np.ndarray, spans: np.ndarray, trained: np.ndarray) -> tuple[int, bool]:
        """Train blocks, as `BlockTrainer` says."""
        learnt = False
        for i, (number, span, before) in enumerate(
            zip(numbers.tolist(), spans.tolist(), trained.tolist(), strict=True)
        ):
            sample = self._sampler.sample(*self._corpus.read(*span), epoch, number)
            # A run may have more tokens than int32 can count.
            alphas = self._rate.at(before + sample.positions.astype(np.int64))
            # Overflow is detected below, so numpy need not warn about it.
            with np.errstate(all="ignore"):
                loss, _ = self.step(sample, alphas, *self._tables)
                rows = np.abs(self._tables[0][self._input_rows(sample.kept_ids[:PROBED_ROWS])])
            learnt = learnt or bool(sample.has_context.any())
            if not np.isfinite(loss) or not (rows < LARGEST_NUMBER).all():
                return i, learnt
        return -1, learnt
