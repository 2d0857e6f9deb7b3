"""Words as bytes and offsets give the same answers as a list and a dict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v_cli.storage import words as module
from w2v_cli.storage.words import Words

spellings = st.lists(st.text(alphabet="ab\x00é한\u00a0", max_size=12), max_size=20)


@given(spellings=spellings, others=spellings)
def test_words_are_read_and_found_as_in_a_list(spellings: list[str], others: list[str]) -> None:
    distinct = list(dict.fromkeys(spellings))
    words = Words.of(distinct)
    assert words == distinct and len(words) == len(distinct)
    assert [words[i] for i in range(-len(distinct), len(distinct))] == distinct + distinct
    assert words[1:7:2] == distinct[1:7:2]
    indices = {word: index for index, word in enumerate(distinct)}
    assert [words.find(word) for word in distinct + others] == [indices.get(word) for word in distinct + others]


@given(spellings=spellings, ids=st.lists(st.integers(0, 19)), part=st.integers(1, 5))
def test_words_are_taken_in_any_order(spellings: list[str], ids: list[int], part: int) -> None:
    chosen = [word_id for word_id in ids if word_id < len(spellings)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WORDS_COPIED", part)
        assert Words.of(spellings).take(np.array(chosen, np.int64)) == [spellings[i] for i in chosen]


@given(spellings=spellings)
def test_the_first_repeated_word_is_found(spellings: list[str]) -> None:
    expected = next(
        ((spellings.index(word), index) for index, word in enumerate(spellings) if word in spellings[:index]), None
    )
    assert Words.of(spellings).repeated() == expected


@given(spellings=spellings)
def test_equal_hashes_do_not_confuse_words(spellings: list[str]) -> None:
    distinct = list(dict.fromkeys(spellings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_hash", lambda word: 7)
        patch.setattr(module, "_hashes", lambda text, offsets: np.full(len(offsets) - 1, 7, np.uint64))
        words = Words.of(distinct)
        assert [words.find(word) for word in distinct] == list(range(len(distinct)))
        assert words.find("absent") is None and words.repeated() is None


def test_words_longer_and_shorter_than_a_run_hash_alike() -> None:
    long = "x" * 70_000
    words = Words.of(["a", long, "b" * 65_536, *map(str, range(30_000))])
    assert [words.find(word) for word in ("a", long, long + "x", "b" * 65_536, "29999")] == [0, 1, None, 2, 30_002]


def test_there_is_no_word_beyond_the_last() -> None:
    with pytest.raises(IndexError, match="no word 2 among 2"):
        Words.of(["a", "b"])[2]


@pytest.mark.parametrize(
    ("text", "offsets", "index"),
    [("aé".encode(), [0, 1, 3], None), (b"a\xffb", [0, 1, 2, 3], 1), ("aé".encode(), [0, 2, 3], 0)],
)
def test_the_first_word_that_is_not_utf8_is_found(text: bytes, offsets: list[int], index: int | None) -> None:
    assert Words(np.frombuffer(text, np.uint8), np.array(offsets)).undecodable() == index


@pytest.mark.parametrize("words", [[""], ["a", ""], ["", "한", ""]])
def test_empty_words_are_utf_8(words: list[str]) -> None:
    assert Words.of(words).undecodable() is None
