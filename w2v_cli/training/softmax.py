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

from w2v_cli.training.objective import Objective
from w2v_cli.training.sampling import Sample

# Centers whose steps are summed into one, at most: more of them make faster products, and longer steps. Three things
# keep a step from overshooting, which with the full softmax ends in divergence: the cap; that the most frequent center
# comes about once in a batch; and a limit to alpha × centers, half of what still trains (the first 4 MB of enwiki-100m,
# V = 1,000).
BATCH_CENTERS = 64
MOST_ALPHA_CENTERS = 0.8
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
            center_ids, context_ids, window = batch_pairs(sample, first, stop)
            if len(context_ids) == 0:
                continue
            alpha = input_vectors.dtype.type(alphas[first:stop].mean())
            if objective.model == "skipgram":
                input_ids, group = np.unique(center_ids, return_inverse=True)
                hidden, target_ids = input_vectors[input_ids], context_ids
            else:
                # One prediction a window: its pooled rows, its center.
                firsts = np.flatnonzero(np.diff(window, prepend=-1))
                widths = np.diff(firsts, append=len(window))
                input_ids, target_ids, group = context_ids, center_ids[firsts], np.arange(len(firsts))
                weights = objective.row_weight(widths).astype(input_vectors.dtype)
                hidden = np.add.reduceat(input_vectors[input_ids], firsts) * weights[:, None]
            loss, grad_hidden, grad_output = grouped_softmax_loss(
                hidden, output_vectors, group, target_ids, parts, each, room
            )
            grad_hidden *= alpha
            if objective.model == "skipgram":
                input_vectors[input_ids] -= grad_hidden
            else:
                scales = weights * objective.input_scale(widths)
                _subtract_rows(input_vectors, input_ids, (grad_hidden * scales[:, None]).repeat(widths, axis=0))
            list(each(partial(_descend, output_vectors, grad_output, alpha), parts))
            total += loss
            predictions += len(target_ids)
            if not np.isfinite(loss):
                break  # diverged: a block can take minutes, and the rest of it is of no use
    return total, predictions


def batches(sample: Sample, alphas: Sequence[float] | np.ndarray, words: int) -> Iterator[tuple[int, int]]:
    """Where each batch of windows begins and ends; its size depends on the first of `alphas` and on the vocabulary."""
    centers = len(sample.kept_ids)
    if centers == 0:
        return
    size = min(most_centers(words), centers // int(np.bincount(sample.kept_ids).max()))
    # The largest alpha of a block is its first; it hardly changes within one.
    if alphas[0] > 0:
        size = max(1, int(min(size, MOST_ALPHA_CENTERS / float(alphas[0]))))
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
    scores = flat[:size].reshape(len(hidden), -1)
    pairs_of = np.bincount(group, minlength=len(hidden))
    target_scores = np.empty(len(group), hidden.dtype)

    def targets(part: slice) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Which pairs' targets are in the part, and where their scores are in it."""
        start, stop, _ = part.indices(len(output_vectors))
        here = (target_ids >= start) & (target_ids < stop)
        return here, (group[here], target_ids[here] - start)

    def forward(part: slice) -> tuple[np.ndarray, np.ndarray]:
        """S becomes e^(S − shift); the part's shift (U,), and its sum, float64 (U,)."""
        mine = np.matmul(hidden, output_vectors[part].T, out=scores[:, part])
        here, places = targets(part)
        # Not a product of its own: that rounds in another way, and a loss might come out below 0.
        target_scores[here] = mine[places]
        shift = mine.max(axis=1)
        mine -= shift[:, None]
        np.exp(mine, out=mine)
        return shift, mine.sum(axis=1, dtype=np.float64)

    def backward(part: slice, shift: np.ndarray) -> np.ndarray:
        """e^(S − shift) becomes G, and makes the part's ∂loss/∂O; its share of ∂loss/∂H."""
        mine = scores[:, part]
        mine *= (pairs_of * np.exp(shift - log_norms)).astype(mine.dtype)[:, None]
        np.subtract.at(mine, targets(part)[1], 1)
        np.matmul(mine.T, hidden, out=grad_output[part])
        return mine @ output_vectors[part]

    shifts, sums = (np.stack(made) for made in zip(*each(forward, parts), strict=True))
    log_norms = np.logaddexp.reduce(np.log(sums) + shifts, axis=0)
    # Pair by pair, as no difference of theirs is below 0, not even by rounding.
    loss = float((log_norms[group] - target_scores).sum())
    return loss, sum(each(backward, parts, shifts)), grad_output


def _descend(table: np.ndarray, grad: np.ndarray, alpha: np.floating[Any], part: slice) -> None:
    """table −= alpha·grad, a part of it; the gradient is used up."""
    grad[part] *= alpha
    table[part] -= grad[part]
