"""Sigmoid and softmax with their logarithms: stable at ±1000, for real and complex numbers of any float dtype.

The complex step differentiates these functions, so they are analytic: they avoid |x|, and where a branch is needed, the
real part decides it. The derivations are in help/mathematics.md, sections 1 and 2; numbers such as "eq. 3" are those of
the course solution.
"""

from __future__ import annotations

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the sigmoid of each element (help/mathematics.md, section 2; eq. 3).

        σ(x) = 1 ÷ (1 + e⁻ˣ)

    For x < 0 it is computed as eˣ ÷ (1 + eˣ) (eq. 39, 40), so that the exponential never overflows.

    Parameters
    ----------
    x : float or complex array of any shape.

    Returns
    -------
    Array of x's shape and dtype.
    """
    x = np.asarray(x)
    e = np.exp(-_magnitude(x))
    return np.where(x.real >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


def sigmoid_gradient(s: np.ndarray) -> np.ndarray:
    """Return σ′ = σ(1 − σ) of each element, given s = σ(x) (help/mathematics.md, section 2; eq. 7)."""
    return s * (1 - s)


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """Return log σ(x) = min(x, 0) − log(1 + e^−|x|) of each element; it is never −∞ for a finite x."""
    x = np.asarray(x)
    return (np.where(x.real < 0, x, 0) - np.log1p(np.exp(-_magnitude(x)))).astype(x.dtype)


def softmax(x: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis (help/mathematics.md, section 1).

        ŷ_i = e^xᵢ ÷ Σ_j e^xⱼ

    The maximum is subtracted first, which does not change the result (eq. 1) and keeps the exponentials from
    overflowing.

    Parameters
    ----------
    x : float or complex (…, K).

    Returns
    -------
    (…, K) in x's dtype; the sum of each row is 1.
    """
    exponentials = np.exp(_shifted(x))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def softmax_jacobian(y: np.ndarray) -> np.ndarray:
    """Return the derivatives of a softmax (help/mathematics.md, section 1; eq. 16).

        ∂ŷ_i/∂θ_j = ŷ_i(t_ij − ŷ_j), where t_ij = 1 if i = j, and 0 otherwise

    The course solution prints the last index of eq. 16 as i.

    Parameters
    ----------
    y : ŷ = softmax(θ), (K,).

    Returns
    -------
    (K, K) in y's dtype.
    """
    return y[:, None] * (np.eye(len(y), dtype=y.dtype) - y)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Return log ŷ = x − log Σ_j e^xⱼ over the last axis, (…, K) in x's dtype (eq. 25)."""
    shifted = _shifted(x)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _magnitude(x: np.ndarray) -> np.ndarray:
    """Return x or −x, whichever has a real part ≥ 0. It is |x| for real x, but analytic on both sides of 0."""
    return np.where(x.real >= 0, x, -x)


def _shifted(x: np.ndarray) -> np.ndarray:
    """Subtract the largest real part of the last axis, so that no exponential overflows."""
    x = np.asarray(x)
    return x - x.real.max(axis=-1, keepdims=True)
