"""The sample of windows on which the loss of a run is measured.

The loss of the training steps says little about the model: the block has just adapted to its windows, so their loss is
lower than that of other windows while the learning rate is high, and it rises as the rate falls. Therefore the loss is
measured on a fixed sample: the same windows with the same noise in every epoch, for every seed and number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.engines.choose import Measure
from w2v_cli.engines.sampling import Sample, Sampler
from w2v_cli.training.schedule import BLOCK_TOKENS

# The sample is a fiftieth of the text, within these limits. That is enough for a small standard error, and measuring it
# takes about a hundredth of the training time.
SHARE = 50
LEAST_TOKENS, MOST_TOKENS = 2_000, 40_000
# The most noise words that all windows have together; they take 16 MiB.
MOST_NOISE = 1 << 22
# The tokens come in spans from all over the text. Windows do not reach beyond their span, so a span has at least
# SPAN_TOKENS tokens, and enough of them to hold SPAN_WINDOWS windows after subsampling.
SPAN_TOKENS, SPAN_WINDOWS = 200, 4
LEAST_SPANS = 10
# The number of groups that the spans are divided into. The standard error follows from how much the groups differ.
GROUPS = 25
# The key of the sample's random streams. No run trains this epoch, and the sample does not depend on the run's seed.
SEED, EPOCH = 0, -1
# The name of this rule. A checkpoint stores it, so that no run is resumed whose losses were measured in another way.
LOSS_RULE = f"1/{SHARE} of the text, {LEAST_TOKENS} to {MOST_TOKENS} tokens in spans of {SPAN_TOKENS} or more"


class MeasuredLoss(NamedTuple):
    """A loss and its standard error.

    Attributes
    ----------
    loss : mean negative log-likelihood, nats per prediction.
    standard_error : how far the mean over other windows of the same text is from it, typically, in nats. NaN if
        unknown, because the text is so short that there is only one group of windows.
    """

    loss: float
    standard_error: float


class LossSample:
    """Windows from all over a text, with noise words that are drawn once.

    The windows are drawn as in training: frequent words are subsampled, and radii are drawn. If that leaves nothing to
    predict, the sample is drawn without subsampling.

    Parameters
    ----------
    corpus : the text as ids.
    sampler : the distributions that the run samples from.

    Attributes
    ----------
    samples : the groups of windows.
    predicts : whether there is anything to predict; if not, no line has two words of the vocabulary.
    """

    def __init__(self, corpus: EncodedCorpus, sampler: Sampler) -> None:
        sampler = replace(sampler, seed=SEED)
        tokens, span = _sizes(corpus, sampler)
        self.samples = list(_drawn(corpus, sampler, tokens, span))
        self.predicts = corpus.has_neighbours
        while self.predicts and not any(sample.has_context.any() for sample in self.samples):
            # Nearly every line has one word, or subsampling leaves next to nothing of it. First stop subsampling, then
            # sample more of the text.
            tokens = min(10 * tokens, corpus.token_count) if sampler.keeps_all else tokens
            sampler = sampler.keeping_all()
            self.samples = list(_drawn(corpus, sampler, tokens, span))

    def predictions_per_window(self, model: str) -> float:
        """Return how many predictions a token that subsampling keeps stands for, as a mean: its pairs, or one of CBOW.

        Parameters
        ----------
        model : as in `TrainConfig`.
        """
        windows = sum(len(sample.kept_ids) for sample in self.samples)
        if model == "cbow":
            return sum(int(sample.has_context.sum()) for sample in self.samples) / max(windows, 1)
        pairs = sum(int((sample.window_stops - sample.window_starts - 1).sum()) for sample in self.samples)
        return pairs / max(windows, 1)

    def measure(self, measure: Measure, input_vectors: np.ndarray, output_vectors: np.ndarray) -> MeasuredLoss:
        """Measure the loss of a model on these windows, with the standard error of `mean_of_groups`.

        Parameters
        ----------
        measure : from `make_measure`.
        input_vectors, output_vectors : the model's tables, float32 of padded width; they are not changed.
        """
        with np.errstate(all="ignore"):
            measured = [measure(sample, input_vectors, output_vectors) for sample in self.samples]
            losses, predictions = np.array(measured, np.float64).T
            return MeasuredLoss(*mean_of_groups(losses, predictions))


def mean_of_groups(losses: np.ndarray, predictions: np.ndarray) -> tuple[float, float]:
    """Return the loss per prediction of g groups of windows, and its standard error.

    The standard error is that of a ratio of two sums over the groups, with losses Lᵢ and numbers of predictions nᵢ:

        loss = ΣLᵢ ÷ Σnᵢ      error² = Σ(Lᵢ − loss·nᵢ)² · g ÷ (g − 1) ÷ (Σnᵢ)²

    (Cochran 1977, "Sampling Techniques", 6.3.) Whole groups are compared, because windows that overlap and share their
    noise are not independent. It is NaN if there is only one group.

    Parameters
    ----------
    losses, predictions : float64 (g,).
    """
    loss, groups = losses.sum() / predictions.sum(), len(losses)
    squares = np.square(losses - loss * predictions).sum()
    error = np.sqrt(squares * groups / (groups - 1)) / predictions.sum() if groups > 1 else np.nan
    return float(loss), float(error)


def _sizes(corpus: EncodedCorpus, sampler: Sampler) -> tuple[int, int]:
    """Return the number of tokens in the sample, and in each of its spans."""
    kept = float(np.average(sampler.keep_prob, weights=corpus.vocabulary.text_counts))
    span = int(min(max(SPAN_TOKENS, SPAN_WINDOWS * sampler.window / kept), BLOCK_TOKENS))
    wanted = max(LEAST_TOKENS, LEAST_SPANS * span, corpus.token_count // SHARE)
    tokens = min(wanted, MOST_TOKENS, MOST_NOISE // max(sampler.negatives, 1))
    tokens = min(corpus.token_count, max(SPAN_TOKENS, tokens))
    return tokens, min(span, tokens)


def _drawn(corpus: EncodedCorpus, sampler: Sampler, tokens: int, span_tokens: int) -> Iterator[Sample]:
    """Draw the windows of evenly spaced spans that have about `tokens` tokens together; yield them in groups."""
    spans = max(1, tokens // span_tokens)
    starts = [corpus.token_count * span // spans for span in range(spans)]
    # A span must not reach into the next one, even if all spans together are the whole text.
    ends = [*starts[1:], corpus.token_count]
    stops = [min(start + -(-tokens // spans), end) for start, end in zip(starts, ends, strict=True)]
    groups = min(GROUPS, spans)
    for group in range(groups):
        ids, boundaries, length = list[np.ndarray](), list[np.ndarray](), 0
        for span in range(group, spans, groups):
            span_ids, span_boundaries = corpus.read(starts[span], stops[span])
            ids.append(span_ids)
            boundaries += [np.array([length] if length else [], np.int64), length + span_boundaries]
            length += len(span_ids)
        yield sampler.sample(np.concatenate(ids), np.concatenate(boundaries), EPOCH, group)
