"""Files of rows of numbers that are written as they come: numpy's format, text, and JSON lines.

The header of a `.npy` file says how many rows there are, which is known only in the end. A header of the same length is
written first, and then overwritten.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np

from w2v_cli.choices import LINE_FILES
from w2v_cli.embeddings.sentences import LineVectors
from w2v_cli.errors import ConfigError
from w2v_cli.storage.atomic import atomic_file, packing
from w2v_cli.storage.opening import suffix_of, without_packing
from w2v_cli.storage.urls import without_query

# Decimal digits that restore every float32 bit for bit.
_DECIMAL = "%.9g"
Write = Callable[[LineVectors], None]


def rows_format(path: str | os.PathLike[str]) -> str:
    """Return the format that the suffix of a file of rows stands for, one of the values of `choices.LINE_FILES`.

    Raises
    ------
    ConfigError
        If it stands for none, or a packed file could not be written row by row.
    """
    name = without_query(os.fspath(path)).lower()
    plain = without_packing(name)
    kind = LINE_FILES.get(suffix_of(plain))
    if kind is None:
        raise ConfigError(
            f"{os.fspath(path)} has no suffix that names a format of rows", hint=f"take one of {', '.join(LINE_FILES)}"
        )
    if kind == "npy" and plain != name:
        raise ConfigError(
            f"{os.fspath(path)} cannot be packed: its first bytes are known only in the end",
            hint="write .npy, and pack it afterwards",
        )
    return kind


@contextlib.contextmanager
def rows_file(path: str | os.PathLike[str], dim: int) -> Iterator[Write]:
    """Write rows of D numbers to a file, completely or not at all.

    Parameters
    ----------
    path : its suffix says the format; all but `.npy` may be packed with a further `.gz`, `.bz2`, `.xz` or `.zst`.

    Yields
    ------
    What writes the next rows.

    Raises
    ------
    ConfigError
        If the suffix stands for no format.
    ModelFileError
        If the file cannot be written. An older file then stays as it was.
    """
    kind, count = rows_format(path), 0
    with atomic_file(path) as plain, packing(plain, path) as file:

        def write(vectors: LineVectors) -> None:
            nonlocal count
            if kind == "npy":
                file.write(vectors.matrix.astype("<f4", copy=False).tobytes())
            else:
                file.write("".join(f"{line}\n" for line in row_lines(vectors, kind, count)).encode())
            count += len(vectors.matrix)

        if kind == "npy":
            file.write(_npy_header(0, dim))
        yield write
        if kind == "npy":
            _overwrite_start(file, _npy_header(count, dim))


def row_lines(vectors: LineVectors, kind: str, before: int) -> Iterator[str]:
    """Yield the lines for some vectors, without line ends.

    Parameters
    ----------
    kind : `text`, D numbers separated by spaces; or `jsonl`, an object with the number of the line, how many of its
        words are known and how many others were composed of their parts, and the vector.
    before : how many lines come before these.
    """
    numbers = (" " if kind == "text" else ", ").join([_DECIMAL] * vectors.matrix.shape[1])
    counts = zip(vectors.known.tolist(), vectors.composed.tolist(), strict=True)
    for row, (known, composed) in zip(vectors.matrix.tolist(), counts, strict=True):
        before += 1
        text = numbers % tuple(row)
        facts = f'"line": {before}, "known": {known}, "composed": {composed}'
        yield text if kind == "text" else f'{{{facts}, "vector": [{text}]}}'


def _npy_header(count: int, dim: int) -> bytes:
    """Return how `numpy.save` begins float32 (count, dim); it has the same length for any number of rows."""
    header = io.BytesIO()
    facts = {"descr": "<f4", "fortran_order": False, "shape": (count, dim)}
    np.lib.format.write_array_header_1_0(header, facts)
    return header.getvalue()


def _overwrite_start(file: IO[bytes], start: bytes) -> None:
    end = file.tell()
    file.seek(0)
    file.write(start)
    file.seek(end)
