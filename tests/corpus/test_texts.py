"""A text is read in the same pieces however it is compressed; what is not a text is refused, and the error names it."""

from __future__ import annotations

import builtins
import bz2
import dataclasses
import gzip
import hashlib
import io
import lzma
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ZSTANDARD
from hypothesis import given
from hypothesis import strategies as st

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import CorpusError
from w2v_cli.training.run import train_model

TEXT = "the cat\nsat on\tthe  mat\n\nétude ünïcode 日本語 end".encode()


def zstd(data: bytes) -> bytes:
    return bytes(pytest.importorskip(ZSTANDARD).compress(data))


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".txt": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}


def read(*paths: Path | str, piece_bytes: int = 7, **options: Any) -> list[bytes]:
    texts = Texts([str(path) for path in paths], TextOptions(**options))
    return [piece.data for piece in texts.pieces(piece_bytes)]


@pytest.mark.parametrize("suffix", COMPRESSORS)
@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
def test_every_wrapping_holds_the_same_text(tmp_path: Path, suffix: str, piece_bytes: int) -> None:
    path = tmp_path / f"corpus{suffix.upper() if suffix == '.gz' else suffix}"
    path.write_bytes(COMPRESSORS[suffix](TEXT))
    assert b"".join(read(path, piece_bytes=piece_bytes)) == TEXT + b"\n"


def test_several_members_of_one_gzip_file_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(b"a b ") + gzip.compress(b"c"))
    assert b"".join(read(path)).split() == [b"a", b"b", b"c"]


@given(st.text(st.sampled_from("ab \n\t\r\x0b\x0cé")), st.integers(1, 9))
def test_pieces_are_cut_between_tokens(tmp_path_factory: pytest.TempPathFactory, text: str, piece_bytes: int) -> None:
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    path.write_bytes(text.encode())
    pieces = read(path, piece_bytes=piece_bytes)
    assert b"".join(pieces) == text.encode() + b"\n"
    assert [token for piece in pieces for token in piece.split()] == text.encode().split()


def test_a_token_longer_than_a_piece_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"x" * 1000 + b" y")
    assert [token for piece in read(path) for token in piece.split()] == [b"x" * 1000, b"y"]


def test_a_file_that_does_not_end_in_a_newline_is_not_joined_to_the_next(tmp_path: Path) -> None:
    for name, text in (("a", b"one two"), ("b", b"three")):
        (tmp_path / name).write_bytes(text)
    assert b"".join(read(tmp_path / "a", tmp_path / "b")) == b"one two\nthree\n"


def test_stdin_is_a_file_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT)))
    assert b"".join(read("-")) == TEXT + b"\n"
    assert Texts(["-"]).total_bytes is None


@pytest.mark.parametrize("piece_bytes", [4, 1 << 20])
def test_bytes_that_are_not_utf8_are_named_by_file_and_place(tmp_path: Path, piece_bytes: int) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes(b"good words caf\xe9 more")
    with pytest.raises(CorpusError, match=r"latin1.txt is not UTF-8 at byte 14 ") as caught:
        read(path, piece_bytes=piece_bytes)
    assert "--errors replace" in str(caught.value.hint)
    assert b"".join(read(path, piece_bytes=piece_bytes, errors="replace")).split()[2] == "caf\ufffd".encode()
    assert b"".join(read(path, piece_bytes=piece_bytes, errors="ignore")).split()[2] == b"caf"


def test_a_byte_order_mark_is_not_part_of_the_first_word(tmp_path: Path) -> None:
    path = tmp_path / "bom.txt"
    path.write_bytes(b"\xef\xbb\xbfword \xff")
    assert read(path, errors="ignore")[0].split() == [b"word"]
    with pytest.raises(CorpusError, match="at byte 8 "):
        read(path, piece_bytes=1 << 20)


def test_words_are_letters_and_digits_with_inner_apostrophes_and_hyphens(tmp_path: Path) -> None:
    path = tmp_path / "raw.txt"
    path.write_text('"Don\'t—stop," said O’Neil’s well-known e-mail (2nd).\nÉtudes_in C++', encoding="utf-8")
    text = b"".join(read(path, tokenize="words", lower=True)).decode()
    assert text == "don't stop said o’neil’s well-known e-mail 2nd \nétudes in c \n"


def test_marks_belong_to_their_letters(tmp_path: Path) -> None:
    words = ["हिन्दी", "में", "किताब", "nai\u0308ve", "العَرَبِيَّة", "தமிழ்"]
    path = tmp_path / "marks.txt"
    path.write_text("«" + "», ".join(words) + "!", encoding="utf-8")
    assert b"".join(read(path, tokenize="words", piece_bytes=1 << 20)).decode().split() == words


def test_several_frames_of_one_zstandard_file_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "two.zst"
    path.write_bytes(zstd(b"a b ") + zstd(b"c" * 1000))
    assert b"".join(read(path)).split() == [b"a", b"b", b"c" * 1000]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("chapter", "a name with blanks needs quotation marks: '{}/chapter one.txt'"),
        ("novle.txt", "did you mean {}/novel.txt?"),
        ("xyz", "is the name right? It was looked for in {}"),
        ("none/a.txt", "there is no folder {}/none"),
    ],
)
def test_a_mistyped_name_is_told_what_may_have_been_meant(tmp_path: Path, name: str, hint: str) -> None:
    for other in ("chapter one.txt", "novel.txt"):
        (tmp_path / other).touch()
    with pytest.raises(CorpusError) as caught:
        Texts([str(tmp_path / name)]).check_readable()
    assert caught.value.hint == hint.format(tmp_path)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.txt cannot be read: No such file"):
        Texts([str(tmp_path / "none.txt")]).check_readable()
    with pytest.raises(CorpusError, match="is a directory"):
        Texts([str(tmp_path)]).check_readable()
    with pytest.raises(CorpusError, match="stdin can be read only once"):
        Texts(["-", "-"]).check_readable()


def test_a_run_looks_at_each_text_once_before_it_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    for path in paths:
        Path(path).write_bytes(TEXT)
    asked = []

    def watch(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def watched(path: object, *rest: object, **options: object) -> object:
            asked.append((name, path))
            return real(path, *rest, **options)

        monkeypatch.setattr(owner, name, watched)

    for owner, name in ((os, "stat"), (os, "lstat"), (os.path, "isfile"), (os.path, "exists"), (builtins, "open")):
        watch(owner, name)
    config = TrainConfig(dim=2, epochs=1, min_count=1, threads=1, engine="reference")
    train_model(paths, config, output=tmp_path / "model", checkpoint=tmp_path / "run")
    for path in paths:
        # One look is a stat and an open to see whether it is permitted; the other open is for reading.
        assert [name for name, other in asked if other == path] == ["stat", "open", "open"]


def test_texts_know_what_they_are_made_of(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one two")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"three"))
    os.mkfifo(tmp_path / "pipe")
    a, b, pipe, none = (str(tmp_path / name) for name in ("a.txt", "b.gz", "pipe", "none"))
    assert not Texts([a]).compressed and Texts([a, b]).compressed
    assert Texts([a, b]).are_files and Texts([a, b]).sizes == (7, os.path.getsize(b))
    assert not Texts([a, pipe]).are_files and Texts([a, pipe]).total_bytes is None and Texts([a, pipe]).sizes == (7, 0)
    assert Texts([a, none, "-"]).missing == [none] and str(Texts([a, "-"])) == f"{a}, stdin"
    Texts([a, b, pipe]).check_readable()
    with pytest.raises(dataclasses.FrozenInstanceError):
        Texts([a]).paths = ()  # type: ignore[misc]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_file_that_is_not_compressed_or_broken_off_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = COMPRESSORS[suffix](b"some words " * 10_000)
    for name, data in (("plain", b"these are plain words"), ("half", whole[: len(whole) // 2])):
        path = tmp_path / (name + suffix)
        path.write_bytes(data)
        with pytest.raises(CorpusError, match=f"{name}{suffix} cannot be"):
            read(path, piece_bytes=1 << 20)


def test_the_fingerprint_is_that_of_the_text_however_it_is_cut(tmp_path: Path) -> None:
    prints = set()
    for suffix, piece_bytes in ((".txt", 1), (".gz", 9), (".xz", 1 << 20)):
        path = tmp_path / f"corpus{suffix}"
        path.write_bytes(COMPRESSORS[suffix](TEXT))
        texts, digest = Texts([str(path)]), hashlib.sha256()
        list(texts.pieces(piece_bytes, digest))
        prints |= {digest.hexdigest(), texts.fingerprint()}
    assert len(prints) == 1


def test_how_far_a_pipe_has_been_read_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"a b a b\n" * 50))
    writer.start()
    places = [piece.bytes_read for piece in Texts([str(tmp_path / "pipe")]).pieces(100)]
    writer.join()
    assert places == sorted(places) and places[0] > 0 and places[-1] == 400
