"""Directions to ask for that are no words: vectors from a file, or the mean of a text's words."""

from __future__ import annotations

import os

import numpy as np

from w2v_cli.embeddings.queries import unit_rows
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.storage.opening import whole_text


def read_directions(path: str | os.PathLike[str], vectors: WordVectors) -> tuple[list[str], np.ndarray]:
    """The directions in a file, stdin for `-`, with a name for each.

    A `.npy` file holds (D,) or (n, D) numbers. A text of numbers holds a vector a line, with or without its name in
    front; separators are commas and white space. Any other text is one direction: the mean of its known words' vectors
    at length 1, as often as each occurs.

    Returns
    -------
    n names, and float64 (n, D).

    Raises
    ------
    ModelFileError
        If the file cannot be read, a vector has another length or is not finite, or no word of a text is known.
    """
    name = os.fspath(path)
    try:
        if name.endswith(".npy"):
            rows = np.atleast_2d(np.load(name, allow_pickle=False)).astype(np.float64)
            return _named(name, rows), _checked(name, rows, vectors.dim)
        text = whole_text(name, errors="replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ModelFileError(f"cannot read vectors from {name}: {reason or error}") from error
    lines = [line.replace(",", " ").split() for line in text.split("\n") if line.strip()]
    if lines and all(_numbers(fields[1:]) is not None for fields in lines):
        return _parse(name, lines, vectors.dim)
    known = vectors.known_ids(text.split())
    if not known:
        raise ModelFileError(f"{name} holds neither vectors nor a known word", hint="give D numbers a line, or a text")
    ids, counts = np.unique(known, return_counts=True)
    return [name], counts[np.newaxis] @ unit_rows(vectors, ids) / counts.sum()


def _parse(name: str, lines: list[list[str]], dim: int) -> tuple[list[str], np.ndarray]:
    """Lines of numbers; where one number too many is, the first field is a name."""
    labelled = all(len(fields) == dim + 1 for fields in lines) or any(_numbers(fields[:1]) is None for fields in lines)
    rows = [_numbers(fields[labelled:]) or [] for fields in lines]
    for number, row in enumerate(rows, start=1):
        if len(row) != dim:
            raise ModelFileError(f"{name}, vector {number}: {len(row)} numbers, and the model has {dim} dimensions")
    names = [fields[0] for fields in lines] if labelled else _named(name, np.array(rows))
    return names, _checked(name, np.array(rows), dim)


def _numbers(fields: list[str]) -> list[float] | None:
    try:
        return [float(field) for field in fields]
    except ValueError:
        return None


def _named(name: str, rows: np.ndarray) -> list[str]:
    return [name] if len(rows) == 1 else [f"{name}:{number}" for number in range(1, len(rows) + 1)]


def _checked(name: str, rows: np.ndarray, dim: int) -> np.ndarray:
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise ModelFileError(f"{name} holds vectors of shape {rows.shape}, and the model has {dim} dimensions")
    if not np.isfinite(rows).all():
        raise ModelFileError(f"{name} holds a number that is not finite")
    return rows
