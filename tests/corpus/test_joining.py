"""The vocabulary of a model and a text together: its words, their order, and their counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from w2v_cli.corpus.joining import Earlier, join_vocabulary
from w2v_cli.corpus.tokens import PADDING, make_tokens
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.errors import VocabularyError
from w2v_cli.storage.words import MOST_TOKENS, Words

MODEL = ("a", "b", "new york", "c")
TEXT = b"b d d d d c e e e f f f b york\n"


def join(
    counts: tuple[int, ...] | None = (9, 4, 4, 1),
    keeps: str = "both",
    drives: str = "text",
    min_count: int = 3,
    max_vocab: int | None = None,
    words: tuple[str, ...] = MODEL,
) -> tuple[Vocabulary, np.ndarray]:
    tokens = make_tokens()
    tokens.add(TEXT + PADDING)
    given = None if counts is None else np.array(counts)
    earlier = Earlier("m", Words.of(words), given, keeps, drives)
    return join_vocabulary(earlier, tokens, min_count, max_vocab, "t.txt")


def described(vocabulary: Vocabulary) -> list[tuple[Any, ...]]:
    joined = vocabulary.joined
    assert joined is not None
    columns = vocabulary.counts, joined.rows, joined.text_counts
    return [(word, *numbers) for word, *numbers in zip(vocabulary.words, *(x.tolist() for x in columns), strict=True)]


def test_words_of_both_are_ordered_by_the_sum_of_their_counts() -> None:
    vocabulary, ids = join()
    # york is not a word of the model and too rare; b and c have rows of the model however rare they are.
    assert described(vocabulary) == [
        ("a", 9, 0, 0), ("b", 6, 1, 2), ("new york", 4, 2, 0), ("d", 4, -1, 4), ("e", 3, -1, 3), ("f", 3, -1, 3),
        ("c", 2, 3, 1),
    ]  # fmt: skip
    # The entries of the text, in the order in which it has them: newline, b, d, c, e, f, york.
    assert ids.tolist() == [-1, 1, 3, 6, 4, 5, -1]


def test_words_that_the_text_lacks_can_be_dropped() -> None:
    vocabulary, ids = join(keeps="text")
    assert [row[0] for row in described(vocabulary)] == ["b", "d", "e", "f", "c"]
    assert ids.tolist() == [-1, 0, 1, 4, 2, 3, -1]


def test_the_vocabulary_of_the_model_can_stay_as_it_is() -> None:
    vocabulary, ids = join(counts=(1, 4, 9, 4), keeps="model", drives="sum")
    assert described(vocabulary) == [("a", 1, 0, 0), ("b", 4, 1, 2), ("new york", 9, 2, 0), ("c", 4, 3, 1)]
    assert vocabulary.training_counts.tolist() == [1, 6, 9, 5]
    assert ids.tolist() == [-1, 1, -1, 3, -1, -1, -1]
    assert join(counts=None, keeps="model")[0].counts.tolist() == [0, 2, 0, 1]


def test_the_most_frequent_of_all_words_are_kept() -> None:
    vocabulary, ids = join(max_vocab=2)
    assert list(vocabulary.words) == ["a", "b"] and ids.tolist() == [-1, 1, -1, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("drives", "expected"),
    [("text", [0, 2, 0, 4, 3, 3, 1]), ("sum", [9, 6, 4, 4, 3, 3, 2]), ("model", [9, 4, 4, 4, 3, 3, 1])],
)
def test_the_counts_that_drive_noise_and_subsampling_are_a_choice(drives: str, expected: list[int]) -> None:
    assert join(drives=drives)[0].training_counts.tolist() == expected


def test_a_model_without_counts_keeps_its_order_behind_the_words_of_the_text() -> None:
    vocabulary, _ = join(counts=None)
    assert list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == [
        ("d", 4), ("e", 3), ("f", 3), ("b", 2), ("c", 1), ("a", 0), ("new york", 0),
    ]  # fmt: skip


def test_a_vocabulary_without_a_word_is_refused() -> None:
    with pytest.raises(VocabularyError, match=r"no word of m is in t\.txt, so --words text would keep nothing of it"):
        join(keeps="text", words=("x", "y", "z", "u"))
    with pytest.raises(VocabularyError, match="counts that no text can have"):
        join(counts=(MOST_TOKENS, 1, 1, 1))
