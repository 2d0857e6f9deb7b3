"""Pack words, places and vectors into the data of a page: a header in JSON and arrays, gzipped, as base64.

The vectors become whole numbers of a few bits. Only their directions matter on the page, so each is scaled so that its
largest number just fits. The bits and, if those do not suffice, the words are chosen so that the page is not too large.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError

# How many of the ten nearest words stay the same: help/pictures.md, "The size of the page". Rather than with fewer bits
# than these, words are left out.
BITS = (8, 7, 6)
_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 1000**2, "mb": 1000**2, "g": 1000**3, "gb": 1000**3}
# What is kept free for the parts of the header that are only known once the words are placed.
_RESERVE = 4000
# So many of the most frequent words tell how much of the page a word takes.
_SAMPLE = 2000
# No word takes less than this many bytes of the page: its places, group and spelling.
_LEAST_PER_WORD = 6


class Packed(NamedTuple):
    """How much of a model a page can hold: the first `words`, with `bits` for each number of their vectors."""

    words: int
    bits: int


def parse_size(text: str | int) -> int:
    """Return a number of bytes, which may be written with a unit: 15MB, 500 kB, 1.5GB.

    Raises
    ------
    ConfigError
        If it is not a size.

    Examples
    --------
    >>> parse_size("15MB"), parse_size("1.5 kb"), parse_size(100)
    (15000000, 1500, 100)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(text), re.ASCII)
    if match is None or match[2].lower() not in _UNITS or not float(match[1]):
        raise ConfigError(f"{text!r} is not a size", hint="write it as 15MB or 500kB")
    return round(float(match[1]) * _UNITS[match[2].lower()])


def quantised(vectors: WordVectors, bits: int) -> np.ndarray:
    """Return the directions of the vectors as whole numbers, int8 (V, D), from −(2^(bits−1) − 1) to 2^(bits−1) − 1.

        q = round(w / max|w| · (2^(bits−1) − 1))

    Raises
    ------
    ModelFileError
        If a vector holds NaN or infinity.
    """
    units = vectors.unit_rows
    largest = np.abs(units).max(axis=1, keepdims=True)
    return np.rint(units / np.where(largest > 0, largest, 1) * (2 ** (bits - 1) - 1)).astype(np.int8)


def pack(header: dict[str, Any], vectors: WordVectors, positions: np.ndarray, groups: np.ndarray, bits: int) -> str:
    """Return the data of a page as base64. The same input gives the same text.

    The gzipped bytes are: the length of the header as uint32, the header, the words as a list in JSON preceded by its
    length, and then for V words their x and y as uint16, their groups as uint8, and their vectors as int8. Numbers are
    little-endian.

    Parameters
    ----------
    header : what the page tells about itself; gets `words` and `dim`.
    positions : float (V, 2) from 0 to 1 · groups : uint8 (V,).
    """
    places = np.rint(np.asarray(positions, np.float64) * 65535).astype("<u2")
    # A word may hold half of a surrogate pair, which UTF-8 cannot.
    spellings = json.dumps(list(vectors.words), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    head = json.dumps({**header, "words": len(vectors), "dim": vectors.dim}, ensure_ascii=False, sort_keys=True)
    parts = [head.encode("utf-8", "replace"), spellings]
    data = b"".join(np.uint32(len(part)).astype("<u4").tobytes() + part for part in parts)
    data += places[:, 0].tobytes() + places[:, 1].tobytes() + groups.astype(np.uint8).tobytes()
    data += quantised(vectors, bits).tobytes()
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode("ascii")


def most_words(dim: int, room: int) -> int:
    """Return a number of words that is certainly more than a page has room for, so that no more need be looked at.

    Parameters
    ----------
    room : bytes of the page that are left for the data.
    """
    return max(1, int(room / (dim * 0.5 + _LEAST_PER_WORD)))


def fit(vectors: WordVectors, room: int) -> Packed:
    """Choose how many words with how many bits fit.

    All words, with as many bits as possible, are better than more bits; but with the fewest bits, the rarest words are
    left out.

    Parameters
    ----------
    room : bytes of the page that are left for the data.

    Raises
    ------
    ConfigError
        If not even one word fits.
    """
    # Places compress a little. Random ones do not, so that what fits with them fits with any.
    random = np.random.default_rng(0)

    def size(words: int, bits: int) -> int:
        some = vectors.first(words)
        return len(pack({}, some, random.random((words, 2)), random.integers(0, 9, words), bits))

    room, words = room - _RESERVE, len(vectors)
    for bits in BITS:
        # A sample tells what is far too much, which takes long to pack.
        per_word = size(min(words, _SAMPLE), bits) / min(words, _SAMPLE)
        if per_word * words <= 1.1 * room and size(words, bits) <= room:
            return Packed(words, bits)
    words = max(1, min(words - 1, int(1.02 * max(room, 0) / per_word)))
    while (taken := size(words, BITS[-1])) > room:
        if words == 1:
            raise ConfigError(
                "not even one word fits into a page of that size",
                hint="raise --max-size: a page without words takes 60 kB",
            )
        words = max(1, min(words - 1, int(words * max(room, 0) / taken)))
    return Packed(words, BITS[-1])
