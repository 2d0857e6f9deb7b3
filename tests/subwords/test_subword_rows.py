"""Words as lists of rows: against plain Python, against fastText and floret, and by hand."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_cli.errors import ConfigError
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import WordRows, parts_of, unseen_rows, vocabulary_rows

# How many words are compared with those of other programs.
MANY = int(os.environ.get("W2V_MANY_WORDS", "4000"))
# Letters of eight languages, with one to four bytes of UTF-8 each.
ALPHABETS = {
    "English": "abcdefghijklmnopqrstuvwxyz'-",
    "German": "abcdefghijklmnopqrstuvwxyzäöüß",
    "Russian": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψωάέή",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Hindi": "अआइईउऊएकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुूे्",
    "Korean": "가나다라마바사아자차카타파하각난닫랄맘법삿앙잦찾캌탙팦핳",
    "Japanese": "日本語文字学校大小中国人名前時間山川田花𠮷野屋あいうえおかきくけこ",
}


def made_words(count: int) -> list[str]:
    """Return that many different words of all alphabets, of 1 to 14 letters."""
    chance, words = random.Random(5), dict[str, None]()
    letters = list(ALPHABETS.values())
    while len(words) < count:
        words["".join(chance.choices(letters[len(words) % len(letters)], k=chance.randint(1, 14)))] = None
    return list(words)


def lists(word_rows: WordRows) -> Iterator[list[int]]:
    return (word_rows.rows[start:stop].tolist() for start, stop in pairwise(word_rows.offsets.tolist()))


def fnv(text: str) -> int:
    """fastText's hash: bytes of 128 and more are negative, and fill the high bits."""
    h = 2166136261
    for byte in text.encode():
        h = ((h ^ (byte if byte < 128 else byte + 0xFFFFFF00)) * 16777619) % 2**32
    return h


def ngrams(word: str, shortest: int, longest: int) -> list[str]:
    """The n-grams of fastText, straight from its definition."""
    marked = f"<{word}>"
    found = [marked[i:j] for i in range(len(marked)) for j in range(i + 1, len(marked) + 1)]
    return [part for part in found if shortest <= len(part) <= longest and part not in "<>"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<th", 1619151151), ("<the>", 4243648960), ("größe", 576799898), ("日本", 4164387409), ("<жи", 3203806165)],
)
def test_the_hash_of_these_tests_is_fasttexts(text: str, expected: int) -> None:
    # The numbers were computed by fastText's own code.
    assert fnv(text) == expected


@pytest.mark.parametrize("lengths", [(1, 1), (1, 2), (1, 6), (2, 3), (3, 6), (5, 5), (9, 12)])
def test_the_rows_of_fasttext_are_those_of_the_definition(lengths: tuple[int, int]) -> None:
    words = [*made_words(400), "</s>", "a", "𠮷"]
    subwords = Subwords("fasttext", *lengths, buckets=2_000_003)
    expected = [[] if w == "</s>" else [7 + fnv(part) % 2_000_003 for part in ngrams(w, *lengths)] for w in words]
    assert list(lists(unseen_rows(subwords, Words.of(words), 7))) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=20), st.integers(1, 8), st.integers(0, 8))
def test_any_word_has_the_rows_of_its_parts(word: str, shortest: int, more: int) -> None:
    subwords = Subwords("fasttext", shortest, shortest + more, buckets=1000)
    encoded = Words.of([word])
    assert list(lists(unseen_rows(subwords, encoded, 0))) == [[fnv(p) % 1000 for p in parts_of(subwords, word)]]


def test_a_word_of_the_vocabulary_has_its_own_row_first() -> None:
    words, subwords = Words.of(["cat", "</s>", "größe"]), Subwords("fasttext", 3, 3, buckets=10)
    own, alone = list(lists(vocabulary_rows(subwords, words))), list(lists(unseen_rows(subwords, words, 3)))
    assert own == [[0, *alone[0]], [1], [2, *alone[2]]]


def test_floret_hashes_the_whole_word_and_then_its_parts() -> None:
    # MurmurHash3_x64_128 of "<apple>", computed by floret's own code.
    numbers = [2944390534, 3823770033, 2625612939, 4129847746]
    subwords = Subwords("floret", 9, 9, buckets=1_000_003, hashes=4)
    assert list(lists(unseen_rows(subwords, Words.of(["apple"]), 50))) == [[n % 1_000_003 for n in numbers]]
    assert subwords.table_rows(50) == 1_000_003


def test_floret_has_no_rows_of_the_words_themselves() -> None:
    words, subwords = Words.of(made_words(100)), Subwords("floret", 2, 4, buckets=64)
    known, unseen = vocabulary_rows(subwords, words), unseen_rows(subwords, words, 5)
    assert list(lists(known)) == list(lists(unseen))
    assert known.rows.max() < 64
    for word, rows in zip(words, lists(known), strict=True):
        assert len(rows) == 2 * len(list(parts_of(subwords, word)))


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_lists_without_words_are_empty(kind: str) -> None:
    offsets, rows = vocabulary_rows(Subwords(kind), Words.of([]))
    assert (offsets.tolist(), rows.tolist(), offsets.dtype, rows.dtype) == ([0], [], np.int64, np.int32)


def corpus_of(words: list[str], folder: Path) -> str:
    path = folder / "corpus.txt"
    path.write_text("\n".join(words) + "\n")
    return str(path)


def require_rows(tool: Any, words: list[str], expected: Iterator[list[int]], first: int) -> None:
    for word, rows in zip(words, expected, strict=True):
        assert (np.asarray(tool.get_subwords(word)[1], np.int64) - first).tolist() == rows, word


def test_the_rows_are_those_of_fasttext(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext", reason="compares with fastText: pip install fasttext-modern")
    words = made_words(MANY)
    tool = fasttext.train_unsupervised(
        corpus_of(words[::2], tmp_path), dim=1, minn=2, maxn=5, bucket=100_003, minCount=1, epoch=0, thread=1, verbose=0
    )
    known = list(tool.get_words())
    subwords = Subwords("fasttext", 2, 5, 100_003)
    require_rows(tool, known, lists(vocabulary_rows(subwords, Words.of(known))), 0)
    require_rows(tool, words[1::2], lists(unseen_rows(subwords, Words.of(words[1::2]), len(known))), 0)


def test_the_rows_are_those_of_floret(tmp_path: Path) -> None:
    floret = pytest.importorskip("floret", reason="compares with floret: pip install floret")
    words = made_words(MANY)
    options = {"mode": "floret", "hashCount": 3, "minn": 2, "maxn": 5, "bucket": 10_007}
    tool = floret.train_unsupervised(
        corpus_of(words[::2], tmp_path), dim=1, **options, minCount=1, epoch=0, thread=1, verbose=0
    )
    rows = lists(unseen_rows(Subwords("floret", 2, 5, 10_007, hashes=3), Words.of(words), 0))
    require_rows(tool, words, rows, len(tool.get_words()))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"kind": "fastText"}, "subwords fastText is not one of fasttext, floret"),
        ({"min_ngram": 0}, "min-ngram 0 is not a whole number of 1 or more"),
        ({"min_ngram": 7}, "min-ngram 7 is above max-ngram 6"),
        ({"buckets": 0}, "buckets 0 is not a whole number from 1"),
        ({"hashes": 2}, "hashes 2 has no meaning with fasttext"),
        ({"kind": "floret", "hashes": 5}, "hashes 5 is not a whole number from 1 to 4"),
        ({"kind": "floret", "min_ngram": 1}, "min-ngram 1 has two meanings with floret"),
    ],
)
def test_impossible_choices_are_refused(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Subwords(**choices)


def test_more_rows_than_int32_can_number_are_refused() -> None:
    with pytest.raises(ConfigError, match="too many for int32"):
        vocabulary_rows(Subwords("fasttext", buckets=2**31 - 1), Words.of(["a"]))


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_the_choices_survive_in_metadata(kind: str) -> None:
    subwords = Subwords(kind, np.int64(2), np.int32(4), 77)
    assert Subwords.from_json(subwords.as_json()) == subwords
    for text in ("", "[]", '{"kind": 3}', '{"sort": 1}', '"fasttext"', "[" * 100_000):
        with pytest.raises(ConfigError):
            Subwords.from_json(text)
