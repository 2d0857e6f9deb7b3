"""Vectors made of a model's input and output vectors. Their rows are computed when they are needed.

Reference: Levy, Goldberg & Dagan 2015, TACL ("w + c").
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from w2v_cli.embeddings.computed import Computed, release

# The mean length of all rows counts, or that of so many, in runs that are spread evenly over a larger vocabulary: to
# read all of a large file would take longer than the first answer.
_SAMPLED, _RUN = 1 << 17, 1 << 8
# If all rows count, so many are measured at a time.
_ROWS = 1 << 12


def mix_weight(inputs: np.ndarray | Computed, outputs: np.ndarray | Computed, share: float) -> float:
    """Return how much of the output vectors is added to the input vectors in a mix:

        λ = share · mean |w| ÷ mean |c|

    What is added then has on average this share of the length of the input vectors, whichever of the two tables has
    the longer vectors. (Measured: help/design.md, "Which vectors answer".)

    Parameters
    ----------
    inputs, outputs : float32 (V, D).

    Examples
    --------
    >>> mix_weight(np.array([[2, 0], [0, 4]], np.float32), np.array([[0, 6], [0, 6]], np.float32), share=0.5)
    0.25
    """
    theirs = _mean_length(outputs)
    return float(np.float32(share * _mean_length(inputs) / theirs)) if theirs else 0.0


def _mean_length(matrix: np.ndarray | Computed) -> float:
    """Return the mean length of rows; those with NaN or infinity are left out, because an answer names them."""
    one_in = max(1, -(-len(matrix) // _SAMPLED))
    run = _RUN if one_in > 1 else _ROWS
    total, count = 0.0, 0
    for start in range(0, len(matrix), one_in * run):
        rows = matrix[start : start + run]
        with np.errstate(all="ignore"):
            lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        lengths = lengths[np.isfinite(lengths)]
        total, count = total + float(lengths.sum(dtype=np.float64)), count + len(lengths)
        release(matrix, start, start + run)
    return total / count if count else 0.0


class Blend(Computed):
    """Vectors of which each row is made of a row of input vectors and one of output vectors.

        mix: w + λ·c        sum: w + c        concat: w next to c

    Parameters
    ----------
    inputs, outputs : (V, D), which may be mapped from a file; nothing is read before a row is needed.
    kind : mix, sum or concat.
    share : of a mix, the length of what is added to an input vector, as a share of its own; see `mix_weight`.

    Examples
    --------
    >>> w, c = np.array([[2, 0], [0, 2]], np.float32), np.array([[0, 4], [4, 0]], np.float32)
    >>> Blend(w, c, "mix", share=0.5)[:1].tolist(), Blend(w, c, "concat")[:1].tolist()
    ([[2.0, 1.0]], [[2.0, 0.0, 0.0, 4.0]])
    """

    def __init__(
        self, inputs: np.ndarray | Computed, outputs: np.ndarray | Computed, kind: str, share: float = 0.5
    ) -> None:
        self.inputs, self.outputs, self.kind, self.share = inputs, outputs, kind, share
        words, dim = inputs.shape
        self.shape = (words, 2 * dim if kind == "concat" else dim)

    @cached_property
    def weight(self) -> float:
        """λ, the weight of the output vectors; 1 in a sum."""
        return mix_weight(self.inputs, self.outputs, self.share) if self.kind == "mix" else 1.0

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        return self._blended(self.inputs[rows], self.outputs[rows], None)

    def write(self, target: np.ndarray, start: int, stop: int) -> None:
        self._blended(self.inputs[start:stop], self.outputs[start:stop], target[start:stop])

    def _blended(self, ours: np.ndarray, theirs: np.ndarray, target: np.ndarray | None) -> np.ndarray:
        if self.kind == "concat":
            return np.concatenate([ours, theirs], axis=1, out=target)
        with np.errstate(all="ignore"):  # NaN and infinity are found where the rows are used
            blended = np.multiply(theirs, np.float32(self.weight), out=target)
            blended += ours
        return blended

    def first(self, count: int) -> Blend:
        inputs, outputs = (
            rows.first(count) if isinstance(rows, Computed) else rows[:count] for rows in (self.inputs, self.outputs)
        )
        some = Blend(inputs, outputs, self.kind, self.share)
        some.weight = self.weight  # not that of the first rows alone
        return some

    def release(self, start: int, stop: int) -> None:
        release(self.inputs, start, stop)
        release(self.outputs, start, stop)
