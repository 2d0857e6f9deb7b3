"""The full softmax, computed exactly, as matrix products over the vocabulary.

P(·|center) is the same for every word that a center predicts. So a batch of windows with U distinct centers needs only
U distributions, however wide the windows are, and three products of (U, D) and (V, D) matrices.

The derivation is in help/mathematics.md, section 4. In the course solution, eq. 25 is the loss, and eq. 27 and 31 are
its gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample

# The most centers whose steps are summed into one. More centers make the products faster and the steps longer, and a
# step of the full softmax that overshoots ends in divergence. Three limits prevent that: this one; the most frequent
# center occurs about once in a batch; and alpha × centers is at most half of what still trains (measured:
# help/design.md, "Batches of the full softmax").
BATCH_CENTERS = 64
MOST_ALPHA_CENTERS = 0.8
# If windows have more context words than this on average, batches are smaller by that ratio, because each context word
# adds to the step.
WIDE_WINDOW = 10
# The most memory for the scores of a batch. With more than 262,144 words, a batch has fewer than 64 centers.
SCORE_BYTES = 1 << 26
# The fewest words in a part of the vocabulary. A smaller part takes less time than handing it to a thread.
LEAST_PART = 1000


@dataclass(frozen=True)
class Workspace:
    """How the work over the vocabulary is divided among threads, and the memory that it uses.

    The memory is allocated once for all batches, because the system takes long to provide so much of it.

    Attributes
    ----------
    parts : the parts of the vocabulary.
    each : `map`, or a function like it that does all parts at the same time.
    scores : memory for the scores, (≥ U·V,).
    grad_output : memory for ∂loss/∂output_vectors, (V, D).
    """

    parts: Sequence[slice]
    each: Callable[..., Iterable[Any]]
    scores: np.ndarray
    grad_output: np.ndarray

    @classmethod
    def of(
        cls,
        centers: int,
        output_vectors: np.ndarray,
        parts: Sequence[slice] = (slice(None),),
        each: Callable[..., Iterable[Any]] = map,
    ) -> Workspace:
        """Allocate the memory for batches of at most `centers` centers."""
        scores = np.empty(centers * len(output_vectors), output_vectors.dtype)
        return cls(parts, each, scores, np.empty_like(output_vectors))


@contextmanager
def _threads(output_vectors: np.ndarray, threads: int) -> Iterator[Workspace]:
    """Start the threads that share the vocabulary; they end with the block."""
    words = len(output_vectors)
    parts = vocabulary_parts(words, threads)
    # The threads do not inherit numpy's handling of floating-point errors from this one.
    with ThreadPoolExecutor(len(parts), initializer=partial(np.seterr, **np.geterr())) as pool:
        yield Workspace.of(most_centers(words), output_vectors, parts, pool.map if len(parts) > 1 else map)


def train_softmax(
    objective: Objective,
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    threads: int = 1,
    batch_alpha: float | None = None,
) -> tuple[float, int]:
    """Train one block with the full softmax, a batch of windows at a time.

    In skip-gram the center predicts every context word from its input row, as in the course solution (eq. 23;
    help/mathematics.md, section 6). In CBOW the mean or sum of the context rows predicts the center. The step of a
    batch is −alpha × the exact gradient of its summed loss, with the mean alpha of its windows. To first order in alpha
    that equals the steps of its windows one after the other.

    Parameters
    ----------
    objective, sample, alphas, input_vectors, output_vectors : as in `reference.train_logistic`.
    threads : each thread computes a part of the vocabulary.
    batch_alpha : the learning rate that determines the size of the batches, instead of `alphas`. A trial needs it,
        because its own learning rates are 0.

    Returns
    -------
    The summed loss in nats, and the number of predictions that it sums.
    """
    total, predictions = 0.0, 0
    with _threads(output_vectors, threads) as work:
        size_alphas = alphas if batch_alpha is None else [batch_alpha]
        for first, stop in batches(sample, size_alphas, len(output_vectors)):
            batch = _Batch(objective, sample, first, stop, input_vectors.dtype)
            if len(batch.target_ids) == 0:
                continue
            alpha = input_vectors.dtype.type(alphas[first:stop].mean())
            loss, grad_hidden, grad_output = grouped_softmax_loss(
                batch.hidden(input_vectors), output_vectors, batch.group, batch.target_ids, work
            )
            grad_hidden *= alpha
            batch.descend(input_vectors, grad_hidden)
            frozen = None if objective.frozen is None else objective.frozen.outputs
            rates = None if objective.rates is None else objective.rates.outputs
            list(work.each(partial(_descend, output_vectors, grad_output, alpha, rates, frozen), work.parts))
            total += loss
            predictions += len(batch.target_ids)
            if not np.isfinite(loss):
                break  # the run has diverged, and the rest of the block, which can take minutes, is useless
    return total, predictions


def measure_softmax(
    objective: Objective, sample: Sample, input_vectors: np.ndarray, output_vectors: np.ndarray, threads: int = 1
) -> tuple[float, int]:
    """Return the summed loss of a block in nats, and the number of predictions, without changing the tables."""
    total, predictions = 0.0, 0
    size = most_centers(len(output_vectors))
    with _threads(output_vectors, threads) as work:
        for first in range(0, len(sample.kept_ids), size):
            stop = min(first + size, len(sample.kept_ids))
            batch = _Batch(objective, sample, first, stop, input_vectors.dtype)
            if len(batch.target_ids):
                hidden = batch.hidden(input_vectors)
                total += _Forward(hidden, output_vectors, batch.group, batch.target_ids, work).loss
                predictions += len(batch.target_ids)
    return total, predictions


class _Batch:
    """The predictions of the windows first…stop−1.

    Attributes
    ----------
    group : int (pairs,), the hidden vector that each prediction is made from.
    target_ids : int32 (pairs,), the word that it predicts.
    """

    def __init__(self, objective: Objective, sample: Sample, first: int, stop: int, dtype: DTypeLike) -> None:
        center_ids, context_ids, window = batch_pairs(sample, first, stop)
        self._scales: np.ndarray | None = None
        self._frozen = None if objective.frozen is None else objective.frozen.inputs
        self._rates = None if objective.rates is None else objective.rates.inputs
        if objective.model == "skipgram":
            self._input_ids, self.group = np.unique(center_ids, return_inverse=True)
            self.target_ids = context_ids
            return
        # Each window makes one prediction: the mean or sum of its context rows predicts its center.
        self._firsts = np.flatnonzero(np.diff(window, prepend=-1))
        self._widths = np.diff(self._firsts, append=len(window))
        self._input_ids, self.target_ids = context_ids, center_ids[self._firsts]
        self.group = np.arange(len(self._firsts))
        self._weights = objective.row_weight(self._widths).astype(dtype)
        self._scales = self._weights * objective.input_scale(self._widths)

    def hidden(self, input_vectors: np.ndarray) -> np.ndarray:
        """Return the hidden vectors, (U, D)."""
        rows = input_vectors[self._input_ids]
        if self._scales is None:
            return rows
        return np.add.reduceat(rows, self._firsts) * self._weights[:, None]

    def descend(self, input_vectors: np.ndarray, grad_hidden: np.ndarray) -> None:
        """Subtract the gradient of the hidden vectors, (U, D), times alpha, from the rows that they are made of.

        What each row moves by is multiplied by its rate. Frozen rows do not move.
        """
        ids, moves = self._input_ids, grad_hidden
        if self._scales is not None:
            moves = (grad_hidden * self._scales[:, None]).repeat(self._widths, axis=0)
        if self._rates is not None:
            moves = moves * self._rates[ids, None]
        if self._frozen is not None:
            free = ~self._frozen[ids]
            ids, moves = ids[free], moves[free]
        if self._scales is None:
            input_vectors[ids] -= moves
        elif len(ids):
            _subtract_rows(input_vectors, ids, moves)


def batches(sample: Sample, alphas: Sequence[float] | np.ndarray, words: int) -> Iterator[tuple[int, int]]:
    """Yield where each batch of windows begins and ends.

    The size of the batches depends on the first of `alphas`, on the width of the windows, and on the vocabulary.
    """
    centers = len(sample.kept_ids)
    if centers == 0:
        return
    size = min(most_centers(words), centers // int(np.bincount(sample.kept_ids).max()))
    # The first alpha of a block is its largest, and alpha hardly changes within a block.
    if alphas[0] > 0:
        width = float((sample.window_stops - sample.window_starts).mean()) - 1
        most = MOST_ALPHA_CENTERS / max(1.0, width / WIDE_WINDOW)
        size = max(1, int(min(size, most / float(alphas[0]))))
    for first in range(0, centers, size):
        yield first, min(first + size, centers)


def most_centers(words: int) -> int:
    """Return the number of centers in the largest batch."""
    return max(1, min(BATCH_CENTERS, SCORE_BYTES // (4 * words)))


def work_bytes(words: int, dim: int) -> int:
    """Return the memory that a step needs besides the parameters, for scores and ∂loss/∂output_vectors, in bytes."""
    return 4 * words * (most_centers(words) + dim)


def _subtract_rows(table: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """Subtract rows from table[ids]; those of repeated ids add up, as with the slower `np.subtract.at`."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    firsts = np.flatnonzero(np.diff(ordered, prepend=-1))
    table[ordered[firsts]] -= np.add.reduceat(rows[order], firsts)


def batch_pairs(sample: Sample, first: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all pairs of the windows first…stop−1: center ids, context ids, both int32 (pairs,), and the windows."""
    starts, stops = sample.window_starts[first:stop], sample.window_stops[first:stop]
    widths = stops - starts
    center_pos = np.repeat(np.arange(first, stop), widths)
    within = np.arange(len(center_pos)) - np.repeat(np.cumsum(widths) - widths, widths)
    context_pos = np.repeat(starts, widths) + within
    pairs = context_pos != center_pos
    return sample.kept_ids[center_pos[pairs]], sample.kept_ids[context_pos[pairs]], center_pos[pairs]


def vocabulary_parts(words: int, threads: int) -> list[slice]:
    """Divide the vocabulary into one part for each thread, or into fewer if those would be too small to pay off."""
    count = max(1, min(threads, words // LEAST_PART))
    edges = [words * part // count for part in range(count + 1)]
    return [slice(first, stop) for first, stop in pairwise(edges)]


def grouped_softmax_loss(
    hidden: np.ndarray,
    output_vectors: np.ndarray,
    group: np.ndarray,
    target_ids: np.ndarray,
    work: Workspace | None = None,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss and the gradients of many predictions that share few hidden vectors.

        S = H·Oᵀ     loss = Σ_(u,t) (log Σ_v e^S_uv − S_ut)     G = N ⊙ softmax(S) − counts
        ∂loss/∂H = G·O     ∂loss/∂O = Gᵀ·H

    Here (u, t) runs over the predictions, N is the number of predictions from each hidden vector, and counts is how
    many of them have each target (help/mathematics.md, section 4).

    Parameters
    ----------
    hidden : H, float (U, D).
    output_vectors : O, float (V, D).
    group : u, int (pairs,), the row of `hidden` that each prediction is made from.
    target_ids : t, int (pairs,), the word to predict.
    work : how to divide the work, and its memory; by default it is not divided.

    Returns
    -------
    The loss in nats (float64), ∂loss/∂hidden (U, D), ∂loss/∂output_vectors (V, D).
    """
    if work is None:
        work = Workspace.of(len(hidden), output_vectors)
    forward = _Forward(hidden, output_vectors, group, target_ids, work)
    predictions = np.bincount(group, minlength=len(hidden))

    def backward(part: slice, shift: np.ndarray) -> np.ndarray:
        """Turn e^(S − shift) into G; write the part's ∂loss/∂O, and return its share of ∂loss/∂H."""
        errors = forward.scores[:, part]
        errors *= (predictions * np.exp(shift - forward.log_norms)).astype(errors.dtype)[:, None]
        np.subtract.at(errors, forward.targets(part)[1], 1)
        np.matmul(errors.T, hidden, out=work.grad_output[part])
        return errors @ output_vectors[part]

    return forward.loss, sum(work.each(backward, work.parts, forward.shifts)), work.grad_output


class _Forward:
    """The forward half of `grouped_softmax_loss`, which has the same parameters.

    Attributes
    ----------
    loss : nats (float64).
    scores : (U, V), e^(S − shift), in the memory of the workspace.
    shifts : (parts, U), the largest score in each part.
    log_norms : float64 (U,), log Σ_v e^S_uv.
    """

    def __init__(
        self,
        hidden: np.ndarray,
        output_vectors: np.ndarray,
        group: np.ndarray,
        target_ids: np.ndarray,
        work: Workspace,
    ) -> None:
        self._group, self._target_ids = group, target_ids
        self.scores = work.scores[: len(hidden) * len(output_vectors)].reshape(len(hidden), -1)
        target_scores = np.empty(len(group), hidden.dtype)

        def exponentials(part: slice) -> tuple[np.ndarray, np.ndarray]:
            """Compute e^(S − shift) of a part; return the shift (U,), and the part's sum, float64 (U,)."""
            scores = np.matmul(hidden, output_vectors[part].T, out=self.scores[:, part])
            in_part, positions = self.targets(part)
            # Read from the same product: one of its own would round differently, and a loss might come out below 0.
            target_scores[in_part] = scores[positions]
            shift = scores.max(axis=1)
            scores -= shift[:, None]
            np.exp(scores, out=scores)
            return shift, scores.sum(axis=1, dtype=np.float64)

        self.shifts, sums = (np.stack(values) for values in zip(*work.each(exponentials, work.parts), strict=True))
        self.log_norms = np.logaddexp.reduce(np.log(sums) + self.shifts, axis=0)
        # Subtracted pair by pair, because then no difference is below 0, not even by rounding.
        self.loss = float((self.log_norms[group] - target_scores).sum())

    def targets(self, part: slice) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Return which predictions have their target in a part of the vocabulary, and the indices of its scores."""
        start, stop, _ = part.indices(self.scores.shape[1])
        in_part = (self._target_ids >= start) & (self._target_ids < stop)
        return in_part, (self._group[in_part], self._target_ids[in_part] - start)


def _descend(
    table: np.ndarray,
    grad: np.ndarray,
    alpha: np.floating[Any],
    rates: np.ndarray | None,
    frozen: np.ndarray | None,
    part: slice,
) -> None:
    """Subtract alpha·rate·grad from the rows of one part of the table that are not frozen; overwrite the gradient."""
    grad[part] *= alpha
    if rates is not None:
        grad[part] *= rates[part, None]
    if frozen is None:
        table[part] -= grad[part]
    else:
        free = np.flatnonzero(~frozen[part]) + part.indices(len(table))[0]
        table[free] -= grad[free]
