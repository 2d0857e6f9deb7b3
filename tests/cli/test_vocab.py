"""`w2v vocab`, and `w2v train --vocab` with what it prints."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import assert_a_closed_pipe_is_silent, load_vectors
from conftest import call as call_for_bytes

from w2v_cli.cli import console

TEXT = "b a c\na b \x1b a\n\na z\u2028z 한국\n" * 20


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(TEXT)


def call(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> tuple[int, str, str]:
    """Run a command line, and return its exit code, and what it wrote to stdout and stderr byte for byte, decoded."""
    code, out, err = call_for_bytes(capfdbinary, *arguments)
    return code, out.decode(), err.decode()


def test_words_are_printed_with_their_counts_byte_for_byte(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_ROWS", 2)
    code, out, _ = call(capfdbinary, "vocab", "corpus.txt")
    counted = Counter(word.decode() for word in TEXT.encode().split())
    expected = sorted(counted.items(), key=lambda item: (-item[1], item[0].encode()))
    assert code == 0
    assert [tuple(line.split("\t")) for line in out[:-1].split("\n")] == [(word, str(n)) for word, n in expected]
    assert call(capfdbinary, "vocab", "corpus.txt", "--threads", "3")[1] == out


def test_the_vocabulary_can_be_limited_and_printed_as_json(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = call(capfdbinary, "vocab", "--json", "--min-count", "21", "--max-vocab", "1", "corpus.txt")
    assert (code, json.loads(out)) == (0, {"word": "a", "count": 80})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"One, two one")))
    assert call(capfdbinary, "vocab", "-", "--lower", "--tokenize", "words")[1] == "one\t2\ntwo\t1\n"


def test_lines_are_joined_and_letters_composed_on_request(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "the foot-\nbridge and the cafe\u0301, the caf\u00e9\u00ad\nteria"
    for options, expected in (
        ((), {"foot", "bridge", "the", "and", "cafe\u0301", "caf\u00e9", "teria"}),
        (("--unwrap", "--normalize", "nfc"), {"footbridge", "the", "and", "caf\u00e9", "caf\u00e9teria"}),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        out = call(capfdbinary, "vocab", "-", "--tokenize", "words", *options)[1]
        assert {line.split("\t")[0] for line in out.splitlines()} == expected
    code, _, err = call(capfdbinary, "vocab", "corpus.txt", "--normalize", "nfd")
    assert code == 2 and "'nfd' is not one of 'none', 'nfc', 'nfkc'" in err


def test_empty_and_missing_texts_are_one_sentence(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Path("empty.txt").write_text(" \n")
    code, out, err = call(capfdbinary, "vocab", "empty.txt")
    assert (code, out) == (3, "") and err.startswith("Error: there are no words in empty.txt")
    assert call(capfdbinary, "vocab", "none.txt")[0] == 3
    assert call(capfdbinary, "vocab")[0] == 2


def test_a_closed_pipe_is_silent() -> None:
    Path("corpus.txt").write_text(" ".join(f"word{i}" for i in range(60_000)))
    assert_a_closed_pipe_is_silent("vocab", "-q", "corpus.txt")


def train(capfdbinary: pytest.CaptureFixture[bytes], *options: str) -> tuple[int, str, str]:
    return call(capfdbinary, "train", "corpus.txt", "-q", "--threads", "1", "--dim", "4", "--subsample", "0", *options)


def test_a_run_with_the_texts_own_vocabulary_is_the_run_without_it(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Path("words.tsv").write_text(call(capfdbinary, "vocab", "corpus.txt")[1])
    assert train(capfdbinary, "-o", "own.safetensors", "--min-count", "20")[0] == 0
    assert train(capfdbinary, "-o", "given.safetensors", "--min-count", "20", "--vocab", "words.tsv")[0] == 0
    own, given = load_vectors("own.safetensors"), load_vectors("given.safetensors")
    assert list(own.words) == list(given.words)
    assert own.counts is not None and given.counts is not None
    assert np.array_equal(own.counts, given.counts) and np.array_equal(own.matrix, given.matrix)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_words_their_order_and_counts_are_taken_from_the_file(
    capfdbinary: pytest.CaptureFixture[bytes], loss: str
) -> None:
    Path("words.txt").write_text("</s> 0\nb 7\nunheard 50\na 9\nrare 4\n")  # as word2vec.c saves them
    assert train(capfdbinary, "--vocab", "words.txt", "--loss", loss)[0] == 0
    vectors = load_vectors("model.safetensors")
    assert list(vectors.words) == ["b", "unheard", "a"]
    assert vectors.counts is not None and vectors.counts.tolist() == [7, 50, 9]
    assert np.isfinite(vectors.matrix).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\t9\nb\n", "words.tsv, line 2: expected a word and its count"),
        ("a\t-9\n", "line 1: expected a word"),
        ("a b\t9\n", "line 1: expected a word"),
        (f"a\t{10**13}\n", "line 1: expected a word"),
        ("a\t9\nb\t8\na\t7\n", "has the word a twice"),
        ("a\t4\n", "no word with a count of 5 or more"),
        ("unheard\t9\n", "no word of words.tsv is in corpus.txt"),
    ],
)
def test_bad_vocabularies_are_refused(capfdbinary: pytest.CaptureFixture[bytes], content: str, message: str) -> None:
    Path("words.tsv").write_text(content)
    code, _, err = train(capfdbinary, "--vocab", "words.tsv")
    assert code == 3 and message in err
    assert not Path("model.safetensors").exists()
