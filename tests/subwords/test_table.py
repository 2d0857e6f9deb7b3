"""Vectors that are composed of rows: by hand, and in fastText's order of summation."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_cli.storage.words import Words
from w2v_cli.subwords.compose import compose
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import WordRows, vocabulary_rows
from w2v_cli.subwords.table import SubwordTable


def random_rows(rows: int, dim: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((rows, dim)).astype(np.float32)


def test_a_vector_is_the_mean_of_its_rows() -> None:
    table = np.array([[1, 2], [3, 4], [5, 9]], np.float32)
    word_rows = WordRows(np.array([0, 1, 3, 3, 6]), np.array([2, 0, 1, 1, 1, 2], np.int32))
    expected = [[5, 9], [2, 3], [0, 0], [np.float32(11) * np.float32(1 / 3), np.float32(17) * np.float32(1 / 3)]]
    assert compose(table, word_rows).tolist() == np.array(expected, np.float32).tolist()


def test_rows_are_added_in_float32_and_in_their_order() -> None:
    rng, table = np.random.default_rng(4), random_rows(500, 7)
    offsets = np.concatenate(([0], np.cumsum(rng.integers(0, 40, 9000))))
    rows = rng.integers(0, 500, offsets[-1]).astype(np.int32)
    vectors = compose(table, WordRows(offsets, rows))
    for word in (0, 1, 4095, 4096, 8999):
        total = np.zeros(7, np.float32)
        own = rows[offsets[word] : offsets[word + 1]]
        for row in own:
            total = total + table[row]
        assert vectors[word].tobytes() == (total * np.float32(1 / max(1, len(own)))).tobytes()


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_the_shares_of_the_parts_add_up_to_the_vector(kind: str) -> None:
    subwords, words = Subwords(kind, 3, 4, buckets=30), Words.of(["größer", "cat"])
    table = SubwordTable(subwords, random_rows(subwords.table_rows(2), 6), 2)
    assert table.fault() is None
    for word, word_id in (("größer", 0), ("größter", None)):
        parts = table.parts(word, word_id)
        vector = table.vocabulary_vectors(words)[0] if word_id == 0 else table.unseen_vectors(Words.of([word]))[0]
        rows = [part.row for part in parts]
        np.testing.assert_allclose(table.vectors[rows].mean(axis=0), vector, rtol=1e-5)  # float32 sums of 20 rows
        assert sum(part.share for part in parts) == pytest.approx(1, abs=1e-12)  # a few roundings of float64
        unit = vector / np.linalg.norm(vector)
        projection = table.vectors[rows[3]] @ unit / len(rows) / np.linalg.norm(vector)
        assert parts[3].share == pytest.approx(projection, rel=1e-4)
    first = table.parts("cat", 1)[0]
    assert (first.part, first.row) == ("cat", 1) if kind == "fasttext" else first.part == "<cat>"


def test_a_word_shorter_than_every_ngram_has_no_parts() -> None:
    subwords = Subwords("fasttext", 4, 4, buckets=5)
    vectors = SubwordTable(subwords, random_rows(5, 2), 0).unseen_vectors(Words.of(["a", "abc"]))
    assert vectors[0].tolist() == [0, 0] and vectors[1].all()


def test_a_pruned_table_leaves_out_the_parts_that_it_lacks() -> None:
    subwords, words = Subwords("fasttext", 3, 3, buckets=8), Words.of(["abcdefgh", "xy"])
    full = random_rows(10, 3)
    kept = np.array([6, 1, 3], np.int32)
    table = SubwordTable(subwords, np.concatenate((full[:2], full[2 + kept])), 2, kept)
    assert table.fault() is None
    expected = []
    offsets, rows = vocabulary_rows(subwords, words)
    for word in range(2):
        own = [row for row in rows[offsets[word] : offsets[word + 1]] if row < 2 or row - 2 in kept]
        expected.append(full[own].mean(axis=0))
    np.testing.assert_allclose(table.vocabulary_vectors(words), expected, rtol=1e-6)  # another order of float32 sums
    parts = table.parts("abcdefgh", 0)
    assert len(parts) < len(full) and {part.row for part in parts} <= set(range(5))


def test_a_table_of_another_size_has_a_fault() -> None:
    subwords = Subwords("fasttext", 3, 3, buckets=8)
    too_small = SubwordTable(subwords, random_rows(9, 3), 2)
    assert too_small.fault() == "has 9 rows for parts of words instead of 10"
    twice = SubwordTable(subwords, random_rows(4, 3), 2, np.array([1, 1], np.int32))
    assert "repeated or out of range" in str(twice.fault())
