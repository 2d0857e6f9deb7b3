"""The lengths that `--ngrams auto` chooses: against counts in plain Python, and for short and long words."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from w2v_cli.storage.words import Words
from w2v_cli.subwords.lengths import FREQUENT_WORDS, LARGEST_SHARE, LEAST_TIMES, choose_lengths
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import parts_of

LATIN, SYLLABLES = "abcdefghijklmnop", [chr(0xAC00 + 7 * i) for i in range(400)]


def words_of(letters: str | list[str], stems: int, size: int, endings: int) -> list[str]:
    """Return stems of some letters, each with the same endings."""
    draws = random.Random(3)
    some = ["".join(draws.choices(letters, k=size)) for _ in range(stems)]
    return sorted({stem + "".join(draws.choices(letters, k=1 + i % 2)) for stem in some for i in range(endings)})


def chosen(words: list[str], kind: str) -> tuple[int, int]:
    """Return the lengths that the rule gives for some words, by counting their n-grams in plain Python."""
    times = [0.0]
    for length in range(1, 7):
        counts = Counter(part for word in words for part in parts_of(Subwords("fasttext", length, length), word))
        times.append(counts.total() / len(counts) if counts else 0.0)
    first = 1 if kind == "fasttext" else 2
    shortest = next((n for n in range(first, 3) if times[n] <= LARGEST_SHARE * len(words)), 3)
    rare = (n for n in range(shortest + 1, 7) if times[n] < LEAST_TIMES)
    return shortest, next(rare, 7) - 1


CASES = {
    "letters": words_of(LATIN, 100, 5, 12),
    "few letters": words_of(LATIN, 40, 5, 3),
    "syllables": words_of(SYLLABLES, 200, 2, 6),
    "short": ["a", "of"],
    "long": ["abcdefgh" + ending for ending in SYLLABLES],
}


@pytest.mark.parametrize("words", CASES.values(), ids=CASES)
@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_the_lengths_are_those_that_words_share(words: list[str], kind: str) -> None:
    assert choose_lengths(Words.of(words), kind) == chosen(words, kind)


@pytest.mark.parametrize(("name", "lengths"), [("syllables", (1, 2)), ("letters", (3, 4)), ("long", (3, 6))])
def test_the_lengths_suit_the_writing(name: str, lengths: tuple[int, int]) -> None:
    assert choose_lengths(Words.of(CASES[name]), "fasttext") == lengths


def test_rare_words_do_not_count() -> None:
    frequent = [f"{i:05d}" for i in range(FREQUENT_WORDS)]
    rare = words_of(SYLLABLES, 100, 9, 2)
    assert choose_lengths(Words.of([*frequent, *rare]), "fasttext") == choose_lengths(Words.of(frequent), "fasttext")
