"""Tables of fastText that are compressed by product quantisation: a row is a list of codes of centroids.

Reference: Jégou et al. 2011 (product quantisation); Joulin et al. 2016, arXiv:1612.03651.
"""

from __future__ import annotations

import struct
from typing import Protocol

import numpy as np

from w2v_cli.errors import ModelFileError

_HEAD = struct.Struct("<?2qi")
_QUANTISER = struct.Struct("<4i")
# A code is a byte.
_CENTROIDS = 256
# This many rows are expanded at a time.
_ROWS = 1 << 14


class Reader(Protocol):
    """What reads the parts of a file one after the other."""

    def take(self, size: int) -> bytes:
        """Return the next bytes."""

    def array(self, dtype: str, *shape: int) -> np.ndarray:
        """Return the next numbers."""

    def wrong(self, what: str, hint: str | None = None) -> ModelFileError:
        """Return the error that says what is wrong."""


def read_quantised(reader: Reader, dim: int) -> np.ndarray:
    """Read a quantised table, and expand it.

        row = norm · (centroid of code 1, centroid of code 2, …)      norm = 1 unless norms are quantised too

    Returns
    -------
    float32 (R, D).

    Raises
    ------
    ModelFileError
        If the parts contradict each other.
    """
    has_norms, rows, columns, code_bytes = _HEAD.unpack(reader.take(_HEAD.size))
    if columns != dim or rows < 0 or code_bytes < 0 or (rows and code_bytes % rows):
        raise reader.wrong("has a quantised table of impossible size")
    codes = reader.array("|u1", code_bytes)
    pieces = _read_centroids(reader, dim)
    if len(pieces) * rows != code_bytes:
        raise reader.wrong("has a quantised table with a wrong number of codes")
    codes = codes.reshape(rows, len(pieces))
    norms = np.ones(rows, np.float32)
    if has_norms:
        norm_codes = reader.array("|u1", rows)
        (centroids,) = _read_centroids(reader, 1)
        norms = centroids[norm_codes, 0]
    table = np.empty((rows, dim), np.float32)
    for first in range(0, rows, _ROWS):
        part = slice(first, first + _ROWS)
        expanded = np.hstack([piece[codes[part, i]] for i, piece in enumerate(pieces)])
        table[part] = expanded * norms[part, np.newaxis]
    return table


def _read_centroids(reader: Reader, dim: int) -> list[np.ndarray]:
    """Read a quantiser; return the centroids of each piece of a row, float32 (256, its length)."""
    columns, pieces, width, last = _QUANTISER.unpack(reader.take(_QUANTISER.size))
    if columns != dim or pieces < 1 or width < 1 or not 0 < last <= width or (pieces - 1) * width + last != dim:
        raise reader.wrong("has a quantiser of impossible size")
    numbers = reader.array("<f4", dim * _CENTROIDS).astype(np.float32, copy=False)
    ends = [piece * _CENTROIDS * width for piece in range(pieces)]
    widths = [width] * (pieces - 1) + [last]
    return [
        numbers[end : end + _CENTROIDS * size].reshape(_CENTROIDS, size) for end, size in zip(ends, widths, strict=True)
    ]
