"""The lengths that `--ngrams auto` chooses: against counts in plain Python, and for languages with short and long words."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from w2v_cli.storage.words import Words
from w2v_cli.subwords.lengths import FREQUENT_WORDS, LONGEST, SHARED_BY, choose_lengths
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import parts_of

LATIN, SYLLABLES = "abcdefghijklmnop", [chr(0xAC00 + 7 * i) for i in range(400)]


def words_of(letters: str | list[str], stems: int, size: int, endings: int) -> list[str]:
    """Return stems of some letters, each with the same endings."""
    draws = random.Random(3)
    some = ["".join(draws.choices(letters, k=size)) for _ in range(stems)]
    return sorted({stem + "".join(draws.choices(letters, k=1 + i % 2)) for stem in some for i in range(endings)})


def longest_shared(words: list[str]) -> int:
    """Return the length before the first one, above 2, of which n-grams are found too rarely."""
    for length in range(3, LONGEST + 1):
        counts = Counter(part for word in words for part in parts_of(Subwords("fasttext", length, length), word))
        if counts.total() < SHARED_BY * len(counts) or not counts:
            return length - 1
    return LONGEST


@pytest.mark.parametrize(
    "words",
    [
        words_of(LATIN, 100, 5, 12),
        words_of(LATIN, 40, 5, 3),
        words_of(SYLLABLES, 100, 2, 12),
        ["a", "of"],
        ["abcdefgh" + ending for ending in LATIN],
    ],
)
def test_the_longest_parts_are_those_that_words_share(words: list[str]) -> None:
    assert choose_lengths(Words.of(words), "fasttext") == (1, longest_shared(words))
    assert choose_lengths(Words.of(words), "floret") == (2, longest_shared(words))


def test_syllables_make_shorter_parts_than_letters() -> None:
    latin, syllables = words_of(LATIN, 100, 5, 12), words_of(SYLLABLES, 100, 2, 12)
    assert choose_lengths(Words.of(latin), "fasttext")[1] > choose_lengths(Words.of(syllables), "fasttext")[1]


def test_rare_words_do_not_count() -> None:
    frequent = [f"{i:05d}" for i in range(FREQUENT_WORDS)]
    rare = words_of(SYLLABLES, 100, 9, 2)
    assert choose_lengths(Words.of([*frequent, *rare]), "fasttext") == choose_lengths(Words.of(frequent), "fasttext")
