"""The activations satisfy the identities of the course solution, are stable for large inputs, and keep dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from w2v_cli.gradients.activations import (
    log_sigmoid,
    log_softmax,
    sigmoid,
    sigmoid_gradient,
    softmax,
    softmax_jacobian,
)

SCORES = arrays(np.float64, st.integers(1, 8), elements=st.floats(-1000, 1000))
FUNCTIONS = [sigmoid, log_sigmoid, softmax, log_softmax]


@given(st.floats(-700, 700))
def test_sigmoid_is_its_definition(x: float) -> None:
    assert sigmoid(np.array(x)) == pytest.approx(1 / (1 + math.exp(-x)), rel=1e-15)


@given(SCORES)
def test_sigmoids_of_opposite_scores_sum_to_one(x: np.ndarray) -> None:  # eq. 40
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(np.ones_like(x), abs=1e-15)


@given(st.floats(-30, 30))
def test_log_sigmoid_is_the_logarithm_of_sigmoid(x: float) -> None:
    # Away from 0, the logarithm of a rounded σ loses digits, but log σ itself does not.
    assert float(log_sigmoid(np.array(x))) == pytest.approx(-math.log1p(math.exp(-x)), rel=1e-13)


def test_log_sigmoid_far_out_is_the_score_itself_or_the_smallest_loss() -> None:
    assert log_sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [-1000.0, pytest.approx(-math.log(2)), 0.0]


@given(SCORES, st.floats(-1000, 1000))
def test_softmax_does_not_change_with_a_shift(x: np.ndarray, shift: float) -> None:  # eq. 1
    # At 2000, a shift rounds the scores by up to 2e-13.
    assert softmax(x + shift) == pytest.approx(softmax(x), abs=1e-12)
    assert softmax(x).sum() == pytest.approx(1, abs=1e-14)


def test_softmax_of_logarithms_is_their_share() -> None:
    assert softmax(np.log([1.0, 2.0, 5.0])) == pytest.approx([0.125, 0.25, 0.625])
    assert log_softmax(np.log([1.0, 2.0, 5.0])) == pytest.approx(np.log([0.125, 0.25, 0.625]))


def test_softmax_runs_along_the_last_axis() -> None:
    x = np.arange(6.0).reshape(2, 3) ** 2
    assert np.array_equal(softmax(x), np.stack([softmax(row) for row in x]))
    assert np.array_equal(log_softmax(x), np.stack([log_softmax(row) for row in x]))


def test_derivatives_worked_by_hand() -> None:
    assert sigmoid_gradient(np.array([0.5, 0.25])).tolist() == [0.25, 0.1875]  # eq. 7
    # Eq. 16 at ŷ = (¼, ¾): ¼(1 − ¼) on the diagonal, −¼·¾ off it.
    assert softmax_jacobian(np.array([0.25, 0.75])).tolist() == [[0.1875, -0.1875], [-0.1875, 0.1875]]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex128])
def test_the_dtype_is_kept(function: Callable[[np.ndarray], np.ndarray], dtype: type) -> None:
    assert function(np.array([-1, 0, 2], dtype)).dtype == dtype


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_overflows_at_a_thousand(function: Callable[[np.ndarray], np.ndarray]) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for scale in (1000.0, 1e300):
            assert np.isfinite(function(np.array([-scale, 0.0, scale]))).all()
