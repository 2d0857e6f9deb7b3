"""Small files that expand to enormous ones, and lines that never end, are refused early and read in linear time."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tracemalloc
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import load_vectors

from w2v_cli.corpus import texts
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ModelFileError
from w2v_cli.formats import model_file, text, text_lines
from w2v_cli.formats.model_file import save_model
from w2v_cli.formats.vector_file import VectorFile


@pytest.fixture
def model(tmp_path: Path) -> bytes:
    """Return the bytes of a model file."""
    save_model(tmp_path / "plain", ["a", "b"], None, {"input_vectors": np.ones((2, 3), np.float32)}, {})
    return (tmp_path / "plain").read_bytes()


def test_a_packed_model_is_unpacked_no_further_than_its_header_claims(tmp_path: Path, model: bytes) -> None:
    path = tmp_path / "model.safetensors.gz"
    path.write_bytes(gzip.compress(model + bytes(10_000_000)))
    with pytest.raises(ModelFileError, match=rf"{path} continues after the {len(model)} bytes that its header claims"):
        load_vectors(path)
    unpacked = io.BytesIO()
    with VectorFile(path) as packed, pytest.raises(ModelFileError):
        model_file._unpack(packed, unpacked)
    assert unpacked.getvalue() == model


def test_a_packed_model_that_does_not_fit_on_the_disk_is_refused_before_it_is_unpacked(
    tmp_path: Path, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors.gz"
    path.write_bytes(gzip.compress(model))
    assert load_vectors(path).words == ["a", "b"]
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(len(model) - 1))
    with pytest.raises(
        ModelFileError, match=rf"unpacks to {len(model)} bytes, but only {len(model) - 1} are free"
    ) as caught:
        load_vectors(path)
    assert caught.value.hint is not None and "TMPDIR" in caught.value.hint
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(len(model)))
    assert load_vectors(path).words == ["a", "b"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}, "cannot hold the 4,000,000,000,"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, 1e300]}, "cannot hold the 1,000,000,"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, float("inf")]}, "malformed entry for x"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0]}, "malformed entry for x"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, -9]}, "continues after the|malformed entry for x"),
        (7, "malformed entry for x"),
    ],
)
def test_a_packed_model_with_impossible_claims_is_refused(tmp_path: Path, entry: Any, message: str) -> None:
    header = json.dumps({"x": entry}).encode()
    path = tmp_path / "model.safetensors.gz"
    path.write_bytes(gzip.compress(len(header).to_bytes(8, "little") + header + bytes(100)))
    with pytest.raises(ModelFileError, match=message):
        load_vectors(path)


def test_a_packed_model_with_an_endless_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors.gz"
    path.write_bytes(gzip.compress((1 << 40).to_bytes(8, "little") + b"{" + bytes(100)))
    with pytest.raises(ModelFileError, match="has a header of 1,099,511,627,776 bytes; the limit is 1,048,576"):
        load_vectors(path)


class Copied(bytes):
    """Bytes that count how many of them `+` copies, and how often their length is asked for."""

    copied = asked = 0

    def __len__(self) -> int:
        Copied.asked += 1
        return super().__len__()

    def __add__(self, other: Any) -> Copied:
        Copied.copied += bytes.__len__(self) + len(other)
        return Copied(bytes.__add__(self, other))

    def __radd__(self, other: Any) -> Copied:
        Copied.copied += bytes.__len__(self) + len(other)
        return Copied(bytes.__add__(other, self))


class Slow:
    """A stream that returns one byte at a time."""

    name, format, packed = "slow", "glove", True

    def __init__(self, content: bytes) -> None:
        self._bytes = iter([content[i : i + 1] for i in range(len(content))])

    def read(self, size: int = 1) -> bytes:
        return Copied(next(self._bytes, b""))

    def wrong(self, what: str, hint: str | None = None) -> ModelFileError:
        return ModelFileError(self.name + what, hint)

    def seekable(self) -> bool:
        return False


@pytest.fixture
def copies() -> type[Copied]:
    Copied.copied = Copied.asked = 0
    return Copied


def test_a_long_line_of_vectors_is_not_copied_again_for_every_chunk(
    monkeypatch: pytest.MonkeyPatch, copies: type[Copied]
) -> None:
    monkeypatch.setattr(text, "CHUNK_BYTES", 1)
    line = b"word" + b" 1" * 500 + b"\n"
    file: Any = Slow(line + line)
    assert list(text._line_chunks(file, b"", 0)) == [(0, line), (1, line)]
    assert copies.copied <= 2 * len(line) and copies.asked <= 4 * len(line)


def test_short_reads_are_not_counted_again_for_every_one(tmp_path: Path, copies: type[Copied]) -> None:
    (tmp_path / "a.txt").write_text("1 1\na 1\n")
    with VectorFile(tmp_path / "a.txt") as file:
        file._stream = Slow(b"x" * 1000)
        assert file.read(1001) == b"x" * 1000
    assert copies.asked <= 4000


def test_a_long_word_of_a_text_is_not_counted_again_for_every_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: type[Copied]
) -> None:
    (tmp_path / "text.txt").touch()
    monkeypatch.setattr(texts, "decompressed", lambda path, raw: Slow(b"x" * 1000 + b" y"))
    pieces = Texts([str(tmp_path / "text.txt")]).pieces(1)
    assert b"".join(piece.data for piece in pieces).split() == [b"x" * 1000, b"y"]
    assert copies.asked <= 6000 and copies.copied == 0


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "head", "line"), [("a.glove", b"", 1), ("a.glove", b"a 1\nb 2\n", 3), ("a.vec", b"9 1\na 1\nb 2\n", 4)]
)
def test_a_line_that_never_ends_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, head: bytes, line: int, packed: bool
) -> None:
    monkeypatch.setattr(text, "_MOST_LINE_BYTES", 1 << 21)
    content = head + b"c" + b" 1" * 5_000_000
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(content) if packed else content)
    read: list[int] = []
    plain_read = VectorFile.read

    def counted_read(file: VectorFile, size: int) -> bytes:
        read.append(size)
        return plain_read(file, size)

    monkeypatch.setattr(VectorFile, "read", counted_read)
    with pytest.raises(ModelFileError, match=rf"line {line}: the line is longer than 2 MiB"):
        load_vectors(path)
    assert sum(read) < 5 << 20


def test_a_long_irregular_line_takes_no_object_for_every_number() -> None:
    line = b"two words" + b" 1" * 100_000
    tracemalloc.start()
    word, row = text_lines._irregular_line(line, 100_000, 0)
    _, peak = tracemalloc.get_traced_memory()
    with pytest.raises(text_lines.BadLine, match="expected a word and 7 numbers, found 100,001 after the word"):
        text_lines._irregular_line(line, 7, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert word == b"two words" and row.tolist() == [1] * 100_000
    # The row itself takes 4 bytes per number; match objects would take a hundred.
    assert peak < 10 * len(row)
