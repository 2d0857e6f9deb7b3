"""Words, rows and norms; near spellings agree with a plain edit distance."""

from __future__ import annotations

from typing import Literal
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v_cli.embeddings import matrix as module
from w2v_cli.embeddings import spelling
from w2v_cli.embeddings.spelling import Spellings
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError, UnknownWordError
from w2v_cli.storage.words import Words


def some_vectors(words: list[str]) -> WordVectors:
    return WordVectors(words, np.arange(2 * len(words), dtype=np.float32).reshape(-1, 2))


def test_a_word_is_looked_up_by_its_exact_spelling() -> None:
    vectors = some_vectors(["the", "The", "\u00a0"])
    assert vectors.id_of("The") == 1
    assert vectors.id_of("THE") is None
    assert "\u00a0" in vectors and " " not in vectors
    assert vectors["The"].tolist() == [2, 3]
    assert len(vectors) == 3 and vectors.dim == 2


@pytest.mark.parametrize(("stored", "asked"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_word_is_found_in_the_other_normal_form(stored: Literal["NFC", "NFD"], asked: Literal["NFC", "NFD"]) -> None:
    vectors = some_vectors([normalize(stored, word) for word in ("jalapeño", "señor", "각하")])
    words = [normalize(asked, word) for word in ("각하", "jalapeño")]
    assert vectors.ids_of(words).tolist() == vectors.known_ids(words) == [2, 0]
    assert words[1] in vectors and vectors[words[1]].tolist() == [0, 1]
    with pytest.raises(UnknownWordError, match="pina"):
        vectors.ids_of([normalize(asked, "pinã"), "pina"])


def test_a_word_that_is_known_as_it_is_typed_is_taken_so() -> None:
    vectors = some_vectors([normalize("NFC", "è"), normalize("NFD", "è")])
    assert [vectors.id_of(normalize(form, "è")) for form in ("NFC", "NFD")] == [0, 1]
    assert "\udc80" not in vectors and 7 not in vectors


def test_words_and_rows_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="do not name the rows"):
        WordVectors(["one"], np.zeros((2, 3), dtype=np.float32))


def test_unit_rows_have_length_one_and_zero_rows_stay_zero() -> None:
    vectors = WordVectors(["a", "b"], np.array([[3, 4], [0, 0]], dtype=np.float32))
    assert vectors.unit_rows == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))
    assert vectors.unit_rows.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_a_row_without_a_finite_length_is_named(bad: float) -> None:
    vectors = WordVectors(["good", "bad"], np.array([[1, 2], [bad, 0]], dtype=np.float32))
    with pytest.raises(ModelFileError, match="the vector of bad has no finite length"):
        _ = vectors.norms


def test_cosines_and_norms_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    matrix, directions = rng.standard_normal((50, 7), np.float32), rng.standard_normal((3, 7), np.float32)
    words = [f"w{i}" for i in range(50)]
    lengths = np.linalg.norm(matrix, axis=1)
    for block_bytes in (1, 28, 100, 1 << 24):
        monkeypatch.setattr(module, "_CHUNK_BYTES", block_bytes)
        vectors = WordVectors(words, matrix)
        for first in (20, 10, 50):
            expected = directions @ matrix[:first].T / lengths[:first]
            assert vectors.cosines(directions, first) == pytest.approx(expected, abs=1e-5)
        assert vectors.norms == pytest.approx(lengths)


def test_all_unknown_words_are_named_at_once_with_near_spellings() -> None:
    vectors = some_vectors(["king", "queen", "ring"])
    with pytest.raises(UnknownWordError) as caught:
        vectors.ids_of(["kign", "king", "QUEEN", "zzzzzz", "kign"])
    assert caught.value.message == "not in the vocabulary: kign, QUEEN, zzzzzz"
    assert caught.value.hint == "near spellings: kign → king, ring; QUEEN → queen"


def test_variants_of_case_come_first_then_the_nearest_then_the_most_frequent() -> None:
    vectors = some_vectors(["pars", "parks", "paris", "part", "PARIS", "london"])
    assert vectors.suggestions("Paris") == ["paris", "PARIS", "pars", "parks", "part"]
    assert vectors.suggestions("Paris", most=1) == ["paris"]


def test_short_words_may_differ_by_one_edit_only() -> None:
    assert some_vectors(["cat", "cow", "dog"]).suggestions("cog") == ["cow", "dog"]


@pytest.mark.parametrize("word", ["", "x" * 5000, "\udcff"])
def test_nothing_is_near_to_nonsense(word: str) -> None:
    assert some_vectors(["king", "queen"]).suggestions(word) == []


def plain_distance(a: str, b: str) -> int:
    """Compute the optimal string alignment distance as in the textbook."""
    table = [[i + j if 0 in (i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 2] == b[j - 1] and a[i - 1] == b[j - 2]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


# ß and İ fold into two letters each, and the Kelvin sign folds into an ASCII k.
spellings = st.text(alphabet="abÉé한ßİ\u212ak", max_size=6)


@given(word=spellings, others=st.lists(spellings, max_size=9), words_at_once=st.sampled_from([1, 4, 100]))
def test_suggestions_are_the_nearest_by_the_distance_of_the_textbook(
    word: str, others: list[str], words_at_once: int
) -> None:
    target = word.casefold()
    distances = [plain_distance(target, other.casefold()) for other in others]
    order = sorted(range(len(others)), key=distances.__getitem__)
    near = [i for i in order if distances[i] <= (1 if len(target) < 4 else 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spelling, "_WORDS_AT_ONCE", words_at_once)
        assert Spellings(Words.of(others)).near(word, 5) == near[:5]


def test_words_are_folded_once_and_not_as_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = some_vectors(["king", "queen", "ring"])
    monkeypatch.setattr(Words, "__iter__", lambda _: pytest.fail("every word became a string"))
    assert vectors.suggestions("kign") == ["king", "ring"]
    monkeypatch.setattr(spelling, "_folded", lambda *_: pytest.fail("folded again"))
    assert vectors.suggestions("Quen") == ["queen"]
