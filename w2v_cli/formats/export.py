"""Vectors into a file of any format that can be written, whole or not at all.

A format that puts words between spaces and newlines cannot hold every word; those it cannot are refused by name, or
written otherwise if that is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from w2v_cli.choices import WITH_WORDS, WRITABLE
from w2v_cli.embeddings.vectors import WordVectors, first_not_finite
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.binary import write_binary
from w2v_cli.formats.model_file import LOSSES, save_model
from w2v_cli.formats.recognise import format_of_name
from w2v_cli.formats.text import write_numbers, write_text
from w2v_cli.storage.atomic import atomic_files, packing

# What ends a word where others read it: word2vec.c and gensim split at ASCII white space, a list of words at its lines.
# A NUL in a binary word is what a wrong first line makes of numbers, and no reader takes it.
_ENDS = dict.fromkeys(("text", "glove"), re.compile(r"[ \t\n\v\f\r]"))
_ENDS |= {"binary": re.compile(r"[\0 \t\n\v\f\r]")} | dict.fromkeys(("tsv", "npy"), re.compile(r"[\t\n\r]"))
_SHOWN_WORDS = 5
EMPTY = "\\empty"


def write_vectors(
    path: str | os.PathLike[str],
    vectors: WordVectors,
    format: str | None = None,
    escape: bool = False,
    metadata: Mapping[str, str] | None = None,
    losses: np.ndarray | None = None,
) -> list[str]:
    """Write words and vectors; the text formats keep every number to its last bit.

    Parameters
    ----------
    path : gzip if it ends in .gz. The words of `tsv` and `npy` go to a second file, such as name_words.txt.
    vectors : float32, or float16 where the format has it.
    format : one of `choices.WRITABLE`; None to go by the suffix.
    escape : write white space in words as \\uXXXX and no word at all as \\empty, instead of refusing them.
    metadata, losses : of the model, for safetensors.

    Returns
    -------
    The paths of the files.

    Raises
    ------
    ConfigError
        If the suffix says no format, or the format lacks what is asked of it.
    ModelFileError
        If a file cannot be written, or nobody could read it: a word that the format cannot hold, NaN, infinity.
        Older files stay as they were then.
    """
    name, kind = os.fspath(path), target_format(path, format, str(vectors.matrix.dtype))
    if kind == "safetensors":
        tensors = {"input_vectors": vectors.matrix} | ({} if losses is None else {LOSSES: losses})
        save_model(path, vectors.words, vectors.counts, tensors, metadata or {})
        return [name]
    fault = vectors.fault(empty_words=True)  # of which `_words` says more
    if fault is not None:
        raise ModelFileError(f"cannot write {name}: the model {fault}", hint="no program could read it")
    _require_finite(vectors, "the vector of {} holds NaN or infinity", "the model has diverged or is damaged")
    words = _words(vectors.words, kind, name, escape)
    contents: list[tuple[str, Callable[[IO[bytes]], Any]]]
    if kind in ("text", "glove"):
        contents = [(name, lambda file: write_text(file, words, vectors.matrix, header=kind == "text"))]
    elif kind == "binary":
        contents = [(name, lambda file: write_binary(file, words, vectors.matrix))]
    elif kind == "tsv":
        contents = [(name, lambda file: write_numbers(file, vectors.matrix, "\t"))]
    else:
        contents = [(name, lambda file: _write_npy(file, np.ascontiguousarray(vectors.matrix)))]
    if kind in WITH_WORDS:
        contents.append((words_path(name), lambda file: file.write("".join(f"{word}\n" for word in words).encode())))
    with atomic_files(*(target for target, _ in contents)) as files:
        for file, (_, write) in zip(files, contents, strict=True):
            with packing(file, name) as packer:
                write(packer)
    return [target for target, _ in contents]


def target_format(path: str | os.PathLike[str], format: str | None, dtype: str) -> str:
    """The format to write: the one that is named, or else the suffix's.

    Raises
    ------
    ConfigError
        If the suffix says none, or the format lacks what is asked of it.
    """
    name, kind = os.fspath(path), format or format_of_name(path)
    if kind not in WRITABLE:
        what = f"{name} has no suffix that says a format" if kind is None else f"{kind} cannot be written"
        raise ConfigError(what, hint=f"--format takes one of {', '.join(WRITABLE)}")
    if kind == "binary" and dtype != "float32":
        raise ConfigError("word2vec's binary format holds float32 only", hint="leave --dtype out")
    return kind


def words_path(path: str) -> str:
    """Where the words go of a format that holds numbers only: a.tsv has its in a_metadata.tsv, a.npy in a_words.txt."""
    target = Path(path)
    packed = ".gz" if target.suffix.lower() == ".gz" else ""
    stem = target.with_suffix("") if packed else target
    end = "_metadata.tsv" if stem.suffix.lower() == ".tsv" else "_words.txt"
    return str(stem.with_name(stem.stem + end)) + packed


def select(
    vectors: WordVectors,
    output_vectors: np.ndarray | None = None,
    matrix: str = "input",
    normalize: bool = False,
    top: int | None = None,
    dtype: str = "float32",
) -> WordVectors:
    """Other vectors of the same words: which matrix, how long, of how many words, of what numbers.

    Parameters
    ----------
    output_vectors : float32 (V, D), what `output`, `sum` and `concat` need.
    matrix : input, output, sum (I + O), concat (I beside O, 2·D numbers).
    normalize : every vector at length 1; zeros stay zeros.
    top : only so many words, the first.
    dtype : float32 or float16.

    Raises
    ------
    ModelFileError
        If a number is NaN, infinite or too large for float16, or a vector to be normalised has no finite length.
    """
    stop = len(vectors) if top is None else min(top, len(vectors))
    numbers = vectors.matrix[:stop]
    if matrix != "input":
        if output_vectors is None:
            raise ValueError(f"the matrix {matrix} is made with output vectors, and there are none")
        outputs = output_vectors[:stop]
        numbers = {
            "output": lambda: outputs,
            "sum": lambda: numbers + outputs,
            "concat": lambda: np.hstack([numbers, outputs]),
        }[matrix]()
    words = vectors.words if stop == len(vectors) else vectors.words[:stop]
    chosen = WordVectors(words, numbers, None if vectors.counts is None else vectors.counts[:stop])
    _require_finite(chosen, "the vector of {} holds NaN or infinity", "the model has diverged or is damaged")
    if normalize:
        chosen = WordVectors(chosen.words, chosen.unit_rows, chosen.counts)
    if dtype == "float16":
        with np.errstate(over="ignore"):
            halves = chosen.matrix.astype(np.float16)
        chosen = WordVectors(chosen.words, halves, chosen.counts)
        _require_finite(
            chosen, "the vector of {} has a number that float16 cannot hold", "--normalize makes it small enough"
        )
    return chosen


def _require_finite(vectors: WordVectors, message: str, hint: str) -> None:
    """Refuse the first row that is no numbers."""
    row = first_not_finite(vectors.matrix)
    if row is not None:
        raise ModelFileError(message.format(vectors.words[row]), hint=hint)


def _words(words: Sequence[str], kind: str, name: str, escape: bool) -> Sequence[str]:
    """The words as a format can hold them."""
    mark = _ENDS[kind]
    bad = [word for word in words if not word or mark.search(word)]
    if not bad:
        return words
    if not escape:
        more = f" and {len(bad) - _SHOWN_WORDS:,} more" if len(bad) > _SHOWN_WORDS else ""
        raise ModelFileError(
            f"{name}: {kind} cannot hold {', '.join(map(repr, bad[:_SHOWN_WORDS]))}{more}",
            hint="--escape writes white space as \\u0020; safetensors holds every word but an empty one",
        )
    escaped = [mark.sub(lambda match: f"\\u{ord(match[0]):04x}", word) or EMPTY for word in words]
    if len(set(escaped)) < len(escaped):
        twice = next(word for word in escaped if escaped.count(word) > 1)
        raise ModelFileError(
            f"{name}: two words would both be written as {twice}", hint="safetensors holds every word but an empty one"
        )
    return escaped


def _write_npy(file: IO[bytes], matrix: np.ndarray) -> None:
    """As `numpy.save`, whose errors do not say why a file cannot be written."""
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(matrix))
    file.write(matrix.data.cast("B"))
