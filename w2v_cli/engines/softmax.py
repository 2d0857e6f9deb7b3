"""The full softmax, exact, as matrix products over the vocabulary.

P(·|input) is the same for every word predicted from one input word, so a batch of windows needs one
distribution for each of its distinct centers, however wide the windows are: three products of (U, D) and
(V, D) matrices, U distinct centers. Seed: eq. 25 for the loss, 27 and 31 for its gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample

# Centers whose steps are summed into one, at most: more of them make faster products, and longer steps. Three things
# keep a step from overshooting, which with the full softmax ends in divergence: the cap; that the most frequent center
# comes about once in a batch; and a limit to alpha × centers, half of what still trains (the first 4 MB of enwiki-100m,
# V = 1,000).
BATCH_CENTERS = 64
MOST_ALPHA_CENTERS = 0.8
# Windows with more context words than this on average make as much smaller batches: each word adds to the step.
WIDE_WINDOW = 10
# What a batch's scores may take: of a vocabulary of more than 262,144 words, fewer than 64 centers have their turn.
SCORE_BYTES = 1 << 26
# Words that a thread has at least: a part of fewer takes less time than handing it over.
LEAST_PART = 1000


def train_softmax(
    objective: Objective,
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    threads: int = 1,
    batch_alpha: float | None = None,
) -> tuple[float, int]:
    """The full softmax over one block, a batch of windows at a time.

    Skip-gram's center predicts every context word from its input row, as the seed prints it (eq. 23); CBOW's context
    predicts the center from its pooled rows. A batch's step is −alpha × the exact gradient of its summed loss, alpha
    that of its middle: to first order in alpha the same as its windows' steps one after the other.

    Parameters and returns are those of `reference.train_logistic`; each of the `threads` has a part of the vocabulary.
    Batches are as large as they would be at `batch_alpha`, if given: a trial's own alphas are 0.
    """
    total, predictions = 0.0, 0
    words = len(output_vectors)
    parts = vocabulary_parts(words, threads)
    # Once for all batches: the system takes long to hand out as much, and malloc keeps what it gets in growing pieces.
    room = np.empty(most_centers(words) * words, output_vectors.dtype), np.empty_like(output_vectors)
    # Threads do not inherit that numpy shall not warn.
    with ThreadPoolExecutor(len(parts), initializer=partial(np.seterr, **np.geterr())) as pool:
        each = pool.map if len(parts) > 1 else map
        for first, stop in batches(sample, alphas if batch_alpha is None else [batch_alpha], words):
            batch = _Batch(objective, sample, first, stop, input_vectors.dtype)
            if len(batch.target_ids) == 0:
                continue
            alpha = input_vectors.dtype.type(alphas[first:stop].mean())
            loss, grad_hidden, grad_output = grouped_softmax_loss(
                batch.hidden(input_vectors), output_vectors, batch.group, batch.target_ids, parts, each, room
            )
            grad_hidden *= alpha
            batch.descend(input_vectors, grad_hidden)
            list(each(partial(_descend, output_vectors, grad_output, alpha), parts))
            total += loss
            predictions += len(batch.target_ids)
            if not np.isfinite(loss):
                break  # diverged: a block can take minutes, and the rest of it is of no use
    return total, predictions


def measure_softmax(
    objective: Objective, sample: Sample, input_vectors: np.ndarray, output_vectors: np.ndarray, threads: int = 1
) -> tuple[float, int]:
    """The summed loss of a block's predictions in nats, and their number; the tables stay as they are."""
    total, predictions = 0.0, 0
    words = len(output_vectors)
    parts, scores = vocabulary_parts(words, threads), np.empty(most_centers(words) * words, output_vectors.dtype)
    with ThreadPoolExecutor(len(parts), initializer=partial(np.seterr, **np.geterr())) as pool:
        each = pool.map if len(parts) > 1 else map
        for first in range(0, len(sample.kept_ids), most_centers(words)):
            stop = min(first + most_centers(words), len(sample.kept_ids))
            batch = _Batch(objective, sample, first, stop, input_vectors.dtype)
            if len(batch.target_ids):
                hidden = batch.hidden(input_vectors)
                total += _Forward(hidden, output_vectors, batch.group, batch.target_ids, parts, each, scores).loss
                predictions += len(batch.target_ids)
    return total, predictions


class _Batch:
    """The predictions of the windows first…stop−1: which hidden vector each comes from, and what it predicts."""

    def __init__(self, objective: Objective, sample: Sample, first: int, stop: int, dtype: DTypeLike) -> None:
        center_ids, context_ids, window = batch_pairs(sample, first, stop)
        self._scales: np.ndarray | None = None
        if objective.model == "skipgram":
            self._input_ids, self.group = np.unique(center_ids, return_inverse=True)
            self.target_ids = context_ids
            return
        # One prediction a window: the mean or sum of its rows predicts its center.
        self._firsts = np.flatnonzero(np.diff(window, prepend=-1))
        self._widths = np.diff(self._firsts, append=len(window))
        self._input_ids, self.target_ids = context_ids, center_ids[self._firsts]
        self.group = np.arange(len(self._firsts))
        self._weights = objective.row_weight(self._widths).astype(dtype)
        self._scales = self._weights * objective.input_scale(self._widths)

    def hidden(self, input_vectors: np.ndarray) -> np.ndarray:
        """The hidden vectors, (U, D)."""
        rows = input_vectors[self._input_ids]
        if self._scales is None:
            return rows
        return np.add.reduceat(rows, self._firsts) * self._weights[:, None]

    def descend(self, input_vectors: np.ndarray, grad_hidden: np.ndarray) -> None:
        """Subtract the gradient of the hidden vectors, (U, D), from the rows that form them."""
        if self._scales is None:
            input_vectors[self._input_ids] -= grad_hidden
        else:
            moves = (grad_hidden * self._scales[:, None]).repeat(self._widths, axis=0)
            _subtract_rows(input_vectors, self._input_ids, moves)


def batches(sample: Sample, alphas: Sequence[float] | np.ndarray, words: int) -> Iterator[tuple[int, int]]:
    """Where each batch of windows begins and ends; its size depends on the first of `alphas` and on the vocabulary."""
    centers = len(sample.kept_ids)
    if centers == 0:
        return
    size = min(most_centers(words), centers // int(np.bincount(sample.kept_ids).max()))
    # The largest alpha of a block is its first; it hardly changes within one.
    if alphas[0] > 0:
        width = float((sample.window_stops - sample.window_starts).mean()) - 1
        most = MOST_ALPHA_CENTERS / max(1.0, width / WIDE_WINDOW)
        size = max(1, int(min(size, most / float(alphas[0]))))
    for first in range(0, centers, size):
        yield first, min(first + size, centers)


def most_centers(words: int) -> int:
    """Centers of the largest batch."""
    return max(1, min(BATCH_CENTERS, SCORE_BYTES // (4 * words)))


def work_bytes(words: int, dim: int) -> int:
    """What a step takes beside the parameters, bytes: its scores and ∂loss/∂output_vectors."""
    return 4 * words * (most_centers(words) + dim)


def _subtract_rows(table: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """table[ids] -= rows, where repeated ids take all of theirs: `np.subtract.at`, and faster."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    firsts = np.flatnonzero(np.diff(ordered, prepend=-1))
    table[ordered[firsts]] -= np.add.reduceat(rows[order], firsts)


def batch_pairs(sample: Sample, first: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of the windows first…stop−1: center ids, context ids, both int32 (pairs,), and which window."""
    starts, stops = sample.window_starts[first:stop], sample.window_stops[first:stop]
    widths = stops - starts
    center_pos = np.repeat(np.arange(first, stop), widths)
    within = np.arange(len(center_pos)) - np.repeat(np.cumsum(widths) - widths, widths)
    context_pos = np.repeat(starts, widths) + within
    pairs = context_pos != center_pos
    return sample.kept_ids[center_pos[pairs]], sample.kept_ids[context_pos[pairs]], center_pos[pairs]


def vocabulary_parts(words: int, threads: int) -> list[slice]:
    """The vocabulary in as many parts as there are threads, or fewer where they would be too small to pay."""
    count = max(1, min(threads, words // LEAST_PART))
    edges = [words * part // count for part in range(count + 1)]
    return [slice(first, stop) for first, stop in pairwise(edges)]


def grouped_softmax_loss(
    hidden: np.ndarray,
    output_vectors: np.ndarray,
    group: np.ndarray,
    target_ids: np.ndarray,
    parts: Sequence[slice] = (slice(None),),
    each: Callable[..., Iterable[Any]] = map,
    room: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss and gradients of many predictions that share few hidden vectors.

        S = H·Oᵀ     loss = Σ_(u,t) (log Σ_v e^S_uv − S_ut)     G = N ⊙ softmax(S) − counts
        ∂loss/∂H = G·O     ∂loss/∂O = Gᵀ·H

    Parameters
    ----------
    hidden : float (U, D) · output_vectors : float (V, D)
    group : int (pairs,), the row of `hidden` that each pair predicts from.
    target_ids : int (pairs,), the word that it predicts.
    parts : the vocabulary in parts · each : `map`, or one that takes the parts at the same time.
    room : memory for S, (≥ U·V,), and for ∂loss/∂O, (V, D), if it is there already.

    Returns
    -------
    The loss in nats (float64), ∂loss/∂hidden (U, D), ∂loss/∂output_vectors (V, D).
    """
    size = len(hidden) * len(output_vectors)
    flat, grad_output = (np.empty(size, hidden.dtype), np.empty_like(output_vectors)) if room is None else room
    forward = _Forward(hidden, output_vectors, group, target_ids, parts, each, flat)
    pairs_of = np.bincount(group, minlength=len(hidden))

    def backward(part: slice, shift: np.ndarray) -> np.ndarray:
        """e^(S − shift) becomes G, and makes the part's ∂loss/∂O; its share of ∂loss/∂H."""
        mine = forward.scores[:, part]
        mine *= (pairs_of * np.exp(shift - forward.log_norms)).astype(mine.dtype)[:, None]
        np.subtract.at(mine, forward.targets(part)[1], 1)
        np.matmul(mine.T, hidden, out=grad_output[part])
        return mine @ output_vectors[part]

    return forward.loss, sum(each(backward, parts, forward.shifts)), grad_output


class _Forward:
    """The forward half of `grouped_softmax_loss`, whose parameters these are.

    Attributes
    ----------
    loss : nats (float64).
    scores : (U, V), e^(S − shift), in the memory that was given.
    shifts : (parts, U), the largest score of each part · log_norms : float64 (U,), log Σ_v e^S_uv.
    """

    def __init__(
        self,
        hidden: np.ndarray,
        output_vectors: np.ndarray,
        group: np.ndarray,
        target_ids: np.ndarray,
        parts: Sequence[slice],
        each: Callable[..., Iterable[Any]],
        memory: np.ndarray,
    ) -> None:
        self._group, self._target_ids = group, target_ids
        self.scores = memory[: len(hidden) * len(output_vectors)].reshape(len(hidden), -1)
        target_scores = np.empty(len(group), hidden.dtype)

        def exponentials(part: slice) -> tuple[np.ndarray, np.ndarray]:
            """S becomes e^(S − shift); the part's shift (U,), and its sum, float64 (U,)."""
            mine = np.matmul(hidden, output_vectors[part].T, out=self.scores[:, part])
            here, places = self.targets(part)
            # Not a product of its own: that rounds in another way, and a loss might come out below 0.
            target_scores[here] = mine[places]
            shift = mine.max(axis=1)
            mine -= shift[:, None]
            np.exp(mine, out=mine)
            return shift, mine.sum(axis=1, dtype=np.float64)

        self.shifts, sums = (np.stack(made) for made in zip(*each(exponentials, parts), strict=True))
        self.log_norms = np.logaddexp.reduce(np.log(sums) + self.shifts, axis=0)
        # Pair by pair, as no difference of theirs is below 0, not even by rounding.
        self.loss = float((self.log_norms[group] - target_scores).sum())

    def targets(self, part: slice) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Which pairs' targets are in a part of the vocabulary, and where their scores are in it."""
        start, stop, _ = part.indices(self.scores.shape[1])
        here = (self._target_ids >= start) & (self._target_ids < stop)
        return here, (self._group[here], self._target_ids[here] - start)


def _descend(table: np.ndarray, grad: np.ndarray, alpha: np.floating[Any], part: slice) -> None:
    """table −= alpha·grad, a part of it; the gradient is used up."""
    grad[part] *= alpha
    table[part] -= grad[part]
