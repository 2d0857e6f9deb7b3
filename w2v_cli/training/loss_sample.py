"""The sample of windows on which the loss of a run is measured.

The loss of a step is taken on windows to which the block has just adapted, so it is lower than that of other windows
while the learning rate is high, and rises when the rate falls. It tells nothing about the model. Here the loss is
measured on the same windows with the same noise every time, whatever the epoch, the seed and the number of threads.
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

# The sample is a fiftieth of the text, within these limits: enough for a small standard error, and little enough that
# measuring it takes a hundredth of the time of training.
SHARE = 50
LEAST_TOKENS, MOST_TOKENS = 2_000, 40_000
# Noise words of all windows together, at most; 16 MiB.
MOST_NOISE = 1 << 22
# The tokens come in spans from all over the text. Windows do not reach beyond their span, so a span is at least so many
# tokens long, and so long that after subsampling it holds several windows.
SPAN_TOKENS, SPAN_WINDOWS = 200, 4
LEAST_SPANS = 10
# The spans are dealt out to so many groups; how much the groups differ tells the standard error.
GROUPS = 25
# The key of the sample's random streams: no run has this epoch, and no run draws the sample from its own seed.
SEED, EPOCH = 0, -1
# The name of this rule. A run whose losses were measured otherwise cannot be continued with it.
LOSS_RULE = f"1/{SHARE} of the text, {LEAST_TOKENS} to {MOST_TOKENS} tokens in spans of {SPAN_TOKENS} or more"


class MeasuredLoss(NamedTuple):
    """A loss and how exactly it is known.

    Attributes
    ----------
    loss : mean negative log-likelihood, nats per prediction.
    standard_error : how far the mean over other windows of the same text may be from it, nats; NaN if unknown, for a
        text so short that there is one group of windows.
    """

    loss: float
    standard_error: float


class LossSample:
    """Windows spread over a text, with noise of their own that is drawn once.

    The windows are drawn as training draws them: frequent words are subsampled and each window has its own radius. If
    that leaves nothing to predict, no word is left out.

    Parameters
    ----------
    corpus : the text as ids.
    sampler : the distributions of the run.

    Attributes
    ----------
    samples : the groups of windows.
    predicts : whether there is anything to predict; if not, no two words of the vocabulary stand in one line.
    """

    def __init__(self, corpus: EncodedCorpus, sampler: Sampler) -> None:
        sampler = replace(sampler, seed=SEED)
        tokens, span = _sizes(corpus, sampler)
        self.samples = list(_drawn(corpus, sampler, tokens, span))
        self.predicts = corpus.has_neighbours
        while self.predicts and not any((x.window_stops - x.window_starts > 1).any() for x in self.samples):
            # Nearly all lines have one word, or next to nothing is left of them: take all words, then more of the text.
            tokens = min(10 * tokens, corpus.token_count) if sampler.keeps_all else tokens
            sampler = sampler.keeping_all()
            self.samples = list(_drawn(corpus, sampler, tokens, span))

    def measure(self, measure: Measure, input_vectors: np.ndarray, output_vectors: np.ndarray) -> MeasuredLoss:
        """The loss of a model on these windows.

        The standard error is that of a ratio of two sums over the groups, g of them, with losses Lᵢ and predictions nᵢ:

            loss = ΣLᵢ ÷ Σnᵢ      error² = Σ(Lᵢ − loss·nᵢ)² · g ÷ (g − 1) ÷ (Σnᵢ)²

        (Cochran 1977, "Sampling Techniques", 6.3.) So windows that overlap, and share their noise, count as one.
        """
        with np.errstate(all="ignore"):
            measured = [measure(sample, input_vectors, output_vectors) for sample in self.samples]
            losses, predictions = np.array(measured, np.float64).T
            loss, groups = losses.sum() / predictions.sum(), len(losses)
            squares = np.square(losses - loss * predictions).sum()
            error = np.sqrt(squares * groups / (groups - 1)) / predictions.sum() if groups > 1 else np.nan
        return MeasuredLoss(float(loss), float(error))


def _sizes(corpus: EncodedCorpus, sampler: Sampler) -> tuple[int, int]:
    """How many tokens the sample has, and how many of them a span has."""
    kept = float(np.average(sampler.keep_prob, weights=corpus.vocabulary.counts))
    span = int(min(max(SPAN_TOKENS, SPAN_WINDOWS * sampler.window / kept), BLOCK_TOKENS))
    wanted = max(LEAST_TOKENS, LEAST_SPANS * span, corpus.token_count // SHARE)
    tokens = min(wanted, MOST_TOKENS, MOST_NOISE // max(sampler.negatives, 1))
    tokens = min(corpus.token_count, max(SPAN_TOKENS, tokens))
    return tokens, min(span, tokens)


def _drawn(corpus: EncodedCorpus, sampler: Sampler, tokens: int, span_tokens: int) -> Iterator[Sample]:
    """The windows of spans that lie evenly in the text, `tokens` tokens together, in groups."""
    spans = max(1, tokens // span_tokens)
    starts = [corpus.token_count * span // spans for span in range(spans)]
    # Where the spans are the whole text, each ends where the next begins.
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
