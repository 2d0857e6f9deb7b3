"""Skip-gram and CBOW: how the input rows of a window form hidden vectors, and how gradients return to the rows.

The rows that the hidden vectors are scored against, and so the loss, are in `losses`. The derivations are in
help/mathematics.md, section 6; numbers such as "eq. 23" are those of the course solution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Model(NamedTuple):
    """An architecture, as two functions.

    Attributes
    ----------
    hidden : computes the hidden vectors (h, D) from the input rows (n, D).
    grad_rows : computes ∂loss/∂rows (n, D) from ∂loss/∂hidden (h, D) and n.
    """

    hidden: Callable[[np.ndarray], np.ndarray]
    grad_rows: Callable[[np.ndarray, int], np.ndarray]


# Each input row predicts on its own: h = n.
SKIPGRAM = Model(lambda rows: rows, lambda grad_hidden, n: grad_hidden)

# The mean of the rows predicts: h = 1 and r̂ = (1/n) Σ_i v_i, so ∂J/∂v_i = (1/n) ∂J/∂r̂.
CBOW = Model(
    lambda rows: rows.mean(axis=0, keepdims=True),
    lambda grad_hidden, n: np.repeat(grad_hidden / n, n, axis=0),
)

# The sum of the rows predicts: r̂ = Σ_i v_i, so ∂J/∂v_i = ∂J/∂r̂.
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
    """Return the cost and the gradients of a whole window (help/mathematics.md, section 6).

        J = loss(H, W), H = hidden(V[ids])      ∂J/∂V_r = Σ_{i: ids_i = r} ∂J/∂(V[ids])_i      ∂J/∂W = ∂loss/∂W

    (Q3d, whose body is missing in the course solution; eq. 23 for skip-gram.) In the course solution's skip-gram, the
    center predicts each of its n context words: `input_ids` holds the center n times, and the targets are the context
    words. In word2vec.c's skip-gram, each context word predicts the center.

    Parameters
    ----------
    model : the architecture.
    input_vectors : V, float (V, D).
    output_vectors : W, float (V, D).
    input_ids : int (n,), the rows that predict. The gradients of a repeated row add up.
    output_loss : computes loss, ∂loss/∂hidden and ∂loss/∂output_vectors from (hidden, output_vectors).

    Returns
    -------
    J in nats, ∂J/∂input_vectors (V, D), ∂J/∂output_vectors (V, D).
    """
    loss, grad_hidden, grad_output = output_loss(model.hidden(input_vectors[input_ids]), output_vectors)
    grad_input = np.zeros_like(input_vectors)
    # `grad_input[ids] += …` would keep only one of the gradients of a repeated row.
    np.add.at(grad_input, input_ids, model.grad_rows(grad_hidden, len(input_ids)))
    return loss, grad_input, grad_output
