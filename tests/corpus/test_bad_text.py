"""What a text may contain and what becomes of it, case by case as `w2v help corpus` says."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import ZSTANDARD
from hypothesis import example, given
from hypothesis import strategies as st

from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.corpus import chunks as module
from w2v_cli.corpus.encode import encode
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.corpus.tokens import NEWLINE_ID, PADDING, CompiledTokens, PlainTokens
from w2v_cli.corpus.vocabulary import first_ids
from w2v_cli.errors import CorpusError, VocabularyError, W2VError
from w2v_cli.training.run import train_model

GZ = gzip.compress(b"the cat sat on the mat\n" * 30, mtime=0)


def words(tmp_path: Path, text: bytes, name: str = "corpus.txt", **options: Any) -> dict[str, int]:
    """Return the words of a text with their counts."""
    (tmp_path / name).write_bytes(text)
    texts = Texts([str(tmp_path / name)], TextOptions(**options))
    with encode(texts, 1, None, 1, tmp_path) as corpus:
        return dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"one", {"one": 1}),
        (b"\xef\xbb\xbfone two\n", {"one": 1, "two": 1}),
        (b"one\r\ntwo\r\n", {"one": 1, "two": 1}),
        (b"a\0b a\0b", {"a\0b": 2}),
        ("a\u00a0b c\u3000d e\u0085f g\u2028h".encode(), {"a\u00a0b": 1, "c\u3000d": 1, "e\u0085f": 1, "g\u2028h": 1}),
        (b"a\tb\x0bc\x0cd  e", dict.fromkeys("abcde", 1)),
        # str.split takes these for white space. bytes.split does not, and nor do we.
        (b"a\x1cb c\x1fd", {"a\x1cb": 1, "c\x1fd": 1}),
    ],
)
def test_what_separates_words(tmp_path: Path, text: bytes, expected: dict[str, int]) -> None:
    assert words(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("t.txt", b"", "there are no words in", None),
        ("t.txt", b"\n\n \n", "there are no words in", None),
        ("t.txt", b"\xef\xbb\xbf", "there are no words in", None),
        ("t.txt", b"ab \xed\xa0\x80", "is not UTF-8 at byte 3", "--errors replace"),
        ("t.txt", b"ab \xc0\xaf", "is not UTF-8 at byte 3", "--errors replace"),
        ("t.txt", b"ab \xf4\x90\x80\x80", "is not UTF-8 at byte 3", "--errors replace"),
        ("t.txt", "word".encode("utf-16"), "is not UTF-8 at byte 0", "UTF-16"),
        ("t.txt", GZ, "is compressed with gzip, not plain text", "ends in .gz"),
        ("t.gz", b"plain text", "cannot be read", "a name without .gz"),
        ("t.gz", GZ[:-9], "cannot be read", "complete"),
        ("t.gz", GZ + b"garbage", "cannot be read", "complete"),
        ("t.gz", GZ[:-8] + b"\0\0\0\0" + GZ[-4:], "cannot be read", "complete"),
        ("t.gz", GZ[:12] + b"\xff" * 8 + GZ[20:], "cannot be", "complete"),
        ("t.bz2", b"plain text", "cannot be read", "complete"),
        ("t.xz", b"plain text", "cannot be read", "complete"),
        ("t.zst", b"plain text", "cannot be decompressed", "complete"),
    ],
)
def test_what_is_not_text_is_reported_in_a_sentence(
    tmp_path: Path, name: str, text: bytes, message: str, hint: str | None
) -> None:
    if name.endswith(".zst"):
        pytest.importorskip(ZSTANDARD)
    with pytest.raises((CorpusError, VocabularyError), match=message) as caught:
        words(tmp_path, text, name)
    assert name in caught.value.message
    assert hint is None or hint in str(caught.value.hint)
    assert os.listdir(tmp_path) == [name]


def test_zeros_after_a_gzip_file_and_many_members_are_text(tmp_path: Path) -> None:
    assert words(tmp_path, GZ + bytes(512), "a.gz")["the"] == 60
    assert words(tmp_path, GZ * 3, "b.gz")["the"] == 180


def test_bytes_that_are_not_utf8_can_be_replaced_or_left_out(tmp_path: Path) -> None:
    assert words(tmp_path, b"a\xffb", errors="replace") == {"a\ufffdb": 1}
    assert words(tmp_path, b"a\xffb", errors="ignore") == {"ab": 1}


@pytest.mark.parametrize("text", [b"word", b"one\nword\na\nline\n", b"x" * 100_000])
def test_nothing_to_predict_is_reported_in_a_sentence(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "t.txt").write_bytes(text)
    with pytest.raises(W2VError, match="nothing to predict"):
        train_model([str(tmp_path / "t.txt")], TrainConfig(min_count=1, dim=2, epochs=1, threads=1))


def test_a_token_without_an_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_TOKEN_BYTES", 1000)
    (tmp_path / "letters").write_bytes(b"ok " + b"x" * 100_000)
    pieces = Texts([str(tmp_path / "letters")]).pieces(100)
    assert next(pieces).data == b"ok "
    with pytest.raises(CorpusError, match="has a word of more than"):
        next(pieces)


def test_a_line_may_be_longer_than_any_piece(tmp_path: Path) -> None:
    (tmp_path / "line").write_bytes(b"ab " * 10_000)
    with encode(Texts([str(tmp_path / "line")]), 1, None, 2, tmp_path, piece_bytes=100) as corpus:
        ids, boundaries = corpus.read(0, corpus.token_count)
    assert len(ids) == 10_000 and len(boundaries) == 0


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"some words\n" * 100)
    pieces = Texts([str(path)]).pieces(100)
    next(pieces)
    with path.open("ab") as file:
        file.write(b"more words\n")
    with pytest.raises(CorpusError, match=r"log\.txt has changed while it was read"):
        list(pieces)


def test_a_file_that_is_deleted_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"some words\n" * 100)
    pieces = Texts([str(path)]).pieces(100)
    first = next(pieces)
    path.unlink()
    assert b"".join([first.data, *(piece.data for piece in pieces)]).count(b"words") == 100


def test_a_fifo_is_a_text_like_any_other(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"a b a b\n" * 50))
    writer.start()
    run = train_model([str(tmp_path / "pipe")], TrainConfig(dim=2, epochs=1, threads=1, subsample=0.0))
    writer.join()
    assert run.token_count == 200


AWKWARD = st.lists(
    st.sampled_from([b"a", b"bb", b" ", b"\n", b"\r", b"\t", b"\0", b"\x1c", b"\xc2\xa0", b"\xff", b"x" * 40])
)


@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
@given(AWKWARD.map(b"".join))
@example(b"\xc2\x85\xe3\x80\x80")
def test_both_tokenizers_and_the_reader_of_known_words_agree(text: bytes) -> None:
    lines = []
    for table in (CompiledTokens(), PlainTokens()):
        ids = table.add(text + PADDING)
        lines.append([None if i == NEWLINE_ID else table.words.bytes_of(i) for i in ids.tolist()])
    assert lines[0] == lines[1]
    assert [word for word in lines[0] if word is not None] == text.split()


def test_known_words_are_found_where_no_ascii_space_separates(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a\u3000b a b\u00a0\n")
    ids, _ = first_ids(Texts([str(tmp_path / "t")]), {"a\u3000b": 0, "a": 1, "b": 2, "b\u00a0": 3}, 9)
    assert ids.tolist() == [0, 1, 3]


def test_zero_means_zero_or_is_refused() -> None:
    config = TrainConfig(min_alpha=0.0, subsample=0.0, noise_exponent=0.0, seed=0)
    assert (config.alpha_min, config.subsample, config.noise_exponent, config.seed) == (0.0, 0.0, 0.0, 0)
    for option in ("alpha", "epochs", "dim", "window", "threads", "min_count", "negatives", "max_vocab"):
        zero: dict[str, Any] = {option: 0}
        with pytest.raises(W2VError, match="is too small"):
            TrainConfig(**zero)


def test_little_that_unpacks_to_much_is_unpacked_bit_by_bit(tmp_path: Path) -> None:
    path = tmp_path / "corpus.zst"
    path.write_bytes(pytest.importorskip(ZSTANDARD).compress(b"ab " * (1 << 26)))
    assert path.stat().st_size < 1 << 17
    lengths = [len(piece.data) for piece in Texts([str(path)]).pieces()]
    assert sum(lengths) == 3 * (1 << 26) + 1
    # 4,096 compressed bytes in the middle stand for up to this much. Unpacked at once, a piece would be the whole text.
    assert max(lengths) < 1 << 27


def test_a_text_from_a_pipe_is_called_stdin(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "w2v_cli", "train", "-", "-q", "-o", str(tmp_path / "model")]
    done = subprocess.run(command, input=b"ab \xff", capture_output=True)
    assert done.returncode == 3 and done.stderr.startswith(b"Error: stdin is not UTF-8 at byte 3")


@pytest.mark.parametrize("option", ["dim", "epochs", "threads", "window", "negatives"])
def test_what_no_machine_can_do_is_refused(option: str) -> None:
    huge: dict[str, Any] = {option: 10**400}
    with pytest.raises(W2VError, match="is too large"):
        TrainConfig(**huge)
