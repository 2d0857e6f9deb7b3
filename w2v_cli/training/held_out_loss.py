"""The held-out loss: that of a model on text that it was not trained on, which `w2v loss` measures in the same way.

It is the loss that training lowers, so that it can be compared with the loss of the training: frequent words are
thinned out, windows are drawn, and with negative sampling each prediction is scored against K noise words. All of this
is drawn from the counts that the model file holds, with a seed of its own. So it is the same in every epoch, for every
seed and number of threads, and the file and the text are all that is needed to measure it again
(help/mathematics.md, section 10).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from w2v_cli.corpus.held_out import HeldOut
from w2v_cli.engines.choose import Measure
from w2v_cli.engines.sampling import Sample, Sampler
from w2v_cli.training.loss_sample import mean_of_groups

# The key of the random streams; no run trains this epoch, and the sample of the training loss has another.
SEED, EPOCH = 0, -2
# No window crosses the end of a block, as in training.
BLOCK_TOKENS = 10_000
# The name of this rule. A checkpoint stores it, so that no run is resumed whose losses were measured in another way.
HELD_OUT_RULE = f"blocks of {BLOCK_TOKENS} tokens, seed {SEED}, epoch {EPOCH}"


class HeldOutLoss(NamedTuple):
    """A loss on held-out text.

    Attributes
    ----------
    loss : mean negative log-likelihood, nats per prediction.
    standard_error : how far the mean over other text of the same kind is from it, typically, in nats; from the
        differences between blocks. NaN if there is only one.
    predictions : how many there are.
    """

    loss: float
    standard_error: float
    predictions: int

    @property
    def perplexity(self) -> float:
        """e^loss, for a full softmax; infinity if it exceeds float64."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.loss))


class HeldOutSample:
    """The windows of a held-out text, which are drawn anew whenever they are measured, always the same ones.

    If thinning out leaves nothing to predict, nothing is thinned out.

    Parameters
    ----------
    held_out : the text as ids.
    sampler : the distributions of the model's own counts, from `sampler_of`; its seed is replaced.

    Attributes
    ----------
    predicts : whether there is anything to predict; if not, no line has two words of the vocabulary.
    """

    def __init__(self, held_out: HeldOut, sampler: Sampler) -> None:
        self._held_out, self._sampler = held_out, replace(sampler, seed=SEED)
        self.predicts = self._any_context()
        if not self.predicts:
            self._sampler = self._sampler.keeping_all()
            self.predicts = self._any_context()

    def _any_context(self) -> bool:
        return any(bool(sample.has_context.any()) for sample in self.samples())

    def samples(self) -> Iterator[Sample]:
        """Yield the windows of each block, with their noise words."""
        ids, boundaries = self._held_out.ids, self._held_out.boundaries
        for block, start in enumerate(range(0, len(ids), BLOCK_TOKENS)):
            some = ids[start : start + BLOCK_TOKENS]
            first, last = np.searchsorted(boundaries, [start + 1, start + len(some)])
            yield self._sampler.sample(some, boundaries[first:last] - start, EPOCH, block)

    def measure(
        self, measure: Measure, input_vectors: np.ndarray, output_vectors: np.ndarray, threads: int = 1
    ) -> HeldOutLoss:
        """Measure the loss of a model.

        Parameters
        ----------
        measure : from `make_measure`.
        input_vectors, output_vectors : the model's tables, float32 of padded width; they are not changed.
        threads : how many call `measure` at once, each for a block.
        """

        def measured(sample: Sample) -> tuple[float, int]:
            return measure(sample, input_vectors, output_vectors)

        with np.errstate(all="ignore"):
            if threads == 1:
                return _mean(map(measured, self.samples()))
            with ThreadPoolExecutor(threads) as pool:
                return _mean(pool.map(measured, self.samples()))


def _mean(measured: Iterable[tuple[float, int]]) -> HeldOutLoss:
    """Return the loss per prediction of all blocks, given the summed loss and the predictions of each."""
    losses, predictions = np.array(list(measured), np.float64).T
    loss, error = mean_of_groups(losses, predictions)
    return HeldOutLoss(loss, error, int(predictions.sum()))
