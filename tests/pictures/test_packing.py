"""The data of a page: what is packed can be unpacked, the same input gives the same text, and sizes are kept."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import numpy as np
import pytest

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError
from w2v_cli.pictures.packing import Packed, fit, most_words, pack, parse_size, quantised


def some_vectors(count: int, dim: int = 20) -> WordVectors:
    rows = np.random.default_rng(1).standard_normal((count, dim)).astype(np.float32)
    return WordVectors([f"word{i}" for i in range(count)], rows)


def unpack(text: str) -> tuple[dict[str, Any], list[str], list[np.ndarray]]:
    """Return the header, the words, and the arrays x, y, groups and vectors."""
    data = gzip.decompress(base64.b64decode(text))
    parts: list[Any] = []
    for _ in range(2):
        length = int.from_bytes(data[:4], "little")
        parts.append(json.loads(data[4 : 4 + length]))
        data = data[4 + length :]
    n, arrays = parts[0]["words"], []
    for kind, count in (("<u2", n), ("<u2", n), ("u1", n), ("i1", n * parts[0]["dim"])):
        arrays.append(np.frombuffer(data, kind, count))
        data = data[arrays[-1].nbytes :]
    assert data == b""
    return parts[0], parts[1], arrays


def test_what_is_packed_can_be_unpacked() -> None:
    words = ["the", "</script>", "__proto__", "a\nb", "\u2028", "한국", "\ud800"]
    vectors = WordVectors(words, np.eye(7, 3, dtype=np.float32))
    places = np.linspace(0, 1, 14).reshape(7, 2)
    header, spellings, (x, y, groups, numbers) = unpack(pack({"bits": 8}, vectors, places, np.arange(7), 8))
    assert header == {"bits": 8, "words": 7, "dim": 3}
    assert spellings == [*words[:6], "?"]
    assert np.column_stack([x, y]) / 65535 == pytest.approx(places, abs=1 / 65535)
    assert groups.tolist() == list(range(7))
    assert numbers.reshape(7, 3).tolist() == (127 * np.eye(7, 3)).tolist()


def test_the_same_input_gives_the_same_text() -> None:
    vectors = some_vectors(50)
    assert len({pack({"b": 1, "a": 2}, vectors, np.zeros((50, 2)), np.zeros(50), 8) for _ in range(2)}) == 1


@pytest.mark.parametrize("bits", [8, 7, 6])
def test_vectors_keep_their_directions(bits: int) -> None:
    vectors = some_vectors(100, 100)
    numbers = quantised(vectors, bits).astype(np.float64)
    assert np.abs(numbers).max() == 2 ** (bits - 1) - 1
    units = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    # A step is 1 / (2^(bits−1) − 1) of the largest number, which is about 3 deviations. Rounding adds a twelfth of the
    # square of a step to the mean square of the numbers, which makes the cosine 1 − (3 / top)² / 24.
    lowest = 1 - 2 * (3 / (2 ** (bits - 1) - 1)) ** 2 / 24
    assert np.einsum("ij,ij->i", units, vectors.unit_rows).min() > lowest


def test_a_vector_of_zeros_stays_zero() -> None:
    assert quantised(WordVectors(["a", "b"], np.array([[0, 0], [2, -4]], np.float32)), 8).tolist() == [
        [0, 0],
        [64, -127],
    ]


def test_the_bits_and_then_the_words_are_cut_to_fit() -> None:
    vectors = some_vectors(3000)
    sizes = {
        bits: len(pack({}, vectors, np.random.default_rng(0).random((3000, 2)), np.zeros(3000), bits))
        for bits in (8, 6)
    }
    assert sizes[6] < 0.9 * sizes[8]
    assert fit(vectors, 10**7) == Packed(3000, 8)
    assert fit(vectors, sizes[8]).bits in (7, 6)
    cut = fit(vectors, sizes[6] // 2)
    assert cut.bits == 6 and 1000 < cut.words < 1500
    with pytest.raises(ConfigError, match="not even one word fits"):
        fit(vectors, 100)


def test_no_more_words_are_looked_at_than_could_fit() -> None:
    vectors = some_vectors(3000)
    assert most_words(20, 30_000) > fit(vectors, 30_000).words


@pytest.mark.parametrize("text", ["15MB", "15 mb", "15m", "15000kB", "0.015GB", "15000000", "15000000b", 15_000_000])
def test_a_size_may_have_a_unit(text: str | int) -> None:
    assert parse_size(text) == 15_000_000


@pytest.mark.parametrize("text", ["", "MB", "15 parsecs", "-1MB", "0", "1e3", "nan", "１５MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a size"):
        parse_size(text)
