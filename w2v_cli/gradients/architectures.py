"""Skip-gram and CBOW: which hidden vectors the input rows of a window form, and how gradients go back to them.

What the hidden vectors are scored against, and so the loss, is in `losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Model(NamedTuple):
    """An architecture.

    Attributes
    ----------
    hidden : input rows (n, D) → hidden vectors (h, D).
    grad_rows : ∂loss/∂hidden (h, D), n → ∂loss/∂rows (n, D).
    """

    hidden: Callable[[np.ndarray], np.ndarray]
    grad_rows: Callable[[np.ndarray, int], np.ndarray]


# Every input row predicts for itself: h = n.
SKIPGRAM = Model(lambda rows: rows, lambda grad_hidden, n: grad_hidden)

# The mean of the rows predicts: h = 1, r̂ = (1/n) Σ_i v_i, so ∂J/∂v_i = (1/n) ∂J/∂r̂.
CBOW = Model(
    lambda rows: rows.mean(axis=0, keepdims=True),
    lambda grad_hidden, n: np.repeat(grad_hidden / n, n, axis=0),
)

# Their sum does: ∂J/∂v_i = ∂J/∂r̂.
CBOW_SUM = Model(
    lambda rows: rows.sum(axis=0, keepdims=True),
    lambda grad_hidden, n: np.repeat(grad_hidden, n, axis=0),
)

OutputLoss = Callable[[np.ndarray, np.ndarray], tuple[np.generic, np.ndarray, np.ndarray]]


def window_cost(
    model: Model,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    input_ids: np.ndarray,
    output_loss: OutputLoss,
) -> tuple[np.generic, np.ndarray, np.ndarray]:
    """Cost and gradients of a whole window (Q3d, whose body is missing in the seed; eq. 23 for skip-gram).

        J = loss(hidden(V[ids]), W)      ∂J/∂V_r = Σ over the places of r in ids      ∂J/∂W = the loss's own

    As the seed prints skip-gram, the center predicts each of its n context words: `input_ids` is the center n
    times, the targets are the context. As word2vec.c trains it, each context word predicts the center.

    Parameters
    ----------
    input_vectors : V, float (V, D) · output_vectors : W, float (V, D)
    input_ids : int (n,), the rows that predict; repeats add up.
    output_loss : (hidden, output_vectors) → loss, ∂loss/∂hidden, ∂loss/∂output_vectors.

    Returns
    -------
    J in nats, ∂J/∂input_vectors (V, D), ∂J/∂output_vectors (V, D).
    """
    loss, grad_hidden, grad_output = output_loss(model.hidden(input_vectors[input_ids]), output_vectors)
    grad_input = np.zeros_like(input_vectors)
    # `+=` on repeated rows would keep one of their gradients only.
    np.add.at(grad_input, input_ids, model.grad_rows(grad_hidden, len(input_ids)))
    return loss, grad_input, grad_output
