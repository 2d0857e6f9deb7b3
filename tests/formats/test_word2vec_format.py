"""Files of word2vec and GloVe: numbers are exact, every valid variant is read, every broken file is refused."""

from __future__ import annotations

import gzip
import struct
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import bits, load_vectors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats import binary
from w2v_cli.formats import text as text_format
from w2v_cli.formats.decimals import nearest_float32

WORDS = ["the", "Köln", "한국어", "\u00a0", "x\u3000y"]
MATRIX = np.array(
    [[0.1, -2.5, 3e-20], [1e30, 7, -0.0], [1.1754944e-38, 1e-45, 1 / 3], [3.4028235e38, -1e-40, 5], [0, 0, 1]],
    dtype=np.float32,
)


def text_of(end: str = "\n", separator: str = " ", header: str | None = "5 3\n") -> bytes:
    rows = (separator.join([word, *map(str, row)]) + end for word, row in zip(WORDS, MATRIX, strict=True))
    return ((header or "") + "".join(rows)).encode()


def binary_of(after_row: bytes = b"\n") -> bytes:
    """Write a file as word2vec.c does.

    fprintf("%lld %lld\\n"); for each word fprintf("%s "), fwrite of D floats, fprintf("\\n").
    """
    rows = [
        word.encode() + b" " + struct.pack("<3f", *row) + after_row for word, row in zip(WORDS, MATRIX, strict=True)
    ]
    return b"5 3\n" + b"".join(rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", text_of()),
        ("a.vec", text_of(end=" \n")),
        ("a.txt", text_of(end="\r\n", header="5 3\r\n")),
        ("a.txt", text_of(separator="\t")),
        ("a", text_of()),
        ("a.txt", text_of(header=None)),
        ("a.glove", text_of(header=None)),
        ("a", text_of(header=None, end=" \n")),
        ("a", b"\xef\xbb\xbf" + text_of()),
        ("a.txt", b"\xef\xbb\xbf" + text_of(header=None)),
        ("a.bin", binary_of()),
        ("a.bin", binary_of(b"")),
        ("a", binary_of()),
        ("a.dat", binary_of(b"")),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_every_variant_of_a_file_is_read_bit_for_bit(tmp_path: Path, name: str, content: bytes, packed: bool) -> None:
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(content) if packed else content)
    vectors = load_vectors(path)
    assert vectors.words == WORDS and vectors.counts is None
    assert bits(vectors.matrix) == bits(MATRIX)


@pytest.mark.parametrize("name", ["a.txt", "a.bin"])
def test_chunks_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    content = text_of() if name == "a.txt" else binary_of()
    (tmp_path / name).write_bytes(content)
    for size in range(1, len(content) + 2):
        for module in (binary, text_format):
            monkeypatch.setattr(module, "CHUNK_BYTES", size)
        assert bits(load_vectors(tmp_path / name).matrix) == bits(MATRIX)


def exactly(text: str) -> float:
    """Round to the nearest float32, ties to even, by comparing the neighbouring floats exactly."""
    exact, near = Fraction(text), np.float32(float(text))
    candidates = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    finite = [c for c in candidates if np.isfinite(c)]
    return float(min(finite, key=lambda c: (abs(Fraction(float(c)) - exact), int(c.view(np.uint32)) & 1)))


numbers = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e30, 1e30).map(repr),
    st.floats(2**-120, 2**100, width=32).map(  # midpoints of two float32; extra digits move off them
        lambda x: format(Decimal(float(x)) + Decimal(float(np.spacing(np.float32(x)))) / 2, "f")
    ),
    st.from_regex(r"[-+]?[0-9]{1,25}(\.[0-9]{0,25})?([eE][-+]?[0-9]{1,2})?", fullmatch=True),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(numbers, min_size=1, max_size=40), extra=st.sampled_from(["", "0", "1", "00000000000000000001"]))
def test_a_number_becomes_the_nearest_float32(tmp_path: Path, texts: list[str], extra: str) -> None:
    texts = [text + extra if "." in text and "e" not in text.lower() else text for text in texts]
    texts = [text for text in texts if abs(Decimal(text)) < Decimal("3.4e38")]
    if not texts:
        return
    (tmp_path / "a.txt").write_text(f"1 {len(texts)}\nw {' '.join(texts)}\n")
    expected = [exactly(text) for text in texts]
    assert load_vectors(tmp_path / "a.txt").matrix[0].tolist() == expected
    assert [float(nearest_float32(text.encode())) for text in texts] == expected


def test_many_numbers_that_need_exact_arithmetic_are_read(tmp_path: Path) -> None:
    tiny = np.full((3, 3000), 1e-42, np.float32)
    lines = "".join(f"w{i} " + " ".join(map(str, row)) + "\n" for i, row in enumerate(tiny))
    (tmp_path / "a.txt").write_text("3 3000\n" + lines)
    assert np.array_equal(load_vectors(tmp_path / "a.txt").matrix, tiny)


def test_a_word_of_glove_may_hold_spaces(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the 1 2\nat name@domain.com 3 4\n. . . 5 6\n")
    vectors = load_vectors(tmp_path / "a.txt")
    assert vectors.words == ["the", "at name@domain.com", ". . ."]
    assert vectors.matrix.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b"2 3\na 1.5 2.5 3.5\n", "is cut short: its first line promises 2 words, but 1 line follows"),
        ("a.txt", b"1 3\na 1 2 3\nb 1 2 3\n", "has too many lines: its first line promises 1 words"),
        ("a.txt", b"2 3\na 1 2 3\nb 1 2", "line 3: the line does not end"),
        ("a.txt", b"2 3\na 1 2 3 \nb 1 2 3", "line 3: the line does not end"),
        ("a.txt", b"2 3\na 1 2 3\nb 1 2\n", "line 3: expected a word and 3 numbers, found 2"),
        ("a.txt", b"1 3\na 1 2 3 4\n", "line 2: expected a word and 3 numbers, found 4"),
        ("a.txt", b"1 3\na 1 x 3\n", "line 2: “x” is not a number"),
        ("a.txt", b"1 3\na 1 1_0 3\n", "line 2: “1_0” is not a number"),
        ("a.txt", b"1 3\na 1 nan 3\n", "line 2: “nan” is not a number"),
        ("a.txt", b"1 3\na 1 -inf 3\n", "line 2: “-inf” is not a number"),
        ("a.txt", b"1 3\na 1 1e39 3\n", "line 2: “1e39” is too large for float32"),
        ("a.txt", b"2 1\na 1\n\xff 2\n", "line 3: the word is not UTF-8"),
        ("a.txt", b"2 1\na 1\n 2\n", "line 3: the word is empty"),
        ("a.txt", b"2 1\n\na 1\n", "line 2: the line is empty"),
        ("a.txt", b"9999999999 9999999999\na 1\n", "line 1: 9,999,999,999 words of .* cut short, or the line is wrong"),
        ("a.txt", b"0 3\n", "holds no vectors"),
        ("a.bin", b"2 0\n", "holds no vectors"),
        ("a.bin", b"a 1 2 3\n", "line 1: expected the numbers of words and of dimensions"),
        ("a.bin", b"18446744073709551617 4\na \0\0\0\0", "line 1: 18,446,744,073,709,551,617 words"),
        ("a.bin", binary_of()[:-1], "is cut short at byte .*: the last row lacks its newline"),
        ("a.bin", binary_of(b"")[:-1], "is cut short at byte 92, in word 5 of the 5"),
        ("a.bin", binary_of() + b"x", "continues at byte"),
        ("a.bin", b"1 1\n\xff " + bytes(4), "byte 4: the word is not UTF-8"),
        ("a.bin", b"1 1\n " + bytes(4) + b"\n", "byte 4: the word is empty"),
        ("a.bin", b"2 1\na " + bytes(4) + b"b " + struct.pack("<f", np.nan), "byte 10: the vector holds NaN"),
        ("a.bin", b"2 1\na " + bytes(8) + b"bb " + bytes(4), "byte 10: the word holds the byte 0"),
        ("a.txt", b"\x80\x04\x95" + bytes(100), "is a Python pickle"),
        ("a", b"<!DOCTYPE html>\n<html>", "is a web page"),
        ("a", b"\n <html lang=en>", "is a web page"),
        ("a.bin", b"PK\x03\x04" + bytes(50), "is a zip archive"),
        ("a.bin", struct.pack("<i", 793712314) + bytes(50), "is a fastText model"),
        ("a", b"\x93NUMPY" + bytes(50), "is a numpy array"),
        ("a", b"hello\n", "is in no known format"),
        ("a.glove", b"hello\n", "line 1: expected a word and numbers"),
        ("a.glove", b"hello 1 2", "line 1: the line does not end"),
        ("a.txt.gz", gzip.compress(text_of(), mtime=0)[:-9], "is damaged or cut short"),
        ("a.txt.gz", gzip.compress(text_of(), mtime=0)[:60] + b"xxxxxxxxxxxxxxxx", "is damaged"),
    ],
)
def test_a_bad_file_is_refused_by_location_and_reason(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_vectors(tmp_path / name)
    assert caught.value.message.startswith(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", text_of(end=" \n")), ("a.bin", binary_of()), ("a.bin", binary_of(b""))]
)
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    for packed in (False, True):
        path, data = tmp_path / name, gzip.compress(content) if packed else content
        # A text is complete without its last newline.
        for size in range(len(data) - (content.endswith(b" \n") and not packed)):
            path.write_bytes(data[:size])
            with pytest.raises(ModelFileError):
                load_vectors(path)


@pytest.mark.parametrize("number", [b"\x00\x00\xc0\x7f", b"\x01\x00\x80\x7f"], ids=["quiet", "signalling"])
def test_a_nan_is_an_error_and_no_warning(tmp_path: Path, number: bytes) -> None:
    """Some versions of numpy warn of a signalling NaN when it is compared."""
    (tmp_path / "a").write_bytes(b"2 1\nthe \x00\x00\x80?\nof " + number + b"\n")
    with pytest.raises(ModelFileError, match="the vector holds NaN or infinity"):
        load_vectors(tmp_path / "a")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), content=st.sampled_from([text_of(), text_of(header=None), binary_of(), binary_of(b"")]))
def test_any_damage_is_a_named_error_or_readable_vectors(tmp_path: Path, data: st.DataObject, content: bytes) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a").write_bytes(damaged)
    try:
        vectors = load_vectors(tmp_path / "a")
    except ModelFileError:
        return
    assert len(set(vectors.words)) == len(vectors.words) == len(vectors.matrix)
    assert np.isfinite(vectors.matrix).all()


def test_a_format_can_be_named_if_recognition_fails(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("7 3\n8 4\n")
    with pytest.raises(ModelFileError):
        load_vectors(path)
    assert load_vectors(path, "glove").words == ["7", "8"]
    with pytest.raises(ConfigError, match="npy cannot be read"):
        load_vectors(path, "npy")
