"""Nearest words: against a plain float64 search, and what ties and exclusions do."""

from __future__ import annotations

import numpy as np
import pytest

import w2v_cli.embeddings.queries as queries
from w2v_cli.embeddings.queries import nearest, similar
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import UnknownWordError


def vectors_of(matrix: np.ndarray) -> WordVectors:
    return WordVectors([f"w{i}" for i in range(len(matrix))], matrix.astype(np.float32))


def test_similar_is_the_plain_search_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_SCORE_BYTES", 4 * 300 * 7)  # 7 queries at once, 20 in all
    matrix = np.random.default_rng(1).standard_normal((300, 24)).astype(np.float32)
    vectors = vectors_of(matrix)
    units = matrix.astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    asked = range(0, 300, 15)
    for query, found in zip(asked, similar(vectors, [f"w{i}" for i in asked], k=10), strict=True):
        cosines = units @ units[query]
        cosines[query] = -2
        best = np.argsort(-cosines)[:10]
        assert [answer.word for answer in found] == [f"w{i}" for i in best]
        # float64 both times; only the order of a sum of 24 terms differs.
        assert [answer.cosine for answer in found] == pytest.approx(cosines[best].tolist(), abs=1e-14)


def test_equal_cosines_come_in_vocabulary_order_even_where_the_list_is_cut() -> None:
    rows = np.random.default_rng(2).standard_normal((3, 50))
    # Every row stands 33 times; powers of two change lengths but no cosine.
    matrix = np.concatenate([rows * 2.0 ** (i % 3) for i in range(33)])
    (found,) = similar(vectors_of(matrix), ["w0"], k=10)
    assert [answer.word for answer in found] == [f"w{i}" for i in range(3, 31, 3)]


def test_the_query_is_no_answer_and_there_are_no_more_answers_than_words() -> None:
    vectors = vectors_of(np.eye(3))
    assert [answer.word for answer in similar(vectors, ["w1"], k=10)[0]] == ["w0", "w2"]
    assert similar(vectors_of(np.ones((1, 2))), ["w0"]) == [[]]
    assert similar(vectors, []) == []


def test_a_zero_vector_has_cosine_zero_with_every_word() -> None:
    vectors = vectors_of(np.array([[0, 0], [1, 0], [0, -2]]))
    assert similar(vectors, ["w0"]) == [[("w1", 0.0), ("w2", 0.0)]]


def test_every_excluded_word_is_left_out() -> None:
    vectors = vectors_of(np.array([[1, 0], [2, 0.1], [1, 1], [-1, 0]]))
    (found,) = nearest(vectors, np.array([[5.0, 0.0]]), 3, excluded=[{0, 1}])
    assert [answer.word for answer in found] == ["w2", "w3"]
    assert found[1].cosine == -1


def test_unknown_words_are_an_error() -> None:
    with pytest.raises(UnknownWordError, match="not in the vocabulary: x, y"):
        similar(vectors_of(np.eye(2)), ["x", "w0", "y"])
