"""gensim's readers of files, and its functions about text."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path

import pytest

from w2v_cli.gensim import utils
from w2v_cli.gensim.sentences import BrownCorpus, LineSentence, PathLineSentences, Text8Corpus

LINES = "one two three\n\nfour\u00a0five six\nlast"
WORDS = [["one", "two", "three"], ["four", "five", "six"], ["last"]]


def test_lines_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LINES)
    (tmp_path / "b.txt.bz2").write_bytes(bz2.compress(LINES.encode()))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(LINES.encode()))
    for name in ("a.txt", "b.txt.bz2", "c.txt.gz"):
        sentences = LineSentence(tmp_path / name)
        assert list(sentences) == list(sentences) == WORDS
    for file in (io.BytesIO(LINES.encode()), io.StringIO(LINES)):
        sentences = LineSentence(file)
        assert list(sentences) == list(sentences) == WORDS
    assert list(LineSentence(tmp_path / "a.txt", max_sentence_length=2, limit=3)) == [
        ["one", "two"], ["three"], ["four", "five"], ["six"],
    ]  # fmt: skip
    (tmp_path / "folder").mkdir()
    assert list(PathLineSentences(tmp_path, limit=1)) == WORDS[:1] * 3
    assert list(PathLineSentences(str(tmp_path / "a.txt"))) == WORDS
    with pytest.raises(ValueError, match="neither"):
        PathLineSentences(tmp_path / "none")


def test_text8_is_cut_into_pieces(tmp_path: Path) -> None:
    words = [f"w{number}" for number in range(400_000)]
    (tmp_path / "text8").write_text(" " + " ".join(words))
    pieces = list(Text8Corpus(tmp_path / "text8", max_sentence_length=1000))
    assert {len(piece) for piece in pieces} == {1000} and [word for piece in pieces for word in piece] == words


def test_brown_keeps_words_with_their_tags(tmp_path: Path) -> None:
    (tmp_path / "ca01").write_text("The/at jury/nn-hl said/vbd ,/, a/b/c\n./.\n")
    assert list(BrownCorpus(tmp_path)) == [["the/at", "jury/nn", "said/vb"]]


def test_text_becomes_words(tmp_path: Path) -> None:
    assert utils.simple_preprocess("Café 2go: A_b über_x _no ümläut!") == ["café", "go", "a_b", "über_x", "ümläut"]
    assert utils.simple_preprocess(b"Caf\xc3\xa9", deacc=True) == ["cafe"]
    assert list(utils.tokenize("One 1 Two")) == ["One", "Two"]
    utils.save_as_line_sentence(WORDS, tmp_path / "out.txt")
    assert list(LineSentence(tmp_path / "out.txt")) == WORDS
    assert list(utils.RepeatCorpus([1, 2, 3], 5)) == [1, 2, 3, 1, 2]


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_sentences_are_written_as_the_name_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"c.txt{suffix}"
    utils.save_as_line_sentence(iter(WORDS), path)
    unpacked = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}.get(suffix, bytes)
    assert unpacked(path.read_bytes()).decode() == "".join(" ".join(words) + "\n" for words in WORDS)
    assert list(LineSentence(path)) == WORDS
