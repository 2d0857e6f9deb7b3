"""word2vec's text and binary files as gensim reads and writes them, with the readers and writers of w2v.

Errors are those of w2v, and of the classes that gensim raises, too.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.errors import ConfigError, CutShortError, ModelFileError, PickleError, W2VError
from w2v_cli.formats.binary import write_rows
from w2v_cli.formats.export import require_words
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.formats.reading import ReadOptions
from w2v_cli.gensim.lines import lines_of
from w2v_cli.gensim.rows import KeyedRows
from w2v_cli.storage.atomic import atomic_file, packing
from w2v_cli.storage.urls import local_path

logger = logging.getLogger(__name__)

Path = str | os.PathLike[str]


class BadFileError(ModelFileError, ValueError):
    """A file does not hold what it should. It is a ValueError too, like that of gensim."""


class UnreadableFileError(ModelFileError, OSError):
    """A file cannot be read. It is an OSError too, like that of gensim."""


class NoFileError(UnreadableFileError, FileNotFoundError):
    """There is no such file."""


class UndecodableError(ModelFileError, UnicodeDecodeError):
    """A word is not in the encoding of the file."""

    def __init__(self, error: W2VError, cause: UnicodeDecodeError) -> None:
        UnicodeDecodeError.__init__(self, cause.encoding, cause.object, cause.start, cause.end, error.message)
        self.message, self.hint = error.message, error.hint

    def __str__(self) -> str:
        return self.message


@contextmanager
def errors_of_gensim(way_out: str | None = None) -> Iterator[None]:
    """Turn the errors of w2v about files into those that are also errors of the class that gensim raises.

    Parameters
    ----------
    way_out : what to do about a pickle; None: what w2v says of vectors.
    """
    try:
        yield
    except CutShortError:
        raise
    except PickleError as error:
        raise BadFileError(error.message, way_out or error.hint) from error
    except (ModelFileError, ConfigError) as error:
        cause = error.__cause__
        if isinstance(cause, UnicodeDecodeError):
            raise UndecodableError(error, cause) from cause
        if isinstance(cause, FileNotFoundError):
            raise NoFileError(error.message, error.hint) from cause
        kind = UnreadableFileError if isinstance(cause, OSError) else BadFileError
        raise kind(error.message, error.hint) from cause


class Contents(NamedTuple):
    """What a file holds.

    words : V distinct words · vectors : (V, D), which may be written to · promised : how many rows were to be read.
    """

    words: list[str]
    vectors: np.ndarray
    promised: int


def read_vectors(
    path: Path,
    binary: bool = False,
    encoding: str = "utf8",
    unicode_errors: str = "strict",
    limit: int | None = None,
    datatype: Any = np.float32,
    no_header: bool = False,
) -> Contents:
    """Read word2vec's text or binary format; the parameters are those of `KeyedVectors.load_word2vec_format`."""
    if no_header and binary:
        raise NotImplementedError("no_header only available for text-format files")
    kind = "binary" if binary else "glove" if no_header else "text"
    with errors_of_gensim():
        # Like gensim, this reads as many rows as the header promises, and ignores what follows.
        reading = ReadOptions(kind, unicode_errors, limit=limit or sys.maxsize, encoding=encoding)
        if not binary and np.dtype(datatype) != np.float32:
            return _read_exactly(path, reading, datatype)
        with ModelFile(path, reading) as file:
            vectors = file.vectors
    for remark in file.remarks:
        logger.warning(remark)
    promised = len(vectors) if no_header else int(next(lines_of(path)).split()[0])
    return Contents(
        list(vectors.words), vectors.hand_out().astype(datatype, copy=False), min(promised, limit or promised)
    )


def _read_exactly(path: Path, reading: ReadOptions, datatype: Any) -> Contents:
    """Read a file of text in another type than float32, to which the readers of w2v round."""
    lines, rows, seen = lines_of(path), dict[str, np.ndarray](), 0
    promised, dim = (None, None) if reading.format == "glove" else map(int, next(lines).split())
    most = min(reading.limit or sys.maxsize, sys.maxsize if promised is None else promised)
    for line in islice(lines, most):
        word, *numbers = line.rstrip().split(b" ")
        values = np.array(numbers, np.float64).astype(datatype)
        dim = len(values) if dim is None else dim
        if len(values) != dim:
            raise BadFileError(f"{os.fspath(path)}, row {seen + 1}: expected a word and {dim} numbers")
        rows.setdefault(word.decode(reading.encoding, reading.errors), values)
        seen += 1
    if promised is not None and seen < most:
        raise CutShortError(f"{os.fspath(path)} is cut short: {most} rows were expected, but {seen} follow")
    return Contents(list(rows), np.array(list(rows.values())).reshape(-1, dim or 0), seen)


def read_counts(path: Path, errors: str) -> dict[str, int]:
    """Read the words and counts of a vocabulary, as word2vec.c's -save-vocab writes it."""
    counts = {}
    for line in lines_of(path):
        word, count = line.decode(errors=errors).split()
        counts[word] = int(count)
    return counts


def fill(rows: KeyedRows, contents: Contents, counts: Mapping[str, int] | None) -> None:
    """Put what a file holds into empty rows, with the attribute `count`: that of the vocabulary, or else a descent."""
    rows.take_keys(contents.words)
    rows.vectors = contents.vectors
    if counts is None:
        # gensim invents these, so that the order of the file is that of the frequencies.
        values = contents.promised - np.arange(len(contents.words))
    else:
        missing = [word for word in contents.words if word not in counts]
        if missing:
            logger.warning("the vocabulary lacks %d words, such as %s: their count is 0", len(missing), missing[0])
        values = np.array([counts.get(word, 0) for word in contents.words])
    rows.expandos["count"] = values.astype(np.int64)


def write_vectors(
    rows: KeyedRows,
    path: Path,
    fvocab: Path | None,
    binary: bool,
    total_vec: int | None,
    write_header: bool,
    prefix: str,
    append: bool,
    sort_attr: str,
) -> None:
    """Write word2vec's text or binary format; the parameters are those of `KeyedVectors.save_word2vec_format`."""
    # Imported here because reading binary files need not wait for it.
    from w2v_cli.formats.text import write_text

    if not len(rows):
        raise BadFileError(f"cannot write {os.fspath(path)}: there are no vectors", "add some first: add_vectors")
    order = list(range(len(rows)))
    if sort_attr in rows.expandos:
        order = np.argsort(-rows.expandos[sort_attr], kind="stable").tolist()
    elif fvocab is not None:
        raise ValueError(f"Cannot store vocabulary with '{sort_attr}' because that attribute does not exist")
    if rows.vectors.shape != (len(rows), rows.vector_size):
        raise ValueError(f"{len(rows)} keys do not name the rows of a matrix of shape {rows.vectors.shape}")
    if fvocab is not None and os.path.realpath(fvocab) == os.path.realpath(path):
        raise ValueError(f"the vectors would overwrite the vocabulary in {os.fspath(fvocab)}: name another file")
    words = [f"{prefix}{rows.index_to_key[row]}" for row in order]
    with errors_of_gensim():
        require_words(words, "binary" if binary else "text", os.fspath(path))
    if fvocab is not None:
        counts = rows.expandos[sort_attr]
        vocabulary = "".join(f"{word} {counts[row]}\n" for word, row in zip(words, order, strict=True))
        with _written(fvocab, append) as file:
            file.write(vocabulary.encode())
    is_sorted = order == list(range(len(rows)))
    matrix = rows.vectors if is_sorted else rows.vectors[order]
    with _written(path, append) as file:
        if write_header:
            file.write(b"%d %d\n" % (len(rows) if total_vec is None else total_vec, rows.vector_size))
        if binary:
            write_rows(file, words, matrix)
        else:
            write_text(file, words, matrix, header=False)


@contextmanager
def _written(path: Path, append: bool) -> Iterator[Any]:
    """Open a file that is written whole or not at all; with `append`, after what is there."""
    name = local_path(os.fspath(path))
    with errors_of_gensim(), atomic_file(name) as plain:
        if append and os.path.exists(name):
            with open(name, "rb") as before:
                shutil.copyfileobj(before, plain)
        with packing(plain, name) as file:
            yield file
