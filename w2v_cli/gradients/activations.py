"""Sigmoid and softmax with their logarithms: stable at ±1000, any float dtype kept, complex numbers welcome.

Every function is analytic and computed without |x|, so that the complex step can differentiate it: where a
branch is needed it is taken by the real part. Equation numbers are the seed's.
"""

from __future__ import annotations

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    """σ(x) = 1 ÷ (1 + e⁻ˣ)   (eq. 3), elementwise.

    Parameters
    ----------
    x : float or complex array of any shape.

    Returns
    -------
    Array of x's shape and dtype. Uses σ(x) = eˣ ÷ (1 + eˣ) for x < 0 (eq. 39, 40), so e never overflows.
    """
    x = np.asarray(x)
    e = np.exp(-_magnitude(x))
    return np.where(x.real >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


def sigmoid_gradient(s: np.ndarray) -> np.ndarray:
    """σ′ = σ(1 − σ)   (eq. 7), from s = σ(x), elementwise."""
    return s * (1 - s)


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """log σ(x) = min(x, 0) − log(1 + e^−|x|), elementwise; never −∞ for a finite x."""
    x = np.asarray(x)
    return (np.where(x.real < 0, x, 0) - np.log1p(np.exp(-_magnitude(x)))).astype(x.dtype)


def softmax(x: np.ndarray) -> np.ndarray:
    """ŷ_i = e^xᵢ ÷ Σ_j e^xⱼ over the last axis, shifted by its maximum (eq. 1: a shift changes nothing).

    Parameters
    ----------
    x : float or complex (…, K).

    Returns
    -------
    (…, K), x's dtype, each row of sum 1.
    """
    exponentials = np.exp(_shifted(x))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def softmax_jacobian(y: np.ndarray) -> np.ndarray:
    """∂ŷ_i/∂θ_j = ŷ_i(t_ij − ŷ_j), (K, K), from ŷ = softmax(θ), (K,); t_ij = 1 where i = j.

    Eq. 16, whose last index the seed prints as i.
    """
    return y[:, None] * (np.eye(len(y), dtype=y.dtype) - y)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """log ŷ = x − log Σ_j e^xⱼ over the last axis, (…, K), x's dtype (eq. 25)."""
    shifted = _shifted(x)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _magnitude(x: np.ndarray) -> np.ndarray:
    """x or −x, whichever has a real part ≥ 0: |x|, and analytic on both sides of 0."""
    return np.where(x.real >= 0, x, -x)


def _shifted(x: np.ndarray) -> np.ndarray:
    """x less the largest real part of its last axis, so that no exponential overflows."""
    x = np.asarray(x)
    return x - x.real.max(axis=-1, keepdims=True)
