"""Vectors of lines: a row for each line, whatever the pieces are in which the text is read."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.embeddings import sentences
from w2v_cli.embeddings.sentences import LineEmbedder, LineVectors
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, CorpusError, ModelFileError

WORDS = ["the", "king", "한국", "queen", "New York"]
MATRIX = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
COUNTS = np.array([900, 60, 30, 10, 0])


def vectors() -> WordVectors:
    return WordVectors(WORDS, MATRIX, COUNTS)


def expected(lines: Sequence[str], weights: Sequence[float] = (1, 1, 1, 1, 1)) -> np.ndarray:
    """Return the weighted means, computed word by word."""
    rows = np.zeros((len(lines), 3))
    for row, line in enumerate(lines):
        ids = [WORDS.index(word) for word in line.split() if word in WORDS]
        for word_id in ids:
            rows[row] += weights[word_id] * MATRIX[word_id].astype(float) / len(ids)
    return rows


def embedded(path: Path, text: bytes, weights: str = "mean") -> LineVectors:
    path.write_bytes(text)
    found = list(LineEmbedder(vectors(), weights).of_texts(Texts([str(path)])))
    matrix, known, composed, words = (np.concatenate([some[part] for some in found]) for part in range(4))
    return LineVectors(matrix, known, composed, words)


@pytest.mark.parametrize("run_lines", [1, 2, 3, 1024])
@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 16])
def test_rows_are_those_of_the_lines_wherever_the_text_is_cut(
    run_lines: int, piece_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentences, "_RUN_LINES", run_lines)
    monkeypatch.setattr(sentences, "_PIECE_BYTES", piece_bytes)
    lines = ["", "the king", "", "", "unknown", "the 한국 the unknown queen", " ", "king"]
    found = embedded(tmp_path / "text.txt", "\n".join(lines).encode())
    assert found.matrix == pytest.approx(expected(lines), abs=1e-6)  # the rounding of float32
    assert found.known.tolist() == [0, 2, 0, 0, 0, 4, 0, 1]
    assert found.words.tolist() == [0, 2, 0, 0, 1, 5, 0, 1]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (b"king\n", [1]),
        (b"king", [1]),
        (b"king\n\n", [1, 0]),
        (b"\n", [0]),
        (b"\nking", [0, 1]),
        (b"king\r\n\r\nqueen\r\n", [1, 0, 1]),
        (b"king\n ", [1, 0]),
        (b"\xef\xbb\xbfking\nqueen", [1, 1]),
    ],
)
def test_a_text_has_as_many_rows_as_lines(text: bytes, known: list[int], tmp_path: Path) -> None:
    assert embedded(tmp_path / "text.txt", text).known.tolist() == known


def test_an_empty_text_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "text.txt").touch()
    assert list(LineEmbedder(vectors()).of_texts(Texts([str(tmp_path / "text.txt")]))) == []


def test_frequent_words_count_less_with_sif(tmp_path: Path) -> None:
    lines = ["the king", "the the queen unknown", ""]
    weights = [0.001 / (0.001 + count / 1000) for count in COUNTS.tolist()]
    found = embedded(tmp_path / "text.txt", "\n".join(lines).encode() + b"\n", "sif")
    assert found.matrix == pytest.approx(expected(lines, weights), abs=1e-6)


def test_sif_needs_counts_and_weights_must_exist() -> None:
    with pytest.raises(ModelFileError, match="how often its words occur"):
        LineEmbedder(WordVectors(WORDS, MATRIX), "sif")
    with pytest.raises(ConfigError, match="weights idf is not one of mean, sif"):
        LineEmbedder(vectors(), "idf")


def test_unknown_words_may_be_composed() -> None:
    asked: list[list[str]] = []

    def compose(words: Sequence[str]) -> np.ndarray:
        asked.append(list(words))
        return np.array([[len(word), 0, 0] if word != "?" else [0, 0, 0] for word in words], np.float32)

    lines = [[b"queens", b"?", b"queens"], [b"king", "größe".encode()], [b"?"]]
    (found,) = LineEmbedder(vectors(), "sif", compose).of_lines(lines)
    assert asked == [["queens", "?", "größe"]]
    both = (MATRIX[1] * 0.001 / (0.001 + 0.06) + np.array([5, 0, 0])) / 2
    assert found.matrix == pytest.approx(np.array([[6, 0, 0], both, [0, 0, 0]]), abs=1e-6)
    assert (found.known.tolist(), found.composed.tolist()) == ([0, 1, 0], [2, 1, 0])
    assert found.words.tolist() == [3, 2, 1]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_word_is_known_in_either_normal_form(form: Literal["NFC", "NFD"], tmp_path: Path) -> None:
    words = [unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "한국")]
    rows = np.array([[0, 2], [4, 0]], np.float32)
    path = tmp_path / "text.txt"
    path.write_text(unicodedata.normalize(form, "café 한국 né"), encoding="utf-8")
    (found,) = LineEmbedder(WordVectors(words, rows)).of_texts(Texts([str(path)]))
    assert found.matrix.tolist() == [[2, 1]] and found.known.tolist() == [2] and found.words.tolist() == [3]


def test_a_diverged_model_is_not_written_as_numbers() -> None:
    broken = WordVectors(["a"], np.array([[np.nan, 1]], np.float32))
    with pytest.raises(ModelFileError, match="NaN or infinity"):
        list(LineEmbedder(broken).of_lines([[b"a"]]))


def model(**text: object) -> w2v.Model:
    made = w2v.Model.of(WORDS, MATRIX, COUNTS)
    if text:
        made.metadata["text"] = json.dumps({**TextOptions().as_dict(), **text})
    return made


def test_python_takes_texts_and_lists_of_words() -> None:
    lines = ["the king\n", "", "unknown", "queen\tking"]
    assert model().embed(lines) == pytest.approx(expected(lines), abs=1e-6)
    assert np.array_equal(model().embed(line.split() for line in lines), model().embed(lines))
    # A word with a blank is in no text, but in a list of words it is itself.
    assert model().embed([["New York"]])[0] == pytest.approx(MATRIX[4], abs=1e-6)
    assert model().embed([]).shape == (0, 3) and model().embed([]).dtype == np.float32


def test_lines_become_words_as_the_models_text_did() -> None:
    known = expected(["the king"])
    assert not model().embed(["The “King”!"]).any()
    assert model(tokenize="words", lower=True).embed(["The “King”!"]) == pytest.approx(known, abs=1e-6)
    assert not model(tokenize="words", lower=True).embed(["“King”!"], tokenize="whitespace").any()
    assert model().embed(["The King"], lower=True) == pytest.approx(known, abs=1e-6)
    # How the files of the text were read says nothing about the lines.
    assert model(encoding="cp1252", unwrap=True, field="text").embed(["the", "king"]).any(axis=1).all()
    broken = model()
    broken.metadata["text"] = '{"tokenize": "letters"}'
    assert broken.embed(["the king"]) == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize("lines", ["the king", b"the king", {"the": 1}, 5, [b"the"], [5], [["the", 5]], [{"the": 1}]])
def test_what_is_no_list_of_lines_is_refused(lines: object) -> None:
    with pytest.raises(CorpusError):
        model().embed(lines)  # type: ignore[arg-type]
