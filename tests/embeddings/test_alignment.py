"""Two models are brought into one space by a rotation, which is found by the words that both know."""

from __future__ import annotations

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.embeddings.alignment import align, shared_words
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError, VocabularyError

RANDOM = np.random.default_rng(3)
WORDS = [f"w{i}" for i in range(40)]
MATRIX = RANDOM.standard_normal((40, 6)).astype(np.float32)
# A random orthogonal matrix, with determinant −1: a mirror image is as good as a rotation.
TURN = np.linalg.qr(RANDOM.standard_normal((6, 6)))[0]


def test_a_turned_copy_is_turned_back_whatever_its_lengths_and_its_order() -> None:
    lengths = RANDOM.uniform(0.1, 9, (40, 1))
    order = RANDOM.permutation(40)[:30]
    turned = (MATRIX[order] * lengths[order] @ TURN).astype(np.float32)
    other = WordVectors([*(WORDS[i] for i in order), "new"], np.vstack([turned, np.ones((1, 6), np.float32)]))
    alignment = align(WordVectors(WORDS, MATRIX), other)
    assert alignment.words == 30
    assert alignment.remark is None
    # float32 vectors: seven digits.
    assert np.allclose(alignment.rotation, TURN.T, atol=1e-6)
    assert np.allclose(alignment.apply(other.matrix)[:30], MATRIX[order] * lengths[order], atol=1e-5)
    assert alignment.before < 0.5
    assert alignment.after == pytest.approx(1, abs=1e-6)


def test_no_other_rotation_brings_the_words_closer_together() -> None:
    noisy = ((MATRIX + RANDOM.standard_normal(MATRIX.shape)) @ TURN).astype(np.float32)
    alignment = align(WordVectors(WORDS, MATRIX), WordVectors(WORDS, noisy))

    def mean_cosine(rotation: np.ndarray) -> float:
        a, b = MATRIX.astype(np.float64), noisy @ rotation
        return float(((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean())

    assert alignment.after == pytest.approx(mean_cosine(alignment.rotation), abs=1e-9)
    assert alignment.before == pytest.approx(mean_cosine(np.eye(6)), abs=1e-9)
    for step in (1e-3, -1e-3, 0.3):
        skew = step * RANDOM.standard_normal((6, 6))
        skew -= skew.T
        near = alignment.rotation @ np.linalg.solve(np.eye(6) + skew, np.eye(6) - skew)
        assert mean_cosine(near) < alignment.after


def test_shared_words_are_limited_by_rank_and_by_count() -> None:
    one = WordVectors(["a", "b", "c", "d"], np.ones((4, 2), np.float32), np.array([9, 8, 7, 2]))
    other = WordVectors(["d", "x", "c", "a"], np.ones((4, 2), np.float32), np.array([6, 5, 4, 3]))
    pairs = [
        (shared_words(one, other, words=words, min_count=least), expected)
        for words, least, expected in [
            (None, 1, ([0, 2, 3], [3, 2, 0])),
            (3, 1, ([2], [2])),
            (None, 3, ([0, 2], [3, 2])),
            (None, 4, ([2], [2])),
        ]
    ]
    for shared, expected in pairs:
        assert (shared.first.tolist(), shared.second.tolist()) == expected


def test_a_model_that_is_aligned_answers_and_predicts_as_before() -> None:
    sentences = [["one", "two", "three"], ["two", "three", "four"]] * 50
    model = w2v.train(sentences, dim=8, alpha=0.1, subsample=0, threads=1)
    other = w2v.train(sentences[::-1], dim=8, alpha=0.1, subsample=0, threads=1, seed=5)
    with pytest.warns(UserWarning, match="only 4 words are shared, fewer than the 8 dimensions"):
        aligned = model.align(other)
    assert list(aligned.words) == list(other.words)
    assert not np.allclose(aligned.vectors, other.vectors, atol=0.01)
    for before, after in zip(other.similar("two"), aligned.similar("two"), strict=True):
        assert (before.word, pytest.approx(before.cosine, abs=1e-5)) == after
    for said, says in zip(other.predict(["one", "three"]), aligned.predict(["one", "three"]), strict=True):
        # float32: the products of rotated vectors differ in the last digits.
        assert says == (said.word, pytest.approx(said.likelihood, rel=1e-4), pytest.approx(said.loss, abs=1e-4))
    assert aligned.metadata == other.metadata
    assert np.allclose(np.linalg.norm(aligned.vectors, axis=1), np.linalg.norm(other.vectors, axis=1), atol=1e-5)


def test_parts_of_words_are_rotated_with_the_words() -> None:
    sentences = [["walk", "walks", "walked"], ["talk", "talks", "talked"]] * 40
    options = {"dim": 4, "subwords": "fasttext", "buckets": 50, "subsample": 0, "threads": 1}
    model, other = (w2v.train(sentences, seed=seed, **options) for seed in (1, 2))  # type: ignore[arg-type]
    aligned = model.align(other)
    assert "talking" not in aligned
    assert np.dot(aligned["talking"], aligned["talk"]) == pytest.approx(
        np.dot(other["talking"], other["talk"]), abs=1e-4
    )
    assert np.linalg.norm(aligned["talking"]) == pytest.approx(np.linalg.norm(other["talking"]), abs=1e-5)


def test_models_that_cannot_be_aligned_are_refused() -> None:
    model = w2v.Model.of(["a", "b"], np.eye(2))
    with pytest.raises(ConfigError, match="the vectors have 2 and 3 dimensions"):
        model.align(w2v.Model.of(["a", "b"], np.ones((2, 3))))
    with pytest.raises(VocabularyError, match="no word in common"):
        model.align(w2v.Model.of(["c"], np.ones((1, 2))))
    with pytest.raises(ConfigError, match="is a str, not a model"):
        model.align("other.safetensors")  # type: ignore[arg-type]
    broken = w2v.Model.of(["a", "b"], np.eye(2))
    broken.vectors[1] = np.nan
    with pytest.raises(ModelFileError, match="the vector of b has no finite length"):
        model.align(broken)
