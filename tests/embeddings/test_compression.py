"""Smaller vectors: the bounds of rounding, principal axes against numpy's SVD, and recall by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from w2v_cli.embeddings import compression
from w2v_cli.embeddings.compression import principal_axes, recall, reduce_dims, to_int8
from w2v_cli.embeddings.computed import Stored
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError

FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)


def random_matrix(rows: int, dim: int, seed: int = 1) -> np.ndarray:
    scales = np.linspace(1, 3, dim)
    return np.float32(np.random.default_rng(seed).normal(0.3, 1, size=(rows, dim)) * scales)


def named(matrix: np.ndarray) -> WordVectors:
    return WordVectors([f"w{row}" for row in range(len(matrix))], matrix)


@given(arrays(np.float32, (4, 3), elements=FLOATS))
def test_no_number_moves_by_more_than_half_a_scale(matrix: np.ndarray) -> None:
    numbers, scales = to_int8(matrix)
    assert numbers.dtype == np.int8 and numbers.min() >= -127 and (scales >= 0).all()
    moved = np.abs(numbers * scales[:, np.newaxis].astype(np.float64) - matrix)
    # The scale is rounded to float32, which 127 multiplies; below 1e-38 a float32 has fewer digits.
    assert (moved <= 0.5 * scales[:, np.newaxis] * (1 + 1e-4) + 1e-43).all()


@given(arrays(np.float32, (3, 4), elements=st.floats(-100, 100, width=16)))
def test_rounding_again_changes_nothing(matrix: np.ndarray) -> None:
    once = to_int8(matrix)
    assert np.array_equal(to_int8(Stored(*once)[:]).numbers, once.numbers)


def test_large_matrices_are_rounded_chunk_by_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = random_matrix(50, 4)
    whole = to_int8(matrix)
    monkeypatch.setattr(compression, "_ROWS", 7)
    assert np.array_equal(to_int8(matrix).numbers, whole.numbers)


def test_axes_are_those_of_the_singular_value_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_ROWS", 7)
    matrix = random_matrix(60, 5)
    _, values, axes = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    found = principal_axes(matrix)
    assert found.shares == pytest.approx(values**2 / (values**2).sum())
    assert np.abs(found.axes.T @ axes.T) == pytest.approx(np.eye(5), abs=1e-8)
    assert (found.axes[np.abs(found.axes).argmax(axis=0), range(5)] > 0).all()
    assert found.count_for(0.0) == 1 and found.count_for(1.0) == 5
    assert found.shares[: found.count_for(0.9)].sum() >= 0.9 > found.shares[: found.count_for(0.9) - 1].sum()


def test_all_dimensions_keep_every_product_and_fewer_lose_the_least() -> None:
    matrix = random_matrix(60, 5)
    rotated, _ = reduce_dims(named(matrix), 5)
    assert rotated.matrix @ rotated.matrix.T == pytest.approx(matrix @ matrix.T, abs=1e-3)
    reduced, axes = reduce_dims(named(matrix), 2)
    lost = (matrix.astype(float) ** 2).sum() - (reduced.matrix.astype(float) ** 2).sum()
    assert lost == pytest.approx(axes.shares[2:].sum() * (matrix.astype(float) ** 2).sum(), rel=1e-5)
    for dims in (0, 6):
        with pytest.raises(ConfigError, match="not between 1 and the 5 dimensions"):
            reduce_dims(named(matrix), dims)


def test_recall_is_the_share_of_neighbours_that_stay() -> None:
    before, after = random_matrix(40, 6), random_matrix(40, 6, seed=2)
    assert recall(named(before), named(before)) == 1.0

    def neighbours(matrix: np.ndarray, row: int) -> set[int]:
        cosines = matrix @ matrix[row] / np.linalg.norm(matrix, axis=1)
        return set(np.argsort(-cosines)[:11].tolist()) - {row}

    shares = [len(neighbours(before, row) & neighbours(after, row)) / 10 for row in range(40)]
    assert recall(named(before), named(after)) == pytest.approx(np.mean(shares))


def test_recall_of_few_words_is_defined() -> None:
    assert recall(named(np.ones((1, 2), np.float32)), named(np.ones((1, 2), np.float32))) == 1.0
    assert 0 <= recall(named(random_matrix(3, 2)), named(random_matrix(3, 2, 2))) <= 1
