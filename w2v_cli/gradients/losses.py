"""Losses in nats, each with its gradients from the same call.

The derivations are in help/mathematics.md; numbers such as "eq. 8" are those of the course solution.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.gradients.activations import log_sigmoid, log_softmax, sigmoid, softmax


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.generic, np.ndarray]:
    """Return the cross-entropy of a softmax against a distribution (help/mathematics.md, section 1).

        CE(y, ŷ) = −Σ_i y_i·log ŷ_i   (eq. 8)      ∂CE/∂θ = ŷ − y   (eq. 18)

    The gradient holds only if Σy = 1. On the way to eq. 18 the course solution prints "−y − ŷ", and the last index of
    eq. 16 as i; it is ∂ŷ_i/∂θ_j = ŷ_i(t_ij − ŷ_j).

    Parameters
    ----------
    logits : θ, float (…, K).
    labels : y, (…, K); each row is a distribution, most often one-hot.

    Returns
    -------
    The loss summed over all rows, and ∂loss/∂logits (…, K).

    Examples
    --------
    Two classes that are equally likely cost log 2, and the gradient is ŷ − y:

    >>> loss, gradient = softmax_cross_entropy(np.array([0.0, 0.0]), np.array([1.0, 0.0]))
    >>> round(float(loss), 4)
    0.6931
    >>> gradient.tolist()
    [-0.5, 0.5]
    """
    loss = -(labels * log_softmax(logits)).sum()
    return loss, softmax(logits) - labels


def softmax_loss(
    hidden: np.ndarray, output_vectors: np.ndarray, target_ids: np.ndarray
) -> tuple[np.generic, np.ndarray, np.ndarray]:
    """Return the loss of softmax word2vec, summed over the predictions (help/mathematics.md, section 4).

        J = −w_i·r̂ + log Σ_j e^{w_j·r̂}   (eq. 25)
        ∂J/∂r̂ = −w_i + Σ_k P(k|r̂) w_k   (eq. 27)      ∂J/∂w_j = (P(j|r̂) − t_ij) r̂   (eq. 31)

    Parameters
    ----------
    hidden : r̂, float (n, D), one row for each prediction.
    output_vectors : w, float (V, D).
    target_ids : i, int (n,), the words to predict.

    Returns
    -------
    J, ∂J/∂hidden (n, D), ∂J/∂output_vectors (V, D).
    """
    labels = np.zeros((len(hidden), len(output_vectors)), hidden.real.dtype)
    labels[np.arange(len(hidden)), target_ids] = 1
    loss, grad_scores = softmax_cross_entropy(hidden @ output_vectors.T, labels)
    return loss, grad_scores @ output_vectors, grad_scores.T @ hidden


def negative_sampling_rows(target_id: int, negative_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows that negative sampling scores: the target, then its noise words.

    As in word2vec.c, a noise word that equals the target does not count, and one that was drawn twice counts twice.

    Parameters
    ----------
    target_id : the word to predict.
    negative_ids : int (K,), its noise words.

    Returns
    -------
    For `logistic_table_loss`: output_ids, int (1 + K,); labels, float64 (1 + K,), 1 and then zeros; counts, float64
    (1 + K,).

    Examples
    --------
    Word 7 with noise words 2, 7 and 2:

    >>> output_ids, labels, counts = negative_sampling_rows(7, np.array([2, 7, 2]))
    >>> output_ids.tolist(), labels.tolist(), counts.tolist()
    ([7, 2, 7, 2], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0])
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
    """Return the `logistic_loss` against some rows of a table, with the gradient for the whole table.

    Parameters
    ----------
    hidden, labels, counts : as in `logistic_loss`.
    output_vectors : float (V, D).
    output_ids : int (m,), the rows to score against. The gradients of a repeated row add up.

    Returns
    -------
    J, ∂J/∂hidden (n, D), ∂J/∂output_vectors (V, D).
    """
    loss, grad_hidden, grad_rows = logistic_loss(hidden, output_vectors[output_ids], labels, counts)
    grad_output = np.zeros_like(output_vectors)
    # `grad_output[output_ids] += …` would keep only one of the gradients of a repeated row.
    np.add.at(grad_output, output_ids, grad_rows)
    return loss, grad_hidden, grad_output


def logistic_loss(
    hidden: np.ndarray, rows: np.ndarray, labels: np.ndarray, counts: np.ndarray | None = None
) -> tuple[np.generic, np.ndarray, np.ndarray]:
    """Return the logistic loss of every hidden vector against every row.

        J = −Σ_ij c_j·log σ(±s_ij), s = H·Wᵀ, with + where y_j = 1 and − where y_j = 0
        ∂J/∂H = G·W      ∂J/∂W = Gᵀ·H      G = c ⊙ (σ(s) − y)

    With y = 1, 0, …, 0 this is negative sampling, summed over the hidden vectors (help/mathematics.md, section 5;
    eq. 32, 35 and 37–41). The course solution repeats eq. 32 as eq. 36 without the inner minus, and prints the left
    side of eq. 37 as ∇_r̂; by eq. 40, the 1 − σ(−s) of eq. 35 is σ(s). With y a Huffman code and W the nodes of its
    path, it is hierarchical softmax (help/mathematics.md, section 7).

    Parameters
    ----------
    hidden : H, float (n, D).
    rows : W, float (m, D). A repeated row counts as often as it occurs.
    labels : y, 0 or 1, (m,).
    counts : c, (m,), how often each row counts; 0 leaves it out. By default each row counts once.

    Returns
    -------
    J, ∂J/∂hidden (n, D), ∂J/∂rows (m, D).

    Examples
    --------
    A target with the score 0 and a noise word with the score log 3, so that σ(s) is 1/2 and 3/4:

    >>> hidden, rows = np.array([[1.0]]), np.array([[0.0], [np.log(3)]])
    >>> loss, grad_hidden, grad_rows = logistic_loss(hidden, rows, np.array([1, 0]))
    >>> round(float(np.exp(loss)), 9)  # 1 ÷ (1/2 · 1/4)
    8.0
    >>> grad_rows.round(9).tolist()
    [[-0.5], [0.75]]
    """
    scores = hidden @ rows.T
    labels = labels.astype(scores.real.dtype)
    counts = np.ones_like(labels) if counts is None else counts.astype(labels.dtype)
    loss = -(counts * log_sigmoid(np.where(labels == 1, scores, -scores))).sum()
    grad_scores = counts * (sigmoid(scores) - labels)
    return loss, grad_scores @ rows, grad_scores.T @ hidden
