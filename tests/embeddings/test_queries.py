"""Queries agree with a plain float64 search; ties and exclusions are handled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import w2v_cli.embeddings.computed as computed
import w2v_cli.embeddings.matrix as matrix_module
import w2v_cli.embeddings.queries as queries
from w2v_cli.choices import METHODS
from w2v_cli.embeddings.blend import Blend
from w2v_cli.embeddings.computed import Stored
from w2v_cli.embeddings.directions import read_directions
from w2v_cli.embeddings.queries import analogy, nearest, odd_one_out, parse_query, similar
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError, UnknownWordError


def vectors_of(matrix: np.ndarray) -> WordVectors:
    return WordVectors([f"w{i}" for i in range(len(matrix))], matrix.astype(np.float32))


def test_similar_agrees_with_a_plain_search_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_SCORE_BYTES", 4 * 300 * 7)  # 7 of the 20 queries at once
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
        # Both are float64; only the order of a sum of 24 terms differs.
        assert [answer.cosine for answer in found] == pytest.approx(cosines[best].tolist(), abs=1e-14)


def test_equal_cosines_come_in_vocabulary_order_even_where_the_list_is_cut() -> None:
    rows = np.random.default_rng(2).standard_normal((3, 50))
    # Every row is repeated 33 times, scaled by powers of two, which change its length but no cosine.
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


def test_blocks_hide_no_answer_whatever_the_number_of_answers() -> None:
    values = np.random.default_rng(3).permutation(1000).astype(np.float32)
    for k in (1, 2, 7, 60, 999, 1000):
        bar = queries._reached_by(values, k)
        assert k <= np.count_nonzero(values >= bar) <= 2 * k
    assert queries._reached_by(values, 1001) == -np.inf


@pytest.mark.parametrize("method", METHODS)
def test_analogies_agree_with_the_plain_formula_in_float64(method: str) -> None:
    matrix = np.random.default_rng(5).standard_normal((400, 6)).astype(np.float32)
    matrix[7] = 0
    vectors, units = vectors_of(matrix), matrix.astype(np.float64)
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-30)
    questions = np.random.default_rng(6).integers(0, 400, (50, 3))
    asked = [(f"w{a}", f"w{b}", f"w{c}") for a, b, c in questions.tolist()]
    for (a, b, c), found in zip(
        questions, analogy(vectors, asked, k=5, method=method, restrict_vocab=300), strict=True
    ):
        to_a, to_b, to_c = (units[:300] @ units[i] for i in (a, b, c))
        direction = units[b] - units[a] + units[c]
        scores = (1 + to_b) / 2 * (1 + to_c) / 2 / ((1 + to_a) / 2 + 1e-6)
        if method == "3cosadd":
            scores = units[:300] @ direction / max(np.linalg.norm(direction), 1e-30)
        scores[[i for i in (a, b, c) if i < 300]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:5]
        assert [answer.word for answer in found] == [f"w{i}" for i in best]
        assert [answer.score for answer in found] == pytest.approx(scores[best].tolist(), rel=1e-12)


def test_products_of_near_opposites_are_ranked_exactly() -> None:
    # For words nearly opposite to a, the denominator is about ε, so a float32 cosine says nothing about the score.
    angles = np.pi + np.linspace(-1e-4, 1e-4, 50)
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    vectors = vectors_of(np.concatenate([[[1.0, 0], [0, 1], [-1, 1]], rows]))
    (found,) = analogy(vectors, [("w0", "w1", "w2")], k=3, method="3cosmul")
    units = vectors.matrix.astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    s = (1 + units @ units[:3].T) / 2
    scores = s[:, 1] * s[:, 2] / (s[:, 0] + 1e-6)
    best = 3 + np.argsort(-scores[3:], kind="stable")[:3]
    assert [answer.word for answer in found] == [f"w{i}" for i in best]


@pytest.mark.parametrize(
    ("text", "words", "signs"),
    [
        ("king", ("king",), (1,)),
        ("king - man + woman", ("king", "man", "woman"), (1, -1, 1)),
        ("king -man  +  woman", ("king", "man", "woman"), (1, -1, 1)),
        ("- man + king", ("man", "king"), (-1, 1)),
        ("well-known - x-y", ("well-known", "x-y"), (1, -1)),
        ("+1", ("+1",), (1,)),
    ],
)
def test_sums_are_read(text: str, words: tuple[str, ...], signs: tuple[int, ...]) -> None:
    assert parse_query(text, {"+1"}) == (words, signs)
    assert parse_query(parse_query(text, {"+1"}).text, {"+1"}) == (words, signs)


def test_restrictions_and_exclusions_leave_the_rest() -> None:
    vectors = vectors_of(np.eye(4) + 0.1)
    (found,) = similar(vectors, ["w3"], exclude=["w0", "w3", "unheard"], restrict_vocab=3)
    assert [answer.word for answer in found] == ["w1", "w2"]


@pytest.mark.parametrize("method", METHODS)
def test_rows_outside_the_restriction_are_not_read(method: str, tmp_path: Path) -> None:
    matrix = np.random.default_rng(6).standard_normal((20, 4))
    matrix[10] = np.nan
    vectors = vectors_of(matrix)
    vectors.hand_out()  # so that norms are not cached
    (tmp_path / "text").write_text("w1 w2")
    names, directions = read_directions(str(tmp_path / "text"), vectors)
    assert names and np.isfinite(directions).all()
    assert {word for word, _ in similar(vectors, ["w2"], restrict_vocab=10)[0]} == set(vectors.words[:10]) - {"w2"}
    assert len(analogy(vectors, [("w1", "w2", "w19")], 3, method, restrict_vocab=10)[0]) == 3
    with pytest.raises(ModelFileError, match="the vector of w10 has no finite length"):
        analogy(vectors, [("w1", "w2", "w19")], 3, method, restrict_vocab=11)
    # A word in a query must have a direction, even if it lies outside the restriction.
    for ask in (lambda: similar(vectors, ["w10"], restrict_vocab=5), lambda: odd_one_out(vectors, ["w1", "w10"])):
        with pytest.raises(ModelFileError, match="the vector of w10 has no finite length"):
            ask()


@pytest.mark.parametrize("method", METHODS)
def test_no_method_holds_more_than_a_few_chunks_of_a_mapped_matrix_in_memory(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "_CHUNK_BYTES", 64)
    whole = np.random.default_rng(7).standard_normal((40, 4), np.float32)
    half = Stored(whole.astype(np.float16))
    # Of a sum, the rows of both tables are released.
    for matrix, times in ((whole, 1), (half, 1), (Blend(whole, half, "sum"), 2)):
        released: list[int] = []
        monkeypatch.setattr(computed, "release_pages", lambda rows, found=released: found.append(len(rows)))
        analogy(WordVectors([f"w{row}" for row in range(40)], matrix), [("w1", "w2", "w3")], 3, method)
        assert sum(released) == 40 * times and max(released) <= 4
