"""The course's two-layer network, a sigmoid and then a softmax: its cost, gradients and size (Q2c, d).

The derivations are in help/mathematics.md, section 3; "eq. 22" and "section 5" are numbers of the course solution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.gradients.activations import sigmoid, sigmoid_gradient
from w2v_cli.gradients.losses import softmax_cross_entropy


class Network(NamedTuple):
    """Weights and biases, or their gradients: w1 (D_x, D_h), b1 (D_h,), w2 (D_h, K), b2 (K,)."""

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray


def parameter_count(inputs: int, hidden: int, classes: int) -> int:
    """Return how many numbers w1, b1, w2 and b2 hold: D_x·D_h + D_h + D_h·K + K (section 5 of the course solution)."""
    return inputs * hidden + hidden + hidden * classes + classes


def network_cost(network: Network, x: np.ndarray, labels: np.ndarray) -> tuple[np.generic, np.ndarray, Network]:
    """Return the cross-entropy of the network's predictions, and its gradients by backpropagation.

        h = σ(x·W₁ + b₁)      θ = h·W₂ + b₂      J = CE(y, softmax(θ))
        Δ₂ = ŷ − y      ∂J/∂W₂ = hᵀ·Δ₂      ∂J/∂b₂ = Δ₂
        Δ₁ = Δ₂·W₂ᵀ ⊙ σ′(x·W₁ + b₁)      ∂J/∂W₁ = xᵀ·Δ₁      ∂J/∂b₁ = Δ₁      ∂J/∂x = Δ₁·W₁ᵀ   (eq. 22)

    Parameters
    ----------
    network : weights and biases.
    x : float (N, D_x), one example in each row.
    labels : y, (N, K), one-hot.

    Returns
    -------
    J in nats, summed over the examples; ∂J/∂x (N, D_x); the gradients of the weights and biases.
    """
    hidden = sigmoid(x @ network.w1 + network.b1)
    loss, delta2 = softmax_cross_entropy(hidden @ network.w2 + network.b2, labels)
    # Forward: θ = h·W₂ + b₂, h = σ(z).
    delta1 = delta2 @ network.w2.T * sigmoid_gradient(hidden)
    # Forward: z = x·W₁ + b₁.
    gradients = Network(x.T @ delta1, delta1.sum(axis=0), hidden.T @ delta2, delta2.sum(axis=0))
    return loss, delta1 @ network.w1.T, gradients
