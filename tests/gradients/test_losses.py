"""The losses agree with values that were worked out by hand. The gradient check is responsible for their gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from w2v_cli.gradients.architectures import CBOW, SKIPGRAM, window_cost
from w2v_cli.gradients.losses import (
    logistic_loss,
    negative_sampling_rows,
    softmax_cross_entropy,
    softmax_loss,
)
from w2v_cli.gradients.network import Network, network_cost, parameter_count


def test_cross_entropy_is_minus_the_logarithm_of_the_true_class() -> None:
    loss, gradient = softmax_cross_entropy(np.log([1.0, 3.0]), np.array([0.0, 1.0]))
    assert loss == pytest.approx(-math.log(0.75))
    assert gradient == pytest.approx([0.25, -0.25])  # ŷ − y


def test_softmax_loss_of_equal_scores_is_the_logarithm_of_the_vocabulary() -> None:
    loss, grad_hidden, grad_output = softmax_loss(np.ones((2, 3)), np.zeros((5, 3)), np.array([1, 1]))
    assert loss == pytest.approx(2 * math.log(5))
    assert not grad_hidden.any()
    # Eq. 31, twice: (P − t)·r̂ with P = 1/5.
    assert grad_output[:, 0] == pytest.approx([0.4, -1.6, 0.4, 0.4, 0.4])


def test_negative_sampling_worked_by_hand() -> None:
    # Scores log 3 against the target and log 3 against its noise: σ = ¾.
    hidden, rows = np.array([[1.0, 0.0]]), np.array([[math.log(3), 1.0], [math.log(3), 2.0]])
    loss, grad_hidden, grad_rows = logistic_loss(hidden, rows, np.array([1.0, 0.0]))
    assert loss == pytest.approx(-math.log(3 / 4) - math.log(1 / 4))  # eq. 32
    assert grad_hidden == pytest.approx(-0.25 * rows[:1] + 0.75 * rows[1:])  # eq. 35
    assert grad_rows == pytest.approx(np.array([[-0.25, 0.0], [0.75, 0.0]]))  # eq. 41


def test_noise_equal_to_the_target_is_dropped_and_a_repeat_counts_twice() -> None:
    output_ids, labels, counts = negative_sampling_rows(7, np.array([3, 7, 3]))
    assert output_ids.tolist() == [7, 3, 7, 3]
    assert labels.tolist() == [1, 0, 0, 0]
    assert counts.tolist() == [1, 1, 0, 1]


def test_a_path_has_the_probability_of_its_leaf() -> None:
    # Two nodes have three leaves, whose probabilities must sum to 1.
    rng = np.random.default_rng(0)
    hidden, nodes = rng.standard_normal((1, 4)), rng.standard_normal((2, 4))
    paths = [([0], [1.0]), ([0, 1], [0.0, 1.0]), ([0, 1], [0.0, 0.0])]
    losses = [logistic_loss(hidden, nodes[rows], np.array(code))[0] for rows, code in paths]
    assert sum(math.exp(-float(loss)) for loss in losses) == pytest.approx(1, abs=1e-14)


def test_the_rows_of_a_window_form_hidden_vectors_and_share_their_gradient() -> None:
    rows = np.array([[1.0, 3.0], [3.0, 5.0]])
    assert SKIPGRAM.hidden(rows).tolist() == rows.tolist()
    assert CBOW.hidden(rows).tolist() == [[2.0, 4.0]]
    assert CBOW.grad_rows(np.array([[6.0, 8.0]]), 2).tolist() == [[3.0, 4.0], [3.0, 4.0]]


def test_a_word_that_is_twice_in_the_window_gets_both_gradients() -> None:
    input_vectors, output_vectors = np.zeros((3, 2)), np.zeros((3, 2))
    loss_of = lambda hidden, output: (np.float64(0), np.ones_like(hidden), output)  # noqa: E731
    _, grad_input, _ = window_cost(SKIPGRAM, input_vectors, output_vectors, np.array([2, 0, 2]), loss_of)
    assert grad_input.tolist() == [[1, 1], [0, 0], [2, 2]]


def test_the_network_has_as_many_parameters_as_it_says() -> None:
    shapes = (3, 4), (4,), (4, 5), (5,)
    network = Network(*(np.zeros(shape) for shape in shapes))
    assert parameter_count(3, 4, 5) == sum(array.size for array in network) == 41


def test_the_network_worked_by_hand() -> None:
    # All weights 0: h = ½, ŷ = ½, so J = log 2, Δ₂ = (−½, ½) and ∂J/∂W₂ = h·Δ₂.
    network = Network(np.zeros((2, 3)), np.zeros(3), np.zeros((3, 2)), np.zeros(2))
    loss, grad_x, gradients = network_cost(network, np.ones((1, 2)), np.array([[1.0, 0.0]]))
    assert loss == pytest.approx(math.log(2))
    assert gradients.b2.tolist() == [-0.5, 0.5]
    assert gradients.w2.tolist() == [[-0.25, 0.25]] * 3
    assert not grad_x.any() and not gradients.w1.any() and not gradients.b1.any()
