"""Query directions that are not words: vectors from a file, or the mean of a text's word vectors."""

from __future__ import annotations

import os

import numpy as np

from w2v_cli.embeddings.queries import unit_rows
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.storage.opening import whole_text


def read_directions(path: str | os.PathLike[str], vectors: WordVectors) -> tuple[list[str], np.ndarray]:
    """Read directions, and a name for each, from a file or, for `-`, from stdin.

    A `.npy` file holds (D,) or (n, D) numbers. A text of numbers holds one vector per line, optionally with a name in
    front; numbers are separated by commas or white space. Any other text, such as a list of words, gives one direction:
    the mean of the unit vectors of its words that have vectors, each counted as often as it occurs.

    Returns
    -------
    n names, and float64 (n, D).

    Raises
    ------
    ModelFileError
        If the file cannot be read, if a vector does not have D finite numbers, or if no word of a text is known.
    """
    name = os.fspath(path)
    try:
        if name.endswith(".npy"):
            rows = _load_numbers(name)
            return _named(name, rows), _checked(name, rows, vectors.dim)
        text = whole_text(name, errors="replace")
    except (OSError, EOFError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ModelFileError(f"cannot read vectors from {name}: {reason or error}") from error
    lines = [line.replace(",", " ").split() for line in text.split("\n") if line.strip()]
    # A list of words has no numbers at all; every line of vectors is made of them, but for its first field.
    if any(_numbers(fields[-1:]) for fields in lines) and all(_numbers(fields[1:]) is not None for fields in lines):
        return _parse_vectors(name, lines, vectors.dim)
    tokens = vectors.answerable(text.split())
    vectors = vectors.covering(tokens)
    known = vectors.ids_of(tokens)
    if not len(known):
        raise ModelFileError(
            f"{name} holds neither vectors nor a known word", hint="give D numbers per line, or a text"
        )
    ids, counts = np.unique(known, return_counts=True)
    return [name], counts[np.newaxis] @ unit_rows(vectors, ids) / counts.sum()


def _load_numbers(path: str) -> np.ndarray:
    """Load a `.npy` file, float64 (n, D); raise ValueError if it holds something other than numbers."""
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise ValueError("it is not an array of numbers")
    return np.atleast_2d(array).astype(np.float64)


def _parse_vectors(name: str, lines: list[list[str]], dim: int) -> tuple[list[str], np.ndarray]:
    """Parse lines of numbers; if every line has one field more than D, or one begins with a word, they have names."""
    labelled = all(len(fields) == dim + 1 for fields in lines) or any(_numbers(fields[:1]) is None for fields in lines)
    rows = [_numbers(fields[labelled:]) or [] for fields in lines]
    for number, row in enumerate(rows, start=1):
        if len(row) != dim:
            raise ModelFileError(f"{name}, vector {number}: {len(row)} numbers, but the model has {dim} dimensions")
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
        raise ModelFileError(f"{name} holds vectors of shape {rows.shape}, but the model has {dim} dimensions")
    if not np.isfinite(rows).all():
        raise ModelFileError(f"{name} holds a number that is not finite")
    return rows
