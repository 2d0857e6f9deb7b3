"""Losses, each with its gradients from one call. Equation numbers are the seed's; losses are in nats."""

from __future__ import annotations

import numpy as np

from w2v_cli.gradients.activations import log_sigmoid, log_softmax, sigmoid, softmax


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.generic, np.ndarray]:
    """Cross-entropy of a softmax against a distribution.

        CE(y, ŷ) = −Σ_i y_i·log ŷ_i   (eq. 8)      ∂CE/∂θ = ŷ − y   (eq. 18)

    The seed prints "−y − ŷ" on the way to eq. 18, and the last index of eq. 16 as i: ∂ŷ_i/∂θ_j = ŷ_i(t_ij − ŷ_j).
    The gradient needs Σy = 1.

    Parameters
    ----------
    logits : θ, float (…, K).
    labels : y, (…, K), each row a distribution, most often one-hot.

    Returns
    -------
    The loss summed over all rows, and ∂loss/∂logits (…, K).
    """
    loss = -(labels * log_softmax(logits)).sum()
    return loss, softmax(logits) - labels


def softmax_loss(
    hidden: np.ndarray, output_vectors: np.ndarray, target_ids: np.ndarray
) -> tuple[np.generic, np.ndarray, np.ndarray]:
    """Softmax word2vec: the loss of predicting words among all, summed over the predictions.

        J = −w_i·r̂ + log Σ_j e^{w_j·r̂}   (eq. 25)
        ∂J/∂r̂ = −w_i + Σ_k P(k|r̂) w_k   (eq. 27)      ∂J/∂w_j = (P(j|r̂) − t_ij) r̂   (eq. 31)

    Parameters
    ----------
    hidden : r̂, float (n, D), one for each prediction.
    output_vectors : w, float (V, D).
    target_ids : i, int (n,), the words that are predicted.

    Returns
    -------
    J, ∂J/∂hidden (n, D), ∂J/∂output_vectors (V, D).
    """
    labels = np.zeros((len(hidden), len(output_vectors)), hidden.real.dtype)
    labels[np.arange(len(hidden)), target_ids] = 1
    loss, grad_scores = softmax_cross_entropy(hidden @ output_vectors.T, labels)
    return loss, grad_scores @ output_vectors, grad_scores.T @ hidden


def negative_sampling_rows(target_id: int, negative_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What negative sampling scores: the target, then its noise.

    A noise word that is the target is dropped (word2vec.c), one drawn twice counts twice.

    Returns
    -------
    output_ids int (1 + K,), labels float64 1, 0, …, 0 and counts float64 (1 + K,), for `logistic_loss`.
    """
    output_ids = np.concatenate(([target_id], negative_ids)).astype(np.intp)
    labels = np.zeros(len(output_ids))
    labels[0] = 1
    counts = np.ones(len(output_ids))
    counts[1:] = negative_ids != target_id
    return output_ids, labels, counts


def logistic_table_loss(
    hidden: np.ndarray, output_vectors: np.ndarray, output_ids: np.ndarray, labels: np.ndarray, counts: np.ndarray
) -> tuple[np.generic, np.ndarray, np.ndarray]:
    """`logistic_loss` against rows of a table, with the gradient of the whole table.

    Parameters
    ----------
    output_vectors : float (V, D) · output_ids : int (m,), which of its rows; repeats add up.

    Returns
    -------
    J, ∂J/∂hidden (n, D), ∂J/∂output_vectors (V, D).
    """
    loss, grad_hidden, grad_rows = logistic_loss(hidden, output_vectors[output_ids], labels, counts)
    grad_output = np.zeros_like(output_vectors)
    # `+=` on repeated rows would keep one of their gradients only.
    np.add.at(grad_output, output_ids, grad_rows)
    return loss, grad_hidden, grad_output


def logistic_loss(
    hidden: np.ndarray, rows: np.ndarray, labels: np.ndarray, counts: np.ndarray | None = None
) -> tuple[np.generic, np.ndarray, np.ndarray]:
    """Logistic loss of every hidden vector against every row: negative sampling and hierarchical softmax.

        J = −Σ_ij c_j·log σ(±s_ij), s = H·Wᵀ, + where y_j = 1 and − where y_j = 0
        ∂J/∂H = G·W      ∂J/∂W = Gᵀ·H      G = c ⊙ (σ(s) − y)

    With y = 1, 0, …, 0 this is negative sampling, summed over the hidden vectors: eq. 32 (repeated in 36 without
    the inner minus), 35 and 37–41 (37's left side is printed as ∇_r̂; 1 − σ(−s) of eq. 35 is σ(s) by eq. 40).
    With y a Huffman code and W the nodes of its path it is hierarchical softmax.

    Parameters
    ----------
    hidden : H, float (n, D).
    rows : W, float (m, D); a repeated row counts as often as it is repeated.
    labels : y, 0 or 1, (m,).
    counts : c, (m,): how often a row counts, 0 leaves it out. Default: once each.

    Returns
    -------
    J, ∂J/∂hidden (n, D), ∂J/∂rows (m, D).
    """
    scores = hidden @ rows.T
    labels = labels.astype(scores.real.dtype)
    counts = np.ones_like(labels) if counts is None else counts.astype(labels.dtype)
    loss = -(counts * log_sigmoid(np.where(labels == 1, scores, -scores))).sum()
    grad_scores = counts * (sigmoid(scores) - labels)
    return loss, grad_scores @ rows, grad_scores.T @ hidden
